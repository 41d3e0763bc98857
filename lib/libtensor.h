/* libtensor: tensors, automatic differentiation, and the networks of image editing by text, for CPUs.
 *
 *     #include <libtensor.h>
 *     #include <stdio.h>
 *
 *     int main(void)                        // the slope of x^2 at 3
 *     {
 *         lt_ctx *ctx;
 *         if (lt_ctx_create(&ctx) != LT_OK)
 *             return 1;
 *         lt_tensor *x = lt_scalar(ctx, 3.0f);
 *         lt_set_requires_grad(ctx, x, true);
 *         lt_status status = lt_backward(ctx, lt_square(ctx, x));
 *         if (status == LT_OK)
 *             printf("%g\n", lt_item(lt_grad(x)));
 *         else
 *             printf("%s\n", lt_ctx_message(ctx));
 *         lt_ctx_destroy(ctx);
 *         return status != LT_OK;
 *     }
 *
 *     cc slope.c $(pkg-config --cflags --libs libtensor)
 *
 * Where to find what, simple things first:
 *
 *     tensor/status.h       status codes, version
 *     tensor/context.h      contexts: errors, threads, memory, scopes
 *     tensor/tensor.h       making, viewing, converting tensors
 *     autograd/ops.h        every differentiable operation
 *     autograd/tape.h       gradients
 *     nn/params.h           named weights, checkpoints
 *     nn/optim.h            SGD, Adam, Ranger
 *     nn/stylegan2.h        StyleGAN2 generator
 *     nn/clip.h             CLIP;  nn/tokenizer.h  its tokenizer
 *     nn/irse50.h           face recognition;  nn/vgg19.h  perceptual features
 *     nn/e4e.h              pictures to latents
 *     tensor/rng.h          random numbers
 *     tensor/safetensors.h  weight files;  tensor/json.h, tensor/file.h
 *     tensor/blas.h         which kernels are in use */
#ifndef LIBTENSOR_H
#define LIBTENSOR_H

#include "autograd/ops.h"
#include "autograd/tape.h"
#include "nn/clip.h"
#include "nn/e4e.h"
#include "nn/irse50.h"
#include "nn/optim.h"
#include "nn/params.h"
#include "nn/stylegan2.h"
#include "nn/tokenizer.h"
#include "nn/vgg19.h"
#include "tensor/blas.h"
#include "tensor/context.h"
#include "tensor/file.h"
#include "tensor/json.h"
#include "tensor/rng.h"
#include "tensor/safetensors.h"
#include "tensor/status.h"
#include "tensor/tensor.h"

#endif
