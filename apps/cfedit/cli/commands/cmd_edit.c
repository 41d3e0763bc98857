/* cfedit edit: edits pictures by a sentence. */
#define _POSIX_C_SOURCE 200809L /* access */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "autograd/ops.h"
#include "cli/commands.h"
#include "cli/inout/edit_output.h"
#include "engine/editor.h"
#include "engine/objective/match.h"
#include "engine/methods.h"
#include "engine/model_files.h"
#include "engine/models.h"
#include "cli/console/options.h"
#include "cli/inout/output.h"
#include "cli/inout/photos.h"
#include "cli/inout/setting_options.h"
#include "cli/inout/sources.h"
#include "cli/console/report.h"

static const char examples[] =
    "  cfedit edit --target \"face with green lips\"\n"
    "  cfedit edit --target \"face with blue hair\" --seed 7 -o blue.png\n"
    "  cfedit edit --target \"face with purple hair\" --seeds 1-16 -o out/ --strength 0.7\n"
    "  cfedit edit --target \"face with green lips\" --seed 7 --method global-directions\n"
    "  cfedit edit --target \"green lipstick\" --model my-model/ --image me.jpg\n"
    "  cfedit edit --target \"green lipstick\" --model my-model/ --image photos/ -o edited/\n"
    "  cfedit edit --target \"green lipstick\" --model my-model/ --latents faces.safetensors:3\n"
    "  cfedit edit --target \"green lipstick\" --mapper green.safetensors --seed 7";

struct edit_options {
    struct ce_sources sources;
    struct ce_setting_options settings;
    struct ce_list contrasts;
    const char *target, *source, *mapper, *output, *method, *channels;
    double strength;
    bool method_given;
};

/* The paragraph above the options in the help, with the table of methods. */
static const char *describe_methods(struct ce_run *run)
{
    static const char *const head =
        "Changes a picture so that a sentence fits it, and leaves the rest as it is. Without any\n"
        "source the picture is that of a random seed, which the result names. A method finds the\n"
        "edit:\n";
    static const char *const tail =
        "\nWith --mapper a trained mapper is applied instead. Each method has settings of its own; the\n"
        "defaults below are the default method's. bench/edit compares the methods.";
    const char *text = head;
    size_t count;
    const struct ce_method *methods = ce_methods(&count);
    for (size_t i = 0; i < count && text; i++)
        text = ce_text(run, "%s\n  %-18s %s\n  %-18s (%s)", text, methods[i].name, methods[i].about,
                       "", methods[i].source);
    return text ? ce_text(run, "%s\n%s", text, tail) : NULL;
}

static int read_options(struct ce_run *run, struct edit_options *o, int argc, char **argv)
{
    size_t count;
    const struct ce_method *methods = ce_methods(&count);
    const struct ce_edit_settings defaults = ce_method_settings(&methods[0]);
    *o = (struct edit_options){.sources = ce_sources_defaults(CE_SOURCE_IMAGES),
                               .settings = {.defaults = &defaults, .every = true},
                               .strength = 1.0,
                               .method = methods[0].name};
    const char *names = methods[0].name;
    for (size_t i = 1; i < count && names; i++)
        names = ce_text(run, "%s|%s", names, methods[i].name);
    const char *about = describe_methods(run);
    if (!names || !about)
        return ce_error(run, "out of memory");
    struct ce_option method =
        CE_OPT_CHOICE("method", names, &o->method, "how the edit is found, see above");
    method.given = &o->method_given;
    const struct ce_option own[] = {
        CE_OPT_TEXT("target", "TEXT", &o->target,
                    "what the edited picture shows, \"face with green lips\""),
        CE_OPT_TEXT("source", "TEXT", &o->source,
                    "what the picture shows now (default: the generator's domain word, \"face\")"),
        CE_OPT_LIST("contrast", "TEXT", &o->contrasts,
                    "what the picture must not be taken for; may be repeated (default: the target "
                    "with other colour words)"),
        method,
        CE_OPT_FILE("mapper", "FILE", &o->mapper, "apply a trained mapper instead of a method"),
        CE_OPT_REAL("strength", "S", &o->strength, -CE_STRENGTH_MOST, CE_STRENGTH_MOST,
                    "factor of the edit: 1 as found, 0 none, above 1 exaggerated, below 0 its "
                    "opposite"),
        CE_OPT_FILE("channels", "FILE", &o->channels,
                    "effects of the style channels, for global-directions: read from this file, or "
                    "measured and written to it where it is missing (default: the model's "
                    "channels.safetensors, else they are measured and not kept)"),
        CE_OPT_OUT("FILE|DIR", &o->output,
                   "where the pictures go: a .png or .jpg file for a single one (before and after, "
                   "side by side), or a folder, made if missing (default: edit.png, or the folder "
                   "edit for several)"),
    };
    struct ce_option fixed[CE_COUNT(own) + CE_SOURCES_OPTIONS];
    memcpy(fixed, own, sizeof own);
    size_t n = CE_COUNT(own) + ce_sources_options(&o->sources, fixed + CE_COUNT(own));
    const struct ce_option *table = ce_setting_options_add(run, &o->settings, fixed, &n);
    if (!table)
        return ce_error(run, "out of memory");
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
    /* --resize also decides how the match of the edited picture with the text is measured. */
    const char *of_method =
        o->method_given ? "method" : ce_setting_options_first_given(&o->settings, "resize");
    if (o->mapper && of_method)
        return ce_usage_error(
            run, "--%s is of no use with --mapper, which applies a mapper as it is", of_method);
    /* A seed from the clock is told with the results, so that the picture can be had again. */
    const int settled = ce_sources_settle(
        run, &o->sources, run->seed_given ? run->seed : (int64_t)(ce_seconds() * 1e3) % 10000);
    return settled == CE_PARSED ? ce_pictures_room(run, o->output, (int64_t)o->sources.count)
                                : settled;
}

/* The method's settings with the values that the command line gives. CE_PARSED, or the exit status
 * of an error that has been told. */
static int make_settings(struct ce_run *run, const struct edit_options *o,
                         struct ce_edit_settings *s)
{
    *s = ce_method_settings(ce_method_find(o->method));
    const char *who = ce_text(run, "the method %s", o->method);
    if (!who)
        return ce_error(run, "out of memory");
    const int status = ce_setting_options_put(run, &o->settings, who, s);
    if (status != CE_PARSED)
        return status;
    ce_edit_settings_seed(s, (uint64_t)run->seed);
    return ce_edit_check(run->ctx, s, NULL) == LT_OK
               ? CE_PARSED
               : ce_usage_error(run, "%s", lt_ctx_message(run->ctx));
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

/* The file of channels' effects that global-directions reads: the file that --channels names, or
 * the model's. NULL where the effects must be measured. */
static const char *channels_path(struct ce_run *run, const struct edit_options *o)
{
    if (o->channels && access(o->channels, F_OK) == 0)
        return o->channels;
    if (o->channels)
        return NULL;
    return ce_keep(run, ce_model_file(run->ctx, &run->paths, NULL, "channels.safetensors", false));
}

/* Edits w (N,L,D) by the method; results[N]. */
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

/* Edits w (N,L,D) by the trained mapper of --mapper; `text` (1,E) is the target's raw CLIP feature.
 */
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
    const unsigned needs = CE_NEED_GENERATOR | CE_NEED_TEXT |
                           ce_photos_need(run, o->sources.images.count) |
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
        all[i].seed = o->sources.seeds ? o->sources.seeds[i] : -1;
        all[i].photo = o->sources.images.count > 0 ? o->sources.images.items[i] : NULL;
    }
    if (!all || ce_edit_name_pictures(run, o->output, all, count) != LT_OK)
        return NULL;
    return all;
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
    size_t count = o.sources.count;
    code = CE_ERROR;

    /* Nothing is computed before it is known that the results may be written. */
    lt_status status = check_outputs(run, &o, &settings);
    if (status == LT_OK && count > 0 && !(all = list_pictures(run, &o, count)))
        status = lt_ctx_status(run->ctx);
    if (status == LT_OK)
        status = open_models(run, &o, &settings, &models);
    if (status == LT_OK && all)
        status = ce_edit_prepare_pictures(run, o.output, all, count);
    if (status == LT_OK && (text = ce_text_feature(&models, o.target)))
        w = ce_sources_read(run, &models, &o.sources, &photos);
    if (!w)
        goto out;
    if (!all) {
        /* Only the file of latents says how many pictures there are. */
        count = (size_t)lt_dim(w, 0);
        if ((code = ce_pictures_room(run, o.output, (int64_t)count)) != CE_PARSED)
            goto out;
        code = CE_ERROR;
        all = list_pictures(run, &o, count);
        if (!all || ce_edit_prepare_pictures(run, o.output, all, count) != LT_OK)
            goto out;
    }
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
