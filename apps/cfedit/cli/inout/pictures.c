/* Picture files as tensors, and their CLIP features. */
#include "cli/inout/pictures.h"

#include <string.h>

#include "autograd/ops.h"
#include "cli/pictures/image_file.h"
#include "engine/kinds.h"
#include "cli/console/report.h"

#define BATCH 8

bool ce_resize_antialias(const char *resize) { return strcmp(resize, "antialias") == 0; }

lt_tensor *ce_picture_read(lt_ctx *ctx, const char *path)
{
    ce_image image = {0};
    if (ce_image_read(ctx, path, &image) != LT_OK) {
        ce_blame_file(ctx, path);
        return NULL;
    }
    const int64_t h = image.height, w = image.width;
    lt_tensor *t = ce_image_to_tensor(ctx, &image);
    ce_image_free(&image);
    return t ? lt_view(ctx, t, 4, (int64_t[]){1, 3, h, w}, (int64_t[]){3 * h * w, h * w, w, 1}, 0)
             : NULL;
}

/* The features (n, D) of n pictures, at most BATCH. */
static lt_tensor *embed_some(lt_ctx *ctx, const struct ce_models *models, const char *const *paths,
                             int n, bool antialias)
{
    lt_tensor *pixels[BATCH];
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *out = NULL;
    for (int i = 0; i < n; i++) {
        /* A photo may have hundreds of times the pixels that CLIP sees: keep one at a time. */
        const lt_scope one = lt_scope_open(ctx);
        lt_tensor *t = ce_picture_read(ctx, paths[i]);
        t = t ? lt_clip_preprocess(ctx, models->clip, t, antialias) : NULL;
        pixels[i] = lt_scope_close(ctx, one, t);
        if (!pixels[i])
            goto done;
    }
    lt_tensor *all = lt_concat(ctx, n, pixels, 0);
    out = all ? lt_clip_encode_image(ctx, models->clip, all) : NULL;
done:
    return lt_scope_close(ctx, scope, out);
}

lt_tensor *ce_pictures_embed(struct ce_run *run, const struct ce_models *models,
                             const char *const *paths, size_t count, bool antialias)
{
    lt_ctx *ctx = run->ctx;
    struct ce_progress progress;
    const int64_t width = lt_clip_describe(models->clip)->embed_dim;
    lt_tensor *out = lt_empty(ctx, LT_F32, 2, (int64_t[]){(int64_t)count, width});
    bool good = out != NULL;
    lt_no_grad_begin(ctx);
    ce_progress_begin(&progress, run, "reading", "pictures", (int64_t)count);
    for (size_t at = 0; good && at < count; at += BATCH) {
        const int n = (int)(count - at < BATCH ? count - at : BATCH);
        const lt_scope scope = lt_scope_open(ctx);
        lt_tensor *part = embed_some(ctx, models, paths + at, n, antialias);
        part = part ? lt_contiguous(ctx, part) : NULL;
        good = part != NULL;
        if (good)
            memcpy(lt_f32(out) + (int64_t)at * width, lt_f32(part),
                   (size_t)(n * width) * sizeof(float));
        lt_scope_close(ctx, scope, NULL);
        if (good)
            ce_progress_step(&progress, (int64_t)at + n, NULL);
    }
    ce_progress_end(&progress);
    lt_no_grad_end(ctx);
    return good ? out : NULL;
}
