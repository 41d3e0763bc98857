#include "parity/formula.h"

#include <stdlib.h>

#include "tensor/hash.h"

static const uint64_t GAMMA = 0x9E3779B97F4A7C15u;

static uint64_t stream_key(const char *name, const char *suffix, uint64_t seed)
{
    return lt_hash_text(lt_hash_text(LT_HASH_START, name), suffix) ^ (seed * GAMMA);
}

/* The top 24 bits of splitmix64 (Steele, Lea & Flood 2014). */
static inline uint32_t bits24(uint64_t state)
{
    uint64_t z = state + GAMMA;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (uint32_t)((z ^ (z >> 31)) >> 40);
}

static inline float unit_value(uint64_t state)
{
    return (float)((int32_t)(2 * bits24(state) + 1) - (1 << 24)) * 0x1p-24f;
}

lt_tensor *formula_uniform(lt_ctx *ctx, const char *name, int ndim, const int64_t *shape,
                           uint64_t seed, float center, float scale)
{
    lt_tensor *t = lt_empty(ctx, LT_F32, ndim, shape);
    if (!t)
        return NULL;
    const uint64_t key = stream_key(name, "", seed);
    const int64_t count = lt_numel(t);
    float *restrict out = lt_f32(t);
#pragma omp parallel for num_threads(lt_ctx_threads(ctx)) schedule(static) if (count > 65536)
    for (int64_t i = 0; i < count; i++) {
        const float scaled = scale * unit_value(key + (uint64_t)i);
        out[i] = center + scaled;
    }
    return t;
}

/* Computes one row of an image. `above` and `below` are the rows of the lattice around it, b is the
 * distance from `above`, and `noise` is the state of the noise stream at the first pixel of the
 * row. */
static void smooth_row(float *out, int64_t width, int64_t spacing, const float *above,
                       const float *below, double b, uint64_t noise, double amplitude)
{
    for (int64_t x = 0; x < width; x++) {
        const int64_t cell = x / spacing;
        const double a = (double)(x % spacing) / (double)spacing;
        const double up = (1 - a) * (double)above[cell] + a * (double)above[cell + 1];
        const double down = (1 - a) * (double)below[cell] + a * (double)below[cell + 1];
        const double low = (1 - b) * up + b * down;
        out[x] = (float)(amplitude * (0.75 * low + 0.25 * (double)unit_value(noise + (uint64_t)x)));
    }
}

lt_tensor *formula_smooth(lt_ctx *ctx, const char *name, const int64_t shape[4], int64_t spacing,
                          uint64_t seed, double amplitude)
{
    const int64_t planes = shape[0] * shape[1], height = shape[2], width = shape[3];
    if (spacing < 1 || (spacing & (spacing - 1)) || height % spacing || width % spacing) {
        lt_fail(ctx, LT_ERR_ARGUMENT, "formula: spacing %lld does not suit image %s",
                (long long)spacing, name);
        return NULL;
    }
    const int64_t rows = height / spacing + 1, columns = width / spacing + 1;
    const int64_t knots = planes * rows * columns;
    lt_tensor *t = lt_empty(ctx, LT_F32, 4, shape);
    float *lattice = t ? malloc((size_t)knots * sizeof *lattice) : NULL;
    if (!lattice) {
        lt_fail(ctx, LT_ERR_MEMORY, "formula: out of memory for image %s", name);
        return NULL;
    }
    const uint64_t lattice_key = stream_key(name, ".lattice", seed);
    for (int64_t i = 0; i < knots; i++)
        lattice[i] = unit_value(lattice_key + (uint64_t)i);
    const uint64_t noise_key = stream_key(name, ".noise", seed);
    float *out = lt_f32(t);
#pragma omp parallel for num_threads(lt_ctx_threads(ctx)) schedule(static)
    for (int64_t line = 0; line < planes * height; line++) {
        const int64_t plane = line / height, y = line % height;
        const float *above = lattice + (plane * rows + y / spacing) * columns;
        smooth_row(out + line * width, width, spacing, above, above + columns,
                   (double)(y % spacing) / (double)spacing, noise_key + (uint64_t)(line * width),
                   amplitude);
    }
    free(lattice);
    return t;
}

int64_t formula_position(const char *name, uint64_t seed, int64_t i, int64_t total)
{
    const uint64_t u24 = bits24(stream_key(name, "", seed) + (uint64_t)i);
    return (int64_t)(u24 * (uint64_t)total >> 24);
}
