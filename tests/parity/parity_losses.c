/* The identity loss on IR-SE50 and the perceptual losses on VGG19. */
#include <stdio.h>
#include <string.h>

#include "parity/fixture.h"
#include "nn/models/irse50.h"
#include "nn/models/vgg19.h"

/* ---- IR-SE50 ---- */

static lt_tensor *face_features(const lt_irse50 *net, lt_tensor *images)
{
    return lt_irse50_embed(parity_ctx, net, lt_irse50_preprocess(parity_ctx, images));
}

START_TEST(identity)
{
    struct golden *g = parity_golden(_i ? "id_loss_1024" : "id_loss");
    lt_irse50 *net;
    PARITY_OK(lt_irse50_create(parity_ctx, parity_model("irse50"), &net));
    lt_tensor *x_hat = parity_leaf(g, "x_hat"), *x = golden_input(g, "x");
    lt_no_grad_begin(parity_ctx);
    golden_check(g, "features_x_hat", face_features(net, x_hat));
    golden_check(g, "features_x", face_features(net, x));
    lt_no_grad_end(parity_ctx);
    lt_tensor *loss = lt_irse50_identity_loss(parity_ctx, net, x_hat, x);
    golden_check(g, "loss", loss);
    PARITY_OK(lt_backward(parity_ctx, loss));
    golden_check(g, "grad_x_hat", lt_grad(x_hat));
    lt_irse50_free(net);
    parity_finish(g);
}
END_TEST

/* ---- VGG19 ---- */

enum { MAPS = 5, CONTENT = 3 };

/* The second feature map of each stage, and its index among the convolutions. */
static const char *const map_name[MAPS] = {"conv1_2", "conv2_2", "conv3_2", "conv4_2", "conv5_2"};
static const char *const map_key[MAPS] = {"x_hat.r12", "x_hat.r22", "x_hat.r32", "x_hat.r42",
                                          "x_hat.r52"};

static int map_index(int map)
{
    for (int i = 0; i < LT_VGG19_CONVS; i++)
        if (strcmp(lt_vgg19_layer_name(i), map_name[map]) == 0)
            return i;
    ck_abort_msg("VGG19 has no layer %s", map_name[map]);
    return -1;
}

/* maps[first..last] of the images. */
static void feature_maps(const lt_vgg19 *net, lt_tensor *images, int first, int last,
                         lt_tensor *maps[MAPS])
{
    lt_tensor *out[LT_VGG19_CONVS];
    unsigned wanted = 0;
    for (int i = first; i <= last; i++)
        wanted |= 1u << map_index(i);
    PARITY_OK(lt_vgg19_features(parity_ctx, net, images, wanted, out));
    for (int i = first; i <= last; i++)
        maps[i] = out[map_index(i)];
}

/* Channel products of a feature map (1,C,H,W), over C H W (Gatys et al. 2016). */
static lt_tensor *gram(lt_tensor *map)
{
    const int64_t channels = lt_dim(map, 1);
    lt_tensor *rows = lt_reshape(parity_ctx, map, 2, (const int64_t[]){channels, -1});
    return lt_affine(parity_ctx, lt_matmul(parity_ctx, rows, rows, false, true),
                     1.0f / (float)lt_numel(map), 0.0f);
}

/* The sum over the maps of the mean absolute difference of their Gram matrices. */
static lt_tensor *style_loss(lt_tensor *const a[MAPS], lt_tensor *const b[MAPS])
{
    lt_tensor *sum = NULL;
    for (int i = 0; i < MAPS; i++) {
        lt_tensor *term = lt_l1_loss(parity_ctx, gram(a[i]), gram(b[i]));
        sum = sum ? lt_add(parity_ctx, sum, term) : term;
    }
    return sum;
}

/* Compares a loss and its gradient with respect to x_hat, which it leaves empty. */
static void check_loss(struct golden *g, const char *name, lt_tensor *loss, const char *gradient,
                       lt_tensor *x_hat)
{
    PARITY_HAVE(loss);
    golden_check(g, name, loss);
    PARITY_OK(lt_backward(parity_ctx, loss));
    golden_check(g, gradient, lt_grad(x_hat));
    lt_zero_grad(x_hat);
}

START_TEST(vgg)
{
    struct golden *g = parity_golden("vgg");
    lt_vgg19 *net;
    PARITY_OK(lt_vgg19_create(parity_ctx, parity_model("vgg19"), &net));
    lt_tensor *x_hat = parity_leaf(g, "x_hat"), *x = golden_input(g, "x");
    lt_tensor *edited[MAPS], *source[MAPS];
    feature_maps(net, x, 0, MAPS - 1, source);

    check_loss(g, "fm_loss_used_by_coach", lt_vgg19_perceptual_loss(parity_ctx, net, x_hat, x),
               "grad_fm", x_hat);
    /* The published code computes two further terms and then drops them. They serve here to test
     * the other layers. */
    feature_maps(net, x_hat, 0, MAPS - 1, edited);
    for (int i = 0; i < MAPS; i++)
        golden_check(g, map_key[i], edited[i]);
    check_loss(g, "style_loss_unused", style_loss(edited, source), "grad_style", x_hat);
    feature_maps(net, x_hat, CONTENT, CONTENT, edited);
    check_loss(g, "perc_loss_unused", lt_mse_loss(parity_ctx, edited[CONTENT], source[CONTENT]),
               "grad_perc", x_hat);
    lt_vgg19_free(net);
    parity_finish(g);
}
END_TEST

Suite *suite_parity_losses_full(void)
{
    TCase *tests;
    Suite *suite = parity_suite("parity_losses_full", PARITY_FULL, &tests);
    tcase_add_loop_test(tests, identity, 0, 2);
    tcase_add_test(tests, vgg);
    return suite;
}
