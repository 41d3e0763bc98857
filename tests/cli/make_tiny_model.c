/* Writes a model with random weights that is small enough for tests of the
 * command line, and good and bad input files for it, into a folder:
 *
 *     generator, clip .safetensors    32 pixels, z 512, style 512; 64 features, 32 pixels
 *     clip-no-merges, clip-vocab      the same CLIP without merge list, or with a shorter one
 *     merges.txt                      its merge list
 *     latents, latents-w, z, pixels   3 of each
 *     latents-14, latents-256, latents-nan, z-9, pixels-gray    such as must be refused
 *     mapper                          the beginning of a mapper, for recognition
 *     encoder-w                       an encoder into W, of one unit
 *     generator-nan                   a generator whose pictures are not numbers */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/models/clip.h"
#include "nn/models/stylegan2.h"
#include "nn/text/tokenizer.h"
#include "tensor/files/file.h"
#include "tensor/files/safetensors.h"

static const char *const texts[] = {
    "a photo of a face with green lips",
    "a photo of a face with blue hair",
    "a drawing of a woman with red hair and purple eyebrows",
    "a drawing of a man with glasses and a blue shirt",
    "the face of a person with green eyes",
    "a bad photo of a face",
    "a good photo of a person",
    "many photos of blue and green faces",
};

struct maker {
    lt_ctx *ctx;
    const char *folder;
    lt_rng rng;
};

static const char *path_of(const struct maker *m, const char *name)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", m->folder, name);
    return path;
}

static void write_generator(struct maker *m)
{
    const lt_stylegan2_config config = {
        .size = 32, .z_dim = 512, .style_dim = 512, .n_mlp = 2, .channels = {16, 16, 8, 8}};
    lt_params *params = NULL;
    if (lt_params_create(m->ctx, &params) == LT_OK &&
        lt_stylegan2_init(m->ctx, params, &config, &m->rng) == LT_OK &&
        lt_params_set_metadata(m->ctx, params, "domain", "face") == LT_OK) {
        lt_params_save(m->ctx, params, path_of(m, "generator.safetensors"), LT_F16);
        lt_tensor *input = lt_params_find(params, "input.input");
        if (input)
            lt_f32(input)[0] = NAN;
        lt_params_save(m->ctx, params, path_of(m, "generator-nan.safetensors"), LT_F16);
    }
    lt_params_free(params);
}

static void write_clip(struct maker *m)
{
    lt_clip_config config = {.embed_dim = 64,
                             .image_size = 32,
                             .patch = 8,
                             .vision_width = 64,
                             .vision_layers = 2,
                             .context_length = 77,
                             .text_width = 64,
                             .text_layers = 2};
    char *merges = NULL;
    size_t bytes = 0;
    lt_tokenizer *tokenizer = NULL;
    lt_params *params = NULL;
    if (lt_bpe_train(m->ctx, texts, sizeof texts / sizeof texts[0], 60, &merges, &bytes) != LT_OK ||
        lt_file_write(m->ctx, path_of(m, "merges.txt"), merges, bytes) != LT_OK ||
        lt_tokenizer_create(m->ctx, merges, bytes, &tokenizer) != LT_OK)
        goto done;
    config.vocab_size = (int)lt_tokenizer_vocab_size(tokenizer);
    if (lt_params_create(m->ctx, &params) != LT_OK ||
        lt_clip_init(m->ctx, params, &config, &m->rng) != LT_OK)
        goto done;
    /* In a folder of its own, so that no merge list lies beside it. */
    lt_params_save(m->ctx, params, path_of(m, "bare/clip-no-merges.safetensors"), LT_F32);
    lt_tensor *list = lt_from_copy(m->ctx, LT_U8, 1, (int64_t[]){(int64_t)bytes}, merges);
    if (list && lt_params_add(m->ctx, params, "tokenizer.merges", list) == LT_OK)
        lt_params_save(m->ctx, params, path_of(m, "clip.safetensors"), LT_F32);
    lt_params_free(params);
    params = NULL;
    config.vocab_size -= 7;
    if (lt_params_create(m->ctx, &params) == LT_OK &&
        lt_clip_init(m->ctx, params, &config, &m->rng) == LT_OK &&
        lt_params_add(m->ctx, params, "tokenizer.merges", list) == LT_OK)
        lt_params_save(m->ctx, params, path_of(m, "clip-vocab.safetensors"), LT_F32);
done:
    lt_params_free(params);
    lt_tokenizer_free(tokenizer);
    free(merges);
}

/* One tensor of random values; `bad` puts a NaN into it. */
static void write_tensor(struct maker *m, const char *file, const char *name, int ndim,
                         const int64_t *shape, bool bad)
{
    lt_tensor *t = lt_empty(m->ctx, LT_F32, ndim, shape);
    if (!t || lt_fill_normal(m->ctx, t, &m->rng, 0, 0.5f) != LT_OK)
        return;
    if (bad)
        lt_f32(t)[lt_numel(t) / 2] = NAN;
    lt_safetensors_write(m->ctx, path_of(m, file), 1, &name, &t, 0, NULL, NULL);
}

/* All weights are 0.5. */
static void write_encoder(struct maker *m)
{
    static const struct {
        const char *name;
        int ndim;
        int64_t shape[4];
    } weights[] = {
        {"input_layer.0.weight", 4, {2, 3, 3, 3}},
        {"input_layer.1.weight", 1, {2}},
        {"input_layer.1.bias", 1, {2}},
        {"input_layer.1.running_mean", 1, {2}},
        {"input_layer.1.running_var", 1, {2}},
        {"input_layer.2.weight", 1, {2}},
        {"body.0.res_layer.0.weight", 1, {2}},
        {"body.0.res_layer.0.bias", 1, {2}},
        {"body.0.res_layer.0.running_mean", 1, {2}},
        {"body.0.res_layer.0.running_var", 1, {2}},
        {"body.0.res_layer.1.weight", 4, {2, 2, 3, 3}},
        {"body.0.res_layer.2.weight", 1, {2}},
        {"body.0.res_layer.3.weight", 4, {2, 2, 3, 3}},
        {"body.0.res_layer.4.weight", 1, {2}},
        {"body.0.res_layer.4.bias", 1, {2}},
        {"body.0.res_layer.4.running_mean", 1, {2}},
        {"body.0.res_layer.4.running_var", 1, {2}},
        {"body.0.res_layer.5.fc1.weight", 4, {1, 2, 1, 1}},
        {"body.0.res_layer.5.fc2.weight", 4, {2, 1, 1, 1}},
        {"linear.weight", 2, {512, 2}},
        {"linear.bias", 1, {512}},
    };
    lt_params *params = NULL;
    char name[64];
    lt_status status = lt_params_create(m->ctx, &params);
    for (size_t i = 0; i < sizeof weights / sizeof weights[0] && status == LT_OK; i++) {
        lt_tensor *t = lt_empty(m->ctx, LT_F32, weights[i].ndim, weights[i].shape);
        snprintf(name, sizeof name, "encoder.%s", weights[i].name);
        status = t ? lt_fill(m->ctx, t, 0.5f) : lt_ctx_status(m->ctx);
        if (status == LT_OK)
            status = lt_params_add(m->ctx, params, name, t);
    }
    if (status == LT_OK && lt_params_set_metadata(m->ctx, params, "encoder_type",
                                                  "BackboneEncoderUsingLastLayerIntoW") == LT_OK)
        lt_params_save(m->ctx, params, path_of(m, "encoder-w.safetensors"), LT_F32);
    lt_params_free(params);
}

int main(int argc, char **argv)
{
    struct maker m = {.rng = lt_rng_make(1, 0)};
    if (argc != 2) {
        fprintf(stderr, "usage: make_tiny_model FOLDER   (FOLDER and FOLDER/bare exist)\n");
        return 2;
    }
    m.folder = argv[1];
    if (lt_ctx_create(&m.ctx) != LT_OK)
        return 1;
    write_generator(&m);
    write_clip(&m);
    write_encoder(&m);
    write_tensor(&m, "latents.safetensors", "latents", 3, (int64_t[]){3, 8, 512}, false);
    write_tensor(&m, "latents-w.safetensors", "latents", 2, (int64_t[]){3, 512}, false);
    write_tensor(&m, "latents-14.safetensors", "latents", 3, (int64_t[]){3, 14, 512}, false);
    write_tensor(&m, "latents-256.safetensors", "latents", 3, (int64_t[]){3, 8, 256}, false);
    write_tensor(&m, "latents-nan.safetensors", "latents", 3, (int64_t[]){3, 8, 512}, true);
    write_tensor(&m, "latents-1d.safetensors", "latents", 1, (int64_t[]){512}, false);
    write_tensor(&m, "z.safetensors", "z", 2, (int64_t[]){3, 512}, false);
    write_tensor(&m, "z-9.safetensors", "z", 2, (int64_t[]){3, 9}, false);
    write_tensor(&m, "pixels.safetensors", "image", 4, (int64_t[]){3, 3, 40, 48}, false);
    write_tensor(&m, "pixels-gray.safetensors", "image", 4, (int64_t[]){3, 1, 40, 48}, false);
    write_tensor(&m, "mapper.safetensors", "mapper.fc.weight", 2, (int64_t[]){512, 1024}, false);
    const lt_status status = lt_ctx_status(m.ctx);
    if (status != LT_OK)
        fprintf(stderr, "make_tiny_model: %s\n", lt_ctx_message(m.ctx));
    lt_ctx_destroy(m.ctx);
    return status == LT_OK ? 0 : 1;
}
