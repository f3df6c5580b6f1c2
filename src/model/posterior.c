/*
 * The exact posterior by the textbook route (THEORY section 1), in pixels.
 *
 *   K      m x m, A Sigma A^T + sigma^2 I           G   n x m, Sigma A^T K^-1
 */
#include <math.h>

#include "base/internal.h"
#include "dense/internal.h"
#include "internal.h"
#include <gref/problem.h>

/*
 * sigma^2 lost in the rounding of A Sigma A^T: is K = L L^T so near a singular matrix that rounding
 * may have made the difference?
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
 * (gref_modes) that the samplers use. A K that is singular to rounding fails, it is not
 * regularised.
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
    gref_status status = gref_cholesky(K);
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
    return gref_syrk(Sigma_post, -1.0, gref_const(Y), true, 1.0);
}
