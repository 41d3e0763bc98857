/* The counterfactual benchmark: edits portraits of fixed seeds towards colours that the generator has never seen, and
 * measures each against the renderer's truth.
 *
 *     bench_edit [--model DIR] [--targets lips:green,hair:blue,...] [--seeds N] [--first SEED] [--sheet F.png] [--json F]
 *                [--space style|w+|faces] [--shared] [--steepest] [--adam] [--steps N] [--lr X] [--nce X] [--l2 X] [--l1 X] [--anchor X] [--copies N]
 *                [--temperature X] [--first-layer L] [--last-layer L] [--no-rgb] [--no-pos1] [--no-pos2] [--no-negatives]
 *
 * Prints one line a target: success rate, colour difference to the rendered counterfactual, change outside the part,
 * PSNR to the counterfactual, seconds a picture. For glasses the first seeds that wear them are taken. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/ops.h"
#include "bench/edit/measure_edit.h"
#include "cfedit/image_file.h"
#include "cfedit/latent_edit.h"
#include "cfedit/latents.h"
#include "cfedit/report.h"
#include "cfedit/sheet.h"
#include "weights/captions.h"

enum { MAX_TARGETS = 96, MAX_SEEDS = 256 };

struct arguments {
    const char *targets, *sheet, *json;
    int seeds;
    int64_t first;
    struct ce_latent_edit_config config;
};

struct totals {
    double success, to_target, from_source, outside, psnr, seconds;
    int count;
};

static bool flag(struct arguments *a, const char *name)
{
    if (strcmp(name, "--no-rgb") == 0)
        a->config.edit_rgb = false;
    else if (strcmp(name, "--steepest") == 0)
        a->config.steepest = true;
    else if (strcmp(name, "--adam") == 0)
        a->config.steepest = false;
    else if (strcmp(name, "--shared") == 0)
        a->config.shared_layers = true;
    else if (strcmp(name, "--no-pos1") == 0)
        a->config.nce.use_pos1 = false;
    else if (strcmp(name, "--no-pos2") == 0)
        a->config.nce.use_pos2 = false;
    else if (strcmp(name, "--no-negatives") == 0)
        a->config.nce.use_negatives = false;
    else
        return false;
    return true;
}

static bool read_arguments(struct ce_run *run, struct arguments *a, int argc, char **argv)
{
    struct ce_latent_edit_config *c = &a->config;
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i];
        if (flag(a, name))
            continue;
        if (i + 1 == argc)
            return false;
        const char *value = argv[++i];
        const double number = atof(value);
        const struct { const char *name; float *to; } reals[] = {
            {"--lr", &c->lr}, {"--nce", &c->nce_lambda}, {"--l2", &c->l2_lambda}, {"--l1", &c->l1_lambda},
            {"--anchor", &c->anchor_lambda}, {"--temperature", &c->nce.temperature}};
        const struct { const char *name; int *to; } ints[] = {
            {"--steps", &c->steps}, {"--seeds", &a->seeds}, {"--copies", &c->nce.copies},
            {"--first-layer", &c->first_layer}, {"--last-layer", &c->last_layer}};
        const struct { const char *name; const char **to; } texts[] = {
            {"--targets", &a->targets}, {"--sheet", &a->sheet}, {"--json", &a->json}, {"--model", &run->paths.model}};
        bool known = false;
        for (size_t k = 0; k < sizeof reals / sizeof *reals; k++)
            if (strcmp(name, reals[k].name) == 0) {
                *reals[k].to = (float)number;
                known = true;
            }
        for (size_t k = 0; k < sizeof ints / sizeof *ints; k++)
            if (strcmp(name, ints[k].name) == 0) {
                *ints[k].to = (int)number;
                known = true;
            }
        for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
            if (strcmp(name, texts[k].name) == 0) {
                *texts[k].to = value;
                known = true;
            }
        if (strcmp(name, "--first") == 0) {
            a->first = (int64_t)number;
            known = true;
        }
        if (strcmp(name, "--space") == 0) {
            c->space = strcmp(value, "w+") == 0 ? CE_SPACE_WPLUS : strcmp(value, "faces") == 0 ? CE_SPACE_FACES : CE_SPACE_STYLE;
            known = true;
        }
        if (!known)
            return false;
    }
    return a->seeds >= 1 && a->seeds <= MAX_SEEDS && c->steps >= 1;
}

/* "lips:green,hair:blue" -> targets; 0 for a word that is none. */
static int read_targets(const char *text, struct edit_target *targets)
{
    int count = 0;
    while (*text && count < MAX_TARGETS) {
        char part[32], color[32];
        int used = 0;
        if (sscanf(text, "%31[a-z]:%31[a-z]%n", part, color, &used) != 2)
            return 0;
        int p = 0, c = 0;
        while (p < WORLD_PARTS && strcmp(world_part_name((enum world_part)p), part) != 0)
            p++;
        while (c < WORLD_COLORS && strcmp(world_named((enum world_color)c)->name, color) != 0)
            c++;
        if (p == WORLD_PARTS || c == WORLD_COLORS)
            return 0;
        targets[count++] = (struct edit_target){(enum world_part)p, (enum world_color)c};
        text += used;
        text += *text == ',';
    }
    return count;
}

/* The z of a seed, as ce_latents_from_seeds() draws it. */
static void attributes_of_seed(int64_t seed, struct world_attr *attr)
{
    lt_rng rng = lt_rng_make((uint64_t)seed, 0);
    float z[WORLD_Z];
    for (int i = 0; i < WORLD_Z; i++)
        z[i] = lt_rng_normal(&rng);
    world_attr_from_z(z, attr);
}

struct bench {
    struct ce_run *run;
    struct ce_models models;
    const struct arguments *a;
    ce_image *cells; /* source and edited pictures, target-major */
    FILE *json;
};

static lt_status edit_seed(struct bench *b, const struct edit_target *target, const struct edit_truth *truth,
                           const struct ce_nce_texts *texts, int64_t seed, int index, int slot, struct totals *t)
{
    lt_ctx *ctx = b->models.ctx;
    const lt_scope scope = lt_scope_open(ctx);
    struct ce_latent_edit_result r;
    lt_tensor *w = ce_latents_from_seeds(b->run, &b->models, &seed, 1, 1.0);
    lt_status status = w ? ce_latent_edit_run(&b->models, &b->a->config, texts, w, 1.0f, NULL, NULL, &r) : lt_ctx_status(ctx);
    if (status == LT_OK) {
        const struct edit_score s = edit_score_of(truth, target, lt_f32(r.x), lt_f32(r.x_hat));
        t->success += s.success;
        t->to_target += (double)s.to_target;
        t->from_source += (double)s.from_source;
        t->outside += (double)s.outside;
        t->psnr += (double)s.psnr;
        t->seconds += r.seconds;
        t->count++;
        if (b->json)
            fprintf(b->json, "{\"part\": \"%s\", \"color\": \"%s\", \"seed\": %lld, \"success\": %s, \"to_target\": %.2f, "
                    "\"from_source\": %.2f, \"outside\": %.3f, \"psnr\": %.2f, \"seconds\": %.2f}\n",
                    world_part_name(target->part), world_named(target->color)->name, (long long)seed, s.success ? "true" : "false",
                    (double)s.to_target, (double)s.from_source, (double)s.outside, (double)s.psnr, r.seconds);
        ce_image *cell = b->cells ? b->cells + ((size_t)index * 2 * (size_t)b->a->seeds + (size_t)slot) : NULL;
        if (cell)
            status = ce_image_from_tensor(ctx, r.x, 0, cell);
        if (cell && status == LT_OK)
            status = ce_image_from_tensor(ctx, r.x_hat, 0, cell + b->a->seeds);
    }
    if (w)
        ce_latent_edit_free(&r);
    lt_scope_close(ctx, scope, NULL);
    return status;
}

static lt_status edit_target(struct bench *b, const struct edit_target *target, int index, struct totals *t)
{
    struct ce_nce_texts texts;
    struct edit_truth *truth = malloc(sizeof *truth);
    char prompt[128];
    world_prompt(target->part, (int)target->color, prompt, sizeof prompt);
    lt_status status = ce_nce_texts_prepare(&b->models, &b->a->config.nce, b->models.domain, prompt, &texts);
    if (!truth && status == LT_OK)
        status = lt_fail(b->models.ctx, LT_ERR_MEMORY, "out of memory for a picture");
    int64_t seed = b->a->first;
    for (int slot = 0; slot < b->a->seeds && status == LT_OK; seed++) {
        struct world_attr attr;
        attributes_of_seed(seed, &attr);
        if (!edit_truth_make(&attr, target, truth))
            continue;
        status = edit_seed(b, target, truth, &texts, seed, index, slot, t);
        slot++;
    }
    ce_nce_texts_free(&texts);
    free(truth);
    const double n = t->count ? t->count : 1;
    printf("%-28s %5.0f %%  %6.1f of %5.1f  %7.2f  %6.2f  %6.2f\n", prompt, 100.0 * t->success / n, t->to_target / n,
           t->from_source / n, t->outside / n, t->psnr / n, t->seconds / n);
    fflush(stdout);
    return status;
}

static lt_status write_sheet(struct bench *b, const struct edit_target *targets, int count)
{
    const int rows = 2 * count, columns = b->a->seeds;
    const size_t n = (size_t)rows * (size_t)columns;
    const ce_image **cells = calloc(n, sizeof *cells);
    const char **labels = calloc((size_t)rows, sizeof *labels);
    char (*text)[128] = calloc((size_t)count, sizeof *text);
    ce_image out = {0};
    lt_status status = cells && labels && text ? LT_OK : lt_fail(b->models.ctx, LT_ERR_MEMORY, "out of memory for a sheet");
    for (size_t i = 0; status == LT_OK && i < n; i++)
        cells[i] = b->cells[i].rgb ? &b->cells[i] : NULL;
    for (int i = 0; status == LT_OK && i < count; i++) {
        world_prompt(targets[i].part, (int)targets[i].color, text[i], sizeof text[i]);
        labels[2 * i] = "before";
        labels[2 * i + 1] = text[i];
    }
    const ce_sheet sheet = {.columns = columns, .rows = rows, .cells = cells, .row_labels = labels};
    if (status == LT_OK)
        status = ce_sheet_render(b->models.ctx, &sheet, &out);
    if (status == LT_OK)
        status = ce_image_write(b->models.ctx, b->a->sheet, &out, NULL, 0);
    ce_image_free(&out);
    free(cells);
    free(labels);
    free(text);
    return status;
}

int main(int argc, char **argv)
{
    struct ce_run run = {.command = "bench_edit"};
    struct arguments a = {.targets = "lips:green,brows:purple,hair:blue,skin:green,eyes:red,glasses:green,lips:blue,hair:green",
                          .seeds = 16, .first = 1000, .config = ce_latent_edit_defaults()};
    struct edit_target targets[MAX_TARGETS];
    if (!read_arguments(&run, &a, argc, argv)) {
        fprintf(stderr, "bench_edit: an option is unknown, lacks a value or is out of range\n");
        return 2;
    }
    const int count = read_targets(a.targets, targets);
    if (count == 0 || lt_ctx_create(&run.ctx) != LT_OK) {
        fprintf(stderr, "bench_edit: --targets '%s' is no list such as lips:green,hair:blue\n", a.targets);
        return 2;
    }
    struct bench b = {.run = &run, .a = &a};
    lt_status status = ce_models_open(&run, CE_NEED_GENERATOR | CE_NEED_TEXT, &b.models);
    const size_t n = (size_t)count * 2 * (size_t)a.seeds;
    b.cells = a.sheet ? calloc(n, sizeof *b.cells) : NULL;
    b.json = a.json ? fopen(a.json, "w") : NULL;
    struct totals all = {0};
    if (status == LT_OK)
        printf("%-28s %7s  %15s  %7s  %6s  %6s\n", "target", "success", "to target", "outside", "PSNR", "s");
    for (int i = 0; i < count && status == LT_OK; i++) {
        struct totals t = {0};
        status = edit_target(&b, &targets[i], i, &t);
        all.success += t.success;
        all.to_target += t.to_target;
        all.from_source += t.from_source;
        all.outside += t.outside;
        all.psnr += t.psnr;
        all.seconds += t.seconds;
        all.count += t.count;
    }
    if (status == LT_OK)
        printf("%-28s %5.0f %%  %6.1f of %5.1f  %7.2f  %6.2f  %6.2f\n", "all", 100.0 * all.success / all.count,
               all.to_target / all.count, all.from_source / all.count, all.outside / all.count, all.psnr / all.count,
               all.seconds / all.count);
    if (status == LT_OK && a.sheet)
        status = write_sheet(&b, targets, count);
    if (status != LT_OK)
        fprintf(stderr, "bench_edit: %s\n", lt_ctx_message(run.ctx));
    for (size_t i = 0; b.cells && i < n; i++)
        ce_image_free(&b.cells[i]);
    free(b.cells);
    if (b.json && fclose(b.json) != 0)
        fprintf(stderr, "bench_edit: %s was not written\n", a.json);
    ce_models_close(&b.models);
    ce_run_end(&run);
    return status != LT_OK;
}
