/* The tape: what is recorded, what is kept alive, and where gradients go. */
#include <check.h>
#include <math.h>
#include <string.h>

#include "autograd/ops.h"
#include "support/check_grad.h"

#define SHAPE(...) ((int64_t[]){__VA_ARGS__})

static lt_tensor *leaf(lt_ctx *ctx, int64_t n, float value)
{
    lt_tensor *t = lt_full(ctx, 1, &n, value);
    ck_assert_int_eq(lt_set_requires_grad(ctx, t, true), LT_OK);
    return t;
}

START_TEST(records_only_what_is_wanted)
{
    lt_ctx *ctx = check_open(1, NULL);
    lt_tensor *x = leaf(ctx, 4, 2.0f), *c = lt_full(ctx, 1, SHAPE(4), 3.0f);
    ck_assert(!lt_requires_grad(lt_mul(ctx, c, c)));
    ck_assert_uint_eq(lt_tape_length(ctx), 0);
    lt_no_grad_begin(ctx);
    lt_no_grad_begin(ctx);
    lt_no_grad_end(ctx);
    ck_assert(!lt_requires_grad(lt_mul(ctx, x, c)));
    ck_assert_uint_eq(lt_tape_length(ctx), 0);
    lt_no_grad_end(ctx);
    lt_tensor *y = lt_mul(ctx, x, c);
    ck_assert(lt_requires_grad(y));
    ck_assert_uint_eq(lt_tape_length(ctx), 1);
    ck_assert(!lt_requires_grad(lt_detach(ctx, y)));
    lt_tape_clear(ctx);
    ck_assert_uint_eq(lt_tape_length(ctx), 0);
    ck_assert_int_eq(lt_set_requires_grad(ctx, lt_empty(ctx, LT_I32, 1, SHAPE(1)), true),
                     LT_ERR_DTYPE);
    lt_ctx_clear(ctx);
    check_close(ctx);
}
END_TEST

START_TEST(gradients_add_up)
{
    lt_ctx *ctx = check_open(1, NULL);
    lt_tensor *x = leaf(ctx, 3, 2.0f);
    for (int step = 1; step <= 2; step++) {
        /* d/dx sum(x x + x) = 2 x + 1 */
        lt_tensor *loss = lt_sum(ctx, lt_add(ctx, lt_mul(ctx, x, x), x), 0, false);
        ck_assert_int_eq(lt_backward(ctx, loss), LT_OK);
        ck_assert(check_at(lt_grad(x), 1) == 5.0 * step);
        ck_assert_uint_eq(lt_tape_length(ctx), 0);
    }
    lt_zero_grad(x);
    ck_assert_ptr_null(lt_grad(x));
    check_close(ctx);
}
END_TEST

/* One gradient tensor handed to two inputs must not be shared for writing. */
START_TEST(shared_gradients_stay_apart)
{
    lt_ctx *ctx = check_open(1, NULL);
    lt_tensor *a = leaf(ctx, 3, 1.0f), *b = leaf(ctx, 3, 1.0f);
    lt_tensor *s = lt_add(ctx, a, b); /* both receive the same gradient tensor */
    lt_tensor *v = lt_reshape(ctx, a, 2, SHAPE(3, 1));
    lt_tensor *loss = lt_add(ctx, lt_sum(ctx, s, 0, false),
                             lt_sum(ctx, lt_affine(ctx, v, 10.0f, 0.0f), 0, false));
    ck_assert_int_eq(lt_backward(ctx, loss), LT_OK);
    for (int64_t i = 0; i < 3; i++) {
        ck_assert(check_at(lt_grad(a), i) == 11.0);
        ck_assert(check_at(lt_grad(b), i) == 1.0);
    }
    loss = lt_sum(ctx, lt_add(ctx, a, a), 0, false);
    ck_assert_int_eq(lt_backward(ctx, loss), LT_OK);
    ck_assert(check_at(lt_grad(a), 0) == 13.0 && check_at(lt_grad(b), 0) == 1.0);

    /* A slice adds into the gradient that its base shares with b. */
    lt_zero_grad(a);
    lt_zero_grad(b);
    lt_tensor *part = lt_sum(ctx, lt_slice(ctx, a, 0, 1, 2), 0, false);
    loss = lt_add(ctx, part, lt_sum(ctx, lt_add(ctx, a, b), 0, false));
    ck_assert_int_eq(lt_backward(ctx, loss), LT_OK);
    ck_assert(check_at(lt_grad(a), 0) == 1.0 && check_at(lt_grad(a), 2) == 2.0);
    ck_assert(check_at(lt_grad(b), 2) == 1.0);
    check_close(ctx);
}
END_TEST

/* Gradients of slices are added to one gradient of the base, even if another tensor held its buffer
 * before. */
START_TEST(views_gather_their_gradients)
{
    lt_ctx *ctx = check_open(1, NULL);
    lt_tensor *x = leaf(ctx, 6, 1.0f);
    lt_tensor *y = lt_affine(ctx, x, 2.0f, 0.0f);
    lt_tensor *whole = lt_add(ctx, y, lt_contiguous(ctx, y));
    lt_tensor *loss = lt_sum(ctx, whole, 0, false);
    for (int64_t i = 0; i < 6; i++) {
        lt_tensor *one = lt_slice(ctx, y, 0, i, 1);
        loss = lt_add(ctx, loss, lt_affine(ctx, one, (float)i, 0.0f));
    }
    ck_assert_int_eq(lt_backward(ctx, loss), LT_OK);
    for (int64_t i = 0; i < 6; i++)
        ck_assert(check_at(lt_grad(x), i) == 2.0 * (2.0 + (double)i));
    ck_assert(!lt_grad(y));
    check_close(ctx);
}
END_TEST

START_TEST(seeds_and_their_errors)
{
    lt_ctx *ctx = check_open(1, NULL);
    lt_tensor *x = leaf(ctx, 3, 2.0f);
    lt_tensor *y = lt_mul(ctx, x, x);
    ck_assert_int_eq(lt_backward(ctx, y), LT_ERR_SHAPE);
    ck_assert_ptr_nonnull(strstr(lt_ctx_message(ctx), "loss is (3,), expected one element"));
    lt_ctx_clear(ctx);
    lt_tensor *seed = lt_from_copy(ctx, LT_F32, 1, SHAPE(3), (float[]){1.0f, 10.0f, 100.0f});
    ck_assert_int_eq(lt_backward_seed(ctx, y, seed), LT_OK);
    ck_assert(check_at(lt_grad(x), 0) == 4.0 && check_at(lt_grad(x), 2) == 400.0);
    ck_assert(check_at(seed, 2) == 100.0);
    lt_tensor *constant = lt_scalar(ctx, 1.0f);
    ck_assert_int_eq(lt_backward(ctx, constant), LT_ERR_ARGUMENT);
    lt_ctx_clear(ctx);
    ck_assert_int_eq(lt_backward_seed(ctx, lt_mul(ctx, x, x), constant), LT_ERR_SHAPE);
    lt_ctx_clear(ctx);
    lt_tape_clear(ctx);
    check_close(ctx);
}
END_TEST

/* A failure in the middle of an expression is reported once and by its name. */
START_TEST(null_runs_through)
{
    lt_ctx *ctx = check_open(1, NULL);
    lt_tensor *x = leaf(ctx, 3, 1.0f), *bad = lt_zeros(ctx, 1, SHAPE(4));
    lt_tensor *y = lt_add(ctx, lt_exp(ctx, x), bad);
    lt_tensor *w = lt_zeros(ctx, 2, SHAPE(3, 3));
    y = lt_linear(ctx, lt_gelu(ctx, y), w, NULL);
    y = lt_concat(ctx, 2, (lt_tensor *[]){y, y}, 0);
    y = lt_attention(ctx, lt_permute(ctx, lt_reshape(ctx, y, 1, SHAPE(-1)), (int[]){0}), 1, false);
    y = lt_mean(ctx, lt_matmul(ctx, lt_softmax(ctx, lt_slice(ctx, y, 0, 0, 1)), w, false, false), 0,
                false);
    y = lt_mse_loss(ctx, lt_expand(ctx, y, 0, NULL), lt_layer_norm(ctx, y, x, x, 0.1f));
    ck_assert_ptr_null(y);
    ck_assert_int_eq(lt_backward(ctx, y), LT_ERR_SHAPE);
    check_failed(ctx, y, LT_ERR_SHAPE, "lt_add: arguments a (3,) and b (4,)");
    lt_tape_clear(ctx);
    check_close(ctx);
}
END_TEST

enum { CHAIN = 32, WIDTH = 100000 };

/* Backward releases the stored tensors of the forward pass while it walks the tape. Its peak memory
 * is therefore hardly above the peak of the forward pass, and a second round needs no new memory
 * from the system. */
START_TEST(memory_is_freed_on_the_way)
{
    lt_ctx *ctx = check_open(1, NULL);
    const size_t one = WIDTH * sizeof(float);
    lt_tensor *x = leaf(ctx, WIDTH, 0.1f);
    const size_t base = lt_ctx_memory(ctx).live_bytes;
    size_t allocations = 0;
    for (int round = 0; round < 3; round++) {
        const lt_scope scope = lt_scope_open(ctx);
        lt_tensor *y = x;
        const lt_scope chain = lt_scope_open(ctx);
        for (int i = 0; i < CHAIN; i++)
            y = lt_tanh(ctx, y);
        lt_tensor *loss = lt_scope_close(ctx, chain, lt_mean(ctx, y, 0, false));
        ck_assert_uint_ge(lt_ctx_memory(ctx).live_bytes, base + CHAIN * one);
        lt_ctx_reset_peak(ctx);
        ck_assert_int_eq(lt_backward(ctx, loss), LT_OK);
        ck_assert_uint_le(lt_ctx_memory(ctx).peak_bytes, base + (CHAIN + 5) * one * 9 / 8);
        lt_zero_grad(x);
        lt_scope_close(ctx, scope, NULL);
        ck_assert_uint_eq(lt_ctx_memory(ctx).live_bytes, base);
        if (round == 1)
            allocations = lt_ctx_memory(ctx).system_allocations;
    }
#if !defined(__SANITIZE_ADDRESS__)
    ck_assert_uint_eq(lt_ctx_memory(ctx).system_allocations, allocations);
#else
    (void)allocations;
#endif
    check_close(ctx);
}
END_TEST

/* Without recording, a chain in scopes holds two tensors at a time. */
START_TEST(no_grad_keeps_nothing)
{
    lt_ctx *ctx = check_open(1, NULL);
    lt_tensor *x = leaf(ctx, WIDTH, 0.1f);
    const size_t base = lt_ctx_memory(ctx).live_bytes;
    lt_ctx_reset_peak(ctx);
    lt_no_grad_begin(ctx);
    lt_tensor *y = x;
    const lt_scope outer = lt_scope_open(ctx);
    for (int i = 0; i < CHAIN; i++) {
        lt_tensor *next = lt_retain(lt_tanh(ctx, y));
        lt_scope_close(ctx, outer, NULL);
        if (y != x)
            lt_release(y);
        y = next;
    }
    lt_no_grad_end(ctx);
    ck_assert_uint_le(lt_ctx_memory(ctx).peak_bytes, base + 3 * WIDTH * sizeof(float));
    lt_release(y);
    ck_assert_uint_eq(lt_ctx_memory(ctx).live_bytes, base);
    check_close(ctx);
}
END_TEST

/* Temporary copies of strided arguments do not outlive the operation. */
START_TEST(copies_of_arguments_are_dropped)
{
    lt_ctx *ctx = check_open(1, NULL);
    lt_tensor *x = lt_transpose(ctx, lt_zeros(ctx, 2, SHAPE(200, 300)), 0, 1);
    const size_t base = lt_ctx_memory(ctx).live_bytes;
    lt_tensor *y = lt_retain(lt_gelu(ctx, x));
    const size_t with = lt_ctx_memory(ctx).live_bytes;
    ck_assert_uint_le(with - base, 200 * 300 * 4 * 9 / 8);
    lt_release(y);
    check_close(ctx);
}
END_TEST

/* What a node saved survives the scope in which it was made. */
START_TEST(scopes_do_not_cut_the_tape)
{
    lt_ctx *ctx = check_open(1, NULL);
    lt_tensor *x = leaf(ctx, 50, 0.5f);
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *h = lt_gelu(ctx, lt_affine(ctx, x, 2.0f, 0.0f));
    lt_tensor *loss = lt_scope_close(ctx, scope, lt_sum(ctx, lt_square(ctx, h), 0, false));
    for (int i = 0; i < 20; i++)
        lt_full(ctx, 1, SHAPE(50), NAN); /* would overwrite freed blocks */
    ck_assert_int_eq(lt_backward(ctx, loss), LT_OK);
    const double v = 1.0, phi = 0.5 * erfc(-v / sqrt(2.0));
    const double slope = phi + v * exp(-0.5 * v * v) / sqrt(2.0 * acos(-1.0));
    check_close_to("chain", 7, check_at(lt_grad(x), 7), 2.0 * v * phi * slope * 2.0, 1e-6);
    check_close(ctx);
}
END_TEST

/* A round that was aborted leaves nothing behind for the next one. */
START_TEST(the_tape_is_reusable)
{
    lt_ctx *ctx = check_open(1, NULL);
    lt_tensor *x = leaf(ctx, 3, 1.0f);
    lt_mul(ctx, x, x);
    lt_tape_clear(ctx);
    lt_tensor *unused = lt_exp(ctx, x);
    lt_tensor *loss = lt_sum(ctx, lt_affine(ctx, x, 4.0f, 0.0f), 0, false);
    ck_assert_int_eq(lt_backward(ctx, loss), LT_OK);
    ck_assert(check_at(lt_grad(x), 0) == 4.0);
    ck_assert_ptr_null(lt_grad(unused));
    ck_assert_ptr_null(lt_grad(loss));
    check_close(ctx);
}
END_TEST

/* What was silently a gradient of 0: a second loss of one recording, and a tensor of an earlier
 * one. */
START_TEST(ended_history_is_refused)
{
    lt_ctx *ctx = check_open(1, NULL);
    lt_tensor *x = leaf(ctx, 3, 1.0f);
    lt_tensor *square = lt_square(ctx, x);
    lt_tensor *y = lt_sum(ctx, square, 0, false), *z = lt_mean(ctx, square, 0, false);
    ck_assert_int_eq(lt_backward(ctx, y), LT_OK);
    ck_assert_int_eq(lt_backward(ctx, z), LT_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(lt_ctx_message(ctx), "add losses up"));
    lt_ctx_clear(ctx);
    check_failed(ctx, lt_exp(ctx, square), LT_ERR_ARGUMENT, "ended its history");
    /* Its values are still good for what needs no gradient. */
    lt_no_grad_begin(ctx);
    ck_assert_ptr_nonnull(lt_exp(ctx, square));
    lt_no_grad_end(ctx);
    ck_assert_ptr_nonnull(lt_exp(ctx, lt_detach(ctx, square)));
    ck_assert_int_eq(lt_set_requires_grad(ctx, square, true), LT_OK);
    ck_assert_int_eq(lt_backward(ctx, lt_sum(ctx, square, 0, false)), LT_OK);
    ck_assert(check_at(lt_grad(square), 0) == 1.0);
    check_close(ctx);
}
END_TEST

START_TEST(tensors_of_another_context_are_refused)
{
    lt_ctx *ctx = check_open(1, NULL), *other = check_open(1, NULL);
    lt_tensor *x = leaf(other, 3, 1.0f);
    check_failed(ctx, lt_exp(ctx, x), LT_ERR_ARGUMENT, "another context");
    ck_assert_int_eq(lt_backward(ctx, lt_sum(other, x, 0, false)), LT_ERR_ARGUMENT);
    lt_ctx_clear(ctx);
    lt_tape_clear(other);
    /* Weights that are not trained serve several contexts. */
    ck_assert_int_eq(lt_set_requires_grad(other, x, false), LT_OK);
    lt_tensor *own = leaf(ctx, 3, 1.0f);
    ck_assert_int_eq(lt_backward(ctx, lt_sum(ctx, lt_mul(ctx, own, x), 0, false)), LT_OK);
    ck_assert(check_at(lt_grad(own), 0) == check_at(x, 0));
    check_close(ctx);
    check_close(other);
}
END_TEST

Suite *suite_tape(void);

Suite *suite_tape(void)
{
    Suite *s = suite_create("tape");
    TCase *t = tcase_create("tape");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, records_only_what_is_wanted);
    tcase_add_test(t, gradients_add_up);
    tcase_add_test(t, shared_gradients_stay_apart);
    tcase_add_test(t, views_gather_their_gradients);
    tcase_add_test(t, seeds_and_their_errors);
    tcase_add_test(t, null_runs_through);
    tcase_add_test(t, memory_is_freed_on_the_way);
    tcase_add_test(t, no_grad_keeps_nothing);
    tcase_add_test(t, copies_of_arguments_are_dropped);
    tcase_add_test(t, scopes_do_not_cut_the_tape);
    tcase_add_test(t, the_tape_is_reusable);
    tcase_add_test(t, ended_history_is_refused);
    tcase_add_test(t, tensors_of_another_context_are_refused);
    suite_add_tcase(s, t);
    return s;
}
