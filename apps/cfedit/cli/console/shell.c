#include "cli/console/shell.h"

#include <string.h>

const char *ce_shell_word(struct ce_run *run, const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-+./:,=@%";
    if (*text && text[strspn(text, plain)] == '\0')
        return text;
    /* Inside single quotes only the quote itself is special: it becomes '\\''. */
    char *word = ce_alloc(run, 4 * strlen(text) + 3, 1), *at = word;
    if (!word)
        return NULL;
    *at++ = '\'';
    for (; *text; text++)
        if (*text == '\'') {
            memcpy(at, "'\\''", 4);
            at += 4;
        } else {
            *at++ = *text;
        }
    *at = '\'';
    return word;
}

const char *ce_shell_option(struct ce_run *run, const char *line, const char *name,
                            const char *value)
{
    const char *word = value ? ce_shell_word(run, value) : "";
    if (!line || !word)
        return NULL;
    return ce_text(run, "%s --%s%s%s", line, name, value ? " " : "", word);
}
