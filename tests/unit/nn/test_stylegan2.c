#include <math.h>
#include <stdio.h>
#include <string.h>

#include "nn/optim.h"
#include "nn/models/stylegan2.h"
#include "support/nn_check.h"

Suite *suite_stylegan2(void);

enum { SIZE = 16, LATENTS = 6, STYLES = 8, Z = 5, D = 6 };

static lt_ctx *ctx;
static lt_params *params;
static lt_stylegan2 *net;
static lt_rng rng;

/* A 16 pixel generator with channels 6, 5, 4; every weight away from its special initial value. */
static void setup(void)
{
    const lt_stylegan2_config config = {
        .size = SIZE, .z_dim = Z, .style_dim = D, .n_mlp = 2, .channels = {6, 5, 4}};
    ctx = nn_context();
    rng = lt_rng_make(11, 0);
    lt_params_create(ctx, &params);
    ck_assert_int_eq(lt_stylegan2_init(ctx, params, &config, &rng), LT_OK);
    for (size_t i = 0; i < lt_params_count(params); i++) {
        const char *name = lt_params_name(params, i);
        lt_tensor *t = lt_params_at(params, i);
        if (strstr(name, "noise.weight") || strcmp(name, "latent_avg") == 0)
            lt_fill_normal(ctx, t, &rng, 0.3f, 0.1f);
        else if (strstr(name, "bias"))
            lt_fill_normal(ctx, t, &rng, strstr(name, "modulation") ? 1.0f : 0.1f, 0.3f);
    }
    ck_assert_msg(lt_stylegan2_create(ctx, params, &net) == LT_OK, "%s", lt_ctx_message(ctx));
}

static void teardown(void)
{
    lt_stylegan2_free(net);
    lt_params_free(params);
    lt_ctx_destroy(ctx);
}

static lt_tensor *normal(int ndim, const int64_t *shape)
{
    return nn_normal(ctx, &rng, ndim, shape);
}

START_TEST(description)
{
    const lt_stylegan2_config *c = lt_stylegan2_describe(net);
    ck_assert_int_eq(c->size, SIZE);
    ck_assert_int_eq(c->z_dim, Z);
    ck_assert_int_eq(c->style_dim, D);
    ck_assert_int_eq(c->n_mlp, 2);
    ck_assert_int_eq(c->channels[2], 4);
    ck_assert_int_eq(lt_stylegan2_latents(net), LATENTS);
    ck_assert_int_eq(lt_stylegan2_styles_count(net), STYLES);
    static const char *const name[STYLES] = {"conv1",     "to_rgb1", "convs.0", "convs.1",
                                             "to_rgbs.0", "convs.2", "convs.3", "to_rgbs.1"};
    static const int layer[STYLES] = {0, 1, 1, 2, 3, 3, 4, 5};
    static const int channels[STYLES] = {6, 6, 6, 5, 5, 5, 4, 4};
    for (int i = 0; i < STYLES; i++) {
        ck_assert_str_eq(lt_stylegan2_style_name(net, i), name[i]);
        ck_assert_int_eq(lt_stylegan2_style_layer(net, i), layer[i]);
        ck_assert_int_eq(lt_stylegan2_style_channels(net, i), channels[i]);
        ck_assert(lt_stylegan2_style_is_rgb(net, i) == (name[i][0] == 't'));
    }
    ck_assert_ptr_eq(lt_stylegan2_latent_avg(net), lt_params_find(params, "latent_avg"));
}
END_TEST

/* One layer with the modulated weights written out per sample (Karras et al. 2020, equations 1 and
 * 3). */
static void plain_conv1(const lt_tensor *style, int n, double *out)
{
    const float *w = lt_f32(lt_params_find(params, "conv1.conv.weight"));
    const float *x = lt_f32(lt_params_find(params, "input.input"));
    const float *noise = lt_f32(lt_params_find(params, "noises.noise_0"));
    const float *bias = lt_f32(lt_params_find(params, "conv1.activate.bias"));
    const double strength = (double)lt_item(lt_params_find(params, "conv1.noise.weight"));
    enum { C = 6 };
    for (int o = 0; o < C; o++) {
        double k[C][9], energy = 0.0;
        for (int i = 0; i < C; i++)
            for (int t = 0; t < 9; t++) {
                k[i][t] = (double)w[(o * C + i) * 9 + t] / sqrt(C * 9.0) *
                          (double)lt_f32(style)[n * C + i];
                energy += k[i][t] * k[i][t];
            }
        for (int y = 0; y < 4; y++)
            for (int z = 0; z < 4; z++) {
                double sum = 0.0;
                for (int i = 0; i < C; i++)
                    for (int t = 0; t < 9; t++) {
                        const int v = y + t / 3 - 1, u = z + t % 3 - 1;
                        if (v >= 0 && v < 4 && u >= 0 && u < 4)
                            sum += k[i][t] * (double)x[(i * 4 + v) * 4 + u];
                    }
                sum = sum / sqrt(energy + 1e-8) + strength * (double)noise[y * 4 + z] +
                      (double)bias[o];
                out[(o * 4 + y) * 4 + z] = sqrt(2.0) * (sum > 0.0 ? sum : 0.2 * sum);
            }
    }
}

static void check_conv1(void *user, const char *name, lt_tensor *t)
{
    if (strcmp(name, "conv1") != 0)
        return;
    double want[6 * 16];
    plain_conv1(((lt_tensor **)user)[0], 1, want);
    for (int i = 0; i < 6 * 16; i++)
        ck_assert_double_eq_tol((double)lt_f32(t)[6 * 16 + i], want[i], 1e-4);
}

static void count_taps(void *user, const char *name, lt_tensor *t)
{
    int *seen = user;
    ck_assert_str_eq(name, lt_stylegan2_style_name(net, *seen));
    ck_assert_int_eq(lt_dim(t, 0), 2);
    ++*seen;
}

START_TEST(first_layer_by_hand)
{
    lt_tensor *w = normal(3, (const int64_t[]){2, LATENTS, D});
    lt_tensor *styles[STYLES];
    ck_assert_int_eq(lt_stylegan2_styles(ctx, net, w, styles), LT_OK);
    lt_stylegan2_set_tap(net, check_conv1, styles);
    ck_assert_ptr_nonnull(lt_stylegan2_synthesis_styles(ctx, net, styles));
    int seen = 0;
    lt_stylegan2_set_tap(net, count_taps, &seen);
    lt_tensor *image = lt_stylegan2_synthesis(ctx, net, w);
    nn_assert_ok(ctx);
    ck_assert_int_eq(seen, STYLES);
    lt_stylegan2_set_tap(net, NULL, NULL);
    ck_assert_int_eq(lt_dim(image, 1), 3);
    ck_assert_int_eq(lt_dim(image, 3), SIZE);
}
END_TEST

START_TEST(latent_spaces_agree)
{
    lt_tensor *z = normal(2, (const int64_t[]){3, Z});
    lt_tensor *w = lt_stylegan2_mapping(ctx, net, z);
    lt_tensor *wplus = lt_stylegan2_broadcast(ctx, net, w);
    ck_assert_int_eq(lt_dim(wplus, 1), LATENTS);
    lt_tensor *a = lt_stylegan2_synthesis(ctx, net, wplus);
    lt_tensor *styles[STYLES];
    ck_assert_int_eq(lt_stylegan2_styles(ctx, net, wplus, styles), LT_OK);
    lt_tensor *b = lt_stylegan2_synthesis_styles(ctx, net, styles);
    nn_assert_ok(ctx);
    ck_assert_mem_eq(lt_f32(a), lt_f32(b), (size_t)lt_numel(a) * 4);
    /* A batch gives each sample the result that it has alone. */
    lt_tensor *one = lt_stylegan2_synthesis(ctx, net, lt_slice(ctx, wplus, 0, 1, 1));
    ck_assert(nn_distance(one, lt_contiguous(ctx, lt_slice(ctx, a, 0, 1, 1))) < 1e-5);
    /* PixelNorm: the length of z does not matter. */
    lt_tensor *far = lt_stylegan2_mapping(ctx, net, lt_affine(ctx, z, 3.0f, 0.0f));
    ck_assert(nn_distance(far, w) < 1e-5);
}
END_TEST

struct tapped {
    const char *name;
    lt_tensor *output;
};

static void keep_output(void *user, const char *name, lt_tensor *t)
{
    struct tapped *tapped = user;
    if (strcmp(name, tapped->name) == 0)
        tapped->output = lt_retain(t);
}

/* A synthesis that stops at an early layer gives the output of that layer in the full synthesis.
 * Layers beyond it receive no gradient. */
START_TEST(ends_early)
{
    lt_tensor *w = normal(3, (const int64_t[]){2, LATENTS, D});
    struct tapped tapped = {.name = "to_rgbs.0"};
    lt_stylegan2_set_tap(net, keep_output, &tapped);
    lt_tensor *whole = lt_stylegan2_synthesis(ctx, net, w);
    lt_stylegan2_set_tap(net, NULL, NULL);
    lt_set_requires_grad(ctx, w, true);
    lt_tensor *early = lt_stylegan2_synthesis_at(ctx, net, w, 8);
    nn_assert_ok(ctx);
    ck_assert_ptr_nonnull(tapped.output);
    ck_assert_int_eq(lt_dim(early, 3), 8);
    ck_assert_mem_eq(lt_f32(early), lt_f32(tapped.output), (size_t)lt_numel(early) * 4);
    ck_assert_int_eq(lt_backward(ctx, lt_sum(ctx, lt_square(ctx, early), 0, false)), LT_OK);
    const float *g = lt_f32(lt_grad(w));
    const int taking_part = lt_stylegan2_latents_at(net, 8);
    double last = 0.0, after = 0.0;
    for (int i = 0; i < 2 * LATENTS * D; i++)
        if (i / D % LATENTS >= taking_part - 1)
            *(i / D % LATENTS == taking_part - 1 ? &last : &after) += fabs((double)g[i]);
    ck_assert_int_eq(taking_part, 4);
    ck_assert_double_gt(last, 0.0);
    ck_assert_double_eq(after, 0.0);
    ck_assert_int_eq(lt_stylegan2_latents_at(net, SIZE), LATENTS);
    lt_set_requires_grad(ctx, w, false);
    ck_assert(nn_distance(lt_stylegan2_synthesis_at(ctx, net, w, SIZE), whole) == 0.0);
    ck_assert(nn_distance(lt_stylegan2_synthesis_at(ctx, net, w, 0), whole) == 0.0);
    for (int size = 1; size <= 4 * SIZE; size = size == 1 ? 12 : size == 12 ? 2 * SIZE : 8 * SIZE) {
        ck_assert_ptr_null(lt_stylegan2_synthesis_at(ctx, net, w, size));
        nn_assert_failed(ctx, LT_ERR_ARGUMENT, "on the way to");
    }
    lt_release(tapped.output);
}
END_TEST

START_TEST(truncation_and_mixing)
{
    lt_tensor *w = normal(2, (const int64_t[]){2, D});
    lt_tensor *avg = lt_stylegan2_latent_avg(net);
    ck_assert_ptr_eq(lt_stylegan2_truncate(ctx, net, w, 1.0f), w);
    lt_tensor *none = lt_stylegan2_truncate(ctx, net, w, 0.0f);
    lt_tensor *half = lt_stylegan2_truncate(ctx, net, lt_stylegan2_broadcast(ctx, net, w), 0.5f);
    nn_assert_ok(ctx);
    for (int i = 0; i < D; i++) {
        ck_assert_float_eq_tol(lt_f32(none)[D + i], lt_f32(avg)[i], 1e-6f);
        ck_assert_float_eq_tol(lt_f32(half)[(LATENTS + 2) * D + i],
                               0.5f * (lt_f32(avg)[i] + lt_f32(w)[D + i]), 1e-6f);
    }
    lt_tensor *a = normal(3, (const int64_t[]){2, LATENTS, D});
    lt_tensor *b = normal(3, (const int64_t[]){2, LATENTS, D});
    lt_tensor *m = lt_stylegan2_mix(ctx, a, b, 2);
    nn_assert_ok(ctx);
    for (int i = 0; i < 2 * LATENTS * D; i++)
        ck_assert_float_eq(lt_f32(m)[i], lt_f32(i / D % LATENTS < 2 ? a : b)[i]);
    ck_assert_ptr_eq(lt_stylegan2_mix(ctx, a, b, 0), b);
    ck_assert_ptr_eq(lt_stylegan2_mix(ctx, a, b, LATENTS), a);
    ck_assert_ptr_null(lt_stylegan2_mix(ctx, a, b, LATENTS + 1));
    nn_assert_failed(ctx, LT_ERR_ARGUMENT, "crossover 7");
}
END_TEST

START_TEST(noise_modes)
{
    lt_tensor *w = normal(3, (const int64_t[]){2, LATENTS, D});
    lt_tensor *fixed = lt_stylegan2_synthesis(ctx, net, w);
    ck_assert(nn_distance(lt_stylegan2_synthesis(ctx, net, w), fixed) == 0.0);
    lt_stylegan2_set_noise(net, LT_NOISE_NONE, NULL);
    lt_tensor *none = lt_stylegan2_synthesis(ctx, net, w);
    ck_assert(nn_distance(none, fixed) > 1e-3);
    lt_stylegan2_set_noise(net, LT_NOISE_RANDOM, NULL);
    ck_assert_ptr_null(lt_stylegan2_synthesis(ctx, net, w));
    nn_assert_failed(ctx, LT_ERR_ARGUMENT, "random noise");
    lt_rng draw = lt_rng_make(5, 0), again = draw;
    lt_stylegan2_set_noise(net, LT_NOISE_RANDOM, &draw);
    lt_tensor *first = lt_stylegan2_synthesis(ctx, net, w);
    lt_tensor *second = lt_stylegan2_synthesis(ctx, net, w);
    ck_assert(nn_distance(first, second) > 1e-3);
    lt_stylegan2_set_noise(net, LT_NOISE_RANDOM, &again);
    ck_assert(nn_distance(lt_stylegan2_synthesis(ctx, net, w), first) == 0.0);
    /* Without strength the noise does not show. */
    for (size_t i = 0; i < lt_params_count(params); i++)
        if (strstr(lt_params_name(params, i), "noise.weight"))
            lt_f32(lt_params_at(params, i))[0] = 0.0f;
    ck_assert(nn_distance(lt_stylegan2_synthesis(ctx, net, w), none) < 1e-6);
}
END_TEST

struct inputs {
    lt_tensor *z, *w;
    lt_tensor *styles[STYLES];
};

static lt_tensor *from_z(lt_ctx *c, void *user)
{
    lt_tensor *w = lt_stylegan2_mapping(c, net, ((struct inputs *)user)->z);
    w = lt_stylegan2_truncate(c, net, w, 0.8f);
    return lt_stylegan2_synthesis(c, net, lt_stylegan2_broadcast(c, net, w));
}

static lt_tensor *from_w(lt_ctx *c, void *user)
{
    return lt_stylegan2_synthesis(c, net, ((struct inputs *)user)->w);
}

static lt_tensor *from_styles(lt_ctx *c, void *user)
{
    return lt_stylegan2_synthesis_styles(c, net, ((struct inputs *)user)->styles);
}

START_TEST(gradients_of_latents)
{
    struct inputs in = {
        normal(2, (const int64_t[]){2, Z}), normal(3, (const int64_t[]){2, LATENTS, D}), {NULL}};
    nn_check_gradient(ctx, "z", in.z, from_z, &in, 8, 2e-3f, 2e-2);
    nn_check_gradient(ctx, "w", in.w, from_w, &in, 16, 2e-3f, 2e-2);
    lt_no_grad_begin(ctx);
    ck_assert_int_eq(lt_stylegan2_styles(ctx, net, in.w, in.styles), LT_OK);
    lt_no_grad_end(ctx);
    for (int i = 0; i < STYLES; i++)
        nn_check_gradient(ctx, lt_stylegan2_style_name(net, i), in.styles[i], from_styles, &in, 4,
                          2e-3f, 2e-2);
}
END_TEST

START_TEST(gradients_of_weights)
{
    struct inputs in = {normal(2, (const int64_t[]){2, Z}), NULL, {NULL}};
    int checked = 0;
    for (size_t i = 0; i < lt_params_count(params); i++) {
        const char *name = lt_params_name(params, i);
        if (strstr(name, "kernel") || strstr(name, "noises") || strcmp(name, "latent_avg") == 0)
            continue;
        const float step = strncmp(name, "style", 5) == 0 ? 0.03f : 5e-4f;
        nn_check_gradient(ctx, name, lt_params_at(params, i), from_z, &in, 4, step, 2e-2);
        checked++;
    }
    ck_assert_int_eq(checked, 4 + 1 + 5 * 5 + 3 * 4);
    /* Buffers receive no gradient, even if all parameters require one. */
    lt_params_require_grad(ctx, params, NULL, true);
    lt_tensor *y = from_z(ctx, &in);
    ck_assert_int_eq(lt_backward(ctx, lt_mean(ctx, lt_square(ctx, y), 0, false)), LT_OK);
    for (size_t i = 0; i < lt_params_count(params); i++) {
        const char *name = lt_params_name(params, i);
        const bool buffer =
            strstr(name, "kernel") || strstr(name, "noises") || strcmp(name, "latent_avg") == 0;
        ck_assert_msg((lt_grad(lt_params_at(params, i)) == NULL) == buffer, "%s", name);
    }
}
END_TEST

START_TEST(weights_that_change)
{
    lt_tensor *w = normal(3, (const int64_t[]){1, LATENTS, D});
    lt_tensor *weight = lt_params_find(params, "convs.1.conv.weight");
    lt_tensor *before = lt_stylegan2_synthesis(ctx, net, w);
    for (int64_t i = 0; i < 45; i++)
        lt_f32(weight)[i] *= 3.0f;
    /* Demodulation makes a filter's size irrelevant, once the kept sums are renewed. */
    lt_stylegan2_refresh(net);
    ck_assert(nn_distance(lt_stylegan2_synthesis(ctx, net, w), before) < 1e-5);
    /* Training renews them by itself. */
    lt_set_requires_grad(ctx, weight, true);
    for (int64_t i = 0; i < 45; i++)
        lt_f32(weight)[i] *= 0.5f;
    ck_assert(nn_distance(lt_stylegan2_synthesis(ctx, net, w), before) < 1e-5);
    lt_set_requires_grad(ctx, weight, false);
    ck_assert(nn_distance(lt_stylegan2_synthesis(ctx, net, w), before) < 1e-5);
    lt_tape_clear(ctx);
}
END_TEST

START_TEST(training_lowers_the_loss)
{
    lt_tensor *z = normal(2, (const int64_t[]){4, Z});
    lt_tensor *target = lt_tanh(ctx, normal(4, (const int64_t[]){4, 3, SIZE, SIZE}));
    struct inputs in = {z, NULL, {NULL}};
    lt_optim_config config = lt_optim_defaults(LT_ADAM);
    config.lr = 0.02f;
    lt_optim *optim = NULL;
    lt_params_require_grad(ctx, params, NULL, true);
    ck_assert_int_eq(lt_optim_create(ctx, params, &config, &optim), LT_OK);
    float first = 0.0f, last = 0.0f;
    for (int step = 0; step < 60; step++) {
        const lt_scope scope = lt_scope_open(ctx);
        lt_optim_zero_grad(optim);
        lt_tensor *loss = lt_mse_loss(ctx, from_z(ctx, &in), target);
        nn_assert_ok(ctx);
        last = lt_item(loss);
        if (step == 0)
            first = last;
        ck_assert_int_eq(lt_backward(ctx, loss), LT_OK);
        ck_assert_int_eq(lt_optim_step(ctx, optim), LT_OK);
        lt_scope_close(ctx, scope, NULL);
    }
    ck_assert_msg(last < 0.6f * first, "loss went from %g to %g", (double)first, (double)last);
    lt_optim_free(optim);
}
END_TEST

START_TEST(failures)
{
    ck_assert_ptr_null(lt_stylegan2_mapping(ctx, net, normal(2, (const int64_t[]){2, Z + 1})));
    nn_assert_failed(ctx, LT_ERR_SHAPE, "z is (2, 6), expected (N, 5)");
    ck_assert_ptr_null(lt_stylegan2_synthesis(ctx, net, normal(2, (const int64_t[]){2, D})));
    nn_assert_failed(ctx, LT_ERR_SHAPE, "expected (N, 6, 6)");
    ck_assert_ptr_null(lt_stylegan2_broadcast(ctx, net, NULL));
    nn_assert_failed(ctx, LT_ERR_ARGUMENT, "w is NULL");
    lt_tensor *styles[STYLES];
    lt_tensor *w = normal(3, (const int64_t[]){2, LATENTS, D});
    ck_assert_int_eq(lt_stylegan2_styles(ctx, net, w, styles), LT_OK);
    styles[3] = styles[0];
    ck_assert_ptr_null(lt_stylegan2_synthesis_styles(ctx, net, styles));
    nn_assert_failed(ctx, LT_ERR_SHAPE, "style of convs.1 is (2, 6), expected (2, 5)");

    lt_params *broken = NULL;
    lt_stylegan2 *none = NULL;
    lt_params_create(ctx, &broken);
    for (size_t i = 0; i < lt_params_count(params); i++) {
        const char *name = lt_params_name(params, i);
        if (strcmp(name, "convs.1.noise.weight") != 0)
            lt_params_add(ctx, broken, name, lt_params_at(params, i));
    }
    ck_assert_int_eq(lt_stylegan2_create(ctx, broken, &none), LT_ERR_MISSING);
    nn_assert_failed(ctx, LT_ERR_MISSING, "convs.1.noise.weight");
    lt_params_new(ctx, broken, "convs.1.noise.weight", 1, (const int64_t[]){2}, NULL, 0.0f, 0.0f);
    ck_assert_int_eq(lt_stylegan2_create(ctx, broken, &none), LT_ERR_SHAPE);
    nn_assert_failed(ctx, LT_ERR_SHAPE, "convs.1.noise.weight is (2,), expected (1,)");
    ck_assert_ptr_null(none);
    lt_params_free(broken);

    /* A mean latent of 50 rows would make 50 pictures of one seed; one of none would be read past
     * its end. */
    static const int64_t rows[] = {50, 0};
    for (size_t k = 0; k < 2; k++) {
        lt_params_create(ctx, &broken);
        for (size_t i = 0; i < lt_params_count(params); i++)
            if (strcmp(lt_params_name(params, i), "latent_avg") != 0)
                lt_params_add(ctx, broken, lt_params_name(params, i), lt_params_at(params, i));
        lt_params_new(ctx, broken, "latent_avg", 2, (const int64_t[]){rows[k], D}, NULL, 0, 0);
        ck_assert_int_eq(lt_stylegan2_create(ctx, broken, &none), LT_ERR_SHAPE);
        nn_assert_failed(ctx, LT_ERR_SHAPE, "latent_avg is");
        lt_params_free(broken);
    }

    lt_stylegan2_config bad = *lt_stylegan2_describe(net);
    bad.size = 24;
    lt_params_create(ctx, &broken);
    ck_assert_int_eq(lt_stylegan2_init(ctx, broken, &bad, &rng), LT_ERR_ARGUMENT);
    nn_assert_failed(ctx, LT_ERR_ARGUMENT, "size 24");
    lt_params_free(broken);
}
END_TEST

START_TEST(memory_is_given_back)
{
    lt_tensor *w = normal(3, (const int64_t[]){2, LATENTS, D});
    lt_no_grad_begin(ctx);
    lt_scope scope = lt_scope_open(ctx);
    lt_stylegan2_synthesis(ctx, net, w);
    lt_scope_close(ctx, scope, NULL);
    const size_t blocks = lt_ctx_memory(ctx).live_blocks;
    scope = lt_scope_open(ctx);
    ck_assert_ptr_nonnull(lt_stylegan2_synthesis(ctx, net, w));
    ck_assert_uint_eq(lt_ctx_memory(ctx).live_blocks, blocks + 1);
    lt_scope_close(ctx, scope, NULL);
    ck_assert_uint_eq(lt_ctx_memory(ctx).live_blocks, blocks);
    lt_no_grad_end(ctx);
}
END_TEST

Suite *suite_stylegan2(void)
{
    Suite *s = suite_create("stylegan2");
    TCase *c = tcase_create("stylegan2");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_set_timeout(c, 120);
    tcase_add_test(c, description);
    tcase_add_test(c, first_layer_by_hand);
    tcase_add_test(c, latent_spaces_agree);
    tcase_add_test(c, ends_early);
    tcase_add_test(c, truncation_and_mixing);
    tcase_add_test(c, noise_modes);
    tcase_add_test(c, gradients_of_latents);
    tcase_add_test(c, gradients_of_weights);
    tcase_add_test(c, weights_that_change);
    tcase_add_test(c, training_lowers_the_loss);
    tcase_add_test(c, failures);
    tcase_add_test(c, memory_is_given_back);
    suite_add_tcase(s, c);
    return s;
}
