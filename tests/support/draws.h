/* Samples of laws for the tests of gref_samples_test, and the laws themselves. */
#ifndef GREF_TEST_DRAWS_H
#define GREF_TEST_DRAWS_H

#include <math.h>
#include <string.h>

#include "support.h"
#include <gref/psd.h>
#include <gref/random.h>
#include <gref/verify.h>

/* m and P = Q diag(lambda) Q^T with its root R = Q diag(sqrt lambda). */
typedef struct {
    gref_mat mean, cov, root;
} law;

/* Spectrum from 1 to 1/kappa, the last `zeros` directions without variance. */
static inline law make_law(int n, double kappa, int zeros, uint64_t seed)
{
    gref_mat lambda = geometric_spectrum(n, kappa, zeros);
    law l = {fresh(n, 1), fresh(n, n), random_orthogonal(n, seed)};
    gref_random_normal(l.mean, seed, GREF_STREAM_TEST, 21, 0);
    for (int j = 0; j < n; j++)
        for (int i = 0; i < n; i++)
            GREF_AT(l.root, i, j) *= sqrt(lambda.a[j]);
    gref_mat C = plain_product(gref_const(l.root), false, gref_const(l.root), true);
    gref_mat_symmetrise(C);
    gref_mat_copy(l.cov, gref_const(C));
    gref_mat_free(&C);
    gref_mat_free(&lambda);
    return l;
}

static inline void free_law(law *l)
{
    gref_mat_free(&l->mean);
    gref_mat_free(&l->cov);
    gref_mat_free(&l->root);
}

/* X (N x n): shift + scale (root z) + mean, one a row; other: a law with another root. */
static inline gref_mat draw(const law *l, int N, uint64_t seed)
{
    int n = l->mean.m;
    gref_mat Z = fresh(n, N), X = fresh(N, n);
    gref_random_normal(Z, seed, GREF_STREAM_TEST, 22, 0);
    for (int k = 0; k < N; k++)
        for (int i = 0; i < n; i++) {
            double x = l->mean.a[i];
            for (int j = 0; j < n; j++)
                x += GREF_AT(l->root, i, j) * GREF_AT(Z, j, k);
            GREF_AT(X, k, i) = x;
        }
    gref_mat_free(&Z);
    return X;
}

static inline gref_sample_report test_of(gref_mat X, const law *l)
{
    gref_sample_report r;
    ck_ok(gref_samples_test(&r, gref_const(X), false, gref_const(l->mean), gref_const(l->cov),
                            GREF_RESOLVE));
    return r;
}

#endif
