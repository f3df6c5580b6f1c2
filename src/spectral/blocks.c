/*
 * Block by block, the matrices that the laws never need: M_t, C_{t|v}, P_t as q x q symmetric
 * blocks.
 *
 * advance in spectral_law.c applies M_t without forming it; here it is formed by its definition,
 *
 *     M = diag(g) - tau u u^T,   u = j a,   or  X diag(g) X^T,   g the gain of the scheme
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
                        const gref_rule *rule)
{
    const gref_spectral *z = s->z;
    int q = z->q;
    for (int b = 0; b < z->blocks; b++) {
        double tau = gref_spectral_strength(s, rule, b), re = z->r.re.a[b], im = z->r.im.a[b];
        for (int j = 0; j < q; j++) {
            double lambda = GREF_AT(z->lambda, j, b);
            double uj = gref_forward_gain(rule->at, lambda) * GREF_AT(z->a, j, b);
            for (int i = 0; i < q; i++) {
                double ui =
                    gref_forward_gain(rule->at, GREF_AT(z->lambda, i, b)) * GREF_AT(z->a, i, b);
                GREF_AT(S, j * q + i, b) =
                    (i == j ? gref_rule_gain(rule, lambda) : 0.0) - tau * ui * uj;
            }
            re -= uj * sqrt(rule->at.abar) * GREF_AT(z->d.re, j, b);
            im -= uj * sqrt(rule->at.abar) * GREF_AT(z->d.im, j, b);
        }
        for (int k = 0; k < q; k++) {
            double lambda = GREF_AT(z->lambda, k, b);
            double pull = tau * gref_forward_gain(rule->at, lambda) * GREF_AT(z->a, k, b);
            GREF_AT(shift.re, k, b) =
                pull * re + gref_rule_shift(rule, lambda, GREF_AT(z->d.re, k, b));
            GREF_AT(shift.im, k, b) =
                pull * im + gref_rule_shift(rule, lambda, GREF_AT(z->d.im, k, b));
        }
    }
}

void gref_blocks_step(gref_mat S, gref_cplx shift, const gref_spectral_sampler *s, int t)
{
    const gref_spectral *z = s->z;
    gref_rule rule = gref_spectral_rule(s, t);
    if (!gref_spectral_runs_on_posterior(s)) {
        guided_step(S, shift, s, &rule);
        return;
    }
    for (int b = 0; b < z->blocks; b++)
        for (int k = 0; k < z->q; k++) /* the diagonal of M, for a while in `shift` */
            GREF_AT(shift.re, k, b) =
                gref_rule_gain(&rule, GREF_AT(z->rho, k, b) * GREF_AT(z->rho, k, b));
    gref_blocks_on_posterior(S, z, gref_const(shift.re));
    gref_mat_fill(shift.re, 0.0);
    gref_mat_fill(shift.im, 0.0);
}
