/*
 * Samples of the whole chain, by Algorithms 1 and 8 line by line: through the score, the denoised
 * image and the gradient of the likelihood, never through M_t. So the moments of the samples test the
 * exact laws, and do not repeat them.
 *
 *   E    n x N, y_t - sqrt(abar_t) mu in modes of Sigma, one sample a column             [pixel]
 *   R    m x N, C^-1 (v - A x0hat(y_t))
 *   D    n x N, gradient of log p(v | y_t)
 */
#include <math.h>

#include "base/internal.h"
#include "dense/internal.h"
#include "internal.h"
#include <gref/random.h>

/* R = C^-1 R with C = C_{v|t}; C = I for guidance "after". */
static gref_status apply_precision(gref_mat R, gref_mat C, const gref_sampler *s, int t)
{
    gref_status status = GREF_OK;
    if (s->spec.convention.guidance == GREF_GUIDANCE_AFTER)
        goto out;
    TRY(s->method->likelihood(C, s, t));
    TRY(gref_cholesky(C));
    TRY(gref_cholesky_solve(R, gref_const(C)));
out:
    return status;
}

/* D = diag(j) B^T C^-1 (r - B diag(j) E); D is also the scratch for diag(j) E. */
static gref_status gradient(gref_mat D, gref_mat R, gref_mat C, gref_cmat E, const gref_sampler *s, int t)
{
    gref_status status = GREF_OK;
    const gref_modes *z = s->z;
    gref_mat_copy(D, E);
    for (int k = 0; k < D.n; k++)
        for (int i = 0; i < D.m; i++)
            GREF_AT(D, i, k) *= gref_mode_gain(s, t, i);
    for (int k = 0; k < R.n; k++)
        gref_mat_copy(gref_mat_view(R, 0, k, R.m, 1), gref_const(z->r));
    TRY(gref_gemm(R, -1.0, gref_const(z->B), false, gref_const(D), false, 1.0));
    TRY(apply_precision(R, C, s, t));
    TRY(gref_gemm(D, 1.0, gref_const(z->B), true, gref_const(R), false, 0.0));
    for (int k = 0; k < D.n; k++)
        for (int i = 0; i < D.m; i++)
            GREF_AT(D, i, k) *= gref_mode_gain(s, t, i);
out:
    return status;
}

/* E <- (E + beta (score + [gradient]))/sqrt(alpha) + ... as the convention places the guidance. */
static void backward_step(gref_mat E, gref_cmat D, const gref_sampler *s, int t)
{
    double beta = s->schedule->beta[t], root = sqrt(s->schedule->alpha[t]);
    double kappa = gref_guidance_coefficient(s, t);
    bool in_score = s->spec.convention.guidance == GREF_GUIDANCE_SCORE;
    for (int k = 0; k < E.n; k++)
        for (int i = 0; i < E.m; i++) {
            double e = GREF_AT(E, i, k), score = -e / gref_mode_variance(s, t, i);
            double grad = s->method->guided ? GREF_AT(D, i, k) : 0.0;
            GREF_AT(E, i, k) = in_score ? (e + beta * (score + grad)) / root
                                        : (e + beta * score) / root + kappa * grad;
        }
}

/*
 * y_T: N(0, I) or the exact p_T(x | v), centred on sqrt(abar_T) mu, in modes. Z is n x N scratch. The exact
 * start is C^1/2 z by the symmetric root of C = C_{T|v}: a function of the law and the seed alone, which no
 * choice of eigenvectors enters.
 */
static gref_status start(gref_mat E, gref_mat Z, const gref_sampler *s, uint64_t seed)
{
    gref_status status = GREF_OK;
    const gref_modes *z = s->z;
    int T = s->schedule->T;
    double root = sqrt(s->schedule->abar[T]);
    gref_mat centre = {0};
    TRY(gref_mat_new(&centre, z->n, 1));
    gref_random_normal(Z, seed, GREF_STREAM_START, 0, 0);
    TRY(gref_gemm(E, 1.0, gref_const(z->U), true, gref_const(Z), false, 0.0));
    if (s->spec.convention.start == GREF_START_EXACT) {
        TRY(gref_gemm(Z, 1.0, gref_const(z->X), true, gref_const(E), false, 0.0));
        for (int k = 0; k < Z.n; k++)
            for (int i = 0; i < Z.m; i++)
                GREF_AT(Z, i, k) *= sqrt(gref_exact_variance(z, s->schedule, T, i));
        TRY(gref_gemm(E, 1.0, gref_const(z->X), false, gref_const(Z), false, 0.0));
        gref_mat_axpy(centre, root, gref_const(z->d));
    } else {
        TRY(gref_gemv(centre, -root, gref_const(z->U), true, gref_const(z->mu), 0.0));
    }
    for (int k = 0; k < E.n; k++)
        gref_mat_axpy(gref_mat_view(E, 0, k, E.m, 1), 1.0, gref_const(centre));
out:
    gref_mat_free(&centre);
    return status;
}

/**
 * Draws samples of y_0 by running the sampler.
 *
 *     y_{t-1} = (y_t + beta_t s~(y_t))/sqrt(alpha_t) + sigma_t z_t        Algorithms 1, 8
 *
 * Sample k uses numbers k n .. (k + 1) n - 1 of the streams START (y_T) and STEP, substream t (z_t, in
 * pixels): the same samples whatever N.
 *
 * @param[out] Y     n x N, one sample a column; does not alias anything. Undefined on error. [pixel]
 * @param[in]  seed  of Philox.
 * @return GREF_OK; GREF_ERR_SHAPE; GREF_ERR_NUMERICS when the chain overflows (a diverging sampler);
 *         GREF_ERR_NOT_PD; GREF_ERR_NOMEM.
 * @cost   per step 4 m n N + 2 n^2 N flops, and one m x m Cholesky factorisation.
 * @see    THEORY section 6. Tests: test_draw.c (sample moments against the exact law)
 */
gref_status gref_sampler_draw(gref_mat Y, const gref_sampler *s, uint64_t seed)
{
    gref_status status = GREF_OK;
    const gref_modes *z = s->z;
    int n = z->n, m = z->m, N = Y.n;
    gref_mat E = {0}, D = {0}, R = {0}, C = {0};
    TRY(gref_require_shape(gref_const(Y), n, N, "Y"));
    TRY(gref_mat_new(&E, n, N));
    TRY(gref_mat_new(&D, n, N));
    TRY(gref_mat_new(&R, m, N));
    TRY(gref_mat_new(&C, m, m));
    TRY(start(E, Y, s, seed));
    for (int t = s->schedule->T; t >= 1; t--) {
        if (s->method->guided)
            TRY(gradient(D, R, C, gref_const(E), s, t));
        backward_step(E, gref_const(D), s, t);
        double noise = gref_step_noise(s, t);
        if (noise > 0.0) {
            gref_random_normal(Y, seed, GREF_STREAM_STEP, (uint32_t)t, 0);
            TRY(gref_gemm(E, sqrt(noise), gref_const(z->U), true, gref_const(Y), false, 1.0));
        }
        REQUIRE(gref_mat_norm_max(gref_const(E)) <= 0x1p450, GREF_ERR_NUMERICS,
                "the samples of %s have diverged at t = %d", s->spec.label, t - 1);
    }
    TRY(gref_gemm(Y, 1.0, gref_const(z->U), false, gref_const(E), false, 0.0));
    for (int k = 0; k < N; k++)
        gref_mat_axpy(gref_mat_view(Y, 0, k, n, 1), 1.0, gref_const(z->mu));
out:
    gref_mat_free(&E);
    gref_mat_free(&D);
    gref_mat_free(&R);
    gref_mat_free(&C);
    return status;
}
