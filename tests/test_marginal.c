#include "method/method.h"
#include "plain.h"
#include "support.h"
#include "toy.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <gref/marginal.h>

/* A problem with its schedule, modes and one sampler. */
typedef struct {
    gref_problem p;
    gref_schedule s;
    gref_modes z;
    gref_sampler_spec spec;
    gref_sampler *sampler;
} world;

static void world_open(world *w, gref_problem p, int T, const gref_sampler_spec *spec)
{
    *w = (world){.p = p, .spec = *spec};
    ck_ok(T == 1000 ? gref_schedule_linear(&w->s, 1e-4, 0.02, T)
                    : gref_schedule_linear(&w->s, 0.01, 0.2, T));
    ck_ok(gref_modes_new(&w->z, &w->p));
    ck_ok(gref_sampler_new(&w->sampler, &w->z, &w->s, spec));
}

static void world_close(world *w)
{
    gref_sampler_free(w->sampler);
    gref_modes_free(&w->z);
    gref_schedule_free(&w->s);
    gref_problem_free(&w->p);
}

/* Runs the sampler to t. */
static gref_marginal *run(const world *w, int t)
{
    gref_marginal *law = NULL;
    ck_ok(gref_marginal_new(&law, w->sampler));
    while (gref_marginal_t(law) > t)
        ck_ok(gref_marginal_advance(law));
    return law;
}

/*
 * THEORY section 10: 60-digit arithmetic, an independent computation. Means and variances must be
 * met to 1e-13 relative; W2 is given with 12 digits.
 */
static const struct {
    const char *name;
    gref_variance variance;
    double mean, var, w2;
    bool to_prior;
} golden[] = {
    {"ddpm", GREF_VARIANCE_BETA, .49999495506008939048, .25075207500753125253, 7.51527173214e-4,
     true},
    {"cgdm", GREF_VARIANCE_BETA, .98076885015616618027, .0097646526752026052397, 7.58189666665e-4,
     false},
    {"cgdm", GREF_VARIANCE_BETA_TILDE, .98076885015616618027, .0089055054073305676719,
     3.68908217863e-3, false},
};

START_TEST(test_marginal__meets_the_golden_scalar_numbers)
{
    for (size_t k = 0; k < sizeof golden / sizeof *golden; k++) {
        gref_sampler_spec spec = make_spec(golden[k].name);
        spec.convention.variance = golden[k].variance;
        world w;
        world_open(&w, scalar_problem(0.5, 0.25, 1.0, 0.1, 1.0), 1000, &spec);
        ck_assert_bound("abar_1000", fabs(w.s.abar[1000] / 4.035829765375683314817635e-5 - 1),
                        1e-13);
        gref_marginal *law = run(&w, 0);
        gref_mat m = fresh(1, 1), C = fresh(1, 1);
        gref_w2 d = {0};
        ck_ok(gref_marginal_mean(m, law));
        ck_ok(gref_marginal_cov(C, law));
        ck_ok(golden[k].to_prior ? gref_marginal_w2_prior(&d, law) : gref_marginal_w2(&d, law));
        ck_assert_bound("golden mean", fabs(m.a[0] / golden[k].mean - 1), 1e-13);
        ck_assert_bound("golden variance", fabs(C.a[0] / golden[k].var - 1), 1e-13);
        ck_assert_bound("golden W2 (12 digits given)", fabs(d.w2 / golden[k].w2 - 1), 1e-12);
        gref_mat_free(&m);
        gref_mat_free(&C);
        gref_marginal_free(law);
        world_close(&w);
    }
}
END_TEST

/* The law at t = 0 of sampler `name` on the toy problem with v replaced. */
static void law_for_v(gref_mat mean, gref_mat cov, const char *name, gref_cmat v)
{
    gref_sampler_spec spec = make_spec(name);
    gref_problem p = dense_problem(6, 4, 1e2, 1, 0.5, 80);
    gref_mat_copy(p.v, v);
    world w;
    world_open(&w, p, 12, &spec);
    gref_marginal *law = run(&w, 0);
    ck_ok(gref_marginal_mean(mean, law));
    ck_ok(gref_marginal_cov(cov, law));
    gref_marginal_free(law);
    world_close(&w);
}

/*
 * THEORY section 6: P_t does not depend on v, and m_t is affine in v. Three measurements on one
 * line, v2 = (v0 + v1)/2: equal covariances, and means on one line too. Any quadratic term would
 * separate them.
 */
START_TEST(test_marginal__covariance_ignores_v_and_mean_is_affine_in_it)
{
    for (int k = 0; gref_sampler_name(k) != NULL; k++) {
        const gref_row *row = gref_row_find(gref_sampler_name(k));
        gref_mat v[3], m[3], C[3];
        for (int i = 0; i < 3; i++) {
            v[i] = fresh(4, 1);
            m[i] = fresh(6, 1);
            C[i] = fresh(6, 6);
        }
        for (int j = 0; j < 4; j++) {
            v[0].a[j] = j + 1;
            v[1].a[j] = 3 - 5 * j;
            v[2].a[j] = 0.5 * (v[0].a[j] + v[1].a[j]);
        }
        for (int i = 0; i < 3; i++)
            law_for_v(m[i], C[i], row->name, gref_const(v[i]));
        ck_assert(gref_mat_diff_max(gref_const(C[0]), gref_const(C[1])) == 0);
        gref_mat mid = plain_sum(0.5, gref_const(m[0]), 0.5, gref_const(m[1]));
        ck_assert_bound(
            "mean is affine in v", gref_mat_diff_fro(gref_const(mid), gref_const(m[2])),
            6 * EPS / 2 *
                (gref_mat_norm_fro(gref_const(m[0])) + gref_mat_norm_fro(gref_const(m[1]))));
        ck_assert((gref_mat_diff_fro(gref_const(m[0]), gref_const(m[1])) > 0.1) == row->guided);
        gref_mat_free(&mid);
        for (int i = 0; i < 3; i++) {
            gref_mat_free(&v[i]);
            gref_mat_free(&m[i]);
            gref_mat_free(&C[i]);
        }
    }
}
END_TEST

/*
 * THEORY section 6: DPS overshoots where beta_t J^2 s^2 alpha/sigma^2 exceeds about 2. In the
 * scalar case M_t is known in closed form, so the first unstable step is too; far beyond the
 * threshold the variance passes 2^900, and from there on every question about the law is refused
 * instead of answered by inf or NaN.
 */
START_TEST(test_marginal__divergence_is_detected_and_refused)
{
    const double sigmas[] = {0.5, 0.015, 1e-3};
    for (int k = 0; k < 3; k++) {
        gref_sampler_spec spec = make_spec("dps");
        world w;
        world_open(&w, scalar_problem(0.5, 0.25, 1.0, sigmas[k], 1.0), 1000, &spec);
        int first = 0;
        for (int t = 1000; t >= 1 && first == 0; t--) {
            double st = 0.25 * w.s.abar[t] + w.s.qbar[t], j = sqrt(w.s.abar[t]) * 0.25 / st;
            double H = 1 / st + j * j / (sigmas[k] * sigmas[k]);
            if ((1 - w.s.beta[t] * H) / sqrt(w.s.alpha[t]) < -1)
                first = t;
        }
        gref_marginal *law = run(&w, 0);
        ck_assert_int_eq(gref_marginal_first_unstable(law), first);
        printf("# sigma %g: first unstable step %d, growth 10^%.1f\n", sigmas[k], first,
               gref_marginal_growth(law));
        ck_assert((first > 0) == (k > 0));
        ck_assert(isfinite(gref_marginal_growth(law)));
        ck_assert(gref_marginal_diverged(law) == (k == 2));
        if (k == 2) {
            gref_mat x = fresh(1, 1);
            gref_w2 d;
            ck_fails(gref_marginal_mean(x, law), GREF_ERR_NUMERICS);
            ck_fails(gref_marginal_cov(x, law), GREF_ERR_NUMERICS);
            ck_fails(gref_marginal_bias(x, law), GREF_ERR_NUMERICS);
            ck_fails(gref_marginal_w2(&d, law), GREF_ERR_NUMERICS);
            ck_fails(gref_marginal_w2_prior(&d, law), GREF_ERR_NUMERICS);
            ck_ok(gref_conditional_w2(&d, w.sampler, 0));
            ck_assert_int_eq(gref_marginal_t(law), 0);
            gref_mat_free(&x);
        }
        gref_marginal_free(law);
        world_close(&w);
    }
}
END_TEST

/*
 * A step of a user's chain whose square is no double is unstable and the law diverges: that is the
 * answer, not a failure of the norm that is asked of the step. Its norm is 1e200, known exactly.
 */
START_TEST(test_marginal__a_chain_of_huge_steps_diverges)
{
    double M = 1e200, b[2] = {0, 0}, N = 0;
    gref_mat step = {&M, 1, 1, 1}, noise = {&N, 1, 1, 1};
    const gref_chain chain = {
        .K = 2, .n = 1, .M = &step, .n_M = 1, .b = {b, 1, 2, 1}, .N = &noise, .n_N = 1};
    gref_sampler_spec spec = make_spec("affine");
    spec.chain = &chain;
    world w;
    world_open(&w, scalar_problem(0.5, 0.25, 1.0, 0.5, 1.0), 1000, &spec);
    gref_marginal *law = NULL;
    ck_ok(gref_marginal_new(&law, w.sampler));
    ck_ok(gref_marginal_advance(law));
    ck_assert(gref_marginal_diverged(law) && !gref_marginal_lost(law));
    ck_assert_int_eq(gref_marginal_first_unstable(law), 2);
    ck_ok(gref_marginal_advance(law));
    ck_assert_int_eq(gref_marginal_t(law), 0);
    gref_marginal_free(law);
    world_close(&w);
}
END_TEST

/* From the exact start CGDM's mean stays exact for ever: the step maps the exact mean to the exact
 * mean. */
START_TEST(test_marginal__exact_start_of_cgdm_has_no_bias)
{
    gref_sampler_spec spec = make_spec("cgdm");
    spec.convention.start = GREF_START_EXACT;
    world w;
    world_open(&w, dense_problem(6, 4, 1e2, 1, 0.5, 90), 12, &spec);
    gref_marginal *law = NULL;
    gref_mat b = fresh(6, 1);
    gref_w2 d;
    ck_ok(gref_marginal_new(&law, w.sampler));
    ck_ok(gref_marginal_w2(&d, law));
    ck_assert(d.w2 == 0);
    while (gref_marginal_t(law) > 0)
        ck_ok(gref_marginal_advance(law));
    ck_ok(gref_marginal_bias(b, law));
    ck_assert(gref_mat_norm_max(gref_const(b)) == 0);
    gref_mat_free(&b);
    gref_marginal_free(law);
    world_close(&w);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("marginal");
    TCase *tc = new_tcase(s, "marginal");
    tcase_add_test(tc, test_marginal__meets_the_golden_scalar_numbers);
    tcase_add_test(tc, test_marginal__covariance_ignores_v_and_mean_is_affine_in_it);
    tcase_add_test(tc, test_marginal__divergence_is_detected_and_refused);
    tcase_add_test(tc, test_marginal__a_chain_of_huge_steps_diverges);
    tcase_add_test(tc, test_marginal__exact_start_of_cgdm_has_no_bias);
    return run_suite(s);
}
