/* What the ways of answering a request of a 3 x 3 convolution share (conv3_impl.h). */
#include "tensor/kernels/conv/conv3_impl.h"

void lt_conv3_add_parts(const lt_conv3 *q, int64_t parts, const double *partial)
{
    for (int64_t i = 0; i < q->n * q->o; i++) {
        const double *from = partial + i / q->o * parts * q->o + i % q->o;
        double sum = 0;
        for (int64_t p = 0; p < parts; p++)
            sum += from[p * q->o];
        q->dot[i] = (float)sum;
    }
}
