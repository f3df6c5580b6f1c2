/*
 * The inverse problem (THEORY section 1), in pixels.
 *
 *   Sigma  n x n prior covariance [pixel^2]       mu  n x 1 [pixel]
 *   A      m x n                                   v   m x 1 [measurement]
 */
#include <math.h>

#include "base/internal.h"
#include "dense/internal.h"
#include "internal.h"
#include <gref/problem.h>
#include <gref/psd.h>
#include <gref/random.h>

/** Frees every matrix of the problem; accepts {0} and a second call. */
void gref_problem_free(gref_problem *p)
{
    gref_mat_free(&p->Sigma);
    gref_mat_free(&p->mu);
    gref_mat_free(&p->A);
    gref_mat_free(&p->v);
    gref_mat_free(&p->x0);
    gref_mat_free(&p->image);
    *p = (gref_problem){0};
}

/**
 * Measures the x0 that the problem holds.
 *
 *     v = A x0 + sigma n,   n = gref_random_normal(seed, GREF_STREAM_OBSERVATION)
 *
 * @param[in,out] p  needs x0, A and sigma; v is replaced, unchanged on error.
 * @return GREF_OK; GREF_ERR_SHAPE; GREF_ERR_RANGE (sigma < 0, infinite or NaN); GREF_ERR_NOMEM.
 * @see    THEORY (1), (11). Tests: test_problem.c
 */
gref_status gref_problem_observe_from(gref_problem *p, uint64_t seed)
{
    SCOPED(gref_mat) v = {0};
    TRY(gref_require_shape(gref_const(p->x0), p->A.n, 1, "x0"));
    REQUIRE(p->sigma >= 0.0 && isfinite(p->sigma), GREF_ERR_RANGE, "sigma must be >= 0, not %g",
            p->sigma);
    TRY(gref_mat_new(&v, p->A.m, 1));
    gref_random_normal(v, seed, GREF_STREAM_OBSERVATION, 0, 0);
    TRY(gref_gemv(v, 1.0, gref_const(p->A), false, gref_const(p->x0), p->sigma));
    gref_mat_free(&p->v);
    p->v = TAKE(v);
    return GREF_OK;
}

/**
 * Draws an image from the prior and measures it.
 *
 *     x0 = mu + Sigma^1/2 xi,   v = A x0 + sigma n
 *
 * with xi of stream GREF_STREAM_PRIOR. The symmetric root makes x0 a function of (Sigma, seed)
 * alone: the eigenvectors of a stationary Sigma are not unique, those of its root are irrelevant.
 *
 * @param[in,out] p  needs Sigma, mu, A and sigma; x0 and v are replaced, unchanged on error.
 * @return as gref_psd_require and gref_problem_observe_from.
 */
gref_status gref_problem_observe(gref_problem *p, uint64_t seed)
{
    gref_status status = GREF_OK;
    int n = p->Sigma.n;
    SCOPED(gref_mat) R = {0}, xi = {0}, x0 = {0};
    gref_mat kept = p->x0;
    TRY(gref_require_shape(gref_const(p->mu), n, 1, "mu"));
    TRY(gref_mat_new(&R, n, n));
    TRY(gref_mat_new(&xi, n, 1));
    TRY(gref_mat_new(&x0, n, 1));
    TRY(gref_psd_sqrt(R, gref_const(p->Sigma), "Sigma"));
    gref_random_normal(xi, seed, GREF_STREAM_PRIOR, 0, 0);
    gref_mat_copy(x0, gref_const(p->mu));
    TRY(gref_gemv(x0, 1.0, gref_const(R), false, gref_const(xi), 1.0));
    p->x0 = x0;
    status = gref_problem_observe_from(p, seed);
    if (status != GREF_OK) {
        p->x0 = kept;
        return status;
    }
    gref_mat_free(&kept);
    x0 = (gref_mat){0};
    return status;
}

gref_status gref_problem_require_range(gref_cmat Sigma, gref_cmat A, double sigma)
{
    REQUIRE(sigma >= 0.0 && isfinite(sigma), GREF_ERR_RANGE, "sigma must be >= 0, not %g", sigma);
    double a = gref_mat_norm_fro(A), f = a * sqrt(gref_mat_norm_fro(Sigma));
    REQUIRE(isfinite(a * a) && isfinite(f * f + sigma * sigma), GREF_ERR_RANGE,
            "A Sigma A^T + sigma^2 I overflows: sigma = %g, A is %d x %d with entries up to %.3g, "
            "Sigma %d x %d up to "
            "%.3g",
            sigma, A.m, A.n, gref_mat_norm_max(A), Sigma.m, Sigma.n, gref_mat_norm_max(Sigma));
    return GREF_OK;
}
