#include "engine/align/surround.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Proportions of FFHQ's recipe, as parts of the square's side. */
#define LEAST_PADDING   0.3
#define BLUR            0.02 /* standard deviation of the Gaussian */
#define SAFE            4.0  /* pixels between the bounds and the edges that need no padding */

#define CELLS_PER_SIGMA 3.0 /* the blurred picture is computed with so many values */
#define SIGMAS          4.0 /* where the Gaussian ends */

/* Index i of a row of n pixels that is mirrored at its first and last pixel, again and again:
 * ... 2 1 0 1 2 ... n-2 n-1 n-2 ... */
static int64_t mirrored(int64_t i, int64_t n)
{
    if (i >= 0 && i < n)
        return i;
    if (n == 1)
        return 0;
    const int64_t period = 2 * (n - 1);
    int64_t at = i % period;
    if (at < 0)
        at += period;
    return at < n ? at : period - at;
}

static const uint8_t *pixel(const struct ce_region *r, int64_t x, int64_t y)
{
    return r->rgb + mirrored(y, r->height) * r->stride + 3 * mirrored(x, r->width);
}

/* ---- the blurred copy ---- */

/* Fills `blurred` with means over cells of step x step pixels of the mirrored picture. */
static void average_cells(struct ce_surround *s)
{
    const int64_t step = (int64_t)s->cell, left = -(int64_t)s->pad[0], top = -(int64_t)s->pad[1];
    const float scale = 1.0f / (float)(step * step);
    for (int64_t i = 0; i < s->rows; i++)
        for (int64_t j = 0; j < s->columns; j++) {
            uint64_t sum[3] = {0, 0, 0};
            for (int64_t y = top + i * step; y < top + (i + 1) * step; y++)
                for (int64_t x = left + j * step; x < left + (j + 1) * step; x++) {
                    const uint8_t *p = pixel(&s->region, x, y);
                    for (int k = 0; k < 3; k++)
                        sum[k] += p[k];
                }
            for (int k = 0; k < 3; k++)
                s->blurred[3 * (i * s->columns + j) + k] = (float)sum[k] * scale;
        }
}

/* Convolves a line of `count` colours, `stride` floats apart, with weights[0..radius], which are
 * symmetric. The line is continued by its mirror image, the outermost colour twice. `line` has room
 * for 3 (count + 2 radius) floats. */
static void blur_line(float *at, int64_t count, int64_t stride, const float *weights,
                      int64_t radius, float *line)
{
    for (int64_t i = -radius; i < count + radius; i++) {
        int64_t from = i % (2 * count);
        from = from < 0 ? from + 2 * count : from;
        from = from < count ? from : 2 * count - 1 - from;
        memcpy(line + 3 * (i + radius), at + from * stride, 3 * sizeof *line);
    }
    for (int64_t i = 0; i < count; i++)
        for (int k = 0; k < 3; k++) {
            const float *middle = line + 3 * (i + radius) + k;
            float sum = weights[0] * *middle;
            for (int64_t j = 1; j <= radius; j++)
                sum += weights[j] * (middle[-3 * j] + middle[3 * j]);
            at[i * stride + k] = sum;
        }
}

/* Blurs along rows, then along columns, with a Gaussian of `sigma` cells. */
static lt_status blur(lt_ctx *ctx, struct ce_surround *s, double sigma)
{
    const int64_t radius = (int64_t)(SIGMAS * sigma + 0.5);
    const int64_t longest = s->rows > s->columns ? s->rows : s->columns;
    float *weights = malloc((size_t)(radius + 1) * sizeof *weights);
    float *line = malloc((size_t)(3 * (longest + 2 * radius)) * sizeof *line);
    if (weights && line) {
        double sum = 0;
        for (int64_t j = -radius; j <= radius; j++)
            sum += exp(-0.5 * (double)(j * j) / (sigma * sigma));
        for (int64_t j = 0; j <= radius; j++)
            weights[j] = (float)(exp(-0.5 * (double)(j * j) / (sigma * sigma)) / sum);
        for (int64_t i = 0; i < s->rows; i++)
            blur_line(s->blurred + 3 * i * s->columns, s->columns, 3, weights, radius, line);
        for (int64_t j = 0; j < s->columns; j++)
            blur_line(s->blurred + 3 * j, s->rows, 3 * (int64_t)s->columns, weights, radius, line);
    } else {
        lt_fail(ctx, LT_ERR_MEMORY, "out of memory for the border of a photo");
    }
    free(weights);
    free(line);
    return lt_ctx_status(ctx);
}

static int by_value(const void *a, const void *b)
{
    const float p = *(const float *)a, q = *(const float *)b;
    return p < q ? -1 : p > q;
}

/* The median of each channel of the blurred picture. */
static lt_status find_median(lt_ctx *ctx, struct ce_surround *s)
{
    const size_t count = (size_t)s->rows * (size_t)s->columns;
    float *value = malloc(count * sizeof *value);
    if (!value)
        return lt_fail(ctx, LT_ERR_MEMORY, "out of memory for the border of a photo");
    for (int k = 0; k < 3; k++) {
        for (size_t i = 0; i < count; i++)
            value[i] = s->blurred[3 * i + (size_t)k];
        qsort(value, count, sizeof *value, by_value);
        s->median[k] = value[count / 2];
    }
    free(value);
    return LT_OK;
}

lt_status ce_surround_open(lt_ctx *ctx, const struct ce_region *region,
                           const struct ce_bounds *bounds, double side, double border,
                           struct ce_surround *s)
{
    *s = (struct ce_surround){.region = *region};
    const double size[2] = {region->width, region->height};
    double most = 0;
    for (int k = 0; k < 2; k++) {
        s->pad[k] = fmax(ceil(-floor(bounds->low[k]) + border), 0);
        s->pad[k + 2] = fmax(ceil(ceil(bounds->high[k]) - size[k] + border), 0);
        most = fmax(most, fmax(s->pad[k], s->pad[k + 2]));
    }
    s->padded = most > border - SAFE;
    if (!s->padded)
        return LT_OK;
    for (int k = 0; k < 4; k++)
        s->pad[k] = fmax(s->pad[k], rint(LEAST_PADDING * side));
    const double sigma = fmax(BLUR * side, 0.1);
    s->cell = fmax(floor(sigma / CELLS_PER_SIGMA), 1);
    s->columns = (int)ceil((s->pad[0] + size[0] + s->pad[2]) / s->cell);
    s->rows = (int)ceil((s->pad[1] + size[1] + s->pad[3]) / s->cell);
    s->blurred = malloc((size_t)s->rows * (size_t)s->columns * 3 * sizeof *s->blurred);
    if (!s->blurred)
        return lt_fail(ctx, LT_ERR_MEMORY, "out of memory for the border of a photo");
    average_cells(s);
    lt_status status = blur(ctx, s, sigma / s->cell);
    return status == LT_OK ? find_median(ctx, s) : status;
}

void ce_surround_close(struct ce_surround *s)
{
    free(s->blurred);
    *s = (struct ce_surround){0};
}

/* ---- looking at it ---- */

static double clamped(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

/* The colour between four pixels. */
static void sharp_at(const struct ce_region *r, double x, double y, float rgb[3])
{
    const double column = floor(x), row = floor(y);
    const int64_t j = (int64_t)column, i = (int64_t)row;
    const float right = (float)(x - column), down = (float)(y - row);
    const uint8_t *a, *b, *c, *d;
    if (j >= 0 && i >= 0 && j + 1 < r->width && i + 1 < r->height) {
        a = r->rgb + i * r->stride + 3 * j;
        b = a + 3;
        c = a + r->stride;
        d = c + 3;
    } else {
        a = pixel(r, j, i);
        b = pixel(r, j + 1, i);
        c = pixel(r, j, i + 1);
        d = pixel(r, j + 1, i + 1);
    }
    for (int k = 0; k < 3; k++) {
        const float upper = (float)a[k] + right * ((float)b[k] - (float)a[k]),
                    lower = (float)c[k] + right * ((float)d[k] - (float)c[k]);
        rgb[k] = upper + down * (lower - upper);
    }
}

/* The blurred colour between four cells. */
static void blurred_at(const struct ce_surround *s, double x, double y, float rgb[3])
{
    const double u = clamped((x + s->pad[0] + 0.5) / s->cell - 0.5, 0, s->columns - 1),
                 v = clamped((y + s->pad[1] + 0.5) / s->cell - 0.5, 0, s->rows - 1);
    const int64_t j = (int64_t)u, i = (int64_t)v;
    const int64_t next = j + 1 < s->columns ? 3 : 0;
    const int64_t below = i + 1 < s->rows ? 3 * (int64_t)s->columns : 0;
    const float right = (float)(u - (double)j), down = (float)(v - (double)i);
    const float *a = s->blurred + 3 * (i * s->columns + j);
    for (int k = 0; k < 3; k++) {
        const float upper = a[k] + right * (a[next + k] - a[k]),
                    lower = a[below + k] + right * (a[below + next + k] - a[below + k]);
        rgb[k] = upper + down * (lower - upper);
    }
}

/* How far (x, y) lies beyond the nearest edge, in widths of the padding there; below 0 inside. */
static double outside(const struct ce_surround *s, double x, double y)
{
    const double across = fmax(-x / s->pad[0], (x - (s->region.width - 1)) / s->pad[2]),
                 down = fmax(-y / s->pad[1], (y - (s->region.height - 1)) / s->pad[3]);
    return fmax(across, down);
}

void ce_surround_at(const struct ce_surround *s, double x, double y, float rgb[3])
{
    sharp_at(&s->region, x, y, rgb);
    if (!s->padded)
        return;
    const double far = outside(s, x, y);
    const float soft = (float)clamped(3.0 * far + 1.0, 0, 1), flat = (float)clamped(far, 0, 1);
    if (soft == 0.0f)
        return;
    float blurred[3];
    blurred_at(s, x, y, blurred);
    for (int k = 0; k < 3; k++) {
        rgb[k] += (blurred[k] - rgb[k]) * soft;
        rgb[k] += (s->median[k] - rgb[k]) * flat;
    }
}
