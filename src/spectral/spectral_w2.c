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

gref_status gref_spectral_law_w2(gref_w2 *out_w2, const gref_marginal *head)
{
    const gref_spectral_law *law = gref_spectral_law_of(head);
    const gref_spectral *z = law->s.z;
    double abar = law->s.schedule->abar[law->head.t], qbar = law->s.schedule->qbar[law->head.t];
    SCOPED(gref_block) work = {0};
    gref_mat mean = law->terms[0], cov = law->terms[1];
    TRY(gref_block_new(&work, z->q));
    for (int b = 0; b < z->blocks; b++) {
        mean.a[b] = cov.a[b] = 0.0;
        for (int k = 0; k < z->q; k++)
            mean.a[b] += GREF_AT(law->mean.re, k, b) * GREF_AT(law->mean.re, k, b) +
                         GREF_AT(law->mean.im, k, b) * GREF_AT(law->mean.im, k, b);
        if (z->q == 1 || law->posterior) {
            for (int k = 0; k < z->q; k++)
                cov.a[b] += between(GREF_AT(law->P, k, b),
                                    gref_spectral_exact_variance(z, abar, qbar, k, b));
        } else {
            gref_spectral_exact_factor(work.L1, z, abar, qbar, b);
            TRY(law_factor(work.L2, law, b));
            TRY(gref_block_w2_factors(&cov.a[b], &work));
        }
    }
    return gref_spectral_distance(out_w2, z, gref_const(mean), gref_const(cov));
}

gref_status gref_spectral_law_w2_prior(gref_w2 *out_w2, const gref_marginal *head)
{
    const gref_spectral_law *law = gref_spectral_law_of(head);
    const gref_spectral *z = law->s.z;
    double abar = law->s.schedule->abar[law->head.t], qbar = law->s.schedule->qbar[law->head.t],
           root = sqrt(abar);
    SCOPED(gref_block) work = {0};
    SCOPED(gref_cplx) m = {0};
    gref_mat mean = law->terms[0], cov = law->terms[1];
    TRY(gref_cplx_new(&m, z->q, z->blocks));
    TRY(gref_block_new(&work, z->q));
    gref_spectral_law_centred(m, law);
    bool diagonal = law->diagonal && (z->q == 1 || !law->posterior);
    for (int b = 0; b < z->blocks; b++) {
        mean.a[b] = cov.a[b] = 0.0;
        gref_mat_fill(work.L1, 0.0);
        for (int k = 0; k < z->q; k++) {
            double s = gref_forward_variance((gref_time){abar, qbar}, GREF_AT(z->lambda, k, b));
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
