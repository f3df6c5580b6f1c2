#include "plain.h"

#include <math.h>

#include "support.h"

gref_mat plain_identity(int n)
{
    gref_mat I = fresh(n, n);
    gref_mat_identity(I);
    return I;
}

gref_mat plain_sum(double a, gref_cmat A, double b, gref_cmat B)
{
    gref_mat C = fresh(A.m, A.n);
    for (int j = 0; j < A.n; j++)
        for (int i = 0; i < A.m; i++)
            GREF_AT(C, i, j) =
                (double)((long double)a * GREF_AT(A, i, j) + (long double)b * GREF_AT(B, i, j));
    return C;
}

gref_mat plain_inverse(gref_cmat A)
{
    int n = A.n;
    long double *w = calloc((size_t)(2 * n * n), sizeof *w);
    ck_assert_ptr_nonnull(w);
#define W(i, j) w[(size_t)(i) * (size_t)(2 * n) + (size_t)(j)]
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++)
            W(i, j) = GREF_AT(A, i, j);
        W(i, n + i) = 1;
    }
    for (int k = 0; k < n; k++) {
        int p = k;
        for (int i = k + 1; i < n; i++)
            if (fabsl(W(i, k)) > fabsl(W(p, k)))
                p = i;
        ck_assert_msg(W(p, k) != 0, "plain_inverse: singular matrix");
        for (int j = 0; j < 2 * n; j++) {
            long double x = W(k, j);
            W(k, j) = W(p, j);
            W(p, j) = x;
        }
        long double pivot = W(k, k);
        for (int j = 0; j < 2 * n; j++)
            W(k, j) /= pivot;
        for (int i = 0; i < n; i++)
            if (i != k) {
                long double f = W(i, k);
                for (int j = 0; j < 2 * n; j++)
                    W(i, j) -= f * W(k, j);
            }
    }
    gref_mat X = fresh(n, n);
    for (int j = 0; j < n; j++)
        for (int i = 0; i < n; i++)
            GREF_AT(X, i, j) = (double)W(i, n + j);
#undef W
    free(w);
    return X;
}

/* ---- temporaries ----------------------------------------------------------------------------- */

enum { MOST_KEPT = 2048 };
static gref_mat pool[MOST_KEPT];
static int pooled;

gref_mat plain_keep(gref_mat X)
{
    ck_assert_int_lt(pooled, MOST_KEPT);
    return pool[pooled++] = X;
}

void plain_forget(void)
{
    while (pooled > 0)
        gref_mat_free(&pool[--pooled]);
}

/* ---- singular values ------------------------------------------------------------------------- */

/* Turns the columns p and q of X and of V so that those of X are orthogonal (one-sided Jacobi). */
static void turn(gref_mat X, gref_mat V, int p, int q)
{
    long double pp = 0, qq = 0, pq = 0;
    for (int i = 0; i < X.m; i++) {
        pp += (long double)GREF_AT(X, i, p) * GREF_AT(X, i, p);
        qq += (long double)GREF_AT(X, i, q) * GREF_AT(X, i, q);
        pq += (long double)GREF_AT(X, i, p) * GREF_AT(X, i, q);
    }
    if (pq == 0)
        return;
    long double angle = atan2l(2 * pq, pp - qq) / 2, c = cosl(angle), s = sinl(angle);
    gref_mat both[] = {X, V};
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < both[k].m; i++) {
            long double x = GREF_AT(both[k], i, p), y = GREF_AT(both[k], i, q);
            GREF_AT(both[k], i, p) = (double)(c * x + s * y);
            GREF_AT(both[k], i, q) = (double)(c * y - s * x);
        }
}

plain_svd plain_svd_of(gref_cmat A)
{
    int n = A.n;
    double most = 0;
    gref_mat X = plain_keep(plain_sum(1, A, 0, A)), V = plain_keep(plain_identity(n));
    plain_svd d = {.V = V, .AV = X, .s = plain_keep(fresh(n, 1)), .gap = INFINITY};
    for (int sweep = 0; sweep < 20; sweep++)
        for (int p = 0; p < n; p++)
            for (int q = p + 1; q < n; q++)
                turn(X, V, p, q);
    for (int i = 0; i < n; i++) {
        d.s.a[i] = gref_mat_norm_fro(gref_const(gref_mat_view(X, 0, i, A.m, 1)));
        most = fmax(most, d.s.a[i]);
    }
    for (int i = 0; i < n; i++) {
        if (d.s.a[i] <= 100 * n * EPS * most)
            d.s.a[i] = 0;
        for (int j = 0; j < i; j++)
            if (d.s.a[i] > 0 || d.s.a[j] > 0)
                d.gap = fmin(d.gap, fabs(d.s.a[i] - d.s.a[j]));
        if (d.s.a[i] > 0)
            d.gap = fmin(d.gap, d.s.a[i]);
    }
    return d;
}
