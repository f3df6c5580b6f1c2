/* The parts of a 2-Wasserstein distance between Gaussian laws (wasserstein.c); not installed. */
#ifndef GREF_WASSERSTEIN_INTERNAL_H
#define GREF_WASSERSTEIN_INTERNAL_H

#include "dense/internal.h"

/* The covariance part of W2 and an enclosure of it; lower = 0, upper = inf when none was asked for. */
typedef struct {
    double w, lower, upper;
    bool newton; /* the map form took its solver for laws that are far apart */
} gref_w2_cov;

/* map.c: both covariances positive definite (GREF_ERR_NOT_PD otherwise), both triangles read, entries of
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

/* inputs.c: |m1 - m2| to 4 u and its input radius; *copy of A with r columns times 2^e; the exponent of the largest
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

/* factor.c */
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

#endif
