/* Packs texts for the text transformer: each up to its end token, common beginnings once. */
#include "nn/models/clip_impl.h"

/* The position of the highest id, the first of equal ones: the end token. */
static int32_t find_end(const int32_t *id, int64_t count)
{
    int32_t best = 0;
    for (int32_t j = 1; j < count; j++)
        if (id[j] > id[best])
            best = j;
    return best;
}

static lt_tensor *new_ints(lt_ctx *ctx, int64_t n) { return lt_empty(ctx, LT_I32, 1, &n); }

/* The stream rows as a tree: the row of a token hangs below the row of the token before it, so
 * texts share a path as long as they begin alike. Scratch of lt_clip_pack_texts(). */
struct tree {
    int32_t rows;
    int32_t *id, *place;   /* token and position in the context of each row */
    int32_t *child, *next; /* child[row + 1]: first row below a row, child[0] that of the root;
                              next[row]: next row below the same one; -1: none */
    int32_t *one_of;
};

/* The row of token `id` below the row `above` (-1: the root). A row that is not there yet is
 * made, for the packed row `at`. */
static int32_t row_below(struct tree *t, int32_t above, int32_t id, int32_t at)
{
    int32_t *link = &t->child[above + 1];
    while (*link >= 0 && t->id[*link] != id)
        link = &t->next[*link];
    if (*link >= 0)
        return *link;
    const int32_t row = t->rows++;
    *link = row;
    t->child[row + 1] = t->next[row] = -1;
    t->id[row] = id;
    t->place[row] = above < 0 ? 0 : t->place[above] + 1;
    t->one_of[row] = at;
    return row;
}

static lt_tensor *first_ints(lt_ctx *ctx, const int32_t *x, int64_t n)
{
    return lt_from_copy(ctx, LT_I32, 1, &n, x);
}

lt_status lt_clip_pack_texts(lt_ctx *ctx, const lt_tensor *ids, bool whole,
                             struct lt_clip_texts *texts, lt_tensor **id, lt_tensor **place)
{
    const int64_t n = lt_dim(ids, 0), columns = lt_dim(ids, 1);
    const int32_t *from = lt_i32(ids);
    texts->starts = new_ints(ctx, n + 1);
    texts->ends = new_ints(ctx, n);
    texts->last = new_ints(ctx, n);
    if (!texts->starts || !texts->ends || !texts->last)
        return lt_ctx_status(ctx);
    int32_t rows = 0;
    for (int64_t i = 0; i < n; i++) {
        const int32_t end = find_end(from + i * columns, columns);
        lt_i32(texts->starts)[i] = rows;
        lt_i32(texts->ends)[i] = rows + end;
        rows += whole ? (int32_t)columns : end + 1;
    }
    lt_i32(texts->starts)[n] = rows;

    lt_tensor *row_of = new_ints(ctx, rows), *space = new_ints(ctx, 5 * (int64_t)rows + 1);
    if (!row_of || !space)
        return lt_ctx_status(ctx);
    int32_t *s = lt_i32(space);
    struct tree t = {0, s, s + rows, s + 2 * rows, s + 3 * rows + 1, s + 4 * rows + 1};
    t.child[0] = -1;
    for (int64_t i = 0; i < n; i++) {
        const int32_t first = lt_i32(texts->starts)[i],
                      length = lt_i32(texts->starts)[i + 1] - first;
        int32_t above = -1;
        for (int32_t j = 0; j < length; j++) {
            if (whole && j == 0)
                t.child[0] = -1;
            above = row_below(&t, above, from[i * columns + j], first + j);
            lt_i32(row_of)[first + j] = above;
        }
        lt_i32(texts->last)[i] = lt_i32(row_of)[lt_i32(texts->ends)[i]];
    }
    if (t.rows < rows) {
        texts->row_of = row_of;
        texts->one_of = first_ints(ctx, t.one_of, t.rows);
    }
    *id = first_ints(ctx, t.id, t.rows);
    *place = first_ints(ctx, t.place, t.rows);
    return lt_ctx_status(ctx);
}
