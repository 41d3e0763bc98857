#include "bench/speed/flops.h"

#include <stdint.h>

enum { COPIES = 8 };

double flops_generator(const lt_stylegan2_config *c)
{
    double sum = (9.0 * c->channels[0] + 3.0) * c->channels[0] * 16.0;
    for (int side = 8, level = 1; side <= c->size; side *= 2, level++) {
        const double area = (double)side * side, in = c->channels[level - 1],
                     out = c->channels[level];
        sum += 9.0 * in * out * area / 4.0 + 9.0 * out * out * area + 3.0 * out * area;
    }
    return sum / 1e9;
}

/* Multiply-adds of a transformer over one sequence of n tokens: projections, MLP, and the two
 * products of attention. */
static double transformer(double n, double width, double layers)
{
    return layers * (n * 12.0 * width * width + 2.0 * n * n * width);
}

double flops_clip_image(const lt_clip_config *c)
{
    const double grid = c->image_size / c->patch, w = c->vision_width;
    return (grid * grid * 3.0 * c->patch * c->patch * w +
            transformer(grid * grid + 1.0, w, c->vision_layers) + w * c->embed_dim) /
           1e9;
}

double flops_clip_texts(const lt_clip_config *c, const lt_tensor *ids)
{
    double sum = 0.0;
    for (int64_t i = 0; i < lt_dim(ids, 0); i++) {
        const int32_t *row = lt_i32(ids) + i * lt_dim(ids, 1);
        int64_t end = 0;
        for (int64_t j = 1; j < lt_dim(ids, 1); j++)
            if (row[j] > row[end])
                end = j;
        sum += transformer((double)end + 1.0, c->text_width, c->text_layers) +
               (double)c->text_width * c->embed_dim;
    }
    return sum / 1e9;
}

double flops_step(const lt_stylegan2_config *g, const lt_clip_config *c)
{
    return 2.0 * flops_generator(g) + 2.0 * COPIES * flops_clip_image(c);
}

/* Floats in the inputs of all 3 x 3 convolutions times `inputs`, plus floats in their results times
 * `results`. */
static double floats_moved(const lt_stylegan2_config *c, double inputs, double results)
{
    double sum = (inputs + results) * c->channels[0] * 16.0;
    for (int side = 8, level = 1; side <= c->size; side *= 2, level++) {
        const double area = (double)side * side, in = c->channels[level - 1],
                     out = c->channels[level];
        sum += inputs * (in * area / 4.0 + out * area) + results * 2.0 * out * area;
    }
    return sum;
}

double bytes_generator_forward(const lt_stylegan2_config *c)
{
    return 4.0 * floats_moved(c, 1.0, 1.0);
}
double bytes_generator_backward(const lt_stylegan2_config *c)
{
    return 4.0 * floats_moved(c, 2.0, 1.0);
}

double bytes_clip_weights(const lt_clip_config *c)
{
    const double w = c->vision_width;
    return 4.0 *
           (3.0 * c->patch * c->patch * w + c->vision_layers * 12.0 * w * w + w * c->embed_dim);
}
