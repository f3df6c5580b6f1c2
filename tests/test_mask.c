#include "support.h"

#include <math.h>
#include <string.h>

#include <gref/operator.h>
#include <gref/random.h>

static int kept(gref_cmat keep)
{
    int count = 0;
    for (int j = 0; j < keep.n; j++)
        for (int i = 0; i < keep.m; i++) {
            ck_assert(GREF_AT(keep, i, j) == 0 || GREF_AT(keep, i, j) == 1);
            count += GREF_AT(keep, i, j) == 1;
        }
    return count;
}

/*
 * All boxes of a 3 x 5 image, so all corners and both directions: a pixel is missing iff it is in.
 */
START_TEST(test_mask_box__is_its_definition)
{
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 5; j++)
            for (int h = 1; h <= 3 - i; h++)
                for (int w = 1; w <= 5 - j; w++) {
                    gref_mat keep = {0};
                    ck_ok(gref_mask_box(&keep, 3, 5, (const int[4]){i, j, h, w}));
                    ck_assert(keep.m == 3 && keep.n == 5);
                    for (int r = 0; r < 3; r++)
                        for (int c = 0; c < 5; c++) {
                            bool in = r >= i && r < i + h && c >= j && c < j + w;
                            ck_assert(GREF_AT(keep, r, c) == (in ? 0 : 1));
                        }
                    gref_mat_free(&keep);
                }
}
END_TEST

/*
 * The rule, without sorting: with k = round(fraction n), not 0, a pixel is kept iff fewer than
 * k pixels drew a smaller number, the numbers being drawn as one row-major vector. A permuted
 * image, another stream, or k off by one keeps another set. 0.3 x 15 = 4.5 is halfway: 5 are kept.
 */
START_TEST(test_mask_keep__is_its_definition)
{
    const int sizes[][2] = {{3, 5}, {5, 3}, {1, 15}, {15, 1}, {1, 1}, {11, 7}};
    const double fractions[] = {1e-9, 0.1, 0.3, 0.5, 0.9, 1};
    for (int s = 0; s < 6; s++)
        for (int f = 0; f < 6; f++) {
            const int rows = sizes[s][0], cols = sizes[s][1], n = rows * cols;
            const uint64_t seed = (uint64_t)(100 * s + f) << 30;
            int k = (int)floor(fractions[f] * n + 0.5);
            gref_mat keep = {0}, u = fresh(n, 1);
            if (k == 0) {
                ck_fails(gref_mask_keep(&keep, rows, cols, fractions[f], seed), GREF_ERR_RANGE);
                ck_assert_ptr_null(keep.a);
                gref_mat_free(&u);
                continue;
            }
            ck_ok(gref_mask_keep(&keep, rows, cols, fractions[f], seed));
            gref_random_uniform(u, seed, GREF_STREAM_MASK, 0, 0);
            ck_assert_int_eq(kept(gref_const(keep)), k);
            for (int p = 0; p < n; p++) {
                int smaller = 0;
                for (int o = 0; o < n; o++)
                    smaller += u.a[o] < u.a[p];
                ck_assert(GREF_AT(keep, p / cols, p % cols) == (smaller < k ? 1 : 0));
            }
            gref_mat_free(&u);
            gref_mat_free(&keep);
        }
    gref_mat keep = {0};
    ck_ok(gref_mask_keep(&keep, 3, 5, 0.3, 1));
    ck_assert_int_eq(kept(gref_const(keep)), 5);
    gref_mat_free(&keep);
}
END_TEST

/*
 * Masks computed by a Philox4x32-10 written in Python (it meets Random123's known answer): counter
 * (p/2 low, p/2 high, stream 3, 0), key = seed, u = (2 (top 53 bits) + 1) 2^-54:
 *   u = [uniform(p, seed) for p in range(n)]
 *   sorted(sorted(range(n), key=lambda p: u[p])[:round(f*n)])
 */
START_TEST(test_mask_keep__golden)
{
    const int first[] = {5, 6, 7, 8, 9, 14};          /* 3 x 5, 0.4, seed 1 */
    const int second[] = {1, 3, 7, 8, 9, 11, 12, 15}; /* 4 x 4, 0.5, seed 7 2^32 + 11 */
    gref_mat a = {0}, b = {0};
    ck_ok(gref_mask_keep(&a, 3, 5, 0.4, 1));
    ck_ok(gref_mask_keep(&b, 4, 4, 0.5, (UINT64_C(7) << 32) + 11));
    ck_assert_int_eq(kept(gref_const(a)), 6);
    ck_assert_int_eq(kept(gref_const(b)), 8);
    for (int l = 0; l < 6; l++)
        ck_assert(GREF_AT(a, first[l] / 5, first[l] % 5) == 1);
    for (int l = 0; l < 8; l++)
        ck_assert(GREF_AT(b, second[l] / 4, second[l] % 4) == 1);
    gref_mat_free(&a);
    gref_mat_free(&b);
}
END_TEST

/* Every refusal gives its status, names the values, and leaves the output as it was. */
START_TEST(test_masks__refuse)
{
    double one = 1;
    gref_mat keep = {&one, 1, 1, 1};
    const int bad[][4] = {{0, 0, 0, 2},  {0, 0, 2, 0},  {0, 0, -1, 2},
                          {-1, 0, 2, 2}, {0, -1, 2, 2}, {3, 0, 2, 2},
                          {0, 5, 2, 2},  {0, 0, 5, 1},  {0, 0, 1, 7},
                          {4, 0, 1, 1},  {0, 6, 1, 1},  {2147483647, 1, 2147483647, 1}};
    for (int k = 0; k < 12; k++)
        ck_fails(gref_mask_box(&keep, 4, 6, bad[k]), GREF_ERR_RANGE);
    ck_fails(gref_mask_box(&keep, 4, 6, (const int[4]){3, 1, 2, 4}), GREF_ERR_RANGE);
    ck_assert_str_eq(gref_last_error()->message,
                     "a box of 2 x 4 at row 3, column 1 leaves the 4 x 6 image");
    ck_fails(gref_mask_box(&keep, 0, 6, (const int[4]){0, 0, 1, 1}), GREF_ERR_RANGE);
    ck_fails(gref_mask_box(&keep, 2000000000, 2000000000, (const int[4]){0, 0, 1, 1}),
             GREF_ERR_NOMEM);
    const double fractions[] = {0, -0.5, 1.0000001, NAN, INFINITY};
    for (int k = 0; k < 5; k++)
        ck_fails(gref_mask_keep(&keep, 4, 6, fractions[k], 1), GREF_ERR_RANGE);
    ck_fails(gref_mask_keep(&keep, 4, 6, 1.25, 1), GREF_ERR_RANGE);
    ck_assert_ptr_nonnull(strstr(gref_last_error()->message, "1.25"));
    /* once kept one pixel all the same: a share of 0.0001 was studied as one of 1/36 */
    ck_fails(gref_mask_keep(&keep, 6, 6, 0.0078125, 1), GREF_ERR_RANGE);
    ck_assert_str_eq(gref_last_error()->message,
                     "keep = 0.0078125 of 6 x 6 pixels rounds to none: an empty mask");
    ck_fails(gref_mask_keep(&keep, 4, -6, 0.5, 1), GREF_ERR_RANGE);
    ck_fails(gref_mask_keep(&keep, 2000000000, 2000000000, 0.5, 1), GREF_ERR_NOMEM);
    ck_assert(keep.a == &one && one == 1 && keep.m == 1 && keep.n == 1);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("mask");
    TCase *tc = new_tcase(s, "mask");
    tcase_add_test(tc, test_mask_box__is_its_definition);
    tcase_add_test(tc, test_mask_keep__is_its_definition);
    tcase_add_test(tc, test_mask_keep__golden);
    tcase_add_test(tc, test_masks__refuse);
    return run_suite(s);
}
