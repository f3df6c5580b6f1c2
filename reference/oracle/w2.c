/*
 * Rigorous enclosure of the 2-Wasserstein distance of N(m1, C1) and N(m2, C2), singular or not.
 *
 *   C_i   n x n balls, the exact C_i symmetric                                        [pixel^2]
 *   L_i   n x n points, C_i close to L_i L_i^T; from complete pivoting, so of any rank   [pixel]
 *   E_i   n x n balls, C_i - L_i L_i^T                                                [pixel^2]
 *   F     n x n balls, L_2^T L_1                                                      [pixel^2]
 *   Q     n x n point, nearly orthogonal, nearly the polar factor of F
 *   P, R  n x n points, F close to P R
 *
 * Everything marked "point" is chosen by plain arithmetic without proof: it only decides how narrow
 * the enclosure is. What makes it an enclosure, evaluated in balls:
 *
 *  1. W2^2 = |m1 - m2|^2 + tr C1 + tr C2 - 2 |L_2^T L_1|_*  for C_i = L_i L_i^T, |.|_* the nuclear norm
 *     (Olkin & Pukelsheim 1982: the fidelity tr (C1^1/2 C2 C1^1/2)^1/2 is |C_2^1/2 C_1^1/2|_*, and the roots
 *     may be replaced by any factors).
 *  2. |F|_* >= tr(Q^T F)/|Q|_2, the dual of the spectral norm; |Q|_2^2 <= 1 + |Q^T Q - I|_F.
 *  3. |F|_* <= |P|_F |R|_F + sqrt(n) |F - P R|_F: Cauchy-Schwarz in tr(X^T P R) for orthogonal X, and
 *     |E|_* <= sqrt(n) |E|_F.
 *  4. W2(C, L L^T) <= sqrt(2 |C - L L^T|_*) for the centred laws. Powers & Stoermer (1970): |C^1/2 - D^1/2|_F^2
 *     <= |C - D|_* for positive semi-definite C, D, and W2(C, D) <= |C^1/2 - D^1/2|_F. Should C not be
 *     positive semi-definite (a covariance rounded to doubles may miss it by eps), its positive part C_+ is
 *     meant: with E = C - L L^T, |C_+ - C|_* <= |E|_*, because the negative part of L L^T + E is at most that
 *     of E. Hence the 2.
 *  5. The triangle inequality puts 1-3 for the points L_i and 4 for their errors together.
 *
 * 4 costs half of the digits, which more bits buy back; in exchange no rank is decided and no
 * inverse of a singular matrix is taken. Nearly singular F: the polar factor of F + delta N, N
 * fixed and dense, delta = 2^(-3 prec/4) |F|; 2 and 3 are then within n delta of |F|_*, and within
 * delta^2 of it if F is regular.
 */
#include <math.h>

#include "oracle.h"

#define RND ARF_RND_DOWN

static arf_srcptr mid(const arb_mat_t C, slong i, slong j)
{
    return arb_midref(arb_mat_entry(C, i, j));
}

static void trace_of_square(arb_t x, const arb_mat_t C, slong prec)
{
    arb_mat_frobenius_norm(x, C, prec);
    arb_mul(x, x, x, prec);
}

/* Unused index with the largest diagonal entry above tol, or -1. */
static slong find_pivot(const arb_mat_t S, const bool *used, const arf_t tol)
{
    slong best = -1;
    for (slong i = 0; i < arb_mat_nrows(S); i++)
        if (!used[i] && arf_cmp(mid(S, i, i), best < 0 ? tol : mid(S, best, best)) > 0)
            best = i;
    return best;
}

/* L L^T near the midpoints of C, by Cholesky with complete pivoting down to pivots of tol. */
static void approximate_factor(arb_mat_t L, const arb_mat_t C, const arf_t tol, slong prec)
{
    slong n = arb_mat_nrows(C), p;
    bool *used = flint_calloc((size_t)n + 1, sizeof *used);
    arb_mat_t S;
    arf_t root;
    arf_init(root);
    arb_mat_init(S, n, n);
    arb_mat_get_mid(S, C);
    arb_mat_zero(L);
    for (slong k = 0; k < n && (p = find_pivot(S, used, tol)) >= 0; k++) {
        arf_sqrt(root, mid(S, p, p), prec, RND);
        for (slong i = 0; i < n; i++)
            if (!used[i])
                arf_div(arb_midref(arb_mat_entry(L, i, k)), i >= p ? mid(S, i, p) : mid(S, p, i),
                        root, prec, RND);
        used[p] = true;
        for (slong i = 0; i < n; i++)
            for (slong j = 0; j <= i; j++)
                if (!used[i] && !used[j])
                    arf_submul(arb_midref(arb_mat_entry(S, i, j)), mid(L, i, k), mid(L, j, k), prec,
                               RND);
    }
    arb_mat_clear(S);
    arf_clear(root);
    flint_free(used);
}

/* Below which a pivot of C is noise: its radii, the rounding of prec bits, and slack. */
static void set_tolerance(arf_t tol, const arb_mat_t C, double slack, slong prec)
{
    arb_mat_t D;
    mag_t radius;
    arb_t x;
    arb_mat_init(D, arb_mat_nrows(C), arb_mat_ncols(C));
    mag_init(radius);
    arb_init(x);
    arb_mat_get_mid(D, C);
    arb_mat_frobenius_norm(x, D, 64);
    arb_mul_2exp_si(x, x, -(7 * prec) / 8);
    arf_set_d(tol, slack);
    arf_add(tol, tol, arb_midref(x), 64, RND);
    for (slong i = 0; i < arb_mat_nrows(C); i++)
        for (slong j = 0; j < arb_mat_ncols(C); j++)
            mag_add(radius, radius, arb_radref(arb_mat_entry(C, i, j)));
    arf_set_mag(arb_midref(x), radius);
    arf_add(tol, tol, arb_midref(x), 64, RND);
    arb_mat_clear(D);
    mag_clear(radius);
    arb_clear(x);
}

/* L, and e >= W2(C, L L^T) of the centred laws (theorem 4). */
static void factor_with_error(arb_mat_t L, arb_t e, const arb_mat_t C, double slack, slong prec)
{
    slong n = arb_mat_nrows(C);
    arb_mat_t E;
    arf_t tol;
    arb_mat_init(E, n, n);
    arf_init(tol);
    set_tolerance(tol, C, slack, prec);
    approximate_factor(L, C, tol, prec);
    oracle_mul_nt(E, L, L, prec);
    arb_mat_sub(E, C, E, prec);
    arb_mat_frobenius_norm(e, E, prec);
    arb_t root;
    arb_init(root);
    arb_sqrt_ui(root, (ulong)n, prec);
    arb_mul(e, e, root, prec);
    arb_mul_2exp_si(e, e, 1);
    arb_sqrtpos(e, e, prec);
    arb_clear(root);
    arb_mat_clear(E);
    arf_clear(tol);
}

/* G = F + delta N: regular whatever F, N dense with entries in [-1, 1] from a fixed generator. */
static void perturb(arb_mat_t G, const arb_mat_t F, slong prec)
{
    uint32_t state = 12345;
    arb_t delta, x;
    arb_init(delta);
    arb_init(x);
    arb_mat_frobenius_norm(delta, F, 64);
    arb_mul_2exp_si(delta, delta, -(3 * prec) / 4);
    for (slong i = 0; i < arb_mat_nrows(F); i++)
        for (slong j = 0; j < arb_mat_ncols(F); j++) {
            state = 1664525U * state + 1013904223U;
            arb_set_si(x, (slong)state - 2147483648L);
            arb_mul_2exp_si(x, x, -31);
            arb_mul(x, x, delta, prec);
            arb_add(arb_mat_entry(G, i, j), arb_mat_entry(F, i, j), x, prec);
        }
    arb_mat_get_mid(G, G);
    arb_clear(delta);
    arb_clear(x);
}

/* Q <- (mu Q + Q^-T/mu)/2 and the relative change of Q; false if Q is singular to working
 * precision. */
static bool newton_step(double *change, arb_mat_t Q, bool scaled, slong prec)
{
    slong n = arb_mat_nrows(Q);
    arb_mat_t X, D;
    arb_t mu, q, x;
    arb_mat_init(X, n, n);
    arb_mat_init(D, n, n);
    arb_init(mu);
    arb_init(q);
    arb_init(x);
    bool done = arb_mat_approx_inv(X, Q, prec) != 0;
    arb_mat_transpose(X, X);
    arb_mat_get_mid(X, X);
    arb_mat_frobenius_norm(q, Q, 64);
    arb_mat_frobenius_norm(x, X, 64);
    arb_div(mu, x, q, 64);
    arb_sqrtpos(mu, mu, 64);
    arb_get_mid_arb(mu, mu);
    if (!scaled)
        arb_one(mu);
    done = done && arb_is_finite(mu) && arb_is_positive(mu);
    arb_inv(x, mu, prec);
    oracle_combine(D, mu, Q, x, X, prec);
    arb_mat_scalar_mul_2exp_si(D, D, -1);
    arb_mat_get_mid(D, D);
    arb_mat_sub(X, D, Q, 64);
    arb_mat_swap(Q, D);
    arb_mat_frobenius_norm(x, X, 64);
    arb_mat_frobenius_norm(q, Q, 64);
    arb_div(x, x, q, 64);
    *change = done ? arf_get_d(arb_midref(x), ARF_RND_NEAR) : NAN;
    arb_mat_clear(X);
    arb_mat_clear(D);
    arb_clear(mu);
    arb_clear(q);
    arb_clear(x);
    return done;
}

/* Q: a point near the orthogonal polar factor of the point G, by scaled Newton (Higham 1986). */
static bool polar(arb_mat_t Q, const arb_mat_t G, slong prec)
{
    double change = 1.0;
    arb_mat_set(Q, G);
    for (int k = 0; k < 100; k++) {
        if (!newton_step(&change, Q, change > 1e-2, prec))
            return false;
        if (change < ldexp(1.0, prec < 2000 ? -(int)(prec / 2) - 4 : -1004))
            return true;
    }
    return false;
}

/* P = Q L and R near L^-1 Q^T F, L L^T near the symmetric part of Q^T G: F is close to P R. */
static bool split(arb_mat_t P, arb_mat_t R, const arb_mat_t Q, const arb_mat_t G, const arb_mat_t F,
                  slong prec)
{
    slong n = arb_mat_nrows(Q);
    arb_mat_t H, Ht, L;
    arf_t tol;
    arb_mat_init(H, n, n);
    arb_mat_init(Ht, n, n);
    arb_mat_init(L, n, n);
    arf_init(tol);
    oracle_mul_tn(H, Q, G, prec);
    arb_mat_transpose(Ht, H);
    arb_mat_add(H, H, Ht, prec);
    arb_mat_scalar_mul_2exp_si(H, H, -1);
    arb_mat_get_mid(H, H);
    approximate_factor(L, H, tol, prec); /* columns permuted; a factor all the same */
    arb_mat_mul(P, Q, L, prec);
    arb_mat_get_mid(P, P);
    oracle_mul_tn(H, Q, F, prec);
    arb_mat_get_mid(H, H);
    bool done = arb_mat_approx_solve(R, L, H, prec) != 0;
    arb_mat_get_mid(R, R);
    arb_mat_clear(H);
    arb_mat_clear(Ht);
    arb_mat_clear(L);
    arf_clear(tol);
    return done;
}

/* Theorem 2. */
static void lower_bound(arb_t low, const arb_mat_t Q, const arb_mat_t F, slong prec)
{
    arb_mat_t D;
    arb_t defect, one;
    arb_mat_init(D, arb_mat_nrows(Q), arb_mat_nrows(Q));
    arb_init(defect);
    arb_init(one);
    arb_set_si(one, 1);
    oracle_mul_tn(D, Q, Q, prec);
    for (slong i = 0; i < arb_mat_nrows(Q); i++)
        arb_sub(arb_mat_entry(D, i, i), arb_mat_entry(D, i, i), one, prec);
    arb_mat_frobenius_norm(defect, D, prec);
    arb_add(defect, defect, one, prec);
    arb_rsqrt(defect, defect, prec);
    oracle_mul_tn(D, Q, F, prec);
    arb_mat_trace(low, D, prec);
    arb_mul(low, low, defect, prec);
    arb_mat_clear(D);
    arb_clear(defect);
    arb_clear(one);
}

/* Theorem 3. */
static void upper_bound(arb_t high, const arb_mat_t P, const arb_mat_t R, const arb_mat_t F,
                        slong prec)
{
    slong n = arb_mat_nrows(F);
    arb_mat_t E;
    arb_t x;
    arb_mat_init(E, n, n);
    arb_init(x);
    arb_mat_mul(E, P, R, prec);
    arb_mat_sub(E, F, E, prec);
    arb_mat_frobenius_norm(high, E, prec);
    arb_sqrt_ui(x, (ulong)n, prec);
    arb_mul(high, high, x, prec);
    arb_t p, r;
    arb_init(p);
    arb_init(r);
    arb_mat_frobenius_norm(p, P, prec);
    arb_mat_frobenius_norm(r, R, prec);
    arb_addmul(high, p, r, prec);
    arb_clear(p);
    arb_clear(r);
    arb_mat_clear(E);
    arb_clear(x);
}

/* |F|_* of a square F. */
static bool nuclear_norm(arb_t x, const arb_mat_t F, slong prec)
{
    slong n = arb_mat_nrows(F);
    arb_t high;
    arb_mat_t G, Q, P, R;
    arb_init(high);
    arb_mat_init(G, n, n);
    arb_mat_init(Q, n, n);
    arb_mat_init(P, n, n);
    arb_mat_init(R, n, n);
    bool done = true;
    arb_mat_get_mid(G, F);
    if (arb_mat_is_zero(G)) {
        arb_zero(x);
        arb_mat_zero(P);
        arb_mat_zero(R);
    } else {
        perturb(G, F, prec);
        done = polar(Q, G, prec) && split(P, R, Q, G, F, prec);
        lower_bound(x, Q, F, prec);
    }
    if (done) {
        upper_bound(high, P, R, F, prec);
        arb_union(x, x, high, prec);
    }
    arb_clear(high);
    arb_mat_clear(G);
    arb_mat_clear(Q);
    arb_mat_clear(P);
    arb_mat_clear(R);
    return done;
}

/* W2 of the centred laws; false if the approximations fail at this precision. */
static bool covariance_part(arb_t w, const arb_mat_t C1, const arb_mat_t C2, double slack,
                            slong prec)
{
    slong n = arb_mat_nrows(C1);
    arb_mat_t L1, L2, F;
    arb_t e1, e2, x;
    arb_mat_init(L1, n, n);
    arb_mat_init(L2, n, n);
    arb_mat_init(F, n, n);
    arb_init(e1);
    arb_init(e2);
    arb_init(x);
    factor_with_error(L1, e1, C1, slack, prec);
    factor_with_error(L2, e2, C2, slack, prec);
    oracle_mul_tn(F, L2, L1, prec);
    bool done = nuclear_norm(x, F, prec);
    trace_of_square(w, L1, prec);
    arb_submul_si(w, x, 2, prec);
    trace_of_square(x, L2, prec);
    arb_add(w, w, x, prec);
    arb_nonnegative_part(w, w);
    arb_sqrtpos(w, w, prec);
    arb_add_error(w, e1);
    arb_add_error(w, e2);
    arb_nonnegative_part(w, w);
    arb_mat_clear(L1);
    arb_mat_clear(L2);
    arb_mat_clear(F);
    arb_clear(e1);
    arb_clear(e2);
    arb_clear(x);
    return done;
}

/*
 * slack >= 0: pivots up to it are taken for 0, for a C_i that is not positive semi-definite to that
 * extent; the enclosure grows by about its square root. 0 where the C_i are known to be
 * covariances.
 */
bool oracle_w2(arb_t w2, arb_t mean_part, arb_t cov_part, const arb_mat_t m1, const arb_mat_t C1,
               const arb_mat_t m2, const arb_mat_t C2, double slack, slong prec)
{
    arb_mat_t d;
    arb_t x;
    bool done = arb_mat_is_finite(C1) && arb_mat_is_finite(C2);
    arb_mat_init(d, arb_mat_nrows(m1), 1);
    arb_init(x);
    arb_mat_sub(d, m1, m2, prec);
    arb_mat_frobenius_norm(mean_part, d, prec);
    done = done && covariance_part(cov_part, C1, C2, slack, prec);
    arb_mul(x, mean_part, mean_part, prec);
    arb_addmul(x, cov_part, cov_part, prec);
    arb_nonnegative_part(x, x);
    arb_sqrtpos(w2, x, prec);
    arb_mat_clear(d);
    arb_clear(x);
    return done;
}
