/* The square of a photo that becomes an aligned portrait: the crop of FFHQ (Karras et al. 2019, "A
 * Style-Based Generator Architecture", appendix C), found from the eyes and the mouth.
 *
 *     e  from the left eye to the right eye      x  half a side of the square, along the eyes
 *     m  from the middle of the eyes to the      y  half a side, down the face
 *        middle of the mouth
 *
 *     x is along e - turned(m), turned(m) = (-m_y, m_x), and max(2 |e|, 1.8 |m|) long
 *     y = turned(x)
 *     the middle of the square lies 0.1 m below the middle of the eyes */
#ifndef CFEDIT_ALIGN_QUAD_H
#define CFEDIT_ALIGN_QUAD_H

#include "nn/models/mtcnn.h"

/* A square in a photo, which may be turned and may reach beyond the photo. Coordinates are pixels;
 * the centre of the pixel in the upper left corner is (0, 0). */
struct ce_quad {
    double middle[2];
    double x[2], y[2]; /* half a side: to the right, and down */
};

/* The square of a face. LT_ERR_ARGUMENT where the landmarks make none: eyes and mouth at one place,
 * or numbers that are not finite or larger than a million. */
lt_status ce_quad_of_face(lt_ctx *ctx, const float landmark[LT_FACE_LANDMARKS][2],
                          struct ce_quad *quad);

/* The corners: upper left, lower left, lower right, upper right. */
void ce_quad_corners(const struct ce_quad *quad, double corner[4][2]);

/* The length of a side. */
double ce_quad_side(const struct ce_quad *quad);

/* The distance between the eyes. */
double ce_eye_distance(const float landmark[LT_FACE_LANDMARKS][2]);

#endif
