#include <stdio.h>
#include <string.h>

#include "support/nn_check.h"
#include "support/temp_dir.h"

Suite *suite_params(void);

START_TEST(adding_and_finding)
{
    lt_ctx *ctx = nn_context();
    lt_params *p = NULL;
    ck_assert_int_eq(lt_params_create(ctx, &p), LT_OK);
    ck_assert_ptr_null(lt_params_find(p, "a"));
    char name[32];
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "layer.%d.weight", i);
        ck_assert_ptr_nonnull(
            lt_params_new(ctx, p, name, 1, (const int64_t[]){3}, NULL, (float)i, 0.0f));
    }
    ck_assert_uint_eq(lt_params_count(p), 1000);
    ck_assert_int_eq(lt_params_elements(p), 3000);
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "layer.%d.weight", i);
        const lt_tensor *t = lt_params_find(p, name);
        ck_assert_ptr_nonnull(t);
        ck_assert_float_eq(lt_f32(t)[2], (float)i);
        ck_assert_str_eq(lt_params_name(p, (size_t)i), name);
        ck_assert_ptr_eq(lt_params_at(p, (size_t)i), t);
    }
    ck_assert_ptr_null(lt_params_find(p, "layer.1000.weight"));
    ck_assert_ptr_null(lt_params_at(p, 1000));
    ck_assert_ptr_null(lt_params_name(p, 1000));
    lt_params_free(p);
    lt_ctx_destroy(ctx);
}
END_TEST

START_TEST(failures_name_the_tensor)
{
    lt_ctx *ctx = nn_context();
    lt_params *p = NULL;
    lt_params_create(ctx, &p);
    lt_params_new(ctx, p, "w", 2, (const int64_t[]){3, 5}, NULL, 0.0f, 0.0f);
    ck_assert_int_eq(lt_params_add(ctx, p, "w", lt_params_find(p, "w")), LT_ERR_ARGUMENT);
    nn_assert_failed(ctx, LT_ERR_ARGUMENT, "tensor w is there already");
    ck_assert_ptr_null(lt_params_get(ctx, p, "v", 1, (const int64_t[]){3}));
    nn_assert_failed(ctx, LT_ERR_MISSING, "no tensor v");
    ck_assert_ptr_null(lt_params_get(ctx, p, "w", 2, (const int64_t[]){-1, 4}));
    nn_assert_failed(ctx, LT_ERR_SHAPE, "tensor w is (3, 5), expected (*, 4)");
    ck_assert_ptr_null(lt_params_get(ctx, p, "w", 1, (const int64_t[]){15}));
    nn_assert_failed(ctx, LT_ERR_SHAPE, "expected (15,)");
    ck_assert_ptr_null(lt_params_get(ctx, p, "w", 0, NULL));
    nn_assert_failed(ctx, LT_ERR_SHAPE, "expected ()");
    ck_assert_ptr_nonnull(lt_params_get(ctx, p, "w", 2, (const int64_t[]){-1, 5}));
    lt_params_add(ctx, p, "whole", lt_empty(ctx, LT_I32, 1, (const int64_t[]){3}));
    ck_assert_ptr_null(lt_params_get(ctx, p, "whole", 1, (const int64_t[]){3}));
    nn_assert_failed(ctx, LT_ERR_DTYPE, "tensor whole is I32");
    lt_params_add(ctx, p, "none", lt_zeros(ctx, 2, (const int64_t[]){0, 5}));
    ck_assert_ptr_null(lt_params_get(ctx, p, "none", 2, (const int64_t[]){-1, 5}));
    nn_assert_failed(ctx, LT_ERR_SHAPE, "tensor none is (0, 5)");
    ck_assert_int_eq(lt_params_load(ctx, p, "/nonexistent/file", NULL), LT_ERR_IO);
    lt_ctx_clear(ctx);
    ck_assert_int_eq(lt_params_save(ctx, p, temp_path("x"), LT_I32), LT_ERR_DTYPE);
    lt_ctx_clear(ctx);
    lt_params_free(p);
    lt_ctx_destroy(ctx);
}
END_TEST

START_TEST(metadata)
{
    lt_ctx *ctx = nn_context();
    lt_params *p = NULL;
    lt_params_create(ctx, &p);
    ck_assert_ptr_null(lt_params_metadata(p, "domain"));
    for (int i = 0; i < 20; i++) {
        char key[16];
        snprintf(key, sizeof key, "key%d", i);
        ck_assert_int_eq(lt_params_set_metadata(ctx, p, key, "old"), LT_OK);
        ck_assert_int_eq(lt_params_set_metadata(ctx, p, key, key + 3), LT_OK);
    }
    ck_assert_uint_eq(lt_params_metadata_count(p), 20);
    ck_assert_str_eq(lt_params_metadata_key(p, 4), "key4");
    ck_assert_str_eq(lt_params_metadata(p, "key17"), "17");
    ck_assert_ptr_null(lt_params_metadata_key(p, 20));
    lt_params_free(p);
    lt_ctx_destroy(ctx);
}
END_TEST

/* Two float tensors, ids and metadata. */
static lt_params *sample(lt_ctx *ctx)
{
    lt_params *p = NULL;
    lt_rng rng = lt_rng_make(3, 0);
    lt_params_create(ctx, &p);
    lt_params_new(ctx, p, "net.a", 3, (const int64_t[]){2, 3, 4}, &rng, 0.5f, 2.0f);
    lt_params_new(ctx, p, "net.scalar", 0, NULL, NULL, 4.5f, 0.0f);
    const int32_t ids[4] = {1, -2, 70000, 4};
    lt_params_add(ctx, p, "ids", lt_from_copy(ctx, LT_I32, 1, (const int64_t[]){4}, ids));
    lt_params_set_metadata(ctx, p, "activation", "gelu");
    nn_assert_ok(ctx);
    return p;
}

START_TEST(file_round_trip)
{
    lt_ctx *ctx = nn_context();
    lt_params *p = sample(ctx), *q = NULL;
    char path[512];
    snprintf(path, sizeof path, "%s", temp_path("a.safetensors"));
    ck_assert_int_eq(lt_params_save(ctx, p, path, LT_F32), LT_OK);
    lt_params_create(ctx, &q);
    ck_assert_int_eq(lt_params_load(ctx, q, path, NULL), LT_OK);
    ck_assert_uint_eq(lt_params_count(q), 3);
    ck_assert_str_eq(lt_params_metadata(q, "activation"), "gelu");
    for (size_t i = 0; i < 3; i++) {
        const lt_tensor *a = lt_params_at(p, i), *b = lt_params_find(q, lt_params_name(p, i));
        ck_assert_ptr_nonnull(b);
        ck_assert_int_eq(lt_type(a), lt_type(b));
        ck_assert(lt_same_shape(a, b));
        ck_assert_mem_eq(lt_data(a), lt_data(b), (size_t)lt_numel(a) * 4);
    }
    /* Loaded tensors can be written to, and the file does not change. */
    lt_f32(lt_params_find(q, "net.a"))[0] = 77.0f;
    lt_params *r = NULL;
    lt_params_create(ctx, &r);
    ck_assert_int_eq(lt_params_load(ctx, r, path, "net."), LT_OK);
    ck_assert_uint_eq(lt_params_count(r), 2);
    ck_assert_float_eq(lt_f32(lt_params_find(r, "a"))[0], lt_f32(lt_params_find(p, "net.a"))[0]);
    ck_assert_int_eq(lt_params_load(ctx, r, path, "net."), LT_ERR_ARGUMENT);
    nn_assert_failed(ctx, LT_ERR_ARGUMENT, "there already");
    /* Saving over the mapped file leaves the mapping as it was. */
    ck_assert_int_eq(lt_params_save(ctx, q, path, LT_F32), LT_OK);
    ck_assert_float_eq(lt_f32(lt_params_find(r, "a"))[0], lt_f32(lt_params_find(p, "net.a"))[0]);
    lt_params_free(p);
    lt_params_free(q);
    lt_params_free(r);
    lt_ctx_destroy(ctx);
}
END_TEST

/* Loading from an open file gives what loading by name gives, and the data outlives the file. */
START_TEST(open_file)
{
    lt_ctx *ctx = nn_context();
    lt_params *p = sample(ctx);
    const char *path = temp_path("open.safetensors");
    ck_assert_int_eq(lt_params_save(ctx, p, path, LT_F16), LT_OK);
    for (int map = 0; map < 2; map++) {
        lt_safetensors *file = NULL;
        lt_params *q = NULL, *r = NULL;
        ck_assert_int_eq(lt_safetensors_open(ctx, path, &file), LT_OK);
        lt_params_create(ctx, &q);
        lt_params_create(ctx, &r);
        ck_assert_int_eq((map ? lt_params_map_from : lt_params_load_from)(ctx, q, file, "net."),
                         LT_OK);
        lt_safetensors_close(file);
        ck_assert_int_eq((map ? lt_params_map : lt_params_load)(ctx, r, path, "net."), LT_OK);
        ck_assert_str_eq(lt_params_metadata(q, "activation"), "gelu");
        ck_assert_uint_eq(lt_params_count(q), 2);
        for (size_t i = 0; i < 2; i++) {
            const lt_tensor *a = lt_params_at(q, i), *b = lt_params_at(r, i);
            ck_assert_str_eq(lt_params_name(q, i), lt_params_name(r, i));
            ck_assert_int_eq(lt_type(a), map ? LT_F16 : LT_F32);
            ck_assert_int_eq(lt_type(a), lt_type(b));
            ck_assert_mem_eq(lt_data(a), lt_data(b), (size_t)lt_numel(a) * (map ? 2 : 4));
        }
        lt_params_free(q);
        lt_params_free(r);
    }
    lt_params_free(p);
    lt_ctx_destroy(ctx);
}
END_TEST

START_TEST(half_precision_files)
{
    lt_ctx *ctx = nn_context();
    lt_params *p = sample(ctx);
    const char *path = temp_path("half.safetensors");
    const lt_dtype type[2] = {LT_F16, LT_BF16};
    const double bound[2] = {1e-3, 1e-2};
    for (int i = 0; i < 2; i++) {
        lt_params *q = NULL;
        ck_assert_int_eq(lt_params_save(ctx, p, path, type[i]), LT_OK);
        lt_params_create(ctx, &q);
        ck_assert_int_eq(lt_params_load(ctx, q, path, NULL), LT_OK);
        ck_assert_int_eq(lt_type(lt_params_find(q, "net.a")), LT_F32);
        ck_assert_int_eq(lt_type(lt_params_find(q, "ids")), LT_I32);
        ck_assert_int_eq(lt_i32(lt_params_find(q, "ids"))[2], 70000);
        ck_assert(nn_distance(lt_params_find(q, "net.a"), lt_params_find(p, "net.a")) < bound[i]);
        ck_assert_float_eq(lt_item(lt_params_find(q, "net.scalar")), 4.5f);
        /* Mapped, they stay as they are. */
        lt_params *r = NULL;
        lt_params_create(ctx, &r);
        ck_assert_int_eq(lt_params_map(ctx, r, path, NULL), LT_OK);
        lt_tensor *kept = lt_params_find(r, "net.a");
        ck_assert_int_eq(lt_type(kept), type[i]);
        ck_assert(nn_distance(lt_cast(ctx, kept, LT_F32), lt_params_find(q, "net.a")) == 0.0);
        lt_params_free(r);
        lt_params_free(q);
    }
    lt_params_free(p);
    lt_ctx_destroy(ctx);
}
END_TEST

START_TEST(requiring_gradients)
{
    lt_ctx *ctx = nn_context();
    lt_params *p = sample(ctx);
    ck_assert_int_eq(lt_params_require_grad(ctx, p, "net.s", true), LT_OK);
    ck_assert(!lt_requires_grad(lt_params_find(p, "net.a")));
    ck_assert(lt_requires_grad(lt_params_find(p, "net.scalar")));
    ck_assert_int_eq(lt_params_require_grad(ctx, p, NULL, true), LT_OK);
    ck_assert(lt_requires_grad(lt_params_find(p, "net.a")));
    ck_assert(!lt_requires_grad(lt_params_find(p, "ids")));
    ck_assert_int_eq(lt_params_require_grad(ctx, p, NULL, false), LT_OK);
    ck_assert(!lt_requires_grad(lt_params_find(p, "net.scalar")));
    lt_params_free(p);
    lt_ctx_destroy(ctx);
}
END_TEST

Suite *suite_params(void)
{
    Suite *s = suite_create("params");
    TCase *c = tcase_create("params");
    tcase_set_timeout(c, 60);
    tcase_add_checked_fixture(c, temp_dir_make, temp_dir_remove);
    tcase_add_test(c, adding_and_finding);
    tcase_add_test(c, failures_name_the_tensor);
    tcase_add_test(c, metadata);
    tcase_add_test(c, file_round_trip);
    tcase_add_test(c, open_file);
    tcase_add_test(c, half_precision_files);
    tcase_add_test(c, requiring_gradients);
    suite_add_tcase(s, c);
    return s;
}
