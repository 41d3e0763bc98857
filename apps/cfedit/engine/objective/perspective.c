#include "engine/objective/perspective.h"

#include <math.h>

#include "nn/params.h"

enum { UNKNOWNS = 8, POINT_VALUES = 2 * 4 * 2 };

struct ce_perspective ce_perspective_draw(lt_rng *rng, int64_t width, int64_t height,
                                          double distortion)
{
    /* Whole pixels by which a corner may move inwards. */
    const int64_t dx = (int64_t)(distortion * (double)(width / 2));
    const int64_t dy = (int64_t)(distortion * (double)(height / 2));
    const double right = (double)(width - 1), bottom = (double)(height - 1);
    struct ce_perspective p = {.start = {{0, 0}, {right, 0}, {right, bottom}, {0, bottom}}};
    for (int i = 0; i < 4; i++) {
        const double x = (double)lt_rng_below(rng, (uint64_t)dx + 1);
        const double y = (double)lt_rng_below(rng, (uint64_t)dy + 1);
        p.end[i][0] = p.start[i][0] > 0 ? p.start[i][0] - x : x;
        p.end[i][1] = p.start[i][1] > 0 ? p.start[i][1] - y : y;
    }
    return p;
}

/* Solves an 8 x 8 system, with the right-hand side in the last column, by Gaussian elimination with
 * partial pivoting. False if the system is singular. */
static bool solve(double m[UNKNOWNS][UNKNOWNS + 1], double x[UNKNOWNS])
{
    for (int col = 0; col < UNKNOWNS; col++) {
        int pivot = col;
        for (int row = col + 1; row < UNKNOWNS; row++)
            if (fabs(m[row][col]) > fabs(m[pivot][col]))
                pivot = row;
        if (fabs(m[pivot][col]) < 1e-12)
            return false;
        for (int k = 0; k <= UNKNOWNS; k++) {
            const double swap = m[col][k];
            m[col][k] = m[pivot][k];
            m[pivot][k] = swap;
        }
        for (int row = col + 1; row < UNKNOWNS; row++) {
            const double f = m[row][col] / m[col][col];
            for (int k = col; k <= UNKNOWNS; k++)
                m[row][k] -= f * m[col][k];
        }
    }
    for (int row = UNKNOWNS - 1; row >= 0; row--) {
        double sum = m[row][UNKNOWNS];
        for (int k = row + 1; k < UNKNOWNS; k++)
            sum -= m[row][k] * x[k];
        x[row] = sum / m[row][row];
        if (!isfinite(x[row]))
            return false;
    }
    return true;
}

/* Finds coeffs; false if there is no such map. */
static bool find(const struct ce_perspective *perspective, double coeffs[8])
{
    double m[UNKNOWNS][UNKNOWNS + 1];
    for (int i = 0; i < 4; i++) {
        const double x = perspective->end[i][0], y = perspective->end[i][1];
        for (int axis = 0; axis < 2; axis++) {
            const double to = perspective->start[i][axis];
            const double row[UNKNOWNS + 1] = {axis ? 0 : x, axis ? 0 : y, axis ? 0 : 1,
                                              axis ? x : 0, axis ? y : 0, axis ? 1 : 0,
                                              -to * x,      -to * y,      to};
            for (int k = 0; k <= UNKNOWNS; k++)
                m[2 * i + axis][k] = row[k];
        }
    }
    return solve(m, coeffs);
}

lt_status ce_perspective_solve(lt_ctx *ctx, const struct ce_perspective *perspective,
                               double coeffs[8])
{
    if (!find(perspective, coeffs))
        return lt_fail(
            ctx, LT_ERR_NUMERIC,
            "perspective: no projective map takes the end points (%g,%g) (%g,%g) (%g,%g) "
            "(%g,%g) to the start points",
            perspective->end[0][0], perspective->end[0][1], perspective->end[1][0],
            perspective->end[1][1], perspective->end[2][0], perspective->end[2][1],
            perspective->end[3][0], perspective->end[3][1]);
    return LT_OK;
}

lt_status ce_perspective_random(lt_ctx *ctx, lt_rng *rng, int64_t size, double distortion,
                                double coeffs[8])
{
    enum { DRAWS = 100 };
    struct ce_perspective p;
    for (int i = 0; i < DRAWS; i++) {
        p = ce_perspective_draw(rng, size, size, distortion);
        if (find(&p, coeffs))
            return LT_OK;
    }
    return ce_perspective_solve(ctx, &p, coeffs); /* reports why the last draw failed */
}

lt_tensor *ce_perspective_load(lt_ctx *ctx, const char *path, int copies)
{
    lt_params *file = NULL;
    lt_tensor *points = NULL;
    if (lt_params_create(ctx, &file) || lt_params_load(ctx, file, path, NULL))
        goto done;
    const lt_tensor *found =
        lt_params_get_any(ctx, file, "perspective.points", 5, (int64_t[]){-1, copies, 2, 4, 2});
    if (!found)
        goto done;
    points = lt_cast(ctx, found, LT_F32);
    if (points && lt_check_finite(ctx, points, "perspective.points"))
        points = NULL;
done:
    lt_params_free(file);
    return points;
}

struct ce_perspective ce_perspective_at(const lt_tensor *points, int64_t step, int copy)
{
    struct ce_perspective p;
    const float *value = lt_f32(points) + (step * lt_dim(points, 1) + copy) * POINT_VALUES;
    for (int i = 0; i < 4; i++)
        for (int axis = 0; axis < 2; axis++) {
            p.start[i][axis] = value[2 * i + axis];
            p.end[i][axis] = value[8 + 2 * i + axis];
        }
    return p;
}
