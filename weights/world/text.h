/* Texts of bounded length and random choices of words; used by the captions of both worlds. */
#ifndef WORLD_TEXT_H
#define WORLD_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A text under way: length is what the whole text has, even where buf is too small for it. */
struct world_text {
    char *buf;
    size_t cap, length;
};

void world_put(struct world_text *text, const char *s);

/* "a " or "an ", whichever the next word takes. */
void world_put_article(struct world_text *text, const char *next);

/* Ends buf with a NUL; returns the length. */
size_t world_finish(struct world_text *text);

/* The template with `inner` in the place of its {}; inner loses its own article. */
void world_put_template(struct world_text *text, const char *template, const char *inner);

bool world_chance(uint64_t *rng, float p);

/* One of a NULL-terminated list, which must not be empty. */
const char *world_pick(uint64_t *rng, const char *const *list);

/* "gray" and "blond" have two spellings; captions use both. rng NULL: the plain one. */
const char *world_spell(const char *word, uint64_t *rng);

#endif
