/* The pictures, the dump and the report of `cfedit edit`. */
#include "cli/inout/edit_output.h"

#include <stdio.h>
#include <string.h>

#include "autograd/ops.h"
#include "engine/latent/latent_space.h"
#include "cli/console/options.h"
#include "cli/pictures/sheet.h"

/* ---- pictures ---- */

static lt_status write_pair(struct ce_run *run, const struct ce_edit_output *o,
                            const struct ce_edited *e, const struct ce_edit_result *result,
                            const lt_tensor *inverted)
{
    lt_ctx *ctx = run->ctx;
    ce_image photo = {0}, before = {0}, after = {0}, pair = {0};
    const ce_image *const cells[3] = {&photo, &before, &after};
    const char *const labels[3] = {"photo", inverted ? "inverted" : "before", o->target};
    const int first = inverted ? 0 : 1;
    const ce_sheet sheet = {
        .columns = 3 - first, .rows = 1, .cells = cells + first, .column_labels = labels + first};
    char seed[32];
    snprintf(seed, sizeof seed, "%lld", (long long)e->seed);
    ce_image_text texts[4] = {ce_image_origin(), {"Target", o->target}};
    size_t count = 2;
    if (e->seed >= 0)
        texts[count++] = (ce_image_text){"Seed", seed};
    if (o->folder)
        texts[count++] = (ce_image_text){CE_MADE_BY, e->mark};
    lt_status status = inverted ? ce_image_from_tensor(ctx, inverted, 0, &photo) : LT_OK;
    if (status == LT_OK)
        status = ce_image_from_tensor(ctx, result->x, 0, &before);
    if (status == LT_OK)
        status = ce_image_from_tensor(ctx, result->x_hat, 0, &after);
    if (status == LT_OK)
        status = ce_sheet_render(ctx, &sheet, &pair);
    if (status == LT_OK)
        status = ce_image_write(ctx, e->path, &pair, texts, count);
    ce_image_free(&photo);
    ce_image_free(&before);
    ce_image_free(&after);
    ce_image_free(&pair);
    return status;
}

static lt_status write_alone(struct ce_run *run, const struct ce_edit_output *o,
                             const struct ce_edited *e, const struct ce_edit_result *result)
{
    ce_image alone = {0};
    const ce_image_text texts[] = {ce_image_origin(), {"Target", o->target}, {CE_MADE_BY, e->mark}};
    lt_status status = ce_image_from_tensor(run->ctx, result->x_hat, 0, &alone);
    if (status == LT_OK)
        status = ce_image_write(run->ctx, e->alone, &alone, texts, CE_COUNT(texts));
    ce_image_free(&alone);
    return status;
}

void ce_edit_place(struct ce_edit_output *o, const char *path, size_t count)
{
    o->place = path ? path : count > 1 ? "edit/" : "edit.png";
    o->folder = ce_is_picture_folder(o->place);
    o->replace = path ? CE_REPLACE_NOTHING : CE_REPLACE_OWN;
}

lt_status ce_edit_name_picture(struct ce_run *run, const struct ce_edit_output *o, const char *name,
                               struct ce_edited *e)
{
    const char *stem = o->folder ? ce_path_in(run, o->place, name) : o->place;
    e->path = o->folder && stem ? ce_text(run, "%s.png", stem) : stem;
    e->alone = o->folder && stem ? ce_text(run, "%s-edited.png", stem) : NULL;
    return e->path && (!o->folder || e->alone) ? LT_OK : lt_ctx_status(run->ctx);
}

bool ce_edit_is_made(const struct ce_run *run, const struct ce_edited *e)
{
    return e->alone && ce_picture_is_made(run, e->path, e->mark) &&
           ce_picture_is_made(run, e->alone, e->mark);
}

lt_status ce_edit_allow_picture(struct ce_run *run, const struct ce_edit_output *o,
                                const struct ce_edited *e)
{
    lt_status status = ce_picture_allow(run, e->path, e->mark, o->replace);
    if (status == LT_OK && e->alone)
        status = ce_picture_allow(run, e->alone, e->mark, o->replace);
    return status;
}

lt_status ce_edit_prepare(struct ce_run *run, const struct ce_edit_output *o, const char *first)
{
    const lt_status status = o->folder ? ce_folder_make(run->ctx, o->place) : LT_OK;
    return status == LT_OK ? ce_output_check(run, "-o", first, CE_REPLACE_CONTINUED) : status;
}

lt_status ce_edit_write_picture(struct ce_run *run, const struct ce_edit_output *o,
                                const struct ce_edited *e, const struct ce_edit_result *result,
                                const lt_tensor *photo)
{
    const lt_status status = write_pair(run, o, e, result, photo);
    return status == LT_OK && e->alone ? write_alone(run, o, e, result) : status;
}

/* ---- tensors ---- */

/* Joins one member of all results along the first axis: which = 0 takes x_hat, 1 x, 2 latents, 3
 * the first style, 4 the second, ... NULL on failure. */
static lt_tensor *join(struct ce_run *run, const struct ce_edit_result *results, size_t count,
                       int which)
{
    lt_tensor **part = ce_alloc(run, count, sizeof *part);
    for (size_t i = 0; part && i < count; i++) {
        const struct ce_edit_result *r = &results[i];
        part[i] = which == 0   ? r->x_hat
                  : which == 1 ? r->x
                  : which == 2 ? r->latents
                               : r->styles[which - 3];
    }
    return part ? lt_concat(run->ctx, (int)count, part, 0) : NULL;
}

lt_status ce_edit_write_dump(struct ce_run *run, const struct ce_edit_result *results, size_t count)
{
    enum { FIXED = 3 };
    const char *names[FIXED + CE_SPACE_STYLES] = {"image", "source", "latents"};
    lt_tensor *joined[FIXED + CE_SPACE_STYLES] = {NULL};
    if (!run->dump || count == 0)
        return LT_OK;
    const int n = FIXED + results[0].style_count;
    const lt_scope scope = lt_scope_open(run->ctx);
    for (int i = 0; i < n; i++) {
        joined[i] = join(run, results, count, i);
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

static void print_line(const struct ce_edited *e, const struct ce_edit_result *r)
{
    printf("%s: ", e->path);
    if (e->seed >= 0)
        printf("seed %lld, ", (long long)e->seed);
    if (e->photo)
        printf("%s, ", e->photo);
    printf("match with the text %.3f -> %.3f, %.1f s\n", e->before, e->after, r->seconds);
}

void ce_edit_tell_begin(const struct ce_run *run, struct ce_edit_output *o)
{
    if (!run->json)
        return;
    lt_json_writer *j = lt_json_writer_create();
    lt_json_begin_object(j);
    lt_json_put_key(j, "target");
    lt_json_put_string(j, o->target);
    lt_json_put_key(j, "method");
    lt_json_put_string(j, o->method);
    lt_json_put_key(j, "source");
    lt_json_put_string(j, o->source);
    lt_json_end_object(j);
    o->json = (struct ce_json_list){.head = j, .key = "pictures"};
}

lt_status ce_edit_tell(struct ce_run *run, struct ce_edit_output *o, const struct ce_edited *e,
                       const struct ce_edit_result *result)
{
    if (!run->json) {
        print_line(e, result);
        fflush(stdout);
        return LT_OK;
    }
    lt_json_writer *j = lt_json_writer_create();
    put_picture(j, e, result);
    return ce_json_list_put(run, &o->json, j);
}

lt_status ce_edit_tell_end(struct ce_run *run, struct ce_edit_output *o, bool failed)
{
    return run->json && (!failed || o->json.begun) ? ce_json_list_end(run, &o->json, NULL) : LT_OK;
}
