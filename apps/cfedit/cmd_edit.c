/* cfedit edit: a sentence turns pictures into edited pictures. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/ops.h"
#include "commands.h"
#include "image_file.h"
#include "latent_edit.h"
#include "latents.h"
#include "mapper.h"
#include "models.h"
#include "options.h"
#include "output.h"
#include "report.h"
#include "sheet.h"

static const char about[] =
    "Changes a picture so that a sentence fits it, and leaves the rest as it is. Without\n"
    "--mapper the edit is found for each picture by optimising the CF-CLIP objective over\n"
    "its own latent; with it the trained mapper is applied at once.";

static const char examples[] =
    "  cfedit edit --target \"face with green lips\"\n"
    "  cfedit edit --target \"face with blue hair\" --seed 7 -o blue.png\n"
    "  cfedit edit --target \"face with purple eyebrows\" --seeds 1-16 -o out/ --strength 0.7\n"
    "  cfedit edit --target \"green lipstick\" --model my-model/ --latent faces.safetensors:3\n"
    "  cfedit edit --target \"green lipstick\" --mapper green.safetensors --seed 7";

struct edit_options {
    const char *target, *source, *latent, *image, *seeds, *mapper, *output, *space, *resize, *optimizer, *negatives;
    double strength, truncation;
    bool steps_given, truncation_given;
    int64_t steps;
    double lr, nce, l2, l1, anchor, id, perc, temperature;
    int64_t copies, first_layer, last_layer;
};

/* One edited picture as it is told and stored. */
struct edited {
    int64_t seed; /* -1: not from a seed */
    double before, after; /* cosine of the picture with the target text */
    struct ce_latent_edit_terms first, last;
    double seconds;
    const char *path;
    lt_tensor *x, *x_hat, *latents; /* retained */
};

static int read_options(struct ce_run *run, struct edit_options *o, int argc, char **argv)
{
    const struct ce_latent_edit_config d = ce_latent_edit_defaults();
    *o = (struct edit_options){
        .space = "w+", .optimizer = d.steepest ? "steepest" : "adam", .negatives = d.nce.use_negatives ? "on" : "off", .resize = "published", .strength = 1.0, .truncation = 1.0,
        .steps = d.steps, .lr = (double)d.lr, .nce = (double)d.nce_lambda, .l2 = (double)d.l2_lambda,
        .l1 = (double)d.l1_lambda, .anchor = (double)d.anchor_lambda, .temperature = (double)d.nce.temperature,
        .copies = d.nce.copies, .first_layer = d.first_layer, .last_layer = d.last_layer};
    struct ce_option truncation = CE_OPT_REAL("truncation", "PSI", &o->truncation, 0, 2, "truncation of faces from seeds, instead of the generator's own");
    truncation.given = &o->truncation_given;
    const struct ce_option table[] = {
        CE_OPT_TEXT("target", "TEXT", &o->target, "what the edited picture shows, \"face with green lips\""),
        CE_OPT_TEXT("source", "TEXT", &o->source, "what the picture shows now (default: the generator's domain word, \"face\")"),
        CE_OPT_TEXT("seeds", "LIST", &o->seeds, "edit the faces of several seeds, \"1-16\" or \"3,5,9\"; --seed N edits one"),
        CE_OPT_TEXT("latent", "FILE[:I]", &o->latent, "edit the latents of a file, or its I-th (from 0)"),
        CE_OPT_TEXT("image", "FILE", &o->image, "edit a photo, inverted first"),
        CE_OPT_TEXT("mapper", "FILE", &o->mapper, "apply a trained mapper instead of optimising"),
        CE_OPT_OUT("FILE|DIR", &o->output, "where the pictures go (default: edit.png, side by side)"),
        CE_OPT_REAL("strength", "S", &o->strength, 0, 10, "how much of the edit: 0 none, 1 full"),
        truncation,
        CE_OPT_INT("steps", "N", &o->steps, 1, 100000, "optimisation steps"),
        CE_OPT_CHOICE("optimizer", "steepest|adam", &o->optimizer, "steepest descent with steps of a given length, or Adam"),
        CE_OPT_REAL("lr", "X", &o->lr, 1e-9, 100, "length of a step, or Adam's learning rate (try 0.03 with it)"),
        CE_OPT_CHOICE("space", "w+|style|faces", &o->space, "what is optimised: the W+ latent, StyleSpace channels, or W+ in terms of the generator's random faces"),
        CE_OPT_INT("first-layer", "L", &o->first_layer, -1, 63, "first W+ layer that may move; -1: what the generator's metadata says (6 for the shipped one, whose layers 0-5 are geometry; 0 lets forms change)"),
        CE_OPT_INT("last-layer", "L", &o->last_layer, 0, 63, "last W+ layer that may move"),
        CE_OPT_REAL("nce-lambda", "X", &o->nce, 0, 1e6, "weight of the CLIP-NCE loss"),
        CE_OPT_REAL("latent-l2-lambda", "X", &o->l2, 0, 1e6, "weight of the mean squared change of the latent"),
        CE_OPT_REAL("latent-l1-lambda", "X", &o->l1, 0, 1e6, "weight of its mean absolute change (fewer channels move)"),
        CE_OPT_REAL("anchor-lambda", "X", &o->anchor, 0, 1e6, "weight of staying near the source picture's CLIP embedding"),
        CE_OPT_REAL("id-lambda", "X", &o->id, 0, 1e6, "weight of the identity loss (needs identity.safetensors)"),
        CE_OPT_REAL("perc-lambda", "X", &o->perc, 0, 1e6, "weight of the perceptual loss (needs vgg.safetensors)"),
        CE_OPT_CHOICE("negatives", "on|off", &o->negatives, "CLIP-NCE with its negatives, or 1 - cosine to its positives"),
        CE_OPT_REAL("temperature", "X", &o->temperature, 1e-3, 100, "temperature of CLIP-NCE"),
        CE_OPT_INT("copies", "N", &o->copies, 0, CE_NCE_MAX_COPIES, "augmented copies a step; 0: no augmentation"),
        CE_OPT_CHOICE("resize", "published|antialias", &o->resize, "how pictures are brought to CLIP's size"),
    };
    const struct ce_syntax syntax = {.usage = "[OPTION]... --target TEXT", .about = about, .examples = examples,
                                     .takes = CE_TAKES_MODEL | CE_TAKES_DUMP, .table = table, .count = CE_COUNT(table)};
    const int status = ce_options_parse(run, &syntax, argc, argv);
    if (status != CE_PARSED)
        return status;
    if (!o->target)
        return ce_usage_error(run, "say what to change with --target TEXT");
    if (o->image)
        return ce_invert_unavailable(run);
    if ((o->latent != NULL) + (o->seeds != NULL) + run->seed_given > 1)
        return ce_usage_error(run, "--seed, --seeds and --latent exclude each other");
    if (o->first_layer > o->last_layer)
        return ce_usage_error(run, "--first-layer %lld is behind --last-layer %lld", (long long)o->first_layer,
                              (long long)o->last_layer);
    return CE_PARSED;
}

static struct ce_latent_edit_config make_config(const struct ce_run *run, const struct edit_options *o)
{
    struct ce_latent_edit_config c = ce_latent_edit_defaults();
    c.space = strcmp(o->space, "style") == 0 ? CE_SPACE_STYLE : strcmp(o->space, "faces") == 0 ? CE_SPACE_FACES : CE_SPACE_WPLUS;
    c.steepest = strcmp(o->optimizer, "steepest") == 0;
    c.nce.use_negatives = strcmp(o->negatives, "on") == 0;
    c.steps = (int)o->steps;
    c.lr = (float)o->lr;
    c.nce_lambda = (float)o->nce;
    c.l2_lambda = (float)o->l2;
    c.l1_lambda = (float)o->l1;
    c.anchor_lambda = (float)o->anchor;
    c.id_lambda = (float)o->id;
    c.perc_lambda = (float)o->perc;
    c.first_layer = (int)o->first_layer;
    c.last_layer = (int)o->last_layer;
    c.nce.temperature = (float)o->temperature;
    c.nce.copies = (int)o->copies;
    c.nce.antialias = strcmp(o->resize, "antialias") == 0;
    c.seed = (uint64_t)run->seed;
    return c;
}

/* W+ of all pictures and, where they come from seeds, these. A random face where nothing is said. */
static lt_tensor *read_latents(struct ce_run *run, const struct ce_models *models, const struct edit_options *o,
                               int64_t **seeds, size_t *count)
{
    *seeds = NULL;
    if (o->latent) {
        lt_tensor *w = ce_latents_from_file(run, models, o->latent);
        *count = w ? (size_t)lt_dim(w, 0) : 0;
        return w;
    }
    if (o->seeds) {
        if (!ce_seeds_parse(run, o->seeds, seeds, count)) {
            lt_fail(run->ctx, LT_ERR_ARGUMENT, "--seeds '%s' is not a list such as 1-16 or 3,5,9", o->seeds);
            return NULL;
        }
    } else {
        *seeds = ce_alloc(run, 1, sizeof **seeds);
        if (!*seeds)
            return NULL;
        /* "Random" by the clock; told, so that it can be had again. */
        (*seeds)[0] = run->seed_given ? run->seed : (int64_t)(ce_seconds() * 1e3) % 10000;
        *count = 1;
    }
    return ce_latents_from_seeds(run, models, *seeds, *count, o->truncation_given ? o->truncation : models->truncation);
}

/* Cosine of a picture's CLIP embedding with the plain target sentence's; `text` is its raw feature. */
static double target_cosine(const struct ce_models *models, lt_tensor *x, lt_tensor *text, bool antialias)
{
    lt_ctx *ctx = models->ctx;
    const lt_scope scope = lt_scope_open(ctx);
    lt_no_grad_begin(ctx);
    lt_tensor *cosine = lt_sum(ctx, lt_mul(ctx, ce_image_features(ctx, models->clip, x, antialias),
                                           lt_l2_normalize(ctx, text, 1e-12f)), 0, false);
    const double value = cosine ? (double)lt_item(cosine) : NAN;
    lt_no_grad_end(ctx);
    lt_scope_close(ctx, scope, NULL);
    return value;
}

struct watch {
    struct ce_progress *progress;
    int64_t before; /* steps of the pictures done */
};

static bool tell_step(void *user, int step, const struct ce_latent_edit_terms *terms)
{
    const struct watch *w = user;
    char note[64];
    snprintf(note, sizeof note, "loss %.4f", (double)terms->loss);
    ce_progress_step(w->progress, w->before + step, note);
    return true;
}

/* Applies a trained mapper to w (1,L,D). */
static lt_status apply_mapper(const struct ce_models *models, const struct ce_mapper *mapper, lt_tensor *t_w,
                              lt_tensor *w, float strength, struct edited *e)
{
    lt_ctx *ctx = models->ctx;
    const lt_scope scope = lt_scope_open(ctx);
    lt_no_grad_begin(ctx);
    const double start = ce_seconds();
    e->latents = lt_retain(ce_mapper_edit(ctx, mapper, w, t_w, strength));
    e->x = lt_retain(lt_stylegan2_synthesis(ctx, models->generator, w));
    e->x_hat = lt_retain(lt_stylegan2_synthesis(ctx, models->generator, e->latents));
    e->seconds = ce_seconds() - start;
    e->first = e->last = (struct ce_latent_edit_terms){NAN, NAN, NAN, NAN, NAN};
    lt_no_grad_end(ctx);
    lt_scope_close(ctx, scope, NULL);
    return e->x_hat && e->x ? LT_OK : lt_ctx_status(ctx);
}

/* "before | after" of one picture into its file. */
static lt_status write_pair(struct ce_run *run, const struct edit_options *o, const struct edited *e)
{
    lt_ctx *ctx = run->ctx;
    ce_image before = {0}, after = {0}, pair = {0};
    char seed[32];
    snprintf(seed, sizeof seed, "%lld", (long long)e->seed);
    const ce_image_text texts[] = {{"Software", "cfedit"}, {"Target", o->target}, {"Seed", seed}};
    lt_status status = ce_image_from_tensor(ctx, e->x, 0, &before);
    if (status == LT_OK)
        status = ce_image_from_tensor(ctx, e->x_hat, 0, &after);
    if (status == LT_OK)
        status = ce_sheet_pair(ctx, &before, &after, "before", o->target, &pair);
    if (status == LT_OK)
        status = ce_image_write(ctx, e->path, &pair, texts, e->seed >= 0 ? 3 : 2);
    ce_image_free(&before);
    ce_image_free(&after);
    ce_image_free(&pair);
    return status;
}

/* Folder: the edited picture alone and the pair, one of each a picture; else one file. */
static lt_status write_pictures(struct ce_run *run, const struct edit_options *o, struct edited *all, size_t count)
{
    const char *output = o->output ? o->output : count > 1 ? "edit/" : "edit.png";
    const bool folder = count > 1 || ce_is_folder(output);
    lt_status status = folder ? ce_folder_make(run->ctx, output) : LT_OK;
    for (size_t i = 0; i < count && status == LT_OK; i++) {
        const char *slash = folder && output[strlen(output) - 1] != '/' ? "/" : "";
        const long long number = all[i].seed >= 0 ? (long long)all[i].seed : (long long)i;
        all[i].path = folder ? ce_text(run, "%s%s%s%04lld.png", output, slash, all[i].seed >= 0 ? "seed" : "", number) : output;
        status = all[i].path ? write_pair(run, o, &all[i]) : lt_ctx_status(run->ctx);
        if (status == LT_OK && folder) {
            ce_image alone = {0};
            const char *path = ce_text(run, "%s%s%s%04lld-edited.png", output, slash, all[i].seed >= 0 ? "seed" : "", number);
            status = path ? ce_image_from_tensor(run->ctx, all[i].x_hat, 0, &alone) : lt_ctx_status(run->ctx);
            if (status == LT_OK)
                status = ce_image_write(run->ctx, path, &alone, NULL, 0);
            ce_image_free(&alone);
        }
    }
    return status;
}

/* `image`, `source` (N,3,S,S) and `latents` (N,L,D). */
static lt_status write_dump(struct ce_run *run, const struct edited *all, size_t count)
{
    lt_ctx *ctx = run->ctx;
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor **part = ce_alloc(run, 3 * count, sizeof *part);
    lt_status status = part ? LT_OK : lt_ctx_status(ctx);
    if (status == LT_OK) {
        for (size_t i = 0; i < count; i++) {
            part[i] = all[i].x_hat;
            part[count + i] = all[i].x;
            part[2 * count + i] = all[i].latents;
        }
        lt_tensor *const joined[] = {lt_concat(ctx, (int)count, part, 0), lt_concat(ctx, (int)count, part + count, 0),
                                     lt_concat(ctx, (int)count, part + 2 * count, 0)};
        const char *const names[] = {"image", "source", "latents"};
        status = joined[0] && joined[1] && joined[2] ? ce_dump(run, 3, names, joined) : lt_ctx_status(ctx);
    }
    lt_scope_close(ctx, scope, NULL);
    return status;
}

static int tell(const struct ce_run *run, const struct edit_options *o, const char *source, const struct edited *all,
                size_t count)
{
    if (!run->json) {
        for (size_t i = 0; i < count; i++) {
            char which[40] = "";
            if (all[i].seed >= 0)
                snprintf(which, sizeof which, "seed %lld, ", (long long)all[i].seed);
            printf("%s: %smatch with the text %.3f -> %.3f, %.1f s\n", all[i].path, which, all[i].before, all[i].after,
                   all[i].seconds);
        }
        return CE_OK;
    }
    lt_json_writer *j = lt_json_writer_create();
    lt_json_begin_object(j);
    lt_json_put_key(j, "target");
    lt_json_put_string(j, o->target);
    lt_json_put_key(j, "source");
    lt_json_put_string(j, source);
    lt_json_put_key(j, "pictures");
    lt_json_begin_array(j);
    for (size_t i = 0; i < count; i++) {
        lt_json_begin_object(j);
        lt_json_put_key(j, "file");
        lt_json_put_string(j, all[i].path);
        if (all[i].seed >= 0) {
            lt_json_put_key(j, "seed");
            lt_json_put_int(j, all[i].seed);
        }
        const struct { const char *key; double value; } numbers[] = {
            {"cosine_before", all[i].before}, {"cosine_after", all[i].after}, {"loss_first", (double)all[i].first.loss},
            {"loss_last", (double)all[i].last.loss}, {"seconds", all[i].seconds}};
        for (size_t k = 0; k < CE_COUNT(numbers); k++) {
            lt_json_put_key(j, numbers[k].key);
            lt_json_put_double(j, numbers[k].value);
        }
        lt_json_end_object(j);
    }
    lt_json_end_array(j);
    lt_json_end_object(j);
    return ce_print_json(run, j);
}

/* What the edits of one command share. */
struct session {
    struct ce_models models;
    struct ce_nce_texts texts;
    lt_params *mapper_params;
    struct ce_mapper *mapper;
    lt_tensor *t_w;  /* with a mapper: of the target text */
    lt_tensor *text; /* raw feature of the target */
};

static lt_status open_session(struct ce_run *run, const struct edit_options *o, const struct ce_latent_edit_config *c,
                              struct session *s)
{
    lt_ctx *ctx = run->ctx;
    unsigned needs = CE_NEED_GENERATOR | CE_NEED_TEXT;
    needs |= o->id > 0 && !o->mapper ? CE_NEED_IDENTITY : 0u;
    needs |= o->perc > 0 && !o->mapper ? CE_NEED_VGG : 0u;
    lt_status status = ce_models_open(run, needs, &s->models);
    if (status == LT_OK) {
        s->text = ce_text_feature(&s->models, o->target);
        status = s->text ? LT_OK : lt_ctx_status(ctx);
    }
    if (status != LT_OK || !o->mapper)
        return status != LT_OK ? status
                               : ce_nce_texts_prepare(&s->models, &c->nce, o->source ? o->source : s->models.domain, o->target,
                                                      &s->texts);
    status = lt_params_create(ctx, &s->mapper_params);
    if (status == LT_OK)
        status = ce_mapper_load(ctx, s->mapper_params, o->mapper);
    if (status == LT_OK)
        status = ce_mapper_create(ctx, s->mapper_params, lt_stylegan2_latents(s->models.generator), &s->mapper);
    if (status == LT_OK) {
        lt_no_grad_begin(ctx);
        s->t_w = ce_mapper_text(ctx, s->mapper, s->text);
        lt_no_grad_end(ctx);
        status = s->t_w ? LT_OK : lt_ctx_status(ctx);
    }
    return status;
}

static void close_session(struct session *s)
{
    ce_nce_texts_free(&s->texts);
    ce_mapper_free(s->mapper);
    lt_params_free(s->mapper_params);
    ce_models_close(&s->models);
}

static lt_status edit_one(struct session *s, const struct edit_options *o, const struct ce_latent_edit_config *config,
                          lt_tensor *w, struct watch *watch, struct edited *e)
{
    lt_status status;
    if (s->mapper) {
        status = apply_mapper(&s->models, s->mapper, s->t_w, w, (float)o->strength, e);
    } else {
        struct ce_latent_edit_result r;
        status = ce_latent_edit_run(&s->models, config, &s->texts, w, (float)o->strength, tell_step, watch, &r);
        e->x = lt_retain(r.x);
        e->x_hat = lt_retain(r.x_hat);
        e->latents = lt_retain(r.latents);
        e->first = r.first;
        e->last = r.last;
        e->seconds = r.seconds;
        ce_latent_edit_free(&r);
    }
    if (status == LT_OK) {
        e->before = target_cosine(&s->models, e->x, s->text, config->nce.antialias);
        e->after = target_cosine(&s->models, e->x_hat, s->text, config->nce.antialias);
        status = lt_ctx_status(s->models.ctx);
    }
    return status;
}

int ce_cmd_edit(struct ce_run *run, int argc, char **argv)
{
    struct edit_options o;
    const int parsed = read_options(run, &o, argc, argv);
    if (parsed != CE_PARSED)
        return parsed;
    const struct ce_latent_edit_config config = make_config(run, &o);
    struct session s;
    memset(&s, 0, sizeof s);
    struct edited *all = NULL;
    int64_t *seeds = NULL;
    size_t count = 0;
    int code = CE_ERROR;

    lt_status status = ce_output_check(run->ctx, run->dump);
    if (status == LT_OK && o.output && !ce_is_folder(o.output))
        status = ce_output_check(run->ctx, o.output);
    if (status == LT_OK)
        status = open_session(run, &o, &config, &s);
    lt_tensor *w = status == LT_OK ? read_latents(run, &s.models, &o, &seeds, &count) : NULL;
    if (w)
        all = ce_alloc(run, count, sizeof *all);
    if (!all)
        goto out;
    struct ce_progress progress;
    struct watch watch = {.progress = &progress};
    ce_progress_begin(&progress, run, "editing", "steps", (int64_t)count * (o.mapper ? 1 : config.steps));
    for (size_t i = 0; i < count && status == LT_OK; i++) {
        const lt_scope scope = lt_scope_open(run->ctx);
        watch.before = (int64_t)i * config.steps;
        all[i].seed = seeds ? seeds[i] : -1;
        status = edit_one(&s, &o, &config, lt_contiguous(run->ctx, lt_slice(run->ctx, w, 0, (int64_t)i, 1)), &watch, &all[i]);
        lt_scope_close(run->ctx, scope, NULL);
    }
    ce_progress_end(&progress);
    if (status == LT_OK)
        status = write_pictures(run, &o, all, count);
    if (status == LT_OK && run->dump)
        status = write_dump(run, all, count);
    if (status == LT_OK)
        code = tell(run, &o, o.source ? o.source : s.models.domain, all, count);
out:
    if (code == CE_ERROR && lt_ctx_status(run->ctx) != LT_OK)
        ce_fail(run);
    for (size_t i = 0; all && i < count; i++) {
        lt_release(all[i].x);
        lt_release(all[i].x_hat);
        lt_release(all[i].latents);
    }
    close_session(&s);
    return code;
}
