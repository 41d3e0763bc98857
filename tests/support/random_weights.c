#include "support/random_weights.h"

#include <check.h>
#include <math.h>
#include <stdio.h>

#include "nn/models/vgg19.h"

void random_weight(const struct lt_maker *to, const char *prefix, const char *suffix, int ndim,
                   const int64_t *shape, float mean, float std)
{
    lt_make(to, prefix, suffix, ndim, shape, mean, std);
    ck_assert_msg(lt_ctx_status(to->ctx) == LT_OK, "%s", lt_ctx_message(to->ctx));
}

void random_filter(const struct lt_maker *to, const char *prefix, const char *suffix, int64_t out,
                   int64_t in, int64_t k)
{
    random_weight(to, prefix, suffix, 4, (const int64_t[]){out, in, k, k}, 0.0f,
                  sqrtf(2.0f / (float)(in * k * k)));
}

void random_norm(const struct lt_maker *to, const char *prefix, const char *name, int64_t c)
{
    static const char *const part[] = {".weight", ".bias", ".running_mean", ".running_var"};
    for (int i = 0; i < 4; i++) {
        char suffix[64];
        snprintf(suffix, sizeof suffix, "%s%s", name, part[i]);
        random_weight(to, prefix, suffix, 1, &c, i % 3 ? 0.0f : 1.0f, i < 3 ? 0.1f : 0.0f);
    }
}

static void prelu(const struct lt_maker *to, const char *prefix, const char *suffix, int64_t c)
{
    random_weight(to, prefix, suffix, 1, &c, 0.25f, 0.1f);
}

void random_irse_body(const struct lt_maker *to, const char *prefix, const int64_t channels[5])
{
    char layer[40];
    snprintf(layer, sizeof layer, "%sinput_layer.", prefix);
    random_filter(to, layer, "0.weight", channels[0], 3, 3);
    random_norm(to, layer, "1", channels[0]);
    prelu(to, layer, "2.weight", channels[0]);
    for (int i = 0; i < 4; i++) {
        const int64_t in = channels[i], out = channels[i + 1];
        snprintf(layer, sizeof layer, "%sbody.%d.", prefix, i);
        random_norm(to, layer, "res_layer.0", in);
        random_filter(to, layer, "res_layer.1.weight", out, in, 3);
        prelu(to, layer, "res_layer.2.weight", out);
        random_filter(to, layer, "res_layer.3.weight", out, out, 3);
        random_norm(to, layer, "res_layer.4", out);
        random_filter(to, layer, "res_layer.5.fc1.weight", 2, out, 1);
        random_filter(to, layer, "res_layer.5.fc2.weight", out, 2, 1);
        if (in != out) {
            random_filter(to, layer, "shortcut_layer.0.weight", out, in, 1);
            random_norm(to, layer, "shortcut_layer.1", out);
        }
    }
}

void random_irse_head(const struct lt_maker *to, int64_t in, float std)
{
    random_norm(to, "output_layer.0", "", in);
    random_weight(to, "output_layer.3", ".weight", 2, (const int64_t[]){7, in * 49}, 0.0f, std);
    random_weight(to, "output_layer.3", ".bias", 1, (const int64_t[]){7}, 0.0f, 0.1f);
    random_norm(to, "output_layer.4", "", 7);
}

void random_vgg19(const struct lt_maker *to, int64_t width)
{
    for (int i = 0; i < LT_VGG19_CONVS; i++) {
        random_filter(to, lt_vgg19_layer_name(i), ".weight", width, i ? width : 3, 3);
        random_weight(to, lt_vgg19_layer_name(i), ".bias", 1, &width, 0.5f, 0.1f);
    }
}

void random_mtcnn(const struct lt_maker *to)
{
    /* Name, its PReLU, output and input channels, side of the kernel; 0: fully connected. */
    static const struct {
        const char *name, *slope;
        int64_t out, in, k;
    } layer[] = {{"pnet.conv1", "pnet.prelu1", 10, 3, 3},
                 {"pnet.conv2", "pnet.prelu2", 16, 10, 3},
                 {"pnet.conv3", "pnet.prelu3", 32, 16, 3},
                 {"pnet.conv4_1", NULL, 2, 32, 1},
                 {"pnet.conv4_2", NULL, 4, 32, 1},
                 {"rnet.conv1", "rnet.prelu1", 28, 3, 3},
                 {"rnet.conv2", "rnet.prelu2", 48, 28, 3},
                 {"rnet.conv3", "rnet.prelu3", 64, 48, 2},
                 {"rnet.dense4", "rnet.prelu4", 128, 576, 0},
                 {"rnet.dense5_1", NULL, 2, 128, 0},
                 {"rnet.dense5_2", NULL, 4, 128, 0},
                 {"onet.conv1", "onet.prelu1", 32, 3, 3},
                 {"onet.conv2", "onet.prelu2", 64, 32, 3},
                 {"onet.conv3", "onet.prelu3", 64, 64, 3},
                 {"onet.conv4", "onet.prelu4", 128, 64, 2},
                 {"onet.dense5", "onet.prelu5", 256, 1152, 0},
                 {"onet.dense6_1", NULL, 2, 256, 0},
                 {"onet.dense6_2", NULL, 4, 256, 0},
                 {"onet.dense6_3", NULL, 10, 256, 0}};
    for (size_t i = 0; i < sizeof layer / sizeof layer[0]; i++) {
        const int64_t out = layer[i].out, in = layer[i].in, k = layer[i].k;
        if (k > 0)
            random_filter(to, layer[i].name, ".weight", out, in, k);
        else
            random_weight(to, layer[i].name, ".weight", 2, (const int64_t[]){out, in}, 0.0f,
                          1.0f / sqrtf((float)in));
        random_weight(to, layer[i].name, ".bias", 1, &out, 0.0f, 0.1f);
        if (layer[i].slope)
            random_weight(to, layer[i].slope, ".weight", 1, &out, 0.2f, 0.1f);
    }
}
