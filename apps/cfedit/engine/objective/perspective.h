/* Random perspective: the augmentation A of CLIP-NCE's query.
 *
 * torchvision's RandomPerspective(distortion_scale, p = 1, fill = 0): each corner
 * of the picture is drawn from a rectangle at that corner, at most
 * `distortion`/2 of the side wide and high, and the picture is warped so that its corners come to
 * lie there. Points are (x, y) pixel indices in the order top left, top right, bottom right, bottom
 * left. */
#ifndef CFEDIT_PERSPECTIVE_H
#define CFEDIT_PERSPECTIVE_H

#include "tensor/rng.h"
#include "tensor/tensor.h"

#define CE_PERSPECTIVE_DISTORTION 0.5

struct ce_perspective {
    double start[4][2]; /* the picture's corners */
    double end[4][2];   /* where they go */
};

/* One draw for pictures of width x height; `rng` advances. 0 <= distortion <= 1. */
struct ce_perspective ce_perspective_draw(lt_rng *rng, int64_t width, int64_t height,
                                          double distortion);

/* The map that lt_warp_perspective() takes, from points of the result back to the
 * picture: x' = (a x + b y + c)/(g x + h y + 1), y' = (d x + e y + f)/(g x + h y + 1) carries
 * end[i] to start[i]; coeffs = a..h, solved in double (PyTorch solves in float32, which costs up to
 * six digits of the coefficients and 3e-5 of the picture).
 * Errors: LT_ERR_NUMERIC where three end points lie on a line, or the point (0, 0) on the map's
 * horizon. */
lt_status ce_perspective_solve(lt_ctx *ctx, const struct ce_perspective *perspective,
                               double coeffs[8]);

/* Draws for pictures of size x size until there is such a map: of 8 pixels one draw in a thousand
 * has none, of 16 one in sixty thousand, of 32 none in three hundred thousand, of 64 and more none
 * in three million. Errors: LT_ERR_NUMERIC where a hundred draws had none. */
lt_status ce_perspective_random(lt_ctx *ctx, lt_rng *rng, int64_t size, double distortion,
                                double coeffs[8]);

/* Reads the tensor `perspective.points` (steps, copies, 2, 4, 2), start and end points of each
 * draw, of a safetensors file: contiguous float32, owned by the innermost scope.
 * Errors: LT_ERR_IO, LT_ERR_FORMAT, LT_ERR_MISSING, LT_ERR_SHAPE, LT_ERR_NUMERIC. */
lt_tensor *ce_perspective_load(lt_ctx *ctx, const char *path, int copies);
/* Draw `copy` of step `step` of such a tensor. */
struct ce_perspective ce_perspective_at(const lt_tensor *points, int64_t step, int copy);

#endif
