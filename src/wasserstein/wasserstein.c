/*
 * 2-Wasserstein distance between Gaussian laws N(m_i, C_i), i = 1, 2 (THEORY section 8).
 *
 *   L_i    n x r_i, C_i = L_i L_i^T                                                   [pixel]
 *   w2^2 = |m1 - m2|^2 + (covariance part)^2
 *
 * The covariance part comes from the optimal map (map.c) and from factors (factor.c), two routes
 * whose proofs share no formula; certified results are the intersection of their enclosures, and an
 * empty intersection is an error. Inputs are scaled by a power of two, so that nothing over- or
 * underflows.
 *
 * The trace formula tr C1 + tr C2 - 2 tr (C1^1/2 C2 C1^1/2)^1/2 is nowhere evaluated: it loses all
 * digits once W2 < sqrt(eps) |C|^1/2 (THEORY section 11 has the measurements).
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/internal.h"
#include "dense/bound.h"
#include "internal.h"
#include <gref/psd.h>
#include <gref/wasserstein.h>

/* A law whose entries are rounded doubles. */
static gref_w2_law plain(gref_cmat m, gref_cmat C)
{
    return (gref_w2_law){m, C, GREF_U, GREF_U};
}

/* The result from its parts; the covariance part is certified if its upper end is finite. */
static gref_status finish(gref_w2 *out, double mean, double r_mean, const gref_w2_part *p)
{
    gref_w2_cov cov = p->cov;
    gref_w2 w = {.w2 = hypot(mean, cov.w),
                 .w2_mean = mean,
                 .w2_cov = cov.w,
                 .upper = INFINITY,
                 .certified = cov.upper < INFINITY,
                 .rank = p->rank,
                 .rank_cost = p->rank_cost,
                 .rounded = p->rounded,
                 .method = p->method};
    REQUIRE(isfinite(w.w2), GREF_ERR_RANGE, "W2 overflows: mean part %g, covariance part %g", mean,
            cov.w);
    if (w.certified) { /* hypot errs by less than 1 ulp, the mean by 4 u: 8 u in all */
        double tiny = 0x1p-1060;
        w.lower = fmax(
            gref_down(hypot(mean * (1 - 8 * GREF_U), cov.lower) * (1 - 4 * GREF_U)) - tiny, 0.0);
        w.upper = gref_up(hypot(mean * (1 + 8 * GREF_U), cov.upper) * (1 + 4 * GREF_U)) + tiny;
        if (mean == 0.0) {
            w.lower = cov.lower;
            w.upper = cov.upper;
        }
        w.r_in = hypot(r_mean, p->r_in);
        w.w2 = fmin(fmax(w.w2, w.lower), w.upper);
    } else {
        w.error = cov.error;
    }
    *out = w;
    return GREF_OK;
}

static gref_status require_factors(gref_cmat L1, gref_cmat L2)
{
    REQUIRE(L2.m == L1.m, GREF_ERR_SHAPE, "L1 has %d rows, L2 %d", L1.m, L2.m);
    TRY(gref_require_finite(L1, "L1"));
    return gref_require_finite(L2, "L2");
}

/* *L becomes its copy with r columns, times 2^e; left alone where it is that already. */
static gref_status fit(gref_mat *copy, gref_cmat *L, int r, int e)
{
    if (L->n == r && e == 0)
        return GREF_OK;
    TRY(gref_w2_scaled_copy(copy, *L, r, e));
    *L = gref_const(*copy);
    return GREF_OK;
}

/* A matrix that is only read, in a struct that could own one. */
static gref_mat borrow(gref_cmat L)
{
    return (gref_mat){(double *)(uintptr_t)L.a, L.m, L.n, L.ld};
}

/*
 * Of factors with more columns than rows, the map form too, from L L^T in twice the working
 * precision: K of the factor form is noise in r - n directions, and where laws are close that is
 * all that its lower bound sees.
 */
static gref_status by_map(gref_w2_cov *cov, gref_cmat L1, gref_cmat L2)
{
    int n = L1.m;
    SCOPED(gref_mat) C1 = {0}, c1 = {0}, C2 = {0}, c2 = {0};
    gref_mat *all[] = {&C1, &c1, &C2, &c2};
    gref_w2_cov map;
    for (int k = 0; k < 4; k++)
        TRY(gref_mat_new(all[k], n, n));
    TRY(gref_dot2_lower(C1, c1, L1, false, L1, true));
    TRY(gref_dot2_lower(C2, c2, L2, false, L2, true));
    double a = gref_norm_fro_up(L1), b = gref_norm_fro_up(L2), unit = gref_dot2_error_up(L1.n);
    gref_w2_pair pair = {gref_const(C1),
                         gref_const(C2),
                         gref_const(c1),
                         gref_const(c2),
                         gref_inflate(unit * a * a),
                         gref_inflate(unit * b * b)};
    gref_status status = gref_w2_map(&map, (gref_mat){0}, &pair, true);
    if (status == GREF_ERR_NOT_PD)
        return GREF_OK;
    TRY(status);
    TRY(gref_w2_intersect(&map, *cov));
    *cov = map;
    return GREF_OK;
}

gref_status gref_w2_of_factors(gref_w2 *out, const gref_w2_law *a, const gref_w2_law *b,
                               bool certified)
{
    gref_cmat L1 = a->C, L2 = b->C;
    int n = L1.m, r = L1.n > L2.n ? L1.n : L2.n, e = 0;
    SCOPED(gref_w2_factor) f1 = {.rank = r}, f2 = {.rank = r};
    gref_w2_part p = {.rank = r, .method = "factor"};
    double mean = 0.0, r_mean = 0.0;
    TRY(gref_w2_mean_part(&mean, &r_mean, a, b, n));
    TRY(require_factors(L1, L2));
    p.r_in = gref_w2_rounding_radius(L1, a->u) + gref_w2_rounding_radius(L2, b->u);
    e = gref_w2_exponent(L1, L2);
    if (abs(e) <= 64) /* no product can leave the range of doubles: no need to scale */
        e = 0;
    bool identical = gref_w2_identical(L1, L2);
    TRY(fit(&f1.L, &L1, r, -e));
    TRY(fit(&f2.L, &L2, r, -e));
    if (certified) {
        gref_w2_factor v1 = {.L = borrow(L1), .rank = r}, v2 = {.L = borrow(L2), .rank = r};
        TRY(gref_w2_factor_form(&p.cov, &v1, &v2, (gref_cmat){0}, 2));
        if (r > n && !identical && p.cov.upper - p.cov.lower > 0x1p-44 * p.cov.upper) {
            TRY(by_map(&p.cov, L1, L2));
            p.method = "map+factor";
        }
    } else {
        TRY(gref_w2_procrustes(&p.cov, L1, L2));
    }
    p.cov = identical ? (gref_w2_cov){0} : gref_w2_unscale(p.cov, e, n);
    return finish(out, mean, r_mean, &p);
}

/**
 * W2 between two Gaussian laws given by factors of their covariances: a value without a proof.
 *
 *     W2^2 = |m1 - m2|^2 + min over orthogonal Q of |L1 - L2 Q|_F^2
 *
 * Factors may have any rank and different numbers of columns (the narrower one is padded by zeros).
 *
 * @param[out] out  unchanged on error.                                                 [pixel]
 * @param[in]  m1   n x 1; m2 likewise.                                                  [pixel]
 * @param[in]  L1   n x r1, L2 n x r2, C_i = L_i L_i^T.                                  [pixel]
 * @return GREF_OK; GREF_ERR_SHAPE; GREF_ERR_NONFINITE; GREF_ERR_RANGE (overflow); GREF_ERR_NOMEM;
 *         GREF_ERR_NUMERICS.
 * @error  absolute, in the covariance part, for the given factors:
 *         c n u (|L1|_F + |L2|_F) + c u |L1|_F |L2|_F/sqrt(h), c about 1, h the smallest non-zero singular
 *         value of L2^T L1; the second term never exceeds c sqrt(n u |L1|_F |L2|_F). It is how far Q may
 *         turn inside nearly null directions: 1e-11 |L|_F at cond(C) = 1e12 when C1 = C2.
 * @cost   about 20 r x r products; 6 r^2 + n r doubles, r = max(r1, r2).
 * @see    THEORY sections 8 and 11, factor form. Tests: test_wasserstein.c
 */
gref_status gref_w2_factors(gref_w2 *out, gref_cmat m1, gref_cmat L1, gref_cmat m2, gref_cmat L2)
{
    gref_w2_law a = plain(m1, L1), b = plain(m2, L2);
    return gref_w2_of_factors(out, &a, &b, false);
}

/**
 * As gref_w2_factors, with a proved interval for the given factors as exact data.
 *
 * @error  lower <= W2 <= upper always; relative width about 3e-15 down to |L1 - L2| = 1e-12 |L|. Where one of the
 *         factors has a direction that the other lacks, the lower bound comes from traces and singular values:
 *         absolute width c n u |L|^2/W2. With r > n, as gref_w2_certify_laws of L_i L_i^T where
 *         that is narrower.
 * @cost   about 60 r x r products, and with r > n at most 130 n x n ones.
 * @see    THEORY section 11: enclosure B. Tests: test_w2_certified.c
 */
gref_status gref_w2_certify_factors(gref_w2 *out, gref_cmat m1, gref_cmat L1, gref_cmat m2,
                                    gref_cmat L2)
{
    gref_w2_law a = plain(m1, L1), b = plain(m2, L2);
    return gref_w2_of_factors(out, &a, &b, true);
}

gref_status gref_w2_of_covariances(gref_w2 *out, const gref_w2_law *a, const gref_w2_law *b,
                                   bool certified)
{
    gref_w2_part p;
    double mean = 0.0, r_mean = 0.0;
    TRY(gref_psd_require_symmetric(a->C, a->u, "C1"));
    TRY(gref_psd_require_symmetric(b->C, b->u, "C2"));
    REQUIRE(a->C.n == b->C.n, GREF_ERR_SHAPE, "C1 is of order %d, C2 of order %d", a->C.n, b->C.n);
    REQUIRE(a->C.n >= 1, GREF_ERR_SHAPE, "laws on 0 dimensions have no distance");
    TRY(gref_w2_mean_part(&mean, &r_mean, a, b, a->C.n));
    TRY(gref_w2_covariances(&p, a, b, certified));
    return finish(out, mean, r_mean, &p);
}

/**
 * W2 between two Gaussian laws given by their covariances, which may be singular: a value without a
 * proof.
 *
 *     W2^2 = |m1 - m2|^2 + tr C1 + tr C2 - 2 tr (C1^1/2 C2 C1^1/2)^1/2
 *
 * by the optimal map, or through truncated factors if C1 or C2 is singular; never through that
 * trace.
 *
 * @param[out] out  unchanged on error.                                                 [pixel]
 * @param[in]  m1   n x 1; m2 likewise.                                                  [pixel]
 * @param[in]  C1   n x n PSD; C2 likewise. Symmetric to max(n, 16) eps max|C|: (C + C^T)/2 counts.
 * @return as gref_w2_factors; GREF_ERR_NOT_SYMMETRIC, GREF_ERR_NOT_PSD with the offending value.
 * @error  close laws, map: relative, whatever the gap, 1e-15 at cond(C) <= 1e4, 1e-10 at 1e8, 1e-6 at 1e12 (measured,
 *         THEORY section 11). Distant or singular laws, factors: as gref_w2_factors.
 * @cost   at most about 30 n x n products.
 * @see    THEORY section 8. Tests: test_wasserstein.c
 */
gref_status gref_w2_laws(gref_w2 *out, gref_cmat m1, gref_cmat C1, gref_cmat m2, gref_cmat C2)
{
    gref_w2_law a = plain(m1, C1), b = plain(m2, C2);
    return gref_w2_of_covariances(out, &a, &b, false);
}

/**
 * As gref_w2_laws, with a proved interval for the given doubles as exact data. Of a C that is not
 * quite symmetric the datum is (C + C^T)/2, rounded, and r_in covers the rest.
 *
 * @error  lower <= W2 <= upper always. Relative width <= 4e-15 for n <= 256, 1e-14 for n = 1024, at
 *         cond(C1) and cond(C2) up to 1e12 and any gap (measured on 12,000 pairs), as a rule at 1e20
 *         where it is the scales of variances, and for diagonal covariances; absolute 1e-13 |C|^1/2 for
 *         singular ones of exact rank, c sqrt(n u |C|) where that is up to rounding.
 * @return as gref_w2_laws; GREF_ERR_NUMERICS when the two enclosures are disjoint.
 * @cost   100 to 165 n x n products at n = 1024; 15 n^2 doubles.
 * @see    THEORY section 11: enclosures A and B. Tests: test_w2_certified.c
 */
gref_status gref_w2_certify_laws(gref_w2 *out, gref_cmat m1, gref_cmat C1, gref_cmat m2,
                                 gref_cmat C2)
{
    gref_w2_law a = plain(m1, C1), b = plain(m2, C2);
    return gref_w2_of_covariances(out, &a, &b, true);
}

gref_status gref_w2_of_mixed(gref_w2 *out, const gref_w2_law *a, const gref_w2_law *b)
{
    gref_cmat C1 = a->C, L2 = b->C;
    int n = C1.n, r = L2.n > n ? L2.n : n, ec = 0, el = 0;
    SCOPED(gref_w2_side) s = {0};
    SCOPED(gref_w2_factor) f2 = {.rank = L2.n}, wide = {0};
    gref_w2_part p = {.method = "factor"};
    double mean = 0.0, r_mean = 0.0;
    TRY(gref_psd_require_symmetric(C1, a->u, "C1"));
    TRY(require_factors(C1, L2));
    TRY(gref_w2_mean_part(&mean, &r_mean, a, b, n));
    double largest = gref_mat_norm_max(L2);
    frexp(gref_mat_norm_max(C1), &ec);
    frexp(largest, &el);
    int e = largest == 0.0 || (gref_mat_norm_max(C1) > 0.0 && ec / 2 > el) ? ec / 2 : el;
    TRY(gref_w2_side_of(&s, C1, a->u, -2 * e));
    TRY(gref_w2_factor_of(&s.f, gref_const(s.C), true));
    TRY(gref_w2_side_require(&s, "C1"));
    TRY(gref_w2_scaled_copy(&f2.L, L2, r, -e));
    TRY(gref_w2_scaled_copy(&wide.L, gref_const(s.f.L), r, 0));
    if (s.f.dL.a != NULL)
        TRY(gref_w2_scaled_copy(&wide.dL, gref_const(s.f.dL), r, 0));
    wide.rank = s.f.rank;
    wide.radius = s.f.radius;
    TRY(gref_w2_factor_form(&p.cov, &wide, &f2, (gref_cmat){0}, 2));
    p.cov = gref_w2_unscale(p.cov, e, n);
    gref_w2_side_widen(&p, &s, e);
    p.r_in = ldexp(gref_w2_side_radius(&s), e) + gref_w2_rounding_radius(L2, b->u);
    gref_w2_part_rank(&p, &s.f, &f2, n);
    p.rank_cost = ldexp(p.rank_cost, e);
    return finish(out, mean, r_mean, &p);
}

/**
 * W2 between N(m1, C1) and N(m2, L2 L2^T), with a proved interval: C1 is factored, and what its
 * factor misses widens the interval.
 *
 * @return as gref_w2_certify_laws.
 * @error  as gref_w2_certify_factors, widened by sqrt(n u |C1|) at worst where C1 is singular.
 * @see    Tests: test_w2_certified.c
 */
gref_status gref_w2_certify_mixed(gref_w2 *out, gref_cmat m1, gref_cmat C1, gref_cmat m2,
                                  gref_cmat L2)
{
    gref_w2_law a = plain(m1, C1), b = plain(m2, L2);
    return gref_w2_of_mixed(out, &a, &b);
}

gref_status gref_w2_of_variances(gref_w2 *out, const gref_w2_law *a, const gref_w2_law *b)
{
    gref_w2_part p;
    double mean = 0.0, r_mean = 0.0;
    int n = a->C.m;
    TRY(gref_require_shape(a->C, n, 1, "lambda1"));
    TRY(gref_require_shape(b->C, n, 1, "lambda2"));
    TRY(gref_w2_mean_part(&mean, &r_mean, a, b, n));
    TRY(gref_require_finite(a->C, "lambda1"));
    TRY(gref_require_finite(b->C, "lambda2"));
    for (int i = 0; i < n; i++)
        REQUIRE(a->C.a[i] >= 0.0 && b->C.a[i] >= 0.0, GREF_ERR_RANGE,
                "variance %d is negative: %g, %g", i, a->C.a[i], b->C.a[i]);
    TRY(gref_w2_variances(&p, a, b));
    p.rank = n;
    return finish(out, mean, r_mean, &p);
}

/**
 * W2 between Gaussian laws whose covariances are diagonal in the same orthonormal basis.
 *
 *     W2^2 = |m1 - m2|^2 + sum_i ( (l1_i - l2_i)/(sqrt l1_i + sqrt l2_i) )^2
 *
 * @param[out] out      unchanged on error.                                             [pixel]
 * @param[in]  lambda1  n x 1, variances >= 0; lambda2 likewise.                      [pixel^2]
 * @return GREF_OK; GREF_ERR_SHAPE; GREF_ERR_NONFINITE; GREF_ERR_RANGE (a variance < 0, named; overflow).
 * @error  relative 8 eps: certified.
 * @see    THEORY section 8, commuting case. Tests: test_wasserstein.c
 */
gref_status gref_w2_spectra(gref_w2 *out, gref_cmat m1, gref_cmat lambda1, gref_cmat m2,
                            gref_cmat lambda2)
{
    gref_w2_law a = plain(m1, lambda1), b = plain(m2, lambda2);
    return gref_w2_of_variances(out, &a, &b);
}

/**
 * What may be printed of a number that lies in [lower, upper]: the decimal in "%e" form to which
 * every number of the interval rounds, with as many significant digits as possible up to max_digits
 * (17 at most).
 *
 * @param[out] text  "" when not even one digit is proved.
 * @return the number of digits.
 */
int gref_proven_digits(char *text, int size, double lower, double upper, int max_digits)
{
    for (int digits = max_digits < 17 ? max_digits : 17; digits >= 1 && isfinite(upper); digits--) {
        char low[40], high[40];
        snprintf(low, sizeof low, "%.*e", digits - 1, lower);
        snprintf(high, sizeof high, "%.*e", digits - 1, upper);
        if (strcmp(low, high) == 0 && (int)strlen(low) < size) {
            memcpy(text, low, strlen(low) + 1);
            return digits;
        }
    }
    text[0] = '\0';
    return 0;
}
