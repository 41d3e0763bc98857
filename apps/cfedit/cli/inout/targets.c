/* Reading --target and --strength in their order, and completing sentences. */
#include "cli/inout/targets.h"

#include <stdio.h>
#include <string.h>

#include "cli/console/report.h"
#include "cli/console/shell.h"
#include "cli/inout/sources.h"
#include "engine/sentence/completion.h"
#include "tensor/hash.h"

/* ---- options ---- */

static int read_target(struct ce_run *run, void *to, const char *text)
{
    struct ce_targets *t = to;
    if (t->count == CE_TARGETS_MAX)
        return ce_usage_error(run, "more than %d sentences", CE_TARGETS_MAX);
    t->all[t->count++] = (struct ce_target){.text = text};
    return CE_PARSED;
}

/* Appends the first `length` bytes of `text`, one number of a list. */
static int read_one(struct ce_run *run, struct ce_strengths *strengths, const char *text,
                    size_t length)
{
    const char *number = ce_text(run, "%.*s", (int)length, text);
    char name[32], other[32];
    double value = 0.0;
    if (!number)
        return ce_error(run, "out of memory for a list");
    const int status =
        ce_option_real(run, "strength", number, -CE_STRENGTH_MOST, CE_STRENGTH_MOST, &value);
    if (status != CE_PARSED)
        return status;
    if (strengths->count == CE_STRENGTHS_MAX)
        return ce_usage_error(run, "--strength: more than %d strengths", CE_STRENGTHS_MAX);
    /* Files are named by strengths, so that they must differ as they are written. */
    snprintf(name, sizeof name, "%g", value);
    for (int i = 0; i < strengths->count; i++) {
        snprintf(other, sizeof other, "%g", strengths->value[i]);
        if (strcmp(name, other) == 0)
            return ce_usage_error(run, "--strength: %s is named twice", name);
    }
    strengths->value[strengths->count++] = value;
    return CE_PARSED;
}

/* Strengths behind a sentence are its own, those before the first are of the whole edit. */
static int read_strength(struct ce_run *run, void *to, const char *text)
{
    struct ce_targets *t = to;
    struct ce_strengths *strengths = t->count ? &t->all[t->count - 1].own : &t->whole;
    int status = CE_PARSED;
    if (strengths->count)
        return ce_usage_error(run, "--strength is given twice for one edit; several strengths are "
                                   "written as one list, 0,0.5,1");
    for (bool more = true; more && status == CE_PARSED;) {
        const size_t length = strcspn(text, ",");
        status = read_one(run, strengths, text, length);
        more = text[length] == ',';
        text += length + more;
    }
    return status;
}

void ce_targets_options(struct ce_targets *targets, struct ce_option *out)
{
    out[0] = (struct ce_option){
        .name = "target",
        .kind = CE_OWN,
        .value = targets,
        .read = read_target,
        .meta = "TEXT",
        .aside = true,
        .help = "what the edited picture shows, \"face with green lips\". May be repeated: the "
                "sentences are followed one after the other on the same picture"};
    out[1] = (struct ce_option){
        .name = "strength",
        .kind = CE_OWN,
        .value = targets,
        .read = read_strength,
        .meta = "S[,S...]",
        .aside = true,
        .help = "factor of the edit: 1 as found, 0 none, above 1 exaggerated, below 0 its "
                "opposite (default 1). A list, 0,0.5,1, draws the edit at each strength after one "
                "search. Behind one of several sentences it is a number and the factor of this "
                "sentence; before all of them it is for the whole"};
}

/* ---- settling ---- */

/* Whether a sentence of several has more than one strength of its own. */
static int check_own(const struct ce_run *run, const struct ce_targets *t)
{
    for (int i = 0; i < t->count; i++)
        if (t->count > 1 && t->all[i].own.count > 1)
            return ce_usage_error(run,
                                  "'%s' has %d strengths, but one of several sentences takes one; "
                                  "a list goes before the first sentence, for the whole edit",
                                  t->all[i].text, t->all[i].own.count);
    return CE_PARSED;
}

/* The sentences by their words, and all strengths, in their order. */
static uint64_t hash(struct ce_run *run, const struct ce_targets *t)
{
    uint64_t sum = LT_HASH_START;
    for (int i = 0; i < t->count; i++) {
        sum = ce_option_hash_sentence(run, sum, t->all[i].text);
        sum = lt_hash(sum, t->all[i].own.value, sizeof(double));
    }
    return lt_hash(sum, t->whole.value, (size_t)t->whole.count * sizeof(double));
}

int ce_targets_settle(struct ce_run *run, struct ce_targets *t)
{
    static const struct ce_strengths full = {{1.0}, 1};
    if (t->count == 0)
        return ce_usage_error(run, "say what to change, \"green lips\", or --target TEXT");
    const int status = check_own(run, t);
    if (status != CE_PARSED)
        return status;
    if (t->count == 1 && t->all[0].own.count) {
        if (t->whole.count)
            return ce_usage_error(run, "--strength is given twice for one edit");
        t->whole = t->all[0].own;
        t->all[0].own = full;
    }
    for (int i = 0; i < t->count; i++)
        if (!t->all[i].own.count)
            t->all[i].own = full;
    if (!t->whole.count)
        t->whole = full;
    run->settings += hash(run, t);
    return CE_PARSED;
}

/* ---- sentences ---- */

lt_status ce_targets_complete(struct ce_run *run, const struct ce_models *models,
                              struct ce_targets *t)
{
    lt_status status = LT_OK;
    for (int i = 0; i < t->count && status == LT_OK; i++) {
        char *completed;
        status = ce_sentence_complete(run->ctx, models->concepts, t->all[i].text, models->domain,
                                      &completed);
        if (status != LT_OK || !completed)
            continue;
        const char *text = ce_keep(run, completed);
        if (!text)
            return lt_ctx_status(run->ctx);
        ce_note(run, "note: '%s' is taken as '%s'", t->all[i].text, text);
        t->all[i].text = text;
    }
    return status;
}

const char *ce_strengths_text(struct ce_run *run, const struct ce_strengths *strengths, int only)
{
    const int first = only < 0 ? 0 : only, end = only < 0 ? strengths->count : only + 1;
    const char *text = "";
    for (int i = first; i < end && text; i++)
        text = ce_text(run, "%s%s%.17g", text, i > first ? "," : "", strengths->value[i]);
    return text;
}

const char *ce_targets_said(struct ce_run *run, const struct ce_targets *t, int only,
                            const char *line)
{
    const char *whole = ce_strengths_text(run, &t->whole, only);
    if (!whole)
        return NULL;
    if (strcmp(whole, "1") != 0)
        line = ce_shell_option(run, line, "strength", whole);
    for (int i = 0; i < t->count; i++) {
        line = ce_shell_option(run, line, "target", t->all[i].text);
        if (t->count > 1 && t->all[i].own.value[0] != 1.0)
            line =
                ce_shell_option(run, line, "strength", ce_strengths_text(run, &t->all[i].own, -1));
    }
    return line;
}

const char *ce_targets_title(struct ce_run *run, const struct ce_targets *t)
{
    const char *title = t->all[0].text;
    for (int i = 0; i < t->count && title && t->count > 1; i++) {
        const double strength = t->all[i].own.value[0];
        const char *factor = strength == 1.0 ? "" : ce_text(run, " (%g)", strength);
        title = i ? ce_text(run, "%s + %s%s", title, t->all[i].text, factor ? factor : "")
                  : ce_text(run, "%s%s", t->all[i].text, factor ? factor : "");
    }
    return title;
}
