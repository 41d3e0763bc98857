/* The works that run the generator or CLIP alone, forward and with gradient. */
#include "autograd/ops.h"
#include "bench/speed/flops.h"
#include "bench/speed/work.h"

/* Computes the gradient of mean(out) with respect to `leaf` and keeps it as the result `name`. */
static lt_status gradient(struct session *s, lt_tensor *leaf, lt_tensor *out, const char *name)
{
    lt_ctx *ctx = s->ctx;
    const lt_status status = lt_backward(ctx, lt_mean(ctx, out, 0, false));
    session_keep(s, name, lt_grad(leaf));
    lt_zero_grad(leaf);
    return status != LT_OK ? status : lt_set_requires_grad(ctx, leaf, false);
}

/* Keeps `out` as the result `name`; a failure if `out` is NULL. */
static lt_status kept(struct session *s, const char *name, lt_tensor *out)
{
    session_keep(s, name, out);
    return out ? LT_OK : lt_ctx_status(s->ctx);
}

static lt_status generate(struct session *s)
{
    lt_ctx *ctx = s->ctx;
    lt_no_grad_begin(ctx);
    const lt_status status =
        kept(s, "image", lt_stylegan2_synthesis(ctx, s->models.generator, s->w));
    lt_no_grad_end(ctx);
    return status;
}

static lt_status generate_gradient(struct session *s)
{
    lt_ctx *ctx = s->ctx;
    lt_set_requires_grad(ctx, s->w, true);
    return gradient(s, s->w, lt_stylegan2_synthesis(ctx, s->models.generator, s->w), "grad_w");
}

static lt_status embed_images(struct session *s)
{
    lt_ctx *ctx = s->ctx;
    lt_no_grad_begin(ctx);
    const lt_status status =
        kept(s, "image_features", lt_clip_encode_image(ctx, s->models.clip, s->pixels));
    lt_no_grad_end(ctx);
    return status;
}

static lt_status embed_images_gradient(struct session *s)
{
    lt_ctx *ctx = s->ctx;
    lt_set_requires_grad(ctx, s->pixels, true);
    return gradient(s, s->pixels, lt_clip_encode_image(ctx, s->models.clip, s->pixels),
                    "grad_pixels");
}

static lt_status embed_texts(struct session *s)
{
    lt_ctx *ctx = s->ctx;
    lt_no_grad_begin(ctx);
    const lt_status status =
        kept(s, "text_features", lt_clip_encode_text(ctx, s->models.clip, s->ids));
    lt_no_grad_end(ctx);
    return status;
}

static double generator_macs(const struct session *s)
{
    return s->setup->batch * flops_generator(lt_stylegan2_describe(s->models.generator));
}

static double generator_gradient_macs(const struct session *s) { return 2.0 * generator_macs(s); }

static double images_macs(const struct session *s)
{
    return BENCH_COPIES * flops_clip_image(lt_clip_describe(s->models.clip));
}

static double images_gradient_macs(const struct session *s) { return 2.0 * images_macs(s); }

static double texts_macs(const struct session *s)
{
    return flops_clip_texts(lt_clip_describe(s->models.clip), s->ids);
}

const struct work work_generator = {"generator", "generator forward", CE_NEED_GENERATOR, NULL,
                                    generate,    generator_macs};
const struct work work_generator_gradient = {
    "generator-gradient", "generator forward and gradient to W+",
    CE_NEED_GENERATOR,    NULL,
    generate_gradient,    generator_gradient_macs};
const struct work work_clip_images = {
    "clip-images", "CLIP 8 pictures forward", CE_NEED_CLIP, NULL, embed_images, images_macs};
const struct work work_clip_images_gradient = {
    "clip-images-gradient", "CLIP 8 pictures forward and gradient to pixels",
    CE_NEED_CLIP,           NULL,
    embed_images_gradient,  images_gradient_macs};
const struct work work_clip_texts = {
    "clip-texts", "CLIP 79 template sentences", CE_NEED_CLIP, NULL, embed_texts, texts_macs};
