/* cfedit train: a mapper for a sentence, over many latents. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "autograd/ops.h"
#include "cli/commands.h"
#include "engine/kinds.h"
#include "engine/latents.h"
#include "cli/console/options.h"
#include "cli/inout/output.h"
#include "cli/inout/pictures.h"
#include "cli/console/report.h"
#include "cli/inout/train_report.h"

/* Generated latents are those of seeds far from the small ones that people look at. */
#define TRAIN_SEEDS       1000000
#define TEST_SEEDS        2000000
#define VALIDATED_AT_MOST 200 /* as the published validation, which stops there */
#define SHEET_COLUMNS     4
#define INTERRUPTED       130 /* exit status after SIGINT, as shells have it */

struct job {
    struct ce_run *run;
    struct ce_models models;
    struct ce_train_config config;
    const char *target, *source, *latents_path, *test_path, *points_path, *init, *log_path, *output;
    const char *optimizer, *mapper_type, *resize;
    double nce_lambda, latent_l2_lambda, id_lambda, perc_lambda, lr, temperature;
    bool id_given, w_space, resume;
    int64_t batch, steps, copies, templates, train_size, test_size;
    int64_t image_interval, val_interval, save_interval, save_minutes;
    const char *checkpoint, *best, *curve;
    char *stem; /* the output's name without .safetensors */
    lt_params *params;
    struct ce_train_data data;
    struct ce_trainer *trainer;
    struct ce_train_log *log;
    double begun, saved; /* seconds of the clock: start, last checkpoint */
    int64_t first_step;
    bool interrupted;
};

static volatile sig_atomic_t stop_asked;

static void on_signal(int number)
{
    (void)number;
    stop_asked = 1;
}

/* The first SIGINT or SIGTERM asks to stop after the step, a second one ends the process. */
static void catch_signals(bool on)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on ? on_signal : SIG_DFL;
    action.sa_flags = on ? SA_RESETHAND : 0;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

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

static void set_defaults(struct job *job)
{
    const struct ce_train_config c = ce_train_defaults();
    job->config = c;
    job->optimizer = "ranger";
    job->mapper_type = "levels";
    job->resize = CE_RESIZE_DEFAULT;
    job->nce_lambda = 0.3;
    job->latent_l2_lambda = 0.8;
    job->id_lambda = 0.2;
    job->lr = 0.5;
    job->temperature = 0.1;
    job->batch = c.batch;
    job->copies = c.objective.nce.copies;
    job->templates = c.objective.nce.templates;
    job->steps = 50000;
    job->train_size = 5000;
    job->test_size = VALIDATED_AT_MOST;
    job->image_interval = 500;
    job->val_interval = 5000;
    job->save_interval = 5000;
    job->save_minutes = 15;
    job->output = "mapper.safetensors";
}

static int parse(struct job *job, int argc, char **argv)
{
    struct ce_train_config *c = &job->config;
    struct ce_nce_config *nce = &c->objective.nce;
    const int64_t many = 1000000000;
    struct ce_option id =
        CE_OPT_REAL("id-lambda", "X", &job->id_lambda, 0, 1e6,
                    "factor of the identity loss (without an identity network: 0)");
    id.given = &job->id_given;
    const struct ce_option table[] = {
        CE_OPT_TEXT("target", "TEXT", &job->target,
                    "what the pictures should become (published: description)"),
        CE_OPT_TEXT("source", "TEXT", &job->source,
                    "what they are (default: the generator's domain, else \"face\")"),
        CE_OPT_OUT("FILE", &job->output, "the mapper"),
        CE_OPT_FILE("latents", "FILE", &job->latents_path,
                    "latents to train on, (N, L, D) or (N, D) (default: of random pictures)"),
        CE_OPT_FILE("test-latents", "FILE", &job->test_path,
                    "latents to validate on (default: of random pictures)"),
        CE_OPT_INT("train-dataset-size", "N", &job->train_size, 1, 1000000,
                   "random pictures without --latents"),
        CE_OPT_INT("test-dataset-size", "N", &job->test_size, 1, 100000,
                   "random pictures without --test-latents"),
        CE_OPT_FLAG("w-space", &job->w_space, "latents are W: one vector, repeated to all layers"),
        CE_OPT_INT("steps", "N", &job->steps, 1, (double)many, "training steps"),
        CE_OPT_INT("batch", "N", &job->batch, 1, 1024, "latents a step"),
        CE_OPT_REAL("lr", "X", &job->lr, 1e-12, 1e6, "learning rate"),
        CE_OPT_CHOICE("optimizer", "ranger|adam", &job->optimizer, "optimiser"),
        CE_OPT_REAL("nce-lambda", "X", &job->nce_lambda, 0, 1e6, "factor of CLIP-NCE"),
        CE_OPT_REAL("latent-l2-lambda", "X", &job->latent_l2_lambda, 0, 1e6,
                    "factor of the latents' distance"),
        id,
        CE_OPT_REAL("perc-lambda", "X", &job->perc_lambda, 0, 1e6,
                    "factor of the perceptual loss (published for dogs and cats: 0.01 to 0.02)"),
        CE_OPT_CHOICE("mapper-type", "levels|single", &job->mapper_type,
                      "three level mappers or one; for a new mapper"),
        CE_OPT_UNFLAG("no-coarse-mapper", &c->level[CE_LEVEL_COARSE],
                      "leave layers 0-3 as they are"),
        CE_OPT_UNFLAG("no-medium-mapper", &c->level[CE_LEVEL_MEDIUM],
                      "leave layers 4-7 as they are"),
        CE_OPT_UNFLAG("no-fine-mapper", &c->level[CE_LEVEL_FINE],
                      "leave layers 8 and up as they are"),
        CE_OPT_FILE("init", "FILE", &job->init, "start from this mapper instead of a random one"),
        CE_OPT_UNFLAG("no-shuffle", &c->shuffle, "take the latents in their order"),
        CE_OPT_FILE(
            "perspective", "FILE", &job->points_path,
            "perspective.points (steps, copies, 2, 4, 2): start and end points instead of random ones"),
        CE_OPT_INT("copies", "N", &job->copies, 0, CE_NCE_MAX_COPIES,
                   "warped copies that CLIP sees; 0: no warping"),
        CE_OPT_REAL("temperature", "X", &job->temperature, 1e-6, 1e6, "of CLIP-NCE"),
        CE_OPT_INT("templates", "N", &job->templates, 1, CE_TEMPLATES,
                   "sentences around the texts"),
        CE_OPT_UNFLAG("no-positive-1", &nce->use_pos1, "CLIP-NCE without the text direction"),
        CE_OPT_UNFLAG("no-positive-2", &nce->use_pos2,
                      "CLIP-NCE without the direction from picture to text"),
        CE_OPT_UNFLAG("no-negatives", &nce->use_negatives,
                      "1 - cosine instead of CLIP-NCE's contrast"),
        CE_OPT_RESIZE(&job->resize),
        CE_OPT_TEXT("log", "FILE", &job->log_path, "losses, one JSON object a step"),
        CE_OPT_INT("image-interval", "N", &job->image_interval, 0, (double)many,
                   "steps between sheets of pictures and loss curves; 0: none"),
        CE_OPT_INT("val-interval", "N", &job->val_interval, 0, (double)many,
                   "steps between validations; 0: none"),
        CE_OPT_INT("save-interval", "N", &job->save_interval, 0, (double)many,
                   "steps between checkpoints; 0: none"),
        CE_OPT_INT("save-minutes", "N", &job->save_minutes, 0, (double)many,
                   "minutes after which a checkpoint is written in any case; 0: not"),
        CE_OPT_FLAG("resume", &job->resume,
                    "continue from the checkpoint, if there is one; give all other options again"),
    };
    const struct ce_syntax syntax = {.usage = "[OPTION]... --target TEXT",
                                     .about = about,
                                     .examples = examples,
                                     .takes = CE_TAKES_MODEL | CE_TAKES_OUTPUT,
                                     .table = table,
                                     .count = CE_COUNT(table)};
    const int status = ce_options_parse(job->run, &syntax, argc, argv);
    if (status != CE_PARSED)
        return status;
    if (!job->target)
        return ce_usage_error(job->run, "say what the pictures should become with --target TEXT");
    if (!nce->use_pos1 && !nce->use_pos2)
        return ce_usage_error(job->run, "--no-positive-1 and --no-positive-2 exclude each other");
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
        status = ce_output_allow(run, "-o", beside[i], replace);
    for (int64_t step = job->image_interval;
         job->image_interval > 0 && step <= job->steps && status == LT_OK;
         step += job->image_interval) {
        const char *sheet = sheet_name(job, step);
        status = sheet ? ce_output_allow(run, "-o", sheet, replace) : lt_ctx_status(run->ctx);
    }
    if (status == LT_OK && job->log_path)
        status = ce_output_allow(run, "--log", job->log_path, replace);
    return status;
}

/* Options into the config; the identity term by what is there. */
static void make_config(struct job *job)
{
    struct ce_train_config *c = &job->config;
    if (job->id_lambda > 0 && !job->id_given &&
        !ce_models_has(job->run->ctx, &job->run->paths, CE_NEED_IDENTITY)) {
        ce_note(job->run,
                "note: there is no identity network, so training goes without the identity loss "
                "(--id-lambda 0)");
        job->id_lambda = 0;
    }
    c->objective.nce_lambda = (float)job->nce_lambda;
    c->objective.latent_l2_lambda = (float)job->latent_l2_lambda;
    c->objective.id_lambda = (float)job->id_lambda;
    c->objective.perc_lambda = (float)job->perc_lambda;
    c->objective.nce.temperature = (float)job->temperature;
    c->objective.nce.copies = (int)job->copies;
    c->objective.nce.templates = (int)job->templates;
    c->objective.nce.antialias = ce_resize_antialias(job->resize);
    c->mapper_type = !strcmp(job->mapper_type, "single") ? CE_MAPPER_SINGLE : CE_MAPPER_LEVELS;
    c->optimizer = !strcmp(job->optimizer, "adam") ? LT_ADAM : LT_RANGER;
    c->lr = (float)job->lr;
    c->batch = (int)job->batch;
    c->seed = (uint64_t)job->run->seed;
}

/* Latents of a file, or of `count` pictures of seeds from `seed` on. */
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
    if (job->w_space) {
        lt_safetensors *file;
        if (ce_kind_open(run->ctx, path, CE_KIND_LATENTS, &file))
            return NULL;
        const int ndim = lt_safetensors_find(file, "latents")->ndim;
        lt_safetensors_close(file);
        if (ndim != 2) {
            lt_fail(run->ctx, LT_ERR_SHAPE,
                    "%s: --w-space needs latents (N, D), but these have %d axes", path, ndim);
            return NULL;
        }
    }
    return ce_latents_from_file(&job->models, path);
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
        job->data.points = ce_perspective_load(ctx, job->points_path, (int)job->copies);
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
        status = check_outputs(job);
    if (status)
        return status;
    make_config(job);
    status =
        ce_models_open(run->ctx, &run->paths,
                       CE_NEED_TEXT | ce_objective_needs(&job->config.objective), &job->models);
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
            ce_trainer_create(&job->models, &job->config, &job->data, job->params, &job->trainer);
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

/* Sheet and curve. */
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

/* What is due after a step besides its line in the log. */
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
    catch_signals(true);
    while (!status && !stop_asked && ce_trainer_steps(job->trainer) < job->steps)
        status = one_step(job, &progress);
    catch_signals(false);
    ce_progress_end(&progress);
    if (status)
        return status;
    job->interrupted = ce_trainer_steps(job->trainer) < job->steps;
    if (job->interrupted)
        return save_checkpoint(job);
    /* Short trainings have no checkpoints; longer ones can be prolonged from the last. */
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
        code = INTERRUPTED;
        ce_error(run, "stopped after step %lld; continue with the same options and --resume",
                 (long long)ce_trainer_steps(job.trainer));
    } else {
        code = tell(&job);
    }
    ce_train_log_close(job.log);
    ce_trainer_free(job.trainer);
    lt_params_free(job.params);
    ce_models_close(&job.models);
    return code;
}
