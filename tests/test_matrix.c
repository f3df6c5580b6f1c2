#include "base/internal.h"
#include "support.h"

#include <math.h>

/* Padding is NaN, so an operation that strays outside its block cannot leave a finite result. */
START_TEST(test_mat_operations__respect_leading_dimension)
{
    gref_mat A = padded(5, 4), B = padded(4, 5), d = padded(5, 1);
    for (int j = 0; j < 4; j++)
        for (int i = 0; i < 5; i++)
            GREF_AT(A, i, j) = 10 * i + j;
    for (int i = 0; i < 5; i++)
        GREF_AT(d, i, 0) = i + 1;
    gref_mat_transpose(B, gref_const(A));
    for (int j = 0; j < 4; j++)
        for (int i = 0; i < 5; i++)
            ck_assert(GREF_AT(B, j, i) == 10 * i + j);
    gref_mat_scale_rows(A, gref_const(d));
    gref_mat_scale_cols(B, gref_const(d));
    gref_mat Bt = padded(5, 4);
    gref_mat_transpose(Bt, gref_const(B));
    ck_assert(gref_mat_diff_max(gref_const(A), gref_const(Bt)) == 0);
    gref_mat_axpy(Bt, -1.0, gref_const(A));
    ck_assert(gref_mat_norm_fro(gref_const(Bt)) == 0);
    ck_assert(gref_mat_finite(gref_const(A), NULL, NULL));
    gref_mat_free(&A);
    gref_mat_free(&A);
    gref_mat_free(&B);
    gref_mat_free(&Bt);
    gref_mat_free(&d);
}
END_TEST

/* 3-4-5 triangles are exact at every power of two: an unscaled sum of squares is 0 or inf there. */
START_TEST(test_mat_norm_fro__neither_overflows_nor_underflows)
{
    gref_mat A = fresh(2, 1);
    const double scales[] = {1, 0x1p1020, 0x1p-1060};
    for (int k = 0; k < 3; k++) {
        A.a[0] = 3 * scales[k];
        A.a[1] = 4 * scales[k];
        ck_assert(fabs(gref_mat_norm_fro(gref_const(A)) / (5 * scales[k]) - 1) <= 4 * EPS);
    }
    A.a[1] = NAN;
    ck_assert(isnan(gref_mat_norm_fro(gref_const(A))));
    ck_assert(isnan(gref_mat_norm_max(gref_const(A))));
    ck_assert(isnan(gref_mat_diff_max(gref_const(A), gref_const(A))));
    A.a[1] = INFINITY;
    ck_assert(isinf(gref_mat_norm_fro(gref_const(A))));
    gref_mat_free(&A);
}
END_TEST

/* Sizes beyond one block, so that block edges are covered; the two results are defined
 * entrywise. */
START_TEST(test_mat_symmetrise_and_mirror__match_definition)
{
    const int n = 70;
    gref_mat A = padded(n, n), S = padded(n, n), L = padded(n, n);
    for (int j = 0; j < n; j++)
        for (int i = 0; i < n; i++)
            GREF_AT(A, i, j) = i * 1000 + j;
    gref_mat_copy(S, gref_const(A));
    gref_mat_copy(L, gref_const(A));
    gref_mat_symmetrise(S);
    gref_mat_mirror_lower(L);
    for (int j = 0; j < n; j++)
        for (int i = 0; i < n; i++) {
            ck_assert(GREF_AT(S, i, j) == 0.5 * (GREF_AT(A, i, j) + GREF_AT(A, j, i)));
            ck_assert(GREF_AT(L, i, j) == (i >= j ? GREF_AT(A, i, j) : GREF_AT(A, j, i)));
        }
    gref_mat_free(&A);
    gref_mat_free(&S);
    gref_mat_free(&L);
}
END_TEST

/* A refusal names the entry, and an impossible size never reaches the allocator. */
START_TEST(test_mat_new_and_require__refuse_with_values)
{
    gref_mat A = {0};
    ck_fails(gref_mat_new(&A, -1, 3), GREF_ERR_RANGE);
    ck_assert_ptr_null(A.a);
    ck_fails(gref_mat_new(&A, 2000000000, 2000000000), GREF_ERR_NOMEM);
    ck_assert_ptr_null(A.a);
    ck_ok(gref_mat_new(&A, 0, 0));
    gref_mat_free(&A);
    ck_ok(gref_mat_new(&A, 3, 2));
    GREF_AT(A, 2, 1) = NAN;
    ck_fails(gref_require_finite(gref_const(A), "Sigma"), GREF_ERR_NONFINITE);
    ck_assert_str_eq(gref_last_error()->message, "Sigma (3 x 2) holds nan at row 2, column 1");
    ck_fails(gref_require_shape(gref_const(A), 3, 3, "Sigma"), GREF_ERR_SHAPE);
    ck_assert_str_eq(gref_last_error()->message, "Sigma is 3 x 2, not 3 x 3");
    gref_mat_free(&A);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("matrix");
    TCase *tc = new_tcase(s, "matrix");
    tcase_add_test(tc, test_mat_operations__respect_leading_dimension);
    tcase_add_test(tc, test_mat_norm_fro__neither_overflows_nor_underflows);
    tcase_add_test(tc, test_mat_symmetrise_and_mirror__match_definition);
    tcase_add_test(tc, test_mat_new_and_require__refuse_with_values);
    return run_suite(s);
}
