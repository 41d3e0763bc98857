/* Framing photos as the generator's pictures are framed. */
#include "cli/inout/framing.h"

#include <math.h>
#include <string.h>

#include "cli/console/report.h"
#include "cli/inout/pictures.h"
#include "engine/invert.h"
#include "engine/kinds.h"
#include "engine/public/cfedit.h"

/* A square picture is framed already where the corners of its face's square lie so near to its own
 * corners on average, in sides: straightening would blur it and change next to nothing. */
#define FRAMED 0.1

struct ce_framing ce_framing_defaults(void)
{
    return (struct ce_framing){.faces = ce_face_options_defaults()};
}

void ce_framing_options(struct ce_framing *framing, struct ce_option *out)
{
    out[0] = (struct ce_option)CE_OPT_CHOICE(
        "align", "off|on", &framing->align,
        "find the face of a photo and straighten it, as 'cfedit align' does; off: take the middle "
        "square (default: on where the model has a face detector and draws faces, but for pictures "
        "that are framed already)");
    ce_faces_options(&framing->faces, false, out + 1);
}

int ce_framing_settle(struct ce_run *run, struct ce_framing *framing)
{
    return ce_faces_settle(run, &framing->faces, false);
}

static bool is_off(const struct ce_framing *framing)
{
    return framing->align && strcmp(framing->align, "off") == 0;
}

static bool is_on(const struct ce_framing *framing)
{
    return framing->align && strcmp(framing->align, "on") == 0;
}

unsigned ce_framing_need(struct ce_run *run, const struct ce_framing *framing, size_t count)
{
    const bool wanted = count > 0 && !is_off(framing);
    return wanted && ce_models_has(run->ctx, &run->paths, CE_NEED_DETECTOR) ? CE_NEED_DETECTOR : 0u;
}

/* Whether the face of this picture is to be looked for. */
static bool is_wanted(const struct ce_models *models, const struct ce_framing *framing,
                      const ce_image *image)
{
    const int side = lt_stylegan2_describe(models->generator)->size;
    if (framing->align)
        return is_on(framing);
    return (image->width != side || image->height != side) && strstr(models->domain, "face");
}

static bool is_framed(const ce_image *image, const struct ce_quad *quad)
{
    double corner[4][2], far = 0;
    if (image->width != image->height)
        return false;
    ce_quad_corners(quad, corner);
    for (int i = 0; i < 4; i++) {
        const double x = i < 2 ? -0.5 : image->width - 0.5,
                     y = i == 1 || i == 2 ? image->height - 0.5 : -0.5;
        far += hypot(corner[i][0] - x, corner[i][1] - y) / 4;
    }
    return far < FRAMED * image->width;
}

/* The middle square, (1,3,S,S). */
static lt_tensor *middle(const struct ce_models *models, const ce_image *image)
{
    return ce_invert_fit(models,
                         ce_picture_from_rgb(models->ctx, image->rgb, image->width, image->height));
}

/* The square `quad`, (1,3,S,S). */
static lt_tensor *straightened(const struct ce_models *models, const ce_image *image,
                               const struct ce_quad *quad)
{
    lt_ctx *ctx = models->ctx;
    const int side = lt_stylegan2_describe(models->generator)->size;
    const struct ce_pixels pixels = {image->rgb, image->width, image->height};
    ce_image cut = {0};
    lt_tensor *out = NULL;
    if (ce_image_create(ctx, side, side, &cut) == LT_OK &&
        ce_align_crop(ctx, &pixels, quad, side, cut.rgb) == LT_OK)
        out = ce_picture_from_rgb(ctx, cut.rgb, side, side);
    ce_image_free(&cut);
    return out;
}

/* Takes the chosen one of the faces that were found, at least one. */
static lt_tensor *take_face(const struct ce_run *run, const struct ce_models *models,
                            const struct ce_framing *framing, const char *photo,
                            const ce_image *image, const struct ce_faces *faces, bool tell)
{
    const size_t number = (size_t)framing->faces.number;
    struct ce_quad quad;
    if (number > faces->count) {
        lt_fail(models->ctx, LT_ERR_MISSING, "found %zu face%s, so there is no face %zu",
                faces->count, faces->count > 1 ? "s" : "", number);
        return NULL;
    }
    const lt_face *face = &faces->face[number - 1];
    if (ce_quad_of_face(models->ctx, face->landmark, &quad) != LT_OK)
        return NULL;
    const bool framed = !is_on(framing) && faces->count == 1 && is_framed(image, &quad);
    if (tell && faces->count == 1)
        ce_note(run, "note: %s: found 1 face, %s", photo,
                framed ? "framed as it should be" : "straightened");
    else if (tell)
        ce_note(run, "note: %s: found %zu faces, straightened number %zu; --face N takes another",
                photo, faces->count, number);
    if (tell)
        ce_faces_warn(run, photo, face);
    return framed ? middle(models, image) : straightened(models, image, &quad);
}

static lt_tensor *take(const struct ce_run *run, const struct ce_models *models,
                       const struct ce_framing *framing, const char *photo, const ce_image *image,
                       bool tell)
{
    struct ce_faces faces = {0};
    lt_tensor *out = NULL;
    if (!is_wanted(models, framing, image))
        return middle(models, image);
    if (!models->detector && is_on(framing)) {
        lt_fail(models->ctx, LT_ERR_MISSING, "%s", CE_DETECTOR_MISSING);
        return NULL;
    }
    if (!models->detector) {
        if (tell)
            ce_note(run,
                    "note: %s: its middle square is used, since the model has no face detector; "
                    "'make face-detector' fetches it",
                    photo);
        return middle(models, image);
    }
    if (ce_faces_find(models, &framing->faces, image, &faces) == LT_OK) {
        if (faces.count > 0) {
            out = take_face(run, models, framing, photo, image, &faces, tell);
        } else if (is_on(framing)) {
            lt_fail(models->ctx, LT_ERR_MISSING,
                    "found no face of at least %.0f pixels; --no-align takes the middle square",
                    faces.least);
        } else {
            if (tell)
                ce_note(run, "note: %s: found no face, so its middle square is used", photo);
            out = middle(models, image);
        }
    }
    ce_faces_free(&faces);
    return out;
}

lt_tensor *ce_framing_take(const struct ce_run *run, const struct ce_models *models,
                           const struct ce_framing *framing, const char *photo, bool tell)
{
    ce_image image = {0};
    lt_tensor *out = NULL;
    if (ce_image_read(models->ctx, photo, &image) == LT_OK)
        out = take(run, models, framing, photo, &image, tell);
    ce_image_free(&image);
    if (!out)
        ce_blame_file(models->ctx, photo);
    return out;
}
