/* The pictures, the dump and the report of `cfedit edit`. */
#include "cli/inout/edit_output.h"

#include <stdio.h>
#include <string.h>

#include "autograd/ops.h"
#include "engine/latent/latent_space.h"
#include "cli/console/options.h"
#include "cli/inout/output.h"
#include "cli/console/report.h"
#include "cli/pictures/sheet.h"

/* ---- pictures ---- */

static lt_status write_pair(struct ce_run *run, const struct ce_edit_output *o, size_t i)
{
    lt_ctx *ctx = run->ctx;
    const struct ce_edited *e = &o->all[i];
    ce_image photo = {0}, before = {0}, after = {0}, pair = {0};
    const ce_image *const cells[3] = {&photo, &before, &after};
    const char *const labels[3] = {"photo", o->photos ? "inverted" : "before", o->target};
    const int first = o->photos ? 0 : 1;
    const ce_sheet sheet = {
        .columns = 3 - first, .rows = 1, .cells = cells + first, .column_labels = labels + first};
    char seed[32];
    snprintf(seed, sizeof seed, "%lld", (long long)e->seed);
    const ce_image_text texts[] = {ce_image_origin(), {"Target", o->target}, {"Seed", seed}};
    lt_status status = o->photos ? ce_image_from_tensor(ctx, o->photos, (int64_t)i, &photo) : LT_OK;
    if (status == LT_OK)
        status = ce_image_from_tensor(ctx, o->results[i].x, 0, &before);
    if (status == LT_OK)
        status = ce_image_from_tensor(ctx, o->results[i].x_hat, 0, &after);
    if (status == LT_OK)
        status = ce_sheet_render(ctx, &sheet, &pair);
    if (status == LT_OK)
        status = ce_image_write(ctx, e->path, &pair, texts, e->seed >= 0 ? 3 : 2);
    ce_image_free(&photo);
    ce_image_free(&before);
    ce_image_free(&after);
    ce_image_free(&pair);
    return status;
}

static lt_status write_alone(struct ce_run *run, const struct ce_edit_output *o, size_t i)
{
    ce_image alone = {0};
    const ce_image_text texts[] = {ce_image_origin(), {"Target", o->target}};
    lt_status status = ce_image_from_tensor(run->ctx, o->results[i].x_hat, 0, &alone);
    if (status == LT_OK)
        status = ce_image_write(run->ctx, o->all[i].alone, &alone, texts, CE_COUNT(texts));
    ce_image_free(&alone);
    return status;
}

static const char *place_of(const char *output, size_t count)
{
    return output ? output : count > 1 ? "edit/" : "edit.png";
}

lt_status ce_edit_name_pictures(struct ce_run *run, const char *output, struct ce_edited *all,
                                size_t count)
{
    const char *place = place_of(output, count);
    const bool folder = ce_is_picture_folder(place);
    const enum ce_replace replace = output ? CE_REPLACE_NOTHING : CE_REPLACE_OWN;
    lt_status status = LT_OK;
    for (size_t i = 0; i < count && status == LT_OK; i++) {
        struct ce_edited *e = &all[i];
        const bool seeded = e->seed >= 0;
        const char *name = ce_text(run, "%s%04lld", seeded ? "seed" : "",
                                   (long long)(seeded ? e->seed : (int64_t)i));
        const char *stem = folder ? ce_path_in(run, place, name) : place;
        e->path = folder && stem ? ce_text(run, "%s.png", stem) : stem;
        e->alone = folder && stem ? ce_text(run, "%s-edited.png", stem) : NULL;
        if (!e->path || (folder && !e->alone))
            return lt_ctx_status(run->ctx);
        status = ce_output_allow(run, "-o", e->path, replace);
        if (status == LT_OK && folder)
            status = ce_output_allow(run, "-o", e->alone, replace);
    }
    return status;
}

lt_status ce_edit_prepare_pictures(struct ce_run *run, const char *output,
                                   const struct ce_edited *all, size_t count)
{
    const lt_status status =
        all[0].alone ? ce_folder_make(run->ctx, place_of(output, count)) : LT_OK;
    /* ce_edit_name_pictures() has found that the file may be replaced. */
    return status == LT_OK ? ce_output_check(run, "-o", all[0].path, CE_REPLACE_CONTINUED) : status;
}

lt_status ce_edit_write_pictures(struct ce_run *run, const struct ce_edit_output *o)
{
    lt_status status = LT_OK;
    for (size_t i = 0; i < o->count && status == LT_OK; i++) {
        status = write_pair(run, o, i);
        if (status == LT_OK && o->all[i].alone)
            status = write_alone(run, o, i);
    }
    return status;
}

/* ---- tensors ---- */

/* Joins one member of all results along the first axis: which = 0 takes x_hat, 1 x, 2 latents, 3
 * the first style, 4 the second, ... NULL on failure. */
static lt_tensor *join(struct ce_run *run, const struct ce_edit_output *o, int which)
{
    lt_tensor **part = ce_alloc(run, o->count, sizeof *part);
    for (size_t i = 0; part && i < o->count; i++) {
        const struct ce_edit_result *r = &o->results[i];
        part[i] = which == 0   ? r->x_hat
                  : which == 1 ? r->x
                  : which == 2 ? r->latents
                               : r->styles[which - 3];
    }
    return part ? lt_concat(run->ctx, (int)o->count, part, 0) : NULL;
}

lt_status ce_edit_write_dump(struct ce_run *run, const struct ce_edit_output *o)
{
    enum { FIXED = 3 };
    const char *names[FIXED + CE_SPACE_STYLES] = {"image", "source", "latents"};
    lt_tensor *joined[FIXED + CE_SPACE_STYLES] = {NULL};
    const int n = FIXED + o->results[0].style_count;
    if (!run->dump)
        return LT_OK;
    const lt_scope scope = lt_scope_open(run->ctx);
    for (int i = 0; i < n; i++) {
        joined[i] = join(run, o, i);
        if (i >= FIXED)
            names[i] = ce_text(run, "style.%d", i - FIXED);
    }
    lt_status status = lt_ctx_status(run->ctx);
    if (status == LT_OK)
        status = ce_dump(run, (size_t)n, names, joined);
    lt_scope_close(run->ctx, scope, NULL);
    return status;
}

/* ---- stdout ---- */

static void put_picture(lt_json_writer *j, const struct ce_edited *e,
                        const struct ce_edit_result *r)
{
    lt_json_begin_object(j);
    lt_json_put_key(j, "file");
    lt_json_put_string(j, e->path);
    if (e->seed >= 0) {
        lt_json_put_key(j, "seed");
        lt_json_put_int(j, e->seed);
    }
    if (e->photo) {
        lt_json_put_key(j, "photo");
        lt_json_put_string(j, e->photo);
    }
    const struct {
        const char *key;
        double value;
    } numbers[] = {{"cosine_before", e->before},
                   {"cosine_after", e->after},
                   {"loss_first", (double)r->first.loss},
                   {"loss_last", (double)r->last.loss},
                   {"seconds", r->seconds}};
    for (size_t k = 0; k < CE_COUNT(numbers); k++) {
        lt_json_put_key(j, numbers[k].key);
        lt_json_put_double(j, numbers[k].value);
    }
    lt_json_end_object(j);
}

int ce_edit_tell(const struct ce_run *run, const struct ce_edit_output *o)
{
    if (!run->json) {
        for (size_t i = 0; i < o->count; i++) {
            const struct ce_edited *e = &o->all[i];
            printf("%s: ", e->path);
            if (e->seed >= 0)
                printf("seed %lld, ", (long long)e->seed);
            if (e->photo)
                printf("%s, ", e->photo);
            printf("match with the text %.3f -> %.3f, %.1f s\n", e->before, e->after,
                   o->results[i].seconds);
        }
        return CE_OK;
    }
    lt_json_writer *j = lt_json_writer_create();
    lt_json_begin_object(j);
    lt_json_put_key(j, "target");
    lt_json_put_string(j, o->target);
    lt_json_put_key(j, "method");
    lt_json_put_string(j, o->method);
    lt_json_put_key(j, "source");
    lt_json_put_string(j, o->source);
    lt_json_put_key(j, "pictures");
    lt_json_begin_array(j);
    for (size_t i = 0; i < o->count; i++)
        put_picture(j, &o->all[i], &o->results[i]);
    lt_json_end_array(j);
    lt_json_end_object(j);
    return ce_print_json(run, j);
}
