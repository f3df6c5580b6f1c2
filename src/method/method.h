/*
 * What a sampler is, before any matrix is formed: a row of a table, a scheme, and the times that it
 * visits; not installed. The dense path, the spectral path and the literal algorithms read all of
 * it. Their recursions share nothing.
 */
#ifndef GREF_METHOD_METHOD_H
#define GREF_METHOD_METHOD_H

#include "base/internal.h"
#include <gref/sampler.h>

/* ---- forward.c: the noising of one mode of Sigma (THEORY section 3) ---- */

/* A time of the forward process: abar and 1 - abar, each without cancellation. */
typedef struct {
    double abar, qbar;
} gref_time;

gref_time gref_time_at(const gref_schedule *schedule, int t);
/* s = abar lambda + 1 - abar, the variance of a mode of x_t whose prior variance is lambda. */
double gref_forward_variance(gref_time at, double lambda);
/* j = sqrt(abar) lambda/s, the gain of the denoiser J; 0 for s = 0. */
double gref_forward_gain(gref_time at, double lambda);
/* (1 - abar) lambda/s, the variance of the mode of x0 given x_t; 0 at abar = 1. */
double gref_forward_cov(gref_time at, double lambda);

/* ---- rows.c: the table of methods (THEORY section 4) ---- */

typedef struct gref_row gref_row;
typedef struct gref_rule gref_rule;

/* Where a row's guidance enters the step. */
typedef enum {
    GREF_PLACED_BY_CONVENTION, /* by the convention "guidance" */
    GREF_PLACED_BY_ROW         /* after the step, times sqrt(a a'), as published code adds it */
} gref_placement;

/* What the authors of a row draw first. */
typedef enum {
    GREF_AUTHORS_STANDARD, /* N(0, I) */
    GREF_AUTHORS_PINV,     /* N(sqrt(a_T) A^+ v, (1 - a_T) I) */
    GREF_AUTHORS_DDRM      /* the posterior of s_T-noised data, in V */
} gref_authors;

/*
 * What a projecting step does to the component of one right singular vector of A:
 * x x0hat + e eps + v (W^T v) + sqrt(n) z. The step moves with the image: x + s v = sqrt(a').
 */
typedef struct {
    double x, e, v, n;
} gref_five;

/*
 * A method is one of three things. With a `tau`: its likelihood is N(A x0hat, C) with
 * C = A phi(Sigma) A^T + tau I, phi applied to the eigenvalues of Sigma, and its guidance
 * J A^T C^-1 (v - A x0hat) is added to the score or after the step. With a `project`: a step is
 * five functions of the singular values of A. With neither: the prior's own step, or the user's.
 */
struct gref_row {
    const char *name, *alias, *title, *source;
    bool guided; /* it uses v */
    bool exact;  /* C is the exact one, so the modelled law is p_t(x | v) */
    bool norm;   /* the gradient of |v - A x0hat|: no C, no affine step, no Gaussian law */
    bool chain;  /* the affine steps are the user's: no C, no denoiser */
    gref_placement placement;
    gref_authors authors;
    double (*tau)(const gref_convention *c, gref_time at, double sigma);
    /* tau - sigma^2 without cancellation */
    double (*tau_excess)(const gref_convention *c, double sigma);
    double (*phi)(const gref_convention *c, gref_time at, double lambda); /* NULL: 0 */
    bool phi_constant; /* phi does not depend on lambda */
    bool pseudo;       /* C^-1 is a pseudo-inverse: singular values that count as 0 do not guide */
    bool rows_summed;  /* diag(A phi(Sigma) A^T 1) stands for A phi(Sigma) A^T */
    double (*phi_excess)(const gref_convention *c, gref_time at,
                         double lambda); /* phi - phi_exact, likewise */
    gref_five (*project)(const gref_convention *c, const gref_rule *rule, double sigma, double s);
    bool
        x_kept; /* of project: the part w sqrt(a) of x is no part of the projected x0hat (diffpir) */
    bool n_varies;    /* of project: n depends on s */
    double eta, zeta; /* defaults of the authors */
    gref_fault fault; /* of project: the one that its published code has */
    gref_start start; /* likewise */
};

/* Row k = 0, 1, ... of the table; NULL after the last. The row of that name or alias, or NULL. */
const gref_row *gref_row_at(int k);
const gref_row *gref_row_find(const char *name);
/* True if the row has a likelihood N(A x0hat, C), and so a law that it takes p_t(x | v) to be. */
bool gref_row_has_likelihood(const gref_row *row);
/* True if the row adds guidance J A^T C^-1 (v - A x0hat), C its own or one that only it calls so. */
bool gref_row_has_guidance(const gref_row *row);
/* True if its guidance is that of C = I: convention "after" of a row that leaves it to the convention. */
bool gref_row_guides_plainly(const gref_row *row, const gref_convention *c);
/* r_t^2 of PiGDM; and c in r_t^2 - (1 - abar) lambda/s = r_t^2 (1 - abar) (1 - c lambda)/s. */
double gref_r2_value(gref_r2 r2, gref_time at);
double gref_r2_slope(gref_r2 r2);
/* The largest singular value that counts as 0, and whether s is one within 1e-6 of a branch. */
double gref_rank_tolerance(const gref_convention *c, int m, int n, double largest);

/* The component of a right singular vector of A at the start: pull (W^T v) + sqrt(variance) z. */
typedef struct {
    double pull, variance;
} gref_component;

/* Of starts that are neither given nor exact. */
gref_component gref_start_component(const gref_row *row, const gref_convention *c, gref_time at,
                                    double sigma, double s);
/* The fault that can be put into the row with its scheme. */
gref_fault gref_row_fault(const gref_row *row, const gref_convention *c);
/* True if that start depends on s. */
bool gref_start_projects(const gref_row *row, const gref_convention *c);

/* What a refusal may depend on; singular values of A, min(m, n) of them. */
typedef struct {
    int m, n;
    const gref_schedule *schedule;
    double sigma, largest, least;
    double lambda_least; /* of Sigma */
} gref_row_problem;
/* Refuses what the row cannot do with this problem and these conventions: one list for every
 * path. */
gref_status gref_row_refuse(const gref_row *row, const gref_sampler_spec *spec,
                            const gref_row_problem *p);

/* ---- rule.c: how a score moves the state (THEORY sections 6 and 7) ---- */

/*
 * One step y' = p y + q s(y) + kappa grad + sqrt(noise) z from `at` to `next`. In a mode of Sigma
 * its gain without guidance is (h lambda + c)/s, h = p abar, c = p (1 - abar) - q; c is known in
 * closed form, so nothing cancels.
 */
struct gref_rule {
    gref_time at, next;
    gref_time taken; /* whose a' ddim takes: next, but for the fault "previous-t" */
    double p, q, h, c;
    double kappa; /* coefficient of the guidance J A^T C^-1 (v - A x0hat); 0 without */
    double drift; /* p sqrt(a) - sqrt(a'), of the mean; 0 but where p is not sqrt(a'/a) */
    double noise;
    double direction; /* of ddim: 1 - abar' - noise, the variance left to the predicted noise */
    double beta; /* beta_t of the schedule, or 1 - abar/abar' where the schedule has no betas */
};

/* A step: the visited time before t (-1 for the first), t, the next, and t - T/K for K steps. */
typedef struct {
    int before, t, next, back;
} gref_hop;

gref_rule gref_rule_at(const gref_row *row, const gref_convention *c, const gref_schedule *schedule,
                       gref_hop hop);
/* (h lambda + c)/s. */
double gref_rule_gain(const gref_rule *rule, double lambda);
/* What the score adds to a mean centred on sqrt(abar) mu_post, for d = mu_post - mu in that
 * mode. */
double gref_rule_shift(const gref_rule *rule, double lambda, double d);

/* The visited times: the first, the one after t (-1 where t is the last or is not visited), the
 * last. */
int gref_times_first(const gref_sampler_spec *spec, int T);
int gref_times_next(const gref_sampler_spec *spec, int t);
int gref_times_last(const gref_sampler_spec *spec);
gref_hop gref_times_hop(const gref_sampler_spec *spec, int T, int t);

#endif
