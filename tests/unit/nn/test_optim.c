#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/optim.h"
#include "support/check_grad.h"
#include "support/nn_check.h"

Suite *suite_optim(void);

enum { SIZE = 3 * 20000, STEPS = 14 };

/* Three tensors of 1, 2 and 4 axes; the second has rows longer than one job. */
static const struct {
    const char *name;
    int ndim;
    int64_t shape[4];
} shapes[] = {{"bias", 1, {7}}, {"matrix", 2, {3, 20000}}, {"filter", 4, {4, 3, 2, 5}}};
enum { TENSORS = sizeof shapes / sizeof shapes[0] };

static lt_params *make_params(lt_ctx *ctx)
{
    lt_params *p = NULL;
    lt_rng rng = lt_rng_make(1, 2);
    lt_params_create(ctx, &p);
    for (int i = 0; i < TENSORS; i++)
        lt_params_new(ctx, p, shapes[i].name, shapes[i].ndim, shapes[i].shape, &rng, 0.0f, 1.0f);
    lt_params_require_grad(ctx, p, NULL, true);
    nn_assert_ok(ctx);
    return p;
}

/* Gradients of sum(c p), which are c: a new draw for every step, with an offset
 * that centralisation takes away. */
static void make_grads(lt_ctx *ctx, lt_params *p, int step)
{
    lt_rng rng = lt_rng_make(50 + (uint64_t)step, 0);
    const lt_scope scope = lt_scope_open(ctx);
    for (size_t i = 0; i < lt_params_count(p); i++) {
        lt_tensor *t = lt_params_at(p, i);
        lt_zero_grad(t);
        if (!lt_requires_grad(t))
            continue;
        lt_tensor *c = lt_empty(ctx, LT_F32, lt_ndim(t), lt_shape(t));
        lt_fill_normal(ctx, c, &rng, 0.7f, 0.5f);
        ck_assert_int_eq(lt_backward(ctx, lt_sum(ctx, lt_mul(ctx, t, c), 0, false)), LT_OK);
    }
    lt_scope_close(ctx, scope, NULL);
}

/* The recipes written out in double precision for one tensor. */
struct plain {
    double p[SIZE], m[SIZE], v[SIZE], slow[SIZE];
};

static void plain_step(struct plain *s, const lt_optim_config *c, const float *grad, int64_t rows,
                       int64_t length, bool axes, int t)
{
    const double b1 = c->beta1, b2 = c->beta2, lr = (double)c->lr;
    const double bias1 = 1.0 - pow(b1, t), bias2 = 1.0 - pow(b2, t);
    const double limit = 2.0 / (1.0 - b2) - 1.0;
    const double n = limit - 2.0 * t * pow(b2, t) / bias2;
    const double rectified =
        sqrt(bias2 * (n - 4.0) / (limit - 4.0) * (n - 2.0) / n * limit / (limit - 2.0));
    for (int64_t r = 0; r < rows; r++) {
        double mean = 0.0;
        for (int64_t i = 0; i < length; i++)
            mean += (double)grad[r * length + i] / (double)length;
        for (int64_t i = r * length; i < (r + 1) * length; i++) {
            double g = (double)grad[i];
            if (axes)
                s->p[i] *= 1.0 - lr * (double)c->weight_decay;
            if (c->kind == LT_SGD) {
                s->m[i] = (double)c->momentum * s->m[i] + g;
                s->p[i] -= lr * s->m[i];
                continue;
            }
            if (c->kind == LT_RANGER && axes)
                g -= mean;
            s->m[i] = b1 * s->m[i] + (1.0 - b1) * g;
            s->v[i] = b2 * s->v[i] + (1.0 - b2) * g * g;
            const double hat = s->m[i] / bias1;
            if (c->kind == LT_ADAM) {
                s->p[i] -= lr * hat / (sqrt(s->v[i] / bias2) + c->eps);
                continue;
            }
            if (n > 5.0)
                s->p[i] -= lr * hat / (sqrt(s->v[i]) + c->eps) * rectified;
            else
                s->p[i] -= lr * hat;
            if (t % c->lookahead_k == 0) {
                s->slow[i] += (double)c->lookahead_alpha * (s->p[i] - s->slow[i]);
                s->p[i] = s->slow[i];
            }
        }
    }
}

/* STEPS steps of the optimiser on the kernels of `isa` against the recipe. */
static void compare(const char *isa, lt_optim_config config)
{
    lt_ctx *ctx = check_open(1, isa);
    lt_params *p = make_params(ctx);
    lt_optim *o = NULL;
    ck_assert_int_eq(lt_optim_create(ctx, p, &config, &o), LT_OK);
    struct plain *s = calloc(TENSORS, sizeof *s);
    ck_assert_ptr_nonnull(s);
    for (int k = 0; k < TENSORS; k++) {
        const lt_tensor *t = lt_params_at(p, (size_t)k);
        for (int64_t i = 0; i < lt_numel(t); i++)
            s[k].p[i] = s[k].slow[i] = (double)lt_f32(t)[i];
    }
    for (int step = 1; step <= STEPS; step++) {
        make_grads(ctx, p, step);
        for (int k = 0; k < TENSORS; k++) {
            const lt_tensor *t = lt_params_at(p, (size_t)k);
            const bool axes = lt_ndim(t) > 1;
            const int64_t rows = axes ? lt_dim(t, 0) : 1;
            plain_step(&s[k], &config, lt_f32(lt_grad(t)), rows, lt_numel(t) / rows, axes, step);
        }
        ck_assert_int_eq(lt_optim_step(ctx, o), LT_OK);
        for (int k = 0; k < TENSORS; k++) {
            const lt_tensor *t = lt_params_at(p, (size_t)k);
            double worst = 0.0;
            for (int64_t i = 0; i < lt_numel(t); i++)
                worst = fmax(worst, fabs((double)lt_f32(t)[i] - s[k].p[i]));
            ck_assert_msg(worst < 2e-5, "step %d, %s: off by %g", step, shapes[k].name, worst);
        }
    }
    ck_assert_int_eq(lt_optim_steps(o), STEPS);
    free(s);
    lt_optim_free(o);
    lt_params_free(p);
    lt_ctx_destroy(ctx);
}

START_TEST(recipes)
{
    static const lt_optim_kind kind[] = {LT_SGD, LT_ADAM, LT_RANGER};
    const char *isa = check_isa[_i / 3];
    lt_optim_config c = lt_optim_defaults(kind[_i % 3]);
    compare(isa, c);
    c.weight_decay = 0.01f;
    c.momentum = 0.9f;
    c.lr = 0.03f;
    compare(isa, c);
}
END_TEST

/* Steps from..to with gradients of their own. */
static void run(lt_ctx *ctx, lt_params *p, lt_optim *o, int from, int to)
{
    for (int step = from; step <= to; step++) {
        make_grads(ctx, p, step);
        ck_assert_int_eq(lt_optim_step(ctx, o), LT_OK);
    }
}

static void assert_identical(const lt_params *a, const lt_params *b)
{
    for (size_t i = 0; i < lt_params_count(a); i++) {
        const lt_tensor *x = lt_params_at(a, i), *y = lt_params_find(b, lt_params_name(a, i));
        ck_assert_mem_eq(lt_data(x), lt_data(y), (size_t)lt_numel(x) * 4);
    }
}

START_TEST(resuming_is_bit_identical)
{
    static const lt_optim_kind kind[] = {LT_SGD, LT_ADAM, LT_RANGER};
    lt_optim_config c = lt_optim_defaults(kind[_i]);
    c.momentum = 0.9f;
    lt_ctx *ctx = nn_context();
    lt_params *whole = make_params(ctx), *half = make_params(ctx), *state = NULL;
    lt_optim *o = NULL, *first = NULL, *second = NULL;
    lt_optim_create(ctx, whole, &c, &o);
    run(ctx, whole, o, 1, 13);
    lt_optim_create(ctx, half, &c, &first);
    run(ctx, half, first, 1, 8);
    lt_params_create(ctx, &state);
    ck_assert_int_eq(lt_optim_store(ctx, first, state), LT_OK);
    lt_optim_free(first);
    ck_assert_int_eq(lt_optim_create(ctx, half, &c, &second), LT_OK);
    ck_assert_int_eq(lt_optim_restore(ctx, second, state), LT_OK);
    ck_assert_int_eq(lt_optim_steps(second), 8);
    lt_params_free(state);
    run(ctx, half, second, 9, 13);
    assert_identical(whole, half);
    lt_optim_free(o);
    lt_optim_free(second);
    lt_params_free(whole);
    lt_params_free(half);
    lt_ctx_destroy(ctx);
}
END_TEST

START_TEST(threads_do_not_change_results)
{
    lt_ctx *ctx = nn_context();
    lt_optim_config c = lt_optim_defaults(LT_RANGER);
    lt_params *p[2];
    for (int i = 0; i < 2; i++) {
        lt_optim *o = NULL;
        lt_ctx_set_threads(ctx, i ? 3 : 1);
        p[i] = make_params(ctx);
        lt_optim_create(ctx, p[i], &c, &o);
        run(ctx, p[i], o, 1, 7);
        lt_optim_free(o);
    }
    assert_identical(p[0], p[1]);
    lt_params_free(p[0]);
    lt_params_free(p[1]);
    lt_ctx_destroy(ctx);
}
END_TEST

START_TEST(tensors_without_gradient_stay)
{
    lt_ctx *ctx = nn_context();
    lt_params *p = make_params(ctx);
    lt_tensor *matrix = lt_params_find(p, "matrix"), *bias = lt_params_find(p, "bias");
    lt_tensor *frozen = lt_params_find(p, "filter");
    lt_set_requires_grad(ctx, frozen, false);
    lt_optim_config c = lt_optim_defaults(LT_ADAM);
    c.weight_decay = 0.1f;
    lt_optim *o = NULL;
    lt_optim_create(ctx, p, &c, &o);
    make_grads(ctx, p, 1);
    lt_zero_grad(matrix);
    const float before[3] = {lt_f32(matrix)[5], lt_f32(bias)[5], lt_f32(frozen)[5]};
    ck_assert_int_eq(lt_optim_step(ctx, o), LT_OK);
    ck_assert_float_eq(lt_f32(matrix)[5], before[0]);
    ck_assert_float_ne(lt_f32(bias)[5], before[1]);
    ck_assert_float_eq(lt_f32(frozen)[5], before[2]);
    lt_optim_zero_grad(o);
    ck_assert_ptr_null(lt_grad(bias));
    lt_optim_free(o);
    lt_params_free(p);
    lt_ctx_destroy(ctx);
}
END_TEST

START_TEST(clipping)
{
    lt_ctx *ctx = nn_context();
    lt_params *p = NULL;
    lt_params_create(ctx, &p);
    lt_tensor *a = lt_params_new(ctx, p, "a", 1, (const int64_t[]){2}, NULL, 0.0f, 0.0f);
    lt_tensor *b = lt_params_new(ctx, p, "b", 1, (const int64_t[]){2}, NULL, 0.0f, 0.0f);
    lt_params_require_grad(ctx, p, NULL, true);
    lt_optim_config c = lt_optim_defaults(LT_SGD);
    lt_optim *o = NULL;
    lt_optim_create(ctx, p, &c, &o);
    /* Both leaves get the same gradient, (3, 4), perhaps in one buffer. */
    const float seed[2] = {3.0f, 4.0f};
    ck_assert_int_eq(lt_backward_seed(ctx, lt_add(ctx, a, b),
                                      lt_from_copy(ctx, LT_F32, 1, (const int64_t[]){2}, seed)),
                     LT_OK);
    double norm = 0.0;
    ck_assert_int_eq(lt_optim_clip_grad(ctx, o, 100.0, &norm), LT_OK);
    ck_assert_double_eq_tol(norm, sqrt(50.0), 1e-6);
    ck_assert_float_eq(lt_f32(lt_grad(a))[1], 4.0f);
    ck_assert_int_eq(lt_optim_clip_grad(ctx, o, sqrt(2.0), NULL), LT_OK);
    ck_assert_float_eq_tol(lt_f32(lt_grad(a))[1], 0.8f, 1e-6f);
    ck_assert_float_eq_tol(lt_f32(lt_grad(b))[0], 0.6f, 1e-6f);
    lt_optim_free(o);
    lt_params_free(p);
    lt_ctx_destroy(ctx);
}
END_TEST

START_TEST(failures)
{
    lt_ctx *ctx = nn_context();
    lt_params *p = make_params(ctx), *empty = NULL;
    lt_params_create(ctx, &empty);
    lt_optim *o = NULL;
    lt_optim_config c = lt_optim_defaults(LT_RANGER);
    c.lookahead_k = 0;
    ck_assert_int_eq(lt_optim_create(ctx, p, &c, &o), LT_ERR_ARGUMENT);
    nn_assert_failed(ctx, LT_ERR_ARGUMENT, "lookahead_k");
    c = lt_optim_defaults(LT_ADAM);
    c.beta2 = 1.0;
    ck_assert_int_eq(lt_optim_create(ctx, p, &c, &o), LT_ERR_ARGUMENT);
    nn_assert_failed(ctx, LT_ERR_ARGUMENT, "betas");
    c = lt_optim_defaults(LT_ADAM);
    c.lr = NAN;
    ck_assert_int_eq(lt_optim_create(ctx, p, &c, &o), LT_ERR_ARGUMENT);
    nn_assert_failed(ctx, LT_ERR_ARGUMENT, "learning rate");
    ck_assert_ptr_null(o);
    c = lt_optim_defaults(LT_ADAM);
    ck_assert_int_eq(lt_optim_create(ctx, p, &c, &o), LT_OK);
    ck_assert_int_eq(lt_optim_restore(ctx, o, empty), LT_ERR_MISSING);
    nn_assert_failed(ctx, LT_ERR_MISSING, "optim.steps");
    lt_params_set_metadata(ctx, empty, "optim.steps", "3x");
    ck_assert_int_eq(lt_optim_restore(ctx, o, empty), LT_ERR_FORMAT);
    nn_assert_failed(ctx, LT_ERR_FORMAT, "3x");
    lt_params_set_metadata(ctx, empty, "optim.steps", "9223372036854775807");
    ck_assert_int_eq(lt_optim_restore(ctx, o, empty), LT_ERR_FORMAT);
    nn_assert_failed(ctx, LT_ERR_FORMAT, "from 0 to 2^53");
    lt_params_set_metadata(ctx, empty, "optim.steps", "3");
    ck_assert_int_eq(lt_optim_restore(ctx, o, empty), LT_ERR_MISSING);
    nn_assert_failed(ctx, LT_ERR_MISSING, "optim.step.bias");
    lt_tensor *count = lt_empty(ctx, LT_I64, 0, NULL);
    *(int64_t *)lt_data(count) = INT64_MAX;
    lt_params_add(ctx, empty, "optim.step.bias", count);
    ck_assert_int_eq(lt_optim_restore(ctx, o, empty), LT_ERR_FORMAT);
    nn_assert_failed(ctx, LT_ERR_FORMAT, "optim.step.bias is 9223372036854775807");
    lt_optim_free(o);
    lt_params_free(p);
    lt_params_free(empty);
    lt_ctx_destroy(ctx);
}
END_TEST

Suite *suite_optim(void)
{
    Suite *s = suite_create("optim");
    TCase *c = tcase_create("optim");
    tcase_set_timeout(c, 120);
    tcase_add_loop_test(c, recipes, 0, 3 * CHECK_ISAS);
    tcase_add_loop_test(c, resuming_is_bit_identical, 0, 3);
    tcase_add_test(c, threads_do_not_change_results);
    tcase_add_test(c, tensors_without_gradient_stay);
    tcase_add_test(c, clipping);
    tcase_add_test(c, failures);
    suite_add_tcase(s, c);
    return s;
}
