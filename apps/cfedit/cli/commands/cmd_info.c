/* cfedit info: what is in a weight file; versions, BLAS and CPU features in use. */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/commands/info_file.h"
#include "cli/commands/info_picture.h"
#include "cli/commands/info_words.h"
#include "cli/inout/output.h"
#include "cli/console/options.h"
#include "cli/console/report.h"
#include "tensor/kernels/gemm/blas.h"
#include "tensor/kernels/gemm/in_use.h"

#define RATE_SIZE    1024 /* rows and columns of the matrices whose product is timed */
#define RATE_SECONDS 0.4

/* GFLOP/s of square products on the context's threads: the best of several within RATE_SECONDS. 0
 * with a failure recorded where memory ran out. */
static double sgemm_rate(lt_ctx *ctx)
{
    const int64_t n = RATE_SIZE;
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *a = lt_zeros(ctx, 2, (int64_t[]){n, n}), *c = lt_zeros(ctx, 2, (int64_t[]){n, n});
    const double end = ce_seconds() + RATE_SECONDS;
    double best = 0;
    for (int run = 0; a && c && (run < 2 || ce_seconds() < end); run++) {
        const double start = ce_seconds();
        lt_sgemm(ctx, false, false, n, n, n, 1.0f, lt_f32(a), n, lt_f32(a), n, 0.0f, lt_f32(c), n);
        const double rate = 2e-9 * (double)n * (double)n * (double)n / (ce_seconds() - start);
        best = rate > best ? rate : best;
    }
    lt_scope_close(ctx, scope, NULL);
    return best;
}

static int describe_machine(struct ce_run *run)
{
    const lt_cpu_info cpu = lt_cpu_describe(run->ctx);
    const double rate = sgemm_rate(run->ctx);
    if (lt_ctx_status(run->ctx) != LT_OK)
        return ce_fail(run);
    if (!run->json) {
        printf("cfedit %s\n"
               "cpu      %s, %d cores, %d threads in use\n"
               "isa      %s (this program's own loops)\n"
               "blas     %s\n"
               "kernels  %s\n"
               "sgemm    %.0f GFLOP/s (%d x %d, float32)\n",
               LT_VERSION_STRING, cpu.cpu[0] ? cpu.cpu : "unknown", cpu.cores,
               lt_ctx_threads(run->ctx), cpu.isa, cpu.blas, cpu.kernels, rate, RATE_SIZE,
               RATE_SIZE);
        return CE_OK;
    }
    lt_json_writer *w = lt_json_writer_create();
    lt_json_begin_object(w);
    lt_json_put_key(w, "version");
    lt_json_put_string(w, LT_VERSION_STRING);
    lt_json_put_key(w, "cpu");
    lt_json_put_string(w, cpu.cpu);
    lt_json_put_key(w, "cores");
    lt_json_put_int(w, cpu.cores);
    lt_json_put_key(w, "threads");
    lt_json_put_int(w, lt_ctx_threads(run->ctx));
    lt_json_put_key(w, "isa");
    lt_json_put_string(w, cpu.isa);
    lt_json_put_key(w, "blas");
    lt_json_put_string(w, cpu.blas);
    lt_json_put_key(w, "kernels");
    lt_json_put_string(w, cpu.kernels);
    lt_json_put_key(w, "sgemm_gflops");
    lt_json_put_double(w, rate);
    lt_json_end_object(w);
    return ce_print_json(run, w);
}

static lt_status describe_weights(struct ce_run *run, const char *path, bool tensors,
                                  lt_json_writer *w)
{
    struct ce_file_facts facts = {0};
    const lt_status status = ce_file_facts_read(run, path, &facts);
    if (status == LT_OK && w)
        ce_file_facts_put(w, &facts, tensors);
    else if (status == LT_OK)
        ce_file_facts_print(&facts, tensors);
    ce_file_facts_free(&facts);
    return status;
}

static int describe_files(struct ce_run *run, const struct ce_list *files, bool tensors)
{
    lt_json_writer *w = run->json ? lt_json_writer_create() : NULL;
    lt_status status = LT_OK;
    lt_json_begin_array(w);
    for (size_t i = 0; status == LT_OK && i < files->count; i++)
        status = ce_is_picture_name(files->items[i])
                     ? ce_info_picture(run, files->items[i], w)
                     : describe_weights(run, files->items[i], tensors, w);
    lt_json_end_array(w);
    if (status != LT_OK) {
        lt_json_writer_free(w);
        return ce_fail(run);
    }
    return run->json ? ce_print_json(run, w) : CE_OK;
}

int ce_cmd_info(struct ce_run *run, int argc, char **argv)
{
    struct ce_list files = {0};
    bool tensors = false, words = false;
    const struct ce_option table[] = {
        CE_OPT_FLAG("tensors", &tensors, "list every tensor with type and shape"),
        CE_OPT_FLAG("words", &words, "list the words that the model knows, by kind"),
    };
    const struct ce_syntax syntax = {
        .usage = "[OPTION]... [FILE]...",
        .about =
            "Without a file: the program's version, the BLAS and the CPU features in use, and the\n"
            "speed of a short matrix product. With safetensors files: what each is, its sizes\n"
            "and metadata, and what is missing for a network of its kind. With a picture that cfedit\n"
            "has edited: what it was made of, and the command line that makes it again.",
        .examples = "  cfedit info\n"
                    "  cfedit info generator.safetensors clip.safetensors\n"
                    "  cfedit info edit.png\n"
                    "  cfedit info --words --model my-model/",
        .takes = CE_TAKES_CLIP,
        .table = table,
        .count = CE_COUNT(table),
        .arguments = &files,
        .files = true,
    };
    const int status = ce_options_parse(run, &syntax, argc, argv);
    if (status != CE_PARSED)
        return status;
    if (words)
        return ce_info_words(run);
    return files.count ? describe_files(run, &files, tensors) : describe_machine(run);
}
