/* Winograd's convolution, called directly so that shapes for which the direct sum is chosen
 * are tested too, against plain loops in double precision. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/check_conv3.h"
#include "support/check_grad.h"
#include "unit/suites.h"
#include "tensor/kernels/conv/winograd_impl.h"

static lt_ctx *ctx;

START_TEST(odd_shapes_match_plain_loops)
{
    static const int64_t channels[] = {1, 3, 16, 31, 33};
    for (int isa = 0; isa <= CHECK_ISAS; isa++) {
        ctx = check_open(1 + isa % 3, isa > 0 ? check_isa[isa - 1] : NULL);
        lt_rng rng = lt_rng_make(11, (uint64_t)isa);
        for (int i = 0; i < 90; i++) {
            const lt_conv3 q = {
                .kind = (lt_conv3_kind)(i % 3),
                .n = 1 + (int64_t)lt_rng_below(&rng, 3),
                .c = channels[lt_rng_below(&rng, 5)],
                .o = channels[lt_rng_below(&rng, 5)],
                .h = 3 + (int64_t)lt_rng_below(&rng, i % 4 < 2 ? 12 : 68),
                .w = 3 + (int64_t)lt_rng_below(&rng, i % 5 ? 68 : 12),
                .pad = (int64_t)lt_rng_below(&rng, 3),
                .flip = lt_rng_below(&rng, 2),
            };
            const double error =
                check_conv3_error(ctx, lt_winograd_run, q, 100 + (uint64_t)i, lt_rng_below(&rng, 2),
                                  lt_rng_below(&rng, 2), i % 10 ? 0 : 3);
            ck_assert_msg(error <= 3e-6, "kind %d (%d,%d,%d,%d) to %d channels, pad %d%s: error %g",
                          (int)q.kind, (int)q.n, (int)q.c, (int)q.h, (int)q.w, (int)q.o, (int)q.pad,
                          q.flip ? ", flipped" : "", error);
        }
        check_close(ctx);
    }
}
END_TEST

START_TEST(smallest_images)
{
    ctx = check_open(2, NULL);
    for (int64_t h = 1; h <= 5; h++)
        for (int64_t w = 1; w <= 70; w += w < 6 ? 1 : 8)
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
                const double error = check_conv3_error(ctx, lt_winograd_run, q,
                                                       (uint64_t)(100 * h + w), true, true, 0);
                ck_assert_msg(error <= 3e-6, "kind %d (%d,%d) pad %d: error %g", (int)q.kind,
                              (int)h, (int)w, (int)q.pad, error);
            }
    check_close(ctx);
}
END_TEST

/* The error that the transforms add, measured at 512 channels, the depth of the widest layers of
 * StyleGAN2. */
START_TEST(error_at_512_channels)
{
    ctx = check_open(2, NULL);
    for (int i = 0; i < 6; i++) {
        const lt_conv3 q = {.kind = (lt_conv3_kind)(i / 2),
                            .flip = i % 2,
                            .n = 1,
                            .c = 512,
                            .o = 16,
                            .h = 32,
                            .w = 32,
                            .pad = i < 2};
        const double error = check_conv3_error(ctx, lt_winograd_run, q, 5, true, false, 3);
        ck_assert_msg(error <= 6e-6, "kind %d: error %g", (int)q.kind, error);
    }
    check_close(ctx);
}
END_TEST

/* Outputs too large for the caches are written past them. The bits must equal those of each half of
 * the channels computed alone, which fits the caches. */
START_TEST(large_outputs)
{
    for (int i = 0; i < 2 * (CHECK_ISAS + 1); i++) {
        const int isa = i / 2;
        ctx = check_open(1 + isa % 3, isa > 0 ? check_isa[isa - 1] : NULL);
        lt_conv3 q = {.kind = i % 2 ? LT_CONV3_DOWN : LT_CONV3_SAME,
                      .n = 1,
                      .c = 3,
                      .o = 64,
                      .pad = 1,
                      .h = i % 2 ? 767 : 384,
                      .w = i % 2 ? 767 : 384,
                      .oh = 384,
                      .ow = 384,
                      .w_out = 27,
                      .w_in = 9};
        const int64_t area = q.oh * q.ow, size = q.o * area, half = q.o / 2;
        q.in = lt_f32(check_random(ctx, 1, -1, 1, 4, (int64_t[]){1, q.c, q.h, q.w}));
        q.weight = lt_f32(check_random(ctx, 2, -1, 1, 3, (int64_t[]){q.o, q.c, 9}));
        q.out_scale = lt_f32(check_random(ctx, 3, 0.5f, 2, 1, &q.o));
        q.with = lt_f32(check_random(ctx, 4, -1, 1, 1, &size));
        q.dot = lt_f32(lt_full(ctx, 1, &q.o, NAN));
        q.out = lt_f32(lt_full(ctx, 1, &size, NAN));
        lt_conv3 part = q;
        part.o = half;
        part.dot = lt_f32(lt_full(ctx, 1, &q.o, NAN));
        part.out = lt_f32(lt_full(ctx, 1, &size, NAN));
        const float *dot = part.dot, *out = part.out;
        ck_assert_int_eq(lt_winograd_run(ctx, &q), LT_OK);
        ck_assert_int_eq(lt_winograd_run(ctx, &part), LT_OK);
        part.weight += half * q.w_out;
        part.out_scale += half;
        part.with += half * area;
        part.dot += half;
        part.out += half * area;
        ck_assert_int_eq(lt_winograd_run(ctx, &part), LT_OK);
        ck_assert_mem_eq(q.out, out, (size_t)size * sizeof *out);
        ck_assert_mem_eq(q.dot, dot, (size_t)q.o * sizeof *dot);
        check_close(ctx);
    }
}
END_TEST

/* With one sample there are more blocks of weights than tiles, with three samples more tiles, which
 * are worked through in another order. Both orders and any number of threads give the same bits. */
START_TEST(more_weights_than_tiles)
{
    enum { SAMPLES = 3 };
    for (int i = 0; i < 3 * (CHECK_ISAS + 1); i++) {
        const int isa = i / 3;
        const lt_conv3_kind kind = (lt_conv3_kind)(i % 3);
        ctx = check_open(2, isa > 0 ? check_isa[isa - 1] : NULL);
        lt_conv3 q = {.kind = kind,
                      .n = 1,
                      .c = kind == LT_CONV3_SAME ? 700 : 310,
                      .o = 150,
                      .pad = kind == LT_CONV3_SAME};
        q.h = q.w = kind == LT_CONV3_SAME ? 32 : kind == LT_CONV3_DOWN ? 65 : 28;
        q.oh = q.ow = check_conv3_size(&q, q.h);
        q.w_out = 9 * q.c;
        q.w_in = 9;
        const int64_t in = q.c * q.h * q.w, out = q.o * q.oh * q.ow, outs = SAMPLES * out,
                      dots = SAMPLES * q.o;
        float *many = lt_f32(check_random(ctx, 1, -1, 1, 2, (int64_t[]){SAMPLES, in}));
        float *with = lt_f32(check_random(ctx, 2, -1, 1, 2, (int64_t[]){SAMPLES, out}));
        for (int j = 1; j < SAMPLES; j++) {
            memcpy(many + j * in, many, (size_t)in * sizeof *many);
            memcpy(with + j * out, with, (size_t)out * sizeof *with);
        }
        q.in = many;
        q.with = with;
        q.weight = lt_f32(check_random(ctx, 3, -1, 1, 3, (int64_t[]){q.o, q.c, 9}));
        lt_conv3 three = q;
        three.n = SAMPLES;
        three.out = lt_f32(lt_full(ctx, 1, &outs, NAN));
        three.dot = lt_f32(lt_full(ctx, 1, &dots, NAN));
        ck_assert(lt_winograd_sums(ctx, &three));
        ck_assert_int_eq(lt_winograd_run(ctx, &three), LT_OK);
        for (int threads = 1; threads <= 3; threads++) {
            lt_ctx_set_threads(ctx, threads);
            q.out = lt_f32(lt_full(ctx, 1, &out, NAN));
            q.dot = lt_f32(lt_full(ctx, 1, &q.o, NAN));
            ck_assert_int_eq(lt_winograd_run(ctx, &q), LT_OK);
            for (int j = 0; j < SAMPLES; j++) {
                ck_assert_mem_eq(q.out, three.out + j * out, (size_t)out * sizeof *q.out);
                ck_assert_mem_eq(q.dot, three.dot + j * q.o, (size_t)q.o * sizeof *q.dot);
            }
        }
        check_close(ctx);
    }
}
END_TEST

Suite *suite_winograd(void)
{
    Suite *s = suite_create("winograd");
    TCase *t = tcase_create("kernel");
    tcase_set_timeout(t, 600);
    tcase_add_test(t, odd_shapes_match_plain_loops);
    tcase_add_test(t, smallest_images);
    tcase_add_test(t, error_at_512_channels);
    tcase_add_test(t, large_outputs);
    tcase_add_test(t, more_weights_than_tiles);
    suite_add_tcase(s, t);
    return s;
}
