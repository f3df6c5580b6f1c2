/* The inverse problem x0 ~ N(mu, Sigma), v = A x0 + sigma n (THEORY section 1). */
#ifndef GREF_PROBLEM_H
#define GREF_PROBLEM_H

#include <stdint.h>

#include <gref/matrix.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Owns its matrices; images are flattened row-major: pixel (i, j) is entry i * cols + j. */
typedef struct {
    gref_mat Sigma;     /* n x n, both triangles                 [pixel^2] */
    gref_mat mu;        /* n x 1                                   [pixel] */
    gref_mat A;         /* m x n                     [measurement / pixel] */
    gref_mat v;         /* m x 1                             [measurement] */
    double sigma;       /* noise standard deviation, >= 0    [measurement] */
    gref_mat x0;        /* n x 1, empty when v came from a file    [pixel] */
    gref_mat image;     /* the given image, rows x cols as a matrix, may be empty */
    int rows, cols;     /* shape of x0; rows * cols = n                     */
    int v_rows, v_cols; /* shape of v as a picture, or m x 1                */
} gref_problem;

GREF_API void gref_problem_free(gref_problem *p);
/* x0 ~ N(mu, Sigma), then v = A x0 + sigma n; p->x0 and p->v are replaced. */
GREF_API GREF_NODISCARD gref_status gref_problem_observe(gref_problem *p, uint64_t seed);
/* v = A x0 + sigma n for the x0 that p holds; p->v is replaced. */
GREF_API GREF_NODISCARD gref_status gref_problem_observe_from(gref_problem *p, uint64_t seed);

GREF_API GREF_NODISCARD gref_status gref_posterior(gref_mat mu_post, gref_mat Sigma_post,
                                                   gref_cmat Sigma, gref_cmat mu, gref_cmat A,
                                                   double sigma, gref_cmat v);

#ifdef __cplusplus
}
#endif
#endif
