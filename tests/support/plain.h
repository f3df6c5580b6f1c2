/*
 * THEORY's formulas read literally: plain loops, explicit inverses, long double, pixels. It shares
 * no formula and no BLAS with the library, which works in eigenbases and square roots.
 */
#ifndef GREF_TEST_PLAIN_H
#define GREF_TEST_PLAIN_H

#include <gref/problem.h>
#include <gref/sampler.h>

/* Inverse by Gauss-Jordan with partial pivoting; aborts the test when singular. */
gref_mat plain_inverse(gref_cmat A);
/* a A + b B. */
gref_mat plain_sum(double a, gref_cmat A, double b, gref_cmat B);
gref_mat plain_identity(int n);

/* The visited time after t; -1 where t is the last or is not visited. */
int plain_next(const gref_sampler_spec *spec, int t);

/* Everything at one t, all fresh. */
typedef struct {
    gref_mat Sigma_t, J;       /* n x n */
    gref_mat C;                /* C_{v|t}, m x m; empty for ddpm */
    gref_mat H;                /* modelled precision, n x n */
    gref_mat M, b;             /* the affine step in the spec's convention, where one leaves t */
    double noise, keep, kappa; /* its variance; p of the scheme; the coefficient of the guidance */
    gref_mat mean, cov;        /* modelled law from H */
} plain_model;

plain_model plain_model_at(const gref_problem *p, const gref_schedule *s,
                           const gref_sampler_spec *spec, int t);
void plain_model_free(plain_model *q);
/* The exact p_t(x | v) by the textbook: sqrt(abar) mu_post and abar Sigma_post + (1 - abar) I,
 * fresh. */
void plain_exact(gref_mat *mean, gref_mat *cov, const gref_problem *p, const gref_schedule *s,
                 int t);

#endif
