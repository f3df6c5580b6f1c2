/* Golden files of the oracle (gref-oracle/1): their inputs to the bit, their numbers by name. */
#ifndef GREF_TEST_ORACLE_FILE_H
#define GREF_TEST_ORACLE_FILE_H

#include <jansson.h>

#include <gref/marginal.h>
#include <gref/modes.h>
#include <gref/problem.h>
#include <gref/sampler.h>

typedef struct {
    char name[64]; /* of the file, without .json */
    json_t *root;
    gref_problem p; /* Sigma, mu, A, v, sigma; the rest is empty */
    gref_schedule s;
    gref_modes z;
    bool psd; /* the doubles of Sigma are exactly positive semi-definite */
    int n_samplers, n_at;
    gref_sampler_spec *specs;
    int *at; /* decreasing */
} oracle_file;

/* Names of the files in reference/golden/oracle, sorted; at least 24. */
int oracle_file_list(char names[][64], int most);
/* Builds the problem from the file alone; aborts the test when something is missing. */
oracle_file oracle_file_open(const char *name);
void oracle_file_close(oracle_file *f);

/* Is there an output of that name, "posterior/mean", "dps/cov/200"? */
bool oracle_has(const oracle_file *f, const char *name);
/* The output as doubles, correctly rounded; both triangles. */
gref_mat oracle_array(const oracle_file *f, const char *name);
/* |x - output|_F, from all the digits of the output that a long double takes. */
double oracle_distance(const oracle_file *f, const char *name, gref_cmat x);
/* A scalar output, and its radius. */
long double oracle_number(const oracle_file *f, const char *name);
double oracle_radius(const oracle_file *f, const char *name);
/* "LABEL/WHAT/T" in a static buffer; `t` < 0: "LABEL/WHAT". */
const char *oracle_name(const char *label, const char *what, int t);

#endif
