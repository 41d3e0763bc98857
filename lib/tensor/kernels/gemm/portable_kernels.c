/* Matrix products by blocks that fit into the cache:
 *
 *              COLUMNS                       COLUMNS
 *            +---------+                   +---------+
 *      DEPTH |  B      |   copied      ROWS |  C      |   sums in registers,
 *            +---------+   row by row      +---------+   TILE columns at a time
 *
 * The copy of B makes a transposed operand as fast as a plain one, and is padded with zeros. */
#include "tensor/kernels/gemm/portable_kernels.h"

#include "tensor/kernels/vec.h"

enum { DEPTH = 128, COLUMNS = 64, ROWS = 4, VECS = 2, TILE = VECS * LANES };

struct block {
    float b[DEPTH][COLUMNS];
    float a[DEPTH][ROWS]; /* times alpha */
    int64_t depth, columns;
};

static void pack_b(struct block *x, bool tb, const float *b, int64_t ldb)
{
    for (int64_t l = 0; l < x->depth; l++)
        for (int64_t j = 0; j < COLUMNS; j++)
            x->b[l][j] = j >= x->columns ? 0.0f : tb ? b[j * ldb + l] : b[l * ldb + j];
}

static void pack_a(struct block *x, bool ta, int64_t rows, float alpha, const float *a, int64_t lda)
{
    for (int64_t l = 0; l < x->depth; l++)
        for (int64_t i = 0; i < ROWS; i++)
            x->a[l][i] = i >= rows ? 0.0f : alpha * (ta ? a[l * lda + i] : a[i * lda + l]);
}

/* Adds the products of a tile to sum[ROWS][TILE]. */
INLINE void add_products(const struct block *x, int64_t column, float *sum)
{
    vec s[ROWS][VECS];
    UNROLL
    for (int i = 0; i < ROWS; i++)
        UNROLL
    for (int v = 0; v < VECS; v++)
        s[i][v] = vec_load(sum + i * TILE + v * LANES);
    for (int64_t l = 0; l < x->depth; l++) {
        vec b[VECS];
        UNROLL
        for (int v = 0; v < VECS; v++)
            b[v] = vec_load(x->b[l] + column + v * LANES);
        UNROLL
        for (int i = 0; i < ROWS; i++)
            UNROLL
        for (int v = 0; v < VECS; v++)
            s[i][v] += vec_splat(x->a[l][i]) * b[v];
    }
    UNROLL
    for (int i = 0; i < ROWS; i++)
        UNROLL
    for (int v = 0; v < VECS; v++)
        vec_store(sum + i * TILE + v * LANES, s[i][v]);
}

/* C += A B for `rows` rows of C and the columns of the block. */
static void add_rows(const struct block *x, int64_t rows, float *c, int64_t ldc)
{
    for (int64_t column = 0; column < x->columns; column += TILE) {
        const int64_t left = x->columns - column, width = left < TILE ? left : TILE;
        float sum[ROWS * TILE] = {0};
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < width; j++)
                sum[i * TILE + j] = c[i * ldc + column + j];
        add_products(x, column, sum);
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < width; j++)
                c[i * ldc + column + j] = sum[i * TILE + j];
    }
}

static void gemm(bool ta, bool tb, int64_t m, int64_t n, int64_t k, float alpha, const float *a,
                 int64_t lda, const float *b, int64_t ldb, float beta, float *c, int64_t ldc)
{
    struct block x;
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++)
            c[i * ldc + j] = beta == 0.0f ? 0.0f : beta * c[i * ldc + j];
    for (int64_t l = 0; l < k; l += DEPTH) {
        x.depth = k - l < DEPTH ? k - l : DEPTH;
        for (int64_t j = 0; j < n; j += COLUMNS) {
            x.columns = n - j < COLUMNS ? n - j : COLUMNS;
            pack_b(&x, tb, tb ? b + j * ldb + l : b + l * ldb + j, ldb);
            for (int64_t i = 0; i < m; i += ROWS) {
                const int64_t rows = m - i < ROWS ? m - i : ROWS;
                pack_a(&x, ta, rows, alpha, ta ? a + l * lda + i : a + i * lda + l, lda);
                add_rows(&x, rows, c + i * ldc + j, ldc);
            }
        }
    }
}

const struct lt_portable_kernels LT_ISA_NAME(lt_portable_kernels) = {.gemm = gemm};
