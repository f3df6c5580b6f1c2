/*
 * The covariance part of W2 through factors (THEORY section 11: factor form, enclosure B); works
 * for singular covariances.
 *
 *   A, B    n x r, C1 = (A + dA)(A + dA)^T, C2 likewise; dA, dB corrections far below u |A|, or absent
 *   F       r x r, B^T A = W diag(s) V^T;   Q = W V^T + dQ, orthogonal up to a measured defect
 *   Delta   n x r, A - B Q, accumulated so that its error is relative to Delta, not to A
 *   K, H    skew part of (B Q)^T Delta, symmetric part of (B Q)^T A
 *
 *   |Delta|^2 - tr(K H^-1 K^T) <= W2^2 <= |Delta|^2      (H > 0; any orthogonal Q gives the upper bound)
 *   W2^2 >= |A|^2 + |B|^2 - 2 |F|_*                     (always; cancels for close laws)
 *
 * A is the larger of the two: K errs by u |B|^2, to be compared with |A||B|.
 * Q is refined by the rotation exp(Omega), Omega H + H Omega = 2 K, until K is negligible. Where a
 * factor stands for a covariance, W2(C, (A + dA)(A + dA)^T) is added on both sides as its radius.
 */
#include <math.h>

#include "base/internal.h"
#include "dense/bound.h"
#include "internal.h"

typedef struct {
    int n, r;
    gref_cmat A, dA, B, dB;
    gref_mat Q, dQ, F; /* F = Q^T Q - I */
    gref_mat BQh, BQl; /* B Q in twice the working precision */
    gref_mat Delta, BQ, K,
        H;          /* BQ: (B + dB)(Q + dQ), rounded; K and H before their parts are taken */
    double nuclear; /* |B^T A|_* <= nuclear */
    double defect;  /* |(Q + dQ)^T (Q + dQ) - I|_F */
    gref_w2_sizes size;
    gref_w2_errors error;
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

/* F = X^T X - I, rounded to 2 u |F|, and the error of what is rounded; L is scratch. */
static gref_status gram_defect(double *error, gref_mat F, gref_mat L, gref_cmat X)
{
    double x = gref_norm_fro_up(X);
    TRY(gref_dot2_lower(F, L, X, true, X, false));
    for (int i = 0; i < X.n; i++)
        GREF_AT(F, i, i) -= 1.0; /* exact where it is close to 1 */
    gref_mat_axpy(F, 1.0, gref_const(L));
    *error = gref_inflate(gref_dot2_error_up(X.m) * x * x);
    return GREF_OK;
}

/* |X|_2 <= sqrt(1 + |X^T X - I|_F) <= 1 + excess, measured (the inflation covers 2 u |F|); F, L are
 * scratch. */
static gref_status norm_of_orthogonal(double *excess, gref_cmat X, gref_mat F, gref_mat L)
{
    double error;
    TRY(gram_defect(&error, F, L, X));
    *excess = gref_inflate(0.5 * (gref_norm_fro_up(gref_const(F)) + error));
    return GREF_OK;
}

/* |B^T A|_* <= |W| |V| sum s + sqrt(r) |B^T A - W S V^T|_F from above. */
static gref_status nuclear_bound(procrustes *w, gref_cmat W, gref_cmat s, gref_cmat VT, gref_cmat G)
{
    int r = w->r;
    double sum = 0.0;
    SCOPED(gref_mat) S = {0}, R = {0};
    for (int i = 0; i < r; i++)
        sum += s.a[i];
    TRY(gref_mat_new(&S, r, r));
    TRY(gref_mat_new(&R, r, r));
    gref_mat_copy(S, W);
    gref_mat_scale_cols(S, s);
    gref_mat_copy(R, G);
    TRY(gref_gemm(R, -1.0, gref_const(S), false, VT, false, 1.0));
    gref_w2_nuclear_sizes z = {.n = w->n, .r = r, .a = w->size.a, .b = w->size.b, .sum = sum};
    z.g = gref_norm_fro_up(G);
    z.s = gref_norm_fro_up(gref_const(S));
    z.v = gref_norm_fro_up(VT);
    z.left = gref_norm_fro_up(gref_const(R));
    TRY(norm_of_orthogonal(&z.x, W, S, R));
    TRY(norm_of_orthogonal(&z.y, VT, S, R));
    w->nuclear = gref_w2_nuclear(&z);
    return GREF_OK;
}

/*
 * (1 + gamma) (1 + x) (1 + y) sum + sqrt(r) left: sum adds r positive numbers, 1 + x and 1 + y are
 * norms; left with the error of G - S V^T, G = B^T A by n terms, S = W diag(s) rounded, and a
 * product of r + 1 terms.
 */
double gref_w2_nuclear(const gref_w2_nuclear_sizes *z)
{
    double gamma = gref_gamma_up(z->r),
           excess = gamma + (1.0 + gamma) * (z->x + z->y + z->x * z->y);
    double rounding =
        gref_gamma_up(z->n) * z->a * z->b + gref_gamma_up(z->r + 2) * (z->g + z->s * z->v);
    return gref_up(z->sum + gref_inflate(z->sum * excess + sqrt(z->r) * (z->left + rounding)));
}

/* Q = W V^T from the singular value decomposition of B^T A, and, where it is wanted, the bound on
 * |B^T A|_*. */
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
    if (bounded)
        TRY(nuclear_bound(w, gref_const(W), gref_const(s), gref_const(VT), gref_const(G)));
    gref_mat_free(&G);
    return gref_gemm(w->Q, 1.0, gref_const(W), false, gref_const(VT), false, 0.0);
}

/* Q, its defect, and B Q; `bounded` says that |B^T A|_* may be needed. */
static gref_status start(procrustes *w, gref_cmat Q, bool bounded)
{
    int n = w->n, r = w->r;
    SCOPED(gref_mat) low = {0};
    w->size = (gref_w2_sizes){.n = n,
                              .r = r,
                              .a = gref_norm_fro_up(w->A),
                              .b = gref_norm_fro_up(w->B),
                              .da = gref_w2_size(w->dA),
                              .db = gref_w2_size(w->dB)};
    w->nuclear = INFINITY;
    TRY(gref_mat_new(&w->Q, r, r));
    if (Q.a != NULL)
        gref_mat_copy(w->Q, Q);
    else
        TRY(polar_factor(w, bounded));
    w->size.q = gref_norm_fro_up(gref_const(w->Q));
    TRY(gref_mat_new(&w->F, r, r));
    TRY(gref_mat_new(&low, r, r));
    TRY(gram_defect(&w->size.eF, w->F, low, gref_const(w->Q)));
    gref_mat_free(&low);
    TRY(gref_mat_new(&w->dQ, r, r));
    TRY(gref_gemm(w->dQ, -0.5, gref_const(w->Q), false, gref_const(w->F), false, 0.0));
    TRY(gref_mat_new(&w->BQh, n, r));
    TRY(gref_mat_new(&w->BQl, n, r));
    return gref_dot2_gemm(w->BQh, w->BQl, w->B, false, gref_const(w->Q), false);
}

/* C = BQl + B dQ + dB (Q + dQ): what is added to BQh. */
static gref_status small_part(gref_mat C, procrustes *w)
{
    SCOPED(gref_mat) whole = {0};
    gref_mat_copy(C, gref_const(w->BQl));
    TRY(gref_gemm(C, 1.0, w->B, false, gref_const(w->dQ), false, 1.0));
    if (w->dB.a == NULL)
        return GREF_OK;
    TRY(gref_mat_new(&whole, w->r, w->r));
    gref_mat_copy(whole, gref_const(w->Q));
    gref_mat_axpy(whole, 1.0, gref_const(w->dQ));
    return gref_gemm(C, 1.0, w->dB, false, gref_const(whole), false, 1.0);
}

/* a - h - c + da, a - h without error as d + lost, |lost| <= u |d|: to u (2 |c| + |da|) and one
 * rounding of the result. */
double gref_w2_difference(double a, double h, double c, double da)
{
    double d = a - h, part = d - a, lost = (a - (d - part)) + (-h - part);
    return d + ((lost - c) + da);
}

/* Delta = A + dA - (BQh + C), BQ = BQh + C; C is where BQ is. */
static void differences(procrustes *w)
{
    for (int j = 0; j < w->r; j++)
        for (int i = 0; i < w->n; i++) {
            double h = GREF_AT(w->BQh, i, j), c = GREF_AT(w->BQ, i, j);
            double da = w->dA.a != NULL ? GREF_AT(w->dA, i, j) : 0.0;
            GREF_AT(w->Delta, i, j) = gref_w2_difference(GREF_AT(w->A, i, j), h, c, da);
            GREF_AT(w->BQ, i, j) = h + c;
        }
}

/*
 * BQ: the products of C, of which BQl passes through two, Dot2, and the last addition. Delta: the
 * same products, and gref_w2_difference. K = BQ^T Delta, H = sym(BQ^T BQ + K).
 */
gref_w2_errors gref_w2_rounding(const gref_w2_sizes *s)
{
    double products =
        gref_gamma_up(2 * s->r + 8) * (s->low + s->b * s->dq + s->db * (s->q + s->dq)) +
        gref_dot2_error_up(s->r) * s->b * s->q;
    gref_w2_errors e;
    e.BQ = gref_inflate(products + GREF_U * s->bq);
    e.Delta = gref_inflate(products + GREF_U * (2.0 * s->c + s->da + s->delta));
    e.K = gref_inflate(gref_gamma_up(s->n) * s->bq * s->delta + (s->bq + e.BQ) * e.Delta +
                       e.BQ * s->delta);
    e.H = gref_inflate(gref_gamma_up(s->n) * s->bq * s->bq + (2.0 * s->bq + e.BQ) * e.BQ + e.K +
                       GREF_U * (2.0 * s->h + s->k));
    return e;
}

/* Delta = A + dA - (B + dB)(Q + dQ) and BQ, K = BQ^T Delta, H = sym(BQ^T BQ + K), with their
 * errors. */
static gref_status evaluate(procrustes *w)
{
    gref_mat *tall[] = {&w->Delta, &w->BQ}, *square[] = {&w->K, &w->H};
    gref_w2_sizes *s = &w->size;
    for (int k = 0; k < 2; k++) {
        if (tall[k]->a == NULL)
            TRY(gref_mat_new(tall[k], w->n, w->r));
        if (square[k]->a == NULL)
            TRY(gref_mat_new(square[k], w->r, w->r));
    }
    TRY(small_part(w->BQ, w));
    s->dq = gref_norm_fro_up(gref_const(w->dQ));
    s->low = gref_norm_fro_up(gref_const(w->BQl));
    s->c = gref_norm_fro_up(gref_const(w->BQ));
    differences(w);
    TRY(gref_gemm(w->K, 1.0, gref_const(w->BQ), true, gref_const(w->Delta), false, 0.0));
    TRY(gref_syrk(w->H, 1.0, gref_const(w->BQ), true, 0.0));
    gref_mat_axpy(w->H, 1.0, gref_const(w->K));
    gref_mat_symmetrise(w->H);
    s->delta = gref_norm_fro_up(gref_const(w->Delta));
    s->bq = gref_norm_fro_up(gref_const(w->BQ));
    s->k = gref_norm_fro_up(gref_const(w->K));
    s->h = gref_norm_fro_up(gref_const(w->H));
    w->error = gref_w2_rounding(s);
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

/* Of F + Q^T dQ + dQ^T Q + dQ^T dQ, |F| <= f: each term passes through two products of r + 1 roundings at
 * most, and four sums. */
double gref_w2_defect_error(int r, double q, double dq, double f, double eF)
{
    return gref_inflate(eF + gref_gamma_up(2 * r + 6) * (f + (2.0 * q + dq) * dq));
}

/* G = F + Q^T dQ + dQ^T Q + dQ^T dQ = (Q + dQ)^T (Q + dQ) - I, r x r; its norm is the defect. */
static gref_status measure_defect(gref_mat G, procrustes *w)
{
    gref_cmat Q = gref_const(w->Q), dQ = gref_const(w->dQ), F = gref_const(w->F);
    SCOPED(gref_mat) S = {0};
    TRY(gref_mat_new(&S, w->r, w->r));
    TRY(gref_gemm(S, 1.0, Q, true, dQ, false, 0.0));
    gref_mat_transpose(G, gref_const(S));
    gref_mat_axpy(G, 1.0, gref_const(S));
    gref_mat_axpy(G, 1.0, F);
    TRY(gref_gemm(G, 1.0, dQ, true, dQ, false, 1.0));
    double error = gref_w2_defect_error(w->r, w->size.q, gref_norm_fro_up(dQ), gref_norm_fro_up(F),
                                        w->size.eF);
    w->defect = gref_inflate(gref_norm_fro_up(gref_const(G)) + error);
    return GREF_OK;
}

/*
 * Turns Q by exp(Omega), Omega H + H Omega = 2 K, and makes it orthogonal again; not within the
 * kernel of H, where K is rounding and Q is free, nor by more than |Omega| = 1/4: the series ends
 * at Omega^2, and so far from the optimum K is no derivative of use. Omega replaces K, the
 * eigenvectors of H replace H; both are made anew by evaluate(), as are Delta and BQ, whose room
 * the decomposition needs.
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
    if (!(gref_mat_norm_fro(gref_const(Omega)) <= 0.25))
        return GREF_OK;
    gref_mat_copy(S, gref_const(Omega)); /* Omega + Omega^2/2 */
    TRY(gref_gemm(S, 0.5, gref_const(Omega), false, gref_const(Omega), false, 1.0));
    TRY(gref_gemm(w->dQ, 1.0, gref_const(w->Q), false, gref_const(S), false, 1.0));
    TRY(measure_defect(S, w));
    return gref_gemm(w->dQ, -0.5, gref_const(w->Q), false, gref_const(S), false, 1.0);
}

/*
 * For the orthogonal Q' next to Q + dQ, |Q' - (Q + dQ)| <= t = defect/(1 + sqrt(1 - defect)): Delta
 * moves by t |B|, and by that times |A| move K and H, the two parts of (B Q)^T A.
 */
gref_w2_errors gref_w2_turned(gref_w2_errors e, const gref_w2_sizes *s, double defect)
{
    double t = defect < 1.0 ? defect / (1.0 + sqrt(1.0 - defect)) : INFINITY;
    double tb = t * (s->b + s->db), tba = tb * (s->a + s->da);
    e.K = gref_inflate(e.K + tba);
    e.H = gref_inflate(e.H + tba);
    e.Delta = gref_inflate(e.Delta + tb);
    return e;
}

/* Both ends from |Delta| = delta (to 2 u), its error, |K| <= k, H >= least and the radii of the
 * factors. */
gref_w2_cov gref_w2_procrustes_ends(double delta, double error, double k, double least,
                                    double radius)
{
    double e = gref_inflate(error + 2.0 * GREF_U * delta), near = fmax(gref_down(delta - e), 0.0);
    double square = least > 0.0 ? gref_down(near * near) - gref_inflate(k * k / least) : 0.0;
    return (gref_w2_cov){
        .w = delta,
        .lower = fmax(gref_down(gref_sqrt_down(gref_down(square)) - radius), 0.0),
        .upper = gref_up(delta + gref_inflate(e + radius)),
    };
}

/* From traces and |B^T A|_* of A A^T and B B^T, whose distances to the laws at hand are da and db
 * at most. */
double gref_w2_trace_bound(double a2, double b2, double nuclear, double da, double db,
                           double radius)
{
    double square = gref_down((a2 + b2) * (1.0 - 8 * GREF_U) - 2.0 * nuclear);
    return gref_down(gref_sqrt_down(square) - gref_inflate(da + db + radius));
}

/* Both bounds from Delta, K, H; the radii of the factors on either side. */
static gref_status enclose(gref_w2_cov *out, procrustes *w, double radius)
{
    double least;
    SCOPED(gref_mat) G = {0};
    gref_mat *done[] = {&w->BQh, &w->BQl, &w->BQ};
    for (int k = 0; k < 3; k++)
        gref_mat_free(done[k]);
    TRY(gref_mat_new(&G, w->r, w->r));
    TRY(measure_defect(G, w));
    gref_mat_free(&G);
    take_skew(w->K);
    double skew = gref_norm_fro_up(gref_const(w->K));
    free_all_but_delta_and_H(w);
    gref_w2_errors e = gref_w2_turned(w->error, &w->size, w->defect);
    TRY(gref_least_eigenvalue_down(&least, gref_const(w->H), e.H));
    double delta = sqrt(gref_dot2(gref_const(w->Delta), gref_const(w->Delta)));
    *out = gref_w2_procrustes_ends(delta, e.Delta, gref_inflate(skew + e.K), least, radius);
    out->lower = fmax(out->lower, gref_w2_trace_bound(gref_dot2(w->A, w->A), gref_dot2(w->B, w->B),
                                                      w->nuclear, w->size.da, w->size.db, radius));
    double any = hypot(w->size.a + w->size.da, w->size.b + w->size.db); /* of independent laws */
    out->upper = fmin(out->upper, gref_inflate(any + radius));
    out->w = fmin(fmax(out->w, out->lower), out->upper);
    return GREF_OK;
}

/* The first r columns, absent where X is. */
static gref_cmat columns(gref_mat X, int r)
{
    return X.a != NULL ? gref_cmat_view(gref_const(X), 0, 0, X.m, r) : (gref_cmat){0};
}

gref_status gref_w2_factor_form(gref_w2_cov *out, const gref_w2_factor *f1,
                                const gref_w2_factor *f2, gref_cmat Q, int rounds)
{
    int n = f1->L.m, r = f1->rank > f2->rank ? f1->rank : f2->rank;
    double radius = gref_inflate(f1->radius + f2->radius);
    *out = (gref_w2_cov){.lower = 0.0, .upper = radius};
    if (r == 0)
        return GREF_OK;
    if (gref_mat_norm_fro(gref_const(f1->L)) < gref_mat_norm_fro(gref_const(f2->L))) {
        SCOPED(gref_mat) QT = {0};
        if (Q.a != NULL) {
            TRY(gref_mat_new(&QT, Q.n, Q.m));
            gref_mat_transpose(QT, Q);
        }
        return gref_w2_factor_form(out, f2, f1, gref_const(QT), rounds);
    }
    SCOPED(procrustes)
    w = {.n = n,
         .r = r,
         .A = columns(f1->L, r),
         .dA = columns(f1->dL, r),
         .B = columns(f2->L, r),
         .dB = columns(f2->dL, r)};
    /* both definite: B^T A is regular, and the bound by H will do */
    TRY(start(&w, Q, !(f1->least > 0.0 && f2->least > 0.0)));
    TRY(evaluate(&w));
    for (int k = 0; k < rounds; k++) {
        TRY(refine(&w));
        TRY(evaluate(&w));
    }
    return enclose(out, &w, radius);
}

gref_status gref_w2_polar(gref_mat Q, double *least, gref_mat F, int rank)
{
    int r = F.n;
    SCOPED(gref_mat) W = {0}, VT = {0}, s = {0};
    TRY(gref_mat_new(&W, r, r));
    TRY(gref_mat_new(&VT, r, r));
    TRY(gref_mat_new(&s, r, 1));
    TRY(gref_svd(W, s, VT, F));
    *least = rank > 0 ? s.a[(rank < r ? rank : r) - 1] : 0.0;
    return gref_gemm(Q, 1.0, gref_const(W), false, gref_const(VT), false, 0.0);
}

/*
 * F = B^T A errs by dF, |dF| about delta, of roundings that add up as random ones do. Then
 * |A - B Q|^2 exceeds its least by 4 |dF|_* at most, and by tr(K H^-1 K^T) <= 2 delta^2/least; and
 * A - B Q itself is rounded, as is Q.
 */
double gref_w2_procrustes_error(int n, int r, double a, double b, double w, double least)
{
    double c = 4.0 * (2.0 + sqrt(n + r)) * GREF_U, delta = c * a * b;
    double excess =
        fmin(4.0 * sqrt(r) * delta, least > 0.0 ? 2.0 * delta * delta / least : INFINITY);
    double turn = w > 0.0 ? excess / (w + sqrt(fmax(w * w - excess, 0.0))) : sqrt(excess);
    return fmin(turn, sqrt(excess)) + c * (a + b);
}

gref_status gref_w2_procrustes(gref_w2_cov *out, gref_cmat L1, gref_cmat L2)
{
    int n = L1.m, r = L1.n;
    double least = 0.0;
    SCOPED(gref_mat) F = {0}, Q = {0}, Delta = {0};
    TRY(gref_mat_new(&F, r, r));
    TRY(gref_mat_new(&Q, r, r));
    TRY(gref_gemm(F, 1.0, L2, true, L1, false, 0.0));
    TRY(gref_w2_polar(Q, &least, F, n));
    TRY(gref_mat_new(&Delta, n, r));
    gref_mat_copy(Delta, L1);
    TRY(gref_gemm(Delta, -1.0, L2, false, gref_const(Q), false, 1.0));
    double w = gref_mat_norm_fro(gref_const(Delta)), a = gref_mat_norm_fro(L1),
           b = gref_mat_norm_fro(L2);
    *out = (gref_w2_cov){
        .w = w, .upper = INFINITY, .error = gref_w2_procrustes_error(n, r, a, b, w, least)};
    return GREF_OK;
}
