/* Texts in picture files are read back, damaged ones too, and words are quoted for a shell. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "cli/console/shell.h"
#include "cli/pictures/image_texts.h"
#include "support/temp_dir.h"
#include "unit/suites.h"

static lt_ctx *ctx;

static void set_up(void)
{
    ck_assert_int_eq(lt_ctx_create(&ctx), LT_OK);
    temp_dir_make();
}

static void tear_down(void)
{
    temp_dir_remove();
    lt_ctx_destroy(ctx);
}

static const ce_image_text written[] = {{"Software", "cfedit 1"},
                                        {"Target", "m\xc3\xbc"
                                                   "de: face"},
                                        {"Command", "cfedit edit"}};

static const char *write_picture(const char *name)
{
    const char *path = temp_path(name);
    ce_image image = {0};
    ck_assert_int_eq(ce_image_create(ctx, 8, 8, &image), LT_OK);
    ck_assert_int_eq(ce_image_write(ctx, path, &image, written, 3), LT_OK);
    ce_image_free(&image);
    return path;
}

START_TEST(read_back)
{
    const char *path = write_picture(_i ? "a.jpg" : "a.png");
    struct ce_image_texts texts;
    ck_assert_int_eq(ce_image_texts_read(ctx, path, &texts), LT_OK);
    ck_assert_uint_eq(texts.count, 3);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_str_eq(texts.text[i].key, written[i].key);
        ck_assert_str_eq(texts.text[i].text, written[i].text);
    }
    ce_image_texts_free(&texts);
}
END_TEST

/* A PNG whose second chunk is replaced by `size` bytes of data. */
static size_t count_of(const char *type, const char *data, size_t size, size_t told)
{
    unsigned char file[256] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    struct ce_image_texts texts;
    file[8] = (unsigned char)(told >> 24);
    file[9] = (unsigned char)(told >> 16);
    file[10] = (unsigned char)(told >> 8);
    file[11] = (unsigned char)told;
    memcpy(file + 12, type, 4);
    memcpy(file + 16, data, size);
    temp_write(temp_path("d.png"), (const char *)file, 16 + size + 4);
    ck_assert_int_eq(ce_image_texts_read(ctx, temp_path("d.png"), &texts), LT_OK);
    const size_t count = texts.count;
    ce_image_texts_free(&texts);
    return count;
}

START_TEST(damaged)
{
    struct ce_image_texts texts;
    ck_assert_uint_eq(count_of("tEXt", "key\0text", 8, 8), 1);
    ck_assert_uint_eq(count_of("tEXt", "key\0", 4, 4), 1);
    ck_assert_uint_eq(count_of("tEXt", "key", 3, 3), 0);
    ck_assert_uint_eq(count_of("tEXt", "\0text", 5, 5), 0);
    ck_assert_uint_eq(count_of("tEXt", "", 0, 0), 0);
    ck_assert_uint_eq(count_of("tEXt", "key\0text", 8, 80), 0);
    ck_assert_uint_eq(count_of("tEXt", "key\0text", 8, 0xffffffff), 0);
    ck_assert_uint_eq(count_of("iTXt", "key\0\0\0\0\0text", 12, 12), 1);
    ck_assert_uint_eq(count_of("iTXt", "key\0\1\0\0\0text", 12, 12), 0);
    ck_assert_uint_eq(count_of("iTXt", "key\0\0\0language", 14, 14), 0);
    ck_assert_uint_eq(count_of("iTXt", "key\0", 4, 4), 0);
    ck_assert_uint_eq(count_of("zTXt", "key\0text", 8, 8), 0);
    ck_assert_int_eq(ce_image_texts_read(ctx, temp_path("none.png"), &texts), LT_ERR_IO);
    lt_ctx_clear(ctx);
}
END_TEST

START_TEST(shell_words)
{
    struct ce_run run = {0};
    ck_assert_str_eq(ce_shell_word(&run, "photos/a-1.png"), "photos/a-1.png");
    ck_assert_str_eq(ce_shell_word(&run, ""), "''");
    ck_assert_str_eq(ce_shell_word(&run, "green lips"), "'green lips'");
    ck_assert_str_eq(ce_shell_word(&run, "it's $HOME"), "'it'\\''s $HOME'");
    ck_assert_str_eq(ce_shell_option(&run, "cfedit edit", "target", "a b"),
                     "cfedit edit --target 'a b'");
    ck_assert_str_eq(ce_shell_option(&run, "cfedit edit", "json", NULL), "cfedit edit --json");
    ck_assert_ptr_null(ce_shell_option(&run, NULL, "json", NULL));
    ce_run_end(&run);
}
END_TEST

Suite *suite_recipe(void)
{
    Suite *suite = suite_create("recipe");
    TCase *tests = tcase_create("recipe");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, read_back, 0, 2);
    tcase_add_test(tests, damaged);
    tcase_add_test(tests, shell_words);
    suite_add_tcase(suite, tests);
    return suite;
}
