/*
 * 2-Wasserstein distance between Gaussian laws N(m_i, C_i), i = 1, 2 (THEORY section 8).
 *
 *   L_i    n x r_i, C_i = L_i L_i^T                                                   [pixel]
 *   F      r_2 x r_1, L_2^T L_1 = W diag(s) V^T                                     [pixel^2]
 *   Q      r_2 x r_1 polar factor W V^T
 *   Delta  L_1 - L_2 Q; the covariance part of W2 is |Delta|_F                        [pixel]
 *
 * The trace formula tr C1 + tr C2 - 2 tr (C1^1/2 C2 C1^1/2)^1/2 is nowhere evaluated: it loses all
 * digits once W2 < sqrt(eps) |C|^1/2 (NUMERICS has the measurements).
 */
#include <math.h>
#include <stdlib.h>

#include "base/internal.h"
#include "internal.h"
#include <gref/psd.h>
#include <gref/wasserstein.h>

/* |m1 - m2|, checked. */
static gref_status mean_part(double *part, gref_cmat m1, gref_cmat m2, int n)
{
    gref_status status = GREF_OK;
    TRY(gref_require_shape(m1, n, 1, "m1"));
    TRY(gref_require_shape(m2, n, 1, "m2"));
    TRY(gref_require_finite(m1, "m1"));
    TRY(gref_require_finite(m2, "m2"));
    *part = gref_mat_diff_fro(m1, m2);
out:
    return status;
}

/* |L1 - L2 Q|_F for the orthogonal Q that makes it least; L1 and L2 are n x r. */
static gref_status procrustes(double *distance, gref_cmat L1, gref_cmat L2)
{
    gref_status status = GREF_OK;
    int n = L1.m, r = L1.n;
    gref_mat F = {0}, W = {0}, VT = {0}, s = {0}, Delta = {0};
    TRY(gref_mat_new(&F, r, r));
    TRY(gref_mat_new(&W, r, r));
    TRY(gref_mat_new(&VT, r, r));
    TRY(gref_mat_new(&s, r, 1));
    TRY(gref_gemm(F, 1.0, L2, true, L1, false, 0.0));
    TRY(gref_svd(W, s, VT, F));
    TRY(gref_gemm(F, 1.0, gref_const(W), false, gref_const(VT), false, 0.0)); /* Q */
    gref_mat_free(&W);
    gref_mat_free(&VT);
    TRY(gref_mat_new(&Delta, n, r));
    gref_mat_copy(Delta, L1);
    TRY(gref_gemm(Delta, -1.0, L2, false, gref_const(F), false, 1.0));
    *distance = gref_mat_norm_fro(gref_const(Delta));
out:
    gref_mat_free(&F);
    gref_mat_free(&W);
    gref_mat_free(&VT);
    gref_mat_free(&s);
    gref_mat_free(&Delta);
    return status;
}

/* *L becomes its copy with r columns (zeros on the right), times 2^e; left alone where it is that already. */
static gref_status fit(gref_mat *copy, gref_cmat *L, int r, int e)
{
    gref_status status = GREF_OK;
    if (L->n == r && e == 0)
        goto out;
    TRY(gref_mat_new(copy, L->m, r));
    gref_mat_copy(gref_mat_view(*copy, 0, 0, L->m, L->n), *L);
    for (int j = 0; j < L->n; j++)
        for (int i = 0; i < L->m; i++)
            GREF_AT(*copy, i, j) = ldexp(GREF_AT(*copy, i, j), e);
    *L = gref_const(*copy);
out:
    return status;
}

static gref_status finish(gref_w2 *out, double mean, double cov)
{
    gref_status status = GREF_OK;
    double w2 = hypot(mean, cov);
    REQUIRE(isfinite(w2), GREF_ERR_RANGE, "W2 overflows: mean part %g, covariance part %g", mean,
            cov);
    *out = (gref_w2){w2, mean, cov};
out:
    return status;
}

/**
 * W2 between two Gaussian laws given by factors of their covariances.
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
 * @see    THEORY section 8; NUMERICS, factor form. Tests: test_wasserstein.c
 */
gref_status gref_w2_factors(gref_w2 *out, gref_cmat m1, gref_cmat L1, gref_cmat m2, gref_cmat L2)
{
    gref_status status = GREF_OK;
    int n = L1.m, r = L1.n > L2.n ? L1.n : L2.n, e = 0;
    gref_mat copy1 = {0}, copy2 = {0};
    double mean = 0.0, cov = 0.0;
    TRY(mean_part(&mean, m1, m2, n));
    REQUIRE(L2.m == n, GREF_ERR_SHAPE, "L1 has %d rows, L2 %d", n, L2.m);
    TRY(gref_require_finite(L1, "L1"));
    TRY(gref_require_finite(L2, "L2"));
    frexp(fmax(gref_mat_norm_max(L1), gref_mat_norm_max(L2)), &e);
    if (abs(e) <= 400) /* L2^T L1 neither overflows nor underflows: no need to scale */
        e = 0;
    TRY(fit(&copy1, &L1, r, -e));
    TRY(fit(&copy2, &L2, r, -e));
    TRY(procrustes(&cov, L1, L2));
    TRY(finish(out, mean, ldexp(cov, e)));
out:
    gref_mat_free(&copy1);
    gref_mat_free(&copy2);
    return status;
}

/**
 * W2 between two Gaussian laws given by their covariances, which may be singular.
 *
 *     W2^2 = |m1 - m2|^2 + tr C1 + tr C2 - 2 tr (C1^1/2 C2 C1^1/2)^1/2
 *
 * through factors (gref_psd_factor), never through that trace.
 *
 * @param[out] out  unchanged on error.                                                 [pixel]
 * @param[in]  m1   n x 1; m2 likewise.                                                  [pixel]
 * @param[in]  C1   n x n PSD, both triangles read; C2 likewise.                       [pixel^2]
 * @return as gref_w2_factors; GREF_ERR_NOT_SYMMETRIC, GREF_ERR_NOT_PSD with the offending value.
 * @error  absolute: c n eps |C|_F / sqrt(lambda_min) where the covariances are well conditioned,
 *         never worse than c sqrt(n eps |C|_F); exact data assumed.
 * @cost   about 28 n x n products.
 * @see    THEORY section 8. Tests: test_wasserstein.c
 */
gref_status gref_w2_laws(gref_w2 *out, gref_cmat m1, gref_cmat C1, gref_cmat m2, gref_cmat C2)
{
    gref_status status = GREF_OK;
    gref_mat L1 = {0}, L2 = {0};
    int rank;
    TRY(gref_psd_require(C1, "C1"));
    TRY(gref_psd_require(C2, "C2"));
    REQUIRE(C1.n == C2.n, GREF_ERR_SHAPE, "C1 is of order %d, C2 of order %d", C1.n, C2.n);
    TRY(gref_mat_new(&L1, C1.n, C1.n));
    TRY(gref_mat_new(&L2, C2.n, C2.n));
    TRY(gref_psd_factor(L1, &rank, C1));
    TRY(gref_psd_factor(L2, &rank, C2));
    TRY(gref_w2_factors(out, m1, gref_const(L1), m2, gref_const(L2)));
out:
    gref_mat_free(&L1);
    gref_mat_free(&L2);
    return status;
}

/**
 * W2 between Gaussian laws whose covariances are diagonal in the same orthonormal basis.
 *
 *     W2^2 = |m1 - m2|^2 + sum_i ( (l1_i - l2_i)/(sqrt l1_i + sqrt l2_i) )^2
 *
 * @param[out] out      unchanged on error.                                             [pixel]
 * @param[in]  lambda1  n x 1, variances >= 0; lambda2 likewise.                      [pixel^2]
 * @return GREF_OK; GREF_ERR_SHAPE; GREF_ERR_NONFINITE; GREF_ERR_RANGE (a variance < 0, named; overflow).
 * @error  relative (n + 8) eps in each part.
 * @see    THEORY section 8, commuting case. Tests: test_wasserstein.c
 */
gref_status gref_w2_spectra(gref_w2 *out, gref_cmat m1, gref_cmat lambda1, gref_cmat m2,
                            gref_cmat lambda2)
{
    gref_status status = GREF_OK;
    gref_mat d = {0};
    double mean = 0.0;
    int n = lambda1.m;
    TRY(gref_require_shape(lambda1, n, 1, "lambda1"));
    TRY(gref_require_shape(lambda2, n, 1, "lambda2"));
    TRY(mean_part(&mean, m1, m2, n));
    TRY(gref_require_finite(lambda1, "lambda1"));
    TRY(gref_require_finite(lambda2, "lambda2"));
    TRY(gref_mat_new(&d, n, 1));
    for (int i = 0; i < n; i++) {
        double a = lambda1.a[i], b = lambda2.a[i];
        REQUIRE(a >= 0.0 && b >= 0.0, GREF_ERR_RANGE, "variance %d is negative: %g, %g", i, a, b);
        d.a[i] = a == b ? 0.0 : (a - b) / (sqrt(a) + sqrt(b));
    }
    TRY(finish(out, mean, gref_mat_norm_fro(gref_const(d))));
out:
    gref_mat_free(&d);
    return status;
}
