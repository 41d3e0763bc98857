#define _DEFAULT_SOURCE /* nanosleep, kill */
#include "bench/speed/profile.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/speed/child.h"
#include "bench/speed/flops.h"
#include "bench/speed/machine.h"
#include "bench/speed/measure.h"
#include "bench/speed/report.h"

/* ---- kinds of operations: told by the folder of the code, where that suffices ---- */

enum kind {
    PRODUCTS,
    TRANSFORMS,
    PACKING,
    ACTIVATION,
    BLUR,
    WARP,
    MATMUL,
    ATTENTION,
    ELEMENTWISE,
    OPTIMISER,
    FAULTS,
    KERNEL,
    WAITING,
    OTHER,
    KINDS
};

static const char *const kind_name[KINDS] = {
    "convolution: products",
    "convolution: Winograd transforms",
    "convolution: packing, weights, gradients of styles",
    "noise, bias, activation",
    "blur, upsampling of the skip",
    "perspective and resize to CLIP's size",
    "matrix products of CLIP and mapper (OpenBLAS, AMX)",
    "attention",
    "norms, GELU, elementwise",
    "optimiser",
    "fresh memory: clearing of pages",
    "operating system, rest",
    "waiting for other threads",
    "other",
};

/* A sample belongs to the first rule whose texts all occur: in the name of the program or library,
 * in the path of the source file, in the name of the function. NULL asks for nothing. The
 * exceptions of a folder stand before the folder. */
static const struct {
    const char *object, *file, *symbol;
    enum kind kind;
} rules[] = {
    {"openblas", NULL, NULL, MATMUL},
    {NULL, "tensor/team", NULL, WAITING},
    {"kernel", NULL, "clear_page", FAULTS},
    {"kernel", NULL, NULL, KERNEL},

    {NULL, "/pointwise", NULL, PRODUCTS},
    {NULL, "kernels/conv/", "product", PRODUCTS},
    {NULL, "kernels/conv/conv_kernels", NULL, PRODUCTS},
    {NULL, "kernels/conv/conv_run", NULL, PRODUCTS},
    {NULL, "kernels/conv/", "digits", PACKING},
    {NULL, "kernels/conv/", "pixels", PACKING},
    {NULL, "kernels/conv/winograd", NULL, TRANSFORMS},
    {NULL, "kernels/conv/amx_conv_kernels", NULL, TRANSFORMS},
    {NULL, "kernels/conv/", NULL, PACKING},

    {NULL, "kernels/resample/blur", NULL, BLUR},
    {NULL, "kernels/resample/fir", NULL, BLUR},
    {NULL, "kernels/resample/", "blend", BLUR},
    {NULL, "kernels/resample/", "combine", BLUR},
    {NULL, "kernels/resample/", "fir", BLUR},
    {NULL, "kernels/resample/", NULL, WARP},

    {NULL, "kernels/gemm/", NULL, MATMUL},
    {NULL, "kernels/bias_act", NULL, ACTIVATION},
    {NULL, "kernels/tail", NULL, ACTIVATION},
    {NULL, "kernels/dense", NULL, ELEMENTWISE},
    {NULL, "autograd/ops_attention", NULL, ATTENTION},
    {NULL, "lib/autograd/", NULL, ELEMENTWISE},
    {NULL, "nn/optim", NULL, OPTIMISER},
};

static bool holds(const char *text, const char *part) { return !part || strstr(text, part); }

static enum kind kind_of(const char *object, const char *symbol, const char *file)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (holds(object, rules[i].object) && holds(file, rules[i].file) &&
            holds(symbol, rules[i].symbol))
            return rules[i].kind;
    return OTHER;
}

/* ---- sampling ---- */

/* A sampled work, in memory that the forked process shares. */
struct job {
    struct setup setup;
    const struct work *work;
    char samples[BENCH_PATH]; /* the file that perf writes */
    double wall_s, cpu_s;     /* times of one run */
    double gflop, bytes;      /* 10^9 operations and bytes of one run */
    bool sampled;
    char message[BENCH_TEXT];
};

/* Starts perf on this process and all its threads; returns the process id of perf, -1 on
 * failure. */
static pid_t start_perf(const char *samples)
{
    char self[24];
    snprintf(self, sizeof self, "%d", (int)getpid());
    const pid_t pid = fork();
    if (pid == 0) {
        if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
            _exit(127);
        execlp("perf", "perf", "record", "-e", "cpu-clock", "-F", "997", "-p", self, "-o", samples,
               (char *)NULL);
        _exit(127);
    }
    nanosleep(&(struct timespec){.tv_sec = 1}, NULL); /* perf needs a moment before it samples */
    return pid;
}

/* Ends perf; false if it could not be run. */
static bool stop_perf(pid_t pid)
{
    int status = 0;
    if (pid < 0)
        return false;
    kill(pid, SIGINT);
    if (waitpid(pid, &status, 0) != pid)
        return false;
    return !(WIFEXITED(status) && WEXITSTATUS(status) == 127);
}

/* Bytes that one run moves at least. */
static double bytes_of(const struct session *s, const struct work *work)
{
    const lt_stylegan2_config *g = lt_stylegan2_describe(s->models.generator);
    double bytes = bytes_generator_forward(g);
    if (work != &work_generator)
        bytes += bytes_generator_backward(g);
    if (work == &work_train_step) /* CLIP's weights are read forward and backward */
        bytes += 2.0 * bytes_clip_weights(lt_clip_describe(s->models.clip));
    return s->setup->batch * bytes;
}

static int sample_work(void *arg)
{
    struct job *job = arg;
    struct session s;
    static struct figures f; /* large */
    lt_status status = session_open(&s, &job->setup, job->work, false);
    if (status == LT_OK)
        status = session_time(&s, job->work, job->setup.warmup, 0, &f);
    if (status == LT_OK) {
        const pid_t perf = start_perf(job->samples);
        status = session_time(&s, job->work, 0, job->setup.runs, &f);
        job->sampled = stop_perf(perf);
    }
    if (status == LT_OK) {
        for (int i = 0; i < f.runs; i++)
            job->wall_s += f.seconds[i] / f.runs;
        job->cpu_s = f.cpu_s;
        job->gflop = f.gflop;
        job->bytes = bytes_of(&s, job->work);
    } else if (s.ctx) {
        snprintf(job->message, sizeof job->message, "%s", lt_ctx_message(s.ctx));
    }
    session_close(&s);
    return status != LT_OK;
}

/* ---- shares ---- */

enum { MOST_LINES = 4096 };

struct line {
    double percent;
    char *object, *symbol, *file;
};

/* Reads a line "12.3;object;[.] function;file" of perf's report. The file is empty for code without
 * debugging information. */
static bool split(char *text, struct line *line)
{
    char *rest = NULL;
    const char *percent = strtok_r(text, ";", &rest);
    line->object = strtok_r(NULL, ";", &rest);
    line->symbol = strtok_r(NULL, ";", &rest);
    line->file = line->symbol ? rest : NULL;
    return percent && line->file && sscanf(percent, "%lf", &line->percent) == 1;
}

static bool ends_with(const char *text, const char *end)
{
    const size_t length = strlen(text), part = strlen(end);
    return length >= part && strcmp(text + length - part, end) == 0;
}

/* Code that was inlined from a header counts for the .c file that most of its function is from. */
static const char *file_of(const struct line *lines, int count, const struct line *l)
{
    const struct line *best = l;
    double most = 0.0;
    if (!ends_with(l->file, ".h"))
        return l->file;
    for (int i = 0; i < count; i++)
        if (ends_with(lines[i].file, ".c") && strcmp(lines[i].symbol, l->symbol) == 0 &&
            lines[i].percent > most) {
            best = &lines[i];
            most = best->percent;
        }
    return best->file;
}

/* Sums the samples of a file by kind: share[k] of 1. False if perf cannot report. */
static bool read_shares(const char *samples, double share[KINDS])
{
    enum { OUTPUT = 1 << 20 };
    static struct line lines[MOST_LINES];
    char *text = malloc(OUTPUT), *rest = NULL;
    const char *const argv[] = {"/usr/bin/env",
                                "perf",
                                "report",
                                "-i",
                                samples,
                                "--stdio",
                                "--no-children",
                                "-t",
                                ";",
                                "-s",
                                "dso,sym,srcfile",
                                "--full-source-path",
                                NULL};
    struct usage usage;
    int count = 0;
    const bool good = text && child_run(argv, NULL, text, OUTPUT, &usage) == 0;
    for (char *line = good ? strtok_r(text, "\n", &rest) : NULL; line && count < MOST_LINES;
         line = strtok_r(NULL, "\n", &rest))
        if (*line != '#' && split(line, &lines[count]))
            count++;
    for (int k = 0; k < KINDS; k++)
        share[k] = 0.0;
    for (int i = 0; i < count; i++)
        share[kind_of(lines[i].object, lines[i].symbol, file_of(lines, count, &lines[i]))] +=
            lines[i].percent / 100.0;
    free(text);
    return good && count > 0;
}

/* ---- output ---- */

static void tell(const struct job *job, const struct machine *m, const double share[KINDS])
{
    const double busy = job->cpu_s / (job->wall_s * job->setup.threads);
    const double arithmetic = job->gflop / m->sgemm, traffic = job->bytes / m->triad;
    printf("\n%s, %d: %.3f s, cores busy %.0f %%\n", job->work->name, job->setup.size, job->wall_s,
           100.0 * busy);
    for (int k = 0; k < KINDS; k++)
        if (share[k] >= 0.001)
            printf("    %-52s %5.1f %%  %8.3f s\n", kind_name[k], 100.0 * share[k],
                   share[k] * job->cpu_s / job->setup.threads);
    if (busy < 1.0)
        printf("    %-52s %5s    %8.3f s\n", "cores idle, or taken by other processes", "",
               (1.0 - busy) * job->wall_s);
    printf("    floor: %.1f GFLOP at %.0f GFLOP/s %.3f s; %.2f GB at %.1f GB/s %.3f s\n",
           job->gflop, m->sgemm, arithmetic, job->bytes / 1e9, m->triad / 1e9, traffic);
}

int profile(struct options *o)
{
    static const struct work *const works[] = {&work_generator, &work_generator_gradient,
                                               &work_train_step};
    struct machine m;
    struct job *job = child_share(sizeof *job);
    if (!job || !setup_prepare(&o->setup) || !measure_machine(&o->setup, &m))
        return 1;
    report_machine(stdout, &o->setup, &m, "");
    for (size_t i = 0; i < sizeof works / sizeof *works; i++) {
        double share[KINDS];
        struct usage usage;
        if (o->only && strcmp(o->only, works[i]->key) != 0)
            continue;
        *job = (struct job){.setup = o->setup, .work = works[i]};
        snprintf(job->samples, sizeof job->samples, "%s/perf.data", o->setup.data);
        if (child_call(sample_work, job, &usage) != 0) {
            fprintf(stderr, "bench: %s: %s\n", works[i]->key,
                    job->message[0] ? job->message : "the process ended early");
            return 1;
        }
        if (!job->sampled || !read_shares(job->samples, share)) {
            fprintf(stderr,
                    "bench: perf(1) does not work here; it is Debian's package linux-perf\n");
            return 1;
        }
        tell(job, &m, share);
        remove(job->samples);
    }
    return 0;
}
