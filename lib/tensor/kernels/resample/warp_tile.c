/* Tiles of projective warps. The part of the image that a tile sees is copied to a patch, in which
 * up to four planes, such as colours, lie side by side: each neighbour of a pixel is then one
 * quad. */
#include "tensor/kernels/resample/warp_impl.h"

#include <math.h>
#include <string.h>

enum { COLS = LT_WARP_COLS, PIXELS = LT_WARP_PIXELS };

lt_warp_map lt_warp_map_of(lt_ctx *ctx, int64_t h, int64_t w, const double coeffs[8],
                           bool mask_border)
{
    return (lt_warp_map){LT_ISA_SELECT(ctx, lt_resample_kernels), h, w, coeffs, mask_border};
}

/* A rectangle of a tile's pixels. */
typedef struct part {
    int64_t row, rows, col, cols;
} part;

static part whole(const lt_warp_tile *t) { return (part){0, t->rows, 0, t->cols}; }

/* A rectangle of the image; bottom and right are excluded. */
typedef struct box {
    int64_t top, bottom, left, right;
} box;

static int64_t clamped(double x, int64_t most)
{
    return x > 0 ? x < (double)most ? (int64_t)x : most : 0;
}

/* The rectangle of the image that the pixels of a part may come from. A projective map takes the
 * part to a quadrangle, whose corners are its extremes. Where the map's horizon runs through the
 * part, the rectangle is the whole image. */
static box seen(const lt_warp_map *m, const lt_warp_tile *t, part p)
{
    const double *q = m->coeffs;
    bool front = false, behind = false;
    double low_x = INFINITY, low_y = INFINITY, high_x = -INFINITY, high_y = -INFINITY;
    for (int corner = 0; corner < 4; corner++) {
        const double x = (double)t->col[p.col + (corner % 2 ? p.cols - 1 : 0)] + 0.5;
        const double y = (double)t->row[p.row + (corner / 2 ? p.rows - 1 : 0)] + 0.5;
        const double depth = q[6] * x + q[7] * y + 1.0;
        const double at_x = (q[0] * x + q[1] * y + q[2]) / depth - 0.5,
                     at_y = (q[3] * x + q[4] * y + q[5]) / depth - 0.5;
        front |= depth > 0;
        behind |= !(depth > 0);
        low_x = fmin(low_x, at_x);
        high_x = fmax(high_x, at_x);
        low_y = fmin(low_y, at_y);
        high_y = fmax(high_y, at_y);
    }
    if (front && behind)
        return (box){0, m->h, 0, m->w};
    /* One pixel more for rounding, and the neighbours below and to the right. */
    return (box){clamped(low_y - 1, m->h), clamped(high_y + 3, m->h), clamped(low_x - 1, m->w),
                 clamped(high_x + 3, m->w)};
}

/* Whether no pixel of a part comes from inside of the image: the box has no room for a pixel and
 * its neighbours, and neither would the patch have. */
static bool sees_nothing(const lt_warp_map *m, box b)
{
    return b.bottom - b.top < lt_lesser(2, m->h) || b.right - b.left < lt_lesser(2, m->w);
}

bool lt_warp_touches(const lt_warp_map *m, const lt_warp_tile *t, int64_t row, int64_t end)
{
    const box b = seen(m, t, whole(t));
    return b.bottom > row && b.top < end;
}

/* Halves a part whose patch would be too large; false where it fits. The patch of a single pixel
 * always fits, also where the horizon runs through it. */
static bool halve(part p, box b, part half[2])
{
    if ((b.bottom - b.top) * (b.right - b.left) <= LT_WARP_PATCH || (p.rows == 1 && p.cols == 1))
        return false;
    half[0] = half[1] = p;
    if (p.cols >= p.rows) {
        half[0].cols = p.cols / 2;
        half[1].col += half[0].cols;
        half[1].cols -= half[0].cols;
    } else {
        half[0].rows = p.rows / 2;
        half[1].row += half[0].rows;
        half[1].rows -= half[0].rows;
    }
    return true;
}

/* Works out where the pixels of a part come from, as places of the patch. */
static void project(const lt_warp_map *m, lt_warp_tile *t, part p, box b)
{
    const lt_warp_window window = {
        .h = m->h, .w = m->w, .top = b.top, .left = b.left, .pitch = b.right - b.left};
    for (int64_t r = p.row; r < p.row + p.rows; r++)
        m->k->project(p.cols, t->col + p.col, t->row[r], &window, m->coeffs, m->mask_border,
                      t->base + r * COLS + p.col, t->weight + r * COLS + p.col, PIXELS);
}

static void sample_part(const lt_warp_map *m, lt_warp_tile *t, part p, int planes, const float *x,
                        lt_quad *out)
{
    const box b = seen(m, t, p);
    const int64_t width = b.right - b.left;
    part half[2];
    if (sees_nothing(m, b)) {
        for (int64_t r = p.row; r < p.row + p.rows; r++)
            memset(out + r * COLS + p.col, 0, (size_t)p.cols * sizeof *out);
        return;
    }
    if (halve(p, b, half)) {
        for (int i = 0; i < 2; i++)
            sample_part(m, t, half[i], planes, x, out);
        return;
    }
    project(m, t, p, b);
    for (int64_t y = b.top; y < b.bottom; y++) {
        const float *from[LT_WARP_PLANES];
        for (int i = 0; i < planes; i++)
            from[i] = x + ((int64_t)i * m->h + y) * m->w + b.left;
        m->k->interleave(width, planes, from, t->patch + (y - b.top) * width);
    }
    for (int64_t r = p.row; r < p.row + p.rows; r++)
        m->k->sample(p.cols, t->base + r * COLS + p.col, t->weight + r * COLS + p.col, PIXELS,
                     m->w > 1, m->h > 1 ? width : 0, t->patch, out + r * COLS + p.col);
}

void lt_warp_sample(const lt_warp_map *m, lt_warp_tile *t, int planes, const float *x, lt_quad *out)
{
    sample_part(m, t, whole(t), planes, x, out);
}

/* Adds the values of a part to rows [row, end) of the planes. */
static void scatter_part(const lt_warp_map *m, lt_warp_tile *t, part p, int planes,
                         const lt_quad *value, int64_t row, int64_t end, float *x)
{
    const box b = seen(m, t, p);
    const int64_t width = b.right - b.left;
    part half[2];
    if (b.bottom <= row || b.top >= end || sees_nothing(m, b))
        return;
    if (halve(p, b, half)) {
        for (int i = 0; i < 2; i++)
            scatter_part(m, t, half[i], planes, value, row, end, x);
        return;
    }
    project(m, t, p, b);
    memset(t->patch, 0, (size_t)((b.bottom - b.top) * width) * sizeof *t->patch);
    for (int64_t r = p.row; r < p.row + p.rows; r++)
        m->k->scatter(p.cols, t->base + r * COLS + p.col, t->weight + r * COLS + p.col, PIXELS,
                      m->w > 1, m->h > 1 ? width : 0, value + r * COLS + p.col, t->patch);
    for (int64_t y = b.top < row ? row : b.top; y < lt_lesser(b.bottom, end); y++) {
        float *to[LT_WARP_PLANES];
        for (int i = 0; i < planes; i++)
            to[i] = x + ((int64_t)i * m->h + y) * m->w + b.left;
        m->k->add_planes(width, planes, t->patch + (y - b.top) * width, to);
    }
}

void lt_warp_scatter(const lt_warp_map *m, lt_warp_tile *t, int planes, const lt_quad *value,
                     int64_t row, int64_t end, float *x)
{
    scatter_part(m, t, whole(t), planes, value, row, end, x);
}
