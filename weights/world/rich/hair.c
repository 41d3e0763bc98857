#include "weights/world/rich/shapes.h"

/* How far the strand at u, v has swung to the side. */
static float swing(const struct rich_layout *l, float u, float v)
{
    float loose = world_rise(-8.0f, 18.0f, v), wild = l->curl * l->curl;
    return loose * (l->curl * 1.7f * world_wave(v * (1.0f / 22.0f) + 0.02f * u) +
                    wild * 1.5f * world_wave(v * (1.0f / 9.5f) + 0.05f * u));
}

/* Signed distance from the outline of all hair; *q is 0 at its middle and 1 at its edge. */
static float outline(const struct rich_layout *l, float u, float v, float *q)
{
    float w = l->hair_w, bumps = 0.0f;

    if (l->curl > 0.55f) {
        /* curls round the edge into scallops of changing size */
        float around = 0.62f * v + (u < 0.0f ? 0.40f : -0.40f) * u;
        float scallop = world_wave(around * 0.105f + 0.45f * world_wave(around * 0.037f));
        bumps =
            (l->curl - 0.55f) * (2.6f * fabsf(scallop) + 0.8f * world_wave(around * 0.31f) - 0.6f);
    }
    if (v < 0.0f) {
        float x = u / w, t = v / l->hair_top;
        float grow = t * (0.55f + 0.9f * t * t) / l->hair_top;
        *q = x * x + t * t * (0.55f + 0.45f * t * t);
        return 0.5f * (*q - 1.0f) / sqrtf(rich_squared(x / w) + grow * grow + 1e-7f) - bumps;
    }
    float s = u + swing(l, u, v), t = v / l->hair_end, t2 = t * t;
    /* short hair closes in on the head; long hair widens a little and ends in points */
    if (l->short_hair)
        w += (l->face_w - 0.8f - w) * world_rise(-6.0f, 9.0f, v);
    else
        w *= 1.0f + 0.05f * t - 0.10f * t2;
    float x = s / w, tip = t2 * t2 * t2;
    *q = x * x + tip;
    float ragged = 1.5f * rich_strands(0.17f * s, 0.02f * v) * world_rise(0.5f, 1.0f, t);
    float d = 0.5f * (*q - 1.0f) /
              sqrtf(rich_squared(x / w) + rich_squared(3.0f * t2 * t2 * t / l->hair_end) + 1e-7f);
    float beside = fabsf(s) - w;
    return (d > beside ? d : beside) + ragged - bumps * world_rise(100.0f, 0.0f, v);
}

float rich_fringe(const struct rich_layout *l, float u)
{
    float x = (u - l->face_u) / l->face_w;
    float hat = l->hat_edge + 4.0f * x * x + 1.0f;
    if (rich_bald(l->a))
        return hat;

    float d = (u - l->part_u) * (1.0f / 15.0f), notch = world_bell((u - l->part_u) * 0.20f);
    float line = l->hairline + 9.0f * (d * d / (1.0f + d * d)) * (0.4f + 0.6f * l->a->fringe) +
                 5.0f * x * x * x * x - 4.0f * notch * l->a->fringe;
    line += (0.6f + 1.4f * l->a->fringe) * rich_strands(0.42f * (u - l->part_u), 0.0f);
    return line > hat ? line : hat;
}

/* Light on the strands. They fan out from the parting and fall along the sides. */
static float light_on_hair(const struct rich_layout *l, float u, float v, float q, float *gloss)
{
    float down = v + l->hair_top;
    down = down < 0.0f ? 0.0f : down;
    float bent = u + 1.4f * swing(l, u, v);
    float fan = (bent - l->part_u) / (9.0f + 0.36f * down);
    float t = v * 0.02f;
    float wild = l->curl * l->curl;
    fan += 0.05f * wild * world_wave(v * 0.085f + 1.5f * fan) +
           0.035f * wild * world_wave(down * 0.16f - 2.0f * fan);

    float fine = rich_strands(7.5f * fan, 4.0f * t), locks = rich_strands(2.1f * fan + 0.37f, t);
    float x = u / l->hair_w, y = v / l->hair_top;
    y = y > 0.25f ? 0.25f : y;
    float lit = rich_lit(&l->light, 0.55f * x + 0.75f * x * x * x, 0.55f * y, 0.0f, gloss);
    /* a band of light around the crown, broken up by the locks */
    float ring = world_bell((q - 0.52f - 0.10f * locks + 0.12f * l->light.x * x) * 5.0f) *
                 world_rise(4.0f, -20.0f, v);
    /* and a fainter one down the lengths */
    float lower =
        0.45f * world_bell((v - 26.0f - 5.0f * locks) * 0.075f) * world_rise(8.0f, 20.0f, v);
    float shine = (ring + lower) * (0.55f + 0.45f * fine);
    shine = shine < 0.0f ? 0.0f : shine * (1.0f - 0.35f * wild);
    *gloss = 0.085f * shine;
    float curls = wild * 0.10f * world_wave(u * 0.16f + 0.5f * world_wave(v * 0.08f)) *
                  world_wave(v * 0.15f + 0.5f * world_wave(u * 0.09f));
    return lit * 0.93f + 0.085f * fine + 0.10f * locks + 0.30f * shine + curls;
}

void rich_draw_hair_back(const void *arg, const struct rich_row *r)
{
    const struct rich_layout *l = arg;

    for (int i = 0; i < r->n; i++) {
        float q, u = r->u[i], v = r->v[i];
        r->cover[i] = world_cover(outline(l, u, v, &q), r->sharp);
        r->shade[i] = 0.0f;
        if (r->cover[i] == 0.0f)
            continue;
        float inner = 1.0f - world_rise(0.55f, 0.95f, fabsf(u) / l->hair_w);
        float lit = light_on_hair(l, u, v, q, &r->gloss[i]);
        r->shade[i] = lit * (0.86f - 0.42f * inner * world_rise(6.0f, 34.0f, v));
    }
}

void rich_draw_hair_front(const void *arg, const struct rich_row *r)
{
    const struct rich_layout *l = arg;
    bool cropped = l->a->hair_length < RICH_CROPPED_BELOW;

    for (int i = 0; i < r->n; i++) {
        float q, u = r->u[i], v = r->v[i], a = fabsf(u - l->face_u), edge;
        float front = world_cover(outline(l, u, v, &q), r->sharp);
        r->cover[i] = r->shade[i] = 0.0f;
        if (front == 0.0f)
            continue;
        /* the opening for the face */
        if (l->short_hair)
            edge = l->face_w - 1.6f - 2.2f * world_rise(-22.0f, 0.0f, v) +
                   3.5f * world_rise(l->hair_end - 7.0f, l->hair_end, v);
        else
            edge =
                l->face_w - 3.2f - 3.0f * world_rise(10.0f, 34.0f, v) -
                6.0f * world_rise(34.0f, 52.0f, v) +
                (l->hair_w - l->face_w + 12.0f) * world_rise(l->hair_end - 24.0f, l->hair_end, v) +
                0.6f * world_wave(v * 0.045f) + 0.25f * world_wave(v * 0.13f + 0.3f);
        if (!l->short_hair)
            edge -= swing(l, u, v);
        float top = rich_fringe(l, u);
        float corner = a - edge, under = (top - v) * 0.9f;
        /* the two edges meet in a rounded corner */
        float round = corner + 5.0f, rise = under + 5.0f, open = corner > under ? corner : under;
        if (round > 0.0f && rise > 0.0f)
            open = sqrtf(round * round + rise * rise) - 5.0f;
        if (v < 2.0f) { /* beside the face all is hair */
            float bare = rich_face_distance(l, u, v) + 0.8f;
            open = bare > open ? bare : open;
        }
        float soft = cropped ? world_rise(1.8f, -1.8f, open) : world_cover(open, r->sharp);
        r->cover[i] = front * (1.0f - soft);
        if (r->cover[i] == 0.0f)
            continue;

        float lift = 1.0f - 0.18f * world_bell((open - 0.6f) * 0.35f);
        float line = world_bell((u - l->part_u - 0.1f * (v + l->hair_top)) * 0.75f) *
                     world_rise(l->hairline + 3.0f, l->hairline - 7.0f, v);
        r->shade[i] = light_on_hair(l, u, v, q, &r->gloss[i]) * lift * (1.0f - 0.30f * line);
        if (cropped) {
            float grain = rich_strands(u * 0.9f + 1.3f * world_wave(v * 0.31f), v * 0.8f);
            float scalp = world_rise(0.5f, -0.5f, rich_face_distance(l, u, v));
            r->cover[i] *= 1.0f - scalp * (0.20f - 0.14f * grain);
            r->gloss[i] *= 0.3f;
        }
    }
}

/* ---- beard ---- */

void rich_draw_beard(const void *arg, const struct rich_row *r)
{
    const struct rich_layout *l = arg;
    float grown = rich_past(l->a->beard, RICH_BEARD_FROM);
    float stubble = 1.0f - world_rise(0.12f, 0.30f, grown);
    float width = world_lerp(9.0f, l->face_w + 3.0f, l->a->beard_width);
    float lip =
        l->mouth_v + l->nod * 0.5f + 5.6f + 6.5f * rich_past(l->a->mouth_open, RICH_OPEN_FROM);
    float low = l->beard_low, reach = 1.0f + 1.4f * grown;

    for (int i = 0; i < r->n; i++) {
        float u = r->u[i] - l->mouth_u * world_rise(0.0f, 20.0f, r->v[i]) * 0.8f, v = r->v[i];
        float a = fabsf(u);
        float fine = rich_strands(
            u * 0.34f + 0.004f * u * v + 1.6f * l->curl * world_wave(v * 0.09f), v * 0.16f);
        float locks = rich_strands(u * 0.11f + 0.3f, v * 0.05f);
        /* the upper edge: below the lip, up past the corner of the mouth, along the cheek */
        float cheek = world_lerp(lip - 7.5f, 3.0f, world_rise(11.0f, l->face_w + 1.0f, a));
        float upper = world_lerp(lip, cheek, world_rise(7.5f, 11.5f, a)) - v + 1.1f * fine;
        /* the lower edge: the jaw, or a rounded tip hanging from it */
        float outer = rich_face_distance(l, r->u[i], v) - reach;
        if (v > 20.0f) {
            float half = (l->face_w * (1.0f - 0.7f * l->taper) + 0.5f) * 0.98f;
            float hang = rich_ellipse(u, v - 20.0f, half < width + 4.0f ? half : width + 4.0f,
                                      low - 20.0f + 1.5f * locks);
            outer = grown > 0.2f && hang < outer ? hang : outer;
        }
        float sides = a - width + 1.2f * fine;
        float d = upper > outer ? upper : outer;
        d = sides > d ? sides : d;
        r->cover[i] = world_rise(1.0f, -1.4f, d) * (1.0f - stubble * (0.55f - 0.22f * fine));
        r->shade[i] = 0.0f;
        if (r->cover[i] == 0.0f)
            continue;

        float x = u / l->face_w, y = (v - 22.0f) / (low - 12.0f);
        float lit = rich_lit(&l->light, 0.9f * x, 0.25f + 0.5f * y, 0.0f, &r->gloss[i]);
        r->gloss[i] = 0.02f * (1.0f + fine);
        float chin =
            0.18f * world_bell((v - l->face_chin - 1.0f) * 0.2f) * world_rise(0.3f, 0.8f, grown);
        r->shade[i] = lit * 0.92f + 0.12f * fine + 0.09f * locks - chin;
    }
}

void rich_draw_moustache(const void *arg, const struct rich_row *r)
{
    const struct rich_wing *m = arg;

    for (int i = 0; i < r->n; i++) {
        float u = r->u[i], v = r->v[i], x = u / m->length;
        float c = x < 0.0f ? 0.0f : x > 1.1f ? 1.1f : x;
        /* falls from the middle, then hangs on or curls up */
        float line = 3.4f * c * c + world_lerp(2.2f, -9.5f, m->curl) * c * c * c * c;
        float half = m->thick * (0.55f + 0.9f * c) * (1.0f - c * c * c) + 0.25f;
        float fine = rich_strands(0.5f * u + 0.9f * v, 0.1f * u);
        float d = fabsf(v - line) - half + 0.35f * fine;
        float ends = x > 0.0f ? u - m->length : -1.2f * u - 0.4f;
        d = ends > d ? ends : d;
        r->cover[i] = world_rise(0.6f, -0.7f, d);
        float y = (v - line) / (half + 0.3f);
        float lit = rich_lit(&m->l->light, 0.15f, 0.45f * y, 0.0f, &r->gloss[i]);
        r->gloss[i] = 0.03f * (1.0f + fine) * world_bell(2.0f * y + 0.6f);
        r->shade[i] = lit * 0.92f + 0.15f * fine - 0.08f * y;
    }
}
