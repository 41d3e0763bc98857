#define _POSIX_C_SOURCE 200809L /* access */
#include "engine/models.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/kinds.h"
#include "engine/text.h"
#include "tensor/files/safetensors.h"

#define DEFAULT_DOMAIN     "face"
#define DEFAULT_TRUNCATION 0.7
#define DEFAULT_CONTEXT    77
#define MOST_CONTEXT       65536
#define OPENAI_VOCABULARY  49408

/* ---- networks ---- */

/* The path of the file of one network (one CE_NEED_ bit), to be given to free(). If there is no
 * file, NULL, with a failure if `required`; see ce_model_file(). */
static char *file_of(lt_ctx *ctx, const struct ce_paths *p, unsigned need, bool required)
{
    switch (need) {
    case CE_NEED_GENERATOR:
        return ce_model_file(ctx, p, p->generator, "generator.safetensors", required);
    case CE_NEED_CLIP: return ce_model_file(ctx, p, p->clip, "clip.safetensors", required);
    case CE_NEED_IDENTITY:
        return ce_model_file(ctx, p, p->identity, "identity.safetensors", required);
    case CE_NEED_VGG: return ce_model_file(ctx, p, p->vgg, "vgg.safetensors", required);
    case CE_NEED_ENCODER: return ce_model_file(ctx, p, p->encoder, "encoder.safetensors", required);
    case CE_NEED_DETECTOR: return ce_model_file(ctx, p, p->detector, "face.safetensors", required);
    default: return NULL;
    }
}

/* Loads the tensors of an open file. CLIP's tensors stay as they are stored, often 16 bits wide. */
static lt_status load_tensors(lt_ctx *ctx, const lt_safetensors *file, enum ce_kind kind,
                              lt_params **params)
{
    const lt_scope scope = lt_scope_open(ctx);
    lt_status status = lt_params_create(ctx, params);
    if (status == LT_OK)
        status = kind == CE_KIND_CLIP ? lt_params_map_from(ctx, *params, file, NULL)
                                      : lt_params_load_from(ctx, *params, file, NULL);
    lt_scope_close(ctx, scope, NULL);
    return status;
}

/* Finds the file of one network and loads its tensors. *path is owned by the caller. The open file
 * is given to the caller in *file, or closed if `file` is NULL. */
static lt_status load_network(lt_ctx *ctx, const struct ce_paths *paths, unsigned need,
                              enum ce_kind kind, char **path, lt_params **params,
                              lt_safetensors **file)
{
    lt_safetensors *open = NULL;
    *path = file_of(ctx, paths, need, true);
    if (!*path)
        return lt_ctx_status(ctx);
    lt_status status = ce_kind_open(ctx, *path, kind, &open);
    if (status == LT_OK)
        status = load_tensors(ctx, open, kind, params);
    if (file)
        *file = open;
    else
        lt_safetensors_close(open);
    return status == LT_OK ? LT_OK : ce_blame_file(ctx, *path);
}

static lt_status open_generator(lt_ctx *ctx, const struct ce_paths *paths, struct ce_models *m)
{
    const lt_status status = load_network(ctx, paths, CE_NEED_GENERATOR, CE_KIND_GENERATOR,
                                          &m->generator_path, &m->generator_params, NULL);
    if (status != LT_OK)
        return status;
    if (lt_stylegan2_create(ctx, m->generator_params, &m->generator) != LT_OK)
        return ce_blame_file(ctx, m->generator_path);
    const char *domain = lt_params_metadata(m->generator_params, "domain");
    if (domain && *domain)
        m->domain = domain;
    const char *text = lt_params_metadata(m->generator_params, "truncation");
    if (text && (!ce_parse_real(text, &m->truncation) || fabs(m->truncation) > 10))
        return lt_fail(ctx, LT_ERR_FORMAT,
                       "%s: metadata truncation is '%s', expected a number from -10 to 10",
                       m->generator_path, text);
    if (!lt_stylegan2_latent_avg(m->generator))
        m->truncation = 1;
    return LT_OK;
}

static lt_status open_clip(lt_ctx *ctx, const struct ce_paths *paths, struct ce_models *m)
{
    const lt_status status = load_network(ctx, paths, CE_NEED_CLIP, CE_KIND_CLIP, &m->clip_path,
                                          &m->clip_params, &m->clip_file);
    if (status != LT_OK)
        return status;
    return lt_clip_create(ctx, m->clip_params, &m->clip) == LT_OK
               ? LT_OK
               : ce_blame_file(ctx, m->clip_path);
}

static lt_status open_identity(lt_ctx *ctx, const struct ce_paths *paths, struct ce_models *m)
{
    const lt_status status = load_network(ctx, paths, CE_NEED_IDENTITY, CE_KIND_IDENTITY,
                                          &m->identity_path, &m->identity_params, NULL);
    if (status != LT_OK)
        return status;
    return lt_irse50_create(ctx, m->identity_params, &m->identity) == LT_OK
               ? LT_OK
               : ce_blame_file(ctx, m->identity_path);
}

static lt_status open_vgg(lt_ctx *ctx, const struct ce_paths *paths, struct ce_models *m)
{
    const lt_status status =
        load_network(ctx, paths, CE_NEED_VGG, CE_KIND_VGG, &m->vgg_path, &m->vgg_params, NULL);
    if (status != LT_OK)
        return status;
    return lt_vgg19_create(ctx, m->vgg_params, &m->vgg) == LT_OK ? LT_OK
                                                                 : ce_blame_file(ctx, m->vgg_path);
}

static lt_status open_encoder(lt_ctx *ctx, const struct ce_paths *paths, struct ce_models *m)
{
    const lt_status status = load_network(ctx, paths, CE_NEED_ENCODER, CE_KIND_ENCODER,
                                          &m->encoder_path, &m->encoder_params, NULL);
    if (status != LT_OK)
        return status;
    if (lt_encoder_create(ctx, m->encoder_params, &m->encoder) != LT_OK)
        return ce_blame_file(ctx, m->encoder_path);
    if (!m->generator)
        return LT_OK;
    const lt_encoder_config *e = lt_encoder_describe(m->encoder);
    const int64_t latents = lt_stylegan2_latents(m->generator),
                  width = lt_stylegan2_describe(m->generator)->style_dim;
    const bool into_w = e->latents == 1; /* such a latent is for all layers */
    if ((into_w || e->latents == latents) && e->style_dim == width)
        return LT_OK;
    return lt_fail(
        ctx, LT_ERR_SHAPE,
        "%s: the encoder gives %d layers of %lld numbers, but the generator takes %lld of %lld",
        m->encoder_path, e->latents, (long long)e->style_dim, (long long)latents, (long long)width);
}

static lt_status open_detector(lt_ctx *ctx, const struct ce_paths *paths, struct ce_models *m)
{
    const lt_status status = load_network(ctx, paths, CE_NEED_DETECTOR, CE_KIND_DETECTOR,
                                          &m->detector_path, &m->detector_params, NULL);
    if (status != LT_OK)
        return status;
    return lt_mtcnn_create(ctx, m->detector_params, &m->detector) == LT_OK
               ? LT_OK
               : ce_blame_file(ctx, m->detector_path);
}

/* ---- the tokenizer ---- */

/* Makes the tokenizer from the merge list in the folder of the CLIP file. */
static lt_status tokenizer_beside(lt_ctx *ctx, struct ce_models *m, const char *clip_path)
{
    static const char *const names[] = {"bpe_simple_vocab_16e6.txt.gz", "merges.txt"};
    const char *slash = strrchr(clip_path, '/');
    const int folder = slash ? (int)(slash - clip_path) + 1 : 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *path = ce_format(ctx, "%.*s%s", folder, clip_path, names[i]);
        const bool there = path && access(path, F_OK) == 0;
        if (there && lt_tokenizer_open(ctx, path, &m->tokenizer) != LT_OK)
            ce_blame_file(ctx, path);
        free(path);
        if (!path || there)
            return lt_ctx_status(ctx);
    }
    return lt_fail(ctx, LT_ERR_MISSING,
                   "%s has no tensor tokenizer.merges, and there is no %s or %s beside it; get "
                   "the first from github.com/openai/CLIP (folder clip) and name it with --bpe",
                   clip_path, names[0], names[1]);
}

/* Takes the context length from the open CLIP file and checks that its vocabulary is the
 * tokenizer's. The network itself need not be open. */
static lt_status match_network(lt_ctx *ctx, struct ce_models *m, const lt_safetensors *clip,
                               const char *clip_path)
{
    const lt_safetensors_info *table = lt_safetensors_find(clip, "token_embedding.weight");
    const lt_safetensors_info *positions = lt_safetensors_find(clip, "positional_embedding");
    const size_t size = lt_tokenizer_vocab_size(m->tokenizer);
    if (positions && positions->ndim == 2 && positions->shape[0] >= 2 &&
        positions->shape[0] <= MOST_CONTEXT)
        m->context_length = positions->shape[0];
    if (table && table->ndim == 2 && table->shape[0] != (int64_t)size)
        return lt_fail(ctx, LT_ERR_SHAPE,
                       "the merge list makes a vocabulary of %zu tokens, but %s has %lld; it "
                       "belongs to another model",
                       size, clip_path, (long long)table->shape[0]);
    return LT_OK;
}

/* Makes the tokenizer from the merge list in the open CLIP file. */
static lt_status tokenizer_within(lt_ctx *ctx, struct ce_models *m, const lt_safetensors *clip)
{
    const char *path = lt_safetensors_path(clip);
    const lt_scope scope = lt_scope_open(ctx);
    const lt_tensor *merges = lt_safetensors_borrow(ctx, clip, "tokenizer.merges");
    lt_status status = LT_OK;
    if (!merges)
        status = lt_ctx_status(ctx);
    else if (lt_type(merges) != LT_U8)
        status = lt_fail(ctx, LT_ERR_DTYPE, "%s: tensor tokenizer.merges is %s, expected U8", path,
                         lt_dtype_name(lt_type(merges)));
    else if (lt_tokenizer_create(ctx, lt_data(merges), (size_t)lt_numel(merges), &m->tokenizer) !=
             LT_OK)
        status = ce_blame_file(ctx, path);
    lt_scope_close(ctx, scope, NULL);
    return status;
}

/* Opens the words that the CLIP of a file has a notion of: concepts.json beside that file. OpenAI's
 * CLIP, which knows any word, gets those for faces that come with the program. */
static lt_status open_concepts(lt_ctx *ctx, const struct ce_paths *paths, struct ce_models *m,
                               const char *clip_path)
{
    const char *slash = strrchr(clip_path, '/');
    const int folder = slash ? (int)(slash - clip_path) + 1 : 0;
    char *path = paths->concepts ? ce_copy(ctx, paths->concepts)
                                 : ce_format(ctx, "%.*sconcepts.json", folder, clip_path);
    if (path && !paths->concepts && access(path, F_OK) != 0) {
        free(path);
        path = lt_tokenizer_vocab_size(m->tokenizer) == OPENAI_VOCABULARY
                   ? ce_shipped_file(ctx, "concepts-faces.json", false)
                   : NULL;
    }
    if (path)
        ce_concepts_load(ctx, path, &m->concepts);
    free(path);
    return lt_ctx_status(ctx);
}

/* Makes the tokenizer that belongs to the open CLIP file, if there is none yet, and checks it
 * against the network in the file. */
static lt_status tokenizer_of_clip(lt_ctx *ctx, const struct ce_paths *paths, struct ce_models *m,
                                   const lt_safetensors *clip)
{
    lt_status status = LT_OK;
    if (!m->tokenizer)
        status = lt_safetensors_find(clip, "tokenizer.merges")
                     ? tokenizer_within(ctx, m, clip)
                     : tokenizer_beside(ctx, m, lt_safetensors_path(clip));
    if (status == LT_OK)
        status = match_network(ctx, m, clip, lt_safetensors_path(clip));
    if (status == LT_OK && !m->concepts)
        status = open_concepts(ctx, paths, m, lt_safetensors_path(clip));
    return status;
}

static lt_status open_tokenizer(lt_ctx *ctx, const struct ce_paths *paths, struct ce_models *m)
{
    if (paths->bpe && lt_tokenizer_open(ctx, paths->bpe, &m->tokenizer) != LT_OK)
        return ce_blame_file(ctx, paths->bpe);
    /* With a merge list of its own a tokenizer works without any network. */
    if (paths->bpe && !m->clip && !paths->clip)
        return LT_OK;
    if (m->clip_file)
        return tokenizer_of_clip(ctx, paths, m, m->clip_file);
    lt_safetensors *file = NULL;
    char *path = file_of(ctx, paths, CE_NEED_CLIP, true);
    if (path && ce_kind_open(ctx, path, CE_KIND_CLIP, &file) == LT_OK)
        tokenizer_of_clip(ctx, paths, m, file);
    lt_safetensors_close(file);
    free(path);
    return lt_ctx_status(ctx);
}

/* ---- all together ---- */

typedef lt_status opener(lt_ctx *ctx, const struct ce_paths *paths, struct ce_models *models);

lt_status ce_models_open(lt_ctx *ctx, const struct ce_paths *paths, unsigned needs,
                         struct ce_models *models)
{
    struct ce_models *m = models;
    const struct {
        unsigned need;
        bool open;
        opener *opener;
    } networks[] = {
        {CE_NEED_GENERATOR, m->generator != NULL, open_generator},
        {CE_NEED_CLIP, m->clip != NULL, open_clip},
        {CE_NEED_TOKENIZER, m->tokenizer != NULL, open_tokenizer},
        {CE_NEED_IDENTITY, m->identity != NULL, open_identity},
        {CE_NEED_VGG, m->vgg != NULL, open_vgg},
        {CE_NEED_ENCODER, m->encoder != NULL, open_encoder},
        {CE_NEED_DETECTOR, m->detector != NULL, open_detector},
    };
    lt_status status = LT_OK;
    if (!m->ctx) {
        m->ctx = ctx;
        m->domain = DEFAULT_DOMAIN;
        m->truncation = DEFAULT_TRUNCATION;
        m->context_length = DEFAULT_CONTEXT;
    }
    for (size_t i = 0; i < sizeof networks / sizeof networks[0] && status == LT_OK; i++)
        if ((needs & networks[i].need) && !networks[i].open)
            status = networks[i].opener(ctx, paths, m);
    return status;
}

lt_status ce_models_not_finite(const struct ce_models *m, const char *otherwise)
{
    lt_ctx *ctx = m->ctx;
    const struct {
        const lt_params *params;
        const char *path;
    } network[] = {
        {m->generator_params, m->generator_path}, {m->clip_params, m->clip_path},
        {m->identity_params, m->identity_path},   {m->vgg_params, m->vgg_path},
        {m->encoder_params, m->encoder_path},
    };
    for (size_t i = 0; i < sizeof network / sizeof network[0]; i++)
        if (network[i].params && lt_params_check_finite(ctx, network[i].params) != LT_OK)
            return network[i].path ? ce_blame_file(ctx, network[i].path) : lt_ctx_status(ctx);
    return lt_fail(ctx, LT_ERR_NUMERIC, "%s", otherwise);
}

void ce_models_close(struct ce_models *models)
{
    lt_stylegan2_free(models->generator);
    lt_clip_free(models->clip);
    lt_irse50_free(models->identity);
    lt_vgg19_free(models->vgg);
    lt_encoder_free(models->encoder);
    ce_concepts_free(models->concepts);
    lt_mtcnn_free(models->detector);
    lt_tokenizer_free(models->tokenizer);
    lt_params_free(models->generator_params);
    lt_params_free(models->clip_params);
    lt_safetensors_close(models->clip_file);
    lt_params_free(models->identity_params);
    lt_params_free(models->vgg_params);
    lt_params_free(models->encoder_params);
    lt_params_free(models->detector_params);
    free(models->generator_path);
    free(models->clip_path);
    free(models->identity_path);
    free(models->vgg_path);
    free(models->encoder_path);
    free(models->detector_path);
    *models = (struct ce_models){0};
}

bool ce_models_has(lt_ctx *ctx, const struct ce_paths *paths, unsigned need)
{
    char *path = file_of(ctx, paths, need, false);
    const bool there = path != NULL;
    free(path);
    return there;
}
