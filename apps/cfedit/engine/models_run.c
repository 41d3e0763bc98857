/* Running the networks over many inputs: in small batches without gradient, so that memory does not
 * grow with the number of inputs. */
#include <stdio.h>
#include <string.h>

#include "autograd/tape.h"
#include "engine/models.h"

#define TEXT_BATCH  128
#define IMAGE_BATCH 8
#define EXCERPT     40 /* bytes of a text that a message quotes */

static int64_t at_most(int64_t a, int64_t b) { return a < b ? a : b; }

/* A view of the rows [start, start + count) of a contiguous tensor. */
static lt_tensor *rows(lt_ctx *ctx, const lt_tensor *t, int64_t start, int64_t count)
{
    int64_t shape[LT_MAX_DIMS];
    if (!t)
        return NULL;
    memcpy(shape, lt_shape(t), (size_t)lt_ndim(t) * sizeof shape[0]);
    shape[0] = count;
    return lt_view(ctx, t, lt_ndim(t), shape, lt_strides(t), start * lt_strides(t)[0]);
}

/* `out`, or NULL with LT_ERR_NUMERIC where it holds a NaN or an infinity. */
static lt_tensor *finite(const struct ce_models *models, lt_tensor *out, const char *message)
{
    if (lt_check_finite(models->ctx, out, "result") == LT_OK)
        return out;
    lt_ctx_clear(models->ctx);
    ce_models_not_finite(models, message);
    return NULL;
}

/* Copies the result of a batch to rows [start, ...) of `out`. */
static bool store_rows(lt_ctx *ctx, const lt_tensor *out, int64_t start, const lt_tensor *part)
{
    lt_tensor *target = part ? rows(ctx, out, start, lt_dim(part, 0)) : NULL;
    return target && lt_copy_into(ctx, target, part) == LT_OK;
}

lt_status ce_models_tokenize(const struct ce_models *models, const char *text, size_t index,
                             int32_t *ids, size_t cap, size_t *count)
{
    lt_ctx *ctx = models->ctx;
    char message[512];
    const lt_status status =
        lt_tokenize(ctx, models->tokenizer, text, strlen(text), ids, cap, count);
    if (status == LT_OK)
        return LT_OK;
    snprintf(message, sizeof message, "%s", lt_ctx_message(ctx));
    lt_ctx_clear(ctx);
    if (status == LT_ERR_SHAPE && *count > cap) {
        int shown = strlen(text) > EXCERPT ? EXCERPT : 0;
        while (shown > 0 && (text[shown] & 0xc0) == 0x80) /* do not cut a UTF-8 character in two */
            shown--;
        return lt_fail(ctx, status,
                       "text %zu ('%.*s...') has %zu tokens, but the model reads at most %zu; "
                       "shorten it",
                       index + 1, shown, text, *count, cap);
    }
    return lt_fail(ctx, status, "text %zu: %s", index + 1, message);
}

lt_tensor *ce_models_tokens(const struct ce_models *models, const char *const *texts, size_t count)
{
    lt_ctx *ctx = models->ctx;
    const size_t length = (size_t)lt_clip_describe(models->clip)->context_length;
    lt_tensor *ids = lt_empty(ctx, LT_I32, 2, (int64_t[]){(int64_t)count, (int64_t)length});
    for (size_t i = 0; ids && i < count; i++) {
        int32_t *row = lt_i32(ids) + i * length;
        size_t tokens = 0;
        if (ce_models_tokenize(models, texts[i], i, row, length, &tokens) != LT_OK)
            return NULL;
        memset(row + tokens, 0, (length - tokens) * sizeof *row);
    }
    return ids;
}

lt_tensor *ce_models_embed_texts(const struct ce_models *models, const char *const *texts,
                                 size_t count)
{
    lt_ctx *ctx = models->ctx;
    const int64_t n = (int64_t)count;
    lt_tensor *out =
        lt_empty(ctx, LT_F32, 2, (int64_t[]){n, lt_clip_describe(models->clip)->embed_dim});
    bool good = out != NULL;
    lt_no_grad_begin(ctx);
    for (int64_t at = 0; good && at < n; at += TEXT_BATCH) {
        const lt_scope scope = lt_scope_open(ctx);
        const int64_t size = at_most(TEXT_BATCH, n - at);
        lt_tensor *ids = ce_models_tokens(models, texts + at, (size_t)size);
        good = ids && store_rows(ctx, out, at, lt_clip_encode_text(ctx, models->clip, ids));
        lt_scope_close(ctx, scope, NULL);
    }
    lt_no_grad_end(ctx);
    return good ? finite(models, out, "CLIP gives a text feature that is NaN or infinite") : NULL;
}

lt_tensor *ce_models_embed_images(const struct ce_models *models, lt_tensor *images, bool antialias)
{
    lt_ctx *ctx = models->ctx;
    if (!images)
        return NULL;
    if (lt_ndim(images) != 4 || lt_dim(images, 1) != 3) {
        char shape[96];
        lt_fail(ctx, LT_ERR_SHAPE, "images are %s, expected (N, 3, H, W)",
                lt_shape_string(images, shape, sizeof shape));
        return NULL;
    }
    const int64_t n = lt_dim(images, 0);
    lt_tensor *out =
        lt_empty(ctx, LT_F32, 2, (int64_t[]){n, lt_clip_describe(models->clip)->embed_dim});
    bool good = out != NULL;
    lt_no_grad_begin(ctx);
    for (int64_t at = 0; good && at < n; at += IMAGE_BATCH) {
        const lt_scope scope = lt_scope_open(ctx);
        lt_tensor *part = rows(ctx, images, at, at_most(IMAGE_BATCH, n - at));
        lt_tensor *pixels = part ? lt_clip_preprocess(ctx, models->clip, part, antialias) : NULL;
        good = pixels && store_rows(ctx, out, at, lt_clip_encode_image(ctx, models->clip, pixels));
        lt_scope_close(ctx, scope, NULL);
    }
    lt_no_grad_end(ctx);
    return good ? finite(models, out, "CLIP gives a picture feature that is NaN or infinite")
                : NULL;
}

lt_tensor *ce_models_generate(const struct ce_models *models, lt_tensor *wplus,
                              void (*progress)(void *user, int64_t done), void *user)
{
    lt_ctx *ctx = models->ctx;
    if (!wplus)
        return NULL;
    const int64_t n = lt_dim(wplus, 0), side = lt_stylegan2_describe(models->generator)->size;
    const int64_t batch = side <= 256 ? 4 : side <= 512 ? 2 : 1;
    lt_tensor *out = lt_empty(ctx, LT_F32, 4, (int64_t[]){n, 3, side, side});
    bool good = out != NULL;
    lt_no_grad_begin(ctx);
    for (int64_t at = 0; good && at < n; at += batch) {
        const lt_scope scope = lt_scope_open(ctx);
        const int64_t size = at_most(batch, n - at);
        lt_tensor *part = rows(ctx, wplus, at, size);
        good =
            part && store_rows(ctx, out, at, lt_stylegan2_synthesis(ctx, models->generator, part));
        lt_scope_close(ctx, scope, NULL);
        if (good && progress)
            progress(user, at + size);
    }
    lt_no_grad_end(ctx);
    return good ? finite(models, out,
                         "the picture has a value that is not a number; the latent is out of range")
                : NULL;
}
