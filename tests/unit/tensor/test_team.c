/* The threads of a context: each piece of work is done once, whoever does it, and nothing depends
 * on helpers that come late, never come, or are left behind by a fork. */
#include <check.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/skip.h"
#include "unit/suites.h"
#include "tensor/team.h"

enum { MOST = 4099 };

/* What a loop leaves behind: how often each index was done, and by whom. */
struct trace {
    lt_ctx *ctx;
    int threads;
    atomic_int done[MOST];
    atomic_int workers; /* a bit for each worker that came */
    atomic_int calls, bad;
};

static lt_ctx *ctx;
static struct trace trace;

static void set_up(void) { ck_assert_int_eq(lt_ctx_create(&ctx), LT_OK); }

static void tear_down(void) { lt_ctx_destroy(ctx); }

static void begin_trace(int threads)
{
    trace.ctx = ctx;
    trace.threads = threads;
    for (int i = 0; i < MOST; i++)
        atomic_store(&trace.done[i], 0);
    atomic_store(&trace.workers, 0);
    atomic_store(&trace.calls, 0);
    atomic_store(&trace.bad, 0);
}

static void note_range(void *arg, lt_range range)
{
    struct trace *t = arg;
    if (range.worker < 0 || range.worker >= t->threads || range.begin >= range.end)
        atomic_fetch_add(&t->bad, 1);
    atomic_fetch_or(&t->workers, 1 << range.worker % 16);
    atomic_fetch_add(&t->calls, 1);
    for (int64_t i = range.begin; i < range.end; i++)
        atomic_fetch_add(&t->done[i], 1);
}

/* Runs a loop over n indices and checks that each was done once, and none beyond. */
static void expect_once(int threads, int64_t n)
{
    begin_trace(threads);
    lt_for(ctx, threads, n, note_range, &trace);
    ck_assert_int_eq(atomic_load(&trace.bad), 0);
    for (int64_t i = 0; i < MOST; i++)
        ck_assert_msg(atomic_load(&trace.done[i]) == (i < n),
                      "%d threads, %lld indices: index %lld was done %d times", threads,
                      (long long)n, (long long)i, atomic_load(&trace.done[i]));
}

START_TEST(every_index_once)
{
    static const int64_t sizes[] = {0, 1, 2, 3, 7, 8, 9, 15, 17, 63, 64, 65, 127, 1000, 4096, MOST};
    for (int threads = 1; threads <= 9; threads++) {
        ck_assert_int_eq(lt_ctx_set_threads(ctx, threads), LT_OK);
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
            expect_once(threads, sizes[i]);
    }
}
END_TEST

/* More threads than the context has, and fewer. */
START_TEST(any_number_of_threads_may_be_asked_for)
{
    ck_assert_int_eq(lt_ctx_set_threads(ctx, 3), LT_OK);
    for (int threads = 1; threads <= 9; threads++)
        expect_once(threads, 1001);
}
END_TEST

static void count_worker(void *arg, int worker)
{
    struct trace *t = arg;
    if (worker < 0 || worker >= t->threads)
        atomic_fetch_add(&t->bad, 1);
    atomic_fetch_add(&t->done[worker], 1);
}

START_TEST(each_worker_comes_once_at_most)
{
    for (int threads = 1; threads <= 9; threads++) {
        ck_assert_int_eq(lt_ctx_set_threads(ctx, threads), LT_OK);
        for (int run = 0; run < 100; run++) {
            begin_trace(threads);
            lt_team_run(ctx, threads, count_worker, &trace);
            ck_assert_int_eq(atomic_load(&trace.bad), 0);
            ck_assert_int_eq(atomic_load(&trace.done[0]), 1);
            for (int i = 1; i < threads; i++)
                ck_assert_int_le(atomic_load(&trace.done[i]), 1);
        }
    }
}
END_TEST

/* Waits until a second thread has come, or five seconds. */
static void meet(void *arg, int worker)
{
    struct trace *t = arg;
    (void)worker;
    atomic_fetch_add(&t->calls, 1);
    for (int i = 0; i < 5000 && atomic_load(&t->calls) < 2; i++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static bool helper_comes(void)
{
    begin_trace(2);
    lt_team_run(ctx, 2, meet, &trace);
    return atomic_load(&trace.calls) == 2;
}

START_TEST(helpers_come)
{
    ck_assert_int_eq(lt_ctx_set_threads(ctx, 2), LT_OK);
    ck_assert(helper_comes());
    /* Long enough that the helper has gone to sleep. */
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    ck_assert(helper_comes());
}
END_TEST

static void check_alone(void *arg, lt_range range)
{
    struct trace *t = arg;
    if (range.worker != 0 || range.begin != 0 || range.end != 10)
        atomic_fetch_add(&t->bad, 1);
    atomic_fetch_add(&t->calls, 1);
}

static void loop_inside(void *arg, lt_range range)
{
    struct trace *t = arg;
    for (int64_t i = range.begin; i < range.end; i++)
        lt_for(t->ctx, 4, 10, check_alone, t);
}

START_TEST(nested_loops_run_alone)
{
    ck_assert_int_eq(lt_ctx_set_threads(ctx, 4), LT_OK);
    begin_trace(4);
    lt_for(ctx, 4, 1000, loop_inside, &trace);
    ck_assert_int_eq(atomic_load(&trace.bad), 0);
    ck_assert_int_eq(atomic_load(&trace.calls), 1000);
    expect_once(4, 1000);
}
END_TEST

/* Adds up without atomics: what the threads wrote must be visible to the caller. */
static void square(void *arg, lt_range range)
{
    int64_t *x = arg;
    for (int64_t i = range.begin; i < range.end; i++)
        x[i] = x[i] + i * i;
}

START_TEST(many_short_calls)
{
    static int64_t x[100];
    enum { RUNS = 20000 };
    ck_assert_int_eq(lt_ctx_set_threads(ctx, 4), LT_OK);
    for (int run = 0; run < RUNS; run++)
        lt_for(ctx, 4, 100, square, x);
    for (int64_t i = 0; i < 100; i++)
        ck_assert_int_eq(x[i], RUNS * i * i);
}
END_TEST

/* Pauses around the time after which threads go to sleep. */
START_TEST(calls_while_helpers_fall_asleep)
{
    static int64_t x[64];
    ck_assert_int_eq(lt_ctx_set_threads(ctx, 3), LT_OK);
    for (int run = 0; run < 500; run++) {
        lt_for(ctx, 3, 64, square, x);
        nanosleep(&(struct timespec){.tv_nsec = run * 1000}, NULL);
    }
    for (int64_t i = 0; i < 64; i++)
        ck_assert_int_eq(x[i], 500 * i * i);
}
END_TEST

START_TEST(threads_may_change)
{
    for (int run = 0; run < 50; run++) {
        const int threads = 1 + run % 5;
        ck_assert_int_eq(lt_ctx_set_threads(ctx, threads), LT_OK);
        if (run % 7 != 0) /* a team that was never used, too */
            expect_once(threads, 129);
    }
}
END_TEST

START_TEST(contexts_have_teams_of_their_own)
{
    lt_ctx *other = NULL;
    ck_assert_int_eq(lt_ctx_create(&other), LT_OK);
    ck_assert_int_eq(lt_ctx_set_threads(other, 3), LT_OK);
    ck_assert_int_eq(lt_ctx_set_threads(ctx, 3), LT_OK);
    static int64_t x[64], y[64];
    for (int run = 0; run < 200; run++) {
        lt_for(ctx, 3, 64, square, x);
        lt_for(other, 3, 64, square, y);
    }
    lt_ctx_destroy(other);
    for (int64_t i = 0; i < 64; i++)
        ck_assert_int_eq(x[i], y[i]);
}
END_TEST

START_TEST(team_without_work)
{
    lt_team_free(NULL);
    for (int threads = 1; threads <= 9; threads++) {
        lt_team *team = lt_team_create(threads);
        ck_assert_ptr_nonnull(team);
        lt_team_free(team);
    }
}
END_TEST

static void *do_nothing(void *arg) { return arg; }

/* For a child to which the system refuses every further thread. (To root it refuses none.) Exits
 * with 77 where the limit does not work. */
static void run_refused(void)
{
    const struct rlimit none = {1, 1};
    pthread_t thread;
    if ((getuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) ||
        setrlimit(RLIMIT_NPROC, &none) != 0 || pthread_create(&thread, NULL, do_nothing, NULL) == 0)
        _exit(77);
    expect_once(4, 1000);
    expect_once(4, 1000);
    if (atomic_load(&trace.workers) != 1)
        _exit(1);
    lt_ctx_destroy(ctx);
    _exit(0);
}

/* Runs a function in a forked process; returns its exit status. */
static int in_child(void (*run)(void))
{
    const pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        run();
        _exit(0);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status), "the child was ended by signal %d", WTERMSIG(status));
    return WEXITSTATUS(status);
}

START_TEST(refused_threads_are_done_without)
{
    ck_assert_int_eq(lt_ctx_set_threads(ctx, 4), LT_OK);
    const int status = in_child(run_refused);
    if (status == 77)
        test_skip(__func__, "RLIMIT_NPROC does not work here");
    else
        ck_assert_int_eq(status, 0);
}
END_TEST

static void run_forked(void)
{
    expect_once(2, 1000);
    if (!helper_comes())
        _exit(1);
    lt_ctx_set_threads(ctx, 3);
    expect_once(3, 1000);
    lt_ctx_destroy(ctx);
}

START_TEST(a_forked_child_has_a_team)
{
    ck_assert_int_eq(lt_ctx_set_threads(ctx, 2), LT_OK);
    for (int run = 0; run < 20; run++) {
        expect_once(2, 1000);
        ck_assert_int_eq(in_child(run_forked), 0);
        expect_once(2, 1000);
    }
}
END_TEST

/* Signals are for the program's own threads: helpers leave them to the caller. */
static void check_mask(void *arg, int worker)
{
    struct trace *t = arg;
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    if (sigismember(&mask, SIGINT) != (worker > 0))
        atomic_fetch_add(&t->bad, 1);
    meet(arg, worker);
}

START_TEST(helpers_block_signals)
{
    ck_assert_int_eq(lt_ctx_set_threads(ctx, 2), LT_OK);
    begin_trace(2);
    lt_team_run(ctx, 2, check_mask, &trace);
    ck_assert_int_eq(atomic_load(&trace.calls), 2);
    ck_assert_int_eq(atomic_load(&trace.bad), 0);
}
END_TEST

Suite *suite_team(void)
{
    Suite *s = suite_create("team");
    TCase *tc = tcase_create("team");
    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, every_index_once);
    tcase_add_test(tc, any_number_of_threads_may_be_asked_for);
    tcase_add_test(tc, each_worker_comes_once_at_most);
    tcase_add_test(tc, helpers_come);
    tcase_add_test(tc, nested_loops_run_alone);
    tcase_add_test(tc, many_short_calls);
    tcase_add_test(tc, calls_while_helpers_fall_asleep);
    tcase_add_test(tc, threads_may_change);
    tcase_add_test(tc, contexts_have_teams_of_their_own);
    tcase_add_test(tc, team_without_work);
    tcase_add_test(tc, refused_threads_are_done_without);
    tcase_add_test(tc, a_forked_child_has_a_team);
    tcase_add_test(tc, helpers_block_signals);
    suite_add_tcase(s, tc);
    return s;
}
