#include "cli/inout/seeds.h"

#include <string.h>

#include "engine/text.h"

#define MOST_SEEDS 1000000

/* One seed or "A-B" at *text, which is moved behind it. */
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

bool ce_seeds_parse(struct ce_run *run, const char *text, int64_t **seeds, size_t *count)
{
    int64_t first, last;
    size_t total = 0;
    for (const char *at = text;; at++) {
        if (!parse_range(&at, &first, &last) || last - first >= MOST_SEEDS)
            return false;
        total += (size_t)(last - first) + 1;
        if (total > MOST_SEEDS)
            return false;
        if (!*at)
            break;
    }
    *seeds = ce_alloc(run, total, sizeof **seeds);
    if (!*seeds)
        return false;
    *count = 0;
    for (const char *at = text;; at++) {
        parse_range(&at, &first, &last);
        for (int64_t s = first; s <= last; s++)
            (*seeds)[(*count)++] = s;
        if (!*at)
            break;
    }
    return true;
}
