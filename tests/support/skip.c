#include "support/skip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void test_skip(const char *name, const char *reason)
{
    size_t length = strlen(name);
    if (length > 3 && strcmp(name + length - 3, "_fn") == 0)
        length -= 3;
    printf("skip %.*s: %s\n", (int)length, name, reason);
    fflush(stdout);
}

const char *test_merge_list(const char *name)
{
    const char *named = getenv("CFEDIT_BPE");
    if (named && *named)
        return named;
    static const char beside[] = "../shared/parity/bpe_simple_vocab_16e6.txt.gz";
    if (access(beside, R_OK) == 0)
        return beside;
    test_skip(name, "there is no merge list; `make merge-list` fetches it");
    return NULL;
}
