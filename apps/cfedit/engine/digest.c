#include "engine/digest.h"

#include "tensor/hash.h"

/* Continues a hash with the first 64 values of every tensor. */
static uint64_t mix(uint64_t h, const lt_params *params)
{
    for (size_t i = 0; i < lt_params_count(params); i++) {
        const lt_tensor *t = lt_params_at(params, i);
        const int64_t size = lt_numel(t) < 64 ? lt_numel(t) : 64;
        if (lt_f32(t))
            h = lt_hash(h, lt_f32(t), (size_t)size * sizeof(float));
    }
    return h;
}

uint64_t ce_digest_models(const struct ce_models *models)
{
    return mix(mix(LT_HASH_START, models->generator_params), models->clip_params);
}

uint64_t ce_digest_tensor(const lt_tensor *tensor)
{
    const float *value = lt_f32(tensor);
    return value ? lt_hash(LT_HASH_START, value, (size_t)lt_numel(tensor) * sizeof *value)
                 : LT_HASH_START;
}
