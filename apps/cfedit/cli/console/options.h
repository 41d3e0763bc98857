/* Command lines: GNU long options and the help text, both from one table.
 *
 * Options are written "--name value" or "--name=value", and "-o value" if they have a letter. "--"
 * stands before arguments that begin with a dash. Names must be complete; for a misspelt name the
 * nearest one is suggested. Each entry of the table points at a variable, whose value before
 * parsing is the default that the help shows:
 *
 *     struct ce_option table[] = {
 *         CE_OPT_INT("steps", "N", &steps, 1, 100000, "optimisation steps"),
 *         CE_OPT_LIST("text", "TEXT", &texts, "a text; may be repeated"),
 *     };
 *     struct ce_syntax syntax = {.usage = "[OPTION]... --text TEXT", .takes = CE_TAKES_MODEL,
 *                                .table = table, .count = CE_COUNT(table)};
 *     int status = ce_options_parse(run, &syntax, argc, argv);
 *     if (status != CE_PARSED)
 *         return status;
 */
#ifndef CFEDIT_OPTIONS_H
#define CFEDIT_OPTIONS_H

#include "cli/console/run.h"
#include "engine/text.h"

/* The values of an option that may be repeated, in the order of the command line. The strings
 * belong to argv, the array to the run. */
struct ce_list {
    const char **items;
    size_t count;
};

/* Appends `text`, which is not copied, to a list in the run's memory. CE_PARSED, or CE_ERROR when
 * out of memory, which has been told. */
int ce_list_append(struct ce_run *run, struct ce_list *list, const char *text);

enum ce_option_kind {
    CE_FLAG,   /* bool: becomes true */
    CE_TEXT,   /* const char * */
    CE_INT,    /* int64_t within [low, high] */
    CE_REAL,   /* double within [low, high]; never NaN or infinite */
    CE_CHOICE, /* const char *, one of the names in `choices` ("ranger|adam"); an option of the
                  choices "off|on" is a switch, and "--no-NAME" gives it "off", too */
    CE_LIST,   /* struct ce_list */
    CE_OWN     /* the command's own kind: `read` is given `value` and the text */
};

struct ce_option {
    const char *name;
    char letter; /* 'o' for -o; 0 without */
    enum ce_option_kind kind;
    void *value;
    const char *meta; /* what stands for the value in the help */
    double low, high;
    const char *help; /* broken into lines as needed */
    const char *choices;
    /* CE_OWN: reads one value into `to`, in the order of the command line. CE_PARSED, or the exit
     * status of an error that has been told. */
    int (*read)(struct ce_run *run, void *to, const char *text);
    bool *given; /* becomes true when the option occurs; may be NULL */
    bool reads;  /* the value names a file that the command reads, which no output may replace; "-"
                    is the standard input */
    bool writes; /* the value names a file that the command writes; "-" is the standard output */
    bool sentence; /* the value is a text for CLIP, which counts by its words in ce_run.settings; a
                      CE_TEXT may be given once only */
    bool untold;   /* the help shows no default */
    bool source;   /* names the pictures to work on: left out of ce_run.said */
    bool aside; /* says which pictures are made, where they go or what is told: it does not change
                   what a picture shows, see ce_run.settings */
};

#define CE_OPT_FLAG(name_, to, text)                                    \
    {                                                                   \
        .name = (name_), .kind = CE_FLAG, .value = (to), .help = (text) \
    }
#define CE_OPT_TEXT(name_, meta_, to, text)                                              \
    {                                                                                    \
        .name = (name_), .kind = CE_TEXT, .value = (to), .meta = (meta_), .help = (text) \
    }
#define CE_OPT_SENTENCE(name_, to, text)                                                 \
    {                                                                                    \
        .name = (name_), .kind = CE_TEXT, .value = (to), .meta = "TEXT", .help = (text), \
        .sentence = true                                                                 \
    }
#define CE_OPT_SENTENCES(name_, to, text)                                                \
    {                                                                                    \
        .name = (name_), .kind = CE_LIST, .value = (to), .meta = "TEXT", .help = (text), \
        .sentence = true                                                                 \
    }
#define CE_OPT_FILE(name_, meta_, to, text)                                               \
    {                                                                                     \
        .name = (name_), .kind = CE_TEXT, .value = (to), .meta = (meta_), .help = (text), \
        .reads = true                                                                     \
    }
#define CE_OPT_WRITES(name_, meta_, to, text)                                             \
    {                                                                                     \
        .name = (name_), .kind = CE_TEXT, .value = (to), .meta = (meta_), .help = (text), \
        .writes = true                                                                    \
    }
#define CE_OPT_OUT(meta_, to, text)                                                       \
    {                                                                                     \
        .name = "output", .letter = 'o', .kind = CE_TEXT, .value = (to), .meta = (meta_), \
        .help = (text), .aside = true, .writes = true                                     \
    }
#define CE_OPT_INT(name_, meta_, to, low_, high_, text)                                 \
    {                                                                                   \
        .name = (name_), .kind = CE_INT, .value = (to), .meta = (meta_), .low = (low_), \
        .high = (high_), .help = (text)                                                 \
    }
#define CE_OPT_REAL(name_, meta_, to, low_, high_, text)                                 \
    {                                                                                    \
        .name = (name_), .kind = CE_REAL, .value = (to), .meta = (meta_), .low = (low_), \
        .high = (high_), .help = (text)                                                  \
    }
#define CE_OPT_CHOICE(name_, choices_, to, text)                               \
    {                                                                          \
        .name = (name_), .kind = CE_CHOICE, .value = (to), .meta = (choices_), \
        .choices = (choices_), .help = (text)                                  \
    }
#define CE_OPT_LIST(name_, meta_, to, text)                                              \
    {                                                                                    \
        .name = (name_), .kind = CE_LIST, .value = (to), .meta = (meta_), .help = (text) \
    }

/* Pictures that results are made of, one by one. */
#define CE_OPT_IMAGES(to, text)                                                             \
    {                                                                                       \
        .name = "image", .kind = CE_LIST, .value = (to), .meta = "FILE|DIR", .reads = true, \
        .help = (text), .aside = true                                                       \
    }

/* Every command has --help, --json, --quiet, --threads and --seed. These bits add the options that
 * several commands share. */
enum {
    CE_TAKES_GENERATOR = 1,  /* --model, --generator */
    CE_TAKES_CLIP = 2,       /* --model, --clip, --bpe, --concepts */
    CE_TAKES_LOSS_NETS = 4,  /* --model, --identity, --vgg */
    CE_TAKES_DUMP = 8,       /* --dump */
    CE_TAKES_ENCODER = 16,   /* --model, --encoder */
    CE_TAKES_OUTPUT = 32,    /* --overwrite */
    CE_TAKES_RESUME = 64,    /* --resume */
    CE_TAKES_DETECTOR = 128, /* --model, --detector */
    CE_TAKES_MODEL = 7
};

struct ce_syntax {
    const char *usage;   /* what follows "cfedit NAME ", several lines for several forms */
    const char *about;   /* a paragraph above the options, with its line feeds; or NULL */
    const char *details; /* a paragraph below `about` that only --help=all shows; or NULL */
    /* The options that people use most, by name, NULL at the end: --help shows these, and
     * --help=all shows every option. NULL: both show all. */
    const char *const *usual;
    const char *examples; /* lines below the options, with their line feeds; or NULL */
    unsigned takes;
    const struct ce_option *table;
    size_t count;
    struct ce_list *arguments; /* NULL: the command takes none, or one by `alone` */
    const char *alone;         /* the option whose value may stand without its name, once */
    bool files;                /* the arguments name files to be read */
    const char *seed;          /* what the help says about --seed; NULL: the usual, default 0 */
};

/* Reads argv[1..argc) (argv[0] is the command's name) into the variables of the table and into
 * `run`, notes the input files (inputs.h), hashes the settings and makes run->ctx. Returns
 * CE_PARSED, or the exit status with which the command must end at once: CE_OK after --help, which
 * is printed on stdout; the status of an error, which has been told. */
int ce_options_parse(struct ce_run *run, const struct ce_syntax *syntax, int argc, char **argv);

/* Reads a number within [low, high] for the option `name`. CE_PARSED, or the exit status of an
 * error that has been told. */
int ce_option_real(const struct ce_run *run, const char *name, const char *text, double low,
                   double high, double *value);

/* Continues a hash with a sentence by its words, as CLIP's tokenizer reads them. */
uint64_t ce_option_hash_sentence(struct ce_run *run, uint64_t before, const char *text);

/* Whether an argument asks for the version, which ce_print_version() prints on stdout. */
bool ce_asks_version(const char *arg);
void ce_print_version(void);
/* Refuses -v and --verbose, which other programs have, and returns CE_USAGE; CE_PARSED for any
 * other argument. */
int ce_no_verbosity(const struct ce_run *run, const char *arg);

/* The name nearest to `word`, if they differ by no more than a typing error or two; else NULL.
 * `names` has `count` entries; entries that are NULL are skipped. */
const char *ce_suggest(const char *word, const char *const *names, size_t count);

#endif
