#include "engine/sentence/contrasts.h"

#include <stdlib.h>
#include <string.h>

#include "engine/sentence/wishes.h"
#include "engine/text.h"

/* The list that is being written. */
struct list {
    lt_ctx *ctx;
    const struct ce_concepts *concepts;
    const struct ce_sentence *sentence;
    char **out;
    int *count;
};

/* Adds the sentence with the words [first, last) replaced. Takes `replacement`, which may be NULL
 * after a failure. */
static lt_status add(const struct list *l, int first, int last, char *replacement)
{
    char *text = NULL;
    if (replacement && *l->count < CE_CONTRASTS_MAX) {
        text = ce_sentence_with(l->ctx, l->sentence, first, last, replacement);
        if (text)
            l->out[(*l->count)++] = text;
    }
    free(replacement);
    return lt_ctx_status(l->ctx);
}

/* "red lips", with an article if `article`; to be given to free(). */
static char *phrase(lt_ctx *ctx, bool article, const char *color, const char *part)
{
    char *words = ce_format(ctx, "%s%s%s", color, *part ? " " : "", part);
    if (!words || !article)
        return words;
    char *with = ce_with_article(ctx, words);
    free(words);
    return with;
}

static lt_status add_colors(const struct list *l, const struct ce_wish *wish)
{
    const struct ce_phrases *colors = &l->concepts->colors;
    lt_status status = LT_OK;
    for (int c = 0; c < colors->count && status == LT_OK; c++)
        if (c != wish->color)
            status = add(l, wish->first, wish->word + 1,
                         phrase(l->ctx, wish->first < wish->word, colors->text[c], ""));
    return status;
}

static lt_status add_parts(const struct list *l, const struct ce_wish *wish)
{
    const char *color = l->concepts->colors.text[wish->color];
    lt_status status = LT_OK;
    for (int i = 0; i < l->concepts->part_count && status == LT_OK; i++) {
        const struct ce_part_words *part = &l->concepts->parts[i];
        if (i != wish->part)
            status =
                add(l, wish->first, wish->last, phrase(l->ctx, part->counted, color, part->name));
    }
    return status;
}

/* The words before a phrase that follows "with": they go with it when it is denied. */
static bool is_with(const struct ce_sentence *s, int word)
{
    return word >= 0 &&
           (ce_sentence_spells(s, word, "with") || ce_sentence_spells(s, word, "wearing"));
}

/* Adds the contrast of an adjective: the opposite adjective, or the sentence without the adjective
 * and with the phrase that denies it at its end. */
static lt_status oppose_adjective(const struct list *l, const struct ce_wish *wish,
                                  const struct ce_trait_words *trait,
                                  const struct ce_trait_words *opposite)
{
    lt_ctx *ctx = l->ctx;
    const struct ce_sentence *s = l->sentence;
    if (opposite && opposite->adjectives.count)
        return add(l, wish->first, wish->last,
                   ce_format(ctx, "%s%s%s", opposite->adjectives.text[0], trait->of ? " " : "",
                             trait->of ? trait->of : ""));
    if (trait->of || s->count == wish->last - wish->first)
        return LT_OK;
    char *bare = ce_sentence_with(ctx, s, wish->first, wish->last, "");
    if (bare && trait->without.count) {
        char *denied = ce_format(ctx, "%s %s", bare, trait->without.text[0]);
        free(bare);
        bare = denied;
    }
    return add(l, 0, s->count, bare);
}

static lt_status add_opposite(const struct list *l, const struct ce_wish *wish)
{
    lt_ctx *ctx = l->ctx;
    const struct ce_trait_words *trait = &l->concepts->traits[wish->trait];
    const struct ce_trait_words *opposite =
        trait->opposite >= 0 ? &l->concepts->traits[trait->opposite] : NULL;
    if (wish->denied)
        return trait->with.count
                   ? add(l, wish->first, wish->last, ce_format(ctx, "with %s", trait->with.text[0]))
                   : LT_OK;
    if (wish->adjective)
        return oppose_adjective(l, wish, trait, opposite);
    if (opposite && opposite->with.count)
        return add(l, wish->first, wish->last, ce_copy(ctx, opposite->with.text[0]));
    if (!trait->without.count)
        return LT_OK;
    const int first = is_with(l->sentence, wish->first - 1) ? wish->first - 1 : wish->first;
    return add(l, first, wish->last, ce_copy(ctx, trait->without.text[0]));
}

static lt_status add_all(const struct list *l, int *axes)
{
    const struct ce_sentence *s = l->sentence;
    lt_status status = LT_OK;
    for (int i = 0; i < s->wish_count && status == LT_OK; i++)
        status = s->wish[i].color >= 0 ? add_colors(l, &s->wish[i]) : add_opposite(l, &s->wish[i]);
    *axes = *l->count;
    for (int i = 0; i < s->wish_count && status == LT_OK; i++)
        if (s->wish[i].color >= 0 && s->wish[i].part >= 0)
            status = add_parts(l, &s->wish[i]);
    return status;
}

lt_status ce_contrasts_of(lt_ctx *ctx, const struct ce_concepts *concepts, const char *target,
                          char **out, int *count, int *axes)
{
    struct ce_sentence sentence;
    *count = *axes = 0;
    lt_status status = ce_sentence_read(ctx, concepts, target, &sentence);
    if (status == LT_OK)
        status = add_all(&(struct list){ctx, concepts, &sentence, out, count}, axes);
    ce_sentence_free(&sentence);
    return status;
}
