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
 * The posterior in two steps. First S = X diag(rho), from two SVDs, against that of (lambda, B), by
 * the better of two ways. By Cholesky: S against L, whose residual is measured; since E >= I,
 * |E^-1/2 - (E + dE)^-1/2|_F <= |dE|_F/2. By what S leaves of I: with Y = diag(lambda)^-1/2 S and
 * D = Y^T E Y - I, where large eigenvalues of E meet small ones of Y, the posterior is
 * S (I + D)^-1 S^T. Then the posterior of (lambda, B) against that of (Sigma, A), by
 * errors/perturb.c. Where Sigma has a kernel, its rounding may move W2 by the root of it: there the
 * range of Sigma and the kernel are told apart.
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

/* *error >= W2(N(0, S S^T), exact posterior of (lambda, B)) by L = diag(sqrt lambda) R^-T. */
static gref_status error_by_cholesky(double *error, gref_cmat S, const gref_modes *z)
{
    int n = z->n;
    SCOPED(gref_mat) R = {0}, root = {0}, L = {0}, zero = {0};
    gref_w2 w;
    double dE, solve;
    TRY(gref_mat_new(&R, n, n));
    TRY(gref_mat_new(&root, n, n));
    TRY(gref_mat_new(&L, n, n));
    TRY(gref_mat_new(&zero, n, 1));
    TRY(factor_information(R, &dE, z));
    for (int i = 0; i < n; i++)
        GREF_AT(root, i, i) = sqrt(z->lambda.a[i]);
    gref_mat_copy(L, gref_const(root));
    TRY(gref_trsm(L, false, gref_const(R), true));
    TRY(gref_product_residual(&solve, gref_const(L), false, gref_const(R), true, gref_const(root)));
    TRY(gref_w2_certify_factors(&w, gref_const(zero), S, gref_const(zero), gref_const(L)));
    double size = gref_norm_fro_up(gref_const(root)), largest = sqrt(z->lambda.a[n - 1]);
    double turned =
        (solve + GREF_U * size) / sqrt(1 - dE); /* |R^-1| <= 1/sqrt(1 - dE), as E >= I */
    *error = dE < 0.5 ? w.upper + turned + largest * 0.5 * dE / (1 - 2 * dE) : INFINITY;
    return GREF_OK;
}

static int kernel_of(const gref_modes *z)
{
    int kernel = 0;
    while (kernel < z->n && z->lambda.a[kernel] == 0.0)
        kernel++;
    return kernel;
}

/* D += T^T T; what separates T^T T from that, T itself being off by dT in Frobenius norm. */
static gref_status add_gram(gref_mat D, double *error, gref_cmat T, double dT)
{
    SCOPED(gref_mat) H = {0}, low = {0};
    double t = gref_norm_fro_up(T);
    TRY(gref_mat_new(&H, D.m, D.n));
    TRY(gref_mat_new(&low, D.m, D.n));
    TRY(gref_dot2_gemm(H, low, T, true, T, false));
    gref_mat_axpy(D, 1.0, gref_const(H));
    *error += 2 * GREF_U * (gref_norm_fro_up(gref_const(D)) + gref_norm_fro_up(gref_const(low)));
    gref_mat_axpy(D, 1.0, gref_const(low));
    *error += gref_dot2_error_up(T.m) * t * t + (2 * gref_norm_2_up(T) + dT) * dT;
    return GREF_OK;
}

/* *left >= |D|_F over the range of Sigma, Y as well, r x r; r = n - kernel. */
static gref_status measure_left(double *left, gref_mat Y, gref_cmat S, const gref_modes *z)
{
    int r = Y.n, kernel = z->n - r;
    double error = 0.0;
    SCOPED(gref_mat) D = {0}, V = {0}, low = {0};
    gref_cmat B = gref_cmat_view(gref_const(z->B), 0, kernel, z->m, r);
    TRY(gref_mat_new(&D, r, r));
    TRY(gref_mat_new(&V, z->m, r));
    TRY(gref_mat_new(&low, z->m, r));
    gref_mat_copy(Y, S);
    TRY(gref_dot2_gemm(V, low, B, false, S, false));
    gref_mat_axpy(V, 1.0, gref_const(low));
    double dV = gref_dot2_error_up(r) * gref_norm_fro_up(B) * gref_norm_fro_up(S) / z->sigma;
    for (int j = 0; j < r; j++) {
        for (int i = 0; i < z->m; i++)
            GREF_AT(V, i, j) /= z->sigma;
        for (int i = 0; i < r; i++)
            GREF_AT(Y, i, j) /= sqrt(z->lambda.a[kernel + i]);
        GREF_AT(D, j, j) = -1.0;
    }
    TRY(add_gram(D, &error, gref_const(Y), 2 * GREF_U * gref_norm_fro_up(gref_const(Y))));
    TRY(add_gram(D, &error, gref_const(V), dV + 2 * GREF_U * gref_norm_fro_up(gref_const(V))));
    *left = gref_norm_fro_up(gref_const(D)) + error;
    return GREF_OK;
}

/*
 * *error as by Cholesky, by what S leaves of I; Y, n x n, is diag(lambda)^-1/2 S where Sigma is not
 * 0. Beside the block of S on the range and the first columns, the exact posterior has nothing.
 */
static gref_status error_by_residual(double *error, double *left, gref_mat Y, gref_cmat S,
                                     const gref_modes *z)
{
    int n = z->n, kernel = kernel_of(z), r = n - kernel;
    double rest = hypot(gref_norm_fro_up(gref_cmat_view(S, 0, 0, kernel, n)),
                        gref_norm_fro_up(gref_cmat_view(S, kernel, r, r, kernel)));
    TRY(measure_left(left, gref_mat_view(Y, kernel, 0, r, r), gref_cmat_view(S, kernel, 0, r, r),
                     z));
    *error = *left < 0.25 ? z->rho.a[0] * 0.5 * *left / (1 - 2 * *left) + rest : INFINITY;
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

/* |G| and |I - G A| also by forming them: G = S S^T B^T/sigma^2, both up to the error of S. */
static gref_status sharpen(norms *q, const gref_modes *z, gref_cmat S, double route)
{
    SCOPED(gref_mat) P = {0}, G = {0}, Z = {0};
    int n = z->n, m = z->m;
    double s2 = z->sigma * z->sigma, l = gref_norm_fro_up(S),
           b = gref_norm_fro_up(gref_const(z->B));
    TRY(gref_mat_new(&P, n, n));
    TRY(gref_mat_new(&G, n, m));
    TRY(gref_mat_new(&Z, n, n));
    TRY(gref_syrk(P, 1.0, S, false, 0.0));
    TRY(gref_gemm(G, 1.0 / s2, gref_const(P), false, gref_const(z->B), true, 0.0));
    gref_mat_identity(Z);
    TRY(gref_gemm(Z, -1.0, gref_const(G), false, gref_const(z->B), false, 1.0));
    double dP = (2 * sqrt(q->post) + route) * route + gref_gamma_up(n + 2) * l * l;
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
 * w = T^T (r - B d)/sigma - diag(lambda)^-1/2 d, 0 where lambda is, and by how much it is off;
 * *here >= |r - B d| with d 0 there.
 */
static gref_status gradient(gref_mat w, double *off, double *here, const gref_modes *z)
{
    SCOPED(gref_mat) R = {0}, low = {0}, H = {0}, L = {0};
    double s2 = z->sigma * z->sigma, e = 0.0, pull = 0.0;
    TRY(gref_mat_new(&R, z->m, 1));
    TRY(gref_mat_new(&low, z->m, 1));
    TRY(gref_mat_new(&H, z->n, 1));
    TRY(gref_mat_new(&L, z->n, 1));
    for (int i = 0; i < z->n; i++)
        w.a[i] = z->lambda.a[i] > 0.0 ? z->d.a[i] : 0.0;
    TRY(gref_dot2_gemm(R, low, gref_const(z->B), false, gref_const(w), false));
    for (int i = 0; i < z->m; i++)
        R.a[i] = (z->r.a[i] - R.a[i]) - low.a[i];
    TRY(gref_dot2_gemm(H, L, gref_const(z->B), true, gref_const(R), false));
    for (int i = 0; i < z->n; i++) {
        double root = sqrt(z->lambda.a[i]), scaled = root > 0.0 ? z->d.a[i] / root : 0.0;
        double pulled = root * ((H.a[i] + L.a[i]) / s2);
        w.a[i] = pulled - scaled;
        e = hypot(e, scaled);
        pull = hypot(pull, pulled);
    }
    double b = gref_norm_fro_up(gref_const(z->B)), d = gref_norm_fro_up(gref_const(z->d));
    double known = gref_mat_norm_fro(gref_const(R));
    *here = gref_norm_fro_up(gref_const(R)) * (1 + 4 * GREF_U) + gref_dot2_error_up(z->n) * b * d +
            2 * GREF_U * gref_norm_fro_up(gref_const(low));
    *off =
        (gref_dot2_error_up(z->m) * *here + *here - known) * b * sqrt(z->lambda.a[z->n - 1]) / s2 +
        6 * GREF_U * (pull + e);
    return GREF_OK;
}

/*
 * *error >= |d* - d| and *residual >= |r - B d*|, d* of (lambda, B), by the smaller of
 *     d* - d = diag(sqrt lambda) E^-1 w,        |diag(sqrt lambda) E^-1| <= |Sigma_post|^1/2
 *            = S (I + D)^-1 Y^T w
 */
static gref_status measure_mean(double *error, double *residual, const gref_modes *z, double post,
                                gref_cmat Y, double left)
{
    SCOPED(gref_mat) w = {0}, y = {0};
    double off, here, kernel = 0.0, b = gref_norm_fro_up(gref_const(z->B));
    TRY(gref_mat_new(&w, z->n, 1));
    TRY(gref_mat_new(&y, z->n, 1));
    TRY(gradient(w, &off, &here, z));
    TRY(gref_gemv(y, 1.0, Y, true, gref_const(w), 0.0));
    double size = gref_norm_fro_up(gref_const(w)), by_Y = INFINITY;
    if (left < 0.25)
        by_Y = z->rho.a[0] / (1 - left) *
               (gref_norm_fro_up(gref_const(y)) + gref_norm_2_up(Y) * off +
                gref_gamma_up(z->n + 4) * gref_norm_fro_up(Y) * size);
    for (int i = 0; i < z->n; i++)
        kernel = hypot(kernel, z->lambda.a[i] > 0.0 ? 0.0 : z->d.a[i]);
    *error = fmin(sqrt(post) * (size + off), by_Y) + kernel;
    *residual = here + b * *error;
    return GREF_OK;
}

/* What the posterior's error costs W2: |dSigma_post| on the range of Sigma, where both
 * are >= least; the trace off it. */
static void split_range(gref_modes *z, double route, double shift)
{
    int n = z->n, kernel = kernel_of(z);
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
    SCOPED(gref_mat) S = {0}, Y = {0};
    double by_cholesky, by_residual, left, of_mean, residual;
    TRY(gref_mat_new(&S, n, n));
    TRY(gref_mat_new(&Y, n, n));
    gref_mat_copy(S, gref_const(z->X));
    gref_mat_scale_cols(S, gref_const(z->rho));
    TRY(error_by_residual(&by_residual, &left, Y, gref_const(S), z));
    TRY(error_by_cholesky(&by_cholesky, gref_const(S), z));
    double route = fmin(by_cholesky, by_residual) + 2 * GREF_U * gref_norm_fro_up(gref_const(S));
    norms any = problem_norms(z), known = any;
    double off = (2 * sqrt(known.post) + route) * route; /* of X diag(rho)^2 X^T */
    known.post += off;
    TRY(sharpen(&known, z, gref_const(S), route));
    TRY(measure_mean(&of_mean, &residual, z, known.post, gref_const(Y), left));
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
