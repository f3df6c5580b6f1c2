/*
 * The modelled likelihood p(v | x_t) = N(A x0hat(x_t), C) as matrices, in modes of Sigma (THEORY
 * section 4).
 *
 *     B        m x n    A U
 *     C        m x m    B phi(lambda) B^T + tau I
 *     Gamma    n x n    B^T C^-1 B
 *     g        n x 1    B^T C^-1 r,  r = v - A mu
 *
 * A row of the table says which phi; where phi does not depend on lambda, nothing is factorised in
 * a step:
 *
 *     phi = 0        Gamma = G/tau, G = B^T B                                        one product, once
 *     phi constant   B = W diag(b) V^T: Gamma = V diag(b^2/(phi b^2 + tau)) V^T      one SVD, once
 *     phi(lambda)    C = R R^T, Y = R^-1 B: Gamma = Y^T Y, g = Y^T R^-1 r            one root a step, noisy_root.c
 */
#include <math.h>

#include "base/internal.h"
#include "dense/bound.h"
#include "dense/internal.h"
#include "internal.h"

static double tau_of(const gref_sampler *s, int t)
{
    return s->row->tau(&s->spec.convention, gref_time_at(s->schedule, t), s->z->sigma);
}

static double phi_of(const gref_sampler *s, int t, double lambda)
{
    return s->row->phi != NULL
               ? s->row->phi(&s->spec.convention, gref_time_at(s->schedule, t), lambda)
               : 0.0;
}

/* phi b^2 + tau for a phi that does not depend on lambda; infinite where a pseudo-inverse has 0. */
double gref_guidance_denominator(const gref_sampler *s, int t, double b)
{
    return s->row->pseudo && b == 0.0 ? INFINITY : phi_of(s, t, 0.0) * b * b + tau_of(s, t);
}

gref_status gref_sampler_form_gram(gref_sampler *s)
{
    const gref_modes *z = s->z;
    SCOPED(gref_mat) L = {0};
    if (s->G.a != NULL)
        return GREF_OK;
    TRY(gref_mat_new(&s->G, z->n, z->n));
    TRY(gref_mat_new(&s->Br, z->n, 1));
    TRY(gref_mat_new(&L, z->n, z->n));
    TRY(gref_dot2_gemm(s->G, L, gref_const(z->B), true, gref_const(z->B), false));
    gref_mat_mirror_lower(s->G);
    double b = gref_norm_fro_up(gref_const(z->B));
    s->dG = 2 * gref_norm_fro_up(gref_const(L)) + gref_dot2_error_up(z->m) * b * b;
    return gref_gemv(s->Br, 1.0, gref_const(z->B), true, gref_const(z->r), 0.0);
}

/* How far the decomposition is from an exact one. W^, the orthogonal matrix nearest to W, has the
 * same range. */
static gref_status measure_svd(gref_sampler *s)
{
    gref_cmat W = gref_const(s->W), VT = gref_const(s->VT);
    int k = s->b.m;
    double residual;
    SCOPED(gref_mat) S = {0};
    TRY(gref_mat_new(&S, W.m, k));
    gref_mat_copy(S, W);
    gref_mat_scale_cols(S, gref_const(s->b));
    TRY(gref_product_residual(&residual, gref_const(S), false, VT, false, gref_const(s->z->B)));
    TRY(gref_orthogonal_distance(&s->dW, W, false));
    TRY(gref_orthogonal_distance(&s->dV, VT, true));
    TRY(gref_product_residual(&s->off, W, false, gref_const(s->Wr), false, gref_const(s->z->r)));
    s->dB = gref_inflate(residual + GREF_U * gref_norm_fro_up(gref_const(S)) * (1.0 + s->dV) +
                         s->b.a[0] * (s->dW * (1.0 + s->dV) + s->dV));
    return GREF_OK;
}

gref_status gref_sampler_form_svd(gref_sampler *s)
{
    const gref_modes *z = s->z;
    int k = z->m < z->n ? z->m : z->n;
    SCOPED(gref_mat) B = {0};
    TRY(gref_mat_new(&B, z->m, z->n));
    TRY(gref_mat_new(&s->W, z->m, k));
    TRY(gref_mat_new(&s->VT, k, z->n));
    TRY(gref_mat_new(&s->b, k, 1));
    TRY(gref_mat_new(&s->Wr, k, 1));
    gref_mat_copy(B, gref_const(z->B));
    TRY(gref_svd(s->W, s->b, s->VT, B));
    TRY(gref_gemv(s->Wr, 1.0, gref_const(s->W), true, gref_const(z->r), 0.0));
    TRY(measure_svd(s));
    double tolerance = gref_rank_tolerance(&s->spec.convention, z->m, z->n, s->b.a[0]);
    for (int i = 0; i < k && (s->row->pseudo || s->row->project != NULL); i++)
        s->b.a[i] = s->b.a[i] > tolerance ? s->b.a[i] : 0.0;
    return GREF_OK;
}

/*
 * Of a row whose C is diag(A phi(Sigma) A^T 1) + tau I: the roots of its entries, one over. With
 * B and r scaled by them C is I. Other rows: empty.
 */
static gref_status row_scale(gref_mat *w, const gref_sampler *s, int t)
{
    const gref_modes *z = s->z;
    SCOPED(gref_mat) x = {0}, one = {0};
    if (!s->row->rows_summed)
        return GREF_OK;
    TRY(gref_mat_new(w, z->m, 1));
    TRY(gref_mat_new(&one, z->m, 1));
    TRY(gref_mat_new(&x, z->n, 1));
    gref_mat_fill(one, 1.0);
    TRY(gref_gemv(x, 1.0, gref_const(z->B), true, gref_const(one), 0.0));
    for (int j = 0; j < z->n; j++)
        x.a[j] *= phi_of(s, t, z->lambda.a[j]);
    TRY(gref_gemv(*w, 1.0, gref_const(z->B), false, gref_const(x), 0.0));
    for (int i = 0; i < z->m; i++) {
        double c = w->a[i] + tau_of(s, t);
        REQUIRE(c > 0.0, GREF_ERR_NOT_PD,
                "C_{v|t} of %s at t = %d has the entry %.3g at %d: its row sums must be positive",
                s->spec.name, t, c, i);
        w->a[i] = 1.0 / sqrt(c);
    }
    return GREF_OK;
}

gref_status gref_guidance_data(gref_mat *B, gref_mat *r, const gref_sampler *s, int t)
{
    const gref_modes *z = s->z;
    SCOPED(gref_mat) w = {0};
    TRY(row_scale(&w, s, t));
    TRY(gref_mat_new(B, z->m, z->n));
    TRY(gref_mat_new(r, z->m, 1));
    gref_mat_copy(*B, gref_const(z->B));
    gref_mat_copy(*r, gref_const(z->r));
    if (w.a != NULL) {
        gref_mat_scale_rows(*B, gref_const(w));
        gref_mat_scale_rows(*r, gref_const(w));
    }
    return GREF_OK;
}

/*
 * Y = B diag(sqrt f), fresh: C = Y Y^T + tau I with f = phi; L_t of Bayes' rule with
 * f = phi + abar_t lambda^2/s_t. Where B is scaled to C = I, phi is in the scale.
 */
static gref_status likelihood_factor(gref_mat *Y, const gref_sampler *s, int t, bool bracket)
{
    const gref_modes *z = s->z;
    double root = sqrt(s->schedule->abar[t]);
    SCOPED(gref_mat) r = {0}, f = {0};
    TRY(gref_mat_new(&f, z->n, 1));
    TRY(gref_guidance_data(Y, &r, s, t));
    for (int j = 0; j < z->n; j++) {
        double lambda = z->lambda.a[j], part = s->row->rows_summed ? 0.0 : phi_of(s, t, lambda);
        if (bracket)
            part += root * gref_mode_gain(s, t, j) * lambda;
        f.a[j] = sqrt(part);
    }
    gref_mat_scale_cols(*Y, gref_const(f));
    return GREF_OK;
}

static gref_status root_of(gref_noisy_root *root, const gref_sampler *s, int t, bool bracket)
{
    SCOPED(gref_mat) Y = {0};
    TRY(likelihood_factor(&Y, s, t, bracket));
    double tau = s->row->rows_summed ? 1.0 : tau_of(s, t);
    gref_status status = gref_noisy_root_new(root, Y, tau, (gref_cmat){0});
    REQUIRE(status != GREF_ERR_NOT_PD, GREF_ERR_NOT_PD,
            "%s of %s at t = %d is singular to rounding: sigma = %g, A is %d x %d, Sigma %d x "
            "%d; its algorithm cannot be run in doubles",
            bracket ? "L_t" : "C_{v|t}", s->spec.name, t, s->z->sigma, s->z->m, s->z->n, s->z->n,
            s->z->n);
    return status;
}

gref_status gref_likelihood_root(gref_noisy_root *root, const gref_sampler *s, int t)
{
    return root_of(root, s, t, false);
}

gref_status gref_bracket_root(gref_noisy_root *root, const gref_sampler *s, int t)
{
    return root_of(root, s, t, true);
}

/* B = W diag(b) V^T: Y = diag(w) V^T, y = W^T r over the root of the denominator. */
static gref_status whitened_by_svd(gref_mat *Y, gref_mat *y, const gref_sampler *s, int t)
{
    int k = s->b.m;
    SCOPED(gref_mat) w = {0};
    TRY(gref_mat_new(Y, k, s->z->n));
    TRY(gref_mat_new(y, k, 1));
    TRY(gref_mat_new(&w, k, 1));
    for (int i = 0; i < k; i++) {
        double root = sqrt(gref_guidance_denominator(s, t, s->b.a[i]));
        y->a[i] = s->Wr.a[i] / root;
        w.a[i] = s->b.a[i] / root;
    }
    gref_mat_copy(*Y, gref_const(s->VT));
    gref_mat_scale_rows(*Y, gref_const(w));
    return GREF_OK;
}

gref_status gref_whitened_guidance(gref_mat *Y, gref_mat *y, const gref_sampler *s, int t)
{
    SCOPED(gref_noisy_root) root = {0};
    if (s->row->phi_constant)
        return whitened_by_svd(Y, y, s, t);
    TRY(gref_guidance_data(Y, y, s, t));
    if (s->row->rows_summed)
        return GREF_OK;
    TRY(gref_likelihood_root(&root, s, t));
    TRY(gref_noisy_root_divide(*Y, &root, false));
    return gref_noisy_root_divide(*y, &root, false);
}

gref_status gref_modelled_guidance(gref_mat Gamma, gref_mat g, const gref_sampler *s, int t)
{
    SCOPED(gref_mat) Y = {0}, y = {0};
    if (s->row->phi == NULL) {
        gref_mat_fill(Gamma, 0.0);
        gref_mat_fill(g, 0.0);
        gref_mat_axpy(Gamma, 1.0 / tau_of(s, t), gref_const(s->G));
        gref_mat_axpy(g, 1.0 / tau_of(s, t), gref_const(s->Br));
        return GREF_OK;
    }
    TRY(gref_whitened_guidance(&Y, &y, s, t));
    TRY(gref_syrk(Gamma, 1.0, gref_const(Y), true, 0.0));
    return gref_gemv(g, 1.0, gref_const(Y), true, gref_const(y), 0.0);
}

bool gref_guidance_is_plain(const gref_sampler *s)
{
    return gref_row_guides_plainly(s->row, &s->spec.convention);
}

gref_status gref_guidance_at(gref_mat Gamma, gref_mat g, const gref_sampler *s, int t)
{
    if (!gref_guidance_is_plain(s))
        return gref_modelled_guidance(Gamma, g, s, t);
    gref_mat_copy(Gamma, gref_const(s->G));
    gref_mat_copy(g, gref_const(s->Br));
    return GREF_OK;
}

/**
 * Covariance of the modelled likelihood.
 *
 *     C = A phi(Sigma) A^T + tau I
 *     DPS    sigma^2/alpha_DPS I                                                  (19)
 *     PiGDM  r_t^2 A A^T + sigma^2 I                                              (21)
 *     CGDM   (1 - abar_t) A Sigma Sigma_t^-1 A^T + sigma^2 I                      (22)
 *
 * @param[out] C  m x m, both triangles. Undefined on error.                  [measurement^2]
 * @param[in]  s  a guided sampler.
 * @param[in]  t  0..T.
 * @return GREF_OK; GREF_ERR_SHAPE; GREF_ERR_RANGE (t outside 0..T; a sampler without likelihood);
 *         GREF_ERR_NOMEM.
 * @error  c n eps |A|^2 |Sigma|, c about 1.
 * @see    THEORY section 4. Tests: test_sampler.c
 */
gref_status gref_likelihood_cov(gref_mat C, const gref_sampler *s, int t)
{
    SCOPED(gref_mat) Y = {0}, w = {0};
    TRY(gref_require_shape(gref_const(C), s->z->m, s->z->m, "C_{v|t}"));
    REQUIRE(t >= 0 && t <= s->schedule->T, GREF_ERR_RANGE, "t = %d is outside 0..%d", t,
            s->schedule->T);
    TRY(gref_sampler_require_gaussian(s->row->name));
    REQUIRE(gref_row_has_likelihood(s->row), GREF_ERR_RANGE, "%s has no C_{v|t}: it %s",
            s->row->name,
            s->row->chain             ? "gives its steps as matrices"
            : s->row->project != NULL ? "projects"
            : s->row->guided          ? "adds its guidance after the step"
                                      : "does not use v");
    TRY(row_scale(&w, s, t));
    TRY(likelihood_factor(&Y, s, t, false));
    TRY(gref_syrk(C, 1.0, gref_const(Y), false, 0.0)); /* 0 where the rows are summed */
    for (int i = 0; i < C.m; i++)
        GREF_AT(C, i, i) += w.a != NULL ? 1.0 / (w.a[i] * w.a[i]) : tau_of(s, t);
    return GREF_OK;
}
