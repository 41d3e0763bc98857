/* Named tensors: the weights of a network as a checkpoint names them.
 *
 * One lt_params serves as what a model is built from, what an optimiser steps,
 * and what is saved. Tensors are retained; models borrow from it, so it must
 * outlive them. */
#ifndef LT_NN_PARAMS_H
#define LT_NN_PARAMS_H

#include "tensor/rng.h"
#include "tensor/tensor.h"

LT_BEGIN_DECLS

typedef struct lt_params lt_params;

LT_API lt_status lt_params_create(lt_ctx *ctx, lt_params **out);
LT_API void lt_params_free(lt_params *params); /* NULL is accepted */

/* Adds every tensor of a safetensors file whose name starts with `prefix` (NULL:
 * all), the prefix removed; its metadata too. Floating-point tensors become
 * float32 (float32 ones are mapped, copy-on-write), integers keep their type.
 * Errors: LT_ERR_IO, LT_ERR_FORMAT, LT_ERR_ARGUMENT for a name twice. */
LT_API lt_status lt_params_load(lt_ctx *ctx, lt_params *params, const char *path,
                                const char *prefix);
/* The same, but float16 and bfloat16 tensors stay as they are in the file, mapped: half the memory,
 * nothing to read before use. For networks that take them so (lt_clip_create()). */
LT_API lt_status lt_params_map(lt_ctx *ctx, lt_params *params, const char *path,
                               const char *prefix);
/* Writes all tensors and metadata, floating-point ones as `float_type`
 * (LT_F32, LT_F16 or LT_BF16), atomically. */
LT_API lt_status lt_params_save(lt_ctx *ctx, const lt_params *params, const char *path,
                                lt_dtype float_type);

/* Adds (retains) one tensor; a name twice is LT_ERR_ARGUMENT. */
LT_API lt_status lt_params_add(lt_ctx *ctx, lt_params *params, const char *name, lt_tensor *t);
/* A new tensor of normal values, or of one value where std is 0, added under `name`. */
LT_API lt_tensor *lt_params_new(lt_ctx *ctx, lt_params *params, const char *name, int ndim,
                                const int64_t *shape, lt_rng *rng, float mean, float std);

/* By name: find gives NULL where there is none (no failure); get fails with
 * LT_ERR_MISSING or LT_ERR_SHAPE, naming tensor, expected and found shape; a
 * size of -1 matches any. */
LT_API lt_tensor *lt_params_find(const lt_params *params, const char *name);
LT_API lt_tensor *lt_params_get(lt_ctx *ctx, const lt_params *params, const char *name, int ndim,
                                const int64_t *shape);
/* By position, in the order of adding. */
LT_API size_t lt_params_count(const lt_params *params);
LT_API const char *lt_params_name(const lt_params *params, size_t i);
LT_API lt_tensor *lt_params_at(const lt_params *params, size_t i);
/* Elements of all floating-point tensors. */
LT_API int64_t lt_params_elements(const lt_params *params);

/* Metadata strings; NULL where there is none. Setting copies both. */
LT_API const char *lt_params_metadata(const lt_params *params, const char *key);
LT_API lt_status lt_params_set_metadata(lt_ctx *ctx, lt_params *params, const char *key,
                                        const char *value);
LT_API size_t lt_params_metadata_count(const lt_params *params);
LT_API const char *lt_params_metadata_key(const lt_params *params, size_t i);

/* Switches gradients of all float32 tensors whose name starts with `prefix`
 * (NULL: all). */
LT_API lt_status lt_params_require_grad(lt_ctx *ctx, lt_params *params, const char *prefix,
                                        bool on);

LT_END_DECLS

#endif
