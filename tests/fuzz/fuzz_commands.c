/* Networks, mappers and channels of hostile names, shapes and types through the program's commands.
 * The first byte of the input chooses the command line, and the rest is the header (fuzz.h) of the
 * file INPUT that the command reads. All other files are whole. */
#define _POSIX_C_SOURCE 200809L /* setenv */
#include "fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/pictures/image_file.h"
#include "fuzz/models.h"

/* Networks that draw or see larger pictures are valid, and as slow as their files say. */
enum { MOST_SIDE = 64, MOST_TOKENS = 256 };

/* The files that are not hostile. */
enum { GENERATOR, CLIP, MERGES, PHOTO, FILES };
static const char *const file_word[FILES] = {"GENERATOR", "CLIP", "MERGES", "PHOTO"};
static struct fuzz_file file[FILES];

static struct ce_models models;
/* The data of hostile files: float16 weights, since of zeros all pictures and features are zero. */
static uint8_t weights[FUZZ_DATA_BYTES];

#define TEXT   "--clip", "CLIP", "--bpe", "MERGES"
#define OUT    "-o", "-"
#define INVERT "invert", "--image", "PHOTO", "--starts", "1", OUT
#define EDIT                                                                                       \
    "edit", "--target", "the", "--seed", "1", "--steps", "1", "--fit-steps", "1", "--copies", "1", \
        "--templates", "1", OUT

static const struct line {
    int (*command)(struct ce_run *run, int argc, char **argv);
    const char *arguments[40];
} lines[FUZZ_LINES] = {
    [FUZZ_INFO] = {ce_cmd_info, {"info", "INPUT"}},
    [FUZZ_GENERATE] = {ce_cmd_generate,
                       {"generate", "--generator", "INPUT", "--seed", "1", "--dump", "/dev/null"}},
    [FUZZ_EMBED] = {ce_cmd_embed,
                    {"embed", "--clip", "INPUT", "--bpe", "MERGES", "--text", "the", "--image",
                     "PHOTO"}},
    [FUZZ_EDIT_GENERATOR] = {ce_cmd_edit, {EDIT, TEXT, "--generator", "INPUT"}},
    [FUZZ_EDIT_CLIP] = {ce_cmd_edit,
                        {EDIT, "--clip", "INPUT", "--bpe", "MERGES", "--generator", "GENERATOR"}},
    [FUZZ_EDIT_IDENTITY] = {ce_cmd_edit,
                            {EDIT, TEXT, "--generator", "GENERATOR", "--identity", "INPUT",
                             "--id-lambda", "0.1"}},
    [FUZZ_EDIT_CHANNELS] = {ce_cmd_edit,
                            {"edit", "--method", "global-directions", "--target", "the", "--seed",
                             "1", OUT, TEXT, "--generator", "GENERATOR", "--channels", "INPUT"}},
    [FUZZ_INVERT_GENERATOR] = {ce_cmd_invert, {INVERT, "--steps", "1", "--generator", "INPUT"}},
    [FUZZ_INVERT_ENCODER] = {ce_cmd_invert,
                             {INVERT, "--steps", "0", "--generator", "GENERATOR", "--encoder",
                              "INPUT"}},
    [FUZZ_INVERT_VGG] = {ce_cmd_invert,
                         {INVERT, "--steps", "1", "--generator", "GENERATOR", "--perc-lambda",
                          "0.1", "--vgg", "INPUT"}},
    [FUZZ_APPLY] = {ce_cmd_apply,
                    {"apply", "--mapper", "INPUT", "--seed", "1", OUT, TEXT, "--generator",
                     "GENERATOR"}},
};

/* Random float16 numbers of either sign between 2^-6 and 2^-2. */
static void fill_weights(void)
{
    lt_rng rng = lt_rng_make(3, 0);
    for (size_t i = 0; i < sizeof weights; i += 2) {
        const uint64_t bits = lt_rng_u64(&rng);
        const unsigned exponent = 9 + (unsigned)(bits % 4), sign_and_fraction = bits >> 16 & 0x83ff;
        weights[i] = (uint8_t)sign_and_fraction;
        weights[i + 1] = (uint8_t)((sign_and_fraction | exponent << 10) >> 8);
    }
}

/* Writes the networks and a photo into files in memory. */
static void write_files(void)
{
    lt_ctx *ctx = models.ctx;
    static const char merges[] = "#version: 0.2\nt h\nth e</w>\np h\n";
    char path[FILES][32];
    for (int i = 0; i < FILES; i++) {
        file[i] = i == MERGES ? fuzz_file_make(merges, sizeof merges - 1) : fuzz_file_make("", 0);
        /* A name of this form is written directly (file.h). */
        snprintf(path[i], sizeof path[i], "/dev/fd/%d", file[i].fd);
    }
    ce_image image;
    if (lt_params_save(ctx, models.generator_params, path[GENERATOR], LT_F32) != LT_OK ||
        lt_params_save(ctx, models.clip_params, path[CLIP], LT_F32) != LT_OK ||
        ce_image_create(ctx, METHOD_SIDE, METHOD_SIDE, &image) != LT_OK ||
        ce_image_write(ctx, path[PHOTO], &image, NULL, 0) != LT_OK)
        abort();
    ce_image_free(&image);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    /* A context is made for each input, and would ask the system for its number of cores. */
    setenv("OMP_NUM_THREADS", "1", 1);
    setenv("LT_BLAS", "portable", 1);
    method_models_make(&models, CE_NEED_GENERATOR | CE_NEED_TEXT);
    write_files();
    fill_weights();
    return 0;
}

/* Whether the networks that this file may hold are small. */
static bool is_small(const char *path)
{
    lt_ctx *ctx = models.ctx;
    bool small = true;
    lt_params *params = NULL;
    lt_stylegan2 *generator = NULL;
    lt_clip *clip = NULL;
    const lt_scope scope = lt_scope_open(ctx);
    if (lt_params_create(ctx, &params) == LT_OK &&
        lt_params_map(ctx, params, path, NULL) == LT_OK) {
        if (lt_stylegan2_create(ctx, params, &generator) == LT_OK)
            small = lt_stylegan2_describe(generator)->size <= MOST_SIDE;
        lt_ctx_clear(ctx);
        if (lt_clip_create(ctx, params, &clip) == LT_OK)
            small = small && lt_clip_describe(clip)->image_size <= MOST_SIDE &&
                    lt_clip_describe(clip)->context_length <= MOST_TOKENS;
    }
    lt_clip_free(clip);
    lt_stylegan2_free(generator);
    lt_params_free(params);
    lt_ctx_clear(ctx);
    lt_scope_close(ctx, scope, NULL);
    return small;
}

/* The argument that stands for `word`. */
static const char *argument(const char *word, const char *input)
{
    if (strcmp(word, "INPUT") == 0)
        return input;
    for (int i = 0; i < FILES; i++)
        if (strcmp(word, file_word[i]) == 0)
            return file[i].path;
    return word;
}

static void run(const struct line *line, const char *input)
{
    enum { MOST = sizeof line->arguments / sizeof line->arguments[0] };
    char *argv[MOST + 1] = {NULL};
    int argc = 0;
    for (; argc < (int)MOST && line->arguments[argc]; argc++)
        if (!(argv[argc] = strdup(argument(line->arguments[argc], input))))
            abort();
    struct ce_run job = {.command = argv[0]};
    const int status = line->command(&job, argc, argv);
    if (status != CE_OK && status != CE_ERROR && status != CE_USAGE)
        __builtin_trap();
    ce_run_end(&job);
    while (argc > 0)
        free(argv[--argc]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct fuzz_file input = fuzz_file_make_tensors(data + 1, size - 1, weights);
    if (is_small(input.path))
        run(&lines[data[0] % FUZZ_LINES], input.path);
    fuzz_file_close(&input);
    return 0;
}
