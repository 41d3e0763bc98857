/* Optimisers: configuration, one step, clipping, saving and resuming. */
#include "nn/optim.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/tape.h"
#include "nn/optim_kernels.h"
#include "tensor/team.h"
#include "tensor/tensor_impl.h"

/* Elements of one job. Threads share jobs, and sums add the partial sums of the jobs in order,
 * so that results do not depend on the number of threads. */
enum { JOB = 16384 };

enum { SLOT_M, SLOT_V, SLOT_SLOW, SLOTS };
static const char *const slot_name[SLOTS] = {"m", "v", "slow"};

struct item {
    const char *name; /* belongs to the parameters */
    lt_tensor *param;
    lt_tensor *slot[SLOTS]; /* contiguous, shaped as param; NULL where the method has none */
    int64_t steps;          /* taken by this tensor: those in which it had a gradient */
    bool centralise;
    /* Set by prepare() for the current step. */
    const float *grad; /* contiguous; NULL: no gradient, the tensor stays as it is */
    bool adaptive, sync;
    lt_optim_scalars scalars;
};

/* `count` elements of an item, from `start` on. Where gradients are centralised, a job lies
 * within one row of the tensor, whose row_count elements are in the jobs row_job to row_job +
 * row_jobs - 1; their sums give the mean of the row. */
struct job {
    size_t item;
    int64_t start, count;
    size_t row_job;
    int32_t row_jobs;
    int64_t row_count;
};

struct lt_optim {
    lt_optim_config config;
    int64_t steps;
    struct item *item;
    size_t items;
    struct job *job;
    size_t jobs;
    double *partial; /* [jobs] */
};

lt_optim_config lt_optim_defaults(lt_optim_kind kind)
{
    lt_optim_config c = {.kind = kind, .lr = 1e-3f, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8};
    if (kind == LT_RANGER) {
        c.lr = 0.5f;
        c.beta1 = 0.95;
        c.eps = 1e-5;
        c.lookahead_k = 6;
        c.lookahead_alpha = 0.5f;
    } else if (kind == LT_SGD) {
        c.lr = 0.1f;
    }
    return c;
}

static lt_status check_config(lt_ctx *ctx, const lt_optim_config *c)
{
    if (c->kind != LT_SGD && c->kind != LT_ADAM && c->kind != LT_RANGER)
        return lt_fail(ctx, LT_ERR_ARGUMENT, "optim: kind %d is unknown", (int)c->kind);
    if (!(c->lr >= 0.0f) || !isfinite(c->lr))
        return lt_fail(ctx, LT_ERR_ARGUMENT, "optim: learning rate %g is not at least 0",
                       (double)c->lr);
    if (c->kind == LT_SGD)
        return LT_OK;
    if (!(c->beta1 >= 0.0 && c->beta1 < 1.0) || !(c->beta2 >= 0.0 && c->beta2 < 1.0))
        return lt_fail(ctx, LT_ERR_ARGUMENT, "optim: betas %g, %g are outside [0, 1)", c->beta1,
                       c->beta2);
    if (!(c->eps > 0.0))
        return lt_fail(ctx, LT_ERR_ARGUMENT, "optim: eps %g is not above 0", c->eps);
    if (c->kind == LT_RANGER && c->lookahead_k < 1)
        return lt_fail(ctx, LT_ERR_ARGUMENT, "optim: lookahead_k %d is not at least 1",
                       c->lookahead_k);
    return LT_OK;
}

/* The number of rows that a gradient is centralised over; 1 where it is not. */
static int64_t rows_of(const struct item *it) { return it->centralise ? lt_dim(it->param, 0) : 1; }

/* Cuts all tensors into jobs, each within one row of a tensor whose gradient is centralised. */
static lt_status make_jobs(lt_ctx *ctx, lt_optim *o)
{
    size_t total = 0;
    for (size_t i = 0; i < o->items; i++) {
        const int64_t rows = rows_of(&o->item[i]), n = lt_numel(o->item[i].param);
        total += n ? (size_t)rows * (size_t)((n / rows + JOB - 1) / JOB) : 0;
    }
    o->job = calloc(total + 1, sizeof *o->job);
    o->partial = calloc(total + 1, sizeof *o->partial);
    if (!o->job || !o->partial)
        return lt_fail(ctx, LT_ERR_MEMORY, "optim: out of memory for %zu jobs", total);
    for (size_t i = 0; i < o->items; i++) {
        const int64_t n = lt_numel(o->item[i].param);
        if (n == 0)
            continue;
        const int64_t rows = rows_of(&o->item[i]), length = n / rows;
        const int32_t per_row = (int32_t)((length + JOB - 1) / JOB);
        for (int64_t r = 0; r < rows; r++) {
            const size_t first = o->jobs;
            for (int32_t k = 0; k < per_row; k++) {
                const int64_t at = (int64_t)k * JOB, left = length - at;
                o->job[o->jobs++] = (struct job){i,     r * length + at, left < JOB ? left : JOB,
                                                 first, per_row,         length};
            }
        }
    }
    return LT_OK;
}

lt_status lt_optim_create(lt_ctx *ctx, lt_params *params, const lt_optim_config *config,
                          lt_optim **out)
{
    *out = NULL;
    lt_status status = check_config(ctx, config);
    if (status)
        return status;
    const lt_scope scope = lt_scope_open(ctx);
    const size_t count = lt_params_count(params);
    lt_optim *o = calloc(1, sizeof *o);
    if (!o || !(o->item = calloc(count + 1, sizeof *o->item))) {
        status = lt_fail(ctx, LT_ERR_MEMORY, "optim: out of memory");
        goto done;
    }
    o->config = *config;
    for (size_t i = 0; i < count; i++) {
        lt_tensor *p = lt_params_at(params, i);
        if (!p->requires_grad)
            continue;
        if (!lt_f32(p)) {
            status = lt_fail(ctx, LT_ERR_ARGUMENT, "optim: tensor %s is not contiguous",
                             lt_params_name(params, i));
            goto done;
        }
        struct item *it = &o->item[o->items++];
        it->name = lt_params_name(params, i);
        it->param = lt_retain(p);
        it->centralise = config->kind == LT_RANGER && p->ndim > 1;
        for (int s = 0; s < SLOTS; s++) {
            if ((s == SLOT_V && config->kind == LT_SGD) ||
                (s == SLOT_SLOW && config->kind != LT_RANGER))
                continue;
            it->slot[s] = lt_retain(lt_zeros(ctx, p->ndim, p->shape));
            if (!it->slot[s]) {
                status = lt_ctx_status(ctx);
                goto done;
            }
        }
    }
    status = make_jobs(ctx, o);
done:
    lt_scope_close(ctx, scope, NULL);
    if (status) {
        lt_optim_free(o);
        return status;
    }
    *out = o;
    return LT_OK;
}

void lt_optim_free(lt_optim *optim)
{
    if (!optim)
        return;
    for (size_t i = 0; i < optim->items; i++) {
        lt_release(optim->item[i].param);
        for (int s = 0; s < SLOTS; s++)
            lt_release(optim->item[i].slot[s]);
    }
    free(optim->item);
    free(optim->job);
    free(optim->partial);
    free(optim);
}

void lt_optim_zero_grad(lt_optim *optim)
{
    for (size_t i = 0; i < optim->items; i++)
        lt_zero_grad(optim->item[i].param);
}

void lt_optim_set_lr(lt_optim *optim, float lr) { optim->config.lr = lr; }

int64_t lt_optim_steps(const lt_optim *optim) { return optim->steps; }

/* ---- one step ---- */

/* Computes the scalars of a tensor's step t, from 1, in double. Adam: Kingma & Ba 2015,
 * algorithm 1, with eps added after the bias correction of the root, as PyTorch does. Ranger:
 * the variance rectification of RAdam, Liu et al. 2020, algorithm 2; the step divides by the
 * root of the second mean only where the length of the approximated moving average exceeds 5. */
static void set_scalars(const lt_optim_config *c, struct item *it)
{
    const double t = (double)it->steps;
    const double bias1 = 1.0 - pow(c->beta1, t), power2 = pow(c->beta2, t);
    const double bias2 = 1.0 - power2;
    double step = (double)c->lr / bias1, root = 1.0;
    it->adaptive = true;
    it->sync = false;
    if (c->kind == LT_ADAM) {
        root = sqrt(bias2);
    } else {
        const double limit = 2.0 / (1.0 - c->beta2) - 1.0;
        const double length = limit - 2.0 * t * power2 / bias2;
        it->adaptive = length > 5.0;
        if (it->adaptive)
            step *= sqrt(bias2 * (length - 4.0) / (limit - 4.0) * (length - 2.0) / length * limit /
                         (limit - 2.0));
        it->sync = it->steps % c->lookahead_k == 0;
    }
    it->scalars = (lt_optim_scalars){
        .beta1 = (float)c->beta1,
        .rest1 = (float)(1.0 - c->beta1),
        .beta2 = (float)c->beta2,
        .rest2 = (float)(1.0 - c->beta2),
        .step = (float)step,
        .root = (float)root,
        .eps = (float)c->eps,
    };
}

/* Prepares every item that has a gradient for the step. */
static lt_status prepare(lt_ctx *ctx, lt_optim *o)
{
    for (size_t i = 0; i < o->items; i++)
        o->item[i].grad = NULL;
    for (size_t i = 0; i < o->items; i++) {
        struct item *it = &o->item[i];
        const lt_tensor *g = lt_grad(it->param);
        if (!g)
            continue;
        const lt_tensor *dense = lt_dense(ctx, g, "lt_optim_step", it->name);
        if (!dense)
            return lt_ctx_status(ctx);
        it->grad = lt_f32(dense);
    }
    for (size_t i = 0; i < o->items; i++) {
        struct item *it = &o->item[i];
        if (!it->grad)
            continue;
        /* Lookahead starts with slow weights equal to the fast ones. */
        if (it->slot[SLOT_SLOW] && it->steps == 0)
            memcpy(lt_f32(it->slot[SLOT_SLOW]), lt_f32(it->param),
                   (size_t)lt_numel(it->param) * sizeof(float));
        it->steps++;
        if (o->config.kind != LT_SGD)
            set_scalars(&o->config, it);
        it->scalars.decay =
            it->param->ndim > 1
                ? (float)(1.0 - (double)o->config.lr * (double)o->config.weight_decay)
                : 1.0f;
    }
    return LT_OK;
}

/* One step of the elements of a job. */
static void run_job(const lt_optim *o, const struct lt_optim_kernels *k, const struct job *j)
{
    const struct item *it = &o->item[j->item];
    float *p = lt_f32(it->param) + j->start, *m = lt_f32(it->slot[SLOT_M]) + j->start;
    const float *g = it->grad + j->start;
    if (o->config.kind == LT_SGD) {
        k->sgd(p, m, g, j->count, it->scalars.decay, o->config.momentum, o->config.lr);
        return;
    }
    float *v = lt_f32(it->slot[SLOT_V]) + j->start;
    float mean = 0.0f;
    if (it->centralise) {
        double total = 0.0;
        for (int32_t i = 0; i < j->row_jobs; i++)
            total += o->partial[j->row_job + (size_t)i];
        mean = (float)(total / (double)j->row_count);
    }
    (it->adaptive ? k->adam : k->warm)(p, m, v, g, j->count, mean, &it->scalars);
    if (it->sync)
        k->lookahead(p, lt_f32(it->slot[SLOT_SLOW]) + j->start, j->count,
                     o->config.lookahead_alpha);
}

/* A step, or clipping, whose jobs the threads share. */
struct step {
    const struct lt_optim_kernels *k;
    lt_optim *optim;
    float by; /* factor of clipping */
};

static void centre_jobs(void *arg, lt_range range)
{
    const struct step *s = arg;
    for (int64_t i = range.begin; i < range.end; i++) {
        const struct job *j = &s->optim->job[i];
        const struct item *it = &s->optim->item[j->item];
        if (it->grad && it->centralise)
            s->optim->partial[i] = s->k->sum(it->grad + j->start, j->count);
    }
}

static void step_jobs(void *arg, lt_range range)
{
    const struct step *s = arg;
    for (int64_t i = range.begin; i < range.end; i++)
        if (s->optim->item[s->optim->job[i].item].grad)
            run_job(s->optim, s->k, &s->optim->job[i]);
}

lt_status lt_optim_step(lt_ctx *ctx, lt_optim *optim)
{
    const lt_scope scope = lt_scope_open(ctx);
    const lt_status status = prepare(ctx, optim);
    if (status == LT_OK) {
        struct step s = {.k = LT_ISA_SELECT(ctx, lt_optim_kernels), .optim = optim};
        const int64_t jobs = (int64_t)optim->jobs;
        if (optim->config.kind == LT_RANGER)
            lt_for(ctx, ctx->threads, jobs, centre_jobs, &s);
        lt_for(ctx, ctx->threads, jobs, step_jobs, &s);
        optim->steps++;
    }
    lt_scope_close(ctx, scope, NULL);
    return status;
}

/* Makes sure that the gradient of p may be written to: backward may have given several leaves
 * one buffer. */
static lt_status own_grad(lt_ctx *ctx, lt_tensor *p)
{
    const lt_tensor *g = p->grad;
    if (!g || (g->refs == 1 && g->storage->refs == 1 && lt_f32(g)))
        return LT_OK;
    lt_tensor *copy = lt_clone(ctx, g);
    if (!copy)
        return lt_ctx_status(ctx);
    lt_release(p->grad);
    p->grad = lt_retain(copy);
    return LT_OK;
}

static void square_jobs(void *arg, lt_range range)
{
    const struct step *s = arg;
    for (int64_t i = range.begin; i < range.end; i++) {
        const struct job *j = &s->optim->job[i];
        const lt_tensor *g = lt_grad(s->optim->item[j->item].param);
        s->optim->partial[i] = g ? s->k->sum_squares(lt_f32(g) + j->start, j->count) : 0.0;
    }
}

static void scale_jobs(void *arg, lt_range range)
{
    const struct step *s = arg;
    for (int64_t i = range.begin; i < range.end; i++) {
        const struct job *j = &s->optim->job[i];
        const lt_tensor *g = lt_grad(s->optim->item[j->item].param);
        if (g)
            s->k->scale(lt_f32(g) + j->start, j->count, s->by);
    }
}

lt_status lt_optim_clip_grad(lt_ctx *ctx, lt_optim *optim, double max_norm, double *norm)
{
    struct step s = {.k = LT_ISA_SELECT(ctx, lt_optim_kernels), .optim = optim};
    const int64_t jobs = (int64_t)optim->jobs;
    lt_status status = LT_OK;
    const lt_scope scope = lt_scope_open(ctx);
    for (size_t i = 0; status == LT_OK && i < optim->items; i++)
        status = own_grad(ctx, optim->item[i].param);
    lt_scope_close(ctx, scope, NULL);
    if (status)
        return status;
    lt_for(ctx, ctx->threads, jobs, square_jobs, &s);
    double total = 0.0;
    for (int64_t i = 0; i < jobs; i++)
        total += optim->partial[i];
    total = sqrt(total);
    if (norm)
        *norm = total;
    if (!(total > max_norm))
        return LT_OK;
    s.by = (float)(max_norm / total);
    lt_for(ctx, ctx->threads, jobs, scale_jobs, &s);
    return LT_OK;
}

/* ---- saving and resuming ---- */

/* The name "optim.<slot>.<name>", which the caller frees; NULL after recording that memory ran
 * out. */
static char *state_name(lt_ctx *ctx, const char *slot, const char *name)
{
    const size_t bytes = strlen(slot) + strlen(name) + sizeof "optim..";
    char *s = malloc(bytes);
    if (s)
        snprintf(s, bytes, "optim.%s.%s", slot, name);
    else
        lt_fail(ctx, LT_ERR_MEMORY, "optim: out of memory for a name");
    return s;
}

static lt_status store_one(lt_ctx *ctx, lt_params *into, const char *slot, const char *name,
                           lt_tensor *t)
{
    char *full = state_name(ctx, slot, name);
    const lt_status status = full ? lt_params_add(ctx, into, full, t) : LT_ERR_MEMORY;
    free(full);
    return status;
}

lt_status lt_optim_store(lt_ctx *ctx, const lt_optim *optim, lt_params *into)
{
    const lt_scope scope = lt_scope_open(ctx);
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, optim->steps);
    lt_status status = lt_params_set_metadata(ctx, into, "optim.steps", text);
    for (size_t i = 0; status == LT_OK && i < optim->items; i++) {
        const struct item *it = &optim->item[i];
        status =
            store_one(ctx, into, "step", it->name, lt_from_copy(ctx, LT_I64, 0, NULL, &it->steps));
        for (int s = 0; status == LT_OK && s < SLOTS; s++)
            if (it->slot[s])
                status = store_one(ctx, into, slot_name[s], it->name, lt_clone(ctx, it->slot[s]));
    }
    lt_scope_close(ctx, scope, NULL);
    return status;
}

static lt_tensor *stored(lt_ctx *ctx, const lt_params *from, const char *slot, const char *name,
                         int ndim, const int64_t *shape)
{
    char *full = state_name(ctx, slot, name);
    lt_tensor *t = full ? lt_params_get(ctx, from, full, ndim, shape) : NULL;
    free(full);
    return t;
}

/* Steps that a stored state may have taken: a double still tells them apart, and counting on never
 * overflows. */
#define MOST_STEPS ((int64_t)1 << 53)

/* The steps that the tensor `name` took, from the integer "optim.step.NAME". */
static lt_status stored_steps(lt_ctx *ctx, const lt_params *from, const char *name, int64_t *steps)
{
    char *full = state_name(ctx, "step", name);
    const lt_tensor *t = full ? lt_params_find(from, full) : NULL;
    lt_status status = lt_ctx_status(ctx);
    if (full && !t)
        status = lt_fail(ctx, LT_ERR_MISSING, "optim: there is no tensor %s", full);
    else if (t && (lt_type(t) != LT_I64 || lt_numel(t) != 1))
        status = lt_fail(ctx, lt_type(t) != LT_I64 ? LT_ERR_DTYPE : LT_ERR_SHAPE,
                         "optim: %s is %s of %lld elements, expected one I64", full,
                         lt_dtype_name(lt_type(t)), (long long)lt_numel(t));
    if (status == LT_OK) {
        memcpy(steps, lt_data(t), sizeof *steps);
        if (*steps < 0 || *steps > MOST_STEPS)
            status =
                lt_fail(ctx, LT_ERR_FORMAT, "optim: %s is %lld, expected a number from 0 to 2^53",
                        full, (long long)*steps);
    }
    free(full);
    return status;
}

lt_status lt_optim_restore(lt_ctx *ctx, lt_optim *optim, const lt_params *from)
{
    const char *text = lt_params_metadata(from, "optim.steps");
    char *end = NULL;
    const long long steps = text ? strtoll(text, &end, 10) : -1;
    if (!text)
        return lt_fail(ctx, LT_ERR_MISSING, "optim: there is no metadata optim.steps");
    if (steps < 0 || steps > MOST_STEPS || end == text || *end)
        return lt_fail(ctx, LT_ERR_FORMAT,
                       "optim: metadata optim.steps is \"%s\", expected a number from 0 to 2^53",
                       text);
    for (size_t i = 0; i < optim->items; i++) {
        struct item *it = &optim->item[i];
        if (stored_steps(ctx, from, it->name, &it->steps) != LT_OK)
            return lt_ctx_status(ctx);
        for (int s = 0; s < SLOTS; s++) {
            if (!it->slot[s])
                continue;
            lt_tensor *t =
                stored(ctx, from, slot_name[s], it->name, it->param->ndim, it->param->shape);
            if (!t || lt_copy_into(ctx, it->slot[s], t))
                return lt_ctx_status(ctx);
        }
    }
    optim->steps = steps;
    return LT_OK;
}
