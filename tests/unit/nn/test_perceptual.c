/* The loss networks on small shapes: IR-SE50's identity loss and VGG19's perceptual loss. */
#include <math.h>

#include "nn/models/irse50.h"
#include "nn/models/vgg19.h"
#include "support/nn_check.h"
#include "support/random_weights.h"

Suite *suite_perceptual(void);

static lt_ctx *ctx;
static lt_params *params;
static lt_rng rng;

static void setup(void)
{
    ctx = nn_context();
    rng = lt_rng_make(31, 0);
    lt_params_create(ctx, &params);
}

static void teardown(void)
{
    lt_params_free(params);
    lt_ctx_destroy(ctx);
}

/* Four units that end at 4, 6, 8 and 10 channels: the first halves the picture with the plain
 * shortcut. */
static lt_irse50 *make_irse(void)
{
    const struct lt_maker to = {ctx, params, &rng};
    random_irse_body(&to, "", (const int64_t[]){4, 4, 6, 8, 10});
    random_irse_head(&to, 10, 0.05f);
    lt_irse50 *net = NULL;
    ck_assert_msg(lt_irse50_create(ctx, params, &net) == LT_OK, "%s", lt_ctx_message(ctx));
    return net;
}

START_TEST(identity_preprocessing)
{
    /* A ramp along x: pooling keeps it a ramp. */
    lt_tensor *x = lt_empty(ctx, LT_F32, 4, (const int64_t[]){1, 3, 512, 512});
    for (int64_t i = 0; i < lt_numel(x); i++)
        lt_f32(x)[i] = (float)(i % 512);
    lt_tensor *y = lt_irse50_preprocess(ctx, x);
    nn_assert_ok(ctx);
    ck_assert_int_eq(lt_dim(y, 2), 112);
    ck_assert_int_eq(lt_dim(y, 3), 112);
    /* Column 0 of 112 is the mean of columns 32 and 33 of 256: pixels 64..67. */
    ck_assert_float_eq_tol(lt_f32(y)[0], 65.5f, 1e-3f);
    ck_assert_float_eq_tol(lt_f32(y)[111], 2.0f * (32.0f + 186.5f) + 0.5f, 1e-3f);
}
END_TEST

struct pictures {
    void *net;
    lt_tensor *x_hat, *x;
};

static lt_tensor *identity(lt_ctx *c, void *user)
{
    const struct pictures *p = user;
    return lt_irse50_identity_loss(c, p->net, p->x_hat, p->x);
}

START_TEST(identity_loss)
{
    lt_irse50 *net = make_irse();
    const int64_t shape[4] = {2, 3, 256, 256};
    struct pictures p = {net, nn_normal(ctx, &rng, 4, shape), nn_normal(ctx, &rng, 4, shape)};
    lt_tensor *f = lt_irse50_embed(ctx, net, lt_irse50_preprocess(ctx, p.x));
    nn_assert_ok(ctx);
    ck_assert(nn_distance(lt_irse50_features(ctx, net, p.x), f) == 0.0);
    for (int i = 0; i < 2; i++) {
        double length = 0.0;
        for (int j = 0; j < 7; j++)
            length += pow((double)lt_f32(f)[i * 7 + j], 2.0);
        ck_assert_double_eq_tol(length, 1.0, 1e-5);
    }
    struct pictures same = {net, p.x, p.x};
    ck_assert_float_eq_tol(lt_item(identity(ctx, &same)), 0.0f, 1e-6f);
    lt_tensor *loss = identity(ctx, &p);
    nn_assert_ok(ctx);
    ck_assert_float_gt(lt_item(loss), 1e-3f);
    /* Along the gradient itself: single pixels hardly move the loss. */
    lt_set_requires_grad(ctx, p.x_hat, true);
    ck_assert_int_eq(lt_backward(ctx, identity(ctx, &p)), LT_OK);
    lt_set_requires_grad(ctx, p.x_hat, false);
    float *x = lt_f32(p.x_hat);
    const float *g = lt_f32(lt_grad(p.x_hat));
    double square = 0.0, value[2];
    for (int64_t i = 0; i < lt_numel(p.x_hat); i++)
        square += (double)g[i] * (double)g[i];
    const float step = (float)(0.02 / sqrt(square));
    for (int k = 0; k < 2; k++) {
        for (int64_t i = 0; i < lt_numel(p.x_hat); i++)
            x[i] += (k ? -2.0f : 1.0f) * step * g[i];
        value[k] = (double)lt_item(identity(ctx, &p));
    }
    const double slope = (value[0] - value[1]) / (2.0 * (double)step);
    ck_assert_msg(fabs(slope - square) < 0.05 * square, "slope %g, expected %g", slope, square);
    lt_irse50_free(net);
}
END_TEST

START_TEST(identity_failures)
{
    lt_irse50 *net = make_irse();
    ck_assert_ptr_null(lt_irse50_embed(ctx, net, lt_zeros(ctx, 2, (const int64_t[]){2, 3})));
    nn_assert_failed(ctx, LT_ERR_SHAPE, "x is (2, 3), expected (N, 3, 112, 112)");
    ck_assert_ptr_null(lt_irse50_preprocess(ctx, lt_zeros(ctx, 2, (const int64_t[]){2, 3})));
    nn_assert_failed(ctx, LT_ERR_SHAPE, "image is (2, 3)");
    ck_assert_ptr_null(lt_irse50_feature_loss(ctx, lt_zeros(ctx, 2, (const int64_t[]){2, 7}),
                                              lt_zeros(ctx, 2, (const int64_t[]){1, 7})));
    nn_assert_failed(ctx, LT_ERR_SHAPE, "2 pictures against 1");
    lt_irse50_free(net);
    lt_params *empty = NULL;
    lt_params_create(ctx, &empty);
    ck_assert_int_eq(lt_irse50_create(ctx, empty, &net), LT_ERR_MISSING);
    nn_assert_failed(ctx, LT_ERR_MISSING, "input_layer.0.weight");
    ck_assert_ptr_null(net);
    lt_params_free(empty);
}
END_TEST

/* All sixteen layers with four channels each. */
static lt_vgg19 *make_vgg(void)
{
    random_vgg19(&(struct lt_maker){ctx, params, &rng}, 4);
    lt_vgg19 *net = NULL;
    ck_assert_msg(lt_vgg19_create(ctx, params, &net) == LT_OK, "%s", lt_ctx_message(ctx));
    return net;
}

START_TEST(vgg_features)
{
    lt_vgg19 *net = make_vgg();
    ck_assert_str_eq(lt_vgg19_layer_name(13), "conv5_2");
    ck_assert_ptr_null(lt_vgg19_layer_name(16));
    lt_tensor *x = nn_normal(ctx, &rng, 4, (const int64_t[]){1, 3, 32, 48});
    lt_tensor *f[LT_VGG19_CONVS];
    ck_assert_int_eq(lt_vgg19_features(ctx, net, x, 0xffffu, f), LT_OK);
    static const int level[LT_VGG19_CONVS] = {0, 0, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4};
    for (int i = 0; i < LT_VGG19_CONVS; i++) {
        ck_assert_int_eq(lt_dim(f[i], 2), 32 >> level[i]);
        ck_assert_int_eq(lt_dim(f[i], 3), 48 >> level[i]);
    }
    /* A pixel of the first layer: blue, green, red, each (x + 1) / 2 less its mean, times 255. */
    static const double mean[3] = {0.40760392, 0.45795686, 0.48501961};
    const float *w = lt_f32(lt_params_find(params, "conv1_1.weight"));
    double sum = (double)lt_f32(lt_params_find(params, "conv1_1.bias"))[2];
    for (int c = 0; c < 3; c++)
        for (int t = 0; t < 9; t++) {
            const int64_t at = ((2 - c) * 32 + 10 + t / 3 - 1) * 48 + 20 + t % 3 - 1;
            sum += (double)w[(2 * 3 + c) * 9 + t] *
                   (((double)lt_f32(x)[at] + 1.0) / 2.0 - mean[c]) * 255.0;
        }
    ck_assert_double_eq_tol((double)lt_f32(f[0])[(2 * 32 + 10) * 48 + 20], fmax(sum, 0.0), 1e-2);
    /* Features are computed only for the layers that were asked for. */
    lt_tensor *some[LT_VGG19_CONVS];
    ck_assert_int_eq(lt_vgg19_features(ctx, net, x, 1u << 1 | 1u << 4, some), LT_OK);
    for (int i = 0; i < LT_VGG19_CONVS; i++)
        ck_assert((some[i] != NULL) == (i == 1 || i == 4));
    ck_assert(nn_distance(some[4], f[4]) == 0.0);
    ck_assert(nn_distance(lt_vgg19_perceptual_features(ctx, net, x), f[13]) == 0.0); /* conv5_2 */
    ck_assert_int_eq(lt_vgg19_features(ctx, net, NULL, 1u, some), LT_ERR_ARGUMENT);
    nn_assert_failed(ctx, LT_ERR_ARGUMENT, "image is NULL");
    lt_vgg19_free(net);
    lt_params *empty = NULL;
    lt_params_create(ctx, &empty);
    ck_assert_int_eq(lt_vgg19_create(ctx, empty, &net), LT_ERR_MISSING);
    nn_assert_failed(ctx, LT_ERR_MISSING, "conv1_1.weight");
    lt_params_free(empty);
}
END_TEST

static lt_tensor *vgg_loss(lt_ctx *c, void *user)
{
    const struct pictures *p = user;
    lt_tensor *fm = lt_vgg19_perceptual_loss(c, p->net, p->x_hat, p->x);
    lt_tensor *style = lt_vgg19_style_loss(c, p->net, p->x_hat, p->x);
    lt_tensor *content = lt_vgg19_content_loss(c, p->net, p->x_hat, p->x);
    return lt_add(c, fm,
                  lt_add(c, lt_affine(c, style, 1e-3f, 0.0f), lt_affine(c, content, 1e-3f, 0.0f)));
}

START_TEST(vgg_losses)
{
    lt_vgg19 *net = make_vgg();
    const int64_t shape[4] = {2, 3, 16, 16};
    struct pictures p = {net, nn_normal(ctx, &rng, 4, shape), nn_normal(ctx, &rng, 4, shape)};
    nn_check_gradient(ctx, "x_hat", p.x_hat, vgg_loss, &p, 8, 2e-3f, 5e-2);
    struct pictures same = {net, p.x, p.x};
    ck_assert_float_eq_tol(lt_item(vgg_loss(ctx, &same)), 0.0f, 1e-6f);
    /* The second picture is the target: no gradient. */
    lt_set_requires_grad(ctx, p.x, true);
    lt_set_requires_grad(ctx, p.x_hat, true);
    ck_assert_int_eq(lt_backward(ctx, vgg_loss(ctx, &p)), LT_OK);
    ck_assert_ptr_null(lt_grad(p.x));
    ck_assert_ptr_nonnull(lt_grad(p.x_hat));
    lt_vgg19_free(net);
}
END_TEST

Suite *suite_perceptual(void)
{
    Suite *s = suite_create("perceptual");
    TCase *c = tcase_create("perceptual");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_set_timeout(c, 120);
    tcase_add_test(c, identity_preprocessing);
    tcase_add_test(c, identity_loss);
    tcase_add_test(c, identity_failures);
    tcase_add_test(c, vgg_features);
    tcase_add_test(c, vgg_losses);
    suite_add_tcase(s, c);
    return s;
}
