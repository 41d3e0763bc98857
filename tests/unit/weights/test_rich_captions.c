/* Captions of the rich world: every statement, read from the text, is true of its portrait. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "unit/suites.h"
#include "tensor/context.h"
#include "tensor/files/json_reader.h"
#include "weights/world/rich/captions.h"
#include "weights/world/rich/concepts.h"
#include "weights/world/world.h"

static bool letter(char c) { return (c >= 'a' && c <= 'z') || c == '-'; }

/* The phrase as whole words in a text, from `from` on; NULL if it is not there. */
static char *find_phrase(char *text, const char *phrase)
{
    size_t n = strlen(phrase);
    for (char *at = strstr(text, phrase); at; at = strstr(at + 1, phrase))
        if ((at == text || !letter(at[-1])) && !letter(at[n]))
            return at;
    return NULL;
}

/* The noun of a form within three words behind its adjective, before any comma; or NULL. */
static const char *noun_behind(char *text)
{
    static char word[64];
    for (int i = 0; i < 3 && *text == ' '; i++) {
        size_t n = strcspn(text + 1, " ,.");
        ck_assert_uint_lt(n, sizeof word);
        memcpy(word, text + 1, n);
        word[n] = '\0';
        for (int t = 0; t < RICH_TRAITS; t++) {
            const struct rich_trait_words *w = rich_trait_words((enum rich_trait)t);
            if (w->kind != RICH_FORM)
                continue;
            if (w->part < 0 && !strcmp(word, w->of))
                return word;
            const char *const *nouns =
                w->part < 0 ? NULL : rich_part_nouns((enum rich_part)w->part);
            for (int k = 0; nouns && k < RICH_NOUNS && nouns[k]; k++)
                if (!strcmp(word, nouns[k]))
                    return word;
        }
        text += n + 1;
    }
    return NULL;
}

static bool names(const struct rich_trait_words *w, const char *noun)
{
    if (w->part < 0)
        return !strcmp(noun, w->of);
    const char *const *nouns = rich_part_nouns((enum rich_part)w->part);
    for (int k = 0; k < RICH_NOUNS && nouns[k]; k++)
        if (!strcmp(noun, nouns[k]))
            return true;
    return false;
}

/* Checks that a form's adjective is true of the noun behind it, by a trait that has both words. */
static void check_form(const struct rich_attr *attr, char *text, const char *adjective)
{
    char *at = find_phrase(text, adjective);
    const char *noun = at ? noun_behind(at + strlen(adjective)) : NULL;
    bool known = false, right = false;
    for (int t = 0; noun && t < RICH_TRAITS; t++) {
        const struct rich_trait_words *w = rich_trait_words((enum rich_trait)t);
        for (int k = 0; w->kind == RICH_FORM && k < RICH_WORDS && w->adjectives[k]; k++)
            if (!strcmp(w->adjectives[k], adjective) && names(w, noun)) {
                known = true;
                right |= rich_truth_of(attr, (enum rich_trait)t) == RICH_YES;
            }
    }
    ck_assert_msg(!known || right, "'%s': %s %s", text, adjective, noun);
}

/* Reads a caption and compares it with the portrait. Blanks what it denies. */
static void check_caption(const struct rich_attr *attr, const char *caption)
{
    char text[RICH_CAPTION + 32];
    strcpy(text, caption);
    for (const char *c = text; *c; c++)
        ck_assert(*c >= 32 && *c < 127);

    for (int t = 0; t < RICH_TRAITS; t++) {
        const struct rich_trait_words *w = rich_trait_words((enum rich_trait)t);
        for (int k = 0; k < RICH_WORDS && w->without[k]; k++) {
            char *at = find_phrase(text, w->without[k]);
            if (!at)
                continue;
            ck_assert_msg(rich_truth_of(attr, (enum rich_trait)t) == RICH_NO, "'%s'", caption);
            memset(at, '.', strlen(w->without[k]));
        }
    }
    for (int t = 0; t < RICH_TRAITS; t++) {
        const struct rich_trait_words *w = rich_trait_words((enum rich_trait)t);
        const enum rich_truth truth = rich_truth_of(attr, (enum rich_trait)t);
        /* sunglasses are glasses, too, though captions do not call clear what is dark */
        const bool glasses = t == RICH_WITH_GLASSES && truth == RICH_UNCLEAR;
        for (int k = 0; k < RICH_WORDS && w->with[k]; k++)
            if (find_phrase(text, w->with[k]))
                ck_assert_msg(truth == RICH_YES || glasses, "'%s': %s", caption, w->with[k]);
        for (int k = 0; k < RICH_WORDS && w->adjectives[k]; k++) {
            if (w->kind == RICH_FORM)
                check_form(attr, text, w->adjectives[k]);
            else if (find_phrase(text, w->adjectives[k]))
                ck_assert_msg(truth == RICH_YES, "'%s': %s", caption, w->adjectives[k]);
        }
    }
    const bool shaved = !rich_has(attr, RICH_BEARD) && !rich_has(attr, RICH_MOUSTACHE);
    if (find_phrase(text, "man"))
        ck_assert_msg(!shaved, "'%s'", caption);
    if (find_phrase(text, "woman"))
        ck_assert_msg(shaved, "'%s'", caption);
}

START_TEST(captions_are_true)
{
    const char *const templates[] = {"a photo of a {}."};
    uint64_t rng = 13;
    int stated[RICH_TRAITS] = {0}, denied[RICH_TRAITS] = {0}, colored[RICH_PARTS] = {0};

    for (int i = 0; i < 6000; i++) {
        struct rich_attr attr;
        struct rich_said said;
        char text[RICH_CAPTION];
        rich_attr_random_any(&rng, &attr);
        ck_assert_uint_lt(
            rich_caption_templated(&attr, &rng, templates, 1, &said, text, sizeof text),
            sizeof text);
        check_caption(&attr, text);
        for (int p = 0; p < RICH_PARTS; p++) {
            if (said.color[p] < 0)
                continue;
            const char *word = world_color_word(rich_part_like((enum rich_part)p), said.color[p]);
            ck_assert_int_eq(said.color[p], attr.color_name[p]);
            ck_assert_msg(strstr(text, word) ||
                              (said.color[p] == WORLD_GRAY && strstr(text, "grey")),
                          "'%s' does not say %s", text, word);
            ck_assert(p == RICH_SKIN || rich_has(&attr, (enum rich_part)p));
            colored[p]++;
        }
        for (int t = 0; t < RICH_TRAITS; t++) {
            const enum rich_truth truth = rich_truth_of(&attr, (enum rich_trait)t);
            if (said.trait[t] > 0)
                ck_assert_msg(truth == RICH_YES, "'%s'", text);
            if (said.trait[t] < 0)
                ck_assert_msg(truth == RICH_NO, "'%s'", text);
            stated[t] += said.trait[t] > 0;
            denied[t] += said.trait[t] < 0;
        }
    }
    /* every word of the table is used */
    for (int p = 0; p < RICH_PARTS; p++)
        ck_assert_msg(colored[p] > 5, "colour of %s: %d", rich_part_name((enum rich_part)p),
                      colored[p]);
    for (int t = 0; t < RICH_TRAITS; t++) {
        const struct rich_trait_words *w = rich_trait_words((enum rich_trait)t);
        ck_assert_msg(stated[t] > 3, "%s: %d", rich_trait_name(w), stated[t]);
        ck_assert_msg(denied[t] > 3 || !w->without[0], "not %s: %d", rich_trait_name(w), denied[t]);
    }
}
END_TEST

START_TEST(captions_repeat_with_their_seed)
{
    struct rich_attr attr;
    char a[RICH_CAPTION], b[RICH_CAPTION];
    for (uint64_t seed = 0; seed < 20; seed++) {
        uint64_t one = seed, two = seed;
        rich_attr_random_any(&one, &attr);
        rich_caption(&attr, &one, NULL, a, sizeof a);
        rich_attr_random_any(&two, &attr);
        rich_caption(&attr, &two, NULL, b, sizeof b);
        ck_assert_str_eq(a, b);
    }
}
END_TEST

/* Opposites exclude each other, and both occur. */
START_TEST(opposites_exclude_each_other)
{
    uint64_t rng = 14;
    int yes[RICH_TRAITS] = {0}, no[RICH_TRAITS] = {0};
    for (int i = 0; i < 2000; i++) {
        struct rich_attr attr;
        rich_attr_random_any(&rng, &attr);
        for (int t = 0; t < RICH_TRAITS; t++) {
            const struct rich_trait_words *w = rich_trait_words((enum rich_trait)t);
            const enum rich_truth truth = rich_truth_of(&attr, (enum rich_trait)t);
            yes[t] += truth == RICH_YES;
            no[t] += truth == RICH_NO;
            if (w->opposite >= 0 && truth == RICH_YES)
                ck_assert_msg(rich_truth_of(&attr, (enum rich_trait)w->opposite) != RICH_YES,
                              "%s and its opposite", rich_trait_name(w));
        }
    }
    for (int t = 0; t < RICH_TRAITS; t++)
        ck_assert_msg(yes[t] > 10 && no[t] > 10, "%s: %d and %d of 2000",
                      rich_trait_name(rich_trait_words((enum rich_trait)t)), yes[t], no[t]);
}
END_TEST

START_TEST(single_statements)
{
    uint64_t rng = 15;
    char text[RICH_CAPTION];
    for (int i = 0; i < 300; i++) {
        struct rich_attr attr;
        rich_attr_random_any(&rng, &attr);
        for (int p = 0; p < RICH_PARTS; p++)
            if (rich_has(&attr, (enum rich_part)p)) {
                rich_caption_part(&attr, (enum rich_part)p, &rng, text, sizeof text);
                check_caption(&attr, text);
                const char *word = rich_color_word(&attr, (enum rich_part)p);
                ck_assert(strstr(text, word) || strstr(text, "grey"));
            }
        for (int t = 0; t < RICH_TRAITS; t++) {
            const enum rich_truth truth = rich_truth_of(&attr, (enum rich_trait)t);
            const size_t n = rich_caption_trait(&attr, (enum rich_trait)t, &rng, text, sizeof text);
            if (truth == RICH_UNCLEAR)
                ck_assert_uint_eq(n, 0);
            if (n > 0)
                check_caption(&attr, text);
        }
    }
}
END_TEST

START_TEST(prompts)
{
    char text[64], small[8];
    rich_prompt_color(RICH_LIPS, WORLD_GREEN, text, sizeof text);
    ck_assert_str_eq(text, "face with green lips");
    rich_prompt_color(RICH_BEARD, WORLD_ORANGE, text, sizeof text);
    ck_assert_str_eq(text, "face with an orange beard");
    rich_prompt_trait(RICH_SMILING, text, sizeof text);
    ck_assert_str_eq(text, "smiling face");
    rich_prompt_trait(RICH_CURLY_HAIR, text, sizeof text);
    ck_assert_str_eq(text, "face with curly hair");
    rich_prompt_trait(RICH_WITH_HAT, text, sizeof text);
    ck_assert_str_eq(text, "face with a hat");
    /* A buffer that is too small is filled and ended, and the length told. */
    ck_assert_uint_eq(rich_prompt_trait(RICH_WITH_HAT, small, sizeof small), strlen(text));
    ck_assert_str_eq(small, "face wi");
}
END_TEST

START_TEST(concepts_are_json)
{
    lt_ctx *ctx = NULL;
    ck_assert_int_eq(lt_ctx_create(&ctx), LT_OK);
    lt_json_writer *writer = lt_json_writer_create();
    lt_json *root = NULL;
    size_t length;
    rich_put_concepts(writer);
    const char *text = lt_json_writer_text(writer, &length);
    ck_assert_ptr_nonnull(text);
    ck_assert_int_eq(lt_json_parse(ctx, "concepts", text, length, &root), LT_OK);
    ck_assert_str_eq(lt_json_string(lt_json_get(root, "domain"), NULL), "face");
    const lt_json *kinds = lt_json_get(root, "kinds");
    ck_assert_uint_eq(lt_json_count(lt_json_get(kinds, "color")), WORLD_COLORS);
    ck_assert_uint_eq(lt_json_count(lt_json_get(kinds, "part")), RICH_PARTS);
    size_t traits = 0;
    for (size_t k = 0; k < lt_json_count(kinds); k++) {
        const lt_json *list = lt_json_at(kinds, k);
        for (size_t i = 0; i < lt_json_count(list); i++)
            traits += lt_json_get(lt_json_at(list, i), "adjectives") != NULL;
    }
    ck_assert_uint_eq(traits, RICH_TRAITS);
    const lt_json *smiling = lt_json_at(lt_json_get(kinds, "expression"), 0);
    ck_assert_str_eq(lt_json_string(lt_json_get(smiling, "opposite"), NULL), "sad");
    lt_json_free(root);
    lt_json_writer_free(writer);
    lt_ctx_destroy(ctx);
}
END_TEST

Suite *suite_rich_captions(void)
{
    Suite *s = suite_create("rich_captions");
    TCase *tc = tcase_create("rich_captions");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, captions_are_true);
    tcase_add_test(tc, captions_repeat_with_their_seed);
    tcase_add_test(tc, opposites_exclude_each_other);
    tcase_add_test(tc, single_statements);
    tcase_add_test(tc, prompts);
    tcase_add_test(tc, concepts_are_json);
    suite_add_tcase(s, tc);
    return s;
}
