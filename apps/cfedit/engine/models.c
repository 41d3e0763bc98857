#define _POSIX_C_SOURCE 200809L /* access */
#include "engine/models.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#include "engine/kinds.h"
#include "engine/model_files.h"
#include "cli/options.h"
#include "tensor/files/safetensors.h"

#define DEFAULT_DOMAIN     "face"
#define DEFAULT_TRUNCATION 0.7
#define DEFAULT_CONTEXT    77
#define MOST_CONTEXT       65536

/* ---- networks ---- */

/* All tensors of the file at `path`, which must be of the kind. CLIP's stay as they are stored. */
static lt_status load(lt_ctx *ctx, const char *path, enum ce_kind kind, lt_params **out)
{
    lt_safetensors *file;
    lt_status status = ce_kind_open(ctx, path, kind, &file);
    if (status != LT_OK)
        return status;
    lt_safetensors_close(file);
    const lt_scope scope = lt_scope_open(ctx);
    status = lt_params_create(ctx, out);
    if (status == LT_OK)
        status = kind == CE_KIND_CLIP ? lt_params_map(ctx, *out, path, NULL)
                                      : lt_params_load(ctx, *out, path, NULL);
    lt_scope_close(ctx, scope, NULL);
    return status;
}

/* The path of the file of one network (one CE_NEED_ bit): see ce_model_file(). */
static const char *file_of(struct ce_run *run, unsigned need, bool required)
{
    const struct ce_paths *p = &run->paths;
    switch (need) {
    case CE_NEED_GENERATOR:
        return ce_model_file(run, p->generator, "generator.safetensors", required);
    case CE_NEED_CLIP: return ce_model_file(run, p->clip, "clip.safetensors", required);
    case CE_NEED_IDENTITY: return ce_model_file(run, p->identity, "identity.safetensors", required);
    case CE_NEED_VGG: return ce_model_file(run, p->vgg, "vgg.safetensors", required);
    case CE_NEED_ENCODER: return ce_model_file(run, p->encoder, "encoder.safetensors", required);
    default: return NULL;
    }
}

/* That file's path and tensors. */
static lt_status load_network(struct ce_run *run, unsigned need, enum ce_kind kind,
                              const char **path, lt_params **params)
{
    *path = file_of(run, need, true);
    if (!*path)
        return lt_ctx_status(run->ctx);
    return load(run->ctx, *path, kind, params) == LT_OK ? LT_OK : ce_blame_file(run->ctx, *path);
}

static lt_status open_generator(struct ce_run *run, struct ce_models *m)
{
    const lt_status status = load_network(run, CE_NEED_GENERATOR, CE_KIND_GENERATOR,
                                          &m->generator_path, &m->generator_params);
    if (status != LT_OK)
        return status;
    if (lt_stylegan2_create(run->ctx, m->generator_params, &m->generator) != LT_OK)
        return ce_blame_file(run->ctx, m->generator_path);
    const char *domain = lt_params_metadata(m->generator_params, "domain");
    if (domain && *domain)
        m->domain = domain;
    const char *text = lt_params_metadata(m->generator_params, "truncation");
    if (text && (!ce_parse_real(text, &m->truncation) || fabs(m->truncation) > 10))
        return lt_fail(run->ctx, LT_ERR_FORMAT,
                       "%s: metadata truncation '%s' is not a number that "
                       "truncates",
                       m->generator_path, text);
    if (!lt_stylegan2_latent_avg(m->generator))
        m->truncation = 1;
    return LT_OK;
}

static lt_status open_clip(struct ce_run *run, struct ce_models *m)
{
    const lt_status status =
        load_network(run, CE_NEED_CLIP, CE_KIND_CLIP, &m->clip_path, &m->clip_params);
    if (status != LT_OK)
        return status;
    return lt_clip_create(run->ctx, m->clip_params, &m->clip) == LT_OK
               ? LT_OK
               : ce_blame_file(run->ctx, m->clip_path);
}

static lt_status open_identity(struct ce_run *run, struct ce_models *m)
{
    const lt_status status = load_network(run, CE_NEED_IDENTITY, CE_KIND_IDENTITY,
                                          &m->identity_path, &m->identity_params);
    if (status != LT_OK)
        return status;
    return lt_irse50_create(run->ctx, m->identity_params, &m->identity) == LT_OK
               ? LT_OK
               : ce_blame_file(run->ctx, m->identity_path);
}

static lt_status open_vgg(struct ce_run *run, struct ce_models *m)
{
    const lt_status status =
        load_network(run, CE_NEED_VGG, CE_KIND_VGG, &m->vgg_path, &m->vgg_params);
    if (status != LT_OK)
        return status;
    return lt_vgg19_create(run->ctx, m->vgg_params, &m->vgg) == LT_OK
               ? LT_OK
               : ce_blame_file(run->ctx, m->vgg_path);
}

static lt_status open_encoder(struct ce_run *run, struct ce_models *m)
{
    const lt_status status =
        load_network(run, CE_NEED_ENCODER, CE_KIND_ENCODER, &m->encoder_path, &m->encoder_params);
    if (status != LT_OK)
        return status;
    if (lt_e4e_create(run->ctx, m->encoder_params, &m->encoder) != LT_OK)
        return ce_blame_file(run->ctx, m->encoder_path);
    if (!m->generator)
        return LT_OK;
    const lt_e4e_config *e = lt_e4e_describe(m->encoder);
    const int64_t latents = lt_stylegan2_latents(m->generator),
                  width = lt_stylegan2_describe(m->generator)->style_dim;
    if (e->latents == latents && e->style_dim == width)
        return LT_OK;
    return lt_fail(
        run->ctx, LT_ERR_SHAPE,
        "%s: the encoder gives %d layers of %lld numbers, but the generator takes %lld of %lld",
        m->encoder_path, e->latents, (long long)e->style_dim, (long long)latents, (long long)width);
}

/* ---- the tokenizer ---- */

static lt_status tokenizer_beside(struct ce_run *run, struct ce_models *m, const char *clip_path)
{
    static const char *const names[] = {"bpe_simple_vocab_16e6.txt.gz", "merges.txt"};
    const char *slash = strrchr(clip_path, '/');
    const int folder = slash ? (int)(slash - clip_path) + 1 : 0;
    for (size_t i = 0; i < CE_COUNT(names); i++) {
        const char *path = ce_text(run, "%.*s%s", folder, clip_path, names[i]);
        if (path && access(path, F_OK) == 0)
            return lt_tokenizer_open(run->ctx, path, &m->tokenizer) == LT_OK
                       ? LT_OK
                       : ce_blame_file(run->ctx, path);
    }
    return lt_fail(run->ctx, LT_ERR_MISSING,
                   "%s has no tensor tokenizer.merges, and there is no %s or %s beside it; get "
                   "the first from github.com/openai/CLIP (folder clip) and name it with --bpe",
                   clip_path, names[0], names[1]);
}

/* What the tokenizer has to know of the network, which may not be open. */
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

static lt_status open_tokenizer(struct ce_run *run, struct ce_models *m)
{
    lt_ctx *ctx = run->ctx;
    lt_safetensors *file = NULL;
    lt_status status = LT_OK;
    if (run->paths.bpe && lt_tokenizer_open(ctx, run->paths.bpe, &m->tokenizer) != LT_OK)
        status = ce_blame_file(ctx, run->paths.bpe);
    /* With a merge list of its own, `tokenize` works without any network. */
    if (status != LT_OK || (run->paths.bpe && !m->clip && !run->paths.clip))
        return status;
    const char *path = m->clip_path;
    if (!path && !(path = file_of(run, CE_NEED_CLIP, true)))
        return lt_ctx_status(ctx);
    status = ce_kind_open(ctx, path, CE_KIND_CLIP, &file);
    if (status != LT_OK)
        return status;
    if (!m->tokenizer && lt_safetensors_find(file, "tokenizer.merges")) {
        const lt_scope scope = lt_scope_open(ctx);
        const lt_tensor *merges = lt_safetensors_borrow(file, ctx, "tokenizer.merges");
        if (!merges)
            status = lt_ctx_status(ctx);
        else if (lt_type(merges) != LT_U8)
            status = lt_fail(ctx, LT_ERR_DTYPE, "%s: tensor tokenizer.merges is %s, expected U8",
                             path, lt_dtype_name(lt_type(merges)));
        else if (lt_tokenizer_create(ctx, lt_data(merges), (size_t)lt_numel(merges),
                                     &m->tokenizer) != LT_OK)
            status = ce_blame_file(ctx, path);
        lt_scope_close(ctx, scope, NULL);
    } else if (!m->tokenizer) {
        status = tokenizer_beside(run, m, path);
    }
    if (status == LT_OK)
        status = match_network(ctx, m, file, path);
    lt_safetensors_close(file);
    return status;
}

/* ---- all together ---- */

lt_status ce_models_open(struct ce_run *run, unsigned needs, struct ce_models *models)
{
    struct ce_models *m = models;
    lt_status status = LT_OK;
    if (!m->ctx) {
        m->ctx = run->ctx;
        m->domain = DEFAULT_DOMAIN;
        m->truncation = DEFAULT_TRUNCATION;
        m->context_length = DEFAULT_CONTEXT;
    }
    if ((needs & CE_NEED_GENERATOR) && !m->generator)
        status = open_generator(run, m);
    if (status == LT_OK && (needs & CE_NEED_CLIP) && !m->clip)
        status = open_clip(run, m);
    if (status == LT_OK && (needs & CE_NEED_TOKENIZER) && !m->tokenizer)
        status = open_tokenizer(run, m);
    if (status == LT_OK && (needs & CE_NEED_IDENTITY) && !m->identity)
        status = open_identity(run, m);
    if (status == LT_OK && (needs & CE_NEED_VGG) && !m->vgg)
        status = open_vgg(run, m);
    if (status == LT_OK && (needs & CE_NEED_ENCODER) && !m->encoder)
        status = open_encoder(run, m);
    return status;
}

void ce_models_close(struct ce_models *models)
{
    lt_stylegan2_free(models->generator);
    lt_clip_free(models->clip);
    lt_irse50_free(models->identity);
    lt_vgg19_free(models->vgg);
    lt_e4e_free(models->encoder);
    lt_tokenizer_free(models->tokenizer);
    lt_params_free(models->generator_params);
    lt_params_free(models->clip_params);
    lt_params_free(models->identity_params);
    lt_params_free(models->vgg_params);
    lt_params_free(models->encoder_params);
    *models = (struct ce_models){0};
}

bool ce_models_has(struct ce_run *run, unsigned need) { return file_of(run, need, false) != NULL; }
