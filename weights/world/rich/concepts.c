/* The words of the rich world as JSON. */
#include "weights/world/rich/words.h"

static const char *const KIND_NAMES[RICH_KINDS] = {
    [RICH_EXPRESSION] = "expression", [RICH_AGE] = "age",   [RICH_FORM] = "form",
    [RICH_THING] = "thing",           [RICH_VIEW] = "view",
};

/* ["a", "b"]; the words contain nothing that JSON would escape. */
static void write_list(FILE *f, const char *const *words, size_t most)
{
    fputc('[', f);
    for (size_t i = 0; i < most && words[i]; i++)
        fprintf(f, "%s\"%s\"", i ? ", " : "", words[i]);
    fputc(']', f);
}

static void write_colors(FILE *f)
{
    fputs("    \"color\": [", f);
    for (int c = 0; c < WORLD_COLORS; c++)
        fprintf(f, "%s\"%s\"", c ? ", " : "", world_named((enum world_color)c)->name);
    fputs("],\n    \"part\": [", f);
    for (int p = 0; p < RICH_PARTS; p++) {
        enum rich_part part = (enum rich_part)p;
        enum world_part like = rich_part_like(part);
        const char *const *nouns = rich_part_nouns(part);
        fprintf(f, "%s\n      {\"name\": \"%s\", \"plural\": %s, \"counted\": %s, \"names\": ",
                p ? "," : "", nouns[0], rich_noun_singular(part, nouns[0]) ? "false" : "true",
                rich_noun_counted(part, nouns[0]) ? "true" : "false");
        write_list(f, nouns, SIZE_MAX);
        fputs(", \"natural\": [", f);
        bool first = true;
        for (int id = 0; id < world_color_count(like); id++)
            if (world_color_is_natural(like, id)) {
                fprintf(f, "%s\"%s\"", first ? "" : ", ", world_color_word(like, id));
                first = false;
            }
        fputs("]}", f);
    }
    fputs("\n    ]", f);
}

static void write_trait(FILE *f, enum rich_trait t)
{
    const struct rich_trait_words *w = rich_trait_words(t);
    const char *key = w->adjectives[0] ? w->adjectives[0] : w->with[0];

    fprintf(f, "\n      {\"name\": \"%s\"", key);
    if (w->kind == RICH_FORM && w->part >= 0)
        fprintf(f, ", \"of\": \"%s\"", rich_part_nouns((enum rich_part)w->part)[0]);
    else if (w->of)
        fprintf(f, ", \"of\": \"%s\"", w->of);
    if (w->opposite >= 0) {
        const struct rich_trait_words *o = rich_trait_words((enum rich_trait)w->opposite);
        fprintf(f, ", \"opposite\": \"%s\"", o->adjectives[0] ? o->adjectives[0] : o->with[0]);
    }
    fputs(", \"adjectives\": ", f);
    write_list(f, w->adjectives, RICH_WORDS);
    fputs(", \"with\": ", f);
    write_list(f, w->with, RICH_WORDS);
    fputs(", \"without\": ", f);
    write_list(f, w->without, RICH_WORDS);
    fputc('}', f);
}

bool rich_write_concepts(FILE *f)
{
    fputs("{\n  \"version\": 1,\n  \"domain\": \"face\",\n  \"kinds\": {\n", f);
    write_colors(f);
    for (int kind = 0; kind < RICH_KINDS; kind++) {
        bool first = true;
        fprintf(f, ",\n    \"%s\": [", KIND_NAMES[kind]);
        for (int t = 0; t < RICH_TRAITS; t++) {
            if (rich_trait_words((enum rich_trait)t)->kind != (enum rich_kind)kind)
                continue;
            if (!first)
                fputc(',', f);
            write_trait(f, (enum rich_trait)t);
            first = false;
        }
        fputs("\n    ]", f);
    }
    fputs("\n  }\n}\n", f);
    return !ferror(f);
}
