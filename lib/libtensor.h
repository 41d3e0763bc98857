/* libtensor: tensors, automatic differentiation, and the networks of image editing by text, for
 * CPUs.
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
 *     nn/models/stylegan2.h        StyleGAN2 generator
 *     nn/models/clip.h             CLIP;  nn/text/tokenizer.h  its tokenizer
 *     nn/models/irse50.h           face recognition;  nn/models/vgg19.h  perceptual features
 *     nn/models/e4e.h              pictures to latents
 *     tensor/rng.h          random numbers
 *     tensor/files/safetensors.h  weight files;  tensor/files/json.h, tensor/files/file.h
 *     tensor/kernels/gemm/blas.h         which kernels are in use */
#ifndef LIBTENSOR_H
#define LIBTENSOR_H

#include "autograd/ops.h"
#include "autograd/tape.h"
#include "nn/models/clip.h"
#include "nn/models/e4e.h"
#include "nn/models/irse50.h"
#include "nn/optim.h"
#include "nn/params.h"
#include "nn/models/stylegan2.h"
#include "nn/text/tokenizer.h"
#include "nn/models/vgg19.h"
#include "tensor/kernels/gemm/blas.h"
#include "tensor/context.h"
#include "tensor/files/file.h"
#include "tensor/files/json.h"
#include "tensor/rng.h"
#include "tensor/files/safetensors.h"
#include "tensor/status.h"
#include "tensor/tensor.h"

#endif
