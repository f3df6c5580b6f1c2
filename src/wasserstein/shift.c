/*
 * How far a law moves when its covariance C is changed by a known R: W2(C, C - R).
 *
 *   L          n x n, lower triangular, C = L (I + F) L^T, |F|_2 <= f
 *   X          n x n, about L^-1: |I - X L|_F <= defect, |L^-1|_2 <= b
 *   Lx         L (I + F)^1/2, so that Lx Lx^T = C and C - R = Lx (I - H) Lx^T, |H|_2 <= h = |R| b^2/(1 - f)
 *
 *   W2(C, C - R) <= |Lx - Lx (I - H)^1/2|_F <= |R Lx^-T|_F/(1 + sqrt(1 - h)),   |R Lx^-T|_F <= |R L^-T|_F/sqrt(1 - f),
 *                   sqrt(1 - h) replaced by 0 where h > 1: I - H >= 0 all the same
 *   W2(C, C - R) <= sqrt |R|_* <= sqrt(sqrt(n) |R|_F)      always
 *
 * Where C = D C' D is graded, F, the defect and the terms of R L^-T = (R D^-1) (D^-1 L)^-T are
 * measured on C': D is of powers of two, so nothing is rounded.
 */
#include <limits.h>

#include "base/internal.h"
#include "dense/bound.h"
#include "internal.h"

void gref_whitening_free(gref_whitening *q)
{
    gref_mat_free(&q->X);
    gref_mat_free(&q->d);
    gref_mat_free(&q->s);
}

/* Powers of two next to sqrt C(i, i), and their inverses, where they differ by 2^20 or more; not
 * beyond 2^150, where an underflow would be no longer negligible. */
static gref_status scale_of(gref_whitening *q, gref_cmat C)
{
    int n = C.n, low = INT_MAX, high = INT_MIN, e;
    for (int i = 0; i < n; i++) {
        frexp(GREF_AT(C, i, i), &e);
        low = e < low ? e : low;
        high = e > high ? e : high;
    }
    if (high - low < 40 || high - low > 300)
        return GREF_OK;
    TRY(gref_mat_new(&q->d, n, 1));
    TRY(gref_mat_new(&q->s, n, 1));
    for (int i = 0; i < n; i++) {
        frexp(GREF_AT(C, i, i), &e);
        q->d.a[i] = ldexp(1.0, e / 2);
        q->s.a[i] = ldexp(1.0, -(e / 2));
    }
    return GREF_OK;
}

/* |A diag(c)|_F from above; c may be absent. */
static double scaled_norm(gref_cmat A, gref_mat c)
{
    double sum = 0.0;
    if (c.a == NULL)
        return gref_norm_fro_up(A);
    for (int j = 0; j < A.n; j++)
        sum = hypot(sum, gref_norm_fro_up(gref_cmat_view(A, 0, j, A.m, 1)) * c.a[j]);
    return gref_inflate(sum * (1.0 + 4.0 * A.n * GREF_U));
}

gref_status gref_whitening_of(gref_whitening *q, gref_mat R, gref_cmat C, gref_cmat L, double off)
{
    SCOPED(gref_whitening) w = {0};
    SCOPED(gref_mat) Cs = {0}, Ls = {0};
    TRY(gref_mat_new(&w.X, C.n, C.n));
    TRY(scale_of(&w, C));
    gref_cmat d = gref_const(w.d), s = gref_const(w.s);
    bool graded = s.a != NULL;
    if (graded) {
        TRY(gref_w2_scaled_copy(&Cs, C, C.n, 0));
        TRY(gref_w2_scaled_copy(&Ls, L, C.n, 0));
        gref_mat_scale_rows(Cs, s);
        gref_mat_scale_cols(Cs, s);
        gref_mat_scale_rows(Ls, s);
        C = gref_const(Cs);
        L = gref_const(Ls);
    }
    TRY(gref_triangular_inverse(w.X, &w.b, &w.defect, L));
    TRY(gref_residual(R, &w.error, C, L));
    double most = graded ? gref_mat_norm_max(d) : 1.0, large = graded ? gref_mat_norm_max(s) : 1.0;
    w.residual = gref_inflate(gref_norm_fro_up(gref_const(R)) + w.error + off * large * large);
    w.f = gref_inflate(w.residual * w.b * w.b);
    if (graded) {
        gref_mat_scale_cols(w.X, s);
        gref_mat_scale_rows(R, d);
        gref_mat_scale_cols(R, d);
        w.error *= most * most;
        w.residual = gref_inflate(gref_norm_fro_up(gref_const(R)) + w.error + off);
        if (w.b < INFINITY)
            w.b = gref_inflate(gref_norm_2_up(gref_const(w.X)) / (1.0 - w.defect));
    }
    *q = TAKE(w);
    return GREF_OK;
}

double gref_w2_shift_any(int n, double size)
{
    return gref_inflate(sqrt(sqrt(n) * size));
}

double gref_w2_shift(int n, double size, double white, double f, double b)
{
    double h = gref_inflate(size * b * b / (1.0 - f)), any = gref_w2_shift_any(n, size);
    if (!(f < 0.5))
        return any;
    return fmin(any, gref_inflate(white / (sqrt(1.0 - f) * (1.0 + sqrt(fmax(1.0 - h, 0.0))))));
}

gref_status gref_whitening_shift(double *rho, gref_mat S, const gref_whitening *q, gref_cmat R,
                                 double error)
{
    double r = gref_norm_fro_up(R);
    *rho = gref_w2_shift_any(R.n, gref_inflate(r + error));
    if (!(q->b < INFINITY))
        return GREF_OK;
    TRY(gref_gemm(S, 1.0, R, false, gref_const(q->X), true, 0.0));
    double terms = scaled_norm(R, q->s) * scaled_norm(gref_const(q->X), q->d);
    double product = gref_norm_fro_up(gref_const(S)) + gref_gamma_up(R.n) * terms;
    double white = gref_inflate(product / (1.0 - q->defect) + error * q->b);
    *rho = gref_w2_shift(R.n, gref_inflate(r + error), white, q->f, q->b);
    return GREF_OK;
}
