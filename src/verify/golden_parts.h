/* What the files golden*.c share. */
#ifndef GREF_VERIFY_GOLDEN_PARTS_H
#define GREF_VERIFY_GOLDEN_PARTS_H

#include <jansson.h>

#include "internal.h"
#include <gref/golden.h>
#include <gref/modes.h>

/*
 * What the arrays are computed from: of a case, or of a golden file. Problem, schedule and specs
 * are borrowed.
 */
typedef struct {
    const gref_problem *problem;
    const gref_schedule *schedule;
    const gref_sampler_spec *specs;
    int n_samplers;
    int n_times;
    int *times; /* decreasing, from T; 1 and perhaps 0 at the end */
    gref_mat
        *probes;  /* one for each time >= 1: n x GREF_GOLDEN_PROBES, a point a column  [pixel] */
    gref_mat y_T; /* n x 1                                                             [pixel] */
    gref_mat Z;   /* n x T, column k is the noise of step T - k */
} gref_golden_inputs;

gref_status gref_golden_inputs_draw(gref_golden_inputs *in, const int *laws_at, int n_laws);
gref_status gref_golden_inputs_read(gref_golden_inputs *in, const gref_truth *truth);
void gref_golden_inputs_free(gref_golden_inputs *in);

/* One array on its way to a file or to a comparison. */
typedef struct {
    const char *label, *what; /* "pigdm" or "", "M" */
    int t;                    /* -1 where the name has none */
    gref_cmat A;
    int ndim;
    double tolerance, condition;
    double grid;      /* entries are stored as multiples of this power of two; 0: as they are */
    char basis[200];  /* how the tolerance is derived, with its numbers */
    const char *flag; /* besides that of its kind, or NULL */
} gref_golden_entry;

void gref_golden_name(char name[160], const gref_golden_entry *e);

/* How the run of one sampler ended. */
typedef struct {
    bool guided, affine;
    int diverged_at; /* largest golden t without a law, or -1 */
} gref_golden_fate;

/* Where arrays go; `stop` ends the walk with its status. */
typedef gref_status gref_golden_sink(void *context, const gref_golden_entry *e);

/* Every array in the order of the file; fates has n_samplers entries. */
gref_status gref_golden_compute(gref_golden_fate *fates, const gref_golden_inputs *in,
                                gref_golden_sink *sink, void *context);

/* ---- sizes: golden_sizes.c ------------------------------------------------------------------- */

/* What is constant in t. All norms are spectral norms or bounds of them, of vectors Euclidean. */
typedef struct {
    int n, m;
    double nu;    /* 8 sqrt(max(n, m)) u: what a product or a solve loses, relatively */
    double omega; /* sqrt(n) u: what an entry of a product loses, of the largest entry */
    double lambda_min, lambda_max; /* of Sigma */
    double a;                      /* |A| */
    double K_min, K_max, K;        /* of A Sigma A^T + sigma^2 I: eigenvalues, Frobenius norm */
    double mu, v, r, mu_post;      /* |mu|, |v|, |v - A mu|, |mu_post| */
    double variance;               /* largest diagonal entry of Sigma */
} gref_golden_scale;
/* Of a symmetric G, which is destroyed. */
gref_status gref_golden_extremes(double *least, double *most, gref_mat G);
gref_status gref_golden_scale_of(gref_golden_scale *c, const gref_modes *z, const gref_problem *p);

/* Of one sampler at one t. */
typedef struct {
    double abar, q, root; /* abar_t, 1 - abar_t, sqrt(abar_t) */
    double s_min, s_max;  /* eigenvalues of Sigma_t */
    double kappa_s;       /* s_max / s_min */
    double delta;         /* relative error of Sigma_t^-1 in norm: nu kappa_s, and of 1 - abar_t */
    double tick;          /* relative error of sqrt(abar_t), from a product of t doubles */
    double j, w;          /* |J|, |W| = |A J| */
    double C_min, C_max, kappa_C; /* eigenvalues of C_{v|t}; 1 where the step has none */
    double L_max,
        kappa_L; /* of L_t = C_{v|t} + abar_t A Sigma^2 Sigma_t^-1 A^T; the smallest is >= C_min */
    double gain; /* >= |W^T C^-1 W|: the precision that the guidance adds */
    double pull; /* >= |W^T C^-1| */
    double score_step;    /* coefficient of the score in the step: beta_t/sqrt(alpha_t) of ddpm */
    double guidance_step; /* and that of the guidance */
    double free;          /* norm of the step without guidance */
    double jump;          /* error of M in norm: what a step loses that is no ddpm step to t - 1 */
    double contraction;   /* >= |M_t| */
    double D_C;           /* error of C_{v|t} that its own solve does not know */
    bool general;         /* what follows is set, of steps that golden_maps.c knows */
    double map, rest;     /* the mean of the step is off by map |y - sqrt(abar) mu| + rest */
    double image, image_error,
        image_rest; /* x of the projected image; its errors times |x0hat|, and rest */
    double noise, noise_root,
        noise_floor;  /* errors of N and N^1/2 where N is a matrix; N >= floor I */
    bool near_branch; /* a singular value of A is within 1e-6 of a branch of the row */
} gref_golden_sizes;
/* Refines contraction, gain and pull by a bound of |M_t|. */
void gref_golden_sizes_refine(gref_golden_sizes *z, double norm);
/* Errors of W^T C^-1 and of W^T C^-1 W in norm. */
double gref_golden_pull_error(const gref_golden_sizes *z, const gref_golden_scale *c);
double gref_golden_gain_error(const gref_golden_sizes *z, const gref_golden_scale *c);
/* Of the prior alone; of a sampler. t = T..0, of steps t >= 1. */
void gref_golden_prior_sizes(gref_golden_sizes *z, const gref_golden_scale *c,
                             const gref_schedule *s, int t);
gref_status gref_golden_sizes_at(gref_golden_sizes *z, const gref_golden_scale *c,
                                 const gref_sampler *s, int t, bool modelled);
/* The prior's, and those of the guidance where `guided`; without the step. */
gref_status gref_golden_score_sizes(gref_golden_sizes *z, const gref_golden_scale *c,
                                    const gref_sampler *s, int t, bool guided);
/* The least that N_t may be off by: a rounding of the step's beta, also where no noise is added. */
double gref_golden_noise_floor(const gref_schedule *s, int t);
/* golden_maps.c: of rows that project and of heun and rk4; and of a start in the basis V of A. */
gref_status gref_golden_general_sizes(gref_golden_sizes *z, const gref_golden_scale *c,
                                      const gref_sampler *s, int t);
gref_status gref_golden_start_error(double *mean, double *w2, const gref_golden_scale *c,
                                    const gref_sampler *s);

/*
 * |error| of the score, of x0hat and of the guidance at a point of norm x whose score has norm
 * `score`.
 */
double gref_golden_score_error(const gref_golden_sizes *z, const gref_golden_scale *c, double x,
                               double score);
double gref_golden_x0hat_error(const gref_golden_sizes *z, const gref_golden_scale *c, double x,
                               double score);
double gref_golden_guidance_error(const gref_golden_sizes *z, const gref_golden_scale *c, double x,
                                  double score, double residual);

/* ---- the walk: golden_walk.c ----------------------------------------------------------------- */

typedef struct {
    const gref_golden_inputs *in;
    gref_modes z;
    gref_golden_scale scale;
    gref_golden_sink *sink;
    void *context;
} gref_golden_walk;

/* True if the sampler visits t; if t is a golden time. */
bool gref_golden_visits(const gref_sampler *s, int t);
bool gref_golden_is_time(const gref_golden_inputs *in, int t);
gref_status gref_golden_emit(const gref_golden_walk *w, gref_golden_entry *e, const char *basis,
                             ...) GREF_PRINTF(3, 4);
/*
 * golden_functions.c: problem, schedule, probes and the prior's functions; one sampler's functions
 * and steps.
 */
gref_status gref_golden_problem_arrays(const gref_golden_walk *w);
gref_status gref_golden_sampler_arrays(const gref_golden_walk *w, const gref_sampler *s,
                                       const gref_golden_sizes *sizes);
/*
 * golden_laws.c: the target; a sampler's laws, models and distances. golden_path.c: its trajectory.
 */
gref_status gref_golden_target_arrays(const gref_golden_walk *w);
gref_status gref_golden_law_arrays(int *diverged_at, gref_golden_sizes *sizes,
                                   const gref_golden_walk *w, const gref_sampler *s);
gref_status gref_golden_path_arrays(const gref_golden_walk *w, const gref_sampler *s,
                                    const gref_golden_sizes *sizes);

/* ---- the manifest: golden_manifest.c, golden_words.c ----------------------------------------- */

json_t *gref_golden_words(const json_t *completed, const gref_golden_inputs *in);
/* truth.c: manifest.json of a .npz or a folder. */
gref_status gref_manifest_read(json_t **manifest, const char *path);
/* SHA-256 of the entries of A, little-endian doubles in C order. */
void gref_golden_hash(char hex[65], gref_cmat A);
/* The entry of `arrays`; NULL without memory. */
json_t *gref_golden_array_json(const gref_golden_entry *e, gref_cmat stored);
/* Of the manifest what follows from the inputs: sizes, times, samplers, conventions in words; NULL
 * without memory. */
json_t *gref_golden_facts(const json_t *completed, const gref_golden_inputs *in,
                          const gref_golden_fate *fates);
/* The rest of the manifest around `arrays` and `history`, both taken over; the text, or NULL. */
json_t *gref_golden_manifest(const gref_case *c, const gref_golden_inputs *in,
                             const gref_golden_fate *fates, const gref_golden_options *o,
                             json_t *arrays, json_t *history);

#endif
