/*
 * The backward step written literally, with a switch at every place where implementations differ. It shares no
 * formula with src/diffusion: a deviation is a switch here, never a change there.
 *
 *   U, lambda   modes of Sigma: Sigma_t = U diag(s_t) U^T,  s_t = a lambda + 1 - a,  a = abar_t
 *   score(z)    -(z - sqrt(a) U^T mu)/s_t
 *   x0hat(z)    (z + (1 - a) score(z))/sqrt(a),   J = d x0hat/dz, diagonal
 *   G(z)        J^T B^T C^-1 (v - B x0hat(z)),    B = A U, C = C_{v|t}
 *   guided      score + G
 *   step        (z + beta score)/sqrt(alpha) + kappa G,   kappa = beta/sqrt(alpha) | sigma_t^2 | 2 zeta (C = I)
 *
 * Vectors are blocks of columns, in modes.
 */
#include <math.h>
#include <stdlib.h>

#include "base/internal.h"
#include "dense/internal.h"
#include "deviant.h"
#include "internal.h"
#include <gref/psd.h>

gref_switches gref_switches_right(const gref_sampler_spec *spec)
{
    static const struct {
        const char *name;
        gref_model model;
    } models[] = {{"dps", GREF_MODEL_DPS}, {"pigdm", GREF_MODEL_PIGDM}, {"cgdm", GREF_MODEL_CGDM}};
    gref_switches s = {.model = GREF_MODEL_DDPM,
                       .convention = spec->convention,
                       .noise_factor = 1.0,
                       .guidance_factor = 1.0,
                       .sigma_factor = 1.0,
                       .score_sign = 1.0,
                       .start_factor = 1.0};
    for (int k = 0; k < 3; k++)
        if (strcmp(models[k].name, spec->name) == 0)
            s.model = models[k].model;
    if (strcmp(spec->name, "dps-norm") ==
        0) { /* + zeta J^T A^T r/|r|, with 2 zeta in guidance "after" */
        s.model = GREF_MODEL_DPS;
        s.convention.guidance = GREF_GUIDANCE_AFTER;
        s.convention.zeta *= 0.5;
        s.norm = true;
    }
    return s;
}

bool gref_deviant_affine(const gref_switches *s)
{
    return !s->norm || s->model == GREF_MODEL_DDPM;
}

/* ---- scalars -------------------------------------------------------------------------------- */

static int clamp(int t, int lo, int hi)
{
    return t < lo ? lo : t > hi ? hi : t;
}

double gref_deviant_beta(const gref_workshop *w, const gref_switches *s, int t)
{
    return w->schedule->beta[clamp(t + s->beta_shift, 1, w->schedule->T)];
}

double gref_deviant_abar(const gref_workshop *w, const gref_switches *s, int t)
{
    return w->schedule->abar[clamp(t + s->abar_shift, 0, w->schedule->T)];
}

/* 1 - abar_t without cancellation. */
static double qbar(const gref_workshop *w, const gref_switches *s, int t)
{
    return w->schedule->qbar[clamp(t + s->abar_shift, 0, w->schedule->T)];
}

/* sigma_t^2 of the convention, before anything is done to it. */
static double variance(const gref_workshop *w, const gref_switches *s, int t)
{
    double beta = gref_deviant_beta(w, s, t);
    if (s->convention.variance == GREF_VARIANCE_BETA)
        return beta;
    double q = qbar(w, s, t);
    return q > 0.0 ? beta * qbar(w, s, t - 1) / q : 0.0;
}

double gref_deviant_noise(const gref_workshop *w, const gref_switches *s, int t)
{
    double v = variance(w, s, t);
    if (s->no_noise || (t == 1 && !s->convention.last_noise))
        return 0.0;
    return s->noise_factor * (s->noise_variance_for_std ? v * v : v);
}

double gref_deviant_noise_reported(const gref_workshop *w, const gref_switches *s, int t)
{
    double v = gref_deviant_noise(w, s, t);
    return s->noise_reported_as_std ? sqrt(v) : v;
}

/* What the step is divided by: sqrt(alpha_t), or what stands there. */
static double step_root(const gref_workshop *w, const gref_switches *s, int t)
{
    double alpha = 1.0 - gref_deviant_beta(w, s, t);
    return s->root == GREF_ROOT_ABAR        ? sqrt(gref_deviant_abar(w, s, t))
           : s->root == GREF_ROOT_NONE      ? 1.0
           : s->root == GREF_ROOT_NOT_TAKEN ? alpha
                                            : sqrt(alpha);
}

static double guidance_coefficient(const gref_workshop *w, const gref_switches *s, int t)
{
    if (s->convention.guidance == GREF_GUIDANCE_MEAN)
        return variance(w, s, t);
    if (s->convention.guidance == GREF_GUIDANCE_AFTER)
        return 2.0 * s->convention.zeta;
    return gref_deviant_beta(w, s, t) / (s->guidance_unscaled ? 1.0 : step_root(w, s, t));
}

/* Factor on the guidance that is no part of its placement. */
static double guidance_scale(const gref_workshop *w, const gref_switches *s, int t)
{
    double factor = s->guidance_factor, a = gref_deviant_abar(w, s, t);
    if (s->guidance_root == 1)
        factor *= sqrt(a);
    if (s->guidance_root == 2)
        factor *= sqrt(a * gref_deviant_abar(w, s, t - 1));
    return factor;
}

/* sigma^2 in C_{v|t}. */
static double sigma2(const gref_workshop *w, const gref_switches *s)
{
    double sigma = w->p->sigma * s->sigma_factor;
    switch (s->sigma2_form) {
    case 1:
        return sigma;
    case 2:
        return 1.0;
    case 3:
        return sigma * sigma * sigma * sigma;
    default:
        return sigma * sigma;
    }
}

static double r2(const gref_workshop *w, const gref_switches *s, int t)
{
    double q = qbar(w, s, t), a = gref_deviant_abar(w, s, t);
    double value = s->convention.r2 == GREF_R2_1_ABAR        ? q
                   : s->convention.r2 == GREF_R2_1_ABAR_ABAR ? q / a
                                                             : q / (1.0 + q);
    return s->r2_form == GREF_R2_FORM_ROOT   ? sqrt(value)
           : s->r2_form == GREF_R2_FORM_BETA ? gref_deviant_beta(w, s, t)
                                             : value;
}

/* ---- score and denoiser, diagonal in modes ---------------------------------------------------- */

/* score(z)_i = slope (z_i - centre);  x0hat(z)_i = gain (z_i - centre) + shift */
typedef struct {
    double slope, centre, gain, shift;
} mode;

static mode mode_at(const gref_workshop *w, const gref_switches *s, int t, int i)
{
    double a = gref_deviant_abar(w, s, t), q = qbar(w, s, t), lambda = w->lambda.a[i],
           zmu = w->zmu.a[i];
    double alpha = 1.0 - gref_deviant_beta(w, s, t);
    double as = s->score_alpha ? alpha : a, qs = s->score_alpha ? 1.0 - alpha : q;
    double ad = s->denoiser_alpha ? alpha : a, qd = s->denoiser_alpha ? 1.0 - alpha : q;
    double st = as * lambda + qs, f = s->score_sign * (s->score_is_eps ? sqrt(q) : 1.0);
    double divisor = s->denoiser_unscaled ? 1.0 : s->denoiser_abar ? ad : sqrt(ad);
    bool right = f == 1.0 && ad == as;
    mode k = {.slope = -f / st, .centre = sqrt(as) * zmu};
    k.gain =
        (right ? as * lambda / st : 1.0 - qd * f / st) / divisor; /* the first does not cancel */
    k.shift = k.centre / divisor;
    return k;
}

static gref_status check_t(const gref_workshop *w, int t)
{
    REQUIRE(t >= 1 && t <= w->schedule->T, GREF_ERR_RANGE, "t = %d is outside 1..%d", t,
            w->schedule->T);
    return GREF_OK;
}

gref_status gref_deviant_score(gref_mat Y, gref_workshop *w, const gref_switches *s, gref_cmat Z,
                               int t)
{
    TRY(check_t(w, t));
    for (int i = 0; i < Z.m; i++) {
        mode k = mode_at(w, s, t, i);
        for (int j = 0; j < Z.n; j++)
            GREF_AT(Y, i, j) = k.slope * (GREF_AT(Z, i, j) - k.centre);
    }
    return GREF_OK;
}

gref_status gref_deviant_x0hat(gref_mat Y, gref_workshop *w, const gref_switches *s, gref_cmat Z,
                               int t)
{
    TRY(check_t(w, t));
    for (int i = 0; i < Z.m; i++) {
        mode k = mode_at(w, s, t, i);
        for (int j = 0; j < Z.n; j++)
            GREF_AT(Y, i, j) = k.gain * (GREF_AT(Z, i, j) - k.centre) + k.shift;
    }
    return GREF_OK;
}

/* ---- likelihood ------------------------------------------------------------------------------- */

gref_status gref_deviant_likelihood(gref_mat C, gref_workshop *w, const gref_switches *s, int t)
{
    gref_mat B = {0};
    SCOPED(gref_mat) Y = {0};
    double s2 = sigma2(w, s);
    TRY(gref_workshop_operator(&B, w, s->operator_form));
    if (s->model == GREF_MODEL_DPS) {
        gref_mat_fill(C, 0.0);
        s2 /= s->convention.alpha_dps;
    } else if (s->model == GREF_MODEL_PIGDM) {
        TRY(gref_syrk(C, r2(w, s, t), gref_const(B), false, 0.0));
    } else {
        TRY(gref_mat_new(&Y, B.m, B.n));
        gref_mat_copy(Y, gref_const(B));
        double q = qbar(w, s, t), a = gref_deviant_abar(w, s, t);
        for (int j = 0; j < B.n; j++) {
            double c = t > 0 ? sqrt(q * w->lambda.a[j] / (a * w->lambda.a[j] + q)) : 0.0;
            for (int i = 0; i < B.m; i++)
                GREF_AT(Y, i, j) *= c;
        }
        TRY(gref_syrk(C, 1.0, gref_const(Y), false, 0.0));
    }
    for (int i = 0; i < C.m; i++)
        GREF_AT(C, i, i) += s2;
    return GREF_OK;
}

/* R = C^-1 R, by whatever is cheapest for the model. */
static gref_status apply_precision(gref_mat R, gref_workshop *w, const gref_switches *s, int t)
{
    SCOPED(gref_mat) Y = {0};
    gref_mat L = {0};
    double s2 = sigma2(w, s);
    if (s->model == GREF_MODEL_DPS) {
        for (int j = 0; j < R.n; j++)
            for (int i = 0; i < R.m; i++)
                GREF_AT(R, i, j) *= s->convention.alpha_dps / s2;
    } else if (s->model == GREF_MODEL_PIGDM) {
        gref_mat Q, a;
        TRY(gref_workshop_gram(&Q, &a, w, s->operator_form));
        TRY(gref_mat_new(&Y, R.m, R.n));
        TRY(gref_gemm(Y, 1.0, gref_const(Q), true, gref_const(R), false, 0.0));
        for (int j = 0; j < R.n; j++)
            for (int i = 0; i < R.m; i++)
                GREF_AT(Y, i, j) /= r2(w, s, t) * a.a[i] + s2;
        TRY(gref_gemm(R, 1.0, gref_const(Q), false, gref_const(Y), false, 0.0));
    } else {
        double key[4] = {s->operator_form, gref_deviant_abar(w, s, t), s2, t};
        bool made;
        TRY(gref_workshop_slot(&L, &made, w, t, key));
        if (!made) {
            TRY(gref_deviant_likelihood(L, w, s, t));
            TRY(gref_cholesky(L));
            gref_workshop_slot_done(w, t, key);
        }
        TRY(gref_cholesky_solve(R, gref_const(L)));
    }
    return GREF_OK;
}

/* ---- guidance ---------------------------------------------------------------------------------- */

/* Y = J^T B^T R, or with A where A^T stands. */
static gref_status pull_back(gref_mat Y, gref_workshop *w, const gref_switches *s, gref_cmat R,
                             int t)
{
    gref_mat B = {0};
    if (s->adjoint_is_A)
        TRY(gref_workshop_adjoint(&B, w, s->operator_form));
    else
        TRY(gref_workshop_operator(&B, w, s->operator_form));
    TRY(gref_gemm(Y, 1.0, gref_const(B), !s->adjoint_is_A, R, false, 0.0));
    for (int i = 0; i < Y.m; i++) {
        double gain = mode_at(w, s, t, i).gain;
        for (int j = 0; j < Y.n; j++)
            GREF_AT(Y, i, j) *= gain;
    }
    return GREF_OK;
}

/* Each column divided by its norm before C^-1: the gradient of |r| where that of |r|^2/2 stands. */
static void divide_by_norm(gref_mat R)
{
    for (int j = 0; j < R.n; j++) {
        gref_mat r = gref_mat_view(R, 0, j, R.m, 1);
        double norm = gref_mat_norm_fro(gref_const(r));
        for (int i = 0; i < R.m; i++)
            r.a[i] = norm > 0.0 ? r.a[i] / norm : 0.0;
    }
}

/* G(z), or its linear part -J^T B^T C^-1 B J z; plain: C = I, as guidance "after" has it. */
static gref_status guidance(gref_mat Y, gref_workshop *w, const gref_switches *s, gref_cmat Z,
                            int t, bool linear, bool plain)
{
    SCOPED(gref_mat) X = {0}, R = {0};
    gref_mat B = {0};
    TRY(gref_workshop_operator(&B, w, s->operator_form));
    TRY(gref_mat_new(&X, Z.m, Z.n));
    TRY(gref_mat_new(&R, B.m, Z.n));
    if (linear) {
        for (int i = 0; i < Z.m; i++)
            for (int j = 0; j < Z.n; j++)
                GREF_AT(X, i, j) = mode_at(w, s, t, i).gain * GREF_AT(Z, i, j);
    } else {
        TRY(gref_deviant_x0hat(X, w, s, Z, t));
        for (int j = 0; j < R.n; j++)
            gref_mat_copy(gref_mat_view(R, 0, j, R.m, 1), gref_const(w->p->v));
    }
    TRY(gref_gemm(R, -1.0, gref_const(B), false, gref_const(X), false, 1.0));
    if (s->norm)
        divide_by_norm(R);
    if (!plain)
        TRY(apply_precision(R, w, s, t));
    TRY(pull_back(Y, w, s, gref_const(R), t));
    double scale = guidance_scale(w, s, t);
    for (int j = 0; j < Y.n; j++)
        for (int i = 0; i < Y.m; i++)
            GREF_AT(Y, i, j) *= scale;
    return GREF_OK;
}

gref_status gref_deviant_guided(gref_mat Y, gref_workshop *w, const gref_switches *s, gref_cmat Z,
                                int t)
{
    SCOPED(gref_mat) S = {0};
    TRY(gref_mat_new(&S, Z.m, Z.n));
    TRY(gref_deviant_score(S, w, s, Z, t));
    gref_mat_fill(Y, 0.0);
    if (s->model != GREF_MODEL_DDPM)
        TRY(guidance(Y, w, s, Z, t, false, false));
    gref_mat_axpy(Y, 1.0, gref_const(S));
    return GREF_OK;
}

gref_status gref_deviant_step(gref_mat Y, gref_workshop *w, const gref_switches *s, gref_cmat Z,
                              int t)
{
    SCOPED(gref_mat) G = {0};
    double beta = gref_deviant_beta(w, s, t), root = step_root(w, s, t);
    bool plain = s->convention.guidance == GREF_GUIDANCE_AFTER;
    TRY(gref_mat_new(&G, Z.m, Z.n));
    TRY(gref_deviant_score(Y, w, s, Z, t));
    if (s->model != GREF_MODEL_DDPM)
        TRY(guidance(G, w, s, Z, t, false, plain));
    double kappa = guidance_coefficient(w, s, t);
    for (int j = 0; j < Z.n; j++)
        for (int i = 0; i < Z.m; i++)
            GREF_AT(Y, i, j) =
                (GREF_AT(Z, i, j) + beta * GREF_AT(Y, i, j)) / root + kappa * GREF_AT(G, i, j);
    return GREF_OK;
}

/* Y = kappa J^T B^T C^-1 (A U)^T... for M^T: the adjoint of the linear part of G, which differs with A for A^T. */
static gref_status guidance_transposed(gref_mat Y, gref_workshop *w, const gref_switches *s,
                                       gref_cmat Z, int t, bool plain)
{
    SCOPED(gref_mat) X = {0}, R = {0};
    gref_mat B = {0}, At = {0};
    TRY(gref_workshop_operator(&B, w, s->operator_form));
    TRY(gref_mat_new(&X, Z.m, Z.n));
    TRY(gref_mat_new(&R, B.m, Z.n));
    for (int i = 0; i < Z.m; i++)
        for (int j = 0; j < Z.n; j++)
            GREF_AT(X, i, j) = mode_at(w, s, t, i).gain * GREF_AT(Z, i, j);
    TRY(gref_workshop_adjoint(&At, w, s->operator_form)); /* U^T A: M has it where B^T should be */
    TRY(gref_gemm(R, -1.0, gref_const(At), true, gref_const(X), false, 0.0));
    if (!plain)
        TRY(apply_precision(R, w, s, t));
    TRY(gref_gemm(Y, guidance_scale(w, s, t), gref_const(B), true, gref_const(R), false, 0.0));
    for (int i = 0; i < Y.m; i++)
        for (int j = 0; j < Y.n; j++)
            GREF_AT(Y, i, j) *= mode_at(w, s, t, i).gain;
    return GREF_OK;
}

gref_status gref_deviant_linear(gref_mat Y, gref_workshop *w, const gref_switches *s, gref_cmat Z,
                                int t, bool transposed)
{
    double beta = gref_deviant_beta(w, s, t), root = step_root(w, s, t),
           kappa = guidance_coefficient(w, s, t);
    bool plain = s->convention.guidance == GREF_GUIDANCE_AFTER;
    TRY(check_t(w, t));
    gref_mat_fill(Y, 0.0);
    if (s->model != GREF_MODEL_DDPM) {
        if (transposed && s->adjoint_is_A)
            TRY(guidance_transposed(Y, w, s, Z, t, plain));
        else /* symmetric: J diagonal, C symmetric */
            TRY(guidance(Y, w, s, Z, t, true, plain));
    }
    for (int i = 0; i < Z.m; i++) {
        double free = (1.0 + beta * mode_at(w, s, t, i).slope) / root;
        for (int j = 0; j < Z.n; j++)
            GREF_AT(Y, i, j) = free * GREF_AT(Z, i, j) + kappa * GREF_AT(Y, i, j);
    }
    return GREF_OK;
}

/* ---- laws ------------------------------------------------------------------------------------- */

/* guided(z) = g - H z: the law N(H^-1 g, H^-1) that the guided score belongs to. */
gref_status gref_deviant_modelled(gref_mat mean, gref_mat cov, gref_workshop *w,
                                  const gref_switches *s, int t)
{
    int n = w->lambda.m;
    SCOPED(gref_mat) I = {0}, H = {0}, g = {0}, zero = {0};
    TRY(gref_mat_new(&I, n, n));
    TRY(gref_mat_new(&H, n, n));
    TRY(gref_mat_new(&g, n, 1));
    TRY(gref_mat_new(&zero, n, 1));
    gref_mat_identity(I);
    TRY(check_t(w, t));
    if (s->model != GREF_MODEL_DDPM)
        TRY(guidance(H, w, s, gref_const(I), t, true, false));
    for (int j = 0; j < n; j++) {
        for (int i = 0; i < n; i++)
            GREF_AT(H, i, j) *= -1.0;
        GREF_AT(H, j, j) -= mode_at(w, s, t, j).slope;
    }
    gref_mat_symmetrise(H);
    TRY(gref_deviant_guided(g, w, s, gref_const(zero), t));
    TRY(gref_cholesky(H));
    TRY(gref_cholesky_solve(g, gref_const(H)));
    TRY(gref_cholesky_solve(I, gref_const(H)));
    TRY(gref_deviant_to_pixels(mean, w, s, gref_const(g)));
    TRY(gref_deviant_to_pixels(H, w, s, gref_const(I))); /* V H^-1, then V (V H^-1)^T */
    gref_mat_transpose(I, gref_const(H));
    TRY(gref_deviant_to_pixels(cov, w, s, gref_const(I)));
    gref_mat_symmetrise(cov);
    return GREF_OK;
}

gref_status gref_deviant_start(gref_mat mean, gref_mat cov, const gref_workshop *w,
                               const gref_switches *s)
{
    const gref_problem *p = w->p;
    int n = w->lambda.m, T = w->schedule->T;
    double f2 = s->start_factor * s->start_factor;
    gref_mat_fill(mean, 0.0);
    gref_mat_fill(cov, 0.0);
    if (s->convention.start == GREF_START_EXACT) {
        TRY(gref_posterior(mean, cov, gref_const(p->Sigma), gref_const(p->mu), gref_const(p->A),
                           p->sigma, gref_const(p->v)));
        for (int j = 0; j < n; j++) {
            mean.a[j] *= sqrt(w->schedule->abar[T]);
            for (int i = 0; i < n; i++)
                GREF_AT(cov, i, j) *= w->schedule->abar[T] * f2;
        }
        f2 *= w->schedule->qbar[T];
    }
    for (int i = 0; i < n; i++)
        GREF_AT(cov, i, i) += f2;
    return GREF_OK;
}
