/* Samples in the whitened eigenbasis of a law: what samples.c and samples_w2.c share; not
 * installed. */
#ifndef GREF_VERIFY_SAMPLES_H
#define GREF_VERIFY_SAMPLES_H

#include <gref/verify.h>

typedef struct {
    int N, r;
    gref_mat lambda; /* r x 1, descending                                            [pixel^2] */
    gref_mat W;      /* N x r, whitened samples */
    gref_mat w, S;   /* their mean (r x 1) and covariance (r x r, divisor N - 1) */
    double cut;      /* standard deviations up to here count as none                   [pixel] */
    double outside;  /* farthest excursion along the other directions                  [pixel] */
    double outside2; /* mean square of all of these                                  [pixel^2] */
} gref_sample_space;

void gref_sample_space_free(gref_sample_space *q);
/* Fills in `estimated` to `needed`; N >= 3. */
void gref_samples_w2(gref_sample_report *report, const gref_sample_space *q, double resolve);

void gref_frobenius_cumulants(double k[3], double nu, double r);
double gref_anderson_darling(double *z, int N);

#endif
