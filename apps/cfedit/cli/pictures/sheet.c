/* Contact sheets: the layout of cells and labels. */
#include "cli/pictures/sheet.h"

#include <stdbool.h>

#include "cli/pictures/canvas.h"

#define MAX_LABEL_LINES 4
#define SHEET_PIXELS    64000000.0

static const ce_color white = {255, 255, 255};
static const ce_color dark = {34, 34, 34};
static const ce_color pale = {240, 240, 240};

/* The number of lines of the tallest label. */
static int most_lines(const char *const *labels, int count, int width, int scale)
{
    int most = 0;
    for (int i = 0; labels && i < count; i++) {
        int lines = labels[i] ? ce_canvas_text_lines(labels[i], width, scale, MAX_LABEL_LINES) : 0;
        most = lines > most ? lines : most;
    }
    return most;
}

/* The width of the row labels: the longest label's, but at most the width of a cell. */
static int row_label_width(const ce_sheet *sheet, int cell_width, int scale)
{
    int widest = 0;
    for (int i = 0; sheet->row_labels && i < sheet->rows; i++) {
        int width = sheet->row_labels[i] ? ce_canvas_text_width(sheet->row_labels[i], scale) : 0;
        widest = width > widest ? width : widest;
    }
    /* Beside narrow cells there is still room for a word. */
    int limit = cell_width > 60 * scale ? cell_width : 60 * scale;
    return widest < limit ? widest : limit;
}

int64_t ce_sheet_room(int64_t count, int64_t most, double pixels)
{
    int64_t n = count < most ? count : most;
    while (n > 1 && pixels * (double)n > SHEET_PIXELS)
        n /= 2;
    return n;
}

lt_status ce_sheet_render(lt_ctx *ctx, const ce_sheet *sheet, ce_image *out)
{
    const ce_image *model = NULL;
    int columns = sheet->columns, rows = sheet->rows;

    *out = (ce_image){0};
    if (columns < 1 || rows < 1 || columns > CE_IMAGE_MAX_SIDE || rows > CE_IMAGE_MAX_SIDE)
        return lt_fail(ctx, LT_ERR_ARGUMENT, "sheet: a grid of %d x %d cells", columns, rows);
    for (int64_t i = 0; i < (int64_t)columns * rows; i++) {
        const ce_image *cell = sheet->cells[i];
        if (cell && model && (cell->width != model->width || cell->height != model->height))
            return lt_fail(ctx, LT_ERR_SHAPE, "sheet: picture %lld is %d x %d, expected %d x %d",
                           (long long)i, cell->width, cell->height, model->width, model->height);
        model = model ? model : cell;
    }
    if (!model)
        return lt_fail(ctx, LT_ERR_ARGUMENT, "sheet: no picture");

    int scale = sheet->text_scale > 0 ? sheet->text_scale : (model->width + 150) / 200;
    scale = scale < 1 ? 1 : scale;
    int margin = sheet->margin > 0 ? sheet->margin : model->width / 32;
    margin = margin < 4 ? 4 : margin;
    int line = ce_canvas_line_height(scale), title_line = ce_canvas_line_height(scale + 1);

    int label_width = row_label_width(sheet, model->width, scale);
    int left = margin + (label_width > 0 ? label_width + margin : 0);
    int64_t width = left + (int64_t)columns * (model->width + margin);
    int title_lines = 0;
    if (sheet->title && width <= CE_IMAGE_MAX_SIDE)
        title_lines =
            ce_canvas_text_lines(sheet->title, (int)width - 2 * margin, scale + 1, MAX_LABEL_LINES);
    int header_lines = most_lines(sheet->column_labels, columns, model->width, scale);
    int top = margin + title_lines * title_line + (title_lines > 0 ? margin / 2 : 0);
    int cells_top = top + (header_lines > 0 ? header_lines * line + margin / 4 : 0);
    int64_t height = cells_top + (int64_t)rows * (model->height + margin);
    if (width > CE_IMAGE_MAX_SIDE || height > CE_IMAGE_MAX_SIDE)
        return lt_fail(ctx, LT_ERR_ARGUMENT,
                       "sheet: %lld x %lld pixels, at most %d a side are possible",
                       (long long)width, (long long)height, CE_IMAGE_MAX_SIDE);
    lt_status status = ce_image_create(ctx, (int)width, (int)height, out);
    if (status != LT_OK)
        return status;

    ce_canvas_fill(out, (ce_rect){0, 0, out->width, out->height}, white);
    if (title_lines > 0)
        ce_canvas_text(out,
                       (ce_rect){margin, margin, out->width - 2 * margin, title_lines * title_line},
                       CE_LEFT, scale + 1, dark, sheet->title);
    for (int c = 0; sheet->column_labels && c < columns; c++) {
        const char *label = sheet->column_labels[c];
        if (!label)
            continue;
        /* The last line of each label touches its cells, so that short labels start lower. */
        int lines = ce_canvas_text_lines(label, model->width, scale, MAX_LABEL_LINES);
        ce_canvas_text(out,
                       (ce_rect){left + c * (model->width + margin),
                                 top + (header_lines - lines) * line, model->width, lines * line},
                       CE_CENTER, scale, dark, label);
    }
    for (int r = 0; r < rows; r++) {
        int y = cells_top + r * (model->height + margin);
        const char *label = sheet->row_labels ? sheet->row_labels[r] : NULL;
        if (label) {
            int most = model->height / line > 1 ? model->height / line : 1;
            int lines = ce_canvas_text_lines(label, label_width, scale, most);
            ce_canvas_text(out,
                           (ce_rect){margin, y + (model->height - lines * line) / 2, label_width,
                                     lines * line},
                           CE_RIGHT, scale, dark, label);
        }
        for (int c = 0; c < columns; c++) {
            const ce_image *cell = sheet->cells[(size_t)r * (size_t)columns + (size_t)c];
            int x = left + c * (model->width + margin);
            if (cell)
                ce_canvas_blit(out, x, y, cell);
            else
                ce_canvas_fill(out, (ce_rect){x, y, model->width, model->height}, pale);
        }
    }
    return LT_OK;
}

lt_status ce_sheet_pair(lt_ctx *ctx, const ce_image *before, const ce_image *after,
                        const char *before_label, const char *after_label, ce_image *out)
{
    const ce_image *cells[2] = {before, after};
    const char *labels[2] = {before_label, after_label};
    ce_sheet sheet = {.columns = 2, .rows = 1, .cells = cells};
    if (before_label || after_label)
        sheet.column_labels = labels;
    return ce_sheet_render(ctx, &sheet, out);
}
