/*
 * Every quantity of the spectral path is the dense path's within the bounds of
 * src/spectral/crosscheck_bounds.c: gref_crosscheck_run compares, and its largest ratio must not
 * exceed 1. The two share the random numbers, kernels and the schedule, nothing else: an error in
 * either shows, because the other would have to make the same one. That the check would see it is
 * proved by spoiling the spectral path on purpose.
 *
 *     test_crosscheck         6 x 6 and odd sizes, every operator, a convention of each kind
 *     test_crosscheck slow    8 x 8 to 32 x 32 of grass and brick, every operator, all samplers and conventions
 */
#include "spectral/crosscheck.h"
#include "stationary.h"
#include "sweep.h"
#include "toy.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Every `stride`-th sampler and convention on one image and operator, on a schedule that these
 * choose; the worst ratio of each quantity is printed. */
static void hold_all(const char *image, int rows, int cols, test_operator op, double sigma,
                     int stride)
{
    enum { TIMES = 6, MOST = 4096, T = SWEEP_T };
    static gref_sampler_spec specs[MOST];
    int n_specs = 0, times[TIMES] = {T, T / 2, 3, 2, 1, 0};
    gref_sampler_spec spec;
    gref_schedule_kind kind = (gref_schedule_kind)((rows + cols + (int)op) % SWEEP_KINDS);
    for (int k = stride % 12; sweep_spec(&spec, k); k += stride)
        if (!sweep_is_refused(&spec, kind))
            specs[n_specs++] = spec;
    gref_mat u = crop_of(image, 200, 100, rows, cols);
    gref_problem p = matrix_problem(gref_const(u), op, sigma, 3);
    gref_stationary q = stationary_problem(gref_const(u), op, sigma, 3);
    gref_schedule s = {0};
    gref_crosscheck *check = NULL;
    sweep_schedule(&s, kind);
    ck_ok(gref_crosscheck_run(&check, &p, &q, &s, specs, n_specs, times, TIMES, NULL, NULL));
    ck_assert(check->n_rows > 8 && check->n == rows * cols);
    for (int k = 0; k < check->n_rows; k++) {
        const gref_crosscheck_row *r = &check->rows[k];
        ck_assert_msg(r->ratio <= 1,
                      "%s %d x %d %s: %s of %s at t = %d, (%d, %d): %.17g and %.17g, ratio %g",
                      image, rows, cols, operator_names[op], r->quantity, r->sampler, r->t, r->row,
                      r->col, r->dense, r->spectral, r->ratio);
        note_ratio(r->quantity, r->deviation, r->bound);
    }
    gref_crosscheck_free(check);
    gref_schedule_free(&s);
    gref_problem_free(&p);
    gref_stationary_free(&q);
    gref_mat_free(&u);
}

/* Small images: sides 1, odd, prime, and one side that its factor divides and the other not at
 * all. */
START_TEST(test_crosscheck__small_images_all_operators)
{
    static const int sizes[][2] = {{6, 6}, {5, 7}, {1, 7}, {4, 2}, {1, 1}};
    static const int strides[] = {2999, 3001, 3011, 3019}; /* each operator meets other samplers */
    int met = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int op = 0; op < OP_COUNT; op++)
            if (operator_fits((test_operator)op, sizes[i][0], sizes[i][1]))
                hold_all(op % 2 == 0 ? "grass" : "brick", sizes[i][0], sizes[i][1],
                         (test_operator)op, 0.3, strides[met++ % 4]);
}
END_TEST

/* Zero frequencies of Sigma and zeros of the kernel's transform: the mean, a constant image, a
 * kernel of sum 0. */
START_TEST(test_crosscheck__zeros_are_legal)
{
    gref_mat u = fresh(4, 4), K = fresh(3, 1);
    K.a[0] = -1;
    K.a[1] = 2;
    K.a[2] = -1;
    for (int kind = 0; kind < 2; kind++) {
        for (int k = 0; k < 16 && kind == 1; k++)
            u.a[k] = cos(acos(-1) * k); /* one frequency, the others 0 */
        gref_problem p = {.sigma = 0.5, .rows = 4, .cols = 4, .v_rows = 4, .v_cols = 4};
        gref_stationary q = {0};
        gref_schedule s = {0};
        gref_crosscheck *check = NULL;
        gref_sampler_spec specs[16];
        int n_specs = 0;
        for (; gref_sampler_name(n_specs) != NULL; n_specs++)
            specs[n_specs] = make_spec(gref_sampler_name(n_specs));
        int times[] = {6, 3, 1, 0};
        ck_ok(gref_schedule_linear(&s, 0.01, 0.4, 6));
        ck_ok(gref_prior_adsn(&p.mu, &p.Sigma, gref_const(u), NULL));
        ck_ok(gref_operator_convolution(&p.A, gref_const(K), 4, 4, GREF_BOUNDARY_PERIODIC, false));
        ck_ok(gref_problem_observe(&p, 1));
        ck_ok(gref_stationary_adsn(&q, gref_const(u), NULL));
        q.sigma = 0.5;
        ck_ok(gref_stationary_convolution(&q, gref_const(K), false));
        ck_ok(gref_stationary_observe(&q, 1));
        ck_ok(gref_crosscheck_run(&check, &p, &q, &s, specs, n_specs, times, 4, NULL, NULL));
        ck_assert_bound("with zeros", check->ratio, 1);
        gref_crosscheck_free(check);
        gref_problem_free(&p);
        gref_stationary_free(&q);
        gref_schedule_free(&s);
    }
    gref_mat_free(&u);
    gref_mat_free(&K);
}
END_TEST

/* An unstable DPS: both paths say so at the same steps, and the bounds grow with the laws. */
START_TEST(test_crosscheck__unstable_laws)
{
    for (int op = 0; op < 2; op++) {
        gref_mat u = crop_of("grass", 200, 100, 4, 4);
        test_operator which = op == 0 ? OP_LOPSIDED : OP_SR2_BOX;
        gref_problem p = matrix_problem(gref_const(u), which, 1e-4, 3);
        gref_stationary q = stationary_problem(gref_const(u), which, 1e-4, 3);
        gref_schedule s = {0};
        gref_crosscheck *check = NULL;
        gref_sampler_spec spec = make_spec("dps");
        int times[] = {150, 75, 1, 0};
        ck_ok(gref_schedule_linear(&s, 0.001, 0.1, 150));
        ck_ok(gref_crosscheck_run(&check, &p, &q, &s, &spec, 1, times, 4, NULL, NULL));
        bool diverged = false;
        for (int k = 0; k < check->n_rows; k++)
            diverged |=
                strcmp(check->rows[k].quantity, "diverged at t") == 0 && check->rows[k].dense > 0;
        ck_assert(diverged);
        ck_assert_bound("unstable", check->ratio, 1);
        gref_crosscheck_free(check);
        gref_problem_free(&p);
        gref_stationary_free(&q);
        gref_schedule_free(&s);
        gref_mat_free(&u);
    }
}
END_TEST

/* One problem both ways, the spectral one still to be spoilt. */
typedef struct {
    gref_problem p;
    gref_spectral *z;
    gref_schedule s, own;
    gref_crosscheck check;
} mutant;

static mutant mutant_new(test_operator op)
{
    mutant m = {0};
    gref_mat u = crop_of("grass", 200, 100, 8, 8);
    m.p = matrix_problem(gref_const(u), op, 0.3, 3);
    gref_stationary q = stationary_problem(gref_const(u), op, 0.3, 3);
    gref_mat_copy(q.v, gref_const(m.p.v));
    ck_ok(gref_spectral_new(&m.z, &q));
    ck_ok(gref_schedule_linear(&m.s, 0.01, 0.4, 10));
    ck_ok(gref_schedule_linear(&m.own, 0.01, 0.4, 10));
    gref_stationary_free(&q);
    gref_mat_free(&u);
    return m;
}

/* Largest ratio of one quantity over all samplers. */
static double ratio_of(const mutant *m, const char *quantity)
{
    double worst = -1;
    for (int k = 0; k < m->check.n_rows; k++)
        if (strcmp(m->check.rows[k].quantity, quantity) == 0)
            worst = fmax(worst, m->check.rows[k].ratio);
    return worst;
}

static void mutant_check(mutant *m)
{
    gref_sampler_spec specs[] = {make_spec("cgdm"), make_spec("pigdm"), make_spec("dps")};
    int times[] = {10, 5, 1, 0};
    ck_ok(gref_crosscheck_hold(&m->check, &m->p, &m->s, m->z, &m->own, specs, 3, times, 4, NULL,
                               NULL));
}

static void mutant_free(mutant *m)
{
    free(m->check.rows);
    gref_problem_free(&m->p);
    gref_spectral_free(m->z);
    gref_schedule_free(&m->s);
    gref_schedule_free(&m->own);
}

/* Unspoilt, the object that the mutants are made of passes: what follows is due to the mutation
 * alone. */
START_TEST(test_crosscheck__accepts_the_unspoilt_path)
{
    mutant m = mutant_new(OP_LOPSIDED);
    mutant_check(&m);
    ck_assert_bound("unspoilt", m.check.ratio, 1);
    mutant_free(&m);
}
END_TEST

/*
 * The kernel's transform not conjugated: A becomes its transpose, a classic of FFT code. |a^| is
 * right, so covariances are; A, mu_post, b_t and the means are not.
 */
START_TEST(test_crosscheck__catches_a_kernel_that_is_not_conjugated)
{
    const test_operator ops[] = {OP_LOPSIDED, OP_SR2_BICUBIC};
    for (int o = 0; o < 2; o++) {
        mutant m = mutant_new(ops[o]);
        for (int k = 0; k < m.z->q * m.z->blocks; k++)
            m.z->phase.im.a[k] = -m.z->phase.im.a[k];
        mutant_check(&m);
        ck_assert(ratio_of(&m, "A") > 1e6 && ratio_of(&m, "mu_post") > 1e3);
        ck_assert(ratio_of(&m, "b_t") > 1e3 && ratio_of(&m, "mean of y_t") > 1e3);
        ck_assert(ratio_of(&m, "Sigma") <= 1);
        mutant_free(&m);
    }
}
END_TEST

/* The kernel's transform one frequency off against Sigma's: everything that A enters is wrong. */
START_TEST(test_crosscheck__catches_a_frequency_off_by_one)
{
    mutant m = mutant_new(OP_GAUSSIAN);
    gref_spectral *z = m.z;
    for (int b = z->blocks - 1; b > 0; b--) {
        z->a.a[b] = z->a.a[b - 1];
        z->phase.re.a[b] = z->phase.re.a[b - 1];
        z->phase.im.a[b] = z->phase.im.a[b - 1];
    }
    ck_ok(gref_spectral_condition(z, gref_const(m.p.v)));
    mutant_check(&m);
    const char *wrong[] = {"A",   "Sigma_post", "mu_post",           "C_{t|v}",     "mu_{t|v}",
                           "M_t", "b_t",        "covariance of y_t", "mean of y_t", "W2"};
    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++)
        ck_assert_msg(ratio_of(&m, wrong[k]) > 10, "%s passes: %g", wrong[k],
                      ratio_of(&m, wrong[k]));
    ck_assert(ratio_of(&m, "Sigma") <= 1 && ratio_of(&m, "J") <= 1);
    mutant_free(&m);
}
END_TEST

/* abar_t in the place of alpha_t (THEORY section 3's notation trap): the models are right, the
 * steps are not. */
START_TEST(test_crosscheck__catches_abar_for_alpha)
{
    mutant m = mutant_new(OP_GAUSSIAN);
    for (int t = 0; t <= m.own.T; t++)
        m.own.alpha[t] = m.own.abar[t];
    mutant_check(&m);
    ck_assert(ratio_of(&m, "M_t") > 1e6 && ratio_of(&m, "covariance of y_t") > 1e6 &&
              ratio_of(&m, "W2") > 1e3);
    ck_assert(ratio_of(&m, "C_{t|v}") <= 1 && ratio_of(&m, "Sigma_post") <= 1);
    mutant_free(&m);
}
END_TEST

/*
 * How small an error is seen: one eigenvalue of Sigma off by 1e-10 of the largest. And a NaN is the
 * worst ratio, not a comparison that happens to be false.
 */
START_TEST(test_crosscheck__catches_small_errors_and_nan)
{
    mutant m = mutant_new(OP_GAUSSIAN);
    double most = gref_mat_norm_max(gref_const(m.z->lambda));
    m.z->lambda.a[3] += 1e-10 * most;
    mutant_check(&m);
    ck_assert_msg(ratio_of(&m, "Sigma") > 1, "ratio %g", ratio_of(&m, "Sigma"));
    gref_mat x = fresh(2, 1), y = fresh(2, 1);
    y.a[1] = NAN;
    ck_ok(gref_crosscheck_matrix(&m.check, "x", "", -1, gref_const(x), gref_const(y), 1.0));
    ck_ok(gref_crosscheck_number(&m.check, "number", "", -1, 1.0, NAN, 1.0));
    ck_assert(isinf(ratio_of(&m, "x")) && isinf(ratio_of(&m, "number")) && isinf(m.check.ratio));
    gref_mat_free(&x);
    gref_mat_free(&y);
    mutant_free(&m);
}
END_TEST

static bool stop(void *context, const char *what, int done, int total)
{
    (void)context;
    (void)what;
    return 2 * done < total;
}

/* Documented statuses. */
START_TEST(test_crosscheck_run__refuses)
{
    gref_mat u = crop_of("grass", 0, 0, 4, 4), w = crop_of("grass", 0, 0, 4, 6);
    gref_problem p = matrix_problem(gref_const(u), OP_GAUSSIAN, 0.3, 3);
    gref_stationary q = stationary_problem(gref_const(u), OP_GAUSSIAN, 0.3, 3),
                    other = stationary_problem(gref_const(w), OP_GAUSSIAN, 0.3, 3);
    gref_schedule s = {0};
    gref_crosscheck *check = NULL;
    gref_sampler_spec spec = make_spec("dps");
    int late = 11;
    ck_ok(gref_schedule_linear(&s, 0.01, 0.4, 10));
    ck_fails(gref_crosscheck_run(&check, &p, &other, &s, &spec, 1, NULL, 0, NULL, NULL),
             GREF_ERR_SHAPE);
    ck_fails(gref_crosscheck_run(&check, &p, &q, &s, &spec, 1, &late, 1, NULL, NULL),
             GREF_ERR_RANGE);
    ck_fails(gref_crosscheck_run(&check, &p, &q, &s, &spec, 1, NULL, 0, stop, NULL),
             GREF_ERR_CANCELLED);
    spec.convention.alpha_dps = 0;
    ck_fails(gref_crosscheck_run(&check, &p, &q, &s, &spec, 1, NULL, 0, NULL, NULL),
             GREF_ERR_RANGE);
    ck_assert_ptr_nonnull(strstr(gref_last_error()->message, "dps needs alpha > 0"));
    ck_assert_ptr_null(check);
    gref_crosscheck_free(NULL);
    gref_problem_free(&p);
    gref_stationary_free(&q);
    gref_stationary_free(&other);
    gref_schedule_free(&s);
    gref_mat_free(&u);
    gref_mat_free(&w);
}
END_TEST

/* The promise: 8 x 8 to 32 x 32, grass and brick, every operator; at 8 x 8 every sampler
 * and convention. */
START_TEST(test_crosscheck__slow_8_to_32)
{
    for (int image = 0; image < 2; image++)
        for (int op = 0; op < OP_COUNT; op++) {
            const char *name = image == 0 ? "grass" : "brick";
            if (operator_fits((test_operator)op, 8, 8))
                hold_all(name, 8, 8, (test_operator)op, 0.2, image == 0 ? 809 : 3001);
            else
                hold_all(name, 9, 9, (test_operator)op, 0.2, image == 0 ? 809 : 3001);
            hold_all(name, operator_factor((test_operator)op) == 3 ? 15 : 16, 12, (test_operator)op,
                     0.1, 10007);
        }
    for (int op = 0; op < OP_COUNT; op++)
        if (operator_fits((test_operator)op, 32, 32))
            hold_all(op % 2 == 0 ? "grass" : "brick", 32, 32, (test_operator)op, 0.1, 60013);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *s = suite_create("crosscheck");
    TCase *tc = new_tcase(s, "crosscheck");
    if (argc > 1 && strcmp(argv[1], "slow") == 0) {
        tcase_set_timeout(tc, 3500);
        tcase_add_test(tc, test_crosscheck__slow_8_to_32);
        return run_suite(s);
    }
    tcase_add_test(tc, test_crosscheck__small_images_all_operators);
    tcase_add_test(tc, test_crosscheck__zeros_are_legal);
    tcase_add_test(tc, test_crosscheck__unstable_laws);
    tcase_add_test(tc, test_crosscheck__accepts_the_unspoilt_path);
    tcase_add_test(tc, test_crosscheck__catches_a_kernel_that_is_not_conjugated);
    tcase_add_test(tc, test_crosscheck__catches_a_frequency_off_by_one);
    tcase_add_test(tc, test_crosscheck__catches_abar_for_alpha);
    tcase_add_test(tc, test_crosscheck__catches_small_errors_and_nan);
    tcase_add_test(tc, test_crosscheck_run__refuses);
    return run_suite(s);
}
