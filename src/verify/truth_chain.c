/* The affine chain of a sampler from the arrays of a golden file, as golden_functions.c wrote
 * them. */
#include "internal.h"

/* *list = the m x n matrices that stand one below the other in S, a multiple of m rows. */
static gref_status unstack(gref_mat **list, int *count, gref_mat S, int m)
{
    *list = gref_alloc((size_t)(S.m / m), sizeof **list);
    REQUIRE(*list != NULL, GREF_ERR_NOMEM, "no memory for %d steps", S.m / m);
    *count = S.m / m;
    for (int k = 0; k < *count; k++) {
        TRY(gref_mat_new(&(*list)[k], m, S.n));
        gref_mat_copy((*list)[k], gref_const(gref_mat_view(S, k * m, 0, m, S.n)));
    }
    return GREF_OK;
}

/* The sampler's array, m x n; empty where it is not there and need not be. */
static gref_status find(gref_mat *A, const gref_truth *truth, const char *label, const char *what,
                        int m, int n, bool must)
{
    const gref_array *g = gref_truth_at(truth, label, what, -1);
    *A = (gref_mat){0};
    REQUIRE(g != NULL || !must, GREF_ERR_FORMAT, "%s: has no array '%s/%s'", truth->path, label,
            what);
    if (g == NULL)
        return GREF_OK;
    TRY(gref_require_shape(gref_const(g->A), m, n, g->name));
    TRY(gref_require_finite(gref_const(g->A), g->name));
    *A = g->A;
    return GREF_OK;
}

static gref_status copy(gref_mat *B, gref_mat A)
{
    if (A.a == NULL)
        return GREF_OK;
    TRY(gref_mat_new(B, A.m, A.n));
    gref_mat_copy(*B, gref_const(A));
    return GREF_OK;
}

/* N is K (variances), K x n (a diagonal a row) or (K n) x n. */
static gref_status take_noise(gref_chain *c, const gref_array *N, const char *path)
{
    bool matrix = N->A.n == c->n && N->A.m == c->K * c->n, scalar = N->ndim == 1;
    REQUIRE(N->A.m == (matrix ? c->K * c->n : c->K) && N->A.n == (scalar ? 1 : c->n),
            GREF_ERR_FORMAT, "%s: '%s' is %d x %d, for %d steps on %d pixels", path, N->name,
            N->A.m, N->A.n, c->K, c->n);
    c->noise = scalar ? GREF_NOISE_SCALAR : matrix ? GREF_NOISE_MATRIX : GREF_NOISE_DIAGONAL;
    TRY(gref_require_finite(gref_const(N->A), N->name));
    TRY(unstack(&c->N, &c->n_N, N->A, matrix && !scalar ? c->n : 1));
    for (int k = 0; c->noise == GREF_NOISE_DIAGONAL && k < c->K; k++) { /* rows become columns */
        gref_mat row = c->N[k];
        c->N[k] = (gref_mat){0};
        gref_status status = gref_mat_new(&c->N[k], c->n, 1);
        if (status == GREF_OK)
            gref_mat_transpose(c->N[k], gref_const(row));
        gref_mat_free(&row);
        TRY(status);
    }
    return GREF_OK;
}

gref_status gref_truth_read_chain(gref_sampler_spec *spec, gref_chain *c, const gref_truth *truth)
{
    const char *label = spec->label;
    const gref_array *b = gref_truth_at(truth, label, "chain/b", -1),
                     *N = gref_truth_at(truth, label, "chain/N", -1),
                     *steps = gref_truth_at(truth, label, "chain/M", -1);
    gref_mat M, mean, cov, abar, own = {0};
    int n = truth->problem.Sigma.n;
    REQUIRE(b != NULL && N != NULL && steps != NULL && b->A.n == n && b->A.m > 0, GREF_ERR_FORMAT,
            "%s: has no chain/M, chain/b and chain/N of %s", truth->path, label);
    c->K = b->A.m;
    c->n = n;
    TRY(gref_mat_new(&c->b, n, c->K));
    gref_mat_transpose(c->b, gref_const(b->A));
    TRY(gref_require_finite(gref_const(c->b), b->name));
    TRY(find(&M, truth, label, "chain/M", steps->A.m == n ? n : c->K * n, n, true));
    TRY(unstack(&c->M, &c->n_M, M, n));
    TRY(take_noise(c, N, truth->path));
    TRY(find(&mean, truth, label, "chain/start_mean", n, 1, false));
    TRY(find(&cov, truth, label, "chain/start_cov", n, n, false));
    TRY(find(&abar, truth, label, "chain/abar", c->K + 1, 1, false));
    TRY(copy(&c->start_mean, mean));
    TRY(copy(&c->start_cov, cov));
    TRY(copy(&own, abar));
    c->abar = own.a;
    snprintf(spec->name, sizeof spec->name, "affine");
    spec->convention = gref_convention_default();
    spec->chain = c;
    return GREF_OK;
}
