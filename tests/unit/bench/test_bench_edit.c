/* The benchmark's own parts: cases and settings, the file of results, means and intervals. */
#define _POSIX_C_SOURCE 200809L /* open, write */
#include <check.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "bench/edit/report.h"
#include "bench/edit/summary.h"
#include "unit/suites.h"
#include "support/temp_dir.h"

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

START_TEST(cases_are_what_they_say)
{
    const struct edit_case *c;
    int counterfactual = 0, ordinary = 0;
    for (size_t i = 0; (c = edit_case_at(i)); i++) {
        const bool natural = world_color_is_natural(c->target.part, (int)c->target.color);
        ck_assert_msg(natural == c->ordinary, "%s", c->text);
        ck_assert_ptr_nonnull(strstr(c->text, world_named(c->target.color)->name));
        *(c->ordinary ? &ordinary : &counterfactual) += 1;
        long long seeds[4];
        edit_case_seeds(c, 4000, 4, seeds);
        for (int k = 0; k < 4; k++) {
            struct world_attr attr;
            struct edit_truth truth;
            edit_attributes_of_seed(seeds[k], &attr);
            ck_assert(seeds[k] >= 4000 && (k == 0 || seeds[k] > seeds[k - 1]));
            ck_assert_msg(edit_truth_make(&attr, &c->target, &truth), "%s, seed %lld", c->text,
                          seeds[k]);
            ck_assert(!c->shows || c->shows(&attr));
        }
    }
    ck_assert_int_ge(counterfactual, 12);
    ck_assert_int_ge(ordinary, 6);
    ck_assert_int_ge(edit_suite_portraits(SUITE_METHODS), 32);
    /* Tuning and results never share a portrait, not even those passed over. */
    ck_assert_int_gt(edit_suite_first_seed(SUITE_METHODS),
                     edit_suite_first_seed(SUITE_TUNING) + 1000);
}
END_TEST

START_TEST(settings_are_right)
{
    char bad[128];
    struct ce_edit_settings s, plain;
    const struct edit_setting *setting;
    for (int suite = 0; suite < EDIT_SUITES; suite++)
        for (size_t i = 0; (setting = edit_setting_at((enum edit_suite)suite, i)); i++) {
            ck_assert_msg(edit_setting_make(setting, &s, bad, sizeof bad), "%s: %s", setting->name,
                          bad);
            ck_assert_ptr_eq(edit_setting_find((enum edit_suite)suite, setting->name), setting);
            ck_assert_ptr_nonnull(edit_setting_base(setting));
        }
    static const char *const bases[][2] = {{"the paper's objective", "cf-clip"},
                                           {"1 template", "the paper's objective"},
                                           {"mapper without text mapping", "cf-clip-mapper"},
                                           {"default, half the steps", "cf-clip"}};
    for (size_t i = 0; i < sizeof bases / sizeof bases[0]; i++)
        ck_assert_str_eq(edit_setting_base(edit_setting_find(SUITE_ABLATION, bases[i][0]))->name,
                         bases[i][1]);
    const struct edit_setting one = {"x", "cf-clip", "steps=7,negatives=on"},
                              none = {"x", "cf-clip", ""};
    ck_assert(edit_setting_make(&one, &s, bad, sizeof bad) && s.latent.steps == 7 &&
              s.latent.nce.use_negatives);
    ck_assert(edit_setting_make(&none, &plain, bad, sizeof bad));
    ck_assert(edit_setting_mark(&s) != edit_setting_mark(&plain));
    static const char *const wrong[] = {"steps",   "steps=0",   "steps=1x",
                                        "alpha=1", "nothing=1", "negatives=maybe"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const struct edit_setting w = {"x", "cf-clip", wrong[i]};
        ck_assert_msg(!edit_setting_make(&w, &s, bad, sizeof bad), "%s was taken", wrong[i]);
        ck_assert_str_eq(bad, wrong[i]);
    }
    ck_assert(!edit_setting_make(&(struct edit_setting){"x", "magic", ""}, &s, bad, sizeof bad));
}
END_TEST

static struct edit_result result_of(long long seed, bool success)
{
    struct edit_result r = {.setting = "cf-clip",
                            .target = "face with green lips",
                            .mark = 0xfedcba9876543210u,
                            .seed = seed,
                            .success = success,
                            .chosen = true,
                            .to_target = 12.5,
                            .from_source = 50.0,
                            .outside = 1.25,
                            .ssim = 0.75,
                            .psnr = 20.0,
                            .parts_kept = 0.5,
                            .readings_kept = 0.25,
                            .seconds = 3.0};
    return r;
}

/* A line of the results that was cut short counts as an edit still to be made. All other lines are
 * used. */
START_TEST(results_survive_a_stop)
{
    const int file = open(temp_path("r.jsonl"), O_WRONLY | O_CREAT | O_APPEND, 0666);
    for (long long seed = 9; seed >= 4; seed--) {
        const struct edit_result r = result_of(seed, seed % 2);
        ck_assert_int_eq(edit_results_append(ctx, file, &r), LT_OK);
    }
    static const char rest[] = "{\"setting\":\"cf-clip\",\"targ";
    ck_assert_int_eq(write(file, rest, sizeof rest - 1), (int)sizeof rest - 1);
    close(file);
    struct edit_results all;
    ck_assert_int_eq(edit_results_read(ctx, temp_path("r.jsonl"), &all), LT_OK);
    ck_assert_uint_eq(all.count, 6);
    const struct edit_result want = result_of(5, true);
    const struct edit_result *found =
        edit_results_find(&all, want.setting, want.mark, want.target, 5);
    ck_assert_ptr_nonnull(found);
    ck_assert(found->success && found->chosen && found->seed == 5);
    ck_assert_double_eq(found->to_target, 12.5);
    ck_assert_double_eq(found->ssim, 0.75);
    ck_assert_ptr_null(edit_results_find(&all, want.setting, want.mark + 1, want.target, 5));
    ck_assert_ptr_null(edit_results_find(&all, want.setting, want.mark, want.target, 3));
    edit_results_free(&all);
    ck_assert_int_eq(edit_results_read(ctx, temp_path("none.jsonl"), &all), LT_OK);
    ck_assert_uint_eq(all.count, 0);
    edit_results_free(&all);
}
END_TEST

/* A report without results is refused, because it would overwrite one that has some. */
START_TEST(no_results_no_report)
{
    struct ce_run run = {.ctx = ctx, .quiet = true};
    const struct edit_plan plan = {.folder = temp_path("none")};
    ck_assert_int_eq(edit_report_write(&run, &plan, temp_path("")), LT_ERR_MISSING);
    ck_assert_ptr_nonnull(strstr(lt_ctx_message(ctx), "none/results.jsonl"));
    ck_assert_int_ne(access(temp_path("RESULTS.md"), F_OK), 0);
    run.ctx = NULL; /* the fixture's */
    ce_run_end(&run);
}
END_TEST

START_TEST(means_and_intervals)
{
    enum { PORTRAITS = 40 };
    struct edit_result list[PORTRAITS];
    for (int i = 0; i < PORTRAITS; i++) {
        list[i] = result_of(4000 + i, i % 4 == 0);
        list[i].outside = i;
    }
    list[7].seconds = 1000.0;
    const struct edit_results all = {list, PORTRAITS};
    struct edit_choice choice = {
        .of = {"cf-clip", list[0].mark}, .first_seed = 4000, .last_seed = 4999};
    struct edit_summary s = edit_summarise(&all, &choice);
    ck_assert_int_eq(s.count, PORTRAITS);
    ck_assert_double_eq_tol(s.mean[METRIC_SUCCESS], 25.0, 1e-9);
    ck_assert_double_eq_tol(s.mean[METRIC_OUTSIDE], 19.5, 1e-9);
    ck_assert_double_eq(s.mean[METRIC_SECONDS], 3.0);
    /* The interval of a share of 25 % among 40: about 1.96 sqrt(0.25 0.75 / 40) = 13.4 to each
     * side. */
    ck_assert_double_eq_tol(s.low[METRIC_SUCCESS], 25.0 - 13.4, 3.0);
    ck_assert_double_eq_tol(s.high[METRIC_SUCCESS], 25.0 + 13.4, 3.0);
    ck_assert_double_eq(s.low[METRIC_CHOSEN], 100.0);
    ck_assert_double_eq(s.high[METRIC_CHOSEN], 100.0);
    const struct edit_summary again = edit_summarise(&all, &choice);
    ck_assert_double_eq(s.low[METRIC_OUTSIDE], again.low[METRIC_OUTSIDE]);
    choice.last_seed = 4003;
    s = edit_summarise(&all, &choice);
    ck_assert_int_eq(s.count, 4);
    choice.ordinary = true;
    ck_assert_int_eq(edit_summarise(&all, &choice).count, 0);
    choice.target = edit_case_at(0);
    ck_assert_int_eq(edit_summarise(&all, &choice).count, 4);
    choice.of.mark++;
    ck_assert_int_eq(edit_summarise(&all, &choice).count, 0);
}
END_TEST

/* The comparison side by side shows only portraits that all compared settings have. */
START_TEST(side_by_side)
{
    enum { ONE = 9, OTHER = 4 };
    struct edit_result list[ONE + OTHER];
    for (int i = 0; i < ONE + OTHER; i++)
        list[i] = result_of(i < ONE ? 4000 + i : 4003 + 2 * (i - ONE), i < ONE ? i % 2 == 1 : true);
    for (int i = ONE; i < ONE + OTHER; i++)
        snprintf(list[i].setting, sizeof list[i].setting, "nada");
    const struct edit_results all = {list, ONE + OTHER};
    const struct edit_marked beside[2] = {{"nada", list[0].mark}, {"nada", list[0].mark + 1}};
    struct edit_choice choice = {
        .of = {"cf-clip", list[0].mark}, .beside = beside, .first_seed = 4000, .last_seed = 4999};
    ck_assert_int_eq(edit_summarise(&all, &choice).count, ONE);
    choice.beside_count = 1; /* 4003, 4005, 4007; not 4009, which the first has not */
    const struct edit_summary s = edit_summarise(&all, &choice);
    ck_assert_int_eq(s.count, 3);
    ck_assert_double_eq(s.mean[METRIC_SUCCESS], 100.0);
    choice.beside_count = 2;
    ck_assert_int_eq(edit_summarise(&all, &choice).count, 0);
}
END_TEST

/* Portraits without glasses are passed over, so the first eight with glasses lie far apart. */
START_TEST(first_portraits_of_a_case)
{
    enum { PORTRAITS = 12, FIRST = 8 };
    const struct edit_case *c;
    for (size_t i = 0; (c = edit_case_at(i)) && c->target.part != WORLD_GLASSES; i++)
        ;
    ck_assert_ptr_nonnull(c);
    long long seeds[PORTRAITS];
    edit_case_seeds(c, 4000, PORTRAITS, seeds);
    ck_assert_int_gt(seeds[FIRST - 1], 4000 + FIRST - 1);
    struct edit_result list[PORTRAITS];
    for (int i = 0; i < PORTRAITS; i++) {
        list[i] = result_of(seeds[i], true);
        snprintf(list[i].target, sizeof list[i].target, "%s", c->text);
    }
    const struct edit_results all = {list, PORTRAITS};
    struct edit_choice choice = {
        .of = {"cf-clip", list[0].mark}, .first_seed = 4000, .last_seed = 4999};
    ck_assert_int_eq(edit_summarise(&all, &choice).count, PORTRAITS);
    choice.portraits = FIRST;
    ck_assert_int_eq(edit_summarise(&all, &choice).count, FIRST);
}
END_TEST

Suite *suite_bench_edit(void)
{
    Suite *suite = suite_create("bench_edit");
    TCase *tests = tcase_create("bench_edit");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, cases_are_what_they_say);
    tcase_add_test(tests, settings_are_right);
    tcase_add_test(tests, results_survive_a_stop);
    tcase_add_test(tests, no_results_no_report);
    tcase_add_test(tests, means_and_intervals);
    tcase_add_test(tests, side_by_side);
    tcase_add_test(tests, first_portraits_of_a_case);
    suite_add_tcase(suite, tests);
    return suite;
}
