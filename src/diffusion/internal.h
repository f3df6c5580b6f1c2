/* What the files of this folder share; not installed. */
#ifndef GREF_DIFFUSION_INTERNAL_H
#define GREF_DIFFUSION_INTERNAL_H

#include "base/internal.h"
#include "errors/perturb.h"
#include "method/method.h"
#include <gref/chain.h>
#include <gref/marginal.h>
#include <gref/sampler.h>

DEFINE_DROP(gref_sampler)
DEFINE_DROP(gref_marginal)

/*
 * Coordinates. Every law and step is kept centred on sqrt(abar_t) mu_post, in one of two bases:
 *   GREF_BASIS_SIGMA      x = sqrt(abar_t) mu_post + U z        modes of Sigma
 *   GREF_BASIS_POSTERIOR  x = sqrt(abar_t) mu_post + U X z      modes of Sigma_post
 * so that the mean of z is the bias itself, never the difference of two means.
 */
typedef enum { GREF_BASIS_SIGMA, GREF_BASIS_POSTERIOR } gref_basis;

/* |Gamma|_2, |Gamma - exact|_F, |g|, |g - exact|, for the exact problem of the given doubles; upper
 * bounds. */
typedef struct {
    double Gamma, dGamma, g, dg;
} gref_guidance_errors;

struct gref_sampler {
    gref_sampler_spec spec;
    const gref_row *row;
    const gref_modes *z;
    const gref_schedule *schedule; /* the case's, or `own` */
    gref_schedule own;             /* abar and qbar of an affine chain; else empty */
    gref_schedule midpoints;       /* of rk4: the schedule at twice the steps; else empty */
    gref_mat centre;               /* n x 1, mu_post in the modes that the sampler runs in */
    bool proved;                   /* errors.c knows the errors of its steps and of its start */
    bool targets;                  /* p_t(x | v) is known at every visited t, not only at the end */
    double B_norm;                 /* >= |B|_2 */
    gref_mat G;  /* n x n, B^T B, where the row or guidance "after" needs it, else empty */
    gref_mat Br; /* n x 1, B^T r, likewise */
    double dG;   /* |G - B^T B|_F of rounding, proved */
    gref_mat W, b,
        VT; /* B = W diag(b) V^T, m x k, k x 1, k x n, where phi is constant and not 0; else empty */
    gref_mat Wr; /* k x 1, W^T r */
    gref_mat
        kernel; /* n x n, what stands for I - V V^T in the fault "noise-without-VT"; else empty */
    double dW, dV; /* how far W and V are from orthogonal matrices W^ and V^, |.|_F, proved */
    double dB;     /* |B - W^ diag(b) V^^T|_F, likewise */
    double off;    /* what W^ W^^T r lacks of r, likewise */
};

/* One step in the basis of the sampler: z' = M z + c + N(0, noise I + N). */
typedef struct {
    bool diagonal; /* M is n x 1, the diagonal of the matrix */
    bool general;  /* M need not be symmetric, and N may be there */
    gref_mat M, c;
    double noise;
    gref_mat N; /* n x n, or empty */
    bool
        overshoots; /* M turns a direction over and stretches it; of an affine step: stretches beyond the free one */
    double norm;             /* >= |M|_2 */
    double norm_abs;         /* >= | |M| |_2, the matrix of absolute values */
    double norm_off;         /* likewise of M without its diagonal */
    gref_mat diag;           /* n x 1, 0 but while the diagonal of a dense M is taken out of M */
    double least;            /* M^T M >= least^2 I; 0 where unknown */
    gref_law_norms guidance; /* mean: of y = g - Gamma J x (perturb.h); cov: of Gamma */
} gref_step;

/* How far a computed law may be from the exact one (errors.c). */
typedef struct {
    double mean, cov, w2;
    double floor; /* P >= floor I, as computed */
    double range,
        kernel; /* of the exact law: w2 on the range, and the trace off it; see gref_target_kernel */
    double
        fresh; /* what the last step added to w2, before later steps move it; estimated where w2 is infinite */
    double fresh_mean; /* likewise to mean */
} gref_law_errors;

/* Sizes of a law before a step, and what the last factor cost; factor_error < 0 where none was
 * formed. */
typedef struct {
    bool dense;
    gref_law_norms seen;
    double least; /* P after the step >= least I, as computed; -INFINITY where unknown */
    double trace, shift, factor_error; /* tr P, |c|, W2 units */
} gref_law_size;

/* How many modes of the target have no variance, at t = 0; they come first in the modes of Sigma,
 * else last. */
int gref_target_kernel(const gref_sampler *s, int t);
gref_law_errors gref_start_errors(const gref_sampler *s);
gref_law_errors gref_exact_errors(const gref_sampler *s, int t);
/* Norms of a law at t, or of any vector and any symmetric matrix, in the basis of the sampler; P is
 * n x n, or n x 1 its diagonal. */
gref_status gref_law_seen(gref_law_norms *law, const gref_sampler *s, int t, gref_cmat mean,
                          gref_cmat P);
void gref_errors_step(gref_law_errors *e, const gref_sampler *s, int t, const gref_step *step,
                      const gref_law_size *p);
/* Of the convention in force. */
gref_guidance_errors gref_guidance_errors_at(const gref_sampler *s, int t);

/* Fails, saying why, without a modelled law; unless a step leaves t. */
gref_status gref_sampler_require_model(const gref_sampler *s);
gref_status gref_sampler_require_step(const gref_sampler *s, int t);
/* True if the sampler runs in the modes of Sigma_post, where all of its steps are diagonal. */
bool gref_sampler_runs_on_posterior(const gref_sampler *s);
gref_status gref_step_new(gref_step *step, const gref_sampler *s);
void gref_step_free(gref_step *step);
gref_status gref_step_at(gref_step *step, const gref_sampler *s, int t);

/* start.c: the law of the state at the first visited time, in modes of Sigma; not of start "exact". */
typedef struct {
    gref_mat mean, cov; /* n x 1; n x n, or empty: variance I */
    double variance;
} gref_moments;
void gref_moments_free(gref_moments *x); /* accepts {0} */
gref_status gref_start_moments(gref_moments *x, const gref_sampler *s);
/* F = V diag(f) V^T for the k singular directions, base beside them. */
gref_status gref_in_singular_basis(gref_mat F, const gref_sampler *s, gref_cmat f, double base);

/* projection.c: the step of a row that projects, and its norm without data; its noise alone, or the symmetric root of that. */
gref_status gref_projection_form_kernel(gref_sampler *s);
gref_status gref_projection_step(gref_step *step, double *free_norm, const gref_sampler *s,
                                 const gref_rule *rule);
gref_status gref_projection_noise(gref_mat N, const gref_sampler *s, const gref_rule *rule,
                                  bool root);
/* stages.c: when and how a scheme of several evaluations looks at the score; see there. */
typedef struct {
    int t; /* in `schedule` of gref_stages */
    double g, rho, root, node, weight;
} gref_stage;
typedef struct {
    int n;
    gref_stage stage[4];
    double rho, root, e; /* of the end */
    const gref_schedule *schedule;
} gref_stages;
gref_stages gref_stages_at(gref_scheme scheme, const gref_schedule *schedule,
                           const gref_schedule *midpoints, gref_hop hop);
gref_stages gref_sampler_stages(const gref_sampler *s, int t);
bool gref_row_has_stages(const gref_row *row, const gref_convention *c);
bool gref_sampler_has_stages(const gref_sampler *s);
/* True if the guidance is part of the score. */
bool gref_row_guides_score(const gref_row *row, const gref_convention *c);
/* The score's map at a stage, S and x, less what centres it; S may be a diagonal, m x 1. */
typedef gref_status (*gref_score_form)(gref_mat S, gref_mat x, const void *of,
                                       const gref_rule *rule, int t);
/* M and c of the whole step; c and centre may have several columns. */
gref_status gref_stages_run(gref_mat M, gref_mat c, const gref_stages *b, gref_cmat centre,
                            bool in_score, gref_score_form form, const void *of);
/* The step of a scheme of several evaluations, and its norm without data. */
gref_status gref_stages_step(gref_step *step, double *free_norm, const gref_sampler *s, int t);
/* M and c of p z + q s~(z) + kappa grad in modes of Sigma, M n x n. */
gref_status gref_step_form(gref_mat M, gref_mat c, const gref_sampler *s, const gref_rule *rule,
                           int t);

/* stable.c: the largest factor on the guidance for which no step turns a direction over and stretches it; NAN for
 * rows whose steps are not linear in such a factor. */
gref_status gref_sampler_stable_factor(double *factor, const gref_sampler *s);

/* The rule of the step that leaves t. */
gref_rule gref_sampler_rule(const gref_sampler *s, int t);
/* N_t of the step that leaves t, as far as it is a multiple of I. */
double gref_step_noise(const gref_sampler *s, int t);
/* affine.c: the user's step that leaves t, in modes of Sigma; and its noise's square root applied:
 * Z <- N^1/2 Z in pixels. */
gref_status gref_affine_step(gref_step *step, const gref_sampler *s, int t);
gref_status gref_affine_move(gref_mat Y, const gref_sampler *s, int t);
gref_status gref_affine_colour(gref_mat Z, const gref_sampler *s, int t);
/* The schedule that an affine chain brings: its abar, or abar = 1 at every t. */
gref_status gref_affine_schedule(gref_schedule *own, const gref_chain *chain);

/*
 * noisy_root.c: R of C = Y Y^T + tau I = R R^T, a lower triangle L, or L diag(d) with an orthogonal
 * L; d is empty or m x 1; pull is R^-1 Y x, m x 1, where x was given.
 */
typedef struct {
    gref_mat L, d, pull;
} gref_noisy_root;
/* Y (m x n) is used up; x is n x 1 or empty. GREF_ERR_NOT_PD where C is singular to the rounding of
 * Y's singular values. */
gref_status gref_noisy_root_new(gref_noisy_root *root, gref_mat Y, double tau, gref_cmat x);
void gref_noisy_root_free(gref_noisy_root *root); /* accepts {0} */
/* X <- R^-1 X or R^-T X. */
gref_status gref_noisy_root_divide(gref_mat X, const gref_noisy_root *root, bool transpose);

/* guidance.c: Y with Y^T Y = B^T C^-1 B and y with Y^T y = B^T C^-1 r of the row, both fresh; C is
 * never 0 there. */
gref_status gref_whitened_guidance(gref_mat *Y, gref_mat *y, const gref_sampler *s, int t);
/* Gamma = B^T C^-1 B and g = B^T C^-1 r of the row; C is never 0 there. */
gref_status gref_modelled_guidance(gref_mat Gamma, gref_mat g, const gref_sampler *s, int t);
/* True if the guidance is that of C = I: convention "after" of a row that leaves it to the convention. */
bool gref_guidance_is_plain(const gref_sampler *s);
/* A in modes and v - A mu, both fresh; scaled to C = I where C is diag(A Cov A^T 1) + tau I. */
gref_status gref_guidance_data(gref_mat *B, gref_mat *r, const gref_sampler *s, int t);
/* Those of the convention in force: of the row, or G and Br for guidance "after". */
gref_status gref_guidance_at(gref_mat Gamma, gref_mat g, const gref_sampler *s, int t);
/* phi b^2 + tau, of a row whose phi is constant. */
double gref_guidance_denominator(const gref_sampler *s, int t, double b);
/* A root of C, and of L_t = C + abar_t A Sigma^2 Sigma_t^-1 A^T. */
gref_status gref_likelihood_root(gref_noisy_root *root, const gref_sampler *s, int t);
gref_status gref_bracket_root(gref_noisy_root *root, const gref_sampler *s, int t);
/* s->G and s->Br, once; s->W, b, VT, Wr, once. Singular values that count as 0 are 0 in a row that asks. */
gref_status gref_sampler_form_gram(gref_sampler *s);
gref_status gref_sampler_form_svd(gref_sampler *s);

/* Sizes of a law that has not diverged, t >= 1; F is any factor of P_t. In pixels. */
typedef struct {
    double spread;   /* |F|_F, the root of tr P_t */
    double whitened; /* |Sigma_t^-1 F|_F */
    double cov;      /* |P_t|_F */
    double shift;    /* |m_t - sqrt(abar_t) mu| */
    double score;    /* |Sigma_t^-1 (m_t - sqrt(abar_t) mu)|, the score at the mean */
} gref_marginal_sizes;
gref_status gref_marginal_sizes_of(gref_marginal_sizes *sizes, const gref_marginal *law);
/* >= |M_t|_2 of the step taken last. */
double gref_marginal_step_norm(const gref_marginal *law);

/* s_t(i) = abar_t lambda_i + 1 - abar_t and j_t(i) = sqrt(abar_t) lambda_i / s_t(i). */
double gref_mode_variance(const gref_sampler *s, int t, int i);
double gref_mode_gain(const gref_sampler *s, int t, int i);

/* L (n x n) = X diag(sqrt(abar_t rho^2 + 1 - abar_t)): the exact C_{t|v} = L L^T, in modes of
 * Sigma. */
void gref_exact_factor(gref_mat L, const gref_modes *z, const gref_schedule *schedule, int t);
/* Shapes and t of a law in pixels; mean = sqrt(abar) (mu + U d) + U zmean, zmean is used up. */
gref_status gref_law_require_shapes(gref_mat mean, gref_mat cov, int n, int t, int T);
gref_status gref_mean_to_pixels(gref_mat mean, gref_mat zmean, const gref_modes *z, double abar);
double gref_exact_variance(const gref_modes *z, const gref_schedule *schedule, int t, int i);
/* The same at any time of the forward process. */
void gref_target_factor(gref_mat L, const gref_modes *z, gref_time at);
double gref_target_variance(const gref_modes *z, gref_time at, int i);
/* Modelled law: mean centred as above, factor L of C_{t|v}, in modes of Sigma. */
gref_status gref_conditional_factor(gref_mat mean, gref_mat L, const gref_sampler *s, int t);

#endif
