/* Inversion: photos to latents. */
#include <check.h>
#include <math.h>
#include <string.h>

#include "autograd/ops.h"
#include "cli/pictures/image_file.h"
#include "cli/inout/photos.h"
#include "support/method_fixture.h"
#include "unit/suites.h"
#include "support/temp_dir.h"

static struct ce_models models;
static lt_ctx *ctx;
static struct ce_invert_config config;
/* Photos are taken as they are. */
static const struct ce_framing framing = {.align = "off"};

static void set_up(void)
{
    method_models_make(&models, CE_NEED_GENERATOR | CE_NEED_VGG);
    ctx = models.ctx;
    lt_ctx_set_threads(ctx, 1);
    config = ce_invert_defaults();
    config.steps = 40;
    config.starts = 12;
    temp_dir_make();
}

static void tear_down(void)
{
    method_models_free(&models);
    temp_dir_remove();
}

static lt_tensor *own_picture(uint64_t seed)
{
    lt_no_grad_begin(ctx);
    lt_tensor *x =
        lt_clamp(ctx, lt_stylegan2_synthesis(ctx, models.generator, method_latents(ctx, 1, seed)),
                 -1.0f, 1.0f);
    lt_no_grad_end(ctx);
    return x;
}

static struct ce_invert_result inverted(lt_tensor *x, ce_invert_progress *progress, void *user)
{
    struct ce_invert_result r;
    ck_assert_msg(ce_invert_run(&models, &config, x, progress, user, &r) == LT_OK, "%s",
                  lt_ctx_message(ctx));
    return r;
}

struct told {
    int64_t steps;
    double first, last;
};

static bool listen(void *user, int64_t step, double loss)
{
    struct told *t = user;
    ck_assert_int_eq(step, ++t->steps);
    if (step == 1)
        t->first = loss;
    t->last = loss;
    return true;
}

/* The loss falls, every step is told, the picture is that of the latent, and the same call gives
 * the same bits; with and without the perceptual loss. */
START_TEST(comes_nearer)
{
    lt_tensor *x = own_picture(5);
    struct told told = {0};
    config.perc_lambda = _i == 0 ? 0.0f : 0.001f;
    struct ce_invert_result a = inverted(x, listen, &told), b = inverted(x, NULL, NULL);
    ck_assert_int_eq(told.steps, config.steps);
    ck_assert_double_lt(told.last, 0.5 * told.first);
    ck_assert(method_same_bits(a.w, b.w) && method_same_bits(a.x_hat, b.x_hat));
    lt_no_grad_begin(ctx);
    lt_tensor *drawn = lt_stylegan2_synthesis(ctx, models.generator, a.w);
    lt_no_grad_end(ctx);
    ck_assert(method_same_bits(a.x_hat, drawn));
    double sum = 0.0;
    for (int64_t i = 0; i < lt_numel(x); i++) {
        const double d = fmin(fmax((double)lt_f32(a.x_hat)[i], -1.0), 1.0) - (double)lt_f32(x)[i];
        sum += d * d;
    }
    ck_assert_double_eq_tol(a.psnr, 10.0 * log10(4.0 * (double)lt_numel(x) / sum), 1e-6);
    ce_invert_free(&a);
    ce_invert_free(&b);
    ck_assert_ptr_null(a.w);
}
END_TEST

/* A generator whose pictures are not numbers has no nearest face to start from. */
START_TEST(damaged_generator)
{
    lt_tensor *x = own_picture(5);
    struct ce_invert_result r;
    lt_f32(lt_params_find(models.generator_params, "input.input"))[0] = _i == 0 ? NAN : INFINITY;
    ck_assert_int_eq(ce_invert_run(&models, &config, x, NULL, NULL, &r), LT_ERR_NUMERIC);
    nn_assert_failed(ctx, LT_ERR_NUMERIC,
                     _i == 0 ? "tensor input.input: element 0 is NaN"
                             : "tensor input.input: element 0 is infinite");
    ce_invert_free(&r);
}
END_TEST

/* A search from more starts never ends further from the picture. */
START_TEST(starts)
{
    lt_tensor *x = own_picture(9);
    struct told one = {0}, many = {0};
    config.steps = 1;
    config.l2_lambda = 0.0f;
    config.starts = 1;
    struct ce_invert_result r = inverted(x, listen, &one);
    ce_invert_free(&r);
    config.starts = 40; /* five batches; the first face is the same */
    r = inverted(x, listen, &many);
    ce_invert_free(&r);
    ck_assert_double_le(many.first, one.first);
}
END_TEST

/* The middle square: reduced by averaging, enlarged within [-1,1], or as it is. */
START_TEST(fitting)
{
    enum { S = METHOD_SIDE };
    const int64_t sizes[][2] = {{S, S}, {S, 2 * S + 2},        {3 * S, S}, {4 * S, 2 * S}, {5, 9},
                                {1, 1}, {2 * S + 1, 2 * S + 7}};
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        const int64_t h = sizes[k][0], w = sizes[k][1];
        lt_tensor *picture = lt_zeros(ctx, 4, (int64_t[]){1, 3, h, w});
        lt_rng rng = lt_rng_make(k, 1);
        for (int64_t i = 0; i < lt_numel(picture); i++)
            lt_f32(picture)[i] = tanhf(lt_rng_normal(&rng));
        lt_tensor *x = ce_invert_fit(&models, picture);
        ck_assert_ptr_nonnull(x);
        ck_assert(lt_dim(x, 0) == 1 && lt_dim(x, 1) == 3 && lt_dim(x, 2) == S && lt_dim(x, 3) == S);
        for (int64_t i = 0; i < lt_numel(x); i++)
            ck_assert(fabsf(lt_f32(x)[i]) <= 1.0f);
        const int64_t least = h < w ? h : w, top = (h - least) / 2, left = (w - least) / 2,
                      times = least / S;
        if (least % S)
            continue;
        for (int y = 0; y < S; y++) {
            double mean = 0.0;
            for (int64_t i = 0; i < times * times; i++)
                mean +=
                    (double)lt_f32(picture)[(top + y * times + i / times) * w + left + i % times];
            ck_assert_float_eq_tol(lt_f32(x)[y * S], (float)(mean / (double)(times * times)),
                                   1e-6f);
        }
    }
}
END_TEST

static lt_status refused(lt_tensor *x)
{
    struct ce_invert_result r;
    const lt_status status = ce_invert_run(&models, &config, x, NULL, NULL, &r);
    ck_assert(r.w == NULL && r.x_hat == NULL);
    ce_invert_free(&r);
    lt_ctx_clear(ctx);
    return status;
}

/* With an encoder the search starts at the latent that the encoder gives; with 0 steps this latent
 * is the result. */
START_TEST(from_the_encoder)
{
    lt_tensor *x = own_picture(5);
    struct ce_models with;
    method_models_make(&with, CE_NEED_ENCODER);
    lt_encoder *encoder = NULL;
    ck_assert_int_eq(lt_encoder_create(ctx, with.encoder_params, &encoder), LT_OK);
    models.encoder = encoder;
    config.steps = 0;
    struct ce_invert_result r = inverted(x, NULL, NULL);
    lt_no_grad_begin(ctx);
    ck_assert(method_same_bits(r.w, lt_contiguous(ctx, lt_encoder_encode(ctx, encoder, x))));
    lt_no_grad_end(ctx);
    ce_invert_free(&r);
    struct told told = {0};
    config.steps = 20;
    r = inverted(x, listen, &told);
    ck_assert_double_lt(told.last, told.first);
    ce_invert_free(&r);
    models.encoder = NULL;
    lt_encoder_free(encoder);
    method_models_free(&with);
}
END_TEST

/* An encoder whose weights are not numbers is not blamed on the learning rate. */
START_TEST(damaged_encoder)
{
    lt_tensor *x = own_picture(5);
    struct ce_models with;
    method_models_make(&with, CE_NEED_ENCODER);
    lt_f32(lt_params_find(with.encoder_params, "encoder.styles.0.linear.bias"))[0] = NAN;
    ck_assert_int_eq(lt_encoder_create(ctx, with.encoder_params, &models.encoder), LT_OK);
    for (config.steps = 0; config.steps < 2; config.steps++) {
        struct ce_invert_result r;
        ck_assert_int_eq(ce_invert_run(&models, &config, x, NULL, NULL, &r), LT_ERR_NUMERIC);
        nn_assert_failed(ctx, LT_ERR_NUMERIC,
                         "the latent that the model's encoder finds: element 0 is NaN");
        ce_invert_free(&r);
    }
    lt_encoder_free(models.encoder);
    models.encoder = NULL;
    method_models_free(&with);
}
END_TEST

/* A ReStyle encoder sees the picture of the latent so far, beginning with the mean latent's, as
 * often as the settings say: five times by default. */
START_TEST(from_a_restyle_encoder)
{
    lt_tensor *x = own_picture(5), *w;
    struct ce_models with;
    method_models_make(&with, CE_NEED_ENCODER);
    lt_params *six =
        method_params_without(ctx, with.encoder_params, "encoder.input_layer.0.weight");
    lt_rng rng = lt_rng_make(8, 0);
    lt_params_add(ctx, six, "encoder.input_layer.0.weight",
                  nn_normal(ctx, &rng, 4, (const int64_t[]){3, 6, 3, 3}));
    lt_params_set_metadata(ctx, six, "encoder_type", "GradualStyleEncoder");
    ck_assert_msg(lt_encoder_create(ctx, six, &models.encoder) == LT_OK, "%s", lt_ctx_message(ctx));
    config.steps = 0;
    ck_assert_int_eq(config.encoder_iterations, 5);
    for (int times = 1; times <= 5; times += 2) {
        config.encoder_iterations = times;
        struct ce_invert_result r = inverted(x, NULL, NULL);
        lt_no_grad_begin(ctx);
        w = lt_encoder_start(ctx, models.encoder);
        for (int i = 0; i < times; i++)
            w = lt_encoder_refine(ctx, models.encoder, x,
                                  lt_stylegan2_synthesis(ctx, models.generator, w), w);
        lt_no_grad_end(ctx);
        ck_assert(method_same_bits(r.w, w));
        ce_invert_free(&r);
    }
    config.encoder_iterations = 0;
    struct ce_invert_result r;
    ck_assert_int_eq(ce_invert_run(&models, &config, x, NULL, NULL, &r), LT_ERR_ARGUMENT);
    nn_assert_failed(ctx, LT_ERR_ARGUMENT, "encoder-iterations 0");
    lt_encoder_free(models.encoder);
    models.encoder = NULL;
    lt_params_free(six);
    method_models_free(&with);
}
END_TEST

/* A file of an encoder into W. */
static lt_params *w_encoder(const struct ce_models *with)
{
    lt_params *pyramid = method_params_without(ctx, with->encoder_params, "encoder.latlayer"),
              *w = method_params_without(ctx, pyramid, "encoder.styles.");
    lt_rng rng = lt_rng_make(9, 0);
    lt_params_add(ctx, w, "encoder.linear.weight",
                  nn_normal(ctx, &rng, 2, (const int64_t[]){METHOD_D, 6}));
    lt_params_add(ctx, w, "encoder.linear.bias",
                  nn_normal(ctx, &rng, 1, (const int64_t[]){METHOD_D}));
    lt_params_set_metadata(ctx, w, "encoder_type", "BackboneEncoderUsingLastLayerIntoW");
    lt_params_free(pyramid);
    return w;
}

/* From files: an encoder into W fits every generator of its width, and its latent goes to all
 * layers. */
START_TEST(from_an_encoder_into_w)
{
    struct ce_run run = {.ctx = ctx, .quiet = true};
    lt_tensor *x = own_picture(5);
    struct ce_models with, opened = {0};
    method_models_make(&with, CE_NEED_ENCODER);
    lt_params *w = w_encoder(&with);
    run.paths.generator = temp_path("generator.safetensors");
    run.paths.encoder = temp_path("encoder.safetensors");
    ck_assert_int_eq(lt_params_save(ctx, models.generator_params, run.paths.generator, LT_F32),
                     LT_OK);
    ck_assert_int_eq(lt_params_save(ctx, w, run.paths.encoder, LT_F32), LT_OK);
    ck_assert_msg(
        ce_models_open(run.ctx, &run.paths, CE_NEED_GENERATOR | CE_NEED_ENCODER, &opened) == LT_OK,
        "%s", lt_ctx_message(ctx));
    config.steps = 0;
    struct ce_invert_result r;
    ck_assert_int_eq(ce_invert_run(&opened, &config, x, NULL, NULL, &r), LT_OK);
    lt_no_grad_begin(ctx);
    lt_tensor *one = lt_contiguous(ctx, lt_encoder_encode(ctx, opened.encoder, x));
    lt_no_grad_end(ctx);
    ck_assert(lt_dim(one, 1) == 1 && lt_dim(r.w, 1) == METHOD_LAYERS);
    for (int i = 0; i < METHOD_LAYERS * METHOD_D; i++)
        ck_assert_float_eq(lt_f32(r.w)[i], lt_f32(one)[i % METHOD_D]);
    ce_invert_free(&r);
    ce_models_close(&opened);
    lt_params_free(w);
    method_models_free(&with);
    run.ctx = NULL; /* the fixture's */
    ce_run_end(&run);
}
END_TEST

/* From files: the encoder must give what the generator takes. */
START_TEST(encoder_files)
{
    struct ce_run run = {.ctx = ctx, .quiet = true};
    struct ce_models with, opened = {0};
    run.paths.generator = temp_path("generator.safetensors");
    run.paths.encoder = temp_path("encoder.safetensors");
    ck_assert_int_eq(lt_params_save(ctx, models.generator_params, run.paths.generator, LT_F32),
                     LT_OK);
    method_models_make(&with, CE_NEED_ENCODER);
    ck_assert_int_eq(lt_params_save(ctx, with.encoder_params, run.paths.encoder, LT_F32), LT_OK);
    ck_assert(ce_models_has(run.ctx, &run.paths, CE_NEED_ENCODER));
    ck_assert_uint_eq(ce_photos_need(&run, &framing, 1), CE_NEED_ENCODER);
    ck_assert_uint_eq(ce_photos_need(&run, &framing, 0), 0);
    ck_assert_msg(
        ce_models_open(run.ctx, &run.paths, CE_NEED_GENERATOR | CE_NEED_ENCODER, &opened) == LT_OK,
        "%s", lt_ctx_message(ctx));
    ck_assert_ptr_nonnull(opened.encoder);
    ce_models_close(&opened);
    lt_params *fewer = method_params_without(ctx, with.encoder_params, "encoder.styles.5.");
    ck_assert_int_eq(lt_params_save(ctx, fewer, run.paths.encoder, LT_F32), LT_OK);
    ck_assert_int_eq(
        ce_models_open(run.ctx, &run.paths, CE_NEED_GENERATOR | CE_NEED_ENCODER, &opened),
        LT_ERR_SHAPE);
    ck_assert_ptr_nonnull(
        strstr(lt_ctx_message(ctx), "5 layers of 6 numbers, but the generator takes 6 of 6"));
    lt_ctx_clear(ctx);
    ce_models_close(&opened);
    lt_params_free(fewer);
    method_models_free(&with);
    run.ctx = NULL; /* the fixture's */
    ce_run_end(&run);
}
END_TEST

START_TEST(refusals)
{
    lt_tensor *x = own_picture(1),
              *wrong = lt_zeros(ctx, 4, (int64_t[]){1, 3, METHOD_SIDE, METHOD_SIDE / 2});
    ck_assert_int_eq(refused(wrong), LT_ERR_SHAPE);
    const struct ce_invert_config good = config;
    config.steps = -1;
    ck_assert_int_eq(refused(x), LT_ERR_ARGUMENT);
    config = good;
    config.lr = 0.0f;
    ck_assert_int_eq(refused(x), LT_ERR_ARGUMENT);
    config = good;
    config.l2_lambda = NAN;
    ck_assert_int_eq(refused(x), LT_ERR_ARGUMENT);
    config = good;
    config.lr = 1e30f;
    ck_assert_int_eq(refused(x), LT_ERR_NUMERIC);
    ck_assert_uint_eq(lt_tape_length(ctx), 0);
    config = good;
    lt_f32(x)[7] = NAN;
    ck_assert_int_eq(refused(x), LT_ERR_NUMERIC);
}
END_TEST

/* Two files give two rows, each equal to the row of the file alone. The message for a file that is
 * no picture names it. */
START_TEST(files)
{
    struct ce_run run = {.ctx = ctx, .quiet = true};
    const char *paths[3] = {temp_path("a.png"), temp_path("b.png"), temp_path("none.png")};
    for (int i = 0; i < 2; i++) {
        ce_image image = {0};
        ck_assert_int_eq(ce_image_from_tensor(ctx, own_picture(20 + (uint64_t)i), 0, &image),
                         LT_OK);
        ck_assert_int_eq(ce_image_write(ctx, paths[i], &image, NULL, 0), LT_OK);
        ce_image_free(&image);
    }
    struct ce_photos both, one;
    config.steps = 6;
    ck_assert_msg(ce_photos_invert(&run, &models, &config, &framing, paths, 2, &both) == LT_OK,
                  "%s", lt_ctx_message(ctx));
    ck_assert_int_eq(ce_photos_invert(&run, &models, &config, &framing, paths + 1, 1, &one), LT_OK);
    lt_no_grad_begin(ctx);
    ck_assert(method_same_bits(lt_contiguous(ctx, lt_slice(ctx, both.w, 0, 1, 1)), one.w));
    ck_assert(method_same_bits(lt_contiguous(ctx, lt_slice(ctx, both.x, 0, 1, 1)), one.x));
    lt_no_grad_end(ctx);
    ck_assert_double_eq(both.psnr[1], one.psnr[0]);
    ck_assert_int_eq(ce_photos_invert(&run, &models, &config, &framing, paths, 3, &both),
                     LT_ERR_IO);
    ck_assert_ptr_nonnull(strstr(lt_ctx_message(ctx), "none.png"));
    lt_ctx_clear(ctx);
    run.ctx = NULL; /* the fixture's */
    ce_run_end(&run);
}
END_TEST

Suite *suite_invert(void)
{
    Suite *suite = suite_create("invert");
    TCase *tests = tcase_create("invert");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, comes_nearer, 0, 2);
    tcase_add_loop_test(tests, damaged_generator, 0, 2);
    tcase_add_test(tests, starts);
    tcase_add_test(tests, fitting);
    tcase_add_test(tests, from_the_encoder);
    tcase_add_test(tests, damaged_encoder);
    tcase_add_test(tests, from_a_restyle_encoder);
    tcase_add_test(tests, from_an_encoder_into_w);
    tcase_add_test(tests, encoder_files);
    tcase_add_test(tests, refusals);
    tcase_add_test(tests, files);
    suite_add_tcase(suite, tests);
    return suite;
}
