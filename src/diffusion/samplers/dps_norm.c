/*
 * dps-norm: DPS as it is run in practice (Chung et al. 2023, Algorithm 1; THEORY (28)).
 *
 *   y_{t-1} = (y_t + beta_t s(y_t))/sqrt(alpha_t) + sigma_t z_t - zeta grad |v - A x0hat(y_t)|
 *           = ... + zeta W^T (v - A x0hat(y_t)) / |v - A x0hat(y_t)|
 *
 * The gradient is of the norm, not of its square, and neither sigma nor C_{v|t} enters. The step is not
 * affine and the law not Gaussian: it can be drawn and replayed (literal.c), and has no law to study.
 */
#include "base/internal.h"
#include "diffusion/internal.h"

static gref_status prepare(gref_sampler *s)
{
    s->spec.convention.guidance = GREF_GUIDANCE_AFTER;
    REQUIRE(s->spec.convention.zeta > 0.0, GREF_ERR_RANGE, "dps-norm needs zeta > 0, not %g",
            s->spec.convention.zeta);
    return GREF_OK;
}

const gref_method gref_method_dps_norm = {
    .name = "dps-norm",
    .title = "DPS with the gradient of the norm, step zeta (28): no Gaussian law, replay and "
             "samples only",
    .guided = true,
    .norm = true,
    .prepare = prepare,
};
