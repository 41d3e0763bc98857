/* The allocator of large blocks: no overlaps, neighbours merge, pages go back. */
#include <check.h>
#include <stdint.h>
#include <string.h>

#include "unit/suites.h"
#include "tensor/arena.h"
#include "tensor/rng.h"

enum { UNIT = 64 << 10, SLOTS = 200 };

typedef struct slot {
    unsigned char *block;
    size_t taken;
    unsigned char mark;
} slot;

static void take(lt_arena *a, slot *s, size_t bytes, unsigned char mark)
{
    bool grew;
    s->block = lt_arena_alloc(a, bytes, &s->taken, &grew);
    ck_assert_ptr_nonnull(s->block);
    ck_assert_uint_ge(s->taken, bytes);
    ck_assert_uint_eq((uintptr_t)s->block % 4096, 0);
    s->mark = mark;
    memset(s->block, mark, 64);
    memset(s->block + s->taken - 64, mark, 64);
}

static void give(lt_arena *a, slot *s)
{
    for (int i = 0; i < 64; i++) {
        ck_assert_uint_eq(s->block[i], s->mark);
        ck_assert_uint_eq(s->block[s->taken - 1 - (size_t)i], s->mark);
    }
    lt_arena_free(a, s->block, s->taken);
    s->block = NULL;
}

START_TEST(random_use)
{
    static slot slots[SLOTS];
    lt_arena *a = lt_arena_create();
    lt_rng rng = lt_rng_make(3, 0);
    memset(slots, 0, sizeof slots);
    for (int i = 0; i < 20000; i++) {
        slot *s = &slots[lt_rng_below(&rng, SLOTS)];
        if (s->block)
            give(a, s);
        else
            take(a, s, 1 + lt_rng_below(&rng, 40 * UNIT), (unsigned char)i);
    }
    /* Free every other block first: no two free extents touch. */
    for (int pass = 0; pass < 2; pass++)
        for (int i = pass; i < SLOTS; i += 2)
            if (slots[i].block)
                give(a, &slots[i]);
    lt_arena_trim(a);
    ck_assert_uint_eq(lt_arena_cached(a), 0);
    lt_arena_destroy(a);
}
END_TEST

START_TEST(neighbours_merge)
{
    lt_arena *a = lt_arena_create();
    slot s[4];
    bool grew;
    size_t taken;
    for (int i = 0; i < 4; i++)
        take(a, &s[i], 4 * UNIT, (unsigned char)i);
    unsigned char *start = s[0].block;
    give(a, &s[0]);
    give(a, &s[2]);
    give(a, &s[1]);
    /* Three freed blocks hold one of their sum, without new memory. */
    void *all = lt_arena_alloc(a, 12 * UNIT, &taken, &grew);
    ck_assert_ptr_eq(all, start);
    ck_assert(!grew);
    ck_assert_uint_eq(lt_arena_cached(a), 0);
    lt_arena_free(a, all, taken);
    /* The smallest hole that fits is taken. */
    take(a, &s[0], 10 * UNIT, 7);
    void *small = lt_arena_alloc(a, 2 * UNIT, &taken, &grew);
    ck_assert_ptr_eq(small, start + 10 * UNIT);
    lt_arena_free(a, small, taken);
    give(a, &s[0]);
    give(a, &s[3]);
    ck_assert_uint_eq(lt_arena_cached(a), 16 * UNIT);
    lt_arena_trim(a);
    ck_assert_uint_eq(lt_arena_cached(a), 0);
    lt_arena_destroy(a);
}
END_TEST

START_TEST(beyond_a_region_and_too_much)
{
    lt_arena *a = lt_arena_create();
    size_t taken[2];
    bool grew;
    /* Address space only: pages come with use. */
    unsigned char *p = lt_arena_alloc(a, (size_t)3 << 30, &taken[0], &grew);
    ck_assert_ptr_nonnull(p);
    p[0] = p[taken[0] - 1] = 1;
    unsigned char *q = lt_arena_alloc(a, UNIT, &taken[1], &grew);
    ck_assert_ptr_nonnull(q);
    ck_assert(q < p || q >= p + taken[0]);
    lt_arena_free(a, p, taken[0]);
    lt_arena_free(a, q, taken[1]);
    ck_assert_ptr_null(lt_arena_alloc(a, SIZE_MAX, &taken[0], &grew));
    ck_assert_ptr_null(lt_arena_alloc(a, SIZE_MAX / 4, &taken[0], &grew));
    lt_arena_destroy(a);
}
END_TEST

Suite *suite_arena(void)
{
    Suite *s = suite_create("arena");
    TCase *t = tcase_create("arena");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, random_use);
    tcase_add_test(t, neighbours_merge);
    tcase_add_test(t, beyond_a_region_and_too_much);
    suite_add_tcase(s, t);
    return s;
}
