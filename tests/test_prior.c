#include "wide.h"

#include <math.h>
#include <string.h>

#include <gref/prior.h>
#include <gref/random.h>

/* M x N pixels in (0, 255), not integers; the padding is NaN. */
static gref_mat random_image(int M, int N, uint64_t seed)
{
    gref_mat u = padded(M, N);
    gref_random_uniform(u, seed, GREF_STREAM_TEST, 0, 0);
    for (int j = 0; j < N; j++)
        for (int i = 0; i < M; i++)
            GREF_AT(u, i, j) *= 255;
    return u;
}

static const int shapes[][2] = {{1, 1}, {1, 8}, {9, 1}, {2, 2}, {5, 7}, {6, 4}, {4, 6}, {3, 11}};
enum { SHAPES = 8 };

static quad mean_of(gref_cmat u)
{
    quad sum = 0;
    for (int j = 0; j < u.n; j++)
        for (int i = 0; i < u.m; i++)
            sum += GREF_AT(u, i, j);
    return sum / ((quad)u.m * u.n);
}

static bool exactly_symmetric(gref_cmat S)
{
    for (int j = 0; j < S.n; j++)
        for (int i = 0; i < S.m; i++)
            if (GREF_AT(S, i, j) != GREF_AT(S, j, i))
                return false;
    return true;
}

/*
 * What long double leaves in a mean or covariance over M x N or fewer pixels before it is rounded
 * to double: each column and then the columns are summed, every operand has a few roundings itself.
 */
static double summed(int M, int N)
{
    return (M + N + 8) * long_eps();
}

/*
 * gamma from raw moments, (1/MN) sum u(x) u(x + d) - m_u^2, in quadruple precision, where the
 * library centres first. Every entry of Gamma is compared, on both sides of the diagonal, for
 * shapes where M and N cannot be exchanged. The bound is the documented one: a rounding to double,
 * and the sums.
 */
START_TEST(test_prior_adsn__is_its_definition)
{
    for (int s = 0; s < SHAPES; s++) {
        const int M = shapes[s][0], N = shapes[s][1], n = M * N;
        gref_mat u = random_image(M, N, (uint64_t)s), mu = {0}, Sigma = {0};
        ck_ok(gref_prior_adsn(&mu, &Sigma, gref_const(u), NULL));
        ck_assert(mu.m == n && mu.n == 1 && Sigma.m == n && Sigma.n == n);
        const quad m_u = mean_of(gref_const(u));
        for (int p = 0; p < n; p++) {
            ck_assert_bound("adsn mean", quad_distance(mu.a[p], m_u),
                            EPS * (double)m_u + 255 * summed(M, N));
            for (int q = 0; q < n; q++) {
                quad sum = 0;
                for (int i = 0; i < M; i++)
                    for (int j = 0; j < N; j++)
                        sum += (quad)GREF_AT(u, (i + p / N) % M, (j + p % N) % N) *
                               GREF_AT(u, (i + q / N) % M, (j + q % N) % N);
                quad gamma = sum / n - m_u * m_u;
                ck_assert_bound("adsn covariance", quad_distance(GREF_AT(Sigma, p, q), gamma),
                                EPS * (double)quad_abs(gamma) +
                                    summed(M, N) * GREF_AT(Sigma, 0, 0) + 0x1p-80);
            }
        }
        ck_assert(exactly_symmetric(gref_const(Sigma)));
        gref_mat_free(&u);
        gref_mat_free(&mu);
        gref_mat_free(&Sigma);
    }
}
END_TEST

/*
 * THEORY section 2: Gamma e = |DFT(t)|^2 e for every wave e, by a plain DFT; the sum over the first
 * column is that eigenvalue. Each gamma(d) bears one rounding, so by Parseval the vector of all n
 * eigenvalue errors has norm <= sqrt(n) eps |gamma|; the waves err by 4 eps_L each, which adds
 * 24 n eps_L |gamma|. Another period (a Toeplitz Gamma), another normalisation or an uncentred u
 * changes eigenvalues altogether.
 */
START_TEST(test_prior_adsn__eigenvalues_are_the_periodogram)
{
    for (int s = 0; s < SHAPES; s++) {
        const int M = shapes[s][0], N = shapes[s][1], n = M * N;
        gref_mat u = random_image(M, N, (uint64_t)(50 + s)), mu = {0}, Sigma = {0};
        ck_ok(gref_prior_adsn(&mu, &Sigma, gref_const(u), NULL));
        const quad m_u = mean_of(gref_const(u));
        double errors = 0;
        for (int k = 0; k < M; k++)
            for (int l = 0; l < N; l++) {
                quad re = 0, im = 0, lambda = 0, odd = 0; /* of sqrt(n) DFT(t), and of DFT(gamma) */
                for (int i = 0; i < M; i++)
                    for (int j = 0; j < N; j++) {
                        long double turn =
                            (long double)(k * i % M) / M + (long double)(l * j % N) / N;
                        long double c = cosl(2 * acosl(-1) * turn), s_ = sinl(2 * acosl(-1) * turn);
                        re += (GREF_AT(u, i, j) - m_u) * c;
                        im += (GREF_AT(u, i, j) - m_u) * s_;
                        lambda += (quad)GREF_AT(Sigma, i * N + j, 0) * c;
                        odd += (quad)GREF_AT(Sigma, i * N + j, 0) * s_;
                    }
                double err = quad_distance(lambda, (re * re + im * im) / n);
                errors += err * err + (double)(odd * odd);
            }
        const double norm = gref_mat_norm_fro(gref_cmat_view(gref_const(Sigma), 0, 0, n, 1));
        ck_assert_bound("adsn periodogram", sqrt(errors),
                        (EPS * sqrt(n) + (24 * n + sqrt(n) * (M + N + 8)) * long_eps()) * norm);
        gref_mat_free(&u);
        gref_mat_free(&mu);
        gref_mat_free(&Sigma);
    }
}
END_TEST

/*
 * Integers whose mean is an integer on 2^k pixels: nothing is rounded, so the constant image lies
 * in the kernel of Gamma exactly, and the diagonal is the empirical variance exactly.
 */
START_TEST(test_prior_adsn__constants_and_variance_exact)
{
    const int M = 4, N = 8;
    gref_mat u = fresh(M, N), mu = {0}, Sigma = {0};
    gref_random_uniform(u, 9, GREF_STREAM_TEST, 0, 0);
    double sum = 0, variance = 0;
    for (int p = 0; p < M * N; p++) {
        u.a[p] = floor(256 * u.a[p]);
        sum += u.a[p];
    }
    u.a[5] += 32 * ceil(sum / 32) - sum;
    const double m_u = ceil(sum / 32);
    for (int p = 0; p < M * N; p++)
        variance += (u.a[p] - m_u) * (u.a[p] - m_u) / (M * N);
    ck_ok(gref_prior_adsn(&mu, &Sigma, gref_const(u), NULL));
    for (int p = 0; p < M * N; p++) {
        double row = 0;
        for (int q = 0; q < M * N; q++)
            row += GREF_AT(Sigma, p, q);
        ck_assert(row == 0);
        ck_assert(GREF_AT(Sigma, p, p) == variance);
        ck_assert(mu.a[p] == m_u);
    }
    gref_mat_free(&u);
    gref_mat_free(&mu);
    gref_mat_free(&Sigma);
}
END_TEST

/*
 * 0.1 has no finite binary expansion, and the sum of 43 x 129 of them is not exact in 64 bits: a
 * plain sum leaves a mean next to 0.1 and a Sigma above 0.
 */
START_TEST(test_priors__constant_image_has_zero_covariance)
{
    gref_mat u = padded(43, 129), mu = {0}, Sigma = {0};
    gref_mat_fill(u, 0.1);
    ck_ok(gref_prior_adsn_window(&mu, &Sigma, gref_const(u), (const int[4]){3, 2, 2, 3}, NULL));
    ck_assert(gref_mat_norm_max(gref_const(Sigma)) == 0 && mu.a[0] == 0.1 && mu.a[5] == 0.1);
    gref_mat_free(&mu);
    gref_mat_free(&Sigma);
    ck_ok(gref_prior_patches(&mu, &Sigma, gref_const(u), 2, 3, 1));
    ck_assert(gref_mat_norm_max(gref_const(Sigma)) == 0 && mu.a[0] == 0.1 && mu.a[5] == 0.1);
    gref_mat_free(&mu);
    gref_mat_free(&Sigma);
    gref_mat_free(&u);
}
END_TEST

/*
 * The law seen through a window is the marginal of the whole law: its Sigma is the submatrix, bit
 * for bit, for every window of a 4 x 5 image. A given mean replaces m_u and nothing else.
 */
START_TEST(test_prior_adsn_window__is_the_marginal)
{
    const int M = 4, N = 5;
    gref_mat u = random_image(M, N, 4), mu = {0}, Sigma = {0}, mu_w = {0}, Sigma_w = {0};
    ck_ok(gref_prior_adsn(&mu, &Sigma, gref_const(u), NULL));
    for (int i = 0; i < M; i++)
        for (int j = 0; j < N; j++)
            for (int h = 1; h <= M - i; h++)
                for (int w = 1; w <= N - j; w++) {
                    const double mean = -3.25;
                    const double *given = (h + w) % 2 == 0 ? &mean : NULL;
                    ck_ok(gref_prior_adsn_window(&mu_w, &Sigma_w, gref_const(u),
                                                 (const int[4]){i, j, h, w}, given));
                    ck_assert(mu_w.m == h * w && Sigma_w.m == h * w && Sigma_w.n == h * w);
                    for (int p = 0; p < h * w; p++) {
                        int P = (i + p / w) * N + j + p % w;
                        ck_assert(mu_w.a[p] == (given != NULL ? mean : mu.a[P]));
                        for (int q = 0; q < h * w; q++)
                            ck_assert(GREF_AT(Sigma_w, p, q) ==
                                      GREF_AT(Sigma, P, (i + q / w) * N + j + q % w));
                    }
                    gref_mat_free(&mu_w);
                    gref_mat_free(&Sigma_w);
                }
    gref_mat_free(&u);
    gref_mat_free(&mu);
    gref_mat_free(&Sigma);
}
END_TEST

/*
 * The patches are cut out one by one and their raw moments E xy - E x E y taken in quadruple
 * precision, where the library centres first and never holds a patch. The bound is the documented
 * one. Patches that are not square, strides that leave pixels over, one patch only.
 */
START_TEST(test_prior_patches__is_its_definition)
{
    const int cases[][5] = {{5, 7, 2, 3, 1}, {5, 7, 3, 2, 2}, {8, 6, 2, 2, 3}, {4, 4, 4, 4, 1},
                            {1, 9, 1, 4, 2}, {9, 1, 2, 1, 1}, {6, 5, 1, 1, 1}, {6, 6, 3, 3, 100}};
    for (int c = 0; c < 8; c++) {
        const int M = cases[c][0], N = cases[c][1], p = cases[c][2], q = cases[c][3];
        const int stride = cases[c][4], n = p * q;
        gref_mat u = random_image(M, N, (uint64_t)(20 + c)), mu = {0}, Sigma = {0};
        quad *first = calloc((size_t)n, sizeof *first);
        quad *second = calloc((size_t)n * n, sizeof *second);
        ck_assert(first != NULL && second != NULL);
        int patches = 0;
        for (int i = 0; i + p <= M; i += stride)
            for (int j = 0; j + q <= N; j += stride, patches++) {
                gref_mat x = fresh(n, 1);
                gref_image_flatten(x, gref_cmat_view(gref_const(u), i, j, p, q));
                for (int a = 0; a < n; a++) {
                    first[a] += x.a[a];
                    for (int b = 0; b < n; b++)
                        second[a * n + b] += (quad)x.a[a] * x.a[b];
                }
                gref_mat_free(&x);
            }
        ck_ok(gref_prior_patches(&mu, &Sigma, gref_const(u), p, q, stride));
        ck_assert(mu.m == n && mu.n == 1 && Sigma.m == n && Sigma.n == n);
        for (int a = 0; a < n; a++) {
            quad mean = first[a] / patches;
            ck_assert_bound("patches mean", quad_distance(mu.a[a], mean),
                            EPS * (double)mean + 255 * summed(M, N));
            for (int b = 0; b < n; b++) {
                quad S = second[a * n + b] / patches - mean * (first[b] / patches);
                ck_assert_bound(
                    "patches covariance", quad_distance(GREF_AT(Sigma, a, b), S),
                    EPS * (double)quad_abs(S) +
                        summed(M, N) * sqrt(GREF_AT(Sigma, a, a) * GREF_AT(Sigma, b, b)) + 0x1p-80);
                ck_assert(patches > 1 || GREF_AT(Sigma, a, b) == 0);
            }
        }
        ck_assert(exactly_symmetric(gref_const(Sigma)));
        free(first);
        free(second);
        gref_mat_free(&u);
        gref_mat_free(&mu);
        gref_mat_free(&Sigma);
    }
}
END_TEST

/* Entry i cols + j holds pixel (i, j): the value says where it came from. And back, bit for bit. */
START_TEST(test_image_flatten__is_row_major)
{
    gref_mat image = padded(3, 5), x = padded(15, 1), back = padded(3, 5);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 5; j++)
            GREF_AT(image, i, j) = 100 * i + j;
    gref_image_flatten(x, gref_const(image));
    for (int p = 0; p < 15; p++)
        ck_assert(x.a[p] == 100 * (p / 5) + p % 5);
    gref_image_unflatten(back, gref_const(x));
    ck_assert(gref_mat_diff_max(gref_const(back), gref_const(image)) == 0);
    gref_mat_free(&image);
    gref_mat_free(&x);
    gref_mat_free(&back);
}
END_TEST

/* An allocation beyond the address space must fail by NULL under ASan too, not abort. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

/* Every refusal gives its status, names the values, and leaves both outputs as they were. */
START_TEST(test_priors__refuse)
{
    double one = 1, nan = NAN;
    gref_mat mu = {&one, 1, 1, 1}, Sigma = mu, u = random_image(4, 6, 1);
    const int bad[][4] = {{0, 0, 0, 2},  {0, 0, 2, -1}, {-1, 0, 2, 2},
                          {0, -1, 2, 2}, {3, 0, 2, 2},  {0, 5, 2, 2},
                          {0, 0, 5, 1},  {0, 0, 1, 7},  {2147483647, 0, 1, 1}};
    for (int k = 0; k < 9; k++)
        ck_fails(gref_prior_adsn_window(&mu, &Sigma, gref_const(u), bad[k], NULL), GREF_ERR_RANGE);
    ck_fails(gref_prior_adsn_window(&mu, &Sigma, gref_const(u), (const int[4]){3, 1, 2, 5}, NULL),
             GREF_ERR_RANGE);
    ck_assert_str_eq(gref_last_error()->message,
                     "a window of 2 x 5 at row 3, column 1 leaves the 4 x 6 image");
    ck_fails(gref_prior_adsn(&mu, &Sigma, (gref_cmat){0}, NULL), GREF_ERR_RANGE);
    ck_fails(gref_prior_adsn(&mu, &Sigma, gref_const(u), &nan), GREF_ERR_NONFINITE);

    const int patch[][3] = {{0, 2, 1}, {2, -2, 1}, {5, 2, 1}, {2, 7, 1}, {2, 2, 0}, {2, 2, -1}};
    for (int k = 0; k < 6; k++)
        ck_fails(
            gref_prior_patches(&mu, &Sigma, gref_const(u), patch[k][0], patch[k][1], patch[k][2]),
            GREF_ERR_RANGE);
    ck_fails(gref_prior_patches(&mu, &Sigma, gref_const(u), 5, 2, 1), GREF_ERR_RANGE);
    ck_assert_str_eq(gref_last_error()->message, "no patch of 5 x 2 fits in an image of 4 x 6");

    GREF_AT(u, 3, 2) = 1e200; /* finite, but its square is not */
    ck_fails(gref_prior_adsn(&mu, &Sigma, gref_const(u), NULL), GREF_ERR_NONFINITE);
    ck_fails(gref_prior_patches(&mu, &Sigma, gref_const(u), 1, 1, 1), GREF_ERR_NONFINITE);
    GREF_AT(u, 3, 2) = NAN;
    ck_fails(gref_prior_adsn(&mu, &Sigma, gref_const(u), NULL), GREF_ERR_NONFINITE);
    ck_assert_ptr_nonnull(strstr(gref_last_error()->message, "row 3, column 2"));
    ck_fails(gref_prior_patches(&mu, &Sigma, gref_const(u), 1, 1, 1), GREF_ERR_NONFINITE);

    gref_mat wide = fresh(1, 5000000); /* n^2 doubles are more than a process can address */
    ck_fails(gref_prior_adsn(&mu, &Sigma, gref_const(wide), NULL), GREF_ERR_NOMEM);
    ck_fails(gref_prior_patches(&mu, &Sigma, gref_const(wide), 1, 5000000, 1), GREF_ERR_NOMEM);
    gref_mat_free(&wide);
    ck_assert(mu.a == &one && Sigma.a == &one && one == 1 && mu.m == 1 && Sigma.n == 1);
    gref_mat_free(&u);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("prior");
    TCase *tc = new_tcase(s, "prior");
    tcase_add_test(tc, test_prior_adsn__is_its_definition);
    tcase_add_test(tc, test_prior_adsn__eigenvalues_are_the_periodogram);
    tcase_add_test(tc, test_prior_adsn__constants_and_variance_exact);
    tcase_add_test(tc, test_priors__constant_image_has_zero_covariance);
    tcase_add_test(tc, test_prior_adsn_window__is_the_marginal);
    tcase_add_test(tc, test_prior_patches__is_its_definition);
    tcase_add_test(tc, test_image_flatten__is_row_major);
    tcase_add_test(tc, test_priors__refuse);
    return run_suite(s);
}
