/*
 * Stationary problems in pixels against the dense constructions, which share no code with them: the
 * texton against gref_prior_adsn's autocorrelation, the taps against rows of gref_operator_*'s
 * matrices, x0 and v against gref_problem_observe's, which come from a dense symmetric root and a
 * matrix product.
 */
#include "stationary.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <gref/case.h>
#include <gref/modes.h>

/* Sizes with 1, primes, odd and even sides; the kernel of 41 x 41 is larger than all of them. */
static const int sizes[][2] = {{1, 1}, {1, 7}, {5, 1}, {2, 2},  {6, 6},
                               {5, 7}, {8, 4}, {3, 8}, {12, 12}};
enum { SIZES = sizeof sizes / sizeof *sizes };

/*
 * Sigma[p, q] = sum_x t(x) t(x + p - q), all lags, from the texton by plain loops. The dense Sigma
 * sums in long double and rounds once; the plain sum here does so too, the texton's own rounding
 * adds 2 EPS per factor.
 */
START_TEST(test_stationary_adsn__texton_has_the_autocorrelation_of_the_prior)
{
    for (int i = 0; i < SIZES; i++) {
        int M = sizes[i][0], N = sizes[i][1], n = M * N;
        gref_mat u = crop_of("grass", 100, 50, M, N), mu = {0}, Sigma = {0};
        gref_stationary q = {0};
        double mean = 0.25;
        ck_ok(gref_prior_adsn(&mu, &Sigma, gref_const(u), &mean));
        ck_ok(gref_stationary_adsn(&q, gref_const(u), &mean));
        ck_assert(q.mean == mu.a[0] && q.rows == M && q.cols == N && q.factor == 1);
        for (int p = 0; p < n; p++) {
            long double sum = 0;
            for (int x = 0; x < n; x++)
                sum += (long double)q.texton.a[x] *
                       q.texton.a[(x / N + p / N) % M * N + (x % N + p % N) % N];
            ck_assert_bound("autocorrelation", fabs((double)sum - GREF_AT(Sigma, p, 0)),
                            6 * EPS * GREF_AT(Sigma, 0, 0));
        }
        gref_mat_free(&u);
        gref_mat_free(&mu);
        gref_mat_free(&Sigma);
        gref_stationary_free(&q);
    }
}
END_TEST

/*
 * The taps are the first row of the dense operator: exactly for convolutions, whose weights add up
 * in the same order; for super-resolution to the rounding of either formula (integers there, Keys's
 * cubic here): 2 EPS of the largest.
 */
START_TEST(test_stationary_operators__taps_are_the_first_row_of_A)
{
    for (int i = 0; i < SIZES; i++)
        for (int op = 0; op < OP_COUNT; op++) {
            int M = sizes[i][0], N = sizes[i][1];
            if (!operator_fits((test_operator)op, M, N))
                continue;
            gref_mat u = crop_of("brick", 10, 20, M, N);
            gref_problem p = matrix_problem(gref_const(u), (test_operator)op, 0.1, 1);
            gref_stationary q = stationary_problem(gref_const(u), (test_operator)op, 0.1, 1);
            double most = gref_mat_norm_max(gref_const(q.taps));
            for (int x = 0; x < M * N; x++)
                ck_assert_bound("taps", fabs(q.taps.a[x] - GREF_AT(p.A, 0, x)),
                                (op < OP_SR2_BOX ? 0.0 : 2.0) * EPS * most);
            gref_mat_free(&u);
            gref_problem_free(&p);
            gref_stationary_free(&q);
        }
}
END_TEST

/*
 * x0 and v are the dense ones. The dense root has |R - Sigma^1/2| <= c sqrt(n) EPS
 * |Sigma|/sqrt(lambda+), lambda+ the least eigenvalue above zero, applied to n normal numbers that
 * share the error evenly; c = 4.
 */
START_TEST(test_stationary_observe__is_the_dense_observation)
{
    for (int i = 0; i < SIZES; i++)
        for (int op = 0; op < OP_COUNT; op++) {
            int M = sizes[i][0], N = sizes[i][1], n = M * N;
            if (!operator_fits((test_operator)op, M, N))
                continue;
            gref_mat u = crop_of("grass", 30, 300, M, N);
            gref_problem p = matrix_problem(gref_const(u), (test_operator)op, 0.2, 7);
            gref_stationary q = stationary_problem(gref_const(u), (test_operator)op, 0.2, 7);
            gref_modes z = {0};
            ck_ok(gref_modes_new(&z, &p));
            double most = z.lambda.a[n - 1], least = most;
            for (int k = n - 1; k >= 0 && z.lambda.a[k] > 0; k--)
                least = z.lambda.a[k];
            double root = least > 0 ? most / sqrt(least) : 0;
            double bound =
                4 * sqrt(n) * EPS * (root + fabs(q.mean) + gref_mat_norm_max(gref_const(p.x0)));
            double A = 0; /* no row of A sums up more than this */
            for (int x = 0; x < n; x++)
                A += fabs(q.taps.a[x]);
            ck_assert_bound("x0", gref_mat_diff_max(gref_const(p.x0), gref_const(q.x0)), bound);
            ck_assert_bound("v", gref_mat_diff_max(gref_const(p.v), gref_const(q.v)),
                            2 * fmax(A, 1) * bound);
            gref_mat_free(&u);
            gref_problem_free(&p);
            gref_stationary_free(&q);
            gref_modes_free(&z);
        }
}
END_TEST

/* A case gives the same problem by both readers, also from an image and from a file of v. */
START_TEST(test_case_stationary__reads_the_problem_of_the_case)
{
    const char *sets[] = {"image.crop=[200,100,6,6]", "observation.kind=image", "prior.mean=0.5",
                          "operator.correlate=true"};
    gref_case *c = NULL;
    gref_problem p = {0};
    gref_stationary q = {0};
    gref_mat image = {0};
    char path[4096], why[160];
    snprintf(path, sizeof path, "%s", reference_file("cases/grass-blur.json"));
    ck_ok(gref_case_load(&c, path, sets, 4));
    ck_assert(gref_case_is_stationary(why, sizeof why, c));
    ck_assert_str_eq(why, "");
    ck_ok(gref_case_problem(&p, c));
    ck_ok(gref_case_stationary(&q, &image, c));
    ck_assert(gref_mat_diff_max(gref_const(p.x0), gref_const(q.x0)) == 0);
    ck_assert(gref_mat_diff_max(gref_const(p.image), gref_const(image)) == 0);
    ck_assert(q.mean == 0.5 && q.sigma == p.sigma);
    ck_assert_bound("v of a case", gref_mat_diff_max(gref_const(p.v), gref_const(q.v)), 20 * EPS);
    gref_case_free(c);
    gref_problem_free(&p);
    gref_stationary_free(&q);
    gref_mat_free(&image);
}
END_TEST

/* What is not stationary is refused by the name of the key, and nothing is touched. */
START_TEST(test_case_stationary__names_the_key_that_is_not_stationary)
{
    static const struct {
        const char *file, *set, *says;
    } cases[] = {
        {"grass-blur", "operator.boundary=reflect", "operator.boundary = reflect is not periodic"},
        {"grass-blur", "operator.boundary=valid", "operator.boundary = valid is not periodic"},
        {"brick-motion", NULL,
         "prior.kind = adsn_window is block-Toeplitz, not circulant: a window is no torus"},
        {"grass-patches", NULL, "prior.kind = patches is not stationary"},
        {"grass-inpainting-16", NULL,
         "operator.kind = inpainting does not commute with translations: it has no spectral form"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        gref_case *c = NULL;
        gref_stationary q = {.rows = 42};
        char name[128], path[4096], why[160], tail[200];
        snprintf(name, sizeof name, "cases/%s.json", cases[k].file);
        snprintf(path, sizeof path, "%s", reference_file(name));
        ck_ok(gref_case_load(&c, path, &cases[k].set, cases[k].set != NULL));
        ck_assert(!gref_case_is_stationary(why, sizeof why, c));
        ck_assert_str_eq(why, cases[k].says);
        ck_fails(gref_case_stationary(&q, NULL, c), GREF_ERR_CASE);
        snprintf(tail, sizeof tail, ": %s", cases[k].says);
        const char *message = gref_last_error()->message;
        ck_assert_msg(strstr(message, tail) != NULL, "%s", message);
        ck_assert_int_eq(q.rows, 42);
        gref_case_free(c);
    }
}
END_TEST

/* Documented statuses; *p stays as it was. */
START_TEST(test_stationary__refuses)
{
    gref_stationary q = {0};
    gref_spectral *z = NULL;
    gref_mat u = crop_of("grass", 0, 0, 6, 4), K = fresh(2, 3), k = fresh(3, 3);
    double bad = NAN;
    ck_fails(gref_stationary_convolution(&q, gref_const(k), false), GREF_ERR_SHAPE); /* no prior */
    ck_fails(gref_stationary_super_resolution(&q, 2, GREF_SR_BOX), GREF_ERR_SHAPE);
    ck_fails(gref_stationary_adsn(&q, gref_const(u), &bad), GREF_ERR_NONFINITE);
    ck_ok(gref_stationary_adsn(&q, gref_const(u), NULL));
    ck_fails(gref_stationary_convolution(&q, gref_const(K), false), GREF_ERR_SHAPE);
    ck_fails(gref_stationary_super_resolution(&q, 3, GREF_SR_BOX), GREF_ERR_RANGE);
    ck_assert_ptr_nonnull(
        strstr(gref_last_error()->message, "factor 3 does not divide an image of 6 x 4"));
    ck_fails(gref_stationary_super_resolution(&q, 0, GREF_SR_BOX), GREF_ERR_RANGE);
    ck_fails(gref_stationary_super_resolution(&q, 2, (gref_sr_filter)7), GREF_ERR_RANGE);
    ck_fails(gref_stationary_observe(&q, 1), GREF_ERR_SHAPE); /* no operator */
    ck_ok(gref_stationary_super_resolution(&q, 2, GREF_SR_BOX));
    ck_fails(gref_stationary_observe_from(&q, 1), GREF_ERR_SHAPE); /* no x0 */
    q.sigma = -1;
    ck_fails(gref_stationary_observe(&q, 1), GREF_ERR_RANGE);
    ck_assert(q.v.a == NULL && q.x0.a == NULL);
    q.sigma = 0.5;
    ck_fails(gref_spectral_new(&z, &q), GREF_ERR_SHAPE); /* no v */
    ck_ok(gref_stationary_observe(&q, 1));
    q.v.a[0] = INFINITY;
    ck_fails(gref_spectral_new(&z, &q), GREF_ERR_NONFINITE);
    q.v.a[0] = 0;
    q.sigma = 0; /* the mean frequency of ADSN is not seen: A Sigma A^T is singular */
    ck_fails(gref_spectral_new(&z, &q), GREF_ERR_NOT_PD);
    ck_assert_ptr_null(z);
    gref_stationary_free(&q);
    gref_stationary_free(&q);
    gref_mat_free(&u);
    gref_mat_free(&K);
    gref_mat_free(&k);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stationary");
    TCase *tc = new_tcase(s, "stationary");
    tcase_add_test(tc, test_stationary_adsn__texton_has_the_autocorrelation_of_the_prior);
    tcase_add_test(tc, test_stationary_operators__taps_are_the_first_row_of_A);
    tcase_add_test(tc, test_stationary_observe__is_the_dense_observation);
    tcase_add_test(tc, test_case_stationary__reads_the_problem_of_the_case);
    tcase_add_test(tc, test_case_stationary__names_the_key_that_is_not_stationary);
    tcase_add_test(tc, test_stationary__refuses);
    return run_suite(s);
}
