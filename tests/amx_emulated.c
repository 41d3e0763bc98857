#include "amx_emulated.h"

#include <math.h>
#include <string.h>

/* Sixteen rows of 64 bytes; none of a thread's before begin(). */
typedef union tile {
    uint16_t half[16][32];
    float wide[16][16];
} tile;
static _Thread_local tile tiles[8];
static _Thread_local int configured;

static void emulate_load(int t, const void *from, long stride)
{
    for (int i = 0; i < 16; i++) memcpy(tiles[t].half[i], (const char *)from + i * stride, 64);
}

static void emulate_store(int t, void *to, long stride)
{
    for (int i = 0; i < 16; i++) memcpy((char *)to + i * stride, tiles[t].half[i], 64);
}

/* Subnormals count as zeros, coming and going. */
static float flush(float x)
{
    return fabsf(x) < 0x1p-126f ? 0.0f : x;
}

static float widen(uint16_t x)
{
    const uint32_t bits = (uint32_t)x << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return flush(value);
}

/* Intel's manual, volume 2, TDPBF16PS: the sum over the depth first, then added. */
static void emulate_multiply(int c, int a, int b)
{
    for (int i = 0; i < 16; i++) {
        float sum[16] = {0};
        for (int k = 0; k < 32; k++) {
            const float x = widen(tiles[a].half[i][k]);
            for (int j = 0; j < 16; j++) sum[j] = flush(fmaf(x, widen(tiles[b].half[k / 2][2 * j + k % 2]), sum[j]));
        }
        for (int j = 0; j < 16; j++) tiles[c].wide[i][j] = flush(tiles[c].wide[i][j] + sum[j]);
    }
}

/* Nothing works without a configuration: NaNs say that begin() was forgotten. */
static void emulate_zero(int t)
{
    for (int i = 0; i < 256; i++) tiles[t].wide[i / 16][i % 16] = configured ? 0.0f : NAN;
}

#define LT_AMX_EMULATED
#define _tile_loadd(t, from, stride) emulate_load(t, from, stride)
#define _tile_stored(t, to, stride) emulate_store(t, to, stride)
#define _tile_zero(t) emulate_zero(t)
#define _tile_dpbf16ps(c, a, b) emulate_multiply(c, a, b)
#define _tile_loadconfig(config) (configured = ((const unsigned char *)(config))[0])
#define _tile_release() (configured = 0)

#define LT_ISA_SUFFIX emulated
#include "tensor/amx_kernels.c"
