/*
 * The covariance part of W2 through factors (NUMERICS, factor form, enclosure B); works for singular covariances.
 *
 *   A, B    n x r, C1 = (A + dA)(A + dA)^T, C2 likewise; dA, dB corrections far below u |A|, or absent
 *   F       r x r, B^T A = W diag(s) V^T;   Q = W V^T + dQ, orthogonal up to a measured defect
 *   Delta   n x r, A - B Q, accumulated so that its error is relative to Delta, not to A
 *   K, H    skew part of (B Q)^T Delta, symmetric part of (B Q)^T A
 *
 *   |Delta|^2 - tr(K H^-1 K^T) <= W2^2 <= |Delta|^2      (H > 0; any orthogonal Q gives the upper bound)
 *   W2^2 >= |A|^2 + |B|^2 - 2 |F|_*                     (always; cancels for close laws)
 *
 * Q is refined by the rotation exp(Omega), Omega H + H Omega = 2 K, until K is negligible. Where a factor stands
 * for a covariance, W2(C, (A + dA)(A + dA)^T) is added on both sides as its radius.
 */
#include <math.h>

#include "base/internal.h"
#include "dense/bound.h"
#include "internal.h"
#include <gref/psd.h>

void gref_w2_factor_free(gref_w2_factor *f)
{
    gref_mat_free(&f->L);
    gref_mat_free(&f->dL);
}

/* dL = L phi(X R X^T), phi the lower triangle with half the diagonal: (L + dL)(L + dL)^T = C up to dL^2. */
static gref_status correction(gref_mat dL, gref_mat S, gref_cmat R, gref_cmat X, gref_cmat L)
{
    TRY(gref_gemm(S, 1.0, X, false, R, false, 0.0));
    TRY(gref_gemm(dL, 1.0, gref_const(S), false, X, true, 0.0));
    for (int j = 0; j < S.n; j++)
        for (int i = 0; i < S.m; i++)
            GREF_AT(S, i, j) =
                i < j ? 0.0 : (i == j ? 0.5 : 1.0) * 0.5 * (GREF_AT(dL, i, j) + GREF_AT(dL, j, i));
    return gref_gemm(dL, 1.0, L, false, gref_const(S), false, 0.0);
}

/* Radius of a corrected Cholesky factor: what is left of C, R2 = R - (L dL^T + dL L^T) - dL dL^T. */
static gref_status corrected_radius(double *radius, gref_mat R, double eR, gref_cmat L,
                                    gref_cmat dL, gref_cmat X, double b, double defect)
{
    int n = L.n;
    SCOPED(gref_mat) M = {0}, S = {0};
    double l = gref_norm_fro_up(L), d = gref_norm_fro_up(dL), r = gref_norm_fro_up(gref_const(R));
    TRY(gref_mat_new(&M, n, n));
    TRY(gref_mat_new(&S, n, n));
    TRY(gref_gemm(M, 1.0, L, false, dL, true, 0.0));
    gref_mat_transpose(S, gref_const(M));
    gref_mat_axpy(R, -1.0, gref_const(M));
    gref_mat_axpy(R, -1.0, gref_const(S));
    TRY(gref_gemm(R, -1.0, dL, false, dL, true, 1.0));
    double e = gref_mul_up(gref_gamma_up(n + 4),
                           gref_add_up(gref_mul_up(2.0, gref_mul_up(l, d)), gref_mul_up(d, d)));
    e = gref_add_up(gref_add_up(e, eR),
                    gref_mul_up(8 * GREF_U, gref_add_up(r, gref_mul_up(2.0, gref_mul_up(l, d)))));
    double size = gref_add_up(gref_norm_fro_up(gref_const(R)), e);
    *radius = gref_sqrt_up(gref_mul_up(gref_sqrt_up(n), size));
    if (gref_mul_up(size, gref_mul_up(b, b)) < 0x1p-10 && defect < 0x1p-10) {
        TRY(gref_gemm(M, 1.0, gref_const(R), false, X, true, 0.0));
        double rounding = gref_mul_up(gref_gamma_up(n), gref_mul_up(size, gref_norm_fro_up(X)));
        double y = gref_add_up(gref_norm_fro_up(gref_const(M)), rounding);
        y = gref_mul_up(gref_add_up(y, gref_mul_up(e, b)),
                        1.0 + 0x1p-8); /* >= 1/(1 - defect), and L + dL for L */
        *radius = fmin(*radius, y);
    }
    return GREF_OK;
}

/* Cholesky of a positive definite C, refined on request; false in *done when C is not one, or nearly not. */
static gref_status definite_factor(gref_w2_factor *f, bool *done, gref_cmat C, bool refined)
{
    int n = C.n;
    SCOPED(gref_mat) X = {0}, R = {0}, S = {0};
    double b, defect, residual;
    *done = false;
    gref_mat_copy(f->L, C);
    if (!gref_cholesky_succeeds(f->L))
        return GREF_OK;
    TRY(gref_mat_new(&X, n, n));
    TRY(gref_triangular_inverse(X, &b, &defect, gref_const(f->L)));
    if (!(b < INFINITY))
        return GREF_OK;
    TRY(gref_mat_new(&R, n, n));
    TRY(gref_cholesky_residual(R, &residual, C, gref_const(f->L)));
    if (!(gref_mul_up(residual, gref_mul_up(b, b)) < 0.25))
        return GREF_OK;
    f->rank = n;
    f->least = gref_down(gref_down(1.0 / gref_mul_up(b, b)) - residual);
    f->radius = gref_sqrt_up(gref_mul_up(gref_sqrt_up(n), residual));
    if (f->least > 0.0) /* |C^1/2 - (L L^T)^1/2|_F <= |C - L L^T|_F / sqrt(lambda_min) */
        f->radius = fmin(f->radius, gref_div_up(residual, gref_sqrt_down(f->least)));
    *done = true;
    if (!refined)
        return GREF_OK;
    TRY(gref_mat_new(&f->dL, n, n));
    TRY(gref_mat_new(&S, n, n));
    TRY(correction(f->dL, S, gref_const(R), gref_const(X), gref_const(f->L)));
    double l = gref_norm_fro_up(gref_const(f->L));
    double eR = gref_add_up(gref_mul_up(gref_dot2_error_up(n), gref_mul_up(l, l)),
                            gref_mul_up(4 * GREF_U, gref_norm_fro_up(gref_const(R))));
    return corrected_radius(&f->radius, R, eR, gref_const(f->L), gref_const(f->dL), gref_const(X),
                            b, defect);
}

gref_status gref_w2_truncated_factor(gref_w2_factor *f, gref_cmat C)
{
    double residual;
    if (f->L.a == NULL)
        TRY(gref_mat_new(&f->L, C.n, C.n));
    TRY(gref_psd_factor(f->L, &f->rank, C));
    TRY(gref_cholesky_residual((gref_mat){0}, &residual, C, gref_const(f->L)));
    f->radius =
        gref_sqrt_up(gref_mul_up(gref_sqrt_up(C.n), residual)); /* W2 <= sqrt |C - L L^T|_* */
    return GREF_OK;
}

gref_status gref_w2_factor_of(gref_w2_factor *f, gref_cmat C, bool refined)
{
    gref_status status = GREF_OK;
    bool done;
    *f = (gref_w2_factor){0};
    TRY_OUT(gref_mat_new(&f->L, C.n, C.n));
    TRY_OUT(definite_factor(f, &done, C, refined));
    if (!done)
        TRY_OUT(gref_w2_truncated_factor(f, C));
out:
    if (status != GREF_OK)
        gref_w2_factor_free(f);
    return status;
}

typedef struct {
    int n, r;
    gref_cmat A, dA, B, dB;
    gref_mat Q, dQ, F; /* F = Q^T Q - I */
    gref_mat BQh, BQl; /* B Q in twice the working precision */
    gref_mat Delta, BQ, K,
        H; /* BQ: (B + dB)(Q + dQ), rounded; K and H before their parts are taken */
    double singular_sum, eF;   /* |F|_* <= singular_sum */
    double eDelta, eK, defect; /* errors of Delta, K; |(Q + dQ)^T (Q + dQ) - I|_F */
} procrustes;

/* What the bounds no longer need, once the norms of K and of the defect are known. */
static void free_all_but_delta_and_H(procrustes *w)
{
    gref_mat *all[] = {&w->Q, &w->dQ, &w->F, &w->BQh, &w->BQl, &w->BQ, &w->K};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        gref_mat_free(all[k]);
}

static void procrustes_free(procrustes *w)
{
    free_all_but_delta_and_H(w);
    gref_mat_free(&w->Delta);
    gref_mat_free(&w->H);
}

/* |X|_2 <= sqrt(1 + |X^T X - I|_F), measured; H, L are scratch. */
static gref_status norm_of_orthogonal(double *norm, gref_cmat X, gref_mat H, gref_mat L)
{
    double x = gref_norm_fro_up(X),
           rounding = gref_mul_up(gref_dot2_error_up(X.m), gref_mul_up(x, x));
    TRY(gref_dot2_lower(H, L, X, true, X, false));
    for (int i = 0; i < X.n; i++)
        GREF_AT(H, i, i) -= 1.0; /* exact: close to 1 */
    double defect = gref_add_up(gref_norm_fro_up(gref_const(H)), gref_norm_fro_up(gref_const(L)));
    *norm = gref_sqrt_up(gref_add_up(1.0, gref_add_up(defect, rounding)));
    return GREF_OK;
}

/* |B^T A|_* <= |W S V^T|_* + sqrt(r) |B^T A - W S V^T|_F from above, |W S V^T|_* <= |W| |V| sum s. */
static gref_status nuclear_bound(procrustes *w, gref_cmat W, gref_cmat s, gref_cmat VT, gref_cmat G)
{
    int r = w->r;
    double sum = 0.0, root = gref_sqrt_up(r), left_norm, right_norm;
    SCOPED(gref_mat) S = {0}, R = {0};
    for (int i = 0; i < r; i++)
        sum = gref_add_up(sum, s.a[i]);
    TRY(gref_mat_new(&S, r, r));
    TRY(gref_mat_new(&R, r, r));
    gref_mat_copy(S, W);
    gref_mat_scale_cols(S, s);
    gref_mat_copy(R, G);
    TRY(gref_gemm(R, -1.0, gref_const(S), false, VT, false, 1.0));
    double a = gref_norm_fro_up(w->A), b = gref_norm_fro_up(w->B),
           left = gref_norm_fro_up(gref_const(R));
    double rounding =
        gref_mul_up(gref_gamma_up(w->n + 2 * r + 8), gref_mul_up(2.0, gref_mul_up(a, b)));
    TRY(norm_of_orthogonal(&left_norm, W, S, R));
    TRY(norm_of_orthogonal(&right_norm, VT, S, R));
    w->singular_sum = gref_add_up(gref_mul_up(sum, gref_mul_up(left_norm, right_norm)),
                                  gref_mul_up(root, gref_add_up(left, rounding)));
    return GREF_OK;
}

/* Q = W V^T from the singular value decomposition of B^T A, and, where it is wanted, the bound on |B^T A|_*. */
static gref_status polar_factor(procrustes *w, bool bounded)
{
    int r = w->r;
    SCOPED(gref_mat) W = {0}, VT = {0}, s = {0}, G = {0}, F = {0};
    gref_mat *square[] = {&W, &VT, &G, &F};
    for (size_t k = 0; k < sizeof square / sizeof *square; k++)
        TRY(gref_mat_new(square[k], r, r));
    TRY(gref_mat_new(&s, r, 1));
    TRY(gref_gemm(G, 1.0, w->B, true, w->A, false, 0.0));
    gref_mat_copy(F, gref_const(G));
    TRY(gref_svd(W, s, VT, F));
    gref_mat_free(&F);
    w->singular_sum = INFINITY;
    if (bounded)
        TRY(nuclear_bound(w, gref_const(W), gref_const(s), gref_const(VT), gref_const(G)));
    gref_mat_free(&G);
    TRY(gref_mat_new(&w->Q, r, r));
    return gref_gemm(w->Q, 1.0, gref_const(W), false, gref_const(VT), false, 0.0);
}

/* The caller's Q; nothing is known of |B^T A|_*. */
static gref_status take_polar_factor(procrustes *w, gref_cmat Q)
{
    TRY(gref_mat_new(&w->Q, w->r, w->r));
    gref_mat_copy(w->Q, Q);
    w->singular_sum = INFINITY;
    return GREF_OK;
}

/* Q, its defect, and B Q; `bounded` says that |B^T A|_* may be needed. */
static gref_status start(procrustes *w, gref_cmat Q, bool bounded)
{
    int n = w->n, r = w->r;
    SCOPED(gref_mat) low = {0};
    TRY(Q.a != NULL ? take_polar_factor(w, Q) : polar_factor(w, bounded));
    TRY(gref_mat_new(&w->F, r, r));
    TRY(gref_mat_new(&low, r, r));
    TRY(gref_dot2_lower(w->F, low, gref_const(w->Q), true, gref_const(w->Q), false));
    for (int i = 0; i < r; i++)
        GREF_AT(w->F, i, i) -= 1.0; /* exact: close to 1 */
    gref_mat_axpy(w->F, 1.0, gref_const(low));
    gref_mat_free(&low);
    gref_mat_symmetrise(w->F);
    TRY(gref_mat_new(&w->dQ, r, r));
    TRY(gref_gemm(w->dQ, -0.5, gref_const(w->Q), false, gref_const(w->F), false, 0.0));
    TRY(gref_mat_new(&w->BQh, n, r));
    TRY(gref_mat_new(&w->BQl, n, r));
    return gref_dot2_gemm(w->BQh, w->BQl, w->B, false, gref_const(w->Q), false);
}

/* Delta = A + dA - (B + dB)(Q + dQ) and BQ, K = BQ^T Delta, H = sym(BQ^T BQ + K), with their errors. */
static gref_status evaluate(procrustes *w)
{
    int n = w->n, r = w->r;
    bool corrected = w->dB.a != NULL;
    SCOPED(gref_mat) whole = {0};
    gref_mat *tall[] = {&w->Delta, &w->BQ}, *square[] = {&w->K, &w->H};
    for (int k = 0; k < 2; k++) {
        if (tall[k]->a == NULL)
            TRY(gref_mat_new(tall[k], n, r));
        if (square[k]->a == NULL)
            TRY(gref_mat_new(square[k], r, r));
    }
    gref_mat C = w->BQ; /* first what is added to BQh: BQl + B dQ + dB (Q + dQ) */
    double b = gref_norm_fro_up(w->B), q = gref_sqrt_up(r) * 1.01,
           dq = gref_norm_fro_up(gref_const(w->dQ));
    double db = corrected ? gref_norm_fro_up(w->dB) : 0.0,
           da = w->dA.a != NULL ? gref_norm_fro_up(w->dA) : 0.0;
    gref_mat_copy(C, gref_const(w->BQl));
    TRY(gref_gemm(C, 1.0, w->B, false, gref_const(w->dQ), false, 1.0));
    if (corrected) {
        TRY(gref_mat_new(&whole, r, r));
        gref_mat_copy(whole, gref_const(w->Q));
        gref_mat_axpy(whole, 1.0, gref_const(w->dQ));
        TRY(gref_gemm(C, 1.0, w->dB, false, gref_const(whole), false, 1.0));
    }
    double sum = 0.0, low = gref_norm_fro_up(gref_const(C));
    for (int j = 0; j < r; j++)
        for (int i = 0; i < n; i++) {
            double h = GREF_AT(w->BQh, i, j), c = GREF_AT(C, i, j), a = GREF_AT(w->A, i, j);
            double d = a - h, part = d - a, lost = (a - (d - part)) + (-h - part);
            GREF_AT(w->Delta, i, j) =
                d + ((lost - c) + (w->dA.a != NULL ? GREF_AT(w->dA, i, j) : 0.0));
            GREF_AT(w->BQ, i, j) = h + c;
            sum += fabs(lost) * fabs(lost);
        }
    double delta = gref_norm_fro_up(gref_const(w->Delta)), bq = gref_norm_fro_up(gref_const(w->BQ));
    double gam = gref_gamma_up(r + 8);
    double e =
        gref_mul_up(gam, gref_add_up(gref_mul_up(b, dq), gref_mul_up(db, gref_add_up(q, dq))));
    e = gref_add_up(e, gref_mul_up(gref_dot2_error_up(r), gref_mul_up(b, q)));
    e = gref_add_up(
        e, gref_mul_up(6 * GREF_U,
                       gref_add_up(low, gref_add_up(da, gref_mul_up(sqrt(sum), 1.0 + 0x1p-20)))));
    w->eDelta = gref_add_up(e, gref_mul_up(2 * GREF_U, delta));
    TRY(gref_gemm(w->K, 1.0, gref_const(w->BQ), true, gref_const(w->Delta), false, 0.0));
    w->eK = gref_add_up(gref_mul_up(gref_gamma_up(n + 2), gref_mul_up(bq, delta)),
                        gref_mul_up(bq, w->eDelta));
    w->eK = gref_add_up(w->eK,
                        gref_mul_up(gref_mul_up(2 * GREF_U, bq), delta)); /* BQ itself is rounded */
    TRY(gref_syrk(w->H, 1.0, gref_const(w->BQ), true, 0.0));
    gref_mat_axpy(w->H, 1.0, gref_const(w->K));
    gref_mat_symmetrise(w->H);
    double eH = gref_mul_up(gref_gamma_up(n + 8), gref_mul_up(bq, bq));
    w->eF = gref_add_up(
        eH, gref_add_up(w->eK, gref_mul_up(4 * GREF_U, gref_norm_fro_up(gref_const(w->H)))));
    return GREF_OK;
}

/* K <- its skew part. */
static void take_skew(gref_mat K)
{
    for (int j = 0; j < K.n; j++) {
        GREF_AT(K, j, j) = 0.0;
        for (int i = j + 1; i < K.n; i++) {
            double s = 0.5 * (GREF_AT(K, i, j) - GREF_AT(K, j, i));
            GREF_AT(K, i, j) = s;
            GREF_AT(K, j, i) = -s;
        }
    }
}

/* G = F + Q^T dQ + dQ^T Q + dQ^T dQ = (Q + dQ)^T (Q + dQ) - I, r x r; its norm is the defect. */
static gref_status measure_defect(gref_mat G, procrustes *w)
{
    gref_cmat Q = gref_const(w->Q), dQ = gref_const(w->dQ);
    SCOPED(gref_mat) S = {0};
    double dq = gref_norm_fro_up(dQ), q = gref_sqrt_up(w->r) * 1.01;
    TRY(gref_mat_new(&S, w->r, w->r));
    TRY(gref_gemm(S, 1.0, Q, true, dQ, false, 0.0));
    gref_mat_transpose(G, gref_const(S));
    gref_mat_axpy(G, 1.0, gref_const(S));
    gref_mat_axpy(G, 1.0, gref_const(w->F));
    TRY(gref_gemm(G, 1.0, dQ, true, dQ, false, 1.0));
    double e = gref_mul_up(gref_gamma_up(2 * w->r + 8),
                           gref_mul_up(2.0, gref_mul_up(gref_add_up(q, dq), dq)));
    e = gref_add_up(e, gref_mul_up(gref_dot2_error_up(w->r), gref_mul_up(q, q)));
    e = gref_add_up(e, gref_mul_up(4 * GREF_U, gref_norm_fro_up(gref_const(w->F))));
    w->defect = gref_add_up(gref_norm_fro_up(gref_const(G)), e);
    return GREF_OK;
}

/*
 * Turns Q by exp(Omega), Omega H + H Omega = 2 K, and makes it orthogonal again; not within the kernel of H, where K is
 * rounding and Q is free. Omega replaces K, the eigenvectors
 * of H replace H; both are made anew by evaluate(), as are Delta and BQ, whose room the decomposition needs.
 */
static gref_status refine(procrustes *w)
{
    int r = w->r;
    SCOPED(gref_mat) y = {0}, S = {0};
    gref_mat Omega = w->K;
    gref_cmat V = gref_const(w->H);
    gref_mat_free(&w->Delta);
    gref_mat_free(&w->BQ);
    TRY(gref_mat_new(&y, r, 1));
    take_skew(w->K);
    TRY(gref_eigh(y, w->H));
    TRY(gref_mat_new(&S, r, r));
    double floor = r * GREF_U * fabs(y.a[r - 1]);
    TRY(gref_gemm(S, 1.0, V, true, gref_const(w->K), false, 0.0));
    TRY(gref_gemm(Omega, 2.0, gref_const(S), false, V, false, 0.0));
    for (int j = 0; j < r; j++)
        for (int i = 0; i < r; i++) {
            double sum = fmax(y.a[i], floor) + fmax(y.a[j], floor);
            GREF_AT(Omega, i, j) = sum > 4 * floor ? GREF_AT(Omega, i, j) / sum : 0.0;
        }
    TRY(gref_gemm(S, 1.0, V, false, gref_const(Omega), false, 0.0));
    TRY(gref_gemm(Omega, 1.0, gref_const(S), false, V, true, 0.0));
    take_skew(Omega);
    gref_mat_copy(S, gref_const(Omega)); /* Omega + Omega^2/2 */
    TRY(gref_gemm(S, 0.5, gref_const(Omega), false, gref_const(Omega), false, 1.0));
    TRY(gref_gemm(w->dQ, 1.0, gref_const(w->Q), false, gref_const(S), false, 1.0));
    TRY(measure_defect(S, w));
    return gref_gemm(w->dQ, -0.5, gref_const(w->Q), false, gref_const(S), false, 1.0);
}

/* Both bounds from Delta, K, H; the radii of the factors on either side. */
static gref_status enclose(gref_w2_cov *out, procrustes *w, double radius)
{
    double least, b = gref_norm_fro_up(w->B);
    SCOPED(gref_mat) G = {0};
    gref_mat *done[] = {&w->BQh, &w->BQl, &w->BQ};
    for (int k = 0; k < 3; k++)
        gref_mat_free(done[k]);
    TRY(gref_mat_new(&G, w->r, w->r));
    TRY(measure_defect(G, w));
    take_skew(w->K);
    double k = gref_add_up(gref_norm_fro_up(gref_const(w->K)), w->eK);
    gref_mat_free(&G);
    free_all_but_delta_and_H(w);
    /* Q + dQ is within its defect of an orthogonal matrix: that moves K and H by at most |B|^2 and |B| |Delta| times it */
    double moved = gref_mul_up(
        2.01 * w->defect, gref_mul_up(b, gref_add_up(b, gref_norm_fro_up(gref_const(w->Delta)))));
    k = gref_add_up(k, moved);
    TRY(gref_least_eigenvalue_down(&least, gref_const(w->H),
                                   gref_add_up(w->eF, gref_mul_up(3.0, moved))));
    double delta = sqrt(gref_dot2(gref_const(w->Delta), gref_const(w->Delta)));
    /* and Delta by |B| times it */
    double e = gref_add_up(gref_add_up(w->eDelta, gref_mul_up(gref_mul_up(w->defect, 1.001), b)),
                           gref_mul_up(4 * GREF_U, delta));
    out->w = delta;
    out->upper = gref_add_up(gref_add_up(delta, e), radius);
    double square = 0.0, near = fmax(gref_down(delta - e), 0.0);
    if (least > 0.0)
        square = gref_down(gref_down(near * near) - gref_div_up(gref_mul_up(k, k), least));
    out->lower = fmax(gref_down(gref_sqrt_down(square) - radius), 0.0);
    /* of A A^T and B B^T, whose distances to the laws at hand are |dA|, |dB| at most */
    double a2 = gref_dot2(w->A, w->A), b2 = gref_dot2(w->B, w->B);
    double traces = gref_down((a2 + b2) * (1.0 - 8 * GREF_U));
    double corrections = gref_add_up(w->dA.a != NULL ? gref_norm_fro_up(w->dA) : 0.0,
                                     w->dB.a != NULL ? gref_norm_fro_up(w->dB) : 0.0);
    square = fmax(gref_down(traces - gref_mul_up(2.0, w->singular_sum)), 0.0);
    out->lower =
        fmax(out->lower, gref_down(gref_down(gref_sqrt_down(square) - corrections) - radius));
    return GREF_OK;
}

gref_status gref_w2_factor_form(gref_w2_cov *out, const gref_w2_factor *f1,
                                const gref_w2_factor *f2, gref_cmat Q, int rounds)
{
    gref_status status = GREF_OK;
    int n = f1->L.m, r = f1->rank > f2->rank ? f1->rank : f2->rank;
    *out = (gref_w2_cov){.lower = 0.0, .upper = INFINITY};
    if (r == 0) {
        out->upper = gref_add_up(f1->radius, f2->radius);
        return status;
    }
    procrustes w = {.n = n,
                    .r = r,
                    .A = gref_cmat_view(gref_const(f1->L), 0, 0, n, r),
                    .B = gref_cmat_view(gref_const(f2->L), 0, 0, n, r)};
    if (f1->dL.a != NULL)
        w.dA = gref_cmat_view(gref_const(f1->dL), 0, 0, n, r);
    if (f2->dL.a != NULL)
        w.dB = gref_cmat_view(gref_const(f2->dL), 0, 0, n, r);
    /* both definite: B^T A is regular, and the bound by H will do */
    status = start(&w, Q, !(f1->least > 0.0 && f2->least > 0.0));
    for (int k = 0; status == GREF_OK && k <= rounds; k++) {
        status = evaluate(&w);
        if (status == GREF_OK && k < rounds)
            status = refine(&w);
    }
    if (status == GREF_OK)
        status = enclose(out, &w, gref_add_up(f1->radius, f2->radius));
    procrustes_free(&w);
    return status;
}

gref_status gref_w2_procrustes(gref_w2_cov *out, gref_cmat L1, gref_cmat L2)
{
    int n = L1.m, r = L1.n;
    SCOPED(gref_mat) F = {0}, W = {0}, VT = {0}, s = {0}, Delta = {0};
    TRY(gref_mat_new(&F, r, r));
    TRY(gref_mat_new(&W, r, r));
    TRY(gref_mat_new(&VT, r, r));
    TRY(gref_mat_new(&s, r, 1));
    TRY(gref_gemm(F, 1.0, L2, true, L1, false, 0.0));
    TRY(gref_svd(W, s, VT, F));
    TRY(gref_gemm(F, 1.0, gref_const(W), false, gref_const(VT), false, 0.0)); /* Q */
    gref_mat_free(&W);
    gref_mat_free(&VT);
    TRY(gref_mat_new(&Delta, n, r));
    gref_mat_copy(Delta, L1);
    TRY(gref_gemm(Delta, -1.0, L2, false, gref_const(F), false, 1.0));
    *out =
        (gref_w2_cov){.w = gref_mat_norm_fro(gref_const(Delta)), .lower = 0.0, .upper = INFINITY};
    return GREF_OK;
}
