/* Drawing on pictures: rectangles, lines, and text in a built-in font. */
#include "cli/pictures/canvas.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GLYPH_WIDTH  5
#define GLYPH_HEIGHT 9 /* rows: seven above the base line, two below it */
#define LINE_HEIGHT  11
#define SPACE_WIDTH  3
#define BOX          127 /* the glyph of everything that is not ASCII */

/* The glyphs of ASCII from the space on, eight in a row; '#' is ink. */
static const char *const font[12][GLYPH_HEIGHT] = {
    {
        "..... ..#.. .#.#. .#.#. ..#.. ##..# .##.. ..#..",
        "..... ..#.. .#.#. .#.#. .#### ##..# #..#. ..#..",
        "..... ..#.. .#.#. ##### #.#.. ...#. #.#.. ..#..",
        "..... ..#.. ..... .#.#. .###. ..#.. .#... .....",
        "..... ..#.. ..... ##### ..#.# .#... #.#.# .....",
        "..... ..... ..... .#.#. ####. #..## #..#. .....",
        "..... ..#.. ..... .#.#. ..#.. #..## .##.# .....",
        "..... ..... ..... ..... ..... ..... ..... .....",
        "..... ..... ..... ..... ..... ..... ..... .....",
    },
    {
        "...#. .#... ..... ..... ..... ..... ..... ....#",
        "..#.. ..#.. ..#.. ..#.. ..... ..... ..... ....#",
        ".#... ...#. #.#.# ..#.. ..... ..... ..... ...#.",
        ".#... ...#. .###. ##### ..... ##### ..... ..#..",
        ".#... ...#. #.#.# ..#.. ..... ..... ..... .#...",
        "..#.. ..#.. ..#.. ..#.. ..#.. ..... ..... #....",
        "...#. .#... ..... ..... ..#.. ..... ..#.. #....",
        "..... ..... ..... ..... .#... ..... ..... .....",
        "..... ..... ..... ..... ..... ..... ..... .....",
    },
    {
        ".###. ..#.. .###. .###. ...#. ##### ..##. #####",
        "#...# .##.. #...# #...# ..##. #.... .#... ....#",
        "#..## ..#.. ....# ....# .#.#. ####. #.... ...#.",
        "#.#.# ..#.. ...#. ..##. #..#. ....# ####. ..#..",
        "##..# ..#.. ..#.. ....# ##### ....# #...# .#...",
        "#...# ..#.. .#... #...# ...#. #...# #...# .#...",
        ".###. .###. ##### .###. ...#. .###. .###. .#...",
        "..... ..... ..... ..... ..... ..... ..... .....",
        "..... ..... ..... ..... ..... ..... ..... .....",
    },
    {
        ".###. .###. ..... ..... ..... ..... ..... .###.",
        "#...# #...# ..... ..... ...#. ..... .#... #...#",
        "#...# #...# ..#.. ..#.. ..#.. ##### ..#.. ....#",
        ".###. .#### ..... ..... .#... ..... ...#. ...#.",
        "#...# ....# ..... ..... ..#.. ##### ..#.. ..#..",
        "#...# ...#. ..#.. ..#.. ...#. ..... .#... .....",
        ".###. .##.. ..... ..#.. ..... ..... ..... ..#..",
        "..... ..... ..... .#... ..... ..... ..... .....",
        "..... ..... ..... ..... ..... ..... ..... .....",
    },
    {
        ".###. ..#.. ####. .###. ###.. ##### ##### .###.",
        "#...# .#.#. #...# #...# #..#. #.... #.... #...#",
        "#.### #...# #...# #.... #...# #.... #.... #....",
        "#.#.# #...# ####. #.... #...# ####. ####. #.###",
        "#.##. ##### #...# #.... #...# #.... #.... #...#",
        "#.... #...# #...# #...# #..#. #.... #.... #...#",
        ".#### #...# ####. .###. ###.. ##### #.... .###.",
        "..... ..... ..... ..... ..... ..... ..... .....",
        "..... ..... ..... ..... ..... ..... ..... .....",
    },
    {
        "#...# .###. ..### #...# #.... #...# #...# .###.",
        "#...# ..#.. ...#. #..#. #.... ##.## #...# #...#",
        "#...# ..#.. ...#. #.#.. #.... #.#.# ##..# #...#",
        "##### ..#.. ...#. ##... #.... #.#.# #.#.# #...#",
        "#...# ..#.. ...#. #.#.. #.... #...# #..## #...#",
        "#...# ..#.. #..#. #..#. #.... #...# #...# #...#",
        "#...# .###. .##.. #...# ##### #...# #...# .###.",
        "..... ..... ..... ..... ..... ..... ..... .....",
        "..... ..... ..... ..... ..... ..... ..... .....",
    },
    {
        "####. .###. ####. .#### ##### #...# #...# #...#",
        "#...# #...# #...# #.... ..#.. #...# #...# #...#",
        "#...# #...# #...# #.... ..#.. #...# #...# #...#",
        "####. #...# ####. .###. ..#.. #...# #...# #.#.#",
        "#.... #.#.# #.#.. ....# ..#.. #...# #...# #.#.#",
        "#.... #..#. #..#. ....# ..#.. #...# .#.#. ##.##",
        "#.... .##.# #...# ####. ..#.. .###. ..#.. #...#",
        "..... ..... ..... ..... ..... ..... ..... .....",
        "..... ..... ..... ..... ..... ..... ..... .....",
    },
    {
        "#...# #...# ##### .###. #.... .###. ..#.. .....",
        "#...# #...# ....# .#... #.... ...#. .#.#. .....",
        ".#.#. .#.#. ...#. .#... .#... ...#. #...# .....",
        "..#.. ..#.. ..#.. .#... ..#.. ...#. ..... .....",
        ".#.#. ..#.. .#... .#... ...#. ...#. ..... .....",
        "#...# ..#.. #.... .#... ....# ...#. ..... .....",
        "#...# ..#.. ##### .###. ....# .###. ..... .....",
        "..... ..... ..... ..... ..... ..... ..... #####",
        "..... ..... ..... ..... ..... ..... ..... .....",
    },
    {
        ".#... ..... #.... ..... ....# ..... ..##. .....",
        "..#.. ..... #.... ..... ....# ..... .#... .....",
        "..... .###. ####. .###. .#### .###. ####. .####",
        "..... ....# #...# #.... #...# #...# .#... #...#",
        "..... .#### #...# #.... #...# ##### .#... #...#",
        "..... #...# #...# #.... #...# #.... .#... #...#",
        "..... .#### ####. .###. .#### .###. .#... .####",
        "..... ..... ..... ..... ..... ..... ..... ....#",
        "..... ..... ..... ..... ..... ..... ..... .###.",
    },
    {
        "#.... ..#.. ...#. #.... .##.. ..... ..... .....",
        "#.... ..... ..... #.... ..#.. ..... ..... .....",
        "####. .##.. ..##. #..#. ..#.. ##.#. ####. .###.",
        "#...# ..#.. ...#. #.#.. ..#.. #.#.# #...# #...#",
        "#...# ..#.. ...#. ##... ..#.. #.#.# #...# #...#",
        "#...# ..#.. ...#. #.#.. ..#.. #.#.# #...# #...#",
        "#...# .###. ...#. #..#. .###. #.#.# #...# .###.",
        "..... ..... #..#. ..... ..... ..... ..... .....",
        "..... ..... .##.. ..... ..... ..... ..... .....",
    },
    {
        "..... ..... ..... ..... .#... ..... ..... .....",
        "..... ..... ..... ..... .#... ..... ..... .....",
        "####. .#### #.##. .#### ####. #...# #...# #...#",
        "#...# #...# ##..# #.... .#... #...# #...# #...#",
        "#...# #...# #.... .###. .#... #...# #...# #.#.#",
        "#...# #...# #.... ....# .#... #...# .#.#. #.#.#",
        "####. .#### #.... ####. ..##. .#### ..#.. .#.#.",
        "#.... ....# ..... ..... ..... ..... ..... .....",
        "#.... ....# ..... ..... ..... ..... ..... .....",
    },
    {
        "..... ..... ..... ...## ..#.. ##... ..... #####",
        "..... ..... ..... ..#.. ..#.. ..#.. ..... #...#",
        "#...# #...# ##### ..#.. ..#.. ..#.. .#... #...#",
        ".#.#. #...# ...#. .#... ..#.. ...#. #.#.# #...#",
        "..#.. #...# ..#.. ..#.. ..#.. ..#.. ...#. #...#",
        ".#.#. #...# .#... ..#.. ..#.. ..#.. ..... #...#",
        "#...# .#### ##### ...## ..#.. ##... ..... #####",
        "..... ....# ..... ..... ..... ..... ..... .....",
        "..... .###. ..... ..... ..... ..... ..... .....",
    },
};

static void blend(ce_image *image, int x, int y, ce_color color, double cover)
{
    if (x < 0 || y < 0 || x >= image->width || y >= image->height || cover <= 0.0)
        return;
    uint8_t *p = image->rgb + 3 * ((size_t)y * (size_t)image->width + (size_t)x);
    const uint8_t ink[3] = {color.r, color.g, color.b};
    for (int k = 0; k < 3; k++)
        p[k] = (uint8_t)(p[k] + (ink[k] - p[k]) * cover + 0.5);
}

/* The part of `area` inside the picture. */
static ce_rect clipped(const ce_image *image, ce_rect area)
{
    if (area.x < 0) {
        area.width += area.x;
        area.x = 0;
    }
    if (area.y < 0) {
        area.height += area.y;
        area.y = 0;
    }
    if (area.width > image->width - area.x)
        area.width = image->width - area.x;
    if (area.height > image->height - area.y)
        area.height = image->height - area.y;
    return area;
}

void ce_canvas_fill(ce_image *image, ce_rect area, ce_color color)
{
    area = clipped(image, area);
    for (int y = area.y; y < area.y + area.height; y++) {
        uint8_t *p = image->rgb + 3 * ((size_t)y * (size_t)image->width + (size_t)area.x);
        for (int x = 0; x < area.width; x++, p += 3) {
            p[0] = color.r;
            p[1] = color.g;
            p[2] = color.b;
        }
    }
}

void ce_canvas_blit(ce_image *image, int x, int y, const ce_image *from)
{
    ce_rect area = clipped(image, (ce_rect){x, y, from->width, from->height});
    if (area.width <= 0)
        return;
    for (int row = area.y; row < area.y + area.height; row++)
        memcpy(image->rgb + 3 * ((size_t)row * (size_t)image->width + (size_t)area.x),
               from->rgb + 3 * ((size_t)(row - y) * (size_t)from->width + (size_t)(area.x - x)),
               3 * (size_t)area.width);
}

/* ---- lines ---- */

static double distance_to_segment(double px, double py, const double *a, const double *b)
{
    double dx = b[0] - a[0], dy = b[1] - a[1];
    double length2 = dx * dx + dy * dy;
    double t = length2 > 0.0 ? ((px - a[0]) * dx + (py - a[1]) * dy) / length2 : 0.0;
    t = fmin(fmax(t, 0.0), 1.0);
    return hypot(px - (a[0] + t * dx), py - (a[1] + t * dy));
}

/* Shortens the segment a-b to the part inside the box (Liang and Barsky 1984). False if no part is
 * inside. */
static bool shorten(double *a, double *b, const double low[2], const double high[2])
{
    double enter = 0.0, leave = 1.0;
    const double from[2] = {a[0], a[1]};

    for (int k = 0; k < 2; k++) {
        double d = b[k] - from[k];
        if (d == 0.0 && (from[k] < low[k] || from[k] > high[k]))
            return false;
        if (d == 0.0)
            continue;
        double t0 = (low[k] - from[k]) / d, t1 = (high[k] - from[k]) / d;
        enter = fmax(enter, fmin(t0, t1));
        leave = fmin(leave, fmax(t0, t1));
    }
    if (enter > leave)
        return false;
    const double delta[2] = {b[0] - from[0], b[1] - from[1]};
    for (int k = 0; k < 2; k++) {
        a[k] = from[k] + enter * delta[k];
        b[k] = from[k] + leave * delta[k];
    }
    return true;
}

/* Raises the cover (0..1) of the pixels near the segment a-b to that of a line of this radius. */
static void cover_segment(float *cover, ce_rect area, double a[2], double b[2], double radius)
{
    double reach = radius + 0.5;
    const double low[2] = {area.x - reach, area.y - reach};
    const double high[2] = {area.x + area.width + reach, area.y + area.height + reach};
    if (!shorten(a, b, low, high))
        return;
    int top = (int)fmax(floor(fmin(a[1], b[1]) - reach), area.y);
    int bottom = (int)fmin(ceil(fmax(a[1], b[1]) + reach), area.y + area.height);
    for (int y = top; y < bottom; y++) {
        /* Only the part of the segment near this row matters; its ends bound x. */
        double p[2] = {a[0], a[1]}, q[2] = {b[0], b[1]};
        const double row_low[2] = {low[0], y + 0.5 - reach - 0.5};
        const double row_high[2] = {high[0], y + 0.5 + reach + 0.5};
        if (!shorten(p, q, row_low, row_high))
            continue;
        int left = (int)fmax(floor(fmin(p[0], q[0]) - reach), area.x);
        int right = (int)fmin(ceil(fmax(p[0], q[0]) + reach), area.x + area.width);
        for (int x = left; x < right; x++) {
            double c = reach - distance_to_segment(x + 0.5, y + 0.5, a, b);
            float *at = cover + (size_t)(y - area.y) * (size_t)area.width + (size_t)(x - area.x);
            *at = fmaxf(*at, (float)fmin(fmax(c, 0.0), 1.0));
        }
    }
}

lt_status ce_canvas_polyline(lt_ctx *ctx, ce_image *image, ce_rect clip, const double *points,
                             size_t count, double width, ce_color color)
{
    ce_rect area = clipped(image, clip);
    if (area.width <= 0 || area.height <= 0)
        return LT_OK;
    /* Each segment raises the covers to their maximum, and colour is blended once at the end.
     * Blending segment by segment would darken the joints. */
    float *cover = calloc((size_t)area.width * (size_t)area.height, sizeof *cover);
    if (!cover)
        return lt_fail(ctx, LT_ERR_MEMORY, "no memory for drawing a line");
    for (size_t i = 0; i < count; i++) {
        const double *here = points + 2 * i, *next = here + 2;
        if (!isfinite(here[0]) || !isfinite(here[1]))
            continue;
        bool more = i + 1 < count && isfinite(next[0]) && isfinite(next[1]);
        double a[2] = {here[0], here[1]};
        double b[2] = {more ? next[0] : here[0], more ? next[1] : here[1]};
        cover_segment(cover, area, a, b, width / 2);
    }
    for (int y = 0; y < area.height; y++)
        for (int x = 0; x < area.width; x++)
            blend(image, area.x + x, area.y + y, color,
                  cover[(size_t)y * (size_t)area.width + (size_t)x]);
    free(cover);
    return LT_OK;
}

/* ---- text ---- */

/* The glyph number of the next character of a UTF-8 text; *text moves behind it. */
static int next_glyph(const char **text)
{
    unsigned char c = (unsigned char)*(*text)++;
    if (c < 0x80)
        return c < 32 || c == BOX ? ' ' : c;
    while (((unsigned char)**text & 0xc0) == 0x80)
        (*text)++;
    return BOX;
}

static bool ink(int glyph, int x, int y)
{
    if (x < 0 || x >= GLYPH_WIDTH || y < 0 || y >= GLYPH_HEIGHT)
        return false;
    return font[(glyph - 32) / 8][y][(glyph - 32) % 8 * (GLYPH_WIDTH + 1) + x] == '#';
}

/* The columns of a glyph that hold ink. Digits keep their full width, so that columns of numbers
 * stand straight. */
static void extent(int glyph, int *first, int *width)
{
    int last = -1;

    *first = 0;
    *width = glyph == ' ' ? SPACE_WIDTH : GLYPH_WIDTH;
    if (glyph == ' ' || (glyph >= '0' && glyph <= '9'))
        return;
    *first = GLYPH_WIDTH;
    for (int x = 0; x < GLYPH_WIDTH; x++) {
        for (int y = 0; y < GLYPH_HEIGHT; y++) {
            if (ink(glyph, x, y)) {
                *first = x < *first ? x : *first;
                last = x;
            }
        }
    }
    *width = last - *first + 1;
}

static int advance(int glyph)
{
    int first, width;
    extent(glyph, &first, &width);
    return width + 1;
}

static int span_width(const char *text, const char *end, int scale)
{
    int width = 0;
    while (text < end)
        width += advance(next_glyph(&text));
    return width > 0 ? (width - 1) * scale : 0;
}

int ce_canvas_text_width(const char *text, int scale)
{
    return span_width(text, text + strlen(text), scale);
}

int ce_canvas_line_height(int scale) { return LINE_HEIGHT * scale; }

/* Whether the point (fx, fy) of the cell (x, y) is inked. A triangle fills each step of a diagonal
 * stroke, so that large letters show no stairs. */
static bool inked(int glyph, int x, int y, double fx, double fy)
{
    if (ink(glyph, x, y))
        return true;
    int sx = fx < 0.5 ? -1 : 1, sy = fy < 0.5 ? -1 : 1;
    double dx = sx < 0 ? fx : 1.0 - fx, dy = sy < 0 ? fy : 1.0 - fy;
    return ink(glyph, x + sx, y) && ink(glyph, x, y + sy) && !ink(glyph, x + sx, y + sy) &&
           dx + dy < 0.5;
}

static void draw_glyph(ce_image *image, int left, int top, int scale, ce_color color, int glyph,
                       bool upwards)
{
    enum { SAMPLES = 4 };
    int first, width;

    extent(glyph, &first, &width);
    for (int y = 0; y < GLYPH_HEIGHT * scale; y++) {
        for (int x = 0; x < width * scale; x++) {
            int hits = 0;
            for (int s = 0; s < SAMPLES * SAMPLES; s++) {
                double gx = (x + (s % SAMPLES + 0.5) / SAMPLES) / scale;
                double gy = (y + (s / SAMPLES + 0.5) / SAMPLES) / scale;
                hits += inked(glyph, first + (int)gx, (int)gy, gx - floor(gx), gy - floor(gy));
            }
            double cover = (double)hits / (SAMPLES * SAMPLES);
            if (upwards)
                blend(image, left + y, top - 1 - x, color, cover);
            else
                blend(image, left + x, top + y, color, cover);
        }
    }
}

static void draw_span(ce_image *image, int x, int y, int scale, ce_color color, const char *text,
                      const char *end, bool upwards)
{
    while (text < end) {
        int glyph = next_glyph(&text);
        draw_glyph(image, x, y, scale, color, glyph, upwards);
        if (upwards)
            y -= advance(glyph) * scale;
        else
            x += advance(glyph) * scale;
    }
}

/* Returns the end of the line that begins at `text`; *next becomes the beginning of the next line.
 * A line has at least one character. */
static const char *line_end(const char *text, int width, int scale, const char **next)
{
    const char *at = text, *space = NULL;

    while (*at && *at != '\n') {
        const char *after = at;
        if (next_glyph(&after) == ' ')
            space = at;
        if (span_width(text, after, scale) > width && at > text) {
            const char *end = space && space > text ? space : at;
            *next = end + (*end == ' ');
            return end;
        }
        at = after;
    }
    *next = at + (*at == '\n');
    return at;
}

int ce_canvas_text_lines(const char *text, int width, int scale, int max_lines)
{
    int lines = 0;
    while (*text && lines < max_lines) {
        line_end(text, width, scale, &text);
        lines++;
    }
    return lines;
}

void ce_canvas_text(ce_image *image, ce_rect area, ce_align align, int scale, ce_color color,
                    const char *text)
{
    static const char dots[] = "..";
    int room = (area.height + (LINE_HEIGHT - GLYPH_HEIGHT) * scale) / ce_canvas_line_height(scale);

    for (int line = 0; *text && line < (room > 1 ? room : 1); line++) {
        const char *next, *end = line_end(text, area.width, scale, &next);
        bool cut = *next && line + 1 >= room;
        int tail = cut ? ce_canvas_text_width(dots, scale) + scale : 0;
        if (cut)
            end = line_end(text, area.width - tail, scale, &next);
        int width = span_width(text, end, scale) + tail;
        int x = area.x + (area.width - width) * (int)align / 2;
        int y = area.y + line * ce_canvas_line_height(scale);
        draw_span(image, x, y, scale, color, text, end, false);
        if (cut)
            draw_span(image, x + width - tail + scale, y, scale, color, dots,
                      dots + sizeof dots - 1, false);
        text = next;
    }
}

void ce_canvas_text_upwards(ce_image *image, ce_rect area, int scale, ce_color color,
                            const char *text)
{
    int width = ce_canvas_text_width(text, scale);
    int x = area.x + (area.width - GLYPH_HEIGHT * scale) / 2;
    int y = area.y + (area.height + width) / 2;
    draw_span(image, x, y, scale, color, text, text + strlen(text), true);
}
