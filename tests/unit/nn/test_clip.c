#include <math.h>
#include <string.h>

#include "nn/models/clip.h"
#include "nn/optim.h"
#include "support/nn_check.h"
#include "support/temp_dir.h"

Suite *suite_clip(void);

enum { SIDE = 16, CONTEXT = 9, VOCAB = 30, END = VOCAB - 1, DIM = 5, WIDTH = 64 };

static lt_ctx *ctx;
static lt_params *params;
static lt_clip *clip;
static lt_rng rng;

static const lt_clip_config config = {.embed_dim = DIM,
                                      .image_size = SIDE,
                                      .patch = 8,
                                      .vision_width = WIDTH,
                                      .vision_layers = 2,
                                      .context_length = CONTEXT,
                                      .vocab_size = VOCAB,
                                      .text_width = WIDTH,
                                      .text_layers = 2};

static void setup(void)
{
    ctx = nn_context();
    rng = lt_rng_make(21, 0);
    lt_params_create(ctx, &params);
    ck_assert_int_eq(lt_clip_init(ctx, params, &config, &rng), LT_OK);
    ck_assert_msg(lt_clip_create(ctx, params, &clip) == LT_OK, "%s", lt_ctx_message(ctx));
}

static void teardown(void)
{
    lt_clip_free(clip);
    lt_params_free(params);
    lt_ctx_destroy(ctx);
}

/* Rows of `length[i]` tokens, the end token last, padded with zeros. */
static lt_tensor *texts(int rows, const int *length)
{
    lt_tensor *ids = lt_empty(ctx, LT_I32, 2, (const int64_t[]){rows, CONTEXT});
    int32_t *id = lt_i32(ids);
    memset(id, 0, (size_t)rows * CONTEXT * 4);
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < length[i]; j++)
            id[i * CONTEXT + j] = j + 1 == length[i] ? END : (i * 7 + j * 3) % (END - 1) + 1;
    return ids;
}

static lt_tensor *pixels(int n)
{
    return nn_normal(ctx, &rng, 4, (const int64_t[]){n, 3, SIDE, SIDE});
}

START_TEST(description)
{
    ck_assert_mem_eq(lt_clip_describe(clip), &config, sizeof config);
    ck_assert_float_eq_tol(expf(lt_item(lt_clip_logit_scale(clip))), 1.0f / 0.07f, 1e-4f);
    lt_params *other = NULL;
    lt_clip *gelu = NULL;
    lt_clip_config c = config;
    c.gelu = true;
    lt_params_create(ctx, &other);
    ck_assert_int_eq(lt_clip_init(ctx, other, &c, &rng), LT_OK);
    ck_assert_int_eq(lt_clip_create(ctx, other, &gelu), LT_OK);
    ck_assert(lt_clip_describe(gelu)->gelu);
    lt_clip_free(gelu);
    lt_params_free(other);
}
END_TEST

START_TEST(preprocessing)
{
    static const float mean[3] = {0.48145466f, 0.4578275f, 0.40821073f};
    static const float std[3] = {0.26862954f, 0.26130258f, 0.27577711f};
    /* The right size already: normalised only. */
    lt_tensor *x = pixels(2), *y = lt_clip_preprocess(ctx, clip, x, false);
    nn_assert_ok(ctx);
    for (int64_t i = 0; i < lt_numel(x); i++) {
        const int c = (int)(i / (SIDE * SIDE) % 3);
        ck_assert_float_eq_tol(lt_f32(y)[i], ((lt_f32(x)[i] + 1.0f) / 2.0f - mean[c]) / std[c],
                               1e-5f);
    }
    /* A constant picture of any shape stays constant. */
    const int64_t shape[4] = {1, 3, 50, 34};
    y = lt_clip_preprocess(ctx, clip, lt_full(ctx, 4, shape, 0.25f), true);
    nn_assert_ok(ctx);
    ck_assert_int_eq(lt_dim(y, 2), SIDE);
    ck_assert_int_eq(lt_dim(y, 3), SIDE);
    for (int64_t i = 0; i < lt_numel(y); i++) {
        const int c = (int)(i / (SIDE * SIDE) % 3);
        ck_assert_float_eq_tol(lt_f32(y)[i], (0.625f - mean[c]) / std[c], 1e-5f);
    }
    /* Wide pictures are cropped at the centre: a 16 x 24 one loses 4 columns a side. */
    x = nn_normal(ctx, &rng, 4, (const int64_t[]){1, 3, SIDE, 24});
    y = lt_clip_preprocess(ctx, clip, x, false);
    lt_tensor *want =
        lt_clip_preprocess(ctx, clip, lt_contiguous(ctx, lt_slice(ctx, x, 3, 4, SIDE)), false);
    ck_assert(nn_distance(y, want) == 0.0);
}
END_TEST

/* Patch embedding of one position, written out. */
static void check_first_stream(void *user, const char *name, lt_tensor *t)
{
    if (strcmp(name, "visual.0") != 0)
        return;
    const float *x = lt_f32(user), *w = lt_f32(lt_params_find(params, "visual.conv1.weight"));
    const float *p = lt_f32(lt_params_find(params, "visual.positional_embedding"));
    double e[WIDTH], mean = 0.0, var = 0.0;
    for (int o = 0; o < WIDTH; o++) { /* patch (1, 0): token 3 */
        e[o] = (double)p[3 * WIDTH + o];
        for (int c = 0; c < 3; c++)
            for (int i = 0; i < 64; i++)
                e[o] += (double)w[(o * 3 + c) * 64 + i] *
                        (double)x[(c * SIDE + 8 + i / 8) * SIDE + i % 8];
        mean += e[o] / WIDTH;
    }
    for (int o = 0; o < WIDTH; o++)
        var += (e[o] - mean) * (e[o] - mean) / WIDTH;
    for (int o = 0; o < WIDTH; o++)
        ck_assert_double_eq_tol((double)lt_f32(t)[3 * WIDTH + o], (e[o] - mean) / sqrt(var + 1e-5),
                                1e-4);
}

static void count_taps(void *user, const char *name, lt_tensor *t)
{
    ck_assert(strncmp(name, "visual.", 7) == 0 || strncmp(name, "text.", 5) == 0);
    ck_assert_int_eq(lt_ndim(t), 3);
    ++*(int *)user;
}

START_TEST(image_features)
{
    lt_tensor *x = pixels(3);
    lt_clip_set_tap(clip, check_first_stream, x);
    lt_tensor *tapped = lt_clip_encode_image(ctx, clip, x);
    nn_assert_ok(ctx);
    int taps = 0;
    lt_clip_set_tap(clip, count_taps, &taps);
    lt_clip_encode_image(ctx, clip, x);
    ck_assert_int_eq(taps, 3);
    lt_clip_set_tap(clip, NULL, NULL);
    lt_tensor *y = lt_clip_encode_image(ctx, clip, x);
    nn_assert_ok(ctx);
    ck_assert_int_eq(lt_dim(y, 0), 3);
    ck_assert_int_eq(lt_dim(y, 1), DIM);
    /* The last block is computed for the class token alone. The features must equal those from all
     * tokens, and an image must get the same features alone as in a batch. */
    ck_assert(nn_distance(y, tapped) < 1e-5);
    lt_tensor *one = lt_clip_encode_image(ctx, clip, lt_contiguous(ctx, lt_slice(ctx, x, 0, 1, 1)));
    ck_assert(nn_distance(one, lt_contiguous(ctx, lt_slice(ctx, y, 0, 1, 1))) < 1e-5);
}
END_TEST

START_TEST(text_features)
{
    const int length[3] = {3, CONTEXT, 5};
    lt_tensor *ids = texts(3, length);
    lt_tensor *y = lt_clip_encode_text(ctx, clip, ids);
    int taps = 0;
    lt_clip_set_tap(clip, count_taps, &taps);
    lt_tensor *tapped = lt_clip_encode_text(ctx, clip, ids);
    lt_clip_set_tap(clip, NULL, NULL);
    nn_assert_ok(ctx);
    ck_assert_int_eq(taps, 3);
    ck_assert(nn_distance(y, tapped) < 1e-5);
    /* Alone, a short text is computed on fewer positions, to the same feature. */
    for (int i = 0; i < 3; i++) {
        lt_tensor *row =
            lt_from_copy(ctx, LT_I32, 2, (const int64_t[]){1, CONTEXT}, lt_i32(ids) + i * CONTEXT);
        lt_tensor *one = lt_clip_encode_text(ctx, clip, row);
        ck_assert(nn_distance(one, lt_contiguous(ctx, lt_slice(ctx, y, 0, i, 1))) < 1e-5);
    }
    /* What follows the end token has no influence; what precedes it has. */
    lt_i32(ids)[4] = 3;
    ck_assert(nn_distance(lt_clip_encode_text(ctx, clip, ids), y) < 1e-6);
    lt_i32(ids)[1] += 1;
    ck_assert(nn_distance(lt_clip_encode_text(ctx, clip, ids), y) > 1e-3);
}
END_TEST

/* Three texts with the same first tokens; the last two are equal. Texts that share their beginning
 * are computed together and give the features that each has alone. */
static lt_tensor *alike(void)
{
    const int length[3] = {6, 5, 5};
    lt_tensor *ids = texts(3, length);
    int32_t *id = lt_i32(ids);
    memcpy(id + CONTEXT, id, 3 * sizeof *id);
    memcpy(id + 2 * CONTEXT, id + CONTEXT, CONTEXT * sizeof *id);
    return ids;
}

START_TEST(shared_beginnings)
{
    lt_tensor *ids = alike();
    lt_tensor *y = lt_clip_encode_text(ctx, clip, ids);
    nn_assert_ok(ctx);
    for (int i = 0; i < 3; i++) {
        lt_tensor *row =
            lt_from_copy(ctx, LT_I32, 2, (const int64_t[]){1, CONTEXT}, lt_i32(ids) + i * CONTEXT);
        ck_assert(nn_distance(lt_clip_encode_text(ctx, clip, row),
                              lt_contiguous(ctx, lt_slice(ctx, y, 0, i, 1))) < 1e-5);
    }
    ck_assert_mem_eq(lt_f32(y) + DIM, lt_f32(y) + 2 * DIM, DIM * sizeof(float));
    ck_assert(nn_distance(lt_slice(ctx, y, 0, 0, 1), lt_slice(ctx, y, 0, 1, 1)) > 1e-3);
}
END_TEST

static lt_tensor *image_forward(lt_ctx *c, void *user)
{
    return lt_clip_encode_image(c, clip, user);
}

static lt_tensor *text_forward(lt_ctx *c, void *user) { return lt_clip_encode_text(c, clip, user); }

START_TEST(gradients)
{
    const int length[2] = {6, 4};
    lt_tensor *x = pixels(2), *ids = texts(2, length);
    nn_check_gradient(ctx, "pixels", x, image_forward, x, 6, 1e-2f, 2e-2);
    for (size_t i = 0; i < lt_params_count(params); i++) {
        const char *name = lt_params_name(params, i);
        if (strcmp(name, "logit_scale") == 0)
            continue;
        const bool visual = strncmp(name, "visual", 6) == 0;
        nn_check_gradient(ctx, name, lt_params_at(params, i), visual ? image_forward : text_forward,
                          visual ? x : ids, 2, 1e-2f, 3e-2);
        if (!visual)
            nn_check_gradient(ctx, name, lt_params_at(params, i), text_forward, alike(), 2, 1e-2f,
                              3e-2);
    }
}
END_TEST

START_TEST(contrastive_training_lowers_the_loss)
{
    const int length[4] = {4, 5, 6, 7};
    lt_tensor *x = pixels(4), *ids = texts(4, length);
    const int32_t same[4] = {0, 1, 2, 3};
    lt_tensor *target = lt_from_copy(ctx, LT_I32, 1, (const int64_t[]){4}, same);
    lt_optim_config c = lt_optim_defaults(LT_ADAM);
    lt_optim *optim = NULL;
    lt_params_require_grad(ctx, params, NULL, true);
    lt_optim_create(ctx, params, &c, &optim);
    float first = 0.0f, last = 0.0f;
    for (int step = 0; step < 15; step++) {
        const lt_scope scope = lt_scope_open(ctx);
        lt_optim_zero_grad(optim);
        lt_tensor *a = lt_l2_normalize(ctx, lt_clip_encode_image(ctx, clip, x), 1e-12f);
        lt_tensor *b = lt_l2_normalize(ctx, lt_clip_encode_text(ctx, clip, ids), 1e-12f);
        lt_tensor *logits =
            lt_mul(ctx, lt_matmul(ctx, a, b, false, true), lt_exp(ctx, lt_clip_logit_scale(clip)));
        lt_tensor *loss = lt_add(ctx, lt_cross_entropy(ctx, logits, target),
                                 lt_cross_entropy(ctx, lt_transpose(ctx, logits, 0, 1), target));
        nn_assert_ok(ctx);
        last = lt_item(loss);
        first = step ? first : last;
        ck_assert_int_eq(lt_backward(ctx, loss), LT_OK);
        if (step == 0)
            for (size_t i = 0; i < lt_params_count(params); i++)
                ck_assert_msg(lt_grad(lt_params_at(params, i)) != NULL, "%s",
                              lt_params_name(params, i));
        ck_assert_int_eq(lt_optim_step(ctx, optim), LT_OK);
        lt_scope_close(ctx, scope, NULL);
    }
    ck_assert_msg(last < 0.5f * first, "loss went from %g to %g", (double)first, (double)last);
    lt_optim_free(optim);
}
END_TEST

/* Facts that shapes do not tell: files of other models than OpenAI's have them as metadata. */
START_TEST(metadata_changes_the_network)
{
    lt_tensor *x = pixels(1), *one = lt_clip_encode_image(ctx, clip, x);
    lt_tensor *gray = lt_zeros(ctx, 4, (const int64_t[]){1, 3, SIDE, SIDE});
    lt_params_set_metadata(ctx, params, "vision_heads", "4");
    lt_params_set_metadata(ctx, params, "text_heads", "2");
    lt_params_set_metadata(ctx, params, "image_mean", "[0.5, 0.25, 0.125]");
    lt_params_set_metadata(ctx, params, "image_std", "[0.5, 0.25, 0.5]");
    lt_clip *other = NULL;
    ck_assert_msg(lt_clip_create(ctx, params, &other) == LT_OK, "%s", lt_ctx_message(ctx));
    const lt_tensor *four = lt_clip_encode_image(ctx, other, x);
    ck_assert(lt_f32(one)[0] != lt_f32(four)[0]);
    const lt_tensor *seen = lt_clip_preprocess(ctx, other, gray, false);
    ck_assert_float_eq_tol(lt_f32(seen)[0], 0.0f, 1e-6f);
    ck_assert_float_eq_tol(lt_f32(seen)[SIDE * SIDE], 1.0f, 1e-6f);
    ck_assert_float_eq_tol(lt_f32(seen)[2 * SIDE * SIDE], 0.75f, 1e-6f);
    lt_clip_free(other);
}
END_TEST

START_TEST(metadata_out_of_range)
{
    static const struct {
        const char *key, *value;
        lt_status status;
    } bad[] = {{"vision_heads", "3", LT_ERR_FORMAT},
               {"vision_heads", "0", LT_ERR_FORMAT},
               {"text_heads", "two", LT_ERR_FORMAT},
               {"activation", "relu", LT_ERR_UNSUPPORTED},
               {"image_mean", "[0.5, 0.5]", LT_ERR_FORMAT},
               {"image_mean", "0.5", LT_ERR_FORMAT},
               {"image_std", "[0.5, 0, 0.5]", LT_ERR_FORMAT},
               {"image_std", "[0.5, 0.5, \"a\"]", LT_ERR_FORMAT},
               {"image_std", "[", LT_ERR_FORMAT}};
    static const char *const good[][2] = {{"vision_heads", "1"},
                                          {"text_heads", "1"},
                                          {"activation", "quick_gelu"},
                                          {"image_mean", "[0, 0, 0]"},
                                          {"image_std", "[1, 1, 1]"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        lt_clip *none = NULL;
        for (size_t k = 0; k < sizeof good / sizeof good[0]; k++)
            lt_params_set_metadata(ctx, params, good[k][0], good[k][1]);
        lt_params_set_metadata(ctx, params, bad[i].key, bad[i].value);
        ck_assert_int_eq(lt_clip_create(ctx, params, &none), bad[i].status);
        nn_assert_failed(ctx, bad[i].status, bad[i].key);
        ck_assert_ptr_null(none);
    }
}
END_TEST

START_TEST(failures)
{
    ck_assert_ptr_null(lt_clip_encode_image(ctx, clip, lt_zeros(ctx, 2, (const int64_t[]){1, 2})));
    nn_assert_failed(ctx, LT_ERR_SHAPE, "pixels is (1, 2), expected (N, 3, 16, 16)");
    ck_assert_ptr_null(lt_clip_preprocess(ctx, clip, NULL, false));
    nn_assert_failed(ctx, LT_ERR_ARGUMENT, "image is NULL");
    /* A thread of pixels would be enlarged before its middle is cut out. */
    ck_assert_ptr_nonnull(
        lt_clip_preprocess(ctx, clip, lt_zeros(ctx, 4, (const int64_t[]){1, 3, 2, 128}), false));
    ck_assert_ptr_null(
        lt_clip_preprocess(ctx, clip, lt_zeros(ctx, 4, (const int64_t[]){1, 3, 2, 129}), false));
    nn_assert_failed(ctx, LT_ERR_SHAPE, "129 x 2; the longer side may be at most 64 times");
    ck_assert_ptr_null(
        lt_clip_encode_text(ctx, clip, lt_zeros(ctx, 2, (const int64_t[]){1, CONTEXT})));
    nn_assert_failed(ctx, LT_ERR_DTYPE, "ids is F32");
    const int length[1] = {4};
    lt_tensor *ids = texts(1, length);
    lt_i32(ids)[1] = VOCAB;
    ck_assert_ptr_null(lt_clip_encode_text(ctx, clip, ids));
    ck_assert_int_ne(lt_ctx_status(ctx), LT_OK);
    lt_ctx_clear(ctx);

    lt_params *broken = NULL;
    lt_clip *none = NULL;
    lt_params_create(ctx, &broken);
    ck_assert_int_eq(lt_clip_create(ctx, broken, &none), LT_ERR_MISSING);
    nn_assert_failed(ctx, LT_ERR_MISSING, "visual.conv1.weight");
    for (size_t i = 0; i < lt_params_count(params); i++) {
        const char *name = lt_params_name(params, i);
        if (strcmp(name, "transformer.resblocks.1.mlp.c_fc.bias") != 0)
            lt_params_add(ctx, broken, name, lt_params_at(params, i));
    }
    ck_assert_int_eq(lt_clip_create(ctx, broken, &none), LT_ERR_MISSING);
    nn_assert_failed(ctx, LT_ERR_MISSING, "transformer.resblocks.1.mlp.c_fc.bias");
    ck_assert_ptr_null(none);
    lt_params_free(broken);
    lt_params_create(ctx, &broken);
    for (size_t i = 0; i < lt_params_count(params); i++)
        lt_params_add(ctx, broken, lt_params_name(params, i), lt_params_at(params, i));
    lt_params_add(ctx, broken, "positional_embedding_res",
                  lt_params_find(params, "positional_embedding"));
    ck_assert_int_eq(lt_clip_create(ctx, broken, &none), LT_ERR_UNSUPPORTED);
    nn_assert_failed(ctx, LT_ERR_UNSUPPORTED, "Long-CLIP");
    ck_assert_ptr_null(none);
    lt_params_free(broken);
    lt_clip_config bad = config;
    bad.text_width = 100;
    lt_params_create(ctx, &broken);
    ck_assert_int_eq(lt_clip_init(ctx, broken, &bad, &rng), LT_ERR_ARGUMENT);
    nn_assert_failed(ctx, LT_ERR_ARGUMENT, "64 and 100");
    lt_params_free(broken);
}
END_TEST

/* Weights stored in 16 bits give the same bits whether they stay in 16 bits or are widened when
 * loaded. */
START_TEST(stored_weights)
{
    lt_tensor *ids = texts(3, (const int[]){4, 9, 6}), *x = pixels(2), *feature[2][2], *grad[2];
    const char *path = temp_path("clip.safetensors");
    lt_set_requires_grad(ctx, x, true);
    ck_assert_int_eq(lt_params_save(ctx, params, path, LT_F16), LT_OK);
    for (int map = 0; map < 2; map++) {
        lt_params *file = NULL;
        lt_clip *network = NULL;
        lt_params_create(ctx, &file);
        ck_assert_int_eq((map ? lt_params_map : lt_params_load)(ctx, file, path, NULL), LT_OK);
        ck_assert_int_eq(lt_type(lt_params_find(file, "token_embedding.weight")),
                         map ? LT_F16 : LT_F32);
        ck_assert_msg(lt_clip_create(ctx, file, &network) == LT_OK, "%s", lt_ctx_message(ctx));
        feature[map][0] = lt_clip_encode_image(ctx, network, x);
        feature[map][1] = lt_clip_encode_text(ctx, network, ids);
        nn_assert_ok(ctx);
        ck_assert_int_eq(lt_backward(ctx, lt_sum(ctx, feature[map][0], 0, false)), LT_OK);
        grad[map] = lt_clone(ctx, lt_grad(x));
        lt_zero_grad(x);
        lt_clip_free(network);
        lt_params_free(file);
    }
    ck_assert(nn_distance(feature[0][0], feature[1][0]) == 0.0);
    ck_assert(nn_distance(feature[0][1], feature[1][1]) == 0.0);
    ck_assert(nn_distance(grad[0], grad[1]) == 0.0);
}
END_TEST

Suite *suite_clip(void)
{
    Suite *s = suite_create("clip");
    TCase *c = tcase_create("clip");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_checked_fixture(c, temp_dir_make, temp_dir_remove);
    tcase_set_timeout(c, 120);
    tcase_add_test(c, description);
    tcase_add_test(c, preprocessing);
    tcase_add_test(c, image_features);
    tcase_add_test(c, text_features);
    tcase_add_test(c, shared_beginnings);
    tcase_add_test(c, gradients);
    tcase_add_test(c, contrastive_training_lowers_the_loss);
    tcase_add_test(c, metadata_changes_the_network);
    tcase_add_test(c, metadata_out_of_range);
    tcase_add_test(c, failures);
    tcase_add_test(c, stored_weights);
    suite_add_tcase(s, c);
    return s;
}
