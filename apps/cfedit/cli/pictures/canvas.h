/* Drawing on pictures: rectangles, antialiased lines, a built-in font.
 *
 * Coordinates are pixels from the upper left corner; everything is clipped to
 * the picture. The font covers ASCII; each other character shows as a box. */
#ifndef CFEDIT_CANVAS_H
#define CFEDIT_CANVAS_H

#include <stdbool.h>

#include "cli/pictures/image_file.h"

typedef struct ce_color {
    uint8_t r, g, b;
} ce_color;

typedef struct ce_rect {
    int x, y, width, height;
} ce_rect;

void ce_canvas_fill(ce_image *image, ce_rect area, ce_color color);

/* Copies `from` with its upper left corner at (x, y). */
void ce_canvas_blit(ce_image *image, int x, int y, const ce_image *from);

/* An open line of `width` pixels with round joints through `count` points
 * (x0, y0, x1, y1, ...), inside `clip`; pixel centres lie at .5. A point that is
 * not finite interrupts the line, a single one is a dot. Errors:
 * LT_ERR_MEMORY. */
lt_status ce_canvas_polyline(lt_ctx *ctx, ce_image *image, ce_rect clip, const double *points,
                             size_t count, double width, ce_color color);

/* Size of a text on one line at an integer scale (the letters are 7 * scale
 * high; a line takes 11 * scale with its spacing). */
int ce_canvas_text_width(const char *text, int scale);
int ce_canvas_line_height(int scale);

typedef enum ce_align { CE_LEFT = 0, CE_CENTER = 1, CE_RIGHT = 2 } ce_align;

/* Writes a text into `area`, from its top, aligned across it: words wrap, words
 * too long for a line are broken, and what does not fit the height ends in
 * "..". Line feeds are kept. At least one line is written. */
void ce_canvas_text(ce_image *image, ce_rect area, ce_align align, int scale, ce_color color,
                    const char *text);
/* The number of lines that ce_canvas_text() would need for `text`, at most `max_lines`. */
int ce_canvas_text_lines(const char *text, int width, int scale, int max_lines);

/* One line turned by 90 degrees to read upwards, centred in `area`. */
void ce_canvas_text_upwards(ce_image *image, ce_rect area, int scale, ce_color color,
                            const char *text);

#endif
