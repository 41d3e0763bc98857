/* The JSON reader and writer. */
#include <check.h>
#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit/suites.h"
#include "tensor/files/json_reader.h"

static lt_ctx *ctx;

static void set_up(void) { ck_assert_int_eq(lt_ctx_create(&ctx), LT_OK); }
static void tear_down(void) { lt_ctx_destroy(ctx); }

/* Parses from a block of exactly the text's size, so that a sanitizer sees
 * every read past the end. */
static lt_status parse_bytes(const char *text, size_t length, lt_json **root)
{
    char *exact = malloc(length ? length : 1);
    memcpy(exact, text, length);
    lt_ctx_clear(ctx);
    lt_status status = lt_json_parse(ctx, "text", exact, length, root);
    free(exact);
    return status;
}

static lt_json *parse(const char *text)
{
    lt_json *root;
    ck_assert_msg(parse_bytes(text, strlen(text), &root) == LT_OK, "%s: %s", text,
                  lt_ctx_message(ctx));
    return root;
}

START_TEST(values_of_every_kind)
{
    lt_json *root =
        parse(" { \"a\" : [ 1 , -2.5e1, true,false ,null, \"x\\n\" ] , \"b\":{ } ,\"\":[]}\r\n\t");
    ck_assert_int_eq(lt_json_type(root), LT_JSON_OBJECT);
    ck_assert_uint_eq(lt_json_count(root), 3);
    const lt_json *a = lt_json_get(root, "a");
    ck_assert_int_eq(lt_json_type(a), LT_JSON_ARRAY);
    ck_assert_uint_eq(lt_json_count(a), 6);
    ck_assert_double_eq(lt_json_number(lt_json_at(a, 0), 0), 1);
    ck_assert_double_eq(lt_json_number(lt_json_at(a, 1), 0), -25);
    ck_assert(lt_json_bool(lt_json_at(a, 2), false));
    ck_assert(!lt_json_bool(lt_json_at(a, 3), true));
    ck_assert_int_eq(lt_json_type(lt_json_at(a, 4)), LT_JSON_NULL);
    ck_assert_str_eq(lt_json_string(lt_json_at(a, 5), NULL), "x\n");
    ck_assert_ptr_null(lt_json_at(a, 6));
    ck_assert_str_eq(lt_json_key(root, 0, NULL), "a");
    ck_assert_str_eq(lt_json_key(root, 1, NULL), "b");
    ck_assert_ptr_null(lt_json_key(root, 3, NULL));
    ck_assert_uint_eq(lt_json_count(lt_json_get(root, "b")), 0);
    ck_assert_int_eq(lt_json_type(lt_json_get(root, "")), LT_JSON_ARRAY);
    lt_json_free(root);
}
END_TEST

START_TEST(wrong_kinds_answer_not_there)
{
    lt_json *root = parse("[\"text\"]");
    int64_t whole;
    ck_assert_ptr_null(lt_json_get(root, "a"));
    ck_assert_ptr_null(lt_json_get(NULL, "a"));
    ck_assert_ptr_null(lt_json_at(lt_json_get(root, "a"), 0));
    ck_assert_ptr_null(lt_json_string(root, NULL));
    ck_assert_ptr_null(lt_json_key(root, 0, NULL));
    ck_assert_double_eq(lt_json_number(lt_json_at(root, 0), 7), 7);
    ck_assert(lt_json_bool(NULL, true));
    ck_assert(!lt_json_int(root, &whole));
    ck_assert_uint_eq(lt_json_count(NULL), 0);
    lt_json_free(root);
    lt_json_free(NULL);
}
END_TEST

START_TEST(integers_are_exact)
{
    static const struct {
        const char *text;
        bool whole;
        int64_t value;
    } cases[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"18446744073709551616", false, 0},
        {"9007199254740993", true, 9007199254740993},
        {"1e3", true, 1000},
        {"2.50e1", true, 25},
        {"1.5", false, 0},
        {"1e300", false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lt_json *root = parse(cases[i].text);
        int64_t value = 0;
        ck_assert_msg(lt_json_int(root, &value) == cases[i].whole, "%s", cases[i].text);
        ck_assert_msg(value == cases[i].value, "%s", cases[i].text);
        ck_assert_double_eq(lt_json_number(root, -1), strtod(cases[i].text, NULL));
        lt_json_free(root);
    }
    lt_json *root = parse("-0.0");
    ck_assert(signbit(lt_json_number(root, 1)));
    lt_json_free(root);
}
END_TEST

START_TEST(strings_are_decoded)
{
    size_t length;
    lt_json *root = parse("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20AC\\ud83d\\ude00"
                          "\xc3\xa9\xf0\x9f\x98\x80\x7f\"");
    ck_assert_str_eq(
        lt_json_string(root, &length),
        "\"\\/\b\f\n\r\tA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xc3\xa9\xf0\x9f\x98\x80\x7f");
    lt_json_free(root);
    root = parse("\"a\\u0000b\"");
    ck_assert_mem_eq(lt_json_string(root, &length), "a\0b", 4);
    ck_assert_uint_eq(length, 3);
    lt_json_free(root);
}
END_TEST

START_TEST(invalid_texts_are_refused)
{
    static const char *const texts[] = {
        "",
        " ",
        "{",
        "[",
        "]",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,",
        "{\"a\":1,}",
        "{a:1}",
        "{1:1}",
        "{\"a\" 1}",
        "{\"a\":1 \"b\":2}",
        "[1}",
        "{\"a\":1]",
        "nul",
        "nulll",
        "True",
        "tru",
        "+1",
        "-",
        ".5",
        "1.",
        "1.e3",
        "1e",
        "1e+",
        "01",
        "-01",
        "0x10",
        "1e999",
        "-1e999",
        "NaN",
        "Infinity",
        "1 2",
        "\"",
        "\"a",
        "\"\\",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\\ud800\"",
        "\"\\ud800x\"",
        "\"\\ud800\\u0041\"",
        "\"\\ud800\\ud800\"",
        "\"\\udc00\"",
        "\"\n\"",
        "\"\x01\"",
        "\"\x80\"",
        "\"\xc0\x80\"",
        "\"\xc1\xbf\"",
        "\"\xc3\"",
        "\"\xe0\x80\x80\"",
        "\"\xed\xa0\x80\"",
        "\"\xf0\x80\x80\x80\"",
        "\"\xf4\x90\x80\x80\"",
        "\"\xf8\x88\x80\x80\x80\"",
        "\"\xe2\x82\"",
        "'a'",
        "\xef\xbb\xbf[]",
        "[1]//",
        "/**/1",
        "{\"a\":1,\"b\":2,\"a\":3}",
        "{\"a\":1,\"\\u0061\":2}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        lt_json *root;
        ck_assert_msg(parse_bytes(texts[i], strlen(texts[i]), &root) == LT_ERR_FORMAT, "%s",
                      texts[i]);
        ck_assert_ptr_null(root);
        ck_assert_ptr_nonnull(strstr(lt_ctx_message(ctx), "text: line 1, column "));
    }
    lt_json *root;
    ck_assert_int_eq(parse_bytes("[1]\0", 4, &root), LT_ERR_FORMAT);
}
END_TEST

START_TEST(errors_tell_line_and_column)
{
    lt_json *root;
    const char *text = "{\n  \"a\": 1,\n  \"b\": x\n}";
    ck_assert_int_eq(parse_bytes(text, strlen(text), &root), LT_ERR_FORMAT);
    ck_assert_str_eq(lt_ctx_message(ctx), "text: line 3, column 8: expected a value");
}
END_TEST

START_TEST(depth_and_number_of_values_are_limited)
{
    char text[2 * LT_JSON_MAX_DEPTH + 3];
    lt_json *root;
    for (int depth = LT_JSON_MAX_DEPTH; depth <= LT_JSON_MAX_DEPTH + 1; depth++) {
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        bool fits = depth <= LT_JSON_MAX_DEPTH;
        ck_assert_int_eq(parse_bytes(text, 2 * (size_t)depth, &root), fits ? LT_OK : LT_ERR_FORMAT);
        lt_json_free(root);
    }
    size_t length = 2 * (LT_JSON_MAX_VALUES + 1);
    char *many = malloc(length);
    for (size_t i = 0; i < length; i += 2)
        memcpy(many + i, "1,", 2);
    many[0] = '[';
    many[length - 1] = ']';
    many[1] = ' ';
    ck_assert_int_eq(parse_bytes(many, length, &root), LT_ERR_FORMAT);
    ck_assert_ptr_nonnull(strstr(lt_ctx_message(ctx), "too many values"));
    free(many);
}
END_TEST

START_TEST(large_objects_are_searched_quickly)
{
    enum { COUNT = 50000 };
    char *text = malloc(COUNT * 24), *to = text, key[24];
    lt_json *root;
    *to++ = '{';
    for (int i = 0; i < COUNT; i++)
        to += sprintf(to, "\"key%d\":%d%s", i * 7919 % COUNT, i, i + 1 < COUNT ? "," : "}");
    ck_assert_int_eq(parse_bytes(text, (size_t)(to - text), &root), LT_OK);
    ck_assert_uint_eq(lt_json_count(root), COUNT);
    for (int i = 0; i < COUNT; i++) {
        int64_t value;
        sprintf(key, "key%d", i * 7919 % COUNT);
        ck_assert(lt_json_int(lt_json_get(root, key), &value) && value == i);
        ck_assert_str_eq(lt_json_key(root, (size_t)i, NULL), key);
    }
    ck_assert_ptr_null(lt_json_get(root, "key"));
    ck_assert_ptr_null(lt_json_get(root, "key50000"));
    lt_json_free(root);
    free(text);
}
END_TEST

START_TEST(mutations_never_crash)
{
    static const char seed[] =
        "{\"__metadata__\":{\"a\":\"\\u00e9\\ud83d\\ude00\"},\"w\":{\"dtype\":\"F32\",\"shape\":[2,3],"
        "\"data_offsets\":[0,24]},\"x\":[1.5e3,-0.25,true,null,[[]],{}]}";
    uint32_t state = 1;
    int accepted = 0;
    for (int round = 0; round < 20000; round++) {
        char text[sizeof seed];
        size_t length = sizeof seed - 1;
        memcpy(text, seed, sizeof seed);
        for (int m = 0; m < 1 + round % 3; m++) {
            state = state * 1664525u + 1013904223u;
            size_t at = (state >> 8) % length;
            if (round % 5 == 0)
                length = at + 1;
            else if (round % 5 == 1)
                text[at] = seed[(state >> 20) % (sizeof seed - 1)];
            else
                text[at] = (char)(state >> 24);
        }
        lt_json *root;
        lt_status status = parse_bytes(text, length, &root);
        ck_assert(status == LT_OK || status == LT_ERR_FORMAT);
        accepted += status == LT_OK;
        lt_json_free(root);
    }
    ck_assert_int_gt(accepted, 100);
}
END_TEST

/* ---- writer ---- */

START_TEST(writes_what_was_asked)
{
    size_t length;
    lt_json_writer *w = lt_json_writer_create();
    for (int round = 0; round < 2; round++) {
        lt_json_begin_object(w);
        lt_json_put_key(w, "a\"b");
        lt_json_begin_array(w);
        lt_json_put_int(w, INT64_MIN);
        lt_json_put_float(w, 0.1f);
        lt_json_put_double(w, 0.1);
        lt_json_put_float(w, 16777216.0f);
        lt_json_put_float(w, NAN);
        lt_json_put_double(w, -INFINITY);
        lt_json_put_bool(w, true);
        lt_json_put_null(w);
        lt_json_begin_array(w);
        lt_json_end_array(w);
        lt_json_end_array(w);
        lt_json_put_key(w, "t");
        lt_json_put_string(w, "\x01\n\t\\\xc3\xa9\xff\xed\xa0\x80/");
        lt_json_put_key(w, "n");
        lt_json_put_string(w, NULL);
        lt_json_end_object(w);
        ck_assert_str_eq(
            lt_json_writer_text(w, &length),
            "{\"a\\\"b\":[-9223372036854775808,0.1,0.1,16777216,null,null,true,null,[]],"
            "\"t\":\"\\u0001\\n\\t\\\\\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd/\","
            "\"n\":null}");
        ck_assert_uint_eq(length, strlen(lt_json_writer_text(w, NULL)));
        lt_json_writer_reset(w);
        ck_assert_ptr_null(lt_json_writer_text(w, NULL));
    }
    lt_json_writer_free(w);
    lt_json_writer_free(NULL);
}
END_TEST

START_TEST(misuse_gives_no_text)
{
    for (int kind = 0; kind < 9; kind++) {
        lt_json_writer *w = lt_json_writer_create();
        switch (kind) {
        case 0: lt_json_begin_object(w); break;
        case 1:
            lt_json_begin_object(w);
            lt_json_put_int(w, 1);
            lt_json_end_object(w);
            break;
        case 2:
            lt_json_begin_object(w);
            lt_json_put_key(w, "a");
            lt_json_end_object(w);
            break;
        case 3:
            lt_json_begin_array(w);
            lt_json_put_key(w, "a");
            lt_json_end_array(w);
            break;
        case 4:
            lt_json_begin_array(w);
            lt_json_end_object(w);
            break;
        case 5: lt_json_end_array(w); break;
        case 6:
            lt_json_put_int(w, 1);
            lt_json_put_int(w, 2);
            break;
        case 7: lt_json_put_key(w, "a"); break;
        case 8:
            for (int i = 0; i <= LT_JSON_MAX_DEPTH; i++)
                lt_json_begin_array(w);
            for (int i = 0; i <= LT_JSON_MAX_DEPTH; i++)
                lt_json_end_array(w);
            break;
        default: break;
        }
        ck_assert_msg(!lt_json_writer_text(w, NULL), "case %d", kind);
        lt_json_writer_free(w);
    }
    lt_json_put_int(NULL, 1);
    lt_json_begin_object(NULL);
    lt_json_put_key(NULL, "a");
    lt_json_end_object(NULL);
    lt_json_writer_reset(NULL);
    ck_assert_ptr_null(lt_json_writer_text(NULL, NULL));
}
END_TEST

/* Random bit patterns, written and read back. */
static void check_numbers(void)
{
    uint64_t state = 1;
    lt_json_writer *w = lt_json_writer_create();
    for (int i = 0; i < 20000; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        uint32_t low = (uint32_t)(state >> 32);
        float single;
        double number;
        memcpy(&single, &low, sizeof single);
        memcpy(&number, &state, sizeof number);
        lt_json_writer_reset(w);
        lt_json_begin_array(w);
        lt_json_put_float(w, single);
        lt_json_put_double(w, number);
        lt_json_end_array(w);
        lt_json *root = parse(lt_json_writer_text(w, NULL));
        if (isfinite(single))
            ck_assert((float)lt_json_number(lt_json_at(root, 0), 0) == single);
        if (isfinite(number))
            ck_assert(lt_json_number(lt_json_at(root, 1), 0) == number);
        lt_json_free(root);
    }
    lt_json_writer_free(w);
}

START_TEST(numbers_round_trip)
{
    check_numbers();
}
END_TEST

START_TEST(the_locale_does_not_matter)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (setlocale(LC_ALL, names[i])) {
            check_numbers();
            break;
        }
    }
    setlocale(LC_ALL, "C");
}
END_TEST

Suite *suite_json(void)
{
    Suite *s = suite_create("json");
    TCase *tc = tcase_create("json");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, values_of_every_kind);
    tcase_add_test(tc, wrong_kinds_answer_not_there);
    tcase_add_test(tc, integers_are_exact);
    tcase_add_test(tc, strings_are_decoded);
    tcase_add_test(tc, invalid_texts_are_refused);
    tcase_add_test(tc, errors_tell_line_and_column);
    tcase_add_test(tc, depth_and_number_of_values_are_limited);
    tcase_add_test(tc, large_objects_are_searched_quickly);
    tcase_add_test(tc, mutations_never_crash);
    tcase_add_test(tc, writes_what_was_asked);
    tcase_add_test(tc, misuse_gives_no_text);
    tcase_add_test(tc, numbers_round_trip);
    tcase_add_test(tc, the_locale_does_not_matter);
    suite_add_tcase(s, tc);
    return s;
}
