#define _POSIX_C_SOURCE 200809L /* access */
#include "bench/edit/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/edit/summary.h"
#include "tensor/files/file.h"

/* The text above these lines is written by hand and kept. */
#define TABLES_MARK "<!-- below: written by bench_edit --report -->"
#define GRID_MARK   "<!-- below: written by bench_edit --suite tuning -->"

enum { PATH_CAP = 512, TEXT_MAX = 1 << 20, METHODS_MAX = 16 };

/* A text that grows in a buffer of TEXT_MAX bytes. */
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

/* The results that a report is made from. */
struct source {
    struct edit_results results;
    long long first, last; /* seeds */
    int portraits;         /* the first so many of each case; 0: all */
};

static lt_status read_source(struct ce_run *run, const struct edit_plan *plan,
                             enum edit_suite suite, struct source *s)
{
    char path[PATH_CAP];
    snprintf(path, sizeof path, "%s/results.jsonl", plan->folder);
    s->first = edit_suite_first_seed(suite);
    s->last = s->first + 999; /* far from the next suite's first */
    s->portraits = plan->portraits;
    const lt_status status = edit_results_read(run->ctx, path, &s->results);
    if (status != LT_OK || s->results.count > 0)
        return status;
    return lt_fail(
        run->ctx, LT_ERR_MISSING,
        "there are no results in %s; to report earlier ones, copy bench/edit/results.jsonl there",
        path);
}

/* A setting with the mark of its values. */
static struct edit_marked marked(const struct edit_setting *setting)
{
    struct ce_edit_settings settings;
    char bad[128];
    return (struct edit_marked){
        setting->name,
        edit_setting_make(setting, &settings, bad, sizeof bad) ? edit_setting_mark(&settings) : 0};
}

/* Means over the edits of a setting that all of beside[count] have made, too: those of case `c`, or
 * if `c` is NULL those of all ordinary or all counterfactual cases. */
static struct edit_summary summarise_beside(const struct source *s,
                                            const struct edit_setting *setting,
                                            const struct edit_case *c, bool ordinary,
                                            const struct edit_marked *beside, int count)
{
    const struct edit_choice choice = {.of = marked(setting),
                                       .beside = beside,
                                       .beside_count = count,
                                       .target = c,
                                       .ordinary = ordinary,
                                       .first_seed = s->first,
                                       .last_seed = s->last,
                                       .portraits = s->portraits};
    return edit_summarise(&s->results, &choice);
}

/* Means over all edits of a setting; `c` and `ordinary` as above. */
static struct edit_summary summarise(const struct source *s, const struct edit_setting *setting,
                                     const struct edit_case *c, bool ordinary)
{
    return summarise_beside(s, setting, c, ordinary, NULL, 0);
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

/* Writes the table of all methods at counterfactual or ordinary sentences. If some methods have
 * more edits than others, a table over the edits that every method has made comes first. Methods
 * without edits are left out. */
static void put_methods(struct text *t, const struct source *s, bool ordinary)
{
    const struct edit_setting *setting;
    struct edit_marked beside[METHODS_MAX];
    struct edit_summary all[METHODS_MAX];
    int count = 0, fewest = 0, most = 0;
    for (size_t i = 0; i < METHODS_MAX && (setting = edit_setting_at(SUITE_METHODS, i)); i++) {
        all[i] = summarise(s, setting, NULL, ordinary);
        if (all[i].count == 0)
            continue;
        beside[count++] = marked(setting);
        fewest = count == 1 || all[i].count < fewest ? all[i].count : fewest;
        most = all[i].count > most ? all[i].count : most;
    }
    if (fewest < most) {
        put_heading(t, "method, same edits");
        for (size_t i = 0; (setting = edit_setting_at(SUITE_METHODS, i)); i++) {
            const struct edit_summary row =
                summarise_beside(s, setting, NULL, ordinary, beside, count);
            put_row(t, setting->name, &row, true);
        }
        put(t, "\n");
    }
    put_heading(t, fewest < most ? "method, all its edits" : "method");
    for (size_t i = 0; i < METHODS_MAX && (setting = edit_setting_at(SUITE_METHODS, i)); i++)
        put_row(t, setting->name, &all[i], true);
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

/* Writes success and change outside of every method at every sentence. */
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

/* Writes into `name` the name of a setting and the values that it changes, without those that its
 * base changes, too; `base` may be NULL. */
static const char *described(const struct edit_setting *setting, const struct edit_setting *base,
                             char name[256])
{
    const size_t common = base ? strlen(base->change) : 0;
    const char *change = setting->change;
    if (common && strncmp(change, base->change, common) == 0 && change[common] == ',')
        change += common + 1;
    snprintf(name, 256, "%s%s%s%s", setting->name, *change ? " `" : "", change, *change ? "`" : "");
    return name;
}

static void put_grid(struct text *t, const struct source *s)
{
    const struct edit_setting *setting;
    put_heading(t, "setting");
    for (size_t i = 0; (setting = edit_setting_at(SUITE_TUNING, i)); i++) {
        const struct edit_summary row = summarise(s, setting, NULL, false);
        char name[256];
        put_row(t, described(setting, NULL, name), &row, true);
    }
    put(t, "\n");
}

/* Writes the table of ablations: each setting beside its base, over the edits that both have
 * made. */
static void put_ablation(struct text *t, const struct source *s)
{
    const struct edit_setting *setting;
    struct source part = *s;
    part.portraits = edit_suite_portraits(SUITE_ABLATION);
    put(t,
        "| setting | edits | success %% | of its base | colour left | of its base | change outside | of its base | PSNR dB | of its base |\n"
        "|---|---|---|---|---|---|---|---|---|---|\n");
    for (size_t i = 0; (setting = edit_setting_at(SUITE_ABLATION, i)); i++) {
        static const enum edit_metric shown[4] = {METRIC_SUCCESS, METRIC_LEFT, METRIC_OUTSIDE,
                                                  METRIC_PSNR};
        const struct edit_setting *base = edit_setting_base(setting);
        const struct edit_marked both[2] = {marked(setting), marked(base)};
        const struct edit_summary row = summarise_beside(&part, setting, NULL, false, both, 2);
        const struct edit_summary held = summarise_beside(&part, base, NULL, false, both, 2);
        char name[256];
        if (row.count == 0)
            continue;
        put(t, "| %s | %d |", described(setting, base, name), row.count);
        for (int k = 0; k < 4; k++) {
            const int m = (int)shown[k], d = edit_metric_decimals(shown[k]);
            put(t, " %.*f (%.*f-%.*f) | %.*f |", d, row.mean[m], d, row.low[m], d, row.high[m], d,
                held.mean[m]);
        }
        put(t, "\n");
    }
    put(t,
        "\nThe base of a row on the paper's objective is that objective, whose own base is the default. The base of a row on the mapper is the mapper, of any other row the default.\n\n");
}

/* ---- files ---- */

/* Writes the text that stands before `mark` in the file at `path`, then the mark. `otherwise` takes
 * the place of that text if there is no such file or mark. */
static lt_status put_kept(struct ce_run *run, struct text *t, const char *path, const char *mark,
                          const char *otherwise)
{
    void *old = NULL;
    size_t size = 0;
    if (access(path, F_OK) == 0) {
        const lt_status status = lt_file_read(run->ctx, path, TEXT_MAX / 2, &old, &size);
        if (status != LT_OK)
            return status;
    }
    const char *at = old ? strstr(old, mark) : NULL;
    if (at)
        put(t, "%.*s", (int)(at - (const char *)old), (const char *)old);
    else
        put(t, "%s", otherwise);
    put(t, "%s\n\n", mark);
    free(old);
    return LT_OK;
}

lt_status edit_report_write(struct ce_run *run, const struct edit_plan *plan, const char *folder)
{
    struct source s = {0};
    struct text t = {.buf = ce_alloc(run, TEXT_MAX, 1)};
    char path[PATH_CAP];
    lt_status status = t.buf ? read_source(run, plan, SUITE_METHODS, &s) : lt_ctx_status(run->ctx);
    snprintf(path, sizeof path, "%s/RESULTS.md", folder);
    if (status == LT_OK)
        status = put_kept(run, &t, path, TABLES_MARK, "# Results of `make bench-edit`\n\n");
    if (status == LT_OK) {
        put(&t,
            "README.md beside this file says what is measured and how. In brackets: 95 %% bootstrap intervals over portraits. Colour\n"
            "differences are CIEDE2000, seconds are those of one core.\n\n"
            "## Counterfactual sentences\n\n");
        put_methods(&t, &s, false);
        put(&t, "## Ordinary sentences\n\n");
        put_methods(&t, &s, true);
        put(&t, "## The default method, sentence by sentence\n\n");
        put_targets(&t, &s, edit_setting_at(SUITE_METHODS, 0));
        put(&t, "## Success in %% and change outside, all methods, all edits\n\n");
        put_matrix(&t, &s);
        put(&t, "## Ablation, counterfactual sentences, at most the first %d portraits\n\n",
            edit_suite_portraits(SUITE_ABLATION));
        put_ablation(&t, &s);
        put(&t,
            "## Sheets\n\n![counterfactual](methods-counterfactual.png)\n\n![ordinary](methods-ordinary.png)\n\n"
            "![the default method](default.png)\n");
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
    lt_status status = t.buf ? read_source(run, plan, SUITE_TUNING, &s) : lt_ctx_status(run->ctx);
    snprintf(path, sizeof path, "%s/TUNING.md", folder);
    if (status == LT_OK)
        status = put_kept(run, &t, path, GRID_MARK, "# Tuning\n\n");
    if (status == LT_OK) {
        put_grid(&t, &s);
        status = lt_file_write(run->ctx, path, t.buf, t.length);
    }
    edit_results_free(&s.results);
    return status;
}

lt_status edit_report_setting(struct ce_run *run, const struct edit_plan *plan,
                              const struct edit_setting *setting)
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
