/* Edits a picture by a sentence with libcfedit, and shows how far it is.
 *
 * The face of a seed is edited with the default method; before and after are written side by side
 * as a PPM file.
 *
 * run: MODEL-FOLDER "face with green lips" OUT.ppm
 * prints: how well the picture matches the sentence, before and after */
#include <cfedit.h>
#include <stdio.h>
#include <stdlib.h>

/* Told after each step; false would stop the edit there. */
static bool watch(void *user, int64_t step, int64_t steps, const char *stage, double loss)
{
    (void)user;
    (void)loss;
    if (stage)
        fprintf(stderr, "\r%-40s", stage);
    else
        fprintf(stderr, "\rstep %lld of %lld%-20s", (long long)step, (long long)steps, "");
    return true;
}

static int write_pair(lt_ctx *ctx, const char *path, const ce_edited *edited, int side)
{
    const size_t bytes = (size_t)side * (size_t)side * 3;
    unsigned char *rgb = malloc(2 * bytes);
    FILE *file = rgb ? fopen(path, "wb") : NULL;
    if (!file || ce_picture_to_rgb(ctx, edited->before, 0, rgb) != LT_OK ||
        ce_picture_to_rgb(ctx, edited->after, 0, rgb + bytes) != LT_OK) {
        free(rgb);
        return -1;
    }
    fprintf(file, "P6 %d %d 255\n", 2 * side, side);
    for (int row = 0; row < side; row++)
        for (size_t k = 0; k < 2; k++)
            fwrite(rgb + k * bytes + 3 * (size_t)(row * side), 3, (size_t)side, file);
    free(rgb);
    return fclose(file);
}

int main(int argc, char **argv)
{
    lt_ctx *ctx;
    ce_model *model = NULL;
    ce_edited edited = {0};
    int failed = 1;
    if (argc < 4 || lt_ctx_create(&ctx) != LT_OK)
        return 2;
    ce_request request = ce_request_defaults();
    request.target = argv[2];
    request.watch = watch;
    if (ce_model_open(ctx, argv[1], &model) == LT_OK &&
        ce_edit_latents(model, &request, ce_faces(model, (int64_t[]){7}, 1), &edited) == LT_OK) {
        printf("match with the text %.3f -> %.3f\n", edited.match_before, edited.match_after);
        failed = write_pair(ctx, argv[3], &edited, ce_model_describe(model).size) != 0;
    } else {
        printf("%s\n", lt_ctx_message(ctx));
    }
    ce_edited_free(&edited);
    ce_model_close(model);
    lt_ctx_destroy(ctx);
    return failed;
}
