/* Inverting photos one after another, with progress over all of them. */
#include "cli/inout/photos.h"

#include <stdio.h>

#include "autograd/ops.h"
#include "engine/kinds.h"
#include "cli/console/report.h"
#include "cli/console/stop.h"

/* One line of progress for all photos. */
struct telling {
    struct ce_progress progress;
    int64_t before; /* steps of the photos that are finished */
};

static bool tell_step(void *user, int64_t step, double loss)
{
    struct telling *t = user;
    char note[64];
    snprintf(note, sizeof note, "loss %.4f", loss);
    ce_progress_step(&t->progress, t->before + step, note);
    return !ce_stop_asked();
}

/* Inverts photo i, whose picture is x (1,3,S,S) or the NULL of a failure; the results become row i
 * of the tensors in *photos. */
static lt_status invert_one(const struct ce_models *models, const struct ce_invert_config *config,
                            const char *path, lt_tensor *x, struct telling *telling, size_t i,
                            struct ce_photos *photos)
{
    lt_ctx *ctx = models->ctx;
    struct ce_invert_result r = {0};
    lt_status status =
        x ? ce_invert_run(models, config, x, tell_step, telling, &r) : lt_ctx_status(ctx);
    if (x && status != LT_OK)
        ce_blame_file(ctx, path);
    lt_no_grad_begin(ctx);
    const struct {
        lt_tensor *all, *one;
    } rows[] = {{photos->x, x}, {photos->w, r.w}, {photos->x_hat, r.x_hat}};
    for (size_t k = 0; k < sizeof rows / sizeof rows[0] && status == LT_OK; k++)
        status = lt_copy_into(ctx, lt_slice(ctx, rows[k].all, 0, (int64_t)i, 1), rows[k].one);
    lt_no_grad_end(ctx);
    photos->psnr[i] = r.psnr;
    photos->seconds[i] = r.seconds;
    ce_invert_free(&r);
    return status;
}

unsigned ce_photos_need(struct ce_run *run, const struct ce_framing *framing, size_t count)
{
    const bool encoder = count > 0 && ce_models_has(run->ctx, &run->paths, CE_NEED_ENCODER);
    return (encoder ? CE_NEED_ENCODER : 0u) | ce_framing_need(run, framing, count);
}

lt_status ce_photos_invert(struct ce_run *run, const struct ce_models *models,
                           const struct ce_invert_config *config, const struct ce_framing *framing,
                           const char *const *paths, size_t count, struct ce_photos *photos)
{
    lt_ctx *ctx = run->ctx;
    const lt_stylegan2 *g = models->generator;
    const int64_t n = (int64_t)count, side = lt_stylegan2_describe(g)->size;
    *photos = (struct ce_photos){.count = count,
                                 .psnr = ce_alloc(run, count, sizeof *photos->psnr),
                                 .seconds = ce_alloc(run, count, sizeof *photos->seconds)};
    photos->x = lt_empty(ctx, LT_F32, 4, (int64_t[]){n, 3, side, side});
    photos->x_hat = lt_empty(ctx, LT_F32, 4, (int64_t[]){n, 3, side, side});
    photos->w =
        lt_empty(ctx, LT_F32, 3,
                 (int64_t[]){n, lt_stylegan2_latents(g), lt_stylegan2_describe(g)->style_dim});
    if (!photos->psnr || !photos->seconds || !photos->x || !photos->x_hat || !photos->w)
        return lt_ctx_status(ctx);
    struct telling telling = {.before = 0};
    lt_status status = LT_OK;
    ce_progress_begin(&telling.progress, run, "inverting", "steps", n * config->steps);
    for (size_t i = 0; i < count && status == LT_OK && !ce_stop_asked(); i++) {
        const lt_scope scope = lt_scope_open(ctx);
        lt_tensor *x = ce_framing_take(run, models, framing, paths[i], true);
        telling.before = (int64_t)i * config->steps;
        status = invert_one(models, config, paths[i], x, &telling, i, photos);
        lt_scope_close(ctx, scope, NULL);
    }
    ce_progress_end(&telling.progress);
    return status;
}
