#include "parity/golden.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parity/formula.h"

/* What the comparison of one stored tensor found. */
struct outcome {
    bool compared, summary;
    double error;     /* relative to max|K| */
    double tolerance; /* negative: informative */
    double spread;    /* negative: not known */
};

struct golden {
    lt_ctx *ctx;
    lt_params *stored;
    struct outcome *outcome; /* of each stored tensor */
    char name[64];
    int broken;   /* failures that are not comparisons; told when they happen */
    bool partial; /* quantities may stay uncompared */
};

/* An error beyond the tolerance of a summary, but small enough to come from a unit at the kink of
 * its activation. */
static const double SUMMARY_LIMIT = 0.3;
static const double SUMMARY_SHARE = 0.05;

/* ---- opening ---- */

static LT_PRINTF(2, 3) void complain(struct golden *g, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf("  FAIL %s ", g->name);
    vprintf(format, args);
    putchar('\n');
    va_end(args);
    g->broken++;
}

struct golden *golden_open(lt_ctx *ctx, const char *name)
{
    const char *folder = getenv("CFEDIT_GOLDENS");
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.safetensors", folder ? folder : "tests/data/goldens", name);
    struct golden *g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    g->ctx = ctx;
    snprintf(g->name, sizeof g->name, "%s", name);
    if (lt_params_create(ctx, &g->stored) || lt_params_load(ctx, g->stored, path, NULL))
        goto failed;
    g->outcome = calloc(lt_params_count(g->stored) + 1, sizeof *g->outcome);
    if (!g->outcome)
        goto failed;
    return g;
failed:
    printf("  FAIL %s: %s\n", name, lt_ctx_message(ctx));
    golden_free(g);
    return NULL;
}

void golden_free(struct golden *g)
{
    if (!g)
        return;
    lt_params_free(g->stored);
    free(g->outcome);
    free(g);
}

const char *golden_text(struct golden *g, const char *key)
{
    const char *text = lt_params_metadata(g->stored, key);
    if (!text)
        lt_fail(g->ctx, LT_ERR_MISSING, "golden %s has no metadata %s", g->name, key);
    return text;
}

lt_tensor *golden_tensor(struct golden *g, const char *name)
{
    lt_tensor *t = lt_params_find(g->stored, name);
    if (!t)
        lt_fail(g->ctx, LT_ERR_MISSING, "golden %s has no tensor %s", g->name, name);
    return t;
}

bool golden_has(const struct golden *g, const char *name)
{
    return lt_params_find(g->stored, name) != NULL;
}

bool golden_has_text(const struct golden *g, const char *key)
{
    return lt_params_metadata(g->stored, key) != NULL;
}

double golden_option(struct golden *g, const char *key)
{
    char full[64];
    snprintf(full, sizeof full, "option:%s", key);
    const char *text = golden_text(g, full);
    return text ? strtod(text, NULL) : NAN;
}

void golden_allow_partial(struct golden *g) { g->partial = true; }

/* ---- inputs ---- */

/* The text after " KEY=" in a description; "" if there is no such key. */
static const char *field(const char *text, const char *key)
{
    char wanted[32];
    snprintf(wanted, sizeof wanted, " %s=", key);
    const char *at = strstr(text, wanted);
    return at ? at + strlen(wanted) : "";
}

/* The name in a description, "<...>" in it replaced by `number`. */
static void described_name(const char *text, int number, char *name, size_t cap)
{
    const char *from = field(text, "name");
    const size_t length = strcspn(from, " ,");
    const size_t open = strcspn(from, "<");
    if (open < length)
        snprintf(name, cap, "%.*s%d", (int)open, from, number);
    else
        snprintf(name, cap, "%.*s", (int)length, from);
}

static int described_shape(const char *text, int64_t shape[LT_MAX_DIMS])
{
    char *at = (char *)field(text, "shape");
    int ndim = 0;
    while (ndim < LT_MAX_DIMS && *at >= '0' && *at <= '9') {
        shape[ndim++] = strtoll(at, &at, 10);
        if (*at == 'x')
            at++;
    }
    return ndim;
}

/* The tensor that "[...] uniform name=..." or "smooth name=..." describes. */
static lt_tensor *described(struct golden *g, const char *text, int number)
{
    char name[128];
    int64_t shape[LT_MAX_DIMS];
    described_name(text, number, name, sizeof name);
    const int ndim = described_shape(text, shape);
    const uint64_t seed = strtoull(field(text, "seed"), NULL, 10);
    if (strstr(text, "uniform "))
        return formula_uniform(g->ctx, name, ndim, shape, seed, strtof(field(text, "center"), NULL),
                               strtof(field(text, "scale"), NULL));
    if (strstr(text, "smooth ") && ndim == 4)
        return formula_smooth(g->ctx, name, shape, strtoll(field(text, "spacing"), NULL, 10), seed,
                              strtod(field(text, "amplitude"), NULL));
    lt_fail(g->ctx, LT_ERR_FORMAT, "golden %s: cannot read \"%s\"", g->name, text);
    return NULL;
}

lt_tensor *golden_numbered(struct golden *g, const char *metadata_key, int number)
{
    const char *text = golden_text(g, metadata_key);
    return text ? described(g, text, number) : NULL;
}

lt_tensor *golden_input(struct golden *g, const char *key)
{
    char full[96];
    snprintf(full, sizeof full, "input:%s", key);
    lt_tensor *t = golden_numbered(g, full, 0);
    snprintf(full, sizeof full, "head:%s", key);
    const lt_tensor *head = golden_tensor(g, full);
    if (!t || !head)
        return NULL;
    if (memcmp(lt_f32(t), lt_f32(head), (size_t)lt_numel(head) * sizeof(float)) != 0)
        complain(g, "input %s does not begin as the reference's", key);
    return t;
}

/* ---- comparing ---- */

static double metadata_number(const struct golden *g, const char *kind, const char *name)
{
    char key[192];
    snprintf(key, sizeof key, "%s:%s", kind, name);
    const char *text = lt_params_metadata(g->stored, key);
    return text ? strtod(text, NULL) : -1;
}

/* Records an error for the stored tensor `name`. The greatest one counts. */
static void note(struct golden *g, const char *name, double error, bool summary)
{
    for (size_t i = 0; i < lt_params_count(g->stored); i++) {
        if (strcmp(lt_params_name(g->stored, i), name) != 0)
            continue;
        struct outcome *o = &g->outcome[i];
        if (!o->compared || error > o->error)
            o->error = error;
        o->compared = true;
        o->summary = summary;
        o->tolerance = metadata_number(g, "tol", name);
        o->spread = metadata_number(g, "spread", name);
        return;
    }
}

/* The greater of two errors. NaN counts as infinite. */
static double worse(double a, double b) { return isnan(b) ? INFINITY : b > a ? b : a; }

static double greatest(const float *v, int64_t n)
{
    double top = 0;
    for (int64_t i = 0; i < n; i++)
        top = worse(top, fabs((double)v[i]));
    return top;
}

/* difference / size. For size 0 the result is 0 if the difference is 0, else infinite. */
static double relative(double difference, double size)
{
    return size > 0 ? difference / size : difference == 0 ? 0 : INFINITY;
}

static double array_error(const float *got, const float *want, int64_t n)
{
    double difference = 0;
    for (int64_t i = 0; i < n; i++)
        difference = worse(difference, fabs((double)got[i] - (double)want[i]));
    return relative(difference, greatest(want, n));
}

static void check_whole(struct golden *g, const char *name, const lt_tensor *want,
                        const lt_tensor *got)
{
    if (lt_numel(got) != lt_numel(want)) {
        char a[64], b[64];
        complain(g, "%s: shape %s instead of %s", name, lt_shape_string(got, a, sizeof a),
                 lt_shape_string(want, b, sizeof b));
        return;
    }
    note(g, name, array_error(lt_f32(got), lt_f32(want), lt_numel(want)), false);
}

/* Means over square windows of the last two axes. */
static void check_pool(struct golden *g, const char *name, const lt_tensor *want,
                       const lt_tensor *got)
{
    const int64_t rows = lt_dim(want, -2), columns = lt_dim(want, -1), total = lt_numel(want);
    const int64_t width = lt_dim(got, -1), window = width / columns;
    float *pooled = malloc((size_t)total * sizeof *pooled);
    if (!pooled || lt_numel(got) != total * window * window || lt_dim(got, -2) != rows * window) {
        complain(g, "%s: windows do not divide the tensor", name);
        free(pooled);
        return;
    }
    for (int64_t i = 0; i < total; i++) {
        const float *corner = lt_f32(got) + i / columns * window * width + i % columns * window;
        double sum = 0;
        for (int64_t y = 0; y < window; y++)
            for (int64_t x = 0; x < window; x++)
                sum += (double)corner[y * width + x];
        pooled[i] = (float)(sum / (double)(window * window));
    }
    note(g, name, array_error(pooled, lt_f32(want), total), false);
    free(pooled);
}

/* Values at positions drawn from the name "probe.QUANTITY". */
static void check_probe(struct golden *g, const char *quantity, const char *name,
                        const lt_tensor *want, const lt_tensor *got)
{
    char stream[192];
    double difference = 0;
    snprintf(stream, sizeof stream, "probe.%s", quantity);
    for (int64_t i = 0; i < lt_numel(want); i++) {
        const int64_t at = formula_position(stream, 1, i, lt_numel(got));
        difference = worse(difference, fabs((double)lt_f32(got)[at] - (double)lt_f32(want)[i]));
    }
    note(g, name, relative(difference, greatest(lt_f32(want), lt_numel(want))), false);
}

void golden_check(struct golden *g, const char *name, const lt_tensor *got)
{
    char pool[160], probe[160];
    snprintf(pool, sizeof pool, "%s.pool", name);
    snprintf(probe, sizeof probe, "%s.probe", name);
    const lt_tensor *whole = lt_params_find(g->stored, name);
    const lt_tensor *pools = lt_params_find(g->stored, pool);
    const lt_tensor *probes = lt_params_find(g->stored, probe);
    const lt_scope scope = lt_scope_open(g->ctx);
    if (got && !lt_f32(got)) /* strides */
        got = lt_clone(g->ctx, got);
    if (!got)
        complain(g, "%s could not be computed: %s", name, lt_ctx_message(g->ctx));
    else if (!whole && !pools && !probes)
        complain(g, "there is no quantity %s", name);
    if (got && whole)
        check_whole(g, name, whole, got);
    if (got && pools)
        check_pool(g, pool, pools, got);
    if (got && probes)
        check_probe(g, name, probe, probes, got);
    lt_scope_close(g->ctx, scope, NULL);
}

void golden_check_element(struct golden *g, const char *name, int64_t index, float got)
{
    const lt_tensor *want = golden_tensor(g, name);
    if (!want || index >= lt_numel(want)) {
        complain(g, "%s has no element %lld", name, (long long)index);
        return;
    }
    const double difference = worse(0, fabs((double)got - (double)lt_f32(want)[index]));
    note(g, name, relative(difference, greatest(lt_f32(want), lt_numel(want))), false);
}

/* Sum, l2 norm, greatest magnitude, and values at eight positions drawn from
 * "probe8.PARAMETER". */
static void summarise(const char *parameter, const float *v, int64_t n, double out[11])
{
    char stream[160];
    out[0] = out[1] = out[2] = 0;
    for (int64_t i = 0; i < n; i++) {
        out[0] += (double)v[i];
        out[1] += (double)v[i] * (double)v[i];
    }
    out[1] = sqrt(out[1]);
    out[2] = greatest(v, n);
    snprintf(stream, sizeof stream, "probe8.%s", parameter);
    for (int i = 0; i < 8; i++)
        out[3 + i] = (double)v[formula_position(stream, 1, i, n)];
}

void golden_check_summary(struct golden *g, const char *prefix, const char *parameter,
                          const lt_tensor *like, const lt_tensor *got)
{
    char name[160];
    double have[11] = {0};
    snprintf(name, sizeof name, "%s.%s", prefix, parameter);
    const lt_tensor *stored = golden_tensor(g, name);
    if (!stored || lt_numel(stored) != 11 || (got && !lt_f32(got))) {
        complain(g, "%s: no such summary", name);
        return;
    }
    if (got)
        summarise(parameter, lt_f32(got), lt_numel(got), have);
    const float *want = lt_f32(stored);
    const double norm = (double)want[1], top = (double)want[2];
    const double spread_sum = norm * sqrt((double)lt_dim(like, -1));
    double error = relative(worse(0, fabs(have[0] - (double)want[0])),
                            fmax(fabs((double)want[0]), spread_sum));
    error = worse(error, relative(worse(0, fabs(have[1] - norm)), norm));
    for (int i = 2; i < 11; i++)
        error = worse(error, relative(worse(0, fabs(have[i] - (double)want[i])), top));
    note(g, name, error, true);
}

/* ---- the verdict ---- */

struct verdict {
    int compared, beyond;          /* plain quantities; those that fail */
    int summaries, spoilt, astray; /* of a training run: all, beyond tolerance, beyond the limit */
    int missing;
    double ratio; /* the greatest error / tolerance among those that pass or fail */
    size_t worst;
};

static void tell(const struct golden *g, size_t i, const char *mark)
{
    const struct outcome *o = &g->outcome[i];
    printf("  %s %s %s: error %.2e", mark, g->name, lt_params_name(g->stored, i), o->error);
    if (o->tolerance >= 0)
        printf(", tolerance %.1e, ratio %.3f", o->tolerance, o->error / o->tolerance);
    if (o->spread >= 0)
        printf(", spread %.2e", o->spread);
    putchar('\n');
}

/* Adds stored tensor i to the counts, and prints a line if it failed or all lines were asked
 * for. */
static void judge(const struct golden *g, size_t i, bool verbose, struct verdict *v)
{
    const struct outcome *o = &g->outcome[i];
    const char *name = lt_params_name(g->stored, i);
    if (!o->compared) {
        if (!g->partial && metadata_number(g, "tol", name) >= 0) {
            printf("  FAIL %s %s: not compared\n", g->name, name);
            v->missing++;
        }
        return;
    }
    const bool informative = o->tolerance < 0, passes = informative || o->error <= o->tolerance;
    const bool trained = o->summary && strncmp(name, "step", 4) == 0;
    v->compared += !informative;
    v->summaries += !informative && trained;
    if (!passes && trained)
        v->spoilt++, v->astray += !(o->error <= SUMMARY_LIMIT);
    else if (!passes)
        v->beyond++;
    if (!informative && o->error / o->tolerance > v->ratio) {
        v->ratio = o->error / o->tolerance;
        v->worst = i;
    }
    if (verbose || !passes)
        tell(g, i, informative ? "info" : passes ? "ok  " : trained ? "over" : "FAIL");
}

int golden_close(struct golden *g)
{
    if (!g)
        return 1;
    struct verdict v = {0};
    const bool verbose = getenv("CFEDIT_PARITY_VERBOSE") != NULL;
    for (size_t i = 0; i < lt_params_count(g->stored); i++)
        judge(g, i, verbose, &v);
    const bool spoilt = v.astray > 0 || v.spoilt > SUMMARY_SHARE * v.summaries;
    const int failures = v.beyond + v.missing + g->broken + (spoilt ? v.spoilt : 0);
    printf("parity %-18s %4d quantities, %d failed", g->name, v.compared, failures);
    if (v.spoilt)
        printf(" (%d of %d summaries over)", v.spoilt, v.summaries);
    if (v.compared)
        printf("; worst is %.3f of its tolerance: %s", v.ratio, lt_params_name(g->stored, v.worst));
    putchar('\n');
    fflush(stdout);
    golden_free(g);
    return failures;
}
