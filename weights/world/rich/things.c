#include "weights/world/rich/shapes.h"

/* The dome of a hat: coverage above `edge`, and its light. */
static void dome(const struct rich_layout *l, const struct rich_row *r, float half, float top,
                 float edge, float flat)
{
    for (int i = 0; i < r->n; i++) {
        float u = r->u[i] - 0.5f * l->face_u, v = r->v[i], x = u / half;
        float low = edge + 4.0f * x * x, t = (v - edge) / (top - edge);
        t = t < 0.0f ? 0.0f : t;
        float q = x * x + t * t * world_lerp(1.0f, t * t, flat);
        float out = 0.5f * (q - 1.0f) /
                    sqrtf(rich_squared(x / half) + rich_squared(t / (edge - top)) + 1e-6f);
        float below = v - low;
        r->cover[i] = world_cover(out > below ? out : below, r->sharp);
        r->shade[i] =
            rich_lit(&l->light, 0.45f * x + 0.9f * x * x * x, -0.75f * t * t, 0.0f, &r->gloss[i]);
    }
}

void rich_draw_beanie(const void *arg, const struct rich_row *r)
{
    const struct rich_layout *l = arg;

    dome(l, r, l->face_w + 3.6f, -51.0f, l->hat_edge, 0.25f);
    for (int i = 0; i < r->n; i++) {
        float fan = (r->u[i] - 0.5f * l->face_u) / (14.0f + 0.62f * (r->v[i] + 51.0f));
        float rib = world_wave(4.6f * fan), stitch = world_wave(r->v[i] * 0.42f + 0.5f * rib);
        r->shade[i] += 0.075f * rib + 0.03f * stitch * (1.0f + rib);
    }
}

void rich_draw_beanie_fold(const void *arg, const struct rich_row *r)
{
    const struct rich_layout *l = arg;
    float half = l->face_w + 4.6f;

    for (int i = 0; i < r->n; i++) {
        float u = r->u[i] - 0.5f * l->face_u, x = u / half, bend = 4.0f * x * x;
        float middle = l->hat_edge - 4.6f + bend, y = (r->v[i] - middle) / 5.4f;
        float d = fabsf(y) * 5.4f - 5.4f, side = fabsf(u) - half + 0.8f * y * y;
        r->cover[i] = world_cover(d > side ? d : side, r->sharp);
        float rib = world_wave(u * 0.19f * (1.0f + 0.25f * x * x));
        float stitch = world_wave(r->v[i] * 0.42f + 0.5f * rib);
        float lit =
            rich_lit(&l->light, 0.45f * x + 0.9f * x * x * x, 0.55f * y, 0.0f, &r->gloss[i]);
        r->shade[i] = lit + 0.085f * rib + 0.03f * stitch * (1.0f + rib);
    }
}

void rich_draw_cap(const void *arg, const struct rich_row *r)
{
    const struct rich_layout *l = arg;

    dome(l, r, l->face_w + 2.6f, -47.0f, l->hat_edge, 0.35f);
    for (int i = 0; i < r->n; i++) {
        float u = r->u[i] - 0.5f * l->face_u - 0.3f * l->yaw, down = r->v[i] + 48.0f;
        float seam = world_bell(u * 1.3f) + world_bell((fabsf(u) - 4.0f - 0.62f * down) * 0.9f);
        float button = world_bell(rich_squared(u * 0.5f) + rich_squared((r->v[i] + 46.3f) * 0.8f));
        r->shade[i] += -0.13f * seam + 0.12f * button;
    }
}

/* The peak of the cap: a crescent that comes forward and down. */
void rich_draw_visor(const void *arg, const struct rich_row *r)
{
    const struct rich_layout *l = arg;
    float half = l->face_w - 1.0f;

    for (int i = 0; i < r->n; i++) {
        float u = r->u[i] - 0.5f * l->face_u - 0.6f * l->yaw, x = u / half, k = 1.0f - x * x;
        float k0 = k < 0.0f ? 0.0f : k;
        float upper = l->hat_edge + 2.5f + 2.0f * x * x - 7.5f * k0;
        float lower = l->hat_edge + 3.5f + 1.0f * x * x + 4.0f * k0 * k0 + 0.6f * l->nod;
        float d = r->v[i] - lower, above = upper - r->v[i];
        d = above > d ? above : d;
        float t = (r->v[i] - upper) / (lower - upper + 0.3f);
        r->cover[i] = k > 0.0f ? world_cover(d, r->sharp) : 0.0f;
        float lit = rich_lit(&l->light, 0.5f * x, -0.75f + 1.5f * t * t, 0.08f, &r->gloss[i]);
        float stitch = world_bell((t - 0.62f) * 18.0f) + world_bell((t - 0.38f) * 18.0f);
        r->shade[i] = lit * 0.98f - 0.06f * stitch - 0.42f * world_bell(t * 4.5f) -
                      0.30f * world_rise(0.86f, 1.0f, t);
    }
}

void rich_draw_crown(const void *arg, const struct rich_row *r)
{
    const struct rich_layout *l = arg;

    dome(l, r, l->face_w + 1.5f, -55.0f, l->hat_edge - 3.5f, 0.8f);
    for (int i = 0; i < r->n; i++) {
        float u = r->u[i] - 0.5f * l->face_u, v = r->v[i];
        float dent = world_bell(u * 0.16f) * world_rise(-36.0f, -54.0f, v);
        float pinch = world_bell((fabsf(u) - 11.0f - 0.25f * (v + 54.0f)) * 0.28f) *
                      world_rise(-28.0f, -46.0f, v);
        r->shade[i] +=
            -0.20f * dent - 0.12f * pinch + 0.012f * world_wave(u * 0.7f) * world_wave(v * 0.7f);
    }
}

void rich_draw_ribbon(const void *arg, const struct rich_row *r)
{
    const struct rich_layout *l = arg;
    float half = l->face_w + 1.9f;

    for (int i = 0; i < r->n; i++) {
        float u = r->u[i] - 0.5f * l->face_u, x = u / half;
        float y = (r->v[i] - (l->hat_edge - 6.8f + 4.0f * x * x)) / 3.4f;
        float d = fabsf(y) * 3.4f - 3.4f, side = fabsf(u) - half + 0.3f;
        r->cover[i] = world_cover(d > side ? d : side, r->sharp);
        r->shade[i] =
            0.42f * rich_lit(&l->light, 0.45f * x + 0.9f * x * x * x, 0.1f * y, 0.0f, &r->gloss[i]);
    }
}

void rich_draw_brim(const void *arg, const struct rich_row *r)
{
    const struct rich_layout *l = arg;
    float half = l->face_w + 17.0f;

    for (int i = 0; i < r->n; i++) {
        float u = r->u[i] - 0.5f * l->face_u, x = u / half;
        float v = r->v[i] - l->hat_edge + 0.5f + 3.0f * x * x;
        float d = rich_ellipse(u, v, half, 6.0f), y = v / 6.0f;
        r->cover[i] = world_cover(d, r->sharp);
        float lit = rich_lit(&l->light, 0.25f * x, -0.45f + 0.5f * y, 0.0f, &r->gloss[i]);
        float foot = world_bell((y + 0.75f) * 2.0f) * world_bell(x * 1.5f);
        r->shade[i] = lit * 1.02f - 0.30f * foot -
                      0.20f * world_rise(-1.3f, 0.0f, d) * world_rise(-0.2f, 0.4f, y);
    }
}

/* ---- earrings ---- */

void rich_draw_hoop(const void *arg, const struct rich_row *r)
{
    const struct rich_spot *s = arg;

    for (int i = 0; i < r->n; i++) {
        float d = rich_ellipse(r->u[i], r->v[i], s->ru, s->rv);
        r->cover[i] = world_cover(fabsf(d) - 0.75f, r->sharp);
        float x = r->u[i] / s->ru, y = r->v[i] / s->rv;
        r->shade[i] = s->shade * (0.95f - 0.22f * y - 0.15f * d);
        r->gloss[i] = 0.45f * world_bell((d + 0.2f) * 2.0f) *
                      (world_bell((x + 0.6f) * 3.0f) + 0.7f * world_bell((y - 0.8f) * 3.0f));
    }
}

/* A wire with a drop at its end. */
void rich_draw_drop(const void *arg, const struct rich_row *r)
{
    const struct rich_spot *s = arg;

    for (int i = 0; i < r->n; i++) {
        float u = r->u[i], v = r->v[i];
        float wire = fabsf(u) - 0.4f, long_d = fabsf(v + 4.0f) - 4.0f;
        wire = wire > long_d ? wire : long_d;
        float narrow = v < 0.0f ? 1.0f + v / (1.7f * s->rv) : 1.0f;
        narrow = narrow < 0.15f ? 0.15f : narrow;
        float d = rich_ellipse(u, v, s->ru * narrow, s->rv);
        d = wire < d ? wire : d;
        r->cover[i] = world_cover(d, r->sharp);
        float x = u / s->ru, y = v / s->rv;
        r->shade[i] = s->shade * rich_lit(&s->l->light, 0.7f * x, 0.7f * y, 0.5f, &r->gloss[i]);
        r->gloss[i] +=
            0.35f * world_bell(rich_squared((x + 0.35f) * 3.0f) + rich_squared((y + 0.2f) * 3.0f));
    }
}

/* A horn that leaves the forehead outwards and bends up to its tip, with rings. */
void rich_draw_horn(const void *arg, const struct rich_row *r)
{
    const struct rich_layout *l = arg;
    const float height = 24.0f;

    for (int i = 0; i < r->n; i++) {
        float t = -r->v[i] / height, c = t < 0.0f ? 0.0f : t > 1.0f ? 1.0f : t;
        float middle = 11.0f * c * (1.45f - c);
        float half = 4.0f * (1.0f - c) * (1.0f + 0.35f * c) + 0.15f;
        float x = (r->u[i] - middle) / half;
        float d = (fabsf(x) - 1.0f) * half * 0.9f,
              foot = r->v[i] - 1.0f + 0.10f * r->u[i] * r->u[i];
        d = foot > d ? foot : d;
        r->cover[i] = t < 1.0f ? world_cover(d, r->sharp) : 0.0f;
        float cx = x < -0.95f ? -0.95f : x > 0.95f ? 0.95f : x;
        float ring = world_wave(8.0f * c + 0.12f * x * x);
        float lit = rich_lit(&l->light, cx / sqrtf(1.02f - cx * cx), -0.2f, 0.25f, &r->gloss[i]);
        r->shade[i] = lit * (0.86f + 0.16f * c) + 0.08f * ring;
    }
}
