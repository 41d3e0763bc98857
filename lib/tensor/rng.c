/* Random numbers by a counter (rng.h). */
#include "tensor/rng.h"

#include <math.h>

#include "tensor/tensor_impl.h"
#include "tensor/team.h"

/* Philox4x32-10: ten rounds over a counter of 128 bits with a key of 64 bits (Salmon et al.,
 * "Parallel random numbers: as easy as 1, 2, 3", SC 2011). */
static void philox(const uint32_t counter[4], uint64_t seed, uint32_t out[4])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++) {
        const uint64_t p0 = (uint64_t)0xD2511F53u * c0;
        const uint64_t p1 = (uint64_t)0xCD9E8D57u * c2;
        const uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        const uint32_t n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        c0 = n0;
        c2 = n2;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

/* The 64 bits of number `index` of a stream. */
static uint64_t draw(uint64_t seed, uint64_t stream, uint64_t index)
{
    const uint32_t counter[4] = {(uint32_t)index, (uint32_t)(index >> 32), (uint32_t)stream,
                                 (uint32_t)(stream >> 32)};
    uint32_t out[4];
    philox(counter, seed, out);
    return (uint64_t)out[1] << 32 | out[0];
}

static float to_uniform(uint64_t bits) { return (float)(bits >> 40) * 0x1p-24f; }

/* Box-Muller: the lower half of the bits makes the radius, the upper half the angle. u is never 0,
 * whose logarithm would be infinite. */
static float to_normal(uint64_t bits)
{
    const double u = ((double)(uint32_t)bits + 0.5) * 0x1p-32;
    const double v = (double)(bits >> 32) * 0x1p-32;
    return (float)(sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v));
}

lt_rng lt_rng_make(uint64_t seed, uint64_t stream)
{
    return (lt_rng){.seed = seed, .stream = stream, .counter = 0};
}

uint64_t lt_rng_u64(lt_rng *rng) { return draw(rng->seed, rng->stream, rng->counter++); }

float lt_rng_uniform(lt_rng *rng) { return to_uniform(lt_rng_u64(rng)); }

uint64_t lt_rng_below(lt_rng *rng, uint64_t n)
{
    /* Numbers beyond the last whole multiple of n are drawn again, so that all values are equally
     * likely. */
    const uint64_t limit = UINT64_MAX - UINT64_MAX % n;
    uint64_t x;
    do {
        x = lt_rng_u64(rng);
    } while (x >= limit);
    return x % n;
}

float lt_rng_normal(lt_rng *rng) { return to_normal(lt_rng_u64(rng)); }

enum fill_kind { FILL_NORMAL, FILL_UNIFORM };

struct fill {
    uint64_t seed, stream, first;
    enum fill_kind kind;
    float a, b, *x;
};

static void fill_elements(void *arg, lt_range range)
{
    /* A copy: the compiler need not fear that a store to x changes it. */
    const struct fill f = *(const struct fill *)arg;
    for (int64_t i = range.begin; i < range.end; i++) {
        const uint64_t bits = draw(f.seed, f.stream, f.first + (uint64_t)i);
        f.x[i] = f.kind == FILL_NORMAL ? f.a + f.b * to_normal(bits)
                                       : f.a + (f.b - f.a) * to_uniform(bits);
    }
}

static lt_status fill_random(lt_ctx *ctx, lt_tensor *t, lt_rng *rng, enum fill_kind kind, float a,
                             float b)
{
    float *x = t ? lt_f32(t) : NULL;
    if (!x)
        return lt_fail(ctx, LT_ERR_ARGUMENT, "random fill: needs a contiguous float32 tensor");
    const int64_t n = lt_numel(t);
    struct fill f = {rng->seed, rng->stream, rng->counter, kind, a, b, x};
    lt_for(ctx, n > 4096 ? ctx->threads : 1, n, fill_elements, &f);
    rng->counter += (uint64_t)n;
    return LT_OK;
}

lt_status lt_fill_normal(lt_ctx *ctx, lt_tensor *t, lt_rng *rng, float mean, float std)
{
    return fill_random(ctx, t, rng, FILL_NORMAL, mean, std);
}

lt_status lt_fill_uniform(lt_ctx *ctx, lt_tensor *t, lt_rng *rng, float low, float high)
{
    return fill_random(ctx, t, rng, FILL_UNIFORM, low, high);
}

lt_status lt_fill(lt_ctx *ctx, lt_tensor *t, float value)
{
    float *x = t ? lt_f32(t) : NULL;
    if (!x)
        return lt_fail(ctx, LT_ERR_ARGUMENT, "lt_fill: needs a contiguous float32 tensor");
    const int64_t n = lt_numel(t);
    for (int64_t i = 0; i < n; i++)
        x[i] = value;
    return LT_OK;
}
