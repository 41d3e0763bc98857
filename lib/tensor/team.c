#define _GNU_SOURCE /* clock_gettime, getpid */
#include "tensor/team.h"

#include <pthread.h>
#include <signal.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tensor/tensor_impl.h"

/* How long a thread that waits looks again and again before it sleeps. Waking a thread takes about
 * as long. Longer looking takes time from whoever else needs the core, and the system makes the
 * thread pay for it when the next work comes: with one of two cores kept busy, 20 to 30 us gave the
 * shortest times, 100 us and more up to 30 % longer ones. Less than 20 us is slower on idle cores.
 */
#define LOOK_SECONDS 30e-6

/* A share of a loop is handed out in so many pieces, so that others can take over most of it. */
enum { PIECES = 32 };

/* One thread's share of a loop, on a cache line of its own. */
typedef struct share {
    alignas(64) atomic_llong next;
    int64_t end;
} share;

/* `state` says which work there is and who is at it:
 *
 *     63            32   31    30             0
 *     +---------------+------+----------------+
 *     | number of the | open | helpers inside |
 *     | work          |      |                |
 *     +---------------+------+----------------+
 *
 * A helper enters by raising the count of a state that is open; once the caller has taken the open
 * bit away, nobody can enter, and when the count is 0 the work is done. */
#define OPEN       ((uint_least64_t)1 << 31)
#define INSIDE     (OPEN - 1)
#define WORK_OF(s) ((s) >> 32)

typedef struct helper {
    lt_team *team;
    int worker;
    pthread_t thread;
} helper;

struct lt_team {
    int threads;     /* the caller and the helpers that could be started */
    int shares_room; /* threads that `shares` has room for */
    bool started;    /* whether helpers were started */
    bool running;    /* whether the caller is within lt_team_run() */
    pid_t process;   /* whose threads the helpers are; a forked child has none of them */
    lt_team_fn *fn;
    void *arg;
    int wanted; /* threads of the work under way */
    alignas(64) atomic_uint_least64_t state;
    alignas(64) atomic_int sleepers; /* helpers asleep or about to be */
    atomic_bool caller_sleeps, quit;
    pthread_mutex_t lock; /* of sleeping and waking alone */
    pthread_cond_t work, done;
    helper *helpers; /* [threads - 1] */
    share *shares;   /* [threads] of lt_for() */
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void pause_briefly(void)
{
    for (int i = 0; i < 16; i++) {
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        __asm__ volatile("yield");
#else
        atomic_signal_fence(memory_order_seq_cst);
#endif
    }
}

/* ---- helpers ---- */

/* Whether there is work other than `last`, or the end. */
static bool is_called(lt_team *team, uint_least64_t last)
{
    const uint_least64_t s = atomic_load(&team->state);
    return atomic_load(&team->quit) || (WORK_OF(s) != last && (s & OPEN));
}

static void wait_for_call(lt_team *team, uint_least64_t last)
{
    const double until = now() + LOOK_SECONDS;
    while (!is_called(team, last)) {
        pause_briefly();
        if (now() < until)
            continue;
        pthread_mutex_lock(&team->lock);
        atomic_fetch_add(&team->sleepers, 1);
        while (!is_called(team, last))
            pthread_cond_wait(&team->work, &team->lock);
        atomic_fetch_sub(&team->sleepers, 1);
        pthread_mutex_unlock(&team->lock);
    }
}

/* Enters the open work, whose number goes to *work; false where it was closed meanwhile. */
static bool enter(lt_team *team, uint_least64_t *work)
{
    uint_least64_t s = atomic_load(&team->state);
    do {
        *work = WORK_OF(s);
        if (!(s & OPEN))
            return false;
    } while (!atomic_compare_exchange_weak(&team->state, &s, s + 1));
    return true;
}

static void leave(lt_team *team)
{
    const uint_least64_t before = atomic_fetch_sub(&team->state, 1);
    if ((before & INSIDE) == 1 && !(before & OPEN) && atomic_load(&team->caller_sleeps)) {
        pthread_mutex_lock(&team->lock);
        pthread_cond_signal(&team->done);
        pthread_mutex_unlock(&team->lock);
    }
}

static void *help(void *user)
{
    const helper *me = user;
    lt_team *team = me->team;
    uint_least64_t last = 0;
    while (!atomic_load(&team->quit)) {
        wait_for_call(team, last);
        if (!enter(team, &last))
            continue;
        if (me->worker < team->wanted)
            team->fn(team->arg, me->worker);
        leave(team);
    }
    return NULL;
}

/* ---- a team ---- */

lt_team *lt_team_create(int threads)
{
    lt_team *team = aligned_alloc(64, (sizeof *team + 63) / 64 * 64);
    if (!team)
        return NULL;
    *team = (lt_team){.threads = threads, .shares_room = threads};
    team->helpers = calloc((size_t)threads, sizeof *team->helpers);
    team->shares = aligned_alloc(64, (size_t)threads * sizeof *team->shares);
    if (!team->helpers || !team->shares) {
        free(team->helpers);
        free(team->shares);
        free(team);
        return NULL;
    }
    pthread_mutex_init(&team->lock, NULL);
    pthread_cond_init(&team->work, NULL);
    pthread_cond_init(&team->done, NULL);
    return team;
}

static void start(lt_team *team)
{
    sigset_t all, before;
    team->started = true;
    team->process = getpid();
    /* Signals are for the program's own threads. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (int i = 1; i < team->threads; i++) {
        helper *h = &team->helpers[i - 1];
        *h = (helper){.team = team, .worker = i};
        if (pthread_create(&h->thread, NULL, help, h) != 0)
            team->threads = i;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void lt_team_free(lt_team *team)
{
    if (!team)
        return;
    const bool forked = team->started && team->process != getpid();
    if (team->started && !forked) {
        atomic_store(&team->quit, true);
        pthread_mutex_lock(&team->lock);
        pthread_cond_broadcast(&team->work);
        pthread_mutex_unlock(&team->lock);
        for (int i = 1; i < team->threads; i++)
            pthread_join(team->helpers[i - 1].thread, NULL);
    }
    if (!forked) {
        pthread_mutex_destroy(&team->lock);
        pthread_cond_destroy(&team->work);
        pthread_cond_destroy(&team->done);
    }
    free(team->helpers);
    free(team->shares);
    free(team);
}

/* Makes the work known to the helpers. */
static void publish(lt_team *team, int threads, lt_team_fn *fn, void *arg)
{
    team->fn = fn;
    team->arg = arg;
    team->wanted = threads;
    const uint_least64_t s = atomic_load(&team->state);
    atomic_store(&team->state, (WORK_OF(s) + 1) << 32 | OPEN);
    if (atomic_load(&team->sleepers) > 0) {
        pthread_mutex_lock(&team->lock);
        pthread_cond_broadcast(&team->work);
        pthread_mutex_unlock(&team->lock);
    }
}

/* Lets nobody in any more and waits for those who are inside. */
static void close_work(lt_team *team)
{
    uint_least64_t s = atomic_fetch_and(&team->state, ~OPEN);
    if (!(s & INSIDE))
        return;
    const double until = now() + LOOK_SECONDS;
    while (atomic_load(&team->state) & INSIDE) {
        pause_briefly();
        if (now() < until)
            continue;
        /* Whoever is inside may have lost its core: asleep, we leave it ours. */
        pthread_mutex_lock(&team->lock);
        atomic_store(&team->caller_sleeps, true);
        while (atomic_load(&team->state) & INSIDE)
            pthread_cond_wait(&team->done, &team->lock);
        atomic_store(&team->caller_sleeps, false);
        pthread_mutex_unlock(&team->lock);
    }
}

/* The context's team for work on so many threads; NULL where one thread is all there is, or where
 * the team is at work. */
static lt_team *team_of(lt_ctx *ctx, int threads)
{
    if (threads <= 1 || (ctx->team && ctx->team->running))
        return NULL;
    /* A forked child has no helpers, and locks whose state nobody knows: it gets a new team. */
    if (ctx->team && ctx->team->started && ctx->team->process != getpid()) {
        lt_team_free(ctx->team);
        ctx->team = NULL;
    }
    if (!ctx->team)
        ctx->team = lt_team_create(ctx->threads);
    lt_team *team = ctx->team;
    if (team && !team->started)
        start(team);
    return team && team->threads > 1 ? team : NULL;
}

static void run(lt_team *team, int threads, lt_team_fn *fn, void *arg)
{
    team->running = true;
    publish(team, threads, fn, arg);
    fn(arg, 0);
    close_work(team);
    team->running = false;
}

void lt_team_run(lt_ctx *ctx, int threads, lt_team_fn *fn, void *arg)
{
    lt_team *team = team_of(ctx, threads);
    if (team)
        run(team, threads, fn, arg);
    else
        fn(arg, 0);
}

/* ---- loops ---- */

struct loop {
    share *shares;
    int64_t piece;
    int threads;
    lt_for_fn *fn;
    void *arg;
};

static void work_on_loop(void *user, int worker)
{
    const struct loop *loop = user;
    for (int i = 0; i < loop->threads; i++) {
        share *s = &loop->shares[(worker + i) % loop->threads];
        int64_t begin;
        while ((begin = atomic_fetch_add(&s->next, loop->piece)) < s->end) {
            const int64_t rest = s->end - begin;
            loop->fn(loop->arg,
                     (lt_range){begin, begin + (rest < loop->piece ? rest : loop->piece), worker});
        }
    }
}

void lt_for(lt_ctx *ctx, int threads, int64_t n, lt_for_fn *fn, void *arg)
{
    if (threads > n)
        threads = n < 1 ? 1 : (int)n;
    lt_team *team = team_of(ctx, threads);
    if (team && threads > team->shares_room)
        threads = team->shares_room;
    if (!team) {
        if (n > 0)
            fn(arg, (lt_range){0, n, 0});
        return;
    }
    const int64_t per_thread = lt_ceil_quotient(n, threads);
    struct loop loop = {.shares = team->shares,
                        .piece = lt_ceil_quotient(per_thread, PIECES),
                        .threads = threads,
                        .fn = fn,
                        .arg = arg};
    for (int i = 0; i < threads; i++) {
        const int64_t first = i * per_thread, end = first + per_thread;
        atomic_store_explicit(&team->shares[i].next, first, memory_order_relaxed);
        team->shares[i].end = end < n ? end : n;
    }
    run(team, threads, work_on_loop, &loop);
}
