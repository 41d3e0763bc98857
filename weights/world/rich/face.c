#include "weights/world/rich/shapes.h"

void rich_draw_crease(const void *arg, const struct rich_row *r)
{
    const struct rich_crease *c = arg;

    for (int i = 0; i < r->n; i++) {
        float x = r->u[i] / c->half, k = 1.0f - x * x;
        k = k < 0.0f ? 0.0f : k;
        float d = (r->v[i] + c->bend * k) / (c->width * (0.35f + 0.65f * k));
        float near = 1.0f - d * d * 0.25f;
        near = near < 0.0f ? 0.0f : near;
        r->cover[i] = c->strength * k * near * near;
        r->shade[i] = c->shade;
    }
}

void rich_draw_disc(const void *arg, const struct rich_row *r)
{
    const struct rich_spot *s = arg;

    for (int i = 0; i < r->n; i++) {
        r->cover[i] =
            s->strength * world_cover(rich_ellipse(r->u[i], r->v[i], s->ru, s->rv), r->sharp);
        r->shade[i] = s->shade;
    }
}

void rich_draw_ball(const void *arg, const struct rich_row *r)
{
    const struct rich_spot *s = arg;

    for (int i = 0; i < r->n; i++) {
        float x = r->u[i] / s->ru, y = r->v[i] / s->rv, q = x * x + y * y;
        float z = 1.0f - q;
        float inv = 1.0f / sqrtf(z > 0.04f ? z : 0.04f);
        r->cover[i] =
            s->strength * world_cover(rich_ellipse(r->u[i], r->v[i], s->ru, s->rv), r->sharp);
        r->shade[i] = s->shade * rich_lit(&s->l->light, x * inv, y * inv, s->polish, &r->gloss[i]);
    }
}

float rich_face_distance(const struct rich_layout *l, float u, float v)
{
    float uu = u - l->face_u, t, a, f, grow;

    if (v < 0.0f) {
        t = v / l->face_top;
        a = l->face_w;
        f = t * t * (0.55f + 0.45f * t * t);
        grow = t * (1.1f + 1.8f * t * t) / l->face_top;
    } else {
        t = v / l->face_chin;
        /* Far below the chin, where a long beard ends, the width would pass through 0. */
        a = l->face_w * fmaxf(1.0f - l->taper * t * t, 0.05f);
        float t2 = t * t, square = 0.35f + 0.4f * l->jaw;
        f = t2 * (1.0f - square + square * t2);
        grow = (2.0f * t * (1.0f - square) + 4.0f * square * t2 * t) / l->face_chin;
    }
    float x = uu / a;
    return (x * x + f - 1.0f) / sqrtf(rich_squared(2.0f * x / a) + grow * grow + 1e-6f);
}

/* How the face's height falls towards the right and downwards. */
static void slopes(const struct rich_layout *l, const struct rich_row *r, float *gx, float *gy)
{
    for (int i = 0; i < r->n; i++) {
        float x = (r->u[i] - l->face_u) / l->face_w, y = r->v[i] * (1.0f / 38.0f);
        float x2 = x * x, y2 = y * y;
        gx[i] = x * (0.30f + 1.0f * x2 * x2);
        gy[i] = y * (0.12f + 0.62f * y2 * y2);
    }
    for (int b = 0; b < l->bumps; b++) {
        const struct rich_bump *m = &l->bump[b];
        float iu = 1.0f / (m->ru * m->ru), iv = 1.0f / (m->rv * m->rv), h = 4.0f * m->height;
        for (int i = 0; i < r->n; i++) {
            float du = r->u[i] - m->u, dv = r->v[i] - m->v;
            float k = 1.0f / (1.0f + du * du * iu + dv * dv * iv);
            k = h * k * k * k;
            gx[i] += k * du * iu;
            gy[i] += k * dv * iv;
        }
    }
}

void rich_face_light(const struct rich_layout *l, const struct rich_row *r)
{
    float gx[WORLD_SIZE_MAX], gy[WORLD_SIZE_MAX];

    slopes(l, r, gx, gy);
    for (int i = 0; i < r->n; i++)
        r->shade[i] = rich_skin_lit(l, gx[i], gy[i], 0.10f, &r->gloss[i]);
    for (int b = 0; b < l->hollows; b++) {
        const struct rich_bump *m = &l->hollow[b];
        float iu = 1.0f / (m->ru * m->ru), iv = 1.0f / (m->rv * m->rv);
        for (int i = 0; i < r->n; i++) {
            float du = r->u[i] - m->u, dv = r->v[i] - m->v;
            float k = 1.0f / (1.0f + du * du * iu + dv * dv * iv);
            r->shade[i] -= m->height * k * k;
        }
    }
    for (int i = 0; i < r->n; i++) {
        /* the shadow of hair or hat, and light that comes back from the shirt */
        float over = r->v[i] - rich_fringe(l, r->u[i]);
        r->shade[i] -= 0.20f * world_bell(over * 0.22f);
        float x = (r->u[i] - l->face_u) / l->face_w;
        r->shade[i] += 0.05f * x * x * x * x;
    }
}

void rich_draw_face(const void *arg, const struct rich_row *r)
{
    const struct rich_layout *l = arg;

    rich_face_light(l, r);
    for (int i = 0; i < r->n; i++)
        r->cover[i] = world_cover(rich_face_distance(l, r->u[i], r->v[i]), r->sharp);
}

/* The nose where it has a colour of its own: bridge and ball, with soft edges. */
void rich_draw_own_nose(const void *arg, const struct rich_row *r)
{
    const struct rich_layout *l = arg;
    float tip = l->nose_v - 1.5f + l->nod, top = l->face_u + l->yaw;

    rich_face_light(l, r);
    for (int i = 0; i < r->n; i++) {
        float t = world_rise(-2.0f, tip, r->v[i]);
        float middle = top + t * (l->nose_u - top);
        float half = world_lerp(2.0f, l->nose_w + 1.6f, t * t);
        float side = fabsf(r->u[i] - middle) - half;
        float round = rich_ellipse(r->u[i] - l->nose_u, r->v[i] - tip, l->nose_w + 2.2f, 4.6f);
        float bridge = side > r->v[i] - tip ? side : r->v[i] - tip;
        float d = bridge < round ? bridge : round;
        r->cover[i] = world_rise(0.9f, -0.9f, d) * world_rise(-4.0f, 2.0f, r->v[i]);
    }
}

/* Bands that come in from the sides and the forehead, and thin out towards the middle. */
void rich_draw_stripes(const void *arg, const struct rich_row *r)
{
    const struct rich_layout *l = arg;

    rich_face_light(l, r);
    for (int i = 0; i < r->n; i++) {
        float u = r->u[i] - l->face_u - 0.6f * l->yaw, v = r->v[i], a = fabsf(u);
        float wiggle = 1.6f * world_wave(u * 0.045f + 0.2f) + 1.2f * world_wave(v * 0.06f);
        float side = world_wave((v - 0.28f * a + wiggle) * (1.0f / 8.5f));
        float sides = side - 1.35f + 1.25f * world_rise(9.0f, l->face_w, a);
        float brow = world_wave((a + 0.12f * v + 0.5f * wiggle) * (1.0f / 8.5f) + 0.25f);
        float front = brow - 1.5f + 1.45f * world_rise(-13.0f, -30.0f, v);
        float d = v < -14.0f && front > sides ? front : sides;
        r->cover[i] = world_cover(rich_face_distance(l, r->u[i], v), r->sharp) *
                      world_cover(-1.6f * d, r->sharp);
    }
}

void rich_draw_half(const void *arg, const struct rich_row *r)
{
    const struct rich_layout *l = arg;

    rich_face_light(l, r);
    for (int i = 0; i < r->n; i++) {
        float t = world_rise(-30.0f, l->nose_v, r->v[i]);
        float middle = l->face_u + l->yaw * (0.7f + 0.5f * t);
        r->cover[i] = world_cover(rich_face_distance(l, r->u[i], r->v[i]), r->sharp) *
                      world_cover(middle - r->u[i], r->sharp);
    }
}

/* A number in 0..1 that looks random, for a cell of a grid. */
static float cell_noise(int x, int y, unsigned salt)
{
    unsigned h = (unsigned)x * 374761393u + (unsigned)y * 668265263u + salt * 2246822519u;
    h = (h ^ (h >> 13)) * 1274126177u;
    h ^= h >> 16;
    return (float)(h & 0xffffu) * (1.0f / 65536.0f);
}

/* One dot at most in each cell of a grid, over nose and cheeks. */
void rich_draw_freckles(const void *arg, const struct rich_row *r)
{
    const struct rich_layout *l = arg;
    float much = rich_past(l->a->freckles, RICH_FRECKLES_FROM);
    const float cell = 2.5f;

    for (int i = 0; i < r->n; i++) {
        float x = r->u[i] - l->face_u - 0.8f * l->yaw, y = r->v[i] - 0.8f * l->nod;
        /* the grid is turned, so that no rows and columns show */
        float u = 0.83f * x - 0.56f * y, v = 0.56f * x + 0.83f * y;
        int cx = (int)(u / cell + 100.0f), cy = (int)(v / cell + 100.0f);
        float du = u - ((float)cx - 99.78f + 0.56f * cell_noise(cx, cy, 1)) * cell;
        float dv = v - ((float)cy - 99.78f + 0.56f * cell_noise(cx, cy, 2)) * cell;
        float radius = 0.30f + 0.36f * cell_noise(cx, cy, 3);
        float where = world_bell((fabsf(x) - 9.0f) * 0.10f) * world_bell((y - 9.5f) * 0.13f);
        float there = where * (0.55f + 0.75f * much) - cell_noise(cx, cy, 4);
        float d = sqrtf(du * du + dv * dv) - radius;
        float strength = (0.45f + 0.35f * much) * world_rise(-0.05f, 0.25f, there);
        float inside = world_rise(0.0f, -2.0f, rich_face_distance(l, r->u[i], r->v[i]));
        r->cover[i] = strength * inside * world_rise(0.35f, -0.35f, d);
        r->shade[i] = 1.0f;
    }
}

void rich_draw_blush(const void *arg, const struct rich_row *r)
{
    const struct rich_layout *l = arg;
    float much = 0.10f + 0.62f * l->a->blush;
    struct rich_point p[2];

    for (int k = 0; k < 2; k++)
        p[k] = rich_on_face(l, k ? 15.0f : -15.0f, 12.0f, 1.0f);
    for (int i = 0; i < r->n; i++) {
        float sum = 0.0f;
        for (int k = 0; k < 2; k++)
            sum += world_bell(rich_squared((r->u[i] - p[k].u) * 0.098f) +
                              rich_squared((r->v[i] - p[k].v) * 0.135f));
        float nose = rich_squared((r->u[i] - l->nose_u) * 0.16f) +
                     rich_squared((r->v[i] - l->nose_v + 3.0f) * 0.2f);
        sum += 0.35f * world_bell(nose);
        float d = rich_face_distance(l, r->u[i], r->v[i]);
        r->cover[i] = much * (sum > 1.0f ? 1.0f : sum) * world_rise(0.0f, -3.0f, d);
        r->shade[i] = 1.0f;
    }
}

/* The wings and the base of the nose with its nostrils; about the tip. */
void rich_draw_nose_line(const void *arg, const struct rich_row *r)
{
    const struct rich_layout *l = arg;
    float w = l->nose_w;

    for (int i = 0; i < r->n; i++) {
        float u = r->u[i], v = r->v[i], a = fabsf(u);
        float hole = rich_squared((a - 0.48f * w) / (0.30f * w)) + rich_squared((v + 0.1f) / 0.95f);
        float wing = rich_squared((a - 1.32f * w) / 1.0f) + rich_squared((v + 1.5f) / 2.2f);
        float base = rich_squared(u / (0.75f * w)) + rich_squared((v - 1.0f) / 0.8f);
        float dark = 0.72f * world_bell(hole) + 0.28f * world_bell(wing) + 0.18f * world_bell(base);
        r->cover[i] = dark > 0.9f ? 0.9f : dark < 0.03f ? 0.0f : dark;
        r->shade[i] = 0.38f;
    }
}

void rich_draw_ear(const void *arg, const struct rich_row *r)
{
    const struct rich_ear *e = arg;
    const struct rich_layout *l = e->l;

    for (int i = 0; i < r->n; i++) {
        float u = r->u[i], v = r->v[i];
        float narrow = 1.0f - 0.22f * world_rise(0.0f, e->rv, v);
        float d = rich_ellipse(u, v, e->ru * narrow, e->rv);
        /* the tip of a pointed ear: a leaf from the middle up and outwards */
        float along = 0.62f * u - 0.785f * v, across = 0.785f * u + 0.62f * v;
        float reach = e->rv + 9.0f * e->point, t = along / reach;
        float leaf = fabsf(across) - 4.6f * (1.0f - t) * (1.0f + 0.4f * t);
        leaf = along < 0.0f || e->point <= 0.0f ? 1e3f : 0.85f * leaf;
        d = leaf < d ? leaf : d;
        r->cover[i] = world_cover(d, r->sharp);

        float rim = world_bell((d + 1.4f) * 0.9f), shell = world_rise(-1.8f, -3.6f, d);
        float x = u / e->ru, y = v / e->rv;
        float lit = rich_skin_lit(l, e->side * (0.35f * x + 0.25f), 0.3f * y, 0.0f, &r->gloss[i]);
        r->shade[i] = lit * (0.90f + 0.08f * rim - 0.22f * shell * (1.0f - 0.5f * y));
    }
}
