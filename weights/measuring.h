/* What the measuring programs of the two worlds share. */
#ifndef WEIGHTS_MEASURING_H
#define WEIGHTS_MEASURING_H

#include "engine/models.h"

/* ---- options ---- */

struct measuring_options {
    struct ce_paths paths;
    const char *sheet; /* the picture of samples; NULL: none */
    int64_t count;     /* portraits of each measurement */
    int size;          /* of the pictures that are measured; 0: the program has no option --size */
};

/* Reads the command line of `program` into *o, which holds the defaults. Returns 0; 2 after a
 * message about a mistake; -1 after --help. */
int measuring_parse(const char *program, const char *usage, struct measuring_options *o, int argc,
                    char **argv);

/* ---- figures ---- */

/* The PSNR in dB of an image of n numbers in -1..1. */
double measuring_psnr(const float *image, const float *truth, size_t n);

/* The index of the largest of n numbers that are `stride` apart. */
int measuring_argmax(const float *x, int64_t n, int64_t stride);

/* The unit feature (1,D) of a text, and of an image (1,3,S,S), which may be NULL after a failure.
 */
lt_tensor *measuring_embed_text(const struct ce_models *m, const char *text);
lt_tensor *measuring_embed_image(const struct ce_models *m, lt_tensor *image);

/* Of n texts and n images by their unit features (1,D), of which those of one index belong
 * together: how many texts are nearest to their own image, and how many images to their own text.
 */
void measuring_retrieve(lt_ctx *ctx, lt_tensor *const *texts, lt_tensor *const *images, int n,
                        int64_t *by_text, int64_t *by_image);

/* ---- the sheet ---- */

/* Draws held-out portrait `item`, mixed or not: returns the generator's image (1,3,S,S) and renders
 * the truth into truth[3][S][S]. NULL on failure. */
typedef lt_tensor *measuring_draw(const struct ce_models *m, int size, int64_t item, bool mixed,
                                  float *truth);

/* Writes a picture of three pairs of rows: the rendered truth, and below it the generator's image.
 * The last pair is mixed. Errors: LT_ERR_IO, LT_ERR_MEMORY. */
lt_status measuring_sheet(const struct ce_models *m, int size, measuring_draw *draw,
                          const char *path);

#endif
