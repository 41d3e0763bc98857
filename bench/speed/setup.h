/* What a run of the benchmark works with: settings and the files that it writes for itself and the
 * peers. */
#ifndef BENCH_SETUP_H
#define BENCH_SETUP_H

#include <stdbool.h>

enum { BENCH_MAX_RUNS = 101, BENCH_COPIES = 8, BENCH_PATH = 512 };

/* The texts of the training step and of the 79 sentences. */
#define BENCH_SOURCE_TEXT "face"
#define BENCH_TARGET_TEXT "green lipstick"

struct setup {
    int runs, warmup, rounds, threads; /* runs of a round; threads: of ours and of the peers */
    int size, batch;                   /* of the generator; pictures a training step */
    const char *clip;                  /* formula model: "clip-vit-b32", "clip-tiny512" */
    const char *data;                  /* folder for weights and inputs */
    const char *cfedit;                /* the program */
    const char *python;                /* interpreter of the peers' environment; NULL: none there */
    const char *python_old;            /* that of PyTorch 1.13, likewise */
    const char *peers;                 /* folder with the peers' sources */
    const char *peer;                  /* the only one to run; NULL: all */
    bool long_edit;                    /* the 100 steps of `edit`, really */
};

/* Paths of the files below setup->data that a benchmark with these settings uses:
 *     clip-half.safetensors  CLIP, float16, with a merge list      (setup->clip)
 *     generator.safetensors, mapper.safetensors                    (setup->size)
 *     inputs.safetensors     see data.c                            (size, clip and batch)
 *     latents.safetensors, picture.png, picture.safetensors
 *     ours-KEY.safetensors   results of ours that peers are held against
 * `path` has BENCH_PATH bytes. Returns path. */
char *setup_path(const struct setup *setup, const char *file, char *path);

/* Writes those that are not there yet (in a process of its own; a minute for the full size). False
 * after a message on stderr. */
bool setup_prepare(struct setup *setup);

#endif
