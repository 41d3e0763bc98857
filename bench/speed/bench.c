/* bench_cfedit: times CF-CLIP, part by part and as a whole, beside the peers that are installed.
 * bench/README.md says how. No time is judged: nothing passes or fails. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/speed/machine.h"
#include "bench/speed/measure.h"
#include "bench/speed/options.h"
#include "bench/speed/peers.h"
#include "bench/speed/profile.h"
#include "bench/speed/report.h"
#include "bench/speed/sweep.h"

/* The rows of the table. A row either calls a work inside a process, or runs a whole program, which
 * then has a key and a name here. */
static const struct {
    const struct work *work;
    void (*program)(const struct setup *setup, struct figures *f);
    const char *key, *name;
} plan[] = {
    {&work_train_step, NULL, NULL, NULL},
    {&work_train_new, NULL, NULL, NULL},
    {&work_generator, NULL, NULL, NULL},
    {&work_generator_gradient, NULL, NULL, NULL},
    {&work_clip_images, NULL, NULL, NULL},
    {&work_clip_images_gradient, NULL, NULL, NULL},
    {&work_clip_texts, NULL, NULL, NULL},
    {NULL, measure_embed, "embed-cold", "cfedit embed, text and picture, cold, float16"},
    {NULL, measure_edit, "edit", "cfedit edit, own latent, 100 steps"},
};
enum { ROWS = sizeof plan / sizeof *plan };

/* Sets key and name of row i. The name ends with the picture size where the generator takes
 * part. */
static void name_row(size_t i, const struct setup *s, struct row *row)
{
    const struct work *w = plan[i].work;
    row->key = w ? w->key : plan[i].key;
    if (w ? w->needs & CE_NEED_GENERATOR : plan[i].program == measure_edit)
        snprintf(row->name, sizeof row->name, "%s, %d", w ? w->name : plan[i].name, s->size);
    else
        snprintf(row->name, sizeof row->name, "%s", w ? w->name : plan[i].name);
}

/* Whether `only`, the value of --only, asks for a row. A whole key asks for the row of that key
 * alone, any other text for all rows whose key or name contains it, NULL for every row. */
static bool wanted(const char *only, const struct row *row)
{
    bool is_key = false;
    for (size_t i = 0; only && i < ROWS; i++)
        is_key = is_key || strcmp(only, plan[i].work ? plan[i].work->key : plan[i].key) == 0;
    return !only || (is_key ? strcmp(row->key, only) == 0
                            : strstr(row->key, only) || strstr(row->name, only));
}

/* Times row i once, then the peers that do the same work. */
static void run_round(size_t i, const struct setup *setup, struct row *row)
{
    const struct work *work = plan[i].work;
    if (work)
        measure_work(setup, work, &row->ours);
    else
        plan[i].program(setup, &row->ours);
    if (!row->ours.done || !peers_wanted(setup, row->key))
        return;
    if (!work || measure_results(setup, work)) /* a program dumps its results while it is timed */
        peers_run(setup, row);
}

/* Fills a row by rounds, in each of which ours and every peer take their turn. A machine that
 * changes its speed within minutes then does so for all of them. */
static void fill_row(size_t i, const struct setup *setup, struct row *row)
{
    row->ours.done = true;
    for (int r = 0; r < setup->rounds && row->ours.done; r++) {
        struct row round = {.key = row->key};
        run_round(i, setup, &round);
        figures_add(&row->ours, &round.ours);
        for (int p = 0; p < round.peers; p++) {
            struct peer_figures all = round.peer[p];
            all.agrees = all.agrees && (r == 0 || row->peer[p].agrees);
            all.f = r == 0 ? (struct figures){0} : row->peer[p].f;
            figures_add(&all.f, &round.peer[p].f);
            row->peer[p] = all;
        }
        row->peers = round.peers;
    }
}

/* Whether --only asks for any row; false after a message. */
static bool any_wanted(const struct options *o)
{
    struct row row;
    for (size_t i = 0; i < ROWS; i++) {
        name_row(i, &o->setup, &row);
        if (wanted(o->only, &row))
            return true;
    }
    fprintf(stderr, "bench: --only %s: no row has this text in its key or name\n", o->only);
    return false;
}

/* Measures the rows that are asked for and prints them as they are done; an exit status. */
static int table(struct options *o)
{
    static struct row rows[ROWS];
    struct machine m;
    int count = 0;
    bool good = true;
    if (!any_wanted(o))
        return 1;
    if (!setup_prepare(&o->setup) || !measure_machine(&o->setup, &m))
        return 1;
    report_machine(stdout, &o->setup, &m, "");
    if (!o->setup.python && !o->setup.python_old)
        printf("no peers: `make bench-peers` installs them\n");
    if (m.load > 0.5)
        printf("the machine was not idle, so these times are rough\n");
    putchar('\n');
    report_header(stdout, "");
    for (size_t i = 0; i < ROWS; i++) {
        struct row *row = &rows[count];
        name_row(i, &o->setup, row);
        if (!wanted(o->only, row))
            continue;
        fill_row(i, &o->setup, row);
        report_row(stdout, &m, row, "");
        good = good && row->ours.done;
        count++;
    }
    putchar('\n');
    report_peers(stdout, rows, count, "");
    if (o->json)
        good = report_json(o->json, &o->setup, &m, rows, count) && good;
    if (o->markdown)
        good = report_markdown(o->markdown, &o->setup, &m, rows, count) && good;
    return !good;
}

int main(int argc, char **argv)
{
    struct options o;
    const int status = options_parse(&o, argc, argv);
    if (status)
        return status < 0 ? 0 : status;
    setvbuf(stdout, NULL, _IOLBF, 0);
    switch (o.mode) {
    case BENCH_SWEEP: return sweep(&o);
    case BENCH_PROFILE: return profile(&o);
    default: return table(&o);
    }
}
