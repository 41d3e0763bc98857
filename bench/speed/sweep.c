#define _POSIX_C_SOURCE 200809L
#include "bench/speed/sweep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/speed/machine.h"
#include "bench/speed/measure.h"
#include "bench/speed/output.h"
#include "cli/pictures/canvas.h"
#include "cli/pictures/image_file.h"
#include "cli/pictures/plot.h"

static const struct work *const works[] = {&work_generator, &work_generator_gradient,
                                           &work_train_step};
enum { WORKS = 3, FIRST_SIZE = 64, MOST_BATCH = 4, TEAMS = 2, MOST_POINTS = 4 + MOST_BATCH };

struct point {
    int size, batch;
    struct figures f;
};

/* The points of one work with one number of threads: all resolutions at batch 1, then the larger
 * batches at the largest resolution. */
struct line {
    const struct work *work;
    int threads, count;
    struct point point[MOST_POINTS];
};

/* ---- files ---- */

static bool write_csv(const char *path, const struct line *lines, int count)
{
    struct output out;
    output_open(&out, path);
    if (out.file) {
        fprintf(
            out.file,
            "work,size,batch,threads,gflop,median_s,min_s,max_s,gflops,peak_rss_bytes,peak_tensor_bytes\n");
        for (int i = 0; i < count; i++)
            for (int k = 0; k < lines[i].count; k++) {
                const struct point *p = &lines[i].point[k];
                fprintf(out.file, "%s,%d,%d,%d,%.3f,%.6f,%.6f,%.6f,%.2f,%lld,%lld\n",
                        lines[i].work->key, p->size, p->batch, lines[i].threads, p->f.gflop,
                        p->f.median_s, p->f.min_s, p->f.max_s, p->f.gflop / p->f.median_s,
                        (long long)p->f.peak_rss_bytes, (long long)p->f.peak_tensor_bytes);
            }
    }
    return output_close(&out);
}

static bool write_json(const char *path, const struct line *lines, int count)
{
    struct output out;
    output_open(&out, path);
    const char *before = "[\n";
    for (int i = 0; out.file && i < count; i++)
        for (int k = 0; k < lines[i].count; k++, before = ",\n") {
            const struct point *p = &lines[i].point[k];
            fprintf(
                out.file,
                "%s{\"work\": \"%s\", \"size\": %d, \"batch\": %d, \"threads\": %d, \"gflop\": %.3f, \"median_s\": %.6f, "
                "\"min_s\": %.6f, \"max_s\": %.6f, \"gflops\": %.2f, \"peak_rss_bytes\": %lld, \"peak_tensor_bytes\": %lld}",
                before, lines[i].work->key, p->size, p->batch, lines[i].threads, p->f.gflop,
                p->f.median_s, p->f.min_s, p->f.max_s, p->f.gflop / p->f.median_s,
                (long long)p->f.peak_rss_bytes, (long long)p->f.peak_tensor_bytes);
        }
    if (out.file)
        fputs("\n]\n", out.file);
    return output_close(&out);
}

/* ---- plot ---- */

static double seconds_of(const struct point *p) { return p->f.median_s; }
static double gigabytes_of(const struct point *p) { return (double)p->f.peak_rss_bytes / 1e9; }

/* Draws one value of all points over GFLOP, a curve for each line. */
static lt_status draw_panel(lt_ctx *ctx, const struct line *lines, int count,
                            double (*value)(const struct point *p), const char *title,
                            const char *label, ce_image *out)
{
    static double x[WORKS * TEAMS][MOST_POINTS], y[WORKS * TEAMS][MOST_POINTS];
    static char name[WORKS * TEAMS][96];
    ce_series series[WORKS * TEAMS];
    for (int i = 0; i < count; i++) {
        const struct line *l = &lines[i];
        size_t points = 0;
        for (int k = 0; k < l->count; k++) {
            x[i][points] = l->point[k].f.gflop;
            y[i][points++] = value(&l->point[k]);
        }
        snprintf(name[i], sizeof name[i], "%s, %d thread%s", l->work->name, l->threads,
                 l->threads > 1 ? "s" : "");
        series[i] = (ce_series){name[i], x[i], y[i], points, true};
    }
    const ce_plot plot = {.title = title,
                          .x_label = "GFLOP (64 to 1024 pixels a side, then batches of 2 to 4)",
                          .y_label = label,
                          .width = 1000,
                          .height = 760,
                          .log_x = true,
                          .log_y = true,
                          .series = series,
                          .n_series = (size_t)count};
    return ce_plot_render(ctx, &plot, out);
}

/* Writes a picture of two panels, time and memory. */
static bool write_plot(const char *path, const struct line *lines, int count)
{
    lt_ctx *ctx;
    ce_image time = {0}, memory = {0}, both = {0};
    if (lt_ctx_create(&ctx) != LT_OK)
        return false;
    lt_status status = draw_panel(ctx, lines, count, seconds_of, "Time", "seconds", &time);
    if (status == LT_OK)
        status = draw_panel(ctx, lines, count, gigabytes_of, "Peak memory of the process", "GB",
                            &memory);
    if (status == LT_OK)
        status = ce_image_create(ctx, time.width + memory.width, time.height, &both);
    if (status == LT_OK) {
        ce_canvas_blit(&both, 0, 0, &time);
        ce_canvas_blit(&both, time.width, 0, &memory);
        status = ce_image_write(ctx, path, &both, NULL, 0);
    }
    if (status != LT_OK)
        fprintf(stderr, "bench: %s\n", lt_ctx_message(ctx));
    ce_image_free(&time);
    ce_image_free(&memory);
    ce_image_free(&both);
    lt_ctx_destroy(ctx);
    return status == LT_OK;
}

/* ---- measuring ---- */

/* Measures the points of a line and prints them; false after a message. */
static bool fill_line(const struct setup *base, struct line *line)
{
    for (int size = FIRST_SIZE; size <= base->size; size *= 2)
        for (int batch = 1; batch <= (size == base->size ? MOST_BATCH : 1); batch++) {
            struct setup setup = *base;
            struct point *p = &line->point[line->count];
            setup.size = size;
            setup.batch = batch;
            setup.threads = line->threads;
            if (!setup_prepare(&setup))
                return false;
            measure_work(&setup, line->work, &p->f);
            p->size = size;
            p->batch = batch;
            if (!p->f.done) {
                fprintf(stderr, "bench: %s, %d, batch %d: %s\n", line->work->key, size, batch,
                        p->f.note);
                return false;
            }
            printf("%-20s %5d %6d %8d %10.2f %10.4f %10.1f %9.2f\n", line->work->key, size, batch,
                   line->threads, p->f.gflop, p->f.median_s, p->f.gflop / p->f.median_s,
                   (double)p->f.peak_rss_bytes / 1e9);
            line->count++;
        }
    return true;
}

int sweep(struct options *o)
{
    static struct line lines[WORKS * TEAMS];
    struct machine m;
    int count = 0;
    bool good = measure_machine(&o->setup, &m);
    printf(
        "%s, load before the run %.2f, SGEMM peak %.0f GFLOP/s with %d threads; median of %d\n\n",
        m.cpu, m.load, m.sgemm, o->setup.threads, o->setup.runs);
    printf("%-20s %5s %6s %8s %10s %10s %10s %9s\n", "work", "size", "batch", "threads", "GFLOP",
           "median s", "GFLOP/s", "peak GB");
    for (int team = 0; team < TEAMS; team++)
        for (int w = 0; w < WORKS && good; w++) {
            if ((team == 0 && o->setup.threads == 1) ||
                (o->only && strcmp(o->only, works[w]->key) != 0))
                continue;
            lines[count] =
                (struct line){.work = works[w], .threads = team == 0 ? 1 : o->setup.threads};
            good = fill_line(&o->setup, &lines[count++]);
        }
    if (good && o->csv)
        good = write_csv(o->csv, lines, count);
    if (good && o->json)
        good = write_json(o->json, lines, count);
    if (good && o->plot)
        good = write_plot(o->plot, lines, count);
    return !good;
}
