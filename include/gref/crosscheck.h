/* The spectral path held against the dense one, quantity by quantity (THEORY section 9). */
#ifndef GREF_CROSSCHECK_H
#define GREF_CROSSCHECK_H

#include <gref/problem.h>
#include <gref/spectral.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One quantity of one sampler: the comparison with the largest ratio over all t at which it was
 * made. */
typedef struct {
    char quantity[24];      /* "Sigma", "M_t", "W2", ... */
    char sampler[64];       /* its label; "" for what belongs to the problem */
    int compared;           /* times it was compared */
    int t;                  /* of the worst comparison; -1 if the quantity has no t */
    int row, col;           /* place of the largest deviation there; -1 where there is none */
    double dense, spectral; /* the two values at that place */
    double deviation;       /* their distance */
    double bound;           /* what rounding alone can make of it */
    double ratio;           /* deviation/bound; infinite if a value is NaN */
} gref_crosscheck_row;

typedef struct {
    int n, m, T;
    int n_rows;
    gref_crosscheck_row *rows;
    double ratio; /* the largest of all */
} gref_crosscheck;

/* Called now and then; returning false ends the check with GREF_ERR_CANCELLED. */
typedef bool gref_crosscheck_progress(void *context, const char *what, int done, int total);

/*
 * p and q are the same problem, by matrices and by spectra. Marginal laws are compared at every t,
 * everything else at the `n_times` t of `times` (0..T). Both paths condition on p->v.
 */
GREF_API GREF_NODISCARD gref_status gref_crosscheck_run(
    gref_crosscheck **check, const gref_problem *p, const gref_stationary *q,
    const gref_schedule *schedule, const gref_sampler_spec *specs, int n_specs, const int *times,
    int n_times, gref_crosscheck_progress *progress, void *context);
GREF_API void gref_crosscheck_free(gref_crosscheck *check);

#ifdef __cplusplus
}
#endif
#endif
