/* The modelled likelihood p(v | x_t) = N(A x0hat(x_t), C_{v|t}) (THEORY section 4). */
#include "base/internal.h"
#include "diffusion/internal.h"

/* r_t^2 of PiGDM: 1 - abar, (1 - abar)/abar or (1 - abar)/(2 - abar) = (1 - abar)/(1 + (1 - abar)). */
double gref_r2_value(gref_r2 r2, const gref_schedule *schedule, int t)
{
    double q = schedule->qbar[t];
    switch (r2) {
    case GREF_R2_1_ABAR_ABAR:
        return q / schedule->abar[t];
    case GREF_R2_1_ABAR_2_ABAR:
        return q / (1.0 + q);
    case GREF_R2_1_ABAR:
        break;
    }
    return q;
}

/**
 * Covariance of the modelled likelihood.
 *
 *     DPS    sigma^2/alpha_DPS I                                                  (19)
 *     PiGDM  r_t^2 A A^T + sigma^2 I                                              (21)
 *     CGDM   (1 - abar_t) A Sigma Sigma_t^-1 A^T + sigma^2 I                      (22)
 *
 * @param[out] C  m x m, both triangles. Undefined on error.                  [measurement^2]
 * @param[in]  s  a guided sampler.
 * @param[in]  t  0..T.
 * @return GREF_OK; GREF_ERR_SHAPE; GREF_ERR_RANGE (t outside 0..T; a sampler without likelihood);
 *         GREF_ERR_NOMEM.
 * @error  c n eps |A|^2 |Sigma|, c about 1.
 * @see    THEORY section 4. Tests: test_likelihood.c
 */
gref_status gref_likelihood_cov(gref_mat C, const gref_sampler *s, int t)
{
    TRY(gref_require_shape(gref_const(C), s->z->m, s->z->m, "C_{v|t}"));
    REQUIRE(t >= 0 && t <= s->schedule->T, GREF_ERR_RANGE, "t = %d is outside 0..%d", t,
            s->schedule->T);
    TRY(gref_sampler_require_law(s));
    REQUIRE(s->method->guided, GREF_ERR_RANGE, "%s has no C_{v|t}: it does not use v",
            s->method->name);
    return s->method->likelihood(C, s, t);
}
