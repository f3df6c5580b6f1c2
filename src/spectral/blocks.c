/*
 * Block by block, the matrices that the laws never need: M_t, C_{t|v}, P_t as q x q symmetric blocks.
 *
 * advance in law.c applies M_t without forming it; here it is formed by its definition,
 *
 *     M = diag(sqrt(alpha) s(t-1)/s(t)) - tau u u^T,   u = j a,   or  X diag(sqrt(alpha) e(t-1)/e(t)) X^T
 */
#include <math.h>

#include "base/internal.h"
#include "dense/internal.h"
#include "internal.h"

void gref_blocks_diagonal(gref_mat S, gref_cmat x)
{
    gref_mat_fill(S, 0.0);
    for (int b = 0; b < x.n; b++)
        for (int k = 0; k < x.m; k++)
            GREF_AT(S, k * (x.m + 1), b) = GREF_AT(x, k, b);
}

void gref_blocks_on_posterior(gref_mat S, const gref_spectral *z, gref_cmat x)
{
    int q = z->q;
    if (q == 1) {
        gref_blocks_diagonal(S, x);
        return;
    }
    for (int b = 0; b < z->blocks; b++)
        for (int j = 0; j < q; j++)
            for (int i = 0; i < q; i++) {
                double sum = 0.0;
                for (int k = 0; k < q; k++)
                    sum += GREF_AT(z->X, k * q + i, b) * GREF_AT(x, k, b) *
                           GREF_AT(z->X, k * q + j, b);
                GREF_AT(S, j * q + i, b) = sum;
            }
}

void gref_blocks_law(gref_mat S, const gref_spectral_law *law)
{
    if (!law->diagonal)
        gref_mat_copy(S, gref_const(law->P));
    else if (law->posterior)
        gref_blocks_on_posterior(S, law->s.z, gref_const(law->P));
    else
        gref_blocks_diagonal(S, gref_const(law->P));
}

gref_status gref_blocks_modelled(gref_mat S, const gref_spectral_sampler *s, int t)
{
    int q = s->z->q;
    SCOPED(gref_mat) L = {0};
    TRY(gref_mat_new(&L, q, q));
    for (int b = 0; b < s->z->blocks; b++) {
        gref_spectral_modelled_factor(L, s, s->schedule->abar[t], s->schedule->qbar[t], b);
        TRY(gref_syrk((gref_mat){&GREF_AT(S, 0, b), q, q, q}, 1.0, gref_const(L), false, 0.0));
    }
    return GREF_OK;
}

/* In the modes of Sigma. */
static void guided_step(gref_mat S, gref_cplx shift, const gref_spectral_sampler *s,
                        const gref_spectral_times *w)
{
    const gref_spectral *z = s->z;
    int q = z->q;
    for (int b = 0; b < z->blocks; b++) {
        double tau = gref_spectral_strength(s, w, b), re = z->r.re.a[b], im = z->r.im.a[b];
        for (int j = 0; j < q; j++) {
            double lambda = GREF_AT(z->lambda, j, b), sj = w->abar * lambda + w->qbar;
            double uj = w->root * lambda / sj * GREF_AT(z->a, j, b);
            for (int i = 0; i < q; i++) {
                double other = GREF_AT(z->lambda, i, b);
                double ui = w->root * other / (w->abar * other + w->qbar) * GREF_AT(z->a, i, b);
                double g =
                    i == j ? sqrt(w->alpha) * (w->abar_before * lambda + w->qbar_before) / sj : 0.0;
                GREF_AT(S, j * q + i, b) = g - tau * ui * uj;
            }
            re -= uj * w->root * GREF_AT(z->d.re, j, b);
            im -= uj * w->root * GREF_AT(z->d.im, j, b);
        }
        for (int k = 0; k < q; k++) {
            double lambda = GREF_AT(z->lambda, k, b), sk = w->abar * lambda + w->qbar;
            double pull = tau * (w->root * lambda / sk * GREF_AT(z->a, k, b));
            double drift = w->beta * sqrt(w->abar_before) / sk;
            GREF_AT(shift.re, k, b) = pull * re - drift * GREF_AT(z->d.re, k, b);
            GREF_AT(shift.im, k, b) = pull * im - drift * GREF_AT(z->d.im, k, b);
        }
    }
}

void gref_blocks_step(gref_mat S, gref_cplx shift, const gref_spectral_sampler *s, int t)
{
    const gref_spectral *z = s->z;
    gref_spectral_times w = gref_spectral_times_at(s, t);
    if (!gref_spectral_runs_on_posterior(s)) {
        guided_step(S, shift, s, &w);
        return;
    }
    for (int b = 0; b < z->blocks; b++)
        for (int k = 0; k < z->q; k++) /* the diagonal of M, for a while in `shift` */
            GREF_AT(shift.re, k, b) =
                sqrt(w.alpha) *
                gref_spectral_exact_variance(z, w.abar_before, w.qbar_before, k, b) /
                gref_spectral_exact_variance(z, w.abar, w.qbar, k, b);
    gref_blocks_on_posterior(S, z, gref_const(shift.re));
    gref_mat_fill(shift.re, 0.0);
    gref_mat_fill(shift.im, 0.0);
}
