#include "engine/align/quad.h"

#include <math.h>

#define FARTHEST 1e6 /* pixels */

double ce_eye_distance(const float landmark[LT_FACE_LANDMARKS][2])
{
    return hypot((double)landmark[LT_FACE_RIGHT_EYE][0] - (double)landmark[LT_FACE_LEFT_EYE][0],
                 (double)landmark[LT_FACE_RIGHT_EYE][1] - (double)landmark[LT_FACE_LEFT_EYE][1]);
}

lt_status ce_quad_of_face(lt_ctx *ctx, const float landmark[LT_FACE_LANDMARKS][2],
                          struct ce_quad *quad)
{
    double eyes[2], e[2], m[2];
    for (int k = 0; k < 2; k++) {
        const double left = (double)landmark[LT_FACE_LEFT_EYE][k],
                     right = (double)landmark[LT_FACE_RIGHT_EYE][k],
                     mouth = 0.5 * ((double)landmark[LT_FACE_LEFT_MOUTH][k] +
                                    (double)landmark[LT_FACE_RIGHT_MOUTH][k]);
        if (!(fabs(left) <= FARTHEST && fabs(right) <= FARTHEST && fabs(mouth) <= FARTHEST))
            return lt_fail(ctx, LT_ERR_ARGUMENT,
                           "landmarks of a face must be numbers from %g to %g", -FARTHEST,
                           FARTHEST);
        eyes[k] = 0.5 * (left + right);
        e[k] = right - left;
        m[k] = mouth - eyes[k];
    }
    const double x[2] = {e[0] + m[1], e[1] - m[0]};
    const double length = hypot(x[0], x[1]);
    const double half = fmax(2.0 * hypot(e[0], e[1]), 1.8 * hypot(m[0], m[1]));
    if (!(length > 1e-3) || !(half >= 1.0))
        return lt_fail(ctx, LT_ERR_ARGUMENT,
                       "the eyes and the mouth make no face: give left eye, right eye, nose, left "
                       "and right corner of the mouth, as they stand in the picture");
    for (int k = 0; k < 2; k++) {
        quad->x[k] = x[k] / length * half;
        quad->middle[k] = eyes[k] + 0.1 * m[k];
    }
    quad->y[0] = -quad->x[1];
    quad->y[1] = quad->x[0];
    return LT_OK;
}

void ce_quad_corners(const struct ce_quad *quad, double corner[4][2])
{
    for (int k = 0; k < 2; k++) {
        corner[0][k] = quad->middle[k] - quad->x[k] - quad->y[k];
        corner[1][k] = quad->middle[k] - quad->x[k] + quad->y[k];
        corner[2][k] = quad->middle[k] + quad->x[k] + quad->y[k];
        corner[3][k] = quad->middle[k] + quad->x[k] - quad->y[k];
    }
}

double ce_quad_side(const struct ce_quad *quad) { return 2.0 * hypot(quad->x[0], quad->x[1]); }
