/*
 * THEORY's formulas read literally: plain loops, explicit inverses, long double, pixels. It shares
 * no formula and no BLAS with the library, which works in eigenbases and square roots. plain.c has
 * the matrices, plain_model.c what a sampler makes of one time, plain_step.c its step.
 */
#ifndef GREF_TEST_PLAIN_H
#define GREF_TEST_PLAIN_H

#include "method/method.h"
#include <gref/problem.h>
#include <gref/sampler.h>

/* Inverse by Gauss-Jordan with partial pivoting; aborts the test when singular. */
gref_mat plain_inverse(gref_cmat A);
/* a A + b B. */
gref_mat plain_sum(double a, gref_cmat A, double b, gref_cmat B);
gref_mat plain_identity(int n);

/* X, freed by plain_forget, as everything kept before; temporaries of a formula. */
gref_mat plain_keep(gref_mat X);
void plain_forget(void);

/* A = W diag(s) V^T, n of each: column i of AV is s_i w_i. A singular value of rounding is 0. Kept. */
typedef struct {
    gref_mat V, AV, s;
    double gap; /* the least distance of two singular values that are not both 0, and of one to 0 */
} plain_svd;
plain_svd plain_svd_of(gref_cmat A);

/* The visited time after t; -1 where t is the last or is not visited. */
int plain_next(const gref_sampler_spec *spec, int t);

/* Everything at one t, all fresh; empty where the sampler has none. */
typedef struct {
    gref_mat Sigma_t, J; /* n x n */
    gref_mat C;          /* C_{v|t}, m x m */
    gref_mat H;          /* modelled precision, n x n */
    gref_mat mean, cov;  /* modelled law from H */
    gref_mat M, b;       /* the affine step in the spec's convention, where one leaves t */
    double noise;        /* its variance; NAN where that is the matrix N, n x n */
    gref_mat N;
    double
        size; /* of what the step adds up, times its condition: M is known to a few n EPS of that */
} plain_model;

plain_model plain_model_at(const gref_problem *p, const gref_schedule *s,
                           const gref_sampler_spec *spec, int t);
void plain_model_free(plain_model *q);
/* False where the row sums that are a row's C are not positive at some visited time. */
bool plain_can_run(const gref_problem *p, const gref_schedule *s, const gref_sampler_spec *spec);
/* The exact p_t(x | v) by the textbook: sqrt(abar) mu_post and abar Sigma_post + (1 - abar) I,
 * fresh. */
void plain_exact(gref_mat *mean, gref_mat *cov, const gref_problem *p, const gref_schedule *s,
                 int t);
/* The law at the first visited time, fresh. */
void plain_start(gref_mat *mean, gref_mat *cov, const gref_problem *p, const gref_schedule *s,
                 const gref_sampler_spec *spec);

/* ---- between plain_model.c and plain_step.c; all kept ----------------------------------------- */

/* A sampler whose data are those of the problem; or 0, as is mu: then an affine step is its linear
 * part. */
typedef struct {
    const gref_problem *p;
    const gref_schedule *s;
    const gref_sampler_spec *spec;
    const gref_row *row;
    gref_mat mu, v;
} plain_world;

/* What the score, the denoiser and the gradient are made of where 1 - abar = qbar. */
typedef struct {
    double abar, qbar;
    gref_mat Sigma_t, Si, J; /* n x n; Si = Sigma_t^-1 */
    gref_mat C, G; /* G = J A^T C^-1, n x m, or with A^+ or A^T: what v - A x0hat is times */
    double lipschitz, condition;
} plain_view;

gref_mat plain_kept_sum(double a, gref_mat A, double b, gref_mat B);
gref_mat plain_kept_product(gref_mat A, bool trans_a, gref_mat B, bool trans_b);
gref_mat plain_pinv(gref_cmat A);
plain_view plain_view_at(const plain_world *w, double abar, double qbar);
/* N images as columns of y: one step on, without noise; its variance or *N, and the size above. */
gref_mat plain_step(const plain_world *w, gref_mat y, int t, double *noise, gref_mat *N,
                    double *size);

#endif
