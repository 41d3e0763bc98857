/* cfedit score: which text fits which picture. */
#include <math.h>
#include <stdio.h>

#include "autograd/ops.h"
#include "cli/commands.h"
#include "cli/console/options.h"
#include "cli/inout/output.h"
#include "cli/inout/picture_list.h"
#include "cli/inout/pictures.h"
#include "cli/console/report.h"

struct job {
    struct ce_run *run;
    struct ce_models models;
    struct ce_list texts, images;
    const char *resize;
    lt_tensor *cosine, *probability; /* (pictures, texts) */
};

static lt_status score(struct job *job)
{
    struct ce_run *run = job->run;
    lt_ctx *ctx = run->ctx;
    const bool antialias = ce_resize_antialias(job->resize);
    lt_no_grad_begin(ctx);
    lt_tensor *texts = ce_models_embed_texts(&job->models, job->texts.items, job->texts.count);
    lt_tensor *images = texts ? ce_pictures_embed(run, &job->models, job->images.items,
                                                  job->images.count, antialias)
                              : NULL;
    if (images) {
        const float scale = expf(lt_item(lt_clip_logit_scale(job->models.clip)));
        job->cosine = lt_matmul(ctx, lt_l2_normalize(ctx, images, 1e-12f),
                                lt_l2_normalize(ctx, texts, 1e-12f), false, true);
        job->probability = lt_softmax(ctx, lt_affine(ctx, job->cosine, scale, 0));
    }
    lt_no_grad_end(ctx);
    if (!job->probability || lt_check_finite(ctx, job->probability, "score") != LT_OK)
        return lt_ctx_status(ctx);
    return ce_dump(run, 4, (const char *[]){"text", "image", "cosine", "probability"},
                   (lt_tensor *[]){texts, images, job->cosine, job->probability});
}

static int64_t best_text(const float *row, int64_t n)
{
    int64_t best = 0;
    for (int64_t j = 1; j < n; j++)
        if (row[j] > row[best])
            best = j;
    return best;
}

static void put_row(lt_json_writer *w, const char *key, const float *row, int64_t n)
{
    lt_json_put_key(w, key);
    lt_json_begin_array(w);
    for (int64_t j = 0; j < n; j++)
        lt_json_put_float(w, row[j]);
    lt_json_end_array(w);
}

static int print_json(const struct job *job)
{
    const int64_t n = (int64_t)job->texts.count;
    lt_json_writer *w = lt_json_writer_create();
    lt_json_begin_object(w);
    lt_json_put_key(w, "texts");
    lt_json_begin_array(w);
    for (int64_t j = 0; j < n; j++)
        lt_json_put_string(w, job->texts.items[j]);
    lt_json_end_array(w);
    lt_json_put_key(w, "images");
    lt_json_begin_array(w);
    for (size_t i = 0; i < job->images.count; i++) {
        const float *cosine = lt_f32(job->cosine) + (int64_t)i * n;
        lt_json_begin_object(w);
        lt_json_put_key(w, "file");
        lt_json_put_string(w, job->images.items[i]);
        lt_json_put_key(w, "best");
        lt_json_put_int(w, best_text(cosine, n));
        put_row(w, "cosine", cosine, n);
        put_row(w, "probability", lt_f32(job->probability) + (int64_t)i * n, n);
        lt_json_end_object(w);
    }
    lt_json_end_array(w);
    lt_json_end_object(w);
    return ce_print_json(job->run, w);
}

/* Texts, which may be long, get lines of their own; best first would hide which
 * number belongs to which, so the order is the user's and the best is marked. */
static void print_table(const struct job *job)
{
    const int64_t n = (int64_t)job->texts.count;
    for (size_t i = 0; i < job->images.count; i++) {
        const float *cosine = lt_f32(job->cosine) + (int64_t)i * n;
        const float *probability = lt_f32(job->probability) + (int64_t)i * n;
        const int64_t best = best_text(cosine, n);
        printf("%s\n", job->images.items[i]);
        for (int64_t j = 0; j < n; j++)
            printf("%s %6.2f %%  cosine %7.4f  %s\n", j == best ? "  *" : "   ",
                   100.0 * (double)probability[j], (double)cosine[j], job->texts.items[j]);
    }
}

int ce_cmd_score(struct ce_run *run, int argc, char **argv)
{
    struct job job = {.run = run, .resize = CE_RESIZE_DEFAULT};
    const struct ce_option table[] = {
        CE_OPT_SENTENCES("text", &job.texts, "a text; repeat the option for each text to compare"),
        CE_OPT_IMAGES(
            &job.images,
            "a PNG or JPEG picture, or a folder of them; may be repeated, and pictures may be given without "
            "--image too"),
        CE_OPT_RESIZE(&job.resize),
    };
    const struct ce_syntax syntax = {
        .usage = "[OPTION]... --text TEXT... [--image] FILE...",
        .about =
            "For each picture: how well each text fits it, as the cosine of their CLIP embeddings\n"
            "and as a probability among the texts given (softmax at the model's own scale).\n"
            "--dump writes tensors text, image (raw features), cosine and probability.",
        .examples = "  cfedit score --text \"red hair\" --text \"blue hair\" face.png\n"
                    "  cfedit score --json --text \"a smile\" --image a.png --image b.png",
        .takes = CE_TAKES_CLIP | CE_TAKES_DUMP | CE_TAKES_OUTPUT,
        .table = table,
        .count = CE_COUNT(table),
        .arguments = &job.images,
        .files = true,
    };
    int status = ce_options_parse(run, &syntax, argc, argv);
    if (status != CE_PARSED)
        return status;
    if (!job.texts.count)
        return ce_usage_error(run, "no text to compare: give --text TEXT, once for each text");
    if (!job.images.count)
        return ce_usage_error(run, "no picture to compare: give --image FILE");
    if ((status = ce_picture_list_expand(run, &job.images)) != CE_PARSED)
        return status;
    if (ce_output_check(run, "--dump", run->dump, CE_REPLACE_NOTHING) != LT_OK ||
        ce_models_open(run->ctx, &run->paths, CE_NEED_TEXT, &job.models) != LT_OK ||
        score(&job) != LT_OK) {
        status = ce_fail(run);
    } else if (run->json) {
        status = print_json(&job);
    } else {
        print_table(&job);
        status = CE_OK;
    }
    ce_models_close(&job.models);
    return status;
}
