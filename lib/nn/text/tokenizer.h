/* CLIP's tokenizer: from a text to the token ids that the text transformer reads.
 *
 * Byte-pair encoding (Sennrich, Haddow and Birch, "Neural Machine Translation of Rare Words with
 * Subword Units", 2016) over bytes, with the cleaning, the word pattern and the order of the
 * vocabulary of OpenAI's CLIP (clip/simple_tokenizer.py). For a list of M merges the ids are
 *
 *     0..255          one for each byte, printable bytes first
 *     256..511        one for each byte as the last of a word
 *     512..511 + M    one for each merge, in the order of the list
 *     512 + M         start of text
 *     513 + M         end of text
 *
 * A tokenizer does not change once it is made: threads may share one, each with a context of its
 * own. */
#ifndef LT_NN_TOKENIZER_H
#define LT_NN_TOKENIZER_H

#include <stddef.h>
#include <stdint.h>

#include "tensor/context.h"

LT_BEGIN_DECLS

/* The longest text, in bytes, that lt_tokenize() accepts. */
#define LT_TOKENIZER_MAX_TEXT ((size_t)1048576)
/* The most merges that are read from a list. OpenAI's file has more lines than CLIP's 49408 tokens
 * make use of; the rest is ignored. */
#define LT_TOKENIZER_MAX_MERGES ((size_t)(49152 - 256 - 2))
/* The largest merge list in bytes, both packed and unpacked. */
#define LT_TOKENIZER_MAX_LIST ((size_t)67108864)

typedef struct lt_tokenizer lt_tokenizer;

/* Makes a tokenizer from a merge list of `bytes` bytes, plain or gzip: a first line that holds the
 * word "#version", then one merge a line, the most frequent first: two symbols with a blank between
 * them. Lines after LT_TOKENIZER_MAX_MERGES merges are ignored. The list may be freed afterwards.
 * *out (NULL on failure) is the caller's, who gives it to lt_tokenizer_free(). Errors:
 * LT_ERR_ARGUMENT (NULL), LT_ERR_FORMAT (the message says what is wrong and in which line),
 * LT_ERR_MEMORY. */
LT_API lt_status lt_tokenizer_create(lt_ctx *ctx, const void *merges, size_t bytes,
                                     lt_tokenizer **out);

/* Makes a tokenizer from a file that holds a merge list, as lt_tokenizer_create() does from memory.
 * Errors: LT_ERR_IO, and those of lt_tokenizer_create(). */
LT_API lt_status lt_tokenizer_open(lt_ctx *ctx, const char *path, lt_tokenizer **out);

/* Frees a tokenizer. NULL is accepted. */
LT_API void lt_tokenizer_free(lt_tokenizer *tokenizer);

/* The number of ids, 514 + M for M merges: the vocabulary that a CLIP network must have. */
LT_API size_t lt_tokenizer_vocab_size(const lt_tokenizer *tokenizer);

/* The id that every text starts with. */
LT_API int32_t lt_tokenizer_start(const lt_tokenizer *tokenizer);

/* The id that every text ends with: the highest of all. */
LT_API int32_t lt_tokenizer_end(const lt_tokenizer *tokenizer);

/* Writes the token ids of text[0..len), UTF-8, in which NUL bytes are allowed, to ids[0..cap), from
 * the start token to the end token, without padding. CLIP's context length, and so the usual cap,
 * is
 * 77. ids may be NULL where cap is 0. *count, unless NULL, becomes the number of ids that the text
 * has, also where they do not fit. Takes time n log n in the length of the text.
 *
 * As published models were trained: upper case becomes lower case, HTML entities such as "&amp;"
 * are resolved, and the words "<|startoftext|>" and "<|endoftext|>" in a text become those two
 * tokens.
 *
 * Errors: LT_ERR_SHAPE (more than cap ids; or a text longer than LT_TOKENIZER_MAX_TEXT, for which
 * *count is 0), LT_ERR_FORMAT (not UTF-8; the message has the offset of the first bad byte),
 * LT_ERR_ARGUMENT (NULL), LT_ERR_MEMORY. The contents of ids are unspecified after an error. */
LT_API lt_status lt_tokenize(lt_ctx *ctx, const lt_tokenizer *tokenizer, const char *text,
                             size_t len, int32_t *ids, size_t cap, size_t *count);

/* The words that lt_tokenize() splits text[0..len) into, as one UTF-8 text with a blank between
 * neighbours: "Green  LIPS!\n" becomes "green lips !". Two texts have the same tokens exactly where
 * their words are the same, so that texts are best compared and searched in this form. *out (NULL
 * on failure) is allocated with malloc(); the caller gives it to free(). Errors: as lt_tokenize(),
 * except that a text may have any number of tokens. */
LT_API lt_status lt_text_words(lt_ctx *ctx, const char *text, size_t len, char **out);

/* Learns a merge list from n NUL-terminated texts (Sennrich et al. 2016, algorithm 1), cleaned and
 * split into words as lt_tokenize() does. It has at most `merges` merges, and fewer where no pair
 * occurs twice; of equally frequent pairs the one that occurs first is merged, so that the same
 * texts give the same list. *out, allocated with malloc(), is the list as lt_tokenizer_create()
 * reads it; the caller gives it to free(). *out_bytes is its length without the NUL that follows.
 * Takes time proportional to the number of merges times the number of different words.
 * Errors: LT_ERR_ARGUMENT (NULL, or more than LT_TOKENIZER_MAX_MERGES merges), LT_ERR_SHAPE (a text
 * longer than LT_TOKENIZER_MAX_TEXT), LT_ERR_FORMAT (a text is not UTF-8), LT_ERR_MEMORY. */
LT_API lt_status lt_bpe_train(lt_ctx *ctx, const char *const *texts, size_t n, size_t merges,
                              char **out, size_t *out_bytes);

LT_END_DECLS

#endif
