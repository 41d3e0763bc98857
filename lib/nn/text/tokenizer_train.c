/* Learns a merge list (Sennrich et al. 2016, algorithm 1). */
#include <stdlib.h>
#include <string.h>

#include "nn/text/codepoints_impl.h"
#include "nn/text/text_clean_impl.h"
#include "nn/text/tokenizer.h"
#include "nn/text/tokenizer_split_impl.h"
#include "nn/text/tokenizer_vocab_impl.h"

/* One of the different words of a corpus: `len` symbols in corpus.flat, from `first` on, and how
 * often the word occurs. */
typedef struct corpus_word {
    size_t first;
    uint32_t len, times;
} corpus_word;

typedef struct corpus {
    lt_symbols symbols;
    lt_codepoints flat; /* the symbols of all words, one word after the other */
    corpus_word *words;
    size_t count, cap;
    uint32_t *slot; /* hash table of word numbers, LT_NO_SYMBOL where free */
    size_t slots;
} corpus;

static void corpus_free(corpus *c)
{
    lt_symbols_free(&c->symbols);
    lt_codepoints_free(&c->flat);
    free(c->words);
    free(c->slot);
}

/* The slot that holds the word, or else the free slot where it belongs. */
static size_t word_slot(const corpus *c, const uint32_t *word, size_t len)
{
    uint64_t h = len;
    for (size_t i = 0; i < len; i++)
        h = ((h ^ word[i]) * 0x9E3779B97F4A7C15u) ^ h >> 29;
    size_t i = (size_t)h & (c->slots - 1);
    for (; c->slot[i] != LT_NO_SYMBOL; i = (i + 1) & (c->slots - 1)) {
        const corpus_word *w = &c->words[c->slot[i]];
        if (w->len == len && memcmp(c->flat.at + w->first, word, len * sizeof *word) == 0)
            break;
    }
    return i;
}

/* Makes room for more words and fills the hash table anew; false when memory ran out. */
static bool grow_words(corpus *c)
{
    size_t cap = c->cap ? 2 * c->cap : 512;
    corpus_word *words = realloc(c->words, cap * sizeof *words);
    if (!words)
        return false;
    c->words = words;
    uint32_t *slot = malloc(2 * cap * sizeof *slot);
    if (!slot)
        return false;
    free(c->slot);
    c->slot = slot;
    c->slots = 2 * cap;
    c->cap = cap;
    memset(slot, 0xFF, c->slots * sizeof *slot);
    for (size_t i = 0; i < c->count; i++)
        slot[word_slot(c, c->flat.at + words[i].first, words[i].len)] = (uint32_t)i;
    return true;
}

/* Counts the word whose symbols were appended to flat from `first` on, and removes them again if
 * the word is known. */
static bool count_word(corpus *c, size_t first)
{
    if (c->count == c->cap && !grow_words(c))
        return false;
    size_t len = c->flat.count - first;
    size_t i = word_slot(c, c->flat.at + first, len);
    if (c->slot[i] != LT_NO_SYMBOL) {
        corpus_word *w = &c->words[c->slot[i]];
        w->times += w->times < UINT32_MAX;
        c->flat.count = first;
        return true;
    }
    c->slot[i] = (uint32_t)c->count;
    c->words[c->count++] = (corpus_word){first, (uint32_t)len, 1};
    return true;
}

/* Counts the words of a cleaned text; false when memory ran out. */
static bool add_text(corpus *c, const lt_codepoints *clean, const uint16_t byte_rank[256])
{
    size_t at = 0, from;
    lt_word_kind kind;
    while ((kind = lt_next_word(clean->at, clean->count, &at, &from)) != LT_WORD_NONE) {
        if (kind != LT_WORD_PLAIN)
            continue;
        size_t first = c->flat.count;
        for (size_t i = from; i < at; i++) {
            unsigned char utf8[4];
            size_t n = lt_utf8_encode(clean->at[i], utf8);
            for (size_t k = 0; k < n; k++)
                if (!lt_codepoints_push(&c->flat, byte_rank[utf8[k]]))
                    return false;
        }
        c->flat.at[c->flat.count - 1] += 256;
        if (!count_word(c, first))
            return false;
    }
    return true;
}

typedef struct best_pair {
    uint32_t a, b, times;
} best_pair;

/* Sets *best to the most frequent pair of symbols, of equally frequent ones the first. times is
 * below 2 if no pair occurs twice. Returns false when memory ran out. */
static bool find_best(const corpus *c, lt_pair_map *counts, best_pair *best)
{
    *best = (best_pair){0};
    if (counts->slots)
        memset(counts->slot, 0, counts->slots * sizeof *counts->slot);
    counts->count = 0;
    for (size_t i = 0; i < c->count; i++) {
        const uint32_t *w = c->flat.at + c->words[i].first;
        for (uint32_t k = 0; k + 1 < c->words[i].len; k++) {
            uint32_t *times = lt_pair_map_at(counts, w[k], w[k + 1], 0);
            if (!times)
                return false;
            uint32_t more = c->words[i].times;
            *times = *times > UINT32_MAX - more ? UINT32_MAX : *times + more;
        }
    }
    for (size_t i = 0; i < c->count; i++) {
        const uint32_t *w = c->flat.at + c->words[i].first;
        for (uint32_t k = 0; k + 1 < c->words[i].len; k++) {
            uint32_t times = *lt_pair_map_find(counts, w[k], w[k + 1]);
            if (times > best->times)
                *best = (best_pair){w[k], w[k + 1], times};
        }
    }
    return true;
}

/* Replaces the pair (a, b) by `joined` in all words, from left to right. */
static void apply_merge(corpus *c, uint32_t a, uint32_t b, uint32_t joined)
{
    for (size_t i = 0; i < c->count; i++) {
        uint32_t *w = c->flat.at + c->words[i].first;
        uint32_t kept = 0;
        for (uint32_t k = 0; k < c->words[i].len; k++) {
            bool here = w[k] == a && k + 1 < c->words[i].len && w[k + 1] == b;
            w[kept++] = here ? joined : w[k];
            k += here;
        }
        c->words[i].len = kept;
    }
}

typedef struct text_buffer {
    char *at;
    size_t len, cap;
} text_buffer;

static bool append(text_buffer *t, const char *text, size_t len)
{
    if (t->len + len + 1 > t->cap) {
        size_t cap = 2 * (t->len + len) + 1024;
        char *at = realloc(t->at, cap);
        if (!at)
            return false;
        t->at = at;
        t->cap = cap;
    }
    memcpy(t->at + t->len, text, len);
    t->len += len;
    t->at[t->len] = '\0';
    return true;
}

static bool append_merge(text_buffer *list, const lt_symbols *symbols, uint32_t a, uint32_t b)
{
    size_t a_len, b_len;
    const char *a_text = lt_symbols_text(symbols, a, &a_len);
    const char *b_text = lt_symbols_text(symbols, b, &b_len);
    return append(list, a_text, a_len) && append(list, " ", 1) && append(list, b_text, b_len) &&
           append(list, "\n", 1);
}

lt_status lt_bpe_train(lt_ctx *ctx, const char *const *texts, size_t n, size_t merges, char **out,
                       size_t *out_bytes)
{
    if (!out || !out_bytes || (!texts && n > 0))
        return lt_fail(ctx, LT_ERR_ARGUMENT, "bpe_train: %s is NULL",
                       !out         ? "out"
                       : !out_bytes ? "out_bytes"
                                    : "texts");
    *out = NULL;
    *out_bytes = 0;
    if (merges > LT_TOKENIZER_MAX_MERGES)
        return lt_fail(ctx, LT_ERR_ARGUMENT, "bpe_train: %zu merges, the limit is %zu", merges,
                       LT_TOKENIZER_MAX_MERGES);

    corpus c = {0};
    lt_pair_map counts = {0}, listed = {0};
    lt_codepoints clean = {0};
    text_buffer list = {0};
    lt_status status = LT_OK;
    uint16_t byte_rank[256];
    lt_byte_ranks(byte_rank);
    bool ok = lt_symbols_init(&c.symbols);
    for (size_t i = 0; ok && i < n; i++) {
        size_t len = texts[i] ? strlen(texts[i]) : 0;
        if (!texts[i])
            status = lt_fail(ctx, LT_ERR_ARGUMENT, "bpe_train: text %zu is NULL", i);
        else if (len > LT_TOKENIZER_MAX_TEXT)
            status =
                lt_fail(ctx, LT_ERR_SHAPE, "bpe_train: text %zu has %zu bytes, the limit is %zu", i,
                        len, LT_TOKENIZER_MAX_TEXT);
        else
            status = lt_text_clean(ctx, texts[i], len, &clean);
        if (status != LT_OK)
            goto done;
        ok = add_text(&c, &clean, byte_rank);
    }
    static const char header[] = "#version: 0.2\n";
    ok = ok && append(&list, header, sizeof header - 1);
    while (ok && listed.count < merges) {
        best_pair best;
        ok = find_best(&c, &counts, &best);
        if (!ok || best.times < 2)
            break;
        uint32_t joined = lt_symbols_join(&c.symbols, best.a, best.b);
        ok = joined != LT_NO_SYMBOL;
        /* A pair can become frequent again, when a later merge spells one of its symbols in
         * another way. The list has it already then. */
        if (ok && !lt_pair_map_find(&listed, best.a, best.b))
            ok = lt_pair_map_at(&listed, best.a, best.b, joined) != NULL &&
                 append_merge(&list, &c.symbols, best.a, best.b);
        if (ok)
            apply_merge(&c, best.a, best.b, joined);
    }
    if (ok) {
        *out = list.at;
        *out_bytes = list.len;
        list.at = NULL;
    } else {
        status = lt_fail(ctx, LT_ERR_MEMORY, "bpe_train: no memory");
    }
done:
    free(list.at);
    lt_pair_map_free(&counts);
    lt_pair_map_free(&listed);
    lt_codepoints_free(&clean);
    corpus_free(&c);
    return status;
}
