#include "files/internal.h"
#include "scratch.h"

#include <limits.h>
#include <math.h>
#include <time.h>

#include <gref/npy.h>

static void get(gref_mat *A, int *ndim, const char *path, const char *name)
{
    gref_npz_reader *r = NULL;
    ck_ok(gref_npz_open(&r, path));
    ck_ok(gref_npz_get(A, ndim, r, name));
    gref_npz_close(r);
}

/* numpy wrote one set of arrays stored and deflated; the values stand in make_fixtures.py. */
START_TEST(test_npz_get__reads_numpys_archives)
{
    const char *archives[] = {"stored.npz", "deflated.npz"};
    for (int k = 0; k < 2; k++) {
        gref_npz_reader *r = NULL;
        gref_mat Sigma = {0}, C = {0}, mean = {0}, sigma = {0};
        int ndim = -1;
        ck_ok(gref_npz_open(&r, fixture(archives[k])));
        ck_assert_int_eq(gref_npz_count(r), 3);
        ck_assert_str_eq(gref_npz_name(r, 0), "Sigma");
        ck_assert_str_eq(gref_npz_name(r, 1), "target/mean/800");
        ck_assert_str_eq(gref_npz_name(r, 2), "\xcf\x83"); /* the Greek letter, in UTF-8 */
        ck_assert(gref_npz_has(r, "Sigma") && !gref_npz_has(r, "Sigma.npy"));
        ck_assert(!gref_npz_has(r, "target/mean"));
        ck_ok(gref_npz_get(&sigma, &ndim, r, "\xcf\x83"));
        ck_assert(ndim == 0 && sigma.m == 1 && sigma.n == 1 && sigma.a[0] == 0.5);
        ck_ok(gref_npz_get(&mean, &ndim, r, "target/mean/800"));
        ck_assert(ndim == 1 && mean.m == 4 && mean.n == 1);
        for (int i = 0; i < 4; i++)
            ck_assert(mean.a[i] == i);
        ck_ok(gref_npz_get(&Sigma, NULL, r, "Sigma"));
        ck_ok(gref_npy_read(&C, NULL, fixture("c_3x4.npy")));
        ck_assert(same_bits(gref_const(Sigma), gref_const(C)));
        gref_mat_free(&Sigma);
        gref_mat_free(&C);
        gref_mat_free(&mean);
        gref_mat_free(&sigma);
        gref_npz_close(r);
    }
    gref_npz_close(NULL);
}
END_TEST

/* The message for a name that is not there lists those that are, within a message's length. */
START_TEST(test_npz_get__unknown_name_lists_the_names)
{
    gref_npz_reader *r = NULL;
    gref_npz_writer *w = NULL;
    gref_mat A = untouched();
    const gref_cmat one = {&(double){1}, 1, 1, 1};
    ck_ok(gref_npz_open(&r, fixture("stored.npz")));
    ck_fails(gref_npz_get(&A, NULL, r, "sigma"), GREF_ERR_FORMAT);
    assert_message("stored.npz: has no array 'sigma', only 3: Sigma, target/mean/800, \xcf\x83");
    gref_npz_close(r);
    ck_ok(gref_npz_create(&w, scratch("x.npz")));
    for (int k = 100; k < 400; k++) {
        char name[32];
        snprintf(name, sizeof name, "dps/mean/%d", k);
        ck_ok(gref_npz_add(w, name, one, 2));
    }
    ck_ok(gref_npz_finish(w));
    ck_ok(gref_npz_open(&r, scratch("x.npz")));
    ck_fails(gref_npz_get(&A, NULL, r, "sigma"), GREF_ERR_FORMAT);
    assert_message(", only 300: dps/mean/100, dps/mean/101, ");
    const char *more = strstr(gref_last_error()->message, ", and ");
    int rest = 0, shown = 0;
    ck_assert(more != NULL && sscanf(more, ", and %d more", &rest) == 1);
    for (const char *p = gref_last_error()->message; (p = strstr(p, "dps/")) != NULL; p++)
        shown++;
    ck_assert_int_eq(shown + rest, 300);
    assert_untouched(A);
    gref_npz_close(r);
}
END_TEST

/*
 * Members that are no arrays are listed and refused by their content; the arrays beside them read.
 */
START_TEST(test_npz_open__other_members)
{
    gref_npz_reader *r = NULL;
    gref_mat A = untouched(), v = {0};
    ck_ok(gref_npz_open(&r, fixture("other_member.npz")));
    ck_assert_int_eq(gref_npz_count(r), 2);
    ck_assert_str_eq(gref_npz_name(r, 1), "README");
    ck_fails(gref_npz_get(&A, NULL, r, "README"), GREF_ERR_FORMAT);
    assert_message("other_member.npz[README]: not a .npy file, it begins with \"not an\"");
    assert_untouched(A);
    ck_ok(gref_npz_get(&v, NULL, r, "v"));
    ck_assert(v.m == 5 && v.a[0] == -2.5);
    gref_mat_free(&v);
    gref_npz_close(r);
}
END_TEST

/* Of two members with one name, which is meant cannot be known. */
START_TEST(test_npz_open__refuses_a_name_twice)
{
    gref_npz_reader *r = NULL;
    ck_fails(gref_npz_open(&r, fixture("twice.npz")), GREF_ERR_FORMAT);
    assert_message("twice.npz: two members named 'v'");
    ck_fails(gref_npz_open(&r, fixture("twice_stripped.npz")), GREF_ERR_FORMAT);
    assert_message("twice_stripped.npz: two members named 'v'");
    ck_assert_ptr_null(r);
}
END_TEST

/* The system's words for what cannot be opened, libzip's for what is no archive. */
START_TEST(test_npz_open__refuses_other_files)
{
    gref_npz_reader *r = NULL;
    ck_fails(gref_npz_open(&r, scratch("none.npz")), GREF_ERR_IO);
    assert_message("/none.npz: No such file or directory");
    ck_fails(gref_npz_open(&r, scratch_folder), GREF_ERR_IO);
    assert_message("Is a directory");
    spill(scratch("empty.npz"), "", 0);
    ck_fails(gref_npz_open(&r, scratch("empty.npz")), GREF_ERR_FORMAT);
    assert_message("/empty.npz: is empty, not a .npz file");
    ck_fails(gref_npz_open(&r, fixture("c_3x4.npy")), GREF_ERR_FORMAT);
    assert_message("c_3x4.npy: Not a zip archive");
    ck_assert_ptr_null(r);
}
END_TEST

/*
 * Every cut, and every byte changed in four ways. A cut archive has lost its end record and must
 * be refused; a changed one is refused or, where the byte says nothing about the arrays (a date),
 * gives the same bits: a changed entry is caught by the CRC.
 */
START_TEST(test_npz_get__survives_cuts_and_changed_bytes)
{
    const char *archives[] = {"stored.npz", "deflated.npz"};
    gref_mat C = {0};
    get(&C, NULL, fixture("stored.npz"), "Sigma");
    for (int k = 0; k < 2; k++) {
        size_t size;
        unsigned char *bytes = slurp(fixture(archives[k]), &size);
        for (size_t cut = 0; cut < size; cut++) {
            gref_npz_reader *r = NULL;
            spill(scratch("x.npz"), bytes, cut);
            ck_fails(gref_npz_open(&r, scratch("x.npz")), GREF_ERR_FORMAT);
        }
        for (size_t at = 0; at < size; at++)
            for (int flip = 1; flip < 256; flip = 4 * flip + 1) { /* 1, 5, 21, 85 */
                gref_npz_reader *r = NULL;
                gref_mat A = untouched();
                bytes[at] ^= (unsigned char)flip;
                spill(scratch("x.npz"), bytes, size);
                gref_status status = gref_npz_open(&r, scratch("x.npz"));
                if (status == GREF_OK) {
                    status = gref_npz_get(&A, NULL, r, "Sigma");
                    if (status == GREF_OK) {
                        ck_assert(same_bits(gref_const(A), gref_const(C)));
                        gref_mat_free(&A);
                    } else {
                        assert_untouched(A);
                    }
                    gref_npz_close(r);
                }
                ck_assert(status == GREF_OK || status == GREF_ERR_FORMAT || status == GREF_ERR_IO ||
                          status == GREF_ERR_NOMEM);
                bytes[at] ^= (unsigned char)flip;
            }
        free(bytes);
    }
    gref_mat_free(&C);
}
END_TEST

/*
 * One changed bit of a stored entry is a checksum error and nothing else: the .npy itself is
 * legal.
 */
START_TEST(test_npz_get__checks_the_crc)
{
    gref_npz_reader *r = NULL;
    gref_mat A = untouched();
    size_t size;
    unsigned char *bytes = slurp(fixture("stored.npz"), &size);
    const double pi = 0x1.921fb54442d18p1;
    size_t at = 0;
    while (at < size - 8 && memcmp(bytes + at, &pi, 8) != 0)
        at++;
    ck_assert(at < size - 8);
    bytes[at] ^= 1;
    spill(scratch("x.npz"), bytes, size);
    ck_ok(gref_npz_open(&r, scratch("x.npz")));
    ck_fails(gref_npz_get(&A, NULL, r, "Sigma"), GREF_ERR_FORMAT);
    assert_message("/x.npz[Sigma]: CRC error");
    assert_untouched(A);
    gref_npz_close(r);
    free(bytes);
}
END_TEST

/* 16 GiB of columns without rows: a legal member of 128 bytes, for which 1 GiB is not enough. */
START_TEST(test_npz_get__out_of_memory)
{
    gref_npz_writer *w = NULL;
    gref_npz_reader *r = NULL;
    gref_mat A = untouched();
    const gref_cmat wide = {NULL, 0, INT_MAX, 1};
    ck_ok(gref_npz_create(&w, scratch("x.npz")));
    ck_ok(gref_npz_add(w, "wide", wide, 2));
    ck_ok(gref_npz_finish(w));
    ck_ok(gref_npz_open(&r, scratch("x.npz")));
    if (limit_memory()) {
        const gref_cmat tall = {NULL, 32, INT_MAX, 32};
        ck_fails(gref_npz_get(&A, NULL, r, "wide"), GREF_ERR_NOMEM);
        assert_message("/x.npz[wide]: no memory for a 0 x 2147483647 matrix");
        assert_untouched(A);
        ck_ok(gref_npz_create(&w, scratch("y.npz")));
        ck_fails(gref_npz_add(w, "tall", tall, 2), GREF_ERR_NOMEM);
        gref_npz_abandon(w);
    }
    gref_npz_close(r);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("npz");
    TCase *tc = new_tcase(s, "npz");
    tcase_add_checked_fixture(tc, scratch_make, scratch_remove);
    tcase_add_test(tc, test_npz_get__reads_numpys_archives);
    tcase_add_test(tc, test_npz_get__unknown_name_lists_the_names);
    tcase_add_test(tc, test_npz_open__other_members);
    tcase_add_test(tc, test_npz_open__refuses_a_name_twice);
    tcase_add_test(tc, test_npz_open__refuses_other_files);
    tcase_add_test(tc, test_npz_get__survives_cuts_and_changed_bytes);
    tcase_add_test(tc, test_npz_get__checks_the_crc);
    tcase_add_test(tc, test_npz_get__out_of_memory);
    return run_suite(s);
}
