#include "support/amx_unit.h"

#include <stdint.h>
#include <string.h>

/* The eight tile registers of a thread: sixteen rows of 64 bytes each. They hold nothing before
 * amx_unit_configure(). */
typedef union tile {
    int8_t byte[16][64];
    int32_t count[16][16];
} tile;
static _Thread_local tile tiles[8];
static _Thread_local int configured;

void amx_unit_load(int t, const void *from, long stride)
{
    for (int i = 0; i < 16; i++)
        memcpy(tiles[t].byte[i], (const char *)from + i * stride, 64);
}

void amx_unit_store(int t, void *to, long stride)
{
    for (int i = 0; i < 16; i++)
        memcpy((char *)to + i * stride, tiles[t].byte[i], 64);
}

/* The unit must not be used without a configuration. Clearing a tile then stores a large value
 * instead of 0, so that a kernel that forgot to configure gives sums that are far off. */
void amx_unit_zero(int t)
{
    for (int i = 0; i < 256; i++)
        tiles[t].count[i / 16][i % 16] = configured ? 0 : 1 << 30;
}

/* TDPBSSD: c += a b in int8, with int32 sums that wrap around. The sums of one step stay below
 * 2^24, so float arithmetic, which is faster on most processors, holds them exactly. Not sanitized,
 * because that would take minutes: the function accesses nothing but tiles, by constant indices. */
__attribute__((no_sanitize("address"), no_sanitize("undefined"))) void amx_unit_multiply_int8(int c,
                                                                                              int a,
                                                                                              int b)
{
    float column[64][16];
    for (int k = 0; k < 64; k++)
        for (int j = 0; j < 16; j++)
            column[k][j] = tiles[b].byte[k / 4][4 * j + k % 4];
    for (int i = 0; i < 16; i++) {
        float sum[16] = {0};
        for (int k = 0; k < 64; k++) {
            const float x = tiles[a].byte[i][k];
            for (int j = 0; j < 16; j++)
                sum[j] += x * column[k][j];
        }
        for (int j = 0; j < 16; j++)
            tiles[c].count[i][j] =
                (int32_t)((uint32_t)tiles[c].count[i][j] + (uint32_t)(int32_t)sum[j]);
    }
}

void amx_unit_configure(const void *config) { configured = *(const unsigned char *)config; }

void amx_unit_release(void) { configured = 0; }
