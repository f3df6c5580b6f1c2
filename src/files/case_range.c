/*
 * How large the numbers of a case may be. Laws hold covariances and are called diverged above
 * 2^900 = 8e270; the guided means of unlucky samplers, the proofs and the gains need room below
 * that.
 *
 *   Sigma  n x n, tr Sigma <= MOST                 [pixel^2]
 *   A      m x n, |A|_F^2, |A|_F^2 tr Sigma <= MOST
 *   sigma  0, or DBL_MIN <= sigma^2 <= MOST_NOISE    [measurement]
 */
#include <float.h>
#include <math.h>

#include "internal.h"

#define MOST 1e250
#define MOST_NOISE 1e300 /* is only added, and divided by */

/* sqrt tr Sigma; a negative variance is for the tests of Sigma to name. */
static double spread_of(gref_cmat Sigma)
{
    double trace = 0.0;
    for (int i = 0; i < Sigma.n; i++)
        trace += GREF_AT(Sigma, i, i);
    return trace < 0.0 ? 0.0 : sqrt(trace);
}

gref_status gref_case_require_spread(const gref_case *c, double spread, int n)
{
    const char *key = gref_case_is(c, "prior", "gaussian") ? "prior.cov" : "prior";
    CASE_REQUIRE(spread <= sqrt(MOST), c, key,
                 "%s: the spread of the prior, sqrt tr Sigma = %.3g of %d pixels, is above %g, "
                 "where covariances "
                 "overflow: scale the images",
                 key, spread, n, sqrt(MOST));
    return GREF_OK;
}

gref_status gref_case_require_prior(const gref_case *c, gref_cmat Sigma)
{
    return gref_case_require_spread(c, spread_of(Sigma), Sigma.n);
}

gref_status gref_case_require_sigma(const gref_case *c)
{
    double sigma = gref_case_number(c, "noise", "sigma");
    CASE_REQUIRE(sigma <= sqrt(MOST_NOISE), c, "noise.sigma",
                 "noise.sigma = %g is above %g, where A Sigma A^T + sigma^2 I overflows", sigma,
                 sqrt(MOST_NOISE));
    CASE_REQUIRE(sigma == 0.0 || sigma * sigma >= DBL_MIN, c, "noise.sigma",
                 "noise.sigma = %g is so small that sigma^2 underflows: give 0, or at least %.2g",
                 sigma, sqrt(DBL_MIN));
    return GREF_OK;
}

gref_status gref_case_require_product(const gref_case *c, gref_cmat A, gref_cmat Sigma)
{
    const char *key = gref_case_is(c, "operator", "matrix") || gref_case_is(c, "operator", "kernel")
                          ? "operator.file"
                          : "operator";
    double a = gref_mat_norm_fro(A);
    CASE_REQUIRE(a <= sqrt(MOST) && a * spread_of(Sigma) <= sqrt(MOST), c, key,
                 "%s: A Sigma A^T + sigma^2 I overflows with noise.sigma = %g: A is %d x %d with "
                 "entries up to %.3g, Sigma "
                 "%d x %d up to %.3g",
                 key, gref_case_number(c, "noise", "sigma"), A.m, A.n, gref_mat_norm_max(A),
                 Sigma.m, Sigma.n, gref_mat_norm_max(Sigma));
    return GREF_OK;
}

gref_status gref_case_blame_sigma(const gref_case *c, gref_status status)
{
    if (status != GREF_ERR_NOT_PD)
        return status;
    gref_fail_context(status, "noise.sigma");
    return gref_case_blame(c, "noise.sigma", status);
}
