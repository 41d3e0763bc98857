#include "weights/world/rich/render.h"

#include <stddef.h>

#include "weights/world/rich/shapes.h"

static const float DARK[3] = {0.07f, 0.05f, 0.06f}, PLAIN[3] = {1.0f, 1.0f, 1.0f};

/* The box of a shape that reaches u and v to either side of its origin. */
static struct world_box around(float u, float v) { return (struct world_box){-u, -v, u, v}; }

static struct rich_ink ink(const struct rich_layout *l, enum rich_part part, float warm)
{
    return (struct rich_ink){.color = l->a->color[part], .warm = warm, .part = (int)part};
}

static struct rich_ink no_part(const float color[3])
{
    return (struct rich_ink){.color = color, .part = WORLD_NO_PART};
}

/* A shadow or light on whatever is there, coloured by `color`. */
static struct rich_ink tint(const float color[3], float warm)
{
    return (struct rich_ink){.color = color, .warm = warm, .part = WORLD_NO_PART, .tint = true};
}

static struct world_frame on_face(const struct rich_layout *l, float s, float t, float depth,
                                  float angle, float side)
{
    struct rich_point p = rich_on_face(l, s, t, depth);
    return world_frame_at(&l->head, p.u, p.v, angle, side);
}

/* ---- skin ---- */

static void paint_ears(struct rich_canvas *c, const struct rich_layout *l)
{
    const struct rich_attr *a = l->a;

    /* long hair hides the ears but for pointed tips */
    if (!l->short_hair && a->ears_pointed <= 0.0f)
        return;
    for (float side = -1.0f; side <= 1.0f; side += 2.0f) {
        struct rich_ear e = {l, 3.9f + 0.8f * a->ear_size, 6.6f + 1.8f * a->ear_size,
                             a->ears_pointed, side};
        float u = l->face_u + side * l->ear_u + 0.8f * side - 0.35f * l->yaw;
        struct world_frame f = world_frame_at(&l->head, u, l->ear_v, 0.10f * side, side);
        struct world_box box = {-e.ru - 1.0f, -e.rv - 10.0f * e.point, e.ru + 12.0f * e.point,
                                e.rv + 1.0f};
        struct rich_ink skin = ink(l, RICH_SKIN, 1.0f);
        rich_paint(c, &f, box, rich_draw_ear, &e, a->ears_own ? ink(l, RICH_EARS, 0.6f) : skin);
    }
}

static void crease(struct rich_canvas *c, const struct world_frame *f, float half, float bend,
                   float width, float strength)
{
    struct rich_crease line = {half, bend, width, strength, 0.55f};
    struct rich_crease edge = {half * 0.9f, bend, width, 0.55f * strength, 1.10f};
    struct world_frame below = world_frame_at(f, 0.0f, 1.5f * width, 0.0f, 1.0f);
    struct world_box box = around(half, fabsf(bend) + 3.0f * width);

    /* a fold has a lit edge below its shadow */
    rich_paint(c, &below, box, rich_draw_crease, &edge, tint(PLAIN, 0.0f));
    rich_paint(c, f, box, rich_draw_crease, &line, tint(PLAIN, 1.0f));
}

static void paint_wrinkles(struct rich_canvas *c, const struct rich_layout *l)
{
    const struct rich_attr *a = l->a;
    float old = world_rise(0.40f, 0.95f, a->age), glad = l->cheek;
    float temple = fminf(l->eye_u + 10.2f, l->face_w - 4.5f);

    for (float side = -1.0f; side <= 1.0f; side += 2.0f) {
        /* from the wing of the nose past the corner of the mouth */
        float cheek = 0.50f * old + 0.27f * glad;
        if (cheek > 0.02f) {
            struct world_frame f =
                on_face(l, side * (9.6f + 1.2f * glad), 0.5f * (l->nose_v + l->mouth_v), 1.0f,
                        side * (-1.02f), side);
            crease(c, &f, 0.62f * (l->mouth_v - l->nose_v) + 3.6f, -1.4f, 0.75f, cheek);
        }
        if (old <= 0.0f)
            continue;
        for (int k = -1; k <= 1; k++) { /* beside the eye */
            struct world_frame f = on_face(l, side * temple, 0.2f + 1.9f * (float)k, 1.0f,
                                           side * 0.32f * (float)k, side);
            crease(c, &f, 2.9f, -0.5f, 0.42f, 0.55f * old);
        }
        struct world_frame bag =
            on_face(l, side * (l->eye_u - 0.5f), 6.3f, 1.0f, side * 0.06f, side);
        crease(c, &bag, 5.4f, -1.6f, 0.7f, 0.55f * old);
        struct world_frame frown = on_face(l, side * 2.0f, -10.0f, 1.1f, 1.50f, side);
        crease(c, &frown, 2.8f, 0.4f, 0.5f, 0.45f * old);
        struct world_frame jowl =
            on_face(l, side * 10.0f, l->mouth_v + 6.0f, 1.0f, side * -1.2f, side);
        crease(c, &jowl, 4.0f, -0.8f, 0.7f, 0.42f * old);
    }
    for (int k = 0; k < 3 && old > 0.0f; k++) {
        struct world_frame f =
            on_face(l, 0.6f * (float)(k - 1), -16.4f - 3.7f * (float)k, 1.0f, 0.0f, 1.0f);
        crease(c, &f, 13.5f - 2.0f * (float)k, 1.0f, 0.6f, 0.55f * old);
    }
}

static void paint_nose(struct rich_canvas *c, const struct rich_layout *l)
{
    const struct rich_attr *a = l->a;
    struct world_frame f =
        world_frame_at(&l->head, l->nose_u, l->nose_v + 1.2f * l->nod, 0.0f, 1.0f);
    struct world_box box = {l->nose_u - 11.0f, -5.0f, l->nose_u + 11.0f, l->nose_v + 8.0f};

    if (a->nose_own && !a->clown)
        rich_paint(c, &l->head, box, rich_draw_own_nose, l, ink(l, RICH_NOSE, 0.8f));
    if (!a->clown) {
        rich_paint(c, &f, around(2.0f * l->nose_w + 2.0f, 6.0f), rich_draw_nose_line, l,
                   tint(PLAIN, 1.0f));
    }
}

static void paint_face(struct rich_canvas *c, const struct rich_layout *l)
{
    const struct rich_attr *a = l->a;
    static const float freckle[3] = {0.74f, 0.58f, 0.46f};
    /* a blush takes green and blue from the skin */
    static const float blush[3] = {1.0f, 0.70f, 0.70f};
    struct world_box oval = {-l->face_w - 3.0f, -l->face_top, l->face_w + 3.0f, l->face_chin};
    struct world_box middle = {-l->face_w, -10.0f, l->face_w, 26.0f};

    rich_paint(c, &l->head, oval, rich_draw_face, l, ink(l, RICH_SKIN, 1.0f));
    if (a->marking != RICH_PLAIN)
        rich_paint(c, &l->head, oval,
                   a->marking == RICH_STRIPES ? rich_draw_stripes : rich_draw_half, l,
                   ink(l, RICH_MARKING, 0.5f));
    if (a->metal < 0.5f && a->marking == RICH_PLAIN)
        rich_paint(c, &l->head, middle, rich_draw_blush, l, tint(blush, 0.0f));
    if (a->freckles >= RICH_FRECKLES_FROM)
        rich_paint(c, &l->head, middle, rich_draw_freckles, l, tint(freckle, 0.0f));
    paint_wrinkles(c, l);
    paint_nose(c, l);
}

/* ---- mouth ---- */

static void paint_mouth(struct rich_canvas *c, const struct rich_layout *l)
{
    static const float inside[3] = {0.25f, 0.07f, 0.08f}, tongue[3] = {0.74f, 0.33f, 0.34f};
    const struct rich_attr *a = l->a;
    float wide = rich_past(a->mouth_open, RICH_OPEN_FROM), glad = a->smile > 0.0f ? a->smile : 0.0f;
    struct rich_mouth m = {
        .l = l,
        .w = world_lerp(8.8f, 11.2f, a->mouth_width) + 2.2f * glad * (1.0f + 0.5f * wide),
        .up = world_lerp(1.9f, 3.7f, a->lip_fullness),
        .low = world_lerp(2.7f, 4.9f, a->lip_fullness),
        .lift = a->smile < 0.0f ? 0.65f * a->smile : a->smile,
        .open = wide > 0.0f ? 2.0f + 7.0f * wide * (1.0f - 0.25f * glad) : 0.0f,
    };
    struct world_frame f = on_face(l, 0.0f, l->mouth_v - 0.25f * m.open, 1.05f, 0.0f, 1.0f);
    struct world_box box = {-m.w, -m.up - 4.5f, m.w, m.low + m.open + 5.0f};

    rich_paint(c, &f, box, rich_draw_lips, &m, ink(l, RICH_LIPS, 0.5f));
    if (m.open > 0.0f) {
        rich_paint(c, &f, box, rich_draw_mouth_inside, &m, no_part(inside));
        rich_paint(c, &f, box, rich_draw_tongue, &m, no_part(tongue));
        rich_paint(c, &f, box, rich_draw_teeth, &m, ink(l, RICH_TEETH, 0.2f));
    }
    for (float side = -1.0f; side <= 1.0f; side += 2.0f) { /* the corners' dimples */
        float lift = m.lift * -2.9f;
        struct world_frame dimple =
            world_frame_at(&f, side * (m.w + 0.2f), lift, side * -0.7f * m.lift, side);
        struct rich_crease line = {1.9f, 0.0f, 0.8f, 0.45f, 0.5f};
        rich_paint(c, &dimple, around(2.0f, 2.4f), rich_draw_crease, &line, tint(PLAIN, 1.0f));
    }
}

/* ---- eyes ---- */

static struct rich_eye lay_out_eye(const struct rich_layout *l, float side)
{
    const struct rich_attr *a = l->a;
    float stretch = rich_on_face(l, side * l->eye_u, 0.0f, 1.0f).stretch;
    float open = world_lerp(0.70f, 1.06f, a->eye_open) * (1.0f - l->eye_shut);
    float w = world_lerp(6.3f, 8.0f, a->eye_size);
    struct rich_eye e = {
        .l = l,
        .side = side,
        .stretch = stretch,
        .w = w * stretch,
        .up = 0.52f * w * open,
        .low = 0.36f * w * world_lerp(0.85f, 1.05f, a->eye_open) * (1.0f - 0.8f * l->eye_shut),
        .iris = 0.50f * w,
        .gaze_u = side * (0.20f * w * a->gaze + 0.12f * l->yaw),
        .lashes = a->lashes,
        .shadow =
            rich_has(a, RICH_SHADOW) ? 0.35f + 0.5f * rich_past(a->shadow, RICH_SHADOW_FROM) : 0.0f,
        .brow_w = 8.6f * stretch,
        .brow_h = world_lerp(0.85f, 2.3f, a->brow_thickness),
        .brow_arch = world_lerp(0.4f, 3.2f, a->brow_arch),
        .lens_w = (world_lerp(8.9f, 10.2f, a->glasses_size) + 0.6f * a->glasses_shape) * stretch,
        .lens_h = world_lerp(8.3f, 9.6f, a->glasses_size) - 1.7f * a->glasses_shape,
    };
    e.lens_r = world_lerp(e.lens_h, 2.4f, a->glasses_shape);
    if (e.lens_r > e.lens_w)
        e.lens_r = e.lens_w;
    return e;
}

static void paint_eye(struct rich_canvas *c, const struct rich_layout *l, float side)
{
    static const float light[3] = {1.0f, 1.0f, 1.0f};
    const struct rich_attr *a = l->a;
    struct rich_eye e = lay_out_eye(l, side);
    struct world_frame f =
        on_face(l, side * l->eye_u, 0.0f, 1.0f, -0.13f * a->eye_slant * side, side);
    struct world_frame spark =
        world_frame_at(&f, e.gaze_u + side * (0.36f * e.iris * (l->light.x > 0 ? 1.0f : -1.0f)),
                       -0.5f - 0.34f * e.iris, 0.0f, 1.0f);
    struct world_frame glint =
        world_frame_at(&f, e.gaze_u - side * 0.3f * e.iris * (l->light.x > 0 ? 1.0f : -1.0f),
                       0.45f * e.iris, 0.0f, 1.0f);
    struct world_box box = {-e.w - 2.0f, -e.up - 6.5f, e.w + 3.0f, e.low + 7.5f};
    struct world_box ball = {e.gaze_u - e.iris, -e.iris - 1.0f, e.gaze_u + e.iris, e.iris + 1.0f};
    struct rich_spot bright = {l, 0.95f, 0.95f, 0.95f, 1.0f, 0.0f};
    struct rich_spot faint = {l, 0.55f, 0.55f, 0.40f, 1.0f, 0.0f};

    rich_paint(c, &f, box, rich_draw_socket, &e, tint(PLAIN, 1.0f));
    if (e.shadow > 0.0f)
        rich_paint(c, &f, box, rich_draw_eyeshadow, &e, ink(l, RICH_SHADOW, 0.3f));
    rich_paint(c, &f, box, rich_draw_white, &e, ink(l, RICH_WHITES, 0.3f));
    rich_paint(c, &f, ball, rich_draw_iris, &e, ink(l, RICH_EYES, 0.0f));
    rich_paint(c, &f, ball, rich_draw_pupil, &e, no_part(DARK));
    rich_paint(c, &f, box, rich_draw_lid, &e, no_part(DARK));
    if (e.lashes > 0.25f)
        rich_paint(c, &f, box, rich_draw_lashes, &e, no_part(DARK));
    if (e.up > 0.8f * e.iris) {
        rich_paint(c, &spark, around(1.0f, 1.0f), rich_draw_disc, &bright, no_part(light));
        rich_paint(c, &glint, around(1.0f, 1.0f), rich_draw_disc, &faint, no_part(light));
    }

    float brow = -8.6f - 3.0f * a->brow_height - 0.4f * e.up;
    float anger = a->brow_slant * (0.08f + 0.13f * a->brow_slant * a->brow_slant);
    float slant = 0.03f + 0.16f * l->brow_up - anger; /* turns the inner ends up */
    struct world_frame b = on_face(l, side * (l->eye_u + 0.2f), brow, 1.0f, slant * side, side);
    rich_paint(c, &b, around(e.brow_w, e.brow_arch + e.brow_h + 1.5f), rich_draw_brow, &e,
               ink(l, RICH_BROWS, 0.3f));
}

static void paint_glasses(struct rich_canvas *c, const struct rich_layout *l)
{
    float inner[2];

    for (int k = 0; k < 2; k++) {
        float side = k ? 1.0f : -1.0f;
        struct rich_eye e = lay_out_eye(l, side);
        struct rich_point p = rich_on_face(l, side * (l->eye_u + 0.5f), 1.2f, 1.1f);
        struct world_frame f = world_frame_at(&l->head, p.u, p.v, 0.0f, side);
        struct world_box box = around(e.lens_w + 1.5f, e.lens_h + 1.5f);
        e.arm = side * (l->face_u - p.u) + l->face_w + 0.5f;
        rich_paint(c, &f, (struct world_box){e.lens_w, -e.lens_h, l->face_w, 0.0f}, rich_draw_arm,
                   &e, ink(l, RICH_GLASSES, 0.0f));
        if (rich_has(l->a, RICH_LENSES))
            rich_paint(c, &f, box, rich_draw_lens, &e, ink(l, RICH_LENSES, 0.0f));
        rich_paint(c, &f, box, rich_draw_rim, &e, ink(l, RICH_GLASSES, 0.0f));
        inner[k] = p.u - side * e.lens_w;
    }
    struct rich_point p = rich_on_face(l, 0.0f, -0.6f, 1.1f);
    struct world_frame f = world_frame_at(&l->head, 0.5f * (inner[0] + inner[1]), p.v, 0.0f, 1.0f);
    struct rich_spot b = {l, 0.5f * (inner[1] - inner[0]), 0.0f, 1.0f, 0.95f, 0.0f};
    if (b.ru > 0.5f)
        rich_paint(c, &f, around(b.ru, 3.0f), rich_draw_bridge, &b, ink(l, RICH_GLASSES, 0.0f));
}

/* ---- beard and things ---- */

static void paint_beard(struct rich_canvas *c, const struct rich_layout *l)
{
    struct world_box box = {-l->face_w - 5.0f, 0.0f, l->face_w + 5.0f, l->beard_low + 4.0f};

    if (rich_has(l->a, RICH_BEARD))
        rich_paint(c, &l->head, box, rich_draw_beard, l, ink(l, RICH_BEARD, 0.2f));
}

static void paint_moustache(struct rich_canvas *c, const struct rich_layout *l)
{
    const struct rich_attr *a = l->a;

    if (!rich_has(a, RICH_MOUSTACHE))
        return;
    float grown = rich_past(a->moustache, RICH_MOUSTACHE_FROM);
    float under = 0.42f * l->nose_v + 0.58f * l->mouth_v - 3.4f;
    for (float side = -1.0f; side <= 1.0f; side += 2.0f) {
        float stretch = rich_on_face(l, side * 8.0f, under, 1.0f).stretch;
        struct rich_wing m = {l, (10.5f + 4.0f * grown) * stretch, 0.95f + 1.7f * grown,
                              a->moustache_curl};
        struct world_frame f = on_face(l, 0.0f, under, 1.15f, 0.0f, side);
        struct world_box box = {-3.0f, -10.0f, m.length + 2.0f, 10.0f};
        rich_paint(c, &f, box, rich_draw_moustache, &m, ink(l, RICH_MOUSTACHE, 0.2f));
    }
}

static void paint_hat(struct rich_canvas *c, const struct rich_layout *l)
{
    struct world_box top = {-l->face_w - 6.0f, -60.0f, l->face_w + 6.0f, l->hat_edge + 6.0f};
    struct world_box brim = {-l->face_w - 19.0f, l->hat_edge - 14.0f, l->face_w + 19.0f,
                             l->hat_edge + 10.0f};
    struct rich_ink hat = ink(l, RICH_HAT, 0.1f);

    switch (rich_hat_kind(l->a)) {
    case RICH_BEANIE:
        rich_paint(c, &l->head, top, rich_draw_beanie, l, hat);
        rich_paint(c, &l->head, top, rich_draw_beanie_fold, l, hat);
        break;
    case RICH_CAP:
        rich_paint(c, &l->head, top, rich_draw_cap, l, hat);
        rich_paint(c, &l->head, brim, rich_draw_visor, l, hat);
        break;
    default:
        rich_paint(c, &l->head, top, rich_draw_crown, l, hat);
        rich_paint(c, &l->head, top, rich_draw_ribbon, l, hat);
        rich_paint(c, &l->head, brim, rich_draw_brim, l, hat);
        break;
    }
}

static void paint_earrings(struct rich_canvas *c, const struct rich_layout *l)
{
    struct rich_ink gold = ink(l, RICH_EARRINGS, 0.2f);
    float lobe = l->ear_v + 6.3f + 1.6f * l->a->ear_size;

    for (float side = -1.0f; side <= 1.0f; side += 2.0f) {
        float u = l->face_u + side * (l->ear_u + 1.0f) - 0.35f * l->yaw;
        struct world_frame f = world_frame_at(&l->head, u, lobe, 0.0f, side);
        struct world_frame below = world_frame_at(&f, 0.3f, 4.0f, -l->a->tilt * 0.1f, 1.0f);
        struct rich_spot stud = {l, 1.5f, 1.5f, 1.0f, 1.0f, 0.6f};
        struct rich_spot hoop = {l, 3.6f, 4.6f, 1.0f, 1.0f, 0.4f};
        struct rich_spot drop = {l, 1.9f, 3.0f, 1.0f, 1.0f, 0.4f};
        struct world_frame low = world_frame_at(&f, 0.3f, 8.0f, 0.0f, 1.0f);

        switch (rich_earring_kind(l->a)) {
        case RICH_STUD: rich_paint(c, &f, around(1.6f, 1.6f), rich_draw_ball, &stud, gold); break;
        case RICH_HOOP:
            rich_paint(c, &below, around(4.8f, 5.8f), rich_draw_hoop, &hoop, gold);
            break;
        default: rich_paint(c, &low, around(2.2f, 9.0f), rich_draw_drop, &drop, gold); break;
        }
    }
}

static void paint_horns(struct rich_canvas *c, const struct rich_layout *l)
{
    for (float side = -1.0f; side <= 1.0f; side += 2.0f) {
        struct world_frame f = on_face(l, side * 13.0f, -29.0f, 0.8f, 0.12f * side, side);
        struct world_box box = {-6.0f, -25.0f, 12.0f, 3.0f};
        rich_paint(c, &f, box, rich_draw_horn, l, ink(l, RICH_HORNS, 0.3f));
    }
}

static void paint_clown_nose(struct rich_canvas *c, const struct rich_layout *l)
{
    struct world_frame f =
        world_frame_at(&l->head, l->nose_u, l->nose_v - 1.5f + 1.4f * l->nod, 0.0f, 1.0f);
    struct rich_spot ball = {l, 6.6f, 6.4f, 1.0f, 0.96f, 0.45f};

    rich_paint(c, &f, around(6.8f, 6.6f), rich_draw_ball, &ball, ink(l, RICH_NOSE, 0.6f));
}

/* Light tints and brightens everything alike. */
static void expose(const struct rich_attr *a, size_t plane, float *rgb)
{
    float bright = 0.88f + 0.16f * a->light, warm = 0.045f * (2.0f * a->light_warm - 1.0f);
    const float gain[3] = {bright * (1.0f + warm), bright, bright * (1.0f - warm)};

    for (size_t c = 0; c < 3; c++)
        for (size_t i = 0; i < plane; i++) {
            float v = rgb[c * plane + i] * gain[c];
            rgb[c * plane + i] = 2.0f * (v > 1.0f ? 1.0f : v) - 1.0f;
        }
}

bool rich_render(const struct rich_attr *attr, int size, float *rgb, float *masks)
{
    if (size < WORLD_SIZE_MIN || size > WORLD_SIZE_MAX)
        return false;

    size_t plane = (size_t)size * (size_t)size;
    struct rich_canvas c = {.size = size, .px = 128.0f / (float)size, .rgb = rgb, .masks = masks};
    struct rich_layout layout, *l = &layout;
    rich_lay_out(attr, l);

    for (size_t i = 0; i < 3 * plane; i++)
        rgb[i] = 0.0f;
    for (size_t i = 0; masks && i < RICH_PARTS * plane; i++)
        masks[i] = 0.0f;

    struct world_frame room = {64.0f, 64.0f, 1.0f, 0.0f, 0.0f, 1.0f};
    struct world_box neck = {-l->neck_w - 21.0f, 8.0f, l->neck_w + 21.0f, 70.0f};
    struct world_box chest = {-72.0f, 44.0f, 72.0f, 70.0f};
    struct world_box hair = {-l->hair_w - 7.0f, -l->hair_top - 3.0f, l->hair_w + 7.0f,
                             l->hair_end + 3.0f};
    bool bald = rich_bald(attr);

    rich_paint(&c, &room, around(64.0f, 64.0f), rich_draw_background, l,
               ink(l, RICH_BACKGROUND, 0.0f));
    if (!bald && !l->short_hair)
        rich_paint(&c, &l->head, hair, rich_draw_hair_back, l, ink(l, RICH_HAIR, 0.3f));
    rich_paint(&c, &l->body, neck, rich_draw_neck, l, ink(l, RICH_SKIN, 1.0f));
    rich_paint(&c, &l->body, chest, rich_draw_shirt, l, ink(l, RICH_SHIRT, 0.1f));
    if (l->short_hair || bald)
        paint_ears(&c, l);
    paint_face(&c, l);
    paint_beard(&c, l);
    paint_mouth(&c, l);
    paint_moustache(&c, l);
    paint_eye(&c, l, -1.0f);
    paint_eye(&c, l, 1.0f);
    if (!bald)
        rich_paint(&c, &l->head, hair, rich_draw_hair_front, l, ink(l, RICH_HAIR, 0.3f));
    if (!l->short_hair)
        paint_ears(&c, l);
    if (rich_has(attr, RICH_GLASSES))
        paint_glasses(&c, l);
    if (rich_has(attr, RICH_HAT))
        paint_hat(&c, l);
    if (rich_has(attr, RICH_EARRINGS))
        paint_earrings(&c, l);
    if (attr->horns)
        paint_horns(&c, l);
    if (attr->clown)
        paint_clown_nose(&c, l);
    expose(attr, plane, rgb);
    return true;
}
