/* The law of y_t on its way from T to 0: what marginal.c moves and distance.c measures; not installed. */
#ifndef GREF_DIFFUSION_LAW_H
#define GREF_DIFFUSION_LAW_H

#include "internal.h"
#include <gref/marginal.h>

struct gref_marginal {
    const gref_sampler *s;
    int t;
    gref_basis basis;
    bool diagonal, diverged;
    int first_unstable;
    double growth;
    gref_mat mean, P;
    gref_mat L; /* n x n, P = L L^T, after a last step without noise; else empty */
    gref_law_errors errors;
    gref_step step;
    gref_mat work; /* n x n, for M P; empty when the law is diagonal */
};

/* GREF_ERR_NUMERICS after divergence. */
gref_status gref_marginal_require_alive(const gref_marginal *law);

#endif
