/* MTCNN (Zhang et al. 2016, "Joint Face Detection and Alignment Using Multitask Cascaded
 * Convolutional Networks"): finds faces and five landmarks on each.
 *
 * P-Net looks at every place of the picture in many sizes and proposes boxes. R-Net looks at each
 * box with 24 x 24 pixels, O-Net at those that are left with 48 x 48. Each net tells how sure it is
 * that the box holds a face, and how the box should be moved; O-Net also tells the landmarks.
 *
 * Weights and conventions are those of the Python package facenet-pytorch 2.6.0: tensor names are
 * its names behind "pnet.", "rnet." and "onet.", and detections are equal up to rounding. Inference
 * only. */
#ifndef LT_NN_MTCNN_H
#define LT_NN_MTCNN_H

#include "nn/params.h"

LT_BEGIN_DECLS

typedef struct lt_mtcnn lt_mtcnn;

/* The landmarks of a face, in the order of the network. Left and right are those of the picture. */
enum {
    LT_FACE_LEFT_EYE,
    LT_FACE_RIGHT_EYE,
    LT_FACE_NOSE,
    LT_FACE_LEFT_MOUTH,
    LT_FACE_RIGHT_MOUTH,
    LT_FACE_LANDMARKS
};

/* A face in a picture. Coordinates are pixels; the centre of the pixel in the upper left corner is
 * (0, 0). Boxes and landmarks may lie outside of the picture. */
typedef struct lt_face {
    float box[4];      /* x and y of the upper left corner, x and y of the lower right one */
    float probability; /* of being a face, above the last threshold */
    float landmark[LT_FACE_LANDMARKS][2]; /* x, y */
} lt_face;

typedef struct lt_mtcnn_config {
    double min_size;     /* side of the smallest box that is looked for, in pixels; 12 or more */
    double factor;       /* from one size of the pyramid to the next; above 0, below 1 */
    float thresholds[3]; /* probability that a box needs to pass P-Net, R-Net, O-Net */
} lt_mtcnn_config;

/* The values of facenet-pytorch: 20, 0.709, and 0.6, 0.7, 0.7. */
LT_API lt_mtcnn_config lt_mtcnn_defaults(void);

/* Makes a detector over `params`, which it borrows. *out (NULL on failure) is the caller's, who
 * gives it to lt_mtcnn_free(). Errors: LT_ERR_MISSING, LT_ERR_SHAPE (naming the first tensor that
 * is missing or does not fit), LT_ERR_MEMORY. */
LT_API lt_status lt_mtcnn_create(lt_ctx *ctx, const lt_params *params, lt_mtcnn **out);

/* Frees a detector, not its parameters. NULL is accepted. */
LT_API void lt_mtcnn_free(lt_mtcnn *net);

/* Finds the faces in a picture of height x width pixels, three bytes each (red, green, blue), rows
 * one after the other. *faces becomes an array of *count faces, the largest box first, to be given
 * to free(); NULL where there is none. A picture whose shorter side is below min_size has none.
 *
 * Needs memory for a strip of the picture at a time, besides the picture itself. In a picture with
 * very many candidates only the most probable of each size are followed up.
 *
 * Errors: LT_ERR_ARGUMENT (sides, min_size or factor out of range), LT_ERR_NUMERIC (the networks
 * gave a number that is not finite), LT_ERR_MEMORY. */
LT_API lt_status lt_mtcnn_detect(lt_ctx *ctx, const lt_mtcnn *net, const uint8_t *rgb,
                                 int64_t width, int64_t height, const lt_mtcnn_config *config,
                                 lt_face **faces, size_t *count);

LT_END_DECLS

#endif
