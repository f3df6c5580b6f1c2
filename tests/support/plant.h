/* Plants deviations of the catalogue and has them found: what the quick and the slow test of
 * diagnosis share. */
#ifndef GREF_TEST_PLANT_H
#define GREF_TEST_PLANT_H

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "support.h"
#include "theirs.h"
#include "toy.h"
#include "verify/internal.h"

static const int at[] = {12, 9, 6, 3, 1, 0};
enum { T = 12, N_AT = 6 };

/* Does the candidate differ from the golden file anywhere, by more than plain inverses and the
 * fixture's rounding? */
static inline bool departs(const gref_truth *t, const gref_arrays *a)
{
    for (int k = 0; k < a->n; k++) {
        const gref_array *g = gref_arrays_find(&t->arrays, a->item[k].name);
        double d = gref_mat_diff_max(gref_const(a->item[k].A), gref_const(g->A));
        if (!(d <= 100 * gref_truth_tolerance(t, g, false)))
            return true;
    }
    return false;
}

static inline bool all_finite(const gref_arrays *a)
{
    for (int k = 0; k < a->n; k++)
        if (!gref_mat_finite(gref_const(a->item[k].A), NULL, NULL))
            return false;
    return a->n > 0;
}

/* Do other deviations make the same arrays, to 1e-6 of each? Then nobody can tell them apart. */
static inline bool equivalent(const gref_truth *t, const gref_arrays *a, const char *const *whats,
                              const int row[2])
{
    gref_arrays b;
    const gref_deviation *second = gref_catalogue_row(row[1]);
    if (!their_arrays(&b, t, whats, gref_catalogue_row(row[0])->name,
                      second != NULL ? second->name : NULL))
        return false;
    bool same = true;
    for (int k = 0; k < b.n; k++) {
        const gref_array *x = gref_arrays_find(a, b.item[k].name);
        if (x == NULL) /* an array that the first sampler does not have: nothing to compare */
            continue;
        same = same && gref_mat_diff_fro(gref_const(x->A), gref_const(b.item[k].A)) <=
                           1e-6 * gref_mat_norm_fro(gref_const(x->A)) + 1e-12;
    }
    gref_arrays_free(&b);
    return same;
}

/* Plants a (and b); 0: nothing to see, 1: found by name, 2: an equivalent was found. Aborts where
 * neither was. */
static inline int plant_and_find(const gref_truth *t, const char *const *whats, const char *a,
                                 const char *b)
{
    gref_arrays theirs;
    gref_diagnosis *d = NULL;
    char name[96], turned[96];
    int found = 0;
    snprintf(name, sizeof name, "%s%s%s", a, b != NULL ? " + " : "", b != NULL ? b : "");
    snprintf(turned, sizeof turned, "%s + %s", b != NULL ? b : "", a);
    if (!their_arrays(&theirs, t, whats, a, b) || !all_finite(&theirs) || !departs(t, &theirs)) {
        gref_arrays_free(&theirs);
        return 0;
    }
    ck_ok(gref_diagnose_arrays(&d, t, &theirs, NULL));
    ck_assert_msg(!d->agrees && d->n_entries > 0 && d->entries[0].explains,
                  "%s on %s: not explained; nearest %s, %.3g", name, whats[0],
                  d->n_entries > 0 ? d->entries[0].name : "nothing",
                  d->n_entries > 0 ? d->entries[0].unexplained : 1.0);
    for (int k = 0; k < d->n_entries && found == 0; k++)
        found = strcmp(d->entries[k].name, name) == 0 || strcmp(d->entries[k].name, turned) == 0;
    for (int k = 0; k < d->n_entries && found == 0; k++) {
        bool same = equivalent(t, &theirs, whats, d->entries[k].row);
        ck_assert_msg(same, "%s on %s: %s was named, which does something else", name, whats[0],
                      d->entries[k].name);
        found = 2;
    }
    gref_diagnosis_free(d);
    gref_arrays_free(&theirs);
    return found;
}

/* The sampler whose arrays show the deviation best. */
static inline const char *method_for(const char *name)
{
    return strncmp(name, "r2", 2) == 0 || strcmp(name, "likelihood-dps") == 0 ||
                   strcmp(name, "likelihood-cgdm") == 0
               ? "pigdm"
               : "dps";
}

static inline gref_truth *truth_for(const char *name, bool blur)
{
    gref_sampler_spec spec = make_spec(method_for(name));
    gref_convention *c = &spec.convention;
    c->variance =
        strcmp(name, "variance-beta-tilde") == 0 ? GREF_VARIANCE_BETA : GREF_VARIANCE_BETA_TILDE;
    if (strncmp(name, "last-noise", 10) == 0)
        c->variance = GREF_VARIANCE_BETA; /* beta~_1 = 0: nothing to add or leave out */
    c->last_noise = strcmp(name, "last-noise-left-out") == 0;
    c->guidance = strcmp(name, "guidance-score") == 0 ? GREF_GUIDANCE_MEAN : GREF_GUIDANCE_SCORE;
    c->start = strcmp(name, "start-standard") == 0 ? GREF_START_EXACT : GREF_START_STANDARD;
    c->r2 = strcmp(name, "r2-1-abar") == 0 ? GREF_R2_1_ABAR_ABAR : GREF_R2_1_ABAR;
    return make_truth(blur ? blur_problem(3) : inpainting_problem(4), T, &spec, at, N_AT);
}

#endif
