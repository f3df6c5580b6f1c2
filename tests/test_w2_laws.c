/*
 * W2 of covariances block by block, of covariances that are such only up to the rounding of their
 * file, and what a value without a proof vouches for.
 *
 * Truths are closed forms, or the proved intervals of the double matrices that were rounded.
 */
#include "base/internal.h"
#include "dense.h"
#include "pairs.h"
#include "wide.h"

#include <string.h>

#include "wasserstein/internal.h"

#define FLOAT 0x1p-24 /* unit roundoff of float32 */

static gref_w2_law law(gref_mat zero, gref_mat C, double u)
{
    return (gref_w2_law){gref_const(zero), gref_const(C), EPS, u};
}

static gref_w2 distance(gref_mat A, gref_mat B, double u, bool certified)
{
    SCOPED(gref_mat) zero = fresh(A.m, 1);
    gref_w2_law a = law(zero, A, u), b = law(zero, B, u);
    gref_w2 w;
    ck_ok(gref_w2_of_covariances(&w, &a, &b, certified));
    ck_assert(w.lower <= w.w2 && w.w2 <= w.upper);
    return w;
}

/* Puts 2^e C into the rows and columns k, k + step, ... of A. */
static void put(gref_mat A, gref_mat C, int k, int step, int e)
{
    for (int j = 0; j < C.n; j++)
        for (int i = 0; i < C.m; i++)
            GREF_AT(A, k + step * i, k + step * j) = ldexp(GREF_AT(C, i, j), e);
}

/*
 * Two Hadamard blocks of order 8, interleaved, the one 2^-600 of the other, a variance that differs
 * and one that is 0 in both. W2^2 is the sum, which the larger block decides unless it is the same
 * in both laws: then all digits are those of the small one, which a scale common to all would have
 * flushed.
 */
START_TEST(test_blocks__add_up_each_on_its_own_scale)
{
    for (int same = 0; same < 2; same++) {
        SCOPED(gref_mat) A = fresh(18, 18), B = fresh(18, 18);
        SCOPED(gref_mat) L1 = {0}, L2 = {0}, S1 = {0}, S2 = {0};
        long double large = hadamard_pair(&L1, &L2, 8, 10, 12, 0, 5);
        long double small = hadamard_pair(&S1, &S2, 8, 12, 20, 0, 6);
        put(A, L1, 0, 2, 0);
        put(B, same ? L1 : L2, 0, 2, 0);
        put(A, S1, 1, 2, -600);
        put(B, S2, 1, 2, -600);
        GREF_AT(A, 16, 16) = 0x1p-620;
        GREF_AT(B, 16, 16) = 0x1p-622;
        long double truth = hypotl(hypotl(same ? 0.0L : large, ldexpl(small, -300)), 0x1p-311L);
        gref_w2 w = distance(A, B, EPS, true);
        ck_assert(w.lower <= truth && truth <= w.upper && strcmp(w.method, "blocks") == 0);
        ck_assert_bound("width, blocks", (w.upper - w.lower) / w.upper, 4e-15);
        ck_assert_int_eq(w.rank, 17);
        ck_assert(w.rank_cost == 0.0);
        gref_w2 v = distance(A, B, EPS, false);
        ck_assert(!v.certified && fabs(v.w2 - (double)truth) <= v.error);
    }
}
END_TEST

/* Diagonal covariances are variances: zeros cost no rank decision, and extremes no digits. A
 * negative variance within n eps of the largest is rounding, as it was. */
START_TEST(test_blocks__diagonal_laws_are_exact)
{
    SCOPED(gref_mat) A = fresh(3, 3), B = fresh(3, 3);
    const double a[] = {4, 0, 1e300}, b[] = {9, 0, 1e300};
    for (int i = 0; i < 3; i++) {
        GREF_AT(A, i, i) = a[i];
        GREF_AT(B, i, i) = b[i];
    }
    gref_w2 w = distance(A, B, EPS, true);
    ck_assert(w.lower <= 1 && 1 <= w.upper && w.rank == 2 && w.rank_cost == 0.0);
    ck_assert_bound("width, diagonal", w.upper - w.lower, 4e-15);
    GREF_AT(B, 1, 1) = -1e284;
    w = distance(A, B, EPS, true);
    ck_assert(w.certified && w.lower <= 1 && w.upper < 1e145 && strcmp(w.method, "factor") == 0);
    SCOPED(gref_mat) zero = fresh(3, 1);
    gref_w2_law p = law(zero, A, EPS), q = law(zero, B, EPS);
    GREF_AT(B, 1, 1) = -1e286;
    ck_fails(gref_w2_of_covariances(&w, &p, &q, true), GREF_ERR_NOT_PSD);
}
END_TEST

static quad root(quad x)
{
    quad r = sqrt((double)x);
    return (r + x / r) / 2;
}

/*
 * C = D R D, D = diag(d, 1/d): W2^2 = tr C1 + tr C2 - 2 sqrt(tr C1 C2 + 2 sqrt(det C1 det C2)) of
 * order 2 loses 20 digits of quad's 34, and leaves 1e-13. As a whole, C is singular to rounding:
 * the map was given up, and the square root of a rounding was left of the factors.
 */
START_TEST(test_graded__two_by_two)
{
    SCOPED(gref_mat) r = fresh(6, 40);
    gref_random_uniform(r, 91, GREF_STREAM_TEST, 0, 0);
    for (int k = 0; k < 40; k++) {
        SCOPED(gref_mat) A = fresh(2, 2), B = fresh(2, 2);
        gref_mat C[2] = {A, B};
        quad det[2], trace = 0, inner = 0;
        int e = k % 2 ? -25 + k / 4 : 25 - k / 4;
        for (int q = 0; q < 2; q++) {
            GREF_AT(C[q], 0, 0) = ldexp(1 + GREF_AT(r, 3 * q, k), e);
            GREF_AT(C[q], 1, 1) = ldexp(1 + GREF_AT(r, 3 * q + 1, k), -e);
            GREF_AT(C[q], 0, 1) = GREF_AT(C[q], 1, 0) = GREF_AT(r, 3 * q + 2, k) - 0.5;
            quad c = GREF_AT(C[q], 0, 1);
            det[q] = (quad)GREF_AT(C[q], 0, 0) * GREF_AT(C[q], 1, 1) - c * c;
            trace += (quad)GREF_AT(C[q], 0, 0) + GREF_AT(C[q], 1, 1);
        }
        for (int i = 0; i < 4; i++)
            inner += (quad)C[0].a[i] * C[1].a[i];
        double truth = (double)root(trace - 2 * root(inner + 2 * root(det[0] * det[1])));
        gref_w2 w = distance(C[0], C[1], EPS, true);
        ck_assert(w.lower <= truth * (1 + 1e-13) && truth * (1 - 1e-13) <= w.upper);
        ck_assert_bound("width, graded 2 x 2", (w.upper - w.lower) / w.upper, 4e-15);
    }
}
END_TEST

/* D R D of order 12 and condition 1e20, in any order of the variances: close and distant pairs are
 * as narrow as those of condition 1e12, and a value keeps what it vouches for. */
START_TEST(test_graded__is_narrow)
{
    const int n = 12;
    for (int k = 0; k < 24; k++) {
        SCOPED(gref_mat)
        A = noise(n, n, 700 + k), B = noise(n, n, 730 + k), C1 = fresh(n, n), C2 = fresh(n, n);
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++) {
                double d = pow(10.0, -10.0 * (5 * i % n) / (n - 1));
                GREF_AT(B, i, j) *= d * (k % 3 == 0 ? 1.0 : ldexp(1.0, -2 * k));
                GREF_AT(A, i, j) *= d;
                GREF_AT(B, i, j) += k % 3 == 0 ? 0.0 : GREF_AT(A, i, j);
            }
        ck_ok(gref_syrk(C1, 1.0, gref_const(A), false, 0.0));
        ck_ok(gref_syrk(C2, 1.0, gref_const(B), false, 0.0));
        gref_w2 w = distance(C1, C2, EPS, true), v = distance(C1, C2, EPS, false);
        ck_assert_bound("width, graded", (w.upper - w.lower) / w.upper, 4e-15);
        ck_assert(strcmp(w.method, "map+factor") == 0 && w.rank == n);
        ck_assert(v.w2 - v.error <= w.upper && v.w2 + v.error >= w.lower);
    }
}
END_TEST

/* d = u |C|_F + n least + skew, on the scale of the copy; what a double file's rounding does not
 * explain, a float32 file's may. */
START_TEST(test_side__what_rounds_to_it)
{
    SCOPED(gref_mat) C = fresh(2, 2);
    GREF_AT(C, 0, 0) = 3;
    GREF_AT(C, 1, 1) = 4;
    GREF_AT(C, 0, 1) = 0x1p-22; /* |C - C^T|_F/2 = 2^-22.5 */
    const double units[] = {EPS, FLOAT, 0x1p-11};
    for (int k = 0; k < 3; k++) {
        SCOPED(gref_w2_side) s = {0};
        ck_ok(gref_w2_side_of(&s, gref_const(C), units[k], -2));
        double size = hypot(5, M_SQRT1_2 * 0x1p-22), least = k == 0   ? 0
                                                             : k == 1 ? 0x1p-150
                                                                      : 0x1p-25;
        ck_assert_bound("d", fabs(s.d - (units[k] * size + 2 * least + M_SQRT1_2 * 0x1p-22) / 4),
                        8 * EPS * s.d);
        ck_assert(s.rounded == (k > 0) && GREF_AT(s.C, 0, 1) == 0x1p-25);
        ck_assert(gref_w2_side_radius(&s) == gref_w2_input_radius(2, s.d, 0.0));
    }
}
END_TEST

static gref_mat to_float(gref_mat C)
{
    gref_mat F = fresh(C.m, C.n);
    for (int j = 0; j < C.n; j++)
        for (int i = 0; i < C.m; i++)
            GREF_AT(F, i, j) = (float)GREF_AT(C, i, j);
    return F;
}

/* The sample covariance of N vectors in n dimensions. */
static gref_mat statistics(int n, int N, uint64_t seed)
{
    SCOPED(gref_mat) X = noise(n, N, seed);
    gref_mat C = fresh(n, n);
    ck_ok(gref_syrk(C, 1.0 / N, gref_const(X), false, 0.0));
    return C;
}

/*
 * Statistics of 20 samples in 32 dimensions as a float32 file has them: their least eigenvalue is
 * about -1e-8 of the largest. As doubles they are refused; as float32 the interval holds the
 * distance of the double matrices that they were. So it does with 3e-7 of asymmetry.
 */
START_TEST(test_float32__its_rounding_is_in_the_interval)
{
    const int n = 32;
    for (int N = 20; N <= 80; N += 60)
        for (int seed = 0; seed < 4; seed++) {
            SCOPED(gref_mat) A = statistics(n, N, 500 + seed), B = statistics(n, N, 600 + seed);
            SCOPED(gref_mat) F = to_float(A), G = to_float(B), zero = fresh(n, 1);
            gref_w2_law p = law(zero, F, EPS), q = law(zero, G, EPS);
            gref_w2 w = {0}, truth = distance(A, B, EPS, true);
            if (N > n) /* regular, then: make it asymmetric */
                GREF_AT(F, 1, 0) += 3e-7 * GREF_AT(F, 0, 0);
            ck_fails(gref_w2_of_covariances(&w, &p, &q, true),
                     N > n ? GREF_ERR_NOT_SYMMETRIC : GREF_ERR_NOT_PSD);
            w = distance(F, G, FLOAT, true);
            ck_assert(w.rounded && w.lower <= truth.lower && truth.upper <= w.upper);
            ck_assert_bound("width, float32", w.upper - w.lower, 4 * (w.r_in + w.rank_cost));
            gref_w2 v = distance(F, G, FLOAT, false);
            ck_assert(v.rounded && fabs(v.w2 - truth.w2) <= v.error);
        }
}
END_TEST

/*
 * What the interval of a rounded law has to be: two laws that round to one asymmetric float32
 * matrix are apart, and the interval, which is 0 for exact data, holds that. Nothing is widened
 * where C is a covariance as it stands.
 */
START_TEST(test_float32__is_exact_data_where_it_can_be)
{
    SCOPED(gref_mat) lambda = geometric_spectrum(4, 100, 0);
    SCOPED(gref_mat) C = random_spd(gref_const(lambda), 7), F = to_float(C);
    gref_w2 w = distance(F, F, FLOAT, true);
    ck_assert(!w.rounded && w.upper == 0.0);
    ck_assert(w.r_in >= distance(C, F, EPS, true).w2 &&
              w.r_in > 1e6 * distance(F, F, EPS, true).r_in);
    GREF_AT(F, 2, 1) *= 1 + 2 * FLOAT;
    w = distance(F, F, FLOAT, true);
    ck_assert(w.rounded && w.lower == 0.0 && w.upper >= distance(C, F, FLOAT, true).w2);
    GREF_AT(F, 2, 1) = GREF_AT(F, 1, 2);
    GREF_AT(F, 0, 0) = -1e-6; /* more than rounding */
    SCOPED(gref_mat) zero = fresh(4, 1);
    gref_w2_law p = law(zero, F, FLOAT);
    ck_fails(gref_w2_of_covariances(&w, &p, &p, true), GREF_ERR_NOT_PSD);
}
END_TEST

/* Variances are rounded to u of themselves, or by half of the least number of their format: 2^-1074
 * may have been 1.5 2^-1074, and a float32 0 may have been 2^-150. */
START_TEST(test_variances__what_rounds_to_them)
{
    SCOPED(gref_mat) v = fresh(1, 1), zero = fresh(1, 1);
    const struct {
        double x, u, true_x;
    } cases[] = {{0x1p-1074, EPS, 0x1.8p-1074}, {0, FLOAT, 0x1p-150},
                 {1, FLOAT, 1 - FLOAT},         {1, EPS, 1 - EPS},
                 {0, 0x1p-11, 0x1p-25},         {0x1p-1073, EPS, 0x1.8p-1073}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        gref_w2_part p;
        v.a[0] = cases[k].x;
        gref_w2_law a = law(zero, v, cases[k].u);
        ck_ok(gref_w2_variances(&p, &a, &a));
        long double moved = fabsl(sqrtl(cases[k].x) - sqrtl((long double)cases[k].true_x));
        if (cases[k].true_x == 0x1.8p-1074) /* no double: the long one */
            moved = sqrtl(1.5L * 0x1p-1074L) - sqrtl(0x1p-1074L);
        ck_assert(p.r_in >= moved && p.r_in <= 10 * moved);
    }
}
END_TEST

/*
 * A value without a proof vouches for an error, and keeps it: near, far, ill-conditioned and
 * singular pairs, by covariances and by factors, graded or not, against proved intervals. The
 * estimate is no idle one: 12 digits for laws that differ by 1 % at condition 100.
 */
START_TEST(test_w2_laws__vouch_for_their_digits)
{
    const int n = 10;
    for (int kind = 0; kind < 3; kind++)
        for (double kappa = 1; kappa <= 1e12; kappa *= 100)
            for (double gap = 1e-2; gap >= 1e-16; gap *= 1e-2) {
                SCOPED(gref_mat) C1 = {0}, C2 = {0}, zero = fresh(n, 1);
                random_pair(&C1, &C2, n, kappa, gap, (pair_kind)kind, 11);
                gref_w2 w = distance(C1, C2, EPS, false), truth = distance(C1, C2, EPS, true);
                ck_assert(w.error >= w.w2 - truth.upper && w.error >= truth.lower - w.w2);
                if (kappa <= 100 && gap == 1e-2)
                    ck_assert_bound("vouched", w.error / w.w2, 3e-13);
                ck_ok(gref_cholesky(C1));
                ck_ok(gref_cholesky(C2));
                for (int i = 0; i < n * n; i++) { /* of the second kind: graded */
                    double d = kind == 1 ? pow(10.0, -1.2 * (i % n)) : 1.0;
                    GREF_AT(C1, i % n, i / n) *= d;
                    GREF_AT(C2, i % n, i / n) *= d;
                }
                ck_ok(gref_w2_factors(&w, gref_const(zero), gref_const(C1), gref_const(zero),
                                      gref_const(C2)));
                ck_ok(gref_w2_certify_factors(&truth, gref_const(zero), gref_const(C1),
                                              gref_const(zero), gref_const(C2)));
                ck_assert(w.error >= w.w2 - truth.upper && w.error >= truth.lower - w.w2);
            }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("w2_laws");
    TCase *tc = new_tcase(s, "blocks");
    tcase_add_test(tc, test_blocks__add_up_each_on_its_own_scale);
    tcase_add_test(tc, test_blocks__diagonal_laws_are_exact);
    tcase_add_test(tc, test_graded__two_by_two);
    tcase_add_test(tc, test_graded__is_narrow);
    tc = new_tcase(s, "rounding");
    tcase_add_test(tc, test_side__what_rounds_to_it);
    tcase_add_test(tc, test_float32__its_rounding_is_in_the_interval);
    tcase_add_test(tc, test_float32__is_exact_data_where_it_can_be);
    tcase_add_test(tc, test_variances__what_rounds_to_them);
    tcase_add_test(tc, test_w2_laws__vouch_for_their_digits);
    return run_suite(s);
}
