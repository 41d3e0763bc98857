#include "weights/world/rich/shapes.h"

void rich_draw_background(const void *arg, const struct rich_row *r)
{
    const struct rich_layout *l = arg;
    const struct rich_light *light = &l->light;

    for (int i = 0; i < r->n; i++) {
        float x = r->u[i] * (1.0f / 64.0f), y = r->v[i] * (1.0f / 64.0f);
        /* a pool of light behind the head, on the side the light comes from */
        float far = rich_squared(x - 0.5f * light->x) + rich_squared(y + 0.25f);
        r->cover[i] = 1.0f;
        r->shade[i] = 0.86f + 0.20f / (1.0f + 1.1f * far) - 0.06f * y * light->key;
    }
}

void rich_draw_neck(const void *arg, const struct rich_row *r)
{
    const struct rich_layout *l = arg;

    for (int i = 0; i < r->n; i++) {
        float u = r->u[i], v = r->v[i], a = fabsf(u);
        float flare = 3.5f * world_rise(31.0f, 44.0f, v) + 16.0f * world_rise(40.0f, 59.0f, v);
        float half = l->neck_w + flare, x = u / half;
        r->cover[i] = world_cover(a - half, r->sharp);

        float lit = rich_skin_lit(l, 0.7f * x + 0.5f * x * x * x, -0.1f, 0.03f, &r->gloss[i]);
        /* the chin's shadow, shifted away from the light, and the two sinews with their hollow */
        float cast = rich_squared((u + 7.0f * l->light.x - l->face_u) / (l->face_w * 0.8f)) +
                     rich_squared((v - l->face_chin + 4.0f) / 13.0f);
        float shadow = 0.40f * world_bell(cast);
        float sinew =
            world_bell((a - 2.0f - 0.55f * (58.0f - v)) * 0.5f) * world_rise(44.0f, 54.0f, v);
        float pit = world_bell(u * 0.28f) * world_bell((v - 57.0f) * 0.3f);
        r->shade[i] = lit * (1.0f - shadow) + 0.04f * sinew - 0.10f * pit;
    }
}

/* Height of the shirt's upper edge: neckline, then shoulders. */
static float shirt_edge(const struct rich_layout *l, float a)
{
    float n = l->neck_w + 5.0f, t = a / n;

    if (t < 1.0f) {
        float m = world_lerp(t * t, t, l->a->collar);
        return 45.5f + (5.5f + 10.0f * l->a->collar) * (1.0f - m);
    }
    t = (a - n) / (56.0f * l->shoulder - n);
    return 45.5f + 4.5f * t + 9.0f * t * t * t;
}

void rich_draw_shirt(const void *arg, const struct rich_row *r)
{
    const struct rich_layout *l = arg;
    float n = l->neck_w + 5.0f;

    for (int i = 0; i < r->n; i++) {
        float u = r->u[i], v = r->v[i], a = fabsf(u);
        float d = shirt_edge(l, a) - v;
        float slope = a < n ? 0.62f + 0.2f * l->a->collar : 0.93f;
        r->cover[i] = world_cover(d * slope, r->sharp);

        float x = u * (1.0f / 60.0f);
        float lit = rich_lit(&l->light, 0.55f * x + 0.8f * x * x * x, -0.25f, 0.0f, &r->gloss[i]);
        float inside = 1.0f - world_rise(n - 0.5f, n + 3.0f, a);
        float hem = inside * world_bell((-d * slope - 2.6f) * 1.3f);
        float band = inside * world_cover(-d * slope - 2.6f, 1.5f);
        /* folds fall from the shoulders towards the chest; the sleeves begin at a seam */
        float fold = world_bell((a - 24.0f - 0.9f * (v - 56.0f)) * 0.32f) +
                     0.7f * world_bell((a - 13.0f - 0.45f * (v - 58.0f)) * 0.4f);
        float seam = world_bell((a - 45.0f * l->shoulder - 0.25f * (v - 54.0f)) * 0.9f);
        float weave = 0.012f * world_wave(u * 0.5f) * world_wave(v * 0.5f);
        float under = world_bell((v - 47.0f) * 0.11f) * world_bell(u * 0.035f);
        r->shade[i] = lit * 0.97f - 0.16f * hem + 0.04f * band - 0.055f * fold - 0.10f * seam +
                      weave - 0.18f * under;
    }
}
