/*
 * How far an unstable law may be from the exact one: a matrix where errors.c has norms.
 *
 *   W      n x n, E D D^T <= W for the difference D of coupled draws of the computed law and the exact one  [pixel^2]
 *   V      n x n, d d^T <= V for the difference d of their means; its own fresh is that of the mean      [pixel^2]
 *   fresh  what a step adds to D: D' = M D + R, E |R|^2 <= fresh^2 (errors.c)
 *
 * For any theta > 0, (x + y)(x + y)^T <= (1 + theta) x x^T + (1 + 1/theta) y y^T; so
 *
 *     W <- (1 + theta) M W M^T + (1 + 1/theta) fresh^2 I,      W2 <= sqrt(tr W),      |P - exact|_F <= 2 |P|^1/2 W2 + W2^2
 *
 * and theta = sqrt(n fresh^2 / tr M W M) makes the trace least: sqrt(tr W) <- sqrt(tr M W
 * M) + sqrt(n) fresh. A product of norms |M_t| would grow at every unstable step as if all of them
 * stretched one direction; W turns with them.
 *
 * Where no bound is known (unmeasured modes, sigma = 0), W is made of estimates: it then proves
 * nothing, but still tells when a law is lost to rounding.
 */
#include <math.h>

#include "base/internal.h"
#include "dense/bound.h"
#include "dense/internal.h"
#include "errors/perturb.h"
#include "law.h"

/* sqrt(tr P + |m|^2), m less that of the exact law. */
static double whole_size(const gref_dense_law *law)
{
    double m = gref_mat_norm_fro(gref_const(law->mean));
    return sqrt(gref_dense_law_trace(law) + m * m);
}

/* w^2 I, from a bound where there is one. */
static gref_status begin(gref_mat *X, const gref_dense_law *law, double w, double size)
{
    int n = law->step.M.n;
    if (!isfinite(w * w))
        w = law->s->schedule->T * gref_gamma_up(n + 4) * size;
    TRY(gref_mat_new(X, n, n));
    for (int i = 0; i < n; i++)
        GREF_AT(*X, i, i) = w * w * GREF_INFLATE;
    return GREF_OK;
}

/* X <- M X M^T, rounded up. */
static gref_status turn(gref_mat X, const gref_dense_law *law)
{
    gref_cmat M = gref_const(law->step.M);
    double rounding = 4 * gref_gamma_up(M.n + 4) * law->step.norm_abs * law->step.norm_abs *
                      gref_mat_norm_fro(gref_const(X));
    TRY(gref_gemm(law->work, 1.0, M, false, gref_const(X), false, 0.0));
    TRY(gref_gemm(X, 1.0, gref_const(law->work), false, M, true, 0.0));
    gref_mat_symmetrise(X);
    for (int i = 0; i < M.n; i++)
        GREF_AT(X, i, i) += rounding;
    return GREF_OK;
}

/* X <- (1 + theta) X + (1 + 1/theta) fresh^2 I and what that rounds; returns sqrt(tr X). */
static double widen(gref_mat X, double fresh)
{
    double before = gref_mat_trace(gref_const(X)), added = fresh * fresh * X.n, theta = 1.0;
    if (before > 0.0)
        theta = fmax(sqrt(added / before), 0x1p-400); /* > 0 also where nothing was added */
    for (int j = 0; j < X.n; j++)
        for (int i = 0; i < X.m; i++)
            GREF_AT(X, i, j) *= (1.0 + theta) * GREF_INFLATE;
    double rounding = 2.0 * GREF_U * gref_norm_fro_up(gref_const(X));
    for (int i = 0; i < X.n; i++)
        GREF_AT(X, i, i) += ((1.0 + 1.0 / theta) * fresh * fresh + rounding) * GREF_INFLATE;
    return sqrt(gref_mat_trace(gref_const(X))) * GREF_INFLATE;
}

gref_status gref_majorant_push(gref_dense_law *law)
{
    if (law->W.a == NULL) {
        if (!law->step.overshoots || law->step.diagonal)
            return GREF_OK;
        TRY(begin(&law->W, law, law->errors.w2, whole_size(law)));
        TRY(begin(&law->V, law, law->errors.mean, gref_mat_norm_fro(gref_const(law->mean))));
    }
    TRY(turn(law->W, law));
    return turn(law->V, law);
}

void gref_majorant_close(gref_dense_law *law)
{
    gref_law_errors *e = &law->errors;
    if (law->W.a == NULL)
        return;
    double w = widen(law->W, e->fresh), v = widen(law->V, e->fresh_mean);
    if (!isfinite(e->w2))
        return;
    e->w2 = w <= e->w2 ? w : e->w2; /* not where w is NaN */
    e->mean = v <= e->mean ? v : e->mean;
    e->mean = fmin(e->mean, e->w2);
    double p = gref_mat_norm_fro(gref_const(law->P));
    e->cov = fmin(e->cov, (2 * sqrt(p) + e->w2) * e->w2 * GREF_INFLATE);
}

bool gref_majorant_exhausted(const gref_dense_law *law)
{
    return law->W.a != NULL && !(sqrt(gref_mat_trace(gref_const(law->W))) <= 0.1 * whole_size(law));
}

bool gref_majorant_mean_exhausted(const gref_dense_law *law)
{
    double m = gref_mat_norm_fro(gref_const(law->mean));
    return law->V.a != NULL && !(sqrt(gref_mat_trace(gref_const(law->V))) <= 0.1 * m);
}
