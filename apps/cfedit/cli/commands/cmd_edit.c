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
#include "cli/commands/edit_options.h"
#include "engine/digest.h"
#include "engine/model_files.h"
#include "engine/models.h"
#include "engine/objective/match.h"
#include "engine/sequence.h"
#include "engine/strength.h"
#include "cli/console/stop.h"
#include "cli/inout/many.h"
#include "cli/inout/photo_names.h"
#include "cli/inout/photos.h"
#include "cli/inout/unknown_words.h"
#include "cli/console/report.h"

/* Pictures that are edited together by a method whose pictures share work; each group gets its own
 * work. Other methods edit one picture at a time. */
#define SHARED_MOST 64

struct job {
    struct ce_run *run;
    struct ce_edit_options o;
    struct ce_edit_settings settings;
    struct ce_models models;
    lt_tensor *text[CE_TARGETS_MAX]; /* (1,E) each, the sentences' raw CLIP features */
    struct ce_sequence *sequence;
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
static const char *channels_path(struct ce_run *run, const struct ce_edit_options *o)
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

/* Makes the method ready for all sentences, as `texts` and `strengths` say. */
static lt_status open_sequence(struct job *job, const struct ce_edit_texts *texts,
                               const float *strengths)
{
    struct ce_run *run = job->run;
    const struct ce_edit_options *o = &job->o;
    struct ce_progress progress;
    const char *path = ce_edit_reads_channels(&job->settings) ? channels_path(run, o) : NULL;
    if (check_measuring(job, path) != LT_OK)
        return lt_ctx_status(run->ctx);
    ce_progress_begin(&progress, run, "measuring", "channels", 1);
    lt_status status =
        ce_sequence_open(&job->models, &job->settings, texts, strengths, o->targets.count, path,
                         tell_channel, &progress, &job->sequence);
    ce_progress_end(&progress);
    if (status == LT_OK && o->channels && !path)
        status = ce_editor_save_channels(ce_sequence_editor(job->sequence, 0), o->channels);
    return status;
}

static lt_status open_method(struct job *job)
{
    const struct ce_edit_options *o = &job->o;
    struct ce_edit_texts texts[CE_TARGETS_MAX];
    float strengths[CE_TARGETS_MAX];
    for (int i = 0; i < o->targets.count; i++) {
        texts[i] = (struct ce_edit_texts){job->output.source, o->targets.all[i].text,
                                          o->contrasts.items, (int)o->contrasts.count};
        strengths[i] = (float)o->targets.all[i].own.value[0];
    }
    return open_sequence(job, texts, strengths);
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

static lt_status open_models(struct ce_run *run, const struct ce_edit_options *o,
                             const struct ce_edit_settings *s, struct ce_models *models)
{
    const unsigned needs = CE_NEED_GENERATOR | CE_NEED_TEXT |
                           ce_photos_need(run, &o->sources.framing, o->sources.images.count) |
                           (o->mapper ? 0u : ce_edit_needs(s));
    return ce_models_open(run->ctx, &run->paths, needs, models);
}

/* Whether the files that do not depend on the number of pictures may be written. */
static lt_status check_outputs(struct ce_run *run, const struct ce_edit_options *o,
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
    *e = (struct ce_edited){.index = index,
                            .seed = s->seeds ? s->seeds[index] : -1,
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
    if (ce_edit_place(run, &job->output, job->o.output, s->count) != LT_OK)
        return ce_fail(run);
    job->many =
        (struct ce_many){.verb = "edited", .total = s->count, .resumable = job->output.folder};
    if (s->images.count > 0 &&
        !(job->photo_names =
              ce_photo_names(run, s->images.items, s->images.count, &job->output.endings, NULL)))
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
    const int64_t side = g->size;
    const int64_t count = (int64_t)job->o.sources.count * job->o.targets.whole.count;
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
    lt_no_grad_begin(ctx);
    lt_tensor *w = group->count == 1 ? group->w[0] : lt_concat(ctx, (int)group->count, group->w, 0);
    lt_no_grad_end(ctx);
    if (!w)
        return lt_ctx_status(ctx);
    if (job->mapper)
        return ce_mapper_edit_apply(&job->models, job->mapper, job->text[0], w, 1.0f,
                                    group->results);
    const int64_t steps = ce_sequence_steps(job->sequence, (int64_t)group->count);
    if (job->photo_names) {
        /* Photos are inverted between the edits, and the inversion tells its own progress. */
        ce_progress_begin(&job->progress, job->run, "editing", "steps", steps);
        job->steps_before = 0;
    }
    const lt_status status = ce_sequence_run(job->sequence, w, tell_step, job, group->results);
    job->steps_before += steps;
    if (job->photo_names)
        ce_progress_end(&job->progress);
    return status;
}

/* How well a picture fits the sentences: the mean of its cosines with them. */
static double match(const struct job *job, lt_tensor *x)
{
    const int count = job->o.targets.count;
    double sum = 0.0;
    for (int i = 0; i < count; i++)
        sum += ce_text_match(&job->models, job->text[i], x, job->settings.latent.nce.antialias);
    return sum / count;
}

/* Writes and tells one picture, drawn at all strengths. */
static lt_status write_drawn(struct job *job, struct ce_edited *e, lt_tensor *photo,
                             const struct ce_edit_result *drawn)
{
    e->before = match(job, drawn[0].x);
    for (int k = 0; k < job->o.targets.whole.count; k++)
        e->after[k] = match(job, drawn[k].x_hat);
    lt_status status = lt_ctx_status(job->run->ctx);
    if (status == LT_OK)
        status = ce_edit_write_picture(job->run, &job->output, e, drawn, photo);
    if (status == LT_OK)
        status = ce_edit_tell(job->run, &job->output, e, drawn);
    return status;
}

/* Draws the edit that was found for picture `i` at all strengths, writes and tells it; the results
 * are kept for the dump. */
static lt_status finish(struct job *job, struct group *group, size_t i)
{
    const struct ce_strengths *strengths = &job->o.targets.whole;
    struct ce_edit_result drawn[CE_STRENGTHS_MAX] = {0};
    lt_status status = LT_OK;
    for (int k = 0; k < strengths->count && status == LT_OK; k++)
        status = ce_strength_draw(&job->models, &group->results[i], (float)strengths->value[k],
                                  &drawn[k]);
    if (status == LT_OK)
        status = write_drawn(job, &group->edited[i], group->photo[i], drawn);
    for (int k = 0; k < strengths->count; k++)
        if (status == LT_OK && job->kept)
            job->kept[job->kept_count++] = drawn[k];
        else
            ce_edit_result_free(&drawn[k]);
    job->many.done += status == LT_OK;
    return status;
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
        const int64_t steps = job->sequence ? ce_sequence_steps(job->sequence, (int64_t)n) : 0;
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
    return (int64_t)(count / most) * ce_sequence_steps(job->sequence, (int64_t)most) +
           (count % most ? ce_sequence_steps(job->sequence, (int64_t)(count % most)) : 0);
}

static lt_status edit_all(struct job *job)
{
    const size_t most = job->sequence && ce_edit_shares_work(&job->settings) ? SHARED_MOST : 1;
    lt_status status = LT_OK;
    if (job->sequence && !job->photo_names)
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

/* Settles what the sentences are, tells it, and encodes them. */
static lt_status read_sentences(struct job *job)
{
    struct ce_run *run = job->run;
    struct ce_targets *targets = &job->o.targets;
    /* A mapper was trained for a sentence as it is written. */
    lt_status status = job->o.mapper ? LT_OK : ce_targets_complete(run, &job->models, targets);
    if (status == LT_OK && !(job->output.title = ce_targets_title(run, targets)))
        status = lt_ctx_status(run->ctx);
    for (int i = 0; i < targets->count && status == LT_OK; i++) {
        status = ce_note_unknown_words(run, &job->models, targets->all[i].text);
        if (status == LT_OK &&
            !(job->text[i] = ce_text_feature(&job->models, targets->all[i].text)))
            status = lt_ctx_status(run->ctx);
    }
    return status;
}

static lt_status open_all(struct job *job)
{
    lt_status status = open_models(job->run, &job->o, &job->settings, &job->models);
    job->output.source = job->o.source ? job->o.source : job->models.domain;
    job->output.together = !job->o.mapper && ce_edit_shares_work(&job->settings);
    job->output.method = job->o.mapper ? "mapper" : job->o.method;
    if (status == LT_OK && job->o.sources.count > 0)
        status = prepare_place(job);
    if (status == LT_OK)
        status = read_sentences(job);
    if (status == LT_OK) {
        job->output.model = ce_digest_models(&job->models);
        ce_edit_tell_begin(job->run, &job->output);
    }
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
        status = job->o.mapper ? open_mapper(job) : open_method(job);
    if (status == LT_OK)
        status = edit_all(job);
    return ce_many_end(run, &job->many, status);
}

int ce_cmd_edit(struct ce_run *run, int argc, char **argv)
{
    struct job job = {.run = run};
    int code = ce_edit_options_read(run, &job.o, argc, argv);
    job.output.targets = &job.o.targets;
    job.output.sources = &job.o.sources;
    if (code == CE_PARSED)
        code = ce_edit_options_settings(run, &job.o, &job.settings);
    if (code == CE_PARSED)
        code = run_job(&job);
    for (size_t i = 0; i < job.kept_count; i++)
        ce_edit_result_free(&job.kept[i]);
    ce_sequence_close(job.sequence);
    ce_mapper_free(job.mapper);
    lt_params_free(job.params);
    ce_models_close(&job.models);
    return code;
}
