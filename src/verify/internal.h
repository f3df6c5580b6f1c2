/* What the files of this folder share; not installed. */
#ifndef GREF_VERIFY_INTERNAL_H
#define GREF_VERIFY_INTERNAL_H

#include "base/internal.h"
#include <stdio.h>

#include "registry.h"
#include <gref/verify.h>

DEFINE_DROP(gref_check)
DEFINE_DROP(gref_diagnosis)
DEFINE_DROP(gref_truth)

/* ---- distribution functions: special.c ------------------------------------------------------- */

double gref_gamma_lower(double a, double x);
double gref_gamma_upper(double a, double x);
double gref_beta_lower(double a, double b, double x);
double gref_normal_tail(double z);
double gref_chi2_tail(double x, double k);
double gref_chi2_two_sided(double x, double k);
double gref_f_tail(double f, double d1, double d2);
double gref_pearson3_tail(double x, const double k[3]);
double gref_pearson3_quantile(double p, const double k[3]);
double gref_anderson_darling_tail(double z, int N);

/* ---- names and candidates: arrays.c, truth.c ------------------------------------------------- */

/* The name in the golden file that the candidate's `name` means, or NULL: also without the label. */
const gref_array *gref_truth_resolve(const gref_truth *truth, const char *name,
                                     const char *sampler);
/* Fails for a name that is not found, with the nearest that is; `label` as for gref_truth_resolve. */
gref_status gref_truth_refuse_name(const gref_truth *truth, const char *name, const char *label);
gref_status gref_truth_refuse_shape(const gref_array *x, const gref_array *g);
/*
 * Tolerance of golden array g for a candidate in double or in single precision, and a bound on what rounding can do:
 * above the tolerance, which in single precision is at most GREF_SINGLE_MOST of the largest entry.
 */
#define GREF_SINGLE_MOST 0x1p-10
double gref_truth_tolerance(const gref_truth *truth, const gref_array *g, bool single);
double gref_truth_bound(const gref_truth *truth, const gref_array *g, bool single);
/* LABEL/WHAT/T, or WHAT/T without a label. */
const gref_array *gref_truth_at(const gref_truth *truth, const char *label, const char *what,
                                int t);
/* Index of the sampler of that label, or -1; NULL stands for the only one. */
int gref_truth_sampler(const gref_truth *truth, const char *label);
/* The label to use where the candidate's names have none; fails if that is not clear. */
gref_status gref_truth_default_label(const char **label, const gref_truth *truth,
                                     const char *sampler);

/* truth_chain.c: makes `spec` the affine sampler of its label, whose steps go to *chain. */
gref_status gref_truth_read_chain(gref_sampler_spec *spec, gref_chain *chain,
                                  const gref_truth *truth);

/* The bytes of a file; free(*bytes). */
gref_status gref_read_file(unsigned char **bytes, size_t *size, const char *path);

/* depart.c: departs_at, at_fault and departure of a check whose rows are made. */
void gref_check_depart(gref_check *check, const gref_truth *truth);

/* ---- deviations: deviant.c, catalogue.c ------------------------------------------------------- */

/* Which C_{v|t} is taken. */
typedef enum { GREF_MODEL_DPS, GREF_MODEL_PIGDM, GREF_MODEL_CGDM, GREF_MODEL_DDPM } gref_model;
/* Which operator stands for A. */
typedef enum {
    GREF_OPERATOR_GIVEN,
    GREF_OPERATOR_FLIPPED,      /* its kernel point-reflected */
    GREF_OPERATOR_COLUMN_MAJOR, /* applied to images flattened by columns */
    GREF_OPERATORS
} gref_operator_form;
typedef enum { GREF_ROOT_ALPHA, GREF_ROOT_ABAR, GREF_ROOT_NONE, GREF_ROOT_NOT_TAKEN } gref_root;
typedef enum { GREF_R2_FORM, GREF_R2_FORM_ROOT, GREF_R2_FORM_BETA } gref_r2_form;

/* One implementation of a sampler: the right one, or one with deviations. Everything is a plain switch. */
typedef struct {
    gref_model model;
    gref_convention convention;
    bool no_noise, noise_reported_as_std, noise_variance_for_std;
    double noise_factor;    /* on N_t */
    double guidance_factor; /* on the guidance */
    int guidance_root;      /* 1: also times sqrt(abar_t); 2: sqrt(abar_t abar_{t-1}) */
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

typedef struct {
    gref_deviation row;
    const char *group; /* two rows of one group exclude each other */
    void (*apply)(gref_switches *s, const gref_problem *p);
} gref_catalogue_entry;

extern const gref_catalogue_entry gref_catalogue[];
extern const int gref_catalogue_size;

gref_switches gref_switches_right(const gref_sampler_spec *spec);

/* What all deviations of one problem share; borrows the problem and the schedule. */
typedef struct gref_workshop gref_workshop;
gref_status gref_workshop_new(gref_workshop **w, const gref_problem *p,
                              const gref_schedule *schedule);
void gref_workshop_free(gref_workshop *w);
DEFINE_DROP(gref_workshop)

/* False where the switches make no sense for the problem (A for A^T with m != n). */
bool gref_deviant_possible(const gref_workshop *w, const gref_switches *s);
/* False for the gradient of a norm: no M, b, and no law. */
bool gref_deviant_affine(const gref_switches *s);

/* Z = U^T X and back: modes of Sigma, of images as the deviant flattens them; Z, X n x K. */
gref_status gref_deviant_to_modes(gref_mat Z, const gref_workshop *w, const gref_switches *s,
                                  gref_cmat X);
gref_status gref_deviant_to_pixels(gref_mat X, const gref_workshop *w, const gref_switches *s,
                                   gref_cmat Z);

/* Column by column, in modes; Y, Z n x K and different; t = T..1. */
gref_status gref_deviant_score(gref_mat Y, gref_workshop *w, const gref_switches *s, gref_cmat Z,
                               int t);
gref_status gref_deviant_x0hat(gref_mat Y, gref_workshop *w, const gref_switches *s, gref_cmat Z,
                               int t);
gref_status gref_deviant_guided(gref_mat Y, gref_workshop *w, const gref_switches *s, gref_cmat Z,
                                int t);
/* The mean of y_{t-1} given y_t = Z. */
gref_status gref_deviant_step(gref_mat Y, gref_workshop *w, const gref_switches *s, gref_cmat Z,
                              int t);
/* M_t Z, or M_t^T Z. */
gref_status gref_deviant_linear(gref_mat Y, gref_workshop *w, const gref_switches *s, gref_cmat Z,
                                int t, bool transposed);
/* Variance of the step's noise; and as it is reported. */
double gref_deviant_noise(const gref_workshop *w, const gref_switches *s, int t);
double gref_deviant_noise_reported(const gref_workshop *w, const gref_switches *s, int t);
/* C = C_{v|t}, m x m. */
gref_status gref_deviant_likelihood(gref_mat C, gref_workshop *w, const gref_switches *s, int t);
/* Modelled law in pixels; GREF_ERR_NOT_PD where the deviant's precision is not positive definite. */
gref_status gref_deviant_modelled(gref_mat mean, gref_mat cov, gref_workshop *w,
                                  const gref_switches *s, int t);
/* A as the deviant has it, m x n, in pixels. */
gref_status gref_deviant_operator(gref_mat A, const gref_workshop *w, const gref_switches *s);
/* The schedule's numbers as the deviant reads them at t. */
double gref_deviant_beta(const gref_workshop *w, const gref_switches *s, int t);
double gref_deviant_abar(const gref_workshop *w, const gref_switches *s, int t);
/* Law of y_T in pixels. */
gref_status gref_deviant_start(gref_mat mean, gref_mat cov, const gref_workshop *w,
                               const gref_switches *s);

#endif
