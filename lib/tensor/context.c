/* Contexts: threads, failures, memory and scopes. */
#include "tensor/context.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "tensor/cpu.h"
#include "tensor/team.h"
#include "tensor/tensor_impl.h"

lt_status lt_ctx_create(lt_ctx **out)
{
    *out = NULL;
    lt_ctx *ctx = calloc(1, sizeof *ctx);
    if (!ctx)
        return LT_ERR_MEMORY;
    ctx->pool = lt_pool_create();
    if (!ctx->pool) {
        free(ctx);
        return LT_ERR_MEMORY;
    }
    ctx->isa = lt_cpu_isa();
    ctx->amx = lt_cpu_amx(ctx->isa);
    ctx->threads = lt_cpu_threads();
    *out = ctx;
    return LT_OK;
}

void lt_ctx_destroy(lt_ctx *ctx)
{
    if (!ctx)
        return;
    if (ctx->tape)
        ctx->tape_free(ctx->tape);
    while (ctx->scope_len > 0)
        lt_release(ctx->scope[--ctx->scope_len]);
    free(ctx->scope);
    lt_team_free(ctx->team);
    lt_pool_release(ctx->pool);
    free(ctx);
}

lt_status lt_ctx_set_threads(lt_ctx *ctx, int threads)
{
    if (threads < 1 || threads > 256)
        return lt_fail(ctx, LT_ERR_ARGUMENT, "threads: %d is outside 1..256", threads);
    if (threads != ctx->threads) {
        lt_team_free(ctx->team);
        ctx->team = NULL;
    }
    ctx->threads = threads;
    return LT_OK;
}

int lt_ctx_threads(const lt_ctx *ctx) { return ctx->threads; }

lt_status lt_ctx_status(const lt_ctx *ctx) { return ctx->status; }

const char *lt_ctx_message(const lt_ctx *ctx) { return ctx->message; }

void lt_ctx_clear(lt_ctx *ctx)
{
    ctx->status = LT_OK;
    ctx->message[0] = '\0';
}

lt_status lt_fail(lt_ctx *ctx, lt_status status, const char *format, ...)
{
    if (ctx->status != LT_OK)
        return status;
    ctx->status = status;
    va_list args;
    va_start(args, format);
    vsnprintf(ctx->message, sizeof ctx->message, format, args);
    va_end(args);
    return status;
}

lt_memory lt_ctx_memory(const lt_ctx *ctx) { return lt_pool_stats(ctx->pool); }

void lt_ctx_reset_peak(lt_ctx *ctx) { lt_pool_reset_peak(ctx->pool); }

void lt_ctx_trim(lt_ctx *ctx) { lt_pool_trim(ctx->pool); }

lt_scope lt_scope_open(lt_ctx *ctx) { return ctx->scope_len; }

lt_tensor *lt_scope_close(lt_ctx *ctx, lt_scope scope, lt_tensor *keep)
{
    lt_scope_close_keep(ctx, scope, &keep, 1);
    return keep;
}

void lt_scope_close_keep(lt_ctx *ctx, lt_scope scope, lt_tensor *const *keep, size_t count)
{
    /* The references of kept tensors that were made in this scope move down to the bottom of the
     * scope; a kept tensor that was made outside has its reference further down already. */
    size_t kept = scope;
    for (size_t i = 0; i < count; i++) {
        if (!keep[i])
            continue;
        for (size_t j = kept; j < ctx->scope_len; j++) {
            if (ctx->scope[j] == keep[i]) {
                lt_tensor *other = ctx->scope[kept];
                ctx->scope[kept++] = keep[i];
                ctx->scope[j] = other;
                break;
            }
        }
    }
    while (ctx->scope_len > kept)
        lt_release(ctx->scope[--ctx->scope_len]);
}

void *lt_scratch(lt_ctx *ctx, size_t bytes)
{
    void *block = lt_pool_alloc(ctx->pool, bytes);
    if (!block)
        lt_fail(ctx, LT_ERR_MEMORY, "out of memory for %zu bytes of scratch", bytes);
    return block;
}

void lt_scratch_free(lt_ctx *ctx, void *block) { lt_pool_free(ctx->pool, block); }
