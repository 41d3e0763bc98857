#include "cli/inout/recipe.h"

#include <inttypes.h>
#include <string.h>

#include "cli/console/shell.h"
#include "engine/digest.h"

/* `line` followed by the options that name the picture. Pictures that share work are named
 * together: each of them depends on the others. */
static const char *add_source(struct ce_run *run, const struct ce_edit_output *o,
                              const struct ce_edited *e, const char *line)
{
    const struct ce_sources *s = o->sources;
    const bool all = o->together && s->count > 1;
    if (s->images.count > 0) {
        for (size_t i = 0; i < s->images.count && all; i++)
            line = ce_shell_option(run, line, "image", s->images.items[i]);
        return all ? line : ce_shell_option(run, line, "image", e->photo);
    }
    if (s->latents) {
        const bool whole = all || strcmp(s->latents, "/dev/stdin") == 0 || s->count == 1;
        const char *file = whole ? s->latents : ce_text(run, "%s:%zu", s->latents, e->index);
        return file ? ce_shell_option(run, line, "latents", file) : NULL;
    }
    /* --seed is among what was said, and without it no seed but the picture's was drawn. */
    if (run->seed_given && !s->seeds_text)
        return line;
    return ce_shell_option(run, line, "seeds",
                           all ? s->seeds_text : ce_text(run, "%" PRId64, e->seed));
}

static const char *command_line(struct ce_run *run, const struct ce_edit_output *o,
                                const struct ce_edited *e, int only)
{
    const char *line = ce_text(run, "cfedit edit%s", run->said);
    line = ce_targets_said(run, o->targets, only, line);
    return line ? add_source(run, o, e, line) : NULL;
}

/* Adds a text; a NULL means that memory ran out. */
static void add(struct ce_recipe *recipe, bool *good, const char *key, const char *text)
{
    *good = *good && text;
    if (text)
        recipe->text[recipe->count++] = (ce_image_text){key, text};
}

lt_status ce_recipe_make(struct ce_run *run, const struct ce_edit_output *o,
                         const struct ce_edited *e, const struct ce_edit_result *result, int only,
                         struct ce_recipe *recipe)
{
    bool good = true;
    *recipe = (struct ce_recipe){.text = {ce_image_origin()}, .count = 1};
    add(recipe, &good, "Target", o->title);
    add(recipe, &good, "Source", o->source);
    add(recipe, &good, "Method", o->method);
    add(recipe, &good, "Strength", ce_strengths_text(run, &o->targets->whole, only));
    if (e->seed >= 0)
        add(recipe, &good, "Seed", ce_text(run, "%" PRId64, e->seed));
    if (e->photo)
        add(recipe, &good, "Photo", e->photo);
    add(recipe, &good, "Latent", ce_text(run, "%016" PRIx64, ce_digest_tensor(result->w)));
    add(recipe, &good, "Model", ce_text(run, "%016" PRIx64, o->model));
    add(recipe, &good, CE_COMMAND_LINE, command_line(run, o, e, only));
    if (o->folder)
        add(recipe, &good, CE_MADE_BY, e->mark);
    return good ? LT_OK : lt_ctx_status(run->ctx);
}
