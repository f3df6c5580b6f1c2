/* Affine steps that a user brings: y' = M_k y + b_k + N(0, N_k), the sampler "affine". */
#ifndef GREF_CHAIN_H
#define GREF_CHAIN_H

#include <gref/convention.h>
#include <gref/matrix.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the entries of N_k are. */
typedef enum {
    GREF_NOISE_SCALAR,   /* N_k I:        1 x 1 */
    GREF_NOISE_DIAGONAL, /* diag in pixels: n x 1 */
    GREF_NOISE_MATRIX    /*                 n x n */
} gref_noise_kind;

/*
 * K steps on n pixels; owns its matrices. Entry k = 0 is the first step that is run. The state
 * before step k is named t = K - k, so the start is t = K and the end t = 0.
 */
struct gref_chain {
    int K, n;
    gref_mat *M; /* n_M matrices, n x n; n_M is K, or 1 for the same in every step */
    int n_M;
    gref_mat b;  /* n x K, b_k a column                                     [pixel] */
    gref_mat *N; /* n_N covariances of the kind `noise`; n_N is K or 1     [pixel^2] */
    int n_N;
    gref_noise_kind noise;
    gref_mat start_mean; /* n x 1, or empty: N(0, I) without it                     [pixel] */
    gref_mat start_cov;  /* n x n, or empty: I without it                         [pixel^2] */
    /* K + 1, abar[0] belongs to the start; NULL: only the end is measured, at abar = 1 */
    double *abar;
};

/*
 * .npz with M (K x n x n, or 1 x n x n), b (K x n), N (K: variances; K x n: diagonals; K x n x n; 1
 * in place of K for every step the same), and if wanted start_mean (n), start_cov (n x n), abar
 * (K + 1).
 */
GREF_API GREF_NODISCARD gref_status gref_chain_read(gref_chain *c, const char *path);
GREF_API void gref_chain_free(gref_chain *c); /* accepts {0}, and a second call */

#ifdef __cplusplus
}
#endif
#endif
