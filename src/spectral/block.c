/*
 * W2 between two covariances of one block, q x q and symmetric (THEORY section 8; NUMERICS gives the reasons).
 *
 *     by factors  C_i = L_i L_i^T, Q the polar factor of L2^T L1:   W2^2 = |L1 - L2 Q|_F^2
 *     by the map  diag(e) and diag(e) + E: T = I + D carries one to the other,
 *                 D e + e D + D e D = E (e = diag(e)),                W2^2 = tr(D e D)
 *
 * The map starts from the difference E, so that laws which nearly agree cost no accuracy.
 */
#include <math.h>

#include "base/internal.h"
#include "dense/internal.h"
#include "internal.h"

void gref_block_free(gref_block *w)
{
    gref_mat *all[] = {&w->L1, &w->L2, &w->F, &w->U, &w->VT, &w->sv, &w->e, &w->E, &w->D, &w->T};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        gref_mat_free(all[k]);
}

gref_status gref_block_new(gref_block *out_block, int q)
{
    SCOPED(gref_block) w = {0};
    gref_mat *square[] = {&w.L1, &w.L2, &w.F, &w.U, &w.VT, &w.E, &w.D, &w.T};
    for (size_t k = 0; k < sizeof square / sizeof *square; k++)
        TRY(gref_mat_new(square[k], q, q));
    TRY(gref_mat_new(&w.sv, q, 1));
    TRY(gref_mat_new(&w.e, q, 1));
    *out_block = TAKE(w);
    return GREF_OK;
}

gref_status gref_block_w2_factors(double *squared, gref_block *w)
{
    TRY(gref_gemm(w->F, 1.0, gref_const(w->L2), true, gref_const(w->L1), false, 0.0));
    TRY(gref_svd(w->U, w->sv, w->VT, w->F));
    TRY(gref_gemm(w->F, 1.0, gref_const(w->U), false, gref_const(w->VT), false, 0.0)); /* Q */
    TRY(gref_gemm(w->L1, -1.0, gref_const(w->L2), false, gref_const(w->F), false, 1.0));
    double norm = gref_mat_norm_fro(gref_const(w->L1));
    *squared = norm * norm;
    return GREF_OK;
}

/* T = E - (D e + e D + D e D), in two parts of which the small one is added last. */
static void residual(gref_block *w)
{
    int q = w->E.n;
    for (int j = 0; j < q; j++)
        for (int i = 0; i < q; i++) {
            double quadratic = 0.0;
            for (int k = 0; k < q; k++)
                quadratic += GREF_AT(w->D, i, k) * w->e.a[k] * GREF_AT(w->D, k, j);
            GREF_AT(w->T, i, j) =
                (GREF_AT(w->E, i, j) - GREF_AT(w->D, i, j) * (w->e.a[i] + w->e.a[j])) - quadratic;
        }
}

bool gref_block_w2_close(double *squared, gref_block *w)
{
    enum { MOST = 60 };
    const double close = 0.3; /* |D| below this: each round gains a digit or more */
    int q = w->E.n;
    gref_mat_fill(w->D, 0.0);
    gref_mat_copy(w->T, gref_const(w->E));
    for (int round = 0; round < MOST; round++) {
        double step = 0.0, size = 0.0;
        for (int j = 0; j < q; j++)
            for (int i = 0; i < q; i++) {
                double r = GREF_AT(w->T, i, j);
                double d = r == 0.0 ? 0.0 : r / (w->e.a[i] + w->e.a[j]);
                GREF_AT(w->D, i, j) += d;
                step += d * d;
                size += GREF_AT(w->D, i, j) * GREF_AT(w->D, i, j);
            }
        if (!(size < close * close))
            return false;
        if (step <= GREF_U * GREF_U * size)
            break;
        residual(w);
    }
    *squared = 0.0;
    for (int j = 0; j < q; j++)
        for (int i = 0; i < q; i++)
            *squared += GREF_AT(w->D, i, j) * w->e.a[j] * GREF_AT(w->D, i, j);
    return true;
}
