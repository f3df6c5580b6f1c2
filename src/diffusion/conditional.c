/*
 * What each sampler takes p_t(x | v) to be (THEORY sections 4 and 5).
 *
 *   modelled    two routes: the precision H_t = Sigma_t^-1 + W^T C^-1 W, and Bayes' rule (25)-(27)
 *   f_t(i)      sqrt(abar_t) lambda_i / sqrt(s_t(i)): W Sigma_t^1/2 = B diag(f)
 *   F           C^-1/2 B diag(f);  E = I + F^T F = R R^T, n x n
 *   L           n x n, diag(sqrt s_t) R^-T: C_{t|v} = H_t^-1 = L L^T, without forming H_t, for any PSD
 *               Sigma and also at t = 0
 */
#include <math.h>

#include "base/internal.h"
#include "dense/internal.h"
#include "internal.h"

/* The unconditional model: p_t(x) = N(sqrt(abar_t) mu, Sigma_t). */
static void prior_factor(gref_mat mean, gref_mat L, const gref_sampler *s, int t)
{
    gref_mat_fill(L, 0.0);
    for (int i = 0; i < s->z->n; i++) {
        GREF_AT(L, i, i) = sqrt(gref_mode_variance(s, t, i));
        mean.a[i] = -sqrt(s->schedule->abar[t]) * s->z->d.a[i];
    }
}

/* The exact law, centred: what a likelihood with C_{v|0} = sigma^2 I makes of t = 0. */
static gref_status exact_law(gref_mat mean, gref_mat L, const gref_sampler *s, int t)
{
    gref_exact_factor(L, s->z, s->schedule, t);
    gref_mat_fill(mean, 0.0);
    return GREF_OK;
}

/* F = Y diag(f), transposed: E = I + F^T F. */
static gref_status whitened(gref_mat *F, gref_cmat Y, const gref_sampler *s, int t)
{
    TRY(gref_mat_new(F, Y.n, Y.m));
    gref_mat_transpose(*F, Y);
    for (int k = 0; k < F->m; k++) {
        double sk = gref_mode_variance(s, t, k);
        double f = sk > 0.0 ? sqrt(s->schedule->abar[t]) * s->z->lambda.a[k] / sqrt(sk) : 0.0;
        for (int i = 0; i < F->n; i++)
            GREF_AT(*F, k, i) *= f;
    }
    return GREF_OK;
}

gref_status gref_conditional_factor(gref_mat mean, gref_mat L, const gref_sampler *s, int t)
{
    int n = s->z->n;
    SCOPED(gref_mat) Y = {0}, y = {0}, F = {0}, LT = {0};
    SCOPED(gref_noisy_root) root = {0};
    if (!s->row->guided) {
        prior_factor(mean, L, s, t);
        return GREF_OK;
    }
    if (!(s->schedule->qbar[t] > 0.0) && s->z->sigma == 0.0) /* C_{v|0} = 0: L_0 = A Sigma A^T */
        return exact_law(mean, L, s, t);
    TRY(gref_whitened_guidance(&Y, &y, s, t));
    TRY(whitened(&F, gref_const(Y), s, t));
    TRY(gref_noisy_root_new(&root, F, 1.0, gref_const(y)));
    TRY(gref_mat_new(&LT, n, n));
    for (int i = 0; i < n; i++)
        GREF_AT(LT, i, i) = sqrt(gref_mode_variance(s, t, i));
    TRY(gref_noisy_root_divide(LT, &root, false)); /* R^-1 diag(sqrt s) */
    gref_mat_transpose(L, gref_const(LT));
    gref_mat_copy(mean, gref_const(s->z->d)); /* C_{t|v} W^T C^-1 r - sqrt(abar_t) d */
    return gref_gemv(mean, 1.0, gref_const(L), false, gref_const(root.pull),
                     -sqrt(s->schedule->abar[t]));
}

gref_status gref_sampler_require_model(const gref_sampler *s)
{
    TRY(gref_sampler_require_gaussian(s->row->name));
    REQUIRE(gref_sampler_has_model(s), GREF_ERR_RANGE, "%s has no modelled law: %s", s->spec.label,
            s->row->chain ? "it gives its steps as matrices" : "it has no likelihood");
    return GREF_OK;
}

/**
 * Modelled law of x_t given v, from its precision.
 *
 *     H_t = Sigma_t^-1 + W^T C^-1 W,  W = A J,   C_{t|v} = H_t^-1
 *     mu_{t|v} = sqrt(abar_t) mu + C_{t|v} W^T C^-1 (v - A mu)
 *
 * in square-root form: PSD by construction, also for a singular Sigma and at t = 0.
 *
 * @param[out] mean  n x 1. Undefined on error.                                           [pixel]
 * @param[out] cov   n x n, both triangles. Undefined on error.                         [pixel^2]
 * @param[in]  t     0..T.
 * @return GREF_OK; GREF_ERR_SHAPE; GREF_ERR_RANGE (t); GREF_ERR_NOMEM; GREF_ERR_NUMERICS.
 * @error  |error in cov| <= c n eps |Sigma_t| cond(E), cond(E) <= 1 + |W|^2 |Sigma_t| |C^-1|.
 * @cost   4 n x n products and the sampler's Gamma.
 * @see    THEORY section 4, (25)-(26). Tests: test_conditional.c
 */
gref_status gref_conditional_precision(gref_mat mean, gref_mat cov, const gref_sampler *s, int t)
{
    const gref_modes *z = s->z;
    SCOPED(gref_mat) L = {0}, UL = {0}, zmean = {0};
    TRY(gref_sampler_require_model(s));
    TRY(gref_law_require_shapes(mean, cov, z->n, t, s->schedule->T));
    TRY(gref_mat_new(&L, z->n, z->n));
    TRY(gref_mat_new(&UL, z->n, z->n));
    TRY(gref_mat_new(&zmean, z->n, 1));
    TRY(gref_conditional_factor(zmean, L, s, t));
    TRY(gref_gemm(UL, 1.0, gref_const(z->U), false, gref_const(L), false, 0.0));
    TRY(gref_syrk(cov, 1.0, gref_const(UL), false, 0.0));
    return gref_mean_to_pixels(mean, zmean, z, s->schedule->abar[t]);
}

/**
 * Modelled law of x_t given v, by Bayes' rule.
 *
 *     L_t      = C_{v|t} + abar_t A Sigma^2 Sigma_t^-1 A^T
 *     C_{t|v}  = abar_t [Sigma - Sigma A^T L_t^-1 A Sigma] + (1 - abar_t) I      (25), (26), (27)
 *     mu_{t|v} = sqrt(abar_t) [mu + Sigma A^T L_t^-1 (v - A mu)]
 *
 * The second route: it shares neither Gamma nor the inversion with gref_conditional_precision. The
 * unconditional sampler has no L_t: C = Sigma_t, mu = sqrt(abar_t) mu.
 *
 * @param      as gref_conditional_precision.
 * @return GREF_OK; GREF_ERR_SHAPE; GREF_ERR_RANGE; GREF_ERR_NOT_PD; GREF_ERR_NOMEM.
 * @error  |error in cov| <= c (m + n) eps |Sigma| cond(L_t): the difference cancels.
 * @see    THEORY section 4. Tests: test_conditional.c
 */
gref_status gref_conditional_bayes(gref_mat mean, gref_mat cov, const gref_sampler *s, int t)
{
    const gref_modes *z = s->z;
    double abar = s->schedule->abar[t >= 0 && t <= s->schedule->T ? t : 0];
    SCOPED(gref_mat) Y = {0}, P = {0}, y = {0}, zmean = {0};
    SCOPED(gref_noisy_root) root = {0};
    TRY(gref_sampler_require_model(s));
    TRY(gref_law_require_shapes(mean, cov, z->n, t, s->schedule->T));
    TRY(gref_mat_new(&P, z->n, z->n));
    TRY(gref_mat_new(&zmean, z->n, 1));
    for (int i = 0; i < z->n; i++)
        GREF_AT(P, i, i) = gref_mode_variance(s, t, i);
    if (s->row->guided) {
        TRY(gref_guidance_data(&Y, &y, s, t));
        TRY(gref_bracket_root(&root, s, t));
        gref_mat_scale_cols(Y, gref_const(z->lambda)); /* R^-1 A Sigma in modes, L_t = R R^T */
        TRY(gref_noisy_root_divide(Y, &root, false));
        TRY(gref_noisy_root_divide(y, &root, false));
        TRY(gref_syrk(P, -abar, gref_const(Y), true, 1.0));
        TRY(gref_gemv(zmean, sqrt(abar), gref_const(Y), true, gref_const(y), 0.0));
    }
    TRY(gref_modes_cov_to_pixels(cov, z, gref_const(P)));
    gref_mat_axpy(zmean, -sqrt(abar), gref_const(z->d));
    return gref_mean_to_pixels(mean, zmean, z, abar);
}
