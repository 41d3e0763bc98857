/* What `cfedit info` finds out about a weight file, and how it tells it. */
#include "cli/commands/info_file.h"

#include <stdio.h>
#include <string.h>

#include "engine/mapper/mapper.h"
#include "nn/models/clip.h"
#include "nn/models/encoder.h"
#include "nn/models/irse50.h"
#include "nn/models/mtcnn.h"
#include "nn/models/stylegan2.h"
#include "nn/models/vgg19.h"
#include "cli/console/report.h"

#define SHOWN_MAX 200 /* bytes that are printed of a name or a metadata text */

/* ---- facts ---- */

static void add(struct ce_file_facts *f, const char *name, int64_t value)
{
    if (f->facts < CE_FACTS_MAX)
        f->fact[f->facts++] = (struct ce_fact){name, value};
}

static void count_tensors(struct ce_file_facts *f)
{
    for (size_t i = 0; i < lt_safetensors_count(f->file); i++) {
        const lt_safetensors_info *t = lt_safetensors_at(f->file, i);
        int64_t n = 1;
        for (int a = 0; a < t->ndim; a++)
            n *= t->shape[a];
        f->bytes += t->bytes;
        if (t->known &&
            (t->dtype == LT_F32 || t->dtype == LT_F16 || t->dtype == LT_BF16 || t->dtype == LT_F64))
            f->parameters += n;
        /* Each type once, in the order of appearance. */
        const size_t used = strlen(f->dtypes), length = strlen(t->dtype_name);
        bool listed = false;
        for (const char *at = f->dtypes; *at && !listed;) {
            const size_t word = strcspn(at, ",");
            listed = word == length && memcmp(at, t->dtype_name, length) == 0;
            at += word;
            at += strspn(at, ", ");
        }
        if (!listed && used + length + 3 < sizeof f->dtypes)
            snprintf(f->dtypes + used, sizeof f->dtypes - used, "%s%s", used ? ", " : "",
                     t->dtype_name);
    }
}

/* ---- networks: each is made of its file, to tell its sizes or what is missing ---- */

static lt_status ask_generator(lt_ctx *ctx, const lt_params *params, struct ce_file_facts *f)
{
    lt_stylegan2 *net;
    const lt_status status = lt_stylegan2_create(ctx, params, &net);
    if (status != LT_OK)
        return status;
    const lt_stylegan2_config *c = lt_stylegan2_describe(net);
    add(f, "size", c->size);
    add(f, "latents", lt_stylegan2_latents(net));
    add(f, "style_dim", c->style_dim);
    add(f, "z_dim", c->z_dim);
    add(f, "mapping_layers", c->n_mlp);
    if (!lt_stylegan2_latent_avg(net))
        f->note = "no latent_avg: --truncation other than 1 will not work";
    lt_stylegan2_free(net);
    return LT_OK;
}

static lt_status ask_clip(lt_ctx *ctx, const lt_params *params, struct ce_file_facts *f)
{
    lt_clip *net;
    const lt_status status = lt_clip_create(ctx, params, &net);
    if (status != LT_OK)
        return status;
    const lt_clip_config *c = lt_clip_describe(net);
    add(f, "embed_dim", c->embed_dim);
    add(f, "image_size", c->image_size);
    add(f, "patch", c->patch);
    add(f, "vision_width", c->vision_width);
    add(f, "vision_layers", c->vision_layers);
    add(f, "context_length", c->context_length);
    add(f, "vocab_size", c->vocab_size);
    add(f, "text_width", c->text_width);
    add(f, "text_layers", c->text_layers);
    if (!lt_params_find(params, "tokenizer.merges"))
        f->note = "no tokenizer.merges: the merge list is taken from --bpe, or from a file beside "
                  "this file";
    lt_clip_free(net);
    return LT_OK;
}

static lt_status ask_mapper(lt_ctx *ctx, const lt_params *params, struct ce_file_facts *f)
{
    struct ce_mapper *net;
    const int layers = ce_mapper_layers(params);
    const lt_status status = ce_mapper_create(ctx, params, layers > 0 ? layers : 1, &net);
    if (status != LT_OK)
        return status;
    const struct ce_mapper_config *c = ce_mapper_describe(net);
    add(f, "text_mappers", c->without_text ? 0 : layers);
    add(f, "style_dim", c->style_dim);
    add(f, "text_dim", c->text_dim);
    if (c->type == CE_MAPPER_LEVELS) {
        add(f, "coarse", c->level[CE_LEVEL_COARSE]);
        add(f, "medium", c->level[CE_LEVEL_MEDIUM]);
        add(f, "fine", c->level[CE_LEVEL_FINE]);
    }
    ce_mapper_free(net);
    return LT_OK;
}

static lt_status ask_identity(lt_ctx *ctx, const lt_params *params)
{
    lt_irse50 *net;
    const lt_status status = lt_irse50_create(ctx, params, &net);
    if (status == LT_OK)
        lt_irse50_free(net);
    return status;
}

static lt_status ask_vgg(lt_ctx *ctx, const lt_params *params)
{
    lt_vgg19 *net;
    const lt_status status = lt_vgg19_create(ctx, params, &net);
    if (status == LT_OK)
        lt_vgg19_free(net);
    return status;
}

static lt_status ask_encoder(lt_ctx *ctx, const lt_params *params, struct ce_file_facts *f)
{
    lt_encoder *net;
    const lt_status status = lt_encoder_create(ctx, params, &net);
    if (status != LT_OK)
        return status;
    const lt_encoder_config *c = lt_encoder_describe(net);
    f->type = c->type;
    add(f, "body_units", c->units);
    add(f, "latents", c->latents);
    add(f, "style_dim", c->style_dim);
    add(f, "iterative", c->iterative);
    if (!c->latent_avg)
        f->note = "no mean latent (latent_avg) is added to what the encoder gives";
    lt_encoder_free(net);
    return LT_OK;
}

static lt_status ask_detector(lt_ctx *ctx, const lt_params *params)
{
    lt_mtcnn *net;
    const lt_status status = lt_mtcnn_create(ctx, params, &net);
    if (status == LT_OK)
        lt_mtcnn_free(net);
    return status;
}

static lt_status ask_network(lt_ctx *ctx, struct ce_file_facts *f)
{
    lt_params *params = NULL;
    lt_status status = lt_params_create(ctx, &params);
    if (status != LT_OK)
        return status;
    const lt_scope scope = lt_scope_open(ctx);
    status = lt_params_load_from(ctx, params, f->file, NULL);
    lt_scope_close(ctx, scope, NULL);
    if (status == LT_OK)
        switch (f->kind) {
        case CE_KIND_GENERATOR: status = ask_generator(ctx, params, f); break;
        case CE_KIND_CLIP: status = ask_clip(ctx, params, f); break;
        case CE_KIND_CHECKPOINT:
        case CE_KIND_STYLECLIP:
        case CE_KIND_MAPPER: status = ask_mapper(ctx, params, f); break;
        case CE_KIND_IDENTITY: status = ask_identity(ctx, params); break;
        case CE_KIND_VGG: status = ask_vgg(ctx, params); break;
        case CE_KIND_ENCODER: status = ask_encoder(ctx, params, f); break;
        case CE_KIND_DETECTOR: status = ask_detector(ctx, params); break;
        default: break;
        }
    lt_params_free(params);
    return status;
}

/* Whether the file is no network: nothing but its tensors can be told. */
static bool is_plain(enum ce_kind kind)
{
    return kind == CE_KIND_UNKNOWN || kind == CE_KIND_CHANNELS || kind == CE_KIND_LATENTS ||
           kind == CE_KIND_Z || kind == CE_KIND_PIXELS || kind == CE_KIND_EMBEDDINGS ||
           kind == CE_KIND_SCORES;
}

lt_status ce_file_facts_read(struct ce_run *run, const char *path, struct ce_file_facts *facts)
{
    lt_ctx *ctx = run->ctx;
    lt_status status = lt_safetensors_open(ctx, path, &facts->file);
    if (status != LT_OK)
        return status;
    facts->kind = ce_kind_of(facts->file);
    count_tensors(facts);
    if (is_plain(facts->kind))
        return LT_OK;
    status = ask_network(ctx, facts);
    if (status == LT_OK || status == LT_ERR_MEMORY)
        return status;
    facts->missing = ce_text(run, "%s", lt_ctx_message(ctx));
    lt_ctx_clear(ctx);
    return facts->missing ? LT_OK : lt_fail(ctx, LT_ERR_MEMORY, "%s: out of memory", path);
}

void ce_file_facts_free(struct ce_file_facts *facts)
{
    lt_safetensors_close(facts->file);
    facts->file = NULL;
}

/* ---- telling ---- */

static void print_pair(const char *key, const char *value)
{
    printf("  metadata    ");
    ce_print_foreign(key, SHOWN_MAX);
    printf(" = ");
    ce_print_foreign(value, SHOWN_MAX);
    putchar('\n');
}

void ce_file_facts_print(const struct ce_file_facts *facts, bool tensors)
{
    const lt_safetensors *file = facts->file;
    const char *key, *value;
    printf("%s: %s\n", lt_safetensors_path(file),
           facts->kind == CE_KIND_UNKNOWN ? "no kind that cfedit knows"
                                          : ce_kind_phrase(facts->kind));
    printf("  tensors     %zu, %.2f MB, %s; %lld parameters\n", lt_safetensors_count(file),
           (double)facts->bytes / 1e6, facts->dtypes[0] ? facts->dtypes : "empty",
           (long long)facts->parameters);
    if (facts->type)
        printf("  %-15s %s\n", "type", facts->type);
    for (size_t i = 0; i < facts->facts; i++)
        printf("  %-15s %lld\n", facts->fact[i].name, (long long)facts->fact[i].value);
    for (size_t i = 0; lt_safetensors_metadata_at(file, i, &key, &value); i++)
        print_pair(key, value);
    if (facts->missing)
        printf("  incomplete  %s\n", facts->missing);
    if (facts->note)
        printf("  note        %s\n", facts->note);
    tensors |= is_plain(facts->kind);
    for (size_t i = 0; tensors && i < lt_safetensors_count(file); i++) {
        const lt_safetensors_info *t = lt_safetensors_at(file, i);
        printf("  %-5s (", t->dtype_name);
        for (int a = 0; a < t->ndim; a++)
            printf("%s%lld", a ? ", " : "", (long long)t->shape[a]);
        printf(")  ");
        ce_print_foreign(t->name, SHOWN_MAX);
        putchar('\n');
    }
}

static void put_tensors(lt_json_writer *w, const lt_safetensors *file)
{
    lt_json_put_key(w, "list");
    lt_json_begin_array(w);
    for (size_t i = 0; i < lt_safetensors_count(file); i++) {
        const lt_safetensors_info *t = lt_safetensors_at(file, i);
        lt_json_begin_object(w);
        lt_json_put_key(w, "name");
        lt_json_put_string(w, t->name);
        lt_json_put_key(w, "dtype");
        lt_json_put_string(w, t->dtype_name);
        lt_json_put_key(w, "shape");
        lt_json_begin_array(w);
        for (int a = 0; a < t->ndim; a++)
            lt_json_put_int(w, t->shape[a]);
        lt_json_end_array(w);
        lt_json_end_object(w);
    }
    lt_json_end_array(w);
}

void ce_file_facts_put(lt_json_writer *w, const struct ce_file_facts *facts, bool tensors)
{
    const lt_safetensors *file = facts->file;
    const char *key, *value;
    lt_json_begin_object(w);
    lt_json_put_key(w, "file");
    lt_json_put_string(w, lt_safetensors_path(file));
    lt_json_put_key(w, "kind");
    lt_json_put_string(w, ce_kind_word(facts->kind));
    lt_json_put_key(w, "complete");
    lt_json_put_bool(w, !facts->missing);
    lt_json_put_key(w, "missing");
    lt_json_put_string(w, facts->missing);
    lt_json_put_key(w, "note");
    lt_json_put_string(w, facts->note);
    lt_json_put_key(w, "tensors");
    lt_json_put_int(w, (int64_t)lt_safetensors_count(file));
    lt_json_put_key(w, "bytes");
    lt_json_put_int(w, (int64_t)facts->bytes);
    lt_json_put_key(w, "parameters");
    lt_json_put_int(w, facts->parameters);
    lt_json_put_key(w, "dtypes");
    lt_json_put_string(w, facts->dtypes);
    lt_json_put_key(w, "facts");
    lt_json_begin_object(w);
    if (facts->type) {
        lt_json_put_key(w, "type");
        lt_json_put_string(w, facts->type);
    }
    for (size_t i = 0; i < facts->facts; i++) {
        lt_json_put_key(w, facts->fact[i].name);
        lt_json_put_int(w, facts->fact[i].value);
    }
    lt_json_end_object(w);
    lt_json_put_key(w, "metadata");
    lt_json_begin_object(w);
    for (size_t i = 0; lt_safetensors_metadata_at(file, i, &key, &value); i++) {
        lt_json_put_key(w, key);
        lt_json_put_string(w, value);
    }
    lt_json_end_object(w);
    if (tensors || is_plain(facts->kind))
        put_tensors(w, file);
    lt_json_end_object(w);
}
