#include "weights/world/color.h"

#include <math.h>
#include <stddef.h>

static const struct world_named NAMED[WORLD_COLORS] = {
    [WORLD_RED] = {"red", {0.86f, 0.08f, 0.10f}, 0.035f},
    [WORLD_ORANGE] = {"orange", {0.97f, 0.52f, 0.06f}, 0.030f},
    [WORLD_YELLOW] = {"yellow", {0.97f, 0.88f, 0.13f}, 0.030f},
    [WORLD_GREEN] = {"green", {0.12f, 0.66f, 0.20f}, 0.045f},
    [WORLD_CYAN] = {"cyan", {0.10f, 0.80f, 0.86f}, 0.040f},
    [WORLD_BLUE] = {"blue", {0.12f, 0.28f, 0.88f}, 0.045f},
    [WORLD_PURPLE] = {"purple", {0.52f, 0.14f, 0.72f}, 0.040f},
    [WORLD_PINK] = {"pink", {0.98f, 0.50f, 0.72f}, 0.035f},
    [WORLD_BROWN] = {"brown", {0.44f, 0.26f, 0.13f}, 0.030f},
    [WORLD_BLACK] = {"black", {0.08f, 0.08f, 0.09f}, 0.025f},
    [WORLD_GRAY] = {"gray", {0.52f, 0.52f, 0.53f}, 0.025f},
    [WORLD_WHITE] = {"white", {0.96f, 0.96f, 0.96f}, 0.020f},
};

/* A word that the natural world uses for a part, with its natural colour. */
struct natural {
    const char *name;
    int id;
    float rgb[3];
};

enum { NATURALS = 6, OWN = WORLD_COLORS };

struct part_words {
    const char *part;
    int own; /* number of words that are no named colours; they are numbered from WORLD_COLORS */
    int count;
    struct natural natural[NATURALS];
};

static const struct part_words WORDS[WORLD_PARTS] = {
    [WORLD_BACKGROUND] = {"background",
                          2,
                          4,
                          {{"gray", WORLD_GRAY, {0.60f, 0.60f, 0.61f}},
                           {"white", WORLD_WHITE, {0.88f, 0.88f, 0.88f}},
                           {"beige", OWN, {0.83f, 0.76f, 0.64f}},
                           {"pale blue", OWN + 1, {0.64f, 0.77f, 0.89f}}}},
    [WORLD_SHIRT] = {"shirt",
                     2,
                     6,
                     {{"white", WORLD_WHITE, {0.90f, 0.90f, 0.89f}},
                      {"gray", WORLD_GRAY, {0.50f, 0.51f, 0.53f}},
                      {"red", WORLD_RED, {0.55f, 0.20f, 0.20f}},
                      {"brown", WORLD_BROWN, {0.42f, 0.31f, 0.23f}},
                      {"beige", OWN, {0.78f, 0.69f, 0.55f}},
                      {"navy", OWN + 1, {0.16f, 0.20f, 0.36f}}}},
    [WORLD_SKIN] = {"skin",
                    3,
                    4,
                    {{"pale", OWN, {0.96f, 0.82f, 0.74f}},
                     {"tan", OWN + 1, {0.84f, 0.64f, 0.49f}},
                     {"brown", WORLD_BROWN, {0.62f, 0.43f, 0.31f}},
                     {"dark", OWN + 2, {0.38f, 0.25f, 0.19f}}}},
    [WORLD_HAIR] = {"hair",
                    2,
                    5,
                    {{"black", WORLD_BLACK, {0.11f, 0.09f, 0.09f}},
                     {"brown", WORLD_BROWN, {0.36f, 0.23f, 0.15f}},
                     {"gray", WORLD_GRAY, {0.66f, 0.65f, 0.63f}},
                     {"blond", OWN, {0.83f, 0.67f, 0.40f}},
                     {"auburn", OWN + 1, {0.53f, 0.24f, 0.13f}}}},
    [WORLD_BROWS] = {"brows",
                     1,
                     3,
                     {{"black", WORLD_BLACK, {0.11f, 0.09f, 0.08f}},
                      {"brown", WORLD_BROWN, {0.38f, 0.24f, 0.15f}},
                      {"blond", OWN, {0.70f, 0.53f, 0.31f}}}},
    [WORLD_EYES] = {"eyes",
                    1,
                    5,
                    {{"brown", WORLD_BROWN, {0.36f, 0.22f, 0.12f}},
                     {"hazel", OWN, {0.55f, 0.42f, 0.20f}},
                     {"green", WORLD_GREEN, {0.42f, 0.54f, 0.38f}},
                     {"gray", WORLD_GRAY, {0.52f, 0.58f, 0.61f}},
                     {"blue", WORLD_BLUE, {0.32f, 0.51f, 0.73f}}}},
    [WORLD_LIPS] = {"lips",
                    1,
                    4,
                    {{"pink", WORLD_PINK, {0.89f, 0.58f, 0.57f}},
                     {"red", WORLD_RED, {0.75f, 0.24f, 0.26f}},
                     {"brown", WORLD_BROWN, {0.50f, 0.27f, 0.21f}},
                     {"plum", OWN, {0.40f, 0.15f, 0.22f}}}},
    [WORLD_GLASSES] = {"glasses",
                       2,
                       4,
                       {{"black", WORLD_BLACK, {0.10f, 0.10f, 0.11f}},
                        {"brown", WORLD_BROWN, {0.38f, 0.23f, 0.13f}},
                        {"gold", OWN, {0.77f, 0.60f, 0.25f}},
                        {"silver", OWN + 1, {0.74f, 0.75f, 0.77f}}}},
};

const struct world_named *world_named(enum world_color color) { return &NAMED[color]; }

const char *world_part_name(enum world_part part) { return WORDS[part].part; }

int world_color_count(enum world_part part) { return WORLD_COLORS + WORDS[part].own; }

const char *world_color_word(enum world_part part, int id)
{
    const struct part_words *w = &WORDS[part];

    if (id >= 0 && id < WORLD_COLORS)
        return NAMED[id].name;
    for (int i = 0; i < w->count; i++)
        if (w->natural[i].id == id)
            return w->natural[i].name;
    return NULL;
}

int world_color_is_natural(enum world_part part, int id)
{
    const struct part_words *w = &WORDS[part];

    for (int i = 0; i < w->count; i++)
        if (w->natural[i].id == id)
            return 1;
    return 0;
}

static int nearest(enum world_part part, const float rgb[3], int named)
{
    const struct part_words *w = &WORDS[part];
    int best = 0;
    float least = INFINITY;

    for (int i = 0; i < w->count; i++) {
        float d = world_delta_e(rgb, w->natural[i].rgb);
        if (d < least) {
            least = d;
            best = w->natural[i].id;
        }
    }
    for (int i = 0; named && i < WORLD_COLORS; i++) {
        float d = world_delta_e(rgb, NAMED[i].rgb);
        if (d < least) {
            least = d;
            best = i;
        }
    }
    return best;
}

int world_color_nearest(enum world_part part, const float rgb[3]) { return nearest(part, rgb, 1); }

int world_color_nearest_natural(enum world_part part, const float rgb[3])
{
    return nearest(part, rgb, 0);
}

/* The white of D65 in XYZ. */
static const float WHITE[3] = {0.95047f, 1.0f, 1.08883f};

static float linear_of(float c)
{
    return c <= 0.04045f ? c / 12.92f : powf((c + 0.055f) / 1.055f, 2.4f);
}

static float srgb_of(float c)
{
    if (c <= 0.0f)
        return 0.0f;
    if (c >= 1.0f)
        return 1.0f;
    return c <= 0.0031308f ? 12.92f * c : 1.055f * powf(c, 1.0f / 2.4f) - 0.055f;
}

static float lab_f(float t) { return t > 0.008856452f ? cbrtf(t) : t * 7.787037f + 4.0f / 29.0f; }

static float lab_f_inverse(float f)
{
    return f > 6.0f / 29.0f ? f * f * f : (f - 4.0f / 29.0f) / 7.787037f;
}

void world_srgb_to_lab(const float rgb[3], float lab[3])
{
    float r = linear_of(rgb[0]), g = linear_of(rgb[1]), b = linear_of(rgb[2]);
    float x = 0.4124564f * r + 0.3575761f * g + 0.1804375f * b;
    float y = 0.2126729f * r + 0.7151522f * g + 0.0721750f * b;
    float z = 0.0193339f * r + 0.1191920f * g + 0.9503041f * b;
    float fx = lab_f(x / WHITE[0]), fy = lab_f(y / WHITE[1]), fz = lab_f(z / WHITE[2]);

    lab[0] = 116.0f * fy - 16.0f;
    lab[1] = 500.0f * (fx - fy);
    lab[2] = 200.0f * (fy - fz);
}

void world_lab_to_srgb(const float lab[3], float rgb[3])
{
    float fy = (lab[0] + 16.0f) / 116.0f;
    float x = WHITE[0] * lab_f_inverse(fy + lab[1] / 500.0f);
    float y = WHITE[1] * lab_f_inverse(fy);
    float z = WHITE[2] * lab_f_inverse(fy - lab[2] / 200.0f);

    rgb[0] = srgb_of(3.2404542f * x - 1.5371385f * y - 0.4985314f * z);
    rgb[1] = srgb_of(-0.9692660f * x + 1.8760108f * y + 0.0415560f * z);
    rgb[2] = srgb_of(0.0556434f * x - 0.2040259f * y + 1.0572252f * z);
}

static double pow7(double x)
{
    double x2 = x * x;
    return x2 * x2 * x2 * x;
}

/* Hue angle of (a, b) in radians, 0 .. 2 pi; 0 for gray. */
static double hue(double b, double a)
{
    const double pi = 3.14159265358979323846;
    double h = a == 0.0 && b == 0.0 ? 0.0 : atan2(b, a);
    return h < 0.0 ? h + 2.0 * pi : h;
}

float world_delta_e_lab(const float p[3], const float q[3])
{
    const double pi = 3.14159265358979323846, deg = pi / 180.0, p25 = 6103515625.0;
    double c = 0.5 * (hypot(p[1], p[2]) + hypot(q[1], q[2]));
    double g = 1.5 - 0.5 * sqrt(pow7(c) / (pow7(c) + p25));
    double a1 = g * p[1], a2 = g * q[1];
    double c1 = hypot(a1, p[2]), c2 = hypot(a2, q[2]);
    double h1 = hue(p[2], a1), h2 = hue(q[2], a2);
    double dh = 0.0, hm = h1 + h2;

    if (c1 * c2 > 0.0) {
        dh = h2 - h1;
        if (dh > pi)
            dh -= 2.0 * pi;
        else if (dh < -pi)
            dh += 2.0 * pi;
        if (fabs(h1 - h2) > pi)
            hm += hm < 2.0 * pi ? 2.0 * pi : -2.0 * pi;
        hm *= 0.5;
    }
    double lm = 0.5 * ((double)p[0] + q[0]) - 50.0, cm = 0.5 * (c1 + c2);
    double t = 1.0 - 0.17 * cos(hm - 30.0 * deg) + 0.24 * cos(2.0 * hm) +
               0.32 * cos(3.0 * hm + 6.0 * deg) - 0.20 * cos(4.0 * hm - 63.0 * deg);
    double sl = 1.0 + 0.015 * lm * lm / sqrt(20.0 + lm * lm);
    double sc = 1.0 + 0.045 * cm, sh = 1.0 + 0.015 * cm * t;
    double w = (hm / deg - 275.0) / 25.0;
    double rt = -sin(60.0 * deg * exp(-w * w)) * 2.0 * sqrt(pow7(cm) / (pow7(cm) + p25));
    double l = ((double)q[0] - p[0]) / sl, s = (c2 - c1) / sc;
    double h = 2.0 * sqrt(c1 * c2) * sin(0.5 * dh) / sh;

    return (float)sqrt(l * l + s * s + h * h + rt * s * h);
}

float world_delta_e(const float rgb_a[3], const float rgb_b[3])
{
    float a[3], b[3];

    world_srgb_to_lab(rgb_a, a);
    world_srgb_to_lab(rgb_b, b);
    return world_delta_e_lab(a, b);
}
