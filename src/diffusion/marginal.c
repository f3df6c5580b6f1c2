/*
 * Exact marginal laws of a sampler (THEORY section 6).
 *
 *   mean   n x 1, E y_t - sqrt(abar_t) mu_post in the basis of the sampler: the bias itself   [pixel]
 *   P      n x n, or n x 1 when every step and the start are diagonal                       [pixel^2]
 *
 *   mean <- M mean + c,     P <- M P M^T + N I
 */
#include <math.h>
#include <stdlib.h>

#include "base/internal.h"
#include "dense/bound.h"
#include "dense/internal.h"
#include "internal.h"
#include <gref/marginal.h>
#include <gref/psd.h>

/* Beyond these the law has diverged; products of three such numbers still fit a double. */
#define VARIANCE_LIMIT 0x1p900
#define MEAN_LIMIT 0x1p450

struct gref_marginal {
    const gref_sampler *s;
    int t;
    gref_basis basis;
    bool diagonal, diverged;
    int first_unstable;
    double growth;
    gref_mat mean, P;
    gref_mat L; /* n x n, P = L L^T, after a last step without noise; else empty */
    gref_law_errors errors;
    gref_step step;
    gref_mat work; /* n x n, for M P; empty when the law is diagonal */
};

void gref_marginal_free(gref_marginal *law)
{
    if (law == NULL)
        return;
    gref_mat_free(&law->mean);
    gref_mat_free(&law->P);
    gref_mat_free(&law->L);
    gref_mat_free(&law->work);
    gref_step_free(&law->step);
    free(law);
}

int gref_marginal_t(const gref_marginal *law)
{
    return law->t;
}

bool gref_marginal_diverged(const gref_marginal *law)
{
    return law->diverged;
}

int gref_marginal_first_unstable(const gref_marginal *law)
{
    return law->first_unstable;
}

double gref_marginal_growth(const gref_marginal *law)
{
    return law->growth;
}

static double law_trace(const gref_marginal *law)
{
    double trace = 0.0;
    for (int i = 0; i < law->P.m; i++)
        trace += law->diagonal ? law->P.a[i] : GREF_AT(law->P, i, i);
    return trace;
}

static void note_growth(gref_marginal *law)
{
    double target = 0.0;
    for (int i = 0; i < law->s->z->n; i++)
        target += gref_exact_variance(law->s->z, law->s->schedule, law->t, i);
    double ratio = 0.5 * log10(law_trace(law) / target);
    if (ratio > law->growth)
        law->growth = ratio;
}

/* N(0, I), centred: the mean of z is -sqrt(abar_T) times mu_post in the basis. */
static gref_status standard_start(gref_marginal *law)
{
    gref_status status = GREF_OK;
    const gref_modes *z = law->s->z;
    double root = sqrt(law->s->schedule->abar[law->t]);
    gref_mat w = {0};
    TRY(gref_mat_new(&w, z->n, 1));
    gref_mat_copy(w, gref_const(z->d));
    TRY(gref_gemv(w, 1.0, gref_const(z->U), true, gref_const(z->mu), 1.0)); /* U^T mu_post */
    if (law->basis == GREF_BASIS_POSTERIOR)
        TRY(gref_gemv(law->mean, -root, gref_const(z->X), true, gref_const(w), 0.0));
    else
        gref_mat_axpy(law->mean, -root, gref_const(w));
    for (int i = 0; i < z->n; i++)
        GREF_AT(law->P, i, law->diagonal ? 0 : i) = 1.0;
out:
    gref_mat_free(&w);
    return status;
}

/* The exact p_T(x | v): mean 0. */
static gref_status exact_start(gref_marginal *law)
{
    gref_status status = GREF_OK;
    if (law->diagonal) {
        for (int i = 0; i < law->P.m; i++)
            law->P.a[i] = gref_exact_variance(law->s->z, law->s->schedule, law->t, i);
    } else {
        gref_exact_factor(law->work, law->s->z, law->s->schedule, law->t);
        TRY(gref_syrk(law->P, 1.0, gref_const(law->work), false, 0.0));
    }
out:
    return status;
}

/**
 * The law at t = T: N(0, I), or the exact p_T(x | v) by the convention "start".
 *
 * @param[out] law  owned by the caller; gref_marginal_free. Unchanged on error.
 * @param[in]  s    borrowed: must outlive the law.
 * @return GREF_OK; GREF_ERR_NOMEM; GREF_ERR_SHAPE.
 * @see    THEORY section 6. Tests: test_marginal.c
 */
gref_status gref_marginal_new(gref_marginal **out, const gref_sampler *s)
{
    gref_status status = GREF_OK;
    int n = s->z->n;
    bool exact = s->spec.convention.start == GREF_START_EXACT;
    gref_marginal *law = gref_alloc(1, sizeof *law);
    REQUIRE(law != NULL, GREF_ERR_NOMEM, "no memory for a law");
    law->s = s;
    law->t = s->schedule->T;
    law->basis = gref_sampler_runs_on_posterior(s) ? GREF_BASIS_POSTERIOR : GREF_BASIS_SIGMA;
    TRY(gref_step_new(&law->step, s));
    law->diagonal = law->step.diagonal && (law->basis == GREF_BASIS_POSTERIOR || !exact);
    TRY(gref_mat_new(&law->mean, n, 1));
    TRY(gref_mat_new(&law->P, n, law->diagonal ? 1 : n));
    if (!law->diagonal)
        TRY(gref_mat_new(&law->work, n, n));
    TRY(exact ? exact_start(law) : standard_start(law));
    law->errors = gref_start_errors(s);
    law->growth = -INFINITY;
    note_growth(law);
    *out = law;
    law = NULL;
out:
    gref_marginal_free(law);
    return status;
}

static gref_status advance_mean(gref_marginal *law)
{
    gref_status status = GREF_OK;
    gref_mat c = law->step.c;
    if (law->step.diagonal) {
        gref_mat_scale_rows(law->mean, gref_const(law->step.M));
        gref_mat_axpy(law->mean, 1.0, gref_const(c));
    } else {
        TRY(gref_gemv(c, 1.0, gref_const(law->step.M), false, gref_const(law->mean), 1.0));
        gref_mat_copy(law->mean, gref_const(c));
    }
out:
    return status;
}

static gref_status advance_cov(gref_marginal *law)
{
    gref_status status = GREF_OK;
    gref_cmat M = gref_const(law->step.M);
    if (law->step.diagonal) {
        gref_mat_scale_rows(law->P, M);
        if (law->diagonal)
            gref_mat_scale_rows(law->P, M);
        else
            gref_mat_scale_cols(law->P, M);
    } else {
        TRY(gref_gemm(law->work, 1.0, M, false, gref_const(law->P), false, 0.0));
        TRY(gref_gemm(law->P, 1.0, gref_const(law->work), false, M, false, 0.0)); /* M = M^T */
        gref_mat_symmetrise(law->P);
    }
    for (int i = 0; i < law->P.m; i++)
        GREF_AT(law->P, i, law->diagonal ? 0 : i) += law->step.noise;
out:
    return status;
}

/* Sizes of the law before the step at hand. */
static gref_law_size law_size(const gref_marginal *law)
{
    return (gref_law_size){.dense = !law->diagonal, .mean = gref_mat_norm_fro(gref_const(law->mean)),
                           .cov = gref_mat_norm_fro(gref_const(law->P)), .trace = law_trace(law),
                           .shift = gref_mat_norm_fro(gref_const(law->step.c)), .factor_error = -1.0};
}

/*
 * A last step without noise leaves a law that may be singular: it is kept as L = M chol(P), whose rounding costs W2
 * no square root. *error in W2 units: W2(P, chol chol^T) pushed by M, and the rounding of the product.
 */
static gref_status advance_factor(gref_marginal *law, double *error)
{
    gref_status status = GREF_OK;
    int n = law->P.n, rank;
    double residual;
    gref_mat L = {0};
    TRY(gref_mat_new(&L, n, n));
    TRY(gref_psd_factor(law->work, &rank, gref_const(law->P)));
    TRY(gref_cholesky_residual((gref_mat){0}, &residual, gref_const(law->P), gref_const(law->work)));
    double least = gref_step_noise(law->s, law->t + 1 <= law->s->schedule->T ? law->t + 1 : law->t);
    double before = sqrt(sqrt(n) * residual); /* P >= N I, N the noise of the step before */
    if (least > 2 * residual)
        before = fmin(before, residual / (2 * sqrt(least - residual)));
    TRY(gref_gemm(L, 1.0, gref_const(law->step.M), false, gref_const(law->work), false, 0.0));
    TRY(gref_syrk(law->P, 1.0, gref_const(L), false, 0.0));
    double product = gref_gamma_up(n + 4) * law->step.norm_abs * gref_mat_norm_fro(gref_const(law->work));
    *error = law->step.norm * before + product;
    law->L = L;
    L = (gref_mat){0};
out:
    gref_mat_free(&L);
    return status;
}

/**
 * The law one step on.
 *
 *     m_{t-1} = M_t m_t + b_t,   P_{t-1} = M_t P_t M_t^T + N_t I
 *
 * Once a variance exceeds 2^900 or a mean 2^450 the law has diverged: t goes on, the moments do not.
 *
 * @return GREF_OK; GREF_ERR_RANGE at t = 0; GREF_ERR_NOMEM; GREF_ERR_NUMERICS. On error the law must
 *         only be freed.
 * @error  per step c n eps |M_t|^2 |P_t| in P, c about 1; contracted by the steps that follow.
 * @cost   2 n x n products, the sampler's Gamma, at most one Cholesky factorisation; O(n) when
 *         diagonal.
 * @see    THEORY section 6. Tests: test_marginal.c
 */
gref_status gref_marginal_advance(gref_marginal *law)
{
    gref_status status = GREF_OK;
    REQUIRE(law->t >= 1, GREF_ERR_RANGE, "the law is at t = 0 already");
    if (!law->diverged) {
        TRY(gref_step_at(&law->step, law->s, law->t));
        if (law->step.overshoots && law->first_unstable == 0)
            law->first_unstable = law->t;
        gref_law_size size = law_size(law);
        bool last = !law->diagonal && !law->step.diagonal && law->step.noise == 0.0;
        TRY(advance_mean(law));
        TRY(last ? advance_factor(law, &size.factor_error) : advance_cov(law));
        gref_errors_step(&law->errors, law->s, law->t, &law->step, &size);
        law->diverged = !(gref_mat_norm_max(gref_const(law->P)) <= VARIANCE_LIMIT &&
                          gref_mat_norm_max(gref_const(law->mean)) <= MEAN_LIMIT);
    }
    law->t--;
    if (!law->diverged)
        note_growth(law);
out:
    return status;
}

static gref_status require_alive(const gref_marginal *law)
{
    gref_status status = GREF_OK;
    REQUIRE(!law->diverged, GREF_ERR_NUMERICS, "the law of %s has diverged before t = %d",
            law->s->spec.label, law->t);
out:
    return status;
}

/* z, n x 1 in the basis of the law, to pixels. */
static gref_status basis_to_pixels(gref_mat x, const gref_marginal *law, gref_cmat zvec)
{
    gref_status status = GREF_OK;
    gref_mat w = {0};
    if (law->basis == GREF_BASIS_POSTERIOR) {
        TRY(gref_mat_new(&w, zvec.m, 1));
        TRY(gref_gemv(w, 1.0, gref_const(law->s->z->X), false, zvec, 0.0));
        zvec = gref_const(w);
    }
    TRY(gref_modes_to_pixels(x, law->s->z, zvec));
out:
    gref_mat_free(&w);
    return status;
}

/**
 * Bias image m_t - mu_{t|v}, in pixels: relative accuracy, also where it is tiny.
 * @return GREF_OK; GREF_ERR_SHAPE; GREF_ERR_NUMERICS after divergence; GREF_ERR_NOMEM.
 */
gref_status gref_marginal_bias(gref_mat bias, const gref_marginal *law)
{
    gref_status status = GREF_OK;
    TRY(require_alive(law));
    TRY(basis_to_pixels(bias, law, gref_const(law->mean)));
out:
    return status;
}

/** m_t, n x 1, in pixels. Returns as gref_marginal_bias. */
gref_status gref_marginal_mean(gref_mat mean, const gref_marginal *law)
{
    gref_status status = GREF_OK;
    const gref_modes *z = law->s->z;
    double root = sqrt(law->s->schedule->abar[law->t]);
    TRY(gref_marginal_bias(mean, law));
    gref_mat_axpy(mean, root, gref_const(z->mu));
    TRY(gref_gemv(mean, root, gref_const(z->U), false, gref_const(z->d), 1.0));
out:
    return status;
}

/** P_t, n x n, both triangles, in pixels. Returns as gref_marginal_bias. */
gref_status gref_marginal_cov(gref_mat cov, const gref_marginal *law)
{
    gref_status status = GREF_OK;
    const gref_modes *z = law->s->z;
    gref_mat L = {0}, UL = {0};
    TRY(require_alive(law));
    if (!law->diagonal) {
        TRY(gref_modes_cov_to_pixels(cov, z, gref_const(law->P)));
        goto out;
    }
    TRY(gref_mat_new(&UL, z->n, z->n));
    if (law->basis == GREF_BASIS_POSTERIOR)
        TRY(gref_gemm(UL, 1.0, gref_const(z->U), false, gref_const(z->X), false, 0.0));
    else
        gref_mat_copy(UL, gref_const(z->U));
    TRY(gref_mat_new(&L, z->n, 1));
    for (int i = 0; i < z->n; i++)
        L.a[i] = sqrt(law->P.a[i]);
    gref_mat_scale_cols(UL, gref_const(L));
    TRY(gref_syrk(cov, 1.0, gref_const(UL), false, 0.0));
out:
    gref_mat_free(&L);
    gref_mat_free(&UL);
    return status;
}

/* A factor of P in the modes of Sigma. */
static gref_status law_factor(gref_mat L, const gref_marginal *law)
{
    gref_status status = GREF_OK;
    int rank;
    if (law->L.a != NULL) {
        gref_mat_copy(L, gref_const(law->L));
        goto out;
    }
    if (!law->diagonal) {
        TRY(gref_psd_factor(L, &rank, gref_const(law->P)));
        goto out;
    }
    if (law->basis == GREF_BASIS_POSTERIOR)
        gref_mat_copy(L, gref_const(law->s->z->X));
    else
        gref_mat_identity(L);
    for (int j = 0; j < L.n; j++)
        for (int i = 0; i < L.m; i++)
            GREF_AT(L, i, j) *= sqrt(law->P.a[j]);
out:
    return status;
}

/**
 * W2 of the law of y_t to the exact p_t(x | v), at t = 0 to the posterior.
 *
 * In closed form where the two commute by construction (cgdm), else by factors.
 *
 * @param[out] out  unchanged on error.                                                   [pixel]
 * @return GREF_OK; GREF_ERR_NUMERICS after divergence; GREF_ERR_NOMEM.
 * @error  as gref_w2_factors or gref_w2_spectra.
 * @see    THEORY sections 6 and 8. Tests: test_marginal.c
 */
gref_status gref_marginal_w2(gref_w2 *out, const gref_marginal *law)
{
    gref_status status = GREF_OK;
    const gref_modes *z = law->s->z;
    int n = z->n;
    gref_mat zero = {0}, L1 = {0}, L2 = {0};
    TRY(require_alive(law));
    TRY(gref_mat_new(&zero, n, 1));
    if (law->diagonal && law->basis == GREF_BASIS_POSTERIOR) {
        TRY(gref_mat_new(&L1, n, 1));
        for (int i = 0; i < n; i++)
            L1.a[i] = gref_exact_variance(z, law->s->schedule, law->t, i);
        TRY(gref_w2_spectra(out, gref_const(zero), gref_const(L1), gref_const(law->mean),
                            gref_const(law->P)));
        goto out;
    }
    TRY(gref_mat_new(&L1, n, n));
    TRY(gref_mat_new(&L2, n, n));
    gref_exact_factor(L1, z, law->s->schedule, law->t);
    TRY(law_factor(L2, law));
    TRY(gref_w2_factors(out, gref_const(zero), gref_const(L1), gref_const(law->mean), gref_const(L2)));
out:
    gref_mat_free(&zero);
    gref_mat_free(&L1);
    gref_mat_free(&L2);
    return status;
}

/** Bounds on how far the law is from the exact one; infinite where unknown. cov and mean are of the pixels. */
void gref_marginal_errors(double *mean, double *cov, double *w2, const gref_marginal *law)
{
    const gref_modes_errors *z = &law->s->z->errors;
    double basis = z->U + (law->basis == GREF_BASIS_POSTERIOR ? z->X : 0.0);
    double rounding = 4 * gref_gamma_up(law->P.m + 8);
    double size = gref_mat_norm_fro(gref_const(law->P)), m = gref_mat_norm_fro(gref_const(law->mean));
    double centre = gref_norm_fro_up(gref_const(law->s->z->mu)) + gref_norm_fro_up(gref_const(law->s->z->d));
    double shift = law->basis == GREF_BASIS_POSTERIOR ? z->post_mean : 0.0; /* centred on the exact mu_post */
    *mean = law->errors.mean + (basis + rounding * sqrt(law->P.m)) * (m + centre) + shift;
    *cov = law->errors.cov + (2 * basis + rounding * sqrt(law->P.m)) * size;
    *w2 = law->errors.w2;
}

/* The distance of the computed laws, enclosed: spectra where they commute by construction, else factors. */
static gref_status enclose_distance(gref_w2 *out, const gref_marginal *law, gref_cmat zero)
{
    gref_status status = GREF_OK;
    int n = law->s->z->n;
    gref_mat L1 = {0}, L2 = {0};
    if (law->diagonal && law->basis == GREF_BASIS_POSTERIOR) {
        TRY(gref_marginal_w2(out, law));
        goto out;
    }
    TRY(gref_mat_new(&L1, n, n));
    TRY(gref_mat_new(&L2, n, n));
    gref_exact_factor(L1, law->s->z, law->s->schedule, law->t);
    TRY(law_factor(L2, law));
    TRY(gref_w2_certify_factors(out, zero, gref_const(L1), gref_const(law->mean), gref_const(L2)));
out:
    gref_mat_free(&L1);
    gref_mat_free(&L2);
    return status;
}

/* W2 between the law and its factor: the residual of the factorisation, P >= N I where the last step had noise. */
static gref_status factor_radius(double *radius, const gref_marginal *law)
{
    gref_status status = GREF_OK;
    gref_mat L = {0};
    int n = law->P.m, T = law->s->schedule->T;
    double residual;
    *radius = 0.0;
    if (law->diagonal || law->L.a != NULL)
        goto out;
    TRY(gref_mat_new(&L, n, n));
    TRY(law_factor(L, law));
    TRY(gref_cholesky_residual((gref_mat){0}, &residual, gref_const(law->P), gref_const(L)));
    double least = law->t < T ? gref_step_noise(law->s, law->t + 1) : law->s->schedule->qbar[T];
    *radius = sqrt(sqrt(n) * residual);
    if (least > 2 * residual)
        *radius = fmin(*radius, residual / (2 * sqrt(least - residual)));
out:
    gref_mat_free(&L);
    return status;
}

/**
 * W2 of the law of y_t to the exact p_t(x | v), proved for the exact sampler on the given doubles.
 *
 * @return as gref_marginal_w2.
 * @error  lower <= W2 <= upper; the width is that of the bounds of errors.c: 1e-9 of the spread for t > 0, 1e-5
 *         at t = 0 where Sigma is singular (there a rounding dSigma may move W2 by sqrt(|dSigma|)).
 * @cost   about 60 n x n products.
 * @see    Tests: test_oracle.c
 */
gref_status gref_marginal_certify(gref_w2 *out, const gref_marginal *law)
{
    gref_status status = GREF_OK;
    gref_mat zero = {0};
    gref_w2 value, w;
    double radius;
    TRY(gref_marginal_w2(&value, law));
    TRY(gref_mat_new(&zero, law->P.m, 1));
    TRY(enclose_distance(&w, law, gref_const(zero)));
    TRY(factor_radius(&radius, law));
    gref_law_errors exact = gref_exact_errors(law->s, law->t);
    double centre = law->basis == GREF_BASIS_POSTERIOR ? 0.0 : exact.mean; /* there both laws share the centre */
    double wide = (law->errors.w2 + exact.w2 + centre + radius) * (1.0 + 0x1p-20);
    w.lower = isfinite(wide) ? fmax(gref_down(w.lower - wide), 0.0) : 0.0;
    w.upper = isfinite(wide) ? gref_up(w.upper + wide) : INFINITY;
    w.certified = isfinite(wide);
    w.w2_mean = value.w2_mean;
    w.w2_cov = value.w2_cov;
    w.w2 = fmin(fmax(value.w2, w.lower), w.upper);
    *out = w;
out:
    gref_mat_free(&zero);
    return status;
}

/**
 * W2 of the law of y_t to the prior's p_t(x) = N(sqrt(abar_t) mu, Sigma_t): what an unconditional
 * sampler aims at. Returns as gref_marginal_w2.
 */
gref_status gref_marginal_w2_prior(gref_w2 *out, const gref_marginal *law)
{
    gref_status status = GREF_OK;
    const gref_sampler *s = law->s;
    int n = s->z->n;
    gref_mat mean = {0}, L1 = {0}, L2 = {0}, own = {0};
    TRY(require_alive(law));
    TRY(gref_mat_new(&mean, n, 1));
    TRY(gref_mat_new(&own, n, 1));
    gref_mat_axpy(mean, -sqrt(s->schedule->abar[law->t]), gref_const(s->z->d));
    if (law->basis == GREF_BASIS_POSTERIOR)
        TRY(gref_gemv(own, 1.0, gref_const(s->z->X), false, gref_const(law->mean), 0.0));
    else
        gref_mat_copy(own, gref_const(law->mean));
    bool spectral = law->diagonal && law->basis == GREF_BASIS_SIGMA;
    TRY(gref_mat_new(&L1, n, spectral ? 1 : n));
    for (int i = 0; i < n; i++) {
        double st = gref_mode_variance(s, law->t, i);
        GREF_AT(L1, i, spectral ? 0 : i) = spectral ? st : sqrt(st);
    }
    if (spectral) {
        TRY(gref_w2_spectra(out, gref_const(mean), gref_const(L1), gref_const(own), gref_const(law->P)));
        goto out;
    }
    TRY(gref_mat_new(&L2, n, n));
    TRY(law_factor(L2, law));
    TRY(gref_w2_factors(out, gref_const(mean), gref_const(L1), gref_const(own), gref_const(L2)));
out:
    gref_mat_free(&mean);
    gref_mat_free(&own);
    gref_mat_free(&L1);
    gref_mat_free(&L2);
    return status;
}

/**
 * W2 of the law that a sampler takes p_t(x | v) to be, N(mu_{t|v}, C_{t|v}), to the exact one.
 *
 * 0 for cgdm, whose likelihood is the exact one (an identity, held by test_conditional.c).
 *
 * @param[in] t  0..T.
 * @return GREF_OK; GREF_ERR_RANGE; GREF_ERR_NOMEM; GREF_ERR_NUMERICS.
 */
gref_status gref_conditional_w2(gref_w2 *out, const gref_sampler *s, int t)
{
    gref_status status = GREF_OK;
    int n = s->z->n;
    gref_mat zero = {0}, mean = {0}, L1 = {0}, L2 = {0};
    TRY(gref_sampler_require_law(s));
    REQUIRE(t >= 0 && t <= s->schedule->T, GREF_ERR_RANGE, "t = %d is outside 0..%d", t, s->schedule->T);
    if (s->method->exact_likelihood) {
        *out = (gref_w2){0};
        goto out;
    }
    TRY(gref_mat_new(&zero, n, 1));
    TRY(gref_mat_new(&mean, n, 1));
    TRY(gref_mat_new(&L1, n, n));
    TRY(gref_mat_new(&L2, n, n));
    gref_exact_factor(L1, s->z, s->schedule, t);
    TRY(gref_conditional_factor(mean, L2, s, t));
    TRY(gref_w2_factors(out, gref_const(zero), gref_const(L1), gref_const(mean), gref_const(L2)));
out:
    gref_mat_free(&zero);
    gref_mat_free(&mean);
    gref_mat_free(&L1);
    gref_mat_free(&L2);
    return status;
}
