/* The words of the rich world as JSON. */
#include "weights/world/rich/concepts.h"

#include "weights/world/rich/words.h"

static const char *const KIND_NAMES[RICH_KINDS] = {
    [RICH_EXPRESSION] = "expression", [RICH_AGE] = "age",   [RICH_FORM] = "form",
    [RICH_THING] = "thing",           [RICH_VIEW] = "view",
};

static void put_text(lt_json_writer *w, const char *key, const char *value)
{
    lt_json_put_key(w, key);
    lt_json_put_string(w, value);
}

/* The first `most` words of a list at most; it ends with NULL if it is shorter. */
static void put_list(lt_json_writer *w, const char *key, const char *const *words, int most)
{
    lt_json_put_key(w, key);
    lt_json_begin_array(w);
    for (int i = 0; i < most && words[i]; i++)
        lt_json_put_string(w, words[i]);
    lt_json_end_array(w);
}

static void put_colors(lt_json_writer *w)
{
    lt_json_put_key(w, "color");
    lt_json_begin_array(w);
    for (int c = 0; c < WORLD_COLORS; c++)
        lt_json_put_string(w, world_named((enum world_color)c)->name);
    lt_json_end_array(w);
}

static void put_part(lt_json_writer *w, enum rich_part part)
{
    const char *const *nouns = rich_part_nouns(part);

    lt_json_begin_object(w);
    put_text(w, "name", nouns[0]);
    lt_json_put_key(w, "plural");
    lt_json_put_bool(w, !rich_noun_singular(part, nouns[0]));
    lt_json_put_key(w, "counted");
    lt_json_put_bool(w, rich_noun_counted(part, nouns[0]));
    put_list(w, "names", nouns, RICH_NOUNS);
    lt_json_put_key(w, "natural");
    lt_json_begin_array(w);
    for (int id = 0; id < world_color_count(rich_part_like(part)); id++)
        if (rich_color_is_natural(part, id))
            lt_json_put_string(w, world_color_word(rich_part_like(part), id));
    lt_json_end_array(w);
    lt_json_end_object(w);
}

static void put_trait(lt_json_writer *w, const struct rich_trait_words *t)
{
    lt_json_begin_object(w);
    put_text(w, "name", rich_trait_name(t));
    if (t->kind == RICH_FORM)
        put_text(w, "of", rich_form_noun(t));
    if (t->opposite >= 0)
        put_text(w, "opposite", rich_trait_name(rich_trait_words((enum rich_trait)t->opposite)));
    put_list(w, "adjectives", t->adjectives, RICH_WORDS);
    put_list(w, "with", t->with, RICH_WORDS);
    put_list(w, "without", t->without, RICH_WORDS);
    lt_json_end_object(w);
}

void rich_put_concepts(lt_json_writer *w)
{
    lt_json_begin_object(w);
    lt_json_put_key(w, "version");
    lt_json_put_int(w, 1);
    put_text(w, "domain", "face");
    lt_json_put_key(w, "kinds");
    lt_json_begin_object(w);
    put_colors(w);
    lt_json_put_key(w, "part");
    lt_json_begin_array(w);
    for (int p = 0; p < RICH_PARTS; p++)
        put_part(w, (enum rich_part)p);
    lt_json_end_array(w);
    for (int kind = 0; kind < RICH_KINDS; kind++) {
        lt_json_put_key(w, KIND_NAMES[kind]);
        lt_json_begin_array(w);
        for (int t = 0; t < RICH_TRAITS; t++) {
            const struct rich_trait_words *words = rich_trait_words((enum rich_trait)t);
            if (words->kind == (enum rich_kind)kind)
                put_trait(w, words);
        }
        lt_json_end_array(w);
    }
    lt_json_end_object(w);
    lt_json_end_object(w);
}
