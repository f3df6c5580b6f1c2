/*
 * The law of y_t on its way from the start to the end: what law.c offers, implemented by
 * dense_law.c and by spectral/spectral_law.c; not installed.
 */
#ifndef GREF_DIFFUSION_LAW_H
#define GREF_DIFFUSION_LAW_H

#include "internal.h"
#include <gref/marginal.h>

/* Beyond these a law has diverged; products of three such numbers still fit a double. */
#define GREF_VARIANCE_LIMIT 0x1p900
#define GREF_MEAN_LIMIT 0x1p450

/* What a kind of law does; law.c has looked at the flags before. NULL: it cannot. */
typedef struct {
    void (*release)(gref_marginal *law);
    /* The moments one step on, with the flags of the head; t is moved by law.c. */
    gref_status (*advance)(gref_marginal *law);
    /* sqrt(tr P_t / tr C_{t|v}). */
    double (*spread)(const gref_marginal *law);
    gref_status (*mean)(gref_mat mean, const gref_marginal *law);
    gref_status (*cov)(gref_mat cov, const gref_marginal *law);
    gref_status (*bias)(gref_mat bias, const gref_marginal *law);
    /* To the law at the t at hand, or with `data` to that at abar = 1. */
    gref_status (*w2)(gref_w2 *out, const gref_marginal *law, bool data);
    gref_status (*w2_prior)(gref_w2 *out, const gref_marginal *law, bool data);
    gref_status (*w2_modelled)(gref_w2 *out, const gref_marginal *law);
    gref_status (*certify)(gref_w2 *out, const gref_marginal *law);
    void (*errors)(double *mean, double *cov, double *w2, const gref_marginal *law);
    gref_status (*stable_factor)(double *factor, const gref_marginal *law);
} gref_law_kind;

/* The head of every law. */
struct gref_marginal {
    const gref_law_kind *kind;
    const gref_row *row;
    const gref_sampler_spec *spec;
    bool targets; /* p_t(x | v) is known at every visited t */
    int t;
    bool diverged, lost; /* lost: diverged to rounding, not beyond the doubles */
    bool mean_lost;      /* the mean is; the covariance may still be known */
    int first_unstable;
    double growth;
};

/* GREF_ERR_NUMERICS after divergence. */
gref_status gref_law_require_alive(const gref_marginal *law);
/* Begins a head at t; notes the growth of the start. */
void gref_law_begin(gref_marginal *law, int t);

/* ---- the dense law ---- */

typedef struct {
    gref_marginal head;
    const gref_sampler *s;
    gref_basis basis;
    bool diagonal;
    gref_mat mean, P;
    gref_mat L; /* n x n, P = L L^T, after a step without noise; else empty */
    gref_law_errors errors;
    gref_mat W, V; /* n x n, majorant.c: once a step has overshot; else empty */
    gref_step step;
    gref_mat work; /* n x n, for M P; empty when the law is diagonal */
} gref_dense_law;

static inline const gref_dense_law *gref_dense_law_of(const gref_marginal *law)
{
    return (const gref_dense_law *)law;
}

/* A factor L of a P that is n x n; *radius >= W2 between N(0, P) and N(0, L L^T). */
gref_status gref_dense_law_root(gref_mat L, double *radius, const gref_dense_law *law);
/* tr P. */
double gref_dense_law_trace(const gref_dense_law *law);

/* dense_w2.c */
gref_status gref_dense_law_w2(gref_w2 *out, const gref_marginal *law, bool data);
gref_status gref_dense_law_w2_prior(gref_w2 *out, const gref_marginal *law, bool data);
gref_status gref_dense_law_w2_modelled(gref_w2 *out, const gref_marginal *law);
gref_status gref_dense_law_certify(gref_w2 *out, const gref_marginal *law);

/*
 * majorant.c: before the moments move (W <- M W M^T, V likewise; both are made when the first step
 * overshoots), and after errors_step, which it sharpens.
 */
gref_status gref_majorant_push(gref_dense_law *law);
void gref_majorant_close(gref_dense_law *law);
/* True if the law may be off by more than a tenth of its size. */
bool gref_majorant_exhausted(const gref_dense_law *law);
/* The same of its mean alone, less that of the exact law. */
bool gref_majorant_mean_exhausted(const gref_dense_law *law);

#endif
