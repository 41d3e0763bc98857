/* Line plots as pictures. */
#include "cli/pictures/plot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/pictures/canvas.h"

#define MAX_TICKS 64

static const ce_color white = {255, 255, 255};
static const ce_color dark = {34, 34, 34};
static const ce_color soft = {110, 110, 110};
static const ce_color grid = {228, 228, 228};
/* Colours that people who confuse red and green can tell apart. */
static const ce_color palette[] = {
    {0x1f, 0x6f, 0xb4}, {0xd9, 0x62, 0x1e}, {0x2a, 0x9d, 0x5c}, {0xb0, 0x45, 0x96},
    {0x2f, 0xa7, 0xbd}, {0xc3, 0x9b, 0x17}, {0x7a, 0x5a, 0x3c}, {0x55, 0x55, 0x55},
};

typedef struct axis {
    bool log;
    double low, high; /* range of the data; of their logarithms on a logarithmic axis */
    int from, length; /* pixels; the axis runs upwards if the length is negative */
    int ticks;
    double at[MAX_TICKS]; /* on the scale of low and high */
    char label[MAX_TICKS][24];
} axis;

static double on_axis(const axis *a, double value)
{
    if (!a->log)
        return value;
    return value > 0.0 ? log10(value) : NAN;
}

static double to_pixel(const axis *a, double scaled)
{
    return a->from + (scaled - a->low) / (a->high - a->low) * a->length;
}

static double x_of(const ce_series *s, size_t i) { return s->x ? s->x[i] : (double)i; }

/* Sets the ranges of both axes to those of the points that can be drawn. */
static void find_ranges(const ce_plot *plot, axis *x, axis *y)
{
    x->low = y->low = INFINITY;
    x->high = y->high = -INFINITY;
    for (size_t k = 0; k < plot->n_series; k++) {
        const ce_series *s = &plot->series[k];
        for (size_t i = 0; i < s->count; i++) {
            double px = on_axis(x, x_of(s, i)), py = on_axis(y, s->y[i]);
            if (!isfinite(px) || !isfinite(py))
                continue;
            x->low = fmin(x->low, px);
            x->high = fmax(x->high, px);
            y->low = fmin(y->low, py);
            y->high = fmax(y->high, py);
        }
    }
    if (plot->from_zero && !y->log) {
        y->low = fmin(y->low, 0.0);
        y->high = fmax(y->high, 0.0);
    }
    axis *both[2] = {x, y};
    for (int k = 0; k < 2; k++) {
        axis *a = both[k];
        if (a->low > a->high) { /* nothing to draw */
            a->low = 0.0;
            a->high = 1.0;
        }
        /* The arithmetic below must stay finite, and the span positive. */
        a->low = fmax(a->low, -1e300);
        a->high = fmin(a->high, 1e300);
        double least = fmax(fabs(a->low), fabs(a->high)) * 1e-9;
        if (a->high - a->low <= least) {
            double half = a->log ? 0.5 : fmax(fabs(a->low) * 0.5, 0.5);
            a->low -= half;
            a->high += half;
        }
    }
    double pad = (y->high - y->low) * 0.04;
    if (!(plot->from_zero && y->low == 0.0))
        y->low -= pad;
    y->high += pad;
}

static void add_tick(axis *a, double at, const char *format, int digits, double value)
{
    double slack = (a->high - a->low) * 1e-6;
    if (a->ticks == MAX_TICKS || at < a->low - slack || at > a->high + slack)
        return;
    a->at[a->ticks] = at;
    snprintf(a->label[a->ticks], sizeof a->label[0], format, digits, value);
    a->ticks++;
}

/* Puts ticks at steps of 1, 2 or 5 times a power of ten. */
static void linear_ticks(axis *a, int wanted)
{
    double rough = (a->high - a->low) / wanted;
    double power = pow(10.0, floor(log10(rough)));
    double step = rough / power <= 1.0   ? power
                  : rough / power <= 2.0 ? 2 * power
                  : rough / power <= 5.0 ? 5 * power
                                         : 10 * power;
    double largest = fmax(fabs(a->low), fabs(a->high));
    bool plain = largest < 1e6 && step > 0.9e-4;
    int decimals = (int)fmax(0.0, -floor(log10(step) + 1e-9));
    int significant = (int)fmin(9.0, fmax(1.0, floor(log10(largest)) - floor(log10(step)) + 1));
    for (double n = ceil(a->low / step - 1e-6); n * step <= a->high + step * 1e-6; n += 1.0) {
        double value = n == 0.0 ? 0.0 : n * step; /* no "-0" */
        if (plain)
            add_tick(a, value, "%.*f", decimals, value);
        else
            add_tick(a, value, "%.*g", significant, value);
        if (a->ticks == MAX_TICKS)
            break;
    }
}

/* Puts ticks at powers of ten. If there are few, 2 and 5 times the powers, or all multiples from 2
 * to 9, are added. */
static void log_ticks(axis *a, int wanted)
{
    double decades = a->high - a->low;
    int stride = (int)ceil(decades / wanted);
    stride = stride < 1 ? 1 : stride;
    for (double e = floor(a->low); e <= a->high + 1e-6; e += 1.0) {
        if (fmod(fabs(e), stride) != 0.0)
            continue;
        add_tick(a, e, "%.*g", 5, pow(10.0, e));
        for (int m = 2; m <= 9 && decades < 3.0; m++)
            if (m == 2 || m == 5 || decades < 0.8)
                add_tick(a, e + log10(m), "%.*g", 5, m * pow(10.0, e));
    }
    /* A range that holds fewer than two of these ticks takes the ticks of a linear axis. */
    if (a->ticks < 2) {
        axis linear = {.low = pow(10.0, a->low), .high = pow(10.0, a->high)};
        linear_ticks(&linear, wanted);
        a->ticks = 0;
        for (int i = 0; i < linear.ticks; i++)
            if (linear.at[i] > 0.0) {
                a->at[a->ticks] = log10(linear.at[i]);
                memcpy(a->label[a->ticks], linear.label[i], sizeof a->label[0]);
                a->ticks++;
            }
    }
}

static void make_ticks(axis *a, int wanted)
{
    wanted = wanted < 2 ? 2 : wanted;
    if (a->log)
        log_ticks(a, wanted);
    else
        linear_ticks(a, wanted);
}

static int widest_label(const axis *a, int scale)
{
    int widest = 0;
    for (int i = 0; i < a->ticks; i++) {
        int width = ce_canvas_text_width(a->label[i], scale);
        widest = width > widest ? width : widest;
    }
    return widest;
}

/* Draws the legend in lines from the left and returns its height. With `image` NULL nothing is
 * drawn. */
static int legend(const ce_plot *plot, ce_image *image, int left, int top, int width, int scale)
{
    int swatch = 14 * scale, gap = 4 * scale, line = ce_canvas_line_height(scale) + 2 * scale;
    int x = 0, y = 0;
    bool any = false;

    for (size_t k = 0; k < plot->n_series; k++) {
        const char *name = plot->series[k].name;
        if (!name)
            continue;
        int text = ce_canvas_text_width(name, scale);
        text = text < width - swatch - gap ? text : width - swatch - gap;
        if (x > 0 && x + swatch + gap + text > width) {
            x = 0;
            y += line;
        }
        if (image) {
            ce_color color = palette[k % (sizeof palette / sizeof *palette)];
            ce_canvas_fill(image,
                           (ce_rect){left + x, top + y + 2 * scale + scale / 2, swatch, 2 * scale},
                           color);
            ce_canvas_text(image, (ce_rect){left + x + swatch + gap, top + y, text + 1, line},
                           CE_LEFT, scale, dark, name);
        }
        x += swatch + gap + text + 4 * gap;
        any = true;
    }
    return any ? y + line : 0;
}

static lt_status draw_series(lt_ctx *ctx, const ce_plot *plot, size_t k, const axis *x,
                             const axis *y, ce_rect area, int scale, ce_image *out)
{
    const ce_series *s = &plot->series[k];
    ce_color color = palette[k % (sizeof palette / sizeof *palette)];
    lt_status status = LT_OK;

    double *points = malloc((2 * s->count + 1) * sizeof *points);
    if (!points)
        return lt_fail(ctx, LT_ERR_MEMORY, "no memory for drawing %zu points", s->count);
    for (size_t i = 0; i < s->count; i++) {
        points[2 * i] = to_pixel(x, on_axis(x, x_of(s, i)));
        points[2 * i + 1] = to_pixel(y, on_axis(y, s->y[i]));
    }
    status = ce_canvas_polyline(ctx, out, area, points, s->count, 0.9 * scale + 0.2, color);
    for (size_t i = 0; i < s->count && s->markers && status == LT_OK; i++) {
        double px = points[2 * i], py = points[2 * i + 1];
        if (!(px >= 0 && px <= out->width && py >= 0 && py <= out->height))
            continue;
        int reach = 4 * scale;
        ce_rect around = {(int)px - reach, (int)py - reach, 2 * reach, 2 * reach};
        status = ce_canvas_polyline(ctx, out, around, points + 2 * i, 1, 3.4 * scale, color);
    }
    free(points);
    return status;
}

lt_status ce_plot_render(lt_ctx *ctx, const ce_plot *plot, ce_image *out)
{
    int width = plot->width > 0 ? plot->width : 960, height = plot->height > 0 ? plot->height : 600;

    *out = (ce_image){0};
    if (width < 200 || height < 150)
        return lt_fail(ctx, LT_ERR_ARGUMENT, "plot: %d x %d pixels, at least 200 x 150 are needed",
                       width, height);
    lt_status status = ce_image_create(ctx, width, height, out);
    if (status != LT_OK)
        return status;
    int shorter = width < height * 8 / 5 ? width : height * 8 / 5;
    int scale = shorter < 600 ? 1 : (shorter + 200) / 500;
    int line = ce_canvas_line_height(scale), space = 4 * scale;
    ce_canvas_fill(out, (ce_rect){0, 0, width, height}, white);

    axis axes[2] = {{.log = plot->log_x}, {.log = plot->log_y}};
    axis *x = &axes[0], *y = &axes[1];
    find_ranges(plot, x, y);

    /* Top and bottom come first: the height decides the ticks of y, and the width of their labels
     * decides how wide the plot can be. */
    int top = 2 * space;
    if (plot->title) {
        int lines = ce_canvas_text_lines(plot->title, width - 4 * space, scale + 1, 2);
        int title_height = lines * ce_canvas_line_height(scale + 1);
        ce_canvas_text(out, (ce_rect){2 * space, top, width - 4 * space, title_height}, CE_LEFT,
                       scale + 1, dark, plot->title);
        top += title_height + space / 2;
    }
    int legend_top = top;
    top += legend(plot, NULL, 0, 0, width - 4 * space, scale);
    legend(plot, out, 2 * space, legend_top, width - 4 * space, scale);
    top += space;
    int bottom = height - 2 * space - line - (plot->x_label ? line + space : 0);
    make_ticks(y, (bottom - top) / (4 * line));
    int left = 2 * space + (plot->y_label ? line + space : 0) + widest_label(y, scale) + 2 * space;
    int right = width - 5 * space;
    make_ticks(x, (right - left) / (50 * scale));
    x->from = left;
    x->length = right - left;
    y->from = bottom;
    y->length = top - bottom;

    for (int i = 0; i < y->ticks; i++) {
        int py = (int)lrint(to_pixel(y, y->at[i]));
        ce_canvas_fill(out, (ce_rect){left, py, right - left, 1}, grid);
        ce_canvas_text(out, (ce_rect){0, py - 7 * scale / 2, left - 2 * space, line}, CE_RIGHT,
                       scale, soft, y->label[i]);
    }
    int label_end = -width; /* a label that would touch the label before it is left out */
    for (int i = 0; i < x->ticks; i++) {
        int px = (int)lrint(to_pixel(x, x->at[i]));
        int half = ce_canvas_text_width(x->label[i], scale) / 2;
        ce_canvas_fill(out, (ce_rect){px, top, 1, bottom - top}, grid);
        ce_canvas_fill(out, (ce_rect){px, bottom, 1, space}, soft);
        if (px - half < label_end + 2 * space)
            continue;
        ce_canvas_text(out, (ce_rect){px - half - 2, bottom + 3 * space / 2, 2 * half + 5, line},
                       CE_CENTER, scale, soft, x->label[i]);
        label_end = px + half;
    }
    if (plot->x_label)
        ce_canvas_text(out, (ce_rect){left, bottom + 2 * space + line, right - left, line},
                       CE_CENTER, scale, dark, plot->x_label);
    if (plot->y_label)
        ce_canvas_text_upwards(out, (ce_rect){2 * space, top, line, bottom - top}, scale, dark,
                               plot->y_label);

    ce_rect area = {left, top, right - left, bottom - top};
    for (size_t k = 0; k < plot->n_series && status == LT_OK; k++)
        status = draw_series(ctx, plot, k, x, y, area, scale, out);
    ce_canvas_fill(out, (ce_rect){left, top, 1, bottom - top + 1}, soft);
    ce_canvas_fill(out, (ce_rect){left, bottom, right - left, 1}, soft);
    if (status != LT_OK)
        ce_image_free(out);
    return status;
}
