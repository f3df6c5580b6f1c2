/*
 * How far an unstable law may be from the exact one: a matrix where errors.c has norms.
 *
 *   W      n x n, E D D^T <= W for the difference D of coupled draws of the computed law and the exact one  [pixel^2]
 *   fresh  what a step adds to D: D' = M D + R, E |R|^2 <= fresh^2 (errors.c)
 *
 * For any theta > 0, (x + y)(x + y)^T <= (1 + theta) x x^T + (1 + 1/theta) y y^T; so
 *
 *     W <- (1 + theta) M W M + (1 + 1/theta) fresh^2 I,      W2 <= sqrt(tr W),      |P - exact|_F <= 2 |P|^1/2 W2 + W2^2
 *
 * and theta = sqrt(n fresh^2 / tr M W M) makes the trace least: sqrt(tr W) <- sqrt(tr M W M) + sqrt(n) fresh. A product
 * of norms |M_t| would grow at every unstable step as if all of them stretched one direction; W turns with them.
 *
 * Where no bound is known (unmeasured modes, sigma = 0), W is made of estimates: it then proves nothing, but still tells
 * when a law is lost to rounding.
 */
#include <math.h>

#include "base/internal.h"
#include "dense/bound.h"
#include "dense/internal.h"
#include "law.h"

#define INFLATE (1.0 + 0x1p-20)

/* sqrt(tr P + |m|^2), m less that of the exact law. */
static double law_size(const gref_marginal *law)
{
    double m = gref_mat_norm_fro(gref_const(law->mean)), spread = 0.0;
    for (int i = 0; i < law->P.m; i++)
        spread += GREF_AT(law->P, i, law->diagonal ? 0 : i);
    return sqrt(spread + m * m);
}

static double trace(gref_mat W)
{
    double sum = 0.0;
    for (int i = 0; i < W.n; i++)
        sum += GREF_AT(W, i, i);
    return sum;
}

gref_status gref_majorant_push(gref_marginal *law)
{
    gref_status status = GREF_OK;
    gref_cmat M = gref_const(law->step.M);
    if (law->W.a == NULL) {
        double w = law->errors.w2;
        if (!law->step.overshoots || law->step.diagonal)
            goto out;
        if (!isfinite(w * w))
            w = law->s->schedule->T * gref_gamma_up(M.n + 4) * law_size(law);
        TRY(gref_mat_new(&law->W, M.n, M.n));
        for (int i = 0; i < M.n; i++)
            GREF_AT(law->W, i, i) = w * w * INFLATE;
    }
    double rounding = 4 * gref_gamma_up(M.n + 4) * law->step.norm_abs * law->step.norm_abs *
                      gref_mat_norm_fro(gref_const(law->W));
    TRY(gref_gemm(law->work, 1.0, M, false, gref_const(law->W), false, 0.0));
    TRY(gref_gemm(law->W, 1.0, gref_const(law->work), false, M, false, 0.0)); /* M = M^T */
    gref_mat_symmetrise(law->W);
    for (int i = 0; i < M.n; i++)
        GREF_AT(law->W, i, i) += rounding;
out:
    return status;
}

void gref_majorant_close(gref_marginal *law)
{
    gref_law_errors *e = &law->errors;
    if (law->W.a == NULL)
        return;
    double before = trace(law->W), added = e->fresh * e->fresh * law->W.n;
    double theta = fmax(sqrt(added / before), 0x1p-400); /* > 0 also where nothing was added */
    for (int j = 0; j < law->W.n; j++)
        for (int i = 0; i < law->W.m; i++)
            GREF_AT(law->W, i, j) *= (1.0 + theta) * INFLATE;
    for (int i = 0; i < law->W.n; i++)
        GREF_AT(law->W, i, i) += (1.0 + 1.0 / theta) * e->fresh * e->fresh * INFLATE;
    if (!isfinite(e->w2))
        return;
    double w = sqrt(trace(law->W)) * INFLATE;
    e->w2 = w <= e->w2 ? w : e->w2; /* not where w is NaN */
    e->mean = fmin(e->mean, e->w2);
    e->cov =
        fmin(e->cov, (2 * sqrt(gref_mat_norm_fro(gref_const(law->P))) + e->w2) * e->w2 * INFLATE);
}

bool gref_majorant_exhausted(const gref_marginal *law)
{
    return law->W.a != NULL && !(sqrt(trace(law->W)) <= 0.1 * law_size(law));
}
