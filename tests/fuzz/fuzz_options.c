/* Command lines and lists of seeds. Each line of the input is one argument. */
#define _POSIX_C_SOURCE 200809L /* setenv */
#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "cli/console/options.h"
#include "cli/inout/seeds.h"

enum { MOST_ARGUMENTS = 64 };

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    /* A context is made for each input. It would ask the system for its number of cores, and the
     * processor for its instructions, which is slow on a virtual machine. */
    setenv("OMP_NUM_THREADS", "1", 1);
    setenv("LT_ISA", "base", 1);
    return 0;
}

static void parse(int argc, char **argv)
{
    struct ce_run run = {.command = "generate"};
    bool flag = false, seeds_given = false;
    const char *text = NULL, *choice = "ranger", *toggle = "on", *seeds = NULL, *output = NULL;
    int64_t integer = 7;
    double real = 0.5;
    struct ce_list list = {0}, arguments = {0};
    struct ce_option table[] = {
        CE_OPT_FLAG("flag", &flag, "a flag"),
        CE_OPT_TEXT("text", "TEXT", &text, "a text"),
        CE_OPT_TEXT("seeds", "LIST", &seeds, "a list of seeds"),
        CE_OPT_INT("integer", "N", &integer, -5, 100000, "an integer"),
        CE_OPT_REAL("real", "X", &real, 0, 1, "a number"),
        CE_OPT_CHOICE("choice", "ranger|adam", &choice, "a choice"),
        CE_OPT_CHOICE("toggle", "off|on", &toggle, "a switch"),
        CE_OPT_LIST("list", "TEXT", &list, "a text; may be repeated"),
        CE_OPT_OUT("FILE", &output, "an output"),
    };
    table[2].given = &seeds_given;
    const struct ce_syntax syntax = {.usage = "[OPTION]...",
                                     .takes = CE_TAKES_MODEL | CE_TAKES_DUMP | CE_TAKES_ENCODER,
                                     .table = table,
                                     .count = CE_COUNT(table),
                                     .arguments = &arguments};
    const int status = ce_options_parse(&run, &syntax, argc, argv);
    if (status == CE_PARSED) {
        if (integer < -5 || integer > 100000 || !(real >= 0 && real <= 1) ||
            (seeds_given && !seeds))
            __builtin_trap();
        int64_t *seed = NULL;
        size_t count = 0;
        if (seeds && ce_seeds_parse(&run, seeds, &seed, &count) == CE_PARSED)
            for (size_t i = 0; i < count; i++)
                if (seed[i] < 0)
                    __builtin_trap();
    }
    ce_run_end(&run);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size + 1), name[] = "generate", *argv[MOST_ARGUMENTS + 1] = {name};
    int argc = 1;
    if (!copy)
        return 0;
    memcpy(copy, data, size);
    copy[size] = '\0';
    for (char *at = copy; at && argc < MOST_ARGUMENTS;) {
        char *end = strchr(at, '\n');
        if (end)
            *end++ = '\0';
        argv[argc++] = at;
        at = end;
    }
    parse(argc, argv);
    free(copy);
    return 0;
}
