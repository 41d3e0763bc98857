/* Progress: the text of its line, and a rate that leaves out the time before the first step. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/console/report.h"
#include "unit/suites.h"
#include "support/temp_dir.h"

static const struct ce_run loud, quiet = {.quiet = true};

/* Sets the clock of the progress back, as if the last step had been `seconds` earlier. */
static void wait_for(struct ce_progress *p, double seconds)
{
    p->begun -= seconds;
    p->stepped -= seconds;
    p->shown -= seconds;
}

START_TEST(stages_are_no_part_of_the_rate)
{
    struct ce_progress p;
    ce_progress_begin(&p, &quiet, "editing", "steps", 8);
    const double begun = p.begun;
    wait_for(&p, 100.0);
    ce_progress_stage(&p, "looking");
    ce_progress_step(&p, 1, NULL);
    ck_assert_int_eq(p.skipped, 1);
    ck_assert_double_ge(p.begun, begun);
    for (int i = 2; i <= 5; i++) {
        wait_for(&p, 2.0);
        ce_progress_step(&p, i, NULL);
    }
    ck_assert_int_eq(p.skipped, 1);
    ck_assert_double_eq_tol((p.stepped - p.begun) / (double)(p.done - p.skipped), 2.0, 0.1);
    /* The next picture's. */
    wait_for(&p, 50.0);
    ce_progress_stage(&p, "looking");
    wait_for(&p, 50.0);
    ce_progress_step(&p, 6, NULL);
    ck_assert_int_eq(p.skipped, 2);
    ck_assert_double_eq_tol((p.stepped - p.begun) / (double)(p.done - p.skipped), 2.0, 0.1);
    ce_progress_end(&p);
}
END_TEST

START_TEST(line)
{
    char text[512] = "";
    struct ce_progress p;
    const char *path = temp_path("stderr");
    const int kept = dup(STDERR_FILENO), file = open(path, O_CREAT | O_TRUNC | O_RDWR, 0600);
    ck_assert_int_ge(file, 0);
    fflush(stderr);
    ck_assert_int_ge(dup2(file, STDERR_FILENO), 0);
    ce_progress_begin(&p, &loud, "editing", "steps", 4);
    wait_for(&p, 10.0);
    ce_progress_stage(&p, "looking");
    ce_progress_step(&p, 1, "loss 2");
    wait_for(&p, 10.0);
    ce_progress_step(&p, 2, "loss 1");
    ce_progress_end(&p);
    fflush(stderr);
    dup2(kept, STDERR_FILENO);
    close(kept);
    ck_assert_int_gt(pread(file, text, sizeof text - 1, 0), 0);
    close(file);
    ck_assert_str_eq(
        text, "editing: 0/4 steps, looking\nediting: 2/4 steps, 10.0 s each, 20s left, loss 1\n");
}
END_TEST

Suite *suite_report(void)
{
    Suite *suite = suite_create("report");
    TCase *tcase = tcase_create("progress");
    tcase_add_checked_fixture(tcase, temp_dir_make, temp_dir_remove);
    tcase_add_test(tcase, stages_are_no_part_of_the_rate);
    tcase_add_test(tcase, line);
    suite_add_tcase(suite, tcase);
    return suite;
}
