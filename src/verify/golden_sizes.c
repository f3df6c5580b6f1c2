/*
 * Sizes and condition numbers that the tolerances of golden arrays are made of.
 *
 *   u        2^-53          nu     8 sqrt(max(n, m)) u         omega   sqrt(n) u
 *   s_t      abar_t lambda + 1 - abar_t, lambda from lambda_min to lambda_max of Sigma       [pixel^2]
 *   kappa_s  cond(Sigma_t)  kappa_C  cond(C_{v|t})             kappa_K  cond(A Sigma A^T + sigma^2 I)
 *   J, W     sqrt(abar_t) Sigma Sigma_t^-1, A J
 *
 * nu is the probabilistic bound of Higham and Mary (2019) on what a product, a factorisation or a
 * solve of that size loses relative to its norms: with rounding errors that are independent and of
 * mean zero it fails with probability 2 exp(-8^2/2). It holds whatever the order of summation, so
 * for any BLAS and any number of threads; a plain n u would be certain and sqrt(n) times larger.
 * omega is what a single entry of a product typically loses relative to the largest one.
 */
#include <math.h>
#include <string.h>

#include "base/internal.h"
#include "dense/internal.h"
#include "diffusion/internal.h"
#include "errors/perturb.h"
#include "golden_parts.h"

/* Extreme eigenvalues of A A^T-like Gram matrices: G is destroyed. */
gref_status gref_golden_extremes(double *least, double *most, gref_mat G)
{
    SCOPED(gref_mat) lambda = {0};
    TRY(gref_mat_new(&lambda, G.n, 1));
    TRY(gref_eigh_values(lambda, G));
    *least = lambda.a[0];
    *most = lambda.a[G.n - 1];
    return GREF_OK;
}

gref_status gref_golden_scale_of(gref_golden_scale *out, const gref_modes *z, const gref_problem *p)
{
    int n = z->n, m = z->m;
    double least;
    gref_golden_scale c = {
        .n = n, .m = m, .nu = 8.0 * sqrt(n > m ? n : m) * GREF_U, .omega = sqrt(n) * GREF_U};
    SCOPED(gref_mat) G = {0}, Y = {0}, x = {0};
    TRY(gref_mat_new(&G, m, m));
    TRY(gref_mat_new(&Y, m, n));
    TRY(gref_mat_new(&x, n, 1));
    c.lambda_min = z->lambda.a[0];
    c.lambda_max = z->lambda.a[n - 1];
    TRY(gref_syrk(G, 1.0, gref_const(z->B), false, 0.0));
    TRY(gref_golden_extremes(&least, &c.a, G));
    c.a = sqrt(fmax(c.a, 0.0));
    for (int j = 0; j < n; j++)
        for (int i = 0; i < m; i++)
            GREF_AT(Y, i, j) = GREF_AT(z->B, i, j) * sqrt(z->lambda.a[j]);
    TRY(gref_syrk(G, 1.0, gref_const(Y), false, 0.0));
    for (int i = 0; i < m; i++)
        GREF_AT(G, i, i) += z->sigma * z->sigma;
    c.K = gref_mat_norm_fro(gref_const(G));
    TRY(gref_golden_extremes(&c.K_min, &c.K_max, G));
    c.K_min = fmax(c.K_min, z->sigma * z->sigma);
    gref_mat_copy(x, gref_const(z->mu));
    TRY(gref_gemv(x, 1.0, gref_const(z->U), false, gref_const(z->d), 1.0));
    c.mu = gref_mat_norm_fro(gref_const(z->mu));
    c.mu_post = gref_mat_norm_fro(gref_const(x));
    c.r = gref_mat_norm_fro(gref_const(z->r));
    c.v = gref_mat_norm_fro(gref_const(p->v));
    for (int i = 0; i < n; i++)
        c.variance = fmax(c.variance, GREF_AT(p->Sigma, i, i));
    *out = c;
    return GREF_OK;
}

void gref_golden_prior_sizes(gref_golden_sizes *z, const gref_golden_scale *c,
                             const gref_schedule *s, int t)
{
    *z = (gref_golden_sizes){.abar = s->abar[t], .q = s->qbar[t], .root = sqrt(s->abar[t])};
    z->s_min = z->abar * c->lambda_min + z->q;
    z->s_max = z->abar * c->lambda_max + z->q;
    z->kappa_s = z->s_max / z->s_min;
    gref_ratio inverse = {0.0, 1.0, 1.0, 0.0}; /* of Sigma_t */
    double D = gref_change_of_ratio(inverse, z->s_min, z->s_min, c->nu * z->s_max);
    z->delta = z->s_min > 0.0 ? z->s_min * D : INFINITY;
    if (z->q >
        0.0) /* 1 - abar_t of a product of t doubles, the 1 subtracted: 8 sqrt(t) u absolute */
        z->delta += 8.0 * sqrt(t) * GREF_U / z->q;
    z->tick = (4.0 + 8.0 * sqrt(t)) * GREF_U;
    z->j = z->s_max > 0.0 ? z->root * c->lambda_max / z->s_max : 0.0;
    z->w = c->a * z->j;
    z->C_min = z->C_max = z->kappa_C = z->kappa_L = 1.0;
    z->gain = z->w * z->w;
    z->pull = z->w;
    if (t >= 1)
        z->score_step = s->beta[t] / sqrt(s->alpha[t]);
}

/* The largest row sum of |C|: at least its norm, and equal to it for a multiple of I. */
static double row_sum(gref_cmat C)
{
    double most = 0.0;
    for (int i = 0; i < C.m; i++) {
        double sum = 0.0;
        for (int j = 0; j < C.n; j++)
            sum += fabs(GREF_AT(C, i, j));
        most = fmax(most, sum);
    }
    return most;
}

/* Of guidance that published code adds, C = phi A A^T + tau I: singular value by singular value. */
static void coded_sizes(gref_golden_sizes *z, const gref_golden_scale *c, const gref_sampler *s,
                        int t)
{
    gref_time at = gref_time_at(s->schedule, t);
    double tau = s->row->tau(&s->spec.convention, at, s->z->sigma), b = c->a;
    bool flat = s->row->phi == NULL, beyond = s->b.m < c->m && !s->row->pseudo;
    z->C_min = flat || beyond ? tau : INFINITY;
    z->C_max = tau;
    z->gain = z->pull = 0.0;
    for (int i = 0; i < (flat ? 1 : s->b.m); i++) {
        b = flat ? c->a : s->b.a[i];
        double value = flat ? tau : gref_guidance_denominator(s, t, b);
        z->gain = fmax(z->gain, z->j * z->j * b * b / value);
        z->pull = fmax(z->pull, z->j * b / value);
        z->C_min = fmin(z->C_min, value);
        z->C_max = isfinite(value) ? fmax(z->C_max, value) : z->C_max;
    }
    z->kappa_C = z->C_max / z->C_min;
    if (s->row->pseudo) /* comes from an SVD of A */
        z->kappa_C = sqrt(z->kappa_C);
}

/* C_{v|t} >= sigma^2 I (alpha apart) for every method; without noise its eigenvalues are asked. */
static gref_status likelihood_sizes(gref_golden_sizes *z, const gref_golden_scale *c,
                                    const gref_sampler *s, int t)
{
    double sigma = s->z->sigma, most;
    SCOPED(gref_mat) C = {0};
    double unseen = gref_forward_cov(gref_time_at(s->schedule, t), c->lambda_max);
    if (!gref_row_has_likelihood(s->row)) {
        coded_sizes(z, c, s, t);
        return GREF_OK;
    }
    TRY(gref_mat_new(&C, c->m, c->m));
    TRY(gref_likelihood_cov(C, s, t));
    z->C_max = row_sum(gref_const(C));
    z->C_min = s->row->tau(&s->spec.convention, gref_time_at(s->schedule, t), sigma);
    if (sigma == 0.0 || s->row->rows_summed)
        TRY(gref_golden_extremes(&z->C_min, &most, C));
    if (s->row->rows_summed && unseen > 0.0) /* sums that may cancel */
        z->D_C = (c->nu + z->delta) * c->a * c->a * sqrt(c->m) * unseen;
    if (z->C_max == 0.0) { /* t = 0 without noise: L_0 = A Sigma A^T */
        z->C_min = c->K_min;
        z->L_max = c->K_max;
        z->kappa_L = c->K_max / c->K_min;
        return GREF_OK;
    }
    z->kappa_C = z->C_max / z->C_min;
    z->gain = z->w * z->w / z->C_min;
    z->pull = z->w / z->C_min;
    z->L_max = z->C_max + z->w * c->a * z->root * c->lambda_max;
    z->kappa_L = z->L_max / z->C_min;
    return GREF_OK;
}

/*
 * p and q of a step that jumps are made of two products of doubles: both lose `tick`. In ddim c = p
 * (1 - abar) - q is the root of 1 - abar' - N, which loses what 1 - abar' does; in ei q = 2 (p - 1), which
 * loses what p does. Other steps to t - 1 have one beta, and lose nothing.
 */
static double jump_error(const gref_golden_sizes *z, const gref_sampler *s, int t,
                         const gref_rule *rule)
{
    gref_scheme scheme = s->spec.convention.scheme;
    bool flow = scheme == GREF_SCHEME_EULER && s->schedule->kind == GREF_SCHEDULE_EDM;
    bool ddim = scheme == GREF_SCHEME_DDIM || flow, ei = scheme == GREF_SCHEME_EI;
    double lost = 8.0 * sqrt(t) * GREF_U;
    double by_row = s->row->placement == GREF_PLACED_BY_ROW ? z->tick * rule->kappa * z->gain : 0.0;
    if (!ddim && !ei && gref_sampler_next(s, t) == t - 1)
        return by_row;
    double of_c = !ddim || rule->direction == 0.0
                      ? 0.0
                      : rule->c / z->s_min * lost * (1.0 / rule->direction + 1.0 / z->q);
    return z->tick * (rule->p + (ei ? 2.0 * rule->p : rule->q) / z->s_min) + of_c + by_row;
}

gref_status gref_golden_score_sizes(gref_golden_sizes *out, const gref_golden_scale *c,
                                    const gref_sampler *s, int t, bool guided)
{
    gref_golden_sizes z;
    gref_golden_prior_sizes(&z, c, s->schedule, t);
    if (guided && gref_row_has_guidance(s->row))
        TRY(likelihood_sizes(&z, c, s, t));
    *out = z;
    return GREF_OK;
}

gref_status gref_golden_sizes_at(gref_golden_sizes *out, const gref_golden_scale *c,
                                 const gref_sampler *s, int t, bool modelled)
{
    gref_golden_sizes z;
    TRY(gref_golden_score_sizes(&z, c, s, t, modelled || !gref_guidance_is_plain(s)));
    if (gref_sampler_next(s, t) >= 0 && !s->row->chain) {
        gref_rule rule = gref_sampler_rule(s, t);
        double low = gref_rule_gain(&rule, c->lambda_min),
               high = gref_rule_gain(&rule, c->lambda_max);
        z.score_step = rule.q;
        z.guidance_step = rule.kappa;
        z.free = fmax(fabs(low), fabs(high)); /* it is monotone in lambda */
        z.contraction =
            fmax(z.free, z.guidance_step * z.gain - fmin(low, 0.0)); /* M = D - K, K PSD */
        z.jump = jump_error(&z, s, t, &rule);
        if (s->row->project != NULL || gref_sampler_has_stages(s))
            TRY(gref_golden_general_sizes(&z, c, s, t));
    }
    *out = z;
    return GREF_OK;
}

double gref_golden_noise_floor(const gref_schedule *s, int t)
{
    return t >= 1 && t <= s->T ? GREF_U * s->decay[t] : 0.0;
}

/* K = D - M has |K| <= |D| + |M|, and |W^T C^-1|^2 <= |W^T C^-1 W| / C_min. */
void gref_golden_sizes_refine(gref_golden_sizes *z, double norm)
{
    z->contraction = fmin(z->contraction, norm);
    if (z->guidance_step > 0.0)
        z->gain = fmin(z->gain, (z->free + norm) / z->guidance_step);
    z->pull = fmin(z->pull, sqrt(z->gain / z->C_min));
}

/* W^T C^-1 = Sigma_t^-1 (...) C^-1: each inverse by itself, and the product. */
double gref_golden_pull_error(const gref_golden_sizes *z, const gref_golden_scale *c)
{
    return gref_change_of_product(1.0, z->delta, z->pull, (c->nu * z->kappa_C + c->nu) * z->pull) +
           z->pull * z->D_C / z->C_min;
}

double gref_golden_gain_error(const gref_golden_sizes *z, const gref_golden_scale *c)
{
    gref_guidance_change of_W =
        gref_change_of_free_guidance(z->pull, z->w, z->w * z->delta, z->D_C, 0.0);
    return of_W.D_Gamma +
           (c->nu * z->kappa_C + c->nu) * z->gain; /* |W^T C^-1|^2 |C| <= gain kappa_C */
}

double gref_golden_score_error(const gref_golden_sizes *z, const gref_golden_scale *c, double x,
                               double score)
{
    double shift = z->tick * (x + z->root * c->mu);
    return gref_change_of_product(1.0, z->delta, score, shift / z->s_min);
}

double gref_golden_x0hat_error(const gref_golden_sizes *z, const gref_golden_scale *c, double x,
                               double score)
{
    double sum = x + z->q * score; /* Tweedie: (x + q score)/root */
    double error = z->q * gref_golden_score_error(z, c, x, score);
    return gref_change_of_product(1.0 / z->root, z->tick / z->root, sum, error) + z->tick * c->mu;
}

double gref_golden_guidance_error(const gref_golden_sizes *z, const gref_golden_scale *c, double x,
                                  double score, double residual)
{
    double x0hat = c->mu + z->j * (x + z->root * c->mu);
    double r = c->nu * (c->v + c->a * x0hat) + c->a * gref_golden_x0hat_error(z, c, x, score);
    return gref_change_of_product(z->pull, gref_golden_pull_error(z, c), residual, r);
}
