/* Writes English descriptions of the drawn portraits, in lower-case ASCII.
 *
 * Every function writes a NUL-terminated text of at most cap - 1 bytes into buf[cap] and returns
 * the length of the whole text: a result of cap or more means that the text was cut. 256 bytes hold
 * every caption without a template. `said`, if not NULL, receives for each part the number of the
 * colour word (world_color_word()) that the text states, or -1 if it states none. Random choices
 * use the caller's state, as world_random() does. */
#ifndef CAPTIONS_H
#define CAPTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "weights/world/world.h"

/* Writes one of many true descriptions: the colours and forms of one to four parts, as in "someone
 * with short blond hair wearing a blue shirt" or "green lipstick". One in twenty names no part: "a
 * face". */
size_t world_caption(const struct world_attr *attr, uint64_t *rng, int said[WORLD_PARTS], char *buf,
                     size_t cap);

/* Writes a caption of world_caption(). In 30 % of cases the caption, without its own article, takes
 * the place of {} in one of the n borrowed templates, such as "a photo of a {}.". */
size_t world_caption_templated(const struct world_attr *attr, uint64_t *rng,
                               const char *const *templates, size_t n, int said[WORLD_PARTS],
                               char *buf, size_t cap);

/* Writes a description that states the colour of this part and no other: it tells a portrait from a
 * twin that differs in this part only. If attr wears no glasses, part must not be WORLD_GLASSES. */
size_t world_caption_part(const struct world_attr *attr, enum world_part part, uint64_t *rng,
                          char *buf, size_t cap);

/* Writes the zero-shot prompt for a part and one of its colour words: "face with green lips". */
size_t world_prompt(enum world_part part, int color, char *buf, size_t cap);

#endif
