/* A picture taken apart into regions of similar colour, which are joined again step by step. The
 * resulting tree offers candidates, at every scale, for "the part that a sentence is about".
 *
 * Neighbouring pixels, then neighbouring regions, are merged by Ward's criterion (Ward 1963):
 * always the pair with the smallest
 *
 *     d(A, B) = |A| |B| / (|A| + |B|)  |mean colour of A - mean colour of B|^2
 *
 * which is how much the variance within regions grows. Small regions are merged before large ones,
 * and a thin part that stands out stays whole. The last CE_REGIONS_LEAVES regions are the leaves of
 * the tree; further merging makes the other nodes, as in region proposals for detection (Uijlings
 * et al. 2013, "Selective Search"). */
#ifndef CFEDIT_REGIONS_H
#define CFEDIT_REGIONS_H

#include <stdint.h>

#include "tensor/tensor.h"

enum { CE_REGIONS_LEAVES = 64, CE_REGIONS_NODES = 2 * CE_REGIONS_LEAVES - 1 };

struct ce_regions {
    int leaves, nodes;               /* below the limits only if the picture has fewer pixels */
    int64_t pixels;                  /* H W */
    uint8_t *leaf;                   /* (H,W), the leaf of each pixel; owned */
    uint64_t set[CE_REGIONS_NODES];  /* the leaves of each node, as bits; leaves come first, the
                                        whole picture last */
    int64_t area[CE_REGIONS_LEAVES]; /* of each leaf, in pixels */
};

/* Makes the regions of a picture x (1,3,H,W). *regions is given to ce_regions_free(), also after a
 * failure. Errors: LT_ERR_MEMORY. */
lt_status ce_regions_make(lt_ctx *ctx, const lt_tensor *x, struct ce_regions *regions);
void ce_regions_free(struct ce_regions *regions);

/* Writes 1 to mask[H W] in the leaves of `set`, and 0 elsewhere. */
void ce_regions_mask(const struct ce_regions *regions, uint64_t set, float *mask);
/* The share of the picture that `set` covers, 0..1. */
double ce_regions_share(const struct ce_regions *regions, uint64_t set);
/* The set of leaves in which map[H W] has a mean above `least`. */
uint64_t ce_regions_under(const struct ce_regions *regions, const float *map, double least);

#endif
