/* What the metadata make of an encoder: its type, whether the mean latent is added; the encoders
 * into W, those with linear layers into W+, and ReStyle's; files that contradict their type. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <stdio.h>

#include "support/method_fixture.h"
#include "support/random_weights.h"
#include "nn/models/irse_body_impl.h"
#include "unit/suites.h"

enum { N = 2, SIDE = LT_ENCODER_SIDE, C = 6, S = 16, L = METHOD_LAYERS, D = METHOD_D, POOLED = 7 };

static struct ce_models models;
static lt_ctx *ctx;
static lt_rng rng;
static lt_tensor *x;    /* (N,3,SIDE,SIDE) */
static lt_params *file; /* of the encoder under test */
static lt_encoder *net;

static void set_up(void)
{
    method_models_make(&models, CE_NEED_ENCODER);
    ctx = models.ctx;
    rng = lt_rng_make(5, 0);
    x = nn_normal(ctx, &rng, 4, (const int64_t[]){N, 3, SIDE, SIDE});
    file = NULL;
    net = NULL;
    lt_no_grad_begin(ctx);
}

static void tear_down(void)
{
    lt_encoder_free(net);
    lt_params_free(file);
    lt_no_grad_end(ctx);
    method_models_free(&models);
}

/* ---- files ---- */

/* The file becomes a copy of the fixture's without the tensors whose names begin with `without`. */
static void copy_file(const char *without)
{
    lt_params_free(file);
    file = method_params_without(ctx, models.encoder_params, without);
}

static void drop(const char *prefix)
{
    lt_params *rest = method_params_without(ctx, file, prefix);
    for (size_t i = 0; i < lt_params_metadata_count(file); i++) {
        const char *key = lt_params_metadata_key(file, i);
        lt_params_set_metadata(ctx, rest, key, lt_params_metadata(file, key));
    }
    lt_params_free(file);
    file = rest;
}

static lt_tensor *add(const char *name, int ndim, const int64_t *shape)
{
    const struct lt_maker to = {ctx, file, &rng};
    random_weight(&to, name, "", ndim, shape, 0.0f, 0.3f);
    return lt_params_find(file, name);
}

static void tell(const char *key, const char *value)
{
    ck_assert_int_eq(lt_params_set_metadata(ctx, file, key, value), LT_OK);
}

/* A file of `type` with linear layers in place of pyramid and heads. */
static void linear_file(const char *type, int64_t out)
{
    copy_file("encoder.latlayer");
    drop("encoder.styles");
    add("encoder.linear.weight", 2, (const int64_t[]){out, D});
    add("encoder.linear.bias", 1, &out);
    tell("encoder_type", type);
}

/* A ReStyle file of `type`: six input channels, and for types without a pyramid two heads, of which
 * both read the last map of the body. */
static void restyle_file(const char *type, bool pyramid)
{
    copy_file("encoder.input_layer.0.weight");
    add("encoder.input_layer.0.weight", 4, (const int64_t[]){3, 6, 3, 3});
    for (int i = 2; i < L && !pyramid; i++) {
        char name[32];
        snprintf(name, sizeof name, "encoder.styles.%d.", i);
        drop(name);
    }
    if (!pyramid)
        drop("encoder.latlayer");
    tell("encoder_type", type);
}

static const lt_encoder_config *open_file(void)
{
    lt_encoder_free(net);
    ck_assert_msg(lt_encoder_create(ctx, file, &net) == LT_OK, "%s", lt_ctx_message(ctx));
    return lt_encoder_describe(net);
}

static lt_tensor *encode(void)
{
    open_file();
    lt_tensor *w = lt_contiguous(ctx, lt_encoder_encode(ctx, net, x));
    nn_assert_ok(ctx);
    return w;
}

/* Row i of latents (N,L,D). */
static lt_tensor *row(lt_tensor *w, int i) { return lt_contiguous(ctx, lt_slice(ctx, w, 1, i, 1)); }

/* ---- pyramid ---- */

/* With pSp's type the first head has no part in the other latents, with e4e's it has. */
START_TEST(heads_of_psp_are_independent)
{
    for (int psp = 0; psp < 2; psp++) {
        copy_file("none");
        if (psp)
            tell("encoder_type", "GradualStyleEncoder");
        lt_tensor *before = encode();
        lt_f32(lt_params_find(file, "encoder.styles.0.linear.bias"))[0] += 1.0f;
        lt_tensor *after = encode();
        lt_f32(lt_params_find(file, "encoder.styles.0.linear.bias"))[0] -= 1.0f;
        ck_assert_double_gt(nn_distance(row(before, 0), row(after, 0)), 0.1);
        for (int i = 1; i < L; i++)
            ck_assert(method_same_bits(row(before, i), row(after, i)) == (psp == 1));
    }
}
END_TEST

/* ---- linear layers ---- */

/* The last map of the body, (N,C,S,S). */
static lt_tensor *last_map(lt_tensor *input)
{
    struct lt_irse_body *body;
    lt_tensor *level[LT_IRSE_LEVELS];
    ck_assert_int_eq(lt_irse_body_find(ctx, file, "encoder.", lt_dim(input, 1), &body), LT_OK);
    ck_assert_int_eq(lt_irse_body_run(ctx, body, input, 1, level), LT_OK);
    lt_irse_body_free(body);
    ck_assert(lt_dim(level[0], 1) == C && lt_dim(level[0], 2) == S);
    return lt_contiguous(ctx, level[0]);
}

/* weight (O,I), divided by `scale`, times in (I), plus bias. */
static void linear(const char *layer, int outputs, int inputs, double scale, const double *in,
                   double *out)
{
    char name[64];
    snprintf(name, sizeof name, "%s.weight", layer);
    const float *w = lt_f32(lt_params_find(file, name));
    snprintf(name, sizeof name, "%s.bias", layer);
    const float *b = lt_f32(lt_params_find(file, name));
    for (int o = 0; o < outputs; o++) {
        out[o] = (double)b[o];
        for (int i = 0; i < inputs; i++)
            out[o] += (double)w[o * inputs + i] / scale * in[i];
    }
}

static void close_to(double got, double want)
{
    ck_assert_double_eq_tol(got, want, 1e-5 * (1.0 + fabs(want)));
}

/* One latent of W, from the mean of the last map. A mean latent of L rows makes L latents of it. */
START_TEST(into_w)
{
    static const char *const names[] = {"BackboneEncoderUsingLastLayerIntoW",
                                        "SingleStyleCodeEncoder"};
    linear_file(names[_i], D);
    if (_i == 1) { /* as e4e's code stores it */
        drop("latent_avg");
        add("latent_avg", 2, (const int64_t[]){L, D});
    }
    const float *map = lt_f32(last_map(x)), *average = lt_f32(lt_params_find(file, "latent_avg"));
    lt_tensor *w = encode();
    const int rows = _i == 1 ? L : 1;
    ck_assert_int_eq(lt_encoder_describe(net)->latents, rows);
    ck_assert(lt_dim(w, 0) == N && lt_dim(w, 1) == rows && lt_dim(w, 2) == D);
    for (int n = 0; n < N; n++) {
        double mean[C] = {0}, want[D];
        for (int c = 0; c < C; c++)
            for (int p = 0; p < S * S; p++)
                mean[c] += (double)map[(n * C + c) * S * S + p] / (S * S);
        linear("encoder.linear", D, C, sqrt((double)C), mean, want);
        for (int l = 0; l < rows; l++)
            for (int d = 0; d < D; d++)
                close_to((double)lt_f32(w)[(n * rows + l) * D + d],
                         want[d] + (double)average[l * D + d]);
    }
}
END_TEST

/* Row p of 7 of the means: pixels from floor(16 p / 7) on, before ceil(16 (p + 1) / 7). */
static const int begins[POOLED] = {0, 2, 4, 6, 9, 11, 13}, ends[POOLED] = {3, 5, 7, 10, 12, 14, 16};

static double pooled(const double *map, int y, int z)
{
    double sum = 0.0;
    for (int i = begins[y]; i < ends[y]; i++)
        for (int j = begins[z]; j < ends[z]; j++)
            sum += map[i * S + j];
    return sum / ((ends[y] - begins[y]) * (ends[z] - begins[z]));
}

/* L latents of W+, from 7 x 7 means of the last map after its batch norm. */
START_TEST(into_wplus)
{
    enum { MEANS = C * POOLED * POOLED };
    linear_file("BackboneEncoderUsingLastLayerIntoWPlus", L * D);
    add("encoder.output_layer_2.3.weight", 2, (const int64_t[]){D, MEANS});
    add("encoder.output_layer_2.3.bias", 1, (const int64_t[]){D});
    random_norm(&(struct lt_maker){ctx, file, &rng}, "encoder.output_layer_2.0", "", C);
    const float *part[4];
    static const char *const parts[4] = {"weight", "bias", "running_mean", "running_var"};
    for (int i = 0; i < 4; i++) {
        char name[64];
        snprintf(name, sizeof name, "encoder.output_layer_2.0.%s", parts[i]);
        part[i] = lt_f32(lt_params_find(file, name));
    }
    const float *map = lt_f32(last_map(x)), *average = lt_f32(lt_params_find(file, "latent_avg"));
    lt_tensor *w = encode();
    ck_assert(lt_dim(w, 0) == N && lt_dim(w, 1) == L && lt_dim(w, 2) == D);
    for (int n = 0; n < N; n++) {
        double means[MEANS], inner[D], want[L * D], normal[S * S];
        for (int c = 0; c < C; c++) {
            for (int p = 0; p < S * S; p++)
                normal[p] = ((double)map[(n * C + c) * S * S + p] - (double)part[2][c]) /
                                sqrt((double)part[3][c] + 1e-5) * (double)part[0][c] +
                            (double)part[1][c];
            for (int p = 0; p < POOLED * POOLED; p++)
                means[c * POOLED * POOLED + p] = pooled(normal, p / POOLED, p % POOLED);
        }
        linear("encoder.output_layer_2.3", D, MEANS, 1.0, means, inner);
        linear("encoder.linear", L * D, D, sqrt((double)D), inner, want);
        for (int i = 0; i < L * D; i++)
            close_to((double)lt_f32(w)[n * L * D + i], want[i] + (double)average[i % D]);
    }
    drop("encoder.linear.");
    add("encoder.linear.weight", 2, (const int64_t[]){L * D + 1, D});
    add("encoder.linear.bias", 1, (const int64_t[]){L * D + 1});
    lt_encoder *other;
    ck_assert_int_eq(lt_encoder_create(ctx, file, &other), LT_ERR_SHAPE);
    nn_assert_failed(ctx, LT_ERR_SHAPE, "encoder.linear.weight gives 37 numbers");
}
END_TEST

/* ---- ReStyle ---- */

static lt_tensor *refine(lt_tensor *drawn, lt_tensor *w)
{
    lt_tensor *better = lt_contiguous(ctx, lt_encoder_refine(ctx, net, x, drawn, w));
    nn_assert_ok(ctx);
    return better;
}

/* A step of ReStyle adds the network's result to the latents so far. The first three channels are
 * the picture, the others the drawn picture: with zero weights for the latter, the network gives
 * the result of one with three channels. The start is the mean latent. */
START_TEST(restyle_of_psp)
{
    copy_file("none");
    tell("encoder_type", "GradualStyleEncoder");
    tell("start_from_latent_avg", "false");
    lt_tensor *plain = encode();
    const float *narrow = lt_f32(lt_params_find(file, "encoder.input_layer.0.weight"));
    lt_tensor *drawn = nn_normal(ctx, &rng, 4, (const int64_t[]){N, 3, 2 * SIDE, 2 * SIDE}),
              *w = nn_normal(ctx, &rng, 3, (const int64_t[]){N, L, D});
    restyle_file("GradualStyleEncoder", true);
    tell("start_from_latent_avg", "false"); /* ReStyle's code does not ask */
    float *wide = lt_f32(lt_params_find(file, "encoder.input_layer.0.weight"));
    const lt_encoder_config *c = open_file();
    ck_assert(c->iterative && c->latent_avg && c->latents == L);
    lt_tensor *seen = refine(drawn, w), *small = lt_resize_area(ctx, drawn, SIDE, SIDE);
    ck_assert(method_same_bits(seen, refine(small, w)));
    ck_assert_double_gt(nn_distance(seen, refine(x, w)), 1e-3);
    for (int o = 0; o < 3; o++)
        for (int i = 0; i < 6 * 9; i++)
            wide[o * 54 + i] = i < 27 ? narrow[o * 27 + i] : 0.0f;
    ck_assert_double_lt(nn_distance(refine(drawn, w), lt_add(ctx, plain, w)), 1e-5);
    lt_tensor *start = lt_encoder_start(ctx, net);
    ck_assert(lt_dim(start, 0) == 1 && lt_dim(start, 1) == L && lt_dim(start, 2) == D);
    for (int i = 0; i < L * D; i++)
        ck_assert_float_eq(lt_f32(start)[i], lt_f32(lt_params_find(file, "latent_avg"))[i % D]);
}
END_TEST

/* All heads of ReStyle's own encoders read the last map. BackboneEncoder's give latents, as the two
 * heads of GradualStyleEncoder do that read the last map. ProgressiveBackboneEncoder adds the first
 * latent to the second. */
START_TEST(restyle_backbones)
{
    lt_tensor *drawn = nn_normal(ctx, &rng, 4, (const int64_t[]){N, 3, SIDE, SIDE}), *w[3];
    lt_tensor *none = lt_zeros(ctx, 3, (const int64_t[]){N, L, D}),
              *two = lt_zeros(ctx, 3, (const int64_t[]){N, 2, D});
    restyle_file("GradualStyleEncoder", true);
    open_file();
    w[0] = refine(drawn, none);
    drop("encoder.latlayer");
    for (int i = 2; i < L; i++) {
        char name[32];
        snprintf(name, sizeof name, "encoder.styles.%d.", i);
        drop(name);
    }
    static const char *const types[] = {"BackboneEncoder", "ProgressiveBackboneEncoder"};
    for (int i = 0; i < 2; i++) {
        tell("encoder_type", types[i]);
        ck_assert_int_eq(open_file()->latents, 2);
        w[1 + i] = refine(drawn, two);
    }
    ck_assert(method_same_bits(row(w[0], 0), row(w[1], 0)));
    ck_assert(method_same_bits(row(w[0], 1), row(w[1], 1)));
    ck_assert(method_same_bits(row(w[1], 0), row(w[2], 0)));
    ck_assert_double_lt(nn_distance(row(w[2], 1), lt_add(ctx, row(w[1], 0), row(w[1], 1))), 1e-6);
}
END_TEST

START_TEST(misuse)
{
    lt_tensor *w = lt_zeros(ctx, 3, (const int64_t[]){N, L, D});
    ck_assert_ptr_null(lt_encoder_start(ctx, models.encoder));
    nn_assert_failed(ctx, LT_ERR_ARGUMENT, "call lt_encoder_encode()");
    ck_assert_ptr_null(lt_encoder_refine(ctx, models.encoder, x, x, w));
    nn_assert_failed(ctx, LT_ERR_ARGUMENT, "call lt_encoder_encode()");
    restyle_file("GradualStyleEncoder", true);
    open_file();
    ck_assert_ptr_null(lt_encoder_encode(ctx, net, x));
    nn_assert_failed(ctx, LT_ERR_ARGUMENT, "GradualStyleEncoder of 6 channels works step by step");
    ck_assert_ptr_null(lt_encoder_refine(ctx, net, x, lt_slice(ctx, x, 0, 0, 1), w));
    nn_assert_failed(ctx, LT_ERR_SHAPE, "1 pictures were drawn for 2 images");
    ck_assert_ptr_null(lt_encoder_refine(ctx, net, x, x, lt_slice(ctx, w, 1, 0, 2)));
    nn_assert_failed(ctx, LT_ERR_SHAPE, "latents is (2, 2, 6), expected (2, 6, 6)");
    ck_assert_ptr_null(lt_encoder_refine(ctx, net, x, w, w));
    nn_assert_failed(ctx, LT_ERR_SHAPE, "image is (2, 6, 6)");
}
END_TEST

/* ---- the mean latent ---- */

START_TEST(start_from_latent_avg)
{
    copy_file("none");
    lt_tensor *untold = encode();
    tell("start_from_latent_avg", "true");
    ck_assert(method_same_bits(untold, encode()));
    tell("start_from_latent_avg", "false");
    lt_tensor *without = encode();
    ck_assert(!lt_encoder_describe(net)->latent_avg);
    ck_assert_double_lt(
        nn_distance(lt_add(ctx, without, lt_params_find(file, "latent_avg")), untold), 1e-6);
    drop("latent_avg");
    ck_assert(method_same_bits(without, encode()));
    tell("start_from_latent_avg", "true");
    lt_encoder *other;
    ck_assert_int_eq(lt_encoder_create(ctx, file, &other), LT_ERR_MISSING);
    nn_assert_failed(ctx, LT_ERR_MISSING, "there is no tensor latent_avg");
    tell("start_from_latent_avg", "1");
    ck_assert_int_eq(lt_encoder_create(ctx, file, &other), LT_ERR_FORMAT);
    nn_assert_failed(ctx, LT_ERR_FORMAT, "start_from_latent_avg is '1', expected true or false");
    restyle_file("BackboneEncoder", false);
    drop("latent_avg");
    ck_assert_int_eq(lt_encoder_create(ctx, file, &other), LT_ERR_MISSING);
    nn_assert_failed(ctx, LT_ERR_MISSING, "the latents of this BackboneEncoder are relative");
    add("latent_avg", 2,
        (const int64_t[]){1, D}); /* of one row, as pSp's encoders into W have it */
    ck_assert_int_eq(open_file()->latents, 2);
}
END_TEST

/* ---- contradictions ---- */

static void refused(const char *part)
{
    lt_encoder *other;
    ck_assert_msg(lt_encoder_create(ctx, file, &other) == LT_ERR_FORMAT, "%s", lt_ctx_message(ctx));
    ck_assert_ptr_null(other);
    nn_assert_failed(ctx, LT_ERR_FORMAT, part);
}

START_TEST(contradictions)
{
    copy_file("none");
    tell("encoder_type", "ResNetBackboneEncoder");
    refused("encoder_type is 'ResNetBackboneEncoder', which is not supported; the types that are: "
            "Encoder4Editing, GradualStyleEncoder, ");
    tell("encoder_type", "BackboneEncoder");
    refused("encoder_type is BackboneEncoder, but there is a tensor encoder.latlayer1.weight");
    tell("encoder_type", "BackboneEncoderUsingLastLayerIntoW");
    refused("but there is a tensor encoder.latlayer1.weight");
    drop("encoder.latlayer");
    tell("encoder_type", "BackboneEncoder");
    refused("takes 3 channels, expected 6");
    tell("encoder_type", "GradualStyleEncoder");
    tell("dataset_type", "cars_encode");
    refused("dataset_type is cars_encode");
    linear_file("Encoder4Editing", D);
    refused("but there is a tensor encoder.linear.weight");
    restyle_file("Encoder4Editing", true);
    refused("takes 6 channels, expected 3; convert the checkpoint again");
    drop("encoder.input_layer.0.weight");
    add("encoder.input_layer.0.weight", 4, (const int64_t[]){3, 19, 3, 3});
    tell("encoder_type", "GradualStyleEncoder");
    refused("takes 19 channels, expected 3 or 6");
}
END_TEST

/* Without metadata a file counts as e4e's; one that cannot be is refused, with what to do. */
START_TEST(contradictions_without_metadata)
{
    copy_file("encoder.input_layer.0.weight");
    add("encoder.input_layer.0.weight", 4, (const int64_t[]){3, 6, 3, 3});
    refused(
        "counts as Encoder4Editing, but encoder.input_layer.0.weight takes 6 channels, expected "
        "3; convert the checkpoint again with tools/convert_pt.py --encoder-type TYPE");
    copy_file("encoder.styles");
    add("encoder.linear.weight", 2, (const int64_t[]){D, D});
    refused("counts as Encoder4Editing, but there is a tensor encoder.linear.weight");
    copy_file("encoder.input_layer");
    add("encoder.conv1.weight", 4, (const int64_t[]){4, 6, 7, 7});
    refused("counts as Encoder4Editing, but there is a tensor encoder.conv1.weight");
}
END_TEST

Suite *suite_encoder_types(void)
{
    Suite *suite = suite_create("encoder_types");
    TCase *tests = tcase_create("encoder_types");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, heads_of_psp_are_independent);
    tcase_add_loop_test(tests, into_w, 0, 2);
    tcase_add_test(tests, into_wplus);
    tcase_add_test(tests, restyle_of_psp);
    tcase_add_test(tests, restyle_backbones);
    tcase_add_test(tests, misuse);
    tcase_add_test(tests, start_from_latent_avg);
    tcase_add_test(tests, contradictions);
    tcase_add_test(tests, contradictions_without_metadata);
    suite_add_tcase(suite, tests);
    return suite;
}
