/*
 * The table of methods: every path reads it (THEORY section 4). A method is a row.
 *
 *     C = A phi(Sigma) A^T + tau I                phi_exact = (1 - abar) lambda/s, tau_exact = sigma^2
 *
 *     dps     phi = 0                             tau = sigma^2/alpha                                      (19)
 *     pigdm   phi = r_t^2                         tau = sigma^2                                            (21)
 *     cgdm    phi = phi_exact                     tau = sigma^2                                            (22)
 *
 * The differences phi - phi_exact and tau - sigma^2 are known without cancellation:
 *
 *     dps     -phi_exact                          sigma^2 (1 - alpha)/alpha
 *     pigdm   r_t^2 (1 - abar)(1 - c lambda)/s    0,           c = 1, 0, 2 for r_t^2 = e, e/abar, e/(1 + e), e = 1 - abar
 */
#include <math.h>

#include "dense/internal.h"
#include "method.h"

double gref_r2_value(gref_r2 r2, gref_time at)
{
    switch (r2) {
    case GREF_R2_1_ABAR_ABAR:
        return at.qbar / at.abar;
    case GREF_R2_1_ABAR_2_ABAR:
        return at.qbar / (1.0 + at.qbar);
    case GREF_R2_1_ABAR:
        break;
    }
    return at.qbar;
}

double gref_r2_slope(gref_r2 r2)
{
    return r2 == GREF_R2_1_ABAR_ABAR ? 0.0 : r2 == GREF_R2_1_ABAR_2_ABAR ? 2.0 : 1.0;
}

static double tau_exact(const gref_convention *c, double sigma)
{
    (void)c;
    return sigma * sigma;
}

static double tau_dps(const gref_convention *c, double sigma)
{
    return sigma * sigma / c->alpha_dps;
}

static double tau_excess_dps(const gref_convention *c, double sigma)
{
    return sigma * sigma * ((1.0 - c->alpha_dps) / c->alpha_dps);
}

static double phi_excess_dps(const gref_convention *c, gref_time at, double lambda)
{
    (void)c;
    return -gref_forward_cov(at, lambda);
}

static double phi_pigdm(const gref_convention *c, gref_time at, double lambda)
{
    (void)lambda;
    return gref_r2_value(c->r2, at);
}

static double phi_excess_pigdm(const gref_convention *c, gref_time at, double lambda)
{
    if (!(at.qbar > 0.0))
        return 0.0;
    double s = gref_forward_variance(at, lambda);
    return gref_r2_value(c->r2, at) * (at.qbar / s) * (1.0 - gref_r2_slope(c->r2) * lambda);
}

static double phi_cgdm(const gref_convention *c, gref_time at, double lambda)
{
    (void)c;
    return gref_forward_cov(at, lambda);
}

static const gref_row rows[] = {
    {.name = "ddpm", .title = "unconditional DDPM (Algorithm 1): samples the prior, ignores v"},
    {.name = "dps",
     .title = "DPS, C_{v|t} = sigma^2/alpha I (Chung et al. 2023)",
     .guided = true,
     .tau = tau_dps,
     .tau_excess = tau_excess_dps,
     .phi_excess = phi_excess_dps},
    {.name = "pigdm",
     .title = "PiGDM, C_{v|t} = r_t^2 A A^T + sigma^2 I (Song et al. 2023)",
     .guided = true,
     .tau = tau_exact,
     .phi = phi_pigdm,
     .phi_constant = true,
     .phi_excess = phi_excess_pigdm},
    {.name = "cgdm",
     .title = "CGDM, the exact C_{v|t} (Pierret & Galerne 2025)",
     .guided = true,
     .exact = true,
     .tau = tau_exact,
     .phi = phi_cgdm},
    {.name = "affine",
     .title = "the steps of a file: y' = M y + b + N(0, N)",
     .guided = true,
     .chain = true},
    {.name = "dps-norm",
     .title = "DPS with the gradient of the norm, step zeta (28): no Gaussian law, replay and "
              "samples only",
     .guided = true,
     .norm = true},
};
enum { N_ROWS = sizeof rows / sizeof *rows };

const gref_row *gref_row_at(int k)
{
    return k >= 0 && k < N_ROWS ? &rows[k] : NULL;
}

const gref_row *gref_row_find(const char *name)
{
    for (int k = 0; k < N_ROWS; k++)
        if (strcmp(rows[k].name, name) == 0)
            return &rows[k];
    return NULL;
}

bool gref_row_has_likelihood(const gref_row *row)
{
    return row->tau != NULL;
}

/* The row k = 0, 1, ... that has a Gaussian law and needs nothing but its name; NULL after the
 * last. */
static const gref_row *gaussian_row(int k)
{
    for (int i = 0; i < N_ROWS; i++)
        if (!rows[i].norm && !rows[i].chain && k-- == 0)
            return &rows[i];
    return NULL;
}

/** Name of method k, as in a case's "samplers"; NULL when k is outside the table. */
const char *gref_sampler_name(int k)
{
    const gref_row *row = gaussian_row(k);
    return row != NULL ? row->name : NULL;
}

/** One line about method k; NULL when k is outside the table. */
const char *gref_sampler_title(int k)
{
    const gref_row *row = gaussian_row(k);
    return row != NULL ? row->title : NULL;
}

/**
 * What a program asks before it begins to compute laws.
 * @return GREF_OK; GREF_ERR_RANGE for a method that has no Gaussian law, and for an unknown name.
 */
gref_status gref_sampler_require_gaussian(const char *name)
{
    const gref_row *row = gref_row_find(name);
    REQUIRE(row != NULL, GREF_ERR_RANGE, "no sampler is called \"%s\"", name);
    REQUIRE(!row->norm, GREF_ERR_RANGE,
            "%s has no Gaussian law: the gradient of a norm is not affine in y_t; it can be "
            "replayed and drawn",
            name);
    return GREF_OK;
}

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

gref_status gref_row_refuse(const gref_row *row, const gref_sampler_spec *spec,
                            const gref_row_problem *p)
{
    const gref_convention *c = &spec->convention;
    bool after = c->guidance == GREF_GUIDANCE_AFTER;
    TRY(refuse_times(spec, p->T));
    REQUIRE(c->scheme == GREF_SCHEME_DDPM || (c->eta >= 0.0 && c->eta <= 1.0), GREF_ERR_RANGE,
            "ddim needs eta in [0, 1], not %g", c->eta);
    REQUIRE(c->scheme == GREF_SCHEME_DDPM || !row->guided || c->guidance != GREF_GUIDANCE_MEAN,
            GREF_ERR_RANGE,
            "guidance \"mean\" goes with the scheme ddpm only: its coefficient is the step's "
            "sigma_t^2");
    if (row->norm || (row->guided && !row->chain && after))
        REQUIRE(c->zeta > 0.0, GREF_ERR_RANGE, "%s needs zeta > 0, not %g",
                row->norm ? row->name : "guidance \"after\"", c->zeta);
    if (!gref_row_has_likelihood(row))
        return GREF_OK;
    if (row->phi == NULL) {
        REQUIRE(c->alpha_dps > 0.0, GREF_ERR_RANGE, "%s needs alpha > 0, not %g", row->name,
                c->alpha_dps);
        REQUIRE(p->sigma > 0.0, GREF_ERR_RANGE,
                "%s needs sigma > 0: its C_{v|t} = sigma^2/alpha I is singular for sigma = %g",
                row->name, p->sigma);
        REQUIRE(
            isfinite(1.0 / row->tau(c, p->sigma)), GREF_ERR_RANGE,
            "%s cannot divide by its C_{v|t} = sigma^2/alpha I: sigma = %g, and sigma^2 underflows",
            row->name, p->sigma);
    }
    return row->phi_constant ? refuse_singular(row, p) : GREF_OK;
}
