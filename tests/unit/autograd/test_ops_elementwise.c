/* Elementwise operations: values against double precision, broadcasting,
 * strided arguments, gradients, threads, instruction sets and errors. */
#include <check.h>
#include <math.h>
#include <string.h>

#include "autograd/ops.h"
#include "support/check_grad.h"
#include "tensor/kernels/vecmath.h"

/* ---- the elementary functions ---- */

static double ulps(float got, double expected)
{
    if (isnan(got) && isnan(expected))
        return 0.0;
    const float nearest = (float)expected;
    if (got == nearest)
        return 0.0;
    const double unit = (double)nextafterf(fabsf(nearest), INFINITY) - (double)fabsf(nearest);
    return fabs((double)got - expected) / unit;
}

static double sigmoid(double x) { return 1.0 / (1.0 + exp(-x)); }

/* Compares f with the reference at every 99991st float32 pattern from `low` on. The error may be
 * `most` ulps. */
static void worst_of(const char *name, float (*f)(float), double (*reference)(double), float low,
                     double most)
{
    for (uint64_t bits = 0; bits <= UINT32_MAX; bits += 99991) {
        const float x = lt_vfloat((uint32_t)bits);
        if (x < low)
            continue;
        const double error = ulps(f(x), reference((double)x));
        if (!(error <= most))
            ck_abort_msg("%s(%.9g) is %.9g, %.3g ulp from %.12g", name, (double)x, (double)f(x),
                         error, reference((double)x));
    }
}

static float vexp(float x) { return lt_vexp(x); }
static float vlog(float x) { return lt_vlog(x); }
static float vtanh(float x) { return lt_vtanh(x); }
static float vsigmoid(float x) { return lt_vsigmoid(x); }

START_TEST(elementary_functions_are_accurate)
{
    worst_of("exp", vexp, exp, -INFINITY, 1.1);
    worst_of("log", vlog, log, -INFINITY, 1.0);
    worst_of("tanh", vtanh, tanh, -INFINITY, 1.5);
    worst_of("sigmoid", vsigmoid, sigmoid, -87.0f, 2.0);
    for (double x = -45.0; x < 45.0; x += 1.0 / 512.0)
        ck_assert_double_le(fabs((double)lt_vphi((float)x) - 0.5 * erfc(-x / sqrt(2.0))), 7e-8);
}
END_TEST

START_TEST(elementary_functions_have_edges)
{
    ck_assert(isnan(lt_vexp(NAN)) && isnan(lt_vlog(NAN)) && isnan(lt_vtanh(NAN)));
    ck_assert(isnan(lt_vsigmoid(NAN)) && isnan(lt_vphi(NAN)) && isnan(lt_vlog(-1.0f)));
    ck_assert(lt_vexp(INFINITY) == INFINITY && lt_vexp(-INFINITY) == 0.0f);
    ck_assert(lt_vlog(INFINITY) == INFINITY && lt_vlog(0.0f) == -INFINITY);
    ck_assert(lt_vlog(1.0f) == 0.0f && lt_vexp(0.0f) == 1.0f);
    ck_assert(lt_vtanh(INFINITY) == 1.0f && lt_vtanh(-INFINITY) == -1.0f);
    ck_assert(lt_vsigmoid(INFINITY) == 1.0f && lt_vsigmoid(-INFINITY) == 0.0f);
    ck_assert(lt_vphi(INFINITY) == 1.0f && lt_vphi(-INFINITY) < 1e-30f);
}
END_TEST

/* ---- unary operations ---- */

static double ref_affine(double x) { return 1.5 * x - 0.25; }
static double ref_neg(double x) { return -x; }
static double ref_rsqrt(double x) { return 1.0 / sqrt(x); }
static double ref_square(double x) { return x * x; }
static double ref_clamp(double x) { return x < -0.5 ? -0.5 : x > 0.75 ? 0.75 : x; }
static double ref_relu(double x) { return x < 0.0 ? 0.0 : x; }
static double ref_lrelu(double x) { return (double)1.41421356f * (x > 0.0 ? x : (double)0.2f * x); }
static double ref_odd_lrelu(double x) { return -2.0 * (x > 0.0 ? x : -0.5 * x); }
static double ref_gelu(double x) { return 0.5 * x * erfc(-x / sqrt(2.0)); }
static double ref_quick_gelu(double x) { return x * sigmoid((double)1.702f * x); }

static lt_tensor *op_affine(lt_ctx *c, lt_tensor *x) { return lt_affine(c, x, 1.5f, -0.25f); }
static lt_tensor *op_clamp(lt_ctx *c, lt_tensor *x) { return lt_clamp(c, x, -0.5f, 0.75f); }

static lt_tensor *op_lrelu(lt_ctx *c, lt_tensor *x)
{
    return lt_leaky_relu(c, x, 0.2f, 1.41421356f);
}

static lt_tensor *op_odd_lrelu(lt_ctx *c, lt_tensor *x)
{
    return lt_leaky_relu(c, x, -0.5f, -2.0f);
}

static const struct unary {
    const char *name;
    lt_tensor *(*op)(lt_ctx *ctx, lt_tensor *x);
    double (*reference)(double x);
    float low, high;  /* of the arguments */
    double corner[2]; /* where there is no derivative; NaN for none */
} unary[] = {
    {"affine", op_affine, ref_affine, -4, 4, {NAN, NAN}},
    {"neg", lt_neg, ref_neg, -4, 4, {NAN, NAN}},
    {"exp", lt_exp, exp, -4, 3, {NAN, NAN}},
    {"log", lt_log, log, 0.2f, 9, {NAN, NAN}},
    {"sqrt", lt_sqrt, sqrt, 0.2f, 9, {NAN, NAN}},
    {"rsqrt", lt_rsqrt, ref_rsqrt, 0.3f, 9, {NAN, NAN}},
    {"square", lt_square, ref_square, -4, 4, {NAN, NAN}},
    {"abs", lt_abs, fabs, -4, 4, {0.0, NAN}},
    {"tanh", lt_tanh, tanh, -4, 4, {NAN, NAN}},
    {"sigmoid", lt_sigmoid, sigmoid, -9, 9, {NAN, NAN}},
    {"clamp", op_clamp, ref_clamp, -2, 2, {-0.5, 0.75}},
    {"relu", lt_relu, ref_relu, -4, 4, {0.0, NAN}},
    {"leaky_relu", op_lrelu, ref_lrelu, -4, 4, {0.0, NAN}},
    {"leaky_relu, negative", op_odd_lrelu, ref_odd_lrelu, -4, 4, {0.0, NAN}},
    {"gelu", lt_gelu, ref_gelu, -5, 5, {NAN, NAN}},
    {"quick_gelu", lt_quick_gelu, ref_quick_gelu, -6, 6, {NAN, NAN}},
};
enum { UNARIES = sizeof unary / sizeof *unary };

static lt_tensor *build_unary(lt_ctx *ctx, lt_tensor *const *leaf, void *user)
{
    return ((const struct unary *)user)->op(ctx, leaf[0]);
}

static lt_tensor *build_unary_strided(lt_ctx *ctx, lt_tensor *const *leaf, void *user)
{
    return ((const struct unary *)user)->op(ctx, lt_transpose(ctx, leaf[0], 0, 2));
}

START_TEST(unary_values)
{
    const struct unary *u = &unary[_i % UNARIES];
    lt_ctx *ctx = check_open(2, check_isa[_i / UNARIES]);
    const int64_t sizes[] = {0, 1, 3, 31, 33, 70, 40001};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        lt_tensor *x = check_random(ctx, s, u->low, u->high, 1, &sizes[s]);
        lt_tensor *y = u->op(ctx, x);
        ck_assert_ptr_nonnull(y);
        ck_assert(lt_same_shape(x, y));
        for (int64_t i = 0; i < sizes[s]; i++)
            check_close_to(u->name, i, check_at(y, i), u->reference(check_at(x, i)), 1e-6);
        lt_tensor *z = u->op(ctx, check_strided(ctx, x));
        ck_assert_int_eq(memcmp(lt_f32(y), lt_f32(z), (size_t)sizes[s] * 4), 0);
    }
    lt_tensor *nothing = lt_full(ctx, 1, (int64_t[]){17}, NAN);
    for (int64_t i = 0; i < 17; i++)
        ck_assert(isnan(check_at(u->op(ctx, nothing), i)));
    check_close(ctx);
}
END_TEST

START_TEST(unary_gradients)
{
    const struct unary *u = &unary[_i];
    lt_ctx *ctx = check_open(1, NULL);
    lt_tensor *x = check_random(ctx, 5, u->low, u->high, 3, (int64_t[]){3, 5, 7});
    for (int64_t i = 0; i < lt_numel(x); i++)
        for (int k = 0; k < 2; k++)
            if (fabs(check_at(x, i) - u->corner[k]) < 0.02)
                lt_f32(x)[i] += 0.05f;
    const struct check_grad how = {.step = 4e-3, .seed = (uint64_t)_i};
    check_grad(ctx, u->name, build_unary, (void *)(uintptr_t)u, 1, &x, how);
    check_grad(ctx, u->name, build_unary_strided, (void *)(uintptr_t)u, 1, &x, how);
    check_close(ctx);
}
END_TEST

/* ---- binary operations ---- */

static double ref_add(double a, double b) { return a + b; }
static double ref_sub(double a, double b) { return a - b; }
static double ref_mul(double a, double b) { return a * b; }
static double ref_div(double a, double b) { return a / b; }

static const struct binary {
    const char *name;
    lt_tensor *(*op)(lt_ctx *ctx, lt_tensor *a, lt_tensor *b);
    double (*reference)(double a, double b);
} binary[] = {{"lt_add", lt_add, ref_add},
              {"lt_sub", lt_sub, ref_sub},
              {"lt_mul", lt_mul, ref_mul},
              {"lt_div", lt_div, ref_div}};

static const struct pair {
    int na, nb;
    int64_t a[LT_MAX_DIMS], b[LT_MAX_DIMS];
} pairs[] = {
    {0, 0, {0}, {0}},
    {1, 1, {33}, {33}},
    {1, 0, {31}, {0}},
    {0, 2, {0}, {3, 5}},
    {2, 1, {7, 33}, {33}},              /* last axis */
    {2, 2, {7, 33}, {7, 1}},            /* rows */
    {2, 2, {7, 1}, {1, 33}},            /* outer product */
    {4, 4, {2, 3, 5, 4}, {2, 3, 1, 1}}, /* per sample and channel */
    {4, 4, {1, 3, 1, 1}, {2, 3, 5, 4}}, /* per channel */
    {4, 3, {2, 1, 5, 1}, {3, 1, 4}},
    {3, 3, {2, 70, 3}, {2, 70, 3}},
    {6, 6, {2, 1, 2, 1, 3, 1}, {1, 3, 1, 2, 1, 2}},
    {2, 2, {3, 0}, {1, 1}},
    {2, 2, {200, 211}, {200, 211}},
    {3, 1, {2, 130, 140}, {140}},
    {3, 3, {2, 130, 140}, {2, 130, 1}},
};
enum { PAIRS = sizeof pairs / sizeof *pairs };

/* The reference value for element i of the broadcast result. */
static double broadcast_at(const lt_tensor *t, const lt_tensor *out, int64_t i)
{
    int64_t index = 0, step = 1;
    for (int d = 1; d <= lt_ndim(out); d++) {
        const int64_t size = lt_dim(out, -d), c = i % size;
        i /= size;
        if (d > lt_ndim(t))
            continue;
        index += lt_dim(t, -d) == 1 ? 0 : c * step;
        step *= lt_dim(t, -d);
    }
    return check_at(t, index);
}

static lt_tensor *build_binary(lt_ctx *ctx, lt_tensor *const *leaf, void *user)
{
    return ((const struct binary *)user)->op(ctx, leaf[0], leaf[1]);
}

START_TEST(binary_values_and_gradients)
{
    const struct pair *p = &pairs[_i];
    lt_ctx *ctx = check_open(1 + _i % 3, check_isa[_i % CHECK_ISAS]);
    lt_tensor *a = check_random(ctx, 1, -2.0f, 2.0f, p->na, p->a);
    lt_tensor *b = check_random(ctx, 2, 0.5f, 2.0f, p->nb, p->b);
    for (size_t k = 0; k < 4; k++) {
        const struct binary *o = &binary[k];
        const lt_scope scope = lt_scope_open(ctx);
        lt_tensor *y = o->op(ctx, a, b);
        lt_tensor *z = o->op(ctx, check_strided(ctx, a), check_strided(ctx, b));
        ck_assert_ptr_nonnull(y);
        for (int64_t i = 0; i < lt_numel(y); i++)
            check_close_to(o->name, i, check_at(y, i),
                           o->reference(broadcast_at(a, y, i), broadcast_at(b, y, i)), 1e-6);
        ck_assert_int_eq(memcmp(lt_f32(y), lt_f32(z), (size_t)lt_numel(y) * 4), 0);
        lt_scope_close(ctx, scope, NULL);
        check_grad(ctx, o->name, build_binary, (void *)(uintptr_t)o, 2, (lt_tensor *[]){a, b},
                   (struct check_grad){.step = 2e-2, .samples = 12, .seed = (uint64_t)_i});
    }
    check_close(ctx);
}
END_TEST

static lt_tensor *build_self(lt_ctx *ctx, lt_tensor *const *leaf, void *user)
{
    const struct binary *o = user;
    lt_tensor *x = lt_transpose(ctx, leaf[0], 0, 1);
    return lt_add(ctx, o->op(ctx, x, x), o->op(ctx, leaf[1], lt_affine(ctx, x, 1.0f, 3.0f)));
}

START_TEST(one_tensor_twice_and_views)
{
    lt_ctx *ctx = check_open(2, NULL);
    lt_tensor *leaf[] = {check_random(ctx, 1, 0.5f, 2.0f, 2, (int64_t[]){5, 7}),
                         check_random(ctx, 2, 0.5f, 2.0f, 2, (int64_t[]){7, 1})};
    for (size_t k = 0; k < 4; k++)
        check_grad(ctx, binary[k].name, build_self, (void *)(uintptr_t)&binary[k], 2, leaf,
                   (struct check_grad){.step = 5e-3});
    check_close(ctx);
}
END_TEST

/* Values and gradients must not change by a bit with the number of threads. */
START_TEST(threads_give_the_same_bits)
{
    static float first[3][2 * 90 * 300];
    for (int threads = 1; threads <= 3; threads++) {
        lt_ctx *ctx = check_open(threads, NULL);
        lt_tensor *a = check_random(ctx, 1, -2.0f, 2.0f, 3, (int64_t[]){2, 90, 300});
        lt_tensor *b = check_random(ctx, 2, -2.0f, 2.0f, 3, (int64_t[]){2, 1, 1});
        lt_tensor *c = check_random(ctx, 3, -2.0f, 2.0f, 1, (int64_t[]){300});
        lt_set_requires_grad(ctx, b, true);
        lt_set_requires_grad(ctx, c, true);
        lt_tensor *y = lt_gelu(ctx, lt_mul(ctx, lt_add(ctx, lt_mul(ctx, a, b), c), a));
        lt_tensor *loss = lt_mean(ctx, y, 0, false);
        ck_assert_int_eq(lt_backward(ctx, loss), LT_OK);
        const lt_tensor *result[3] = {y, lt_grad(b), lt_grad(c)};
        for (int i = 0; i < 3; i++) {
            const size_t bytes = (size_t)lt_numel(result[i]) * 4;
            if (threads == 1)
                memcpy(first[i], lt_f32(result[i]), bytes);
            else
                ck_assert_int_eq(memcmp(first[i], lt_f32(result[i]), bytes), 0);
        }
        check_close(ctx);
    }
}
END_TEST

/* ---- PReLU ---- */

static lt_tensor *build_prelu(lt_ctx *ctx, lt_tensor *const *leaf, void *user)
{
    (void)user;
    return lt_prelu(ctx, leaf[0], leaf[1]);
}

START_TEST(prelu_values_and_gradients)
{
    lt_ctx *ctx = check_open(2, NULL);
    const struct {
        int ndim;
        int64_t shape[4];
    } shapes[] = {{2, {3, 5}}, {3, {2, 3, 7}}, {4, {2, 3, 31, 33}}};
    for (size_t s = 0; s < 3; s++) {
        lt_tensor *x = check_random(ctx, s, -2.0f, 2.0f, shapes[s].ndim, shapes[s].shape);
        lt_tensor *slope = check_random(ctx, 9, -0.5f, 0.5f, 1, &shapes[s].shape[1]);
        for (int64_t i = 0; i < lt_numel(x); i++)
            if (fabs(check_at(x, i)) < 0.02)
                lt_f32(x)[i] = 0.05f;
        lt_tensor *y = lt_prelu(ctx, check_strided(ctx, x), slope);
        const int64_t size = lt_numel(x) / shapes[s].shape[0] / shapes[s].shape[1];
        for (int64_t i = 0; i < lt_numel(x); i++) {
            const double v = check_at(x, i), p = check_at(slope, i / size % shapes[s].shape[1]);
            check_close_to("prelu", i, check_at(y, i), v > 0.0 ? v : p * v, 1e-6);
        }
        check_grad(ctx, "prelu", build_prelu, NULL, 2, (lt_tensor *[]){x, slope},
                   (struct check_grad){.step = 1e-2});
    }
    lt_tensor *x = lt_zeros(ctx, 2, (int64_t[]){2, 3});
    check_failed(ctx, lt_prelu(ctx, x, x), LT_ERR_SHAPE, "slope is (2, 3), expected (C)");
    check_close(ctx);
}
END_TEST

/* ---- errors ---- */

START_TEST(errors_name_the_argument)
{
    lt_ctx *ctx = check_open(1, NULL);
    lt_tensor *a = lt_zeros(ctx, 2, (int64_t[]){2, 3}), *b = lt_zeros(ctx, 1, (int64_t[]){4});
    lt_tensor *ids = lt_empty(ctx, LT_I32, 1, (int64_t[]){4});
    check_failed(ctx, lt_add(ctx, a, b), LT_ERR_SHAPE, "lt_add: arguments a (2, 3) and b (4,)");
    check_failed(ctx, lt_mul(ctx, a, NULL), LT_ERR_ARGUMENT, "lt_mul: argument b is NULL");
    check_failed(ctx, lt_div(ctx, ids, b), LT_ERR_DTYPE, "argument a is I32");
    check_failed(ctx, lt_gelu(ctx, NULL), LT_ERR_ARGUMENT, "lt_gelu: argument x is NULL");
    check_failed(ctx, lt_gelu(ctx, ids), LT_ERR_DTYPE, "lt_gelu: argument x is I32");
    check_failed(ctx, lt_clamp(ctx, a, 1.0f, -1.0f), LT_ERR_ARGUMENT, "low 1");
    /* The first failure stands while NULL runs through an expression. */
    check_failed(ctx, lt_exp(ctx, lt_sub(ctx, lt_add(ctx, a, b), a)), LT_ERR_SHAPE, "lt_add");
    check_close(ctx);
}
END_TEST

Suite *suite_ops_elementwise(void);

Suite *suite_ops_elementwise(void)
{
    Suite *s = suite_create("ops_elementwise");
    TCase *t = tcase_create("elementwise");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, elementary_functions_are_accurate);
    tcase_add_test(t, elementary_functions_have_edges);
    tcase_add_loop_test(t, unary_values, 0, UNARIES * CHECK_ISAS);
    tcase_add_loop_test(t, unary_gradients, 0, UNARIES);
    tcase_add_loop_test(t, binary_values_and_gradients, 0, PAIRS);
    tcase_add_test(t, one_tensor_twice_and_views);
    tcase_add_test(t, threads_give_the_same_bits);
    tcase_add_test(t, prelu_values_and_gradients);
    tcase_add_test(t, errors_name_the_argument);
    suite_add_tcase(s, t);
    return s;
}
