#include "bench/edit/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/edit/summary.h"
#include "tensor/file.h"

#define GRID_MARK "<!-- below: written by bench_edit --suite tuning -->"

enum { PATH_CAP = 512, TEXT_MAX = 1 << 20 };

/* A text that grows. */
struct text {
    char *buf;
    size_t length;
};

static void put(struct text *t, const char *format, ...) LT_PRINTF(2, 3);
static void put(struct text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(t->buf + t->length, TEXT_MAX - t->length, format, args);
    va_end(args);
    if (n > 0 && t->length + (size_t)n < TEXT_MAX)
        t->length += (size_t)n;
}

/* What a report is made from. */
struct source {
    struct edit_results results;
    long long first, last; /* seeds */
    int portraits;         /* of each case, 0: all */
};

static lt_status read_source(struct ce_run *run, const struct edit_plan *plan, enum edit_suite suite, struct source *s)
{
    char path[PATH_CAP];
    snprintf(path, sizeof path, "%s/results.jsonl", plan->folder);
    s->first = edit_suite_first_seed(suite);
    s->last = s->first + 999; /* far from the next suite's first */
    s->portraits = plan->portraits;
    return edit_results_read(run->ctx, path, &s->results);
}

static struct edit_summary summarise(const struct source *s, const struct edit_setting *setting, const struct edit_case *c,
                                     bool ordinary)
{
    struct ce_edit_settings settings;
    char bad[128];
    struct edit_choice choice = {.setting = setting->name, .target = c, .ordinary = ordinary, .first_seed = s->first,
                                 .last_seed = s->last, .portraits = s->portraits};
    if (edit_setting_make(setting, &settings, bad, sizeof bad))
        choice.mark = edit_setting_mark(&settings);
    return edit_summarise(&s->results, &choice);
}

/* ---- tables ---- */

static void put_heading(struct text *t, const char *first)
{
    put(t, "| %s | edits |", first);
    for (int m = 0; m < METRICS; m++)
        put(t, " %s |", edit_metric_name((enum edit_metric)m));
    put(t, "\n|---|---|");
    for (int m = 0; m < METRICS; m++)
        put(t, "---|");
    put(t, "\n");
}

static void put_row(struct text *t, const char *name, const struct edit_summary *s, bool interval)
{
    if (s->count == 0)
        return;
    put(t, "| %s | %d |", name, s->count);
    for (int m = 0; m < METRICS; m++) {
        const int d = edit_metric_decimals((enum edit_metric)m);
        put(t, " %.*f", d, s->mean[m]);
        if (interval && m != METRIC_SECONDS)
            put(t, " (%.*f-%.*f)", d, s->low[m], d, s->high[m]);
        put(t, " |");
    }
    put(t, "\n");
}

static void put_methods(struct text *t, const struct source *s, bool ordinary)
{
    const struct edit_setting *setting;
    put_heading(t, "method");
    for (size_t i = 0; (setting = edit_setting_at(SUITE_METHODS, i)); i++) {
        const struct edit_summary row = summarise(s, setting, NULL, ordinary);
        put_row(t, setting->name, &row, true);
    }
    put(t, "\n");
}

static void put_targets(struct text *t, const struct source *s, const struct edit_setting *setting)
{
    const struct edit_case *c;
    put_heading(t, "sentence");
    for (size_t i = 0; (c = edit_case_at(i)); i++) {
        const struct edit_summary row = summarise(s, setting, c, false);
        put_row(t, c->text, &row, true);
    }
    put(t, "\n");
}

/* Success and change outside of every method at every sentence. */
static void put_matrix(struct text *t, const struct source *s)
{
    const struct edit_setting *setting;
    const struct edit_case *c;
    put(t, "| sentence |");
    for (size_t k = 0; (setting = edit_setting_at(SUITE_METHODS, k)); k++)
        put(t, " %s |", setting->name);
    put(t, "\n|---|");
    for (size_t k = 0; edit_setting_at(SUITE_METHODS, k); k++)
        put(t, "---|");
    put(t, "\n");
    for (size_t i = 0; (c = edit_case_at(i)); i++) {
        put(t, "| %s |", c->text);
        for (size_t k = 0; (setting = edit_setting_at(SUITE_METHODS, k)); k++) {
            const struct edit_summary row = summarise(s, setting, c, false);
            if (row.count)
                put(t, " %.0f, %.1f |", row.mean[METRIC_SUCCESS], row.mean[METRIC_OUTSIDE]);
            else
                put(t, " |");
        }
        put(t, "\n");
    }
    put(t, "\n");
}

/* The settings of a suite beside the default on the same portraits. */
static void put_suite(struct text *t, const struct source *s, enum edit_suite suite)
{
    const struct edit_setting *setting;
    for (size_t i = 0; (setting = edit_setting_at(suite, i)); i++) {
        const struct edit_summary row = summarise(s, setting, NULL, false);
        char name[256];
        snprintf(name, sizeof name, "%s%s%s%s", setting->name, *setting->change ? " `" : "", setting->change,
                 *setting->change ? "`" : "");
        put_row(t, name, &row, true);
    }
    put(t, "\n");
}

static void put_ablation(struct text *t, const struct source *s)
{
    put_heading(t, "setting");
    struct source part = *s;
    part.portraits = edit_suite_portraits(SUITE_ABLATION);
    for (size_t i = 0; i < 2; i++) {
        const struct edit_setting *setting = edit_setting_at(SUITE_METHODS, i);
        const struct edit_summary row = summarise(&part, setting, NULL, false);
        put_row(t, setting->name, &row, true);
    }
    put_suite(t, &part, SUITE_ABLATION);
}

/* ---- files ---- */

lt_status edit_report_write(struct ce_run *run, const struct edit_plan *plan, const char *folder)
{
    struct source s = {0};
    struct text t = {.buf = ce_alloc(run, TEXT_MAX, 1)};
    char path[PATH_CAP];
    lt_status status = t.buf ? read_source(run, plan, SUITE_METHODS, &s) : lt_ctx_status(run->ctx);
    if (status == LT_OK) {
        put(&t, "# Results of `make bench-edit`\n\n"
                "Written by the program; README.md beside it says what is measured and how. In brackets: 95 %% bootstrap intervals over\n"
                "portraits. Colour differences are CIEDE2000, seconds are those of one core.\n\n"
                "## Counterfactual sentences\n\n");
        put_methods(&t, &s, false);
        put(&t, "## Ordinary sentences\n\n");
        put_methods(&t, &s, true);
        put(&t, "## The default method, sentence by sentence\n\n");
        put_targets(&t, &s, edit_setting_at(SUITE_METHODS, 0));
        put(&t, "## Success in %% and change outside, all methods\n\n");
        put_matrix(&t, &s);
        put(&t, "## Ablation, counterfactual sentences, the first %d portraits\n\n", edit_suite_portraits(SUITE_ABLATION));
        put_ablation(&t, &s);
        put(&t, "## Sheets\n\n![counterfactual](methods-counterfactual.png)\n\n![ordinary](methods-ordinary.png)\n\n"
                "![the default method](default.png)\n");
        snprintf(path, sizeof path, "%s/RESULTS.md", folder);
        status = lt_file_write(run->ctx, path, t.buf, t.length);
    }
    edit_results_free(&s.results);
    return status;
}

lt_status edit_report_tuning(struct ce_run *run, const struct edit_plan *plan, const char *folder)
{
    struct source s = {0};
    struct text t = {.buf = ce_alloc(run, TEXT_MAX, 1)};
    char path[PATH_CAP];
    void *old = NULL;
    size_t size = 0;
    snprintf(path, sizeof path, "%s/TUNING.md", folder);
    lt_status status = t.buf ? read_source(run, plan, SUITE_TUNING, &s) : lt_ctx_status(run->ctx);
    if (status == LT_OK)
        status = lt_file_read(run->ctx, path, TEXT_MAX / 2, &old, &size);
    if (status == LT_OK) {
        const char *mark = strstr(old, GRID_MARK);
        put(&t, "%.*s%s\n\n", (int)(mark ? mark - (const char *)old : (long)size), (const char *)old, GRID_MARK);
        put_heading(&t, "setting");
        put_suite(&t, &s, SUITE_TUNING);
        status = lt_file_write(run->ctx, path, t.buf, t.length);
    }
    free(old);
    edit_results_free(&s.results);
    return status;
}

lt_status edit_report_setting(struct ce_run *run, const struct edit_plan *plan, const struct edit_setting *setting)
{
    struct source s = {0};
    struct text t = {.buf = ce_alloc(run, TEXT_MAX, 1)};
    lt_status status = t.buf ? read_source(run, plan, SUITE_TUNING, &s) : lt_ctx_status(run->ctx);
    if (status == LT_OK) {
        const struct edit_case *c;
        put_heading(&t, setting->name);
        for (size_t i = 0; (c = edit_case_at(i)); i++) {
            const struct edit_summary row = summarise(&s, setting, c, false);
            put_row(&t, c->text, &row, false);
        }
        const struct edit_summary all = summarise(&s, setting, NULL, false);
        put_row(&t, "all", &all, true);
        fputs(t.buf, stdout);
    }
    edit_results_free(&s.results);
    return status;
}
