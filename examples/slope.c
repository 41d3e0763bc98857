/* The slope of x^2 at 3: a context, a tensor, a gradient.
 *
 * run: (no arguments)
 * prints: 6 */
#include <libtensor.h>
#include <stdio.h>

int main(void)
{
    lt_ctx *ctx;
    if (lt_ctx_create(&ctx) != LT_OK)
        return 1;
    lt_tensor *x = lt_scalar(ctx, 3.0f);
    lt_set_requires_grad(ctx, x, true); /* the tape records what is computed from x */
    const lt_status status = lt_backward(ctx, lt_square(ctx, x));
    if (status == LT_OK)
        printf("%g\n", (double)lt_item(lt_grad(x)));
    else
        printf("%s\n", lt_ctx_message(ctx)); /* the first failure, in words */
    lt_ctx_destroy(ctx);                     /* frees every tensor of the context */
    return status != LT_OK;
}
