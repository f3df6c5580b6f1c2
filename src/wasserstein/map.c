/*
 * The covariance part of W2 through the optimal map (THEORY section 11: map form, enclosure A).
 *
 *   C1, C2   n x n positive definite, exact data, or the high parts of C1 + c1, C2 + c2
 *   T        I + D, D symmetric: the optimal map pushes N(0, C1) to N(0, T C1 T)
 *   E        C2 - C1 = Eh + El without error, or to u^2
 *   P        C1 D;   R = E - (P + P^T) - D P, so that T C1 T = C2 - R
 *   w^2      tr(D C1 D) = sum D P
 *
 * If T > 0, W2(C1, C2 - R) = w exactly, whatever D is; hence |W2(C1, C2) - w| <= W2(C2, C2 -
 * R) <= rho. The solver is only a preconditioner: D is refined until R, computed in twice the
 * working precision, is negligible.
 *
 * Solvers of the linearised equation for a residual: Lyapunov in the eigenbasis of C1 where the
 * laws are close (close.c), else Newton in the coordinates Y = L1^T T L1, started from Procrustes
 * (a start from (L1^T C2 L1)^1/2 squares the condition number).
 */
#include <math.h>

#include "base/internal.h"
#include "dense/bound.h"
#include "internal.h"

typedef struct {
    int n;
    gref_cmat C1, C2, c1;
    gref_mat Eh, El, Dh, Dl, R, S1, S2; /* S1, S2: scratch */
    gref_mat V, lambda;                 /* eigenbasis of C1, or of Y when newton */
    gref_mat L1;                        /* Cholesky factor of C1, when newton */
    gref_mat Q;                         /* the caller's, or empty */
    bool newton, graded;
    double floor; /* of an eigenvalue in a denominator */
} map;

static void map_free(map *w)
{
    gref_mat *all[] = {&w->Eh, &w->El, &w->Dh, &w->Dl,     &w->R,
                       &w->S1, &w->S2, &w->V,  &w->lambda, &w->L1};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        gref_mat_free(all[k]);
}

/* a + b = *s + *e without error. */
static void two_sum(double *s, double *e, double a, double b)
{
    double sum = a + b, part = sum - a;
    *e = (a - (sum - part)) + (b - part);
    *s = sum;
}

static gref_status map_new(map *w, const gref_w2_pair *of)
{
    int n = of->C1.n;
    *w = (map){.n = n, .C1 = of->C1, .C2 = of->C2, .c1 = of->c1};
    gref_mat *square[] = {&w->Eh, &w->El, &w->Dh, &w->Dl, &w->R, &w->S1, &w->S2, &w->V};
    for (size_t k = 0; k < sizeof square / sizeof *square; k++)
        TRY(gref_mat_new(square[k], n, n));
    TRY(gref_mat_new(&w->lambda, n, 1));
    for (int j = 0; j < n; j++)
        for (int i = 0; i < n; i++) {
            double *h = &GREF_AT(w->Eh, i, j), *l = &GREF_AT(w->El, i, j);
            two_sum(h, l, GREF_AT(of->C2, i, j), -GREF_AT(of->C1, i, j));
            if (of->c1.a != NULL)
                two_sum(h, l, *h, *l + (GREF_AT(of->c2, i, j) - GREF_AT(of->c1, i, j)));
        }
    return GREF_OK;
}

/* X <- V^T X V; S1 is used. */
static gref_status to_basis(gref_mat X, map *w)
{
    gref_cmat V = gref_const(w->V);
    TRY(gref_gemm(w->S1, 1.0, V, true, gref_const(X), false, 0.0));
    return gref_gemm(X, 1.0, gref_const(w->S1), false, V, false, 0.0);
}

/* X <- V X V^T, symmetric. */
static gref_status from_basis(gref_mat X, map *w)
{
    gref_cmat V = gref_const(w->V);
    TRY(gref_gemm(w->S1, 1.0, V, false, gref_const(X), false, 0.0));
    TRY(gref_gemm(X, 1.0, gref_const(w->S1), false, V, true, 0.0));
    gref_mat_symmetrise(X);
    return GREF_OK;
}

/* X <- the correction of D for the residual X. */
static gref_status solve(gref_mat X, map *w)
{
    gref_cmat L = gref_const(w->L1);
    if (w->newton) { /* L^T X L */
        TRY(gref_gemm(w->S1, 1.0, gref_const(X), false, L, false, 0.0));
        TRY(gref_gemm(X, 1.0, L, true, gref_const(w->S1), false, 0.0));
    }
    TRY(to_basis(X, w));
    for (int j = 0; j < w->n; j++)
        for (int i = 0; i < w->n; i++)
            GREF_AT(X, i, j) /= fmax(w->lambda.a[i], w->floor) + fmax(w->lambda.a[j], w->floor);
    TRY(from_basis(X, w));
    if (w->newton) { /* L^-T X L^-1 */
        TRY(gref_trsm(X, true, L, true));
        TRY(gref_trsm(X, false, L, false));
        gref_mat_symmetrise(X);
    }
    return GREF_OK;
}

/* Eigenbasis of C (lower triangle) into V, lambda; S1 is used. */
static gref_status set_basis(map *w, gref_cmat C)
{
    if (w->graded) {
        w->floor = 0.0;
        gref_mat_copy(w->S1, C);
        TRY(gref_cholesky(w->S1));
        return gref_eigh_graded(w->lambda, w->V, gref_const(w->S1));
    }
    gref_mat_copy(w->V, C);
    TRY(gref_eigh(w->lambda, w->V));
    w->floor = w->n * GREF_U * w->lambda.a[w->n - 1];
    return GREF_OK;
}

/* True if C = D R D is far from singular but for its diagonal D; S is scratch. */
static bool is_graded(gref_mat S, gref_cmat C)
{
    gref_mat_copy(S, C);
    bool graded = gref_cholesky_succeeds(S);
    for (int i = 0; i < C.n; i++)
        graded = graded && GREF_AT(S, i, i) * GREF_AT(S, i, i) > 0x1p-26 * GREF_AT(C, i, i);
    return graded;
}

/* R = Eh - (P + P^T) - Dh P in plain double; S1 is used. */
static gref_status plain_residual(map *w)
{
    gref_mat_copy(w->R, gref_const(w->Eh));
    TRY(gref_gemm(w->S1, 1.0, w->C1, false, gref_const(w->Dh), false, 0.0));
    TRY(gref_gemm(w->R, -1.0, gref_const(w->Dh), false, gref_const(w->S1), false, 1.0));
    gref_mat_axpy(w->R, -1.0, gref_const(w->S1));
    gref_mat_transpose(w->S2, gref_const(w->S1));
    gref_mat_axpy(w->R, -1.0, gref_const(w->S2));
    gref_mat_symmetrise(w->R);
    return GREF_OK;
}

static gref_status factor_C1(map *w)
{
    TRY(gref_mat_new(&w->L1, w->n, w->n));
    gref_mat_copy(w->L1, w->C1);
    return gref_cholesky(w->L1);
}

/* W2(C, L L^T) of a Cholesky factor, of order n, |C|_F = size: roundings that add up as random ones
 * do. */
static double factor_error(int n, double size, double least)
{
    double r = 4.0 * (2.0 + sqrt(n)) * GREF_U * size;
    return fmin(sqrt(sqrt(n) * r), r / (2.0 * sqrt(least)));
}

/* Procrustes: D = (L2 Q - L1) L1^-1, Q the polar factor of L2^T L1 (kept if wanted); the value is
 * |L1 - L2 Q|_F. */
static gref_status procrustes_start(map *w, gref_w2_cov *out)
{
    int n = w->n;
    double h;
    SCOPED(gref_mat) Q = {0};
    TRY(gref_mat_new(&Q, n, n));
    TRY(factor_C1(w));
    gref_mat_copy(w->S2, w->C2);
    TRY(gref_cholesky(w->S2));
    TRY(gref_gemm(w->S1, 1.0, gref_const(w->S2), true, gref_const(w->L1), false, 0.0));
    TRY(gref_w2_polar(Q, &h, w->S1, n));
    if (w->Q.a != NULL)
        gref_mat_copy(w->Q, gref_const(Q));
    gref_mat_copy(w->Dh, gref_const(w->L1));
    TRY(gref_gemm(w->Dh, 1.0, gref_const(w->S2), false, gref_const(Q), false, -1.0));
    out->w = gref_mat_norm_fro(gref_const(w->Dh));
    gref_mat_identity(w->R);
    TRY(gref_trsm(w->R, true, gref_const(w->S2), false)); /* L2^-1 */
    double inverse = gref_mat_norm_fro(gref_const(w->R));
    out->error = gref_w2_procrustes_error(n, n, gref_mat_norm_fro(gref_const(w->L1)),
                                          gref_mat_norm_fro(gref_const(w->S2)), out->w, h) +
                 factor_error(n, gref_mat_norm_fro(w->C1), w->lambda.a[0] - w->floor) +
                 factor_error(n, gref_mat_norm_fro(w->C2), 1.0 / (inverse * inverse));
    TRY(gref_trsm(w->Dh, false, gref_const(w->L1), false));
    gref_mat_symmetrise(w->Dh);
    return GREF_OK;
}

/* Eigenbasis of Y = L1^T T L1. */
static gref_status newton_basis(map *w)
{
    gref_cmat L = gref_const(w->L1);
    gref_mat_copy(w->S1, L);
    TRY(gref_gemm(w->S1, 1.0, gref_const(w->Dh), false, L, false, 1.0));
    TRY(gref_gemm(w->S2, 1.0, L, true, gref_const(w->S1), false, 0.0));
    gref_mat_symmetrise(w->S2);
    return set_basis(w, gref_const(w->S2));
}

/*
 * Corrections of D in one Newton basis, until they no longer shrink tenfold. Procrustes is so near
 * that the basis need not be taken anew; if it is not (the first correction is large), Newton's own
 * iteration follows.
 */
static gref_status newton_iterate(map *w)
{
    double before = INFINITY;
    TRY(newton_basis(w));
    for (int k = 0; k < 20; k++) {
        TRY(plain_residual(w));
        TRY(solve(w->R, w));
        TRY(gref_gemm(w->S1, 1.0, gref_const(w->R), false, gref_const(w->L1), false, 0.0));
        double size = gref_mat_norm_fro(gref_const(w->S1)),
               whole = gref_mat_norm_fro(gref_const(w->L1));
        gref_mat_axpy(w->Dh, 1.0, gref_const(w->R));
        if (size <= 1e-12 * whole || !(size < 0.5 * before))
            break;
        if (size > 1e-4 * whole)
            TRY(newton_basis(w));
        before = size;
    }
    return GREF_OK;
}

/*
 * What the value of laws that are close may err by, P = C1 D: roundings of R, which add up as
 * random ones do, divided by the least 2 sqrt(lambda) of Lyapunov's equation, and what its last
 * correction left.
 */
static double close_error(const map *w, double value, double last)
{
    double d = gref_mat_norm_fro(gref_const(w->Dh)), cd = gref_mat_norm_fro(w->C1) * d;
    double r =
        (2.0 + sqrt(w->n)) * GREF_U * (gref_mat_norm_fro(gref_const(w->Eh)) + (2.0 + d) * cd);
    return r / sqrt(w->lambda.a[0] - w->floor) + value * (4.0 * GREF_U + last * fmin(1.0, 2.0 * d));
}

/* Dh by the cheaper solver that converges, and the value of W2 in plain double; distant laws are `refined` only for a
 * proof: the value of Procrustes is good enough for them. */
static gref_status find_map(map *w, gref_w2_cov *out, bool refined)
{
    double last;
    TRY(set_basis(w, w->C1));
    w->graded = !(w->lambda.a[0] > 2 * w->floor) && is_graded(w->S1, w->C1);
    if (w->graded)
        TRY(set_basis(w, w->C1));
    REQUIRE(w->lambda.a[0] > 2 * w->floor, GREF_ERR_NOT_PD,
            "C1 is singular: its eigenvalues run from %.3g to %.3g", w->lambda.a[0],
            w->lambda.a[w->n - 1]);
    gref_mat_copy(w->S2, gref_const(w->Eh));
    TRY(to_basis(w->S2, w));
    TRY(gref_w2_close(&out->w, &last, w->Dh, w->S2, w->R, w->S1, gref_const(w->lambda)));
    w->newton = !(last <= 1e-10); /* the correction below squares that */
    if (w->newton) {
        TRY(procrustes_start(w, out));
        return refined ? newton_iterate(w) : GREF_OK;
    }
    gref_mat_copy(w->S1, w->C2); /* a map to C2 proves nothing of C2 */
    REQUIRE(gref_cholesky_succeeds(w->S1), GREF_ERR_NOT_PD, "C2 is not positive definite");
    TRY(from_basis(w->Dh, w));
    TRY(plain_residual(w)); /* E was rounded on its way into the basis: correct in pixels */
    TRY(solve(w->R, w));
    gref_mat_axpy(w->Dh, 1.0, gref_const(w->R));
    TRY(gref_gemm(w->S1, 1.0, w->C1, false, gref_const(w->Dh), false, 0.0));
    out->w = sqrt(fmax(gref_dot2(gref_const(w->Dh), gref_const(w->S1)), 0.0));
    out->error = close_error(w, out->w, last);
    return GREF_OK;
}

/*
 * Products P = Ph + Pl = C1 (Dh + Dl) and S = Sh + Sl = (Dh + Dl) P but for Dl Pl: the high
 * products by Dot2, the low ones plainly and added afterwards, so that no term passes more than
 * n + 3 roundings, in whatever order a product is summed. S stands for a symmetric matrix by its
 * lower triangle: sqrt 2 for the mirror. R = h + low: h comes of three sums, whose errors of at
 * most u times their terms are parts of low, and low of six.
 */
gref_w2_map_errors gref_w2_map_rounding(const gref_w2_map_sizes *s)
{
    double k2 = gref_dot2_error_up(s->n), k1 = gref_gamma_up(s->n + 3);
    double d = s->dh + s->dl, high = s->eh + 2.0 * s->ph + M_SQRT2 * s->sh;
    double low = s->el + 2.0 * s->pl + M_SQRT2 * s->sl + 3.0 * GREF_U * high;
    gref_w2_map_errors e;
    e.P = gref_inflate(k2 * s->c * s->dh + k1 * (s->pl0 + s->c * s->dl + s->low * s->dh) +
                       s->low * s->dl + s->eC * d);
    e.S =
        gref_inflate(M_SQRT2 * (k2 * s->dh * s->ph + k1 * (s->sl0 + s->dh * s->pl + s->dl * s->ph) +
                                s->dl * s->pl + d * e.P));
    e.R = gref_inflate(s->eE + 2.0 * e.P + e.S + GREF_U * (6.0 * low + s->R));
    e.w2 = gref_inflate(d * e.P + s->dl * s->pl +
                        GREF_U * (2.0 * fabs(s->w[0]) + 3.0 * (fabs(s->w[1]) + fabs(s->w[2]))) +
                        gref_inner_error_up(s->n, s->n) * d * (s->ph + s->pl));
    return e;
}

/* Ph, Pl, Sh, Sl: P and S of gref_w2_map_rounding; S1 is used. */
static gref_status products(gref_w2_map_sizes *s, map *w, const gref_mat all[4])
{
    gref_mat Ph = all[0], Pl = all[1], Sh = all[2], Sl = all[3];
    gref_cmat Dh = gref_const(w->Dh), Dl = gref_const(w->Dl);
    TRY(gref_dot2_gemm(Ph, Pl, w->C1, false, Dh, false));
    s->pl0 = gref_norm_fro_up(gref_const(Pl));
    TRY(gref_gemm(Pl, 1.0, w->C1, false, Dl, false, 1.0));
    if (w->c1.a != NULL) {
        TRY(gref_gemm(w->S1, 1.0, w->c1, false, Dh, false, 0.0));
        gref_mat_axpy(Pl, 1.0, gref_const(w->S1));
    }
    TRY(gref_dot2_lower(Sh, Sl, Dh, false, gref_const(Ph), false));
    s->sl0 = gref_norm_fro_up(gref_const(Sl));
    TRY(gref_gemm(w->S1, 1.0, Dh, false, gref_const(Pl), false, 0.0));
    gref_mat_axpy(Sl, 1.0, gref_const(w->S1));
    TRY(gref_gemm(w->S1, 1.0, Dl, false, gref_const(Ph), false, 0.0));
    gref_mat_axpy(Sl, 1.0, gref_const(w->S1));
    s->dh = gref_norm_fro_up(Dh);
    s->dl = gref_norm_fro_up(Dl);
    s->ph = gref_norm_fro_up(gref_const(Ph));
    s->pl = gref_norm_fro_up(gref_const(Pl));
    s->sh = gref_norm_fro_up(gref_const(Sh));
    s->sl = gref_norm_fro_up(gref_const(Sl));
    s->w[0] = gref_dot2(Dh, gref_const(Ph));
    s->w[1] = gref_dot2(Dh, gref_const(Pl));
    s->w[2] = gref_dot2(Dl, gref_const(Ph));
    return GREF_OK;
}

double gref_w2_map_entry(const double high[4], const double low[4])
{
    double h = high[0], lost[4] = {0.0};
    for (int k = 1; k < 4; k++)
        two_sum(&h, &lost[k], h, -high[k]);
    return h + (((lost[1] + lost[2]) + lost[3]) + low[0] - low[1] - low[2] - low[3]);
}

/* R = E - (P + P^T) - S. S is D C1 D only with all that Sl holds: its lower triangle counts. */
static void subtract(gref_w2_map_sizes *s, map *w, const gref_mat all[4])
{
    gref_mat Ph = all[0], Pl = all[1], Sh = all[2], Sl = all[3];
    for (int j = 0; j < w->n; j++)
        for (int i = j; i < w->n; i++) {
            double high[4] = {GREF_AT(w->Eh, i, j), GREF_AT(Ph, i, j), GREF_AT(Ph, j, i),
                              GREF_AT(Sh, i, j)};
            double low[4] = {GREF_AT(w->El, i, j), GREF_AT(Pl, i, j), GREF_AT(Pl, j, i),
                             GREF_AT(Sl, i, j)};
            GREF_AT(w->R, i, j) = gref_w2_map_entry(high, low);
        }
    gref_mat_mirror_lower(w->R); /* the exact one is symmetric */
    s->R = gref_norm_fro_up(gref_const(w->R));
}

/* |W2(C1, C2) - sqrt(w2)| <= rho, w2 known to error. */
gref_w2_cov gref_w2_map_ends(double w2, double error, double rho)
{
    double low = gref_sqrt_down(gref_down(w2 - error)), high = sqrt(gref_up(fmax(w2, 0.0) + error));
    return (gref_w2_cov){.w = sqrt(fmax(w2, 0.0)),
                         .lower = fmax(gref_down(low - rho), 0.0),
                         .upper = gref_up(gref_up(high) + rho)};
}

/* D <- D + R, keeping D = Dh + Dl with exactly symmetric parts. */
static void add_correction(map *w)
{
    for (int j = 0; j < w->n; j++)
        for (int i = j; i < w->n; i++) {
            double s, e;
            two_sum(&s, &e, GREF_AT(w->Dh, i, j), GREF_AT(w->Dl, i, j) + GREF_AT(w->R, i, j));
            GREF_AT(w->Dh, i, j) = GREF_AT(w->Dh, j, i) = s;
            GREF_AT(w->Dl, i, j) = GREF_AT(w->Dl, j, i) = e;
        }
}

/* True if I + Dh + Dl > 0 is proved; S is scratch. */
gref_status gref_w2_map_positive(bool *positive, gref_mat S, gref_cmat Dh, gref_cmat Dl)
{
    double dl = gref_norm_fro_up(Dl), largest = 0.0, least;
    *positive = gref_inflate(gref_norm_fro_up(Dh) + dl) < 1.0;
    if (*positive)
        return GREF_OK;
    gref_mat_copy(S, Dh);
    for (int i = 0; i < S.n; i++) { /* 1 + Dh(i, i) is rounded */
        GREF_AT(S, i, i) += 1.0;
        largest = fmax(largest, fabs(GREF_AT(S, i, i)));
    }
    TRY(gref_least_eigenvalue_down(&least, gref_const(S), gref_inflate(dl + GREF_U * largest)));
    *positive = least > 0.0;
    return GREF_OK;
}

/* The sizes that are the same in each round. */
static gref_w2_map_sizes sizes_of(const map *w, const gref_w2_pair *of)
{
    gref_w2_map_sizes s = {.n = w->n,
                           .c = gref_norm_fro_up(w->C1),
                           .eh = gref_norm_fro_up(gref_const(w->Eh)),
                           .el = gref_norm_fro_up(gref_const(w->El)),
                           .low = gref_w2_size(of->c1),
                           .eC = of->error1};
    if (of->c1.a != NULL) /* El + (c2 - c1), and its sum with Eh */
        s.eE = gref_inflate(
            of->error1 + of->error2 +
            GREF_U * (3.0 * (s.low + gref_w2_size(of->c2)) + s.el + 2.0 * GREF_U * s.eh));
    return s;
}

/* Refines D until rho stops shrinking; out gets the best enclosure. */
static gref_status certify(gref_w2_cov *out, map *w, const gref_w2_pair *of)
{
    SCOPED(gref_mat) Ph = {0}, Pl = {0}, Sh = {0}, Sl = {0}, L = {0};
    SCOPED(gref_whitening) q = {0};
    gref_mat *square[] = {&Ph, &Pl, &Sh, &Sl, &L};
    gref_w2_map_sizes s = sizes_of(w, of);
    double best = INFINITY, off = gref_inflate(of->error2 + gref_w2_size(of->c2));
    for (int k = 0; k < 5; k++)
        TRY(gref_mat_new(square[k], w->n, w->n));
    gref_mat_copy(L, w->C2);
    TRY(gref_cholesky(L));
    TRY(gref_whitening_of(&q, Ph, w->C2, gref_const(L), off));
    gref_mat_free(&L);
    gref_mat_mirror_lower(w->Dh);
    gref_mat_fill(w->Dl, 0.0);
    for (int k = 0; k < 8; k++) {
        double rho;
        TRY(products(&s, w, (gref_mat[]){Ph, Pl, Sh, Sl}));
        subtract(&s, w, (gref_mat[]){Ph, Pl, Sh, Sl});
        gref_w2_map_errors e = gref_w2_map_rounding(&s);
        TRY(gref_whitening_shift(&rho, w->S1, &q, gref_const(w->R), e.R));
        gref_w2_cov ends = gref_w2_map_ends(s.w[0] + (s.w[1] + s.w[2]), e.w2, rho);
        if (rho < best) {
            bool positive;
            TRY(gref_w2_map_positive(&positive, w->S2, gref_const(w->Dh), gref_const(w->Dl)));
            out->w = ends.w;
            out->lower = positive ? ends.lower : 0.0;
            out->upper = ends.upper;
        }
        bool enough = rho <= 4 * GREF_U * out->w || s.R <= e.R ||
                      ends.upper - ends.lower > 10.0 * rho; /* what is left is the error of w */
        if (enough || !(rho < 0.5 * best))
            break;
        if (!w->newton && rho > 0x1p-6 * best) { /* Lyapunov's correction leaves about |D| of R */
            w->newton = true;
            TRY(factor_C1(w));
            TRY(newton_basis(w));
        }
        best = rho;
        TRY(solve(w->R, w));
        add_correction(w);
    }
    return GREF_OK;
}

gref_status gref_w2_map(gref_w2_cov *out, gref_mat Q, const gref_w2_pair *of, bool certified)
{
    SCOPED(map) w = {0};
    *out = (gref_w2_cov){.lower = 0.0, .upper = INFINITY};
    TRY(map_new(&w, of));
    w.Q = Q;
    TRY(find_map(&w, out, certified));
    out->newton = w.newton;
    if (certified)
        TRY(certify(out, &w, of));
    return GREF_OK;
}
