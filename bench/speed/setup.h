/* The settings of a run, and the files of weights and inputs that ours and the peers read. */
#ifndef BENCH_SETUP_H
#define BENCH_SETUP_H

#include <stdbool.h>

enum { BENCH_MAX_RUNS = 101, BENCH_COPIES = 8, BENCH_PATH = 512 };

/* The source and target text of the training step; the target fills the 79 template sentences. */
#define BENCH_SOURCE_TEXT "face"
#define BENCH_TARGET_TEXT "green lipstick"

struct setup {
    int runs, warmup, rounds; /* timed runs of a round, runs before them, rounds */
    int threads;              /* of ours and of each peer */
    int size, batch;          /* picture size of the generator; pictures of a training step */
    const char *clip;         /* formula model: "clip-vit-b32" or "clip-tiny512" */
    const char *data;         /* folder for weights and inputs */
    const char *cfedit;       /* the program */
    const char *python;       /* interpreter of the peers; NULL: not installed */
    const char *python_old;   /* interpreter with PyTorch 1.13; NULL: not installed */
    const char *peers;        /* folder of the peers' sources */
    const char *peer;         /* the only peer to run; NULL: all */
    bool long_edit;           /* run the 100 steps of `edit` instead of computing their time */
};

/* Writes the path of a file below setup->data into path[BENCH_PATH] and returns path. The folder
 * depends on the settings in brackets:
 *     clip-half.safetensors                      CLIP in float16, with a merge list (clip)
 *     picture.png, picture.safetensors           one picture to embed (clip)
 *     generator.safetensors, mapper.safetensors  (size)
 *     inputs.safetensors                         the tensors that data.c lists (clip, size, batch)
 *     latents.safetensors                        one latent for `cfedit edit` (clip, size, batch)
 *     ours-KEY.safetensors                       our results of a work (clip, size, batch) */
char *setup_path(const struct setup *setup, const char *file, char *path);

/* Writes weights and inputs that do not exist yet, in a process of its own, which takes a minute at
 * full size. False after a message on stderr. */
bool setup_prepare(struct setup *setup);

#endif
