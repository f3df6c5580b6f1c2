/* 2-Wasserstein distance between Gaussian laws (THEORY section 8), with or without a proof. */
#ifndef GREF_WASSERSTEIN_H
#define GREF_WASSERSTEIN_H

#include <gref/matrix.h>

#ifdef __cplusplus
extern "C" {
#endif

/* w2^2 = w2_mean^2 + w2_cov^2; all in the unit of the images (W2, never its square). */
typedef struct {
    double w2;
    double w2_mean; /* |m1 - m2| */
    double w2_cov;  /* distance of the centred laws */
    double lower;   /* proved: lower <= W2 <= upper, for the inputs as exact data; 0 and +inf */
    double upper;   /* when `certified` is false */
    double r_in;    /* W2 ball of inputs that round to the given doubles; 0 when not certified */
    bool certified;
    int rank; /* columns of the factors used; n when both covariances are positive definite */
    double
        rank_cost; /* >= W2 that what was left out by `rank` may move; part of the interval; 0 with rank n */
    const char *method; /* "map", "factor", "map+factor", "spectra", "blocks" */
    double error; /* of w2_cov, estimated, when not certified; w2_mean errs by 4 u of itself */
    bool rounded; /* C1 or C2 is a covariance only up to the rounding of its file; the interval
                     holds each one that rounds to it */
} gref_w2;

/* From covariances. The first is a value (relative error: THEORY section 11, row --fast), the second
 * proves its interval. */
GREF_API GREF_NODISCARD gref_status gref_w2_laws(gref_w2 *out, gref_cmat m1, gref_cmat C1,
                                                 gref_cmat m2, gref_cmat C2);
GREF_API GREF_NODISCARD gref_status gref_w2_certify_laws(gref_w2 *out, gref_cmat m1, gref_cmat C1,
                                                         gref_cmat m2, gref_cmat C2);
/* From factors C_i = L_i L_i^T, L_i n x r_i. */
GREF_API GREF_NODISCARD gref_status gref_w2_factors(gref_w2 *out, gref_cmat m1, gref_cmat L1,
                                                    gref_cmat m2, gref_cmat L2);
GREF_API GREF_NODISCARD gref_status gref_w2_certify_factors(gref_w2 *out, gref_cmat m1,
                                                            gref_cmat L1, gref_cmat m2,
                                                            gref_cmat L2);
/* A covariance against a factor, C1 and C2 = L2 L2^T; certified. */
GREF_API GREF_NODISCARD gref_status gref_w2_certify_mixed(gref_w2 *out, gref_cmat m1, gref_cmat C1,
                                                          gref_cmat m2, gref_cmat L2);
/* From variances in a common orthonormal basis, n x 1 each: always certified. */
GREF_API GREF_NODISCARD gref_status gref_w2_spectra(gref_w2 *out, gref_cmat m1, gref_cmat lambda1,
                                                    gref_cmat m2, gref_cmat lambda2);

/* The number rounded to as many digits, at most max_digits, as both ends round to; how many (0:
 * text is ""). */
GREF_API int gref_proven_digits(char *text, int size, double lower, double upper, int max_digits);

#ifdef __cplusplus
}
#endif
#endif
