/* cfedit edit: edits pictures by a sentence. */
#define _POSIX_C_SOURCE 200809L /* access */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "autograd/ops.h"
#include "autograd/tape.h"
#include "cli/commands.h"
#include "cli/inout/edit_output.h"
#include "engine/editor.h"
#include "engine/objective/match.h"
#include "engine/methods.h"
#include "engine/model_files.h"
#include "engine/models.h"
#include "cli/console/options.h"
#include "cli/console/stop.h"
#include "cli/inout/many.h"
#include "cli/inout/photo_names.h"
#include "cli/inout/photos.h"
#include "cli/inout/setting_options.h"
#include "cli/inout/sources.h"
#include "cli/inout/unknown_words.h"
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

/* Pictures that are edited together by a method whose pictures share work; each group gets its own
 * work. Other methods edit one picture at a time. */
#define SHARED_MOST 64

struct job {
    struct ce_run *run;
    struct edit_options o;
    struct ce_edit_settings settings;
    struct ce_models models;
    lt_tensor *text; /* (1,E), the target's raw CLIP feature */
    struct ce_editor *editor;
    lt_params *params; /* of the mapper */
    struct ce_mapper *mapper;
    const char **photo_names;
    struct ce_edit_output output;
    struct ce_many many;
    struct ce_edit_result *kept; /* for the dump, [kept_count] */
    size_t kept_count;
    struct ce_progress progress;
    int64_t steps_before; /* steps of the groups before */
    bool given_up;        /* the group at hand was stopped */
};

/* Pictures that are edited together. */
struct group {
    size_t count;
    struct ce_edited edited[SHARED_MOST];
    struct ce_edit_result results[SHARED_MOST];
    lt_tensor *w[SHARED_MOST];     /* (1,L,D) each */
    lt_tensor *photo[SHARED_MOST]; /* (1,3,S,S) each, or NULL */
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
        CE_OPT_SENTENCE("target", &o->target,
                        "what the edited picture shows, \"face with green lips\""),
        CE_OPT_SENTENCE(
            "source", &o->source,
            "what the picture shows now (default: the generator's domain word, \"face\")"),
        CE_OPT_SENTENCES(
            "contrast", &o->contrasts,
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
                                              CE_TAKES_OUTPUT | CE_TAKES_RESUME,
                                     .seed = "the picture to edit, and the seed of everything "
                                             "else that is drawn at random (default: a picture "
                                             "chosen by the clock, which the result names, and 0 "
                                             "for the rest)",
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

/* A picture is given up at the step at which a stop is asked for. */
static bool tell_step(void *user, int64_t step, const char *stage, const struct ce_terms *terms)
{
    struct job *job = user;
    char note[64];
    if (stage) {
        ce_progress_stage(&job->progress, stage);
        return true;
    }
    snprintf(note, sizeof note, "loss %.4f", (double)terms->loss);
    ce_progress_step(&job->progress, job->steps_before + step, isnan(terms->loss) ? NULL : note);
    job->given_up = ce_stop_asked();
    return !job->given_up;
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

/* Refuses settings of the measuring of channels where these are read from a file. */
static lt_status check_measuring(const struct job *job, const char *path)
{
    static const char *const names[] = {"first-layer", "faces"};
    for (size_t i = 0; path && i < CE_COUNT(names); i++)
        if (ce_setting_options_given(&job->o.settings, names[i]))
            return lt_fail(job->run->ctx, LT_ERR_ARGUMENT,
                           "--%s matters only where channels are measured, but they are read from "
                           "%s; leave it out, or name a new file with --channels",
                           names[i], path);
    return LT_OK;
}

static lt_status open_editor(struct job *job)
{
    struct ce_run *run = job->run;
    const struct edit_options *o = &job->o;
    struct ce_progress progress;
    const char *path = ce_edit_reads_channels(&job->settings) ? channels_path(run, o) : NULL;
    if (check_measuring(job, path) != LT_OK)
        return lt_ctx_status(run->ctx);
    ce_progress_begin(&progress, run, "measuring", "channels", 1);
    const struct ce_edit_texts texts = {job->output.source, o->target, o->contrasts.items,
                                        (int)o->contrasts.count};
    lt_status status = ce_editor_open(&job->models, &job->settings, &texts, path, tell_channel,
                                      &progress, &job->editor);
    ce_progress_end(&progress);
    if (status == LT_OK && o->channels && !path)
        status = ce_editor_save_channels(job->editor, o->channels);
    return status;
}

static lt_status open_mapper(struct job *job)
{
    lt_ctx *ctx = job->run->ctx;
    lt_status status = lt_params_create(ctx, &job->params);
    if (status == LT_OK)
        status = ce_mapper_load(ctx, job->params, job->o.mapper);
    if (status == LT_OK)
        status = ce_mapper_create(ctx, job->params, lt_stylegan2_latents(job->models.generator),
                                  &job->mapper);
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

/* ---- the pictures ---- */

/* Names picture `index` and says where it comes from. */
static lt_status name_picture(struct job *job, size_t index, struct ce_edited *e)
{
    const struct ce_sources *s = &job->o.sources;
    *e = (struct ce_edited){.seed = s->seeds ? s->seeds[index] : -1,
                            .photo = s->images.count > 0 ? s->images.items[index] : NULL};
    const char *name = e->photo ? job->photo_names[index]
                                : ce_text(job->run, "%s%04lld", s->seeds ? "seed" : "",
                                          (long long)(s->seeds ? e->seed : (int64_t)index));
    e->mark = ce_sources_mark(job->run, s, index);
    return name && e->mark ? ce_edit_name_picture(job->run, &job->output, name, e)
                           : lt_ctx_status(job->run->ctx);
}

/* Finds out, once the number of pictures is known, whether all of them may be written. CE_PARSED,
 * or the exit status of an error that has been told. */
static int check_pictures(struct job *job)
{
    struct ce_run *run = job->run;
    const struct ce_sources *s = &job->o.sources;
    lt_status status = LT_OK;
    const int room = ce_pictures_room(run, job->o.output, (int64_t)s->count);
    if (room != CE_PARSED)
        return room;
    ce_edit_place(&job->output, job->o.output, s->count);
    job->many =
        (struct ce_many){.verb = "edited", .total = s->count, .resumable = job->output.folder};
    if (s->images.count > 0 &&
        !(job->photo_names = ce_photo_names(run, s->images.items, s->images.count, NULL)))
        return ce_fail(run);
    /* In a folder that is still to be made, nothing can be replaced. */
    const bool some = !job->output.folder || ce_is_folder(job->output.place);
    for (size_t i = 0; some && i < s->count && status == LT_OK; i++) {
        struct ce_edited e;
        struct ce_block *mark = ce_mark(run);
        status = name_picture(job, i, &e);
        if (status == LT_OK)
            status = ce_edit_allow_picture(run, &job->output, &e);
        ce_release(run, mark);
    }
    return status == LT_OK ? CE_PARSED : ce_fail(run);
}

/* Makes the place of the pictures, which comes before hours of work. */
static lt_status prepare_place(struct job *job)
{
    struct ce_edited first;
    const lt_status status = name_picture(job, 0, &first);
    return status == LT_OK ? ce_edit_prepare(job->run, &job->output, first.path) : status;
}

static lt_status make_dump_room(struct job *job)
{
    struct ce_run *run = job->run;
    const lt_stylegan2_config *g = lt_stylegan2_describe(job->models.generator);
    const int64_t count = (int64_t)job->o.sources.count, side = g->size;
    const lt_status status = ce_dump_room(
        run, count, 6 * side * side + g->style_dim * lt_stylegan2_latents(job->models.generator));
    if (status == LT_OK && run->dump)
        job->kept = ce_alloc(run, (size_t)count, sizeof *job->kept);
    return lt_ctx_status(run->ctx);
}

/* Whether an earlier run has made all of the pictures [first, first + n). Pictures that share work
 * are skipped together, so that those made anew come out alike. */
static bool are_made(struct job *job, size_t first, size_t n)
{
    bool made = job->run->resume;
    for (size_t i = first; i < first + n && made; i++) {
        struct ce_edited e;
        made = name_picture(job, i, &e) == LT_OK && ce_edit_is_made(job->run, &e);
    }
    return made;
}

/* Finds the latents of pictures [first, first + n). Photos that are bad are left out. */
static lt_status gather(struct job *job, size_t first, size_t n, struct group *group)
{
    group->count = 0;
    for (size_t i = first; i < first + n && !ce_stop_asked(); i++) {
        struct ce_edited *e = &group->edited[group->count];
        const lt_status status = name_picture(job, i, e);
        if (status != LT_OK)
            return status;
        lt_tensor **photo = &group->photo[group->count];
        lt_tensor *w = ce_sources_take(job->run, &job->models, &job->o.sources, i, photo);
        if (w)
            group->w[group->count++] = w;
        else if (!e->photo || !ce_many_skip(job->run, &job->many))
            return lt_ctx_status(job->run->ctx);
    }
    job->given_up = ce_stop_asked();
    return LT_OK;
}

static lt_status edit(struct job *job, struct group *group)
{
    lt_ctx *ctx = job->run->ctx;
    const float strength = (float)job->o.strength;
    lt_no_grad_begin(ctx);
    lt_tensor *w = group->count == 1 ? group->w[0] : lt_concat(ctx, (int)group->count, group->w, 0);
    lt_no_grad_end(ctx);
    if (!w)
        return lt_ctx_status(ctx);
    if (job->mapper)
        return ce_mapper_edit_apply(&job->models, job->mapper, job->text, w, strength,
                                    group->results);
    const int64_t steps = ce_editor_steps(job->editor, (int64_t)group->count);
    if (job->photo_names) {
        /* Photos are inverted between the edits, and the inversion tells its own progress. */
        ce_progress_begin(&job->progress, job->run, "editing", "steps", steps);
        job->steps_before = 0;
    }
    const lt_status status =
        ce_editor_run(job->editor, w, strength, tell_step, job, group->results);
    job->steps_before += steps;
    if (job->photo_names)
        ce_progress_end(&job->progress);
    return status;
}

/* Writes and tells one edited picture; its result is kept for the dump. */
static lt_status finish(struct job *job, struct group *group, size_t i)
{
    const bool antialias = job->settings.latent.nce.antialias;
    struct ce_edited *e = &group->edited[i];
    struct ce_edit_result *r = &group->results[i];
    e->before = ce_text_match(&job->models, job->text, r->x, antialias);
    e->after = ce_text_match(&job->models, job->text, r->x_hat, antialias);
    lt_status status = lt_ctx_status(job->run->ctx);
    if (status == LT_OK)
        status = ce_edit_write_picture(job->run, &job->output, e, r, group->photo[i]);
    if (status == LT_OK)
        status = ce_edit_tell(job->run, &job->output, e, r);
    if (status != LT_OK)
        return status;
    job->many.done++;
    if (job->kept) {
        job->kept[job->kept_count++] = *r;
        *r = (struct ce_edit_result){0};
    }
    return LT_OK;
}

/* Edits pictures [first, first + n) and writes them. */
static lt_status edit_group(struct job *job, size_t first, size_t n)
{
    lt_ctx *ctx = job->run->ctx;
    struct group group = {0};
    struct ce_block *mark = ce_mark(job->run);
    const lt_scope scope = lt_scope_open(ctx);
    const bool made = are_made(job, first, n);
    lt_status status = made ? LT_OK : gather(job, first, n, &group);
    if (made) {
        const int64_t steps = job->editor ? ce_editor_steps(job->editor, (int64_t)n) : 0;
        job->many.there += n;
        job->steps_before += steps;
        job->progress.skipped += steps;
    }
    if (status == LT_OK && group.count > 0 && !job->given_up)
        status = edit(job, &group);
    for (size_t i = 0; i < group.count && status == LT_OK && !job->given_up; i++)
        status = finish(job, &group, i);
    for (size_t i = 0; i < group.count; i++)
        ce_edit_result_free(&group.results[i]);
    lt_scope_close(ctx, scope, NULL);
    ce_release(job->run, mark);
    return status;
}

/* The steps of all pictures, which are edited in groups of `most`. */
static int64_t all_steps(const struct job *job, size_t most)
{
    const size_t count = job->many.total;
    return (int64_t)(count / most) * ce_editor_steps(job->editor, (int64_t)most) +
           (count % most ? ce_editor_steps(job->editor, (int64_t)(count % most)) : 0);
}

static lt_status edit_all(struct job *job)
{
    const size_t most = job->editor && ce_edit_shares_work(&job->settings) ? SHARED_MOST : 1;
    lt_status status = LT_OK;
    if (job->editor && !job->photo_names)
        ce_progress_begin(&job->progress, job->run, "editing", "steps", all_steps(job, most));
    ce_stop_catch(true);
    for (size_t at = 0; at < job->many.total && status == LT_OK && !ce_stop_asked(); at += most) {
        const size_t left = job->many.total - at;
        status = edit_group(job, at, left < most ? left : most);
    }
    ce_stop_catch(false);
    ce_progress_end(&job->progress);
    if (status == LT_OK)
        status = ce_edit_write_dump(job->run, job->kept, job->kept_count);
    const lt_status told = ce_edit_tell_end(job->run, &job->output, status != LT_OK);
    return status == LT_OK ? told : status;
}

static lt_status open_all(struct job *job)
{
    lt_status status = open_models(job->run, &job->o, &job->settings, &job->models);
    job->output.target = job->o.target;
    job->output.source = job->o.source ? job->o.source : job->models.domain;
    job->output.method = job->o.mapper ? "mapper" : job->o.method;
    ce_edit_tell_begin(job->run, &job->output);
    if (status == LT_OK && job->o.sources.count > 0)
        status = prepare_place(job);
    if (status == LT_OK)
        status = ce_note_unknown_words(job->run, &job->models, job->o.target);
    if (status == LT_OK && !(job->text = ce_text_feature(&job->models, job->o.target)))
        status = lt_ctx_status(job->run->ctx);
    return status == LT_OK ? ce_sources_open(job->run, &job->models, &job->o.sources) : status;
}

static int run_job(struct job *job)
{
    struct ce_run *run = job->run;
    const bool counted = job->o.sources.count > 0;
    int code = CE_PARSED;
    /* Nothing is computed before it is known that the results may be written. */
    if (check_outputs(run, &job->o, &job->settings) != LT_OK)
        return ce_fail(run);
    if (counted && (code = check_pictures(job)) != CE_PARSED)
        return code;
    if (open_all(job) != LT_OK)
        return ce_fail(run);
    /* Only the file of latents says how many pictures there are. */
    if (!counted && (code = check_pictures(job)) != CE_PARSED)
        return code;
    if (!counted && prepare_place(job) != LT_OK)
        return ce_fail(run);
    lt_status status = make_dump_room(job);
    if (status == LT_OK)
        status = job->o.mapper ? open_mapper(job) : open_editor(job);
    if (status == LT_OK)
        status = edit_all(job);
    return ce_many_end(run, &job->many, status);
}

int ce_cmd_edit(struct ce_run *run, int argc, char **argv)
{
    struct job job = {.run = run};
    int code = read_options(run, &job.o, argc, argv);
    if (code == CE_PARSED)
        code = make_settings(run, &job.o, &job.settings);
    if (code == CE_PARSED)
        code = run_job(&job);
    for (size_t i = 0; i < job.kept_count; i++)
        ce_edit_result_free(&job.kept[i]);
    ce_editor_close(job.editor);
    ce_mapper_free(job.mapper);
    lt_params_free(job.params);
    ce_models_close(&job.models);
    return code;
}
