/* From the bytes of a picture to the input of MTCNN's networks. */
#include <string.h>

#include "nn/models/mtcnn_impl.h"
#include "tensor/sizes.h"
#include "tensor/team.h"
#include "tensor/tensor_impl.h"

/* Output row i is the mean over a window of input rows, then over windows of columns. Sums are
 * integers, so that they are exact. */
struct shrink {
    const struct lt_pixels *pixels;
    int64_t h, w;       /* of the whole result */
    int64_t begin, end; /* rows of the result */
    uint32_t *sums;     /* a row of sums over rows for each thread, (threads, 3 width) */
    float *out;         /* (3, end - begin, w) */
};

/* The window of input samples behind output i: [*low, *high). */
static void window(int64_t in, int64_t out, int64_t i, int64_t *low, int64_t *high)
{
    *low = i * in / out;
    *high = lt_ceil_quotient((i + 1) * in, out);
}

/* sums[0..n) = the rows' sum. No sum overflows: a picture has less than 2^24 rows. */
static void add_rows(const uint8_t *row, int64_t stride, int64_t rows, int64_t n, uint32_t *sums)
{
    memset(sums, 0, (size_t)n * sizeof *sums);
    for (int64_t r = 0; r < rows; r++, row += stride)
        for (int64_t i = 0; i < n; i++)
            sums[i] += row[i];
}

static void shrink_rows(void *arg, lt_range range)
{
    const struct shrink *j = arg;
    const struct lt_pixels *p = j->pixels;
    const int64_t n = 3 * p->width, plane = (j->end - j->begin) * j->w;
    uint32_t *sums = j->sums + range.worker * n;
    for (int64_t i = range.begin; i < range.end; i++) {
        int64_t top, bottom, left, right;
        window(p->height, j->h, j->begin + i, &top, &bottom);
        add_rows(p->rgb + top * p->stride, p->stride, bottom - top, n, sums);
        float *out = j->out + i * j->w;
        for (int64_t c = 0; c < j->w; c++) {
            window(p->width, j->w, c, &left, &right);
            uint64_t sum[3] = {0, 0, 0};
            for (int64_t x = left; x < right; x++)
                for (int k = 0; k < 3; k++)
                    sum[k] += sums[3 * x + k];
            const float count = (float)((bottom - top) * (right - left));
            for (int k = 0; k < 3; k++)
                out[k * plane + c] = ((float)sum[k] / count - 127.5f) * (1.0f / 128.0f);
        }
    }
}

lt_status lt_mtcnn_input(lt_ctx *ctx, const struct lt_pixels *pixels, int64_t h, int64_t w,
                         int64_t begin, int64_t end, float *out)
{
    struct shrink j = {.pixels = pixels, .h = h, .w = w, .begin = begin, .end = end, .out = out};
    const int threads = ctx->threads > 1 ? ctx->threads : 1;
    j.sums = lt_scratch(ctx, (size_t)(threads * 3 * pixels->width) * sizeof *j.sums);
    if (!j.sums)
        return lt_ctx_status(ctx);
    lt_for(ctx, threads, end - begin, shrink_rows, &j);
    lt_scratch_free(ctx, j.sums);
    return LT_OK;
}
