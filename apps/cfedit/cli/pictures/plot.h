/* Line plots drawn as pictures, such as loss curves and benchmarks. */
#ifndef CFEDIT_PLOT_H
#define CFEDIT_PLOT_H

#include <stdbool.h>

#include "cli/pictures/image_file.h"

/* One line. Points that are not finite, or not above zero on a logarithmic
 * axis, interrupt it. */
typedef struct ce_series {
    const char *name; /* in the legend; NULL: not there */
    const double *x;  /* NULL: 0, 1, 2, ... */
    const double *y;
    size_t count;
    bool markers; /* a dot at each point */
} ce_series;

typedef struct ce_plot {
    const char *title, *x_label, *y_label; /* NULL: none */
    int width, height;                     /* pixels; 0: 960 x 600 */
    bool log_x, log_y;
    bool from_zero; /* the (linear) y axis includes 0 */
    const ce_series *series;
    size_t n_series;
} ce_plot;

/* Draws a plot, to be freed by the caller; without any point, empty axes.
 * Errors: LT_ERR_ARGUMENT for a size below 200 x 150 or beyond the limits of
 * pictures, LT_ERR_MEMORY. */
lt_status ce_plot_render(lt_ctx *ctx, const ce_plot *plot, ce_image *out);

#endif
