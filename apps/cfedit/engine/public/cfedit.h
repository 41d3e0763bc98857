/* libcfedit: edits pictures by a sentence, on libtensor.
 *
 *     #include <cfedit.h>
 *     #include <stdio.h>
 *
 *     int main(void)                        // the face of seed 7 with green lips
 *     {
 *         lt_ctx *ctx;
 *         ce_model *model = NULL;
 *         ce_edited edited = {0};
 *         if (lt_ctx_create(&ctx) != LT_OK)
 *             return 1;
 *         ce_request request = ce_request_defaults();
 *         request.target = "face with green lips";
 *         if (ce_model_open(ctx, NULL, &model) == LT_OK &&
 *             ce_edit_latents(model, &request, ce_faces(model, (int64_t[]){7}, 1),
 *                             &edited) == LT_OK)
 *             printf("match %.3f -> %.3f\n", edited.match_before, edited.match_after);
 *         else
 *             printf("%s\n", lt_ctx_message(ctx));
 *         ce_edited_free(&edited);
 *         ce_model_close(model);
 *         lt_ctx_destroy(ctx);
 *         return 0;
 *     }
 *
 *     cc lips.c $(pkg-config --cflags --libs libcfedit)
 *
 * Where to find what, simple things first:
 *
 *     ce_model_open()      a model: generator, CLIP, tokenizer and what else lies in its folder
 *     ce_faces()           latents of random pictures;  ce_latents_read()  latents of a file
 *     ce_draw()            the pictures of latents;  ce_picture_to_rgb()  their pixels
 *     ce_edit_latents()    edits pictures of the generator;  ce_edit_picture()  edits any picture
 *     ce_invert()          the latent of any picture
 *     ce_train_mapper()    trains one mapper for a sentence over many latents
 *     ce_apply_mapper()    edits with a trained mapper
 *     ce_method_at()       the methods;  ce_setting_name()  their settings
 *
 * Conventions. Every function that can fail returns an lt_status, or NULL in place of a tensor; the
 * message stands in the model's context (lt_ctx_message()). Nothing prints, exits or aborts.
 * Tensors that are returned belong to the innermost open scope of the context (lt_scope_open());
 * tensors in result structs are retained and released by the struct's own free function. A model
 * and its context are used by one thread at a time. Letters in shapes: N pictures, L layers of the
 * latent, D numbers a layer, S the side of the generator's pictures, H and W the sides of any
 * picture. */
#ifndef CFEDIT_H
#define CFEDIT_H

#include <libtensor.h>

LT_BEGIN_DECLS

/* ---- a model ---- */

/* The networks of one model, opened when they are first needed. */
typedef struct ce_model ce_model;

/* Single files that take the place of a folder's. NULL: not said. */
typedef struct ce_model_files {
    const char *folder;    /* the model's folder, as ce_model_open() takes it */
    const char *generator; /* StyleGAN2: generator.safetensors */
    const char *clip;      /* CLIP: clip.safetensors */
    const char *bpe;       /* the merge list of CLIP's tokenizer, where the CLIP file has none */
    const char *identity;  /* IR-SE50, for the identity loss: identity.safetensors */
    const char *vgg;       /* VGG19, for the perceptual loss: vgg.safetensors */
    const char *encoder;   /* for inversion: encoder.safetensors */
    const char *concepts;  /* the words of the model: concepts.json beside the CLIP file */
} ce_model_files;

/* Opens generator, CLIP and tokenizer of the model in `folder`. NULL: the folder in the environment
 * variable CFEDIT_MODEL, else the model that was installed with this library. *model is closed with
 * ce_model_close(); it is NULL after a failure. ctx is borrowed and must outlive the model. Errors:
 * LT_ERR_IO, LT_ERR_FORMAT, LT_ERR_MISSING, LT_ERR_SHAPE, LT_ERR_DTYPE, LT_ERR_MEMORY, each naming
 * the file. */
LT_API lt_status ce_model_open(lt_ctx *ctx, const char *folder, ce_model **model);

/* Opens a model whose files are named one by one. Errors: as ce_model_open(). */
LT_API lt_status ce_model_open_files(lt_ctx *ctx, const ce_model_files *files, ce_model **model);

/* Closes a model. NULL is accepted. */
LT_API void ce_model_close(ce_model *model);

/* Facts about a model's generator. */
typedef struct ce_model_info {
    int size;           /* S: side of the pictures, in pixels */
    int latents;        /* L */
    int style_dim;      /* D */
    double truncation;  /* of ce_faces(): 1 none, 0 the average picture */
    const char *domain; /* the word for what the generator draws, "face"; the model's */
} ce_model_info;
LT_API ce_model_info ce_model_describe(const ce_model *model);

/* ---- latents and pictures ---- */

/* W+ latents (N,L,D) of random pictures. The picture of a seed is fixed by the seed and the model:
 * z is standard normal, drawn from lt_rng_make(seed, 0), then mapped and truncated. */
LT_API lt_tensor *ce_faces(ce_model *model, const int64_t *seeds, int64_t count);

/* W+ latents (N,L,D) from a safetensors file: tensor `latents` (N,L,D); (N,D) or (N,1,D), repeated
 * to all layers; or (L,D), with as many rows as the generator has layers, as one latent. "FILE:I"
 * takes row I alone. Errors: LT_ERR_IO, LT_ERR_FORMAT, LT_ERR_SHAPE where they belong to another
 * generator. */
LT_API lt_tensor *ce_latents_read(ce_model *model, const char *selection);

/* The pictures (N,3,S,S) of W+ latents (N,L,D), values about [-1,1], with the generator's fixed
 * noise and without gradient. */
LT_API lt_tensor *ce_draw(ce_model *model, lt_tensor *latents);

/* A picture (1,3,H,W) in [-1,1] from 8-bit RGB pixels, row by row without padding. */
LT_API lt_tensor *ce_picture_from_rgb(lt_ctx *ctx, const uint8_t *rgb, int width, int height);

/* Picture `index` of float32 pictures (3,H,W) or (N,3,H,W) as 8-bit RGB pixels, row by row: rgb has
 * room for 3 H W bytes. Values are clamped to [-1,1] and rounded to the nearest byte, ties to even;
 * NaN becomes 0. Any strides. Errors: LT_ERR_SHAPE, LT_ERR_DTYPE, LT_ERR_ARGUMENT. */
LT_API lt_status ce_picture_to_rgb(lt_ctx *ctx, const lt_tensor *pictures, int64_t index,
                                   uint8_t *rgb);

/* ---- methods and their settings ---- */

/* The names of the editing methods; the first is the default. NULL past the last. */
LT_API const char *ce_method_at(size_t i);

/* The names of the settings; not every method has each. NULL past the last. */
LT_API const char *ce_setting_name(size_t i);

/* One sentence about a setting: what it does, and its values. NULL for an unknown name. */
LT_API const char *ce_setting_help(const char *name);

/* A setting and its value as text: {"steps", "100"}, {"focus", "off"}. */
typedef struct ce_choice {
    const char *name, *value;
} ce_choice;

/* ---- editing ---- */

/* Told while something is under way: after each step, counted from 1 over all pictures, and before
 * long preparations, which `stage` names in words (NULL otherwise). `steps` is the number of steps
 * in all, `loss` the loss before the step, NaN where there is none. False stops the work after this
 * step; what was found so far is the result. */
typedef bool ce_watch(void *user, int64_t step, int64_t steps, const char *stage, double loss);

/* What an edit is asked for. Strings are borrowed for the length of the call. */
typedef struct ce_request {
    const char *target;        /* what the picture shall show: "face with green lips" */
    const char *source;        /* what it shows now; NULL: the model's domain word */
    const char *method;        /* NULL: the default */
    const ce_choice *settings; /* [setting_count] settings that differ from the method's own */
    size_t setting_count;
    const char *const
        *contrasts;     /* [contrast_count] sentences that the picture must not be taken */
    int contrast_count; /* for; NULL: made from the target */
    float strength;     /* 0 leaves the picture as it is, 1 is the full edit */
    uint64_t seed;      /* of the random augmentation */
    ce_watch *watch;    /* NULL: nobody is told */
    void *user;         /* given to `watch` */
} ce_request;

/* Strength 1, seed 0, everything else NULL. */
LT_API ce_request ce_request_defaults(void);

/* An edited picture. */
typedef struct ce_edited {
    lt_tensor *before, *after; /* (1,3,S,S) */
    lt_tensor *latents;        /* (1,L,D): the edited W+; the source's for an edit in StyleSpace */
    double match_before;       /* cosine of the picture's CLIP embedding with the target's, */
    double match_after;        /* before and after the edit */
    double seconds;
} ce_edited;
LT_API void ce_edited_free(ce_edited *edited);

/* Edits the pictures of W+ latents (N,L,D). results[N] must be freed with ce_edited_free(), also
 * after a failure. Errors: LT_ERR_ARGUMENT (no target, an unknown method or setting, a value out of
 * range, a network that a setting needs and the model lacks), LT_ERR_SHAPE, LT_ERR_NUMERIC,
 * LT_ERR_MEMORY. */
LT_API lt_status ce_edit_latents(ce_model *model, const ce_request *request, lt_tensor *latents,
                                 ce_edited *results);

/* Edits one picture (1,3,H,W) of any size in [-1,1]: its middle square is inverted by ce_invert()
 * with the default settings, then edited. `before` is the generator's picture of the found latent.
 * The watch is told of both. Errors: as ce_edit_latents(). */
LT_API lt_status ce_edit_picture(ce_model *model, const ce_request *request, lt_tensor *picture,
                                 ce_edited *result);

/* ---- inversion ---- */

/* How a latent is searched for. */
typedef struct ce_inversion {
    int steps;       /* of optimisation; 0: the start alone, an encoder's where the model has one */
    float lr;        /* learning rate */
    float l2_lambda; /* weight of the distance from the start */
    float perc_lambda; /* weight of the perceptual loss; needs VGG19 where it is not 0 */
    ce_watch *watch;   /* NULL: nobody is told */
    void *user;
} ce_inversion;
LT_API ce_inversion ce_inversion_defaults(void);

/* The latent of a picture. */
typedef struct ce_inverted {
    lt_tensor *latents; /* (1,L,D) */
    lt_tensor *picture; /* (1,3,S,S): what the generator draws of it */
    lt_tensor *target;  /* (1,3,S,S): the middle square of the given picture, at the same size */
    double psnr;        /* of `picture` against `target`, in dB */
    double seconds;
} ce_inverted;
LT_API void ce_inverted_free(ce_inverted *inverted);

/* Finds the W+ latent of a picture (1,3,H,W) of any size in [-1,1] by optimisation (Abdal et al.
 * 2019), from the model's encoder where there is one. *result must be freed with
 * ce_inverted_free(), also after a failure. */
LT_API lt_status ce_invert(ce_model *model, const ce_inversion *how, lt_tensor *picture,
                           ce_inverted *result);

/* ---- mappers ---- */

/* Trains a CF-CLIP mapper for request->target over W+ latents (N,L,D) for `steps` steps and writes
 * it to the safetensors file `path`. Settings are those of the method "cf-clip-mapper", the
 * defaults those of the published training without identity loss; request->method is not read.
 * Errors: LT_ERR_ARGUMENT, LT_ERR_SHAPE, LT_ERR_NUMERIC, LT_ERR_IO, LT_ERR_MEMORY. */
LT_API lt_status ce_train_mapper(ce_model *model, const ce_request *request, lt_tensor *latents,
                                 int64_t steps, const char *path);

/* Edits the pictures of W+ latents (N,L,D) with the trained mapper in the file `path`. `target`
 * NULL is the text that the mapper was trained for. results[N] as of ce_edit_latents(). Errors:
 * LT_ERR_IO, LT_ERR_FORMAT, LT_ERR_MISSING, LT_ERR_SHAPE, naming the file. */
LT_API lt_status ce_apply_mapper(ce_model *model, const char *path, const char *target,
                                 lt_tensor *latents, float strength, ce_edited *results);

LT_END_DECLS

#endif
