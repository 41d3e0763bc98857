/* Encoders with a pyramid, e4e's and pSp's: pyramid and heads against plain loops, the levels of
 * the body, what is refused. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <stdio.h>

#include "support/method_fixture.h"
#include "nn/models/irse_body_impl.h"
#include "unit/suites.h"

enum { N = 2, SIDE = LT_ENCODER_SIDE, C = 6, L = METHOD_LAYERS, D = METHOD_D };

static struct ce_models models;
static lt_ctx *ctx;
static lt_tensor *x; /* (N,3,SIDE,SIDE) */

static void set_up(void)
{
    method_models_make(&models, CE_NEED_GENERATOR | CE_NEED_ENCODER);
    ctx = models.ctx;
    lt_rng rng = lt_rng_make(3, 0);
    x = nn_normal(ctx, &rng, 4, (const int64_t[]){N, 3, SIDE, SIDE});
    lt_no_grad_begin(ctx);
}

static void tear_down(void)
{
    lt_no_grad_end(ctx);
    method_models_free(&models);
}

static const float *weight(const char *format, int i, int k)
{
    char name[64];
    snprintf(name, sizeof name, format, i, k);
    lt_tensor *t = lt_params_find(models.encoder_params, name);
    ck_assert_msg(t != NULL, "%s", name);
    return lt_f32(t);
}

/* ---- the reference: one picture, in double ---- */

/* in (C,s,s) -> (D,s/2,s/2): 3 x 3, stride 2, one pixel of zeros around, leaky ReLU 0.01. */
static double *halve(const double *in, int s, const float *w, const float *b)
{
    const int h = s / 2;
    double *out = malloc(sizeof *out * (size_t)(D * h * h));
    ck_assert_ptr_nonnull(out);
    for (int o = 0; o < D; o++)
        for (int p = 0; p < h * h; p++) {
            double sum = (double)b[o];
            for (int c = 0; c < C; c++)
                for (int k = 0; k < 9; k++) {
                    const int row = 2 * (p / h) + k / 3 - 1, column = 2 * (p % h) + k % 3 - 1;
                    if (row >= 0 && row < s && column >= 0 && column < s)
                        sum += (double)w[(o * C + c) * 9 + k] * in[(c * s + row) * s + column];
                }
            out[o * h * h + p] = sum > 0 ? sum : 0.01 * sum;
        }
    return out;
}

/* Bilinear, corners on corners, of (C,s,s) at row, column of (C,2s,2s). */
static double between(const double *in, int s, int row, int column)
{
    const double y = row * (s - 1.0) / (2 * s - 1.0), z = column * (s - 1.0) / (2 * s - 1.0);
    const int a = (int)y < s - 2 ? (int)y : s - 2, b = (int)z < s - 2 ? (int)z : s - 2;
    const double u = y - a, v = z - b;
    return (1 - u) * ((1 - v) * in[a * s + b] + v * in[a * s + b + 1]) +
           u * ((1 - v) * in[(a + 1) * s + b] + v * in[(a + 1) * s + b + 1]);
}

/* (C,s,s) above, features (c_in,2s,2s) beside -> (C,2s,2s). */
static double *lateral(const double *above, int s, const float *beside, int c_in, int level)
{
    const float *w = weight("encoder.latlayer%d.weight", level, 0),
                *b = weight("encoder.latlayer%d.bias", level, 0);
    const int t = 2 * s;
    double *out = malloc(sizeof *out * (size_t)(C * t * t));
    ck_assert_ptr_nonnull(out);
    for (int o = 0; o < C; o++)
        for (int p = 0; p < t * t; p++) {
            double sum = (double)b[o] + between(above + o * s * s, s, p / t, p % t);
            for (int c = 0; c < c_in; c++)
                sum += (double)w[o * c_in + c] * (double)beside[c * t * t + p];
            out[o * t * t + p] = sum;
        }
    return out;
}

static void head(const double *level, int s, int i, double out[D])
{
    double *now = NULL;
    const double *in = level;
    for (int k = 0; s > 1; k++, s /= 2) {
        double *next = halve(in, s, weight("encoder.styles.%d.convs.%d.weight", i, 2 * k),
                             weight("encoder.styles.%d.convs.%d.bias", i, 2 * k));
        free(now);
        in = now = next;
    }
    const float *w = weight("encoder.styles.%d.linear.weight", i, 0),
                *b = weight("encoder.styles.%d.linear.bias", i, 0);
    for (int o = 0; o < D; o++) {
        out[o] = (double)b[o];
        for (int c = 0; c < D; c++)
            out[o] += (double)w[o * D + c] / sqrt((double)D) * now[c];
    }
    free(now);
}

/* e4e's heads after the first give the distance from the first one's latent; pSp's give latents. */
START_TEST(against_plain_loops)
{
    const bool deltas = _i == 0;
    lt_encoder *net;
    if (!deltas)
        lt_params_set_metadata(ctx, models.encoder_params, "encoder_type", "GradualStyleEncoder");
    ck_assert_int_eq(lt_encoder_create(ctx, models.encoder_params, &net), LT_OK);
    ck_assert_str_eq(lt_encoder_describe(net)->type,
                     deltas ? "Encoder4Editing" : "GradualStyleEncoder");
    struct lt_irse_body *body;
    lt_tensor *level[LT_IRSE_LEVELS];
    ck_assert_int_eq(lt_irse_body_find(ctx, models.encoder_params, "encoder.", 3, &body), LT_OK);
    ck_assert_int_eq(lt_irse_body_run(ctx, body, x, LT_IRSE_LEVELS, level), LT_OK);
    lt_tensor *w = lt_contiguous(ctx, lt_encoder_encode(ctx, net, x));
    nn_assert_ok(ctx);
    ck_assert(lt_ndim(w) == 3 && lt_dim(w, 0) == N && lt_dim(w, 1) == L && lt_dim(w, 2) == D);
    const float *average = weight("latent_avg", 0, 0);
    for (int n = 0; n < N; n++) {
        double *pyramid[LT_IRSE_LEVELS];
        pyramid[0] = malloc(sizeof(double) * C * 16 * 16);
        ck_assert_ptr_nonnull(pyramid[0]);
        for (int i = 0; i < C * 16 * 16; i++)
            pyramid[0][i] = (double)lt_f32(level[0])[n * C * 16 * 16 + i];
        for (int l = 1; l < LT_IRSE_LEVELS; l++) {
            const int c_in = (int)lt_dim(level[l], 1), s = (int)lt_dim(level[l], 2);
            ck_assert_int_eq(s, 16 << l);
            pyramid[l] =
                lateral(pyramid[l - 1], s / 2, lt_f32(level[l]) + n * c_in * s * s, c_in, l);
        }
        double first[D], row[D];
        for (int i = 0; i < L; i++) {
            head(pyramid[i / 2], 16 << (i / 2), i, i ? row : first);
            for (int d = 0; d < D; d++) {
                const double own = i ? row[d] : first[d],
                             want = own + (deltas && i ? first[d] : 0.0) + (double)average[d];
                ck_assert_double_eq_tol((double)lt_f32(w)[(n * L + i) * D + d], want,
                                        1e-4 * (1.0 + fabs(want)));
            }
        }
        for (int l = 0; l < LT_IRSE_LEVELS; l++)
            free(pyramid[l]);
    }
    lt_irse_body_free(body);
    lt_encoder_free(net);
}
END_TEST

/* A level of the pyramid equals the output of a shorter body that ends there. */
START_TEST(levels_of_the_body)
{
    struct lt_irse_body *whole, *part;
    lt_tensor *level[LT_IRSE_LEVELS], *end[LT_IRSE_LEVELS];
    ck_assert_int_eq(lt_irse_body_find(ctx, models.encoder_params, "encoder.", 3, &whole), LT_OK);
    ck_assert_int_eq(lt_irse_body_run(ctx, whole, x, LT_IRSE_LEVELS, level), LT_OK);
    for (int l = 1; l < LT_IRSE_LEVELS; l++) {
        char first[24]; /* unit that is not there: none after it is looked for */
        snprintf(first, sizeof first, "encoder.body.%d.", 4 - l);
        lt_params *some = method_params_without(ctx, models.encoder_params, first);
        ck_assert_int_eq(lt_irse_body_find(ctx, some, "encoder.", 3, &part), LT_OK);
        ck_assert_int_eq(lt_irse_body_units(part), 4 - l);
        ck_assert_int_eq(lt_irse_body_run(ctx, part, x, 1, end), LT_OK);
        ck_assert(method_same_bits(level[l], end[0]));
        ck_assert_int_eq(lt_irse_body_channels(whole, l), lt_dim(end[0], 1));
        ck_assert_int_eq(lt_irse_body_side(whole, l, SIDE), lt_dim(end[0], 2));
        ck_assert(end[1] == NULL && end[2] == NULL);
        lt_irse_body_free(part);
        lt_params_free(some);
    }
    lt_irse_body_free(whole);
}
END_TEST

/* Images of other sizes are first resized to 256. A mean latent of one row for each layer works as
 * well as one row for all layers. */
START_TEST(sizes_and_means)
{
    lt_rng rng = lt_rng_make(4, 0);
    lt_tensor *large = nn_normal(ctx, &rng, 4, (const int64_t[]){1, 3, 2 * SIDE, 2 * SIDE});
    lt_tensor *small = nn_normal(ctx, &rng, 4, (const int64_t[]){1, 3, 40, 64});
    lt_tensor *a = lt_encoder_encode(ctx, models.encoder, large),
              *b = lt_encoder_encode(ctx, models.encoder, small);
    ck_assert(method_same_bits(
        a, lt_encoder_encode(ctx, models.encoder, lt_resize_area(ctx, large, SIDE, SIDE))));
    ck_assert(
        method_same_bits(b, lt_encoder_encode(ctx, models.encoder,
                                              lt_resize_bicubic(ctx, small, SIDE, SIDE, false))));
    const lt_encoder_config *c = lt_encoder_describe(models.encoder);
    ck_assert(c->units == 4 && c->latents == L && c->style_dim == D && c->latent_avg);
    for (int with = 0; with < 2; with++) {
        lt_params *other = method_params_without(ctx, models.encoder_params, "latent_avg");
        lt_tensor *rows = nn_normal(ctx, &rng, 2, (const int64_t[]){L, D});
        if (with)
            lt_params_add(ctx, other, "latent_avg", rows);
        lt_encoder *net;
        ck_assert_int_eq(lt_encoder_create(ctx, other, &net), LT_OK);
        lt_tensor *mean = with ? rows : lt_zeros(ctx, 1, (const int64_t[]){D});
        lt_tensor *own =
            lt_add(ctx, lt_sub(ctx, a, lt_params_find(models.encoder_params, "latent_avg")), mean);
        ck_assert_double_lt(nn_distance(lt_encoder_encode(ctx, net, large), own), 1e-5);
        ck_assert(lt_encoder_describe(net)->latent_avg == (with == 1));
        lt_encoder_free(net);
        lt_params_free(other);
    }
}
END_TEST

/* Without one tensor, or with one of another shape, there is no encoder, and the message names
 * it. */
START_TEST(refusals)
{
    static const struct {
        const char *name;
        int ndim;
        int64_t shape[4];
        lt_status status;
        const char *part;
    } bad[] = {
        {"encoder.input_layer.1.bias", 0, {0}, LT_ERR_MISSING, "encoder.input_layer.1.bias"},
        {"encoder.body.0.res_layer.1.weight",
         0,
         {0},
         LT_ERR_MISSING,
         "encoder.body.0.res_layer.1.weight"},
        {"encoder.body.2.shortcut_layer.1.running_var",
         0,
         {0},
         LT_ERR_MISSING,
         "encoder.body.2.shortcut_layer.1"},
        {"encoder.latlayer2.weight", 4, {6, 9, 1, 1}, LT_ERR_SHAPE, "encoder.latlayer2.weight"},
        {"encoder.styles.0.linear.weight",
         0,
         {0},
         LT_ERR_MISSING,
         "encoder.styles.0.linear.weight"},
        {"encoder.styles.3.convs.2.bias", 0, {0}, LT_ERR_MISSING, "encoder.styles.3.convs.2.bias"},
        {"encoder.styles.4.convs.8.weight", 0, {0}, LT_ERR_SHAPE, "which fit no level"},
        {"encoder.styles.0.convs.6.weight", 0, {0}, LT_ERR_SHAPE, "which fit no level"},
        {"encoder.styles.5.linear.bias", 1, {5}, LT_ERR_SHAPE, "encoder.styles.5.linear.bias"},
        {"latent_avg", 2, {5, 6}, LT_ERR_SHAPE, "latent_avg"},
    };
    for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++) {
        lt_params *other = method_params_without(ctx, models.encoder_params, bad[k].name);
        if (bad[k].ndim)
            lt_params_add(ctx, other, bad[k].name, lt_zeros(ctx, bad[k].ndim, bad[k].shape));
        lt_encoder *net;
        ck_assert_msg(lt_encoder_create(ctx, other, &net) == bad[k].status, "%s: %s", bad[k].name,
                      lt_ctx_message(ctx));
        ck_assert_ptr_null(net);
        nn_assert_failed(ctx, bad[k].status, bad[k].part);
        lt_params_free(other);
    }
    ck_assert_ptr_null(
        lt_encoder_encode(ctx, models.encoder, lt_zeros(ctx, 3, (const int64_t[]){3, 8, 8})));
    nn_assert_failed(ctx, LT_ERR_SHAPE, "encoder: image is (3, 8, 8)");
}
END_TEST

Suite *suite_encoder(void)
{
    Suite *suite = suite_create("encoder");
    TCase *tests = tcase_create("encoder");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, against_plain_loops, 0, 2);
    tcase_add_test(tests, levels_of_the_body);
    tcase_add_test(tests, sizes_and_means);
    tcase_add_test(tests, refusals);
    suite_add_tcase(suite, tests);
    return suite;
}
