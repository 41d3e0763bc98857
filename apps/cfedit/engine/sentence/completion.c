#include "engine/sentence/completion.h"

#include <stdlib.h>

#include "engine/sentence/wishes.h"
#include "engine/text.h"

/* Whether the sentence has the phrase anywhere. */
static bool names(const struct ce_sentence *s, const char *phrase)
{
    bool found = false;
    for (int word = 0; word < s->count && !found; word++)
        found = ce_sentence_spells(s, word, phrase) > 0;
    return found;
}

/* Whether every word belongs to a wish or joins two of them, and every colour has its part. */
static bool is_wishes_alone(const struct ce_sentence *s)
{
    static const char *const joints[] = {"and", "with", ","};
    int word = 0;
    for (int i = 0; i <= s->wish_count; i++) {
        const int end = i < s->wish_count ? s->wish[i].first : s->count;
        for (; word < end; word++) {
            bool joint = false;
            for (size_t k = 0; k < sizeof joints / sizeof joints[0]; k++)
                joint = joint || ce_sentence_spells(s, word, joints[k]) > 0;
            if (!joint)
                return false;
        }
        if (i < s->wish_count && s->wish[i].color >= 0 && s->wish[i].part < 0)
            return false;
        word = i < s->wish_count ? s->wish[i].last : word;
    }
    return s->wish_count > 0;
}

/* Replaces *sentence by the formatted join of it and the words of a wish. */
static lt_status add(lt_ctx *ctx, char **sentence, const struct ce_sentence *s,
                     const struct ce_wish *wish, const char *between)
{
    const int at = s->word[wish->first].at, last = wish->last - 1;
    char *longer = ce_format(ctx, "%s%s%.*s", *sentence, between,
                             s->word[last].at + s->word[last].length - at, s->text + at);
    free(*sentence);
    *sentence = longer;
    return longer ? LT_OK : lt_ctx_status(ctx);
}

/* Whether the words of the wish stand before the domain word: "smiling face". */
static bool stands_before(const struct ce_concepts *concepts, const struct ce_wish *wish)
{
    return wish->trait >= 0 && wish->adjective && !concepts->traits[wish->trait].of;
}

/* Adds the domain word and then the wishes that stand behind it. */
static lt_status add_rest(lt_ctx *ctx, const struct ce_concepts *concepts,
                          const struct ce_sentence *s, const char *domain, char **sentence)
{
    char *longer = ce_format(ctx, "%s%s%s", *sentence, **sentence ? " " : "", domain);
    free(*sentence);
    *sentence = longer;
    lt_status status = longer ? LT_OK : lt_ctx_status(ctx);
    bool with = false, any = false;
    for (int i = 0; i < s->wish_count && status == LT_OK; i++) {
        const struct ce_wish *wish = &s->wish[i];
        if (stands_before(concepts, wish))
            continue;
        const char *between = wish->denied ? (any ? " and " : " ") : with ? " and " : " with ";
        status = add(ctx, sentence, s, wish, between);
        with = !wish->denied;
        any = true;
    }
    return status;
}

lt_status ce_sentence_complete(lt_ctx *ctx, const struct ce_concepts *concepts, const char *text,
                               const char *domain, char **completed)
{
    struct ce_sentence s;
    *completed = NULL;
    lt_status status = ce_sentence_read(ctx, concepts, text, &s);
    if (status != LT_OK || names(&s, domain) || !is_wishes_alone(&s)) {
        ce_sentence_free(&s);
        return status;
    }
    char *sentence = ce_copy(ctx, "");
    status = lt_ctx_status(ctx);
    bool first = true;
    for (int i = 0; i < s.wish_count && status == LT_OK; i++)
        if (stands_before(concepts, &s.wish[i])) {
            status = add(ctx, &sentence, &s, &s.wish[i], first ? "" : " ");
            first = false;
        }
    if (status == LT_OK)
        status = add_rest(ctx, concepts, &s, domain, &sentence);
    ce_sentence_free(&s);
    *completed = sentence;
    return status;
}
