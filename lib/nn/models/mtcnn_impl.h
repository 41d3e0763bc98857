/* The parts of MTCNN: its three networks, the boxes that they propose, and their input. */
#ifndef LT_NN_MTCNN_IMPL_H
#define LT_NN_MTCNN_IMPL_H

#include "nn/models/mtcnn.h"

/* ---- networks (mtcnn.c) ---- */

enum { LT_PNET_SIDE = 12, LT_RNET_SIDE = 24, LT_ONET_SIDE = 48, LT_PNET_STRIDE = 2 };

/* What a network says about N places. After a failure all members are NULL. */
struct lt_mtcnn_output {
    lt_tensor *logits;    /* (N, 2): no face, a face */
    lt_tensor *shift;     /* (N, 4): movement of the box's sides, in widths and heights of it */
    lt_tensor *landmarks; /* (N, 10): five x, five y, in widths and heights; NULL but for O-Net */
};

/* Runs P-Net on x (1, 3, H, W), H and W at least 12. The N places are (h, w), row by row, with
 * h = ceil((H - 2) / 2) - 4 and w likewise; place (i, j) looks at the 12 x 12 pixels from (2i, 2j)
 * on. *rows and *columns become h and w. */
struct lt_mtcnn_output lt_mtcnn_pnet(lt_ctx *ctx, const lt_mtcnn *net, lt_tensor *x, int64_t *rows,
                                     int64_t *columns);
/* Runs R-Net on x (N, 3, 24, 24). */
struct lt_mtcnn_output lt_mtcnn_rnet(lt_ctx *ctx, const lt_mtcnn *net, lt_tensor *x);
/* Runs O-Net on x (N, 3, 48, 48). */
struct lt_mtcnn_output lt_mtcnn_onet(lt_ctx *ctx, const lt_mtcnn *net, lt_tensor *x);

/* ---- input (mtcnn_input.c) ---- */

/* A rectangle of a picture of bytes (red, green, blue). */
struct lt_pixels {
    const uint8_t *rgb; /* the upper left pixel */
    int64_t stride;     /* bytes from one row to the next */
    int64_t width, height;
};

/* Shrinks or enlarges pixels to h x w by means over windows, as lt_resize_area() does, and scales
 * the means from 0..255 to about -1..1. Writes rows [begin, end) of the result to the planes
 * red, green and blue at `out`, each (end - begin, w), one behind the other. */
lt_status lt_mtcnn_input(lt_ctx *ctx, const struct lt_pixels *pixels, int64_t h, int64_t w,
                         int64_t begin, int64_t end, float *out);

/* ---- boxes (mtcnn_boxes.c) ---- */

struct lt_box {
    float x1, y1, x2, y2;
    float probability;
    float shift[4]; /* what the network says about the sides, in the order above */
};

/* How two boxes are compared: by the part of their union that both cover, with sides x2 - x1; or by
 * the part of the smaller box, with sides x2 - x1 + 1. */
enum lt_overlap { LT_OVERLAP_UNION, LT_OVERLAP_SMALLER };

/* Non-maximum suppression: takes the most probable box, drops those that overlap it by more than
 * `threshold`, and goes on with the rest. kept[0..count) receives the numbers of the boxes taken,
 * the most probable first; returns how many there are, -1 when out of memory. Of equally probable
 * boxes the first comes first for LT_OVERLAP_UNION, the last for LT_OVERLAP_SMALLER. */
int64_t lt_boxes_suppress(const struct lt_box *boxes, int64_t count, enum lt_overlap overlap,
                          float threshold, int64_t *kept);
/* Moves the sides by `shift`, in sizes x2 - x1 + extra and y2 - y1 + extra. */
void lt_box_refine(struct lt_box *box, float extra);
/* Widens the shorter sides, so that the box is a square with the middle where it was. */
void lt_box_square(struct lt_box *box);
/* The pixels of a picture of width x height that a box covers: columns [x[0], x[1]) and rows
 * [y[0], y[1]). False where it covers none. Boxes count pixels from 1, in whole numbers. */
bool lt_box_pixels(const struct lt_box *box, int64_t width, int64_t height, int64_t x[2],
                   int64_t y[2]);

#endif
