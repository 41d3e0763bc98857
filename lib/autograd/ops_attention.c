#include <math.h>

#include "autograd/ops.h"
#include "autograd/ops_impl.h"

/* One (sample, head) pair is one piece of work: five products of small
 * matrices that stay in the cache. Packed rows are [q | k | v], each split into
 * heads of d features. */
struct sizes {
    int64_t length, width, d; /* L, D, D / heads */
    int64_t pairs;            /* N heads */
    float scale;
};

static struct sizes sizes_of(const lt_tensor *qkv, int heads)
{
    struct sizes s = {.length = qkv->shape[1], .width = qkv->shape[2] / 3};
    s.d = s.width / heads;
    s.pairs = qkv->shape[0] * heads;
    s.scale = 1.0f / sqrtf((float)s.d);
    return s;
}

/* Threads for all the pairs: L^2 D multiply-adds a sample, twice. */
static int team(const lt_ctx *ctx, const struct sizes *s)
{
    const int64_t work = s->pairs * s->length * (s->length + s->d);
    const int threads = lt_team(ctx, work);
    return s->pairs < threads ? (s->pairs > 0 ? (int)s->pairs : 1) : threads;
}

/* P = softmax(scale Q K^T), out = P V for one pair; probs (L, L). */
static void attend(const struct lt_dense_kernels *k, const struct sizes *s, bool causal,
                   const float *q, float *probs, float *out)
{
    const int64_t l = s->length, ld = 3 * s->width;
    lt_sgemm_serial(false, true, l, l, s->d, s->scale, q, ld, q + s->width, ld, 0.0f, probs, l);
    for (int64_t i = 0; i < l; i++)
        k->softmax(l, causal ? i + 1 : l, probs + i * l, probs + i * l);
    lt_sgemm_serial(false, false, l, s->d, l, 1.0f, probs, l, q + 2 * s->width, ld, 0.0f, out,
                    s->width);
}

/* dV = P^T dO, dP = dO V^T, dS = scale P (dP - rowsum(P dP)), dQ = dS K,
 * dK = dS^T Q for one pair; ds (L, L) is scratch. */
static void attend_backward(const struct lt_dense_kernels *k, const struct sizes *s,
                            const float *q, const float *probs, const float *go, float *gq,
                            float *ds)
{
    const int64_t l = s->length, w = s->width, ld = 3 * w, d = s->d;
    lt_sgemm_serial(true, false, l, d, l, 1.0f, probs, l, go, w, 0.0f, gq + 2 * w, ld);
    lt_sgemm_serial(false, true, l, l, d, 1.0f, go, w, q + 2 * w, ld, 0.0f, ds, l);
    for (int64_t i = 0; i < l; i++)
        k->softmax_grad(l, probs + i * l, ds + i * l, s->scale, ds + i * l);
    lt_sgemm_serial(false, false, l, d, l, 1.0f, ds, l, q + w, ld, 0.0f, gq, ld);
    lt_sgemm_serial(true, false, l, d, l, 1.0f, ds, l, q, ld, 0.0f, gq + w, ld);
}

/* Saved: qkv and the probabilities (N, heads, L, L). */
static lt_status attention_backward(lt_ctx *ctx, lt_node *node, lt_tensor *gy)
{
    const struct lt_dense_kernels *k = lt_dense_table(ctx);
    const int heads = *(const int *)lt_node_params(node);
    const lt_tensor *qkv = lt_node_saved(node, 0), *probs = lt_node_saved(node, 1);
    const struct sizes s = sizes_of(qkv, heads);
    const int threads = team(ctx, &s);
    const int64_t area = s.length * s.length;
    lt_tensor *g = lt_new_like(ctx, qkv);
    float *scratch = g ? lt_scratch(ctx, (size_t)(threads * area) * sizeof(float)) : NULL;
    if (!scratch)
        return ctx->status;
    const float *px = lt_floats(qkv), *pp = lt_floats(probs), *pg = lt_floats(gy);
    float *out = lt_floats(g);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int t = 0; t < threads; t++) {
        for (int64_t i = s.pairs * t / threads; i < s.pairs * (t + 1) / threads; i++) {
            const int64_t sample = i / heads * s.length * s.width, head = i % heads * s.d;
            attend_backward(k, &s, px + 3 * sample + head, pp + i * area, pg + sample + head,
                            out + 3 * sample + head, scratch + t * area);
        }
    }
    lt_scratch_free(ctx, scratch);
    return lt_grad_add(ctx, node, 0, g);
}

lt_tensor *lt_attention(lt_ctx *ctx, lt_tensor *qkv, int heads, bool causal)
{
    const struct lt_dense_kernels *k = lt_dense_table(ctx);
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *x = lt_dense_input(ctx, qkv, "lt_attention", "qkv");
    if (!x)
        return lt_scope_close(ctx, scope, NULL);
    if (x->ndim != 3 || heads < 1 || x->shape[2] == 0 || x->shape[2] % (3 * (int64_t)heads) != 0) {
        char s[80];
        lt_fail(ctx, LT_ERR_SHAPE,
                "lt_attention: argument qkv is %s, expected (N, L, 3D), D a multiple of %d heads",
                lt_shape_string(x, s, sizeof s), heads);
        return lt_scope_close(ctx, scope, NULL);
    }
    const struct sizes s = sizes_of(x, heads);
    const int threads = team(ctx, &s);
    const int64_t area = s.length * s.length;
    const bool keep = lt_would_record(ctx, 1, &qkv);
    /* Backward wants all probabilities; without it each thread needs one block. */
    lt_tensor *out = lt_new(ctx, 3, (int64_t[]){x->shape[0], s.length, s.width});
    lt_tensor *probs = out ? lt_new(ctx, 4,
                                    keep ? (int64_t[]){x->shape[0], heads, s.length, s.length}
                                         : (int64_t[]){1, threads, s.length, s.length})
                           : NULL;
    if (!probs)
        return lt_scope_close(ctx, scope, NULL);
    const float *px = lt_floats(x);
    float *pp = lt_floats(probs), *po = lt_floats(out);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int t = 0; t < threads; t++) {
        for (int64_t i = s.pairs * t / threads; i < s.pairs * (t + 1) / threads; i++) {
            const int64_t sample = i / heads * s.length * s.width, head = i % heads * s.d;
            attend(k, &s, causal, px + 3 * sample + head, pp + (keep ? i : t) * area,
                   po + sample + head);
        }
    }
    lt_node *n = lt_record(ctx, out, attention_backward, 1, &qkv, sizeof heads);
    if (n) {
        *(int *)lt_node_params(n) = heads;
        lt_node_save(n, 0, x);
        lt_node_save(n, 1, probs);
    }
    return lt_scope_close(ctx, scope, lt_recorded(ctx, out));
}
