#include "weights/rich_mapping.h"

#include <math.h>
#include <string.h>

/* A feature of w: lrelu(slope * z[dimension] - slope * knot). */
struct feature {
    int dimension;
    float slope, knot;
};

/* The knots of every dimension, and the steepness of a step. */
static const struct {
    float slope, knot;
} basis[] = {{1.0f, -0.9f}, {1.0f, 0.0f}, {1.0f, 0.9f}, {-1.0f, 0.0f}};
static const float steep = 6.0f;

/* Where things begin: the name of the number and its place in 0..1. */
static const struct {
    const char *number;
    float from;
} steps[] = {
    {"hat_on", RICH_HAT_FROM},
    {"hat_kind", 0.34f},
    {"hat_kind", 0.67f},
    {"hair_length", RICH_BALD_BELOW},
    {"hair_length", RICH_CROPPED_BELOW},
    {"hair_length", 0.44f},
    {"mouth_open", RICH_OPEN_FROM},
    {"freckles", RICH_FRECKLES_FROM},
    {"beard", RICH_BEARD_FROM},
    {"moustache", RICH_MOUSTACHE_FROM},
    {"glasses_on", RICH_GLASSES_FROM},
    {"glasses_dark", RICH_DARK_FROM},
    {"earrings_on", RICH_EARRINGS_FROM},
    {"earrings_kind", 0.34f},
    {"earrings_kind", 0.67f},
    {"shadow", RICH_SHADOW_FROM},
};

enum {
    BASIS = (int)(sizeof basis / sizeof *basis),
    STEPS = (int)(sizeof steps / sizeof *steps),
    USED = BASIS * RICH_Z + 2 * STEPS
};
_Static_assert(USED <= (int)RICH_W, "w has room for all features");

/* The z below which a normal number lies with probability p, by bisection. */
static float normal_quantile(float p)
{
    float low = -5.0f, high = 5.0f;
    for (int i = 0; i < 40; i++) {
        const float z = 0.5f * (low + high);
        if (0.5f * erfcf(-0.70710678f * z) < p)
            low = z;
        else
            high = z;
    }
    return low;
}

static int number_of_name(const char *name)
{
    int i = 0;
    while (strcmp(rich_number_name(i), name) != 0)
        i++;
    return i;
}

/* The feature of a place; features from USED on do not exist. */
static struct feature feature_at(int k)
{
    if (k < BASIS * RICH_Z)
        return (struct feature){k / BASIS, basis[k % BASIS].slope, basis[k % BASIS].knot};
    k -= BASIS * RICH_Z;
    const int i = k / 2;
    /* The two knots of a step lie around the place where the thing begins. */
    const float aside = (k % 2 ? 0.5f : -0.5f) / steep;
    return (struct feature){rich_number_dimension(number_of_name(steps[i].number)), steep,
                            normal_quantile(steps[i].from) + aside};
}

int rich_feature_group(int feature)
{
    if (feature >= USED)
        return RICH_GROUPS;
    const int step = (feature - BASIS * RICH_Z) / 2;
    return (int)rich_z_group(feature < BASIS * RICH_Z
                                 ? feature / BASIS
                                 : rich_number_dimension(number_of_name(steps[step].number)));
}

lt_status rich_set_mapping(lt_ctx *ctx, lt_params *params)
{
    /* rosinality's EqualLinear multiplies stored weights by lr_mul / sqrt(Z), biases by lr_mul. */
    const float lr_mul = 0.01f, weight_unit = sqrtf((float)RICH_Z) / lr_mul;
    lt_tensor *weight =
        lt_params_get(ctx, params, "style.1.weight", 2, (int64_t[]){RICH_W, RICH_Z});
    lt_tensor *bias = lt_params_get(ctx, params, "style.1.bias", 1, (int64_t[]){RICH_W});
    if (!weight || !bias)
        return lt_ctx_status(ctx);
    memset(lt_f32(weight), 0, sizeof(float) * RICH_W * RICH_Z);
    memset(lt_f32(bias), 0, sizeof(float) * RICH_W);
    for (int k = 0; k < USED; k++) {
        const struct feature f = feature_at(k);
        lt_f32(weight)[k * RICH_Z + f.dimension] = f.slope * weight_unit;
        lt_f32(bias)[k] = -f.slope * f.knot / lr_mul;
    }
    return LT_OK;
}
