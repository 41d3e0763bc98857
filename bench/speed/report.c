#define _POSIX_C_SOURCE 200809L
#include "bench/speed/report.h"

#include <string.h>
#include <time.h>

#include "bench/speed/output.h"
#include "bench/speed/peers.h"
#include "tensor/files/json.h"

/* ---- table ---- */

void report_machine(FILE *out, const struct setup *setup, const struct machine *m,
                    const char *indent)
{
    fprintf(out, "%s%s, %d cores, %d threads; load before the run %.2f\n", indent, m->cpu, m->cores,
            setup->threads, m->load);
    fprintf(out, "%slibtensor: own kernels %s, OpenBLAS %s (%s), compiler %s\n", indent, m->isa,
            m->kernels, m->blas, __VERSION__);
    fprintf(out,
            "%sSGEMM peak %.0f GFLOP/s (2048 x 2048), triad %.1f GB/s; %d runs after %d to warm up",
            indent, m->sgemm, m->triad / 1e9, setup->runs, setup->warmup);
    if (setup->rounds > 1)
        fprintf(out, ", %d rounds", setup->rounds);
    fputc('\n', out);
    fprintf(out, "%sgenerator %d x %d, batch %d, %s\n", indent, setup->size, setup->size,
            setup->batch, setup->clip);
}

void report_header(FILE *out, const char *indent)
{
    fprintf(out, "%s%-50s %9s %9s %9s %8s %8s %8s %7s\n", indent, "work", "median s", "min s",
            "max s", "peak GB", "GFLOP/s", "of peak", "ratio");
}

/* Writes the figures of ours or of a peer; ratio 0: none. */
static void put_line(FILE *out, const struct machine *m, const char *name, const struct figures *f,
                     double ratio)
{
    char rate[40] = "                 ", times[16] = "";
    if (f->gflop > 0.0)
        snprintf(rate, sizeof rate, "%8.0f %6.0f %%", f->gflop / f->median_s,
                 100.0 * f->gflop / f->median_s / m->sgemm);
    if (ratio > 0.0)
        snprintf(times, sizeof times, "%.2f x", ratio);
    fprintf(out, "%-50s %9.3f %9.3f %9.3f %8.2f %s %7s\n", name, f->median_s, f->min_s, f->max_s,
            (double)f->peak_rss_bytes / 1e9, rate, times);
}

void report_row(FILE *out, const struct machine *m, const struct row *row, const char *indent)
{
    fputs(indent, out);
    if (row->ours.done)
        put_line(out, m, row->name, &row->ours, 0.0);
    else
        fprintf(out, "%-50s failed: %s\n", row->name, row->ours.note);
    if (row->ours.done && row->ours.note[0])
        fprintf(out, "%s    %s\n", indent, row->ours.note);
    for (int i = 0; i < row->peers; i++) {
        const struct peer_figures *p = &row->peer[i];
        char name[64];
        snprintf(name, sizeof name, "    %s", p->name);
        fputs(indent, out);
        if (!p->f.done)
            fprintf(out, "%-50s failed: %s\n", name, p->f.note);
        else
            put_line(out, m, name, &p->f, peers_ratio(row, p));
        if (p->f.done && !p->agrees)
            fprintf(out,
                    "%s        computes something else: %s differs by %.1e of its largest value\n",
                    indent, p->error_name, p->error);
        else if (p->f.done)
            fprintf(out, "%s        same results: %s within %.1e of its largest value%s%s\n",
                    indent, p->error_name, p->error, p->f.note[0] ? "; " : "", p->f.note);
    }
    fflush(out);
}

void report_peers(FILE *out, const struct row *rows, int count, const char *indent)
{
    const char *told[BENCH_MAX_PEERS] = {NULL};
    int n = 0;
    for (int i = 0; i < count; i++)
        for (int k = 0; k < rows[i].peers; k++) {
            const struct peer_figures *p = &rows[i].peer[k];
            bool known = !p->about[0];
            for (int j = 0; j < n; j++)
                known = known || strcmp(told[j], p->name) == 0;
            if (known || n == BENCH_MAX_PEERS)
                continue;
            told[n++] = p->name;
            fprintf(out, "%s%s: %s\n", indent, p->name, p->about);
        }
}

/* ---- JSON ---- */

/* Writes a number, or null where it is not known. */
static void put_number(lt_json_writer *w, const char *key, double value, bool there)
{
    lt_json_put_key(w, key);
    if (there)
        lt_json_put_double(w, value);
    else
        lt_json_put_null(w);
}

/* Writes a text, or null where it is NULL or empty. */
static void put_text(lt_json_writer *w, const char *key, const char *text)
{
    lt_json_put_key(w, key);
    lt_json_put_string(w, text && *text ? text : NULL);
}

/* Writes the object of a row and one of its peers, or NULL for a row without peers. */
static void put_object(lt_json_writer *w, const struct setup *setup, const struct machine *m,
                       const struct row *row, const struct peer_figures *p)
{
    const struct figures *f = &row->ours;
    const bool peer = p && p->f.done;
    const double ratio = p ? peers_ratio(row, p) : 0.0;
    lt_json_begin_object(w);
    put_text(w, "work", row->name);
    put_text(w, "key", row->key);
    put_number(w, "median_s", f->median_s, f->done);
    put_number(w, "min_s", f->min_s, f->done);
    put_number(w, "max_s", f->max_s, f->done);
    put_number(w, "peak_rss_bytes", (double)f->peak_rss_bytes, f->done);
    put_number(w, "gflops", f->gflop / f->median_s, f->done && f->gflop > 0.0);
    put_text(w, "peer", p ? p->name : NULL);
    put_number(w, "ratio", ratio, ratio > 0.0);
    put_number(w, "peer_median_s", peer ? p->f.median_s : 0.0, peer);
    put_number(w, "peer_min_s", peer ? p->f.min_s : 0.0, peer);
    put_number(w, "peer_max_s", peer ? p->f.max_s : 0.0, peer);
    put_number(w, "peer_peak_rss_bytes", peer ? (double)p->f.peak_rss_bytes : 0.0, peer);
    put_number(w, "peer_error", peer ? p->error : 0.0, peer);
    put_text(w, "peer_error_of", peer ? p->error_name : NULL);
    put_text(w, "peer_about", p ? p->about : NULL);
    put_number(w, "cpu_s", f->cpu_s, f->cpu_s > 0.0);
    put_number(w, "peak_tensor_bytes", (double)f->peak_tensor_bytes, f->peak_tensor_bytes > 0);
    put_number(w, "gflop", f->gflop, f->gflop > 0.0);
    put_number(w, "sgemm_share", f->gflop / f->median_s / m->sgemm, f->done && f->gflop > 0.0);
    put_number(w, "step_s", f->step_s, f->step_s > 0.0);
    put_text(w, "note", f->note);
    put_number(w, "runs", f->runs, true);
    put_number(w, "threads", setup->threads, true);
    put_number(w, "size", setup->size, true);
    put_number(w, "batch", setup->batch, true);
    put_text(w, "clip", setup->clip);
    put_number(w, "sgemm_gflops", m->sgemm, true);
    put_number(w, "triad_bytes_s", m->triad, true);
    put_text(w, "cpu", m->cpu);
    put_text(w, "kernels", m->isa);
    put_text(w, "blas", m->blas);
    put_text(w, "blas_kernels", m->kernels);
    put_text(w, "compiler", __VERSION__);
    put_number(w, "load", m->load, true);
    lt_json_end_object(w);
}

bool report_json(const char *path, const struct setup *setup, const struct machine *m,
                 const struct row *rows, int count)
{
    struct output out;
    output_open(&out, path);
    lt_json_writer *w = lt_json_writer_create();
    const char *before = "[\n";
    for (int i = 0; out.file && w && i < count; i++)
        for (int k = 0; k == 0 || k < rows[i].peers; k++) {
            lt_json_writer_reset(w);
            put_object(w, setup, m, &rows[i], k < rows[i].peers ? &rows[i].peer[k] : NULL);
            const char *text = lt_json_writer_text(w, NULL);
            fprintf(out.file, "%s%s", before, text ? text : "null");
            before = ",\n";
        }
    if (out.file)
        fprintf(out.file, "%s\n]\n", count ? "" : "[");
    lt_json_writer_free(w);
    return output_close(&out);
}

/* ---- markdown ---- */

bool report_markdown(const char *path, const struct setup *setup, const struct machine *m,
                     const struct row *rows, int count)
{
    struct output out;
    char day[32];
    const time_t now = time(NULL);
    struct tm parts;
    output_open(&out, path);
    if (out.file && gmtime_r(&now, &parts) && strftime(day, sizeof day, "%Y-%m-%d", &parts)) {
        fprintf(out.file, "# Last full run of `make bench`, %s\n\n", day);
        fprintf(
            out.file,
            "Weights by formula. Peak memory is that of the row's process, weights included. A ratio is the peer's median divided by ours. "
            "bench/README.md describes the works and the peers.\n\n");
        report_machine(out.file, setup, m, "    ");
        report_peers(out.file, rows, count, "    ");
        fputs("\n", out.file);
        report_header(out.file, "    ");
        for (int i = 0; i < count; i++)
            report_row(out.file, m, &rows[i], "    ");
    }
    return output_close(&out);
}
