/*
 * The square-root posterior: the decomposition itself, agreement with the textbook route, and the
 * standard deviations that the textbook route cannot reach. Bounds in u = EPS; constants of dsyevd
 * and dgesdd as in test_lapack.c.
 */
#include "dense.h"
#include "dense/internal.h"
#include "plain.h"
#include "toy.h"

#include <math.h>
#include <string.h>

#include <gref/modes.h>

static const struct {
    int n, m, zeros;
} shapes[] = {{1, 1, 0}, {5, 2, 0}, {5, 2, 2},   {6, 6, 0},   {6, 6, 2},
              {4, 9, 0}, {4, 9, 1}, {30, 12, 0}, {30, 12, 10}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

/* |op(A) diag(d)^2 op(A)^T - C|_F, d NULL for ones. */
static double square_distance(gref_cmat A, const gref_mat *d, gref_cmat C)
{
    gref_mat B = fresh(A.m, A.n);
    gref_mat_copy(B, A);
    if (d != NULL)
        gref_mat_scale_cols(B, gref_const(*d));
    gref_mat P = plain_product(gref_const(B), false, gref_const(B), true);
    double err = gref_mat_diff_fro(gref_const(P), C);
    FREE_ALL(&B, &P);
    return err;
}

/*
 * U orthogonal, U diag(lambda) U^T = Sigma, B = A U, r = v - A mu, X orthogonal and rho descending:
 * with the posterior below, these are what gref_modes promises of its fields. Worst ratios 0.65,
 * 0.64, 0.64, 0.60, 0.59.
 */
START_TEST(test_modes_new__decomposes_the_problem)
{
    const double kappas[] = {1, 1e4, 1e8};
    for (int i = 0; i < SHAPES; i++)
        for (int k = 0; k < 3; k++) {
            int n = shapes[i].n, m = shapes[i].m;
            gref_problem p = dense_problem(n, m, kappas[k], shapes[i].zeros, 0.3, 400 + i);
            gref_modes z = {0};
            ck_ok(gref_modes_new(&z, &p));
            ck_assert(z.n == n && z.m == m && z.sigma == 0.3);
            ck_assert(gref_mat_diff_max(gref_const(z.mu), gref_const(p.mu)) == 0.0);
            ck_assert_bound("U^T U - I", orthogonality(gref_const(z.U)), 6 * (n + 1) * EPS);
            ck_assert_bound("X^T X - I", orthogonality(gref_const(z.X)), 6 * (n + 1) * EPS);
            gref_mat root = fresh(n, 1);
            for (int j = 0; j < n; j++) {
                ck_assert(j < shapes[i].zeros ? z.lambda.a[j] == 0.0 : z.lambda.a[j] > 0.0);
                ck_assert(j == 0 ||
                          (z.lambda.a[j] >= z.lambda.a[j - 1] && z.rho.a[j] <= z.rho.a[j - 1]));
                ck_assert(z.rho.a[j] >= 0.0);
                root.a[j] = sqrt(z.lambda.a[j]);
            }
            ck_assert_bound("U lambda U^T - Sigma",
                            square_distance(gref_const(z.U), &root, gref_const(p.Sigma)),
                            4 * (n + 1) * EPS * gref_mat_norm_fro(gref_const(p.Sigma)));
            gref_mat B = plain_product(gref_const(p.A), false, gref_const(z.U), false);
            double a = gref_mat_norm_fro(gref_const(p.A));
            ck_assert_bound("B - A U", gref_mat_diff_fro(gref_const(z.B), gref_const(B)),
                            3 * EPS * a);
            gref_mat r = plain_product(gref_const(p.A), false, gref_const(p.mu), false);
            for (int j = 0; j < m; j++)
                r.a[j] = p.v.a[j] - r.a[j];
            ck_assert_bound(
                "r", gref_mat_diff_fro(gref_const(z.r), gref_const(r)),
                2 * EPS *
                    (gref_mat_norm_fro(gref_const(p.v)) + a * gref_mat_norm_fro(gref_const(p.mu))));
            FREE_ALL(&root, &B, &r);
            gref_modes_free(&z);
            gref_modes_free(&z);
            gref_problem_free(&p);
        }
}
END_TEST

/*
 * Two routes that share no formula: S S^T of the whitened singular value decomposition, and Sigma
 * minus what Cholesky of K explains. Errors of the first: dSigma = n u |Sigma| of dsyevd, which
 * acts by I - G A on both sides; of the second and of F's decomposition: G dK G^T, dK = (m + n) u
 * |K|. Both appear as |G A| and |G|^2 |K|, G = Sigma A^T K^-1, which grow with cond(K) only where
 * the problem does. The same for the mean, with K^-1 r. Sigma_post is symmetric to the bit. sigma =
 * 0 where K is regular. Worst ratios 0.64 and 0.59.
 */
START_TEST(test_modes_posterior__equals_the_textbook_route)
{
    const double kappas[] = {1, 1e4, 1e8}, sigmas[] = {1, 0.1, 1e-3, 0};
    for (int i = 0; i < SHAPES; i++)
        for (int k = 0; k < 3; k++)
            for (int s = 0; s < 4; s++) {
                int n = shapes[i].n, m = shapes[i].m;
                if (sigmas[s] == 0.0 && m > n - shapes[i].zeros)
                    continue;
                gref_problem p =
                    dense_problem(n, m, kappas[k], shapes[i].zeros, sigmas[s], 410 + i);
                gref_modes z = {0};
                gref_mat mu = padded(n, 1), S = padded(n, n), mu2 = fresh(n, 1), S2 = fresh(n, n);
                ck_ok(gref_modes_new(&z, &p));
                ck_ok(gref_modes_posterior(mu, S, &z));
                check_padding(mu);
                check_padding(S);
                ck_ok(gref_posterior(mu2, S2, gref_const(p.Sigma), gref_const(p.mu),
                                     gref_const(p.A), p.sigma, gref_const(p.v)));
                gref_mat SAt = plain_product(gref_const(p.Sigma), false, gref_const(p.A), true);
                gref_mat K = plain_product(gref_const(p.A), false, gref_const(SAt), false);
                for (int j = 0; j < m; j++)
                    GREF_AT(K, j, j) += p.sigma * p.sigma;
                gref_mat Ki = plain_inverse(gref_const(K));
                gref_mat G = plain_product(gref_const(SAt), false, gref_const(Ki), false);
                gref_mat GA = plain_product(gref_const(G), false, gref_const(p.A), false);
                gref_mat Kr = plain_product(gref_const(Ki), false, gref_const(z.r), false);
                double g = gref_mat_norm_fro(gref_const(G)),
                       ga = 1 + gref_mat_norm_fro(gref_const(GA));
                double size = ga * ga * gref_mat_norm_fro(gref_const(p.Sigma)) +
                              g * g * gref_mat_norm_fro(gref_const(K));
                ck_assert_bound("Sigma_post", gref_mat_diff_fro(gref_const(S), gref_const(S2)),
                                12 * EPS * size);
                double seen =
                    gref_mat_norm_fro(gref_const(p.v)) +
                    gref_mat_norm_fro(gref_const(p.A)) * gref_mat_norm_fro(gref_const(p.mu));
                double mean = gref_mat_norm_fro(gref_const(p.mu)) +
                              g * (seen + gref_mat_norm_fro(gref_const(K)) *
                                              gref_mat_norm_fro(gref_const(Kr)));
                ck_assert_bound("mu_post", gref_mat_diff_fro(gref_const(mu), gref_const(mu2)),
                                4 * EPS * mean * ga);
                for (int c = 0; c < n; c++)
                    for (int r = 0; r < n; r++)
                        ck_assert(GREF_AT(S, r, c) == GREF_AT(S, c, r));
                FREE_ALL(&mu, &S, &mu2, &S2, &SAt, &K, &Ki, &G, &GA, &Kr);
                gref_modes_free(&z);
                gref_problem_free(&p);
            }
}
END_TEST

/*
 * rho of p against the closed form, and what the textbook route gives: its error in *subtraction.
 */
static double rho_error(const gref_problem *p, const double *exact, double *subtraction)
{
    int n = p->Sigma.n;
    double err = 0.0;
    gref_modes z = {0};
    gref_mat mu = fresh(n, 1), S = fresh(n, n), values = fresh(n, 1);
    ck_ok(gref_modes_new(&z, p));
    for (int i = 0; i < n; i++)
        err = fmax(err, fabs(z.rho.a[i] - exact[i]));
    ck_ok(gref_posterior(mu, S, gref_const(p->Sigma), gref_const(p->mu), gref_const(p->A), p->sigma,
                         gref_const(p->v)));
    ck_ok(gref_eigh_values(values, S));
    *subtraction = 0.0;
    for (int i = 0; i < n; i++)
        *subtraction = fmax(*subtraction, fabs(sqrt(fmax(values.a[n - 1 - i], 0.0)) - exact[i]));
    ck_assert(gref_mat_finite(gref_const(z.rho), NULL, NULL));
    FREE_ALL(&mu, &S, &values);
    gref_modes_free(&z);
    return err;
}

static int descending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

/*
 * Sigma = H diag(d) H / n and A = diag(a) H[0:m] / sqrt(n), exact in double and dense: the
 * posterior has the eigenvectors of H and standard deviations sigma sqrt(d/(a^2 d + sigma^2)) where
 * measured, sqrt d where not, 0 in the kernel of Sigma and, for sigma = 0, wherever measured.
 * |Sigma| = 1 and the least d > 0 is 1/16, so that dsyevd's error of d costs sqrt d no more than 2
 * n u; half of it is held. With small sigma the textbook route is off by sqrt(u) or so, a thousand
 * times the bound. So were the kernel's zeros while an eigenvalue of +1e-17 counted as a variance.
 * Worst ratio 0.62.
 */
START_TEST(test_modes_rho__is_accurate_down_to_exact_zeros)
{
    const double sigmas[] = {1, 0.5, 0x1p-10, 0x1p-30, 0};
    for (int n = 16; n <= 64; n *= 4)
        for (int s = 0; s < 5; s++)
            for (int zeros = 0; zeros <= n / 4; zeros += n / 4) {
                int m = n / 2;
                double d[64], exact[64], subtraction, sigma = sigmas[s], root = sqrt(n);
                gref_problem p = dense_problem(n, m, 1, 0, sigma, 420);
                gref_mat H = hadamard(n);
                for (int i = 0; i < n; i++) {
                    d[i] = i < n - zeros ? ldexp(1.0, -2 * (i % 3)) : 0.0;
                    double a = 1 + i % 2;
                    for (int j = 0; j < n && i < m; j++)
                        GREF_AT(p.A, i, j) = a * GREF_AT(H, i, j) / root;
                    exact[i] =
                        i < m ? sigma * sqrt(d[i] / (a * a * d[i] + sigma * sigma)) : sqrt(d[i]);
                }
                gref_mat_free(&p.Sigma);
                p.Sigma = hadamard_times(n, d);
                qsort(exact, n, sizeof *exact, descending);
                double bound = n * EPS;
                ck_assert_bound("rho", rho_error(&p, exact, &subtraction), bound);
                if (sigma < 1e-6)
                    ck_assert_msg(subtraction > 1000 * bound, "the subtraction is as good: %g",
                                  subtraction);
                gref_mat_free(&H);
                gref_problem_free(&p);
            }
}
END_TEST

/*
 * Sigma = I, A = diag(a): nothing to diagonalise, so each rho is right to a few roundings relative
 * to itself (none seen), down to 1e-10, where 1 - a^2/(a^2 + sigma^2) has no digit left.
 */
START_TEST(test_modes_rho__is_relatively_accurate_for_diagonal_problems)
{
    const int n = 5;
    gref_problem p = dense_problem(n, n, 1, 0, 0x1p-33, 430);
    double exact[5], subtraction;
    gref_mat_identity(p.Sigma);
    gref_mat_identity(p.A);
    for (int i = 0; i < n; i++) {
        GREF_AT(p.A, i, i) = i + 1;
        exact[i] = p.sigma / hypot(i + 1, p.sigma);
    }
    ck_assert_bound("rho, diagonal", rho_error(&p, exact, &subtraction), 4 * EPS * exact[0]);
    ck_assert(subtraction > 0.1 * exact[0]);
    gref_problem_free(&p);
}
END_TEST

/*
 * A = 0 and repeated rows: F has null directions, which keep the prior's deviation whatever sigma >
 * 0 is.
 */
START_TEST(test_modes_new__takes_a_of_any_rank)
{
    gref_problem p = dense_problem(6, 4, 10, 1, 0.5, 440),
                 one = dense_problem(6, 1, 10, 1, 0.25, 440);
    gref_mat mu = fresh(6, 1), S = fresh(6, 6), mu1 = fresh(6, 1), S1 = fresh(6, 6);
    gref_modes z = {0};
    gref_mat_fill(p.A, 0.0);
    ck_ok(gref_modes_new(&z, &p));
    ck_ok(gref_modes_posterior(mu, S, &z));
    ck_assert(gref_mat_diff_max(gref_const(mu), gref_const(p.mu)) == 0.0);
    ck_assert_bound("prior", gref_mat_diff_fro(gref_const(S), gref_const(p.Sigma)),
                    4 * 7 * EPS * gref_mat_norm_fro(gref_const(p.Sigma)));
    for (int i = 0; i < 6; i++)
        ck_assert_bound("rho of the prior", fabs(z.rho.a[i] - sqrt(z.lambda.a[5 - i])), 6 * EPS);
    gref_modes_free(&z);
    for (int i = 0; i < 4;
         i++) /* four equal measurements with sigma are one with sigma/2 and their mean */
        for (int j = 0; j < 6; j++)
            GREF_AT(p.A, i, j) = GREF_AT(one.A, 0, j);
    one.v.a[0] = (p.v.a[0] + p.v.a[1] + p.v.a[2] + p.v.a[3]) / 4;
    ck_ok(gref_modes_new(&z, &p));
    ck_ok(gref_modes_posterior(mu, S, &z));
    gref_modes_free(&z);
    ck_ok(gref_modes_new(&z, &one));
    ck_ok(gref_modes_posterior(mu1, S1, &z));
    gref_modes_free(&z);
    ck_assert_bound("repeated rows, S", gref_mat_diff_fro(gref_const(S), gref_const(S1)), 18 * EPS);
    ck_assert_bound("repeated rows, mu", gref_mat_diff_fro(gref_const(mu), gref_const(mu1)),
                    2 * EPS *
                        (gref_mat_norm_fro(gref_const(p.mu)) + gref_mat_norm_fro(gref_const(p.v))));
    FREE_ALL(&mu, &S, &mu1, &S1);
    gref_problem_free(&p);
    gref_problem_free(&one);
}
END_TEST

/*
 * x = U z and C = U P U^T by plain loops, C symmetric to the bit and, where asked, in P's own
 * storage.
 */
START_TEST(test_modes_to_pixels__apply_u)
{
    const int n = 10;
    gref_problem p = dense_problem(n, 3, 10, 0, 0.5, 450);
    gref_modes z = {0};
    ck_ok(gref_modes_new(&z, &p));
    gref_mat x = padded(n, 1), y = noise(n, 1, 451), P = padded(n, n), C = padded(n, n),
             G = noise(n, n, 452);
    ck_ok(gref_modes_to_pixels(x, &z, gref_const(y)));
    gref_mat Uy = plain_product(gref_const(z.U), false, gref_const(y), false);
    ck_assert_bound("U z", gref_mat_diff_fro(gref_const(x), gref_const(Uy)),
                    3 * EPS * gref_mat_norm_fro(gref_const(y)));
    gref_mat_copy(P, gref_const(G));
    gref_mat_symmetrise(P);
    gref_mat UP = plain_product(gref_const(z.U), false, gref_const(P), false);
    gref_mat R = plain_product(gref_const(UP), false, gref_const(z.U), true);
    ck_ok(gref_modes_cov_to_pixels(C, &z, gref_const(P)));
    ck_assert_bound("U P U^T", gref_mat_diff_fro(gref_const(C), gref_const(R)),
                    3 * EPS * gref_mat_norm_fro(gref_const(P)));
    ck_ok(gref_modes_cov_to_pixels(P, &z, gref_const(P)));
    ck_assert(gref_mat_diff_max(gref_const(P), gref_const(C)) == 0.0);
    check_padding(P);
    check_padding(x);
    for (int j = 0; j < n; j++)
        for (int i = 0; i < n; i++)
            ck_assert(GREF_AT(C, i, j) == GREF_AT(C, j, i));
    gref_mat small = fresh(3, 3);
    ck_fails(gref_modes_to_pixels(x, &z, gref_const(small)), GREF_ERR_SHAPE);
    ck_fails(gref_modes_to_pixels(small, &z, gref_const(y)), GREF_ERR_SHAPE);
    ck_fails(gref_modes_cov_to_pixels(small, &z, gref_const(P)), GREF_ERR_SHAPE);
    ck_fails(gref_modes_cov_to_pixels(C, &z, gref_const(small)), GREF_ERR_SHAPE);
    ck_fails(gref_modes_posterior(small, C, &z), GREF_ERR_SHAPE);
    ck_fails(gref_modes_posterior(x, small, &z), GREF_ERR_SHAPE);
    FREE_ALL(&x, &y, &P, &C, &G, &Uy, &UP, &R, &small);
    gref_modes_free(&z);
    gref_problem_free(&p);
}
END_TEST

/*
 * sigma = 0 with a singular A Sigma A^T is refused every time. With a Sigma of rank below m it
 * never was while a zero eigenvalue at 1e-17 counted as a variance: its root of 3e-9 passed for
 * rank. *z stays as it was.
 */
START_TEST(test_modes_new__without_noise_refuses_a_singular_bracket)
{
    gref_modes z = {.n = 7};
    for (uint64_t seed = 1; seed <= 100; seed++)
        for (int kind = 0; kind < 3; kind++) {
            gref_problem p = dense_problem(6, kind == 2 ? 8 : 3, 10, kind == 0 ? 4 : 0, 0.0, seed);
            for (int j = 0; j < 6 && kind == 1; j++)
                GREF_AT(p.A, 2, j) = GREF_AT(p.A, 0, j) - 3 * GREF_AT(p.A, 1, j);
            ck_fails(gref_modes_new(&z, &p), GREF_ERR_NOT_PD);
            ck_assert_ptr_nonnull(strstr(gref_last_error()->message, "A Sigma A^T is singular"));
            gref_problem_free(&p);
        }
    ck_assert(z.n == 7 && z.U.a == NULL);
}
END_TEST

/*
 * A sigma far below rounding with a singular A Sigma A^T: a zero of F that rounding left at 1e-17
 * would pass for a measurement without noise. With a regular one any sigma > 0 is right: d is that
 * of sigma = 0 to rounding.
 */
START_TEST(test_modes_new__takes_a_sigma_below_rounding_only_if_regular)
{
    const double sigmas[] = {1e-20, 1e-160};
    gref_modes z = {0}, exact = {0};
    for (int k = 0; k < 2; k++)
        for (uint64_t seed = 1; seed <= 20; seed++) {
            gref_problem p = dense_problem(6, 3, 10, 4, sigmas[k], seed);
            ck_fails(gref_modes_new(&z, &p), GREF_ERR_NOT_PD);
            ck_assert_ptr_nonnull(strstr(gref_last_error()->message,
                                         k == 0 ? "sigma = 1e-20 and" : "sigma = 1e-160 and"));
            ck_assert_ptr_nonnull(strstr(gref_last_error()->message, "A is 3 x 6, Sigma 6 x 6"));
            gref_problem_free(&p);
            p = dense_problem(6, 3, 10, 0, sigmas[k], seed);
            ck_ok(gref_modes_new(&z, &p));
            ck_ok(gref_modes_measure(&z, &p));
            ck_ok(gref_modes_measure_posterior(
                &z)); /* proves nothing, and says so by infinite bounds */
            ck_assert(isinf(z.errors.post_cov) && isinf(z.errors.post_mean) &&
                      isinf(z.errors.post_w2));
            p.sigma = 0.0;
            ck_ok(gref_modes_new(&exact, &p));
            ck_assert(gref_mat_diff_fro(gref_const(z.d), gref_const(exact.d)) <=
                      1e-15 * gref_mat_norm_fro(gref_const(exact.d)));
            gref_modes_free(&z);
            gref_modes_free(&exact);
            gref_problem_free(&p);
        }
    gref_problem p = dense_problem(6, 3, 10, 0, 1e160, 1);
    ck_fails(gref_modes_new(&z, &p), GREF_ERR_RANGE);
    ck_assert_ptr_nonnull(strstr(gref_last_error()->message,
                                 "A Sigma A^T + sigma^2 I overflows: sigma = 1e+160, A is 3 x 6"));
    p.sigma = 0.5;
    GREF_AT(p.A, 1, 1) = 1e200;
    ck_fails(gref_modes_new(&z, &p), GREF_ERR_RANGE);
    ck_assert_ptr_nonnull(strstr(gref_last_error()->message,
                                 "sigma = 0.5, A is 3 x 6 with entries up to 1e+200, Sigma 6 x 6"));
    ck_assert_ptr_null(z.U.a);
    gref_problem_free(&p);
}
END_TEST

/* One thing wrong at a time; *z stays as it was. */
START_TEST(test_modes_new__refuses)
{
    gref_problem p = dense_problem(4, 3, 10, 0, 0.5, 460);
    gref_mat other = fresh(5, 5), none = fresh(0, 4), nothing = fresh(0, 1);
    gref_modes z = {.n = 7};
    for (int k = 0; k < 13; k++) {
        gref_problem q = p;
        gref_status expected = k < 5 ? GREF_ERR_SHAPE : k < 8 ? GREF_ERR_RANGE : GREF_ERR_NONFINITE;
        q.Sigma = k == 0 ? other : p.Sigma;
        q.mu = k == 1 ? p.v : p.mu;
        q.A = k == 2 ? other : k == 4 ? none : p.A;
        q.v = k == 3 ? p.mu : k == 4 ? nothing : p.v;
        q.sigma = k == 5 ? -0.5 : k == 6 ? NAN : k == 7 ? INFINITY : 0.5;
        double *entry = k == 8    ? q.Sigma.a + 1
                        : k == 9  ? q.mu.a
                        : k == 10 ? q.A.a + 5
                        : k == 11 ? q.v.a
                                  : NULL;
        double kept = entry == NULL ? 0 : *entry, corner = GREF_AT(p.Sigma, 3, 3);
        if (entry != NULL)
            *entry = NAN;
        if (k == 12) {
            GREF_AT(p.Sigma, 3, 3) = -9.0;
            expected = GREF_ERR_NOT_PSD;
        }
        ck_fails(gref_modes_new(&z, &q), expected);
        if (entry != NULL)
            *entry = kept;
        GREF_AT(p.Sigma, 3, 3) = corner;
    }
    GREF_AT(p.Sigma, 0, 3) += 1.0;
    ck_fails(gref_modes_new(&z, &p), GREF_ERR_NOT_SYMMETRIC);
    ck_assert(z.n == 7 && z.U.a == NULL);
    FREE_ALL(&other, &none, &nothing);
    gref_problem_free(&p);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("modes");
    TCase *tc = new_tcase(s, "modes");
    tcase_add_test(tc, test_modes_new__decomposes_the_problem);
    tcase_add_test(tc, test_modes_posterior__equals_the_textbook_route);
    tcase_add_test(tc, test_modes_rho__is_accurate_down_to_exact_zeros);
    tcase_add_test(tc, test_modes_rho__is_relatively_accurate_for_diagonal_problems);
    tcase_add_test(tc, test_modes_new__takes_a_of_any_rank);
    tcase_add_test(tc, test_modes_to_pixels__apply_u);
    tcase_add_test(tc, test_modes_new__without_noise_refuses_a_singular_bracket);
    tcase_add_test(tc, test_modes_new__takes_a_sigma_below_rounding_only_if_regular);
    tcase_add_test(tc, test_modes_new__refuses);
    return run_suite(s);
}
