/* What a row cannot do with a problem, a schedule and conventions: one list for every path. */
#include <math.h>

#include "dense/internal.h"
#include "method.h"

static gref_status refuse_times(const gref_sampler_spec *spec, int T)
{
    REQUIRE(spec->n_times != 1, GREF_ERR_RANGE,
            "times has one entry, %d: a chain has a start and an end", spec->times[0]);
    for (int k = 0; k < spec->n_times; k++) {
        REQUIRE(spec->times[k] >= 0 && spec->times[k] <= T, GREF_ERR_RANGE,
                "times: %d is outside 0..%d", spec->times[k], T);
        REQUIRE(k == 0 || spec->times[k] < spec->times[k - 1], GREF_ERR_RANGE,
                "times must decrease: %d comes after %d", spec->times[k], spec->times[k - 1]);
    }
    return GREF_OK;
}

/* C = phi A A^T + tau I with tau = 0 has no inverse unless A A^T has one; below `floor` a number is
 * as good as 0. */
static gref_status refuse_singular(const gref_row *row, const gref_row_problem *p)
{
    double floor = 2 * GREF_U * p->n * p->largest;
    bool regular = p->least > floor;
    REQUIRE(p->sigma > floor || (regular && (p->m <= p->n || p->sigma > 0.0)), GREF_ERR_NOT_PD,
            "%s with sigma = %g needs an invertible A A^T: singular values of A from %.3g to %.3g",
            row->name, p->sigma, p->least, p->largest);
    return GREF_OK;
}

static gref_status in_unit(const char *row, const char *key, double value)
{
    REQUIRE(value >= 0.0 && value <= 1.0, GREF_ERR_RANGE, "%s needs %s in [0, 1], not %g", row, key,
            value);
    return GREF_OK;
}

static gref_status refuse_projection(const gref_row *row, const gref_convention *c)
{
    TRY(in_unit(row->name, "eta", c->eta));
    TRY(in_unit(row->name, "eta_b", c->eta_b));
    TRY(in_unit(row->name, "zeta", c->zeta));
    REQUIRE(c->lambda > 0.0 && c->rho_scale > 0.0, GREF_ERR_RANGE,
            "%s needs lambda > 0 and rho_scale > 0, not %g and %g", row->name, c->lambda,
            c->rho_scale);
    return GREF_OK;
}

/* beta(t_k) dt of the step from t to next on a vp schedule. */
static gref_status refuse_large_steps(const gref_sampler_spec *spec, const gref_schedule *s)
{
    for (int t = gref_times_first(spec, s->T), next; (next = gref_times_next(spec, t)) >= 0;
         t = next) {
        double beta = s->beta[t] * (t - next);
        REQUIRE(beta < 1.0, GREF_ERR_RANGE,
                "ddpm on this vp schedule has beta_k = %g >= 1 at t = %d: it needs at least %d "
                "uniform steps",
                beta, t, s->least_steps);
    }
    return GREF_OK;
}

/* Which schemes a schedule can have. */
static gref_status refuse_scheme(const gref_row *row, const gref_sampler_spec *spec,
                                 const gref_row_problem *p)
{
    const gref_convention *c = &spec->convention;
    const gref_schedule *s = p->schedule;
    const char *name = gref_scheme_name(c->scheme);
    bool vp = s->kind == GREF_SCHEDULE_VP, edm = s->kind == GREF_SCHEDULE_EDM;
    bool many = c->scheme == GREF_SCHEME_HEUN || c->scheme == GREF_SCHEME_RK4;
    REQUIRE(vp || (c->scheme != GREF_SCHEME_EM && c->scheme != GREF_SCHEME_RK4), GREF_ERR_RANGE,
            "scheme \"%s\" needs a schedule of kind \"vp\": it takes beta(t) in continuous time",
            name);
    REQUIRE(vp || edm || (c->scheme != GREF_SCHEME_EULER && c->scheme != GREF_SCHEME_HEUN),
            GREF_ERR_RANGE, "scheme \"%s\" needs a schedule of kind \"vp\" or \"edm\"", name);
    REQUIRE(!many || !vp || s->qbar[gref_times_last(spec)] > 0.0 || p->lambda_least > 0.0,
            GREF_ERR_RANGE,
            "scheme \"%s\" evaluates the score at abar = 1, where Sigma is singular: end the "
            "schedule's span above 0",
            name);
    REQUIRE(c->scheme == GREF_SCHEME_DDPM || !row->guided || c->guidance != GREF_GUIDANCE_MEAN ||
                row->placement == GREF_PLACED_BY_ROW,
            GREF_ERR_RANGE,
            "guidance \"mean\" goes with the scheme ddpm only: its coefficient is the step's "
            "sigma_t^2");
    if (c->scheme == GREF_SCHEME_DDIM)
        TRY(in_unit("ddim", "eta", c->eta));
    if (c->variance == GREF_VARIANCE_FRACTION)
        TRY(in_unit("variance", "fraction", c->fraction));
    REQUIRE(c->variance != GREF_VARIANCE_FILE || c->variances != NULL, GREF_ERR_RANGE,
            "variance \"file\" has no numbers");
    return c->scheme == GREF_SCHEME_DDPM && vp ? refuse_large_steps(spec, s) : GREF_OK;
}

static gref_status refuse_start(const gref_row *row, const gref_convention *c)
{
    REQUIRE(c->start != GREF_START_PAPER || row->authors == GREF_AUTHORS_DDRM, GREF_ERR_RANGE,
            "start \"paper\" is \"authors\" for %s: the two differ for ddrm only", row->name);
    return GREF_OK;
}

gref_status gref_row_refuse(const gref_row *row, const gref_sampler_spec *spec,
                            const gref_row_problem *p)
{
    const gref_convention *c = &spec->convention;
    bool after = c->guidance == GREF_GUIDANCE_AFTER;
    TRY(refuse_times(spec, p->schedule != NULL ? p->schedule->T : 0));
    TRY(refuse_start(row, c));
    REQUIRE(c->fault == GREF_FAULT_NONE || c->fault == gref_row_fault(row, c), GREF_ERR_RANGE,
            "%s with the scheme \"%s\" has no fault \"%s\"", row->name, gref_scheme_name(c->scheme),
            gref_fault_name(c->fault));
    if (row->project != NULL)
        return refuse_projection(row, c);
    if (p->schedule != NULL && !row->chain)
        TRY(refuse_scheme(row, spec, p));
    if (row->norm ||
        (row->guided && !row->chain && after && row->placement == GREF_PLACED_BY_CONVENTION))
        REQUIRE(c->zeta > 0.0, GREF_ERR_RANGE, "%s needs zeta > 0, not %g",
                row->norm ? row->name : "guidance \"after\"", c->zeta);
    if (gref_row_has_guidance(row) && row->phi == NULL)
        REQUIRE(c->alpha_dps > 0.0, GREF_ERR_RANGE, "%s needs alpha > 0, not %g", row->name,
                c->alpha_dps);
    if (gref_row_has_likelihood(row) && row->phi == NULL) {
        REQUIRE(p->sigma > 0.0, GREF_ERR_RANGE,
                "%s needs sigma > 0: its C_{v|t} = sigma^2/alpha I is singular for sigma = %g",
                row->name, p->sigma);
        REQUIRE(
            isfinite(1.0 / row->tau(c, (gref_time){1.0, 0.0}, p->sigma)), GREF_ERR_RANGE,
            "%s cannot divide by its C_{v|t} = sigma^2/alpha I: sigma = %g, and sigma^2 underflows",
            row->name, p->sigma);
    }
    return row->phi_constant && !row->pseudo ? refuse_singular(row, p) : GREF_OK;
}
