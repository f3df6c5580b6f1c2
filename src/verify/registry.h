/* The arrays of a golden file, one row each; not installed. */
#ifndef GREF_VERIFY_REGISTRY_H
#define GREF_VERIFY_REGISTRY_H

#include "base/internal.h"

/* How a deviation shows in the array, and so how diagnosis predicts it. */
typedef enum {
    GREF_VIEW_NONE, /* in no way: the array is not looked at */
    GREF_VIEW_SCORE,
    GREF_VIEW_X0HAT,
    GREF_VIEW_GUIDANCE,
    GREF_VIEW_GUIDED,
    GREF_VIEW_PROJECTED,
    GREF_VIEW_C,
    GREF_VIEW_M,
    GREF_VIEW_B,
    GREF_VIEW_N,
    GREF_VIEW_MEAN,
    GREF_VIEW_COV,
    GREF_VIEW_Y,
    GREF_VIEW_MODELLED_MEAN,
    GREF_VIEW_MODELLED_COV,
    GREF_VIEW_A,
    GREF_VIEW_BETA,
    GREF_VIEW_ALPHA,
    GREF_VIEW_ABAR,
    GREF_VIEW_W2,
    GREF_VIEWS
} gref_view_kind;

/* When the array departs if the chain does, at one t from early to late: the law at t, the step
 * that leaves t, a function in it. */
typedef enum {
    GREF_MOMENT_FUNCTION,
    GREF_MOMENT_STEP,
    GREF_MOMENT_LAW,
    GREF_MOMENTS,
    GREF_MOMENT_NONE = -1
} gref_moment;

typedef struct {
    const char *what; /* the name without label and t */
    bool alone;       /* it belongs to the problem: no label stands before it */
    const char *kind; /* the first of its flags in the manifest */
    gref_view_kind view;
    gref_moment moment;
    const char *note; /* for the manifest */
} gref_array_row;

/* Row k = 0, 1, ..., functions in the order in which a step computes them; NULL after the last. */
const gref_array_row *gref_array_row_at(int k);
/* The row of that name; for an unknown one a row whose kind is "other". Never NULL. */
const gref_array_row *gref_array_row_find(const char *what);

/* "LABEL/M/500" taken apart; label and what are "" and t is -1 where the name has none. */
typedef struct {
    char label[64], what[32];
    int t;
    const gref_array_row *row;
} gref_name;
void gref_name_parse(gref_name *part, const char *name);

#endif
