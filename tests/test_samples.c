/* Tests of samples against a law: each sees what it is for, and what few samples can still say. */
#include "draws.h"
#include "verify/internal.h"
#include "verify/samples.h"

static const gref_sample_test *named(const gref_sample_report *r, const char *name)
{
    for (int k = 0; k < GREF_SAMPLE_TESTS; k++)
        if (strcmp(r->test[k].name, name) == 0)
            return &r->test[k];
    ck_abort_msg("no test %s", name);
}

/* T^2, recomputed here in pixels by Gauss: it does not depend on the basis in which the report has it. r = n, so no
 * direction is left out. */
START_TEST(test_samples__statistics_are_their_definitions)
{
    enum { N = 40, NP = 5 };
    law l = make_law(NP, 10, 0, 1);
    gref_mat X = draw(&l, N, 2);
    gref_sample_report r = test_of(X, &l);
    gref_mat d = fresh(NP, 1), S = fresh(NP, NP);
    for (int i = 0; i < NP; i++) {
        for (int k = 0; k < N; k++)
            d.a[i] += GREF_AT(X, k, i) / N;
    }
    for (int i = 0; i < NP; i++)
        for (int j = 0; j < NP; j++)
            for (int k = 0; k < N; k++)
                GREF_AT(S, i, j) +=
                    (GREF_AT(X, k, i) - d.a[i]) * (GREF_AT(X, k, j) - d.a[j]) / (N - 1);
    gref_mat_axpy(d, -1, gref_const(l.mean));
    double T2 = 0; /* N d^T S^-1 d */
    gref_mat K = fresh(NP, NP + 1);
    for (int i = 0; i < NP; i++) {
        for (int j = 0; j < NP; j++)
            GREF_AT(K, i, j) = GREF_AT(S, i, j);
        GREF_AT(K, i, NP) = d.a[i];
    }
    for (int p = 0; p < NP; p++) /* Gauss without pivoting: S is positive definite */
        for (int i = p + 1; i < NP; i++) {
            double f = GREF_AT(K, i, p) / GREF_AT(K, p, p);
            for (int j = p; j <= NP; j++)
                GREF_AT(K, i, j) -= f * GREF_AT(K, p, j);
        }
    for (int p = 0; p < NP;
         p++) /* d^T S^-1 d = sum of squares of the eliminated right-hand side over the pivots */
        T2 += N * GREF_AT(K, p, NP) * GREF_AT(K, p, NP) / GREF_AT(K, p, p);
    ck_assert_bound("T^2", fabs(named(&r, "mean")->statistic / T2 - 1), 1e-11);
    ck_assert_bound(
        "p of T^2",
        fabs(named(&r, "mean")->p - gref_f_tail(T2 * (N - NP) / (NP * (N - 1.0)), NP, N - NP)),
        1e-11);
    ck_assert(r.rank == NP && r.N == N && r.n == NP && !named(&r, "support")->done);
    gref_mat *all[] = {&X, &d, &S, &K};
    for (int k = 0; k < 4; k++)
        gref_mat_free(all[k]);
    free_law(&l);
}
END_TEST

/* Entry (i, j) of the covariance of samples in the whitened eigenbasis of the law, whose scaled eigenvectors are the
 * columns of its root: by sums over the samples, where the library whitens by matrix products. */
static double whitened(const law *l, gref_mat X, int i, int j)
{
    double sum[3] = {0};
    for (int k = 0; k < X.m; k++) {
        double y[2] = {0}, square[2] = {0};
        for (int side = 0; side < 2; side++)
            for (int a = 0; a < X.n; a++) {
                double u = GREF_AT(l->root, a, side ? j : i);
                y[side] += u * (GREF_AT(X, k, a) - l->mean.a[a]);
                square[side] += u * u;
            }
        sum[0] += y[0] / square[0];
        sum[1] += y[1] / square[1];
        sum[2] += y[0] / square[0] * y[1] / square[1];
    }
    return (sum[2] - sum[0] * sum[1] / X.m) / (X.m - 1);
}

/* A^2 and its p along eigenvector i, the sum of Anderson and Darling's definition over the sorted
 * projections. */
static double anderson_darling_p(const law *l, gref_mat X, int i)
{
    gref_mat z = fresh(X.m, 1);
    double square = 0, sum = 0;
    for (int a = 0; a < X.n; a++)
        square += GREF_AT(l->root, a, i) * GREF_AT(l->root, a, i);
    for (int k = 0; k < X.m; k++)
        for (int a = 0; a < X.n; a++)
            z.a[k] += GREF_AT(l->root, a, i) * (GREF_AT(X, k, a) - l->mean.a[a]) / square;
    for (int k = 0; k < X.m; k++) { /* the rank of z_k counts it: no sorting */
        int rank = 1;
        for (int a = 0; a < X.m; a++)
            rank += z.a[a] < z.a[k];
        double below = log(gref_normal_tail(-z.a[k])), above = log(gref_normal_tail(z.a[k]));
        sum += (2 * rank - 1) * below + (2 * (X.m - rank) + 1) * above;
    }
    gref_mat_free(&z);
    return gref_anderson_darling_tail(-X.m - sum / X.m, X.m);
}

/* The corrections for several looks at the same samples are all there: the eigenvectors' p is r times the smallest
 * (Bonferroni), the projections' 1 - (1 - p)^K (Sidak, K = r here), the whole 1 - (1 - p)^4. Each
 * is recomputed from its parts; the seed is one where none of the factors is hidden behind the 1
 * that a p is cut at. Both sides are the same
 * formula in doubles over sums of 40 terms: 1e-10 of rounding at the most. */
START_TEST(test_samples__several_looks_are_paid_for)
{
    enum { N = 40, NP = 5 };
    law l = make_law(NP, 10, 0, 1);
    gref_mat X = draw(&l, N, 2);
    gref_sample_report r = test_of(X, &l);
    double least = 1, projected = 1, frobenius = 0, k[3], all = 1;
    for (int i = 0; i < NP; i++) {
        least = fmin(least, gref_chi2_two_sided((N - 1) * whitened(&l, X, i, i), N - 1));
        projected = fmin(projected, anderson_darling_p(&l, X, i));
        for (int j = 0; j < NP; j++)
            frobenius += pow(whitened(&l, X, i, j) - (i == j), 2);
    }
    gref_frobenius_cumulants(k, N - 1, NP);
    for (int t = 0; t < 4; t++)
        all = fmin(all, r.test[t].p);
    printf("# smallest p of %d directions %.3g, of as many projections %.3g, of 4 tests %.3g\n", NP,
           least, projected, all);
    ck_assert(NP * least < 1 && projected < 0.9 && all < 0.9);
    ck_assert_bound("eigenvectors", fabs(named(&r, "eigenvectors")->p - NP * least), 1e-10);
    ck_assert_bound("projections", fabs(named(&r, "projections")->p - (1 - pow(1 - projected, NP))),
                    1e-10);
    ck_assert_bound("covariance",
                    fabs(named(&r, "covariance")->p - gref_pearson3_tail(frobenius, k)), 1e-10);
    ck_assert_bound("all", fabs(r.p - (1 - pow(1 - all, 4))), 1e-10);
    gref_mat_free(&X);
    free_law(&l);
}
END_TEST

/* A shift of the mean, a wrong variance along one direction, a rotation of the covariance, a law of the right two
 * moments but not Gaussian, and noise outside the support: each is seen by the test that is there
 * for it. */
START_TEST(test_samples__each_test_sees_its_own_deviation)
{
    enum { N = 2000, NP = 6 };
    law l = make_law(NP, 10, 1, 3), bent = make_law(NP, 10, 1, 3);
    gref_mat X = draw(&l, N, 4);
    gref_sample_report r = test_of(X, &l);
    ck_assert_msg(r.verdict == GREF_VERDICT_AGREES && r.rank == NP - 1, "%s", r.sentence);
    for (int k = 0; k < N; k++)
        for (int i = 0; i < NP; i++)
            GREF_AT(X, k, i) += 0.3 * GREF_AT(l.root, i, 2);
    r = test_of(X, &l);
    ck_assert(named(&r, "mean")->p < 1e-6 && named(&r, "covariance")->p > 0.01 &&
              r.verdict == GREF_VERDICT_DIFFERS);
    gref_mat_free(&X);

    for (int i = 0; i < NP; i++)
        GREF_AT(bent.root, i, 3) *= 1.25;
    X = draw(&bent, N, 5);
    r = test_of(X, &l);
    ck_assert(named(&r, "eigenvectors")->p < 1e-6 && named(&r, "mean")->p > 0.01 &&
              r.verdict == GREF_VERDICT_DIFFERS);
    gref_mat_free(&X);

    for (int i = 0; i < NP;
         i++) { /* variances along the eigenvectors right, directions 0 and 4 correlated */
        GREF_AT(bent.root, i, 3) /= 1.25;
        GREF_AT(bent.root, i, 4) =
            0.8 * GREF_AT(l.root, i, 4) +
            0.6 * GREF_AT(l.root, i, 0); /* changes eigenvector 0's too: divided out */
        GREF_AT(bent.root, i, 0) = 0.8 * GREF_AT(l.root, i, 0);
    }
    X = draw(&bent, N, 6);
    r = test_of(X, &l);
    ck_assert(named(&r, "covariance")->p < 1e-6 && r.verdict == GREF_VERDICT_DIFFERS);
    gref_mat_free(&X);

    X = draw(&l, N, 7); /* +-1 along the leading direction: mean 0 and variance 1 like the law */
    for (int k = 0; k < N; k++) {
        double along = 0;
        for (int i = 0; i < NP; i++)
            along += (GREF_AT(X, k, i) - l.mean.a[i]) * GREF_AT(l.root, i, 0);
        for (int i = 0; i < NP; i++)
            GREF_AT(X, k, i) +=
                ((along > 0 ? 1 : -1) - along) * GREF_AT(l.root, i, 0); /* |root_0| = 1 */
    }
    r = test_of(X, &l);
    ck_assert(named(&r, "projections")->p < 1e-6 && r.verdict == GREF_VERDICT_DIFFERS);
    gref_mat_free(&X);

    X = draw(&l, N, 8);
    gref_mat Q = random_orthogonal(NP, 3); /* the law's directions; the last has no variance */
    for (int i = 0; i < NP; i++)
        GREF_AT(X, 17, i) += 1e-3 * GREF_AT(Q, i, NP - 1);
    r = test_of(X, &l);
    ck_assert(named(&r, "support")->p == 0 && r.p == 0 && r.verdict == GREF_VERDICT_DIFFERS);
    gref_mat_free(&Q);
    gref_mat_free(&X);
    free_law(&l);
    free_law(&bent);
}
END_TEST

/* One sample, two, fewer than pixels: what can be tested is tested, the rest says why not, and the verdict is
 * undecided with the number of samples that would decide. */
START_TEST(test_samples__few_samples_are_undecided)
{
    law l = make_law(8, 5, 0, 9);
    for (int N = 1; N <= 7; N++) {
        gref_mat X = draw(&l, N, 10);
        gref_sample_report r = test_of(X, &l);
        ck_assert(named(&r, "mean")->done && named(&r, "covariance")->done == (N >= 2) &&
                  named(&r, "eigenvectors")->done == (N >= 2) && !named(&r, "projections")->done);
        ck_assert(r.estimated == (N >= 3));
        double by_law =
            0; /* N |w|^2 by the law's own covariance: its eigenvectors are the root's columns */
        for (int j = 0; j < 8; j++) {
            double y = 0, square = 0;
            for (int a = 0; a < 8; a++) {
                double u = GREF_AT(l.root, a, j), sum = 0;
                for (int k = 0; k < N; k++)
                    sum += GREF_AT(X, k, a) - l.mean.a[a];
                y += u * sum / N;
                square += u * u;
            }
            by_law += N * y * y / (square * square);
        }
        ck_assert_bound("N |w|^2", fabs(named(&r, "mean")->statistic / by_law - 1), 1e-11);
        ck_assert_bound("its p", fabs(named(&r, "mean")->p - gref_chi2_tail(by_law, 8)), 1e-11);
        for (int k = 0; k < GREF_SAMPLE_TESTS; k++)
            ck_assert(r.test[k].done || r.test[k].p == 1);
        ck_assert_msg(r.verdict == GREF_VERDICT_UNDECIDED, "N = %d: %s", N, r.sentence);
        ck_assert_ptr_nonnull(strstr(r.sentence, "cannot see a difference"));
        if (r.estimated)
            ck_assert(r.needed > N && r.visible > GREF_RESOLVE * r.spread);
        gref_mat_free(&X);
    }
    gref_sample_report r;
    gref_mat X = fresh(0, 8), Y = fresh(3, 7), Z = fresh(3, 8);
    Z.a[4] = NAN;
    ck_fails(
        gref_samples_test(&r, gref_const(X), false, gref_const(l.mean), gref_const(l.cov), 0.1),
        GREF_ERR_RANGE);
    ck_fails(
        gref_samples_test(&r, gref_const(Y), false, gref_const(l.mean), gref_const(l.cov), 0.1),
        GREF_ERR_SHAPE);
    ck_fails(
        gref_samples_test(&r, gref_const(Z), false, gref_const(l.mean), gref_const(l.cov), 0.1),
        GREF_ERR_NONFINITE);
    Z.a[4] = 0;
    ck_fails(gref_samples_test(&r, gref_const(Z), false, gref_const(l.mean), gref_const(l.cov), 0),
             GREF_ERR_RANGE);
    gref_mat_free(&X);
    gref_mat_free(&Y);
    gref_mat_free(&Z);
    free_law(&l);
}
END_TEST

/* The estimate of W2^2 has mean zero under the law, and the true value under another: 300 runs each, |z| <= 5. The
 * other law has its mean moved by d and every standard deviation 2 % up: W2^2 = d^2 + 0.02^2 tr P
 * exactly, while
 * second order gives d^2 + (1.02^2 - 1)^2/4 tr P = d^2 + 0.0202^2 tr P, and that is the mean
 * here. */
START_TEST(test_samples__w2_is_estimated_without_bias)
{
    enum { N = 60, NP = 6, RUNS = 300 };
    law l = make_law(NP, 20, 0, 12), other = make_law(NP, 20, 0, 12);
    double tr = gref_mat_trace(gref_const(l.cov)), truth[2] = {0, 0.25 + 0.0202 * 0.0202 * tr};
    other.mean.a[0] += 0.5;
    for (int k = 0; k < NP * NP; k++)
        other.root.a[k] *= 1.02;
    for (int which = 0; which < 2; which++) {
        double sum = 0, sum2 = 0;
        int inside = 0;
        for (int run = 0; run < RUNS; run++) {
            gref_mat X = draw(which ? &other : &l, N, (uint64_t)(1000 + run));
            gref_sample_report r = test_of(X, &l);
            sum += r.w2_squared;
            sum2 += r.w2_squared * r.w2_squared;
            inside += r.lower * r.lower <= truth[which] && truth[which] <= r.upper * r.upper;
            gref_mat_free(&X);
        }
        double mean = sum / RUNS, sd = sqrt(sum2 / RUNS - mean * mean);
        printf(
            "# W2^2 true %.5f: mean of the estimates %.5f +- %.5f, interval holds it in %d of %d\n",
            truth[which], mean, sd / sqrt(RUNS), inside, RUNS);
        ck_assert_bound("z", fabs(mean - truth[which]) / (sd / sqrt(RUNS)), 5);
        ck_assert_int_ge(inside, (int)(0.9 * RUNS));
    }
    free_law(&l);
    free_law(&other);
}
END_TEST

/* Samples stored in single precision agree with a law that has no variance along a direction: their rounding there
 * is no support violation; in double the same noise is. */
START_TEST(test_samples__single_precision_is_no_excursion)
{
    law l = make_law(5, 3, 2, 14);
    gref_mat X = draw(&l, 200, 15);
    for (int k = 0; k < 200 * 5; k++)
        X.a[k] = (float)X.a[k];
    gref_sample_report r;
    ck_ok(gref_samples_test(&r, gref_const(X), true, gref_const(l.mean), gref_const(l.cov), 0.5));
    ck_assert_msg(r.verdict == GREF_VERDICT_AGREES, "%s", r.sentence);
    gref_mat_free(&X);
    free_law(&l);
}
END_TEST

/* What leaves the support: W2^2 grows by exactly the mean square of it, and it is held against the samples from the bound
 * on (8 2^-16 of the largest standard deviation, and 2^-22 or 2^-48 of the largest entry times
 * sqrt(n)), not below. The
 * mean is so large that the entry's term is nearly all of the bound. The kernel's unit vector is
 * the last column of Q. */
START_TEST(test_samples__excursions_are_measured_and_bounded)
{
    enum { N = 50, NP = 5 };
    static const double unit[] = {0x1p-48, 0x1p-22}, size[] = {1e12, 1e4};
    for (int single = 0; single < 2; single++) {
        law l = make_law(NP, 3, 1, 16);
        gref_mat Q = random_orthogonal(NP, 16);
        gref_sample_report r[2];
        for (int i = 0; i < NP; i++)
            l.mean.a[i] += size[single];
        for (int times = 0; times < 2; times++) {
            gref_mat X = draw(&l, N, 17);
            double bound = 8 * 0x1p-16 + sqrt(NP) * gref_mat_norm_max(gref_const(X)) * unit[single];
            double h = bound * (times ? 2 : 0.5);
            for (int k = 0; k < N; k++)
                for (int i = 0; i < NP; i++)
                    GREF_AT(X, k, i) += h * GREF_AT(Q, i, NP - 1);
            ck_ok(gref_samples_test(&r[times], gref_const(X), single, gref_const(l.mean),
                                    gref_const(l.cov), 0.5));
            ck_assert_int_eq(r[times].rank, NP - 1);
            ck_assert(named(&r[times], "support")->p == (times ? 0 : 1));
            gref_mat_free(&X);
        }
        gref_mat_free(&Q);
        free_law(&l);
    }
    law l = make_law(NP, 3, 1, 16);
    gref_mat Q = random_orthogonal(NP, 16), X = draw(&l, N, 17);
    double before = test_of(X, &l).w2_squared, h = 0.25;
    for (int k = 0; k < N; k++)
        for (int i = 0; i < NP; i++)
            GREF_AT(X, k, i) += h * GREF_AT(Q, i, NP - 1);
    ck_assert_bound("W2^2 outside", fabs(test_of(X, &l).w2_squared - before - h * h), 1e-12);
    gref_mat_free(&X);
    gref_mat_free(&Q);
    free_law(&l);
}
END_TEST

/* Sixteenths of the unit change no p, not even in the last bit, and no rank: the least standard deviation, 2^-15 of the
 * largest, is beside 2^-16 of it before and after. */
START_TEST(test_samples__ignore_the_unit)
{
    enum { N = 40, NP = 4 };
    law l = make_law(NP, 0x1p30, 0, 4);
    gref_mat X = draw(&l, N, 2);
    gref_sample_report before = test_of(X, &l);
    for (int k = 0; k < N * NP; k++)
        X.a[k] *= 0x1p-4;
    for (int k = 0; k < NP; k++)
        l.mean.a[k] *= 0x1p-4;
    for (int k = 0; k < NP * NP; k++)
        l.cov.a[k] *= 0x1p-8;
    gref_sample_report after = test_of(X, &l);
    ck_assert(before.rank == NP && after.rank == NP && before.p == after.p);
    for (int k = 0; k < GREF_SAMPLE_TESTS; k++)
        ck_assert(before.test[k].p == after.test[k].p);
    gref_mat_free(&X);
    free_law(&l);
}
END_TEST

/* The words say what was computed: the mean's covariance up to N = 2 r + 1, the projection with the smallest p, and the
 * visible W2 as a share of the spread. */
START_TEST(test_samples__words_are_those_of_the_numbers)
{
    enum { NP = 5 };
    law l = make_law(NP, 10, 0, 1);
    for (int N = 2 * NP + 1; N <= 2 * NP + 2; N++) {
        gref_mat X = draw(&l, N, 2);
        gref_sample_report r = test_of(X, &l);
        bool own = strstr(named(&r, "mean")->detail, "the law's own covariance") != NULL;
        ck_assert(own == (N == 2 * NP + 1));
        gref_mat_free(&X);
    }
    gref_mat X = draw(&l, 40, 2);
    gref_sample_report r = test_of(X, &l);
    char share[64], worst[32];
    int best = 0;
    for (int i = 1; i < NP; i++)
        if (anderson_darling_p(&l, X, i) < anderson_darling_p(&l, X, best))
            best = i;
    snprintf(share, sizeof share, "(%.3g %% of the spread %.3g)", 100 * r.visible / r.spread,
             r.spread);
    snprintf(worst, sizeof worst, "projection %d of %d", best + 1, NP);
    ck_assert_msg(strstr(r.sentence, share) != NULL, "%s: no %s", r.sentence, share);
    ck_assert_msg(strstr(named(&r, "projections")->detail, worst) != NULL, "%s: no %s",
                  named(&r, "projections")->detail, worst);
    gref_mat_free(&X);
    free_law(&l);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("samples");
    TCase *tc = new_tcase(s, "samples");
    tcase_add_test(tc, test_samples__statistics_are_their_definitions);
    tcase_add_test(tc, test_samples__several_looks_are_paid_for);
    tcase_add_test(tc, test_samples__each_test_sees_its_own_deviation);
    tcase_add_test(tc, test_samples__few_samples_are_undecided);
    tcase_add_test(tc, test_samples__w2_is_estimated_without_bias);
    tcase_add_test(tc, test_samples__single_precision_is_no_excursion);
    tcase_add_test(tc, test_samples__excursions_are_measured_and_bounded);
    tcase_add_test(tc, test_samples__words_are_those_of_the_numbers);
    tcase_add_test(tc, test_samples__ignore_the_unit);
    return run_suite(s);
}
