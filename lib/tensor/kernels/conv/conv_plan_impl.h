/* Private to convolution: the plan of one tap convolution.
 *
 * A tap convolution computes, for one or more classes of output pixels on a
 * common grid of positions (qy, qx),
 *
 *     out[n, o, qy os + ry, qx os + rx] = sum over taps t of the class and channels c of
 *         w[o, c, t] in[n, c, qy is + dy_t, qx is + dx_t] scale[n, c],
 *
 * zero outside the input. A convolution is one class with is = stride; the adjoint
 * of a strided convolution is stride^2 classes with os = stride (its polyphase
 * form, no product with an inserted zero).
 *
 * Positions are cut into tiles. The part of the input that a tile sees is copied
 * (scaled, zero padded, is^2 phases apart) to scratch memory that stays in the
 * second-level cache; there every tap is a constant offset, and vectors of
 * neighbouring positions are read where they lie. Maps narrower than a vector
 * are unfolded instead, one row per (channel, tap), samples side by side. */
#ifndef LT_TENSOR_CONV_PLAN_IMPL_H
#define LT_TENSOR_CONV_PLAN_IMPL_H

#include "tensor/kernels/conv/conv_kernels.h"
#include "tensor/tensor_impl.h"

#define LT_CONV_SLACK 128 /* floats past a packed tile that vectors may hang over */

/* How taps look at an input. */
typedef struct lt_conv_view {
    int64_t n, c, h, w;
    int64_t step;   /* is */
    int64_t qh, qw; /* grid of positions */
    int64_t taps;
    const int32_t *dy, *dx;     /* per tap */
    int64_t ay0, ay1, ax0, ax1; /* ranges of floor(d / step) */
    int64_t phases;
    int32_t *phase;   /* per tap: index of its (dy, dx) mod step */
    int32_t *py, *px; /* per phase */

    bool unfold;          /* positions run through samples, one row per (c, tap) */
    int64_t rows, cols;   /* largest tile; unfold: 1 x positions */
    int64_t down, across; /* tiles of a sample; unfold: 1 x all tiles */
    int64_t pitch, plane; /* packed row and packed plane, floats */
    int64_t tiles;
    int64_t tile_floats; /* packed tile with slack */
} lt_conv_view;

typedef struct lt_conv_tile {
    int64_t n, y0, x0; /* unfold: x0 = first position */
    int64_t rows, cols;
} lt_conv_tile;

/* Fills in the ranges and phases from the taps; phase, py and px have room for
 * `taps` entries. */
void lt_conv_view_taps(lt_conv_view *v);
/* Chooses tiles of about `budget` packed floats. */
void lt_conv_view_tiles(lt_conv_view *v, int64_t budget, bool may_unfold, int lanes);

lt_conv_tile lt_conv_view_tile(const lt_conv_view *v, int64_t index);
/* Offset of tap t of packed channel c. */
int64_t lt_conv_view_offset(const lt_conv_view *v, int64_t c, int64_t t);
/* Packs channels [c0, c1) of a tile; channel c goes to its place in a tile whose
 * first channel is `base`. scale (n, c) or NULL. */
void lt_conv_pack(const lt_conv_view *v, const struct lt_conv_kernels *k, const float *in,
                  const float *scale, const lt_conv_tile *tile, int64_t base, int64_t c0,
                  int64_t c1, float *dst);

/* Output pixels (qy os + ry, qx os + rx) for qy < qh, qx < qw. */
typedef struct lt_conv_class {
    int64_t taps;
    int32_t *tap; /* index into the view's taps */
    int64_t ry, rx, qh, qw;
    int32_t *offset;   /* (c, taps) into a packed tile */
    int64_t first_tap; /* taps of the classes before this one */
} lt_conv_class;

typedef struct lt_conv_plan {
    lt_ctx *ctx;
    const struct lt_conv_kernels *k;
    lt_conv_view in;
    bool linear; /* vectors run over the packed rows' ends instead of starting at each row */
    const float *input, *scale;

    int64_t o, out_n, out_h, out_w, os; /* out_n: floats between samples */
    const int64_t *out_offset;          /* (o) first pixel of an output channel */
    const float *bias;
    float *out;

    const float *weight;
    const int64_t *w_out; /* (o) weight offset of an output channel */
    int64_t w_in;         /* weight stride of input channels */
    const int32_t *w_tap; /* weight offset of the view's taps */

    int64_t classes;
    lt_conv_class *cls;
    int pair; /* classes computed together: 1 or 2 */
} lt_conv_plan;

/* Runs a plan whose view has its tiles; allocates its scratch. */
lt_status lt_conv_run(lt_conv_plan *p);

#endif
