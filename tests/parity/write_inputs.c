/* Writes the inputs that a golden's metadata describes as a file that the program reads.
 *
 *     write_inputs GOLDEN NAME=INPUT ... -o FILE.safetensors
 *     write_inputs GOLDEN --texts            the texts of a golden, one a line
 *
 * INPUT is the key of an input; "w" alone stands for the batches w.step01, w.step02, ... of a
 * training one after the other, "points" for its recorded perspective draws, and "KEY@pixels" for
 * an input of CLIP's network turned back into a picture. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/ops.h"
#include "parity/golden.h"
#include "tensor/files/json_reader.h"
#include "tensor/files/safetensors.h"

enum { MOST = 8, MOST_STEPS = 16 };

static int usage(void)
{
    fputs("usage: write_inputs GOLDEN NAME=INPUT ... -o FILE.safetensors\n"
          "       write_inputs GOLDEN --texts\n",
          stderr);
    return 2;
}

static int steps_of(const struct golden *g)
{
    char key[32];
    int steps = 0;
    do
        snprintf(key, sizeof key, "step%02d.startpoints", ++steps);
    while (golden_has(g, key) && steps <= MOST_STEPS);
    return steps - 1;
}

static lt_tensor *batches(lt_ctx *ctx, struct golden *g)
{
    lt_tensor *step[MOST_STEPS];
    const int steps = steps_of(g);
    for (int i = 0; i < steps; i++) {
        char key[32];
        snprintf(key, sizeof key, "w.step%02d", i + 1);
        step[i] = golden_input(g, key);
    }
    return lt_concat(ctx, steps, step, 0);
}

/* (steps, copies, 2, 4, 2) from the int32 start and end points (copies, 4, 2) of each step. */
static lt_tensor *points(lt_ctx *ctx, struct golden *g)
{
    lt_tensor *part[2 * MOST_STEPS];
    const int steps = steps_of(g);
    for (int i = 0; i < 2 * steps; i++) {
        char key[32];
        snprintf(key, sizeof key, "step%02d.%spoints", i / 2 + 1, i % 2 ? "end" : "start");
        const lt_tensor *given = golden_tensor(g, key);
        part[i] = given ? lt_reshape(ctx, lt_cast(ctx, given, LT_F32), 5,
                                     (const int64_t[]){1, lt_dim(given, 0), 1, 4, 2})
                        : NULL;
    }
    for (int i = 0; i < steps; i++)
        part[i] = lt_concat(ctx, 2, part + 2 * i, 2);
    return lt_concat(ctx, steps, part, 0);
}

/* The picture that the preprocessing of CLIP turns into `x` (N,3,R,R), where R is the input size of
 * the network. */
static lt_tensor *pixels(lt_ctx *ctx, lt_tensor *x)
{
    const float mean[3] = {0.48145466f, 0.4578275f, 0.40821073f};
    const float deviation[3] = {0.26862954f, 0.26130258f, 0.27577711f};
    const int64_t shape[4] = {1, 3, 1, 1};
    lt_tensor *scaled = lt_mul(ctx, x, lt_from_copy(ctx, LT_F32, 4, shape, deviation));
    lt_tensor *unit = lt_add(ctx, scaled, lt_from_copy(ctx, LT_F32, 4, shape, mean));
    return lt_affine(ctx, unit, 2.0f, -1.0f);
}

static lt_tensor *input(lt_ctx *ctx, struct golden *g, const char *what)
{
    char key[64];
    snprintf(key, sizeof key, "%.*s", (int)strcspn(what, "@"), what);
    if (strcmp(what, "w") == 0)
        return batches(ctx, g);
    if (strcmp(what, "points") == 0)
        return points(ctx, g);
    lt_tensor *t = golden_input(g, key);
    return t && strchr(what, '@') ? pixels(ctx, t) : t;
}

static lt_status write_file(lt_ctx *ctx, struct golden *g, int argc, char **argv)
{
    const char *path = NULL, *names[MOST];
    char name[MOST][64];
    lt_tensor *tensors[MOST];
    size_t count = 0;
    for (int i = 0; i < argc; i++) {
        const char *equals = strchr(argv[i], '=');
        if (strcmp(argv[i], "-o") == 0 && i + 1 < argc) {
            path = argv[++i];
            continue;
        }
        if (!equals || count == MOST)
            return lt_fail(ctx, LT_ERR_ARGUMENT, "%s is not NAME=INPUT", argv[i]);
        snprintf(name[count], sizeof name[count], "%.*s", (int)(equals - argv[i]), argv[i]);
        names[count] = name[count];
        tensors[count] = input(ctx, g, equals + 1);
        if (!tensors[count++])
            return lt_ctx_status(ctx);
    }
    if (!path)
        return lt_fail(ctx, LT_ERR_ARGUMENT, "no output: -o FILE.safetensors");
    return lt_safetensors_write(ctx, path, count, names, tensors, 0, NULL, NULL);
}

static lt_status print_texts(lt_ctx *ctx, struct golden *g)
{
    lt_json *list = NULL;
    const char *text = golden_text(g, "texts");
    if (!text || lt_json_parse(ctx, "texts", text, strlen(text), &list))
        return lt_ctx_status(ctx);
    for (size_t i = 0; i < lt_json_count(list); i++)
        puts(lt_json_string(lt_json_at(list, i), NULL));
    lt_json_free(list);
    return LT_OK;
}

int main(int argc, char **argv)
{
    lt_ctx *ctx;
    if (argc < 3)
        return usage();
    if (lt_ctx_create(&ctx))
        return 1;
    struct golden *g = golden_open(ctx, argv[1]);
    int status = 1;
    if (g) {
        golden_allow_partial(g);
        const lt_status written = strcmp(argv[2], "--texts") == 0
                                      ? print_texts(ctx, g)
                                      : write_file(ctx, g, argc - 2, argv + 2);
        if (written)
            fprintf(stderr, "write_inputs: %s\n", lt_ctx_message(ctx));
        status = written ? 1 : 0;
        golden_free(g);
    }
    lt_ctx_destroy(ctx);
    return status;
}
