/* Positive semi-definite matrices: spectral decomposition, factors, square roots, refusals. */
#ifndef GREF_PSD_H
#define GREF_PSD_H

#include <gref/matrix.h>

#ifdef __cplusplus
extern "C" {
#endif

/* GREF_OK if Sigma is finite, symmetric and PSD up to rounding; else the offending value is
 * named. */
GREF_API GREF_NODISCARD gref_status gref_psd_require(gref_cmat Sigma, const char *name);
/* Sigma = U diag(lambda) U^T, lambda >= 0 ascending; *clipped is the extreme one that was set to
 * 0. */
GREF_API GREF_NODISCARD gref_status gref_psd_eigh(gref_mat U, gref_mat lambda, double *clipped,
                                                  gref_cmat Sigma, const char *name);
/* Sigma = L L^T + what is below rounding; L n x n, columns >= *rank are zero. */
GREF_API GREF_NODISCARD gref_status gref_psd_factor(gref_mat L, int *rank, gref_cmat Sigma);
/* R = Sigma^1/2, symmetric. */
GREF_API GREF_NODISCARD gref_status gref_psd_sqrt(gref_mat R, gref_cmat Sigma, const char *name);

#ifdef __cplusplus
}
#endif
#endif
