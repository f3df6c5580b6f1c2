/* W2 of samples to a law, and the cumulants behind a p, by other evaluations of their sums. */
#include <math.h>

#include "support.h"
#include "verify/internal.h"
#include "verify/samples.h"

/* Mean, variance and third central moment of Y = (a q^2 + b q + c), q ~ chi^2_k: E q^p = k (k + 2) .. (k + 2 p - 2). */
static void quadratic_cumulants(double of[3], double k, double a, double b, double c)
{
    long double moment[7] = {1}, power[7] = {1}, y[3];
    for (int p = 0; p < 6; p++)
        moment[p + 1] = moment[p] * (k + 2 * p);
    of[0] = (double)(a * moment[2] + b * moment[1] + c);
    y[0] = c - of[0];
    y[1] = b;
    y[2] = a;
    for (int order = 1; order <= 3; order++) {
        long double next[7] = {0}, mean = 0;
        for (int i = 0; i < 5; i++)
            for (int j = 0; j < 3; j++)
                next[i + j] += power[i] * y[j];
        for (int i = 0; i < 7; i++) {
            power[i] = next[i];
            mean += next[i] * moment[i];
        }
        if (order > 1)
            of[order - 1] = (double)mean;
    }
}

/* tr (S - I)^2 is a quadratic in a chi^2 where S = x x^T has rank 1, for every r, and where r = 1, for every nu: between
 * them the two fix each coefficient. */
START_TEST(test_samples__frobenius_cumulants)
{
    for (int k = 1; k <= 6; k++) {
        double by_r[3], by_nu[3], expected[3];
        quadratic_cumulants(expected, k, 1, -2, k);
        gref_frobenius_cumulants(by_r, 1, k);
        for (int i = 0; i < 3; i++)
            ck_assert_bound("nu = 1", fabs(by_r[i] / expected[i] - 1), 1e-13);
        quadratic_cumulants(expected, k, 1.0 / (k * k), -2.0 / k, 1);
        gref_frobenius_cumulants(by_nu, k, 1);
        for (int i = 0; i < 3; i++)
            ck_assert_bound("r = 1", fabs(by_nu[i] / expected[i] - 1), 1e-13);
    }
}
END_TEST

/* Unbiased Var S_ij, from E S_ij^2 = a + (a + b)/nu and E S_ii S_jj = b + 2 a/nu solved for a = C_ij^2 and b = C_ii C_jj,
 * which are one where i = j. */
static double variance_of(gref_mat S, int i, int j, double nu)
{
    double x = pow(GREF_AT(S, i, j), 2), y = GREF_AT(S, i, i) * GREF_AT(S, j, j);
    double det = (1 + 1 / nu) - 2 / (nu * nu), a = (x - y / nu) / det,
           b = ((1 + 1 / nu) * y - 2 / nu * x) / det;
    return i == j ? 2 * x / (nu + 2) : (a + b) / nu;
}

/* The estimate of W2^2, its interval and what would have been seen, from another evaluation of their sums: samples that
 * are far off, near, and nearer than chance. */
START_TEST(test_samples__w2_is_its_sums)
{
    enum { R = 3, N = 9 };
    const double lambda[R] = {3, 2, 0.5}, shift[] = {1.5, 0.35, 0}, off[] = {2, 0.1, 0};
    double nu = N - 1, nulls = 0, cubes = 0, k[3] = {0};
    gref_sample_space q = {.N = N,
                           .r = R,
                           .lambda = fresh(R, 1),
                           .w = fresh(R, 1),
                           .S = fresh(R, R),
                           .outside2 = _i ? 0 : 0.25};
    gref_sample_report r = {.spread = sqrt(5.5)};
    for (int i = 0; i < R; i++) {
        q.lambda.a[i] = lambda[i];
        q.w.a[i] = shift[_i] * (i + 1);
        for (int j = 0; j < R; j++)
            GREF_AT(q.S, i, j) = (i == j) + off[_i] * (i == j ? 1 + i : 0.3);
    }
    double square = q.outside2, means = 0, covs = 0;
    for (int i = 0; i < R; i++) {
        double excess = pow(q.w.a[i], 2) - GREF_AT(q.S, i, i) / N;
        square += lambda[i] * excess;
        means += pow(lambda[i], 2) * excess;
        nulls += pow(lambda[i] / N, 2);
        cubes += pow(lambda[i] / N, 3);
        for (int j = 0; j < R; j++) {
            double g = 1 / (1 / lambda[i] + 1 / lambda[j]);
            double e = pow(GREF_AT(q.S, i, j) - (i == j), 2) - variance_of(q.S, i, j, nu);
            square += g * e / 2;
            covs += g * g * e;
            nulls += j <= i ? pow(g / nu, 2) : 0;
            cubes += j <= i ? pow(g / nu, 3) : 0;
        }
    }
    k[1] = 2 * nulls;
    k[2] = 8 * cubes;
    double half = 1.96 * sqrt(k[1] + 4 * fmax(0, means) / N + 2 * fmax(0, covs) / nu);
    gref_samples_w2(&r, &q, 0.125);
    ck_assert((square > 2) == (_i == 0) && (square < 0) == (_i == 2) && r.estimated);
    ck_assert_bound("W2^2", fabs(r.w2_squared - square), 1e-13 * (1 + fabs(square)));
    ck_assert_bound("W2", fabs(r.w2 - sqrt(fmax(0, square))), 1e-13 * (1 + r.w2));
    ck_assert_bound("lower", fabs(r.lower - sqrt(fmax(0, square - half))), 1e-12 * (1 + r.w2));
    ck_assert_bound("upper", fabs(r.upper - sqrt(square + half)), 1e-12 * r.upper);
    double seen = r.visible * r.visible, edge = gref_pearson3_quantile(0.01, k); /* a fixed point */
    ck_assert_bound("visible", fabs(seen - edge - 1.645 * sqrt(k[1] + 4 * lambda[0] / N * seen)),
                    1e-12 * seen);
    ck_assert(r.needed == ceil(N * seen / (0.125 * 0.125 * 5.5)));
    gref_mat_free(&q.lambda);
    gref_mat_free(&q.w);
    gref_mat_free(&q.S);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("samples_w2");
    TCase *tc = new_tcase(s, "samples_w2");
    tcase_add_test(tc, test_samples__frobenius_cumulants);
    tcase_add_loop_test(tc, test_samples__w2_is_its_sums, 0, 3);
    return run_suite(s);
}
