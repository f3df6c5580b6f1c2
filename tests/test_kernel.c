#include "wide.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include <gref/operator.h>

/* |sum of all entries - 1| */
static double sum_error(gref_cmat K)
{
    quad sum = 0;
    for (int b = 0; b < K.n; b++)
        for (int a = 0; a < K.m; a++)
            sum += GREF_AT(K, a, b);
    return quad_distance(sum, 1);
}

/*
 * 22 digits of exp(-(a^2 + b^2)/4.5) over its sum, computed without binary floating point:
 *   python: getcontext().prec = 40; e = [(-(D(a)/D('1.5'))**2/2).exp() for a in range(-3, 4)]
 *           e[i]*e[j]/sum(e)**2
 * A wrong exponent, centre or normalisation changes the leading digits; ours may differ by one
 * rounding only. The eight symmetries are exact, so one octant stands for all.
 */
START_TEST(test_kernel_gaussian__golden)
{
    const long double octant[4][4] = {
        {1.341965359843280631408e-3L},
        {4.076530817923617014443e-3L, 1.238340720763590626021e-2L},
        {7.939997843478289611462e-3L, 2.411958376255428315408e-2L, 4.697853435039659731355e-2L},
        {9.915857326703657440907e-3L, 3.012171490265725433080e-2L, 5.866908949084946618143e-2L,
         7.326882605600583312692e-2L}};
    gref_mat K = {0};
    ck_ok(gref_kernel_gaussian(&K, 1.5, 7));
    ck_assert(K.m == 7 && K.n == 7);
    for (int b = 0; b < 7; b++)
        for (int a = 0; a < 7; a++) {
            int i = a < 4 ? a : 6 - a, j = b < 4 ? b : 6 - b;
            long double g = i >= j ? octant[i][j] : octant[j][i];
            ck_assert_bound("gaussian golden", (double)fabsl(GREF_AT(K, a, b) - g),
                            (EPS + 30 * long_eps()) * (double)g); /* 3 q + 2 size + 8 */
        }
    gref_mat_free(&K);
}
END_TEST

/*
 * The definition as one two-dimensional exponential over its two-dimensional sum, where the library
 * multiplies two normalised one-dimensional ones. std from far below a pixel (identity) to far
 * above the support (mean), where naive squares of std under- and overflow. The bound is the
 * library's, one rounding to double and the long double work before it, plus the same for this
 * route with its size^2 sum.
 */
START_TEST(test_kernel_gaussian__is_its_definition)
{
    const double stds[] = {1e-200, 0.3, 1, 4.7, 1e3, 1e300};
    const int sizes[] = {1, 3, 9, 21};
    for (int s = 0; s < 6; s++)
        for (int l = 0; l < 4; l++) {
            gref_mat K = {0};
            int size = sizes[l], c = size / 2;
            ck_ok(gref_kernel_gaussian(&K, stds[s], size));
            const double work = (2 * size + size * size + 20) * long_eps();
            long double total = 0, d = stds[s];
            for (int a = -c; a <= c; a++)
                for (int b = -c; b <= c; b++)
                    total += expl(-(a / d * (a / d) + b / d * (b / d)) / 2);
            for (int a = -c; a <= c; a++)
                for (int b = -c; b <= c; b++) {
                    long double q = (a / d * (a / d) + b / d * (b / d)) / 2;
                    long double g = expl(-q) / total;
                    double relative = EPS + work + 6 * long_eps() * fmin((double)q, 1e4);
                    ck_assert_bound("gaussian definition",
                                    (double)fabsl(GREF_AT(K, a + c, b + c) - g),
                                    (double)g * relative + DBL_TRUE_MIN);
                }
            ck_assert_bound("gaussian sum", sum_error(gref_const(K)),
                            EPS + 2 * (size + 2) * long_eps());
            gref_mat_free(&K);
        }
}
END_TEST

/* Weight of a point at distance (dr, dc) by the hat function: bilinear, written without a floor. */
static long double hat(long double dr, long double dc)
{
    return fmaxl(0, 1 - fabsl(dr)) * fmaxl(0, 1 - fabsl(dc));
}

/*
 * Every pixel asks every point for its weight, where the library has every point hand it out; the
 * points are all taken, none mirrored. Lengths with and without integer 16 length, angles in every
 * quadrant and beyond a turn. A wrong direction, point count or end of the segment moves the
 * weights by a pixel's worth. The bound is the library's: one rounding to double, and before it at
 * most 47 points per pixel whose places err by 3.5 length eps_L in each direction, which makes
 * (21 + 51 k) eps_L; and that again for this route.
 */
START_TEST(test_kernel_motion__is_its_definition)
{
    const double lengths[] = {0, 0.02, 0.5, 1, 2, 3.7, 9, 15};
    const double angles[] = {0, 30, 45, 90, 135, -77.3, 400, 1e6, -90};
    for (int l = 0; l < 8; l++)
        for (int g = 0; g < 9; g++) {
            gref_mat K = {0};
            ck_ok(gref_kernel_motion(&K, lengths[l], angles[g]));
            const int c = K.m / 2, last = (int)floor(16 * lengths[l] + 0.5);
            const long double turn = fmod(angles[g], 360) * acosl(-1) / 180;
            for (int b = 0; b < K.n; b++)
                for (int a = 0; a < K.m; a++) {
                    long double k = 0;
                    for (int j = 0; j <= last; j++) {
                        long double s = last > 0 ? lengths[l] * ((long double)j / last - 0.5L) : 0;
                        k += hat(a - c + s * sinl(turn), b - c - s * cosl(turn)) / (last + 1);
                    }
                    ck_assert_bound("motion definition", (double)fabsl(GREF_AT(K, a, b) - k),
                                    EPS * (double)k + (42 + 102 * (double)k) * long_eps());
                    ck_assert(GREF_AT(K, a, b) == GREF_AT(K, K.m - 1 - a, K.n - 1 - b));
                }
            ck_assert_bound("motion sum", sum_error(gref_const(K)), EPS + 55 * long_eps());
            gref_mat_free(&K);
        }
}
END_TEST

/*
 * By hand: 33 points from -1 to 1 in steps of 1/16. The middle pixel collects 1 + 2 sum_{k<16}
 * (1 - k/16) = 16, each neighbour sum_{k<=16} k/16 = 8.5. At 90 degrees the row becomes a column
 * without a trace of cos 90 elsewhere, wherever the multiple of 90 lies.
 */
START_TEST(test_kernel_motion__right_angles_are_exact)
{
    const double angles[] = {0, 90, 180, -90, 270, 360, 90000090, 9e16};
    const double expected[] = {0, 8.5 / 33, 16.0 / 33, 8.5 / 33, 0};
    for (int g = 0; g < 8; g++) {
        gref_mat K = {0};
        ck_ok(gref_kernel_motion(&K, 2, angles[g]));
        ck_assert(K.m == 5 && K.n == 5);
        bool row = fmod(angles[g], 180) == 0;
        for (int b = 0; b < 5; b++)
            for (int a = 0; a < 5; a++)
                ck_assert(GREF_AT(K, a, b) == (row      ? a == 2 ? expected[b] : 0
                                               : b == 2 ? expected[a]
                                                        : 0));
        gref_mat_free(&K);
    }
}
END_TEST

/*
 * Counter-clockwise seen on the screen, where rows go down: at 45 degrees the upper right is hit.
 */
START_TEST(test_kernel_motion__turns_counter_clockwise)
{
    gref_mat K = {0};
    ck_ok(gref_kernel_motion(&K, 5, 45));
    const int c = K.m / 2;
    ck_assert(GREF_AT(K, c - 1, c + 1) > 0.1 && GREF_AT(K, c + 1, c - 1) > 0.1);
    ck_assert(GREF_AT(K, c - 1, c - 1) < 0.01 && GREF_AT(K, c + 1, c + 1) < 0.01);
    gref_mat_free(&K);
}
END_TEST

/* The smallest odd integer >= length + 2, also where length + 2 is not a double. */
START_TEST(test_kernel_motion__support)
{
    const double lengths[] = {0, 0.5, 1, nextafter(1, 2), 2, 3, nextafter(3, 4), 8, 9};
    const int sizes[] = {3, 3, 3, 5, 5, 5, 7, 11, 11};
    for (int l = 0; l < 9; l++) {
        gref_mat K = {0};
        ck_ok(gref_kernel_motion(&K, lengths[l], 10));
        ck_assert_int_eq(K.m, sizes[l]);
        ck_assert_int_eq(K.n, sizes[l]);
        gref_mat_free(&K);
    }
}
END_TEST

/* Every refusal gives its status, names the value, and leaves the output as it was. */
START_TEST(test_kernels__refuse)
{
    double one = 1;
    gref_mat K = {&one, 1, 1, 1};
    const double stds[] = {0, -1.5, NAN, INFINITY};
    for (int s = 0; s < 4; s++)
        ck_fails(gref_kernel_gaussian(&K, stds[s], 3), GREF_ERR_RANGE);
    ck_fails(gref_kernel_gaussian(&K, 1, 6), GREF_ERR_RANGE);
    ck_assert_ptr_nonnull(strstr(gref_last_error()->message, "size = 6"));
    ck_fails(gref_kernel_gaussian(&K, 1, -3), GREF_ERR_RANGE);
    ck_fails(gref_kernel_gaussian(&K, 1, 2147483647), GREF_ERR_NOMEM);
    const double lengths[] = {-1, NAN, INFINITY, 1e300, 2147483647.0};
    for (int l = 0; l < 5; l++)
        ck_fails(gref_kernel_motion(&K, lengths[l], 0), GREF_ERR_RANGE);
    ck_fails(gref_kernel_motion(&K, -0.25, 0), GREF_ERR_RANGE);
    ck_assert_ptr_nonnull(strstr(gref_last_error()->message, "length = -0.25"));
    ck_fails(gref_kernel_motion(&K, 1, NAN), GREF_ERR_RANGE);
    ck_fails(gref_kernel_motion(&K, 1, INFINITY), GREF_ERR_RANGE);
    ck_fails(gref_kernel_motion(&K, 2e9, 0), GREF_ERR_NOMEM);
    ck_assert(K.a == &one && one == 1 && K.m == 1 && K.n == 1);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("kernel");
    TCase *tc = new_tcase(s, "kernel");
    tcase_add_test(tc, test_kernel_gaussian__golden);
    tcase_add_test(tc, test_kernel_gaussian__is_its_definition);
    tcase_add_test(tc, test_kernel_motion__is_its_definition);
    tcase_add_test(tc, test_kernel_motion__right_angles_are_exact);
    tcase_add_test(tc, test_kernel_motion__turns_counter_clockwise);
    tcase_add_test(tc, test_kernel_motion__support);
    tcase_add_test(tc, test_kernels__refuse);
    return run_suite(s);
}
