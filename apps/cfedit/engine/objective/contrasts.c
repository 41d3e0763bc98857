#include "engine/objective/contrasts.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLORS = 12, PARTS = 8 };

static const char *const colors[COLORS] = {"red",    "orange", "yellow", "green", "cyan", "blue",
                                           "purple", "pink",   "brown",  "black", "gray", "white"};

/* The parts of a portrait; a single part takes an article ("a shirt"). */
static const struct {
    const char *name;
    bool single;
} parts[PARTS] = {{"lips", false}, {"hair", false},    {"eyes", false}, {"eyebrows", false},
                  {"skin", false}, {"glasses", false}, {"shirt", true}, {"background", true}};

static bool is_letter(char c) { return isalpha((unsigned char)c) != 0; }

/* Whether text[0..length) is `word`, upper and lower case being the same. */
static bool is_word(const char *text, size_t length, const char *word)
{
    if (strlen(word) != length)
        return false;
    for (size_t i = 0; i < length; i++)
        if (tolower((unsigned char)text[i]) != word[i])
            return false;
    return true;
}

/* The index of the colour that a word names, -1 if it names none. */
static int color_of(const char *text, size_t length)
{
    for (int c = 0; c < COLORS; c++)
        if (is_word(text, length, colors[c]))
            return c;
    return is_word(text, length, "grey") ? color_of("gray", 4) : -1;
}

/* A sentence taken apart: "face with " (head), "an" (article), "orange" (color), " shirt"
 * (tail). */
struct pieces {
    size_t head; /* bytes before the article, or before the colour if there is no article */
    bool article;
    int color; /* -1: none named */
    const char *tail;
};

static struct pieces take_apart(const char *text)
{
    struct pieces p = {.color = -1};
    size_t before = 0; /* where the previous word begins */
    bool article = false;
    for (size_t at = 0; text[at];) {
        if (!is_letter(text[at])) {
            at++;
            continue;
        }
        size_t length = 1;
        while (is_letter(text[at + length]))
            length++;
        const int color = color_of(text + at, length);
        if (color >= 0) {
            p = (struct pieces){article ? before : at, article, color, text + at + length};
            break;
        }
        before = at;
        article = is_word(text + at, length, "a") || is_word(text + at, length, "an");
        at += length;
    }
    return p;
}

/* The index of the part that makes up the whole tail, -1 if the tail is something else. */
static int part_of(const char *tail)
{
    while (*tail == ' ')
        tail++;
    for (int i = 0; i < PARTS; i++)
        if (is_word(tail, strlen(tail), parts[i].name))
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

lt_status ce_contrasts_of(lt_ctx *ctx, const char *target, char **out, int *count, int *color_count)
{
    const struct pieces p = take_apart(target);
    const int part = p.color >= 0 ? part_of(p.tail) : -1;
    lt_status status = LT_OK;
    *count = *color_count = 0;
    for (int c = 0; p.color >= 0 && c < COLORS && status == LT_OK; c++)
        if (c != p.color)
            status = add(ctx, target, p.head, p.article, colors[c], p.tail, out, count);
    *color_count = *count;
    for (int i = 0; part >= 0 && i < PARTS && status == LT_OK; i++) {
        char tail[32];
        snprintf(tail, sizeof tail, " %s", parts[i].name);
        if (i != part)
            status = add(ctx, target, p.head, parts[i].single, colors[p.color], tail, out, count);
    }
    return status;
}
