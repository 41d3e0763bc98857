#include "bench/speed/peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/speed/child.h"

enum { MOST_WORKS = 10 };

static const struct {
    const char *id, *name;
    const char *program; /* value of peer.py's option --peer */
    bool old;            /* runs in the environment of PyTorch 1.13 */
    const char *work[MOST_WORKS];
} peers[] = {
    {"published-1.13",
     "PyTorch 1.13, as published",
     "published",
     true,
     {"train-step", "generator", "generator-gradient"}},
    {"published",
     "PyTorch, as published",
     "published",
     false,
     {"train-step", "generator", "generator-gradient", "clip-images", "clip-images-gradient",
      "clip-texts"}},
    {"frozen", "PyTorch, texts kept, nets frozen", "frozen", false, {"train-step"}},
    {"best",
     "PyTorch, at its best",
     "best",
     false,
     {"train-step", "generator", "generator-gradient", "clip-images", "clip-images-gradient",
      "clip-texts", "embed-cold"}},
    {"onnx", "ONNX Runtime", "onnx", false, {"clip-images", "clip-texts", "embed-cold"}},
};

static const char *python_of(const struct setup *setup, size_t i)
{
    return peers[i].old ? setup->python_old : setup->python;
}

/* Whether peer i does the work `key`. */
static bool does(size_t i, const char *key)
{
    for (int k = 0; k < MOST_WORKS && peers[i].work[k]; k++)
        if (strcmp(peers[i].work[k], key) == 0)
            return true;
    return false;
}

bool peers_known(const char *id)
{
    for (size_t i = 0; i < sizeof peers / sizeof *peers; i++)
        if (strcmp(peers[i].id, id) == 0)
            return true;
    return false;
}

static bool wanted(const struct setup *setup, size_t i, const char *key)
{
    return python_of(setup, i) && does(i, key) &&
           (!setup->peer || strcmp(setup->peer, peers[i].id) == 0);
}

bool peers_wanted(const struct setup *setup, const char *key)
{
    for (size_t i = 0; i < sizeof peers / sizeof *peers; i++)
        if (wanted(setup, i, key))
            return true;
    return false;
}

double peers_ratio(const struct row *row, const struct peer_figures *peer)
{
    return row->ours.done && peer->f.done && peer->agrees ? peer->f.median_s / row->ours.median_s
                                                          : 0.0;
}

/* ---- the output of a peer ----
 *
 * Lines of standard output that are read; all others are passed over:
 *     seconds 1.234                the time of one run
 *     check NAME ERROR TOLERANCE   how far the result NAME is from ours
 *     about TEXT                   versions, threads, kernels
 *     note TEXT                    the options in use */

static void read_line(struct peer_figures *p, const char *line)
{
    double value, tolerance;
    char name[48];
    if (sscanf(line, "seconds %lf", &value) == 1 && p->f.runs < BENCH_MAX_RUNS)
        p->f.seconds[p->f.runs++] = value;
    else if (sscanf(line, "check %47s %lf %lf", name, &value, &tolerance) == 3) {
        const bool good = value <= tolerance; /* false for NaN */
        if (!p->error_name[0] || !good || (p->agrees && value > p->error)) {
            p->error = value;
            snprintf(p->error_name, sizeof p->error_name, "%s", name);
        }
        p->agrees = p->agrees && good;
    } else if (strncmp(line, "about ", 6) == 0) {
        snprintf(p->about, sizeof p->about, "%s", line + 6);
    } else if (strncmp(line, "note ", 5) == 0) {
        snprintf(p->f.note, sizeof p->f.note, "%s", line + 5);
    }
}

static void read_output(struct peer_figures *p, char *text)
{
    char *rest = NULL;
    p->error = 0.0;
    p->error_name[0] = '\0';
    p->agrees = true;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        read_line(p, line);
    p->agrees = p->agrees && p->error_name[0];
}

/* ---- running ---- */

/* Runs peer i once in a process; false, with a note, if it fails. */
static bool run_peer(const struct setup *setup, size_t i, const char *key, struct peer_figures *p,
                     struct usage *usage)
{
    enum { OUTPUT = 65536 };
    char script[BENCH_PATH], clip[BENCH_PATH], generator[BENCH_PATH], inputs[BENCH_PATH],
        cache[BENCH_PATH], threads[16], runs[16], warmup[16], omp[40], mkl[40];
    snprintf(script, sizeof script, "%s/peer.py", setup->peers);
    snprintf(threads, sizeof threads, "%d", setup->threads);
    snprintf(runs, sizeof runs, "%d", setup->runs);
    snprintf(warmup, sizeof warmup, "%d", setup->warmup);
    snprintf(omp, sizeof omp, "OMP_NUM_THREADS=%d", setup->threads);
    snprintf(mkl, sizeof mkl, "MKL_NUM_THREADS=%d", setup->threads);
    snprintf(cache, sizeof cache, "TORCHINDUCTOR_CACHE_DIR=%s/compiled", setup->data);
    *strrchr(setup_path(setup, "clip-half.safetensors", clip), '/') = '\0';
    *strrchr(setup_path(setup, "generator.safetensors", generator), '/') = '\0';
    *strrchr(setup_path(setup, "inputs.safetensors", inputs), '/') = '\0';
    const char *const argv[] = {python_of(setup, i),
                                script,
                                "--peer",
                                peers[i].program,
                                "--work",
                                key,
                                "--clip",
                                clip,
                                "--generator",
                                generator,
                                "--inputs",
                                inputs,
                                "--threads",
                                threads,
                                "--runs",
                                runs,
                                "--warmup",
                                warmup,
                                NULL};
    const char *const env[] = {omp, mkl, cache, "OMP_WAIT_POLICY=PASSIVE", NULL};
    char *out = malloc(OUTPUT);
    const int status = out ? child_run(argv, env, out, OUTPUT, usage) : -1;
    if (status == 0)
        read_output(p, out);
    else
        snprintf(p->f.note, sizeof p->f.note, "ended with status %d", status);
    free(out);
    return status == 0;
}

/* Times whole processes of a peer from outside, as `cfedit embed` is timed; the first is a
 * warm-up. */
static bool run_cold(const struct setup *setup, size_t peer, const char *key,
                     struct peer_figures *p)
{
    struct usage usage;
    for (int i = -1; i < setup->runs; i++) {
        if (!run_peer(setup, peer, key, p, &usage))
            return false;
        if (i < 0)
            continue;
        p->f.seconds[p->f.runs++] = usage.wall_s;
        p->f.cpu_s += (usage.user_s + usage.system_s) / setup->runs;
        if (usage.peak_rss_bytes > p->f.peak_rss_bytes)
            p->f.peak_rss_bytes = usage.peak_rss_bytes;
    }
    return true;
}

/* Lets one process of a peer warm up and time its runs itself. */
static bool run_warm(const struct setup *setup, size_t peer, const char *key,
                     struct peer_figures *p)
{
    struct usage usage;
    if (!run_peer(setup, peer, key, p, &usage))
        return false;
    p->f.peak_rss_bytes = usage.peak_rss_bytes;
    return p->f.runs > 0;
}

void peers_run(const struct setup *setup, struct row *row)
{
    for (size_t i = 0; i < sizeof peers / sizeof *peers && row->peers < BENCH_MAX_PEERS; i++) {
        if (!wanted(setup, i, row->key))
            continue;
        struct peer_figures *p = &row->peer[row->peers++];
        *p = (struct peer_figures){.name = peers[i].name};
        const bool cold = strcmp(row->key, "embed-cold") == 0;
        p->f.gflop = row->ours.gflop;
        p->f.done = cold ? run_cold(setup, i, row->key, p) : run_warm(setup, i, row->key, p);
        if (p->f.done)
            figures_settle(&p->f);
    }
}
