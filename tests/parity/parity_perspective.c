/* The perspective warp with recorded points: image and gradient. */
#include <stdio.h>

#include "engine/objective/perspective.h"
#include "parity/fixture.h"

enum { MOST_DRAWS = 8 };

/* Draw `i` of the golden's int32 points. */
static struct ce_perspective recorded(struct golden *g, int64_t i)
{
    struct ce_perspective p;
    const lt_tensor *start = golden_tensor(g, "startpoints"), *end = golden_tensor(g, "endpoints");
    PARITY_HAVE(start);
    PARITY_HAVE(end);
    for (int k = 0; k < 8; k++) {
        p.start[k / 2][k % 2] = lt_i32(start)[8 * i + k];
        p.end[k / 2][k % 2] = lt_i32(end)[8 * i + k];
    }
    return p;
}

START_TEST(perspective)
{
    static const struct {
        const char *name;
        int first; /* number of the file's first draw: its probe is named by it */
    } cases[] = {{"perspective_64", 0}, {"perspective_256_0", 0}, {"perspective_256_1", 1}};
    struct golden *g = parity_golden(cases[_i].name);
    lt_tensor *output[MOST_DRAWS], *gradient[MOST_DRAWS];
    double coeffs[MOST_DRAWS][8];
    lt_tensor *points = golden_tensor(g, "startpoints");
    PARITY_HAVE(points);
    const int draws = (int)lt_dim(points, 0);
    ck_assert_int_le(draws, MOST_DRAWS);
    for (int i = 0; i < draws; i++) {
        const struct ce_perspective p = recorded(g, i);
        PARITY_OK(ce_perspective_solve(parity_ctx, &p, coeffs[i]));
        lt_tensor *image = parity_leaf(g, "image");
        lt_tensor *warped = lt_warp_perspective(parity_ctx, image, coeffs[i], true);
        PARITY_OK(lt_backward_seed(parity_ctx, warped,
                                   golden_numbered(g, "probe_of_draw", cases[_i].first + i)));
        output[i] = lt_detach(parity_ctx, warped); /* its history ended with the gradient */
        gradient[i] = lt_grad(image);
    }
    const lt_tensor *solved =
        lt_from_copy(parity_ctx, LT_F64, 2, (const int64_t[]){draws, 8}, coeffs);
    PARITY_HAVE(solved);
    golden_check(g, "coeffs", lt_cast(parity_ctx, solved, LT_F32));
    golden_check(g, "output", lt_concat(parity_ctx, draws, output, 0));
    golden_check(g, "grad_image", lt_concat(parity_ctx, draws, gradient, 0));
    parity_finish(g);
}
END_TEST

Suite *suite_parity_perspective(void)
{
    TCase *tests;
    Suite *suite = parity_suite("parity_perspective", PARITY_QUICK, &tests);
    tcase_add_loop_test(tests, perspective, 0, 3);
    return suite;
}
