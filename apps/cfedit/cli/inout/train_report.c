/* The log, the loss curve and the sheets of pictures of a training. */
#define _POSIX_C_SOURCE 200809L /* stat, truncate */
#include "cli/inout/train_report.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/inout/output.h"
#include "cli/pictures/plot.h"
#include "cli/pictures/sheet.h"
#include "tensor/files/file.h"
#include "tensor/files/json_reader.h"

enum { LOG_MAX_BYTES = 1 << 30, RUNNING_MEAN = 100, SHEET_MAX = 8 };

struct ce_train_log {
    lt_ctx *ctx;
    FILE *file;
    lt_json_writer *line;
    char *path;
};

/* ---- the log ---- */

/* *length becomes the number of bytes, from the beginning of `text`, that hold whole lines of steps
 * up to `keep`. LT_ERR_FORMAT where a whole line is not that of a step. */
static lt_status kept_length(lt_ctx *ctx, const char *path, const char *text, size_t size,
                             int64_t keep, size_t *length)
{
    *length = 0;
    while (*length < size) {
        const char *begin = text + *length;
        const char *end = memchr(begin, '\n', size - *length);
        if (!end)
            return LT_OK;
        lt_json *root = NULL;
        int64_t step = 0;
        const lt_status status = lt_json_parse(ctx, path, begin, (size_t)(end - begin), &root);
        const bool is_step = !status && lt_json_int(lt_json_get(root, "step"), &step);
        lt_json_free(root);
        if (!is_step) {
            lt_ctx_clear(ctx);
            return lt_fail(ctx, LT_ERR_FORMAT,
                           "%s: not a training's log; name another file with --log", path);
        }
        if (step > keep)
            return LT_OK;
        *length += (size_t)(end - begin) + 1;
    }
    return LT_OK;
}

static lt_status cut(lt_ctx *ctx, const char *path, int64_t keep)
{
    void *text = NULL;
    size_t size = 0, length = 0;
    lt_status status = lt_file_read(ctx, path, LOG_MAX_BYTES, &text, &size);
    if (!status)
        status = kept_length(ctx, path, text, size, keep, &length);
    free(text);
    if (!status && length < size && truncate(path, (off_t)length))
        status = lt_fail(ctx, LT_ERR_IO, "%s: cannot cut the log: %s", path, strerror(errno));
    return status;
}

lt_status ce_train_log_open(lt_ctx *ctx, const char *path, int64_t keep, struct ce_train_log **out)
{
    *out = NULL;
    /* A pipe or a terminal has no earlier lines to cut. */
    struct stat info;
    const bool more = keep != CE_LOG_ANEW && stat(path, &info) == 0 && S_ISREG(info.st_mode);
    if (more && cut(ctx, path, keep))
        return lt_ctx_status(ctx);
    struct ce_train_log *log = calloc(1, sizeof *log);
    if (!log)
        return lt_fail(ctx, LT_ERR_MEMORY, "out of memory for the log");
    log->ctx = ctx;
    log->line = lt_json_writer_create();
    log->path = strdup(path);
    log->file = fopen(path, more || ce_is_stream(path) ? "ab" : "wb");
    lt_status status = LT_OK;
    if (!log->file)
        status = lt_fail(ctx, LT_ERR_IO, "%s: cannot write the log: %s", path, strerror(errno));
    else if (!log->line || !log->path)
        status = lt_fail(ctx, LT_ERR_MEMORY, "out of memory for the log");
    if (status) {
        ce_train_log_close(log);
        return status;
    }
    *out = log;
    return LT_OK;
}

void ce_train_log_close(struct ce_train_log *log)
{
    if (!log)
        return;
    if (log->file)
        fclose(log->file);
    lt_json_writer_free(log->line);
    free(log->path);
    free(log);
}

/* Adds the terms that are on; a key is `prefix` and the name of the term. */
static void put_terms(lt_json_writer *line, const struct ce_terms *terms, const char *prefix)
{
    float value[CE_TERMS_LOGGED];
    ce_terms_values(terms, value);
    for (int i = 0; i < CE_TERMS_LOGGED; i++) {
        char key[40];
        if (isnan(value[i]))
            continue;
        snprintf(key, sizeof key, "%s%s", prefix, ce_terms_name[i]);
        lt_json_put_key(line, key);
        lt_json_put_float(line, value[i]);
    }
}

static lt_status log_failed(struct ce_train_log *log)
{
    return lt_fail(log->ctx, LT_ERR_IO, "%s: cannot write the log: %s", log->path, strerror(errno));
}

lt_status ce_train_log_write(struct ce_train_log *log, int64_t step, const struct ce_terms *terms,
                             double seconds, const struct ce_terms *validation)
{
    if (!log)
        return LT_OK;
    lt_json_writer *line = log->line;
    lt_json_writer_reset(line);
    lt_json_begin_object(line);
    lt_json_put_key(line, "step");
    lt_json_put_int(line, step);
    put_terms(line, terms, "");
    if (validation)
        put_terms(line, validation, "val_");
    lt_json_put_key(line, "seconds");
    lt_json_put_float(line, (float)seconds);
    lt_json_end_object(line);
    const char *text = lt_json_writer_text(line, NULL);
    if (!text)
        return lt_fail(log->ctx, LT_ERR_MEMORY, "out of memory for the log");
    if (fprintf(log->file, "%s\n", text) < 0 || fflush(log->file))
        return log_failed(log);
    return LT_OK;
}

lt_status ce_train_log_sync(struct ce_train_log *log)
{
    /* A log that is a pipe or a terminal has nothing to sync. */
    if (log && fdatasync(fileno(log->file)) && errno != EINVAL && errno != EROFS)
        return log_failed(log);
    return LT_OK;
}

/* ---- pictures ---- */

lt_status ce_train_plot(lt_ctx *ctx, const struct ce_trainer *trainer, const char *path)
{
    const int64_t n = ce_trainer_steps(trainer);
    double *x = malloc((size_t)(n + 1) * 3 * sizeof *x);
    if (!x)
        return lt_fail(ctx, LT_ERR_MEMORY, "out of memory for the loss curve");
    double *loss = x + n + 1, *mean = loss + n + 1;
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        x[i] = (double)(i + 1);
        loss[i] = (double)ce_trainer_history(trainer, i)[0];
        sum += loss[i] - (i >= RUNNING_MEAN ? loss[i - RUNNING_MEAN] : 0);
        mean[i] = sum / (double)(i < RUNNING_MEAN ? i + 1 : RUNNING_MEAN);
    }
    const ce_series series[] = {
        {.name = "loss", .x = x, .y = loss, .count = (size_t)n},
        {.name = "mean of 100 steps", .x = x, .y = mean, .count = (size_t)n},
    };
    const ce_plot plot = {.title = "training loss",
                          .x_label = "step",
                          .y_label = "loss",
                          .series = series,
                          .n_series = 2};
    ce_image image = {0};
    lt_status status = ce_plot_render(ctx, &plot, &image);
    if (!status)
        status = ce_image_write(ctx, path, &image, NULL, 0);
    ce_image_free(&image);
    free(x);
    return status;
}

lt_status ce_train_sheet(lt_ctx *ctx, struct ce_trainer *trainer, lt_tensor *latents,
                         const char *title, const char *path)
{
    const int n = lt_dim(latents, 0) < SHEET_MAX ? (int)lt_dim(latents, 0) : SHEET_MAX;
    static const char *const row_labels[] = {"before", "after"};
    ce_image picture[2 * SHEET_MAX] = {0}, sheet = {0};
    const ce_image *cell[2 * SHEET_MAX];
    lt_tensor *x = NULL, *x_hat = NULL;
    const lt_scope scope = lt_scope_open(ctx);
    lt_status status = ce_trainer_pictures(trainer, latents, &x, &x_hat);
    for (int i = 0; i < n; i++) {
        cell[i] = &picture[i];
        cell[n + i] = &picture[n + i];
        if (!status)
            status = ce_image_from_tensor(ctx, x, i, &picture[i]);
        if (!status)
            status = ce_image_from_tensor(ctx, x_hat, i, &picture[n + i]);
    }
    const ce_sheet plan = {
        .columns = n, .rows = 2, .cells = cell, .title = title, .row_labels = row_labels};
    if (!status)
        status = ce_sheet_render(ctx, &plan, &sheet);
    if (!status)
        status = ce_image_write(ctx, path, &sheet, NULL, 0);
    for (int i = 0; i < 2 * n; i++)
        ce_image_free(&picture[i]);
    ce_image_free(&sheet);
    lt_scope_close(ctx, scope, NULL);
    return status;
}
