/* The tail of outputs (tail.h) on vectors, for *_kernels.c only. */
#ifndef LT_TENSOR_TAIL_VEC_H
#define LT_TENSOR_TAIL_VEC_H

#include "tensor/kernels/tail.h"
#include "tensor/kernels/vec.h"

/* The most vectors of a row. */
enum { TAIL_VECTORS = 8 };

/* Applies the tail to a row of outputs r, which have their bias already, and stores them to y.
 * `with` and noise lie beside y, or are NULL. Returns sum plus the products of r and `with`. */
INLINE vec tail_finish_row(const int vectors, const vec *r, const lt_tail *tail, const float *with,
                           const float *noise, float *y, vec sum)
{
    vec out[TAIL_VECTORS];
    UNROLL
    for (int v = 0; v < vectors; v++) {
        if (with)
            sum += r[v] * vec_load(with + v * LANES);
        out[v] = r[v] * tail->scale;
    }
    if (tail->act) {
        const vec above = vec_splat(tail->above), below = vec_splat(tail->below);
        UNROLL
        for (int v = 0; v < vectors; v++) {
            out[v] += tail->shift;
            if (noise)
                out[v] += tail->strength * vec_load(noise + v * LANES);
            out[v] *= vec_choose(out[v] > 0, above, below);
        }
    }
    if (tail->stream)
        UNROLL
    for (int v = 0; v < vectors; v++)
        vec_stream(y + v * LANES, out[v]);
    else UNROLL
    for (int v = 0; v < vectors; v++)
        vec_store(y + v * LANES, out[v]);
    return sum;
}

#endif
