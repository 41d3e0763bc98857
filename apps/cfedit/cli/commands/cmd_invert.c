/* cfedit invert: finds the latents of photos. */
#include <stdio.h>
#include <string.h>

#include "autograd/ops.h"
#include "autograd/tape.h"
#include "cli/commands.h"
#include "cli/console/options.h"
#include "cli/inout/output.h"
#include "cli/inout/photos.h"
#include "cli/inout/picture_list.h"
#include "cli/console/stop.h"
#include "cli/inout/earlier.h"
#include "cli/inout/many.h"
#include "cli/pictures/sheet.h"
#include "tensor/files/safetensors.h"

#define SHEET_MAX    16  /* photos on the sheet */
#define SAVE_SECONDS 5.0 /* the file of latents is written anew at most so often */

static const char about[] =
    "Finds the latents whose pictures come nearest to photos, so that 'cfedit edit --latents FILE'\n"
    "can edit them. The face of a photo is found and straightened where the model has a face\n"
    "detector ('make face-detector'); else the middle square is used, and the face should stand in\n"
    "it as in the generator's own pictures. Writes tensor latents (N, L, D), with the\n"
    "photos' names in the order of the rows as metadata names, and a picture with the photos beside\n"
    "what the generator makes of their latents. The latents found so far are written while it works.";

static const char examples[] =
    "  cfedit invert --image me.jpg\n"
    "  cfedit invert --image a.png --image b.png --steps 500 -o two.safetensors\n"
    "  cfedit edit --target \"face with green lips\" --latents two.safetensors:1";

struct job {
    struct ce_run *run;
    struct ce_list images;
    struct ce_framing framing;
    const char *output, *start;
    const char *sheet; /* NULL where the latents go to a stream */
    int64_t steps, starts, iterations;
    double lr, l2_lambda, perc_lambda;
    struct ce_invert_config config;
    struct ce_models models;
    struct ce_many many;
    struct ce_json_list json;
    const char *mark;   /* of the command line */
    lt_tensor *w;       /* (N,L,D); the rows that are done are in use */
    const char **names; /* the photos of these rows */
    size_t rows;        /* that are done, with those of an earlier run */
    struct ce_earlier earlier;
    lt_tensor *x, *x_hat;         /* (N,3,S,S) for the dump; or NULL */
    ce_image cell[2 * SHEET_MAX]; /* photo, inverted, photo, ... of the first rows */
    double saved;                 /* seconds of the clock when the latents were written */
};

static int parse(struct job *job, int argc, char **argv)
{
    const struct ce_invert_config d = ce_invert_defaults();
    job->steps = d.steps;
    job->starts = d.starts;
    job->iterations = d.encoder_iterations;
    job->lr = (double)d.lr;
    job->l2_lambda = (double)d.l2_lambda;
    job->perc_lambda = (double)d.perc_lambda;
    job->output = "inverted.safetensors";
    job->framing = ce_framing_defaults();
    const struct ce_option own[] = {
        CE_OPT_IMAGES(&job->images, "a PNG or JPEG picture, or a folder of them; may be repeated"),
        CE_OPT_INT(
            "steps", "N", &job->steps, 0, 1000000,
            "optimisation steps, each with one evaluation of the generator; 0: keep the start"),
        CE_OPT_REAL("lr", "X", &job->lr, 1e-9, 100, "learning rate of the optimiser, Adam"),
        CE_OPT_CHOICE(
            "start", "encoder|faces", &job->start,
            "latent from which the search starts: the one that the model's encoder finds, or a random face's (default: the encoder's, where the model has an encoder)"),
        CE_OPT_INT("starts", "N", &job->starts, 1, 100000,
                   "random faces to try as the start; the most similar is taken"),
        CE_OPT_INT("encoder-iterations", "N", &job->iterations, 1, 100,
                   "times that a ReStyle encoder betters its latent; other encoders take one pass"),
        CE_OPT_REAL("latent-l2-lambda", "X", &job->l2_lambda, 0, 1e6,
                    "weight of the mean squared distance from the start"),
        CE_OPT_REAL(
            "perc-lambda", "X", &job->perc_lambda, 0, 1e6,
            "weight of the perceptual loss, beside the loss of the pixels (needs vgg.safetensors in the model, or --vgg)"),
        CE_OPT_OUT("FILE", &job->output,
                   "where the latents go; the picture beside them has the same name with .png"),
    };
    struct ce_option table[CE_COUNT(own) + CE_FRAMING_OPTIONS];
    memcpy(table, own, sizeof own);
    ce_framing_options(&job->framing, table + CE_COUNT(own));
    const struct ce_syntax syntax = {.usage = "[OPTION]... --image FILE",
                                     .about = about,
                                     .examples = examples,
                                     .takes = CE_TAKES_GENERATOR | CE_TAKES_LOSS_NETS |
                                              CE_TAKES_ENCODER | CE_TAKES_DETECTOR | CE_TAKES_DUMP |
                                              CE_TAKES_OUTPUT | CE_TAKES_RESUME,
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
    const int settled = ce_framing_settle(job->run, &job->framing);
    return settled == CE_PARSED ? ce_picture_list_expand(job->run, &job->images) : settled;
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
static lt_status write_sheet(const struct job *job)
{
    lt_ctx *ctx = job->run->ctx;
    static const char *const columns[2] = {"photo", "inverted"};
    ce_image sheet = {0};
    const ce_image *cells[2 * SHEET_MAX];
    const double area = (double)job->cell[0].width * job->cell[0].height;
    const int rows = (int)ce_sheet_room((int64_t)job->rows, SHEET_MAX, 2.0 * area);
    for (int i = 0; i < 2 * rows; i++)
        cells[i] = &job->cell[i];
    const ce_sheet plan = {.columns = 2, .rows = rows, .cells = cells, .column_labels = columns};
    const ce_image_text origin = ce_image_origin();
    lt_status status = ce_sheet_render(ctx, &plan, &sheet);
    if (status == LT_OK)
        status = ce_image_write(ctx, job->sheet, &sheet, &origin, 1);
    ce_image_free(&sheet);
    return status;
}

/* The first `count` rows of a tensor. */
static lt_tensor *rows_of(const struct job *job, lt_tensor *t, size_t count)
{
    return t ? lt_slice(job->run->ctx, t, 0, 0, (int64_t)count) : NULL;
}

/* Writes the latents that are done, with the names of their photos as a JSON list. */
static lt_status save(struct job *job)
{
    lt_ctx *ctx = job->run->ctx;
    const lt_scope scope = lt_scope_open(ctx);
    lt_json_writer *names = lt_json_writer_create();
    lt_json_begin_array(names);
    for (size_t i = 0; i < job->rows; i++)
        lt_json_put_string(names, job->names[i]);
    lt_json_end_array(names);
    const char *text = lt_json_writer_text(names, NULL);
    lt_tensor *rows = rows_of(job, job->w, job->rows);
    lt_status status = lt_ctx_status(ctx);
    if (status == LT_OK && !text)
        status =
            lt_fail(ctx, LT_ERR_MEMORY, "out of memory for the names of %zu photos", job->rows);
    if (status == LT_OK)
        status = lt_safetensors_write(ctx, job->output, 1, (const char *[]){"latents"}, &rows, 2,
                                      (const char *[]){CE_ROW_NAMES, CE_MADE_BY},
                                      (const char *[]){text, job->mark});
    lt_json_writer_free(names);
    lt_scope_close(ctx, scope, NULL);
    job->saved = ce_seconds();
    return status;
}

/* ---- stdout ---- */

/* The members of the JSON value in front of the photos. */
static void begin_json(struct job *job)
{
    lt_json_writer *w = lt_json_writer_create();
    lt_json_begin_object(w);
    lt_json_put_key(w, "latents");
    lt_json_put_string(w, job->output);
    lt_json_put_key(w, "sheet");
    lt_json_put_string(w, job->sheet);
    lt_json_end_object(w);
    job->json = (struct ce_json_list){.head = w, .key = "photos"};
}

/* Tells the photo of row `row`. */
static lt_status tell(struct job *job, size_t row, const struct ce_photos *found)
{
    if (!job->run->json) {
        printf("%s:%zu: %s, PSNR %.1f dB, %.1f s\n", job->output, row, job->names[row],
               found->psnr[0], found->seconds[0]);
        fflush(stdout);
        return LT_OK;
    }
    lt_json_writer *w = lt_json_writer_create();
    lt_json_begin_object(w);
    lt_json_put_key(w, "file");
    lt_json_put_string(w, job->names[row]);
    lt_json_put_key(w, "psnr");
    lt_json_put_double(w, found->psnr[0]);
    lt_json_put_key(w, "seconds");
    lt_json_put_double(w, found->seconds[0]);
    lt_json_end_object(w);
    return ce_json_list_put(job->run, &job->json, w);
}

/* ---- work ---- */

/* Keeps and tells an inverted photo, as the next row. */
static lt_status finish(struct job *job, const char *photo, const struct ce_photos *found)
{
    lt_ctx *ctx = job->run->ctx;
    const size_t row = job->rows;
    const struct {
        lt_tensor *all, *one;
    } kept[] = {{job->w, found->w}, {job->x, found->x}, {job->x_hat, found->x_hat}};
    lt_status status = LT_OK;
    lt_no_grad_begin(ctx);
    for (size_t k = 0; k < CE_COUNT(kept) && status == LT_OK; k++)
        if (kept[k].all)
            status = lt_copy_into(ctx, lt_slice(ctx, kept[k].all, 0, (int64_t)row, 1), kept[k].one);
    lt_no_grad_end(ctx);
    if (row < SHEET_MAX && status == LT_OK)
        status = ce_image_from_tensor(ctx, found->x, 0, &job->cell[2 * row]);
    if (row < SHEET_MAX && status == LT_OK)
        status = ce_image_from_tensor(ctx, found->x_hat, 0, &job->cell[2 * row + 1]);
    job->names[row] = photo;
    if (status == LT_OK)
        status = tell(job, row, found);
    if (status == LT_OK) {
        job->rows++;
        job->many.done++;
    }
    return status;
}

/* Inverts all photos. One that cannot be inverted is told and left out. */
static lt_status invert_all(struct job *job)
{
    struct ce_run *run = job->run;
    lt_status status = LT_OK;
    job->saved = ce_seconds();
    ce_stop_catch(true);
    for (size_t i = 0; i < job->images.count && status == LT_OK && !ce_stop_asked(); i++) {
        struct ce_photos found;
        if (ce_earlier_has(&job->earlier, job->images.items[i])) {
            job->many.there++;
            continue;
        }
        struct ce_block *mark = ce_mark(run);
        const lt_scope scope = lt_scope_open(run->ctx);
        status = ce_photos_invert(run, &job->models, &job->config, &job->framing,
                                  &job->images.items[i], 1, &found);
        if (status != LT_OK && ce_many_skip(run, &job->many))
            status = LT_OK;
        else if (status == LT_OK && !ce_stop_asked())
            status = finish(job, job->images.items[i], &found);
        lt_scope_close(run->ctx, scope, NULL);
        ce_release(run, mark);
        if (status == LT_OK && job->sheet && job->many.done > 0 &&
            ce_seconds() - job->saved >= SAVE_SECONDS)
            status = save(job);
    }
    ce_stop_catch(false);
    return status;
}

/* Makes room for all rows, those of an earlier run in front. */
static lt_status make_room(struct job *job)
{
    lt_ctx *ctx = job->run->ctx;
    const struct ce_earlier *earlier = &job->earlier;
    const lt_stylegan2_config *g = lt_stylegan2_describe(job->models.generator);
    const size_t count = earlier->count + job->images.count;
    const int64_t n = (int64_t)count, side = g->size, width = g->style_dim,
                  layers = lt_stylegan2_latents(job->models.generator);
    job->many = (struct ce_many){.verb = "inverted", .total = job->images.count, .resumable = true};
    job->names = ce_alloc(job->run, count, sizeof *job->names);
    job->w = lt_empty(ctx, LT_F32, 3, (int64_t[]){n, layers, width});
    if (!job->names || !job->w)
        return lt_ctx_status(ctx);
    for (; job->rows < earlier->count; job->rows++)
        job->names[job->rows] = earlier->names[job->rows];
    if (earlier->count > 0 && (lt_dim(earlier->w, 1) != layers || lt_dim(earlier->w, 2) != width))
        return lt_fail(ctx, LT_ERR_SHAPE,
                       "%s: the latents belong to another generator, so that --resume cannot "
                       "continue them; choose another name with -o",
                       job->output);
    if (earlier->count > 0)
        lt_copy_into(ctx, rows_of(job, job->w, earlier->count), earlier->w);
    if (!job->run->dump || ce_dump_room(job->run, n, 6 * side * side) != LT_OK)
        return lt_ctx_status(ctx);
    job->x = lt_empty(ctx, LT_F32, 4, (int64_t[]){n, 3, side, side});
    job->x_hat = lt_empty(ctx, LT_F32, 4, (int64_t[]){n, 3, side, side});
    return lt_ctx_status(ctx);
}

/* Draws the photos of an earlier run for the sheet. */
static lt_status draw_earlier(struct job *job)
{
    lt_ctx *ctx = job->run->ctx;
    lt_status status = LT_OK;
    for (size_t i = 0; i < job->rows && i < SHEET_MAX && status == LT_OK; i++) {
        const lt_scope scope = lt_scope_open(ctx);
        lt_tensor *photo =
            ce_framing_take(job->run, &job->models, &job->framing, job->names[i], false);
        lt_tensor *w = lt_slice(ctx, job->w, 0, (int64_t)i, 1);
        lt_tensor *inverted = photo ? ce_models_generate(&job->models, w, NULL, NULL) : NULL;
        status =
            inverted ? ce_image_from_tensor(ctx, photo, 0, &job->cell[2 * i]) : lt_ctx_status(ctx);
        if (status == LT_OK)
            status = ce_image_from_tensor(ctx, inverted, 0, &job->cell[2 * i + 1]);
        lt_scope_close(ctx, scope, NULL);
    }
    return status;
}

/* Writes the results of all rows. */
static lt_status write_all(struct job *job)
{
    const size_t rows = job->rows;
    lt_status status = save(job);
    if (status == LT_OK && job->sheet)
        status = write_sheet(job);
    if (status == LT_OK)
        status = ce_dump(job->run, 3, (const char *[]){"image", "source", "latents"},
                         (lt_tensor *[]){rows_of(job, job->x_hat, rows), rows_of(job, job->x, rows),
                                         rows_of(job, job->w, rows)});
    if (!job->run->json && status == LT_OK && job->sheet)
        printf("%s\n", job->sheet);
    return status;
}

static lt_status invert(struct job *job)
{
    struct ce_run *run = job->run;
    lt_no_grad_begin(run->ctx);
    lt_status status = make_room(job);
    if (status == LT_OK)
        status = draw_earlier(job);
    lt_no_grad_end(run->ctx);
    if (status != LT_OK)
        return status;
    begin_json(job);
    status = invert_all(job);
    if (status == LT_OK && job->rows > 0)
        status = write_all(job);
    if (!run->json || ((status != LT_OK || job->rows == 0) && !job->json.begun))
        return status;
    const lt_status told = ce_json_list_end(run, &job->json, NULL);
    return status == LT_OK ? told : status;
}

/* Whether the files may be written; with --resume, reads what is continued. */
static lt_status check_outputs(struct job *job)
{
    struct ce_run *run = job->run;
    const bool stream = ce_is_stream(job->output);
    job->sheet = stream ? NULL : sheet_name(run, job->output);
    job->mark = ce_text(run, "%016llx", (unsigned long long)run->settings);
    lt_status status = (stream || job->sheet) && job->mark ? LT_OK : lt_ctx_status(run->ctx);
    if (status == LT_OK && run->resume && !stream)
        status = ce_earlier_read(run, job->output, job->mark, &job->earlier);
    const bool continued = job->earlier.count > 0;
    if (status == LT_OK)
        status = ce_output_check(run, "-o", job->output,
                                 continued ? CE_REPLACE_CONTINUED : CE_REPLACE_NOTHING);
    if (status == LT_OK && !stream)
        status =
            ce_output_check(run, "-o", job->sheet, continued ? CE_REPLACE_OWN : CE_REPLACE_NOTHING);
    return status == LT_OK ? ce_output_check(run, "--dump", run->dump, CE_REPLACE_NOTHING) : status;
}

/* The networks that the start and the losses need. */
static unsigned needs(const struct job *job)
{
    const unsigned vgg = job->perc_lambda > 0.0 ? CE_NEED_VGG : 0u;
    const size_t count = job->images.count;
    if (!job->start)
        return CE_NEED_GENERATOR | vgg | ce_photos_need(job->run, &job->framing, count);
    return CE_NEED_GENERATOR | vgg | ce_framing_need(job->run, &job->framing, count) |
           (strcmp(job->start, "encoder") == 0 ? CE_NEED_ENCODER : 0u);
}

int ce_cmd_invert(struct ce_run *run, int argc, char **argv)
{
    struct job job = {.run = run};
    const int code = parse(&job, argc, argv);
    if (code != CE_PARSED)
        return code;
    job.config = (struct ce_invert_config){.steps = (int)job.steps,
                                           .lr = (float)job.lr,
                                           .starts = (int)job.starts,
                                           .encoder_iterations = (int)job.iterations,
                                           .l2_lambda = (float)job.l2_lambda,
                                           .perc_lambda = (float)job.perc_lambda};
    lt_status status = check_outputs(&job);
    if (status == LT_OK)
        status = ce_models_open(run->ctx, &run->paths, needs(&job), &job.models);
    if (status == LT_OK)
        status = invert(&job);
    const int done = ce_many_end(run, &job.many, status);
    for (size_t i = 0; i < CE_COUNT(job.cell); i++)
        ce_image_free(&job.cell[i]);
    lt_json_writer_free(job.json.head);
    ce_models_close(&job.models);
    return done;
}
