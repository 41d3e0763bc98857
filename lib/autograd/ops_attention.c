/* Multi-head attention (Vaswani et al. 2017) of packed queries, keys and values. */
#include <math.h>

#include "autograd/ops.h"
#include "autograd/ops_impl.h"
#include "tensor/kernels/gemm/blas_impl.h"

/* Work is dealt out to threads in pairs of a sequence and a head, whose small matrices stay in the
 * cache: two products forward, four backward. A packed row holds
 *
 *     | q of head 0 | q of head 1 | ... | k of head 0 | ... | v of head 0 | ... |
 *
 * with d features for each head; rows are 3 D apart. */
struct sequence {
    int64_t row, length; /* its first packed row, and how many */
    int64_t probs;       /* offset of the probabilities (heads, length, length) */
};

struct sizes {
    int64_t width, d;                /* D, D / heads */
    int64_t n, pairs, longest, area; /* sequences, n heads, longest L, sum of heads L^2 */
    float scale;
    struct sequence *seq; /* [n], scratch that the caller frees */
};

/* n sequences of one length, or, unless starts is NULL, in the rows that starts (n + 1) gives.
 * seq is NULL when memory ran out. */
static struct sizes sizes_of(lt_ctx *ctx, int64_t n, int64_t length, int64_t width, int heads,
                             const int32_t *starts)
{
    struct sizes s = {.n = n, .width = width, .d = width / heads, .pairs = n * heads};
    s.scale = 1.0f / sqrtf((float)s.d);
    s.seq = lt_scratch(ctx, (size_t)(n + 1) * sizeof *s.seq);
    for (int64_t i = 0; s.seq && i < n; i++) {
        struct sequence *q = &s.seq[i];
        *q = starts ? (struct sequence){starts[i], starts[i + 1] - starts[i], s.area}
                    : (struct sequence){i * length, length, s.area};
        s.area += heads * q->length * q->length;
        s.longest = q->length > s.longest ? q->length : s.longest;
    }
    return s;
}

/* The number of threads: one for each pair at most, and one only for little work. A pair costs
 * about L (L + d) elements. */
static int threads_for(const lt_ctx *ctx, const struct sizes *s)
{
    const int64_t work = s->pairs * s->longest * (s->longest + s->d);
    const int threads = lt_threads(ctx, work);
    return s->pairs < threads ? (s->pairs > 0 ? (int)s->pairs : 1) : threads;
}

/* Attention of one pair: P = softmax(scale Q K^T), out = P V. probs (L, L) receives P. */
static void attend(const struct lt_dense_kernels *k, const struct sizes *s, int64_t l, bool causal,
                   const float *q, float *probs, float *out)
{
    const int64_t ld = 3 * s->width;
    lt_sgemm_serial(false, true, l, l, s->d, s->scale, q, ld, q + s->width, ld, 0.0f, probs, l);
    for (int64_t i = 0; i < l; i++)
        k->softmax(l, causal ? i + 1 : l, probs + i * l, probs + i * l);
    lt_sgemm_serial(false, false, l, s->d, l, 1.0f, probs, l, q + 2 * s->width, ld, 0.0f, out,
                    s->width);
}

/* Backward of one pair, from the gradient dO = go: dV = P^T dO, dP = dO V^T, dS = scale P (dP -
 * rowsum(P dP)), dQ = dS K, dK = dS^T Q. ds (L, L) is scratch. */
static void attend_backward(const struct lt_dense_kernels *k, const struct sizes *s, int64_t l,
                            const float *q, const float *probs, const float *go, float *gq,
                            float *ds)
{
    const int64_t w = s->width, ld = 3 * w, d = s->d;
    lt_sgemm_serial(true, false, l, d, l, 1.0f, probs, l, go, w, 0.0f, gq + 2 * w, ld);
    lt_sgemm_serial(false, true, l, l, d, 1.0f, go, w, q + 2 * w, ld, 0.0f, ds, l);
    for (int64_t i = 0; i < l; i++)
        k->softmax_grad(l, probs + i * l, ds + i * l, s->scale, ds + i * l);
    lt_sgemm_serial(false, false, l, d, l, 1.0f, ds, l, q + w, ld, 0.0f, gq, ld);
    lt_sgemm_serial(true, false, l, d, l, 1.0f, ds, l, q, ld, 0.0f, gq + w, ld);
}

/* What the threads read and write. */
struct attention {
    const struct lt_dense_kernels *k;
    const struct sizes *s;
    int heads;
    bool causal, keep; /* keep: probs has room for all pairs, else for one of each thread */
    const float *qkv, *gy;
    float *probs, *out, *gqkv;
    float *scratch; /* (threads, longest, longest) */
};

/* Pair i: its place in rows of D, and that of its probabilities. */
struct pair {
    int64_t length, row, head, probs;
};

static struct pair pair_at(const struct attention *a, int64_t i)
{
    const struct sequence *q = &a->s->seq[i / a->heads];
    const int64_t head = i % a->heads;
    return (struct pair){.length = q->length,
                         .row = q->row * a->s->width,
                         .head = head * a->s->d,
                         .probs = q->probs + head * q->length * q->length};
}

static void attend_pairs(void *arg, lt_range range)
{
    const struct attention *a = arg;
    for (int64_t i = range.begin; i < range.end; i++) {
        const struct pair p = pair_at(a, i);
        const int64_t at = a->keep ? p.probs : range.worker * a->s->longest * a->s->longest;
        attend(a->k, a->s, p.length, a->causal, a->qkv + 3 * p.row + p.head, a->probs + at,
               a->out + p.row + p.head);
    }
}

static void attend_backward_pairs(void *arg, lt_range range)
{
    const struct attention *a = arg;
    for (int64_t i = range.begin; i < range.end; i++) {
        const struct pair p = pair_at(a, i);
        attend_backward(a->k, a->s, p.length, a->qkv + 3 * p.row + p.head, a->probs + p.probs,
                        a->gy + p.row + p.head, a->gqkv + 3 * p.row + p.head,
                        a->scratch + range.worker * a->s->longest * a->s->longest);
    }
}

enum { SAVED_QKV, SAVED_PROBS, SAVED_STARTS };

struct attention_params {
    int heads;
    int64_t n, length, width;
};

/* Saved: qkv, the probabilities (heads, L, L) of one sequence after the other, and the starts. */
static lt_status attention_backward(lt_ctx *ctx, lt_node *node, lt_tensor *gy)
{
    const struct attention_params *p = lt_node_params(node);
    const lt_tensor *qkv = lt_node_saved(node, SAVED_QKV),
                    *probs = lt_node_saved(node, SAVED_PROBS);
    const lt_tensor *starts = lt_node_saved(node, SAVED_STARTS);
    const struct sizes s =
        sizes_of(ctx, p->n, p->length, p->width, p->heads, starts ? lt_i32(starts) : NULL);
    const int threads = threads_for(ctx, &s);
    lt_tensor *g = s.seq ? lt_new_like(ctx, qkv) : NULL;
    float *scratch =
        g ? lt_scratch(ctx, (size_t)(threads * s.longest * s.longest) * sizeof(float)) : NULL;
    if (scratch) {
        struct attention a = {.k = lt_dense_table(ctx),
                              .s = &s,
                              .heads = p->heads,
                              .qkv = lt_floats(qkv),
                              .gy = lt_floats(gy),
                              .probs = lt_floats(probs),
                              .gqkv = lt_floats(g),
                              .scratch = scratch};
        lt_for(ctx, threads, s.pairs, attend_backward_pairs, &a);
    }
    lt_scratch_free(ctx, scratch);
    lt_scratch_free(ctx, s.seq);
    return scratch ? lt_grad_add(ctx, node, 0, g) : ctx->status;
}

/* Attention of packed rows x, the contiguous form of qkv, to a result of out_shape. */
static lt_tensor *attention(lt_ctx *ctx, lt_tensor *qkv, lt_tensor *x, struct attention_params p,
                            bool causal, lt_tensor *starts, int ndim, const int64_t *out_shape)
{
    const struct sizes s =
        sizes_of(ctx, p.n, p.length, p.width, p.heads, starts ? lt_i32(starts) : NULL);
    const int threads = threads_for(ctx, &s);
    const int64_t area = s.longest * s.longest;
    const bool keep = lt_would_record(ctx, 1, &qkv);
    /* Backward needs the probabilities of all pairs. Without backward, each thread reuses one
     * (L, L). */
    lt_tensor *out = s.seq ? lt_new(ctx, ndim, out_shape) : NULL;
    lt_tensor *probs = out ? lt_new(ctx, 1, (int64_t[]){keep ? s.area : threads * area}) : NULL;
    if (probs) {
        struct attention a = {.k = lt_dense_table(ctx),
                              .s = &s,
                              .heads = p.heads,
                              .causal = causal,
                              .keep = keep,
                              .qkv = lt_floats(x),
                              .probs = lt_floats(probs),
                              .out = lt_floats(out)};
        lt_for(ctx, threads, s.pairs, attend_pairs, &a);
    }
    lt_scratch_free(ctx, s.seq);
    if (!probs)
        return NULL;
    lt_node *n = lt_record(ctx, out, attention_backward, 1, &qkv, sizeof p);
    if (n) {
        *(struct attention_params *)lt_node_params(n) = p;
        lt_node_save(n, SAVED_QKV, x);
        lt_node_save(n, SAVED_PROBS, probs);
        lt_node_save(n, SAVED_STARTS, starts);
    }
    return lt_recorded(ctx, out);
}

static bool heads_fit(const lt_tensor *x, int heads)
{
    const int64_t width = x->ndim > 0 ? x->shape[x->ndim - 1] : 0;
    return heads >= 1 && width > 0 && width % (3 * (int64_t)heads) == 0;
}

lt_tensor *lt_attention(lt_ctx *ctx, lt_tensor *qkv, int heads, bool causal)
{
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *x = lt_dense_input(ctx, qkv, "lt_attention", "qkv");
    if (!x)
        return lt_scope_close(ctx, scope, NULL);
    if (x->ndim != 3 || !heads_fit(x, heads)) {
        char s[80];
        lt_fail(ctx, LT_ERR_SHAPE,
                "lt_attention: argument qkv is %s, expected (N, L, 3D), D a multiple of %d heads",
                lt_shape_string(x, s, sizeof s), heads);
        return lt_scope_close(ctx, scope, NULL);
    }
    const struct attention_params p = {heads, x->shape[0], x->shape[1], x->shape[2] / 3};
    return lt_scope_close(
        ctx, scope,
        attention(ctx, qkv, x, p, causal, NULL, 3, (int64_t[]){p.n, p.length, p.width}));
}

/* Whether starts ascend from 0 to the number of rows. */
static bool starts_fit(const lt_tensor *starts, int64_t rows)
{
    const int32_t *at = lt_i32(starts);
    const int64_t n = starts->shape[0] - 1;
    for (int64_t i = 0; i < n; i++)
        if (at[i] > at[i + 1])
            return false;
    return at[0] == 0 && at[n] == rows;
}

lt_tensor *lt_attention_ragged(lt_ctx *ctx, lt_tensor *qkv, lt_tensor *starts, int heads,
                               bool causal)
{
    char s[80];
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *x = lt_dense_input(ctx, qkv, "lt_attention_ragged", "qkv");
    if (!x)
        return lt_scope_close(ctx, scope, NULL);
    if (x->ndim != 2 || !heads_fit(x, heads)) {
        lt_fail(
            ctx, LT_ERR_SHAPE,
            "lt_attention_ragged: argument qkv is %s, expected (R, 3D), D a multiple of %d heads",
            lt_shape_string(x, s, sizeof s), heads);
        return lt_scope_close(ctx, scope, NULL);
    }
    if (!starts || lt_type(starts) != LT_I32 || starts->ndim != 1 || starts->shape[0] < 1 ||
        !lt_i32(starts) || !starts_fit(starts, x->shape[0])) {
        lt_fail(
            ctx, LT_ERR_ARGUMENT,
            "lt_attention_ragged: argument starts is not an ascending int32 (N + 1) from 0 to %lld",
            (long long)x->shape[0]);
        return lt_scope_close(ctx, scope, NULL);
    }
    const struct attention_params p = {heads, starts->shape[0] - 1, 0, x->shape[1] / 3};
    return lt_scope_close(
        ctx, scope,
        attention(ctx, qkv, x, p, causal, starts, 2, (int64_t[]){x->shape[0], p.width}));
}
