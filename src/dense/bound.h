/*
 * Arithmetic for rigorous bounds in round-to-nearest. A bound is written as its plain formula and
 * moved outward once:
 *
 *   gref_inflate(x)   x computed from upper bounds >= 0 by at most 2^11 sums, products, quotients, square roots and
 *                     terms 1 - y, y <= 1/2: each loses u of its value at most, or 2^-1074 by underflow
 *   gref_deflate(x)   likewise, below, where nothing underflows
 *   gref_up, gref_down   one operation, where its result must stay as sharp as a double can be
 */
#ifndef GREF_DENSE_BOUND_H
#define GREF_DENSE_BOUND_H

#include <math.h>

#include <gref/matrix.h>

static inline double gref_inflate(double x)
{
    return x * (1.0 + 0x1p-40) + 0x1p-900;
}

static inline double gref_deflate(double x)
{
    return x * (1.0 - 0x1p-40);
}

static inline double gref_up(double x)
{
    return nextafter(x, INFINITY);
}

static inline double gref_down(double x)
{
    return nextafter(x, -INFINITY);
}

/* sqrt of a lower bound that may be negative: 0 then. */
static inline double gref_sqrt_down(double x)
{
    return x > 0.0 ? gref_down(sqrt(x)) : 0.0;
}

/* gamma_k = k u/(1 - k u): error of a k-term inner product in any order, with or without FMA, over
 * |a||b|. */
double gref_gamma_up(int k);
/* Error of gref_dot2_gemm over |A||B|, k terms. */
double gref_dot2_error_up(int k);
/* Error of gref_dot2 over the sum of |A||B|, m x n matrices, but for the last rounding. */
double gref_inner_error_up(int m, int n);
/* |A|_F and min(|A|_F, sqrt(|A|_1 |A|_inf)) >= |A|_2, from above. */
double gref_norm_fro_up(gref_cmat A);
double gref_norm_2_up(gref_cmat A);

/* Of X, about L^-1: *defect >= |I - X L|_F and *norm >= |L^-1|_2, as L^-1 = (I - (I - X L))^-1 X; infinite where the
 * defect is not below 1/2. */
gref_status gref_inverse_bounds(double *norm, double *defect, gref_cmat X, gref_cmat L);
/* X = L^-1 rounded, L lower triangular, with these bounds. */
gref_status gref_triangular_inverse(gref_mat X, double *norm, double *defect, gref_cmat L);
/* R = C - L L^T rounded, with *error >= |R - (C - L L^T)|_F. Both triangles of C are read. */
gref_status gref_residual(gref_mat R, double *error, gref_cmat C, gref_cmat L);
/* *residual >= |C - L L^T|_F. */
gref_status gref_cholesky_residual(double *residual, gref_cmat C, gref_cmat L);
/* *norm >= |op(A) op(B) - C|_F, the product in twice the working precision. */
gref_status gref_product_residual(double *norm, gref_cmat A, bool trans_a, gref_cmat B,
                                  bool trans_b, gref_cmat C);
/* *distance >= |W - W^|_F, W^ the nearest matrix of orthonormal columns, or rows. */
gref_status gref_orthogonal_distance(double *distance, gref_cmat W, bool rows);
/* <= lambda_min(C), C = L L^T + R, from |L^-1|_2 <= norm and |R|_2 <= rest. */
double gref_least_down(double norm, double rest);
/* <= lambda_min(C) of a symmetric C, by sums over columns: sharp where C is nearly diagonal. */
double gref_gershgorin_down(gref_cmat C);
/* *least <= lambda_min(C) for symmetric C with known perturbation |dC|_2 <= slack; -inf if nothing
 * is proved. */
gref_status gref_least_eigenvalue_down(double *least, gref_cmat C, double slack);

#endif
