/* A picture taken apart into regions of similar colour, and these joined again step by step:
 * candidates for "the part that a sentence is about", at every scale, from one tree.
 *
 * Neighbouring pixels, then regions, are merged in the order of Ward's criterion (Ward 1963),
 *
 *     d(A, B) = |A| |B| / (|A| + |B|)  |mean colour of A - mean colour of B|^2,
 *
 * by which the variance within regions grows: small regions go before large ones, and a thin part
 * that stands out stays whole. The last regions left are the leaves, what they merge to the tree's
 * further nodes, as in region proposals for detection (Uijlings et al. 2013, "Selective Search").
 */
#ifndef CFEDIT_REGIONS_H
#define CFEDIT_REGIONS_H

#include <stdint.h>

#include "tensor/tensor.h"

enum { CE_REGIONS_LEAVES = 64, CE_REGIONS_NODES = 2 * CE_REGIONS_LEAVES - 1 };

struct ce_regions {
    int leaves, nodes;               /* fewer than the limits only in pictures of fewer pixels */
    int64_t pixels;                  /* H W */
    uint8_t *leaf;                   /* (H,W): the leaf of each pixel; owned */
    uint64_t set[CE_REGIONS_NODES];  /* each node's leaves as bits; the first nodes are the leaves,
                                        the last is everything */
    int64_t area[CE_REGIONS_LEAVES]; /* pixels */
};

/* Of a picture x (1,3,H,W). *regions is given to ce_regions_free(), also after a failure. Errors:
 * LT_ERR_MEMORY. */
lt_status ce_regions_make(lt_ctx *ctx, const lt_tensor *x, struct ce_regions *regions);
void ce_regions_free(struct ce_regions *regions);

/* 1 in the set's leaves, else 0: mask[H W]. */
void ce_regions_mask(const struct ce_regions *regions, uint64_t set, float *mask);
/* Of the picture's pixels, 0..1. */
double ce_regions_share(const struct ce_regions *regions, uint64_t set);
/* The leaves under which map[H W] has a mean above `least`. */
uint64_t ce_regions_under(const struct ce_regions *regions, const float *map, double least);

#endif
