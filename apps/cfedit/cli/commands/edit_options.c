/* The options of `cfedit edit`. */
#include "cli/commands/edit_options.h"

#include <string.h>

#include "cli/inout/output.h"
#include "engine/clock.h"
#include "engine/methods.h"

static const char examples[] =
    "  cfedit edit \"green lips\"\n"
    "  cfedit edit \"blue hair\" --seed 7 -o blue.png\n"
    "  cfedit edit \"purple hair\" --seeds 1-16 -o out/ --strength 0.7\n"
    "  cfedit edit \"green lips\" --seed 7 --strength 0,0.5,1,1.5 -o strip.png\n"
    "  cfedit edit --target \"green lips\" --strength 0.7 --target \"blue hair\" --seed 7\n"
    "  cfedit edit \"green lips\" --seed 7 --method global-directions\n"
    "  cfedit edit \"green lipstick\" --model my-model/ --image me.jpg\n"
    "  cfedit edit \"green lipstick\" --model my-model/ --image photos/ -o edited/\n"
    "  cfedit edit \"green lipstick\" --model my-model/ --latents faces.safetensors:3\n"
    "  cfedit edit \"green lipstick\" --mapper green.safetensors --seed 7";

static const char about[] =
    "Changes a picture so that a sentence fits it, and leaves the rest as it is. Without any\n"
    "source the picture is that of a random seed, which the result names.";

/* The options of the short help, in no order. */
static const char *const usual[] = {"target", "strength", "method", "output",    "seeds",
                                    "seed",   "latents",  "image",  "mapper",    "model",
                                    "resume", "json",     "help",   "overwrite", NULL};

/* The table of methods in the long help. */
static const char *describe_methods(struct ce_run *run)
{
    static const char *const head = "A method finds the edit:\n";
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

/* Refuses options that contradict each other. */
static int check_options(const struct ce_run *run, const struct ce_edit_options *o)
{
    /* --resize also decides how the match of the edited picture with the text is measured. */
    const char *of_method =
        o->method_given ? "method" : ce_setting_options_first_given(&o->settings, "resize");
    if (o->mapper && of_method)
        return ce_usage_error(
            run, "--%s is of no use with --mapper, which applies a mapper as it is", of_method);
    if (o->mapper && o->targets.count > 1)
        return ce_usage_error(run, "--mapper takes one sentence, but there are %d",
                              o->targets.count);
    if (o->contrasts.count && o->targets.count > 1)
        return ce_usage_error(run, "--contrast belongs to one sentence, but there are %d",
                              o->targets.count);
    return CE_PARSED;
}

int ce_edit_options_read(struct ce_run *run, struct ce_edit_options *o, int argc, char **argv)
{
    size_t count;
    const struct ce_method *methods = ce_methods(&count);
    const struct ce_edit_settings defaults = ce_method_settings(&methods[0]);
    *o = (struct ce_edit_options){.sources = ce_sources_defaults(CE_SOURCE_IMAGES),
                                  .settings = {.defaults = &defaults, .every = true},
                                  .method = methods[0].name};
    const char *names = methods[0].name;
    for (size_t i = 1; i < count && names; i++)
        names = ce_text(run, "%s|%s", names, methods[i].name);
    const char *details = describe_methods(run);
    if (!names || !details)
        return ce_error(run, "out of memory");
    struct ce_option method = CE_OPT_CHOICE("method", names, &o->method,
                                            "how the edit is found; --help=all describes each");
    method.given = &o->method_given;
    const struct ce_option own[] = {
        CE_OPT_SENTENCE(
            "source", &o->source,
            "what the picture shows now (default: the generator's domain word, \"face\")"),
        CE_OPT_SENTENCES(
            "contrast", &o->contrasts,
            "what the picture must not be taken for; may be repeated (default: the target "
            "with other colour words)"),
        method,
        CE_OPT_FILE("mapper", "FILE", &o->mapper, "apply a trained mapper instead of a method"),
        CE_OPT_FILE("channels", "FILE", &o->channels,
                    "effects of the style channels, for global-directions: read from this file, or "
                    "measured and written to it where it is missing (default: the model's "
                    "channels.safetensors, else they are measured and not kept)"),
        CE_OPT_OUT("FILE|DIR", &o->output,
                   "where the pictures go: a .png or .jpg file for a single one (before and after, "
                   "side by side), or a folder, made if missing (default: edit.png, or the folder "
                   "edit for several)"),
    };
    struct ce_option fixed[CE_TARGETS_OPTIONS + CE_COUNT(own) + CE_SOURCES_OPTIONS];
    ce_targets_options(&o->targets, fixed);
    memcpy(fixed + CE_TARGETS_OPTIONS, own, sizeof own);
    size_t n = CE_TARGETS_OPTIONS + CE_COUNT(own);
    n += ce_sources_options(&o->sources, fixed + n);
    const struct ce_option *table = ce_setting_options_add(run, &o->settings, fixed, &n);
    if (!table)
        return ce_error(run, "out of memory");
    const struct ce_syntax syntax = {.usage = "[OPTION]... TEXT\n"
                                              "[OPTION]... --target TEXT...",
                                     .alone = "target",
                                     .about = about,
                                     .details = details,
                                     .usual = usual,
                                     .examples = examples,
                                     .takes = CE_TAKES_MODEL | CE_TAKES_ENCODER |
                                              CE_TAKES_DETECTOR | CE_TAKES_DUMP | CE_TAKES_OUTPUT |
                                              CE_TAKES_RESUME,
                                     .seed = "the picture to edit, and the seed of everything "
                                             "else that is drawn at random (default: a picture "
                                             "chosen by the clock, which the result names, and 0 "
                                             "for the rest)",
                                     .table = table,
                                     .count = n};
    int status = ce_options_parse(run, &syntax, argc, argv);
    if (status == CE_PARSED)
        status = ce_targets_settle(run, &o->targets);
    if (status == CE_PARSED)
        status = check_options(run, o);
    if (status != CE_PARSED)
        return status;
    /* A seed from the clock is told with the results, so that the picture can be had again. */
    const int settled = ce_sources_settle(
        run, &o->sources, run->seed_given ? run->seed : (int64_t)(ce_seconds() * 1e3) % 10000);
    return settled == CE_PARSED ? ce_pictures_room(run, o->output, (int64_t)o->sources.count)
                                : settled;
}

int ce_edit_options_settings(struct ce_run *run, const struct ce_edit_options *o,
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
