#include "bench/edit/readout.h"

#include <string.h>

#include "autograd/ops.h"
#include "engine/objective/clip_nce.h"
#include "weights/world/captions.h"

enum { PROMPT_CAP = 128, WORDS_MAX = WORLD_COLORS + 4 };

static const char *const forms[READOUT_FORMS][2] = {
    {"face with long hair", "face with short hair"},
    {"face with thick eyebrows", "face with thin eyebrows"},
    {"face with big eyes", "face with small eyes"},
    {"face with full lips", "face with thin lips"},
    {"face with glasses", "face without glasses"},
    {"face with a v-neck shirt", "face with a round neck shirt"},
};

static lt_tensor *unit_features(const struct ce_models *models, const char *const *texts, int count)
{
    return lt_retain(
        lt_l2_normalize(models->ctx, ce_models_embed_texts(models, texts, (size_t)count), 1e-12f));
}

lt_status readout_open(const struct ce_models *models, struct readout *readout)
{
    lt_ctx *ctx = models->ctx;
    *readout = (struct readout){.models = models};
    const lt_scope scope = lt_scope_open(ctx);
    lt_no_grad_begin(ctx);
    for (int p = 0; p < WORLD_PARTS; p++) {
        char prompt[WORDS_MAX][PROMPT_CAP];
        const char *list[WORDS_MAX];
        const int count = world_color_count((enum world_part)p);
        for (int c = 0; c < count; c++) {
            world_prompt((enum world_part)p, c, prompt[c], PROMPT_CAP);
            list[c] = prompt[c];
        }
        readout->color[p] = unit_features(models, list, count);
    }
    for (int f = 0; f < READOUT_FORMS; f++)
        readout->form[f] = unit_features(models, forms[f], 2);
    lt_no_grad_end(ctx);
    lt_scope_close(ctx, scope, NULL);
    return lt_ctx_status(ctx);
}

void readout_close(struct readout *readout)
{
    for (int p = 0; p < WORLD_PARTS; p++)
        lt_release(readout->color[p]);
    for (int f = 0; f < READOUT_FORMS; f++)
        lt_release(readout->form[f]);
    memset(readout, 0, sizeof *readout);
}

/* Among the first `count` rows of `texts` (T,D), the one with the largest cosine to `feature`
 * (1,D). */
static int choose(lt_ctx *ctx, lt_tensor *feature, lt_tensor *texts, int count)
{
    const lt_tensor *cosine = lt_matmul(ctx, feature, texts, false, true);
    int best = 0;
    for (int i = 1; cosine && i < count; i++)
        best = lt_f32(cosine)[i] > lt_f32(cosine)[best] ? i : best;
    return best;
}

lt_status readout_read(const struct readout *readout, lt_tensor *x, struct reading *reading)
{
    lt_ctx *ctx = readout->models->ctx;
    const lt_scope scope = lt_scope_open(ctx);
    lt_no_grad_begin(ctx);
    lt_tensor *feature = ce_image_features(ctx, readout->models->clip, x, false);
    for (int p = 0; p < WORLD_PARTS; p++) {
        reading->color[p] =
            choose(ctx, feature, readout->color[p], world_color_count((enum world_part)p));
        reading->named[p] = choose(ctx, feature, readout->color[p], WORLD_COLORS);
    }
    for (int f = 0; f < READOUT_FORMS; f++)
        reading->form[f] = choose(ctx, feature, readout->form[f], 2);
    lt_no_grad_end(ctx);
    lt_scope_close(ctx, scope, NULL);
    return lt_ctx_status(ctx);
}

void readout_compare(const struct reading *before, const struct reading *after,
                     enum world_part part, bool glasses, int *count, int *kept)
{
    *count = *kept = 0;
    for (int p = 0; p < WORLD_PARTS; p++) {
        if (p == (int)part || (p == WORLD_GLASSES && !glasses))
            continue;
        ++*count;
        *kept += before->color[p] == after->color[p];
    }
    for (int f = 0; f < READOUT_FORMS; f++) {
        ++*count;
        *kept += before->form[f] == after->form[f];
    }
}
