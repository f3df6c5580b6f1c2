/*
 * Schemes: one evaluation of the score moves the state from a visited time to the next (THEORY
 * sections 6 and 7).
 *
 *     y' = p y + q s(y) + kappa grad + sqrt(N) z,        a = abar_t, a' = abar of the next time
 *
 *     ddpm   alpha = a/a', beta = 1 - alpha: p = 1/sqrt(alpha), q = beta/sqrt(alpha), c = sqrt(alpha) (1 - a'),
 *            N = beta, or beta~ = beta (1 - a')/(1 - a)
 *     ddim   N = eta^2 beta~, p = sqrt(a'/a), c = sqrt((1 - a)(1 - a' - N)), q = p (1 - a) - c
 *     ei     p = sqrt(a'/a), q = 2 (p - 1), N = a'/a - 1
 *     em     p = 1 + beta/2, q = beta, N = beta,       beta = beta(t) dt of the vp schedule
 *     euler  p = 1 + beta/2, q = beta/2, N = 0;        on edm it is ddim with eta = 0
 *
 * and c = p (1 - a) - q. heun and rk4 evaluate the same right-hand side several times
 * (diffusion/stages.c). On vp, ddpm takes alpha = 1 - beta(t) dt and the score of the continuous
 * process.
 *
 * In ddim q is a difference of near numbers where the times are near, and so is 1 - a' - N; they
 * are computed as
 *
 *     q = (1 - a)(a'/a - 1 + N)/(p (1 - a) + c),   1 - a' - N = (1 - a') [(1 - eta^2)(1 - a) + eta^2 alpha (1 - a')]/(1 - a)
 *
 * with eta in the place of eta^2 for eta_on "variance", and (1 - eta^2)(1 - a') for "state". A step
 * to t - 1 takes beta from the schedule, whose abar is their product.
 *
 * Faults: "diffusion-x2" doubles beta in q and N of em; "previous-t" takes for the a' of ddim abar at
 * t - T/K, K the number of steps.
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

gref_hop gref_times_hop(const gref_sampler_spec *spec, int T, int t)
{
    gref_hop hop = {t < T ? t + 1 : -1, t, gref_times_next(spec, t), t - 1};
    if (spec->n_times > 1) {
        hop.before = -1;
        hop.back = t - T / (spec->n_times - 1);
    }
    for (int k = 1; k < spec->n_times; k++)
        if (spec->times[k] == t)
            hop.before = spec->times[k - 1];
    return hop;
}

/* alpha = a/a' and beta = 1 - alpha of one step, and beta~. */
typedef struct {
    double alpha, beta, beta_tilde;
} ratio;

/* beta = 1 - alpha_next+1 ... alpha_t by beta <- beta_j + alpha_j beta, whose terms are all
 * positive. */
static ratio ratio_of(const gref_schedule *s, int t, int next)
{
    if (next == t - 1 && s->kind == GREF_SCHEDULE_DISCRETE)
        return (ratio){s->alpha[t], s->beta[t], s->beta_tilde[t]};
    long double beta = 0.0L;
    for (int j = next + 1; j <= t; j++)
        beta = s->decay[j] + (1.0L - s->decay[j]) * beta;
    return (ratio){s->abar[t] / s->abar[next], (double)beta,
                   (double)beta * (s->qbar[next] / s->qbar[t])};
}

/* What ddpm, em and euler take: on vp, whose grid is uniform, beta(t) times the time of the step. */
static ratio step_of(const gref_schedule *s, int t, int next)
{
    ratio k = ratio_of(s, t, next);
    if (s->kind == GREF_SCHEDULE_VP) {
        k.beta = s->beta[t] * (t - next);
        k.alpha = 1.0 - k.beta;
        k.beta_tilde = k.beta * (s->qbar[next] / s->qbar[t]);
    }
    return k;
}

static void by_score(gref_rule *r, double p, double q)
{
    r->p = p;
    r->q = q;
    r->h = p * r->at.abar;
    r->c = p * r->at.qbar - q;
}

/* Where p is no sqrt(a'/a), the mean is left behind. */
static void drifts(gref_rule *r)
{
    r->drift = r->p * sqrt(r->at.abar) - sqrt(r->next.abar);
}

static void ddpm(gref_rule *r, ratio k, bool continuous)
{
    by_score(r, 1.0 / sqrt(k.alpha), k.beta / sqrt(k.alpha));
    if (continuous) {
        drifts(r);
        return;
    }
    r->c = sqrt(k.alpha) * r->next.qbar;
    r->h = sqrt(k.alpha) * r->next.abar; /* p a */
}

static void ddim(gref_rule *r, ratio k, const gref_convention *c)
{
    bool on_variance = c->eta_on == GREF_ETA_VARIANCE;
    double eta = c->eta, square = on_variance ? eta : eta * eta;
    double rest = on_variance ? 1.0 - eta : (1.0 - eta) * (1.0 + eta); /* 1 - square */
    r->noise = square * k.beta_tilde;
    r->direction =
        r->taken.qbar * (rest * r->at.qbar + square * k.alpha * r->taken.qbar) / r->at.qbar;
    if (c->eta_on == GREF_ETA_STATE) {
        r->noise = square * r->taken.qbar;
        r->direction = rest * r->taken.qbar;
    }
    r->p = 1.0 / sqrt(k.alpha);
    r->c = sqrt(r->at.qbar * r->direction);
    r->q = r->at.qbar * (k.beta / k.alpha + r->noise) / (r->p * r->at.qbar + r->c);
    r->h = sqrt(k.alpha) * r->taken.abar;
    r->drift = sqrt(r->taken.abar) - sqrt(r->next.abar);
}

static void ei(gref_rule *r, ratio k)
{
    double p = 1.0 / sqrt(k.alpha);
    r->noise = k.beta / k.alpha;
    by_score(r, p, 2.0 * r->noise / (p + 1.0));
}

/* sigma_t^2; the last step of some takes beta~ of the step before. */
static double variance_of(const gref_convention *c, const gref_schedule *s, ratio k, gref_hop hop)
{
    bool last = s->qbar[hop.next] == 0.0 && hop.before >= 0;
    double tilde = last ? step_of(s, hop.before, hop.t).beta_tilde : k.beta_tilde;
    switch (c->variance) {
    case GREF_VARIANCE_FIXED_LARGE:
        return last ? tilde : k.beta;
    case GREF_VARIANCE_FRACTION:
        return pow(k.beta, c->fraction) * pow(tilde, 1.0 - c->fraction);
    case GREF_VARIANCE_FILE:
        return c->variances[hop.t - 1];
    case GREF_VARIANCE_BETA:
        return k.beta;
    case GREF_VARIANCE_BETA_TILDE:
        break;
    }
    return k.beta_tilde;
}

static double guidance_of(const gref_row *row, const gref_convention *c, const gref_rule *r,
                          double variance)
{
    if (row->placement == GREF_PLACED_BY_ROW)
        return sqrt(r->at.abar * r->taken.abar);
    switch (c->guidance) {
    case GREF_GUIDANCE_MEAN:
        return variance;
    case GREF_GUIDANCE_AFTER:
        return (row->norm ? 1.0 : 2.0) * c->zeta;
    case GREF_GUIDANCE_SCORE:
        break;
    }
    return r->q;
}

gref_rule gref_rule_at(const gref_row *row, const gref_convention *c, const gref_schedule *schedule,
                       gref_hop hop)
{
    gref_rule r = {.at = gref_time_at(schedule, hop.t), .next = gref_time_at(schedule, hop.next)};
    bool astray = c->fault == GREF_FAULT_PREVIOUS_T && c->scheme == GREF_SCHEME_DDIM;
    int taken = !astray ? hop.next : hop.back > 0 ? hop.back : 0;
    ratio whole = ratio_of(schedule, hop.t, taken), k = step_of(schedule, hop.t, hop.next);
    double variance = 0.0, times = c->fault == GREF_FAULT_DIFFUSION_X2 ? 2.0 : 1.0;
    r.taken = gref_time_at(schedule, taken);
    r.beta = schedule->kind == GREF_SCHEDULE_DISCRETE ? schedule->beta[hop.t] : whole.beta;
    if (row->project != NULL) {
        if (!row->n_varies)
            r.noise = row->project(c, &r, 0.0, 0.0).n;
        return r;
    }
    switch (c->scheme) {
    case GREF_SCHEME_DDPM:
        variance = r.noise = variance_of(c, schedule, k, hop);
        ddpm(&r, k, schedule->kind == GREF_SCHEDULE_VP);
        break;
    case GREF_SCHEME_DDIM:
        ddim(&r, whole, c);
        break;
    case GREF_SCHEME_EI:
        ei(&r, whole);
        break;
    case GREF_SCHEME_EM:
        r.noise = times * k.beta;
        by_score(&r, 1.0 + 0.5 * k.beta, times * k.beta);
        drifts(&r);
        break;
    case GREF_SCHEME_EULER:
    case GREF_SCHEME_HEUN:
    case GREF_SCHEME_RK4:
        if (schedule->kind == GREF_SCHEDULE_VP) {
            by_score(&r, 1.0 + 0.5 * k.beta, 0.5 * k.beta);
            drifts(&r);
        } else {
            ddim(&r, whole, &(gref_convention){0});
        }
        break;
    }
    if (hop.next == 0 && !c->last_noise && c->scheme != GREF_SCHEME_DDIM)
        r.noise = 0.0;
    r.kappa = row->guided ? guidance_of(row, c, &r, variance) : 0.0;
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
