/*
 * The self-test itself: that it passes on the BLAS of the setup, that its shapes are what it
 * promises, that its comparisons let nothing through, and that it leaves the floating-point
 * environment alone. That it finds faults in a BLAS is shown by cli/doctor.sh.
 */
#include <fenv.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <gref/trust.h>

#include "support.h"
#include "trust/internal.h"
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

static gref_trust_report *run(void)
{
    gref_trust_report *report = NULL;
    ck_ok(gref_trust_run(&report));
    ck_assert_ptr_nonnull(report);
    return report;
}

static const gref_trust_check *check_of(const gref_trust_report *report, const char *name)
{
    for (int k = 0; k < report->n_checks; k++)
        if (strcmp(report->checks[k].name, name) == 0)
            return &report->checks[k];
    ck_abort_msg("no check '%s'", name);
    return NULL;
}

/* Every check passes here, by its own count and ratio; and the guard agrees with the report. */
START_TEST(test_trust_run__passes_on_this_machine)
{
    gref_trust_report *report = run();
    for (int k = 0; k < report->n_checks; k++) {
        const gref_trust_check *c = &report->checks[k];
        ck_assert_msg(c->passed, "%s: %s", c->name, c->detail);
        ck_assert_int_eq(c->wrong, 0);
        ck_assert(c->detail[0] != '\0');
        if (c->calls > 0)
            ck_assert_bound(c->name, c->worst, 1.0);
    }
    ck_assert(gref_trust_ok(report));
    ck_assert_int_eq(report->n_checks, gref_n_machine_checks + gref_n_probe_rows);
    ck_assert(report->seconds > 0.0);
    printf("# self-test: %.3f s\n", report->seconds);
    gref_trust_free(report);
    ck_ok(gref_trust_require());
}
END_TEST

START_TEST(test_trust_ok__is_false_without_checks)
{
    gref_trust_report empty = {0};
    ck_assert(!gref_trust_ok(NULL));
    ck_assert(!gref_trust_ok(&empty));
    gref_trust_free(NULL);
}
END_TEST

/*
 * In every variant, every size of a call takes every residue mod 16 and the fixed sizes 5, 37, 129;
 * and there are more than a hundred calls of each LAPACK or BLAS routine, so that a fault of every
 * 50th call shows twice. The sizes are drawn as the probes draw them.
 */
START_TEST(test_probe_size__meets_every_residue_in_every_variant)
{
    for (int k = 0; k < gref_n_probe_rows; k++) {
        const gref_probe_row *row = &gref_probe_rows[k];
        if (row->run == gref_probe_dot2)
            continue; /* has sizes of its own */
        ck_assert_msg(row->calls > 100, "%s", row->name);
        bool met[4][3][16] = {0};
        int largest = 0;
        gref_probe p = {.dims = row->dims, .variants = row->variants};
        for (int call = 0; call < row->calls; call++) {
            gref_probe_begin(&p, call);
            ck_assert(p.variant >= 0 && p.variant < row->variants);
            for (int slot = 0; slot < row->dims; slot++) {
                int n = gref_probe_size(&p, slot);
                ck_assert(n >= 1);
                met[p.variant][slot][n % 16] = true;
                largest = n > largest ? n : largest;
            }
        }
        ck_assert(largest >= 129);
        for (int v = 0; v < row->variants; v++)
            for (int slot = 0; slot < row->dims; slot++)
                for (int r = 0; r < 16; r++)
                    ck_assert_msg(met[v][slot][r], "%s, variant %d: size %d never is %d mod 16",
                                  row->name, v, slot, r);
    }
}
END_TEST

/* Calls 50, 100, 150, ... of a routine with two variants meet both: no aliasing. */
START_TEST(test_probe_begin__variants_do_not_repeat_with_an_even_period)
{
    for (int k = 0; k < gref_n_probe_rows; k++) {
        const gref_probe_row *row = &gref_probe_rows[k];
        if (row->variants != 2)
            continue;
        int met[2] = {0};
        gref_probe p = {.dims = row->dims, .variants = row->variants};
        for (int call = 49; call < row->calls; call += 50) {
            gref_probe_begin(&p, call);
            met[p.variant]++;
        }
        ck_assert_msg(met[0] > 0 && met[1] > 0, "%s", row->name);
    }
}
END_TEST

/* A call's numbers follow from its number: the same after other calls, others in another one. */
START_TEST(test_probe_random__depends_on_the_call_alone)
{
    static const int order[] = {8, 3, 8, 9};
    gref_probe p;
    gref_mat A, kept[4];
    ck_ok(gref_probe_open(&p, &gref_probe_rows[0]));
    for (int k = 0; k < 4; k++) {
        gref_probe_begin(&p, order[k]);
        ck_ok(gref_probe_random(&p, &A, 4, 5));
        kept[k] = fresh(4, 5);
        gref_mat_copy(kept[k], gref_const(A));
    }
    ck_assert(gref_mat_diff_max(gref_const(kept[0]), gref_const(kept[1])) > 0.0);
    ck_assert(gref_mat_diff_max(gref_const(kept[0]), gref_const(kept[2])) == 0.0);
    ck_assert(gref_mat_diff_max(gref_const(kept[0]), gref_const(kept[3])) > 0.0);
    for (int k = 0; k < 4; k++)
        gref_mat_free(&kept[k]);
    gref_probe_free(&p);
}
END_TEST

/* What does not fit is refused; what fits begins where the last one ended, NaN in its gaps. */
START_TEST(test_probe_new__stays_within_its_room)
{
    gref_probe p;
    gref_mat A, B;
    ck_ok(gref_probe_open(&p, &gref_probe_rows[0]));
    gref_probe_begin(&p, 0);
    ck_ok(gref_probe_new(&p, &A, 2, 3));
    ck_ok(gref_probe_new(&p, &B, 2, 3));
    ck_assert_int_eq(A.ld, 3);
    ck_assert_ptr_eq(B.a, A.a + 9);
    for (int k = 0; k < 9; k++)
        ck_assert(k % 3 == 2 ? isnan(A.a[k]) : A.a[k] == 0.0);
    ck_fails(gref_probe_new(&p, &B, 1023, 1024), GREF_ERR_NOMEM);
    ck_ok(gref_probe_new(&p, &B, 0, 0));
    gref_probe_free(&p);
    gref_probe_free(&p);
}
END_TEST

/* err <= bound passes; all else fails, with NaN and exact comparisons that are not exact. */
START_TEST(test_probe_hold__lets_nothing_through)
{
    static const struct {
        double err, bound;
        bool passes, finite;
    } cases[] = {
        {0.0, 0.0, true, true},
        {0.5, 1.0, true, true},
        {1.0, 1.0, true, true},
        {1.0001, 1.0, false, true},
        {0x1p-1074, 0.0, false, true},
        {NAN, 1.0, false, false},
        {1.0, NAN, false, true},
        {INFINITY, 1.0, false, false},
        {INFINITY, INFINITY, false, false},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        gref_probe p = {.dims = 1, .variants = 1};
        gref_probe_begin(&p, 0);
        gref_probe_hold(&p, cases[k].err, cases[k].bound);
        gref_probe_hold(&p, 0.0, 1.0); /* a good entry does not heal a bad one */
        ck_assert_msg((p.ratio <= 1.0) == cases[k].passes, "case %d: ratio %g", (int)k, p.ratio);
        ck_assert_msg(p.finite == cases[k].finite, "case %d", (int)k);
    }
}
END_TEST

/* One wrong entry, one NaN, or one number between the columns is seen wherever it stands. */
START_TEST(test_probe_compare__sees_every_entry_and_the_gap)
{
    gref_probe p;
    gref_mat C, R, W;
    ck_ok(gref_probe_open(&p, &gref_probe_rows[0]));
    gref_probe_begin(&p, 0); /* a gap of one */
    ck_ok(gref_probe_new(&p, &C, 4, 3));
    ck_ok(gref_probe_new(&p, &R, 4, 3));
    ck_ok(gref_probe_new(&p, &W, 4, 3));
    ck_assert_int_eq(C.ld, 5);
    gref_mat_fill(W, 1.0);
    gref_probe_compare(&p, gref_const(C), gref_const(R), gref_const(W), 1e-3);
    ck_assert(p.ratio == 0.0);
    for (int k = 0; k < 15; k++) {
        double old = C.a[k];
        p.ratio = 0.0;
        C.a[k] = 0.002;
        gref_probe_compare(&p, gref_const(C), gref_const(R), gref_const(W), 1e-3);
        ck_assert_msg(!(p.ratio <= 1.0), "place %d", k);
        C.a[k] = old;
    }
    p.ratio = 0.0;
    GREF_AT(C, 3, 2) = NAN;
    gref_probe_compare(&p, gref_const(C), gref_const(R), gref_const(W), 1e-3);
    ck_assert(!(p.ratio <= 1.0) && !p.finite);
    gref_probe_free(&p);
}
END_TEST

/*
 * The plain loops are right: against sums in long double, entry by entry, within the (k + 2) u
 * (|A||B| + |C|) that the bounds of the probes grant them; and exact on integers.
 */
START_TEST(test_plain_gemm__agrees_with_long_double)
{
    gref_probe p;
    ck_ok(gref_probe_open(&p, &gref_probe_rows[0]));
    for (int call = 0; call < 40; call++) {
        gref_mat A, B, C, R, W;
        gref_probe_begin(&p, call);
        int m = 1 + call % 7, n = 1 + call % 5, k = call % 12;
        double alpha = gref_probe_scalar(&p), beta = gref_probe_scalar(&p);
        ck_ok(gref_probe_random(&p, &A, m, k));
        ck_ok(gref_probe_random(&p, &B, k, n));
        ck_ok(gref_probe_random(&p, &C, m, n));
        ck_ok(gref_probe_new(&p, &R, m, n));
        ck_ok(gref_probe_new(&p, &W, m, n));
        if (beta == 0.0)
            gref_mat_fill(C, NAN);
        gref_plain_gemm(R, W, alpha, gref_const(A), gref_const(B), beta, gref_const(C));
        for (int j = 0; j < n; j++)
            for (int i = 0; i < m; i++) {
                long double sum = beta == 0.0 ? 0.0L : (long double)beta * GREF_AT(C, i, j);
                double w = beta == 0.0 ? 0.0 : fabs(beta * GREF_AT(C, i, j));
                for (int l = 0; l < k; l++) {
                    sum += (long double)alpha * GREF_AT(A, i, l) * GREF_AT(B, l, j);
                    w += fabs(alpha * GREF_AT(A, i, l) * GREF_AT(B, l, j));
                }
                double err = (double)fabsl(GREF_AT(R, i, j) - sum);
                if (p.exact)
                    ck_assert(err == 0.0);
                else if (w > 0.0)
                    ck_assert_bound("plain gemm", err, (k + 2) * EPS * w);
                ck_assert(fabs(GREF_AT(W, i, j) - w) <= 4 * (k + 2) * EPS * w);
            }
    }
    gref_probe_free(&p);
}
END_TEST

/* A process that rounds upwards is refused, by name, and still rounds upwards afterwards. */
START_TEST(test_trust_run__finds_a_rounding_mode_and_leaves_it)
{
    ck_assert_int_eq(fesetround(FE_UPWARD), 0);
    gref_trust_report *report = run();
    gref_status guard = gref_trust_require();
    ck_assert_int_eq(fegetround(), FE_UPWARD);
    fesetround(FE_TONEAREST);
    ck_assert(!gref_trust_ok(report));
    ck_assert(!check_of(report, "rounding")->passed);
    ck_assert_int_eq(guard, GREF_ERR_NUMERICS);
    const char *message = gref_last_error()->message;
    ck_assert_msg(strstr(message, "self-test failed: rounding: ") != NULL, "%s", message);
    ck_assert_msg(strstr(message, report->backend.blas) != NULL, "%s", message);
    ck_assert_ptr_null(strchr(message, '\n'));
    gref_trust_free(report);
}
END_TEST

#if defined(__x86_64__)
/* So is one that flushes subnormals to zero, by the result or by the operand alone. */
START_TEST(test_trust_run__finds_flushing_and_leaves_it)
{
    static const unsigned modes[] = {0x8000, 0x0040};
    unsigned before = _mm_getcsr() & ~0x3fu; /* without the sticky exception flags */
    unsigned mode = modes[_i];
    _mm_setcsr(before | mode);
    if ((_mm_getcsr() & mode) == 0)
        return; /* valgrind's processor does not flush */
    gref_trust_report *report = run();
    unsigned after = _mm_getcsr() & ~0x3fu;
    _mm_setcsr(before);
    ck_assert_uint_eq(after, before | mode);
    ck_assert(!check_of(report, "subnormals")->passed);
    gref_trust_free(report);
}
END_TEST
#endif

/* What OpenBLAS says of its own build is what the report says; no other BLAS has a flavour. */
START_TEST(test_backend_query__knows_flavour_and_processor)
{
    gref_backend b = gref_backend_query();
    if (strcmp(b.blas, "OpenBLAS") == 0)
        ck_assert_msg(strcmp(b.flavour, "serial") == 0 || strcmp(b.flavour, "pthread") == 0 ||
                          strcmp(b.flavour, "OpenMP") == 0,
                      "flavour '%s'", b.flavour);
    else
        ck_assert_str_eq(b.flavour, "");
#if defined(__x86_64__)
    ck_assert_msg(b.cpu[0] != '\0', "no model name in /proc/cpuinfo");
#endif
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("trust");
    TCase *tc = new_tcase(suite, "trust");
    tcase_add_test(tc, test_trust_run__passes_on_this_machine);
    tcase_add_test(tc, test_trust_ok__is_false_without_checks);
    tcase_add_test(tc, test_probe_size__meets_every_residue_in_every_variant);
    tcase_add_test(tc, test_probe_begin__variants_do_not_repeat_with_an_even_period);
    tcase_add_test(tc, test_probe_random__depends_on_the_call_alone);
    tcase_add_test(tc, test_probe_new__stays_within_its_room);
    tcase_add_test(tc, test_probe_hold__lets_nothing_through);
    tcase_add_test(tc, test_probe_compare__sees_every_entry_and_the_gap);
    tcase_add_test(tc, test_plain_gemm__agrees_with_long_double);
    tcase_add_test(tc, test_trust_run__finds_a_rounding_mode_and_leaves_it);
#if defined(__x86_64__)
    tcase_add_loop_test(tc, test_trust_run__finds_flushing_and_leaves_it, 0, 2);
#endif
    tcase_add_test(tc, test_backend_query__knows_flavour_and_processor);
    return run_suite(suite);
}
