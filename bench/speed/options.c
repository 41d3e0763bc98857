#define _POSIX_C_SOURCE 200809L /* access */
#include "bench/speed/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/speed/peers.h"

static const char help[] =
    "usage: bench_cfedit [OPTION]...\n"
    "Times the parts of CF-CLIP at full size, with weights drawn by formula, and the peers that `make bench-peers` installed.\n"
    "\n"
    "  --runs N         timed runs of each row (default 5)\n"
    "  --warmup N       runs before the timed ones (default 2)\n"
    "  --rounds N       repeat the timed runs N times, ours and the peers by turns (default 1)\n"
    "  --only TEXT      only rows whose key or name contains TEXT\n"
    "  --threads N      threads of ours and of each peer (default: one a core)\n"
    "  --size S         picture size of the generator, 32 to 1024 (default 1024)\n"
    "  --batch B        pictures of a training step (default 1)\n"
    "  --clip MODEL     the CLIP model: clip-vit-b32 (default) or clip-tiny512\n"
    "  --json FILE      write one JSON object for each row and peer\n"
    "  --markdown FILE  write the table as a Markdown page\n"
    "  --long           measure the 100 steps of `cfedit edit` instead of computing their time from a few\n"
    "  --no-peers       time ours alone\n"
    "  --peers FOLDER   Python environment of the peers (default build/peers-env); PyTorch 1.13 has FOLDER-1.13\n"
    "  --peer NAME      run only this peer: published-1.13, published, frozen, best or onnx\n"
    "  --data FOLDER    where weights and inputs are written (default build/bench-data; 0.6 GB)\n"
    "  --cfedit FILE    the program to time (default ./cfedit)\n"
    "  --profile        show where the time of generator and training step goes, and their least possible time\n"
    "  --sweep          time over resolution, batch and threads; --csv FILE, --json FILE, --plot FILE.png\n";

/* Reads the number of an option; 0, or 2 after a message. */
static int number(const char *option, const char *text, int low, int high, int *out)
{
    char *end;
    const long n = strtol(text, &end, 10);
    if (*text && !*end && n >= low && n <= high) {
        *out = (int)n;
        return 0;
    }
    fprintf(stderr, "bench: %s is '%s', expected a number from %d to %d\n", option, text, low,
            high);
    return 2;
}

/* Checks what a range cannot express; 0, or 2 after a message. */
static int check(const struct options *o)
{
    if (o->setup.peer && !peers_known(o->setup.peer)) {
        fprintf(stderr,
                "bench: --peer is '%s', expected published-1.13, published, frozen, best or onnx\n",
                o->setup.peer);
        return 2;
    }
    if (o->setup.size & (o->setup.size - 1)) {
        fprintf(stderr, "bench: --size is %d, expected a power of two\n", o->setup.size);
        return 2;
    }
    if (strcmp(o->setup.clip, "clip-vit-b32") != 0 && strcmp(o->setup.clip, "clip-tiny512") != 0) {
        fprintf(stderr, "bench: --clip is '%s', expected clip-vit-b32 or clip-tiny512\n",
                o->setup.clip);
        return 2;
    }
    return 0;
}

int options_parse(struct options *o, int argc, char **argv)
{
    static char python[BENCH_PATH], python_old[BENCH_PATH];
    const char *environment = "build/peers-env";
    bool peers = true;
    *o = (struct options){.setup = {.runs = 5,
                                    .warmup = 2,
                                    .rounds = 1,
                                    .threads = (int)sysconf(_SC_NPROCESSORS_ONLN),
                                    .size = 1024,
                                    .batch = 1,
                                    .clip = "clip-vit-b32",
                                    .data = "build/bench-data",
                                    .cfedit = "./cfedit",
                                    .peers = "bench/peers"}};
    struct setup *s = &o->setup;
    const struct {
        const char *name;
        const char **text;
        int *number;
        int low, high;
    } valued[] = {
        {"--runs", NULL, &s->runs, 1, BENCH_MAX_RUNS},
        {"--warmup", NULL, &s->warmup, 1, 8},
        {"--rounds", NULL, &s->rounds, 1, 20},
        {"--threads", NULL, &s->threads, 1, 256},
        {"--size", NULL, &s->size, 32, 1024},
        {"--batch", NULL, &s->batch, 1, 8},
        {"--only", &o->only, NULL, 0, 0},
        {"--clip", &s->clip, NULL, 0, 0},
        {"--json", &o->json, NULL, 0, 0},
        {"--markdown", &o->markdown, NULL, 0, 0},
        {"--csv", &o->csv, NULL, 0, 0},
        {"--plot", &o->plot, NULL, 0, 0},
        {"--data", &s->data, NULL, 0, 0},
        {"--cfedit", &s->cfedit, NULL, 0, 0},
        {"--peers", &environment, NULL, 0, 0},
        {"--peer", &s->peer, NULL, 0, 0},
    };
    const struct {
        const char *name;
        bool *flag;
        bool value;
        int mode;
    } flags[] = {
        {"--long", &s->long_edit, true, -1},
        {"--no-peers", &peers, false, -1},
        {"--profile", NULL, false, BENCH_PROFILE},
        {"--sweep", NULL, false, BENCH_SWEEP},
    };
    for (int i = 1; i < argc; i++) {
        bool known = false;
        if (strcmp(argv[i], "--help") == 0) {
            fputs(help, stdout);
            return -1;
        }
        for (size_t k = 0; k < sizeof flags / sizeof *flags; k++)
            if (strcmp(argv[i], flags[k].name) == 0) {
                known = true;
                if (flags[k].flag)
                    *flags[k].flag = flags[k].value;
                else
                    o->mode = (enum bench_mode)flags[k].mode;
            }
        for (size_t k = 0; k < sizeof valued / sizeof *valued && !known && i + 1 < argc; k++)
            if (strcmp(argv[i], valued[k].name) == 0) {
                known = true;
                if (valued[k].text)
                    *valued[k].text = argv[++i];
                else if (number(argv[i], argv[i + 1], valued[k].low, valued[k].high,
                                valued[k].number))
                    return 2;
                else
                    i++;
            }
        if (!known) {
            fprintf(stderr, "bench: '%s' is not an option, or its value is missing; see --help\n",
                    argv[i]);
            return 2;
        }
    }
    snprintf(python, sizeof python, "%s/bin/python", environment);
    snprintf(python_old, sizeof python_old, "%s-1.13/bin/python", environment);
    s->python = peers && access(python, X_OK) == 0 ? python : NULL;
    s->python_old = peers && access(python_old, X_OK) == 0 ? python_old : NULL;
    return check(o);
}
