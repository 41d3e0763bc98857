/* MTCNN: boxes by hand, the input against lt_resize_area(), the networks against plain loops. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/models/mtcnn_impl.h"
#include "support/nn_check.h"
#include "support/random_weights.h"

Suite *suite_mtcnn(void);

static lt_ctx *ctx;
static lt_params *params;
static lt_rng rng;
static lt_mtcnn *net;

static void setup(void)
{
    ctx = nn_context();
    rng = lt_rng_make(77, 0);
    lt_params_create(ctx, &params);
    const struct lt_maker to = {ctx, params, &rng};
    random_mtcnn(&to);
    ck_assert_msg(lt_mtcnn_create(ctx, params, &net) == LT_OK, "%s", lt_ctx_message(ctx));
}

static void teardown(void)
{
    lt_mtcnn_free(net);
    lt_params_free(params);
    lt_ctx_destroy(ctx);
}

/* ---- boxes ---- */

START_TEST(boxes_that_overlap_too_much_are_dropped)
{
    /* Of their union, boxes 0 and 1 share 80 / 120, boxes 0 and 2 nothing, boxes 2 and 3 share 50 /
     * 150. */
    const struct lt_box box[] = {{.x1 = 0, .y1 = 0, .x2 = 10, .y2 = 10, .probability = 0.8f},
                                 {.x1 = 2, .y1 = 0, .x2 = 12, .y2 = 10, .probability = 0.9f},
                                 {.x1 = 20, .y1 = 0, .x2 = 30, .y2 = 10, .probability = 0.7f},
                                 {.x1 = 25, .y1 = 0, .x2 = 35, .y2 = 10, .probability = 0.95f}};
    int64_t kept[4];
    ck_assert_int_eq(lt_boxes_suppress(box, 4, LT_OVERLAP_UNION, 0.5f, kept), 3);
    ck_assert_int_eq(kept[0], 3);
    ck_assert_int_eq(kept[1], 1);
    ck_assert_int_eq(kept[2], 2);
    ck_assert_int_eq(lt_boxes_suppress(box, 4, LT_OVERLAP_UNION, 0.3f, kept), 2);
    ck_assert_int_eq(kept[1], 1);
    ck_assert_int_eq(lt_boxes_suppress(box, 4, LT_OVERLAP_UNION, 0.7f, kept), 4);
    ck_assert_int_eq(lt_boxes_suppress(box, 0, LT_OVERLAP_UNION, 0.5f, kept), 0);
}
END_TEST

START_TEST(a_small_box_within_a_large_one_is_dropped_by_its_own_size)
{
    const struct lt_box box[] = {{.x1 = 0, .y1 = 0, .x2 = 99, .y2 = 99, .probability = 0.9f},
                                 {.x1 = 40, .y1 = 40, .x2 = 59, .y2 = 59, .probability = 0.8f}};
    int64_t kept[2];
    ck_assert_int_eq(lt_boxes_suppress(box, 2, LT_OVERLAP_UNION, 0.7f, kept), 2);
    ck_assert_int_eq(lt_boxes_suppress(box, 2, LT_OVERLAP_SMALLER, 0.7f, kept), 1);
    ck_assert_int_eq(kept[0], 0);
}
END_TEST

START_TEST(equally_probable_boxes_have_an_order)
{
    const struct lt_box box[] = {{.x2 = 10, .y2 = 10, .probability = 1},
                                 {.x2 = 10, .y2 = 10, .probability = 1},
                                 {.x1 = 50, .x2 = 60, .y2 = 10, .probability = 1}};
    int64_t kept[3];
    ck_assert_int_eq(lt_boxes_suppress(box, 3, LT_OVERLAP_UNION, 0.5f, kept), 2);
    ck_assert_int_eq(kept[0], 0);
    ck_assert_int_eq(kept[1], 2);
    ck_assert_int_eq(lt_boxes_suppress(box, 3, LT_OVERLAP_SMALLER, 0.5f, kept), 2);
    ck_assert_int_eq(kept[0], 2);
    ck_assert_int_eq(kept[1], 1);
}
END_TEST

START_TEST(boxes_are_moved_and_made_square)
{
    struct lt_box box = {
        .x1 = 10, .y1 = 20, .x2 = 29, .y2 = 59, .shift = {0.1f, -0.1f, 0.2f, 0.5f}};
    struct lt_box wide = {.x1 = 10, .y1 = 20, .x2 = 30, .y2 = 60};
    lt_box_refine(&box, 1.0f); /* sides of 20 and 40 */
    ck_assert_float_eq_tol(box.x1, 12.0f, 1e-5f);
    ck_assert_float_eq_tol(box.y1, 16.0f, 1e-5f);
    ck_assert_float_eq_tol(box.x2, 33.0f, 1e-5f);
    ck_assert_float_eq_tol(box.y2, 79.0f, 1e-5f);
    lt_box_square(&wide);
    ck_assert_float_eq_tol(wide.x1, 0.0f, 1e-5f);
    ck_assert_float_eq_tol(wide.y1, 20.0f, 1e-5f);
    ck_assert_float_eq_tol(wide.x2, 40.0f, 1e-5f);
    ck_assert_float_eq_tol(wide.y2, 60.0f, 1e-5f);
}
END_TEST

START_TEST(boxes_are_cut_at_the_edges)
{
    const struct {
        float x1, x2;
        int64_t low, high;
        bool any;
    } row[] = {
        {1, 100, 0, 100, true},     {-5.5f, 20.9f, 0, 20, true},  {90.7f, 140, 89, 100, true},
        {0, 0.9f, 0, 0, false},     {101, 120, 100, 100, false},  {-1e30f, 1e30f, 0, 100, true},
        {50, 49.5f, 49, 49, false}, {50.2f, 50.9f, 49, 50, true},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        const struct lt_box box = {.x1 = row[i].x1, .y1 = 3, .x2 = row[i].x2, .y2 = 7};
        int64_t x[2], y[2];
        ck_assert_msg(lt_box_pixels(&box, 100, 50, x, y) == row[i].any, "row %zu", i);
        ck_assert_msg(x[0] == row[i].low && x[1] == row[i].high, "row %zu: %d to %d", i, (int)x[0],
                      (int)x[1]);
        ck_assert_int_eq(y[0], 2);
        ck_assert_int_eq(y[1], 7);
    }
}
END_TEST

/* ---- input ---- */

static uint8_t *noise(int64_t width, int64_t height)
{
    uint8_t *rgb = malloc((size_t)(3 * width * height));
    ck_assert_ptr_nonnull(rgb);
    for (int64_t i = 0; i < 3 * width * height; i++)
        rgb[i] = (uint8_t)lt_rng_below(&rng, 256);
    return rgb;
}

START_TEST(input_is_that_of_resizing_by_area)
{
    static const int64_t size[][2] = {{10, 7}, {37, 29}, {74, 58}, {12, 31}, {5, 3}};
    const int64_t width = 37, height = 29;
    uint8_t *rgb = noise(width, height);
    const struct lt_pixels pixels = {rgb, 3 * width, width, height};
    lt_tensor *x = lt_empty(ctx, LT_F32, 4, (int64_t[]){1, 3, height, width});
    for (int64_t i = 0; i < width * height; i++)
        for (int64_t k = 0; k < 3; k++)
            lt_f32(x)[k * width * height + i] = ((float)rgb[3 * i + k] - 127.5f) / 128.0f;
    for (size_t s = 0; s < sizeof size / sizeof size[0]; s++) {
        const int64_t w = size[s][0], h = size[s][1];
        lt_tensor *wanted = lt_resize_area(ctx, x, h, w);
        lt_tensor *got = lt_empty(ctx, LT_F32, 4, (int64_t[]){1, 3, h, w});
        ck_assert_int_eq(lt_mtcnn_input(ctx, &pixels, h, w, 0, h, lt_f32(got)), LT_OK);
        ck_assert_double_lt(nn_distance(got, wanted), 1e-6);
        /* Some rows alone are the same numbers. */
        lt_tensor *rows = lt_empty(ctx, LT_F32, 3, (int64_t[]){3, 2, w});
        ck_assert_int_eq(lt_mtcnn_input(ctx, &pixels, h, w, h - 2, h, lt_f32(rows)), LT_OK);
        for (int64_t k = 0; k < 3; k++)
            ck_assert_mem_eq(lt_f32(rows) + 2 * k * w, lt_f32(got) + ((k + 1) * h - 2) * w,
                             (size_t)(2 * w) * sizeof(float));
    }
    free(rgb);
}
END_TEST

/* ---- networks, by plain loops ---- */

/* A map of c channels of h x w numbers. */
struct map {
    int64_t c, h, w;
    double *at;
};

static struct map make_map(int64_t c, int64_t h, int64_t w)
{
    struct map m = {c, h, w, calloc((size_t)(c * h * w), sizeof(double))};
    ck_assert_ptr_nonnull(m.at);
    return m;
}

static const float *weight_of(const char *layer, const char *part)
{
    char name[64];
    snprintf(name, sizeof name, "%s%s", layer, part);
    lt_tensor *t = lt_params_find(params, name);
    ck_assert_ptr_nonnull(t);
    return lt_f32(t);
}

/* A convolution with kernels of k x k, and a PReLU. Frees x. A fully connected layer is a
 * convolution of the whole map, whose weights go through columns, rows and channels. */
static struct map plain_conv(struct map x, const char *layer, const char *slope, int64_t out,
                             int64_t k, bool dense)
{
    const float *w = weight_of(layer, ".weight"), *b = weight_of(layer, ".bias");
    struct map y = make_map(out, x.h - k + 1, x.w - k + 1);
    for (int64_t o = 0; o < out; o++)
        for (int64_t i = 0; i < y.h; i++)
            for (int64_t j = 0; j < y.w; j++) {
                double sum = (double)b[o];
                for (int64_t c = 0; c < x.c; c++)
                    for (int64_t r = 0; r < k; r++)
                        for (int64_t s = 0; s < k; s++) {
                            const int64_t at = dense ? ((o * k + s) * k + r) * x.c + c
                                                     : ((o * x.c + c) * k + r) * k + s;
                            sum += (double)w[at] * x.at[(c * x.h + i + r) * x.w + j + s];
                        }
                if (slope && sum < 0)
                    sum *= (double)weight_of(slope, ".weight")[o];
                y.at[(o * y.h + i) * y.w + j] = sum;
            }
    free(x.at);
    return y;
}

/* The largest number of windows of k x k, 2 apart, as far as they are in the map; the last window
 * begins in the map. Frees x. */
static struct map plain_pool(struct map x, int64_t k)
{
    struct map y = make_map(x.c, (x.h - k + 1) / 2 + 1, (x.w - k + 1) / 2 + 1);
    for (int64_t c = 0; c < x.c; c++)
        for (int64_t i = 0; i < y.h; i++)
            for (int64_t j = 0; j < y.w; j++) {
                double most = -INFINITY;
                for (int64_t r = 2 * i; r < 2 * i + k && r < x.h; r++)
                    for (int64_t s = 2 * j; s < 2 * j + k && s < x.w; s++)
                        most = fmax(most, x.at[(c * x.h + r) * x.w + s]);
                y.at[(c * y.h + i) * y.w + j] = most;
            }
    free(x.at);
    return y;
}

static struct map copy_of(const lt_tensor *x)
{
    struct map m = make_map(lt_dim(x, 1), lt_dim(x, 2), lt_dim(x, 3));
    for (int64_t i = 0; i < lt_numel(x); i++)
        m.at[i] = (double)lt_f32(x)[i];
    return m;
}

static struct map duplicate(struct map x)
{
    struct map m = make_map(x.c, x.h, x.w);
    memcpy(m.at, x.at, (size_t)(x.c * x.h * x.w) * sizeof *m.at);
    return m;
}

/* Compares got (h w, c) with a head of the network: a layer behind the map `x`. */
static void check_head(lt_tensor *got, struct map x, const char *layer, int64_t out, bool dense)
{
    struct map wanted = plain_conv(duplicate(x), layer, NULL, out, dense ? x.h : 1, dense);
    ck_assert_int_eq(lt_dim(got, 0), wanted.h * wanted.w);
    ck_assert_int_eq(lt_dim(got, 1), out);
    for (int64_t i = 0; i < wanted.h * wanted.w; i++)
        for (int64_t c = 0; c < out; c++)
            ck_assert_double_eq_tol((double)lt_f32(got)[i * out + c],
                                    wanted.at[c * wanted.h * wanted.w + i], 2e-5);
    free(wanted.at);
}

START_TEST(pnet_is_that_of_plain_loops)
{
    /* Odd sides: the last windows of the pooling reach beyond the edge. */
    for (int64_t h = 12; h <= 16; h++) {
        int64_t rows, columns;
        lt_tensor *x = nn_normal(ctx, &rng, 4, (int64_t[]){1, 3, h, 15});
        const struct lt_mtcnn_output y = lt_mtcnn_pnet(ctx, net, x, &rows, &columns);
        nn_assert_ok(ctx);
        struct map m =
            plain_pool(plain_conv(copy_of(x), "pnet.conv1", "pnet.prelu1", 10, 3, false), 2);
        m = plain_conv(m, "pnet.conv2", "pnet.prelu2", 16, 3, false);
        m = plain_conv(m, "pnet.conv3", "pnet.prelu3", 32, 3, false);
        ck_assert_int_eq(rows, m.h);
        ck_assert_int_eq(rows, (h - 2 + 1) / 2 - 4);
        ck_assert_int_eq(columns, m.w);
        check_head(y.logits, m, "pnet.conv4_1", 2, false);
        check_head(y.shift, m, "pnet.conv4_2", 4, false);
        free(m.at);
    }
}
END_TEST

START_TEST(rnet_is_that_of_plain_loops)
{
    lt_tensor *x = nn_normal(ctx, &rng, 4, (int64_t[]){1, 3, 24, 24});
    const struct lt_mtcnn_output y = lt_mtcnn_rnet(ctx, net, x);
    nn_assert_ok(ctx);
    struct map m = plain_pool(plain_conv(copy_of(x), "rnet.conv1", "rnet.prelu1", 28, 3, false), 3);
    m = plain_pool(plain_conv(m, "rnet.conv2", "rnet.prelu2", 48, 3, false), 3);
    m = plain_conv(m, "rnet.conv3", "rnet.prelu3", 64, 2, false);
    m = plain_conv(m, "rnet.dense4", "rnet.prelu4", 128, 3, true);
    check_head(y.logits, m, "rnet.dense5_1", 2, true);
    check_head(y.shift, m, "rnet.dense5_2", 4, true);
    free(m.at);
}
END_TEST

START_TEST(onet_is_that_of_plain_loops)
{
    lt_tensor *x = nn_normal(ctx, &rng, 4, (int64_t[]){1, 3, 48, 48});
    const struct lt_mtcnn_output y = lt_mtcnn_onet(ctx, net, x);
    nn_assert_ok(ctx);
    struct map m = plain_pool(plain_conv(copy_of(x), "onet.conv1", "onet.prelu1", 32, 3, false), 3);
    m = plain_pool(plain_conv(m, "onet.conv2", "onet.prelu2", 64, 3, false), 3);
    m = plain_pool(plain_conv(m, "onet.conv3", "onet.prelu3", 64, 3, false), 2);
    m = plain_conv(m, "onet.conv4", "onet.prelu4", 128, 2, false);
    m = plain_conv(m, "onet.dense5", "onet.prelu5", 256, 3, true);
    check_head(y.logits, m, "onet.dense6_1", 2, true);
    check_head(y.shift, m, "onet.dense6_2", 4, true);
    check_head(y.landmarks, m, "onet.dense6_3", 10, true);
    free(m.at);
}
END_TEST

/* ---- the cascade ---- */

START_TEST(faces_come_largest_first_and_repeat)
{
    /* Networks of chance, with all thresholds low, find faces in noise. */
    const int64_t width = 90, height = 70;
    uint8_t *rgb = noise(width, height);
    lt_mtcnn_config config = lt_mtcnn_defaults();
    for (int i = 0; i < 3; i++)
        config.thresholds[i] = 0.05f;
    lt_face *one, *two;
    size_t count, again;
    lt_ctx_set_threads(ctx, 3);
    ck_assert_int_eq(lt_mtcnn_detect(ctx, net, rgb, width, height, &config, &one, &count), LT_OK);
    ck_assert_int_eq(lt_mtcnn_detect(ctx, net, rgb, width, height, &config, &two, &again), LT_OK);
    ck_assert_uint_gt(count, 1);
    ck_assert_uint_eq(count, again);
    ck_assert_mem_eq(one, two, count * sizeof *one);
    for (size_t i = 0; i < count; i++) {
        const double area =
            (double)(one[i].box[2] - one[i].box[0]) * (double)(one[i].box[3] - one[i].box[1]);
        if (i > 0)
            ck_assert_double_le(area, (double)(one[i - 1].box[2] - one[i - 1].box[0]) *
                                          (double)(one[i - 1].box[3] - one[i - 1].box[1]));
        ck_assert_float_gt(one[i].probability, 0.05f);
    }
    free(one);
    free(two);
    free(rgb);
}
END_TEST

START_TEST(small_pictures_have_no_face)
{
    uint8_t *rgb = noise(19, 40);
    lt_mtcnn_config config = lt_mtcnn_defaults();
    memset(config.thresholds, 0, sizeof config.thresholds);
    lt_face *faces = (lt_face *)(void *)rgb;
    size_t count = 7;
    ck_assert_int_eq(lt_mtcnn_detect(ctx, net, rgb, 19, 40, &config, &faces, &count), LT_OK);
    ck_assert_ptr_null(faces);
    ck_assert_uint_eq(count, 0);
    ck_assert_int_eq(lt_mtcnn_detect(ctx, net, rgb, 1, 1, &config, &faces, &count), LT_OK);
    ck_assert_uint_eq(count, 0);
    free(rgb);
}
END_TEST

START_TEST(what_cannot_be_done_is_said)
{
    const uint8_t rgb[12] = {0};
    lt_mtcnn_config config = lt_mtcnn_defaults();
    lt_face *faces;
    size_t count;
    lt_mtcnn *other;
    lt_mtcnn_detect(ctx, net, rgb, 0, 4, &config, &faces, &count);
    nn_assert_failed(ctx, LT_ERR_ARGUMENT, "a picture of 0 x 4");
    config.min_size = 11;
    lt_mtcnn_detect(ctx, net, rgb, 2, 2, &config, &faces, &count);
    nn_assert_failed(ctx, LT_ERR_ARGUMENT, "min_size 11");
    config = lt_mtcnn_defaults();
    config.factor = 1;
    lt_mtcnn_detect(ctx, net, rgb, 2, 2, &config, &faces, &count);
    nn_assert_failed(ctx, LT_ERR_ARGUMENT, "factor 1");
    lt_params *some;
    lt_params_create(ctx, &some);
    ck_assert_int_ne(lt_mtcnn_create(ctx, some, &other), LT_OK);
    nn_assert_failed(ctx, LT_ERR_MISSING, "pnet.conv1.weight");
    ck_assert_ptr_null(other);
    lt_params_free(some);
    lt_f32(lt_params_find(params, "pnet.conv4_1.bias"))[0] = NAN;
    uint8_t *picture = noise(24, 24);
    lt_mtcnn_detect(ctx, net, picture, 24, 24, &(lt_mtcnn_config){20, 0.7, {0, 0, 0}}, &faces,
                    &count);
    nn_assert_failed(ctx, LT_ERR_NUMERIC, "mtcnn");
    ck_assert_ptr_null(faces);
    free(picture);
}
END_TEST

Suite *suite_mtcnn(void)
{
    Suite *s = suite_create("mtcnn");
    TCase *c = tcase_create("mtcnn");
    tcase_set_timeout(c, 120);
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, boxes_that_overlap_too_much_are_dropped);
    tcase_add_test(c, a_small_box_within_a_large_one_is_dropped_by_its_own_size);
    tcase_add_test(c, equally_probable_boxes_have_an_order);
    tcase_add_test(c, boxes_are_moved_and_made_square);
    tcase_add_test(c, boxes_are_cut_at_the_edges);
    tcase_add_test(c, input_is_that_of_resizing_by_area);
    tcase_add_test(c, pnet_is_that_of_plain_loops);
    tcase_add_test(c, rnet_is_that_of_plain_loops);
    tcase_add_test(c, onet_is_that_of_plain_loops);
    tcase_add_test(c, faces_come_largest_first_and_repeat);
    tcase_add_test(c, small_pictures_have_no_face);
    tcase_add_test(c, what_cannot_be_done_is_said);
    suite_add_tcase(s, c);
    return s;
}
