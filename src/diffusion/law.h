/* The law of y_t on its way from T to 0: what marginal.c moves and distance.c measures; not installed. */
#ifndef GREF_DIFFUSION_LAW_H
#define GREF_DIFFUSION_LAW_H

#include "internal.h"
#include <gref/marginal.h>

struct gref_marginal {
    const gref_sampler *s;
    int t;
    gref_basis basis;
    bool diagonal, diverged, lost; /* lost: diverged to rounding, not beyond the doubles */
    int first_unstable;
    double growth;
    gref_mat mean, P;
    gref_mat L;   /* n x n, P = L L^T, after a step without noise; else empty */
    double floor; /* P >= floor I of the exact law: the noise of the last step, or of the start */
    gref_law_errors errors;
    gref_mat W, V;  /* n x n, majorant.c: once a step has overshot; else empty */
    bool mean_lost; /* V says so: the covariance may still be known */
    gref_step step;
    gref_mat work; /* n x n, for M P; empty when the law is diagonal */
};

/* tr P. */
double gref_marginal_trace(const gref_marginal *law);

/*
 * majorant.c: before the moments move (W <- M W M, V likewise; both are made when the first step overshoots), and after
 * errors_step, which it sharpens.
 */
gref_status gref_majorant_push(gref_marginal *law);
void gref_majorant_close(gref_marginal *law);
/* True if the law may be off by more than a tenth of its size. */
bool gref_majorant_exhausted(const gref_marginal *law);
/* The same of its mean alone, less that of the exact law. */
bool gref_majorant_mean_exhausted(const gref_marginal *law);
/* GREF_ERR_NUMERICS after divergence. */
gref_status gref_marginal_require_alive(const gref_marginal *law);

#endif
