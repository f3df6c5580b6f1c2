/*
 * What rounding alone can put between the steps, noises and starts of the two paths (the unit and the norms
 * are those of crosscheck_bounds.c).
 *
 *     by a rule     M = gain - W^T tau W, W = A J, tau = kappa/C; C is a number for each block
 *     projecting    M = F_x J + F_e E,  E = sqrt(1 - abar) Sigma_t^-1,  F = V f V^T
 *     heun, rk4     K = g (e + S) Y stage by stage, S the score's map: a rule with q = 1
 *
 * F is a function of |A|, and where |A| moves by D, so does F by at most the largest divided difference of f times
 * sqrt(2) D (2-norms stand for Frobenius norms, as everywhere here): between neighbouring singular values where
 * those differ, which includes a jump from one branch to another, and inside a branch by its slope, at most
 * 2 f/(s - D).
 */
#include <math.h>
#include <stdlib.h>

#include "crosscheck.h"
#include "dense/internal.h"
#include "diffusion/internal.h"

/* ---- functions of the singular values of A --------------------------------------------------- */

typedef enum { OF_X0HAT, OF_EPS, OF_DATA, OF_NOISE, OF_PULL, OF_VARIANCE } function;

static double value_of(const gref_spectral_sampler *s, const gref_rule *rule, function which,
                       double singular)
{
    const gref_convention *c = &s->spec.convention;
    if (which == OF_PULL || which == OF_VARIANCE) {
        gref_component x = gref_start_component(s->row, c, rule->at, s->z->sigma, singular);
        return which == OF_PULL ? x.pull : x.variance;
    }
    gref_five f = s->row->project(c, rule, s->z->sigma, singular);
    return which == OF_X0HAT ? f.x : which == OF_EPS ? f.e : which == OF_DATA ? f.v : f.n;
}

/* One singular value and f there. */
typedef struct {
    double s, f;
} sample;

static int by_singular_value(const void *x, const void *y)
{
    double a = ((const sample *)x)->s, b = ((const sample *)y)->s;
    return (a > b) - (a < b);
}

/* Norm of V f V^T, and what rounding does to it. */
typedef struct {
    double norm, D;
} filter;

static gref_status filter_of(filter *out, const gref_scales *k, const gref_spectral_sampler *s,
                             const gref_rule *rule, function which)
{
    int count = s->z->blocks + 1;
    double slope = 0.0, norm = 0.0, D_A = k->unit * k->A;
    SCOPED_MEM sample *x = gref_alloc((size_t)count, sizeof *x);
    REQUIRE(x != NULL, GREF_ERR_NOMEM, "no memory for a bound");
    for (int b = 0; b < count; b++) { /* the last: beyond the rank */
        x[b].s = b < s->z->blocks ? gref_spectral_singular(s, b) : 0.0;
        x[b].f = value_of(s, rule, which, x[b].s);
        norm = fmax(norm, fabs(x[b].f));
    }
    qsort(x, (size_t)count, sizeof *x, by_singular_value);
    for (int i = 1, last = 0; i < count; i++) {
        double least = x[i].s - D_A; /* at most tolerance: rounding decides whether it is 0 */
        if (!(x[i].s - x[last].s > 1e-9 * x[i].s)) /* one value but for rounding */
            continue;
        slope = fmax(slope, fabs(x[i].f - x[last].f) / (x[i].s - x[last].s));
        slope = fmax(slope, least > s->tolerance ? 2.0 * fabs(x[i].f) / least : INFINITY);
        last = i;
    }
    *out = (filter){norm, sqrt(2.0) * slope * D_A + k->unit * norm};
    return GREF_OK;
}

/* ---- by a rule ------------------------------------------------------------------------------- */

/* Largest and least of what a step is made of, over the blocks. */
static void measure_step(gref_bounds_at *d, const gref_spectral_sampler *s, const gref_rule *w)
{
    const gref_spectral *z = s->z;
    for (int b = 0; b < z->blocks; b++) {
        double tau = w->kappa != 0.0 ? gref_spectral_strength(s, w, b) : 0.0;
        double u2 = 0.0, g_most = 0.0, g_least = INFINITY;
        for (int i = 0; i < z->q; i++) {
            double lambda = GREF_AT(z->lambda, i, b), g = gref_rule_gain(w, lambda);
            double u = gref_forward_gain(w->at, lambda) * GREF_AT(z->a, i, b);
            u2 += u * u;
            g_most = fmax(g_most, g);
            g_least = fmin(g_least, g);
        }
        d->W = fmax(d->W, sqrt(u2));
        d->tau = fmax(d->tau, tau);
        d->pull = fmax(d->pull, tau * u2);
        d->M_norm = fmax(d->M_norm, fmax(g_most, tau * u2 - g_least));
    }
}

/* M and its shift, their norms and bounds. */
static void by_rule(gref_bounds_at *d, const gref_scales *k, const gref_spectral_sampler *s,
                    const gref_rule *r)
{
    gref_ratio gain = {r->h, r->c, d->abar, d->qbar}, inverse = {0, 1, d->abar, d->qbar};
    bool after = gref_row_guides_plainly(s->row, &s->spec.convention);
    double unit = k->unit, least = d->abar * k->least + d->qbar, root = sqrt(d->abar);
    double drift = fabs(r->drift);
    measure_step(d, s, r);
    gref_bounds_of_likelihood(d, k, s);
    d->c_norm = drift * (k->mu + k->d);
    d->shift = drift * (k->D_d + unit * (k->mu + k->d));
    if (gref_spectral_runs_on_posterior(s)) { /* its own variances, of which none is shared */
        d->M = gref_change_of_ratio(gain, 0.0, 0.0, k->D_post) + unit * d->M_norm;
        return;
    }
    double pulled = k->r + root * d->W * k->d; /* |r - W sqrt(abar) d| */
    double D_tau = d->tau * ((after || d->tau == 0.0 ? 0.0 : d->C / d->C_least) + unit);
    double D_residual = k->D_r + root * d->W * k->D_d + unit * pulled;
    gref_step_parts p = {.kappa = 1.0, /* K = W^T tau W, c = W^T tau (r - W x) */
                         .J = d->W,
                         .Gamma = {.plain = d->tau, .gained = d->W * d->tau},
                         .y.plain = d->tau * pulled,
                         .x = {.plain = root * k->d, .gained = d->W * root * k->d},
                         .D_gain.plain = gref_bound_function(gain, k) + unit * (1.0 + d->pull),
                         .D_J.plain = gref_change_of_product(k->A, unit * k->A, d->J_norm, d->J),
                         .D_Gamma = D_tau,
                         .D_g = gref_change_of_product(d->tau, D_tau, k->r, D_residual),
                         .push = r->q,
                         .D_shift.plain = gref_bound_function(inverse, k) + unit / least};
    gref_step_change change = gref_change_of_step(&p);
    d->M = change.M;
    d->c_norm += d->W * d->tau * pulled + r->q * root * k->d / least;
    d->shift += (change.c + r->q * root * k->D_d / least) * GREF_INFLATE;
}

/* ---- several evaluations --------------------------------------------------------------------- */

/* Norms of a map X z + x, and their bounds. */
typedef struct {
    double X, x, D_X, D_x;
} map;

/* The state of a stage, or of the end, from a slope; see gref_stages. */
static map state_of(const gref_scales *k, const gref_stages *b, const map *K, double rho,
                    double root, double scale)
{
    double moved = b->e != 0.0 ? fabs(b->stage[0].root - root) : 0.0, f = rho * scale;
    double centre = k->mu + k->d;
    map y = {.X = rho / b->stage[0].rho + f * K->X, .x = f * K->x + moved * centre};
    y.D_X = f * K->D_X + k->unit * y.X;
    y.D_x = f * K->D_x + moved * k->D_d + k->unit * y.x;
    return y;
}

static map slope_of(const gref_scales *k, const gref_bounds_at *S, const map *Y, double g, double e,
                    double root)
{
    double size = e + S->M_norm, centre = k->mu + k->d;
    map K = {.X = g * size * Y->X, .x = g * (size * Y->x + S->c_norm + e * root * centre)};
    K.D_X = g * gref_change_of_product(size, S->M, Y->X, Y->D_X) + k->unit * K.X;
    K.D_x = g * (gref_change_of_product(size, S->M, Y->x, Y->D_x) + S->shift + e * root * k->D_d) +
            k->unit * K.x;
    return K;
}

static void by_stages(gref_bounds_at *d, const gref_scales *k, const gref_spectral_sampler *s)
{
    gref_stages b = gref_stages_at(s->spec.convention.scheme, s->schedule, &s->midpoints,
                                   gref_times_hop(&s->spec, s->schedule->T, d->t));
    gref_rule rule = gref_spectral_rule(s, d->t), after = {.at = rule.at, .kappa = rule.kappa};
    bool in_score = gref_row_guides_score(s->row, &s->spec.convention);
    map K = {0}, sum = {0};
    for (int i = 0; i < b.n; i++) {
        const gref_stage *x = &b.stage[i];
        gref_bounds_at S = gref_bounds_of_time(k, b.schedule, x->t);
        gref_rule score = {.at = gref_time_at(b.schedule, x->t), .q = 1.0, .c = -1.0};
        score.kappa = in_score ? 1.0 : 0.0;
        map Y = state_of(k, &b, &K, x->rho, x->root, x->node);
        by_rule(&S, k, s, &score);
        K = slope_of(k, &S, &Y, x->g, b.e, x->root);
        sum.X += x->weight * K.X;
        sum.x += x->weight * K.x;
        sum.D_X += x->weight * K.D_X;
        sum.D_x += x->weight * K.D_x;
    }
    map end = state_of(k, &b, &sum, b.rho, b.root, 1.0);
    if (s->row->guided && !in_score)
        by_rule(d, k, s, &after);
    d->M += end.D_X;
    d->shift += end.D_x;
    d->c_norm += end.x;
}

/* ---- projections ----------------------------------------------------------------------------- */

static gref_status by_projection(gref_bounds_at *d, const gref_scales *k,
                                 const gref_spectral_sampler *s)
{
    gref_rule r = gref_spectral_rule(s, d->t);
    double root = sqrt(d->abar), spread = sqrt(d->qbar);
    double E = spread / d->qbar;
    double D_E = gref_bound_function((gref_ratio){0, spread, d->abar, d->qbar}, k) + k->unit * E;
    filter x, e, v, n;
    TRY(filter_of(&x, k, s, &r, OF_X0HAT));
    TRY(filter_of(&e, k, s, &r, OF_EPS));
    TRY(filter_of(&v, k, s, &r, OF_DATA));
    TRY(filter_of(&n, k, s, &r, OF_NOISE));
    d->M = gref_change_of_product(x.norm, x.D, d->J_norm, d->J) +
           gref_change_of_product(e.norm, e.D, E, D_E);
    d->N = n.D;
    d->shift = gref_change_of_product(v.norm, v.D, k->r, k->D_r) +
               root * gref_change_of_product(d->M_norm, d->M, k->d, k->D_d) +
               sqrt(r.next.abar) * (k->D_d + k->unit * k->d);
    return GREF_OK;
}

/* ---- any step, and the start ----------------------------------------------------------------- */

/* |M| by the largest Frobenius norm of a block. */
static gref_status block_norm(double *norm, const gref_spectral_sampler *s, int t)
{
    const gref_spectral *z = s->z;
    SCOPED(gref_block_step) x = {0};
    SCOPED(gref_mat) M = {0}, c = {0};
    *norm = 0.0;
    if (gref_spectral_runs_on_posterior(s)) {
        TRY(gref_mat_new(&M, z->q * z->blocks, 1));
        TRY(gref_mat_new(&c, z->q * z->blocks, 2));
        TRY(gref_posterior_steps_at(M, c, s, t));
        *norm = gref_mat_norm_max(gref_const(M));
        return GREF_OK;
    }
    gref_rule rule = gref_spectral_rule(s, t);
    TRY(gref_block_step_new(&x, z->q));
    for (int b = 0; b < z->blocks; b++) {
        TRY(gref_block_step_at(&x, s, &rule, t, b));
        *norm = fmax(*norm, gref_mat_norm_fro(gref_const(x.M)));
    }
    return GREF_OK;
}

gref_status gref_bounds_of_step(gref_bounds_at *d, const gref_scales *k,
                                const gref_spectral_sampler *s)
{
    gref_rule rule = gref_spectral_rule(s, d->t);
    double centre = k->mu + k->d, norm = 0.0;
    if (s->general)
        TRY(block_norm(&norm, s, d->t));
    if (s->row->project != NULL) {
        d->M_norm = norm;
        TRY(by_projection(d, k, s));
    } else if (s->general) {
        by_stages(d, k, s);
        d->M_norm = norm;
    } else {
        by_rule(d, k, s, &rule);
    }
    /* b = shift + (sqrt(abar') - M sqrt(abar)) mu_post */
    d->b =
        d->shift + d->M * sqrt(d->abar) * centre + (1.0 + d->M_norm) * (k->D_d + k->unit * centre);
    return GREF_OK;
}

gref_status gref_bounds_start(gref_drift *e, const gref_scales *k, const gref_spectral_sampler *s)
{
    const gref_convention *c = &s->spec.convention;
    int T = gref_times_first(&s->spec, s->schedule->T);
    gref_rule r = {.at = gref_time_at(s->schedule, T)};
    double root = sqrt(r.at.abar), v = k->r + k->A * k->mu;
    filter pull = {0}, variance = {0};
    if (c->start == GREF_START_EXACT) {
        *e = (gref_drift){.cov =
                              r.at.abar * k->D_post + k->unit * (r.at.abar * k->post + r.at.qbar)};
        return GREF_OK;
    }
    *e = (gref_drift){.cov = k->unit, .mean = root * (k->D_d + k->unit * (k->mu + k->d))};
    if (c->start == GREF_START_GIVEN)
        e->cov *= c->start_cov.a != NULL ? c->start_cov.a[0] : 1.0;
    else
        e->cov *= gref_start_component(s->row, c, r.at, s->z->sigma, 0.0).variance;
    if (!gref_start_projects(s->row, c))
        return GREF_OK;
    TRY(filter_of(&pull, k, s, &r, OF_PULL));
    TRY(filter_of(&variance, k, s, &r, OF_VARIANCE));
    e->cov = variance.D;
    e->mean += gref_change_of_product(pull.norm, pull.D, v, k->D_r + k->unit * v);
    return GREF_OK;
}
