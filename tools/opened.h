/* A case opened for computing: what gref replay and gref eval share. */
#ifndef GREF_OPENED_H
#define GREF_OPENED_H

#include <stdbool.h>

#include <gref/gref.h>

#include "options.h"

typedef struct {
    gref_case *c;
    gref_problem p;
    gref_modes z;
    gref_schedule s;
    const gref_sampler_spec *specs; /* the case's */
    int n_specs;
} opened;

/* Reads the case into an empty *o and computes its modes, after the self-test of the BLAS unless
 * that is skipped. */
gref_status opened_open(opened *o, const char *path, const option_list *sets, bool skip_self_test);
void opened_free(opened *o);
/*
 * The sampler of that label; NULL stands for the only one. If this is NULL, the command ends with
 * *code, after one line of complaint.
 */
const gref_sampler_spec *opened_sampler(const opened *o, int *code, const char *command,
                                        const char *label);
/* An array in a .npy without NaN or infinity; the complaint says where one is. */
bool opened_read(gref_mat *A, int *ndim, int *code, const char *command, const char *path);

#endif
