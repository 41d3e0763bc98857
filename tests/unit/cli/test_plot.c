/* Drawing, contact sheets and plots. */
#include <check.h>
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "cli/pictures/canvas.h"
#include "cli/pictures/plot.h"
#include "cli/pictures/sheet.h"
#include "unit/suites.h"

static lt_ctx *ctx;

static void set_up(void) { ck_assert_int_eq(lt_ctx_create(&ctx), LT_OK); }
static void tear_down(void) { lt_ctx_destroy(ctx); }

static const double pi = 3.14159265358979323846;
static const ce_color white = {255, 255, 255}, black = {0, 0, 0}, red = {255, 0, 0};

static void make_image(int width, int height, ce_color color, ce_image *image)
{
    ck_assert_int_eq(ce_image_create(ctx, width, height, image), LT_OK);
    ce_canvas_fill(image, (ce_rect){0, 0, width, height}, color);
}

static bool is_color(const ce_image *image, int x, int y, ce_color color)
{
    const uint8_t *p = image->rgb + 3 * (y * image->width + x);
    return p[0] == color.r && p[1] == color.g && p[2] == color.b;
}

/* Pixels inside `area` that are not of `color`. */
static int others(const ce_image *image, ce_rect area, ce_color color)
{
    int count = 0;
    for (int y = area.y; y < area.y + area.height; y++)
        for (int x = area.x; x < area.x + area.width; x++)
            count += !is_color(image, x, y, color);
    return count;
}

static ce_rect whole(const ce_image *image) { return (ce_rect){0, 0, image->width, image->height}; }

/* ---- canvas ---- */

START_TEST(drawing_is_clipped)
{
    ce_image image, patch;
    make_image(20, 10, white, &image);
    make_image(7, 7, red, &patch);
    ce_canvas_fill(&image, (ce_rect){-5, -5, 8, 7}, black);
    ck_assert_int_eq(others(&image, whole(&image), white), 3 * 2);
    ce_canvas_fill(&image, (ce_rect){30, 0, 5, 5}, black);
    ce_canvas_fill(&image, (ce_rect){0, -9, 5, 5}, black);
    ck_assert_int_eq(others(&image, whole(&image), white), 3 * 2);
    ce_canvas_blit(&image, 16, 8, &patch);
    ck_assert_int_eq(others(&image, whole(&image), white), 3 * 2 + 4 * 2);
    ce_canvas_blit(&image, -7, 0, &patch);
    ce_canvas_blit(&image, 20, 0, &patch);
    ce_canvas_blit(&image, 0, -100, &patch);
    ck_assert_int_eq(others(&image, whole(&image), white), 3 * 2 + 4 * 2);
    ce_canvas_text(&image, (ce_rect){15, -4, 50, 30}, CE_LEFT, 2, black, "clipped text");
    ce_canvas_text_upwards(&image, (ce_rect){-3, -50, 10, 100}, 1, black, "clipped");
    const double points[] = {-1e9, 5, 1e9, 5, NAN, 0, DBL_MAX, -DBL_MAX};
    ck_assert_int_eq(
        ce_canvas_polyline(ctx, &image, (ce_rect){-5, -5, 100, 100}, points, 4, 2, red), LT_OK);
    ck_assert(is_color(&image, 10, 4, red) && is_color(&image, 10, 5, red));
    ce_image_free(&image);
    ce_image_free(&patch);
}
END_TEST

START_TEST(lines_cover_what_they_should)
{
    ce_image image;
    /* The ink of a line is its length times its width, in any direction. */
    for (int angle = 0; angle < 360; angle += 17) {
        make_image(100, 100, white, &image);
        double dx = 30 * cos(angle * pi / 180), dy = 30 * sin(angle * pi / 180), cover = 0;
        const double points[] = {50 - dx, 50 - dy, 50, 50, 50 + dx, 50 + dy};
        ck_assert_int_eq(ce_canvas_polyline(ctx, &image, whole(&image), points, 3, 3, black),
                         LT_OK);
        for (int i = 0; i < 100 * 100; i++)
            cover += (255 - image.rgb[3 * i]) / 255.0;
        double expected = 60 * 3 + pi * 1.5 * 1.5;
        ck_assert_msg(fabs(cover - expected) < 0.04 * expected, "%d degrees: %g, expected %g",
                      angle, cover, expected);
        ce_image_free(&image);
    }
}
END_TEST

START_TEST(every_character_has_a_glyph)
{
    ce_image image;
    make_image(40, 24, white, &image);
    for (int scale = 1; scale <= 2; scale++) {
        for (int c = 33; c < 127; c++) {
            char text[2] = {(char)c, 0};
            ce_canvas_fill(&image, whole(&image), white);
            ce_canvas_text(&image, whole(&image), CE_LEFT, scale, black, text);
            ck_assert_msg(others(&image, whole(&image), white) >= scale * scale, "character %c", c);
            int width = ce_canvas_text_width(text, scale);
            ck_assert_int_eq(others(&image, (ce_rect){width, 0, 40 - width, 24}, white), 0);
        }
    }
    /* Two bytes, one box. */
    ck_assert_int_eq(ce_canvas_text_width("\xc3\xa9", 1), 5);
    ck_assert_int_eq(ce_canvas_text_width("", 3), 0);
    ce_image_free(&image);
}
END_TEST

START_TEST(texts_wrap_and_stay_in_their_area)
{
    static const char text[] = "a purple dog with averyveryverylongword\nand a second line";
    ce_image image;
    for (int width = 20; width < 200; width += 13) {
        make_image(240, 400, white, &image);
        int lines = ce_canvas_text_lines(text, width, 1, 100), room = lines > 3 ? lines - 2 : lines;
        ck_assert_int_ge(lines, 2);
        for (int align = CE_LEFT; align <= CE_RIGHT; align++)
            ce_canvas_text(&image, (ce_rect){20, 10, width, room * ce_canvas_line_height(1)},
                           (ce_align)align, 1, black, text);
        ce_rect area = {20, 10, width, room * ce_canvas_line_height(1)};
        ck_assert_int_gt(others(&image, area, white), 0);
        ce_canvas_fill(&image, area, white);
        ck_assert_int_eq(others(&image, whole(&image), white), 0);
        ce_image_free(&image);
    }
    ck_assert_int_eq(ce_canvas_text_lines("", 50, 1, 9), 0);
    ck_assert_int_eq(ce_canvas_text_lines("aaa bbb ccc", 1, 1, 9), 9);
    ck_assert_int_eq(ce_canvas_text_lines("one two", ce_canvas_text_width("one two", 1), 1, 9), 1);
    ck_assert_int_eq(ce_canvas_text_lines("one two", ce_canvas_text_width("one two", 1) - 1, 1, 9),
                     2);
}
END_TEST

/* ---- sheets ---- */

START_TEST(sheets_place_their_pictures)
{
    ce_image a, b, out;
    make_image(64, 48, red, &a);
    make_image(64, 48, black, &b);
    const ce_image *cells[6] = {&a, &b, &a, NULL, &a, &b};
    ce_sheet sheet = {.columns = 3, .rows = 2, .cells = cells, .margin = 10};
    ck_assert_int_eq(ce_sheet_render(ctx, &sheet, &out), LT_OK);
    ck_assert_int_eq(out.width, 10 + 3 * 74);
    ck_assert_int_eq(out.height, 10 + 2 * 58);
    ck_assert_int_eq(others(&out, (ce_rect){10, 10, 64, 48}, red), 0);
    ck_assert_int_eq(others(&out, (ce_rect){84, 10, 64, 48}, black), 0);
    ck_assert_int_eq(others(&out, (ce_rect){158, 68, 64, 48}, black), 0);
    ck_assert_int_eq(others(&out, (ce_rect){0, 0, out.width, 10}, white), 0);
    ck_assert_int_eq(others(&out, (ce_rect){74, 0, 10, out.height}, white), 0);
    ce_image_free(&out);

    static const char *const columns[3] = {"a short one", NULL,
                                           "a very long label that must wrap over lines"};
    static const char *const rows[2] = {"green lipstick", NULL};
    sheet.title = "Title";
    sheet.column_labels = columns;
    sheet.row_labels = rows;
    ck_assert_int_eq(ce_sheet_render(ctx, &sheet, &out), LT_OK);
    ck_assert_int_gt(out.width, 10 + 3 * 74 + 20);
    ck_assert_int_gt(out.height, 10 + 2 * 58 + 30);
    ck_assert_int_eq(others(&out, (ce_rect){out.width - 74, out.height - 58, 64, 48}, black), 0);
    ck_assert_int_gt(others(&out, (ce_rect){0, 0, out.width - 222, out.height}, white), 50);
    ce_image_free(&out);
    ce_image_free(&a);
    ce_image_free(&b);
}
END_TEST

START_TEST(pairs_are_sheets_of_two)
{
    ce_image a, b, out;
    make_image(256, 256, red, &a);
    make_image(256, 256, black, &b);
    ck_assert_int_eq(ce_sheet_pair(ctx, &a, &b, NULL, NULL, &out), LT_OK);
    ck_assert_int_eq(out.width, 8 + 2 * 264);
    ck_assert_int_eq(out.height, 8 + 264);
    ce_image_free(&out);
    ck_assert_int_eq(ce_sheet_pair(ctx, &a, &b, "before", "after", &out), LT_OK);
    ck_assert_int_gt(out.height, 8 + 264);
    ck_assert_int_eq(others(&out, (ce_rect){8, out.height - 264, 256, 256}, red), 0);
    ce_image_free(&out);
    ce_image_free(&a);
    ce_image_free(&b);
}
END_TEST

START_TEST(impossible_sheets_are_refused)
{
    ce_image a, b, out;
    make_image(64, 48, red, &a);
    make_image(64, 47, black, &b);
    const ce_image *cells[2] = {&a, &b}, *none[2] = {NULL, NULL};
    ck_assert_int_eq(
        ce_sheet_render(ctx, &(ce_sheet){.columns = 2, .rows = 1, .cells = cells}, &out),
        LT_ERR_SHAPE);
    ck_assert_int_eq(
        ce_sheet_render(ctx, &(ce_sheet){.columns = 2, .rows = 1, .cells = none}, &out),
        LT_ERR_ARGUMENT);
    ck_assert_int_eq(
        ce_sheet_render(ctx, &(ce_sheet){.columns = 0, .rows = 1, .cells = cells}, &out),
        LT_ERR_ARGUMENT);
    static const ce_image *many[300];
    for (int i = 0; i < 300; i++)
        many[i] = &a;
    ck_assert_int_eq(
        ce_sheet_render(ctx, &(ce_sheet){.columns = 300, .rows = 1, .cells = many}, &out),
        LT_ERR_ARGUMENT);
    ck_assert_ptr_null(out.rgb);
    ce_image_free(&a);
    ce_image_free(&b);
}
END_TEST

/* ---- plots ---- */

START_TEST(plots_show_their_lines)
{
    double y[200];
    for (int i = 0; i < 200; i++)
        y[i] = exp(-i / 50.0);
    ce_series series[2] = {{.name = "loss", .y = y, .count = 200},
                           {.y = y, .count = 1, .markers = true}};
    for (int variant = 0; variant < 8; variant++) {
        ce_image out, empty;
        ce_plot plot = {.title = "Loss",
                        .x_label = "step",
                        .y_label = "loss",
                        .width = 500,
                        .height = 320,
                        .log_x = variant & 1,
                        .log_y = variant & 2,
                        .from_zero = variant & 4,
                        .series = series,
                        .n_series = 2};
        ck_assert_int_eq(ce_plot_render(ctx, &plot, &out), LT_OK);
        ck_assert_int_eq(out.width, 500);
        ck_assert_int_eq(out.height, 320);
        plot.n_series = 0;
        ck_assert_int_eq(ce_plot_render(ctx, &plot, &empty), LT_OK);
        ck_assert_int_gt(others(&empty, whole(&empty), white), 300);
        int blue = 0;
        for (int i = 0; i < 500 * 320; i++)
            blue += out.rgb[3 * i] < 60 && out.rgb[3 * i + 2] > 150;
        ck_assert_int_gt(blue, 150);
        ce_image_free(&out);
        ce_image_free(&empty);
    }
}
END_TEST

START_TEST(plots_take_any_numbers)
{
    static const double lists[][4] = {
        {0, 0, 0, 0},
        {NAN, INFINITY, -INFINITY, NAN},
        {1, NAN, 2, -1},
        {DBL_MAX, -DBL_MAX, 0, 1},
        {DBL_MIN, 4.9e-324, 0, -DBL_MIN},
        {1e16, 1e16 + 2, 1e16 + 4, 1e16},
        {-5, -5, -5, -5},
        {1.0001, 1.0002, 1.0003, 1.0001},
    };
    for (size_t a = 0; a < sizeof lists / sizeof *lists; a++)
        for (size_t b = 0; b < sizeof lists / sizeof *lists; b++)
            for (int log = 0; log < 4; log++) {
                ce_image out;
                ce_series series = {
                    .name = "n", .x = lists[a], .y = lists[b], .count = 4, .markers = true};
                ce_plot plot = {.width = 200,
                                .height = 150,
                                .log_x = log & 1,
                                .log_y = log & 2,
                                .series = &series,
                                .n_series = 1};
                ck_assert_int_eq(ce_plot_render(ctx, &plot, &out), LT_OK);
                ce_image_free(&out);
            }
}
END_TEST

START_TEST(impossible_plots_are_refused)
{
    ce_image out;
    ck_assert_int_eq(ce_plot_render(ctx, &(ce_plot){.width = 199, .height = 400}, &out),
                     LT_ERR_ARGUMENT);
    ck_assert_int_eq(ce_plot_render(ctx, &(ce_plot){.width = 20000, .height = 400}, &out),
                     LT_ERR_ARGUMENT);
    ck_assert_ptr_null(out.rgb);
    ck_assert_int_eq(ce_plot_render(ctx, &(ce_plot){0}, &out), LT_OK);
    ck_assert_int_eq(out.width, 960);
    ce_image_free(&out);
}
END_TEST

Suite *suite_plot(void)
{
    Suite *s = suite_create("plot");
    TCase *tc = tcase_create("plot");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, drawing_is_clipped);
    tcase_add_test(tc, lines_cover_what_they_should);
    tcase_add_test(tc, every_character_has_a_glyph);
    tcase_add_test(tc, texts_wrap_and_stay_in_their_area);
    tcase_add_test(tc, sheets_place_their_pictures);
    tcase_add_test(tc, pairs_are_sheets_of_two);
    tcase_add_test(tc, impossible_sheets_are_refused);
    tcase_add_test(tc, plots_show_their_lines);
    tcase_add_test(tc, plots_take_any_numbers);
    tcase_add_test(tc, impossible_plots_are_refused);
    suite_add_tcase(s, tc);
    return s;
}
