/*
 * Rigorous bounds on norms, inverses and smallest eigenvalues.
 *
 *   u = 2^-53;  gamma_k = k u/(1 - k u) covers any order of summation, blocked or threaded, FMA or not
 *   (Higham, Accuracy and Stability, section 3). Directed rounding is not used: threads of a BLAS keep their own
 *   mode. Residuals whose size matters are computed by Dot2.
 */
#include "bound.h"
#include "base/internal.h"
#include "internal.h"

double gref_gamma_up(int k)
{
    double ku = k * GREF_U;
    return gref_inflate(ku / (1.0 - ku));
}

double gref_dot2_error_up(int k)
{
    double B = GREF_DOT2_BLOCK, N = ceil(k / B);
    double terms = (N + 1.0) * (N + B) + B * B; /* dot2.c derives it */
    return gref_inflate(terms * (1.0 + 0x1p-10) * GREF_U * GREF_U);
}

double gref_inner_error_up(int m, int n)
{
    double terms = (double)m + n + 1.0; /* dot2.c derives it */
    return gref_inflate(2.0 * terms * terms * (1.0 + 0x1p-10) * GREF_U * GREF_U);
}

/* Squares below 2^-1074 may each have been lost. */
double gref_norm_fro_up(gref_cmat A)
{
    double terms = (double)A.m * A.n + 16.0, tiny = sqrt(terms) * 0x1p-536;
    return gref_up(gref_mat_norm_fro(A) * (1.0 + 2.0 * terms * GREF_U) + tiny);
}

double gref_norm_2_up(gref_cmat A)
{
    double col = 0.0, row = 0.0;
    for (int j = 0; j < A.n; j++) {
        double sum = 0.0;
        for (int i = 0; i < A.m; i++)
            sum += fabs(GREF_AT(A, i, j));
        col = fmax(col, sum);
    }
    for (int i = 0; i < A.m; i++) {
        double sum = 0.0;
        for (int j = 0; j < A.n; j++)
            sum += fabs(GREF_AT(A, i, j));
        row = fmax(row, sum);
    }
    double most = 1.0 + ((double)A.m + A.n) * GREF_U; /* the sums */
    return fmin(gref_inflate(sqrt(col * row) * most), gref_norm_fro_up(A));
}

gref_status gref_inverse_bounds(double *norm, double *defect, gref_cmat X, gref_cmat L)
{
    int n = L.n;
    SCOPED(gref_mat) D = {0};
    TRY(gref_mat_new(&D, n, n));
    gref_mat_identity(D);
    TRY(gref_gemm(D, -1.0, X, false, L, false, 1.0));
    double size = sqrt(n) + gref_norm_fro_up(X) * gref_norm_fro_up(L);
    *defect = gref_inflate(gref_norm_fro_up(gref_const(D)) + gref_gamma_up(n + 1) * size);
    *norm = *defect < 0.5 ? gref_inflate(gref_norm_2_up(X) / (1.0 - *defect)) : INFINITY;
    return GREF_OK;
}

gref_status gref_triangular_inverse(gref_mat X, double *norm, double *defect, gref_cmat L)
{
    gref_mat_identity(X);
    TRY(gref_trsm(X, true, L, false));
    return gref_inverse_bounds(norm, defect, gref_const(X), L);
}

gref_status gref_residual(gref_mat R, double *error, gref_cmat C, gref_cmat L)
{
    int n = L.m;
    SCOPED(gref_mat) low = {0};
    TRY(gref_mat_new(&low, n, n));
    TRY(gref_dot2_lower(R, low, L, false, L, true));
    for (int j = 0; j < n; j++)
        for (int i = 0; i < n; i++) /* C - R is exact or nearly so: the two are close */
            GREF_AT(R, i, j) = (GREF_AT(C, i, j) - GREF_AT(R, i, j)) - GREF_AT(low, i, j);
    double size = gref_norm_fro_up(L), rounded = gref_norm_fro_up(gref_const(R));
    *error = gref_inflate(gref_dot2_error_up(L.n) * size * size +
                          GREF_U * (2.0 * rounded + gref_norm_fro_up(gref_const(low))));
    return GREF_OK;
}

gref_status gref_cholesky_residual(double *residual, gref_cmat C, gref_cmat L)
{
    SCOPED(gref_mat) R = {0};
    double error;
    TRY(gref_mat_new(&R, L.m, L.m));
    TRY(gref_residual(R, &error, C, L));
    *residual = gref_inflate(gref_norm_fro_up(gref_const(R)) + error);
    return GREF_OK;
}

gref_status gref_product_residual(double *norm, gref_cmat A, bool trans_a, gref_cmat B,
                                  bool trans_b, gref_cmat C)
{
    SCOPED(gref_mat) H = {0}, L = {0};
    int k = trans_a ? A.m : A.n;
    TRY(gref_mat_new(&H, C.m, C.n));
    TRY(gref_mat_new(&L, C.m, C.n));
    TRY(gref_dot2_gemm(H, L, A, trans_a, B, trans_b));
    double low = gref_norm_fro_up(gref_const(L));
    gref_mat_axpy(H, -1.0, C);
    double high = gref_norm_fro_up(gref_const(H));
    gref_mat_axpy(H, 1.0, gref_const(L));
    *norm = gref_inflate(gref_norm_fro_up(gref_const(H)) + 2 * GREF_U * (high + low) +
                         gref_dot2_error_up(k) * gref_norm_fro_up(A) * gref_norm_fro_up(B));
    return GREF_OK;
}

double gref_gershgorin_down(gref_cmat C)
{
    double least = INFINITY;
    for (int j = 0; j < C.n; j++) {
        double off = 0.0, own = GREF_AT(C, j, j);
        for (int i = 0; i < C.m; i++)
            off += i == j ? 0.0 : fabs(GREF_AT(C, i, j));
        least = fmin(least, own - off * (1.0 + 2.0 * C.m * GREF_U));
    }
    return gref_down(least);
}

/* W = W^ H, H >= 0: W^T W - I = (H - I)(H + I), and H >= sqrt(1 - |W^T W - I|). */
gref_status gref_orthogonal_distance(double *distance, gref_cmat W, bool rows)
{
    SCOPED(gref_mat) I = {0};
    int k = rows ? W.m : W.n;
    double defect;
    TRY(gref_mat_new(&I, k, k));
    gref_mat_identity(I);
    TRY(gref_product_residual(&defect, W, !rows, W, rows, gref_const(I)));
    *distance = gref_inflate(defect / (1.0 + sqrt(fmax(1.0 - defect, 0.0))));
    return GREF_OK;
}

double gref_least_down(double norm, double rest)
{
    return gref_down(gref_deflate(1.0 / (norm * norm)) - rest);
}

gref_status gref_least_eigenvalue_down(double *least, gref_cmat C, double slack)
{
    SCOPED(gref_mat) L = {0}, X = {0};
    double norm, defect, residual;
    *least = -INFINITY;
    TRY(gref_mat_new(&L, C.n, C.n));
    gref_mat_copy(L, C);
    if (!gref_cholesky_succeeds(L))
        return GREF_OK;
    TRY(gref_mat_new(&X, C.n, C.n));
    TRY(gref_triangular_inverse(X, &norm, &defect, gref_const(L)));
    if (!(norm < INFINITY))
        return GREF_OK;
    TRY(gref_cholesky_residual(&residual, C, gref_const(L)));
    *least = gref_least_down(norm, gref_inflate(residual + slack));
    return GREF_OK;
}
