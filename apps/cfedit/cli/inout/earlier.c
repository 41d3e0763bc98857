/* Reading the rows and the names of an earlier inversion. */
#define _POSIX_C_SOURCE 200809L /* access */
#include "cli/inout/earlier.h"

#include <string.h>
#include <unistd.h>

#include "cli/inout/sources.h"
#include "tensor/files/json_reader.h"
#include "tensor/files/safetensors.h"

/* Copies the names out of their JSON list; false where it is no list of `count` texts. */
static bool read_names(struct ce_run *run, const char *text, struct ce_earlier *earlier)
{
    lt_json *list = NULL;
    if (lt_json_parse(run->ctx, CE_ROW_NAMES, text, strlen(text), &list) != LT_OK)
        return false;
    bool good = lt_json_count(list) == earlier->count;
    earlier->names = ce_alloc(run, earlier->count, sizeof *earlier->names);
    for (size_t i = 0; i < earlier->count && good && earlier->names; i++) {
        const char *name = lt_json_string(lt_json_at(list, i), NULL);
        earlier->names[i] = name ? ce_text(run, "%s", name) : NULL;
        good = earlier->names[i] != NULL;
    }
    lt_json_free(list);
    return good && earlier->names;
}

lt_status ce_earlier_read(struct ce_run *run, const char *path, const char *mark,
                          struct ce_earlier *earlier)
{
    lt_safetensors *file = NULL;
    *earlier = (struct ce_earlier){0};
    if (access(path, F_OK) != 0)
        return LT_OK;
    lt_status status = lt_safetensors_open(run->ctx, path, &file);
    if (status != LT_OK)
        return status;
    const char *names = lt_safetensors_metadata(file, CE_ROW_NAMES);
    const char *made_by = lt_safetensors_metadata(file, CE_MADE_BY);
    const lt_safetensors_info *info = lt_safetensors_find(file, "latents");
    const bool own = names && made_by && strcmp(made_by, mark) == 0 && info && info->ndim == 3;
    if (own) {
        earlier->count = (size_t)info->shape[0];
        earlier->w = lt_safetensors_f32(run->ctx, file, "latents");
    }
    if (!own || (earlier->w && !read_names(run, names, earlier)))
        status = lt_fail(run->ctx, LT_ERR_IO,
                         "%s: another command line has written this file, so that --resume cannot "
                         "continue it; give the same options, or choose another name with -o",
                         path);
    lt_safetensors_close(file);
    return status == LT_OK ? lt_ctx_status(run->ctx) : status;
}

bool ce_earlier_has(const struct ce_earlier *earlier, const char *photo)
{
    for (size_t i = 0; i < earlier->count; i++)
        if (strcmp(earlier->names[i], photo) == 0)
            return true;
    return false;
}
