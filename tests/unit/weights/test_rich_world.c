/* The rich world's pictures: determinism, sizes, masks, what each attribute may change, groups. */
#include <check.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "unit/suites.h"
#include "weights/world/rich/render.h"
#include "weights/world/rich/words.h"
#include "weights/world/world.h"

enum { SIZE = 64, PIXELS = SIZE * SIZE };

static float image[3 * PIXELS], other[3 * PIXELS];
static float masks[RICH_PARTS * PIXELS], other_masks[RICH_PARTS * PIXELS];

static float change_at(int pixel)
{
    float most = 0.0f;
    for (int c = 0; c < 3; c++) {
        float d = fabsf(image[c * PIXELS + pixel] - other[c * PIXELS + pixel]);
        most = d > most ? d : most;
    }
    return most;
}

START_TEST(same_attributes_same_picture)
{
    for (uint64_t seed = 0; seed < 12; seed++) {
        uint64_t rng = seed;
        struct rich_attr attr;
        rich_attr_random_any(&rng, &attr);
        ck_assert(rich_render(&attr, SIZE, image, NULL));
        ck_assert(rich_render(&attr, SIZE, other, masks));
        ck_assert_mem_eq(image, other, sizeof image);
        for (int i = 0; i < PIXELS; i++) {
            float sum = 0.0f;
            for (int p = 0; p < RICH_PARTS; p++) {
                ck_assert_float_ge(masks[p * PIXELS + i], 0.0f);
                sum += masks[p * PIXELS + i];
            }
            ck_assert_float_le(sum, 1.0f + 1e-5f);
            for (int c = 0; c < 3; c++)
                ck_assert_float_le(fabsf(image[c * PIXELS + i]), 1.0f);
        }
        for (int p = 0; p < RICH_PARTS; p++) {
            if (rich_has(&attr, (enum rich_part)p))
                continue;
            for (int i = 0; i < PIXELS; i++)
                ck_assert_float_eq(masks[p * PIXELS + i] * (float)(p >= RICH_NATURAL), 0.0f);
        }
    }
}
END_TEST

/* The chin of this portrait is so pointed that its width, continued below the face, passes through
 * 0 within the long beard. */
START_TEST(a_long_beard_below_a_pointed_chin)
{
    enum { LARGER = 112 };
    static float rgb[3 * LARGER * LARGER], shares[RICH_PARTS * LARGER * LARGER];
    uint64_t rng = 0x127A3B6B38B8BBB6u;
    struct rich_attr attr;
    rich_attr_random_any(&rng, &attr);
    ck_assert(rich_render(&attr, LARGER, rgb, shares));
    for (int i = 0; i < 3 * LARGER * LARGER; i++)
        ck_assert(isfinite(rgb[i]));
    for (int i = 0; i < RICH_PARTS * LARGER * LARGER; i++)
        ck_assert(isfinite(shares[i]));
}
END_TEST

/* The mean picture hardly depends on the size, and every size is drawn. */
START_TEST(sizes_agree)
{
    const int sizes[] = {WORLD_SIZE_MIN, 61, 128, 256, WORLD_SIZE_MAX};
    uint64_t rng = 3;
    struct rich_attr attr;
    rich_attr_random_any(&rng, &attr);
    double mean[5];

    for (int k = 0; k < 5; k++) {
        const size_t plane = (size_t)sizes[k] * (size_t)sizes[k];
        float *rgb = malloc((3 + RICH_PARTS) * plane * sizeof *rgb);
        ck_assert_ptr_nonnull(rgb);
        ck_assert(rich_render(&attr, sizes[k], rgb, rgb + 3 * plane));
        mean[k] = 0.0;
        for (size_t i = 0; i < 3 * plane; i++)
            mean[k] += (double)rgb[i] / (3.0 * (double)plane);
        free(rgb);
        ck_assert_double_eq_tol(mean[k], mean[0], 0.02);
    }
    ck_assert(!rich_render(&attr, WORLD_SIZE_MIN - 1, image, NULL));
    ck_assert(!rich_render(&attr, WORLD_SIZE_MAX + 1, image, NULL));
}
END_TEST

/* A portrait that has the part. */
static void with_part(enum rich_part part, struct rich_attr *attr)
{
    uint64_t rng = 100 + (uint64_t)part;
    do {
        rich_attr_random_any(&rng, attr);
    } while (!rich_has(attr, part));
}

/* Another colour changes its part's pixels, and no others; masks do not depend on colours. */
START_TEST(colour_stays_in_its_mask)
{
    for (int part = 0; part < RICH_PARTS; part++) {
        struct rich_attr attr;
        with_part((enum rich_part)part, &attr);
        ck_assert(rich_render(&attr, SIZE, image, masks));
        rich_attr_set_color(&attr, (enum rich_part)part,
                            attr.color_name[part] == WORLD_GREEN ? WORLD_RED : WORLD_GREEN, NULL);
        ck_assert(rich_render(&attr, SIZE, other, other_masks));
        ck_assert_mem_eq(masks, other_masks, sizeof masks);
        double inside = 0.0;
        for (int i = 0; i < PIXELS; i++) {
            if (masks[part * PIXELS + i] == 0.0f)
                ck_assert_float_le(change_at(i), 1e-5f);
            inside += (double)(masks[part * PIXELS + i] * change_at(i));
        }
        ck_assert_msg(inside > 0.2, "%s changes by %g only", rich_part_name((enum rich_part)part),
                      inside);
    }
}
END_TEST

#define BIT(part) (1u << (part))
enum {
    FEATURES = BIT(RICH_SKIN) | BIT(RICH_BROWS) | BIT(RICH_EYES) | BIT(RICH_WHITES) |
               BIT(RICH_SHADOW) | BIT(RICH_LIPS) | BIT(RICH_TEETH) | BIT(RICH_NOSE) |
               BIT(RICH_MARKING) | BIT(RICH_BEARD) | BIT(RICH_MOUSTACHE) | BIT(RICH_GLASSES) |
               BIT(RICH_LENSES),
    HEAD = FEATURES | BIT(RICH_BACKGROUND) | BIT(RICH_SHIRT) | BIT(RICH_HAIR) | BIT(RICH_HAT) |
           BIT(RICH_EARS) | BIT(RICH_EARRINGS) | BIT(RICH_HORNS)
};

/* Attributes varied alone, with the parts that may change; "" of no part may always. */
struct varied {
    const char *name;
    size_t offset;
    float from, to;
    unsigned parts;
    bool exact; /* whether what changes is exactly inside these parts' masks */
};

#define VARIED(f, from, to, parts, exact)                                     \
    {                                                                         \
#f, offsetof(struct rich_attr, f), from, to, (unsigned)(parts), exact \
    }

static const struct varied VARIED_ALONE[] = {
    VARIED(yaw, -0.8f, 0.8f, HEAD, false),
    VARIED(nod, -0.8f, 0.8f, HEAD, false),
    VARIED(tilt, -0.8f, 0.8f, HEAD, false),
    VARIED(place_x, -0.8f, 0.8f, HEAD, false),
    VARIED(place_y, -0.8f, 0.8f, HEAD, false),
    VARIED(head_width, 0.1f, 0.9f, HEAD, false),
    VARIED(head_height, 0.1f, 0.9f, HEAD, false),
    VARIED(jaw, 0.1f, 0.9f, HEAD, false),
    VARIED(chin, 0.1f, 0.9f, HEAD, false),
    VARIED(ear_size, 0.1f, 0.9f, BIT(RICH_SKIN) | BIT(RICH_BACKGROUND), false),
    VARIED(neck_width, 0.1f, 0.9f, BIT(RICH_SKIN) | BIT(RICH_BACKGROUND) | BIT(RICH_SHIRT), false),
    VARIED(shoulders, 0.1f, 0.9f, BIT(RICH_BACKGROUND) | BIT(RICH_SHIRT), false),
    VARIED(collar, 0.1f, 0.9f, BIT(RICH_SKIN) | BIT(RICH_SHIRT), false),
    VARIED(hair_length, 0.25f, 0.9f, HEAD, false),
    VARIED(hair_volume, 0.1f, 0.9f, BIT(RICH_HAIR) | BIT(RICH_BACKGROUND) | BIT(RICH_SKIN), false),
    VARIED(hair_curl, 0.1f, 0.9f, BIT(RICH_HAIR) | BIT(RICH_BACKGROUND) | BIT(RICH_SKIN), false),
    VARIED(fringe, 0.1f, 0.9f, BIT(RICH_HAIR) | BIT(RICH_SKIN), false),
    VARIED(parting, -0.8f, 0.8f, BIT(RICH_HAIR) | BIT(RICH_SKIN), false),
    VARIED(hat_on, 0.1f, 0.9f,
           BIT(RICH_HAT) | BIT(RICH_HAIR) | BIT(RICH_SKIN) | BIT(RICH_BACKGROUND), false),
    VARIED(brow_thickness, 0.1f, 0.9f, BIT(RICH_BROWS) | BIT(RICH_SKIN), false),
    VARIED(brow_arch, 0.1f, 0.9f, BIT(RICH_BROWS) | BIT(RICH_SKIN), false),
    VARIED(brow_height, 0.1f, 0.9f, BIT(RICH_BROWS) | BIT(RICH_SKIN), false),
    VARIED(brow_slant, -0.8f, 0.8f, BIT(RICH_BROWS) | BIT(RICH_SKIN), false),
    VARIED(eye_size, 0.1f, 0.9f, FEATURES, false),
    VARIED(eye_spacing, 0.1f, 0.9f, FEATURES, false),
    VARIED(eye_open, 0.1f, 0.9f, FEATURES, false),
    VARIED(eye_slant, -0.8f, 0.8f, FEATURES, false),
    VARIED(gaze, -0.8f, 0.8f, BIT(RICH_EYES) | BIT(RICH_WHITES), false),
    VARIED(nose_width, 0.1f, 0.9f, FEATURES, false),
    VARIED(nose_length, 0.1f, 0.9f, FEATURES, false),
    VARIED(mouth_width, 0.1f, 0.9f, FEATURES, false),
    VARIED(lip_fullness, 0.1f, 0.9f, FEATURES, false),
    VARIED(smile, -0.8f, 0.9f, FEATURES, false),
    VARIED(mouth_open, 0.1f, 0.9f, FEATURES, false),
    VARIED(age, 0.1f, 0.9f, BIT(RICH_SKIN), false),
    VARIED(freckles, 0.1f, 0.9f, BIT(RICH_SKIN), true),
    VARIED(beard, 0.1f, 0.9f, BIT(RICH_BEARD), true),
    VARIED(moustache, 0.1f, 0.9f, BIT(RICH_MOUSTACHE), true),
    VARIED(glasses_on, 0.1f, 0.9f, BIT(RICH_GLASSES), true),
    VARIED(earrings_on, 0.1f, 0.9f, BIT(RICH_EARRINGS), true),
    VARIED(lashes, 0.1f, 0.9f, 0, false),
    VARIED(shadow, 0.1f, 0.9f, BIT(RICH_SHADOW), true),
    VARIED(blush, 0.1f, 0.9f, BIT(RICH_SKIN), true),
    VARIED(ears_pointed, 0.0f, 1.0f, BIT(RICH_SKIN) | BIT(RICH_BACKGROUND), false),
    VARIED(metal, 0.0f, 1.0f, BIT(RICH_SKIN), true),
};

/* A plain portrait: short hair, nothing worn. */
static void plain(struct rich_attr *attr)
{
    const float z[RICH_Z] = {0.0f};
    rich_attr_from_z(z, attr);
    attr->hair_length = 0.35f;
}

/* Pixels that belong wholly to a part that must not change, before and after, do not. Where the
 * change is exact, nothing changes outside of the masks of the parts that may, either. */
START_TEST(attributes_change_only_their_parts)
{
    for (size_t k = 0; k < sizeof VARIED_ALONE / sizeof *VARIED_ALONE; k++) {
        const struct varied *v = &VARIED_ALONE[k];
        struct rich_attr a, b;
        plain(&a);
        b = a;
        *(float *)(void *)((char *)&a + v->offset) = v->from;
        *(float *)(void *)((char *)&b + v->offset) = v->to;
        ck_assert(rich_render(&a, SIZE, image, masks));
        ck_assert(rich_render(&b, SIZE, other, other_masks));

        double changed = 0.0;
        for (int i = 0; i < PIXELS; i++) {
            float may = 0.0f;
            for (int p = 0; p < RICH_PARTS; p++) {
                float before = masks[p * PIXELS + i], after = other_masks[p * PIXELS + i];
                if (v->parts & BIT(p))
                    may += before + after;
                else if (before >= 0.9999f && after >= 0.9999f)
                    ck_assert_msg(change_at(i) < 1e-3f, "%s changes %s by %g at %d, %d", v->name,
                                  rich_part_name((enum rich_part)p), (double)change_at(i), i % SIZE,
                                  i / SIZE);
            }
            if (v->exact && may == 0.0f)
                ck_assert_msg(change_at(i) < 1e-5f, "%s changes more than its parts", v->name);
            changed += (double)change_at(i);
        }
        ck_assert_msg(changed > 1.0, "%s changes nothing", v->name);
    }
}
END_TEST

/* Horns, a clown's nose and marks are drawn where their masks are. */
START_TEST(fantasy_stays_in_its_mask)
{
    for (int k = 0; k < 4; k++) {
        struct rich_attr a, b;
        plain(&a);
        b = a;
        unsigned parts = k == 0 ? BIT(RICH_HORNS) : k == 1 ? BIT(RICH_NOSE) : BIT(RICH_MARKING);
        b.horns = k == 0;
        b.clown = k == 1;
        b.marking = k == 2 ? RICH_STRIPES : k == 3 ? RICH_HALVES : RICH_PLAIN;
        a.blush = b.blush = 0.0f;
        ck_assert(rich_render(&a, SIZE, image, masks));
        ck_assert(rich_render(&b, SIZE, other, other_masks));
        double changed = 0.0;
        for (int i = 0; i < PIXELS; i++) {
            bool may = false, skin = masks[RICH_SKIN * PIXELS + i] > 0.0f;
            for (int p = 0; p < RICH_PARTS; p++)
                may |= (parts & BIT(p)) && other_masks[p * PIXELS + i] > 0.0f;
            /* the lines of the nose and the blush belong to the skin and go away */
            if (!may && !(k > 0 && skin))
                ck_assert_float_le(change_at(i), 1e-5f);
            changed += may ? (double)change_at(i) : 0.0;
        }
        ck_assert_double_gt(changed, 5.0);
    }
}
END_TEST

/* ---- what the words say can be seen ---- */

/* Numbers read from the masks of a portrait whose face stands in the middle. */
struct seen {
    double area, x, y; /* pixels; the middle of the part */
    double pair;       /* the mean x of the middles of its left and right half */
    double low;        /* its lowest row */
    double wings;      /* how much lower its outer than its inner half lies, both sides together */
};

static struct seen look(enum rich_part part)
{
    struct seen s = {0};
    double outer = 0.0, inner = 0.0, outer_y = 0.0, inner_y = 0.0;
    const float *mask = masks + (int)part * PIXELS;
    double left = 0.0, left_x = 0.0, right = 0.0, right_x = 0.0;

    for (int i = 0; i < PIXELS; i++) {
        double m = (double)mask[i], x = i % SIZE, y = (double)(i / SIZE);
        s.area += m;
        s.x += m * x;
        s.y += m * y;
        if (m > 0.5 && y > s.low)
            s.low = y;
        if (x < SIZE / 2) {
            left += m;
            left_x += m * x;
        } else {
            right += m;
            right_x += m * x;
        }
    }
    s.x /= s.area;
    s.y /= s.area;
    for (int i = 0; i < PIXELS; i++) {
        double m = (double)mask[i], x = i % SIZE, y = (double)(i / SIZE);
        bool out = x < SIZE / 2 ? x < left_x / left : x > right_x / right;
        if (out) {
            outer += m;
            outer_y += m * y;
        } else {
            inner += m;
            inner_y += m * y;
        }
    }
    s.pair = 0.5 * (left_x / left + right_x / right);
    s.wings = outer_y / outer - inner_y / inner;
    return s;
}

static struct seen look_at(size_t offset, float value, enum rich_part part)
{
    struct rich_attr a;
    plain(&a);
    *(float *)(void *)((char *)&a + offset) = value;
    ck_assert(rich_render(&a, SIZE, image, masks));
    return look(part);
}

#define SEEN(f, value, part) look_at(offsetof(struct rich_attr, f), value, part)

START_TEST(words_can_be_seen)
{
    /* left and right, up and down are the picture's */
    ck_assert_double_lt(SEEN(yaw, -1.0f, RICH_LIPS).x, SEEN(yaw, 1.0f, RICH_LIPS).x - 1.0);
    ck_assert_double_lt(SEEN(nod, -1.0f, RICH_LIPS).y, SEEN(nod, 1.0f, RICH_LIPS).y - 0.5);
    ck_assert_double_lt(SEEN(tilt, -1.0f, RICH_HAIR).x, SEEN(tilt, 1.0f, RICH_HAIR).x - 1.0);
    ck_assert_double_lt(SEEN(gaze, -1.0f, RICH_EYES).pair, SEEN(gaze, 1.0f, RICH_EYES).pair - 0.8);
    /* the corners of a smiling mouth rise, those of a sad one fall */
    ck_assert_double_lt(SEEN(smile, 1.0f, RICH_LIPS).wings,
                        SEEN(smile, 0.0f, RICH_LIPS).wings - 0.2);
    ck_assert_double_gt(SEEN(smile, -1.0f, RICH_LIPS).wings,
                        SEEN(smile, 0.0f, RICH_LIPS).wings + 0.2);
    /* worried brows: the inner ends are up; angry ones: down; sad faces have worried brows */
    ck_assert_double_gt(SEEN(brow_slant, -1.0f, RICH_BROWS).wings,
                        SEEN(brow_slant, 0.0f, RICH_BROWS).wings + 0.3);
    ck_assert_double_lt(SEEN(brow_slant, 1.0f, RICH_BROWS).wings,
                        SEEN(brow_slant, 0.0f, RICH_BROWS).wings - 0.3);
    ck_assert_double_gt(SEEN(smile, -1.0f, RICH_BROWS).wings,
                        SEEN(smile, 0.0f, RICH_BROWS).wings + 0.1);
    ck_assert_double_lt(SEEN(eye_slant, 1.0f, RICH_WHITES).wings,
                        SEEN(eye_slant, -1.0f, RICH_WHITES).wings - 0.2);
    /* what grows */
    ck_assert_double_gt(SEEN(hair_length, 0.9f, RICH_HAIR).low,
                        SEEN(hair_length, 0.3f, RICH_HAIR).low + 10.0);
    ck_assert_double_gt(SEEN(beard, 1.0f, RICH_BEARD).low,
                        SEEN(beard, 0.75f, RICH_BEARD).low + 4.0);
    ck_assert_double_gt(SEEN(brow_thickness, 0.9f, RICH_BROWS).area,
                        1.5 * SEEN(brow_thickness, 0.1f, RICH_BROWS).area);
    ck_assert_double_gt(SEEN(lip_fullness, 0.9f, RICH_LIPS).area,
                        1.3 * SEEN(lip_fullness, 0.1f, RICH_LIPS).area);
    ck_assert_double_gt(SEEN(eye_size, 0.9f, RICH_EYES).area,
                        1.1 * SEEN(eye_size, 0.1f, RICH_EYES).area);
    ck_assert_double_gt(SEEN(moustache, 1.0f, RICH_MOUSTACHE).area,
                        1.5 * SEEN(moustache, 0.68f, RICH_MOUSTACHE).area);
    ck_assert_double_gt(SEEN(mouth_open, 0.95f, RICH_TEETH).area, 5.0);
    ck_assert_double_gt(SEEN(collar, 1.0f, RICH_SKIN).low, SEEN(collar, 0.0f, RICH_SKIN).low + 1.0);
    /* curled ends are up */
    struct rich_attr a;
    double wings[2];
    for (int k = 0; k < 2; k++) {
        plain(&a);
        a.moustache = 1.0f;
        a.moustache_curl = (float)k;
        ck_assert(rich_render(&a, SIZE, image, masks));
        wings[k] = look(RICH_MOUSTACHE).wings;
    }
    ck_assert_double_lt(wings[1], wings[0] - 0.5);
    /* light from the left brightens the left of the face */
    double bright[2] = {0.0, 0.0};
    plain(&a);
    a.light_dir = -1.0f;
    ck_assert(rich_render(&a, SIZE, image, masks));
    for (int i = 0; i < PIXELS; i++)
        bright[i % SIZE >= SIZE / 2] += (double)(masks[RICH_SKIN * PIXELS + i] * image[i]);
    ck_assert_double_gt(bright[0], bright[1] + 10.0);
}
END_TEST

/* Whether all numbers and colours of a group agree. */
static bool same_group(const struct rich_attr *a, const struct rich_attr *b, enum rich_group g)
{
    for (int i = 0; i < RICH_FIELDS; i++)
        if (rich_number_group(i) == g && rich_number(a, i) != rich_number(b, i))
            return false;
    const int first = g == RICH_BROAD ? 0 : RICH_EYES;
    const int end = g == RICH_BROAD ? RICH_EYES : g == RICH_SMALL ? RICH_NATURAL : 0;
    for (int p = first; p < end; p++)
        if (memcmp(a->color[p], b->color[p], sizeof a->color[p]) != 0 ||
            a->color_name[p] != b->color_name[p])
            return false;
    return true;
}

START_TEST(mixing_takes_each_group_from_its_source)
{
    uint64_t rng = 11;
    struct rich_attr face[RICH_GROUPS], mixed;
    const struct rich_attr *from[RICH_GROUPS];
    for (int g = 0; g < RICH_GROUPS; g++) {
        rich_attr_random_natural(&rng, &face[g], NULL);
        from[g] = &face[g];
    }
    rich_attr_mix(from, &mixed);
    for (int g = 0; g < RICH_GROUPS; g++)
        for (int h = 0; h < RICH_GROUPS; h++)
            ck_assert_int_eq(same_group(&mixed, &face[g], (enum rich_group)h), g == h);
}
END_TEST

/* A dimension of z moves its own group and no other. */
START_TEST(dimensions_move_their_group_only)
{
    uint64_t rng = 12;
    float z[RICH_Z], turned[RICH_Z];
    struct rich_attr attr, moved;
    rich_attr_random_natural(&rng, &attr, z);
    int last = 0;

    for (int d = 0; d < RICH_Z; d++) {
        const int group = (int)rich_z_group(d);
        ck_assert_int_ge(group, last);
        ck_assert_int_le(group, last + 1);
        last = group;
        memcpy(turned, z, sizeof z);
        turned[d] = -z[d]; /* the length stays the same */
        rich_attr_from_z(z, &attr);
        rich_attr_from_z(turned, &moved);
        for (int g = 0; g < RICH_GROUPS; g++)
            if (g != group)
                ck_assert_msg(same_group(&attr, &moved, (enum rich_group)g), "dimension %d", d);
        ck_assert(memcmp(&attr, &moved, sizeof attr) != 0);
    }
    ck_assert_int_eq(last, RICH_GROUPS - 1);
}
END_TEST

START_TEST(natural_faces_are_natural)
{
    uint64_t rng = 9;
    int worn[RICH_PARTS] = {0};
    for (int i = 0; i < 400; i++) {
        struct rich_attr attr, again;
        float z[RICH_Z];
        rich_attr_random_natural(&rng, &attr, z);
        rich_attr_from_z(z, &again);
        ck_assert_float_eq_tol(attr.yaw, again.yaw, 1e-5f);
        ck_assert_float_eq_tol(attr.contrast, again.contrast, 1e-5f);
        for (int p = 0; p < RICH_NATURAL; p++) {
            ck_assert(rich_color_is_natural((enum rich_part)p, attr.color_name[p]));
            worn[p] += rich_has(&attr, (enum rich_part)p);
        }
        ck_assert(!attr.horns && !attr.clown && !attr.nose_own && !attr.ears_own);
        ck_assert(attr.metal == 0.0f && attr.ears_pointed == 0.0f && attr.marking == RICH_PLAIN);
    }
    for (int p = 0; p < RICH_NATURAL; p++)
        ck_assert_msg(worn[p] > 20, "%s: %d of 400", rich_part_name((enum rich_part)p), worn[p]);
    ck_assert(!rich_color_is_natural(RICH_BEARD, WORLD_GREEN));
}
END_TEST

Suite *suite_rich_world(void)
{
    Suite *s = suite_create("rich_world");
    TCase *tc = tcase_create("rich_world");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, same_attributes_same_picture);
    tcase_add_test(tc, a_long_beard_below_a_pointed_chin);
    tcase_add_test(tc, sizes_agree);
    tcase_add_test(tc, colour_stays_in_its_mask);
    tcase_add_test(tc, attributes_change_only_their_parts);
    tcase_add_test(tc, fantasy_stays_in_its_mask);
    tcase_add_test(tc, words_can_be_seen);
    tcase_add_test(tc, mixing_takes_each_group_from_its_source);
    tcase_add_test(tc, dimensions_move_their_group_only);
    tcase_add_test(tc, natural_faces_are_natural);
    suite_add_tcase(s, tc);
    return s;
}
