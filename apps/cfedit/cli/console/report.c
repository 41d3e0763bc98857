/* Notes and progress on stderr, results on stdout. */
#define _POSIX_C_SOURCE 200809L /* isatty */
#include "cli/console/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FIRST_INTERVAL   2.0 /* seconds before the first line in a file or a pipe */
#define LONGEST_INTERVAL 60.0
#define REWRITE_INTERVAL 0.1 /* seconds between two versions of the line on a terminal */

void ce_note(const struct ce_run *run, const char *format, ...)
{
    if (run->quiet)
        return;
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

/* "3m05s" */
static const char *duration(double seconds, char *buf, size_t cap)
{
    const long s = (long)(seconds + 0.5);
    if (s >= 3600)
        snprintf(buf, cap, "%ldh%02ldm", s / 3600, s / 60 % 60);
    else if (s >= 60)
        snprintf(buf, cap, "%ldm%02lds", s / 60, s % 60);
    else
        snprintf(buf, cap, "%lds", s);
    return buf;
}

static void show(struct ce_progress *p, double now, const char *note)
{
    char line[256], rate[64] = "", left[64] = "", buf[32];
    const double spent = now - p->begun;
    const int64_t finished = p->done - p->skipped;
    if (finished > 0 && spent > 0) {
        const double per_second = (double)finished / spent;
        if (per_second >= 1)
            snprintf(rate, sizeof rate, ", %.1f/s", per_second);
        else
            snprintf(rate, sizeof rate, ", %.1f s each", 1 / per_second);
        if (p->done < p->total)
            snprintf(left, sizeof left, ", %s left",
                     duration((double)(p->total - p->done) / per_second, buf, sizeof buf));
    }
    int width =
        snprintf(line, sizeof line, "%s: %lld/%lld %s%s%s%s%s", p->what, (long long)p->done,
                 (long long)p->total, p->unit, rate, left, note ? ", " : "", note ? note : "");
    if (width >= (int)sizeof line)
        width = (int)sizeof line - 1;
    if (p->terminal) {
        /* Blanks cover the rest of a longer line that stood here. */
        const int rest = p->width > width ? p->width - width : 0;
        fprintf(stderr, "\r%s%*s", line, rest, "");
        fflush(stderr);
    } else {
        fprintf(stderr, "%s\n", line);
    }
    p->width = width;
    p->shown = now;
}

void ce_progress_begin(struct ce_progress *progress, const struct ce_run *run, const char *what,
                       const char *unit, int64_t total)
{
    *progress = (struct ce_progress){
        .on = !run->quiet,
        .terminal = isatty(STDERR_FILENO) == 1,
        .what = what,
        .unit = unit,
        .total = total,
        .begun = ce_seconds(),
    };
    progress->shown = progress->stepped = progress->begun;
    progress->interval = progress->terminal ? REWRITE_INTERVAL : FIRST_INTERVAL;
}

void ce_progress_stage(struct ce_progress *progress, const char *stage)
{
    progress->staged = true;
    if (progress->on &&
        (progress->terminal || ce_seconds() - progress->shown >= progress->interval))
        show(progress, ce_seconds(), stage);
}

void ce_progress_step(struct ce_progress *progress, int64_t done, const char *note)
{
    const double now = ce_seconds();
    if (progress->staged) {
        progress->skipped += done - progress->done;
        progress->begun += now - progress->stepped;
    }
    progress->staged = false;
    progress->stepped = now;
    progress->done = done;
    if (!progress->on)
        return;
    /* A log needs no line about a loop that is done in a moment. */
    const bool last =
        done >= progress->total && (progress->terminal || now - progress->begun >= FIRST_INTERVAL);
    if (now - progress->shown < progress->interval && !last)
        return;
    show(progress, now, note);
    if (!progress->terminal && progress->interval < LONGEST_INTERVAL)
        progress->interval *= 1.5;
}

void ce_progress_end(struct ce_progress *progress)
{
    if (progress->on && progress->terminal && progress->width > 0)
        fputc('\n', stderr);
    progress->on = false;
}

void ce_print_foreign(const char *text, size_t max)
{
    for (size_t i = 0; i < max && text[i]; i++)
        putchar((unsigned char)text[i] < 0x20 || text[i] == 0x7f ? '?' : text[i]);
    if (strlen(text) > max)
        fputs("...", stdout);
}

int ce_print_json(const struct ce_run *run, lt_json_writer *writer)
{
    const char *text = lt_json_writer_text(writer, NULL);
    const int status = text ? CE_OK : ce_error(run, "out of memory for the results");
    if (text)
        printf("%s\n", text);
    lt_json_writer_free(writer);
    return status;
}

static lt_status no_memory(struct ce_run *run)
{
    return lt_fail(run->ctx, LT_ERR_MEMORY, "out of memory for the results");
}

/* Prints {"a":1,"key":[ where `head` is {"a":1}. */
static lt_status begin_list(struct ce_run *run, struct ce_json_list *list)
{
    size_t length = 0;
    const char *text = lt_json_writer_text(list->head, &length);
    if (list->begun)
        return LT_OK;
    if (!text)
        return no_memory(run);
    printf("%.*s,\"%s\":[", (int)length - 1, text, list->key);
    list->begun = true;
    return LT_OK;
}

lt_status ce_json_list_put(struct ce_run *run, struct ce_json_list *list, lt_json_writer *member)
{
    const char *text = lt_json_writer_text(member, NULL);
    lt_status status = text ? begin_list(run, list) : no_memory(run);
    if (status == LT_OK)
        printf("%s%s", list->count++ > 0 ? "," : "", text);
    lt_json_writer_free(member);
    /* A stdout that cannot be written is told when the program ends. */
    fflush(stdout);
    return status;
}

lt_status ce_json_list_end(struct ce_run *run, struct ce_json_list *list, lt_json_writer *tail)
{
    const char *text = lt_json_writer_text(tail, NULL);
    lt_status status = text || !tail ? begin_list(run, list) : no_memory(run);
    if (status == LT_OK)
        printf("]%s%s\n", text ? "," : "}", text ? text + 1 : "");
    lt_json_writer_free(tail);
    lt_json_writer_free(list->head);
    list->head = NULL;
    return status;
}
