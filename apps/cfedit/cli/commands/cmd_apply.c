/* cfedit apply: edits pictures of seeds, latents or photos with a trained mapper. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/ops.h"
#include "cli/commands.h"
#include "engine/mapper/mapper.h"
#include "cli/console/options.h"
#include "cli/inout/output.h"
#include "cli/inout/photos.h"
#include "cli/inout/sources.h"
#include "cli/console/report.h"
#include "cli/pictures/sheet.h"
#include "engine/objective/text_features.h"

#define SHEET_MAX 16 /* pictures on the contact sheet */

struct job {
    struct ce_run *run;
    struct ce_models models;
    struct ce_sources sources;
    const char *mapper_path, *target, *output;
    double strength;
    bool pairs;
    lt_params *params;
    struct ce_mapper *mapper;
    lt_tensor *w; /* (N,L,D) */
    int64_t count;
    struct ce_picture_files pictures;
    ce_image before[SHEET_MAX], after[SHEET_MAX];
    struct ce_progress progress;
};

static const char about[] =
    "Edits pictures with a mapper that 'cfedit train' made, or with a converted published mapper.\n"
    "Each picture takes one pass through the generator. Without any source the picture is that of\n"
    "--seed. --dump writes tensors image and source (N, 3, H, W), latents and source_latents (N, L, D).";

static const char examples[] =
    "  cfedit apply --mapper green.safetensors --seeds 1-16 -o edited\n"
    "  cfedit apply --mapper green.safetensors --seed 7 --strength 0.7 -o green7.png\n"
    "  cfedit apply --mapper green.safetensors --image me.jpg -o green-me.png\n"
    "  cfedit apply --model DIR --mapper M.safetensors --latents W.safetensors --dump out.safetensors";

static int parse(struct job *job, int argc, char **argv)
{
    struct ce_run *run = job->run;
    const struct ce_option own[] = {
        CE_OPT_FILE("mapper", "FILE", &job->mapper_path, "the mapper to apply"),
        CE_OPT_TEXT(
            "target", "TEXT", &job->target,
            "what the edited picture shows (default: the text that the mapper's file names)"),
        CE_OPT_REAL("strength", "S", &job->strength, -CE_STRENGTH_MOST, CE_STRENGTH_MOST,
                    "factor of the edit: 1 as trained, 0 none, above 1 exaggerated, below 0 its "
                    "opposite"),
        CE_OPT_FLAG("pairs", &job->pairs, "write each picture as before and after, side by side"),
        CE_OPT_OUT("FILE|DIR", &job->output,
                   "where the pictures go: a .png or .jpg file for a single one (before and after, "
                   "side by side), or a folder, made if missing (default: the current folder, or "
                   "nowhere with --dump)"),
    };
    struct ce_option table[CE_COUNT(own) + CE_SOURCES_OPTIONS];
    memcpy(table, own, sizeof own);
    const size_t n = CE_COUNT(own) + ce_sources_options(&job->sources, table + CE_COUNT(own));
    const struct ce_syntax syntax = {.usage = "[OPTION]... --mapper FILE",
                                     .about = about,
                                     .examples = examples,
                                     .takes = CE_TAKES_GENERATOR | CE_TAKES_CLIP |
                                              CE_TAKES_ENCODER | CE_TAKES_DUMP | CE_TAKES_OUTPUT,
                                     .table = table,
                                     .count = n};
    const int status = ce_options_parse(run, &syntax, argc, argv);
    if (status != CE_PARSED)
        return status;
    if (!job->mapper_path)
        return ce_usage_error(run, "say which mapper with --mapper FILE");
    const int settled = ce_sources_settle(run, &job->sources, run->seed);
    job->count = (int64_t)job->sources.count;
    return settled == CE_PARSED ? ce_pictures_room(run, job->output, job->count) : settled;
}

/* ---- preparation ---- */

static lt_status open_mapper(struct job *job)
{
    lt_ctx *ctx = job->run->ctx;
    lt_status status = lt_params_create(ctx, &job->params);
    if (!status)
        status = ce_mapper_load(ctx, job->params, job->mapper_path);
    if (!status)
        status = ce_mapper_create(ctx, job->params, lt_stylegan2_latents(job->models.generator),
                                  &job->mapper);
    if (status)
        return status;
    if (!job->target)
        job->target = lt_params_metadata(job->params, CE_META_TARGET);
    if (!job->target)
        return lt_fail(ctx, LT_ERR_MISSING, "%s does not say its text; give it with --target TEXT",
                       job->mapper_path);
    return LT_OK;
}

static lt_status read_latents(struct job *job)
{
    lt_tensor *photos;
    job->w = ce_sources_read(job->run, &job->models, &job->sources, &photos);
    if (!job->w)
        return lt_ctx_status(job->run->ctx);
    job->count = lt_dim(job->w, 0);
    return LT_OK;
}

/* Names the pictures, once their number is known, and finds out whether they may be written. */
static int name_pictures(struct job *job)
{
    return ce_picture_files_name(job->run, job->output, "edited-", "", job->sources.seeds,
                                 job->count, &job->pictures);
}

/* ---- work ---- */

/* Writes picture i, or the pair of before and after; both are kept if they belong on the sheet. */
static lt_status write_one(struct job *job, lt_tensor *x, lt_tensor *x_hat, int64_t i)
{
    lt_ctx *ctx = job->run->ctx;
    ce_image before = {0}, after = {0}, pair = {0};
    const ce_image_text texts[] = {ce_image_origin(), {"Description", job->target}};
    lt_status status = lt_check_finite(ctx, x_hat, "the edited picture");
    if (!status)
        status = ce_image_from_tensor(ctx, x, 0, &before);
    if (!status)
        status = ce_image_from_tensor(ctx, x_hat, 0, &after);
    const bool paired = job->pairs || !job->pictures.in_folder;
    if (!status && paired)
        status = ce_sheet_pair(ctx, &before, &after, "before", job->target, &pair);
    if (!status)
        status = ce_image_write(ctx, job->pictures.files[i], paired ? &pair : &after, texts,
                                CE_COUNT(texts));
    ce_image_free(&pair);
    if (!status && job->pictures.sheet && i < SHEET_MAX) {
        job->before[i] = before;
        job->after[i] = after;
        return LT_OK;
    }
    ce_image_free(&before);
    ce_image_free(&after);
    return status;
}

/* Writes the contact sheet of the first pictures: a column each, before above after. */
static lt_status write_sheet(struct job *job)
{
    struct ce_run *run = job->run;
    const double area = (double)job->before[0].width * job->before[0].height;
    const int n = (int)ce_sheet_room(job->count, SHEET_MAX, 2 * area);
    const ce_image *cells[2 * SHEET_MAX];
    const char *labels[SHEET_MAX];
    static const char *const row_labels[] = {"before", "after"};
    for (int i = 0; i < n; i++) {
        cells[i] = &job->before[i];
        cells[n + i] = &job->after[i];
        labels[i] = ce_text(run, "%s%lld", job->sources.seeds ? "seed " : "",
                            (long long)(job->sources.seeds ? job->sources.seeds[i] : i));
    }
    const ce_sheet plan = {.columns = n,
                           .rows = 2,
                           .cells = cells,
                           .title = job->target,
                           .column_labels = labels,
                           .row_labels = row_labels};
    ce_image sheet = {0};
    const ce_image_text origin = ce_image_origin();
    lt_status status = ce_sheet_render(run->ctx, &plan, &sheet);
    if (!status)
        status = ce_image_write(run->ctx, job->pictures.sheet, &sheet, &origin, 1);
    ce_image_free(&sheet);
    return status;
}

/* Edits all pictures, one at a time. `image` and `source` (N,3,S,S) receive them for the dump; both
 * may be NULL. */
static lt_status edit_all(struct job *job, lt_tensor *w_hat, lt_tensor *image, lt_tensor *source)
{
    lt_ctx *ctx = job->run->ctx;
    lt_status status = LT_OK;
    ce_progress_begin(&job->progress, job->run, "editing", "pictures", job->count);
    for (int64_t i = 0; i < job->count && !status; i++) {
        const lt_scope scope = lt_scope_open(ctx);
        lt_tensor *x = ce_models_generate(&job->models, lt_slice(ctx, job->w, 0, i, 1), NULL, NULL);
        lt_tensor *x_hat =
            ce_models_generate(&job->models, lt_slice(ctx, w_hat, 0, i, 1), NULL, NULL);
        status = lt_ctx_status(ctx);
        if (!status && job->pictures.on)
            status = write_one(job, x, x_hat, i);
        if (!status && image)
            status = lt_copy_into(ctx, lt_slice(ctx, image, 0, i, 1), x_hat);
        if (!status && source)
            status = lt_copy_into(ctx, lt_slice(ctx, source, 0, i, 1), x);
        lt_scope_close(ctx, scope, NULL);
        ce_progress_step(&job->progress, i + 1, NULL);
    }
    ce_progress_end(&job->progress);
    return status;
}

static lt_status apply(struct job *job)
{
    struct ce_run *run = job->run;
    lt_ctx *ctx = run->ctx;
    const int64_t side = lt_stylegan2_describe(job->models.generator)->size;
    const int64_t shape[] = {job->count, 3, side, side};
    lt_tensor *image = NULL, *source = NULL;
    lt_tensor *t_w = ce_mapper_text(ctx, job->mapper, ce_text_feature(&job->models, job->target));
    lt_tensor *w_hat = ce_mapper_edit(ctx, job->mapper, job->w, t_w, (float)job->strength);
    if (run->dump && w_hat) {
        image = lt_empty(ctx, LT_F32, 4, shape);
        source = lt_empty(ctx, LT_F32, 4, shape);
    }
    lt_status status = lt_ctx_status(ctx);
    if (!status)
        status = edit_all(job, w_hat, image, source);
    if (!status)
        status = ce_dump(run, 4, (const char *[]){"image", "source", "latents", "source_latents"},
                         (lt_tensor *[]){image, source, w_hat, job->w});
    if (!status && job->pictures.sheet)
        status = write_sheet(job);
    return status;
}

static int tell(const struct job *job)
{
    const struct ce_run *run = job->run;
    const struct ce_told told = {.files = (const char *const *)job->pictures.files,
                                 .seeds = job->sources.seeds,
                                 .count = job->count,
                                 .sheet = job->pictures.sheet,
                                 .seconds = ce_seconds() - job->progress.begun};
    if (!run->json)
        return ce_told_print(run, &told);
    lt_json_writer *w = lt_json_writer_create();
    lt_json_begin_object(w);
    lt_json_put_key(w, "target");
    lt_json_put_string(w, job->target);
    lt_json_put_key(w, "strength");
    lt_json_put_double(w, job->strength);
    ce_told_put(run, w, &told);
    lt_json_end_object(w);
    return ce_print_json(run, w);
}

int ce_cmd_apply(struct ce_run *run, int argc, char **argv)
{
    struct job job;
    memset(&job, 0, sizeof job);
    job.run = run;
    job.strength = 1;
    job.sources = ce_sources_defaults(CE_SOURCE_IMAGES);
    int code = parse(&job, argc, argv);
    if (code != CE_PARSED)
        return code;
    lt_ctx *ctx = run->ctx;
    if (ce_output_check(run, "--dump", run->dump, CE_REPLACE_NOTHING))
        return ce_fail(run);
    if (job.count > 0 && (code = name_pictures(&job)) != CE_PARSED)
        return code;
    lt_status status = ce_models_open(ctx, &run->paths,
                                      CE_NEED_GENERATOR | CE_NEED_TEXT |
                                          ce_photos_need(run, job.sources.images.count),
                                      &job.models);
    if (!status)
        status = open_mapper(&job);
    /* The places of the pictures are tried before photos are inverted, which takes long. */
    if (!status && job.pictures.named)
        status = ce_picture_files_prepare(run, &job.pictures);
    if (!status)
        status = read_latents(&job);
    if (!status && !job.pictures.named) {
        code = name_pictures(&job);
        if (code == CE_PARSED)
            status = ce_picture_files_prepare(run, &job.pictures);
    }
    if (status)
        code = ce_fail(run);
    lt_no_grad_begin(ctx);
    if (code == CE_PARSED)
        code = apply(&job) ? ce_fail(run) : tell(&job);
    lt_no_grad_end(ctx);
    for (int i = 0; i < SHEET_MAX; i++) {
        ce_image_free(&job.before[i]);
        ce_image_free(&job.after[i]);
    }
    ce_mapper_free(job.mapper);
    lt_params_free(job.params);
    ce_models_close(&job.models);
    return code;
}
