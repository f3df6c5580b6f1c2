/*
 * Distribution functions. Tails are computed as such, never as 1 - cdf, so that small p-values are
 * right.
 *
 *   P(a, x), Q(a, x)   regularised incomplete gamma function and its complement
 *   I_x(a, b)          regularised incomplete beta function
 *
 * Series for P where x < a + 1, Lentz's continued fractions for Q and I elsewhere (Abramowitz &
 * Stegun 6.5.29, 6.5.31, 26.5.8). Debian packages no small C library for these under a permissive
 * licence.
 */
#include <float.h>
#include <math.h>

#include "internal.h"

enum { MOST_TERMS = 100000 };
#define TINY 1e-300

/* ln Gamma(a), without the global sign that lgamma writes. */
static double log_gamma(double a)
{
    int sign;
    return lgamma_r(a, &sign);
}

/* x^a e^-x / Gamma(a + 1) */
static double gamma_factor(double a, double x)
{
    return exp(a * log(x) - x - log_gamma(a + 1.0));
}

/* P(a, x) by its power series: x^a e^-x / Gamma(a + 1) sum_k x^k / ((a + 1) ... (a + k)). */
static double gamma_series(double a, double x)
{
    double term = 1.0, sum = 1.0;
    for (int k = 1; k < MOST_TERMS && term > 0.25 * DBL_EPSILON * sum; k++) {
        term *= x / (a + k);
        sum += term;
    }
    return gamma_factor(a, x) * sum;
}

/* Q(a, x) by its continued fraction x + 1 - a - 1 (1 - a)/(x + 3 - a - ...). */
static double gamma_fraction(double a, double x)
{
    double b = x + 1.0 - a, c = 1.0 / TINY, d = 1.0 / b, h = d;
    for (int k = 1; k < MOST_TERMS; k++) {
        double an = -k * (k - a);
        b += 2.0;
        d = an * d + b;
        d = 1.0 / (fabs(d) < TINY ? TINY : d);
        c = b + an / c;
        c = fabs(c) < TINY ? TINY : c;
        h *= d * c;
        if (fabs(d * c - 1.0) < 2 * DBL_EPSILON)
            break;
    }
    return gamma_factor(a, x) * a * h;
}

/**
 * P(a, x) = 1/Gamma(a) int_0^x t^(a - 1) e^-t dt, a > 0; 0 for x <= 0.
 *
 * @error  relative, about a eps ln a in the smaller of P and Q. Tests: test_special.c
 */
double gref_gamma_lower(double a, double x)
{
    if (!(x > 0.0))
        return isnan(x) ? x : 0.0;
    return x < a + 1.0 ? gamma_series(a, x) : 1.0 - gamma_fraction(a, x);
}

/** Q(a, x) = 1 - P(a, x). */
double gref_gamma_upper(double a, double x)
{
    if (!(x > 0.0))
        return isnan(x) ? x : 1.0;
    return x < a + 1.0 ? 1.0 - gamma_series(a, x) : isinf(x) ? 0.0 : gamma_fraction(a, x);
}

/* The continued fraction of I_x(a, b), for x < (a + 1)/(a + b + 2). */
static double beta_fraction(double a, double b, double x)
{
    double c = 1.0, d = 1.0 - (a + b) * x / (a + 1.0);
    d = 1.0 / (fabs(d) < TINY ? TINY : d);
    double h = d;
    for (int m = 1; m < MOST_TERMS; m++) {
        const double even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m));
        const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0));
        double step = 1.0;
        for (int half = 0; half < 2; half++) {
            double an = half == 0 ? even : odd;
            d = 1.0 + an * d;
            d = 1.0 / (fabs(d) < TINY ? TINY : d);
            c = 1.0 + an / c;
            c = fabs(c) < TINY ? TINY : c;
            step = d * c;
            h *= step;
        }
        if (fabs(step - 1.0) < 2 * DBL_EPSILON)
            break;
    }
    return h;
}

/** I_x(a, b) = 1/B(a, b) int_0^x t^(a - 1) (1 - t)^(b - 1) dt, a, b > 0; 0 for x <= 0, 1 for x >= 1. */
double gref_beta_lower(double a, double b, double x)
{
    if (!(x > 0.0 && x < 1.0))
        return isnan(x) ? x : x > 0.0 ? 1.0 : 0.0;
    double factor =
        exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * log(x) + b * log1p(-x));
    if (x < (a + 1.0) / (a + b + 2.0))
        return factor * beta_fraction(a, b, x) / a;
    return 1.0 - factor * beta_fraction(b, a, 1.0 - x) / b;
}

/** P(Z > z), Z ~ N(0, 1). */
double gref_normal_tail(double z)
{
    return 0.5 * erfc(z * 0.70710678118654752440);
}

/** P(X > x), X ~ chi^2 with k degrees of freedom. */
double gref_chi2_tail(double x, double k)
{
    return gref_gamma_upper(0.5 * k, 0.5 * x);
}

/** Two-sided p-value of X ~ chi^2_k: 2 min(P(X <= x), P(X > x)). */
double gref_chi2_two_sided(double x, double k)
{
    double lower = gref_gamma_lower(0.5 * k, 0.5 * x), upper = gref_gamma_upper(0.5 * k, 0.5 * x);
    return fmin(1.0, 2.0 * fmin(lower, upper));
}

/** P(F > f), F ~ F(d1, d2). */
double gref_f_tail(double f, double d1, double d2)
{
    return gref_beta_lower(0.5 * d2, 0.5 * d1, d2 / (d2 + d1 * f));
}

/**
 * P(X > x) for the shifted gamma law with the first three cumulants given (Pearson's type III),
 * k3 >= 0: normal where the skewness is below 1e-4.
 */
double gref_pearson3_tail(double x, const double k[3])
{
    double skew = k[2] / pow(k[1], 1.5);
    if (!(k[1] > 0.0))
        return x > k[0] ? 0.0 : 1.0;
    if (skew < 1e-4)
        return gref_normal_tail((x - k[0]) / sqrt(k[1]));
    double shape = 4.0 / (skew * skew), scale = 0.5 * sqrt(k[1]) * skew;
    return gref_gamma_upper(shape, (x - k[0]) / scale + shape);
}

/** x with P(X > x) = p, for the same law; 0 < p < 1/2. By bisection, to 1e-12 of a standard deviation. */
double gref_pearson3_quantile(double p, const double k[3])
{
    double lo = k[0] - 2 * sqrt(k[1]), hi = k[0] + 60 * sqrt(k[1]);
    while (hi - lo > 1e-12 * sqrt(k[1])) {
        double mid = 0.5 * (lo + hi);
        *(gref_pearson3_tail(mid, k) > p ? &lo : &hi) = mid;
        if (mid == lo && mid == hi)
            break;
        if (hi <= nextafter(lo, hi))
            break;
    }
    return 0.5 * (lo + hi);
}

/*
 * P(A^2 <= z) for infinitely many observations (Anderson & Darling 1954):
 *
 *     sqrt(2 pi)/z sum_j binom(-1/2, j) (4 j + 1) e^-a_j int_0^inf exp(z/(8 (w^2 + 1)) - a_j w^2) dw,
 *     a_j = (4 j + 1)^2 pi^2/(8 z)
 *
 * The integrals by the trapezoidal rule in x = sqrt(a_j) w, which converges like e^(-2 pi
 * sqrt(a_j)/h): to 1e-14 for z <= 20.
 */
static double anderson_darling_limit(double z)
{
    const double pi = 3.14159265358979323846, h = 0.03;
    double sum = 0.0, binomial = 1.0;
    for (int j = 0; j < 40; j++) {
        double a = (4 * j + 1) * (4 * j + 1) * pi * pi / (8 * z), integral = 0.0;
        for (int k = 0; k * h < 6.5; k++) {
            double x = k * h, w2 = x * x / a;
            integral += (k == 0 ? 0.5 : 1.0) * h * exp(z / (8 * (w2 + 1)) - x * x - a);
        }
        double term = binomial * (4 * j + 1) * integral / sqrt(a);
        sum += term;
        if (fabs(term) < 1e-18)
            break;
        binomial *= -(0.5 + j) / (j + 1);
    }
    return sqrt(2 * pi) / z * sum;
}

/* What is to be added to the limit x for N observations (Marsaglia & Marsaglia 2004). */
static double anderson_darling_correction(double N, double x)
{
    double c = 0.01265 + 0.1757 / N;
    if (x > 0.8)
        return (-130.2137 +
                (745.2337 - (1705.091 - (1950.646 - (1116.360 - 255.7844 * x) * x) * x) * x) * x) /
               N;
    if (x < c) {
        double v = x / c;
        return sqrt(v) * (1.0 - v) * (49 * v - 102) * (0.0037 / (N * N) + 0.00078 / N + 0.00006) /
               N;
    }
    double v = (x - c) / (0.8 - c);
    v = -0.00022633 + (6.54034 - (14.6538 - (14.458 - (8.259 - 1.91864 * v) * v) * v) * v) * v;
    return v * (0.04213 + 0.01365 / N) / N;
}

/**
 * P(A^2 > z) for N observations of a fully specified law; beyond z = 20 the tail falls like e^-z,
 * its slowest term: A^2 is sum_j chi^2_1/(j (j + 1)) in the limit.
 *
 * @error  that of the correction for N: about 1e-4/N. Tests: test_special.c
 */
double gref_anderson_darling_tail(double z, int N)
{
    const double last = 20.0;
    if (!(z > 0.0))
        return isnan(z) ? z : 1.0;
    if (z < 0.02) /* F < 1e-25 */
        return 1.0;
    double x = anderson_darling_limit(z < last ? z : last), limit = 1.0 - x;
    double tail = limit - anderson_darling_correction(N, x);
    tail = fmin(fmin(1.0, 2 * limit),
                fmax(tail, 0.5 * limit)); /* in the far tail it is larger than what it corrects */
    return z < last ? tail : tail * exp(last - z);
}
