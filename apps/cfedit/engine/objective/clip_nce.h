/* CLIP-NCE: the contrastive loss of CF-CLIP (Yu et al. 2022, section 3.2).
 *
 * With unit CLIP features e(.), source image x, edited image x_hat, T templates:
 *
 *     query      q_c  = unit(e(A_c(x_hat)) - e(x))                   c over the augmented copies
 *     positive 1 p1   = unit(mean_k (e(T_k(target)) - e(T_k(source))))
 *     positive 2 p2   = unit(mean_k e(T_k(target)) - e(x))           the mean itself is not made
 * unit negatives  n_k  = unit(e(T_k(source)) - e(x_first))            of the batch's first source
 * image loss            = mean over copies, images and positives of -log( exp(q.p/tau) /
 * (exp(q.p/tau) + sum_k exp(q.n_k/tau)) ),  tau = 0.1
 *
 * Beside it, for comparison and for `cfedit edit --method`: the directional loss of StyleGAN-NADA
 * (Gal et al. 2022, equation 2), 1 - q.p1, which is what remains without positive 2 and negatives;
 * and the global loss of StyleCLIP (Patashnik et al. 2021, equation 1), 1 - e(A_c(x_hat)).t with
 * the unit feature t of the plain target.
 *
 * Contrasts, an addition of ours: sentences c_k that the edited picture must not be taken for
 * ("face with red lips", "face with blue lips", ... for green lips). CLIP then has to tell the
 * target from them as in zero-shot classification, with means m over the templates,
 *
 *     L_contrast = mean over copies of -log( exp(e.m_t / tau_c) / (exp(e.m_t / tau_c) + sum_k
 * exp(e.m_k / tau_c)) ), e = e(A_c(x_hat)),
 *
 * and the text loss is the sum of one of the above and contrast_lambda L_contrast.
 *
 * Gradients reach x_hat only. B images a batch, D features of CLIP. */
#ifndef CFEDIT_CLIP_NCE_H
#define CFEDIT_CLIP_NCE_H

#include "engine/objective/perspective.h"
#include "engine/objective/text_features.h"

#define CE_NCE_MAX_COPIES    64
#define CE_NCE_MAX_CONTRASTS 64

struct ce_nce_config {
    float temperature; /* tau */
    /* Augmented copies of the batch, one homography each. 0: x_hat as it is; then the query, and
     * its gradient, are undefined where x_hat is x, so start from a latent that differs. */
    int copies;
    double distortion;       /* of the random perspective */
    int templates;           /* T, 1..CE_TEMPLATES */
    bool use_pos1, use_pos2; /* at least one */
    /* Without any negatives InfoNCE says nothing (it is 0); the loss then is the mean of 1 - q.p.
     */
    bool use_negatives;
    bool global;                                 /* StyleCLIP's loss instead of all this */
    float contrast_lambda, contrast_temperature; /* of L_contrast, read where there are contrasts;
                                                    the temperature is tau_c */
    bool antialias; /* of the resize to CLIP's input; published: false */
};

/* The published settings: 0.1, 8 copies, 0.5, 79 templates, everything used, no antialiasing. */
struct ce_nce_config ce_nce_defaults(void);
/* LT_ERR_ARGUMENT naming the member that is out of range. */
lt_status ce_nce_check(lt_ctx *ctx, const struct ce_nce_config *config);

/* The sentences of an edit; borrowed. */
struct ce_texts {
    const char *source, *target;
    const char *const *contrasts; /* [contrast_count] */
    int contrast_count;           /* 0..CE_NCE_MAX_CONTRASTS; with 0 L_contrast is off */
    int contrast_axes; /* how many contrasts, from the first on, differ from the target in what is
                          edited: focus.h */
};

/* What the sentences contribute, computed once. The tensors are retained. */
struct ce_nce_texts {
    lt_tensor *source;      /* (T,D) unit features of the filled templates */
    lt_tensor *target;      /* (T,D) */
    lt_tensor *target_mean; /* (1,D) */
    lt_tensor *direction;   /* (1,D) unit: positive 1 */
    lt_tensor *plain;       /* (1,D) unit feature of the target as it is */
    lt_tensor *contrast;    /* (K,D) m_k; NULL without contrasts */
    int contrast_axes;      /* as in struct ce_texts */
};

/* Encodes the sentences; *out is given to ce_nce_texts_free(), also after a failure. Errors:
 * LT_ERR_ARGUMENT for an empty sentence or too many contrasts; LT_ERR_NUMERIC where source and
 * target are the same to CLIP and positive 1 has no direction. */
lt_status ce_nce_texts_prepare(const struct ce_models *models, const struct ce_nce_config *config,
                               const struct ce_texts *texts, struct ce_nce_texts *out);
void ce_nce_texts_free(struct ce_nce_texts *texts);

/* Images (B,3,H,W) in [-1,1] -> unit CLIP features (B,D), differentiable. */
lt_tensor *ce_image_features(lt_ctx *ctx, const lt_clip *clip, lt_tensor *images, bool antialias);

/* Images -> unit CLIP features (copies B, D) of the warped copies, copy-major: first the whole
 * batch under coeffs[0], ... With config->copies 0 (coeffs is not read): (B,D). */
lt_tensor *ce_nce_augmented_features(lt_ctx *ctx, const lt_clip *clip,
                                     const struct ce_nce_config *config, lt_tensor *images,
                                     const double (*coeffs)[8]);

/* What the loss was computed from, for inspection; R = max(copies, 1) B rows a positive in use. In
 * the innermost scope. */
struct ce_nce_parts {
    lt_tensor *query;     /* (P R, D) unit, repeated for each of the P positives */
    lt_tensor *positive;  /* (P R, D) unit: positive 1 rows, then positive 2 rows */
    lt_tensor *negatives; /* (T, D) unit; NULL without negatives */
    lt_tensor *rows;      /* (P R) losses, without gradient */
};

/* The loss from features: `source` (B,D) unit features e(x), `edited` (R,D) unit features,
 * copy-major. `parts` (may be NULL) are those of CLIP-NCE; the global loss leaves them NULL. ->
 * scalar. */
lt_tensor *ce_nce_from_features(lt_ctx *ctx, const struct ce_nce_config *config,
                                const struct ce_nce_texts *texts, lt_tensor *source,
                                lt_tensor *edited, struct ce_nce_parts *parts);

/* The whole term: x_hat (B,3,H,W), coeffs[config->copies] of ce_perspective_solve(). -> scalar. */
lt_tensor *ce_nce_loss(lt_ctx *ctx, const lt_clip *clip, const struct ce_nce_config *config,
                       const struct ce_nce_texts *texts, lt_tensor *source, lt_tensor *x_hat,
                       const double (*coeffs)[8]);

/* The homographies of one evaluation for pictures of size x size, drawn from `rng`. */
lt_status ce_nce_draw(lt_ctx *ctx, const struct ce_nce_config *config, lt_rng *rng, int64_t size,
                      double (*coeffs)[8]);

#endif
