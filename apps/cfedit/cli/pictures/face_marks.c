/* Marks of faces, drawn into a photo. */
#include "cli/pictures/face_marks.h"

#include <stdio.h>

#include "cli/pictures/canvas.h"

static const ce_color box_color = {80, 220, 100}, quad_color = {255, 200, 40},
                      point_color = {255, 60, 90};

/* Draws a closed line through four points, in pixels whose centres are whole numbers. */
static lt_status draw_loop(lt_ctx *ctx, ce_image *photo, double corner[4][2], double width,
                           ce_color color)
{
    const ce_rect all = {0, 0, photo->width, photo->height};
    double points[10];
    for (int i = 0; i < 5; i++)
        for (int k = 0; k < 2; k++)
            points[2 * i + k] = corner[i % 4][k] + 0.5;
    return ce_canvas_polyline(ctx, photo, all, points, 5, width, color);
}

static lt_status draw_points(lt_ctx *ctx, ce_image *photo, const lt_face *face, double width)
{
    const ce_rect all = {0, 0, photo->width, photo->height};
    lt_status status = LT_OK;
    for (int i = 0; i < LT_FACE_LANDMARKS && status == LT_OK; i++) {
        const double point[2] = {(double)face->landmark[i][0] + 0.5,
                                 (double)face->landmark[i][1] + 0.5};
        status = ce_canvas_polyline(ctx, photo, all, point, 1, width, point_color);
    }
    return status;
}

lt_status ce_face_marks_draw(lt_ctx *ctx, ce_image *photo, const lt_face *face,
                             const struct ce_quad *quad, int number)
{
    const int longer = photo->width > photo->height ? photo->width : photo->height;
    const double line = longer > 800 ? longer / 400.0 : 2.0;
    const int scale = longer > 800 ? longer / 400 : 2;
    double square[4][2];
    const double x1 = (double)face->box[0], y1 = (double)face->box[1], x2 = (double)face->box[2],
                 y2 = (double)face->box[3];
    double box[4][2] = {{x1, y1}, {x1, y2}, {x2, y2}, {x2, y1}};
    char text[16];
    snprintf(text, sizeof text, "%d", number);
    ce_quad_corners(quad, square);
    lt_status status = draw_loop(ctx, photo, square, line, quad_color);
    if (status == LT_OK) {
        /* The bar says which side of the square is up. */
        const ce_rect all = {0, 0, photo->width, photo->height};
        const double bar[4] = {square[0][0] + 0.5, square[0][1] + 0.5, square[3][0] + 0.5,
                               square[3][1] + 0.5};
        status = ce_canvas_polyline(ctx, photo, all, bar, 2, 3 * line, quad_color);
    }
    if (status == LT_OK)
        status = draw_loop(ctx, photo, box, line, box_color);
    if (status == LT_OK)
        status = draw_points(ctx, photo, face, 3 * line);
    if (status == LT_OK && x1 > -1e6 && x1 < 1e6 && y1 > -1e6 && y1 < 1e6)
        ce_canvas_text(photo,
                       (ce_rect){(int)(x1 + 2 * line), (int)(y1 + 2 * line),
                                 ce_canvas_text_width(text, scale) + scale,
                                 ce_canvas_line_height(scale)},
                       CE_LEFT, scale, box_color, text);
    return status;
}
