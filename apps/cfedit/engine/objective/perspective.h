/* Random perspective: the augmentation A of CLIP-NCE's query.
 *
 * This is torchvision's RandomPerspective(distortion_scale, p = 1, fill = 0). Each corner of the
 * picture is drawn at random from a rectangle at that corner, which is at most `distortion`/2 of
 * the side wide and high. The picture is then warped so that its corners move to the drawn points.
 * Points are (x, y) pixel indices in the order top left, top right, bottom right, bottom left. */
#ifndef CFEDIT_PERSPECTIVE_H
#define CFEDIT_PERSPECTIVE_H

#include "tensor/rng.h"
#include "tensor/tensor.h"

#define CE_PERSPECTIVE_DISTORTION 0.5

struct ce_perspective {
    double start[4][2]; /* corners of the picture */
    double end[4][2];   /* where the corners move to */
};

/* Draws one perspective for pictures of width x height; `rng` advances. 0 <= distortion <= 1. */
struct ce_perspective ce_perspective_draw(lt_rng *rng, int64_t width, int64_t height,
                                          double distortion);

/* Finds the map that lt_warp_perspective() takes, from points of the result back to the picture:
 *
 *     x' = (a x + b y + c) / (g x + h y + 1)
 *     y' = (d x + e y + f) / (g x + h y + 1)
 *
 * It carries end[i] to start[i]; coeffs = a..h. The equations are solved in double. (PyTorch solves
 * them in float32, which costs up to six digits of the coefficients and 3e-5 of the picture.)
 * Errors: LT_ERR_NUMERIC if three end points lie on a line or (0, 0) lies on the map's horizon. */
lt_status ce_perspective_solve(lt_ctx *ctx, const struct ce_perspective *perspective,
                               double coeffs[8]);

/* Draws perspectives for pictures of size x size until one has a map. Draws without a map are rare:
 * one in a thousand for 8 pixels, one in sixty thousand for 16, none in three hundred thousand for
 * 32, none in three million for 64 and more. Errors: LT_ERR_NUMERIC if a hundred draws in a row
 * have no map. */
lt_status ce_perspective_random(lt_ctx *ctx, lt_rng *rng, int64_t size, double distortion,
                                double coeffs[8]);

/* Reads the tensor `perspective.points` (steps, copies, 2, 4, 2) of a safetensors file: start and
 * end points of each draw, contiguous float32, owned by the innermost scope. Errors: LT_ERR_IO,
 * LT_ERR_FORMAT, LT_ERR_MISSING, LT_ERR_SHAPE, LT_ERR_NUMERIC. */
lt_tensor *ce_perspective_load(lt_ctx *ctx, const char *path, int copies);
/* The draw of one copy at one step, from the tensor of ce_perspective_load(). */
struct ce_perspective ce_perspective_at(const lt_tensor *points, int64_t step, int copy);

#endif
