/*
 * Covariances: what is refused, what is accepted, and the three ways to take one apart.
 *
 * Bounds are those that the functions document, c n u |Sigma|_F (EPS = u = 2^-53; eps = 2 u), with
 * the constants of test_lapack.c for dsyevd; the worst ratio seen stands beside each.
 */
#include "base/internal.h"
#include "dense.h"
#include "dense/internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <gref/psd.h>

static const int sizes[] = {0, 1, 2, 3, 5, 10, 50};
enum { SIZES = sizeof sizes / sizeof *sizes };
static const double kappas[] = {1, 1e4, 1e8, 1e14, INFINITY}; /* the last one: singular */
enum { KAPPAS = sizeof kappas / sizeof *kappas };

/* |A B^T - C|_F */
static double residual(gref_cmat A, gref_cmat B, gref_cmat C)
{
    SCOPED(gref_mat) P = plain_product(A, false, B, true);
    double err = gref_mat_diff_fro(gref_const(P), C);
    return err;
}

/* n x n, zero but for the given diagonal. */
static gref_mat diagonal(int n, const double *d)
{
    gref_mat A = padded(n, n);
    for (int i = 0; i < n; i++)
        GREF_AT(A, i, i) = d[i];
    return A;
}

/* A message that holds the offending numbers is the contract: the text is compared whole. */
START_TEST(test_psd_require__refuses_with_the_offending_values)
{
    SCOPED(gref_mat) A = fresh(3, 2), S = padded(3, 3), U = fresh(3, 3), lambda = fresh(3, 1);
    double clipped;
    ck_fails(gref_psd_require(gref_const(A), "C1"), GREF_ERR_SHAPE);
    ck_assert_str_eq(gref_last_error()->message, "C1 must be square, not 3 x 2");
    gref_mat_identity(S);
    GREF_AT(S, 2, 0) = 0.5;
    GREF_AT(S, 0, 2) = 0.25;
    GREF_AT(S, 2, 1) = 0x1p-40; /* not the worst one, and found later */
    const char *asymmetric = "Sigma is not symmetric: entry (2, 0) is 0.5, entry (0, 2) is 0.25; "
                             "if it is meant to be, give (C + C^T)/2";
    ck_fails(gref_psd_require(gref_const(S), "Sigma"), GREF_ERR_NOT_SYMMETRIC);
    ck_assert_str_eq(gref_last_error()->message, asymmetric);
    ck_fails(gref_psd_eigh(U, lambda, &clipped, gref_const(S), "Sigma"), GREF_ERR_NOT_SYMMETRIC);
    ck_assert_str_eq(gref_last_error()->message, asymmetric);
    ck_fails(gref_psd_sqrt(U, gref_const(S), "Sigma"), GREF_ERR_NOT_SYMMETRIC);
    const double d[] = {0.5, -0.25, 2.0};
    SCOPED(gref_mat) D = diagonal(3, d);
    const char *indefinite =
        "P is not positive semi-definite: its most negative eigenvalue is -0.25, "
        "its largest 2";
    ck_fails(gref_psd_require(gref_const(D), "P"), GREF_ERR_NOT_PSD);
    double proved = NAN,
           largest =
               NAN; /* the proof: an upper bound of the eigenvalue -0.25, within 1e-14 of it */
    ck_assert_int_eq(
        sscanf(gref_last_error()->message,
               "P is not positive semi-definite: its most negative eigenvalue is -0.25, "
               "proved to be at most %lf (a Rayleigh quotient); its largest is %lf",
               &proved, &largest),
        2);
    ck_assert(proved >= -0.25 && proved <= -0.25 * (1 - 1e-14) && largest == 2.0);
    ck_fails(gref_psd_eigh(U, lambda, &clipped, gref_const(D), "P"), GREF_ERR_NOT_PSD);
    ck_assert_str_eq(gref_last_error()->message, indefinite);
    ck_fails(gref_psd_sqrt(U, gref_const(D), "P"), GREF_ERR_NOT_PSD);
    GREF_AT(D, 0, 2) = NAN; /* also above the diagonal: both triangles are read */
    ck_fails(gref_psd_require(gref_const(D), "P"), GREF_ERR_NONFINITE);
    ck_assert_str_eq(gref_last_error()->message, "P (3 x 3) holds nan at row 0, column 2");
}
END_TEST

/*
 * The two documented limits, met exactly from both sides by numbers that rounding cannot touch: the
 * eigenvalues of a diagonal matrix are its entries. Entries may differ by max(n, 16) eps
 * max|Sigma|, eigenvalues may be -n eps |Sigma|_2.
 */
START_TEST(test_psd_require__accepts_up_to_rounding)
{
    for (int n = 2; n <= 20; n += 18) {
        SCOPED(gref_mat) S = fresh(n, n);
        gref_mat_identity(S);
        GREF_AT(S, 1, 0) = 0.5;
        GREF_AT(S, 0, 1) = 0.5 + fmax(n, 16) * 2 * EPS;
        ck_ok(gref_psd_require(gref_const(S), "Sigma"));
        GREF_AT(S, 0, 1) += EPS;
        ck_fails(gref_psd_require(gref_const(S), "Sigma"), GREF_ERR_NOT_SYMMETRIC);
    }
    const double allowed[] = {1.0, -4 * 2 * EPS, 0.5, 0.0},
                 beyond[] = {1.0, -4.001 * 2 * EPS, 0.5, 0.0};
    SCOPED(gref_mat) D = diagonal(4, allowed), B = diagonal(4, beyond);
    ck_ok(gref_psd_require(gref_const(D), "Sigma"));
    ck_fails(gref_psd_require(gref_const(B), "Sigma"), GREF_ERR_NOT_PSD);
    for (int i = 0; i < SIZES; i++)
        for (int k = 0; k < KAPPAS; k++) {
            SCOPED(gref_mat) C = covariance(sizes[i], kappas[k], 70 + k);
            ck_ok(gref_psd_require(gref_const(C), "Sigma"));
        }
}
END_TEST

/*
 * Orthogonal U, ascending lambda >= 0 and U diag(lambda) U^T = Sigma define the decomposition,
 * zeros included: what was set to 0 is within the residual's bound. Worst ratios 0.64 and 0.53.
 */
START_TEST(test_psd_eigh__is_a_spectral_decomposition)
{
    for (int i = 0; i < SIZES; i++)
        for (int k = 0; k < KAPPAS; k++) {
            int n = sizes[i];
            SCOPED(gref_mat) C = covariance(n, kappas[k], 80 + k);
            SCOPED(gref_mat) U = padded(n, n);
            SCOPED(gref_mat) UL = fresh(n, n);
            SCOPED(gref_mat) lambda = padded(n, 1);
            double clipped = NAN, size = gref_mat_norm_fro(gref_const(C));
            ck_ok(gref_psd_eigh(U, lambda, &clipped, gref_const(C), "Sigma"));
            check_padding(U);
            check_padding(lambda);
            for (int j = 0; j < n; j++)
                ck_assert(lambda.a[j] >= 0.0 && (j == 0 || lambda.a[j] >= lambda.a[j - 1]));
            ck_assert(fabs(clipped) <= 2 * n * EPS * size);
            ck_assert_bound("U^T U - I", orthogonality(gref_const(U)), 5 * (n + 1) * EPS);
            gref_mat_copy(UL, gref_const(U));
            gref_mat_scale_cols(UL, gref_const(lambda));
            ck_assert_bound("U lambda U^T - Sigma",
                            residual(gref_const(UL), gref_const(U), gref_const(C)),
                            3 * (n + 1) * EPS * size);
        }
}
END_TEST

/*
 * A matrix that is singular in exact arithmetic: as many eigenvalues are exactly 0 as its kernel
 * has dimensions, whichever sign rounding gave them, the others are met to n eps |Sigma|_2, and
 * *clipped owns up. A zero left at +1e-17 would become a standard deviation of 3e-9 in every square
 * root. Worst ratio 0.50.
 */
START_TEST(test_psd_eigh__sets_the_kernel_to_exact_zeros)
{
    for (int n = 4; n <= 64; n *= 2) {
        double d[64], clipped = NAN;
        for (int i = 0; i < n; i++)
            d[i] = i < n / 4 ? 0.0 : i < n / 2 ? 0.25 : ldexp(1.0, i % 3);
        gref_mat C = hadamard_times(n, d), U = fresh(n, n), lambda = fresh(n, 1);
        ck_ok(gref_psd_eigh(U, lambda, &clipped, gref_const(C), "Sigma"));
        int count[3] = {0, 0, 0};
        for (int i = n / 2; i < n; i++)
            count[i % 3]++;
        for (int i = 0; i < n; i++) {
            double exact = i < n / 4                         ? 0.0
                           : i < n / 2                       ? 0.25
                           : i < n / 2 + count[0]            ? 1.0
                           : i < n / 2 + count[0] + count[1] ? 2.0
                                                             : 4.0;
            if (exact == 0.0)
                ck_assert(lambda.a[i] == 0.0);
            ck_assert_bound("known eigenvalue", fabs(lambda.a[i] - exact), 2 * n * EPS * 4.0);
        }
        ck_assert(fabs(clipped) <= 2 * n * EPS * 4.0);
        FREE_ALL(&C, &U, &lambda);
    }
    const double d[] = {1.0, 4 * EPS, -2 * EPS, 0.25};
    gref_mat D = diagonal(4, d), U = fresh(4, 4), lambda = fresh(4, 1);
    double clipped = NAN;
    ck_ok(gref_psd_eigh(U, lambda, &clipped, gref_const(D), "Sigma"));
    ck_assert(lambda.a[0] == 0.0 && lambda.a[1] == 0.0 && lambda.a[2] == 0.25 &&
              lambda.a[3] == 1.0);
    ck_assert(clipped == 4 * EPS); /* the farther one, though positive */
    FREE_ALL(&D, &U, &lambda);
}
END_TEST

/*
 * |L L^T - Sigma|_F <= (n + 1) u |Sigma|_F, half of what theorem 10.3 of Higham allows, and (n -
 * rank) tol more where columns were cut. Columns from rank on are exactly 0. The upper triangle of
 * Sigma is NaN, and L may be Sigma itself. Worst ratio 0.41.
 */
START_TEST(test_psd_factor__reproduces_the_covariance)
{
    for (int i = 0; i < SIZES; i++)
        for (int k = 0; k < KAPPAS; k++) {
            int n = sizes[i], rank = -1, again = -1;
            SCOPED(gref_mat) C = covariance(n, kappas[k], 90 + k);
            SCOPED(gref_mat) lower = lower_only(gref_const(C));
            SCOPED(gref_mat) L = padded(n, n);
            ck_ok(gref_psd_factor(L, &rank, gref_const(lower)));
            check_padding(L);
            ck_assert(isinf(kappas[k]) ? rank >= n - (n + 2) / 3 : rank == n);
            for (int j = rank; j < n; j++)
                for (int r = 0; r < n; r++)
                    ck_assert(GREF_AT(L, r, j) == 0.0);
            double cut = (n - rank) * fmax(n, 8) * EPS * gref_mat_norm_max(gref_const(C));
            ck_assert_bound("L L^T - Sigma", residual(gref_const(L), gref_const(L), gref_const(C)),
                            (n + 1) * EPS * gref_mat_norm_fro(gref_const(C)) + cut);
            ck_ok(gref_psd_factor(lower, &again, gref_const(lower)));
            ck_assert_int_eq(again, rank);
            ck_assert(gref_mat_diff_max(gref_const(lower), gref_const(L)) == 0.0);
        }
}
END_TEST

/*
 * Exact integer covariances F F^T of rank r: the factor has r columns and no sqrt(u) noise columns,
 * also when the diagonal has lost 2 eps of its size and the matrix is indefinite by rounding. Rank
 * 49 of 50 is where plain Cholesky passes with a last pivot of rounding (it was taken once). Worst
 * ratio 0.36.
 */
START_TEST(test_psd_factor__has_the_rank_of_a_singular_covariance)
{
    const int table[][2] = {{2, 1},   {3, 2},   {5, 1},   {10, 4}, {50, 7},
                            {50, 49}, {50, 49}, {50, 49}, {50, 49}};
    for (size_t k = 0; k < sizeof table / sizeof *table; k++)
        for (int lost = 0; lost < 2; lost++) {
            int n = table[k][0], r = table[k][1], rank = -1;
            SCOPED(gref_mat) F = odd_integers(n, r, 100 + k), L = fresh(n, n);
            SCOPED(gref_mat) C = plain_product(gref_const(F), false, gref_const(F), true);
            double top = gref_mat_norm_max(gref_const(C));
            for (int i = 0; i < n && lost; i++)
                GREF_AT(C, i, i) -= 4 * EPS * top;
            ck_ok(gref_psd_factor(L, &rank, gref_const(C)));
            ck_assert_msg(rank == r, "order %d, rank %d found to be %d", n, r, rank);
            ck_assert_bound("L L^T - F F^T", residual(gref_const(L), gref_const(L), gref_const(C)),
                            (r + 2) * EPS * gref_mat_trace(gref_const(C)) +
                                (n - r) * fmax(n, 8) * EPS * top);
        }
}
END_TEST

/*
 * Exact by hand: the zero matrix has the zero factor, a scalar its root, and an error leaves *rank
 * alone.
 */
START_TEST(test_psd_factor__handles_zero_scalar_and_refusals)
{
    int rank = -1;
    SCOPED(gref_mat) S = fresh(3, 3), L = noise(3, 3, 1), one = fresh(1, 1), R = fresh(2, 3);
    ck_ok(gref_psd_factor(L, &rank, gref_const(S)));
    ck_assert(rank == 0 && gref_mat_norm_max(gref_const(L)) == 0.0);
    one.a[0] = 2.25;
    ck_ok(gref_psd_factor(one, &rank, gref_const(one)));
    ck_assert(rank == 1 && one.a[0] == 1.5);
    one.a[0] = 0.0;
    ck_ok(gref_psd_factor(one, &rank, gref_const(one)));
    ck_assert(rank == 0 && one.a[0] == 0.0);
    rank = 7;
    gref_mat_identity(S);
    ck_fails(gref_psd_factor(R, &rank, gref_const(S)), GREF_ERR_SHAPE);
    ck_fails(gref_psd_factor(R, &rank, gref_const(R)), GREF_ERR_SHAPE);
    GREF_AT(S, 2, 1) = NAN;
    ck_fails(gref_psd_factor(L, &rank, gref_const(S)), GREF_ERR_NONFINITE);
    ck_assert_int_eq(rank, 7);
}
END_TEST

/*
 * R R = Sigma, R symmetric bit for bit and without a negative eigenvalue: only Sigma^1/2 has all
 * three. dsyevd's residual and as much for the quarter powers, squared. Worst ratio 0.63.
 */
START_TEST(test_psd_sqrt__is_the_symmetric_root)
{
    for (int i = 0; i < SIZES; i++)
        for (int k = 0; k < KAPPAS; k++) {
            int n = sizes[i];
            SCOPED(gref_mat) C = covariance(n, kappas[k], 110 + k);
            SCOPED(gref_mat) R = padded(n, n);
            SCOPED(gref_mat) W = fresh(n, n);
            SCOPED(gref_mat) l = fresh(n, 1);
            ck_ok(gref_psd_sqrt(R, gref_const(C), "Sigma"));
            check_padding(R);
            for (int c = 0; c < n; c++)
                for (int r = 0; r < n; r++)
                    ck_assert(GREF_AT(R, r, c) == GREF_AT(R, c, r));
            ck_assert_bound("R R - Sigma", residual(gref_const(R), gref_const(R), gref_const(C)),
                            4 * (n + 1) * EPS * gref_mat_norm_fro(gref_const(C)));
            gref_mat_copy(W, gref_const(R));
            ck_ok(gref_eigh_values(l, W));
            if (n > 0)
                ck_assert(l.a[0] >= -n * EPS * l.a[n - 1]);
        }
}
END_TEST

/*
 * Eigenspaces of dimension n/2 and n/4 and a kernel: the eigenvectors that dsyevd returns are
 * arbitrary and differ between Sigma and a permuted Sigma, the root may not. It is H diag(sqrt d) H
 * / n, exact in double. An error dSigma moves the root by dSigma_ij/(sqrt d_i + sqrt d_j), at most
 * 2 |dSigma| since the least sqrt d > 0 is 1/2, and inside the kernel by nothing, because those
 * eigenvalues are set to 0 (else by sqrt(u) = 1e-8). Worst ratio 0.31.
 */
START_TEST(test_psd_sqrt__does_not_depend_on_a_basis_of_eigenvectors)
{
    for (int n = 4; n <= 64; n *= 2) {
        double d[64], root[64];
        for (int i = 0; i < n; i++) {
            root[i] = i % 2 ? 1.0 : i % 4 ? 0.5 : 0.0;
            d[i] = root[i] * root[i];
        }
        SCOPED(gref_mat) C = hadamard_times(n, d), exact = hadamard_times(n, root), R = fresh(n, n);
        SCOPED(gref_mat) P = fresh(n, n), RP = fresh(n, n);
        for (int j = 0; j < n; j++) /* i -> 3 i + 1 mod n: a permutation, n being a power of 2 */
            for (int i = 0; i < n; i++)
                GREF_AT(P, i, j) = GREF_AT(C, (3 * i + 1) % n, (3 * j + 1) % n);
        ck_ok(gref_psd_sqrt(R, gref_const(C), "Sigma"));
        ck_ok(gref_psd_sqrt(RP, gref_const(P), "permuted Sigma"));
        for (int j = 0; j < n; j++)
            for (int i = 0; i < n; i++)
                GREF_AT(P, (3 * i + 1) % n, (3 * j + 1) % n) = GREF_AT(RP, i, j);
        double bound = 4 * (n + 1) * EPS * gref_mat_norm_fro(gref_const(C));
        ck_assert_bound("root - exact", gref_mat_diff_fro(gref_const(R), gref_const(exact)), bound);
        ck_assert_bound("permuted back - exact",
                        gref_mat_diff_fro(gref_const(P), gref_const(exact)), bound);
    }
}
END_TEST

/* Outputs of a wrong size are refused, not written. */
START_TEST(test_psd__refuses_outputs_that_do_not_fit)
{
    SCOPED(gref_mat) S = fresh(3, 3);
    SCOPED(gref_mat) U = fresh(3, 2);
    SCOPED(gref_mat) V = fresh(3, 3);
    SCOPED(gref_mat) lambda = fresh(2, 1);
    SCOPED(gref_mat) right = fresh(3, 1);
    double clipped;
    gref_mat_identity(S);
    ck_fails(gref_psd_eigh(U, right, &clipped, gref_const(S), "Sigma"), GREF_ERR_SHAPE);
    ck_fails(gref_psd_eigh(V, lambda, &clipped, gref_const(S), "Sigma"), GREF_ERR_SHAPE);
    ck_fails(gref_psd_sqrt(U, gref_const(S), "Sigma"), GREF_ERR_SHAPE);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("psd");
    TCase *tc = new_tcase(s, "require");
    tcase_add_test(tc, test_psd_require__refuses_with_the_offending_values);
    tcase_add_test(tc, test_psd_require__accepts_up_to_rounding);
    tcase_add_test(tc, test_psd__refuses_outputs_that_do_not_fit);
    tc = new_tcase(s, "eigh");
    tcase_add_test(tc, test_psd_eigh__is_a_spectral_decomposition);
    tcase_add_test(tc, test_psd_eigh__sets_the_kernel_to_exact_zeros);
    tc = new_tcase(s, "factor");
    tcase_add_test(tc, test_psd_factor__reproduces_the_covariance);
    tcase_add_test(tc, test_psd_factor__has_the_rank_of_a_singular_covariance);
    tcase_add_test(tc, test_psd_factor__handles_zero_scalar_and_refusals);
    tc = new_tcase(s, "sqrt");
    tcase_add_test(tc, test_psd_sqrt__is_the_symmetric_root);
    tcase_add_test(tc, test_psd_sqrt__does_not_depend_on_a_basis_of_eigenvectors);
    return run_suite(s);
}
