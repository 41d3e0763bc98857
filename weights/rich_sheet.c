/* Contact sheets of the rich world.
 *
 * usage: rich_sheet PREFIX [SEED]
 * Writes PREFIX-natural.png, PREFIX-GROUP.png for each group of numbers (each number varied alone),
 * PREFIX-fantasy.png, PREFIX-mixed.png (each group taken from another face), PREFIX-any.png (the
 * whole world with its captions), PREFIX-masks.png and PREFIX-concepts.json. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/pictures/canvas.h"
#include "cli/pictures/sheet.h"
#include "tensor/files/file.h"
#include "weights/world/rich/captions.h"
#include "weights/world/rich/concepts.h"
#include "weights/world/rich/render.h"
#include "weights/world/world.h"

enum { MOST_CELLS = 160, BIG = 256, SMALL = 144 };

struct sheets {
    lt_ctx *ctx;
    const char *prefix;
    uint64_t rng;
    ce_image cells[MOST_CELLS];
    const char *labels[MOST_CELLS];
    int count;
};

static const char *const GROUP_NAMES[RICH_GROUPS] = {"pose",  "head",  "features", "detail",
                                                     "light", "broad", "small"};

/* Adds a picture of planes in low..1, with room for a text of `below` pixels under it. */
static lt_status add_planes(struct sheets *s, int size, int below, const float *const planes[3],
                            float low)
{
    if (s->count >= MOST_CELLS)
        return LT_ERR_ARGUMENT;
    ce_image *cell = &s->cells[s->count];
    lt_status status = ce_image_create(s->ctx, size, size + below, cell);
    if (status != LT_OK)
        return status;

    ce_canvas_fill(cell, (ce_rect){0, 0, size, size + below}, (ce_color){255, 255, 255});
    for (size_t i = 0; i < (size_t)size * (size_t)size; i++)
        for (size_t c = 0; c < 3; c++)
            cell->rgb[3 * i + c] =
                (unsigned char)(255.0f * (planes[c][i] - low) / (1.0f - low) + 0.5f);
    s->count++;
    return LT_OK;
}

static lt_status add_portrait(struct sheets *s, const struct rich_attr *attr, int size,
                              const char *caption)
{
    const size_t plane = (size_t)size * (size_t)size;
    float *rgb = malloc(3 * plane * sizeof *rgb);
    if (!rgb)
        return LT_ERR_MEMORY;

    const float *const planes[3] = {rgb, rgb + plane, rgb + 2 * plane};
    const int below = caption ? 4 * ce_canvas_line_height(1) : 0;
    rich_render(attr, size, rgb, NULL);
    lt_status status = add_planes(s, size, below, planes, -1.0f);
    if (status == LT_OK && caption)
        ce_canvas_text(&s->cells[s->count - 1], (ce_rect){2, size + 3, size - 4, below - 3},
                       CE_LEFT, 1, (ce_color){0, 0, 0}, caption);
    free(rgb);
    return status;
}

/* Writes the cells as PREFIX-NAME.png and forgets them. */
static lt_status save(struct sheets *s, const char *name, int columns, bool row_labels)
{
    const ce_image *cell[MOST_CELLS];
    char path[4096];
    ce_image sheet = {0};
    const int rows = (s->count + columns - 1) / columns;

    for (int i = 0; i < rows * columns; i++)
        cell[i] = i < s->count ? &s->cells[i] : NULL;
    const ce_sheet grid = {.columns = columns,
                           .rows = rows,
                           .cells = cell,
                           .row_labels = row_labels ? s->labels : NULL,
                           .margin = 2,
                           .text_scale = 1};
    snprintf(path, sizeof path, "%s-%s.png", s->prefix, name);
    lt_status status = ce_sheet_render(s->ctx, &grid, &sheet);
    if (status == LT_OK)
        status = ce_image_write(s->ctx, path, &sheet, NULL, 0);
    ce_image_free(&sheet);
    for (int i = 0; i < s->count; i++)
        ce_image_free(&s->cells[i]);
    s->count = 0;
    return status;
}

static lt_status draw_natural(struct sheets *s)
{
    lt_status status = LT_OK;
    for (int i = 0; i < 30 && status == LT_OK; i++) {
        struct rich_attr attr;
        rich_attr_random_natural(&s->rng, &attr, NULL);
        status = add_portrait(s, &attr, BIG, NULL);
    }
    return status == LT_OK ? save(s, "natural", 6, false) : status;
}

/* A face that wears whatever the group's numbers shape. */
static struct rich_attr base_for(enum rich_group group)
{
    const float median[RICH_Z] = {0.0f};
    struct rich_attr a;

    rich_attr_from_z(median, &a);
    rich_attr_set_color(&a, RICH_SHADOW, WORLD_PURPLE, NULL);
    a.hair_length = 0.36f;
    a.hair_curl = a.fringe = 0.3f;
    if (group == RICH_HEAD) {
        a.hair_length = 0.8f;
        a.fringe = 0.5f;
    }
    return a;
}

/* What must be worn for a number to show. */
static void wear_for(const char *name, struct rich_attr *a)
{
    if (!strcmp(name, "hat_kind"))
        a->hat_on = 1.0f;
    if (!strcmp(name, "ear_size"))
        a->hair_length = 0.3f;
    if (!strcmp(name, "beard_width"))
        a->beard = 0.88f;
    if (!strcmp(name, "moustache_curl"))
        a->moustache = 0.9f;
    if (!strncmp(name, "glasses_", 8) && strcmp(name, "glasses_on") != 0)
        a->glasses_on = 1.0f;
    if (!strcmp(name, "earrings_kind"))
        a->earrings_on = 1.0f;
}

static lt_status draw_group(struct sheets *s, enum rich_group group)
{
    enum { STEPS = 7 };
    int row = 0;

    for (int i = 0; i < RICH_FIELDS; i++) {
        if (rich_number_group(i) != group)
            continue;
        struct rich_attr attr = base_for(group);
        wear_for(rich_number_name(i), &attr);
        s->labels[row++] = rich_number_name(i);
        for (int k = 0; k < STEPS; k++) {
            rich_set_number(&attr, i, (float)k / (STEPS - 1));
            lt_status status = add_portrait(s, &attr, SMALL, NULL);
            if (status != LT_OK)
                return status;
        }
    }
    return row > 0 ? save(s, GROUP_NAMES[group], STEPS, true) : LT_OK;
}

static lt_status draw_fantasy(struct sheets *s)
{
    static const char *const labels[] = {"pointed ears", "horns",       "clown",
                                         "stripes",      "two colours", "metal"};
    enum { COLUMNS = 5, ROWS = 6 };
    lt_status status = LT_OK;

    for (int i = 0; i < ROWS * COLUMNS && status == LT_OK; i++) {
        const int row = i / COLUMNS;
        struct rich_attr a;
        rich_attr_random_natural(&s->rng, &a, NULL);
        a.hat_on = 0.0f;
        a.ears_pointed = row == 0 ? 1.0f : 0.0f;
        a.horns = row == 1;
        a.clown = row == 2;
        a.metal = row == 5 ? 1.0f : 0.0f;
        if (row == 2)
            rich_attr_set_color(&a, RICH_NOSE, WORLD_RED, NULL);
        if (row == 3) {
            a.marking = RICH_STRIPES;
            rich_attr_set_color(&a, RICH_SKIN, WORLD_ORANGE, &s->rng);
        }
        if (row == 4) {
            a.marking = RICH_HALVES;
            rich_attr_set_color(&a, RICH_SKIN, WORLD_BLUE, &s->rng);
            rich_attr_set_color(&a, RICH_MARKING, WORLD_YELLOW, &s->rng);
        }
        if (row == 5)
            rich_attr_set_color(&a, RICH_SKIN, WORLD_GRAY, &s->rng);
        s->labels[row] = labels[row];
        status = add_portrait(s, &a, BIG, NULL);
    }
    return status == LT_OK ? save(s, "fantasy", COLUMNS, true) : status;
}

/* Columns: faces. Rows: the face itself, then the first face with one group of each column's. */
static lt_status draw_mixed(struct sheets *s)
{
    enum { COLUMNS = 7 };
    struct rich_attr face[COLUMNS];
    lt_status status = LT_OK;

    for (int i = 0; i < COLUMNS; i++)
        rich_attr_random_natural(&s->rng, &face[i], NULL);
    for (int row = 0; row <= RICH_GROUPS; row++) {
        s->labels[row] = row == 0 ? "faces" : GROUP_NAMES[row - 1];
        for (int i = 0; i < COLUMNS && status == LT_OK; i++) {
            const struct rich_attr *from[RICH_GROUPS];
            struct rich_attr mixed = face[i];
            for (int g = 0; g < RICH_GROUPS; g++)
                from[g] = &face[g == row - 1 ? i : 0];
            if (row > 0)
                rich_attr_mix(from, &mixed);
            status = add_portrait(s, &mixed, SMALL, NULL);
        }
    }
    return status == LT_OK ? save(s, "mixed", COLUMNS, true) : status;
}

static lt_status draw_any(struct sheets *s)
{
    lt_status status = LT_OK;
    for (int i = 0; i < 30 && status == LT_OK; i++) {
        struct rich_attr attr;
        char text[RICH_CAPTION];
        rich_attr_random_any(&s->rng, &attr);
        rich_caption(&attr, &s->rng, NULL, text, sizeof text);
        status = add_portrait(s, &attr, BIG, text);
    }
    return status == LT_OK ? save(s, "any", 6, false) : status;
}

static lt_status draw_masks(struct sheets *s)
{
    const size_t plane = SMALL * SMALL;
    float *rgb = malloc((3 + RICH_PARTS) * plane * sizeof *rgb);
    struct rich_attr attr;
    lt_status status = rgb ? LT_OK : LT_ERR_MEMORY;

    for (int i = 0; i < 3 && status == LT_OK; i++) {
        rich_attr_random_any(&s->rng, &attr);
        attr.horns = true;
        attr.earrings_on = attr.beard = attr.moustache = attr.mouth_open = 1.0f;
        attr.glasses_on = i == 1 ? 1.0f : 0.0f;
        attr.hat_on = i == 2 ? 1.0f : 0.0f;
        status = add_portrait(s, &attr, SMALL, NULL);
        rich_render(&attr, SMALL, rgb, rgb + 3 * plane);
        for (int p = 0; p < RICH_PARTS && status == LT_OK; p++) {
            const float *mask = rgb + (3 + (size_t)p) * plane;
            status = add_planes(s, SMALL, 0, (const float *const[3]){mask, mask, mask}, 0.0f);
        }
    }
    free(rgb);
    return status == LT_OK ? save(s, "masks", (RICH_PARTS + 1) / 3, false) : status;
}

static lt_status write_concepts(struct sheets *s)
{
    char path[4096];
    size_t length = 0;
    lt_json_writer *writer = lt_json_writer_create();
    rich_put_concepts(writer);
    const char *text = lt_json_writer_text(writer, &length);

    snprintf(path, sizeof path, "%s-concepts.json", s->prefix);
    lt_status status = text ? lt_file_write(s->ctx, path, text, length) : LT_ERR_MEMORY;
    lt_json_writer_free(writer);
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: %s PREFIX [SEED]\n", argv[0]);
        return 2;
    }
    struct sheets *s = calloc(1, sizeof *s);
    if (!s || lt_ctx_create(&s->ctx) != LT_OK) {
        fprintf(stderr, "out of memory\n");
        free(s);
        return 1;
    }
    s->prefix = argv[1];
    s->rng = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;

    lt_status status = draw_natural(s);
    for (int g = 0; g < RICH_GROUPS && status == LT_OK; g++)
        status = draw_group(s, (enum rich_group)g);
    if (status == LT_OK)
        status = draw_fantasy(s);
    if (status == LT_OK)
        status = draw_mixed(s);
    if (status == LT_OK)
        status = draw_any(s);
    if (status == LT_OK)
        status = draw_masks(s);
    if (status == LT_OK)
        status = write_concepts(s);
    if (status != LT_OK)
        fprintf(stderr, "%s: %s\n", argv[0], lt_ctx_message(s->ctx));
    lt_ctx_destroy(s->ctx);
    free(s);
    return status == LT_OK ? 0 : 1;
}
