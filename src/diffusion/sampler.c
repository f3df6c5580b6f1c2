/*
 * The table of samplers, and their affine steps (THEORY sections 6 and 7).
 *
 *   s_t(i)   abar_t lambda_i + 1 - abar_t, the variance of mode i of x_t             [pixel^2]
 *   j_t(i)   sqrt(abar_t) lambda_i / s_t(i), the denoiser's gain J
 *   Gamma    n x n, B^T C^-1 B;  g  n x 1, B^T C^-1 r       (C = C_{v|t}, or I for guidance "after")
 *   kappa_t  coefficient of the guidance: beta_t/sqrt(alpha_t) | sigma_t^2 | 2 zeta
 *   M        n x n, diag(sqrt(alpha_t) s_{t-1}/s_t) - kappa_t diag(j) Gamma diag(j)
 *   c        n x 1, kappa_t diag(j)(g - Gamma diag(j) sqrt(abar_t) d) - beta_t sqrt(abar_{t-1}) d / s_t
 *
 * THEORY's M_t = (I - beta_t H_t)/sqrt(alpha_t) is the same matrix: (1 - beta_t/s_t)/sqrt(alpha_t) =
 * sqrt(alpha_t) s_{t-1}/s_t because s_t = alpha_t s_{t-1} + beta_t, and this form does not cancel: the
 * factor is exactly 0 at t = 1 in the kernel of Sigma. c is b_t for coordinates centred on
 * sqrt(abar_t) mu_post.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/internal.h"
#include "dense/bound.h"
#include "dense/internal.h"
#include "internal.h"

static const gref_method *const methods[] = {&gref_method_ddpm, &gref_method_dps,
                                             &gref_method_pigdm, &gref_method_cgdm};
enum { N_METHODS = sizeof methods / sizeof *methods };
/* Those that have no affine steps. */
static const gref_method *const literal_methods[] = {&gref_method_dps_norm};
enum { N_LITERAL = sizeof literal_methods / sizeof *literal_methods };

/* The method of that name, or NULL. */
static const gref_method *find_method(const char *name)
{
    for (int k = 0; k < N_METHODS; k++)
        if (strcmp(methods[k]->name, name) == 0)
            return methods[k];
    for (int k = 0; k < N_LITERAL; k++)
        if (strcmp(literal_methods[k]->name, name) == 0)
            return literal_methods[k];
    return NULL;
}

/** Name of method k, as in a case's "samplers"; NULL when k is outside the table. */
const char *gref_sampler_name(int k)
{
    return k >= 0 && k < N_METHODS ? methods[k]->name : NULL;
}

/** One line about method k; NULL when k is outside the table. */
const char *gref_sampler_title(int k)
{
    return k >= 0 && k < N_METHODS ? methods[k]->title : NULL;
}

/**
 * What a program asks before it begins to compute laws.
 * @return GREF_OK; GREF_ERR_RANGE for a method that has no Gaussian law, and for an unknown name.
 */
gref_status gref_sampler_require_gaussian(const char *name)
{
    const gref_method *method = find_method(name);
    REQUIRE(method != NULL, GREF_ERR_RANGE, "no sampler is called \"%s\"", name);
    REQUIRE(!method->norm, GREF_ERR_RANGE,
            "%s has no Gaussian law: the gradient of a norm is not affine in y_t; it can be "
            "replayed and drawn",
            name);
    return GREF_OK;
}

gref_status gref_sampler_require_law(const gref_sampler *s)
{
    return gref_sampler_require_gaussian(s->method->name);
}

/** Frees the sampler; accepts NULL. */
void gref_sampler_free(gref_sampler *s)
{
    if (s == NULL)
        return;
    if (s->method != NULL && s->method->release != NULL)
        s->method->release(s->data);
    gref_mat_free(&s->G);
    gref_mat_free(&s->Br);
    free(s);
}

/** What the sampler was made of. */
const gref_sampler_spec *gref_sampler_get_spec(const gref_sampler *s)
{
    return &s->spec;
}

/** True if the sampler uses v. */
bool gref_sampler_is_guided(const gref_sampler *s)
{
    return s->method->guided;
}

/**
 * A sampler for one problem and schedule.
 *
 * @param[out] s         owned by the caller; gref_sampler_free. Unchanged on error.
 * @param[in]  z         borrowed: must outlive the sampler.
 * @param[in]  schedule  borrowed likewise.
 * @param[in]  spec      method name and conventions; copied.
 * @return GREF_OK; GREF_ERR_RANGE (unknown name; alpha <= 0; zeta <= 0 with guidance "after" or dps-norm;
 *         dps with sigma = 0); GREF_ERR_NOT_PD (pigdm with sigma = 0 and a singular A A^T); GREF_ERR_NOMEM;
 *         GREF_ERR_NUMERICS.
 * @cost   dps and "after": one m x n product; pigdm: one SVD of A; cgdm, ddpm: nothing.
 * @see    THEORY sections 4 and 7. Tests: test_sampler.c
 */
gref_status gref_sampler_new(gref_sampler **out, const gref_modes *z, const gref_schedule *schedule,
                             const gref_sampler_spec *spec)
{
    SCOPED_PTR(gref_sampler) *s = gref_alloc(1, sizeof *s);
    REQUIRE(s != NULL, GREF_ERR_NOMEM, "no memory for a sampler");
    s->spec = *spec;
    s->z = z;
    s->schedule = schedule;
    const gref_method *method = find_method(spec->name);
    REQUIRE(method != NULL, GREF_ERR_RANGE, "no sampler is called \"%s\"", spec->name);
    s->method = method;
    if (method->prepare != NULL)
        TRY(method->prepare(s));
    if (method->guided && !method->norm && spec->convention.guidance == GREF_GUIDANCE_AFTER) {
        REQUIRE(spec->convention.zeta > 0.0, GREF_ERR_RANGE,
                "guidance \"after\" needs zeta > 0, not %g", spec->convention.zeta);
        TRY(gref_sampler_form_gram(s));
    }
    *out = TAKE(s);
    return GREF_OK;
}

gref_status gref_sampler_form_gram(gref_sampler *s)
{
    SCOPED(gref_mat) L = {0};
    if (s->G.a != NULL)
        return GREF_OK;
    TRY(gref_mat_new(&s->G, s->z->n, s->z->n));
    TRY(gref_mat_new(&s->Br, s->z->n, 1));
    TRY(gref_mat_new(&L, s->z->n, s->z->n));
    TRY(gref_dot2_gemm(s->G, L, gref_const(s->z->B), true, gref_const(s->z->B), false));
    gref_mat_mirror_lower(s->G);
    double b = gref_norm_fro_up(gref_const(s->z->B));
    s->dG = 2 * gref_norm_fro_up(gref_const(L)) + gref_dot2_error_up(s->z->m) * b * b;
    return gref_gemv(s->Br, 1.0, gref_const(s->z->B), true, gref_const(s->z->r), 0.0);
}

bool gref_sampler_runs_on_posterior(const gref_sampler *s)
{
    return s->method->exact_likelihood && s->spec.convention.guidance == GREF_GUIDANCE_SCORE;
}

double gref_mode_variance(const gref_sampler *s, int t, int i)
{
    return s->schedule->abar[t] * s->z->lambda.a[i] + s->schedule->qbar[t];
}

double gref_mode_gain(const gref_sampler *s, int t, int i)
{
    double st = gref_mode_variance(s, t, i);
    return st > 0.0 ? sqrt(s->schedule->abar[t]) * s->z->lambda.a[i] / st : 0.0;
}

double gref_step_variance(const gref_sampler *s, int t)
{
    return s->spec.convention.variance == GREF_VARIANCE_BETA ? s->schedule->beta[t]
                                                             : s->schedule->beta_tilde[t];
}

double gref_step_noise(const gref_sampler *s, int t)
{
    return t == 1 && !s->spec.convention.last_noise ? 0.0 : gref_step_variance(s, t);
}

double gref_guidance_coefficient(const gref_sampler *s, int t)
{
    switch (s->spec.convention.guidance) {
    case GREF_GUIDANCE_MEAN:
        return gref_step_variance(s, t);
    case GREF_GUIDANCE_AFTER:
        return (s->method->norm ? 1.0 : 2.0) * s->spec.convention.zeta;
    case GREF_GUIDANCE_SCORE:
        break;
    }
    return s->schedule->beta[t] / sqrt(s->schedule->alpha[t]);
}

gref_status gref_guidance_at(gref_mat Gamma, gref_mat g, const gref_sampler *s, int t)
{
    if (s->spec.convention.guidance != GREF_GUIDANCE_AFTER)
        return s->method->guidance(Gamma, g, s, t);
    gref_mat_copy(Gamma, gref_const(s->G));
    gref_mat_copy(g, gref_const(s->Br));
    return GREF_OK;
}

gref_guidance_errors gref_guidance_errors_at(const gref_sampler *s, int t)
{
    if (s->spec.convention.guidance == GREF_GUIDANCE_AFTER)
        return gref_gram_errors(s, 1.0);
    if (s->method->errors == NULL)
        return (gref_guidance_errors){INFINITY, INFINITY, INFINITY, INFINITY};
    return s->method->errors(s, t);
}

/* Gamma = p B^T B and g = p B^T r, B and r known to their measured errors. */
gref_guidance_errors gref_gram_errors(const gref_sampler *s, double p)
{
    const gref_modes_errors *z = &s->z->errors;
    double b = z->A_norm + z->B, r = gref_norm_fro_up(gref_const(s->z->r));
    double round = gref_gamma_up(s->z->m + 4) * gref_norm_fro_up(gref_const(s->z->B)) * r;
    return (gref_guidance_errors){.Gamma = p * b * b,
                                  .dGamma = p * (2 * b * z->B + z->B * z->B + s->dG) +
                                            4 * 0x1p-53 * p * b * b,
                                  .g = p * b * r,
                                  .dg = p * (b * z->r + z->B * (r + z->r) + round)};
}

gref_status gref_step_new(gref_step *step, const gref_sampler *s)
{
    SCOPED(gref_step) made = {.diagonal = !s->method->guided || gref_sampler_runs_on_posterior(s)};
    TRY(gref_sampler_require_law(s));
    TRY(gref_mat_new(&made.M, s->z->n, made.diagonal ? 1 : s->z->n));
    TRY(gref_mat_new(&made.c, s->z->n, 1));
    *step = TAKE(made);
    return GREF_OK;
}

void gref_step_free(gref_step *step)
{
    gref_mat_free(&step->M);
    gref_mat_free(&step->c);
}

/* DDPM on the posterior, in its own modes: c = 0 there. */
static void posterior_step(gref_step *step, const gref_sampler *s, int t)
{
    for (int i = 0; i < s->z->n; i++)
        step->M.a[i] = sqrt(s->schedule->alpha[t]) *
                       gref_exact_variance(s->z, s->schedule, t - 1, i) /
                       gref_exact_variance(s->z, s->schedule, t, i);
    gref_mat_fill(step->c, 0.0);
}

/* The unconditional part of M and c. */
static double free_gain(const gref_sampler *s, int t, int i)
{
    return sqrt(s->schedule->alpha[t]) * gref_mode_variance(s, t - 1, i) /
           gref_mode_variance(s, t, i);
}

static double free_shift(const gref_sampler *s, int t, int i)
{
    return -s->schedule->beta[t] * sqrt(s->schedule->abar[t - 1]) * s->z->d.a[i] /
           gref_mode_variance(s, t, i);
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
 * Overshoot and norms of M = D - K, 0 <= least <= D <= largest, K >= 0: the largest eigenvalue is at most largest, the
 * smallest at least least - |K|_F. A factor that exists proves positivity up to n u |M|, far below the 1e-9 allowed.
 */
static gref_status measure_step(gref_step *step, gref_cmat M, double norm_K, double least,
                                double largest)
{
    bool below;
    step->norm = largest;
    if (norm_K - least > largest) {
        TRY(falls_below(&below, M, largest * (1 - 1e-9)));
        if (below)
            step->norm = fmax(largest, norm_K - least);
    }
    step->norm *= 1.0 + 1e-12;
    if (norm_K - least > 1.0)
        TRY(falls_below(&step->overshoots, M, 1.0));
    step->norm_abs = 0.0;
    for (int j = 0; j < M.n; j++) {
        double sum = 0.0;
        for (int i = 0; i < M.m; i++)
            sum += fabs(GREF_AT(M, i, j));
        step->norm_abs = fmax(step->norm_abs, sum * (1.0 + 1e-12));
    }
    return GREF_OK;
}

static gref_status guided_step(gref_step *step, const gref_sampler *s, int t)
{
    int n = s->z->n;
    double kappa = gref_guidance_coefficient(s, t), root = sqrt(s->schedule->abar[t]);
    SCOPED(gref_mat) j = {0}, jd = {0};
    gref_mat M = step->M, c = step->c;
    TRY(gref_mat_new(&j, n, 1));
    TRY(gref_mat_new(&jd, n, 1));
    for (int i = 0; i < n; i++) {
        j.a[i] = gref_mode_gain(s, t, i);
        jd.a[i] = j.a[i] * root * s->z->d.a[i];
    }
    TRY(gref_guidance_at(M, c, s, t));
    TRY(gref_gemv(c, -1.0, gref_const(M), false, gref_const(jd), 1.0));
    gref_mat_scale_rows(c, gref_const(j));
    gref_mat_scale_rows(M, gref_const(j));
    for (int k = 0; k < n; k++) {
        c.a[k] = kappa * c.a[k] + free_shift(s, t, k);
        for (int i = 0; i < n; i++)
            GREF_AT(M, i, k) *= -kappa * j.a[k];
    }
    double norm_K = gref_mat_norm_fro(gref_const(M));
    double least = INFINITY, largest = 0.0;
    for (int i = 0; i < n; i++) {
        double gain = free_gain(s, t, i);
        least = fmin(least, gain);
        largest = fmax(largest, gain);
        GREF_AT(M, i, i) += gain;
    }
    return measure_step(step, gref_const(M), norm_K, least, largest);
}

gref_status gref_step_at(gref_step *step, const gref_sampler *s, int t)
{
    step->noise = gref_step_noise(s, t);
    step->overshoots = false;
    if (!step->diagonal)
        return guided_step(step, s, t);
    if (gref_sampler_runs_on_posterior(s))
        posterior_step(step, s, t);
    else
        for (int i = 0; i < s->z->n; i++) {
            step->M.a[i] = free_gain(s, t, i);
            step->c.a[i] = free_shift(s, t, i);
        }
    step->norm = step->norm_abs = gref_mat_norm_max(gref_const(step->M)) * (1.0 + 1e-12);
    return GREF_OK;
}

/* M = V M V^T and b = sqrt(abar_{t-1}) mu_post + V c - M sqrt(abar_t) mu_post, V the basis in pixels. */
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
    gref_mat_symmetrise(M);
    gref_mat_copy(mu_post, gref_const(s->z->mu));
    TRY(gref_gemv(mu_post, 1.0, gref_const(s->z->U), false, gref_const(s->z->d), 1.0));
    gref_mat_copy(b, gref_const(mu_post));
    TRY(gref_gemv(b, -sqrt(s->schedule->abar[t]), gref_const(M), false, gref_const(mu_post),
                  sqrt(s->schedule->abar[t - 1])));
    return gref_gemv(b, 1.0, V, false, gref_const(step->c), 1.0);
}

/**
 * One backward step in pixels.
 *
 *     y_{t-1} = M_t y_t + b_t + N(0, N_t I)
 *     M_t = (I - beta_t H_t)/sqrt(alpha_t),  H_t = Sigma_t^-1 + W^T C^-1 W          (guidance "score")
 *     b_t = beta_t/sqrt(alpha_t) [ H_t sqrt(abar_t) mu + W^T C^-1 (v - A mu) ]
 *
 * and as THEORY section 7 says for the other conventions.
 *
 * @param[out] M      n x n symmetric, both triangles. Undefined on error.
 * @param[out] b      n x 1. Undefined on error.                                          [pixel]
 * @param[out] noise  N_t; 0 at t = 1 unless the convention has last_noise.             [pixel^2]
 * @param[in]  t      T..1.
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
    REQUIRE(t >= 1 && t <= s->schedule->T, GREF_ERR_RANGE, "t = %d is outside 1..%d", t,
            s->schedule->T);
    TRY(gref_step_new(&step, s));
    TRY(gref_step_at(&step, s, t));
    if (gref_sampler_runs_on_posterior(s)) {
        TRY(gref_mat_new(&V, n, n));
        TRY(gref_gemm(V, 1.0, gref_const(s->z->U), false, gref_const(s->z->X), false, 0.0));
        TRY(step_to_pixels(M, b, &step, gref_const(V), s, t));
    } else {
        TRY(step_to_pixels(M, b, &step, gref_const(s->z->U), s, t));
    }
    *noise = step.noise;
    return GREF_OK;
}
