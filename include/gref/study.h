/* The exact study of a case: every law, its distance to the truth, and the files that show it. */
#ifndef GREF_STUDY_H
#define GREF_STUDY_H

#include <gref/asymptotics.h>
#include <gref/case.h>
#include <gref/marginal.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How laws are computed: "auto", "dense", "spectral". */
typedef enum {
    GREF_PATH_AUTO,    /* spectral for what is stationary and above GREF_STUDY_DENSE_MOST pixels */
    GREF_PATH_DENSE,   /* by matrices: any problem */
    GREF_PATH_SPECTRAL /* by spectra: stationary problems, any size */
} gref_path;

enum { GREF_STUDY_DENSE_MOST = 1024 };

GREF_API const char *gref_path_name(gref_path path);
/* False, and *path unchanged, for an unknown name. */
GREF_API bool gref_path_parse(gref_path *path, const char *name);

/* What is known of one sampler at one t. After divergence only `modelled` is. */
typedef struct {
    int t;
    bool diverged;
    bool mean_lost;   /* w2.w2_mean is NAN, the rest holds (gref_marginal_mean_lost) */
    gref_w2 w2;       /* of the sampler's law to the exact p_t(x | v), or to the prior's p_t(x) */
    gref_w2 modelled; /* of its N(mu_{t|v}, C_{t|v}) to the same */
    gref_w2 prior;    /* of the law to the prior's p_t(x); unconditional samplers only */
    gref_w2 data;     /* where `ends_early`: of the state as it is to the law of x0 */
    bool ends_early;  /* the chain ends here, and abar is not 1 */
    /* Where w2 is certified: proved |m_t - exact|, |P_t - exact|_F, and W2 of the computed to the
     * exact law. */
    double mean_error, cov_error, w2_error;
    const char *no_proof; /* why not, at laws_at and t = 0; else NULL */
} gref_study_row;

typedef struct {
    gref_sampler_spec spec;
    bool to_prior;       /* w2 and data are distances to the prior; no `modelled` */
    bool guided;         /* false: it ignores v, and `prior` of its rows is filled in */
    double stable_scale; /* of an unstable one: the largest alpha, or zeta of guidance "after", that
                            is stable; or NAN */
    bool models;         /* it takes p_t(x | v) to be some law: `modelled` is known */
    bool stable;         /* no step with an eigenvalue of M_t below -1 */
    int first_unstable;  /* t of the first such step, from T down; 0 if none */
    int diverged_at;     /* largest t whose law has diverged; -1 if none */
    bool mean_lost;      /* at t = 0: no samples are drawn */
    bool lost;     /* it diverged to rounding: it had grown and shrank again (gref_marginal_lost) */
    double growth; /* max over t of log10 sqrt(tr P_t / tr C_{t|v}) */
    int n_rows;
    gref_study_row *rows; /* t decreasing from T to 0 */
    gref_mat bias;    /* n x n_laws, m_t - mu_{t|v}; 0 after divergence, NAN where lost   [pixel] */
    gref_mat samples; /* of the chain, as many as of the posterior; empty if it diverged [pixel] */
} gref_study_sampler;

typedef struct {
    const gref_case *c;    /* borrowed */
    const char *path;      /* "dense" or "spectral" */
    char path_reason[256]; /* why that one */
    int n, m, rows, cols, v_rows, v_cols, T;
    double sigma;
    gref_mat image, x0, v, mu_post; /* image, x0 may be empty */
    gref_mat v_place;               /* m x 1: pixel that each measurement is, or empty */
    gref_mat samples; /* n x 4 of the exact posterior (n x 1 of a large image)     [pixel] */
    double spread;    /* sqrt tr Sigma_post                                        [pixel] */
    double clipped;   /* farthest from 0 of the eigenvalues of Sigma set to 0 */
    int n_samplers;
    gref_study_sampler *samplers;
    bool self_tested;      /* the BLAS passed gref_trust_require in this run */
    char not_studied[256]; /* labels of samplers without a Gaussian law, "a, b", or "" */
    char note[512];        /* what could not be done and why ("no gnuplot"), or "" */
} gref_study;

/* Called now and then; returning false cancels the study. */
typedef bool gref_progress(void *context, const char *what, int done, int total);

/* All zero: no files, nothing said. */
typedef struct {
    const char *dir;     /* where the files go, made if need be; NULL for none */
    bool force;          /* replace files of the same names there */
    gref_path path;      /* auto unless said otherwise */
    bool skip_self_test; /* of the BLAS, trust.h; the files say so */
    gref_progress *progress;
    void *context; /* of progress */
} gref_study_options;

/*
 * Runs the study. With options->dir leaves summary.json, w2.csv, arrays.npz and the pictures there,
 * all or nothing; GREF_ERR_EXISTS if files of those names are there and `force` is false.
 * GREF_ERR_NUMERICS, before anything is touched, if the BLAS of this process fails its self-test.
 */
GREF_API GREF_NODISCARD gref_status gref_study_run(gref_study **study, const gref_case *c,
                                                   const gref_study_options *options);
GREF_API void gref_study_free(gref_study *study);

/* As text; the caller frees it; NULL without memory. */
GREF_API char *gref_study_summary(const gref_study *study); /* summary.json */
GREF_API char *gref_study_csv(const gref_study *study);     /* w2.csv */
GREF_API char *gref_study_table(const gref_study *study);   /* for people */

/* ---- t -> 0 on a case (asymptotics.h): `gref asymptotics` ---- */

/* All zero: no files, path by size, the alphas of the case's dps and 2, e from 1e-1 to 1e-16. */
typedef struct {
    const char *dir; /* where asymptotics.json, .csv and .svg go, made if need be; NULL for none */
    bool force;      /* replace files of the same names there */
    gref_path path;
    bool skip_self_test;  /* of the BLAS, trust.h; asymptotics.json says so */
    const double *alphas; /* of dps besides 1 */
    int n_alphas;
    double from, to;
} gref_asymptotics_options;

typedef struct {
    const gref_case *c;    /* borrowed */
    const char *path;      /* "dense" or "spectral" */
    char path_reason[256]; /* why that one */
    int rows, cols;
    double sigma;
    gref_asymptotics *a;
    bool self_tested;
    bool holds;     /* every line does */
    bool undecided; /* nothing refuted but what hangs on a mixing that rounding hides */
    char note[512]; /* what could not be done and why ("no gnuplot"), or "" */
} gref_asymptotics_report;

/* Statuses as gref_study_run. */
GREF_API GREF_NODISCARD gref_status gref_asymptotics_run(gref_asymptotics_report **report,
                                                         const gref_case *c,
                                                         const gref_asymptotics_options *options);
GREF_API void gref_asymptotics_report_free(gref_asymptotics_report *report);

/* As text; the caller frees it; NULL without memory. */
GREF_API char *gref_asymptotics_list(
    const gref_asymptotics_report *report); /* JSON: a list of lines */
GREF_API char *gref_asymptotics_summary(
    const gref_asymptotics_report *report);                                 /* asymptotics.json */
GREF_API char *gref_asymptotics_csv(const gref_asymptotics_report *report); /* asymptotics.csv */
GREF_API char *gref_asymptotics_table(
    const gref_asymptotics_report *report); /* for people; the verdict last */

/* ---- where the error comes from: `gref budget` ---- */

/* What is removed from a sampler, one at a time: the names of the papers. */
typedef enum {
    GREF_BUDGET_INITIALISATION, /* the start is the exact law */
    GREF_BUDGET_APPROXIMATION,  /* the likelihood is the exact one, in the score */
    GREF_BUDGET_DISCRETISATION, /* infinitely many steps between the same two times */
    GREF_BUDGET_TRUNCATION,     /* the target is the law at the last time, not at abar = 1 */
    GREF_BUDGET_PARTS
} gref_budget_part;
GREF_API const char *gref_budget_part_name(int part);

/* W2 at the end without one source of error. */
typedef struct {
    double w2;        /* NAN where it is not known, and `reason` says why */
    char reason[128]; /* "" */
    int steps;        /* of discretisation: the finest chain; 0: in closed form */
} gref_budget_entry;

typedef struct {
    gref_sampler_spec spec; /* borrows from the case */
    double w2; /* with every source: the state at the end as it is, to the law at abar = 1 */
    gref_budget_entry without[GREF_BUDGET_PARTS];
} gref_budget_line;

typedef struct {
    const gref_case *c; /* borrowed */
    int n, m, n_lines;
    gref_budget_line *lines;
    bool self_tested;
    char note[512]; /* what could not be done and why ("no gnuplot"), or "" */
} gref_budget;

/* All zero: no files. */
typedef struct {
    const char *dir; /* where budget.json, .csv and .svg go, made if need be; NULL for none */
    bool force;      /* replace files of the same names there */
    bool skip_self_test;
    gref_progress *progress;
    void *context; /* of progress */
} gref_budget_options;

/* Statuses as gref_study_run. */
GREF_API GREF_NODISCARD gref_status gref_budget_run(gref_budget **budget, const gref_case *c,
                                                    const gref_budget_options *options);
GREF_API void gref_budget_free(gref_budget *budget);

/* As text; the caller frees it; NULL without memory. */
GREF_API char *gref_budget_json(const gref_budget *budget);  /* budget.json */
GREF_API char *gref_budget_csv(const gref_budget *budget);   /* budget.csv */
GREF_API char *gref_budget_table(const gref_budget *budget); /* for people */

#ifdef __cplusplus
}
#endif
#endif
