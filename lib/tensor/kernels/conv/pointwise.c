/* 1 x 1 convolutions to at most four channels (pointwise_impl.h). */
#include "tensor/kernels/conv/pointwise_impl.h"

#include "tensor/kernels/pointwise_kernels.h"

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

void lt_pointwise_apply(lt_ctx *ctx, const lt_conv_shape *s, const float *big, const float *scale,
                        const float *weight, const float *bias, float *small)
{
    const struct lt_pointwise_kernels *k = LT_ISA_SELECT(ctx, lt_pointwise_kernels);
    const int64_t size = s->h * s->w, pieces = pieces_of(s);
#pragma omp parallel for num_threads(ctx->threads) schedule(static)
    for (int64_t i = 0; i < s->n * pieces; i++) {
        const int64_t n = i / pieces, at = i % pieces * PIXELS,
                      count = lt_lesser(PIXELS, size - at);
        float *to = small + n * s->o * size + at;
        for (int64_t o = 0; o < s->o; o++)
            for (int64_t j = 0; j < count; j++)
                to[o * size + j] = bias ? bias[o] : 0.0f;
        for (int64_t c = 0; c < s->c; c += FEW) {
            const int many = (int)lt_lesser(FEW, s->c - c);
            const float *wide[FEW];
            float w[FEW * FEW];
            for (int j = 0; j < many; j++) {
                wide[j] = big + (n * s->c + c + j) * size + at;
                for (int64_t o = 0; o < s->o; o++)
                    w[j * FEW + o] = weight[o * s->w_small + (c + j) * s->w_big] *
                                     (scale ? scale[n * s->c + c + j] : 1.0f);
            }
            k->narrow(count, (int)s->o, many, w, wide, to, size);
        }
    }
}

lt_status lt_pointwise_input_grad(lt_ctx *ctx, const lt_conv_shape *s, const float *gy,
                                  const float *weight, const float *x, const float *scale, bool add,
                                  float *gx, float *gscale)
{
    const struct lt_pointwise_kernels *k = LT_ISA_SELECT(ctx, lt_pointwise_kernels);
    const int64_t size = s->h * s->w, pieces = pieces_of(s);
    const bool stream = !add && lt_streams(s->n * s->c * size, size, gx);
    const lt_pointwise_write how = add      ? LT_POINTWISE_ADD
                                   : stream ? LT_POINTWISE_STREAM
                                            : LT_POINTWISE_SET;
    double *partial =
        gscale ? lt_scratch(ctx, sizeof *partial * (size_t)(s->n * pieces * s->c)) : NULL;
    if (gscale && !partial)
        return LT_ERR_MEMORY;
#pragma omp parallel for num_threads(ctx->threads) schedule(static)
    for (int64_t i = 0; i < s->n * pieces; i++) {
        const int64_t n = i / pieces, at = i % pieces * PIXELS,
                      count = lt_lesser(PIXELS, size - at);
        for (int64_t c = 0; c < s->c; c++) {
            const int64_t plane = (n * s->c + c) * size + at;
            float w[FEW];
            for (int64_t o = 0; o < s->o; o++)
                w[o] = weight[o * s->w_small + c * s->w_big];
            const double dot = k->widen(count, (int)s->o, w, gy + n * s->o * size + at, size,
                                        scale ? scale[n * s->c + c] : 1.0f,
                                        gscale ? x + plane : NULL, how, gx + plane);
            if (gscale)
                partial[i * s->c + c] = dot;
        }
        if (stream)
            k->stream_end();
    }
    for (int64_t i = 0; gscale && i < s->n * s->c; i++) {
        double sum = 0;
        for (int64_t j = 0; j < pieces; j++)
            sum += partial[(i / s->c * pieces + j) * s->c + i % s->c];
        gscale[i] = (float)sum;
    }
    lt_scratch_free(ctx, partial);
    return LT_OK;
}
