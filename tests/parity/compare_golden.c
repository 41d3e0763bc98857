/* Compares what the program wrote with a golden.
 *
 *     compare_golden GOLDEN [--dump FILE QUANTITY=NAME[@VIEW] ...]
 *                           [--log FILE.jsonl] [--mapper FILE] [--ids FILE.json]
 *
 * QUANTITY is compared with tensor NAME of the dump, or with a view of it: "@rowI" is element I of
 * the first axis, "@layerI" of the second, "@rowsI" the first I of the first axis, "@unit" the rows
 * made unit. --log compares the losses of a training's log, --mapper the trained weights after the
 * last step, --ids lists of token ids. Prints errors and tolerances; the exit status is 0 only if
 * nothing failed. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/ops.h"
#include "parity/formula.h"
#include "parity/golden.h"
#include "tensor/files/file.h"
#include "tensor/files/json_reader.h"

static int usage(void)
{
    fputs("usage: compare_golden GOLDEN [--dump FILE QUANTITY=NAME[@VIEW] ...]\n"
          "                             [--log FILE.jsonl] [--mapper FILE] [--ids FILE.json]\n",
          stderr);
    return 2;
}

/* ---- dumps ---- */

static lt_tensor *view(lt_ctx *ctx, lt_tensor *t, const char *what)
{
    const size_t letters = strcspn(what, "0123456789");
    const long index = strtol(what + letters, NULL, 10);
    if (strcmp(what, "unit") == 0)
        return lt_l2_normalize(ctx, t, 0.0f);
    if (strncmp(what, "row", letters) == 0)
        return lt_slice(ctx, t, 0, index, 1);
    if (strncmp(what, "rows", letters) == 0)
        return lt_slice(ctx, t, 0, 0, index);
    if (strncmp(what, "layer", letters) == 0)
        return lt_slice(ctx, t, 1, index, 1);
    lt_fail(ctx, LT_ERR_ARGUMENT, "there is no view @%s", what);
    return NULL;
}

/* One "QUANTITY=NAME[@VIEW]". */
static void compare_dumped(lt_ctx *ctx, struct golden *g, const lt_params *dump, const char *pair)
{
    char quantity[64], name[64];
    const char *equals = strchr(pair, '='), *at = strchr(pair, '@');
    snprintf(quantity, sizeof quantity, "%.*s", (int)(equals - pair), pair);
    snprintf(name, sizeof name, "%.*s", (int)strcspn(equals + 1, "@"), equals + 1);
    lt_tensor *t = lt_params_find(dump, name);
    if (!t)
        lt_fail(ctx, LT_ERR_MISSING, "the dump has no tensor %s", name);
    golden_check(g, quantity, t && at ? view(ctx, t, at + 1) : t);
}

/* The arguments from `argv` on that are pairs; returns how many. */
static int compare_dump(lt_ctx *ctx, struct golden *g, const char *path, int argc, char **argv)
{
    lt_params *dump = NULL;
    int pairs = 0;
    if (lt_params_create(ctx, &dump) == LT_OK)
        lt_params_load(ctx, dump, path, NULL);
    for (; pairs < argc && strchr(argv[pairs], '='); pairs++)
        if (dump)
            compare_dumped(ctx, g, dump, argv[pairs]);
    lt_params_free(dump);
    return pairs;
}

/* ---- a training's log ---- */

/* Line `step` (from 0) of a log. */
static void compare_line(lt_ctx *ctx, struct golden *g, const char *line, size_t length, int step)
{
    static const char *const terms[] = {"loss", "loss_nce", "loss_l2_latent", "loss_id",
                                        "loss_perc"};
    lt_json *object = NULL;
    if (lt_json_parse(ctx, "log", line, length, &object))
        return;
    for (size_t i = 0; i < sizeof terms / sizeof terms[0]; i++)
        if (golden_has(g, terms[i]))
            golden_check_element(g, terms[i], step,
                                 (float)lt_json_number(lt_json_get(object, terms[i]), NAN));
    lt_json_free(object);
}

static void compare_log(lt_ctx *ctx, struct golden *g, const char *path)
{
    void *data = NULL;
    size_t size, at = 0;
    int steps = 0;
    if (lt_file_read(ctx, path, (size_t)1 << 24, &data, &size))
        return;
    const char *text = data;
    while (at < size) {
        const char *end = memchr(text + at, '\n', size - at);
        const size_t length = end ? (size_t)(end - text) - at : size - at;
        compare_line(ctx, g, text + at, length, steps++);
        at += length + 1;
    }
    free(data);
    const lt_tensor *loss = golden_tensor(g, "loss");
    if (loss && steps != (int)lt_numel(loss))
        lt_fail(ctx, LT_ERR_FORMAT, "%s has %d lines instead of %d", path, steps,
                (int)lt_numel(loss));
}

/* ---- trained weights ---- */

/* The network "mapper-N" of the run, as the formula makes it. */
static lt_status initial_mapper(lt_ctx *ctx, struct golden *g, lt_params *initial)
{
    for (int latents = 8; latents <= 18; latents++) {
        char key[32];
        snprintf(key, sizeof key, "weights:mapper-%d", latents);
        if (golden_has_text(g, key))
            return formula_params(ctx, key + strlen("weights:"), 1, initial);
    }
    return lt_fail(ctx, LT_ERR_MISSING, "the golden names no mapper");
}

static void compare_weights(lt_ctx *ctx, struct golden *g, const lt_params *mapper,
                            const lt_params *initial)
{
    char delta[32], param[32], stored[160];
    const lt_tensor *loss = golden_tensor(g, "loss");
    const int steps = loss ? (int)lt_numel(loss) : 0;
    snprintf(delta, sizeof delta, "step%02d.delta", steps);
    snprintf(param, sizeof param, "step%02d.param", steps);
    for (size_t i = 0; i < lt_params_count(initial); i++) {
        const char *name = lt_params_name(initial, i);
        lt_tensor *was = lt_params_at(initial, i), *now = lt_params_find(mapper, name);
        if (!now || !lt_same_shape(now, was)) {
            lt_fail(ctx, LT_ERR_MISSING, "the mapper has no tensor %s of that shape", name);
            return;
        }
        const lt_scope scope = lt_scope_open(ctx);
        snprintf(stored, sizeof stored, "%s.%s", delta, name);
        if (golden_has(g, stored))
            golden_check_summary(g, delta, name, was, lt_sub(ctx, now, was));
        snprintf(stored, sizeof stored, "%s.%s", param, name);
        if (golden_has(g, stored))
            golden_check_summary(g, param, name, was, now);
        lt_scope_close(ctx, scope, NULL);
    }
}

static void compare_mapper(lt_ctx *ctx, struct golden *g, const char *path)
{
    lt_params *mapper = NULL, *initial = NULL;
    lt_status status = lt_params_create(ctx, &mapper);
    if (status == LT_OK)
        status = lt_params_create(ctx, &initial);
    if (status == LT_OK)
        status = lt_params_load(ctx, mapper, path, NULL);
    if (status == LT_OK)
        status = initial_mapper(ctx, g, initial);
    if (status == LT_OK)
        compare_weights(ctx, g, mapper, initial);
    lt_params_free(mapper);
    lt_params_free(initial);
}

/* ---- token ids ---- */

/* A list of lists of ids against the rows of `tokens`, which are padded with 0. */
static void compare_ids(lt_ctx *ctx, struct golden *g, const char *path)
{
    void *text = NULL;
    size_t size;
    lt_json *list = NULL;
    const lt_tensor *tokens = golden_tensor(g, "tokens");
    lt_status status = lt_ctx_status(ctx);
    if (status == LT_OK)
        status = lt_file_read(ctx, path, (size_t)1 << 24, &text, &size);
    if (status == LT_OK)
        status = lt_json_parse(ctx, path, text, size, &list);
    if (status == LT_OK && (int64_t)lt_json_count(list) != lt_dim(tokens, 0))
        status = lt_fail(ctx, LT_ERR_FORMAT, "%s has %zu texts", path, lt_json_count(list));
    for (int64_t i = 0; status == LT_OK && i < lt_numel(tokens); i++) {
        const int64_t row = i / lt_dim(tokens, 1), column = i % lt_dim(tokens, 1);
        const lt_json *ids = lt_json_at(list, (size_t)row);
        const double id = lt_json_number(lt_json_at(ids, (size_t)column), 0);
        if (id != lt_i32(tokens)[i])
            status = lt_fail(ctx, LT_ERR_FORMAT, "text %d, token %d is %g instead of %d", (int)row,
                             (int)column, id, (int)lt_i32(tokens)[i]);
    }
    lt_json_free(list);
    free(text);
}

/* False where the arguments are not understood. */
static bool compare(lt_ctx *ctx, struct golden *g, int argc, char **argv)
{
    int i = 0;
    while (i + 1 < argc) {
        const char *option = argv[i], *path = argv[i + 1];
        i += 2;
        if (strcmp(option, "--dump") == 0) {
            const int pairs = compare_dump(ctx, g, path, argc - i, argv + i);
            if (pairs == 0)
                return false;
            i += pairs;
        } else if (strcmp(option, "--log") == 0) {
            compare_log(ctx, g, path);
        } else if (strcmp(option, "--mapper") == 0) {
            compare_mapper(ctx, g, path);
        } else if (strcmp(option, "--ids") == 0) {
            compare_ids(ctx, g, path);
        } else {
            return false;
        }
    }
    return argc > 0 && i == argc;
}

int main(int argc, char **argv)
{
    lt_ctx *ctx;
    if (argc < 2)
        return usage();
    if (lt_ctx_create(&ctx))
        return 1;
    struct golden *g = golden_open(ctx, argv[1]);
    int status = 1;
    if (g) {
        golden_allow_partial(g);
        const bool understood = compare(ctx, g, argc - 2, argv + 2);
        if (lt_ctx_status(ctx))
            printf("  FAIL %s: %s\n", argv[1], lt_ctx_message(ctx));
        const int failures = golden_close(g);
        status = !understood ? usage() : failures > 0 || lt_ctx_status(ctx) != LT_OK;
    }
    lt_ctx_destroy(ctx);
    return status;
}
