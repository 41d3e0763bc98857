#include "bench/edit/summary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/rng.h"

enum { RESAMPLES = 2000, BOOT_SEED = 1979, PORTRAITS_MAX = 64 };

static const struct {
    const char *name;
    int decimals;
} metrics[METRICS] = {
    [METRIC_SUCCESS] = {"success %", 0},
    [METRIC_CHOSEN] = {"CLIP agrees %", 0},
    [METRIC_LEFT] = {"colour left", 1},
    [METRIC_OUTSIDE] = {"change outside", 2},
    [METRIC_SSIM] = {"SSIM outside", 3},
    [METRIC_PARTS] = {"other parts kept %", 0},
    [METRIC_READINGS] = {"readings kept %", 0},
    [METRIC_PSNR] = {"PSNR dB", 1},
    [METRIC_SECONDS] = {"s", 1},
};

const char *edit_metric_name(enum edit_metric metric) { return metrics[metric].name; }
int edit_metric_decimals(enum edit_metric metric) { return metrics[metric].decimals; }

static void values_of(const struct edit_result *r, double v[METRICS])
{
    v[METRIC_SUCCESS] = r->success ? 100.0 : 0.0;
    v[METRIC_CHOSEN] = r->chosen ? 100.0 : 0.0;
    v[METRIC_LEFT] = r->to_target;
    v[METRIC_OUTSIDE] = r->outside;
    v[METRIC_SSIM] = r->ssim;
    v[METRIC_PARTS] = 100.0 * r->parts_kept;
    v[METRIC_READINGS] = 100.0 * r->readings_kept;
    v[METRIC_PSNR] = r->psnr;
    v[METRIC_SECONDS] = r->seconds;
}

static const struct edit_case *case_of(const char *text)
{
    const struct edit_case *c;
    for (size_t i = 0; (c = edit_case_at(i)); i++)
        if (strcmp(c->text, text) == 0)
            return c;
    return NULL;
}

/* Whether a seed is among the portraits of a case that are chosen. */
static bool is_early(const struct edit_case *c, const struct edit_choice *choice, long long seed)
{
    long long seeds[PORTRAITS_MAX];
    if (choice->portraits == 0)
        return true;
    const int count = choice->portraits < PORTRAITS_MAX ? choice->portraits : PORTRAITS_MAX;
    edit_case_seeds(c, choice->first_seed, count, seeds);
    return seed <= seeds[count - 1];
}

static bool is_chosen(const struct edit_results *results, const struct edit_result *r,
                      const struct edit_choice *choice)
{
    if (strcmp(r->setting, choice->of.setting) != 0 || r->mark != choice->of.mark ||
        r->seed < choice->first_seed || r->seed > choice->last_seed)
        return false;
    for (int i = 0; i < choice->beside_count; i++)
        if (!edit_results_find(results, choice->beside[i].setting, choice->beside[i].mark,
                               r->target, r->seed))
            return false;
    const struct edit_case *c = case_of(r->target);
    return c && (choice->target ? c == choice->target : c->ordinary == choice->ordinary) &&
           is_early(c, choice, r->seed);
}

/* The sums over all edits of one portrait. */
struct portrait {
    long long seed;
    int count;
    double sum[METRICS];
};

/* Adds the chosen edits up by portrait; returns the number of portraits. */
static size_t gather(const struct edit_results *results, const struct edit_choice *choice,
                     struct portrait *list)
{
    size_t n = 0;
    for (size_t i = 0; i < results->count; i++) {
        const struct edit_result *r = &results->list[i];
        if (!is_chosen(results, r, choice))
            continue;
        size_t at = 0;
        while (at < n && list[at].seed != r->seed)
            at++;
        if (at == n)
            list[n++] = (struct portrait){.seed = r->seed};
        double v[METRICS];
        values_of(r, v);
        list[at].count++;
        for (int m = 0; m < METRICS; m++)
            list[at].sum[m] += v[m];
    }
    return n;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sets the intervals of s from n portraits. */
static void intervals(const struct portrait *list, size_t n, struct edit_summary *s)
{
    double(*draw)[RESAMPLES] = malloc(sizeof(double) * METRICS * RESAMPLES);
    if (!draw)
        return;
    lt_rng rng = lt_rng_make(BOOT_SEED, 0);
    for (int k = 0; k < RESAMPLES; k++) {
        double sum[METRICS] = {0.0};
        int count = 0;
        for (size_t i = 0; i < n; i++) {
            const struct portrait *p = &list[lt_rng_below(&rng, n)];
            count += p->count;
            for (int m = 0; m < METRICS; m++)
                sum[m] += p->sum[m];
        }
        for (int m = 0; m < METRICS; m++)
            draw[m][k] = sum[m] / count;
    }
    for (int m = 0; m < METRICS; m++) {
        qsort(draw[m], RESAMPLES, sizeof(double), by_value);
        s->low[m] = draw[m][RESAMPLES / 40];
        s->high[m] = draw[m][RESAMPLES - 1 - RESAMPLES / 40];
    }
    free(draw);
}

/* The median of the seconds, because it does not move when a process was stopped for a while. */
static double median_seconds(const struct edit_results *results, const struct edit_choice *choice)
{
    double *seconds = malloc((results->count + 1) * sizeof *seconds), median = 0.0;
    size_t n = 0;
    for (size_t i = 0; seconds && i < results->count; i++)
        if (is_chosen(results, &results->list[i], choice))
            seconds[n++] = results->list[i].seconds;
    if (n > 0) {
        qsort(seconds, n, sizeof *seconds, by_value);
        median = 0.5 * (seconds[(n - 1) / 2] + seconds[n / 2]);
    }
    free(seconds);
    return median;
}

struct edit_summary edit_summarise(const struct edit_results *results,
                                   const struct edit_choice *choice)
{
    struct edit_summary s = {0};
    struct portrait *list = calloc(results->count + 1, sizeof *list);
    const size_t n = list ? gather(results, choice, list) : 0;
    for (size_t i = 0; i < n; i++) {
        s.count += list[i].count;
        for (int m = 0; m < METRICS; m++)
            s.mean[m] += list[i].sum[m];
    }
    for (int m = 0; m < METRICS; m++) {
        s.mean[m] /= s.count ? s.count : 1;
        s.low[m] = s.high[m] = s.mean[m];
    }
    if (n > 1)
        intervals(list, n, &s);
    s.mean[METRIC_SECONDS] = median_seconds(results, choice);
    free(list);
    return s;
}
