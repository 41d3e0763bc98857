/* The general way of convolution: cutting positions into tiles, and packing the input of a tile. */
#include <string.h>

#include "tensor/kernels/conv/conv_plan_impl.h"

void lt_conv_view_taps(lt_conv_view *v)
{
    v->ay0 = v->ax0 = INT64_MAX;
    v->ay1 = v->ax1 = INT64_MIN;
    v->phases = 0;
    for (int64_t t = 0; t < v->taps; t++) {
        const int64_t ay = lt_floor_quotient(v->dy[t], v->step);
        const int64_t ax = lt_floor_quotient(v->dx[t], v->step);
        const int32_t ry = (int32_t)(v->dy[t] - ay * v->step);
        const int32_t rx = (int32_t)(v->dx[t] - ax * v->step);
        v->ay0 = lt_lesser(v->ay0, ay);
        v->ay1 = lt_greater(v->ay1, ay);
        v->ax0 = lt_lesser(v->ax0, ax);
        v->ax1 = lt_greater(v->ax1, ax);
        int64_t p = 0;
        while (p < v->phases && (v->py[p] != ry || v->px[p] != rx))
            p++;
        if (p == v->phases) {
            v->py[p] = ry;
            v->px[p] = rx;
            v->phases++;
        }
        v->phase[t] = (int32_t)p;
    }
    if (v->taps == 0)
        v->ay0 = v->ay1 = v->ax0 = v->ax1 = 0;
}

void lt_conv_view_tiles(lt_conv_view *v, int64_t budget, bool may_unfold, int lanes)
{
    const int64_t group = LT_CONV_VECTORS * lanes;
    const int64_t depth = v->c * v->taps;
    v->unfold = may_unfold && (v->qw < 16 || v->step > 4);
    if (v->unfold) {
        const int64_t positions = v->n * v->qh * v->qw;
        int64_t room = budget / lt_greater(depth, 1) / group * group;
        room = lt_greater(room, group);
        v->rows = 1;
        v->cols = lt_lesser(room, positions);
        v->down = 1;
        v->across = lt_ceil_quotient(positions, v->cols);
        v->tiles = v->across;
        v->pitch = v->plane = v->cols;
        v->tile_floats = depth * v->cols + LT_CONV_SLACK;
        return;
    }
    const int64_t ey = v->ay1 - v->ay0, ex = v->ax1 - v->ax0;
    const int64_t planes = lt_greater(v->c * v->phases, 1);
    if (v->qh == 1 && ey == 0) {
        const int64_t room = lt_greater(budget / planes / group * group, group);
        v->across = lt_ceil_quotient(v->qw, room);
        v->cols = lt_lesser(room, v->qw);
        v->rows = 1;
    } else {
        v->across = lt_greater((v->qw + 64) / 128, 1);
        v->cols = lt_ceil_quotient(v->qw, v->across);
        const int64_t room = budget / (planes * (v->cols + ex)) - ey;
        v->rows = lt_lesser(lt_greater(room, 1), v->qh);
        v->rows = lt_ceil_quotient(v->qh, lt_ceil_quotient(v->qh, v->rows));
    }
    v->across = lt_ceil_quotient(v->qw, v->cols);
    v->down = lt_ceil_quotient(v->qh, v->rows);
    v->tiles = v->n * v->down * v->across;
    v->pitch = v->cols + ex;
    v->plane = (v->rows + ey) * v->pitch;
    v->tile_floats = planes * v->plane + LT_CONV_SLACK;
}

lt_conv_tile lt_conv_view_tile(const lt_conv_view *v, int64_t index)
{
    lt_conv_tile t;
    t.n = index / (v->down * v->across);
    t.y0 = index / v->across % v->down * v->rows;
    t.x0 = index % v->across * v->cols;
    if (v->unfold) {
        t.n = t.y0 = 0;
        t.rows = 1;
        t.cols = lt_lesser(v->cols, v->n * v->qh * v->qw - t.x0);
    } else {
        t.rows = lt_lesser(v->rows, v->qh - t.y0);
        t.cols = lt_lesser(v->cols, v->qw - t.x0);
    }
    return t;
}

int64_t lt_conv_view_offset(const lt_conv_view *v, int64_t c, int64_t t)
{
    if (v->unfold)
        return (c * v->taps + t) * v->plane;
    const int64_t ay = lt_floor_quotient(v->dy[t], v->step) - v->ay0;
    const int64_t ax = lt_floor_quotient(v->dx[t], v->step) - v->ax0;
    return (c * v->phases + v->phase[t]) * v->plane + ay * v->pitch + ax;
}

/* [*from, *to): the positions j of [0, count) for which 0 <= first + j step < size. */
static void inside(int64_t first, int64_t step, int64_t size, int64_t count, int64_t *from,
                   int64_t *to)
{
    const int64_t low = first >= 0 ? 0 : lt_ceil_quotient(-first, step);
    const int64_t high = first >= size ? 0 : lt_ceil_quotient(size - first, step);
    *from = lt_lesser(low, count);
    *to = lt_greater(lt_lesser(high, count), *from);
}

/* Packs one row; positions outside of the input become zero. */
static void pack_row(const lt_conv_view *v, const struct lt_conv_kernels *k, const float *plane,
                     float scale, int64_t y, int64_t x, int64_t count, float *dst)
{
    int64_t from, to;
    if (y < 0 || y >= v->h) {
        memset(dst, 0, (size_t)count * sizeof *dst);
        return;
    }
    inside(x, v->step, v->w, count, &from, &to);
    for (int64_t j = 0; j < from; j++)
        dst[j] = 0.0f;
    if (to > from)
        k->gather(to - from, scale, plane + y * v->w + x + from * v->step, v->step, dst + from);
    for (int64_t j = to; j < count; j++)
        dst[j] = 0.0f;
}

static void pack_planes(const lt_conv_view *v, const struct lt_conv_kernels *k, const float *in,
                        const float *scale, const lt_conv_tile *tile, int64_t base, int64_t c0,
                        int64_t c1, float *dst)
{
    const int64_t rows = tile->rows + v->ay1 - v->ay0;
    for (int64_t c = c0; c < c1; c++) {
        const float *plane = in + (tile->n * v->c + c) * v->h * v->w;
        const float s = scale ? scale[tile->n * v->c + c] : 1.0f;
        for (int64_t p = 0; p < v->phases; p++) {
            float *to = dst + ((c - base) * v->phases + p) * v->plane;
            const int64_t x = (tile->x0 + v->ax0) * v->step + v->px[p];
            for (int64_t r = 0; r < rows; r++) {
                const int64_t y = (tile->y0 + r + v->ay0) * v->step + v->py[p];
                pack_row(v, k, plane, s, y, x, v->pitch, to + r * v->pitch);
            }
        }
    }
}

static void pack_unfolded(const lt_conv_view *v, const float *in, const float *scale,
                          const lt_conv_tile *tile, int64_t base, int64_t c0, int64_t c1,
                          float *dst)
{
    const int64_t grid = v->qh * v->qw;
    for (int64_t c = c0; c < c1; c++) {
        for (int64_t t = 0; t < v->taps; t++) {
            float *to = dst + ((c - base) * v->taps + t) * v->plane;
            int64_t n = tile->x0 / grid, qy = tile->x0 % grid / v->qw, qx = tile->x0 % v->qw;
            for (int64_t j = 0; j < tile->cols;) {
                const int64_t count = lt_lesser(v->qw - qx, tile->cols - j);
                const int64_t y = qy * v->step + v->dy[t], x = qx * v->step + v->dx[t];
                const float s = scale ? scale[n * v->c + c] : 1.0f;
                if (y < 0 || y >= v->h) {
                    for (int64_t i = 0; i < count; i++)
                        to[j + i] = 0.0f;
                } else {
                    const float *row = in + ((n * v->c + c) * v->h + y) * v->w;
                    for (int64_t i = 0; i < count; i++) {
                        const int64_t at = x + i * v->step;
                        to[j + i] = at >= 0 && at < v->w ? s * row[at] : 0.0f;
                    }
                }
                j += count;
                qx = 0;
                if (++qy == v->qh) {
                    qy = 0;
                    n++;
                }
            }
        }
    }
}

void lt_conv_pack(const lt_conv_view *v, const struct lt_conv_kernels *k, const float *in,
                  const float *scale, const lt_conv_tile *tile, int64_t base, int64_t c0,
                  int64_t c1, float *dst)
{
    if (v->unfold)
        pack_unfolded(v, in, scale, tile, base, c0, c1, dst);
    else
        pack_planes(v, k, in, scale, tile, base, c0, c1, dst);
}
