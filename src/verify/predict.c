/*
 * What a deviant's arrays would be.
 *
 * A chain is predicted from the candidate's own array at the next t above (its own error there is
 * not held against a second interval), or from y_T. Covariances travel by the adjoint: with
 * A_T' = Omega, A_{k} = M_k^T ... Omega,
 *
 *     Omega^T P_t Omega = A^T P_from A + sum_k (N_k^1/2 A_k)^T (N_k^1/2 A_k)
 */
#include <math.h>

#include "base/internal.h"
#include "dense/internal.h"
#include "view.h"
#include <gref/psd.h>

/* Functions at the probes, b: the step from zero, and M at the columns. */
static gref_status predict_function(gref_mat D, const gref_views *vs, const gref_view *v)
{
    static const gref_quantity quantities[GREF_VIEWS] = {
        [GREF_VIEW_SCORE] = GREF_QUANTITY_SCORE,
        [GREF_VIEW_X0HAT] = GREF_QUANTITY_X0HAT,
        [GREF_VIEW_GUIDANCE] = GREF_QUANTITY_GUIDANCE,
        [GREF_VIEW_GUIDED] = GREF_QUANTITY_GUIDED_SCORE,
        [GREF_VIEW_PROJECTED] = GREF_QUANTITY_X0HAT_PROJECTED,
        [GREF_VIEW_B] = GREF_QUANTITY_STEP};
    gref_literal *l = &vs->w->l;
    SCOPED(gref_mat) E = {0};
    if (v->kind != GREF_VIEW_M)
        return gref_literal_evaluate(D, l, v->t, quantities[v->kind], gref_const(v->points));
    TRY(gref_mat_new(&E, D.m, D.n));
    TRY(gref_literal_enter(E, l, 0.0, gref_const(v->points)));
    TRY(gref_literal_linear(E, l, v->t, false));
    return gref_literal_leave(D, l, 0.0, gref_const(E));
}

static gref_status predict_likelihood(gref_mat D, const gref_views *vs, const gref_view *v)
{
    int m = v->points.m;
    SCOPED(gref_mat) C = {0};
    TRY(gref_mat_new(&C, m, m));
    TRY(gref_literal_likelihood(C, &vs->w->l, v->t));
    return gref_gemm(D, 1.0, gref_const(C), false, gref_const(v->points), false, 0.0);
}

static gref_status predict_modelled(gref_mat D, const gref_views *vs, const gref_view *v)
{
    int n = v->golden->A.m;
    SCOPED(gref_mat) mean = {0}, cov = {0};
    TRY(gref_mat_new(&mean, n, 1));
    TRY(gref_mat_new(&cov, n, n));
    TRY(gref_deviant_modelled(mean, cov, vs->w, v->t));
    if (v->kind == GREF_VIEW_MODELLED_MEAN)
        gref_mat_copy(D, gref_const(mean));
    else
        TRY(gref_gemm(D, 1.0, gref_const(cov), false, gref_const(v->points), false, 0.0));
    return GREF_OK;
}

/* y or the mean, from v->from down to v->t; a mean without noise. */
static gref_status predict_vector(gref_mat D, const gref_views *vs, const gref_view *v)
{
    int n = D.m, T = vs->truth->schedule.T;
    gref_literal *l = &vs->w->l;
    SCOPED(gref_mat) e = {0}, z = {0}, start = {0}, cov = {0};
    TRY(gref_mat_new(&e, n, 1));
    TRY(gref_mat_new(&z, n, 1));
    TRY(gref_mat_new(&start, n, 1));
    if (v->start.a != NULL) {
        gref_mat_copy(start, gref_const(v->start));
    } else {
        TRY(gref_mat_new(&cov, n, n));
        TRY(gref_deviant_start(start, cov, vs->w));
    }
    TRY(gref_literal_enter(e, l, gref_literal_root(l, v->from), gref_const(start)));
    for (int t = v->from; t > v->t; t = gref_sampler_next(l->s, t)) {
        TRY(gref_literal_step(e, l, t));
        if (v->kind == GREF_VIEW_Y) {
            gref_mat_transpose(z, gref_cmat_view(gref_const(vs->z), T - t, 0, 1, n));
            TRY(gref_literal_add_noise(e, l, t, gref_const(z)));
        }
    }
    return gref_literal_leave(D, l, gref_literal_root(l, v->t), gref_const(e));
}

/* N_t at the columns, by its root twice; a number is N_t at 1. */
static gref_status predict_noise(gref_mat D, const gref_views *vs, const gref_view *v,
                                 const gref_switches *s)
{
    gref_literal *l = &vs->w->l;
    SCOPED(gref_mat) E = {0};
    if (v->points.a == NULL) {
        double noise = gref_literal_noise(l, v->t);
        D.a[0] = s->noise_reported_as_std ? sqrt(noise) : noise;
        return GREF_OK;
    }
    TRY(gref_mat_new(&E, D.m, D.n));
    TRY(gref_literal_enter(E, l, 0.0, gref_const(v->points)));
    for (int k = 0; k < (s->noise_reported_as_std ? 1 : 2); k++)
        TRY(gref_literal_colour(E, l, v->t));
    return gref_literal_leave(D, l, 0.0, gref_const(E));
}

/* D = Omega^T P_t Omega by the adjoint. */
static gref_status predict_cov(gref_mat D, const gref_views *vs, const gref_view *v)
{
    int n = v->points.m, q = v->points.n;
    gref_literal *l = &vs->w->l;
    SCOPED(gref_mat) a = {0}, back = {0}, P = {0}, mean = {0}, Pb = {0}, noise = {0};
    TRY(gref_mat_new(&a, n, q));
    TRY(gref_mat_new(&noise, n, q));
    TRY(gref_mat_new(&back, n, q));
    TRY(gref_mat_new(&Pb, n, q));
    TRY(gref_literal_enter(a, l, 0.0, gref_const(v->points)));
    gref_mat_fill(D, 0.0);
    for (int t = v->t + 1; t <= v->from; t++) {
        if (gref_sampler_next(l->s, t) < 0)
            continue;
        gref_mat_copy(noise, gref_const(a));
        TRY(gref_literal_colour(noise, l, t));
        TRY(gref_gemm(D, 1.0, gref_const(noise), true, gref_const(noise), false, 1.0));
        TRY(gref_literal_linear(a, l, t, true));
    }
    TRY(gref_literal_leave(back, l, 0.0, gref_const(a)));
    if (v->start.a == NULL) {
        TRY(gref_mat_new(&P, n, n));
        TRY(gref_mat_new(&mean, n, 1));
        TRY(gref_deviant_start(mean, P, vs->w));
    }
    TRY(gref_gemm(Pb, 1.0, gref_const(v->start.a != NULL ? v->start : P), false, gref_const(back),
                  false, 0.0));
    return gref_gemm(D, 1.0, gref_const(back), true, gref_const(Pb), false, 1.0);
}

/* A as the deviant has it, on images as it flattens them. */
static gref_status predict_operator(gref_mat D, const gref_deviant *d)
{
    SCOPED(gref_mat) A = {0};
    TRY(gref_mat_new(&A, D.m, D.n));
    gref_forms_pixels(A, &d->forms, d->l.d.operator_form);
    for (int j = 0; j < D.n; j++)
        for (int i = 0; i < D.m; i++)
            GREF_AT(D, i, d->l.d.column_major ? d->forms.place[j] : j) = GREF_AT(A, i, j);
    return GREF_OK;
}

/* The covariance is right, but reported as something else. */
static gref_status predict_report(gref_mat D, const gref_view *v, const gref_switches *s)
{
    int n = v->golden->A.m;
    SCOPED(gref_mat) R = {0}, RO = {0};
    if (s->cov_as_root) {
        TRY(gref_mat_new(&R, n, n));
        TRY(gref_mat_new(&RO, n, v->points.n));
        TRY(gref_psd_sqrt(R, gref_const(v->golden->A), "the golden covariance"));
        TRY(gref_gemm(RO, 1.0, gref_const(R), false, gref_const(v->points), false, 0.0));
        TRY(gref_gemm(D, 1.0, gref_const(v->points), true, gref_const(RO), false, 0.0));
        return GREF_OK;
    }
    double xg = 0.0, gg = 0.0; /* (N - 1)/N for the integer N that fits best */
    for (int j = 0; j < D.n; j++)
        for (int i = 0; i < D.m; i++) {
            xg += GREF_AT(v->x, i, j) * GREF_AT(v->g, i, j);
            gg += GREF_AT(v->g, i, j) * GREF_AT(v->g, i, j);
        }
    double N = gg > xg ? round(1.0 / (1.0 - xg / gg)) : 0.0;
    gref_mat_fill(D, 0.0);
    gref_mat_axpy(D, N >= 2.0 && N < 1e7 ? (N - 1.0) / N : 1.0, gref_const(v->g));
    return GREF_OK;
}

static void predict_schedule(gref_mat D, const gref_views *vs, const gref_view *v)
{
    const gref_schedule *read = gref_literal_schedule(&vs->w->l);
    for (int t = 0; t < D.m; t++)
        D.a[t] = v->kind == GREF_VIEW_BETA    ? read->beta[t]
                 : v->kind == GREF_VIEW_ALPHA ? 1.0 - read->beta[t]
                                              : read->abar[t];
}

/* Reports of W2 do not follow a deviation of the chain: they are only looked at where nothing else
 * departs. */
static void predict_w2(gref_mat D, const gref_view *v, const gref_switches *s)
{
    for (int i = 0; i < D.m; i++)
        D.a[i] = s->w2_squared ? v->g.a[i] * v->g.a[i] : v->g.a[i];
}

gref_status gref_view_predict(gref_mat D, bool *known, const gref_views *vs, const gref_view *v,
                              const gref_switches *s)
{
    bool step = v->kind == GREF_VIEW_M || v->kind == GREF_VIEW_B || v->kind == GREF_VIEW_MEAN ||
                v->kind == GREF_VIEW_COV || v->kind == GREF_VIEW_MODELLED_MEAN ||
                v->kind == GREF_VIEW_MODELLED_COV;
    *known = !step || gref_deviant_affine(s);
    if (!*known)
        return GREF_OK;
    TRY(gref_literal_deviate(&vs->w->l, s));
    switch (v->kind) {
    case GREF_VIEW_SCORE:
    case GREF_VIEW_X0HAT:
    case GREF_VIEW_GUIDANCE:
    case GREF_VIEW_GUIDED:
    case GREF_VIEW_PROJECTED:
    case GREF_VIEW_M:
    case GREF_VIEW_B:
        return predict_function(D, vs, v);
    case GREF_VIEW_C:
        return predict_likelihood(D, vs, v);
    case GREF_VIEW_N:
        return predict_noise(D, vs, v, s);
    case GREF_VIEW_MEAN:
    case GREF_VIEW_Y:
        return predict_vector(D, vs, v);
    case GREF_VIEW_COV:
        return s->cov_as_root || s->biased_cov ? predict_report(D, v, s) : predict_cov(D, vs, v);
    case GREF_VIEW_MODELLED_MEAN:
    case GREF_VIEW_MODELLED_COV:
        return predict_modelled(D, vs, v);
    case GREF_VIEW_A:
        return predict_operator(D, vs->w);
    case GREF_VIEW_W2:
        predict_w2(D, v, s);
        return GREF_OK;
    default:
        predict_schedule(D, vs, v);
        return GREF_OK;
    }
}
