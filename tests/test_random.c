#include "support.h"

#include <math.h>

#include <Random123/philox.h>

#include <gref/random.h>

/* Random123's published known-answer vector: the generator underneath is Philox4x32-10 itself. */
START_TEST(test_philox__known_answer)
{
    philox4x32_ctr_t c = {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}};
    philox4x32_key_t k = {{0xa4093822, 0x299f31d0}};
    philox4x32_ctr_t r = philox4x32(c, k);
    const uint32_t expected[4] = {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1};
    for (int i = 0; i < 4; i++)
        ck_assert_uint_eq(r.v[i], expected[i]);
}
END_TEST

/* Counter-based: any window of a stream, in any shape, must equal the same window drawn at once. */
START_TEST(test_random_normal__is_a_function_of_index)
{
    gref_mat all = fresh(60, 1), part = padded(7, 3);
    gref_random_normal(all, 5, GREF_STREAM_TEST, 2, 0);
    gref_random_normal(part, 5, GREF_STREAM_TEST, 2, 11);
    for (int j = 0; j < 3; j++)
        for (int i = 0; i < 7; i++)
            ck_assert(GREF_AT(part, i, j) == all.a[11 + 7 * j + i]);
    gref_random_normal(part, 6, GREF_STREAM_TEST, 2, 11);
    ck_assert(GREF_AT(part, 0, 0) != all.a[11]);
    gref_random_normal(part, 5, GREF_STREAM_TEST, 3, 11);
    ck_assert(GREF_AT(part, 0, 0) != all.a[11]);
    gref_mat_free(&all);
    gref_mat_free(&part);
}
END_TEST

/*
 * Monte Carlo, N = 200000, seed 1: the first four moments and the lag-1 product of a standard
 * normal have standard errors sqrt(1, 2, 15, 96, 1)/sqrt(N); each must lie within 5 of them.
 */
START_TEST(test_random_normal__moments)
{
    enum { N = 200000 };
    gref_mat z = fresh(N, 1);
    gref_random_normal(z, 1, GREF_STREAM_TEST, 0, 0);
    double s[5] = {0};
    for (int i = 0; i < N; i++) {
        double x = z.a[i];
        s[0] += x;
        s[1] += x * x - 1;
        s[2] += x * x * x;
        s[3] += x * x * x * x - 3;
        s[4] += i > 0 ? x * z.a[i - 1] : 0;
    }
    const double variance[5] = {1, 2, 15, 96, 1};
    for (int k = 0; k < 5; k++)
        ck_assert_bound("moment z-score", fabs(s[k] / sqrt(N * variance[k])), 5.0);
    gref_mat_free(&z);
}
END_TEST

/* Uniforms lie strictly inside (0, 1): log(u) in the Box-Muller transform is then always finite. */
START_TEST(test_random_uniform__open_interval_and_mean)
{
    enum { N = 100000 };
    gref_mat u = fresh(N, 1);
    gref_random_uniform(u, 3, GREF_STREAM_TEST, 0, 0);
    double sum = 0;
    for (int i = 0; i < N; i++) {
        ck_assert(u.a[i] > 0 && u.a[i] < 1);
        sum += u.a[i] - 0.5;
    }
    ck_assert_bound("uniform mean z-score", fabs(sum / sqrt(N / 12.0)), 5.0);
    gref_mat_free(&u);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("random");
    TCase *tc = new_tcase(s, "random");
    tcase_add_test(tc, test_philox__known_answer);
    tcase_add_test(tc, test_random_normal__is_a_function_of_index);
    tcase_add_test(tc, test_random_normal__moments);
    tcase_add_test(tc, test_random_uniform__open_interval_and_mean);
    return run_suite(s);
}
