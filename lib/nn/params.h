/* Named tensors: the weights of a network under the names that its checkpoint has.
 *
 * A model is built from an lt_params, an optimiser steps its tensors, and a checkpoint is saved
 * from it. It holds a reference to each tensor. Models and optimisers borrow it: it must outlive
 * them. */
#ifndef LT_NN_PARAMS_H
#define LT_NN_PARAMS_H

#include "tensor/files/safetensors.h"
#include "tensor/rng.h"
#include "tensor/tensor.h"

LT_BEGIN_DECLS

typedef struct lt_params lt_params;

/* Makes an empty set. *out is the caller's, who gives it to lt_params_free(). Errors:
 * LT_ERR_MEMORY. */
LT_API lt_status lt_params_create(lt_ctx *ctx, lt_params **out);

/* Frees a set and releases its tensors. NULL is accepted. */
LT_API void lt_params_free(lt_params *params);

/* Adds every tensor of a safetensors file whose name starts with `prefix` (NULL: every tensor),
 * with the prefix removed from its name, and the metadata of the file. Floating-point tensors
 * become float32; those that are float32 in the file are mapped into memory, private to this
 * process. Integer tensors keep their type. Errors: LT_ERR_IO, LT_ERR_FORMAT (not a safetensors
 * file), LT_ERR_ARGUMENT (the set has a tensor of that name already), LT_ERR_MEMORY. */
LT_API lt_status lt_params_load(lt_ctx *ctx, lt_params *params, const char *path,
                                const char *prefix);

/* lt_params_load() that leaves float16 and bfloat16 tensors as they are in the file, mapped: they
 * take half the memory, and nothing is read before its first use. For networks that accept such
 * weights: lt_clip_create(). */
LT_API lt_status lt_params_map(lt_ctx *ctx, lt_params *params, const char *path,
                               const char *prefix);

/* lt_params_load() from a file that is open already. The file may be closed afterwards: mapped data
 * lives as long as the tensors. */
LT_API lt_status lt_params_load_from(lt_ctx *ctx, lt_params *params, const lt_safetensors *file,
                                     const char *prefix);

/* lt_params_map() from a file that is open already, which may be closed afterwards. */
LT_API lt_status lt_params_map_from(lt_ctx *ctx, lt_params *params, const lt_safetensors *file,
                                    const char *prefix);

/* Writes all tensors and metadata to a safetensors file, floating-point tensors as float_type
 * (LT_F32, LT_F16 or LT_BF16). The file is written under a temporary name and then renamed. Errors:
 * LT_ERR_DTYPE (another float_type), LT_ERR_IO, LT_ERR_MEMORY. */
LT_API lt_status lt_params_save(lt_ctx *ctx, const lt_params *params, const char *path,
                                lt_dtype float_type);

/* Adds t under a copy of `name` and retains it. Errors: LT_ERR_ARGUMENT (t is NULL, or the set has
 * a tensor of that name), LT_ERR_MEMORY. */
LT_API lt_status lt_params_add(lt_ctx *ctx, lt_params *params, const char *name, lt_tensor *t);

/* Adds a new float32 tensor of normally distributed values, or, where std is 0, of the value `mean`
 * throughout. Returns the tensor, which belongs to the set; NULL after a failure. rng may be NULL
 * where std is 0. */
LT_API lt_tensor *lt_params_new(lt_ctx *ctx, lt_params *params, const char *name, int ndim,
                                const int64_t *shape, lt_rng *rng, float mean, float std);

/* The tensor of that name, which belongs to the set, or NULL where there is none. Records no
 * failure. */
LT_API lt_tensor *lt_params_find(const lt_params *params, const char *name);

/* The tensor of that name and shape, in which a size of -1 matches any above 0. Returns NULL after
 * recording LT_ERR_MISSING, LT_ERR_DTYPE (only floating-point types are weights) or LT_ERR_SHAPE
 * with the name and both shapes. */
LT_API lt_tensor *lt_params_get(lt_ctx *ctx, const lt_params *params, const char *name, int ndim,
                                const int64_t *shape);

/* lt_params_get() for a tensor of any type, integers included. */
LT_API lt_tensor *lt_params_get_any(lt_ctx *ctx, const lt_params *params, const char *name,
                                    int ndim, const int64_t *shape);

/* The number of tensors. */
LT_API size_t lt_params_count(const lt_params *params);

/* The name of tensor i, in the order of adding; NULL past the end. */
LT_API const char *lt_params_name(const lt_params *params, size_t i);

/* Tensor i, in the order of adding; NULL past the end. */
LT_API lt_tensor *lt_params_at(const lt_params *params, size_t i);

/* Fails with LT_ERR_NUMERIC, naming the tensor, if one of the set holds a NaN or an infinity. All
 * values are read, for which mapped tensors are loaded from their file. */
LT_API lt_status lt_params_check_finite(lt_ctx *ctx, const lt_params *params);

/* The number of elements of all floating-point tensors together. */
LT_API int64_t lt_params_elements(const lt_params *params);

/* The metadata string of that key, which belongs to the set; NULL where there is none. */
LT_API const char *lt_params_metadata(const lt_params *params, const char *key);

/* Sets or replaces a metadata string; key and value are copied. Errors: LT_ERR_MEMORY. */
LT_API lt_status lt_params_set_metadata(lt_ctx *ctx, lt_params *params, const char *key,
                                        const char *value);

/* The number of metadata strings. */
LT_API size_t lt_params_metadata_count(const lt_params *params);

/* The key of metadata string i, in the order of setting; NULL past the end. */
LT_API const char *lt_params_metadata_key(const lt_params *params, size_t i);

/* Makes all float32 tensors whose name starts with `prefix` (NULL: all of them) require a gradient,
 * or no longer. */
LT_API lt_status lt_params_require_grad(lt_ctx *ctx, lt_params *params, const char *prefix,
                                        bool on);

LT_END_DECLS

#endif
