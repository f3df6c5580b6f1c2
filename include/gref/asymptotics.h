/* How the modelled laws of the samplers meet as t -> 0 (THEORY section 5). */
#ifndef GREF_ASYMPTOTICS_H
#define GREF_ASYMPTOTICS_H

#include <gref/convention.h>
#include <gref/problem.h>
#include <gref/spectral.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The modelled law of a sampler against CGDM's, which is exact, at abar = 1 - e. */
typedef struct {
    double e;
    double cov;  /* |C_alg - C_CGDM|_2 / |C_CGDM|_2 */
    double mean; /* |mu_alg - mu_CGDM|                                                  [pixel] */
    double w2;   /* W2 between the two laws                                             [pixel] */
    double apart, apart_mean, apart_w2; /* as these, but to the limit: other for alpha != 1 */
    double slope;                       /* of `apart` from the e before; NaN at the first */
    double coefficient_error; /* |(C_alg - C_limit)/e^expected - coefficient|_F / |coefficient|_F */
} gref_asymptotics_point;

typedef struct {
    char sampler[8];                    /* "dps", "pigdm" */
    double alpha;                       /* of dps */
    gref_r2 r2;                         /* of pigdm */
    int expected;                       /* order of the theory: 1 or 2 */
    bool equal;                         /* the laws are the same at every e: no order */
    double order, order_mean, order_w2; /* between the two smallest e; NaN if equal or of one e */
    int decades;        /* how many e from the smallest up keep their slope to 0.01 of `expected` */
    double coefficient; /* Frobenius norm of the leading coefficient                 [pixel^2] */
    double coefficient_error; /* at the smallest e */
    double limit_distance; /* W2 between the limits of the sampler and of CGDM as e -> 0  [pixel] */
    bool holds;            /* order to 0.01, coefficient to 1e-6 */
    int n_points;
    gref_asymptotics_point *points; /* e decreasing */
} gref_asymptotics_line;

typedef struct {
    int n, m;
    int zeros;      /* eigenvalues of Sigma that are zero */
    double mixing;  /* |G A P0|_F/|G A|_F, G = Sigma A^T K^-1, P0 onto ker Sigma; 0 if not mixed */
    bool mixed;     /* A P0 and A Pi are not orthogonal, by more than rounding */
    bool undecided; /* rounding would hide a mixing of 1%: taken for none, but refutes no pigdm */
    bool blind;     /* A is rounding on the range of Sigma: every law is the prior's */
    int n_lines;
    gref_asymptotics_line *lines;
} gref_asymptotics;

/*
 * dps with alpha = 1 and each of `alphas`, pigdm with each r2; e = from, from/10, ... down to `to`,
 * both in (0, 1), `to` at least 1e-70: below it differences underflow. By matrices, for any
 * problem; by spectra, for stationary ones.
 */
GREF_API GREF_NODISCARD gref_status gref_asymptotics_dense(gref_asymptotics **a,
                                                           const gref_problem *p,
                                                           const double *alphas, int n_alphas,
                                                           double from, double to);
GREF_API GREF_NODISCARD gref_status gref_asymptotics_spectral(gref_asymptotics **a,
                                                              const gref_stationary *p,
                                                              const double *alphas, int n_alphas,
                                                              double from, double to);
GREF_API void gref_asymptotics_free(gref_asymptotics *a);
/* "alpha = 2", "r2 = 1-abar": what tells the lines of one sampler apart. */
GREF_API void gref_asymptotics_name(char *name, int size, const gref_asymptotics_line *line);

#ifdef __cplusplus
}
#endif
#endif
