/*
 * The only file that names CBLAS and LAPACKE.
 *
 * Shapes are validated before the call, because both libraries complain on stdout; inputs of LAPACK
 * routines are scanned for NaN, because some of them hang or report success on it; outputs are
 * checked to be finite, because info = 0 does not say that they are.
 */
#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include <cblas.h>
#include <lapacke.h>

#include "base/internal.h"
#include "internal.h"

/* Above these orders an LP64 workspace query overflows silently (LAPACK 3.11). */
enum { MAX_EIGH = 32766, MAX_SVD = 26753 };

/* One translation of LAPACK's info; 0 never comes here. */
static gref_status lapack_failed(const char *routine, int info, int n)
{
    gref_status status = GREF_ERR_NUMERICS;
    if (info == LAPACK_WORK_MEMORY_ERROR || info == LAPACK_TRANSPOSE_MEMORY_ERROR)
        status = GREF_ERR_NOMEM;
    else if (info < 0)
        status = GREF_ERR_NONFINITE;
    return gref_fail(status, __FILE__, __LINE__, routine, info, "%s on order %d: info = %d (%s)",
                     routine, n, info,
                     status == GREF_ERR_NOMEM       ? "no memory for its workspace"
                     : status == GREF_ERR_NONFINITE ? "NaN in the input"
                                                    : "it did not converge");
}

gref_status gref_gemm(gref_mat C, double alpha, gref_cmat A, bool trans_a, gref_cmat B,
                      bool trans_b, double beta)
{
    int m = trans_a ? A.n : A.m, k = trans_a ? A.m : A.n;
    int kb = trans_b ? B.n : B.m, n = trans_b ? B.m : B.n;
    REQUIRE(k == kb && C.m == m && C.n == n, GREF_ERR_SHAPE,
            "product of %d x %d and %d x %d into %d x %d", m, k, kb, n, C.m, C.n);
    if (m > 0 && n > 0)
        cblas_dgemm(CblasColMajor, trans_a ? CblasTrans : CblasNoTrans,
                    trans_b ? CblasTrans : CblasNoTrans, m, n, k, alpha, A.a, A.ld, B.a, B.ld, beta,
                    C.a, C.ld);
    return GREF_OK;
}

gref_status gref_syrk(gref_mat C, double alpha, gref_cmat A, bool trans, double beta)
{
    int n = trans ? A.n : A.m, k = trans ? A.m : A.n;
    REQUIRE(C.m == n && C.n == n, GREF_ERR_SHAPE, "A A^T of order %d into %d x %d", n, C.m, C.n);
    if (n > 0)
        cblas_dsyrk(CblasColMajor, CblasLower, trans ? CblasTrans : CblasNoTrans, n, k, alpha, A.a,
                    A.ld, beta, C.a, C.ld);
    gref_mat_mirror_lower(C);
    return GREF_OK;
}

gref_status gref_trsm(gref_mat B, bool left, gref_cmat L, bool trans)
{
    REQUIRE(L.m == L.n && L.m == (left ? B.m : B.n), GREF_ERR_SHAPE, "L is %d x %d, B %d x %d", L.m,
            L.n, B.m, B.n);
    if (B.m > 0 && B.n > 0)
        cblas_dtrsm(CblasColMajor, left ? CblasLeft : CblasRight, CblasLower,
                    trans ? CblasTrans : CblasNoTrans, CblasNonUnit, B.m, B.n, 1.0, L.a, L.ld, B.a,
                    B.ld);
    return GREF_OK;
}

gref_status gref_gemv(gref_mat y, double alpha, gref_cmat A, bool trans, gref_cmat x, double beta)
{
    int m = trans ? A.n : A.m, n = trans ? A.m : A.n;
    REQUIRE(x.m == n && x.n == 1 && y.m == m && y.n == 1, GREF_ERR_SHAPE,
            "%d x %d times %d x %d into %d x %d", m, n, x.m, x.n, y.m, y.n);
    if (m > 0 && n > 0)
        cblas_dgemv(CblasColMajor, trans ? CblasTrans : CblasNoTrans, A.m, A.n, alpha, A.a, A.ld,
                    x.a, 1, beta, y.a, 1);
    else
        for (int i = 0; i < m; i++) /* beta = 0 overwrites, as in the BLAS: y may hold NaN */
            y.a[i] = beta == 0.0 ? 0.0 : beta * y.a[i];
    return GREF_OK;
}

/* The lower triangle is all that Cholesky and the eigensolver read; above it anything may stand. */
static bool lower_finite(gref_cmat C, int *i, int *j)
{
    for (*j = 0; *j < C.n; ++*j)
        for (*i = *j; *i < C.n; ++*i)
            if (!isfinite(GREF_AT(C, *i, *j)))
                return false;
    return true;
}

static gref_status require_lower(gref_cmat C, const char *what)
{
    int i, j;
    REQUIRE(C.m == C.n, GREF_ERR_SHAPE, "%s needs a square matrix, not %d x %d", what, C.m, C.n);
    REQUIRE(lower_finite(C, &i, &j), GREF_ERR_NONFINITE,
            "%s: the matrix holds %g at row %d, column %d", what, GREF_AT(C, i, j), i, j);
    return GREF_OK;
}

/* dpotrf, then the upper triangle zeroed and the diagonal checked: info = 0 does not exclude
 * NaN. */
static int potrf(gref_mat C)
{
    int info = LAPACKE_dpotrf(LAPACK_COL_MAJOR, 'L', C.n, C.a, C.ld);
    for (int j = 0; j < C.n; j++) {
        for (int i = 0; i < j; i++)
            GREF_AT(C, i, j) = 0.0;
        if (info == 0 && !(GREF_AT(C, j, j) > 0.0 && isfinite(GREF_AT(C, j, j))))
            info = j + 1;
    }
    return info;
}

gref_status gref_cholesky(gref_mat C)
{
    gref_status status = GREF_OK;
    TRY(require_lower(gref_const(C), "Cholesky"));
    int info = C.n > 0 ? potrf(C) : 0;
    if (info < 0)
        status = lapack_failed("dpotrf", info, C.n);
    else if (info > 0)
        status = gref_fail(GREF_ERR_NOT_PD, __FILE__, __LINE__, __func__, info,
                           "matrix of order %d is not positive definite (pivot %d)", C.n, info);
    return status;
}

bool gref_cholesky_succeeds(gref_mat C)
{
    int i, j;
    return C.m == C.n && (C.n == 0 || (lower_finite(gref_const(C), &i, &j) && potrf(C) == 0));
}

gref_status gref_cholesky_solve(gref_mat B, gref_cmat L)
{
    TRY(gref_trsm(B, true, L, false));
    return gref_trsm(B, true, L, true);
}

gref_status gref_cholesky_pivoted(gref_mat C, int *rank, double tol)
{
    gref_status status = GREF_OK;
    int n = C.n;
    SCOPED_MEM lapack_int *pivot = NULL;
    lapack_int r = 0;
    SCOPED(gref_mat) P = {0};
    TRY(require_lower(gref_const(C), "pivoted Cholesky"));
    *rank = 0;
    if (n == 0)
        return status;
    pivot = gref_alloc((size_t)n, sizeof *pivot);
    REQUIRE(pivot != NULL, GREF_ERR_NOMEM, "no memory for %d pivots", n);
    TRY(gref_mat_new(&P, n, 1));
    double largest = 0.0; /* dpstrf refuses a zero matrix in its own way: settle it here */
    for (int i = 0; i < n; i++)
        largest = fmax(largest, GREF_AT(C, i, i));
    if (largest > tol) {
        int info = LAPACKE_dpstrf(LAPACK_COL_MAJOR, 'L', n, C.a, C.ld, pivot, &r, tol);
        if (info < 0) {
            status = lapack_failed("dpstrf", info, n);
            return status;
        }
    } else {
        for (int i = 0; i < n; i++)
            pivot[i] = i + 1;
    }
    for (int j = 0; j < n; j++) { /* keep columns < r of the lower triangle, undo the pivoting */
        for (int i = 0; i < n; i++)
            P.a[pivot[i] - 1] = j < r && i >= j ? GREF_AT(C, i, j) : 0.0;
        gref_mat_copy(gref_mat_view(C, 0, j, n, 1), gref_const(P));
    }
    TRY(gref_require_finite(gref_const(C), "factor of dpstrf"));
    *rank = r;
    return status;
}

static gref_status eigh(gref_mat lambda, gref_mat C, char job)
{
    gref_status status = GREF_OK;
    TRY(require_lower(gref_const(C), "eigendecomposition"));
    TRY(gref_require_shape(gref_const(lambda), C.n, 1, "lambda"));
    if (C.n == 0)
        return status;
    REQUIRE(C.n <= MAX_EIGH, GREF_ERR_RANGE, "order %d exceeds %d: LAPACK's workspace overflows",
            C.n, MAX_EIGH);
    int info = LAPACKE_dsyevd(LAPACK_COL_MAJOR, job, 'L', C.n, C.a, C.ld, lambda.a);
    if (info != 0) {
        status = lapack_failed("dsyevd", info, C.n);
        return status;
    }
    TRY(gref_require_finite(gref_const(lambda), "eigenvalues of dsyevd"));
    if (job == 'V')
        TRY(gref_require_finite(gref_const(C), "eigenvectors of dsyevd"));
    return status;
}

gref_status gref_eigh(gref_mat lambda, gref_mat C)
{
    return eigh(lambda, C, 'V');
}

gref_status gref_eigh_values(gref_mat lambda, gref_mat C)
{
    return eigh(lambda, C, 'N');
}

gref_status gref_svd(gref_mat U, gref_mat s, gref_mat VT, gref_mat A)
{
    gref_status status = GREF_OK;
    int m = A.m, n = A.n, k = m < n ? m : n;
    bool full = U.n == m && VT.m == n;
    TRY(gref_require_shape(gref_const(U), m, full ? m : k, "U"));
    TRY(gref_require_shape(gref_const(VT), full ? n : k, n, "VT"));
    TRY(gref_require_shape(gref_const(s), k, 1, "s"));
    TRY(gref_require_finite(gref_const(A), "matrix of a singular value decomposition"));
    REQUIRE(m <= MAX_SVD && n <= MAX_SVD, GREF_ERR_RANGE,
            "%d x %d exceeds %d: LAPACK's workspace overflows", m, n, MAX_SVD);
    if (k == 0) {
        gref_mat_identity(U);
        gref_mat_identity(VT);
        return status;
    }
    int info = LAPACKE_dgesdd(LAPACK_COL_MAJOR, full ? 'A' : 'S', m, n, A.a, A.ld, s.a, U.a, U.ld,
                              VT.a, VT.ld);
    if (info != 0) {
        status = lapack_failed("dgesdd", info, m > n ? m : n);
        return status;
    }
    TRY(gref_require_finite(gref_const(s), "singular values of dgesdd"));
    TRY(gref_require_finite(gref_const(U), "left vectors of dgesdd"));
    TRY(gref_require_finite(gref_const(VT), "right vectors of dgesdd"));
    return status;
}
