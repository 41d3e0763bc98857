/* The public interface's models, latents and pictures. */
#include "engine/public/model.h"

#include <stdlib.h>

#include "engine/latents.h"
#include "engine/text.h"

/* Copies the strings of `files`, which the model may need after its caller has freed them. */
static lt_status copy_paths(lt_ctx *ctx, const ce_model_files *files, struct ce_paths *paths)
{
    *paths = (struct ce_paths){.model = ce_copy(ctx, files->folder),
                               .generator = ce_copy(ctx, files->generator),
                               .clip = ce_copy(ctx, files->clip),
                               .identity = ce_copy(ctx, files->identity),
                               .vgg = ce_copy(ctx, files->vgg),
                               .encoder = ce_copy(ctx, files->encoder),
                               .bpe = ce_copy(ctx, files->bpe),
                               .concepts = ce_copy(ctx, files->concepts)};
    return lt_ctx_status(ctx);
}

static void free_paths(struct ce_paths *paths)
{
    free((char *)paths->model);
    free((char *)paths->generator);
    free((char *)paths->clip);
    free((char *)paths->identity);
    free((char *)paths->vgg);
    free((char *)paths->encoder);
    free((char *)paths->bpe);
    free((char *)paths->concepts);
}

lt_status ce_model_need(ce_model *model, unsigned needs)
{
    return ce_models_open(model->models.ctx, &model->paths, needs, &model->models);
}

lt_status ce_model_open_files(lt_ctx *ctx, const ce_model_files *files, ce_model **model)
{
    *model = NULL;
    ce_model *m = calloc(1, sizeof *m);
    if (!m)
        return lt_fail(ctx, LT_ERR_MEMORY, "out of memory for a model");
    lt_status status = copy_paths(ctx, files, &m->paths);
    if (status == LT_OK)
        status = ce_models_open(ctx, &m->paths, CE_NEED_GENERATOR | CE_NEED_TEXT, &m->models);
    if (status != LT_OK) {
        ce_model_close(m);
        return status;
    }
    *model = m;
    return LT_OK;
}

lt_status ce_model_open(lt_ctx *ctx, const char *folder, ce_model **model)
{
    return ce_model_open_files(ctx, &(ce_model_files){.folder = folder}, model);
}

void ce_model_close(ce_model *model)
{
    if (!model)
        return;
    ce_models_close(&model->models);
    free_paths(&model->paths);
    free(model);
}

ce_model_info ce_model_describe(const ce_model *model)
{
    const lt_stylegan2_config *generator = lt_stylegan2_describe(model->models.generator);
    return (ce_model_info){.size = generator->size,
                           .latents = lt_stylegan2_latents(model->models.generator),
                           .style_dim = generator->style_dim,
                           .truncation = model->models.truncation,
                           .domain = model->models.domain};
}

lt_tensor *ce_faces(ce_model *model, const int64_t *seeds, int64_t count)
{
    if (!seeds || count < 1) {
        lt_fail(model->models.ctx, LT_ERR_ARGUMENT, "faces: %lld seeds, expected at least 1",
                (long long)count);
        return NULL;
    }
    return ce_latents_from_seeds(&model->models, seeds, (size_t)count, model->models.truncation);
}

lt_tensor *ce_latents_read(ce_model *model, const char *selection)
{
    enum ce_latents_form form;
    return ce_latents_from_file(&model->models, selection, false, &form);
}

lt_tensor *ce_draw(ce_model *model, lt_tensor *latents)
{
    return ce_models_generate(&model->models, latents, NULL, NULL);
}
