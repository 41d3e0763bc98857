/* Boxes of MTCNN: non-maximum suppression, refinement, squares, and the pixels that they cover. */
#include <math.h>
#include <stdlib.h>

#include "nn/models/mtcnn_impl.h"

/* ---- non-maximum suppression ---- */

/* A box in the order of decreasing probability; `tie` decides between equal ones. */
struct rank {
    float probability;
    int64_t tie, box;
};

static int by_rank(const void *a, const void *b)
{
    const struct rank *p = a, *q = b;
    if (p->probability != q->probability)
        return p->probability > q->probability ? -1 : 1;
    return p->tie < q->tie ? -1 : p->tie > q->tie;
}

static float lesser(float a, float b) { return a < b ? a : b; }
static float greater(float a, float b) { return a > b ? a : b; }

/* The part that two boxes share, 0 to 1. */
static float overlap_of(const struct lt_box *a, const struct lt_box *b, enum lt_overlap overlap)
{
    const float extra = overlap == LT_OVERLAP_SMALLER ? 1.0f : 0.0f;
    const float width = greater(0.0f, lesser(a->x2, b->x2) - greater(a->x1, b->x1) + extra),
                height = greater(0.0f, lesser(a->y2, b->y2) - greater(a->y1, b->y1) + extra);
    const float area_a = (a->x2 - a->x1 + extra) * (a->y2 - a->y1 + extra),
                area_b = (b->x2 - b->x1 + extra) * (b->y2 - b->y1 + extra);
    const float shared = width * height;
    return overlap == LT_OVERLAP_SMALLER ? shared / lesser(area_a, area_b)
                                         : shared / (area_a + area_b - shared);
}

int64_t lt_boxes_suppress(const struct lt_box *boxes, int64_t count, enum lt_overlap overlap,
                          float threshold, int64_t *kept)
{
    struct rank *order = malloc((size_t)(count + 1) * sizeof *order);
    if (!order)
        return -1;
    for (int64_t i = 0; i < count; i++)
        order[i] = (struct rank){boxes[i].probability, overlap == LT_OVERLAP_SMALLER ? -i : i, i};
    qsort(order, (size_t)count, sizeof *order, by_rank);
    int64_t n = 0;
    for (int64_t i = 0; i < count; i++) {
        const struct lt_box *box = &boxes[order[i].box];
        bool hidden = false;
        for (int64_t k = 0; k < n && !hidden; k++)
            hidden = overlap_of(&boxes[kept[k]], box, overlap) > threshold;
        if (!hidden)
            kept[n++] = order[i].box;
    }
    free(order);
    return n;
}

/* ---- geometry ---- */

void lt_box_refine(struct lt_box *box, float extra)
{
    const float width = box->x2 - box->x1 + extra, height = box->y2 - box->y1 + extra;
    box->x1 += box->shift[0] * width;
    box->y1 += box->shift[1] * height;
    box->x2 += box->shift[2] * width;
    box->y2 += box->shift[3] * height;
}

void lt_box_square(struct lt_box *box)
{
    const float width = box->x2 - box->x1, height = box->y2 - box->y1;
    const float side = greater(width, height);
    box->x1 = box->x1 + width * 0.5f - side * 0.5f;
    box->y1 = box->y1 + height * 0.5f - side * 0.5f;
    box->x2 = box->x1 + side;
    box->y2 = box->y1 + side;
}

/* The pixels from `low` to `high`, counted from 1, as a range counted from 0. */
static bool pixel_range(float low, float high, int64_t size, int64_t range[2])
{
    range[0] = low < 1.0f ? 0 : low > (float)size ? size : (int64_t)low - 1;
    range[1] = high < 1.0f ? 0 : high > (float)size ? size : (int64_t)high;
    return range[1] > range[0];
}

bool lt_box_pixels(const struct lt_box *box, int64_t width, int64_t height, int64_t x[2],
                   int64_t y[2])
{
    const bool wide = pixel_range(box->x1, box->x2, width, x),
               high = pixel_range(box->y1, box->y2, height, y);
    return wide && high;
}
