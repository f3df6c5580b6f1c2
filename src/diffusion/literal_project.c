/*
 * The step of a row that projects, on images: y' = V fx V^T x0hat + V fv W^T v + V fe V^T eps + V fn V^T z,
 * less sqrt(a') mu, which is what x + s v = sqrt(a') makes of mu.
 */
#include <math.h>

#include "dense/internal.h"
#include "literal.h"

typedef enum { OF_X0HAT, OF_EPS, OF_NOISE } function;

static double value_of(gref_five f, function which)
{
    return which == OF_X0HAT ? f.x : which == OF_EPS ? f.e : sqrt(f.n);
}

static gref_five five_at(const gref_literal *l, const gref_rule *rule, double singular)
{
    return l->d.row->project(&l->d.convention, rule, l->s->z->sigma * l->d.sigma_factor, singular);
}

/* X <- V f V^T X for one of the functions, plus V fv W^T r in every column where `data`. */
static gref_status apply(gref_mat X, const gref_literal *l, const gref_rule *rule, function which,
                         bool data)
{
    gref_cmat VT = gref_const(l->s->VT);
    double base = value_of(five_at(l, rule, 0.0), which);
    SCOPED(gref_mat) Y = {0};
    TRY(gref_mat_new(&Y, VT.m, X.n));
    TRY(gref_gemm(Y, 1.0, VT, false, gref_const(X), false, 0.0));
    for (int i = 0; i < VT.m; i++) {
        gref_five f = five_at(l, rule, l->s->b.a[i]);
        for (int k = 0; k < X.n; k++)
            GREF_AT(Y, i, k) =
                (value_of(f, which) - base) * GREF_AT(Y, i, k) + (data ? f.v * l->s->Wr.a[i] : 0.0);
    }
    return gref_gemm(X, 1.0, VT, true, gref_const(Y), false, base);
}

gref_status gref_literal_project(gref_mat E, gref_literal *l, int t, gref_part what)
{
    gref_rule rule = gref_literal_rule(l, t);
    bool whole = what == GREF_PART_WHOLE;
    SCOPED(gref_mat) X = {0}, eps = {0};
    REQUIRE(what != GREF_PART_TRANSPOSED, GREF_ERR_RANGE, "%s has no adjoint", l->s->row->name);
    TRY(gref_mat_new(&X, E.m, E.n));
    TRY(gref_mat_new(&eps, E.m, E.n));
    for (int i = 0; i < E.m; i++) {
        gref_literal_mode k = gref_literal_mode_at(l, t, i);
        if (!whole)
            k.in = k.out = 0.0;
        for (int j = 0; j < E.n; j++) {
            double e = GREF_AT(E, i, j) + k.in;
            GREF_AT(X, i, j) = k.gain * e + k.out;
            GREF_AT(eps, i, j) = -sqrt(rule.at.qbar) * k.slope * e;
        }
    }
    TRY(apply(X, l, &rule, OF_X0HAT, whole));
    TRY(apply(eps, l, &rule, OF_EPS, false));
    gref_mat_copy(E, gref_const(X));
    gref_mat_axpy(E, 1.0, gref_const(eps));
    return GREF_OK;
}

gref_status gref_literal_colour(gref_mat N, const gref_literal *l, int t)
{
    gref_rule rule = gref_literal_rule(l, t);
    return apply(N, l, &rule, OF_NOISE, false);
}
