/* What every test program shares: the runner, tolerances, random matrices with a known spectrum. */
#ifndef GREF_TEST_SUPPORT_H
#define GREF_TEST_SUPPORT_H

#include <check.h>
#include <stdint.h>
#include <stdlib.h>

#include <gref/matrix.h>

#define EPS 0x1p-53 /* unit roundoff */

/* Adds a TCase to `suite`; use it instead of tcase_create, it catches a test that calls exit. */
TCase *new_tcase(Suite *suite, const char *name);
/* Like run_suite, but nothing is run on a BLAS that fails its self-test: one line bails out, with
 * the kernels' name. */
int run_guarded_suite(Suite *suite);
/* Runs every test of `suite`, prints TAP, and returns the exit status of main. */
int run_suite(Suite *suite);

/*
 * Holds `err <= bound`, so that NaN fails, and remembers the worst ratio under `name`; the ratios
 * are printed as TAP comments when the test ends. `bound` is derived at the call, never tuned.
 */
#define ck_assert_bound(name, err, bound)                                                          \
    do {                                                                                           \
        double err_ = (err), bound_ = (bound);                                                     \
        ck_assert_msg(err_ <= bound_, "%s: error %.3g, bound %.3g", (name), err_, bound_);         \
        note_ratio((name), err_, bound_);                                                          \
    } while (0)
void note_ratio(const char *name, double err, double bound);
/* Holds a bound against another evaluation of its formula: equal but for what bounds are inflated
 * by; a proved bound is larger by 2^-20 at least. */
#define ck_assert_same(name, value, expected) ck_assert_ratio_in(name, value, expected, 1 - 1e-5)
#define ck_assert_inflated(name, value, expected)                                                  \
    ck_assert_ratio_in(name, value, expected, 1 + 0x1p-21)
#define ck_assert_ratio_in(name, value, expected, least)                                           \
    do {                                                                                           \
        double value_ = (value), expected_ = (expected), size_ = fabs(expected_);                  \
        ck_assert_msg(value_ - expected_ >= ((least)-1) * size_ &&                                 \
                          value_ - expected_ <= 1e-5 * size_,                                      \
                      "%s: %.9g, expected %.9g", (name), value_, expected_);                       \
    } while (0)

/* Aborts the test with the library's message unless the call gives GREF_OK. */
#define ck_ok(call)                                                                                \
    do {                                                                                           \
        gref_status status_ = (call);                                                              \
        ck_assert_msg(status_ == GREF_OK, "%s: %s: %s", #call, gref_status_text(status_),          \
                      gref_last_error()->message);                                                 \
    } while (0)
#define ck_fails(call, expected)                                                                   \
    do {                                                                                           \
        gref_status status_ = (call);                                                              \
        ck_assert_msg(status_ == (expected), "%s: %s, not %s", #call, gref_status_text(status_),   \
                      gref_status_text(expected));                                                 \
    } while (0)

/* m x n matrix inside storage with padded leading dimension; the padding is NaN. Never NULL. */
gref_mat padded(int m, int n);
/* A zeroed matrix; aborts when there is no memory. */
gref_mat fresh(int m, int n);
/* n x n orthogonal, Haar distributed (Gram-Schmidt twice on normals). */
gref_mat random_orthogonal(int n, uint64_t seed);
/* Q diag(lambda) Q^T with a random orthogonal Q, exactly symmetric. */
gref_mat random_spd(gref_cmat lambda, uint64_t seed);
/* n x 1, geometric from 1 down to 1/kappa; the last `zeros` entries 0. */
gref_mat geometric_spectrum(int n, double kappa, int zeros);
/* C = op(A) op(B) by plain loops in long double. C is fresh. */
gref_mat plain_product(gref_cmat A, bool trans_a, gref_cmat B, bool trans_b);
/* Path of a file under reference/, in a static buffer. */
const char *reference_file(const char *name);

#endif
