/* Small problems for the tests of samplers: random, dense, nothing stationary about them. */
#ifndef GREF_TEST_TOY_H
#define GREF_TEST_TOY_H

#include <gref/modes.h>
#include <gref/problem.h>
#include <gref/sampler.h>

/* x0 ~ N(mu, var), v = a x0 + sigma n, all scalar. */
gref_problem scalar_problem(double mu, double var, double a, double sigma, double v);
/* n pixels, m measurements, dense A, spectrum from 1 down to 1/kappa with `zeros` zero
 * eigenvalues. */
gref_problem dense_problem(int n, int m, double kappa, int zeros, double sigma, uint64_t seed);
/* Variances 3, 2, 0.01, singular values 0.8, 1.5 of A, sigma = 1/2: two measured modes, and one
 * that is not. */
gref_problem diagonal_problem(void);
/* A sampler of that name, default conventions, label = name. */
gref_sampler_spec make_spec(const char *name);

#endif
