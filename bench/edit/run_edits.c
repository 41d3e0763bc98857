#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "bench/edit/run_edits.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "autograd/ops.h"
#include "bench/edit/readout.h"
#include "bench/edit/results.h"
#include "engine/editor.h"
#include "cli/pictures/image_file.h"
#include "engine/latents.h"
#include "engine/model_files.h"
#include "cli/console/folders.h"
#include "cli/console/report.h"

enum { SETTINGS_MAX = 128, CASES_MAX = 32, BLOCK = 8, PATH_CAP = 512 };

/* The edits that one process does at once: one portrait, or a block of portraits for a mapper,
 * which is trained over several. */
struct unit {
    int setting, target; /* indices into the lists of struct work */
    int slot, count;     /* the first portrait and the number of portraits */
};

/* The counters that all processes share. */
struct shared {
    atomic_llong next, done; /* the next unit to take; units that are done */
    atomic_int stop; /* 1: end after the unit at hand; 2: likewise, since a process failed */
};

/* The settings, cases and units of a plan. */
struct work {
    struct ce_run *run;
    const struct edit_plan *plan;
    struct edit_setting setting[SETTINGS_MAX];
    struct ce_edit_settings settings[SETTINGS_MAX];
    unsigned long long mark[SETTINGS_MAX];
    bool pictures[SETTINGS_MAX];
    int setting_count;
    const struct edit_case *cases[CASES_MAX];
    int case_count;
    long long *seeds[2][CASES_MAX]; /* [1]: of the tuning portraits, [0]: of the other suites' */
    bool tuning[SETTINGS_MAX];
    int portraits[SETTINGS_MAX];
    bool ordinary[SETTINGS_MAX];
    struct unit *units;
    long long unit_count;
    struct shared *shared;
};

static struct shared *to_stop;

static void on_signal(int number)
{
    (void)number;
    if (to_stop)
        atomic_store(&to_stop->stop, 1);
}

/* Whether the text contains one of the comma-separated words; true if `words` is NULL. */
static bool has_word(const char *words, const char *text)
{
    char word[RESULT_NAME_CAP];
    for (const char *at = words; at && *at;) {
        const size_t length = strcspn(at, ",");
        snprintf(word, sizeof word, "%.*s", (int)length, at);
        if (strstr(text, word))
            return true;
        at += length + (at[length] == ',');
    }
    return words == NULL;
}

bool edit_plan_has(const struct edit_plan *plan, const struct edit_case *c)
{
    return has_word(plan->targets, c->text);
}

void edit_picture_path(const char *folder, const char *setting, const char *target, long long seed,
                       char *path, size_t cap)
{
    char name[2 * RESULT_NAME_CAP];
    snprintf(name, sizeof name, "%s_%s", setting, target);
    for (char *c = name; *c; c++)
        *c = *c == ' ' || *c == '/' ? '-' : *c;
    snprintf(path, cap, "%s/pictures/%s_%lld.png", folder, name, seed);
}

/* ---- the list of units ---- */

static lt_status add_setting(struct work *w, const struct edit_setting *setting,
                             enum edit_suite suite)
{
    char bad[128];
    const int i = w->setting_count;
    if (i == SETTINGS_MAX)
        return lt_fail(w->run->ctx, LT_ERR_ARGUMENT, "more than %d settings", SETTINGS_MAX);
    if (!edit_setting_make(setting, &w->settings[i], bad, sizeof bad))
        return lt_fail(w->run->ctx, LT_ERR_ARGUMENT,
                       "setting \"%s\" of %s: '%s' is not one of its settings, or out of range",
                       setting->name, setting->method, bad);
    w->setting[i] = *setting;
    w->mark[i] = edit_setting_mark(&w->settings[i]);
    w->tuning[i] = suite == SUITE_TUNING;
    w->pictures[i] = suite == SUITE_METHODS;
    w->ordinary[i] = edit_suite_ordinary(suite);
    w->portraits[i] = w->plan->portraits ? w->plan->portraits : edit_suite_portraits(suite);
    w->setting_count++;
    return LT_OK;
}

static lt_status list_settings(struct work *w)
{
    const struct edit_setting *setting;
    lt_status status = LT_OK;
    for (int suite = 0; suite < EDIT_SUITES; suite++)
        for (size_t i = 0; w->plan->suites[suite] && status == LT_OK &&
                           (setting = edit_setting_at((enum edit_suite)suite, i));
             i++)
            if ((!w->plan->method || strcmp(setting->method, w->plan->method) == 0) &&
                has_word(w->plan->settings, setting->name))
                status = add_setting(w, setting, (enum edit_suite)suite);
    if (status == LT_OK && w->plan->extra.name)
        status = add_setting(w, &w->plan->extra, SUITE_TUNING);
    return status;
}

static lt_status list_cases(struct work *w)
{
    int most = 0;
    for (int i = 0; i < w->setting_count; i++)
        most = w->portraits[i] > most ? w->portraits[i] : most;
    const struct edit_case *c;
    for (size_t i = 0; (c = edit_case_at(i)) && w->case_count < CASES_MAX; i++) {
        if (!edit_plan_has(w->plan, c))
            continue;
        const int n = w->case_count++;
        w->cases[n] = c;
        for (int tuning = 0; tuning < 2; tuning++) {
            w->seeds[tuning][n] = ce_alloc(w->run, (size_t)most + 1, sizeof(long long));
            if (!w->seeds[tuning][n])
                return lt_ctx_status(w->run->ctx);
            edit_case_seeds(c, edit_suite_first_seed(tuning ? SUITE_TUNING : SUITE_METHODS), most,
                            w->seeds[tuning][n]);
        }
    }
    return LT_OK;
}

static bool is_done(const struct work *w, const struct edit_results *results, const struct unit *u)
{
    for (int k = 0; k < u->count; k++) {
        const long long seed = w->seeds[w->tuning[u->setting]][u->target][u->slot + k];
        if (!edit_results_find(results, w->setting[u->setting].name, w->mark[u->setting],
                               w->cases[u->target]->text, seed))
            return false;
    }
    return true;
}

/* Lists the units that are not done. Portraits are the outermost loop, so that an unfinished run
 * has treated all settings and cases alike. */
static lt_status list_units(struct work *w, const struct edit_results *results)
{
    int most = 0;
    for (int i = 0; i < w->setting_count; i++)
        most = w->portraits[i] > most ? w->portraits[i] : most;
    w->units = ce_alloc(w->run, (size_t)most * (size_t)w->setting_count * (size_t)w->case_count + 1,
                        sizeof *w->units);
    if (!w->units)
        return lt_ctx_status(w->run->ctx);
    for (int slot = 0; slot < most; slot++) {
        for (int c = 0; c < w->case_count; c++) {
            for (int s = 0; s < w->setting_count; s++) {
                const int block = ce_edit_shares_work(&w->settings[s]) ? BLOCK : 1;
                const int left = w->portraits[s] - slot;
                const struct unit u = {s, c, slot, block < left ? block : left};
                if (left < 1 || slot % block || (w->cases[c]->ordinary && !w->ordinary[s]) ||
                    is_done(w, results, &u))
                    continue;
                w->units[w->unit_count++] = u;
            }
        }
    }
    return LT_OK;
}

/* ---- one process ---- */

/* The networks and open editors of one process. */
struct worker {
    struct work *work;
    struct ce_models models;
    struct readout readout;
    struct ce_editor *editor[SETTINGS_MAX][CASES_MAX]; /* made when first needed */
    const char *channels;
    int file;
};

/* Processor time of this process, which has one thread. */
static double cpu_seconds(void) { return (double)clock() / CLOCKS_PER_SEC; }

/* Measures one edit and appends its line to the results. */
static lt_status measure_one(struct worker *k, const struct unit *u, long long seed,
                             const struct ce_edit_result *r, double seconds)
{
    struct work *w = k->work;
    lt_ctx *ctx = k->models.ctx;
    const struct edit_case *c = w->cases[u->target];
    struct edit_result out = {.mark = w->mark[u->setting], .seed = seed, .seconds = seconds};
    struct edit_truth *truth = malloc(sizeof *truth);
    struct world_attr attr;
    struct reading before, after;
    int count, kept;
    edit_attributes_of_seed(seed, &attr);
    if (!truth || !edit_truth_make(&attr, &c->target, truth)) {
        free(truth);
        return lt_fail(ctx, LT_ERR_MEMORY, "out of memory for a portrait");
    }
    const struct edit_score s = edit_score_of(truth, &c->target, lt_f32(r->x), lt_f32(r->x_hat));
    free(truth);
    lt_status status = readout_read(&k->readout, r->x, &before);
    if (status == LT_OK)
        status = readout_read(&k->readout, r->x_hat, &after);
    if (status != LT_OK)
        return status;
    readout_compare(&before, &after, c->target.part, world_has_glasses(&attr), &count, &kept);
    snprintf(out.setting, sizeof out.setting, "%s", w->setting[u->setting].name);
    snprintf(out.target, sizeof out.target, "%s", c->text);
    out.success = s.success;
    out.chosen = after.named[c->target.part] == (int)c->target.color;
    out.to_target = (double)s.to_target;
    out.from_source = (double)s.from_source;
    out.outside = (double)s.outside;
    out.ssim = (double)s.ssim;
    out.psnr = (double)s.psnr;
    out.parts_kept = s.parts ? (double)s.parts_kept / s.parts : 1.0;
    out.readings_kept = count ? (double)kept / count : 1.0;
    return edit_results_append(ctx, k->file, &out);
}

/* Writes the edited picture for the sheets. */
static lt_status keep_picture(struct worker *k, const struct unit *u, long long seed,
                              const struct ce_edit_result *r)
{
    const struct work *w = k->work;
    char path[PATH_CAP];
    ce_image image = {0};
    edit_picture_path(w->plan->folder, w->setting[u->setting].name, w->cases[u->target]->text, seed,
                      path, sizeof path);
    lt_status status = ce_image_from_tensor(k->models.ctx, r->x_hat, 0, &image);
    if (status == LT_OK)
        status = ce_image_write(k->models.ctx, path, &image, NULL, 0);
    ce_image_free(&image);
    return status;
}

/* Edits the portraits of a unit, measures them, and appends their lines. */
static lt_status do_unit(struct worker *k, const struct unit *u)
{
    struct work *w = k->work;
    lt_ctx *ctx = k->models.ctx;
    const long long *seed = w->seeds[w->tuning[u->setting]][u->target] + u->slot;
    struct ce_editor **editor = &k->editor[u->setting][u->target];
    struct ce_edit_result results[BLOCK];
    int64_t list[BLOCK];
    memset(results, 0, sizeof results);
    for (int i = 0; i < u->count; i++)
        list[i] = seed[i];
    const lt_scope scope = lt_scope_open(ctx);
    lt_status status = LT_OK;
    const struct ce_edit_texts texts = {.source = k->models.domain,
                                        .target = w->cases[u->target]->text};
    if (!*editor)
        status = ce_editor_open(&k->models, &w->settings[u->setting], &texts, k->channels, NULL,
                                NULL, editor);
    lt_tensor *latents = status == LT_OK ? ce_latents_from_seeds(&k->models, list, (size_t)u->count,
                                                                 k->models.truncation)
                                         : NULL;
    const double begun = cpu_seconds();
    if (status == LT_OK)
        status = ce_editor_run(*editor, latents, 1.0f, NULL, NULL, results);
    const double seconds = (cpu_seconds() - begun) / u->count;
    for (int i = 0; i < u->count && status == LT_OK; i++) {
        /* The picture is written first, because an edit with a line counts as done. */
        if (w->pictures[u->setting] && u->slot + i < EDIT_PICTURES)
            status = keep_picture(k, u, seed[i], &results[i]);
        if (status == LT_OK)
            status = measure_one(k, u, seed[i], &results[i], seconds);
    }
    for (int i = 0; i < u->count; i++)
        ce_edit_result_free(&results[i]);
    lt_scope_close(ctx, scope, NULL);
    return status;
}

/* Takes unit after unit until all are taken or a stop is asked for. */
static lt_status work_through(struct worker *k)
{
    struct work *w = k->work;
    char path[PATH_CAP];
    lt_ctx *ctx = w->run->ctx;
    lt_status status = lt_ctx_set_threads(ctx, 1);
    unsigned needs = CE_NEED_TEXT; /* of the readout */
    for (int s = 0; s < w->setting_count; s++)
        needs |= ce_edit_needs(&w->settings[s]);
    if (status == LT_OK)
        status = ce_models_open(w->run->ctx, &w->run->paths, needs, &k->models);
    if (status == LT_OK)
        status = readout_open(&k->models, &k->readout);
    snprintf(path, sizeof path, "%s/results.jsonl", w->plan->folder);
    k->file = open(path, O_WRONLY | O_CREAT | O_APPEND, 0666);
    if (status == LT_OK && k->file < 0)
        status = lt_fail(ctx, LT_ERR_IO, "%s cannot be written", path);
    k->channels = ce_keep(
        w->run, ce_model_file(w->run->ctx, &w->run->paths, NULL, "channels.safetensors", false));
    if (!k->channels)
        k->channels = ce_text(w->run, "%s/channels.safetensors", w->plan->folder);
    while (status == LT_OK && !atomic_load(&w->shared->stop)) {
        const long long i = atomic_fetch_add(&w->shared->next, 1);
        if (i >= w->unit_count)
            break;
        status = do_unit(k, &w->units[i]);
        atomic_fetch_add(&w->shared->done, 1);
    }
    for (int s = 0; s < w->setting_count; s++)
        for (int c = 0; c < w->case_count; c++)
            ce_editor_close(k->editor[s][c]);
    if (k->file >= 0)
        close(k->file);
    readout_close(&k->readout);
    ce_models_close(&k->models);
    return status;
}

/* The life of a process that edits. It makes a context of its own, because threads do not survive
 * fork(). Returns the exit status. */
static int be_worker(struct work *w)
{
    struct ce_run run = {.command = w->run->command, .quiet = true, .paths = w->run->paths};
    struct worker *k = calloc(1, sizeof *k);
    if (!k || lt_ctx_create(&run.ctx) != LT_OK)
        return 1;
    w->run = &run;
    k->work = w;
    const lt_status status = work_through(k);
    if (status != LT_OK) {
        ce_fail(&run);
        atomic_store(&w->shared->stop, 2);
    }
    free(k);
    ce_run_end(&run);
    return status != LT_OK;
}

/* The life of a process that measures the effects of the style channels, for a model that comes
 * without them. Returns the exit status. */
static int be_measurer(struct work *w, const char *path)
{
    struct ce_run run = {.command = w->run->command, .paths = w->run->paths};
    struct ce_models models = {0};
    struct ce_channels channels = {0};
    const struct ce_channels_config config = ce_channels_defaults();
    if (lt_ctx_create(&run.ctx) != LT_OK)
        return 1;
    ce_note(&run, "measuring the style channels, once");
    lt_status status =
        ce_models_open(run.ctx, &run.paths, CE_NEED_GENERATOR | CE_NEED_TEXT, &models);
    if (status == LT_OK)
        status = ce_channels_measure(&models, &config, NULL, NULL, &channels);
    if (status == LT_OK)
        status = ce_channels_save(&models, &channels, path);
    if (status != LT_OK)
        ce_fail(&run);
    ce_channels_close(&channels);
    ce_models_close(&models);
    ce_run_end(&run);
    return status != LT_OK;
}

/* ---- the parent ---- */

/* Provides the effects of the style channels if a setting needs them and the model has none: starts
 * a process that measures them, and waits for it. */
static lt_status provide_channels(struct work *w)
{
    char path[PATH_CAP];
    bool needed = false;
    int how = 0;
    for (int s = 0; s < w->setting_count; s++)
        needed |= ce_edit_reads_channels(&w->settings[s]);
    snprintf(path, sizeof path, "%s/channels.safetensors", w->plan->folder);
    char *shipped = ce_model_file(w->run->ctx, &w->run->paths, NULL, "channels.safetensors", false);
    const bool there = shipped || access(path, F_OK) == 0;
    free(shipped);
    if (!needed || there)
        return LT_OK;
    fflush(NULL);
    const pid_t pid = fork();
    if (pid == 0)
        _exit(be_measurer(w, path));
    if (pid < 0 || waitpid(pid, &how, 0) < 0 || how != 0)
        return lt_fail(w->run->ctx, LT_ERR_IO, "the style channels could not be measured");
    return LT_OK;
}

/* Starts the processes and shows their progress until all have ended. */
static lt_status watch_workers(struct work *w)
{
    struct ce_progress progress;
    const double begun = ce_seconds();
    int running = 0;
    for (int i = 0; i < w->plan->workers; i++) {
        fflush(NULL);
        const pid_t pid = fork();
        if (pid == 0)
            _exit(be_worker(w));
        if (pid < 0)
            break;
        running++;
    }
    if (running == 0)
        return lt_fail(w->run->ctx, LT_ERR_IO, "no process could be started");
    ce_progress_begin(&progress, w->run, "editing", "units", w->unit_count);
    while (running > 0) {
        while (running > 0 && waitpid(-1, NULL, WNOHANG) > 0)
            running--;
        if (w->plan->minutes > 0.0 && ce_seconds() - begun > 60.0 * w->plan->minutes &&
            !atomic_load(&w->shared->stop))
            atomic_store(&w->shared->stop, 1);
        ce_progress_step(&progress, atomic_load(&w->shared->done), NULL);
        nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
    }
    ce_progress_end(&progress);
    return atomic_load(&w->shared->stop) == 2
               ? lt_fail(w->run->ctx, LT_ERR_IO, "an edit failed; its message is above")
               : LT_OK;
}

/* Makes the lists of settings, cases and units. */
static lt_status prepare(struct work *w)
{
    char path[PATH_CAP];
    struct edit_results results = {0};
    snprintf(path, sizeof path, "%s/pictures", w->plan->folder);
    lt_status status = ce_folder_make(w->run->ctx, path);
    if (status == LT_OK)
        status = list_settings(w);
    if (status == LT_OK)
        status = list_cases(w);
    snprintf(path, sizeof path, "%s/results.jsonl", w->plan->folder);
    if (status == LT_OK)
        status = edit_results_read(w->run->ctx, path, &results);
    if (status == LT_OK)
        status = list_units(w, &results);
    edit_results_free(&results);
    return status;
}

lt_status edit_plan_run(struct ce_run *run, const struct edit_plan *plan, long long *left)
{
    struct work *w = ce_alloc(run, 1, sizeof *w);
    if (!w)
        return lt_ctx_status(run->ctx);
    *w = (struct work){.run = run, .plan = plan};
    w->shared =
        mmap(NULL, sizeof *w->shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (w->shared == MAP_FAILED)
        return lt_fail(run->ctx, LT_ERR_MEMORY, "out of memory");
    to_stop = w->shared;
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    lt_status status = prepare(w);
    if (status == LT_OK && w->unit_count > 0)
        status = provide_channels(w);
    if (status == LT_OK && w->unit_count > 0)
        status = watch_workers(w);
    if (left)
        *left = w->unit_count - atomic_load(&w->shared->done);
    to_stop = NULL;
    munmap(w->shared, sizeof *w->shared);
    return status;
}
