/*
 * The exact law of y_t, whatever computes it (THEORY section 6): matrices (dense_law.c) or spectra
 * (spectral/spectral_law.c). Everything that both would have to refuse or to note is here, once.
 */
#include <math.h>

#include "base/internal.h"
#include "law.h"

/** Frees it; accepts NULL. */
void gref_marginal_free(gref_marginal *law)
{
    if (law == NULL)
        return;
    law->kind->release(law);
    free(law);
}

/** t of the law. */
int gref_marginal_t(const gref_marginal *law)
{
    return law->t;
}

/** The visited time after t; -1 at the end. */
int gref_marginal_next(const gref_marginal *law)
{
    return gref_times_next(law->spec, law->t);
}

/** True if the sampler uses v. */
bool gref_marginal_guided(const gref_marginal *law)
{
    return law->row->guided;
}

/** False for rows without a likelihood N(A x0hat, C). */
bool gref_marginal_has_model(const gref_marginal *law)
{
    return gref_row_has_likelihood(law->row) || !law->row->guided;
}

/** False at the inner times of an affine chain that does not say its abar. */
bool gref_marginal_has_target(const gref_marginal *law)
{
    return law->targets || gref_marginal_next(law) < 0;
}

/** True once variances or means have left 2^900, 2^450, or the law is lost: it is then no longer propagated. */
bool gref_marginal_diverged(const gref_marginal *law)
{
    return law->diverged;
}

/** True if unstable steps let the law grow and it shrank until its rounding exceeds a tenth of its size. */
bool gref_marginal_lost(const gref_marginal *law)
{
    return law->lost;
}

/** True once this has happened to the mean, alone or with the law. */
bool gref_marginal_mean_lost(const gref_marginal *law)
{
    return law->lost || law->mean_lost;
}

/** First step (from the start down) that turns a direction over and stretches it, or 0 if none so far. */
int gref_marginal_first_unstable(const gref_marginal *law)
{
    return law->first_unstable;
}

/** log10 of max_t sqrt(tr P_t / tr C_{t|v}) so far. */
double gref_marginal_growth(const gref_marginal *law)
{
    return law->growth;
}

void gref_law_begin(gref_marginal *law, int t)
{
    law->t = t;
    law->growth = log10(law->kind->spread(law));
}

/**
 * The law one step on, at the next visited time s.
 *
 *     m_s = M_t m_t + b_t,   P_s = M_t P_t M_t^T + N_t
 *
 * Once a variance exceeds 2^900 or a mean 2^450 the law has diverged: t goes on, the moments do
 * not. So has a law that grew and shrank until the bound on its rounding, in W2, exceeds a tenth of
 * its size: the law is lost. The mean may be lost before, where rounding of a small mean turns into
 * the direction in which the law grows.
 *
 * @return GREF_OK; GREF_ERR_RANGE at the end; GREF_ERR_NOMEM; GREF_ERR_NUMERICS. On error the law must only be freed.
 * @error  dense: per step c n eps |M_t|^2 |P_t| in P, c about 1, contracted by the steps that follow; spectral: c eps
 *         (|M_t|^2 |P_t| + N_t) in each entry, c about 10 q.
 * @cost   dense: 2 n x n products, the sampler's Gamma, at most one Cholesky factorisation, or O(n) when diagonal;
 *         spectral: O(n) for r = 1, O(r^2 n) otherwise.
 * @see    THEORY sections 6 and 9. Tests: test_conformance.c
 */
gref_status gref_marginal_advance(gref_marginal *law)
{
    int next = gref_marginal_next(law);
    REQUIRE(next >= 0, GREF_ERR_RANGE, "the law is at its end already, t = %d", law->t);
    if (!law->diverged)
        TRY(law->kind->advance(law));
    law->t = next;
    if (!law->diverged)
        law->growth = fmax(law->growth, log10(law->kind->spread(law)));
    return GREF_OK;
}

gref_status gref_law_require_alive(const gref_marginal *law)
{
    REQUIRE(!law->lost, GREF_ERR_NUMERICS,
            "the law of %s is lost to rounding before t = %d: it had grown by 10^%.0f",
            law->spec->label, law->t, law->growth);
    REQUIRE(!law->diverged, GREF_ERR_NUMERICS, "the law of %s has diverged before t = %d",
            law->spec->label, law->t);
    return GREF_OK;
}

static gref_status require_mean(const gref_marginal *law)
{
    TRY(gref_law_require_alive(law));
    REQUIRE(!law->mean_lost, GREF_ERR_NUMERICS, "the mean of %s is lost to rounding before t = %d",
            law->spec->label, law->t);
    return GREF_OK;
}

static gref_status require_target(const gref_marginal *law)
{
    REQUIRE(gref_marginal_has_target(law), GREF_ERR_RANGE,
            "%s does not say abar at t = %d: only its end has a law to be held against",
            law->spec->label, law->t);
    return GREF_OK;
}

/**
 * Bias image m_t - mu_{t|v}, in pixels: relative accuracy, also where it is tiny.
 * @return GREF_OK; GREF_ERR_SHAPE; GREF_ERR_NUMERICS after divergence, or where the mean is lost; GREF_ERR_RANGE without
 *         a target; GREF_ERR_NOMEM.
 */
gref_status gref_marginal_bias(gref_mat bias, const gref_marginal *law)
{
    TRY(require_mean(law));
    TRY(require_target(law));
    return law->kind->bias(bias, law);
}

/** m_t, n x 1, in pixels. Returns as gref_marginal_bias. */
gref_status gref_marginal_mean(gref_mat mean, const gref_marginal *law)
{
    TRY(require_mean(law));
    return law->kind->mean(mean, law);
}

/** P_t, n x n, both triangles, in pixels. Returns as gref_marginal_bias. */
gref_status gref_marginal_cov(gref_mat cov, const gref_marginal *law)
{
    TRY(gref_law_require_alive(law));
    return law->kind->cov(cov, law);
}

/*
 * A proof for the computed laws is none for the exact sampler. Where the mean is lost, w2_mean is
 * rounding; the distance holds, to the error of the law.
 */
static void keep_value(gref_w2 *w, const gref_marginal *law)
{
    w->certified = false;
    w->lower = w->r_in = 0.0;
    w->upper = INFINITY;
    if (law->mean_lost)
        w->w2_mean = NAN;
}

/**
 * W2 of the law of y_t to the exact p_t(x | v), at t = 0 to the posterior.
 *
 * In closed form where the two commute by construction (cgdm; spectra), else by factors.
 *
 * @param[out] out  unchanged on error.                                                   [pixel]
 * @return GREF_OK; GREF_ERR_NUMERICS after divergence; GREF_ERR_RANGE (overflow; no target); GREF_ERR_NOMEM.
 * @error  as gref_w2_factors or gref_w2_spectra; spectral: relative c (rows + cols) eps for the P that the law holds, or
 *         absolute c r^2 eps (tr P)^1/2 where the law is not diagonal.
 * @see    THEORY sections 6 and 8. Tests: test_marginal.c
 */
gref_status gref_marginal_w2(gref_w2 *out, const gref_marginal *law)
{
    TRY(gref_law_require_alive(law));
    TRY(require_target(law));
    TRY(law->kind->w2(out, law, false));
    keep_value(out, law);
    return GREF_OK;
}

/**
 * W2 of the law of y_t to the prior's p_t(x) = N(sqrt(abar_t) mu, Sigma_t): what an unconditional
 * sampler aims at. Returns as gref_marginal_w2.
 */
gref_status gref_marginal_w2_prior(gref_w2 *out, const gref_marginal *law)
{
    TRY(gref_law_require_alive(law));
    TRY(require_target(law));
    TRY(law->kind->w2_prior(out, law, false));
    keep_value(out, law);
    return GREF_OK;
}

/**
 * W2 of the law of the state as it is to the posterior, or with `prior` to the prior: the law of the
 * data, whatever abar_t is. Where abar_t = 1, gref_marginal_w2 and gref_marginal_w2_prior.
 *
 * @return GREF_OK; GREF_ERR_NUMERICS after divergence; GREF_ERR_RANGE (overflow); GREF_ERR_NOMEM.
 * @error  as gref_marginal_w2, and a few eps |mu_post| (1 - sqrt(abar_t)) of the mean.
 * @see    THEORY section 6. Tests: test_marginal.c
 */
gref_status gref_marginal_w2_data(gref_w2 *out, const gref_marginal *law, bool prior)
{
    TRY(gref_law_require_alive(law));
    TRY((prior ? law->kind->w2_prior : law->kind->w2)(out, law, true));
    keep_value(out, law);
    return GREF_OK;
}

/**
 * W2 of the law that the sampler takes p_t(x | v) to be, N(mu_{t|v}, C_{t|v}), to the exact one;
 * also after divergence.
 *
 * 0 for cgdm, whose likelihood is the exact one.
 *
 * @return GREF_OK; GREF_ERR_RANGE (overflow; an affine chain has no such law); GREF_ERR_NOMEM; GREF_ERR_NUMERICS.
 * @see    THEORY sections 4 and 9. Tests: test_conditional.c, test_spectral.c
 */
gref_status gref_marginal_w2_modelled(gref_w2 *out, const gref_marginal *law)
{
    return law->kind->w2_modelled(out, law);
}

/**
 * W2 of the law of y_t to the exact p_t(x | v), proved for the exact sampler on the given doubles.
 *
 * @return as gref_marginal_w2.
 * @error  lower <= W2 <= upper where certified; the width is that of the bounds of errors.c: 1e-9 of the spread for
 *         t > 0, 1e-5 at t = 0 where Sigma is singular (there a rounding dSigma may move W2 by sqrt(|dSigma|)). Not
 *         certified, upper = inf: a law by spectra, an affine chain, modes without gref_modes_measure, sigma = 0.
 * @cost   about 60 n x n products.
 * @see    Tests: test_oracle.c
 */
gref_status gref_marginal_certify(gref_w2 *out, const gref_marginal *law)
{
    gref_w2 w;
    if (law->kind->certify == NULL)
        return gref_marginal_w2(out, law);
    TRY(gref_law_require_alive(law));
    TRY(require_target(law));
    TRY(law->kind->certify(&w, law));
    if (law->mean_lost)
        w.w2_mean = NAN;
    *out = w;
    return GREF_OK;
}

/** Bounds on how far the law is from the exact one; infinite where unknown. cov and mean are of the pixels. */
void gref_marginal_errors(double *mean, double *cov, double *w2, const gref_marginal *law)
{
    *mean = *cov = *w2 = INFINITY;
    if (law->kind->errors != NULL)
        law->kind->errors(mean, cov, w2, law);
}

/**
 * The largest factor by which the guidance may be multiplied so that no step of the chain is unstable.
 *
 * The scale is alpha of dps and dps-square, zeta of guidance "after": steps are linear in it.
 * @param[out] factor  NAN for other rows and for schemes of several evaluations; inf where nothing guides.
 * @return GREF_OK; GREF_ERR_NOMEM.
 * @error  dense: relative 1e-3, from above (power iteration); spectral: rounding.
 * @see    THEORY section 6. Tests: test_marginal.c
 */
gref_status gref_marginal_stable_factor(double *factor, const gref_marginal *law)
{
    return law->kind->stable_factor(factor, law);
}
