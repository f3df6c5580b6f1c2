/*
 * The table of methods: every path reads it (THEORY section 4). A method is a row. a = abar at t, a' at
 * the next visited time.
 *
 *     C = A phi(Sigma) A^T + tau I                phi_exact = (1 - a) lambda/s, tau_exact = sigma^2
 *
 *     dps             phi = 0                     tau = sigma^2/alpha                                  (19)
 *     pigdm           phi = r_t^2                 tau = sigma^2                                        (21)
 *     cgdm            phi = phi_exact             tau = sigma^2                                        (22)
 *     mmps, tmpd-full likewise                                                                         (29)
 *     tmpd            diag(A phi_exact(Sigma) A^T 1) for A phi(Sigma) A^T
 *
 *     added after the step, times sqrt(a a'):
 *     pigdm-code      phi = 1                     tau = 0, pseudo-inverse
 *     pigdm-weighted  phi = 1                     tau = sigma^2/(1 - a)
 *     dps-square      phi = 0                     tau = 1/(2 alpha)
 *
 * The differences phi - phi_exact and tau - sigma^2 are known without cancellation:
 *
 *     dps     -phi_exact                          sigma^2 (1 - alpha)/alpha
 *     pigdm   r_t^2 (1 - a)(1 - c lambda)/s       0,           c = 1, 0, 2 for r_t^2 = e, e/a, e/(1 + e), e = 1 - a
 *
 * Rows that project (ddrm, ddnm, ddnm+, diffpir) are in project.c.
 */
#include <math.h>

#include "dense/internal.h"
#include "project.h"

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

static double tau_exact(const gref_convention *c, gref_time at, double sigma)
{
    (void)c, (void)at;
    return sigma * sigma;
}

static double tau_none(const gref_convention *c, gref_time at, double sigma)
{
    (void)c, (void)at, (void)sigma;
    return 0.0;
}

static double tau_weighted(const gref_convention *c, gref_time at, double sigma)
{
    (void)c;
    return sigma * sigma / at.qbar;
}

static double tau_square(const gref_convention *c, gref_time at, double sigma)
{
    (void)at, (void)sigma;
    return 0.5 / c->alpha_dps;
}

static double phi_one(const gref_convention *c, gref_time at, double lambda)
{
    (void)c, (void)at, (void)lambda;
    return 1.0;
}

static double tau_dps(const gref_convention *c, gref_time at, double sigma)
{
    (void)at;
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

#define EXACT_LIKELIHOOD .guided = true, .exact = true, .tau = tau_exact, .phi = phi_cgdm
#define AFTER_THE_STEP .guided = true, .placement = GREF_PLACED_BY_ROW
#define PROJECTION(f) .guided = true, .project = (f), .start = GREF_START_AUTHORS

static const gref_row rows[] = {
    {.name = "unconditional",
     .alias = "ddpm",
     .title = "no guidance (Algorithm 1): samples the prior, ignores v",
     .source = "Ho et al. 2020"},
    {.name = "dps",
     .title = "DPS, C_{v|t} = sigma^2/alpha I (Chung et al. 2023)",
     .source = "Chung et al. 2023 (19)",
     .guided = true,
     .tau = tau_dps,
     .tau_excess = tau_excess_dps,
     .phi_excess = phi_excess_dps},
    {.name = "pigdm",
     .title = "PiGDM, C_{v|t} = r_t^2 A A^T + sigma^2 I (Song et al. 2023)",
     .source = "Song et al. 2023 (21)",
     .guided = true,
     .tau = tau_exact,
     .phi = phi_pigdm,
     .phi_constant = true,
     .phi_excess = phi_excess_pigdm},
    {.name = "cgdm",
     .title = "CGDM, the exact C_{v|t} (Pierret & Galerne 2025)",
     .source = "Pierret & Galerne 2025 (22)",
     EXACT_LIKELIHOOD},
    {.name = "mmps",
     .title = "MMPS solved exactly: on Gaussian images the step of cgdm (Rozet et al. 2024)",
     .source = "Rozet et al. 2024 (29)",
     EXACT_LIKELIHOOD},
    {.name = "tmpd-full",
     .title =
         "TMPD with the whole Jacobian: on Gaussian images the step of cgdm (Boys et al. 2023)",
     .source = "Boys et al. 2023",
     EXACT_LIKELIHOOD},
    {.name = "tmpd",
     .title =
         "TMPD by row sums, C_{v|t} = diag(A Cov(x0|x_t) A^T 1) + sigma^2 I (Boys et al. 2023)",
     .source = "Boys et al. 2023, azula",
     .guided = true,
     .tau = tau_exact,
     .phi = phi_cgdm,
     .rows_summed = true},
    {.name = "pigdm-code",
     .title = "PiGDM as coded: sqrt(a a') J^T A^+ (v - A x0hat) after the step, sigma unused",
     .source = "NVlabs RED-diff algos/pgdm.py, azula",
     AFTER_THE_STEP,
     .authors = GREF_AUTHORS_PINV,
     .start = GREF_START_AUTHORS,
     .tau = tau_none,
     .phi = phi_one,
     .phi_constant = true,
     .pseudo = true},
    {.name = "pigdm-weighted",
     .title = "PiGDM times r_t^2: sqrt(a a') J^T A^T (A A^T + sigma^2/(1 - a) I)^-1 (v - A x0hat) "
              "after the step",
     .source = "InverseBench algo/pigdm.py, k-diffusion-inverse-problems",
     AFTER_THE_STEP,
     .start = GREF_START_AUTHORS,
     .tau = tau_weighted,
     .phi = phi_one,
     .phi_constant = true},
    {.name = "dps-square",
     .title = "DPS on the squared norm: 2 alpha sqrt(a a') J^T A^T (v - A x0hat) after the step",
     .source = "NVlabs RED-diff algos/dps.py, original: False",
     AFTER_THE_STEP,
     .start = GREF_START_AUTHORS,
     .tau = tau_square},
    {.name = "ddrm",
     .title = "DDRM (Kawar et al. 2022)",
     .source = "Kawar et al. 2022",
     PROJECTION(gref_project_ddrm),
     .fault = GREF_FAULT_NOISE_OVER_SQRT2,
     .authors = GREF_AUTHORS_DDRM,
     .n_varies = true,
     .eta = 0.85},
    {.name = "ddnm",
     .title = "DDNM: the range of A^+ is that of the data (Wang et al. 2023)",
     .source = "Wang et al. 2023",
     PROJECTION(gref_project_ddnm),
     .eta = 0.85},
    {.name = "ddnm+",
     .title = "DDNM+ for noisy data (Wang et al. 2023)",
     .source = "Wang et al. 2023",
     PROJECTION(gref_project_ddnm_plus),
     .fault = GREF_FAULT_NOISE_WITHOUT_VT,
     .n_varies = true,
     .eta = 0.85},
    {.name = "diffpir",
     .title = "DiffPIR: x0hat by a proximal step (Zhu et al. 2023)",
     .source = "Zhu et al. 2023",
     PROJECTION(gref_project_diffpir),
     .authors = GREF_AUTHORS_PINV,
     .x_kept = true,
     .zeta = 0.3},
    {.name = "affine",
     .title = "the steps of a file: y' = M y + b + N(0, N)",
     .source = "the user",
     .guided = true,
     .chain = true},
    {.name = "dps-norm",
     .title = "DPS with the gradient of the norm, step zeta (28): no Gaussian law, replay and "
              "samples only",
     .source = "Chung et al. 2023, Algorithm 1",
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
        if (strcmp(rows[k].name, name) == 0 ||
            (rows[k].alias != NULL && strcmp(rows[k].alias, name) == 0))
            return &rows[k];
    return NULL;
}

bool gref_row_has_likelihood(const gref_row *row)
{
    return row->tau != NULL && row->placement == GREF_PLACED_BY_CONVENTION;
}

bool gref_row_has_guidance(const gref_row *row)
{
    return row->tau != NULL;
}

gref_fault gref_row_fault(const gref_row *row, const gref_convention *c)
{
    if (row->project != NULL || row->chain)
        return row->fault;
    return c->scheme == GREF_SCHEME_EM     ? GREF_FAULT_DIFFUSION_X2
           : c->scheme == GREF_SCHEME_DDIM ? GREF_FAULT_PREVIOUS_T
                                           : GREF_FAULT_NONE;
}

bool gref_row_guides_plainly(const gref_row *row, const gref_convention *c)
{
    return row->placement == GREF_PLACED_BY_CONVENTION && c->guidance == GREF_GUIDANCE_AFTER;
}

double gref_rank_tolerance(const gref_convention *c, int m, int n, double largest)
{
    return c->rank_tol > 0.0 ? c->rank_tol : (m > n ? m : n) * 2 * GREF_U * largest;
}

/** The conventions of method `name` where a case says nothing; gref_convention_default() for an unknown name. */
gref_convention gref_convention_of(const char *name)
{
    const gref_row *row = gref_row_find(name);
    gref_convention c = gref_convention_default();
    if (row != NULL) {
        c.eta = row->eta;
        c.zeta = row->zeta;
        c.start = row->start;
    }
    return c;
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
