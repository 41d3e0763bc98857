/* Reading lists of seeds. */
#include "cli/inout/seeds.h"

#include <string.h>

#include "cli/console/options.h"

#define MOST_SEEDS 1000000

/* Reads one seed or a range "A-B" at *text and moves *text behind it. */
static bool parse_range(const char **text, int64_t *first, int64_t *last)
{
    char part[64];
    const size_t length = strcspn(*text, ",");
    if (length >= sizeof part)
        return false;
    memcpy(part, *text, length);
    part[length] = '\0';
    *text += length;
    char *dash = strchr(part, '-');
    if (dash)
        *dash = '\0';
    if (part[0] == '+' || !ce_parse_int(part, first))
        return false;
    *last = *first;
    if (dash && (dash[1] == '+' || dash[1] == '-' || !ce_parse_int(dash + 1, last)))
        return false;
    return *first >= 0 && *last >= *first;
}

/* The number of seeds in a list; 0 where the text is no list or names too many. */
static size_t count_seeds(const char *text)
{
    int64_t first, last;
    size_t total = 0;
    for (const char *at = text;; at++) {
        if (!parse_range(&at, &first, &last) || last - first >= MOST_SEEDS)
            return 0;
        total += (size_t)(last - first) + 1;
        if (total > MOST_SEEDS)
            return 0;
        if (!*at)
            return total;
    }
}

/* A seed that a list names twice, whose picture would be written twice; -1 if there is none. */
static int64_t repeated_seed(const char *text)
{
    int64_t first, last, earlier_first, earlier_last;
    for (const char *at = text;; at++) {
        const char *begun = at;
        parse_range(&at, &first, &last);
        for (const char *earlier = text; earlier < begun; earlier++) {
            parse_range(&earlier, &earlier_first, &earlier_last);
            if (earlier_first <= last && first <= earlier_last)
                return first > earlier_first ? first : earlier_first;
        }
        if (!*at)
            return -1;
    }
}

int ce_seeds_parse(struct ce_run *run, const char *text, int64_t **seeds, size_t *count)
{
    int64_t first, last;
    *count = count_seeds(text);
    if (*count == 0)
        return ce_usage_error(run,
                              "--seeds: '%s' is not a list of seeds such as 1-16 or 3,5,8 (at most "
                              "%d)",
                              text, MOST_SEEDS);
    const int64_t twice = repeated_seed(text);
    if (twice >= 0)
        return ce_usage_error(run, "--seeds: '%s' names seed %lld twice", text, (long long)twice);
    *seeds = ce_alloc(run, *count, sizeof **seeds);
    if (!*seeds)
        return ce_fail(run);
    size_t n = 0;
    for (const char *at = text; n < *count; at++) {
        parse_range(&at, &first, &last);
        /* The loop counts from 0: with `last` the largest integer, a seed could not exceed it. */
        for (int64_t i = 0; i <= last - first; i++)
            (*seeds)[n++] = first + i;
    }
    return CE_PARSED;
}

int ce_seeds_one(struct ce_run *run, int64_t seed, int64_t **seeds, size_t *count)
{
    *seeds = ce_alloc(run, 1, sizeof **seeds);
    if (!*seeds)
        return ce_fail(run);
    (*seeds)[0] = seed;
    *count = 1;
    return CE_PARSED;
}
