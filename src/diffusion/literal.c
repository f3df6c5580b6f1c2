/*
 * Algorithms 1 and 8 line by line: through the score, the denoised image and the gradient of the
 * likelihood, never through M_t. Drawing, replay and evaluation share this one step, so that what
 * they say tests the exact laws and does not repeat them.
 *
 *   E    n x N, y_t - sqrt(abar_t) mu in modes of Sigma, one image a column               [pixel]
 *   R    m x N, C^-1 (v - A x0hat(y_t)), or what the method has in its place
 *   D    n x N, the guidance at y_t: W^T R
 */
#include <math.h>

#include "base/internal.h"
#include "dense/internal.h"
#include "internal.h"

void gref_literal_free(gref_literal *l)
{
    gref_mat_free(&l->E);
    gref_mat_free(&l->D);
    gref_mat_free(&l->R);
}

gref_status gref_literal_new(gref_literal *out, const gref_sampler *s, int N)
{
    SCOPED(gref_literal) l = {0};
    int n = s->z->n, m = s->z->m;
    TRY(gref_mat_new(&l.E, n, N));
    TRY(gref_mat_new(&l.D, n, N));
    TRY(gref_mat_new(&l.R, m, N));
    *out = TAKE(l);
    return GREF_OK;
}

gref_status gref_literal_enter(gref_literal *l, const gref_sampler *s, int t, gref_cmat Y)
{
    double root = sqrt(s->schedule->abar[t]);
    gref_mat_copy(l->D, Y);
    for (int k = 0; k < l->D.n; k++)
        gref_mat_axpy(gref_mat_view(l->D, 0, k, l->D.m, 1), -root, gref_const(s->z->mu));
    return gref_gemm(l->E, 1.0, gref_const(s->z->U), true, gref_const(l->D), false, 0.0);
}

/* Y = U X, and sqrt(abar_t) mu added to every column. */
static gref_status to_pixels(gref_mat Y, gref_cmat X, const gref_sampler *s, double root)
{
    TRY(gref_gemm(Y, 1.0, gref_const(s->z->U), false, X, false, 0.0));
    for (int k = 0; k < Y.n; k++)
        gref_mat_axpy(gref_mat_view(Y, 0, k, Y.m, 1), root, gref_const(s->z->mu));
    return GREF_OK;
}

gref_status gref_literal_leave(gref_mat Y, const gref_literal *l, const gref_sampler *s, int t)
{
    return to_pixels(Y, gref_const(l->E), s, sqrt(s->schedule->abar[t]));
}

/* X = diag(j) X: the denoiser's gain on every mode. */
static void apply_gain(gref_mat X, const gref_sampler *s, int t)
{
    for (int i = 0; i < X.m; i++) {
        double j = gref_mode_gain(s, t, i);
        for (int k = 0; k < X.n; k++)
            GREF_AT(X, i, k) *= j;
    }
}

/* Every column over its norm: -R/|R| is the gradient of |r| in r. A column of zeros stays. */
static void normalise(gref_mat R)
{
    for (int k = 0; k < R.n; k++) {
        gref_mat r = gref_mat_view(R, 0, k, R.m, 1);
        double norm = gref_mat_norm_fro(gref_const(r));
        for (int i = 0; i < R.m && norm > 0.0; i++)
            GREF_AT(r, i, 0) /= norm;
    }
}

gref_status gref_literal_guidance(gref_literal *l, const gref_sampler *s, int t, bool modelled)
{
    const gref_modes *z = s->z;
    gref_mat D = l->D, R = l->R;
    gref_mat_copy(D, gref_const(l->E));
    apply_gain(D, s, t); /* x0hat - mu */
    for (int k = 0; k < R.n; k++)
        gref_mat_copy(gref_mat_view(R, 0, k, R.m, 1), gref_const(z->r));
    TRY(gref_gemm(R, -1.0, gref_const(z->B), false, gref_const(D), false, 1.0));
    if (s->row->norm)
        normalise(R);
    else if (modelled || s->spec.convention.guidance != GREF_GUIDANCE_AFTER)
        TRY(gref_likelihood_solve(R, s, t));
    TRY(gref_gemm(D, 1.0, gref_const(z->B), true, gref_const(R), false, 0.0));
    apply_gain(D, s, t);
    return GREF_OK;
}

/*
 * One mode of y' from e, that of y, and its score, both centred: as the scheme is printed.
 *
 *     ddpm   (y + beta s~)/sqrt(alpha)
 *     ddim   sqrt(a') x0hat~ + sqrt(1 - a' - N) eps~,  x0hat~ = (y + (1 - a) s~)/sqrt(a),  eps~ = -sqrt(1 - a) s~
 */
static double backward(const gref_rule *r, gref_scheme scheme, double e, double score)
{
    if (scheme == GREF_SCHEME_DDPM)
        return r->p * e + r->q * score;
    double x0hat = (e + r->at.qbar * score) / sqrt(r->at.abar), eps = -sqrt(r->at.qbar) * score;
    return sqrt(r->next.abar) * x0hat + sqrt(r->direction) * eps;
}

/* E of the user's steps, which are given in pixels. */
static gref_status affine_step(gref_literal *l, const gref_sampler *s, int t)
{
    SCOPED(gref_mat) Y = {0};
    TRY(gref_mat_new(&Y, l->E.m, l->E.n));
    TRY(gref_literal_leave(Y, l, s, t));
    TRY(gref_affine_move(Y, s, t));
    return gref_literal_enter(l, s, t - 1, gref_const(Y));
}

gref_status gref_literal_step(gref_literal *l, const gref_sampler *s, int t)
{
    if (s->row->chain)
        return affine_step(l, s, t);
    if (s->row->guided)
        TRY(gref_literal_guidance(l, s, t, false));
    gref_rule rule = gref_sampler_rule(s, t);
    const gref_convention *c = &s->spec.convention;
    bool in_score = c->guidance == GREF_GUIDANCE_SCORE;
    gref_mat E = l->E;
    for (int k = 0; k < E.n; k++)
        for (int i = 0; i < E.m; i++) {
            double e = GREF_AT(E, i, k), score = -e / gref_mode_variance(s, t, i);
            double grad = s->row->guided ? GREF_AT(l->D, i, k) : 0.0;
            GREF_AT(E, i, k) = backward(&rule, c->scheme, e, in_score ? score + grad : score) +
                               (in_score ? 0.0 : rule.kappa * grad);
        }
    return GREF_OK;
}

gref_status gref_literal_add_noise(gref_literal *l, const gref_sampler *s, int t, gref_cmat Z)
{
    SCOPED(gref_mat) X = {0};
    if (!s->row->chain)
        return gref_gemm(l->E, sqrt(gref_step_noise(s, t)), gref_const(s->z->U), true, Z, false,
                         1.0);
    TRY(gref_mat_new(&X, Z.m, Z.n));
    gref_mat_copy(X, Z);
    TRY(gref_affine_colour(X, s, t));
    return gref_gemm(l->E, 1.0, gref_const(s->z->U), true, gref_const(X), false, 1.0);
}

bool gref_literal_is_noisy(const gref_sampler *s, int t)
{
    return s->row->chain || gref_step_noise(s, t) > 0.0;
}

bool gref_literal_alive(const gref_literal *l)
{
    return gref_mat_norm_max(gref_const(l->E)) <= 0x1p450;
}

gref_status gref_literal_evaluate(gref_mat F, gref_literal *l, const gref_sampler *s, int t,
                                  gref_quantity quantity)
{
    gref_mat E = l->E, D = l->D;
    bool guided = quantity == GREF_QUANTITY_GUIDED_SCORE || quantity == GREF_QUANTITY_GUIDANCE;
    double root = 0.0; /* of mu, where the quantity is an image */
    if (guided && s->row->guided)
        TRY(gref_literal_guidance(l, s, t, true));
    else
        gref_mat_fill(D, 0.0);
    switch (quantity) {
    case GREF_QUANTITY_SCORE:
    case GREF_QUANTITY_GUIDED_SCORE:
        for (int k = 0; k < D.n; k++)
            for (int i = 0; i < D.m; i++)
                GREF_AT(D, i, k) -= GREF_AT(E, i, k) / gref_mode_variance(s, t, i);
        break;
    case GREF_QUANTITY_X0HAT:
        gref_mat_copy(D, gref_const(E));
        apply_gain(D, s, t);
        root = 1.0;
        break;
    case GREF_QUANTITY_STEP:
        TRY(gref_literal_step(l, s, t));
        gref_mat_copy(D, gref_const(E));
        root = sqrt(s->schedule->abar[gref_sampler_next(s, t)]);
        break;
    case GREF_QUANTITY_GUIDANCE:
        break;
    }
    return to_pixels(F, gref_const(D), s, root);
}
