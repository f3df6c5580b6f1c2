/*
 * Certified W2 at the sizes that THEORY section 11 lists: relative width at most 4e-15 at n = 256
 * for every kappa, gap and kind, 1e-14 at n = 1024. That map and factors meet is checked inside;
 * narrow and disjoint cannot both be.
 */
#include "base/internal.h"
#include "pairs.h"
#include "support.h"

#include <stdio.h>

#include <gref/wasserstein.h>

static void hold(int n, double kappa, double gap, pair_kind kind, double bound)
{
    SCOPED(gref_mat) C1 = {0}, C2 = {0}, zero = fresh(n, 1);
    gref_w2 w;
    char name[64];
    random_pair(&C1, &C2, n, kappa, gap, kind, 3);
    ck_ok(gref_w2_certify_laws(&w, gref_const(zero), gref_const(C1), gref_const(zero),
                               gref_const(C2)));
    double width = (w.upper - w.lower) / w.upper;
    ck_assert_msg(width <= bound, "n = %d kind %d kappa %g gap %g: [%.17g, %.17g], width %.2e", n,
                  (int)kind, kappa, gap, w.lower, w.upper, width);
    snprintf(name, sizeof name, "relative width, n = %d", n);
    note_ratio(name, width, bound);
}

static const double kappas[] = {1, 1e4, 1e8, 1e12}, gaps[] = {1e-2, 1e-8, 1e-16};

START_TEST(slow_w2__is_narrow_at_256)
{
    for (int kind = 0; kind < 3; kind++)
        for (int k = 0; k < 4; k++)
            for (int g = 0; g < 3; g++)
                hold(256, kappas[k], gaps[g], (pair_kind)kind, 4e-15);
}
END_TEST

START_TEST(slow_w2__is_narrow_at_1024)
{
    for (int k = 1; k < 4; k += 2)
        for (int g = 0; g < 3; g += 2)
            hold(1024, kappas[k], gaps[g], k == 1 ? PAIR_MULT : PAIR_ADD, 1e-14);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("slow_w2");
    TCase *tc = new_tcase(s, "w2");
    tcase_set_timeout(tc, 3000);
    tcase_add_test(tc, slow_w2__is_narrow_at_256);
    tcase_add_test(tc, slow_w2__is_narrow_at_1024);
    return run_suite(s);
}
