/*
 * Tests of N samples against a Gaussian law that is known exactly.
 *
 *   X      N x n, one sample a row                                             [pixel]
 *   m, P   the law's mean and covariance, P = U diag(lambda) U^T
 *   r      directions with sqrt(lambda) > 2^-16 sqrt(lambda_max); the others are the law's "support"
 *   W      N x r, (X - m) U diag(lambda^-1/2): rows are N(0, I_r) under the law
 *   w      r x 1, mean of the rows of W;  S  r x r, their covariance, nu = N - 1 degrees of freedom
 *
 *   mean          T^2 = N w^T S^-1 w, Hotelling: (N - r)/(r nu) T^2 ~ F(r, N - r); N <= 2 r + 1: N |w|^2 ~ chi^2_r
 *   eigenvectors  nu S_ii ~ chi^2_nu, two-sided, the smallest p times r (Bonferroni)
 *   covariance    tr (S - I)^2, its law by its first three cumulants (moments of the Wishart law)
 *   projections   Anderson-Darling on 8 orthonormal directions of W, the smallest p by Sidak
 *   support       no sample leaves m + span(U_r)
 *
 * The four p-values are uniform under the law; together p = 1 - (1 - min p)^4, or with as many as
 * were done.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/internal.h"
#include "dense/internal.h"
#include "internal.h"
#include "samples.h"
#include <gref/psd.h>
#include <gref/random.h>

enum { MEAN, EIGENVECTORS, COVARIANCE, PROJECTIONS, SUPPORT };
static const char *const names[GREF_SAMPLE_TESTS] = {"mean", "eigenvectors", "covariance",
                                                     "projections", "support"};

void gref_sample_space_free(gref_sample_space *q)
{
    gref_mat *all[] = {&q->lambda, &q->W, &q->w, &q->S};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        gref_mat_free(all[k]);
}

/* w and S of W; S stays zero for N = 1. */
static gref_status moments(gref_sample_space *q)
{
    int N = q->N, r = q->r;
    SCOPED(gref_mat) Z = {0};
    TRY(gref_mat_new(&q->w, r, 1));
    TRY(gref_mat_new(&q->S, r, r));
    TRY(gref_mat_new(&Z, N, r));
    for (int j = 0; j < r; j++) {
        double sum = 0.0;
        for (int i = 0; i < N; i++)
            sum += GREF_AT(q->W, i, j);
        q->w.a[j] = sum / N;
        for (int i = 0; i < N; i++)
            GREF_AT(Z, i, j) = GREF_AT(q->W, i, j) - q->w.a[j];
    }
    if (N > 1)
        TRY(gref_syrk(q->S, 1.0 / (N - 1), gref_const(Z), true, 0.0));
    return GREF_OK;
}

/* Eigenvalues descending, W, and how far the samples leave the support. */
static gref_status whiten(gref_sample_space *q, gref_cmat X, gref_cmat mean, gref_cmat cov)
{
    int n = X.n, N = X.m;
    double clipped;
    SCOPED(gref_mat) U = {0}, up = {0}, Xc = {0}, Y = {0};
    TRY(gref_mat_new(&U, n, n));
    TRY(gref_mat_new(&up, n, 1));
    TRY(gref_psd_eigh(U, up, &clipped, cov, "the law's covariance"));
    TRY(gref_mat_new(&Xc, N, n));
    TRY(gref_mat_new(&Y, N, n));
    for (int j = 0; j < n; j++)
        for (int i = 0; i < N; i++)
            GREF_AT(Xc, i, j) = GREF_AT(X, i, j) - mean.a[j];
    TRY(gref_gemm(Y, 1.0, gref_const(Xc), false, gref_const(U), false, 0.0));
    double top = sqrt(up.a[n - 1]), cut = 0x1p-16 * top;
    for (q->r = 0; q->r < n && sqrt(up.a[n - 1 - q->r]) > cut; q->r++)
        continue;
    q->N = N;
    q->cut = cut;
    TRY(gref_mat_new(&q->lambda, q->r, 1));
    TRY(gref_mat_new(&q->W, N, q->r));
    for (int k = 0; k < n; k++) {
        double sum = 0.0, lambda = up.a[n - 1 - k];
        for (int i = 0; i < N; i++) {
            double y = GREF_AT(Y, i, n - 1 - k);
            if (k < q->r)
                GREF_AT(q->W, i, k) = y / sqrt(lambda);
            else if (fabs(y) > q->outside)
                q->outside = fabs(y);
            sum += y * y;
        }
        if (k < q->r)
            q->lambda.a[k] = lambda;
        else
            q->outside2 += sum / N;
    }
    return GREF_OK;
}

static void skip(gref_sample_test *test, const char *why)
{
    test->p = 1.0;
    snprintf(test->detail, sizeof test->detail, "%s", why);
}

static gref_status test_mean(gref_sample_test *test, const gref_sample_space *q)
{
    int N = q->N, r = q->r;
    SCOPED(gref_mat) L = {0}, y = {0};
    double square = 0.0;
    test->done = true;
    for (int i = 0; i < r; i++)
        square += q->w.a[i] * q->w.a[i];
    test->statistic = N * square;
    test->p = gref_chi2_tail(test->statistic, r);
    if (N <= 2 * r + 1) {
        snprintf(test->detail, sizeof test->detail,
                 "N |w|^2 = %.4g, chi^2 of %d (the law's own covariance: N <= 2 r + 1)",
                 test->statistic, r);
        return GREF_OK;
    }
    TRY(gref_mat_new(&L, r, r));
    TRY(gref_mat_new(&y, r, 1));
    gref_mat_copy(L, gref_const(q->S));
    gref_mat_copy(y, gref_const(q->w));
    if (gref_cholesky(L) != GREF_OK) { /* samples without variance in some direction */
        snprintf(test->detail, sizeof test->detail, "N |w|^2 = %.4g, chi^2 of %d (S is singular)",
                 test->statistic, r);
        return GREF_OK;
    }
    TRY(gref_trsm(y, true, gref_const(L), false));
    double norm = gref_mat_norm_fro(gref_const(y));
    test->statistic = N * norm * norm;
    double f = test->statistic * (N - r) / ((double)r * (N - 1));
    test->p = gref_f_tail(f, r, N - r);
    snprintf(test->detail, sizeof test->detail, "T^2 = %.4g, F(%d, %d) = %.4g", test->statistic, r,
             N - r, f);
    return GREF_OK;
}

static void test_eigenvectors(gref_sample_test *test, const gref_sample_space *q)
{
    int nu = q->N - 1, worst = 0;
    double least = 2.0;
    for (int i = 0; i < q->r; i++) {
        double p = gref_chi2_two_sided(nu * GREF_AT(q->S, i, i), nu);
        if (p < least) {
            least = p;
            worst = i;
        }
    }
    test->done = true;
    test->statistic = GREF_AT(q->S, worst, worst);
    test->p = fmin(1.0, q->r * least);
    snprintf(test->detail, sizeof test->detail,
             "variance along eigenvector %d is %.4g of the law's, chi^2 of %d, %d directions",
             worst + 1, test->statistic, nu, q->r);
}

/*
 * Cumulants of tr (S - I)^2 for nu S ~ Wishart_r(nu, I), exact: from E prod tr W^k, counted over
 * the perfect matchings of Wick's theorem.
 */
void gref_frobenius_cumulants(double k[3], double nu, double r)
{
    k[0] = r * (r + 1) / nu;
    k[1] = 4 * r * (nu * (r + 1) + (2 * r + 5) * r + 5) / (nu * nu * nu);
    double inner =
        nu * nu * (r + 1) + nu * ((10 * r + 24) * r + 22) + ((5 * r + 22) * r + 52) * r + 41;
    k[2] = 32 * r * inner / (nu * nu * nu * nu * nu);
}

static void test_covariance(gref_sample_test *test, const gref_sample_space *q)
{
    double sum = 0.0, k[3];
    for (int j = 0; j < q->r; j++)
        for (int i = 0; i < q->r; i++) {
            double d = GREF_AT(q->S, i, j) - (i == j);
            sum += d * d;
        }
    gref_frobenius_cumulants(k, q->N - 1, q->r);
    test->done = true;
    test->statistic = sum;
    test->p = gref_pearson3_tail(sum, k);
    snprintf(test->detail, sizeof test->detail, "|S - I|_F^2 = %.4g, expected %.4g +- %.2g", sum,
             k[0], sqrt(k[1]));
}

enum { LEADING = 4, DIRECTIONS = 8 };

/* r x K orthonormal: the leading eigenvectors, then fixed random directions, by Gram and Schmidt
 * twice. */
static void directions(gref_mat D)
{
    int lead = D.m <= DIRECTIONS ? D.n : LEADING;
    gref_random_normal(D, 1, GREF_STREAM_TEST, 77, 0);
    for (int k = 0; k < lead; k++)
        for (int i = 0; i < D.m; i++)
            GREF_AT(D, i, k) = i == k;
    for (int k = lead; k < D.n; k++)
        for (int pass = 0; pass < 2; pass++) {
            gref_mat d = gref_mat_view(D, 0, k, D.m, 1);
            for (int l = 0; l < k; l++) {
                double dot = 0.0;
                for (int i = 0; i < D.m; i++)
                    dot += d.a[i] * GREF_AT(D, i, l);
                gref_mat_axpy(d, -dot, gref_const(gref_mat_view(D, 0, l, D.m, 1)));
            }
            double norm = gref_mat_norm_fro(gref_const(d));
            for (int i = 0; i < D.m; i++)
                d.a[i] /= norm;
        }
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* A^2 = -N - 1/N sum (2 i - 1) [ln F(z_i) + ln (1 - F(z_{N+1-i}))]; z is sorted in place. */
double gref_anderson_darling(double *z, int N)
{
    double sum = 0.0;
    qsort(z, (size_t)N, sizeof *z, ascending);
    for (int i = 0; i < N; i++) {
        double below = gref_normal_tail(-z[i]), above = gref_normal_tail(z[N - 1 - i]);
        sum += (2 * i + 1) * (log(fmax(below, DBL_MIN)) + log(fmax(above, DBL_MIN)));
    }
    return -N - sum / N;
}

static gref_status test_projections(gref_sample_test *test, const gref_sample_space *q)
{
    int K = q->r < DIRECTIONS ? q->r : DIRECTIONS, worst = 0;
    double least = 2.0;
    SCOPED(gref_mat) D = {0}, Z = {0};
    TRY(gref_mat_new(&D, q->r, K));
    TRY(gref_mat_new(&Z, q->N, K));
    directions(D);
    TRY(gref_gemm(Z, 1.0, gref_const(q->W), false, gref_const(D), false, 0.0));
    for (int k = 0; k < K; k++) {
        double A2 = gref_anderson_darling(&GREF_AT(Z, 0, k), q->N);
        double p = gref_anderson_darling_tail(A2, q->N);
        if (p < least) {
            least = p;
            worst = k;
            test->statistic = A2;
        }
    }
    test->done = true;
    test->p = -expm1(K * log1p(-fmin(least, 1.0 - 0x1p-53)));
    snprintf(test->detail, sizeof test->detail, "A^2 = %.4g on projection %d of %d",
             test->statistic, worst + 1, K);
    return GREF_OK;
}

/* Rounding of a sample's entries: nothing smaller is held against it. */
static double rounding(gref_cmat X, bool single)
{
    return gref_mat_norm_max(X) * sqrt(X.n) * (single ? 0x1p-22 : 0x1p-48);
}

static void test_support(gref_sample_test *test, const gref_sample_space *q, gref_cmat X,
                         bool single)
{
    double bound = 8 * q->cut + rounding(X, single);
    if (q->r == X.n) {
        skip(test, "the law has variance in every direction");
        return;
    }
    test->done = true;
    test->statistic = q->outside;
    test->p = q->outside <= bound ? 1.0 : 0.0;
    snprintf(test->detail, sizeof test->detail,
             "samples leave the %d-dimensional support by up to %.3g, bound %.3g", q->r, q->outside,
             bound);
}

/* p = 1 - (1 - min p)^K over the K tests that were done; the support is not random. */
static double combine(const gref_sample_report *report)
{
    double least = 1.0;
    int K = 0;
    for (int k = 0; k < SUPPORT; k++)
        if (report->test[k].done) {
            least = fmin(least, report->test[k].p);
            K++;
        }
    if (report->test[SUPPORT].done && report->test[SUPPORT].p == 0.0)
        return 0.0;
    return least < 1.0 ? -expm1(K * log1p(-least)) : 1.0;
}

static gref_status run_tests(gref_sample_report *report, const gref_sample_space *q, gref_cmat X,
                             bool single)
{
    gref_sample_test *test = report->test;
    for (int k = 0; k < GREF_SAMPLE_TESTS; k++)
        snprintf(test[k].name, sizeof test[k].name, "%s", names[k]);
    test_support(&test[SUPPORT], q, X, single);
    if (q->r == 0) {
        for (int k = 0; k < SUPPORT; k++)
            skip(&test[k], "the law has no variance");
        return GREF_OK;
    }
    TRY(test_mean(&test[MEAN], q));
    if (q->N < 2) {
        skip(&test[EIGENVECTORS], "needs 2 samples");
        skip(&test[COVARIANCE], "needs 2 samples");
    } else {
        test_eigenvectors(&test[EIGENVECTORS], q);
        if (q->r > 1)
            test_covariance(&test[COVARIANCE], q);
        else
            skip(&test[COVARIANCE], "one direction: the same as the test along it");
    }
    if (q->N < 8)
        skip(&test[PROJECTIONS], "needs 8 samples");
    else
        TRY(test_projections(&test[PROJECTIONS], q));
    return GREF_OK;
}

static void conclude(gref_sample_report *report, double resolve)
{
    double share = report->spread > 0.0 ? 100 * report->visible / report->spread : 0.0;
    size_t size = sizeof report->sentence;
    report->verdict = GREF_VERDICT_UNDECIDED;
    if (report->p < 0.01) {
        report->verdict = GREF_VERDICT_DIFFERS;
        snprintf(report->sentence, size, "differs: p = %.2g for %d samples of the law", report->p,
                 report->N);
    } else if (!report->estimated) {
        snprintf(report->sentence, size,
                 "undecided: %d sample%s cannot see a difference of covariances", report->N,
                 report->N == 1 ? "" : "s");
    } else if (report->visible > resolve * report->spread) {
        snprintf(report->sentence, size,
                 "undecided: %d samples cannot see a difference below W2 = %.3g (%.3g %% of the "
                 "spread %.3g); about "
                 "%.0f would see %.3g %%",
                 report->N, report->visible, share, report->spread, report->needed, 100 * resolve);
    } else {
        report->verdict = GREF_VERDICT_AGREES;
        snprintf(report->sentence, size,
                 "agrees: p = %.2g; %d samples would show a difference of W2 = %.3g (%.3g %% of "
                 "the spread %.3g)",
                 report->p, report->N, report->visible, share, report->spread);
    }
}

/**
 * Do samples come from N(mean, cov)?
 *
 * Hotelling's test of the mean, chi^2 tests along the eigenvectors of the law, the whitened
 * Frobenius norm of the difference of covariances, Anderson-Darling on projections, and the support
 * of a singular law; and an unbiased estimate of the W2 error (gref_samples_w2). N < 2 r + 2
 * samples test the mean with the law's own covariance; one sample tests only the mean.
 *
 * @param[out] report   undefined on error.
 * @param[in]  X        N x n, one sample a row, N >= 1.                                        [pixel]
 * @param[in]  single   the samples were rounded to single precision.
 * @param[in]  mean     n x 1.                                                                  [pixel]
 * @param[in]  cov      n x n PSD, may be singular.                                           [pixel^2]
 * @param[in]  resolve  > 0: "agrees" needs that a W2 of resolve * sqrt(tr cov) would have been seen.
 * @return GREF_OK; GREF_ERR_SHAPE; GREF_ERR_RANGE (N < 1); GREF_ERR_NONFINITE; GREF_ERR_NOT_PSD; GREF_ERR_NOMEM.
 * @error  p < 0.01 with probability 1 % +- 0.3 % under the law (tests/slow_samples.c prints the rate).
 * @cost   N n^2 + N r^2 flops and an eigendecomposition of cov.
 * @see    Anderson, Multivariate statistical analysis, sections 5.2, 7.2. Tests: test_samples.c
 */
gref_status gref_samples_test(gref_sample_report *report, gref_cmat X, bool single, gref_cmat mean,
                              gref_cmat cov, double resolve)
{
    SCOPED(gref_sample_space) q = {0};
    gref_sample_report made = {.N = X.m, .n = X.n};
    TRY(gref_require_shape(mean, X.n, 1, "the law's mean"));
    TRY(gref_require_shape(cov, X.n, X.n, "the law's covariance"));
    REQUIRE(X.m >= 1 && X.n >= 1, GREF_ERR_RANGE, "no samples: a %d x %d array", X.m, X.n);
    REQUIRE(resolve > 0.0, GREF_ERR_RANGE, "resolve must be > 0, not %g", resolve);
    TRY(gref_require_finite(X, "samples"));
    TRY(gref_require_finite(mean, "the law's mean"));
    TRY(whiten(&q, X, mean, cov));
    TRY(moments(&q));
    made.rank = q.r;
    made.spread = sqrt(gref_mat_trace(cov));
    TRY(run_tests(&made, &q, X, single));
    made.p = combine(&made);
    if (q.N >= 3)
        gref_samples_w2(&made, &q, resolve);
    conclude(&made, resolve);
    *report = made;
    return GREF_OK;
}
