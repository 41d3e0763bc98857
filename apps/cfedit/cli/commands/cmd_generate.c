/* cfedit generate: pictures of seeds, of latents or of z vectors. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/console/options.h"
#include "cli/inout/output.h"
#include "cli/inout/sources.h"
#include "cli/console/report.h"
#include "cli/pictures/sheet.h"

#define CHUNK     16 /* pictures that are in memory at a time; with --dump all are */
#define SHEET_MAX 64 /* pictures on the contact sheet */

struct job {
    struct ce_run *run;
    struct ce_models models;
    struct ce_sources sources;
    const char *output;
    lt_tensor *wplus;
    int64_t count;
    struct ce_picture_files pictures;
    ce_image *cells; /* the first pictures, for the sheet */
    int64_t cell_count;
    struct ce_progress progress;
    int64_t base; /* pictures of the chunks before */
};

/* ---- output ---- */

static lt_status read_latents(struct job *job)
{
    lt_tensor *photos;
    job->wplus = ce_sources_read(job->run, &job->models, &job->sources, &photos);
    if (!job->wplus)
        return lt_ctx_status(job->run->ctx);
    job->count = lt_dim(job->wplus, 0);
    return LT_OK;
}

/* Names the pictures, once their number is known, and finds out whether they may be written. */
static int name_pictures(struct job *job)
{
    return ce_picture_files_name(job->run, job->output, "", job->sources.z ? "z-" : "latent-",
                                 job->sources.seeds, job->count, &job->pictures);
}

static lt_status prepare_output(struct job *job)
{
    struct ce_run *run = job->run;
    if (!job->pictures.on)
        return LT_OK;
    const int64_t count = job->count < SHEET_MAX ? job->count : SHEET_MAX;
    job->cells = ce_alloc(run, (size_t)count, sizeof *job->cells);
    if (!job->cells)
        return lt_ctx_status(run->ctx);
    job->cell_count = count;
    return ce_picture_files_prepare(run, &job->pictures);
}

static lt_status write_chunk(struct job *job, lt_tensor *images, int64_t first)
{
    char note[64];
    const char *key = job->sources.seeds ? "Seed" : "Latent";
    for (int64_t i = 0; i < lt_dim(images, 0); i++) {
        const int64_t at = first + i;
        snprintf(note, sizeof note, "%lld, truncation %g",
                 (long long)(job->sources.seeds ? job->sources.seeds[at] : at),
                 job->sources.truncation);
        ce_image *keep = at < job->cell_count ? &job->cells[at] : NULL;
        const lt_status status =
            ce_picture_write(job->run, job->pictures.files[at], images, i, key, note, keep);
        if (status != LT_OK)
            return status;
    }
    return LT_OK;
}

/* Writes the contact sheet of the first pictures, row by row. */
static lt_status write_sheet(struct job *job)
{
    struct ce_run *run = job->run;
    const ce_image *cells[SHEET_MAX] = {0};
    const char *labels[SHEET_MAX];
    ce_image sheet = {0};
    const int64_t n = ce_sheet_room(job->cell_count, SHEET_MAX,
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

static void on_progress(void *user, int64_t done)
{
    struct job *job = user;
    ce_progress_step(&job->progress, job->base + done, NULL);
}

static lt_status generate(struct job *job)
{
    lt_ctx *ctx = job->run->ctx;
    const int64_t side = lt_stylegan2_describe(job->models.generator)->size;
    lt_tensor *all = NULL;
    lt_status status = LT_OK;
    if (job->run->dump && !(all = lt_empty(ctx, LT_F32, 4, (int64_t[]){job->count, 3, side, side})))
        return lt_ctx_status(ctx);
    ce_progress_begin(&job->progress, job->run, "generating", "pictures", job->count);
    for (job->base = 0; status == LT_OK && job->base < job->count; job->base += CHUNK) {
        const lt_scope scope = lt_scope_open(ctx);
        const int64_t left = job->count - job->base, n = left < CHUNK ? left : CHUNK;
        const int64_t *ws = lt_strides(job->wplus), *w = lt_shape(job->wplus);
        lt_tensor *part =
            lt_view(ctx, job->wplus, 3, (int64_t[]){n, w[1], w[2]}, ws, job->base * ws[0]);
        lt_tensor *images = ce_models_generate(&job->models, part, on_progress, job);
        if (!images)
            status = lt_ctx_status(ctx);
        else if (job->pictures.on)
            status = write_chunk(job, images, job->base);
        if (status == LT_OK && all)
            memcpy(lt_f32(all) + job->base * 3 * side * side, lt_f32(images),
                   (size_t)(n * 3 * side * side) * sizeof(float));
        lt_scope_close(ctx, scope, NULL);
    }
    ce_progress_end(&job->progress);
    if (status == LT_OK)
        status = ce_dump(job->run, 2, (const char *[]){"image", "latents"},
                         (lt_tensor *[]){all, job->wplus});
    if (status == LT_OK && job->pictures.sheet)
        status = write_sheet(job);
    return status;
}

static int report(const struct job *job)
{
    const struct ce_told told = {.files = (const char *const *)job->pictures.files,
                                 .seeds = job->sources.seeds,
                                 .count = job->count,
                                 .sheet = job->pictures.sheet,
                                 .seconds = ce_seconds() - job->progress.begun};
    if (!job->run->json)
        return ce_told_print(job->run, &told);
    lt_json_writer *w = lt_json_writer_create();
    lt_json_begin_object(w);
    lt_json_put_key(w, "size");
    lt_json_put_int(w, lt_stylegan2_describe(job->models.generator)->size);
    lt_json_put_key(w, "truncation");
    lt_json_put_double(w, job->sources.truncation);
    ce_told_put(job->run, w, &told);
    lt_json_end_object(w);
    return ce_print_json(job->run, w);
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
        .takes = CE_TAKES_GENERATOR | CE_TAKES_DUMP | CE_TAKES_OUTPUT,
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
    job.count = (int64_t)job.sources.count;
    if (job.count > 0 && (status = name_pictures(&job)) != CE_PARSED)
        return status;
    if (ce_models_open(run->ctx, &run->paths, CE_NEED_GENERATOR, &job.models) != LT_OK ||
        read_latents(&job) != LT_OK)
        status = ce_fail(run);
    else if (!job.pictures.named)
        status = name_pictures(&job);
    if (status == CE_PARSED)
        status =
            prepare_output(&job) == LT_OK && generate(&job) == LT_OK ? report(&job) : ce_fail(run);
    for (int64_t i = 0; i < job.cell_count; i++)
        ce_image_free(&job.cells[i]);
    ce_models_close(&job.models);
    return status;
}
