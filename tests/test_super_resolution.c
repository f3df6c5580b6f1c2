#include "wide.h"

#include <math.h>

#include <gref/operator.h>
#include <gref/random.h>

/* Keys's cubic with a = -1/2, as printed in his paper. */
static quad keys(quad x)
{
    x = quad_abs(x);
    if (x <= 1)
        return 1.5 * x * x * x - 2.5 * x * x + 1;
    return x < 2 ? -0.5 * x * x * x + 2.5 * x * x - 4 * x + 2 : 0;
}

/* Weight of the pixel `t` places after the block's first one, along one axis. */
static quad tap(int t, int r, gref_sr_filter filter)
{
    if (filter == GREF_SR_NONE)
        return t == 0;
    if (filter == GREF_SR_BOX)
        return t >= 0 && t < r ? 1 / (quad)r : 0;
    return keys((t - (r - 1) / (quad)2) / r) / r;
}

/* Pixels before and after a block's first one that any filter can reach. */
enum { REACH = 3 };

/* The next place on a circle of L pixels. */
static int next(int p, int L)
{
    return p + 1 < L ? p + 1 : 0;
}

/* The place on that circle where block i comes into reach. */
static int start(int i, int r, int L)
{
    int p = r * i;
    for (int step = 0; step < REACH * r; step++)
        p = p > 0 ? p - 1 : L - 1;
    return p;
}

/*
 * The definition, pixel by pixel: every output walks around the periodic image from REACH r before
 * its block to REACH r after it. Gathers y = A x, or scatters x = A^T y.
 */
static void by_definition(quad *x, quad *y, int rows, int cols, int r, gref_sr_filter filter,
                          bool adjoint)
{
    for (int i = 0; i < rows / r; i++)
        for (int j = 0; j < cols / r; j++) {
            int p = start(i, r, rows);
            for (int s = -REACH * r; s <= REACH * r; s++, p = next(p, rows)) {
                const quad w_s = tap(s, r, filter);
                int q = start(j, r, cols);
                for (int t = -REACH * r; w_s != 0 && t <= REACH * r; t++, q = next(q, cols)) {
                    quad w = w_s * tap(t, r, filter);
                    if (adjoint)
                        x[p * cols + q] += w * y[i * (cols / r) + j];
                    else
                        y[i * (cols / r) + j] += w * x[p * cols + q];
                }
            }
        }
}

static quad *vector(int n)
{
    quad *x = calloc((size_t)n, sizeof *x);
    ck_assert_ptr_nonnull(x);
    return x;
}

static const int sizes[][3] = {{4, 6, 2},  {6, 9, 3}, {8, 4, 4},  {5, 5, 5},
                               {1, 7, 1},  {2, 2, 2}, {3, 5, 1},  {10, 5, 5},
                               {7, 14, 7}, {2, 8, 2}, {16, 8, 4}, {8, 16, 8}};
enum { SIZES = 12 };

static bool power_of_two(int r)
{
    return (r & (r - 1)) == 0;
}

/*
 * Column c of A is what the definition makes of the unit image c, so every entry is compared, also
 * where a small image folds taps onto each other. The definition is evaluated in quadruple
 * precision, the library's taps are integers over a common denominator. The bound is one rounding
 * to double and four in long double; box and decimation are the nearest doubles.
 */
START_TEST(test_operator_super_resolution__is_its_definition)
{
    for (int s = 0; s < SIZES; s++)
        for (int f = GREF_SR_BOX; f <= GREF_SR_NONE; f++) {
            const int rows = sizes[s][0], cols = sizes[s][1], r = sizes[s][2];
            gref_mat A = {0};
            ck_ok(gref_operator_super_resolution(&A, rows, cols, r, (gref_sr_filter)f));
            ck_assert(A.n == rows * cols && A.m == A.n / (r * r));
            for (int c = 0; c < A.n; c++) {
                quad *x = vector(A.n), *y = vector(A.m);
                x[c] = 1;
                by_definition(x, y, rows, cols, r, (gref_sr_filter)f, false);
                for (int l = 0; l < A.m; l++) {
                    double w = (double)quad_abs(y[l]), err = quad_distance(GREF_AT(A, l, c), y[l]);
                    if (f == GREF_SR_BICUBIC)
                        ck_assert_bound("bicubic definition", err,
                                        (EPS + 4 * long_eps()) * w + 0x1p-100);
                    else
                        ck_assert(GREF_AT(A, l, c) == (double)y[l]);
                }
                free(x);
                free(y);
            }
            gref_mat_free(&A);
        }
}
END_TEST

/*
 * Random integer images, gathered and scattered. For r a power of two every weight is dyadic and
 * all sums are exact: A x, A^T y and <A x, y> = <x, A^T y> are equalities.
 */
START_TEST(test_operator_super_resolution__adjoint)
{
    for (int s = 0; s < SIZES; s++)
        for (int f = GREF_SR_BOX; f <= GREF_SR_NONE; f++) {
            const int rows = sizes[s][0], cols = sizes[s][1], r = sizes[s][2], n = rows * cols;
            const int m = n / (r * r);
            if (!power_of_two(r))
                continue;
            gref_mat A = {0}, u = fresh(n + m, 1);
            quad *x = vector(n), *y = vector(m), *Ax = vector(m), *Aty = vector(n);
            gref_random_uniform(u, (uint64_t)s, GREF_STREAM_TEST, 0, 0);
            for (int i = 0; i < n; i++)
                x[i] = floor(2001 * u.a[i]) - 1000;
            for (int l = 0; l < m; l++)
                y[l] = floor(2001 * u.a[n + l]) - 1000;
            by_definition(x, Ax, rows, cols, r, (gref_sr_filter)f, false);
            by_definition(Aty, y, rows, cols, r, (gref_sr_filter)f, true);
            ck_ok(gref_operator_super_resolution(&A, rows, cols, r, (gref_sr_filter)f));
            quad left = 0, right = 0;
            for (int l = 0; l < m; l++) {
                quad sum = 0;
                for (int i = 0; i < n; i++)
                    sum += GREF_AT(A, l, i) * x[i];
                ck_assert(sum == Ax[l]);
                left += sum * y[l];
            }
            for (int i = 0; i < n; i++) {
                quad sum = 0;
                for (int l = 0; l < m; l++)
                    sum += GREF_AT(A, l, i) * y[l];
                ck_assert(sum == Aty[i]);
                right += Aty[i] * x[i];
            }
            ck_assert(left == right);
            gref_mat_free(&A);
            gref_mat_free(&u);
            free(x);
            free(y);
            free(Ax);
            free(Aty);
        }
}
END_TEST

/*
 * By hand, r = 2: h(1/4), h(3/4), h(5/4), h(7/4) are 111, 29, -9, -3 over 128 and the weights half
 * of that: the known -0.01171875, -0.03515625, 0.11328125, 0.43359375 of an antialiased bicubic
 * halving. One row of 16 pixels in one column of 2, so that the other axis folds to 1/2, 1/2.
 */
START_TEST(test_operator_super_resolution__bicubic_golden)
{
    const double w[] = {-3, -9, 29, 111, 111, 29, -9, -3};
    gref_mat A = {0};
    ck_ok(gref_operator_super_resolution(&A, 2, 16, 2, GREF_SR_BICUBIC));
    for (int t = 0; t < 16; t++) /* output 3 is centred at column 6.5, columns 3..10 count */
        for (int p = 0; p < 2; p++)
            ck_assert(GREF_AT(A, 3, 16 * p + t) == (t >= 3 && t <= 10 ? w[t - 3] / 256 / 2 : 0));
    gref_mat_free(&A);
}
END_TEST

static double power(double x, int k)
{
    return k == 0 ? 1 : x * power(x, k - 1);
}

/*
 * Away from the wrap the bicubic weights have the moments 1, 0, 0, 0 about their centre (Keys's a =
 * -1/2 gives the first three, symmetry the fourth), so i^a j^b is reproduced at (ci, cj) for a, b
 * <= 3 and not for a = 4. Another a, support or phase breaks a moment. Exact for r = 2, 4.
 */
START_TEST(test_operator_super_resolution__bicubic_reproduces_cubics)
{
    for (int r = 2; r <= 4; r += 2)
        for (int a = 0; a <= 4; a++)
            for (int b = 0; b <= 3; b++) {
                const int rows = 7 * r, cols = 6 * r;
                gref_mat A = {0}, x = fresh(rows * cols, 1);
                for (int i = 0; i < rows; i++)
                    for (int j = 0; j < cols; j++)
                        x.a[i * cols + j] = power(i, a) * power(j, b);
                ck_ok(gref_operator_super_resolution(&A, rows, cols, r, GREF_SR_BICUBIC));
                gref_mat y = plain_product(gref_const(A), false, gref_const(x), false);
                for (int i = 2; i < 5; i++)
                    for (int j = 2; j < 4; j++) {
                        double ci = r * i + (r - 1) / 2.0, cj = r * j + (r - 1) / 2.0;
                        double p = power(ci, a) * power(cj, b);
                        ck_assert((y.a[6 * i + j] == p) == (a <= 3));
                    }
                gref_mat_free(&y);
                gref_mat_free(&x);
                gref_mat_free(&A);
            }
}
END_TEST

/*
 * Rows sum to 1, also where the taps fold: exactly for dyadic weights, else up to one rounding of
 * each entry (the bound takes them all of one sign). r = 1 is the identity whatever the filter.
 */
START_TEST(test_operator_super_resolution__conserves)
{
    for (int s = 0; s < SIZES; s++)
        for (int f = GREF_SR_BOX; f <= GREF_SR_NONE; f++) {
            const int r = sizes[s][2];
            gref_mat A = {0};
            ck_ok(
                gref_operator_super_resolution(&A, sizes[s][0], sizes[s][1], r, (gref_sr_filter)f));
            for (int l = 0; l < A.m; l++) {
                quad sum = 0, size = 0;
                for (int c = 0; c < A.n; c++) {
                    sum += GREF_AT(A, l, c);
                    size += fabs(GREF_AT(A, l, c));
                    if (r == 1)
                        ck_assert(GREF_AT(A, l, c) == (l == c ? 1 : 0));
                }
                if (power_of_two(r))
                    ck_assert(sum == 1);
                else
                    ck_assert_bound("row sum", quad_distance(sum, 1),
                                    (EPS + 4 * long_eps()) * (double)size);
            }
            gref_mat_free(&A);
        }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("super_resolution");
    TCase *tc = new_tcase(s, "super_resolution");
    tcase_add_test(tc, test_operator_super_resolution__is_its_definition);
    tcase_add_test(tc, test_operator_super_resolution__adjoint);
    tcase_add_test(tc, test_operator_super_resolution__bicubic_golden);
    tcase_add_test(tc, test_operator_super_resolution__bicubic_reproduces_cubics);
    tcase_add_test(tc, test_operator_super_resolution__conserves);
    return run_suite(s);
}
