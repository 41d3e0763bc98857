/* Contact sheets: pictures of one size in a labelled grid. */
#ifndef CFEDIT_SHEET_H
#define CFEDIT_SHEET_H

#include "cli/pictures/image_file.h"

/* A grid of columns x rows. All arrays are the caller's; NULL stands for "no
 * labels", and within an array for an empty cell or label. */
typedef struct ce_sheet {
    int columns, rows;
    const ce_image *const *cells;     /* rows x columns, row-major */
    const char *title;                /* above everything */
    const char *const *column_labels; /* above the columns */
    const char *const *row_labels;    /* left of the rows */
    int margin;                       /* between cells, pixels; 0: by their size */
    int text_scale;                   /* of the labels; 0: by the cells' size */
} ce_sheet;

/* How many of `count` rows (or cells) of `pixels` pixels each go on a sheet: at most `most`. The
 * number is halved until the rows have 64 million pixels or fewer together; it is at least 1. */
int64_t ce_sheet_room(int64_t count, int64_t most, double pixels);

/* Draws a sheet on white, to be freed by the caller. Labels wrap within their
 * column, or the width of the row labels, and end in ".." where they are too
 * long. Errors: LT_ERR_ARGUMENT (an empty grid, no picture at all, a sheet
 * beyond the limits of pictures), LT_ERR_SHAPE (pictures of different sizes),
 * LT_ERR_MEMORY. */
lt_status ce_sheet_render(lt_ctx *ctx, const ce_sheet *sheet, ce_image *out);

/* Two pictures side by side under their labels (NULL: without), the usual
 * "before | after". Errors: those of ce_sheet_render(). */
lt_status ce_sheet_pair(lt_ctx *ctx, const ce_image *before, const ce_image *after,
                        const char *before_label, const char *after_label, ce_image *out);

#endif
