#include "engine/mapper/mapper.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/ops.h"
#include "engine/kinds.h"
#include "engine/text.h"

enum { MAPPER_DEPTH = 4, PREFIX_CAP = 40, STACK_CAP = 64, NAME_CAP = 96 };

#define MAPPER_LR_MUL   0.01f
#define MAPPER_RESIDUAL 0.1f

/* A fully connected layer: EqualLinear with the fused leaky ReLU of StyleGAN2's code. */
struct dense {
    lt_tensor *weight, *bias; /* (out, in), (out) */
};

struct stack {
    struct dense layer[MAPPER_DEPTH];
};

struct ce_mapper {
    struct ce_mapper_config config;
    struct dense fuse;
    struct stack level[CE_LEVELS];
    struct stack single;
    struct stack *text; /* [latents], one for each latent layer */
};

/* Text mappers of a published network, and the largest side of a generator's pictures. */
enum { PUBLISHED = 18, SIZE_MOST = 1024 };

static const struct {
    const char *prefix; /* beginning of its tensors' names */
    const char *off;    /* metadata key that switches the level off */
    int64_t begin, end; /* latent layers */
} level_of[CE_LEVELS] = {
    {"mapper.course_mapping", "no_coarse_mapper", 0, 4},
    {"mapper.medium_mapping", "no_medium_mapper", 4, 8},
    {"mapper.fine_mapping", "no_fine_mapper", 8, INT64_MAX},
};

const char *ce_mapper_level_off(int level) { return level_of[level].off; }

static const char *const type_name[] = {"LevelsMapper", "SingleMapper"};
static const char single_prefix[] = "mapper.mapping";

static bool is_true(const char *flag)
{
    return flag && (!strcmp(flag, "true") || !strcmp(flag, "True") || !strcmp(flag, "1"));
}

static void text_prefix(char name[PREFIX_CAP], int layer)
{
    snprintf(name, PREFIX_CAP, "text_mapper.mapper_%d", layer);
}

/* The number of text networks: one for each latent layer, or none without text mapping. */
static int text_layers(const struct ce_mapper_config *config)
{
    return config->without_text ? 0 : config->latents;
}

/* ---- making ---- */

static lt_status init_dense(lt_ctx *ctx, lt_params *params, const char *prefix, int64_t in,
                            int64_t out, lt_rng *rng)
{
    char name[NAME_CAP];
    snprintf(name, sizeof name, "%s.weight", prefix);
    if (!lt_params_new(ctx, params, name, 2, (int64_t[]){out, in}, rng, 0.0f, 1.0f / MAPPER_LR_MUL))
        return lt_ctx_status(ctx);
    snprintf(name, sizeof name, "%s.bias", prefix);
    if (!lt_params_new(ctx, params, name, 1, &out, rng, 0.0f, 0.0f))
        return lt_ctx_status(ctx);
    return LT_OK;
}

static lt_status init_stack(lt_ctx *ctx, lt_params *params, const char *prefix, int64_t in,
                            int64_t out, lt_rng *rng)
{
    lt_status status = LT_OK;
    for (int i = 0; i < MAPPER_DEPTH && status == LT_OK; i++) {
        char name[STACK_CAP];
        snprintf(name, sizeof name, "%s.mapping.%d", prefix, i + 1);
        status = init_dense(ctx, params, name, i == 0 ? in : out, out, rng);
    }
    return status;
}

lt_status ce_mapper_init(lt_ctx *ctx, lt_params *params, const struct ce_mapper_config *config,
                         lt_rng *rng)
{
    if (config->latents < 1 || config->style_dim < 1 ||
        (config->text_dim < 1 && !config->without_text))
        return lt_fail(ctx, LT_ERR_ARGUMENT,
                       "ce_mapper_init: %d latents of %d features, text of %d", config->latents,
                       config->style_dim, config->text_dim);
    const int64_t d = config->style_dim;
    lt_status status =
        config->without_text ? LT_OK : init_dense(ctx, params, "mapper.fc", 2 * d, d, rng);
    if (config->type == CE_MAPPER_SINGLE) {
        if (!status)
            status = init_stack(ctx, params, single_prefix, d, d, rng);
    } else {
        for (int i = 0; i < CE_LEVELS && !status; i++) {
            if (config->level[i])
                status = init_stack(ctx, params, level_of[i].prefix, d, d, rng);
            if (!status)
                status = lt_params_set_metadata(ctx, params, level_of[i].off,
                                                config->level[i] ? "false" : "true");
        }
    }
    for (int i = 0; i < text_layers(config) && !status; i++) {
        char prefix[PREFIX_CAP];
        text_prefix(prefix, i);
        status = init_stack(ctx, params, prefix, config->text_dim, d, rng);
    }
    if (!status)
        status = lt_params_set_metadata(ctx, params, CE_META_MAPPER_TYPE, type_name[config->type]);
    return status;
}

/* ---- reading ---- */

static lt_status get_dense(lt_ctx *ctx, const lt_params *params, const char *prefix, int64_t in,
                           int64_t out, struct dense *dense)
{
    char name[NAME_CAP];
    snprintf(name, sizeof name, "%s.weight", prefix);
    dense->weight = lt_params_get(ctx, params, name, 2, (int64_t[]){out, in});
    if (!dense->weight)
        return lt_ctx_status(ctx);
    snprintf(name, sizeof name, "%s.bias", prefix);
    dense->bias = lt_params_get(ctx, params, name, 1, &out);
    return dense->bias ? LT_OK : lt_ctx_status(ctx);
}

static lt_status get_stack(lt_ctx *ctx, const lt_params *params, const char *prefix, int64_t in,
                           int64_t out, struct stack *stack)
{
    lt_status status = LT_OK;
    for (int i = 0; i < MAPPER_DEPTH && status == LT_OK; i++) {
        char name[STACK_CAP];
        snprintf(name, sizeof name, "%s.mapping.%d", prefix, i + 1);
        status = get_dense(ctx, params, name, i == 0 ? in : out, out, &stack->layer[i]);
    }
    return status;
}

static bool has_stack(const lt_params *params, const char *prefix)
{
    char name[NAME_CAP];
    snprintf(name, sizeof name, "%s.mapping.1.weight", prefix);
    return lt_params_find(params, name) != NULL;
}

/* The weight of the first layer of any level, or of the single mapper; NULL if there is none. */
static const lt_tensor *first_stack(const lt_params *params)
{
    char name[NAME_CAP];
    const lt_tensor *weight = NULL;
    for (int i = -1; i < CE_LEVELS && !weight; i++) {
        snprintf(name, sizeof name, "%s.mapping.1.weight",
                 i < 0 ? single_prefix : level_of[i].prefix);
        weight = lt_params_find(params, name);
    }
    return weight;
}

/* Reads the config off the names, shapes and metadata of `params`. */
static lt_status read_config(lt_ctx *ctx, const lt_params *params, int latents,
                             struct ce_mapper_config *config)
{
    const lt_tensor *fuse = lt_params_find(params, "mapper.fc.weight"),
                    *stack = first_stack(params);
    const lt_tensor *text = lt_params_find(params, "text_mapper.mapper_0.mapping.1.weight");
    config->without_text = !fuse && !text && stack;
    if (!config->without_text && (!fuse || !text))
        return lt_fail(ctx, LT_ERR_FORMAT, "not a mapper: there is no tensor %s",
                       fuse ? "text_mapper.mapper_0.mapping.1.weight" : "mapper.fc.weight");
    const lt_tensor *sized = config->without_text ? stack : fuse;
    if (latents < 1 || lt_dim(sized, 0) > INT32_MAX || (text && lt_dim(text, 1) > INT32_MAX))
        return lt_fail(ctx, LT_ERR_ARGUMENT, "ce_mapper_create: latents is %d, expected at least 1",
                       latents);
    config->latents = latents;
    config->style_dim = (int)lt_dim(sized, 0);
    config->text_dim = text ? (int)lt_dim(text, 1) : 0;
    config->type = has_stack(params, single_prefix) ? CE_MAPPER_SINGLE : CE_MAPPER_LEVELS;
    for (int i = 0; i < CE_LEVELS; i++)
        config->level[i] = config->type == CE_MAPPER_LEVELS &&
                           has_stack(params, level_of[i].prefix) &&
                           !is_true(lt_params_metadata(params, level_of[i].off));
    return LT_OK;
}

/* The layers of the latents of a generator whose size the metadata tells; 0 where it does not. */
static int layers_of_size(const lt_params *params)
{
    const char *text = lt_params_metadata(params, CE_META_SIZE);
    int64_t size = 0;
    int layers = 2;
    if (!text || !ce_parse_int(text, &size) || size < 4 || size > SIZE_MOST)
        return 0;
    for (int64_t side = 4; side < size; side *= 2)
        layers += 2;
    return layers;
}

/* The number of text mappers, which is counted up to one above PUBLISHED. */
static int count_text_mappers(const lt_params *params)
{
    int count = 0;
    char prefix[PREFIX_CAP];
    do
        text_prefix(prefix, count);
    while (has_stack(params, prefix) && ++count <= PUBLISHED);
    return count;
}

int ce_mapper_layers(const lt_params *params)
{
    const int layers = layers_of_size(params);
    return layers ? layers : count_text_mappers(params);
}

/* Fails for a mapper that belongs to a generator of another size. The metadata tells the size;
 * without it, the number of text mappers does, unless it is that of the published networks, which
 * have one for each layer of the largest generator whatever the size of theirs. */
static lt_status check_layers(lt_ctx *ctx, const lt_params *params, int latents)
{
    const int layers = layers_of_size(params);
    if (layers)
        return layers == latents
                   ? LT_OK
                   : lt_fail(ctx, LT_ERR_SHAPE,
                             "the mapper was trained for a generator of %s pixels, whose latents "
                             "have %d layers, but these have %d",
                             lt_params_metadata(params, CE_META_SIZE), layers, latents);
    const int count = count_text_mappers(params);
    if (count == 0 || count == latents || count == PUBLISHED)
        return LT_OK;
    return lt_fail(
        ctx, LT_ERR_SHAPE,
        "the mapper has %d text mappers, one a layer, but the generator's latents have %d "
        "layers; it belongs to a generator of another size",
        count, latents);
}

lt_status ce_mapper_create(lt_ctx *ctx, const lt_params *params, int latents,
                           struct ce_mapper **out)
{
    *out = NULL;
    struct ce_mapper *mapper = calloc(1, sizeof *mapper);
    if (!mapper)
        return lt_fail(ctx, LT_ERR_MEMORY, "out of memory for a mapper");
    const struct ce_mapper_config *config = &mapper->config;
    lt_status status = read_config(ctx, params, latents, &mapper->config);
    if (!status)
        status = check_layers(ctx, params, latents);
    if (status)
        goto fail;
    const int64_t d = config->style_dim;
    mapper->text = calloc((size_t)latents, sizeof *mapper->text);
    if (!mapper->text) {
        status = lt_fail(ctx, LT_ERR_MEMORY, "out of memory for a mapper");
        goto fail;
    }
    if (!config->without_text)
        status = get_dense(ctx, params, "mapper.fc", 2 * d, d, &mapper->fuse);
    if (!status && config->type == CE_MAPPER_SINGLE)
        status = get_stack(ctx, params, single_prefix, d, d, &mapper->single);
    for (int i = 0; i < CE_LEVELS && !status; i++)
        if (config->level[i])
            status = get_stack(ctx, params, level_of[i].prefix, d, d, &mapper->level[i]);
    for (int i = 0; i < text_layers(config) && !status; i++) {
        char prefix[PREFIX_CAP];
        text_prefix(prefix, i);
        status = get_stack(ctx, params, prefix, config->text_dim, d, &mapper->text[i]);
    }
    if (status)
        goto fail;
    *out = mapper;
    return LT_OK;
fail:
    ce_mapper_free(mapper);
    return status;
}

void ce_mapper_free(struct ce_mapper *mapper)
{
    if (!mapper)
        return;
    free(mapper->text);
    free(mapper);
}

bool ce_mapper_moves(const struct ce_mapper *mapper)
{
    const struct ce_mapper_config *config = &mapper->config;
    bool moves = config->type == CE_MAPPER_SINGLE;
    for (int i = 0; i < CE_LEVELS; i++)
        moves = moves || (config->level[i] && level_of[i].begin < config->latents);
    return moves;
}

const struct ce_mapper_config *ce_mapper_describe(const struct ce_mapper *mapper)
{
    return &mapper->config;
}

static lt_status stack_require_grad(lt_ctx *ctx, const struct stack *stack, bool on)
{
    lt_status status = LT_OK;
    for (int i = 0; i < MAPPER_DEPTH && !status; i++) {
        status = lt_set_requires_grad(ctx, stack->layer[i].weight, on);
        if (!status)
            status = lt_set_requires_grad(ctx, stack->layer[i].bias, on);
    }
    return status;
}

lt_status ce_mapper_require_grad(lt_ctx *ctx, const struct ce_mapper *mapper, bool on)
{
    const struct ce_mapper_config *config = &mapper->config;
    lt_status status = LT_OK;
    if (!config->without_text)
        status = lt_set_requires_grad(ctx, mapper->fuse.weight, on);
    if (!status && !config->without_text)
        status = lt_set_requires_grad(ctx, mapper->fuse.bias, on);
    if (!status && config->type == CE_MAPPER_SINGLE)
        status = stack_require_grad(ctx, &mapper->single, on);
    for (int i = 0; i < CE_LEVELS && !status; i++)
        if (config->level[i])
            status = stack_require_grad(ctx, &mapper->level[i], on);
    for (int i = 0; i < text_layers(config) && !status; i++)
        status = stack_require_grad(ctx, &mapper->text[i], on);
    return status;
}

lt_status ce_mapper_load(lt_ctx *ctx, lt_params *params, const char *path)
{
    lt_safetensors *open = NULL;
    lt_status status = ce_kind_open(ctx, path, CE_KIND_MAPPER, &open);
    if (status)
        return status;
    lt_params *file = NULL;
    status = lt_params_create(ctx, &file);
    if (!status)
        status = lt_params_load_from(ctx, file, open, NULL);
    lt_safetensors_close(open);
    for (size_t i = 0; !status && i < lt_params_count(file); i++) {
        const char *name = lt_params_name(file, i);
        if (strncmp(name, "mapper.", 7) && strncmp(name, "text_mapper.", 12))
            continue;
        status = lt_params_add(ctx, params, name, lt_params_at(file, i));
    }
    for (size_t i = 0; !status && i < lt_params_metadata_count(file); i++) {
        const char *key = lt_params_metadata_key(file, i);
        if (!strncmp(key, "train.", 6) || !strncmp(key, "optim.", 6))
            continue;
        status = lt_params_set_metadata(ctx, params, key, lt_params_metadata(file, key));
    }
    lt_params_free(file);
    if (!status && lt_params_check_finite(ctx, params) != LT_OK)
        status = ce_blame_file(ctx, path);
    return status;
}

/* ---- computing ---- */

/* x (..., in) -> sqrt(2) lrelu_0.2(x (s W)^T + 0.01 b), s = 0.01 / sqrt(in). The scale is applied
 * to x, which is much smaller than W. */
static lt_tensor *dense_forward(lt_ctx *ctx, const struct dense *dense, lt_tensor *x)
{
    const float scale = MAPPER_LR_MUL / sqrtf((float)lt_dim(dense->weight, 1));
    lt_tensor *bias = lt_affine(ctx, dense->bias, MAPPER_LR_MUL, 0.0f);
    lt_tensor *y = lt_linear(ctx, lt_affine(ctx, x, scale, 0.0f), dense->weight, bias);
    return lt_leaky_relu(ctx, y, 0.2f, sqrtf(2.0f));
}

/* x (N, layers, in) -> (N, layers, D). */
static lt_tensor *stack_forward(lt_ctx *ctx, const struct stack *stack, lt_tensor *x)
{
    x = lt_pixel_norm(ctx, x, 1);
    for (int i = 0; i < MAPPER_DEPTH; i++)
        x = dense_forward(ctx, &stack->layer[i], x);
    return x;
}

lt_tensor *ce_mapper_text(lt_ctx *ctx, const struct ce_mapper *mapper, lt_tensor *text_feature)
{
    const struct ce_mapper_config *config = &mapper->config;
    char shape[80];
    if (!text_feature || config->without_text)
        return NULL;
    if (lt_ndim(text_feature) != 2 || lt_dim(text_feature, 0) != 1 ||
        lt_dim(text_feature, 1) != config->text_dim) {
        lt_fail(ctx, LT_ERR_SHAPE,
                "mapper: text feature is %s, expected (1, %d); the mapper belongs to another CLIP",
                lt_shape_string(text_feature, shape, sizeof shape), config->text_dim);
        return NULL;
    }
    lt_tensor **layer = malloc((size_t)config->latents * sizeof *layer);
    if (!layer) {
        lt_fail(ctx, LT_ERR_MEMORY, "out of memory for a mapper");
        return NULL;
    }
    lt_tensor *t = lt_reshape(ctx, text_feature, 3, (int64_t[]){1, 1, config->text_dim});
    for (int i = 0; i < config->latents; i++)
        layer[i] = stack_forward(ctx, &mapper->text[i], t);
    lt_tensor *t_w = lt_concat(ctx, config->latents, layer, 1);
    free(layer);
    return t_w;
}

/* One level on `count` layers from `begin` on; zeros if the level is off. */
static lt_tensor *level_forward(lt_ctx *ctx, const struct ce_mapper *mapper, int level,
                                lt_tensor *fused, int64_t begin, int64_t count)
{
    if (!mapper->config.level[level])
        return lt_zeros(ctx, 3, (int64_t[]){lt_dim(fused, 0), count, lt_dim(fused, 2)});
    return stack_forward(ctx, &mapper->level[level], lt_slice(ctx, fused, 1, begin, count));
}

lt_tensor *ce_mapper_residual(lt_ctx *ctx, const struct ce_mapper *mapper, lt_tensor *w,
                              lt_tensor *t_w)
{
    const struct ce_mapper_config *config = &mapper->config;
    if (!w || (!t_w && !config->without_text))
        return NULL;
    const int64_t n = lt_dim(w, 0), layers = config->latents, d = config->style_dim;
    char shape[80];
    if (lt_ndim(w) != 3 || lt_dim(w, 1) != layers || lt_dim(w, 2) != d) {
        lt_fail(ctx, LT_ERR_SHAPE, "mapper: latents are %s, expected (N, %lld, %lld)",
                lt_shape_string(w, shape, sizeof shape), (long long)layers, (long long)d);
        return NULL;
    }
    lt_tensor *fused = w;
    if (!config->without_text) {
        lt_tensor *both[] = {w, lt_expand(ctx, t_w, 3, (int64_t[]){n, layers, d})};
        fused = both[1] ? dense_forward(ctx, &mapper->fuse, lt_concat(ctx, 2, both, 2)) : NULL;
    }
    if (!fused)
        return NULL;
    if (config->type == CE_MAPPER_SINGLE)
        return stack_forward(ctx, &mapper->single, fused);
    lt_tensor *part[CE_LEVELS];
    int parts = 0;
    for (int i = 0; i < CE_LEVELS; i++) {
        const int64_t end = level_of[i].end < layers ? level_of[i].end : layers;
        if (level_of[i].begin < end)
            part[parts++] =
                level_forward(ctx, mapper, i, fused, level_of[i].begin, end - level_of[i].begin);
    }
    return lt_concat(ctx, parts, part, 1);
}

lt_tensor *ce_mapper_edit(lt_ctx *ctx, const struct ce_mapper *mapper, lt_tensor *w, lt_tensor *t_w,
                          float strength)
{
    lt_tensor *residual = ce_mapper_residual(ctx, mapper, w, t_w);
    return lt_add(ctx, w, lt_affine(ctx, residual, MAPPER_RESIDUAL * strength, 0.0f));
}
