/*
 * The oracle: THEORY sections 1 to 8 in ball arithmetic (FLINT/Arb), read literally.
 *
 * Every arb_t is a midpoint and a radius and contains the exact value of its formula for the exact
 * inputs: that is the one invariant of all files here. Nothing is shared with src/ but the inputs,
 * which inputs.c asks of the library; there is no BLAS, no eigenbasis, no square-root form.
 *
 *   Sigma, A, mu, v, sigma, beta   the problem: these doubles, exactly
 *   prec                           working precision                                     [bit]
 */
#ifndef ORACLE_H
#define ORACLE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <arb_mat.h>

/* The oracle's own version, in every file it writes: raise it when its numbers may change. */
#define ORACLE_VERSION "1.0"
/* Length of an entry's name. */
#define ORACLE_NAME 128

typedef enum { ORACLE_DDPM, ORACLE_DPS, ORACLE_PIGDM, ORACLE_CGDM } oracle_method;
typedef enum { ORACLE_SCORE, ORACLE_MEAN, ORACLE_AFTER } oracle_guidance;
typedef enum { ORACLE_R2_PLAIN, ORACLE_R2_OVER_ABAR, ORACLE_R2_OVER_2_ABAR } oracle_r2;

/* One sampler with its conventions (THEORY section 7). */
typedef struct {
    char name[32], label[64];
    oracle_method method;
    oracle_guidance guidance;
    oracle_r2 r2;
    bool beta_tilde, last_noise, exact_start;
    double zeta, alpha;
} oracle_sampler;

/* Row-major doubles with their shape. */
typedef struct {
    double *a;
    int rows, cols;
} oracle_doubles;

/* What inputs.c takes from the library. */
typedef struct {
    int n, m, T;                          /* pixels, measurements, steps */
    int rows, cols;                       /* of the picture: rows * cols = n */
    oracle_doubles Sigma, A, mu, v, beta; /* beta is T x 1: beta_1 .. beta_T */
    double sigma;
    int n_samplers;
    oracle_sampler *samplers;
    int n_at;
    int *at; /* times whose laws are wanted, decreasing */
    char *case_text;
    /* For literal.c: the image, and what the case's files hold (empty where it names none). */
    oracle_doubles image, prior_mean, prior_cov, operator_file, uniform;
} oracle_inputs;

/* inputs.c. False: one line was printed on stderr. `at` may be NULL: the case's laws_at, and T. */
bool oracle_inputs_load(oracle_inputs *in, const char *path, const char *const *sets, int n_sets,
                        const char *at);
void oracle_inputs_free(oracle_inputs *in);

/* A number or an array of the answer. */
typedef struct {
    char name[ORACLE_NAME]; /* "posterior/mean", "LABEL/cov/T" */
    bool symmetric, scalar;
    bool distance; /* a W2: may stay wide when all else is narrow enough */
    bool
        honest; /* no radius is asked of it: it is as narrow as the inputs or the precision allow */
    arb_mat_t value;
} oracle_entry;

typedef struct {
    oracle_entry *entries;
    int n, allocated;
} oracle_result;

void oracle_result_clear(oracle_result *r);
/* A fresh zero entry; the pointer is good until the next call. */
oracle_entry *oracle_result_add(oracle_result *r, int rows, int cols, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void oracle_result_add_mat(oracle_result *r, const arb_mat_t C, bool symmetric, const char *name);
oracle_entry *oracle_result_add_arb(oracle_result *r, const arb_t x, const char *name);
/*
 * log2 of the worst radius over what is allowed: rel times the norm, or rel where the enclosure
 * holds 0. Not above 0 when all are narrow enough. *worst (may be NULL) is the entry.
 */
double oracle_result_excess(const oracle_result *r, double rel, const oracle_entry **worst);

/* ball.c: matrices. Functions that return bool fail when the precision is too low. */
void oracle_mat_set_doubles(arb_mat_t C, const oracle_doubles *x);
/* Copies the lower triangle: for a C whose exact value is symmetric. */
void oracle_mirror(arb_mat_t C);
void oracle_mul_nt(arb_mat_t C, const arb_mat_t A, const arb_mat_t B, slong prec);   /* A B^T */
void oracle_mul_tn(arb_mat_t C, const arb_mat_t A, const arb_mat_t B, slong prec);   /* A^T B */
void oracle_sandwich(arb_mat_t C, const arb_mat_t A, const arb_mat_t P, slong prec); /* A P A^T */
/* C = a A + b B; B may be NULL for the identity. C may be A or B. */
void oracle_combine(arb_mat_t C, const arb_t a, const arb_mat_t A, const arb_t b,
                    const arb_mat_struct *B, slong prec);
bool oracle_solve(arb_mat_t X, const arb_mat_t C, const arb_mat_t B, slong prec); /* C^-1 B */
bool oracle_inverse(arb_mat_t X, const arb_mat_t C, slong prec);                  /* symmetric C */
/* 1: C > 0 is proved; -1: a negative direction is proved; 0: undecided at this precision. */
int oracle_definite(const arb_mat_t C, slong prec);

/* exact.c: 1 if the doubles of Sigma are positive semi-definite, decided in integers; *rank. */
int oracle_psd_exact(int *rank, const oracle_doubles *Sigma);

/* theory.c: everything constant in t. */
typedef struct {
    const oracle_inputs *in;
    slong prec;
    arb_mat_t Sigma, A, mu, r, ASigma, K, mu_post, Sigma_post; /* r = v - A mu; K without sigma^2 */
    arb_t sigma2;
    arb_ptr beta, alpha, abar, qbar; /* t = 0..T; qbar = 1 - abar */
} oracle_world;

bool oracle_world_init(oracle_world *w, const oracle_inputs *in, slong prec);
void oracle_world_clear(oracle_world *w);
void oracle_exact_law(arb_mat_t mean, arb_mat_t cov, const oracle_world *w, int t);

/* What all samplers share at one t >= 1. */
typedef struct {
    int t;
    arb_mat_t Sigma_t, Sigma_t_inv, S, J, W; /* S = Sigma Sigma_t^-1 */
} oracle_time;

void oracle_time_init(oracle_time *s, const oracle_world *w);
void oracle_time_clear(oracle_time *s);
bool oracle_time_set(oracle_time *s, const oracle_world *w, int t);

void oracle_likelihood(arb_mat_t C, const oracle_world *w, const oracle_time *s,
                       const oracle_sampler *d, int t);
/* Modelled law by (25)-(27); for t >= 1 held against the inverse of H_t: false if they do not
 * meet. */
bool oracle_modelled_law(arb_mat_t mean, arb_mat_t cov, const oracle_world *w, const oracle_time *s,
                         const oracle_sampler *d, int t);
bool oracle_step(arb_mat_t M, arb_mat_t b, arb_t noise, const oracle_world *w, const oracle_time *s,
                 const oracle_sampler *d);

/* chain.c: one sampler on its way down; see there. */
typedef struct {
    const oracle_sampler *d;
    arb_mat_t m, P;
    mag_t e_m, e_P;
    arb_t growth;
    int first;
} oracle_walker;

void oracle_walker_init(oracle_walker *k, const oracle_sampler *d, const oracle_world *w);
void oracle_walker_clear(oracle_walker *k);
void oracle_walker_start(oracle_walker *k, const oracle_world *w);
void oracle_walker_law(arb_mat_t mean, arb_mat_t cov, const oracle_walker *k);
void oracle_walker_note_growth(oracle_walker *k, const oracle_world *w, int t);
/* False: more precision is needed. s is at the walker's time t; afterwards it is at t - 1. */
bool oracle_walker_advance(oracle_walker *k, const oracle_world *w, const oracle_time *s);

/* w2.c: enclosures of |m1 - m2|, of the covariance part, and of W2. slack: see there. */
bool oracle_w2(arb_t w2, arb_t mean_part, arb_t cov_part, const arb_mat_t m1, const arb_mat_t C1,
               const arb_mat_t m2, const arb_mat_t C2, double slack, slong prec);

/* run.c: the whole answer at one precision. False if some step failed: more precision is needed. */
bool oracle_run(oracle_result *r, const oracle_inputs *in, double slack, slong prec);

/* literal.c: Sigma, mu and A from the words of the case; the worst deviation, in eps max|.|. */
typedef struct {
    double Sigma, mu, A;
} oracle_deviation;
bool oracle_literal(oracle_deviation *d, const oracle_inputs *in);
/* literal_operator.c: A, m x n; *terms weights meet in one entry of it at most. */
bool oracle_literal_operator(arb_mat_t A, int *terms, const oracle_inputs *in,
                             const void *operator_object, slong prec);

/* print.c */
bool oracle_print(FILE *fp, const oracle_inputs *in, const oracle_result *r,
                  const oracle_deviation *d, int psd, int rank, double rel, slong prec);
#endif
