#include "weights/world/text.h"

#include <string.h>

#include "weights/world/world.h"

void world_put(struct world_text *t, const char *s)
{
    for (; *s; s++) {
        if (t->length + 1 < t->cap)
            t->buf[t->length] = *s;
        t->length++;
    }
}

void world_put_article(struct world_text *t, const char *next)
{
    world_put(t, strchr("aeiou", *next) ? "an " : "a ");
}

size_t world_finish(struct world_text *t)
{
    if (t->cap > 0)
        t->buf[t->length < t->cap ? t->length : t->cap - 1] = '\0';
    return t->length;
}

void world_put_template(struct world_text *t, const char *template, const char *inner)
{
    const char *place = strstr(template, "{}");

    if (!strncmp(inner, "a ", 2))
        inner += 2;
    else if (!strncmp(inner, "an ", 3))
        inner += 3;
    else if (!strncmp(inner, "the ", 4))
        inner += 4;
    for (const char *s = template; *s;) {
        if (s == place) {
            world_put(t, inner);
            s += 2;
        } else {
            char letter[2] = {*s++, '\0'};
            world_put(t, letter);
        }
    }
}

bool world_chance(uint64_t *rng, float p) { return world_random_uniform(rng) < p; }

const char *world_pick(uint64_t *rng, const char *const *list)
{
    size_t n = 0;
    while (list[n])
        n++;
    return list[world_random(rng) % n];
}

const char *world_spell(const char *word, uint64_t *rng)
{
    if (rng && !strcmp(word, "gray") && world_chance(rng, 0.3f))
        return "grey";
    if (rng && !strcmp(word, "blond") && world_chance(rng, 0.4f))
        return "blonde";
    return word;
}
