/*
 * How far the modes of a problem are from exact: a-posteriori bounds, from residuals in twice the
 * working precision, for the exact problem of the given doubles.
 *
 *   U^       the orthogonal matrix nearest to U
 *   F        U^^T Sigma U^ - diag(lambda), |F|_F measured                                     [pixel^2]
 *   dB       A U^ - B                                                          [measurement / pixel]
 *   T        m x n, B diag(sqrt lambda)/sigma;  E = I + T^T T = R R^T
 *   L        n x n, diag(sqrt lambda) R^-T: posterior of (lambda, B), by Cholesky          [pixel]
 *
 * The posterior in two steps. First X diag(rho), from two SVDs, against L, from a Cholesky
 * factorisation whose residual is measured: since E >= I, |E^-1/2 - (E + dE)^-1/2|_F <= |dE|_F/2.
 * Then the posterior of (lambda, B) against that of (Sigma, A), by errors/perturb.c. What is measured
 * or returned is inflated once, by far more than the roundings of all that it is made of. Where Sigma
 * has a kernel, its rounding may move W2 by the root of it: there the range of Sigma and the kernel
 * are told apart.
 */
#include <math.h>

#include "base/internal.h"
#include "dense/bound.h"
#include "dense/internal.h"
#include "errors/perturb.h"
#include <gref/modes.h>
#include <gref/wasserstein.h>

/* |U - U^|_F, |X - X^|_F, then |F|_F. */
static gref_status measure_basis(gref_modes_errors *e, const gref_modes *z, gref_cmat Sigma)
{
    SCOPED(gref_mat) S = {0};
    double largest = z->lambda.a[z->n - 1], scaled, residual;
    TRY(gref_mat_new(&S, z->n, z->n));
    TRY(gref_orthogonal_distance(&e->U, gref_const(z->U), false));
    TRY(gref_orthogonal_distance(&e->X, gref_const(z->X), false));
    gref_mat_copy(S, gref_const(z->U));
    gref_mat_scale_cols(S, gref_const(z->lambda));
    scaled = gref_norm_fro_up(gref_const(S));
    TRY(gref_product_residual(&residual, gref_const(S), false, gref_const(z->U), true, Sigma));
    e->Sigma = (residual + GREF_U * scaled + largest * e->U * (2 + e->U)) * GREF_INFLATE;
    return GREF_OK;
}

static gref_status measure_data(gref_modes_errors *e, const gref_modes *z, const gref_problem *p)
{
    SCOPED(gref_mat) Amu = {0};
    double residual, product;
    TRY(gref_product_residual(&residual, gref_const(p->A), false, gref_const(z->U), false,
                              gref_const(z->B)));
    e->A_norm = gref_norm_2_up(gref_const(p->A));
    e->B = (residual + e->A_norm * e->U) * GREF_INFLATE;
    TRY(gref_mat_new(&Amu, z->m, 1));
    gref_mat_copy(Amu, gref_const(p->v));
    gref_mat_axpy(Amu, -1.0, gref_const(z->r)); /* v - r, rounded: A mu but for that */
    TRY(gref_product_residual(&product, gref_const(p->A), false, gref_const(p->mu), false,
                              gref_const(Amu)));
    e->r = (product + GREF_U * gref_norm_fro_up(gref_const(Amu))) * GREF_INFLATE;
    return GREF_OK;
}

/* E = I + T^T T, its factor R in place of it, and |dE|_F: all that separates R R^T from the exact
 * E. */
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
    *dE = residual + 2 * t2 * 4 * GREF_U * t + 3 * GREF_U * gref_norm_fro_up(gref_const(E));
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
    TRY(gref_product_residual(&solve, gref_const(L), false, gref_const(R), true, gref_const(root)));
    double size = gref_norm_fro_up(gref_const(root)), largest = sqrt(z->lambda.a[n - 1]);
    double turned =
        (solve + GREF_U * size) / sqrt(1 - dE); /* |R^-1| <= 1/sqrt(1 - dE), as E >= I */
    *error = dE < 0.5 ? turned + largest * 0.5 * dE / (1 - 2 * dE) : INFINITY;
    return GREF_OK;
}

/* Norms of the problem (lambda, B); 2-norms. */
typedef struct {
    double Sigma, A;         /* of (Sigma, A) too */
    double gain, keep, post; /* |G|, |I - G A|, |Sigma_post| */
    double d;                /* |d*|, of its exact posterior */
} norms;

/* The gain is at most |Sigma|^1/2/(2 sigma) whatever the problem. |A| also from the pixels: blurs
 * have row sums of 1. */
static norms problem_norms(const gref_modes *z)
{
    norms q = {.Sigma = z->lambda.a[z->n - 1] + z->errors.Sigma,
               .A = fmin(z->errors.A_norm, gref_norm_2_up(gref_const(z->B)) + z->errors.B),
               .post = z->rho.a[0] * z->rho.a[0]};
    q.gain = sqrt(q.Sigma) / (2 * z->sigma);
    q.keep = 1 + q.gain * q.A;
    return q;
}

/* |G| and |I - G A| also by forming them: G = L L^T B^T/sigma^2, both up to the error eL of L. */
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
    q->gain = fmin(q->gain, gref_norm_2_up(gref_const(G)) + dG);
    q->keep = fmin(q->keep, gref_norm_2_up(gref_const(Z)) + dZ);
    return GREF_OK;
}

/*
 * From (lambda, B) to (Sigma, A). Sizes must hold for both: any gain is at most `any`, which bounds
 * the shift of the posterior and so, by G = Sigma_post A^T/sigma^2, that of the gain from the known
 * one; a second time round is sharp.
 */
static gref_posterior_parts between(const gref_modes *z, norms known, norms any, double residual)
{
    const gref_modes_errors *e = &z->errors;
    double s2 = z->sigma * z->sigma, r = gref_norm_fro_up(gref_const(z->r)) + e->r;
    double D_K = gref_change_of_congruence(any.A, e->B, any.Sigma, e->Sigma);
    gref_posterior_parts p = {.gain = any.gain, .keep = any.keep, .post = any.Sigma};
    p.D_Sigma = e->Sigma;
    p.D_A = e->B;
    p.D_r = e->r;
    p.y = fmin(r / s2, residual / s2 * (1 + D_K / s2)); /* K^-1 r = (r - A d)/sigma^2 */
    p.pull = any.A * p.y;
    p.d = any.gain * r;
    for (int round = 0; round < 2; round++) {
        double shift = gref_change_of_posterior(&p), D_d = gref_change_of_posterior_mean(&p);
        double D_G = (shift * any.A + known.post * e->B) / s2;
        p.gain = fmin(p.gain, known.gain + D_G);
        p.keep = fmin(p.keep, known.keep + D_G * any.A + p.gain * e->B);
        p.post = known.post + shift;
        p.d = fmin(p.d, known.d + D_d);
    }
    return p;
}

/*
 * *error >= |d* - d| and *residual >= |r - B d*|, d* of (lambda, B): with T and E as above and
 * e = diag(lambda)^-1/2 d,
 *     d* - d = diag(sqrt lambda) E^-1 (T^T (r - B d)/sigma - e),      |diag(sqrt lambda) E^-1| <= |Sigma_post|^1/2
 */
static gref_status measure_mean(double *error, double *residual, const gref_modes *z, double post)
{
    SCOPED(gref_mat) R = {0}, low = {0}, w = {0};
    int n = z->n;
    double s2 = z->sigma * z->sigma, kernel = 0.0, e = 0.0;
    TRY(gref_mat_new(&R, z->m, 1));
    TRY(gref_mat_new(&low, z->m, 1));
    TRY(gref_mat_new(&w, n, 1));
    for (int i = 0; i < n; i++)
        w.a[i] = z->lambda.a[i] > 0.0 ? z->d.a[i] : 0.0;
    TRY(gref_dot2_gemm(R, low, gref_const(z->B), false, gref_const(w), false));
    for (int i = 0; i < z->m; i++)
        R.a[i] = (z->r.a[i] - R.a[i]) - low.a[i];
    TRY(gref_gemv(w, 1.0 / s2, gref_const(z->B), true, gref_const(R), 0.0));
    for (int i = 0; i < n; i++) {
        double root = sqrt(z->lambda.a[i]), scaled = root > 0.0 ? z->d.a[i] / root : 0.0;
        w.a[i] = root * w.a[i] - scaled;
        e = hypot(e, scaled);
        kernel = hypot(kernel, root > 0.0 ? 0.0 : z->d.a[i]);
    }
    double b = gref_norm_fro_up(gref_const(z->B)), d = gref_norm_fro_up(gref_const(z->d));
    double here = gref_norm_fro_up(gref_const(R)) * (1 + 4 * GREF_U) +
                  gref_dot2_error_up(n) * b * d + 2 * GREF_U * gref_norm_fro_up(gref_const(low));
    double off = here - gref_mat_norm_fro(gref_const(R)); /* of the residual as computed */
    double rounding =
        (gref_gamma_up(z->m + 8) * here + off) * b * sqrt(z->lambda.a[n - 1]) / s2 + 4 * GREF_U * e;
    *error = sqrt(post) * (gref_norm_fro_up(gref_const(w)) + rounding) + kernel;
    *residual = here + b * *error;
    return GREF_OK;
}

/* What the posterior's error costs W2: |dSigma_post| on the range of Sigma, where both
 * are >= least; the trace off it. */
static void split_range(gref_modes *z, double route, double shift)
{
    int n = z->n, kernel = 0;
    while (kernel < n && z->lambda.a[kernel] == 0.0)
        kernel++;
    double rho = kernel < n ? z->rho.a[n - kernel - 1] : 0.0;
    z->errors.post_w2 =
        (route + gref_change_of_root(n, kernel > 0 ? 0.0 : rho * rho - z->errors.post_cov, shift)) *
        GREF_INFLATE;
    z->errors.post_range =
        (route + gref_change_of_root(n, rho * rho - z->errors.post_cov, shift)) * GREF_INFLATE;
    z->errors.post_kernel = sqrt(kernel) * shift;
}

static gref_status measure_posterior(gref_modes *z)
{
    int n = z->n;
    SCOPED(gref_mat) L = {0}, S = {0}, zero = {0};
    gref_w2 w;
    double eL, of_mean, residual;
    TRY(gref_mat_new(&L, n, n));
    TRY(gref_mat_new(&S, n, n));
    TRY(gref_mat_new(&zero, n, 1));
    TRY(cholesky_posterior(L, &eL, z));
    gref_mat_copy(S, gref_const(z->X));
    gref_mat_scale_cols(S, gref_const(z->rho));
    TRY(gref_w2_certify_factors(&w, gref_const(zero), gref_const(S), gref_const(zero),
                                gref_const(L)));
    double route = w.upper + eL + 2 * GREF_U * gref_norm_fro_up(gref_const(S));
    norms any = problem_norms(z), known = any;
    double off = (2 * sqrt(known.post) + route) * route; /* of X diag(rho)^2 X^T */
    known.post += off;
    TRY(sharpen(&known, z, gref_const(L), eL));
    TRY(measure_mean(&of_mean, &residual, z, known.post));
    known.d = gref_norm_fro_up(gref_const(z->d)) + of_mean;
    gref_posterior_parts p = between(z, known, any, residual);
    double shift = gref_change_of_posterior(&p);
    z->errors.post_cov = (off + shift) * GREF_INFLATE;
    z->errors.post_mean = (of_mean + gref_change_of_posterior_mean(&p)) * GREF_INFLATE;
    split_range(z, route, shift);
    return GREF_OK;
}

/**
 * Bounds how far the basis and the data are from the exact problem of the given doubles.
 *
 * @param[in,out] z  z->errors but for the posterior, which stays unbounded until gref_modes_measure_posterior.
 * @param[in]     p  the problem that z was made of; not needed afterwards.
 * @return GREF_OK; GREF_ERR_SHAPE; GREF_ERR_NOMEM; GREF_ERR_NUMERICS.
 * @cost   about 30 n x n products, once.
 * @see    Higham, Accuracy and Stability; Tests: test_modes_errors.c, test_errors.c
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
 * @see    Tests: test_modes_errors.c, test_errors.c
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
