/*
 * The affine steps of an .npz file.
 *
 *     M    K x n x n    M[k, i, j] = M_k(i, j); 1 x n x n for one M in every step
 *     b    K x n        b[k, i] = b_k(i), which fixes K and n                       [pixel]
 *     N    K, K x n or K x n x n, by the kind of noise; 1 in place of K as in M   [pixel^2]
 */
#include <math.h>
#include <stdlib.h>

#include <gref/chain.h>
#include <gref/psd.h>

#include "internal.h"

static void free_list(gref_mat *list, int count)
{
    gref_pages_free(&(gref_pages){.page = list, .count = count});
}

/** Frees what gref_chain_read gave and zeroes *c. Accepts {0}, and a second call. */
void gref_chain_free(gref_chain *c)
{
    free_list(c->M, c->n_M);
    free_list(c->N, c->n_N);
    gref_mat_free(&c->b);
    gref_mat_free(&c->start_mean);
    gref_mat_free(&c->start_cov);
    free(c->abar);
    *c = (gref_chain){0};
}

/* The arrays as they stand in the file; empty where there is none. */
typedef struct {
    gref_mat b, start_mean, start_cov, abar;
    gref_pages M, N;
} arrays;

static void arrays_free(arrays *x)
{
    gref_mat_free(&x->b);
    gref_mat_free(&x->start_mean);
    gref_mat_free(&x->start_cov);
    gref_mat_free(&x->abar);
    gref_pages_free(&x->M);
    gref_pages_free(&x->N);
}

static gref_status read_if_there(gref_mat *A, gref_npz_reader *r, const char *name)
{
    return gref_npz_has(r, name) ? gref_npz_get(A, NULL, r, name) : GREF_OK;
}

static gref_status read_arrays(arrays *x, const char *path)
{
    SCOPED_PTR(gref_npz_reader) *r = NULL;
    TRY(gref_npz_open(&r, path));
    TRY(gref_npz_get(&x->b, NULL, r, "b"));
    TRY(gref_npz_get_pages(&x->M, r, "M"));
    TRY(gref_npz_get_pages(&x->N, r, "N"));
    TRY(read_if_there(&x->start_mean, r, "start_mean"));
    TRY(read_if_there(&x->start_cov, r, "start_cov"));
    return read_if_there(&x->abar, r, "abar");
}

/* Fails unless A is m x n and finite. */
static gref_status require_array(gref_mat A, int m, int n, const char *name)
{
    TRY(gref_require_shape(gref_const(A), m, n, name));
    return gref_require_finite(gref_const(A), name);
}

/* *list = p, one finite m x n matrix for each step or one for all; its length in *count. */
static gref_status take_list(gref_mat **list, int *count, gref_pages *p, const gref_chain *c, int m,
                             int n, const char *name)
{
    REQUIRE(p->count == c->K || p->count == 1, GREF_ERR_SHAPE,
            "%s has %d entries for the %d steps of b, not %d or 1", name, p->count, c->K, c->K);
    for (int k = 0; k < p->count; k++)
        TRY_IN(require_array(p->page[k], m, n, name), "step %d", k);
    *count = p->count;
    *list = TAKE(p->page);
    p->count = 0;
    return GREF_OK;
}

/* rows = the rows of A, each a column vector. */
static gref_status split_rows(gref_pages *rows, gref_cmat A)
{
    rows->page = gref_alloc((size_t)A.m, sizeof *rows->page);
    REQUIRE(rows->page != NULL, GREF_ERR_NOMEM, "no memory for %d vectors", A.m);
    rows->count = A.m;
    for (int k = 0; k < A.m; k++) {
        TRY(gref_mat_new(&rows->page[k], A.n, 1));
        gref_mat_transpose(rows->page[k], gref_cmat_view(A, k, 0, 1, A.n));
    }
    return GREF_OK;
}

/* Fails unless the variances in N, all of one step, are >= 0. */
static gref_status require_variances(gref_cmat N, const char *name)
{
    double least = N.a[0];
    for (int i = 1; i < N.m; i++)
        least = fmin(least, N.a[i]);
    REQUIRE(least >= 0.0, GREF_ERR_NOT_PSD,
            "%s is not positive semi-definite: its most negative eigenvalue is %.17g", name, least);
    return GREF_OK;
}

static gref_status take_N(gref_chain *c, arrays *x)
{
    static const gref_noise_kind kinds[] = {
        [1] = GREF_NOISE_SCALAR, [2] = GREF_NOISE_DIAGONAL, [3] = GREF_NOISE_MATRIX};
    REQUIRE(x->N.ndim > 0, GREF_ERR_SHAPE, "N is one number, not K, K x n or K x n x n");
    c->noise = kinds[x->N.ndim];
    if (c->noise == GREF_NOISE_MATRIX) {
        TRY(take_list(&c->N, &c->n_N, &x->N, c, c->n, c->n, "N"));
    } else {
        SCOPED(gref_pages) rows = {0};
        TRY(split_rows(&rows, gref_const(x->N.page[0])));
        TRY(take_list(&c->N, &c->n_N, &rows, c, x->N.ndim == 1 ? 1 : c->n, 1, "N"));
    }
    for (int k = 0; k < c->n_N; k++) {
        char name[32];
        snprintf(name, sizeof name, "N of step %d", k);
        TRY(c->noise == GREF_NOISE_MATRIX ? gref_psd_require(gref_const(c->N[k]), name)
                                          : require_variances(gref_const(c->N[k]), name));
    }
    return GREF_OK;
}

static gref_status take_start(gref_chain *c, arrays *x)
{
    if (x->start_mean.a != NULL)
        TRY(require_array(x->start_mean, c->n, 1, "start_mean"));
    if (x->start_cov.a != NULL) {
        TRY(gref_require_shape(gref_const(x->start_cov), c->n, c->n, "start_cov"));
        TRY(gref_psd_require(gref_const(x->start_cov), "start_cov"));
    }
    c->start_mean = TAKE(x->start_mean);
    c->start_cov = TAKE(x->start_cov);
    return GREF_OK;
}

static gref_status take_abar(gref_chain *c, arrays *x)
{
    if (x->abar.a == NULL)
        return GREF_OK;
    TRY(gref_require_shape(gref_const(x->abar), c->K + 1, 1, "abar"));
    for (int k = 0; k <= c->K; k++)
        REQUIRE(x->abar.a[k] >= 0.0 && x->abar.a[k] <= 1.0, GREF_ERR_RANGE,
                "abar[%d] is %.17g, not in [0, 1]", k, x->abar.a[k]);
    c->abar = TAKE(x->abar).a;
    return GREF_OK;
}

static gref_status take_arrays(gref_chain *c, arrays *x)
{
    REQUIRE(x->b.m > 0 && x->b.n > 0, GREF_ERR_SHAPE, "b is %d x %d, not K steps x n pixels",
            x->b.m, x->b.n);
    REQUIRE(x->M.ndim == 3, GREF_ERR_SHAPE, "M has %d dimensions, not 3: K x n x n", x->M.ndim);
    TRY(gref_require_finite(gref_const(x->b), "b"));
    c->K = x->b.m;
    c->n = x->b.n;
    TRY(gref_mat_new(&c->b, c->n, c->K));
    gref_mat_transpose(c->b, gref_const(x->b));
    TRY(take_list(&c->M, &c->n_M, &x->M, c, c->n, c->n, "M"));
    TRY(take_N(c, x));
    TRY(take_start(c, x));
    return take_abar(c, x);
}

/**
 * Reads the affine steps y' = M_k y + b_k + N(0, N_k) of an .npz file.
 *
 * Other arrays of the file are ignored. The number of steps K and of pixels n are those of b.
 *
 * @param[out] c     owned by the caller; gref_chain_free. Unchanged on error.
 * @param[in]  path  M, b, N and optionally start_mean, start_cov, abar; see gref/chain.h.
 * @return GREF_OK; GREF_ERR_IO; GREF_ERR_FORMAT (no such array, what gref_npy_read refuses);
 *         GREF_ERR_SHAPE; GREF_ERR_NONFINITE and GREF_ERR_RANGE (abar outside [0, 1]) with place
 *         and value; GREF_ERR_NOT_SYMMETRIC and GREF_ERR_NOT_PSD of N or start_cov, with the most
 *         negative eigenvalue; GREF_ERR_NOMEM; GREF_ERR_NUMERICS.
 * @error  exact.
 * @cost   4/3 n^3 flops for every matrix N_k.
 * @see    Tests: test_chain.c
 */
gref_status gref_chain_read(gref_chain *out, const char *path)
{
    SCOPED(gref_chain) c = {0};
    SCOPED(arrays) x = {0};
    TRY(read_arrays(&x, path));
    TRY_IN(take_arrays(&c, &x), "%s", path);
    *out = TAKE(c);
    return GREF_OK;
}
