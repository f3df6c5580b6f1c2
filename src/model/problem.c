/*
 * The inverse problem and its exact posterior (THEORY section 1), in pixels.
 *
 *   Sigma  n x n prior covariance [pixel^2]       mu  n x 1 [pixel]
 *   A      m x n                                   v   m x 1 [measurement]
 *   K      m x m, A Sigma A^T + sigma^2 I           G   n x m, Sigma A^T K^-1
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
 * with xi of stream GREF_STREAM_PRIOR. The symmetric root makes x0 a function of (Sigma, seed) alone:
 * the eigenvectors of a stationary Sigma are not unique, those of its root are irrelevant.
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

/*
 * sigma^2 lost in the rounding of A Sigma A^T: is K = L L^T so near a singular matrix that rounding may have made the
 * difference?
 *
 *   D = diag |a_i|_2, a_i the rows of A;  K = D K' D is known to delta = (m + n) u |Sigma|_F in K'
 *
 * and 1/lambda_min(K') <= tr K'^-1 = |L^-1 D|_F^2, so a regular K' has delta |L^-1 D|_F^2 < 1.
 */
static gref_status require_regular(gref_cmat L, gref_cmat A, gref_cmat Sigma, double sigma)
{
    SCOPED(gref_mat) D = {0};
    TRY(gref_mat_new(&D, L.n, L.n));
    for (int i = 0; i < L.n; i++)
        GREF_AT(D, i, i) = gref_mat_norm_fro(gref_cmat_view(A, i, 0, 1, A.n));
    TRY(gref_trsm(D, true, L, false));
    double delta = GREF_U * (A.m + A.n) * gref_mat_norm_fro(Sigma),
           norm = gref_mat_norm_fro(gref_const(D));
    REQUIRE(delta * norm * norm < 1.0, GREF_ERR_NOT_PD,
            "sigma = %g and A Sigma A^T is singular to rounding (smallest eigenvalue about %.3g, "
            "error %.3g)",
            sigma, 1.0 / (norm * norm), delta);
    return GREF_OK;
}

/**
 * Exact posterior of x0 ~ N(mu, Sigma) given v = A x0 + sigma n.
 *
 *     K          = A Sigma A^T + sigma^2 I
 *     mu_post    = mu + Sigma A^T K^-1 (v - A mu)
 *     Sigma_post = Sigma - Sigma A^T K^-1 A Sigma
 *
 * By Cholesky of K, symmetrised: the textbook route, kept independent of the square-root route
 * (gref_modes) that the samplers use. A K that is singular to rounding fails, it is not regularised.
 *
 * @param[out] mu_post     n x 1; does not alias an input. Undefined on error.            [pixel]
 * @param[out] Sigma_post  n x n, both triangles; may alias Sigma. Undefined on error.  [pixel^2]
 * @param[in]  Sigma       n x n PSD, both triangles read.                              [pixel^2]
 * @param[in]  mu          n x 1.                                                         [pixel]
 * @param[in]  A           m x n, any rank.                                 [measurement / pixel]
 * @param[in]  sigma       noise standard deviation, >= 0.                         [measurement]
 * @param[in]  v           m x 1.                                                  [measurement]
 * @return GREF_OK; GREF_ERR_SHAPE; GREF_ERR_RANGE; GREF_ERR_NONFINITE; GREF_ERR_NOT_PD; GREF_ERR_NOMEM.
 * @error  |error| <= c (m + n) eps |Sigma| cond(K), c about 1.
 * @cost   2 m n^2 + 3 m^2 n + m^3/3 flops; 2 m n + m^2 doubles.
 * @see    THEORY section 1. Tests: test_problem.c, test_modes.c
 */
gref_status gref_posterior(gref_mat mu_post, gref_mat Sigma_post, gref_cmat Sigma, gref_cmat mu,
                           gref_cmat A, double sigma, gref_cmat v)
{
    gref_status status = GREF_OK;
    int m = A.m, n = A.n;
    SCOPED(gref_mat) SAt = {0}, K = {0}, Y = {0}, r = {0};
    TRY(gref_require_shape(Sigma, n, n, "Sigma"));
    TRY(gref_require_shape(gref_const(Sigma_post), n, n, "Sigma_post"));
    TRY(gref_require_shape(mu, n, 1, "mu"));
    TRY(gref_require_shape(gref_const(mu_post), n, 1, "mu_post"));
    TRY(gref_require_shape(v, m, 1, "v"));
    TRY(gref_require_finite(Sigma, "Sigma"));
    TRY(gref_require_finite(A, "A"));
    TRY(gref_problem_require_range(Sigma, A, sigma));
    TRY(gref_require_finite(mu, "mu"));
    TRY(gref_require_finite(v, "v"));
    TRY(gref_mat_new(&SAt, n, m));
    TRY(gref_mat_new(&K, m, m));
    TRY(gref_mat_new(&Y, m, n));
    TRY(gref_mat_new(&r, m, 1));
    TRY(gref_gemm(SAt, 1.0, Sigma, false, A, true, 0.0));
    TRY(gref_gemm(K, 1.0, A, false, gref_const(SAt), false, 0.0));
    gref_mat_symmetrise(K);
    for (int i = 0; i < m; i++)
        GREF_AT(K, i, i) += sigma * sigma;
    status = gref_cholesky(K);
    REQUIRE(status != GREF_ERR_NOT_PD, GREF_ERR_NOT_PD,
            "A Sigma A^T + sigma^2 I is not positive definite to rounding: sigma = %g, A is %d x "
            "%d, Sigma %d x %d",
            sigma, m, n, n, n);
    TRY(status);
    double a = gref_mat_norm_fro(A);
    if (sigma * sigma <= GREF_U * (m + n) * a * a * gref_mat_norm_fro(Sigma))
        TRY(require_regular(gref_const(K), A, Sigma, sigma));
    gref_mat_copy(r, v); /* L^-1 (v - A mu) */
    TRY(gref_gemv(r, -1.0, A, false, mu, 1.0));
    TRY(gref_trsm(r, true, gref_const(K), false));
    gref_mat_transpose(Y, gref_const(SAt)); /* L^-1 A Sigma */
    TRY(gref_trsm(Y, true, gref_const(K), false));
    gref_mat_copy(mu_post, mu);
    TRY(gref_gemv(mu_post, 1.0, gref_const(Y), true, gref_const(r), 1.0));
    if (Sigma_post.a != Sigma.a)
        gref_mat_copy(Sigma_post, Sigma);
    TRY(gref_syrk(Sigma_post, -1.0, gref_const(Y), true, 1.0));
    return status;
}
