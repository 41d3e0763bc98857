/* float32 to and from float16 and bfloat16 (half.h). Every case is computed, and masks pick the
 * right one: without branches the loops vectorise. */
#include "tensor/half.h"

#include <string.h>

static inline uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* `yes` where the condition is 1, `no` where it is 0. */
static inline uint32_t pick(int condition, uint32_t yes, uint32_t no)
{
    uint32_t mask = 0u - (uint32_t)condition;
    return (yes & mask) | (no & ~mask);
}

static inline float f16_to_f32(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    uint32_t magnitude = (uint32_t)(half & 0x7fffu) << 13;
    uint32_t normal = magnitude + ((127u - 15u) << 23);
    uint32_t special = magnitude + ((255u - 31u) << 23);
    /* 2^-14 (1 + mantissa) - 2^-14 is exact, and no step is a float32 subnormal, which some
     * processors are told to flush to zero. */
    uint32_t small = bits_of(float_of(magnitude + (113u << 23)) - 0x1p-14f);
    uint32_t finite = pick(magnitude < 0x00800000u, small, normal);
    return float_of(sign | pick(magnitude >= 0x0f800000u, special, finite));
}

static inline uint16_t f32_to_f16(float value)
{
    uint32_t bits = bits_of(value);
    uint32_t sign = (bits >> 16) & 0x8000u;
    uint32_t magnitude = bits & 0x7fffffffu;
    uint32_t normal = (magnitude - ((127u - 15u) << 23) + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
    /* In [0.5, 1) the last bit of a float32 is worth 2^-24, the step of binary16 subnormals: adding
     * 0.5 does the rounding. */
    uint32_t small = bits_of(float_of(magnitude) + 0.5f) - bits_of(0.5f);
    uint32_t nan = 0x7e00u | ((magnitude >> 13) & 0x1ffu);
    uint32_t special = pick(magnitude > 0x7f800000u, nan, 0x7c00u);
    uint32_t finite = pick(magnitude < 0x38800000u, small, normal);
    return (uint16_t)(sign | pick(magnitude >= 0x47800000u, special, finite));
}

static inline uint16_t f32_to_bf16(float value)
{
    uint32_t bits = bits_of(value);
    uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    uint32_t quiet = (bits >> 16) | 0x40u;
    return (uint16_t)pick((bits & 0x7fffffffu) > 0x7f800000u, quiet, rounded);
}

void lt_f16_to_f32(const uint16_t *restrict src, float *restrict dst, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = f16_to_f32(src[i]);
}

void lt_f32_to_f16(const float *restrict src, uint16_t *restrict dst, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = f32_to_f16(src[i]);
}

void lt_bf16_to_f32(const uint16_t *restrict src, float *restrict dst, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = float_of((uint32_t)src[i] << 16);
}

void lt_f32_to_bf16(const float *restrict src, uint16_t *restrict dst, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = f32_to_bf16(src[i]);
}
