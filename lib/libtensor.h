/* libtensor: tensors, automatic differentiation, and the networks for editing pictures by text, on
 * CPUs. This header includes all others.
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
 *     tensor/status.h                status codes, version
 *     tensor/context.h               contexts: errors, threads, memory, scopes
 *     tensor/tensor.h                making, viewing and converting tensors
 *     tensor/rng.h                   random numbers
 *
 *     autograd/tape.h                gradients
 *     autograd/ops.h                 every differentiable operation
 *
 *     nn/params.h                    named weights, checkpoints
 *     nn/optim.h                     SGD, Adam, Ranger
 *     nn/text/tokenizer.h            the tokenizer of CLIP
 *     nn/models/clip.h               CLIP: embeddings of pictures and texts
 *     nn/models/stylegan2.h          the StyleGAN2 generator
 *     nn/models/vgg19.h              perceptual features and losses
 *     nn/models/irse50.h             face recognition, the identity loss
 *     nn/models/encoder.h            from a picture to its latent
 *     nn/models/mtcnn.h              faces and their landmarks
 *
 *     tensor/files/safetensors.h     files of tensors
 *     tensor/files/file.h            files that are written whole or not at all
 *     tensor/files/numpy.h           arrays that NumPy wrote
 *     tensor/files/json.h            writing JSON
 *     tensor/hash.h                  a hash of bytes
 *     tensor/kernels/gemm/blas.h     matrix products of plain arrays
 *     tensor/kernels/gemm/in_use.h   which processor, kernels and BLAS are in use */
#ifndef LIBTENSOR_H
#define LIBTENSOR_H

#include "tensor/status.h"
#include "tensor/memory.h"
#include "tensor/context.h"
#include "tensor/tensor.h"
#include "tensor/rng.h"

#include "autograd/tape.h"
#include "autograd/ops.h"

#include "nn/params.h"
#include "nn/optim.h"
#include "nn/text/tokenizer.h"
#include "nn/models/clip.h"
#include "nn/models/stylegan2.h"
#include "nn/models/vgg19.h"
#include "nn/models/irse50.h"
#include "nn/models/encoder.h"
#include "nn/models/mtcnn.h"

#include "tensor/files/safetensors.h"
#include "tensor/files/file.h"
#include "tensor/files/numpy.h"
#include "tensor/files/json.h"
#include "tensor/hash.h"
#include "tensor/kernels/gemm/blas.h"
#include "tensor/kernels/gemm/in_use.h"

#endif
