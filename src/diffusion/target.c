/*
 * The law that every sampler aims at, the exact p_t(x | v) (THEORY section 6).
 *
 *   exact       C_{t|v} = abar_t Sigma_post + (1 - abar_t) I, mu_{t|v} = sqrt(abar_t) mu_post
 */
#include <math.h>

#include "base/internal.h"
#include "dense/internal.h"
#include "internal.h"

double gref_target_variance(const gref_modes *z, gref_time at, int i)
{
    return gref_forward_variance(at, z->rho.a[i] * z->rho.a[i]);
}

void gref_target_factor(gref_mat L, const gref_modes *z, gref_time at)
{
    for (int j = 0; j < z->n; j++) {
        double sd = sqrt(gref_target_variance(z, at, j));
        for (int i = 0; i < z->n; i++)
            GREF_AT(L, i, j) = GREF_AT(z->X, i, j) * sd;
    }
}

double gref_exact_variance(const gref_modes *z, const gref_schedule *schedule, int t, int i)
{
    return gref_target_variance(z, gref_time_at(schedule, t), i);
}

void gref_exact_factor(gref_mat L, const gref_modes *z, const gref_schedule *schedule, int t)
{
    gref_target_factor(L, z, gref_time_at(schedule, t));
}

gref_status gref_law_require_shapes(gref_mat mean, gref_mat cov, int n, int t, int T)
{
    TRY(gref_require_shape(gref_const(mean), n, 1, "mu_{t|v}"));
    TRY(gref_require_shape(gref_const(cov), n, n, "C_{t|v}"));
    REQUIRE(t >= 0 && t <= T, GREF_ERR_RANGE, "t = %d is outside 0..%d", t, T);
    return GREF_OK;
}

/* mean = sqrt(abar_t) (mu + U d) + U zmean; zmean is used up. */
gref_status gref_mean_to_pixels(gref_mat mean, gref_mat zmean, const gref_modes *z, double abar)
{
    gref_mat_axpy(zmean, sqrt(abar), gref_const(z->d));
    gref_mat_copy(mean, gref_const(z->mu));
    return gref_gemv(mean, 1.0, gref_const(z->U), false, gref_const(zmean), sqrt(abar));
}

/**
 * The exact law of x_t given v.
 *
 *     mu_{t|v} = sqrt(abar_t) mu_post,   C_{t|v} = abar_t Sigma_post + (1 - abar_t) I
 *
 * @param[out] mean  n x 1. Undefined on error.                                           [pixel]
 * @param[out] cov   n x n, both triangles. Undefined on error.                         [pixel^2]
 * @param[in]  t     0..T; at 0 this is the posterior.
 * @return GREF_OK; GREF_ERR_SHAPE; GREF_ERR_RANGE; GREF_ERR_NOMEM.
 * @error  |error in cov| <= c n eps |C_{t|v}|; relative in the standard deviations.
 * @see    THEORY section 6. Tests: test_conditional.c
 */
gref_status gref_conditional_exact(gref_mat mean, gref_mat cov, const gref_modes *z,
                                   const gref_schedule *schedule, int t)
{
    SCOPED(gref_mat) L = {0}, UL = {0}, zmean = {0};
    TRY(gref_law_require_shapes(mean, cov, z->n, t, schedule->T));
    TRY(gref_mat_new(&L, z->n, z->n));
    TRY(gref_mat_new(&UL, z->n, z->n));
    TRY(gref_mat_new(&zmean, z->n, 1));
    gref_exact_factor(L, z, schedule, t);
    TRY(gref_gemm(UL, 1.0, gref_const(z->U), false, gref_const(L), false, 0.0));
    TRY(gref_syrk(cov, 1.0, gref_const(UL), false, 0.0));
    return gref_mean_to_pixels(mean, zmean, z, schedule->abar[t]);
}
