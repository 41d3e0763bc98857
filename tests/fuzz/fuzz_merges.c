/* Merge lists, plain and gzip, and a text through the tokenizer that they give. */
#include "fuzz/fuzz.h"

#include <string.h>

#include "nn/text/tokenizer.h"

static lt_ctx *ctx;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    return lt_ctx_create(&ctx) != LT_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char text[] = "a photo of the face with green lips";
    lt_tokenizer *tokenizer = NULL;
    if (lt_tokenizer_create(ctx, data, size, &tokenizer) == LT_OK) {
        int32_t ids[77];
        size_t count = 0;
        if (lt_tokenize(ctx, tokenizer, text, strlen(text), ids, 77, &count) == LT_OK)
            for (size_t i = 0; i < count; i++)
                if (ids[i] < 0 || (size_t)ids[i] >= lt_tokenizer_vocab_size(tokenizer))
                    __builtin_trap();
    }
    lt_tokenizer_free(tokenizer);
    lt_ctx_clear(ctx);
    return 0;
}
