#include "weights/measuring.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/ops.h"
#include "cli/pictures/image_file.h"
#include "cli/pictures/sheet.h"

/* ---- options ---- */

int measuring_parse(const char *program, const char *usage, struct measuring_options *o, int argc,
                    char **argv)
{
    for (int i = 1; i < argc; i += 2) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--help") == 0) {
            fputs(usage, stdout);
            return -1;
        }
        if (value && strcmp(argv[i], "--generator") == 0) {
            o->paths.generator = value;
        } else if (value && strcmp(argv[i], "--clip") == 0) {
            o->paths.clip = value;
        } else if (value && strcmp(argv[i], "--sheet") == 0) {
            o->sheet = value;
        } else if (value && strcmp(argv[i], "--count") == 0) {
            o->count = strtoll(value, NULL, 10);
        } else if (value && o->size && strcmp(argv[i], "--size") == 0) {
            o->size = atoi(value);
        } else {
            fprintf(stderr, "%s: '%s' is not an option, or its value is missing\n%s", program,
                    argv[i], usage);
            return 2;
        }
    }
    if (o->count < 1) {
        fprintf(stderr, "%s: --count must be at least 1\n", program);
        return 2;
    }
    if (!o->paths.generator && !o->paths.clip) {
        fprintf(stderr, "%s: name a network with --generator or --clip\n", program);
        return 2;
    }
    return 0;
}

/* ---- figures ---- */

double measuring_psnr(const float *image, const float *truth, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        const double d = 0.5 * ((double)image[i] - (double)truth[i]);
        sum += d * d;
    }
    return -10.0 * log10(sum / (double)n);
}

int measuring_argmax(const float *x, int64_t n, int64_t stride)
{
    int best = 0;
    for (int64_t i = 1; i < n; i++)
        best = x[i * stride] > x[best * stride] ? (int)i : best;
    return best;
}

lt_tensor *measuring_embed_text(const struct ce_models *m, const char *text)
{
    return lt_l2_normalize(m->ctx, ce_models_embed_texts(m, &text, 1), 1e-12f);
}

lt_tensor *measuring_embed_image(const struct ce_models *m, lt_tensor *image)
{
    return image ? lt_l2_normalize(m->ctx, ce_models_embed_images(m, image, false), 1e-12f) : NULL;
}

void measuring_retrieve(lt_ctx *ctx, lt_tensor *const *texts, lt_tensor *const *images, int n,
                        int64_t *by_text, int64_t *by_image)
{
    lt_tensor *t = lt_concat(ctx, n, (lt_tensor **)texts, 0);
    lt_tensor *v = lt_concat(ctx, n, (lt_tensor **)images, 0);
    const lt_tensor *similarity = lt_matmul(ctx, t, v, false, true);
    *by_text = *by_image = 0;
    for (int i = 0; similarity && i < n; i++) {
        *by_text += measuring_argmax(lt_f32(similarity) + i * n, n, 1) == i;
        *by_image += measuring_argmax(lt_f32(similarity) + i, n, n) == i;
    }
}

/* ---- the sheet ---- */

lt_status measuring_sheet(const struct ce_models *m, int size, measuring_draw *draw,
                          const char *path)
{
    enum { COLUMNS = 8, ROWS = 6, FIRST = 1000 };
    lt_ctx *ctx = m->ctx;
    ce_image cells[ROWS * COLUMNS];
    memset(cells, 0, sizeof cells);
    const lt_scope scope = lt_scope_open(ctx);
    lt_status status = LT_OK;
    for (int i = 0; i < ROWS / 2 * COLUMNS && status == LT_OK; i++) {
        lt_tensor *truth = lt_zeros(ctx, 4, (int64_t[]){1, 3, size, size});
        lt_tensor *drawn = truth ? draw(m, size, FIRST + i, i >= 2 * COLUMNS, lt_f32(truth)) : NULL;
        if (!drawn) {
            status = lt_ctx_status(ctx);
            break;
        }
        const int at = i / COLUMNS * 2 * COLUMNS + i % COLUMNS;
        status = ce_image_from_tensor(ctx, truth, 0, &cells[at]);
        if (status == LT_OK)
            status = ce_image_from_tensor(ctx, drawn, 0, &cells[at + COLUMNS]);
    }
    lt_scope_close(ctx, scope, NULL);
    const char *const rows[ROWS] = {"truth", "drawn",        "truth",
                                    "drawn", "truth, mixed", "drawn, mixed"};
    const ce_image *cell[ROWS * COLUMNS];
    for (int i = 0; i < ROWS * COLUMNS; i++)
        cell[i] = &cells[i];
    const ce_sheet grid = {.columns = COLUMNS, .rows = ROWS, .cells = cell, .row_labels = rows};
    ce_image sheet = {0};
    if (status == LT_OK)
        status = ce_sheet_render(ctx, &grid, &sheet);
    if (status == LT_OK)
        status = ce_image_write(ctx, path, &sheet, NULL, 0);
    ce_image_free(&sheet);
    for (int i = 0; i < ROWS * COLUMNS; i++)
        ce_image_free(&cells[i]);
    return status;
}
