/*
 * Steps on images, a column each, as published: SAMPLERS' table without its five functions and without a
 * rule's p and q where a paper has another form.
 */
#include "plain.h"

#include <math.h>
#include <string.h>

#include "support.h"

static double norm(gref_mat A)
{
    return gref_mat_norm_fro(gref_const(A));
}

static gref_mat scaled(double a, gref_mat A)
{
    return plain_kept_sum(a, A, 0, A);
}

/* A (y - root x) + to, x and to the same in every column. */
static gref_mat affine(gref_mat A, gref_mat y, double root, gref_mat x, gref_mat to)
{
    gref_mat d = scaled(1, y);
    for (int k = 0; k < d.n; k++)
        gref_mat_axpy(gref_mat_view(d, 0, k, d.m, 1), -root, gref_const(x));
    gref_mat Ad = plain_kept_product(A, false, d, false);
    for (int k = 0; k < Ad.n && to.a != NULL; k++)
        gref_mat_axpy(gref_mat_view(Ad, 0, k, Ad.m, 1), 1.0, gref_const(to));
    return Ad;
}

static gref_mat x0hat(const plain_world *w, const plain_view *x, gref_mat y)
{
    return affine(x->J, y, sqrt(x->abar), w->mu, w->mu);
}

/* G (v - A x0hat). */
static gref_mat gradient(const plain_world *w, const plain_view *x, gref_mat y)
{
    gref_mat seen = plain_kept_product(w->p->A, false, x0hat(w, x, y), false);
    return affine(x->G, scaled(-1, seen), -1, w->v, (gref_mat){0});
}

static bool in_score(const plain_world *w)
{
    return w->row->guided && w->row->placement == GREF_PLACED_BY_CONVENTION &&
           w->spec->convention.guidance == GREF_GUIDANCE_SCORE;
}

/* s~. */
static gref_mat guided_score(const plain_world *w, const plain_view *x, gref_mat y)
{
    gref_mat s = affine(scaled(-1, x->Si), y, sqrt(x->abar), w->mu, (gref_mat){0});
    return in_score(w) ? plain_kept_sum(1, s, 1, gradient(w, x, y)) : s;
}

/* ---- the probability-flow ODE ---------------------------------------------------------------- */

static bool on_vp(const plain_world *w)
{
    return w->s->kind == GREF_SCHEDULE_VP;
}

static double rate_of(const gref_schedule *s, double tau)
{
    return s->rate[0] + (s->rate[1] - s->rate[0]) * tau;
}

/*
 * du/dtau of vp, u = y:                       -beta(tau)/2 (u + s~(u))
 * du/dsigma of edm, u = y/sqrt(abar):         (u - D(u))/sigma,  D the denoised image, guided
 */
static gref_mat slope(const plain_world *w, gref_mat u, double at, double h, double *size)
{
    if (on_vp(w)) {
        double B = w->s->rate[0] * at + (w->s->rate[1] - w->s->rate[0]) * at * at / 2;
        plain_view x = plain_view_at(w, exp(-B), -expm1(-B));
        double half = rate_of(w->s, at) / 2;
        *size *= (1 + fabs(h) * half * (1 + x.lipschitz)) * x.condition;
        return plain_kept_sum(-half, u, -half, guided_score(w, &x, u));
    }
    double abar = 1 / (1 + at * at), qbar = at * at * abar, root = sqrt(abar);
    plain_view x = plain_view_at(w, abar, qbar);
    gref_mat y = scaled(root, u), D = x0hat(w, &x, y);
    if (in_score(w))
        D = plain_kept_sum(1, D, qbar / root, gradient(w, &x, y));
    *size *= (1 + fabs(h) / at * (2 + root * norm(x.J) + qbar * x.lipschitz)) * x.condition;
    return plain_kept_sum(1 / at, u, -1 / at, D);
}

static gref_mat ode(const plain_world *w, gref_mat y, int t, int next, double *size)
{
    const gref_schedule *s = w->s;
    gref_scheme scheme = w->spec->convention.scheme;
    bool vp = on_vp(w);
    double from = vp ? s->time[t] : sqrt(s->qbar[t] / s->abar[t]),
           to = vp ? s->time[next] : sqrt(s->qbar[next] / s->abar[next]), h = to - from;
    double root = vp ? 1 : sqrt(s->abar[t]), end = vp ? 1 : sqrt(s->abar[next]);
    *size = 2 / root;
    gref_mat u = scaled(1 / root, y), k1 = slope(w, u, from, h, size), sum = k1;
    if (scheme == GREF_SCHEME_HEUN && to > 0) {
        gref_mat k2 = slope(w, plain_kept_sum(1, u, h, k1), to, h, size);
        sum = plain_kept_sum(0.5, k1, 0.5, k2);
    } else if (scheme == GREF_SCHEME_RK4) {
        gref_mat k2 = slope(w, plain_kept_sum(1, u, h / 2, k1), from + h / 2, h, size);
        gref_mat k3 = slope(w, plain_kept_sum(1, u, h / 2, k2), from + h / 2, h, size);
        gref_mat k4 = slope(w, plain_kept_sum(1, u, h, k3), to, h, size);
        sum = plain_kept_sum(1 / 6.0, plain_kept_sum(1, k1, 1, k4), 1 / 3.0,
                             plain_kept_sum(1, k2, 1, k3));
    }
    return scaled(end, plain_kept_sum(1, u, h, sum));
}

/* ---- one evaluation -------------------------------------------------------------------------- */

/* beta of the step, and beta~. */
static void betas(const plain_world *w, int t, int next, double *beta, double *tilde)
{
    const gref_schedule *s = w->s;
    long double keep = 1;
    for (int j = next + 1; j <= t; j++)
        keep *= s->alpha[j];
    *beta = on_vp(w) ? rate_of(s, s->time[t]) * (s->time[t] - s->time[next])
            : s->kind == GREF_SCHEDULE_DISCRETE ? (double)(1 - keep)
                                                : (s->qbar[t] - s->qbar[next]) / s->abar[next];
    *tilde = *beta * s->qbar[next] / s->qbar[t];
}

/* sigma_t^2 of ddpm; guided-diffusion takes beta~ of the step before where its own is 0. */
static double variance_of(const plain_world *w, int t, int next)
{
    const gref_convention *c = &w->spec->convention;
    double beta, tilde, unused, clipped;
    int before = w->s->T;
    betas(w, t, next, &beta, &tilde);
    clipped = tilde;
    while (before > t && plain_next(w->spec, before) != t)
        before--;
    if (before > t && tilde == 0)
        betas(w, before, t, &unused, &clipped);
    switch (c->variance) {
    case GREF_VARIANCE_BETA:
        return beta;
    case GREF_VARIANCE_FIXED_LARGE:
        return tilde == 0 ? clipped : beta;
    case GREF_VARIANCE_FRACTION:
        return exp(c->fraction * log(beta) + (1 - c->fraction) * log(clipped));
    case GREF_VARIANCE_FILE:
        return c->variances[t - 1];
    case GREF_VARIANCE_BETA_TILDE:
        break;
    }
    return tilde;
}

/* x0hat~ = (y + (1 - a) s~)/sqrt(a), eps~ = -sqrt(1 - a) s~: sqrt(a') x0hat~ + sqrt(1 - a' - N) eps~. */
static gref_mat ddim(const plain_world *w, const plain_view *x, gref_mat y, int next, double *noise)
{
    const gref_convention *c = &w->spec->convention;
    double a = x->abar, q = x->qbar, a2 = w->s->abar[next], q2 = w->s->qbar[next];
    double tilde = (q - q2) / a2 * q2 / q, eta = c->eta;
    *noise = c->eta_on == GREF_ETA_STATE      ? eta * eta * q2
             : c->eta_on == GREF_ETA_VARIANCE ? eta * tilde
                                              : eta * eta * tilde;
    gref_mat s = guided_score(w, x, y), x0 = plain_kept_sum(1 / sqrt(a), y, q / sqrt(a), s);
    return plain_kept_sum(sqrt(a2), x0, -sqrt(fmax(q2 - *noise, 0)) * sqrt(q), s);
}

/* p y + q s~ as each is printed; *p for the size. */
static gref_mat one_evaluation(const plain_world *w, const plain_view *x, gref_mat y, int t,
                               int next, double *noise, double *p)
{
    double beta, tilde, ratio = w->s->abar[next] / x->abar, q;
    betas(w, t, next, &beta, &tilde);
    *p = sqrt(ratio);
    switch (w->spec->convention.scheme) {
    case GREF_SCHEME_DDIM:
        return ddim(w, x, y, next, noise);
    case GREF_SCHEME_EI:
        q = 2 * expm1(log(ratio) / 2);
        *noise = ratio - 1;
        break;
    case GREF_SCHEME_EM:
        *p = 1 + beta / 2;
        q = *noise = beta;
        break;
    default:
        *p = 1 / sqrt(1 - beta);
        q = beta / sqrt(1 - beta);
        *noise = variance_of(w, t, next);
    }
    return plain_kept_sum(*p, y, q, guided_score(w, x, y));
}

/* ---- projections ----------------------------------------------------------------------------- */

/* DDRM and DDNM+ on one component: x of x0hat, e of eps, `seen` = (W^T v)_i; *variance of its noise. */
static double component(const plain_world *w, double s, double x, double e, double seen, double a2,
                        double q2, double *variance)
{
    const gref_convention *c = &w->spec->convention;
    double sigma = w->p->sigma, state = sqrt(q2 / a2), k = sqrt(1 - c->eta * c->eta) * state;
    bool ddrm = strcmp(w->row->name, "ddrm") == 0;
    double b = ddrm ? c->eta_b : 1;
    *variance = c->eta * c->eta * state * state;
    if (s * state < sigma && s > 0)
        return x + k * (seen - s * x) / sigma;
    if (s * state > sigma) {
        *variance = state * state - (sigma * b / s) * (sigma * b / s);
        return (1 - b) * x + b * seen / s;
    }
    return x + k * e;
}

static gref_mat by_components(const plain_world *w, gref_mat x0, gref_mat eps, int next,
                              gref_mat *N)
{
    plain_svd d = plain_svd_of(gref_const(w->p->A));
    double a2 = w->s->abar[next], q2 = w->s->qbar[next], variance = 0;
    gref_mat x = plain_kept_product(d.V, true, x0, false),
             e = plain_kept_product(d.V, true, eps, false), VD = scaled(1, d.V);
    gref_mat seen = plain_kept_product(d.AV, true, w->v, false);
    for (int i = 0; i < x.m; i++) {
        double s = d.s.a[i];
        for (int k = 0; k < x.n; k++)
            GREF_AT(x, i, k) = component(w, s, GREF_AT(x, i, k), GREF_AT(e, i, k),
                                         s > 0 ? seen.a[i] / s : 0, a2, q2, &variance);
        for (int k = 0; k < x.m; k++)
            GREF_AT(VD, k, i) *= a2 * variance;
    }
    *N = plain_kept_product(VD, false, d.V, true);
    return scaled(sqrt(a2), plain_kept_product(d.V, false, x, false));
}

/* x0p = argmin |A u - v|^2 + rho |u - x0hat|^2, and on from it. */
static gref_mat diffpir(const plain_world *w, const plain_view *at, gref_mat y, gref_mat x0, int t,
                        int next, double *noise)
{
    const gref_convention *c = &w->spec->convention;
    const gref_schedule *s = w->s;
    double a = at->abar, q = at->qbar, a2 = s->abar[next], q2 = s->qbar[next];
    double rho = c->rho_scale * c->lambda * w->p->sigma * w->p->sigma * a / q;
    double beta = s->kind == GREF_SCHEDULE_DISCRETE ? s->beta[t] : (q - q2) / a2;
    double es = c->eta * c->eta * beta * q2 / q;
    gref_mat I = plain_keep(plain_identity(y.m)),
             AA = plain_kept_product(w->p->A, true, w->p->A, false),
             H = plain_keep(plain_inverse(gref_const(plain_kept_sum(1, AA, rho, I))));
    gref_mat Av = plain_kept_product(w->p->A, true, w->v, false);
    gref_mat x = affine(H, scaled(rho, x0), -1, Av, (gref_mat){0});
    gref_mat e = plain_kept_sum(1 / sqrt(q), y, -sqrt(a / q), x);
    *noise = c->zeta * q2 + (1 - c->zeta) * es;
    return plain_kept_sum(sqrt(a2), x, sqrt(1 - c->zeta) * sqrt(fmax(q2 - es, 0)), e);
}

static gref_mat project(const plain_world *w, const plain_view *x, gref_mat y, int t, int next,
                        double *noise, gref_mat *N)
{
    const gref_convention *c = &w->spec->convention;
    double a2 = w->s->abar[next], q2 = w->s->qbar[next];
    gref_mat x0 = x0hat(w, x, y);
    gref_mat eps = plain_kept_sum(1 / sqrt(x->qbar), y, -sqrt(x->abar / x->qbar), x0);
    if (strcmp(w->row->name, "diffpir") == 0)
        return diffpir(w, x, y, x0, t, next, noise);
    if (strcmp(w->row->name, "ddnm") != 0) {
        *noise = NAN;
        return by_components(w, x0, eps, next, N);
    }
    gref_mat seen = scaled(-1, plain_kept_product(w->p->A, false, x0, false));
    x0 = plain_kept_sum(1, x0, 1,
                        affine(plain_pinv(gref_const(w->p->A)), seen, -1, w->v, (gref_mat){0}));
    *noise = c->eta * c->eta * q2;
    return plain_kept_sum(sqrt(a2), x0, sqrt(1 - c->eta * c->eta) * sqrt(q2), eps);
}

/* ---- any of them ----------------------------------------------------------------------------- */

/* What the guidance that is added after the step is times. */
static double strength(const plain_world *w, int t, int next)
{
    const gref_convention *c = &w->spec->convention;
    if (w->row->placement == GREF_PLACED_BY_ROW)
        return sqrt(w->s->abar[t] * w->s->abar[next]);
    return c->guidance == GREF_GUIDANCE_AFTER ? 2 * c->zeta : variance_of(w, t, next);
}

gref_mat plain_step(const plain_world *w, gref_mat y, int t, double *noise, gref_mat *N,
                    double *size)
{
    gref_scheme scheme = w->spec->convention.scheme;
    int next = plain_next(w->spec, t);
    double p = 1;
    plain_view x = plain_view_at(w, w->s->abar[t], w->s->qbar[t]);
    gref_mat moved;
    *noise = 0;
    if (w->row->project != NULL) {
        plain_svd d =
            plain_svd_of(gref_const(w->p->A)); /* its basis turns by rounding over the gap */
        *size =
            4 * (1 + norm(x.J) + norm(x.Si)) * x.condition * (1 + norm(w->p->A)) * (1 + 1 / d.gap);
        return project(w, &x, y, t, next, noise, N);
    }
    if (scheme == GREF_SCHEME_EULER || scheme == GREF_SCHEME_HEUN || scheme == GREF_SCHEME_RK4) {
        moved = ode(w, y, t, next, size);
    } else {
        moved = one_evaluation(w, &x, y, t, next, noise, &p);
        *size = (2 * p + 1 + x.lipschitz * p * x.qbar) * x.condition;
        if (next == 0 && !w->spec->convention.last_noise && scheme != GREF_SCHEME_DDIM)
            *noise = 0;
    }
    if (!w->row->guided || in_score(w))
        return moved;
    double kappa = strength(w, t, next);
    *size += kappa * x.lipschitz * x.condition;
    return plain_kept_sum(1, moved, kappa, gradient(w, &x, y));
}
