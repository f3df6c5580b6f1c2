/*
 * Samples against laws. The samples come from Algorithm 8 line by line (score, denoised image, gradient), the
 * laws from the affine steps: that the moments agree proves that the law is the law of the sampler.
 *
 * Monte Carlo, N = 20000, fixed seeds: every mean and covariance entry within 5 standard errors, with
 * var(mean_i) = P_ii/N and var(S_ij) = (P_ii P_jj + P_ij^2)/N. 960 entries: for a random seed, a false alarm once in 1800.
 */
#include "support.h"
#include "toy.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <gref/marginal.h>

enum { SIZE = 5, SAMPLES = 20000, T = 25 };

static void hold_moments(const gref_sampler *sampler, const char *what)
{
    gref_mat Y = fresh(SIZE, SAMPLES), m = fresh(SIZE, 1), P = fresh(SIZE, SIZE);
    gref_marginal *law = NULL;
    ck_ok(gref_marginal_new(&law, sampler));
    while (gref_marginal_t(law) > 0)
        ck_ok(gref_marginal_advance(law));
    ck_ok(gref_marginal_mean(m, law));
    ck_ok(gref_marginal_cov(P, law));
    ck_ok(gref_sampler_draw(Y, sampler, 17));
    double worst = 0;
    for (int i = 0; i < SIZE; i++) {
        double mean = 0;
        for (int k = 0; k < SAMPLES; k++)
            mean += GREF_AT(Y, i, k) / SAMPLES;
        double z = fabs(mean - m.a[i]) / sqrt(GREF_AT(P, i, i) / SAMPLES);
        ck_assert_msg(z <= 5, "%s: mean %d is %.2f standard errors off", what, i, z);
        worst = fmax(worst, z);
        for (int j = 0; j <= i; j++) {
            double S = 0;
            for (int k = 0; k < SAMPLES; k++)
                S += (GREF_AT(Y, i, k) - m.a[i]) * (GREF_AT(Y, j, k) - m.a[j]) / SAMPLES;
            double pii = GREF_AT(P, i, i), pjj = GREF_AT(P, j, j), pij = GREF_AT(P, i, j);
            z = fabs(S - pij) / sqrt((pii * pjj + pij * pij) / SAMPLES);
            ck_assert_msg(z <= 5, "%s: covariance (%d, %d) is %.2f standard errors off", what, i, j,
                          z);
            worst = fmax(worst, z);
        }
    }
    printf("# %-28s worst z-score %.2f\n", what, worst);
    gref_mat_free(&Y);
    gref_mat_free(&m);
    gref_mat_free(&P);
    gref_marginal_free(law);
}

/* Every sampler, guidance, variance and start on a non-stationary problem with a singular Sigma. */
START_TEST(test_sampler_draw__moments_are_those_of_the_exact_law)
{
    static const char *const names[] = {"ddpm", "dps", "pigdm", "cgdm"};
    gref_problem p = dense_problem(SIZE, 3, 10.0, 1, 0.5, 33);
    gref_schedule s = {0};
    gref_modes z = {0};
    ck_ok(gref_schedule_linear(&s, 0.01, 0.3, T));
    ck_ok(gref_modes_new(&z, &p));
    for (int k = 0; k < 4 * 3 * 2 * 2; k++) {
        gref_sampler_spec spec = make_spec(names[k % 4]);
        spec.convention.guidance = (gref_guidance)(k / 4 % 3);
        spec.convention.variance = (gref_variance)(k / 12 % 2);
        spec.convention.start = (gref_start)(k / 24);
        spec.convention.last_noise = true;
        spec.convention.zeta = 0.1;
        gref_sampler *sampler = NULL;
        char what[64];
        snprintf(what, sizeof what, "%s %s %s %s", spec.name,
                 gref_guidance_name(spec.convention.guidance),
                 gref_variance_name(spec.convention.variance),
                 gref_start_name(spec.convention.start));
        ck_ok(gref_sampler_new(&sampler, &z, &s, &spec));
        hold_moments(sampler, what);
        gref_sampler_free(sampler);
    }
    gref_modes_free(&z);
    gref_schedule_free(&s);
    gref_problem_free(&p);
}
END_TEST

/* Sample k depends on (seed, k) alone: drawing fewer gives the same ones, to the rounding of a gemm. */
START_TEST(test_sampler_draw__sample_k_does_not_depend_on_how_many)
{
    gref_problem p = dense_problem(SIZE, 3, 10.0, 0, 0.5, 34);
    gref_schedule s = {0};
    gref_modes z = {0};
    gref_sampler *sampler = NULL;
    gref_sampler_spec spec = make_spec("pigdm");
    ck_ok(gref_schedule_linear(&s, 0.01, 0.3, T));
    ck_ok(gref_modes_new(&z, &p));
    ck_ok(gref_sampler_new(&sampler, &z, &s, &spec));
    gref_mat Y = fresh(SIZE, 8), X = fresh(SIZE, 3);
    ck_ok(gref_sampler_draw(Y, sampler, 5));
    ck_ok(gref_sampler_draw(X, sampler, 5));
    gref_mat first = gref_mat_view(Y, 0, 0, SIZE, 3);
    ck_assert_bound("same samples", gref_mat_diff_max(gref_const(first), gref_const(X)),
                    1e2 * T * EPS);
    ck_ok(gref_sampler_draw(X, sampler, 6));
    ck_assert(gref_mat_diff_max(gref_const(first), gref_const(X)) > 0.1);
    ck_fails(gref_sampler_draw(gref_mat_view(X, 0, 0, 2, 3), sampler, 6), GREF_ERR_SHAPE);
    gref_mat_free(&Y);
    gref_mat_free(&X);
    gref_sampler_free(sampler);
    gref_modes_free(&z);
    gref_schedule_free(&s);
    gref_problem_free(&p);
}
END_TEST

/* A chain that overflows is refused by name, not returned as infinities. */
START_TEST(test_sampler_draw__refuses_a_diverged_chain)
{
    gref_problem p = scalar_problem(0.5, 0.25, 1.0, 1e-3, 1.0);
    gref_schedule s = {0};
    gref_modes z = {0};
    gref_sampler *sampler = NULL;
    gref_sampler_spec spec = make_spec("dps");
    ck_ok(gref_schedule_linear(&s, 1e-4, 0.02, 1000));
    ck_ok(gref_modes_new(&z, &p));
    ck_ok(gref_sampler_new(&sampler, &z, &s, &spec));
    gref_mat Y = fresh(1, 2);
    ck_fails(gref_sampler_draw(Y, sampler, 1), GREF_ERR_NUMERICS);
    ck_assert_ptr_nonnull(strstr(gref_last_error()->message, "dps have diverged at t = "));
    gref_mat_free(&Y);
    gref_sampler_free(sampler);
    gref_modes_free(&z);
    gref_schedule_free(&s);
    gref_problem_free(&p);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("draw");
    TCase *tc = new_tcase(s, "draw");
    tcase_add_test(tc, test_sampler_draw__moments_are_those_of_the_exact_law);
    tcase_add_test(tc, test_sampler_draw__sample_k_does_not_depend_on_how_many);
    tcase_add_test(tc, test_sampler_draw__refuses_a_diverged_chain);
    return run_suite(s);
}
