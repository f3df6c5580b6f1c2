/*
 * Positive semi-definite matrices.
 *
 *   Sigma   n x n, PSD up to rounding                                            [pixel^2]
 *   U       n x n orthogonal, lambda n x 1 ascending: Sigma = U diag(lambda) U^T
 *   L       n x n, Sigma = L L^T; R = Sigma^1/2                                    [pixel]
 *
 * "Up to rounding" is n eps |Sigma|_2 everywhere, eps = 2^-52: what an eigensolver itself may err
 * by.
 */
#include <math.h>

#include "base/internal.h"
#include "bound.h"
#include "internal.h"
#include <gref/psd.h>

/* Largest |C(i,j) - C(j,i)| and where. */
static double asymmetry(gref_cmat C, int *row, int *col)
{
    double worst = 0.0;
    for (int j = 0; j < C.n; j++)
        for (int i = j + 1; i < C.m; i++) {
            double d = fabs(GREF_AT(C, i, j) - GREF_AT(C, j, i));
            if (d > worst) {
                worst = d;
                *row = i;
                *col = j;
            }
        }
    return worst;
}

/* Square, finite, and symmetric to max(n, 16) 2 u max|C|: what a product of rounded factors
 * leaves. */
gref_status gref_psd_require_symmetric(gref_cmat C, double u, const char *name)
{
    int i = 0, j = 0;
    REQUIRE(C.m == C.n, GREF_ERR_SHAPE, "%s must be square, not %d x %d", name, C.m, C.n);
    TRY(gref_require_finite(C, name));
    double gap = asymmetry(C, &i, &j),
           allowed = 2 * u * (C.n > 16 ? C.n : 16) * gref_mat_norm_max(C);
    REQUIRE(gap <= allowed, GREF_ERR_NOT_SYMMETRIC,
            "%s is not symmetric: entry (%d, %d) is %.17g, entry (%d, %d) is %.17g; if it is meant "
            "to be, give (C + C^T)/2",
            name, i, j, GREF_AT(C, i, j), j, i, GREF_AT(C, j, i));
    return GREF_OK;
}

/* lambda ascending: values within n eps |Sigma| + slack of 0 become 0, anything below is refused. A
 * zero that rounding left positive is as wrong as a negative one: its root would be sqrt(eps), not
 * eps. */
static gref_status clip(gref_mat lambda, double *clipped, double slack, const char *name)
{
    int n = lambda.m;
    *clipped = 0.0;
    if (n == 0)
        return GREF_OK;
    double largest = fmax(fabs(lambda.a[0]), fabs(lambda.a[n - 1]));
    double allowed = 2 * GREF_U * n * largest + slack;
    REQUIRE(lambda.a[0] >= -allowed, GREF_ERR_NOT_PSD,
            "%s is not positive semi-definite: its most negative eigenvalue is %.17g, its largest "
            "%.17g",
            name, lambda.a[0], lambda.a[n - 1]);
    for (int i = 0; i < n && lambda.a[i] <= allowed; i++) {
        if (fabs(lambda.a[i]) > fabs(*clipped))
            *clipped = lambda.a[i];
        lambda.a[i] = 0.0;
    }
    return GREF_OK;
}

/* Rewrites the refusal with its proof: an x whose Rayleigh quotient is negative, all roundings
 * counted. */
static void prove_indefinite(gref_cmat Sigma, gref_mat C, gref_mat lambda, const char *name)
{
    int n = Sigma.n;
    SCOPED(gref_mat) h = {0}, l = {0};
    gref_mat_copy(C, Sigma);
    if (gref_mat_new(&h, n, 1) != GREF_OK || gref_mat_new(&l, n, 1) != GREF_OK ||
        gref_eigh(lambda, C) != GREF_OK)
        return;
    gref_cmat x = gref_cmat_view(gref_const(C), 0, 0, n, 1);
    if (gref_dot2_gemm(h, l, Sigma, false, x, false) != GREF_OK)
        return;
    double xx = gref_dot2(x, x), main = gref_dot2(x, gref_const(h)),
           rest = gref_dot2(x, gref_const(l));
    double size = gref_norm_fro_up(Sigma) * xx;
    double error = 2 * gref_dot2_error_up(n) * n * size + 8 * GREF_U * (fabs(main) + fabs(rest));
    double above = (main + rest + error) / xx * (1 - 8 * GREF_U);
    if (above < 0.0)
        gref_fail(GREF_ERR_NOT_PSD, __FILE__, __LINE__, __func__, 0,
                  "%s is not positive semi-definite: its most negative eigenvalue is %.17g, proved "
                  "to be at most %.17g "
                  "(a Rayleigh quotient); its largest is %.17g",
                  name, lambda.a[0], above, lambda.a[n - 1]);
}

gref_status gref_psd_require_to(gref_cmat Sigma, double u, const char *name)
{
    gref_status status = GREF_OK;
    SCOPED(gref_mat) C = {0}, lambda = {0};
    double clipped;
    TRY(gref_psd_require_symmetric(Sigma, u, name));
    TRY(gref_mat_new(&C, Sigma.n, Sigma.n));
    TRY(gref_mat_new(&lambda, Sigma.n, 1));
    gref_mat_copy(C, Sigma);
    TRY(gref_eigh_values(lambda, C));
    status = clip(lambda, &clipped, (u - GREF_U) * gref_mat_norm_fro(Sigma), name);
    if (status == GREF_ERR_NOT_PSD)
        prove_indefinite(Sigma, C, lambda, name);
    return status;
}

/**
 * Accepts a covariance, or says why it is none.
 *
 * @param[in] Sigma  n x n, both triangles read.
 * @param[in] name   what the message calls it.
 * @return GREF_OK; GREF_ERR_SHAPE; GREF_ERR_NONFINITE; GREF_ERR_NOT_SYMMETRIC (entries differ by more
 *         than max(n, 16) eps max|Sigma|); GREF_ERR_NOT_PSD with the most negative eigenvalue (below
 *         -n eps |Sigma|_2); GREF_ERR_NOMEM; GREF_ERR_NUMERICS.
 * @cost  4/3 n^3 flops; n^2 doubles.
 * @see   Tests: test_psd.c
 */
gref_status gref_psd_require(gref_cmat Sigma, const char *name)
{
    return gref_psd_require_to(Sigma, GREF_U, name);
}

/**
 * Spectral decomposition of a covariance.
 *
 *     Sigma = U diag(lambda) U^T,   0 <= lambda_1 <= ... <= lambda_n
 *
 * Eigenvalues within n eps |Sigma|_2 of zero, of either sign, become 0 and are reported, never
 * hidden.
 *
 * @param[out] U        n x n orthogonal; does not alias Sigma. Undefined on error.
 * @param[out] lambda   n x 1. Undefined on error.                                   [pixel^2]
 * @param[out] clipped  farthest from 0 of the eigenvalues that were set to 0, or 0.
 * @param[in]  Sigma    n x n PSD, both triangles read.                              [pixel^2]
 * @return as gref_psd_require.
 * @error  |U diag(lambda) U^T - Sigma|_2 <= c n eps |Sigma|_2, c about 1 (LAPACK's dsyevd).
 */
gref_status gref_psd_eigh(gref_mat U, gref_mat lambda, double *clipped, gref_cmat Sigma,
                          const char *name)
{
    TRY(gref_psd_require_symmetric(Sigma, GREF_U, name));
    TRY(gref_require_shape(gref_const(U), Sigma.n, Sigma.n, "U"));
    gref_mat_copy(U, Sigma);
    TRY(gref_eigh(lambda, U));
    return clip(lambda, clipped, 0.0, name);
}

/**
 * A factor of a covariance.
 *
 *     Sigma = L L^T + R,   |R|_* <= (n - rank) tol + rounding,   tol = max(n, 8) u max_i Sigma(i, i)
 *
 * Cholesky where its pivots stay above sqrt(u) max_i Sigma(i, i), else complete-pivoted Cholesky
 * cut at tol, LAPACK's own (u = eps/2). Eigenvalue clipping would leave sqrt(eps) noise columns
 * (THEORY section 11), and so does plain Cholesky of a singular Sigma when rounding lets it pass:
 * the pivot that should be 0 was seen at 5e4 u. No ridge is ever added.
 *
 * @param[out] L      n x n; may be Sigma itself (same storage). Undefined on error.      [pixel]
 * @param[out] rank   number of non-zero columns; the others are exactly zero.
 * @param[in]  Sigma  n x n PSD up to rounding, lower triangle read.                     [pixel^2]
 * @return GREF_OK; GREF_ERR_SHAPE; GREF_ERR_NONFINITE; GREF_ERR_NOMEM; GREF_ERR_NUMERICS.
 * @error  |L L^T - Sigma|_2 <= c n eps |Sigma|_2.
 * @see    Higham, Accuracy and Stability, section 10.3. Tests: test_psd.c
 */
gref_status gref_psd_factor(gref_mat L, int *rank, gref_cmat Sigma)
{
    SCOPED(gref_mat) C = {0};
    int n = Sigma.n;
    TRY(gref_require_shape(gref_const(L), n, n, "L"));
    TRY(gref_require_shape(Sigma, n, n, "Sigma"));
    TRY(gref_mat_new(&C, n, n));
    gref_mat_copy(C, Sigma);
    double largest = 0.0, smallest = INFINITY;
    for (int i = 0; i < n; i++)
        largest = fmax(largest, GREF_AT(Sigma, i, i));
    if (gref_cholesky_succeeds(C)) {
        for (int i = 0; i < n; i++)
            smallest = fmin(smallest, GREF_AT(C, i, i) * GREF_AT(C, i, i));
        if (smallest > 0x1p-26 * largest) {
            gref_mat_copy(L, gref_const(C));
            *rank = n;
            return GREF_OK;
        }
    }
    if (L.a != Sigma.a)
        gref_mat_copy(L, Sigma);
    return gref_cholesky_pivoted(L, rank, (n > 8 ? n : 8) * GREF_U * largest);
}

/**
 * Symmetric square root: the one root that depends on Sigma alone, not on a basis of eigenvectors.
 *
 *     R = U diag(sqrt(lambda)) U^T, lambda of gref_psd_eigh
 *
 * @param[out] R      n x n, both triangles; does not alias Sigma. Undefined on error.     [pixel]
 * @return as gref_psd_require.
 * @error  |R R - Sigma|_2 <= c n eps |Sigma|_2.
 */
gref_status gref_psd_sqrt(gref_mat R, gref_cmat Sigma, const char *name)
{
    SCOPED(gref_mat) U = {0}, lambda = {0};
    double clipped;
    int n = Sigma.n;
    TRY(gref_mat_new(&U, n, n));
    TRY(gref_mat_new(&lambda, n, 1));
    TRY(gref_psd_eigh(U, lambda, &clipped, Sigma, name));
    for (int i = 0; i < n; i++) /* lambda^1/4: R = (U lambda^1/4)(U lambda^1/4)^T */
        lambda.a[i] = sqrt(sqrt(lambda.a[i]));
    gref_mat_scale_cols(U, gref_const(lambda));
    return gref_syrk(R, 1.0, gref_const(U), false, 0.0);
}
