/* The three networks of MTCNN: finds their layers in a checkpoint, and runs them. */
#include "nn/models/mtcnn.h"

#include <stdlib.h>

#include "autograd/ops.h"
#include "nn/models/mtcnn_impl.h"
#include "nn/params_impl.h"

enum { CONVS_MAX = 4, CONVS_PNET = 3, CONVS_RNET = 3, CONVS_ONET = 4, HEADS_MAX = 3 };

/* A convolution without padding or a fully connected layer, and the slopes of the PReLU behind it;
 * a head has none. */
struct layer {
    lt_tensor *weight, *bias, *slope;
};

struct lt_mtcnn {
    struct layer pnet[CONVS_PNET], pnet_head[2];
    struct layer rnet[CONVS_RNET], rnet_dense, rnet_head[2];
    struct layer onet[CONVS_ONET], onet_dense, onet_head[3];
};

/* ---- building ---- */

/* What a layer is called and how large its weight is: output channels, input channels, and the side
 * of the kernel; 0 for a fully connected layer. */
struct plan {
    const char *name, *slope;
    int64_t out, in;
    int kernel;
};

static const struct plan pnet_plan[CONVS_PNET] = {{"pnet.conv1", "pnet.prelu1", 10, 3, 3},
                                                  {"pnet.conv2", "pnet.prelu2", 16, 10, 3},
                                                  {"pnet.conv3", "pnet.prelu3", 32, 16, 3}};
static const struct plan pnet_heads[2] = {{"pnet.conv4_1", NULL, 2, 32, 1},
                                          {"pnet.conv4_2", NULL, 4, 32, 1}};
static const struct plan rnet_plan[CONVS_RNET] = {{"rnet.conv1", "rnet.prelu1", 28, 3, 3},
                                                  {"rnet.conv2", "rnet.prelu2", 48, 28, 3},
                                                  {"rnet.conv3", "rnet.prelu3", 64, 48, 2}};
static const struct plan rnet_dense = {"rnet.dense4", "rnet.prelu4", 128, 576, 0};
static const struct plan rnet_heads[2] = {{"rnet.dense5_1", NULL, 2, 128, 0},
                                          {"rnet.dense5_2", NULL, 4, 128, 0}};
static const struct plan onet_plan[CONVS_ONET] = {{"onet.conv1", "onet.prelu1", 32, 3, 3},
                                                  {"onet.conv2", "onet.prelu2", 64, 32, 3},
                                                  {"onet.conv3", "onet.prelu3", 64, 64, 3},
                                                  {"onet.conv4", "onet.prelu4", 128, 64, 2}};
static const struct plan onet_dense = {"onet.dense5", "onet.prelu5", 256, 1152, 0};
static const struct plan onet_heads[3] = {{"onet.dense6_1", NULL, 2, 256, 0},
                                          {"onet.dense6_2", NULL, 4, 256, 0},
                                          {"onet.dense6_3", NULL, 10, 256, 0}};

static lt_status find_layers(lt_ctx *ctx, const lt_params *params, const struct plan *plan,
                             int count, struct layer *layers)
{
    for (int i = 0; i < count; i++) {
        const struct plan *p = &plan[i];
        const int64_t shape[4] = {p->out, p->in, p->kernel, p->kernel};
        layers[i].weight =
            lt_params_get_joined(ctx, params, p->name, ".weight", p->kernel ? 4 : 2, shape);
        layers[i].bias = lt_params_get_joined(ctx, params, p->name, ".bias", 1, &p->out);
        if (p->slope)
            layers[i].slope = lt_params_get_joined(ctx, params, p->slope, ".weight", 1, &p->out);
        if (lt_ctx_status(ctx) != LT_OK)
            return lt_ctx_status(ctx);
    }
    return LT_OK;
}

static lt_status find_all(lt_ctx *ctx, const lt_params *params, lt_mtcnn *net)
{
    const struct {
        const struct plan *plan;
        int count;
        struct layer *layers;
    } part[] = {{pnet_plan, CONVS_PNET, net->pnet}, {pnet_heads, 2, net->pnet_head},
                {rnet_plan, CONVS_RNET, net->rnet}, {&rnet_dense, 1, &net->rnet_dense},
                {rnet_heads, 2, net->rnet_head},    {onet_plan, CONVS_ONET, net->onet},
                {&onet_dense, 1, &net->onet_dense}, {onet_heads, 3, net->onet_head}};
    lt_status status = LT_OK;
    for (size_t i = 0; i < sizeof part / sizeof part[0] && status == LT_OK; i++)
        status = find_layers(ctx, params, part[i].plan, part[i].count, part[i].layers);
    return status;
}

lt_status lt_mtcnn_create(lt_ctx *ctx, const lt_params *params, lt_mtcnn **out)
{
    *out = NULL;
    lt_mtcnn *net = calloc(1, sizeof *net);
    const lt_status status =
        net ? find_all(ctx, params, net) : lt_fail(ctx, LT_ERR_MEMORY, "mtcnn: out of memory");
    if (status != LT_OK) {
        lt_mtcnn_free(net);
        return status;
    }
    *out = net;
    return LT_OK;
}

void lt_mtcnn_free(lt_mtcnn *net) { free(net); }

/* ---- running ---- */

/* The last row (axis 2) or column (axis 3) of x put behind it once more. */
static lt_tensor *repeat_last(lt_ctx *ctx, lt_tensor *x, int axis)
{
    lt_tensor *last = x ? lt_slice(ctx, x, axis, lt_dim(x, axis) - 1, 1) : NULL;
    return last ? lt_concat(ctx, 2, (lt_tensor *[]){x, last}, axis) : NULL;
}

/* Max pooling with stride 2 whose last windows may reach beyond the edge by one pixel. The pixel
 * beyond is a copy of the pixel at the edge, which lies in the window anyway, so that the maximum
 * is the one over the pixels that are there. */
static lt_tensor *pool(lt_ctx *ctx, lt_tensor *x, int kernel)
{
    for (int axis = 2; x && axis < 4; axis++)
        if ((lt_dim(x, axis) - kernel) % 2 != 0)
            x = repeat_last(ctx, x, axis);
    return x ? lt_max_pool2d(ctx, x, kernel, 2) : NULL;
}

static lt_tensor *conv(lt_ctx *ctx, const struct layer *layer, lt_tensor *x)
{
    x = lt_conv2d(ctx, x, NULL, layer->weight, layer->bias, 1, 0);
    return layer->slope ? lt_prelu(ctx, x, layer->slope) : x;
}

static lt_tensor *dense(lt_ctx *ctx, const struct layer *layer, lt_tensor *x)
{
    x = lt_linear(ctx, x, layer->weight, layer->bias);
    return layer->slope ? lt_prelu(ctx, x, layer->slope) : x;
}

/* x (N, C, H, W) as rows (N, W H C), in the order that the fully connected layers were trained
 * with. */
static lt_tensor *flatten(lt_ctx *ctx, lt_tensor *x)
{
    x = x ? lt_permute(ctx, x, (const int[]){0, 3, 2, 1}) : NULL;
    return x ? lt_reshape(
                   ctx, x, 2,
                   (const int64_t[]){lt_dim(x, 0), lt_dim(x, 1) * lt_dim(x, 2) * lt_dim(x, 3)})
             : NULL;
}

/* Closes the scope, out of which the output is handed. */
static struct lt_mtcnn_output hand_out(lt_ctx *ctx, lt_scope scope, lt_tensor *const y[HEADS_MAX],
                                       int heads)
{
    for (int i = 0; i < heads; i++)
        if (!y[i]) {
            lt_scope_close(ctx, scope, NULL);
            return (struct lt_mtcnn_output){0};
        }
    lt_tensor *keep[HEADS_MAX] = {y[0], y[1], y[2]};
    lt_scope_close_keep(ctx, scope, keep, (size_t)heads);
    return (struct lt_mtcnn_output){keep[0], keep[1], heads > 2 ? keep[2] : NULL};
}

/* x (1, C, h, w) as rows (h w, C). */
static lt_tensor *places(lt_ctx *ctx, lt_tensor *x)
{
    const int64_t c = x ? lt_dim(x, 1) : 0;
    x = x ? lt_permute(ctx, x, (const int[]){0, 2, 3, 1}) : NULL;
    return x ? lt_reshape(ctx, x, 2, (const int64_t[]){-1, c}) : NULL;
}

struct lt_mtcnn_output lt_mtcnn_pnet(lt_ctx *ctx, const lt_mtcnn *net, lt_tensor *x, int64_t *rows,
                                     int64_t *columns)
{
    const lt_scope scope = lt_scope_open(ctx);
    x = pool(ctx, conv(ctx, &net->pnet[0], x), 2);
    x = conv(ctx, &net->pnet[2], conv(ctx, &net->pnet[1], x));
    *rows = x ? lt_dim(x, 2) : 0;
    *columns = x ? lt_dim(x, 3) : 0;
    return hand_out(ctx, scope,
                    (lt_tensor *[HEADS_MAX]){places(ctx, conv(ctx, &net->pnet_head[0], x)),
                                             places(ctx, conv(ctx, &net->pnet_head[1], x))},
                    2);
}

struct lt_mtcnn_output lt_mtcnn_rnet(lt_ctx *ctx, const lt_mtcnn *net, lt_tensor *x)
{
    const lt_scope scope = lt_scope_open(ctx);
    x = pool(ctx, conv(ctx, &net->rnet[0], x), 3);
    x = pool(ctx, conv(ctx, &net->rnet[1], x), 3);
    x = dense(ctx, &net->rnet_dense, flatten(ctx, conv(ctx, &net->rnet[2], x)));
    return hand_out(ctx, scope,
                    (lt_tensor *[HEADS_MAX]){dense(ctx, &net->rnet_head[0], x),
                                             dense(ctx, &net->rnet_head[1], x)},
                    2);
}

struct lt_mtcnn_output lt_mtcnn_onet(lt_ctx *ctx, const lt_mtcnn *net, lt_tensor *x)
{
    const lt_scope scope = lt_scope_open(ctx);
    x = pool(ctx, conv(ctx, &net->onet[0], x), 3);
    x = pool(ctx, conv(ctx, &net->onet[1], x), 3);
    x = pool(ctx, conv(ctx, &net->onet[2], x), 2);
    x = dense(ctx, &net->onet_dense, flatten(ctx, conv(ctx, &net->onet[3], x)));
    return hand_out(ctx, scope,
                    (lt_tensor *[HEADS_MAX]){dense(ctx, &net->onet_head[0], x),
                                             dense(ctx, &net->onet_head[1], x),
                                             dense(ctx, &net->onet_head[2], x)},
                    3);
}
