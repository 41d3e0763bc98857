#include "engine/align/crop.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/align/surround.h"

#define BORDER       0.1 /* of the square's side, kept around it */
#define LEAST_BORDER 3.0 /* pixels */

enum {
    FINE = 4,               /* samples for each pixel of the result, along each axis */
    LOBES = 3,              /* of the Lanczos filter */
    TAPS = 2 * LOBES * FINE /* samples that a pixel of the result is made of, along each axis */
};

/* ---- shrinking ---- */

/* Means over blocks of step x step pixels: row `row` of the photo that is shrunk by `step`, columns
 * [left, left + width). Blocks at the right and the bottom edge may be smaller. */
static void shrink_row(const struct ce_pixels *photo, int64_t step, int64_t row, int64_t left,
                       int64_t width, uint8_t *out)
{
    const int64_t top = row * step;
    const int64_t bottom = top + step < photo->height ? top + step : photo->height;
    for (int64_t i = 0; i < width; i++) {
        const int64_t from = (left + i) * step;
        const int64_t to = from + step < photo->width ? from + step : photo->width;
        uint64_t sum[3] = {0, 0, 0};
        const uint64_t count = (uint64_t)((bottom - top) * (to - from));
        for (int64_t y = top; y < bottom; y++) {
            const uint8_t *p = photo->rgb + 3 * (y * photo->width + from);
            for (int64_t x = from; x < to; x++, p += 3)
                for (int k = 0; k < 3; k++)
                    sum[k] += p[k];
        }
        for (int k = 0; k < 3; k++)
            out[3 * i + k] = (uint8_t)((sum[k] + count / 2) / count);
    }
}

/* ---- the part of the photo around the square ---- */

/* `quad` in the photo that is shrunk by `step`. */
static struct ce_quad shrunk_quad(const struct ce_quad *quad, int64_t step)
{
    struct ce_quad out = *quad;
    for (int k = 0; k < 2; k++) {
        out.middle[k] = (quad->middle[k] + 0.5) / (double)step - 0.5;
        out.x[k] /= (double)step;
        out.y[k] /= (double)step;
    }
    return out;
}

static struct ce_bounds bounds_of(const struct ce_quad *quad)
{
    double corner[4][2];
    ce_quad_corners(quad, corner);
    struct ce_bounds b = {{corner[0][0], corner[0][1]}, {corner[0][0], corner[0][1]}};
    for (int i = 1; i < 4; i++)
        for (int k = 0; k < 2; k++) {
            b.low[k] = fmin(b.low[k], corner[i][k]);
            b.high[k] = fmax(b.high[k], corner[i][k]);
        }
    return b;
}

/* The pixels [first[k], first[k] + count[k]) along each axis that lie within `border` of the
 * bounds; at least one, also where the square lies beside the photo. */
static void pixels_around(const struct ce_bounds *bounds, double border, const int64_t size[2],
                          int64_t first[2], int64_t count[2])
{
    for (int k = 0; k < 2; k++) {
        double low = fmax(floor(bounds->low[k]) - border, 0),
               high = fmin(ceil(bounds->high[k]) + border, (double)size[k]);
        low = fmin(low, (double)(size[k] - 1));
        high = fmax(high, low + 1);
        first[k] = (int64_t)low;
        count[k] = (int64_t)high - first[k];
    }
}

/* The part of the photo that the square needs, shrunk. */
struct part {
    struct ce_region region;
    uint8_t *own; /* the pixels, where they were shrunk */
    struct ce_quad quad;
    struct ce_bounds bounds; /* of the square in the region */
    double border;
};

static lt_status take_part(lt_ctx *ctx, const struct ce_pixels *photo, const struct ce_quad *quad,
                           int size, struct part *part)
{
    const double wanted = floor(ce_quad_side(quad) / size * 0.5);
    const int64_t step = wanted > 1 ? (int64_t)wanted : 1;
    const int64_t whole[2] = {(photo->width + step - 1) / step, (photo->height + step - 1) / step};
    int64_t first[2], count[2];
    *part = (struct part){.quad = shrunk_quad(quad, step)};
    part->border = fmax(rint(BORDER * ce_quad_side(&part->quad)), LEAST_BORDER);
    part->bounds = bounds_of(&part->quad);
    pixels_around(&part->bounds, part->border, whole, first, count);
    part->region = (struct ce_region){.width = (int)count[0], .height = (int)count[1]};
    if (step == 1) {
        part->region.rgb = photo->rgb + 3 * (first[1] * photo->width + first[0]);
        part->region.stride = 3 * (int64_t)photo->width;
    } else {
        part->region.stride = 3 * count[0];
        part->own = malloc((size_t)(part->region.stride * count[1]));
        if (!part->own)
            return lt_fail(ctx, LT_ERR_MEMORY, "out of memory for a part of a photo");
        for (int64_t i = 0; i < count[1]; i++)
            shrink_row(photo, step, first[1] + i, first[0], count[0],
                       part->own + i * part->region.stride);
        part->region.rgb = part->own;
    }
    for (int k = 0; k < 2; k++) {
        part->quad.middle[k] -= (double)first[k];
        part->bounds.low[k] -= (double)first[k];
        part->bounds.high[k] -= (double)first[k];
    }
    return LT_OK;
}

/* ---- resampling ---- */

static double lanczos(double x)
{
    const double p = 3.14159265358979323846 * x;
    if (fabs(x) < 1e-9)
        return 1.0;
    return fabs(x) < LOBES ? LOBES * sin(p) * sin(p / LOBES) / (p * p) : 0.0;
}

/* The weights of the samples around the middle of a pixel, and the sums of the first 0, 1, ... of
 * them. */
struct filter {
    float weight[TAPS];
    float before[TAPS + 1];
};

static struct filter make_filter(void)
{
    struct filter f = {{0}, {0}};
    for (int t = 0; t < TAPS; t++) {
        f.weight[t] = (float)lanczos(((double)t + 0.5) / FINE - LOBES);
        f.before[t + 1] = f.before[t] + f.weight[t];
    }
    return f;
}

/* The samples of which pixel i of `size` is made: taps [*low, *high), tap t being sample
 * *first + t. The square's edge cuts some off at its first and last pixels. Returns the sum of the
 * weights that are left. */
static float window(const struct filter *f, int i, int size, int *first, int *low, int *high)
{
    *first = FINE * i + FINE / 2 - TAPS / 2;
    *low = *first < 0 ? -*first : 0;
    *high = *first + TAPS > FINE * size ? FINE * size - *first : TAPS;
    return f->before[*high] - f->before[*low];
}

/* Work space: a row of samples, and TAPS rows of samples that are filtered along the row already;
 * row r of samples stands at r % TAPS. */
struct rows {
    float *samples; /* (FINE size, 3) */
    float *kept;    /* (TAPS, size, 3) */
    float *sums;    /* (size, 3) */
};

/* Takes row `row` of the samples, filters it along the row, and keeps it. */
static void take_row(const struct ce_surround *surround, const struct ce_quad *quad,
                     const struct filter *filter, int size, int row, const struct rows *rows)
{
    const double n = (double)FINE * size, v = 2.0 * (row + 0.5) / n - 1.0;
    for (int j = 0; j < FINE * size; j++) {
        const double u = 2.0 * (j + 0.5) / n - 1.0;
        ce_surround_at(surround, quad->middle[0] + u * quad->x[0] + v * quad->y[0],
                       quad->middle[1] + u * quad->x[1] + v * quad->y[1], rows->samples + 3 * j);
    }
    float *out = rows->kept + (size_t)(row % TAPS) * 3 * (size_t)size;
    for (int i = 0; i < size; i++) {
        int first, low, high;
        const float scale = 1.0f / window(filter, i, size, &first, &low, &high);
        for (int k = 0; k < 3; k++) {
            float sum = 0;
            for (int t = low; t < high; t++)
                sum += filter->weight[t] * rows->samples[3 * (first + t) + k];
            out[3 * i + k] = sum * scale;
        }
    }
}

/* Row i of the result, from the rows that are kept. */
static void put_row(const struct filter *filter, int size, int i, const struct rows *rows,
                    uint8_t *out)
{
    int first, low, high;
    const float scale = 1.0f / window(filter, i, size, &first, &low, &high);
    memset(rows->sums, 0, 3 * (size_t)size * sizeof *rows->sums);
    for (int t = low; t < high; t++) {
        const float *from = rows->kept + (size_t)((first + t) % TAPS) * 3 * (size_t)size;
        for (int j = 0; j < 3 * size; j++)
            rows->sums[j] += filter->weight[t] * from[j];
    }
    for (int j = 0; j < 3 * size; j++) {
        const float value = rintf(rows->sums[j] * scale);
        out[j] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
    }
}

/* Samples the square FINE times as densely as the result, linearly between pixels, and filters the
 * samples with a Lanczos filter of the width of the result's pixels. */
static lt_status resample(lt_ctx *ctx, const struct ce_surround *surround,
                          const struct ce_quad *quad, int size, uint8_t *out)
{
    const struct filter filter = make_filter();
    const size_t row = 3 * (size_t)size;
    const struct rows rows = {.samples = malloc(FINE * row * sizeof(float)),
                              .kept = malloc(TAPS * row * sizeof(float)),
                              .sums = malloc(row * sizeof(float))};
    lt_status status = rows.samples && rows.kept && rows.sums
                           ? LT_OK
                           : lt_fail(ctx, LT_ERR_MEMORY, "out of memory for an aligned picture");
    int taken = 0;
    for (int i = 0; i < size && status == LT_OK; i++) {
        int first, low, high;
        window(&filter, i, size, &first, &low, &high);
        for (; taken < first + high; taken++)
            take_row(surround, quad, &filter, size, taken, &rows);
        put_row(&filter, size, i, &rows, out + (size_t)i * row);
    }
    free(rows.samples);
    free(rows.kept);
    free(rows.sums);
    return status;
}

/* Whether the square covers some of the photo. Its padding is wide as it is far outside. */
static bool is_within(const struct ce_pixels *photo, const struct ce_quad *quad)
{
    const double half = 0.5 * ce_quad_side(quad);
    return quad->middle[0] >= -half && quad->middle[0] <= photo->width + half &&
           quad->middle[1] >= -half && quad->middle[1] <= photo->height + half;
}

lt_status ce_align_crop(lt_ctx *ctx, const struct ce_pixels *photo, const struct ce_quad *quad,
                        int size, uint8_t *out)
{
    struct part part;
    struct ce_surround surround = {.padded = false};
    if (!is_within(photo, quad))
        return lt_fail(ctx, LT_ERR_ARGUMENT,
                       "the face at (%.0f, %.0f) lies outside of the photo, which has %d x %d "
                       "pixels",
                       quad->middle[0], quad->middle[1], photo->width, photo->height);
    lt_status status = take_part(ctx, photo, quad, size, &part);
    if (status == LT_OK)
        status = ce_surround_open(ctx, &part.region, &part.bounds, ce_quad_side(&part.quad),
                                  part.border, &surround);
    if (status == LT_OK)
        status = resample(ctx, &surround, &part.quad, size, out);
    ce_surround_close(&surround);
    free(part.own);
    return status;
}
