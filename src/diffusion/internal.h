/* What the files of this folder share; not installed. */
#ifndef GREF_DIFFUSION_INTERNAL_H
#define GREF_DIFFUSION_INTERNAL_H

#include "base/internal.h"
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

/* |Gamma|_2, |Gamma - exact|_F, |g|, |g - exact|, for the exact problem of the given doubles; upper bounds. */
typedef struct {
    double Gamma, dGamma, g, dg;
} gref_guidance_errors;

/* A published method: one file in samplers/, one row in sampler.c. All in modes of Sigma. */
typedef struct {
    const char *name, *title;
    bool guided;           /* false: the unconditional DDPM */
    bool exact_likelihood; /* C_{v|t} is the exact one: the run is DDPM on the posterior */
    bool norm; /* the gradient of |v - A x0hat|: no C, no affine step, no Gaussian law */
    /* What is constant in t, kept in s->data. Refuses what the method cannot do. */
    gref_status (*prepare)(gref_sampler *s);
    void (*release)(void *data);
    /* Gamma = B^T C^-1 B (n x n, both triangles), g = B^T C^-1 r (n x 1), C = C_{v|t}; t = T..0, but
     * never t = 0 with sigma = 0, where C = 0. */
    gref_status (*guidance)(gref_mat Gamma, gref_mat g, const gref_sampler *s, int t);
    /* C_{v|t}, m x m. */
    gref_status (*likelihood)(gref_mat C, const gref_sampler *s, int t);
    /* Norms and errors of Gamma and g; NULL: nothing is known of them. */
    gref_guidance_errors (*errors)(const gref_sampler *s, int t);
} gref_method;

extern const gref_method gref_method_ddpm, gref_method_dps, gref_method_pigdm, gref_method_cgdm,
    gref_method_dps_norm;

struct gref_sampler {
    gref_sampler_spec spec;
    const gref_method *method;
    const gref_modes *z;
    const gref_schedule *schedule;
    gref_mat G;  /* n x n, B^T B, where the method or guidance "after" needs it, else empty */
    gref_mat Br; /* n x 1, B^T r, likewise */
    double dG;   /* |G - B^T B|_F of rounding, proved */
    void *data;  /* the method's own */
};

/* One step in the basis of the sampler: z_{t-1} = M z_t + c + N(0, noise I). */
typedef struct {
    bool diagonal; /* M is n x 1, the diagonal of the matrix */
    gref_mat M, c;
    double noise;
    bool overshoots; /* an eigenvalue of M lies below -1 */
    double norm;     /* >= |M|_2 */
    double norm_abs; /* >= | |M| |_2, the matrix of absolute values */
} gref_step;

/* How far a computed law may be from the exact one (errors.c). */
typedef struct {
    double mean, cov, w2;
    double
        fresh; /* what the last step added to w2, before later steps move it; estimated where w2 is infinite */
    double fresh_mean; /* likewise to mean */
} gref_law_errors;

/* Sizes of a law before a step, and what the last factor cost; factor_error < 0 where none was formed. */
typedef struct {
    bool dense;
    double mean, cov, trace, shift, factor_error; /* |m|, |P|_F, tr P, |c|, W2 units */
} gref_law_size;

gref_law_errors gref_start_errors(const gref_sampler *s);
gref_law_errors gref_exact_errors(const gref_sampler *s, int t);
void gref_errors_step(gref_law_errors *e, const gref_sampler *s, int t, const gref_step *step,
                      const gref_law_size *p);
/* Gamma = p B^T B, g = p B^T r. */
gref_guidance_errors gref_gram_errors(const gref_sampler *s, double p);
/* Of the convention in force. */
gref_guidance_errors gref_guidance_errors_at(const gref_sampler *s, int t);

/* Fails, saying why, for a sampler whose law is not Gaussian. */
gref_status gref_sampler_require_law(const gref_sampler *s);
/* True if the sampler runs in the modes of Sigma_post, where all of its steps are diagonal. */
bool gref_sampler_runs_on_posterior(const gref_sampler *s);
gref_status gref_step_new(gref_step *step, const gref_sampler *s);
void gref_step_free(gref_step *step);
gref_status gref_step_at(gref_step *step, const gref_sampler *s, int t);

/* kappa_t: coefficient of the guidance W^T C^-1 (v - A x0hat) in y_{t-1}. */
double gref_guidance_coefficient(const gref_sampler *s, int t);
/* sigma_t^2 of the convention, before "last_noise" is applied; and N_t, after. */
double gref_step_variance(const gref_sampler *s, int t);
double gref_step_noise(const gref_sampler *s, int t);
/* Gamma and g of the convention in force: those of the method, or G and Br for guidance "after". */
gref_status gref_guidance_at(gref_mat Gamma, gref_mat g, const gref_sampler *s, int t);
/* s->G and s->Br, once. */
gref_status gref_sampler_form_gram(gref_sampler *s);

/*
 * literal.c: the algorithm as it is printed, for N images at once, kept in modes of Sigma. A step is
 * gref_literal_step, then gref_literal_add_noise unless the step has none.
 */
typedef struct {
    gref_mat E; /* n x N, y_t - sqrt(abar_t) mu                */
    gref_mat D; /* n x N, the guidance at y_t, and scratch     */
    gref_mat R; /* m x N, scratch                              */
    gref_mat C; /* m x m, scratch                              */
} gref_literal;

gref_status gref_literal_new(gref_literal *l, const gref_sampler *s, int N);
void gref_literal_free(gref_literal *l); /* accepts {0} */
/* E from images in pixels (n x N) at t, and back. */
gref_status gref_literal_enter(gref_literal *l, const gref_sampler *s, int t, gref_cmat Y);
gref_status gref_literal_leave(gref_mat Y, const gref_literal *l, const gref_sampler *s, int t);
/* D = W^T C^-1 (v - A x0hat); C = I for guidance "after", which has no C, unless `modelled`. */
gref_status gref_literal_guidance(gref_literal *l, const gref_sampler *s, int t, bool modelled);
/* E from t to t - 1, without noise; then E += sqrt(N_t) U^T Z, Z n x N in pixels. */
gref_status gref_literal_step(gref_literal *l, const gref_sampler *s, int t);
gref_status gref_literal_add_noise(gref_literal *l, const gref_sampler *s, int t, gref_cmat Z);
/* False once the images have left +-2^450. */
bool gref_literal_alive(const gref_literal *l);
/* The quantity at E, in pixels; E is used up. t = T..1. */
gref_status gref_literal_evaluate(gref_mat F, gref_literal *l, const gref_sampler *s, int t,
                                  gref_quantity quantity);

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
double gref_r2_value(gref_r2 r2, const gref_schedule *schedule, int t);

/* L (n x n) = X diag(sqrt(abar_t rho^2 + 1 - abar_t)): the exact C_{t|v} = L L^T, in modes of Sigma. */
void gref_exact_factor(gref_mat L, const gref_modes *z, const gref_schedule *schedule, int t);
double gref_exact_variance(const gref_modes *z, const gref_schedule *schedule, int t, int i);
/* Modelled law: mean centred as above, factor L of C_{t|v}, in modes of Sigma. */
gref_status gref_conditional_factor(gref_mat mean, gref_mat L, const gref_sampler *s, int t);

#endif
