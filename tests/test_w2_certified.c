/*
 * Certified W2. Two claims are held everywhere: the truth lies inside, and the interval is narrow.
 * Truth comes from matrices that are exact in double with a closed form (Hadamard pairs, integer
 * factors); width is measured on the pairs that THEORY section 11 lists, where no closed form
 * exists but two enclosures that share no formula must meet.
 */
#include "base/internal.h"
#include "dense.h"
#include "dense/internal.h"
#include "pairs.h"
#include "support.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <gref/random.h>
#include <gref/wasserstein.h>

static double width(gref_w2 w)
{
    return w.upper > 0 ? (w.upper - w.lower) / w.upper : 0;
}

static gref_w2 certify(gref_cmat C1, gref_cmat C2)
{
    SCOPED(gref_mat) zero = fresh(C1.n, 1);
    gref_w2 w = {0};
    ck_ok(gref_w2_certify_laws(&w, gref_const(zero), C1, gref_const(zero), C2));
    ck_assert(w.certified && w.lower <= w.w2 && w.w2 <= w.upper);
    return w;
}

/* Hadamard pairs: the exact W2, computed in long double from the spectra, must lie inside. */
START_TEST(test_certify_laws__contains_the_hadamard_truth)
{
    static const int cases[][3] = {{4, 10, 4},   {16, 40, 8},  {16, 8, 40},
                                   {64, 30, 16}, {64, 10, 36}, {128, 0, 44}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
        for (uint64_t seed = 0; seed < 3; seed++) {
            SCOPED(gref_mat) C1 = {0}, C2 = {0};
            long double W = hadamard_pair(&C1, &C2, cases[k][0], cases[k][1], cases[k][2], 0, seed);
            gref_w2 w = certify(gref_const(C1), gref_const(C2));
            ck_assert_msg(w.lower <= W && W <= w.upper, "n = %d: %.20Lg outside [%.17g, %.17g]",
                          cases[k][0], W, w.lower, w.upper);
            ck_assert_str_eq(w.method, "map+factor");
            ck_assert_bound("width, Hadamard", width(w), 4e-15);
            gref_w2 back =
                certify(gref_const(C2), gref_const(C1)); /* symmetry: the intervals must meet */
            ck_assert(back.lower <= w.upper && w.lower <= back.upper);
        }
}
END_TEST

/* Singular Hadamard pairs given as covariances, of exact rank: contained, and as narrow as the
 * factors of their range; plain ones would leave sqrt(n u |C|) = 4e-8. */
START_TEST(test_certify_laws__contains_the_truth_of_singular_pairs)
{
    for (int zeros = 1; zeros <= 8; zeros += 7) {
        SCOPED(gref_mat) C1 = {0}, C2 = {0};
        long double W = hadamard_pair(&C1, &C2, 16, 6, 3, zeros, 5);
        gref_w2 w = certify(gref_const(C1), gref_const(C2));
        ck_assert(w.lower <= W && W <= w.upper);
        ck_assert_str_eq(w.method, "factor");
        ck_assert_int_eq(w.rank, 16 - zeros);
        ck_assert_bound("width, singular covariances", w.upper - w.lower, 2e-13);
    }
}
END_TEST

/*
 * [1, x; x, x^2 + d] against [1, x; x, x^2]: W2^2 = d/(1 + x^2) up to (d x)^2. With d below the
 * rank decision the value is that of rank 1, and rank_cost must admit what the decision hides, in
 * the unit of W2 whatever the scale. The proof has an exact factor of rank 2, and says what it
 * leaves out of B. Definite and diagonal pairs decide no rank.
 */
START_TEST(test_w2_laws__say_what_the_rank_decision_may_cost)
{
    for (int e = -200; e <= 200; e += 100) {
        double d = 0x1p-56, x = 0x1p-10, s = ldexp(1, e), zero[2] = {0};
        double a[4] = {s, s * x, s * x, s * (x * x + d)}, b[4] = {s, s * x, s * x, s * x * x},
               c[4] = {s, s / 4, s / 4, 4 * s}, p[4] = {s, 0, 0, s * d};
        gref_cmat m = {zero, 2, 1, 2}, A = {a, 2, 2, 2}, B = {b, 2, 2, 2}, C = {c, 2, 2, 2};
        double truth = sqrt(d * s / (1 + x * x));
        gref_w2 w[2], definite;
        ck_ok(gref_w2_laws(&w[0], m, A, m, B));
        ck_ok(gref_w2_certify_laws(&w[1], m, A, m, B));
        ck_assert_int_eq(w[0].rank, 1);
        ck_assert(w[0].rank_cost >= truth && w[0].rank_cost < 4 * truth);
        ck_assert(w[1].rank_cost > 0 && w[1].rank_cost < 1e-5 * truth);
        ck_assert(w[1].lower <= truth && truth <= w[1].upper);
        ck_ok(gref_w2_certify_laws(&definite, m, C, m, C));
        ck_assert(definite.rank == 2 && definite.rank_cost == 0.0);
        ck_ok(gref_w2_certify_laws(&definite, m, (gref_cmat){p, 2, 2, 2}, m,
                                   (gref_cmat){p, 2, 2, 2}));
        ck_assert(definite.rank == 2 && definite.rank_cost == 0.0 && definite.upper == 0.0);
    }
}
END_TEST

/*
 * Graded laws, diag(1, g) against [1, b; b, g + d] with |b| from g/10 to beyond sqrt(g (g + d)),
 * where C2 turns indefinite: Lyap(E) is small all the while, yet a fixed point need not contract.
 * The value must lie in the proved interval but for the error documented for factors, n u
 * (|L1| + |L2|) = 1e-15 here (doubled), and both must refuse the same matrices.
 */
START_TEST(test_w2_laws__of_graded_pairs_agree_with_their_proof)
{
    int held = 0, refused = 0;
    double zero[2] = {0};
    gref_cmat m = {zero, 2, 1, 2};
    for (double g = 1e-2; g > 1e-9; g *= 1e-2)
        for (double d = -0.5 * g; d <= g; d += 0.5 * g)
            for (double b = 0.1 * g; b < 40 * sqrt(g); b *= 1.7) {
                double a[] = {1, 0, 0, g}, c[] = {1, b, b, g + d};
                gref_cmat A = {a, 2, 2, 2}, C = {c, 2, 2, 2};
                gref_w2 value, w;
                gref_status status = gref_w2_certify_laws(&w, m, A, m, C);
                ck_assert_int_eq(gref_w2_laws(&value, m, A, m, C), status);
                ck_assert_int_eq(status, b * b < g + d ? GREF_OK : GREF_ERR_NOT_PSD);
                if (status != GREF_OK) {
                    refused++;
                    continue;
                }
                held++;
                double outside = fmax(w.lower - value.w2, value.w2 - w.upper);
                ck_assert_bound("graded pairs", fmax(outside, 0.0), 8e-16);
            }
    printf("# %d graded pairs held, %d refused\n", held, refused);
    ck_assert(held > 40 && refused > 20);
}
END_TEST

/* The 36 pairs of THEORY section 11 at n = 24: width at most 4e-15. That the two forms meet is
 * checked inside. */
static void hold_widths(int n, double bound, int kappas, const double *kappa, int gaps,
                        const double *gap)
{
    for (int kind = 0; kind < 3; kind++)
        for (int k = 0; k < kappas; k++)
            for (int g = 0; g < gaps; g++) {
                SCOPED(gref_mat) C1 = {0}, C2 = {0};
                char name[64];
                random_pair(&C1, &C2, n, kappa[k], gap[g], (pair_kind)kind, 3);
                gref_w2 w = certify(gref_const(C1), gref_const(C2));
                snprintf(name, sizeof name, "width, n = %d", n);
                ck_assert_msg(width(w) <= bound,
                              "kind %d kappa %g gap %g: [%.17g, %.17g] width %.2e", kind, kappa[k],
                              gap[g], w.lower, w.upper, width(w));
                note_ratio(name, width(w), bound);
            }
}

static const double kappas[] = {1, 1e4, 1e8, 1e12}, gaps[] = {1e-2, 1e-8, 1e-16};

START_TEST(test_certify_laws__is_narrow_at_24)
{
    hold_widths(24, 4e-15, 4, kappas, 3, gaps);
}
END_TEST

START_TEST(test_certify_laws__is_narrow_at_128)
{
    static const double kappa[] = {1e12}, gap[] = {1e-2, 1e-16};
    hold_widths(128, 4e-15, 1, kappa, 2, gap);
}
END_TEST

/*
 * Entries changed by 1e-12 of themselves at condition 1e12: hardly a change but for the least
 * direction, where D is of order 1 and Lyapunov's equation alone leaves |D| of each residual. Eight
 * rounds of it stopped at widths up to 1e-9.
 */
START_TEST(test_certify_laws__is_narrow_where_one_direction_changes)
{
    SCOPED(gref_mat) lambda = geometric_spectrum(3, 1e12, 0);
    for (int seed = 0; seed < 40; seed++) {
        SCOPED(gref_mat) C1 = random_spd(gref_const(lambda), 300 + seed), C2 = fresh(3, 3);
        gref_random_normal(C2, 340 + seed, GREF_STREAM_TEST, 0, 0);
        for (int k = 0; k < 9; k++)
            C2.a[k] = GREF_AT(C1, k % 3, k / 3) * (1 + 1e-12 * C2.a[k]);
        gref_mat_mirror_lower(C2);
        SCOPED(gref_mat) L = fresh(3, 3);
        gref_mat_copy(L, gref_const(C2));
        if (gref_cholesky_succeeds(L))
            ck_assert_bound("width, n = 3", width(certify(gref_const(C1), gref_const(C2))), 4e-15);
    }
}
END_TEST

/*
 * Rank-deficient factors F and F + 2^-k G with integer entries, exact in double. With G = F E, E
 * small and symmetric and F of orthogonal integer columns (F^T F = 16 I), L2^T L1 = 16 (I + 2^-k
 * E) > 0: the polar factor is I and W2 = |2^-k F E|_F = 4 2^-k |E|_F exactly.
 */
START_TEST(test_certify_factors__contains_the_truth_of_integer_pairs)
{
    enum { N = 16, R = 5 };
    static const double E[R][R] = {
        {1, 2, 0, -1, 0}, {2, -3, 1, 0, 1}, {0, 1, 2, 0, 0}, {-1, 0, 0, 0, 2}, {0, 1, 0, 2, 1}};
    double sum = 0;
    for (int i = 0; i < R; i++)
        for (int j = 0; j < R; j++)
            sum += E[i][j] * E[i][j];
    for (int k = 4; k <= 40; k += 6) {
        SCOPED(gref_mat) F1 = fresh(N, R), F2 = fresh(N, R), zero = fresh(N, 1);
        for (int i = 0; i < N; i++)
            for (int j = 0; j < R; j++)
                GREF_AT(F1, i, j) = __builtin_parity((unsigned)(i & (j + 1))) ? -1.0 : 1.0;
        for (int i = 0; i < N; i++)
            for (int j = 0; j < R; j++) {
                double g = 0;
                for (int l = 0; l < R; l++)
                    g += GREF_AT(F1, i, l) * E[l][j];
                GREF_AT(F2, i, j) = GREF_AT(F1, i, j) + ldexp(g, -k);
            }
        long double W = 4 * ldexpl(sqrtl(sum), -k);
        gref_w2 w;
        ck_ok(gref_w2_certify_factors(&w, gref_const(zero), gref_const(F1), gref_const(zero),
                                      gref_const(F2)));
        ck_assert_msg(w.lower <= W && W <= w.upper, "k = %d: %.20Lg outside [%.17g, %.17g]", k, W,
                      w.lower, w.upper);
        ck_assert_bound("width, integer factors", width(w), 3.2e-15);
    }
}
END_TEST

/* Different ranks: the trace bound. diag(4, 1, 0) against diag(4, 0, 9): W2^2 = 1 + 9. */
START_TEST(test_certify_factors__different_ranges)
{
    SCOPED(gref_mat) L1 = fresh(3, 2), L2 = fresh(3, 2), zero = fresh(3, 1);
    GREF_AT(L1, 0, 0) = GREF_AT(L2, 0, 0) = 2;
    GREF_AT(L1, 1, 1) = 1;
    GREF_AT(L2, 2, 1) = 3;
    gref_w2 w;
    ck_ok(gref_w2_certify_factors(&w, gref_const(zero), gref_const(L1), gref_const(zero),
                                  gref_const(L2)));
    ck_assert(w.lower <= sqrtl(10.0L) && sqrtl(10.0L) <= w.upper);
    ck_assert_bound("width, different ranges", width(w), 1e-13);
}
END_TEST

/* Laws on scales where squares overflow or vanish: scaling C by 4^k scales the interval by 2^k,
 * exactly. */
START_TEST(test_certify_laws__extreme_scales)
{
    SCOPED(gref_mat) C1 = {0}, C2 = {0}, S1 = fresh(8, 8), S2 = fresh(8, 8);
    random_pair(&C1, &C2, 8, 1e4, 1e-3, PAIR_ADD, 1);
    gref_w2 w = certify(gref_const(C1), gref_const(C2));
    for (int k = -480; k <= 480; k += 160) {
        for (int i = 0; i < 64; i++) {
            S1.a[i] = ldexp(C1.a[i], 2 * k);
            S2.a[i] = ldexp(C2.a[i], 2 * k);
        }
        gref_w2 s = certify(gref_const(S1), gref_const(S2));
        ck_assert(s.lower == ldexp(w.lower, k) && s.upper == ldexp(w.upper, k) &&
                  s.w2 == ldexp(w.w2, k));
    }
}
END_TEST

/* Equal laws: 0 is inside, and the interval reaches no further than rounding. */
START_TEST(test_certify_laws__equal_laws)
{
    SCOPED(gref_mat) C1 = {0}, C2 = {0};
    random_pair(&C1, &C2, 12, 1e6, 1e-2, PAIR_MULT, 2);
    gref_w2 w = certify(gref_const(C1), gref_const(C1));
    ck_assert(w.lower == 0 && w.w2 == 0);
    ck_assert_bound("upper end, equal laws", w.upper, 1e-25);
    ck_assert(w.r_in > 0 && w.r_in < 1e-8);
}
END_TEST

/* The mean part: 3-4-5 with a covariance part of 4 (variances 25 and 81), and its interval. */
START_TEST(test_certify_laws__combines_mean_and_covariance)
{
    SCOPED(gref_mat) C1 = fresh(1, 1), C2 = fresh(1, 1), m1 = fresh(1, 1), m2 = fresh(1, 1);
    C1.a[0] = 25;
    C2.a[0] = 81;
    m2.a[0] = 3;
    gref_w2 w;
    ck_ok(gref_w2_certify_laws(&w, gref_const(m1), gref_const(C1), gref_const(m2), gref_const(C2)));
    ck_assert(w.lower <= 5 && 5 <= w.upper && w.w2_mean == 3);
    ck_assert_bound("width, 3-4-5", width(w), 4e-15);
}
END_TEST

/* An indefinite matrix is refused with its most negative eigenvalue, an asymmetric one with the
 * entries. */
START_TEST(test_certify_laws__refuses)
{
    SCOPED(gref_mat) C1 = fresh(2, 2), C2 = fresh(2, 2), m = fresh(2, 1);
    gref_w2 w = {.w2 = -7};
    gref_mat_identity(C1);
    gref_mat_identity(C2);
    GREF_AT(C2, 0, 1) = GREF_AT(C2, 1, 0) = 2;
    ck_fails(gref_w2_certify_laws(&w, gref_const(m), gref_const(C1), gref_const(m), gref_const(C2)),
             GREF_ERR_NOT_PSD);
    ck_assert_ptr_nonnull(strstr(gref_last_error()->message, "-1"));
    ck_fails(gref_w2_laws(&w, gref_const(m), gref_const(C2), gref_const(m), gref_const(C1)),
             GREF_ERR_NOT_PSD);
    GREF_AT(C2, 0, 1) = 0.5;
    ck_fails(gref_w2_certify_laws(&w, gref_const(m), gref_const(C1), gref_const(m), gref_const(C2)),
             GREF_ERR_NOT_SYMMETRIC);
    GREF_AT(C2, 0, 1) = NAN;
    ck_fails(gref_w2_certify_laws(&w, gref_const(m), gref_const(C1), gref_const(m), gref_const(C2)),
             GREF_ERR_NONFINITE);
    ck_fails(gref_w2_certify_laws(&w, gref_const(m), gref_const(C1), gref_const(m), (gref_cmat){0}),
             GREF_ERR_SHAPE);
    ck_assert(w.w2 == -7);
}
END_TEST

/* ---- Inputs that are easily wronged: one law singular, C not quite symmetric, laws the same,
 * scales far apart. ---- */

static gref_mat diagonal(double a, double b, double c)
{
    gref_mat A = fresh(3, 3);
    GREF_AT(A, 0, 0) = a;
    GREF_AT(A, 1, 1) = b;
    GREF_AT(A, 2, 2) = c;
    return A;
}

/*
 * I against diag(4, 9, 0): W2^2 = 1 + 4 + 1. Whatever form each law has, both ends are proved.
 * Width: the trace bound errs by c n u |L|^2/W2 = 2e-15 c, c about 30 for the enclosures of |B^T
 * A|_* and of the truncated factor.
 */
START_TEST(test_certify__a_singular_law_against_a_regular_one)
{
    SCOPED(gref_mat) zero = fresh(3, 1);
    SCOPED(gref_mat) C1 = diagonal(1, 1, 1);
    SCOPED(gref_mat) C2 = diagonal(4, 9, 0);
    SCOPED(gref_mat) L2 = diagonal(2, 3, 0);
    gref_cmat m = gref_const(zero), A = gref_const(C1), B = gref_const(C2), L = gref_const(L2);
    long double truth = sqrtl(6.0L);
    gref_w2 w[6];
    ck_ok(gref_w2_certify_laws(&w[0], m, A, m, B));
    ck_ok(gref_w2_certify_laws(&w[1], m, B, m, A));
    ck_ok(gref_w2_certify_factors(&w[2], m, A, m, L)); /* I is its own factor */
    ck_ok(gref_w2_certify_factors(&w[3], m, L, m, A));
    ck_ok(gref_w2_certify_mixed(&w[4], m, A, m, L));
    ck_ok(gref_w2_certify_mixed(&w[5], m, B, m, A));
    for (int k = 0; k < 6; k++) {
        ck_assert(w[k].certified && w[k].lower <= truth && truth <= w[k].upper);
        ck_assert_bound("width, singular against regular", w[k].upper - w[k].lower, 1e-13);
    }
}
END_TEST

/* Rank 20 against rank 40, factors of odd integers: both orders meet, and neither end is loose. */
START_TEST(test_certify_factors__rank_20_against_40_in_both_orders)
{
    SCOPED(gref_mat) zero = fresh(40, 1);
    SCOPED(gref_mat) L1 = odd_integers(40, 40, 3);
    SCOPED(gref_mat) L2 = odd_integers(40, 20, 4);
    gref_cmat m = gref_const(zero);
    gref_w2 w, back;
    ck_ok(gref_w2_certify_factors(&w, m, gref_const(L1), m, gref_const(L2)));
    ck_ok(gref_w2_certify_factors(&back, m, gref_const(L2), m, gref_const(L1)));
    double l = gref_mat_norm_fro(gref_const(L1)), unit = 40 * DBL_EPSILON * l * l / w.w2;
    ck_assert(back.lower <= w.upper && w.lower <= back.upper);
    ck_assert_bound("width, 20 against 40", fmax(w.upper - w.lower, back.upper - back.lower),
                    100 * unit);
}
END_TEST

/*
 * C and C^T are one datum, (C + C^T)/2, to the last bit; r_in covers what was averaged away. The
 * laws are close, so that taking one triangle instead would change the third digit.
 */
START_TEST(test_certify_laws__do_not_depend_on_the_triangle)
{
    SCOPED(gref_mat) zero = fresh(3, 1);
    SCOPED(gref_mat) C1 = diagonal(1, 2, 3);
    SCOPED(gref_mat) C2 = diagonal(1, 2, 3);
    SCOPED(gref_mat) CT = fresh(3, 3);
    GREF_AT(C2, 1, 0) += 0x1p-50;
    GREF_AT(C2, 0, 2) -= 0x1p-51;
    gref_mat_transpose(CT, gref_const(C2));
    gref_cmat m = gref_const(zero);
    gref_w2 w, t;
    ck_ok(gref_w2_certify_laws(&w, m, gref_const(C1), m, gref_const(C2)));
    ck_ok(gref_w2_certify_laws(&t, m, gref_const(C1), m, gref_const(CT)));
    ck_assert(w.lower == t.lower && w.upper == t.upper && w.w2 == t.w2 && w.r_in == t.r_in);
    /* off-diagonal e in modes a, b: W2^2 = 2 e^2 c with c = 1/(2 (a + b)) to first order in e; its
     * error e^3 */
    long double truth = sqrtl(powl(0x1p-51L, 2) / 3 + powl(0x1p-52L, 2) / 4);
    ck_assert_bound("W2 of the symmetric part, relative", (double)fabsl(w.w2 / truth - 1), 1e-12);
    ck_assert(w.r_in >
              0x1p-51); /* half of what the entries differ by, over sqrt(lambda) + sqrt(lambda) */
}
END_TEST

/* W2(C, C) = 0, proved, singular or not, as covariances or as factors. */
START_TEST(test_certify__a_law_to_itself_is_zero)
{
    SCOPED(gref_mat) zero = fresh(3, 1);
    SCOPED(gref_mat) C = diagonal(4, 9, 0);
    SCOPED(gref_mat) I = diagonal(1, 0.3, 1e-9);
    SCOPED(gref_mat) none = fresh(3, 3);
    gref_cmat m = gref_const(zero), all[] = {gref_const(C), gref_const(I), gref_const(none)};
    for (int k = 0; k < 3; k++) {
        gref_w2 w, f;
        ck_ok(gref_w2_certify_laws(&w, m, all[k], m, all[k]));
        ck_ok(gref_w2_certify_factors(&f, m, all[k], m, all[k]));
        ck_assert(w.certified && w.lower == 0 && w.upper == 0 && w.w2 == 0);
        ck_assert(f.certified && f.lower == 0 && f.upper == 0 && f.w2 == 0);
    }
}
END_TEST

/* Nothing is lost beside a zero law, nor where sizes differ by more than a double's exponent holds
 * when squared. */
START_TEST(test_certify__scales_far_apart)
{
    SCOPED(gref_mat) zero = fresh(3, 1);
    SCOPED(gref_mat) none = fresh(3, 3);
    SCOPED(gref_mat) tiny = diagonal(1e-300, 1e-300, 1e-300);
    SCOPED(gref_mat) huge = diagonal(1e300, 1e300, 1e300);
    SCOPED(gref_mat) large = diagonal(1e308, 1e308, 1e308);
    SCOPED(gref_mat) ones = fresh(3, 1);
    gref_cmat m = gref_const(zero);
    gref_w2 w;
    ck_ok(gref_w2_certify_mixed(&w, m, gref_const(none), m, gref_const(tiny))); /* sqrt 3 1e-300 */
    ck_assert_bound("0 against a tiny factor", fabs(w.w2 / (sqrt(3) * 1e-300) - 1), 1e-14);
    ck_assert(w.lower > 1.73e-300 && w.upper < 1.74e-300);
    ck_ok(gref_w2_certify_laws(&w, m, gref_const(huge), m,
                               gref_const(tiny))); /* sqrt 3 (1e150 - 1e-150) */
    ck_assert(w.lower > 1.732e150 && w.upper < 1.733e150);
    for (int i = 0; i < 3; i++)
        ones.a[i] = 1.7e308;
    ck_ok(gref_w2_spectra(&w, m, gref_const(ones), m, gref_const(zero)));
    ck_assert(isfinite(w.r_in) && w.lower > 2.258e154 && w.upper < 2.2585e154);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("w2_certified");
    TCase *tc = new_tcase(s, "w2");
    tcase_add_test(tc, test_certify_laws__contains_the_hadamard_truth);
    tcase_add_test(tc, test_certify_laws__contains_the_truth_of_singular_pairs);
    tcase_add_test(tc, test_w2_laws__of_graded_pairs_agree_with_their_proof);
    tcase_add_test(tc, test_w2_laws__say_what_the_rank_decision_may_cost);
    tcase_add_test(tc, test_certify_laws__is_narrow_at_24);
    tcase_add_test(tc, test_certify_laws__is_narrow_at_128);
    tcase_add_test(tc, test_certify_laws__is_narrow_where_one_direction_changes);
    tcase_add_test(tc, test_certify_factors__contains_the_truth_of_integer_pairs);
    tcase_add_test(tc, test_certify_factors__different_ranges);
    tcase_add_test(tc, test_certify_laws__extreme_scales);
    tcase_add_test(tc, test_certify_laws__equal_laws);
    tcase_add_test(tc, test_certify_laws__combines_mean_and_covariance);
    tcase_add_test(tc, test_certify_laws__refuses);
    tc = new_tcase(s, "inputs");
    tcase_add_test(tc, test_certify__a_singular_law_against_a_regular_one);
    tcase_add_test(tc, test_certify_factors__rank_20_against_40_in_both_orders);
    tcase_add_test(tc, test_certify_laws__do_not_depend_on_the_triangle);
    tcase_add_test(tc, test_certify__a_law_to_itself_is_zero);
    tcase_add_test(tc, test_certify__scales_far_apart);
    return run_suite(s);
}
