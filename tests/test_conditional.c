#include "method/method.h"
#include "plain.h"
#include "support.h"
#include "toy.h"

#include <math.h>
#include <string.h>

enum { T = 40 };

/* Row k = 0, 1, ... of those with a likelihood, and of those that need no noise; NULL after the
 * last. Without noise the row sums of C may be 0 or less, which tmpd refuses. */
static const gref_row *guided_row(int k, bool noiseless)
{
    for (int i = 0; gref_row_at(i) != NULL; i++) {
        const gref_row *row = gref_row_at(i);
        bool able = !noiseless || (row->phi != NULL && !row->rows_summed);
        if (gref_row_has_likelihood(row) && able && k-- == 0)
            return row;
    }
    return NULL;
}

/*
 * At t = 0 every modelled law but DPS's with alpha != 1 is the posterior itself (all
 * C_{v|0} = sigma^2 I), also for a singular Sigma; with alpha it is the posterior of noise variance
 * sigma^2/alpha.
 */
START_TEST(test_conditional__at_zero_is_a_posterior)
{
    int n = 6, m = 4;
    gref_schedule s = {0};
    ck_ok(gref_schedule_linear(&s, 0.01, 0.2, T));
    gref_problem p = dense_problem(n, m, 1e2, 2, 0.3, 5);
    gref_modes z = {0};
    ck_ok(gref_modes_new(&z, &p));
    gref_mat m1 = fresh(n, 1), C1 = fresh(n, n), mp = fresh(n, 1), Cp = fresh(n, n);
    for (int k = 0; guided_row(k / 2, false) != NULL; k++) {
        const gref_row *row = guided_row(k / 2, false);
        gref_sampler_spec spec = make_spec(row->name);
        spec.convention.alpha_dps = k % 2 == 0 ? 1.0 : 4.0;
        double alpha = row->phi == NULL ? spec.convention.alpha_dps : 1.0;
        gref_sampler *sampler = NULL;
        ck_ok(gref_sampler_new(&sampler, &z, &s, &spec));
        ck_ok(gref_posterior(mp, Cp, gref_const(p.Sigma), gref_const(p.mu), gref_const(p.A),
                             p.sigma / sqrt(alpha), gref_const(p.v)));
        for (int route = 0; route < 2; route++) {
            ck_ok(route == 0 ? gref_conditional_precision(m1, C1, sampler, 0)
                             : gref_conditional_bayes(m1, C1, sampler, 0));
            double bound =
                4 * (n + m) * EPS; /* |Sigma| = 1, and the square-root form does not cancel */
            ck_assert_bound("t = 0, cov", gref_mat_diff_fro(gref_const(C1), gref_const(Cp)), bound);
            ck_assert_bound("t = 0, mean", gref_mat_diff_fro(gref_const(m1), gref_const(mp)),
                            bound * (1 + gref_mat_norm_fro(gref_const(mp))));
        }
        gref_sampler_free(sampler);
    }
    gref_mat *all[] = {&m1, &C1, &mp, &Cp};
    for (int k = 0; k < 4; k++)
        gref_mat_free(all[k]);
    gref_modes_free(&z);
    gref_schedule_free(&s);
    gref_problem_free(&p);
}
END_TEST

/*
 * Rozet's identity (29): Cov(x0 | x_t) = (1-abar)/abar [I - (1-abar) Sigma_t^-1], against THEORY
 * section 3's (1-abar) Sigma Sigma_t^-1. The library uses the latter inside CGDM's C_{v|t}: with
 * A = I and sigma = 0 that matrix is Cov(x0 | x_t) itself. The right-hand side cancels: its error
 * is EPS (1-abar)/abar.
 */
START_TEST(test_likelihood__rozet_identity)
{
    int n = 7;
    gref_schedule s = {0};
    ck_ok(gref_schedule_linear(&s, 0.01, 0.2, T));
    gref_problem p = dense_problem(n, n, 1e2, 0, 0.0, 9);
    gref_mat_identity(p.A);
    gref_modes z = {0};
    ck_ok(gref_modes_new(&z, &p));
    gref_sampler_spec spec = make_spec("cgdm");
    gref_sampler *sampler = NULL;
    ck_ok(gref_sampler_new(&sampler, &z, &s, &spec));
    gref_mat C = fresh(n, n), I = plain_identity(n);
    for (int t = T; t >= 1; t--) {
        double q = s.qbar[t], ratio = q / s.abar[t];
        gref_mat St = plain_sum(s.abar[t], gref_const(p.Sigma), q, gref_const(I));
        gref_mat Si = plain_inverse(gref_const(St));
        gref_mat R = plain_sum(ratio, gref_const(I), -ratio * q, gref_const(Si));
        ck_ok(gref_likelihood_cov(C, sampler, t));
        ck_assert_bound("Rozet's identity", gref_mat_diff_fro(gref_const(C), gref_const(R)),
                        n * EPS * (ratio + 1));
        gref_mat_free(&St);
        gref_mat_free(&Si);
        gref_mat_free(&R);
    }
    gref_mat_free(&C);
    gref_mat_free(&I);
    gref_sampler_free(sampler);
    gref_modes_free(&z);
    gref_schedule_free(&s);
    gref_problem_free(&p);
}
END_TEST

/* C_alg - C_CGDM at 1 - abar = e, a schedule of the one step beta = e. */
static gref_mat difference(const gref_problem *p, const gref_modes *z, const char *name, gref_r2 r2,
                           double e)
{
    int n = p->A.n;
    gref_schedule s = {0};
    ck_ok(gref_schedule_from_betas(&s, &e, 1));
    gref_sampler_spec spec = make_spec(name);
    spec.convention.r2 = r2;
    gref_sampler *sampler = NULL;
    ck_ok(gref_sampler_new(&sampler, z, &s, &spec));
    gref_mat m = fresh(n, 1), C = fresh(n, n), E = fresh(n, n);
    ck_ok(gref_conditional_precision(m, C, sampler, 1));
    ck_ok(gref_conditional_exact(m, E, z, &s, 1));
    gref_mat_axpy(C, -1.0, gref_const(E));
    gref_mat_free(&m);
    gref_mat_free(&E);
    gref_sampler_free(sampler);
    gref_schedule_free(&s);
    return C;
}

/* G A X A^T G^T with G = Sigma A^T K^-1. */
static gref_mat coefficient(const gref_problem *p, gref_cmat X)
{
    gref_mat AS = plain_product(gref_const(p->A), false, gref_const(p->Sigma), false);
    gref_mat ASA = plain_product(gref_const(AS), false, gref_const(p->A), true);
    gref_mat I = plain_identity(p->A.m);
    gref_mat K = plain_sum(1, gref_const(ASA), p->sigma * p->sigma, gref_const(I));
    gref_mat Ki = plain_inverse(gref_const(K));
    gref_mat KAS = plain_product(gref_const(Ki), false, gref_const(AS), false);
    gref_mat GA = plain_product(gref_const(KAS), true, gref_const(p->A), false);
    gref_mat GAX = plain_product(gref_const(GA), false, X, false);
    gref_mat R = plain_product(gref_const(GAX), false, gref_const(GA), true);
    gref_mat *all[] = {&AS, &ASA, &I, &K, &Ki, &KAS, &GA, &GAX};
    for (int k = 0; k < 8; k++)
        gref_mat_free(all[k]);
    return R;
}

/* |(C_alg - C_CGDM)/e^order - coefficient| / |coefficient| */
static double deviation(const gref_problem *p, const gref_modes *z, const char *name, gref_r2 r2,
                        double e, int order, gref_cmat limit)
{
    gref_mat D = difference(p, z, name, r2, e);
    double scale = order == 1 ? e : e * e;
    gref_mat S = plain_sum(1 / scale, gref_const(D), 0, gref_const(D));
    double d = gref_mat_diff_fro(gref_const(S), limit) / gref_mat_norm_fro(limit);
    gref_mat_free(&D);
    gref_mat_free(&S);
    return d;
}

/* The scaled difference must converge to the coefficient, and at first order in e: both are
 * checked. */
static void hold_limit(const gref_problem *p, const gref_modes *z, const char *name, gref_r2 r2,
                       int order, double sign, gref_cmat X)
{
    gref_mat limit = coefficient(p, X);
    for (int i = 0; i < limit.m * limit.n; i++)
        limit.a[i] *= sign;
    double e = order == 1 ? 1e-4 : 1e-3;
    double d1 = deviation(p, z, name, r2, e, order, gref_const(limit));
    double d2 = deviation(p, z, name, r2, e / 10, order, gref_const(limit));
    ck_assert_msg(fabs(d1 / d2 - 10) <= 0.5,
                  "%s: deviation %.3g at e, %.3g at e/10: not first order", name, d1, d2);
    ck_assert_bound("t -> 0, deviation at e/10", d2, 10 * e / 10);
    gref_mat_free(&limit);
}

/*
 * THEORY section 5, orders AND leading coefficients. For an invertible Sigma DPS meets CGDM at
 * first order, PiGDM at second with G A (I - Sigma) Sigma^-1 A^T G^T; where Sigma is singular and A
 * mixes its kernel with its range PiGDM meets it at first order with G A P0 A^T G^T. A wrong
 * coefficient, sign or order makes the deviation tend to a constant, and its ratio to 1.
 */
START_TEST(test_conditional__orders_and_coefficients_as_t_goes_to_zero)
{
    int n = 6;
    for (int zeros = 0; zeros < 3; zeros += 2) {
        gref_problem p = dense_problem(n, 4, 4.0, zeros, 0.7, 13);
        gref_modes z = {0};
        ck_ok(gref_modes_new(&z, &p));
        gref_mat Uz = fresh(n, n), I = plain_identity(n);
        gref_mat_copy(Uz, gref_const(z.U));
        gref_mat P0 = plain_product(gref_const(gref_mat_view(Uz, 0, 0, n, zeros)), false,
                                    gref_const(gref_mat_view(Uz, 0, 0, n, zeros)), true);
        gref_mat Pi = plain_sum(1, gref_const(I), -1, gref_const(P0));
        hold_limit(&p, &z, "dps", GREF_R2_1_ABAR, 1, -1.0, gref_const(Pi));
        if (zeros > 0) {
            hold_limit(&p, &z, "pigdm", GREF_R2_1_ABAR, 1, 1.0, gref_const(P0));
        } else {
            gref_mat Si = plain_inverse(gref_const(p.Sigma));
            gref_mat X = plain_sum(1, gref_const(Si), -1, gref_const(I));
            hold_limit(&p, &z, "pigdm", GREF_R2_1_ABAR, 2, 1.0, gref_const(X));
            gref_mat_free(&Si);
            gref_mat_free(&X);
        }
        gref_mat *all[] = {&Uz, &I, &P0, &Pi};
        for (int k = 0; k < 4; k++)
            gref_mat_free(all[k]);
        gref_modes_free(&z);
        gref_problem_free(&p);
    }
}
END_TEST

/* sigma = 0: C_{v|0} = 0, both routes give the posterior, which then measures exactly v: A m = v, A
 * C = 0. */
START_TEST(test_conditional__noiseless_at_zero_is_the_posterior)
{
    gref_problem p = dense_problem(4, 2, 10, 0, 0.0, 2);
    gref_schedule s = {0};
    gref_modes z = {0};
    ck_ok(gref_schedule_linear(&s, 0.01, 0.2, T));
    ck_ok(gref_modes_new(&z, &p));
    gref_mat m = fresh(4, 1), C = fresh(4, 4);
    for (int k = 0; guided_row(k / 2, true) != NULL; k++) {
        gref_sampler *sampler = NULL;
        gref_sampler_spec spec = make_spec(guided_row(k / 2, true)->name);
        ck_ok(gref_sampler_new(&sampler, &z, &s, &spec));
        ck_ok(k % 2 == 0 ? gref_conditional_precision(m, C, sampler, 0)
                         : gref_conditional_bayes(m, C, sampler, 0));
        gref_mat Am = plain_product(gref_const(p.A), false, gref_const(m), false);
        gref_mat AC = plain_product(gref_const(p.A), false, gref_const(C), false);
        ck_assert_bound("A mu_post = v", gref_mat_diff_fro(gref_const(Am), gref_const(p.v)),
                        10 * EPS);
        ck_assert_bound("A Sigma_post = 0", gref_mat_norm_fro(gref_const(AC)), 10 * EPS);
        gref_mat_free(&Am);
        gref_mat_free(&AC);
        gref_sampler_free(sampler);
    }
    gref_mat_free(&m);
    gref_mat_free(&C);
    gref_modes_free(&z);
    gref_schedule_free(&s);
    gref_problem_free(&p);
}
END_TEST

/* Each refusal has its documented status. */
START_TEST(test_conditional__refuses)
{
    gref_problem p = dense_problem(3, 2, 10, 0, 0.0, 1);
    gref_schedule s = {0};
    gref_modes z = {0};
    gref_sampler *sampler = NULL;
    gref_sampler_spec spec = make_spec("pigdm");
    ck_ok(gref_schedule_linear(&s, 0.01, 0.2, T));
    ck_ok(gref_modes_new(&z, &p));
    ck_ok(gref_sampler_new(&sampler, &z, &s, &spec));
    gref_mat m = fresh(3, 1), C = fresh(3, 3);
    ck_fails(gref_conditional_precision(m, C, sampler, -1), GREF_ERR_RANGE);
    ck_ok(gref_conditional_precision(m, C, sampler, 1));
    ck_fails(gref_conditional_bayes(m, C, sampler, T + 1), GREF_ERR_RANGE);
    ck_fails(gref_conditional_bayes(C, C, sampler, 1), GREF_ERR_SHAPE);
    ck_fails(gref_conditional_exact(m, m, &z, &s, 1), GREF_ERR_SHAPE);
    ck_fails(gref_likelihood_cov(C, sampler, 1), GREF_ERR_SHAPE);
    gref_mat_free(&m);
    gref_mat_free(&C);
    gref_sampler_free(sampler);
    gref_modes_free(&z);
    gref_schedule_free(&s);
    gref_problem_free(&p);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("conditional");
    TCase *tc = new_tcase(s, "conditional");
    tcase_add_test(tc, test_conditional__at_zero_is_a_posterior);
    tcase_add_test(tc, test_likelihood__rozet_identity);
    tcase_add_test(tc, test_conditional__orders_and_coefficients_as_t_goes_to_zero);
    tcase_add_test(tc, test_conditional__noiseless_at_zero_is_the_posterior);
    tcase_add_test(tc, test_conditional__refuses);
    return run_suite(s);
}
