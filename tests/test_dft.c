/*
 * The DFT against its definition summed in quadruple precision, and against properties that pin it
 * down.
 *
 * Bound: each of the two passes adds up at most (L + 2)/2 products of entries below 1 with the
 * data, so that an entry errs by at most (M + N) EPS/2 times what it sums, and the twiddles by EPS
 * each; what is summed has 2-norm |x| in all. Rounding errors of both signs make about the root of
 * that: sqrt(M + N) EPS |x|, in norm.
 */
#include "spectral/internal.h"
#include "support.h"
#include "wide.h"

#include <math.h>
#include <stdio.h>

#include <gref/random.h>

static const int sizes[][2] = {{1, 1},   {1, 2},   {2, 1},  {2, 2},  {1, 7}, {3, 1},
                               {3, 4},   {4, 3},   {5, 5},  {8, 8},  {7, 2}, {6, 9},
                               {16, 12}, {13, 17}, {1, 31}, {20, 21}};
enum { SIZES = sizeof sizes / sizeof *sizes };

static gref_mat random_image(int n, uint64_t seed)
{
    gref_mat x = fresh(n, 1);
    gref_random_normal(x, seed, GREF_STREAM_TEST, 0, 0);
    return x;
}

/* cos and sin of 2 pi k/N in quadruple precision: the k-th power of exp(2 pi i/N) from series about
 * 0. */
static void wide_turn(quad *c, quad *s, int64_t k, int N)
{
    static const quad two_pi =
        (quad)0x1.921fb54442d18p+2 + (quad)0x1.1a62633145c07p-52 - (quad)0x1.f1976b7ed8fbcp-108;
    int64_t p = ((k % N) + N) % N;
    quad x = two_pi * (quad)(2 * p > N ? p - N : p) / N, term = 1;
    *c = 0;
    *s = 0;
    for (int i = 0; i < 60; i++) {
        *((i & 1) != 0 ? s : c) += (i & 2) != 0 ? -term : term;
        term *= x / (i + 1);
    }
}

/*
 * cos and sin of every 2 pi k/N, also for k far outside 0..N, against a Taylor series in quadruple
 * precision (error 1e-30): one rounding of the value and one of long double before it.
 */
START_TEST(test_turn__is_right_to_one_rounding)
{
    const int lengths[] = {1, 2, 3, 4, 5, 6, 7, 8, 12, 31, 64, 100, 257};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        for (int k = -2 * lengths[i]; k <= 3 * lengths[i]; k++) {
            double c, s;
            quad qc, qs;
            int N = lengths[i];
            gref_turn(&c, &s, k, N);
            wide_turn(&qc, &qs, k, N);
            ck_assert_bound("cos", quad_distance(c, qc), EPS * fabs((double)qc) + 4 * long_eps());
            ck_assert_bound("sin", quad_distance(s, qs), EPS * fabs((double)qs) + 4 * long_eps());
            if (4 * (int64_t)k % N == 0) /* a quarter turn: exact, so that products with it are */
                ck_assert(c * s == 0.0 && fabs(c + s) == 1.0);
            double far_c, far_s;
            gref_turn(&far_c, &far_s, k + (int64_t)N * 1000000007, N);
            ck_assert(far_c == c && far_s == s);
        }
}
END_TEST

/* Every stored frequency is the defining sum: sizes 1, even, odd and prime, square and not. */
START_TEST(test_dft_forward__is_the_defining_sum)
{
    for (int i = 0; i < SIZES; i++) {
        int M = sizes[i][0], N = sizes[i][1];
        gref_dft f = {0};
        gref_dft_work w = {0};
        ck_ok(gref_dft_new(&f, M, N));
        ck_ok(gref_dft_work_new(&w, &f));
        gref_mat x = random_image(M * N, 3), re = padded(f.half, M), im = padded(f.half, M);
        ck_ok(gref_dft_forward(re, im, &f, &w, gref_const(x)));
        double err = 0;
        for (int k = 0; k < M; k++)
            for (int l = 0; l < f.half; l++) {
                quad a = 0, b = 0;
                for (int p = 0; p < M; p++)
                    for (int q = 0; q < N; q++) {
                        quad c, s, cp, sp;
                        wide_turn(&c, &s, (int64_t)k * p, M);
                        wide_turn(&cp, &sp, (int64_t)l * q, N);
                        a += (c * cp - s * sp) * x.a[p * N + q];
                        b -= (s * cp + c * sp) * x.a[p * N + q];
                    }
                double root = sqrt((double)M * N); /* one rounding more, below the bound's own */
                err = hypot(err, hypot((double)(a / root) - GREF_AT(re, l, k),
                                       (double)(b / root) - GREF_AT(im, l, k)));
            }
        ck_assert_bound("forward", err, sqrt(M + N) * EPS * gref_mat_norm_fro(gref_const(x)));
        gref_mat_free(&x);
        gref_mat_free(&re);
        gref_mat_free(&im);
        gref_dft_work_free(&w);
        gref_dft_free(&f);
    }
}
END_TEST

/*
 * The inverse undoes the forward transform: with the test above that proves it, since the forward
 * one is injective. The spectrum of a real image has zero imaginary parts where it is its own
 * conjugate.
 */
START_TEST(test_dft_inverse__undoes_forward)
{
    for (int i = 0; i < SIZES; i++) {
        int M = sizes[i][0], N = sizes[i][1];
        gref_dft f = {0};
        gref_dft_work w = {0};
        ck_ok(gref_dft_new(&f, M, N));
        ck_ok(gref_dft_work_new(&w, &f));
        gref_mat x = random_image(M * N, 4), y = fresh(M * N, 1), re = fresh(f.half, M),
                 im = fresh(f.half, M);
        ck_ok(gref_dft_forward(re, im, &f, &w, gref_const(x)));
        ck_assert(GREF_AT(im, 0, 0) == 0.0);
        if (M % 2 == 0)
            ck_assert(GREF_AT(im, 0, M / 2) == 0.0);
        ck_ok(gref_dft_inverse(y, &f, &w, gref_const(re), gref_const(im)));
        ck_assert_bound("round trip", gref_mat_diff_fro(gref_const(x), gref_const(y)),
                        2 * sqrt(M + N) * EPS * gref_mat_norm_fro(gref_const(x)));
        gref_mat_free(&x);
        gref_mat_free(&y);
        gref_mat_free(&re);
        gref_mat_free(&im);
        gref_dft_work_free(&w);
        gref_dft_free(&f);
    }
}
END_TEST

/* Documented statuses, outputs of another shape refused. */
START_TEST(test_dft__refuses_other_shapes)
{
    gref_dft f = {0};
    gref_dft_work w = {0};
    ck_ok(gref_dft_new(&f, 3, 4));
    ck_ok(gref_dft_work_new(&w, &f));
    gref_mat x = fresh(12, 1), re = fresh(3, 3), im = fresh(3, 3), bad = fresh(4, 3);
    ck_ok(gref_dft_forward(re, im, &f, &w, gref_const(x)));
    ck_fails(gref_dft_forward(bad, im, &f, &w, gref_const(x)), GREF_ERR_SHAPE);
    ck_fails(gref_dft_forward(re, bad, &f, &w, gref_const(x)), GREF_ERR_SHAPE);
    ck_fails(gref_dft_forward(re, im, &f, &w, gref_const(bad)), GREF_ERR_SHAPE);
    ck_fails(gref_dft_inverse(bad, &f, &w, gref_const(re), gref_const(im)), GREF_ERR_SHAPE);
    ck_fails(gref_dft_inverse(x, &f, &w, gref_const(re), gref_const(bad)), GREF_ERR_SHAPE);
    gref_mat_free(&x);
    gref_mat_free(&re);
    gref_mat_free(&im);
    gref_mat_free(&bad);
    gref_dft_work_free(&w);
    gref_dft_work_free(&w);
    gref_dft_free(&f);
    gref_dft_free(&f);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("dft");
    TCase *tc = new_tcase(s, "dft");
    tcase_add_test(tc, test_turn__is_right_to_one_rounding);
    tcase_add_test(tc, test_dft_forward__is_the_defining_sum);
    tcase_add_test(tc, test_dft_inverse__undoes_forward);
    tcase_add_test(tc, test_dft__refuses_other_shapes);
    return run_suite(s);
}
