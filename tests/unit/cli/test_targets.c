/* The sentences of a command line, their strengths, and what --resume takes for the same edit. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "cli/inout/targets.h"
#include "unit/suites.h"

enum { WORDS_MAX = 16 };

static struct ce_run run;

static void set_up(void)
{
    memset(&run, 0, sizeof run);
    run.command = "edit";
}

static void tear_down(void) { ce_run_end(&run); }

/* Reads "edit WORD WORD ..."; words are parted by a bar. */
static int read_line(const char *line, struct ce_targets *targets)
{
    static char text[512];
    char *argv[WORDS_MAX] = {"edit"};
    int argc = 1;
    struct ce_option table[CE_TARGETS_OPTIONS];
    ce_run_end(&run);
    set_up();
    memset(targets, 0, sizeof *targets);
    ce_targets_options(targets, table);
    const struct ce_syntax syntax = {
        .usage = "TEXT", .table = table, .count = CE_TARGETS_OPTIONS, .alone = "target"};
    snprintf(text, sizeof text, "%s", line);
    for (char *word = strtok(text, "|"); word; word = strtok(NULL, "|"))
        argv[argc++] = word;
    const int status = ce_options_parse(&run, &syntax, argc, argv);
    return status == CE_PARSED ? ce_targets_settle(&run, targets) : status;
}

static uint64_t settings_of(const char *line)
{
    struct ce_targets targets;
    ck_assert_int_eq(read_line(line, &targets), CE_PARSED);
    return run.settings;
}

START_TEST(sentences_in_their_order)
{
    struct ce_targets t;
    ck_assert_int_eq(read_line("green lips", &t), CE_PARSED);
    ck_assert_int_eq(t.count, 1);
    ck_assert_str_eq(t.all[0].text, "green lips");
    ck_assert_double_eq(t.all[0].own.value[0], 1.0);
    ck_assert_int_eq(t.whole.count, 1);
    ck_assert_double_eq(t.whole.value[0], 1.0);
    ck_assert_int_eq(read_line("--target|a|b|--target=c", &t), CE_PARSED);
    ck_assert_int_eq(t.count, 3);
    ck_assert_str_eq(t.all[1].text, "b");
    ck_assert_str_eq(t.all[2].text, "c");
    ck_assert_str_eq(ce_targets_title(&run, &t), "a + b + c");
}
END_TEST

START_TEST(strengths_belong_to_what_stands_before)
{
    struct ce_targets t;
    ck_assert_int_eq(
        read_line("--strength|0,0.5,-1|--target|a|--strength|0.7|--target|b|--strength=2", &t),
        CE_PARSED);
    ck_assert_int_eq(t.whole.count, 3);
    ck_assert_double_eq(t.whole.value[2], -1.0);
    ck_assert_double_eq(t.all[0].own.value[0], 0.7);
    ck_assert_double_eq(t.all[1].own.value[0], 2.0);
    ck_assert_str_eq(ce_targets_title(&run, &t), "a (0.7) + b (2)");
    /* Behind a single sentence they are those of the whole edit. */
    ck_assert_int_eq(read_line("a|--strength|0.5,2", &t), CE_PARSED);
    ck_assert_int_eq(t.whole.count, 2);
    ck_assert_double_eq(t.whole.value[0], 0.5);
    ck_assert_int_eq(t.all[0].own.count, 1);
    ck_assert_double_eq(t.all[0].own.value[0], 1.0);
    ck_assert_str_eq(ce_targets_title(&run, &t), "a");
}
END_TEST

START_TEST(refused)
{
    static const char *const lines[] = {
        "",
        "--strength|1",
        "a|b",
        "a|--strength|1|--strength|2",
        "--strength|1|a|--strength|2",
        "a|--strength|1,2|--target|b",
        "a|--strength|1,x",
        "a|--strength|1,,2",
        "a|--strength|1,",
        "a|--strength|101",
        "a|--strength|1,2,1.0",
        "a|--strength|1,2,3,4,5,6,7,8,9,10,11,12,13",
    };
    struct ce_targets t;
    for (size_t i = 0; i < CE_COUNT(lines); i++)
        ck_assert_msg(read_line(lines[i], &t) == CE_USAGE, "'%s' is taken", lines[i]);
    ck_assert_int_eq(read_line("a|--strength|1,2,3,4,5,6,7,8,9,10,11,12", &t), CE_PARSED);
}
END_TEST

START_TEST(equal_edits_have_equal_settings)
{
    const uint64_t one = settings_of("green lips");
    ck_assert(settings_of("--target| Green  lips") == one);
    ck_assert(settings_of("green lips|--strength|1") == one);
    ck_assert(settings_of("--strength|1|green lips") == one);
    ck_assert(settings_of("green lips|--strength|2") != one);
    ck_assert(settings_of("green lips|--strength|1,2") != one);
    ck_assert(settings_of("a|--target|b") != settings_of("b|--target|a"));
    ck_assert(settings_of("a|--strength|2|--target|b") != settings_of("a|--target|b|--strength|2"));
    ck_assert(settings_of("a|--strength|2|--target|b") != settings_of("--strength|2|a|--target|b"));
}
END_TEST

Suite *suite_targets(void)
{
    Suite *suite = suite_create("targets");
    TCase *tests = tcase_create("targets");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, sentences_in_their_order);
    tcase_add_test(tests, strengths_belong_to_what_stands_before);
    tcase_add_test(tests, refused);
    tcase_add_test(tests, equal_edits_have_equal_settings);
    suite_add_tcase(suite, tests);
    return suite;
}
