/* cfedit edit: a sentence turns pictures into edited pictures. */
#define _POSIX_C_SOURCE 200809L /* access */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "autograd/ops.h"
#include "cli/commands.h"
#include "cli/inout/edit_output.h"
#include "engine/editor.h"
#include "cli/inout/seeds.h"
#include "engine/latents.h"
#include "engine/objective/match.h"
#include "engine/methods.h"
#include "engine/model_files.h"
#include "engine/models.h"
#include "cli/console/options.h"
#include "cli/inout/output.h"
#include "cli/inout/photos.h"
#include "cli/inout/picture_list.h"
#include "cli/console/report.h"

static const char examples[] =
    "  cfedit edit --target \"face with green lips\"\n"
    "  cfedit edit --target \"face with blue hair\" --seed 7 -o blue.png\n"
    "  cfedit edit --target \"face with purple hair\" --seeds 1-16 -o out/ --strength 0.7\n"
    "  cfedit edit --target \"face with green lips\" --seed 7 --method global-directions\n"
    "  cfedit edit --target \"green lipstick\" --model my-model/ --image me.jpg\n"
    "  cfedit edit --target \"green lipstick\" --model my-model/ --image photos/ -o edited/\n"
    "  cfedit edit --target \"green lipstick\" --model my-model/ --latent faces.safetensors:3\n"
    "  cfedit edit --target \"green lipstick\" --mapper green.safetensors --seed 7";

enum { OPTIONS_MAX = 64 };

/* A setting of a method as an option: which variable is in use depends on its kind. */
struct setting_option {
    const struct ce_setting *setting;
    int64_t integer;
    double real;
    const char *word;
    bool given;
};

struct edit_options {
    struct ce_list contrasts, images;
    int64_t invert_steps;
    const char *target, *source, *latent, *seeds_text, *mapper, *output, *method, *channels;
    int64_t *seeds; /* NULL: the pictures come from latents or photos */
    size_t count;   /* of seeds or photos; 0: told by the file of latents */
    double strength, truncation;
    bool truncation_given;
    struct setting_option settings[OPTIONS_MAX];
    size_t setting_count;
};

/* Word `number` of "off|on". */
static const char *choice_word(struct ce_run *run, const char *choices, int number)
{
    for (; number > 0; number--)
        choices = strchr(choices, '|') + 1;
    return ce_text(run, "%.*s", (int)strcspn(choices, "|"), choices);
}

/* The default method's value is the one that the help shows; for a setting that it does not use,
 * none. */
static struct ce_option setting_option(struct ce_run *run, struct setting_option *o,
                                       const struct ce_setting *setting,
                                       const struct ce_edit_settings *defaults)
{
    const double value = ce_setting_get(defaults, setting);
    struct ce_option option = {.name = setting->name,
                               .meta = setting->meta,
                               .low = setting->low,
                               .high = setting->high,
                               .help = setting->help,
                               .choices = setting->choices,
                               .given = &o->given};
    o->setting = setting;
    switch (setting->kind) {
    case CE_SETTING_INT:
        o->integer = isnan(value) ? (int64_t)setting->low - 1 : (int64_t)value;
        option.kind = CE_INT;
        option.value = &o->integer;
        break;
    case CE_SETTING_REAL:
        o->real = isnan(value) ? setting->low - 1.0 : value;
        option.kind = CE_REAL;
        option.value = &o->real;
        break;
    case CE_SETTING_CHOICE:
        o->word = isnan(value) ? NULL : choice_word(run, setting->choices, (int)value);
        option.kind = CE_CHOICE;
        option.value = &o->word;
        break;
    }
    return option;
}

/* The paragraph above the options, with the table of methods. */
static const char *describe_methods(struct ce_run *run)
{
    static const char *const head =
        "Changes a picture so that a sentence fits it, and leaves the rest as it is. The edit is\n"
        "found for the pictures at hand by a method:\n";
    static const char *const tail =
        "\nWith --mapper a trained mapper is applied at once. Each method has settings of its own;\n"
        "the defaults below are those of the first. bench/edit compares them.";
    const char *text = head;
    size_t count;
    const struct ce_method *methods = ce_methods(&count);
    for (size_t i = 0; i < count && text; i++)
        text = ce_text(run, "%s\n  %-18s %s\n  %-18s (%s)", text, methods[i].name, methods[i].about,
                       "", methods[i].source);
    return text ? ce_text(run, "%s\n%s", text, tail) : NULL;
}

/* The seeds or the photos to edit. Without any source a seed is taken from the clock; the results
 * name it, so that the picture can be had again. */
static int read_sources(struct ce_run *run, struct edit_options *o)
{
    if ((o->latent != NULL) + (o->seeds_text != NULL) + (o->images.count > 0) + run->seed_given > 1)
        return ce_usage_error(run, "--seed, --seeds, --latent and --image exclude each other");
    int status = ce_picture_list_expand(run, &o->images);
    o->count = o->images.count;
    if (status == CE_PARSED && o->seeds_text)
        status = ce_seeds_parse(run, o->seeds_text, &o->seeds, &o->count);
    else if (status == CE_PARSED && !o->latent && o->images.count == 0)
        status =
            ce_seeds_one(run, run->seed_given ? run->seed : (int64_t)(ce_seconds() * 1e3) % 10000,
                         &o->seeds, &o->count);
    return status == CE_PARSED ? ce_pictures_room(run, o->output, (int64_t)o->count) : status;
}

static int read_options(struct ce_run *run, struct edit_options *o, int argc, char **argv)
{
    size_t count;
    const struct ce_method *methods = ce_methods(&count);
    const struct ce_edit_settings defaults = ce_method_settings(&methods[0]);
    *o = (struct edit_options){.invert_steps = ce_invert_defaults().steps,
                               .strength = 1.0,
                               .truncation = 1.0,
                               .method = methods[0].name};
    const char *names = methods[0].name;
    for (size_t i = 1; i < count && names; i++)
        names = ce_text(run, "%s|%s", names, methods[i].name);
    const char *about = describe_methods(run);
    if (!names || !about)
        return ce_error(run, "out of memory");
    struct ce_option truncation =
        CE_OPT_REAL("truncation", "PSI", &o->truncation, 0, 2,
                    "truncation of faces from seeds, instead of the generator's own");
    truncation.given = &o->truncation_given;
    const struct ce_option fixed[] = {
        CE_OPT_TEXT("target", "TEXT", &o->target,
                    "what the edited picture shows, \"face with green lips\""),
        CE_OPT_TEXT("source", "TEXT", &o->source,
                    "what the picture shows now (default: the generator's domain word, \"face\")"),
        CE_OPT_LIST(
            "contrast", "TEXT", &o->contrasts,
            "what the picture must not be taken for; may be repeated (default: the target with other colour words)"),
        CE_OPT_CHOICE("method", names, &o->method, "how the edit is found, see above"),
        CE_OPT_REAL("strength", "S", &o->strength, 0, 10, "how much of the edit: 0 none, 1 full"),
        CE_OPT_TEXT("seeds", "LIST", &o->seeds_text,
                    "edit the faces of several seeds, \"1-16\" or \"3,5,9\"; --seed N edits one"),
        CE_OPT_FILE("latent", "FILE[:I]", &o->latent,
                    "edit the latents of a file, or its I-th (from 0)"),
        CE_OPT_LIST("image", "FILE|DIR", &o->images,
                    "edit a photo, or those of a folder, inverted first; may be repeated"),
        CE_OPT_INT("invert-steps", "N", &o->invert_steps, 0, 1000000,
                   "steps of that, see 'cfedit invert --help'"),
        CE_OPT_FILE("mapper", "FILE", &o->mapper, "apply a trained mapper instead of a method"),
        CE_OPT_FILE(
            "channels", "FILE", &o->channels,
            "effects of the style channels for global-directions, measured and written where it is missing (default: "
            "channels.safetensors of the model, else measured anew)"),
        CE_OPT_OUT(
            "FILE|DIR", &o->output,
            "a .png or .jpg file for a single picture (before and after, side by side), or a folder, made if missing "
            "(default: edit.png, or edit/ for several)"),
        truncation,
    };
    struct ce_option table[OPTIONS_MAX];
    size_t n = CE_COUNT(fixed);
    memcpy(table, fixed, sizeof fixed);
    const struct ce_setting *setting;
    for (size_t i = 0; n < OPTIONS_MAX && (setting = ce_setting_at(i)); i++)
        table[n++] = setting_option(run, &o->settings[o->setting_count++], setting, &defaults);
    const struct ce_syntax syntax = {.usage = "[OPTION]... --target TEXT",
                                     .about = about,
                                     .examples = examples,
                                     .takes = CE_TAKES_MODEL | CE_TAKES_ENCODER | CE_TAKES_DUMP |
                                              CE_TAKES_OUTPUT,
                                     .table = table,
                                     .count = n};
    const int status = ce_options_parse(run, &syntax, argc, argv);
    if (status != CE_PARSED)
        return status;
    if (!o->target)
        return ce_usage_error(run, "say what to change with --target TEXT");
    return read_sources(run, o);
}

/* The method's settings with what the command line says; an exit status or CE_PARSED. */
static int make_settings(const struct ce_run *run, const struct edit_options *o,
                         struct ce_edit_settings *s)
{
    *s = ce_method_settings(ce_method_find(o->method));
    for (size_t i = 0; i < o->setting_count; i++) {
        const struct setting_option *option = &o->settings[i];
        if (!option->given)
            continue;
        if (!ce_setting_used(s, option->setting))
            return ce_usage_error(run, "the method %s has no use for --%s", o->method,
                                  option->setting->name);
        const enum ce_setting_kind kind = option->setting->kind;
        ce_setting_put(s, option->setting,
                       kind == CE_SETTING_INT ? (double)option->integer
                       : kind == CE_SETTING_REAL
                           ? option->real
                           : ce_setting_choice(option->setting, option->word));
    }
    ce_edit_settings_seed(s, (uint64_t)run->seed);
    return ce_edit_check(run->ctx, s, NULL) == LT_OK
               ? CE_PARSED
               : ce_usage_error(run, "%s", lt_ctx_message(run->ctx));
}

/* W+ (N,L,D) of all pictures; where they come from photos, *photos (N,3,S,S) becomes these, as they
 * were inverted. */
static lt_tensor *read_latents(struct ce_run *run, const struct ce_models *models,
                               const struct edit_options *o, lt_tensor **photos)
{
    *photos = NULL;
    if (o->images.count > 0) {
        struct ce_invert_config config = ce_invert_defaults();
        struct ce_photos found;
        config.steps = (int)o->invert_steps;
        if (ce_photos_invert(run, models, &config, o->images.items, o->images.count, &found) !=
            LT_OK)
            return NULL;
        *photos = found.x;
        return found.w;
    }
    if (o->latent)
        return ce_latents_from_file(models, o->latent);
    return ce_latents_from_seeds(models, o->seeds, o->count,
                                 o->truncation_given ? o->truncation : models->truncation);
}

static bool tell_step(void *user, int64_t step, const char *stage, const struct ce_terms *terms)
{
    char note[64];
    if (stage) {
        ce_progress_stage(user, stage);
        return true;
    }
    snprintf(note, sizeof note, "loss %.4f", (double)terms->loss);
    ce_progress_step(user, step, isnan(terms->loss) ? NULL : note);
    return true;
}

static void tell_channel(void *user, int64_t done, int64_t total)
{
    struct ce_progress *progress = user;
    progress->total = total;
    ce_progress_step(progress, done, NULL);
}

/* The channels' effects that global-directions reads: --channels or the model's own; NULL where
 * they are to be measured. */
static const char *channels_path(struct ce_run *run, const struct edit_options *o)
{
    if (o->channels && access(o->channels, F_OK) == 0)
        return o->channels;
    if (o->channels)
        return NULL;
    return ce_keep(run, ce_model_file(run->ctx, &run->paths, NULL, "channels.safetensors", false));
}

/* Edits by the method. */
static lt_status edit_by_method(struct ce_run *run, const struct ce_models *models,
                                const struct edit_options *o,
                                const struct ce_edit_settings *settings, lt_tensor *w,
                                struct ce_edit_result *results)
{
    struct ce_progress progress;
    struct ce_editor *editor = NULL;
    const char *path = ce_edit_reads_channels(settings) ? channels_path(run, o) : NULL;
    ce_progress_begin(&progress, run, "measuring", "channels", 1);
    const struct ce_edit_texts texts = {o->source ? o->source : models->domain, o->target,
                                        o->contrasts.items, (int)o->contrasts.count};
    lt_status status =
        ce_editor_open(models, settings, &texts, path, tell_channel, &progress, &editor);
    ce_progress_end(&progress);
    if (status == LT_OK && o->channels && !path)
        status = ce_editor_save_channels(editor, o->channels);
    if (status == LT_OK) {
        ce_progress_begin(&progress, run, "editing", "steps",
                          ce_editor_steps(editor, lt_dim(w, 0)));
        status = ce_editor_run(editor, w, (float)o->strength, tell_step, &progress, results);
        ce_progress_end(&progress);
    }
    ce_editor_close(editor);
    return status;
}

/* Edits by the trained mapper of --mapper; `text` is the target's raw feature. */
static lt_status edit_by_mapper(struct ce_run *run, const struct ce_models *models,
                                const struct edit_options *o, lt_tensor *text, lt_tensor *w,
                                struct ce_edit_result *results)
{
    lt_params *params = NULL;
    struct ce_mapper *mapper = NULL;
    lt_status status = lt_params_create(run->ctx, &params);
    if (status == LT_OK)
        status = ce_mapper_load(run->ctx, params, o->mapper);
    if (status == LT_OK)
        status =
            ce_mapper_create(run->ctx, params, lt_stylegan2_latents(models->generator), &mapper);
    if (status == LT_OK)
        status = ce_mapper_edit_apply(models, mapper, text, w, (float)o->strength, results);
    ce_mapper_free(mapper);
    lt_params_free(params);
    return status;
}

static lt_status open_models(struct ce_run *run, const struct edit_options *o,
                             const struct ce_edit_settings *s, struct ce_models *models)
{
    const unsigned needs = CE_NEED_GENERATOR | CE_NEED_TEXT | ce_photos_need(run, o->images.count) |
                           (o->mapper ? 0u : ce_edit_needs(s));
    return ce_models_open(run->ctx, &run->paths, needs, models);
}

/* Whether the files that do not depend on the number of pictures may be written. */
static lt_status check_outputs(struct ce_run *run, const struct edit_options *o,
                               const struct ce_edit_settings *s)
{
    lt_status status = ce_output_check(run, "--dump", run->dump, CE_REPLACE_NOTHING);
    /* A file of channels that is there is read; a missing one is written. */
    if (status == LT_OK && o->channels && ce_edit_reads_channels(s) &&
        access(o->channels, F_OK) != 0)
        status = ce_output_check(run, "--channels", o->channels, CE_REPLACE_NOTHING);
    if (status == LT_OK && o->output && !ce_is_picture_folder(o->output))
        status = ce_output_check(run, "-o", o->output, CE_REPLACE_NOTHING);
    return status;
}

/* What is told and stored of `count` pictures, with their sources and names. NULL on failure. */
static struct ce_edited *list_pictures(struct ce_run *run, const struct edit_options *o,
                                       size_t count)
{
    struct ce_edited *all = ce_alloc(run, count, sizeof *all);
    for (size_t i = 0; all && i < count; i++) {
        all[i].seed = o->seeds ? o->seeds[i] : -1;
        all[i].photo = o->images.count > 0 ? o->images.items[i] : NULL;
    }
    return all && ce_edit_name_pictures(run, o->output, all, count) == LT_OK ? all : NULL;
}

int ce_cmd_edit(struct ce_run *run, int argc, char **argv)
{
    struct edit_options o;
    struct ce_edit_settings settings;
    int code = read_options(run, &o, argc, argv);
    if (code == CE_PARSED)
        code = make_settings(run, &o, &settings);
    if (code != CE_PARSED)
        return code;
    struct ce_models models = {0};
    struct ce_edited *all = NULL;
    struct ce_edit_result *results = NULL;
    lt_tensor *photos = NULL, *text = NULL, *w = NULL;
    size_t count = o.count;
    code = CE_ERROR;

    /* Nothing is computed before it is known that the results may be written. */
    lt_status status = check_outputs(run, &o, &settings);
    if (status == LT_OK && count > 0 && !(all = list_pictures(run, &o, count)))
        status = lt_ctx_status(run->ctx);
    if (status == LT_OK)
        status = open_models(run, &o, &settings, &models);
    if (status == LT_OK && (text = ce_text_feature(&models, o.target)))
        w = read_latents(run, &models, &o, &photos);
    if (!w)
        goto out;
    if (!all) {
        count = (size_t)lt_dim(w, 0);
        if ((code = ce_pictures_room(run, o.output, (int64_t)count)) != CE_PARSED)
            goto out;
        code = CE_ERROR;
        all = list_pictures(run, &o, count);
    }
    if (all && ce_edit_prepare_pictures(run, o.output, all, count) == LT_OK)
        results = ce_alloc(run, count, sizeof *results);
    if (!results)
        goto out;
    status = o.mapper ? edit_by_mapper(run, &models, &o, text, w, results)
                      : edit_by_method(run, &models, &o, &settings, w, results);
    for (size_t i = 0; i < count && status == LT_OK; i++) {
        const bool antialias = settings.latent.nce.antialias;
        all[i].before = ce_text_match(&models, text, results[i].x, antialias);
        all[i].after = ce_text_match(&models, text, results[i].x_hat, antialias);
        status = lt_ctx_status(run->ctx);
    }
    const struct ce_edit_output output = {.target = o.target,
                                          .source = o.source ? o.source : models.domain,
                                          .method = o.mapper ? "mapper" : o.method,
                                          .count = count,
                                          .all = all,
                                          .results = results,
                                          .photos = photos};
    if (status == LT_OK)
        status = ce_edit_write_pictures(run, &output);
    if (status == LT_OK)
        status = ce_edit_write_dump(run, &output);
    if (status == LT_OK)
        code = ce_edit_tell(run, &output);
out:
    if (code == CE_ERROR && lt_ctx_status(run->ctx) != LT_OK)
        ce_fail(run);
    for (size_t i = 0; results && i < count; i++)
        ce_edit_result_free(&results[i]);
    ce_models_close(&models);
    return code;
}
