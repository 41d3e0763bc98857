/* The layers of an encoder: encoder_load.c finds them, encoder.c runs them. Private to the
 * library. */
#ifndef LT_NN_ENCODER_IMPL_H
#define LT_NN_ENCODER_IMPL_H

#include "nn/models/encoder.h"
#include "nn/models/irse_body_impl.h"

enum {
    LT_ENCODER_CONVS = 8,  /* the most convolutions of a head */
    LT_ENCODER_POOLED = 7, /* means a side, in front of the linear layers into W+ */
};

/* The layers behind the body. */
enum lt_encoder_layers {
    LT_ENCODER_PYRAMID, /* the pyramid, and a head for each layer of W+ */
    LT_ENCODER_HEADS,   /* a head for each layer of W+, all on the body's last map */
    LT_ENCODER_W,       /* a linear layer */
    LT_ENCODER_WPLUS,   /* a batch norm and two linear layers */
};

/* A linear layer: weight (O, I), bias (O). */
struct lt_encoder_linear {
    lt_tensor *weight, *bias;
};

/* One head: convolutions halve a level of the pyramid to one pixel, and a linear layer makes a
 * latent of it. */
struct lt_encoder_head {
    int level;                                                    /* that the head reads */
    int convs;                                                    /* how many there are */
    lt_tensor *weight[LT_ENCODER_CONVS], *bias[LT_ENCODER_CONVS]; /* (D, C or D, 3, 3), (D) */
    struct lt_encoder_linear linear;                              /* (D, D) */
};

/* The tensors belong to the parameters. */
struct lt_encoder {
    lt_encoder_config config;
    enum lt_encoder_layers layers;
    bool deltas; /* the heads after the first give the distance from the first one's latent */
    struct lt_irse_body *body;
    /* The 1 x 1 convolutions (C, C_l, 1, 1), (C) of levels 1 and 2. */
    lt_tensor *lateral_weight[LT_IRSE_LEVELS], *lateral_bias[LT_IRSE_LEVELS];
    struct lt_encoder_head *head; /* one for each latent */
    struct lt_irse_norm norm;     /* LT_ENCODER_WPLUS */
    struct lt_encoder_linear pooled, linear;
    lt_tensor *latent_avg; /* (D), (1, D) or (L, D); NULL: nothing is added */
};

#endif
