/* Gaussian priors N(mu, Sigma) built from an image (THEORY section 2). */
#ifndef GREF_PRIOR_H
#define GREF_PRIOR_H

#include <gref/matrix.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * *mu (n x 1) and *Sigma (n x n) are allocated; free them with gref_mat_free; unchanged on error.
 * `u` is the image, rows x cols as a matrix. `mean` points to the constant mean of the law, or is
 * NULL for the mean of the image.
 */
GREF_API GREF_NODISCARD gref_status gref_prior_adsn(gref_mat *mu, gref_mat *Sigma, gref_cmat u,
                                                    const double *mean);
/* window = {row, col, rows, cols} inside u. */
GREF_API GREF_NODISCARD gref_status gref_prior_adsn_window(gref_mat *mu, gref_mat *Sigma,
                                                           gref_cmat u, const int window[4],
                                                           const double *mean);
GREF_API GREF_NODISCARD gref_status gref_prior_patches(gref_mat *mu, gref_mat *Sigma, gref_cmat u,
                                                       int p, int q, int stride);

/* x (rows*cols x 1) = image (rows x cols), row-major; and back. */
GREF_API void gref_image_flatten(gref_mat x, gref_cmat image);
GREF_API void gref_image_unflatten(gref_mat image, gref_cmat x);

#ifdef __cplusplus
}
#endif
#endif
