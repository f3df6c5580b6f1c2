/* What users bring, held against the truth: arrays, samples and laws of a sampler of their own. */
#ifndef GREF_VERIFY_H
#define GREF_VERIFY_H

#include <gref/problem.h>
#include <gref/sampler.h>
#include <gref/wasserstein.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A named array; an m-vector is m x 1 with ndim 1, a number 1 x 1 with ndim 0. */
typedef struct {
    char *name; /* "dps/M/500" */
    gref_mat A; /* owned */
    int ndim;
    bool single; /* stored in single or half precision */
} gref_array;

typedef struct {
    gref_array *item;
    int n;
} gref_arrays;

/*
 * The arrays of a .npz, of a folder of .npy (with subfolders), or of one .npy, which is then called
 * `as`. Members that are no .npy are left out.
 */
GREF_API GREF_NODISCARD gref_status gref_arrays_read(gref_arrays *arrays, const char *path,
                                                     const char *as);
/* Appends a copy of A; the name must be new. */
GREF_API GREF_NODISCARD gref_status gref_arrays_add(gref_arrays *arrays, const char *name,
                                                    gref_cmat A, int ndim);
GREF_API const gref_array *gref_arrays_find(const gref_arrays *arrays, const char *name);
GREF_API void gref_arrays_free(gref_arrays *arrays);

/* What a golden file says. */
typedef struct {
    char *path;           /* of the file, or NULL */
    gref_problem problem; /* Sigma, mu, A, v, sigma, rows, cols; the rest may be empty */
    gref_schedule schedule;
    int n_samplers;
    gref_sampler_spec *samplers;
    struct gref_case *owner; /* of what the samplers point to, or NULL */
    gref_arrays arrays;      /* every array of the file */
    double *tolerance;       /* one each: bound on max |difference| of a right double computation */
    int *
        diverged_at; /* of each sampler: the largest t at which the file lacks its law, -1: none; or NULL */
    bool untested; /* the BLAS that computed it was not tested (self_test is "skipped") */
} gref_truth;

/* A golden .npz or folder (schema gref-golden/1), its hashes compared. */
GREF_API GREF_NODISCARD gref_status gref_truth_open(gref_truth **truth, const char *path);
GREF_API void gref_truth_free(gref_truth *truth);

typedef enum { GREF_VERDICT_AGREES, GREF_VERDICT_DIFFERS, GREF_VERDICT_UNDECIDED } gref_verdict;

/* ---- samples -------------------------------------------------------------------------------- */

/* One test of samples against a law; p is uniform under the law. */
typedef struct {
    char name[16]; /* "mean", "eigenvectors", "covariance", "projections", "support" */
    bool done;     /* false: `detail` says why not */
    double statistic, p;
    char detail[160]; /* one line for people */
} gref_sample_test;

enum { GREF_SAMPLE_TESTS = 5 };

typedef struct {
    int N, n, rank; /* samples, pixels, directions in which the law has variance */
    gref_sample_test test[GREF_SAMPLE_TESTS];
    double p;          /* of all tests together: below 0.01 with probability 0.01 under the law */
    bool estimated;    /* N >= 3: the next five are known */
    double w2_squared; /* unbiased to second order, so it may be negative              [pixel^2] */
    double w2, lower,
        upper;      /* its root where positive, and an interval of about 95 %     [pixel] */
    double visible; /* smallest W2 seen with probability 0.95                        [pixel] */
    double needed;  /* samples that would see `resolve` of the spread */
    double spread;  /* sqrt tr of the law's covariance                               [pixel] */
    gref_verdict verdict;
    char sentence[256];
} gref_sample_report;

/*
 * X is N x n, one sample a row. Agrees needs visible <= resolve * spread. `single`: the samples
 * were rounded to single precision.
 */
GREF_API GREF_NODISCARD gref_status gref_samples_test(gref_sample_report *report, gref_cmat X,
                                                      bool single, gref_cmat mean, gref_cmat cov,
                                                      double resolve);

/* ---- check ---------------------------------------------------------------------------------- */

/* One array of the candidate against the golden one. */
typedef struct {
    char *name;              /* as in the golden file */
    bool single;             /* the candidate's precision */
    double max_abs, max_rel; /* max |difference|, and that over max |golden| */
    double tolerance;        /* on max_abs */
    double bound;   /* >= tolerance: in single precision what lies between them is undecided */
    double ratio;   /* max_abs / tolerance */
    int i, j, ndim; /* worst entry */
    double candidate, golden; /* its values */
    gref_verdict verdict;
} gref_check_row;

/* A law of the candidate's against the golden one, in W2. */
typedef struct {
    char *name; /* "LABEL at t = 0" */
    int t;
    gref_w2 w2;
    double tolerance; /* on w2 */
    double bound;     /* >= tolerance: in single precision what lies between them is undecided */
    gref_verdict verdict;
} gref_check_law;

typedef struct {
    char *name;
    int t;
    gref_sample_report report;
} gref_check_samples;

typedef struct {
    const char *as;      /* name of a single .npy, or NULL */
    const char *sampler; /* label whose arrays may stand without it, or NULL for the only one */
    double rtol;         /* tolerances are at least rtol * max |golden|; 0 leaves them */
    double resolve;      /* of samples; 0 stands for GREF_RESOLVE */
} gref_check_options;

#define GREF_RESOLVE 0.1

typedef struct {
    int n_rows;
    gref_check_row *rows; /* worst ratio first */
    int n_laws;
    gref_check_law *laws;
    int n_samples;
    gref_check_samples *samples;
    int departs_at; /* first t, from T down, at which the chain departs; -1 if it does not */
    char at_fault
        [64]; /* "M", "b", "M, b", ...; from laws "b", "N or M", "M, or b and N", "start"; or "": not known */
    char departure[320]; /* one sentence, or "" */
    gref_verdict verdict;
} gref_check;

/* Reads the candidate's arrays at `path`. Refuses names and shapes that the golden file does not
 * have, NaN. */
GREF_API GREF_NODISCARD gref_status gref_check_file(gref_check **check, const gref_truth *truth,
                                                    const char *path,
                                                    const gref_check_options *options);
GREF_API GREF_NODISCARD gref_status gref_check_arrays(gref_check **check, const gref_truth *truth,
                                                      const gref_arrays *candidate,
                                                      const gref_check_options *options);
GREF_API void gref_check_free(gref_check *check);
/* As text; the caller frees it; NULL without memory. */
GREF_API char *gref_check_table(const gref_check *check);
GREF_API char *gref_check_json(const gref_check *check);

/* ---- diagnose ------------------------------------------------------------------------------- */

/* A deviation of the catalogue. */
typedef struct {
    const char *name;     /* "variance-beta" */
    const char *changes;  /* what it changes */
    const char *seen;     /* where it was seen */
    const char *sentence; /* what to tell who has it */
} gref_deviation;

/* Row k = 0, 1, ...; NULL after the last. */
GREF_API const gref_deviation *gref_catalogue_row(int k);

/* One explanation: a deviation or two. */
typedef struct {
    char name[96];   /* "beta-tilde" or "beta-tilde + A-for-AT" */
    int row[2];      /* in the catalogue; row[1] = -1 for a single one */
    double distance; /* root mean square over the arrays of |candidate - deviant|_F / |golden|_F */
    double unexplained; /* distance over that of the golden values themselves */
    bool explains;      /* to rounding */
    char sentence[512];
} gref_diagnosis_entry;

typedef struct {
    bool agrees;     /* nothing to explain, and no array differs that was not looked at */
    double distance; /* of the golden values to the candidate */
    int n_arrays;    /* compared */
    int n_others;    /* not looked at: another sampler's, or of a kind that no deviation changes */
    int n_entries;
    gref_diagnosis_entry *entries; /* best first */
    bool none;                     /* no entry explains the candidate */
    char relation[512];            /* best linear relation to the golden values, where `none` */
    char note[256];                /* names those that were not looked at, or "" */
} gref_diagnosis;

GREF_API GREF_NODISCARD gref_status gref_diagnose_arrays(gref_diagnosis **diagnosis,
                                                         const gref_truth *truth,
                                                         const gref_arrays *candidate,
                                                         const char *sampler);
GREF_API void gref_diagnosis_free(gref_diagnosis *diagnosis);
GREF_API char *gref_diagnosis_table(const gref_diagnosis *diagnosis);
GREF_API char *gref_diagnosis_json(const gref_diagnosis *diagnosis);

#ifdef __cplusplus
}
#endif
#endif
