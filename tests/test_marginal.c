#include "support.h"
#include "toy.h"

#include <math.h>
#include <stdio.h>

#include <gref/marginal.h>

/* Runs a sampler to t = 0. */
static gref_marginal *run(const gref_sampler *s)
{
    gref_marginal *law = NULL;
    ck_ok(gref_marginal_new(&law, s));
    while (gref_marginal_t(law) > 0)
        ck_ok(gref_marginal_advance(law));
    return law;
}

/*
 * THEORY section 10: 60-digit arithmetic, an independent computation. Every value must be met to
 * 1e-13 relative, which the conditioning allows: 1000 contracting steps, W2 = 4e-4 .. 4e-3 from
 * standard deviations of 0.1 .. 0.5.
 */
static const struct {
    const char *name;
    gref_variance variance;
    double mean, var, w2;
    bool to_prior;
} golden[] = {
    {"ddpm", GREF_VARIANCE_BETA, .49999495506008939048, .25075207500753125253, 7.51527173214e-4, true},
    {"cgdm", GREF_VARIANCE_BETA, .98076885015616618027, .0097646526752026052397, 7.58189666665e-4, false},
    {"cgdm", GREF_VARIANCE_BETA_TILDE, .98076885015616618027, .0089055054073305676719, 3.68908217863e-3, false},
};

START_TEST(test_marginal__meets_the_golden_scalar_numbers)
{
    gref_problem p = scalar_problem(0.5, 0.25, 1.0, 0.1, 1.0);
    gref_schedule sch = {0};
    gref_modes z = {0};
    ck_ok(gref_schedule_linear(&sch, 1e-4, 0.02, 1000));
    ck_assert_bound("abar_1000", fabs(sch.abar[1000] / 4.035829765375683314817635e-5 - 1), 1e-13);
    ck_ok(gref_modes_new(&z, &p));
    for (size_t k = 0; k < sizeof golden / sizeof *golden; k++) {
        gref_sampler_spec spec = make_spec(golden[k].name);
        spec.convention.variance = golden[k].variance;
        gref_sampler *s = NULL;
        ck_ok(gref_sampler_new(&s, &z, &sch, &spec));
        gref_marginal *law = run(s);
        gref_mat m = fresh(1, 1), C = fresh(1, 1);
        gref_w2 w = {0};
        ck_ok(gref_marginal_mean(m, law));
        ck_ok(gref_marginal_cov(C, law));
        if (golden[k].to_prior)
            ck_ok(gref_marginal_w2_prior(&w, law));
        else
            ck_ok(gref_marginal_w2(&w, law));
        ck_assert_bound("golden mean", fabs(m.a[0] / golden[k].mean - 1), 1e-13);
        ck_assert_bound("golden variance", fabs(C.a[0] / golden[k].var - 1), 1e-13);
        ck_assert_bound("golden W2 (12 digits given)", fabs(w.w2 / golden[k].w2 - 1), 1e-12);
        printf("# %s %s: W2 %.17g mean %.17g\n", golden[k].name,
               gref_variance_name(golden[k].variance), w.w2, m.a[0]);
        gref_mat_free(&m);
        gref_mat_free(&C);
        gref_marginal_free(law);
        gref_sampler_free(s);
    }
    gref_modes_free(&z);
    gref_schedule_free(&sch);
    gref_problem_free(&p);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("marginal");
    TCase *tc = new_tcase(s, "golden");
    tcase_add_test(tc, test_marginal__meets_the_golden_scalar_numbers);
    return run_suite(s);
}
