/* The family of methods that train a mapper over the pictures at hand. */
#include "engine/family.h"

static unsigned needs(const struct ce_edit_settings *settings)
{
    const struct ce_objective_config *objective = &settings->mapper.train.objective;
    return CE_NEED_TEXT | ce_objective_needs(objective);
}

static const struct ce_nce_config *nce(const struct ce_edit_settings *settings)
{
    return &settings->mapper.train.objective.nce;
}

static bool moves_latents(const struct ce_edit_settings *settings)
{
    (void)settings;
    return true;
}

static int64_t steps(const struct ce_edit_job *job, const void *state, int64_t count)
{
    (void)state;
    return ce_mapper_edit_steps(&job->settings->mapper, count);
}

static lt_status run(const struct ce_edit_job *job, void *state, lt_tensor *w, ce_edit_watch *watch,
                     void *user, struct ce_edit_result *results)
{
    (void)state;
    return ce_mapper_edit_run(job->models, &job->settings->mapper, &job->texts, w, watch, user,
                              results);
}

/* The training that run() begins checks its settings and encodes the sentences itself. */
const struct ce_family_operations ce_mapper_family = {
    .shares_work = true,
    .needs = needs,
    .nce = nce,
    .moves_latents = moves_latents,
    .steps = steps,
    .run = run,
};
