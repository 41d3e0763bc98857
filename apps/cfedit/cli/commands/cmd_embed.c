/* cfedit embed: CLIP embeddings of texts and pictures. */
#include <stdio.h>

#include "autograd/ops.h"
#include "cli/commands.h"
#include "engine/kinds.h"
#include "cli/console/options.h"
#include "cli/inout/output.h"
#include "cli/inout/picture_list.h"
#include "cli/inout/pictures.h"
#include "cli/console/report.h"

#define SHOWN 6 /* numbers of a feature that are printed */

struct job {
    struct ce_run *run;
    struct ce_models models;
    struct ce_list texts, images;
    const char *pixels, *resize;
    lt_tensor *text_features, *image_features; /* NULL: none asked for */
};

static lt_status embed(struct job *job)
{
    struct ce_run *run = job->run;
    lt_ctx *ctx = run->ctx;
    const bool antialias = ce_resize_antialias(job->resize);
    lt_tensor *parts[2];
    int n = 0;
    if (job->texts.count) {
        job->text_features =
            ce_models_embed_texts(&job->models, job->texts.items, job->texts.count);
        if (!job->text_features)
            return lt_ctx_status(ctx);
    }
    if (job->images.count) {
        parts[n] =
            ce_pictures_embed(run, &job->models, job->images.items, job->images.count, antialias);
        if (!parts[n++])
            return lt_ctx_status(ctx);
    }
    if (job->pixels) {
        lt_tensor *pixels = ce_kind_read(ctx, job->pixels, CE_KIND_PIXELS, "image");
        parts[n] = pixels ? ce_models_embed_images(&job->models, pixels, antialias) : NULL;
        if (pixels && !parts[n])
            ce_blame_file(ctx, job->pixels);
        if (!parts[n++])
            return lt_ctx_status(ctx);
    }
    if (n > 0 && !(job->image_features = n == 1 ? parts[0] : lt_concat(ctx, n, parts, 0)))
        return lt_ctx_status(ctx);
    return ce_dump(run, 2, (const char *[]){"text", "image"},
                   (lt_tensor *[]){job->text_features, job->image_features});
}

static void put_rows(lt_json_writer *w, const char *key, const lt_tensor *t)
{
    lt_json_put_key(w, key);
    lt_json_begin_array(w);
    for (int64_t i = 0; t && i < lt_dim(t, 0); i++) {
        lt_json_begin_array(w);
        for (int64_t j = 0; j < lt_dim(t, 1); j++)
            lt_json_put_float(w, lt_f32(t)[i * lt_dim(t, 1) + j]);
        lt_json_end_array(w);
    }
    lt_json_end_array(w);
}

static void print_rows(const char *what, const lt_tensor *t, const struct ce_list *names,
                       const char *rest)
{
    for (int64_t i = 0; t && i < lt_dim(t, 0); i++) {
        const int64_t width = lt_dim(t, 1);
        if ((size_t)i < names->count)
            printf("%s \"%s\":", what, names->items[i]);
        else
            printf("%s %s:%lld:", what, rest, (long long)(i - (int64_t)names->count));
        for (int64_t j = 0; j < width && j < SHOWN; j++)
            printf(" %.4f", (double)lt_f32(t)[i * width + j]);
        printf("%s (%lld numbers)\n", width > SHOWN ? " ..." : "", (long long)width);
    }
}

static int report(const struct job *job)
{
    if (!job->run->json) {
        print_rows("text", job->text_features, &job->texts, "");
        print_rows("image", job->image_features, &job->images, job->pixels);
        return CE_OK;
    }
    lt_json_writer *w = lt_json_writer_create();
    lt_json_begin_object(w);
    lt_json_put_key(w, "dim");
    lt_json_put_int(w, lt_clip_describe(job->models.clip)->embed_dim);
    put_rows(w, "text", job->text_features);
    put_rows(w, "image", job->image_features);
    lt_json_end_object(w);
    return ce_print_json(job->run, w);
}

int ce_cmd_embed(struct ce_run *run, int argc, char **argv)
{
    struct job job = {.run = run, .resize = CE_RESIZE_DEFAULT};
    const struct ce_option table[] = {
        CE_OPT_SENTENCES("text", &job.texts, "a text; may be repeated"),
        CE_OPT_IMAGES(&job.images, "a PNG or JPEG picture, or a folder of them; may be repeated"),
        CE_OPT_FILE("pixels", "FILE", &job.pixels,
                    "safetensors file with tensor image (N, 3, H, W) in [-1, 1]; these pictures "
                    "come after those of --image"),
        CE_OPT_RESIZE(&job.resize),
    };
    const struct ce_syntax syntax = {
        .usage = "[OPTION]... [--text TEXT]... [--image FILE]... [--pixels FILE]",
        .about =
            "Prints the first numbers of each embedding, or all numbers with --json. Embeddings are\n"
            "raw, not scaled to unit length. --dump writes tensors text (T, D) and image (N, D).",
        .examples = "  cfedit embed --text \"a photo of a face\" --dump face.safetensors\n"
                    "  cfedit embed --image a.png --image b.jpg --json",
        .takes = CE_TAKES_CLIP | CE_TAKES_DUMP | CE_TAKES_OUTPUT,
        .table = table,
        .count = CE_COUNT(table),
    };
    int status = ce_options_parse(run, &syntax, argc, argv);
    if (status != CE_PARSED)
        return status;
    if (!job.texts.count && !job.images.count && !job.pixels)
        return ce_usage_error(
            run, "nothing to embed: name texts with --text, or pictures with --image or --pixels");
    if ((status = ce_picture_list_expand(run, &job.images)) != CE_PARSED)
        return status;
    const unsigned needs = job.texts.count ? CE_NEED_TEXT : CE_NEED_CLIP;
    if (ce_output_check(run, "--dump", run->dump, CE_REPLACE_NOTHING) != LT_OK ||
        ce_models_open(run->ctx, &run->paths, needs, &job.models) != LT_OK || embed(&job) != LT_OK)
        status = ce_fail(run);
    else
        status = report(&job);
    ce_models_close(&job.models);
    return status;
}
