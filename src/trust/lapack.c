/*
 * Probes of LAPACK: one call each, held against what defines the result, by plain loops.
 *
 *   u = 2^-53, |.| entrywise, |.|_F Frobenius.
 *   Cholesky, any order of operations (Higham 2002, theorem 10.3):
 *     |L L^T - A| <= (n + 1) u |L| |L^T|,  and our own product rounds as much again.
 *   Pivoted and stopped at tol: what is left is below 2 tol.
 *   Eigenvalues, singular values: backward stable means |A U - U Lambda|_F, |A - U S V^T|_F, and by
 *   Weyl the distance to the known spectrum, of the order n u |A|_F, and |U^T U - I|_F of the order
 *   n u. The factor cannot be derived sharply; see the constants below.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/internal.h"
#include "internal.h"

/*
 * Bounds in units of (n + 5) u, at least three times the worst of 50000 calls on OpenBLAS (seven
 * kernels, one and two threads), BLIS and netlib: 3.4, 3.1 and 1.1.
 */
#define RESIDUAL 12.0
#define ORTHOGONALITY 12.0
#define SPECTRUM 4.0

static const gref_mat none = {0};

/* A = F F^T */
static gref_status square(gref_probe *p, gref_mat *A, gref_cmat F)
{
    gref_mat FT;
    TRY(gref_probe_op(p, &FT, F, true));
    TRY(gref_probe_new(p, A, F.m, F.m));
    gref_plain_gemm(*A, none, 1.0, F, gref_const(FT), 0.0, F);
    return GREF_OK;
}

gref_status gref_probe_potrf(gref_probe *p)
{
    int n = gref_probe_size(p, 0);
    gref_mat L0, A, L, LT, R, W;
    snprintf(p->shape, sizeof p->shape, "n = %d", n);
    TRY(gref_probe_lower(p, &L0, n));
    TRY(square(p, &A, gref_const(L0)));
    TRY(gref_probe_copy(p, &L, gref_const(A)));
    gref_probe_poison_upper(L);
    TRY(gref_cholesky(L));
    TRY(gref_probe_new(p, &R, n, n));
    TRY(gref_probe_new(p, &W, n, n));
    TRY(gref_probe_op(p, &LT, gref_const(L), true));
    gref_plain_gemm(R, W, 1.0, gref_const(L), gref_const(LT), 0.0, gref_const(A));
    gref_probe_compare(p, gref_const(A), gref_const(R), gref_const(W), 2 * (n + 2) * GREF_U);
    gref_probe_compare(p, gref_const(L), gref_const(L), gref_const(W), 0.0); /* its gap */
    return GREF_OK;
}

/* Variant 0: full rank, tol = 0. Variant 1: F F^T of rank n/2 or so, which must be found. */
gref_status gref_probe_pstrf(gref_probe *p)
{
    bool deficient = p->variant & 1;
    int n = gref_probe_size(p, 0), r = deficient ? (n + 1) / 2 : n, rank = -1;
    gref_mat F, A, L, LT, R, W;
    snprintf(p->shape, sizeof p->shape, "n = %d of rank %d", n, r);
    TRY(deficient ? gref_probe_uniform(p, &F, n, r) : gref_probe_lower(p, &F, n));
    TRY(square(p, &A, gref_const(F)));
    double tol = deficient ? 1e-10 * gref_mat_norm_max(gref_const(A)) : 0.0;
    TRY(gref_probe_copy(p, &L, gref_const(A)));
    gref_probe_poison_upper(L);
    TRY(gref_cholesky_pivoted(L, &rank, tol));
    gref_probe_hold(p, abs(rank - r), 0.0);
    TRY(gref_probe_new(p, &R, n, n));
    TRY(gref_probe_new(p, &W, n, n));
    TRY(gref_probe_op(p, &LT, gref_const(L), true));
    gref_plain_gemm(R, W, 1.0, gref_const(L), gref_const(LT), 0.0, gref_const(A));
    for (int j = 0; j < n; j++)
        for (int i = 0; i < n; i++)
            GREF_AT(W, i, j) += 2 * tol / (2 * (n + 2) * GREF_U);
    gref_probe_compare(p, gref_const(A), gref_const(R), gref_const(W), 2 * (n + 2) * GREF_U);
    return GREF_OK;
}

/* A = (I - 2 v v^T / v^T v) A, in O(mn). */
static void reflect_rows(gref_mat A, gref_cmat v)
{
    double square = 0.0;
    for (int i = 0; i < v.m; i++)
        square += v.a[i] * v.a[i];
    for (int j = 0; j < A.n; j++) {
        double dot = 0.0;
        for (int i = 0; i < A.m; i++)
            dot += v.a[i] * GREF_AT(A, i, j);
        for (int i = 0; i < A.m; i++)
            GREF_AT(A, i, j) -= 2.0 * dot / square * v.a[i];
    }
}

/* A = A (I - 2 v v^T / v^T v). */
static void reflect_cols(gref_mat A, gref_cmat v)
{
    double square = 0.0;
    for (int j = 0; j < v.m; j++)
        square += v.a[j] * v.a[j];
    for (int i = 0; i < A.m; i++) {
        double dot = 0.0;
        for (int j = 0; j < A.n; j++)
            dot += v.a[j] * GREF_AT(A, i, j);
        for (int j = 0; j < A.n; j++)
            GREF_AT(A, i, j) -= 2.0 * dot / square * v.a[j];
    }
}

/* A = Q A (left) or A Q, Q two random reflections; symmetric: A = Q A Q^T instead. */
static gref_status rotate(gref_probe *p, gref_mat A, bool left, bool symmetric)
{
    for (int k = 0; k < 2; k++) {
        gref_mat v;
        TRY(gref_probe_uniform(p, &v, left ? A.m : A.n, 1));
        if (left || symmetric)
            reflect_rows(A, gref_const(v));
        if (!left || symmetric)
            reflect_cols(A, gref_const(v));
    }
    return GREF_OK;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* An ascending spectrum: random, graded down to 1e-12, in clusters, of half the rank; by turns. */
static gref_status spectrum(gref_probe *p, gref_mat *d, int n)
{
    int kind = p->call / p->variants % 4;
    double scale = ldexp(1.0, gref_probe_int(p, -20, 20));
    TRY(gref_probe_uniform(p, d, n, 1));
    for (int i = 0; i < n; i++) {
        double x = d->a[i];
        d->a[i] = scale * (kind == 0   ? x
                           : kind == 1 ? pow(10.0, -6.0 + 6.0 * x)
                           : kind == 2 ? floor(2.0 * x)
                           : i % 2     ? x
                                       : 0.0);
    }
    qsort(d->a, (size_t)n, sizeof(double), by_size);
    return GREF_OK;
}

/* |Q^T Q - I|_F, or of Q Q^T. */
static gref_status hold_orthogonal(gref_probe *p, gref_cmat Q, bool rows)
{
    int n = rows ? Q.m : Q.n;
    gref_mat left, right, G;
    TRY(gref_probe_op(p, &left, Q, !rows));
    TRY(gref_probe_op(p, &right, Q, rows));
    TRY(gref_probe_new(p, &G, n, n));
    gref_plain_gemm(G, none, 1.0, gref_const(left), gref_const(right), 0.0, Q);
    for (int i = 0; i < n; i++)
        GREF_AT(G, i, i) -= 1.0;
    gref_probe_hold(p, gref_mat_norm_fro(gref_const(G)), ORTHOGONALITY * (n + 5) * GREF_U);
    return GREF_OK;
}

/* Variant 0: eigenvectors too. Variant 1: eigenvalues only. Both against a known spectrum. */
gref_status gref_probe_syevd(gref_probe *p)
{
    bool vectors = p->variant == 0;
    int n = gref_probe_size(p, 0);
    gref_mat d, A, U, lambda, R;
    snprintf(p->shape, sizeof p->shape, "n = %d, %s", n, vectors ? "with vectors" : "values only");
    TRY(spectrum(p, &d, n));
    TRY(gref_probe_new(p, &A, n, n));
    for (int i = 0; i < n; i++)
        GREF_AT(A, i, i) = d.a[i];
    TRY(rotate(p, A, true, true));
    gref_mat_mirror_lower(A);
    double size = gref_mat_norm_fro(gref_const(A));
    TRY(gref_probe_copy(p, &U, gref_const(A)));
    gref_probe_poison_upper(U);
    TRY(gref_probe_new(p, &lambda, n, 1));
    TRY(vectors ? gref_eigh(lambda, U) : gref_eigh_values(lambda, U));
    for (int i = 0; i < n; i++) {
        gref_probe_hold(p, fabs(lambda.a[i] - d.a[i]), SPECTRUM * (n + 5) * GREF_U * size);
        if (i > 0 && !(lambda.a[i - 1] <= lambda.a[i]))
            gref_probe_hold(p, 1.0, 0.0);
    }
    if (!vectors)
        return GREF_OK;
    TRY(gref_probe_new(p, &R, n, n));
    gref_plain_gemm(R, none, 1.0, gref_const(A), gref_const(U), 0.0, gref_const(A));
    for (int j = 0; j < n; j++)
        for (int i = 0; i < n; i++)
            GREF_AT(R, i, j) -= GREF_AT(U, i, j) * lambda.a[j];
    gref_probe_hold(p, gref_mat_norm_fro(gref_const(R)), RESIDUAL * (n + 5) * GREF_U * size);
    return hold_orthogonal(p, gref_const(U), false);
}

/* Variant 0: U m x k, VT k x n, k = min(m, n). Variant 1: U m x m, VT n x n. */
gref_status gref_probe_gesdd(gref_probe *p)
{
    bool full = p->variant & 1;
    int m = gref_probe_size(p, 0), n = gref_probe_size(p, 1), k = m < n ? m : n, big = m + n - k;
    gref_mat d, A, M, U, s, VT, R;
    snprintf(p->shape, sizeof p->shape, "%d x %d, %s U and V", m, n, full ? "square" : "thin");
    TRY(spectrum(p, &d, k));
    for (int i = 0; i < k; i++)
        d.a[i] = fabs(d.a[i]);
    qsort(d.a, (size_t)k, sizeof(double), by_size);
    TRY(gref_probe_new(p, &A, m, n));
    for (int i = 0; i < k; i++)
        GREF_AT(A, i, i) = d.a[i];
    TRY(rotate(p, A, true, false));
    TRY(rotate(p, A, false, false));
    double size = gref_mat_norm_fro(gref_const(A));
    TRY(gref_probe_copy(p, &M, gref_const(A)));
    TRY(gref_probe_new(p, &U, m, full ? m : k));
    TRY(gref_probe_new(p, &VT, full ? n : k, n));
    TRY(gref_probe_new(p, &s, k, 1));
    TRY(gref_svd(U, s, VT, M));
    for (int i = 0; i < k; i++) {
        gref_probe_hold(p, fabs(s.a[i] - d.a[k - 1 - i]), SPECTRUM * (big + 5) * GREF_U * size);
        if (!(s.a[i] >= (i < k - 1 ? s.a[i + 1] : 0.0)))
            gref_probe_hold(p, 1.0, 0.0);
    }
    TRY(hold_orthogonal(p, gref_const(U), false));
    TRY(hold_orthogonal(p, gref_const(VT), true));
    TRY(gref_probe_copy(p, &R, gref_const(A)));
    gref_mat Uk = gref_mat_view(U, 0, 0, m, k);
    gref_mat_scale_cols(Uk, gref_const(s));
    gref_plain_gemm(R, none, -1.0, gref_const(Uk), gref_const(gref_mat_view(VT, 0, 0, k, n)), 1.0,
                    gref_const(A));
    gref_probe_hold(p, gref_mat_norm_fro(gref_const(R)), RESIDUAL * (big + 5) * GREF_U * size);
    return GREF_OK;
}
