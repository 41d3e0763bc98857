/* The mapping network of the rich world's generator, which is set by hand. */
#ifndef WEIGHTS_RICH_MAPPING_H
#define WEIGHTS_RICH_MAPPING_H

#include "nn/params.h"
#include "weights/world/rich/attr.h"

/* D, the number of features of w. */
enum { RICH_W = 512 };

/* The group of attributes that a feature of w follows, or RICH_GROUPS for a feature of none. */
int rich_feature_group(int feature);

/* Sets style.1, the only layer of a mapping network from z (N, RICH_Z) to w (N, RICH_W).
 *
 * A feature is a leaky ReLU of one dimension of z, with a knot at one place. Several features of a
 * dimension with knots at different places are a basis of its piecewise linear functions. Things
 * that are there or not have two more features close to where they begin, whose difference is
 * nearly a step. Errors: LT_ERR_MISSING, LT_ERR_SHAPE. */
lt_status rich_set_mapping(lt_ctx *ctx, lt_params *params);

#endif
