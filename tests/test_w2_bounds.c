/*
 * Each term of the bounds behind a certified W2, from both sides. Terms of rounding are held
 * against their formulas in long double, in rows where each counts by more than 2^-38 of the sum.
 * Terms of perturbation are held against a perturbation of that size for which W2 is known in
 * closed form: 1/2 < change/term <= 1.
 */
#include "base/internal.h"
#include "dense.h"
#include "dense/bound.h"
#include "wasserstein/internal.h"
#include "wide.h"

#include <stdio.h>
#include <string.h>

static const long double U = 0x1p-53L;

/* change/term in (least, 1]. */
#define ck_assert_needed(name, change, term, least)                                                \
    do {                                                                                           \
        double ratio_ = (double)((change) / (term));                                               \
        ck_assert_msg(ratio_ > (least) && ratio_ <= 1.0 + 1e-9, "%s: change/term = %.4g", (name),  \
                      ratio_);                                                                     \
    } while (0)

static long double gamma_of(int k)
{
    return k * U / (1 - k * U);
}

/* P: Dot2 and low parts. S: those, what is left out, and D times the error of P, mirrored. R: both,
 * and the sums. */
START_TEST(test_map__rounding_is_its_formula)
{
    static const gref_w2_map_sizes rows[] = {
        /* c eh el dh dl ph pl pl0 sh sl sl0 R w low eC eE */
        {7,
         3,
         1,
         0x1p-46,
         2,
         0x1p-46,
         5,
         0x1p-45,
         0x1p-46,
         1,
         0x1p-45,
         0x1p-46,
         0x1p-44,
         {0x1p-44, 0x1p-45, -0x1p-44},
         0,
         0,
         0},
        {9, 2, 1, 2, 3, 1, 1, 2, 4, 3, 2, 3, 1, {-1, 5, 2}, 0.5, 0x1p-40, 0x1p-30},
        {5, 2, 3, 0, 1, 2, 3, 0, 0, 1, 0, 0, 1, {0, 1, -2}, 0, 0, 0},
        {8, 0x1p-60, 3, 0, 1, 0, 0x1p-30, 1, 0, 2, 0, 0, 0, {0}, 0x1p-20, 0, 0},
        {8, 0x1p-60, 3, 0, 0x1p-60, 0, 0x1p-60, 0, 0, 2, 0, 0, 0, {0}, 0, 0x1p-70, 0},
    };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        const gref_w2_map_sizes *s = &rows[k];
        gref_w2_map_errors e = gref_w2_map_rounding(s);
        long double k2 = gref_dot2_error_up(s->n), g = gamma_of(s->n + 3), c = s->c, dh = s->dh;
        long double d = dh + s->dl, root = sqrtl(2), l = s->low;
        long double P =
            k2 * c * dh + g * s->pl0 + g * c * s->dl + g * l * dh + l * s->dl + s->eC * d;
        long double S = k2 * dh * s->ph + g * s->sl0 + g * dh * s->pl + g * s->dl * s->ph;
        S = root * (S + (long double)s->dl * s->pl + d * e.P);
        long double low = s->el + 2 * (long double)s->pl + root * s->sl +
                          3 * U * (s->eh + 2 * (long double)s->ph + root * s->sh);
        ck_assert_formula("P", e.P, P);
        ck_assert_formula("S", e.S, S);
        ck_assert_formula("R", e.R, s->eE + 2.0L * e.P + e.S + 6 * U * low + U * s->R);
        ck_assert_formula("w2", e.w2,
                          d * e.P + (long double)s->dl * s->pl +
                              U * (2 * fabsl(s->w[0]) + 3 * fabsl(s->w[1]) + 3 * fabsl(s->w[2])) +
                              gref_inner_error_up(s->n, s->n) * d * (s->ph + (long double)s->pl));
    }
}
END_TEST

START_TEST(test_procrustes__rounding_is_its_formula)
{
    static const gref_w2_sizes rows[] = {
        /* n r; a b da db q eF; dq low c delta bq k h */
        {7, 5, 1, 3, 0x1p-43, 0x1p-48, 2, 0x1p-90, 0x1p-49, 0x1p-48, 0x1p-43, 0x1p-42, 0x1p-42, 1,
         2},
        {9, 4, 1, 1e3, 1, 1e3, 2, 1, 1e6, 1e9, 1, 1e6, 1, 1e9, 1e9},
        {3, 2, 1, 1, 1, 0x1p-30, 1, 1, 0x1p-31, 0x1p-32, 0x1p-10, 1, 1, 0.5, 0.25},
    };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        const gref_w2_sizes *s = &rows[k];
        gref_w2_errors e = gref_w2_rounding(s);
        long double g = gamma_of(2 * s->r + 8), b = s->b, bq = s->bq, delta = s->delta;
        long double products = g * s->low + g * b * s->dq + g * s->db * s->q + g * s->db * s->dq +
                               gref_dot2_error_up(s->r) * b * s->q;
        ck_assert_formula("BQ", e.BQ, products + U * bq);
        ck_assert_formula("Delta", e.Delta, products + U * (2 * (long double)s->c + s->da + delta));
        ck_assert_formula("K", e.K,
                          gamma_of(s->n) * bq * delta + bq * e.Delta + (long double)e.BQ * e.Delta +
                              e.BQ * delta);
        ck_assert_formula("H", e.H,
                          gamma_of(s->n) * bq * bq + 2 * bq * e.BQ + (long double)e.BQ * e.BQ +
                              e.K + U * (2 * (long double)s->h + s->k));
    }
    for (int e = 0; e <= 40; e += 20) { /* dQ from order 1 down to where its square vanishes */
        long double dq = ldexpl(1, -e), f = ldexpl(3, -e), g = gamma_of(2 * 6 + 4), q = 2.5;
        long double g6 = gamma_of(2 * 6 + 6);
        ck_assert_formula("defect", gref_w2_defect_error(6, 2.5, (double)dq, (double)f, 0x1p-52),
                          0x1p-52L + g6 * f + g6 * 2 * q * dq + g6 * dq * dq);
        ck_assert_formula("corrected",
                          gref_w2_corrected_error(6, 2.5, (double)dq, (double)f, 0x1p-52),
                          0x1p-52L + g * f + g * 2 * q * dq + g * dq * dq);
    }
}
END_TEST

/* Differences of numbers of many sizes: what is lost of the large ones is not lost. */
START_TEST(test_differences__lose_nothing)
{
    SCOPED(gref_mat) x = noise(8, 400, 11);
    for (int k = 0; k < 400; k++) {
        double small = exp2(-k % 60), *v = &GREF_AT(x, 0, k), size = 0.0;
        double a = v[0], h = v[1] * exp2(-k % 7), c = v[2] * small,
               da = v[3] * small * exp2(k % 5 - 2);
        double d = gref_w2_difference(a, h, c, da);
        ck_assert_bound("a - h - c + da", quad_distance(d, (quad)a - h - c + da),
                        EPS * (2 * fabs(c) + fabs(da) + fabs(d)) * (1 + 4 * EPS));
        quad truth = 0;
        for (int i = 0; i < 4; i++) {
            v[4 + i] *= small * 0x1p-20;
            truth += i == 0 ? (quad)v[0] + v[4] : -((quad)v[i] + v[4 + i]);
            size += fabs(v[4 + i]) + 3 * EPS * fabs(v[i]);
        }
        d = gref_w2_map_entry(v, v + 4);
        ck_assert_bound("an entry of R", quad_distance(d, truth),
                        EPS * (6 * size + fabs(d)) * (1 + 8 * EPS));
    }
}
END_TEST

/*
 * From a Q that is 1e-3 rad off, each round gains: none is a valid but wide enclosure, and four are
 * as narrow as those from the best start. Both contain the distance that the map encloses.
 */
START_TEST(test_procrustes__from_a_rough_start)
{
    enum { N = 6 };
    gref_mat C[2] = {covariance(N, 50.0, 21), covariance(N, 20.0, 22)}, F = fresh(N, N),
             Q = fresh(N, N), G = fresh(N, N), S = fresh(N, N);
    gref_w2_factor f[2] = {0};
    gref_w2_cov map, ends;
    double least;
    for (int k = 0; k < 2; k++)
        ck_ok(gref_w2_factor_of(&f[k], gref_const(C[k]), true));
    ck_ok(gref_w2_map(&map, (gref_mat){0},
                      &(gref_w2_pair){.C1 = gref_const(C[0]), .C2 = gref_const(C[1])}, true));
    ck_ok(gref_gemm(F, 1.0, gref_const(f[1].L), true, gref_const(f[0].L), false, 0.0));
    ck_ok(gref_w2_polar(Q, &least, F, N));
    gref_mat_identity(G);
    for (int i = 0; i < N; i += 2) {
        GREF_AT(G, i, i) = GREF_AT(G, i + 1, i + 1) = cos(1e-3);
        GREF_AT(G, i, i + 1) = -(GREF_AT(G, i + 1, i) = sin(1e-3));
    }
    ck_ok(gref_gemm(S, 1.0, gref_const(Q), false, gref_const(G), false, 0.0));
    for (int rounds = 0; rounds <= 4; rounds += 4) {
        ck_ok(gref_w2_factor_form(&ends, &f[0], &f[1], gref_const(S), rounds));
        ck_assert(ends.lower <= map.upper && map.lower <= ends.upper);
        ck_assert(rounds > 0 || ends.upper - ends.lower > 1e-7 * ends.upper);
    }
    ck_assert_bound("width after four rounds", ends.upper / ends.lower - 1, 4e-15);
    for (int k = 0; k < 2; k++)
        gref_w2_factor_free(&f[k]);
    FREE_ALL(&C[0], &C[1], &F, &Q, &G, &S);
}
END_TEST

/*
 * |F|_* <= (1 + gamma) (1 + x)(1 + y) sum s + sqrt(r) |F - W S V^T|_F. The norms: W = (1 + x) I,
 * V = (1 + y) I of exact s. The rest: F = (s + d) I, whose nuclear norm exceeds r s by r
 * d = sqrt(r) |d I|_F; with what rounding may hide of it.
 */
START_TEST(test_procrustes__nuclear_bound)
{
    const double sum = 12;
    for (int e = 2; e <= 50; e += 6) {
        long double g = gamma_of(4), x = ldexpl(1, -e), y = ldexpl(3, -e), d = ldexpl(5, -e);
        gref_w2_nuclear_sizes norms = {.r = 4, .sum = sum, .x = (double)x, .y = (double)y},
                              rest = {.r = 4, .sum = sum, .left = 2 * (double)d},
                              all = {
                                  9, 4, 3, 5, 7, 2, 3.5, sum, (double)x, (double)y, 2 * (double)d};
        double least = e < 48 ? 0.5 : 0.2; /* below 2^-48 the sum itself is rounded */
        ck_assert_needed("norms", sum * ((1 + x) * (1 + y) - 1), gref_w2_nuclear(&norms) - sum,
                         least);
        ck_assert_needed("rest", 4 * d, gref_w2_nuclear(&rest) - sum, least);
        long double excess = ((1 + g) * (1 + x) * (1 + y) - 1) * sum + 4 * d +
                             2 * (gamma_of(9) * 15 + gamma_of(6) * 7 + gamma_of(6) * 7);
        double bound = gref_w2_nuclear(&all);
        ck_assert(bound >= sum + excess && bound <= sum + excess * (1 + 1e-9L) + 16 * U);
        all.sum = 0x1p-60; /* rounding alone */
        all.left = all.x = all.y = 0.0;
        excess = 2 * (gamma_of(9) * 15 + gamma_of(6) * 7 + gamma_of(6) * 7);
        ck_assert_formula("rounding", gref_w2_nuclear(&all), 0x1p-60L * (1 + g) + excess);
    }
    /* traces: diag(3, 4) against diag(3, 0): 9 + 16 + 9 - 2 9 = 16 */
    double bound = gref_w2_trace_bound(25.0, 9.0, 9.0, 0.0, 0.0, 0.0);
    ck_assert(bound <= 4.0 && bound >= 4.0 * (1 - 80 * EPS));
    ck_assert(gref_w2_trace_bound(1.0, 1.0, 1.5, 0.0, 0.0, 0.0) <= 0.0);
    bound = gref_w2_trace_bound(25.0, 9.0, 9.0, 0.5, 0.125, 0.25);
    ck_assert(bound <= 3.125 && bound >= 3.125 - 1e-11);
}
END_TEST

/*
 * Q = (1 + e) I, e > 0, against Q' = I: the defect is 2 e + e^2 in one dimension, B Q moves by e
 * |B|, H = B Q A by e |B||A|. K = skew((B Q)^T A) with B^T A = J moves by e |J|_F = sqrt 2 e; its
 * term is |F|_F/2 |B|_F |A|_F = 2 sqrt 2 e, twice that, as |I|_F |J|_F = 2 |J|_F / sqrt 2.
 */
START_TEST(test_procrustes__what_a_turn_moves)
{
    for (int k = 1; k <= 6; k++) {
        double e = pow(10, -k), defect = 2 * e + e * e;
        gref_w2_sizes s = {.n = 1, .r = 1, .a = 2.0, .b = 3.0};
        if (defect >= 1.0)
            continue;
        gref_w2_errors none = {0}, t = gref_w2_turned(none, &s, defect);
        ck_assert_needed("Delta", e * 3.0, t.Delta, 0.5);
        ck_assert_needed("H", e * 6.0, t.H, 0.5);
        gref_w2_sizes two = {.n = 2, .r = 2, .a = sqrt(2), .b = sqrt(2)};
        ck_assert_needed("K", sqrt(2) * e, gref_w2_turned(none, &two, sqrt(2) * defect).K, 0.35);
        /* corrections are part of the factors, and nothing is lost of what was there */
        gref_w2_sizes all = {.a = 1.0, .b = 2.0, .da = 0.5, .db = 0.25};
        gref_w2_errors before = {.BQ = 1, .Delta = e, .K = 2 * e, .H = 3 * e};
        gref_w2_errors after = gref_w2_turned(before, &all, defect);
        long double turn = (long double)defect / (1 + sqrtl(1 - (long double)defect));
        ck_assert_formula("Delta", after.Delta, e + turn * 2.25L);
        ck_assert_formula("K", after.K, 2 * (long double)e + turn * 2.25L * 1.5L);
        ck_assert_formula("H", after.H, 3 * (long double)e + turn * 2.25L * 1.5L);
    }
    gref_w2_sizes s = {.a = 1.0, .b = 1.0};
    ck_assert(isinf(gref_w2_turned((gref_w2_errors){0}, &s, 1.5).Delta));
}
END_TEST

/*
 * B = I, A = h R(theta), Q = I left as it is: |Delta|^2 = 2 (h^2 - 2 h cos + 1), K = h sin J, H = h
 * cos I, and W2^2 = 2 (h - 1)^2. |K|^2/H takes 2 cos/(1 + cos) of what Delta lacks. Errors and
 * radii stand for themselves.
 */
START_TEST(test_procrustes__ends)
{
    for (double theta = 0.01; theta < 1.1; theta *= 2) {
        long double h = 1.5, c = cosl(theta), square = 2 * (h * h - 2 * h * c + 1);
        double delta = (double)sqrtl(square), k = (double)(sqrtl(2) * h * sinl(theta));
        gref_w2_cov ends = gref_w2_procrustes_ends(delta, 0.0, k, (double)(h * c), 0.0);
        long double term = square - (long double)ends.lower * ends.lower;
        ck_assert_needed("|K|^2/H", square - 2 * (h - 1) * (h - 1), term, 0.5);
        long double exact = 2 * h * sinl(theta) * sinl(theta) / c;
        ck_assert_bound("|K|^2/H", (double)fabsl(term - exact), 1e-9 * (double)exact);
        double above = (ends.upper - delta) / (EPS * delta); /* exact: the two are close */
        ck_assert(above >= 2 && above <= 8 && ends.w == delta);
        ends = gref_w2_procrustes_ends(delta, 0.0, 0.0, 1.0, 0.0);
        double below = (delta - ends.lower) / (EPS * delta);
        ck_assert(below >= 2 && below <= 12); /* a square, a root and four steps down more */
        gref_w2_cov wide = gref_w2_procrustes_ends(delta, 0x1p-10, 0.0, 1.0, 0x1p-12);
        ck_assert(wide.lower <= delta - 0x1.4p-10 && wide.lower >= delta - 0x1.4p-10 - 1e-14);
        ck_assert(wide.upper >= delta + 0x1.4p-10 && wide.upper <= delta + 0x1.4p-10 + 1e-14);
        ck_assert(gref_w2_procrustes_ends(delta, 0.0, k, 0.0, 0.0).lower == 0.0);
    }
    gref_w2_cov none = gref_w2_procrustes_ends(1.0, 2.0, 0.0, 1.0, 0.0);
    ck_assert(none.lower == 0.0 && none.upper >= 3.0);
}
END_TEST

/* c and c - x on a line: W2 = x/(sqrt c + sqrt(c - x)) is the bound itself, whatever part f of c
 * the factor misses. C and 0: sqrt tr C is the other one. */
START_TEST(test_shift__is_attained)
{
    for (int k = 1; k <= 12; k++) {
        long double c = 3, x = c * (k < 10 ? k * 0.1L : powl(10, 3 - k)),
                    w = x / (sqrtl(c) + sqrtl(c - x));
        for (double f = 0.0; f < 0.5; f += 0.12) {
            long double l = sqrtl(c / (1 - f)); /* C = l^2 (1 - f) */
            double rho = gref_w2_shift(1, (double)x, (double)(x / l), f, (double)(1 / l));
            ck_assert_needed("shift", w, rho, 1 - 1e-9);
        }
        ck_assert_formula("C to 0", gref_w2_shift_any(k, sqrt(k) * 4.0), sqrtl(4.0L * k));
        ck_assert_formula("no bound of F", gref_w2_shift(k, sqrt(k) * 4.0, 1e-3, 0.5, 0.1),
                          sqrtl(4.0L * k));
        ck_assert_formula("beyond C", gref_w2_shift(k, sqrt(k) * 4.0, 0x1p-10, 0.0, 1.0), 0x1p-10L);
    }
    ck_assert_formula("the smaller", gref_w2_shift(1, 0.75, 10.0, 0.0, 1.0), sqrtl(0.75L));
}
END_TEST

/*
 * What an approximate inverse costs: X = (1 + d) L^-1. The product R X^T, its rounding, the defect,
 * and the error of R each as in the formula; then the whole of a whitening from its parts.
 */
START_TEST(test_shift__by_a_whitening)
{
    SCOPED(gref_mat) X = fresh(2, 2), R = fresh(2, 2), S = fresh(2, 2);
    for (int k = 0; k < 3; k++) {
        double d = ldexp(1, -4 - 20 * k), error = ldexp(1, -60 + 20 * k), rho;
        GREF_AT(X, 0, 0) = 1 + d;
        GREF_AT(X, 1, 1) = 2 * (1 + d);
        GREF_AT(R, 0, 0) = 0x1p-20;
        GREF_AT(R, 1, 1) = 0x1p-19;
        gref_whitening q = {.X = X, .b = 2.0, .defect = 2 * d, .f = 0.125};
        ck_ok(gref_whitening_shift(&rho, S, &q, gref_const(R), error));
        long double r = sqrtl(5) * 0x1p-20L, x = sqrtl(5) * (1 + (long double)d);
        long double white = (1 + (long double)d) * sqrtl(1 + 16) * 0x1p-20L + gamma_of(2) * r * x;
        white = white / (1 - 2 * (long double)d) + 2 * (long double)error;
        long double h = (r + error) * 4 / 0.875L;
        ck_assert_formula("whitened", rho, white / (sqrtl(0.875L) * (1 + sqrtl(1 - h))));
        q.b = INFINITY;
        ck_ok(gref_whitening_shift(&rho, S, &q, gref_const(R), error));
        ck_assert_formula("no inverse", rho, sqrtl(sqrtl(2) * (r + error)));
    }
    /* R X^T is 1 and its rounding gamma |R||X| = 2^-12: X = diag(1, 2^40) */
    double rho;
    gref_mat_identity(X);
    GREF_AT(X, 1, 1) = 0x1p40;
    gref_mat_fill(R, 0.0);
    GREF_AT(R, 0, 0) = 1.0;
    gref_whitening graded = {.X = X, .b = 0x1p40};
    ck_ok(gref_whitening_shift(&rho, S, &graded, gref_const(R), 0.0));
    ck_assert_formula("graded", rho, 1 + gamma_of(2) * sqrtl(1 + 0x1p80L));
    SCOPED(gref_mat) C = covariance(6, 1e6, 3), L = fresh(6, 6), R6 = fresh(6, 6);
    gref_whitening q = {0};
    double residual;
    gref_mat_copy(L, gref_const(C));
    ck_ok(gref_cholesky(L));
    ck_ok(gref_whitening_of(&q, R6, gref_const(C), gref_const(L), 0.0));
    ck_ok(gref_cholesky_residual(&residual, gref_const(C), gref_const(L)));
    ck_assert(q.residual == residual && q.error < 1e-10 * residual && q.b >= 1e3 && q.b < 2e3);
    ck_assert_formula("f", q.f, (long double)residual * q.b * q.b);
    gref_whitening_free(&q);
}
END_TEST

/*
 * A graded C = D C' D is measured as C' is: X = X' D^-1 and R = D R' D to the bit, f the same, errors
 * times the largest D^2, |L^-1| of X itself. What C' may be off counts once as it is, once whitened.
 * The terms of R X^T are those of (R D^-1) (X D)^T.
 */
START_TEST(test_shift__of_a_graded_law)
{
    enum { N = 4 };
    SCOPED(gref_mat) P = covariance(N, 30.0, 8), C = fresh(N, N), L = fresh(N, N), K = fresh(N, N);
    SCOPED(gref_mat) R = fresh(N, N), S = fresh(N, N), one = fresh(N, N), d = fresh(2, 1);
    for (int k = 0; k < N * N; k++) { /* D = 8 diag(2^-15 i), variances of C' in [1/2, 1) */
        int i = k % N, j = k / N;
        GREF_AT(P, i, j) = (GREF_AT(P, i, j) + (i == j)) / 2;
        GREF_AT(C, i, j) = ldexp(GREF_AT(P, i, j), 6 - 15 * (i + j));
    }
    gref_mat_copy(L, gref_const(C));
    ck_ok(gref_cholesky(L));
    for (int k = 0; k < N * N; k++)
        K.a[k] = ldexp(GREF_AT(L, k % N, k / N), 15 * (k % N) - 3);
    for (int with = 0; with < 2; with++) {
        double off = with * 0x1p-60;
        gref_whitening q = {0}, plain = {0};
        ck_ok(gref_whitening_of(&q, R, gref_const(C), gref_const(L), off));
        ck_ok(gref_whitening_of(&plain, S, gref_const(P), gref_const(K), ldexp(off, 84)));
        for (int k = 0; k < N * N; k++) {
            int i = k % N, j = k / N;
            ck_assert(GREF_AT(R, i, j) == ldexp(GREF_AT(S, i, j), 6 - 15 * (i + j)));
            ck_assert(GREF_AT(q.X, i, j) == ldexp(GREF_AT(plain.X, i, j), 15 * j - 3));
        }
        ck_assert(q.s.a != NULL && plain.s.a == NULL && q.defect == plain.defect);
        ck_assert(q.f == plain.f && q.error == 64 * plain.error);
        ck_assert_formula("residual", q.residual,
                          gref_norm_fro_up(gref_const(R)) + (long double)q.error + off);
        ck_assert_formula("|L^-1|", q.b,
                          gref_norm_2_up(gref_const(q.X)) / (1 - (long double)q.defect));
        gref_whitening_free(&q);
        gref_whitening_free(&plain);
    }
    double rho; /* R D^-1 = 2^45, X D = diag(1, 1) */
    gref_mat E = gref_mat_view(R, 0, 0, 2, 2), s = gref_mat_view(K, 0, 0, 2, 1);
    gref_mat_identity(one);
    gref_mat_fill(E, 0.0);
    GREF_AT(E, 0, 0) = d.a[0] = d.a[1] = s.a[1] = 1.0;
    s.a[0] = 0x1p45;
    gref_whitening q = {.X = gref_mat_view(one, 0, 0, 2, 2), .b = 0x1p40, .d = d, .s = s};
    ck_ok(gref_whitening_shift(&rho, gref_mat_view(S, 0, 0, 2, 2), &q, gref_const(E), 0.0));
    ck_assert_formula("terms", rho, 1 + gamma_of(2) * 0x1p45L * sqrtl(2));
}
END_TEST

/*
 * The radius of a factor is over the distance that it stands for, and not far over. c I, sqrt c no
 * double: W2 = sqrt n |sqrt c - l|. Refined, what is left is a rounding or two of u^2, while a Dot2
 * is taken to err by 1100. The least eigenvalue is c but for the residual. Singular: sqrt |R|_* at
 * worst.
 */
START_TEST(test_factor__radius_from_both_sides)
{
    static const double values[] = {2, 3, 5, 0x1.8p-40, 7e8};
    double best = 0.0;
    for (int k = 0; k < 5; k++)
        for (int n = 1; n <= 9; n += 4) {
            gref_mat C = fresh(n, n);
            gref_w2_factor f = {0}, g = {0};
            quad c = values[k], root = sqrt(values[k]);
            for (int i = 0; i < 6; i++)
                root = (root + c / root) / 2;
            for (int i = 0; i < n; i++)
                GREF_AT(C, i, i) = values[k];
            ck_ok(gref_w2_factor_of(&f, gref_const(C), false));
            double w = sqrt(n) * quad_distance(root, f.L.a[0]);
            ck_assert(f.rank == n && f.dL.a == NULL);
            ck_assert_needed("radius", w, f.radius, 0.5);
            ck_assert(f.least <= values[k] && f.least >= values[k] * (1 - 1e-10));
            ck_ok(gref_w2_factor_of(&g, gref_const(C), true));
            double rest = sqrt(n) * quad_distance(root, (quad)g.L.a[0] + g.dL.a[0]);
            ck_assert(rest <= g.radius &&
                      g.radius <= 0x1p-100 * 64 * (n + 10) * n * sqrt(values[k]));
            best = fmax(best, rest / g.radius);
            gref_w2_factor_free(&f);
            gref_w2_factor_free(&g);
            FREE_ALL(&C);
        }
    printf("# of a refined factor, distance/radius reaches %.3g\n", best);
    ck_assert(best > 0.002);
    /* a factor that is 2^-e off: what is left is dL^2, W2 = sqrt n |sqrt c - (l + dl)| for c = 4 */
    for (int e = 5; e <= 20; e += 5) {
        enum { N = 3 };
        SCOPED(gref_mat) four = fresh(N, N), R = fresh(N, N);
        gref_w2_factor off = {.L = fresh(N, N)};
        gref_whitening q = {0};
        for (int i = 0; i < N; i++) {
            GREF_AT(four, i, i) = 4.0;
            GREF_AT(off.L, i, i) = 2.0 * (1 + ldexp(1, -e));
        }
        ck_ok(gref_whitening_of(&q, R, gref_const(four), gref_const(off.L), 0.0));
        ck_ok(gref_w2_refine(&off, R, &q));
        ck_assert_needed("refined", sqrt(N) * quad_distance(2, (quad)off.L.a[0] + off.dL.a[0]),
                         off.radius, 0.5);
        gref_w2_factor_free(&off);
        gref_whitening_free(&q);
    }
    gref_mat dense = covariance(8, 100.0, 4), C = fresh(2, 2);
    gref_w2_factor f = {0};
    ck_ok(gref_w2_factor_of(&f, gref_const(dense), true)); /* the correction takes the whole of R */
    ck_assert(f.radius < 1e-26);
    gref_w2_factor_free(&f);
    GREF_AT(C, 0, 0) = 1.0;
    GREF_AT(C, 1, 1) = 0x1p-56; /* below the rank decision: all of it is lost */
    ck_ok(gref_w2_truncated_factor(&f, gref_const(C), EPS, false));
    ck_assert_int_eq(f.rank, 1);
    ck_assert_needed("truncated", 0x1p-28, f.radius, 0.5);
    gref_w2_factor_free(&f);
    /* of exact rank, refined within its range: u^2 is left; of rank up to rounding, that rounding */
    SCOPED(gref_mat) F = odd_integers(6, 3, 9), S = fresh(6, 6), left = fresh(6, 6);
    ck_ok(gref_syrk(S, 1.0 / 3, gref_const(F), false, 0.0)); /* thirds: rounded */
    ck_ok(gref_w2_truncated_factor(&f, gref_const(S), EPS, true));
    ck_assert(f.rank == 3 && f.radius > 1e-9);
    gref_w2_factor_free(&f);
    ck_ok(gref_syrk(S, 1.0, gref_const(F), false, 0.0));
    ck_ok(gref_w2_truncated_factor(&f, gref_const(S), EPS, true));
    double sizes = gref_mat_norm_fro(gref_const(f.L)) * gref_mat_norm_fro(gref_const(f.dL));
    long double products =
        2 * gamma_of(2 * 6 + 4) * sizes; /* of L dL^T, both: part of what is left */
    ck_assert(sizes > 0.0 && f.radius >= sqrtl(sqrtl(6) * products));
    gref_mat_axpy(f.L, 1.0, gref_const(f.dL)); /* rounds to u |L|, far below the root of u |C| */
    double rest =
        quad_residual(gref_const(S), gref_const(left), gref_const(f.L), gref_const(f.L), true);
    ck_assert(f.rank == 3 && f.radius < 1e-12 &&
              rest <= 40 * EPS * gref_mat_norm_fro(gref_const(S)));
    gref_w2_factor_free(&f);
    FREE_ALL(&dense, &C);
}
END_TEST

/* lower = sqrt(w2 - error) - rho, upper likewise, each to an ulp or two; a negative w2 is 0. */
START_TEST(test_map__ends_and_positivity)
{
    gref_w2_cov e = gref_w2_map_ends(9.0, 5.0, 0.25);
    ck_assert(e.w == 3.0 && e.lower <= 1.75 && e.lower >= 1.75 * (1 - 4 * EPS));
    ck_assert(e.upper >= sqrtl(14) + 0.25L && e.upper <= (sqrtl(14) + 0.25L) * (1 + 6 * EPS));
    e = gref_w2_map_ends(-1e-30, 1.0, 0.5);
    ck_assert(e.w == 0.0 && e.lower == 0.0 && e.upper >= 1.5 && e.upper <= 1.5 * (1 + 6 * EPS));
    /* I + Dh + Dl with 1 + Dh(0, 0) = d: proved while |Dl| < d, and while that is more than
     * rounding of 1 + Dh(1, 1) */
    static const struct {
        double d, other, low;
        bool positive;
    } rows[] = {{0.5, 0, 0, true},
                {0.5, 0, 0.6, false},
                {0x1p-30, 2, 0x1p-31, true},
                {0x1p-30, 2, 0x1p-29, false},
                {-0x1p-30, 2, 0, false},
                {-1, 0, 0, false},
                {0x1p-30, 0x1p20 - 1, 0, true},
                {0x1p-50, 0x1p20 - 1, 0, false},
                {0.25, -0.5, 0.1, true}};
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        SCOPED(gref_mat) Dh = fresh(2, 2), Dl = fresh(2, 2), S = fresh(2, 2);
        bool positive;
        GREF_AT(Dh, 0, 0) = rows[k].d - 1.0;
        GREF_AT(Dh, 1, 1) = rows[k].other;
        GREF_AT(Dl, 0, 0) = -rows[k].low;
        ck_ok(gref_w2_map_positive(&positive, S, gref_const(Dh), gref_const(Dl)));
        ck_assert_msg(positive == rows[k].positive, "row %d: %d", (int)k, positive);
    }
}
END_TEST

/*
 * e and e + E on a line: W2 = E/(sqrt(e + E) + sqrt e), to 8 u however small E is; refused where
 * |Lyap(E)| = E/2e >= 0.3. In n dimensions it is the largest eigenvalue that decides, not |E|_F.
 */
START_TEST(test_close__is_relatively_accurate)
{
    for (int n = 1; n <= 64; n *= 8)
        for (int k = 0; k < 40; k++) {
            double x = k == 0 ? 0.61 : 0.59 * pow(10, 1 - k), w, last;
            SCOPED(gref_mat) D = fresh(n, n);
            SCOPED(gref_mat) E = fresh(n, n);
            SCOPED(gref_mat) R = fresh(n, n);
            SCOPED(gref_mat) S = fresh(n, n);
            SCOPED(gref_mat) e = fresh(n, 1);
            long double sum = 0;
            for (int i = 0; i < n; i++) {
                e.a[i] = 1.5 + i;
                GREF_AT(E, i, i) = x * e.a[i];
                sum += powl(x * (long double)e.a[i] /
                                (sqrtl(e.a[i] * (1 + (long double)x)) + sqrtl(e.a[i])),
                            2);
            }
            ck_ok(gref_w2_close(&w, &last, D, E, R, S, gref_const(e)));
            ck_assert(k == 0 ? isinf(last) : last <= GREF_W2_SETTLED);
            if (k > 0) {
                ck_assert_bound("close", (double)fabsl(w - sqrtl(sum)),
                                (8 + n) * EPS * (double)sqrtl(sum));
                ck_assert(fabs(GREF_AT(D, 0, 0) - (double)(x / (sqrtl(1 + (long double)x) + 1))) <=
                          8 * EPS * x);
            }
        }
}
END_TEST

/* What is done to inputs: each rounding and each scale by itself. */
START_TEST(test_inputs__parts)
{
    SCOPED(gref_mat) m1 = fresh(3, 1);
    SCOPED(gref_mat) m2 = fresh(3, 1);
    SCOPED(gref_mat) C = fresh(2, 2);
    SCOPED(gref_mat) A = fresh(2, 2);
    SCOPED(gref_mat) copy = {0};
    double part, r_in;
    for (int e = -900; e <= 900; e += 300) { /* 2, 3, 6: 7 */
        for (int i = 0; i < 3; i++) {
            m1.a[i] = ldexp(i + 10.0, e);
            m2.a[i] = ldexp(i == 0 ? 8.0 : i == 1 ? 8.0 : 6.0, e);
        }
        gref_w2_law a = {.m = gref_const(m1), .u_mean = U}, b = {.m = gref_const(m2), .u_mean = U};
        ck_ok(gref_w2_mean_part(&part, &r_in, &a, &b, 3));
        ck_assert(part == ldexp(7.0, e));
        long double sizes = sqrtl(100 + 121 + 144) + sqrtl(64 + 64 + 36);
        ck_assert_bound("r_in", (double)fabsl(ldexpl(r_in, -e) - U * sizes),
                        8 * EPS * EPS * (double)sizes);
        a.u_mean = 0x1p-24; /* of a float32 file, whose least number is 2^-149 */
        ck_ok(gref_w2_mean_part(&part, &r_in, &a, &b, 3));
        long double mixed = 0x1p-24L * sqrtl(100 + 121 + 144) + U * sqrtl(64 + 64 + 36) +
                            sqrtl(3) * ldexpl(1, -150 - e);
        ck_assert_bound("r_in, float32", (double)fabsl(ldexpl(r_in, -e) / mixed - 1), 8 * EPS);
    }
    GREF_AT(A, 1, 0) = -5.0;
    GREF_AT(C, 0, 1) = 0.25;
    ck_assert(gref_w2_exponent(gref_const(A), gref_const(C)) == 3 &&
              gref_w2_exponent(gref_const(C), gref_const(C)) == -1);
    ck_assert(gref_w2_exponent(gref_const(C), gref_const(A)) == 3);
    ck_ok(gref_w2_scaled_copy(&copy, gref_const(A), 3, -2));
    ck_assert(copy.n == 3 && GREF_AT(copy, 1, 0) == -1.25 && GREF_AT(copy, 1, 2) == 0.0);
    gref_w2_cov c = gref_w2_unscale((gref_w2_cov){.w = 3, .lower = 2, .upper = 4}, 5, 7);
    ck_assert(c.w == 96 && c.lower < 64 && c.lower >= 64 * (1 - 4 * EPS) && c.upper > 128 &&
              c.upper <= 128 * (1 + 4 * EPS));
    c = gref_w2_unscale((gref_w2_cov){0}, 0, 7); /* what scaling may have lost: n 2^-530 */
    ck_assert(c.lower == 0 && c.upper >= 7 * 0x1p-530 && c.upper <= 7 * 0x1p-530 * (1 + 4 * EPS));
    c = gref_w2_unscale((gref_w2_cov){.lower = 0x1p-520, .upper = 1}, 0, 7);
    ck_assert(c.lower <= 0x1p-520 - 7 * 0x1p-530 && c.lower >= 0x1p-520 - 8 * 0x1p-530);
    /* |C - C^T|_F/2: 0.75 and 0.25 average to 0.5, 1/4 off twice */
    GREF_AT(C, 0, 1) = 0.75;
    GREF_AT(C, 1, 0) = 0.25;
    double skew = gref_w2_make_symmetric(C);
    ck_assert(GREF_AT(C, 0, 1) == 0.5 && GREF_AT(C, 1, 0) == 0.5);
    ck_assert_bound("skew part", fabs(skew - sqrt(2) / 4), 4 * EPS);
    ck_assert(gref_w2_identical(gref_const(C), gref_const(C)) &&
              !gref_w2_identical(gref_const(C), gref_const(A)) &&
              !gref_w2_identical(gref_const(C), gref_cmat_view(gref_const(C), 0, 0, 2, 1)) &&
              !gref_w2_identical(gref_const(C), gref_cmat_view(gref_const(C), 0, 0, 1, 2)));
}
END_TEST

/*
 * |dC|_F <= d: 4 I that was (4 - d/sqrt n) I lay at d/(2 + sqrt(4 - d)) at most, the least
 * eigenvalue being known; where it is not, sqrt(sqrt n d), attained by 0 that was d/sqrt n I.
 */
START_TEST(test_inputs__radius)
{
    for (int n = 1; n <= 4; n++) {
        for (int e = -1; e <= 50; e += 7) {
            double change = EPS * 4 * sqrt(n) + ldexp(1, -e);
            long double d = change, near = d / sqrtl(n);
            double r = gref_w2_input_radius(n, change, 4.0),
                   any = gref_w2_input_radius(n, change, 0.0);
            ck_assert_bound("radius", (double)fabsl(r - d / (2 + sqrtl(4 - d))),
                            8 * EPS * (double)d);
            ck_assert_bound("radius, singular", (double)fabsl(any - sqrtl(sqrtl(n) * d)),
                            8 * EPS * any);
            ck_assert_needed("radius", sqrtl(n) * near / (2 + sqrtl(4 - near)), r, 0.5);
        }
        ck_assert(gref_w2_input_radius(n, 0.9, 0.5) > 0.9);
    }
}
END_TEST

/* Two enclosures that do not meet are an error that names both, never a number; those that do are
 * intersected. */
START_TEST(test_w2_intersect__refuses_disjoint_enclosures)
{
    gref_w2_cov c = {.w = 1.0, .lower = 0.9, .upper = 1.1},
                apart = {.w = 2.0, .lower = 1.5, .upper = 2.5};
    ck_fails(gref_w2_intersect(&c, apart), GREF_ERR_NUMERICS);
    ck_assert_ptr_nonnull(strstr(gref_last_error()->message, "disjoint"));
    ck_assert(c.w == 1.0 && c.lower == 0.9 && c.upper == 1.1);
    gref_w2_cov near = {.w = 1.2, .lower = 1.05, .upper = 1.3};
    ck_ok(gref_w2_intersect(&c, near));
    ck_assert(c.lower == 1.05 && c.upper == 1.1 && c.w == 1.05);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("w2_bounds");
    TCase *tc = new_tcase(s, "w2 bounds");
    tcase_add_test(tc, test_map__rounding_is_its_formula);
    tcase_add_test(tc, test_map__ends_and_positivity);
    tcase_add_test(tc, test_procrustes__rounding_is_its_formula);
    tcase_add_test(tc, test_differences__lose_nothing);
    tcase_add_test(tc, test_procrustes__from_a_rough_start);
    tcase_add_test(tc, test_procrustes__nuclear_bound);
    tcase_add_test(tc, test_procrustes__what_a_turn_moves);
    tcase_add_test(tc, test_procrustes__ends);
    tcase_add_test(tc, test_shift__is_attained);
    tcase_add_test(tc, test_shift__by_a_whitening);
    tcase_add_test(tc, test_shift__of_a_graded_law);
    tcase_add_test(tc, test_factor__radius_from_both_sides);
    tcase_add_test(tc, test_close__is_relatively_accurate);
    tcase_add_test(tc, test_inputs__parts);
    tcase_add_test(tc, test_inputs__radius);
    tcase_add_test(tc, test_w2_intersect__refuses_disjoint_enclosures);
    return run_suite(s);
}
