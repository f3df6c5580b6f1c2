/* What deviant.c and workshop.c share; not installed. */
#ifndef GREF_VERIFY_DEVIANT_H
#define GREF_VERIFY_DEVIANT_H

#include <string.h>

#include "internal.h"

enum { GREF_SLOTS = 16 };

struct gref_workshop {
    const gref_problem *p;
    const gref_schedule *schedule;
    gref_mat U, lambda, zmu; /* modes of Sigma; U^T mu */
    int *place; /* row-major index k is entry place[k] of an image flattened by columns */
    gref_mat B[GREF_OPERATORS],
        At[GREF_OPERATORS]; /* A U and, square only, U^T A; empty until asked for */
    gref_mat Q[GREF_OPERATORS], a[GREF_OPERATORS]; /* A A^T = Q diag(a) Q^T, likewise */
    struct {
        double key[4];
        bool made;
        gref_mat L;
    } slot[GREF_SLOTS]; /* Cholesky factors of C_{v|t} */
};

/* Borrowed matrices, made on first use. */
gref_status gref_workshop_operator(gref_mat *B, gref_workshop *w, gref_operator_form form);
gref_status gref_workshop_adjoint(gref_mat *At, gref_workshop *w, gref_operator_form form);
gref_status gref_workshop_gram(gref_mat *Q, gref_mat *a, gref_workshop *w, gref_operator_form form);
/* The slot of t: *made says whether it holds the factor of that key; else fill L and call done. */
gref_status gref_workshop_slot(gref_mat *L, bool *made, gref_workshop *w, int t,
                               const double key[4]);
void gref_workshop_slot_done(gref_workshop *w, int t, const double key[4]);

#endif
