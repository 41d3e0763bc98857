/* Sheets of edited pictures: rows of sentences, columns of methods. */
#define _POSIX_C_SOURCE 200809L /* access */
#include <stdio.h>
#include <unistd.h>

#include "autograd/ops.h"
#include "bench/edit/report.h"
#include "bench/edit/results.h"
#include "cli/pictures/image_file.h"
#include "engine/latents.h"
#include "cli/console/folders.h"
#include "cli/console/report.h"
#include "cli/pictures/sheet.h"

enum { PATH_CAP = 512, CELLS_MAX = 512, ROWS_MAX = 32, COLUMNS_MAX = 16 };

/* The cells of a sheet that is being filled. */
struct pictures {
    struct ce_run *run;
    const struct edit_plan *plan;
    struct ce_models models;
    ce_image cell[CELLS_MAX];
    const char *row[ROWS_MAX], *column[COLUMNS_MAX];
    int rows, columns;
};

/* The generator's portrait of a seed. */
static lt_status draw_source(struct pictures *p, long long seed, ce_image *out)
{
    lt_ctx *ctx = p->run->ctx;
    const int64_t one = seed;
    const lt_scope scope = lt_scope_open(ctx);
    lt_no_grad_begin(ctx);
    lt_tensor *w = ce_latents_from_seeds(&p->models, &one, 1, p->models.truncation);
    lt_tensor *x = w ? lt_stylegan2_synthesis(ctx, p->models.generator, w) : NULL;
    const lt_status status = x ? ce_image_from_tensor(ctx, x, 0, out) : lt_ctx_status(ctx);
    lt_no_grad_end(ctx);
    lt_scope_close(ctx, scope, NULL);
    return status;
}

/* The rendered counterfactual. */
static lt_status draw_answer(struct pictures *p, const struct edit_case *c, long long seed,
                             ce_image *out)
{
    lt_ctx *ctx = p->run->ctx;
    struct world_attr attr;
    edit_attributes_of_seed(seed, &attr);
    world_attr_set_color(&attr, c->target.part, c->target.color, NULL);
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *x = lt_zeros(ctx, 4, (int64_t[]){1, 3, EDIT_SIZE, EDIT_SIZE});
    if (x)
        world_render(&attr, EDIT_SIZE, lt_f32(x), NULL);
    const lt_status status = x ? ce_image_from_tensor(ctx, x, 0, out) : lt_ctx_status(ctx);
    lt_scope_close(ctx, scope, NULL);
    return status;
}

/* Reads the picture of an edit; the cell stays empty if that edit was not made yet. */
static lt_status read_edit(struct pictures *p, const char *setting, const struct edit_case *c,
                           long long seed, ce_image *out)
{
    char path[PATH_CAP];
    edit_picture_path(p->plan->folder, setting, c->text, seed, path, sizeof path);
    return access(path, F_OK) == 0 ? ce_image_read(p->run->ctx, path, out) : LT_OK;
}

static lt_status write_sheet(struct pictures *p, const char *folder, const char *name)
{
    char path[PATH_CAP];
    const ce_image *cells[CELLS_MAX];
    ce_image sheet = {0};
    for (int i = 0; i < p->rows * p->columns; i++)
        cells[i] = p->cell[i].rgb ? &p->cell[i] : NULL;
    const ce_sheet plan = {.columns = p->columns,
                           .rows = p->rows,
                           .cells = cells,
                           .column_labels = p->column,
                           .row_labels = p->row};
    lt_status status = ce_sheet_render(p->run->ctx, &plan, &sheet);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (status == LT_OK)
        status = ce_image_write(p->run->ctx, path, &sheet, NULL, 0);
    ce_image_free(&sheet);
    for (int i = 0; i < CELLS_MAX; i++)
        ce_image_free(&p->cell[i]);
    p->rows = p->columns = 0;
    return status;
}

/* A row for each sentence: before, the rendered answer, and the edit by every method. The sentences
 * take the kept portraits in turn. */
static lt_status methods_sheet(struct pictures *p, bool ordinary, const char *folder,
                               const char *name)
{
    const struct edit_setting *setting;
    const struct edit_case *c;
    lt_status status = LT_OK;
    p->column[p->columns++] = "before";
    p->column[p->columns++] = "answer";
    for (size_t k = 0; (setting = edit_setting_at(SUITE_METHODS, k)) && p->columns < COLUMNS_MAX;
         k++)
        p->column[p->columns++] = setting->name;
    for (size_t i = 0; (c = edit_case_at(i)) && status == LT_OK; i++) {
        if (c->ordinary != ordinary || (p->rows + 1) * p->columns > CELLS_MAX)
            continue;
        long long seeds[EDIT_PICTURES];
        edit_case_seeds(c, edit_suite_first_seed(SUITE_METHODS), EDIT_PICTURES, seeds);
        const long long seed = seeds[p->rows % EDIT_PICTURES];
        ce_image *cell = p->cell + p->rows * p->columns;
        p->row[p->rows++] = c->text;
        status = draw_source(p, seed, &cell[0]);
        if (status == LT_OK)
            status = draw_answer(p, c, seed, &cell[1]);
        for (int k = 2; k < p->columns && status == LT_OK; k++)
            status = read_edit(p, p->column[k], c, seed, &cell[k]);
    }
    return status == LT_OK ? write_sheet(p, folder, name) : status;
}

/* A row for each sentence: before, the rendered answer, and the default method's edit, for each
 * kept portrait. */
static lt_status default_sheet(struct pictures *p, const char *folder, const char *name)
{
    static const char *const head[] = {"before", "answer", "edited"};
    const struct edit_setting *setting = edit_setting_at(SUITE_METHODS, 0);
    const struct edit_case *c;
    lt_status status = LT_OK;
    p->columns = 3 * EDIT_PICTURES;
    for (int k = 0; k < p->columns; k++)
        p->column[k] = head[k % 3];
    for (size_t i = 0; (c = edit_case_at(i)) && status == LT_OK; i++) {
        long long seed[EDIT_PICTURES];
        edit_case_seeds(c, edit_suite_first_seed(SUITE_METHODS), EDIT_PICTURES, seed);
        ce_image *cell = p->cell + p->rows * p->columns;
        p->row[p->rows++] = c->text;
        for (int k = 0; k < EDIT_PICTURES && status == LT_OK; k++) {
            status = draw_source(p, seed[k], &cell[3 * k]);
            if (status == LT_OK)
                status = draw_answer(p, c, seed[k], &cell[3 * k + 1]);
            if (status == LT_OK)
                status = read_edit(p, setting->name, c, seed[k], &cell[3 * k + 2]);
        }
    }
    return status == LT_OK ? write_sheet(p, folder, name) : status;
}

lt_status edit_sheets_write(struct ce_run *run, const struct edit_plan *plan, const char *folder)
{
    const char *pictures = ce_path_in(run, plan->folder, "pictures");
    struct pictures *p = pictures ? ce_alloc(run, 1, sizeof *p) : NULL;
    if (!p)
        return lt_ctx_status(run->ctx);
    if (!ce_is_folder(pictures)) {
        ce_note(run, "there is no folder %s with pictures of edits, so the sheets stay as they are",
                pictures);
        return LT_OK;
    }
    p->run = run;
    p->plan = plan;
    lt_status status = ce_models_open(run->ctx, &run->paths, CE_NEED_GENERATOR, &p->models);
    if (status == LT_OK)
        status = methods_sheet(p, false, folder, "methods-counterfactual.png");
    if (status == LT_OK)
        status = methods_sheet(p, true, folder, "methods-ordinary.png");
    if (status == LT_OK)
        status = default_sheet(p, folder, "default.png");
    ce_models_close(&p->models);
    return status;
}
