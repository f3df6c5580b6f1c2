/*
 * The step of a sampler in one block of aliased frequencies, as a matrix (THEORY section 9). A has there the
 * one row a, so V f V^T = f(0) I + (f(|a|) - f(0)) a a^T/|a|^2.
 *
 *     by a rule     M = diag(g) - tau u u^T, u = j a;  c = tau u (r - sqrt(abar) u^T d) - q sqrt(abar) d/s + drift m
 *     projecting    M = diag(fx0 j + fe0 e) + a^ t^T,  t = (fx - fx0) j a^ + (fe - fe0) e a^,  a^ = a/|a|;
 *                   c = M sqrt(abar) d - sqrt(abar') d + fv r a^
 *     heun, rk4     diffusion/stages.c
 *
 * The laws take the first without forming M (spectral_law.c).
 */
#include <math.h>

#include "dense/internal.h"
#include "diffusion/internal.h"
#include "internal.h"

gref_status gref_block_step_new(gref_block_step *x, int q)
{
    TRY(gref_mat_new(&x->M, q, q));
    return gref_mat_new(&x->c, q, 2);
}

void gref_block_step_free(gref_block_step *x)
{
    gref_mat_free(&x->M);
    gref_mat_free(&x->c);
}

/* mu_post of mode k: d, and the constant image in the first. */
static void centre_of(double m[2], const gref_spectral *z, int k, int b)
{
    double constant = k == 0 && b == 0 ? z->mean * sqrt((double)z->n) : 0.0;
    m[0] = GREF_AT(z->d.re, k, b) + (constant != 0.0 ? constant * z->phase.re.a[0] : 0.0);
    m[1] = GREF_AT(z->d.im, k, b) + (constant != 0.0 ? constant * z->phase.im.a[0] : 0.0);
}

/* A sampler, or the times of its stages, in block b. */
typedef struct {
    gref_spectral_sampler s;
    int b;
} place;

static gref_status form_by_rule(gref_mat M, gref_mat c, const void *of, const gref_rule *rule,
                                int t)
{
    const place *at = of;
    const gref_spectral *z = at->s.z;
    int q = z->q, b = at->b;
    double root = sqrt(rule->at.abar), pull[2] = {z->r.re.a[b], z->r.im.a[b]}, m[2];
    double tau = rule->kappa != 0.0 ? gref_spectral_strength(&at->s, rule, b) : 0.0;
    (void)t;
    for (int j = 0; j < q; j++) {
        double lambda = GREF_AT(z->lambda, j, b);
        double uj = gref_forward_gain(rule->at, lambda) * GREF_AT(z->a, j, b);
        for (int i = 0; i < q; i++) {
            double ui = gref_forward_gain(rule->at, GREF_AT(z->lambda, i, b)) * GREF_AT(z->a, i, b);
            GREF_AT(M, i, j) = (i == j ? gref_rule_gain(rule, lambda) : 0.0) - tau * ui * uj;
        }
        pull[0] -= uj * root * GREF_AT(z->d.re, j, b);
        pull[1] -= uj * root * GREF_AT(z->d.im, j, b);
    }
    for (int k = 0; k < q; k++) {
        double lambda = GREF_AT(z->lambda, k, b);
        double u = tau * gref_forward_gain(rule->at, lambda) * GREF_AT(z->a, k, b);
        double d[2] = {GREF_AT(z->d.re, k, b), GREF_AT(z->d.im, k, b)};
        centre_of(m, z, k, b);
        for (int part = 0; part < 2; part++)
            GREF_AT(c, k, part) =
                u * pull[part] + gref_rule_shift(rule, lambda, d[part]) + rule->drift * m[part];
    }
    return GREF_OK;
}

/* The largest gain without data. */
static double free_gain(const gref_spectral *z, const gref_rule *rule, int b)
{
    double most = 0.0;
    for (int k = 0; k < z->q; k++)
        most = fmax(most, fabs(gref_rule_gain(rule, GREF_AT(z->lambda, k, b))));
    return most;
}

static void project(gref_block_step *x, const gref_spectral_sampler *s, const gref_rule *rule,
                    int b)
{
    const gref_spectral *z = s->z;
    const gref_convention *c = &s->spec.convention;
    int q = z->q;
    double singular = gref_spectral_singular(s, b), root = sqrt(rule->at.abar);
    gref_five f0 = s->row->project(c, rule, z->sigma, 0.0),
              f = s->row->project(c, rule, z->sigma, singular);
    x->free_norm = 0.0;
    for (int j = 0; j < q; j++) {
        double lambda = GREF_AT(z->lambda, j, b),
               a = singular > 0.0 ? GREF_AT(z->a, j, b) / singular : 0.0;
        double gain = gref_forward_gain(rule->at, lambda),
               e = sqrt(rule->at.qbar) / gref_forward_variance(rule->at, lambda);
        double t = ((f.x - f0.x) * gain + (f.e - f0.e) * e) * a, kept = f0.x * gain + f0.e * e;
        for (int i = 0; i < q; i++)
            GREF_AT(x->M, i, j) =
                (i == j ? kept : 0.0) + (singular > 0.0 ? GREF_AT(z->a, i, b) / singular * t : 0.0);
        x->free_norm = fmax(x->free_norm, kept);
    }
    for (int i = 0; i < q; i++) {
        double data = singular > 0.0 ? f.v * GREF_AT(z->a, i, b) / singular : 0.0;
        double re = data * z->r.re.a[b] - sqrt(rule->next.abar) * GREF_AT(z->d.re, i, b);
        double im = data * z->r.im.a[b] - sqrt(rule->next.abar) * GREF_AT(z->d.im, i, b);
        for (int j = 0; j < q; j++) {
            re += GREF_AT(x->M, i, j) * root * GREF_AT(z->d.re, j, b);
            im += GREF_AT(x->M, i, j) * root * GREF_AT(z->d.im, j, b);
        }
        GREF_AT(x->c, i, 0) = re;
        GREF_AT(x->c, i, 1) = im;
    }
    x->noise = f0.n;
    x->along = f.n;
}

static gref_status by_stages(gref_block_step *x, const gref_spectral_sampler *s,
                             const gref_rule *rule, int t, int b)
{
    const gref_convention *k = &s->spec.convention;
    place at = {*s, b};
    double m[2];
    gref_stages stages = gref_stages_at(k->scheme, s->schedule, &s->midpoints,
                                        gref_times_hop(&s->spec, s->schedule->T, t));
    bool in_score = gref_row_guides_score(s->row, k);
    gref_rule after = {.at = rule->at, .kappa = rule->kappa};
    SCOPED(gref_mat) centre = {0}, S = {0}, c = {0};
    TRY(gref_mat_new(&centre, s->z->q, 2));
    TRY(gref_mat_new(&S, s->z->q, s->z->q));
    TRY(gref_mat_new(&c, s->z->q, 2));
    for (int i = 0; i < s->z->q; i++) {
        centre_of(m, s->z, i, b);
        GREF_AT(centre, i, 0) = m[0];
        GREF_AT(centre, i, 1) = m[1];
    }
    at.s.schedule = stages.schedule;
    TRY(gref_stages_run(S, c, &stages, gref_const(centre), false, form_by_rule, &at));
    x->free_norm = gref_mat_norm_max(gref_const(S));
    TRY(gref_stages_run(x->M, x->c, &stages, gref_const(centre), in_score, form_by_rule, &at));
    if (in_score || !s->row->guided)
        return GREF_OK;
    at.s.schedule = s->schedule;
    TRY(form_by_rule(S, c, &at, &after, t));
    gref_mat_axpy(x->M, 1.0, gref_const(S));
    gref_mat_axpy(x->c, 1.0, gref_const(c));
    return GREF_OK;
}

gref_status gref_block_step_at(gref_block_step *x, const gref_spectral_sampler *s,
                               const gref_rule *rule, int t, int b)
{
    place at = {*s, b};
    x->noise = x->along = rule->noise;
    if (s->row->project != NULL) {
        project(x, s, rule, b);
        return GREF_OK;
    }
    if (s->general) {
        x->noise = x->along = 0.0;
        return by_stages(x, s, rule, t, b);
    }
    x->free_norm = free_gain(s->z, rule, b);
    return form_by_rule(x->M, x->c, &at, rule, t);
}

/* In the modes of Sigma_post the score is exact, and diagonal. */
static gref_status form_on_posterior(gref_mat M, gref_mat c, const void *of, const gref_rule *rule,
                                     int t)
{
    const gref_spectral *z = of;
    (void)t;
    for (int i = 0; i < M.m; i++)
        M.a[i] = gref_rule_gain(rule, z->rho.a[i] * z->rho.a[i]);
    gref_mat_fill(c, 0.0);
    return GREF_OK;
}

gref_status gref_posterior_steps_at(gref_mat M, gref_mat c, const gref_spectral_sampler *s, int t)
{
    const gref_spectral *z = s->z;
    gref_rule rule = gref_spectral_rule(s, t);
    SCOPED(gref_cplx) m = {0}, turned = {0};
    SCOPED(gref_mat) centre = {0};
    TRY(form_on_posterior(M, c, z, &rule, t));
    if (!s->general && rule.drift == 0.0)
        return GREF_OK;
    TRY(gref_cplx_new(&m, z->q, z->blocks));
    TRY(gref_cplx_new(&turned, z->q, z->blocks));
    TRY(gref_mat_new(&centre, M.m, 2));
    for (int b = 0; b < z->blocks; b++)
        for (int k = 0; k < z->q; k++) {
            double one[2];
            centre_of(one, z, k, b);
            GREF_AT(m.re, k, b) = one[0];
            GREF_AT(m.im, k, b) = one[1];
        }
    gref_spectral_rotate(turned, z, m, true);
    for (int i = 0; i < M.m; i++) {
        GREF_AT(centre, i, 0) = turned.re.a[i];
        GREF_AT(centre, i, 1) = turned.im.a[i];
    }
    if (!s->general) {
        gref_mat_axpy(c, rule.drift, gref_const(centre));
        return GREF_OK;
    }
    gref_stages stages = gref_stages_at(s->spec.convention.scheme, s->schedule, &s->midpoints,
                                        gref_times_hop(&s->spec, s->schedule->T, t));
    return gref_stages_run(M, c, &stages, gref_const(centre), true, form_on_posterior, z);
}

void gref_block_start(gref_block_step *x, const gref_spectral_sampler *s, int T, int b)
{
    const gref_spectral *z = s->z;
    const gref_convention *c = &s->spec.convention;
    gref_time at = gref_time_at(s->schedule, T);
    double singular = gref_spectral_singular(s, b), root = sqrt(at.abar), m[2];
    gref_component beside = gref_start_component(s->row, c, at, z->sigma, 0.0),
                   along = gref_start_component(s->row, c, at, z->sigma, singular);
    double data[2] = {z->r.re.a[b], z->r.im.a[b]}; /* W^T v */
    bool given = c->start == GREF_START_GIVEN;
    if (given)
        beside.variance = along.variance = c->start_cov.a != NULL ? c->start_cov.a[0] : 1.0;
    x->noise = beside.variance;
    x->along = along.variance;
    if (b == 0) {
        double constant = z->mean * sqrt((double)z->n) * GREF_AT(z->a, 0, 0);
        data[0] += constant * z->phase.re.a[0];
        data[1] += constant * z->phase.im.a[0];
    }
    for (int k = 0; k < z->q; k++) {
        double a = singular > 0.0 ? GREF_AT(z->a, k, b) / singular : 0.0;
        centre_of(m, z, k, b);
        GREF_AT(x->c, k, 0) = along.pull * data[0] * a - root * m[0];
        GREF_AT(x->c, k, 1) = along.pull * data[1] * a - root * m[1];
    }
}

double gref_block_noise(const gref_block_step *x, const gref_spectral_sampler *s, int i, int k,
                        int b)
{
    double singular = gref_spectral_singular(s, b), beside = i == k ? x->noise : 0.0;
    if (singular == 0.0)
        return beside;
    return beside + (x->along - x->noise) * (GREF_AT(s->z->a, i, b) / singular) *
                        (GREF_AT(s->z->a, k, b) / singular);
}
