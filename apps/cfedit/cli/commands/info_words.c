#include "cli/commands/info_words.h"

#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "engine/models.h"

enum { WIDTH = 78, INDENT = 12 };

/* A list of words that is printed with line breaks. */
struct line {
    int column;
};

static void begin(struct line *line, const char *kind)
{
    line->column = printf("%-*s", INDENT - 1, kind);
}

static void put(struct line *line, const char *word)
{
    if (line->column + 1 + (int)strlen(word) > WIDTH) {
        printf("\n%-*s", INDENT - 1, "");
        line->column = INDENT - 1;
    }
    line->column += printf(" %s", word);
}

static void print_traits(const struct ce_concepts *c)
{
    struct line line = {0};
    const char *kind = NULL;
    for (int i = 0; i < c->trait_count; i++) {
        const struct ce_trait_words *t = &c->traits[i];
        if (!kind || strcmp(kind, t->kind) != 0) {
            if (kind)
                printf("\n");
            begin(&line, t->kind);
        }
        kind = t->kind;
        char words[128];
        snprintf(words, sizeof words, "%s%s%s%s", t->name, t->of ? " " : "", t->of ? t->of : "",
                 i + 1 < c->trait_count && strcmp(c->traits[i + 1].kind, kind) == 0 ? "," : "");
        put(&line, words);
    }
    if (kind)
        printf("\n");
}

static void print_words(const struct ce_concepts *c)
{
    struct line line;
    begin(&line, "color");
    for (int i = 0; i < c->colors.count; i++)
        put(&line, c->colors.text[i]);
    printf("\n");
    begin(&line, "part");
    for (int i = 0; i < c->part_count; i++)
        put(&line, c->parts[i].name);
    printf("\n");
    print_traits(c);
    if (c->words.count == 0)
        return;
    begin(&line, "all words");
    for (int i = 0; i < c->words.count; i++)
        put(&line, c->words.text[i]);
    printf("\n");
}

static void put_list(lt_json_writer *w, const char *key, const struct ce_phrases *list)
{
    lt_json_put_key(w, key);
    lt_json_begin_array(w);
    for (int i = 0; i < list->count; i++)
        lt_json_put_string(w, list->text[i]);
    lt_json_end_array(w);
}

static int put_words(const struct ce_run *run, const struct ce_concepts *c)
{
    lt_json_writer *w = lt_json_writer_create();
    lt_json_begin_object(w);
    put_list(w, "color", &c->colors);
    lt_json_put_key(w, "part");
    lt_json_begin_array(w);
    for (int i = 0; i < c->part_count; i++)
        lt_json_put_string(w, c->parts[i].name);
    lt_json_end_array(w);
    lt_json_put_key(w, "traits");
    lt_json_begin_array(w);
    for (int i = 0; i < c->trait_count; i++) {
        const struct ce_trait_words *t = &c->traits[i];
        lt_json_begin_object(w);
        lt_json_put_key(w, "kind");
        lt_json_put_string(w, t->kind);
        lt_json_put_key(w, "name");
        lt_json_put_string(w, t->name);
        lt_json_put_key(w, "of");
        lt_json_put_string(w, t->of);
        lt_json_put_key(w, "opposite");
        lt_json_put_string(w, t->opposite >= 0 ? c->traits[t->opposite].name : NULL);
        lt_json_end_object(w);
    }
    lt_json_end_array(w);
    put_list(w, "words", &c->words);
    lt_json_end_object(w);
    return ce_print_json(run, w);
}

int ce_info_words(struct ce_run *run)
{
    struct ce_models models = {0};
    int code = CE_OK;
    if (ce_models_open(run->ctx, &run->paths, CE_NEED_TOKENIZER, &models) != LT_OK)
        code = ce_fail(run);
    else if (!models.concepts)
        code = ce_error(run, "this model has no list of its words: there is no concepts.json "
                             "beside its CLIP file");
    else if (run->json)
        code = put_words(run, models.concepts);
    else
        print_words(models.concepts);
    ce_models_close(&models);
    return code;
}
