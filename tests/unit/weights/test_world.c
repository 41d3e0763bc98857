/* The drawn world: determinism, masks, counterfactuals, natural colours, captions. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "unit/suites.h"
#include "weights/world/captions.h"
#include "weights/world/world.h"

enum { SIZE = 64, PIXELS = SIZE * SIZE };

static float image[3 * PIXELS], other[3 * PIXELS], masks[WORLD_PARTS * PIXELS];

START_TEST(same_attributes_same_picture)
{
    uint64_t rng = 5;
    struct world_attr attr;
    world_attr_random_any(&rng, &attr);
    ck_assert(world_render(&attr, SIZE, image, NULL));
    ck_assert(world_render(&attr, SIZE, other, masks));
    ck_assert_mem_eq(image, other, sizeof image);
    for (int p = 0; p < PIXELS; p++) {
        float sum = 0.0f;
        for (int m = 0; m < WORLD_PARTS; m++) {
            ck_assert_float_ge(masks[m * PIXELS + p], 0.0f);
            sum += masks[m * PIXELS + p];
        }
        ck_assert_float_le(sum, 1.0f + 1e-5f);
        for (int c = 0; c < 3; c++)
            ck_assert_float_le(fabsf(image[c * PIXELS + p]), 1.0f);
    }
    ck_assert(!world_render(&attr, WORLD_SIZE_MIN - 1, image, NULL));
    ck_assert(!world_render(&attr, WORLD_SIZE_MAX + 1, image, NULL));
}
END_TEST

/* Another colour of a part changes pixels of this part only. */
START_TEST(counterfactual_stays_in_its_mask)
{
    for (int part = 0; part < WORLD_PARTS; part++) {
        uint64_t rng = 100 + (uint64_t)part;
        struct world_attr attr;
        do {
            world_attr_random_natural(&rng, &attr, NULL);
        } while (part == WORLD_GLASSES && !world_has_glasses(&attr));
        ck_assert(world_render(&attr, SIZE, image, masks));
        world_attr_set_color(&attr, (enum world_part)part, WORLD_GREEN, NULL);
        ck_assert_int_eq(attr.color_name[part], WORLD_GREEN);
        ck_assert(world_render(&attr, SIZE, other, NULL));
        double inside = 0.0;
        for (int p = 0; p < PIXELS; p++) {
            const float covered = masks[part * PIXELS + p];
            for (int c = 0; c < 3; c++) {
                const float change = fabsf(other[c * PIXELS + p] - image[c * PIXELS + p]);
                if (covered == 0.0f)
                    ck_assert_float_le(change, 1e-5f);
                inside += (double)(covered * change);
            }
        }
        ck_assert_double_gt(inside, 1.0);
    }
}
END_TEST

START_TEST(natural_faces_have_natural_colours)
{
    uint64_t rng = 9;
    for (int i = 0; i < 300; i++) {
        struct world_attr attr, again;
        float z[WORLD_Z];
        world_attr_random_natural(&rng, &attr, z);
        world_attr_from_z(z, &again);
        /* z comes back at unit rms; scaling it once more may round. */
        const float *a = &attr.head_width, *b = &again.head_width;
        for (int k = 0; k < WORLD_Z_FORM + 3; k++)
            ck_assert_float_eq_tol(a[k], b[k], 1e-5f);
        for (int p = 0; p < WORLD_PARTS; p++)
            for (int c = 0; c < 3; c++)
                ck_assert_float_eq_tol(attr.color[p][c], again.color[p][c], 1e-5f);
        for (int p = 0; p < WORLD_PARTS; p++)
            ck_assert(world_color_is_natural((enum world_part)p, attr.color_name[p]));
    }
    ck_assert(!world_color_is_natural(WORLD_LIPS, WORLD_GREEN));
    ck_assert(!world_color_is_natural(WORLD_HAIR, WORLD_BLUE));
    ck_assert(!world_color_is_natural(WORLD_BROWS, WORLD_PURPLE));
}
END_TEST

START_TEST(mixing_takes_form_from_one_and_colour_from_the_other)
{
    uint64_t rng = 11;
    struct world_attr a, b, mixed;
    world_attr_random_natural(&rng, &a, NULL);
    world_attr_random_natural(&rng, &b, NULL);
    world_attr_mix(&a, &b, &mixed);
    ck_assert_float_eq(mixed.head_width, a.head_width);
    ck_assert_float_eq(mixed.glasses_on, a.glasses_on);
    ck_assert_float_eq(mixed.light, b.light);
    ck_assert_mem_eq(mixed.color, b.color, sizeof mixed.color);
}
END_TEST

START_TEST(captions_say_what_is_there)
{
    uint64_t rng = 13;
    const char *const templates[] = {"a photo of a {}."};
    for (int i = 0; i < 2000; i++) {
        struct world_attr attr;
        char text[256];
        int said[WORLD_PARTS];
        world_attr_random_any(&rng, &attr);
        ck_assert_uint_lt(
            world_caption_templated(&attr, &rng, templates, 1, said, text, sizeof text),
            sizeof text);
        for (const char *c = text; *c; c++)
            ck_assert(*c >= 32 && *c < 127);
        for (int p = 0; p < WORLD_PARTS; p++) {
            if (said[p] < 0)
                continue;
            ck_assert_int_eq(said[p], attr.color_name[p]);
            const char *word = world_color_word((enum world_part)p, said[p]);
            ck_assert_msg(strstr(text, word) || (said[p] == WORLD_GRAY && strstr(text, "grey")),
                          "'%s' does not say %s", text, word);
            ck_assert(p != WORLD_GLASSES || world_has_glasses(&attr));
        }
    }
    char text[64];
    world_prompt(WORLD_LIPS, WORLD_GREEN, text, sizeof text);
    ck_assert_str_eq(text, "face with green lips");
    /* A buffer that is too small is filled up to its end, closed with a NUL, and the full length is
     * returned. */
    char small[8];
    ck_assert_uint_eq(world_prompt(WORLD_LIPS, WORLD_GREEN, small, sizeof small), strlen(text));
    ck_assert_str_eq(small, "face wi");
}
END_TEST

/* CIEDE2000 on pairs of Sharma, Wu & Dalal (2005), table 1. */
START_TEST(colour_difference_known_answers)
{
    const struct {
        float a[3], b[3], delta;
    } pairs[] = {
        {{50.0f, 2.6772f, -79.7751f}, {50.0f, 0.0f, -82.7485f}, 2.0425f},
        {{50.0f, 2.5f, 0.0f}, {73.0f, 25.0f, -18.0f}, 27.1492f},
        {{2.0776f, 0.0795f, -1.1350f}, {0.9033f, -0.0636f, -0.5514f}, 0.9082f},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        ck_assert_float_eq_tol(world_delta_e_lab(pairs[i].a, pairs[i].b), pairs[i].delta, 2e-4f);
    const float white[3] = {1.0f, 1.0f, 1.0f};
    float lab[3];
    world_srgb_to_lab(white, lab);
    ck_assert_float_eq_tol(lab[0], 100.0f, 1e-2f);
    ck_assert_float_eq_tol(lab[1], 0.0f, 2e-2f);
    ck_assert_float_eq_tol(lab[2], 0.0f, 2e-2f);
}
END_TEST

Suite *suite_world(void)
{
    Suite *s = suite_create("world");
    TCase *tc = tcase_create("world");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, same_attributes_same_picture);
    tcase_add_test(tc, counterfactual_stays_in_its_mask);
    tcase_add_test(tc, natural_faces_have_natural_colours);
    tcase_add_test(tc, mixing_takes_form_from_one_and_colour_from_the_other);
    tcase_add_test(tc, captions_say_what_is_there);
    tcase_add_test(tc, colour_difference_known_answers);
    suite_add_tcase(s, tc);
    return s;
}
