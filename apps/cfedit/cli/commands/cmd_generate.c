/* cfedit generate: pictures of seeds, of latents or of z vectors. */
#include <stdio.h>
#include <string.h>

#include "autograd/ops.h"
#include "autograd/tape.h"
#include "cli/commands.h"
#include "cli/console/options.h"
#include "cli/inout/output.h"
#include "cli/console/stop.h"
#include "cli/inout/many.h"
#include "cli/pictures/sheet.h"

#define CHUNK     4  /* pictures that are made at a time; with --dump all stay in memory */
#define SHEET_MAX 64 /* pictures on the contact sheet */

struct job {
    struct ce_run *run;
    struct ce_models models;
    struct ce_sources sources;
    const char *output;
    struct ce_picture_files pictures;
    ce_image cells[SHEET_MAX]; /* the first pictures, for the sheet */
    struct ce_many many;
    struct ce_json_list json;
    lt_tensor *images, *latents; /* (N,3,S,S) and (N,L,D) for the dump, or NULL */
    struct ce_progress progress;
};

/* ---- output ---- */

/* Names the pictures, once their number is known, and finds out whether they may be written. */
static int check_pictures(struct job *job)
{
    const int status =
        ce_picture_files_check(job->run, job->output, "", job->sources.z ? "z-" : "latent-",
                               &job->sources, &job->pictures);
    job->many = (struct ce_many){
        .verb = "generated", .total = job->sources.count, .resumable = job->pictures.in_folder};
    return status;
}

/* The number of pictures that may stand on the sheet. */
static int64_t cell_count(const struct job *job)
{
    return job->many.total < SHEET_MAX ? (int64_t)job->many.total : SHEET_MAX;
}

static lt_status write_picture(struct job *job, lt_tensor *images, int64_t row, size_t index)
{
    char note[64];
    struct ce_run *run = job->run;
    const char *key = job->sources.seeds ? "Seed" : "Latent";
    const char *file = ce_picture_file(run, &job->pictures, index);
    const char *mark = ce_sources_mark(run, &job->sources, index);
    if (!file || !mark)
        return lt_ctx_status(run->ctx);
    snprintf(note, sizeof note, "%lld, truncation %g",
             (long long)(job->sources.seeds ? job->sources.seeds[index] : (int64_t)index),
             job->sources.truncation);
    ce_image *keep = job->pictures.sheet && index < SHEET_MAX ? &job->cells[index] : NULL;
    const ce_image_text texts[] = {ce_image_origin(), {key, note}, {CE_MADE_BY, mark}};
    return ce_picture_write(run, file, images, row, texts, job->pictures.in_folder ? 3 : 2, keep);
}

/* Writes the contact sheet of the first pictures, row by row. */
static lt_status write_sheet(struct job *job)
{
    struct ce_run *run = job->run;
    const ce_image *cells[SHEET_MAX] = {0};
    const char *labels[SHEET_MAX];
    ce_image sheet = {0};
    const int64_t n = ce_sheet_room(cell_count(job), SHEET_MAX,
                                    (double)job->cells[0].width * job->cells[0].height);
    if (n < 2) {
        job->pictures.sheet = NULL;
        return LT_OK;
    }
    int columns = 1;
    while ((int64_t)columns * columns < n)
        columns++;
    const int rows = (int)((n + columns - 1) / columns);
    for (int64_t i = 0; i < n; i++)
        cells[i] = &job->cells[i];
    for (int r = 0; r < rows; r++) {
        const int64_t at = (int64_t)r * columns;
        labels[r] = ce_text(run, "%s %lld ...", job->sources.seeds ? "seed" : "latent",
                            (long long)(job->sources.seeds ? job->sources.seeds[at] : at));
        if (!labels[r])
            return lt_ctx_status(run->ctx);
    }
    /* The last row may have more cells than pictures are left; they stay empty. */
    const ce_image *grid[SHEET_MAX + 8] = {0};
    memcpy(grid, cells, (size_t)n * sizeof grid[0]);
    const ce_sheet plan = {.columns = columns, .rows = rows, .cells = grid, .row_labels = labels};
    lt_status status = ce_sheet_render(run->ctx, &plan, &sheet);
    const ce_image_text origin = ce_image_origin();
    if (status == LT_OK)
        status = ce_image_write(run->ctx, job->pictures.sheet, &sheet, &origin, 1);
    ce_image_free(&sheet);
    return status;
}

/* ---- work ---- */

/* Writes, keeps and tells the pictures [first, first + N) of w (N,L,D) and images (N,3,S,S). */
static lt_status finish(struct job *job, size_t first, lt_tensor *w, lt_tensor *images)
{
    struct ce_run *run = job->run;
    const int64_t n = lt_dim(w, 0);
    lt_status status = LT_OK;
    for (int64_t i = 0; i < n && status == LT_OK; i++) {
        const size_t at = first + (size_t)i;
        if (job->pictures.on)
            status = write_picture(job, images, i, at);
        if (status == LT_OK)
            status = ce_told_put(run, &job->json, &job->pictures, at);
        if (status == LT_OK)
            ce_progress_step(&job->progress, (int64_t)(job->many.there + ++job->many.done), NULL);
    }
    const struct {
        lt_tensor *all, *part;
    } dump[] = {{job->images, images}, {job->latents, w}};
    for (size_t k = 0; k < CE_COUNT(dump) && dump[k].all && status == LT_OK; k++)
        status = lt_copy_into(run->ctx, lt_slice(run->ctx, dump[k].all, 0, (int64_t)first, n),
                              dump[k].part);
    return status;
}

/* Reads pictures that an earlier run has made and that stand on the sheet. */
static lt_status skip_chunk(struct job *job, size_t first, size_t n)
{
    struct ce_run *run = job->run;
    lt_status status = LT_OK;
    for (size_t i = first; i < first + n && i < SHEET_MAX && status == LT_OK; i++) {
        const char *file = ce_picture_file(run, &job->pictures, i);
        status = file ? ce_image_read(run->ctx, file, &job->cells[i]) : lt_ctx_status(run->ctx);
    }
    job->many.there += n;
    job->progress.skipped += (int64_t)n;
    return status;
}

static lt_status generate_chunk(struct job *job, size_t first, size_t n)
{
    lt_ctx *ctx = job->run->ctx;
    lt_tensor *rows[CHUNK], *photo;
    if (ce_picture_files_made(job->run, &job->pictures, first, n))
        return skip_chunk(job, first, n);
    for (size_t i = 0; i < n; i++)
        if (!(rows[i] = ce_sources_take(job->run, &job->models, &job->sources, first + i, &photo)))
            return lt_ctx_status(ctx);
    lt_tensor *w = n == 1 ? rows[0] : lt_concat(ctx, (int)n, rows, 0);
    lt_tensor *images = ce_models_generate(&job->models, w, NULL, NULL);
    return images ? finish(job, first, w, images) : lt_ctx_status(ctx);
}

static lt_status make_dump(struct job *job)
{
    lt_ctx *ctx = job->run->ctx;
    const lt_stylegan2_config *g = lt_stylegan2_describe(job->models.generator);
    const int64_t n = (int64_t)job->many.total, side = g->size, width = g->style_dim,
                  layers = lt_stylegan2_latents(job->models.generator);
    if (!job->run->dump || ce_dump_room(job->run, n, 3 * side * side + layers * width) != LT_OK)
        return lt_ctx_status(ctx);
    job->images = lt_empty(ctx, LT_F32, 4, (int64_t[]){n, 3, side, side});
    job->latents = lt_empty(ctx, LT_F32, 3, (int64_t[]){n, layers, width});
    return lt_ctx_status(ctx);
}

static lt_status generate(struct job *job)
{
    struct ce_run *run = job->run;
    lt_status status = make_dump(job);
    if (status == LT_OK)
        status = ce_picture_files_prepare(run, &job->pictures);
    if (status != LT_OK)
        return status;
    const size_t total = job->many.total;
    ce_progress_begin(&job->progress, run, "generating", "pictures", (int64_t)total);
    lt_no_grad_begin(run->ctx);
    ce_stop_catch(true);
    for (size_t at = 0; at < total && status == LT_OK && !ce_stop_asked(); at += CHUNK) {
        struct ce_block *mark = ce_mark(run);
        const lt_scope scope = lt_scope_open(run->ctx);
        status = generate_chunk(job, at, total - at < CHUNK ? total - at : CHUNK);
        lt_scope_close(run->ctx, scope, NULL);
        ce_release(run, mark);
    }
    ce_stop_catch(false);
    lt_no_grad_end(run->ctx);
    ce_progress_end(&job->progress);
    const bool whole = job->many.done + job->many.there == total;
    if (status == LT_OK && whole)
        status = ce_dump(run, 2, (const char *[]){"image", "latents"},
                         (lt_tensor *[]){job->images, job->latents});
    if (status == LT_OK && whole && job->pictures.sheet)
        status = write_sheet(job);
    const lt_status told =
        ce_told_end(run, &job->json, &job->pictures, ce_seconds() - job->progress.begun,
                    status != LT_OK || !whole);
    return status == LT_OK ? told : status;
}

/* The members of the JSON value in front of the pictures. */
static void begin_json(struct job *job)
{
    lt_json_writer *w = lt_json_writer_create();
    lt_json_begin_object(w);
    lt_json_put_key(w, "size");
    lt_json_put_int(w, lt_stylegan2_describe(job->models.generator)->size);
    lt_json_put_key(w, "truncation");
    lt_json_put_double(w, job->sources.truncation);
    lt_json_end_object(w);
    job->json = (struct ce_json_list){.head = w, .key = "pictures"};
}

int ce_cmd_generate(struct ce_run *run, int argc, char **argv)
{
    struct job job = {.run = run, .sources = ce_sources_defaults(CE_SOURCE_Z)};
    struct ce_option table[CE_SOURCES_OPTIONS + 1];
    size_t n = ce_sources_options(&job.sources, table);
    table[n++] = (struct ce_option)CE_OPT_OUT(
        "FILE|DIR", &job.output,
        "where the pictures go: a .png or .jpg file for a single one, or a folder, made if missing "
        "(default: the current folder, or nowhere with --dump)");
    const struct ce_syntax syntax = {
        .usage = "[OPTION]... [--seeds LIST | --seed N]\n[OPTION]... --latents FILE[:I]\n"
                 "[OPTION]... --z FILE",
        .about =
            "Makes pictures. Several come with a contact sheet, sheet.png. --dump writes tensors\n"
            "image (N, 3, H, W) in the generator's own range and latents (N, L, D).",
        .examples = "  cfedit generate --seed 7 -o face.png\n"
                    "  cfedit generate --seeds 1-16 --truncation 0.5 -o faces\n"
                    "  cfedit generate --latents train.safetensors:3 --dump three.safetensors",
        .takes = CE_TAKES_GENERATOR | CE_TAKES_DUMP | CE_TAKES_OUTPUT | CE_TAKES_RESUME,
        .table = table,
        .count = n,
    };
    int status = ce_options_parse(run, &syntax, argc, argv);
    if (status == CE_PARSED)
        status = ce_sources_settle(run, &job.sources, run->seed);
    if (status == CE_PARSED)
        status = ce_pictures_room(run, job.output, (int64_t)job.sources.count);
    if (status != CE_PARSED)
        return status;
    if (ce_output_check(run, "--dump", run->dump, CE_REPLACE_NOTHING) != LT_OK)
        return ce_fail(run);
    if (job.sources.count > 0 && (status = check_pictures(&job)) != CE_PARSED)
        return status;
    if (ce_models_open(run->ctx, &run->paths, CE_NEED_GENERATOR, &job.models) != LT_OK ||
        ce_sources_open(run, &job.models, &job.sources) != LT_OK)
        status = ce_fail(run);
    else if (!job.pictures.checked)
        status = check_pictures(&job);
    if (status == CE_PARSED) {
        begin_json(&job);
        status = ce_many_end(run, &job.many, generate(&job));
    }
    for (int i = 0; i < SHEET_MAX; i++)
        ce_image_free(&job.cells[i]);
    lt_json_writer_free(job.json.head);
    ce_models_close(&job.models);
    return status;
}
