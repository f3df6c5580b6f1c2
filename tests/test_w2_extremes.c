/*
 * W2 where squares underflow, where one law is tiny against the other, and where products overflow.
 *
 * Every truth is a closed form: variances in a common basis, or matrices of Sylvester and Hadamard,
 * exact in double.
 */
#include "base/internal.h"
#include "dense.h"
#include "dense/internal.h"

#include <gref/wasserstein.h>

typedef gref_status w2_function(gref_w2 *, gref_cmat, gref_cmat, gref_cmat, gref_cmat);

static gref_w2 centred(w2_function *f, gref_mat A, gref_mat B)
{
    SCOPED(gref_mat) zero = fresh(A.m, 1);
    gref_w2 w;
    ck_ok(f(&w, gref_const(zero), gref_const(A), gref_const(zero), gref_const(B)));
    return w;
}

/* |sqrt a - sqrt b| to 4 u. */
static double of_variances(double a, double b)
{
    return fabs(a - b) / (sqrt(a) + sqrt(b));
}

/* The truth, known to 4 u, is inside, as is w2; the interval is as narrow as `width`. */
static void check_holds(const char *what, gref_w2 w, double truth, double width)
{
    ck_assert_msg(w.lower <= truth * (1 + 4 * EPS) && w.upper >= truth * (1 - 4 * EPS),
                  "%s: %.17g is outside [%.17g, %.17g]", what, truth, w.lower, w.upper);
    ck_assert(w.lower <= w.w2 && w.w2 <= w.upper);
    ck_assert_bound(what, (w.upper - w.lower) / w.upper, width);
}

/* A large variance that both laws share, or none, and a pair that differs. */
static const struct {
    double shared, a, b;
} ranges[] = {{1e308, 1e-12, 4e-12},   {1e300, 0, 1e-24},
              {1e6, 1e-310, 4e-310},   {0, 5e-324, 1e308},
              {1.7e308, 1e-17, 4e-17}, {1e10, 1e-300, 1.0000000000000002e-300}};
enum { RANGES = sizeof ranges / sizeof *ranges };

/* The scale of a sum of squares is that of its terms, not that of the variances: their squares
 * vanished beside 1e308. So it is of diagonal covariances, with or without a proof. */
START_TEST(test_w2_spectra__of_any_range)
{
    SCOPED(gref_mat) a = fresh(2, 1), b = fresh(2, 1);
    for (int k = 0; k < RANGES; k++) {
        a.a[0] = b.a[0] = ranges[k].shared;
        a.a[1] = ranges[k].a;
        b.a[1] = ranges[k].b;
        double truth = of_variances(ranges[k].a, ranges[k].b);
        check_holds("variances", centred(gref_w2_spectra, a, b), truth, 3e-15);
        SCOPED(gref_mat) A = fresh(2, 2), B = fresh(2, 2);
        for (int i = 0; i < 2; i++) {
            GREF_AT(A, i, i) = a.a[i];
            GREF_AT(B, i, i) = b.a[i];
        }
        check_holds("diagonal", centred(gref_w2_certify_laws, A, B), truth, 3e-15);
        check_holds("diagonal, value", centred(gref_w2_laws, A, B), truth, 3e-15);
    }
}
END_TEST

/* Laws are equal where their doubles are, not where their scaled copies are, which lose what is
 * 2^-1074 of the largest entry. */
START_TEST(test_certify__equality_is_of_what_was_given)
{
    SCOPED(gref_mat) A = fresh(2, 2), B = fresh(2, 2);
    for (int k = 0; k < RANGES; k++) {
        A.a[0] = B.a[0] = ranges[k].shared;
        A.a[3] = ranges[k].a;
        B.a[3] = ranges[k].b;
        A.a[1] = A.a[2] = B.a[1] = B.a[2] = ranges[k].shared * 1e-9; /* one block */
        A.a[3] += ranges[k].shared * 1e-18 * 2;
        B.a[3] += ranges[k].shared * 1e-18 * 2;
        gref_w2 w = centred(gref_w2_certify_laws, A, B);
        ck_assert((w.upper == 0.0) == (A.a[3] == B.a[3]));
    }
    gref_mat_fill(A, 0.0);
    gref_mat_fill(B, 0.0);
    A.a[0] = B.a[0] = 4e19;
    B.a[3] = 1e-306;
    gref_w2 w = centred(gref_w2_certify_factors, A, B);
    ck_assert(w.lower <= 1e-306 && 1e-306 <= w.upper && w.upper < 1e-4);
}
END_TEST

/* H_8 diag(s) O, s = 1..2 and O eight rows of H_16/4, taken from `row` on: a factor of H diag(s^2)
 * H. */
static gref_mat wide_factor(gref_mat s, int row)
{
    SCOPED(gref_mat) H = hadamard(8), G = hadamard(16), O = fresh(8, 16);
    for (int j = 0; j < 16; j++)
        for (int i = 0; i < 8; i++)
            GREF_AT(O, i, j) = s.a[i] * GREF_AT(G, (row + 3 * i) % 16, j) / 4;
    return plain_product(gref_const(H), false, gref_const(O), false);
}

/*
 * Factors of rank 8 in 16 columns, the one 2^-20 of the other. K, computed to u |B|^2, is noise
 * against |A||B| where B is the larger one: an Omega made of it turned Q anywhere, and W2 was 7.5e7
 * times too large. Truth: sqrt 8 |s1 - s2|.
 */
START_TEST(test_certify_factors__of_unlike_sizes)
{
    for (int e = 0; e >= -60; e -= 20) {
        SCOPED(gref_mat) s = fresh(8, 2);
        double sum = 0.0;
        gref_random_uniform(s, 77, GREF_STREAM_TEST, 0, 0);
        for (int i = 0; i < 16; i++)
            s.a[i] = ldexp(1 + floor(256 * s.a[i]) / 256, i < 8 ? e : 0);
        for (int i = 0; i < 8; i++)
            sum += 8 * (s.a[i] - s.a[8 + i]) * (s.a[i] - s.a[8 + i]);
        SCOPED(gref_mat) A = wide_factor(gref_mat_view(s, 0, 0, 8, 1), 1);
        SCOPED(gref_mat) B = wide_factor(gref_mat_view(s, 0, 1, 8, 1), 2);
        check_holds("tiny first", centred(gref_w2_certify_factors, A, B), sqrt(sum), 4e-15);
        check_holds("tiny second", centred(gref_w2_certify_factors, B, A), sqrt(sum), 4e-15);
    }
}
END_TEST

/*
 * Close laws by factors of more columns than rows, as data matrices are: K is noise in the columns
 * that the rank does not need, and the lower end was 0. Also where the columns hide that the laws
 * are close. Truth: sqrt 8 |s1 - s2|, s2 - s1 = 2^-e k.
 */
START_TEST(test_certify_factors__of_close_data_matrices)
{
    for (int e = 10; e <= 40; e += 10)
        for (int row = 1; row <= 5; row += 4) {
            SCOPED(gref_mat) s = fresh(8, 2);
            double sum = 0.0;
            gref_random_uniform(s, 78, GREF_STREAM_TEST, 0, 0);
            for (int i = 0; i < 8; i++) {
                s.a[i] = 1 + floor(256 * s.a[i]) / 256;
                double k = floor(8 * s.a[8 + i]) + 1;
                s.a[8 + i] = s.a[i] + ldexp(k, -e);
                sum += 8 * k * k;
            }
            SCOPED(gref_mat) A = wide_factor(gref_mat_view(s, 0, 0, 8, 1), 1);
            SCOPED(gref_mat) B = wide_factor(gref_mat_view(s, 0, 1, 8, 1), row);
            gref_w2 w = centred(gref_w2_certify_factors, A, B);
            check_holds("close data matrices", w, ldexp(sqrt(sum), -e), 4e-15);
        }
}
END_TEST

/* Covariances of rank 25 and 10 in 32 dimensions, one 2^-52 of the other. */
START_TEST(test_certify_laws__of_unlike_sizes_and_ranks)
{
    double d1[32], d2[32], sum = 0.0;
    for (int i = 0; i < 32; i++) {
        d1[i] = i < 25 ? ldexp(1 + i % 5, -52) : 0.0;
        d2[i] = i % 3 == 0 && i < 30 ? 1 + i % 7 : 0.0;
        sum += (sqrt(d1[i]) - sqrt(d2[i])) * (sqrt(d1[i]) - sqrt(d2[i]));
    }
    SCOPED(gref_mat) C1 = hadamard_times(32, d1), C2 = hadamard_times(32, d2);
    gref_w2 w = centred(gref_w2_certify_laws, C1, C2);
    check_holds("ranks 25, 10", w, sqrt(sum), 1e-13);
    ck_assert_int_eq(w.rank, 25);
    ck_assert_int_eq(centred(gref_w2_certify_laws, C2, C1).rank, 25);
    check_holds("ranks 10, 25", centred(gref_w2_certify_laws, C2, C1), sqrt(sum), 1e-13);
}
END_TEST

/* No bound exceeds the distance of independent laws, |W2| <= hypot(|A|, |B|), whatever Q is made
 * of. */
START_TEST(test_w2_laws__far_apart)
{
    SCOPED(gref_mat) A = fresh(3, 3), B = fresh(3, 3);
    for (int k = 0; k < 3; k++) {
        GREF_AT(A, k, k) = 1e-300;
        GREF_AT(B, k, k) = 2;
        GREF_AT(B, k, (k + 1) % 3) = GREF_AT(B, (k + 1) % 3, k) = 0.5;
    }
    double truth = sqrt(6) - 1e-150;
    ck_assert_bound("1e-300 I", fabs(centred(gref_w2_laws, A, B).w2 / truth - 1), 8 * EPS);
    check_holds("1e-300 I, proved", centred(gref_w2_certify_laws, A, B), truth, 4e-15);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("w2_extremes");
    TCase *tc = new_tcase(s, "w2");
    tcase_add_test(tc, test_w2_spectra__of_any_range);
    tcase_add_test(tc, test_certify__equality_is_of_what_was_given);
    tcase_add_test(tc, test_certify_factors__of_unlike_sizes);
    tcase_add_test(tc, test_certify_factors__of_close_data_matrices);
    tcase_add_test(tc, test_certify_laws__of_unlike_sizes_and_ranks);
    tcase_add_test(tc, test_w2_laws__far_apart);
    return run_suite(s);
}
