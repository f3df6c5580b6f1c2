/*
 * The oracle itself, where FLINT is there: what referees the library is held against closed forms,
 * and against itself at another precision. It shares nothing with the library, so these are its
 * only tests besides the golden files, which the library confirms in test_oracle.c.
 */
#include <math.h>
#include <string.h>

#include <oracle.h>

#include "support.h"

/* H diag(d) H^T/n, H the Hadamard matrix of order n = 2^k, d given as squares of x: exact in
 * balls. */
static void hadamard(arb_mat_t C, const arb_ptr x, slong prec)
{
    slong n = arb_mat_nrows(C);
    arb_mat_t H;
    arb_mat_init(H, n, n);
    for (slong i = 0; i < n; i++)
        for (slong j = 0; j < n; j++)
            arb_mul_si(arb_mat_entry(H, i, j), x + j,
                       __builtin_parityl((unsigned long)(i & j)) ? -1 : 1, prec);
    oracle_mul_nt(C, H, H, prec);
    arb_mat_scalar_div_si(C, C, n, prec);
    oracle_mirror(C);
    arb_mat_clear(H);
}

/* sqrt(sum (x_i - y_i)^2): W2 of two laws with roots x, y of their variances in one basis. */
static void commuting_w2(arb_t w, const arb_ptr x, const arb_ptr y, slong n, slong prec)
{
    arb_t d;
    arb_init(d);
    arb_zero(w);
    for (slong i = 0; i < n; i++) {
        arb_sub(d, x + i, y + i, prec);
        arb_addmul(w, d, d, prec);
    }
    arb_sqrtpos(w, w, prec);
    arb_clear(d);
}

/* Holds W2 of centred laws against the truth; *radius is the enclosure's. */
static void check_w2(mag_t radius, const arb_mat_t C1, const arb_mat_t C2, const arb_t truth,
                     double slack, slong prec)
{
    slong n = arb_mat_nrows(C1);
    arb_t w, mean, cov;
    arb_mat_t zero;
    arb_init(w);
    arb_init(mean);
    arb_init(cov);
    arb_mat_init(zero, n, 1);
    ck_assert(oracle_w2(w, mean, cov, zero, C1, zero, C2, slack, prec));
    ck_assert(arb_is_zero(mean) && arb_is_finite(w) && arb_overlaps(w, cov));
    ck_assert_msg(arb_overlaps(w, truth), "W2 = %s does not hold %s", arb_get_str(w, 40, 0),
                  arb_get_str(truth, 40, 0));
    mag_set(radius, arb_radref(w));
    arb_clear(w);
    arb_clear(mean);
    arb_clear(cov);
    arb_mat_clear(zero);
}

/*
 * Pairs with a common eigenbasis: the closed form lies in the enclosure at every precision,
 * whatever the condition, the gap and the ranks; and the enclosure narrows like 2^(-prec/2),
 * theorem 4's rate. Roots of variances: from 1 down to 2^-20 (kappa 2^40), the second law's larger
 * by the gap; the last `zeros` are 0 in one or both laws.
 */
START_TEST(test_oracle_w2__encloses_the_closed_form)
{
    const slong precs[] = {192, 320, 640};
    const int gaps[] = {2, 30, 100};
    for (int c = 0; c < 3 * 3 * 4; c++) {
        slong prec = precs[c % 3], n = c < 18 ? 4 : 16;
        int gap = gaps[c / 3 % 3],
            kind = c / 9; /* 0: regular, 1: common kernel, 2: other kernels, 3: equal */
        arb_ptr x = _arb_vec_init(n), y = _arb_vec_init(n);
        for (slong i = 0; i < n; i++) {
            arb_one(x + i);
            arb_mul_2exp_si(x + i, x + i, -(20 * i) / (n - 1));
            arb_set(y + i, x + i);
            arb_mul_2exp_si(y + i, y + i, -gap);
            if (kind == 3)
                arb_zero(y + i);
            arb_add(y + i, y + i, x + i, 2 * prec);
        }
        if (kind == 1 || kind == 2)
            arb_zero(x + (n - 1));
        if (kind == 1)
            arb_zero(y + (n - 1));
        if (kind == 2)
            arb_zero(y + (n - 2));
        arb_mat_t C1, C2;
        arb_t truth;
        mag_t radius;
        arb_mat_init(C1, n, n);
        arb_mat_init(C2, n, n);
        arb_init(truth);
        mag_init(radius);
        hadamard(C1, x, prec);
        hadamard(C2, y, prec);
        commuting_w2(truth, x, y, n, 2 * prec);
        check_w2(radius, C1, C2, truth, 0.0, prec);
        ck_assert_msg(mag_cmp_2exp_si(radius, -(3 * prec) / 8 + 8) < 0,
                      "prec %ld, kind %d: radius %g", prec, kind, mag_get_d(radius));
        arb_mat_clear(C1);
        arb_mat_clear(C2);
        arb_clear(truth);
        mag_clear(radius);
        _arb_vec_clear(x, n);
        _arb_vec_clear(y, n);
    }
}
END_TEST

/* tr (C1^1/2 C2 C1^1/2)^1/2 of 2 x 2 matrices is sqrt(tr C1 C2 + 2 sqrt(det C1 C2)): laws that do
 * not commute. */
START_TEST(test_oracle_w2__encloses_two_by_two)
{
    const double pairs[][6] = {
        {2, 1, 3, 1, -1, 4}, {1, 2, 4, 9, 3, 1}, {1, 1, 1, 1, -1, 1}, {1e-8, 0, 1e8, 3, 2, 5}};
    for (int k = 0; k < 4; k++) { /* the second and third are singular */
        const double *a = pairs[k];
        arb_mat_t C[2], P;
        arb_t truth, x, y;
        mag_t radius;
        slong prec = 300;
        arb_mat_init(P, 2, 2);
        arb_init(truth);
        arb_init(x);
        arb_init(y);
        mag_init(radius);
        for (int i = 0; i < 2; i++) {
            arb_mat_init(C[i], 2, 2);
            arb_set_d(arb_mat_entry(C[i], 0, 0), a[3 * i]);
            arb_set_d(arb_mat_entry(C[i], 1, 0), a[3 * i + 1]);
            arb_set_d(arb_mat_entry(C[i], 1, 1), a[3 * i + 2]);
            oracle_mirror(C[i]);
        }
        arb_mat_mul(P, C[0], C[1], prec);
        arb_mat_det(x, C[0], prec);
        arb_mat_det(y, C[1], prec);
        arb_mul(x, x, y, prec);
        arb_sqrtpos(x, x, prec);
        arb_mul_2exp_si(x, x, 1);
        arb_mat_trace(y, P, prec);
        arb_add(x, x, y, prec);
        arb_sqrtpos(x, x, prec);
        arb_mat_trace(truth, C[0], prec);
        arb_mat_trace(y, C[1], prec);
        arb_add(truth, truth, y, prec);
        arb_submul_si(truth, x, 2, prec);
        arb_sqrtpos(truth, truth, prec);
        check_w2(radius, C[0], C[1], truth, 0.0, prec);
        ck_assert(mag_cmp_2exp_si(radius, -100) < 0);
        arb_mat_clear(C[0]);
        arb_mat_clear(C[1]);
        arb_mat_clear(P);
        arb_clear(truth);
        arb_clear(x);
        arb_clear(y);
        mag_clear(radius);
    }
}
END_TEST

/* A covariance that misses positive semi-definiteness by 2^-53: its positive part is enclosed, at
 * the cost of 2^-26. */
START_TEST(test_oracle_w2__takes_a_slightly_indefinite_covariance)
{
    arb_mat_t C, D;
    arb_t truth;
    mag_t radius;
    arb_mat_init(C, 3, 3);
    arb_mat_init(D, 3, 3);
    arb_init(truth);
    mag_init(radius);
    arb_mat_one(D);
    arb_mat_one(C);
    arb_set_d(arb_mat_entry(C, 0, 0), 4.0);
    arb_set_d(arb_mat_entry(C, 2, 2), -0x1p-53);
    arb_set_ui(truth, 2); /* (2 - 1)^2 + (1 - 1)^2 + (0 - 1)^2 */
    arb_sqrt(truth, truth, 200);
    check_w2(radius, C, D, truth, 0x1p-50, 200);
    ck_assert(mag_cmp_2exp_si(radius, -24) < 0);
    arb_mat_clear(C);
    arb_mat_clear(D);
    arb_clear(truth);
    mag_clear(radius);
}
END_TEST

/* F F^T with integers F is exactly positive semi-definite of rank at most that of F; one ulp less
 * is not. */
START_TEST(test_oracle_psd_exact__decides_to_the_last_bit)
{
    enum { N = 8 };
    for (int r = 1; r <= N; r++) {
        double F[N][N], C[N * N];
        uint32_t state = 7;
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++) {
                state = 1664525U * state + 1013904223U;
                F[i][j] = j < r ? (double)(state >> 20) - 2048.0 : 0.0;
            }
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++) {
                C[N * i + j] = 0;
                for (int k = 0; k < r; k++)
                    C[N * i + j] += F[i][k] * F[j][k];
            }
        oracle_doubles x = {C, N, N};
        int rank = -1;
        ck_assert_int_eq(oracle_psd_exact(&rank, &x), 1);
        ck_assert_int_eq(rank, r);
        C[N * N - 1] = nextafter(C[N * N - 1], -INFINITY);
        ck_assert_int_eq(oracle_psd_exact(&rank, &x), r == N);
        C[N * N - 1] = nextafter(C[N * N - 1], INFINITY);
        for (int k = 0; k < N * N; k++)
            C[k] *= 0x1p-1070; /* subnormal numbers are exact too: all are integers times 2^-1070 */
        ck_assert_int_eq(oracle_psd_exact(&rank, &x), 1);
        ck_assert_int_eq(rank, r);
    }
}
END_TEST

/* Three pixels, two measurements, every method and convention; Sigma of rank 2. */
static oracle_inputs small_inputs(void)
{
    static double Sigma[] = {2, 1, 0, 1, 1, -0.5, 0, -0.5, 0.5}, A[] = {1, 0.5, 0, 0, -1, 1},
                  mu[] = {0.5, -1, 0.25};
    static double v[] = {1, -0.75}, beta[] = {0.001, 0.01, 0.05, 0.1, 0.2, 0.3};
    static int at[] = {6, 3, 0};
    static oracle_sampler samplers[8];
    for (int k = 0; k < 8; k++) {
        samplers[k] = (oracle_sampler){.method = (oracle_method)(k % 4),
                                       .guidance = (oracle_guidance)(k % 3),
                                       .r2 = (oracle_r2)(k / 4),
                                       .beta_tilde = k % 2,
                                       .last_noise = k > 3,
                                       .exact_start = k > 4,
                                       .zeta = 0.1,
                                       .alpha = 1.5};
        snprintf(samplers[k].label, sizeof samplers[k].label, "%d", k);
    }
    return (oracle_inputs){.n = 3,
                           .m = 2,
                           .T = 6,
                           .rows = 3,
                           .cols = 1,
                           .Sigma = {Sigma, 3, 3},
                           .A = {A, 2, 3},
                           .mu = {mu, 3, 1},
                           .v = {v, 2, 1},
                           .beta = {beta, 6, 1},
                           .sigma = 0.125,
                           .n_samplers = 8,
                           .samplers = samplers,
                           .n_at = 3,
                           .at = at};
}

/*
 * The whole answer at 128 and at 1024 bits: every enclosure of the one meets that of the other, and
 * the radii shrink as the bits grow. A radius that is too small anywhere would show as two that do
 * not meet.
 */
START_TEST(test_oracle_run__agrees_with_itself_at_another_precision)
{
    oracle_inputs in = small_inputs();
    oracle_result low = {0}, high = {0};
    int rank = 0;
    ck_assert(oracle_psd_exact(&rank, &in.Sigma) == 1 && rank == 2);
    ck_assert(oracle_run(&low, &in, 0.0, 128));
    ck_assert(oracle_run(&high, &in, 0.0, 1024));
    ck_assert(low.n == high.n && low.n > 8 * 3 * 9);
    for (int k = 0; k < low.n; k++) {
        ck_assert_str_eq(low.entries[k].name, high.entries[k].name);
        ck_assert_msg(arb_mat_overlaps(low.entries[k].value, high.entries[k].value),
                      "%s: %s and %s", low.entries[k].name,
                      arb_get_str(arb_mat_entry(low.entries[k].value, 0, 0), 50, 0),
                      arb_get_str(arb_mat_entry(high.entries[k].value, 0, 0), 50, 0));
    }
    ck_assert(oracle_result_excess(&low, 1e-12, NULL) <= 0.0);
    ck_assert(oracle_result_excess(&high, 1e-120, NULL) <= 0.0);
    ck_assert(oracle_result_excess(&high, 1e-300, NULL) > 0.0);
    oracle_result_clear(&low);
    oracle_result_clear(&high);
}
END_TEST

/* Proofs of definiteness: both verdicts, and no verdict where the precision does not allow one. */
START_TEST(test_oracle_definite__proves_or_says_nothing)
{
    arb_mat_t C;
    arb_mat_init(C, 2, 2);
    arb_mat_ones(C);
    ck_assert_int_eq(oracle_definite(C, 128), 0); /* singular */
    arb_set_d(arb_mat_entry(C, 1, 1), 1 + 0x1p-50);
    ck_assert_int_eq(oracle_definite(C, 128), 1);
    arb_set_d(arb_mat_entry(C, 1, 1), 1 - 0x1p-50);
    ck_assert_int_eq(oracle_definite(C, 128), -1);
    arb_add_error_2exp_si(arb_mat_entry(C, 0, 0), -40);
    ck_assert_int_eq(oracle_definite(C, 128), 0);
    arb_mat_clear(C);
}
END_TEST

/* FLINT keeps a pool of numbers for each process. */
static void clean(void)
{
    flint_cleanup();
}

int main(void)
{
    Suite *s = suite_create("oracle_balls");
    TCase *tc = new_tcase(s, "oracle_balls");
    tcase_add_checked_fixture(tc, NULL, clean);
    tcase_add_test(tc, test_oracle_w2__encloses_the_closed_form);
    tcase_add_test(tc, test_oracle_w2__encloses_two_by_two);
    tcase_add_test(tc, test_oracle_w2__takes_a_slightly_indefinite_covariance);
    tcase_add_test(tc, test_oracle_psd_exact__decides_to_the_last_bit);
    tcase_add_test(tc, test_oracle_run__agrees_with_itself_at_another_precision);
    tcase_add_test(tc, test_oracle_definite__proves_or_says_nothing);
    return run_suite(s);
}
