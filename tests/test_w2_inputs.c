/*
 * W2 of the inputs that are easily wronged: one law singular, C not quite symmetric, both laws the same, scales far
 * apart. The truth is known in closed form, so that containment is a claim on the number, not on another run.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "dense.h"
#include "wasserstein/internal.h"
#include "support.h"

#include <gref/wasserstein.h>

static gref_mat diagonal(double a, double b, double c)
{
    gref_mat A = fresh(3, 3);
    GREF_AT(A, 0, 0) = a;
    GREF_AT(A, 1, 1) = b;
    GREF_AT(A, 2, 2) = c;
    return A;
}

/*
 * I against diag(4, 9, 0): W2^2 = 1 + 4 + 1. Whatever form each law has, both ends are proved. Width: the trace bound
 * errs by c n u |L|^2/W2 = 2e-15 c, c about 30 for the enclosures of |B^T A|_* and of the truncated factor.
 */
START_TEST(test_certify__a_singular_law_against_a_regular_one)
{
    gref_mat zero = fresh(3, 1), C1 = diagonal(1, 1, 1), C2 = diagonal(4, 9, 0),
             L2 = diagonal(2, 3, 0);
    gref_cmat m = gref_const(zero), A = gref_const(C1), B = gref_const(C2), L = gref_const(L2);
    long double truth = sqrtl(6.0L);
    gref_w2 w[6];
    ck_ok(gref_w2_certify_laws(&w[0], m, A, m, B));
    ck_ok(gref_w2_certify_laws(&w[1], m, B, m, A));
    ck_ok(gref_w2_certify_factors(&w[2], m, A, m, L)); /* I is its own factor */
    ck_ok(gref_w2_certify_factors(&w[3], m, L, m, A));
    ck_ok(gref_w2_certify_mixed(&w[4], m, A, m, L));
    ck_ok(gref_w2_certify_mixed(&w[5], m, B, m, A));
    for (int k = 0; k < 6; k++) {
        ck_assert(w[k].certified && w[k].lower <= truth && truth <= w[k].upper);
        ck_assert_bound("width, singular against regular", w[k].upper - w[k].lower, 1e-13);
    }
    gref_mat_free(&zero);
    gref_mat_free(&C1);
    gref_mat_free(&C2);
    gref_mat_free(&L2);
}
END_TEST

/* Rank 20 against rank 40, factors of odd integers: both orders meet, and neither end is loose. */
START_TEST(test_certify_factors__rank_20_against_40_in_both_orders)
{
    gref_mat zero = fresh(40, 1), L1 = odd_integers(40, 40, 3), L2 = odd_integers(40, 20, 4);
    gref_cmat m = gref_const(zero);
    gref_w2 w, back;
    ck_ok(gref_w2_certify_factors(&w, m, gref_const(L1), m, gref_const(L2)));
    ck_ok(gref_w2_certify_factors(&back, m, gref_const(L2), m, gref_const(L1)));
    double l = gref_mat_norm_fro(gref_const(L1)), unit = 40 * DBL_EPSILON * l * l / w.w2;
    ck_assert(back.lower <= w.upper && w.lower <= back.upper);
    ck_assert_bound("width, 20 against 40", fmax(w.upper - w.lower, back.upper - back.lower),
                    100 * unit);
    gref_mat_free(&zero);
    gref_mat_free(&L1);
    gref_mat_free(&L2);
}
END_TEST

/*
 * C and C^T are one datum, (C + C^T)/2, to the last bit; r_in covers what was averaged away. The laws are close, so
 * that taking one triangle instead would change the third digit.
 */
START_TEST(test_certify_laws__do_not_depend_on_the_triangle)
{
    gref_mat zero = fresh(3, 1), C1 = diagonal(1, 2, 3), C2 = diagonal(1, 2, 3), CT = fresh(3, 3);
    GREF_AT(C2, 1, 0) += 0x1p-50;
    GREF_AT(C2, 0, 2) -= 0x1p-51;
    gref_mat_transpose(CT, gref_const(C2));
    gref_cmat m = gref_const(zero);
    gref_w2 w, t;
    ck_ok(gref_w2_certify_laws(&w, m, gref_const(C1), m, gref_const(C2)));
    ck_ok(gref_w2_certify_laws(&t, m, gref_const(C1), m, gref_const(CT)));
    ck_assert(w.lower == t.lower && w.upper == t.upper && w.w2 == t.w2 && w.r_in == t.r_in);
    /* off-diagonal e in modes a, b: W2^2 = 2 e^2 c with c = 1/(2 (a + b)) to first order in e; its error e^3 */
    long double truth = sqrtl(powl(0x1p-51L, 2) / 3 + powl(0x1p-52L, 2) / 4);
    ck_assert_bound("W2 of the symmetric part, relative", (double)fabsl(w.w2 / truth - 1), 1e-12);
    ck_assert(w.r_in >
              0x1p-51); /* half of what the entries differ by, over sqrt(lambda) + sqrt(lambda) */
    gref_mat_free(&zero);
    gref_mat_free(&C1);
    gref_mat_free(&C2);
    gref_mat_free(&CT);
}
END_TEST

/* W2(C, C) = 0, proved, singular or not, as covariances or as factors. */
START_TEST(test_certify__a_law_to_itself_is_zero)
{
    gref_mat zero = fresh(3, 1), C = diagonal(4, 9, 0), I = diagonal(1, 0.3, 1e-9),
             none = fresh(3, 3);
    gref_cmat m = gref_const(zero), all[] = {gref_const(C), gref_const(I), gref_const(none)};
    for (int k = 0; k < 3; k++) {
        gref_w2 w, f;
        ck_ok(gref_w2_certify_laws(&w, m, all[k], m, all[k]));
        ck_ok(gref_w2_certify_factors(&f, m, all[k], m, all[k]));
        ck_assert(w.certified && w.lower == 0 && w.upper == 0 && w.w2 == 0);
        ck_assert(f.certified && f.lower == 0 && f.upper == 0 && f.w2 == 0);
    }
    gref_mat_free(&zero);
    gref_mat_free(&C);
    gref_mat_free(&I);
    gref_mat_free(&none);
}
END_TEST

/* Nothing is lost beside a zero law, nor where sizes differ by more than a double's exponent holds when squared. */
START_TEST(test_certify__scales_far_apart)
{
    gref_mat zero = fresh(3, 1), none = fresh(3, 3), tiny = diagonal(1e-300, 1e-300, 1e-300);
    gref_mat huge = diagonal(1e300, 1e300, 1e300), large = diagonal(1e308, 1e308, 1e308),
             ones = fresh(3, 1);
    gref_cmat m = gref_const(zero);
    gref_w2 w;
    ck_ok(gref_w2_certify_mixed(&w, m, gref_const(none), m, gref_const(tiny))); /* sqrt 3 1e-300 */
    ck_assert_bound("0 against a tiny factor", fabs(w.w2 / (sqrt(3) * 1e-300) - 1), 1e-14);
    ck_assert(w.lower > 1.73e-300 && w.upper < 1.74e-300);
    ck_ok(gref_w2_certify_laws(&w, m, gref_const(huge), m,
                               gref_const(tiny))); /* sqrt 3 (1e150 - 1e-150) */
    ck_assert(w.lower > 1.732e150 && w.upper < 1.733e150);
    for (int i = 0; i < 3; i++)
        ones.a[i] = 1.7e308;
    ck_ok(gref_w2_spectra(&w, m, gref_const(ones), m, gref_const(zero)));
    ck_assert(isfinite(w.r_in) && w.lower > 2.258e154 && w.upper < 2.2585e154);
    gref_mat *all[] = {&zero, &none, &tiny, &huge, &large, &ones};
    for (int k = 0; k < 6; k++)
        gref_mat_free(all[k]);
}
END_TEST

/* Two enclosures that do not meet are an error that names both, never a number; those that do are intersected. */
START_TEST(test_w2_intersect__refuses_disjoint_enclosures)
{
    gref_w2_cov c = {.w = 1.0, .lower = 0.9, .upper = 1.1},
                apart = {.w = 2.0, .lower = 1.5, .upper = 2.5};
    ck_fails(gref_w2_intersect(&c, apart), GREF_ERR_NUMERICS);
    ck_assert_ptr_nonnull(strstr(gref_last_error()->message, "disjoint"));
    ck_assert(c.w == 1.0 && c.lower == 0.9 && c.upper == 1.1);
    gref_w2_cov near = {.w = 1.2, .lower = 1.05, .upper = 1.3};
    ck_ok(gref_w2_intersect(&c, near));
    ck_assert(c.lower == 1.05 && c.upper == 1.1 && c.w == 1.05);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("w2 inputs");
    TCase *tc = new_tcase(s, "w2 inputs");
    tcase_add_test(tc, test_certify__a_singular_law_against_a_regular_one);
    tcase_add_test(tc, test_certify_factors__rank_20_against_40_in_both_orders);
    tcase_add_test(tc, test_certify_laws__do_not_depend_on_the_triangle);
    tcase_add_test(tc, test_certify__a_law_to_itself_is_zero);
    tcase_add_test(tc, test_certify__scales_far_apart);
    tcase_add_test(tc, test_w2_intersect__refuses_disjoint_enclosures);
    return run_suite(s);
}
