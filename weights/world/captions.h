/*
 * English descriptions of the drawn portraits, all in lower-case ASCII.
 *
 * Every function writes a NUL-terminated text of at most cap - 1 bytes and returns the
 * length that the whole text has, so a result >= cap means that it was cut; 256 bytes hold
 * every caption without a template. `said`, if not NULL, receives for each part the colour
 * word (see world_color_word) that the text states, or -1 where it states none.
 * Random choices use the caller's state, see world_random.
 */
#ifndef CAPTIONS_H
#define CAPTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "weights/world/world.h"

/*
 * One of many true descriptions: the colours and forms of one to four parts, as in "someone
 * with short blond hair wearing a blue shirt" or "green lipstick"; one in twenty says no
 * more than "a face".
 */
size_t world_caption(const struct world_attr *attr, uint64_t *rng, int said[WORLD_PARTS], char *buf,
                     size_t cap);

/*
 * As world_caption, in 30 % of cases put in the place of {} in one of the n templates
 * (borrowed; "a photo of a {}."), then without its own article.
 */
size_t world_caption_templated(const struct world_attr *attr, uint64_t *rng,
                               const char *const *templates, size_t n, int said[WORLD_PARTS],
                               char *buf, size_t cap);

/*
 * A description that states the colour of exactly this part: the caption that tells a
 * portrait from its twin of which only that part differs. Where attr wears no glasses,
 * part must not be WORLD_GLASSES.
 */
size_t world_caption_part(const struct world_attr *attr, enum world_part part, uint64_t *rng,
                          char *buf, size_t cap);

/* The zero-shot prompt for a part and a colour word of it: "face with green lips". */
size_t world_prompt(enum world_part part, int color, char *buf, size_t cap);

#endif
