/* Trains a classifier from nothing: two spirals that no straight line separates.
 *
 * A network of three linear layers learns which of two intertwined spirals a point of the plane
 * belongs to. It shows the training loop: a scope for each step's tensors, forward, loss, backward,
 * optimiser.
 *
 * run: (no arguments)
 * prints: the loss on the way, and the share of points that the network gets right */
#include <libtensor.h>
#include <math.h>
#include <stdio.h>

enum { POINTS = 512, WIDTH = 64, STEPS = 400 };

/* Points (POINTS,2) of both spirals and their classes (POINTS). */
static void draw_points(lt_tensor *x, lt_tensor *y)
{
    for (int i = 0; i < POINTS; i++) {
        const float r = 0.05f + (float)(i / 2) / (POINTS / 2.0f);
        const float angle = 9.0f * r + 3.14159265f * (float)(i % 2);
        lt_f32(x)[2 * i] = r * cosf(angle);
        lt_f32(x)[2 * i + 1] = r * sinf(angle);
        lt_i32(y)[i] = i % 2;
    }
}

/* Three layers: 2 -> WIDTH -> WIDTH -> 2 logits. */
static lt_tensor *logits_of(lt_ctx *ctx, const lt_params *net, lt_tensor *x)
{
    x = lt_gelu(ctx, lt_linear(ctx, x, lt_params_find(net, "w1"), lt_params_find(net, "b1")));
    x = lt_gelu(ctx, lt_linear(ctx, x, lt_params_find(net, "w2"), lt_params_find(net, "b2")));
    return lt_linear(ctx, x, lt_params_find(net, "w3"), lt_params_find(net, "b3"));
}

static void add_layer(lt_ctx *ctx, lt_params *net, lt_rng *rng, const char *w, const char *b,
                      int64_t in, int64_t out)
{
    lt_params_new(ctx, net, w, 2, (int64_t[]){out, in}, rng, 0.0f, sqrtf(2.0f / (float)in));
    lt_params_new(ctx, net, b, 1, (int64_t[]){out}, rng, 0.0f, 0.0f);
}

int main(void)
{
    lt_ctx *ctx;
    lt_params *net = NULL;
    lt_optim *adam = NULL;
    lt_rng rng = lt_rng_make(1, 0);
    if (lt_ctx_create(&ctx) != LT_OK || lt_params_create(ctx, &net) != LT_OK)
        return 2;
    add_layer(ctx, net, &rng, "w1", "b1", 2, WIDTH);
    add_layer(ctx, net, &rng, "w2", "b2", WIDTH, WIDTH);
    add_layer(ctx, net, &rng, "w3", "b3", WIDTH, 2);
    lt_params_require_grad(ctx, net, NULL, true);
    lt_optim_config config = lt_optim_defaults(LT_ADAM);
    config.lr = 0.01f;
    lt_optim_create(ctx, net, &config, &adam);
    lt_tensor *x = lt_zeros(ctx, 2, (int64_t[]){POINTS, 2});
    lt_tensor *y = lt_empty(ctx, LT_I32, 1, (int64_t[]){POINTS});
    draw_points(x, y);

    for (int step = 0; step < STEPS && lt_ctx_status(ctx) == LT_OK; step++) {
        const lt_scope scope = lt_scope_open(ctx); /* this step's tensors end with it */
        lt_optim_zero_grad(adam);
        lt_tensor *loss = lt_cross_entropy(ctx, logits_of(ctx, net, x), y);
        if (lt_backward(ctx, loss) == LT_OK && lt_optim_step(ctx, adam) == LT_OK && step % 100 == 0)
            printf("step %d, loss %.4f\n", step, (double)lt_item(loss));
        lt_scope_close(ctx, scope, NULL);
    }
    lt_no_grad_begin(ctx);
    const lt_tensor *logits = logits_of(ctx, net, x);
    lt_no_grad_end(ctx);
    int right = 0;
    for (int i = 0; logits && i < POINTS; i++)
        right += (lt_f32(logits)[2 * i + 1] > lt_f32(logits)[2 * i]) == lt_i32(y)[i];
    printf(logits ? "%.1f %% right\n" : "failed\n", 100.0 * right / POINTS);
    lt_optim_free(adam);
    lt_params_free(net);
    lt_ctx_destroy(ctx);
    return right < POINTS * 95 / 100;
}
