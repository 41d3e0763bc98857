#include "bench/edit/measure_edit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MARGIN = 2 }; /* pixels: a generator's edges are softer than the renderer's */

static void pixel_lab(const float *image, int p, float lab[3])
{
    float rgb[3];
    for (int c = 0; c < 3; c++) {
        const float v = 0.5f * (image[c * EDIT_PIXELS + p] + 1.0f);
        rgb[c] = v < 0.0f ? 0.0f : v > 1.0f ? 1.0f : v;
    }
    world_srgb_to_lab(rgb, lab);
}

/* Mean Lab colour under the mask. */
static void mean_lab(const float *image, const float *mask, float lab[3])
{
    double sum[3] = {0.0, 0.0, 0.0}, weight = 0.0;
    for (int p = 0; p < EDIT_PIXELS; p++) {
        if (mask[p] <= 0.0f)
            continue;
        float one[3];
        pixel_lab(image, p, one);
        for (int c = 0; c < 3; c++)
            sum[c] += (double)(mask[p] * one[c]);
        weight += (double)mask[p];
    }
    for (int c = 0; c < 3; c++)
        lab[c] = weight > 0.0 ? (float)(sum[c] / weight) : 0.0f;
}

static void mark_outside(const float *mask, float *outside)
{
    for (int y = 0; y < EDIT_SIZE; y++) {
        for (int x = 0; x < EDIT_SIZE; x++) {
            float near = 0.0f;
            for (int dy = -MARGIN; dy <= MARGIN; dy++)
                for (int dx = -MARGIN; dx <= MARGIN; dx++)
                    if (y + dy >= 0 && y + dy < EDIT_SIZE && x + dx >= 0 && x + dx < EDIT_SIZE)
                        near = fmaxf(near, mask[(y + dy) * EDIT_SIZE + x + dx]);
            outside[y * EDIT_SIZE + x] = near < 0.02f ? 1.0f : 0.0f;
        }
    }
}

bool edit_truth_make(const struct world_attr *attr, const struct edit_target *target, struct edit_truth *truth)
{
    truth->attr = *attr;
    if (target->part == WORLD_GLASSES && !world_has_glasses(attr))
        return false;
    float *masks = malloc(sizeof(float) * WORLD_PARTS * EDIT_PIXELS);
    if (!masks)
        return false;
    world_render(attr, EDIT_SIZE, truth->answer, masks);
    memcpy(truth->mask, masks + (size_t)target->part * EDIT_PIXELS, sizeof truth->mask);
    free(masks);
    /* Pixels that show the part for the most part: edges mix with the neighbours. */
    mark_outside(truth->mask, truth->outside);
    for (int p = 0; p < EDIT_PIXELS; p++)
        truth->mask[p] = truth->mask[p] > 0.5f ? truth->mask[p] : 0.0f;
    for (int c = 0; c < WORLD_COLORS; c++) {
        struct world_attr other = *attr;
        world_attr_set_color(&other, target->part, (enum world_color)c, NULL);
        world_render(&other, EDIT_SIZE, truth->answer, NULL);
        mean_lab(truth->answer, truth->mask, truth->lab[c]);
    }
    struct world_attr other = *attr;
    world_attr_set_color(&other, target->part, target->color, NULL);
    world_render(&other, EDIT_SIZE, truth->answer, NULL);
    return true;
}

struct edit_score edit_score_of(const struct edit_truth *truth, const struct edit_target *target, const float *source,
                                const float *edited)
{
    struct edit_score s = {0};
    float before[3], after[3];
    mean_lab(source, truth->mask, before);
    mean_lab(edited, truth->mask, after);
    s.from_source = world_delta_e_lab(before, truth->lab[target->color]);
    s.to_target = world_delta_e_lab(after, truth->lab[target->color]);
    int nearest = 0;
    for (int c = 1; c < WORLD_COLORS; c++)
        if (world_delta_e_lab(after, truth->lab[c]) < world_delta_e_lab(after, truth->lab[nearest]))
            nearest = c;
    s.success = nearest == (int)target->color && s.to_target < 0.5f * s.from_source;

    double sum = 0.0, count = 0.0, error = 0.0;
    for (int p = 0; p < EDIT_PIXELS; p++) {
        if (truth->outside[p] > 0.0f) {
            float a[3], b[3];
            pixel_lab(source, p, a);
            pixel_lab(edited, p, b);
            sum += (double)world_delta_e_lab(a, b);
            count += 1.0;
        }
        for (int c = 0; c < 3; c++) {
            const double d = 0.5 * ((double)edited[c * EDIT_PIXELS + p] - (double)truth->answer[c * EDIT_PIXELS + p]);
            error += d * d;
        }
    }
    s.outside = count > 0.0 ? (float)(sum / count) : 0.0f;
    s.psnr = (float)(-10.0 * log10(error / (3.0 * EDIT_PIXELS)));
    return s;
}
