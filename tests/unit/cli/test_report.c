/* Progress: the text of its line, and a rate that leaves out the time before the first step. Stops:
 * a signal that asks for one. */
#define _POSIX_C_SOURCE 200809L /* kill, nanosleep */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/console/report.h"
#include "cli/console/stop.h"
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

/* Fills a pipe without waiting for its reader. */
static void fill(int fd)
{
    static const char bytes[4096];
    const int flags = fcntl(fd, F_GETFL);
    ck_assert_int_eq(fcntl(fd, F_SETFL, flags | O_NONBLOCK), 0);
    while (write(fd, bytes, sizeof bytes) > 0)
        ;
    ck_assert_int_eq(errno, EAGAIN);
    ck_assert_int_eq(fcntl(fd, F_SETFL, flags), 0);
}

/* In a process of its own: asks the parent to stop while it waits for room in the pipe, and then
 * reads the pipe to its end. */
static void stop_parent_and_read(const int fd[2])
{
    const struct timespec moment = {.tv_nsec = 100000000};
    char bytes[4096];
    close(fd[1]);
    nanosleep(&moment, NULL);
    kill(getppid(), SIGTERM);
    nanosleep(&moment, NULL);
    while (read(fd[0], bytes, sizeof bytes) > 0)
        ;
    _exit(0);
}

START_TEST(a_stop_leaves_a_write_whole)
{
    int fd[2], status;
    ck_assert_int_eq(pipe(fd), 0);
    fill(fd[1]);
    ce_stop_catch(true);
    const pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        stop_parent_and_read(fd);
    ck_assert_int_eq(write(fd[1], "done\n", 5), 5);
    ck_assert(ce_stop_asked());
    ce_stop_catch(false);
    close(fd[0]);
    close(fd[1]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
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
    tcase = tcase_create("stop");
    tcase_add_test(tcase, a_stop_leaves_a_write_whole);
    suite_add_tcase(suite, tcase);
    return suite;
}
