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

/* The result from its parts; cov is certified if its upper end is finite. */
static gref_status finish(gref_w2 *out, double mean, gref_w2_cov cov, double r_in, int rank,
                          const char *method)
{
    gref_w2 w = {.w2 = hypot(mean, cov.w),
                 .w2_mean = mean,
                 .w2_cov = cov.w,
                 .upper = INFINITY,
                 .certified = cov.upper < INFINITY,
                 .rank = rank,
                 .method = method};
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
        w.r_in = r_in;
        w.w2 = fmin(fmax(w.w2, w.lower), w.upper);
    }
    *out = w;
    return GREF_OK;
}

/* Intersects; the value is the first one's, moved into the interval if it lies outside. */
gref_status gref_w2_intersect(gref_w2_cov *c, gref_w2_cov other)
{
    REQUIRE(fmax(c->lower, other.lower) <= fmin(c->upper, other.upper), GREF_ERR_NUMERICS,
            "the enclosures [%.17g, %.17g] (map) and [%.17g, %.17g] (factors) of one W2 are "
            "disjoint: the BLAS, the "
            "compiler or the machine is at fault; see gref doctor",
            c->lower, c->upper, other.lower, other.upper);
    c->lower = fmax(c->lower, other.lower);
    c->upper = fmin(c->upper, other.upper);
    c->w = fmin(fmax(c->w, c->lower), c->upper);
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

/* Both factor routines: rounds of refinement, and whether the enclosure is kept. */
static gref_status from_factors(gref_w2 *out, gref_cmat m1, gref_cmat L1, gref_cmat m2,
                                gref_cmat L2, bool certified)
{
    int n = L1.m, r = L1.n > L2.n ? L1.n : L2.n, e = 0;
    SCOPED(gref_w2_factor) f1 = {.rank = r}, f2 = {.rank = r};
    gref_w2_cov cov;
    double mean = 0.0, r_mean = 0.0;
    TRY(gref_w2_mean_part(&mean, &r_mean, m1, m2, n));
    TRY(require_factors(L1, L2));
    e = gref_w2_exponent(L1, L2);
    if (abs(e) <= 64) /* no product can leave the range of doubles: no need to scale */
        e = 0;
    bool identical = gref_w2_identical(L1, L2);
    TRY(fit(&f1.L, &L1, r, -e));
    TRY(fit(&f2.L, &L2, r, -e));
    if (certified) {
        gref_w2_factor v1 = {.L = borrow(L1), .rank = r}, v2 = {.L = borrow(L2), .rank = r};
        TRY(gref_w2_factor_form(&cov, &v1, &v2, (gref_cmat){0}, 2));
    } else {
        TRY(gref_w2_procrustes(&cov, L1, L2));
    }
    cov = gref_w2_unscale(cov, e, n);
    if (identical)
        cov = (gref_w2_cov){0};
    return finish(out, mean, cov,
                  hypot(r_mean, ldexp(GREF_U * (gref_mat_norm_fro(L1) + gref_mat_norm_fro(L2)), e)),
                  r, "factor");
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
    return from_factors(out, m1, L1, m2, L2, false);
}

/**
 * As gref_w2_factors, with a proved interval for the given factors as exact data.
 *
 * @error  lower <= W2 <= upper always; relative width about 3e-15 down to |L1 - L2| = 1e-12 |L|. Where one of the
 *         factors has a direction that the other lacks, the lower bound comes from traces and singular values:
 *         absolute width c n u |L|^2/W2.
 * @cost   about 60 r x r products.
 * @see    THEORY section 11: enclosure B. Tests: test_w2_certified.c
 */
gref_status gref_w2_certify_factors(gref_w2 *out, gref_cmat m1, gref_cmat L1, gref_cmat m2,
                                    gref_cmat L2)
{
    return from_factors(out, m1, L1, m2, L2, true);
}

/* How the rank was decided, and what that may cost. */
typedef struct {
    int rank;
    double cost;
} truncation;

/* Of a pair of factors of n x n covariances. */
static truncation truncation_of(const gref_w2_factor *f1, const gref_w2_factor *f2, int n)
{
    truncation k = {.rank = f1->rank > f2->rank ? f1->rank : f2->rank};
    if (f1->rank < n)
        k.cost = f1->radius;
    if (f2->rank < n)
        k.cost = gref_inflate(k.cost + f2->radius);
    return k;
}

/* Map form where both are positive definite, factor form always; both covariances scaled, exactly
 * symmetric, once off by skew. */
static gref_status enclose(gref_w2_cov *cov, double *r_in, truncation *cut, const char **method,
                           gref_cmat C1, gref_cmat C2, const double skew[2])
{
    gref_status status = GREF_OK;
    SCOPED(gref_w2_factor) f1 = {0}, f2 = {0};
    gref_w2_cov by_factors;
    SCOPED(gref_mat) Q = {0};
    TRY(gref_mat_new(&Q, C1.n, C1.n));
    status = gref_w2_map(cov, Q, C1, C2, true);
    bool mapped = status == GREF_OK;
    if (status != GREF_ERR_NOT_PD)
        TRY(status);
    /* a narrow map needs no second opinion to the last digit: plain factors, the polar factor as it
     * comes */
    bool narrow = mapped && cov->upper - cov->lower <= 0x1p-46 * cov->upper;
    TRY(gref_w2_factor_of(&f1, C1, !narrow));
    TRY(gref_w2_factor_of(&f2, C2, !narrow));
    if (f1.rank < C1.n)
        TRY(gref_psd_require(C1, "C1"));
    if (f2.rank < C2.n)
        TRY(gref_psd_require(C2, "C2"));
    bool start = narrow && cov->newton && f1.rank == C1.n && f2.rank == C1.n;
    TRY(gref_w2_factor_form(&by_factors, &f1, &f2, start ? gref_const(Q) : (gref_cmat){0},
                            narrow ? 0 : 1));
    if (mapped)
        TRY(gref_w2_intersect(cov, by_factors));
    else
        *cov = by_factors;
    *method = mapped ? "map+factor" : "factor";
    *cut = truncation_of(&f1, &f2, C1.n);
    *r_in =
        gref_w2_input_radius(C1, skew[0], f1.least) + gref_w2_input_radius(C2, skew[1], f2.least);
    return GREF_OK;
}

/* The value alone: by the map where it exists, else by truncated factors. */
static gref_status evaluate(gref_w2_cov *cov, truncation *cut, const char **method, gref_cmat C1,
                            gref_cmat C2)
{
    gref_status status = GREF_OK;
    SCOPED(gref_w2_factor) f1 = {0}, f2 = {0};
    *cut = (truncation){.rank = C1.n};
    *method = "map";
    status = gref_w2_map(cov, (gref_mat){0}, C1, C2, false);
    if (status != GREF_ERR_NOT_PD)
        return status;
    TRY(gref_psd_require(C1, "C1"));
    TRY(gref_psd_require(C2, "C2"));
    TRY(gref_w2_truncated_factor(&f1, C1));
    TRY(gref_w2_truncated_factor(&f2, C2));
    TRY(gref_w2_procrustes(cov, gref_const(f1.L), gref_const(f2.L)));
    *cut = truncation_of(&f1, &f2, C1.n);
    *method = "factor";
    return GREF_OK;
}

static gref_status from_laws(gref_w2 *out, gref_cmat m1, gref_cmat C1, gref_cmat m2, gref_cmat C2,
                             bool certified)
{
    gref_status status = GREF_OK;
    SCOPED(gref_mat) S1 = {0}, S2 = {0};
    gref_w2_cov cov;
    double mean = 0.0, r_mean = 0.0, r_cov = 0.0;
    truncation cut = {0};
    const char *method = "";
    TRY(gref_psd_require_symmetric(C1, "C1"));
    TRY(gref_psd_require_symmetric(C2, "C2"));
    REQUIRE(C1.n == C2.n, GREF_ERR_SHAPE, "C1 is of order %d, C2 of order %d", C1.n, C2.n);
    REQUIRE(C1.n >= 1, GREF_ERR_SHAPE, "laws on 0 dimensions have no distance");
    TRY(gref_w2_mean_part(&mean, &r_mean, m1, m2, C1.n));
    int e = gref_w2_exponent(C1, C2);
    e += e & 1; /* even: W2 scales by 2^(e/2) */
    TRY(gref_w2_scaled_copy(&S1, C1, C1.n, -e));
    TRY(gref_w2_scaled_copy(&S2, C2, C2.n, -e));
    double skew[] = {gref_w2_make_symmetric(S1), gref_w2_make_symmetric(S2)};
    status = certified ? enclose(&cov, &r_cov, &cut, &method, gref_const(S1), gref_const(S2), skew)
                       : evaluate(&cov, &cut, &method, gref_const(S1), gref_const(S2));
    if (status == GREF_ERR_NOT_PSD) { /* say it of the matrices given, not of their scaled copies */
        TRY(gref_psd_require(C1, "C1"));
        TRY(gref_psd_require(C2, "C2"));
        status = GREF_ERR_NOT_PSD;
    }
    TRY(status);
    cov = gref_w2_unscale(cov, e / 2, C1.n);
    if (gref_w2_identical(C1, C2))
        cov = (gref_w2_cov){0};
    TRY(finish(out, mean, cov, hypot(r_mean, ldexp(r_cov, e / 2)), cut.rank, method));
    out->rank_cost = ldexp(cut.cost, e / 2);
    return GREF_OK;
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
    return from_laws(out, m1, C1, m2, C2, false);
}

/**
 * As gref_w2_laws, with a proved interval for the given doubles as exact data. Of a C that is not
 * quite symmetric the datum is (C + C^T)/2, rounded, and r_in covers the rest.
 *
 * @error  lower <= W2 <= upper always. Relative width <= 4e-15 for n <= 256, 1e-14 for n = 1024, at cond(C) up to
 *         1e12 and any gap; absolute width c sqrt(n u |C|) for singular covariances (give factors instead).
 * @return as gref_w2_laws; GREF_ERR_NUMERICS when the two enclosures are disjoint.
 * @cost   100 to 165 n x n products at n = 1024; 15 n^2 doubles.
 * @see    THEORY section 11: enclosures A and B. Tests: test_w2_certified.c
 */
gref_status gref_w2_certify_laws(gref_w2 *out, gref_cmat m1, gref_cmat C1, gref_cmat m2,
                                 gref_cmat C2)
{
    return from_laws(out, m1, C1, m2, C2, true);
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
    int n = C1.n, r = L2.n > n ? L2.n : n, ec = 0, el = 0;
    SCOPED(gref_mat) S = {0};
    SCOPED(gref_w2_factor) f1 = {0}, f2 = {.rank = L2.n}, wide = {0};
    gref_w2_cov cov;
    double mean = 0.0, r_mean = 0.0;
    TRY(gref_psd_require_symmetric(C1, "C1"));
    TRY(require_factors(C1, L2));
    TRY(gref_w2_mean_part(&mean, &r_mean, m1, m2, n));
    double largest = gref_mat_norm_max(L2);
    frexp(gref_mat_norm_max(C1), &ec);
    frexp(largest, &el);
    int e = largest == 0.0 || (gref_mat_norm_max(C1) > 0.0 && ec / 2 > el) ? ec / 2 : el;
    TRY(gref_w2_scaled_copy(&S, C1, n, -2 * e));
    double skew = gref_w2_make_symmetric(S);
    TRY(gref_w2_factor_of(&f1, gref_const(S), true));
    if (f1.rank < n)
        TRY(gref_psd_require(C1, "C1"));
    TRY(gref_w2_scaled_copy(&f2.L, L2, r, -e));
    TRY(gref_w2_scaled_copy(&wide.L, gref_const(f1.L), r, 0));
    if (f1.dL.a != NULL)
        TRY(gref_w2_scaled_copy(&wide.dL, gref_const(f1.dL), r, 0));
    wide.rank = f1.rank;
    wide.radius = f1.radius;
    TRY(gref_w2_factor_form(&cov, &wide, &f2, (gref_cmat){0}, 2));
    double r_cov = ldexp(gref_w2_input_radius(gref_const(S), skew, f1.least), e) +
                   GREF_U * gref_mat_norm_fro(L2);
    truncation cut = truncation_of(&f1, &f2, n);
    TRY(finish(out, mean, gref_w2_unscale(cov, e, n), hypot(r_mean, r_cov), cut.rank, "factor"));
    out->rank_cost = ldexp(cut.cost, e);
    return GREF_OK;
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
    SCOPED(gref_mat) d = {0};
    double mean = 0.0, r_mean = 0.0, size = 0.0;
    int n = lambda1.m;
    TRY(gref_require_shape(lambda1, n, 1, "lambda1"));
    TRY(gref_require_shape(lambda2, n, 1, "lambda2"));
    TRY(gref_w2_mean_part(&mean, &r_mean, m1, m2, n));
    TRY(gref_require_finite(lambda1, "lambda1"));
    TRY(gref_require_finite(lambda2, "lambda2"));
    TRY(gref_mat_new(&d, n, 1));
    for (int i = 0; i < n; i++) {
        double a = lambda1.a[i], b = lambda2.a[i];
        REQUIRE(a >= 0.0 && b >= 0.0, GREF_ERR_RANGE, "variance %d is negative: %g, %g", i, a, b);
        /* 4 u relative: difference, two roots and their sum, quotient, between 2^-564 and 2^512 */
        d.a[i] = a == b ? 0.0 : (a - b) / (sqrt(a) + sqrt(b));
        size = hypot(size, hypot(sqrt(a), sqrt(b)));
    }
    double w = gref_w2_norm(d);
    gref_w2_cov cov = {
        .w = w, .lower = w * (1 - 10 * GREF_U), .upper = gref_up(w * (1 + 10 * GREF_U))};
    return finish(out, mean, cov, hypot(r_mean, GREF_U * size), n, "spectra");
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
