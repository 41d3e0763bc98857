/* Max pooling. */
#include <string.h>

#include "autograd/node.h"
#include "autograd/ops.h"
#include "tensor/team.h"

/* Planes of h x w that become planes of oh x ow. Position `from` of a plane gave its maximum. */
struct max_pool {
    int64_t h, w, oh, ow, kernel, stride;
    const float *x, *gy;
    float *y, *gx;
    int32_t *from; /* may be NULL */
};

static void max_pool_grad_planes(void *arg, lt_range range)
{
    const struct max_pool *j = arg;
    const int64_t size = j->h * j->w, out_size = j->oh * j->ow;
    for (int64_t p = range.begin; p < range.end; p++) {
        memset(j->gx + p * size, 0, (size_t)size * sizeof *j->gx);
        for (int64_t i = p * out_size; i < (p + 1) * out_size; i++)
            j->gx[p * size + j->from[i]] += j->gy[i];
    }
}

/* The gradient of each output goes to the position that gave the maximum, which is saved. */
static lt_status max_pool_backward(lt_ctx *ctx, lt_node *node, lt_tensor *gy)
{
    lt_tensor *gx = lt_new_like(ctx, lt_node_input(node, 0));
    if (!gx)
        return ctx->status;
    struct max_pool j = {.h = lt_dim(gx, 2),
                         .w = lt_dim(gx, 3),
                         .oh = lt_dim(gy, 2),
                         .ow = lt_dim(gy, 3),
                         .gy = lt_f32(gy),
                         .gx = lt_f32(gx),
                         .from = lt_i32(lt_node_saved(node, 0))};
    lt_for(ctx, ctx->threads, lt_dim(gx, 0) * lt_dim(gx, 1), max_pool_grad_planes, &j);
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

static void max_pool_planes(void *arg, lt_range range)
{
    const struct max_pool *j = arg;
    const int64_t out_size = j->oh * j->ow;
    for (int64_t p = range.begin; p < range.end; p++)
        max_pool_plane(j->x + p * j->h * j->w, j->w, j->oh, j->ow, j->kernel, j->stride,
                       j->y + p * out_size, j->from ? j->from + p * out_size : NULL);
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
    const int64_t shape[4] = {lt_dim(x, 0), lt_dim(x, 1), oh, ow};
    lt_tensor *out = lt_new(ctx, 4, shape), *from = NULL;
    if (!out)
        return NULL;
    if (lt_would_record(ctx, 1, &x) && !(from = lt_empty(ctx, LT_I32, 4, shape)))
        return NULL;
    struct max_pool j = {.h = h,
                         .w = w,
                         .oh = oh,
                         .ow = ow,
                         .kernel = kernel,
                         .stride = stride,
                         .x = lt_f32(xd),
                         .y = lt_f32(out),
                         .from = from ? lt_i32(from) : NULL};
    lt_for(ctx, ctx->threads, lt_dim(x, 0) * lt_dim(x, 1), max_pool_planes, &j);
    lt_node *node = lt_record(ctx, out, max_pool_backward, 1, &x, 0);
    if (node)
        lt_node_save(node, 0, from);
    return lt_recorded(ctx, out);
}
