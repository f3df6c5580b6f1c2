/*
 * W2 of a sampler's law to the laws that it may be held against (THEORY sections 6 and 8): the
 * exact p_t(x | v), the prior's p_t(x); and of the modelled law to the exact one. Values, and
 * proved intervals for the exact sampler.
 */
#include <math.h>

#include "base/internal.h"
#include "dense/bound.h"
#include "dense/internal.h"
#include "errors/perturb.h"
#include "law.h"
#include <gref/psd.h>

/* A factor of P in the modes of Sigma. */
static gref_status law_factor(gref_mat L, const gref_dense_law *law)
{
    int rank;
    if (law->L.a != NULL) {
        gref_mat_copy(L, gref_const(law->L));
        return GREF_OK;
    }
    if (!law->diagonal) {
        TRY(gref_psd_factor(L, &rank, gref_const(law->P)));
        return GREF_OK;
    }
    if (law->basis == GREF_BASIS_POSTERIOR)
        gref_mat_copy(L, gref_const(law->s->z->X));
    else
        gref_mat_identity(L);
    for (int j = 0; j < L.n; j++)
        for (int i = 0; i < L.m; i++)
            GREF_AT(L, i, j) *= sqrt(law->P.a[j]);
    return GREF_OK;
}

/* The time of the law that this one is held against. */
static gref_time target_time(const gref_dense_law *law, bool data)
{
    return data ? (gref_time){1.0, 0.0} : gref_time_at(law->s->schedule, law->head.t);
}

/* The mean of the law, in its basis, less sqrt(abar) mu_post, abar that of the time above:
 * sqrt(abar_t) - 1 = -(1 - abar_t)/(1 + sqrt(abar_t)). */
static gref_status mean_of(gref_mat *mean, const gref_dense_law *law, bool data)
{
    const gref_modes *z = law->s->z;
    gref_time at = gref_time_at(law->s->schedule, law->head.t);
    double shift = data ? -at.qbar / (1.0 + sqrt(at.abar)) : 0.0;
    SCOPED(gref_mat) centre = {0};
    TRY(gref_mat_new(mean, z->n, 1));
    gref_mat_copy(*mean, gref_const(law->mean));
    if (shift == 0.0)
        return GREF_OK;
    TRY(gref_mat_new(&centre, z->n, 1));
    gref_mat_copy(centre, gref_const(z->d));
    TRY(gref_gemv(centre, 1.0, gref_const(z->U), true, gref_const(z->mu), 1.0)); /* U^T mu_post */
    if (law->basis == GREF_BASIS_POSTERIOR)
        return gref_gemv(*mean, shift, gref_const(z->X), true, gref_const(centre), 1.0);
    gref_mat_axpy(*mean, shift, gref_const(centre));
    return GREF_OK;
}

/* What both_factors allocates. */
typedef struct {
    gref_mat L1, L2;
} scratch;

static void scratch_free(scratch *own)
{
    gref_mat_free(&own->L1);
    gref_mat_free(&own->L2);
}

/*
 * Factors of the exact law and of the sampler's, in the scratch that the law carries from step to
 * step and does not hold anything in between; what it lacks is allocated into own[].
 */
static gref_status both_factors(gref_mat *L1, gref_mat *L2, scratch *own, const gref_dense_law *law,
                                gref_time at)
{
    int n = law->s->z->n;
    *L1 = law->diagonal || law->step.diagonal ? (gref_mat){0} : law->step.M;
    *L2 = law->L.a != NULL ? law->L : law->diagonal ? (gref_mat){0} : law->work;
    if (L1->a == NULL) {
        TRY(gref_mat_new(&own->L1, n, n));
        *L1 = own->L1;
    }
    if (L2->a == NULL) {
        TRY(gref_mat_new(&own->L2, n, n));
        *L2 = own->L2;
    }
    gref_target_factor(*L1, law->s->z, at);
    if (law->L.a == NULL)
        TRY(law_factor(*L2, law));
    return GREF_OK;
}

/* Of the computed laws, as they stand; a proof for them, where there is one, is none for the exact
 * sampler. */
gref_status gref_dense_law_w2(gref_w2 *out, const gref_marginal *head, bool data)
{
    const gref_dense_law *law = gref_dense_law_of(head);
    const gref_modes *z = law->s->z;
    gref_time at = target_time(law, data);
    SCOPED(scratch) own = {0};
    SCOPED(gref_mat) zero = {0}, e = {0}, mean = {0};
    gref_mat L1, L2;
    TRY(gref_mat_new(&zero, z->n, 1));
    TRY(mean_of(&mean, law, data));
    if (law->diagonal && law->basis == GREF_BASIS_POSTERIOR) {
        TRY(gref_mat_new(&e, z->n, 1));
        for (int i = 0; i < z->n; i++)
            e.a[i] = gref_target_variance(z, at, i);
        return gref_w2_spectra(out, gref_const(zero), gref_const(e), gref_const(mean),
                               gref_const(law->P));
    }
    TRY(both_factors(&L1, &L2, &own, law, at));
    return gref_w2_factors(out, gref_const(zero), gref_const(L1), gref_const(mean), gref_const(L2));
}

/* Sets rows first to last - 1 of L, or of each of two, to 0. */
static void forget_rows(gref_mat L, int first, int last)
{
    for (int j = 0; j < L.n; j++)
        for (int i = first; i < last; i++)
            GREF_AT(L, i, j) = 0.0;
}

/*
 * The distance of the computed laws, enclosed: spectra where they commute by construction, else
 * factors. Of their projections where the target has `kernel` modes without variance; *off is what
 * the law has there, |.|_F and mean.
 */
static gref_status enclose_distance(gref_w2 *out, double *off, const gref_dense_law *law,
                                    int kernel)
{
    const gref_modes *z = law->s->z;
    int n = z->n;
    bool spectra = law->diagonal && law->basis == GREF_BASIS_POSTERIOR;
    int first = spectra ? n - kernel : 0, last = spectra ? n : kernel;
    SCOPED(gref_mat) zero = {0}, mean = {0}, L1 = {0}, L2 = {0};
    TRY(gref_mat_new(&zero, n, 1));
    TRY(gref_mat_new(&mean, n, 1));
    TRY(gref_mat_new(&L1, n, spectra ? 1 : n));
    TRY(gref_mat_new(&L2, n, spectra ? 1 : n));
    gref_mat_copy(mean, gref_const(law->mean));
    if (spectra) {
        for (int i = 0; i < n; i++)
            L1.a[i] = gref_exact_variance(z, law->s->schedule, law->head.t, i);
        gref_mat_copy(L2, gref_const(law->P));
    } else {
        gref_exact_factor(L1, z, law->s->schedule, law->head.t);
        TRY(law_factor(L2, law));
    }
    *off = 0.0;
    for (int i = first; i < last; i++) {
        *off = hypot(*off, mean.a[i]);
        for (int j = 0; j < L2.n; j++)
            *off = hypot(*off, spectra ? sqrt(L2.a[i]) : GREF_AT(L2, i, j));
    }
    forget_rows(mean, first, last);
    forget_rows(L1, first, last);
    forget_rows(L2, first, last);
    if (spectra)
        return gref_w2_spectra(out, gref_const(zero), gref_const(L1), gref_const(mean),
                               gref_const(L2));
    return gref_w2_certify_factors(out, gref_const(zero), gref_const(L1), gref_const(mean),
                                   gref_const(L2));
}

/* W2 between the law and its factor: the residual of the factorisation, P >= N I where the last
 * step had noise. */
static gref_status factor_radius(double *radius, const gref_dense_law *law)
{
    SCOPED(gref_mat) L = {0};
    *radius = 0.0;
    if (law->diagonal || law->L.a != NULL)
        return GREF_OK;
    TRY(gref_mat_new(&L, law->P.m, law->P.m));
    return gref_dense_law_root(L, radius, law);
}

gref_status gref_dense_law_certify(gref_w2 *out, const gref_marginal *head)
{
    const gref_dense_law *law = gref_dense_law_of(head);
    gref_w2 value, w;
    double radius, off;
    int kernel = gref_target_kernel(law->s, law->head.t);
    TRY(gref_dense_law_w2(&value, head, false));
    TRY(enclose_distance(&w, &off, law, kernel));
    TRY(factor_radius(&radius, law));
    gref_law_errors exact = gref_exact_errors(law->s, law->head.t);
    double centre = law->basis == GREF_BASIS_POSTERIOR
                        ? 0.0
                        : exact.mean; /* there both laws share the centre */
    double of_law = law->errors.w2 + radius;
    double wide = (of_law + (kernel > 0 ? exact.range : exact.w2) + centre) * GREF_INFLATE;
    if (isfinite(wide) &&
        kernel > 0) { /* any coupling moves the kernels' roots by their difference at least */
        double target = (sqrt(exact.kernel) + centre) * GREF_INFLATE;
        double least = off / GREF_INFLATE - of_law - target,
               most = (off + of_law + target) * GREF_INFLATE;
        w.lower = fmax(hypot(fmax(w.lower - wide, 0.0), fmax(least, 0.0)) * (1 - 4 * GREF_U), 0.0);
        w.upper = hypot(w.upper + wide, most) * (1 + 4 * GREF_U);
    } else {
        w.lower = isfinite(wide) ? fmax(gref_down(w.lower - wide), 0.0) : 0.0;
        w.upper = isfinite(wide) ? gref_up(w.upper + wide) : INFINITY;
    }
    w.certified = isfinite(wide);
    w.w2_mean = value.w2_mean;
    w.w2_cov = value.w2_cov;
    w.w2 = fmin(fmax(value.w2, w.lower), w.upper);
    *out = w;
    return GREF_OK;
}

gref_status gref_dense_law_w2_prior(gref_w2 *out, const gref_marginal *head, bool data)
{
    const gref_dense_law *law = gref_dense_law_of(head);
    const gref_modes *z = law->s->z;
    int n = z->n;
    gref_time at = target_time(law, data);
    SCOPED(gref_mat) mean = {0}, L1 = {0}, L2 = {0}, turned = {0}, own = {0};
    TRY(gref_mat_new(&mean, n, 1));
    TRY(gref_mat_new(&own, n, 1));
    TRY(mean_of(&turned, law, data));
    gref_mat_axpy(mean, -sqrt(at.abar), gref_const(z->d));
    if (law->basis == GREF_BASIS_POSTERIOR)
        TRY(gref_gemv(own, 1.0, gref_const(z->X), false, gref_const(turned), 0.0));
    else
        gref_mat_copy(own, gref_const(turned));
    bool spectral = law->diagonal && law->basis == GREF_BASIS_SIGMA;
    TRY(gref_mat_new(&L1, n, spectral ? 1 : n));
    for (int i = 0; i < n; i++) {
        double st = gref_forward_variance(at, z->lambda.a[i]);
        GREF_AT(L1, i, spectral ? 0 : i) = spectral ? st : sqrt(st);
    }
    if (spectral) {
        TRY(gref_w2_spectra(out, gref_const(mean), gref_const(L1), gref_const(own),
                            gref_const(law->P)));
        return GREF_OK;
    }
    TRY(gref_mat_new(&L2, n, n));
    TRY(law_factor(L2, law));
    TRY(gref_w2_factors(out, gref_const(mean), gref_const(L1), gref_const(own), gref_const(L2)));
    return GREF_OK;
}

gref_status gref_dense_law_w2_modelled(gref_w2 *out, const gref_marginal *law)
{
    return gref_conditional_w2(out, gref_dense_law_of(law)->s, law->t);
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
    int n = s->z->n;
    SCOPED(gref_mat) zero = {0}, mean = {0}, L1 = {0}, L2 = {0};
    TRY(gref_sampler_require_model(s));
    REQUIRE(t >= 0 && t <= s->schedule->T, GREF_ERR_RANGE, "t = %d is outside 0..%d", t,
            s->schedule->T);
    if (s->row->exact) {
        *out = (gref_w2){0};
        return GREF_OK;
    }
    TRY(gref_mat_new(&zero, n, 1));
    TRY(gref_mat_new(&mean, n, 1));
    TRY(gref_mat_new(&L1, n, n));
    TRY(gref_mat_new(&L2, n, n));
    gref_exact_factor(L1, s->z, s->schedule, t);
    TRY(gref_conditional_factor(mean, L2, s, t));
    return gref_w2_factors(out, gref_const(zero), gref_const(L1), gref_const(mean), gref_const(L2));
}
