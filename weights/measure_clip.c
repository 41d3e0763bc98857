#include <math.h>
#include <stdio.h>
#include <string.h>

#include "autograd/ops.h"
#include "weights/measure_rich.h"
#include "weights/measuring.h"
#include "weights/training.h"
#include "weights/world/rich/captions.h"
#include "weights/world/rich/render.h"
#include "weights/world/world.h"

/* What the seeds of the measurements begin with. */
enum { RETRIEVAL = 5, COLORS_AT = 10, TRAITS_AT = 100 };

static lt_tensor *embed_portrait(const struct ce_models *m, const struct rich_attr *attr)
{
    const int size = lt_clip_describe(m->clip)->image_size;
    lt_tensor *image = lt_zeros(m->ctx, 4, (int64_t[]){1, 3, size, size});
    if (!image)
        return NULL;
    rich_render(attr, size, lt_f32(image), NULL);
    return measuring_embed_image(m, image);
}

static void put_share(lt_json_writer *writer, const char *key, int64_t right, int64_t count)
{
    lt_json_put_key(writer, key);
    if (count)
        lt_json_put_float(writer, (float)(round(1000.0 * (double)right / (double)count) / 1000.0));
    else
        lt_json_put_null(writer);
}

/* ---- retrieval ---- */

/* The share of captions whose own picture is the nearest among 100, and the share of pictures whose
 * own caption is. Captions state at least three things, since shorter ones fit several
 * portraits. */
static lt_status measure_retrieval(const struct ce_models *m, lt_json_writer *writer)
{
    enum { AMONG = 100, STATED = 3 };
    lt_ctx *ctx = m->ctx;
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *texts[AMONG] = {NULL}, *images[AMONG] = {NULL};
    for (int i = 0; i < AMONG && lt_ctx_status(ctx) == LT_OK; i++) {
        uint64_t rng = training_seed(MEASURE_HELD_OUT, RETRIEVAL, i);
        struct rich_attr attr;
        char text[RICH_CAPTION];
        struct rich_said said;
        int stated;
        rich_attr_random_any(&rng, &attr);
        do {
            rich_caption(&attr, &rng, &said, text, sizeof text);
            stated = 0;
            for (int p = 0; p < RICH_PARTS; p++)
                stated += said.color[p] >= 0;
            for (int t = 0; t < RICH_TRAITS; t++)
                stated += said.trait[t] > 0;
        } while (stated < STATED);
        const lt_scope inner = lt_scope_open(ctx);
        texts[i] = measuring_embed_text(m, text);
        images[i] = embed_portrait(m, &attr);
        lt_scope_close_keep(ctx, inner, (lt_tensor *[]){texts[i], images[i]}, 2);
    }
    int64_t by_text, by_image;
    measuring_retrieve(ctx, texts, images, AMONG, &by_text, &by_image);
    put_share(writer, "retrieval_by_text", by_text, AMONG);
    put_share(writer, "retrieval_by_image", by_image, AMONG);
    lt_scope_close(ctx, scope, NULL);
    return lt_ctx_status(ctx);
}

/* ---- colours ---- */

/* Makes a random portrait show the part. */
static void draw_showing(struct rich_attr *attr, enum rich_part part, uint64_t *rng)
{
    do {
        rich_attr_random_any(rng, attr);
        if (part == RICH_HORNS)
            attr->horns = true;
        if (part == RICH_MARKING && attr->marking == RICH_PLAIN)
            attr->marking = world_random(rng) & 1 << 20 ? RICH_STRIPES : RICH_HALVES;
        if (part == RICH_NOSE)
            attr->nose_own = true;
        if (part == RICH_EARS)
            attr->ears_own = true;
    } while (!rich_has(attr, part));
}

/* The share of portraits that are nearest to the prompt of their colour of the part, among the
 * prompts of all named colours. The colours take turns. */
static lt_status measure_color(const struct ce_models *m, enum rich_part part, int64_t count,
                               lt_json_writer *writer)
{
    lt_ctx *ctx = m->ctx;
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *prompt[WORLD_COLORS];
    for (int c = 0; c < WORLD_COLORS; c++) {
        char text[RICH_CAPTION];
        rich_prompt_color(part, c, text, sizeof text);
        prompt[c] = measuring_embed_text(m, text);
    }
    lt_tensor *prompts = lt_concat(ctx, WORLD_COLORS, prompt, 0);
    int64_t right = 0;
    for (int64_t i = 0; i < count && lt_ctx_status(ctx) == LT_OK; i++) {
        const lt_scope inner = lt_scope_open(ctx);
        uint64_t rng = training_seed(MEASURE_HELD_OUT, COLORS_AT + (int64_t)part, i);
        struct rich_attr attr;
        const enum world_color color = (enum world_color)(i % WORLD_COLORS);
        draw_showing(&attr, part, &rng);
        rich_attr_set_color(&attr, part, color, &rng);
        const lt_tensor *similarity =
            lt_matmul(ctx, embed_portrait(m, &attr), prompts, false, true);
        right += similarity && measuring_argmax(lt_f32(similarity), WORLD_COLORS, 1) == (int)color;
        lt_scope_close(ctx, inner, NULL);
    }
    put_share(writer, rich_part_name(part), right, count);
    lt_scope_close(ctx, scope, NULL);
    return lt_ctx_status(ctx);
}

/* ---- traits ---- */

/* Draws portraits until one has the trait, or clearly not. False if none comes. */
static bool draw_with(struct rich_attr *attr, enum rich_trait trait, bool yes, uint64_t *rng)
{
    enum { TRIES = 5000 };
    for (int i = 0; i < TRIES; i++) {
        rich_attr_random_any(rng, attr);
        if (rich_truth_of(attr, trait) == (yes ? RICH_YES : RICH_NO))
            return true;
    }
    return false;
}

/* Of portraits with the trait and with its opposite (without one: clearly not with the trait), in
 * turns, the share that is nearer to its own prompt. Traits that no prompt can deny are left out.
 */
static lt_status measure_trait(const struct ce_models *m, enum rich_trait trait, int64_t count,
                               lt_json_writer *writer)
{
    lt_ctx *ctx = m->ctx;
    const struct rich_trait_words *words = rich_trait_words(trait);
    char text[2][RICH_CAPTION];
    rich_prompt_trait(trait, text[0], sizeof text[0]);
    if (words->opposite >= 0)
        rich_prompt_trait((enum rich_trait)words->opposite, text[1], sizeof text[1]);
    else if (words->without[0])
        snprintf(text[1], sizeof text[1], "face %s", words->without[0]);
    else
        return LT_OK;
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *prompts = lt_concat(
        ctx, 2, (lt_tensor *[]){measuring_embed_text(m, text[0]), measuring_embed_text(m, text[1])},
        0);
    int64_t right = 0, done = 0;
    for (int64_t i = 0; i < count && lt_ctx_status(ctx) == LT_OK; i++) {
        const lt_scope inner = lt_scope_open(ctx);
        uint64_t rng = training_seed(MEASURE_HELD_OUT, TRAITS_AT + (int64_t)trait, i);
        struct rich_attr attr;
        const bool yes = i % 2 == 0, other = !yes && words->opposite >= 0;
        if (draw_with(&attr, other ? (enum rich_trait)words->opposite : trait, yes || other,
                      &rng)) {
            const lt_tensor *similarity =
                lt_matmul(ctx, embed_portrait(m, &attr), prompts, false, true);
            right += similarity && measuring_argmax(lt_f32(similarity), 2, 1) == !yes;
            done++;
        }
        lt_scope_close(ctx, inner, NULL);
    }
    put_share(writer, text[0], right, done);
    lt_scope_close(ctx, scope, NULL);
    return lt_ctx_status(ctx);
}

lt_status measure_clip(const struct ce_models *m, int64_t count, lt_json_writer *writer)
{
    lt_status status = measure_retrieval(m, writer);
    lt_json_put_key(writer, "colors");
    lt_json_begin_object(writer);
    for (int p = 0; p < RICH_PARTS && status == LT_OK; p++)
        status = measure_color(m, (enum rich_part)p, count, writer);
    lt_json_end_object(writer);
    lt_json_put_key(writer, "traits");
    lt_json_begin_object(writer);
    for (int t = 0; t < RICH_TRAITS && status == LT_OK; t++)
        status = measure_trait(m, (enum rich_trait)t, count, writer);
    lt_json_end_object(writer);
    return status;
}
