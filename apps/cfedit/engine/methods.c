#include "engine/methods.h"

#include <string.h>

/* CF-CLIP's objective with focus, recolouring and contrasts, which are additions of this project.
 * CLIP-NCE's negatives are off: for a single latent they hold the picture back more than they keep
 * it whole. bench/edit has the figures. */
static void set_cf_clip(struct ce_edit_settings *s)
{
    s->latent.nce.contrast_lambda = 0.3f;
    s->latent.use_focus = true;
    s->latent.fit_steps = 30;
    s->latent.goal_lambda = 0.3f;
    s->latent.steps = 50;
    s->latent.lr = 10.0f;
    s->latent.l2_lambda = 0.02f;
    s->latent.change_lambda = 1.0f;
    s->latent.nce.copies = 4;
}

/* The published learning rate, 0.5, is for 50,000 steps; a few hundred steps need a higher one. The
 * coarse layers stay, as they do in StyleCLIP for colours. */
static void set_mapper(struct ce_edit_settings *s)
{
    s->mapper.train.lr = 20.0f;
    s->mapper.train.level[CE_LEVEL_COARSE] = false;
}

static void set_styleclip(struct ce_edit_settings *s)
{
    s->latent.nce.global = true;
    s->latent.nce.copies = 4;
    s->latent.lr = 5.0f;
    s->latent.l2_lambda = 1.0f;
}

static void set_styleclip_mapper(struct ce_edit_settings *s)
{
    set_mapper(s);
    s->mapper.train.lr = 100.0f;
    s->mapper.train.without_text = true;
    s->mapper.train.objective.nce.global = true;
}

static void set_nada(struct ce_edit_settings *s)
{
    s->latent.nce.copies = 4;
    s->latent.lr = 10.0f;
    s->latent.nce.use_pos2 = false;
    s->latent.nce.use_negatives = false;
}

static void set_global_directions(struct ce_edit_settings *s)
{
    s->channels.alpha = 20.0f;
    s->channels.beta = 0.2f;
}

static const struct ce_method methods[] = {
    {"cf-clip", "each picture's own latent, CF-CLIP's objective",
     "Yu et al. 2022, \"Towards Counterfactual Image Manipulation via CLIP\"; optimised "
     "over the latent here",
     CE_FAMILY_LATENT, set_cf_clip},
    {"cf-clip-mapper", "a mapper with text mapping, CLIP-NCE",
     "Yu et al. 2022, \"Towards Counterfactual Image Manipulation via CLIP\"", CE_FAMILY_MAPPER,
     set_mapper},
    {"styleclip", "each picture's own latent, global CLIP loss",
     "Patashnik et al. 2021, \"StyleCLIP\", latent optimisation", CE_FAMILY_LATENT, set_styleclip},
    {"styleclip-mapper", "a mapper that does not see the text, global CLIP loss",
     "Patashnik et al. 2021, \"StyleCLIP\", latent mapper", CE_FAMILY_MAPPER, set_styleclip_mapper},
    {"nada", "each picture's own latent, directional loss",
     "Gal et al. 2022, \"StyleGAN-NADA\"; over the latent instead of the generator's weights",
     CE_FAMILY_LATENT, set_nada},
    {"global-directions", "one direction of StyleSpace channels for all pictures",
     "Patashnik et al. 2021, \"StyleCLIP\", global directions", CE_FAMILY_CHANNELS,
     set_global_directions},
};

const struct ce_method *ce_methods(size_t *count)
{
    *count = sizeof methods / sizeof methods[0];
    return methods;
}

const struct ce_method *ce_method_find(const char *name)
{
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (strcmp(methods[i].name, name) == 0)
            return &methods[i];
    return NULL;
}

struct ce_edit_settings ce_method_settings(const struct ce_method *method)
{
    struct ce_edit_settings s = {.family = method->family,
                                 .latent = ce_latent_edit_defaults(),
                                 .mapper = ce_mapper_edit_defaults()};
    s.channels.measure = ce_channels_defaults();
    s.channels.nce = ce_nce_defaults();
    method->set(&s);
    return s;
}
