#include "engine/kinds.h"

#include <stdio.h>
#include <string.h>

/* Marks: the name of a tensor that every file of the kind has or, if the mark ends in a dot, the
 * beginning of names. The first match decides. */
static const struct {
    enum ce_kind kind;
    const char *word, *phrase, *mark;
} kinds[] = {
    {CE_KIND_GENERATOR, "generator", "a StyleGAN2 generator", "conv1.conv.weight"},
    {CE_KIND_CLIP, "clip", "a CLIP network", "visual.conv1.weight"},
    {CE_KIND_CLIP, "clip", "a CLIP network", "token_embedding.weight"},
    {CE_KIND_CHECKPOINT, "checkpoint", "the checkpoint of a mapper's training", "train.history"},
    {CE_KIND_MAPPER, "mapper", "a CF-CLIP mapper", "text_mapper."},
    {CE_KIND_MAPPER, "mapper", "a CF-CLIP mapper", "mapper.fc.weight"},
    {CE_KIND_STYLECLIP, "styleclip-mapper", "a StyleCLIP mapper, which does not see the text",
     "mapper."},
    {CE_KIND_MAPPER, "mapper", "a CF-CLIP mapper", "mapper."},
    {CE_KIND_IDENTITY, "identity", "an IR-SE50 face recognition network", "input_layer.0.weight"},
    {CE_KIND_VGG, "vgg", "a VGG19 network", "conv1_1.weight"},
    {CE_KIND_ENCODER, "encoder", "a picture encoder", "encoder.input_layer."},
    {CE_KIND_ENCODER, "encoder", "a picture encoder", "encoder.conv1."},
    {CE_KIND_CHANNELS, "channels", "the effects of style channels, for global-directions",
     "effect."},
    {CE_KIND_SCORES, "scores", "the result of cfedit score", "probability"},
    {CE_KIND_EMBEDDINGS, "embeddings", "CLIP embeddings of texts or pictures", "text"},
    {CE_KIND_DETECTOR, "detector", "an MTCNN face detector", "pnet."},
    {CE_KIND_LATENTS, "latents", "a file of latents", "latents"},
    {CE_KIND_Z, "z", "a file of z vectors", "z"},
    {CE_KIND_PIXELS, "pixels", "a file of pictures as numbers", "image"},
};

#define KINDS (sizeof kinds / sizeof kinds[0])

static bool has_mark(const lt_safetensors *file, const char *mark)
{
    const size_t length = strlen(mark);
    if (mark[length - 1] != '.')
        return lt_safetensors_find(file, mark) != NULL;
    for (size_t i = 0; i < lt_safetensors_count(file); i++)
        if (strncmp(lt_safetensors_at(file, i)->name, mark, length) == 0)
            return true;
    return false;
}

enum ce_kind ce_kind_of(const lt_safetensors *file)
{
    const lt_safetensors_info *image = lt_safetensors_find(file, "image");
    for (size_t i = 0; i < KINDS; i++)
        if (has_mark(file, kinds[i].mark)) {
            /* Pictures and their embeddings share a name; an embedding is one row. */
            const bool rows = kinds[i].kind == CE_KIND_PIXELS && image->ndim == 2;
            return rows ? CE_KIND_EMBEDDINGS : kinds[i].kind;
        }
    return CE_KIND_UNKNOWN;
}

const char *ce_kind_phrase(enum ce_kind kind)
{
    for (size_t i = 0; i < KINDS; i++)
        if (kinds[i].kind == kind)
            return kinds[i].phrase;
    return "something else";
}

const char *ce_kind_word(enum ce_kind kind)
{
    for (size_t i = 0; i < KINDS; i++)
        if (kinds[i].kind == kind)
            return kinds[i].word;
    return "unknown";
}

lt_status ce_kind_open(lt_ctx *ctx, const char *path, enum ce_kind wanted, lt_safetensors **out)
{
    *out = NULL;
    lt_safetensors *file;
    lt_status status = lt_safetensors_open(ctx, path, &file);
    if (status != LT_OK)
        return status;
    const enum ce_kind found = ce_kind_of(file);
    /* A result file has both `image` and `latents`; such a file passes as either kind. */
    bool fits = found == wanted;
    for (size_t i = 0; i < KINDS && !fits; i++)
        fits = kinds[i].kind == wanted && has_mark(file, kinds[i].mark);
    if (!fits) {
        if (found == CE_KIND_UNKNOWN)
            status = lt_fail(ctx, LT_ERR_FORMAT,
                             "%s: expected %s, but no tensor in it has a name of one; convert "
                             "PyTorch checkpoints with tools/convert_pt.py",
                             path, ce_kind_phrase(wanted));
        else
            status = lt_fail(ctx, LT_ERR_FORMAT, "%s: expected %s, but this seems to be %s", path,
                             ce_kind_phrase(wanted), ce_kind_phrase(found));
        lt_safetensors_close(file);
        return status;
    }
    *out = file;
    return LT_OK;
}

lt_tensor *ce_kind_read(lt_ctx *ctx, const char *path, enum ce_kind kind, const char *name)
{
    lt_safetensors *file;
    if (ce_kind_open(ctx, path, kind, &file) != LT_OK)
        return NULL;
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *t = lt_safetensors_f32(ctx, file, name);
    if (t)
        t = lt_clone(ctx, t);
    if (t && lt_check_finite(ctx, t, name) != LT_OK)
        t = NULL;
    t = lt_scope_close(ctx, scope, t);
    lt_safetensors_close(file);
    if (!t)
        ce_blame_file(ctx, path);
    return t;
}

lt_status ce_blame_file(lt_ctx *ctx, const char *path)
{
    char message[1024];
    const lt_status status = lt_ctx_status(ctx);
    if (strstr(lt_ctx_message(ctx), path))
        return status;
    snprintf(message, sizeof message, "%s", lt_ctx_message(ctx));
    lt_ctx_clear(ctx);
    return lt_fail(ctx, status, "%s: %s", path, message);
}
