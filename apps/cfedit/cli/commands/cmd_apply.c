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
#include "cli/console/stop.h"
#include "cli/inout/many.h"
#include "cli/pictures/sheet.h"
#include "engine/objective/text_features.h"

#define SHEET_MAX 16 /* pictures on the contact sheet */

/* Pictures and their latents, before and after the edit. */
struct applied {
    lt_tensor *x_hat, *x; /* (N,3,S,S) */
    lt_tensor *w_hat, *w; /* (N,L,D) */
};

struct job {
    struct ce_run *run;
    struct ce_models models;
    struct ce_sources sources;
    const char *mapper_path, *target, *output;
    double strength;
    bool pairs;
    lt_params *params;
    struct ce_mapper *mapper;
    lt_tensor *text_w; /* (1,L,D), the mapped target; NULL: the mapper does not see it */
    struct ce_picture_files pictures;
    struct ce_many many;
    struct ce_json_list json;
    struct applied dump; /* (N,...) each, for --dump; or NULL */
    ce_image before[SHEET_MAX], after[SHEET_MAX];
    size_t number[SHEET_MAX]; /* of these pictures */
    struct ce_progress progress;
};

static const char about[] =
    "Edits pictures with a mapper that 'cfedit train' made, or with a converted published mapper.\n"
    "Each picture takes one pass through the generator. Without any source the picture is that of\n"
    "--seed. Several come with a contact sheet, unless --resume has skipped some of them. --dump\n"
    "writes tensors image and source (N, 3, H, W), latents and source_latents (N, L, D).";

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
        CE_OPT_SENTENCE(
            "target", &job->target,
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
                                              CE_TAKES_ENCODER | CE_TAKES_DETECTOR | CE_TAKES_DUMP |
                                              CE_TAKES_OUTPUT | CE_TAKES_RESUME,
                                     .table = table,
                                     .count = n};
    const int status = ce_options_parse(run, &syntax, argc, argv);
    if (status != CE_PARSED)
        return status;
    if (!job->mapper_path)
        return ce_usage_error(run, "say which mapper with --mapper FILE");
    const int settled = ce_sources_settle(run, &job->sources, run->seed);
    return settled == CE_PARSED ? ce_pictures_room(run, job->output, (int64_t)job->sources.count)
                                : settled;
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

/* Names the pictures, once their number is known, and finds out whether they may be written. */
static int check_pictures(struct job *job)
{
    const int status =
        ce_picture_files_check(job->run, job->output, "edited-", "", &job->sources, &job->pictures);
    job->many = (struct ce_many){
        .verb = "edited", .total = job->sources.count, .resumable = job->pictures.in_folder};
    return status;
}

/* ---- work ---- */

/* Writes picture i, or the pair of before and after; both are kept if they belong on the sheet. */
static lt_status write_one(struct job *job, lt_tensor *x, lt_tensor *x_hat, size_t i)
{
    lt_ctx *ctx = job->run->ctx;
    const char *file = ce_picture_file(job->run, &job->pictures, i);
    const char *mark = ce_sources_mark(job->run, &job->sources, i);
    if (!file || !mark)
        return lt_ctx_status(ctx);
    ce_image before = {0}, after = {0}, pair = {0};
    const ce_image_text texts[] = {
        ce_image_origin(), {"Description", job->target}, {CE_MADE_BY, mark}};
    lt_status status = lt_check_finite(ctx, x_hat, "the edited picture");
    if (!status)
        status = ce_image_from_tensor(ctx, x, 0, &before);
    if (!status)
        status = ce_image_from_tensor(ctx, x_hat, 0, &after);
    const bool paired = job->pairs || !job->pictures.in_folder;
    if (!status && paired)
        status = ce_sheet_pair(ctx, &before, &after, "before", job->target, &pair);
    if (!status)
        status = ce_image_write(ctx, file, paired ? &pair : &after, texts,
                                job->pictures.in_folder ? 3 : 2);
    ce_image_free(&pair);
    /* Pictures that could not be edited leave no gap on the sheet. */
    const size_t cell = job->many.done;
    if (!status && job->pictures.sheet && cell < SHEET_MAX) {
        job->before[cell] = before;
        job->after[cell] = after;
        job->number[cell] = i;
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
    const int n = (int)ce_sheet_room((int64_t)job->many.done, SHEET_MAX, 2 * area);
    const ce_image *cells[2 * SHEET_MAX];
    const char *labels[SHEET_MAX];
    static const char *const row_labels[] = {"before", "after"};
    for (int i = 0; i < n; i++) {
        cells[i] = &job->before[i];
        cells[n + i] = &job->after[i];
        const size_t at = job->number[i];
        labels[i] = ce_text(run, "%s%lld", job->sources.seeds ? "seed " : "",
                            (long long)(job->sources.seeds ? job->sources.seeds[at] : (int64_t)at));
        if (!labels[i])
            return lt_ctx_status(run->ctx);
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

/* Edits picture i: `one` becomes its pictures and latents. NULL members on failure. */
static lt_status edit_one(struct job *job, size_t i, struct applied *one)
{
    lt_ctx *ctx = job->run->ctx;
    lt_tensor *photo;
    *one = (struct applied){.w = NULL};
    one->w = ce_sources_take(job->run, &job->models, &job->sources, i, &photo);
    if (!one->w || ce_stop_asked())
        return lt_ctx_status(ctx);
    lt_no_grad_begin(ctx);
    one->w_hat = ce_mapper_edit(ctx, job->mapper, one->w, job->text_w, (float)job->strength);
    one->x = ce_models_generate(&job->models, one->w, NULL, NULL);
    one->x_hat = ce_models_generate(&job->models, one->w_hat, NULL, NULL);
    lt_no_grad_end(ctx);
    return lt_ctx_status(ctx);
}

/* Writes, keeps and tells an edited picture. */
static lt_status finish(struct job *job, size_t i, const struct applied *one)
{
    lt_ctx *ctx = job->run->ctx;
    lt_status status = job->pictures.on ? write_one(job, one->x, one->x_hat, i) : LT_OK;
    const struct {
        lt_tensor *all, *part;
    } dump[] = {{job->dump.x_hat, one->x_hat},
                {job->dump.x, one->x},
                {job->dump.w_hat, one->w_hat},
                {job->dump.w, one->w}};
    lt_no_grad_begin(ctx);
    for (size_t k = 0; k < CE_COUNT(dump) && dump[k].all && !status; k++)
        status = lt_copy_into(ctx, lt_slice(ctx, dump[k].all, 0, (int64_t)job->many.done, 1),
                              dump[k].part);
    lt_no_grad_end(ctx);
    if (!status)
        status = ce_told_put(job->run, &job->json, &job->pictures, i);
    if (!status)
        job->many.done++;
    return status;
}

/* Edits all pictures, one at a time. A photo that cannot be read is told and left out. */
static lt_status edit_all(struct job *job)
{
    struct ce_run *run = job->run;
    const bool photos = job->sources.images.count > 0;
    lt_status status = LT_OK;
    ce_progress_begin(&job->progress, run, "editing", "pictures", (int64_t)job->many.total);
    ce_stop_catch(true);
    for (size_t i = 0; i < job->many.total && !status && !ce_stop_asked(); i++) {
        struct applied one;
        struct ce_block *mark = ce_mark(run);
        if (ce_picture_files_made(run, &job->pictures, i, 1)) {
            job->many.there++;
            job->progress.skipped++;
            ce_release(run, mark);
            continue;
        }
        const lt_scope scope = lt_scope_open(run->ctx);
        status = edit_one(job, i, &one);
        if (status && photos && !one.w && ce_many_skip(run, &job->many))
            status = LT_OK;
        else if (!status && one.x_hat)
            status = finish(job, i, &one);
        lt_scope_close(run->ctx, scope, NULL);
        ce_release(run, mark);
        ce_progress_step(&job->progress, (int64_t)i + 1, NULL);
    }
    ce_stop_catch(false);
    ce_progress_end(&job->progress);
    return status;
}

static lt_status make_dump(struct job *job)
{
    lt_ctx *ctx = job->run->ctx;
    const lt_stylegan2_config *g = lt_stylegan2_describe(job->models.generator);
    const int64_t n = (int64_t)job->many.total, side = g->size, width = g->style_dim,
                  layers = lt_stylegan2_latents(job->models.generator);
    if (!job->run->dump || ce_dump_room(job->run, n, 6 * side * side + 2 * layers * width))
        return lt_ctx_status(ctx);
    job->dump.x_hat = lt_empty(ctx, LT_F32, 4, (int64_t[]){n, 3, side, side});
    job->dump.x = lt_empty(ctx, LT_F32, 4, (int64_t[]){n, 3, side, side});
    job->dump.w_hat = lt_empty(ctx, LT_F32, 3, (int64_t[]){n, layers, width});
    job->dump.w = lt_empty(ctx, LT_F32, 3, (int64_t[]){n, layers, width});
    return lt_ctx_status(ctx);
}

/* Writes the rows of the pictures that were edited. */
static lt_status write_dump(struct job *job)
{
    lt_ctx *ctx = job->run->ctx;
    lt_tensor *all[] = {job->dump.x_hat, job->dump.x, job->dump.w_hat, job->dump.w};
    for (size_t k = 0; k < CE_COUNT(all) && all[k]; k++)
        all[k] = lt_slice(ctx, all[k], 0, 0, (int64_t)job->many.done);
    if (lt_ctx_status(ctx) || job->many.done == 0)
        return lt_ctx_status(ctx);
    return ce_dump(job->run, CE_COUNT(all),
                   (const char *[]){"image", "source", "latents", "source_latents"}, all);
}

/* The members of the JSON value in front of the pictures. */
static void begin_json(struct job *job)
{
    lt_json_writer *w = lt_json_writer_create();
    lt_json_begin_object(w);
    lt_json_put_key(w, "target");
    lt_json_put_string(w, job->target);
    lt_json_put_key(w, "strength");
    lt_json_put_double(w, job->strength);
    lt_json_end_object(w);
    job->json = (struct ce_json_list){.head = w, .key = "pictures"};
}

static lt_status apply(struct job *job)
{
    struct ce_run *run = job->run;
    lt_ctx *ctx = run->ctx;
    begin_json(job);
    lt_no_grad_begin(ctx);
    job->text_w = ce_mapper_text(ctx, job->mapper, ce_text_feature(&job->models, job->target));
    lt_no_grad_end(ctx);
    lt_status status = lt_ctx_status(ctx);
    if (!status)
        status = make_dump(job);
    if (!status)
        status = edit_all(job);
    const bool whole =
        job->many.there + job->many.done + job->many.bad == job->many.total && job->many.done > 0;
    /* The pictures before the edit are not in the files of an earlier run. */
    if (job->many.there > 0)
        job->pictures.sheet = NULL;
    if (!status && whole)
        status = write_dump(job);
    if (!status && whole && job->pictures.sheet)
        status = write_sheet(job);
    const lt_status told = ce_told_end(run, &job->json, &job->pictures,
                                       ce_seconds() - job->progress.begun, status || !whole);
    return status ? status : told;
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
    if (job.sources.count > 0 && (code = check_pictures(&job)) != CE_PARSED)
        return code;
    lt_status status =
        ce_models_open(ctx, &run->paths,
                       CE_NEED_GENERATOR | CE_NEED_TEXT |
                           ce_photos_need(run, &job.sources.framing, job.sources.images.count),
                       &job.models);
    if (!status)
        status = open_mapper(&job);
    /* The places of the pictures are tried before photos are inverted, which takes long. */
    if (!status && job.pictures.checked)
        status = ce_picture_files_prepare(run, &job.pictures);
    if (!status)
        status = ce_sources_open(run, &job.models, &job.sources);
    if (!status && !job.pictures.checked) {
        code = check_pictures(&job);
        if (code == CE_PARSED)
            status = ce_picture_files_prepare(run, &job.pictures);
    }
    if (status)
        code = ce_fail(run);
    if (code == CE_PARSED)
        code = ce_many_end(run, &job.many, apply(&job));
    for (int i = 0; i < SHEET_MAX; i++) {
        ce_image_free(&job.before[i]);
        ce_image_free(&job.after[i]);
    }
    lt_json_writer_free(job.json.head);
    ce_mapper_free(job.mapper);
    lt_params_free(job.params);
    ce_models_close(&job.models);
    return code;
}
