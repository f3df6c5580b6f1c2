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
 */
#include "base/internal.h"
#include "dense/bound.h"
#include "internal.h"

void gref_whitening_free(gref_whitening *q)
{
    gref_mat_free(&q->X);
}

gref_status gref_whitening_of(gref_whitening *q, gref_mat R, gref_cmat C, gref_cmat L)
{
    SCOPED(gref_whitening) w = {0};
    TRY(gref_mat_new(&w.X, C.n, C.n));
    TRY(gref_triangular_inverse(w.X, &w.b, &w.defect, L));
    TRY(gref_residual(R, &w.error, C, L));
    w.residual = gref_inflate(gref_norm_fro_up(gref_const(R)) + w.error);
    w.f = gref_inflate(w.residual * w.b * w.b);
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
    double r = gref_norm_fro_up(R), x = gref_norm_fro_up(gref_const(q->X));
    *rho = gref_w2_shift_any(R.n, gref_inflate(r + error));
    if (!(q->b < INFINITY))
        return GREF_OK;
    TRY(gref_gemm(S, 1.0, R, false, gref_const(q->X), true, 0.0));
    double product = gref_norm_fro_up(gref_const(S)) + gref_gamma_up(R.n) * r * x;
    double white = gref_inflate(product / (1.0 - q->defect) + error * q->b);
    *rho = gref_w2_shift(R.n, gref_inflate(r + error), white, q->f, q->b);
    return GREF_OK;
}
