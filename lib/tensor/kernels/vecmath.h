/* Elementary functions for loops that a compiler turns into vector code.
 *
 * No branches, no calls, no tables: each is a range reduction and a minimax
 * polynomial (Remez fits made for the intervals named below). Rounding to an
 * integer adds and subtracts 1.5 * 2^23, which needs round-to-nearest and no
 * fast-math. Largest errors against double precision over the whole range, with
 * and without fused multiply-add: exp 1.1 ulp, log 0.9, tanh 1.4, sigmoid 2 (for
 * x > -87, below that a subnormal may become 0), phi 7e-8 absolute. */
#ifndef LT_TENSOR_VECMATH_H
#define LT_TENSOR_VECMATH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* a * b + c: fused where the instruction set has it, so that ISO C mode (in
 * which compilers may not contract) does not cost speed. */
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
#define LT_VFMA(a, b, c) __builtin_fmaf((a), (b), (c))
#else
#define LT_VFMA(a, b, c) ((a) * (b) + (c))
#endif

static inline float lt_vfloat(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline uint32_t lt_vbits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* exp(x). Whole range: infinity above 88.73, subnormal results below -87.34, 0
 * below -103.98; NaN passes. */
static inline float lt_vexp(float x)
{
    const float magic = 12582912.0f; /* 1.5 * 2^23 */
    x = x > 89.0f ? 89.0f : x;
    x = x < -104.0f ? -104.0f : x;
    float shifted = LT_VFMA(x, 1.44269504f, magic);
    float n = shifted - magic;
    /* ln 2 in two parts, the first with few enough bits that n times it is exact. */
    float r = LT_VFMA(n, -0.693145751953125f, x);
    r = LT_VFMA(n, -1.42860677e-6f, r);
    /* exp(r) = 1 + r + r^2 p(r), |r| <= ln(2) / 2 */
    float p = 0.00138145441f;
    p = LT_VFMA(p, r, 0.00836874545f);
    p = LT_VFMA(p, r, 0.041668389f);
    p = LT_VFMA(p, r, 0.166665211f);
    p = LT_VFMA(p, r, 0.49999994f);
    float e = LT_VFMA(p, r * r, r) + 1.0f;
    /* 2^n in two factors: n reaches 128 and -150, beyond one exponent field. */
    uint32_t k = lt_vbits(shifted) - lt_vbits(magic);
    uint32_t half = (uint32_t)((int32_t)k >> 1);
    return e * lt_vfloat((half + 127u) << 23) * lt_vfloat((k - half + 127u) << 23);
}

/* Natural logarithm. Whole range: subnormals included, log(0) = -infinity,
 * NaN below 0; NaN and infinity pass. */
static inline float lt_vlog(float x)
{
    int small = x < 1.17549435e-38f;
    float y = small ? x * 8388608.0f : x;
    uint32_t bits = lt_vbits(y);
    /* y = m 2^e with m in [sqrt(1/2), sqrt(2)) */
    uint32_t e = (bits - 0x3f3504f3u) & 0xff800000u;
    float m = lt_vfloat(bits - e);
    float n = (float)((int32_t)e >> 23) - (small ? 23.0f : 0.0f);
    float f = m - 1.0f;
    /* log(1 + f) = f - f^2 / 2 + f^3 p(f) */
    float p = -0.0763448626f;
    p = LT_VFMA(p, f, 0.127615646f);
    p = LT_VFMA(p, f, -0.13160181f);
    p = LT_VFMA(p, f, 0.142017603f);
    p = LT_VFMA(p, f, -0.166233584f);
    p = LT_VFMA(p, f, 0.200012267f);
    p = LT_VFMA(p, f, -0.250008196f);
    p = LT_VFMA(p, f, 0.333333313f);
    float f2 = f * f;
    float r = LT_VFMA(p * f, f2, n * 1.42860677e-6f);
    r = LT_VFMA(f2, -0.5f, r) + f;
    r = LT_VFMA(n, 0.693145751953125f, r);
    r = x < INFINITY ? r : x; /* infinity and NaN */
    r = x < 0.0f ? NAN : r;
    return x == 0.0f ? -INFINITY : r;
}

/* tanh(x), whole range; NaN passes. */
static inline float lt_vtanh(float x)
{
    float t = fabsf(x);
    float z = x * x;
    /* tanh(x) = x + x^3 p(x^2), |x| <= 0.625 */
    float p = -0.0057170433f;
    p = LT_VFMA(p, z, 0.0206505861f);
    p = LT_VFMA(p, z, -0.0537434965f);
    p = LT_VFMA(p, z, 0.133314908f);
    p = LT_VFMA(p, z, -0.333332837f);
    float near = LT_VFMA(p * z, x, x);
    float far = copysignf(1.0f - 2.0f / (lt_vexp(2.0f * t) + 1.0f), x);
    return t < 0.625f ? near : far;
}

/* 1 / (1 + exp(-x)), whole range; NaN passes. */
static inline float lt_vsigmoid(float x) { return 1.0f / (1.0f + lt_vexp(-x)); }

/* The normal distribution function Phi(x) = (1 + erf(x / sqrt 2)) / 2; NaN
 * passes. Phi(-t) = exp(-t h(t)) / 2, with h fitted on
 * [0, 6] under the weight t (1 + t) Phi(-t) and growing beyond. */
static inline float lt_vphi(float x)
{
    float t = fabsf(x);
    t = t > 16.0f ? 16.0f : t;
    float h = 1.63409595e-06f;
    h = LT_VFMA(h, t, -2.34967065e-05f);
    h = LT_VFMA(h, t, 0.000111888898f);
    h = LT_VFMA(h, t, 0.000133955778f);
    h = LT_VFMA(h, t, -0.00494337268f);
    h = LT_VFMA(h, t, 0.0364174433f);
    h = LT_VFMA(h, t, 0.318290204f);
    h = LT_VFMA(h, t, 0.797886133f);
    float tail = 0.5f * lt_vexp(-t * h);
    return x > 0.0f ? 1.0f - tail : tail;
}

#endif
