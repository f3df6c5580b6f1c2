/*
 * A schedule with other steps along the same path: the continuous limit of a chain is that of finer and
 * finer ones.
 *
 *     x_t    -log abar_t; of edm log sigma_t, which ends at state 1: the step to sigma = 0 stays
 *     d_t    slopes that keep the interpolant monotone (Fritsch and Carlson 1980): the harmonic mean of the
 *            two differences beside t, that of the first and last interval at the ends
 */
#include <math.h>

#include "base/internal.h"
#include <gref/schedule.h>

static double value_at(const gref_schedule *s, int t)
{
    return s->kind == GREF_SCHEDULE_EDM ? log(s->time[t]) : -log1p(-s->qbar[t]);
}

/* Slope at t of the interpolant on lo..hi. */
static double slope_at(const gref_schedule *s, int t, int lo, int hi)
{
    double left = t > lo ? value_at(s, t) - value_at(s, t - 1) : 0.0;
    double right = t < hi ? value_at(s, t + 1) - value_at(s, t) : 0.0;
    if (t == lo || t == hi)
        return left + right;
    return left * right > 0.0 ? 2.0 * left * right / (left + right) : 0.0;
}

/* Hermite's cubic at lo <= x <= hi. */
static double interpolate(const gref_schedule *s, double x, int lo, int hi)
{
    int t = (int)x < hi ? (int)x : hi - 1;
    double u = x - t, a = value_at(s, t), b = value_at(s, t + 1);
    double d = slope_at(s, t, lo, hi), e = slope_at(s, t + 1, lo, hi), v = 1.0 - u;
    return a * (1.0 + 2.0 * u) * v * v + d * u * v * v + b * u * u * (3.0 - 2.0 * u) -
           e * u * u * v;
}

/* The states of a discrete path: abar by B and decay by its difference, neither of which cancels. */
static gref_status refine_discrete(gref_schedule *out, const gref_schedule *s, int first, int last,
                                   int T)
{
    SCOPED(gref_schedule) made = {0};
    SCOPED_MEM double *beta = gref_alloc((size_t)T, sizeof *beta);
    REQUIRE(beta != NULL, GREF_ERR_NOMEM, "no memory for a schedule of %d steps", T);
    double before = value_at(s, last);
    for (int k = 1; k <= T; k++) {
        double u = (double)k / T, x = k == T ? first : last + (first - last) * u * u;
        double B = interpolate(s, x, last, first);
        beta[k - 1] = -expm1(before - B);
        before = B;
    }
    TRY(gref_schedule_from_betas(&made, beta, T));
    for (int k = 0; k <= T && last > 0; k++) { /* the path begins below abar = 1 */
        made.qbar[k] = s->qbar[last] + s->abar[last] * made.qbar[k];
        made.abar[k] *= s->abar[last];
    }
    for (int k = 1; k <= T && last > 0; k++)
        made.beta_tilde[k] = made.beta[k] * (made.qbar[k - 1] / made.qbar[k]);
    *out = TAKE(made);
    return GREF_OK;
}

static gref_status refine_edm(gref_schedule *out, const gref_schedule *s, int first, int last,
                              int T)
{
    int lo = last > 0 ? last : 1, count = last > 0 ? T : T - 1;
    SCOPED_MEM double *sigma = gref_alloc((size_t)T, sizeof *sigma);
    REQUIRE(sigma != NULL, GREF_ERR_NOMEM, "no memory for a schedule of %d steps", T);
    REQUIRE(first > lo && last == 0, GREF_ERR_RANGE,
            "an edm path from state %d to %d has no finer steps", first, last);
    for (int k = 0; k <= count; k++)
        sigma[k] = exp(interpolate(s, lo + (double)k * (first - lo) / count, lo, first));
    return gref_schedule_from_sigmas(out, sigma, T);
}

/**
 * The path of a schedule in other steps.
 *
 *     state k of `out` is at  x = last + u (first - last)  of s,  u = k/T; (k/T)^2 of a discrete schedule, whose
 *     states come closer where abar does to 1
 *
 * @param[out] out   owned by the caller; gref_schedule_free. Unchanged on error. Of the kind of s.
 * @param[in]  first, last  states of s, 0 <= last < first <= s->T; of edm last = 0.
 * @return GREF_OK; GREF_ERR_RANGE; GREF_ERR_NOMEM.
 * @error  at states of s: relative 2^-48 of abar and 1 - abar.
 * @see    THEORY section 6. Tests: test_schedule.c
 */
gref_status gref_schedule_refined(gref_schedule *out, const gref_schedule *s, int first, int last,
                                  int T)
{
    REQUIRE(0 <= last && last < first && first <= s->T && T >= 1, GREF_ERR_RANGE,
            "no path of %d steps from state %d to state %d of a schedule with %d", T, first, last,
            s->T);
    switch (s->kind) {
    case GREF_SCHEDULE_VP:
        return gref_schedule_vp(out, s->rate, (double[2]){s->time[last], s->time[first]}, T);
    case GREF_SCHEDULE_EDM:
        return refine_edm(out, s, first, last, T);
    case GREF_SCHEDULE_DISCRETE:
        break;
    }
    return refine_discrete(out, s, first, last, T);
}
