#include "engine/family.h"

const struct ce_family_operations *ce_family_of(const struct ce_edit_settings *settings)
{
    static const struct ce_family_operations *const families[CE_FAMILIES] = {
        [CE_FAMILY_LATENT] = &ce_latent_family,
        [CE_FAMILY_MAPPER] = &ce_mapper_family,
        [CE_FAMILY_CHANNELS] = &ce_channels_family,
    };
    return families[settings->family];
}

unsigned ce_edit_needs(const struct ce_edit_settings *settings)
{
    return ce_family_of(settings)->needs(settings);
}

lt_status ce_edit_check(lt_ctx *ctx, const struct ce_edit_settings *settings,
                        const struct ce_models *models)
{
    const struct ce_family_operations *family = ce_family_of(settings);
    return family->check ? family->check(ctx, settings, models) : LT_OK;
}

bool ce_edit_reads_channels(const struct ce_edit_settings *settings)
{
    return ce_family_of(settings)->reads_channels;
}

bool ce_edit_moves_latents(const struct ce_edit_settings *settings)
{
    const struct ce_family_operations *family = ce_family_of(settings);
    return family->moves_latents && family->moves_latents(settings);
}

bool ce_edit_shares_work(const struct ce_edit_settings *settings)
{
    return ce_family_of(settings)->shares_work;
}
