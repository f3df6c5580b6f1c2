/* Between crosscheck.c and its bounds, crosscheck_bounds.c and crosscheck_steps.c; not installed. D(x) bounds the
 * deviation in x. */
#ifndef GREF_SPECTRAL_CROSSCHECK_H
#define GREF_SPECTRAL_CROSSCHECK_H

#include "base/internal.h"
#include <gref/crosscheck.h>

#include "errors/perturb.h"
#include "internal.h"

DEFINE_DROP(gref_crosscheck)

/* Norms of the problem, and bounds for what does not depend on t. */
typedef struct {
    double unit;   /* relative error of one operation on matrices of order n */
    double spread; /* share of an image's deviation that one pixel may bear */
    double Sigma, least,
        lost; /* |Sigma|; its least eigenvalue above zero; the largest below, not zero */
    double A, G, keep, post; /* |A|, |G| = |Sigma A^T K^-1|, |I - G A|, |Sigma_post| */
    double r, d, mu, x0;     /* norms of vectors; d = mu_post - mu */
    double D_Sigma, D_root, D_r, D_post, D_d; /* root: Sigma^1/2 */
} gref_scales;

/* Norms and bounds at one t. */
typedef struct {
    int t;
    double abar, qbar;
    double Sigma_t, J, J_norm;
    double C, C_least;           /* C_{v|t} */
    double W, tau, pull, M_norm; /* |A J|, largest kappa/C, |tau W^T W|, |M_t| */
    double c_norm;               /* of what a step adds to the centred mean */
    double M, b, shift, N;       /* shift: of that */
    double modelled_mean, modelled_cov;
} gref_bounds_at;

/* Of a law on its way: D(mean), centred, and D(P). */
typedef struct {
    double mean, cov;
} gref_drift;

/* 2-norm of the image of coordinates; |P| by the largest Frobenius norm of a block. */
double gref_norm_of(const gref_spectral *z, gref_cplx x);
double gref_law_norm(const gref_spectral_law *law);
gref_scales gref_scales_of(const gref_spectral *z, const gref_problem *p);
double gref_bound_x0(const gref_scales *k, int n);
double gref_bound_v(const gref_scales *k, int n);
gref_bounds_at gref_bounds_of_time(const gref_scales *k, const gref_schedule *schedule, int t);
/* f(Sigma): of two eigenvalues that differ one at most is 0. */
double gref_bound_function(gref_ratio f, const gref_scales *k);
/* C_{v|t}: d->C, and its least value. */
void gref_bounds_of_likelihood(gref_bounds_at *d, const gref_scales *k,
                               const gref_spectral_sampler *s);
gref_status gref_bounds_of_step(gref_bounds_at *d, const gref_scales *k,
                                const gref_spectral_sampler *s); /* of a t that a step leaves */
void gref_bounds_of_modelled(gref_bounds_at *d, const gref_scales *k,
                             const gref_spectral_sampler *s);
gref_status gref_bounds_start(gref_drift *e, const gref_scales *k, const gref_spectral_sampler *s);
/* The least variance of a law in any direction. */
gref_status gref_law_least(double *least, const gref_spectral_law *law);
void gref_bounds_advance(gref_drift *e, const gref_bounds_at *d, const gref_scales *k,
                         const gref_spectral_law *law);
/* Of a distance between laws of that trace and least variance, one of which deviates by D_mean and
 * D_cov. */
double gref_bound_w2(double D_mean, double D_cov, double trace, double least, const gref_scales *k,
                     int n);

/* crosscheck_rows.c: compares two matrices or vectors entry by entry, or two numbers; t = -1 for
 * none. */
gref_status gref_crosscheck_matrix(gref_crosscheck *check, const char *quantity,
                                   const char *sampler, int t, gref_cmat dense, gref_cmat spectral,
                                   double bound);
gref_status gref_crosscheck_number(gref_crosscheck *check, const char *quantity,
                                   const char *sampler, int t, double dense, double spectral,
                                   double bound);

/*
 * The cross-check proper, for a problem and a schedule of the spectral path that tests may have
 * spoilt; `z` has been conditioned on p->v.
 */
gref_status gref_crosscheck_hold(gref_crosscheck *check, const gref_problem *p,
                                 const gref_schedule *schedule, const gref_spectral *z,
                                 const gref_schedule *spectral_schedule,
                                 const gref_sampler_spec *specs, int n_specs, const int *times,
                                 int n_times, gref_crosscheck_progress *progress, void *context);

#endif
