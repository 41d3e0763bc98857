/* CLIP's tokenizer: text to the token ids that the text transformer reads.
 *
 * Byte-pair encoding (Sennrich, Haddow and Birch, "Neural Machine Translation
 * of Rare Words with Subword Units", 2016) over bytes, with the cleaning, the
 * word pattern and the order of the vocabulary of OpenAI's CLIP
 * (clip/simple_tokenizer.py). Ids:
 *
 *     0..255        the bytes, printable ones first
 *     256..511      the same as the last byte of a word
 *     512..511+M    one for each of the M merges of the list
 *     512+M, 513+M  start and end of text
 *
 * A tokenizer does not change once it is made: threads may share one, each with
 * its own context. */
#ifndef LT_NN_TOKENIZER_H
#define LT_NN_TOKENIZER_H

#include <stddef.h>
#include <stdint.h>

#include "tensor/context.h"

LT_BEGIN_DECLS

/* Longest text in bytes that lt_tokenize() takes. */
#define LT_TOKENIZER_MAX_TEXT ((size_t)1048576)
/* Merges that are read from a list: OpenAI's file has more lines than CLIP's
 * 49408 tokens have use for. */
#define LT_TOKENIZER_MAX_MERGES ((size_t)(49152 - 256 - 2))
/* Largest merge list in bytes, packed or unpacked. */
#define LT_TOKENIZER_MAX_LIST ((size_t)67108864)

typedef struct lt_tokenizer lt_tokenizer;

/* Makes a tokenizer from the `bytes` bytes of a merge list, plain or gzip: a
 * first line with the word "#version", then one merge a line, two symbols
 * and a blank between them, most frequent first. Lines after
 * LT_TOKENIZER_MAX_MERGES merges are not looked at. The memory is not needed
 * afterwards; *out (NULL on failure) is the caller's, to be given to
 * lt_tokenizer_free().
 * Errors: LT_ERR_ARGUMENT (NULL), LT_ERR_FORMAT (what is wrong, in which line),
 * LT_ERR_MEMORY. */
LT_API lt_status lt_tokenizer_create(lt_ctx *ctx, const void *merges, size_t bytes,
                                     lt_tokenizer **out);

/* The same from a file. Errors: also LT_ERR_IO. */
LT_API lt_status lt_tokenizer_open(lt_ctx *ctx, const char *path, lt_tokenizer **out);

/* NULL is accepted. */
LT_API void lt_tokenizer_free(lt_tokenizer *tokenizer);

/* Number of ids: 514 + merges. */
LT_API size_t lt_tokenizer_vocab_size(const lt_tokenizer *tokenizer);
LT_API int32_t lt_tokenizer_start(const lt_tokenizer *tokenizer);
LT_API int32_t lt_tokenizer_end(const lt_tokenizer *tokenizer);

/* Token ids of text[0..len), UTF-8, NUL bytes allowed, from the start token to
 * the end token, without padding, to ids[0..cap). *count (may be NULL) is the
 * number of ids that the text has, also where they do not fit; ids may be NULL
 * when cap is 0. CLIP's context length, and so the usual cap, is 77. Takes time
 * n log n in the length of the text.
 *
 * Published models were trained on this: upper case is lost, entities such as
 * "&amp;" are read, "<|startoftext|>" and "<|endoftext|>" in the text become
 * the tokens themselves.
 * Errors: LT_ERR_SHAPE (more than cap tokens, or a text longer than
 * LT_TOKENIZER_MAX_TEXT; *count is 0 then), LT_ERR_FORMAT (not UTF-8; the
 * message has the byte offset), LT_ERR_ARGUMENT, LT_ERR_MEMORY. After an error
 * the contents of ids are unspecified. */
LT_API lt_status lt_tokenize(lt_ctx *ctx, const lt_tokenizer *tokenizer, const char *text,
                             size_t len, int32_t *ids, size_t cap, size_t *count);

/* Learns a merge list from n NUL-terminated texts, cleaned and split as
 * lt_tokenize() does (Sennrich et al., algorithm 1): up to `merges` merges, at
 * most LT_TOKENIZER_MAX_MERGES; fewer where no pair occurs twice. Ties go to the
 * pair that occurs first, so equal texts give equal lists. *out is the list as
 * lt_tokenizer_create() reads it, allocated with malloc() and the caller's to
 * free(); *out_bytes its length, without the NUL that follows it. Takes time
 * proportional to merges times the number of different words.
 * Errors: LT_ERR_ARGUMENT, LT_ERR_SHAPE (a text that is too long), LT_ERR_FORMAT (a
 * text that is not UTF-8), LT_ERR_MEMORY. */
LT_API lt_status lt_bpe_train(lt_ctx *ctx, const char *const *texts, size_t n, size_t merges,
                              char **out, size_t *out_bytes);

LT_END_DECLS

#endif
