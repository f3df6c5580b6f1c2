/* What predict.c and diagnose.c share; not installed. */
#ifndef GREF_VERIFY_VIEW_H
#define GREF_VERIFY_VIEW_H

#include "internal.h"

/*
 * One array of the candidate beside the golden one. Large matrices are seen through a few random
 * columns, a covariance P as P Omega or, at the end of a chain, as Omega^T P Omega.
 */
typedef struct {
    gref_view_kind kind;
    int t;           /* -1 where there is none */
    gref_mat x, g;   /* candidate's and golden, as seen */
    gref_mat points; /* n x K: probes of a function, random columns of a matrix */
    int from;        /* a chain begins here */
    gref_mat start;  /* with this mean, covariance or y; empty: with the deviant's law of y_T */
    const gref_array *golden;           /* the whole array */
    double tolerance, single_tolerance; /* on |x - right|_F */
    double norm;                        /* that |x - deviant|_F is divided by */
    double gap;                         /* |x - g|_F */
    bool departs;
    bool rounded; /* every entry of the candidate's array is one of single precision */
} gref_view;

typedef struct {
    const gref_truth *truth;
    const gref_sampler_spec *spec;
    gref_deviant *w;
    gref_mat z; /* T x n noise of the trajectory, borrowed; may be empty */
    int n_views;
    gref_view *views;
    bool single; /* every array of the candidate is */
    int n_others; /* arrays that are not looked at: of another sampler, or of a kind that no deviation changes */
    bool others_differ; /* from the golden ones */
    char others[160];   /* their names, cut short */
} gref_views;

/* Seen through columns, as X Omega. */
bool gref_view_is_matrix(const gref_view *v);
gref_status gref_views_new(gref_views *views, const gref_truth *truth, const gref_arrays *candidate,
                           const char *sampler);
void gref_views_free(gref_views *views);
/* D, of the shape of v->x, is what the deviant would have there. *known is false where that is not
 * defined. */
gref_status gref_view_predict(gref_mat D, bool *known, const gref_views *views, const gref_view *v,
                              const gref_switches *s);

/* "dps/M/500 is about 2 times the golden array plus 0.1 I; 3 % is left over" */
void gref_best_relation(char *text, size_t size, const gref_views *views);

#endif
