/* JSON texts: every value of the tree is visited, and every key found again. */
#include "fuzz/fuzz.h"

#include <string.h>

#include "tensor/files/json_reader.h"

static lt_ctx *ctx;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    return lt_ctx_create(&ctx) != LT_OK;
}

static void visit(const lt_json *value)
{
    size_t length;
    int64_t integer;
    const char *text = lt_json_string(value, &length);
    if (text && text[length] != '\0')
        __builtin_trap();
    if (lt_json_type(value) != LT_JSON_NUMBER && lt_json_int(value, &integer))
        __builtin_trap();
    for (size_t i = 0; i < lt_json_count(value); i++) {
        const lt_json *member = lt_json_at(value, i);
        const char *key = lt_json_key(value, i, &length);
        /* A key that holds a zero byte cannot be asked for by a string. */
        if (key && strlen(key) == length && lt_json_get(value, key) != member)
            __builtin_trap();
        visit(member);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    lt_json *root = NULL;
    if (lt_json_parse(ctx, "input", (const char *)data, size, &root) == LT_OK)
        visit(root);
    else if (root)
        __builtin_trap();
    lt_json_free(root);
    lt_ctx_clear(ctx);
    return 0;
}
