/* Execution of Winograd's convolution: blocks of tiles, one product per point.
 *
 * A vector holds L tiles: L neighbours of a row of tiles, or, where rows are shorter, several
 * whole rows. Up to three vectors make a block, the width of the convolution kernel's product;
 * for each of the 36 points a block needs the product (o, c) x (c, 3 L). */
#include "tensor/winograd_impl.h"

#include <omp.h>
#include <string.h>

#include "tensor/conv_kernels.h"
#include "tensor/winograd_kernels.h"

enum {
    TILE = LT_WINOGRAD_TILE,
    SIDE = LT_WINOGRAD_SIDE,
    POINTS = LT_WINOGRAD_POINTS,
    LINE = TILE * (LT_CONV_MAX_LANES + 1),
    SKEW = 16, /* floats between points that keep them off the same cache sets */
};

/* Below these the transforms cost more than they save. */
enum { MIN_CHANNELS = 16, MIN_TILES = 32 };

/* How vectors of tiles cover the output. */
typedef struct cover {
    int64_t across, down;  /* tiles of a sample */
    int64_t per_row;       /* vectors of a row of tiles; 1 where rows are shorter than vectors */
    int64_t rows;          /* rows of tiles in a vector */
    int64_t tile_rows;     /* of all samples */
    int64_t vectors;       /* in all */
} cover;

typedef struct plan {
    const lt_winograd *q;
    const struct lt_winograd_kernels *k;
    const struct lt_conv_kernels *product;
    cover cover;
    int64_t blocks, panels;
    int64_t u_step, v_step, m_step; /* floats from point to point */
    const float *u;
    const int32_t *offset; /* (c) of a row of a block's inputs */
} plan;

static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

static int64_t lesser(int64_t a, int64_t b) { return a < b ? a : b; }

static cover cover_of(const lt_winograd *q, int lanes)
{
    cover t = {.across = ceil_div(q->ow, TILE), .down = ceil_div(q->oh, TILE)};
    t.rows = t.across >= lanes ? 1 : lanes / t.across;
    t.per_row = ceil_div(t.across, lanes);
    t.tile_rows = q->n * t.down;
    t.vectors = ceil_div(t.tile_rows, t.rows) * t.per_row;
    return t;
}

bool lt_winograd_pays(const lt_ctx *ctx, const lt_winograd *q)
{
    const struct lt_winograd_kernels *k = LT_ISA_SELECT(ctx, lt_winograd_kernels);
    if (q->c < MIN_CHANNELS || q->o < MIN_CHANNELS) return false;
    const cover t = cover_of(q, k->lanes);
    const int64_t tiles = t.tile_rows * t.across;
    /* Lanes without a tile and outputs past the edges are work, too. */
    return tiles >= MIN_TILES && t.vectors * k->lanes * TILE * TILE <= 2 * q->n * q->oh * q->ow;
}

/* dst[0 ... count) = columns from `x` on of row y, zero outside the image. */
static void copy_row(const lt_winograd *q, const float *plane, int64_t y, int64_t x, int64_t count,
                     float *dst)
{
    const int64_t from = x < 0 ? lesser(-x, count) : 0;
    const int64_t to = lesser(count, q->w - x);
    if (y < 0 || y >= q->h || to <= from) {
        memset(dst, 0, (size_t)count * sizeof *dst);
        return;
    }
    memset(dst, 0, (size_t)from * sizeof *dst);
    memcpy(dst + from, plane + y * q->w + x + from, (size_t)(to - from) * sizeof *dst);
    memset(dst + to, 0, (size_t)(count - to) * sizeof *dst);
}

/* Transforms channel c of vector `index` to v. */
static void input_vector(const plan *p, int64_t index, int64_t c, float *v)
{
    const lt_winograd *q = p->q;
    const cover *t = &p->cover;
    const int64_t lanes = p->k->lanes, row = index / t->per_row * t->rows;
    const int64_t x0 = index % t->per_row * lanes * TILE - q->pad;
    const int64_t rows = lesser(t->rows, t->tile_rows - row);
    const float *four[SIDE], *two[SIDE];
    float copy[2][SIDE][LINE];
    const float *plane = q->in + (row / t->down * q->c + c) * q->h * q->w;
    const int64_t y0 = row % t->down * TILE - q->pad;

    if (t->rows == 1 && x0 >= 0 && x0 + (lanes + 1) * TILE <= q->w && y0 >= 0 && y0 + SIDE <= q->h) {
        for (int i = 0; i < SIDE; i++) {
            four[i] = plane + (y0 + i) * q->w + x0;
            two[i] = four[i] + TILE;
            /* The next channel is too far for the processor to guess. */
            if (c + 1 < q->c)
                for (int64_t j = 0; j < lanes * TILE; j += 16)
                    __builtin_prefetch(four[i] + q->h * q->w + j);
        }
    } else if (t->rows == 1) {
        for (int i = 0; i < SIDE; i++) {
            copy_row(q, plane, y0 + i, x0, (lanes + 1) * TILE, copy[0][i]);
            four[i] = copy[0][i];
            two[i] = four[i] + TILE;
        }
    } else {
        const int64_t length = t->across * TILE;
        for (int i = 0; i < SIDE; i++) {
            four[i] = copy[0][i];
            two[i] = copy[1][i];
        }
        for (int64_t r = 0; r < rows; r++) {
            plane = q->in + ((row + r) / t->down * q->c + c) * q->h * q->w;
            for (int i = 0; i < SIDE; i++) {
                const int64_t y = (row + r) % t->down * TILE - q->pad + i;
                copy_row(q, plane, y, x0, length, copy[0][i] + r * length);
                copy_row(q, plane, y, x0 + TILE, length, copy[1][i] + r * length);
            }
        }
        const int64_t used = rows * length, idle = lanes * TILE - used;
        for (int i = 0; i < SIDE && idle; i++) {
            memset(copy[0][i] + used, 0, (size_t)idle * sizeof(float));
            memset(copy[1][i] + used, 0, (size_t)idle * sizeof(float));
        }
    }
    /* The samples of one vector may differ in their scales. */
    const int64_t first = row / t->down, last = (row + rows - 1) / t->down;
    if (q->scale && first != last)
        for (int64_t r = 0; r < rows; r++)
            for (int i = 0; i < SIDE; i++)
                for (int64_t j = r * t->across * TILE; j < (r + 1) * t->across * TILE; j++) {
                    copy[0][i][j] *= q->scale[(row + r) / t->down * q->c + c];
                    copy[1][i][j] *= q->scale[(row + r) / t->down * q->c + c];
                }
    const float scale = q->scale && first == last ? q->scale[first * q->c + c] : 1.0f;
    p->k->input(four, two, scale, v, p->v_step);
}

/* Transforms output channel o of vector `index` back and writes what lies inside. */
static void output_vector(const plan *p, int64_t index, int64_t o, const float *m)
{
    const lt_winograd *q = p->q;
    const cover *t = &p->cover;
    const int64_t lanes = p->k->lanes, row = index / t->per_row * t->rows;
    const int64_t x0 = index % t->per_row * lanes * TILE;
    const int64_t rows = lesser(t->rows, t->tile_rows - row);
    const float bias = q->bias ? q->bias[o] : 0.0f;
    float *y[TILE], copy[TILE][LINE];
    float *plane = q->out + (row / t->down * q->o + o) * q->oh * q->ow;
    const int64_t y0 = row % t->down * TILE;

    if (t->rows == 1 && x0 + lanes * TILE <= q->ow && y0 + TILE <= q->oh) {
        for (int i = 0; i < TILE; i++) y[i] = plane + (y0 + i) * q->ow + x0;
        p->k->output(m, p->m_step, bias, y);
        return;
    }
    for (int i = 0; i < TILE; i++) y[i] = copy[i];
    p->k->output(m, p->m_step, bias, y);
    const int64_t length = t->rows == 1 ? lanes * TILE : t->across * TILE;
    const int64_t count = lesser(length, q->ow - x0);
    for (int64_t r = 0; r < rows; r++) {
        plane = q->out + ((row + r) / t->down * q->o + o) * q->oh * q->ow;
        const int64_t top = (row + r) % t->down * TILE;
        for (int64_t i = 0; i < lesser(TILE, q->oh - top); i++)
            memcpy(plane + (top + i) * q->ow + x0, copy[i] + r * length, (size_t)count * sizeof(float));
    }
}

/* u (point, panel, c, M) */
static void transform_weights(const plan *p, int threads, float *u)
{
    const lt_winograd *q = p->q;
    const int64_t m = p->product->panel;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t i = 0; i < p->panels; i++) {
        const int count = (int)lesser(m, q->o - i * m);
        for (int64_t c = 0; c < q->c; c++) {
            float g[LT_CONV_MAX_PANEL * 9];
            for (int j = 0; j < count; j++) {
                const float *from = q->weight + (i * m + j) * q->w_out + c * q->w_in;
                for (int t = 0; t < 9; t++) g[j * 9 + t] = from[q->flip ? 8 - t : t];
            }
            p->k->weights(count, (int)m, g, u + (i * q->c + c) * m, p->u_step);
        }
    }
}

/* Block `index`: v (point, c, 3 L) and m (point, o, 3 L) are the thread's work space. */
static void run_block(const plan *p, int64_t index, float *v, float *m)
{
    const lt_winograd *q = p->q;
    const int64_t lanes = p->k->lanes, group = LT_CONV_VECTORS * lanes, panel = p->product->panel;
    const int64_t first = p->cover.vectors * index / p->blocks;
    const int vectors = (int)(p->cover.vectors * (index + 1) / p->blocks - first);
    const int64_t start[LT_CONV_VECTORS] = {0, lanes, 2 * lanes};
    for (int64_t c = 0; c < q->c; c++)
        for (int i = 0; i < vectors; i++) input_vector(p, first + i, c, v + c * group + i * lanes);
    for (int64_t point = 0; point < POINTS; point++)
        for (int64_t i = 0; i < p->panels; i++)
            p->product->product(q->c, p->u + point * p->u_step + i * q->c * panel,
                                v + point * p->v_step, p->offset, start, vectors,
                                m + point * p->m_step + i * panel * group);
    for (int64_t o = 0; o < q->o; o++)
        for (int i = 0; i < vectors; i++) output_vector(p, first + i, o, m + o * group + i * lanes);
}

lt_status lt_winograd_run(lt_ctx *ctx, const lt_winograd *q)
{
    plan p = {.q = q, .k = LT_ISA_SELECT(ctx, lt_winograd_kernels),
              .product = LT_ISA_SELECT(ctx, lt_conv_kernels)};
    const int64_t group = LT_CONV_VECTORS * p.k->lanes, panel = p.product->panel;
    const int threads = ctx->threads;
    p.cover = cover_of(q, p.k->lanes);
    p.panels = ceil_div(q->o, panel);
    p.blocks = lesser(p.cover.vectors, ceil_div(ceil_div(p.cover.vectors, LT_CONV_VECTORS), threads) * threads);
    p.u_step = p.panels * q->c * panel + SKEW;
    p.v_step = q->c * group + SKEW;
    p.m_step = p.panels * panel * group + SKEW;

    float *u = lt_scratch(ctx, sizeof(float) * (size_t)(POINTS * p.u_step));
    float *work = lt_scratch(ctx, sizeof(float) * (size_t)(threads * POINTS * (p.v_step + p.m_step)));
    int32_t *offset = lt_scratch(ctx, sizeof(int32_t) * (size_t)q->c);
    const bool ok = u && work && offset;
    if (ok) {
        for (int64_t c = 0; c < q->c; c++) offset[c] = (int32_t)(c * group);
        p.u = u;
        p.offset = offset;
        transform_weights(&p, threads, u);
#pragma omp parallel for num_threads(threads) schedule(static)
        for (int64_t i = 0; i < p.blocks; i++) {
            float *v = work + omp_get_thread_num() * POINTS * (p.v_step + p.m_step);
            run_block(&p, i, v, v + POINTS * p.v_step);
        }
    }
    lt_scratch_free(ctx, offset);
    lt_scratch_free(ctx, work);
    lt_scratch_free(ctx, u);
    return ok ? LT_OK : LT_ERR_MEMORY;
}
