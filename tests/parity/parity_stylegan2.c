/* StyleGAN2: mapping, truncation, styles, layers, images, gradients to W+. */
#include <math.h>
#include <stdio.h>

#include "parity/fixture.h"
#include "nn/models/stylegan2.h"

/* The output of a layer for the first latent. */
static void tap(void *user, const char *name, lt_tensor *t)
{
    char quantity[64];
    snprintf(quantity, sizeof quantity, "layer.%s.latent0", name);
    golden_check(user, quantity, parity_row(t, 0));
}

static void check_mapping(struct golden *g, const lt_stylegan2 *net)
{
    lt_no_grad_begin(parity_ctx);
    lt_tensor *w = lt_stylegan2_mapping(parity_ctx, net, golden_input(g, "z"));
    golden_check(g, "mapping.w", w);
    lt_tensor *truncated = lt_stylegan2_truncate(parity_ctx, net, w, 0.7f);
    golden_check(g, "mapping.w_trunc07", truncated);
    if (golden_has(g, "image_from_z_trunc07")) {
        lt_tensor *two = lt_slice(parity_ctx, truncated, 0, 0, 2);
        golden_check(
            g, "image_from_z_trunc07",
            lt_stylegan2_synthesis(parity_ctx, net, lt_stylegan2_broadcast(parity_ctx, net, two)));
    }
    lt_no_grad_end(parity_ctx);
}

static void check_styles(struct golden *g, const lt_stylegan2 *net, lt_tensor *wplus)
{
    lt_tensor *styles[64];
    const int count = lt_stylegan2_styles_count(net);
    ck_assert_int_le(count, 64);
    lt_no_grad_begin(parity_ctx);
    PARITY_OK(lt_stylegan2_styles(parity_ctx, net, wplus, styles));
    for (int i = 0; i < count; i++) {
        char quantity[32];
        snprintf(quantity, sizeof quantity, "style.%02d", i);
        golden_check(g, quantity, styles[i]);
    }
    lt_no_grad_end(parity_ctx);
}

/* Sums for the mean, standard deviation, least and greatest value of all pixels. */
struct stats {
    double n, sum, squares;
    float low, high;
};

static void add_stats(struct stats *s, const lt_tensor *image)
{
    PARITY_HAVE(image);
    const float *v = lt_f32(image);
    for (int64_t i = 0; i < lt_numel(image); i++) {
        s->low = s->n == 0 || v[i] < s->low ? v[i] : s->low;
        s->high = s->n == 0 || v[i] > s->high ? v[i] : s->high;
        s->n += 1;
        s->sum += (double)v[i];
        s->squares += (double)v[i] * (double)v[i];
    }
}

static void check_stats(struct golden *g, const struct stats *s)
{
    const double mean = s->sum / s->n;
    const float found[4] = {
        (float)mean, (float)sqrt((s->squares - s->n * mean * mean) / (s->n - 1)), s->low, s->high};
    golden_check(g, "image.stats",
                 lt_from_copy(parity_ctx, LT_F32, 1, (const int64_t[]){4}, found));
}

/* Latents first..first+count-1 in one pass: images, and gradients of the sum with the probe. */
static void check_images(struct golden *g, lt_stylegan2 *net, lt_tensor *all, int64_t first,
                         int64_t count, struct stats *stats)
{
    const lt_scope scope = lt_scope_open(parity_ctx);
    lt_tensor *wplus = lt_detach(parity_ctx, lt_slice(parity_ctx, all, 0, first, count));
    lt_tensor *probe = lt_slice(parity_ctx, golden_input(g, "probe"), 0, first, count);
    PARITY_HAVE(wplus);
    PARITY_OK(lt_set_requires_grad(parity_ctx, wplus, true));
    lt_stylegan2_set_tap(net, first == 0 ? tap : NULL, g);
    lt_tensor *image = lt_stylegan2_synthesis(parity_ctx, net, wplus);
    add_stats(stats, image);
    PARITY_OK(lt_backward_seed(parity_ctx, image, probe));
    if (golden_has(g, "image"))
        golden_check(g, "image", image);
    for (int64_t i = 0; i < count; i++) {
        char quantity[32];
        snprintf(quantity, sizeof quantity, "image%d", (int)(first + i));
        if (!golden_has(g, "image"))
            golden_check(g, quantity, parity_row(image, i));
        snprintf(quantity, sizeof quantity, "grad_wplus%d", (int)(first + i));
        golden_check(g, quantity, parity_row(lt_grad(wplus), i));
    }
    lt_scope_close(parity_ctx, scope, NULL);
}

/* Runs all latents through the generator, `together` of them in each pass. */
static void generator(int size, int64_t together)
{
    char name[32];
    snprintf(name, sizeof name, "stylegan2_%d", size);
    struct golden *g = parity_golden(name);
    snprintf(name, sizeof name, "stylegan2-%d", size);
    lt_params *params = parity_model(name);
    PARITY_OK(formula_latent_avg(parity_ctx, 1, params));
    lt_stylegan2 *net;
    PARITY_OK(lt_stylegan2_create(parity_ctx, params, &net));
    check_mapping(g, net);
    lt_tensor *wplus = golden_input(g, "wplus");
    PARITY_HAVE(wplus);
    check_styles(g, net, wplus);
    struct stats stats = {0};
    for (int64_t first = 0; first < lt_dim(wplus, 0); first += together)
        check_images(g, net, wplus, first, together, &stats);
    check_stats(g, &stats);
    lt_stylegan2_free(net);
    parity_finish(g);
}

START_TEST(size_32)
{
    generator(32, 2);
}
END_TEST

START_TEST(size_256)
{
    generator(256, 2);
}
END_TEST

START_TEST(size_1024)
{
    generator(1024, 1);
}
END_TEST

Suite *suite_parity_stylegan2(void)
{
    TCase *tests;
    Suite *suite = parity_suite("parity_stylegan2", PARITY_SLOW, &tests);
    tcase_add_test(tests, size_32);
    tcase_add_test(tests, size_256);
    return suite;
}

Suite *suite_parity_stylegan2_full(void)
{
    TCase *tests;
    Suite *suite = parity_suite("parity_stylegan2_full", PARITY_FULL, &tests);
    tcase_add_test(tests, size_1024);
    return suite;
}
