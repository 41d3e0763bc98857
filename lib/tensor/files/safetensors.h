/* Weight files in the safetensors format: 8 bytes of little-endian header
 * length, a JSON header, raw little-endian row-major data.
 *
 * A file is memory-mapped and its header is treated as hostile: lengths,
 * offsets and products of shapes are checked against the file before anything
 * is used, overlapping and repeated tensors are refused, names must be free of
 * zero bytes. Gaps between tensors and bytes after the last are tolerated. The
 * file must not be made shorter while it is mapped: touching pages that are
 * gone ends the process (SIGBUS), as with any mapping. Files that this library
 * writes are replaced by renaming and are safe in this respect. */
#ifndef LT_TENSOR_SAFETENSORS_H
#define LT_TENSOR_SAFETENSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tensor/tensor.h"

LT_BEGIN_DECLS

#define LT_SAFETENSORS_MAX_HEADER ((uint64_t)100000000)

/* An open file. Mapped data lives until the file is closed and the last tensor
 * that borrows from it is gone, in either order. */
typedef struct lt_safetensors lt_safetensors;

/* What the header says of one tensor; belongs to the file. */
typedef struct lt_safetensors_info {
    const char *name;
    const char *dtype_name; /* as written in the file: "F32", "F8_E4M3", ... */
    bool known;             /* the library has this dtype; if not, `dtype` means nothing */
    lt_dtype dtype;
    int ndim;
    int64_t shape[LT_MAX_DIMS];
    uint64_t bytes;  /* in the file */
    uint64_t offset; /* of the data, from the beginning of the file */
} lt_safetensors_info;

/* Opens a file, to be closed with lt_safetensors_close(). Errors: LT_ERR_IO
 * where it cannot be read, LT_ERR_FORMAT where it is truncated, is not
 * safetensors or its header contradicts itself or the file, LT_ERR_UNSUPPORTED
 * for more than LT_MAX_DIMS dimensions, LT_ERR_MEMORY. */
LT_API lt_status lt_safetensors_open(lt_ctx *ctx, const char *path, lt_safetensors **out);
/* NULL is accepted. */
LT_API void lt_safetensors_close(lt_safetensors *file);

LT_API const char *lt_safetensors_path(const lt_safetensors *file);

/* The tensors, in the header's order; NULL past the end or for a name that is
 * not there. */
LT_API size_t lt_safetensors_count(const lt_safetensors *file);
LT_API const lt_safetensors_info *lt_safetensors_at(const lt_safetensors *file, size_t index);
LT_API const lt_safetensors_info *lt_safetensors_find(const lt_safetensors *file, const char *name);

/* The text under `key` of the file's metadata, or NULL; and all pairs. */
LT_API const char *lt_safetensors_metadata(const lt_safetensors *file, const char *key);
LT_API size_t lt_safetensors_metadata_count(const lt_safetensors *file);
LT_API bool lt_safetensors_metadata_at(const lt_safetensors *file, size_t index, const char **key,
                                       const char **value);

/* The named tensor in the file's own dtype, owned by the scope. Its data is the
 * mapping itself (writing to it changes memory only, never the file), or a copy
 * where it is not aligned to its element size. Errors: LT_ERR_MISSING,
 * LT_ERR_UNSUPPORTED for a dtype that the library does not have,
 * LT_ERR_MEMORY. */
LT_API lt_tensor *lt_safetensors_borrow(lt_ctx *ctx, const lt_safetensors *file, const char *name);

/* The named tensor in float32, owned by the scope: borrowed as above where it
 * is F32 in the file, else a converted copy of F16, BF16 or F64. Errors: as
 * above, and LT_ERR_DTYPE for integers. */
LT_API lt_tensor *lt_safetensors_f32(lt_ctx *ctx, const lt_safetensors *file, const char *name);

/* Writes `count` tensors in the given order and their own dtypes, with
 * `n_metadata` pairs of texts (arrays may be NULL where the counts are 0). The
 * bytes depend on the arguments only. Tensors of any strides are written
 * row-major. The file appears complete or not at all. Errors: LT_ERR_ARGUMENT
 * for a NULL or repeated name or key, LT_ERR_IO, LT_ERR_MEMORY. */
LT_API lt_status lt_safetensors_write(lt_ctx *ctx, const char *path, size_t count,
                                      const char *const *names, lt_tensor *const *tensors,
                                      size_t n_metadata, const char *const *keys,
                                      const char *const *values);

LT_END_DECLS

#endif
