/* What the files of this folder share; not installed. */
#ifndef GREF_VERIFY_INTERNAL_H
#define GREF_VERIFY_INTERNAL_H

#include "base/internal.h"
#include <stdio.h>

#include "diffusion/literal.h"
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

/* The name in the golden file that the candidate's `name` means, or NULL: also without the
 * label. */
const gref_array *gref_truth_resolve(const gref_truth *truth, const char *name,
                                     const char *sampler);
/* Fails for a name that is not found, with the nearest that is; `label` as for
 * gref_truth_resolve. */
gref_status gref_truth_refuse_name(const gref_truth *truth, const char *name, const char *label);
/* Fails where the sampler's chain had diverged by t, so that the file has no law there. */
gref_status gref_truth_refuse_diverged(const gref_truth *truth, const char *name, const char *label,
                                       int t);
gref_status gref_truth_refuse_shape(const gref_array *x, const gref_array *g);
/*
 * Tolerance of golden array g for a candidate in double or in single precision, and a bound on what
 * rounding can do: above the tolerance, which in single precision is at most GREF_SINGLE_MOST of
 * the largest entry.
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

/* ---- deviations: deviant.c, catalogue.c ------------------------------------------------------ */

typedef struct {
    gref_deviation row;
    const char *group; /* two rows of one group exclude each other */
    void (*apply)(gref_switches *s, const gref_problem *p);
} gref_catalogue_entry;

extern const gref_catalogue_entry gref_catalogue[];
extern const int gref_catalogue_size;

/* A sampler that runs with deviations, and what all of them share; borrows the problem and the
 * schedule. */
typedef struct {
    const gref_problem *p;
    gref_modes z;
    gref_sampler *s;
    gref_forms forms;
    gref_literal l;
} gref_deviant;
/* A deviant stays where it is made: its parts borrow from one another. */
gref_status gref_deviant_new(gref_deviant **d, const gref_problem *p, const gref_schedule *schedule,
                             const gref_sampler_spec *spec);
void gref_deviant_free(gref_deviant *d);
DEFINE_DROP(gref_deviant)
/* False where the switches make no sense for the problem (A for A^T with m != n). */
bool gref_deviant_possible(const gref_deviant *d, const gref_switches *s);
/* False for the gradient of a norm: no M, b, and no law. */
bool gref_deviant_affine(const gref_switches *s);
/* In pixels: the law that the deviant takes p_t(x | v) to be; GREF_ERR_NOT_PD where its precision
 * is not positive definite. */
gref_status gref_deviant_modelled(gref_mat mean, gref_mat cov, gref_deviant *d, int t);
/* In pixels: its law of the start. */
gref_status gref_deviant_start(gref_mat mean, gref_mat cov, const gref_deviant *d);

#endif
