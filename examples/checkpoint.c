/* Saves a training and continues it: weights and optimiser in one safetensors file.
 *
 * A line is fitted for twenty steps in one go, and once more with a stop after ten, after which
 * everything is read back from the file. Both end in the same bits.
 *
 * run: CHECKPOINT.safetensors
 * prints: the slope, both ways */
#include <libtensor.h>
#include <stdio.h>

struct fit {
    lt_params *params; /* "net.slope", "net.offset"; once stored also the optimiser's state */
    lt_optim *optim;
};

/* Starts a fit: from a checkpoint, or from zeros where `path` is NULL. */
static lt_status begin(lt_ctx *ctx, struct fit *fit, const char *path)
{
    const lt_optim_config adam = {LT_ADAM, 0.1f, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8};
    lt_rng rng = lt_rng_make(0, 0);
    lt_params_create(ctx, &fit->params);
    if (path) {
        lt_params_load(ctx, fit->params, path, NULL);
    } else {
        lt_params_new(ctx, fit->params, "net.slope", 1, (int64_t[]){1}, &rng, 0.0f, 0.0f);
        lt_params_new(ctx, fit->params, "net.offset", 1, (int64_t[]){1}, &rng, 0.0f, 0.0f);
    }
    lt_params_require_grad(ctx, fit->params, "net.", true);
    lt_optim_create(ctx, fit->params, &adam, &fit->optim);
    return path ? lt_optim_restore(ctx, fit->optim, fit->params) : lt_ctx_status(ctx);
}

/* Steps towards the line through (0,1), (1,3) and (2,5). */
static void steps(lt_ctx *ctx, struct fit *fit, int count)
{
    for (int i = 0; i < count && lt_ctx_status(ctx) == LT_OK; i++) {
        const lt_scope scope = lt_scope_open(ctx);
        lt_tensor *x = lt_from_copy(ctx, LT_F32, 1, (int64_t[]){3}, (float[]){0, 1, 2});
        lt_tensor *y = lt_from_copy(ctx, LT_F32, 1, (int64_t[]){3}, (float[]){1, 3, 5});
        lt_tensor *line =
            lt_add(ctx, lt_mul(ctx, x, lt_params_at(fit->params, 0)), lt_params_at(fit->params, 1));
        lt_optim_zero_grad(fit->optim);
        if (lt_backward(ctx, lt_mse_loss(ctx, line, y)) == LT_OK)
            lt_optim_step(ctx, fit->optim);
        lt_scope_close(ctx, scope, NULL);
    }
}

static void end(struct fit *fit)
{
    lt_optim_free(fit->optim);
    lt_params_free(fit->params);
}

int main(int argc, char **argv)
{
    lt_ctx *ctx;
    struct fit whole = {0}, first = {0}, second = {0};
    bool same = false;
    if (argc < 2 || lt_ctx_create(&ctx) != LT_OK)
        return 2;
    if (begin(ctx, &whole, NULL) == LT_OK && begin(ctx, &first, NULL) == LT_OK) {
        steps(ctx, &whole, 20);
        steps(ctx, &first, 10);
    }
    if (lt_optim_store(ctx, first.optim, first.params) == LT_OK &&
        lt_params_save(ctx, first.params, argv[1], LT_F32) == LT_OK &&
        begin(ctx, &second, argv[1]) == LT_OK) {
        steps(ctx, &second, 10);
        const float one = lt_item(lt_params_at(whole.params, 0)),
                    two = lt_item(lt_params_at(second.params, 0));
        same = one == two;
        printf("slope %.9g in one go, %.9g with a stop\n", (double)one, (double)two);
    }
    printf("%s", lt_ctx_message(ctx)); /* empty unless something failed */
    for (int i = 0; i < 3; i++)
        end((struct fit *[]){&whole, &first, &second}[i]);
    lt_ctx_destroy(ctx);
    return !same;
}
