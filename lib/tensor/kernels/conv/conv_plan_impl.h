/* The general way of convolution: plans of tap convolutions.
 *
 * A tap convolution computes, for one or more classes of output pixels on a common grid of
 * positions (qy, qx),
 *
 *     out[n, o, qy os + ry, qx os + rx] = sum over taps t of the class and channels c of
 *         w[o, c, t] in[n, c, qy is + dy_t, qx is + dx_t] scale[n, c],
 *
 * where the input is zero outside of its edges. A convolution is one class with is = stride. The
 * adjoint of a strided convolution is stride^2 classes with os = stride: its polyphase form, in
 * which no inserted zeros are multiplied.
 *
 * Positions are cut into tiles. The input that a tile sees is copied to scratch memory that stays
 * in the second-level cache: scaled, padded with zeros and split into is^2 phases. There every tap
 * is a constant offset, and vectors of neighbouring positions are read where they lie:
 *
 *     a row of input, is = 2     a b a b a b a b
 *     packed                     phase 0: a a a a    phase 1: b b b b
 *
 * Images narrower than a vector are unfolded instead (im2col): one row per channel and tap, samples
 * side by side. */
#ifndef LT_TENSOR_CONV_PLAN_IMPL_H
#define LT_TENSOR_CONV_PLAN_IMPL_H

#include "tensor/kernels/conv/conv_kernels.h"
#include "tensor/tensor_impl.h"

/* Floats behind a packed tile, because a last vector may reach beyond the tile. */
#define LT_CONV_SLACK 128

/* How the taps see an input. */
typedef struct lt_conv_view {
    int64_t n, c, h, w;
    int64_t step;   /* is, above */
    int64_t qh, qw; /* grid of positions */
    int64_t taps;
    const int32_t *dy, *dx; /* (taps) */
    int64_t ay0, ay1, ax0,
        ax1; /* the least and the largest floor(dy / step) and floor(dx / step) */
    int64_t phases;
    int32_t *phase;   /* (taps) the phase that a tap reads */
    int32_t *py, *px; /* (phases) the first row and column of a phase */

    bool unfold;          /* one row per channel and tap; positions run through all samples */
    int64_t rows, cols;   /* positions of the largest tile; with unfold 1 x positions */
    int64_t down, across; /* tiles of a sample; with unfold 1 x all tiles */
    int64_t pitch, plane; /* floats of a packed row and of a packed plane */
    int64_t tiles;
    int64_t tile_floats; /* floats of a packed tile, slack included */
} lt_conv_view;

typedef struct lt_conv_tile {
    int64_t n, y0, x0; /* its sample and its first position; with unfold x0 counts positions */
    int64_t rows, cols;
} lt_conv_tile;

/* Works out the ranges and phases of the taps; phase, py and px have room for `taps` entries. */
void lt_conv_view_taps(lt_conv_view *v);
/* Cuts the positions into tiles of about `budget` packed floats. */
void lt_conv_view_tiles(lt_conv_view *v, int64_t budget, bool may_unfold, int lanes);

lt_conv_tile lt_conv_view_tile(const lt_conv_view *v, int64_t index);
/* Where tap t of channel c starts in a packed tile. */
int64_t lt_conv_view_offset(const lt_conv_view *v, int64_t c, int64_t t);
/* Packs channels [c0, c1) of a tile whose first channel is `base`. scale is (n, c), or NULL. */
void lt_conv_pack(const lt_conv_view *v, const struct lt_conv_kernels *k, const float *in,
                  const float *scale, const lt_conv_tile *tile, int64_t base, int64_t c0,
                  int64_t c1, float *dst);

/* A class: the output pixels (qy os + ry, qx os + rx) for qy < qh, qx < qw. */
typedef struct lt_conv_class {
    int64_t taps;
    int32_t *tap; /* (taps) numbers of taps of the view */
    int64_t ry, rx, qh, qw;
    int32_t *offset;   /* (c, taps) where each tap starts in a packed tile */
    int64_t first_tap; /* taps of the classes before this one */
} lt_conv_class;

typedef struct lt_conv_plan {
    lt_ctx *ctx;
    const struct lt_conv_kernels *k;
    lt_conv_view in;
    bool linear; /* vectors run on from one packed row into the next; else each row starts a vector
                  */
    const float *input, *scale;

    int64_t o, out_n, out_h, out_w, os; /* out_n: floats from one sample to the next */
    const int64_t *out_offset;          /* (o) first pixel of each output channel */
    const float *bias;
    float *out;

    const float *weight;
    const int64_t *w_out; /* (o) first weight of each output channel */
    int64_t w_in;         /* weights from one input channel to the next */
    const int32_t *w_tap; /* (taps) weights from the first tap to each tap of the view */

    int64_t classes;
    lt_conv_class *cls;
    int pair; /* neighbouring classes that are computed together: 1 or 2 */
} lt_conv_plan;

/* Runs a plan whose view has tiles already. Errors: LT_ERR_MEMORY, LT_ERR_UNSUPPORTED (too many
 * channels). */
lt_status lt_conv_run(lt_conv_plan *p);

#endif
