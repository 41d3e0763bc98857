/* 16-bit values to float32 (half_kernels.h). float16 is converted by the processor's own
 * instruction where it has one, which compilers do not find in portable code. */
#include "tensor/half_kernels.h"

#include "tensor/half.h"

#if defined(__AVX512F__)
#include <immintrin.h>
enum { STEP = 16 };
static inline void widen_step(const uint16_t *src, float *dst)
{
    _mm512_storeu_ps(dst, _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)src)));
}
#elif defined(__F16C__)
#include <immintrin.h>
enum { STEP = 8 };
static inline void widen_step(const uint16_t *src, float *dst)
{
    _mm256_storeu_ps(dst, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)src)));
}
#else
enum { STEP = 32 };
static inline void widen_step(const uint16_t *src, float *dst) { lt_f16_to_f32(src, dst, STEP); }
#endif

static void f16(const uint16_t *src, float *dst, size_t n)
{
    size_t i = 0;
    for (; i + STEP <= n; i += STEP)
        widen_step(src + i, dst + i);
    lt_f16_to_f32(src + i, dst + i, n - i);
}

static void bf16(const uint16_t *restrict src, float *restrict dst, size_t n)
{
    uint32_t *restrict bits = (uint32_t *)(void *)dst;
    for (size_t i = 0; i < n; i++)
        bits[i] = (uint32_t)src[i] << 16;
}

const struct lt_half_kernels LT_ISA_NAME(lt_half_kernels) = {.f16 = f16, .bf16 = bf16};
