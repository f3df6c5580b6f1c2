/*
 * The published methods, a block of aliased frequencies at a time (THEORY sections 4, 7 and 9).
 *
 *     lambda_k   eigenvalues of Sigma in the block                                        [pixel^2]
 *     a_k        the row that A is there                                    [measurement / pixel]
 *     s_k        abar lambda_k + 1 - abar                                                 [pixel^2]
 *     C          C_{v|t}, a scalar: sum_k a_k^2 is all of A A^T                     [measurement^2]
 *     C - C_exact  without cancellation: with e = 1 - abar
 *
 *     dps      sigma^2/alpha              sigma^2 (1/alpha - 1) - e sum a^2 lambda/s
 *     pigdm    r2 sum a^2 + sigma^2       e r2 sum a^2 (1 - c lambda)/s,  c = 1, 0, 2 for
 *                                         r2 = e, e/abar, e/(1 + e)
 *     cgdm     e sum a^2 lambda/s + sigma^2    0
 */
#include <math.h>
#include <string.h>

#include "base/internal.h"
#include "dense/internal.h"
#include "internal.h"

/* sum_k a_k^2 (1 - slope lambda_k)/s_k, and sum_k a_k^2 lambda_k/s_k, which is 0 for lambda = s = 0. */
static double filtered(const gref_spectral *z, double abar, double qbar, double slope, int b)
{
    double sum = 0.0;
    for (int k = 0; k < z->q; k++) {
        double lambda = GREF_AT(z->lambda, k, b), a = GREF_AT(z->a, k, b);
        sum += a * a * ((1.0 - slope * lambda) / (abar * lambda + qbar));
    }
    return sum;
}

static double filtered_sigma(const gref_spectral *z, double abar, double qbar, int b)
{
    double sum = 0.0;
    for (int k = 0; k < z->q; k++) {
        double lambda = GREF_AT(z->lambda, k, b), a = GREF_AT(z->a, k, b);
        sum += lambda > 0.0 ? a * a * (lambda / (abar * lambda + qbar)) : 0.0;
    }
    return sum;
}

/* A A^T in block b. */
static double row_squared(const gref_spectral *z, int b)
{
    double sum = 0.0;
    for (int k = 0; k < z->q; k++)
        sum += GREF_AT(z->a, k, b) * GREF_AT(z->a, k, b);
    return sum;
}

static gref_status check_dps(const gref_spectral_sampler *s)
{
    double alpha = s->spec.convention.alpha_dps, sigma = s->z->sigma;
    REQUIRE(alpha > 0.0, GREF_ERR_RANGE, "dps needs alpha > 0, not %g", alpha);
    REQUIRE(sigma > 0.0, GREF_ERR_RANGE,
            "dps needs sigma > 0: its C_{v|t} = sigma^2/alpha I is singular for sigma = %g", sigma);
    return GREF_OK;
}

static double dps_likelihood(const gref_spectral_sampler *s, double abar, double qbar, int b)
{
    (void)abar;
    (void)qbar;
    (void)b;
    return s->z->sigma * s->z->sigma / s->spec.convention.alpha_dps;
}

static double dps_excess(const gref_spectral_sampler *s, double abar, double qbar, int b)
{
    double alpha = s->spec.convention.alpha_dps, sigma = s->z->sigma;
    return sigma * sigma * ((1.0 - alpha) / alpha) - qbar * filtered_sigma(s->z, abar, qbar, b);
}

static gref_status check_pigdm(const gref_spectral_sampler *s)
{
    double most = 0.0, least = INFINITY;
    if (s->z->sigma > 0.0)
        return GREF_OK;
    for (int b = 0; b < s->z->blocks; b++) {
        double norm = sqrt(row_squared(s->z, b));
        most = fmax(most, norm);
        least = fmin(least, norm);
    }
    REQUIRE(
        least > 2 * GREF_U * s->z->n * most, GREF_ERR_NOT_PD,
        "pigdm with sigma = 0 needs an invertible A A^T: singular values of A from %.3g to %.3g",
        least, most);
    return GREF_OK;
}

/* r_t^2, from 1 - abar so that nothing cancels. */
static double r2_of(gref_r2 r2, double abar, double qbar)
{
    switch (r2) {
    case GREF_R2_1_ABAR_ABAR:
        return qbar / abar;
    case GREF_R2_1_ABAR_2_ABAR:
        return qbar / (1.0 + qbar);
    case GREF_R2_1_ABAR:
        break;
    }
    return qbar;
}

static double pigdm_likelihood(const gref_spectral_sampler *s, double abar, double qbar, int b)
{
    return r2_of(s->spec.convention.r2, abar, qbar) * row_squared(s->z, b) +
           s->z->sigma * s->z->sigma;
}

static double pigdm_excess(const gref_spectral_sampler *s, double abar, double qbar, int b)
{
    double slope = s->spec.convention.r2 == GREF_R2_1_ABAR ? 1.0 : 0.0;
    if (s->spec.convention.r2 == GREF_R2_1_ABAR_2_ABAR)
        slope = 2.0;
    return qbar > 0.0 ? qbar * r2_of(s->spec.convention.r2, abar, qbar) *
                            filtered(s->z, abar, qbar, slope, b)
                      : 0.0;
}

static double cgdm_likelihood(const gref_spectral_sampler *s, double abar, double qbar, int b)
{
    return qbar * filtered_sigma(s->z, abar, qbar, b) + s->z->sigma * s->z->sigma;
}

static double no_excess(const gref_spectral_sampler *s, double abar, double qbar, int b)
{
    (void)s;
    (void)abar;
    (void)qbar;
    (void)b;
    return 0.0;
}

static const gref_spectral_method methods[] = {
    {.name = "ddpm"},
    {.name = "dps",
     .guided = true,
     .check = check_dps,
     .likelihood = dps_likelihood,
     .excess = dps_excess},
    {.name = "pigdm",
     .guided = true,
     .check = check_pigdm,
     .likelihood = pigdm_likelihood,
     .excess = pigdm_excess},
    {.name = "cgdm",
     .guided = true,
     .exact_likelihood = true,
     .likelihood = cgdm_likelihood,
     .excess = no_excess},
};

gref_status gref_spectral_sampler_init(gref_spectral_sampler *out_s, const gref_spectral *z,
                                       const gref_schedule *schedule, const gref_sampler_spec *spec)
{
    gref_spectral_sampler s = {.z = z, .schedule = schedule, .spec = *spec};
    for (size_t k = 0; k < sizeof methods / sizeof *methods; k++)
        if (strcmp(methods[k].name, spec->name) == 0)
            s.method = &methods[k];
    REQUIRE(s.method != NULL, GREF_ERR_RANGE, "no sampler called \"%s\" has a spectral form",
            spec->name);
    if (s.method->check != NULL)
        TRY(s.method->check(&s));
    REQUIRE(!s.method->guided || spec->convention.guidance != GREF_GUIDANCE_AFTER ||
                spec->convention.zeta > 0.0,
            GREF_ERR_RANGE, "guidance \"after\" needs zeta > 0, not %g", spec->convention.zeta);
    *out_s = s;
    return GREF_OK;
}

bool gref_spectral_runs_on_posterior(const gref_spectral_sampler *s)
{
    return s->method->exact_likelihood && s->spec.convention.guidance == GREF_GUIDANCE_SCORE;
}

gref_spectral_times gref_spectral_times_at(const gref_spectral_sampler *s, int t)
{
    const gref_schedule *q = s->schedule;
    const gref_convention *c = &s->spec.convention;
    double variance = c->variance == GREF_VARIANCE_BETA ? q->beta[t] : q->beta_tilde[t];
    gref_spectral_times w = {.abar = q->abar[t],
                             .qbar = q->qbar[t],
                             .root = sqrt(q->abar[t]),
                             .abar_before = q->abar[t - 1],
                             .qbar_before = q->qbar[t - 1],
                             .alpha = q->alpha[t],
                             .beta = q->beta[t],
                             .noise = t == 1 && !c->last_noise ? 0.0 : variance};
    if (!s->method->guided)
        return w;
    switch (c->guidance) {
    case GREF_GUIDANCE_SCORE:
        w.kappa = w.beta / sqrt(w.alpha);
        break;
    case GREF_GUIDANCE_MEAN:
        w.kappa = variance;
        break;
    case GREF_GUIDANCE_AFTER:
        w.kappa = 2.0 * c->zeta;
        break;
    }
    return w;
}

double gref_spectral_strength(const gref_spectral_sampler *s, const gref_spectral_times *w, int b)
{
    if (!s->method->guided)
        return 0.0;
    if (s->spec.convention.guidance == GREF_GUIDANCE_AFTER)
        return w->kappa;
    return w->kappa / s->method->likelihood(s, w->abar, w->qbar, b);
}

double gref_spectral_exact_variance(const gref_spectral *z, double abar, double qbar, int k, int b)
{
    double rho = GREF_AT(z->rho, k, b);
    return abar * (rho * rho) + qbar;
}
