#include "weights/world/rich/canvas.h"

#include <stddef.h>

static void blend(float *restrict p, int n, const float *restrict cover,
                  const float *restrict shade, const float *restrict gloss, float color,
                  float depth)
{
    for (int i = 0; i < n; i++) {
        float lit = 1.0f - depth * (1.0f - shade[i]);
        lit = lit < 0.0f ? 0.0f : lit;
        float c = color * lit + gloss[i];
        c = c > 1.0f ? 1.0f : c;
        p[i] += cover[i] * (c - p[i]);
    }
}

/* Multiplies by a colour instead. */
static void tint(float *restrict p, int n, const float *restrict cover, const float *restrict shade,
                 float color, float depth)
{
    for (int i = 0; i < n; i++) {
        float lit = 1.0f - depth * (1.0f - shade[i]);
        lit = lit < 0.0f ? 0.0f : lit;
        float c = p[i] * color * lit;
        c = c > 1.0f ? 1.0f : c;
        p[i] += cover[i] * (c - p[i]);
    }
}

static void mark(struct rich_canvas *canvas, int part, size_t at, int n, const float *cover)
{
    size_t plane = (size_t)canvas->size * (size_t)canvas->size;

    if (part >= 0)
        canvas->drawn[part] = true;
    for (int p = 0; p < RICH_PARTS; p++) {
        if (!canvas->drawn[p])
            continue;
        float *m = canvas->masks + (size_t)p * plane + at, full = p == part ? 1.0f : 0.0f;
        for (int i = 0; i < n; i++)
            m[i] += cover[i] * (full - m[i]);
    }
}

void rich_paint(struct rich_canvas *canvas, const struct world_frame *f, struct world_box box,
                rich_shape *shape, const void *arg, struct rich_ink ink)
{
    int size = canvas->size;
    struct world_pixels at = world_box_pixels(f, box, canvas->px, size);
    int width = at.right - at.left;
    if (width <= 0)
        return;

    float u[WORLD_SIZE_MAX], v[WORLD_SIZE_MAX];
    float cover[WORLD_SIZE_MAX], shade[WORLD_SIZE_MAX], gloss[WORLD_SIZE_MAX];
    struct rich_row row = {width, 1.0f / canvas->px, u, v, cover, shade, gloss};
    const float depth[3] = {1.0f - 0.30f * ink.warm, 1.0f + 0.08f * ink.warm,
                            1.0f + 0.18f * ink.warm};

    for (int y = at.top; y < at.bottom; y++) {
        world_row_coordinates(f, canvas->px, at.left, y, width, u, v);
        for (int i = 0; i < width; i++)
            gloss[i] = 0.0f;
        shape(arg, &row);

        /* Most boxes are partly empty: only what lies between the outermost covered pixels
         * counts. */
        int first = 0, end = width;
        while (first < end && cover[first] == 0.0f)
            first++;
        while (end > first && cover[end - 1] == 0.0f)
            end--;
        if (first == end)
            continue;

        size_t plane = (size_t)size * (size_t)size;
        size_t start = (size_t)y * (size_t)size + (size_t)(at.left + first);
        for (size_t c = 0; c < 3; c++) {
            float *p = canvas->rgb + c * plane + start;
            if (ink.tint)
                tint(p, end - first, cover + first, shade + first, ink.color[c], depth[c]);
            else
                blend(p, end - first, cover + first, shade + first, gloss + first, ink.color[c],
                      depth[c]);
        }
        if (canvas->masks && !ink.tint)
            mark(canvas, ink.part, start, end - first, cover + first);
    }
}
