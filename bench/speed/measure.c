#define _POSIX_C_SOURCE 200809L
#include "bench/speed/measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "bench/speed/child.h"
#include "engine/clock.h"
#include "tensor/files/safetensors.h"

void figures_settle(struct figures *f)
{
    for (int i = 1; i < f->runs; i++)
        for (int j = i; j > 0 && f->seconds[j] < f->seconds[j - 1]; j--) {
            const double swap = f->seconds[j];
            f->seconds[j] = f->seconds[j - 1];
            f->seconds[j - 1] = swap;
        }
    const int half = f->runs / 2;
    f->median_s = f->runs % 2 ? f->seconds[half] : 0.5 * (f->seconds[half - 1] + f->seconds[half]);
    f->min_s = f->seconds[0];
    f->max_s = f->seconds[f->runs - 1];
}

static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

void figures_add(struct figures *all, const struct figures *round)
{
    const struct figures before = *all;
    *all = *round;
    if (!round->done || before.runs == 0)
        return;
    for (int i = 0; i < before.runs && all->runs < BENCH_MAX_RUNS; i++)
        all->seconds[all->runs++] = before.seconds[i];
    all->cpu_s =
        (before.cpu_s * before.runs + round->cpu_s * round->runs) / (before.runs + round->runs);
    all->peak_rss_bytes = larger(before.peak_rss_bytes, round->peak_rss_bytes);
    all->peak_tensor_bytes = larger(before.peak_tensor_bytes, round->peak_tensor_bytes);
    figures_settle(all);
}

/* ---- inside the process of a work ---- */

/* A measurement, in memory that the forked process shares. */
struct job {
    struct setup setup;
    const struct work *work;
    struct figures f;
};

static double cpu_seconds(void)
{
    struct rusage r;
    if (getrusage(RUSAGE_SELF, &r) != 0)
        return 0.0;
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
           1e-6 * (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec);
}

static lt_status run_once(struct session *s, const struct work *work)
{
    const lt_scope scope = lt_scope_open(s->ctx);
    const lt_status status = work->once(s);
    lt_scope_close(s->ctx, scope, NULL);
    return status;
}

lt_status session_time(struct session *s, const struct work *work, int warmup, int runs,
                       struct figures *f)
{
    lt_status status = LT_OK;
    double cpu = cpu_seconds();
    for (int i = -warmup; i < runs && status == LT_OK; i++) {
        if (i == 0)
            cpu = cpu_seconds();
        const double start = ce_seconds();
        status = run_once(s, work);
        if (i >= 0)
            f->seconds[f->runs++] = ce_seconds() - start;
    }
    if (status != LT_OK)
        return status;
    f->cpu_s = f->runs ? (cpu_seconds() - cpu) / f->runs : 0.0;
    f->peak_tensor_bytes = (int64_t)lt_ctx_memory(s->ctx).peak_bytes;
    f->gflop = work->macs ? 2.0 * work->macs(s) : 0.0;
    return LT_OK;
}

static int time_work(void *arg)
{
    struct job *job = arg;
    struct session s;
    lt_status status = session_open(&s, &job->setup, job->work, false);
    if (status == LT_OK)
        status = session_time(&s, job->work, job->setup.warmup, job->setup.runs, &job->f);
    if (status != LT_OK && s.ctx)
        snprintf(job->f.note, sizeof job->f.note, "%s", lt_ctx_message(s.ctx));
    session_close(&s);
    return status != LT_OK;
}

static int write_results(void *arg)
{
    struct job *job = arg;
    struct session s = {0};
    char file[96], path[BENCH_PATH];
    snprintf(file, sizeof file, "ours-%s.safetensors", job->work->key);
    lt_status status = session_open(&s, &job->setup, job->work, true);
    if (status == LT_OK)
        status = run_once(&s, job->work);
    if (status == LT_OK)
        status = lt_safetensors_write(s.ctx, setup_path(&job->setup, file, path), s.results,
                                      s.result_name, s.result, 0, NULL, NULL);
    if (status != LT_OK && s.ctx)
        fprintf(stderr, "bench: %s\n", lt_ctx_message(s.ctx));
    session_close(&s);
    return status != LT_OK;
}

/* ---- outside ---- */

/* Marks the figures as failed, for the reason `why` unless a note is there already. */
static void fail(struct figures *f, const char *why)
{
    f->done = false;
    if (!f->note[0])
        snprintf(f->note, sizeof f->note, "%s", why);
}

void measure_work(const struct setup *setup, const struct work *work, struct figures *f)
{
    struct usage usage;
    struct job *job = child_share(sizeof *job);
    *f = (struct figures){0};
    if (!job) {
        fail(f, "out of memory");
        return;
    }
    *job = (struct job){.setup = *setup, .work = work};
    const int status = child_call(time_work, job, &usage);
    *f = job->f;
    if (status != 0) {
        fail(f, "the process ended early");
        return;
    }
    f->peak_rss_bytes = usage.peak_rss_bytes;
    f->done = true;
    figures_settle(f);
}

bool measure_results(const struct setup *setup, const struct work *work)
{
    struct usage usage;
    struct job job = {.setup = *setup, .work = work};
    return child_call(write_results, &job, &usage) == 0;
}

/* ---- the program ---- */

/* Runs the program once; false, with a note in `f`, if it fails. */
static bool run_program(const char *const *argv, struct usage *usage, struct figures *f)
{
    const int status = child_run(argv, NULL, NULL, 0, usage);
    if (status == 0)
        return true;
    char why[BENCH_TEXT];
    snprintf(why, sizeof why, "%s %s ended with status %d", argv[0], argv[1], status);
    fail(f, why);
    return false;
}

void measure_embed(const struct setup *setup, struct figures *f)
{
    char clip[BENCH_PATH], picture[BENCH_PATH], dump[BENCH_PATH], threads[16];
    snprintf(threads, sizeof threads, "%d", setup->threads);
    const char *const argv[] = {setup->cfedit,
                                "embed",
                                "--json",
                                "--threads",
                                threads,
                                "--clip",
                                setup_path(setup, "clip-half.safetensors", clip),
                                "--text",
                                BENCH_TARGET_TEXT,
                                "--image",
                                setup_path(setup, "picture.png", picture),
                                "--overwrite",
                                "--dump",
                                setup_path(setup, "ours-embed-cold.safetensors", dump),
                                NULL};
    *f = (struct figures){0};
    for (int i = -1; i < setup->runs; i++) {
        struct usage usage;
        if (!run_program(argv, &usage, f))
            return;
        if (i < 0)
            continue;
        f->seconds[f->runs++] = usage.wall_s;
        f->cpu_s += (usage.user_s + usage.system_s) / setup->runs;
        f->peak_rss_bytes = larger(f->peak_rss_bytes, usage.peak_rss_bytes);
    }
    f->done = true;
    figures_settle(f);
}

/* Runs `cfedit edit` with so many steps once; false, with a note in `f`, if it fails. */
static bool edit_steps(const struct setup *setup, int steps, struct usage *usage, struct figures *f)
{
    char clip[BENCH_PATH], generator[BENCH_PATH], latents[BENCH_PATH], out[BENCH_PATH], threads[16],
        count[16];
    snprintf(threads, sizeof threads, "%d", setup->threads);
    snprintf(count, sizeof count, "%d", steps);
    const char *const argv[] = {setup->cfedit,
                                "edit",
                                "--quiet",
                                "--threads",
                                threads,
                                "--clip",
                                setup_path(setup, "clip-half.safetensors", clip),
                                "--generator",
                                setup_path(setup, "generator.safetensors", generator),
                                "--latents",
                                setup_path(setup, "latents.safetensors", latents),
                                "--source",
                                BENCH_SOURCE_TEXT,
                                "--target",
                                BENCH_TARGET_TEXT,
                                "--fit-steps",
                                "0",
                                "--steps",
                                count,
                                "--overwrite",
                                "-o",
                                setup_path(setup, "edit.png", out),
                                NULL};
    if (!run_program(argv, usage, f))
        return false;
    f->peak_rss_bytes = larger(f->peak_rss_bytes, usage->peak_rss_bytes);
    return true;
}

void measure_edit(const struct setup *setup, struct figures *f)
{
    enum { SHORT = 1, LONG = 6, WHOLE = 100 };
    struct figures steps = {0};
    struct usage brief, longer;
    *f = (struct figures){0};
    if (!edit_steps(setup, SHORT, &brief, f))
        return;
    for (int i = 0; i < setup->runs; i++) {
        if (!edit_steps(setup, SHORT, &brief, f) || !edit_steps(setup, LONG, &longer, f))
            return;
        steps.seconds[steps.runs++] = (longer.wall_s - brief.wall_s) / (LONG - SHORT);
        f->seconds[f->runs++] = brief.wall_s + (WHOLE - SHORT) * steps.seconds[i];
        f->cpu_s +=
            (brief.user_s + brief.system_s +
             (WHOLE - SHORT) * (longer.user_s + longer.system_s - brief.user_s - brief.system_s) /
                 (LONG - SHORT)) /
            setup->runs;
    }
    figures_settle(&steps);
    f->step_s = steps.median_s;
    snprintf(f->note, sizeof f->note, "computed from steps of %.3f s (%.3f to %.3f)",
             steps.median_s, steps.min_s, steps.max_s);
    if (setup->long_edit) {
        if (!edit_steps(setup, WHOLE, &longer, f))
            return;
        f->runs = 1;
        f->seconds[0] = longer.wall_s;
        f->cpu_s = longer.user_s + longer.system_s;
        snprintf(f->note, sizeof f->note, "one whole run; steps of %.3f s", steps.median_s);
    }
    f->done = true;
    figures_settle(f);
}
