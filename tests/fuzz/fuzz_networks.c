/* Networks of hostile names, shapes and types. The first byte of the input chooses the network, and
 * the rest is a header (fuzz.h). A network that is accepted is run once if it is small. */
#include "fuzz/fuzz.h"

#include <string.h>

#include "fuzz/models.h"

static lt_ctx *ctx;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    ctx = nn_context();
    return 0;
}

static void run_generator(const lt_params *params)
{
    lt_stylegan2 *g = NULL;
    if (lt_stylegan2_create(ctx, params, &g) == LT_OK) {
        const lt_stylegan2_config *config = lt_stylegan2_describe(g);
        lt_tensor *z = lt_zeros(ctx, 2, (int64_t[]){1, config->z_dim});
        lt_tensor *w = lt_stylegan2_truncate(ctx, g, lt_stylegan2_mapping(ctx, g, z), 0.7f);
        if (config->size <= 64)
            lt_stylegan2_synthesis(ctx, g, lt_stylegan2_broadcast(ctx, g, w));
    }
    lt_stylegan2_free(g);
}

/* A text of padding, (1, length) int32. */
static lt_tensor *no_tokens(int64_t length)
{
    lt_tensor *ids = lt_empty(ctx, LT_I32, 2, (int64_t[]){1, length});
    if (ids)
        memset(lt_data(ids), 0, (size_t)length * sizeof(int32_t));
    return ids;
}

static void run_clip(const lt_params *params)
{
    lt_clip *clip = NULL;
    if (lt_clip_create(ctx, params, &clip) == LT_OK) {
        const lt_clip_config *config = lt_clip_describe(clip);
        const int64_t side = config->image_size;
        if (side <= 64)
            lt_clip_encode_image(ctx, clip, lt_zeros(ctx, 4, (int64_t[]){1, 3, side, side}));
        if (config->context_length <= 256)
            lt_clip_encode_text(ctx, clip, no_tokens(config->context_length));
    }
    lt_clip_free(clip);
}

static void run(unsigned choice, const lt_params *params)
{
    lt_irse50 *identity = NULL;
    lt_encoder *encoder = NULL;
    lt_vgg19 *vgg = NULL;
    lt_mtcnn *detector = NULL;
    switch (choice % 6) {
    case 0: run_generator(params); break;
    case 1: run_clip(params); break;
    case 2: lt_irse50_create(ctx, params, &identity); break;
    case 3: lt_encoder_create(ctx, params, &encoder); break;
    case 4: lt_vgg19_create(ctx, params, &vgg); break;
    case 5: lt_mtcnn_create(ctx, params, &detector); break;
    }
    lt_irse50_free(identity);
    lt_encoder_free(encoder);
    lt_vgg19_free(vgg);
    lt_mtcnn_free(detector);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct fuzz_file input = fuzz_file_make_tensors(data + 1, size - 1, NULL);
    const lt_scope scope = lt_scope_open(ctx);
    lt_params *params = NULL;
    lt_no_grad_begin(ctx);
    if (lt_params_create(ctx, &params) == LT_OK &&
        lt_params_map(ctx, params, input.path, NULL) == LT_OK)
        run(data[0], params);
    lt_params_free(params);
    lt_no_grad_end(ctx);
    lt_ctx_clear(ctx);
    lt_scope_close(ctx, scope, NULL);
    fuzz_file_close(&input);
    return 0;
}
