/*
 * The law of y_t on its way down (THEORY section 6): m <- M m + b, P <- M P M^T + N I.
 *
 *   m, P      points near the exact moments                                      n x 1, n x n
 *   e_m, e_P  |exact m - m|_2 <= e_m, |exact P - P|_2 <= e_P
 *   c         |M_t|_2 <= c, proved by c I - M > 0 and c I + M > 0 for every symmetric M in the ball
 *   first     largest t whose M_t has an eigenvalue below -1, or 0; -1 if undecided
 *   growth    log10 of max_t sqrt(tr P_t / tr C_{t|v}), C_{t|v} the exact one
 *
 * M m + b and M P M^T + N I are evaluated in balls for the points; with their radii r_m, r_P
 * (Frobenius)
 *     e_m <- c e_m + r_m,     e_P <- c^2 e_P + r_P.
 * Balls for m and P themselves would grow like |M| with absolute values entry by entry, which costs
 * hundreds of bits in a thousand steps; M_t hardly stretches anything, and c knows it.
 */
#include <math.h>

#include "oracle.h"

void oracle_walker_init(oracle_walker *k, const oracle_sampler *d, const oracle_world *w)
{
    int n = w->in->n;
    *k = (oracle_walker){.d = d};
    arb_mat_init(k->m, n, 1);
    arb_mat_init(k->P, n, n);
    mag_init(k->e_m);
    mag_init(k->e_P);
    arb_init(k->growth);
    arb_neg_inf(k->growth);
}

void oracle_walker_clear(oracle_walker *k)
{
    arb_mat_clear(k->m);
    arb_mat_clear(k->P);
    mag_clear(k->e_m);
    mag_clear(k->e_P);
    arb_clear(k->growth);
}

/* x becomes its midpoints; radius += the Frobenius norm of the radii, rounded up. */
static void split_radii(mag_t radius, arb_mat_t x)
{
    mag_t sum;
    mag_init(sum);
    for (slong i = 0; i < arb_mat_nrows(x); i++)
        for (slong j = 0; j < arb_mat_ncols(x); j++)
            mag_addmul(sum, arb_radref(arb_mat_entry(x, i, j)), arb_radref(arb_mat_entry(x, i, j)));
    mag_sqrt(sum, sum);
    mag_add(radius, radius, sum);
    arb_mat_get_mid(x, x);
    mag_clear(sum);
}

/* y_T ~ N(0, I), or the exact p_T(x | v). */
void oracle_walker_start(oracle_walker *k, const oracle_world *w)
{
    if (k->d->exact_start)
        oracle_exact_law(k->m, k->P, w, w->in->T);
    else
        arb_mat_one(k->P);
    split_radii(k->e_m, k->m);
    split_radii(k->e_P, k->P);
}

/* The enclosure entry by entry: |E_ij| <= |E|_2. */
void oracle_walker_law(arb_mat_t mean, arb_mat_t cov, const oracle_walker *k)
{
    slong n = arb_mat_nrows(k->P);
    arb_mat_set(mean, k->m);
    arb_mat_set(cov, k->P);
    for (slong i = 0; i < n; i++) {
        arb_add_error_mag(arb_mat_entry(mean, i, 0), k->e_m);
        for (slong j = 0; j < n; j++)
            arb_add_error_mag(arb_mat_entry(cov, i, j), k->e_P);
    }
}

/* About |M|_2, by power iteration in double on M scaled by 2^-e. */
static double guess_norm(const arb_mat_t M, slong e)
{
    slong n = arb_mat_nrows(M);
    double *a = flint_calloc((size_t)(n * n + 2 * n), sizeof *a), *x = a + n * n, *y = x + n,
           norm = 0.0;
    arf_t s;
    arf_init(s);
    for (slong i = 0; i < n * n; i++) {
        arf_mul_2exp_si(s, arb_midref(arb_mat_entry(M, i / n, i % n)), -e);
        a[i] = arf_get_d(s, ARF_RND_NEAR);
        x[i % n] = 1.0 + (double)(i % n * 37 % 101) / 101.0;
    }
    for (int k = 0; k < 40; k++) {
        norm = 0.0;
        for (slong i = 0; i < n; i++) {
            y[i] = 0.0;
            for (slong j = 0; j < n; j++)
                y[i] += a[i * n + j] * x[j];
            norm += y[i] * y[i];
        }
        norm = sqrt(norm);
        for (slong i = 0; i < n; i++)
            x[i] = norm > 0.0 ? y[i] / norm : 0.0;
    }
    arf_clear(s);
    flint_free(a);
    return norm;
}

/* Is |M|_2 < c proved? The bits let elimination in balls tell a margin of 2^-8. */
static bool bounds_norm(const arb_t c, const arb_mat_t M)
{
    slong bits = 64 + 2 * arb_mat_nrows(M);
    arb_mat_t D;
    arb_t one;
    bool proved = true;
    arb_mat_init(D, arb_mat_nrows(M), arb_mat_nrows(M));
    arb_init(one);
    for (int sign = -1; sign <= 1 && proved; sign += 2) {
        arb_set_si(one, sign);
        oracle_combine(D, one, M, c, NULL, bits);
        proved = oracle_definite(D, bits) > 0;
    }
    arb_mat_clear(D);
    arb_clear(one);
    return proved;
}

/* c >= |M|_2: the guess with a margin that widens until it is proved, at worst |M|_F. */
static void norm_bound(arb_t c, const arb_mat_t M)
{
    arb_t frobenius;
    arb_init(frobenius);
    arb_mat_frobenius_norm(frobenius, M, 64);
    arb_get_ubound_arf(arb_midref(frobenius), frobenius, 64);
    mag_zero(arb_radref(frobenius));
    bool proved = false;
    if (arb_is_finite(frobenius) && !arb_is_zero(frobenius)) {
        slong e = arf_abs_bound_lt_2exp_si(arb_midref(frobenius));
        double guess = guess_norm(M, e);
        for (double margin = 0x1p-8; margin < 1.0 && !proved; margin *= 4.0) {
            arb_set_d(c, guess * (1.0 + margin));
            arb_mul_2exp_si(c, c, e);
            proved = arb_is_positive(c) && bounds_norm(c, M);
        }
    }
    if (!proved || arb_gt(c, frobenius))
        arb_set(c, frobenius);
    arb_clear(frobenius);
}

/* Does M_t have an eigenvalue below -1? Not if |M_t| < 1. */
static void note_stability(oracle_walker *k, const arb_mat_t M, const arb_t c, int t, slong prec)
{
    arb_mat_t S;
    arb_t one;
    arb_init(one);
    arb_one(one);
    if (k->first == 0 && !arb_lt(c, one)) {
        arb_mat_init(S, arb_mat_nrows(M), arb_mat_nrows(M));
        oracle_combine(S, one, M, one, NULL, prec);
        int verdict = oracle_definite(S, prec);
        k->first = verdict > 0 ? 0 : verdict < 0 ? t : -1;
        arb_mat_clear(S);
    }
    arb_clear(one);
}

void oracle_walker_note_growth(oracle_walker *k, const oracle_world *w, int t)
{
    arb_t x, y;
    mag_t e;
    arb_init(x);
    arb_init(y);
    mag_init(e);
    arb_mat_trace(x, w->Sigma_post, w->prec);
    arb_mul(x, x, w->abar + t, w->prec);
    arb_mul_ui(y, w->qbar + t, (ulong)w->in->n, w->prec);
    arb_add(x, x, y, w->prec);
    arb_mat_trace(y, k->P, w->prec);
    mag_mul_ui(e, k->e_P, (ulong)w->in->n); /* |tr E| <= n |E|_2 */
    arb_add_error_mag(y, e);
    arb_div(x, y, x, w->prec);
    arb_log_base_ui(x, x, 10, w->prec);
    arb_mul_2exp_si(x, x, -1);
    arb_max(k->growth, k->growth, x, w->prec);
    arb_clear(x);
    arb_clear(y);
    mag_clear(e);
}

/* P known to a tenth of its norm at least: what is worse will not be good at the end. */
static bool hopeful(const oracle_walker *k)
{
    arb_t norm, e;
    arb_init(norm);
    arb_init(e);
    arb_mat_frobenius_norm(norm, k->P, 64);
    arf_set_mag(arb_midref(e), k->e_P);
    arb_mul_ui(e, e, 10, 64);
    bool known = arb_is_finite(norm) && arb_is_finite(e) && (arb_is_zero(e) || arb_lt(e, norm));
    arb_clear(norm);
    arb_clear(e);
    return known;
}

/* The errors that the step carries on: e_m <- c e_m, e_P <- c^2 e_P. */
static void carry_errors(oracle_walker *k, const arb_t c)
{
    mag_t bound;
    mag_init(bound);
    arb_get_mag(bound, c);
    mag_mul(k->e_m, k->e_m, bound);
    mag_mul(k->e_P, k->e_P, bound);
    mag_mul(k->e_P, k->e_P, bound);
    mag_clear(bound);
}

bool oracle_walker_advance(oracle_walker *k, const oracle_world *w, const oracle_time *s)
{
    int n = w->in->n;
    arb_mat_t M, b, m, P;
    arb_t one, noise, c;
    arb_mat_init(M, n, n);
    arb_mat_init(b, n, 1);
    arb_mat_init(m, n, 1);
    arb_mat_init(P, n, n);
    arb_init(one);
    arb_init(noise);
    arb_init(c);
    arb_one(one);
    bool done = oracle_step(M, b, noise, w, s, k->d) && arb_mat_is_finite(M);
    norm_bound(c, M);
    note_stability(k, M, c, s->t, w->prec);
    carry_errors(k, c);
    arb_mat_mul(m, M, k->m, w->prec);
    arb_mat_add(k->m, m, b, w->prec);
    oracle_sandwich(P, M, k->P, w->prec);
    oracle_combine(k->P, one, P, noise, NULL, w->prec);
    split_radii(k->e_m, k->m);
    split_radii(k->e_P, k->P);
    arb_mat_clear(M);
    arb_mat_clear(b);
    arb_mat_clear(m);
    arb_mat_clear(P);
    arb_clear(one);
    arb_clear(noise);
    arb_clear(c);
    return done && hopeful(k);
}
