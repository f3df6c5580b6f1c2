/*
 * The covariance part of W2 through the optimal map (NUMERICS, map form, enclosure A).
 *
 *   C1, C2   n x n positive definite, exact data
 *   T        I + D, D symmetric: the optimal map pushes N(0, C1) to N(0, T C1 T)
 *   E        C2 - C1 = Eh + El without error
 *   P        C1 D;   R = E - (P + P^T) - D P, so that T C1 T = C2 - R
 *   w^2      tr(D C1 D) = sum D P
 *
 * If T > 0, W2(C1, C2 - R) = w exactly, whatever D is; hence |W2(C1, C2) - w| <= W2(C2, C2 - R) <= rho. The
 * solver is only a preconditioner: D is refined until R, computed in twice the working precision, is negligible.
 *
 * Solvers of the linearised equation for a residual: Lyapunov in the eigenbasis of C1 where the laws are close
 * (|Lyap(E)| < 0.3, and its fixed point settles), else Newton in the coordinates Y = L1^T T L1, started from Procrustes (a start from
 * (L1^T C2 L1)^1/2 squares the condition number).
 */
#include <math.h>

#include "base/internal.h"
#include "dense/bound.h"
#include "internal.h"

typedef struct {
    int n;
    gref_cmat C1, C2;
    gref_mat Eh, El, Dh, Dl, R, S1, S2; /* S1, S2: scratch */
    gref_mat V, lambda;                 /* eigenbasis of C1, or of Y when newton */
    gref_mat L1;                        /* Cholesky factor of C1, when newton */
    gref_mat Q;                         /* the caller's, or empty */
    bool newton;
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

static gref_status map_new(map *w, gref_cmat C1, gref_cmat C2)
{
    int n = C1.n;
    *w = (map){.n = n, .C1 = C1, .C2 = C2};
    gref_mat *square[] = {&w->Eh, &w->El, &w->Dh, &w->Dl, &w->R, &w->S1, &w->S2, &w->V};
    for (size_t k = 0; k < sizeof square / sizeof *square; k++)
        TRY(gref_mat_new(square[k], n, n));
    TRY(gref_mat_new(&w->lambda, n, 1));
    for (int j = 0; j < n; j++)
        for (int i = 0; i < n; i++)
            two_sum(&GREF_AT(w->Eh, i, j), &GREF_AT(w->El, i, j), GREF_AT(C2, i, j),
                    -GREF_AT(C1, i, j));
    return GREF_OK;
}

/* X <- V^T X V divided entrywise by lambda_i + lambda_j; S1 is used. */
static gref_status to_basis_and_divide(gref_mat X, map *w)
{
    gref_cmat V = gref_const(w->V);
    TRY(gref_gemm(w->S1, 1.0, V, true, gref_const(X), false, 0.0));
    TRY(gref_gemm(X, 1.0, gref_const(w->S1), false, V, false, 0.0));
    for (int j = 0; j < w->n; j++)
        for (int i = 0; i < w->n; i++)
            GREF_AT(X, i, j) /= fmax(w->lambda.a[i], w->floor) + fmax(w->lambda.a[j], w->floor);
    return GREF_OK;
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
    TRY(to_basis_and_divide(X, w));
    TRY(from_basis(X, w));
    if (w->newton) { /* L^-T X L^-1 */
        TRY(gref_trsm(X, true, L, true));
        TRY(gref_trsm(X, false, L, false));
        gref_mat_symmetrise(X);
    }
    return GREF_OK;
}

/* Eigenbasis of C (lower triangle) into V, lambda. */
static gref_status set_basis(map *w, gref_cmat C)
{
    gref_mat_copy(w->V, C);
    TRY(gref_eigh(w->lambda, w->V));
    w->floor = w->n * GREF_U * w->lambda.a[w->n - 1];
    return GREF_OK;
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

/* Procrustes: D = (L2 Q - L1) L1^-1, Q the polar factor of L2^T L1 (kept if wanted); *value = |L1 - L2 Q|_F. */
static gref_status procrustes_start(map *w, double *value)
{
    int n = w->n;
    SCOPED(gref_mat) W = {0}, VT = {0}, s = {0};
    TRY(gref_mat_new(&W, n, n));
    TRY(gref_mat_new(&VT, n, n));
    TRY(gref_mat_new(&s, n, 1));
    TRY(gref_mat_new(&w->L1, n, n));
    gref_mat_copy(w->L1, w->C1);
    TRY(gref_cholesky(w->L1));
    gref_mat_copy(w->S2, w->C2);
    TRY(gref_cholesky(w->S2));
    TRY(gref_gemm(w->S1, 1.0, gref_const(w->S2), true, gref_const(w->L1), false, 0.0));
    TRY(gref_svd(W, s, VT, w->S1));
    TRY(gref_gemm(w->S1, 1.0, gref_const(W), false, gref_const(VT), false, 0.0));
    if (w->Q.a != NULL)
        gref_mat_copy(w->Q, gref_const(w->S1));
    gref_mat_copy(w->Dh, gref_const(w->L1));
    TRY(gref_gemm(w->Dh, 1.0, gref_const(w->S2), false, gref_const(w->S1), false, -1.0));
    *value = gref_mat_norm_fro(gref_const(w->Dh));
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
 * Corrections of D in one Newton basis, until they no longer shrink tenfold. Procrustes is so near that the basis
 * need not be taken anew; if it is not (the first correction is large), Newton's own iteration follows.
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
 * Fixed point in the eigenbasis of C1, where C1 is diagonal: one product a step. On entry S2 holds Lyap(E) there,
 * R the transformed E. D^ <- D^ + (E^ - (l_i + l_j) D^ - D^ diag(l) D^)/(l_i + l_j) = Lyap(E) - Lyap(D^ l D^).
 * A small |Lyap(E)| makes it contract only where C1 is well conditioned: *settled says whether it did.
 */
static gref_status fixed_point(map *w, bool *settled)
{
    int n = w->n;
    double best = INFINITY;
    *settled = false;
    gref_mat_copy(w->Dh, gref_const(w->S2));
    for (int k = 0; k < 60; k++) {
        gref_mat_copy(w->S1, gref_const(w->Dh));
        for (int j = 0; j < n; j++) {
            double root = sqrt(fmax(w->lambda.a[j], w->floor));
            for (int i = 0; i < n; i++)
                GREF_AT(w->S1, i, j) *= root;
        }
        TRY(gref_syrk(w->R, 1.0, gref_const(w->S1), false, 0.0));
        double size = 0.0, sum = 0.0;
        for (int j = 0; j < n; j++)
            for (int i = 0; i < n; i++) {
                double li = fmax(w->lambda.a[i], w->floor), lj = fmax(w->lambda.a[j], w->floor);
                double fresh = GREF_AT(w->S2, i, j) - GREF_AT(w->R, i, j) / (li + lj);
                double d = fresh - GREF_AT(w->Dh, i, j);
                size += 0.5 * d * d * (li + lj);
                sum += 0.5 * fresh * fresh * (li + lj);
                GREF_AT(w->Dh, i, j) = fresh;
            }
        sum = sqrt(sum); /* of tr(D C1 D) */
        size = sqrt(size);
        *settled = size <= 1e-10 * sum; /* what no longer halves below that is rounding */
        if (!(size < 0.5 * best) || size <= GREF_U * sum)
            break;
        best = size;
    }
    return GREF_OK;
}

/* |X|_2 of a symmetric X, estimated by a few power steps: it only chooses the solver. */
static double norm_2_estimate(gref_cmat X, gref_mat x, gref_mat y)
{
    double norm = 0.0;
    for (int i = 0; i < X.n; i++)
        x.a[i] = 1.0 + 0.37 * (i % 5);
    for (int k = 0; k < 12; k++) {
        double size = gref_mat_norm_fro(gref_const(x));
        if (!(size > 0.0) || gref_gemv(y, 1.0 / size, X, false, gref_const(x), 0.0) != GREF_OK)
            break;
        norm = gref_mat_norm_fro(gref_const(y));
        gref_mat_copy(x, gref_const(y));
    }
    return norm;
}

/* Dh by the cheaper solver that converges, and the value of W2 in plain double; distant laws are `refined` only for a
 * proof: the value of Procrustes is good enough for them. */
static gref_status find_map(map *w, double *value, bool refined)
{
    SCOPED(gref_mat) x = {0}, y = {0};
    TRY(gref_mat_new(&x, w->n, 1));
    TRY(gref_mat_new(&y, w->n, 1));
    TRY(set_basis(w, w->C1));
    REQUIRE(w->lambda.a[0] > 2 * w->floor, GREF_ERR_NOT_PD,
            "C1 is singular: its eigenvalues run from %.3g to %.3g", w->lambda.a[0],
            w->lambda.a[w->n - 1]);
    gref_mat_copy(w->S2, gref_const(w->Eh));
    TRY(to_basis_and_divide(w->S2, w));
    bool settled = norm_2_estimate(gref_const(w->S2), x, y) < 0.3;
    if (settled)
        TRY(fixed_point(w, &settled));
    w->newton = !settled;
    if (w->newton) {
        TRY(procrustes_start(w, value));
        if (refined)
            TRY(newton_iterate(w));
        return GREF_OK;
    }
    gref_mat_copy(w->S1, w->C2); /* a map to C2 proves nothing of C2 */
    REQUIRE(gref_cholesky_succeeds(w->S1), GREF_ERR_NOT_PD, "C2 is not positive definite");
    TRY(from_basis(w->Dh, w));
    TRY(plain_residual(w)); /* E was rounded on its way into the basis: correct in pixels */
    TRY(solve(w->R, w));
    gref_mat_axpy(w->Dh, 1.0, gref_const(w->R));
    TRY(gref_gemm(w->S1, 1.0, w->C1, false, gref_const(w->Dh), false, 0.0));
    *value = sqrt(fmax(gref_dot2(gref_const(w->Dh), gref_const(w->S1)), 0.0));
    return GREF_OK;
}

/* P = C1 D and R in twice the working precision, with bounds on their errors; *w2 = tr(D C1 D). */
typedef struct {
    double R, eR;   /* |R|_F from above; |error of R|_F */
    double w2, ew2; /* tr(D C1 D) and its error */
} residual;

static gref_status accurate_residual(residual *r, map *w, gref_mat Ph, gref_mat Pl, gref_mat Sh,
                                     gref_mat Sl)
{
    int n = w->n;
    gref_cmat Dh = gref_const(w->Dh), Dl = gref_const(w->Dl);
    double c = gref_norm_fro_up(w->C1), dh = gref_norm_fro_up(Dh), dl = gref_norm_fro_up(Dl);
    double k2 = gref_dot2_error_up(n), k1 = gref_gamma_up(n + 8);
    TRY(gref_dot2_gemm(Ph, Pl, w->C1, false, Dh, false));
    TRY(gref_gemm(Pl, 1.0, w->C1, false, Dl, false, 1.0));
    double ph = gref_norm_fro_up(gref_const(Ph)), pl = gref_norm_fro_up(gref_const(Pl));
    double eP =
        gref_add_up(gref_mul_up(k2, gref_mul_up(c, dh)),
                    gref_add_up(gref_mul_up(k1, gref_mul_up(c, dl)), gref_mul_up(4 * GREF_U, pl)));
    TRY(gref_dot2_lower(Sh, Sl, Dh, false, gref_const(Ph), false)); /* D C1 D */
    TRY(gref_gemm(Sl, 1.0, Dh, false, gref_const(Pl), false, 1.0));
    TRY(gref_gemm(Sl, 1.0, Dl, false, gref_const(Ph), false, 1.0));
    double sl = gref_norm_fro_up(gref_const(Sl));
    double eS = gref_add_up(gref_mul_up(k2, gref_mul_up(dh, ph)), gref_mul_up(8 * GREF_U, sl));
    eS = gref_add_up(eS, gref_mul_up(k1, gref_add_up(gref_mul_up(dh, pl), gref_mul_up(dl, ph))));
    eS = gref_add_up(eS, gref_mul_up(dl, pl));                  /* Dl Pl is left out */
    eS = gref_add_up(eS, gref_mul_up(gref_add_up(dh, dl), eP)); /* D times the error of P */
    double lows = 0.0;
    for (int j = 0; j < n; j++)
        for (int i = j; i < n;
             i++) { /* Sh is D C1 D only with all that Sl holds: its lower triangle counts */
            double h, l1, l2, l3;
            two_sum(&h, &l1, GREF_AT(w->Eh, i, j), -GREF_AT(Ph, i, j));
            two_sum(&h, &l2, h, -GREF_AT(Ph, j, i));
            two_sum(&h, &l3, h, -GREF_AT(Sh, i, j));
            double low = ((l1 + l2) + l3) + GREF_AT(w->El, i, j) - GREF_AT(Pl, i, j) -
                         GREF_AT(Pl, j, i) - GREF_AT(Sl, i, j);
            double size = fabs(l1) + fabs(l2) + fabs(l3) + fabs(GREF_AT(w->El, i, j)) +
                          fabs(GREF_AT(Pl, i, j)) + fabs(GREF_AT(Pl, j, i)) +
                          fabs(GREF_AT(Sl, i, j));
            lows += 2 * size * size;
            GREF_AT(w->R, i, j) = h + low;
        }
    gref_mat_mirror_lower(w->R); /* the exact one is symmetric */
    r->R = gref_norm_fro_up(gref_const(w->R));
    r->eR =
        gref_add_up(gref_add_up(gref_mul_up(2.0, eP), eS),
                    gref_add_up(gref_mul_up(12 * GREF_U, gref_mul_up(sqrt(lows), 1.0 + 0x1p-20)),
                                gref_mul_up(3 * GREF_U, r->R)));
    double main = gref_dot2(Dh, gref_const(Ph));
    double rest = gref_dot2(Dh, gref_const(Pl)) + gref_dot2(Dl, gref_const(Ph));
    r->w2 = main + rest;
    r->ew2 = gref_add_up(gref_mul_up(gref_add_up(dh, dl), eP), gref_mul_up(dl, pl));
    r->ew2 = gref_add_up(r->ew2, gref_mul_up(4 * GREF_U, gref_add_up(fabs(main), fabs(rest))));
    double sizes = gref_mul_up(gref_add_up(dh, dl), gref_add_up(ph, pl)); /* >= the sum of |D||P| */
    r->ew2 = gref_add_up(r->ew2, gref_mul_up(gref_inner_error_up(n, n), sizes));
    return GREF_OK;
}

/* What bounds W2(C2, C2 - R): the factor of C2 and its inverse, once. */
typedef struct {
    gref_mat X;    /* ~ L2^-1 */
    double b, f;   /* |L2^-1|_2; |L2^-1 (C2 - L2 L2^T) L2^-T| */
    double defect; /* |I - X L2|_F */
} whitening;

static gref_status whitening_new(whitening *q, gref_cmat C2)
{
    SCOPED(gref_mat) L = {0};
    double res;
    TRY(gref_mat_new(&L, C2.n, C2.n));
    TRY(gref_mat_new(&q->X, C2.n, C2.n));
    gref_mat_copy(L, C2);
    TRY(gref_cholesky(L));
    TRY(gref_triangular_inverse(q->X, &q->b, &q->defect, gref_const(L)));
    TRY(gref_cholesky_residual((gref_mat){0}, &res, C2, gref_const(L)));
    q->f = gref_mul_up(res, gref_mul_up(q->b, q->b));
    return GREF_OK;
}

/*
 * rho >= W2(C2, C2 - R'), |R' - R|_F <= eR. C2 = L2 (I + F) L2^T, |F| <= f; C2 - R = Lx (I - H) Lx^T with Lx Lx^T = C2
 * gives W2 <= |R Lx^-T|_F/(1 + sqrt(1 - |H|)); in any case W2 <= sqrt |R|_*.
 */
static gref_status bound_distance(double *rho, map *w, const residual *r, const whitening *q)
{
    double size = gref_add_up(r->R, r->eR), root_n = gref_sqrt_up(w->n);
    *rho = gref_sqrt_up(gref_mul_up(root_n, size)); /* |.|_* <= sqrt(n) |.|_F */
    if (!(q->b < INFINITY) || !(q->f < 0.5))
        return GREF_OK;
    TRY(gref_gemm(w->S1, 1.0, gref_const(w->R), false, gref_const(q->X), true, 0.0));
    double rounding =
        gref_mul_up(gref_gamma_up(w->n), gref_mul_up(r->R, gref_norm_fro_up(gref_const(q->X))));
    double y = gref_add_up(gref_norm_fro_up(gref_const(w->S1)), rounding);
    y = gref_add_up(gref_div_up(y, gref_down(1.0 - q->defect)), gref_mul_up(r->eR, q->b));
    y = gref_div_up(y, gref_sqrt_down(gref_down(1.0 - q->f)));
    double h = gref_div_up(gref_mul_up(size, gref_mul_up(q->b, q->b)), gref_down(1.0 - q->f));
    if (h < 1.0)
        *rho = fmin(*rho, gref_div_up(y, gref_down(1.0 + gref_sqrt_down(gref_down(1.0 - h)))));
    return GREF_OK;
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

/* True if I + Dh + Dl > 0 is proved. */
static gref_status prove_positive(bool *positive, map *w)
{
    double dl = gref_norm_fro_up(gref_const(w->Dl)), least;
    *positive = gref_add_up(gref_norm_fro_up(gref_const(w->Dh)), dl) < 1.0;
    if (*positive)
        return GREF_OK;
    gref_mat_copy(w->S2, gref_const(w->Dh));
    double largest = 1.0;
    for (int i = 0; i < w->n; i++) { /* 1 + Dh(i, i) is rounded: one u of it each */
        GREF_AT(w->S2, i, i) += 1.0;
        largest = fmax(largest, fabs(GREF_AT(w->S2, i, i)));
    }
    TRY(gref_least_eigenvalue_down(&least, gref_const(w->S2),
                                   gref_add_up(dl, gref_mul_up(2 * GREF_U, largest))));
    *positive = least > 0.0;
    return GREF_OK;
}

/* Refines D until rho stops shrinking; out gets the best enclosure. */
static gref_status certify(gref_w2_cov *out, map *w)
{
    gref_status status = GREF_OK;
    int n = w->n;
    gref_mat Ph = {0}, Pl = {0}, Sh = {0}, Sl = {0};
    whitening q = {0};
    bool positive;
    double best = INFINITY;
    gref_mat *square[] = {&Ph, &Pl, &Sh, &Sl};
    for (int k = 0; k < 4; k++)
        TRY_OUT(gref_mat_new(square[k], n, n));
    TRY_OUT(whitening_new(&q, w->C2));
    gref_mat_mirror_lower(w->Dh);
    gref_mat_fill(w->Dl, 0.0);
    for (int k = 0; k < 8; k++) {
        residual r;
        double rho;
        TRY_OUT(accurate_residual(&r, w, Ph, Pl, Sh, Sl));
        TRY_OUT(bound_distance(&rho, w, &r, &q));
        double lo = gref_sqrt_down(gref_down(r.w2 - r.ew2)),
               hi = gref_sqrt_up(gref_add_up(fmax(r.w2, 0.0), r.ew2));
        if (rho < best) {
            TRY_OUT(prove_positive(&positive, w));
            out->w = sqrt(fmax(r.w2, 0.0));
            out->lower = positive ? fmax(gref_down(lo - rho), 0.0) : 0.0;
            out->upper = gref_add_up(hi, rho);
        }
        bool enough =
            rho <= 4 * GREF_U * out->w || r.R <= r.eR || gref_add_up(hi - lo, 0.0) > 8 * rho;
        if (enough || !(rho < 0.5 * best))
            break;
        best = rho;
        TRY_OUT(solve(w->R, w));
        add_correction(w);
    }
out:
    for (int k = 0; k < 4; k++)
        gref_mat_free(square[k]);
    gref_mat_free(&q.X);
    return status;
}

gref_status gref_w2_map(gref_w2_cov *out, gref_mat Q, gref_cmat C1, gref_cmat C2, bool certified)
{
    SCOPED(map) w = {0};
    *out = (gref_w2_cov){.lower = 0.0, .upper = INFINITY};
    TRY(map_new(&w, C1, C2));
    w.Q = Q;
    TRY(find_map(&w, &out->w, certified));
    out->newton = w.newton;
    if (certified)
        TRY(certify(out, &w));
    return GREF_OK;
}
