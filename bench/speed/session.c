/* Opens and closes the networks and inputs of a work. */
#include <string.h>

#include "autograd/ops.h"
#include "bench/speed/work.h"
#include "tensor/files/safetensors.h"

static lt_status read_inputs(struct session *s, const char *path)
{
    lt_ctx *ctx = s->ctx;
    lt_safetensors *file = NULL;
    const lt_status status = lt_safetensors_open(ctx, path, &file);
    if (status != LT_OK)
        return status;
    s->w = lt_retain(lt_safetensors_borrow(ctx, file, "w"));
    s->latents = lt_retain(lt_safetensors_borrow(ctx, file, "latents"));
    s->pixels = lt_retain(lt_safetensors_borrow(ctx, file, "pixels"));
    s->ids = lt_retain(lt_safetensors_borrow(ctx, file, "ids_target"));
    s->points = lt_retain(lt_safetensors_borrow(ctx, file, "points"));
    lt_safetensors_close(file);
    return lt_ctx_status(ctx);
}

lt_status session_open(struct session *s, const struct setup *setup, const struct work *work,
                       bool keep)
{
    char clip[BENCH_PATH], generator[BENCH_PATH], inputs[BENCH_PATH];
    *s = (struct session){.setup = setup, .keep = keep};
    lt_status status = lt_ctx_create(&s->ctx);
    if (status != LT_OK)
        return status;
    s->paths.clip = setup_path(setup, "clip-half.safetensors", clip);
    s->paths.generator = setup_path(setup, "generator.safetensors", generator);
    const lt_scope scope = lt_scope_open(s->ctx);
    status = lt_ctx_set_threads(s->ctx, setup->threads);
    if (status == LT_OK && work->needs)
        status = ce_models_open(s->ctx, &s->paths, work->needs, &s->models);
    if (status == LT_OK)
        status = read_inputs(s, setup_path(setup, "inputs.safetensors", inputs));
    if (status == LT_OK && work->open)
        status = work->open(s);
    lt_scope_close(s->ctx, scope, NULL);
    return status;
}

void session_close(struct session *s)
{
    for (size_t i = 0; i < s->results; i++)
        lt_release(s->result[i]);
    ce_trainer_free(s->trainer);
    lt_params_free(s->mapper_params);
    lt_release(s->w);
    lt_release(s->latents);
    lt_release(s->pixels);
    lt_release(s->ids);
    lt_release(s->points);
    ce_models_close(&s->models);
    lt_ctx_destroy(s->ctx);
    s->ctx = NULL;
}

void session_keep(struct session *s, const char *name, lt_tensor *t)
{
    if (!s->keep || !t || s->results == BENCH_RESULTS)
        return;
    s->result_name[s->results] = name;
    s->result[s->results++] = lt_retain(t);
}
