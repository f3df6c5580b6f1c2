/*
 * Bounds that travel with the law of y_t: how far the computed moments may be from those of the
 * exact sampler on the given doubles. O(n^2) a step, norms only; errors/perturb.c has the formulas,
 * this file the sizes and the units.
 *
 *   mean    |m_t - exact|, cov  |P_t - exact|_F, w2  W2(N(m_t, P_t), exact law)
 *   floor   P_t >= floor I for the computed P_t: a step leaves least^2 floor + N, M^T M >= least^2 I
 *   F       error of the spectrum that the steps are functions of: |U^^T Sigma U^ - diag(lambda)|_F, or that of
 *           Sigma_post for steps in its modes
 */
#include <math.h>

#include "base/internal.h"
#include "dense/bound.h"
#include "dense/internal.h"
#include "errors/perturb.h"
#include "internal.h"

/* The spectrum that the steps are functions of: its ends, and F. */
typedef struct {
    double least, most, F;
} spectrum;

static spectrum spectrum_of(const gref_sampler *s)
{
    const gref_modes *z = s->z;
    double rho = z->rho.a[z->n - 1], most = z->rho.a[0] * z->rho.a[0];
    if (gref_sampler_runs_on_posterior(s))
        return (spectrum){rho * rho, most, z->errors.post_cov + 2 * most * z->errors.X};
    return (spectrum){z->lambda.a[0], z->lambda.a[z->n - 1], z->errors.Sigma};
}

int gref_target_kernel(const gref_sampler *s, int t)
{
    int count = 0, n = s->z->n;
    if (s->schedule->qbar[t] == 0.0)
        while (count < n && s->z->lambda.a[count] == 0.0)
            count++;
    return count;
}

/*
 * The exact law at t, as far as it is known: cov in Frobenius norm, w2 of the centred laws, mean.
 * Off the range of Sigma the roots of both laws are rounding, but not Lipschitz in it: for t = 0
 * the range is told apart.
 */
gref_law_errors gref_exact_errors(const gref_sampler *s, int t)
{
    const gref_modes_errors *z = &s->z->errors;
    double abar = s->schedule->abar[t], q = s->schedule->qbar[t], cov = abar * z->post_cov;
    double size = sqrt(s->z->n * (abar * s->z->rho.a[0] * s->z->rho.a[0] + q));
    double w2 = fmin(sqrt(abar) * z->post_w2, gref_change_of_root(s->z->n, q, cov));
    double range = z->post_range, kernel = z->post_kernel; /* abar = 1 where they matter */
    if (gref_sampler_runs_on_posterior(s)) { /* in the modes of the computed Sigma_post */
        int zeros = gref_target_kernel(s, t);
        double F = spectrum_of(s).F, rho = zeros < s->z->n ? s->z->rho.a[s->z->n - zeros - 1] : 0.0;
        range = gref_change_of_root(s->z->n, rho * rho - F, F);
        kernel = sqrt(zeros) * F;
    }
    return (gref_law_errors){.mean = sqrt(abar) * z->post_mean * GREF_INFLATE,
                             .cov = cov * GREF_INFLATE,
                             .w2 = (w2 + 8 * GREF_U * size) * GREF_INFLATE,
                             .floor = q,
                             .range = (range + 8 * GREF_U * size) * GREF_INFLATE,
                             .kernel = kernel * GREF_INFLATE};
}

gref_law_errors gref_start_errors(const gref_sampler *s)
{
    if (!s->proved)
        return (gref_law_errors){.mean = INFINITY, .cov = INFINITY, .w2 = INFINITY};
    int n = s->z->n, T = gref_sampler_first(s);
    bool posterior = gref_sampler_runs_on_posterior(s);
    if (s->spec.convention.start == GREF_START_EXACT) {
        gref_law_errors e = gref_exact_errors(s, T);
        e.w2 = (e.w2 + (posterior ? 0.0 : e.mean)) * GREF_INFLATE;
        return e;
    }
    double size = gref_norm_fro_up(gref_const(s->z->mu)) + gref_norm_fro_up(gref_const(s->z->d));
    double rounding = (s->z->errors.U + gref_gamma_up(2 * n + 8) * sqrt(n)) * size;
    double centre = posterior ? s->z->errors.post_mean + s->z->errors.X * size : 0.0;
    double mean = sqrt(s->schedule->abar[T]) * (rounding + centre) * GREF_INFLATE;
    return (gref_law_errors){.mean = mean, .w2 = mean, .floor = 1.0};
}

/*
 * What separates M and c of a step from the exact ones: that of the data; 14 u for a gain, which
 * passes 13 roundings of the schedule and of method/rule.c, each relative, and is largest at an end
 * of the spectrum; 16 u for the shift.
 */
static gref_step_change step_errors(const gref_sampler *s, const gref_step *step, int t)
{
    int n = s->z->n;
    gref_rule r = gref_sampler_rule(s, t);
    spectrum k = spectrum_of(s);
    double abar = r.at.abar, qbar = r.at.qbar, root = sqrt(abar), low = abar * k.least + qbar;
    double d = gref_norm_fro_up(gref_const(s->z->d));
    gref_step_parts p = {
        .D_gain =
            gref_change_of_ratio((gref_ratio){r.h, r.c, abar, qbar}, k.least, k.least - k.F, k.F) +
            14 * GREF_U *
                fmax(fabs(gref_rule_gain(&r, k.least)), fabs(gref_rule_gain(&r, k.most)))};
    if (!gref_sampler_runs_on_posterior(s)) { /* there c = 0 */
        p.push = r.q * root * d;
        p.D_shift =
            gref_change_of_ratio((gref_ratio){0, 1, abar, qbar}, k.least, k.least - k.F, k.F) +
            16 * GREF_U / low;
    }
    if (step->diagonal)
        return gref_change_of_step(&p);
    gref_guidance_errors g = gref_guidance_errors_at(s, t);
    for (int i = 0; i < n; i++)
        p.J = fmax(p.J, gref_mode_gain(s, t, i));
    p.D_J = gref_change_of_ratio((gref_ratio){root, 0, abar, qbar}, k.least, k.least - k.F, k.F) +
            8 * GREF_U * p.J;
    p.J += p.D_J;
    p.kappa = r.kappa;
    p.x = root * d;
    p.Gamma = g.Gamma;
    p.D_Gamma = g.dGamma;
    p.y = g.g + g.dg + g.Gamma * p.J * p.x;
    p.D_g = g.dg + gref_gamma_up(n + 8) * (sqrt(n) * g.Gamma * p.J * p.x + g.g);
    return gref_change_of_step(&p);
}

/* Unknown stays unknown, never 0 times infinity; what a step adds is then an estimate, as if M were
 * well conditioned. */
static void estimate(gref_law_errors *e, const gref_step *step, const gref_law_size *p,
                     double spread, gref_law_change rounding)
{
    double unit = gref_gamma_up(step->M.m + 4) * step->norm_abs;
    e->mean = e->cov = e->w2 = INFINITY;
    e->fresh = unit * spread + rounding.w2;
    e->fresh_mean = unit * p->mean + rounding.mean;
}

void gref_errors_step(gref_law_errors *e, const gref_sampler *s, int t, const gref_step *step,
                      const gref_law_size *p)
{
    gref_law_norms law = {
        .mean = p->mean, .cov = p->cov, .spread = sqrt(p->trace + p->mean * p->mean)};
    gref_step_arithmetic a = {.n = s->z->n,
                              .diagonal = step->diagonal,
                              .dense = p->dense,
                              .M = step->norm,
                              .M_abs = step->norm_abs,
                              .mean = p->mean,
                              .cov = p->cov,
                              .trace = p->trace,
                              .shift = p->shift,
                              .noise = step->noise,
                              .floor = step->noise + step->least * step->least * e->floor,
                              .factor = p->factor_error};
    gref_law_change r = gref_rounding_of_step(&a);
    gref_step_change d = {INFINITY, INFINITY};
    e->floor = fmax(a.floor - r.cov, 0.0) / GREF_INFLATE;
    if (s->proved)
        d = step_errors(s, step, t);
    if (!isfinite(e->w2 + e->cov + e->mean + d.M + d.c)) {
        estimate(e, step, p, law.spread, r);
        return;
    }
    double M = step->norm + d.M;
    gref_law_change fresh = gref_change_by_step(d, M, law, r);
    gref_law_change next = gref_change_carried((gref_law_change){e->mean, e->cov, e->w2}, M, fresh);
    *e = (gref_law_errors){.mean = next.mean,
                           .cov = next.cov,
                           .w2 = next.w2,
                           .floor = e->floor,
                           .fresh = fresh.w2 + d.M * e->w2,
                           .fresh_mean = fresh.mean + d.M * e->mean};
}
