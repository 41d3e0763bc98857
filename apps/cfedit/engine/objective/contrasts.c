#include "engine/objective/contrasts.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/text.h"
#include "nn/text/tokenizer.h"

enum { COLORS = 12, PARTS = 8 };

static const char *const colors[COLORS] = {"red",    "orange", "yellow", "green", "cyan", "blue",
                                           "purple", "pink",   "brown",  "black", "gray", "white"};

/* The parts of a portrait; a single part takes an article ("a shirt"). */
static const struct {
    const char *name;
    bool single;
} parts[PARTS] = {{"lips", false}, {"hair", false},    {"eyes", false}, {"eyebrows", false},
                  {"skin", false}, {"glasses", false}, {"shirt", true}, {"background", true}};

static bool is_word(const char *text, size_t length, const char *word)
{
    return strlen(word) == length && memcmp(text, word, length) == 0;
}

/* The index of the colour that a word names, -1 if it names none. */
static int color_of(const char *text, size_t length)
{
    for (int c = 0; c < COLORS; c++)
        if (is_word(text, length, colors[c]))
            return c;
    return is_word(text, length, "grey") ? color_of("gray", 4) : -1;
}

/* A sentence taken apart: "face with " (head), "an" (article), "orange" (color), " shirt ."
 * (tail). */
struct pieces {
    size_t head; /* bytes before the article, or before the colour if there is no article */
    bool article;
    int color; /* -1: none named */
    const char *tail;
};

/* Takes apart the words of a sentence, as lt_text_words() gives them. */
static struct pieces take_apart(const char *words)
{
    size_t before = 0; /* where the previous word begins */
    bool article = false;
    for (size_t at = 0; words[at];) {
        const size_t length = strcspn(words + at, " ");
        const int color = color_of(words + at, length);
        if (color >= 0)
            return (struct pieces){article ? before : at, article, color, words + at + length};
        before = at;
        article = is_word(words + at, length, "a") || is_word(words + at, length, "an");
        at += length + (words[at + length] == ' ');
    }
    return (struct pieces){.color = -1};
}

/* The index of the part that the tail consists of, apart from punctuation behind it; -1 if the tail
 * is something else. *rest becomes what follows the part: "" or " .", for example. */
static int part_of(const char *tail, const char **rest)
{
    if (*tail != ' ')
        return -1;
    const size_t length = strcspn(tail + 1, " ");
    *rest = tail + 1 + length;
    for (const char *c = *rest; *c; c++)
        if (*c != ' ' && !ispunct((unsigned char)*c))
            return -1;
    for (int i = 0; i < PARTS; i++)
        if (is_word(tail + 1, length, parts[i].name))
            return i;
    return -1;
}

static lt_status add(lt_ctx *ctx, const char *head, size_t head_length, bool article,
                     const char *color, const char *tail, char **out, int *count)
{
    const char *word = !article ? "" : strchr("aeiou", color[0]) ? "an " : "a ";
    const size_t size = head_length + strlen(word) + strlen(color) + strlen(tail) + 1;
    char *text = malloc(size);
    if (!text)
        return lt_fail(ctx, LT_ERR_MEMORY, "out of memory for a sentence");
    snprintf(text, size, "%.*s%s%s%s", (int)head_length, head, word, color, tail);
    out[(*count)++] = text;
    return LT_OK;
}

/* The contrasts of a sentence, given by its words. */
static lt_status add_all(lt_ctx *ctx, const char *words, char **out, int *count, int *color_count)
{
    const struct pieces p = take_apart(words);
    const char *rest = "";
    const int part = p.color >= 0 ? part_of(p.tail, &rest) : -1;
    lt_status status = LT_OK;
    for (int c = 0; p.color >= 0 && c < COLORS && status == LT_OK; c++)
        if (c != p.color)
            status = add(ctx, words, p.head, p.article, colors[c], p.tail, out, count);
    *color_count = *count;
    for (int i = 0; part >= 0 && i < PARTS && status == LT_OK; i++) {
        if (i == part)
            continue;
        char *tail = ce_format(ctx, " %s%s", parts[i].name, rest);
        status = tail ? add(ctx, words, p.head, parts[i].single, colors[p.color], tail, out, count)
                      : lt_ctx_status(ctx);
        free(tail);
    }
    return status;
}

lt_status ce_contrasts_of(lt_ctx *ctx, const char *target, char **out, int *count, int *color_count)
{
    char *words;
    *count = *color_count = 0;
    lt_status status = lt_text_words(ctx, target, strlen(target), &words);
    if (status == LT_OK)
        status = add_all(ctx, words, out, count, color_count);
    free(words);
    return status;
}
