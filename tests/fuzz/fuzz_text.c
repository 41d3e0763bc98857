/* Texts of users: cleaned, split into words and turned into tokens; and merges learned from them.
 * Every id has to be one of the vocabulary, and a text that gives no failure once gives none and
 * as many tokens again. */
#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "nn/text/tokenizer.h"

/* Learning merges takes far longer than applying them, and long texts show it nothing new. */
enum { MOST_LEARNED = 128 };

static lt_ctx *ctx;
static lt_tokenizer *tokenizer;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const char *const texts[] = {"a photo of a face with green lips",
                                        "the face of a person with blue hair, isn't it",
                                        "a face with green eyes &amp; blue hair"};
    char *merges = NULL;
    size_t bytes = 0;
    (void)argc, (void)argv;
    if (lt_ctx_create(&ctx) != LT_OK ||
        lt_bpe_train(ctx, texts, sizeof texts / sizeof texts[0], 60, &merges, &bytes) != LT_OK ||
        lt_tokenizer_create(ctx, merges, bytes, &tokenizer) != LT_OK)
        return 1;
    free(merges);
    return 0;
}

static void tokenize(const char *text, size_t size)
{
    int32_t ids[256];
    size_t count = 0, again = 0;
    const lt_status status = lt_tokenize(ctx, tokenizer, text, size, ids, 256, &count);
    if (status == LT_OK) {
        if (count < 2 || count > 256 || ids[0] != lt_tokenizer_start(tokenizer))
            __builtin_trap();
        for (size_t i = 0; i < count; i++)
            if (ids[i] < 0 || ids[i] > lt_tokenizer_end(tokenizer))
                __builtin_trap();
        if (lt_tokenize(ctx, tokenizer, text, size, ids, 256, &again) != LT_OK || again != count)
            __builtin_trap();
    }
    lt_ctx_clear(ctx);
}

static void learn(const char *text, size_t size)
{
    char *copy = malloc(size + 1), *merges = NULL;
    size_t bytes = 0;
    if (!copy)
        return;
    memcpy(copy, text, size);
    copy[size] = '\0';
    const char *texts[] = {copy, "face", copy};
    if (lt_bpe_train(ctx, texts, 3, 30, &merges, &bytes) == LT_OK) {
        lt_tokenizer *learned = NULL;
        if (lt_tokenizer_create(ctx, merges, bytes, &learned) != LT_OK)
            __builtin_trap();
        lt_tokenizer_free(learned);
    }
    free(merges);
    free(copy);
    lt_ctx_clear(ctx);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tokenize((const char *)data, size);
    if (size <= MOST_LEARNED)
        learn((const char *)data, size);
    return 0;
}
