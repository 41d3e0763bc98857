/* cfedit train: trains a mapper for a sentence over many latents. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "autograd/ops.h"
#include "cli/commands.h"
#include "engine/latents.h"
#include "cli/console/options.h"
#include "cli/inout/output.h"
#include "cli/inout/setting_options.h"
#include "cli/console/report.h"
#include "cli/console/stop.h"
#include "cli/inout/train_report.h"
#include "tensor/files/lock.h"

/* Random latents come from seeds far away from the small seeds that people try out. */
#define TRAIN_SEEDS       1000000
#define TEST_SEEDS        2000000
#define VALIDATED_AT_MOST 200 /* latents; the published validation stops there, too */
#define SHEET_COLUMNS     4

struct job {
    struct ce_run *run;
    struct ce_models models;
    struct ce_edit_settings settings; /* of the mapper's family */
    struct ce_setting_options options;
    struct ce_train_config *config; /* within `settings` */
    const char *target, *source, *latents_path, *test_path, *points_path, *init, *log_path, *output;
    const char *optimizer, *shuffle;
    bool w_space, resume;
    int64_t steps, train_size, test_size;
    int64_t image_interval, val_interval, save_interval, save_minutes;
    const char *checkpoint, *best, *curve;
    char *stem; /* the name of the output without .safetensors */
    lt_params *params;
    struct ce_train_data data;
    struct ce_trainer *trainer;
    struct ce_train_log *log;
    lt_lock *lock;       /* no other training writes the files of this one */
    double begun, saved; /* seconds of the clock: start, last checkpoint */
    int64_t first_step;
    bool interrupted;
};

/* ---- options ---- */

static const char about[] =
    "Trains a mapper that edits pictures of the generator by a sentence (CF-CLIP). Options and\n"
    "defaults are those of the published training.\n"
    "Beside -o M.safetensors it writes M.checkpoint.safetensors (to continue with --resume),\n"
    "M.best.safetensors (lowest validation loss), M.loss.png and M.step-N.png (before and after).";

static const char examples[] =
    "  cfedit train --target \"face with green lips\" --steps 2000 --batch 4 --log green.jsonl -o green.safetensors\n"
    "  cfedit train --target \"face with green lips\" ... --resume          continue after a stop\n"
    "  cfedit train --model DIR --target \"purple eyebrows\" --latents W.safetensors --id-lambda 0.2\n"
    "  cfedit apply --mapper green.safetensors --seeds 1-16 -o edited";

/* The published settings. */
static void set_defaults(struct job *job)
{
    job->settings = (struct ce_edit_settings){
        .family = CE_FAMILY_MAPPER,
        .mapper = {.train = ce_train_defaults(), .steps = 50000},
    };
    job->config = &job->settings.mapper.train;
    job->optimizer = "ranger";
    job->shuffle = "on";
    job->train_size = 5000;
    job->test_size = VALIDATED_AT_MOST;
    job->image_interval = 500;
    job->val_interval = 5000;
    job->save_interval = 5000;
    job->save_minutes = 15;
    job->output = "mapper.safetensors";
}

/* The identity term is on by default; without a network for it, it is off. */
static void suit_identity(struct job *job)
{
    float *lambda = &job->config->objective.id_lambda;
    if (*lambda > 0 && !ce_setting_options_given(&job->options, "id-lambda") &&
        !ce_models_has(job->run->ctx, &job->run->paths, CE_NEED_IDENTITY)) {
        ce_note(job->run,
                "note: there is no identity network, so training goes without the identity loss "
                "(--id-lambda 0)");
        *lambda = 0;
    }
}

static int parse(struct job *job, int argc, char **argv)
{
    struct ce_run *run = job->run;
    const double many = 1e9;
    /* A mapper that train writes sees the text, and its loss has no contrasts. */
    static const char *const without[] = {"text-mapping", "contrast-lambda", "contrast-temperature",
                                          NULL};
    const struct ce_option own[] = {
        CE_OPT_SENTENCE(
            "target", &job->target,
            "what the edited pictures show (the published training calls it description)"),
        CE_OPT_SENTENCE(
            "source", &job->source,
            "what the pictures show now (default: the generator's domain word, \"face\")"),
        CE_OPT_OUT("FILE", &job->output, "the mapper"),
        CE_OPT_FILE(
            "latents", "FILE[:I]", &job->latents_path,
            "latents to train on: a safetensors file with tensor latents, (N, L, D) for W+ "
            "or (N, D) for W; :I takes only number I (default: latents of random pictures)"),
        CE_OPT_FILE("test-latents", "FILE[:I]", &job->test_path,
                    "latents to validate on (default: latents of other random pictures)"),
        CE_OPT_INT("train-dataset-size", "N", &job->train_size, 1, 1000000,
                   "random pictures to train on, without --latents"),
        CE_OPT_INT("test-dataset-size", "N", &job->test_size, 1, 100000,
                   "random pictures to validate on, without --test-latents"),
        CE_OPT_FLAG("w-space", &job->w_space, "latents are W: one vector, repeated to all layers"),
        CE_OPT_CHOICE("optimizer", "ranger|adam", &job->optimizer,
                      "optimiser of the mapper's weights"),
        CE_OPT_CHOICE("shuffle", "off|on", &job->shuffle,
                      "each pass over the latents in an order of its own, or as they stand in the "
                      "file"),
        CE_OPT_FILE("init", "FILE", &job->init, "start from this mapper instead of a random one"),
        CE_OPT_FILE("perspective", "FILE", &job->points_path,
                    "draw the perspective of the augmented copies from the tensor "
                    "perspective.points (steps, copies, 2, 4, 2), start and end points, instead of "
                    "at random"),
        CE_OPT_WRITES("log", "FILE", &job->log_path, "write the losses, one JSON object a step"),
        CE_OPT_INT("image-interval", "N", &job->image_interval, 0, many,
                   "steps between sheets of pictures and loss curves; 0: none"),
        CE_OPT_INT("val-interval", "N", &job->val_interval, 0, many,
                   "steps between validations; 0: none"),
        CE_OPT_INT("save-interval", "N", &job->save_interval, 0, many,
                   "steps between checkpoints; 0: none"),
        CE_OPT_INT("save-minutes", "N", &job->save_minutes, 0, many,
                   "minutes after which a checkpoint is written whatever --save-interval says; 0: "
                   "never"),
        CE_OPT_FLAG("resume", &job->resume,
                    "continue from the checkpoint, if there is one; give all other options again"),
    };
    size_t n = CE_COUNT(own);
    job->options =
        (struct ce_setting_options){.defaults = &job->settings, .every = false, .without = without};
    const struct ce_option *table = ce_setting_options_add(run, &job->options, own, &n);
    if (!table)
        return ce_error(run, "out of memory");
    static const char *const usual[] = {"target",    "source", "output", "latents", "steps",
                                        "batch",     "lr",     "log",    "model",   "resume",
                                        "overwrite", "seed",   "json",   "help",    NULL};
    const struct ce_syntax syntax = {.usage = "[OPTION]... --target TEXT",
                                     .about = about,
                                     .usual = usual,
                                     .examples = examples,
                                     .takes = CE_TAKES_MODEL | CE_TAKES_OUTPUT,
                                     .table = table,
                                     .count = n};
    int status = ce_options_parse(run, &syntax, argc, argv);
    if (status == CE_PARSED && !job->target)
        status = ce_usage_error(run, "say what the pictures should become with --target TEXT");
    if (status == CE_PARSED &&
        (ce_is_picture_name(job->output) || ce_is_foreign_picture_name(job->output)))
        status =
            ce_usage_error(run, "-o %s: a mapper is written, to a .safetensors file", job->output);
    if (status == CE_PARSED && ce_is_stream(job->output))
        status = ce_usage_error(
            run,
            "-o: a training writes several files beside the mapper; give it the name of a file");
    if (status == CE_PARSED)
        status = ce_setting_options_put(run, &job->options, "a training", &job->settings);
    if (status != CE_PARSED)
        return status;
    const struct ce_nce_config *nce = &job->config->objective.nce;
    if (!nce->use_pos1 && !nce->use_pos2)
        return ce_usage_error(run,
                              "--positive-1 and --positive-2 are both off; CLIP-NCE needs one");
    job->steps = job->settings.mapper.steps;
    job->config->optimizer = strcmp(job->optimizer, "adam") == 0 ? LT_ADAM : LT_RANGER;
    job->config->shuffle = strcmp(job->shuffle, "on") == 0;
    ce_edit_settings_seed(&job->settings, (uint64_t)run->seed);
    return CE_PARSED;
}

/* ---- preparation ---- */

static lt_status name_files(struct job *job)
{
    struct ce_run *run = job->run;
    static const char ending[] = ".safetensors";
    const size_t length = strlen(job->output), tail = sizeof ending - 1;
    const bool ends = length > tail && !strcmp(job->output + length - tail, ending);
    job->stem = ce_text(run, "%.*s", (int)(ends ? length - tail : length), job->output);
    if (!job->stem)
        return lt_ctx_status(run->ctx);
    job->checkpoint = ce_text(run, "%s.checkpoint.safetensors", job->stem);
    job->best = ce_text(run, "%s.best.safetensors", job->stem);
    job->curve = ce_text(run, "%s.loss.png", job->stem);
    return job->checkpoint && job->best && job->curve ? LT_OK : lt_ctx_status(run->ctx);
}

static const char *sheet_name(struct job *job, int64_t step)
{
    return ce_text(job->run, "%s.step-%06lld.png", job->stem, (long long)step);
}

/* Whether all files may be written. --resume continues what is there; a finished mapper without a
 * checkpoint cannot be continued and stays. */
static lt_status check_outputs(struct job *job)
{
    struct ce_run *run = job->run;
    const enum ce_replace replace = job->resume ? CE_REPLACE_CONTINUED : CE_REPLACE_NOTHING;
    const bool continued = job->resume && access(job->checkpoint, F_OK) == 0;
    if (access(job->output, F_OK) == 0 && !job->resume && !run->overwrite)
        return lt_fail(run->ctx, LT_ERR_IO,
                       "%s is there already; continue its training with --resume, replace it with "
                       "--overwrite (-y), or choose another name with -o",
                       job->output);
    lt_status status = ce_output_check(run, "-o", job->output,
                                       continued ? CE_REPLACE_CONTINUED : CE_REPLACE_NOTHING);
    const char *const beside[] = {job->checkpoint, job->best, job->curve};
    for (size_t i = 0; i < CE_COUNT(beside) && status == LT_OK; i++)
        status = ce_output_check(run, "-o", beside[i], replace);
    for (int64_t step = job->image_interval;
         job->image_interval > 0 && step <= job->steps && status == LT_OK;
         step += job->image_interval) {
        const char *sheet = sheet_name(job, step);
        status = sheet ? ce_output_allow(run, "-o", sheet, replace) : lt_ctx_status(run->ctx);
    }
    if (status == LT_OK && job->log_path)
        status = ce_output_check(run, "--log", job->log_path, replace);
    return status;
}

/* The latents of a file; without a path, of `count` random pictures with seeds from `seed` on. */
static lt_tensor *get_latents(struct job *job, const char *path, int64_t seed, int64_t count)
{
    struct ce_run *run = job->run;
    if (!path) {
        int64_t *seeds = ce_alloc(run, (size_t)count, sizeof *seeds);
        for (int64_t i = 0; seeds && i < count; i++)
            seeds[i] = seed + i;
        return seeds ? ce_latents_from_seeds(&job->models, seeds, (size_t)count,
                                             job->models.truncation)
                     : NULL;
    }
    enum ce_latents_form form;
    lt_tensor *w = ce_latents_from_file(&job->models, path, job->w_space, &form);
    if (w && job->w_space && form != CE_LATENTS_W) {
        lt_fail(run->ctx, LT_ERR_SHAPE,
                "%s: --w-space needs latents of W, (N, D), but these have a layer axis; leave "
                "--w-space out, or give latents of W",
                path);
        return NULL;
    }
    return w;
}

static lt_status read_data(struct job *job)
{
    lt_ctx *ctx = job->run->ctx;
    job->data.texts.target = job->target;
    job->data.texts.source = job->source ? job->source : job->models.domain;
    job->data.latents = get_latents(job, job->latents_path, TRAIN_SEEDS, job->train_size);
    if (!job->data.latents)
        return lt_ctx_status(ctx);
    if (job->val_interval > 0 && (job->test_path || job->val_interval <= job->steps)) {
        job->data.tests = get_latents(job, job->test_path, TEST_SEEDS, job->test_size);
        if (!job->data.tests)
            return lt_ctx_status(ctx);
    }
    if (job->points_path) {
        job->data.points =
            ce_perspective_load(ctx, job->points_path, job->config->objective.nce.copies);
        if (!job->data.points)
            return lt_ctx_status(ctx);
        if (lt_dim(job->data.points, 0) < job->steps)
            return lt_fail(ctx, LT_ERR_ARGUMENT, "%s has draws for %lld steps, but --steps is %lld",
                           job->points_path, (long long)lt_dim(job->data.points, 0),
                           (long long)job->steps);
    }
    return LT_OK;
}

static lt_status prepare(struct job *job)
{
    struct ce_run *run = job->run;
    lt_ctx *ctx = run->ctx;
    lt_status status = name_files(job);
    if (!status)
        status = lt_lock_take(ctx, job->output, "is trained", &job->lock);
    if (!status)
        status = check_outputs(job);
    if (status)
        return status;
    suit_identity(job);
    status =
        ce_models_open(run->ctx, &run->paths,
                       CE_NEED_TEXT | ce_objective_needs(&job->config->objective), &job->models);
    if (!status)
        status = read_data(job);
    if (!status)
        status = lt_params_create(ctx, &job->params);
    if (!status && job->init)
        status = ce_mapper_load(ctx, job->params, job->init);
    if (!status)
        status = lt_params_set_metadata(ctx, job->params, CE_META_W_SPACE,
                                        job->w_space ? "true" : "false");
    if (!status)
        status =
            ce_trainer_create(&job->models, job->config, &job->data, job->params, &job->trainer);
    if (!status && job->resume && access(job->checkpoint, F_OK) == 0)
        status = ce_trainer_restore(job->trainer, job->checkpoint);
    else if (!status && job->resume)
        ce_note(run, "note: there is no checkpoint %s yet, starting from the beginning",
                job->checkpoint);
    if (!status && job->log_path)
        status = ce_train_log_open(ctx, job->log_path,
                                   job->resume ? ce_trainer_steps(job->trainer) : CE_LOG_ANEW,
                                   &job->log);
    return status;
}

/* ---- the loop ---- */

static lt_status save_checkpoint(struct job *job)
{
    lt_status status = ce_train_log_sync(job->log);
    if (!status)
        status = ce_trainer_save(job->trainer, job->checkpoint);
    job->saved = ce_seconds();
    return status;
}

static bool is_due(int64_t step, int64_t interval) { return interval > 0 && step % interval == 0; }

/* Draws the sheet of pictures and the loss curve. */
static lt_status draw(struct job *job, int64_t step)
{
    lt_ctx *ctx = job->run->ctx;
    lt_tensor *from = job->data.tests ? job->data.tests : job->data.latents;
    const int64_t count = lt_dim(from, 0) < SHEET_COLUMNS ? lt_dim(from, 0) : SHEET_COLUMNS;
    const char *path = sheet_name(job, step);
    const char *title = ce_text(job->run, "%s, step %lld", job->target, (long long)step);
    if (!path || !title)
        return lt_ctx_status(ctx);
    const lt_scope scope = lt_scope_open(ctx);
    lt_status status =
        ce_train_sheet(ctx, job->trainer, lt_slice(ctx, from, 0, 0, count), title, path);
    lt_scope_close(ctx, scope, NULL);
    return status ? status : ce_train_plot(ctx, job->trainer, job->curve);
}

/* Draws and saves what is due after a step. */
static lt_status after_step(struct job *job, int64_t step)
{
    lt_status status = LT_OK;
    if (is_due(step, job->image_interval))
        status = draw(job, step);
    const bool late =
        job->save_minutes > 0 && ce_seconds() - job->saved > 60.0 * (double)job->save_minutes;
    if (!status && (is_due(step, job->save_interval) || (job->save_interval > 0 && late)))
        status = save_checkpoint(job);
    return status;
}

static lt_status one_step(struct job *job, struct ce_progress *progress)
{
    struct ce_terms terms, validation;
    char note[64];
    const double start = ce_seconds();
    lt_status status = ce_trainer_step(job->trainer, &terms);
    if (status)
        return status;
    const double seconds = ce_seconds() - start;
    const int64_t step = ce_trainer_steps(job->trainer);
    const bool validate = job->data.tests && is_due(step, job->val_interval);
    if (validate) {
        bool better = false;
        status = ce_trainer_validate(job->trainer, VALIDATED_AT_MOST, &validation, &better);
        if (!status && better)
            status = ce_trainer_save_mapper(job->trainer, job->best);
    }
    if (!status)
        status = ce_train_log_write(job->log, step, &terms, seconds, validate ? &validation : NULL);
    if (!status)
        status = after_step(job, step);
    snprintf(note, sizeof note, "loss %.4f", (double)terms.loss);
    ce_progress_step(progress, step, note);
    return status;
}

static lt_status train(struct job *job)
{
    struct ce_progress progress;
    lt_status status = LT_OK;
    job->first_step = ce_trainer_steps(job->trainer);
    job->begun = job->saved = ce_seconds();
    ce_progress_begin(&progress, job->run, "training", "steps", job->steps);
    progress.skipped = job->first_step;
    ce_stop_catch(true);
    while (!status && !ce_stop_asked() && ce_trainer_steps(job->trainer) < job->steps)
        status = one_step(job, &progress);
    ce_stop_catch(false);
    ce_progress_end(&progress);
    if (status)
        return status;
    job->interrupted = ce_trainer_steps(job->trainer) < job->steps;
    if (job->interrupted)
        return save_checkpoint(job);
    /* A training shorter than --save-interval has no checkpoint. A longer one ends with a
     * checkpoint, so that it can be prolonged. */
    if (job->save_interval > 0 && (job->steps >= job->save_interval || job->resume))
        status = save_checkpoint(job);
    if (!status && job->image_interval > 0 && job->steps >= job->image_interval)
        status = ce_train_plot(job->run->ctx, job->trainer, job->curve);
    return status ? status : ce_trainer_save_mapper(job->trainer, job->output);
}

static int tell(const struct job *job)
{
    const struct ce_run *run = job->run;
    const int64_t steps = ce_trainer_steps(job->trainer);
    const double seconds = ce_seconds() - job->begun;
    const double loss = steps > 0 ? (double)ce_trainer_history(job->trainer, steps - 1)[0] : NAN;
    const double best = ce_trainer_best(job->trainer);
    if (!run->json) {
        printf("%s: %lld steps, loss %.4f, %.1f s\n", job->output, (long long)steps, loss, seconds);
        return CE_OK;
    }
    lt_json_writer *w = lt_json_writer_create();
    lt_json_begin_object(w);
    lt_json_put_key(w, "mapper");
    lt_json_put_string(w, job->output);
    lt_json_put_key(w, "target");
    lt_json_put_string(w, job->target);
    lt_json_put_key(w, "source");
    lt_json_put_string(w, job->data.texts.source);
    lt_json_put_key(w, "steps");
    lt_json_put_int(w, steps);
    lt_json_put_key(w, "loss");
    lt_json_put_double(w, loss);
    lt_json_put_key(w, "best_validation_loss");
    lt_json_put_double(w, best);
    lt_json_put_key(w, "log");
    lt_json_put_string(w, job->log_path);
    lt_json_put_key(w, "seconds");
    lt_json_put_double(w, seconds);
    lt_json_end_object(w);
    return ce_print_json(run, w);
}

int ce_cmd_train(struct ce_run *run, int argc, char **argv)
{
    struct job job;
    memset(&job, 0, sizeof job);
    job.run = run;
    set_defaults(&job);
    int code = parse(&job, argc, argv);
    if (code != CE_PARSED)
        return code;
    lt_status status = prepare(&job);
    if (!status)
        status = train(&job);
    if (status) {
        code = ce_fail(run);
    } else if (job.interrupted) {
        code = CE_INTERRUPTED;
        ce_error(run, "stopped after step %lld; continue with the same options and --resume",
                 (long long)ce_trainer_steps(job.trainer));
    } else {
        code = tell(&job);
    }
    lt_lock_release(job.lock);
    ce_train_log_close(job.log);
    ce_trainer_free(job.trainer);
    lt_params_free(job.params);
    ce_models_close(&job.models);
    return code;
}
