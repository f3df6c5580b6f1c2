#include "support.h"

#include <math.h>
#include <string.h>

#include <gref/operator.h>
#include <gref/random.h>

/*
 * Images and kernels are small integers wherever the operator's own weights are dyadic: all sums
 * are then exact in any order, and the comparisons below are equalities.
 */
static gref_mat random_integers(int m, int n, uint64_t seed)
{
    gref_mat X = padded(m, n), U = fresh(m, n);
    gref_random_uniform(U, seed, GREF_STREAM_TEST, 0, 0);
    for (int j = 0; j < n; j++)
        for (int i = 0; i < m; i++)
            GREF_AT(X, i, j) = floor(2001 * GREF_AT(U, i, j)) - 1000;
    gref_mat_free(&U);
    return X;
}

/* What numpy.pad shows at place p of an axis of L pixels, found by walking there step by step. */
static int seen(int p, int L, gref_boundary boundary)
{
    if (boundary == GREF_BOUNDARY_ZERO || boundary == GREF_BOUNDARY_VALID)
        return p >= 0 && p < L ? p : -1;
    int at = 0, way = p < 0 ? -1 : 1;
    for (int step = 0; step != abs(p); step++) {
        if (at + way >= 0 && at + way < L) {
            at += way;
        } else if (boundary == GREF_BOUNDARY_PERIODIC) {
            at = way > 0 ? 0 : L - 1;
        } else if (boundary == GREF_BOUNDARY_SYMMETRIC) {
            way = -way;
        } else if (boundary == GREF_BOUNDARY_REFLECT) {
            way = -way;
            at += L > 1 ? way : 0;
        }
    }
    return at;
}

/* numpy.pad(x, ((h, h), (w, w))) of a vector x that holds a rows x cols image row by row. */
static gref_mat pad(gref_cmat x, int rows, int cols, int h, int w, gref_boundary boundary)
{
    gref_mat P = fresh(rows + 2 * h, cols + 2 * w);
    for (int i = 0; i < P.m; i++)
        for (int j = 0; j < P.n; j++) {
            int p = seen(i - h, rows, boundary), q = seen(j - w, cols, boundary);
            GREF_AT(P, i, j) = p < 0 || q < 0 ? 0 : GREF_AT(x, p * cols + q, 0);
        }
    return P;
}

/* The adjoint of pad: every padded pixel goes back to the pixel that it showed. */
static gref_mat unpad(gref_cmat P, int rows, int cols, int h, int w, gref_boundary boundary)
{
    gref_mat x = fresh(rows * cols, 1);
    for (int i = 0; i < P.m; i++)
        for (int j = 0; j < P.n; j++) {
            int p = seen(i - h, rows, boundary), q = seen(j - w, cols, boundary);
            if (p >= 0 && q >= 0)
                GREF_AT(x, p * cols + q, 0) += GREF_AT(P, i, j);
        }
    return x;
}

typedef struct {
    int rows, cols, kh, kw;
    gref_boundary boundary;
    bool correlate;
} blur;

static int out_rows(blur c)
{
    return c.boundary == GREF_BOUNDARY_VALID ? c.rows - c.kh + 1 : c.rows;
}

static int out_cols(blur c)
{
    return c.boundary == GREF_BOUNDARY_VALID ? c.cols - c.kw + 1 : c.cols;
}

/* Row of the padded image that kernel row a reads for output row i; columns alike. */
static int read_at(int i, int a, int kernel, blur c)
{
    int offset = a - (kernel - 1) / 2,
        first = c.boundary == GREF_BOUNDARY_VALID ? kernel - 1 : kernel / 2;
    return first + i + (c.correlate ? offset : -offset);
}

/* y = the definition's sum over the padded image: gather. The padding is half the kernel. */
static gref_mat blur_by_definition(gref_cmat x, gref_cmat K, blur c)
{
    gref_mat P = pad(x, c.rows, c.cols, c.kh / 2, c.kw / 2, c.boundary);
    gref_mat y = fresh(out_rows(c) * out_cols(c), 1);
    for (int i = 0; i < out_rows(c); i++)
        for (int j = 0; j < out_cols(c); j++)
            for (int a = 0; a < c.kh; a++)
                for (int b = 0; b < c.kw; b++)
                    GREF_AT(y, i * out_cols(c) + j, 0) +=
                        GREF_AT(K, a, b) *
                        GREF_AT(P, read_at(i, a, c.kh, c), read_at(j, b, c.kw, c));
    gref_mat_free(&P);
    return y;
}

/* x = the adjoint: each output hands its value back to what it read: scatter, then unpad. */
static gref_mat blur_adjoint(gref_cmat y, gref_cmat K, blur c)
{
    gref_mat P = fresh(c.rows + 2 * (c.kh / 2), c.cols + 2 * (c.kw / 2));
    for (int i = 0; i < out_rows(c); i++)
        for (int j = 0; j < out_cols(c); j++)
            for (int a = 0; a < c.kh; a++)
                for (int b = 0; b < c.kw; b++)
                    GREF_AT(P, read_at(i, a, c.kh, c), read_at(j, b, c.kw, c)) +=
                        GREF_AT(K, a, b) * GREF_AT(y, i * out_cols(c) + j, 0);
    gref_mat x = unpad(gref_const(P), c.rows, c.cols, c.kh / 2, c.kw / 2, c.boundary);
    gref_mat_free(&P);
    return x;
}

static double inner(gref_cmat x, gref_cmat y)
{
    double sum = 0;
    for (int i = 0; i < x.m; i++)
        sum += GREF_AT(x, i, 0) * GREF_AT(y, i, 0);
    return sum;
}

/* A x and A^T y against the two routes above, and the two routes against each other. */
static void check_blur(blur c, uint64_t seed)
{
    gref_mat K = random_integers(c.kh, c.kw, seed), A = {0};
    gref_mat x = random_integers(c.rows * c.cols, 1, seed + 1);
    if (c.boundary == GREF_BOUNDARY_VALID && (c.kh > c.rows || c.kw > c.cols)) {
        ck_fails(
            gref_operator_convolution(&A, gref_const(K), c.rows, c.cols, c.boundary, c.correlate),
            GREF_ERR_SHAPE);
    } else {
        ck_ok(
            gref_operator_convolution(&A, gref_const(K), c.rows, c.cols, c.boundary, c.correlate));
        ck_assert(A.m == out_rows(c) * out_cols(c) && A.n == c.rows * c.cols);
        gref_mat y = random_integers(A.m, 1, seed + 2);
        gref_mat Ax = plain_product(gref_const(A), false, gref_const(x), false);
        gref_mat Aty = plain_product(gref_const(A), true, gref_const(y), false);
        gref_mat gathered = blur_by_definition(gref_const(x), gref_const(K), c);
        gref_mat scattered = blur_adjoint(gref_const(y), gref_const(K), c);
        ck_assert(gref_mat_diff_max(gref_const(Ax), gref_const(gathered)) == 0);
        ck_assert(gref_mat_diff_max(gref_const(Aty), gref_const(scattered)) == 0);
        ck_assert(inner(gref_const(Ax), gref_const(y)) ==
                  inner(gref_const(x), gref_const(scattered)));
        gref_mat_free(&Ax);
        gref_mat_free(&Aty);
        gref_mat_free(&gathered);
        gref_mat_free(&scattered);
        gref_mat_free(&y);
    }
    gref_mat_free(&A);
    gref_mat_free(&x);
    gref_mat_free(&K);
}

/*
 * Random integers of a thousand values: a weight that is missing, flipped, transposed or folded to
 * the wrong pixel changes A x in an exact comparison. The second route pads the image by walking
 * and loops, so it shares no index arithmetic. Non-square images and kernels, single rows and
 * columns, primes, kernels several times wider than the image.
 */
START_TEST(test_operator_convolution__is_its_definition)
{
    const int sizes[][4] = {{5, 4, 3, 3}, {4, 7, 3, 5}, {7, 11, 5, 3},  {13, 3, 1, 3},
                            {3, 2, 7, 9}, {1, 6, 1, 5}, {1, 6, 3, 5},   {6, 1, 5, 3},
                            {1, 1, 3, 5}, {2, 2, 5, 5}, {2, 3, 11, 13}, {5, 7, 5, 7},
                            {1, 1, 1, 1}, {3, 4, 1, 1}};
    for (int s = 0; s < 14; s++)
        for (int b = GREF_BOUNDARY_PERIODIC; b <= GREF_BOUNDARY_VALID; b++)
            for (int correlate = 0; correlate < 2; correlate++)
                check_blur((blur){sizes[s][0], sizes[s][1], sizes[s][2], sizes[s][3],
                                  (gref_boundary)b, correlate == 1},
                           (uint64_t)(1000 * s + 10 * b + 3));
}
END_TEST

static gref_mat from_rows(const double *values, int m, int n)
{
    gref_mat X = fresh(m, n);
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++)
            GREF_AT(X, i, j) = values[i * n + j];
    return X;
}

/*
 * SciPy 1.10.1's answers, which know nothing of this project:
 *   x = np.arange(20).reshape(5, 4)**2 % 23
 *   k = np.array([[1, -2, 3, 0, 5], [0, 4, -1, 2, 7], [6, -3, 2, 1, -4]])
 *   for m in ('wrap', 'constant', 'mirror', 'reflect', 'nearest'):
 *       ndimage.convolve(x, k, mode=m).ravel()
 *   ndimage.correlate(x, k, mode='mirror').ravel()
 */
START_TEST(test_operator_convolution__golden_scipy)
{
    const double k[] = {1, -2, 3, 0, 5, 0, 4, -1, 2, 7, 6, -3, 2, 1, -4};
    const double image[] = {0, 1, 4, 9, 16, 2, 13, 3, 18, 12, 8, 6, 6, 8, 12, 18, 3, 13, 2, 16};
    const double expected[6][20] = {
        {159, 131, 138, 46,  181, 167, 217, 179, 227, 193,
         253, 231, 163, 339, 156, 196, 147, 184, 93,  170},
        {61, -2, 147, 25, 51, 152, 199, 133, 148, 73, 151, 199, 59, 157, 45, 147, 109, 95, 63, 95},
        {210, 6,   193, 1,   171, 222, 231, 175, 238, 189,
         241, 188, 149, 230, 95,  252, 183, 212, 177, 193},
        {95,  122, 186, 83,  153, 354, 259, 138, 316, 165,
         187, 268, 162, 142, 97,  219, 230, 158, 176, 260},
        {162, 122, 186, 103, 285, 354, 259, 166, 292, 165,
         187, 214, 74,  142, 97,  221, 118, 158, 176, 310},
        {210, 30,  229, 1,   137, 184, 184, 134, 252, 95,
         230, 149, 188, 241, 189, 238, 183, 211, 188, 193}};
    const gref_boundary boundary[] = {GREF_BOUNDARY_PERIODIC,  GREF_BOUNDARY_ZERO,
                                      GREF_BOUNDARY_REFLECT,   GREF_BOUNDARY_SYMMETRIC,
                                      GREF_BOUNDARY_REPLICATE, GREF_BOUNDARY_REFLECT};
    gref_mat K = from_rows(k, 3, 5), x = from_rows(image, 20, 1);
    for (int c = 0; c < 6; c++) {
        gref_mat A = {0}, y = from_rows(expected[c], 20, 1);
        ck_ok(gref_operator_convolution(&A, gref_const(K), 5, 4, boundary[c], c == 5));
        gref_mat Ax = plain_product(gref_const(A), false, gref_const(x), false);
        ck_assert(gref_mat_diff_max(gref_const(Ax), gref_const(y)) == 0);
        gref_mat_free(&Ax);
        gref_mat_free(&y);
        gref_mat_free(&A);
    }
    gref_mat_free(&x);
    gref_mat_free(&K);
}
END_TEST

/*
 * SciPy on an image three times narrower than its kernel, and its only valid convolution:
 *   x = np.array([[3, 1, 4]]); k = np.arange(45).reshape(5, 9)*7 % 11 - 5     (as above)
 *   signal.convolve2d(np.c_[x, x[:, ::-1]], k, mode='valid')      with the x, k of the test above
 */
START_TEST(test_operator_convolution__golden_scipy_wide_and_valid)
{
    const double expected[5][3] = {
        {-43, -12, 15}, {-4, -3, -24}, {-41, 24, -44}, {-37, -26, 16}, {-32, -8, -15}};
    const double image[] = {3, 1, 4};
    gref_mat K = fresh(5, 9), x = from_rows(image, 3, 1), A = {0};
    for (int a = 0; a < 5; a++)
        for (int b = 0; b < 9; b++)
            GREF_AT(K, a, b) = (9 * a + b) * 7 % 11 - 5;
    for (int c = 0; c < 5; c++) {
        gref_mat y = from_rows(expected[c], 3, 1);
        ck_ok(gref_operator_convolution(&A, gref_const(K), 1, 3, (gref_boundary)c, false));
        gref_mat Ax = plain_product(gref_const(A), false, gref_const(x), false);
        ck_assert(gref_mat_diff_max(gref_const(Ax), gref_const(y)) == 0);
        gref_mat_free(&Ax);
        gref_mat_free(&y);
        gref_mat_free(&A);
    }
    gref_mat_free(&x);
    gref_mat_free(&K);

    const double k[] = {1, -2, 3, 0, 5, 0, 4, -1, 2, 7, 6, -3, 2, 1, -4};
    const double valid[] = {259, 138, 205, 48, 187, 268, 122, 317, 97, 219, 251, 315};
    K = from_rows(k, 3, 5);
    x = fresh(5 * 8, 1);
    for (int i = 0; i < 5; i++)
        for (int j = 0; j < 8; j++) {
            int p = 4 * i + (j < 4 ? j : 7 - j);
            x.a[8 * i + j] = p * p % 23;
        }
    gref_mat y = from_rows(valid, 12, 1);
    ck_ok(gref_operator_convolution(&A, gref_const(K), 5, 8, GREF_BOUNDARY_VALID, false));
    gref_mat Ax = plain_product(gref_const(A), false, gref_const(x), false);
    ck_assert(gref_mat_diff_max(gref_const(Ax), gref_const(y)) == 0);
    gref_mat_free(&Ax);
    gref_mat_free(&A);
    gref_mat_free(&y);
    gref_mat_free(&x);
    gref_mat_free(&K);
}
END_TEST

/*
 * Algebra without an oracle: a constant image comes out times sum(k) where nothing is lost outside;
 * correlation is the transposed convolution where the boundary is shift invariant.
 */
START_TEST(test_operator_convolution__conserves_and_transposes)
{
    gref_mat K = random_integers(5, 3, 77), A = {0}, B = {0}, ones = fresh(35, 1);
    double total = 0;
    for (int b = 0; b < 3; b++)
        for (int a = 0; a < 5; a++)
            total += GREF_AT(K, a, b);
    gref_mat_fill(ones, 1);
    for (int b = GREF_BOUNDARY_PERIODIC; b <= GREF_BOUNDARY_VALID; b++) {
        ck_ok(gref_operator_convolution(&A, gref_const(K), 7, 5, (gref_boundary)b, false));
        ck_ok(gref_operator_convolution(&B, gref_const(K), 7, 5, (gref_boundary)b, true));
        gref_mat sums = plain_product(gref_const(A), false, gref_const(ones), false);
        for (int i = 0; b != GREF_BOUNDARY_ZERO && i < sums.m; i++)
            ck_assert(sums.a[i] == total);
        if (b == GREF_BOUNDARY_PERIODIC || b == GREF_BOUNDARY_ZERO) {
            gref_mat Bt = fresh(35, 35);
            gref_mat_transpose(Bt, gref_const(B));
            ck_assert(gref_mat_diff_max(gref_const(A), gref_const(Bt)) == 0);
            gref_mat_free(&Bt);
        }
        gref_mat_free(&sums);
        gref_mat_free(&A);
        gref_mat_free(&B);
    }
    gref_mat_free(&ones);
    gref_mat_free(&K);
}
END_TEST

/*
 * The rows of the identity: A x is x at the non-zero places in reading order, A^T y puts them back.
 */
START_TEST(test_operator_inpainting__is_its_definition)
{
    const int sizes[][2] = {{1, 1}, {1, 9}, {9, 1}, {4, 7}, {7, 3}};
    const double values[] = {0, 1, 0, -2.5, 1e-300, 0};
    for (int s = 0; s < 5; s++) {
        const int rows = sizes[s][0], cols = sizes[s][1], n = rows * cols;
        gref_mat keep = padded(rows, cols), x = random_integers(n, 1, 5), A = {0};
        for (int p = 0; p < n; p++)
            GREF_AT(keep, p / cols, p % cols) = values[(p * p + 1) % 6];
        ck_ok(gref_operator_inpainting(&A, gref_const(keep)));
        gref_mat y = random_integers(A.m, 1, 6);
        gref_mat Ax = plain_product(gref_const(A), false, gref_const(x), false);
        gref_mat Aty = plain_product(gref_const(A), true, gref_const(y), false);
        int l = 0;
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < cols; j++) {
                bool measured = GREF_AT(keep, i, j) != 0;
                ck_assert(Aty.a[i * cols + j] == (measured ? y.a[l] : 0));
                if (measured)
                    ck_assert(Ax.a[l++] == x.a[i * cols + j]);
            }
        ck_assert_int_eq(l, A.m);
        gref_mat_free(&Ax);
        gref_mat_free(&Aty);
        gref_mat_free(&y);
        gref_mat_free(&A);
        gref_mat_free(&x);
        gref_mat_free(&keep);
    }
}
END_TEST

/* An allocation beyond the address space must fail by NULL under ASan too, not abort. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

/* Every refusal gives its status, names the values, and leaves the output as it was. */
START_TEST(test_operators__refuse)
{
    double one = 1;
    gref_mat A = {&one, 1, 1, 1}, K = fresh(3, 5), even = fresh(4, 3), mask = fresh(2, 3);
    const gref_boundary periodic = GREF_BOUNDARY_PERIODIC;
    ck_fails(gref_operator_convolution(&A, gref_const(even), 8, 8, periodic, false),
             GREF_ERR_SHAPE);
    ck_assert_ptr_nonnull(strstr(gref_last_error()->message, "4 x 3"));
    ck_fails(gref_operator_convolution(&A, (gref_cmat){0}, 8, 8, periodic, false), GREF_ERR_SHAPE);
    ck_fails(gref_operator_convolution(&A, gref_const(K), 9, 4, GREF_BOUNDARY_VALID, false),
             GREF_ERR_SHAPE);
    ck_assert_str_eq(gref_last_error()->message,
                     "the kernel is 3 x 5 and fits nowhere in an image of 9 x 4");
    ck_fails(gref_operator_convolution(&A, gref_const(K), 2, 9, GREF_BOUNDARY_VALID, false),
             GREF_ERR_SHAPE);
    ck_fails(gref_operator_convolution(&A, gref_const(K), 0, 9, periodic, false), GREF_ERR_RANGE);
    ck_fails(gref_operator_convolution(&A, gref_const(K), 9, 9, (gref_boundary)6, false),
             GREF_ERR_RANGE);
    ck_fails(gref_operator_convolution(&A, gref_const(K), 65536, 65536, periodic, false),
             GREF_ERR_RANGE);
    ck_assert_ptr_nonnull(strstr(gref_last_error()->message, "65536 x 65536"));
    ck_fails(gref_operator_convolution(&A, gref_const(K), 40000, 40000, periodic, false),
             GREF_ERR_NOMEM);
    GREF_AT(K, 2, 1) = NAN;
    ck_fails(gref_operator_convolution(&A, gref_const(K), 9, 9, periodic, false),
             GREF_ERR_NONFINITE);

    ck_fails(gref_operator_super_resolution(&A, 6, 8, 3, GREF_SR_BOX), GREF_ERR_RANGE);
    ck_assert_str_eq(gref_last_error()->message, "factor 3 does not divide an image of 6 x 8");
    ck_fails(gref_operator_super_resolution(&A, 8, 6, 4, GREF_SR_BOX), GREF_ERR_RANGE);
    ck_fails(gref_operator_super_resolution(&A, 6, 8, 0, GREF_SR_NONE), GREF_ERR_RANGE);
    ck_fails(gref_operator_super_resolution(&A, 6, 8, -2, GREF_SR_NONE), GREF_ERR_RANGE);
    ck_fails(gref_operator_super_resolution(&A, 6, -8, 2, GREF_SR_NONE), GREF_ERR_RANGE);
    ck_fails(gref_operator_super_resolution(&A, 6, 8, 2, (gref_sr_filter)3), GREF_ERR_RANGE);
    ck_fails(gref_operator_super_resolution(&A, 40000, 40000, 1, GREF_SR_BICUBIC), GREF_ERR_NOMEM);

    ck_fails(gref_operator_inpainting(&A, gref_const(mask)), GREF_ERR_RANGE);
    ck_assert_str_eq(gref_last_error()->message, "the mask keeps none of its 2 x 3 pixels");
    ck_fails(gref_operator_inpainting(&A, (gref_cmat){0}), GREF_ERR_RANGE);
    gref_mat_fill(mask, 1);
    GREF_AT(mask, 1, 2) = NAN;
    ck_fails(gref_operator_inpainting(&A, gref_const(mask)), GREF_ERR_NONFINITE);
    gref_mat wide = fresh(1, 5000000); /* 2 10^14 bytes, more than a process can address */
    gref_mat_fill(wide, 1);
    ck_fails(gref_operator_inpainting(&A, gref_const(wide)), GREF_ERR_NOMEM);
    gref_mat_free(&wide);
    ck_assert(A.a == &one && one == 1 && A.m == 1 && A.n == 1);
    gref_mat_free(&K);
    gref_mat_free(&even);
    gref_mat_free(&mask);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("operator");
    TCase *tc = new_tcase(s, "operator");
    tcase_add_test(tc, test_operator_convolution__is_its_definition);
    tcase_add_test(tc, test_operator_convolution__golden_scipy);
    tcase_add_test(tc, test_operator_convolution__golden_scipy_wide_and_valid);
    tcase_add_test(tc, test_operator_convolution__conserves_and_transposes);
    tcase_add_test(tc, test_operator_inpainting__is_its_definition);
    tcase_add_test(tc, test_operators__refuse);
    return run_suite(s);
}
