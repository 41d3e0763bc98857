/* Choosing the faces of a photo. */
#include "cli/inout/faces.h"

#include <stdlib.h>
#include <string.h>

#include "cli/console/report.h"

#define MOST_FACES 100000
#define LEAST_MOST 16384 /* pixels: --min-face */

struct ce_face_options ce_face_options_defaults(void)
{
    return (struct ce_face_options){.which = "largest"};
}

void ce_faces_options(struct ce_face_options *options, bool all, struct ce_option *out)
{
    out[0] = (struct ce_option)CE_OPT_TEXT(
        "face", all ? "N|largest|all" : "N|largest", &options->which,
        "which face of a photo: the largest, or number N counted from the largest, which is 1");
    if (all)
        out[0].help = "which face of a photo: the largest, number N counted from the largest, "
                      "which is 1, or all of them";
    out[1] = (struct ce_option)CE_OPT_REAL(
        "min-face", "PIXELS", &options->least, 0, LEAST_MOST,
        "width of the smallest face that is looked for, 12 or more; 0: 20 to 100 pixels, more in "
        "larger photos");
}

int ce_faces_settle(struct ce_run *run, struct ce_face_options *options, bool all)
{
    options->number = 1;
    if (options->least > 0 && options->least < 12)
        return ce_usage_error(run, "--min-face: %g is out of range, expected 12 or more, or 0",
                              options->least);
    if (strcmp(options->which, "largest") == 0)
        return CE_PARSED;
    if (all && strcmp(options->which, "all") == 0) {
        options->number = 0;
        return CE_PARSED;
    }
    if (ce_parse_int(options->which, &options->number) && options->number >= 1 &&
        options->number <= MOST_FACES)
        return CE_PARSED;
    return ce_usage_error(run, "--face: '%s' is neither a number from 1 nor largest%s",
                          options->which, all ? " nor all" : "");
}

lt_status ce_faces_find(const struct ce_models *models, const struct ce_face_options *options,
                        const ce_image *image, struct ce_faces *faces)
{
    const struct ce_pixels pixels = {image->rgb, image->width, image->height};
    *faces = (struct ce_faces){.least = options->least > 0
                                            ? options->least
                                            : ce_align_least_face(image->width, image->height)};
    return ce_align_find(models, &pixels, faces->least, &faces->face, &faces->count);
}

void ce_faces_free(struct ce_faces *faces)
{
    free(faces->face);
    *faces = (struct ce_faces){0};
}

void ce_faces_warn(const struct ce_run *run, const char *photo, const lt_face *face)
{
    const double eyes = ce_eye_distance(face->landmark);
    if (eyes < CE_EYES_LEAST)
        ce_note(run,
                "note: %s: the face is small, %.0f pixels between the eyes; expect a blurred "
                "result below %.0f",
                photo, eyes, CE_EYES_LEAST);
}
