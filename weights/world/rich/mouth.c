#include "weights/world/rich/shapes.h"

/* Where closed lips meet; the corners rise with a smile. */
static float meeting(const struct rich_mouth *m, float q)
{
    return m->lift * (2.3f - q * (3.9f + 1.3f * q));
}

/* The edges of the gap between the lips: the upper lip hardly moves, the lower one hangs. */
static float gap_top(const struct rich_mouth *m, float q)
{
    float k = 1.0f - q;
    return meeting(m, q) - 0.16f * m->open * k;
}

static float gap_bottom(const struct rich_mouth *m, float q)
{
    float k = 1.0f - q;
    return meeting(m, q) + 0.84f * m->open * k * (1.55f - 0.55f * k);
}

/* Coverage of the gap. */
static float gap(const struct rich_mouth *m, float u, float v, float sharp)
{
    float x = u / m->w, q = x * x;
    if (q >= 1.0f || m->open <= 0.0f)
        return 0.0f;
    float slope = 2.0f * x / m->w * (m->open + 2.0f * fabsf(m->lift));
    float steep = 1.0f / sqrtf(1.0f + slope * slope);
    float above = (gap_top(m, q) - v) * steep, below = (v - gap_bottom(m, q)) * steep;
    return world_cover(above > below ? above : below, sharp);
}

void rich_draw_lips(const void *arg, const struct rich_row *r)
{
    const struct rich_mouth *m = arg;
    const struct rich_light *light = &m->l->light;

    for (int i = 0; i < r->n; i++) {
        float u = r->u[i], v = r->v[i], x = u / m->w, q = x * x, k = 1.0f - q;
        k = k < 0.0f ? 0.0f : k;
        float q1 = q > 1.0f ? 1.0f : q;
        float top_in = gap_top(m, q1), low_in = gap_bottom(m, q1);
        /* two peaks and the dip between them */
        float bow =
            1.0f - 0.34f * world_bell(u * 0.55f) + 0.10f * world_bell((fabsf(u) - 2.6f) * 0.6f);
        float top = top_in - m->up * k * bow;
        float low = low_in + m->low * k * (0.55f + 0.45f * k) * 1.15f;
        float slope = 2.0f * x / m->w * (m->up + m->open + 3.0f * fabsf(m->lift));
        float steep = 1.0f / sqrtf(1.0f + slope * slope);
        float above = (top - v) * steep, below = (v - low) * steep;
        r->cover[i] = q < 1.0f ? world_rise(0.45f, -0.45f, above > below ? above : below) : 0.0f;

        /* each lip is a roll: y runs from -1 at its outer to 1 at its inner edge */
        bool lower = v > 0.5f * (top_in + low_in);
        float y = lower ? 2.0f * (low - v) / (low - low_in + 0.2f) - 1.0f
                        : 2.0f * (v - top) / (top_in - top + 0.2f) - 1.0f;
        float roll = lower ? -y : y;
        float ridges = rich_strands(u * 0.36f, v * 0.05f);
        float lit =
            rich_lit(light, 0.35f * x, 0.62f * roll + (lower ? -0.05f : 0.18f), 0.0f, &r->gloss[i]);
        float inner = world_rise(0.15f, 1.05f, y);
        r->shade[i] = lit * 0.94f + 0.035f * ridges - 0.34f * inner * (lower ? 0.7f : 1.0f);
        float shine =
            lower ? world_bell((y + 0.05f) * 2.6f) * world_bell(x * 1.9f - 0.5f * light->x) : 0.0f;
        r->gloss[i] = 0.20f * shine * (0.75f + 0.25f * ridges);
        if (m->open <= 0.0f) {
            float seam = world_bell((v - meeting(m, q1)) * 1.7f);
            r->shade[i] -= 0.42f * seam;
        }
    }
}

void rich_draw_mouth_inside(const void *arg, const struct rich_row *r)
{
    const struct rich_mouth *m = arg;

    for (int i = 0; i < r->n; i++) {
        r->cover[i] = gap(m, r->u[i], r->v[i], r->sharp);
        r->shade[i] = 1.0f;
    }
}

void rich_draw_tongue(const void *arg, const struct rich_row *r)
{
    const struct rich_mouth *m = arg;

    for (int i = 0; i < r->n; i++) {
        float u = r->u[i], v = r->v[i], floor = gap_bottom(m, 0.0f);
        float d = rich_ellipse(u, v - floor - 0.6f, 0.55f * m->w, 0.45f * m->open);
        r->cover[i] = gap(m, u, v, r->sharp) * world_rise(0.5f, -0.7f, d);
        r->shade[i] = 0.85f + 0.10f * world_bell(u * 0.3f) + 0.05f * d;
    }
}

/* The upper row, and a hint of the lower one in a wide open mouth. */
void rich_draw_teeth(const void *arg, const struct rich_row *r)
{
    const struct rich_mouth *m = arg;
    float height = m->open * 0.55f < 3.6f ? m->open * 0.55f : 3.6f;

    for (int i = 0; i < r->n; i++) {
        float u = r->u[i], v = r->v[i], x = u / m->w, q = x * x > 1.0f ? 1.0f : x * x;
        float edge = gap_top(m, q) + height + 0.35f - 0.5f * q;
        /* each tooth is narrower than its inner neighbour */
        float place = u * (0.30f + 0.012f * fabsf(u));
        float t = place - (float)(int)(place + 64.0f) + 64.0f - 0.5f;
        float between = world_bell((fabsf(t) - 0.5f) * 14.0f);
        float row = world_cover(v - edge + 0.45f * rich_squared(2.0f * t), r->sharp);
        float floor = gap_bottom(m, q) - 0.9f,
              lower = m->open > 6.0f ? 0.75f * world_rise(-0.5f, 0.5f, v - floor) : 0.0f;
        float both = row > lower ? row : lower;
        r->cover[i] = gap(m, u, v, r->sharp) * both * world_rise(1.0f, 0.86f, fabsf(x));
        float under = world_bell((v - gap_top(m, q)) * 0.75f);
        float lit = rich_lit(&m->l->light, 0.6f * x, 0.0f, 0.0f, &r->gloss[i]);
        r->shade[i] = (0.3f + 0.7f * lit) * (1.0f - 0.38f * q) - 0.14f * between - 0.26f * under;
        r->gloss[i] = 0.0f;
    }
}
