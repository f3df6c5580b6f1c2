/*
 * What a deviant's arrays would be.
 *
 * A chain is predicted from the candidate's own array at the next t above (its own error there is not held against
 * a second interval), or from y_T. Covariances travel by the adjoint: with A_T' = Omega, A_{k} = M_k^T ... Omega,
 *
 *     Omega^T P_t Omega = A^T P_from A + sum_k N_k A_k^T A_k
 */
#include <math.h>

#include "base/internal.h"
#include "dense/internal.h"
#include "view.h"
#include <gref/psd.h>

/* Functions at the probes. */
static gref_status predict_function(gref_mat D, const gref_views *vs, const gref_view *v,
                                    const gref_switches *s)
{
    SCOPED(gref_mat) Z = {0}, Y = {0};
    TRY(gref_mat_new(&Z, v->points.m, v->points.n));
    TRY(gref_mat_new(&Y, v->points.m, v->points.n));
    TRY(gref_deviant_to_modes(Z, vs->w, s, gref_const(v->points)));
    if (v->kind == GREF_VIEW_SCORE)
        TRY(gref_deviant_score(Y, vs->w, s, gref_const(Z), v->t));
    else if (v->kind == GREF_VIEW_X0HAT)
        TRY(gref_deviant_x0hat(Y, vs->w, s, gref_const(Z), v->t));
    else if (v->kind == GREF_VIEW_GUIDED)
        TRY(gref_deviant_guided(Y, vs->w, s, gref_const(Z), v->t));
    else if (v->kind == GREF_VIEW_M)
        TRY(gref_deviant_linear(Y, vs->w, s, gref_const(Z), v->t, false));
    else
        TRY(gref_deviant_step(Y, vs->w, s, gref_const(Z), v->t)); /* b: the step from zero */
    return gref_deviant_to_pixels(D, vs->w, s, gref_const(Y));
}

static gref_status predict_likelihood(gref_mat D, const gref_views *vs, const gref_view *v,
                                      const gref_switches *s)
{
    int m = v->points.m;
    SCOPED(gref_mat) C = {0};
    TRY(gref_mat_new(&C, m, m));
    TRY(gref_deviant_likelihood(C, vs->w, s, v->t));
    return gref_gemm(D, 1.0, gref_const(C), false, gref_const(v->points), false, 0.0);
}

static gref_status predict_modelled(gref_mat D, const gref_views *vs, const gref_view *v,
                                    const gref_switches *s)
{
    int n = v->golden->A.m;
    SCOPED(gref_mat) mean = {0}, cov = {0};
    TRY(gref_mat_new(&mean, n, 1));
    TRY(gref_mat_new(&cov, n, n));
    TRY(gref_deviant_modelled(mean, cov, vs->w, s, v->t));
    if (v->kind == GREF_VIEW_MODELLED_MEAN)
        gref_mat_copy(D, gref_const(mean));
    else
        TRY(gref_gemm(D, 1.0, gref_const(cov), false, gref_const(v->points), false, 0.0));
    return GREF_OK;
}

/* y or the mean, from v->from down to v->t; a mean without noise. */
static gref_status predict_vector(gref_mat D, const gref_views *vs, const gref_view *v,
                                  const gref_switches *s)
{
    int n = D.m, T = vs->truth->schedule.T;
    SCOPED(gref_mat) y = {0}, next = {0}, z = {0}, zm = {0}, start = {0}, cov = {0};
    TRY(gref_mat_new(&y, n, 1));
    TRY(gref_mat_new(&next, n, 1));
    TRY(gref_mat_new(&z, n, 1));
    TRY(gref_mat_new(&zm, n, 1));
    TRY(gref_mat_new(&start, n, 1));
    if (v->start.a != NULL) {
        gref_mat_copy(start, gref_const(v->start));
    } else {
        TRY(gref_mat_new(&cov, n, n));
        TRY(gref_deviant_start(start, cov, vs->w, s));
    }
    TRY(gref_deviant_to_modes(y, vs->w, s, gref_const(start)));
    for (int t = v->from; t > v->t; t--) {
        double noise = gref_deviant_noise(vs->w, s, t);
        TRY(gref_deviant_step(next, vs->w, s, gref_const(y), t));
        gref_mat_copy(y, gref_const(next));
        if (v->kind == GREF_VIEW_Y && noise > 0.0) {
            for (int i = 0; i < n; i++)
                z.a[i] = GREF_AT(vs->z, T - t, i);
            TRY(gref_deviant_to_modes(zm, vs->w, s, gref_const(z)));
            gref_mat_axpy(y, sqrt(noise), gref_const(zm));
        }
    }
    return gref_deviant_to_pixels(D, vs->w, s, gref_const(y));
}

/* D = Omega^T P_t Omega by the adjoint. */
static gref_status predict_cov(gref_mat D, const gref_views *vs, const gref_view *v,
                               const gref_switches *s)
{
    int n = v->points.m, q = v->points.n;
    SCOPED(gref_mat) a = {0}, next = {0}, back = {0}, P = {0}, mean = {0}, Pb = {0};
    TRY(gref_mat_new(&a, n, q));
    TRY(gref_mat_new(&next, n, q));
    TRY(gref_mat_new(&back, n, q));
    TRY(gref_mat_new(&Pb, n, q));
    TRY(gref_deviant_to_modes(a, vs->w, s, gref_const(v->points)));
    gref_mat_fill(D, 0.0);
    for (int t = v->t + 1; t <= v->from; t++) {
        double noise = gref_deviant_noise(vs->w, s, t);
        TRY(gref_gemm(D, noise, gref_const(a), true, gref_const(a), false, 1.0));
        TRY(gref_deviant_linear(next, vs->w, s, gref_const(a), t, true));
        gref_mat_copy(a, gref_const(next));
    }
    TRY(gref_deviant_to_pixels(back, vs->w, s, gref_const(a)));
    if (v->start.a == NULL) {
        TRY(gref_mat_new(&P, n, n));
        TRY(gref_mat_new(&mean, n, 1));
        TRY(gref_deviant_start(mean, P, vs->w, s));
    }
    TRY(gref_gemm(Pb, 1.0, gref_const(v->start.a != NULL ? v->start : P), false, gref_const(back),
                  false, 0.0));
    return gref_gemm(D, 1.0, gref_const(back), true, gref_const(Pb), false, 1.0);
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

static void predict_schedule(gref_mat D, const gref_views *vs, const gref_view *v,
                             const gref_switches *s)
{
    for (int t = 0; t < D.m; t++) {
        double beta = t == 0 ? 0.0 : gref_deviant_beta(vs->w, s, t);
        D.a[t] = v->kind == GREF_VIEW_BETA    ? beta
                 : v->kind == GREF_VIEW_ALPHA ? 1.0 - beta
                                              : gref_deviant_abar(vs->w, s, t);
    }
}

/* Reports of W2 do not follow a deviation of the chain: they are only looked at where nothing else departs. */
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
    switch (v->kind) {
    case GREF_VIEW_SCORE:
    case GREF_VIEW_X0HAT:
    case GREF_VIEW_GUIDED:
    case GREF_VIEW_M:
    case GREF_VIEW_B:
        return predict_function(D, vs, v, s);
    case GREF_VIEW_C:
        return predict_likelihood(D, vs, v, s);
    case GREF_VIEW_N:
        D.a[0] = gref_deviant_noise_reported(vs->w, s, v->t);
        return GREF_OK;
    case GREF_VIEW_MEAN:
    case GREF_VIEW_Y:
        return predict_vector(D, vs, v, s);
    case GREF_VIEW_COV:
        return s->cov_as_root || s->biased_cov ? predict_report(D, v, s) : predict_cov(D, vs, v, s);
    case GREF_VIEW_MODELLED_MEAN:
    case GREF_VIEW_MODELLED_COV:
        return predict_modelled(D, vs, v, s);
    case GREF_VIEW_A:
        return gref_deviant_operator(D, vs->w, s);
    case GREF_VIEW_W2:
        predict_w2(D, v, s);
        return GREF_OK;
    default:
        predict_schedule(D, vs, v, s);
        return GREF_OK;
    }
}
