/*
 * Distances of the law of a sampler for a stationary problem (THEORY section 8), block by block:
 *
 *     e       abar rho^2 + 1 - abar: variances of the exact p_t(x | v) in the modes X of Sigma_post  [pixel^2]
 *     P       covariance of the law                                                                 [pixel^2]
 *
 * Where the two commute (r = 1; the run on the posterior) the distance is closed, and no difference
 * in it cancels but that of P and e themselves; else it is |L1 - L2 Q|_F by factors of q x q.
 */
#include <math.h>

#include "base/internal.h"
#include "dense/internal.h"
#include "internal.h"
#include <gref/psd.h>

/* A factor of P in block b, in the coordinates z. */
static gref_status law_factor(gref_mat L, const gref_spectral_law *law, int b)
{
    const gref_spectral *z = law->s.z;
    int q = z->q, rank;
    if (!law->diagonal) {
        TRY(gref_psd_factor(L, &rank, (gref_cmat){&GREF_AT(law->P, 0, b), q, q, q}));
        return GREF_OK;
    }
    for (int j = 0; j < q; j++)
        for (int i = 0; i < q; i++) {
            double x = i == j ? 1.0 : 0.0;
            if (law->posterior && q > 1)
                x = GREF_AT(z->X, j * q + i, b);
            GREF_AT(L, i, j) = x * sqrt(GREF_AT(law->P, j, b));
        }
    return GREF_OK;
}

/* sum over k of (sqrt x - sqrt y)^2 without cancellation. */
static double between(double x, double y)
{
    double d = x == y ? 0.0 : (x - y) / (sqrt(x) + sqrt(y));
    return d * d;
}

/* The time of the law that this one is held against. */
static gref_time target_time(const gref_spectral_law *law, bool data)
{
    return data ? (gref_time){1.0, 0.0} : gref_time_at(law->s.schedule, law->head.t);
}

/* The mean less sqrt(abar) mu_post, abar that of the time above, in the coordinates z: sqrt(abar_t) - 1
 * = -(1 - abar_t)/(1 + sqrt(abar_t)). */
static gref_status mean_of(gref_cplx *m, const gref_spectral_law *law, bool data)
{
    const gref_spectral *z = law->s.z;
    gref_time at = target_time(law, false);
    double shift = data ? -at.qbar / (1.0 + sqrt(at.abar)) : 0.0;
    double constant = z->mean * sqrt((double)z->n);
    TRY(gref_cplx_new(m, z->q, z->blocks));
    gref_spectral_law_centred(*m, law);
    gref_mat_axpy(m->re, shift, gref_const(z->d.re));
    gref_mat_axpy(m->im, shift, gref_const(z->d.im));
    m->re.a[0] += shift * constant * z->phase.re.a[0];
    m->im.a[0] += shift * constant * z->phase.im.a[0];
    return GREF_OK;
}

gref_status gref_spectral_law_w2(gref_w2 *out_w2, const gref_marginal *head, bool data)
{
    const gref_spectral_law *law = gref_spectral_law_of(head);
    const gref_spectral *z = law->s.z;
    gref_time at = target_time(law, data);
    SCOPED(gref_block) work = {0};
    SCOPED(gref_cplx) moved = {0};
    gref_mat mean = law->terms[0], cov = law->terms[1];
    TRY(gref_block_new(&work, z->q));
    if (data)
        TRY(mean_of(&moved, law, data));
    gref_cplx m = data ? moved : law->mean; /* only its norms count, not its coordinates */
    for (int b = 0; b < z->blocks; b++) {
        mean.a[b] = cov.a[b] = 0.0;
        for (int k = 0; k < z->q; k++)
            mean.a[b] += GREF_AT(m.re, k, b) * GREF_AT(m.re, k, b) +
                         GREF_AT(m.im, k, b) * GREF_AT(m.im, k, b);
        if (z->q == 1 || law->posterior) {
            for (int k = 0; k < z->q; k++)
                cov.a[b] += between(GREF_AT(law->P, k, b),
                                    gref_spectral_exact_variance(z, at.abar, at.qbar, k, b));
        } else {
            gref_spectral_exact_factor(work.L1, z, at.abar, at.qbar, b);
            TRY(law_factor(work.L2, law, b));
            TRY(gref_block_w2_factors(&cov.a[b], &work));
        }
    }
    return gref_spectral_distance(out_w2, z, gref_const(mean), gref_const(cov));
}

gref_status gref_spectral_law_w2_prior(gref_w2 *out_w2, const gref_marginal *head, bool data)
{
    const gref_spectral_law *law = gref_spectral_law_of(head);
    const gref_spectral *z = law->s.z;
    gref_time at = target_time(law, data);
    double root = sqrt(at.abar);
    SCOPED(gref_block) work = {0};
    SCOPED(gref_cplx) m = {0};
    gref_mat mean = law->terms[0], cov = law->terms[1];
    TRY(gref_block_new(&work, z->q));
    TRY(mean_of(&m, law, data));
    bool diagonal = law->diagonal && (z->q == 1 || !law->posterior);
    for (int b = 0; b < z->blocks; b++) {
        mean.a[b] = cov.a[b] = 0.0;
        gref_mat_fill(work.L1, 0.0);
        for (int k = 0; k < z->q; k++) {
            double s = gref_forward_variance(at, GREF_AT(z->lambda, k, b));
            double re = GREF_AT(m.re, k, b) + root * GREF_AT(z->d.re, k, b);
            double im = GREF_AT(m.im, k, b) + root * GREF_AT(z->d.im, k, b);
            mean.a[b] += re * re + im * im;
            if (diagonal)
                cov.a[b] += between(GREF_AT(law->P, k, b), s);
            GREF_AT(work.L1, k, k) = sqrt(s);
        }
        if (!diagonal) {
            TRY(law_factor(work.L2, law, b));
            TRY(gref_block_w2_factors(&cov.a[b], &work));
        }
    }
    return gref_spectral_distance(out_w2, z, gref_const(mean), gref_const(cov));
}

gref_status gref_spectral_law_w2_modelled(gref_w2 *out_w2, const gref_marginal *head)
{
    const gref_spectral_law *law = gref_spectral_law_of(head);
    const gref_schedule *q = law->s.schedule;
    return gref_spectral_w2_modelled(out_w2, law->terms, &law->s, q->abar[law->head.t],
                                     q->qbar[law->head.t]);
}
