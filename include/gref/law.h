/* Gaussian laws in files: what gref w2 reads. */
#ifndef GREF_LAW_H
#define GREF_LAW_H

#include <gref/wasserstein.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    GREF_LAW_COV,     /* C, n x n */
    GREF_LAW_FACTOR,  /* L, n x r, C = L L^T */
    GREF_LAW_SPECTRUM /* variances, n x 1, in an orthonormal basis that the other law shares */
} gref_law_kind;

/* Owns its matrices and path. What is read is exact data, and so is float32; u tells what it may
 * have been rounded from. */
typedef struct {
    gref_law_kind kind;
    bool fid;         /* the keys were mu and sigma: statistics of a FID tool */
    gref_mat mean;    /* n x 1 */
    gref_mat m;       /* C, L or variances */
    char *path;       /* of the file, or NULL; for messages */
    double u_mean, u; /* unit roundoff of the file's dtype for mean and m: 2^-53, 2^-24, 2^-11 */
} gref_law;

/*
 * .npz with `mean` and one of `cov`, `factor`, `variances`; or with `mu` and `sigma` (a covariance,
 * as FID tools write it); or a 2-D .npy: a covariance with mean 0. Other arrays in an .npz are
 * ignored.
 */
GREF_API GREF_NODISCARD gref_status gref_law_read(gref_law *law, const char *path);
GREF_API void gref_law_free(gref_law *law);
/* W2 by the forms that the two kinds allow; certified unless `fast`. A spectrum goes only with a
 * spectrum. */
GREF_API GREF_NODISCARD gref_status gref_law_w2(gref_w2 *out, const gref_law *a, const gref_law *b,
                                                bool fast);

#ifdef __cplusplus
}
#endif
#endif
