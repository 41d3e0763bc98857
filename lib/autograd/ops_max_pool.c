/* Max pooling. */
#include <string.h>

#include "autograd/node.h"
#include "autograd/ops.h"

/* The gradient of each output goes to the position that gave the maximum, which is saved. */
static lt_status max_pool_backward(lt_ctx *ctx, lt_node *node, lt_tensor *gy)
{
    lt_tensor *gx = lt_new_like(ctx, lt_node_input(node, 0));
    if (!gx)
        return ctx->status;
    const int32_t *from = lt_i32(lt_node_saved(node, 0));
    const int64_t size = lt_dim(gx, 2) * lt_dim(gx, 3), planes = lt_dim(gx, 0) * lt_dim(gx, 1);
    const int64_t out_size = lt_dim(gy, 2) * lt_dim(gy, 3);
    const float *g = lt_f32(gy);
    float *to = lt_f32(gx);
#pragma omp parallel for num_threads(ctx->threads) schedule(static)
    for (int64_t p = 0; p < planes; p++) {
        memset(to + p * size, 0, (size_t)size * sizeof *to);
        for (int64_t i = p * out_size; i < (p + 1) * out_size; i++)
            to[p * size + from[i]] += g[i];
    }
    return lt_grad_add(ctx, node, 0, gx);
}

/* Pools one plane: y receives the maxima, and from, unless NULL, their positions in the plane. A
 * NaN counts as the maximum. */
static void max_pool_plane(const float *x, int64_t w, int64_t oh, int64_t ow, int64_t kernel,
                           int64_t stride, float *y, int32_t *from)
{
    for (int64_t row = 0; row < oh; row++) {
        for (int64_t col = 0; col < ow; col++, y++) {
            const int64_t corner = row * stride * w + col * stride;
            int64_t best = corner;
            float most = x[corner];
            for (int64_t r = 0; r < kernel; r++) {
                for (int64_t at = corner + r * w; at < corner + r * w + kernel; at++) {
                    const int better = (x[at] > most) | (x[at] != x[at]);
                    most = better ? x[at] : most;
                    best = better ? at : best;
                }
            }
            *y = most;
            if (from)
                *from++ = (int32_t)best;
        }
    }
}

lt_tensor *lt_max_pool2d(lt_ctx *ctx, lt_tensor *x, int kernel, int stride)
{
    char a[96];
    lt_tensor *xd = lt_dense(ctx, x, "lt_max_pool2d", "x");
    if (!xd)
        return NULL;
    const int64_t h = lt_dim(x, 2), w = lt_dim(x, 3);
    if (lt_ndim(x) != 4 || h < 1 || w < 1 || h > INT32_MAX / w)
        return LT_NULL(ctx, LT_ERR_SHAPE, "lt_max_pool2d: argument x is %s, expected (N, C, H, W)",
                       lt_shape_string(x, a, sizeof a));
    if (kernel < 1 || stride < 1 || kernel > h || kernel > w)
        return LT_NULL(
            ctx, LT_ERR_ARGUMENT,
            "lt_max_pool2d: kernel is %d and stride is %d, expected at least 1 and a kernel that fits x %s",
            kernel, stride, lt_shape_string(x, a, sizeof a));
    const int64_t oh = (h - kernel) / stride + 1, ow = (w - kernel) / stride + 1;
    const int64_t planes = lt_dim(x, 0) * lt_dim(x, 1);
    const int64_t shape[4] = {lt_dim(x, 0), lt_dim(x, 1), oh, ow};
    lt_tensor *out = lt_new(ctx, 4, shape), *from = NULL;
    if (!out)
        return NULL;
    if (lt_would_record(ctx, 1, &x) && !(from = lt_empty(ctx, LT_I32, 4, shape)))
        return NULL;
    const float *src = lt_f32(xd);
    float *dst = lt_f32(out);
    int32_t *index = from ? lt_i32(from) : NULL;
#pragma omp parallel for num_threads(ctx->threads) schedule(static)
    for (int64_t p = 0; p < planes; p++)
        max_pool_plane(src + p * h * w, w, oh, ow, kernel, stride, dst + p * oh * ow,
                       index ? index + p * oh * ow : NULL);
    lt_node *node = lt_record(ctx, out, max_pool_backward, 1, &x, 0);
    if (node)
        lt_node_save(node, 0, from);
    return lt_recorded(ctx, out);
}
