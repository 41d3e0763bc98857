/* The peers: Python programs in bench/peers, run by the interpreter that `make bench-peers` set up. */
#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

#include "figures.h"

/* Runs every peer that does the work row->key and adds its figures to the row. Each is a process of its own with as
 * many threads as ours, which times its runs itself after its own warm-up and compares its results with
 * ours-KEY.safetensors first. Nothing happens without setup->python; with
 * setup->peer, only that one runs. */
void peers_run(const struct setup *setup, struct row *row);

/* Whether there is a peer of that name (published, frozen, best, onnx). */
bool peers_known(const char *id);

/* Whether any peer does this work. */
bool peers_do(const char *key);

/* Peer time over ours; 0 where the peer failed or computes something else. */
double peers_ratio(const struct row *row, const struct peer_figures *peer);

#endif
