/*
 * Probes of the BLAS: one call each, held entry by entry against plain loops.
 *
 *   u = 2^-53. A sum of k products, in any order, with or without FMA, times alpha, plus beta C:
 *     |C_hat - C| <= (k + 2) u (|alpha| |A| |B| + |beta| |C|) (1 + O(k u))
 *   Two such results, BLAS's and ours, differ by twice that; 1 more for O(k u). On small integers
 *   both are exact and must be equal. T^-1 B by substitution in any order, the diagonal divided by
 *   or multiplied with its inverse:
 *     |T X - B| <= (n + 1) u |T| |X|  (Higham 2002, theorem 8.5).
 */
#include <math.h>
#include <stdio.h>

#include "base/internal.h"
#include "internal.h"

static const gref_mat none = {0};

gref_status gref_probe_gemm(gref_probe *p)
{
    bool ta = p->variant & 1, tb = p->variant & 2;
    int m = gref_probe_size(p, 0), n = gref_probe_size(p, 1), k = gref_probe_size(p, 2);
    if (p->call % 61 == 60)
        k = 0;
    double alpha = gref_probe_scalar(p), beta = gref_probe_scalar(p);
    gref_mat A, B, C, opA, opB, R, W;
    snprintf(p->shape, sizeof p->shape, "m = %d, n = %d, k = %d, %s %s, alpha = %g, beta = %g", m,
             n, k, ta ? "A^T" : "A", tb ? "B^T" : "B", alpha, beta);
    TRY(gref_probe_random(p, &A, ta ? k : m, ta ? m : k));
    TRY(gref_probe_random(p, &B, tb ? n : k, tb ? k : n));
    TRY(gref_probe_random(p, &C, m, n));
    TRY(gref_probe_new(p, &R, m, n));
    TRY(gref_probe_new(p, &W, m, n));
    TRY(gref_probe_op(p, &opA, gref_const(A), ta));
    TRY(gref_probe_op(p, &opB, gref_const(B), tb));
    gref_plain_gemm(R, p->exact ? none : W, alpha, gref_const(opA), gref_const(opB), beta,
                    gref_const(C));
    if (beta == 0.0)
        gref_mat_fill(C, NAN); /* must not be read */
    TRY(gref_gemm(C, alpha, gref_const(A), ta, gref_const(B), tb, beta));
    gref_probe_compare(p, gref_const(C), gref_const(R), gref_const(W),
                       p->exact ? 0.0 : 2 * (k + 3) * GREF_U);
    return GREF_OK;
}

gref_status gref_probe_syrk(gref_probe *p)
{
    bool trans = p->variant & 1;
    int n = gref_probe_size(p, 0), k = gref_probe_size(p, 1);
    if (p->call % 61 == 60)
        k = 0;
    double alpha = gref_probe_scalar(p), beta = gref_probe_scalar(p);
    gref_mat A, C, left, right, R, W;
    snprintf(p->shape, sizeof p->shape, "n = %d, k = %d, %s, alpha = %g, beta = %g", n, k,
             trans ? "A^T A" : "A A^T", alpha, beta);
    TRY(gref_probe_random(p, &A, trans ? k : n, trans ? n : k));
    TRY(gref_probe_random(p, &C, n, n));
    gref_mat_mirror_lower(C);
    TRY(gref_probe_new(p, &R, n, n));
    TRY(gref_probe_new(p, &W, n, n));
    TRY(gref_probe_op(p, &left, gref_const(A), trans));
    TRY(gref_probe_op(p, &right, gref_const(A), !trans));
    gref_plain_gemm(R, p->exact ? none : W, alpha, gref_const(left), gref_const(right), beta,
                    gref_const(C));
    gref_probe_poison_upper(C);
    if (beta == 0.0)
        gref_mat_fill(C, NAN);
    TRY(gref_syrk(C, alpha, gref_const(A), trans, beta));
    gref_probe_compare(p, gref_const(C), gref_const(R), gref_const(W),
                       p->exact ? 0.0 : 2 * (k + 3) * GREF_U);
    return GREF_OK;
}

gref_status gref_probe_trsm(gref_probe *p)
{
    bool left = p->variant & 1, trans = p->variant & 2;
    int m = gref_probe_size(p, 0), n = gref_probe_size(p, 1), order = left ? m : n;
    gref_mat L, opL, B, X, R, W;
    snprintf(p->shape, sizeof p->shape, "m = %d, n = %d, L%s X%s = B", m, n, trans ? "^T" : "",
             left ? "" : " from the right");
    TRY(gref_probe_lower(p, &L, order));
    TRY(gref_probe_op(p, &opL, gref_const(L), trans));
    gref_probe_poison_upper(L);
    TRY(gref_probe_random(p, &B, m, n));
    TRY(gref_probe_copy(p, &X, gref_const(B)));
    TRY(gref_probe_new(p, &R, m, n));
    TRY(gref_probe_new(p, &W, m, n));
    TRY(gref_trsm(X, left, gref_const(L), trans));
    gref_plain_gemm(R, W, 1.0, gref_const(left ? opL : X), gref_const(left ? X : opL), 0.0,
                    gref_const(B));
    gref_probe_compare(p, gref_const(B), gref_const(R), gref_const(W), 2 * (order + 2) * GREF_U);
    gref_probe_compare(p, gref_const(X), gref_const(X), gref_const(W), 0.0); /* its gap */
    return GREF_OK;
}

gref_status gref_probe_gemv(gref_probe *p)
{
    bool trans = p->variant & 1;
    int m = gref_probe_size(p, 0), k = gref_probe_size(p, 1);
    double alpha = gref_probe_scalar(p), beta = gref_probe_scalar(p);
    gref_mat A, x, y, opA, R, W;
    snprintf(p->shape, sizeof p->shape, "%d x %d, %s, alpha = %g, beta = %g", trans ? k : m,
             trans ? m : k, trans ? "A^T x" : "A x", alpha, beta);
    TRY(gref_probe_random(p, &A, trans ? k : m, trans ? m : k));
    TRY(gref_probe_random(p, &x, k, 1));
    TRY(gref_probe_random(p, &y, m, 1));
    TRY(gref_probe_new(p, &R, m, 1));
    TRY(gref_probe_new(p, &W, m, 1));
    TRY(gref_probe_op(p, &opA, gref_const(A), trans));
    gref_plain_gemm(R, W, alpha, gref_const(opA), gref_const(x), beta, gref_const(y));
    if (beta == 0.0)
        gref_mat_fill(y, NAN);
    TRY(gref_gemv(y, alpha, gref_const(A), trans, gref_const(x), beta));
    gref_probe_compare(p, gref_const(y), gref_const(R), gref_const(W),
                       p->exact ? 0.0 : 2 * (k + 3) * GREF_U);
    return GREF_OK;
}

/* Quadruple precision, where the compiler has it: 2^-113 (without, this probe proves less). */
#if defined(__SIZEOF_FLOAT128__)
__extension__ typedef __float128 quad;
#else
typedef long double quad;
#endif

/* The error of H + L at entry (i, j), and the |A| |B| there. */
static double dot2_error(double *w, double h, double l, gref_cmat A, bool ta, gref_cmat B, bool tb,
                         int i, int j, int k)
{
    quad sum = -(quad)h - (quad)l;
    *w = 0.0;
    for (int q = 0; q < k; q++) {
        double a = ta ? GREF_AT(A, q, i) : GREF_AT(A, i, q),
               b = tb ? GREF_AT(B, j, q) : GREF_AT(B, q, j);
        sum += (quad)a * (quad)b;
        *w += fabs(a) * fabs(b);
    }
    return fabs((double)sum);
}

/* The products on which every certificate rests; k <= 40, where (k + 2)^2 u^2 is below 2^-95. */
gref_status gref_probe_dot2(gref_probe *p)
{
    bool ta = p->variant & 1, tb = p->variant & 2, threaded = p->call == 0;
    int m = gref_probe_int(p, 1, 20), n = gref_probe_int(p, 1, 10), k = gref_probe_int(p, 1, 40);
    if (threaded) {
        m = n = 51;
        k = 6;
    }
    gref_mat A, B, H, L;
    snprintf(p->shape, sizeof p->shape, "m = %d, n = %d, k = %d, %s %s, in twice the precision", m,
             n, k, ta ? "A^T" : "A", tb ? "B^T" : "B");
    p->exact = false;
    TRY(gref_probe_random(p, &A, ta ? k : m, ta ? m : k));
    TRY(gref_probe_random(p, &B, tb ? n : k, tb ? k : n));
    TRY(gref_probe_new(p, &H, m, n));
    TRY(gref_probe_new(p, &L, m, n));
    TRY(gref_dot2_gemm(H, L, gref_const(A), ta, gref_const(B), tb));
    for (int j = 0; j < n; j++)
        for (int i = 0; i < m; i++) {
            double w, err = dot2_error(&w, GREF_AT(H, i, j), GREF_AT(L, i, j), gref_const(A), ta,
                                       gref_const(B), tb, i, j, k);
            gref_probe_hold(p, err, (k + 2.0) * (k + 2.0) * GREF_U * GREF_U * w);
        }
    return GREF_OK;
}
