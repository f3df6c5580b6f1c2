/*
 * What the parts of the self-test share (trust.c); not installed.
 *
 * A probe makes one call of one routine, on shapes and numbers that follow from the number of the
 * call alone, and holds the result against plain C loops.
 */
#ifndef GREF_TRUST_INTERNAL_H
#define GREF_TRUST_INTERNAL_H

#include <stdint.h>

#include <gref/backend.h>

#include "dense/internal.h"

typedef struct {
    /* The routine: */
    uint32_t stream; /* of its random numbers */
    int dims;        /* sizes that a call has */
    int variants;    /* transposes, sides, jobs: each once in every `variants` calls */
    /* The present call: */
    int call; /* from 0 */
    int variant;
    uint64_t drawn; /* random numbers so far */
    bool exact;     /* matrices of small integers: sums of products are exact in any order */
    double ratio;   /* largest error / bound */
    bool finite;    /* no result was NaN or infinite */
    char shape[112];
    /* Memory for the matrices of one call: */
    double *room;
    size_t used, size; /* doubles */
} gref_probe;

typedef gref_status gref_probe_run(gref_probe *p);

/* blas.c, lapack.c: one per routine. */
gref_probe_run gref_probe_gemm, gref_probe_syrk, gref_probe_trsm, gref_probe_gemv, gref_probe_dot2;
gref_probe_run gref_probe_potrf, gref_probe_pstrf, gref_probe_syevd, gref_probe_gesdd;

/* trust.c: the routines under test. */
typedef struct {
    const char *name; /* as BLAS and LAPACK spell it */
    gref_probe_run *run;
    int dims, variants, calls;
    bool lapack; /* may hang on NaN: not run once a routine has made one */
} gref_probe_row;
extern const gref_probe_row gref_probe_rows[];
extern const int gref_n_probe_rows;

/* machine.c: what calls no routine. */
typedef struct {
    const char *name;
    const char *about; /* what is found when it passes */
    /* Leaves `wrong` empty if it passes. */
    void (*run)(char wrong[256], const gref_backend *backend);
} gref_machine_check;
extern const gref_machine_check gref_machine_checks[];
extern const int gref_n_machine_checks;

/* probe.c */

/* Memory for a row of calls, and its end. */
gref_status gref_probe_open(gref_probe *p, const gref_probe_row *row);
void gref_probe_free(gref_probe *p);
/* Begins call number `call`; the matrices of the call before are gone. */
void gref_probe_begin(gref_probe *p, int call);

/* A number from `from` to `to`. */
int gref_probe_int(gref_probe *p, int from, int to);
/* The size in place `slot` < dims of this call. */
int gref_probe_size(gref_probe *p, int slot);
/* A factor alpha or beta. */
double gref_probe_scalar(gref_probe *p);

/* Matrices that belong to the call, of a leading dimension above m in most; NaN fills the gap. */
gref_status gref_probe_new(gref_probe *p, gref_mat *A, int m, int n);
gref_status gref_probe_copy(gref_probe *p, gref_mat *B, gref_cmat A);
/* A, or its transpose. */
gref_status gref_probe_op(gref_probe *p, gref_mat *B, gref_cmat A, bool trans);
/* Integers up to 2^18 if p->exact, else numbers of widely differing sizes; of either sign. */
gref_status gref_probe_random(gref_probe *p, gref_mat *A, int m, int n);
/* Uniform on (-1, 1). */
gref_status gref_probe_uniform(gref_probe *p, gref_mat *A, int m, int n);
/* Well-conditioned lower triangular matrix with badly scaled rows; zeros above. */
gref_status gref_probe_lower(gref_probe *p, gref_mat *L, int n);
void gref_probe_poison_upper(gref_mat A);

/*
 * R = alpha A B + beta C and W = |alpha| |A| |B| + |beta| |C| by plain loops. C is not read if
 * beta = 0; W may be {0}.
 */
void gref_plain_gemm(gref_mat R, gref_mat W, double alpha, gref_cmat A, gref_cmat B, double beta,
                     gref_cmat C);

/* Notes err / bound; a NaN, and any error where the bound is 0, count as infinitely many bounds. */
void gref_probe_hold(gref_probe *p, double err, double bound);
/* Holds |C - R| <= factor W entry by entry, and that the gap of C is still NaN. */
void gref_probe_compare(gref_probe *p, gref_cmat C, gref_cmat R, gref_cmat W, double factor);

#endif
