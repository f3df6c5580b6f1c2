/*
 * W2 between two covariances of one block, q x q and symmetric (THEORY section 8; section 11 gives
 * the reasons).
 *
 *     by factors  C_i = L_i L_i^T, Q the polar factor of L2^T L1:   W2^2 = |L1 - L2 Q|_F^2
 *     by the map  diag(e) and diag(e) + E: gref_w2_close
 */
#include "base/internal.h"
#include "dense/internal.h"
#include "internal.h"
#include "wasserstein/internal.h"

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

bool gref_block_w2_close(double *squared, gref_block *w)
{
    double w2, last;
    if (gref_w2_close(&w2, &last, w->D, w->E, w->T, w->F, gref_const(w->e)) != GREF_OK ||
        last > GREF_W2_SETTLED)
        return false;
    *squared = w2 * w2;
    return true;
}
