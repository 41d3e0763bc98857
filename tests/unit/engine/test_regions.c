/* The tree of a picture's regions. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "engine/latent/regions.h"
#include "support/nn_check.h"

Suite *suite_regions(void);

static lt_ctx *ctx;

static void set_up(void) { ck_assert_int_eq(lt_ctx_create(&ctx), LT_OK); }
static void tear_down(void) { lt_ctx_destroy(ctx); }

enum { H = 40, W = 30, PARTS = 4 };

/* What is drawn at (x, y): two squares, a frame one pixel wide, the rest. */
static int part_at(int x, int y)
{
    if (y >= 4 && y < 9 && (x - 3) / 5 == 0 && x >= 3)
        return 1;
    if (y >= 4 && y < 9 && x >= 20 && x < 25)
        return 2;
    const bool outer = x >= 6 && x < 22 && y >= 15 && y < 30,
               inner = x >= 7 && x < 21 && y >= 16 && y < 29;
    return outer && !inner ? 3 : 0;
}

static lt_tensor *drawing(void)
{
    static const float color[PARTS][3] = {
        {0.1f, 0.1f, 0.1f}, {0.8f, -0.5f, -0.5f}, {0.8f, -0.5f, -0.5f}, {-0.5f, -0.5f, 0.9f}};
    lt_rng rng = lt_rng_make(5, 0);
    lt_tensor *x = nn_normal(ctx, &rng, 4, (const int64_t[]){1, 3, H, W});
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < H * W; i++)
            lt_f32(x)[c * H * W + i] =
                color[part_at(i % W, i / W)][c] + 0.02f * lt_f32(x)[c * H * W + i];
    return x;
}

/* Each part is a node of its own, to the pixel. */
START_TEST(parts_are_nodes)
{
    struct ce_regions r;
    float mask[H * W];
    ck_assert_int_eq(ce_regions_make(ctx, drawing(), &r), LT_OK);
    for (int part = 0; part < PARTS; part++) {
        bool found = false;
        int64_t area = 0;
        for (int i = 0; i < H * W; i++)
            area += part_at(i % W, i / W) == part;
        for (int n = 0; n < r.nodes && !found; n++) {
            ce_regions_mask(&r, r.set[n], mask);
            found = true;
            for (int i = 0; i < H * W && found; i++)
                found = mask[i] == (part_at(i % W, i / W) == part ? 1.0f : 0.0f);
            if (found)
                ck_assert_double_eq_tol(ce_regions_share(&r, r.set[n]), (double)area / (H * W),
                                        1e-12);
        }
        /* The frame parts the rest in two, which are joined only with it. */
        ck_assert_msg(found == (part != 0), "part %d", part);
    }
    ce_regions_free(&r);
}
END_TEST

/* Each further node joins two earlier nodes without a common pixel. Each node is joined once, and
 * the last one is the whole picture. */
static void check_tree(const struct ce_regions *r)
{
    bool used[CE_REGIONS_NODES] = {false};
    int64_t pixels = 0;
    for (int i = 0; i < r->leaves; i++) {
        ck_assert(r->set[i] == (uint64_t)1 << i);
        ck_assert_int_gt(r->area[i], 0);
        pixels += r->area[i];
    }
    ck_assert_int_eq(pixels, r->pixels);
    ck_assert_int_eq(r->nodes, 2 * r->leaves - 1);
    for (int n = r->leaves; n < r->nodes; n++) {
        bool found = false;
        for (int a = 0; a < n && !found; a++)
            for (int b = a + 1; b < n && !found; b++) {
                found = !used[a] && !used[b] && (r->set[a] & r->set[b]) == 0 &&
                        (r->set[a] | r->set[b]) == r->set[n];
                if (found)
                    used[a] = used[b] = true;
            }
        ck_assert_msg(found, "node %d", n);
    }
    ck_assert_double_eq(ce_regions_share(r, r->set[r->nodes - 1]), 1.0);
    for (int64_t i = 0; i < r->pixels; i++)
        ck_assert_int_lt(r->leaf[i], r->leaves);
}

START_TEST(tree)
{
    static const int sides[][2] = {{1, 1}, {1, 7}, {3, 2}, {8, 8}, {9, 8}, {33, 31}};
    const int h = sides[_i][0], w = sides[_i][1];
    lt_rng rng = lt_rng_make(7, (uint64_t)_i);
    struct ce_regions r;
    lt_tensor *x = nn_normal(ctx, &rng, 4, (const int64_t[]){1, 3, h, w});
    ck_assert_int_eq(ce_regions_make(ctx, x, &r), LT_OK);
    ck_assert_int_eq(r.leaves, h * w < CE_REGIONS_LEAVES ? h * w : CE_REGIONS_LEAVES);
    check_tree(&r);
    ce_regions_free(&r);
    ce_regions_free(&r);
    /* One colour all over has regions, too. */
    ck_assert_int_eq(ce_regions_make(ctx, lt_zeros(ctx, 4, (const int64_t[]){1, 3, h, w}), &r),
                     LT_OK);
    check_tree(&r);
    ce_regions_free(&r);
}
END_TEST

START_TEST(under_a_map)
{
    struct ce_regions r;
    float map[H * W], mask[H * W];
    ck_assert_int_eq(ce_regions_make(ctx, drawing(), &r), LT_OK);
    for (int i = 0; i < H * W; i++)
        map[i] = part_at(i % W, i / W) == 2 ? 0.6f : 0.3f;
    ce_regions_mask(&r, ce_regions_under(&r, map, 0.5), mask);
    for (int i = 0; i < H * W; i++)
        ck_assert_float_eq(mask[i], part_at(i % W, i / W) == 2 ? 1.0f : 0.0f);
    ck_assert(ce_regions_under(&r, map, 0.2) == r.set[r.nodes - 1]);
    ck_assert(ce_regions_under(&r, map, 0.7) == 0);
    ck_assert_double_eq(ce_regions_share(&r, 0), 0.0);
    ce_regions_free(&r);
}
END_TEST

Suite *suite_regions(void)
{
    Suite *suite = suite_create("regions");
    TCase *tests = tcase_create("regions");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, parts_are_nodes);
    tcase_add_loop_test(tests, tree, 0, 6);
    tcase_add_test(tests, under_a_map);
    suite_add_tcase(suite, tests);
    return suite;
}
