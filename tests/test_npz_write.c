#include "files/internal.h"
#include "scratch.h"

#include <limits.h>
#include <math.h>
#include <time.h>

#include <gref/npy.h>

/* m x n with entries that tell their place, one of them no ordinary number. */
static gref_mat numbered(int m, int n)
{
    gref_mat A = padded(m, n);
    for (int j = 0; j < n; j++)
        for (int i = 0; i < m; i++)
            GREF_AT(A, i, j) = i + j / 1000.0;
    if (m > 1 && n > 1)
        GREF_AT(A, 1, 1) = -0x1p-1074;
    return A;
}

static void add(gref_npz_writer *w, const char *name, int m, int n, int ndim)
{
    gref_mat A = numbered(m, n);
    ck_ok(gref_npz_add(w, name, gref_const(A), ndim));
    gref_mat_free(&A);
}

static uint32_t little_endian(const unsigned char *p, int bytes)
{
    uint32_t v = 0;
    for (int k = 0; k < bytes; k++)
        v |= (uint32_t)p[k] << 8 * k;
    return v;
}

/* CRC-32 bit by bit, from its polynomial. */
static uint32_t crc32_of(const unsigned char *p, size_t size)
{
    uint32_t crc = 0xffffffff;
    for (size_t k = 0; k < size; k++) {
        crc ^= p[k];
        for (int b = 0; b < 8; b++)
            crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
    }
    return ~crc;
}

static void write_some(const char *path)
{
    gref_npz_writer *w = NULL;
    ck_ok(gref_npz_create(&w, path));
    add(w, "A", 20, 30, 2);
    add(w, "b/c", 4, 1, 1);
    ck_ok(gref_npz_finish(w));
}

/*
 * Bits, shapes, dimensions and the order come back; A is overwritten after add, so it is not kept.
 */
START_TEST(test_npz_add_then_get__same_bits)
{
    static const struct {
        const char *name;
        int m, n, ndim;
    } arrays[] = {{"Sigma", 40, 40, 2},
                  {"target/mean/800", 7, 1, 1},
                  {"target/cov/800", 33, 65, 2},
                  {"sigma", 1, 1, 0},
                  {"empty", 0, 5, 2},
                  {"column", 3, 1, 2},
                  {"r\xc2\xb2 = 1", 2, 2, 2},
                  {"a.npy", 1, 2, 2}};
    enum { COUNT = sizeof arrays / sizeof *arrays };
    gref_npz_writer *w = NULL;
    gref_npz_reader *r = NULL;
    ck_ok(gref_npz_create(&w, scratch("x.npz")));
    for (int k = 0; k < COUNT; k++) {
        gref_mat A = numbered(arrays[k].m, arrays[k].n);
        ck_ok(gref_npz_add(w, arrays[k].name, gref_const(A), arrays[k].ndim));
        gref_mat_fill(A, NAN);
        gref_mat_free(&A);
    }
    ck_assert(access(scratch("x.npz"), F_OK) != 0);
    ck_ok(gref_npz_finish(w));
    ck_assert_int_eq(scratch_files(false), 1);
    ck_ok(gref_npz_open(&r, scratch("x.npz")));
    ck_assert_int_eq(gref_npz_count(r), COUNT);
    for (int k = 0; k < COUNT; k++) {
        gref_mat A = numbered(arrays[k].m, arrays[k].n), B = {0};
        int ndim = -1;
        ck_assert_str_eq(gref_npz_name(r, k), arrays[k].name);
        ck_ok(gref_npz_get(&B, &ndim, r, arrays[k].name));
        ck_assert(ndim == arrays[k].ndim && same_bits(gref_const(A), gref_const(B)));
        gref_mat_free(&A);
        gref_mat_free(&B);
    }
    gref_npz_close(r);
}
END_TEST

/*
 * The archive taken apart by hand, from the zip specification (APPNOTE 4.3): without libzip, each
 * member is stored, has the date and permissions promised, the right CRC, and is the .npy file
 * that gref_npy_write gives.
 */
START_TEST(test_npz_finish__archive_by_the_specification)
{
    const char *names[] = {"Sigma", "target/mean/800"};
    gref_npz_writer *w = NULL;
    size_t size, npy_size;
    ck_ok(gref_npz_create(&w, scratch("x.npz")));
    add(w, names[0], 12, 9, 2);
    add(w, names[1], 5, 1, 1);
    ck_ok(gref_npz_finish(w));
    unsigned char *zip = slurp(scratch("x.npz"), &size);
    const unsigned char *end = zip + size - 22;
    ck_assert(size > 22 && memcmp(end, "PK\5\6", 4) == 0 && little_endian(end + 10, 2) == 2);
    const unsigned char *c = zip + little_endian(end + 16, 4);
    for (int k = 0; k < 2; k++) {
        char member[32];
        gref_mat A = numbered(k == 0 ? 12 : 5, k == 0 ? 9 : 1);
        ck_ok(gref_npy_write(scratch("x.npy"), gref_const(A), k == 0 ? 2 : 1));
        unsigned char *npy = slurp(scratch("x.npy"), &npy_size);
        uint32_t name_size = little_endian(c + 28, 2);
        snprintf(member, sizeof member, "%s.npy", names[k]);
        ck_assert(memcmp(c, "PK\1\2", 4) == 0 && c[5] == 3 /* Unix */);
        ck_assert(little_endian(c + 10, 2) == 0 /* stored */ && (c[8] & 1) == 0);
        ck_assert(little_endian(c + 12, 2) == 12 << 11 && little_endian(c + 14, 2) == 0x21);
        ck_assert(little_endian(c + 16, 4) == crc32_of(npy, npy_size));
        ck_assert(little_endian(c + 20, 4) == npy_size && little_endian(c + 24, 4) == npy_size);
        ck_assert(little_endian(c + 38, 4) >> 16 == 0100644);
        ck_assert(name_size == strlen(member) && memcmp(c + 46, member, name_size) == 0);
        const unsigned char *local = zip + little_endian(c + 42, 4);
        ck_assert(memcmp(local, "PK\3\4", 4) == 0);
        const unsigned char *data =
            local + 30 + little_endian(local + 26, 2) + little_endian(local + 28, 2);
        ck_assert(memcmp(data, npy, npy_size) == 0);
        c += 46 + name_size + little_endian(c + 30, 2) + little_endian(c + 32, 2);
        free(npy);
        gref_mat_free(&A);
    }
    ck_assert_ptr_eq(c, end);
    free(zip);
}
END_TEST

/*
 * In another time zone, under another umask: what could leak into the bytes besides the date
 * above.
 */
START_TEST(test_npz_finish__same_arrays_give_the_same_bytes)
{
    struct stat st;
    ck_assert(setenv("TZ", "America/New_York", 1) == 0);
    tzset();
    umask(022);
    write_some(scratch("x.npz"));
    ck_assert(stat(scratch("x.npz"), &st) == 0 && (st.st_mode & 0777) == 0644);
    ck_assert(setenv("TZ", "Asia/Kolkata", 1) == 0);
    tzset();
    umask(027);
    write_some(scratch("y.npz"));
    ck_assert(stat(scratch("y.npz"), &st) == 0 && (st.st_mode & 0777) == 0640);
    assert_same_file(scratch("x.npz"), scratch("y.npz"));
}
END_TEST

/*
 * More arrays than the process may open files, so none is held open between add and finish; and
 * more than the end record of a plain archive can count, which libzip reads as zip64.
 */
START_TEST(test_npz_add__more_arrays_than_open_files)
{
    enum { COUNT = 65536 };
    struct rlimit few;
    gref_npz_writer *w = NULL;
    gref_npz_reader *r = NULL;
    ck_assert(getrlimit(RLIMIT_NOFILE, &few) == 0);
    few.rlim_cur = 40;
    ck_assert(setrlimit(RLIMIT_NOFILE, &few) == 0);
    ck_ok(gref_npz_create(&w, scratch("x.npz")));
    for (int k = 0; k < COUNT; k++) {
        char name[32];
        gref_mat A = fresh(1, 1);
        A.a[0] = k;
        snprintf(name, sizeof name, "dps/w2/%d", k);
        ck_ok(gref_npz_add(w, name, gref_const(A), 0));
        gref_mat_free(&A);
    }
    ck_ok(gref_npz_finish(w));
    ck_ok(gref_npz_open(&r, scratch("x.npz")));
    ck_assert_int_eq(gref_npz_count(r), COUNT);
    for (int k = 0; k < COUNT; k += k < 300 ? 1 : 4349) {
        gref_mat A = {0};
        ck_ok(gref_npz_get(&A, NULL, r, gref_npz_name(r, k)));
        ck_assert(A.a[0] == k);
        gref_mat_free(&A);
    }
    gref_npz_close(r);
}
END_TEST

/* An archive of nothing, which libzip itself would not write, is numpy's 22 bytes. */
START_TEST(test_npz_finish__empty_archive)
{
    gref_npz_writer *w = NULL;
    gref_npz_reader *r = NULL;
    gref_mat A = untouched();
    ck_ok(gref_npz_create(&w, scratch("x.npz")));
    ck_ok(gref_npz_finish(w));
    assert_same_file(scratch("x.npz"), fixture("none.npz"));
    ck_ok(gref_npz_open(&r, scratch("x.npz")));
    ck_assert_int_eq(gref_npz_count(r), 0);
    ck_fails(gref_npz_get(&A, NULL, r, "Sigma"), GREF_ERR_FORMAT);
    assert_message("/x.npz: has no array 'Sigma', only 0");
    assert_untouched(A);
    gref_npz_close(r);
}
END_TEST

/* A refused array leaves no trace: the archive is byte for byte the one without the attempts. */
START_TEST(test_npz_add__refusals_leave_the_writer_as_it_was)
{
    gref_npz_writer *w = NULL;
    gref_mat A = fresh(2, 2);
    static char longest[65002];
    memset(longest, 'x', 65001);
    ck_ok(gref_npz_create(&w, scratch("x.npz")));
    add(w, "A", 20, 30, 2);
    ck_fails(gref_npz_add(w, "A", gref_const(A), 2), GREF_ERR_RANGE);
    assert_message("/x.npz: array 'A': no member can be named 'A.npy': there is one already");
    ck_fails(gref_npz_add(w, "", gref_const(A), 2), GREF_ERR_RANGE);
    ck_fails(gref_npz_add(w, longest, gref_const(A), 2), GREF_ERR_RANGE);
    assert_message("has 65001 bytes, not 1 to 65000");
    ck_fails(gref_npz_add(w, "\xff\xfe", gref_const(A), 2), GREF_ERR_RANGE);
    assert_message("no member can be named");
    ck_fails(gref_npz_add(w, "B", gref_const(A), 3), GREF_ERR_RANGE);
    ck_fails(gref_npz_add(w, "B", gref_const(A), 1), GREF_ERR_SHAPE);
    assert_message("/x.npz: array 'B': ");
    add(w, "b/c", 4, 1, 1);
    ck_fails(gref_npz_add(w, "b/c", gref_const(A), 2), GREF_ERR_RANGE);
    ck_ok(gref_npz_finish(w));
    ck_assert_int_eq(scratch_files(false), 1);
    write_some(scratch("y.npz"));
    assert_same_file(scratch("x.npz"), scratch("y.npz"));
    gref_mat_free(&A);
}
END_TEST

/* Whatever ends a writer, the folder holds what it held before. */
START_TEST(test_npz_writer__leaves_nothing_behind)
{
    gref_npz_writer *w = NULL;
    gref_npz_abandon(NULL);
    ck_ok(gref_npz_create(&w, scratch("x.npz")));
    add(w, "A", 20, 30, 2);
    ck_assert_int_eq(scratch_files(false), 1); /* the private folder */
    gref_npz_abandon(w);
    ck_assert_int_eq(scratch_files(false), 0);

    ck_ok(gref_npz_create(&w, scratch("x.npz")));
    add(w, "A", 20, 30, 2);
    ck_assert(mkdir(scratch("x.npz"), 0700) == 0);
    ck_fails(gref_npz_finish(w), GREF_ERR_IO);
    assert_message("/x.npz: cannot be written: Is a directory");
    ck_assert_int_eq(scratch_files(false), 1);
    w = NULL;
    ck_fails(gref_npz_create(&w, scratch("x.npz")), GREF_ERR_IO);
    ck_fails(gref_npz_create(&w, scratch("none/x.npz")), GREF_ERR_IO);
    assert_message("/none/x.npz: cannot be written: No such file or directory");
    ck_assert(mkfifo(scratch("pipe"), 0600) == 0); /* no device: broken code must do no harm */
    ck_fails(gref_npz_create(&w, scratch("pipe")), GREF_ERR_IO);
    ck_assert_ptr_null(w);
    ck_assert_int_eq(scratch_files(false), 2);
}
END_TEST

/*
 * A member that is no array, and deflated ones: the arrays come back bit for bit, the bytes as they
 * were, the archive is smaller, and the same again gives the same file.
 */
START_TEST(test_npz_writer__deflates_and_takes_plain_bytes)
{
    const char *text = "{\"schema\": 1}\n";
    struct stat stored, deflated;
    for (int k = 0; k < 3; k++) {
        gref_npz_writer *w = NULL;
        const char *names[] = {"stored.npz", "x.npz", "y.npz"};
        ck_ok(gref_npz_create(&w, scratch(names[k])));
        if (k > 0)
            gref_npz_deflate(w);
        add(w, "A", 60, 60, 2);
        ck_ok(gref_npz_add_bytes(w, "manifest.json", text, strlen(text)));
        add(w, "b/c", 4, 1, 1);
        ck_fails(gref_npz_add_bytes(w, "manifest.json", text, strlen(text)), GREF_ERR_RANGE);
        ck_ok(gref_npz_finish(w));
    }
    assert_same_file(scratch("x.npz"), scratch("y.npz"));
    ck_assert(stat(scratch("stored.npz"), &stored) == 0);
    ck_assert(stat(scratch("x.npz"), &deflated) == 0);
    ck_assert(2 * deflated.st_size < stored.st_size);
    gref_npz_reader *r = NULL;
    gref_mat A = {0}, want = numbered(60, 60);
    unsigned char *bytes = NULL;
    size_t size = 0;
    ck_ok(gref_npz_open(&r, scratch("x.npz")));
    ck_assert_int_eq(gref_npz_count(r), 3);
    ck_assert_str_eq(gref_npz_name(r, 1), "manifest.json");
    ck_ok(gref_npz_get(&A, NULL, r, "A"));
    ck_assert(same_bits(gref_const(A), gref_const(want)));
    ck_ok(gref_npz_bytes(&bytes, &size, r, "manifest.json"));
    ck_assert(size == strlen(text) && memcmp(bytes, text, size) == 0);
    ck_assert_int_eq(scratch_files(false), 3);
    gref_npz_close(r);
    gref_mat_free(&A);
    gref_mat_free(&want);
    free(bytes);
}
END_TEST

/* A full disk, played by a file size limit, at an array and at the end: the old archive stays. */
START_TEST(test_npz_writer__full_disk_leaves_the_old_archive)
{
    gref_npz_writer *w = NULL;
    gref_mat A = fresh(100, 100);
    write_some(scratch("x.npz"));
    write_some(scratch("y.npz"));
    ck_ok(gref_npz_create(&w, scratch("x.npz")));
    add(w, "A", 50, 50, 2);
    limit_files(30000);
    gref_status full = gref_npz_add(w, "B", gref_const(A), 2);
    limit_files(RLIM_INFINITY);
    ck_fails(full, GREF_ERR_IO);
    assert_message("/x.npz: array 'B': ");
    assert_message("File too large");
    add(w, "B", 50, 50, 2);
    limit_files(30000); /* each array fits, the archive does not */
    full = gref_npz_finish(w);
    limit_files(RLIM_INFINITY);
    ck_fails(full, GREF_ERR_IO);
    assert_message("/x.npz: cannot be written: ");
    assert_message("File too large");
    ck_assert_int_eq(scratch_files(false), 2);
    assert_same_file(scratch("x.npz"), scratch("y.npz"));
    gref_mat_free(&A);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("npz_write");
    TCase *tc = new_tcase(s, "npz_write");
    tcase_add_checked_fixture(tc, scratch_make, scratch_remove);
    tcase_add_test(tc, test_npz_add_then_get__same_bits);
    tcase_add_test(tc, test_npz_finish__archive_by_the_specification);
    tcase_add_test(tc, test_npz_finish__same_arrays_give_the_same_bytes);
    tcase_add_test(tc, test_npz_add__more_arrays_than_open_files);
    tcase_add_test(tc, test_npz_finish__empty_archive);
    tcase_add_test(tc, test_npz_add__refusals_leave_the_writer_as_it_was);
    tcase_add_test(tc, test_npz_writer__leaves_nothing_behind);
    tcase_add_test(tc, test_npz_writer__deflates_and_takes_plain_bytes);
    tcase_add_test(tc, test_npz_writer__full_disk_leaves_the_old_archive);
    return run_suite(s);
}
