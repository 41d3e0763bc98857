/* Memory that lives as long as a run, and the one line that tells an error. */
#include "cli/console/run.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ce_block {
    struct ce_block *next;
    alignas(max_align_t) unsigned char data[];
};

void *ce_alloc(struct ce_run *run, size_t count, size_t size)
{
    size_t bytes;
    struct ce_block *block = NULL;
    if (!__builtin_mul_overflow(count, size, &bytes) &&
        !__builtin_add_overflow(bytes, sizeof *block, &bytes))
        block = calloc(1, bytes);
    if (!block) {
        if (run->ctx)
            lt_fail(run->ctx, LT_ERR_MEMORY, "out of memory for %zu x %zu bytes", count, size);
        return NULL;
    }
    block->next = run->blocks;
    run->blocks = block;
    return block->data;
}

struct ce_block *ce_mark(const struct ce_run *run) { return run->blocks; }

void ce_release(struct ce_run *run, struct ce_block *mark)
{
    while (run->blocks != mark) {
        struct ce_block *next = run->blocks->next;
        free(run->blocks);
        run->blocks = next;
    }
}

char *ce_text(struct ce_run *run, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = length < 0 ? NULL : ce_alloc(run, (size_t)length + 1, 1);
    if (!text)
        return NULL;
    va_start(args, format);
    vsnprintf(text, (size_t)length + 1, format, args);
    va_end(args);
    return text;
}

char *ce_keep(struct ce_run *run, char *text)
{
    char *kept = text ? ce_text(run, "%s", text) : NULL;
    free(text);
    return kept;
}

/* File names and texts may hold line feeds and escape sequences. Their control characters are
 * replaced, so that a message is one line and cannot steer a terminal. */
static void tell(const struct ce_run *run, bool hint, const char *format, va_list args)
{
    char line[4096];
    size_t at = (size_t)snprintf(line, sizeof line, "cfedit: ");
    if (run && run->command)
        at += (size_t)snprintf(line + at, sizeof line - at, "%s: ", run->command);
    vsnprintf(line + at, sizeof line - at, format, args);
    at = strlen(line);
    if (hint)
        snprintf(line + at, sizeof line - at, "; see 'cfedit%s%s --help'",
                 run && run->command ? " " : "", run && run->command ? run->command : "");
    for (char *c = line; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    fprintf(stderr, "%s\n", line);
}

int ce_error(const struct ce_run *run, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tell(run, false, format, args);
    va_end(args);
    return CE_ERROR;
}

int ce_usage_error(const struct ce_run *run, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tell(run, true, format, args);
    va_end(args);
    return CE_USAGE;
}

int ce_fail(const struct ce_run *run)
{
    const char *message = run->ctx ? lt_ctx_message(run->ctx) : "";
    return ce_error(run, "%s", message[0] ? message : "out of memory");
}

void ce_run_end(struct ce_run *run)
{
    lt_ctx_destroy(run->ctx);
    run->ctx = NULL;
    ce_release(run, NULL);
}
