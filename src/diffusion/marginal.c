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
#include "law.h"
#include <gref/psd.h>

/* Beyond these the law has diverged; products of three such numbers still fit a double. */
#define VARIANCE_LIMIT 0x1p900
#define MEAN_LIMIT 0x1p450

void gref_marginal_free(gref_marginal *law)
{
    if (law == NULL)
        return;
    gref_mat_free(&law->mean);
    gref_mat_free(&law->P);
    gref_mat_free(&law->L);
    gref_mat_free(&law->W);
    gref_mat_free(&law->V);
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

bool gref_marginal_lost(const gref_marginal *law)
{
    return law->lost;
}

bool gref_marginal_mean_lost(const gref_marginal *law)
{
    return law->lost || law->mean_lost;
}

int gref_marginal_first_unstable(const gref_marginal *law)
{
    return law->first_unstable;
}

double gref_marginal_growth(const gref_marginal *law)
{
    return law->growth;
}

double gref_marginal_trace(const gref_marginal *law)
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
    double ratio = 0.5 * log10(gref_marginal_trace(law) / target);
    if (ratio > law->growth)
        law->growth = ratio;
}

/* N(0, I), centred: the mean of z is -sqrt(abar_T) times mu_post in the basis. */
static gref_status standard_start(gref_marginal *law)
{
    const gref_modes *z = law->s->z;
    double root = sqrt(law->s->schedule->abar[law->t]);
    SCOPED(gref_mat) w = {0};
    TRY(gref_mat_new(&w, z->n, 1));
    gref_mat_copy(w, gref_const(z->d));
    TRY(gref_gemv(w, 1.0, gref_const(z->U), true, gref_const(z->mu), 1.0)); /* U^T mu_post */
    if (law->basis == GREF_BASIS_POSTERIOR)
        TRY(gref_gemv(law->mean, -root, gref_const(z->X), true, gref_const(w), 0.0));
    else
        gref_mat_axpy(law->mean, -root, gref_const(w));
    for (int i = 0; i < z->n; i++)
        GREF_AT(law->P, i, law->diagonal ? 0 : i) = 1.0;
    return GREF_OK;
}

/* The exact p_T(x | v): mean 0. */
static gref_status exact_start(gref_marginal *law)
{
    if (law->diagonal) {
        for (int i = 0; i < law->P.m; i++)
            law->P.a[i] = gref_exact_variance(law->s->z, law->s->schedule, law->t, i);
    } else {
        gref_exact_factor(law->work, law->s->z, law->s->schedule, law->t);
        TRY(gref_syrk(law->P, 1.0, gref_const(law->work), false, 0.0));
    }
    return GREF_OK;
}

/* N(start_mean, start_cov) of an affine chain, N(0, I) where it says nothing, in the modes of Sigma. */
static gref_status affine_start(gref_marginal *law)
{
    const gref_chain *chain = law->s->spec.chain;
    const gref_modes *z = law->s->z;
    TRY(standard_start(law));
    if (chain->start_mean.a != NULL)
        TRY(gref_gemv(law->mean, 1.0, gref_const(z->U), true, gref_const(chain->start_mean), 1.0));
    if (chain->start_cov.a == NULL)
        return GREF_OK;
    TRY(gref_gemm(law->work, 1.0, gref_const(chain->start_cov), false, gref_const(z->U), false,
                  0.0));
    TRY(gref_gemm(law->P, 1.0, gref_const(z->U), true, gref_const(law->work), false, 0.0));
    gref_mat_symmetrise(law->P);
    return GREF_OK;
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
    int n = s->z->n;
    bool exact = s->spec.convention.start == GREF_START_EXACT && !s->row->chain;
    SCOPED_PTR(gref_marginal) *law = gref_alloc(1, sizeof *law);
    REQUIRE(law != NULL, GREF_ERR_NOMEM, "no memory for a law");
    law->s = s;
    law->t = gref_sampler_first(s);
    law->basis = gref_sampler_runs_on_posterior(s) ? GREF_BASIS_POSTERIOR : GREF_BASIS_SIGMA;
    TRY(gref_step_new(&law->step, s));
    law->diagonal = law->step.diagonal && (law->basis == GREF_BASIS_POSTERIOR || !exact);
    TRY(gref_mat_new(&law->mean, n, 1));
    TRY(gref_mat_new(&law->P, n, law->diagonal ? 1 : n));
    if (!law->diagonal)
        TRY(gref_mat_new(&law->work, n, n));
    TRY(s->row->chain ? affine_start(law) : exact ? exact_start(law) : standard_start(law));
    law->floor = s->row->chain ? 0.0 : exact ? s->schedule->qbar[law->t] : 1.0;
    law->errors = gref_start_errors(s);
    law->growth = -INFINITY;
    note_growth(law);
    *out = TAKE(law);
    return GREF_OK;
}

static gref_status advance_mean(gref_marginal *law)
{
    gref_mat c = law->step.c;
    if (law->step.diagonal) {
        gref_mat_scale_rows(law->mean, gref_const(law->step.M));
        gref_mat_axpy(law->mean, 1.0, gref_const(c));
    } else {
        TRY(gref_gemv(c, 1.0, gref_const(law->step.M), false, gref_const(law->mean), 1.0));
        gref_mat_copy(law->mean, gref_const(c));
    }
    return GREF_OK;
}

static gref_status advance_cov(gref_marginal *law)
{
    gref_mat_free(&law->L);
    gref_cmat M = gref_const(law->step.M);
    if (law->step.diagonal) {
        gref_mat_scale_rows(law->P, M);
        if (law->diagonal)
            gref_mat_scale_rows(law->P, M);
        else
            gref_mat_scale_cols(law->P, M);
    } else {
        TRY(gref_gemm(law->work, 1.0, M, false, gref_const(law->P), false, 0.0));
        TRY(gref_gemm(law->P, 1.0, gref_const(law->work), false, M, true, 0.0));
        gref_mat_symmetrise(law->P);
    }
    for (int i = 0; i < law->P.m; i++)
        GREF_AT(law->P, i, law->diagonal ? 0 : i) += law->step.noise;
    if (law->step.N.a != NULL)
        gref_mat_axpy(law->P, 1.0, gref_const(law->step.N));
    return GREF_OK;
}

/* Sizes of the law before the step at hand. */
static gref_law_size law_size(const gref_marginal *law)
{
    return (gref_law_size){.dense = !law->diagonal,
                           .mean = gref_mat_norm_fro(gref_const(law->mean)),
                           .cov = gref_mat_norm_fro(gref_const(law->P)),
                           .trace = gref_marginal_trace(law),
                           .shift = gref_mat_norm_fro(gref_const(law->step.c)),
                           .factor_error = -1.0};
}

/* law->L, a factor of P; *radius bounds W2 between N(0, P) and N(0, L L^T). */
static gref_status begin_factor(gref_marginal *law, double *radius)
{
    int n = law->P.m, rank;
    double residual;
    SCOPED(gref_mat) L = {0};
    TRY(gref_mat_new(&L, n, n));
    TRY(gref_psd_factor(L, &rank, gref_const(law->P)));
    TRY(gref_cholesky_residual(&residual, gref_const(law->P), gref_const(L)));
    *radius = sqrt(sqrt(n) * residual);
    if (law->floor > 2 * residual)
        *radius = fmin(*radius, residual / (2 * sqrt(law->floor - residual)));
    law->L = TAKE(L);
    return GREF_OK;
}

/*
 * A step without noise leaves a law that may be singular: the law is kept as a factor, L <- M L, whose rounding costs W2
 * no square root. *error in W2 units: that of the first factor, pushed by M, and the rounding of the product.
 */
static gref_status advance_factor(gref_marginal *law, double *error)
{
    double before = 0.0;
    if (law->L.a == NULL)
        TRY(begin_factor(law, &before));
    TRY(gref_gemm(law->work, 1.0, gref_const(law->step.M), false, gref_const(law->L), false, 0.0));
    double product =
        gref_gamma_up(law->P.m + 4) * law->step.norm_abs * gref_mat_norm_fro(gref_const(law->L));
    gref_mat_copy(law->L, gref_const(law->work));
    TRY(gref_syrk(law->P, 1.0, gref_const(law->L), false, 0.0));
    *error = law->step.norm * before + product;
    return GREF_OK;
}

/**
 * The law one step on.
 *
 *     m_{t-1} = M_t m_t + b_t,   P_{t-1} = M_t P_t M_t^T + N_t I
 *
 * Once a variance exceeds 2^900 or a mean 2^450 the law has diverged: t goes on, the moments do not. So has a law that
 * grew and shrank until the bound on its rounding, in W2, exceeds a tenth of its size: it is lost. The mean may be lost
 * before, where it alone is: rounding of a mean that is small turns into the direction in which the law grows.
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
    int next = gref_sampler_next(law->s, law->t);
    REQUIRE(next >= 0, GREF_ERR_RANGE, "the law is at its end already, t = %d", law->t);
    if (!law->diverged) {
        TRY(gref_step_at(&law->step, law->s, law->t));
        if (law->step.overshoots && law->first_unstable == 0)
            law->first_unstable = law->t;
        gref_law_size size = law_size(law);
        bool noiseless = !law->diagonal && !law->step.diagonal && law->step.noise == 0.0 &&
                         law->step.N.a == NULL;
        TRY(gref_majorant_push(law));
        TRY(advance_mean(law));
        TRY(noiseless ? advance_factor(law, &size.factor_error) : advance_cov(law));
        law->floor = law->step.noise;
        gref_errors_step(&law->errors, law->s, law->t, &law->step, &size);
        gref_majorant_close(law);
        law->diverged = !(gref_mat_norm_max(gref_const(law->P)) <= VARIANCE_LIMIT &&
                          gref_mat_norm_max(gref_const(law->mean)) <= MEAN_LIMIT);
        law->lost = !law->diverged && gref_majorant_exhausted(law);
        law->diverged = law->diverged || law->lost;
        law->mean_lost = law->mean_lost || gref_majorant_mean_exhausted(law);
    }
    law->t = next;
    if (!law->diverged)
        note_growth(law);
    return GREF_OK;
}

gref_status gref_marginal_require_alive(const gref_marginal *law)
{
    REQUIRE(!law->lost, GREF_ERR_NUMERICS,
            "the law of %s is lost to rounding before t = %d: it had grown by 10^%.0f",
            law->s->spec.label, law->t, law->growth);
    REQUIRE(!law->diverged, GREF_ERR_NUMERICS, "the law of %s has diverged before t = %d",
            law->s->spec.label, law->t);
    return GREF_OK;
}

/* z, n x 1 in the basis of the law, to pixels. */
static gref_status basis_to_pixels(gref_mat x, const gref_marginal *law, gref_cmat zvec)
{
    SCOPED(gref_mat) w = {0};
    if (law->basis == GREF_BASIS_POSTERIOR) {
        TRY(gref_mat_new(&w, zvec.m, 1));
        TRY(gref_gemv(w, 1.0, gref_const(law->s->z->X), false, zvec, 0.0));
        zvec = gref_const(w);
    }
    return gref_modes_to_pixels(x, law->s->z, zvec);
}

/**
 * Bias image m_t - mu_{t|v}, in pixels: relative accuracy, also where it is tiny.
 * @return GREF_OK; GREF_ERR_SHAPE; GREF_ERR_NUMERICS after divergence, or where the mean is lost; GREF_ERR_NOMEM.
 */
gref_status gref_marginal_bias(gref_mat bias, const gref_marginal *law)
{
    TRY(gref_marginal_require_alive(law));
    REQUIRE(!law->mean_lost, GREF_ERR_NUMERICS, "the mean of %s is lost to rounding before t = %d",
            law->s->spec.label, law->t);
    return basis_to_pixels(bias, law, gref_const(law->mean));
}

/* N(0, I) as it was given: in pixels without the roundings of a basis. */
static bool is_standard_start(const gref_marginal *law)
{
    return law->t == gref_sampler_first(law->s) && !law->s->row->chain &&
           law->s->spec.convention.start == GREF_START_STANDARD;
}

/** m_t, n x 1, in pixels. Returns as gref_marginal_bias. */
gref_status gref_marginal_mean(gref_mat mean, const gref_marginal *law)
{
    const gref_modes *z = law->s->z;
    double root = sqrt(law->s->schedule->abar[law->t]);
    if (is_standard_start(law)) {
        TRY(gref_require_shape(gref_const(mean), z->n, 1, "mean"));
        gref_mat_fill(mean, 0.0);
        return GREF_OK;
    }
    TRY(gref_marginal_bias(mean, law));
    gref_mat_axpy(mean, root, gref_const(z->mu));
    return gref_gemv(mean, root, gref_const(z->U), false, gref_const(z->d), 1.0);
}

/** P_t, n x n, both triangles, in pixels. Returns as gref_marginal_bias. */
gref_status gref_marginal_cov(gref_mat cov, const gref_marginal *law)
{
    const gref_modes *z = law->s->z;
    SCOPED(gref_mat) L = {0}, UL = {0};
    TRY(gref_marginal_require_alive(law));
    if (is_standard_start(law)) {
        TRY(gref_require_shape(gref_const(cov), z->n, z->n, "cov"));
        gref_mat_identity(cov);
        return GREF_OK;
    }
    if (!law->diagonal) {
        TRY(gref_modes_cov_to_pixels(cov, z, gref_const(law->P)));
        return GREF_OK;
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
    return gref_syrk(cov, 1.0, gref_const(UL), false, 0.0);
}

double gref_marginal_step_norm(const gref_marginal *law)
{
    return law->step.norm;
}

/* Diagonal of P in the modes of Sigma. */
static double mode_variance_of(const gref_marginal *law, int i)
{
    if (!law->diagonal)
        return GREF_AT(law->P, i, i);
    if (law->basis == GREF_BASIS_SIGMA)
        return law->P.a[i];
    double sum = 0.0;
    for (int j = 0; j < law->P.m; j++)
        sum += GREF_AT(law->s->z->X, i, j) * GREF_AT(law->s->z->X, i, j) * law->P.a[j];
    return sum;
}

gref_status gref_marginal_sizes_of(gref_marginal_sizes *out, const gref_marginal *law)
{
    gref_status status = GREF_OK;
    const gref_sampler *s = law->s;
    int n = s->z->n;
    gref_marginal_sizes z = {.spread = sqrt(gref_marginal_trace(law)),
                             .cov = gref_mat_norm_fro(gref_const(law->P))};
    gref_mat e = {0}; /* m_t - sqrt(abar_t) mu in modes of Sigma */
    TRY_OUT(gref_marginal_require_alive(law));
    TRY_OUT(gref_mat_new(&e, n, 1));
    gref_mat_axpy(e, sqrt(s->schedule->abar[law->t]), gref_const(s->z->d));
    if (law->basis == GREF_BASIS_POSTERIOR)
        TRY_OUT(gref_gemv(e, 1.0, gref_const(s->z->X), false, gref_const(law->mean), 1.0));
    else
        gref_mat_axpy(e, 1.0, gref_const(law->mean));
    z.shift = gref_mat_norm_fro(gref_const(e));
    for (int i = 0; i < n; i++) {
        double st = gref_mode_variance(s, law->t, i);
        z.whitened += mode_variance_of(law, i) / (st * st);
        z.score += e.a[i] * e.a[i] / (st * st);
    }
    z.whitened = sqrt(z.whitened);
    z.score = sqrt(z.score);
    *out = z;
out:
    gref_mat_free(&e);
    return status;
}

/** Bounds on how far the law is from the exact one; infinite where unknown. cov and mean are of the pixels. */
void gref_marginal_errors(double *mean, double *cov, double *w2, const gref_marginal *law)
{
    const gref_modes_errors *z = &law->s->z->errors;
    double basis = z->U + (law->basis == GREF_BASIS_POSTERIOR ? z->X : 0.0);
    double rounding = 4 * gref_gamma_up(law->P.m + 8);
    double size = gref_mat_norm_fro(gref_const(law->P)),
           m = gref_mat_norm_fro(gref_const(law->mean));
    double centre =
        gref_norm_fro_up(gref_const(law->s->z->mu)) + gref_norm_fro_up(gref_const(law->s->z->d));
    double shift =
        law->basis == GREF_BASIS_POSTERIOR ? z->post_mean : 0.0; /* centred on the exact mu_post */
    *mean = law->errors.mean + (basis + rounding * sqrt(law->P.m)) * (m + centre) + shift;
    *cov = law->errors.cov + (2 * basis + rounding * sqrt(law->P.m)) * size;
    *w2 = law->errors.w2;
    if (isnan(*mean) || isnan(*cov))
        *mean = *cov = INFINITY;
}
