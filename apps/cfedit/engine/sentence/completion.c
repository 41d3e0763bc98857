#include "engine/sentence/completion.h"

#include "engine/sentence/wishes.h"

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
    *completed = ce_wishes_told(ctx, concepts, &s, 0, s.wish_count, domain);
    ce_sentence_free(&s);
    return lt_ctx_status(ctx);
}
