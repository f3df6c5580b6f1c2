#include "files/internal.h"
#include "scratch.h"

#include <float.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>

#include <gref/npy.h>

/* The bytes that numpy.save wrote for the same arrays are the definition of the format. */
START_TEST(test_npy_write__gives_numpys_bytes)
{
    static const struct {
        const char *name;
        int ndim, m, n;
    } arrays[] = {{"c_3x4.npy", 2, 3, 4},
                  {"vector_5.npy", 1, 5, 1},
                  {"number.npy", 0, 1, 1},
                  {"empty_0x5.npy", 2, 0, 5},
                  {"column_3x1.npy", 2, 3, 1}};
    for (size_t k = 0; k < sizeof arrays / sizeof *arrays; k++) {
        gref_mat A = {0};
        int ndim = -1;
        ck_ok(gref_npy_read(&A, &ndim, fixture(arrays[k].name)));
        ck_assert(ndim == arrays[k].ndim && A.m == arrays[k].m && A.n == arrays[k].n);
        ck_ok(gref_npy_write(scratch("x.npy"), gref_const(A), ndim));
        assert_same_file(scratch("x.npy"), fixture(arrays[k].name));
        gref_mat_free(&A);
    }
    ck_assert_int_eq(scratch_files(false), 1);
}
END_TEST

/*
 * Bits in, bits out, at sizes around the blocks of reader and writer (32), from storage whose
 * padding is NaN: any entry read from the wrong place changes the bits.
 */
START_TEST(test_npy_write_then_read__same_bits)
{
    static const int sizes[] = {0, 1, 2, 3, 31, 32, 33, 70};
    for (int a = 0; a < 8; a++)
        for (int b = 0; b < 8; b++) {
            int m = sizes[a], n = sizes[b], ndim = -1;
            gref_mat A = padded(m, n), B = {0};
            uint64_t bits = 88172645463325252u;
            for (int j = 0; j < n; j++)
                for (int i = 0; i < m; i++) {
                    bits ^= bits << 13, bits ^= bits >> 7, bits ^= bits << 17; /* xorshift */
                    memcpy(&GREF_AT(A, i, j), &bits, sizeof bits);
                }
            ck_ok(gref_npy_write(scratch("x.npy"), gref_const(A), 2));
            ck_ok(gref_npy_read(&B, &ndim, scratch("x.npy")));
            ck_assert(ndim == 2 && same_bits(gref_const(A), gref_const(B)));
            gref_mat_free(&A);
            gref_mat_free(&B);
        }
}
END_TEST

/* The system's own words, and which file; nothing that is not a plain file is written over. */
START_TEST(test_npy__io_errors_say_what_the_system_says)
{
    gref_mat A = untouched();
    gref_mat B = fresh(2, 1);
    ck_fails(gref_npy_read(&A, NULL, scratch("none.npy")), GREF_ERR_IO);
    assert_message("/none.npy: No such file or directory");
    ck_fails(gref_npy_read(&A, NULL, scratch_folder), GREF_ERR_IO);
    assert_message("Is a directory");
    assert_untouched(A);
    ck_fails(gref_npy_write("", gref_const(B), 2), GREF_ERR_IO);
    assert_message("the name of a file to write is empty");
    ck_fails(gref_npy_write(scratch_folder, gref_const(B), 2), GREF_ERR_IO);
    assert_message("Is a directory");
    ck_fails(gref_npy_write(scratch("none/x.npy"), gref_const(B), 2), GREF_ERR_IO);
    assert_message("/none/x.npy: cannot be written: No such file or directory");
    ck_assert(mkfifo(scratch("pipe"), 0600) == 0); /* no device: broken code must do no harm */
    ck_fails(gref_npy_write(scratch("pipe"), gref_const(B), 2), GREF_ERR_IO);
    assert_message("/pipe: not a regular file");
    ck_assert(symlink("nowhere/x.npy", scratch("link.npy")) == 0);
    ck_fails(gref_npy_write(scratch("link.npy"), gref_const(B), 2), GREF_ERR_IO);
    assert_message("symbolic link: No such file or directory");
    ck_assert_int_eq(scratch_files(false), 2);
    gref_mat_free(&B);
}
END_TEST

/* A shape that ndim cannot name is refused before a file is touched. */
START_TEST(test_npy_write__refuses_shapes_that_ndim_does_not_name)
{
    gref_mat A = fresh(3, 2), row = fresh(1, 3), column = fresh(2, 1);
    ck_fails(gref_npy_write(scratch("x.npy"), gref_const(A), 3), GREF_ERR_RANGE);
    ck_fails(gref_npy_write(scratch("x.npy"), gref_const(A), -1), GREF_ERR_RANGE);
    ck_fails(gref_npy_write(scratch("x.npy"), gref_const(A), 1), GREF_ERR_SHAPE);
    assert_message("a 3 x 2 matrix is no array of dimension 1");
    ck_fails(gref_npy_write(scratch("x.npy"), gref_const(row), 1), GREF_ERR_SHAPE);
    ck_fails(gref_npy_write(scratch("x.npy"), gref_const(row), 0), GREF_ERR_SHAPE);
    ck_fails(gref_npy_write(scratch("x.npy"), gref_const(column), 0), GREF_ERR_SHAPE);
    ck_assert_int_eq(scratch_files(false), 0);
    gref_mat_free(&A);
    gref_mat_free(&row);
    gref_mat_free(&column);
}
END_TEST

/* A full disk, played by a file size limit: the old file stays whole, and nothing else is there. */
START_TEST(test_npy_write__full_disk_leaves_the_old_file)
{
    gref_mat A = fresh(100, 100), B = {0};
    gref_mat small = fresh(1, 1);
    small.a[0] = 5;
    ck_ok(gref_npy_write(scratch("x.npy"), gref_const(small), 0));
    limit_files(40000);
    gref_status midway = gref_npy_write(scratch("x.npy"), gref_const(A), 2);
    limit_files(RLIM_INFINITY);
    ck_fails(midway, GREF_ERR_IO);
    assert_message("/x.npy: cannot be written: File too large");
    gref_mat_free(&A);
    A = fresh(10, 10); /* fits in stdio's buffer: the failure comes at the end */
    limit_files(500);
    gref_status at_end = gref_npy_write(scratch("x.npy"), gref_const(A), 2);
    limit_files(RLIM_INFINITY);
    ck_fails(at_end, GREF_ERR_IO);
    assert_message("/x.npy: cannot be written: File too large");
    ck_ok(gref_npy_read(&B, NULL, scratch("x.npy")));
    ck_assert(B.a[0] == 5);
    ck_assert_int_eq(scratch_files(false), 1);
    gref_mat_free(&A);
    gref_mat_free(&B);
    gref_mat_free(&small);
}
END_TEST

/*
 * What a rename alone would get wrong: the link stays a link, and the file is as open as fopen's.
 */
START_TEST(test_npy_write__follows_links_and_the_umask)
{
    gref_mat A = fresh(1, 1), B = {0};
    struct stat st;
    ck_ok(gref_npy_write(scratch("real.npy"), gref_const(A), 0));
    A.a[0] = 3;
    ck_assert(symlink("real.npy", scratch("link.npy")) == 0);
    umask(027);
    ck_ok(gref_npy_write(scratch("link.npy"), gref_const(A), 0));
    ck_assert(lstat(scratch("link.npy"), &st) == 0 && S_ISLNK(st.st_mode));
    ck_assert(stat(scratch("real.npy"), &st) == 0 && (st.st_mode & 0777) == 0640);
    ck_ok(gref_npy_read(&B, NULL, scratch("real.npy")));
    ck_assert(B.a[0] == 3);
    ck_assert_int_eq(scratch_files(false), 2);
    gref_mat_free(&A);
    gref_mat_free(&B);
}
END_TEST

/* A folder takes the name between open and commit: the rename's failure must not be overlooked. */
START_TEST(test_output_commit__name_taken_meanwhile)
{
    gref_output o = {0};
    ck_ok(gref_output_open(&o, scratch("x.csv")));
    ck_assert(fputs("t,w2\n", o.fp) >= 0);
    ck_assert(mkdir(scratch("x.csv"), 0700) == 0);
    ck_fails(gref_output_commit(&o), GREF_ERR_IO);
    assert_message("/x.csv: cannot be written: Is a directory");
    ck_assert(o.fp == NULL && o.target == NULL && o.temp == NULL);
    gref_output_free(&o);
    ck_assert_int_eq(scratch_files(false), 1);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("npy_write");
    TCase *tc = new_tcase(s, "npy_write");
    tcase_add_checked_fixture(tc, scratch_make, scratch_remove);
    tcase_add_test(tc, test_npy_write__gives_numpys_bytes);
    tcase_add_test(tc, test_npy_write_then_read__same_bits);
    tcase_add_test(tc, test_npy__io_errors_say_what_the_system_says);
    tcase_add_test(tc, test_npy_write__refuses_shapes_that_ndim_does_not_name);
    tcase_add_test(tc, test_npy_write__full_disk_leaves_the_old_file);
    tcase_add_test(tc, test_npy_write__follows_links_and_the_umask);
    tcase_add_test(tc, test_output_commit__name_taken_meanwhile);
    return run_suite(s);
}
