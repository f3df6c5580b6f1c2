/*
 * Every quantity by both paths, in pixels, and how far apart they are in units of what rounding
 * allows.
 *
 * The dense side is asked through the functions that everybody uses, the spectral side block by
 * block (blocks.c, pixels.c). Both condition on the same v: x0 and v are compared first, by
 * themselves.
 */
#include <math.h>

#include "base/internal.h"
#include "crosscheck.h"
#include "dense/internal.h"
#include <gref/marginal.h>
#include <gref/modes.h>

/* What a check holds besides its result. */
typedef struct {
    gref_crosscheck *out;
    const gref_schedule *schedule, *spectral_schedule;
    const gref_spectral *z;
    gref_modes modes;
    gref_scales scales;
    const int *times;
    int n_times;
    gref_mat D, S;     /* n x n: a quantity by the dense path, by the spectral path */
    gref_mat vd, vs;   /* n x 1, likewise */
    gref_mat Cd, Cs;   /* m x m, likewise */
    gref_mat blocks;   /* q^2 x blocks */
    gref_mat diagonal; /* q x blocks */
    gref_cplx m;       /* q x blocks */
    gref_room room;
    gref_crosscheck_progress *progress;
    void *context;
    int done, total;
} checker;

static void checker_free(checker *c)
{
    gref_mat *all[] = {&c->D, &c->S, &c->vd, &c->vs, &c->Cd, &c->Cs, &c->blocks, &c->diagonal};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        gref_mat_free(all[k]);
    gref_cplx_free(&c->m);
    gref_room_free(&c->room);
    gref_modes_free(&c->modes);
}

static gref_status checker_new(checker *c, const gref_problem *p)
{
    const gref_spectral *z = c->z;
    REQUIRE(p->A.n == z->n && p->A.m == z->m, GREF_ERR_SHAPE,
            "the problem by matrices has n = %d, m = %d, that by spectra n = %d, m = %d", p->A.n,
            p->A.m, z->n, z->m);
    TRY(gref_mat_new(&c->D, z->n, z->n));
    TRY(gref_mat_new(&c->S, z->n, z->n));
    TRY(gref_mat_new(&c->vd, z->n, 1));
    TRY(gref_mat_new(&c->vs, z->n, 1));
    TRY(gref_mat_new(&c->Cd, z->m, z->m));
    TRY(gref_mat_new(&c->Cs, z->m, z->m));
    TRY(gref_mat_new(&c->blocks, z->q * z->q, z->blocks));
    TRY(gref_mat_new(&c->diagonal, z->q, z->blocks));
    TRY(gref_cplx_new(&c->m, z->q, z->blocks));
    TRY(gref_room_new(&c->room, z));
    TRY(gref_modes_new(&c->modes, p));
    c->scales = gref_scales_of(z, p);
    return GREF_OK;
}

static gref_status report_progress(checker *c, const char *what, int step)
{
    c->done += step;
    REQUIRE(c->progress == NULL || c->progress(c->context, what, c->done, c->total),
            GREF_ERR_CANCELLED, "cancelled");
    return GREF_OK;
}

/* Sigma, A, mu_post, Sigma_post. */
static gref_status hold_problem(checker *c, const gref_problem *p)
{
    const gref_spectral *z = c->z;
    const gref_scales *k = &c->scales;
    SCOPED(gref_mat) Ad = {0}, As = {0};
    TRY(gref_mat_new(&As, z->m, z->n));
    gref_blocks_diagonal(c->blocks, gref_const(z->lambda));
    TRY(gref_spectral_to_pixels(c->S, z, gref_const(c->blocks)));
    TRY(gref_crosscheck_matrix(c->out, "Sigma", "", -1, gref_const(p->Sigma), gref_const(c->S),
                               k->D_Sigma));
    TRY(gref_spectral_operator(As, z));
    TRY(gref_crosscheck_matrix(c->out, "A", "", -1, gref_const(p->A), gref_const(As),
                               k->unit * k->A));
    TRY(gref_modes_posterior(c->vd, c->D, &c->modes));
    TRY(gref_spectral_posterior_mean(c->vs, z));
    TRY(gref_crosscheck_matrix(c->out, "mu_post", "", -1, gref_const(c->vd), gref_const(c->vs),
                               k->spread * (k->D_d + k->unit * (k->mu + k->d))));
    for (size_t i = 0; i < (size_t)z->q * (size_t)z->blocks; i++)
        c->diagonal.a[i] = z->rho.a[i] * z->rho.a[i];
    gref_blocks_on_posterior(c->blocks, z, gref_const(c->diagonal));
    TRY(gref_spectral_to_pixels(c->S, z, gref_const(c->blocks)));
    return gref_crosscheck_matrix(c->out, "Sigma_post", "", -1, gref_const(c->D), gref_const(c->S),
                                  k->D_post);
}

/* One function of Sigma at t: its eigenvalues by both sides, the dense ones already in c->vd. */
static gref_status hold_function(checker *c, const char *quantity, int t, double bound)
{
    gref_mat_fill(c->D, 0.0);
    for (int i = 0; i < c->modes.n; i++)
        GREF_AT(c->D, i, i) = c->vd.a[i];
    TRY(gref_modes_cov_to_pixels(c->D, &c->modes, gref_const(c->D)));
    gref_blocks_diagonal(c->blocks, gref_const(c->diagonal));
    TRY(gref_spectral_to_pixels(c->S, c->z, gref_const(c->blocks)));
    return gref_crosscheck_matrix(c->out, quantity, "", t, gref_const(c->D), gref_const(c->S),
                                  bound);
}

/* Sigma_t and J. */
static gref_status hold_time(checker *c, int t)
{
    const gref_spectral *z = c->z;
    const gref_schedule *own = c->spectral_schedule;
    gref_bounds_at d = gref_bounds_of_time(&c->scales, c->schedule, t);
    size_t size = (size_t)z->q * (size_t)z->blocks;
    for (int i = 0; i < c->modes.n; i++)
        c->vd.a[i] = d.abar * c->modes.lambda.a[i] + d.qbar;
    for (size_t i = 0; i < size; i++)
        c->diagonal.a[i] = own->abar[t] * z->lambda.a[i] + own->qbar[t];
    TRY(hold_function(c, "Sigma_t", t, d.Sigma_t));
    if (t == 0) /* J = I on the range of Sigma, which rounding decides */
        return GREF_OK;
    for (int i = 0; i < c->modes.n; i++)
        c->vd.a[i] = sqrt(d.abar) * c->modes.lambda.a[i] / (d.abar * c->modes.lambda.a[i] + d.qbar);
    for (size_t i = 0; i < size; i++)
        c->diagonal.a[i] =
            sqrt(own->abar[t]) * z->lambda.a[i] / (own->abar[t] * z->lambda.a[i] + own->qbar[t]);
    return hold_function(c, "J", t, d.J);
}

/* C_{v|t}, mu_{t|v} and C_{t|v}. */
static gref_status hold_model(checker *c, const gref_sampler *dense, const gref_spectral_sampler *s,
                              int t)
{
    const gref_spectral *z = c->z;
    const gref_schedule *own = c->spectral_schedule;
    const char *label = s->spec.label;
    gref_bounds_at d = gref_bounds_of_time(&c->scales, c->schedule, t);
    SCOPED(gref_mat) scalar = {0};
    gref_bounds_of_modelled(&d, &c->scales, s);
    if (s->row->guided) {
        TRY(gref_mat_new(&scalar, 1, z->blocks));
        for (int b = 0; b < z->blocks; b++)
            scalar.a[b] = gref_spectral_likelihood(s, own->abar[t], own->qbar[t], b);
        TRY(gref_likelihood_cov(c->Cd, dense, t));
        TRY(gref_spectral_low_to_pixels(c->Cs, z, gref_const(scalar)));
        TRY(gref_crosscheck_matrix(c->out, "C_{v|t}", label, t, gref_const(c->Cd),
                                   gref_const(c->Cs), d.C));
    }
    TRY(gref_conditional_precision(c->vd, c->D, dense, t));
    TRY(gref_blocks_modelled(c->blocks, s, t));
    TRY(gref_spectral_to_pixels(c->S, z, gref_const(c->blocks)));
    TRY(gref_crosscheck_matrix(c->out, "C_{t|v}", label, t, gref_const(c->D), gref_const(c->S),
                               d.modelled_cov));
    double root = sqrt(own->abar[t]);
    for (int b = 0; b < z->blocks; b++) {
        gref_spectral_excess x = gref_spectral_modelled(s, own->abar[t], own->qbar[t], b);
        for (int k = 0; k < z->q; k++) {
            double w = GREF_AT(z->lambda, k, b) * GREF_AT(z->a, k, b);
            GREF_AT(c->m.re, k, b) = root * GREF_AT(z->d.re, k, b) + x.mean_re * w;
            GREF_AT(c->m.im, k, b) = root * GREF_AT(z->d.im, k, b) + x.mean_im * w;
        }
    }
    TRY(gref_spectral_synthesise(c->vs, z, &c->room, c->m));
    for (int i = 0; i < z->n; i++)
        c->vs.a[i] += root * z->mean;
    return gref_crosscheck_matrix(c->out, "mu_{t|v}", label, t, gref_const(c->vd),
                                  gref_const(c->vs), c->scales.spread * d.modelled_mean);
}

/* y = S x, block by block. */
static void apply(gref_cplx y, gref_cmat S, gref_cplx x)
{
    int q = x.re.m;
    for (int b = 0; b < x.re.n; b++)
        for (int i = 0; i < q; i++) {
            GREF_AT(y.re, i, b) = GREF_AT(y.im, i, b) = 0.0;
            for (int k = 0; k < q; k++) {
                GREF_AT(y.re, i, b) += GREF_AT(S, k * q + i, b) * GREF_AT(x.re, k, b);
                GREF_AT(y.im, i, b) += GREF_AT(S, k * q + i, b) * GREF_AT(x.im, k, b);
            }
        }
}

/* b_t = shift + sqrt(abar_{t-1}) mu_post - M sqrt(abar_t) mu_post, in c->vs; `shift` is used up. */
static gref_status spectral_offset(checker *c, gref_cplx shift, int t, int next)
{
    const gref_spectral *z = c->z;
    const gref_schedule *own = c->spectral_schedule;
    double root = sqrt(own->abar[t]), before = sqrt(own->abar[next]),
           constant = z->mean * sqrt((double)z->n);
    SCOPED(gref_cplx) centre = {0};
    TRY(gref_cplx_new(&centre, z->q, z->blocks)); /* mu_post */
    gref_mat_copy(centre.re, gref_const(z->d.re));
    gref_mat_copy(centre.im, gref_const(z->d.im));
    centre.re.a[0] += constant * z->phase.re.a[0];
    centre.im.a[0] += constant * z->phase.im.a[0];
    apply(c->m, gref_const(c->blocks), centre);
    gref_mat_axpy(shift.re, before, gref_const(centre.re));
    gref_mat_axpy(shift.im, before, gref_const(centre.im));
    gref_mat_axpy(shift.re, -root, gref_const(c->m.re));
    gref_mat_axpy(shift.im, -root, gref_const(c->m.im));
    return gref_spectral_synthesise(c->vs, z, &c->room, shift);
}

/* M_t, b_t and N_t. */
static gref_status hold_step(checker *c, const gref_bounds_at *d, const gref_sampler *dense,
                             const gref_spectral_sampler *s)
{
    const char *label = s->spec.label;
    double noise = 0.0, own = gref_spectral_rule(s, d->t).noise;
    bool many = gref_sampler_noise_kind(dense) != GREF_NOISE_SCALAR;
    SCOPED(gref_cplx) shift = {0};
    TRY(gref_cplx_new(&shift, c->z->q, c->z->blocks));
    TRY(gref_sampler_step(c->D, c->vd, &noise, dense, d->t));
    TRY(gref_blocks_step(c->blocks, shift, s, d->t));
    TRY(gref_spectral_to_pixels(c->S, c->z, gref_const(c->blocks)));
    TRY(gref_crosscheck_matrix(c->out, "M_t", label, d->t, gref_const(c->D), gref_const(c->S),
                               d->M));
    TRY(spectral_offset(c, shift, d->t, gref_sampler_next(dense, d->t)));
    TRY(gref_crosscheck_matrix(c->out, "b_t", label, d->t, gref_const(c->vd), gref_const(c->vs),
                               c->scales.spread * d->b));
    if (!many)
        return gref_crosscheck_number(c->out, "N_t", label, d->t, noise, own, 4.0 * GREF_U * noise);
    TRY(gref_sampler_noise(c->D, dense, d->t));
    TRY(gref_blocks_noise(c->blocks, s, d->t));
    TRY(gref_spectral_to_pixels(c->S, c->z, gref_const(c->blocks)));
    return gref_crosscheck_matrix(c->out, "N_t", label, d->t, gref_const(c->D), gref_const(c->S),
                                  d->N);
}

/* The law of one sampler by both paths, at the same t, and where each came to its end. */
typedef struct {
    gref_sampler *sampler;
    gref_marginal *dense, *spectral;
    gref_drift drift;
    int dense_end, spectral_end; /* t of the first that has diverged; -1 if none */
} pair;

static void pair_free(pair *p)
{
    gref_marginal_free(p->dense);
    gref_marginal_free(p->spectral);
    gref_sampler_free(p->sampler);
}

static gref_status pair_new(pair *p, checker *c, const gref_sampler_spec *spec)
{
    p->dense_end = p->spectral_end = -1;
    TRY(gref_sampler_new(&p->sampler, &c->modes, c->schedule, spec));
    TRY(gref_marginal_new(&p->dense, p->sampler));
    TRY(gref_marginal_spectral(&p->spectral, c->z, c->spectral_schedule, spec));
    return gref_bounds_start(&p->drift, &c->scales, &gref_spectral_law_of(p->spectral)->s);
}

/* False from where one of the two has diverged; notes where. */
static bool pair_alive(pair *p)
{
    int t = gref_marginal_t(p->dense);
    bool dense = gref_marginal_diverged(p->dense), spectral = gref_marginal_diverged(p->spectral);
    p->dense_end = dense && p->dense_end < 0 ? t : p->dense_end;
    p->spectral_end = spectral && p->spectral_end < 0 ? t : p->spectral_end;
    return !dense && !spectral;
}

typedef gref_status moment(gref_mat x, const gref_marginal *law);
typedef gref_status distance(gref_w2 *w, const gref_marginal *law);

/* One moment of both laws; D and S are room for it. */
static gref_status hold_moment(checker *c, const char *quantity, moment *of, gref_mat D, gref_mat S,
                               const pair *p, double bound)
{
    TRY(of(D, p->dense));
    TRY(of(S, p->spectral));
    return gref_crosscheck_matrix(c->out, quantity, p->dense->spec->label, p->dense->t,
                                  gref_const(D), gref_const(S), bound);
}

static gref_status hold_distance(checker *c, const char *quantity, distance *of, const pair *p,
                                 double bound)
{
    gref_w2 dense, spectral;
    TRY(of(&dense, p->dense));
    TRY(of(&spectral, p->spectral));
    return gref_crosscheck_number(c->out, quantity, p->dense->spec->label, p->dense->t, dense.w2,
                                  spectral.w2, bound);
}

/* The marginal law at its t. */
static gref_status hold_law(checker *c, const pair *p)
{
    const gref_spectral_law *own = gref_spectral_law_of(p->spectral);
    const gref_scales *k = &c->scales;
    double root = sqrt(c->schedule->abar[p->dense->t]), size = gref_norm_of(c->z, own->mean);
    double D_mean = p->drift.mean + root * (k->D_d + k->unit * (k->mu + k->d));
    TRY(hold_moment(c, "mean of y_t", gref_marginal_mean, c->vd, c->vs, p,
                    k->spread * (D_mean + k->unit * size)));
    TRY(hold_moment(c, "bias", gref_marginal_bias, c->vd, c->vs, p,
                    k->spread * (p->drift.mean + k->unit * size)));
    return hold_moment(c, "covariance of y_t", gref_marginal_cov, c->D, c->S, p,
                       p->drift.cov + k->unit * gref_law_norm(own));
}

/* Distances, of the law and of the modelled law. */
static gref_status hold_distances(checker *c, const pair *p, bool alive)
{
    const gref_spectral_law *own = gref_spectral_law_of(p->spectral);
    const gref_spectral *z = c->z;
    const gref_scales *k = &c->scales;
    const gref_drift *e = &p->drift;
    gref_bounds_at d = gref_bounds_of_time(k, c->schedule, p->dense->t);
    double spread = gref_spectral_posterior_spread(z);
    double trace = d.abar * spread * spread + z->n * d.qbar;
    double exact = d.abar * k->D_post + k->unit * (d.abar * k->post + d.qbar), least;
    if (gref_sampler_has_model(p->sampler)) {
        gref_bounds_of_modelled(&d, k, &own->s);
        TRY(hold_distance(c, "W2, modelled", gref_marginal_w2_modelled, p,
                          gref_bound_w2(d.modelled_mean + sqrt(d.abar) * k->D_d,
                                        d.modelled_cov + exact, trace, d.qbar, k, z->n)));
    }
    if (!alive)
        return GREF_OK;
    TRY(gref_law_least(&least, own));
    least = fmin(least, d.qbar);
    trace = fmax(trace, gref_spectral_law_trace(own));
    TRY(hold_distance(c, "W2", gref_marginal_w2, p,
                      gref_bound_w2(e->mean, e->cov + exact, trace, least, k, z->n)));
    if (gref_marginal_guided(p->dense))
        return GREF_OK;
    return hold_distance(
        c, "W2 to the prior", gref_marginal_w2_prior, p,
        gref_bound_w2(e->mean + k->D_d, e->cov + d.Sigma_t, trace, least, k, z->n));
}

static bool is_listed(const checker *c, int t)
{
    for (int k = 0; k < c->n_times; k++)
        if (c->times[k] == t)
            return true;
    return false;
}

/* Where stability ends is decided by a comparison that rounding may move by a step. */
static gref_status hold_stability(checker *c, const pair *p)
{
    const char *label = p->dense->spec->label;
    TRY(gref_crosscheck_number(c->out, "first unstable t", label, -1,
                               gref_marginal_first_unstable(p->dense),
                               gref_marginal_first_unstable(p->spectral), 1.0));
    bool lost = gref_marginal_lost(p->dense) || gref_marginal_lost(p->spectral);
    /* one path bounds its rounding, the other estimates it: where they give up only has to be
     * said */
    return gref_crosscheck_number(c->out, lost ? "lost at t" : "diverged at t", label, -1,
                                  p->dense_end, p->spectral_end, lost ? c->schedule->T : 1.0);
}

/* All that is compared at the t at hand. */
static gref_status hold_here(checker *c, pair *p)
{
    int t = gref_marginal_t(p->dense);
    bool alive = pair_alive(p);
    if (alive && !gref_marginal_mean_lost(p->dense) && !gref_marginal_mean_lost(p->spectral))
        TRY(hold_law(c, p));
    if (!is_listed(c, t))
        return GREF_OK;
    if (gref_sampler_has_model(p->sampler))
        TRY(hold_model(c, p->sampler, &gref_spectral_law_of(p->spectral)->s, t));
    return hold_distances(c, p, alive);
}

/* The step that leaves the t at hand: its parts where they are compared, and what it does to the
 * laws and their bounds. */
static gref_status advance(checker *c, pair *p)
{
    const gref_spectral_law *own = gref_spectral_law_of(p->spectral);
    gref_bounds_at d = gref_bounds_of_time(&c->scales, c->schedule, p->dense->t);
    TRY(gref_bounds_of_step(&d, &c->scales, &own->s));
    if (is_listed(c, d.t))
        TRY(hold_step(c, &d, p->sampler, &own->s));
    gref_bounds_advance(&p->drift, &d, &c->scales, own);
    TRY(gref_marginal_advance(p->dense));
    return gref_marginal_advance(p->spectral);
}

static gref_status walk(checker *c, const gref_sampler_spec *spec)
{
    SCOPED(pair) p = {0};
    TRY(report_progress(c, spec->label, 0));
    TRY(pair_new(&p, c, spec));
    TRY(hold_here(c, &p));
    while (gref_marginal_next(p.dense) >= 0) {
        TRY(advance(c, &p));
        TRY(hold_here(c, &p));
        TRY(report_progress(c, spec->label, 1));
    }
    return hold_stability(c, &p);
}

/* One sampler from its start to its end. */
static gref_status hold_sampler(checker *c, const gref_sampler_spec *spec)
{
    gref_status status = walk(c, spec);
    return status == GREF_OK ? GREF_OK : gref_fail_context(status, "sampler %s", spec->label);
}

gref_status gref_crosscheck_hold(gref_crosscheck *check, const gref_problem *p,
                                 const gref_schedule *schedule, const gref_spectral *z,
                                 const gref_schedule *spectral_schedule,
                                 const gref_sampler_spec *specs, int n_specs, const int *times,
                                 int n_times, gref_crosscheck_progress *progress, void *context)
{
    SCOPED(checker)
    c = {.out = check,
         .schedule = schedule,
         .spectral_schedule = spectral_schedule,
         .z = z,
         .times = times,
         .n_times = n_times,
         .progress = progress,
         .context = context,
         .total = schedule->T * n_specs};
    for (int k = 0; k < n_times; k++)
        REQUIRE(times[k] >= 0 && times[k] <= schedule->T, GREF_ERR_RANGE, "t = %d is outside 0..%d",
                times[k], schedule->T);
    check->n = z->n;
    check->m = z->m;
    check->T = schedule->T;
    TRY(report_progress(&c, "eigenvectors and posterior", 0));
    TRY(checker_new(&c, p));
    TRY(hold_problem(&c, p));
    for (int k = 0; k < n_times; k++)
        TRY(hold_time(&c, times[k]));
    for (int k = 0; k < n_specs; k++)
        TRY(hold_sampler(&c, &specs[k]));
    return GREF_OK;
}

/* x0 and v as each path made them. */
static gref_status hold_observation(gref_crosscheck *check, const gref_problem *p,
                                    const gref_stationary *q, const gref_spectral *z)
{
    gref_scales k = gref_scales_of(z, p);
    if (p->x0.a != NULL && q->x0.a != NULL)
        TRY(gref_crosscheck_matrix(check, "x0", "", -1, gref_const(p->x0), gref_const(q->x0),
                                   gref_bound_x0(&k, z->n)));
    return gref_crosscheck_matrix(check, "v", "", -1, gref_const(p->v), gref_const(q->v),
                                  gref_bound_v(&k, z->n));
}

/**
 * Holds the spectral path against the dense one.
 *
 * For every quantity of THEORY sections 1 to 6: the largest deviation between the two paths, its
 * place, and the bound that rounding alone sets (crosscheck_bounds.c), whose norms and condition
 * numbers are the problem's own. A ratio above 1 means that one of the two is wrong.
 *
 * @param[out] check     owned by the caller; gref_crosscheck_free. Unchanged on error.
 * @param[in]  p, q      the same problem by matrices and by spectra, each with its own x0 and v.
 * @param[in]  times     0..T: where everything is compared; marginal laws are compared at every t.
 * @return GREF_OK, whatever the ratios; GREF_ERR_SHAPE; GREF_ERR_RANGE; GREF_ERR_CANCELLED; and what gref_modes_new,
 *         gref_spectral_new and gref_sampler_new return.
 * @cost   per sampler and t about 8 products of order n, and at `times` 60 more; 20 n^2 doubles.
 * @see    THEORY section 9. Tests: test_crosscheck.c (also that it catches a wrong spectral path)
 */
gref_status gref_crosscheck_run(gref_crosscheck **out_check, const gref_problem *p,
                                const gref_stationary *q, const gref_schedule *schedule,
                                const gref_sampler_spec *specs, int n_specs, const int *times,
                                int n_times, gref_crosscheck_progress *progress, void *context)
{
    SCOPED_PTR(gref_spectral) *z = NULL;
    gref_stationary same_v = *q;
    SCOPED_PTR(gref_crosscheck) *check = gref_alloc(1, sizeof *check);
    REQUIRE(check != NULL, GREF_ERR_NOMEM, "no memory for a cross-check");
    same_v.v = p->v; /* borrowed, as all of it */
    TRY(gref_spectral_new(&z, &same_v));
    TRY(hold_observation(check, p, q, z));
    TRY(gref_crosscheck_hold(check, p, schedule, z, schedule, specs, n_specs, times, n_times,
                             progress, context));
    *out_check = TAKE(check);
    return GREF_OK;
}
