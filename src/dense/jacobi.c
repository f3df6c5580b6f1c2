/*
 * Eigenvectors of graded matrices by one-sided Jacobi, in plain loops: slow, and right to the last
 * eigenvalue.
 *
 *   L   n x n, L = D B, D diagonal, B well-conditioned
 *   A   L^T W, W = V orthogonal, once its columns are orthogonal: L L^T = V diag(|a_j|^2) V^T
 *
 * A rotation of two columns errs relative to each of them, so that D costs no accuracy (Demmel and
 * Veselic, SIAM J. Matrix Anal. Appl. 13, 1992); dsyevd errs by u |L|^2 in each eigenvalue.
 */
#include <math.h>

#include "base/internal.h"
#include "internal.h"

/* Rotates columns p and q of A and V; their cosine before. */
static double rotate(gref_mat A, gref_mat V, int p, int q)
{
    double *x = &GREF_AT(A, 0, p), *y = &GREF_AT(A, 0, q), a = 0.0, b = 0.0, c = 0.0;
    for (int i = 0; i < A.m; i++) {
        a += x[i] * x[i];
        b += y[i] * y[i];
        c += x[i] * y[i];
    }
    double cosine = fabs(c) / (sqrt(a) * sqrt(b));
    if (!(cosine > GREF_U))
        return 0.0;
    double zeta = (b - a) / (2.0 * c), t = copysign(1.0, zeta) / (fabs(zeta) + hypot(1.0, zeta));
    double cs = 1.0 / hypot(1.0, t), sn = cs * t;
    gref_mat both[] = {A, V};
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < A.m; i++) {
            double *u = &GREF_AT(both[k], i, p), *v = &GREF_AT(both[k], i, q), before = *u;
            *u = cs * before - sn * *v;
            *v = sn * before + cs * *v;
        }
    return cosine;
}

/* lambda(j) = |a_j|^2, ascending, and columns of V likewise. */
static void sort(gref_mat lambda, gref_mat V, gref_mat A)
{
    int n = V.n;
    for (int j = 0; j < n; j++) {
        double size = gref_mat_norm_fro(gref_cmat_view(gref_const(A), 0, j, n, 1));
        lambda.a[j] = size * size;
    }
    for (int j = 0; j < n; j++) {
        int least = j;
        for (int k = j + 1; k < n; k++)
            least = lambda.a[k] < lambda.a[least] ? k : least;
        double first = lambda.a[j];
        lambda.a[j] = lambda.a[least];
        lambda.a[least] = first;
        for (int i = 0; i < n; i++) {
            double *u = &GREF_AT(V, i, j), *v = &GREF_AT(V, i, least), swap = *u;
            *u = *v;
            *v = swap;
        }
    }
}

gref_status gref_eigh_graded(gref_mat lambda, gref_mat V, gref_cmat L)
{
    int n = L.n;
    double worst = INFINITY, enough = (n > 8 ? n : 8) * GREF_U;
    SCOPED(gref_mat) A = {0};
    TRY(gref_require_shape(L, n, n, "L"));
    TRY(gref_require_finite(L, "factor of a graded matrix"));
    TRY(gref_mat_new(&A, n, n));
    gref_mat_transpose(A, L);
    gref_mat_identity(V);
    for (int sweep = 0; sweep < 40 && worst > enough; sweep++) {
        worst = 0.0;
        for (int p = 0; p < n; p++)
            for (int q = p + 1; q < n; q++)
                worst = fmax(worst, rotate(A, V, p, q));
    }
    REQUIRE(worst <= enough, GREF_ERR_NUMERICS,
            "Jacobi's method left columns with a cosine of %.2g, order %d", worst, n);
    sort(lambda, V, A);
    return GREF_OK;
}
