/* Conversion between float32 and the 16-bit storage types, in portable code.
 *
 * float16 is IEEE 754 binary16, bfloat16 the upper half of a float32; both are handled as bit
 * patterns in uint16_t. To 16 bits, values are rounded to nearest, ties to even; overflow becomes
 * infinity, a NaN becomes a quiet NaN, and subnormals and the signs of zeros are kept. To float32,
 * every value is exact. Arrays must not overlap. */
#ifndef LT_TENSOR_HALF_H
#define LT_TENSOR_HALF_H

#include <stddef.h>
#include <stdint.h>

/* Converts `n` elements of `src` into `dst`. */
void lt_f16_to_f32(const uint16_t *src, float *dst, size_t n);
void lt_f32_to_f16(const float *src, uint16_t *dst, size_t n);
void lt_bf16_to_f32(const uint16_t *src, float *dst, size_t n);
void lt_f32_to_bf16(const float *src, uint16_t *dst, size_t n);

#endif
