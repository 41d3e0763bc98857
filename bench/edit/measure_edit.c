#include "bench/edit/measure_edit.h"

#include <math.h>
#include <stddef.h>

/* Pixels around a part that count neither as the part nor as outside, because the edges of a
 * generator are softer than the renderer's. */
enum { MARGIN = 2 };

static void pixel_lab(const float *image, int p, float lab[3])
{
    float rgb[3];
    for (int c = 0; c < 3; c++) {
        const float v = 0.5f * (image[c * EDIT_PIXELS + p] + 1.0f);
        rgb[c] = v < 0.0f ? 0.0f : v > 1.0f ? 1.0f : v;
    }
    world_srgb_to_lab(rgb, lab);
}

/* Mean Lab colour of an image, weighted by the mask; zeros if the mask is empty. */
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

/* outside[p] = 1 where no pixel within MARGIN shows the part, else 0. */
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

bool edit_truth_make(const struct world_attr *attr, const struct edit_target *target,
                     struct edit_truth *truth)
{
    truth->attr = *attr;
    if ((target->part == WORLD_GLASSES && !world_has_glasses(attr)) ||
        attr->color_name[target->part] == (int)target->color)
        return false;
    world_render(attr, EDIT_SIZE, truth->answer, truth->masks[0]);
    mark_outside(truth->masks[target->part], truth->outside);
    /* Pixels at edges mix the part with other parts, so they do not count for the part. */
    for (int i = 0; i < WORLD_PARTS * EDIT_PIXELS; i++) {
        float *m = &truth->masks[i / EDIT_PIXELS][i % EDIT_PIXELS];
        *m = *m > 0.5f ? *m : 0.0f;
    }
    for (int c = 0; c < WORLD_COLORS; c++) {
        struct world_attr other = *attr;
        world_attr_set_color(&other, target->part, (enum world_color)c, NULL);
        world_render(&other, EDIT_SIZE, truth->answer, NULL);
        mean_lab(truth->answer, truth->masks[target->part], truth->lab[c]);
    }
    struct world_attr other = *attr;
    world_attr_set_color(&other, target->part, target->color, NULL);
    world_render(&other, EDIT_SIZE, truth->answer, NULL);
    return true;
}

/* The colour word nearest to the mean colour under the mask; -1 if the mask is empty. */
static int word_of(const float *image, enum world_part part, const float *mask)
{
    bool any = false;
    for (int p = 0; p < EDIT_PIXELS && !any; p++)
        any = mask[p] > 0.0f;
    float lab[3], rgb[3];
    mean_lab(image, mask, lab);
    world_lab_to_srgb(lab, rgb);
    return any ? world_color_nearest(part, rgb) : -1;
}

/* ---- structural similarity ---- */

enum { WINDOW = 11 };

static void window_weights(double weight[WINDOW])
{
    for (int i = 0; i < WINDOW; i++)
        weight[i] = exp(-0.5 * (i - WINDOW / 2) * (i - WINDOW / 2) / (1.5 * 1.5));
}

static double luminance(const float *image, int p)
{
    static const double weight[3] = {0.299, 0.587, 0.114};
    double y = 0.0;
    for (int c = 0; c < 3; c++)
        y += weight[c] * 0.5 * ((double)image[c * EDIT_PIXELS + p] + 1.0);
    return y;
}

/* Structural similarity of the windows around pixel (x, y). */
static double similarity_at(const double *a, const double *b, const double weight[WINDOW], int x,
                            int y)
{
    const double c1 = 0.01 * 0.01, c2 = 0.03 * 0.03;
    double sum = 0.0, ma = 0.0, mb = 0.0, aa = 0.0, bb = 0.0, ab = 0.0;
    for (int dy = -WINDOW / 2; dy <= WINDOW / 2; dy++) {
        for (int dx = -WINDOW / 2; dx <= WINDOW / 2; dx++) {
            if (y + dy < 0 || y + dy >= EDIT_SIZE || x + dx < 0 || x + dx >= EDIT_SIZE)
                continue;
            const int p = (y + dy) * EDIT_SIZE + x + dx;
            const double w = weight[dy + WINDOW / 2] * weight[dx + WINDOW / 2];
            sum += w;
            ma += w * a[p];
            mb += w * b[p];
            aa += w * a[p] * a[p];
            bb += w * b[p] * b[p];
            ab += w * a[p] * b[p];
        }
    }
    ma /= sum;
    mb /= sum;
    const double va = aa / sum - ma * ma, vb = bb / sum - mb * mb, cov = ab / sum - ma * mb;
    return (2.0 * ma * mb + c1) * (2.0 * cov + c2) / ((ma * ma + mb * mb + c1) * (va + vb + c2));
}

float edit_ssim(const float *a, const float *b, const float *where)
{
    double weight[WINDOW], ya[EDIT_PIXELS], yb[EDIT_PIXELS], total = 0.0;
    int count = 0;
    window_weights(weight);
    for (int p = 0; p < EDIT_PIXELS; p++) {
        ya[p] = luminance(a, p);
        yb[p] = luminance(b, p);
    }
    for (int p = 0; p < EDIT_PIXELS; p++) {
        if (where[p] <= 0.0f)
            continue;
        total += similarity_at(ya, yb, weight, p % EDIT_SIZE, p / EDIT_SIZE);
        count++;
    }
    return count ? (float)(total / count) : 0.0f;
}

/* ---- the score ---- */

struct edit_score edit_score_of(const struct edit_truth *truth, const struct edit_target *target,
                                const float *source, const float *edited)
{
    struct edit_score s = {0};
    float before[3], after[3];
    mean_lab(source, truth->masks[target->part], before);
    mean_lab(edited, truth->masks[target->part], after);
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
            const double d = 0.5 * ((double)edited[c * EDIT_PIXELS + p] -
                                    (double)truth->answer[c * EDIT_PIXELS + p]);
            error += d * d;
        }
    }
    s.outside = count > 0.0 ? (float)(sum / count) : 0.0f;
    s.psnr = (float)(-10.0 * log10(error / (3.0 * EDIT_PIXELS)));
    s.ssim = edit_ssim(source, edited, truth->outside);
    for (int p = 0; p < WORLD_PARTS; p++) {
        const int had =
            p == (int)target->part ? -1 : word_of(source, (enum world_part)p, truth->masks[p]);
        s.parts += had >= 0;
        s.parts_kept += had >= 0 && had == word_of(edited, (enum world_part)p, truth->masks[p]);
    }
    return s;
}
