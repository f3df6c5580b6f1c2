/*
 * Schemes: one evaluation of the score moves the state from a visited time to the next (THEORY
 * sections 6 and 7).
 *
 *     y' = p y + q s(y) + kappa grad + sqrt(N) z,        a = abar_t, a' = abar of the next time
 *
 *     ddpm   alpha = a/a', beta = 1 - alpha: p = 1/sqrt(alpha), q = beta/sqrt(alpha), c = sqrt(alpha) (1 - a'),
 *            N = beta, or beta~ = beta (1 - a')/(1 - a)
 *     ddim   N = eta^2 (1 - a/a')(1 - a')/(1 - a), p = sqrt(a'/a), c = sqrt((1 - a)(1 - a' - N)), q = p (1 - a) - c
 *
 * In ddim q is a difference of near numbers where the times are near, and so is 1 - a' - N; they
 * are computed as
 *
 *     q = (1 - a)(a'/a - 1 + N)/(p (1 - a) + c),   1 - a' - N = (1 - a') [(1 - eta^2)(1 - a) + eta^2 alpha (1 - a')]/(1 - a)
 *
 * A step to t - 1 takes alpha and beta from the schedule, whose abar is their product.
 */
#include <math.h>

#include "method.h"

int gref_times_first(const gref_sampler_spec *spec, int T)
{
    return spec->n_times > 0 ? spec->times[0] : T;
}

int gref_times_next(const gref_sampler_spec *spec, int t)
{
    if (spec->n_times == 0)
        return t - 1;
    for (int k = 0; k + 1 < spec->n_times; k++)
        if (spec->times[k] == t)
            return spec->times[k + 1];
    return -1;
}

int gref_times_last(const gref_sampler_spec *spec)
{
    return spec->n_times > 0 ? spec->times[spec->n_times - 1] : 0;
}

/* alpha = a/a' and beta = 1 - alpha of one step, and beta~. */
typedef struct {
    double alpha, beta, beta_tilde;
} ratio;

/* beta = 1 - alpha_next+1 ... alpha_t by beta <- beta_j + alpha_j beta, whose terms are all
 * positive. */
static ratio ratio_of(const gref_schedule *s, int t, int next)
{
    if (next == t - 1)
        return (ratio){s->alpha[t], s->beta[t], s->beta_tilde[t]};
    long double beta = 0.0L;
    for (int j = next + 1; j <= t; j++)
        beta = s->beta[j] + s->alpha[j] * beta;
    return (ratio){s->abar[t] / s->abar[next], (double)beta,
                   (double)beta * (s->qbar[next] / s->qbar[t])};
}

static void ddpm(gref_rule *r, ratio k)
{
    r->p = 1.0 / sqrt(k.alpha);
    r->q = k.beta / sqrt(k.alpha);
    r->c = sqrt(k.alpha) * r->next.qbar;
    r->h = sqrt(k.alpha) * r->next.abar; /* p a */
}

static void ddim(gref_rule *r, ratio k, double eta)
{
    r->noise = eta * eta * k.beta_tilde;
    r->p = 1.0 / sqrt(k.alpha);
    r->direction = r->next.qbar *
                   ((1.0 - eta * eta) * r->at.qbar + eta * eta * k.alpha * r->next.qbar) /
                   r->at.qbar;
    r->c = sqrt(r->at.qbar * r->direction);
    r->q = r->at.qbar * (k.beta / k.alpha + r->noise) / (r->p * r->at.qbar + r->c);
    r->h = sqrt(k.alpha) * r->next.abar;
}

gref_rule gref_rule_at(const gref_row *row, const gref_convention *c, const gref_schedule *schedule,
                       int t, int next)
{
    gref_rule r = {.at = gref_time_at(schedule, t), .next = gref_time_at(schedule, next)};
    ratio k = ratio_of(schedule, t, next);
    double variance = c->variance == GREF_VARIANCE_BETA ? k.beta : k.beta_tilde;
    if (c->scheme == GREF_SCHEME_DDIM) {
        ddim(&r, k, c->eta);
    } else {
        ddpm(&r, k);
        r.noise = next == 0 && !c->last_noise ? 0.0 : variance;
    }
    if (!row->guided)
        return r;
    switch (c->guidance) {
    case GREF_GUIDANCE_SCORE:
        r.kappa = r.q;
        break;
    case GREF_GUIDANCE_MEAN:
        r.kappa = variance;
        break;
    case GREF_GUIDANCE_AFTER:
        r.kappa = (row->norm ? 1.0 : 2.0) * c->zeta;
        break;
    }
    return r;
}

/* a x + b as hi + lo, to twice the working precision. */
typedef struct {
    double hi, lo;
} pair;

static pair affine(double a, double x, double b)
{
    double p = a * x, hi = p + b, part = hi - p;
    return (pair){hi, ((p - (hi - part)) + (b - part)) + fma(a, x, -p)};
}

/* Rounded once: diffusion/errors.c charges every step with the roundings of a gain. */
double gref_rule_gain(const gref_rule *rule, double lambda)
{
    pair x = affine(rule->h, lambda, rule->c), s = affine(rule->at.abar, lambda, rule->at.qbar);
    double gain = x.hi / s.hi;
    return gain + (fma(-gain, s.hi, x.hi) + (x.lo - gain * s.lo)) / s.hi;
}

double gref_rule_shift(const gref_rule *rule, double lambda, double d)
{
    return -rule->q * sqrt(rule->at.abar) * d / gref_forward_variance(rule->at, lambda);
}
