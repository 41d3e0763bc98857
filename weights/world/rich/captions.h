/* English descriptions of portraits of the rich world, all in lower-case ASCII. Every statement
 * is true of its portrait.
 *
 * Every function writes a NUL-terminated text of at most cap - 1 bytes and returns the length
 * that the whole text has; RICH_CAPTION bytes hold every caption. Random choices use the caller's
 * state, see world_random. */
#ifndef RICH_CAPTIONS_H
#define RICH_CAPTIONS_H

#include "weights/world/rich/words.h"

enum { RICH_CAPTION = 384 };

/* What a text states. */
struct rich_said {
    int color[RICH_PARTS];          /* the colour word's number, or -1 */
    signed char trait[RICH_TRAITS]; /* 1 stated, -1 denied, 0 not mentioned */
};

/* One of many true descriptions, of one to five facts: colours and forms of parts, expressions,
 * ages, things, and things that are not there ("without a hat"). One in twenty-five says no more
 * than "a face". said may be NULL. */
size_t rich_caption(const struct rich_attr *attr, uint64_t *rng, struct rich_said *said, char *buf,
                    size_t cap);

/* As rich_caption, in 30 % of cases put in the place of {} in one of the n templates
 * (borrowed; "a photo of a {}."), then without its own article. */
size_t rich_caption_templated(const struct rich_attr *attr, uint64_t *rng,
                              const char *const *templates, size_t n, struct rich_said *said,
                              char *buf, size_t cap);

/* A description that states the colour of exactly this part, which the portrait must have
 * (rich_has): it tells the portrait from its twin of which only that colour differs. */
size_t rich_caption_part(const struct rich_attr *attr, enum rich_part part, uint64_t *rng,
                         char *buf, size_t cap);

/* A description that states (or, where it is not so, denies) exactly this trait. Returns 0 where
 * the truth is unclear or English has no word for the denial. */
size_t rich_caption_trait(const struct rich_attr *attr, enum rich_trait trait, uint64_t *rng,
                          char *buf, size_t cap);

/* Zero-shot prompts: "face with green lips"; "smiling face", "face with a beard". */
size_t rich_prompt_color(enum rich_part part, int color, char *buf, size_t cap);
size_t rich_prompt_trait(enum rich_trait trait, char *buf, size_t cap);

#endif
