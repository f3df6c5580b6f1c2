/*
 * A step of the probability-flow ODE by several evaluations of the score (stages.c has the formulas), on
 * images: Y is the state of a stage less sqrt(abar) mu, K its slope.
 */
#include <math.h>

#include "dense/internal.h"
#include "literal.h"

/* Y = rho (E/rho_0 + scale K), and what the changed centre leaves of mu. */
static void state_of(gref_mat Y, gref_cmat E, gref_cmat K, const gref_stages *b, double rho,
                     double scale, double mu, const gref_literal *l)
{
    for (int j = 0; j < Y.n; j++)
        for (int i = 0; i < Y.m; i++)
            GREF_AT(Y, i, j) =
                rho * (GREF_AT(E, i, j) / b->stage[0].rho + scale * GREF_AT(K, i, j)) +
                mu * l->zmu.a[i];
}

/* S = score, and guidance where it is part of the score. */
static gref_status score_at(gref_mat S, gref_literal *at, int t, gref_cmat Y, gref_part what)
{
    gref_mat_fill(S, 0.0);
    if (gref_row_guides_score(at->d.row, &at->d.convention))
        TRY(gref_literal_guidance(S, at, t, Y, false, what));
    for (int i = 0; i < S.m; i++) {
        gref_literal_mode k = gref_literal_mode_at(at, t, i);
        double in = what == GREF_PART_WHOLE ? k.in : 0.0;
        for (int j = 0; j < S.n; j++)
            GREF_AT(S, i, j) += k.slope * (GREF_AT(Y, i, j) + in);
    }
    return GREF_OK;
}

/* E += kappa grad, where guidance is added after the step; grad at y, the state before. */
static gref_status add_after(gref_mat E, gref_cmat y, gref_literal *l, int t, gref_part what)
{
    gref_rule rule = gref_literal_rule(l, t);
    bool by_row = l->d.row->placement == GREF_PLACED_BY_ROW;
    SCOPED(gref_mat) D = {0};
    if (!l->d.row->guided || gref_row_guides_score(l->d.row, &l->d.convention))
        return GREF_OK;
    TRY(gref_mat_new(&D, E.m, E.n));
    TRY(gref_literal_guidance(D, l, t, y, !by_row, what));
    gref_mat_axpy(E, rule.kappa, gref_const(D));
    return GREF_OK;
}

/* E <- rho'/rho_0 E + sum rho_i/rho_0 Y_i,  Y_i = g_i (e + S_i)^T (w_i rho' E + node_{i+1} rho_{i+1} Y_{i+1}). */
static gref_status adjoint(gref_mat E, gref_literal *l, gref_literal *at, const gref_stages *b,
                           int t)
{
    SCOPED(gref_mat) Y = {0}, K = {0}, S = {0}, sum = {0};
    TRY(gref_mat_new(&Y, E.m, E.n));
    TRY(gref_mat_new(&K, E.m, E.n));
    TRY(gref_mat_new(&S, E.m, E.n));
    TRY(gref_mat_new(&sum, E.m, E.n));
    gref_mat_axpy(sum, b->rho / b->stage[0].rho, gref_const(E));
    for (int i = b->n - 1; i >= 0; i--) {
        const gref_stage *k = &b->stage[i];
        gref_mat_fill(K, 0.0);
        gref_mat_axpy(K, k->weight * b->rho, gref_const(E));
        if (i + 1 < b->n)
            gref_mat_axpy(K, k[1].node * k[1].rho, gref_const(Y));
        TRY(score_at(S, at, k->t, gref_const(K), GREF_PART_TRANSPOSED));
        gref_mat_fill(Y, 0.0);
        gref_mat_axpy(Y, k->g * b->e, gref_const(K));
        gref_mat_axpy(Y, k->g, gref_const(S));
        gref_mat_axpy(sum, k->rho / b->stage[0].rho, gref_const(Y));
    }
    TRY(add_after(sum, gref_const(E), l, t, GREF_PART_TRANSPOSED));
    gref_mat_copy(E, gref_const(sum));
    return GREF_OK;
}

gref_status gref_literal_stages(gref_mat E, gref_literal *l, int t, gref_part what)
{
    gref_stages b = gref_sampler_stages(l->s, t);
    gref_sampler times = *l->s; /* the same, read at the times of the stages */
    gref_literal at = *l;
    double mu = what == GREF_PART_WHOLE ? b.e : 0.0;
    SCOPED(gref_mat) Y = {0}, K = {0}, sum = {0}, S = {0};
    times.schedule = b.schedule;
    at.s = &times;
    at.shifted = (gref_schedule){0};
    if (what == GREF_PART_TRANSPOSED)
        return adjoint(E, l, &at, &b, t);
    TRY(gref_mat_new(&Y, E.m, E.n));
    TRY(gref_mat_new(&K, E.m, E.n));
    TRY(gref_mat_new(&S, E.m, E.n));
    TRY(gref_mat_new(&sum, E.m, E.n));
    double first = b.stage[0].root;
    for (int i = 0; i < b.n; i++) {
        const gref_stage *k = &b.stage[i];
        state_of(Y, gref_const(E), gref_const(K), &b, k->rho, k->node, mu * (first - k->root), l);
        TRY(score_at(S, &at, k->t, gref_const(Y), what));
        for (int q = 0; q < K.n; q++)
            for (int p = 0; p < K.m; p++)
                GREF_AT(K, p, q) =
                    k->g * (b.e * GREF_AT(Y, p, q) + mu * k->root * l->zmu.a[p] + GREF_AT(S, p, q));
        gref_mat_axpy(sum, k->weight, gref_const(K));
    }
    state_of(Y, gref_const(E), gref_const(sum), &b, b.rho, 1.0, mu * (first - b.root), l);
    TRY(add_after(Y, gref_const(E), l, t, what));
    gref_mat_copy(E, gref_const(Y));
    return GREF_OK;
}
