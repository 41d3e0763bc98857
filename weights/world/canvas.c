#include "weights/world/canvas.h"

#include <stddef.h>

struct world_frame world_frame_at(const struct world_frame *p, float u, float v, float angle,
                                  float side)
{
    float c = cosf(angle), s = sinf(angle);
    float m = side < 0.0f ? -1.0f : 1.0f;
    /* The axes of the parent are orthonormal, so the inverse of its matrix is the transpose. */
    struct world_frame f = {
        .x0 = p->x0 + u * p->ux + v * p->vx,
        .y0 = p->y0 + u * p->uy + v * p->vy,
        .ux = m * (c * p->ux + s * p->vx),
        .uy = m * (c * p->uy + s * p->vy),
        .vx = c * p->vx - s * p->ux,
        .vy = c * p->vy - s * p->uy,
    };
    return f;
}

/* The pixels *first .. *end - 1 whose centres may lie between lo and hi units, with a margin of one
 * pixel. */
static void pixel_range(float lo, float hi, float px, int size, int *first, int *end)
{
    float a = lo / px - 1.5f, b = hi / px + 1.5f, n = (float)size;

    a = a < 0.0f ? 0.0f : a > n ? n : a;
    b = b < 0.0f ? 0.0f : b > n ? n : b;
    *first = (int)a;
    *end = (int)b;
}

static void blend(float *restrict p, int n, const float *restrict cover,
                  const float *restrict shade, float color)
{
    for (int i = 0; i < n; i++) {
        float c = color * shade[i];
        c = c > 1.0f ? 1.0f : c;
        p[i] += cover[i] * (c - p[i]);
    }
}

struct world_pixels world_box_pixels(const struct world_frame *f, struct world_box b, float px,
                                     int size)
{
    float x0 = 1e9f, x1 = -1e9f, y0 = 1e9f, y1 = -1e9f;
    for (int i = 0; i < 4; i++) {
        float u = i & 1 ? b.u1 : b.u0, v = i & 2 ? b.v1 : b.v0;
        float x = f->x0 + u * f->ux + v * f->vx, y = f->y0 + u * f->uy + v * f->vy;
        x0 = x < x0 ? x : x0;
        x1 = x > x1 ? x : x1;
        y0 = y < y0 ? y : y0;
        y1 = y > y1 ? y : y1;
    }

    struct world_pixels p;
    pixel_range(x0, x1, px, size, &p.left, &p.right);
    pixel_range(y0, y1, px, size, &p.top, &p.bottom);
    return p;
}

void world_row_coordinates(const struct world_frame *f, float px, int left, int row, int n,
                           float *u, float *v)
{
    float dy = ((float)row + 0.5f) * px - f->y0, dx = ((float)left + 0.5f) * px - f->x0;
    float us = f->ux * dx + f->uy * dy, vs = f->vx * dx + f->vy * dy;

    for (int i = 0; i < n; i++) {
        u[i] = us + (float)i * (f->ux * px);
        v[i] = vs + (float)i * (f->vx * px);
    }
}

void world_paint(struct world_canvas *canvas, const struct world_frame *f, struct world_box b,
                 world_shape *shape, const void *arg, const float color[3], int part)
{
    int size = canvas->size;
    float px = canvas->px, sharp = 1.0f / px;
    struct world_pixels box = world_box_pixels(f, b, px, size);
    int left = box.left, n = box.right - box.left;
    if (n <= 0)
        return;

    float u[WORLD_SIZE_MAX], v[WORLD_SIZE_MAX], cover[WORLD_SIZE_MAX], shade[WORLD_SIZE_MAX];
    size_t plane = (size_t)size * (size_t)size;
    for (int row = box.top; row < box.bottom; row++) {
        world_row_coordinates(f, px, left, row, n, u, v);
        shape(arg, n, u, v, sharp, cover, shade);

        size_t at = (size_t)row * (size_t)size + (size_t)left;
        for (size_t c = 0; c < 3; c++)
            blend(canvas->rgb + c * plane + at, n, cover, shade, color[c]);
        for (int p = 0; canvas->masks && p < WORLD_PARTS; p++) {
            float *m = canvas->masks + (size_t)p * plane + at;
            float full = p == part ? 1.0f : 0.0f;
            for (int i = 0; i < n; i++)
                m[i] += cover[i] * (full - m[i]);
        }
    }
}
