/*
 * What gref asymptotics says where rounding, a short range or a lost number has a say: it must
 * refute nothing that it cannot judge, and pass nothing unseen. The numbers themselves are held in
 * test_asymptotics.c.
 */
#include "diffusion/limit.h"
#include "plain.h"
#include "stationary.h"
#include "toy.h"

#include <math.h>
#include <string.h>

#include <gref/asymptotics.h>

static const double alphas[] = {2.0};

/*
 * A convolution cannot mix, however small the noise: both routes say so and agree, although G is
 * off by cond(K) eps, 1e-4 and more. The differences share G with their coefficients, which
 * therefore still meet to 1e-6.
 */
START_TEST(test_asymptotics__a_blur_does_not_mix_at_small_noise)
{
    const double sigmas[] = {1e-4, 1e-6};
    for (int i = 0; i < 2; i++) {
        gref_mat u = crop_of("grass", 384, 356, 20, 20);
        gref_problem p = matrix_problem(gref_const(u), OP_GAUSSIAN, sigmas[i], 1);
        gref_stationary q = stationary_problem(gref_const(u), OP_GAUSSIAN, sigmas[i], 1);
        gref_asymptotics *a[2] = {NULL, NULL};
        ck_ok(gref_asymptotics_dense(&a[0], &p, NULL, 0, 1e-14, 1e-15));
        ck_ok(gref_asymptotics_spectral(&a[1], &q, NULL, 0, 1e-14, 1e-15));
        for (int k = 0; k < 2; k++)
            ck_assert(!a[k]->mixed && !a[k]->undecided && a[k]->mixing == 0.0);
        for (int k = 0; k < a[0]->n_lines; k++) {
            const gref_asymptotics_line *x = &a[0]->lines[k], *y = &a[1]->lines[k];
            ck_assert(x->holds && y->holds && x->expected == y->expected);
            ck_assert_bound("coefficient", fabs(x->coefficient - y->coefficient),
                            1e-6 * y->coefficient);
        }
        gref_asymptotics_free(a[0]);
        gref_asymptotics_free(a[1]);
        gref_problem_free(&p);
        gref_stationary_free(&q);
        gref_mat_free(&u);
    }
}
END_TEST

/* An eigenvalue just above rounding leaves the kernel uncertain: A mixes by 1e-3, which nobody can
 * see there. */
START_TEST(test_asymptotics__mixing_that_rounding_hides_is_undecided)
{
    const double eigenvalues[] = {40 * EPS, 1.0};
    for (int i = 0; i < 2; i++) {
        gref_problem p = dense_problem(3, 2, 2.0, 0, 0.5, 1);
        gref_asymptotics *a = NULL;
        for (int k = 0; k < 9; k++)
            p.Sigma.a[k] = k == 8 ? 1.0 : k == 4 ? eigenvalues[i] : 0.0;
        for (int k = 0; k < 6; k++)
            GREF_AT(p.A, k / 3, k % 3) = k == 0 ? 1e-3 : k == 1 || k == 5 ? 1.0 : 0.0;
        ck_ok(gref_asymptotics_dense(&a, &p, NULL, 0, 1e-1, 1e-3));
        ck_assert_int_eq(a->zeros, 1);
        ck_assert(a->undecided == (i == 0) && a->mixed == (i == 1));
        gref_asymptotics_free(a);
        gref_problem_free(&p);
    }
}
END_TEST

/* Distances c e^order of eight decades, concluded. */
static gref_asymptotics_line concluded(double order, int expected, double coefficient_error)
{
    static gref_asymptotics_point points[8];
    gref_asymptotics_line line = {
        .sampler = "pigdm", .expected = expected, .n_points = 8, .points = points};
    for (int k = 0; k < 8; k++) {
        double e = pow(10, -1 - k), d = 3 * pow(e, order);
        points[k] = (gref_asymptotics_point){.e = e,
                                             .apart = d,
                                             .apart_mean = d,
                                             .apart_w2 = d,
                                             .coefficient_error = coefficient_error};
    }
    gref_asymptotics_conclude(&line);
    return line;
}

/* The verdict is on order and coefficient, each at its bound; NaN is no pass. */
START_TEST(test_asymptotics_conclude__sees_wrong_orders_and_coefficients)
{
    ck_assert(concluded(2.0, 2, 1e-7).holds && concluded(2.009, 2, 1e-7).holds);
    ck_assert(concluded(2.0, 2, 1e-7).decades == 7);
    ck_assert(!concluded(1.0, 2, 1e-7).holds && !concluded(2.0, 1, 1e-7).holds);
    ck_assert(!concluded(2.011, 2, 1e-7).holds && concluded(2.011, 2, 1e-7).decades == 0);
    ck_assert(!concluded(1.989, 2, 1e-7).holds);
    ck_assert(!concluded(2.0, 2, 1.1e-6).holds && !concluded(2.0, 2, NAN).holds);
    ck_assert(!concluded(NAN, 2, 0.0).holds);
}
END_TEST

/* Down to the least e nothing underflows: every order is there, by either route. */
START_TEST(test_asymptotics__the_least_e_has_every_order)
{
    gref_mat u = crop_of("grass", 384, 356, 8, 8);
    gref_problem p = matrix_problem(gref_const(u), OP_GAUSSIAN, 0.1, 1);
    gref_stationary q = stationary_problem(gref_const(u), OP_GAUSSIAN, 0.1, 1);
    gref_asymptotics *a[2] = {NULL, NULL};
    ck_ok(gref_asymptotics_dense(&a[0], &p, alphas, 1, 1e-69, GREF_ASYMPTOTICS_LEAST));
    ck_ok(gref_asymptotics_spectral(&a[1], &q, alphas, 1, 1e-69, GREF_ASYMPTOTICS_LEAST));
    for (int k = 0; k < 2; k++) {
        for (int l = 0; l < a[k]->n_lines; l++) {
            const gref_asymptotics_line *line = &a[k]->lines[l];
            ck_assert(line->holds && !line->equal);
            ck_assert_bound("mean", fabs(line->order_mean - line->expected), 1e-6);
            ck_assert_bound("W2", fabs(line->order_w2 - line->expected), 1e-6);
        }
        gref_asymptotics_free(a[k]);
    }
    gref_problem_free(&p);
    gref_stationary_free(&q);
    gref_mat_free(&u);
}
END_TEST

/* Refused with the value in the message, *a untouched; sigma = 0 has no dps, whose C_{v|t} is then
 * 0. */
START_TEST(test_asymptotics__refuses)
{
    static const struct {
        double alpha, from, to;
        const char *text;
    } bad[] = {{0.0, 0.1, 1e-3, "alpha > 0, not 0"},
               {-1.0, 0.1, 1e-3, "alpha > 0, not -1"},
               {9e-31, 0.1, 1e-3, "between 1e-30 and 1e+30, not 9e-31"},
               {1.1e30, 0.1, 1e-3, "between 1e-30 and 1e+30, not 1.1e+30"},
               {INFINITY, 0.1, 1e-3, "not inf"},
               {NAN, 0.1, 1e-3, "not -\\?nan"},
               {2.0, 1.0, 1e-3, "between 0 and 1, not 1"},
               {2.0, 0.1, 0.0, "between 0 and 1, not 0"},
               {2.0, 1e-3, 0.1, "from 0.001"},
               {2.0, 0.1, 9e-71, "9e-71 is too small"},
               {2.0, 0.1, 1e-300, "1e-300 is too small"},
               {2.0, NAN, 0.1, "between 0 and 1"}};
    gref_problem p = dense_problem(4, 3, 2.0, 0, 0.5, 1);
    gref_mat u = crop_of("grass", 384, 356, 8, 8);
    gref_stationary q = stationary_problem(gref_const(u), OP_GAUSSIAN, 0.1, 1);
    gref_asymptotics *a = NULL;
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        ck_fails(gref_asymptotics_dense(&a, &p, &bad[k].alpha, 1, bad[k].from, bad[k].to),
                 GREF_ERR_RANGE);
        ck_assert_msg(isnan(bad[k].alpha) ||
                          strstr(gref_last_error()->message, bad[k].text) != NULL,
                      "%s", gref_last_error()->message);
        ck_fails(gref_asymptotics_spectral(&a, &q, &bad[k].alpha, 1, bad[k].from, bad[k].to),
                 GREF_ERR_RANGE);
        ck_assert_ptr_null(a);
    }
    p.sigma = 0.0;
    ck_ok(gref_asymptotics_dense(&a, &p, alphas, 1, 1e-1, 1e-10));
    ck_assert(a->n_lines == 3 && strcmp(a->lines[0].sampler, "pigdm") == 0 && a->lines[0].holds);
    gref_asymptotics_free(a);
    gref_problem_free(&p);
    gref_stationary_free(&q);
    gref_mat_free(&u);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("asymptotics_verdicts");
    TCase *tc = new_tcase(s, "asymptotics_verdicts");
    tcase_add_test(tc, test_asymptotics__a_blur_does_not_mix_at_small_noise);
    tcase_add_test(tc, test_asymptotics__mixing_that_rounding_hides_is_undecided);
    tcase_add_test(tc, test_asymptotics_conclude__sees_wrong_orders_and_coefficients);
    tcase_add_test(tc, test_asymptotics__the_least_e_has_every_order);
    tcase_add_test(tc, test_asymptotics__refuses);
    return run_suite(s);
}
