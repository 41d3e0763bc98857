#include "bench/speed/vocabulary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/speed/setup.h"
#include "engine/objective/templates.h"
#include "nn/text/tokenizer.h"

/* Writes the UTF-8 text of the character that stands for a byte in merge lists and returns its
 * length. Printable bytes stand for themselves; the others get characters from U+0100 on, counted
 * by *others. */
static int symbol(int byte, int *others, char *out)
{
    const bool printable =
        (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    const int code = printable ? byte : 256 + (*others)++;
    if (code < 128) {
        out[0] = (char)code;
        return 1;
    }
    out[0] = (char)(0xc0 | code >> 6);
    out[1] = (char)(0x80 | (code & 0x3f));
    return 2;
}

/* The merges of a list; the first line of the list is a heading. */
static size_t count_merges(const char *list)
{
    size_t lines = 0;
    for (; *list; list++)
        lines += *list == '\n';
    return lines - 1;
}

/* Fills the list up to CLIP's number of merges with pairs of bytes that no word of the benchmark
 * has. `at` is the length of the list; returns its new length. */
static size_t pad(char *list, size_t at)
{
    char text[256][2];
    int length[256], others = 0;
    for (int i = 0; i < 256; i++)
        length[i] = symbol(i, &others, text[i]);
    size_t missing = LT_TOKENIZER_MAX_MERGES - count_merges(list);
    for (int a = 0; a < 256; a++)
        for (int b = 0; b < 256 && missing > 0; b++) {
            if (length[a] == 1 && length[b] == 1)
                continue;
            at += (size_t)sprintf(list + at, "%.*s %.*s\n", length[a], text[a], length[b], text[b]);
            missing--;
        }
    return at;
}

lt_status vocabulary_make(lt_ctx *ctx, char **merges, size_t *bytes)
{
    enum { TEXTS = 4 * CE_TEMPLATES, LINE = 8 };
    static const char *const fill[2] = {BENCH_SOURCE_TEXT, BENCH_TARGET_TEXT};
    char *text[TEXTS] = {0};
    *merges = NULL;
    lt_status status = LT_OK;
    /* Each sentence comes twice, because a pair that occurs only once is not learnt. */
    for (int i = 0; i < TEXTS && status == LT_OK; i++)
        if (!(text[i] = ce_template_fill(ctx, i / 4, fill[i % 2])))
            status = lt_ctx_status(ctx);
    if (status == LT_OK)
        status = lt_bpe_train(ctx, (const char *const *)text, TEXTS, LT_TOKENIZER_MAX_MERGES,
                              merges, bytes);
    if (status == LT_OK) {
        char *grown = realloc(*merges, *bytes + 1 + LINE * LT_TOKENIZER_MAX_MERGES);
        if (grown) {
            *merges = grown;
            *bytes = pad(grown, *bytes);
        } else {
            status = lt_fail(ctx, LT_ERR_MEMORY, "out of memory for a merge list");
        }
    }
    for (int i = 0; i < TEXTS; i++)
        free(text[i]);
    return status;
}
