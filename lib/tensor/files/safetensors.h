/* Weight files in the safetensors format: the length of the header in 8 bytes, the header in JSON,
 * then raw row-major data; all numbers are little-endian.
 *
 * Files are mapped into memory, and their headers are treated as hostile. Lengths, offsets and
 * products of shapes are checked against the file before anything is used. Tensors that overlap or
 * are repeated are refused, and so are names with zero bytes. Gaps between tensors and bytes after
 * the last one are tolerated. A file must not become shorter while it is mapped: touching pages
 * that are gone ends the process (SIGBUS), as with any mapping. Files that this library writes are
 * replaced by renaming, so their mappings stay whole. */
#ifndef LT_TENSOR_SAFETENSORS_H
#define LT_TENSOR_SAFETENSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tensor/tensor.h"

LT_BEGIN_DECLS

/* The most bytes of a header. */
#define LT_SAFETENSORS_MAX_HEADER ((uint64_t)100000000)

/* An open file. Its mapping lives until the file is closed and the last tensor that borrows from it
 * is gone, in any order. */
typedef struct lt_safetensors lt_safetensors;

/* What the header says about one tensor. The file owns it. */
typedef struct lt_safetensors_info {
    const char *name;
    const char *dtype_name; /* as written in the file: "F32", "F8_E4M3", ... */
    bool known;             /* whether the library has this type; else `dtype` means nothing */
    lt_dtype dtype;
    int ndim;
    int64_t shape[LT_MAX_DIMS];
    uint64_t bytes;  /* of its data */
    uint64_t offset; /* of its data, from the beginning of the file */
} lt_safetensors_info;

/* Opens a file, which the caller closes with lt_safetensors_close(). A pipe is read to its end into
 * memory. Errors: LT_ERR_IO where it
 * cannot be read; LT_ERR_FORMAT where it is truncated, is no safetensors file, or has a header that
 * contradicts itself or the file; LT_ERR_UNSUPPORTED for more than LT_MAX_DIMS axes;
 * LT_ERR_MEMORY. */
LT_API lt_status lt_safetensors_open(lt_ctx *ctx, const char *path, lt_safetensors **out);
/* Closes a file; tensors that borrow from it stay valid. NULL is accepted. */
LT_API void lt_safetensors_close(lt_safetensors *file);

/* The path under which the file was opened. */
LT_API const char *lt_safetensors_path(const lt_safetensors *file);

/* The number of tensors. */
LT_API size_t lt_safetensors_count(const lt_safetensors *file);
/* Tensor number `index` in the order of the header; NULL past the end. */
LT_API const lt_safetensors_info *lt_safetensors_at(const lt_safetensors *file, size_t index);
/* The tensor of this name; NULL where there is none. */
LT_API const lt_safetensors_info *lt_safetensors_find(const lt_safetensors *file, const char *name);

/* The text under `key` of the file's metadata; NULL where there is none. */
LT_API const char *lt_safetensors_metadata(const lt_safetensors *file, const char *key);
/* The number of pairs of the metadata. */
LT_API size_t lt_safetensors_metadata_count(const lt_safetensors *file);
/* Pair number `index` of the metadata; false past the end. The file owns the texts. */
LT_API bool lt_safetensors_metadata_at(const lt_safetensors *file, size_t index, const char **key,
                                       const char **value);

/* The tensor of this name in the type that it has in the file, owned by the scope. Its data is the
 * mapping itself; writing to it changes memory only, never the file. Data that is not aligned to
 * the size of an element is copied. Errors: LT_ERR_MISSING, LT_ERR_UNSUPPORTED for a type that the
 * library does not have, LT_ERR_MEMORY. */
LT_API lt_tensor *lt_safetensors_borrow(lt_ctx *ctx, const lt_safetensors *file, const char *name);

/* The tensor of this name in float32, owned by the scope. F32 is borrowed as
 * lt_safetensors_borrow() does it; F16, BF16 and F64 are converted. Errors: LT_ERR_MISSING,
 * LT_ERR_DTYPE for integers, LT_ERR_UNSUPPORTED for a type that the library does not have,
 * LT_ERR_MEMORY. */
LT_API lt_tensor *lt_safetensors_f32(lt_ctx *ctx, const lt_safetensors *file, const char *name);

/* Writes `count` tensors, in the given order and in their own types, and `n_metadata` pairs of
 * texts. Arrays may be NULL where their count is 0. Tensors of any strides are written row-major.
 * The bytes of the file depend on the arguments only. The file is written completely or not at all.
 * Errors: LT_ERR_ARGUMENT for a NULL or repeated name or key, LT_ERR_UNSUPPORTED for a header
 * beyond LT_SAFETENSORS_MAX_HEADER, LT_ERR_IO, LT_ERR_MEMORY. */
LT_API lt_status lt_safetensors_write(lt_ctx *ctx, const char *path, size_t count,
                                      const char *const *names, lt_tensor *const *tensors,
                                      size_t n_metadata, const char *const *keys,
                                      const char *const *values);

LT_END_DECLS

#endif
