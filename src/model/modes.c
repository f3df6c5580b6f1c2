/*
 * The problem in the eigenbasis of Sigma.
 *
 *   Sigma = U diag(lambda) U^T                      U n x n, lambda n x 1             [pixel^2]
 *   B = A U                                          B m x n             [measurement / pixel]
 *   r = v - A mu                                     r m x 1                     [measurement]
 *   F = B diag(sqrt lambda) = W diag(f) V^T          f: whitened singular values   [measurement]
 *   S = diag(sqrt lambda) V diag(w)                  U^T Sigma_post U = S S^T          [pixel]
 *   w_i = sigma/sqrt(f_i^2 + sigma^2), 1 where F has no more singular values (its null space)
 *   S = X diag(rho) (.)^T                            Sigma_post = U X diag(rho^2) X^T U^T
 *
 * Sigma_post is never formed by the subtraction Sigma - Sigma A^T K^-1 A Sigma: the square-root
 * form has no cancellation, is PSD by construction, gives the standard deviations rho with an
 * absolute error of order eps |Sigma|^1/2 (not its square root), and takes sigma = 0 without a
 * special case.
 */
#include <math.h>

#include "base/internal.h"
#include "dense/internal.h"
#include "internal.h"
#include <gref/modes.h>
#include <gref/psd.h>

/** Frees every matrix; accepts {0} and a second call. */
void gref_modes_free(gref_modes *z)
{
    gref_mat *all[] = {&z->U, &z->lambda, &z->mu, &z->B, &z->r, &z->X, &z->rho, &z->d};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        gref_mat_free(all[k]);
    *z = (gref_modes){0};
}

static gref_status check_problem(const gref_problem *p)
{
    int n = p->Sigma.n, m = p->A.m;
    TRY(gref_require_shape(gref_const(p->A), m, n, "A"));
    TRY(gref_require_shape(gref_const(p->mu), n, 1, "mu"));
    TRY(gref_require_shape(gref_const(p->v), m, 1, "v"));
    REQUIRE(n >= 1 && m >= 1, GREF_ERR_SHAPE,
            "a problem needs pixels and measurements, not n = %d, m = %d", n, m);
    TRY(gref_require_finite(gref_const(p->A), "A"));
    TRY(gref_require_finite(gref_const(p->Sigma), "Sigma"));
    TRY(gref_problem_require_range(gref_const(p->Sigma), gref_const(p->A), p->sigma));
    TRY(gref_require_finite(gref_const(p->mu), "mu"));
    return gref_require_finite(gref_const(p->v), "v");
}

gref_status gref_require_regular(double most, double least, int m, int n, double sigma)
{
    double floor = 2 * GREF_U * (m > n ? m : n) * most;
    if (sigma > floor)
        return GREF_OK;
    REQUIRE(sigma > 0.0 || m <= n, GREF_ERR_NOT_PD,
            "sigma = 0 with %d measurements of %d pixels: A Sigma A^T is singular", m, n);
    REQUIRE(least > floor, GREF_ERR_NOT_PD,
            "sigma = %g and A Sigma A^T is singular to rounding (A is %d x %d, Sigma %d x %d; "
            "eigenvalues from %.3g to %.3g)",
            sigma, m, n, n, n, least * least, most * most);
    return GREF_OK;
}

/* d = diag(sqrt lambda) V diag(f/(f^2 + sigma^2)) W^T r */
static gref_status posterior_mean(gref_modes *z, gref_cmat W, gref_cmat f, gref_cmat VT,
                                  gref_cmat root)
{
    SCOPED(gref_mat) g = {0};
    TRY(gref_mat_new(&g, f.m, 1));
    TRY(gref_gemv(g, 1.0, gref_cmat_view(W, 0, 0, z->m, f.m), true, gref_const(z->r), 0.0));
    for (int i = 0; i < f.m; i++) {
        double h = hypot(f.a[i], z->sigma);
        g.a[i] = f.a[i] > 0.0 ? g.a[i] * (f.a[i] / h) / h : 0.0;
    }
    TRY(gref_gemv(z->d, 1.0, gref_cmat_view(VT, 0, 0, f.m, z->n), true, gref_const(g), 0.0));
    gref_mat_scale_rows(z->d, root);
    return GREF_OK;
}

static gref_status posterior(gref_modes *z)
{
    int n = z->n, m = z->m, k = m < n ? m : n;
    SCOPED(gref_mat) F = {0}, W = {0}, f = {0}, VT = {0}, S = {0}, root = {0};
    TRY(gref_mat_new(&root, n, 1));
    for (int i = 0; i < n; i++)
        root.a[i] = sqrt(z->lambda.a[i]);
    TRY(gref_mat_new(&F, m, n));
    TRY(gref_mat_new(&W, m, m));
    TRY(gref_mat_new(&VT, n, n));
    TRY(gref_mat_new(&f, k, 1));
    gref_mat_copy(F, gref_const(z->B));
    gref_mat_scale_cols(F, gref_const(root));
    TRY(gref_svd(W, f, VT, F));
    gref_mat_free(&F);
    TRY(gref_require_regular(f.a[0], f.a[k - 1], m, n, z->sigma));
    TRY(posterior_mean(z, gref_const(W), gref_const(f), gref_const(VT), gref_const(root)));
    gref_mat_free(&W);

    TRY(gref_mat_new(&S, n, n)); /* S = diag(sqrt lambda) V diag(w) */
    gref_mat_transpose(S, gref_const(VT));
    gref_mat_scale_rows(S, gref_const(root));
    for (int j = 0; j < k; j++) {
        double w = f.a[j] > 0.0 ? z->sigma / hypot(f.a[j], z->sigma) : 1.0;
        for (int i = 0; i < n; i++)
            GREF_AT(S, i, j) *= w;
    }
    return gref_svd(z->X, z->rho, VT, S);
}

/**
 * The problem in the eigenbasis of Sigma, with its exact posterior.
 *
 *     Sigma = U diag(lambda) U^T,  B = A U,  r = v - A mu,  Sigma_post = U X diag(rho^2) X^T U^T
 *
 * @param[out] z  owned by the caller; gref_modes_free. Unchanged on error.
 * @param[in]  p  Sigma n x n PSD, mu n x 1, A m x n of any rank, v m x 1, sigma >= 0.
 * @return GREF_OK; GREF_ERR_SHAPE; GREF_ERR_RANGE (sigma; A Sigma A^T + sigma^2 I overflows); GREF_ERR_NONFINITE;
 *         GREF_ERR_NOT_SYMMETRIC; GREF_ERR_NOT_PSD; GREF_ERR_NOT_PD (A Sigma A^T singular, sigma 0 or lost in its rounding); GREF_ERR_NOMEM;
 *         GREF_ERR_NUMERICS.
 * @error  rho: absolute c n eps |Sigma|^1/2, times (|Sigma|/lambda)^1/2 at worst, lambda the least
 *         eigenvalue that is not 0, for dsyevd's error of Sigma. d: relative c n eps |F|/min(f | f > 0)
 *         at sigma = 0, c n eps (|F|/sigma)^2 otherwise, at worst.
 * @cost   about 45 n x n products when m = n; 5 n^2 doubles kept or used besides z.
 * @see    THEORY section 1. Tests: test_modes.c
 */
gref_status gref_modes_new(gref_modes *out, const gref_problem *p)
{
    SCOPED(gref_modes)
    z = {.n = p->Sigma.n,
         .m = p->A.m,
         .sigma = p->sigma,
         .errors = {INFINITY, INFINITY, INFINITY, INFINITY, INFINITY, INFINITY, INFINITY, INFINITY,
                    INFINITY, INFINITY, INFINITY}};
    TRY(check_problem(p));
    TRY(gref_mat_new(&z.U, z.n, z.n));
    TRY(gref_mat_new(&z.lambda, z.n, 1));
    TRY(gref_mat_new(&z.mu, z.n, 1));
    TRY(gref_mat_new(&z.B, z.m, z.n));
    TRY(gref_mat_new(&z.r, z.m, 1));
    TRY(gref_mat_new(&z.X, z.n, z.n));
    TRY(gref_mat_new(&z.rho, z.n, 1));
    TRY(gref_mat_new(&z.d, z.n, 1));
    TRY(gref_psd_eigh(z.U, z.lambda, &z.clipped, gref_const(p->Sigma), "Sigma"));
    gref_mat_copy(z.mu, gref_const(p->mu));
    TRY(gref_gemm(z.B, 1.0, gref_const(p->A), false, gref_const(z.U), false, 0.0));
    gref_mat_copy(z.r, gref_const(p->v));
    TRY(gref_gemv(z.r, -1.0, gref_const(p->A), false, gref_const(p->mu), 1.0));
    TRY(posterior(&z));
    *out = TAKE(z);
    return GREF_OK;
}

/**
 * Exact posterior in pixels, from its square root: PSD by construction.
 *
 *     mu_post = mu + U d,   Sigma_post = (U X diag(rho)) (U X diag(rho))^T
 *
 * @param[out] mu_post     n x 1. Undefined on error.                                      [pixel]
 * @param[out] Sigma_post  n x n, both triangles. Undefined on error.                    [pixel^2]
 * @return GREF_OK; GREF_ERR_SHAPE; GREF_ERR_NOMEM.
 * @see    THEORY section 1. Tests: test_modes.c (against gref_posterior)
 */
gref_status gref_modes_posterior(gref_mat mu_post, gref_mat Sigma_post, const gref_modes *z)
{
    SCOPED(gref_mat) L = {0};
    TRY(gref_require_shape(gref_const(mu_post), z->n, 1, "mu_post"));
    TRY(gref_mat_new(&L, z->n, z->n));
    TRY(gref_gemm(L, 1.0, gref_const(z->U), false, gref_const(z->X), false, 0.0));
    gref_mat_scale_cols(L, gref_const(z->rho));
    TRY(gref_syrk(Sigma_post, 1.0, gref_const(L), false, 0.0));
    gref_mat_copy(mu_post, gref_const(z->mu));
    return gref_gemv(mu_post, 1.0, gref_const(z->U), false, gref_const(z->d), 1.0);
}

/** x = U z for an n x 1 z, x does not alias it. GREF_OK or GREF_ERR_SHAPE. */
gref_status gref_modes_to_pixels(gref_mat x, const gref_modes *z, gref_cmat zvec)
{
    return gref_gemv(x, 1.0, gref_const(z->U), false, zvec, 0.0);
}

/**
 * C = U P U^T for a symmetric P in modes, both triangles read and written; C may be P.
 *
 * @return GREF_OK; GREF_ERR_SHAPE; GREF_ERR_NOMEM. C is undefined on error.
 */
gref_status gref_modes_cov_to_pixels(gref_mat C, const gref_modes *z, gref_cmat P)
{
    SCOPED(gref_mat) UP = {0};
    TRY(gref_mat_new(&UP, z->n, z->n));
    TRY(gref_gemm(UP, 1.0, gref_const(z->U), false, P, false, 0.0));
    TRY(gref_gemm(C, 1.0, gref_const(UP), false, gref_const(z->U), true, 0.0));
    gref_mat_symmetrise(C);
    return GREF_OK;
}
