#include "weights/world/shapes.h"

static float squared(float x) { return x * x; }

/* ---- background, body ---- */

void world_draw_background(const void *arg, int n, const float *u, const float *v, float sharp,
                           float *cover, float *shade)
{
    const struct world_layout *l = arg;
    (void)sharp;
    for (int i = 0; i < n; i++) {
        float x = u[i] * (1.0f / 64.0f), y = v[i] * (1.0f / 64.0f);
        float far = x * x + (y + 0.3f) * (y + 0.3f);
        cover[i] = 1.0f;
        shade[i] = (0.94f + 0.06f * l->light) * (1.05f - 0.10f * far + 0.07f * l->dir * x);
    }
}

void world_draw_neck(const void *arg, int n, const float *u, const float *v, float sharp,
                     float *cover, float *shade)
{
    const struct world_layout *l = arg;
    for (int i = 0; i < n; i++) {
        float a = fabsf(u[i]), flare = 14.0f * world_rise(38.0f, 66.0f, v[i]);
        cover[i] = world_cover(a - l->neck_w - flare, sharp);
        float shadow = 0.20f * (1.0f - world_rise(l->face_chin - 6.0f, l->face_chin + 12.0f, v[i]));
        shade[i] = l->light * (0.92f - shadow + 0.08f * l->dir * u[i] / l->neck_w -
                               0.06f * squared(u[i] / l->neck_w));
    }
}

/* The upper edge of the shirt at the distance `a` from the middle: neckline, then shoulders. */
static float shirt_edge(const struct world_layout *l, float a)
{
    float n = l->neck_w + 3.0f, t = a / n;
    if (t < 1.0f) {
        float m = world_lerp(t * t, t, l->collar);
        return 46.0f + (6.0f + 13.0f * l->collar) * (1.0f - m);
    }
    t = (a - n) / (64.0f - n);
    return 46.0f + 2.0f * t + 11.0f * t * t;
}

void world_draw_shirt(const void *arg, int n, const float *u, const float *v, float sharp,
                      float *cover, float *shade)
{
    const struct world_layout *l = arg;
    for (int i = 0; i < n; i++) {
        float a = fabsf(u[i]), d = shirt_edge(l, a) - v[i];
        float slope = a < l->neck_w + 3.0f ? 0.6f + 0.3f * l->collar : 0.95f;
        cover[i] = world_cover(d * slope, sharp);
        /* A darker band runs along the neckline, and a fold from each of its sides. */
        float inside = 1.0f - world_rise(l->neck_w - 1.0f, l->neck_w + 3.5f, a);
        float band = inside * world_cover(fabsf(-d * slope - 1.2f) - 1.5f, sharp);
        float fold = world_bell((a - 30.0f - 0.35f * (v[i] - 52.0f)) * 0.35f);
        shade[i] = (0.25f + 0.75f * l->light) *
                   (0.99f + 0.09f * l->dir * u[i] * (1.0f / 64.0f) - 0.22f * band - 0.09f * fold -
                    0.06f * world_bell((d + 1.0f) * 0.4f));
    }
}

/* ---- face ---- */

/* Lower edge of the hair over the forehead. */
static float fringe(const struct world_layout *l, float u)
{
    float d = (u - l->part_u) * (1.0f / 17.0f);
    float notch = world_bell((u - l->part_u) * 0.22f);
    return l->fringe_v + 10.0f * (d * d / (1.0f + d * d)) - 4.0f * notch;
}

/* Approximate signed distance from the outline of the face, negative inside. */
static float face_distance(const struct world_layout *l, float u, float v)
{
    float b = v < 0.0f ? l->face_top : l->face_chin, t = v / b;
    float a = l->face_w * (v < 0.0f ? 1.0f : 1.0f + l->jaw * t * t);
    float x = u / a, f = x * x + t * t - 1.0f;
    return 0.5f * f / sqrtf(squared(x / a) + squared(t / b) + 1e-8f);
}

void world_draw_face(const void *arg, int n, const float *u, const float *v, float sharp,
                     float *cover, float *shade)
{
    const struct world_layout *l = arg;
    float turn = l->dir;
    for (int i = 0; i < n; i++) {
        float uu = u[i] - l->face_u, x = uu / l->face_w, y = v[i] * (1.0f / 46.0f);
        cover[i] = world_cover(face_distance(l, uu, v[i]), sharp);

        float r = x * x + y * y;
        float s = 1.02f + 0.13f * turn * x - 0.04f * y - 0.11f * r * r;
        s -= 0.13f * world_bell((v[i] - fringe(l, u[i])) * 0.16f); /* shadow of the hair */

        float du = (u[i] - l->nose_u) * 0.22f, b = world_bell(du);
        float bridge = world_rise(-14.0f, 0.0f, v[i]) *
                       (1.0f - world_rise(l->nose_v - 3.0f, l->nose_v + 3.0f, v[i]));
        s += bridge * (0.05f * b + 0.22f * turn * du * b);
        float tip =
            squared((u[i] - l->nose_u) / l->nose_w) + squared((v[i] - l->nose_v + 3.0f) * 0.2f);
        s += 0.05f / squared(1.0f + tip);
        float below = squared((u[i] - l->nose_u + 2.0f * turn) / (l->nose_w + 1.0f)) +
                      squared((v[i] - l->nose_v - 2.5f) * 0.36f);
        s -= 0.15f / squared(1.0f + below);
        shade[i] = l->light * s;
    }
}

void world_draw_ellipse(const void *arg, int n, const float *u, const float *v, float sharp,
                        float *cover, float *shade)
{
    const struct world_spot *e = arg;
    for (int i = 0; i < n; i++) {
        float x = u[i] / e->ru, y = v[i] / e->rv;
        float d =
            0.5f * (x * x + y * y - 1.0f) / sqrtf(squared(x / e->ru) + squared(y / e->rv) + 1e-6f);
        cover[i] = e->strength * world_cover(d, sharp);
        shade[i] = e->shade;
    }
}

void world_draw_glow(const void *arg, int n, const float *u, const float *v, float sharp,
                     float *cover, float *shade)
{
    const struct world_spot *e = arg;
    (void)sharp;
    for (int i = 0; i < n; i++) {
        float q = squared(u[i] / e->ru) + squared(v[i] / e->rv);
        float c = 1.0f - q;
        cover[i] = c > 0.0f ? e->strength * c * c : 0.0f;
        shade[i] = e->shade;
    }
}

/* The wings and the base of the nose, a curved line that is thickest in the middle. */
void world_draw_nose_line(const void *arg, int n, const float *u, const float *v, float sharp,
                          float *cover, float *shade)
{
    const struct world_layout *l = arg;
    for (int i = 0; i < n; i++) {
        float x = u[i] / l->nose_w, q = x * x;
        float line = 1.6f - 4.2f * q * q;
        float half = 0.85f * (1.15f - q);
        float slope = 16.8f * q * x / l->nose_w;
        float d = (fabsf(v[i] - line) - half) / sqrtf(1.0f + slope * slope);
        cover[i] = q < 1.15f ? 0.75f * world_cover(d, sharp) : 0.0f;
        shade[i] = 0.66f * l->light;
    }
}

/* ---- hair ---- */

/* Approximate signed distance from the outline of the hair, negative inside. *q becomes 1 at the
 * outline and 0 in the middle. */
static float hair_distance(const struct world_layout *l, float u, float v, float *q)
{
    float x = u / l->hair_w;
    if (v < 0.0f) {
        float t = v / l->hair_top;
        *q = x * x + t * t;
        return 0.5f * (*q - 1.0f) /
               sqrtf(squared(x / l->hair_w) + squared(t / l->hair_top) + 1e-8f);
    }
    u += l->hair_wave * 2.6f * world_wave(v * (1.0f / 21.0f)) * world_rise(0.0f, 24.0f, v);
    x = u / l->hair_w;
    float t = v / l->hair_end, t2 = t * t;
    *q = x * x + t2 * t2;
    return 0.5f * (*q - 1.0f) /
           sqrtf(squared(x / l->hair_w) + squared(2.0f * t2 * t / l->hair_end) + 1e-8f);
}

/* The shading of the hair: strands that fan out from the parting, and a band of sheen. */
static float hair_shade(const struct world_layout *l, float u, float v, float q)
{
    float down = v + l->hair_top;
    down = down < 0.0f ? 0.0f : down;
    float fan = (u - l->part_u) / (16.0f + 0.45f * down);
    float bend = l->hair_wave * 0.35f * world_wave(v * (1.0f / 26.0f) + 0.3f);
    float strands = world_wave(fan * 5.0f + bend) + 0.6f * world_wave(fan * 12.3f + bend + 0.4f);
    float sheen = world_bell((q - 0.78f - 0.08f * fan) * 7.0f) * world_rise(0.0f, -24.0f, v);
    float x = u / l->hair_w;
    return l->light *
           (0.93f + 0.13f * l->dir * x - 0.08f * x * x + 0.055f * strands + 0.18f * sheen);
}

void world_draw_hair_back(const void *arg, int n, const float *u, const float *v, float sharp,
                          float *cover, float *shade)
{
    const struct world_layout *l = arg;
    for (int i = 0; i < n; i++) {
        float q;
        cover[i] = world_cover(hair_distance(l, u[i], v[i], &q), sharp);
        float inner = 1.0f - world_rise(0.6f, 1.0f, fabsf(u[i]) / l->hair_w);
        shade[i] =
            hair_shade(l, u[i], v[i], q) * (0.92f - 0.35f * inner * world_rise(10.0f, 40.0f, v[i]));
    }
}

void world_draw_hair_front(const void *arg, int n, const float *u, const float *v, float sharp,
                           float *cover, float *shade)
{
    const struct world_layout *l = arg;
    for (int i = 0; i < n; i++) {
        float q, a = fabsf(u[i] - 0.5f * l->face_u);
        float outer = world_cover(hair_distance(l, u[i], v[i], &q), sharp);
        /* The opening for the face: its side edge closes in below the jaw. At the ends of the locks
         * it goes out to the outline of the hair. */
        float edge = l->face_w - 1.5f - 9.0f * world_rise(24.0f, 60.0f, v[i]) +
                     (l->hair_w - l->face_w + 3.5f) *
                         world_rise(l->hair_end - 26.0f, l->hair_end - 2.0f, v[i]);
        float top = fringe(l, u[i]);
        float open = world_cover(a - edge, sharp) * world_cover((top - v[i]) * 0.85f, sharp);
        cover[i] = outer * (1.0f - open);
        float lift = 1.0f - 0.16f * world_bell((v[i] - top) * 0.25f) * (a < edge ? 1.0f : 0.0f);
        float line = world_bell((u[i] - l->part_u) * 0.8f) *
                     world_rise(l->fringe_v + 2.0f, l->fringe_v - 8.0f, v[i]);
        shade[i] = hair_shade(l, u[i], v[i], q) * lift * (1.0f - 0.25f * line);
    }
}

/* ---- brows, eyes ---- */

void world_draw_brow(const void *arg, int n, const float *u, const float *v, float sharp,
                     float *cover, float *shade)
{
    const struct world_eye *e = arg;
    for (int i = 0; i < n; i++) {
        float x = u[i] / e->brow_w, q = x * x;
        float line = -e->brow_arch * (1.0f - squared(x - 0.25f));
        float slope = 2.0f * e->brow_arch * (x - 0.25f) / e->brow_w;
        /* The brow is full near the nose, narrower outwards, and rounded at both ends. */
        float taper = 1.0f - 0.38f * world_rise(-0.2f, 1.0f, x);
        float end = 1.0f - q * q * q;
        float half = e->brow_h * taper * sqrtf(end > 0.0f ? end : 0.0f);
        float d = (fabsf(v[i] - line) - half) / sqrtf(1.0f + slope * slope);
        cover[i] = q < 1.0f ? world_cover(d, sharp) : 0.0f;
        float hairs = world_wave(u[i] * 0.42f + v[i] * 0.22f);
        shade[i] = (0.3f + 0.7f * e->l->light) * (0.97f + 0.06f * hairs - 0.03f * (v[i] - line));
    }
}

/* Coverage of the opening between the lids. */
static float opening(const struct world_eye *e, float u, float v, float sharp)
{
    float x = u / e->w, k = 1.0f - x * x;
    float su = 2.0f * e->up * x / e->w, sl = 2.0f * e->low * x / e->w;
    float upper = (-e->up * k - v) / sqrtf(1.0f + su * su);
    float lower = (v - e->low * k) / sqrtf(1.0f + sl * sl);
    return world_cover(upper > lower ? upper : lower, sharp);
}

void world_draw_eye_white(const void *arg, int n, const float *u, const float *v, float sharp,
                          float *cover, float *shade)
{
    const struct world_eye *e = arg;
    for (int i = 0; i < n; i++) {
        cover[i] = opening(e, u[i], v[i], sharp);
        float under = world_bell((v[i] + e->up) * 0.35f);
        shade[i] =
            (0.4f + 0.6f * e->l->light) * (1.0f - 0.22f * under - 0.10f * squared(u[i] / e->w));
    }
}

void world_draw_iris(const void *arg, int n, const float *u, const float *v, float sharp,
                     float *cover, float *shade)
{
    const struct world_eye *e = arg;
    for (int i = 0; i < n; i++) {
        float du = u[i] - e->iris_u, r = sqrtf(du * du + v[i] * v[i]);
        cover[i] = opening(e, u[i], v[i], sharp) * world_cover(r - e->iris, sharp);
        float rim = world_rise(0.72f, 1.0f, r / e->iris);
        shade[i] = 1.0f - 0.36f * rim + 0.10f * (v[i] / e->iris);
    }
}

/* The pupil, which the lids cut off. */
void world_draw_pupil(const void *arg, int n, const float *u, const float *v, float sharp,
                      float *cover, float *shade)
{
    const struct world_eye *e = arg;
    for (int i = 0; i < n; i++) {
        float du = u[i] - e->iris_u, r = sqrtf(du * du + v[i] * v[i]);
        cover[i] = opening(e, u[i], v[i], sharp) * world_cover(r - 0.38f * e->iris, sharp);
        shade[i] = 1.0f;
    }
}

/* The line of the upper lid, with a short wing outwards. */
void world_draw_lid(const void *arg, int n, const float *u, const float *v, float sharp,
                    float *cover, float *shade)
{
    const struct world_eye *e = arg;
    for (int i = 0; i < n; i++) {
        float x = u[i] / e->w, k = 1.0f - x * x;
        float line = -e->up * k - 0.5f - (x > 0.9f ? 8.0f * (x - 0.9f) : 0.0f);
        float half = 1.05f * (1.0f - 0.55f * world_rise(0.2f, -1.0f, x)) *
                     (1.0f - world_rise(0.95f, 1.16f, x));
        float slope = 2.0f * e->up * x / e->w;
        float d = (fabsf(v[i] - line) - half) / sqrtf(1.0f + slope * slope);
        cover[i] = x > -1.03f && half > 0.05f ? world_cover(d, sharp) : 0.0f;
        shade[i] = 1.0f;
    }
}

/* The crease above the lid and a faint lower lid, in skin colour. */
void world_draw_crease(const void *arg, int n, const float *u, const float *v, float sharp,
                       float *cover, float *shade)
{
    const struct world_eye *e = arg;
    for (int i = 0; i < n; i++) {
        float x = u[i] / e->w, k = 1.0f - x * x;
        float over = (v[i] + e->up * (0.55f + 0.45f * k) + 2.6f) * 0.55f;
        float below = (v[i] - e->low * k - 1.0f) * 0.9f;
        float fade = k > 0.0f ? k * (2.0f - k) : 0.0f;
        cover[i] = fade * (0.45f * world_bell(over) + 0.30f * world_bell(below));
        shade[i] = 0.62f * e->l->light;
    }
    (void)sharp;
}

/* ---- mouth ---- */

static float mouth_line(const struct world_mouth *m, float q)
{
    return m->smile * (2.6f - 6.2f * q);
}

void world_draw_lips(const void *arg, int n, const float *u, const float *v, float sharp,
                     float *cover, float *shade)
{
    const struct world_mouth *m = arg;
    const struct world_layout *l = m->l;
    for (int i = 0; i < n; i++) {
        float x = u[i] / m->w, q = x * x, k = 1.0f - q;
        k = k < 0.0f ? 0.0f : k;
        float line = mouth_line(m, q);
        float bow = 1.0f - 0.30f * world_bell(u[i] * 0.45f);
        float top = line - m->up * k * bow * (1.0f + 0.25f * q);
        float low = line + m->low * k * (1.0f + 0.45f * q);
        float su = 2.0f * x / m->w * (m->up + fabsf(m->smile) * 4.0f);
        float steep = 1.0f / sqrtf(1.0f + su * su);
        float above = (top - v[i]) * steep, under = (v[i] - low) * steep;
        cover[i] = q < 1.0f ? world_cover(above > under ? above : under, sharp) : 0.0f;

        float y = v[i] - line;
        float s = y < 0.0f ? 0.86f - 0.02f * y : 1.02f - 0.022f * y;
        s +=
            0.13f * world_bell((y - 0.45f * m->low) * 0.55f) * world_bell(x * 1.6f - 0.3f * l->dir);
        s += 0.06f * l->dir * x;
        float between = world_cover(fabsf(y) - 0.75f * (1.15f - q), sharp);
        shade[i] = (0.3f + 0.7f * l->light) * s * (1.0f - 0.52f * between);
    }
}

/* ---- glasses ---- */

void world_draw_rim(const void *arg, int n, const float *u, const float *v, float sharp,
                    float *cover, float *shade)
{
    const struct world_eye *e = arg;
    for (int i = 0; i < n; i++) {
        float a = fabsf(u[i]) - (e->lens_w - e->lens_r), b = fabsf(v[i]) - (e->lens_h - e->lens_r);
        float ao = a > 0.0f ? a : 0.0f, bo = b > 0.0f ? b : 0.0f, in = a > b ? a : b;
        float d = sqrtf(ao * ao + bo * bo) + (in < 0.0f ? in : 0.0f) - e->lens_r;
        cover[i] = world_cover(fabsf(d) - 1.65f, sharp);
        shade[i] = 0.98f - 0.10f * (v[i] / e->lens_h) - 0.06f * d;
    }
}

/* The arm from the lens to the ear. */
void world_draw_arm(const void *arg, int n, const float *u, const float *v, float sharp,
                    float *cover, float *shade)
{
    const struct world_eye *e = arg;
    float far = e->l->face_w;
    for (int i = 0; i < n; i++) {
        float d = fabsf(v[i] + 0.35f * e->lens_h) - 1.5f, start = e->lens_w - u[i];
        float end = u[i] - (far - 17.0f);
        d = d > start ? d : start;
        cover[i] = world_cover(d > end ? d : end, sharp);
        shade[i] = 0.86f;
    }
}

void world_draw_bridge(const void *arg, int n, const float *u, const float *v, float sharp,
                       float *cover, float *shade)
{
    const struct world_spot *b = arg;
    for (int i = 0; i < n; i++) {
        float x = u[i] / b->ru, d = fabsf(v[i] + 1.6f * (1.0f - x * x)) - 1.6f;
        float end = fabsf(u[i]) - b->ru;
        cover[i] = world_cover(d > end ? d : end, sharp);
        shade[i] = b->shade;
    }
}
