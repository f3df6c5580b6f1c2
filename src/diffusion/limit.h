/* What the dense and the spectral route to t -> 0 share, limit_lines.c; not installed. */
#ifndef GREF_DIFFUSION_ASYMPTOTICS_H
#define GREF_DIFFUSION_ASYMPTOTICS_H

#include "base/internal.h"
#include <gref/asymptotics.h>

DEFINE_DROP(gref_asymptotics)

/* The least e: squares of what is of order e^2 are numbers there, by either route. */
#define GREF_ASYMPTOTICS_LEAST 1e-70
/* The largest alpha, and one over the least: differences of dps are of order alpha^2 e. */
#define GREF_ASYMPTOTICS_ALPHA 1e30

/* The lines, their points with e filled in; refuses alphas and e that are none. Without dps if
 * sigma = 0. */
gref_status gref_asymptotics_new(gref_asymptotics **a, double sigma, const double *alphas,
                                 int n_alphas, double from, double to);
/* What the points of a line say: slopes, order, decades, verdict; `coefficient` and the points are
 * there. */
void gref_asymptotics_conclude(gref_asymptotics_line *line);
/* A line of no differences: that of a problem whose A sees nothing of the range of Sigma. */
gref_status gref_asymptotics_without(gref_asymptotics_line *line);
/* Order of a line's leading term. */
int gref_asymptotics_expected(const gref_asymptotics_line *line, bool mixed);

/*
 * C_{v|t} - C_exact = A f(Sigma) A^T: f at the eigenvalue lambda, at abar = 1 - e, without
 * cancellation; and the leading coefficient of it, c in f = c e^order + ... Zero is an exact
 * eigenvalue. dps is meant with alpha = 1. Where A does not mix, `expected` = 2, the kernel of
 * Sigma is left out: G A P0 = 0 then, and what rounding makes of it would be of first order.
 */
double gref_asymptotics_excess(const gref_asymptotics_line *line, double e, double lambda);
double gref_asymptotics_leading(const gref_asymptotics_line *line, double lambda);

#endif
