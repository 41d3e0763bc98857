#include "engine/latent/regions.h"

#include <stdlib.h>
#include <string.h>

/* ---- clusters of pixels ---- */

/* Two pixels whose clusters touch, and the distance of the clusters when it was last computed. */
struct edge {
    float key;
    int32_t a, b;
};

struct clusters {
    int64_t pixels;
    int32_t *parent; /* a pixel nearer to the cluster's first pixel; that one points to itself */
    int32_t *area;   /* of a cluster, stored at its first pixel */
    double (*sum)[3];
    struct edge *heap; /* a binary heap, the nearest pair on top */
    int64_t edges;
};

static int32_t first_of(struct clusters *c, int32_t i)
{
    while (c->parent[i] != i) {
        c->parent[i] = c->parent[c->parent[i]];
        i = c->parent[i];
    }
    return i;
}

static double ward(double area_a, const double sum_a[3], double area_b, const double sum_b[3])
{
    double square = 0.0;
    for (int c = 0; c < 3; c++) {
        const double d = sum_a[c] / area_a - sum_b[c] / area_b;
        square += d * d;
    }
    return area_a * area_b / (area_a + area_b) * square;
}

static float distance(const struct clusters *c, int32_t a, int32_t b)
{
    return (float)ward(c->area[a], c->sum[a], c->area[b], c->sum[b]);
}

static void sift_down(struct clusters *c, int64_t i)
{
    const struct edge e = c->heap[i];
    for (int64_t child; (child = 2 * i + 1) < c->edges; i = child) {
        child += child + 1 < c->edges && c->heap[child + 1].key < c->heap[child].key;
        if (e.key <= c->heap[child].key)
            break;
        c->heap[i] = c->heap[child];
    }
    c->heap[i] = e;
}

/* Makes every pixel a cluster and every pair of neighbours an edge. */
static void begin(struct clusters *c, const float *x, int64_t h, int64_t w)
{
    for (int64_t i = 0; i < c->pixels; i++) {
        c->parent[i] = (int32_t)i;
        c->area[i] = 1;
        for (int k = 0; k < 3; k++)
            c->sum[i][k] = (double)x[k * c->pixels + i];
    }
    c->edges = 0;
    for (int64_t i = 0; i < c->pixels; i++) {
        const int64_t next[2] = {(i + 1) % w ? i + 1 : -1, i + w < h * w ? i + w : -1};
        for (int k = 0; k < 2; k++)
            if (next[k] >= 0)
                c->heap[c->edges++] = (struct edge){distance(c, (int32_t)i, (int32_t)next[k]),
                                                    (int32_t)i, (int32_t)next[k]};
    }
    for (int64_t i = c->edges / 2 - 1; i >= 0; i--)
        sift_down(c, i);
}

/* Merges the nearest clusters until `count` are left. An edge whose clusters have moved apart since
 * it was last looked at first goes back into the heap with its new distance. */
static void merge_down_to(struct clusters *c, int64_t count)
{
    for (int64_t left = c->pixels; left > count && c->edges > 0;) {
        struct edge *top = &c->heap[0];
        const int32_t a = first_of(c, top->a), b = first_of(c, top->b);
        const float now = a == b ? 0.0f : distance(c, a, b);
        if (a != b && now > top->key) {
            top->key = now;
        } else {
            if (a != b) {
                c->parent[b] = a;
                c->area[a] += c->area[b];
                for (int k = 0; k < 3; k++)
                    c->sum[a][k] += c->sum[b][k];
                left--;
            }
            c->heap[0] = c->heap[--c->edges];
        }
        sift_down(c, 0);
    }
}

/* ---- the tree above the leaves ---- */

struct node {
    double area, sum[3];
    bool alive, touches[CE_REGIONS_NODES];
};

/* Numbers the clusters as leaves. */
static void name_leaves(struct ce_regions *r, struct clusters *c, struct node *node)
{
    /* From here on `area` of a first pixel holds the number of its leaf; the area is copied
     * first. */
    for (int64_t i = 0; i < r->pixels; i++) {
        if (c->parent[i] != i)
            continue;
        struct node *n = &node[r->leaves];
        n->area = c->area[i];
        n->alive = true;
        for (int k = 0; k < 3; k++)
            n->sum[k] = c->sum[i][k];
        r->area[r->leaves] = c->area[i];
        r->set[r->leaves] = (uint64_t)1 << r->leaves;
        c->area[i] = r->leaves++;
    }
    for (int64_t i = 0; i < r->pixels; i++)
        r->leaf[i] = (uint8_t)c->area[first_of(c, (int32_t)i)];
}

static void find_neighbours(const struct ce_regions *r, int64_t w, struct node *node)
{
    for (int64_t i = 0; i < r->pixels; i++) {
        const int64_t next[2] = {(i + 1) % w ? i + 1 : i, i + w < r->pixels ? i + w : i};
        for (int k = 0; k < 2; k++)
            node[r->leaf[i]].touches[r->leaf[next[k]]] =
                node[r->leaf[next[k]]].touches[r->leaf[i]] = true;
    }
}

/* Finds the nearest two nodes that touch; false if there are none. */
static bool nearest_two(const struct node *node, int count, int *a, int *b)
{
    double least = 0.0;
    bool any = false;
    for (int i = 0; i < count; i++)
        for (int j = i + 1; node[i].alive && j < count; j++) {
            if (!node[j].alive || !node[i].touches[j])
                continue;
            const double d = ward(node[i].area, node[i].sum, node[j].area, node[j].sum);
            if (any && d >= least)
                continue;
            any = true;
            least = d;
            *a = i;
            *b = j;
        }
    return any;
}

static void join_leaves(struct ce_regions *r, struct node *node)
{
    int a = 0, b = 0;
    for (r->nodes = r->leaves; nearest_two(node, r->nodes, &a, &b); r->nodes++) {
        struct node *n = &node[r->nodes];
        n->alive = true;
        node[a].alive = node[b].alive = false;
        n->area = node[a].area + node[b].area;
        for (int k = 0; k < 3; k++)
            n->sum[k] = node[a].sum[k] + node[b].sum[k];
        for (int i = 0; i < r->nodes; i++)
            n->touches[i] = node[i].touches[r->nodes] = node[a].touches[i] || node[b].touches[i];
        r->set[r->nodes] = r->set[a] | r->set[b];
    }
}

/* ---- the whole ---- */

lt_status ce_regions_make(lt_ctx *ctx, const lt_tensor *x, struct ce_regions *regions)
{
    const int64_t h = lt_dim(x, 2), w = lt_dim(x, 3), n = h * w;
    *regions = (struct ce_regions){.pixels = n, .leaf = malloc((size_t)n)};
    struct clusters c = {.pixels = n,
                         .parent = malloc((size_t)n * sizeof *c.parent),
                         .area = malloc((size_t)n * sizeof *c.area),
                         .sum = malloc((size_t)n * sizeof *c.sum),
                         .heap = malloc(2 * (size_t)n * sizeof *c.heap)};
    struct node *node = calloc(CE_REGIONS_NODES, sizeof *node);
    lt_status status = LT_OK;
    if (regions->leaf && c.parent && c.area && c.sum && c.heap && node) {
        begin(&c, lt_f32(x), h, w);
        merge_down_to(&c, CE_REGIONS_LEAVES);
        name_leaves(regions, &c, node);
        find_neighbours(regions, w, node);
        join_leaves(regions, node);
    } else {
        status = lt_fail(ctx, LT_ERR_MEMORY, "out of memory for the regions of a picture");
    }
    free(c.parent);
    free(c.area);
    free(c.sum);
    free(c.heap);
    free(node);
    return status;
}

void ce_regions_free(struct ce_regions *regions)
{
    free(regions->leaf);
    *regions = (struct ce_regions){0};
}

void ce_regions_mask(const struct ce_regions *regions, uint64_t set, float *mask)
{
    for (int64_t i = 0; i < regions->pixels; i++)
        mask[i] = set >> regions->leaf[i] & 1 ? 1.0f : 0.0f;
}

uint64_t ce_regions_under(const struct ce_regions *regions, const float *map, double least)
{
    double sum[CE_REGIONS_LEAVES] = {0.0};
    uint64_t set = 0;
    for (int64_t i = 0; i < regions->pixels; i++)
        sum[regions->leaf[i]] += (double)map[i];
    for (int i = 0; i < regions->leaves; i++)
        if (sum[i] > least * (double)regions->area[i])
            set |= (uint64_t)1 << i;
    return set;
}

double ce_regions_share(const struct ce_regions *regions, uint64_t set)
{
    int64_t area = 0;
    for (int i = 0; i < regions->leaves; i++)
        area += set >> i & 1 ? regions->area[i] : 0;
    return (double)area / (double)regions->pixels;
}
