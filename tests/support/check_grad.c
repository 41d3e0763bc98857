#include "support/check_grad.h"

#include <check.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/tape.h"

const char *const check_isa[CHECK_ISAS] = {"base", "avx2", "avx512"};

lt_ctx *check_open(int threads, const char *isa)
{
    lt_ctx *ctx = NULL;
    if (isa)
        setenv("LT_ISA", isa, 1);
    else
        unsetenv("LT_ISA");
    ck_assert_int_eq(lt_ctx_create(&ctx), LT_OK);
    unsetenv("LT_ISA");
    ck_assert_int_eq(lt_ctx_set_threads(ctx, threads), LT_OK);
    return ctx;
}

void check_close(lt_ctx *ctx)
{
    ck_assert_msg(lt_ctx_status(ctx) == LT_OK, "failure left: %s", lt_ctx_message(ctx));
    ck_assert_uint_eq(lt_tape_length(ctx), 0);
    lt_scope_close(ctx, 0, NULL);
    ck_assert_uint_eq(lt_ctx_memory(ctx).live_bytes, 0);
    lt_ctx_destroy(ctx);
}

lt_tensor *check_random(lt_ctx *ctx, uint64_t seed, float low, float high, int ndim,
                        const int64_t *shape)
{
    lt_tensor *t = lt_zeros(ctx, ndim, shape);
    ck_assert_ptr_nonnull(t);
    lt_rng rng = lt_rng_make(seed, 77);
    ck_assert_int_eq(lt_fill_uniform(ctx, t, &rng, low, high), LT_OK);
    return t;
}

lt_tensor *check_ids(lt_ctx *ctx, const int32_t *ids, int ndim, const int64_t *shape)
{
    lt_tensor *t = lt_from_copy(ctx, LT_I32, ndim, shape, ids);
    ck_assert_ptr_nonnull(t);
    return t;
}

lt_tensor *check_strided(lt_ctx *ctx, const lt_tensor *t)
{
    const int ndim = lt_ndim(t);
    const int64_t *shape = lt_shape(t);
    int64_t stride[LT_MAX_DIMS], step = 2;
    int order[LT_MAX_DIMS];
    for (int i = 0; i < ndim; i++)
        order[i] = i;
    if (ndim >= 2) {
        order[ndim - 1] = ndim - 2;
        order[ndim - 2] = ndim - 1;
    }
    for (int i = ndim - 1; i >= 0; i--) {
        stride[order[i]] = step;
        step *= shape[order[i]] + 1;
    }
    lt_tensor *store = lt_zeros(ctx, 1, &step);
    lt_tensor *view = lt_view(ctx, store, ndim, shape, stride, 0);
    ck_assert_ptr_nonnull(view);
    ck_assert_int_eq(lt_copy_into(ctx, view, t), LT_OK);
    return view;
}

double check_at(const lt_tensor *t, int64_t index)
{
    const int64_t *shape = lt_shape(t), *stride = lt_strides(t);
    int64_t offset = 0;
    for (int i = lt_ndim(t) - 1; i >= 0; i--) {
        offset += index % shape[i] * stride[i];
        index /= shape[i];
    }
    return (double)((const float *)lt_data(t))[offset];
}

void check_close_to(const char *what, int64_t index, double got, double expected, double tolerance)
{
    bool good = fabs(got - expected) <= tolerance * (1.0 + fabs(expected));
    if (isnan(expected))
        good = isnan(got);
    else if (isinf(expected))
        good = got == expected;
    if (!good)
        ck_abort_msg("%s: element %lld is %.9g, expected %.9g", what, (long long)index, got,
                     expected);
}

void check_failed(lt_ctx *ctx, const void *result, lt_status status, const char *text)
{
    ck_assert_ptr_null(result);
    ck_assert_int_eq(lt_ctx_status(ctx), status);
    ck_assert_msg(strstr(lt_ctx_message(ctx), text) != NULL, "message is '%s', expected '%s'",
                  lt_ctx_message(ctx), text);
    lt_ctx_clear(ctx);
}

/* The result of `build`, computed without recording and made contiguous. */
static const float *evaluate(lt_ctx *ctx, const char *name, check_grad_fn build, void *user,
                             lt_tensor *const *leaf)
{
    lt_no_grad_begin(ctx);
    lt_tensor *out = lt_clone(ctx, build(ctx, leaf, user));
    lt_no_grad_end(ctx);
    ck_assert_msg(out != NULL, "%s: %s", name, lt_ctx_message(ctx));
    return lt_f32(out);
}

/* Compares the gradient of one leaf with difference quotients at sampled elements. */
static void check_leaf(lt_ctx *ctx, const char *name, check_grad_fn build, void *user,
                       lt_tensor *const *leaf, int which, const lt_tensor *probe,
                       const struct check_grad *how)
{
    enum { MOST = 256 };
    float *x = lt_f32(leaf[which]);
    const int64_t n = lt_numel(leaf[which]), outs = lt_numel(probe);
    const int samples = how->samples < MOST ? how->samples : MOST;
    const lt_tensor *grad = lt_grad(leaf[which]);
    lt_rng rng = lt_rng_make(how->seed, 100 + (uint64_t)which);
    int64_t index[MOST];
    double quotient[MOST], largest = 0.0;
    int count = 0;
    for (; count < samples && count < n; count++) {
        const int64_t i = n <= samples ? count : (int64_t)lt_rng_below(&rng, (uint64_t)n);
        const lt_scope scope = lt_scope_open(ctx);
        const float old = x[i];
        const float up = old + (float)how->step, down = old - (float)how->step;
        x[i] = up;
        const float *high = evaluate(ctx, name, build, user, leaf);
        x[i] = down;
        const float *low = evaluate(ctx, name, build, user, leaf);
        x[i] = old;
        double change = 0.0;
        for (int64_t j = 0; j < outs; j++)
            change += (double)lt_f32(probe)[j] * ((double)high[j] - (double)low[j]);
        lt_scope_close(ctx, scope, NULL);
        index[count] = i;
        quotient[count] = change / ((double)up - (double)down);
        largest = fmax(largest, fabs(quotient[count]));
    }
    for (int s = 0; s < count; s++) {
        const double g = grad ? (double)lt_f32(grad)[index[s]] : 0.0;
        if (!(fabs(g - quotient[s]) <= how->tolerance * fmax(largest, 1e-3)))
            ck_abort_msg("%s: gradient of leaf %d, element %lld, is %.7g; difference quotient "
                         "%.7g, largest %.7g (seed %llu, step %g)",
                         name, which, (long long)index[s], g, quotient[s], largest,
                         (unsigned long long)how->seed, how->step);
    }
}

void check_grad(lt_ctx *ctx, const char *name, check_grad_fn build, void *user, int leaves,
                lt_tensor *const *leaf, struct check_grad how)
{
    if (how.step == 0.0)
        how.step = 1e-2;
    if (how.tolerance == 0.0)
        how.tolerance = 2e-3;
    if (how.samples == 0)
        how.samples = 48;
    const size_t live = lt_ctx_memory(ctx).live_bytes;
    const lt_scope scope = lt_scope_open(ctx);
    for (int i = 0; i < leaves; i++)
        if (leaf[i])
            ck_assert_int_eq(lt_set_requires_grad(ctx, leaf[i], true), LT_OK);
    lt_tensor *out = build(ctx, leaf, user);
    ck_assert_msg(out != NULL, "%s: %s", name, lt_ctx_message(ctx));
    lt_tensor *probe = check_random(ctx, how.seed + 1, -1.0f, 1.0f, lt_ndim(out), lt_shape(out));
    ck_assert_msg(lt_backward_seed(ctx, out, probe) == LT_OK, "%s: %s", name, lt_ctx_message(ctx));
    ck_assert_uint_eq(lt_tape_length(ctx), 0);
    for (int i = 0; i < leaves; i++) {
        if (!leaf[i])
            continue;
        if (lt_grad(leaf[i]))
            ck_assert(lt_same_shape(lt_grad(leaf[i]), leaf[i]));
        check_leaf(ctx, name, build, user, leaf, i, probe, &how);
        lt_zero_grad(leaf[i]);
        ck_assert_int_eq(lt_set_requires_grad(ctx, leaf[i], false), LT_OK);
    }
    lt_scope_close(ctx, scope, NULL);
    ck_assert_msg(lt_ctx_memory(ctx).live_bytes == live, "%s: memory left behind", name);
}
