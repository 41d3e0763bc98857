#include "weights/world/world.h"

#include <math.h>
#include <stddef.h>

#include "weights/world/palette.h"

/* The attribute that a dimension of z sets, and its range. */
struct field {
    size_t offset;
    float low, high;
};

#define UNIT(f)                                    \
    {                                              \
        offsetof(struct world_attr, f), 0.0f, 1.0f \
    }
#define SIGNED(f)                                   \
    {                                               \
        offsetof(struct world_attr, f), -1.0f, 1.0f \
    }

static const struct field FIELDS[WORLD_Z_FORM + 3] = {
    UNIT(head_width),  UNIT(head_height),   UNIT(jaw),
    SIGNED(yaw),       SIGNED(nod),         SIGNED(tilt),
    UNIT(hair_length), UNIT(hair_volume),   UNIT(hair_wave),
    UNIT(fringe),      SIGNED(parting),     UNIT(brow_thickness),
    UNIT(brow_arch),   UNIT(brow_height),   SIGNED(brow_slant),
    UNIT(eye_size),    UNIT(eye_spacing),   UNIT(eye_open),
    SIGNED(eye_slant), UNIT(nose_width),    UNIT(nose_length),
    UNIT(mouth_width), UNIT(lip_fullness),  {offsetof(struct world_attr, smile), -0.3f, 1.0f},
    UNIT(glasses_on),  UNIT(glasses_shape), UNIT(glasses_size),
    UNIT(collar),      UNIT(neck_width),    SIGNED(light_dir),
    UNIT(light),       UNIT(blush),
};

static float *field_of(struct world_attr *attr, const struct field *f)
{
    return (float *)(void *)((char *)attr + f->offset);
}

static float normal_cdf(float x) { return 0.5f * erfcf(-0.70710678f * x); }

bool world_has_glasses(const struct world_attr *attr)
{
    return attr->glasses_on >= WORLD_GLASSES_FROM;
}

void world_attr_from_z(const float z[WORLD_Z], struct world_attr *attr)
{
    double sum = 0.0;
    for (int i = 0; i < WORLD_Z; i++)
        sum += (double)z[i] * z[i];

    float scale = sum > 0.0 ? (float)sqrt(WORLD_Z / sum) : 0.0f;
    float u[WORLD_Z];
    for (int i = 0; i < WORLD_Z; i++)
        u[i] = normal_cdf(z[i] * scale);

    for (int i = 0; i < WORLD_Z_FORM + 3; i++)
        *field_of(attr, &FIELDS[i]) = FIELDS[i].low + (FIELDS[i].high - FIELDS[i].low) * u[i];

    for (int p = 0; p < WORLD_PARTS; p++) {
        const float *c = u + WORLD_Z_FORM + 3 + 3 * p;
        enum world_part part = (enum world_part)p;
        world_palette_color(part, c[0], c[1], c[2], attr->color[p]);
        attr->color_name[p] = world_color_nearest_natural(part, attr->color[p]);
    }
}

void world_attr_mix(const struct world_attr *form, const struct world_attr *color,
                    struct world_attr *out)
{
    struct world_attr mixed = *color;

    for (int i = 0; i < WORLD_Z_FORM; i++) {
        struct world_attr from = *form;
        *field_of(&mixed, &FIELDS[i]) = *field_of(&from, &FIELDS[i]);
    }
    *out = mixed;
}

uint64_t world_random(uint64_t *rng)
{
    uint64_t x = *rng += UINT64_C(0x9E3779B97F4A7C15);

    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return x ^ (x >> 31);
}

float world_random_uniform(uint64_t *rng) { return (float)(world_random(rng) >> 40) * 0x1p-24f; }

float world_random_normal(uint64_t *rng)
{
    float u = 1.0f - world_random_uniform(rng);
    float v = world_random_uniform(rng);

    return sqrtf(-2.0f * logf(u)) * cosf(6.28318531f * v);
}

void world_attr_random_natural(uint64_t *rng, struct world_attr *attr, float z[WORLD_Z])
{
    float own[WORLD_Z];
    double sum = 0.0;

    for (int i = 0; i < WORLD_Z; i++) {
        own[i] = world_random_normal(rng);
        sum += (double)own[i] * own[i];
    }
    world_attr_from_z(own, attr);
    for (int i = 0; z && i < WORLD_Z; i++)
        z[i] = own[i] * (float)sqrt(WORLD_Z / sum);
}

void world_attr_random_any(uint64_t *rng, struct world_attr *attr)
{
    world_attr_random_natural(rng, attr, NULL);
    for (int p = 0; p < WORLD_PARTS; p++)
        if (world_random_uniform(rng) >= 0.45f) {
            enum world_color color = (enum world_color)(world_random(rng) % WORLD_COLORS);
            world_attr_set_color(attr, (enum world_part)p, color, rng);
        }
    attr->glasses_on = world_random_uniform(rng) < 0.5f ? 1.0f : 0.0f;
}

void world_color_sample(enum world_color color, uint64_t *rng, float rgb[3])
{
    const struct world_named *named = world_named(color);

    for (int c = 0; c < 3; c++) {
        float v = named->rgb[c];
        if (rng)
            v += named->jitter * fmaxf(-2.0f, fminf(2.0f, world_random_normal(rng)));
        rgb[c] = v < 0.0f ? 0.0f : v > 1.0f ? 1.0f : v;
    }
}

void world_attr_set_color(struct world_attr *attr, enum world_part part, enum world_color color,
                          uint64_t *rng)
{
    world_color_sample(color, rng, attr->color[part]);
    attr->color_name[part] = (int)color;
}
