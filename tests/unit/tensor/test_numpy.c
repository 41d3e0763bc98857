/* Arrays that NumPy wrote: .npy files and .npz archives, whole and damaged. */
#include <check.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "support/nn_check.h"
#include "support/temp_dir.h"
#include "tensor/files/numpy.h"

Suite *suite_numpy(void);

static lt_ctx *ctx;

static void set_up(void)
{
    ck_assert_int_eq(lt_ctx_create(&ctx), LT_OK);
    temp_dir_make();
}

static void tear_down(void)
{
    temp_dir_remove();
    lt_ctx_destroy(ctx);
}

enum { MOST = 4096 };

/* Bytes that a test puts together. */
struct bytes {
    unsigned char data[MOST];
    size_t size;
};

static void put(struct bytes *b, const void *data, size_t size)
{
    ck_assert_uint_le(b->size + size, MOST);
    memcpy(b->data + b->size, data, size);
    b->size += size;
}

/* Puts a number of `bytes` bytes, lowest first. */
static void put_number(struct bytes *b, uint64_t number, int bytes)
{
    for (int i = 0; i < bytes; i++)
        put(b, &(unsigned char){i < 8 ? (unsigned char)(number >> (8 * i)) : 0}, 1);
}

static struct bytes array(int version, const char *header, const void *numbers, size_t size)
{
    struct bytes b = {.size = 0};
    put(&b, "\x93NUMPY", 6);
    put_number(&b, (uint64_t)version, 2);
    put_number(&b, strlen(header), version == 1 ? 2 : 4);
    put(&b, header, strlen(header));
    put(&b, numbers, size);
    return b;
}

static const char *write_bytes(const char *name, const struct bytes *b)
{
    const char *path = temp_path(name);
    temp_write(path, b->data, b->size);
    return path;
}

static lt_tensor *read_bytes(const struct bytes *b)
{
    return lt_numpy_read(ctx, write_bytes("a.npy", b), NULL, 0);
}

static void check(lt_tensor *t, const char *shape, const float *expected, int count)
{
    char told[96];
    ck_assert_msg(t != NULL, "%s", lt_ctx_message(ctx));
    ck_assert_str_eq(lt_shape_string(t, told, sizeof told), shape);
    ck_assert_int_eq(lt_numel(t), count);
    for (int i = 0; i < count; i++)
        ck_assert_float_eq(lt_f32(t)[i], expected[i]);
}

START_TEST(orders_and_versions)
{
    static const float numbers[6] = {1, 2, 3, 4, 5.5f, -6}, turned[6] = {1, 3, 5.5f, 2, 4, -6};
    for (int version = 1; version <= 3; version++) {
        struct bytes b =
            array(version, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   \n",
                  numbers, sizeof numbers);
        check(read_bytes(&b), "(2, 3)", numbers, 6);
    }
    struct bytes b = array(1, "{'shape': (2, 3), 'fortran_order': True, 'descr': '<f4'}", numbers,
                           sizeof numbers);
    check(read_bytes(&b), "(2, 3)", turned, 6);
    b = array(1, "{\"descr\":\"<f4\",\"fortran_order\":False,\"shape\":(6L,)}", numbers,
              sizeof numbers);
    check(read_bytes(&b), "(6,)", numbers, 6);
    b = array(1, "{'descr': '<f4', 'fortran_order': False, 'shape': ()}", numbers, 4);
    ck_assert_float_eq(lt_item(read_bytes(&b)), 1.0f);
    b = array(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 512)}", numbers, 0);
    ck_assert_int_eq(lt_numel(read_bytes(&b)), 0);
}
END_TEST

START_TEST(types)
{
    static const struct {
        const char *type;
        int bytes, count;
        unsigned char data[16];
        float expected[2];
    } cases[] = {
        {"<f2", 2, 2, {0x00, 0x3C, 0x00, 0xC0}, {1.0f, -2.0f}},
        {">f4", 4, 1, {0x3F, 0xC0, 0, 0}, {1.5f}},
        {"<f8", 8, 1, {0, 0, 0, 0, 0, 0, 0xF8, 0x3F}, {1.5f}},
        {">f8", 8, 1, {0x3F, 0xF8, 0, 0, 0, 0, 0, 0}, {1.5f}},
        {"|i1", 1, 2, {0xFF, 0x7F}, {-1.0f, 127.0f}},
        {"|u1", 1, 2, {0xFF, 0x7F}, {255.0f, 127.0f}},
        {"<i2", 2, 2, {0xFE, 0xFF, 0x00, 0x01}, {-2.0f, 256.0f}},
        {">i4", 4, 1, {0xFF, 0xFF, 0xFF, 0xFD}, {-3.0f}},
        {"<u4", 4, 1, {0, 0, 0, 0x80}, {2147483648.0f}},
        {"<i8", 8, 1, {0, 0, 0, 0, 0, 0, 0, 0x80}, {-9223372036854775808.0f}},
        {"|b1", 1, 2, {0, 1}, {0.0f, 1.0f}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char header[96], shape[16];
        snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (%d,)}",
                 cases[i].type, cases[i].count);
        snprintf(shape, sizeof shape, "(%d,)", cases[i].count);
        struct bytes b =
            array(1, header, cases[i].data, (size_t)cases[i].bytes * (size_t)cases[i].count);
        check(read_bytes(&b), shape, cases[i].expected, cases[i].count);
    }
}
END_TEST

START_TEST(damaged_arrays)
{
    static const struct {
        const char *header;
        lt_status status;
        const char *message;
    } bad[] = {
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}", LT_ERR_FORMAT, "cut off"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 8)}",
         LT_ERR_FORMAT, "no list of lengths"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (9007199254740992, 2048)}",
         LT_ERR_FORMAT, "cut off"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", LT_ERR_FORMAT, "lengths"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2 3)}", LT_ERR_FORMAT, "lengths"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2", LT_ERR_FORMAT, "lengths"},
        {"{'descr': '<f4', 'fortran_order': Maybe, 'shape': (2,)}", LT_ERR_FORMAT, "fortran_order"},
        {"{'descr': '<f4', 'fortran_order': False}", LT_ERR_FORMAT, "not complete"},
        {"{'descr': '<f4', 'descr': '<f4', 'shape': (2,)}", LT_ERR_FORMAT, "unknown key"},
        {"{'descr': '<f4' 'shape': (2,)}", LT_ERR_FORMAT, "no dictionary"},
        {"{'more': 1}", LT_ERR_FORMAT, "unknown key"},
        {"", LT_ERR_FORMAT, "no dictionary"},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", LT_ERR_DTYPE, "Python objects"},
        {"{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}", LT_ERR_DTYPE, "numbers"},
        {"{'descr': '<U9', 'fortran_order': False, 'shape': (1,)}", LT_ERR_DTYPE, "numbers"},
        {"{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (1,)}", LT_ERR_DTYPE,
         "records"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}", LT_ERR_SHAPE,
         "axes"},
    };
    static const float numbers[2] = {1, 2};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct bytes b = array(1, bad[i].header, numbers, sizeof numbers);
        ck_assert_ptr_null(read_bytes(&b));
        ck_assert_msg(lt_ctx_status(ctx) == bad[i].status &&
                          strstr(lt_ctx_message(ctx), bad[i].message) &&
                          strstr(lt_ctx_message(ctx), "a.npy"),
                      "%s: %s", bad[i].header, lt_ctx_message(ctx));
        lt_ctx_clear(ctx);
    }
}
END_TEST

/* Every beginning of a good file is refused. */
START_TEST(cut_off_anywhere)
{
    static const float numbers[2] = {1, 2};
    const struct bytes whole = array(2, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}",
                                     numbers, sizeof numbers);
    for (size_t size = 0; size < whole.size; size++) {
        struct bytes part = whole;
        part.size = size;
        ck_assert_ptr_null(read_bytes(&part));
        ck_assert_int_eq(lt_ctx_status(ctx), LT_ERR_FORMAT);
        lt_ctx_clear(ctx);
    }
}
END_TEST

/* A member of an archive: its name, and its bytes, deflated if `deflated`. */
struct member {
    const char *name;
    struct bytes content;
    bool deflated;
};

static struct bytes deflate_raw(const struct bytes *in)
{
    struct bytes out = {.size = 0};
    z_stream z = {0};
    ck_assert_int_eq(deflateInit2(&z, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (z_const Bytef *)in->data;
    z.avail_in = (uInt)in->size;
    z.next_out = out.data;
    z.avail_out = MOST;
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    out.size = MOST - z.avail_out;
    deflateEnd(&z);
    return out;
}

static struct bytes archive(const struct member *members, int count)
{
    struct bytes b = {.size = 0}, directory = {.size = 0};
    for (int i = 0; i < count; i++) {
        const struct member *m = &members[i];
        const struct bytes packed = m->deflated ? deflate_raw(&m->content) : m->content;
        const uint32_t crc = (uint32_t)crc32(0, m->content.data, (uInt)m->content.size);
        const size_t local = b.size;
        for (int in_directory = 0; in_directory < 2; in_directory++) {
            struct bytes *to = in_directory ? &directory : &b;
            put_number(to, in_directory ? 0x02014b50u : 0x04034b50u, 4);
            put_number(to, 20, in_directory ? 4 : 2); /* versions */
            put_number(to, 0, 2);
            put_number(to, m->deflated ? 8 : 0, 2);
            put_number(to, 0, 4);
            put_number(to, crc, 4);
            put_number(to, packed.size, 4);
            put_number(to, m->content.size, 4);
            put_number(to, strlen(m->name), 2);
            put_number(to, 0, 2);
            if (in_directory) {
                put_number(to, 0, 2 + 2 + 2 + 4);
                put_number(to, local, 4);
            }
            put(to, m->name, strlen(m->name));
            if (!in_directory)
                put(to, packed.data, packed.size);
        }
    }
    const size_t begin = b.size;
    put(&b, directory.data, directory.size);
    put_number(&b, 0x06054b50u, 4);
    put_number(&b, 0, 4);
    put_number(&b, (uint64_t)count, 2);
    put_number(&b, (uint64_t)count, 2);
    put_number(&b, directory.size, 4);
    put_number(&b, begin, 4);
    put_number(&b, 0, 2);
    return b;
}

static struct bytes one_number(float x)
{
    return array(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", &x, sizeof x);
}

START_TEST(archives)
{
    static const char *const names[] = {"w", "latent"};
    for (int deflated = 0; deflated < 2; deflated++) {
        const struct member members[] = {{"other.npy", one_number(1), deflated},
                                         {"latent.npy", one_number(2), deflated},
                                         {"w.npy", one_number(3), deflated},
                                         {"readme.txt", one_number(4), deflated}};
        struct bytes b = archive(members, 4);
        const char *path = write_bytes("a.npz", &b);
        ck_assert(lt_numpy_is(path));
        ck_assert_float_eq(lt_item(lt_numpy_read(ctx, path, names, 2)), 3.0f);
        ck_assert_float_eq(lt_item(lt_numpy_read(ctx, path, names + 1, 1)), 2.0f);
        ck_assert_ptr_null(lt_numpy_read(ctx, path, NULL, 0));
        nn_assert_failed(ctx, LT_ERR_MISSING, "3 arrays");
        b = archive(members, 1);
        ck_assert_float_eq(lt_item(lt_numpy_read(ctx, write_bytes("b.npz", &b), names, 2)), 1.0f);
        b = archive(members + 3, 1);
        ck_assert_ptr_null(lt_numpy_read(ctx, write_bytes("c.npz", &b), names, 2));
        nn_assert_failed(ctx, LT_ERR_FORMAT, "without NumPy arrays");
    }
}
END_TEST

/* No byte of an archive may be changed, and none left out, with another result than the array or an
 * error. */
START_TEST(damaged_archives)
{
    static const char *const names[] = {"w"};
    const struct member members[] = {{"w.npy", one_number(3), _i == 1},
                                     {"other.npy", one_number(1), false}};
    const struct bytes whole = archive(members, 2);
    for (size_t i = 0; i < 2 * whole.size; i++) {
        struct bytes b = whole;
        if (i < whole.size)
            b.data[i] ^= 0xFF;
        else
            b.size = i - whole.size;
        lt_tensor *t = lt_numpy_read(ctx, write_bytes("a.npz", &b), names, 1);
        ck_assert_msg(!t || isfinite(lt_item(t)), "byte %zu", i);
        ck_assert_int_eq(!t, lt_ctx_status(ctx) != LT_OK);
        lt_ctx_clear(ctx);
    }
}
END_TEST

START_TEST(other_files)
{
    ck_assert(!lt_numpy_is(temp_path("nothing.npy")));
    ck_assert_ptr_null(lt_numpy_read(ctx, temp_path("nothing.npy"), NULL, 0));
    nn_assert_failed(ctx, LT_ERR_IO, "nothing.npy");
    temp_write(temp_path("b.npy"), "{}", 2);
    ck_assert(!lt_numpy_is(temp_path("b.npy")));
    ck_assert_ptr_null(lt_numpy_read(ctx, temp_path("b.npy"), NULL, 0));
    nn_assert_failed(ctx, LT_ERR_FORMAT, "does not begin");
}
END_TEST

Suite *suite_numpy(void)
{
    Suite *suite = suite_create("numpy");
    TCase *tests = tcase_create("numpy");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, orders_and_versions);
    tcase_add_test(tests, types);
    tcase_add_test(tests, damaged_arrays);
    tcase_add_test(tests, cut_off_anywhere);
    tcase_add_test(tests, archives);
    tcase_add_loop_test(tests, damaged_archives, 0, 2);
    tcase_add_test(tests, other_files);
    suite_add_tcase(suite, tests);
    return suite;
}
