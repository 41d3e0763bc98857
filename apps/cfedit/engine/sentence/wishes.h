/* What a sentence asks for: "face with green lips and without a beard" has two wishes, a colour of
 * a part and a thing that shall not be there. Wishes are found by the words of a model
 * (concepts.h), in sentences as lt_text_words() writes them. */
#ifndef CFEDIT_WISHES_H
#define CFEDIT_WISHES_H

#include "engine/sentence/concepts.h"

/* A wish; exactly one of color and trait is not -1. Words are counted from 0. */
struct ce_wish {
    int color;       /* an index into the colours, or -1 */
    int part;        /* the part that gets the colour; -1: no known part follows */
    int trait;       /* an index into the traits, or -1 */
    bool denied;     /* the trait shall not be there */
    bool adjective;  /* the trait is told by an adjective: "smiling face", "curly hair" */
    int first, last; /* the words that tell the wish, [first, last), its article included */
    int word;        /* the first of these words that is no article */
};

enum { CE_WISHES_MAX = 8, CE_WORDS_MAX = 256 };

/* A sentence in words, with its wishes in their order. */
struct ce_sentence {
    char *text; /* as lt_text_words() writes it; owned */
    int count;
    struct {
        int at, length; /* bytes of text */
    } word[CE_WORDS_MAX];
    int wish_count;
    struct ce_wish wish[CE_WISHES_MAX];
};

/* Reads a sentence. Without concepts (NULL) it has no wishes. Words after the first CE_WORDS_MAX
 * belong to the last one; wishes after the first CE_WISHES_MAX are left out. *sentence is given to
 * ce_sentence_free(), also after a failure. Errors: those of lt_text_words(). */
lt_status ce_sentence_read(lt_ctx *ctx, const struct ce_concepts *concepts, const char *text,
                           struct ce_sentence *sentence);
void ce_sentence_free(struct ce_sentence *sentence);

/* How many words of the sentence, from word `first` on, spell the phrase; 0 if they do not. */
int ce_sentence_spells(const struct ce_sentence *sentence, int first, const char *phrase);

/* The sentence with its words [first, last) replaced, to be given to free(). An empty replacement
 * removes them. Errors: LT_ERR_MEMORY. */
char *ce_sentence_with(lt_ctx *ctx, const struct ce_sentence *sentence, int first, int last,
                       const char *replacement);

/* A sentence of the wishes [first, end) alone, to be given to free(): adjectives before `domain`,
 * which is what the generator draws, everything else behind it: "smiling face with green lips".
 * Errors: LT_ERR_MEMORY. */
char *ce_wishes_told(lt_ctx *ctx, const struct ce_concepts *concepts,
                     const struct ce_sentence *sentence, int first, int end, const char *domain);

/* The first word of the sentence from word `from` on that is not among the words that the model's
 * CLIP was trained on; -1: there is none, or CLIP may know any word. Punctuation counts as known.
 */
int ce_sentence_unknown(const struct ce_concepts *concepts, const struct ce_sentence *sentence,
                        int from);

/* "a green" or "an orange", to be given to free(). */
char *ce_with_article(lt_ctx *ctx, const char *words);

#endif
