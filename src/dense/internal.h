/* The few BLAS and LAPACK operations that gref needs, with checked shapes and outputs; not installed. */
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

/* In place: lower triangle of a positive definite C to its Cholesky factor, upper triangle zeroed. */
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
/* Eigenvalues only; C is destroyed. */
gref_status gref_eigh_values(gref_mat lambda, gref_mat C);
/* A = U diag(s) VT; U m x k (or m x m), VT k x n (or n x n), k = min(m, n) (or full); A destroyed. */
gref_status gref_svd(gref_mat U, gref_mat s, gref_mat VT, gref_mat A);

/* Terms that dot2.c sums before it adds the sum to the others. */
#define GREF_DOT2_BLOCK 32

/* dot2.c: H + L = op(A) op(B) with the error of twice the working precision; bits independent of threads. */
gref_status gref_dot2_gemm(gref_mat H, gref_mat L, gref_cmat A, bool trans_a, gref_cmat B,
                           bool trans_b);
/* The same, but only the lower triangle is computed, and mirrored: half the work. */
gref_status gref_dot2_lower(gref_mat H, gref_mat L, gref_cmat A, bool trans_a, gref_cmat B,
                            bool trans_b);
/* Sum of A(i, j) B(i, j), likewise, rounded once. */
double gref_dot2(gref_cmat A, gref_cmat B);

/* The covariance part of W2 and an enclosure of it; lower = 0, upper = inf when none was asked for. */
typedef struct {
    double w, lower, upper;
    bool newton; /* the map form took its solver for laws that are far apart */
} gref_w2_cov;

/* w2_map.c: both covariances positive definite (GREF_ERR_NOT_PD otherwise), both triangles read, entries of
 * order 1 (the caller scales). Q, n x n or empty, gets the polar factor of L2^T L1, L Cholesky factors, where the laws
 * are far apart (out->newton). */
gref_status gref_w2_map(gref_w2_cov *out, gref_mat Q, gref_cmat C1, gref_cmat C2, bool certified);

/* A factor of a covariance C: W2(N(0, C), N(0, (L + dL)(L + dL)^T)) <= radius. */
typedef struct {
    gref_mat L, dL; /* n x c with c >= rank; columns >= rank are zero; dL may be empty */
    int rank;
    double radius;
    double least; /* <= lambda_min(C), 0 where nothing is proved */
} gref_w2_factor;

/* w2_inputs.c: |m1 - m2| to 4 u and its input radius; *copy of A with r columns times 2^e; the exponent of the largest
 * entry, 0 for zeros; undoes a scaling by 2^-e of W2, n dimensions. */
gref_status gref_w2_mean_part(double *part, double *r_in, gref_cmat m1, gref_cmat m2, int n);
gref_status gref_w2_scaled_copy(gref_mat *copy, gref_cmat A, int r, int e);
int gref_w2_exponent(gref_cmat A, gref_cmat B);
gref_w2_cov gref_w2_unscale(gref_w2_cov c, int e, int n);
double gref_w2_make_symmetric(gref_mat C);
bool gref_w2_identical(gref_cmat A, gref_cmat B);
double gref_w2_input_radius(gref_cmat C, double skew, double least);
/* wasserstein.c: *c becomes its intersection with `other`; GREF_ERR_NUMERICS where that is empty. */
gref_status gref_w2_intersect(gref_w2_cov *c, gref_w2_cov other);

/* w2_factor.c */
void gref_w2_factor_free(gref_w2_factor *f);
/* The factor of a covariance (both triangles read): Cholesky, refined by its residual on request, or truncated
 * pivoted Cholesky. */
gref_status gref_w2_factor_of(gref_w2_factor *f, gref_cmat C, bool refined);
/* The truncated one; radius is then what truncation and rounding cost. *f is {0}, or holds an L to be overwritten. */
gref_status gref_w2_truncated_factor(gref_w2_factor *f, gref_cmat C);
/* min over orthogonal Q of |L1 - L2 Q|_F, plainly; both n x r. */
gref_status gref_w2_procrustes(gref_w2_cov *out, gref_cmat L1, gref_cmat L2);
/* Both factors n x c with the same c; `rounds` refinements of the polar factor (2 for full accuracy), which starts from
 * Q where there is one: any Q will do for a proof, a good one for a narrow one. */
gref_status gref_w2_factor_form(gref_w2_cov *out, const gref_w2_factor *f1,
                                const gref_w2_factor *f2, gref_cmat Q, int rounds);

/* psd.c: finite, square, symmetric up to rounding. */
gref_status gref_psd_require_symmetric(gref_cmat C, const char *name);

#endif
