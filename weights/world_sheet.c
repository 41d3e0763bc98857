/* Draws contact sheets of the portraits: world_sheet PREFIX [SEED]
 *
 * Writes PREFIX-natural.png and PREFIX-any.png, 8 x 5 portraits each, and PREFIX-masks.png, a
 * portrait with the mask of each part, twice. The captions of PREFIX-any.png go to stdout. */
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weights/world/captions.h"
#include "weights/world/world.h"

enum { SIZE = 128, PLANE = SIZE * SIZE };

struct sheet {
    int columns, rows;
    unsigned char *rgb; /* rows * SIZE x columns * SIZE x 3 */
};

static void place(struct sheet *s, int cell, const float *red, const float *green,
                  const float *blue, float low, float high)
{
    const float *planes[3] = {red, green, blue};
    int left = cell % s->columns * SIZE, top = cell / s->columns * SIZE;

    for (int y = 0; y < SIZE; y++)
        for (int x = 0; x < SIZE; x++)
            for (int c = 0; c < 3; c++) {
                float v = (planes[c][y * SIZE + x] - low) / (high - low);
                size_t at =
                    ((size_t)(top + y) * (size_t)(s->columns * SIZE) + (size_t)(left + x)) * 3;
                s->rgb[at + (size_t)c] = (unsigned char)(255.0f * v + 0.5f);
            }
}

static void place_portrait(struct sheet *s, int cell, const float *rgb)
{
    place(s, cell, rgb, rgb + PLANE, rgb + 2 * PLANE, -1.0f, 1.0f);
}

static int save(const struct sheet *s, const char *prefix, const char *name)
{
    char path[4096];
    png_image image;

    snprintf(path, sizeof path, "%s-%s.png", prefix, name);
    memset(&image, 0, sizeof image);
    image.version = PNG_IMAGE_VERSION;
    image.width = (png_uint_32)(s->columns * SIZE);
    image.height = (png_uint_32)(s->rows * SIZE);
    image.format = PNG_FORMAT_RGB;
    if (png_image_write_to_file(&image, path, 0, s->rgb, 0, NULL))
        return 0;
    fprintf(stderr, "%s: %s\n", path, image.message);
    return -1;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: %s PREFIX [SEED]\n", argv[0]);
        return 2;
    }
    uint64_t rng = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    struct sheet s = {8, 5, malloc(8 * 5 * 3 * PLANE)}, m = {9, 2, s.rgb};
    float *rgb = malloc((3 + WORLD_PARTS) * PLANE * sizeof *rgb);
    struct world_attr attr;
    int status = 1;

    if (!s.rgb || !rgb) {
        fprintf(stderr, "out of memory\n");
        goto done;
    }
    float *masks = rgb + 3 * PLANE;

    for (int i = 0; i < s.columns * s.rows; i++) {
        world_attr_random_natural(&rng, &attr, NULL);
        world_render(&attr, SIZE, rgb, NULL);
        place_portrait(&s, i, rgb);
    }
    if (save(&s, argv[1], "natural"))
        goto done;

    for (int i = 0; i < s.columns * s.rows; i++) {
        char text[256];
        world_attr_random_any(&rng, &attr);
        world_render(&attr, SIZE, rgb, NULL);
        place_portrait(&s, i, rgb);
        world_caption(&attr, &rng, NULL, text, sizeof text);
        printf("row %d column %d: %s\n", i / s.columns + 1, i % s.columns + 1, text);
    }
    if (save(&s, argv[1], "any"))
        goto done;

    for (int row = 0; row < m.rows; row++) {
        world_attr_random_any(&rng, &attr);
        attr.glasses_on = 1.0f;
        world_render(&attr, SIZE, rgb, masks);
        place_portrait(&m, row * m.columns, rgb);
        for (int p = 0; p < WORLD_PARTS; p++) {
            const float *mask = masks + p * PLANE;
            place(&m, row * m.columns + 1 + p, mask, mask, mask, 0.0f, 1.0f);
        }
    }
    if (save(&m, argv[1], "masks"))
        goto done;
    status = 0;
done:
    free(rgb);
    free(s.rgb);
    return status;
}
