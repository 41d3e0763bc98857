/* 1 x 1 convolutions to at most four channels (pointwise_impl.h). */
#include "tensor/kernels/conv/pointwise_impl.h"

#include "tensor/kernels/pointwise_kernels.h"
#include "tensor/team.h"

enum { FEW = LT_POINTWISE_FEW };

/* Pixels at a time: few enough that the narrow side stays in the cache while all channels of the
 * wide side pass. */
enum { PIXELS = 4096 };

static int64_t pieces_of(const lt_conv_shape *s) { return (s->h * s->w + PIXELS - 1) / PIXELS; }

bool lt_pointwise_fits(const lt_conv_shape *s)
{
    return s->kh == 1 && s->kw == 1 && s->stride == 1 && s->pad == 0 && s->o >= 1 && s->o <= FEW &&
           s->c >= 1;
}

/* A convolution from a wide to a narrow side. */
struct narrowing {
    const struct lt_pointwise_kernels *k;
    const lt_conv_shape *s;
    const float *big, *scale, *weight, *bias;
    float *small;
};

static void narrow_pieces(void *arg, lt_range range)
{
    const struct narrowing *j = arg;
    const lt_conv_shape *s = j->s;
    const int64_t size = s->h * s->w, pieces = pieces_of(s);
    for (int64_t i = range.begin; i < range.end; i++) {
        const int64_t n = i / pieces, at = i % pieces * PIXELS,
                      count = lt_lesser(PIXELS, size - at);
        float *to = j->small + n * s->o * size + at;
        for (int64_t o = 0; o < s->o; o++)
            for (int64_t p = 0; p < count; p++)
                to[o * size + p] = j->bias ? j->bias[o] : 0.0f;
        for (int64_t c = 0; c < s->c; c += FEW) {
            const int many = (int)lt_lesser(FEW, s->c - c);
            const float *wide[FEW];
            float w[FEW * FEW];
            for (int m = 0; m < many; m++) {
                wide[m] = j->big + (n * s->c + c + m) * size + at;
                for (int64_t o = 0; o < s->o; o++)
                    w[m * FEW + o] = j->weight[o * s->w_small + (c + m) * s->w_big] *
                                     (j->scale ? j->scale[n * s->c + c + m] : 1.0f);
            }
            j->k->narrow(count, (int)s->o, many, w, wide, to, size);
        }
    }
}

void lt_pointwise_apply(lt_ctx *ctx, const lt_conv_shape *s, const float *big, const float *scale,
                        const float *weight, const float *bias, float *small)
{
    struct narrowing j = {.k = LT_ISA_SELECT(ctx, lt_pointwise_kernels),
                          .s = s,
                          .big = big,
                          .scale = scale,
                          .weight = weight,
                          .bias = bias,
                          .small = small};
    lt_for(ctx, ctx->threads, s->n * pieces_of(s), narrow_pieces, &j);
}

/* The gradient of the wide side. */
struct widening {
    const struct lt_pointwise_kernels *k;
    const lt_conv_shape *s;
    const float *gy, *weight, *x, *scale;
    lt_pointwise_write how;
    float *gx;
    double *partial; /* (n, pieces, c): parts of gscale, or NULL */
};

static void widen_pieces(void *arg, lt_range range)
{
    const struct widening *j = arg;
    const lt_conv_shape *s = j->s;
    const int64_t size = s->h * s->w, pieces = pieces_of(s);
    for (int64_t i = range.begin; i < range.end; i++) {
        const int64_t n = i / pieces, at = i % pieces * PIXELS,
                      count = lt_lesser(PIXELS, size - at);
        for (int64_t c = 0; c < s->c; c++) {
            const int64_t plane = (n * s->c + c) * size + at;
            float w[FEW];
            for (int64_t o = 0; o < s->o; o++)
                w[o] = j->weight[o * s->w_small + c * s->w_big];
            const double dot = j->k->widen(count, (int)s->o, w, j->gy + n * s->o * size + at, size,
                                           j->scale ? j->scale[n * s->c + c] : 1.0f,
                                           j->partial ? j->x + plane : NULL, j->how, j->gx + plane);
            if (j->partial)
                j->partial[i * s->c + c] = dot;
        }
        if (j->how == LT_POINTWISE_STREAM)
            j->k->stream_end();
    }
}

lt_status lt_pointwise_input_grad(lt_ctx *ctx, const lt_conv_shape *s, const float *gy,
                                  const float *weight, const float *x, const float *scale, bool add,
                                  float *gx, float *gscale)
{
    const int64_t size = s->h * s->w, pieces = pieces_of(s);
    const bool stream = lt_streams(s->n * s->c * size, size, gx);
    double *partial =
        gscale ? lt_scratch(ctx, sizeof *partial * (size_t)(s->n * pieces * s->c)) : NULL;
    if (gscale && !partial)
        return LT_ERR_MEMORY;
    struct widening w = {.k = LT_ISA_SELECT(ctx, lt_pointwise_kernels),
                         .s = s,
                         .gy = gy,
                         .weight = weight,
                         .x = x,
                         .scale = scale,
                         .how = add      ? LT_POINTWISE_ADD
                                : stream ? LT_POINTWISE_STREAM
                                         : LT_POINTWISE_SET,
                         .gx = gx,
                         .partial = partial};
    lt_for(ctx, ctx->threads, s->n * pieces, widen_pieces, &w);
    for (int64_t i = 0; gscale && i < s->n * s->c; i++) {
        double sum = 0;
        for (int64_t j = 0; j < pieces; j++)
            sum += partial[(i / s->c * pieces + j) * s->c + i % s->c];
        gscale[i] = (float)sum;
    }
    lt_scratch_free(ctx, partial);
    return LT_OK;
}
