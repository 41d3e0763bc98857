/* The networks and the operations on pictures. B pictures, L latents, D features of a latent. */
#include <stdio.h>
#include <string.h>

#include "autograd/ops.h"
#include "engine/encode.h"
#include "engine/objective/clip_nce.h"
#include "engine/latent/latent_space.h"
#include "parity/method_dump.h"
#include "tensor/files/json_reader.h"

/* wplus (B,L,D), probe (B,3,S,S); setting noise 0: none -> image, style.NN, and gradients of
 * sum(image * probe) to wplus and, from the styles as leaves, to each style. */
void dump_generator(struct dump *d)
{
    lt_ctx *ctx = d->run.ctx;
    lt_stylegan2 *g = d->models.generator;
    char name[32];
    lt_stylegan2_set_noise(g, dump_number(d, "noise", 1) > 0 ? LT_NOISE_FIXED : LT_NOISE_NONE,
                           NULL);
    lt_tensor *wplus = dump_leaf(d, "wplus"), *style[CE_SPACE_STYLES] = {NULL};
    lt_tensor *image = lt_stylegan2_synthesis(ctx, g, wplus);
    dump_out(d, "image", image);
    dump_backward(d, image, "probe");
    dump_grad(d, "wplus", wplus);
    lt_no_grad_begin(ctx);
    lt_stylegan2_styles(ctx, g, wplus, style);
    lt_no_grad_end(ctx);
    for (int i = 0; i < lt_stylegan2_styles_count(g) && style[i]; i++) {
        style[i] = lt_clone(ctx, style[i]);
        if (style[i])
            lt_set_requires_grad(ctx, style[i], true);
    }
    if (lt_ctx_status(ctx))
        return;
    image = lt_stylegan2_synthesis_styles(ctx, g, style);
    dump_out(d, "image_of_styles", image);
    dump_backward(d, image, "probe");
    for (int i = 0; i < lt_stylegan2_styles_count(g); i++) {
        snprintf(name, sizeof name, "style.%02d", i);
        dump_out(d, name, style[i]);
        dump_grad(d, name, style[i]);
    }
    lt_stylegan2_set_noise(g, LT_NOISE_FIXED, NULL);
}

/* z (B,Z); settings truncation, crossover -> w, truncated (B,D), mixed (B,L,D): the first layers of
 * each w, the others of the next one's. */
void dump_mapping(struct dump *d)
{
    lt_ctx *ctx = d->run.ctx;
    const lt_stylegan2 *g = d->models.generator;
    lt_tensor *w = lt_stylegan2_mapping(ctx, g, dump_in(d, "z"));
    dump_out(d, "w", w);
    w = lt_stylegan2_truncate(ctx, g, w, (float)dump_number(d, "truncation", 0.7));
    dump_out(d, "truncated", w);
    if (!w)
        return;
    const int64_t n = lt_dim(w, 0);
    lt_tensor *turned[2] = {lt_slice(ctx, w, 0, 1, n - 1), lt_slice(ctx, w, 0, 0, 1)};
    lt_tensor *next = lt_concat(ctx, 2, turned, 0);
    dump_out(d, "mixed",
             lt_stylegan2_mix(ctx, lt_stylegan2_broadcast(ctx, g, w),
                              lt_stylegan2_broadcast(ctx, g, next),
                              (int)dump_number(d, "crossover", 1)));
}

/* pixels (B,3,R,R), probe (B,E) -> features, gradient to pixels. */
void dump_clip(struct dump *d)
{
    lt_tensor *pixels = dump_leaf(d, "pixels");
    lt_tensor *features = lt_clip_encode_image(d->run.ctx, d->models.clip, pixels);
    dump_out(d, "features", features);
    dump_backward(d, features, "probe");
    dump_grad(d, "pixels", pixels);
}

/* Setting texts: a JSON list -> ids (T, context), features (T,E). */
void dump_texts(struct dump *d)
{
    enum { MOST = 256 };
    lt_ctx *ctx = d->run.ctx;
    const char *text[MOST], *list = dump_text(d, "texts", "[]");
    lt_json *root = NULL;
    if (lt_json_parse(ctx, "texts", list, strlen(list), &root))
        return;
    const size_t count = lt_json_count(root) < MOST ? lt_json_count(root) : MOST;
    for (size_t i = 0; i < count; i++)
        text[i] = lt_json_string(lt_json_at(root, i), NULL);
    lt_tensor *ids = ce_models_tokens(&d->models, text, count);
    dump_out(d, "ids", ids ? lt_cast(ctx, ids, LT_F32) : NULL);
    dump_out(d, "features", ce_models_embed_texts(&d->models, text, count));
    lt_json_free(root);
}

/* picture (B,3,H,W), probe (B,3,R,R); setting antialias -> pixels, gradient to picture. */
void dump_preprocess(struct dump *d)
{
    lt_tensor *picture = dump_leaf(d, "picture");
    lt_tensor *pixels =
        lt_clip_preprocess(d->run.ctx, d->models.clip, picture, dump_number(d, "antialias", 0) > 0);
    dump_out(d, "pixels", pixels);
    dump_backward(d, pixels, "probe");
    dump_grad(d, "picture", picture);
}

/* picture (B,3,H,W), points (copies,2,4,2), probe (copies B,3,H,W) -> coefficients (copies,8),
 * warped, gradient. */
void dump_perspective(struct dump *d)
{
    lt_ctx *ctx = d->run.ctx;
    double coeffs[CE_NCE_MAX_COPIES][8];
    lt_tensor *copy[CE_NCE_MAX_COPIES], *points = dump_in(d, "points"),
                                        *picture = dump_leaf(d, "picture");
    if (dump_coefficients(d, points, coeffs))
        return;
    const int copies = (int)lt_dim(points, 0);
    for (int c = 0; c < copies; c++)
        copy[c] = lt_warp_perspective(ctx, picture, coeffs[c], true);
    lt_tensor *solved = lt_from_copy(ctx, LT_F64, 2, (const int64_t[]){copies, 8}, coeffs);
    dump_out(d, "coefficients", solved ? lt_cast(ctx, solved, LT_F32) : NULL);
    lt_tensor *warped = lt_ctx_status(ctx) ? NULL : lt_concat(ctx, copies, copy, 0);
    dump_out(d, "warped", warped);
    dump_backward(d, warped, "probe");
    dump_grad(d, "picture", picture);
}

/* x_hat, x (B,3,H,W) -> features of x_hat (B,512), loss, gradient to x_hat. */
void dump_identity(struct dump *d)
{
    lt_ctx *ctx = d->run.ctx;
    lt_tensor *x_hat = dump_leaf(d, "x_hat");
    lt_no_grad_begin(ctx);
    dump_out(d, "features",
             lt_irse50_embed(ctx, d->models.identity, lt_irse50_preprocess(ctx, x_hat)));
    lt_no_grad_end(ctx);
    lt_tensor *loss = lt_irse50_identity_loss(ctx, d->models.identity, x_hat, dump_in(d, "x"));
    dump_out(d, "loss", loss);
    if (loss)
        lt_backward(ctx, loss);
    dump_grad(d, "x_hat", x_hat);
}

/* picture (1,3,S,S); setting iterations -> latents (1,L,D). */
void dump_encoder(struct dump *d)
{
    lt_tensor *picture = dump_in(d, "picture");
    if (picture)
        dump_out(d, "latents",
                 ce_encode(&d->models, picture, (int)dump_number(d, "iterations", 5)));
}

/* x_hat, x (B,3,H,W) -> features of x_hat in every layer of VGG19, loss, gradient to x_hat. */
void dump_perceptual(struct dump *d)
{
    lt_ctx *ctx = d->run.ctx;
    lt_tensor *x_hat = dump_leaf(d, "x_hat"), *map[LT_VGG19_CONVS] = {NULL};
    lt_no_grad_begin(ctx);
    lt_vgg19_features(ctx, d->models.vgg, x_hat, (1u << LT_VGG19_CONVS) - 1, map);
    lt_no_grad_end(ctx);
    for (int i = 0; i < LT_VGG19_CONVS; i++)
        dump_out(d, lt_vgg19_layer_name(i), map[i]);
    lt_tensor *loss = lt_vgg19_perceptual_loss(ctx, d->models.vgg, x_hat, dump_in(d, "x"));
    dump_out(d, "loss", loss);
    if (loss)
        lt_backward(ctx, loss);
    dump_grad(d, "x_hat", x_hat);
}

/* A space of `cfedit edit`. w (1,L,D), delta.N, probe (1,3,S,S); settings space wplus|style|faces,
 * first_layer, last_layer, shared_layers, edit_rgb -> unit.N, faces, code.N, image, gradients of
 * sum(image * probe) to delta.N. */
void dump_space(struct dump *d)
{
    lt_ctx *ctx = d->run.ctx;
    const char *word = dump_text(d, "space", "wplus");
    const struct ce_space_config config = {
        .space = !strcmp(word, "style")   ? CE_SPACE_STYLE
                 : !strcmp(word, "faces") ? CE_SPACE_FACES
                                          : CE_SPACE_WPLUS,
        .first_layer = (int)dump_number(d, "first_layer", 0),
        .last_layer = (int)dump_number(d, "last_layer", 99),
        .shared_layers = dump_number(d, "shared_layers", 0) > 0,
        .edit_rgb = dump_number(d, "edit_rgb", 1) > 0,
    };
    struct ce_latent_space space = {0};
    lt_tensor *code[CE_SPACE_STYLES];
    char name[32];
    if (ce_latent_space_open(&d->models, &config, dump_in(d, "w"), &space))
        goto done;
    for (int i = 0; i < space.count; i++) {
        snprintf(name, sizeof name, "delta.%d", i);
        lt_tensor *given = dump_in(d, name);
        if (!given || lt_copy_into(ctx, lt_params_at(space.deltas, (size_t)i), given))
            goto done;
        snprintf(name, sizeof name, "unit.%d", i);
        dump_out(d, name, space.unit[i]);
    }
    dump_out(d, "faces", space.faces);
    if (ce_latent_space_code(&space, (float)dump_number(d, "strength", 1), code))
        goto done;
    lt_tensor *image = ce_latent_space_draw(&space, code, 0);
    dump_out(d, "image", image);
    dump_backward(d, image, "probe");
    for (int i = 0; i < space.count; i++) {
        snprintf(name, sizeof name, "code.%d", i);
        dump_out(d, name, code[i]);
        snprintf(name, sizeof name, "delta.%d", i);
        dump_grad(d, name, lt_params_at(space.deltas, (size_t)i));
    }
done:
    ce_latent_space_close(&space);
}
