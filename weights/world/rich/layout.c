#include "weights/world/rich/shapes.h"

struct rich_point rich_on_face(const struct rich_layout *l, float s, float t, float depth)
{
    float x = s / l->face_w, y = t / l->face_chin;
    struct rich_point p = {
        .u = l->face_u + s + depth * l->yaw * (1.0f - x * x),
        .v = t + depth * l->nod * (1.0f - y * y),
        .stretch = 1.0f - 1.6f * l->yaw * x / l->face_w,
    };
    return p;
}

static struct rich_light lay_out_light(const struct rich_attr *a)
{
    float x = 0.85f * a->light_dir, y = -0.25f - 0.45f * a->light_height, z = 0.80f;
    float inv = 1.0f / sqrtf(x * x + y * y + z * z);
    struct rich_light light = {.x = x * inv, .y = y * inv, .z = z * inv};
    float hx = light.x, hy = light.y, hz = light.z + 1.0f;

    inv = 1.0f / sqrtf(hx * hx + hy * hy + hz * hz);
    light.hx = hx * inv;
    light.hy = hy * inv;
    light.hz = hz * inv;
    light.key = 0.50f + 0.30f * a->contrast;
    light.fill = 1.0f - light.key * light.z;
    return light;
}

static void bump(struct rich_layout *l, float s, float t, float ru, float rv, float height,
                 float depth)
{
    struct rich_point p = rich_on_face(l, s, t, depth);
    l->bump[l->bumps++] = (struct rich_bump){p.u, p.v, ru * p.stretch, rv, height};
}

static void hollow(struct rich_layout *l, float s, float t, float ru, float rv, float dark)
{
    struct rich_point p = rich_on_face(l, s, t, 1.0f);
    l->hollow[l->hollows++] = (struct rich_bump){p.u, p.v, ru * p.stretch, rv, dark};
}

/* Hills and hollows of the face. */
static void lay_out_relief(struct rich_layout *l)
{
    float nose = l->nose_v, mouth = l->mouth_v, w = l->nose_w;

    /* bridge, tip and wings of the nose */
    bump(l, 0.0f, 0.25f * nose, 3.0f, 0.55f * nose, 2.2f, 1.2f);
    bump(l, 0.0f, nose - 2.6f, 0.8f * w, 3.8f, 3.2f, 1.5f);
    bump(l, 0.85f * w, nose - 1.2f, 2.3f, 2.3f, 1.1f, 1.3f);
    bump(l, -0.85f * w, nose - 1.2f, 2.3f, 2.3f, 1.1f, 1.3f);
    for (float side = -1.0f; side <= 1.0f; side += 2.0f) {
        bump(l, side * l->eye_u, 0.5f, 8.5f, 6.5f, -1.8f, 1.0f);          /* socket */
        bump(l, side * 0.85f * l->eye_u, -10.0f, 9.0f, 3.6f, 0.9f, 1.0f); /* brow bone */
        bump(l, side * 14.5f, 12.5f - 1.5f * l->cheek, 9.0f, 7.0f, 1.6f + 1.6f * l->cheek, 1.0f);
        hollow(l, side * (0.34f * l->eye_u), -1.5f, 4.5f, 5.5f, 0.11f); /* beside the bridge */
    }
    bump(l, 0.0f, mouth - 0.5f, 11.0f, 8.0f, 1.8f, 1.0f);
    bump(l, 0.0f, mouth + 6.2f, 7.0f, 2.8f, -0.8f, 1.0f);
    bump(l, 0.0f, l->face_chin - 4.5f, 6.5f, 4.5f, 1.7f, 1.0f);
    bump(l, 0.0f, -22.0f, 19.0f, 13.0f, 1.8f, 1.0f); /* forehead */
    hollow(l, 0.0f, nose + 3.2f, w + 0.5f, 2.5f, 0.17f);
    hollow(l, 0.0f, mouth + 6.6f, 6.5f, 2.0f, 0.10f);
    hollow(l, 0.0f, 0.5f * (nose + mouth), 1.2f, 3.0f, 0.05f); /* philtrum */
}

static void lay_out_hair(const struct rich_attr *a, struct rich_layout *l)
{
    bool hat = rich_has(a, RICH_HAT);
    float length = a->hair_length, full = a->hair_volume * (1.0f + 0.9f * a->hair_curl);
    bool cropped = length < RICH_CROPPED_BELOW;

    l->short_hair = length < 0.44f;
    l->curl = a->hair_curl;
    l->hair_w = l->face_w + (cropped         ? 0.7f
                             : l->short_hair ? 2.0f + 3.0f * full
                                             : 3.5f + 5.0f * full);
    l->hair_top = l->face_top + (cropped ? 1.2f : 3.5f + 5.0f * full);
    l->hair_end = l->short_hair ? world_lerp(4.0f, 13.0f, length / 0.44f)
                                : world_lerp(24.0f, 74.0f, (length - 0.44f) / 0.56f);
    l->hairline = world_lerp(-29.0f, -17.5f, a->fringe * a->fringe);
    if (cropped)
        l->hairline = -27.0f + 2.0f * a->fringe;
    l->part_u = 13.0f * a->parting;
    l->hat_edge = -200.0f;
    if (hat) {
        l->hat_edge = rich_hat_kind(a) == RICH_BRIM ? -21.5f : -21.0f;
        l->hair_top = l->face_top - 3.0f;
        if (l->hair_w > l->face_w + 6.0f)
            l->hair_w = l->face_w + 6.0f;
    }
}

void rich_lay_out(const struct rich_attr *a, struct rich_layout *l)
{
    *l = (struct rich_layout){.a = a};
    l->body = (struct world_frame){
        64.0f + 3.5f * a->place_x, 66.5f + 2.0f * a->place_y, 1.0f, 0.0f, 0.0f, 1.0f};
    struct world_frame foot = world_frame_at(&l->body, 0.0f, 44.0f, 0.11f * a->tilt, 1.0f);
    l->head = world_frame_at(&foot, 0.0f, -44.0f, 0.0f, 1.0f);
    l->light = lay_out_light(a);

    l->yaw = 5.5f * a->yaw;
    l->nod = 2.6f * a->nod;
    l->face_w = world_lerp(26.0f, 32.0f, a->head_width);
    l->face_top = world_lerp(36.0f, 39.0f, a->head_height);
    l->face_chin = world_lerp(34.5f, 38.5f, a->head_height) + 4.5f * (a->chin - 0.5f);
    l->face_u = 0.25f * l->yaw;
    l->jaw = a->jaw;
    l->taper = world_lerp(0.38f, 0.08f, a->jaw);
    l->eye_u = world_lerp(11.6f, 13.8f, a->eye_spacing);
    l->nose_v = world_lerp(11.0f, 15.5f, a->nose_length);
    l->mouth_v = 0.5f * (l->nose_v + l->face_chin) - 1.2f;
    l->nose_w = world_lerp(3.4f, 5.6f, a->nose_width);
    l->nose_u = rich_on_face(l, 0.0f, l->nose_v, 1.4f).u;
    l->mouth_u = rich_on_face(l, 0.0f, l->mouth_v, 1.05f).u;
    l->ear_u = l->face_w - 0.5f;
    l->ear_v = 5.0f - 0.6f * l->nod;
    l->neck_w = world_lerp(12.0f, 17.5f, a->neck_width);
    l->shoulder = world_lerp(0.85f, 1.15f, a->shoulders);

    float laugh = rich_past(a->mouth_open, RICH_OPEN_FROM),
          happy = a->smile > 0.0f ? a->smile : 0.0f;
    l->cheek = happy * (0.7f + 0.3f * laugh);
    l->eye_shut = 0.35f * happy * happy + 0.25f * happy * laugh;
    l->brow_up = a->smile < 0.0f ? -a->smile : 0.0f;
    l->beard_low = l->face_chin + 1.5f + 22.0f * rich_squared(rich_past(a->beard, RICH_BEARD_FROM));
    lay_out_relief(l);
    lay_out_hair(a, l);
}
