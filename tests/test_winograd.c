/* Winograd's convolution, called directly so that shapes for which the direct sum is chosen
 * are tested too, against plain loops in double precision. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check_grad.h"
#include "suites.h"
#include "tensor/winograd_impl.h"

static lt_ctx *ctx;

static int64_t weight_at(const lt_winograd *q, int64_t o, int64_t c, int64_t tap)
{
    return o * q->w_out + c * q->w_in + (q->flip ? 8 - tap : tap);
}

/* Tap i meets input row *in of output row y; false where there is none. */
static bool meets(const lt_winograd *q, int64_t y, int64_t i, int64_t limit, int64_t *in)
{
    *in = q->kind == LT_WINOGRAD_SAME ? y + i - q->pad : 2 * y + i - q->pad;
    if (q->kind == LT_WINOGRAD_UP) {
        if ((y - i + q->pad) % 2 != 0) return false;
        *in = (y - i + q->pad) / 2;
    }
    return *in >= 0 && *in < limit;
}

static void plain_loops(const lt_winograd *q, double *y)
{
    for (int64_t i = 0; i < q->n * q->o * q->oh * q->ow; i++) {
        const int64_t x = i % q->ow, row = i / q->ow % q->oh, o = i / q->ow / q->oh % q->o;
        const int64_t n = i / q->ow / q->oh / q->o;
        double sum = q->bias ? (double)q->bias[o] : 0.0;
        for (int64_t c = 0; c < q->c; c++) {
            double part = 0;
            for (int64_t t = 0; t < 9; t++) {
                int64_t iy, ix;
                if (!meets(q, row, t / 3, q->h, &iy) || !meets(q, x, t % 3, q->w, &ix)) continue;
                part += (double)q->weight[weight_at(q, o, c, t)] *
                        (double)q->in[((n * q->c + c) * q->h + iy) * q->w + ix];
            }
            sum += q->scale ? part * (double)q->scale[n * q->c + c] : part;
        }
        y[i] = sum;
    }
}

static int64_t output_size(const lt_winograd *q, int64_t size)
{
    if (q->kind == LT_WINOGRAD_UP) return 2 * size + 1 - 2 * q->pad;
    return q->kind == LT_WINOGRAD_SAME ? size + 2 * q->pad - 2 : (size + 2 * q->pad - 3) / 2 + 1;
}

/* out_scale and dot are what separate passes over the result give. */
static void check_epilogue(const lt_winograd *plain)
{
    const int64_t planes = plain->n * plain->o, area = plain->oh * plain->ow, size = planes * area;
    const lt_scope scope = lt_scope_open(ctx);
    lt_winograd q = *plain;
    q.out_scale = lt_f32(check_random(ctx, 77, 0.5f, 2, 1, &planes));
    q.out = lt_f32(lt_full(ctx, 1, &size, NAN));
    if (lt_winograd_sums(ctx, &q)) {
        q.with = lt_f32(check_random(ctx, 78, -1, 1, 1, &size));
        q.dot = lt_f32(lt_full(ctx, 1, &planes, NAN));
    }
    ck_assert_int_eq(lt_winograd_run(ctx, &q), LT_OK);
    for (int64_t i = 0; i < planes; i++) {
        double dot = 0, most = 1;
        for (int64_t j = i * area; j < (i + 1) * area; j++) {
            ck_assert_msg(q.out[j] == plain->out[j] * q.out_scale[i], "output %d is %g of %g", (int)j,
                          (double)q.out[j], (double)plain->out[j]);
            if (q.with) dot += (double)plain->out[j] * (double)q.with[j];
            if (q.with) most += fabs((double)plain->out[j] * (double)q.with[j]);
        }
        if (q.dot)
            ck_assert_msg(fabs((double)q.dot[i] - dot) <= 1e-6 * most, "dot %d is %g, expected %g",
                          (int)i, (double)q.dot[i], dot);
    }
    lt_scope_close(ctx, scope, NULL);
}

/* The largest error relative to the largest value. */
static double error_of(lt_winograd q, uint64_t seed, bool scaled, bool shifted, int check_threads)
{
    const lt_scope scope = lt_scope_open(ctx);
    q.oh = output_size(&q, q.h);
    q.ow = output_size(&q, q.w);
    const int64_t size = q.n * q.o * q.oh * q.ow;
    q.in = lt_f32(check_random(ctx, seed, -1, 1, 4, (int64_t[]){q.n, q.c, q.h, q.w}));
    q.weight = lt_f32(check_random(ctx, seed + 1, -1, 1, 3, (int64_t[]){q.o, q.c, 9}));
    q.scale = scaled ? lt_f32(check_random(ctx, seed + 2, 0.5f, 2, 2, (int64_t[]){q.n, q.c})) : NULL;
    q.bias = shifted ? lt_f32(check_random(ctx, seed + 3, -1, 1, 1, &q.o)) : NULL;
    q.w_out = q.flip ? 9 : q.c * 9;
    q.w_in = q.flip ? q.o * 9 : 9;
    q.out = lt_f32(lt_full(ctx, 1, &size, NAN));
    double *want = malloc(sizeof *want * (size_t)size);
    ck_assert_ptr_nonnull(want);
    ck_assert_int_eq(lt_winograd_run(ctx, &q), LT_OK);
    plain_loops(&q, want);
    double worst = 0, most = 0;
    for (int64_t i = 0; i < size; i++) {
        const double d = fabs((double)q.out[i] - want[i]);
        if (!(d <= worst)) worst = d;
        most = fmax(most, fabs(want[i]));
    }
    free(want);
    check_epilogue(&q);
    if (check_threads) { /* the same bits from any number of threads */
        float *once = q.out;
        for (int threads = 1; threads <= check_threads; threads++) {
            lt_ctx_set_threads(ctx, threads);
            q.out = lt_f32(lt_full(ctx, 1, &size, NAN));
            ck_assert_int_eq(lt_winograd_run(ctx, &q), LT_OK);
            ck_assert_mem_eq(q.out, once, (size_t)size * sizeof *once);
        }
    }
    lt_scope_close(ctx, scope, NULL);
    return worst / most;
}

START_TEST(odd_shapes_match_plain_loops)
{
    static const int64_t channels[] = {1, 3, 16, 31, 33};
    for (int isa = 0; isa <= CHECK_ISAS; isa++) {
        ctx = check_open(1 + isa % 3, isa > 0 ? check_isa[isa - 1] : NULL);
        lt_rng rng = lt_rng_make(11, (uint64_t)isa);
        for (int i = 0; i < 90; i++) {
            const lt_winograd q = {
                .kind = (lt_winograd_kind)(i % 3), .n = 1 + (int64_t)lt_rng_below(&rng, 3),
                .c = channels[lt_rng_below(&rng, 5)], .o = channels[lt_rng_below(&rng, 5)],
                .h = 3 + (int64_t)lt_rng_below(&rng, i % 4 < 2 ? 12 : 68),
                .w = 3 + (int64_t)lt_rng_below(&rng, i % 5 ? 68 : 12),
                .pad = (int64_t)lt_rng_below(&rng, 3), .flip = lt_rng_below(&rng, 2),
            };
            const double error = error_of(q, 100 + (uint64_t)i, lt_rng_below(&rng, 2),
                                          lt_rng_below(&rng, 2), i % 10 ? 0 : 3);
            ck_assert_msg(error <= 3e-6, "kind %d (%d,%d,%d,%d) to %d channels, pad %d%s: error %g", (int)q.kind,
                          (int)q.n, (int)q.c, (int)q.h, (int)q.w, (int)q.o, (int)q.pad, q.flip ? ", flipped" : "",
                          error);
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
                const lt_winograd q = {.kind = (lt_winograd_kind)(i / 3), .pad = i % 3,
                                       .n = 3, .c = 3, .o = 2, .h = h, .w = w};
                if (output_size(&q, h) < 1 || output_size(&q, w) < 1) continue;
                const double error = error_of(q, (uint64_t)(100 * h + w), true, true, 0);
                ck_assert_msg(error <= 3e-6, "kind %d (%d,%d) pad %d: error %g", (int)q.kind, (int)h,
                              (int)w, (int)q.pad, error);
            }
    check_close(ctx);
}
END_TEST

/* The price of the transforms in digits: stated for the depth of StyleGAN2's widest layers. */
START_TEST(error_at_512_channels)
{
    ctx = check_open(2, NULL);
    for (int i = 0; i < 6; i++) {
        const lt_winograd q = {.kind = (lt_winograd_kind)(i / 2), .flip = i % 2,
                               .n = 1, .c = 512, .o = 16, .h = 32, .w = 32, .pad = i < 2};
        const double error = error_of(q, 5, true, false, 3);
        ck_assert_msg(error <= 6e-6, "kind %d: error %g", (int)q.kind, error);
    }
    check_close(ctx);
}
END_TEST

/* Outputs too large for the caches go past them: the same bits as those of half the channels, which do not. */
START_TEST(large_outputs)
{
    for (int i = 0; i < 2 * (CHECK_ISAS + 1); i++) {
        const int isa = i / 2;
        ctx = check_open(1 + isa % 3, isa > 0 ? check_isa[isa - 1] : NULL);
        lt_winograd q = {.kind = i % 2 ? LT_WINOGRAD_DOWN : LT_WINOGRAD_SAME, .n = 1, .c = 3, .o = 64, .pad = 1,
                         .h = i % 2 ? 767 : 384, .w = i % 2 ? 767 : 384, .oh = 384, .ow = 384, .w_out = 27, .w_in = 9};
        const int64_t area = q.oh * q.ow, size = q.o * area, half = q.o / 2;
        q.in = lt_f32(check_random(ctx, 1, -1, 1, 4, (int64_t[]){1, q.c, q.h, q.w}));
        q.weight = lt_f32(check_random(ctx, 2, -1, 1, 3, (int64_t[]){q.o, q.c, 9}));
        q.out_scale = lt_f32(check_random(ctx, 3, 0.5f, 2, 1, &q.o));
        q.with = lt_f32(check_random(ctx, 4, -1, 1, 1, &size));
        q.dot = lt_f32(lt_full(ctx, 1, &q.o, NAN));
        q.out = lt_f32(lt_full(ctx, 1, &size, NAN));
        lt_winograd part = q;
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

/* One sample has more weights than tiles, three have more tiles, which is worked off in another order: the same bits, from any
 * number of threads. */
START_TEST(more_weights_than_tiles)
{
    enum { SAMPLES = 3 };
    for (int i = 0; i < 3 * (CHECK_ISAS + 1); i++) {
        const int isa = i / 3;
        const lt_winograd_kind kind = (lt_winograd_kind)(i % 3);
        ctx = check_open(2, isa > 0 ? check_isa[isa - 1] : NULL);
        lt_winograd q = {.kind = kind, .n = 1, .c = kind == LT_WINOGRAD_SAME ? 700 : 310, .o = 150, .pad = kind == LT_WINOGRAD_SAME};
        q.h = q.w = kind == LT_WINOGRAD_SAME ? 32 : kind == LT_WINOGRAD_DOWN ? 65 : 28;
        q.oh = q.ow = output_size(&q, q.h);
        q.w_out = 9 * q.c;
        q.w_in = 9;
        const int64_t in = q.c * q.h * q.w, out = q.o * q.oh * q.ow, outs = SAMPLES * out, dots = SAMPLES * q.o;
        float *many = lt_f32(check_random(ctx, 1, -1, 1, 2, (int64_t[]){SAMPLES, in}));
        float *with = lt_f32(check_random(ctx, 2, -1, 1, 2, (int64_t[]){SAMPLES, out}));
        for (int j = 1; j < SAMPLES; j++) {
            memcpy(many + j * in, many, (size_t)in * sizeof *many);
            memcpy(with + j * out, with, (size_t)out * sizeof *with);
        }
        q.in = many;
        q.with = with;
        q.weight = lt_f32(check_random(ctx, 3, -1, 1, 3, (int64_t[]){q.o, q.c, 9}));
        lt_winograd three = q;
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
