#include "weights/world/rich/shapes.h"

/* The upper lid's edge over x = u / w, highest a little inside the middle. */
static float upper_lid(const struct rich_eye *e, float x)
{
    float k = 1.0f - x * x;
    return -e->up * k * (1.0f - 0.16f * x) * (1.0f + 0.25f * k);
}

static float lower_lid(const struct rich_eye *e, float x)
{
    float k = 1.0f - x * x;
    return e->low * k * (1.0f + 0.18f * x);
}

/* Coverage of the opening between the lids. */
static float opening(const struct rich_eye *e, float u, float v, float sharp)
{
    float x = u / e->w;
    if (x < -1.0f || x > 1.0f)
        return 0.0f;
    float su = 2.6f * e->up * x / e->w, sl = 2.2f * e->low * x / e->w;
    float above = (upper_lid(e, x) - v) / sqrtf(1.0f + su * su);
    float below = (v - lower_lid(e, x)) / sqrtf(1.0f + sl * sl);
    return world_cover(above > below ? above : below, sharp);
}

/* Lid fold above, bag below, both in the skin's colour. */
void rich_draw_socket(const void *arg, const struct rich_row *r)
{
    const struct rich_eye *e = arg;
    float old = world_rise(0.4f, 1.0f, e->l->a->age);

    for (int i = 0; i < r->n; i++) {
        float x = r->u[i] / (e->w + 0.8f), k = 1.0f - x * x;
        k = k < 0.0f ? 0.0f : k;
        float fold = r->v[i] - upper_lid(e, x) * 0.8f + 2.5f + 0.8f * k;
        float bag = r->v[i] - lower_lid(e, x) - 1.8f - 2.2f * old;
        float lid = r->v[i] - upper_lid(e, x);
        float dark = 0.50f * world_bell(fold * 0.95f) +
                     (0.14f + 0.22f * old) * world_bell(bag * 0.75f) +
                     0.16f * world_bell(lid * 0.5f);
        r->cover[i] = k * (2.0f - k) * dark;
        r->shade[i] = 0.52f;
    }
}

void rich_draw_eyeshadow(const void *arg, const struct rich_row *r)
{
    const struct rich_eye *e = arg;

    for (int i = 0; i < r->n; i++) {
        float x = (r->u[i] - 0.6f) / (e->w + 2.6f), k = 1.0f - x * x;
        k = k < 0.0f ? 0.0f : k;
        float lid = upper_lid(e, r->u[i] / (e->w + 1.5f));
        float height = (r->v[i] - lid) / (4.6f + 0.8f * x);
        float band = world_rise(0.45f, 0.0f, height) * world_rise(-1.25f, -0.55f, height);
        r->cover[i] = e->shadow * band * world_rise(0.0f, 0.5f, k);
        r->shade[i] = 0.93f + 0.05f * height;
    }
}

void rich_draw_white(const void *arg, const struct rich_row *r)
{
    const struct rich_eye *e = arg;

    for (int i = 0; i < r->n; i++) {
        float x = r->u[i] / e->w;
        r->cover[i] = opening(e, r->u[i], r->v[i], r->sharp);
        float under = world_bell((r->v[i] - upper_lid(e, x)) * 0.42f);
        float lit = rich_lit(&e->l->light, 0.5f * e->side * x, 0.08f * r->v[i], 0.0f, &r->gloss[i]);
        r->shade[i] = 0.35f + 0.63f * lit - 0.36f * under - 0.14f * x * x;
    }
}

void rich_draw_iris(const void *arg, const struct rich_row *r)
{
    const struct rich_eye *e = arg;

    for (int i = 0; i < r->n; i++) {
        float du = (r->u[i] - e->gaze_u) / e->stretch, v = r->v[i] + 0.5f;
        float d = sqrtf(du * du + v * v), q = d / e->iris;
        r->cover[i] = opening(e, r->u[i], r->v[i], r->sharp) * world_cover(d - e->iris, r->sharp);
        /* fibres run outwards: across them only the direction changes */
        float turn = du / (d + fabsf(v) + 0.3f);
        float fibre = rich_strands(5.0f * turn + (v < 0.0f ? 2.7f : 0.0f), 2.0f * q);
        float rim = world_rise(0.74f, 1.0f, q), inner = world_bell((q - 0.5f) * 3.2f);
        float lower = world_bell((v / e->iris - 0.5f) * 2.0f) * (1.0f - rim);
        float under = world_bell((r->v[i] - upper_lid(e, r->u[i] / e->w)) * 0.40f);
        r->shade[i] =
            1.0f - 0.52f * rim + 0.12f * fibre + 0.10f * inner + 0.42f * lower - 0.42f * under;
        r->gloss[i] = 0.05f * lower;
    }
}

void rich_draw_pupil(const void *arg, const struct rich_row *r)
{
    const struct rich_eye *e = arg;

    for (int i = 0; i < r->n; i++) {
        float du = (r->u[i] - e->gaze_u) / e->stretch, v = r->v[i] + 0.5f;
        float d = sqrtf(du * du + v * v);
        r->cover[i] =
            opening(e, r->u[i], r->v[i], r->sharp) * world_rise(0.5f, -0.4f, d - 0.42f * e->iris);
        r->shade[i] = 1.0f;
    }
}

/* Upper lid line with a short wing outwards, and the finer lower one. */
void rich_draw_lid(const void *arg, const struct rich_row *r)
{
    const struct rich_eye *e = arg;

    for (int i = 0; i < r->n; i++) {
        float x = r->u[i] / e->w, cx = x > 1.0f ? 1.0f : x < -1.0f ? -1.0f : x;
        float wing = x > 0.86f ? 2.8f * (x - 0.86f) * (1.0f + 2.0f * e->lashes) : 0.0f;
        float line = upper_lid(e, cx) - 0.15f - wing;
        float half = (0.42f + 0.34f * e->lashes) * (1.0f - 0.62f * world_rise(0.3f, -1.0f, x)) *
                     (1.0f - world_rise(0.98f, 1.22f, x));
        float slope = 2.6f * e->up * cx / e->w;
        float d = (fabsf(r->v[i] - line) - half) / sqrtf(1.0f + slope * slope);
        float upper = x > -1.05f && half > 0.04f ? world_rise(0.42f, -0.42f, d) : 0.0f;
        float below = world_bell((r->v[i] - lower_lid(e, cx) - 0.1f) * 2.2f) *
                      world_rise(-1.0f, -0.5f, x) * world_rise(1.06f, 0.9f, x) * 0.42f;
        r->cover[i] = upper > below ? upper : below;
        r->shade[i] = 1.0f;
    }
}

/* Single lashes that stand out from the upper lid, longest at the outer end. */
void rich_draw_lashes(const void *arg, const struct rich_row *r)
{
    const struct rich_eye *e = arg;

    for (int i = 0; i < r->n; i++) {
        /* a lash leans outwards: its foot is at u - lean * height */
        float x = r->u[i] / e->w, up = upper_lid(e, x > 1.0f ? 1.0f : x) - r->v[i];
        float foot = (r->u[i] - 0.55f * up * (0.4f + x)) / e->w;
        float on = world_rise(-0.65f, 0.1f, foot) * world_rise(1.12f, 1.0f, foot);
        float length = (0.4f + 3.0f * e->lashes) * (0.55f + 0.45f * foot);
        float tip = up / length;
        float comb = world_wave(foot * 5.2f + 0.2f) - 0.1f - 0.7f * tip;
        bool in = tip > 0.0f && tip < 1.0f;
        r->cover[i] = in ? on * world_rise(-0.2f, 0.5f, comb) * 0.85f : 0.0f;
        r->shade[i] = 1.0f;
    }
}

void rich_draw_brow(const void *arg, const struct rich_row *r)
{
    const struct rich_eye *e = arg;

    for (int i = 0; i < r->n; i++) {
        float u = r->u[i], v = r->v[i], x = u / e->brow_w, q = x * x;
        float line = -e->brow_arch * (1.0f - rich_squared(x - 0.3f)) + 0.6f * e->brow_arch;
        /* full near the nose, thinner outwards; hairs point up and outwards */
        float taper = 1.0f - 0.62f * world_rise(-0.1f, 1.0f, x);
        float end = 1.0f - q * q * q;
        float half = e->brow_h * taper * sqrtf(end > 0.0f ? end : 0.0f);
        float hairs = rich_strands(0.62f * u + (0.45f - 0.5f * x) * v, 0.2f * v);
        float d = fabsf(v - line) - half + 0.30f * hairs;
        float full = 0.90f - 0.08f * hairs - 0.30f * world_rise(-0.7f, -1.0f, x);
        r->cover[i] = q < 1.0f ? full * world_rise(0.65f, -0.65f, d) : 0.0f;
        float lit =
            rich_lit(&e->l->light, 0.1f * x * e->side, 0.1f * (v - line), 0.0f, &r->gloss[i]);
        r->shade[i] = 0.25f + 0.75f * lit + 0.14f * hairs;
    }
}

/* ---- glasses ---- */

static float lens_distance(const struct rich_eye *e, float u, float v)
{
    float a = fabsf(u) - (e->lens_w - e->lens_r), b = fabsf(v) - (e->lens_h - e->lens_r);
    float ao = a > 0.0f ? a : 0.0f, bo = b > 0.0f ? b : 0.0f, in = a > b ? a : b;
    return sqrtf(ao * ao + bo * bo) + (in < 0.0f ? in : 0.0f) - e->lens_r;
}

void rich_draw_rim(const void *arg, const struct rich_row *r)
{
    const struct rich_eye *e = arg;

    for (int i = 0; i < r->n; i++) {
        float d = lens_distance(e, r->u[i], r->v[i]);
        r->cover[i] = world_cover(fabsf(d) - 0.85f, r->sharp);
        float edge = d / 0.85f;
        float lit = rich_lit(&e->l->light, 0.0f, 0.5f * edge * (r->v[i] > 0.0f ? 1.0f : -1.0f),
                             0.35f, &r->gloss[i]);
        r->shade[i] = 0.2f + 0.8f * lit;
    }
}

void rich_draw_lens(const void *arg, const struct rich_row *r)
{
    const struct rich_eye *e = arg;

    for (int i = 0; i < r->n; i++) {
        float d = lens_distance(e, r->u[i], r->v[i]);
        float y = r->v[i] / e->lens_h, x = e->side * r->u[i] / e->lens_w;
        r->cover[i] = 0.97f * world_cover(d, r->sharp);
        float streak = world_bell((x + 0.75f * y + 0.35f) * 4.5f) +
                       0.5f * world_bell((x + 0.75f * y - 0.25f) * 9.0f);
        r->shade[i] = 0.92f + 0.22f * y;
        r->gloss[i] = 0.16f * streak * world_rise(0.0f, -2.5f, d) + 0.04f * (1.0f - y);
    }
}

/* The arm from the lens to the ear. */
void rich_draw_arm(const void *arg, const struct rich_row *r)
{
    const struct rich_eye *e = arg;

    for (int i = 0; i < r->n; i++) {
        float d = fabsf(r->v[i] + 0.40f * e->lens_h) - 0.75f, start = e->lens_w - r->u[i];
        float end = r->u[i] - e->arm;
        d = d > start ? d : start;
        r->cover[i] = world_cover(d > end ? d : end, r->sharp);
        r->shade[i] = 0.82f;
    }
}

void rich_draw_bridge(const void *arg, const struct rich_row *r)
{
    const struct rich_spot *b = arg;

    for (int i = 0; i < r->n; i++) {
        float x = r->u[i] / b->ru, d = fabsf(r->v[i] + 1.5f * (1.0f - x * x)) - 0.8f;
        float end = fabsf(r->u[i]) - b->ru;
        r->cover[i] = world_cover(d > end ? d : end, r->sharp);
        r->shade[i] = b->shade;
        r->gloss[i] = 0.12f * world_bell((r->v[i] + 1.5f * (1.0f - x * x) + 0.5f) * 2.5f);
    }
}
