/* Named tensors: the table, the metadata, loading and saving. */
#include "nn/params_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/tape.h"
#include "tensor/files/safetensors.h"
#include "tensor/hash.h"

/* Tensors are kept in the order of adding. A hash table with open addressing, at most half full,
 * finds them by name. */
struct entry {
    char *name;
    lt_tensor *tensor;
};

struct pair {
    char *key, *value;
};

struct lt_params {
    struct entry *entry;
    size_t count, cap;
    size_t *slot;
    size_t slots; /* 0, or a power of two */
    struct pair *pair;
    size_t pairs, pairs_cap;
};

/* ---- the table ---- */

static size_t hash(const char *name)
{
    const uint64_t h = lt_hash_text(LT_HASH_START, name);
    return (size_t)(h ^ h >> 32);
}

/* The slot that holds `name`, or else the free slot where it belongs. */
static size_t find_slot(const lt_params *p, const char *name)
{
    size_t at = hash(name) & (p->slots - 1);
    while (p->slot[at] && strcmp(p->entry[p->slot[at] - 1].name, name) != 0)
        at = (at + 1) & (p->slots - 1);
    return at;
}

static bool grow_table(lt_params *p)
{
    const size_t slots = p->slots ? 2 * p->slots : 64;
    size_t *fresh = calloc(slots, sizeof *fresh);
    if (!fresh)
        return false;
    free(p->slot);
    p->slot = fresh;
    p->slots = slots;
    for (size_t i = 0; i < p->count; i++)
        p->slot[find_slot(p, p->entry[i].name)] = i + 1;
    return true;
}

lt_status lt_params_create(lt_ctx *ctx, lt_params **out)
{
    *out = calloc(1, sizeof **out);
    return *out ? LT_OK : lt_fail(ctx, LT_ERR_MEMORY, "params: out of memory");
}

void lt_params_free(lt_params *params)
{
    if (!params)
        return;
    for (size_t i = 0; i < params->count; i++) {
        free(params->entry[i].name);
        lt_release(params->entry[i].tensor);
    }
    for (size_t i = 0; i < params->pairs; i++) {
        free(params->pair[i].key);
        free(params->pair[i].value);
    }
    free(params->entry);
    free(params->slot);
    free(params->pair);
    free(params);
}

lt_status lt_params_add(lt_ctx *ctx, lt_params *params, const char *name, lt_tensor *t)
{
    if (!t)
        return lt_ctx_status(ctx)
                   ? lt_ctx_status(ctx)
                   : lt_fail(ctx, LT_ERR_ARGUMENT, "params: tensor %s is NULL", name);
    if (lt_params_find(params, name))
        return lt_fail(ctx, LT_ERR_ARGUMENT, "params: tensor %s is there already", name);
    if (params->count == params->cap) {
        const size_t cap = params->cap ? 2 * params->cap : 32;
        struct entry *grown = realloc(params->entry, cap * sizeof *grown);
        if (!grown)
            return lt_fail(ctx, LT_ERR_MEMORY, "params: out of memory for tensor %s", name);
        params->entry = grown;
        params->cap = cap;
    }
    char *copy = strdup(name);
    if (!copy || (2 * params->count >= params->slots && !grow_table(params))) {
        free(copy);
        return lt_fail(ctx, LT_ERR_MEMORY, "params: out of memory for tensor %s", name);
    }
    const size_t at = find_slot(params, copy);
    params->entry[params->count] = (struct entry){copy, lt_retain(t)};
    params->slot[at] = ++params->count;
    return LT_OK;
}

lt_tensor *lt_params_new(lt_ctx *ctx, lt_params *params, const char *name, int ndim,
                         const int64_t *shape, lt_rng *rng, float mean, float std)
{
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *t = lt_full(ctx, ndim, shape, mean);
    lt_status status = t ? LT_OK : lt_ctx_status(ctx);
    if (status == LT_OK && std != 0.0f)
        status = lt_fill_normal(ctx, t, rng, mean, std);
    if (status == LT_OK)
        status = lt_params_add(ctx, params, name, t);
    lt_scope_close(ctx, scope, NULL); /* the set holds a reference of its own */
    return status == LT_OK ? t : NULL;
}

lt_tensor *lt_params_find(const lt_params *params, const char *name)
{
    if (params->slots == 0)
        return NULL;
    const size_t at = params->slot[find_slot(params, name)];
    return at ? params->entry[at - 1].tensor : NULL;
}

/* Writes an expected shape such as "(512, *, 3)" to buf, * for a size of -1. */
static const char *wanted_string(int ndim, const int64_t *shape, char *buf, size_t cap)
{
    size_t at = 0;
    buf[0] = '\0';
    for (int i = 0; i < ndim && at < cap; i++) {
        at += (size_t)snprintf(buf + at, cap - at, i ? ", " : "(");
        if (at < cap && shape[i] < 0)
            at += (size_t)snprintf(buf + at, cap - at, "*");
        else if (at < cap)
            at += (size_t)snprintf(buf + at, cap - at, "%lld", (long long)shape[i]);
    }
    if (at < cap)
        snprintf(buf + at, cap - at, "%s", ndim == 0 ? "()" : ndim == 1 ? ",)" : ")");
    return buf;
}

static bool is_float(lt_dtype dtype)
{
    return dtype == LT_F32 || dtype == LT_F16 || dtype == LT_BF16 || dtype == LT_F64;
}

lt_tensor *lt_params_get_any(lt_ctx *ctx, const lt_params *params, const char *name, int ndim,
                             const int64_t *shape)
{
    lt_tensor *t = lt_params_find(params, name);
    if (!t) {
        lt_fail(ctx, LT_ERR_MISSING, "params: there is no tensor %s", name);
        return NULL;
    }
    /* An empty tensor fits only a caller who asks for one. */
    bool fits = lt_ndim(t) == ndim;
    for (int i = 0; fits && i < ndim; i++)
        fits = shape[i] < 0 ? lt_dim(t, i) > 0 : lt_dim(t, i) == shape[i];
    if (!fits) {
        char found[80], wanted[80];
        lt_fail(ctx, LT_ERR_SHAPE, "params: tensor %s is %s, expected %s", name,
                lt_shape_string(t, found, sizeof found),
                wanted_string(ndim, shape, wanted, sizeof wanted));
        return NULL;
    }
    return t;
}

lt_tensor *lt_params_get(lt_ctx *ctx, const lt_params *params, const char *name, int ndim,
                         const int64_t *shape)
{
    lt_tensor *t = lt_params_get_any(ctx, params, name, ndim, shape);
    if (!t || is_float(lt_type(t)))
        return t;
    lt_fail(ctx, LT_ERR_DTYPE, "params: tensor %s is %s, expected a floating-point type", name,
            lt_dtype_name(lt_type(t)));
    return NULL;
}

lt_tensor *lt_params_get_joined(lt_ctx *ctx, const lt_params *params, const char *prefix,
                                const char *suffix, int ndim, const int64_t *shape)
{
    char name[128];
    snprintf(name, sizeof name, "%s%s", prefix, suffix);
    return lt_params_get(ctx, params, name, ndim, shape);
}

size_t lt_params_count(const lt_params *params) { return params->count; }

const char *lt_params_name(const lt_params *params, size_t i)
{
    return i < params->count ? params->entry[i].name : NULL;
}

lt_tensor *lt_params_at(const lt_params *params, size_t i)
{
    return i < params->count ? params->entry[i].tensor : NULL;
}

int64_t lt_params_elements(const lt_params *params)
{
    int64_t n = 0;
    for (size_t i = 0; i < params->count; i++)
        if (is_float(lt_type(params->entry[i].tensor)))
            n += lt_numel(params->entry[i].tensor);
    return n;
}

lt_status lt_params_check_finite(lt_ctx *ctx, const lt_params *params)
{
    lt_status status = LT_OK;
    for (size_t i = 0; i < params->count && status == LT_OK; i++) {
        const lt_dtype type = lt_type(params->entry[i].tensor);
        char what[128];
        snprintf(what, sizeof what, "tensor %s", params->entry[i].name);
        if (type == LT_F32 || type == LT_F16 || type == LT_BF16)
            status = lt_check_finite(ctx, params->entry[i].tensor, what);
    }
    return status;
}

lt_status lt_params_require_grad(lt_ctx *ctx, lt_params *params, const char *prefix, bool on)
{
    const size_t length = prefix ? strlen(prefix) : 0;
    for (size_t i = 0; i < params->count; i++) {
        const struct entry *e = &params->entry[i];
        if (lt_type(e->tensor) != LT_F32 || (prefix && strncmp(e->name, prefix, length) != 0))
            continue;
        const lt_status status = lt_set_requires_grad(ctx, e->tensor, on);
        if (status)
            return status;
    }
    return LT_OK;
}

/* ---- metadata ---- */

static struct pair *find_pair(const lt_params *params, const char *key)
{
    for (size_t i = 0; i < params->pairs; i++)
        if (strcmp(params->pair[i].key, key) == 0)
            return &params->pair[i];
    return NULL;
}

const char *lt_params_metadata(const lt_params *params, const char *key)
{
    const struct pair *p = find_pair(params, key);
    return p ? p->value : NULL;
}

lt_status lt_params_set_metadata(lt_ctx *ctx, lt_params *params, const char *key, const char *value)
{
    struct pair *old = find_pair(params, key);
    if (!old && params->pairs == params->pairs_cap) {
        const size_t cap = params->pairs_cap ? 2 * params->pairs_cap : 8;
        struct pair *grown = realloc(params->pair, cap * sizeof *grown);
        if (!grown)
            return lt_fail(ctx, LT_ERR_MEMORY, "params: out of memory for metadata %s", key);
        params->pair = grown;
        params->pairs_cap = cap;
    }
    char *v = strdup(value);
    char *k = old ? old->key : strdup(key);
    if (!v || !k) {
        free(v);
        if (!old)
            free(k);
        return lt_fail(ctx, LT_ERR_MEMORY, "params: out of memory for metadata %s", key);
    }
    if (old) {
        free(old->value);
        old->value = v;
    } else {
        params->pair[params->pairs++] = (struct pair){k, v};
    }
    return LT_OK;
}

size_t lt_params_metadata_count(const lt_params *params) { return params->pairs; }

const char *lt_params_metadata_key(const lt_params *params, size_t i)
{
    return i < params->pairs ? params->pair[i].key : NULL;
}

/* ---- files ---- */

/* Adds the tensors of an open file; 16-bit ones become float32 unless keep_half. */
static lt_status add_file(lt_ctx *ctx, lt_params *params, const lt_safetensors *file,
                          const char *prefix, bool keep_half)
{
    lt_status status = LT_OK;
    const lt_scope scope = lt_scope_open(ctx);
    const size_t skip = prefix ? strlen(prefix) : 0;
    for (size_t i = 0; status == LT_OK && i < lt_safetensors_count(file); i++) {
        const lt_safetensors_info *info = lt_safetensors_at(file, i);
        if (prefix && strncmp(info->name, prefix, skip) != 0)
            continue;
        const bool half = info->dtype == LT_F16 || info->dtype == LT_BF16;
        lt_tensor *t = info->known && is_float(info->dtype) && !(half && keep_half)
                           ? lt_safetensors_f32(ctx, file, info->name)
                           : lt_safetensors_borrow(ctx, file, info->name);
        status = lt_params_add(ctx, params, info->name + skip, t);
    }
    for (size_t i = 0; status == LT_OK && i < lt_safetensors_metadata_count(file); i++) {
        const char *key, *value;
        if (lt_safetensors_metadata_at(file, i, &key, &value))
            status = lt_params_set_metadata(ctx, params, key, value);
    }
    lt_scope_close(ctx, scope, NULL);
    return status;
}

/* Opens a file, adds its tensors as add_file() does, and closes it. */
static lt_status add_path(lt_ctx *ctx, lt_params *params, const char *path, const char *prefix,
                          bool keep_half)
{
    lt_safetensors *file = NULL;
    lt_status status = lt_safetensors_open(ctx, path, &file);
    if (status == LT_OK)
        status = add_file(ctx, params, file, prefix, keep_half);
    lt_safetensors_close(file);
    return status;
}

lt_status lt_params_load(lt_ctx *ctx, lt_params *params, const char *path, const char *prefix)
{
    return add_path(ctx, params, path, prefix, false);
}

lt_status lt_params_map(lt_ctx *ctx, lt_params *params, const char *path, const char *prefix)
{
    return add_path(ctx, params, path, prefix, true);
}

lt_status lt_params_load_from(lt_ctx *ctx, lt_params *params, const lt_safetensors *file,
                              const char *prefix)
{
    return add_file(ctx, params, file, prefix, false);
}

lt_status lt_params_map_from(lt_ctx *ctx, lt_params *params, const lt_safetensors *file,
                             const char *prefix)
{
    return add_file(ctx, params, file, prefix, true);
}

lt_status lt_params_save(lt_ctx *ctx, const lt_params *params, const char *path,
                         lt_dtype float_type)
{
    if (float_type != LT_F32 && float_type != LT_F16 && float_type != LT_BF16)
        return lt_fail(ctx, LT_ERR_DTYPE, "params: cannot save as %s, expected F32, F16 or BF16",
                       lt_dtype_name(float_type));
    const lt_scope scope = lt_scope_open(ctx);
    const char **names = calloc(params->count + 1, sizeof *names);
    lt_tensor **tensors = calloc(params->count + 1, sizeof *tensors);
    const char **keys = calloc(params->pairs + 1, sizeof *keys);
    const char **values = calloc(params->pairs + 1, sizeof *values);
    lt_status status = LT_OK;
    if (!names || !tensors || !keys || !values) {
        status = lt_fail(ctx, LT_ERR_MEMORY, "params: out of memory for saving %s", path);
        goto done;
    }
    for (size_t i = 0; i < params->count; i++) {
        lt_tensor *t = params->entry[i].tensor;
        names[i] = params->entry[i].name;
        tensors[i] =
            is_float(lt_type(t)) && lt_type(t) != float_type ? lt_cast(ctx, t, float_type) : t;
        if (!tensors[i]) {
            status = lt_ctx_status(ctx);
            goto done;
        }
    }
    for (size_t i = 0; i < params->pairs; i++) {
        keys[i] = params->pair[i].key;
        values[i] = params->pair[i].value;
    }
    status =
        lt_safetensors_write(ctx, path, params->count, names, tensors, params->pairs, keys, values);
done:
    free(names);
    free(tensors);
    free(keys);
    free(values);
    lt_scope_close(ctx, scope, NULL);
    return status;
}
