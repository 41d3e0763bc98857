/* The peers: Python programs in bench/peers, run by the interpreters that `make bench-peers` and
 * `make bench-peers-1.13` set up. */
#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

#include "bench/speed/figures.h"

/* Runs every peer that does the work row->key and whose interpreter is there, or setup->peer alone,
 * and adds its figures to the row. Each is a process of its own with as many threads as ours, which
 * times its runs itself after its own warm-up and compares its results with ours-KEY.safetensors
 * first. */
void peers_run(const struct setup *setup, struct row *row);

/* Whether there is a peer of that name (published-1.13, published, frozen, best, onnx). */
bool peers_known(const char *id);

/* Whether peers_run() would run any peer for the row of this key. */
bool peers_wanted(const struct setup *setup, const char *key);

/* Peer time over ours; 0 where the peer failed or computes something else. */
double peers_ratio(const struct row *row, const struct peer_figures *peer);

#endif
