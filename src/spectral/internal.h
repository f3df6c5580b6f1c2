/* What the files of this folder share; not installed. */
#ifndef GREF_SPECTRAL_INTERNAL_H
#define GREF_SPECTRAL_INTERNAL_H

#include "base/internal.h"
#include <stdint.h>

#include "diffusion/law.h"
#include "method/method.h"
#include <gref/spectral.h>

DEFINE_DROP(gref_spectral)

/* cos and sin of 2 pi k/N, exact where they are 0 or +-1, else to one rounding; any k, N >= 1. */
void gref_turn(double *cosine, double *sine, int64_t k, int N);

/* ---- dft.c: the unitary DFT of real images --------------------------------------------------- */

/* The cosines and sines of one axis, at the frequencies 0..L/2. */
typedef struct {
    int even, odd; /* L/2 + 1 and (L - 1)/2 */
    gref_mat C, S; /* even x even and odd x even */
} gref_axis;

typedef struct {
    int rows, cols, half; /* half = cols/2 + 1 frequencies of a row are stored */
    gref_axis across, down;
} gref_dft;

/* Room for the intermediate results of a transform, of any number of them in turn. */
typedef struct {
    gref_mat even, odd, W, P, Q, rows_even, rows_odd;
} gref_dft_work;

gref_status gref_dft_new(gref_dft *f, int rows, int cols);
void gref_dft_free(gref_dft *f); /* accepts {0} */
gref_status gref_dft_work_new(gref_dft_work *w, const gref_dft *f);
void gref_dft_work_free(gref_dft_work *w); /* accepts {0} */
/* re, im: half x rows, frequency (k, l) at (l, k); x: n x 1, row-major. */
gref_status gref_dft_forward(gref_mat re, gref_mat im, const gref_dft *f, gref_dft_work *w,
                             gref_cmat x);
gref_status gref_dft_inverse(gref_mat x, const gref_dft *f, gref_dft_work *w, gref_cmat re,
                             gref_cmat im);

/* ---- spectral.c: blocks of frequencies ------------------------------------------------------- */

/* A complex array, or the Fourier coefficients of one image. */
typedef struct {
    gref_mat re, im;
} gref_cplx;

gref_status gref_cplx_new(gref_cplx *x, int m, int n);
void gref_cplx_free(gref_cplx *x);

/*
 * Block b holds the q = r^2 frequencies that alias to frequency b of v. In the coordinates
 *
 *     z = exp(i arg a^) x^        one column of q coefficients a block
 *
 * A is the row `a` of a block, real and >= 0, Sigma is diagonal, and every covariance is a real
 * symmetric q x q matrix: stored as q x blocks (diagonal) or q^2 x blocks (column by column).
 * Blocks of v's stored frequencies only: `weight` says for how many each stands.
 */
struct gref_spectral {
    int rows, cols, factor, n, m, q;
    int low_rows, low_half, blocks; /* blocks = low_rows * low_half, row-major */
    double sigma, mean;
    gref_dft dft, low; /* of x and of v */
    int *place;        /* q x blocks: the stored frequency of x, or -1 - that of its conjugate */
    gref_mat weight;   /* 1 x blocks: 1 or 2 */
    gref_mat lambda;   /* q x blocks                                                  [pixel^2] */
    gref_mat a;        /* q x blocks, |a^|/r                              [measurement / pixel] */
    gref_cplx phase;   /* q x blocks, exp(i arg a^) */
    gref_cplx r;       /* 1 x blocks, v - A mu                                    [measurement] */
    gref_mat rho;      /* q x blocks, standard deviations of Sigma_post in its modes    [pixel] */
    gref_mat X;        /* q^2 x blocks, those modes; empty when q = 1 */
    gref_cplx d;       /* q x blocks, mu_post - mu                                      [pixel] */
};

/* Everything of *z that does not need v. */
gref_status gref_spectral_modes_new(gref_spectral **z, const gref_stationary *p);
/* r, rho, X and d, for the lambda and a that z holds. */
gref_status gref_spectral_condition(gref_spectral *z, gref_cmat v);
/* Room for what lies between an image and its coordinates. */
typedef struct {
    gref_dft_work dft;
    gref_cplx spectrum;
} gref_room;

gref_status gref_room_new(gref_room *room, const gref_spectral *z);
void gref_room_free(gref_room *room); /* accepts {0} */
/* Coordinates of an image (n x 1), and the image of coordinates. */
gref_status gref_spectral_analyse(gref_cplx coordinates, const gref_spectral *z, gref_room *room,
                                  gref_cmat x);
gref_status gref_spectral_synthesise(gref_mat x, const gref_spectral *z, gref_room *room,
                                     gref_cplx coordinates);
/* An image or row of m pixels of v, likewise; `low` frequencies are stored as
 * low_half x low_rows. */
gref_status gref_spectral_low_forward(gref_cplx low, const gref_spectral *z, gref_cmat y);
gref_status gref_spectral_low_inverse(gref_mat y, const gref_spectral *z, gref_cplx low);
/* X m, or X^T m: between the coordinates and the modes of Sigma_post. `turned` is not m. */
void gref_spectral_rotate(gref_cplx turned, const gref_spectral *z, gref_cplx m, bool transpose);
/* The sum of what the blocks contribute (1 x blocks), over all frequencies. */
double gref_spectral_sum(const gref_spectral *z, gref_cmat terms);
/* The distance whose squared parts the blocks contribute (1 x blocks each). */
gref_status gref_spectral_distance(gref_w2 *out, const gref_spectral *z, gref_cmat mean,
                                   gref_cmat cov);

/* ---- spectral_rows.c: the rows of the table, a block at a time ------------------------------- */

typedef struct {
    const gref_spectral *z;
    const gref_schedule *schedule;
    gref_sampler_spec spec;
    const gref_row *row;
    double tolerance;        /* singular values of A up to this one count as 0 */
    bool general;            /* a step is a q x q matrix that need not be diag - tau u u^T */
    gref_schedule midpoints; /* of rk4: the schedule at twice the steps; else empty */
} gref_spectral_sampler;

/* C_{v|t} of block b: a scalar, because A A^T is one. C_{v|t} less the exact one, without
 * cancellation. */
double gref_spectral_likelihood(const gref_spectral_sampler *s, double abar, double qbar, int b);
double gref_spectral_likelihood_excess(const gref_spectral_sampler *s, double abar, double qbar,
                                       int b);
gref_status gref_spectral_sampler_init(gref_spectral_sampler *s, const gref_spectral *z,
                                       const gref_schedule *schedule,
                                       const gref_sampler_spec *spec);
void gref_spectral_sampler_free(gref_spectral_sampler *s); /* accepts {0} */
/* True if the sampler runs in the modes X of Sigma_post, where all of its steps are diagonal. */
bool gref_spectral_runs_on_posterior(const gref_spectral_sampler *s);
/* The rule of the step that leaves t. */
gref_rule gref_spectral_rule(const gref_spectral_sampler *s, int t);
/* |a| of block b, 0 where it counts as 0. */
double gref_spectral_singular(const gref_spectral_sampler *s, int b);
/* kappa_t/C of block b: C_{v|t}, or 1 for guidance "after"; 0 without guidance. */
double gref_spectral_strength(const gref_spectral_sampler *s, const gref_rule *rule, int b);
/* abar rho^2 + 1 - abar, the exact variance of mode k of Sigma_post. */
double gref_spectral_exact_variance(const gref_spectral *z, double abar, double qbar, int k, int b);

/* ---- spectral_step.c: the step of a block as matrices, and starts ---------------------------- */

/* M q x q and c q x 2 (real and imaginary part) of block b, in the coordinates of z; its noise is
 * noise I + (along - noise) a a^T/|a|^2. */
typedef struct {
    gref_mat M, c;
    double noise, along, free_norm;
} gref_block_step;

gref_status gref_block_step_new(gref_block_step *x, int q);
void gref_block_step_free(gref_block_step *x); /* accepts {0} */
/* rule: that of the step that leaves t, which is the same in every block. */
gref_status gref_block_step_at(gref_block_step *x, const gref_spectral_sampler *s,
                               const gref_rule *rule, int t, int b);
/* The same in the modes of Sigma_post, all blocks at once: M a diagonal, q blocks x 1, c q blocks x 2. */
gref_status gref_posterior_steps_at(gref_mat M, gref_mat c, const gref_spectral_sampler *s, int t);
/* The start in block b as a step from nothing: c, its mean less sqrt(abar_T) mu_post, and its noise. M is
 * left alone. */
void gref_block_start(gref_block_step *x, const gref_spectral_sampler *s, int T, int b);
/* Entry i, k of the noise's covariance. */
double gref_block_noise(const gref_block_step *x, const gref_spectral_sampler *s, int i, int k,
                        int b);

/* ---- spectral_law.c -------------------------------------------------------------------------- */

typedef struct {
    gref_marginal head;
    gref_spectral_sampler s;
    bool posterior; /* coordinates X^T z, else z */
    bool diagonal;  /* P is q x blocks, else q^2 x blocks */
    gref_cplx mean; /* q x blocks, E y_t - sqrt(abar_t) mu_post: the bias itself         [pixel] */
    gref_mat P;     /*                                                                [pixel^2] */
    gref_mat W,
        V; /* q^2 x blocks, of its rounding and its mean's; empty while no step has overshot */
    gref_mat terms[2]; /* 1 x blocks: scratch of the distances, overwritten by each */
} gref_spectral_law;

/* The law by spectra behind a head, or NULL. */
const gref_spectral_law *gref_spectral_law_of(const gref_marginal *law);
/* tr P, over all frequencies. */
double gref_spectral_law_trace(const gref_spectral_law *law);
/* The bias in the coordinates of z, q x blocks. */
void gref_spectral_law_centred(gref_cplx m, const gref_spectral_law *law);
/* spectral_w2.c and spectra.c */
gref_status gref_spectral_law_w2(gref_w2 *out, const gref_marginal *law, bool data);
gref_status gref_spectral_law_w2_prior(gref_w2 *out, const gref_marginal *law, bool data);
gref_status gref_spectral_law_w2_modelled(gref_w2 *out, const gref_marginal *law);
gref_status gref_spectral_law_cov(gref_mat cov, const gref_marginal *law);

/* ---- block.c: W2 between two covariances of one block ---------------------------------------- */

/* q x q each (e: q x 1); made once, used for every block. */
typedef struct {
    gref_mat L1, L2, F, U, VT, sv; /* factors, and scratch for them */
    gref_mat e, E, D, T;           /* diag(e) and diag(e) + E, and scratch for them */
} gref_block;

gref_status gref_block_new(gref_block *w, int q);
void gref_block_free(gref_block *w); /* accepts {0} */
/* W2^2 between N(0, L1 L1^T) and N(0, L2 L2^T); absolute error of a few q eps (|L1| + |L2|) in
 * W2. */
gref_status gref_block_w2_factors(double *squared, gref_block *w);
/* W2^2 between N(0, diag(e)) and N(0, diag(e) + E), relative error of a few q eps; false if they are not close.
 * E is used up. */
bool gref_block_w2_close(double *squared, gref_block *w);

/* ---- modelled.c: the law that a sampler takes p_t(x | v) to be ------------------------------- */

/* In block b: mu_{t|v} less the exact one is `mean` w, C_{t|v} less the exact one `cov` w w^T,
 * w = lambda a. */
typedef struct {
    double mean_re, mean_im, cov;
    double C, L; /* C_{v|t}; C_{v|t} + abar A Sigma^2 Sigma_t^-1 A^T; infinite without guidance */
} gref_spectral_excess;

gref_spectral_excess gref_spectral_modelled(const gref_spectral_sampler *s, double abar,
                                            double qbar, int b);
/* A factor of C_{t|v} in block b (q x q). */
void gref_spectral_modelled_factor(gref_mat L2, const gref_spectral_sampler *s, double abar,
                                   double qbar, int b);
/* W2 of the modelled law to the exact one; any abar = 1 - qbar; terms: two of 1 x blocks,
 * scratch. */
gref_status gref_spectral_w2_modelled(gref_w2 *out, const gref_mat terms[2],
                                      const gref_spectral_sampler *s, double abar, double qbar);
/* X diag(sqrt(abar rho^2 + 1 - abar)): the exact C_{t|v} = L1 L1^T in block b. */
void gref_spectral_exact_factor(gref_mat L1, const gref_spectral *z, double abar, double qbar,
                                int b);

/* ---- blocks of matrices, and pixels.c: explicit matrices, for the cross-check and small arrays  */

/* Each fills S (q^2 x blocks): diag(x) for x q x blocks; X diag(x) X^T; the law's P; the modelled
 * C_{t|v}. */
void gref_blocks_diagonal(gref_mat S, gref_cmat x);
void gref_blocks_on_posterior(gref_mat S, const gref_spectral *z, gref_cmat x);
void gref_blocks_law(gref_mat S, const gref_spectral_law *law);
gref_status gref_blocks_modelled(gref_mat S, const gref_spectral_sampler *s, int t);
/* M_t, and what it adds to the centred mean (q x blocks): mean <- M mean + shift. */
gref_status gref_blocks_step(gref_mat S, gref_cplx shift, const gref_spectral_sampler *s, int t);
/* N_t, where it is no multiple of I. */
gref_status gref_blocks_noise(gref_mat S, const gref_spectral_sampler *s, int t);

/* C (n x n) in pixels; the circulant m x m matrix with the eigenvalues c (1 x blocks). */
gref_status gref_spectral_to_pixels(gref_mat C, const gref_spectral *z, gref_cmat S);
gref_status gref_spectral_low_to_pixels(gref_mat C, const gref_spectral *z, gref_cmat c);

#endif
