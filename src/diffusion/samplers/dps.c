/*
 * dps: Diffusion posterior sampling (Chung et al. 2023; THEORY (19)).
 *
 *   C_{v|t} = sigma^2/alpha_DPS I
 *   Gamma   = (alpha_DPS/sigma^2) B^T B       g = (alpha_DPS/sigma^2) B^T r
 */
#include <math.h>

#include "base/internal.h"
#include "diffusion/internal.h"

static double precision(const gref_sampler *s)
{
    return s->spec.convention.alpha_dps / (s->z->sigma * s->z->sigma);
}

static gref_status prepare(gref_sampler *s)
{
    double alpha = s->spec.convention.alpha_dps;
    REQUIRE(alpha > 0.0, GREF_ERR_RANGE, "dps needs alpha > 0, not %g", alpha);
    REQUIRE(s->z->sigma > 0.0, GREF_ERR_RANGE,
            "dps needs sigma > 0: its C_{v|t} = sigma^2/alpha I is singular for sigma = %g",
            s->z->sigma);
    REQUIRE(
        isfinite(precision(s)), GREF_ERR_RANGE,
        "dps cannot divide by its C_{v|t} = sigma^2/alpha I: sigma = %g, and sigma^2 underflows",
        s->z->sigma);
    return gref_sampler_form_gram(s);
}

static gref_status guidance(gref_mat Gamma, gref_mat g, const gref_sampler *s, int t)
{
    (void)t;
    gref_mat_fill(Gamma, 0.0);
    gref_mat_fill(g, 0.0);
    gref_mat_axpy(Gamma, precision(s), gref_const(s->G));
    gref_mat_axpy(g, precision(s), gref_const(s->Br));
    return GREF_OK;
}

static gref_status likelihood(gref_mat C, const gref_sampler *s, int t)
{
    (void)t;
    gref_mat_fill(C, 0.0);
    for (int i = 0; i < C.m; i++)
        GREF_AT(C, i, i) = 1.0 / precision(s);
    return GREF_OK;
}

static gref_guidance_errors errors(const gref_sampler *s, int t)
{
    (void)t;
    return gref_gram_errors(s, precision(s));
}

const gref_method gref_method_dps = {
    .name = "dps",
    .title = "DPS, C_{v|t} = sigma^2/alpha I (Chung et al. 2023)",
    .guided = true,
    .prepare = prepare,
    .guidance = guidance,
    .likelihood = likelihood,
    .errors = errors,
};
