/* The tokenizer: its rules with small vocabularies, damaged merge lists, and
 * the published ids with the published vocabulary. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "nn/text/tokenizer.h"
#include "support/skip.h"

static lt_ctx *ctx;

static void setup(void) { ck_assert_int_eq(lt_ctx_create(&ctx), LT_OK); }

static void teardown(void) { lt_ctx_destroy(ctx); }

/* Fails with `status` and a message that contains `part`; clears it. */
static void assert_failed(lt_status got, lt_status status, const char *part)
{
    ck_assert_int_eq(got, status);
    ck_assert_msg(strstr(lt_ctx_message(ctx), part) != NULL, "message \"%s\" lacks \"%s\"",
                  lt_ctx_message(ctx), part);
    lt_ctx_clear(ctx);
}

static lt_tokenizer *make(const char *list)
{
    lt_tokenizer *t;
    ck_assert_msg(lt_tokenizer_create(ctx, list, strlen(list), &t) == LT_OK, "%s",
                  lt_ctx_message(ctx));
    return t;
}

/* The ids of text between start and end, as "1 2 3". */
static const char *ids_of(const lt_tokenizer *t, const char *text, char out[1024])
{
    int32_t ids[77];
    size_t count, used = 0;
    ck_assert_msg(lt_tokenize(ctx, t, text, strlen(text), ids, 77, &count) == LT_OK, "%s: %s", text,
                  lt_ctx_message(ctx));
    ck_assert_uint_ge(count, 2);
    ck_assert_int_eq(ids[0], lt_tokenizer_start(t));
    ck_assert_int_eq(ids[count - 1], lt_tokenizer_end(t));
    out[0] = '\0';
    for (size_t i = 1; i + 1 < count; i++)
        used += (size_t)snprintf(out + used, 1024 - used, i > 1 ? " %d" : "%d", (int)ids[i]);
    return out;
}

static void assert_ids(const lt_tokenizer *t, const char *text, const char *expected)
{
    char out[1024];
    ck_assert_msg(strcmp(ids_of(t, text, out), expected) == 0, "\"%s\" gives %s, not %s", text, out,
                  expected);
}

static void assert_same(const lt_tokenizer *t, const char *text, const char *plain)
{
    char expected[1024];
    assert_ids(t, text, ids_of(t, plain, expected));
}

/* Without merges every byte is a token; the last of a word is 256 higher. */
START_TEST(bytes_and_specials)
{
    lt_tokenizer *t = make("#version: 0.2\n");
    ck_assert_uint_eq(lt_tokenizer_vocab_size(t), 514);
    ck_assert_int_eq(lt_tokenizer_start(t), 512);
    ck_assert_int_eq(lt_tokenizer_end(t), 513);
    assert_ids(t, "", "");
    assert_ids(t, "ab", "64 321");
    assert_ids(t, "!~", "0 349");
    assert_ids(t, "\xC2\xA1\xC3\xBF", "126 350 127 379"); /* U+00A1, U+00FF: other, letter */
    assert_ids(t, "<|startoftext|>a<|ENDOFTEXT|>", "512 320 513");
    lt_tokenizer_free(t);
}
END_TEST

START_TEST(word_pattern)
{
    lt_tokenizer *t = make("#version: 0.2\n");
    assert_same(t, "it's", "it 's");
    assert_same(t, "we'LLb", "we 'll b");
    assert_same(t, "ab12c", "ab 1 2 c");
    assert_same(t, "a?!b", "a ?! b");
    assert_same(t, "x\xC2\xB2y", "x \xC2\xB2 y");
    assert_same(t, "!'s", "!' s");
    assert_same(t,
                "a\xCD\x85"
                "b",
                "a b"); /* U+0345 belongs to no class */
    lt_tokenizer_free(t);
}
END_TEST

START_TEST(cleaning)
{
    lt_tokenizer *t = make("#version: 0.2\n");
    assert_same(t,
                " \t a\r\n\xC2\xA0"
                "b\xE3\x80\x80",
                "a b");
    assert_same(t, "AbC \xC3\x89", "abc \xC3\xA9");
    assert_same(t, "\xC4\xB0", "i\xCC\x87"); /* dotted capital I */
    /* a sigma that ends a word, and one that is the word */
    assert_same(t, "\xCE\x91\xCE\xA3 \xCE\xA3", "\xCE\xB1\xCF\x82 \xCF\x83");
    assert_same(t, "&amp;amp;amp; &lt;b&gt;", "& <b>");
    assert_same(t, "1 &lt 2 &notit; &#128; &#x41;", "1 < 2 \xC2\xACit; \xE2\x82\xAC a");
    assert_same(t, "&unknown; &;&#; &#xD800; &#1;", "&unknown ; &;&#; \xEF\xBF\xBD");
    assert_same(t, "it\xE2\x80\x99s \xE2\x80\x9Cx\xE2\x80\x9D", "it's \"x\"");
    assert_same(t, "\xEF\xAC\x83 \xEF\xBC\xA1", "ffi a");
    assert_same(t, "e\xCC\x81", "\xC3\xA9"); /* NFC */
    assert_same(t, "\xE1\x84\x80\xE1\x85\xA1\xE1\x86\xA8", "\xEA\xB0\x81");
    assert_same(t, "a\x1B[31mb\x01", "ab");
    lt_tokenizer_free(t);
}
END_TEST

START_TEST(merges_by_rank)
{
    /* ids:                               512    513    514        515 */
    lt_tokenizer *t = make("#version: 0.2\r\nb c\r\na b\r\nb c</w>\r\na bc</w>\r\n\r\n");
    ck_assert_uint_eq(lt_tokenizer_vocab_size(t), 518);
    assert_ids(t, "abcx", "64 512 343"); /* b c ranks before a b */
    assert_ids(t, "abc", "513 322");     /* a b before b c</w> */
    assert_ids(t, "bc", "514");
    lt_tokenizer_free(t);
    /* every place of a merge is done before what it makes possible */
    t = make("#version: 0.2\na a\naa aa\n");
    assert_ids(t, "aaaaaaab", "513 512 64 321");
    lt_tokenizer_free(t);
    /* two ways to spell abc: one symbol, the later id */
    t = make("#version: 0.2\na b\nab c\nb c\na bc\n");
    assert_ids(t, "abcx", "515 343");
    lt_tokenizer_free(t);
}
END_TEST

START_TEST(limits_and_errors)
{
    lt_tokenizer *t = make("#version: 0.2\n");
    int32_t ids[4];
    size_t count;
    ck_assert_int_eq(lt_tokenize(ctx, t, "a b", 3, ids, 4, &count), LT_OK);
    ck_assert_uint_eq(count, 4);
    assert_failed(lt_tokenize(ctx, t, "a b c", 5, ids, 4, &count), LT_ERR_SHAPE, "5 tokens");
    ck_assert_uint_eq(count, 5);
    assert_failed(lt_tokenize(ctx, t, "a", 1, NULL, 0, &count), LT_ERR_SHAPE, "limit is 0");
    ck_assert_uint_eq(count, 3);
    assert_failed(lt_tokenize(ctx, t, "ab\xFF", 3, ids, 4, &count), LT_ERR_FORMAT, "byte 2");
    assert_failed(lt_tokenize(ctx, t, "\xC0\x80", 2, ids, 4, &count), LT_ERR_FORMAT, "byte 0");
    assert_failed(lt_tokenize(ctx, t, "\xED\xA0\x80", 3, ids, 4, NULL), LT_ERR_FORMAT, "byte 0");
    assert_failed(lt_tokenize(ctx, t, "a\xE2\x82", 3, ids, 4, NULL), LT_ERR_FORMAT, "byte 1");
    assert_failed(lt_tokenize(ctx, t, NULL, 3, ids, 4, NULL), LT_ERR_ARGUMENT, "text");
    assert_failed(lt_tokenize(ctx, NULL, "a", 1, ids, 4, NULL), LT_ERR_ARGUMENT, "tokenizer");
    assert_failed(lt_tokenize(ctx, t, "a", 1, NULL, 4, NULL), LT_ERR_ARGUMENT, "ids");
    lt_tokenizer_free(t);
    lt_tokenizer_free(NULL);
}
END_TEST

/* One word of a million letters, and a word longer than the limit. */
START_TEST(long_texts)
{
    lt_tokenizer *t = make("#version: 0.2\na a\naa aa\n");
    const size_t len = LT_TOKENIZER_MAX_TEXT;
    char *text = malloc(len + 1);
    size_t count;
    memset(text, 'a', len + 1);
    assert_failed(lt_tokenize(ctx, t, text, len, NULL, 0, &count), LT_ERR_SHAPE, "limit");
    /* the last two letters stay apart: a word's last symbol is another one */
    ck_assert_uint_eq(count, 2 + (len - 4) / 4 + 3);
    assert_failed(lt_tokenize(ctx, t, text, len + 1, NULL, 0, &count), LT_ERR_SHAPE, "bytes");
    free(text);
    lt_tokenizer_free(t);
}
END_TEST

START_TEST(damaged_lists)
{
    static const struct {
        const char *list, *message;
    } bad[] = {
        {"", "#version"},
        {"a b\n", "#version"},
        {"#version\na\n", "line 2"},
        {"#version\na b c\n", "line 2"},
        {"#version\na b\n\na c\n", "line 3"},
        {"#version\n a b\n", "line 2"},
        {"#version\na b \n", "line 2"},
        {"#version\na b\nx abc\n", "line 3"},
        {"#version\na \xFF\n", "line 2"},
        {"#version\na b\nb c\na b\n", "repeats"},
        {"\x1F\x8B\x08", "cut off"},
        {"\x1F\x8Bxxxxxxxxxxxxxxxxx", "gzip"},
    };
    lt_tokenizer *t;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_failed(lt_tokenizer_create(ctx, bad[i].list, strlen(bad[i].list), &t), LT_ERR_FORMAT,
                      bad[i].message);
        ck_assert_ptr_null(t);
    }
    assert_failed(lt_tokenizer_create(ctx, NULL, 0, &t), LT_ERR_ARGUMENT, "NULL");
    assert_failed(lt_tokenizer_open(ctx, "tests/no such file", &t), LT_ERR_IO, "no such file");
    assert_failed(lt_tokenizer_open(ctx, ".", &t), LT_ERR_IO, "cannot read");
}
END_TEST

/* gzip of `bytes` bytes; *packed is the length. */
static unsigned char *gzip(const void *data, size_t bytes, size_t *packed)
{
    z_stream z = {0};
    ck_assert_int_eq(deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    size_t cap = deflateBound(&z, bytes);
    unsigned char *out = malloc(cap + 1);
    z.next_in = (z_const Bytef *)data;
    z.avail_in = (uInt)bytes;
    z.next_out = out;
    z.avail_out = (uInt)cap;
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    *packed = cap - z.avail_out;
    deflateEnd(&z);
    return out;
}

START_TEST(gzip_lists)
{
    static const char list[] = "#version: 0.2\na b\nab c</w>\n";
    size_t packed;
    unsigned char *gz = gzip(list, sizeof list - 1, &packed);
    lt_tokenizer *t;
    ck_assert_int_eq(lt_tokenizer_create(ctx, gz, packed, &t), LT_OK);
    assert_ids(t, "abc", "513");
    lt_tokenizer_free(t);
    for (size_t n = 2; n < packed; n++)
        assert_failed(lt_tokenizer_create(ctx, gz, n, &t), LT_ERR_FORMAT, "cut off");
    gz[packed] = 0;
    assert_failed(lt_tokenizer_create(ctx, gz, packed + 1, &t), LT_ERR_FORMAT, "follow");
    gz[packed - 6] ^= 1;
    assert_failed(lt_tokenizer_create(ctx, gz, packed, &t), LT_ERR_FORMAT, "damaged");
    free(gz);

    char *zeros = calloc(1, LT_TOKENIZER_MAX_LIST + 1);
    gz = gzip(zeros, LT_TOKENIZER_MAX_LIST + 1, &packed);
    assert_failed(lt_tokenizer_create(ctx, gz, packed, &t), LT_ERR_FORMAT, "unpacks to more");
    assert_failed(lt_tokenizer_create(ctx, zeros, LT_TOKENIZER_MAX_LIST + 1, &t), LT_ERR_FORMAT,
                  "limit");
    free(gz);
    free(zeros);
}
END_TEST

START_TEST(training)
{
    static const char *const texts[] = {"low low low low low", "lower lower",
                                        "NEWEST newest newest newest newest newest",
                                        "widest widest widest"};
    char *list, *again;
    size_t bytes, again_bytes;
    ck_assert_int_eq(lt_bpe_train(ctx, texts, 4, 4, &list, &bytes), LT_OK);
    ck_assert_str_eq(list, "#version: 0.2\ne s\nes t</w>\nl o\nn e\n");
    ck_assert_uint_eq(bytes, strlen(list));
    free(list);

    /* it stops where nothing occurs twice; equal texts give equal lists */
    ck_assert_int_eq(lt_bpe_train(ctx, texts, 4, 1000, &list, &bytes), LT_OK);
    ck_assert_int_eq(lt_bpe_train(ctx, texts, 4, 1000, &again, &again_bytes), LT_OK);
    ck_assert_str_eq(list, again);
    lt_tokenizer *t = make(list);
    ck_assert_uint_lt(lt_tokenizer_vocab_size(t), 514 + 40);
    int32_t ids[3];
    size_t count;
    ck_assert_int_eq(lt_tokenize(ctx, t, "Newest", 6, ids, 3, &count), LT_OK); /* one token */
    lt_tokenizer_free(t);
    free(list);
    free(again);

    ck_assert_int_eq(lt_bpe_train(ctx, NULL, 0, 10, &list, &bytes), LT_OK);
    ck_assert_str_eq(list, "#version: 0.2\n");
    free(list);
    static const char *const bad[] = {"fine", "b\xFF"};
    assert_failed(lt_bpe_train(ctx, bad, 2, 1, &list, &bytes), LT_ERR_FORMAT, "byte 1");
    ck_assert_ptr_null(list);
    assert_failed(lt_bpe_train(ctx, texts, 4, LT_TOKENIZER_MAX_MERGES + 1, &list, &bytes),
                  LT_ERR_ARGUMENT, "limit");
}
END_TEST

/* Undoes \\ and \xHH in place; returns the length. */
static size_t unescape(char *s)
{
    size_t n = 0;
    for (const char *p = s; *p;) {
        if (*p != '\\') {
            s[n++] = *p++;
        } else if (p[1] == 'x') {
            char hex[3] = {p[2], p[3], '\0'};
            s[n++] = (char)strtoul(hex, NULL, 16);
            p += 4;
        } else {
            s[n++] = '\\';
            p += 2;
        }
    }
    return n;
}

START_TEST(published_ids)
{
    const char *path = test_merge_list(__func__);
    if (!path)
        return;
    lt_tokenizer *t;
    ck_assert_msg(lt_tokenizer_open(ctx, path, &t) == LT_OK, "%s", lt_ctx_message(ctx));
    ck_assert_uint_eq(lt_tokenizer_vocab_size(t), 49408);

    FILE *file = fopen("tests/data/tokenizer.tsv", "r");
    ck_assert_msg(file != NULL, "tests/data/tokenizer.tsv is not there: run from the source root");
    char line[8192];
    int texts = 0;
    while (fgets(line, sizeof line, file)) {
        if (line[0] == '#' && line[1] == ' ')
            continue;
        line[strcspn(line, "\n")] = '\0';
        char *text = strchr(line, '\t');
        char *want = text ? strchr(text + 1, '\t') : NULL;
        ck_assert_ptr_nonnull(want);
        *text++ = *want++ = '\0';
        size_t len = unescape(text), count;
        int32_t ids[77];
        lt_status status = lt_tokenize(ctx, t, text, len, ids, 77, &count);
        unsigned long too_long;
        if (sscanf(want, "too long %lu", &too_long) == 1) {
            assert_failed(status, LT_ERR_SHAPE, "limit is 77");
            ck_assert_uint_eq(count, too_long);
        } else {
            ck_assert_msg(status == LT_OK, "%s: \"%s\": %s", line, text, lt_ctx_message(ctx));
            for (size_t i = 0; i < count; i++)
                ck_assert_msg(strtol(want, &want, 10) == ids[i], "%s: \"%s\": id %zu is %d", line,
                              text, i, (int)ids[i]);
            ck_assert_msg(*want == '\0', "%s: \"%s\": more ids expected:%s", line, text, want);
        }
        texts++;
    }
    fclose(file);
    ck_assert_int_eq(texts, 235);
    lt_tokenizer_free(t);
}
END_TEST

static void assert_words(const char *text, const char *expected)
{
    char *words;
    ck_assert_int_eq(lt_text_words(ctx, text, strlen(text), &words), LT_OK);
    ck_assert_str_eq(words, expected);
    free(words);
}

/* Texts whose tokens are the same have the same words, and the words have the tokens of the text.
 */
START_TEST(words_of_texts)
{
    static const char *const texts[] = {
        "it's 12 o'clock!!", "Caf\xC3\xA9 -- <|endoftext|>x", "lips.", "a&amp;b", "don't",
        "J\xCC\x8C"};
    assert_words("face with green lips", "face with green lips");
    assert_words("  Face with  GREEN lips\n", "face with green lips");
    assert_words("face with green \xEF\xBD\x8C\xEF\xBD\x89\xEF\xBD\x90\xEF\xBD\x93&nbsp;",
                 "face with green lips");
    assert_words("green lips.", "green lips .");
    assert_words("green lips . ", "green lips .");
    assert_words("it's 12", "it 's 1 2");
    assert_words(" \t&nbsp;", "");
    lt_tokenizer *t = make("#version: 0.2\n");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char *words;
        ck_assert_int_eq(lt_text_words(ctx, texts[i], strlen(texts[i]), &words), LT_OK);
        assert_same(t, texts[i], words);
        free(words);
    }
    char *words = NULL;
    assert_failed(lt_text_words(ctx, "caf\351", 4, &words), LT_ERR_FORMAT, "byte 3");
    ck_assert_ptr_null(words);
    lt_tokenizer_free(t);
}
END_TEST

Suite *suite_tokenizer(void)
{
    Suite *suite = suite_create("tokenizer");
    TCase *tc = tcase_create("tokenizer");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, bytes_and_specials);
    tcase_add_test(tc, word_pattern);
    tcase_add_test(tc, cleaning);
    tcase_add_test(tc, words_of_texts);
    tcase_add_test(tc, merges_by_rank);
    tcase_add_test(tc, limits_and_errors);
    tcase_add_test(tc, long_texts);
    tcase_add_test(tc, damaged_lists);
    tcase_add_test(tc, gzip_lists);
    tcase_add_test(tc, training);
    tcase_add_test(tc, published_ids);
    suite_add_tcase(suite, tc);
    return suite;
}
