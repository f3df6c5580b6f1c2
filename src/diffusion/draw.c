/*
 * Samples of the whole chain, by the literal algorithm (literal.c): their moments test the exact
 * laws.
 *
 *   E    n x N, y_t - sqrt(abar_t) mu in modes of Sigma, one sample a column             [pixel]
 */
#include <math.h>

#include "base/internal.h"
#include "dense/internal.h"
#include "literal.h"
#include <gref/psd.h>
#include <gref/random.h>

/* N(mean, cov) in modes: mean + cov^1/2 E by the symmetric root. Z is scratch. */
static gref_status colour(gref_mat E, gref_mat centre, gref_mat Z, const gref_sampler *s)
{
    SCOPED(gref_moments) x = {0};
    SCOPED(gref_mat) R = {0};
    TRY(gref_start_moments(&x, s));
    gref_mat_copy(centre, gref_const(x.mean));
    if (x.cov.a == NULL) {
        gref_mat_copy(Z, gref_const(E));
        gref_mat_axpy(E, sqrt(x.variance) - 1.0, gref_const(Z));
        return GREF_OK;
    }
    TRY(gref_mat_new(&R, E.m, E.m));
    TRY(gref_psd_sqrt(R, gref_const(x.cov), "the covariance of the start"));
    gref_mat_copy(Z, gref_const(E));
    return gref_gemm(E, 1.0, gref_const(R), false, gref_const(Z), false, 0.0);
}

/*
 * The start, centred on sqrt(abar_T) mu, in modes. Z is n x N scratch.
 * The exact start is C^1/2 z by the symmetric root of C = C_{T|v}: a function of the law and the
 * seed alone, which no choice of eigenvectors enters.
 */
static gref_status start(gref_mat E, gref_mat Z, const gref_sampler *s, uint64_t seed)
{
    const gref_modes *z = s->z;
    int T = gref_sampler_first(s);
    double root = sqrt(s->schedule->abar[T]);
    SCOPED(gref_mat) centre = {0};
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
        TRY(colour(E, centre, Z, s));
        TRY(gref_gemv(centre, -root, gref_const(z->U), true, gref_const(z->mu), 1.0));
    }
    for (int k = 0; k < E.n; k++)
        gref_mat_axpy(gref_mat_view(E, 0, k, E.m, 1), 1.0, gref_const(centre));
    return GREF_OK;
}

/**
 * Draws samples of y_0 by running the sampler.
 *
 *     y_{t-1} = (y_t + beta_t s~(y_t))/sqrt(alpha_t) + sigma_t z_t        Algorithms 1, 8
 *
 * Sample k uses numbers k n .. (k + 1) n - 1 of the streams START (y_T) and STEP, substream t (z_t,
 * in pixels): the same samples whatever N.
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
    SCOPED(gref_literal) l = {0};
    SCOPED(gref_mat) E = {0};
    TRY(gref_require_shape(gref_const(Y), s->z->n, Y.n, "Y"));
    TRY(gref_literal_new(&l, s, NULL, 1));
    TRY(gref_mat_new(&E, Y.m, Y.n));
    TRY(start(E, Y, s, seed));
    int t = gref_sampler_first(s);
    for (int next; (next = gref_sampler_next(s, t)) >= 0; t = next) {
        TRY(gref_literal_step(E, &l, t));
        if (gref_literal_is_noisy(&l, t)) {
            gref_random_normal(Y, seed, GREF_STREAM_STEP, (uint32_t)t, 0);
            TRY(gref_literal_add_noise(E, &l, t, gref_const(Y)));
        }
        REQUIRE(gref_literal_alive(gref_const(E)), GREF_ERR_NUMERICS,
                "the samples of %s have diverged at t = %d", s->spec.label, next);
    }
    return gref_literal_leave(Y, &l, gref_literal_root(&l, t), gref_const(E));
}
