/* Encoding, from words to token ids, and the making of tokenizers. */
#include "nn/text/tokenizer.h"

#include <stdlib.h>

#include "nn/text/codepoints_impl.h"
#include "nn/text/text_clean_impl.h"
#include "nn/text/tokenizer_split_impl.h"
#include "nn/text/tokenizer_vocab_impl.h"
#include "tensor/files/file.h"

struct lt_tokenizer {
    lt_vocab vocab;
    uint16_t byte_rank[256];
};

/* ---- one word ---- */

/* A word as a doubly linked list of symbols, and a heap of the merges that can be made in it.
 * One is used for all words; it grows to the longest. */
typedef struct bpe {
    uint32_t *sym;  /* [cap]; LT_NO_SYMBOL: merged into its left neighbour */
    uint32_t *prev; /* [cap]; NONE for the first */
    uint32_t *next; /* [cap]; NONE for the last */
    uint32_t *rank; /* [cap]: of the merge with the next symbol, or LT_NO_RANK */
    uint64_t *heap; /* [3 cap]: rank << 32 | position, the smallest on top */
    size_t heap_len, heap_cap;
    size_t count, cap;
} bpe;

#define NONE UINT32_MAX

static void bpe_free(bpe *w)
{
    free(w->sym);
    free(w->prev);
    free(w->next);
    free(w->rank);
    free(w->heap);
    *w = (bpe){0};
}

/* Makes room for a word of `count` symbols; false when memory ran out. */
static bool bpe_reserve(bpe *w, size_t count)
{
    if (count <= w->cap)
        return true;
    size_t cap = 64;
    while (cap < count)
        cap *= 2;
    bpe_free(w);
    w->sym = malloc(cap * sizeof *w->sym);
    w->prev = malloc(cap * sizeof *w->prev);
    w->next = malloc(cap * sizeof *w->next);
    w->rank = malloc(cap * sizeof *w->rank);
    /* a word of n symbols has n - 1 pairs, and each of its n - 1 merges at most makes two more */
    w->heap = malloc(3 * cap * sizeof *w->heap);
    if (!w->sym || !w->prev || !w->next || !w->rank || !w->heap)
        return false;
    w->cap = cap;
    w->heap_cap = 3 * cap;
    return true;
}

static void heap_push(bpe *w, uint64_t entry)
{
    size_t i = w->heap_len++;
    while (i > 0 && w->heap[(i - 1) / 2] > entry) {
        w->heap[i] = w->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    w->heap[i] = entry;
}

static uint64_t heap_pop(bpe *w)
{
    uint64_t top = w->heap[0], last = w->heap[--w->heap_len];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= w->heap_len)
            break;
        if (child + 1 < w->heap_len && w->heap[child + 1] < w->heap[child])
            child++;
        if (w->heap[child] >= last)
            break;
        w->heap[i] = w->heap[child];
        i = child;
    }
    w->heap[i] = last;
    return top;
}

/* Looks up the rank of the pair that begins at i. Returns whether the list merges it. */
static bool rank_pair(bpe *w, const lt_vocab *vocab, uint32_t i)
{
    const uint32_t *rank =
        w->next[i] == NONE ? NULL : lt_pair_map_find(&vocab->ranks, w->sym[i], w->sym[w->next[i]]);
    w->rank[i] = rank ? *rank : LT_NO_RANK;
    return rank != NULL;
}

static uint64_t heap_entry(const bpe *w, uint32_t i) { return (uint64_t)w->rank[i] << 32 | i; }

/* Merges the pair that begins at i, and looks up the two pairs that arise. A list may give them
 * a lower rank than the current one, but all other places of the current merge come first. Their
 * heap entries therefore wait at the far end of the heap's memory. Returns how many are waiting. */
static size_t merge_at(bpe *w, const lt_vocab *vocab, uint32_t i, size_t waiting)
{
    uint32_t gone = w->next[i];
    w->sym[i] = vocab->merged[w->rank[i]];
    w->next[i] = w->next[gone];
    if (w->next[i] != NONE)
        w->prev[w->next[i]] = i;
    w->sym[gone] = LT_NO_SYMBOL;
    w->rank[gone] = LT_NO_RANK;
    if (rank_pair(w, vocab, i))
        w->heap[w->heap_cap - ++waiting] = heap_entry(w, i);
    if (w->prev[i] != NONE && rank_pair(w, vocab, w->prev[i]))
        w->heap[w->heap_cap - ++waiting] = heap_entry(w, w->prev[i]);
    return waiting;
}

/* Applies all merges to a word: the lowest rank first, each from left to right. */
static void bpe_run(bpe *w, const lt_vocab *vocab)
{
    w->heap_len = 0;
    for (size_t i = 0; i < w->count; i++) {
        w->prev[i] = i == 0 ? NONE : (uint32_t)i - 1;
        w->next[i] = i + 1 == w->count ? NONE : (uint32_t)i + 1;
    }
    for (size_t i = 0; i < w->count; i++)
        if (rank_pair(w, vocab, (uint32_t)i))
            heap_push(w, heap_entry(w, (uint32_t)i));
    while (w->heap_len > 0) {
        uint64_t rank = w->heap[0] >> 32;
        size_t waiting = 0;
        while (w->heap_len > 0 && w->heap[0] >> 32 == rank) {
            uint32_t i = (uint32_t)heap_pop(w);
            if (w->rank[i] == rank) /* otherwise a merge beside it has changed the pair */
                waiting = merge_at(w, vocab, i, waiting);
        }
        for (; waiting > 0; waiting--)
            heap_push(w, w->heap[w->heap_cap - waiting]);
    }
}

/* ---- a text ---- */

typedef struct id_sink {
    int32_t *ids;
    size_t cap, count;
} id_sink;

static void put_id(id_sink *sink, int32_t id)
{
    if (sink->count < sink->cap)
        sink->ids[sink->count] = id;
    sink->count++;
}

/* Appends the token ids of a word of `len` code points; false when memory ran out. */
static bool encode_word(const lt_tokenizer *t, bpe *w, const uint32_t *word, size_t len,
                        id_sink *sink)
{
    unsigned char utf8[4];
    size_t bytes = 0;
    for (size_t i = 0; i < len; i++)
        bytes += lt_utf8_encode(word[i], utf8);
    if (!bpe_reserve(w, bytes))
        return false;
    w->count = 0;
    for (size_t i = 0; i < len; i++) {
        size_t n = lt_utf8_encode(word[i], utf8);
        for (size_t k = 0; k < n; k++)
            w->sym[w->count++] = t->byte_rank[utf8[k]];
    }
    w->sym[w->count - 1] += 256; /* the symbol of the byte as the last of a word */
    bpe_run(w, &t->vocab);
    for (uint32_t i = 0; i != NONE; i = w->next[i])
        put_id(sink, t->vocab.id[w->sym[i]]);
    return true;
}

lt_status lt_tokenize(lt_ctx *ctx, const lt_tokenizer *t, const char *text, size_t len,
                      int32_t *ids, size_t cap, size_t *count)
{
    if (count)
        *count = 0;
    if (!t || (!text && len > 0) || (!ids && cap > 0))
        return lt_fail(ctx, LT_ERR_ARGUMENT, "tokenize: %s is NULL",
                       !t                ? "the tokenizer"
                       : !ids && cap > 0 ? "ids"
                                         : "the text");
    if (len > LT_TOKENIZER_MAX_TEXT)
        return lt_fail(ctx, LT_ERR_SHAPE, "tokenize: the text has %zu bytes, the limit is %zu", len,
                       LT_TOKENIZER_MAX_TEXT);

    lt_codepoints clean = {0};
    bpe word = {0};
    id_sink sink = {.ids = ids, .cap = cap};
    lt_status status = lt_text_clean(ctx, text, len, &clean);
    if (status != LT_OK)
        goto done;

    put_id(&sink, lt_tokenizer_start(t));
    size_t at = 0, first;
    lt_word_kind kind;
    while ((kind = lt_next_word(clean.at, clean.count, &at, &first)) != LT_WORD_NONE) {
        if (kind == LT_WORD_START) {
            put_id(&sink, lt_tokenizer_start(t));
        } else if (kind == LT_WORD_END) {
            put_id(&sink, lt_tokenizer_end(t));
        } else if (!encode_word(t, &word, clean.at + first, at - first, &sink)) {
            status = lt_fail(ctx, LT_ERR_MEMORY, "tokenize: no memory for a word of %zu characters",
                             at - first);
            goto done;
        }
    }
    put_id(&sink, lt_tokenizer_end(t));
    if (count)
        *count = sink.count;
    if (sink.count > cap)
        status = lt_fail(ctx, LT_ERR_SHAPE,
                         "tokenize: the text has %zu tokens with start and end, the limit is %zu",
                         sink.count, cap);
done:
    bpe_free(&word);
    lt_codepoints_free(&clean);
    return status;
}

/* ---- words ---- */

/* Appends the words of cleaned text to *out as UTF-8, with a blank between neighbours and a NUL at
 * the end. NULL when memory ran out. */
static char *join_words(const lt_codepoints *clean)
{
    /* Each code point takes 4 bytes at most, and no word is empty. */
    char *joined = malloc(5 * clean->count + 1);
    size_t at = 0, first, used = 0;
    while (joined && lt_next_word(clean->at, clean->count, &at, &first) != LT_WORD_NONE) {
        if (used > 0)
            joined[used++] = ' ';
        for (size_t i = first; i < at; i++)
            used += lt_utf8_encode(clean->at[i], (unsigned char *)joined + used);
    }
    if (joined)
        joined[used] = '\0';
    return joined;
}

lt_status lt_text_words(lt_ctx *ctx, const char *text, size_t len, char **out)
{
    if (!out || (!text && len > 0))
        return lt_fail(ctx, LT_ERR_ARGUMENT, "text words: %s is NULL", out ? "the text" : "out");
    *out = NULL;
    if (len > LT_TOKENIZER_MAX_TEXT)
        return lt_fail(ctx, LT_ERR_SHAPE, "text words: the text has %zu bytes, the limit is %zu",
                       len, LT_TOKENIZER_MAX_TEXT);
    lt_codepoints clean = {0};
    lt_status status = lt_text_clean(ctx, text, len, &clean);
    if (status == LT_OK && !(*out = join_words(&clean)))
        status = lt_fail(ctx, LT_ERR_MEMORY, "text words: no memory for %zu bytes", len);
    lt_codepoints_free(&clean);
    return status;
}

/* ---- the tokenizer ---- */

lt_status lt_tokenizer_create(lt_ctx *ctx, const void *merges, size_t bytes, lt_tokenizer **out)
{
    if (!out)
        return lt_fail(ctx, LT_ERR_ARGUMENT, "tokenizer: out is NULL");
    *out = NULL;
    if (!merges)
        return lt_fail(ctx, LT_ERR_ARGUMENT, "tokenizer: the merge list is NULL");
    lt_tokenizer *t = calloc(1, sizeof *t);
    if (!t)
        return lt_fail(ctx, LT_ERR_MEMORY, "tokenizer: out of memory");
    lt_status status = lt_vocab_read(ctx, merges, bytes, LT_TOKENIZER_MAX_LIST,
                                     LT_TOKENIZER_MAX_MERGES, &t->vocab);
    if (status != LT_OK) {
        free(t);
        return status;
    }
    lt_byte_ranks(t->byte_rank);
    *out = t;
    return LT_OK;
}

lt_status lt_tokenizer_open(lt_ctx *ctx, const char *path, lt_tokenizer **out)
{
    if (!out)
        return lt_fail(ctx, LT_ERR_ARGUMENT, "tokenizer: out is NULL");
    *out = NULL;
    if (!path)
        return lt_fail(ctx, LT_ERR_ARGUMENT, "tokenizer: the path is NULL");
    void *list = NULL;
    size_t bytes = 0;
    lt_status status = lt_file_read(ctx, path, LT_TOKENIZER_MAX_LIST, &list, &bytes);
    if (status != LT_OK)
        return status;
    status = lt_tokenizer_create(ctx, list, bytes, out);
    free(list);
    return status;
}

void lt_tokenizer_free(lt_tokenizer *t)
{
    if (!t)
        return;
    lt_vocab_free(&t->vocab);
    free(t);
}

size_t lt_tokenizer_vocab_size(const lt_tokenizer *t) { return 512 + t->vocab.merges + 2; }

int32_t lt_tokenizer_start(const lt_tokenizer *t) { return (int32_t)(512 + t->vocab.merges); }

int32_t lt_tokenizer_end(const lt_tokenizer *t) { return (int32_t)(512 + t->vocab.merges + 1); }
