/*
 * The defining properties of test_conformance.c that are statistical, or of the other path: for every row of
 * the table of methods, in every scheme, convention and choice of times (sweep.h),
 *
 *     the moments of drawn samples are those of the law
 *     the spectral path says the same as the dense one
 */
#include "dense.h"
#include "stationary.h"
#include "sweep.h"
#include "toy.h"

#include <math.h>
#include <stdio.h>

#include <gref/crosscheck.h>
#include <gref/marginal.h>

/* ---- drawn samples --------------------------------------------------------------------------- */

enum { SAMPLES = 10000 };

static double worst_z;

static void hold_moments(const sweep_subject *x)
{
    int n = x->w->p.A.n;
    gref_mat Y = fresh(n, SAMPLES), m = fresh(n, 1), P = fresh(n, n);
    gref_marginal *law = NULL;
    ck_ok(gref_marginal_new(&law, x->s));
    while (gref_sampler_next(x->s, gref_marginal_t(law)) >= 0)
        ck_ok(gref_marginal_advance(law));
    ck_ok(gref_marginal_mean(m, law));
    ck_ok(gref_marginal_cov(P, law));
    ck_ok(gref_sampler_draw(Y, x->s, 17));
    for (int i = 0; i < n; i++)
        for (int j = -1; j <= i; j++) { /* j = -1: the mean */
            double sum = 0, var = GREF_AT(P, i, i), expected = j < 0 ? 0 : GREF_AT(P, i, j);
            for (int k = 0; k < SAMPLES; k++)
                sum += (GREF_AT(Y, i, k) - m.a[i]) * (j < 0 ? 1 : GREF_AT(Y, j, k) - m.a[j]);
            if (j >= 0)
                var = var * GREF_AT(P, j, j) + expected * expected;
            double z = fabs(sum / SAMPLES - expected) / (sqrt(var / SAMPLES) + 1e-12);
            ck_assert_msg(z <= 5, "%s: entry (%d, %d) is %.2f standard errors off", x->spec->label,
                          i, j, z);
            worst_z = fmax(worst_z, z);
        }
    gref_marginal_free(law);
    FREE_ALL(&Y, &m, &P);
}

/*
 * The samples come from the literal algorithm and its noise, the law from the affine steps. Fixed
 * seeds; each mean and covariance entry within 5 standard errors, var(mean_i) = P_ii/N,
 * var(S_ij) = (P_ii P_jj + P_ij^2)/N. Every kind of schedule; the stride meets every row, scheme,
 * guidance, times and start: about 3,000 entries, for a random seed a false alarm once in 600.
 */
START_TEST(test_draw__moments_are_those_of_the_law)
{
    sweep_world w;
    for (int k = 0; sweep_world_open(&w, k); k++) {
        if (w.p.A.n == 5)
            sweep_each(hold_moments, &w, 83 * k, 6007);
        if (k == 0)
            sweep_each_chain(hold_moments, &w);
        sweep_world_close(&w);
    }
    printf("# worst z-score %.2f\n", worst_z);
}
END_TEST

/* ---- the spectral path ----------------------------------------------------------------------- */

/*
 * Means, covariances, steps, C_{v|t}, W2 and the modelled law of every sampler, by frequencies and
 * by matrices, within the bounds of src/spectral/crosscheck_bounds.c, which follow the rounding of
 * both.
 */
static void hold_paths(test_operator op, gref_schedule_kind kind, int first, int stride)
{
    enum { MOST = 4096 };
    static gref_sampler_spec specs[MOST];
    const int times[] = {SWEEP_T, 5, 2, 1, 0};
    gref_mat u = crop_of("grass", 200, 100, 4, 4);
    gref_problem p = matrix_problem(gref_const(u), op, 0.3, 3);
    gref_stationary q = stationary_problem(gref_const(u), op, 0.3, 3);
    gref_schedule s = {0};
    gref_crosscheck *check = NULL;
    gref_sampler_spec spec;
    int count = 0;
    sweep_schedule(&s, kind);
    for (int k = first; sweep_spec(&spec, k); k += stride)
        if (!sweep_is_refused(&spec, kind))
            specs[count++] = spec;
    ck_ok(gref_crosscheck_run(&check, &p, &q, &s, specs, count, times, sizeof times / sizeof *times,
                              NULL, NULL));
    for (int k = 0; k < check->n_rows; k++) {
        const gref_crosscheck_row *r = &check->rows[k];
        ck_assert_msg(r->ratio <= 1, "%s of %s at t = %d: %.17g and %.17g, ratio %g", r->quantity,
                      r->sampler, r->t, r->dense, r->spectral, r->ratio);
        note_ratio(r->quantity, r->deviation, r->bound);
    }
    ck_assert_int_gt(check->n_rows, 8 * count);
    gref_crosscheck_free(check);
    gref_problem_free(&p);
    gref_stationary_free(&q);
    gref_schedule_free(&s);
    gref_mat_free(&u);
}

START_TEST(test_spectral__says_what_the_dense_path_says)
{
    const test_operator ops[] = {OP_LOPSIDED, OP_SR2_BICUBIC};
    for (int o = 0; o < 2; o++)
        for (int kind = 0; kind < SWEEP_KINDS; kind++)
            hold_paths(ops[o], (gref_schedule_kind)kind, 83 * (o + 2 * kind), 1009);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("conformance_paths");
    TCase *tc = new_tcase(s, "conformance_paths");
    tcase_add_test(tc, test_draw__moments_are_those_of_the_law);
    tcase_add_test(tc, test_spectral__says_what_the_dense_path_says);
    return run_suite(s);
}
