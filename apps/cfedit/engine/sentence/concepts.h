/* The words of a model: what its CLIP has a notion of, by kind. They are read from concepts.json in
 * the model's folder, so that the program itself has no list of colours or parts.
 *
 *     {"version": 1, "domain": "face",
 *      "kinds": {
 *        "color": ["red", ...],
 *        "part":  [{"name": "hair", "counted": false, "names": ["hair"]}, ...],
 *        "expression" (any other name): [
 *                 {"name": "smiling", "opposite": "sad", "of": "hair",
 *                  "adjectives": ["smiling", ...], "with": ["a smile", ...],
 *                  "without": ["not smiling", ...]}, ...]},
 *      "words": ["a", "face", "with", ...]}
 *
 * Everything but "kinds" may be missing; unknown keys are ignored. A part is `counted` if it takes
 * an article ("a hat"). A trait that is the form of a part has the part's noun in `of`, and its
 * adjectives stand before that noun ("curly hair"). `with` follows "with" or "wearing", `without`
 * are whole phrases that deny the trait. `opposite` is the name of another trait of the same kind.
 * "words" are all the words that CLIP was trained on; without them it may know any word. */
#ifndef CFEDIT_CONCEPTS_H
#define CFEDIT_CONCEPTS_H

#include <stdbool.h>
#include <stddef.h>

#include "tensor/context.h"

/* Several phrases of the same meaning, the usual one first. */
struct ce_phrases {
    const char **text;
    int count;
};

struct ce_part_words {
    const char *name;
    bool counted;
    struct ce_phrases names;
};

struct ce_trait_words {
    const char *kind, *name;
    const char *of; /* NULL: not the form of one part */
    int opposite;   /* an index into traits, or -1 */
    struct ce_phrases adjectives, with, without;
};

struct ce_concepts {
    const char *domain; /* NULL: not told */
    struct ce_phrases colors;
    struct ce_part_words *parts;
    int part_count;
    struct ce_trait_words *traits;
    int trait_count;
    struct ce_phrases words; /* count 0: any word may be known */
    void *owner;             /* the memory behind all strings */
};

/* Reads a file. *out (NULL on failure) is the caller's, who gives it to ce_concepts_free(). Errors,
 * naming the file: LT_ERR_IO, LT_ERR_FORMAT (not JSON; another version; a member of the wrong kind;
 * an opposite that is not there), LT_ERR_MEMORY. */
lt_status ce_concepts_load(lt_ctx *ctx, const char *path, struct ce_concepts **out);
void ce_concepts_free(struct ce_concepts *concepts); /* NULL is accepted */

#endif
