/* Help texts from option tables, and guesses at misspelt names. */
#include <stdio.h>
#include <string.h>

#include "cli/console/options_impl.h"

#define HELP_COLUMN 28
#define LINE_WIDTH  79

/* ---- help ---- */

/* Prints words, the first at column `at`; further lines begin at HELP_COLUMN. */
static void print_wrapped(const char *text, int at)
{
    bool first = true;
    while (*text) {
        const int word = (int)strcspn(text, " ");
        if (!first && at + 1 + word > LINE_WIDTH) {
            printf("\n%*s", HELP_COLUMN, "");
            at = HELP_COLUMN;
            first = true;
        }
        printf("%s%.*s", first ? "" : " ", word, text);
        at += word + !first;
        first = false;
        text += word;
        text += strspn(text, " ");
    }
    putchar('\n');
}

static void describe_default(const struct ce_option *option, char *buf, size_t cap)
{
    buf[0] = '\0';
    if (option->untold)
        return;
    switch (option->kind) {
    case CE_INT:
        /* A default out of range stands for "none"; the help text then says what happens. */
        if ((double)*(const int64_t *)option->value >= option->low)
            snprintf(buf, cap, " (default %lld)", (long long)*(const int64_t *)option->value);
        break;
    case CE_REAL:
        if (*(const double *)option->value >= option->low)
            snprintf(buf, cap, " (default %g)", *(const double *)option->value);
        break;
    case CE_TEXT:
    case CE_CHOICE:
        if (*(const char *const *)option->value)
            snprintf(buf, cap, " (default %s)", *(const char *const *)option->value);
        break;
    case CE_FLAG:
    case CE_LIST:
    case CE_OWN: break;
    }
}

static void print_option(const struct ce_option *option)
{
    char text[1024], fallback[128];
    int at = option->letter ? printf("  -%c, --%s", option->letter, option->name)
                            : printf("      --%s", option->name);
    if (option->meta)
        at += printf("=%s", option->meta);
    if (ce_option_is_switch(option))
        at += printf(", --no-%s", option->name);
    if (at + 2 > HELP_COLUMN) {
        putchar('\n');
        at = 0;
    }
    printf("%*s", HELP_COLUMN - at, "");
    describe_default(option, fallback, sizeof fallback);
    snprintf(text, sizeof text, "%s%s", option->help, fallback);
    print_wrapped(text, HELP_COLUMN);
}

static void print_usage(const char *command, const char *usage)
{
    const char *head = "Usage: ";
    while (*usage) {
        const int line = (int)strcspn(usage, "\n");
        printf("%scfedit %s %.*s\n", head, command, line, usage);
        head = "       ";
        usage += line + (usage[line] == '\n');
    }
}

static bool is_usual(const struct ce_syntax *syntax, const struct ce_option *option)
{
    const char *const *name = syntax->usual;
    while (*name && strcmp(*name, option->name) != 0)
        name++;
    return *name != NULL;
}

/* The help of the usual options, of both tables under one heading. */
static void print_usual(const struct ce_run *run, const struct ce_syntax *syntax,
                        const struct ce_option *common, size_t common_count)
{
    printf("\nThe options that are used most:\n");
    for (size_t i = 0; i < syntax->count; i++)
        if (is_usual(syntax, &syntax->table[i]))
            print_option(&syntax->table[i]);
    for (size_t i = 0; i < common_count; i++)
        if (is_usual(syntax, &common[i]))
            print_option(&common[i]);
    if (syntax->examples)
        printf("\nExamples:\n%s\n", syntax->examples);
    printf("\n'cfedit %s --help=all' shows all %zu options.\n", run->command,
           syntax->count + common_count);
}

void ce_options_help(const struct ce_run *run, const struct ce_syntax *syntax,
                     const struct ce_option *common, size_t common_count, bool all)
{
    print_usage(run->command, syntax->usage);
    if (syntax->about)
        printf("\n%s\n", syntax->about);
    if (syntax->usual && !all) {
        print_usual(run, syntax, common, common_count);
        return;
    }
    if (syntax->details)
        printf("\n%s\n", syntax->details);
    if (syntax->count)
        printf("\nOptions:\n");
    for (size_t i = 0; i < syntax->count; i++)
        print_option(&syntax->table[i]);
    printf("\nCommon options:\n");
    for (size_t i = 0; i < common_count; i++)
        print_option(&common[i]);
    if (syntax->examples)
        printf("\nExamples:\n%s\n", syntax->examples);
}

/* ---- suggestions ---- */

#define WORD_MAX 48

/* The number of edits that turn one word into another: insertion, deletion, replacement, swap of
 * neighbours (Damerau 1964, restricted form). */
static int distance(const char *a, const char *b)
{
    const int n = (int)strlen(a), m = (int)strlen(b);
    int d[WORD_MAX + 1][WORD_MAX + 1];
    if (n > WORD_MAX || m > WORD_MAX)
        return WORD_MAX;
    for (int i = 0; i <= n; i++)
        for (int j = 0; j <= m; j++) {
            if (i == 0 || j == 0) {
                d[i][j] = i + j;
                continue;
            }
            int best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            if (d[i - 1][j] + 1 < best)
                best = d[i - 1][j] + 1;
            if (d[i][j - 1] + 1 < best)
                best = d[i][j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                d[i - 2][j - 2] + 1 < best)
                best = d[i - 2][j - 2] + 1;
            d[i][j] = best;
        }
    return d[n][m];
}

const char *ce_suggest(const char *word, const char *const *names, size_t count)
{
    const size_t length = strlen(word);
    const int limit = length < 4 ? 1 : length < 8 ? 2 : 3;
    const char *best = NULL;
    int best_distance = limit + 1;
    if (length < 2)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        if (!names[i])
            continue;
        /* An abbreviation is not accepted, but the name that it begins is suggested. */
        const int far = strncmp(word, names[i], length) == 0 ? 1 : distance(word, names[i]);
        if (far < best_distance) {
            best = names[i];
            best_distance = far;
        }
    }
    return best;
}
