/* What the moments of drawn samples do not say of them: test_conformance.c holds those. */
#include "support.h"
#include "toy.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <gref/marginal.h>

enum { SIZE = 5, T = 25 };

/* Sample k depends on (seed, k) alone: drawing fewer gives the same ones, to the rounding of a
 * gemm. */
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
    tcase_add_test(tc, test_sampler_draw__sample_k_does_not_depend_on_how_many);
    tcase_add_test(tc, test_sampler_draw__refuses_a_diverged_chain);
    return run_suite(s);
}
