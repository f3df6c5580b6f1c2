/*
 * The affine steps (THEORY sections 6 and 7).
 *
 *   s_t(i)   abar_t lambda_i + 1 - abar_t, the variance of mode i of x_t             [pixel^2]
 *   j_t(i)   sqrt(abar_t) lambda_i / s_t(i), the denoiser's gain J
 *   Gamma    n x n, B^T C^-1 B;  g  n x 1, B^T C^-1 r       (C = C_{v|t}, or I for guidance "after")
 *   p, q, h, c, kappa   the scheme's numbers for t and the next visited time (method/rule.c)
 *   M        n x n, diag((h lambda + c)/s_t) - kappa diag(j) Gamma diag(j)
 *   c        n x 1, kappa diag(j)(g - Gamma diag(j) sqrt(abar_t) d) - q sqrt(abar_t) d / s_t
 *            + (p sqrt(abar_t) - sqrt(abar')) mu_post: the last is 0 but for em, euler and ddpm on vp
 *
 * THEORY's M_t = p I - q H_t is the same matrix, and this form does not cancel: the factor is
 * exactly 0 at t = 1 in the kernel of Sigma. The vector c is b_t for coordinates centred on
 * sqrt(abar_t) mu_post.
 */
#include <math.h>

#include "base/internal.h"
#include "dense/internal.h"
#include "internal.h"

gref_status gref_step_new(gref_step *step, const gref_sampler *s)
{
    SCOPED(gref_step)
    made = {.diagonal = !s->row->guided || gref_sampler_runs_on_posterior(s),
            .general = s->row->chain || s->row->project != NULL || gref_sampler_has_stages(s)};
    TRY(gref_sampler_require_gaussian(s->row->name));
    TRY(gref_mat_new(&made.M, s->z->n, made.diagonal ? 1 : s->z->n));
    TRY(gref_mat_new(&made.c, s->z->n, 1));
    TRY(gref_mat_new(&made.diag, s->z->n, 1));
    *step = TAKE(made);
    return GREF_OK;
}

void gref_step_free(gref_step *step)
{
    gref_mat_free(&step->M);
    gref_mat_free(&step->c);
    gref_mat_free(&step->diag);
    gref_mat_free(&step->N);
}

/* The unconditional scheme on N(mu_post, Sigma_post), in its own modes. */
static void posterior_step(gref_mat M, gref_mat c, const gref_sampler *s, const gref_rule *rule)
{
    for (int i = 0; i < s->z->n; i++) {
        M.a[i] = gref_rule_gain(rule, s->z->rho.a[i] * s->z->rho.a[i]);
        c.a[i] = rule->drift * s->centre.a[i];
    }
}

static void free_step(gref_mat M, gref_mat c, const gref_sampler *s, const gref_rule *rule)
{
    for (int i = 0; i < s->z->n; i++) {
        M.a[i] = gref_rule_gain(rule, s->z->lambda.a[i]);
        c.a[i] =
            gref_rule_shift(rule, s->z->lambda.a[i], s->z->d.a[i]) + rule->drift * s->centre.a[i];
    }
}

/* True if M + shift I, M = D - K, has no Cholesky factor: then M has an eigenvalue below -shift. */
static gref_status falls_below(bool *below, gref_cmat M, double shift)
{
    SCOPED(gref_mat) S = {0};
    TRY(gref_mat_new(&S, M.n, M.n));
    gref_mat_copy(S, M);
    for (int i = 0; i < M.n; i++)
        GREF_AT(S, i, i) += shift;
    *below = !gref_cholesky_succeeds(S);
    return GREF_OK;
}

/*
 * Overshoot and norms of M = D - K, 0 <= least <= D <= largest, K >= 0: the largest eigenvalue is
 * at most largest, the smallest at least least - |K|_F. A factor that exists proves positivity up
 * to n u |M|, far below the 1e-9 allowed.
 */
static gref_status measure_step(gref_step *step, gref_cmat M, double norm_K, double least,
                                double largest)
{
    bool below;
    step->least = fmax(least - norm_K * (1.0 + 1e-12), 0.0);
    step->norm = largest;
    if (norm_K - least > largest) {
        TRY(falls_below(&below, M, largest * (1 - 1e-9)));
        if (below)
            step->norm = fmax(largest, norm_K - least);
    }
    step->norm *= 1.0 + 1e-12;
    if (norm_K - least > 1.0)
        TRY(falls_below(&step->overshoots, M, 1.0));
    step->norm_abs = step->norm_off = 0.0;
    for (int j = 0; j < M.n; j++) {
        double sum = 0.0, diagonal = fabs(GREF_AT(M, j, j));
        for (int i = 0; i < M.m; i++)
            sum += i == j ? 0.0 : fabs(GREF_AT(M, i, j));
        step->norm_off = fmax(step->norm_off, sum * (1.0 + 1e-12));
        step->norm_abs = fmax(step->norm_abs, (sum + diagonal) * (1.0 + 1e-12));
    }
    return GREF_OK;
}

/* M <- -kappa diag(j) Gamma diag(j), c <- kappa diag(j) (g - Gamma diag(j) sqrt(abar) d); sizes of
 * the latter's parts for errors.c, if asked. */
static gref_status form_guidance(gref_mat M, gref_mat c, gref_law_norms *seen,
                                 const gref_sampler *s, const gref_rule *rule, int t)
{
    int n = s->z->n;
    double kappa = rule->kappa, root = sqrt(rule->at.abar);
    SCOPED(gref_mat) j = {0}, jd = {0};
    TRY(gref_mat_new(&j, n, 1));
    TRY(gref_mat_new(&jd, n, 1));
    for (int i = 0; i < n; i++) {
        j.a[i] = gref_mode_gain(s, t, i);
        jd.a[i] = j.a[i] * root * s->z->d.a[i];
    }
    TRY(gref_guidance_at(M, c, s, t));
    TRY(gref_gemv(c, -1.0, gref_const(M), false, gref_const(jd), 1.0));
    if (seen != NULL)
        TRY(gref_law_seen(seen, s, t, gref_const(c), gref_const(M)));
    gref_mat_scale_rows(c, gref_const(j));
    gref_mat_scale_rows(M, gref_const(j));
    for (int k = 0; k < n; k++) {
        c.a[k] *= kappa;
        for (int i = 0; i < n; i++)
            GREF_AT(M, i, k) *= -kappa * j.a[k];
    }
    return GREF_OK;
}

/* M <- M + diag(gains); what the free step adds to c; the ends of the gains. */
static void add_free_step(gref_mat M, gref_mat c, const gref_sampler *s, const gref_rule *rule,
                          double *least, double *largest)
{
    *least = INFINITY;
    *largest = 0.0;
    for (int i = 0; i < M.m; i++) {
        double gain = gref_rule_gain(rule, s->z->lambda.a[i]);
        *least = fmin(*least, gain);
        *largest = fmax(*largest, fabs(gain));
        GREF_AT(M, i, i) += gain;
        c.a[i] +=
            gref_rule_shift(rule, s->z->lambda.a[i], s->z->d.a[i]) + rule->drift * s->centre.a[i];
    }
}

gref_status gref_step_form(gref_mat M, gref_mat c, const gref_sampler *s, const gref_rule *rule,
                           int t)
{
    double least, largest;
    bool posterior = gref_sampler_runs_on_posterior(s);
    if (posterior || (M.n == 1 && rule->kappa == 0.0)) { /* kappa: n may be 1 */
        (posterior ? posterior_step : free_step)(M, c, s, rule);
        return GREF_OK;
    }
    gref_mat_fill(M, 0.0);
    gref_mat_fill(c, 0.0);
    if (rule->kappa != 0.0)
        TRY(form_guidance(M, c, NULL, s, rule, t));
    add_free_step(M, c, s, rule, &least, &largest);
    return GREF_OK;
}

static gref_status guided_step(gref_step *step, const gref_sampler *s, const gref_rule *rule, int t)
{
    double least, largest;
    TRY(form_guidance(step->M, step->c, &step->guidance, s, rule, t));
    double norm_K = gref_mat_norm_fro(gref_const(step->M));
    add_free_step(step->M, step->c, s, rule, &least, &largest);
    return measure_step(step, gref_const(step->M), norm_K, least, largest);
}

/*
 * Norms of a step that need not be symmetric; it overshoots where it stretches a direction more than 1
 * and than the step without data. M^T M <= bound^2 I is asked of a Cholesky factor.
 */
static gref_status measure_general(gref_step *step, double free_norm)
{
    int n = step->M.n, e;
    SCOPED(gref_mat) S = {0}, scaled = {0};
    TRY(gref_mat_new(&S, n, n));
    TRY(gref_mat_new(&scaled, n, n));
    frexp(gref_mat_norm_max(gref_const(step->M)), &e); /* squares of 2^-e M are doubles */
    gref_mat_axpy(scaled, ldexp(0.5, 1 - e), gref_const(step->M));
    TRY(gref_syrk(S, -1.0, gref_const(scaled), true, 0.0));
    double bound = fmax(1.0, free_norm) * (1.0 + 1e-9);
    for (int i = 0; i < n; i++)
        GREF_AT(S, i, i) += ldexp(bound, -e) * ldexp(bound, -e);
    step->overshoots = !gref_cholesky_succeeds(S);
    step->norm_off = step->norm_abs = gref_mat_norm_fro(gref_const(step->M)) * (1.0 + 1e-12);
    step->norm = step->overshoots ? step->norm_abs : fmin(bound, step->norm_abs);
    return GREF_OK;
}

/* The step itself, and where it is general the norm of the same step without data. */
static gref_status general_step(gref_step *step, double *free_norm, const gref_sampler *s,
                                const gref_rule *rule, int t)
{
    if (s->row->project != NULL)
        return gref_projection_step(step, free_norm, s, rule);
    if (gref_sampler_has_stages(s))
        return gref_stages_step(step, free_norm, s, t);
    *free_norm = sqrt(s->schedule->abar[t - 1] / s->schedule->abar[t]);
    return gref_affine_step(step, s, t);
}

gref_status gref_step_at(gref_step *step, const gref_sampler *s, int t)
{
    gref_rule rule = {0};
    double free_norm;
    step->overshoots = false;
    if (!s->row->chain)
        rule = gref_sampler_rule(s, t);
    if (step->general) {
        TRY(general_step(step, &free_norm, s, &rule, t));
        if (!step->diagonal)
            return measure_general(step, free_norm);
    } else {
        step->noise = rule.noise;
        if (!step->diagonal)
            return guided_step(step, s, &rule, t);
        TRY(gref_step_form(step->M, step->c, s, &rule, t));
    }
    step->norm = step->norm_abs = gref_mat_norm_max(gref_const(step->M)) * (1.0 + 1e-12);
    step->least = step->norm;
    for (int i = 0; i < step->M.m; i++)
        step->least = fmin(step->least, fabs(step->M.a[i]));
    return GREF_OK;
}

/* M = V M V^T and b = sqrt(abar_{t-1}) mu_post + V c - M sqrt(abar_t) mu_post, V the basis in
 * pixels. */
static gref_status step_to_pixels(gref_mat M, gref_mat b, const gref_step *step, gref_cmat V,
                                  const gref_sampler *s, int t)
{
    int n = s->z->n;
    SCOPED(gref_mat) VM = {0}, mu_post = {0};
    TRY(gref_mat_new(&VM, n, n));
    TRY(gref_mat_new(&mu_post, n, 1));
    if (step->diagonal) {
        gref_mat_copy(VM, V);
        gref_mat_scale_cols(VM, gref_const(step->M));
    } else {
        TRY(gref_gemm(VM, 1.0, V, false, gref_const(step->M), false, 0.0));
    }
    TRY(gref_gemm(M, 1.0, gref_const(VM), false, V, true, 0.0));
    if (!step->general)
        gref_mat_symmetrise(M);
    gref_mat_copy(mu_post, gref_const(s->z->mu));
    TRY(gref_gemv(mu_post, 1.0, gref_const(s->z->U), false, gref_const(s->z->d), 1.0));
    gref_mat_copy(b, gref_const(mu_post));
    TRY(gref_gemv(b, -sqrt(s->schedule->abar[t]), gref_const(M), false, gref_const(mu_post),
                  sqrt(s->schedule->abar[gref_times_next(&s->spec, t)])));
    return gref_gemv(b, 1.0, V, false, gref_const(step->c), 1.0);
}

gref_status gref_sampler_require_step(const gref_sampler *s, int t)
{
    REQUIRE(gref_sampler_next(s, t) >= 0, GREF_ERR_RANGE,
            "no step of %s leaves t = %d: it visits %d to %d%s", s->spec.label, t,
            gref_sampler_first(s), gref_sampler_last(s),
            s->spec.n_times > 0 ? ", not all between" : "");
    return GREF_OK;
}

/**
 * One backward step in pixels, from t to the next visited time s.
 *
 *     y_s = M_t y_t + b_t + N(0, N_t I)
 *     M_t = (I - beta_t H_t)/sqrt(alpha_t),  H_t = Sigma_t^-1 + W^T C^-1 W          (guidance "score")
 *     b_t = beta_t/sqrt(alpha_t) [ H_t sqrt(abar_t) mu + W^T C^-1 (v - A mu) ]
 *
 * and as THEORY section 7 says for the other conventions.
 *
 * @param[out] M      n x n, both triangles; symmetric but for an affine chain, projections, heun and rk4. Undefined on error.
 * @param[out] b      n x 1. Undefined on error.                                          [pixel]
 * @param[out] noise  N_t; 0 into t = 0 unless the convention has last_noise; NAN where N_t is no multiple of I
 *                    (gref_sampler_noise).                                               [pixel^2]
 * @param[in]  t      a visited time that is not the last.
 * @return GREF_OK; GREF_ERR_SHAPE; GREF_ERR_RANGE; GREF_ERR_NOMEM; GREF_ERR_NUMERICS.
 * @error  |error in M| <= c n eps (1 + kappa_t |J|^2 |Gamma|), c about 1.
 * @see    THEORY section 6. Tests: test_sampler.c
 */
gref_status gref_sampler_step(gref_mat M, gref_mat b, double *noise, const gref_sampler *s, int t)
{
    int n = s->z->n;
    SCOPED(gref_step) step = {0};
    SCOPED(gref_mat) V = {0};
    TRY(gref_require_shape(gref_const(M), n, n, "M"));
    TRY(gref_require_shape(gref_const(b), n, 1, "b"));
    TRY(gref_sampler_require_step(s, t));
    TRY(gref_step_new(&step, s));
    TRY(gref_step_at(&step, s, t));
    if (gref_sampler_runs_on_posterior(s)) {
        TRY(gref_mat_new(&V, n, n));
        TRY(gref_gemm(V, 1.0, gref_const(s->z->U), false, gref_const(s->z->X), false, 0.0));
        TRY(step_to_pixels(M, b, &step, gref_const(V), s, t));
    } else {
        TRY(step_to_pixels(M, b, &step, gref_const(s->z->U), s, t));
    }
    *noise = step.N.a != NULL ? NAN : step.noise;
    return GREF_OK;
}
