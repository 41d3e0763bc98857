/* The threads of a context, which share the work of one call at a time. Private to the library.
 *
 * A team is the calling thread and helpers that sleep until there is work. The caller never waits
 * for a helper that has not begun: whoever is there takes the next piece, and a helper that comes
 * late finds nothing left. So a core that another program keeps busy slows the work down by what
 * that core would have done, not to the pace of that core.
 *
 *     caller   publishes | piece 0 | piece 1 | piece 2 | piece 4 |  closes, waits for helper 1
 *     helper 1      wakes up ...... | piece 3      | piece 5         |
 *     helper 2      its core is busy ........................................ too late
 *
 * Which thread does which piece is not fixed. Results are the same bits all the same, as long as no
 * sum crosses pieces and pieces depend on the number of threads alone. */
#ifndef LT_TENSOR_TEAM_H
#define LT_TENSOR_TEAM_H

#include <stdint.h>

#include "tensor/tensor.h"

typedef struct lt_team lt_team;

/* A team for at most `threads` threads, the caller included; its helpers start with the first work.
 * NULL where there is no memory. Where the system refuses a thread, the team is smaller. */
lt_team *lt_team_create(int threads);

/* Ends the helpers and frees the team. NULL is accepted. */
void lt_team_free(lt_team *team);

/* Work that every thread of a team takes part in: called at most once in each of them. `worker` is
 * 0 for the caller and 1, 2, ... for helpers, so that each can have work space of its own. It must
 * take its pieces from what all share, an atomic counter for example, until none is left, since
 * it may be that nobody but the caller comes. */
typedef void lt_team_fn(void *arg, int worker);

/* Runs fn(arg, worker) in the caller and in up to threads - 1 helpers of the context. When it
 * returns, everything that any of them did is visible to the caller. A call from within such
 * work runs in the calling thread alone, as worker 0. */
void lt_team_run(lt_ctx *ctx, int threads, lt_team_fn *fn, void *arg);

/* Elements [begin, end) of a loop, and the worker that is to do them. */
typedef struct lt_range {
    int64_t begin, end;
    int worker;
} lt_range;

typedef void lt_for_fn(void *arg, lt_range range);

/* Runs a loop over [0, n) in pieces on up to `threads` threads of the context. Each thread begins
 * with a contiguous share of its own, as memory likes it, and then takes over pieces of others. */
void lt_for(lt_ctx *ctx, int threads, int64_t n, lt_for_fn *fn, void *arg);

#endif
