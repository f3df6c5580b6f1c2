/*
 * Block by block, matrices for the cross-check: M_t (spectral_step.c), C_{t|v}, P_t as q x q blocks.
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

gref_status gref_blocks_step(gref_mat S, gref_cplx shift, const gref_spectral_sampler *s, int t)
{
    const gref_spectral *z = s->z;
    int q = z->q;
    gref_rule rule = gref_spectral_rule(s, t);
    SCOPED(gref_block_step) x = {0};
    SCOPED(gref_mat) M = {0}, c = {0};
    SCOPED(gref_cplx) turned = {0};
    if (!gref_spectral_runs_on_posterior(s)) {
        TRY(gref_block_step_new(&x, q));
        for (int b = 0; b < z->blocks; b++) {
            TRY(gref_block_step_at(&x, s, &rule, t, b));
            gref_mat_copy((gref_mat){&GREF_AT(S, 0, b), q, q, q}, gref_const(x.M));
            for (int k = 0; k < q; k++) {
                GREF_AT(shift.re, k, b) = GREF_AT(x.c, k, 0);
                GREF_AT(shift.im, k, b) = GREF_AT(x.c, k, 1);
            }
        }
        return GREF_OK;
    }
    TRY(gref_mat_new(&M, q * z->blocks, 1));
    TRY(gref_mat_new(&c, q * z->blocks, 2));
    TRY(gref_cplx_new(&turned, q, z->blocks));
    TRY(gref_posterior_steps_at(M, c, s, t));
    gref_blocks_on_posterior(S, z, (gref_cmat){M.a, q, z->blocks, q});
    memcpy(turned.re.a, &GREF_AT(c, 0, 0), sizeof(double) * (size_t)M.m);
    memcpy(turned.im.a, &GREF_AT(c, 0, 1), sizeof(double) * (size_t)M.m);
    gref_spectral_rotate(shift, z, turned, false);
    return GREF_OK;
}

gref_status gref_blocks_noise(gref_mat S, const gref_spectral_sampler *s, int t)
{
    const gref_spectral *z = s->z;
    int q = z->q;
    gref_rule rule = gref_spectral_rule(s, t);
    SCOPED(gref_block_step) x = {0};
    TRY(gref_block_step_new(&x, q));
    for (int b = 0; b < z->blocks; b++) {
        double singular = gref_spectral_singular(s, b);
        TRY(gref_block_step_at(&x, s, &rule, t, b));
        for (int i = 0; i < q * q; i++) {
            double ai = GREF_AT(z->a, i % q, b), aj = GREF_AT(z->a, i / q, b);
            double along = singular > 0.0 ? ai / singular * (aj / singular) : 0.0;
            GREF_AT(S, i, b) = (i % (q + 1) == 0 ? x.noise : 0.0) + (x.along - x.noise) * along;
        }
    }
    return GREF_OK;
}
