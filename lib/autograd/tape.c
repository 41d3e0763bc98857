/* The tape: recording, saved tensors, the backward pass, and the accumulation of gradients. */
#include "autograd/tape.h"

#include <stdlib.h>
#include <string.h>

#include "autograd/node.h"
#include "tensor/team.h"

struct lt_node {
    lt_backward_fn backward;
    /* Result and inputs, for shape and gradient only: values that no node saved are freed as soon
     * as the last other reference goes. */
    lt_tensor *out;
    lt_tensor **input; /* [inputs] */
    int inputs;
    lt_tensor *saved[LT_NODE_SAVED];
    /* in the same allocation follow the array of inputs and the parameters */
};

struct lt_tape {
    lt_node **node;
    size_t length, cap;
    /* The number of the recording under way, from 1 on. A recording ends when the tape is emptied;
     * what it made has lost its history then. */
    uint64_t recording;
};

enum { PARAMS_ALIGN = 16 };

static size_t round_up(size_t n) { return (n + PARAMS_ALIGN - 1) / PARAMS_ALIGN * PARAMS_ALIGN; }

static size_t params_offset(int inputs)
{
    return round_up(sizeof(lt_node)) + round_up((size_t)inputs * sizeof(lt_tensor *));
}

static void node_free(lt_node *n)
{
    if (!n)
        return;
    lt_outline_release(n->out);
    for (int i = 0; i < n->inputs; i++)
        lt_outline_release(n->input[i]);
    for (int i = 0; i < LT_NODE_SAVED; i++)
        lt_release(n->saved[i]);
    free(n);
}

static void tape_empty(struct lt_tape *tape)
{
    while (tape->length > 0) {
        lt_node *n = tape->node[--tape->length];
        /* A backward pass that failed may have left a gradient on an intermediate result. The
         * next pass must not add to it. */
        lt_release(n->out->grad);
        n->out->grad = NULL;
        node_free(n);
    }
    tape->recording++;
}

static void tape_free(struct lt_tape *tape)
{
    tape_empty(tape);
    free(tape->node);
    free(tape);
}

/* Makes room for one more node; false when memory ran out. */
static bool tape_reserve(lt_ctx *ctx)
{
    if (!ctx->tape) {
        ctx->tape = calloc(1, sizeof *ctx->tape);
        ctx->tape_free = tape_free;
        if (!ctx->tape)
            return false;
        ctx->tape->recording = 1;
    }
    struct lt_tape *tape = ctx->tape;
    if (tape->length < tape->cap)
        return true;
    const size_t cap = tape->cap ? 2 * tape->cap : 256;
    lt_node **grown = realloc(tape->node, cap * sizeof *grown);
    if (!grown)
        return false;
    tape->node = grown;
    tape->cap = cap;
    return true;
}

bool lt_would_record(const lt_ctx *ctx, int inputs, lt_tensor *const *input)
{
    if (ctx->no_grad > 0)
        return false;
    for (int i = 0; i < inputs; i++)
        if (input[i] && input[i]->requires_grad)
            return true;
    return false;
}

/* Whether t was computed in a recording that has ended. A gradient that reached t would get lost
 * there. */
static bool has_lost_history(const lt_ctx *ctx, const lt_tensor *t)
{
    return t->recording != 0 && (!ctx->tape || t->recording != ctx->tape->recording);
}

/* Fails for an input that wants a gradient which this context's tape could not bring it. */
static lt_status check_inputs(lt_ctx *ctx, int inputs, lt_tensor *const *input)
{
    for (int i = 0; i < inputs; i++) {
        const lt_tensor *t = input[i];
        if (!t || !t->requires_grad)
            continue;
        if (t->home != ctx->pool)
            return lt_fail(ctx, LT_ERR_ARGUMENT,
                           "autograd: input %d of an operation requires a gradient and belongs to "
                           "another context; detach it, or compute in that context",
                           i);
        if (has_lost_history(ctx, t))
            return lt_fail(ctx, LT_ERR_ARGUMENT,
                           "autograd: input %d of an operation was computed before the last "
                           "lt_backward() or lt_tape_clear(), which ended its history; detach it, "
                           "or compute it again",
                           i);
    }
    return LT_OK;
}

lt_node *lt_record(lt_ctx *ctx, lt_tensor *out, lt_backward_fn backward, int inputs,
                   lt_tensor *const *input, size_t params_bytes)
{
    if (!out || !lt_would_record(ctx, inputs, input) || check_inputs(ctx, inputs, input) != LT_OK)
        return NULL;
    lt_node *n = calloc(1, params_offset(inputs) + round_up(params_bytes));
    if (!n || !tape_reserve(ctx)) {
        free(n);
        lt_fail(ctx, LT_ERR_MEMORY, "out of memory for the tape");
        return NULL;
    }
    n->backward = backward;
    n->inputs = inputs;
    n->input = (lt_tensor **)(void *)((char *)n + round_up(sizeof *n));
    for (int i = 0; i < inputs; i++) {
        n->input[i] = input[i];
        lt_outline_retain(input[i]);
    }
    n->out = out;
    lt_outline_retain(out);
    out->requires_grad = true;
    out->recording = ctx->tape->recording;
    ctx->tape->node[ctx->tape->length++] = n;
    return n;
}

lt_tensor *lt_recorded(lt_ctx *ctx, lt_tensor *out) { return ctx->status == LT_OK ? out : NULL; }

void *lt_node_params(lt_node *n) { return (char *)n + params_offset(n->inputs); }

void lt_node_save(lt_node *n, int slot, lt_tensor *t)
{
    lt_release(n->saved[slot]);
    n->saved[slot] = lt_retain(t);
}

lt_tensor *lt_node_saved(const lt_node *n, int slot) { return n->saved[slot]; }
lt_tensor *lt_node_input(const lt_node *n, int i) { return n->input[i]; }
int lt_node_inputs(const lt_node *n) { return n->inputs; }

bool lt_wants_grad(const lt_node *n, int i) { return n->input[i] && n->input[i]->requires_grad; }

bool lt_is_shared(const lt_tensor *t)
{
    return t->refs > 1 || t->storage->refs > 1 || t->storage->release;
}

lt_tensor *lt_grad_buffer(lt_ctx *ctx, lt_tensor *gy)
{
    return lt_is_shared(gy) ? lt_new_like(ctx, gy) : gy;
}

float *lt_grad_in_place(lt_ctx *ctx, lt_node *n, int i)
{
    lt_tensor *x = n->input[i];
    const lt_tensor *g = x->grad;
    if (!g || lt_is_shared(g)) {
        lt_tensor *fresh = g ? lt_clone(ctx, g) : lt_zeros(ctx, x->ndim, x->shape);
        if (!fresh)
            return NULL;
        lt_release(x->grad);
        x->grad = lt_retain(fresh);
    }
    return (float *)(void *)x->grad->data;
}

lt_status lt_grad_promise(lt_ctx *ctx, lt_node *n, int i)
{
    lt_tensor *g = lt_new_like(ctx, n->input[i]);
    if (!g)
        return ctx->status;
    n->input[i]->grad = lt_retain(g);
    return LT_OK;
}

struct addition {
    float *sum;
    const float *add;
};

static void add_elements(void *arg, lt_range range)
{
    const struct addition *a = arg;
    float *restrict sum = a->sum;
    const float *restrict add = a->add;
    for (int64_t i = range.begin; i < range.end; i++)
        sum[i] += add[i];
}

/* Adds g to the gradient of t. The first contribution is kept without a copy; later ones are
 * added into its memory, which is copied first if it is shared. */
static lt_status accumulate(lt_ctx *ctx, lt_tensor *t, lt_tensor *g)
{
    if (!g)
        return ctx->status ? ctx->status
                           : lt_fail(ctx, LT_ERR_ARGUMENT, "backward: gradient is NULL");
    if (!lt_same_shape(t, g) || g->dtype != LT_F32) {
        char a[80], b[80];
        return lt_fail(ctx, LT_ERR_SHAPE, "backward: gradient is %s, expected %s",
                       lt_shape_string(g, a, sizeof a), lt_shape_string(t, b, sizeof b));
    }
    lt_tensor *dense = lt_dense(ctx, g, "backward", "gradient");
    if (!dense)
        return ctx->status;
    if (!t->grad) {
        t->grad = lt_retain(dense);
        return LT_OK;
    }
    /* A scope, or the gradient of another tensor, may share this memory and must not see it
     * change. */
    if (lt_is_shared(t->grad)) {
        lt_tensor *copy = lt_clone(ctx, t->grad);
        if (!copy)
            return ctx->status;
        lt_release(t->grad);
        t->grad = lt_retain(copy);
    }
    const int64_t n = lt_numel(t);
    struct addition a = {(float *)(void *)t->grad->data, (const float *)(const void *)dense->data};
    lt_for(ctx, n > 1 << 16 ? ctx->threads : 1, n, add_elements, &a);
    return LT_OK;
}

lt_status lt_grad_add(lt_ctx *ctx, lt_node *n, int i, lt_tensor *g)
{
    if (!lt_wants_grad(n, i))
        return LT_OK;
    return accumulate(ctx, n->input[i], g);
}

/* ---- public ---- */

lt_status lt_set_requires_grad(lt_ctx *ctx, lt_tensor *t, bool requires_grad)
{
    if (!t)
        return ctx->status ? ctx->status
                           : lt_fail(ctx, LT_ERR_ARGUMENT, "lt_set_requires_grad: tensor is NULL");
    if (t->dtype != LT_F32)
        return lt_fail(ctx, LT_ERR_DTYPE, "lt_set_requires_grad: tensor is %s, expected F32",
                       lt_dtype_name(t->dtype));
    t->requires_grad = requires_grad;
    t->recording = 0; /* a leaf from now on */
    return LT_OK;
}

bool lt_requires_grad(const lt_tensor *t) { return t && t->requires_grad; }

lt_tensor *lt_grad(const lt_tensor *t) { return t ? t->grad : NULL; }

void lt_zero_grad(lt_tensor *t)
{
    if (!t)
        return;
    lt_release(t->grad);
    t->grad = NULL;
}

lt_status lt_backward(lt_ctx *ctx, lt_tensor *loss)
{
    if (loss && lt_numel(loss) != 1) {
        char s[80];
        return lt_fail(ctx, LT_ERR_SHAPE, "lt_backward: loss is %s, expected one element",
                       lt_shape_string(loss, s, sizeof s));
    }
    return lt_backward_seed(ctx, loss, NULL);
}

lt_status lt_backward_seed(lt_ctx *ctx, lt_tensor *out, const lt_tensor *seed)
{
    if (!out)
        return ctx->status ? ctx->status
                           : lt_fail(ctx, LT_ERR_ARGUMENT, "lt_backward: tensor is NULL");
    if (!out->requires_grad)
        return lt_fail(ctx, LT_ERR_ARGUMENT,
                       "lt_backward: the tensor depends on nothing that requires a gradient");
    if (out->home != ctx->pool)
        return lt_fail(ctx, LT_ERR_ARGUMENT, "lt_backward: the tensor belongs to another context");
    if (has_lost_history(ctx, out))
        return lt_fail(ctx, LT_ERR_ARGUMENT,
                       "lt_backward: the tensor was computed before the last lt_backward() or "
                       "lt_tape_clear(), which ended its history; add losses up and call "
                       "lt_backward() once");
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *g = seed ? lt_clone(ctx, seed) : lt_full(ctx, out->ndim, out->shape, 1.0f);
    lt_status status = accumulate(ctx, out, g);
    lt_scope_close(ctx, scope, NULL);

    ctx->no_grad++;
    struct lt_tape *tape = ctx->tape;
    while (tape && tape->length > 0 && status == LT_OK) {
        lt_node *n = tape->node[--tape->length];
        lt_tensor *gy = n->out->grad;
        n->out->grad = NULL;
        if (gy) {
            const lt_scope inner = lt_scope_open(ctx);
            status = n->backward(ctx, n, gy);
            lt_scope_close(ctx, inner, NULL);
            lt_release(gy);
        }
        node_free(n);
    }
    if (tape)
        tape_empty(tape);
    ctx->no_grad--;
    return status;
}

void lt_no_grad_begin(lt_ctx *ctx) { ctx->no_grad++; }

void lt_no_grad_end(lt_ctx *ctx)
{
    if (ctx->no_grad > 0)
        ctx->no_grad--;
}

void lt_tape_clear(lt_ctx *ctx)
{
    if (ctx->tape)
        tape_empty(ctx->tape);
}

size_t lt_tape_length(const lt_ctx *ctx) { return ctx->tape ? ctx->tape->length : 0; }
