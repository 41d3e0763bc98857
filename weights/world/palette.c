#include "weights/world/palette.h"

enum { ANCHORS = 6 };

struct palette {
    int count;
    float anchor[ANCHORS][3]; /* colours along the path, at even distances of `place` */
    float light;              /* lightness scales the colour by 1 - light .. 1 + light */
    float warm[3];            /* added at warmth 1, subtracted at warmth 0 */
};

/* Neighbouring anchors are similar colours, so that the path between them never leaves the natural
 * colours. Lightness and warmth widen the path to a region of three dimensions. */
static const struct palette PALETTE[WORLD_PARTS] = {
    [WORLD_BACKGROUND] = {5,
                          {{0.50f, 0.50f, 0.52f},
                           {0.72f, 0.71f, 0.69f},
                           {0.86f, 0.79f, 0.68f},
                           {0.86f, 0.87f, 0.88f},
                           {0.60f, 0.75f, 0.90f}},
                          0.09f,
                          {0.04f, 0.00f, -0.04f}},
    [WORLD_SHIRT] = {6,
                     {{0.15f, 0.19f, 0.36f},
                      {0.52f, 0.53f, 0.56f},
                      {0.92f, 0.92f, 0.91f},
                      {0.78f, 0.69f, 0.55f},
                      {0.45f, 0.33f, 0.24f},
                      {0.57f, 0.19f, 0.19f}},
                     0.12f,
                     {0.04f, 0.00f, -0.04f}},
    [WORLD_SKIN] = {5,
                    {{0.97f, 0.84f, 0.76f},
                     {0.93f, 0.74f, 0.62f},
                     {0.82f, 0.61f, 0.46f},
                     {0.60f, 0.41f, 0.29f},
                     {0.38f, 0.25f, 0.18f}},
                    0.05f,
                    {0.030f, -0.022f, -0.015f}},
    [WORLD_HAIR] = {6,
                    {{0.09f, 0.08f, 0.08f},
                     {0.25f, 0.16f, 0.11f},
                     {0.52f, 0.24f, 0.13f},
                     {0.50f, 0.35f, 0.22f},
                     {0.86f, 0.70f, 0.42f},
                     {0.72f, 0.71f, 0.69f}},
                    0.15f,
                    {0.045f, 0.00f, -0.035f}},
    [WORLD_BROWS] = {4,
                     {{0.08f, 0.07f, 0.07f},
                      {0.26f, 0.16f, 0.10f},
                      {0.46f, 0.30f, 0.19f},
                      {0.72f, 0.55f, 0.32f}},
                     0.15f,
                     {0.04f, 0.00f, -0.03f}},
    [WORLD_EYES] = {6,
                    {{0.27f, 0.15f, 0.08f},
                     {0.46f, 0.29f, 0.14f},
                     {0.55f, 0.45f, 0.23f},
                     {0.41f, 0.55f, 0.39f},
                     {0.53f, 0.60f, 0.64f},
                     {0.28f, 0.50f, 0.76f}},
                    0.12f,
                    {0.03f, 0.00f, -0.03f}},
    [WORLD_LIPS] = {5,
                    {{0.92f, 0.64f, 0.62f},
                     {0.86f, 0.43f, 0.44f},
                     {0.73f, 0.19f, 0.22f},
                     {0.52f, 0.26f, 0.20f},
                     {0.38f, 0.14f, 0.21f}},
                    0.10f,
                    {0.03f, 0.01f, -0.04f}},
    [WORLD_GLASSES] = {4,
                       {{0.08f, 0.08f, 0.09f},
                        {0.40f, 0.24f, 0.13f},
                        {0.78f, 0.61f, 0.25f},
                        {0.76f, 0.77f, 0.79f}},
                       0.12f,
                       {0.03f, 0.00f, -0.03f}},
};

void world_palette_color(enum world_part part, float place, float lightness, float warmth,
                         float rgb[3])
{
    const struct palette *p = &PALETTE[part];
    float t = place * (float)(p->count - 1);
    int i = (int)t;

    if (i > p->count - 2)
        i = p->count - 2;
    if (i < 0)
        i = 0;
    t -= (float)i;

    float scale = 1.0f + p->light * (2.0f * lightness - 1.0f);
    for (int c = 0; c < 3; c++) {
        float v = p->anchor[i][c] + t * (p->anchor[i + 1][c] - p->anchor[i][c]);
        v = v * scale + p->warm[c] * (2.0f * warmth - 1.0f);
        rgb[c] = v < 0.03f ? 0.03f : v > 0.98f ? 0.98f : v;
    }
}
