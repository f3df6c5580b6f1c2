/* The few BLAS and LAPACK operations that gref needs, with checked shapes and outputs; not
 * installed. */
#ifndef GREF_DENSE_INTERNAL_H
#define GREF_DENSE_INTERNAL_H

#include <stdbool.h>

#include <gref/matrix.h>

/* Half an ulp of 1: the unit roundoff u of every bound in gref. */
#define GREF_U 0x1p-53

/* C = alpha op(A) op(B) + beta C; op is the transpose where the flag says so. C aliases nothing. */
gref_status gref_gemm(gref_mat C, double alpha, gref_cmat A, bool trans_a, gref_cmat B,
                      bool trans_b, double beta);
/* C = alpha A A^T (or alpha A^T A) + beta C, C symmetric, both triangles written. */
gref_status gref_syrk(gref_mat C, double alpha, gref_cmat A, bool trans, double beta);
/* B = op(L)^-1 B (left) or B op(L)^-1 (right), L lower triangular with a non-zero diagonal. */
gref_status gref_trsm(gref_mat B, bool left, gref_cmat L, bool trans);
/* y = alpha op(A) x + beta y for vectors stored as n x 1. */
gref_status gref_gemv(gref_mat y, double alpha, gref_cmat A, bool trans, gref_cmat x, double beta);

/* In place: lower triangle of a positive definite C to its Cholesky factor, upper triangle
 * zeroed. */
gref_status gref_cholesky(gref_mat C);
/* True if the lower triangle of C has a Cholesky factor; C is destroyed. */
bool gref_cholesky_succeeds(gref_mat C);
/* B = (L L^T)^-1 B. */
gref_status gref_cholesky_solve(gref_mat B, gref_cmat L);
/* In place, with complete pivoting: C = L L^T + discarded part, L n x n with columns >= *rank zero,
 * rows back in the order of C. Stops at the first pivot <= tol. */
gref_status gref_cholesky_pivoted(gref_mat C, int *rank, double tol);
/* Lower triangle of a symmetric C to eigenvectors (columns), lambda ascending. */
gref_status gref_eigh(gref_mat lambda, gref_mat C);
/* jacobi.c: of L L^T, each eigenvalue to its own relative accuracy where L = D B, D
 * diagonal and B well-conditioned (one-sided Jacobi). V n x n. */
gref_status gref_eigh_graded(gref_mat lambda, gref_mat V, gref_cmat L);
/* Eigenvalues only; C is destroyed. */
gref_status gref_eigh_values(gref_mat lambda, gref_mat C);
/* A = U diag(s) VT; U m x k (or m x m), VT k x n (or n x n), k = min(m, n) (or full); A
 * destroyed. */
gref_status gref_svd(gref_mat U, gref_mat s, gref_mat VT, gref_mat A);

/* Terms that dot2.c sums before it adds the sum to the others. */
#define GREF_DOT2_BLOCK 32

/* dot2.c: H + L = op(A) op(B) with the error of twice the working precision; bits independent of
 * threads. */
gref_status gref_dot2_gemm(gref_mat H, gref_mat L, gref_cmat A, bool trans_a, gref_cmat B,
                           bool trans_b);
/* The same, but only the lower triangle is computed, and mirrored: half the work. */
gref_status gref_dot2_lower(gref_mat H, gref_mat L, gref_cmat A, bool trans_a, gref_cmat B,
                            bool trans_b);
/* Sum of A(i, j) B(i, j), likewise, rounded once. */
double gref_dot2(gref_cmat A, gref_cmat B);

/* psd.c: finite, square, symmetric up to the rounding of its entries by u. */
gref_status gref_psd_require_symmetric(gref_cmat C, double u, const char *name);
/* gref_psd_require where entries are rounded by u >= 2^-53: eigenvalues may be -u |Sigma|_F. */
gref_status gref_psd_require_to(gref_cmat Sigma, double u, const char *name);

#endif
