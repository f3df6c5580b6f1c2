/* The problem in the eigenbasis of Sigma, where Sigma_t, J and Sigma_t^-1 are diagonal. */
#ifndef GREF_MODES_H
#define GREF_MODES_H

#include <gref/problem.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * How far the modes are from the exact problem of the given doubles, as proved bounds; all infinite
 * until gref_modes_measure. Exact quantities are meant in the basis U^, the orthogonal matrix
 * nearest to U.
 */
typedef struct {
    double A_norm;     /* |A|_2 */
    double U;          /* |U - U^|_F */
    double Sigma;      /* |U^ diag(lambda) U^^T - Sigma|_F                              [pixel^2] */
    double X;          /* |X - X^|_F, X^ the orthogonal matrix nearest to X */
    double B;          /* |A U^ - B|_F                                    [measurement / pixel] */
    double r;          /* |v - A mu - r|                                          [measurement] */
    double post_cov;   /* |Sigma_post - (U^ X diag(rho))(.)^T|_F                        [pixel^2] */
    double post_w2;    /* W2 between the centred Gaussians of these two                   [pixel] */
    double post_range; /* the same of their projections on the modes with lambda > 0    [pixel] */
    double post_kernel; /* trace of Sigma_post over the other modes                    [pixel^2] */
    double post_mean;   /* |U^^T (mu_post - mu) - d|                                      [pixel] */
} gref_modes_errors;

/* Everything that is constant in t; owns its matrices. "Modes" are coordinates z with x = U z. */
typedef struct {
    int n, m;
    double sigma;
    gref_mat U;      /* n x n, eigenvectors of Sigma, one a column                          */
    gref_mat lambda; /* n x 1, eigenvalues >= 0, ascending                        [pixel^2] */
    double clipped;  /* farthest from 0 of the eigenvalues that were set to 0; else 0       */
    gref_mat mu;     /* n x 1, in pixels                                            [pixel] */
    gref_mat B;      /* m x n, A U                                    [measurement / pixel] */
    gref_mat r;      /* m x 1, v - A mu                                       [measurement] */
    gref_mat X;      /* n x n, eigenvectors of Sigma_post, in modes                          */
    gref_mat rho;    /* n x 1, square roots of its eigenvalues, descending          [pixel] */
    gref_mat d;      /* n x 1, U^T (mu_post - mu)                                   [pixel] */
    gref_modes_errors errors;
} gref_modes;

GREF_API GREF_NODISCARD gref_status gref_modes_new(gref_modes *z, const gref_problem *p);
GREF_API void gref_modes_free(gref_modes *z);
/* Fill in z->errors; p is the problem that z was made of, and may be freed between the two. Those of the posterior stay
 * infinite where sigma = 0. */
GREF_API GREF_NODISCARD gref_status gref_modes_measure(gref_modes *z, const gref_problem *p);
GREF_API GREF_NODISCARD gref_status gref_modes_measure_posterior(gref_modes *z);

/* mu_post (n x 1) and Sigma_post (n x n) in pixels. */
GREF_API GREF_NODISCARD gref_status gref_modes_posterior(gref_mat mu_post, gref_mat Sigma_post,
                                                         const gref_modes *z);
/* x = base + U z, vectors. */
GREF_API GREF_NODISCARD gref_status gref_modes_to_pixels(gref_mat x, const gref_modes *z,
                                                         gref_cmat zvec);
/* C = U P U^T for a symmetric P, both triangles; P and C may be the same. */
GREF_API GREF_NODISCARD gref_status gref_modes_cov_to_pixels(gref_mat C, const gref_modes *z,
                                                             gref_cmat P);

#ifdef __cplusplus
}
#endif
#endif
