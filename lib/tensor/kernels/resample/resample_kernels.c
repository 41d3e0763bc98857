/* The hot loops of resampling (resample_kernels.h). */
#include "tensor/kernels/resample/resample_kernels.h"

#include "tensor/kernels/tail_vec.h"

static void combine(int64_t n, int64_t taps, const float *const *row, const float *weight,
                    float *restrict out)
{
    int64_t t = 0;
    if (taps >= 4) {
        const float *a = row[0], *b = row[1], *c = row[2], *d = row[3];
        const float p = weight[0], q = weight[1], r = weight[2], s = weight[3];
        for (int64_t i = 0; i < n; i++)
            out[i] = p * a[i] + q * b[i] + (r * c[i] + s * d[i]);
        t = 4;
    } else if (taps >= 2) {
        const float *a = row[0], *b = row[1];
        const float p = weight[0], q = weight[1];
        for (int64_t i = 0; i < n; i++)
            out[i] = p * a[i] + q * b[i];
        t = 2;
    } else if (taps == 1) {
        const float *a = row[0];
        const float p = weight[0];
        for (int64_t i = 0; i < n; i++)
            out[i] = p * a[i];
        t = 1;
    } else {
        for (int64_t i = 0; i < n; i++)
            out[i] = 0.0f;
    }
    for (; t < taps; t++) {
        const float *a = row[t];
        const float p = weight[t];
        for (int64_t i = 0; i < n; i++)
            out[i] += p * a[i];
    }
}

static void fir(int64_t n, int64_t taps, const float *weight, int64_t weight_step,
                const float *restrict in, int64_t in_step, float *restrict out, int64_t out_step,
                int add)
{
    if (taps == 4 && !add && out_step == 1 && in_step <= 2) {
        const float p = weight[0], q = weight[weight_step], r = weight[2 * weight_step],
                    s = weight[3 * weight_step];
        if (in_step == 1)
            for (int64_t i = 0; i < n; i++)
                out[i] = p * in[i] + q * in[i + 1] + (r * in[i + 2] + s * in[i + 3]);
        else
            for (int64_t i = 0; i < n; i++)
                out[i] =
                    p * in[2 * i] + q * in[2 * i + 1] + (r * in[2 * i + 2] + s * in[2 * i + 3]);
        return;
    }
    if (!add)
        for (int64_t i = 0; i < n; i++)
            out[i * out_step] = 0.0f;
    for (int64_t t = 0; t < taps; t++) {
        const float p = weight[t * weight_step];
        for (int64_t i = 0; i < n; i++)
            out[i * out_step] += p * in[i * in_step + t];
    }
}

/* Computes `vectors` vectors of outputs from number i on. */
INLINE void blend_vectors(const int vectors, const int taps, int64_t i, const float *const *row,
                          const float *weight, const lt_tail *tail, const float *noise, float *out)
{
    vec sum[TAIL_VECTORS] = {{0}};
    for (int t = 0; t < taps; t++) {
        UNROLL
        for (int v = 0; v < vectors; v++)
            sum[v] += weight[t] * vec_load(row[t] + i + v * LANES);
    }
    tail_finish_row(vectors, sum, tail, NULL, noise ? noise + i : NULL, out + i, sum[0]);
}

/* Streaming stores write whole cache lines. Computes the outputs before the first whole line with
 * ordinary stores and returns how many there were. */
INLINE int64_t blend_head(const int taps, const float *const *row, const float *weight,
                          const lt_tail *tail, const float *noise, float *out)
{
    const int64_t head = vec_line_head(out);
    lt_tail kept = *tail;
    kept.stream = false;
    for (int64_t i = 0; i < head; i += LANES) {
        float few[LANES];
        const float *from[TAIL_VECTORS];
        for (int t = 0; t < taps; t++)
            from[t] = row[t] + i;
        blend_vectors(1, taps, 0, from, weight, &kept, noise ? noise + i : NULL, few);
        for (int64_t j = 0; j < LANES && i + j < head; j++)
            out[i + j] = few[j];
    }
    return head;
}

INLINE void blend_body(int64_t n, const int taps, const float *const *row, const float *weight,
                       const lt_tail *tail, const float *noise, float *out)
{
    enum { VECTORS = 2 };
    int64_t i = tail->stream ? blend_head(taps, row, weight, tail, noise, out) : 0;
    for (; i + VECTORS * LANES <= n; i += VECTORS * LANES)
        blend_vectors(VECTORS, taps, i, row, weight, tail, noise, out);
    for (; i + LANES <= n; i += LANES)
        blend_vectors(1, taps, i, row, weight, tail, noise, out);
    for (; i < n; i++) {
        float sum = 0;
        for (int t = 0; t < taps; t++)
            sum += weight[t] * row[t][i];
        lt_tail_finish_few(tail, NULL, noise ? noise + i : NULL, 1, &sum, out + i);
    }
}

static void blend(int64_t n, int taps, const float *const *row, const float *weight,
                  const lt_tail *tail, const float *noise, float *out)
{
    if (taps == 4)
        blend_body(n, 4, row, weight, tail, noise, out);
    else
        blend_body(n, taps, row, weight, tail, noise, out);
}

static void fir_pair(int64_t n, const int64_t taps[2], const float *const weight[2],
                     const float *const in[2], float *restrict out, int add)
{
    if (taps[0] == 2 && taps[1] == 2 && !add) {
        const float *a = in[0], *b = in[1];
        const float p = weight[0][0], q = weight[0][2], r = weight[1][0], s = weight[1][2];
        for (int64_t i = 0; i < n; i++) {
            out[2 * i] = p * a[i] + q * a[i + 1];
            out[2 * i + 1] = r * b[i] + s * b[i + 1];
        }
        return;
    }
    for (int r = 0; r < 2; r++)
        fir(n, taps[r], weight[r], 2, in[r], 1, out + r, 2, add);
}

static void windows(int64_t n, int64_t taps, const int32_t *start, const float *weight,
                    const float *restrict in, float *restrict out)
{
    if (taps == 1) {
        for (int64_t i = 0; i < n; i++)
            out[i] = weight[i] * in[start[i]];
    } else if (taps == 2) {
        for (int64_t i = 0; i < n; i++) {
            const float *w = weight + 2 * i, *x = in + start[i];
            out[i] = w[0] * x[0] + w[1] * x[1];
        }
    } else if (taps == 4) {
        for (int64_t i = 0; i < n; i++) {
            const float *w = weight + 4 * i, *x = in + start[i];
            out[i] = w[0] * x[0] + w[1] * x[1] + (w[2] * x[2] + w[3] * x[3]);
        }
    } else {
        for (int64_t i = 0; i < n; i++) {
            const float *w = weight + taps * i, *x = in + start[i];
            float sum = 0.0f;
            for (int64_t t = 0; t < taps; t++)
                sum += w[t] * x[t];
            out[i] = sum;
        }
    }
}

/* Coordinates are double, fractions float. A neighbour beyond an edge gets the weight 0, and the
 * pair is moved inside, so that every index is valid. */
static void project(int64_t n, const int32_t *restrict x, int64_t y, const lt_warp_window *window,
                    const double q[8], int mask_border, int32_t *restrict base,
                    float *restrict weight, int64_t ld)
{
    const int64_t h = window->h, w = window->w;
    const int32_t top = (int32_t)window->top, left_most = (int32_t)window->left,
                  pitch = (int32_t)window->pitch;
    const double py = (double)y + 0.5, width = (double)w, height = (double)h;
    const double sx0 = q[1] * py + q[2], sy0 = q[4] * py + q[5], d0 = q[7] * py + 1.0;
    const int32_t last_x = w > 1 ? (int32_t)w - 2 : 0, last_y = h > 1 ? (int32_t)h - 2 : 0;
    const int32_t end_x = (int32_t)w - 2, end_y = (int32_t)h - 2;
    float *restrict w00 = weight, *restrict w01 = weight + ld;
    float *restrict w10 = weight + 2 * ld, *restrict w11 = weight + 3 * ld;
    for (int64_t i = 0; i < n; i++) {
        const double px = (double)x[i] + 0.5, over = 1.0 / (q[6] * px + d0);
        double sx = (q[0] * px + sx0) * over - 0.5, sy = (q[3] * px + sy0) * over - 0.5;
        const int inside = (sx > -1.0) & (sx < width) & (sy > -1.0) & (sy < height);
        sx = inside ? sx : 0.0;
        sy = inside ? sy : 0.0;
        /* floor(), for numbers above -1 */
        const int32_t ix = (int32_t)(sx + 1.0) - 1, iy = (int32_t)(sy + 1.0) - 1;
        const float bx = (float)(sx - (double)ix), by = (float)(sy - (double)iy),
                    one = inside ? 1.0f : 0.0f;
        const float left = ix < 0 ? bx : ix > end_x ? 0.0f : 1.0f - bx;
        const float right = ix < 0 ? 0.0f : ix > end_x ? 1.0f - bx : bx;
        const float upper = one * (iy < 0 ? by : iy > end_y ? 0.0f : 1.0f - by);
        const float lower = one * (iy < 0 ? 0.0f : iy > end_y ? 1.0f - by : by);
        const float covered = mask_border ? (left + right) * (upper + lower) : 1.0f;
        const int32_t cx = ix < 0 ? 0 : ix > last_x ? last_x : ix;
        const int32_t cy = iy < 0 ? 0 : iy > last_y ? last_y : iy;
        base[i] = inside ? (cy - top) * pitch + cx - left_most : 0;
        w00[i] = left * upper * covered;
        w01[i] = right * upper * covered;
        w10[i] = left * lower * covered;
        w11[i] = right * lower * covered;
    }
}

static void sample(int64_t n, const int32_t *base, const float *weight, int64_t ld, int64_t right,
                   int64_t down, const lt_quad *restrict in, lt_quad *restrict out)
{
    const float *w00 = weight, *w01 = weight + ld, *w10 = weight + 2 * ld, *w11 = weight + 3 * ld;
    for (int64_t i = 0; i < n; i++) {
        const lt_quad *above = in + base[i], *below = above + down;
        out[i] =
            w00[i] * above[0] + w01[i] * above[right] + (w10[i] * below[0] + w11[i] * below[right]);
    }
}

INLINE void scatter_pixel(int64_t i, const int32_t *base, const float *weight, int64_t ld,
                          int64_t right, int64_t down, const lt_quad *value, lt_quad *to)
{
    lt_quad *above = to + base[i], *below = above + down;
    above[0] += weight[i] * value[i];
    above[right] += weight[ld + i] * value[i];
    below[0] += weight[2 * ld + i] * value[i];
    below[right] += weight[3 * ld + i] * value[i];
}

/* Neighbouring pixels often add to the same places, and each would wait for the one before. So
 * pixels from the four quarters of the row take turns. */
static void scatter(int64_t n, const int32_t *base, const float *weight, int64_t ld, int64_t right,
                    int64_t down, const lt_quad *value, lt_quad *to)
{
    const int64_t quarter = n / 4;
    for (int64_t i = 0; i < quarter; i++) {
        UNROLL
        for (int k = 0; k < 4; k++)
            scatter_pixel(k * quarter + i, base, weight, ld, right, down, value, to);
    }
    for (int64_t i = 4 * quarter; i < n; i++)
        scatter_pixel(i, base, weight, ld, right, down, value, to);
}

INLINE void interleave_body(int64_t n, const int planes, const float *const *from, lt_quad *to)
{
    int64_t i = 0;
    for (; i + LT_QUAD <= n; i += LT_QUAD) {
        lt_quad q[LT_QUAD] = {{0}};
        UNROLL
        for (int k = 0; k < planes; k++)
            q[k] = *(const lt_loose_quad *)(from[k] + i);
        quad_transpose(q);
        UNROLL
        for (int k = 0; k < LT_QUAD; k++)
            to[i + k] = q[k];
    }
    for (; i < n; i++) {
        to[i] = (lt_quad){0};
        for (int k = 0; k < planes; k++)
            to[i][k] = from[k][i];
    }
}

static void interleave(int64_t n, int planes, const float *const *from, lt_quad *to)
{
    if (planes == 3)
        interleave_body(n, 3, from, to);
    else
        interleave_body(n, planes, from, to);
}

INLINE void add_planes_body(int64_t n, const int planes, const lt_quad *from, float *const *to)
{
    int64_t i = 0;
    for (; i + LT_QUAD <= n; i += LT_QUAD) {
        lt_quad q[LT_QUAD];
        UNROLL
        for (int k = 0; k < LT_QUAD; k++)
            q[k] = from[i + k];
        quad_transpose(q);
        UNROLL
        for (int k = 0; k < planes; k++)
            *(lt_loose_quad *)(to[k] + i) += q[k];
    }
    for (; i < n; i++)
        for (int k = 0; k < planes; k++)
            to[k][i] += from[i][k];
}

static void add_planes(int64_t n, int planes, const lt_quad *from, float *const *to)
{
    if (planes == 3)
        add_planes_body(n, 3, from, to);
    else
        add_planes_body(n, planes, from, to);
}

const struct lt_resample_kernels LT_ISA_NAME(lt_resample_kernels) = {
    .combine = combine,
    .fir = fir,
    .fir_pair = fir_pair,
    .blend = blend,
    .stream_end = vec_stream_end,
    .windows = windows,
    .project = project,
    .sample = sample,
    .scatter = scatter,
    .interleave = interleave,
    .add_planes = add_planes,
};
