/* The words of a model, the wishes of a sentence, and the contrasts that follow from them. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "engine/sentence/completion.h"
#include "engine/sentence/contrasts.h"
#include "engine/sentence/wishes.h"
#include "support/nn_check.h"
#include "support/temp_dir.h"

Suite *suite_sentence(void);

static const char words[] =
    "{\"version\": 1, \"domain\": \"face\", \"kinds\": {"
    " \"color\": [\"red\", \"green\", \"orange\", \"gray\"],"
    " \"part\": [{\"name\": \"lips\", \"names\": [\"lips\", \"lipstick\"]},"
    "  {\"name\": \"hat\", \"counted\": true, \"names\": [\"hat\"]},"
    "  {\"name\": \"eyes\", \"names\": [\"eyes\", \"whites of the eyes\"]}],"
    " \"expression\": ["
    "  {\"name\": \"smiling\", \"opposite\": \"sad\", \"adjectives\": [\"smiling\", \"happy\"],"
    "   \"with\": [\"a smile\"], \"without\": [\"not smiling\"]},"
    "  {\"name\": \"sad\", \"opposite\": \"smiling\", \"adjectives\": [\"sad\"]},"
    "  {\"name\": \"surprised\", \"adjectives\": [\"surprised\"]}],"
    " \"form\": ["
    "  {\"name\": \"long\", \"of\": \"hair\", \"opposite\": \"short\", \"adjectives\": [\"long\"]},"
    "  {\"name\": \"long\", \"of\": \"nose\", \"opposite\": \"short\", \"adjectives\": [\"long\"]},"
    "  {\"name\": \"short\", \"of\": \"hair\", \"opposite\": \"long\", \"adjectives\": [\"short\"]},"
    "  {\"name\": \"short\", \"of\": \"nose\", \"opposite\": \"long\", \"adjectives\": [\"short\"]}],"
    " \"thing\": [{\"name\": \"a beard\", \"with\": [\"a beard\", \"a full beard\"],"
    "  \"without\": [\"without a beard\", \"clean shaven\"]}]},"
    " \"words\": [\"a\", \"face\", \"with\", \"green\", \"lips\", \"beard\"]}";

static lt_ctx *ctx;
static struct ce_concepts *concepts;

static const char *write_words(const char *text)
{
    const char *path = temp_path("concepts.json");
    temp_write(path, text, strlen(text));
    return path;
}

static void set_up(void)
{
    ck_assert_int_eq(lt_ctx_create(&ctx), LT_OK);
    temp_dir_make();
    ck_assert_int_eq(ce_concepts_load(ctx, write_words(words), &concepts), LT_OK);
}

static void tear_down(void)
{
    ce_concepts_free(concepts);
    temp_dir_remove();
    lt_ctx_destroy(ctx);
}

START_TEST(file)
{
    ck_assert_str_eq(concepts->domain, "face");
    ck_assert_int_eq(concepts->colors.count, 4);
    ck_assert_int_eq(concepts->part_count, 3);
    ck_assert(concepts->parts[1].counted && !concepts->parts[0].counted);
    ck_assert_int_eq(concepts->trait_count, 8);
    ck_assert_int_eq(concepts->traits[0].opposite, 1);
    ck_assert_int_eq(concepts->traits[2].opposite, -1);
    /* Opposites of one name are told apart by their noun. */
    ck_assert_int_eq(concepts->traits[3].opposite, 5);
    ck_assert_int_eq(concepts->traits[4].opposite, 6);
    ck_assert_int_eq(concepts->words.count, 6);
}
END_TEST

START_TEST(bad_files)
{
    static const struct {
        const char *text, *message;
    } bad[] = {
        {"{", "line"},
        {"[]", "no 'kinds'"},
        {"{\"kinds\": []}", "no 'kinds'"},
        {"{\"version\": 2, \"kinds\": {}}", "later version"},
        {"{\"kinds\": {\"color\": \"red\"}}", "'color' is not a list"},
        {"{\"kinds\": {\"color\": [1]}}", "not a word"},
        {"{\"kinds\": {\"color\": [\"\"]}}", "not a word"},
        {"{\"kinds\": {\"part\": [{\"names\": [\"hair\"]}]}}", "part without a name"},
        {"{\"kinds\": {\"part\": [{\"name\": \"hair\"}]}}", "part without a name"},
        {"{\"kinds\": {\"thing\": [{\"with\": [\"a hat\"]}]}}", "has no name"},
        {"{\"kinds\": {\"thing\": [{\"name\": \"x\", \"with\": 3}]}}", "'with' is not a list"},
        {"{\"kinds\": {\"age\": [{\"name\": \"old\", \"opposite\": \"new\"}]}}", "'new'"},
        {"{\"kinds\": {}, \"words\": {}}", "'words' is not a list"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct ce_concepts *c = concepts;
        ck_assert_int_eq(ce_concepts_load(ctx, write_words(bad[i].text), &c), LT_ERR_FORMAT);
        ck_assert_ptr_null(c);
        ck_assert_msg(strstr(lt_ctx_message(ctx), bad[i].message) &&
                          strstr(lt_ctx_message(ctx), "concepts.json"),
                      "%s: %s", bad[i].text, lt_ctx_message(ctx));
        lt_ctx_clear(ctx);
    }
}
END_TEST

/* The wishes of a sentence as text: "color part", "trait", "!trait"; joined by "; ". */
static void check_wishes(const char *text, const char *expected)
{
    struct ce_sentence s;
    char told[256] = "";
    ck_assert_int_eq(ce_sentence_read(ctx, concepts, text, &s), LT_OK);
    for (int i = 0; i < s.wish_count; i++) {
        const struct ce_wish *w = &s.wish[i];
        char one[64];
        if (w->color >= 0)
            snprintf(one, sizeof one, "%s %s", concepts->colors.text[w->color],
                     w->part >= 0 ? concepts->parts[w->part].name : "?");
        else
            snprintf(one, sizeof one, "%s%s%s%s", w->denied ? "!" : "",
                     concepts->traits[w->trait].name, concepts->traits[w->trait].of ? " " : "",
                     concepts->traits[w->trait].of ? concepts->traits[w->trait].of : "");
        snprintf(told + strlen(told), sizeof told - strlen(told), "%s%s", i ? "; " : "", one);
    }
    ck_assert_str_eq(told, expected);
    ce_sentence_free(&s);
}

START_TEST(wishes)
{
    check_wishes("face with green lips", "green lips");
    check_wishes("  Face with GREEN\tlipstick!", "green lips");
    check_wishes("a grey dog", "gray ?");
    check_wishes("red whites of the eyes", "red eyes");
    check_wishes("a smiling face with red lips and a green hat", "smiling; red lips; green hat");
    check_wishes("face with long hair", "long hair");
    check_wishes("face with a long nose", "long nose");
    check_wishes("a long face", "");
    check_wishes("face with a full beard", "a beard");
    check_wishes("face without a beard", "!a beard");
    check_wishes("a face that is not smiling", "!smiling");
    check_wishes("zombie", "");
    check_wishes("", "");
    check_wishes("red red red red red red red red red red",
                 "red ?; red ?; red ?; red ?; red ?; red ?; red ?; red ?");
}
END_TEST

START_TEST(without_words_there_are_no_wishes)
{
    struct ce_sentence s;
    ck_assert_int_eq(ce_sentence_read(ctx, NULL, "face with green lips", &s), LT_OK);
    ck_assert_int_eq(s.wish_count, 0);
    ck_assert_int_eq(s.count, 4);
    ck_assert_int_eq(ce_sentence_unknown(NULL, &s, 0), -1);
    ce_sentence_free(&s);
    ck_assert_int_eq(ce_sentence_read(ctx, concepts, "\xFF", &s), LT_ERR_FORMAT);
    ce_sentence_free(&s);
}
END_TEST

START_TEST(unknown_words)
{
    struct ce_sentence s;
    ck_assert_int_eq(ce_sentence_read(ctx, concepts, "Zombie, with green lips. 人", &s), LT_OK);
    const int first = ce_sentence_unknown(concepts, &s, 0);
    const int second = ce_sentence_unknown(concepts, &s, first + 1);
    ck_assert_int_eq(first, 0);
    ck_assert_int_eq(second, s.count - 1);
    ck_assert_int_eq(ce_sentence_unknown(concepts, &s, second + 1), -1);
    ce_sentence_free(&s);
}
END_TEST

static void check_alone(const char *text, int wish, const char *expected)
{
    struct ce_sentence s;
    ck_assert_int_eq(ce_sentence_read(ctx, concepts, text, &s), LT_OK);
    ck_assert_int_gt(s.wish_count, wish);
    char *alone = ce_wishes_told(ctx, concepts, &s, wish, wish + 1, "face");
    ck_assert_str_eq(alone, expected);
    free(alone);
    ce_sentence_free(&s);
}

START_TEST(wishes_alone)
{
    const char *both = "a smiling man with green lips, an orange hat, long hair, without a beard";
    check_alone(both, 0, "smiling face");
    check_alone(both, 1, "face with green lips");
    check_alone(both, 2, "face with an orange hat");
    check_alone(both, 3, "face with long hair");
    check_alone(both, 4, "face without a beard");
    check_alone("man with a full beard", 0, "face with a full beard");
}
END_TEST

/* The sentence that is made of `text`; NULL: it is taken as it is. */
static void check_completed(const char *text, const char *expected)
{
    char *told;
    ck_assert_int_eq(ce_sentence_complete(ctx, concepts, text, "face", &told), LT_OK);
    if (expected)
        ck_assert_str_eq(told, expected);
    else
        ck_assert_msg(told == NULL, "\"%s\" became \"%s\"", text, told);
    free(told);
}

START_TEST(completed)
{
    check_completed("green lips", "face with green lips");
    check_completed(" Green  LIPS", "face with green lips");
    check_completed("green lips and a red hat", "face with green lips and a red hat");
    check_completed("red eyes, green lips with a full beard",
                    "face with red eyes and green lips and a full beard");
    check_completed("smiling", "smiling face");
    check_completed("surprised with long hair", "surprised face with long hair");
    check_completed("long hair and happy", "happy face with long hair");
    check_completed("without a beard", "face without a beard");
    check_completed("green lips and without a beard", "face with green lips and without a beard");
    /* The domain is named, a word is unknown, a colour has no part, there is no wish. */
    check_completed("face with green lips", NULL);
    check_completed("green lips on a face", NULL);
    check_completed("zombie with green lips", NULL);
    check_completed("green", NULL);
    check_completed("green lips and red", NULL);
    check_completed("and", NULL);
    check_completed("", NULL);
    char *told;
    ck_assert_int_eq(ce_sentence_complete(ctx, NULL, "green lips", "face", &told), LT_OK);
    ck_assert_ptr_null(told);
    ck_assert_int_eq(ce_sentence_complete(ctx, concepts, "caf\xe9", "face", &told), LT_ERR_FORMAT);
    ck_assert_ptr_null(told);
    lt_ctx_clear(ctx);
}
END_TEST

/* The contrasts of a sentence, joined by "; ", of which `axes` differ in the wish. */
static void check_contrasts(const char *text, int axes, const char *expected)
{
    char *list[CE_CONTRASTS_MAX], told[1024] = "";
    int count, told_axes;
    ck_assert_int_eq(ce_contrasts_of(ctx, concepts, text, list, &count, &told_axes), LT_OK);
    for (int i = 0; i < count; i++) {
        snprintf(told + strlen(told), sizeof told - strlen(told), "%s%s", i ? "; " : "", list[i]);
        free(list[i]);
    }
    ck_assert_str_eq(told, expected);
    ck_assert_int_eq(told_axes, axes);
}

START_TEST(contrasts)
{
    check_contrasts("face with green lips", 3,
                    "face with red lips; face with orange lips; face with gray lips; "
                    "face with a green hat; face with green eyes");
    check_contrasts("an Orange hat.", 3,
                    "a red hat .; a green hat .; a gray hat .; orange lips .; orange eyes .");
    check_contrasts("smiling face", 1, "sad face");
    check_contrasts("face with a smile", 1, "face not smiling");
    check_contrasts("surprised face", 1, "face");
    check_contrasts("surprised", 0, "");
    check_contrasts("face with long hair", 1, "face with short hair");
    check_contrasts("face with a beard and long hair", 2,
                    "face without a beard and long hair; face with a beard and short hair");
    check_contrasts("face without a beard", 1, "face with a beard");
    check_contrasts("zombie", 0, "");
}
END_TEST

static void check_shipped(const struct ce_concepts *c, const char *text, int axes, int expected,
                          const char *first, const char *last)
{
    char *list[CE_CONTRASTS_MAX];
    int count, told_axes;
    ck_assert_int_eq(ce_contrasts_of(ctx, c, text, list, &count, &told_axes), LT_OK);
    ck_assert_msg(count == expected && told_axes == axes, "\"%s\": %d contrasts, %d axes", text,
                  count, told_axes);
    if (count > 0) {
        ck_assert_str_eq(list[0], first);
        ck_assert_str_eq(list[count - 1], last);
    }
    for (int i = 0; i < count; i++)
        free(list[i]);
}

/* The words of the model that ships. Texts with the same tokens have the same contrasts. */
START_TEST(shipped_words)
{
    struct ce_concepts *c;
    ck_assert_int_eq(ce_concepts_load(ctx, "weights/concepts.json", &c), LT_OK);
    check_shipped(c, "face with green lips", 11, 18, "face with red lips",
                  "face with a green background");
    check_shipped(c, "face with an orange shirt", 11, 18, "face with a red shirt",
                  "face with an orange background");
    check_shipped(c, "a red, red rose", 22, 22, "an orange , red rose", "a red , white rose");
    check_shipped(c, "Grey hair", 11, 18, "red hair", "a gray background");
    check_shipped(c, "a blue dog", 11, 11, "a red dog", "a white dog");
    check_shipped(c, " Face with  green \xEF\xBD\x8C\xEF\xBD\x89\xEF\xBD\x90\xEF\xBD\x93\n", 11, 18,
                  "face with red lips", "face with a green background");
    check_shipped(c, "face with green lips.", 11, 18, "face with red lips .",
                  "face with a green background .");
    check_shipped(c, "green lips and hair", 11, 18, "red lips and hair",
                  "a green background and hair");
    check_shipped(c, "a greenish reddest face", 0, 0, NULL, NULL);
    check_shipped(c, "", 0, 0, NULL, NULL);
    ce_concepts_free(c);
}
END_TEST

Suite *suite_sentence(void)
{
    Suite *suite = suite_create("sentence");
    TCase *tests = tcase_create("sentence");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, file);
    tcase_add_test(tests, bad_files);
    tcase_add_test(tests, wishes);
    tcase_add_test(tests, without_words_there_are_no_wishes);
    tcase_add_test(tests, unknown_words);
    tcase_add_test(tests, wishes_alone);
    tcase_add_test(tests, completed);
    tcase_add_test(tests, contrasts);
    tcase_add_test(tests, shipped_words);
    suite_add_tcase(suite, tests);
    return suite;
}
