/*
 * Noise schedules (THEORY section 3).
 *
 *   beta_t        step variance, 0 < beta_t < 1                     beta[t],  t = 1..T
 *   alpha_t       1 - beta_t                                        alpha[t]
 *   abar_t        alpha_1 ... alpha_t                               abar[t],  t = 0..T
 *   1 - abar_t    by q_t = beta_t + alpha_t q_{t-1}                 qbar[t]
 *   beta~_t       beta_t q_{t-1} / q_t                              beta_tilde[t]
 *
 * Products and the recursion are carried in double-double, so that abar_t and q_t are the exact
 * values of the given beta_t up to one rounding (relative error <= 2^-52 for T up to 2^40).
 */
#include <math.h>
#include <stdlib.h>

#include "base/internal.h"
#include <gref/schedule.h>

typedef struct {
    double hi, lo;
} dd;

static dd dd_sum(double a, double b)
{
    double s = a + b, bb = s - a;
    return (dd){s, (a - (s - bb)) + (b - bb)};
}

static dd dd_mul(dd x, dd y)
{
    double p = x.hi * y.hi, e = fma(x.hi, y.hi, -p);
    return dd_sum(p, e + (x.hi * y.lo + x.lo * y.hi));
}

static dd dd_add(dd x, dd y)
{
    dd s = dd_sum(x.hi, y.hi);
    return dd_sum(s.hi, s.lo + (x.lo + y.lo));
}

void gref_schedule_free(gref_schedule *s)
{
    free(s->beta); /* one block holds the five arrays */
    *s = (gref_schedule){0};
}

/* The five arrays from beta_1..beta_T, each given as a double-double. */
static gref_status build(gref_schedule *out, const dd *beta, int T)
{
    size_t len = (size_t)T + 1;
    double *block = gref_alloc(5 * len, sizeof *block);
    REQUIRE(block != NULL, GREF_ERR_NOMEM, "no memory for a schedule of %d steps", T);
    gref_schedule s = {T, block, block + len, block + 2 * len, block + 3 * len, block + 4 * len};
    dd abar = {1.0, 0.0}, q = {0.0, 0.0};
    s.alpha[0] = s.abar[0] = 1.0;
    for (int t = 1; t <= T; t++) {
        dd b = beta[t - 1], a = dd_add((dd){1.0, 0.0}, (dd){-b.hi, -b.lo});
        double q_before = q.hi;
        abar = dd_mul(abar, a);
        q = dd_add(b, dd_mul(a, q));
        s.beta[t] = b.hi;
        s.alpha[t] = a.hi;
        s.abar[t] = abar.hi;
        s.qbar[t] = q.hi;
        s.beta_tilde[t] = b.hi * (q_before / q.hi);
    }
    *out = s;
    return GREF_OK;
}

/**
 * Schedule from given betas.
 *
 *     alpha_t = 1 - beta_t,  abar_t = alpha_1 ... alpha_t,  beta~_t = beta_t (1 - abar_{t-1})/(1 - abar_t)
 *
 * @param[out] s     owned by the caller; gref_schedule_free. Unchanged on error.
 * @param[in]  beta  beta_1..beta_T.
 * @return GREF_OK; GREF_ERR_RANGE (T < 1, or a beta outside (0, 1), named with its t; NaN too);
 *         GREF_ERR_NOMEM.
 * @error  abar and qbar: relative 2^-52. beta_tilde: relative 2^-51.
 * @see    THEORY section 3; Ho et al. 2020. Tests: test_schedule.c
 */
gref_status gref_schedule_from_betas(gref_schedule *s, const double *beta, int T)
{
    SCOPED_MEM dd *b = NULL;
    REQUIRE(T >= 1, GREF_ERR_RANGE, "a schedule needs at least one step, not %d", T);
    b = gref_alloc((size_t)T, sizeof *b);
    REQUIRE(b != NULL, GREF_ERR_NOMEM, "no memory for a schedule of %d steps", T);
    for (int t = 1; t <= T; t++) {
        REQUIRE(beta[t - 1] > 0.0 && beta[t - 1] < 1.0, GREF_ERR_RANGE,
                "beta_%d = %.17g must lie between 0 and 1", t, beta[t - 1]);
        b[t - 1] = (dd){beta[t - 1], 0.0};
    }
    return build(s, b, T);
}

/**
 * Linear schedule.
 *
 *     beta_t = beta_first + (t - 1)/(T - 1) (beta_last - beta_first)      (T = 1: beta_first)
 *
 * beta_t is numpy.linspace's value: start + k * step rounded in that order, last entry exact.
 *
 * @return GREF_OK; GREF_ERR_RANGE (T < 1; beta outside (0, 1)); GREF_ERR_NOMEM. *s unchanged on error.
 * @error  as gref_schedule_from_betas, for those doubles.
 * @see    THEORY section 3; Ho et al. 2020. Tests: test_schedule.c
 */
gref_status gref_schedule_linear(gref_schedule *s, double beta_first, double beta_last, int T)
{
    SCOPED_MEM double *beta = NULL;
    REQUIRE(T >= 1, GREF_ERR_RANGE, "a schedule needs at least one step, not %d", T);
    beta = gref_alloc((size_t)T, sizeof *beta);
    REQUIRE(beta != NULL, GREF_ERR_NOMEM, "no memory for a schedule of %d steps", T);
    double step = T > 1 ? (beta_last - beta_first) / (T - 1) : 0.0;
    for (int k = 0; k < T; k++)
        beta[k] = beta_first + k * step;
    if (T > 1)
        beta[T - 1] = beta_last;
    return gref_schedule_from_betas(s, beta, T);
}

/**
 * Cosine schedule of Nichol and Dhariwal.
 *
 *     f(t) = cos^2( (t/T + 0.008)/1.008 pi/2 ),   beta_t = min(1 - f(t)/f(t-1), 0.999)
 *
 * The difference from 1 is never taken: with f(t) = cos^2 a_t, cos^2 a - cos^2 b is sin(b - a)
 * sin(b + a), and cosines near a_T = pi/2 are sines of the complement, whose angle has no more than
 * a rounding.
 *
 * @return GREF_OK; GREF_ERR_RANGE (T < 1); GREF_ERR_NOMEM. *s unchanged on error.
 * @error  beta_t: relative 16 eps; the rest as gref_schedule_from_betas.
 * @see    Nichol & Dhariwal 2021, equation (17). Tests: test_schedule.c
 */
gref_status gref_schedule_cosine(gref_schedule *s, int T)
{
    SCOPED_MEM double *beta = NULL;
    REQUIRE(T >= 1, GREF_ERR_RANGE, "a schedule needs at least one step, not %d", T);
    beta = gref_alloc((size_t)T, sizeof *beta);
    REQUIRE(beta != NULL, GREF_ERR_NOMEM, "no memory for a schedule of %d steps", T);
    const double half_pi = 1.5707963267948966192313216916398;
    double unit = half_pi / (1.008 * T); /* a_t - a_{t-1} */
    for (int t = 1; t <= T; t++) {
        double before = sin((T - t + 1.0) * unit); /* cos a_{t-1} */
        double sum =
            fmin(2.0 * t - 1.0 + 0.016 * T, 2.0 * (T - t) + 1.0); /* a_t + a_{t-1} or pi - */
        beta[t - 1] = fmin(sin(unit) * sin(sum * unit) / (before * before), 0.999);
    }
    return gref_schedule_from_betas(s, beta, T);
}
