#include "engine/sentence/wishes.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "engine/text.h"
#include "nn/text/tokenizer.h"

/* ---- words ---- */

static void split(struct ce_sentence *s)
{
    int at = 0;
    while (s->text[at] && s->count < CE_WORDS_MAX) {
        const int length = s->count == CE_WORDS_MAX - 1 ? (int)strlen(s->text + at)
                                                        : (int)strcspn(s->text + at, " ");
        s->word[s->count].at = at;
        s->word[s->count++].length = length;
        at += length + (s->text[at + length] == ' ');
    }
}

int ce_sentence_spells(const struct ce_sentence *s, int first, const char *phrase)
{
    int count = 0;
    while (*phrase && first + count < s->count) {
        const size_t length = strcspn(phrase, " ");
        const char *word = s->text + s->word[first + count].at;
        if ((size_t)s->word[first + count].length != length || memcmp(word, phrase, length) != 0)
            return 0;
        phrase += length + (phrase[length] == ' ');
        count++;
    }
    return *phrase ? 0 : count;
}

/* The number of words of the longest of the phrases that the sentence has at word `first`. */
static int longest(const struct ce_sentence *s, int first, const struct ce_phrases *phrases)
{
    int most = 0;
    for (int i = 0; i < phrases->count; i++) {
        const int count = ce_sentence_spells(s, first, phrases->text[i]);
        most = count > most ? count : most;
    }
    return most;
}

static bool is_article(const struct ce_sentence *s, int word)
{
    return word >= 0 && (ce_sentence_spells(s, word, "a") || ce_sentence_spells(s, word, "an"));
}

/* ---- colours ---- */

/* The British spelling of a colour is the same colour. */
static int color_at(const struct ce_concepts *c, const struct ce_sentence *s, int word)
{
    for (int i = 0; i < c->colors.count; i++)
        if (ce_sentence_spells(s, word, c->colors.text[i]) ||
            (strcmp(c->colors.text[i], "gray") == 0 && ce_sentence_spells(s, word, "grey")))
            return i;
    return -1;
}

/* The part that the sentence names at a word, and how many words that takes. */
static int part_at(const struct ce_concepts *c, const struct ce_sentence *s, int word, int *count)
{
    int part = -1;
    *count = 0;
    for (int i = 0; i < c->part_count; i++) {
        const int words = longest(s, word, &c->parts[i].names);
        if (words > *count) {
            *count = words;
            part = i;
        }
    }
    return part;
}

static bool find_color(const struct ce_concepts *c, const struct ce_sentence *s, int word,
                       struct ce_wish *wish)
{
    const int color = color_at(c, s, word);
    if (color < 0)
        return false;
    int words;
    const int part = part_at(c, s, word + 1, &words);
    *wish = (struct ce_wish){.color = color,
                             .part = part,
                             .trait = -1,
                             .first = is_article(s, word - 1) ? word - 1 : word,
                             .last = word + 1 + words,
                             .word = word};
    return true;
}

/* ---- traits ---- */

/* The number of words of an adjective of the trait at `word`, the noun included if the trait is the
 * form of a part; 0: there is none. */
static int adjective_at(const struct ce_sentence *s, int word, const struct ce_trait_words *trait)
{
    const int count = longest(s, word, &trait->adjectives);
    if (count == 0 || !trait->of)
        return count;
    const int noun = ce_sentence_spells(s, word + count, trait->of);
    return noun ? count + noun : 0;
}

/* Finds the trait that takes the most words at `word`. */
static bool find_trait(const struct ce_concepts *c, const struct ce_sentence *s, int word,
                       struct ce_wish *wish)
{
    int most = 0;
    for (int i = 0; i < c->trait_count; i++) {
        const struct ce_trait_words *trait = &c->traits[i];
        const int adjective = adjective_at(s, word, trait);
        const int with = longest(s, word, &trait->with);
        const int without = longest(s, word, &trait->without);
        const int count = adjective > with ? adjective : with;
        if ((without > count ? without : count) <= most)
            continue;
        most = without > count ? without : count;
        *wish = (struct ce_wish){.color = -1,
                                 .part = -1,
                                 .trait = i,
                                 .denied = without > count,
                                 .adjective = without <= count && adjective >= with,
                                 .first = word,
                                 .last = word + most,
                                 .word = word};
    }
    return most > 0;
}

lt_status ce_sentence_read(lt_ctx *ctx, const struct ce_concepts *concepts, const char *text,
                           struct ce_sentence *s)
{
    memset(s, 0, sizeof *s);
    const lt_status status = lt_text_words(ctx, text, strlen(text), &s->text);
    if (status != LT_OK)
        return status;
    split(s);
    for (int word = 0; concepts && word < s->count && s->wish_count < CE_WISHES_MAX;) {
        struct ce_wish *wish = &s->wish[s->wish_count];
        const bool found =
            find_color(concepts, s, word, wish) || find_trait(concepts, s, word, wish);
        s->wish_count += found;
        word = found ? wish->last : word + 1;
    }
    return LT_OK;
}

void ce_sentence_free(struct ce_sentence *sentence)
{
    free(sentence->text);
    sentence->text = NULL;
}

int ce_sentence_unknown(const struct ce_concepts *concepts, const struct ce_sentence *s, int from)
{
    if (!concepts || concepts->words.count == 0)
        return -1;
    for (int word = from; word < s->count; word++) {
        const unsigned char first = (unsigned char)s->text[s->word[word].at];
        bool known = first < 0x80 && !isalnum(first);
        for (int i = 0; i < concepts->words.count && !known; i++)
            known = ce_sentence_spells(s, word, concepts->words.text[i]) == 1;
        if (!known)
            return word;
    }
    return -1;
}

/* ---- sentences made from a sentence ---- */

char *ce_with_article(lt_ctx *ctx, const char *words)
{
    return ce_format(ctx, "%s %s", *words && strchr("aeiou", *words) ? "an" : "a", words);
}

char *ce_sentence_with(lt_ctx *ctx, const struct ce_sentence *s, int first, int last,
                       const char *replacement)
{
    const int end = (int)strlen(s->text);
    const int head = first < s->count ? s->word[first].at : end;
    const char *tail = last < s->count ? s->text + s->word[last].at : "";
    const int before = head > 0 && s->text[head - 1] == ' ' ? head - 1 : head;
    return ce_format(ctx, "%.*s%s%s%s%s", before, s->text, before && *replacement ? " " : "",
                     replacement, *tail && (before || *replacement) ? " " : "", tail);
}

/* Replaces *sentence by the formatted join of it and the words of a wish. */
static lt_status add_wish(lt_ctx *ctx, char **sentence, const struct ce_sentence *s,
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

/* Adds the domain word and then those of the wishes [first, end) that stand behind it. */
static lt_status add_rest(lt_ctx *ctx, const struct ce_concepts *concepts,
                          const struct ce_sentence *s, int first, int end, const char *domain,
                          char **sentence)
{
    char *longer = ce_format(ctx, "%s%s%s", *sentence, **sentence ? " " : "", domain);
    free(*sentence);
    *sentence = longer;
    lt_status status = longer ? LT_OK : lt_ctx_status(ctx);
    bool with = false, any = false;
    for (int i = first; i < end && status == LT_OK; i++) {
        const struct ce_wish *wish = &s->wish[i];
        if (stands_before(concepts, wish))
            continue;
        const char *between = wish->denied ? (any ? " and " : " ") : with ? " and " : " with ";
        status = add_wish(ctx, sentence, s, wish, between);
        with = !wish->denied;
        any = true;
    }
    return status;
}

char *ce_wishes_told(lt_ctx *ctx, const struct ce_concepts *concepts, const struct ce_sentence *s,
                     int first, int end, const char *domain)
{
    char *sentence = ce_copy(ctx, "");
    lt_status status = lt_ctx_status(ctx);
    for (int i = first; i < end && status == LT_OK; i++)
        if (stands_before(concepts, &s->wish[i]))
            status = add_wish(ctx, &sentence, s, &s->wish[i], *sentence ? " " : "");
    if (status == LT_OK)
        add_rest(ctx, concepts, s, first, end, domain, &sentence);
    return sentence;
}
