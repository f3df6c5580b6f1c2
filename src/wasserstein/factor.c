/*
 * A factor of a covariance, and how far the law of the factor may be from that of the covariance:
 * its radius.
 *
 *   Cholesky     C = L L^T + R, R measured by Dot2
 *   refined      L + dL, dL = L phi(X R X^T): what is left of C is of the size of R^2
 *   truncated    pivoted Cholesky, for a singular C; refined within its range
 */
#include "base/internal.h"
#include "dense/bound.h"
#include "internal.h"
#include <gref/psd.h>

void gref_w2_factor_free(gref_w2_factor *f)
{
    gref_mat_free(&f->L);
    gref_mat_free(&f->dL);
}

/* dL = L phi(X R X^T), phi the lower triangle with half the diagonal: (L + dL)(L + dL)^T = C up to
 * dL^2. */
static gref_status correction(gref_mat dL, gref_mat S, gref_cmat R, gref_cmat X, gref_cmat L)
{
    TRY(gref_gemm(S, 1.0, X, false, R, false, 0.0));
    TRY(gref_gemm(dL, 1.0, gref_const(S), false, X, true, 0.0));
    for (int j = 0; j < S.n; j++)
        for (int i = 0; i < S.m; i++)
            GREF_AT(S, i, j) =
                i < j ? 0.0 : (i == j ? 0.5 : 1.0) * 0.5 * (GREF_AT(dL, i, j) + GREF_AT(dL, j, i));
    return gref_gemm(dL, 1.0, L, false, gref_const(S), false, 0.0);
}

/* Error of R - L dL^T - (L dL^T)^T - dL dL^T: a term passes through two products and two sums at
 * most. */
double gref_w2_corrected_error(int n, double l, double d, double r, double before)
{
    return gref_inflate(before + gref_gamma_up(2 * n + 4) * (r + 2.0 * l * d + d * d));
}

/* R <- R - L dL^T - (L dL^T)^T - dL dL^T, *error that of R before, then after; S is scratch. */
static gref_status leave(gref_mat R, double *error, gref_mat S, gref_cmat L, gref_cmat dL)
{
    SCOPED(gref_mat) M = {0};
    TRY(gref_mat_new(&M, R.n, R.n));
    *error = gref_w2_corrected_error(R.n, gref_norm_fro_up(L), gref_norm_fro_up(dL),
                                     gref_norm_fro_up(gref_const(R)), *error);
    TRY(gref_gemm(M, 1.0, L, false, dL, true, 0.0));
    gref_mat_transpose(S, gref_const(M));
    gref_mat_axpy(R, -1.0, gref_const(M));
    gref_mat_axpy(R, -1.0, gref_const(S));
    return gref_gemm(R, -1.0, dL, false, dL, true, 1.0);
}

gref_status gref_w2_refine(gref_w2_factor *f, gref_mat R, const gref_whitening *q)
{
    int n = R.n;
    double error = q->error;
    SCOPED(gref_mat) S = {0};
    gref_cmat L = gref_const(f->L);
    TRY(gref_mat_new(&f->dL, n, n));
    TRY(gref_mat_new(&S, n, n));
    TRY(correction(f->dL, S, gref_const(R), gref_const(q->X), L));
    TRY(leave(R, &error, S, L, gref_const(f->dL)));
    return gref_whitening_shift(&f->radius, S, q, gref_const(R), error);
}

/*
 * The same within the range of a truncated L, W = L (L^T L)^-1: dL = R W - L (W^T R W)/2. Where C
 * is of that rank exactly, its range is the one of L up to u, and u^2 of C is left. R and error are
 * of C - L L^T.
 */
static gref_status refine_truncated(gref_w2_factor *f, gref_mat R, double error)
{
    int n = R.n, r = f->rank;
    SCOPED(gref_mat) G = {0}, WT = {0}, S = {0}, square = {0}, dL = {0};
    gref_cmat L = gref_cmat_view(gref_const(f->L), 0, 0, n, r);
    TRY(gref_mat_new(&G, r, r));
    TRY(gref_mat_new(&S, r, r));
    TRY(gref_mat_new(&WT, r, n));
    TRY(gref_mat_new(&square, n, n));
    TRY(gref_mat_new(&dL, n, n));
    gref_mat d = gref_mat_view(dL, 0, 0, n, r);
    TRY(gref_syrk(G, 1.0, L, true, 0.0));
    if (!gref_cholesky_succeeds(G))
        return GREF_OK;
    gref_mat_transpose(WT, L);
    TRY(gref_cholesky_solve(WT, gref_const(G)));
    TRY(gref_gemm(d, 1.0, gref_const(R), false, gref_const(WT), true, 0.0));
    TRY(gref_gemm(S, 1.0, gref_const(WT), false, gref_const(d), false, 0.0));
    TRY(gref_gemm(d, -0.5, L, false, gref_const(S), false, 1.0));
    TRY(leave(R, &error, square, L, gref_const(d)));
    double radius = gref_w2_shift_any(n, gref_inflate(gref_norm_fro_up(gref_const(R)) + error));
    if (radius < f->radius) {
        f->radius = radius;
        f->dL = TAKE(dL);
    }
    return GREF_OK;
}

/* Cholesky of a positive definite C, refined on request; false in *done when C is not one, or
 * nearly not. */
static gref_status definite_factor(gref_w2_factor *f, bool *done, gref_cmat C, bool refined)
{
    int n = C.n;
    SCOPED(gref_whitening) q = {0};
    SCOPED(gref_mat) R = {0};
    *done = false;
    gref_mat_copy(f->L, C);
    if (!gref_cholesky_succeeds(f->L))
        return GREF_OK;
    TRY(gref_mat_new(&R, n, n));
    TRY(gref_whitening_of(&q, R, C, gref_const(f->L), 0.0));
    if (!(q.f < 0.25))
        return GREF_OK;
    f->rank = n;
    f->least = gref_least_down(q.b, q.residual);
    f->radius = gref_w2_shift(n, q.residual, gref_inflate(q.residual * q.b), q.f, q.b);
    *done = true;
    return refined ? gref_w2_refine(f, R, &q) : GREF_OK;
}

gref_status gref_w2_truncated_factor(gref_w2_factor *f, gref_cmat C, double u, bool refined)
{
    SCOPED(gref_mat) R = {0};
    double error;
    if (f->L.a == NULL)
        TRY(gref_mat_new(&f->L, C.n, C.n));
    TRY(gref_mat_new(&R, C.n, C.n));
    if (u > GREF_U) {
        gref_mat_copy(f->L, C);
        TRY(gref_cholesky_pivoted(f->L, &f->rank, (C.n > 8 ? C.n : 8) * u * gref_mat_norm_max(C)));
    } else {
        TRY(gref_psd_factor(f->L, &f->rank, C));
    }
    TRY(gref_residual(R, &error, C, gref_const(f->L)));
    f->radius = gref_w2_shift_any(C.n, gref_inflate(gref_norm_fro_up(gref_const(R)) + error));
    return refined && f->rank > 0 ? refine_truncated(f, R, error) : GREF_OK;
}

gref_status gref_w2_factor_of(gref_w2_factor *out_factor, gref_cmat C, bool refined)
{
    SCOPED(gref_w2_factor) f = {0};
    bool done;
    TRY(gref_mat_new(&f.L, C.n, C.n));
    TRY(definite_factor(&f, &done, C, refined));
    if (!done)
        TRY(gref_w2_truncated_factor(&f, C, GREF_U, refined));
    *out_factor = TAKE(f);
    return GREF_OK;
}
