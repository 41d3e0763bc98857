#include "engine/align/find.h"

#include <math.h>

#define LEAST_SMALL 20.0
#define LEAST_LARGE 100.0
#define LEAST_PART  40.0 /* the shorter side divided by the smallest face */

double ce_align_least_face(int width, int height)
{
    const double shorter = width < height ? width : height;
    return fmin(fmax(shorter / LEAST_PART, LEAST_SMALL), LEAST_LARGE);
}

lt_status ce_align_find(const struct ce_models *models, const struct ce_pixels *photo, double least,
                        lt_face **faces, size_t *count)
{
    lt_mtcnn_config config = lt_mtcnn_defaults();
    config.min_size = least;
    return lt_mtcnn_detect(models->ctx, models->detector, photo->rgb, photo->width, photo->height,
                           &config, faces, count);
}
