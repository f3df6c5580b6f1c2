/*
 * How far the modes of a problem are from exact: a-posteriori bounds, from residuals in twice the working
 * precision, for the exact problem of the given doubles.
 *
 *   U^       the orthogonal matrix nearest to U: |U - U^|_F <= |U^T U - I|_F
 *   F        U^^T Sigma U^ - diag(lambda), |F|_F measured                                     [pixel^2]
 *   dB       A U^ - B                                                          [measurement / pixel]
 *   T        m x n, B diag(sqrt lambda)/sigma;  E = I + T^T T = R R^T
 *   L        n x n, diag(sqrt lambda) R^-T: posterior of (lambda, B), by Cholesky          [pixel]
 *
 * The posterior in two steps. First X diag(rho), from two SVDs, against L, from a Cholesky factorisation whose
 * residual is measured: since E >= I, |E^-1/2 - (E + dE)^-1/2|_F <= |dE|_F/2. Then the posterior of (lambda, B)
 * against that of (Sigma, A): Sigma_post is the least of (I - K A) Sigma (I - K A)^T + sigma^2 K K^T over K, so with
 * the gain G of either problem in the other's form
 *
 *     |dSigma_post|_F <= 3 ( |I - G A|^2 |F| + 2 |G| |dB| |Sigma_post| + |G|^2 |dB|^2 |Sigma| ),
 *
 * |G| <= |Sigma|^1/2/(2 sigma). Scalars are computed in double and inflated by 2^-20 once, far more than the few
 * dozen roundings of each formula.
 */
#include <math.h>

#include "base/internal.h"
#include "dense/bound.h"
#include "dense/internal.h"
#include <gref/modes.h>
#include <gref/wasserstein.h>

#define INFLATE (1.0 + 0x1p-20)

/* |op(A) B' - C|_F with B' = B or B^T, the product in twice the working precision. */
static gref_status product_residual(double *norm, gref_cmat A, bool trans_a, gref_cmat B,
                                    bool trans_b, gref_cmat C)
{
    SCOPED(gref_mat) H = {0}, L = {0};
    int k = trans_a ? A.m : A.n;
    TRY(gref_mat_new(&H, C.m, C.n));
    TRY(gref_mat_new(&L, C.m, C.n));
    TRY(gref_dot2_gemm(H, L, A, trans_a, B, trans_b));
    double low = gref_norm_fro_up(gref_const(L));
    gref_mat_axpy(H, -1.0, C);
    double high = gref_norm_fro_up(gref_const(H));
    gref_mat_axpy(H, 1.0, gref_const(L));
    *norm = (gref_norm_fro_up(gref_const(H)) + 2 * GREF_U * (high + low) +
             gref_dot2_error_up(k) * gref_norm_fro_up(A) * gref_norm_fro_up(B)) *
            INFLATE;
    return GREF_OK;
}

/* |U^T U - I|_F, |X^T X - I|_F, then |F|_F. */
static gref_status measure_basis(gref_modes_errors *e, const gref_modes *z, gref_cmat Sigma)
{
    SCOPED(gref_mat) S = {0};
    double largest = z->lambda.a[z->n - 1], scaled, residual;
    TRY(gref_mat_new(&S, z->n, z->n));
    gref_mat_identity(S);
    TRY(product_residual(&e->U, gref_const(z->U), true, gref_const(z->U), false, gref_const(S)));
    TRY(product_residual(&e->X, gref_const(z->X), true, gref_const(z->X), false, gref_const(S)));
    gref_mat_copy(S, gref_const(z->U));
    gref_mat_scale_cols(S, gref_const(z->lambda));
    scaled = gref_norm_fro_up(gref_const(S));
    TRY(product_residual(&residual, gref_const(S), false, gref_const(z->U), true, Sigma));
    e->Sigma = (residual + GREF_U * scaled * (1 + e->U) + largest * e->U * (2 + e->U)) * INFLATE;
    return GREF_OK;
}

static gref_status measure_data(gref_modes_errors *e, const gref_modes *z, const gref_problem *p)
{
    SCOPED(gref_mat) Amu = {0};
    double residual, product;
    TRY(product_residual(&residual, gref_const(p->A), false, gref_const(z->U), false,
                         gref_const(z->B)));
    e->A_norm = gref_norm_2_up(gref_const(p->A));
    e->B = (residual + e->A_norm * e->U) * INFLATE;
    TRY(gref_mat_new(&Amu, z->m, 1));
    gref_mat_copy(Amu, gref_const(p->v));
    gref_mat_axpy(Amu, -1.0, gref_const(z->r)); /* v - r, rounded: A mu but for that */
    TRY(product_residual(&product, gref_const(p->A), false, gref_const(p->mu), false,
                         gref_const(Amu)));
    e->r = (product + GREF_U * gref_norm_fro_up(gref_const(Amu))) * INFLATE;
    return GREF_OK;
}

/* E = I + T^T T, its factor R in place of it, and |dE|_F: all that separates R R^T from the exact E. */
static gref_status factor_information(gref_mat R, double *dE, const gref_modes *z)
{
    int n = z->n;
    SCOPED(gref_mat) T = {0}, L = {0}, E = {0};
    double residual;
    TRY(gref_mat_new(&T, z->m, n));
    TRY(gref_mat_new(&L, n, n));
    TRY(gref_mat_new(&E, n, n));
    gref_mat_copy(T, gref_const(z->B));
    for (int j = 0; j < n; j++)
        for (int i = 0; i < z->m; i++)
            GREF_AT(T, i, j) *= sqrt(z->lambda.a[j]) / z->sigma;
    double t = gref_norm_fro_up(gref_const(T)), t2 = gref_norm_2_up(gref_const(T));
    TRY(gref_dot2_gemm(E, L, gref_const(T), true, gref_const(T), false));
    gref_mat_axpy(E, 1.0, gref_const(L));
    for (int i = 0; i < n; i++)
        GREF_AT(E, i, i) += 1.0;
    gref_mat_mirror_lower(E);
    gref_mat_copy(R, gref_const(E));
    TRY(gref_cholesky(R));
    TRY(gref_cholesky_residual(&residual, gref_const(E), gref_const(R)));
    *dE = (residual + 2 * t2 * 4 * GREF_U * t + gref_dot2_error_up(z->m) * t * t +
           3 * GREF_U * gref_norm_fro_up(gref_const(E))) *
          INFLATE;
    return GREF_OK;
}

/* L = diag(sqrt lambda) R^-T and a bound on W2(N(0, L L^T), exact posterior of (lambda, B)). */
static gref_status cholesky_posterior(gref_mat L, double *error, const gref_modes *z)
{
    int n = z->n;
    SCOPED(gref_mat) R = {0}, root = {0};
    double dE, solve;
    TRY(gref_mat_new(&R, n, n));
    TRY(gref_mat_new(&root, n, n));
    TRY(factor_information(R, &dE, z));
    for (int i = 0; i < n; i++)
        GREF_AT(root, i, i) = sqrt(z->lambda.a[i]);
    gref_mat_copy(L, gref_const(root));
    TRY(gref_trsm(L, false, gref_const(R), true));
    TRY(product_residual(&solve, gref_const(L), false, gref_const(R), true, gref_const(root)));
    double size = gref_norm_fro_up(gref_const(root)), largest = sqrt(z->lambda.a[n - 1]);
    *error =
        dE < 0.5 ? (solve + GREF_U * size + largest * 0.5 * dE / (1 - 2 * dE)) * INFLATE : INFINITY;
    return GREF_OK;
}

/* Norms of the exact problem that the perturbation bounds need. */
typedef struct {
    double Sigma, root, A, gain, loss,
        post; /* |Sigma|, its root, |A|, |G|, |I - G A|, |Sigma_post|; 2-norms */
} norms;

/* |G| and |I - G A| also by forming them: G = L L^T B^T/sigma^2, both up to the error of L and of the data. */
static gref_status sharpen(norms *q, const gref_modes *z, gref_cmat L, double eL)
{
    SCOPED(gref_mat) P = {0}, G = {0}, Z = {0};
    int n = z->n, m = z->m;
    double s2 = z->sigma * z->sigma, l = gref_norm_fro_up(L),
           b = gref_norm_fro_up(gref_const(z->B));
    TRY(gref_mat_new(&P, n, n));
    TRY(gref_mat_new(&G, n, m));
    TRY(gref_mat_new(&Z, n, n));
    TRY(gref_syrk(P, 1.0, L, false, 0.0));
    TRY(gref_gemm(G, 1.0 / s2, gref_const(P), false, gref_const(z->B), true, 0.0));
    gref_mat_identity(Z);
    TRY(gref_gemm(Z, -1.0, gref_const(G), false, gref_const(z->B), false, 1.0));
    double dP = (2 * sqrt(q->post) + eL) * eL + gref_gamma_up(n + 2) * l * l;
    double dG = (dP * q->A + gref_gamma_up(n + 2) * gref_norm_fro_up(gref_const(P)) * b) / s2;
    double dZ = dG * q->A + gref_gamma_up(m + 2) * gref_norm_fro_up(gref_const(G)) * b +
                4 * GREF_U * sqrt(n);
    q->gain = fmin(q->gain, (gref_norm_2_up(gref_const(G)) + dG) * INFLATE);
    q->loss = fmin(q->loss, (gref_norm_2_up(gref_const(Z)) + dZ) * INFLATE);
    return GREF_OK;
}

/* |A| from the pixels, where blurs and masks have row and column sums of 1. */
static norms problem_norms(const gref_modes *z)
{
    norms q;
    q.Sigma = (z->lambda.a[z->n - 1] + z->errors.Sigma) * INFLATE;
    q.root = sqrt(q.Sigma) * INFLATE;
    q.A = fmin(z->errors.A_norm, gref_norm_2_up(gref_const(z->B)) + z->errors.B) * INFLATE;
    q.gain = q.root / (2 * z->sigma) * INFLATE;
    q.loss = (1 + q.gain * q.A) * INFLATE;
    q.post = z->rho.a[0] * z->rho.a[0] * INFLATE;
    return q;
}

/* |dSigma_post|_F between the posteriors of (lambda, B) and of (Sigma, A). */
static double posterior_shift(const gref_modes_errors *e, norms q)
{
    return 3 *
           (q.loss * q.loss * e->Sigma + 2 * q.gain * e->B * q.post +
            q.gain * q.gain * e->B * e->B * q.Sigma) *
           INFLATE;
}

/* |d* - d|, through d2 = L L^T B^T r/sigma^2. */
static gref_status measure_mean(gref_modes_errors *e, const gref_modes *z, gref_cmat L, double eL,
                                norms q, double shift)
{
    SCOPED(gref_mat) w = {0}, x = {0}, d = {0};
    double s2 = z->sigma * z->sigma, r = gref_norm_fro_up(gref_const(z->r));
    double l = gref_norm_fro_up(L), b = gref_norm_fro_up(gref_const(z->B));
    TRY(gref_mat_new(&w, z->n, 1));
    TRY(gref_mat_new(&x, z->n, 1));
    TRY(gref_mat_new(&d, z->n, 1));
    TRY(gref_gemv(w, 1.0 / s2, gref_const(z->B), true, gref_const(z->r), 0.0));
    TRY(gref_gemv(x, 1.0, L, true, gref_const(w), 0.0));
    TRY(gref_gemv(d, 1.0, L, false, gref_const(x), 0.0));
    double pull = gref_norm_fro_up(gref_const(w)), inner = gref_norm_fro_up(gref_const(x));
    double rounding =
        gref_gamma_up(2 * z->n + z->m + 8) * (l * inner + l * l * pull + l * l * b * r / s2);
    double root_post = sqrt(q.post);
    double route = (2 * root_post + eL) * eL * (pull + gref_gamma_up(z->m + 4) * b * r / s2);
    double data = (shift * q.A + q.post * e->B) / s2 * r + q.gain * e->r;
    e->post_mean =
        (gref_mat_diff_fro(gref_const(d), gref_const(z->d)) + rounding + route + data) * INFLATE;
    return GREF_OK;
}

static gref_status measure_posterior(gref_modes *z)
{
    int n = z->n;
    SCOPED(gref_mat) L = {0}, S = {0}, zero = {0};
    gref_w2 w;
    double eL;
    TRY(gref_mat_new(&L, n, n));
    TRY(gref_mat_new(&S, n, n));
    TRY(gref_mat_new(&zero, n, 1));
    TRY(cholesky_posterior(L, &eL, z));
    gref_mat_copy(S, gref_const(z->X));
    gref_mat_scale_cols(S, gref_const(z->rho));
    TRY(gref_w2_certify_factors(&w, gref_const(zero), gref_const(S), gref_const(zero),
                                gref_const(L)));
    norms q = problem_norms(z);
    TRY(sharpen(&q, z, gref_const(L), eL));
    double shift = posterior_shift(&z->errors, q);
    double route = (w.upper + eL + 2 * GREF_U * gref_norm_fro_up(gref_const(S))) * INFLATE;
    z->errors.post_cov = ((2 * sqrt(q.post) + route) * route + shift) * INFLATE;
    double least = z->rho.a[n - 1] * z->rho.a[n - 1] - z->errors.post_cov; /* of both posteriors */
    double by_trace = sqrt(sqrt(n) * shift),
           by_root = least > 0 ? shift / (2 * sqrt(least)) : INFINITY;
    z->errors.post_w2 = (route + fmin(by_trace, by_root)) * INFLATE;
    return measure_mean(&z->errors, z, gref_const(L), eL, q, shift);
}

/**
 * Bounds how far the basis and the data are from the exact problem of the given doubles.
 *
 * @param[in,out] z  z->errors but for the posterior, which stays unbounded until gref_modes_measure_posterior.
 * @param[in]     p  the problem that z was made of; not needed afterwards.
 * @return GREF_OK; GREF_ERR_SHAPE; GREF_ERR_NOMEM; GREF_ERR_NUMERICS.
 * @cost   about 30 n x n products, once.
 * @see    Higham, Accuracy and Stability; Tests: test_errors.c, test_oracle.c
 */
gref_status gref_modes_measure(gref_modes *z, const gref_problem *p)
{
    TRY(gref_require_shape(gref_const(p->Sigma), z->n, z->n, "Sigma"));
    TRY(gref_require_shape(gref_const(p->A), z->m, z->n, "A"));
    TRY(measure_basis(&z->errors, z, gref_const(p->Sigma)));
    return measure_data(&z->errors, z, p);
}

/**
 * Bounds how far the posterior is from that of the given doubles, after gref_modes_measure.
 *
 * @param[in,out] z  z->errors is completed; the posterior's bounds stay infinite with sigma = 0, and with one so small
 *                   that I is lost in E = I + T^T T: the modes do without E, the proof does not.
 * @return GREF_OK; GREF_ERR_NOMEM; GREF_ERR_NUMERICS.
 * @cost   about 80 n x n products, once; 13 n^2 doubles.
 * @see    Tests: test_errors.c, test_oracle.c
 */
gref_status gref_modes_measure_posterior(gref_modes *z)
{
    gref_modes_errors known = z->errors;
    gref_status status = z->sigma > 0.0 ? measure_posterior(z) : GREF_OK;
    bool lost = status == GREF_ERR_NOT_PD || status == GREF_ERR_NONFINITE;
    if (lost || isnan(z->errors.post_cov + z->errors.post_w2 + z->errors.post_mean))
        z->errors = known;
    return lost ? GREF_OK : status;
}
