/* The tail of outputs (tail.h): which one a plane has, and the slow form for edges. */
#include "tensor/kernels/tail.h"

#include "tensor/kernels/bias_act_impl.h"

lt_tail lt_tail_of(const float *bias, const float *out_scale, const lt_bias_act_planes *act,
                   int64_t o, int64_t plane, const float **noise)
{
    *noise = NULL;
    lt_tail tail = {.bias = bias ? bias[plane % o] : 0.0f,
                    .scale = out_scale ? out_scale[plane] : 1.0f};
    if (act) {
        const lt_bias_act_plane of = lt_bias_act_plane_of(act, plane);
        tail.act = true;
        tail.scale = of.scale;
        tail.shift = of.bias;
        tail.strength = of.strength;
        tail.above = of.gain;
        tail.below = of.gain * of.slope;
        *noise = of.noise;
    }
    return tail;
}

double lt_tail_finish_few(const lt_tail *tail, const float *with, const float *noise, int64_t count,
                          const float *from, float *to)
{
    double dot = 0;
    for (int64_t j = 0; j < count; j++) {
        const float x = from[j] + tail->bias;
        if (with)
            dot += (double)(x * with[j]);
        float y = x * tail->scale;
        if (tail->act) {
            const float pre = y + tail->shift + (noise ? tail->strength * noise[j] : 0.0f);
            y = pre * (pre > 0 ? tail->above : tail->below);
        }
        to[j] = y;
    }
    return dot;
}
