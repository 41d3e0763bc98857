/* The sentences of `cfedit edit`, and how strongly each is followed:
 *
 *     --strength 0,0.5,1 --target "green lips" --strength 0.7 --target "blue hair"
 *                ^ of the whole edit, drawn three times   ^ of the first sentence */
#ifndef CFEDIT_TARGETS_H
#define CFEDIT_TARGETS_H

#include "cli/console/options.h"
#include "engine/models.h"
#include "engine/sequence.h"

enum {
    CE_TARGETS_MAX = CE_SEQUENCE_MAX,
    /* A strip of so many pictures of 1024 pixels, and three more, is no wider than a picture may
     * be. */
    CE_STRENGTHS_MAX = 12,
    CE_TARGETS_OPTIONS = 2
};

/* Different strengths, in the order in which they were given. */
struct ce_strengths {
    double value[CE_STRENGTHS_MAX];
    int count;
};

struct ce_target {
    const char *text;
    struct ce_strengths own; /* of this sentence; after ce_targets_settle() one value */
};

struct ce_targets {
    struct ce_target all[CE_TARGETS_MAX];
    int count;
    struct ce_strengths whole; /* of the whole edit; after ce_targets_settle() at least one value */
};

/* Writes the options --target and --strength, CE_TARGETS_OPTIONS of them, which point into
 * `targets`, all zero at first. */
void ce_targets_options(struct ce_targets *targets, struct ce_option *out);

/* After parsing: the strength of a single sentence becomes that of the whole edit, missing ones
 * become 1, and sentences and strengths count in run->settings. CE_PARSED, or the exit status of an
 * error that has been told: no sentence, two strengths for one thing, several of one of several
 * sentences. */
int ce_targets_settle(struct ce_run *run, struct ce_targets *targets);

/* Completes sentences that only name a wish ("green lips"), by the model's words and the `domain`
 * (completion.h), and notes what is asked for then. */
lt_status ce_targets_complete(struct ce_run *run, const struct ce_models *models,
                              struct ce_targets *targets);

/* `line` followed by the options that give these sentences and strengths again; `only` 0, 1, ...
 * takes one of the strengths of the whole edit, -1 all. In the run's memory, NULL when out of
 * memory. */
const char *ce_targets_said(struct ce_run *run, const struct ce_targets *targets, int only,
                            const char *line);

/* The strengths as they are written on the command line, "0,0.5,1"; `only` as above. In the run's
 * memory, NULL when out of memory. */
const char *ce_strengths_text(struct ce_run *run, const struct ce_strengths *strengths, int only);

/* All sentences in one text, for labels and reports; with several sentences, strengths that are not
 * 1 stand behind theirs: "green lips (0.7) + blue hair". In the run's memory, NULL when out of
 * memory. */
const char *ce_targets_title(struct ce_run *run, const struct ce_targets *targets);

#endif
