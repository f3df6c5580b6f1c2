/*
 * Golden laws: the target, a sampler's exact law, the law it models, their distance. Tolerances,
 * with the symbols of golden_sizes.c; F is a factor of P_t, K = guidance_step W^T C^-1 W, M = D -
 * K.
 *
 *   w      error of N(m_t, P_t) in W2 units, covariance part:
 *              w <- |M| w + score_step delta |Sigma_t^-1 F| + (error of K and of a jump) |F| + dP/(2 sqrt(N))
 *          a linear map expands W2 by at most its norm, equal noise N does not expand it, and a covariance
 *          >= N I that is off by dP is off by dP/(2 sqrt(N)); dP = 4 omega |P| is the rounding of M P M^T
 *   e      error of m_t:  e <- |M| e + (error of one step at m_t, from the score, the guidance and the products)
 *   c      rounding of P_t itself, steps being independent:  c^2 <- (|M|^2 c)^2 + dP^2
 *
 * and of rows that project, heun and rk4, w <- |M| w + map |F| + sqrt(n) (error of N^1/2), golden_maps.c.
 *
 *   cov           2 w sqrt(max P_ii) + c + 4 omega max P_ii
 *   mean, bias    e + 8 u (|m| + |mu_post|);  e + the target's
 *   target/cov    4 omega [abar (|K|_F |Sigma|/K_min + |Sigma|_F) + 1 - abar]: dK moves Sigma_post
 *                 by G dK G^T
 *   target/mean   nu kappa_K sqrt(|Sigma|/K_min) |v - A mu| sqrt(abar) + 8 u (|m| + |mu_post|)
 *   modelled/cov  nu [ abar |Sigma| kappa_L + s_max (kappa_s + kappa_C) ]        Bayes' rule, and inv(H_t) for t >= 1
 *   modelled/mean nu (kappa_L + kappa_s + kappa_C) sqrt(s_max/C_min) |v - A mu| + 8 u (|m| + |mu_post|)
 *   w2            e + target's + w + d: d = sqrt(tau) or tau/(2 W2), the smaller, for tau = sqrt(n) (errors of the two
 *                 covariances that no noise keeps away from singular)
 */
#include <math.h>

#include "base/internal.h"
#include "dense/internal.h"
#include "diffusion/internal.h"
#include "errors/perturb.h"
#include "golden_parts.h"

/* A lower bound of |C|_2 for a symmetric C, or any C by C^T C, close after a few powers. */
static gref_status spectral_norm(double *norm, gref_cmat C, bool symmetric)
{
    SCOPED(gref_mat) x = {0}, y = {0};
    TRY(gref_mat_new(&x, C.n, 1));
    TRY(gref_mat_new(&y, C.n, 1));
    for (int i = 0; i < C.n; i++)
        x.a[i] = 1.0 + 0.5 * sin(i); /* any vector that is nowhere near an invariant subspace */
    *norm = 0.0;
    for (int k = 0; k < 20; k++) {
        double size = gref_mat_norm_fro(gref_const(x));
        for (int i = 0; i < C.n && size > 0.0; i++)
            x.a[i] /= size;
        TRY(gref_gemv(y, 1.0, C, false, gref_const(x), 0.0));
        *norm = fmax(*norm, gref_mat_norm_fro(gref_const(y)));
        if (symmetric)
            gref_mat_copy(x, gref_const(y));
        else
            TRY(gref_gemv(x, 1.0, C, true, gref_const(y), 0.0));
    }
    return GREF_OK;
}

/*
 * A covariance is stored on a grid of sqrt(n)/4 u |C|_2, whatever its tolerance: that moves its
 * eigenvalues by less than a tenth of the n eps |C|_2 within which a covariance counts as singular.
 */
static gref_status emit_law(const gref_golden_walk *w, const char *label, const char *prefix, int t,
                            gref_cmat mean, gref_cmat cov, double mean_error, double cov_error,
                            double condition, const char *mean_basis, const char *cov_basis)
{
    char at_mean[32], at_cov[32];
    double norm;
    TRY(spectral_norm(&norm, cov, true));
    snprintf(at_mean, sizeof at_mean, "%smean", prefix);
    snprintf(at_cov, sizeof at_cov, "%scov", prefix);
    gref_golden_entry m = {.label = label,
                           .what = at_mean,
                           .t = t,
                           .A = mean,
                           .ndim = 1,
                           .tolerance = mean_error +
                                        8.0 * GREF_U * (gref_mat_norm_fro(mean) + w->scale.mu_post),
                           .condition = condition};
    gref_golden_entry C = {.label = label,
                           .what = at_cov,
                           .t = t,
                           .A = cov,
                           .ndim = 2,
                           .tolerance = cov_error,
                           .condition = condition,
                           .grid = sqrt(cov.n) / 4.0 * GREF_U * norm};
    TRY(gref_golden_emit(w, &m, "%s", mean_basis));
    return gref_golden_emit(w, &C, "%s", cov_basis);
}

/* Errors of the target: of its mean; of its covariance in Frobenius norm. */
static void target_errors(double *mean, double *cov, const gref_golden_walk *w,
                          const gref_schedule *schedule, int t)
{
    const gref_golden_scale *c = &w->scale;
    double abar = schedule->abar[t], q = schedule->qbar[t];
    double Sigma = gref_mat_norm_fro(gref_const(w->in->problem->Sigma));
    *mean = c->nu * c->K_max / c->K_min * sqrt(c->lambda_max / c->K_min) * c->r * sqrt(abar);
    *cov = 4.0 * c->omega * (c->K * c->lambda_max / c->K_min + Sigma) * abar + 4.0 * c->omega * q;
}

gref_status gref_golden_target_arrays(const gref_golden_walk *w)
{
    int n = w->scale.n;
    SCOPED(gref_mat) mean = {0}, cov = {0};
    TRY(gref_mat_new(&mean, n, 1));
    TRY(gref_mat_new(&cov, n, n));
    for (int k = 0; k < w->in->n_times; k++) {
        int t = w->in->times[k];
        double mean_error, cov_error;
        target_errors(&mean_error, &cov_error, w, w->in->schedule, t);
        TRY(gref_conditional_exact(mean, cov, &w->z, w->in->schedule, t));
        TRY(emit_law(
            w, "", "target/", t, gref_const(mean), gref_const(cov), mean_error, cov_error,
            w->scale.K_max / w->scale.K_min,
            "nu kappa_K sqrt(|Sigma|/K_min) |v - A mu| sqrt(abar) + 8 u (|m| + |mu_post|)",
            "4 omega [abar (|K|_F |Sigma|/K_min + |Sigma|_F) + 1 - abar], omega = sqrt(n) u"));
    }
    return GREF_OK;
}

static gref_status modelled_law(const gref_golden_walk *w, const gref_sampler *s, int t,
                                gref_mat mean, gref_mat cov)
{
    const gref_golden_scale *c = &w->scale;
    gref_golden_sizes z;
    TRY(gref_golden_sizes_at(&z, c, s, t, true));
    TRY(gref_conditional_precision(mean, cov, s, t));
    double inverse = t >= 1 ? z.kappa_s + z.kappa_C : 1.0; /* the route by inv(H_t) */
    double of_cov = c->nu * (z.abar * c->lambda_max * z.kappa_L + z.s_max * inverse);
    double of_mean = c->nu * (z.kappa_L + inverse) * sqrt(z.s_max / z.C_min) * c->r;
    TRY(emit_law(
        w, s->spec.label, "modelled/", t, gref_const(mean), gref_const(cov),
        gref_sampler_is_guided(s) ? of_mean : 0.0, of_cov, z.kappa_L + inverse,
        "nu (kappa_L + kappa_s + kappa_C) sqrt(s_max/C_min) |v - A mu| + 8 u (|m| + |mu_post|); t "
        "= 0: kappa_L",
        "nu (abar |Sigma| kappa_L + s_max (kappa_s + kappa_C)); t = 0: nu abar |Sigma| kappa_L"));
    return GREF_OK;
}

/* ---- the chain ------------------------------------------------------------------------------ */

/* What the law of y_t may be off by. */
typedef struct {
    double mean, w2, cov; /* e, w, c above */
    double last;          /* rounding of a covariance that no noise was added to since */
    bool general;         /* some step was one of golden_maps.c */
} errors;

static double mu_score(const gref_sampler *s, int t)
{
    gref_cmat U = gref_const(s->z->U);
    double sum = 0.0;
    for (int i = 0; i < s->z->n; i++) {
        double x = 0.0, st = gref_mode_variance(s, t, i);
        for (int k = 0; k < U.m; k++)
            x += GREF_AT(U, k, i) * s->z->mu.a[k];
        sum += x / st * (x / st);
    }
    return sqrt(sum);
}

/* Error of the mean of one step at m_t, whether as M m + b or through score and guidance. */
static double step_error(const gref_golden_walk *w, const gref_golden_sizes *z,
                         const gref_marginal_sizes *p, double mu_white, double m)
{
    const gref_golden_scale *c = &w->scale;
    double residual = c->r + z->w * p->shift;
    if (z->general)
        return z->map * p->shift + z->rest + 2.0 * c->nu * m;
    double guidance = gref_golden_guidance_error(z, c, m, p->score, residual);
    return z->score_step * z->delta * (p->score + 2.0 * z->root * mu_white) +
           z->guidance_step * guidance + (2.0 * c->nu + z->jump) * m;
}

static void propagate(errors *e, const gref_golden_walk *w, const gref_golden_sizes *z,
                      const gref_marginal_sizes *p, double at_mean, double noise)
{
    const gref_golden_scale *c = &w->scale;
    double M = z->contraction, K = z->guidance_step * gref_golden_gain_error(z, c) + z->jump;
    double dP = 4.0 * c->omega * M * M * p->cov;
    double own = z->general ? z->map * p->spread + z->noise_root * sqrt(c->n)
                            : z->score_step * z->delta * p->whitened + K * p->spread;
    e->w2 = M * e->w2 + own;
    e->mean = M * e->mean + at_mean;
    e->cov = hypot(M * M * e->cov, dP);
    e->last = M * M * e->last + dP;
    if (noise > 0.0) {
        e->w2 += e->last / (2.0 * sqrt(noise));
        e->last = 0.0;
    }
}

/*
 * What covariances that no noise keeps away from singular add. Of a row that does not project the law and
 * the target are singular in the same directions; of another, W2 moves by the root of its covariance.
 */
static gref_status singular_part(double *d, const gref_golden_walk *w, const gref_marginal *law,
                                 const errors *e, double target, double w2_cov)
{
    int n = w->scale.n;
    double tau = sqrt(n) * (e->last + target), least, most;
    SCOPED(gref_mat) P = {0};
    *d = w2_cov > 0.0 ? fmin(sqrt(tau), tau / (2.0 * w2_cov)) : sqrt(tau);
    if (!e->general || tau == 0.0)
        return GREF_OK;
    TRY(gref_mat_new(&P, n, n));
    TRY(gref_marginal_cov(P, law));
    TRY(gref_golden_extremes(&least, &most, P));
    *d = gref_change_of_root(n, least - e->last, e->last) + sqrt(sqrt(n) * target);
    return GREF_OK;
}

static gref_status emit_w2(const gref_golden_walk *w, const gref_sampler *s,
                           const gref_marginal *law, const errors *e)
{
    int t = gref_marginal_t(law);
    double mean, cov, singular, q = s->schedule->qbar[t], value[3];
    gref_w2 d;
    TRY(gref_marginal_w2(&d, law));
    target_errors(&mean, &cov, w, s->schedule, t);
    double regular =
        e->w2 + (q > 0.0 ? fmin(cov / (2.0 * sqrt(q)), sqrt(sqrt(w->scale.n) * cov)) : 0.0);
    TRY(singular_part(&singular, w, law, e, q > 0.0 ? 0.0 : cov, d.w2_cov));
    value[0] = d.w2;
    value[1] = d.w2_mean;
    value[2] = d.w2_cov;
    gref_golden_entry entry = {.label = s->spec.label,
                               .what = "w2",
                               .t = t,
                               .A = {value, 3, 1, 3},
                               .ndim = 1,
                               .tolerance =
                                   e->mean + mean + regular + singular + 8.0 * GREF_U * d.w2};
    entry.condition = entry.tolerance / (w->scale.nu * (d.w2 > 0.0 ? d.w2 : 1.0));
    return gref_golden_emit(w, &entry,
                            "means' %.2g + laws' in W2 units %.2g + singular covariances' %.2g",
                            e->mean + mean, regular, singular);
}

static gref_status emit_bias(const gref_golden_walk *w, const gref_sampler *s,
                             const gref_marginal *law, const errors *e, gref_mat bias)
{
    int t = gref_marginal_t(law);
    double target, unused;
    TRY(gref_marginal_bias(bias, law));
    target_errors(&target, &unused, w, s->schedule, t);
    gref_golden_entry entry = {.label = s->spec.label,
                               .what = "bias",
                               .t = t,
                               .A = gref_const(bias),
                               .ndim = 1,
                               .tolerance = e->mean + target + 16.0 * GREF_U * w->scale.mu_post,
                               .condition = 1.0 + e->mean / w->scale.nu};
    return gref_golden_emit(w, &entry, "mean's %.2g + target/mean's %.2g + 16 u |mu_post|", e->mean,
                            target);
}

static gref_status emit_moments(const gref_golden_walk *w, const gref_sampler *s,
                                const gref_marginal *law, const errors *e, gref_mat mean,
                                gref_mat cov)
{
    double variance = 0.0;
    TRY(gref_marginal_mean(mean, law));
    TRY(gref_marginal_cov(cov, law));
    for (int i = 0; i < cov.n; i++)
        variance = fmax(variance, GREF_AT(cov, i, i));
    double of_cov = 2.0 * e->w2 * sqrt(variance) + e->cov + 4.0 * w->scale.omega * variance;
    return emit_law(
        w, s->spec.label, "", gref_marginal_t(law), gref_const(mean), gref_const(cov), e->mean,
        of_cov, variance > 0.0 ? 1.0 + of_cov / (w->scale.nu * variance) : 1.0,
        "e + 8 u (|m| + |mu_post|), e of the chain, see golden_laws.c",
        "2 w sqrt(max P_ii) + c + 4 omega max P_ii, w and c of the chain, see golden_laws.c");
}

static gref_status emit_law_at(const gref_golden_walk *w, const gref_sampler *s,
                               const gref_marginal *law, const errors *e, gref_mat mean,
                               gref_mat cov)
{
    int t = gref_marginal_t(law);
    if (gref_sampler_has_model(s))
        TRY(modelled_law(w, s, t, mean, cov));
    if (gref_marginal_diverged(law) || gref_marginal_mean_lost(law) ||
        !isfinite(e->mean + e->w2 + e->cov))
        return GREF_OK;
    TRY(emit_moments(w, s, law, e, mean, cov));
    if (!gref_sampler_has_target(s, t))
        return GREF_OK;
    TRY(emit_bias(w, s, law, e, mean));
    return emit_w2(w, s, law, e);
}

/*
 * |M_t| of a step that overshoots, where the bound at hand is a Frobenius norm: by powers of M_t,
 * with 2 % for what twenty of them leave.
 */
static gref_status overshoot_norm(double *norm, const gref_sampler *s, int t, bool general)
{
    double noise;
    SCOPED(gref_mat) M = {0}, b = {0};
    TRY(gref_mat_new(&M, s->z->n, s->z->n));
    TRY(gref_mat_new(&b, s->z->n, 1));
    TRY(gref_sampler_step(M, b, &noise, s, t));
    TRY(spectral_norm(norm, gref_const(M), !general));
    *norm *= 1.02;
    return GREF_OK;
}

/* An affine step is given: products alone are lost. */
static void propagate_given(errors *e, const gref_golden_walk *w, double norm,
                            const gref_marginal_sizes *p, double m)
{
    double dP = 4.0 * w->scale.omega * norm * norm * p->cov;
    e->mean = norm * e->mean + 2.0 * w->scale.nu * (norm * m + w->scale.mu_post);
    e->w2 = norm * e->w2 + w->scale.nu * norm * p->spread;
    e->cov = hypot(norm * norm * e->cov, dP);
    e->last = norm * norm * e->last + dP;
}

/* One step of the law and of its errors. */
static gref_status advance(errors *e, gref_marginal *law, gref_golden_sizes *z,
                           const gref_golden_walk *w, const gref_sampler *s)
{
    int t = gref_marginal_t(law);
    gref_marginal_sizes p;
    bool alive = !gref_marginal_diverged(law);
    if (alive)
        TRY(gref_marginal_sizes_of(&p, law));
    TRY(gref_marginal_advance(law));
    if (!alive)
        return GREF_OK;
    double norm = gref_marginal_step_norm(law), by_powers = norm;
    double m = p.shift + sqrt(s->schedule->abar[t]) * w->scale.mu;
    if (s->row->chain) {
        z->contraction = norm;
        propagate_given(e, w, norm, &p, m);
        return GREF_OK;
    }
    e->general = z->general;
    if (norm > z->free * 1.0001)
        TRY(overshoot_norm(&by_powers, s, t, z->general));
    if (z->general)
        z->contraction = fmin(z->contraction, fmin(norm, by_powers));
    else
        gref_golden_sizes_refine(z, fmax(fmin(norm, by_powers), z->free));
    double floor =
        gref_sampler_noise_kind(s) == GREF_NOISE_MATRIX ? z->noise_floor : gref_step_noise(s, t);
    propagate(e, w, z, &p, step_error(w, z, &p, mu_score(s, t), m), floor);
    return GREF_OK;
}

/* A given start comes in pixels and is taken to the modes of Sigma. */
static gref_status start_errors(errors *e, const gref_golden_walk *w, const gref_sampler *s)
{
    const gref_convention *c = &s->spec.convention;
    if (c->start == GREF_START_EXACT) {
        target_errors(&e->mean, &e->cov, w, s->schedule, gref_sampler_first(s));
    } else if (c->start == GREF_START_GIVEN) {
        double spread = c->start_mean.m == 1 ? sqrt(w->scale.n) : 1.0; /* of a constant image */
        e->mean = w->scale.nu * gref_mat_norm_fro(c->start_mean) * spread;
        e->cov = 4.0 * w->scale.omega * gref_mat_norm_fro(c->start_cov);
    } else {
        TRY(gref_golden_start_error(&e->mean, &e->w2, &w->scale, s));
    }
    return GREF_OK;
}

gref_status gref_golden_law_arrays(int *diverged_at, gref_golden_sizes *sizes,
                                   const gref_golden_walk *w, const gref_sampler *s)
{
    errors e = {0};
    int last = gref_sampler_last(s), end = w->in->times[w->in->n_times - 1];
    SCOPED_PTR(gref_marginal) *law = NULL;
    SCOPED(gref_mat) mean = {0}, cov = {0};
    TRY(gref_mat_new(&mean, w->scale.n, 1));
    TRY(gref_mat_new(&cov, w->scale.n, w->scale.n));
    TRY(gref_marginal_new(&law, s));
    TRY(start_errors(&e, w, s));
    for (int t = gref_sampler_first(s);; t = gref_marginal_t(law)) {
        if (gref_golden_is_time(w->in, t)) {
            TRY(emit_law_at(w, s, law, &e, mean, cov));
            if (gref_marginal_diverged(law) && *diverged_at < 0)
                *diverged_at = t;
        }
        if (t == last || t <= end)
            return GREF_OK;
        TRY(advance(&e, law, &sizes[t], w, s));
    }
}
