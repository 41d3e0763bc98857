/* Quads: vectors of four floats, for a pixel of up to four planes and for 4 x 4 squares of
 * matrices. */
#ifndef LT_TENSOR_QUAD_H
#define LT_TENSOR_QUAD_H

#include "tensor/kernels/hints.h"

enum { LT_QUAD = 4 };
typedef float lt_quad __attribute__((vector_size(16)));
typedef float lt_loose_quad __attribute__((vector_size(16), aligned(4), may_alias));

#define QUAD_MIX(a, b, ...) MIX(quad_places, a, b, __VA_ARGS__)
typedef int quad_places __attribute__((vector_size(16)));

/* Transposes a 4 x 4 square. */
INLINE void quad_transpose(lt_quad *q)
{
    const lt_quad a = QUAD_MIX(q[0], q[1], 0, 4, 1, 5), b = QUAD_MIX(q[2], q[3], 0, 4, 1, 5);
    const lt_quad c = QUAD_MIX(q[0], q[1], 2, 6, 3, 7), d = QUAD_MIX(q[2], q[3], 2, 6, 3, 7);
    q[0] = QUAD_MIX(a, b, 0, 1, 4, 5);
    q[1] = QUAD_MIX(a, b, 2, 3, 6, 7);
    q[2] = QUAD_MIX(c, d, 0, 1, 4, 5);
    q[3] = QUAD_MIX(c, d, 2, 3, 6, 7);
}

#endif
