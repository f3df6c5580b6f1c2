/* The fast path for stationary problems: circulant Sigma, periodic A (THEORY section 9). */
#ifndef GREF_SPECTRAL_H
#define GREF_SPECTRAL_H

#include <stdint.h>

#include <gref/marginal.h>
#include <gref/operator.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A stationary problem on a torus, in pixels; owns its matrices. Everything follows from two
 * images:
 *
 *     Sigma[p, q] = gamma(p - q), gamma the periodic autocorrelation of t
 *     (A x)(i)    = sum_p a(p - r i) x(p),   pixels modulo the size of the image
 */
typedef struct {
    int rows, cols;  /* of x0, n = rows * cols; pixel (i, j) is entry i * cols + j             */
    int factor;      /* r: v is rows/r x cols/r; 1 for a convolution                           */
    gref_mat texton; /* t, n x 1, of mean 0                                            [pixel] */
    gref_mat taps; /* a, n x 1: the row of A that makes the first entry of v [measurement/pixel] */
    double mean;   /* mu is constant                                                 [pixel] */
    double sigma;  /* noise standard deviation, >= 0                           [measurement] */
    gref_mat v;    /* m x 1, m = n/r^2                                         [measurement] */
    gref_mat x0;   /* n x 1, may be empty                                            [pixel] */
} gref_stationary;

GREF_API void gref_stationary_free(gref_stationary *p);
/* Each of these fills in its part of *p; the prior comes first, v last (by hand, or by observe). */
GREF_API GREF_NODISCARD gref_status gref_stationary_adsn(gref_stationary *p, gref_cmat u,
                                                         const double *mean);
GREF_API GREF_NODISCARD gref_status gref_stationary_convolution(gref_stationary *p, gref_cmat K,
                                                                bool correlate);
GREF_API GREF_NODISCARD gref_status gref_stationary_super_resolution(gref_stationary *p, int factor,
                                                                     gref_sr_filter filter);
/* x0 ~ N(mu, Sigma), then v = A x0 + sigma n; v for the x0 that p holds. The same numbers as
 * gref_problem_observe. */
GREF_API GREF_NODISCARD gref_status gref_stationary_observe(gref_stationary *p, uint64_t seed);
GREF_API GREF_NODISCARD gref_status gref_stationary_observe_from(gref_stationary *p, uint64_t seed);

/* The problem in the Fourier basis, with its exact posterior. */
typedef struct gref_spectral gref_spectral;

GREF_API GREF_NODISCARD gref_status gref_spectral_new(gref_spectral **z, const gref_stationary *p);
GREF_API void gref_spectral_free(gref_spectral *z);
/* n; mu_post, n x 1; sqrt tr Sigma_post. */
GREF_API int gref_spectral_pixels(const gref_spectral *z);
GREF_API GREF_NODISCARD gref_status gref_spectral_posterior_mean(gref_mat mu_post,
                                                                 const gref_spectral *z);
GREF_API double gref_spectral_posterior_spread(const gref_spectral *z);
/* mu_post + Sigma_post^1/2 xi, xi normal numbers of (seed, GREF_STREAM_PRIOR, substream 1); Y
 * n x N. */
GREF_API GREF_NODISCARD gref_status gref_spectral_posterior_draw(gref_mat Y, const gref_spectral *z,
                                                                 uint64_t seed);

/* The law of the start of a sampler, by spectra. Borrows z, schedule and what spec points to. */
GREF_API GREF_NODISCARD gref_status gref_marginal_spectral(gref_marginal **law,
                                                           const gref_spectral *z,
                                                           const gref_schedule *schedule,
                                                           const gref_sampler_spec *spec);

/*
 * Covariances, as spectra and as n x n matrices in pixels. A spectrum is rows x cols, the variance
 * at each frequency, for r = 1; else m x r^4: for each frequency of v, row-major, the r^2 x r^2
 * block of the frequencies that alias to it.
 */
GREF_API void gref_spectral_spectrum_shape(int *rows, int *cols, const gref_spectral *z);
GREF_API GREF_NODISCARD gref_status gref_spectral_exact_spectrum(gref_mat S, const gref_spectral *z,
                                                                 const gref_schedule *schedule,
                                                                 int t);
GREF_API GREF_NODISCARD gref_status gref_spectral_exact_cov(gref_mat cov, const gref_spectral *z,
                                                            const gref_schedule *schedule, int t);
/* GREF_ERR_RANGE for a law that is not by spectra. */
GREF_API GREF_NODISCARD gref_status gref_marginal_spectrum(gref_mat S, const gref_marginal *law);
/* Sigma: its eigenvalues at every frequency, rows x cols; n x n. */
GREF_API GREF_NODISCARD gref_status gref_spectral_prior_spectrum(gref_mat lambda,
                                                                 const gref_spectral *z);
GREF_API GREF_NODISCARD gref_status gref_spectral_prior_cov(gref_mat cov, const gref_spectral *z);
/* A: its transfer function before decimation, rows x cols each; m x n. */
GREF_API GREF_NODISCARD gref_status gref_spectral_transfer(gref_mat re, gref_mat im,
                                                           const gref_spectral *z);
GREF_API GREF_NODISCARD gref_status gref_spectral_operator(gref_mat A, const gref_spectral *z);

/*
 * Samples of `count` chains that share their noise: Y[k] (n x N) by specs[k], as gref_sampler_draw
 * gives them; diverged[k] is set where the samples overflow, and Y[k] is then undefined.
 */
GREF_API GREF_NODISCARD gref_status gref_spectral_draw(gref_mat *Y, bool *diverged,
                                                       const gref_spectral *z,
                                                       const gref_schedule *schedule,
                                                       const gref_sampler_spec *const *specs,
                                                       int count, uint64_t seed);

#ifdef __cplusplus
}
#endif
#endif
