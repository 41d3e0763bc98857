/* The symbol table, the table of pairs, and the reader of merge lists. */
#include "nn/text/tokenizer_vocab_impl.h"

#include <stdlib.h>
#include <string.h>

#include "nn/text/codepoints_impl.h"
#include "nn/text/tokenizer_split_impl.h"
#include "tensor/hash.h"

/* ---- symbols ---- */

static uint64_t hash_bytes(const char *text, size_t len)
{
    const uint64_t h = lt_hash(LT_HASH_START, text, len);
    return h ^ h >> 32;
}

/* The slot that holds text[0..len), or else the free slot where it belongs. */
static size_t find_slot(const lt_symbols *s, const char *text, size_t len)
{
    size_t i = (size_t)hash_bytes(text, len) & (s->slots - 1);
    for (; s->slot[i] != LT_NO_SYMBOL; i = (i + 1) & (s->slots - 1)) {
        size_t n;
        const char *other = lt_symbols_text(s, s->slot[i], &n);
        if (n == len && memcmp(other, text, len) == 0)
            break;
    }
    return i;
}

static bool grow_slots(lt_symbols *s)
{
    size_t slots = s->slots ? 2 * s->slots : 2048;
    uint32_t *slot = malloc(slots * sizeof *slot);
    if (!slot)
        return false;
    free(s->slot);
    s->slot = slot;
    s->slots = slots;
    memset(slot, 0xFF, slots * sizeof *slot);
    for (size_t i = 0; i < s->count; i++) {
        size_t len;
        const char *text = lt_symbols_text(s, (uint32_t)i, &len);
        slot[find_slot(s, text, len)] = (uint32_t)i;
    }
    return true;
}

/* Makes room for one more string of `len` bytes; false when memory ran out. */
static bool reserve(lt_symbols *s, size_t len)
{
    if (s->bytes_used + len > s->bytes_cap) {
        size_t cap = 2 * (s->bytes_used + len) + 4096;
        char *bytes = realloc(s->bytes, cap);
        if (!bytes)
            return false;
        s->bytes = bytes;
        s->bytes_cap = cap;
    }
    if (s->count + 2 > s->cap) {
        size_t cap = 2 * s->cap + 1024;
        size_t *start = realloc(s->start, cap * sizeof *start);
        if (!start)
            return false;
        s->start = start;
        s->cap = cap;
    }
    return s->slots >= 2 * (s->count + 1) || grow_slots(s);
}

/* Adds the string of the `len` bytes that were written behind the last string, if it is new.
 * Returns its number. */
static uint32_t commit(lt_symbols *s, size_t len)
{
    const char *text = s->bytes + s->bytes_used;
    size_t i = find_slot(s, text, len);
    if (s->slot[i] == LT_NO_SYMBOL) {
        s->slot[i] = (uint32_t)s->count;
        s->start[s->count++] = s->bytes_used;
        s->bytes_used += len;
        s->start[s->count] = s->bytes_used;
    }
    return s->slot[i];
}

const char *lt_symbols_text(const lt_symbols *s, uint32_t i, size_t *len)
{
    *len = s->start[i + 1] - s->start[i];
    return s->bytes + s->start[i];
}

uint32_t lt_symbols_find(const lt_symbols *s, const char *text, size_t len)
{
    return s->slot[find_slot(s, text, len)];
}

uint32_t lt_symbols_add(lt_symbols *s, const char *text, size_t len)
{
    if (!reserve(s, len))
        return LT_NO_SYMBOL;
    memcpy(s->bytes + s->bytes_used, text, len);
    return commit(s, len);
}

uint32_t lt_symbols_join(lt_symbols *s, uint32_t a, uint32_t b)
{
    size_t a_len, b_len;
    lt_symbols_text(s, a, &a_len);
    lt_symbols_text(s, b, &b_len);
    if (!reserve(s, a_len + b_len)) /* this may move the strings, so they are looked up again */
        return LT_NO_SYMBOL;
    memcpy(s->bytes + s->bytes_used, lt_symbols_text(s, a, &a_len), a_len);
    memcpy(s->bytes + s->bytes_used + a_len, lt_symbols_text(s, b, &b_len), b_len);
    return commit(s, a_len + b_len);
}

bool lt_symbols_init(lt_symbols *s)
{
    uint16_t rank[256];
    unsigned char byte_of[256];
    *s = (lt_symbols){0};
    lt_byte_ranks(rank);
    for (unsigned b = 0; b < 256; b++)
        byte_of[rank[b]] = (unsigned char)b;
    for (int end = 0; end < 2; end++) {
        for (unsigned i = 0; i < 256; i++) {
            unsigned char text[4 + sizeof LT_WORD_END_MARK];
            size_t len = lt_utf8_encode(lt_byte_symbol(byte_of[i]), text);
            memcpy(text + len, LT_WORD_END_MARK, sizeof LT_WORD_END_MARK);
            len += end ? sizeof LT_WORD_END_MARK - 1 : 0;
            if (lt_symbols_add(s, (const char *)text, len) == LT_NO_SYMBOL)
                return false;
        }
    }
    return true;
}

void lt_symbols_free(lt_symbols *s)
{
    free(s->bytes);
    free(s->start);
    free(s->slot);
    *s = (lt_symbols){0};
}

/* ---- pairs ---- */

static uint64_t pair_key(uint32_t a, uint32_t b) { return (uint64_t)a << 32 | b; }

static size_t pair_slot(const lt_pair_map *map, uint64_t pair)
{
    uint64_t h = pair * 0x9E3779B97F4A7C15u; /* Fibonacci hashing */
    size_t i = (size_t)(h >> 32) & (map->slots - 1);
    while (map->slot[i].used && map->slot[i].pair != pair)
        i = (i + 1) & (map->slots - 1);
    return i;
}

static bool grow_pairs(lt_pair_map *map)
{
    lt_pair_map bigger = {.slots = map->slots ? 2 * map->slots : 1024, .count = map->count};
    bigger.slot = calloc(bigger.slots, sizeof *bigger.slot);
    if (!bigger.slot)
        return false;
    for (size_t i = 0; i < map->slots; i++)
        if (map->slot[i].used)
            bigger.slot[pair_slot(&bigger, map->slot[i].pair)] = map->slot[i];
    free(map->slot);
    *map = bigger;
    return true;
}

void lt_pair_map_free(lt_pair_map *map)
{
    free(map->slot);
    *map = (lt_pair_map){0};
}

const uint32_t *lt_pair_map_find(const lt_pair_map *map, uint32_t a, uint32_t b)
{
    if (map->slots == 0)
        return NULL;
    const lt_pair_slot *slot = &map->slot[pair_slot(map, pair_key(a, b))];
    return slot->used ? &slot->value : NULL;
}

uint32_t *lt_pair_map_at(lt_pair_map *map, uint32_t a, uint32_t b, uint32_t initial)
{
    if (2 * (map->count + 1) > map->slots && !grow_pairs(map))
        return NULL;
    lt_pair_slot *slot = &map->slot[pair_slot(map, pair_key(a, b))];
    if (!slot->used) {
        *slot = (lt_pair_slot){pair_key(a, b), initial, true};
        map->count++;
    }
    return &slot->value;
}

/* ---- merge lists ---- */

void lt_vocab_free(lt_vocab *vocab)
{
    lt_pair_map_free(&vocab->ranks);
    free(vocab->merged);
    free(vocab->id);
    *vocab = (lt_vocab){0};
}

/* Finds the next line, without its end, and moves *text behind it; false at the end of the text. */
static bool next_line(const char **text, const char *end, const char **line, size_t *len)
{
    if (*text == end)
        return false;
    const char *stop = memchr(*text, '\n', (size_t)(end - *text));
    *line = *text;
    *len = (size_t)((stop ? stop : end) - *text);
    *text = stop ? stop + 1 : end;
    if (*len > 0 && (*line)[*len - 1] == '\r')
        --*len;
    return true;
}

/* Finds the length of a in a line "a b"; false unless there are two fields with one blank
 * between. */
static bool split_fields(const char *line, size_t len, size_t *a_len)
{
    const char *blank = memchr(line, ' ', len);
    if (!blank)
        return false;
    *a_len = (size_t)(blank - line);
    size_t b_len = len - *a_len - 1;
    return *a_len > 0 && b_len > 0 && !memchr(blank + 1, ' ', b_len);
}

/* Adds the merge of one line of a list. */
static lt_status add_merge(lt_ctx *ctx, lt_vocab *vocab, lt_symbols *symbols, const char *line,
                           size_t len)
{
    size_t number = vocab->merges + 2; /* of the line, counted from 1 */
    size_t a_len;
    if (!split_fields(line, len, &a_len))
        return lt_fail(ctx, LT_ERR_FORMAT,
                       "merge list: line %zu is not two symbols with one blank between them",
                       number);
    uint32_t a = lt_symbols_find(symbols, line, a_len);
    uint32_t b = lt_symbols_find(symbols, line + a_len + 1, len - a_len - 1);
    if (a == LT_NO_SYMBOL || b == LT_NO_SYMBOL)
        return lt_fail(ctx, LT_ERR_FORMAT,
                       "merge list: line %zu uses a symbol that is neither a byte nor the result "
                       "of an earlier line",
                       number);
    if (lt_pair_map_find(&vocab->ranks, a, b))
        return lt_fail(ctx, LT_ERR_FORMAT, "merge list: line %zu repeats an earlier merge", number);
    uint32_t *rank = lt_pair_map_at(&vocab->ranks, a, b, (uint32_t)vocab->merges);
    uint32_t joined = rank ? lt_symbols_join(symbols, a, b) : LT_NO_SYMBOL;
    if (joined == LT_NO_SYMBOL)
        return lt_fail(ctx, LT_ERR_MEMORY, "merge list: no memory at line %zu", number);
    vocab->merged[vocab->merges] = joined;
    /* a symbol that two merges spell has the id of the later merge */
    vocab->id[joined] = (int32_t)(512 + vocab->merges);
    vocab->merges++;
    return LT_OK;
}

#define HEADER "#version"

/* Whether a line holds HEADER, in any place: in OpenAI's file a name stands before it. */
static bool is_header(const char *line, size_t len)
{
    const size_t word = sizeof HEADER - 1;
    for (size_t i = 0; i + word <= len; i++)
        if (memcmp(line + i, HEADER, word) == 0)
            return true;
    return false;
}

/* Reads an unpacked merge list. */
static lt_status read_plain(lt_ctx *ctx, const char *text, size_t bytes, size_t max_merges,
                            lt_vocab *vocab)
{
    const char *end = text + bytes, *line;
    size_t len;
    lt_symbols symbols = {0};
    lt_status status = LT_OK;

    if (!next_line(&text, end, &line, &len) || !is_header(line, len))
        return lt_fail(ctx, LT_ERR_FORMAT,
                       "merge list: the first line has no \"" HEADER "\"; this is not a byte-pair "
                       "merge list");
    vocab->merged = malloc(max_merges * sizeof *vocab->merged);
    vocab->id = malloc((512 + max_merges) * sizeof *vocab->id);
    if (!vocab->merged || !vocab->id || !lt_symbols_init(&symbols)) {
        status = lt_fail(ctx, LT_ERR_MEMORY, "merge list: no memory for the vocabulary");
        goto done;
    }
    for (int32_t i = 0; i < 512; i++)
        vocab->id[i] = i;
    while (status == LT_OK && vocab->merges < max_merges && next_line(&text, end, &line, &len)) {
        if (len == 0 && text == end)
            break; /* an empty line at the very end */
        status = add_merge(ctx, vocab, &symbols, line, len);
    }
done:
    lt_symbols_free(&symbols);
    return status;
}

lt_status lt_vocab_read(lt_ctx *ctx, const void *list, size_t bytes, size_t max_bytes,
                        size_t max_merges, lt_vocab *out)
{
    const unsigned char *data = list;
    char *unpacked = NULL;
    lt_status status = LT_OK;
    *out = (lt_vocab){0};
    if (bytes > max_bytes)
        return lt_fail(ctx, LT_ERR_FORMAT, "merge list: %zu bytes are more than the limit of %zu",
                       bytes, max_bytes);
    if (bytes >= 2 && data[0] == 0x1F && data[1] == 0x8B) {
        status = lt_gunzip(ctx, data, bytes, max_bytes, &unpacked, &bytes);
        list = unpacked;
    }
    if (status == LT_OK)
        status = read_plain(ctx, list, bytes, max_merges, out);
    free(unpacked);
    if (status != LT_OK)
        lt_vocab_free(out);
    return status;
}
