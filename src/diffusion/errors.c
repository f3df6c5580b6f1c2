/*
 * Bounds that travel with the law of y_t: how far the computed moments may be from those of the exact sampler on
 * the given doubles. O(n^2) a step, norms only.
 *
 *   e.mean   |m_t - exact|, e.cov  |P_t - exact|_F, e.w2  W2(N(m_t, P_t), exact law)
 *   F        error of the spectrum: |U^^T Sigma U^ - diag(lambda)|_F, or that of Sigma_post for cgdm
 *   dM, dc   |M - M_exact|_F, |c - c_exact|
 *
 * A linear map expands W2 by at most its norm, and adding the same noise to both laws does not expand it:
 *
 *     e.w2  <- |M| e.w2 + fresh,  fresh = dM (e.w2 + sqrt(tr P + |m|^2)) + dc + rounding of the products in W2 units
 *     e.cov <- (|M| + dM)^2 e.cov + (2 |M| + dM) dM |P|_F + rounding
 *
 * where rounding dP costs at most |dP|_F/(2 sqrt(N)) because P >= N I, N the step's noise.
 *
 * dM: M = D - kappa J Gamma J. d/dlambda of sqrt(alpha) s_{t-1}/s_t is sqrt(alpha) abar_{t-1} beta/s_t^2, of j
 * sqrt(abar) q/s_t^2, and s_t >= q_t; a function with bounded derivative is Lipschitz in the Frobenius norm.
 * Scalars are computed in double and inflated by 2^-20 once.
 */
#include <math.h>

#include "base/internal.h"
#include "dense/bound.h"
#include "internal.h"

#define INFLATE (1.0 + 0x1p-20)
#define ROUNDOFF 0x1p-53

/* Error of a law in W2 units for an error dP of its covariance with least eigenvalue >= least. */
static double w2_of(double dP, double least, int n)
{
    double any = sqrt(sqrt(n) * dP);
    return least > 2 * dP ? fmin(any, dP / (2 * sqrt(least - dP))) : any;
}

/* The exact law at t, as far as it is known: cov in Frobenius norm, w2 of the centred laws, mean. */
gref_law_errors gref_exact_errors(const gref_sampler *s, int t)
{
    const gref_modes_errors *z = &s->z->errors;
    double abar = s->schedule->abar[t], q = s->schedule->qbar[t];
    gref_law_errors e = {.cov = abar * z->post_cov * INFLATE,
                         .mean = sqrt(abar) * z->post_mean * INFLATE};
    e.w2 = fmin(sqrt(abar) * z->post_w2, w2_of(abar * z->post_cov, q, s->z->n));
    e.w2 =
        (e.w2 + 8 * ROUNDOFF * sqrt(s->z->n) * sqrt(abar * s->z->rho.a[0] * s->z->rho.a[0] + q)) *
        INFLATE;
    return e;
}

gref_law_errors gref_start_errors(const gref_sampler *s)
{
    if (s->row->chain) /* nothing is proved of steps that need not be symmetric */
        return (gref_law_errors){.mean = INFINITY, .cov = INFINITY, .w2 = INFINITY};
    int n = s->z->n, T = gref_sampler_first(s);
    if (s->spec.convention.start == GREF_START_EXACT) {
        gref_law_errors e = gref_exact_errors(s, T);
        e.w2 = (e.w2 + (gref_sampler_runs_on_posterior(s) ? 0.0 : e.mean)) * INFLATE;
        return e;
    }
    double size = gref_norm_fro_up(gref_const(s->z->mu)) + gref_norm_fro_up(gref_const(s->z->d));
    double rounding = (s->z->errors.U + gref_gamma_up(2 * n + 8) * sqrt(n)) * size;
    double centre =
        gref_sampler_runs_on_posterior(s) ? s->z->errors.post_mean + s->z->errors.X * size : 0.0;
    double mean = sqrt(s->schedule->abar[T]) * (rounding + centre) * INFLATE;
    return (gref_law_errors){.mean = mean, .cov = 0.0, .w2 = mean};
}

/* What separates M and c of a step from the exact ones. */
typedef struct {
    double M, c;
} step_errors;

/* Steps that are diagonal: ddpm in the modes of Sigma, cgdm in those of Sigma_post. */
static step_errors diagonal_errors(const gref_sampler *s, const gref_rule *rule, double F)
{
    double abar = rule->at.abar, qbar = rule->at.qbar;
    double slope = abar * rule->q / (qbar * qbar);
    step_errors e = {.M = slope * F + 16 * ROUNDOFF * fmax(1.0, rule->p) * sqrt(s->z->n)};
    if (!gref_sampler_runs_on_posterior(s)) { /* c = -q sqrt(abar) d/s_t */
        double d = gref_norm_fro_up(gref_const(s->z->d)), pull = rule->q * sqrt(abar) / qbar;
        e.c = pull * d * (abar * F / qbar + 16 * ROUNDOFF);
    }
    return e;
}

static step_errors guided_errors(const gref_sampler *s, const gref_rule *rule, int t, double F)
{
    int n = s->z->n;
    gref_guidance_errors g = gref_guidance_errors_at(s, t);
    double root = sqrt(rule->at.abar), q = rule->at.qbar, kappa = rule->kappa, J = 0.0;
    for (int i = 0; i < n; i++)
        J = fmax(J, gref_mode_gain(s, t, i));
    double dJ = root * F / q + 4 * ROUNDOFF * J * sqrt(n),
           d = root * gref_norm_fro_up(gref_const(s->z->d));
    step_errors e = diagonal_errors(s, rule, F);
    double dK = 2 * J * dJ * g.Gamma + dJ * dJ * g.Gamma + (J + dJ) * (J + dJ) * g.dGamma;
    e.M += kappa * (dK + 8 * ROUNDOFF * J * J * g.Gamma * sqrt(n));
    e.c += kappa * (dK * d + (J + dJ) * g.dg + dJ * g.g);
    e.c += kappa * (gref_gamma_up(n + 8) * sqrt(n) * J * J * g.Gamma * d + 8 * ROUNDOFF * J * g.g);
    return e;
}

/* What rounding does in one step, M and c being taken as they are. */
static gref_law_errors rounding_errors(int n, const gref_step *step, const gref_law_size *p)
{
    double M = step->norm,
           products = step->diagonal ? 4 * ROUNDOFF : 2 * gref_gamma_up(n + 4) * step->norm_abs;
    gref_law_errors e = {.cov = products * M * p->cov +
                                4 * ROUNDOFF * (M * M * p->cov + step->noise * sqrt(n))};
    e.mean = step->diagonal ? 4 * ROUNDOFF * (M * p->mean + p->shift)
                            : gref_gamma_up(n + 4) * (step->norm_abs * p->mean + p->shift);
    e.w2 = p->factor_error >= 0.0 ? p->factor_error : w2_of(e.cov, step->noise, n);
    if (step->diagonal &&
        !p->dense) /* variances are products of non-negative numbers: relative rounding */
        e.w2 = 8 * ROUNDOFF * (M * sqrt(p->trace) + sqrt(n * step->noise));
    e.w2 += e.mean + 8 * ROUNDOFF * sqrt(n * step->noise);
    return e;
}

void gref_errors_step(gref_law_errors *e, const gref_sampler *s, int t, const gref_step *step,
                      const gref_law_size *p)
{
    int n = s->z->n;
    double F = gref_sampler_runs_on_posterior(s)
                   ? s->z->errors.post_cov + 4 * s->z->rho.a[0] * s->z->rho.a[0] * s->z->errors.X
                   : s->z->errors.Sigma;
    double M = step->norm, size = sqrt(p->trace + p->mean * p->mean);
    gref_law_errors r = rounding_errors(n, step, p);
    step_errors d = {INFINITY, INFINITY};
    if (!step->affine && F < 1e-3 * s->schedule->qbar[t]) {
        F *= 1.0 + 3e-3; /* s_t of the exact spectrum is >= q_t - F, and slopes go as its square */
        gref_rule rule = gref_sampler_rule(s, t);
        d = step->diagonal ? diagonal_errors(s, &rule, F) : guided_errors(s, &rule, t, F);
    }
    if (!isfinite(e->w2 + e->cov + e->mean + d.M +
                  d.c)) { /* unknown stays unknown, never 0 times infinity */
        double unit = gref_gamma_up(n + 4) * step->norm_abs;
        e->mean = e->cov = e->w2 = INFINITY;
        e->fresh = unit * size + r.w2; /* estimates: as if M were well conditioned */
        e->fresh_mean = unit * p->mean + r.mean;
        return;
    }
    e->fresh_mean = (d.M * (p->mean + e->mean) + d.c + r.mean) * INFLATE;
    e->fresh = (d.M * (size + e->w2) + d.c + r.w2) * INFLATE;
    e->w2 = (M * e->w2 + e->fresh) * INFLATE;
    e->cov = ((M + d.M) * (M + d.M) * e->cov + (2 * M + d.M) * d.M * p->cov + r.cov) * INFLATE;
    e->mean = ((M + d.M) * e->mean + d.M * p->mean + d.c + r.mean) * INFLATE;
}
