/* Lays out a portrait and paints its shapes from back to front. */
#include <stddef.h>

#include "weights/world/shapes.h"

static struct world_layout lay_out(const struct world_attr *a)
{
    struct world_layout l = {.body = {64.0f, 62.0f, 1.0f, 0.0f, 0.0f, 1.0f}};
    float angle = 0.10f * a->tilt;
    struct world_frame foot = world_frame_at(&l.body, 0.0f, 46.0f, angle, 1.0f);

    l.head = world_frame_at(&foot, 0.0f, -46.0f, 0.0f, 1.0f);
    l.dir = a->light_dir;
    l.light = 0.86f + 0.15f * a->light;
    l.face_w = world_lerp(34.5f, 39.0f, a->head_width);
    l.face_top = 46.0f;
    l.face_chin = world_lerp(42.5f, 48.5f, a->head_height);
    l.jaw = world_lerp(-0.12f, 0.17f, a->jaw);
    l.yaw = 4.0f * a->yaw;
    l.nod = 2.2f * a->nod;
    l.face_u = 0.35f * l.yaw;
    l.hair_w = l.face_w + 5.0f + 6.0f * a->hair_volume;
    l.hair_top = 49.0f + 7.0f * a->hair_volume;
    l.hair_end = 16.0f + 72.0f * a->hair_length;
    l.hair_wave = a->hair_wave;
    l.fringe_v = world_lerp(-39.0f, -31.0f, a->fringe);
    l.part_u = 15.0f * a->parting;
    l.nose_u = 1.5f * l.yaw;
    l.nose_v = world_lerp(13.0f, 17.0f, a->nose_length) + 1.4f * l.nod;
    l.nose_w = world_lerp(5.2f, 8.2f, a->nose_width);
    l.neck_w = world_lerp(13.0f, 18.0f, a->neck_width);
    l.collar = a->collar;
    return l;
}

static struct world_eye lay_out_eye(const struct world_attr *a, const struct world_layout *l,
                                    float side)
{
    float glasses = a->glasses_size;
    struct world_eye e = {
        .l = l,
        .w = world_lerp(10.4f, 12.4f, a->eye_size),
        .up = world_lerp(5.8f, 7.6f, a->eye_open) + 0.7f * a->eye_size,
        .low = world_lerp(4.7f, 5.3f, a->eye_open),
        .iris = world_lerp(5.8f, 6.8f, a->eye_size),
        .iris_u = side * 0.25f * l->yaw,
        .light_u = 0.0f,
        .brow_w = 13.4f,
        .brow_h = world_lerp(2.8f, 4.3f, a->brow_thickness),
        .brow_arch = world_lerp(0.8f, 4.0f, a->brow_arch),
        .lens_w = world_lerp(12.6f, 13.8f, glasses) + 0.9f * a->glasses_shape,
        .lens_h = world_lerp(12.4f, 13.4f, glasses) - 2.2f * a->glasses_shape,
    };
    e.light_u = e.iris_u + side * (2.0f * l->dir);
    e.lens_r = world_lerp(e.lens_h, 3.5f, a->glasses_shape);
    return e;
}

/* The box that reaches u and v to either side of the origin. */
static struct world_box around(float u, float v) { return (struct world_box){-u, -v, u, v}; }

static void paint_eye(struct world_canvas *c, const struct world_attr *a,
                      const struct world_layout *l, float side)
{
    static const float white[3] = {0.97f, 0.96f, 0.95f}, dark[3] = {0.05f, 0.04f, 0.05f};
    static const float lash[3] = {0.13f, 0.09f, 0.09f};
    struct world_eye e = lay_out_eye(a, l, side);
    float u =
        l->yaw + side * world_lerp(16.4f, 18.6f, a->eye_spacing) - 0.25f * fabsf(l->yaw) * side;
    float v = -3.0f + l->nod;
    struct world_frame f = world_frame_at(&l->head, u, v, -0.10f * a->eye_slant * side, side);
    struct world_frame b =
        world_frame_at(&l->head, u + 0.6f * side, v - 15.5f - 3.0f * a->brow_height,
                       -0.09f * a->brow_slant * side, side);
    struct world_frame spark = world_frame_at(&f, e.light_u, -2.3f, 0.0f, 1.0f);
    struct world_box box = {-e.w - 3.0f, -e.up - 7.0f, e.w + 4.0f, e.low + 5.0f};
    struct world_box ball = {e.iris_u - e.iris, -e.iris, e.iris_u + e.iris, e.iris};
    struct world_spot light = {1.5f, 1.5f, 1.0f, 0.95f};

    world_paint(c, &f, box, world_draw_crease, &e, a->color[WORLD_SKIN], WORLD_SKIN);
    world_paint(c, &f, box, world_draw_eye_white, &e, white, WORLD_NO_PART);
    world_paint(c, &f, ball, world_draw_iris, &e, a->color[WORLD_EYES], WORLD_EYES);
    world_paint(c, &f, ball, world_draw_pupil, &e, dark, WORLD_NO_PART);
    world_paint(c, &spark, around(1.5f, 1.5f), world_draw_ellipse, &light, white, WORLD_NO_PART);
    world_paint(c, &f, box, world_draw_lid, &e, lash, WORLD_NO_PART);
    world_paint(c, &b, around(e.brow_w, e.brow_arch + e.brow_h), world_draw_brow, &e,
                a->color[WORLD_BROWS], WORLD_BROWS);
}

static void paint_glasses(struct world_canvas *c, const struct world_attr *a,
                          const struct world_layout *l)
{
    float v = -1.5f + l->nod, gap = 0.0f;
    const float *color = a->color[WORLD_GLASSES];

    for (float side = -1.0f; side <= 1.0f; side += 2.0f) {
        struct world_eye e = lay_out_eye(a, l, side);
        float at = world_lerp(17.4f, 18.4f, a->eye_spacing);
        struct world_frame f = world_frame_at(&l->head, l->yaw + side * at, v, 0.0f, side);
        world_paint(c, &f, (struct world_box){e.lens_w, -e.lens_h, l->face_w - 15.0f, 0.0f},
                    world_draw_arm, &e, color, WORLD_GLASSES);
        world_paint(c, &f, around(e.lens_w + 2.0f, e.lens_h + 2.0f), world_draw_rim, &e, color,
                    WORLD_GLASSES);
        gap = at - e.lens_w;
    }
    struct world_frame f = world_frame_at(&l->head, l->yaw, v - 2.5f, 0.0f, 1.0f);
    struct world_spot b = {gap, 0.0f, 0.95f, 1.0f};
    world_paint(c, &f, around(gap, 3.5f), world_draw_bridge, &b, color, WORLD_GLASSES);
}

static void paint_nose_and_cheeks(struct world_canvas *c, const struct world_attr *a,
                                  const struct world_layout *l)
{
    const float *skin = a->color[WORLD_SKIN];
    /* A blush takes shares of green and blue from the skin. */
    float blush[3] = {skin[0], skin[1] * 0.72f, skin[2] * 0.74f};
    struct world_spot cheek = {12.0f, 9.5f, l->light, 0.15f + 0.60f * a->blush};
    struct world_spot hole = {1.7f, 1.05f, 0.42f * l->light, 0.8f};
    struct world_frame nose = world_frame_at(&l->head, l->nose_u, l->nose_v, 0.0f, 1.0f);

    for (float side = -1.0f; side <= 1.0f; side += 2.0f) {
        struct world_frame f =
            world_frame_at(&l->head, l->yaw + side * 20.5f, 16.0f + l->nod, 0.0f, side);
        world_paint(c, &f, around(12.0f, 9.5f), world_draw_glow, &cheek, blush, WORLD_SKIN);
        f = world_frame_at(&nose, side * 0.45f * l->nose_w, 0.6f, 0.0f, side);
        world_paint(c, &f, around(1.7f, 1.1f), world_draw_ellipse, &hole, skin, WORLD_SKIN);
    }
    world_paint(c, &nose, (struct world_box){-1.1f * l->nose_w, -6.0f, 1.1f * l->nose_w, 3.0f},
                world_draw_nose_line, l, skin, WORLD_SKIN);
}

static void paint_mouth(struct world_canvas *c, const struct world_attr *a,
                        const struct world_layout *l)
{
    struct world_mouth m = {
        .l = l,
        .w = world_lerp(15.6f, 18.6f, a->mouth_width) + 1.2f * a->smile,
        .up = world_lerp(5.4f, 7.0f, a->lip_fullness),
        .low = world_lerp(6.0f, 7.8f, a->lip_fullness),
        .smile = a->smile,
    };
    struct world_frame f =
        world_frame_at(&l->head, 1.15f * l->yaw, 28.0f + 1.1f * l->nod, 0.0f, 1.0f);
    struct world_box box = {-m.w, -m.up - 4.0f, m.w, m.low + 4.0f};

    world_paint(c, &f, box, world_draw_lips, &m, a->color[WORLD_LIPS], WORLD_LIPS);
}

bool world_render(const struct world_attr *attr, int size, float *rgb, float *masks)
{
    if (size < WORLD_SIZE_MIN || size > WORLD_SIZE_MAX)
        return false;

    size_t plane = (size_t)size * (size_t)size;
    struct world_canvas c = {size, 128.0f / (float)size, rgb, masks};
    struct world_layout l = lay_out(attr);
    const float *skin = attr->color[WORLD_SKIN], *hair = attr->color[WORLD_HAIR];

    for (size_t i = 0; i < 3 * plane; i++)
        rgb[i] = 0.0f;
    for (size_t i = 0; masks && i < WORLD_PARTS * plane; i++)
        masks[i] = 0.0f;

    struct world_box whole = {-64.0f, -62.0f, 64.0f, 66.0f};
    struct world_box body = {-64.0f, 30.0f, 64.0f, 66.0f};
    struct world_box head = {-l.hair_w - 3.0f, -l.hair_top, l.hair_w + 3.0f, l.hair_end};
    struct world_box oval = {-l.face_w - 3.0f, -l.face_top, l.face_w + 3.0f, l.face_chin};
    struct world_spot ear = {5.0f, 8.5f, 0.86f * l.light, 1.0f};
    /* Under longer hair the ears lie closer to the head, so that they do not show through. */
    float ear_u = l.face_w + 0.5f - 7.0f * world_rise(0.10f, 0.35f, attr->hair_length);

    world_paint(&c, &l.body, whole, world_draw_background, &l, attr->color[WORLD_BACKGROUND],
                WORLD_BACKGROUND);
    world_paint(&c, &l.head, head, world_draw_hair_back, &l, hair, WORLD_HAIR);
    world_paint(&c, &l.body, body, world_draw_neck, &l, skin, WORLD_SKIN);
    world_paint(&c, &l.body, body, world_draw_shirt, &l, attr->color[WORLD_SHIRT], WORLD_SHIRT);
    for (float side = -1.0f; side <= 1.0f; side += 2.0f) {
        struct world_frame f =
            world_frame_at(&l.head, side * ear_u + l.face_u, 5.0f, 0.15f * side, side);
        world_paint(&c, &f, around(5.0f, 8.5f), world_draw_ellipse, &ear, skin, WORLD_SKIN);
    }
    world_paint(&c, &l.head, oval, world_draw_face, &l, skin, WORLD_SKIN);
    paint_nose_and_cheeks(&c, attr, &l);
    paint_mouth(&c, attr, &l);
    world_paint(&c, &l.head, head, world_draw_hair_front, &l, hair, WORLD_HAIR);
    paint_eye(&c, attr, &l, -1.0f);
    paint_eye(&c, attr, &l, 1.0f);
    if (world_has_glasses(attr))
        paint_glasses(&c, attr, &l);

    for (size_t i = 0; i < 3 * plane; i++)
        rgb[i] = 2.0f * rgb[i] - 1.0f;
    return true;
}
