/* The peers: other implementations of the works, written in Python in bench/peers and run by the
 * interpreters that `make bench-peers` and `make bench-peers-1.13` install. */
#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

#include "bench/speed/figures.h"

/* Runs every installed peer that does the work row->key, or setup->peer alone, and adds the figures
 * to the row. Each peer runs in a process of its own with as many threads as ours. It compares its
 * results with ours-KEY.safetensors, warms up, and times its runs itself. */
void peers_run(const struct setup *setup, struct row *row);

/* Whether `id` names a peer: published-1.13, published, frozen, best or onnx. */
bool peers_known(const char *id);

/* Whether peers_run() would run any peer for the row of this key. */
bool peers_wanted(const struct setup *setup, const char *key);

/* The median time of the peer divided by ours; 0 if either failed or the results differ. */
double peers_ratio(const struct row *row, const struct peer_figures *peer);

#endif
