/* Times the parts of CF-CLIP at full size on weights drawn by formula (no checkpoints needed).
 *
 *     bench [--runs N] [--threads N] [--size 256|512|1024] [--json FILE] [--only TEXT]
 *
 * Every row is warmed up once and repeated N times; the table shows median, minimum and maximum, the
 * arithmetic rate where the multiply-adds are known, its share of the SGEMM peak measured in the same run, and
 * the peak of tensor memory. Nothing here passes or fails. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "autograd/ops.h"
#include "cfedit/report.h"
#include "cfedit/trainer.h"
#include "tensor/blas.h"
#include "tests/parity/formula.h"

enum { MAX_RUNS = 101, COPIES = 8 };

struct bench {
    lt_ctx *ctx;
    int runs, size;
    const char *only;
    double peak; /* SGEMM, GFLOP/s */
    FILE *json;
    struct ce_models models;
    lt_params *mapper_params;
    struct ce_trainer *trainer;
    lt_tensor *w, *pixels, *ids;
};

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

typedef lt_status work_fn(struct bench *b);

/* `gflop`: arithmetic of one run, 0 where it is not counted. */
static lt_status row(struct bench *b, const char *work, double gflop, work_fn *fn)
{
    if (b->only && !strstr(work, b->only))
        return LT_OK;
    double t[MAX_RUNS];
    lt_ctx_trim(b->ctx);
    lt_ctx_reset_peak(b->ctx);
    for (int i = -1; i < b->runs; i++) {
        const lt_scope scope = lt_scope_open(b->ctx);
        const double start = ce_seconds();
        const lt_status status = fn(b);
        const double seconds = ce_seconds() - start;
        lt_scope_close(b->ctx, scope, NULL);
        if (status != LT_OK)
            return status;
        if (i >= 0)
            t[i] = seconds;
    }
    qsort(t, (size_t)b->runs, sizeof *t, by_value);
    const double median = b->runs % 2 ? t[b->runs / 2] : 0.5 * (t[b->runs / 2 - 1] + t[b->runs / 2]);
    const double rate = gflop / median;
    const double memory = (double)lt_ctx_memory(b->ctx).peak_bytes;
    char rates[48] = "                ";
    if (gflop > 0.0)
        snprintf(rates, sizeof rates, "%7.0f  %5.0f %%", rate, 100.0 * rate / b->peak);
    printf("%-46s %8.3f  %8.3f  %8.3f  %s  %7.2f\n", work, median, t[0], t[b->runs - 1], rates, memory / 1e9);
    fflush(stdout);
    if (b->json)
        fprintf(b->json,
                "{\"work\": \"%s\", \"median_s\": %.6f, \"min_s\": %.6f, \"max_s\": %.6f, \"peak_tensor_bytes\": %.0f, "
                "\"gflops\": %.1f, \"peer\": null, \"ratio\": null}\n",
                work, median, t[0], t[b->runs - 1], memory, rate);
    return LT_OK;
}

static lt_status generate(struct bench *b)
{
    lt_no_grad_begin(b->ctx);
    const bool ok = lt_stylegan2_synthesis(b->ctx, b->models.generator, b->w);
    lt_no_grad_end(b->ctx);
    return ok ? LT_OK : lt_ctx_status(b->ctx);
}

static lt_status generate_gradient(struct bench *b)
{
    lt_zero_grad(b->w);
    lt_set_requires_grad(b->ctx, b->w, true);
    const lt_status status = lt_backward(b->ctx, lt_mean(b->ctx, lt_stylegan2_synthesis(b->ctx, b->models.generator, b->w), 0, false));
    lt_set_requires_grad(b->ctx, b->w, false);
    return status;
}

static lt_status embed_images(struct bench *b)
{
    lt_no_grad_begin(b->ctx);
    const bool ok = lt_clip_encode_image(b->ctx, b->models.clip, b->pixels);
    lt_no_grad_end(b->ctx);
    return ok ? LT_OK : lt_ctx_status(b->ctx);
}

static lt_status embed_images_gradient(struct bench *b)
{
    lt_zero_grad(b->pixels);
    lt_set_requires_grad(b->ctx, b->pixels, true);
    const lt_status status = lt_backward(b->ctx, lt_mean(b->ctx, lt_clip_encode_image(b->ctx, b->models.clip, b->pixels), 0, false));
    lt_set_requires_grad(b->ctx, b->pixels, false);
    return status;
}

static lt_status embed_texts(struct bench *b)
{
    lt_no_grad_begin(b->ctx);
    const bool ok = lt_clip_encode_text(b->ctx, b->models.clip, b->ids);
    lt_no_grad_end(b->ctx);
    return ok ? LT_OK : lt_ctx_status(b->ctx);
}

static lt_status train(struct bench *b) { return ce_trainer_step(b->trainer, NULL); }

/* 79 sentences of 8 to 14 tokens, as the templates give for a target of two words. */
static lt_tensor *sentences(lt_ctx *ctx, const lt_clip_config *c)
{
    lt_tensor *ids = lt_empty(ctx, LT_I32, 2, (int64_t[]){79, c->context_length});
    if (!ids)
        return NULL;
    memset(lt_i32(ids), 0, sizeof(int32_t) * 79 * (size_t)c->context_length);
    for (int i = 0; i < 79; i++) {
        int32_t *r = lt_i32(ids) + i * c->context_length;
        const int length = 8 + i % 7;
        for (int j = 0; j < length; j++)
            r[j] = j == 0 ? c->vocab_size - 2 : j == length - 1 ? c->vocab_size - 1 : (i * 131 + j * 17) % 40000;
    }
    return ids;
}

static lt_status open_nets(struct bench *b)
{
    lt_ctx *ctx = b->ctx;
    struct ce_models *m = &b->models;
    char name[32];
    snprintf(name, sizeof name, "stylegan2-%d", b->size);
    m->ctx = ctx;
    m->domain = "face";
    m->truncation = 1.0;
    lt_status status = lt_params_create(ctx, &m->generator_params);
    if (status == LT_OK)
        status = formula_params(ctx, name, 1, m->generator_params);
    if (status == LT_OK)
        status = lt_stylegan2_create(ctx, m->generator_params, &m->generator);
    if (status == LT_OK)
        status = lt_params_create(ctx, &m->clip_params);
    if (status == LT_OK)
        status = formula_params(ctx, "clip-vit-b32", 1, m->clip_params);
    if (status == LT_OK)
        status = lt_clip_create(ctx, m->clip_params, &m->clip);
    /* Any vocabulary does for timing: a few merges, so that words are a few tokens each. */
    static const char merges[] = "#version: 0.2\ne r\ni n\no n</w>\na n\nt h\nth e</w>\np h\no t\n";
    if (status == LT_OK)
        status = lt_tokenizer_create(ctx, merges, sizeof merges - 1, &m->tokenizer);
    if (status != LT_OK)
        return status;
    const int64_t layers = lt_stylegan2_latents(m->generator);
    const int64_t pixels[4] = {COPIES, 3, 224, 224};
    b->w = formula_uniform(ctx, "bench.w", 3, (int64_t[]){1, layers, 512}, 1, 0.0f, 1.0f);
    b->pixels = formula_uniform(ctx, "bench.pixels", 4, pixels, 1, 0.0f, 1.0f);
    b->ids = sentences(ctx, lt_clip_describe(m->clip));
    return b->w && b->pixels && b->ids ? LT_OK : lt_ctx_status(ctx);
}

static lt_status open_trainer(struct bench *b)
{
    struct ce_train_config config = ce_train_defaults();
    config.batch = 1;
    config.objective.id_lambda = 0.0f;
    const struct ce_train_data data = {.source_text = "face", .target_text = "green", .latents = b->w};
    lt_status status = lt_params_create(b->ctx, &b->mapper_params);
    if (status == LT_OK)
        status = ce_trainer_create(&b->models, &config, &data, b->mapper_params, &b->trainer);
    return status;
}

static void print_machine(struct bench *b)
{
    const lt_cpu_info info = lt_cpu_describe(b->ctx);
    printf("%s, %d cores, %d threads; %s kernels of %s; own kernels %s\n", info.cpu, info.cores, lt_ctx_threads(b->ctx),
           info.kernels, info.blas, info.isa);
    printf("compiler %s; SGEMM peak %.0f GFLOP/s; %d runs; generator %d x %d, CLIP ViT-B/32\n\n", __VERSION__, b->peak, b->runs,
           b->size, b->size);
    printf("%-46s %8s  %8s  %8s  %7s  %7s  %7s\n", "work", "median s", "min s", "max s", "GFLOP/s", "of peak", "GB");
    if (b->json)
        fprintf(b->json, "{\"work\": \"sgemm peak\", \"gflops\": %.1f, \"kernels\": \"%s\", \"threads\": %d}\n", b->peak,
                info.kernels, lt_ctx_threads(b->ctx));
}

/* Multiply-adds of the synthesis network's convolutions, in 10^9. */
static double generator_macs(const lt_stylegan2 *g)
{
    const lt_stylegan2_config *c = lt_stylegan2_describe(g);
    double sum = 9.0 * c->channels[0] * c->channels[0] * 16.0;
    int level = 1;
    for (int side = 8; side <= c->size; side *= 2, level++) {
        const double area = (double)side * side, in = c->channels[level - 1], out = c->channels[level];
        sum += 9.0 * in * out * area / 4.0 + 9.0 * out * out * area + 3.0 * out * area;
    }
    return sum / 1e9;
}

static lt_status run(struct bench *b)
{
    lt_status status = lt_sgemm_rate(b->ctx, 2048, 1.0, &b->peak);
    if (status == LT_OK)
        status = open_nets(b);
    if (status != LT_OK)
        return status;
    print_machine(b);
    const double g = 2.0 * generator_macs(b->models.generator), v = 2.0 * 4.4 * COPIES;
    char name[64];
    snprintf(name, sizeof name, "generator forward %d", b->size);
    status = row(b, name, g, generate);
    snprintf(name, sizeof name, "generator forward and gradient to W+ %d", b->size);
    if (status == LT_OK)
        status = row(b, name, 2.0 * g, generate_gradient);
    if (status == LT_OK)
        status = row(b, "CLIP 8 pictures forward", v, embed_images);
    if (status == LT_OK)
        status = row(b, "CLIP 8 pictures forward and gradient to pixels", 2.0 * v, embed_images_gradient);
    if (status == LT_OK)
        status = row(b, "CLIP 79 sentences", 0.0, embed_texts);
    snprintf(name, sizeof name, "training step %d, batch 1, 8 copies", b->size);
    if (status == LT_OK)
        status = open_trainer(b);
    if (status == LT_OK)
        status = row(b, name, 2.0 * g + 2.0 * v, train);
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        printf("\npeak memory of the process %.2f GB, weights of both networks included\n", (double)usage.ru_maxrss * 1024e-9);
    return status;
}

int main(int argc, char **argv)
{
    struct bench b = {.runs = 5, .size = 1024};
    const char *json = NULL;
    int64_t threads = 0;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--runs") == 0)
            b.runs = atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--threads") == 0)
            threads = atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--size") == 0)
            b.size = atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--json") == 0)
            json = argv[i + 1];
        else if (strcmp(argv[i], "--only") == 0)
            b.only = argv[i + 1];
    }
    if (b.runs < 1 || b.runs > MAX_RUNS || lt_ctx_create(&b.ctx) != LT_OK) {
        fprintf(stderr, "bench: --runs is outside 1..%d, or out of memory\n", MAX_RUNS);
        return 2;
    }
    b.json = json ? fopen(json, "w") : NULL;
    lt_status status = threads > 0 ? lt_ctx_set_threads(b.ctx, (int)threads) : LT_OK;
    if (status == LT_OK)
        status = run(&b);
    if (status != LT_OK)
        fprintf(stderr, "bench: %s\n", lt_ctx_message(b.ctx));
    if (b.json && fclose(b.json) != 0)
        fprintf(stderr, "bench: %s was not written\n", json);
    ce_trainer_free(b.trainer);
    lt_params_free(b.mapper_params);
    lt_stylegan2_free(b.models.generator);
    lt_clip_free(b.models.clip);
    lt_tokenizer_free(b.models.tokenizer);
    lt_params_free(b.models.generator_params);
    lt_params_free(b.models.clip_params);
    lt_ctx_destroy(b.ctx);
    return status != LT_OK;
}
