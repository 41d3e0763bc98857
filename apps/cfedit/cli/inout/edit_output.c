/* The pictures, the dump and the report of `cfedit edit`. */
#include "cli/inout/edit_output.h"

#include <stdio.h>
#include <string.h>

#include "autograd/ops.h"
#include "engine/latent/latent_space.h"
#include "cli/console/options.h"
#include "cli/inout/recipe.h"
#include "cli/pictures/sheet.h"

/* ---- pictures ---- */

enum { CELLS_MAX = 2 + CE_STRENGTHS_MAX };

/* The pictures that stand side by side. */
struct strip {
    int count;
    ce_image image[CELLS_MAX];
    const char *label[CELLS_MAX];
};

static lt_status add_cell(struct ce_run *run, struct strip *strip, const char *label,
                          const lt_tensor *picture)
{
    if (!label)
        return lt_ctx_status(run->ctx);
    strip->label[strip->count] = label;
    return ce_image_from_tensor(run->ctx, picture, 0, &strip->image[strip->count++]);
}

/* Fills the strip: the photo, what was made of it, and the edited pictures. */
static lt_status fill_strip(struct ce_run *run, const struct ce_edit_output *o,
                            const struct ce_edit_result *results, const lt_tensor *photo,
                            struct strip *strip)
{
    const struct ce_strengths *strengths = &o->targets->whole;
    lt_status status = photo ? add_cell(run, strip, "photo", photo) : LT_OK;
    if (status == LT_OK)
        status = add_cell(run, strip, photo ? "inverted" : "before", results[0].x);
    for (int i = 0; i < strengths->count && status == LT_OK; i++)
        status = add_cell(run, strip,
                          strengths->count == 1 ? o->title
                                                : ce_text(run, "strength %g", strengths->value[i]),
                          results[i].x_hat);
    return status;
}

static lt_status write_strip(struct ce_run *run, const struct ce_edit_output *o,
                             const struct ce_edited *e, const struct ce_edit_result *results,
                             const lt_tensor *photo)
{
    struct strip strip = {0};
    const ce_image *cells[CELLS_MAX];
    ce_image whole = {0};
    struct ce_recipe recipe;
    lt_status status = ce_recipe_make(run, o, e, &results[0], -1, &recipe);
    if (status == LT_OK)
        status = fill_strip(run, o, results, photo, &strip);
    for (int i = 0; i < strip.count; i++)
        cells[i] = &strip.image[i];
    const ce_sheet sheet = {.columns = strip.count,
                            .rows = 1,
                            .cells = cells,
                            .title = o->targets->whole.count > 1 ? o->title : NULL,
                            .column_labels = strip.label};
    if (status == LT_OK)
        status = ce_sheet_render(run->ctx, &sheet, &whole);
    if (status == LT_OK)
        status = ce_image_write(run->ctx, e->path, &whole, recipe.text, recipe.count);
    for (int i = 0; i < strip.count; i++)
        ce_image_free(&strip.image[i]);
    ce_image_free(&whole);
    return status;
}

/* Writes the edited picture at strength number `i`. */
static lt_status write_alone(struct ce_run *run, const struct ce_edit_output *o,
                             const struct ce_edited *e, int i, const struct ce_edit_result *result)
{
    struct ce_recipe recipe;
    ce_image alone = {0};
    lt_status status = ce_recipe_make(run, o, e, result, i, &recipe);
    if (status == LT_OK)
        status = ce_image_from_tensor(run->ctx, result->x_hat, 0, &alone);
    if (status == LT_OK)
        status = ce_image_write(run->ctx, e->alone[i], &alone, recipe.text, recipe.count);
    ce_image_free(&alone);
    return status;
}

lt_status ce_edit_place(struct ce_run *run, struct ce_edit_output *o, const char *path,
                        size_t count)
{
    const struct ce_strengths *strengths = &o->targets->whole;
    o->place = path ? path : count > 1 ? "edit/" : "edit.png";
    o->folder = ce_is_picture_folder(o->place);
    o->replace = path ? CE_REPLACE_NOTHING : CE_REPLACE_OWN;
    /* ce_list_append() would tell a failure, which the caller tells, too. */
    const char **endings = ce_alloc(run, (size_t)strengths->count, sizeof *endings);
    for (int i = 0; endings && i < strengths->count; i++)
        endings[i] =
            strengths->count == 1 ? "-edited" : ce_text(run, "-strength%g", strengths->value[i]);
    o->endings =
        (struct ce_list){.items = endings, .count = endings ? (size_t)strengths->count : 0};
    return lt_ctx_status(run->ctx);
}

lt_status ce_edit_name_picture(struct ce_run *run, const struct ce_edit_output *o, const char *name,
                               struct ce_edited *e)
{
    const char *stem = o->folder ? ce_path_in(run, o->place, name) : o->place;
    e->path = o->folder && stem ? ce_text(run, "%s.png", stem) : stem;
    for (size_t i = 0; o->folder && stem && i < o->endings.count; i++)
        e->alone[i] = ce_text(run, "%s%s.png", stem, o->endings.items[i]);
    return lt_ctx_status(run->ctx);
}

bool ce_edit_is_made(const struct ce_run *run, const struct ce_edited *e)
{
    bool made = e->alone[0] && ce_picture_is_made(run, e->path, e->mark);
    for (int i = 0; i < CE_STRENGTHS_MAX && made && e->alone[i]; i++)
        made = ce_picture_is_made(run, e->alone[i], e->mark);
    return made;
}

lt_status ce_edit_allow_picture(struct ce_run *run, const struct ce_edit_output *o,
                                const struct ce_edited *e)
{
    lt_status status = ce_picture_allow(run, e->path, e->mark, o->replace);
    for (int i = 0; i < CE_STRENGTHS_MAX && status == LT_OK && e->alone[i]; i++)
        status = ce_picture_allow(run, e->alone[i], e->mark, o->replace);
    return status;
}

lt_status ce_edit_prepare(struct ce_run *run, const struct ce_edit_output *o, const char *first)
{
    const lt_status status = o->folder ? ce_folder_make(run->ctx, o->place) : LT_OK;
    return status == LT_OK ? ce_output_check(run, "-o", first, CE_REPLACE_CONTINUED) : status;
}

lt_status ce_edit_write_picture(struct ce_run *run, const struct ce_edit_output *o,
                                const struct ce_edited *e, const struct ce_edit_result *results,
                                const lt_tensor *photo)
{
    lt_status status = write_strip(run, o, e, results, photo);
    for (int i = 0; i < o->targets->whole.count && status == LT_OK && e->alone[i]; i++)
        status = write_alone(run, o, e, i, &results[i]);
    return status;
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

static void put_number(lt_json_writer *j, const char *key, double value)
{
    lt_json_put_key(j, key);
    lt_json_put_double(j, value);
}

static void put_text(lt_json_writer *j, const char *key, const char *text)
{
    lt_json_put_key(j, key);
    lt_json_put_string(j, text);
}

/* The edited pictures at all strengths. */
static void put_strengths(lt_json_writer *j, const struct ce_strengths *strengths,
                          const struct ce_edited *e)
{
    lt_json_put_key(j, "strengths");
    lt_json_begin_array(j);
    for (int i = 0; i < strengths->count; i++) {
        lt_json_begin_object(j);
        put_number(j, "strength", strengths->value[i]);
        put_text(j, "file", e->alone[i]);
        put_number(j, "cosine_after", e->after[i]);
        lt_json_end_object(j);
    }
    lt_json_end_array(j);
}

static void put_picture(lt_json_writer *j, const struct ce_strengths *strengths,
                        const struct ce_edited *e, const struct ce_edit_result *r)
{
    lt_json_begin_object(j);
    put_text(j, "file", e->path);
    if (e->seed >= 0) {
        lt_json_put_key(j, "seed");
        lt_json_put_int(j, e->seed);
    }
    if (e->photo)
        put_text(j, "photo", e->photo);
    put_number(j, "cosine_before", e->before);
    if (strengths->count == 1)
        put_number(j, "cosine_after", e->after[0]);
    else
        put_strengths(j, strengths, e);
    put_number(j, "loss_first", (double)r->first.loss);
    put_number(j, "loss_last", (double)r->last.loss);
    put_number(j, "seconds", r->seconds);
    lt_json_end_object(j);
}

/* Prints the line of the picture at strength number `i`. */
static void print_line(const struct ce_strengths *strengths, const struct ce_edited *e, int i,
                       const struct ce_edit_result *r)
{
    const bool several = strengths->count > 1;
    printf("%s: ", several && e->alone[i] ? e->alone[i] : e->path);
    if (e->seed >= 0)
        printf("seed %lld, ", (long long)e->seed);
    if (e->photo)
        printf("%s, ", e->photo);
    if (several)
        printf("strength %g, ", strengths->value[i]);
    printf("match with the text %.3f -> %.3f, %.1f s\n", e->before, e->after[i], r->seconds);
}

/* The sentences, where there are several. */
static void put_targets(lt_json_writer *j, const struct ce_targets *targets)
{
    lt_json_put_key(j, "targets");
    lt_json_begin_array(j);
    for (int i = 0; i < targets->count; i++) {
        lt_json_begin_object(j);
        put_text(j, "text", targets->all[i].text);
        put_number(j, "strength", targets->all[i].own.value[0]);
        lt_json_end_object(j);
    }
    lt_json_end_array(j);
}

void ce_edit_tell_begin(const struct ce_run *run, struct ce_edit_output *o)
{
    if (!run->json)
        return;
    lt_json_writer *j = lt_json_writer_create();
    lt_json_begin_object(j);
    put_text(j, "target", o->title);
    if (o->targets->count > 1)
        put_targets(j, o->targets);
    put_text(j, "method", o->method);
    put_text(j, "source", o->source);
    lt_json_end_object(j);
    o->json = (struct ce_json_list){.head = j, .key = "pictures"};
}

lt_status ce_edit_tell(struct ce_run *run, struct ce_edit_output *o, const struct ce_edited *e,
                       const struct ce_edit_result *results)
{
    const struct ce_strengths *strengths = &o->targets->whole;
    if (!run->json) {
        for (int i = 0; i < strengths->count; i++)
            print_line(strengths, e, i, &results[i]);
        fflush(stdout);
        return LT_OK;
    }
    lt_json_writer *j = lt_json_writer_create();
    put_picture(j, strengths, e, results);
    return ce_json_list_put(run, &o->json, j);
}

lt_status ce_edit_tell_end(struct ce_run *run, struct ce_edit_output *o, bool failed)
{
    return run->json && (!failed || o->json.begun) ? ce_json_list_end(run, &o->json, NULL) : LT_OK;
}
