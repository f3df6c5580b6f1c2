/*
 * The bounds of src/dense/bound.c from both sides: each is held against its formula in long double,
 * at sizes where every term counts by more than 2^-38 of the whole, and over the error itself in
 * quadruple precision.
 */
#include "base/internal.h"
#include "dense.h"
#include "dense/bound.h"
#include "dense/internal.h"
#include "wide.h"

static const long double U = 0x1p-53L;

static long double norm_of(gref_cmat A)
{
    long double sum = 0;
    for (int j = 0; j < A.n; j++)
        for (int i = 0; i < A.m; i++)
            sum += (long double)GREF_AT(A, i, j) * GREF_AT(A, i, j);
    return sqrtl(sum);
}

/* The a-priori constants, for few and many terms. Dot2's come from dot2.c: c u^2 and 2
 * (m + n + 1)^2 u^2. */
START_TEST(test_bound__constants)
{
    static const int sizes[] = {1, 2, 31, 32, 33, 100, 1 << 28};
    for (int q = 0; q < 7; q++) {
        long double k = sizes[q], blocks = (sizes[q] + 31) / 32;
        long double c = (blocks + 1) * (blocks + 32) + 32 * 32, t = k + 3 + 1;
        ck_assert_formula("gamma", gref_gamma_up(sizes[q]), k * U / (1 - k * U));
        ck_assert_formula("Dot2", gref_dot2_error_up(sizes[q]), c * (1 + 0x1p-10L) * U * U);
        ck_assert_formula("inner", gref_inner_error_up(sizes[q], 3),
                          2 * t * t * (1 + 0x1p-10L) * U * U);
    }
    ck_assert_formula("inflate", gref_inflate(3.0), 3.0L);
    ck_assert(gref_inflate(0.0) > 0.0 && gref_inflate(1.0) >= 1.0 + 0x1p-40);
    ck_assert(gref_deflate(1.0) <= 1.0 - 0x1p-40 && gref_deflate(1.0) > 1.0 - 0x1p-38);
    ck_assert(gref_sqrt_down(-1.0) == 0.0 && gref_sqrt_down(0.0) == 0.0);
    ck_assert(gref_sqrt_down(2.0) < sqrtl(2.0L) && gref_sqrt_down(2.0) > 1.41421356237309);
}
END_TEST

/* |A|_F as sharp as its sum allows; |A|_2 by the smaller of two bounds, each of which is the
 * smaller one somewhere. */
START_TEST(test_bound__norms)
{
    SCOPED(gref_mat) A = noise(7, 5, 1);
    SCOPED(gref_mat) I = fresh(9, 9);
    SCOPED(gref_mat) arrow = fresh(9, 9);
    SCOPED(gref_mat) tiny = fresh(3, 3);
    SCOPED(gref_mat) wide = fresh(1, 1 << 17);
    long double a = norm_of(gref_const(A));
    double up = gref_norm_fro_up(gref_const(A));
    ck_assert(up >= a);
    ck_assert_bound("|A|_F", (double)fabsl(up - a * (1 + 2 * (35 + 16) * U)), 8 * EPS * (double)a);
    up = gref_norm_fro_up(gref_const(I));
    ck_assert_bound("|0|_F", fabs(up - sqrt(81 + 16) * 0x1p-536), 4 * EPS * up);
    gref_mat_fill(tiny, 0x1p-1000); /* its squares are no doubles */
    up = gref_norm_fro_up(gref_const(tiny));
    ck_assert(up >= 3 * 0x1p-1000 && up < 0x1p-530);
    long double col = 0, row = 0;
    for (int j = 0; j < 5; j++) {
        long double sum = 0;
        for (int i = 0; i < 7; i++)
            sum += fabs(GREF_AT(A, i, j));
        col = fmaxl(col, sum);
    }
    for (int i = 0; i < 7; i++) {
        long double sum = 0;
        for (int j = 0; j < 5; j++)
            sum += fabs(GREF_AT(A, i, j));
        row = fmaxl(row, sum);
    }
    ck_assert_formula("|A|_2", gref_norm_2_up(gref_const(A)), fminl(a, sqrtl(row * col)));
    gref_mat_identity(I);
    ck_assert_formula("|I|_2", gref_norm_2_up(gref_const(I)), 1.0L);
    for (int k = 0; k < 9; k++) /* sums 9, |.|_F = sqrt 17 */
        GREF_AT(arrow, 0, k) = GREF_AT(arrow, k, 0) = 1.0;
    ck_assert_formula("arrow", gref_norm_2_up(gref_const(arrow)), sqrtl(17.0L));
    gref_mat_fill(
        wide, 1.0); /* so many that their sum may lose 2^-36; |A|_F is taken to lose twice that */
    up = gref_norm_2_up(gref_const(wide));
    long double most = sqrtl(0x1p17L) * (1 + 0x1p-36L);
    ck_assert_formula("a wide row", up, most);
}
END_TEST

/*
 * X = (1 + d) L^-1, exact for L of powers of 2: |I - X L|_F = d sqrt n, and 1/(1 - defect) is what
 * it costs. The rounding term gamma_(n+1) (|I| + |X||L|) stands alone at d = 0.
 */
START_TEST(test_bound__inverse)
{
    enum { N = 4 };
    for (int k = 0; k < 4; k++) {
        gref_mat L = fresh(N, N), X = fresh(N, N);
        long double d = k == 0 ? 0 : ldexpl(1, -48 / k + 10), l2 = 0, x2 = 0;
        for (int i = 0; i < N; i++) {
            GREF_AT(L, i, i) = ldexp(1.0, i);
            GREF_AT(X, i, i) = (1.0 + (double)d) * ldexp(1.0, -i);
            l2 += powl(GREF_AT(L, i, i), 2);
            x2 += powl(GREF_AT(X, i, i), 2);
        }
        long double defect = d * sqrtl(N) + (N + 1) * U / (1 - (N + 1) * U) * (2 + sqrtl(l2 * x2));
        double norm, above;
        ck_ok(gref_inverse_bounds(&norm, &above, gref_const(X), gref_const(L)));
        ck_assert_formula("defect", above, defect);
        if (defect < 0.5)
            ck_assert_formula("|L^-1|", norm, (1 + d) / (1 - defect));
        else
            ck_assert(isinf(norm));
        FREE_ALL(&L, &X);
    }
    gref_mat L = fresh(2, 2),
             X = fresh(2,
                       2); /* [1 0; 3 2]: |L^-1|^2 = (14 + sqrt 180)/8, hence below sqrt(5/2 * 2) */
    double norm, defect;
    GREF_AT(L, 0, 0) = 1;
    GREF_AT(L, 1, 0) = 3;
    GREF_AT(L, 1, 1) = 2;
    ck_ok(gref_triangular_inverse(X, &norm, &defect, gref_const(L)));
    ck_assert(GREF_AT(X, 0, 0) == 1 && GREF_AT(X, 1, 0) == -1.5 && GREF_AT(X, 1, 1) == 0.5);
    ck_assert(norm >= sqrtl((14 + sqrtl(180)) / 16) && norm <= sqrtl(3.5L) * (1 + 1e-9));
    FREE_ALL(&L, &X);
}
END_TEST

/* C - L L^T: the error in quad is below its bound, and the bound is its formula; at 2^-20 and at
 * 2^-50 the residual itself. */
START_TEST(test_bound__residual)
{
    enum { N = 40 };
    SCOPED(gref_mat) L = fresh(N, N);
    SCOPED(gref_mat) C = fresh(N, N);
    SCOPED(gref_mat) R = fresh(N, N);
    SCOPED(gref_mat) H = fresh(N, N);
    SCOPED(gref_mat) low = fresh(N, N);
    gref_random_normal(L, 3, GREF_STREAM_TEST, 0, 0);
    for (int j = 0; j < N; j++)
        for (int i = 0; i < j; i++)
            GREF_AT(L, i, j) = 0.0;
    for (int e = 20; e <= 50; e += 30) {
        double error, residual;
        ck_ok(gref_dot2_lower(H, low, gref_const(L), false, gref_const(L), true));
        gref_mat_copy(C, gref_const(H));
        for (int i = 0; i < N; i++)
            GREF_AT(C, i, i) += ldexp(1.0 + i, -e);
        ck_ok(gref_residual(R, &error, gref_const(C), gref_const(L)));
        quad wrong = 0, whole = 0;
        for (int j = 0; j < N; j++)
            for (int i = 0; i < N; i++) {
                quad truth = GREF_AT(C, i, j);
                for (int k = 0; k < N; k++)
                    truth -= (quad)GREF_AT(L, i, k) * GREF_AT(L, j, k);
                wrong += (truth - GREF_AT(R, i, j)) * (truth - GREF_AT(R, i, j));
                whole += truth * truth;
            }
        long double l = norm_of(gref_const(L)), r = norm_of(gref_const(R));
        ck_assert_bound("residual", sqrt((double)wrong), error);
        ck_assert_formula("residual", error,
                          gref_dot2_error_up(N) * l * l + U * (2 * r + norm_of(gref_const(low))));
        ck_ok(gref_cholesky_residual(&residual, gref_const(C), gref_const(L)));
        ck_assert(residual >= sqrt((double)whole));
        ck_assert_formula("|residual|", residual, r + error);
    }
}
END_TEST

/*
 * 1/|L^-1|^2 - |R| - slack from C = diag(4, 1, 1/4), whose factor is exact: 1/4 - slack. Slack is
 * attained by a perturbation of the least eigenvector. Of a C of condition 2^44 the residual, about
 * u, is what decides.
 */
START_TEST(test_bound__least_eigenvalue)
{
    SCOPED(gref_mat) C = fresh(3, 3);
    double least;
    for (double slack = 0.0; slack <= 0.5; slack += 0.1) {
        for (int i = 0; i < 3; i++)
            GREF_AT(C, i, i) = ldexp(4.0, -2 * i);
        ck_ok(gref_least_eigenvalue_down(&least, gref_const(C), slack));
        ck_assert(least <= 0.25 - slack && least >= 0.25 - slack - 1e-11);
    }
    GREF_AT(C, 2, 2) = -1.0;
    ck_ok(gref_least_eigenvalue_down(&least, gref_const(C), 0.0));
    ck_assert(least == -INFINITY);
    double d[16];
    for (int i = 0; i < 16; i++)
        d[i] = i == 0 ? 0x1p-44 : 1.0;
    SCOPED(gref_mat) S = hadamard_times(16, d), L = fresh(16, 16), X = fresh(16, 16);
    double norm, defect, residual;
    gref_mat_copy(L, gref_const(S));
    ck_ok(gref_cholesky(L));
    ck_ok(gref_triangular_inverse(X, &norm, &defect, gref_const(L)));
    ck_ok(gref_cholesky_residual(&residual, gref_const(S), gref_const(L)));
    ck_ok(gref_least_eigenvalue_down(&least, gref_const(S), 0x1p-60));
    ck_assert(residual > 1e-6 * least && least > 0.0 && least < 0x1p-44);
    ck_assert_bound("1/|L^-1|^2 - |R| - slack",
                    (double)fabsl(least - (1 / ((long double)norm * norm) - residual - 0x1p-60L)),
                    1e-10 * least);
}
END_TEST

/* Below the least eigenvalue, which of a I - b (1 1^T - I) is a - (n - 1) b, b > 0: attained; a
 * negative entry counts as much. */
START_TEST(test_gershgorin_down__is_attained)
{
    enum { ORDER = 5 };
    for (int sign = -1; sign <= 1; sign += 2) {
        gref_mat C = padded(ORDER, ORDER);
        for (int j = 0; j < ORDER; j++)
            for (int i = 0; i < ORDER; i++)
                GREF_AT(C, i, j) = i == j ? 3 : sign * 0.1;
        double least = gref_gershgorin_down(gref_const(C));
        ck_assert(least <= 3 - 4 * 0.1 && least >= (3 - 4 * 0.1) * (1 - 0x1p-48));
        GREF_AT(C, 2, 2) = 1;
        least = gref_gershgorin_down(gref_const(C));
        ck_assert(least <= 1 - 4 * 0.1 && least >= (1 - 4 * 0.1) * (1 - 0x1p-48));
        gref_mat_free(&C);
    }
}
END_TEST

/*
 * Q diag(1 - e, 1, 1) lies e from the orthogonal Q, by columns and by rows; of W = 0, 1 a column,
 * nothing but |W^T W - I| is known, which there is the distance.
 */
START_TEST(test_orthogonal_distance__is_attained)
{
    gref_mat W = fresh(6, 3), V = fresh(3, 6), Q = random_orthogonal(6, 4);
    double by_columns, by_rows;
    for (double e = 1e-9; e <= 1; e *= 10) {
        for (int j = 0; j < 3; j++)
            for (int i = 0; i < 6; i++)
                GREF_AT(W, i, j) = GREF_AT(V, j, i) = GREF_AT(Q, i, j) * (j == 0 ? 1 - e : 1);
        ck_ok(gref_orthogonal_distance(&by_columns, gref_const(W), false));
        ck_ok(gref_orthogonal_distance(&by_rows, gref_const(V), true));
        ck_assert(by_columns >= e * (1 - 1e-6) && by_columns <= e * (1 + 1e-5));
        ck_assert(by_rows >= e * (1 - 1e-6) && by_rows <= e * (1 + 1e-5));
    }
    gref_mat_fill(W, 0.0);
    ck_ok(gref_orthogonal_distance(&by_columns, gref_const(W), false));
    ck_assert(by_columns >= sqrt(3.0) && by_columns <= sqrt(3.0) * (1 + 1e-9));
    gref_mat *all[] = {&W, &V, &Q};
    for (int i = 0; i < 3; i++)
        gref_mat_free(all[i]);
}
END_TEST

/*
 * Products in twice the precision against quad: below gref_dot2_error_up entry by entry, in any
 * transpose, to the same bits. _i = 1: factors whose terms end early, as those of Cholesky do.
 * Terms over 30 binades cancel.
 */
START_TEST(test_dot2__error_and_bits)
{
    enum { M = 53, K = 150, N = 50 }; /* above 48: as many threads as the BLAS has */
    SCOPED(gref_mat) A = padded(M, K);
    SCOPED(gref_mat) B = padded(K, N);
    SCOPED(gref_mat) H = padded(M, N);
    SCOPED(gref_mat) L = padded(M, N);
    SCOPED(gref_mat) Bt = fresh(N, K);
    SCOPED(gref_mat) H2 = fresh(M, N);
    SCOPED(gref_mat) L2 = fresh(M, N);
    gref_random_normal(A, 1, GREF_STREAM_TEST, 0, 0);
    gref_random_normal(B, 2, GREF_STREAM_TEST, 0, 0);
    for (int k = 0; k < K; k++) {
        for (int i = 0; i < M; i++)
            GREF_AT(A, i, k) *= _i == 1 && k > 3 * i ? 0.0 : exp2(k % 30);
        for (int j = 0; j < N; j++)
            GREF_AT(B, k, j) *= _i == 1 && k > 5 * j ? 0.0 : 1.0;
    }
    gref_mat_transpose(Bt, gref_const(B));
    ck_ok(gref_dot2_gemm(H, L, gref_const(A), false, gref_const(B), false));
    ck_ok(gref_dot2_gemm(H2, L2, gref_const(A), false, gref_const(Bt), true));
    ck_assert(gref_mat_diff_max(gref_const(H), gref_const(H2)) == 0);
    ck_assert(gref_mat_diff_max(gref_const(L), gref_const(L2)) == 0);
    for (int j = 0; j < N; j++)
        for (int i = 0; i < M; i++) {
            quad s = 0, a = 0;
            for (int k = 0; k < K; k++) {
                quad p = (quad)GREF_AT(A, i, k) * GREF_AT(B, k, j);
                s += p;
                a += quad_abs(p);
            }
            ck_assert_bound("Dot2 against quad",
                            quad_distance(s, (quad)GREF_AT(H, i, j) + GREF_AT(L, i, j)),
                            gref_dot2_error_up(K) * (double)a);
        }
}
END_TEST

/* <A, B> where all but 2^-40 of it cancels: one rounding, and the bound of gref_inner_error_up. */
START_TEST(test_dot2__inner_product)
{
    enum { M = 23, N = 8 };
    SCOPED(gref_mat) A = noise(M, N, 5), B = noise(M, N, 6);
    for (int j = N / 2; j < N; j++)
        for (int i = 0; i < M; i++) {
            GREF_AT(A, i, j) = GREF_AT(A, i, j - N / 2);
            GREF_AT(B, i, j) = -GREF_AT(B, i, j - N / 2) * (1 + ldexp(i, -40));
        }
    quad s = 0, a = 0;
    for (int j = 0; j < N; j++)
        for (int i = 0; i < M; i++) {
            quad p = (quad)GREF_AT(A, i, j) * GREF_AT(B, i, j);
            s += p;
            a += quad_abs(p);
        }
    ck_assert_bound("inner product", quad_distance(s, gref_dot2(gref_const(A), gref_const(B))),
                    EPS * fabs((double)s) + gref_inner_error_up(M, N) * (double)a);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("dense_bounds");
    TCase *tc = new_tcase(s, "bound");
    tcase_add_test(tc, test_gershgorin_down__is_attained);
    tcase_add_test(tc, test_orthogonal_distance__is_attained);
    tcase_add_test(tc, test_bound__constants);
    tcase_add_test(tc, test_bound__norms);
    tcase_add_test(tc, test_bound__inverse);
    tcase_add_test(tc, test_bound__residual);
    tcase_add_test(tc, test_bound__least_eigenvalue);
    tcase_add_loop_test(tc, test_dot2__error_and_bits, 0, 2);
    tcase_add_test(tc, test_dot2__inner_product);
    return run_suite(s);
}
