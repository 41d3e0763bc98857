#include "support/nn_check.h"

#include <math.h>
#include <string.h>

lt_ctx *nn_context(void)
{
    lt_ctx *ctx = NULL;
    ck_assert_int_eq(lt_ctx_create(&ctx), LT_OK);
    /* One thread, because these shapes are tiny: on a busy machine each meeting of threads would
     * cost more than the work. */
    ck_assert_int_eq(lt_ctx_set_threads(ctx, 1), LT_OK);
    return ctx;
}

void nn_assert_failed(lt_ctx *ctx, lt_status status, const char *part)
{
    ck_assert_int_eq(lt_ctx_status(ctx), status);
    ck_assert_msg(strstr(lt_ctx_message(ctx), part) != NULL, "\"%s\" lacks \"%s\"",
                  lt_ctx_message(ctx), part);
    lt_ctx_clear(ctx);
}

lt_tensor *nn_normal(lt_ctx *ctx, lt_rng *rng, int ndim, const int64_t *shape)
{
    lt_tensor *t = lt_empty(ctx, LT_F32, ndim, shape);
    ck_assert_ptr_nonnull(t);
    ck_assert_int_eq(lt_fill_normal(ctx, t, rng, 0.0f, 1.0f), LT_OK);
    return t;
}

double nn_distance(const lt_tensor *a, const lt_tensor *b)
{
    ck_assert(a && b && lt_same_shape(a, b) && lt_f32(a) && lt_f32(b));
    double worst = 0.0, size = 0.0;
    for (int64_t i = 0; i < lt_numel(a); i++) {
        worst = fmax(worst, fabs((double)lt_f32(a)[i] - (double)lt_f32(b)[i]));
        size = fmax(size, fabs((double)lt_f32(b)[i]));
    }
    return size > 0.0 ? worst / size : worst;
}

/* Returns the sum of the result times the probe. *size becomes the root of the sum of the squared
 * terms, from which the rounding error of the sum is estimated. */
static double probed(lt_ctx *ctx, nn_forward forward, void *user, const lt_tensor *probe,
                     double *size)
{
    const lt_scope scope = lt_scope_open(ctx);
    lt_no_grad_begin(ctx);
    lt_tensor *y = lt_contiguous(ctx, forward(ctx, user));
    lt_no_grad_end(ctx);
    nn_assert_ok(ctx);
    double total = 0.0, squares = 0.0;
    for (int64_t i = 0; i < lt_numel(y); i++) {
        const double term = (double)lt_f32(y)[i] * (double)lt_f32(probe)[i];
        total += term;
        squares += term * term;
    }
    lt_scope_close(ctx, scope, NULL);
    *size = sqrt(squares);
    return total;
}

void nn_check_gradient(lt_ctx *ctx, const char *what, lt_tensor *leaf, nn_forward forward,
                       void *user, int samples, float step, double tolerance)
{
    const lt_scope scope = lt_scope_open(ctx);
    lt_rng rng = lt_rng_make(99, 7);
    lt_set_requires_grad(ctx, leaf, true);
    lt_zero_grad(leaf);
    lt_tensor *y = forward(ctx, user);
    nn_assert_ok(ctx);
    lt_tensor *probe = nn_normal(ctx, &rng, lt_ndim(y), lt_shape(y));
    ck_assert_msg(lt_backward_seed(ctx, y, probe) == LT_OK, "%s: %s", what, lt_ctx_message(ctx));
    lt_tensor *grad = lt_grad(leaf);
    ck_assert_msg(grad != NULL, "%s has no gradient", what);
    double largest = 0.0;
    int64_t peak = 0;
    for (int64_t i = 0; i < lt_numel(grad); i++) {
        if (fabs((double)lt_f32(grad)[i]) > largest) {
            largest = fabs((double)lt_f32(grad)[i]);
            peak = i;
        }
    }
    ck_assert_msg(largest > 0.0, "%s: the gradient is zero", what);
    for (int k = 0; k < samples; k++) {
        const int64_t at = k ? (int64_t)lt_rng_below(&rng, (uint64_t)lt_numel(leaf)) : peak;
        float *x = lt_f32(leaf) + at;
        const float old = *x;
        *x = old + step;
        const float high = *x;
        double size;
        const double above = probed(ctx, forward, user, probe, &size);
        *x = old - step;
        const double below = probed(ctx, forward, user, probe, &size);
        const double wanted = (above - below) / ((double)high - (double)*x);
        /* Each term is a float32 result with a relative error of about 2^-23. Independent errors
         * add up like the squares of the terms. */
        const double rounding = size * 0x1p-23 / (double)step;
        *x = old;
        const double got = (double)lt_f32(grad)[at];
        ck_assert_msg(fabs(got - wanted) <= tolerance * largest + rounding,
                      "%s[%lld]: gradient %g, difference quotient %g, largest %g", what,
                      (long long)at, got, wanted, largest);
    }
    lt_zero_grad(leaf);
    lt_set_requires_grad(ctx, leaf, false);
    lt_scope_close(ctx, scope, NULL);
}
