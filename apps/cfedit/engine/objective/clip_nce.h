/* CLIP-NCE: the contrastive loss of CF-CLIP (Yu et al. 2022, section 3.2).
 *
 * e(.) is a unit CLIP feature, x the source image, x_hat the edited image, T_k one of T templates.
 *
 *     query       q_c = unit(e(A_c(x_hat)) - e(x))           for each augmented copy c
 *     positive 1  p_1 = unit(mean_k (e(T_k(target)) - e(T_k(source))))
 *     positive 2  p_2 = unit(mean_k e(T_k(target)) - e(x))   the mean itself is not made unit
 *     negatives   n_k = unit(e(T_k(source)) - e(x_first))    x_first: the first source of the batch
 *
 *     image loss  = mean over copies, images and positives p of
 *                   -log( exp(q.p/tau) / (exp(q.p/tau) + sum_k exp(q.n_k/tau)) ),   tau = 0.1
 *
 * Two other text losses are here for comparison. The directional loss of StyleGAN-NADA (Gal et al.
 * 2022, equation 2), 1 - q.p_1, is CLIP-NCE without positive 2 and negatives. The global loss of
 * StyleCLIP (Patashnik et al. 2021, equation 1) is 1 - e(A_c(x_hat)).t with the unit feature t of
 * the plain target sentence.
 *
 * Contrasts, an addition of this project, are sentences c_k that must not fit the edited picture:
 * "face with red lips" and "face with blue lips" where the target is green lips. CLIP then has to
 * tell the target from the contrasts, as in zero-shot classification. With the means m over the
 * templates and e = e(A_c(x_hat)),
 *
 *     L_contrast = mean over copies of
 *                  -log( exp(e.m_t/tau_c) / (exp(e.m_t/tau_c) + sum_k exp(e.m_k/tau_c)) )
 *
 * The text loss is one of the three losses above plus contrast_lambda L_contrast.
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
    /* Augmented copies of the batch, each under one homography. With 0 CLIP sees x_hat as it is;
     * the query and its gradient are then undefined where x_hat equals x, so start from a latent
     * that differs from the source's. */
    int copies;
    double distortion;       /* size of the random perspective, 0..1 */
    int templates;           /* T, 1..CE_TEMPLATES */
    bool use_pos1, use_pos2; /* at least one */
    /* Off: the loss is the mean of 1 - q.p, because InfoNCE without negatives is always 0. */
    bool use_negatives;
    bool global;                                 /* StyleCLIP's global loss in place of CLIP-NCE */
    float contrast_lambda, contrast_temperature; /* weight and tau_c of L_contrast */
    bool antialias; /* of the reduction to CLIP's input size; published: false */
};

/* The published settings: 0.1, 8 copies, 0.5, 79 templates, everything used, no antialiasing. */
struct ce_nce_config ce_nce_defaults(void);
/* Fails with LT_ERR_ARGUMENT, naming the member that is out of range. */
lt_status ce_nce_check(lt_ctx *ctx, const struct ce_nce_config *config);

/* The sentences of an edit; borrowed. */
struct ce_texts {
    const char *source, *target;
    const char *const *contrasts; /* [contrast_count] */
    int contrast_count;           /* 0..CE_NCE_MAX_CONTRASTS; with 0 L_contrast is off */
    /* The first contrast_axes contrasts differ from the target in what is edited (another colour
     * of the lips), the rest in something else: focus.h. */
    int contrast_axes;
};

/* The features of the sentences, computed once. The tensors are retained. */
struct ce_nce_texts {
    lt_tensor *source;      /* (T,D) unit features of the filled templates */
    lt_tensor *target;      /* (T,D) */
    lt_tensor *target_mean; /* (1,D) */
    lt_tensor *direction;   /* (1,D) unit: positive 1 */
    lt_tensor *plain;       /* (1,D) unit feature of the target sentence without a template */
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

/* Images (B,3,H,W) -> unit CLIP features (copies B, D) of the warped copies: first the whole batch
 * under coeffs[0], then under coeffs[1], and so on. With config->copies 0 the result is (B,D) and
 * coeffs is not read. */
lt_tensor *ce_nce_augmented_features(lt_ctx *ctx, const lt_clip *clip,
                                     const struct ce_nce_config *config, lt_tensor *images,
                                     const double (*coeffs)[8]);

/* The quantities of CLIP-NCE, for inspection. R = max(copies, 1) B rows for each positive in use.
 * The tensors belong to the innermost scope. */
struct ce_nce_parts {
    lt_tensor *query;     /* (P R, D) unit, repeated for each of the P positives */
    lt_tensor *positive;  /* (P R, D) unit: positive 1 rows, then positive 2 rows */
    lt_tensor *negatives; /* (T, D) unit; NULL without negatives */
    lt_tensor *rows;      /* (P R) losses, without gradient */
};

/* The text loss from features: `source` (B,D) holds e(x); `edited` (R,D) holds unit features of the
 * edited images, all images of copy 0 first. `parts` may be NULL; the global loss leaves its
 * members NULL. -> scalar. */
lt_tensor *ce_nce_from_features(lt_ctx *ctx, const struct ce_nce_config *config,
                                const struct ce_nce_texts *texts, lt_tensor *source,
                                lt_tensor *edited, struct ce_nce_parts *parts);

/* The text loss from images x_hat (B,3,H,W), augmented by coeffs[config->copies], each from
 * ce_perspective_solve(). -> scalar. */
lt_tensor *ce_nce_loss(lt_ctx *ctx, const lt_clip *clip, const struct ce_nce_config *config,
                       const struct ce_nce_texts *texts, lt_tensor *source, lt_tensor *x_hat,
                       const double (*coeffs)[8]);

/* Draws the homographies of one evaluation, for pictures of size x size, from `rng`. */
lt_status ce_nce_draw(lt_ctx *ctx, const struct ce_nce_config *config, lt_rng *rng, int64_t size,
                      double (*coeffs)[8]);

#endif
