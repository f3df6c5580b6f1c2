/*
 * The wrappers of src/dense/lapack.c against plain loops.
 *
 * Bounds hold for any order of summation, with or without FMA (Higham, Accuracy and Stability,
 * lemma 8.4 and theorems 3.5, 8.5, 10.3): |error| <= gamma_k |A||B| entry by entry, gamma_k = k u.
 * Reported is the largest error in units of that bound, in which the rounding of the plain loops'
 * result is included. Eigen and singular value decompositions are backward stable in the norm only.
 */
#include "base/internal.h"
#include "dense.h"
#include "dense/internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const int sizes[] = {0, 1, 2, 3, 5, 10, 50};
enum { SIZES = sizeof sizes / sizeof *sizes };
static const double kappas[] = {1, 1e4, 1e8, 1e14, INFINITY}; /* the last one: singular */
enum { KAPPAS = sizeof kappas / sizeof *kappas };

static gref_mat magnitude(gref_cmat A)
{
    gref_mat B = fresh(A.m, A.n);
    for (int j = 0; j < A.n; j++)
        for (int i = 0; i < A.m; i++)
            GREF_AT(B, i, j) = fabs(GREF_AT(A, i, j));
    return B;
}

/* |op(A)| |op(B)| */
static gref_mat magnitudes(gref_cmat A, bool trans_a, gref_cmat B, bool trans_b)
{
    SCOPED(gref_mat) a = magnitude(A), b = magnitude(B);
    gref_mat P = plain_product(gref_const(a), trans_a, gref_const(b), trans_b);
    return P;
}

/* max |C - exact| / (gamma bound), NaN if anything is; 0/0 counts as 0. */
static double worst_entry(gref_cmat C, gref_cmat exact, double gamma, gref_cmat bound)
{
    double worst = 0.0;
    for (int j = 0; j < C.n; j++)
        for (int i = 0; i < C.m; i++) {
            double err = fabs(GREF_AT(C, i, j) - GREF_AT(exact, i, j));
            double ratio = err == 0.0 ? 0.0 : err / (gamma * GREF_AT(bound, i, j));
            if (isnan(ratio))
                return NAN;
            worst = fmax(worst, ratio);
        }
    return worst;
}

/* C = alpha op(A) op(B) + beta C0 into NaN padding; with beta = 0, C0 is NaN. */
static double gemm_case(int m, int n, int k, bool ta, bool tb, double alpha, double beta)
{
    SCOPED(gref_mat) A = ta ? noise(k, m, 1) : noise(m, k, 1);
    SCOPED(gref_mat) B = tb ? noise(n, k, 2) : noise(k, n, 2);
    SCOPED(gref_mat) C = noise(m, n, 3), R = fresh(m, n);
    SCOPED(gref_mat) P = plain_product(gref_const(A), ta, gref_const(B), tb);
    SCOPED(gref_mat) M = magnitudes(gref_const(A), ta, gref_const(B), tb);
    if (beta == 0.0)
        gref_mat_fill(C, NAN);
    for (int j = 0; j < n; j++)
        for (int i = 0; i < m; i++) {
            double old = beta == 0.0 ? 0.0 : beta * GREF_AT(C, i, j);
            GREF_AT(R, i, j) = (double)((long double)alpha * GREF_AT(P, i, j) + old);
            GREF_AT(M, i, j) = fabs(alpha) * GREF_AT(M, i, j) + fabs(old);
        }
    ck_ok(gref_gemm(C, alpha, gref_const(A), ta, gref_const(B), tb, beta));
    check_padding(C);
    double worst = worst_entry(gref_const(C), gref_const(R), (k + 4) * EPS, gref_const(M));
    return worst;
}

/*
 * Every shape of the table, so also inner sizes of 0 and 1, all transposes: an entrywise bound
 * leaves no room for a wrong entry. k products and sums, alpha, beta, the reference: gamma_{k+4}.
 * Worst ratio 0.63.
 */
START_TEST(test_gemm__equals_plain_loops)
{
    double worst = 0.0;
    for (int i = 0; i < SIZES; i++)
        for (int j = 0; j < SIZES; j++)
            for (int l = 0; l < SIZES; l++)
                for (int t = 0; t < 4; t++)
                    for (int b = 0; b < 2; b++) {
                        double r = gemm_case(sizes[i], sizes[j], sizes[l], t & 1, t & 2,
                                             b ? -1.5 : 1.0, b ? 0.75 : 0.0);
                        ck_assert_msg(r <= 1.0, "%d x %d x %d, transposes %d: ratio %g", sizes[i],
                                      sizes[l], sizes[j], t, r);
                        worst = fmax(worst, r);
                    }
    ck_assert_bound("gemm", worst, 1.0);
}
END_TEST

/* As gemm; C comes back symmetric bit for bit although its upper triangle was NaN. Worst 0.62. */
START_TEST(test_syrk__equals_plain_loops_and_is_symmetric)
{
    for (int i = 0; i < SIZES; i++)
        for (int l = 0; l < SIZES; l++)
            for (int t = 0; t < 2; t++)
                for (int b = 0; b < 2; b++) {
                    int n = sizes[i], k = sizes[l];
                    SCOPED(gref_mat) A = t ? noise(k, n, 4) : noise(n, k, 4), C = noise(n, n, 5);
                    SCOPED(gref_mat) P = plain_product(gref_const(A), t, gref_const(A), !t);
                    SCOPED(gref_mat) M = magnitudes(gref_const(A), t, gref_const(A), !t);
                    double beta = b ? -0.5 : 0.0;
                    gref_mat_symmetrise(C);
                    for (int c = 0; c < n && b; c++)
                        for (int r = 0; r < n; r++) {
                            GREF_AT(P, r, c) = 2.0 * GREF_AT(P, r, c) + beta * GREF_AT(C, r, c);
                            GREF_AT(M, r, c) =
                                2.0 * GREF_AT(M, r, c) + fabs(beta * GREF_AT(C, r, c));
                        }
                    poison_upper(C);
                    if (!b)
                        gref_mat_fill(C, NAN);
                    ck_ok(gref_syrk(C, b ? 2.0 : 1.0, gref_const(A), t, beta));
                    check_padding(C);
                    ck_assert_bound(
                        "syrk",
                        worst_entry(gref_const(C), gref_const(P), (k + 4) * EPS, gref_const(M)),
                        1.0);
                    for (int c = 0; c < n; c++)
                        for (int r = 0; r < n; r++)
                            ck_assert(GREF_AT(C, r, c) == GREF_AT(C, c, r));
                }
}
END_TEST

/*
 * As gemm. Shapes with no columns are the ones where the BLAS is not called: there y = beta y, and
 * with beta = 0 a NaN in y must not survive (it did: 0 * NaN). Worst ratio 0.60.
 */
START_TEST(test_gemv__equals_plain_loops_and_overwrites_when_beta_is_0)
{
    for (int i = 0; i < SIZES; i++)
        for (int l = 0; l < SIZES; l++)
            for (int t = 0; t < 2; t++)
                for (int b = 0; b < 2; b++) {
                    int m = sizes[i], k = sizes[l];
                    SCOPED(gref_mat) A = t ? noise(k, m, 6) : noise(m, k, 6);
                    SCOPED(gref_mat) x = noise(k, 1, 8);
                    SCOPED(gref_mat) y = noise(m, 1, 9);
                    SCOPED(gref_mat) P = plain_product(gref_const(A), t, gref_const(x), false);
                    SCOPED(gref_mat) M = magnitudes(gref_const(A), t, gref_const(x), false);
                    for (int r = 0; r < m; r++) {
                        GREF_AT(P, r, 0) = b ? 3.0 * P.a[r] + 0.75 * y.a[r] : -P.a[r];
                        GREF_AT(M, r, 0) = b ? 3.0 * M.a[r] + 0.75 * fabs(y.a[r]) : M.a[r];
                    }
                    if (!b)
                        gref_mat_fill(y, NAN);
                    ck_ok(gref_gemv(y, b ? 3.0 : -1.0, gref_const(A), t, gref_const(x),
                                    b ? 0.75 : 0.0));
                    check_padding(y);
                    ck_assert_bound(
                        "gemv",
                        worst_entry(gref_const(y), gref_const(P), (k + 4) * EPS, gref_const(M)),
                        1.0);
                }
}
END_TEST

/*
 * Substitution is backward stable entry by entry, |op(L) X - B| <= gamma_{n+1} |op(L)||X|, however
 * ill-conditioned L is; one more for a kernel that multiplies by reciprocals of the diagonal. Only
 * the lower triangle is read: the other one is NaN. Worst ratio 0.47.
 */
START_TEST(test_trsm__leaves_a_residual_of_rounding)
{
    for (int i = 0; i < SIZES; i++)
        for (int l = 0; l < SIZES; l++)
            for (int t = 0; t < 4; t++) {
                int n = sizes[i], k = sizes[l];
                bool left = t & 1, trans = t & 2;
                SCOPED(gref_mat) L = noise(n, n, 10), X = left ? noise(n, k, 11) : noise(k, n, 11);
                SCOPED(gref_mat) B = fresh(X.m, X.n);
                gref_mat_copy(B, gref_const(X));
                for (int c = 0; c < n; c++)
                    GREF_AT(L, c, c) += GREF_AT(L, c, c) < 0 ? -1.0 : 1.0;
                poison_upper(L);
                ck_ok(gref_trsm(X, left, gref_const(L), trans));
                check_padding(X);
                for (int c = 0; c < n; c++)
                    for (int r = 0; r < c; r++)
                        GREF_AT(L, r, c) = 0.0;
                gref_cmat a = left ? gref_const(L) : gref_const(X),
                          b = left ? gref_const(X) : gref_const(L);
                SCOPED(gref_mat) P = plain_product(a, left && trans, b, !left && trans);
                SCOPED(gref_mat) M = magnitudes(a, left && trans, b, !left && trans);
                ck_assert_bound(
                    "trsm", worst_entry(gref_const(P), gref_const(B), (n + 3) * EPS, gref_const(M)),
                    1.0);
            }
}
END_TEST

/*
 * |L L^T - C| <= gamma_{n+1} |L||L^T| entry by entry, L lower triangular with a positive diagonal:
 * with the uniqueness of the factor that is the definition. The upper triangle of C is NaN. Then X
 * = C^-1 B by two substitutions: |L L^T X - B| <= gamma_{2n+2} |L||L^T||X|. Worst ratios 0.50 and
 * 0.27.
 */
START_TEST(test_cholesky__reproduces_the_matrix_and_solves)
{
    for (int i = 0; i < SIZES; i++)
        for (int k = 0; k < KAPPAS - 1; k++) {
            int n = sizes[i];
            SCOPED(gref_mat) C = covariance(n, kappas[k], 20 + k), L = lower_only(gref_const(C));
            ck_ok(gref_cholesky(L));
            check_padding(L);
            for (int c = 0; c < n; c++) {
                ck_assert(GREF_AT(L, c, c) > 0.0);
                for (int r = 0; r < c; r++)
                    ck_assert(GREF_AT(L, r, c) == 0.0);
            }
            SCOPED(gref_mat) P = plain_product(gref_const(L), false, gref_const(L), true);
            SCOPED(gref_mat) M = magnitudes(gref_const(L), false, gref_const(L), true);
            ck_assert_bound("cholesky",
                            worst_entry(gref_const(P), gref_const(C), (n + 2) * EPS, gref_const(M)),
                            1.0);
            SCOPED(gref_mat) B = noise(n, 3, 30), X = noise(n, 3, 30);
            ck_ok(gref_cholesky_solve(X, gref_const(L)));
            SCOPED(gref_mat) R = plain_product(gref_const(L), true, gref_const(X), false);
            SCOPED(gref_mat) LR = plain_product(gref_const(L), false, gref_const(R), false);
            SCOPED(gref_mat) S = magnitudes(gref_const(M), false, gref_const(X), false);
            ck_assert_bound(
                "cholesky solve",
                worst_entry(gref_const(LR), gref_const(B), (2 * n + 2) * EPS, gref_const(S)), 1.0);
            SCOPED(gref_mat) W = lower_only(gref_const(C));
            ck_assert(gref_cholesky_succeeds(W));
        }
}
END_TEST

/* Leading blocks before row p are identities; the one that ends at p is not positive definite. */
START_TEST(test_cholesky__names_the_pivot_that_is_not_positive)
{
    for (int i = 1; i < SIZES; i++)
        for (int p = 0; p < sizes[i]; p += 1 + sizes[i] / 4) {
            int n = sizes[i];
            gref_mat C = padded(n, n);
            gref_mat_identity(C);
            GREF_AT(C, p, p) = p % 2 ? 0.0 : -1.0;
            poison_upper(C);
            ck_fails(gref_cholesky(C), GREF_ERR_NOT_PD);
            char wanted[64];
            snprintf(wanted, sizeof wanted, "order %d is not positive definite (pivot %d)", n,
                     p + 1);
            ck_assert_ptr_nonnull(strstr(gref_last_error()->message, wanted));
            ck_assert_int_eq(gref_last_error()->info, p + 1);
            gref_mat_identity(C);
            GREF_AT(C, p, p) = -1.0;
            ck_assert(!gref_cholesky_succeeds(C));
            gref_mat_free(&C);
        }
    const double indefinite[] = {1, 2, 2, 1}; /* minors 1 and -3 */
    gref_mat C = fresh(2, 2);
    memcpy(C.a, indefinite, sizeof indefinite);
    ck_fails(gref_cholesky(C), GREF_ERR_NOT_PD);
    ck_assert_int_eq(gref_last_error()->info, 2);
    gref_mat_free(&C);
}
END_TEST

/*
 * C = L L^T for an integer C = F F^T of rank r, exact in double. Rows are back in the order of C,
 * columns from r on are exactly 0, and the rank is r because rounding, n u max C, stays below tol:
 * nothing that is rank is lost and nothing that is rounding is kept. n = 100 runs dpstrf's blocked
 * code. Worst ratio 0.59.
 */
START_TEST(test_cholesky_pivoted__finds_the_exact_rank)
{
    const int table[][2] = {{1, 1}, {2, 1}, {3, 2}, {5, 1}, {5, 5}, {10, 4}, {50, 7}, {100, 70}};
    for (size_t k = 0; k < sizeof table / sizeof *table; k++) {
        int n = table[k][0], r = table[k][1], rank = -1;
        SCOPED(gref_mat) F = odd_integers(n, r, 40 + k);
        SCOPED(gref_mat) C = plain_product(gref_const(F), false, gref_const(F), true);
        SCOPED(gref_mat) L = lower_only(gref_const(C));
        double top = gref_mat_norm_max(gref_const(C));
        ck_ok(gref_cholesky_pivoted(L, &rank, 4 * n * EPS * top));
        ck_assert_int_eq(rank, r);
        check_padding(L);
        for (int j = r; j < n; j++)
            for (int i = 0; i < n; i++)
                ck_assert(GREF_AT(L, i, j) == 0.0);
        SCOPED(gref_mat) P = plain_product(gref_const(L), false, gref_const(L), true);
        ck_assert_bound("pivoted, integer", gref_mat_diff_max(gref_const(P), gref_const(C)),
                        (r + 1) * EPS * top);
    }
}
END_TEST

/*
 * Squares on the diagonal make every root exact. A pivot equal to tol is cut, one above is kept;
 * the zero and the negative matrix have rank 0; the rest of L L^T is C to the bit.
 */
START_TEST(test_cholesky_pivoted__cuts_pivots_up_to_tol)
{
    const double d[] = {0.25, 4.0, 0.0625, 9.0, 0.0};
    const double roots[][5] = {
        {0.5, 2.0, 0.25, 3.0, 0.0}, {0.5, 2.0, 0.0, 3.0, 0.0}, {0.0, 0.0, 0.0, 0.0, 0.0}};
    const double tols[] = {0.0, 0.0625, 9.0};
    const int ranks[] = {4, 3, 0};
    for (int k = 0; k < 5; k++) {
        int rank = -1;
        SCOPED(gref_mat) C = padded(5, 5);
        for (int i = 0; i < 5; i++)
            GREF_AT(C, i, i) = k < 3 ? d[i] : k == 3 ? 0.0 : -1.0 - i;
        poison_upper(C);
        ck_ok(gref_cholesky_pivoted(C, &rank, k < 3 ? tols[k] : 0.0));
        ck_assert_int_eq(rank, k < 3 ? ranks[k] : 0);
        SCOPED(gref_mat) P = plain_product(gref_const(C), false, gref_const(C), true);
        for (int j = 0; j < 5; j++)
            for (int i = 0; i < 5; i++)
                ck_assert(GREF_AT(P, i, j) == (i == j && k < 3 ? roots[k][i] * roots[k][i] : 0.0));
    }
}
END_TEST

/*
 * C = U diag(lambda) U^T with orthogonal U and ascending lambda is the definition. Eigenvalues
 * alone come from another algorithm and agree. The upper triangle is NaN (which was refused once).
 * Some n rotations err by c n u in the Frobenius norm, c = 1, 5 and 3 here: worst ratios 0.63,
 * 0.64, 0.53.
 */
START_TEST(test_eigh__is_a_spectral_decomposition)
{
    for (int i = 0; i < SIZES; i++)
        for (int k = 0; k <= KAPPAS; k++) { /* k = KAPPAS: the zero matrix */
            int n = sizes[i];
            SCOPED(gref_mat) C = k < KAPPAS ? covariance(n, kappas[k], 50 + k) : fresh(n, n);
            SCOPED(gref_mat) U = lower_only(gref_const(C)), V = lower_only(gref_const(C));
            SCOPED(gref_mat) l = padded(n, 1), values = padded(n, 1);
            double unit = (n + 1) * EPS * gref_mat_norm_fro(gref_const(C));
            ck_ok(gref_eigh(l, U));
            ck_ok(gref_eigh_values(values, V));
            check_padding(U);
            check_padding(l);
            for (int j = 0; j + 1 < n; j++)
                ck_assert(l.a[j] <= l.a[j + 1] && values.a[j] <= values.a[j + 1]);
            ck_assert_bound("eigh values", gref_mat_diff_max(gref_const(l), gref_const(values)),
                            unit);
            ck_assert_bound("eigh U^T U - I", orthogonality(gref_const(U)), 5 * (n + 1) * EPS);
            SCOPED(gref_mat) UL = fresh(n, n);
            gref_mat_copy(UL, gref_const(U));
            gref_mat_scale_cols(UL, gref_const(l));
            SCOPED(gref_mat) P = plain_product(gref_const(UL), false, gref_const(U), true);
            ck_assert_bound("eigh U L U^T - C", gref_mat_diff_fro(gref_const(P), gref_const(C)),
                            3 * unit);
        }
}
END_TEST

/* A = U diag(s) VT, all three defining properties; thin or full; `zeros` columns are 0. */
static void svd_case(int m, int n, bool full, double kappa, int zeros)
{
    int k = m < n ? m : n;
    SCOPED(gref_mat) A = noise(m, n, 60), W = padded(m, n), s = padded(k, 1);
    SCOPED(gref_mat) U = padded(m, full ? m : k), VT = padded(full ? n : k, n);
    for (int j = 0; j < n; j++)
        for (int i = 0; i < m; i++)
            GREF_AT(A, i, j) *= j < zeros ? 0.0 : pow(kappa, -(double)j / n);
    gref_mat_copy(W, gref_const(A));
    ck_ok(gref_svd(U, s, VT, W));
    check_padding(U);
    check_padding(VT);
    check_padding(s);
    for (int j = 0; j < k; j++)
        ck_assert(s.a[j] >= 0.0 && (j == 0 || s.a[j] <= s.a[j - 1]));
    int size = m > n ? m : n;
    SCOPED(gref_mat) V = fresh(VT.n, VT.m), US = fresh(m, k), Vk = fresh(k, n);
    gref_mat_transpose(V, gref_const(VT));
    ck_assert_bound("svd U^T U - I", orthogonality(gref_const(U)), 5 * (size + 1) * EPS);
    ck_assert_bound("svd V^T V - I", orthogonality(gref_const(V)), 5 * (size + 1) * EPS);
    gref_mat_copy(US, gref_cmat_view(gref_const(U), 0, 0, m, k));
    gref_mat_copy(Vk, gref_cmat_view(gref_const(VT), 0, 0, k, n));
    gref_mat_scale_cols(US, gref_const(s));
    SCOPED(gref_mat) P = plain_product(gref_const(US), false, gref_const(Vk), false);
    ck_assert_bound("svd U S V^T - A", gref_mat_diff_fro(gref_const(P), gref_const(A)),
                    (size + 100) * EPS * gref_mat_norm_fro(gref_const(A)));
}

/*
 * Any unitary pair passes the orthogonality and any exact product the residual; together with the
 * order they leave the singular value decomposition only. Wide, tall, square, empty, deficient,
 * zero. Orthogonality as for eigh, 0.57. dbdsqr drops what is below u^(-1/8) u, 98 u, of the norm,
 * whatever the size: residual (n + 100) u |A|_F, 0.39.
 */
START_TEST(test_svd__is_a_singular_value_decomposition)
{
    for (int i = 0; i < SIZES; i++)
        for (int j = 0; j < SIZES; j++)
            for (int full = 0; full < 2; full++) {
                svd_case(sizes[i], sizes[j], full, 1.0, 0);
                svd_case(sizes[i], sizes[j], full, 1e14, 0);
                svd_case(sizes[i], sizes[j], full, 1e4, sizes[j] / 2);
                svd_case(sizes[i], sizes[j], full, 1.0, sizes[j]);
            }
}
END_TEST

/*
 * L = D B, D = diag(2^-6i) and B lower triangular of +-1 and 4: rows of V^T L are orthogonal, and
 * their lengths the roots of lambda, each relative to itself, where dsyevd knows them to u |L|^2.
 */
START_TEST(test_eigh_graded__keeps_small_eigenvalues)
{
    const int n = 7;
    SCOPED(gref_mat) L = odd_integers(n, n, 60), V = padded(n, n), lambda = fresh(n, 1);
    for (int j = 0; j < n; j++)
        for (int i = 0; i < n; i++)
            GREF_AT(L, i, j) =
                i < j ? 0.0 : ldexp(i == j ? 4 : copysign(1, GREF_AT(L, i, j)), -6 * i);
    ck_ok(gref_eigh_graded(lambda, V, gref_const(L)));
    SCOPED(gref_mat) G = plain_product(gref_const(V), true, gref_const(L), false);
    SCOPED(gref_mat) S = plain_product(gref_const(G), false, gref_const(G), true);
    for (int j = 0; j < n; j++)
        for (int i = j; i < n; i++) {
            double size = sqrt(lambda.a[i]) * sqrt(lambda.a[j]), want = i == j ? lambda.a[i] : 0.0;
            ck_assert_bound("graded", fabs(GREF_AT(S, i, j) - want), 4 * n * EPS * size);
            ck_assert(i == 0 || lambda.a[i] >= lambda.a[i - 1]);
        }
    check_padding(V);
    ck_assert_bound("V^T V", orthogonality(gref_const(V)), 3 * n * EPS);
    GREF_AT(L, 3, 2) = NAN;
    ck_fails(gref_eigh_graded(lambda, V, gref_const(L)), GREF_ERR_NONFINITE);
}
END_TEST

/* A NaN that is read is named by its place before LAPACK sees it; outputs stay as they were. */
START_TEST(test_lapack__refuses_nan)
{
    SCOPED(gref_mat) s = fresh(3, 1), U = fresh(3, 3), V = fresh(3, 3);
    int rank = 7;
    for (int bad = 0; bad < 2; bad++)
        for (int call = 0; call < 5; call++) {
            SCOPED(gref_mat) C = fresh(3, 3);
            gref_mat_identity(C);
            GREF_AT(C, 2, 1) = bad ? INFINITY : NAN;
            if (call == 4) {
                ck_assert(!gref_cholesky_succeeds(C));
            } else {
                ck_fails(call == 0   ? gref_cholesky(C)
                         : call == 1 ? gref_cholesky_pivoted(C, &rank, 0.0)
                         : call == 2 ? gref_eigh(s, C)
                                     : gref_svd(U, s, V, C),
                         GREF_ERR_NONFINITE);
                ck_assert_ptr_nonnull(strstr(gref_last_error()->message, "at row 2, column 1"));
                ck_assert(rank == 7 && s.a[0] == 0.0 && GREF_AT(C, 0, 0) == 1.0);
            }
        }
}
END_TEST

/* One wrong size at a time; LAPACK never sees it, so nothing is printed and nothing written. */
START_TEST(test_lapack__refuses_shapes_that_do_not_fit)
{
    SCOPED(gref_mat) A = fresh(3, 2);
    SCOPED(gref_mat) B = fresh(2, 4);
    SCOPED(gref_mat) C = fresh(3, 4);
    SCOPED(gref_mat) S = fresh(3, 3);
    SCOPED(gref_mat) x = fresh(3, 1);
    SCOPED(gref_mat) y = fresh(2, 1), T = fresh(4, 4), none = fresh(3, 0);
    gref_cmat a = gref_const(A), b = gref_const(B), c = gref_const(C);
    int rank = 7;
    ck_fails(gref_gemm(C, 1.0, a, false, c, false, 0.0), GREF_ERR_SHAPE);
    ck_assert_str_eq(gref_last_error()->message, "product of 3 x 2 and 3 x 4 into 3 x 4");
    ck_fails(gref_gemm(C, 1.0, a, true, b, false, 0.0), GREF_ERR_SHAPE);
    ck_fails(gref_gemm(C, 1.0, a, false, b, true, 0.0), GREF_ERR_SHAPE);
    ck_fails(gref_gemm(S, 1.0, a, false, b, false, 0.0), GREF_ERR_SHAPE);
    ck_fails(gref_syrk(S, 1.0, a, true, 0.0), GREF_ERR_SHAPE);
    ck_fails(gref_syrk(C, 1.0, a, false, 0.0), GREF_ERR_SHAPE);
    ck_fails(gref_gemv(x, 1.0, a, false, gref_const(x), 0.0), GREF_ERR_SHAPE);
    ck_fails(gref_gemv(y, 1.0, a, false, gref_const(y), 0.0), GREF_ERR_SHAPE);
    ck_fails(gref_gemv(A, 1.0, gref_const(S), false, gref_const(x), 0.0), GREF_ERR_SHAPE);
    ck_fails(gref_trsm(C, true, a, false), GREF_ERR_SHAPE);
    ck_fails(gref_trsm(C, true, gref_const(T), false), GREF_ERR_SHAPE);
    ck_fails(gref_trsm(C, false, gref_const(S), false), GREF_ERR_SHAPE);
    ck_fails(gref_cholesky_solve(C, gref_const(T)), GREF_ERR_SHAPE);
    ck_fails(gref_cholesky(C), GREF_ERR_SHAPE);
    ck_fails(gref_cholesky(none), GREF_ERR_SHAPE);
    ck_assert(!gref_cholesky_succeeds(C) && !gref_cholesky_succeeds(none));
    ck_fails(gref_cholesky_pivoted(C, &rank, 0.0), GREF_ERR_SHAPE);
    ck_assert_int_eq(rank, 7);
    ck_fails(gref_eigh(x, C), GREF_ERR_SHAPE);
    ck_fails(gref_eigh(y, S), GREF_ERR_SHAPE);
    ck_fails(gref_eigh_values(y, S), GREF_ERR_SHAPE);
    ck_fails(gref_svd(A, y, S, A), GREF_ERR_SHAPE); /* VT 3 x 3 for 2 columns */
    ck_fails(gref_svd(A, x, gref_mat_view(B, 0, 0, 2, 2), A), GREF_ERR_SHAPE);
    ck_fails(gref_svd(T, y, gref_mat_view(B, 0, 0, 2, 2), A), GREF_ERR_SHAPE);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lapack");
    TCase *tc = new_tcase(s, "blas");
    tcase_add_test(tc, test_gemm__equals_plain_loops);
    tcase_add_test(tc, test_syrk__equals_plain_loops_and_is_symmetric);
    tcase_add_test(tc, test_gemv__equals_plain_loops_and_overwrites_when_beta_is_0);
    tcase_add_test(tc, test_trsm__leaves_a_residual_of_rounding);
    tc = new_tcase(s, "factorisations");
    tcase_add_test(tc, test_cholesky__reproduces_the_matrix_and_solves);
    tcase_add_test(tc, test_cholesky__names_the_pivot_that_is_not_positive);
    tcase_add_test(tc, test_cholesky_pivoted__finds_the_exact_rank);
    tcase_add_test(tc, test_cholesky_pivoted__cuts_pivots_up_to_tol);
    tcase_add_test(tc, test_eigh__is_a_spectral_decomposition);
    tcase_add_test(tc, test_eigh_graded__keeps_small_eigenvalues);
    tcase_add_test(tc, test_svd__is_a_singular_value_decomposition);
    tc = new_tcase(s, "refusals");
    tcase_add_test(tc, test_lapack__refuses_nan);
    tcase_add_test(tc, test_lapack__refuses_shapes_that_do_not_fit);
    return run_suite(s);
}
