/* Conversions of 16-bit floats, whole-file reading, the atomic writer. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "support/check_grad.h"
#include "unit/suites.h"
#include "support/skip.h"
#include "support/temp_dir.h"
#include "tensor/files/file.h"
#include "tensor/files/lock.h"
#include "tensor/half.h"

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

/* ---- 16-bit floats ---- */

/* The value of a finite binary16 pattern, by its definition. */
static double f16_value(unsigned half)
{
    int exponent = half >> 10 & 31, mantissa = half & 1023;
    double magnitude = exponent ? ldexp(1024 + mantissa, exponent - 25) : ldexp(mantissa, -24);
    return half & 0x8000 ? -magnitude : magnitude;
}

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint16_t to_f16(float value)
{
    uint16_t half;
    lt_f32_to_f16(&value, &half, 1);
    return half;
}

static uint16_t to_bf16(float value)
{
    uint16_t half;
    lt_f32_to_bf16(&value, &half, 1);
    return half;
}

/* Asserts `condition` about the 16-bit `pattern`. */
#define EXPECT(condition, pattern) \
    ck_assert_msg(condition, "0x%04x: %s", (unsigned)(pattern), #condition)

START_TEST(every_f16_widens_and_returns)
{
    static uint16_t all[65536], back[65536];
    static float wide[65536];
    for (unsigned i = 0; i < 65536; i++)
        all[i] = (uint16_t)i;
    lt_f16_to_f32(all, wide, 65536);
    lt_f32_to_f16(wide, back, 65536);
    for (unsigned i = 0; i < 65536; i++) {
        if ((i & 0x7fff) < 0x7c00) {
            EXPECT((double)wide[i] == f16_value(i), i);
            EXPECT((signbit(wide[i]) != 0) == (i >> 15), i);
            EXPECT(back[i] == i, i);
        } else if ((i & 0x7fff) == 0x7c00) {
            EXPECT(isinf(wide[i]) && (signbit(wide[i]) != 0) == (i >> 15), i);
            EXPECT(back[i] == i, i);
        } else {
            EXPECT(isnan(wide[i]), i);
            EXPECT(back[i] == (i | 0x200), i);
        }
    }
}
END_TEST

/* Widening by instructions of the processor gives the same values as plain C. NaNs may differ in
 * their payload. */
START_TEST(casts_widen_alike)
{
    static uint16_t all[65536 + 7];
    static float wide[65536 + 7];
    const int64_t count = 65536 + 7; /* no multiple of any vector */
    for (int64_t i = 0; i < count; i++)
        all[i] = (uint16_t)i;
    lt_ctx *own = check_open(2, check_isa[_i]);
    for (int k = 0; k < 2; k++) {
        lt_tensor *half = lt_from_copy(own, k ? LT_BF16 : LT_F16, 1, &count, all);
        const float *got = lt_f32(lt_cast(own, half, LT_F32));
        (k ? lt_bf16_to_f32 : lt_f16_to_f32)(all, wide, (size_t)count);
        for (int64_t i = 0; i < count; i++)
            EXPECT(isnan(wide[i]) ? isnan(got[i]) : bits_of(got[i]) == bits_of(wide[i]), all[i]);
    }
    check_close(own);
}
END_TEST

START_TEST(f16_rounds_to_nearest_even)
{
    for (unsigned i = 0; i < 0x7c00; i++) {
        double low = f16_value(i), high = i == 0x7bff ? 65536.0 : f16_value(i + 1);
        float middle = (float)((low + high) / 2); /* exact in float32 */
        uint16_t even = (uint16_t)(i & 1 ? i + 1 : i);
        EXPECT(to_f16(middle) == even, i);
        EXPECT(to_f16(nextafterf(middle, 0.0f)) == i, i);
        EXPECT(to_f16(nextafterf(middle, INFINITY)) == i + 1, i);
        EXPECT(to_f16(-middle) == (even | 0x8000), i);
    }
    ck_assert_uint_eq(to_f16(1e30f), 0x7c00);
    ck_assert_uint_eq(to_f16(-INFINITY), 0xfc00);
    ck_assert_uint_eq(to_f16(1e-40f), 0);
    ck_assert_uint_eq(to_f16(-0.0f), 0x8000);
    ck_assert_uint_eq(to_f16(float_of(0x7f800001)), 0x7e00); /* a NaN, not an infinity */
}
END_TEST

START_TEST(bf16_is_the_rounded_upper_half)
{
    for (unsigned i = 0; i < 65536; i++) {
        uint16_t half = (uint16_t)i;
        float wide;
        lt_bf16_to_f32(&half, &wide, 1);
        EXPECT(bits_of(wide) == ((uint32_t)i << 16), i);
        bool nan = (i & 0x7fff) > 0x7f80;
        EXPECT(to_bf16(wide) == (nan ? i | 0x40 : i), i);
        if ((i & 0x7fff) >= 0x7f80)
            continue;
        uint32_t bits = (uint32_t)i << 16;
        EXPECT(to_bf16(float_of(bits | 0x7fff)) == i, i);
        EXPECT(to_bf16(float_of(bits | 0x8000)) == (i + (i & 1)), i);
        EXPECT(to_bf16(float_of(bits | 0x8001)) == i + 1, i);
    }
    ck_assert_uint_eq(to_bf16(float_of(0x7f800001)), 0x7fc0);
}
END_TEST

/* ---- reading ---- */

START_TEST(reads_whole_files_within_the_limit)
{
    void *data;
    size_t size;
    const char *path = temp_path("file");
    temp_write(path, "hello", 5);
    ck_assert_int_eq(lt_file_read(ctx, path, 5, &data, &size), LT_OK);
    ck_assert_uint_eq(size, 5);
    ck_assert_str_eq(data, "hello");
    free(data);
    ck_assert_int_eq(lt_file_read(ctx, path, 4, &data, &size), LT_ERR_FORMAT);
    ck_assert_ptr_null(data);
    ck_assert_ptr_nonnull(strstr(lt_ctx_message(ctx), path));

    temp_write(path, "", 0);
    ck_assert_int_eq(lt_file_read(ctx, path, 0, &data, &size), LT_OK);
    ck_assert_uint_eq(size, 0);
    free(data);
}
END_TEST

START_TEST(reads_pipes_within_the_limit)
{
    char path[32];
    void *data;
    size_t size;
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq((int)write(ends[1], "0123456789", 10), 10);
    close(ends[1]);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    if (access(path, R_OK) == 0) {
        ck_assert_int_eq(lt_file_read(ctx, path, 100, &data, &size), LT_OK);
        ck_assert_uint_eq(size, 10);
        ck_assert_str_eq(data, "0123456789");
        free(data);
        ck_assert_int_eq(lt_file_read(ctx, "/dev/zero", 100000, &data, &size), LT_ERR_FORMAT);
    }
    close(ends[0]);
}
END_TEST

START_TEST(unreadable_files_are_named)
{
    void *data;
    size_t size;
    ck_assert_int_eq(lt_file_read(ctx, temp_path("nowhere"), 10, &data, &size), LT_ERR_IO);
    ck_assert_ptr_nonnull(strstr(lt_ctx_message(ctx), "nowhere: No such file"));
    lt_ctx_clear(ctx);
    ck_assert_int_eq(lt_file_read(ctx, temp_dir, 10, &data, &size), LT_ERR_IO);
    ck_assert_ptr_nonnull(strstr(lt_ctx_message(ctx), "directory"));
}
END_TEST

/* ---- writing ---- */

static void check_content(const char *path, const char *content)
{
    void *data;
    size_t size;
    ck_assert_int_eq(lt_file_read(ctx, path, 1000, &data, &size), LT_OK);
    ck_assert_str_eq(data, content);
    free(data);
}

START_TEST(a_file_appears_when_it_is_complete)
{
    lt_file_writer *writer;
    const char *path = temp_path("file");
    ck_assert_int_eq(lt_file_writer_open(ctx, path, &writer), LT_OK);
    ck_assert_int_eq(lt_file_writer_write(writer, "abc", 3), LT_OK);
    ck_assert_int_ne(access(path, F_OK), 0);
    ck_assert_int_eq(lt_file_writer_write(writer, "def", 3), LT_OK);
    ck_assert_int_eq(lt_file_writer_commit(writer), LT_OK);
    check_content(path, "abcdef");
    ck_assert_int_eq(temp_dir_count(), 1);
}
END_TEST

START_TEST(an_abandoned_write_changes_nothing)
{
    lt_file_writer *writer;
    const char *path = temp_path("file");
    temp_write(path, "old", 3);
    ck_assert_int_eq(lt_file_writer_open(ctx, path, &writer), LT_OK);
    ck_assert_int_eq(lt_file_writer_write(writer, "new", 3), LT_OK);
    lt_file_writer_abandon(writer);
    lt_file_writer_abandon(NULL);
    check_content(path, "old");
    ck_assert_int_eq(temp_dir_count(), 1);
}
END_TEST

START_TEST(permissions_and_links_are_kept)
{
    struct stat info;
    const char *path = temp_path("file"), *link = temp_path("link");
    temp_write(path, "old", 3);
    ck_assert_int_eq(chmod(path, 0640), 0);
    ck_assert_int_eq(symlink("file", link), 0);
    ck_assert_int_eq(lt_file_write(ctx, link, "new", 3), LT_OK);
    ck_assert_int_eq(lstat(link, &info), 0);
    ck_assert(S_ISLNK(info.st_mode));
    ck_assert_int_eq(stat(path, &info), 0);
    ck_assert_int_eq(info.st_mode & 0777, 0640);
    check_content(path, "new");
}
END_TEST

START_TEST(long_names_leave_room_for_the_temporary)
{
    char name[256];
    memset(name, 'n', 255);
    name[255] = 0;
    ck_assert_int_eq(lt_file_write(ctx, temp_path(name), "x", 1), LT_OK);
    check_content(temp_path(name), "x");
}
END_TEST

START_TEST(impossible_targets_are_refused)
{
    lt_file_writer *writer;
    ck_assert_int_eq(lt_file_writer_open(ctx, temp_dir, &writer), LT_ERR_IO);
    ck_assert_ptr_null(writer);
    ck_assert_ptr_nonnull(strstr(lt_ctx_message(ctx), strerror(EISDIR)));
    lt_ctx_clear(ctx);
    ck_assert_int_eq(lt_file_writer_open(ctx, temp_path("no/file"), &writer), LT_ERR_IO);
    ck_assert_ptr_nonnull(strstr(lt_ctx_message(ctx), "no/file: No such file"));
    ck_assert_int_eq(lt_file_writer_open(ctx, "", &writer), LT_ERR_IO);
    temp_write(temp_path("file"), "x", 1);
    ck_assert_int_eq(lt_file_writer_open(ctx, temp_path("file/file"), &writer), LT_ERR_IO);
}
END_TEST

START_TEST(a_folder_without_write_permission_is_refused)
{
    lt_file_writer *writer;
    const char *folder = temp_path("locked");
    ck_assert_int_eq(mkdir(folder, 0555), 0);
    /* Permissions do not stop root, so a folder in /proc stands in for one that cannot be written
     * to. */
    const char *path = geteuid() == 0 ? "/proc/self/file" : temp_path("locked/file");
    ck_assert_int_eq(lt_file_writer_open(ctx, path, &writer), LT_ERR_IO);
    ck_assert_ptr_null(writer);
    ck_assert_ptr_nonnull(strstr(lt_ctx_message(ctx), path));
}
END_TEST

START_TEST(a_target_that_becomes_a_folder_is_refused)
{
    lt_file_writer *writer;
    const char *path = temp_path("target");
    ck_assert_int_eq(lt_file_writer_open(ctx, path, &writer), LT_OK);
    lt_file_writer_write(writer, "x", 1);
    ck_assert_int_eq(mkdir(path, 0777), 0);
    ck_assert_int_eq(lt_file_writer_commit(writer), LT_ERR_IO);
    ck_assert_int_eq(temp_dir_count(), 1);
}
END_TEST

START_TEST(a_full_disk_is_reported)
{
    static char block[100000];
    if (access("/dev/full", W_OK) != 0) {
        test_skip(__func__, "there is no /dev/full");
        return;
    }
    /* An error on less than a buffer of data appears at the commit, an error on more appears while
     * writing. */
    ck_assert_int_eq(lt_file_write(ctx, "/dev/full", "x", 1), LT_ERR_IO);
    ck_assert_ptr_nonnull(strstr(lt_ctx_message(ctx), strerror(ENOSPC)));
    lt_file_writer *writer;
    ck_assert_int_eq(lt_file_writer_open(ctx, "/dev/full", &writer), LT_OK);
    ck_assert_int_eq(lt_file_writer_write(writer, block, sizeof block), LT_ERR_IO);
    ck_assert_int_eq(lt_file_writer_write(writer, "x", 1), LT_ERR_IO);
    ck_assert_int_eq(lt_file_writer_commit(writer), LT_ERR_IO);
}
END_TEST

START_TEST(a_link_to_a_missing_file_is_followed)
{
    struct stat info;
    const char *folder = temp_path("folder"), *link = temp_path("link");
    ck_assert_int_eq(mkdir(folder, 0777), 0);
    ck_assert_int_eq(symlink("folder/second", link), 0);
    ck_assert_int_eq(symlink("file", temp_path("folder/second")), 0);
    ck_assert_int_eq(lt_file_write(ctx, link, "new", 3), LT_OK);
    ck_assert_int_eq(lstat(link, &info), 0);
    ck_assert(S_ISLNK(info.st_mode));
    check_content(temp_path("folder/file"), "new");
    unlink(temp_path("folder/file"));
    unlink(temp_path("folder/second"));

    lt_file_writer *writer;
    ck_assert_int_eq(symlink("round", temp_path("round")), 0);
    ck_assert_int_eq(lt_file_writer_open(ctx, temp_path("round"), &writer), LT_ERR_IO);
    ck_assert_ptr_nonnull(strstr(lt_ctx_message(ctx), strerror(ELOOP)));
}
END_TEST

START_TEST(a_killed_writer_leaves_nothing_for_long)
{
    lt_file_writer *writer;
    const char *path = temp_path("file");
    const pid_t child = fork();
    if (child == 0) {
        lt_file_writer_open(ctx, path, &writer);
        lt_file_writer_write(writer, "part", 4);
        raise(SIGKILL);
    }
    ck_assert_int_eq((int)waitpid(child, NULL, 0), (int)child);
    ck_assert_int_eq(access(temp_path(".file.0.tmp"), F_OK), 0);
    temp_write(temp_path(".file.1.tmp"), "of another", 10);
    temp_write(temp_path(".other.0.tmp"), "kept", 4);
    ck_assert_int_eq(lt_file_write(ctx, path, "whole", 5), LT_OK);
    check_content(path, "whole");
    check_content(temp_path(".other.0.tmp"), "kept");
    ck_assert_int_eq(temp_dir_count(), 2);
}
END_TEST

START_TEST(writers_of_one_target_do_not_disturb_each_other)
{
    lt_file_writer *first, *second;
    const char *path = temp_path("file");
    ck_assert_int_eq(lt_file_writer_open(ctx, path, &first), LT_OK);
    ck_assert_int_eq(lt_file_writer_open(ctx, path, &second), LT_OK);
    ck_assert_int_eq(temp_dir_count(), 2);
    lt_file_writer_write(second, "second", 6);
    lt_file_writer_write(first, "first", 5);
    ck_assert_int_eq(lt_file_writer_commit(first), LT_OK);
    check_content(path, "first");
    ck_assert_int_eq(lt_file_writer_commit(second), LT_OK);
    check_content(path, "second");
    ck_assert_int_eq(temp_dir_count(), 1);
}
END_TEST

/* Writes "abc" by the name of an open descriptor, whose file or pipe starts with "x". */
static void write_by_descriptor(int fd)
{
    char path[32];
    snprintf(path, sizeof path, "/dev/fd/%d", fd);
    ck_assert_int_eq((int)write(fd, "x", 1), 1);
    ck_assert_int_eq(lt_file_write(ctx, path, "abc", 3), LT_OK);
}

START_TEST(open_descriptors_are_written_directly)
{
    int ends[2];
    char got[8] = {0};
    ck_assert_int_eq(pipe(ends), 0);
    write_by_descriptor(ends[1]);
    ck_assert_int_eq((int)read(ends[0], got, sizeof got), 4);
    ck_assert_str_eq(got, "xabc");
    close(ends[0]);
    close(ends[1]);

    /* What a shell's ">>" has opened is continued, not replaced. */
    const int fd = open(temp_path("file"), O_WRONLY | O_CREAT | O_APPEND, 0666);
    write_by_descriptor(fd);
    close(fd);
    check_content(temp_path("file"), "xabc");
    ck_assert_int_eq(temp_dir_count(), 1);
}
END_TEST

START_TEST(pipes_with_a_name_are_written_directly)
{
    char got[8] = {0};
    const char *path = temp_path("fifo");
    ck_assert_int_eq(mkfifo(path, 0666), 0);
    const int fd = open(path, O_RDONLY | O_NONBLOCK);
    ck_assert_int_eq(lt_file_write(ctx, path, "abc", 3), LT_OK);
    ck_assert_int_eq((int)read(fd, got, sizeof got), 3);
    ck_assert_str_eq(got, "abc");
    close(fd);
    ck_assert_int_eq(temp_dir_count(), 1);
}
END_TEST

START_TEST(a_lock_excludes_others_and_ends_with_its_process)
{
    lt_lock *lock, *second;
    int ends[2];
    char ready, number[32];
    ck_assert_int_eq(pipe(ends), 0);
    const char *target = temp_path("m.safetensors"), *file = temp_path(".m.safetensors.lock");
    const pid_t child = fork();
    if (child == 0) {
        lt_lock_take(ctx, target, "is trained", &lock);
        (void)!write(ends[1], "x", 1);
        pause();
    }
    ck_assert_int_eq((int)read(ends[0], &ready, 1), 1);
    ck_assert_int_eq(lt_lock_take(ctx, target, "is trained", &lock), LT_ERR_IO);
    ck_assert_ptr_null(lock);
    snprintf(number, sizeof number, "by process %ld already", (long)child);
    ck_assert_ptr_nonnull(strstr(lt_ctx_message(ctx), number));
    lt_ctx_clear(ctx);
    kill(child, SIGKILL);
    ck_assert_int_eq((int)waitpid(child, NULL, 0), (int)child);
    close(ends[0]);
    close(ends[1]);
    ck_assert_int_eq(access(file, F_OK), 0);
    ck_assert_int_eq(lt_lock_take(ctx, target, "is trained", &lock), LT_OK);
    ck_assert_int_eq(lt_lock_take(ctx, target, "is trained", &second), LT_ERR_IO);
    lt_ctx_clear(ctx);
    /* A link to the file is the file, also while it is not there. */
    ck_assert_int_eq(symlink(target, temp_path("link")), 0);
    ck_assert_int_eq(lt_lock_take(ctx, temp_path("link"), "is trained", &second), LT_ERR_IO);
    lt_ctx_clear(ctx);
    unlink(temp_path("link"));
    lt_lock_release(lock);
    lt_lock_release(NULL);
    ck_assert_int_eq(temp_dir_count(), 0);
    ck_assert_int_eq(lt_lock_take(ctx, temp_path("no/m"), "is trained", &lock), LT_ERR_IO);
    ck_assert_ptr_nonnull(strstr(lt_ctx_message(ctx), "no/m: No such file"));
}
END_TEST

Suite *suite_files(void)
{
    Suite *s = suite_create("files");
    TCase *tc = tcase_create("files");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, every_f16_widens_and_returns);
    tcase_add_loop_test(tc, casts_widen_alike, 0, CHECK_ISAS);
    tcase_add_test(tc, f16_rounds_to_nearest_even);
    tcase_add_test(tc, bf16_is_the_rounded_upper_half);
    tcase_add_test(tc, reads_whole_files_within_the_limit);
    tcase_add_test(tc, reads_pipes_within_the_limit);
    tcase_add_test(tc, unreadable_files_are_named);
    tcase_add_test(tc, a_file_appears_when_it_is_complete);
    tcase_add_test(tc, an_abandoned_write_changes_nothing);
    tcase_add_test(tc, permissions_and_links_are_kept);
    tcase_add_test(tc, long_names_leave_room_for_the_temporary);
    tcase_add_test(tc, impossible_targets_are_refused);
    tcase_add_test(tc, a_folder_without_write_permission_is_refused);
    tcase_add_test(tc, a_target_that_becomes_a_folder_is_refused);
    tcase_add_test(tc, a_full_disk_is_reported);
    tcase_add_test(tc, a_link_to_a_missing_file_is_followed);
    tcase_add_test(tc, a_killed_writer_leaves_nothing_for_long);
    tcase_add_test(tc, writers_of_one_target_do_not_disturb_each_other);
    tcase_add_test(tc, open_descriptors_are_written_directly);
    tcase_add_test(tc, pipes_with_a_name_are_written_directly);
    tcase_add_test(tc, a_lock_excludes_others_and_ends_with_its_process);
    suite_add_tcase(s, tc);
    return s;
}
