/* Exact marginal laws of a sampler, from t = T down to 0. */
#ifndef GREF_MARGINAL_H
#define GREF_MARGINAL_H

#include <gref/sampler.h>
#include <gref/wasserstein.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The law of y_t, which walks the chain. One kind is computed by matrices, another by spectra. */
typedef struct gref_marginal gref_marginal;

/* The law of the start, by matrices. Borrows the sampler. gref/spectral.h has the law by
 * spectra. */
GREF_API GREF_NODISCARD gref_status gref_marginal_new(gref_marginal **law, const gref_sampler *s);
GREF_API void gref_marginal_free(gref_marginal *law);
/* From t to the next visited time. GREF_ERR_RANGE at the end. */
GREF_API GREF_NODISCARD gref_status gref_marginal_advance(gref_marginal *law);

GREF_API int gref_marginal_t(const gref_marginal *law);
/* The visited time after t; -1 at the end of the chain. */
GREF_API int gref_marginal_next(const gref_marginal *law);
GREF_API bool gref_marginal_guided(const gref_marginal *law);
/* False for rows without a likelihood: they take p_t(x | v) to be no law. */
GREF_API bool gref_marginal_has_model(const gref_marginal *law);
/* False at the inner times of an affine chain that does not say its abar: bias and distances are
 * then refused. */
GREF_API bool gref_marginal_has_target(const gref_marginal *law);
/*
 * True once variances or means have left 2^900, 2^450, or the law is lost: it is then no longer
 * propagated. Lost is a law that unstable steps let grow and that shrank again, until the bound on
 * its rounding exceeds a tenth of its size.
 */
GREF_API bool gref_marginal_diverged(const gref_marginal *law);
GREF_API bool gref_marginal_lost(const gref_marginal *law);
/* True once this has happened to the mean, alone or with the law: mean and bias are refused,
 * w2_mean is NAN. */
GREF_API bool gref_marginal_mean_lost(const gref_marginal *law);
/* First step (from the start down) with an eigenvalue of M_t below -1, or 0 if none so far. */
GREF_API int gref_marginal_first_unstable(const gref_marginal *law);
/* The largest factor on alpha, or zeta of guidance "after", for which no step is unstable; NAN where no such scale is. */
GREF_API GREF_NODISCARD gref_status gref_marginal_stable_factor(double *factor,
                                                                const gref_marginal *law);
/* log10 of max_t sqrt(tr P_t / tr C_{t|v}) so far: how far the law has grown beyond its target. */
GREF_API double gref_marginal_growth(const gref_marginal *law);

/* In pixels. GREF_ERR_NUMERICS after divergence. */
GREF_API GREF_NODISCARD gref_status gref_marginal_mean(gref_mat mean, const gref_marginal *law);
GREF_API GREF_NODISCARD gref_status gref_marginal_cov(gref_mat cov, const gref_marginal *law);
/* m_t - mu_{t|v}, n x 1, without forming either. */
GREF_API GREF_NODISCARD gref_status gref_marginal_bias(gref_mat bias, const gref_marginal *law);

/* W2 of the law to the exact p_t(x | v), and to the prior's p_t(x). */
GREF_API GREF_NODISCARD gref_status gref_marginal_w2(gref_w2 *out, const gref_marginal *law);
GREF_API GREF_NODISCARD gref_status gref_marginal_w2_prior(gref_w2 *out, const gref_marginal *law);
/* W2 of the state as it is to the posterior or the prior, the laws at abar = 1. */
GREF_API GREF_NODISCARD gref_status gref_marginal_w2_data(gref_w2 *out, const gref_marginal *law,
                                                          bool prior);
/* W2 of the sampler's modelled law N(mu_{t|v}, C_{t|v}) at t to the exact p_t(x | v); also after
 * divergence. */
GREF_API GREF_NODISCARD gref_status gref_marginal_w2_modelled(gref_w2 *out,
                                                              const gref_marginal *law);
/*
 * As gref_marginal_w2, with a proved interval for the exact sampler on the given doubles: the
 * enclosure of the computed laws' distance widened by all that separates them from the exact ones.
 * Not certified (upper = inf) without gref_modes_measure, with sigma = 0, for an affine chain and
 * for a law by spectra.
 */
GREF_API GREF_NODISCARD gref_status gref_marginal_certify(gref_w2 *out, const gref_marginal *law);
/* Proved |m_t - exact|, |P_t - exact|_F in pixels, and W2 between the computed and the exact law;
 * infinite if unknown. */
GREF_API void gref_marginal_errors(double *mean, double *cov, double *w2, const gref_marginal *law);
/* The modelled distance at any t = 0..T, without a law. */
GREF_API GREF_NODISCARD gref_status gref_conditional_w2(gref_w2 *out, const gref_sampler *s, int t);

#ifdef __cplusplus
}
#endif
#endif
