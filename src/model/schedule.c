/*
 * Noise schedules (THEORY section 3).
 *
 *   beta_t        step variance, 0 < beta_t < 1                     beta[t],  t = 1..T
 *   alpha_t       1 - beta_t                                        alpha[t]
 *   abar_t        alpha_1 ... alpha_t                               abar[t],  t = 0..T
 *   1 - abar_t    by q_t = beta_t + alpha_t q_{t-1}                 qbar[t]
 *   decay_t       1 - abar_t/abar_{t-1}, which is beta_t here       decay[t]
 *   beta~_t       decay_t q_{t-1} / q_t                             beta_tilde[t]
 *
 * From betas, products and the recursion are carried in double-double, so that abar_t and q_t are
 * the exact values of the given beta_t up to one rounding (relative error <= 2^-52 for T up to
 * 2^40). The other schedules give abar_t, q_t and decay_t each in closed form.
 */
#include <float.h>
#include <limits.h>
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
    free(s->beta); /* one block holds every array */
    *s = (gref_schedule){0};
}

/* One value for each of t = 1..T. */
static gref_status values(double **x, int T)
{
    REQUIRE(T >= 1, GREF_ERR_RANGE, "a schedule needs at least one step, not %d", T);
    *x = gref_alloc((size_t)T, sizeof **x);
    REQUIRE(*x != NULL, GREF_ERR_NOMEM, "no memory for a schedule of %d steps", T);
    return GREF_OK;
}

enum { ARRAYS = 7 };

/* Arrays of zeros but for alpha_0 and abar_0, which are 1. */
static gref_status start(gref_schedule *out, gref_schedule_kind kind, int T)
{
    size_t len = (size_t)T + 1;
    REQUIRE(T >= 1, GREF_ERR_RANGE, "a schedule needs at least one step, not %d", T);
    double *block = gref_alloc(ARRAYS * len, sizeof *block);
    REQUIRE(block != NULL, GREF_ERR_NOMEM, "no memory for a schedule of %d steps", T);
    *out = (gref_schedule){.T = T,
                           .beta = block,
                           .alpha = block + len,
                           .abar = block + 2 * len,
                           .qbar = block + 3 * len,
                           .beta_tilde = block + 4 * len,
                           .decay = block + 5 * len,
                           .time = kind == GREF_SCHEDULE_DISCRETE ? NULL : block + 6 * len,
                           .kind = kind};
    out->alpha[0] = out->abar[0] = 1.0;
    return GREF_OK;
}

/** A copy of s, to the bit, for gref_schedule_free. GREF_OK; GREF_ERR_NOMEM. Unchanged on error. */
gref_status gref_schedule_copy(gref_schedule *out, const gref_schedule *s)
{
    gref_schedule copy;
    TRY(start(&copy, s->kind, s->T));
    memcpy(copy.beta, s->beta, ARRAYS * ((size_t)s->T + 1) * sizeof *s->beta);
    memcpy(copy.rate, s->rate, sizeof copy.rate);
    copy.least_steps = s->least_steps;
    *out = copy;
    return GREF_OK;
}

/* Entry t of beta_tilde from decay and qbar. */
static void set_beta_tilde(gref_schedule *s, int t)
{
    s->beta_tilde[t] = s->decay[t] * (s->qbar[t - 1] / s->qbar[t]);
}

/*
 * What abar, qbar and decay leave to be said. An abar_T or a 1 - abar_1 below the normal doubles is
 * refused.
 */
static gref_status finish(gref_schedule *s)
{
    REQUIRE(s->abar[s->T] >= DBL_MIN, GREF_ERR_RANGE, "abar_%d = %.3g is below every normal double",
            s->T, s->abar[s->T]);
    REQUIRE(s->qbar[1] >= DBL_MIN, GREF_ERR_RANGE, "1 - abar_1 = %.3g is below every normal double",
            s->qbar[1]);
    for (int t = 1; t <= s->T; t++) {
        if (s->kind != GREF_SCHEDULE_VP) {
            s->beta[t] = s->decay[t];
            s->alpha[t] = s->abar[t] / s->abar[t - 1];
        }
        set_beta_tilde(s, t);
    }
    return GREF_OK;
}

/**
 * Schedule from given betas.
 *
 *     alpha_t = 1 - beta_t,  abar_t = alpha_1 ... alpha_t,  beta~_t = beta_t (1 - abar_{t-1})/(1 - abar_t)
 *
 * @param[out] out   owned by the caller; gref_schedule_free. Unchanged on error.
 * @param[in]  beta  beta_1..beta_T.
 * @return GREF_OK; GREF_ERR_RANGE (T < 1, or a beta outside (0, 1), named with its t; NaN too);
 *         GREF_ERR_NOMEM.
 * @error  abar and qbar: relative 2^-52. beta_tilde: relative 2^-51.
 * @see    THEORY section 3; Ho et al. 2020. Tests: test_schedule.c
 */
gref_status gref_schedule_from_betas(gref_schedule *out, const double *beta, int T)
{
    SCOPED(gref_schedule) s = {0};
    dd abar = {1.0, 0.0}, q = {0.0, 0.0};
    TRY(start(&s, GREF_SCHEDULE_DISCRETE, T));
    for (int t = 1; t <= T; t++) {
        double b = beta[t - 1];
        REQUIRE(b > 0.0 && b < 1.0, GREF_ERR_RANGE, "beta_%d = %.17g must lie between 0 and 1", t,
                b);
        dd a = dd_sum(1.0, -b);
        abar = dd_mul(abar, a);
        q = dd_add((dd){b, 0.0}, dd_mul(a, q));
        s.beta[t] = s.decay[t] = b;
        s.alpha[t] = a.hi;
        s.abar[t] = abar.hi;
        s.qbar[t] = q.hi;
        set_beta_tilde(&s, t);
    }
    *out = TAKE(s);
    return GREF_OK;
}

/* numpy.linspace(first, last, T), squared if asked to, as betas. */
static gref_status linear(gref_schedule *s, double first, double last, int T, bool squared)
{
    SCOPED_MEM double *beta = NULL;
    TRY(values(&beta, T));
    double step = T > 1 ? (last - first) / (T - 1) : 0.0;
    for (int k = 0; k < T; k++) {
        double x = k > 0 && k == T - 1 ? last : first + k * step;
        beta[k] = squared ? x * x : x;
    }
    return gref_schedule_from_betas(s, beta, T);
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
    return linear(s, beta_first, beta_last, T, false);
}

/**
 * Schedule that is linear in sqrt(beta) ("scaled_linear" of diffusers).
 *
 *     beta_t = (sqrt(beta_first) + (t - 1)/(T - 1) (sqrt(beta_last) - sqrt(beta_first)))^2
 *
 * @return as gref_schedule_linear.
 * @error  as gref_schedule_from_betas, for the doubles numpy.linspace(sqrt first, sqrt last, T)**2.
 * @see    Rombach et al. 2022. Tests: test_schedule.c
 */
gref_status gref_schedule_linear_scaled(gref_schedule *s, double beta_first, double beta_last,
                                        int T)
{
    return linear(s, sqrt(beta_first), sqrt(beta_last), T, true);
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
    TRY(values(&beta, T));
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

/**
 * Schedule from given abar.
 *
 *     decay_t = beta_t = (abar_{t-1} - abar_t)/abar_{t-1},   alpha_t = abar_t/abar_{t-1},   abar_0 = 1
 *
 * @param[out] out   owned by the caller; gref_schedule_free. Unchanged on error.
 * @param[in]  abar  abar_1..abar_T, decreasing.
 * @return GREF_OK; GREF_ERR_RANGE (T < 1; an abar_t that is not between 0 and abar_{t-1}, named with
 *         its t; abar_T below the normal doubles); GREF_ERR_NOMEM.
 * @error  for those doubles, relative: qbar 2^-53; alpha 2^-53; decay and beta 2^-52; beta_tilde
 *         2^-50.
 * @see    THEORY section 3. Tests: test_schedule.c
 */
gref_status gref_schedule_from_abar(gref_schedule *out, const double *abar, int T)
{
    SCOPED(gref_schedule) s = {0};
    TRY(start(&s, GREF_SCHEDULE_DISCRETE, T));
    for (int t = 1; t <= T; t++) {
        double a = abar[t - 1], before = s.abar[t - 1];
        REQUIRE(a > 0.0 && a < before, GREF_ERR_RANGE,
                "abar_%d = %.17g must lie between 0 and abar_%d = %.17g", t, a, t - 1, before);
        s.abar[t] = a;
        s.qbar[t] = 1.0 - a;
        s.decay[t] = (before - a) / before;
    }
    TRY(finish(&s));
    *out = TAKE(s);
    return GREF_OK;
}

/**
 * Schedule from given noise levels of the variance-exploding form.
 *
 *     abar_t = 1/(1 + sigma_t^2),   1 - abar_t = sigma_t^2/(1 + sigma_t^2),   sigma_0 = 0,
 *     decay_t = beta_t = (sigma_t - sigma_{t-1})(sigma_t + sigma_{t-1})/(1 + sigma_t^2)
 *
 * A state y_t here is theirs over sqrt(1 + sigma_t^2).
 *
 * @param[out] out    of the kind edm; owned by the caller; gref_schedule_free. Unchanged on error.
 * @param[in]  sigma  sigma_1..sigma_T, increasing with t.
 * @return GREF_OK; GREF_ERR_RANGE (T < 1; a sigma_t that is not above sigma_{t-1}, named with its t;
 *         sigma so large or small that abar_T or 1 - abar_1 is no normal double); GREF_ERR_NOMEM.
 * @error  for those doubles, relative: abar, qbar 2^-51; alpha, decay and beta 2^-50; beta_tilde
 *         2^-49.
 * @see    THEORY section 3; Karras et al. 2022. Tests: test_schedule.c
 */
gref_status gref_schedule_from_sigmas(gref_schedule *out, const double *sigma, int T)
{
    SCOPED(gref_schedule) s = {0};
    TRY(start(&s, GREF_SCHEDULE_EDM, T));
    for (int t = 1; t <= T; t++) {
        double x = sigma[t - 1], before = s.time[t - 1], one = 1.0 + x * x;
        REQUIRE(x > before && x < INFINITY, GREF_ERR_RANGE,
                "sigma_%d = %.17g must be finite and above sigma_%d = %.17g", t, x, t - 1, before);
        s.time[t] = x;
        s.abar[t] = 1.0 / one;
        s.qbar[t] = x * x / one;
        s.decay[t] = (x - before) * (x + before) / one;
    }
    TRY(finish(&s));
    *out = TAKE(s);
    return GREF_OK;
}

/**
 * Noise levels of Karras et al.
 *
 *     sigma_t = (r_max + (T - t)/(T - 1) (r_min - r_max))^rho,   r = sigma^(1/rho),   t = 1..T;   sigma_0 = 0
 *
 * sigma_T = sigma_max and sigma_1 = sigma_min exactly.
 *
 * @param[out] s  of the kind edm; owned by the caller; gref_schedule_free. Unchanged on error.
 * @return GREF_OK; GREF_ERR_RANGE (T < 2; rho not positive and finite; sigma_min, sigma_max not
 *         0 < sigma_min < sigma_max; what gref_schedule_from_sigmas refuses); GREF_ERR_NOMEM.
 * @error  sigma_t: relative (6 rho + 3 + l) (r_max/r_t) 2^-53, l the largest |log sigma|; the rest
 *         as gref_schedule_from_sigmas.
 * @see    THEORY section 3; Karras et al. 2022, equation (5). Tests: test_schedule.c
 */
gref_status gref_schedule_edm(gref_schedule *s, double sigma_min, double sigma_max, double rho,
                              int T)
{
    SCOPED_MEM double *sigma = NULL;
    REQUIRE(T >= 2, GREF_ERR_RANGE, "an edm schedule needs at least two steps, not %d", T);
    REQUIRE(sigma_min > 0.0 && sigma_min < sigma_max && sigma_max < INFINITY, GREF_ERR_RANGE,
            "sigma [%.17g, %.17g] must be increasing, positive and finite", sigma_min, sigma_max);
    REQUIRE(rho > 0.0 && rho < INFINITY, GREF_ERR_RANGE, "rho = %.17g must be positive", rho);
    TRY(values(&sigma, T));
    double most = pow(sigma_max, 1.0 / rho), least = pow(sigma_min, 1.0 / rho);
    sigma[0] = sigma_min;
    sigma[T - 1] = sigma_max;
    for (int t = 2; t < T; t++)
        sigma[t - 1] = pow(most + (double)(T - t) / (T - 1) * (least - most), rho);
    return gref_schedule_from_sigmas(s, sigma, T);
}

/* Least T with rate (width/T) < 1, as gref_schedule_vp rounds it. */
static int least_steps(double rate, double width)
{
    int T = (int)fmax(1.0, rate * width);
    while (rate * (width / T) >= 1.0)
        T++;
    return T;
}

/**
 * Variance-preserving schedule in continuous time (Song et al.), on a uniform grid.
 *
 *     tau_t = eps + t dt,  dt = (end - eps)/T,      beta(tau) = b0 + (b1 - b0) tau,
 *     B(tau) = b0 tau + (b1 - b0) tau^2/2,          abar_t = exp(-B(tau_t)),   1 - abar_t = -expm1(-B(tau_t)),
 *     beta_t = beta(tau_t) dt,  alpha_t = 1 - beta_t,
 *     decay_t = -expm1(-(B_t - B_{t-1})),           B_t - B_{t-1} = (tau_t - tau_{t-1}) beta((tau_t + tau_{t-1})/2)
 *
 * State 0 is at tau = eps, so abar_0 < 1 for eps > 0. beta_t may reach 1: `least_steps` says from
 * which T on it does not.
 *
 * @param[out] out   of the kind vp; owned by the caller; gref_schedule_free. Unchanged on error.
 * @param[in]  beta  b0, b1 with 0 <= b0 <= b1, b1 > 0.                        [per unit of time]
 * @param[in]  span  eps, end with 0 <= eps < end.                                         [time]
 * @return GREF_OK; GREF_ERR_RANGE (T < 1; beta, span; abar_T or 1 - abar_1 below the normal
 *         doubles; a grid too fine for doubles); GREF_ERR_NOMEM.
 * @error  for the doubles tau_t, relative: qbar, decay, beta 2^-50; beta_tilde 2^-48; abar (1 + B) 2^-51.
 *         alpha: absolute 2^-50 max(1, beta).
 * @see    THEORY section 3; Song et al. 2021, equation (11). Tests: test_schedule.c
 */
gref_status gref_schedule_vp(gref_schedule *out, const double beta[2], const double span[2], int T)
{
    SCOPED(gref_schedule) s = {0};
    double b0 = beta[0], slope = beta[1] - b0, eps = span[0], end = span[1];
    REQUIRE(b0 >= 0.0 && b0 <= beta[1] && beta[1] > 0.0 && beta[1] < INFINITY, GREF_ERR_RANGE,
            "beta [%.17g, %.17g] must not decrease, with 0 <= first and 0 < last", b0, beta[1]);
    REQUIRE(eps >= 0.0 && eps < end && end < INFINITY, GREF_ERR_RANGE,
            "span [%.17g, %.17g] must increase, with 0 <= first", eps, end);
    TRY(start(&s, GREF_SCHEDULE_VP, T));
    double dt = (end - eps) / T;
    for (int t = 0; t <= T; t++) {
        double at = t < T ? eps + t * dt : end, B = at * (b0 + 0.5 * slope * at);
        s.time[t] = at;
        s.abar[t] = exp(-B);
        s.qbar[t] = -expm1(-B);
        if (t == 0)
            continue;
        double before = s.time[t - 1];
        REQUIRE(at > before, GREF_ERR_RANGE, "%d steps are too many for span [%.17g, %.17g]", T,
                eps, end);
        s.beta[t] = (b0 + slope * at) * dt;
        s.alpha[t] = 1.0 - s.beta[t];
        s.decay[t] = -expm1(-(at - before) * (b0 + 0.5 * slope * (at + before)));
    }
    TRY(finish(&s));
    s.rate[0] = b0;
    s.rate[1] = beta[1];
    s.least_steps = least_steps(b0 + slope * end, end - eps);
    *out = TAKE(s);
    return GREF_OK;
}

/**
 * A vp schedule with its midpoints: 2 T steps over the same span, whose state 2k is state k of s, to
 * the bit.
 *
 * @param[out] out  owned by the caller; gref_schedule_free. Unchanged on error. Not s.
 * @return GREF_OK; GREF_ERR_RANGE (s is not vp; 2 T is no int); GREF_ERR_NOMEM.
 * @error  as gref_schedule_vp.
 * @see    Tests: test_schedule.c
 */
gref_status gref_schedule_doubled(gref_schedule *out, const gref_schedule *s)
{
    REQUIRE(s->kind == GREF_SCHEDULE_VP, GREF_ERR_RANGE, "only a vp schedule has midpoints");
    REQUIRE(s->T <= INT_MAX / 2, GREF_ERR_RANGE, "%d steps cannot be doubled", s->T);
    return gref_schedule_vp(out, s->rate, (const double[2]){s->time[0], s->time[s->T]}, 2 * s->T);
}
