/*
 * The rows of the table of methods, a block of aliased frequencies at a time (THEORY sections 4, 7
 * and 9).
 *
 *     lambda_k   eigenvalues of Sigma in the block                                        [pixel^2]
 *     a_k        the entry of A's row for frequency k of the block           [measurement / pixel]
 *     C          C_{v|t} is a scalar there, sum_k a_k^2 phi(lambda_k) + tau         [measurement^2]
 */
#include <math.h>

#include "base/internal.h"
#include "dense/internal.h"
#include "internal.h"

/* A A^T in block b. */
static double row_squared(const gref_spectral *z, int b)
{
    double sum = 0.0;
    for (int k = 0; k < z->q; k++)
        sum += GREF_AT(z->a, k, b) * GREF_AT(z->a, k, b);
    return sum;
}

/* sum_k a_k^2 f(lambda_k): A f(Sigma) A^T in block b. */
static double filtered(double (*f)(const gref_convention *, gref_time, double),
                       const gref_spectral_sampler *s, gref_time at, int b)
{
    double sum = 0.0;
    for (int k = 0; f != NULL && k < s->z->q; k++) {
        double a = GREF_AT(s->z->a, k, b);
        sum += a == 0.0 ? 0.0 : a * a * f(&s->spec.convention, at, GREF_AT(s->z->lambda, k, b));
    }
    return sum;
}

/* The row sums of a circulant matrix are its eigenvalue for the constant image, block 0. */
double gref_spectral_likelihood(const gref_spectral_sampler *s, double abar, double qbar, int b)
{
    gref_time at = {abar, qbar};
    return filtered(s->row->phi, s, at, s->row->rows_summed ? 0 : b) +
           s->row->tau(&s->spec.convention, at, s->z->sigma);
}

double gref_spectral_likelihood_excess(const gref_spectral_sampler *s, double abar, double qbar,
                                       int b)
{
    gref_time at = {abar, qbar};
    if (s->row->rows_summed)
        return filtered(s->row->phi, s, at, 0) - filtered(s->row->phi, s, at, b);
    double tau =
        s->row->tau_excess != NULL ? s->row->tau_excess(&s->spec.convention, s->z->sigma) : 0.0;
    return tau + filtered(s->row->phi_excess, s, at, b);
}

/* The least and the largest singular value of A. */
static void singular_values(gref_row_problem *p, const gref_spectral *z)
{
    p->least = INFINITY;
    for (int b = 0; b < z->blocks; b++) {
        double norm = sqrt(row_squared(z, b));
        p->largest = fmax(p->largest, norm);
        p->least = fmin(p->least, norm);
    }
}

gref_status gref_spectral_sampler_init(gref_spectral_sampler *out_s, const gref_spectral *z,
                                       const gref_schedule *schedule, const gref_sampler_spec *spec)
{
    gref_spectral_sampler s = {
        .z = z, .schedule = schedule, .spec = *spec, .row = gref_row_find(spec->name)};
    gref_row_problem facts = {.m = z->n / z->q, .n = z->n, .schedule = schedule, .sigma = z->sigma};
    TRY(gref_sampler_require_gaussian(spec->name));
    REQUIRE(!s.row->chain, GREF_ERR_RANGE, "%s has no spectral form: its steps are matrices",
            spec->name);
    gref_cmat mean = spec->convention.start_mean, cov = spec->convention.start_cov;
    REQUIRE(spec->convention.start != GREF_START_GIVEN ||
                (mean.a == NULL && (cov.a == NULL || cov.m == 1)),
            GREF_ERR_RANGE, "%s has no spectral form: its start is given as a matrix", spec->label);
    REQUIRE(spec->convention.fault != GREF_FAULT_NOISE_WITHOUT_VT, GREF_ERR_RANGE,
            "%s has no spectral form: its fault \"%s\" depends on a basis of the kernel of A",
            spec->label, gref_fault_name(spec->convention.fault));
    singular_values(&facts, z);
    facts.lambda_least = INFINITY;
    for (int i = 0; i < z->q * z->blocks; i++)
        facts.lambda_least = fmin(facts.lambda_least, z->lambda.a[i]);
    TRY(gref_row_refuse(s.row, spec, &facts));
    s.tolerance = gref_rank_tolerance(&spec->convention, facts.m, facts.n, facts.largest);
    s.general = s.row->project != NULL || gref_row_has_stages(s.row, &spec->convention);
    if (s.general && s.row->project == NULL && spec->convention.scheme == GREF_SCHEME_RK4)
        TRY(gref_schedule_doubled(&s.midpoints, schedule));
    *out_s = s;
    return GREF_OK;
}

void gref_spectral_sampler_free(gref_spectral_sampler *s)
{
    gref_schedule_free(&s->midpoints);
}

bool gref_spectral_runs_on_posterior(const gref_spectral_sampler *s)
{
    return s->row->exact && s->spec.convention.guidance == GREF_GUIDANCE_SCORE;
}

gref_rule gref_spectral_rule(const gref_spectral_sampler *s, int t)
{
    return gref_rule_at(s->row, &s->spec.convention, s->schedule,
                        gref_times_hop(&s->spec, s->schedule->T, t));
}

double gref_spectral_singular(const gref_spectral_sampler *s, int b)
{
    double norm = sqrt(row_squared(s->z, b));
    return norm > s->tolerance ? norm : 0.0;
}

double gref_spectral_strength(const gref_spectral_sampler *s, const gref_rule *rule, int b)
{
    if (!s->row->guided)
        return 0.0;
    if (gref_row_guides_plainly(s->row, &s->spec.convention))
        return rule->kappa;
    if (s->row->pseudo && gref_spectral_singular(s, b) == 0.0)
        return 0.0;
    return rule->kappa / gref_spectral_likelihood(s, rule->at.abar, rule->at.qbar, b);
}

double gref_spectral_exact_variance(const gref_spectral *z, double abar, double qbar, int k, int b)
{
    double rho = GREF_AT(z->rho, k, b);
    return gref_forward_variance((gref_time){abar, qbar}, rho * rho);
}
