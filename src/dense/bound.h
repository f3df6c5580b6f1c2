/*
 * Arithmetic for rigorous bounds in round-to-nearest: every scalar result is moved outward by one ulp, every
 * sum over a matrix is inflated by its a-priori error. "up" never underestimates, "down" never overestimates.
 */
#ifndef GREF_DENSE_BOUND_H
#define GREF_DENSE_BOUND_H

#include <math.h>

#include <gref/matrix.h>

static inline double gref_up(double x)
{
    return nextafter(x, INFINITY);
}

static inline double gref_down(double x)
{
    return nextafter(x, -INFINITY);
}

static inline double gref_add_up(double a, double b)
{
    return gref_up(a + b);
}

static inline double gref_mul_up(double a, double b)
{
    return gref_up(a * b);
}

static inline double gref_div_up(double a, double b)
{
    return gref_up(a / b);
}

/* sqrt of a lower bound that may be negative: 0 then. */
static inline double gref_sqrt_down(double x)
{
    return x > 0.0 ? gref_down(sqrt(x)) : 0.0;
}

static inline double gref_sqrt_up(double x)
{
    return gref_up(sqrt(x));
}

/* gamma_k = k u/(1 - k u): error of a k-term inner product in any order, with or without FMA, over |a||b|. */
double gref_gamma_up(int k);
/* Error of gref_dot2_gemm over |A||B|, k terms. */
double gref_dot2_error_up(int k);
/* Error of gref_dot2 over the sum of |A||B|, m x n matrices, but for the last rounding. */
double gref_inner_error_up(int m, int n);
/* |A|_F, |A|_1 and max row sum, from above. |A|_2 <= sqrt(|A|_1 |A|_inf) from above. */
double gref_norm_fro_up(gref_cmat A);
double gref_norm_2_up(gref_cmat A);

/* X = L^-1 (lower triangular) and, for the exact inverse, *norm >= |L^-1|_2; *defect >= |I - X L|_F. Where the
 * defect is not below 1, *norm is infinite. */
gref_status gref_triangular_inverse(gref_mat X, double *norm, double *defect, gref_cmat L);
/* R >= C - L L^T with error: *residual >= |C - L L^T|_F. R may be empty. Both triangles of C are read. */
gref_status gref_cholesky_residual(gref_mat R, double *residual, gref_cmat C, gref_cmat L);
/* *least <= lambda_min(C) for symmetric C with known perturbation |dC|_2 <= slack; -inf if nothing is proved. */
gref_status gref_least_eigenvalue_down(double *least, gref_cmat C, double slack);

#endif
