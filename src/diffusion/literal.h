/*
 * The samplers as they are printed, with a switch at every place where implementations differ; not
 * installed. Drawing, replay and evaluation run it with every switch off, diagnosis with one or two
 * on.
 */
#ifndef GREF_DIFFUSION_LITERAL_H
#define GREF_DIFFUSION_LITERAL_H

#include "internal.h"
#include <gref/problem.h>

/* Which operator stands for A. */
typedef enum {
    GREF_OPERATOR_GIVEN,
    GREF_OPERATOR_FLIPPED,      /* its kernel point-reflected */
    GREF_OPERATOR_COLUMN_MAJOR, /* applied to images flattened by columns */
    GREF_OPERATORS
} gref_operator_form;
typedef enum { GREF_ROOT_ALPHA, GREF_ROOT_ABAR, GREF_ROOT_NONE, GREF_ROOT_NOT_TAKEN } gref_root;
typedef enum { GREF_R2_FORM, GREF_R2_FORM_ROOT, GREF_R2_FORM_BETA } gref_r2_form;

/* One implementation of a sampler: the right one, or one with deviations. Everything is a plain
 * switch. */
typedef struct {
    const gref_row *row; /* which C_{v|t} is taken */
    gref_convention convention;
    bool no_noise, noise_reported_as_std, noise_variance_for_std;
    double noise_factor;    /* on N_t */
    double guidance_factor; /* on the guidance */
    int guidance_root;      /* 1: also times sqrt(abar_t); 2: sqrt(abar_t abar of the next time) */
    bool guidance_unscaled; /* beta_t, without 1/sqrt(alpha_t) */
    bool norm;              /* gradient of the norm, not of half its square */
    bool adjoint_is_A;      /* A where A^T stands */
    gref_operator_form operator_form;
    bool column_major; /* every image flattened by columns */
    int sigma2_form;   /* 0: sigma^2; 1: sigma; 2: not used (1); 3: sigma^4 */
    double sigma_factor;
    gref_r2_form r2_form;
    double score_sign;
    bool score_alpha;           /* alpha_t for abar_t in Sigma_t */
    bool score_is_eps;          /* sqrt(1 - abar_t) times the score */
    bool denoiser_alpha;        /* alpha_t for abar_t in Tweedie's formula */
    bool denoiser_abar;         /* divided by abar_t, not its root */
    bool denoiser_unscaled;     /* not divided */
    gref_root root;             /* of the step: what stands for 1/sqrt(alpha_t) */
    int beta_shift, abar_shift; /* t off by these */
    double start_factor;        /* on the standard deviation of y_T */
    bool cov_as_root;           /* the symmetric root reported as the covariance */
    bool w2_squared;
    bool biased_cov; /* (N - 1)/N times the covariance; N is found from the data */
    bool single;     /* computed in single precision */
} gref_switches;

/* Every switch off. */
gref_switches gref_switches_right(const gref_sampler_spec *spec);

/* forms.c: what may stand for A, in modes of Sigma, each made on first use; borrows the problem and
 * the modes. */
typedef struct {
    const gref_problem *p;
    const gref_modes *z;
    int *place; /* row-major index k is entry place[k] of an image flattened by columns */
    gref_mat B[GREF_OPERATORS], r[GREF_OPERATORS]; /* A U and v - A mu; empty until asked for */
    gref_mat At[GREF_OPERATORS];                   /* U^T A, square only, likewise */
} gref_forms;
gref_status gref_forms_new(gref_forms *f, const gref_problem *p, const gref_modes *z);
void gref_forms_free(gref_forms *f); /* accepts {0} */
/* Borrowed matrices. */
gref_status gref_forms_operator(gref_cmat *B, gref_cmat *r, gref_forms *f, gref_operator_form form);
gref_status gref_forms_adjoint(gref_cmat *At, gref_forms *f, gref_operator_form form);
/* A of that form, m x n, in pixels. */
void gref_forms_pixels(gref_mat A, const gref_forms *f, gref_operator_form form);

/* A root of C_{v|t} that the next deviation may have in common. */
typedef struct {
    double key[4];
    gref_noisy_root root; /* empty: not made */
} gref_literal_slot;

/*
 * A sampler about to be run. Blocks E, Y are n x N, an image a column: E in modes of Sigma, centred
 * on sqrt(abar_t) mu, Y in pixels. Borrows the sampler, and the forms, which may be NULL while no
 * switch asks for them.
 */
typedef struct {
    const gref_sampler *s;
    gref_forms *forms;
    gref_switches d;
    gref_schedule shifted; /* the schedule as it is read where a switch moves t; else empty */
    gref_mat zmu;          /* U^T mu */
    gref_literal_slot *slot;
    int n_slots;
} gref_literal;

gref_status gref_literal_new(gref_literal *l, const gref_sampler *s, gref_forms *forms, int slots);
void gref_literal_free(gref_literal *l); /* accepts {0} */
/* From now on with these switches. */
gref_status gref_literal_deviate(gref_literal *l, const gref_switches *d);

/* Between pixels and modes; root is that of the abar whose mu is in Y, 0 for differences of
 * images. */
gref_status gref_literal_enter(gref_mat E, const gref_literal *l, double root, gref_cmat Y);
gref_status gref_literal_leave(gref_mat Y, const gref_literal *l, double root, gref_cmat E);
double gref_literal_root(const gref_literal *l, int t);

/* What the switches make of the schedule: as gref_literal reads it; and N_t of the step that leaves
 * t. */
const gref_schedule *gref_literal_schedule(const gref_literal *l);
double gref_literal_noise(const gref_literal *l, int t);

/* E from t to the next time, without noise; then E += sqrt(N_t) U^T Z, Z in pixels. */
gref_status gref_literal_step(gref_mat E, gref_literal *l, int t);
gref_status gref_literal_add_noise(gref_mat E, const gref_literal *l, int t, gref_cmat Z);
bool gref_literal_is_noisy(const gref_literal *l, int t);
/* E <- M_t E, or M_t^T E: the step without what does not depend on y. Not of a gradient of the
 * norm. */
gref_status gref_literal_linear(gref_mat E, gref_literal *l, int t, bool transposed);
/* False once the images have left +-2^450. */
bool gref_literal_alive(gref_cmat E);
/* score + guidance at E, C of the row whatever the placement; or the part that is linear in E. */
gref_status gref_literal_guided(gref_mat G, gref_literal *l, int t, gref_cmat E, bool linear);
/* The quantity at Y, in pixels; F may alias Y. */
gref_status gref_literal_evaluate(gref_mat F, gref_literal *l, int t, gref_quantity quantity,
                                  gref_cmat Y);
/* C = C_{v|t}, m x m. */
gref_status gref_literal_likelihood(gref_mat C, gref_literal *l, int t);

/* ---- what literal_step.c needs of literal.c ---- */

/* What is wanted of a guidance or a step: all of it, or its part that is linear in E, or the
 * adjoint of that. */
typedef enum { GREF_PART_WHOLE, GREF_PART_LINEAR, GREF_PART_TRANSPOSED } gref_part;
/* Score and denoiser in a mode: see literal.c. */
typedef struct {
    double slope, gain, lift, in, out;
} gref_literal_mode;
gref_literal_mode gref_literal_mode_at(const gref_literal *l, int t, int i);
gref_rule gref_literal_rule(const gref_literal *l, int t);
/* X = score, or x0hat - mu, at E. */
void gref_literal_look(gref_mat X, const gref_literal *l, int t, gref_cmat E, bool denoise);
/* J^T B^T C^-1 (v - A x0hat) at E, or C = I where plain. */
gref_status gref_literal_guidance(gref_mat D, gref_literal *l, int t, gref_cmat E, bool plain,
                                  gref_part what);

/* literal_project.c: E one step on by a row that projects; x0hat projected, from X = x0hat - mu; and
 * N <- N_t^1/2 N of any row but the user's; in modes. */
gref_status gref_literal_project(gref_mat E, gref_literal *l, int t, gref_part what);
gref_status gref_literal_project_image(gref_mat X, const gref_literal *l, int t);
gref_status gref_literal_colour(gref_mat N, const gref_literal *l, int t);
/* Of the five functions of a singular value, x and v of the projected image x x0hat + v (W^T v): what of
 * the step moves with sqrt(a'), less the part of x that is w (y - sqrt(a) x0hat). x + s v = 1. */
gref_five gref_projected_image(const gref_row *row, const gref_rule *rule, gref_five f);
/* literal_stages.c: likewise by a scheme of several evaluations. */
gref_status gref_literal_stages(gref_mat E, gref_literal *l, int t, gref_part what);

#endif
