/*
 * The user's own affine steps, y' = M y + b + N(0, N), in the coordinates of every other law: modes
 * of Sigma, centred on sqrt(abar) mu_post.
 *
 *     M~ = U^T M U,   c = U^T (b + (sqrt(abar) M - sqrt(abar') I) mu_post),   N~ = U^T N U
 */
#include <math.h>
#include <stdlib.h>

#include "base/internal.h"
#include "dense/internal.h"
#include "internal.h"
#include <gref/psd.h>

/* Index of the step that leaves t. */
static int step_index(const gref_sampler *s, int t)
{
    return s->spec.chain->K - t;
}

static gref_cmat matrix_at(const gref_mat *all, int count, int k)
{
    return gref_const(all[count == 1 ? 0 : k]);
}

gref_status gref_affine_schedule(gref_schedule *out, const gref_chain *chain)
{
    SCOPED(gref_schedule) own = {0};
    SCOPED_MEM double *beta = gref_alloc((size_t)chain->K, sizeof *beta);
    REQUIRE(beta != NULL, GREF_ERR_NOMEM, "no memory for a chain of %d steps", chain->K);
    for (int k = 0; k < chain->K; k++)
        beta[k] = 0.5;
    TRY(gref_schedule_from_betas(&own, beta, chain->K));
    for (int t = 0; t <= chain->K; t++) {
        own.abar[t] = chain->abar != NULL ? chain->abar[chain->K - t] : 1.0;
        own.qbar[t] = 1.0 - own.abar[t];
        own.beta[t] = own.alpha[t] = own.beta_tilde[t] = NAN;
    }
    *out = TAKE(own);
    return GREF_OK;
}

/* X <- U^T X U. */
static gref_status to_modes(gref_mat X, const gref_modes *z)
{
    SCOPED(gref_mat) work = {0};
    TRY(gref_mat_new(&work, z->n, z->n));
    TRY(gref_gemm(work, 1.0, gref_const(z->U), true, gref_const(X), false, 0.0));
    return gref_gemm(X, 1.0, gref_const(work), false, gref_const(z->U), false, 0.0);
}

/* N in pixels as an n x n matrix. */
static gref_status noise_matrix(gref_mat N, const gref_chain *chain, int k)
{
    gref_cmat given = matrix_at(chain->N, chain->n_N, k);
    if (chain->noise == GREF_NOISE_MATRIX) {
        gref_mat_copy(N, given);
        return GREF_OK;
    }
    gref_mat_fill(N, 0.0);
    for (int i = 0; i < N.n; i++)
        GREF_AT(N, i, i) = given.a[chain->noise == GREF_NOISE_DIAGONAL ? i : 0];
    return GREF_OK;
}

gref_status gref_affine_step(gref_step *step, const gref_sampler *s, int t)
{
    const gref_chain *chain = s->spec.chain;
    const gref_modes *z = s->z;
    int k = step_index(s, t), n = z->n;
    double root = sqrt(s->schedule->abar[t]), next = sqrt(s->schedule->abar[t - 1]);
    SCOPED(gref_mat) mu_post = {0}, b = {0};
    TRY(gref_mat_new(&mu_post, n, 1));
    TRY(gref_mat_new(&b, n, 1));
    gref_mat_copy(mu_post, gref_const(z->mu));
    TRY(gref_gemv(mu_post, 1.0, gref_const(z->U), false, gref_const(z->d), 1.0));
    gref_mat_copy(b, gref_cmat_view(gref_const(chain->b), 0, k, n, 1));
    gref_mat_copy(step->M, matrix_at(chain->M, chain->n_M, k));
    TRY(gref_gemv(b, root, gref_const(step->M), false, gref_const(mu_post), 1.0));
    gref_mat_axpy(b, -next, gref_const(mu_post));
    TRY(gref_gemv(step->c, 1.0, gref_const(z->U), true, gref_const(b), 0.0));
    TRY(to_modes(step->M, z));
    step->noise = 0.0;
    if (chain->noise == GREF_NOISE_SCALAR) {
        step->noise = matrix_at(chain->N, chain->n_N, k).a[0];
        return GREF_OK;
    }
    if (step->N.a == NULL)
        TRY(gref_mat_new(&step->N, n, n));
    TRY(noise_matrix(step->N, chain, k));
    TRY(to_modes(step->N, z));
    gref_mat_symmetrise(step->N);
    return GREF_OK;
}

/* Y <- M Y + b, columns in pixels. */
gref_status gref_affine_move(gref_mat Y, const gref_sampler *s, int t)
{
    const gref_chain *chain = s->spec.chain;
    int k = step_index(s, t);
    SCOPED(gref_mat) X = {0};
    TRY(gref_mat_new(&X, Y.m, Y.n));
    gref_mat_copy(X, gref_const(Y));
    TRY(gref_gemm(Y, 1.0, matrix_at(chain->M, chain->n_M, k), false, gref_const(X), false, 0.0));
    for (int i = 0; i < Y.n; i++)
        gref_mat_axpy(gref_mat_view(Y, 0, i, Y.m, 1), 1.0,
                      gref_cmat_view(gref_const(chain->b), 0, k, Y.m, 1));
    return GREF_OK;
}

/* Z <- N^1/2 Z by the symmetric root, columns in pixels. */
gref_status gref_affine_colour(gref_mat Z, const gref_sampler *s, int t)
{
    const gref_chain *chain = s->spec.chain;
    gref_cmat N = matrix_at(chain->N, chain->n_N, step_index(s, t));
    SCOPED(gref_mat) R = {0}, X = {0};
    if (chain->noise != GREF_NOISE_MATRIX) {
        for (int k = 0; k < Z.n; k++)
            for (int i = 0; i < Z.m; i++)
                GREF_AT(Z, i, k) *= sqrt(N.a[chain->noise == GREF_NOISE_DIAGONAL ? i : 0]);
        return GREF_OK;
    }
    TRY(gref_mat_new(&R, Z.m, Z.m));
    TRY(gref_mat_new(&X, Z.m, Z.n));
    TRY(gref_psd_sqrt(R, N, "N"));
    gref_mat_copy(X, gref_const(Z));
    return gref_gemm(Z, 1.0, gref_const(R), false, gref_const(X), false, 0.0);
}

/** What the entries of N_t are: of an affine chain as given; a matrix where a row projects and says so. */
gref_noise_kind gref_sampler_noise_kind(const gref_sampler *s)
{
    if (s->row->n_varies)
        return GREF_NOISE_MATRIX;
    return s->row->chain ? s->spec.chain->noise : GREF_NOISE_SCALAR;
}

/**
 * The covariance N_t of the step that leaves t, as gref_sampler_noise_kind says: 1 x 1, n x 1 or
 * n x n, in pixels.
 *
 * @param[out] N  undefined on error.                                                     [pixel^2]
 * @return GREF_OK; GREF_ERR_SHAPE; GREF_ERR_RANGE (t is not left by a step; no Gaussian law).
 */
gref_status gref_sampler_noise(gref_mat N, const gref_sampler *s, int t)
{
    gref_noise_kind kind = gref_sampler_noise_kind(s);
    SCOPED(gref_mat) X = {0};
    TRY(gref_sampler_require_gaussian(s->row->name));
    TRY(gref_sampler_require_step(s, t));
    TRY(gref_require_shape(gref_const(N), kind == GREF_NOISE_SCALAR ? 1 : s->z->n,
                           kind == GREF_NOISE_MATRIX ? s->z->n : 1, "N"));
    if (s->row->n_varies) {
        gref_rule rule = gref_sampler_rule(s, t);
        TRY(gref_mat_new(&X, N.m, N.n));
        TRY(gref_projection_noise(X, s, &rule, false));
        return gref_modes_cov_to_pixels(N, s->z, gref_const(X));
    }
    if (!s->row->chain)
        N.a[0] = gref_step_noise(s, t);
    else
        gref_mat_copy(N, matrix_at(s->spec.chain->N, s->spec.chain->n_N, step_index(s, t)));
    return GREF_OK;
}
