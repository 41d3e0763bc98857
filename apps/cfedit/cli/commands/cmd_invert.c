/* cfedit invert: finds the latents of photos. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/console/options.h"
#include "cli/inout/output.h"
#include "cli/inout/photos.h"
#include "cli/inout/picture_list.h"
#include "cli/console/report.h"
#include "cli/pictures/sheet.h"
#include "tensor/files/safetensors.h"

#define SHEET_MAX 16 /* photos on the sheet */

static const char about[] =
    "Finds the latents whose pictures come nearest to photos, so that 'cfedit edit --latents FILE'\n"
    "can edit them. The square in the middle of a photo is used: cut the photo beforehand, so that\n"
    "the face stands as in the generator's own pictures. Writes tensor latents (N, L, D), and a\n"
    "picture with the photos beside what the generator makes of their latents.";

static const char examples[] =
    "  cfedit invert --image me.jpg\n"
    "  cfedit invert --image a.png --image b.png --steps 500 -o two.safetensors\n"
    "  cfedit edit --target \"face with green lips\" --latents two.safetensors:1";

struct job {
    struct ce_run *run;
    struct ce_list images;
    const char *output, *sheet, *start;
    int64_t steps, starts;
    double lr, l2_lambda, perc_lambda;
};

static int parse(struct job *job, int argc, char **argv)
{
    const struct ce_invert_config d = ce_invert_defaults();
    job->steps = d.steps;
    job->starts = d.starts;
    job->lr = (double)d.lr;
    job->l2_lambda = (double)d.l2_lambda;
    job->perc_lambda = (double)d.perc_lambda;
    job->output = "inverted.safetensors";
    const struct ce_option table[] = {
        CE_OPT_LIST("image", "FILE|DIR", &job->images,
                    "a PNG or JPEG picture, or a folder of them; may be repeated"),
        CE_OPT_INT(
            "steps", "N", &job->steps, 0, 1000000,
            "optimisation steps, each with one evaluation of the generator; 0: keep the start"),
        CE_OPT_REAL("lr", "X", &job->lr, 1e-9, 100, "learning rate of the optimiser, Adam"),
        CE_OPT_CHOICE(
            "start", "encoder|faces", &job->start,
            "latent from which the search starts: the one that an e4e encoder finds, or a random face's (default: the encoder's, where the model has an encoder)"),
        CE_OPT_INT("starts", "N", &job->starts, 1, 100000,
                   "random faces to try as the start; the most similar is taken"),
        CE_OPT_REAL("latent-l2-lambda", "X", &job->l2_lambda, 0, 1e6,
                    "weight of the mean squared distance from the start"),
        CE_OPT_REAL(
            "perc-lambda", "X", &job->perc_lambda, 0, 1e6,
            "weight of the perceptual loss, beside the loss of the pixels (needs vgg.safetensors in the model, or --vgg)"),
        CE_OPT_OUT("FILE", &job->output,
                   "where the latents go; the picture beside them has the same name with .png"),
    };
    const struct ce_syntax syntax = {.usage = "[OPTION]... --image FILE",
                                     .about = about,
                                     .examples = examples,
                                     .takes = CE_TAKES_GENERATOR | CE_TAKES_LOSS_NETS |
                                              CE_TAKES_ENCODER | CE_TAKES_DUMP | CE_TAKES_OUTPUT,
                                     .table = table,
                                     .count = CE_COUNT(table)};
    const int status = ce_options_parse(job->run, &syntax, argc, argv);
    if (status != CE_PARSED)
        return status;
    if (job->images.count == 0)
        return ce_usage_error(job->run, "say which photo with --image FILE");
    if (ce_is_picture_name(job->output) || ce_is_foreign_picture_name(job->output))
        return ce_usage_error(job->run, "-o %s: latents are written, to a .safetensors file",
                              job->output);
    return ce_picture_list_expand(job->run, &job->images);
}

/* "name.safetensors" -> "name.png" */
static const char *sheet_name(struct ce_run *run, const char *output)
{
    static const char end[] = ".safetensors";
    const size_t length = strlen(output), tail = sizeof end - 1;
    const bool ends = length > tail && strcmp(output + length - tail, end) == 0;
    return ce_text(run, "%.*s.png", (int)(ends ? length - tail : length), output);
}

/* Writes the picture: a row for each of the first photos, with the photo and the inverted one. */
static lt_status write_sheet(const struct job *job, const struct ce_photos *photos)
{
    lt_ctx *ctx = job->run->ctx;
    static const char *const columns[2] = {"photo", "inverted"};
    ce_image cell[2 * SHEET_MAX] = {{0}}, sheet = {0};
    const ce_image *cells[2 * SHEET_MAX];
    const double area = (double)lt_dim(photos->x, 2) * (double)lt_dim(photos->x, 3);
    const int rows = (int)ce_sheet_room((int64_t)photos->count, SHEET_MAX, 2.0 * area);
    lt_status status = LT_OK;
    for (int i = 0; i < 2 * rows && status == LT_OK; i++) {
        cells[i] = &cell[i];
        status = ce_image_from_tensor(ctx, i % 2 ? photos->x_hat : photos->x, i / 2, &cell[i]);
    }
    const ce_sheet plan = {.columns = 2, .rows = rows, .cells = cells, .column_labels = columns};
    const ce_image_text origin = ce_image_origin();
    if (status == LT_OK)
        status = ce_sheet_render(ctx, &plan, &sheet);
    if (status == LT_OK)
        status = ce_image_write(ctx, job->sheet, &sheet, &origin, 1);
    ce_image_free(&sheet);
    for (int i = 0; i < 2 * rows; i++)
        ce_image_free(&cell[i]);
    return status;
}

static int tell(const struct job *job, const struct ce_photos *photos)
{
    if (!job->run->json) {
        for (size_t i = 0; i < photos->count; i++)
            printf("%s:%zu: %s, PSNR %.1f dB, %.1f s\n", job->output, i, job->images.items[i],
                   photos->psnr[i], photos->seconds[i]);
        printf("%s\n", job->sheet);
        return CE_OK;
    }
    lt_json_writer *w = lt_json_writer_create();
    lt_json_begin_object(w);
    lt_json_put_key(w, "latents");
    lt_json_put_string(w, job->output);
    lt_json_put_key(w, "sheet");
    lt_json_put_string(w, job->sheet);
    lt_json_put_key(w, "photos");
    lt_json_begin_array(w);
    for (size_t i = 0; i < photos->count; i++) {
        lt_json_begin_object(w);
        lt_json_put_key(w, "file");
        lt_json_put_string(w, job->images.items[i]);
        lt_json_put_key(w, "psnr");
        lt_json_put_double(w, photos->psnr[i]);
        lt_json_put_key(w, "seconds");
        lt_json_put_double(w, photos->seconds[i]);
        lt_json_end_object(w);
    }
    lt_json_end_array(w);
    lt_json_end_object(w);
    return ce_print_json(job->run, w);
}

/* The networks that the start and the losses need. */
static unsigned needs(const struct job *job)
{
    const unsigned vgg = job->perc_lambda > 0.0 ? CE_NEED_VGG : 0u;
    if (!job->start)
        return CE_NEED_GENERATOR | vgg | ce_photos_need(job->run, job->images.count);
    return CE_NEED_GENERATOR | vgg | (strcmp(job->start, "encoder") == 0 ? CE_NEED_ENCODER : 0u);
}

int ce_cmd_invert(struct ce_run *run, int argc, char **argv)
{
    struct job job = {.run = run};
    const int code = parse(&job, argc, argv);
    if (code != CE_PARSED)
        return code;
    lt_ctx *ctx = run->ctx;
    struct ce_models models = {0};
    struct ce_photos photos;
    const struct ce_invert_config config = {.steps = (int)job.steps,
                                            .lr = (float)job.lr,
                                            .starts = (int)job.starts,
                                            .l2_lambda = (float)job.l2_lambda,
                                            .perc_lambda = (float)job.perc_lambda};
    job.sheet = sheet_name(run, job.output);
    lt_status status =
        job.sheet ? ce_output_check(run, "-o", job.output, CE_REPLACE_NOTHING) : lt_ctx_status(ctx);
    if (status == LT_OK)
        status = ce_output_check(run, "-o", job.sheet, CE_REPLACE_NOTHING);
    if (status == LT_OK)
        status = ce_output_check(run, "--dump", run->dump, CE_REPLACE_NOTHING);
    if (status == LT_OK)
        status = ce_models_open(run->ctx, &run->paths, needs(&job), &models);
    if (status == LT_OK)
        status =
            ce_photos_invert(run, &models, &config, job.images.items, job.images.count, &photos);
    if (status == LT_OK)
        status = lt_safetensors_write(ctx, job.output, 1, (const char *[]){"latents"}, &photos.w, 0,
                                      NULL, NULL);
    if (status == LT_OK)
        status = write_sheet(&job, &photos);
    if (status == LT_OK)
        status = ce_dump(run, 3, (const char *[]){"image", "source", "latents"},
                         (lt_tensor *[]){photos.x_hat, photos.x, photos.w});
    const int done = status == LT_OK ? tell(&job, &photos) : ce_fail(run);
    ce_models_close(&models);
    return done;
}
