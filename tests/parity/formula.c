#include "parity/formula.h"

#include <stdlib.h>

#include "tensor/hash.h"
#include "tensor/team.h"

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

struct uniform {
    uint64_t key;
    float center, scale, *out;
};

static void fill_uniform(void *arg, lt_range range)
{
    const struct uniform *u = arg;
    float *restrict out = u->out;
    for (int64_t i = range.begin; i < range.end; i++) {
        const float scaled = u->scale * unit_value(u->key + (uint64_t)i);
        out[i] = u->center + scaled;
    }
}

lt_tensor *formula_uniform(lt_ctx *ctx, const char *name, int ndim, const int64_t *shape,
                           uint64_t seed, float center, float scale)
{
    lt_tensor *t = lt_empty(ctx, LT_F32, ndim, shape);
    if (!t)
        return NULL;
    const int64_t count = lt_numel(t);
    struct uniform u = {stream_key(name, "", seed), center, scale, lt_f32(t)};
    lt_for(ctx, count > 65536 ? lt_ctx_threads(ctx) : 1, count, fill_uniform, &u);
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

/* Rows of all planes of an image, and the lattice between whose knots they interpolate. */
struct smooth {
    int64_t height, width, spacing;
    const float *lattice;
    uint64_t noise_key;
    double amplitude;
    float *out;
};

static void fill_lines(void *arg, lt_range range)
{
    const struct smooth *s = arg;
    const int64_t rows = s->height / s->spacing + 1, columns = s->width / s->spacing + 1;
    for (int64_t line = range.begin; line < range.end; line++) {
        const int64_t plane = line / s->height, y = line % s->height;
        const float *above = s->lattice + (plane * rows + y / s->spacing) * columns;
        smooth_row(s->out + line * s->width, s->width, s->spacing, above, above + columns,
                   (double)(y % s->spacing) / (double)s->spacing,
                   s->noise_key + (uint64_t)(line * s->width), s->amplitude);
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
    struct smooth s = {.height = height,
                       .width = width,
                       .spacing = spacing,
                       .lattice = lattice,
                       .noise_key = stream_key(name, ".noise", seed),
                       .amplitude = amplitude,
                       .out = lt_f32(t)};
    lt_for(ctx, lt_ctx_threads(ctx), planes * height, fill_lines, &s);
    free(lattice);
    return t;
}

int64_t formula_position(const char *name, uint64_t seed, int64_t i, int64_t total)
{
    const uint64_t u24 = bits24(stream_key(name, "", seed) + (uint64_t)i);
    return (int64_t)(u24 * (uint64_t)total >> 24);
}
