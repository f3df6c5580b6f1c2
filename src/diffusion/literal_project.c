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

gref_five gref_projected_image(const gref_row *row, const gref_rule *rule, gref_five f)
{
    double kept = row->x_kept ? f.e * sqrt(rule->at.abar / rule->at.qbar) : 0.0;
    double share = sqrt(rule->next.abar) - kept;
    return (gref_five){.x = (f.x - kept) / share, .v = f.v / share};
}

/* X <- V f V^T X for one of the functions, plus V fv W^T r in every column where `data`; those of the
 * projected image where `image`. */
static gref_status apply(gref_mat X, const gref_literal *l, const gref_rule *rule, function which,
                         bool data, bool image)
{
    gref_cmat VT = gref_const(l->s->VT);
    gref_five none = five_at(l, rule, 0.0);
    double base = value_of(image ? gref_projected_image(l->d.row, rule, none) : none, which);
    SCOPED(gref_mat) Y = {0};
    if (which == OF_EPS && l->s->kernel.a != NULL) { /* the fault "noise-without-VT" */
        TRY(gref_mat_new(&Y, X.m, X.n));
        gref_mat_copy(Y, gref_const(X));
        return gref_gemm(X, base, gref_const(l->s->kernel), false, gref_const(Y), false, 0.0);
    }
    TRY(gref_mat_new(&Y, VT.m, X.n));
    TRY(gref_gemm(Y, 1.0, VT, false, gref_const(X), false, 0.0));
    for (int i = 0; i < VT.m; i++) {
        gref_five f = five_at(l, rule, l->s->b.a[i]);
        if (image)
            f = gref_projected_image(l->d.row, rule, f);
        for (int k = 0; k < X.n; k++)
            GREF_AT(Y, i, k) =
                (value_of(f, which) - base) * GREF_AT(Y, i, k) + (data ? f.v * l->s->Wr.a[i] : 0.0);
    }
    return gref_gemm(X, 1.0, VT, true, gref_const(Y), false, base);
}

/* x0hat and eps at E, as they are in modes. */
static void look(gref_mat X, gref_mat eps, const gref_literal *l, int t, double spread, bool whole)
{
    for (int i = 0; i < X.m; i++) {
        gref_literal_mode k = gref_literal_mode_at(l, t, i);
        for (int j = 0; j < X.n; j++) {
            GREF_AT(X, i, j) =
                k.gain * (GREF_AT(X, i, j) + (whole ? k.in : 0.0)) + (whole ? k.out : 0.0);
            GREF_AT(eps, i, j) = -spread * k.slope * (GREF_AT(eps, i, j) + (whole ? k.in : 0.0));
        }
    }
}

gref_status gref_literal_project(gref_mat E, gref_literal *l, int t, gref_part what)
{
    gref_rule rule = gref_literal_rule(l, t);
    bool whole = what == GREF_PART_WHOLE, last = what == GREF_PART_TRANSPOSED;
    double spread = sqrt(rule.at.qbar);
    SCOPED(gref_mat) eps = {0};
    TRY(gref_mat_new(&eps, E.m, E.n));
    gref_mat_copy(eps, gref_const(E));
    if (!last)
        look(E, eps, l, t, spread, whole);
    TRY(apply(E, l, &rule, OF_X0HAT, whole, false));
    TRY(apply(eps, l, &rule, OF_EPS, false, false));
    if (last)
        look(E, eps, l, t, spread, false);
    gref_mat_axpy(E, 1.0, gref_const(eps));
    return GREF_OK;
}

gref_status gref_literal_project_image(gref_mat X, const gref_literal *l, int t)
{
    gref_rule rule = gref_literal_rule(l, t);
    return apply(X, l, &rule, OF_X0HAT, true, true);
}

gref_status gref_literal_colour(gref_mat N, const gref_literal *l, int t)
{
    gref_rule rule = gref_literal_rule(l, t);
    double root = l->d.no_noise ? 0.0 : sqrt(l->d.noise_factor);
    if (l->s->row->n_varies)
        TRY(apply(N, l, &rule, OF_NOISE, false, false));
    else
        root = sqrt(gref_literal_noise(l, t));
    for (int k = 0; k < N.n; k++)
        for (int i = 0; i < N.m; i++)
            GREF_AT(N, i, k) *= root;
    return GREF_OK;
}
