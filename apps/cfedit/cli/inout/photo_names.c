/* Names for the results of photos, each of them once. */
#include "cli/inout/photo_names.h"

#include <stdio.h>
#include <string.h>

enum { NAME_MOST = 200 }; /* bytes: leaves room for what is put behind the name */

/* A set of names: a table of 2^n places, each NULL or a name. A name stands at the place that its
 * hash gives, or at the next free one. */
struct set {
    const char **places;
    size_t mask;
};

static const char **place_of(const struct set *set, const char *name)
{
    size_t hash = 5381;
    for (const char *c = name; *c; c++)
        hash = hash * 33 + (unsigned char)*c;
    while (set->places[hash & set->mask] && strcmp(set->places[hash & set->mask], name) != 0)
        hash++;
    return &set->places[hash & set->mask];
}

/* Writes the name of a photo's file without folder and ending. */
static void own_name(char *out, size_t room, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    const char *dot = strrchr(base, '.');
    size_t length = dot && dot > base ? (size_t)(dot - base) : strlen(base);
    if (length > NAME_MOST) {
        length = NAME_MOST;
        /* A character of UTF-8 is not cut: its later bytes are 10xxxxxx. */
        while (length > 0 && ((unsigned char)base[length] & 0xc0) == 0x80)
            length--;
    }
    snprintf(out, room, "%.*s", (int)length, base);
}

/* Whether `name`, or `name` with one of the endings behind it, is in the set. */
static bool is_taken(struct ce_run *run, const struct set *set, const char *name,
                     const struct ce_list *endings)
{
    bool taken = *place_of(set, name) != NULL;
    for (size_t i = 0; i < endings->count && !taken; i++) {
        const char *longer = ce_text(run, "%s%s", name, endings->items[i]);
        taken = longer && *place_of(set, longer);
    }
    return taken;
}

/* Enters `name`, alone and with each of the endings, unless one of these is there. *entered is the
 * name in the run's memory, NULL where it is taken. False when out of memory. */
static bool enter(struct ce_run *run, const struct set *set, const char *name,
                  const struct ce_list *endings, const char **entered)
{
    *entered = NULL;
    if (is_taken(run, set, name, endings))
        return true;
    *entered = ce_text(run, "%s", name);
    if (!*entered)
        return false;
    *place_of(set, *entered) = *entered;
    for (size_t i = 0; i < endings->count; i++) {
        const char *longer = ce_text(run, "%s%s", name, endings->items[i]);
        if (!longer)
            return false;
        *place_of(set, longer) = longer;
    }
    return true;
}

const char **ce_photo_names(struct ce_run *run, const char *const *paths, size_t count,
                            const struct ce_list *endings, const char *reserved)
{
    static const struct ce_list none;
    char own[NAME_MOST + 1], name[NAME_MOST + 32];
    struct set set = {.mask = 1};
    if (!endings)
        endings = &none;
    while (set.mask < 2 * (count + 1) * (endings->count + 1))
        set.mask = 2 * set.mask + 1;
    set.places = ce_alloc(run, set.mask + 1, sizeof *set.places);
    const char **names = ce_alloc(run, count, sizeof *names);
    if (!set.places || !names)
        return NULL;
    if (reserved)
        *place_of(&set, reserved) = reserved;
    for (size_t i = 0; i < count; i++) {
        own_name(own, sizeof own, paths[i]);
        snprintf(name, sizeof name, "%s", own);
        for (size_t n = 2; !names[i]; n++) {
            if (!enter(run, &set, name, endings, &names[i]))
                return NULL;
            snprintf(name, sizeof name, "%s-%zu", own, n);
        }
    }
    return names;
}
