/* Convolutions on AMX, called directly so that shapes which are too small for them are tested too:
 * with the unit's instructions written out in C everywhere, and with the unit where there is
 * one. */
#include <check.h>
#include <math.h>
#include <string.h>

#include "support/amx_emulated.h"
#include "autograd/ops.h"
#include "autograd/tape.h"
#include "support/check_conv3.h"
#include "support/check_grad.h"
#include "unit/suites.h"
#include "tensor/kernels/conv/amx_conv_impl.h"
#include "tensor/kernels/gemm/amx_impl.h"

static lt_ctx *ctx;

static double error_of(lt_conv3 q, uint64_t seed, bool scaled, bool shifted, int check_threads)
{
    return check_conv3_error(ctx, lt_amx_conv_run, q, seed, scaled, shifted, check_threads);
}

enum { SIDE = LT_AMX_SIDE, DEPTH = LT_AMX_DEPTH, TILE = LT_AMX_TILE };

/* Packing writes pixels and weights as three digits of base 256 that give the rounded integer.
 * Padding channels are 0. */
START_TEST(digits_are_the_integer)
{
    if (!(ctx = check_open_amx(__func__, 1, _i)))
        return;
    enum { CHANNELS = 50 };
    const float limit = 8355000.0f;
    static _Alignas(64) int8_t pixels[LT_AMX_DIGITS * TILE], weights[LT_AMX_DIGITS * TILE];
    const float *random = lt_f32(check_random(ctx, 1, -1, 1, 1, (int64_t[]){CHANNELS * SIDE}));
    float values[CHANNELS * SIDE], ones[SIDE];
    for (int i = 0; i < CHANNELS * SIDE; i++)
        values[i] = rintf(random[i] * (i % 3 ? limit : 300.0f));
    for (int i = 0; i < SIDE; i++)
        ones[i] = 1.0f;
    values[0] = limit, values[1] = -limit, values[2] = 0, values[3] = 127, values[4] = 128,
    values[5] = -128, values[6] = -129;
    const struct lt_amx_conv_kernels *k = lt_amx_conv_kernels_of(ctx);
    k->pixels(values, CHANNELS, 1.0f, TILE, pixels);
    k->digits(values, CHANNELS, ones, weights);
    for (int c = 0; c < DEPTH; c++)
        for (int i = 0; i < SIDE; i++) {
            const float want = c < CHANNELS ? values[c * SIDE + i] : 0.0f;
            const int at = i * DEPTH + c, across = c / 4 * 64 + 4 * i + c % 4;
            ck_assert_int_eq((pixels[at] * 256 + pixels[TILE + at]) * 256 + pixels[2 * TILE + at],
                             (int)want);
            ck_assert_int_eq((weights[across] * 256 + weights[TILE + across]) * 256 +
                                 weights[2 * TILE + across],
                             (int)want);
        }
    check_close(ctx);
}
END_TEST

START_TEST(odd_shapes_match_plain_loops)
{
    static const int64_t channels[] = {1, 3, 31, 33, 64, 65};
    if (!(ctx = check_open_amx(__func__, 2, _i)))
        return;
    lt_rng rng = lt_rng_make(11, 0);
    for (int i = 0; i < 30; i++) {
        const lt_conv3 q = {
            .kind = (lt_conv3_kind)(i % 3),
            .n = 1 + (int64_t)lt_rng_below(&rng, i % 6 ? 1 : 3),
            .c = channels[lt_rng_below(&rng, 6)],
            .o = channels[lt_rng_below(&rng, 6)],
            .h = 3 + (int64_t)lt_rng_below(&rng, i % 4 < 2 ? 12 : 68),
            .w = 3 + (int64_t)lt_rng_below(&rng, i % 5 ? 68 : 12),
            .pad = (int64_t)lt_rng_below(&rng, 3),
            .flip = lt_rng_below(&rng, 2),
        };
        const double error = error_of(q, 100 + (uint64_t)i, lt_rng_below(&rng, 2),
                                      lt_rng_below(&rng, 2), i % 10 ? 0 : 3);
        ck_assert_msg(error <= 1e-6, "kind %d (%d,%d,%d,%d) to %d channels, pad %d%s: error %g",
                      (int)q.kind, (int)q.n, (int)q.c, (int)q.h, (int)q.w, (int)q.o, (int)q.pad,
                      q.flip ? ", flipped" : "", error);
    }
    check_close(ctx);
}
END_TEST

START_TEST(smallest_images)
{
    if (!(ctx = check_open_amx(__func__, 2, _i)))
        return;
    for (int64_t h = 1; h <= 5; h += h < 2 ? 1 : 3)
        for (int64_t w = 1; w <= 70; w += w < 6 ? 1 : 16)
            for (int64_t i = 0; i < 9; i++) {
                const lt_conv3 q = {.kind = (lt_conv3_kind)(i / 3),
                                    .pad = i % 3,
                                    .n = 3,
                                    .c = 3,
                                    .o = 2,
                                    .h = h,
                                    .w = w};
                if (check_conv3_size(&q, h) < 1 || check_conv3_size(&q, w) < 1)
                    continue;
                const double error = error_of(q, (uint64_t)(100 * h + w), true, true, 0);
                ck_assert_msg(error <= 1e-6, "kind %d (%d,%d) pad %d: error %g", (int)q.kind,
                              (int)h, (int)w, (int)q.pad, error);
            }
    check_close(ctx);
}
END_TEST

/* Images wider than one tile and taller than one tile. */
START_TEST(several_tiles)
{
    if (!(ctx = check_open_amx(__func__, 3, _i)))
        return;
    for (int i = 0; i < 6; i++) {
        const lt_conv3 q = {.kind = (lt_conv3_kind)(i / 2),
                            .flip = i % 2,
                            .n = 1,
                            .c = 5,
                            .o = 18,
                            .h = 11,
                            .w = 300,
                            .pad = 1};
        const double error = error_of(q, 7, true, false, 3);
        ck_assert_msg(error <= 1e-6, "kind %d: error %g", (int)q.kind, error);
    }
    check_close(ctx);
}
END_TEST

/* The error at 512 channels is at most that of Winograd's transforms along both axes. */
START_TEST(error_at_512_channels)
{
    if (!(ctx = check_open_amx(__func__, 2, _i)))
        return;
    for (int i = 0; i < 3; i++) {
        const lt_conv3 q = {.kind = (lt_conv3_kind)i,
                            .flip = i == 1,
                            .n = 1,
                            .c = 512,
                            .o = 16,
                            .h = 16,
                            .w = 32,
                            .pad = i == 0};
        const double error = error_of(q, 5, true, false, 3);
        ck_assert_msg(error <= 1.5e-6, "kind %d: error %g", (int)q.kind, error);
    }
    check_close(ctx);
}
END_TEST

enum { CHANNELS = 70, SIZE = 20 };

/* Outputs (2, SIZE, SIZE) of CHANNELS channels of random weights. */
static const float *run_on(const float *in, float scale)
{
    const int64_t size = 2 * SIZE * SIZE;
    const lt_conv3 q = {
        .kind = LT_CONV3_SAME,
        .n = 1,
        .c = CHANNELS,
        .h = SIZE,
        .w = SIZE,
        .o = 2,
        .oh = SIZE,
        .ow = SIZE,
        .pad = 1,
        .w_out = 9 * CHANNELS,
        .w_in = 9,
        .in = in,
        .out = lt_f32(lt_full(ctx, 1, &size, NAN)),
        .weight = lt_f32(check_random(ctx, 3, -scale, scale, 1, (int64_t[]){2 * 9 * CHANNELS}))};
    ck_assert_int_eq(lt_amx_conv_run(ctx, &q), LT_OK);
    return q.out;
}

/* Zeros stay zeros, and values of any magnitude keep their digits. A value far below the largest
 * one becomes zero. An infinity or NaN shows in every output that it reaches. */
START_TEST(extreme_values)
{
    if (!(ctx = check_open_amx(__func__, 1, _i)))
        return;
    const int64_t count = CHANNELS * SIZE * SIZE;
    float *in = lt_f32(lt_zeros(ctx, 1, &count));
    const float *zero = run_on(in, 1.0f);
    for (int i = 0; i < 2 * SIZE * SIZE; i++)
        ck_assert(zero[i] == 0.0f);

    const float *random = lt_f32(check_random(ctx, 5, -1, 1, 1, &count));
    memcpy(in, random, (size_t)count * sizeof *in);
    const float *want = run_on(in, 1.0f);
    const float factors[] = {0x1p-70f, 0x1p-30f, 0x1p40f, 0x1p90f};
    for (int f = 0; f < 4; f++) {
        for (int64_t i = 0; i < count; i++)
            in[i] = random[i] * factors[f];
        const float *y = run_on(in, 1.0f), *z = run_on(in, 0x1p20f);
        for (int i = 0; i < 2 * SIZE * SIZE; i++) {
            check_close_to("scaled", i, (double)(y[i] / factors[f]), (double)want[i], 1e-6);
            check_close_to("scaled weights", i, (double)(z[i] / factors[f]) * 0x1p-20,
                           (double)want[i], 1e-6);
        }
    }
    for (int64_t i = 0; i < count; i++)
        in[i] = random[i] * 0x1p-130f;
    const float *tiny = run_on(in, 1.0f);
    for (int i = 0; i < 2 * SIZE * SIZE; i++)
        ck_assert(fabsf(tiny[i]) <= 0x1p-115f);

    memcpy(in, random, (size_t)count * sizeof *in);
    in[7 * SIZE * SIZE + 9 * SIZE + 9] = NAN;
    const float *y = run_on(in, 1.0f);
    for (int i = 8; i <= 10; i++)
        for (int j = 8; j <= 10; j++)
            ck_assert(isnan(y[i * SIZE + j]));
    check_close(ctx);
}
END_TEST

/* A value a thousand times larger than its neighbours costs them three decimal digits, because they
 * share a scale. */
START_TEST(peaks)
{
    if (!(ctx = check_open_amx(__func__, 1, _i)))
        return;
    const int64_t count = CHANNELS * SIZE * SIZE;
    float *in = lt_f32(check_random(ctx, 5, -1, 1, 1, &count));
    const float *want = run_on(in, 1.0f);
    const int peak = 3 * SIZE * SIZE + 16 * SIZE + 10;
    in[peak] *= 1000.0f / fabsf(in[peak]);
    const float *y = run_on(in, 1.0f);
    for (int o = 0; o < 2; o++)
        for (int i = 0; i < SIZE * SIZE; i++) {
            const int row = i / SIZE, column = i % SIZE;
            if (row >= 15 && row <= 17 && column >= 9 && column <= 11)
                continue;
            check_close_to("beside a peak", i, (double)y[o * SIZE * SIZE + i],
                           (double)want[o * SIZE * SIZE + i], 2e-3);
        }
    check_close(ctx);
}
END_TEST

/* Outputs too large for the caches are written past them, in whole rows or in runs of pixels. The
 * bits must equal those of each half of the channels computed alone, which fits the caches. */
START_TEST(large_outputs)
{
    for (int up = 0; up < 2; up++) {
        if (!(ctx = check_open_amx(__func__, 2, _i)))
            return;
        const int64_t wide = up ? 513 : 512, in = up ? 256 : 512;
        lt_conv3 q = {.kind = up ? LT_CONV3_UP : LT_CONV3_SAME,
                      .n = 1,
                      .c = 3,
                      .o = 32,
                      .pad = !up,
                      .h = in,
                      .w = in,
                      .oh = wide,
                      .ow = wide,
                      .w_out = 27,
                      .w_in = 9};
        const int64_t area = q.oh * q.ow, size = q.o * area, half = q.o / 2;
        q.in = lt_f32(check_random(ctx, 1, -1, 1, 1, (int64_t[]){q.c * in * in}));
        q.weight = lt_f32(check_random(ctx, 2, -1, 1, 1, (int64_t[]){q.o * q.c * 9}));
        q.out = lt_f32(lt_full(ctx, 1, &size, NAN));
        lt_conv3 part = q;
        part.o = half;
        part.out = lt_f32(lt_full(ctx, 1, &size, NAN));
        const float *out = part.out;
        ck_assert_int_eq(lt_amx_conv_run(ctx, &q), LT_OK);
        ck_assert_int_eq(lt_amx_conv_run(ctx, &part), LT_OK);
        part.weight += half * q.w_out;
        part.out += half * area;
        ck_assert_int_eq(lt_amx_conv_run(ctx, &part), LT_OK);
        ck_assert_mem_eq(q.out, out, (size_t)size * sizeof *out);
        check_close(ctx);
    }
}
END_TEST

/* Threads share the work by blocks of weights if there are more blocks than tiles, else by tiles,
 * and by several tiles at a time if neither side fits the cache. Each order gives the same bits,
 * for one sample and for each of many. */
START_TEST(orders_of_work)
{
    static const struct {
        lt_conv3_kind kind;
        int64_t c, o, h, samples;
    } cases[] = {
        {LT_CONV3_SAME, 70, 40, 6, 16},
        {LT_CONV3_UP, 70, 40, 5, 16},
        {LT_CONV3_DOWN, 40, 70, 11, 16},
        {LT_CONV3_SAME, 130, 200, 8, 24},
    };
    if (!(ctx = check_open_amx(__func__, 2, _i)))
        return;
    for (int i = 0; i < 4; i++) {
        lt_conv3 q = {.kind = cases[i].kind,
                      .n = 1,
                      .c = cases[i].c,
                      .o = cases[i].o,
                      .h = cases[i].h,
                      .w = 16,
                      .pad = 1,
                      .w_out = 9 * cases[i].c,
                      .w_in = 9};
        q.oh = check_conv3_size(&q, q.h);
        q.ow = check_conv3_size(&q, q.w);
        const int64_t in = q.c * q.h * q.w, out = q.o * q.oh * q.ow, samples = cases[i].samples,
                      outs = samples * out;
        float *x = lt_f32(check_random(ctx, 1, -1, 1, 2, (int64_t[]){samples, in}));
        q.weight = lt_f32(check_random(ctx, 3, -1, 1, 1, (int64_t[]){q.o * q.c * 9}));
        lt_conv3 many = q;
        many.n = samples;
        many.in = x;
        many.out = lt_f32(lt_full(ctx, 1, &outs, NAN));
        q.out = lt_f32(lt_full(ctx, 1, &out, NAN));
        ck_assert_int_eq(lt_amx_conv_run(ctx, &many), LT_OK);
        for (int64_t s = 0; s < samples; s += samples / 2 - 1) {
            q.in = x + s * in;
            ck_assert_int_eq(lt_amx_conv_run(ctx, &q), LT_OK);
            ck_assert_mem_eq(q.out, many.out + s * out, (size_t)out * sizeof *q.out);
        }
    }
    check_close(ctx);
}
END_TEST

typedef struct layer {
    lt_tensor *noise;
    float slope;
} layer;

static lt_tensor *apply_layer(lt_ctx *c, lt_tensor *const *leaf, void *user)
{
    const layer *of = user;
    const lt_act act = {.noise = of->noise,
                        .noise_weight = leaf[3],
                        .bias = leaf[4],
                        .slope = of->slope,
                        .gain = 1.4f};
    return lt_conv2d_act(c, leaf[0], leaf[1], leaf[2], 1, 1, &act);
}

/* A layer of the generator uses AMX without being asked to, together with its noise, bias and
 * activation. Its values equal those without AMX, and its gradient matches difference quotients. */
START_TEST(layers)
{
    if (!(ctx = check_open_amx(__func__, 2, _i)))
        return;
    enum { WIDE = 64, EDGE = 18 };
    const bool amx = ctx->amx;
    const int64_t channels = WIDE;
    lt_tensor *leaf[] = {check_random(ctx, 1, -1, 1, 4, (int64_t[]){1, WIDE, EDGE, EDGE}),
                         check_random(ctx, 2, 0.5f, 2, 2, (int64_t[]){1, WIDE}),
                         check_random(ctx, 3, -0.1f, 0.1f, 4, (int64_t[]){WIDE, WIDE, 3, 3}),
                         check_random(ctx, 4, 0.1f, 1, 1, (int64_t[]){1}),
                         check_random(ctx, 5, -1, 1, 1, &channels)};
    layer of = {check_random(ctx, 6, -1, 1, 4, (int64_t[]){1, 1, EDGE, EDGE}), 0.2f};
    const lt_conv3 q = {.kind = LT_CONV3_SAME,
                        .n = 1,
                        .c = WIDE,
                        .h = EDGE,
                        .w = EDGE,
                        .o = WIDE,
                        .oh = EDGE,
                        .ow = EDGE,
                        .pad = 1};
    ck_assert(lt_amx_conv_pays(ctx, &q));
    const lt_tensor *y = apply_layer(ctx, leaf, &of);
    ctx->amx = false;
    ck_assert(!lt_amx_conv_pays(ctx, &q));
    const lt_tensor *plain = apply_layer(ctx, leaf, &of);
    ctx->amx = amx;
    ck_assert(y && plain);
    bool same = true;
    for (int64_t i = 0; i < WIDE * EDGE * EDGE; i++) {
        check_close_to("layer", i, check_at(y, i), check_at(plain, i),
                       3e-5); /* three quarters of this error are Winograd's */
        same = same && check_at(y, i) == check_at(plain, i);
    }
    ck_assert_msg(!same, "went the usual way");
    lt_set_requires_grad(ctx, leaf[0], true);
    lt_set_requires_grad(ctx, leaf[1], true);
    of.slope = 1.0f; /* differences would step over kinks */
    check_grad(ctx, "layer", apply_layer, &of, 5, leaf, (struct check_grad){.samples = 6});
    check_close(ctx);
}
END_TEST

/* Layers of few channels and small images do not use AMX. */
START_TEST(small_ones_stay_away)
{
    if (!(ctx = check_open_amx(__func__, 1, _i)))
        return;
    const lt_conv3 same = {.kind = LT_CONV3_SAME,
                           .n = 1,
                           .c = 64,
                           .h = 32,
                           .w = 32,
                           .o = 64,
                           .oh = 32,
                           .ow = 32,
                           .pad = 1};
    lt_conv3 q = same;
    ck_assert(lt_amx_conv_pays(ctx, &q));
    q.c = 63;
    ck_assert(!lt_amx_conv_pays(ctx, &q));
    q.c = 2049;
    ck_assert(!lt_amx_conv_pays(ctx, &q));
    q = same, q.o = 31;
    ck_assert(!lt_amx_conv_pays(ctx, &q));
    q = same, q.w = q.ow = 8;
    ck_assert(!lt_amx_conv_pays(ctx, &q));
    q = same, q.h = q.oh = 1;
    ck_assert(!lt_amx_conv_pays(ctx, &q));
    const lt_conv3 up = {
        .kind = LT_CONV3_UP, .n = 1, .c = 64, .h = 16, .w = 16, .o = 64, .oh = 33, .ow = 33};
    ck_assert(lt_amx_conv_pays(ctx, &up));
    check_close(ctx);
}
END_TEST

Suite *suite_amx_conv(void)
{
    Suite *s = suite_create("amx_conv");
    TCase *t = tcase_create("convolution");
    tcase_set_timeout(t, 600);
    tcase_add_loop_test(t, digits_are_the_integer, 0, CHECK_AMX_TABLES);
    tcase_add_loop_test(t, odd_shapes_match_plain_loops, 0, CHECK_AMX_TABLES);
    tcase_add_loop_test(t, smallest_images, 0, CHECK_AMX_TABLES);
    tcase_add_loop_test(t, several_tiles, 0, CHECK_AMX_TABLES);
    tcase_add_loop_test(t, error_at_512_channels, 0, CHECK_AMX_TABLES);
    tcase_add_loop_test(t, extreme_values, 0, CHECK_AMX_TABLES);
    tcase_add_loop_test(t, peaks, 0, CHECK_AMX_TABLES);
    tcase_add_loop_test(t, large_outputs, 1,
                        CHECK_AMX_TABLES); /* takes minutes on the emulated unit with sanitizers */
    tcase_add_loop_test(t, orders_of_work, 0, CHECK_AMX_TABLES);
    tcase_add_loop_test(t, layers, 0, CHECK_AMX_TABLES);
    tcase_add_loop_test(t, small_ones_stay_away, 0, CHECK_AMX_TABLES);
    suite_add_tcase(s, t);
    return s;
}
