/* The cascade of MTCNN: P-Net over a pyramid of sizes, then R-Net and O-Net over boxes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/ops.h"
#include "nn/models/mtcnn_impl.h"
#include "tensor/sizes.h"

#define SIDE_MAX     ((int64_t)1 << 20)
#define STRIP_PIXELS ((int64_t)1 << 19) /* of P-Net's input at a time */
#define BATCH        64                 /* boxes that R-Net or O-Net sees at a time */
#define BOXES_MAX    ((int64_t)1 << 14) /* that are followed up: of one size, and of all sizes */

/* How much boxes may overlap. */
static const float within_size = 0.5f, between_sizes = 0.7f;

/* A growing list of boxes. */
struct list {
    struct lt_box *box;
    int64_t count, room;
};

/* A detection at work. */
struct job {
    lt_ctx *ctx;
    const lt_mtcnn *net;
    struct lt_pixels picture;
    const lt_mtcnn_config *config;
};

lt_mtcnn_config lt_mtcnn_defaults(void)
{
    return (lt_mtcnn_config){.min_size = 20, .factor = 0.709, .thresholds = {0.6f, 0.7f, 0.7f}};
}

/* ---- lists ---- */

static lt_status no_memory(lt_ctx *ctx)
{
    return lt_fail(ctx, LT_ERR_MEMORY, "mtcnn: out of memory for boxes");
}

static lt_status append(lt_ctx *ctx, struct list *list, const struct lt_box *box)
{
    if (list->count == list->room) {
        const int64_t room = list->room ? 2 * list->room : 256;
        struct lt_box *grown = realloc(list->box, (size_t)room * sizeof *grown);
        if (!grown)
            return no_memory(ctx);
        list->box = grown;
        list->room = room;
    }
    list->box[list->count++] = *box;
    return LT_OK;
}

static int by_probability(const void *a, const void *b)
{
    const float p = ((const struct lt_box *)a)->probability,
                q = ((const struct lt_box *)b)->probability;
    return p > q ? -1 : p < q;
}

/* Suppresses boxes of the list; of more than BOXES_MAX only the most probable take part. */
static lt_status suppress(lt_ctx *ctx, struct list *list, float threshold)
{
    if (list->count > BOXES_MAX) {
        qsort(list->box, (size_t)list->count, sizeof *list->box, by_probability);
        list->count = BOXES_MAX;
    }
    int64_t *kept = malloc((size_t)(list->count + 1) * sizeof *kept);
    struct lt_box *box = malloc((size_t)(list->count + 1) * sizeof *box);
    const int64_t n =
        kept && box ? lt_boxes_suppress(list->box, list->count, LT_OVERLAP_UNION, threshold, kept)
                    : -1;
    for (int64_t i = 0; i < n; i++)
        box[i] = list->box[kept[i]];
    free(kept);
    if (n < 0) {
        free(box);
        return no_memory(ctx);
    }
    free(list->box);
    *list = (struct list){.box = box, .count = n, .room = list->count + 1};
    return LT_OK;
}

/* The probability of a face, from the logits of no face and of a face. */
static float probability_of(const float logits[2])
{
    const float most = logits[0] > logits[1] ? logits[0] : logits[1];
    const float none = expf(logits[0] - most), face = expf(logits[1] - most);
    return face / (none + face);
}

static lt_status check_output(lt_ctx *ctx, const struct lt_mtcnn_output *y)
{
    if (!y->logits)
        return lt_ctx_status(ctx);
    lt_status status = lt_check_finite(ctx, y->logits, "mtcnn");
    if (status == LT_OK)
        status = lt_check_finite(ctx, y->shift, "mtcnn");
    if (status == LT_OK && y->landmarks)
        status = lt_check_finite(ctx, y->landmarks, "mtcnn");
    return status;
}

/* ---- P-Net ---- */

/* The picture shrunk to h x w at `scale`; rows of places of P-Net. */
struct level {
    double scale;
    int64_t h, w;
    int64_t places; /* rows of places */
};

/* Appends the boxes of the places that P-Net takes for a face: rows x columns places, the first
 * row of which is number `first` of the level. */
static lt_status take_places(const struct job *job, const struct level *level, int64_t first,
                             int64_t rows, int64_t columns, const struct lt_mtcnn_output *y,
                             struct list *list)
{
    const float *logits = lt_f32(y->logits), *shift = lt_f32(y->shift);
    const float scale = (float)level->scale;
    for (int64_t i = 0; i < rows * columns; i++) {
        struct lt_box box = {.probability = probability_of(logits + 2 * i)};
        if (!(box.probability >= job->config->thresholds[0]))
            continue;
        const float x = (float)(LT_PNET_STRIDE * (i % columns)),
                    top = (float)(LT_PNET_STRIDE * (first + i / columns));
        box.x1 = floorf((x + 1.0f) / scale);
        box.y1 = floorf((top + 1.0f) / scale);
        box.x2 = floorf((x + (float)LT_PNET_SIDE) / scale);
        box.y2 = floorf((top + (float)LT_PNET_SIDE) / scale);
        memcpy(box.shift, shift + 4 * i, sizeof box.shift);
        if (append(job->ctx, list, &box) != LT_OK)
            return lt_ctx_status(job->ctx);
    }
    return LT_OK;
}

/* Runs P-Net for `count` rows of places from row `first` on. Their input begins at row 2 first of
 * the level; the strip of the last rows goes on to its end. */
static lt_status propose_strip(const struct job *job, const struct level *level, int64_t first,
                               int64_t count, struct list *list)
{
    lt_ctx *ctx = job->ctx;
    const int64_t begin = LT_PNET_STRIDE * first;
    const bool last = first + count == level->places;
    const int64_t end = last ? level->h : LT_PNET_STRIDE * (first + count - 1) + LT_PNET_SIDE;
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *x = lt_empty(ctx, LT_F32, 4, (int64_t[]){1, 3, end - begin, level->w});
    lt_status status =
        x ? lt_mtcnn_input(ctx, &job->picture, level->h, level->w, begin, end, lt_f32(x))
          : lt_ctx_status(ctx);
    if (status == LT_OK) {
        int64_t rows, columns;
        const struct lt_mtcnn_output y = lt_mtcnn_pnet(ctx, job->net, x, &rows, &columns);
        status = check_output(ctx, &y);
        if (status == LT_OK)
            status = take_places(job, level, first, rows, columns, &y, list);
    }
    lt_scope_close(ctx, scope, NULL);
    return status;
}

/* Appends the boxes that P-Net finds at one scale. */
static lt_status propose_at(const struct job *job, double scale, struct list *all)
{
    struct level level = {.scale = scale,
                          .h = (int64_t)((double)job->picture.height * scale + 1),
                          .w = (int64_t)((double)job->picture.width * scale + 1)};
    struct list found = {0};
    lt_status status = LT_OK;
    if (level.h < LT_PNET_SIDE || level.w < LT_PNET_SIDE)
        return LT_OK;
    level.places = lt_ceil_quotient(level.h - 2, 2) - 4;
    const int64_t rows = lt_greater(STRIP_PIXELS / (LT_PNET_STRIDE * level.w), 1);
    for (int64_t at = 0; at < level.places && status == LT_OK; at += rows)
        status = propose_strip(job, &level, at, lt_lesser(rows, level.places - at), &found);
    if (status == LT_OK)
        status = suppress(job->ctx, &found, within_size);
    for (int64_t i = 0; i < found.count && status == LT_OK; i++)
        status = append(job->ctx, all, &found.box[i]);
    free(found.box);
    return status;
}

/* The boxes that P-Net proposes, as squares. The smallest box that is looked for shrinks to the 12
 * pixels that P-Net looks at; each further size is larger by 1 / factor. */
static lt_status propose(const struct job *job, struct list *list)
{
    double scale = (double)LT_PNET_SIDE / job->config->min_size;
    double shorter = (double)lt_lesser(job->picture.width, job->picture.height) * scale;
    lt_status status = LT_OK;
    for (; shorter >= LT_PNET_SIDE && status == LT_OK; shorter *= job->config->factor) {
        status = propose_at(job, scale, list);
        scale *= job->config->factor;
    }
    if (status == LT_OK)
        status = suppress(job->ctx, list, between_sizes);
    for (int64_t i = 0; i < list->count; i++) {
        lt_box_refine(&list->box[i], 0.0f);
        lt_box_square(&list->box[i]);
    }
    return status;
}

/* ---- R-Net and O-Net ---- */

typedef struct lt_mtcnn_output runner(lt_ctx *ctx, const lt_mtcnn *net, lt_tensor *x);

/* A network that looks at boxes. */
struct judge {
    runner *run;
    int64_t side; /* pixels of the input */
    float threshold;
};

/* Fills x (n, 3, side, side) with the pixels of boxes. */
static lt_status cut(const struct job *job, int64_t side, const struct lt_box *boxes, int64_t n,
                     lt_tensor *x)
{
    lt_status status = LT_OK;
    for (int64_t i = 0; i < n && status == LT_OK; i++) {
        int64_t columns[2], rows[2];
        lt_box_pixels(&boxes[i], job->picture.width, job->picture.height, columns, rows);
        const struct lt_pixels pixels = {.rgb = job->picture.rgb + rows[0] * job->picture.stride +
                                                3 * columns[0],
                                         .stride = job->picture.stride,
                                         .width = columns[1] - columns[0],
                                         .height = rows[1] - rows[0]};
        status =
            lt_mtcnn_input(job->ctx, &pixels, side, side, 0, side, lt_f32(x) + i * 3 * side * side);
    }
    return status;
}

/* The face that O-Net describes within a box. */
static lt_face face_of(const struct lt_box *box, const float landmarks[10])
{
    lt_face face = {.probability = box->probability};
    const float width = box->x2 - box->x1 + 1.0f, height = box->y2 - box->y1 + 1.0f;
    for (int k = 0; k < LT_FACE_LANDMARKS; k++) {
        face.landmark[k][0] = width * landmarks[k] + box->x1 - 1.0f;
        face.landmark[k][1] = height * landmarks[LT_FACE_LANDMARKS + k] + box->y1 - 1.0f;
    }
    return face;
}

/* Shows boxes [begin, begin + n) to the network; those that it takes for a face move to the front
 * of the list, at *passed, and faces[] receives their landmarks where the network tells them. */
static lt_status judge_some(const struct job *job, const struct judge *judge, struct list *list,
                            int64_t begin, int64_t n, int64_t *passed, lt_face *faces)
{
    lt_ctx *ctx = job->ctx;
    const lt_scope scope = lt_scope_open(ctx);
    lt_tensor *x = lt_empty(ctx, LT_F32, 4, (int64_t[]){n, 3, judge->side, judge->side});
    lt_status status = x ? cut(job, judge->side, list->box + begin, n, x) : lt_ctx_status(ctx);
    if (status == LT_OK) {
        const struct lt_mtcnn_output y = judge->run(ctx, job->net, x);
        status = check_output(ctx, &y);
        for (int64_t i = 0; i < n && status == LT_OK; i++) {
            struct lt_box box = list->box[begin + i];
            box.probability = probability_of(lt_f32(y.logits) + 2 * i);
            memcpy(box.shift, lt_f32(y.shift) + 4 * i, sizeof box.shift);
            if (!(box.probability > judge->threshold))
                continue;
            if (y.landmarks)
                faces[*passed] = face_of(&box, lt_f32(y.landmarks) + 10 * i);
            list->box[(*passed)++] = box;
        }
    }
    lt_scope_close(ctx, scope, NULL);
    return status;
}

/* Keeps the boxes of the list that the network takes for a face. `faces` has room for all of them;
 * NULL where the network tells no landmarks. */
static lt_status judge_all(const struct job *job, const struct judge *judge, struct list *list,
                           lt_face *faces)
{
    int64_t n = 0, passed = 0, columns[2], rows[2];
    lt_status status = LT_OK;
    for (int64_t i = 0; i < list->count; i++)
        if (lt_box_pixels(&list->box[i], job->picture.width, job->picture.height, columns, rows))
            list->box[n++] = list->box[i];
    for (int64_t at = 0; at < n && status == LT_OK; at += BATCH)
        status = judge_some(job, judge, list, at, lt_lesser(BATCH, n - at), &passed, faces);
    list->count = passed;
    return status;
}

static lt_status refine(const struct job *job, struct list *list)
{
    const struct judge rnet = {lt_mtcnn_rnet, LT_RNET_SIDE, job->config->thresholds[1]};
    lt_status status = judge_all(job, &rnet, list, NULL);
    if (status == LT_OK)
        status = suppress(job->ctx, list, between_sizes);
    for (int64_t i = 0; i < list->count; i++) {
        lt_box_refine(&list->box[i], 1.0f);
        lt_box_square(&list->box[i]);
    }
    return status;
}

static double area_of(const lt_face *face)
{
    return (double)(face->box[2] - face->box[0]) * (double)(face->box[3] - face->box[1]);
}

static int by_area(const void *a, const void *b)
{
    const double p = area_of(a), q = area_of(b);
    return p > q ? -1 : p < q;
}

/* Runs O-Net over the list. *faces becomes the faces that are left, an array for free(). */
static lt_status describe(const struct job *job, struct list *list, lt_face **faces, size_t *count)
{
    const struct judge onet = {lt_mtcnn_onet, LT_ONET_SIDE, job->config->thresholds[2]};
    lt_face *all = malloc((size_t)(list->count + 1) * sizeof *all),
            *out = malloc((size_t)(list->count + 1) * sizeof *out);
    int64_t *kept = malloc((size_t)(list->count + 1) * sizeof *kept);
    lt_status status = all && out && kept ? judge_all(job, &onet, list, all) : no_memory(job->ctx);
    int64_t n = 0;
    if (status == LT_OK) {
        for (int64_t i = 0; i < list->count; i++)
            lt_box_refine(&list->box[i], 1.0f);
        n = lt_boxes_suppress(list->box, list->count, LT_OVERLAP_SMALLER, between_sizes, kept);
        status = n < 0 ? no_memory(job->ctx) : LT_OK;
    }
    for (int64_t i = 0; i < n; i++) {
        const struct lt_box *box = &list->box[kept[i]];
        out[i] = all[kept[i]];
        memcpy(out[i].box, (const float[]){box->x1, box->y1, box->x2, box->y2}, sizeof out[i].box);
    }
    free(all);
    free(kept);
    if (status != LT_OK || n == 0) {
        free(out);
        return status;
    }
    qsort(out, (size_t)n, sizeof *out, by_area);
    *faces = out;
    *count = (size_t)n;
    return LT_OK;
}

/* ---- all together ---- */

static lt_status check(lt_ctx *ctx, int64_t width, int64_t height, const lt_mtcnn_config *c)
{
    if (width < 1 || height < 1 || width > SIDE_MAX || height > SIDE_MAX)
        return lt_fail(ctx, LT_ERR_ARGUMENT,
                       "lt_mtcnn_detect: a picture of %lld x %lld, expected sides of 1 to %lld",
                       (long long)width, (long long)height, (long long)SIDE_MAX);
    if (!(c->min_size >= LT_PNET_SIDE) || !(c->factor > 0 && c->factor < 1))
        return lt_fail(ctx, LT_ERR_ARGUMENT,
                       "lt_mtcnn_detect: min_size %g and factor %g, expected at least %d, and a "
                       "number between 0 and 1",
                       c->min_size, c->factor, LT_PNET_SIDE);
    return LT_OK;
}

lt_status lt_mtcnn_detect(lt_ctx *ctx, const lt_mtcnn *net, const uint8_t *rgb, int64_t width,
                          int64_t height, const lt_mtcnn_config *config, lt_face **faces,
                          size_t *count)
{
    const struct job job = {
        .ctx = ctx, .net = net, .picture = {rgb, 3 * width, width, height}, .config = config};
    struct list list = {0};
    *faces = NULL;
    *count = 0;
    lt_status status = check(ctx, width, height, config);
    if (status != LT_OK)
        return status;
    lt_no_grad_begin(ctx);
    status = propose(&job, &list);
    if (status == LT_OK)
        status = refine(&job, &list);
    if (status == LT_OK)
        status = describe(&job, &list, faces, count);
    lt_no_grad_end(ctx);
    free(list.box);
    return status;
}
