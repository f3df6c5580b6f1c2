#include "toy.h"

#include <math.h>
#include <stdio.h>

#include "support.h"
#include <gref/random.h>

gref_problem scalar_problem(double mu, double var, double a, double sigma, double v)
{
    gref_problem p = {.Sigma = fresh(1, 1),
                      .mu = fresh(1, 1),
                      .A = fresh(1, 1),
                      .v = fresh(1, 1),
                      .sigma = sigma,
                      .rows = 1,
                      .cols = 1,
                      .v_rows = 1,
                      .v_cols = 1};
    p.Sigma.a[0] = var;
    p.mu.a[0] = mu;
    p.A.a[0] = a;
    p.v.a[0] = v;
    return p;
}

gref_problem dense_problem(int n, int m, double kappa, int zeros, double sigma, uint64_t seed)
{
    gref_mat lambda = geometric_spectrum(n, kappa, zeros);
    gref_problem p = {.Sigma = random_spd(gref_const(lambda), seed),
                      .mu = fresh(n, 1),
                      .A = fresh(m, n),
                      .v = fresh(m, 1),
                      .sigma = sigma,
                      .rows = n,
                      .cols = 1,
                      .v_rows = m,
                      .v_cols = 1};
    gref_random_normal(p.mu, seed, GREF_STREAM_TEST, 1, 0);
    gref_random_normal(p.A, seed, GREF_STREAM_TEST, 2, 0);
    for (int j = 0; j < n; j++)
        for (int i = 0; i < m; i++)
            GREF_AT(p.A, i, j) /= sqrt(n);
    gref_random_normal(p.v, seed, GREF_STREAM_TEST, 3, 0);
    gref_mat_free(&lambda);
    return p;
}

gref_problem diagonal_problem(void)
{
    gref_problem p = dense_problem(3, 2, 4, 0, 0.5, 5);
    const double lambda[] = {3, 2, 0.01}, a[] = {0.8, 1.5};
    gref_mat_fill(p.Sigma, 0.0);
    gref_mat_fill(p.A, 0.0);
    for (int i = 0; i < 3; i++)
        GREF_AT(p.Sigma, i, i) = lambda[i];
    for (int i = 0; i < 2; i++)
        GREF_AT(p.A, i, i) = a[i];
    return p;
}

gref_sampler_spec make_spec(const char *name)
{
    gref_sampler_spec spec = {.convention = gref_convention_default()};
    snprintf(spec.name, sizeof spec.name, "%s", name);
    snprintf(spec.label, sizeof spec.label, "%s", name);
    return spec;
}
