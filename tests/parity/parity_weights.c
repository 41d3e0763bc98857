/* The formula itself: every network's bit patterns, single values, drawn positions. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parity/fixture.h"
#include "tensor/files/file.h"
#include "tensor/files/json_reader.h"

static lt_json *read_vectors(void)
{
    const char *folder = getenv("CFEDIT_GOLDENS");
    char path[4096];
    void *text;
    size_t size;
    lt_json *root;
    snprintf(path, sizeof path, "%s/weights.json", folder ? folder : "tests/data/goldens");
    PARITY_OK(lt_file_read(parity_ctx, path, (size_t)1 << 20, &text, &size));
    PARITY_OK(lt_json_parse(parity_ctx, path, text, size, &root));
    free(text);
    return root;
}

/* The number of a string "0x0123". */
static uint64_t hexadecimal(const lt_json *value)
{
    const char *text = lt_json_string(value, NULL);
    ck_assert_ptr_nonnull(text);
    return strtoull(text, NULL, 16);
}

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

START_TEST(models)
{
    lt_json *root = read_vectors();
    const lt_json *list = lt_json_get(root, "models");
    ck_assert_uint_ge(lt_json_count(list), 15);
    for (size_t m = 0; m < lt_json_count(list); m++) {
        const char *model = lt_json_key(list, m, NULL);
        const lt_json *want = lt_json_at(list, m);
        lt_params *params;
        PARITY_OK(lt_params_create(parity_ctx, &params));
        PARITY_OK(formula_params(parity_ctx, model, 1, params));
        int tensors = 0;
        uint64_t sum = 0;
        for (size_t i = 0; i < lt_params_count(params); i++) {
            const lt_tensor *t = lt_params_at(params, i);
            if (lt_type(t) != LT_F32)
                continue;
            tensors++;
            for (int64_t k = 0; k < lt_numel(t); k++)
                sum += bits_of(lt_f32(t)[k]);
        }
        ck_assert_msg(tensors == (int)lt_json_number(lt_json_get(want, "float_tensors"), -1),
                      "%s has %d tensors", model, tensors);
        ck_assert_msg((double)lt_params_elements(params) ==
                          lt_json_number(lt_json_get(want, "float_elements"), -1),
                      "%s has %lld elements", model, (long long)lt_params_elements(params));
        ck_assert_msg(sum == hexadecimal(lt_json_get(want, "bit_sum")), "%s has sum %016llx", model,
                      (unsigned long long)sum);
        lt_params_free(params);
    }
    lt_json_free(root);
}
END_TEST

START_TEST(vectors)
{
    lt_json *root = read_vectors();
    const lt_json *list = lt_json_get(root, "vectors");
    ck_assert_uint_gt(lt_json_count(list), 0);
    for (size_t v = 0; v < lt_json_count(list); v++) {
        const lt_json *entry = lt_json_at(list, v), *sizes = lt_json_get(entry, "shape");
        const char *name = lt_json_string(lt_json_get(entry, "name"), NULL);
        int64_t shape[LT_MAX_DIMS], at;
        for (size_t i = 0; i < lt_json_count(sizes); i++)
            ck_assert(lt_json_int(lt_json_at(sizes, i), &shape[i]));
        const float scale = (float)lt_json_number(lt_json_get(entry, "scale"), NAN);
        ck_assert_uint_eq(bits_of(scale), hexadecimal(lt_json_get(entry, "scale_bits")));
        const lt_scope scope = lt_scope_open(parity_ctx);
        const lt_tensor *t =
            formula_uniform(parity_ctx, name, (int)lt_json_count(sizes), shape, 1,
                            (float)lt_json_number(lt_json_get(entry, "center"), NAN), scale);
        PARITY_HAVE(t);
        const lt_json *index = lt_json_get(entry, "index"), *bits = lt_json_get(entry, "bits");
        for (size_t i = 0; i < lt_json_count(index); i++) {
            ck_assert(lt_json_int(lt_json_at(index, i), &at));
            ck_assert_msg(bits_of(lt_f32(t)[at]) == hexadecimal(lt_json_at(bits, i)),
                          "%s[%lld] is %08x", name, (long long)at, bits_of(lt_f32(t)[at]));
        }
        lt_scope_close(parity_ctx, scope, NULL);
    }
    lt_json_free(root);
}
END_TEST

START_TEST(positions)
{
    lt_json *root = read_vectors();
    const lt_json *list = lt_json_get(root, "probes");
    ck_assert_uint_gt(lt_json_count(list), 0);
    for (size_t p = 0; p < lt_json_count(list); p++) {
        const lt_json *entry = lt_json_at(list, p), *want = lt_json_get(entry, "positions");
        const char *name = lt_json_string(lt_json_get(entry, "name"), NULL);
        int64_t total, position;
        ck_assert(lt_json_int(lt_json_get(entry, "total"), &total));
        for (size_t i = 0; i < lt_json_count(want); i++) {
            ck_assert(lt_json_int(lt_json_at(want, i), &position));
            ck_assert_int_eq(formula_position(name, 1, (int64_t)i, total), position);
        }
    }
    lt_json_free(root);
}
END_TEST

Suite *suite_parity_weights(void)
{
    TCase *tests;
    Suite *suite = parity_suite("parity_weights", PARITY_SLOW, &tests);
    tcase_add_test(tests, models);
    tcase_add_test(tests, vectors);
    tcase_add_test(tests, positions);
    return suite;
}
