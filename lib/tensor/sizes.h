/* Arithmetic on sizes that every room of the library needs. */
#ifndef LT_TENSOR_SIZES_H
#define LT_TENSOR_SIZES_H

#include <stdint.h>

static inline int64_t lt_lesser(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t lt_greater(int64_t a, int64_t b) { return a > b ? a : b; }

/* a / b, rounded up. b is positive, a is not negative. */
static inline int64_t lt_ceil_quotient(int64_t a, int64_t b) { return (a + b - 1) / b; }

/* a / b, rounded down also where a is negative. b is positive. */
static inline int64_t lt_floor_quotient(int64_t a, int64_t b)
{
    const int64_t q = a / b;
    return q * b > a ? q - 1 : q;
}

#endif
