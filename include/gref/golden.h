/*
 * Golden files: every number of a case, with the tolerance that a right implementation must meet.
 */
#ifndef GREF_GOLDEN_H
#define GREF_GOLDEN_H

#include <gref/case.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The file, schema gref-golden/1. NAME.npz, deflated, or a folder of .npy in which '/' makes
 * subfolders. All arrays are float64 in C order. t runs over the golden times: T, the case's
 * report.laws_at, and 1.
 *
 *   problem      Sigma (n x n)  A (m x n)  mu (n)  v (m)  sigma ()  x0 (n), if v was made from one
 *   schedule     schedule/beta  schedule/alpha  schedule/abar (1 - beta_t and products)  schedule/sigma2
 *                (variance of the step's noise, of the first sampler), T + 1 each, entry t is for t;
 *                LABEL/sigma2 for a sampler whose noise is another
 *   probes       probe/t (4 x n, a point a row)  score/t  x0hat/t (4 x n, the prior's)                  t >= 1
 *   target       target/mean/t (n)  target/cov/t (n x n): the exact p_t(x | v), at t = 0 the posterior
 *   noise        z (T x n; row k is the noise of step t = T - k)  y_T (n): one trajectory, for every sampler
 *
 * and for every sampler LABEL of the case
 *
 *   functions    LABEL/guided_score/t (4 x n)   t >= 1         LABEL/C_vt/t (m x m)   guided samplers only
 *                without a C_vt: LABEL/guidance/t, and of rows that project LABEL/x0hat_projected/t, in its place
 *   step         LABEL/M/t (n x n)  LABEL/b/t (n)  LABEL/N/t ()    t >= 1: y_{t-1} = M y_t + b + N(0, N I)
 *                ddrm, ddnm+: LABEL/N/t (n x n), and no sigma2
 *   given        LABEL/variances (T; t = 1 first)  LABEL/start_mean (n)  LABEL/start_cov (n x n), or 1 x 1
 *   law of y_t   LABEL/mean/t (n)  LABEL/cov/t (n x n)
 *   its model    LABEL/modelled/mean/t  LABEL/modelled/cov/t: what the sampler takes p_t(x | v) to be, with a C_vt
 *   distance     LABEL/w2/t (3): W2 of the law to the target, its mean part, its covariance part
 *                LABEL/bias/t (n): mean - target mean
 *   trajectory   LABEL/y/t (n): y_T, z through the sampler's literal algorithm
 *
 * After divergence a sampler has no law, distance or trajectory; a sampler that is not affine
 * (dps-norm) has only LABEL/y. A sampler with "times" has arrays at the golden t that it visits;
 * its step leaves t for the visited time after t, and y_T is its state at the first of them. Entry
 * t of sigma2 is 0 where no step leaves t.
 *
 * A sampler "affine" has no functions and no model. Its times are K..0, its steps inputs:
 *
 *   chain        LABEL/chain/M (K n x n, M_0 at the top; or n x n, one for every step)  LABEL/chain/b (K x n)
 *                LABEL/chain/N (K), (K x n) or (K n x n)  and what was given of LABEL/chain/abar (K + 1),
 *                LABEL/chain/start_mean (n), LABEL/chain/start_cov (n x n)
 *   step         LABEL/N/t is a number, a diagonal (n) or a matrix (n x n)
 *
 * Without chain/abar it has a distance at t = 0 only; with more steps than T it has no trajectory.
 *
 * manifest.json is a member of the .npz as plain bytes, and a file of the folder:
 *
 *   schema, version, commit, dirty, command, blas {name, config, core, threads, lapack}
 *   self_test "passed" or "skipped"         of the BLAS, before anything was computed; older files have none
 *   n, m, T, golden_t [..], case {completed}
 *   samplers [{name, label, guided, affine, diverged_at, conventions {as in a case}}]
 *   conventions {about the file {..words..}, LABEL {..words..}}
 *   arrays [{name, shape, dtype, sha256, norm, condition, tolerance, basis, flags, notes}]
 *   history [{commit, version, reason}]      of what was replaced
 *
 * sha256 is of the data bytes, little-endian, C order; norm is Frobenius's; tolerance is on the
 * largest |difference| and `basis` is the formula it comes from, with its numbers; entries are
 * rounded to a power of two far below it, so that no digit stands there that is not known.
 */

enum { GREF_GOLDEN_PROBES = 4, GREF_GOLDEN_SEED = 1 };

typedef struct {
    const char *out;     /* NAME.npz, or NULL */
    const char *dir;     /* a folder, or NULL; exactly one of the two */
    const char *command; /* for the manifest; NULL: "library" */
    bool allow_dirty;    /* accept a program built from a tree with uncommitted changes */
    /* Replace what is there, if it differs or was not tested, for this reason; NULL: refuse if it
     * is there. */
    const char *reason;
    bool skip_self_test; /* of the BLAS, trust.h; the file says so */
} gref_golden_options;

typedef enum {
    GREF_GOLDEN_WRITTEN,
    GREF_GOLDEN_UNCHANGED, /* what is there agrees within its tolerances, and was left alone */
    GREF_GOLDEN_REPLACED
} gref_golden_outcome;

/* One golden array against the same computed now. */
typedef struct {
    char name[160];
    double max_abs, tolerance;
    double golden, computed; /* at the worst entry */
    int i, j;                /* its place */
    bool agrees;
} gref_golden_row;

typedef struct {
    gref_golden_outcome outcome; /* of gref_golden_write */
    int n_rows;
    gref_golden_row *rows; /* in the order of the file; none where nothing was compared */
    int n_differ;
    char note[256]; /* what differs besides values ("the case"), or "" */
    bool untested;  /* gref_golden_verify: the file was written without the self-test */
} gref_golden_report;

GREF_API GREF_NODISCARD gref_status gref_golden_write(gref_golden_report **report,
                                                      const gref_case *c,
                                                      const gref_golden_options *options);
/* Computes everything again from the problem and schedule in the file. Writes nothing. */
GREF_API GREF_NODISCARD gref_status gref_golden_verify(gref_golden_report **report,
                                                       const char *path, bool skip_self_test);
GREF_API void gref_golden_free(gref_golden_report *report);

#ifdef __cplusplus
}
#endif
#endif
