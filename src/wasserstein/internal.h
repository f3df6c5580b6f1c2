/* The parts of a 2-Wasserstein distance between Gaussian laws (wasserstein.c); not installed. */
#ifndef GREF_WASSERSTEIN_INTERNAL_H
#define GREF_WASSERSTEIN_INTERNAL_H

#include "dense/internal.h"
#include <gref/wasserstein.h>

/* The covariance part of W2 and an enclosure of it; lower = 0, upper = inf when none was asked
 * for. */
typedef struct {
    double w, lower, upper;
    double error; /* of w, estimated, where nothing is proved */
    bool newton;  /* the map form took its solver for laws that are far apart */
} gref_w2_cov;

/* close.c: W2 of N(0, diag(e)) and N(0, diag(e) + E) from E, and the map T = I + D; *last is the last relative step of
 * the iteration, infinite where the laws are too far apart to try. E becomes Lyap(E); R, S are
 * scratch. */
gref_status gref_w2_close(double *w, double *last, gref_mat D, gref_mat E, gref_mat R, gref_mat S,
                          gref_cmat e);
/* A last step that leaves W2 with its relative accuracy. */
#define GREF_W2_SETTLED 0x1p-44

/* Two covariances C + c, both triangles read, entries of order 1 (the caller scales); the low parts
 * c may be absent; exact up to |.|_F <= error. */
typedef struct {
    gref_cmat C1, C2, c1, c2;
    double error1, error2;
} gref_w2_pair;
/* map.c: both positive definite (GREF_ERR_NOT_PD otherwise). Q, n x n or empty, gets the polar
 * factor of L2^T L1, L Cholesky factors, where the laws are far apart (out->newton). */
gref_status gref_w2_map(gref_w2_cov *out, gref_mat Q, const gref_w2_pair *of, bool certified);

/* A factor of a covariance C: W2(N(0, C), N(0, (L + dL)(L + dL)^T)) <= radius. */
typedef struct {
    gref_mat L, dL; /* n x c with c >= rank; columns >= rank are zero; dL may be empty */
    int rank;
    double radius;
    double least; /* <= lambda_min(C), 0 where nothing is proved */
} gref_w2_factor;

/* A law as given: C is a covariance, a factor, or variances (n x 1). Each entry x of it stands for
 * numbers within u |x|, as each of m for numbers within u_mean |x|, or within gref_w2_underflow. */
typedef struct {
    gref_cmat m, C;
    double u_mean, u;
} gref_w2_law;

/* The covariance part of a distance, and what gref_w2 says of it. */
typedef struct {
    gref_w2_cov cov;
    double r_in, rank_cost;
    int rank;
    bool rounded;
    const char *method;
} gref_w2_part;

/* wasserstein.c: the distances of gref/wasserstein.h, for laws from files. */
gref_status gref_w2_of_covariances(gref_w2 *out, const gref_w2_law *a, const gref_w2_law *b,
                                   bool certified);
gref_status gref_w2_of_factors(gref_w2 *out, const gref_w2_law *a, const gref_w2_law *b,
                               bool certified);
gref_status gref_w2_of_mixed(gref_w2 *out, const gref_w2_law *a, const gref_w2_law *b);
gref_status gref_w2_of_variances(gref_w2 *out, const gref_w2_law *a, const gref_w2_law *b);

/* laws.c: a covariance times 2^e, exactly symmetric, and its factor. */
typedef struct {
    gref_mat C;
    double u, d;  /* |C' - C|_F <= d for each C' that rounds to C as its entries did, by u */
    bool rounded; /* it is a covariance only up to that */
    gref_w2_factor f;
} gref_w2_side;
void gref_w2_side_free(gref_w2_side *s);
gref_status gref_w2_side_of(gref_w2_side *s, gref_cmat C, double u, int e);
/* GREF_ERR_NOT_PSD unless C is semi-definite up to rounding; a new factor of less rank where the
 * rounding is that of a shorter format. */
gref_status gref_w2_side_require(gref_w2_side *s, const char *name);
/* W2 ball of what rounds to C. */
double gref_w2_side_radius(const gref_w2_side *s);
/* The interval of all that rounds to C, scaled back by 2^e, where C is no covariance itself. */
void gref_w2_side_widen(gref_w2_part *p, const gref_w2_side *s, int e);
void gref_w2_part_rank(gref_w2_part *p, const gref_w2_factor *f1, const gref_w2_factor *f2, int n);
/* The covariance part from covariances, block by block; from variances >= 0. */
gref_status gref_w2_covariances(gref_w2_part *p, const gref_w2_law *a, const gref_w2_law *b,
                                bool certified);
gref_status gref_w2_variances(gref_w2_part *p, const gref_w2_law *a, const gref_w2_law *b);
/* *c becomes its intersection with `other`; GREF_ERR_NUMERICS where that is empty. */
gref_status gref_w2_intersect(gref_w2_cov *c, gref_w2_cov other);

/* inputs.c: |d|_2 of n x 1 to 2 u, whatever its scale; d is left scaled. */
double gref_w2_norm(gref_mat d);
/* |X|_F from above, 0 for an absent X. */
double gref_w2_size(gref_cmat X);
/* |m1 - m2| to 4 u and its input radius; *copy of A with r columns times 2^e; the exponent of the
 * largest entry, 0 for zeros; undoes a scaling by 2^-e of W2, n dimensions. */
gref_status gref_w2_mean_part(double *part, double *r_in, const gref_w2_law *a,
                              const gref_w2_law *b, int n);
/* |dx| <= max(u |x|, this) for numbers that were rounded; |dA|_F likewise. */
double gref_w2_underflow(double u);
double gref_w2_rounding_radius(gref_cmat A, double u);
gref_status gref_w2_scaled_copy(gref_mat *copy, gref_cmat A, int r, int e);
int gref_w2_exponent(gref_cmat A, gref_cmat B);
gref_w2_cov gref_w2_unscale(gref_w2_cov c, int e, int n);
double gref_w2_make_symmetric(gref_mat C);
bool gref_w2_identical(gref_cmat A, gref_cmat B);
double gref_w2_input_radius(int n, double d, double least);

/* shift.c: a covariance C = L L^T + rest, prepared for W2(C, C - R). */
typedef struct {
    gref_mat X;             /* about L^-1 */
    double b;               /* >= |L^-1|_2, infinite where that is not proved */
    double defect;          /* >= |I - X L|_F */
    double residual, error; /* >= |C - L L^T|_F; >= the error of the rounded C - L L^T */
    double f;               /* >= |L^-1 (C - L L^T) L^-T|_2 */
    gref_mat d, s;          /* n x 1: the diagonals of D and D^-1, absent where C is not graded */
} gref_whitening;
void gref_whitening_free(gref_whitening *q);
/* Of each C' with |C' - C|_F <= off. R gets C - L L^T, rounded. *q is {0} before. */
gref_status gref_whitening_of(gref_whitening *q, gref_mat R, gref_cmat C, gref_cmat L, double off);
/* *rho >= W2(C, C - R') for each R' with |R' - R|_F <= error; S is scratch. */
gref_status gref_whitening_shift(double *rho, gref_mat S, const gref_whitening *q, gref_cmat R,
                                 double error);
/* The same from norms: |R|_F <= size, |R L^-T|_F <= white; and where nothing is known of C. */
double gref_w2_shift(int n, double size, double white, double f, double b);
double gref_w2_shift_any(int n, double size);

/* factor.c */
void gref_w2_factor_free(gref_w2_factor *f);
/* The factor of a covariance (both triangles read): Cholesky, refined by its residual on request, or truncated
 * pivoted Cholesky. */
gref_status gref_w2_factor_of(gref_w2_factor *f, gref_cmat C, bool refined);
/* The truncated one, of entries rounded to u; radius is then what truncation and rounding cost. *f
 * is {0}, or holds an L to be overwritten. */
gref_status gref_w2_truncated_factor(gref_w2_factor *f, gref_cmat C, double u, bool refined);

/* procrustes.c */
/* Q = W V^T from the singular value decomposition F = W diag(s) V^T, and the least s that F of at
 * most this rank may have other than 0; F is destroyed. */
gref_status gref_w2_polar(gref_mat Q, double *least, gref_mat F, int rank);
/* How far |L1 - L2 Q|, computed, may lie from its least, n x r factors of norms a and b; an
 * estimate. */
double gref_w2_procrustes_error(int n, int r, double a, double b, double w, double least);
/* min over orthogonal Q of |L1 - L2 Q|_F, plainly; both n x r. */
gref_status gref_w2_procrustes(gref_w2_cov *out, gref_cmat L1, gref_cmat L2);
/* Both factors n x c with the same c; `rounds` refinements of the polar factor (2 for full accuracy), which starts from
 * Q where there is one: any Q will do for a proof, a good one for a narrow one. */
gref_status gref_w2_factor_form(gref_w2_cov *out, const gref_w2_factor *f1,
                                const gref_w2_factor *f2, gref_cmat Q, int rounds);

/* ---- The bounds as formulas of norms: each from above, rounded outward. ---- */

/* map.c: Frobenius norms of its matrices; pl0, sl0 are of the low parts as Dot2 leaves them. */
typedef struct {
    int n;
    double c, eh, el, dh, dl, ph, pl, pl0, sh, sl, sl0, R;
    double w[3];   /* <Dh, Ph>, <Dh, Pl>, <Dl, Ph>: their sum is tr(D C1 D) */
    double low;    /* of c1 */
    double eC, eE; /* errors of C1 and of E */
} gref_w2_map_sizes;
typedef struct {
    double P, S, R, w2;
} gref_w2_map_errors;
gref_w2_map_errors gref_w2_map_rounding(const gref_w2_map_sizes *s);
/* What one entry of R is made of: E, P, P^T and S, high and low parts; to u (6 |low
 * parts| + |R|). */
double gref_w2_map_entry(const double high[4], const double low[4]);
gref_w2_cov gref_w2_map_ends(double w2, double error, double rho);
gref_status gref_w2_map_positive(bool *positive, gref_mat S, gref_cmat Dh, gref_cmat Dl);

/* factor.c: dL and the radius of L + dL from any L near enough; R holds C - L L^T, and then what is
 * left of it. */
gref_status gref_w2_refine(gref_w2_factor *f, gref_mat R, const gref_whitening *q);
/* Error of R - L dL^T - (L dL^T)^T - dL dL^T, |L| <= l, |dL| <= d, |R| <= r with error `before`. */
double gref_w2_corrected_error(int n, double l, double d, double r, double before);

/* procrustes.c: Frobenius norms of its matrices; low = |BQl|, c = |BQ - BQh|, eF the error of F. */
typedef struct {
    int n, r;
    double a, b, da, db, q, eF;
    double dq, low, c, delta, bq, k, h;
} gref_w2_sizes;
typedef struct {
    double BQ, Delta, K, H;
} gref_w2_errors;
double gref_w2_difference(double a, double h, double c, double da);
gref_w2_errors gref_w2_rounding(const gref_w2_sizes *s);
double gref_w2_defect_error(int r, double q, double dq, double f, double eF);
gref_w2_errors gref_w2_turned(gref_w2_errors e, const gref_w2_sizes *s, double defect);
/* |B^T A|_*: G = B^T A, S = W diag(s), sum of the singular values, left = |G - S V^T|,
 * |W|_2 <= 1 + x, |V|_2 <= 1 + y. */
typedef struct {
    int n, r;
    double a, b, g, s, v, sum, x, y, left;
} gref_w2_nuclear_sizes;
double gref_w2_nuclear(const gref_w2_nuclear_sizes *z);
gref_w2_cov gref_w2_procrustes_ends(double delta, double error, double k, double least,
                                    double radius);
double gref_w2_trace_bound(double a2, double b2, double nuclear, double da, double db,
                           double radius);

#endif
