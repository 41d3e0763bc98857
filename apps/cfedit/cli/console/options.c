/* Reading the command line into the variables of an option table. */
#define _POSIX_C_SOURCE 200809L /* dup2 */
#include "cli/console/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/console/inputs.h"
#include "cli/console/options_impl.h"
#include "cli/console/shell.h"
#include "nn/text/tokenizer.h"
#include "tensor/hash.h"

/* ---- values ---- */

/* Whether `text` is one of the names in "a|b|c". */
static bool is_choice(const char *choices, const char *text)
{
    const size_t length = strlen(text);
    for (const char *c = choices; c;) {
        const char *bar = strchr(c, '|');
        const size_t n = bar ? (size_t)(bar - c) : strlen(c);
        if (n == length && memcmp(c, text, n) == 0)
            return true;
        c = bar ? bar + 1 : NULL;
    }
    return false;
}

bool ce_option_is_switch(const struct ce_option *option)
{
    return option->kind == CE_CHOICE && strcmp(option->choices, "off|on") == 0;
}

static int check_range(const struct ce_run *run, const char *name, const char *text, double value,
                       double low, double high)
{
    if (value >= low && value <= high)
        return CE_PARSED;
    return ce_usage_error(run, "--%s: %s is out of range, expected %.16g to %.16g", name, text, low,
                          high);
}

static int store_int(const struct ce_run *run, const struct ce_option *option, const char *text)
{
    int64_t value;
    if (!ce_parse_int(text, &value))
        return ce_usage_error(run, "--%s: '%s' is not a whole number", option->name, text);
    const int status =
        check_range(run, option->name, text, (double)value, option->low, option->high);
    if (status == CE_PARSED)
        *(int64_t *)option->value = value;
    return status;
}

int ce_option_real(const struct ce_run *run, const char *name, const char *text, double low,
                   double high, double *value)
{
    double read;
    if (!ce_parse_real(text, &read))
        return ce_usage_error(run, "--%s: '%s' is not a number", name, text);
    const int status = check_range(run, name, text, read, low, high);
    if (status == CE_PARSED)
        *value = read;
    return status;
}

int ce_list_append(struct ce_run *run, struct ce_list *list, const char *text)
{
    /* The array grows at powers of two; the run frees the smaller ones at its end. */
    if ((list->count & (list->count - 1)) == 0) {
        const char **grown = ce_alloc(run, list->count ? 2 * list->count : 1, sizeof *grown);
        if (!grown)
            return ce_error(run, "out of memory for a list");
        if (list->count)
            memcpy(grown, list->items, list->count * sizeof *grown);
        list->items = grown;
    }
    list->items[list->count++] = text;
    return CE_PARSED;
}

uint64_t ce_option_hash_sentence(struct ce_run *run, uint64_t before, const char *text)
{
    char *words = NULL;
    /* A text that has no words, because it is not UTF-8, is refused where it is used. */
    if (lt_text_words(run->ctx, text, strlen(text), &words) != LT_OK)
        lt_ctx_clear(run->ctx);
    const uint64_t hash = lt_hash_text(before, words ? words : text);
    free(words);
    return hash;
}

/* Adds an option to run->settings: a sum, so that the order of options does not matter. */
static void add_to_settings(struct ce_run *run, const struct ce_option *option, const char *text)
{
    const uint64_t name = lt_hash(LT_HASH_START, option->name, strlen(option->name) + 1);
    if (!option->aside)
        run->settings += option->sentence ? ce_option_hash_sentence(run, name, text)
                                          : lt_hash_text(name, text ? text : "");
}

/* The file that the value of an option stands for: "-" is the standard input or output. What the
 * command tells then goes to the standard error, so that the results stand alone. NULL on failure,
 * which has been told. */
static const char *file_of(struct ce_run *run, bool writes, const char *text)
{
    if (!text || strcmp(text, "-") != 0)
        return text;
    if (!writes)
        return "/dev/stdin";
    if (run->results_on_stdout) {
        ce_usage_error(run, "only one output can be -, the standard output");
        return NULL;
    }
    run->results_on_stdout = true;
    const int copy = dup(STDOUT_FILENO);
    const char *path = copy < 0 ? NULL : ce_text(run, "/dev/fd/%d", copy);
    if (!path || dup2(STDERR_FILENO, STDOUT_FILENO) < 0) {
        ce_error(run, "cannot write to the standard output");
        return NULL;
    }
    return path;
}

static int store(struct ce_run *run, const struct ce_option *option, const char *text)
{
    add_to_settings(run, option, text);
    if (!option->aside && !option->source &&
        !(run->said = ce_shell_option(run, run->said, option->name, text)))
        return ce_error(run, "out of memory for the command line");
    if ((option->reads || option->writes) && !(text = file_of(run, option->writes, text)))
        return CE_USAGE;
    if (option->given)
        *option->given = true;
    switch (option->kind) {
    case CE_FLAG: *(bool *)option->value = true; break;
    case CE_INT: return store_int(run, option, text);
    case CE_REAL:
        return ce_option_real(run, option->name, text, option->low, option->high, option->value);
    case CE_CHOICE:
        if (!is_choice(option->choices, text))
            return ce_usage_error(run, "--%s: '%s' is not one of %s", option->name, text,
                                  option->choices);
        *(const char **)option->value = text;
        break;
    case CE_TEXT:
        if (option->sentence && *(const char **)option->value)
            return ce_usage_error(run, "--%s is given twice, but one text is taken", option->name);
        *(const char **)option->value = text;
        return option->reads ? ce_inputs_note(run, text) : CE_PARSED;
    case CE_LIST: return ce_list_append(run, option->value, text);
    case CE_OWN: return option->read(run, option->value, text);
    }
    return CE_PARSED;
}

/* ---- the options that commands share ---- */

size_t ce_options_common(struct ce_run *run, unsigned takes, struct ce_option *out)
{
    size_t n = 0;
    if (takes & (CE_TAKES_MODEL | CE_TAKES_ENCODER | CE_TAKES_DETECTOR))
        out[n++] = (struct ce_option)CE_OPT_TEXT(
            "model", "DIR", &run->paths.model,
            "folder with the model's files (default: CFEDIT_MODEL in the environment, else the "
            "model that comes with cfedit)");
    if (takes & CE_TAKES_GENERATOR)
        out[n++] =
            (struct ce_option)CE_OPT_FILE("generator", "FILE", &run->paths.generator,
                                          "StyleGAN2 generator to use instead of the model's");
    if (takes & CE_TAKES_CLIP) {
        out[n++] = (struct ce_option)CE_OPT_FILE("clip", "FILE", &run->paths.clip,
                                                 "CLIP network to use instead of the model's");
        out[n++] = (struct ce_option)CE_OPT_FILE(
            "bpe", "FILE", &run->paths.bpe,
            "merge list of the tokenizer (default: the list in the CLIP file, else "
            "bpe_simple_vocab_16e6.txt.gz or merges.txt beside the CLIP file)");
        out[n++] = (struct ce_option)CE_OPT_FILE(
            "concepts", "FILE", &run->paths.concepts,
            "words of the model, by kind, from which contrasts are made (default: concepts.json "
            "beside the CLIP file)");
    }
    if (takes & CE_TAKES_LOSS_NETS) {
        out[n++] = (struct ce_option)CE_OPT_FILE(
            "identity", "FILE", &run->paths.identity,
            "IR-SE50 face recognition network, for the identity loss");
        out[n++] = (struct ce_option)CE_OPT_FILE("vgg", "FILE", &run->paths.vgg,
                                                 "VGG19 network, for the perceptual loss");
    }
    if (takes & CE_TAKES_ENCODER)
        out[n++] = (struct ce_option)CE_OPT_FILE(
            "encoder", "FILE", &run->paths.encoder,
            "encoder (e4e, pSp, ReStyle): photos are inverted starting from the latents that it finds");
    if (takes & CE_TAKES_DETECTOR)
        out[n++] = (struct ce_option)CE_OPT_TEXT(
            "detector", "FILE", &run->paths.detector,
            "MTCNN face detector to use instead of the model's face.safetensors");
    const size_t first_aside = n;
    if (takes & CE_TAKES_DUMP)
        out[n++] = (struct ce_option)CE_OPT_WRITES(
            "dump", "FILE", &run->dump,
            "write the results as float32 tensors to a safetensors file (-: the standard output)");
    if (takes & CE_TAKES_OUTPUT)
        out[n++] = (struct ce_option){
            .name = "overwrite",
            .letter = 'y',
            .kind = CE_FLAG,
            .value = &run->overwrite,
            .help =
                "replace files that are already there. Without it the command stops before it "
                "computes anything; only without -o may it replace pictures that cfedit wrote. A "
                "file that the command reads is never replaced"};
    if (takes & CE_TAKES_RESUME)
        out[n++] = (struct ce_option)CE_OPT_FLAG(
            "resume", &run->resume,
            "skip what the same command line has made already, and make the rest: after a stop, or "
            "for more seeds and photos");
    for (size_t i = first_aside; i < n; i++)
        out[i].aside = true;
    out[n++] = (struct ce_option){.name = "seed",
                                  .kind = CE_INT,
                                  .value = &run->seed,
                                  .meta = "N",
                                  .low = 0,
                                  .high = 9007199254740992.0,
                                  .help = "seed of everything that is drawn at random",
                                  .given = &run->seed_given};
    const size_t behind_seed = n;
    out[n++] =
        (struct ce_option)CE_OPT_INT("threads", "N", &run->threads, 1, 256,
                                     "threads to use (default: OMP_NUM_THREADS, or one per core)");
    out[n++] = (struct ce_option)CE_OPT_FLAG("json", &run->json, "print results as JSON");
    out[n++] =
        (struct ce_option)CE_OPT_FLAG("quiet", &run->quiet, "print no progress and no notes");
    out[n++] = (struct ce_option){.name = "help",
                                  .letter = 'h',
                                  .kind = CE_FLAG,
                                  .help = "print this help; --help=all: with every option"};
    for (size_t i = behind_seed; i < n; i++)
        out[i].aside = true;
    return n;
}

/* ---- parsing ---- */

bool ce_asks_version(const char *arg)
{
    return strcmp(arg, "--version") == 0 || strcmp(arg, "-V") == 0;
}

void ce_print_version(void) { printf("cfedit %s\n", LT_VERSION_STRING); }

struct tables {
    const struct ce_option *part[2]; /* the command's own options, the common options */
    size_t count[2];
};

static const struct ce_option *find(const struct tables *tables, const char *name, size_t length)
{
    for (int p = 0; p < 2; p++)
        for (size_t i = 0; i < tables->count[p]; i++) {
            const struct ce_option *option = &tables->part[p][i];
            if (strlen(option->name) == length && memcmp(option->name, name, length) == 0)
                return option;
        }
    return NULL;
}

static const struct ce_option *find_letter(const struct tables *tables, char letter)
{
    for (int p = 0; p < 2; p++)
        for (size_t i = 0; i < tables->count[p]; i++)
            if (tables->part[p][i].letter == letter)
                return &tables->part[p][i];
    return NULL;
}

/* The option "off|on" that "no-NAME" switches off. */
static const struct ce_option *find_switched_off(const struct tables *tables, const char *name,
                                                 size_t length)
{
    if (length <= 3 || memcmp(name, "no-", 3) != 0)
        return NULL;
    const struct ce_option *option = find(tables, name + 3, length - 3);
    return option && ce_option_is_switch(option) ? option : NULL;
}

/* Whether an argument is one of the options by its long name. */
static bool is_option(const struct tables *tables, const char *arg)
{
    if (strncmp(arg, "--", 2) != 0)
        return false;
    const char *name = arg + 2;
    const size_t length = strcspn(name, "=");
    return !*name || find(tables, name, length) || find_switched_off(tables, name, length);
}

int ce_no_verbosity(const struct ce_run *run, const char *arg)
{
    if (strcmp(arg, "-v") != 0 && strcmp(arg, "--verbose") != 0)
        return CE_PARSED;
    return ce_usage_error(run,
                          "there is no option '%s': progress is shown unless --quiet is given, and "
                          "the version is told by --version",
                          arg);
}

static int unknown_option(const struct ce_run *run, const struct tables *tables, const char *arg)
{
    const int status = ce_no_verbosity(run, arg);
    if (status != CE_PARSED)
        return status;
    const char *names[128];
    char word[64];
    size_t n = 0;
    for (int p = 0; p < 2; p++)
        for (size_t i = 0; i < tables->count[p] && n < CE_COUNT(names); i++)
            names[n++] = tables->part[p][i].name;
    const int length = (int)strcspn(arg, "=");
    snprintf(word, sizeof word, "%.*s", length, arg);
    const char *near = ce_suggest(word + strspn(word, "-"), names, n);
    if (near)
        return ce_usage_error(run, "unknown option '%.*s' (did you mean '--%s'?)", length, arg,
                              near);
    return ce_usage_error(run, "unknown option '%.*s'", length, arg);
}

/* Reads the option at argv[*at] and its value, and moves *at to the last
 * argument that belongs to it. */
static int parse_option(struct ce_run *run, const struct tables *tables, int argc, char **argv,
                        int *at)
{
    const char *arg = argv[*at], *value = NULL;
    const struct ce_option *option;
    if (arg[1] == '-') {
        const size_t length = strcspn(arg + 2, "=");
        option = find(tables, arg + 2, length);
        if (arg[2 + length] == '=')
            value = arg + 2 + length + 1;
    } else {
        option = find_letter(tables, arg[1]);
        if (option && arg[2])
            value = arg + 2;
    }
    if (!option && arg[1] == '-' &&
        (option = find_switched_off(tables, arg + 2, strcspn(arg + 2, "="))))
        return value ? ce_usage_error(run, "option '--no-%s' takes no value", option->name)
                     : store(run, option, "off");
    if (!option)
        return unknown_option(run, tables, arg);
    if (option->kind == CE_FLAG) {
        if (value && strcmp(option->name, "help") == 0)
            return ce_usage_error(run, "option '--help' takes no value, or 'all'");
        if (value)
            return ce_usage_error(run, "option '--%s' takes no value", option->name);
        return store(run, option, NULL);
    }
    if (!value) {
        const char *next = *at + 1 < argc ? argv[*at + 1] : NULL;
        /* Where a value was forgotten, the next option must not be taken for it. */
        if (!next || is_option(tables, next))
            return ce_usage_error(run, "option '--%s' needs a value", option->name);
        value = next;
        ++*at;
    }
    return store(run, option, value);
}

/* An argument that is no option. `alone` counts those that stood for the value of syntax->alone. */
static int store_argument(struct ce_run *run, const struct ce_syntax *syntax,
                          const struct tables *tables, const char *arg, int *alone)
{
    if (syntax->arguments)
        return ce_list_append(run, syntax->arguments,
                              syntax->files ? file_of(run, false, arg) : arg);
    if (!syntax->alone)
        return ce_usage_error(run, "unexpected argument '%s'", arg);
    if (++*alone > 1)
        return ce_usage_error(run,
                              "unexpected argument '%s': words that belong together are put in "
                              "quotes, and of several texts each gets its own --%s",
                              arg, syntax->alone);
    return store(run, find(tables, syntax->alone, strlen(syntax->alone)), arg);
}

static int start(struct ce_run *run, unsigned takes)
{
    if (run->threads && lt_ctx_set_threads(run->ctx, (int)run->threads) != LT_OK)
        return ce_fail(run);
    return takes & CE_TAKES_OUTPUT ? ce_inputs_note_model(run) : CE_PARSED;
}

int ce_options_parse(struct ce_run *run, const struct ce_syntax *syntax, int argc, char **argv)
{
    struct ce_option common[CE_COMMON_MAX];
    const struct tables tables = {{syntax->table, common},
                                  {syntax->count, ce_options_common(run, syntax->takes, common)}};

    for (size_t i = 0; syntax->seed && i < tables.count[1]; i++)
        if (common[i].value == &run->seed) {
            common[i].help = syntax->seed;
            common[i].untold = true;
        }
    /* The help comes before anything is stored: it shows the defaults, not the values given. */
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (ce_asks_version(argv[i])) {
            ce_print_version();
            return CE_OK;
        }
        const bool all = strcmp(argv[i], "--help=all") == 0;
        if (all || strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            ce_options_help(run, syntax, common, tables.count[1], all);
            return CE_OK;
        }
    }
    if (lt_ctx_create(&run->ctx) != LT_OK)
        return ce_error(run, "out of memory");
    run->settings = lt_hash_text(LT_HASH_START, run->command ? run->command : "");
    run->said = "";
    bool only_arguments = false;
    int alone = 0;
    for (int i = 1; i < argc; i++) {
        int status = CE_PARSED;
        if (!only_arguments && strcmp(argv[i], "--") == 0)
            only_arguments = true;
        else if (!only_arguments && argv[i][0] == '-' && argv[i][1])
            status = parse_option(run, &tables, argc, argv, &i);
        else
            status = store_argument(run, syntax, &tables, argv[i], &alone);
        if (status != CE_PARSED)
            return status;
    }
    if (run->resume && run->dump)
        return ce_usage_error(run, "--resume skips pictures, which --dump would lack; leave one of "
                                   "the two out");
    return start(run, syntax->takes);
}
