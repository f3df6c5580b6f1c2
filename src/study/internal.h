/* What the files of this folder share; not installed. */
#ifndef GREF_STUDY_INTERNAL_H
#define GREF_STUDY_INTERNAL_H

#include <stdio.h>

#include <jansson.h>

#include "files/internal.h"
#include <gref/chain.h>
#include <gref/npy.h>
#include <gref/study.h>

enum { GREF_STUDY_SAMPLES = 4, GREF_STUDY_SEED = 1 };

/*
 * How the laws of a study are computed. The study decides what is reported at which t; an engine
 * holds the problem (`data`) and the law of one sampler at a time.
 */
typedef struct {
    const char *name;
    const char *no_proof; /* why a distance at laws_at may have no proof */
    /* Reads the problem of o->c and fills in what a study says of it, from `n` to `clipped`. With npz != NULL
     * also writes the arrays of the problem, of the posterior, and of the exact laws at laws_at. */
    gref_status (*open)(void **data, gref_study *o, const gref_schedule *schedule,
                        gref_npz_writer *npz);
    void (*close)(void *data); /* accepts NULL */
    /* The law of the start; the engine owns it, until the next one begins. */
    gref_status (*begin)(gref_marginal **law, void *data, const gref_sampler_spec *spec);
    /* Before divergence: the whole law at its t, as arrays. */
    gref_status (*write)(gref_npz_writer *npz, const char *label, const void *data,
                         const gref_marginal *law);
    /* Samples of `count` chains, Y[k] n x N by specs[k], or diverged[k]; seed GREF_STUDY_SEED. */
    gref_status (*draw)(gref_mat *Y, bool *diverged, void *data,
                        const gref_sampler_spec *const *specs, int count);
} gref_engine;

extern const gref_engine gref_engine_dense, gref_engine_spectral;

/* path.c: the engine for `path`; says in o->path and o->path_reason which and why. */
gref_status gref_study_choose(const gref_engine **engine, gref_study *o, gref_path path);
/* The same for who has no engine. */
gref_status gref_path_choose(bool *spectral, char *reason, int size, const gref_case *c,
                             gref_path path);

/* The row of s at t, or NULL. Why there is none: t is not visited, or nothing is known to aim at
 * there. */
const gref_study_row *gref_study_row_at(const gref_study_sampler *s, int t);
const char *gref_study_absence(const gref_study_sampler *s, int t);

/* Adds an array; nothing happens when npz is NULL or A is empty. */
gref_status gref_study_add(gref_npz_writer *npz, const char *name, gref_mat A, int ndim);
/* The array LABEL/WHAT/T. */
gref_status gref_study_add_at(gref_npz_writer *npz, const char *label, const char *what, int t,
                              gref_mat A, int ndim);
/* LABEL/mean/T and LABEL/cov/T. */
gref_status gref_study_add_law(gref_npz_writer *npz, const char *label, int t, gref_mat mean,
                               gref_mat cov);

/*
 * gnuplot.c: pictures in the making. Its folder holds the *.gp scripts of src/study/gp, the files
 * with their data, and `script`, draw.gp, which calls them; the pictures go to the folder above.
 */
enum { GREF_PLOT_FILES = 8 };
typedef struct {
    gref_folder folder;
    FILE *files[GREF_PLOT_FILES], *script;
    int n_files;
} gref_plot;

/* A plot for pictures in `dir`. Unchanged on error. */
gref_status gref_plot_open(gref_plot *p, const char *dir);
/* One more file of its folder; the plot closes it. */
gref_status gref_plot_file(FILE **f, gref_plot *p, const char *name);
/* Runs gnuplot; `note` says why there is no picture. No more is written to the files. */
gref_status gref_plot_draw(char *note, int size, gref_plot *p);
void gref_plot_free(gref_plot *p); /* accepts {0}; removes the folder */

/* problem.png, bias.png, samples.png, w2.svg into `dir` by gnuplot; study->note says why not. */
gref_status gref_study_draw(gref_study *study, const char *dir);
/* asymptotics.svg, likewise; report->note says why not. */
gref_status gref_asymptotics_draw(gref_asymptotics_report *report, const char *dir);

/* budget.svg, likewise; budget->note says why not. */
gref_status gref_budget_draw(gref_budget *budget, const char *dir);

/* report.c: what every summary begins with, from "schema" to "path_reason". */
json_t *gref_json_head(const char *schema, const gref_case *c, int n, int m, const char *path,
                       const char *reason);

#endif
