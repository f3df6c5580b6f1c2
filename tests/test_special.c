/* Distribution functions, against values of 40-digit arithmetic and against published tables. */
#include <math.h>

#include "support.h"
#include "verify/internal.h"
#include "verify/samples.h"
#include <gref/random.h>

/* Incomplete gamma functions in 40-digit arithmetic (mpmath): small, large and equal arguments, both tails. The
 * factor x^a e^-x/Gamma(a) is the exponential of a difference of size a ln a, known to a ln a eps:
 * 12 eps a + 50 eps. */
START_TEST(test_gamma__meets_forty_digits)
{
    static const struct {
        double a, x, lower, upper;
    } table[] = {
        {0.5, 0.1, 0.34527915398142297956, 0.65472084601857702044},
        {0.5, 5, 0.99843459774199745032, 0.0015654022580025496775},
        {5, 1, 0.0036598468273437123455, 0.99634015317265628765},
        {5, 12, 0.99239960931893300453, 0.0076003906810669954715},
        {50, 30, 0.00051889146254803429258, 0.99948110853745196571},
        {50, 80, 0.99986921602340858966, 0.00013078397659141033656},
        {500, 480, 0.18628197319032460066, 0.81371802680967539934},
        {5000, 5200, 0.99741518650464619135, 0.0025848134953538086508},
        {100000, 100500, 0.9428967300239712886, 0.057103269976028711396},
        {0.05, 0.001, 0.72717922905292264922, 0.27282077094707735078},
    };
    for (size_t k = 0; k < sizeof table / sizeof *table; k++) {
        double bound = (12 * table[k].a + 50) * EPS;
        ck_assert_bound("P", fabs(gref_gamma_lower(table[k].a, table[k].x) - table[k].lower),
                        bound);
        ck_assert_bound("Q", fabs(gref_gamma_upper(table[k].a, table[k].x) - table[k].upper),
                        bound);
        double least = fmin(table[k].lower, table[k].upper),
               value = gref_gamma_lower(table[k].a, table[k].x);
        if (table[k].upper < table[k].lower)
            value = gref_gamma_upper(table[k].a, table[k].x);
        if (least < 0.1) /* a tail is right relatively, not 1 - cdf */
            ck_assert_bound("tail", fabs(value / least - 1), 4 * bound);
    }
    ck_assert(gref_gamma_lower(2, 0) == 0 && gref_gamma_upper(2, 0) == 1 &&
              gref_gamma_upper(2, INFINITY) == 0);
    ck_assert(isnan(gref_gamma_upper(2, NAN)) && isnan(gref_gamma_lower(2, NAN)));
}
END_TEST

/* The same for the incomplete beta function, whose factor is known to (a + b) eps times a
 * logarithm. */
START_TEST(test_beta__meets_forty_digits)
{
    static const struct {
        double a, b, x, value;
    } table[] = {
        {0.5, 0.5, 0.3, 0.36901011956554537504},    {2, 3, 0.4, 0.5248},
        {10, 0.5, 0.9, 0.15164090963470996856},     {50, 40, 0.6, 0.80115341797448861632},
        {300, 20, 0.97, 0.99820586109353517445},    {1.5, 1000, 0.002, 0.73907591693759340758},
        {500, 500, 0.45, 0.0007636789395265001094},
    };
    for (size_t k = 0; k < sizeof table / sizeof *table; k++) {
        double a = table[k].a, b = table[k].b;
        ck_assert_bound("I", fabs(gref_beta_lower(a, b, table[k].x) - table[k].value),
                        (12 * (a + b) + 50) * EPS);
    }
    ck_assert(gref_beta_lower(2, 3, 0) == 0 && gref_beta_lower(2, 3, 1) == 1 &&
              isnan(gref_beta_lower(2, 3, NAN)));
}
END_TEST

/* Tables of Abramowitz & Stegun (26.8, 26.9) and of every textbook, to the digits that they
 * print. */
START_TEST(test_tails__meet_printed_tables)
{
    ck_assert_bound("normal", fabs(gref_normal_tail(1.959963984540054) - 0.025), 1e-16);
    ck_assert_bound("chi^2 1", fabs(gref_chi2_tail(3.84146, 1) - 0.05), 1e-6);
    ck_assert_bound("chi^2 10", fabs(gref_chi2_tail(23.2093, 10) - 0.01), 1e-6);
    ck_assert_bound("chi^2 100", fabs(gref_chi2_tail(149.449, 100) - 0.001), 1e-6);
    ck_assert_bound("F 5, 10", fabs(gref_f_tail(3.3258, 5, 10) - 0.05), 1e-5);
    ck_assert_bound("F 1, 1", fabs(gref_f_tail(161.4476, 1, 1) - 0.05), 1e-7);
    ck_assert_bound("two-sided", fabs(gref_chi2_two_sided(2.155856, 10) - 0.01),
                    1e-6); /* 0.005 quantile */
}
END_TEST

/* Anderson and Darling's limit law in 25-digit arithmetic; its 5 % and 1 % points are 2.492 and 3.878 in their and
 * Stephens's (1974) tables. N = 10^9 stands for the limit: the correction is below 1e-11. */
START_TEST(test_anderson_darling__meets_the_inverted_law)
{
    static const double table[][2] = {
        {0.5, 0.746814373530344},    {1, 0.357266673214019},      {1.5, 0.17647537284205},
        {1.933, 0.0999946232082235}, {2.492, 0.0500221863596079}, {3.07, 0.0252182711369787},
        {3.857, 0.0102411532298612}, {5, 0.00287442130458607},    {6, 0.000967451941520923},
        {8, 0.000113814155726583},   {9, 3.9534011387515e-5}};
    for (size_t k = 0; k < sizeof table / sizeof *table; k++)
        ck_assert_bound(
            "A^2", fabs(gref_anderson_darling_tail(table[k][0], 1000000000) - table[k][1]), 1e-10);
    double before = 1;
    for (double z = 0; z < 40; z += 0.01) { /* falls all the way, never below 0 */
        double p = gref_anderson_darling_tail(z, 100);
        ck_assert(p <= before + 1e-5 && p >= 0);
        before = p;
    }
    ck_assert(before < 1e-15 && isnan(gref_anderson_darling_tail(NAN, 100)));
}
END_TEST

/* Pearson's type III with the cumulants of a chi^2 is that chi^2, and of a normal law that law: the fit is exact
 * where the law is of its family. The quantile inverts the tail. */
START_TEST(test_pearson3__is_exact_for_chi2)
{
    for (int k = 1; k <= 400; k += 57) {
        double c[3] = {k, 2.0 * k, 8.0 * k};
        for (double x = 0.5 * k; x < 3 * k + 10; x += 0.3 * k)
            ck_assert_bound("tail", fabs(gref_pearson3_tail(x, c) - gref_chi2_tail(x, k)), 1e-11);
        double q = gref_pearson3_quantile(0.01, c);
        ck_assert_bound("quantile", fabs(gref_chi2_tail(q, k) - 0.01), 1e-11);
    }
    double normal[3] = {1, 4, 0}, none[3] = {0, 0, 0};
    ck_assert_bound("normal", fabs(gref_pearson3_tail(5, normal) - gref_normal_tail(2)), 1e-15);
    ck_assert(gref_pearson3_tail(1, none) == 0 && gref_pearson3_tail(-1, none) == 1);
}
END_TEST

/* r = 1: nu S ~ chi^2_nu, so (S - 1)^2 has moments in closed form: E = 2/nu, and with the central moments of chi^2,
 * mu_4 = 12 nu^2 + 48 nu: Var = mu_4/nu^4 - 4/nu^2 = (8 nu + 48)/nu^3. nu = 7 for the rest of the
 * table: T of
 * 40000 Wishart matrices (r = 3) has the mean, variance and third moment that are claimed,
 * |z| <= 5. */
START_TEST(test_frobenius_cumulants__are_those_of_wishart_matrices)
{
    enum { R = 3, NU = 7, RUNS = 40000 };
    double k[3], m1 = 0, m2 = 0, m3 = 0, v2 = 0;
    gref_frobenius_cumulants(k, 9, 1);
    ck_assert_bound("mean", fabs(k[0] - 2.0 / 9), 4 * EPS);
    ck_assert_bound("variance", fabs(k[1] - (8.0 * 9 + 48) / 729), 4 * EPS);
    gref_frobenius_cumulants(k, NU, R);
    gref_mat Z = fresh(R, NU * RUNS);
    gref_random_normal(Z, 11, GREF_STREAM_TEST, 3, 0);
    for (int run = 0; run < RUNS; run++) {
        double T = 0;
        for (int i = 0; i < R; i++)
            for (int j = 0; j < R; j++) {
                double s = 0;
                for (int l = 0; l < NU; l++)
                    s += GREF_AT(Z, i, run * NU + l) * GREF_AT(Z, j, run * NU + l) / NU;
                T += (s - (i == j)) * (s - (i == j));
            }
        double d = T - k[0];
        m1 += d / RUNS;
        m2 += d * d / RUNS;
        v2 += d * d * d * d / RUNS;
        m3 += d * d * d / RUNS;
    }
    ck_assert_bound("z of the mean", fabs(m1) / sqrt(k[1] / RUNS), 5);
    ck_assert_bound("z of the variance", fabs(m2 - k[1]) / sqrt((v2 - m2 * m2) / RUNS), 5);
    ck_assert_bound("third", fabs(m3 / k[2] - 1),
                    0.25); /* its own error is about 5 % at these tails */
    gref_mat_free(&Z);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("special");
    TCase *tc = new_tcase(s, "special");
    tcase_add_test(tc, test_gamma__meets_forty_digits);
    tcase_add_test(tc, test_beta__meets_forty_digits);
    tcase_add_test(tc, test_tails__meet_printed_tables);
    tcase_add_test(tc, test_anderson_darling__meets_the_inverted_law);
    tcase_add_test(tc, test_pearson3__is_exact_for_chi2);
    tcase_add_test(tc, test_frobenius_cumulants__are_those_of_wishart_matrices);
    return run_suite(s);
}
