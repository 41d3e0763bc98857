/* Writes the files of a benchmark: weights drawn by formula, and inputs that ours and the peers
 * share.
 *
 * inputs.safetensors holds, for a generator of L W+ layers and a CLIP of R x R pixels:
 *     w (B,L,512)                    the latents of one batch
 *     latents (N*B,L,512)            new latents for each of N steps
 *     pixels (8,3,R,R)               CLIP's input
 *     ids_source, ids_target (79,77) int32, the templates filled with the source and target text
 *     ids_text (1,77)                int32, the target text by itself
 *     points (N,8,2,4,2)             the perspective draws of N steps */
#define _POSIX_C_SOURCE 200809L /* mkdir, access */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "autograd/ops.h"
#include "bench/speed/child.h"
#include "bench/speed/setup.h"
#include "bench/speed/vocabulary.h"
#include "cli/pictures/image_file.h"
#include "engine/models.h"
#include "engine/objective/perspective.h"
#include "engine/objective/templates.h"
#include "tensor/files/safetensors.h"
#include "tests/parity/formula.h"

enum { STEPS = BENCH_MAX_RUNS + 16, MOST_INPUTS = 8 };

static bool starts(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

char *setup_path(const struct setup *s, const char *file, char *path)
{
    if (starts(file, "clip") || starts(file, "picture"))
        snprintf(path, BENCH_PATH, "%s/%s/%s", s->data, s->clip, file);
    else if (starts(file, "generator") || starts(file, "mapper"))
        snprintf(path, BENCH_PATH, "%s/stylegan2-%d/%s", s->data, s->size, file);
    else
        snprintf(path, BENCH_PATH, "%s/%s-%d-batch%d/%s", s->data, s->clip, s->size, s->batch,
                 file);
    return path;
}

static bool there(const char *path) { return access(path, F_OK) == 0; }

/* ---- weights ---- */

/* Writes the weights of a formula model. CLIP's are stored as OpenAI publishes them, in float16,
 * with the tokenizer's merge list beside them. */
static lt_status write_params(lt_ctx *ctx, const char *model, bool clip, const char *path)
{
    lt_params *params = NULL;
    const lt_scope scope = lt_scope_open(ctx);
    lt_status status = lt_params_create(ctx, &params);
    if (status == LT_OK)
        status = formula_params(ctx, model, 1, params);
    if (status == LT_OK && clip) {
        size_t bytes = 0;
        char *merges = NULL;
        status = vocabulary_make(ctx, &merges, &bytes);
        if (status == LT_OK)
            status =
                lt_params_add(ctx, params, "tokenizer.merges",
                              lt_from_copy(ctx, LT_U8, 1, (int64_t[]){(int64_t)bytes}, merges));
        free(merges);
    }
    if (status == LT_OK)
        status = lt_params_save(ctx, params, path, clip ? LT_F16 : LT_F32);
    lt_params_free(params);
    lt_scope_close(ctx, scope, NULL);
    return status;
}

/* Writes the weight files that do not exist yet. */
static lt_status write_weights(lt_ctx *ctx, const struct setup *s)
{
    char path[BENCH_PATH], model[32];
    int latents = 2;
    for (int side = 8; side <= s->size; side *= 2)
        latents += 2;
    lt_status status = LT_OK;
    if (!there(setup_path(s, "clip-half.safetensors", path)))
        status = write_params(ctx, s->clip, true, path);
    snprintf(model, sizeof model, "stylegan2-%d", s->size);
    if (status == LT_OK && !there(setup_path(s, "generator.safetensors", path)))
        status = write_params(ctx, model, false, path);
    snprintf(model, sizeof model, "mapper-%d", latents);
    if (status == LT_OK && !there(setup_path(s, "mapper.safetensors", path)))
        status = write_params(ctx, model, false, path);
    return status;
}

/* ---- inputs ---- */

/* Padded token ids of the templates filled with `text`, or of `text` alone if templates is
 * false. */
static lt_tensor *ids_of(const struct ce_models *models, const char *text, bool templates)
{
    char *filled[CE_TEMPLATES] = {0};
    lt_tensor *ids = NULL;
    bool good = true;
    for (int i = 0; i < CE_TEMPLATES && templates && good; i++)
        good = (filled[i] = ce_template_fill(models->ctx, i, text)) != NULL;
    if (good)
        ids = templates ? ce_models_tokens(models, (const char *const *)filled, CE_TEMPLATES)
                        : ce_models_tokens(models, &text, 1);
    for (int i = 0; i < CE_TEMPLATES; i++)
        free(filled[i]);
    return ids;
}

/* The corners of the perspective warps of all steps, for images of size x size pixels. */
static lt_tensor *draw_points(lt_ctx *ctx, int size)
{
    lt_tensor *points = lt_empty(ctx, LT_F32, 5, (const int64_t[]){STEPS, BENCH_COPIES, 2, 4, 2});
    lt_rng rng = lt_rng_make(5, 0);
    for (int i = 0; points && i < STEPS * BENCH_COPIES; i++) {
        const struct ce_perspective p =
            ce_perspective_draw(&rng, size, size, CE_PERSPECTIVE_DISTORTION);
        for (int j = 0; j < 8; j++) {
            lt_f32(points)[16 * i + j] = (float)p.start[j / 2][j % 2];
            lt_f32(points)[16 * i + 8 + j] = (float)p.end[j / 2][j % 2];
        }
    }
    return points;
}

static lt_status write_inputs(lt_ctx *ctx, const struct setup *s, const struct ce_models *models)
{
    char path[BENCH_PATH];
    const int64_t layers = lt_stylegan2_latents(models->generator),
                  r = lt_clip_describe(models->clip)->image_size;
    lt_tensor *w =
        formula_uniform(ctx, "bench.w", 3, (const int64_t[]){s->batch, layers, 512}, 1, 0.0f, 1.0f);
    lt_tensor *latents = formula_uniform(
        ctx, "bench.latents", 3, (const int64_t[]){STEPS * s->batch, layers, 512}, 1, 0.0f, 1.0f);
    lt_tensor *pixels = formula_uniform(ctx, "bench.pixels", 4,
                                        (const int64_t[]){BENCH_COPIES, 3, r, r}, 1, 0.0f, 1.0f);
    static const char *const names[MOST_INPUTS] = {"w",          "latents",  "pixels", "ids_source",
                                                   "ids_target", "ids_text", "points"};
    lt_tensor *const tensors[MOST_INPUTS] = {w,
                                             latents,
                                             pixels,
                                             ids_of(models, BENCH_SOURCE_TEXT, true),
                                             ids_of(models, BENCH_TARGET_TEXT, true),
                                             ids_of(models, BENCH_TARGET_TEXT, false),
                                             draw_points(ctx, s->size)};
    if (lt_ctx_status(ctx) != LT_OK)
        return lt_ctx_status(ctx);
    lt_status status = lt_safetensors_write(ctx, setup_path(s, "inputs.safetensors", path), 7,
                                            names, tensors, 0, NULL, NULL);
    if (status == LT_OK) /* one latent, for `cfedit edit --latents` */
        status = lt_safetensors_write(ctx, setup_path(s, "latents.safetensors", path), 1,
                                      (const char *[]){"latents"},
                                      (lt_tensor *[]){lt_slice(ctx, w, 0, 0, 1)}, 0, NULL, NULL);
    return status;
}

/* Writes a picture of 512 x 512 twice: as a PNG file for `cfedit embed`, and as the tensor that
 * this file decodes to for the peers, which read no PNG. */
static lt_status write_picture(lt_ctx *ctx, const struct setup *s)
{
    char path[BENCH_PATH];
    ce_image image = {0};
    lt_tensor *x =
        formula_smooth(ctx, "bench.picture", (const int64_t[]){1, 3, 512, 512}, 32, 1, 1.0);
    lt_status status = x ? ce_image_from_tensor(ctx, x, 0, &image) : lt_ctx_status(ctx);
    if (status == LT_OK)
        status = ce_image_write(ctx, setup_path(s, "picture.png", path), &image, NULL, 0);
    if (status == LT_OK) {
        lt_tensor *t = ce_image_to_tensor(ctx, &image);
        if (t)
            t = lt_reshape(ctx, t, 4, (const int64_t[]){1, 3, 512, 512});
        status = t ? lt_safetensors_write(ctx, setup_path(s, "picture.safetensors", path), 1,
                                          (const char *[]){"image"}, &t, 0, NULL, NULL)
                   : lt_ctx_status(ctx);
    }
    ce_image_free(&image);
    return status;
}

/* ---- all of it ---- */

static lt_status write_files(lt_ctx *ctx, struct setup *s)
{
    char clip[BENCH_PATH], generator[BENCH_PATH];
    struct ce_paths paths = {0};
    struct ce_models models = {0};
    const lt_scope scope = lt_scope_open(ctx);
    lt_status status = write_weights(ctx, s);
    paths.clip = setup_path(s, "clip-half.safetensors", clip);
    paths.generator = setup_path(s, "generator.safetensors", generator);
    if (status == LT_OK)
        status = ce_models_open(ctx, &paths, CE_NEED_GENERATOR | CE_NEED_TEXT, &models);
    if (status == LT_OK)
        status = write_picture(ctx, s);
    if (status == LT_OK) /* last: setup_prepare() takes this file as the sign that all are there */
        status = write_inputs(ctx, s, &models);
    ce_models_close(&models);
    lt_scope_close(ctx, scope, NULL);
    return status;
}

static int prepare(void *arg)
{
    struct setup *s = arg;
    lt_ctx *ctx = NULL;
    lt_status status = lt_ctx_create(&ctx);
    if (status == LT_OK)
        status = lt_ctx_set_threads(ctx, s->threads);
    if (status == LT_OK)
        status = write_files(ctx, s);
    if (status != LT_OK)
        fprintf(stderr, "bench: %s\n", ctx ? lt_ctx_message(ctx) : "out of memory");
    lt_ctx_destroy(ctx);
    return status != LT_OK;
}

/* Makes the folders that lead to `file`. */
static void make_folders(const char *file)
{
    char path[BENCH_PATH];
    snprintf(path, sizeof path, "%s", file);
    for (char *slash = path; (slash = strchr(slash + 1, '/'));) {
        *slash = '\0';
        mkdir(path, 0777); /* if this fails, writing the file fails, too, with a message */
        *slash = '/';
    }
}

bool setup_prepare(struct setup *s)
{
    char path[BENCH_PATH];
    struct usage usage;
    static const char *const files[] = {"clip-half.safetensors", "mapper.safetensors",
                                        "inputs.safetensors"};
    bool complete = true;
    for (int i = 0; i < 3; i++) {
        make_folders(setup_path(s, files[i], path));
        complete = complete && there(path);
    }
    if (complete)
        return true;
    fprintf(stderr, "bench: writing weights and inputs to %s ...\n", s->data);
    return child_call(prepare, s, &usage) == 0;
}
