/* A StyleGAN2 generator as its files share it: the layers that stylegan2_load.c finds in a
 * checkpoint and stylegan2.c runs. Private to the library. */
#ifndef LT_NN_STYLEGAN2_IMPL_H
#define LT_NN_STYLEGAN2_IMPL_H

#include "nn/models/stylegan2.h"

enum {
    LT_STYLEGAN2_MAX_STYLES = 2 + 3 * (LT_STYLEGAN2_LEVELS - 1),
    LT_STYLEGAN2_MAX_NOISES = 1 + 2 * (LT_STYLEGAN2_LEVELS - 1),
    LT_STYLEGAN2_MAX_MLP = 64,
};

/* One modulated convolution and what follows it. All tensors but `squares` belong to the
 * parameters. D is the width of the latent. */
struct lt_stylegan2_layer {
    char name[16];                    /* "convs.0" */
    bool rgb;                         /* a 1 x 1 convolution to a picture, else 3 x 3 */
    bool up;                          /* rgb: the picture so far is upsampled before the sum;
                                         else: a transposed convolution and a blur */
    int in, out;                      /* channels */
    int latent;                       /* layer of W+ that the style is made from */
    int noise;                        /* index of the noise buffer; -1 in rgb layers */
    lt_tensor *weight;                /* (1, out, in, k, k) */
    lt_tensor *mod_weight, *mod_bias; /* (in, D), (in): latent to style */
    lt_tensor *bias;                  /* (out), in rgb layers (1, 3, 1, 1) */
    lt_tensor *noise_weight;          /* (1); NULL in rgb layers */
    lt_tensor *kernel;                /* (4, 4), of the blur or of the upsampling; NULL unless up */
    lt_tensor *squares;               /* retained: (out, in), sums of the squared weight over its
                                         k x k taps, kept while the weight is constant; or NULL */
};

struct lt_stylegan2 {
    lt_stylegan2_config config;
    int latents, styles, noises;
    struct lt_stylegan2_layer *layer; /* [styles], in network order */
    lt_tensor *input;                 /* (1, C, 4, 4): the learned constant */
    lt_tensor *style_weight[LT_STYLEGAN2_MAX_MLP], *style_bias[LT_STYLEGAN2_MAX_MLP];
    lt_tensor *noise[LT_STYLEGAN2_MAX_NOISES]; /* (1, 1, H, W) */
    lt_tensor *latent_avg;                     /* (D) or NULL */
    lt_tensor *default_kernel;                 /* retained: (4, 4), for files without kernels */
    lt_noise_mode noise_mode;
    lt_rng *rng; /* borrowed: for random noise */
    void (*tap)(void *user, const char *name, lt_tensor *t);
    void *tap_user;
};

/* The published 4 x 4 blur for doubled resolution: (1,3,3,1) x (1,3,3,1) / 16, whose sum is 4. */
void lt_stylegan2_kernel(float kernel[16]);

#endif
