/* A diagnosis as text and as JSON; the best linear relation where the catalogue has no answer. */
#include <math.h>
#include <stdlib.h>

#include "base/internal.h"
#include "base/json.h"
#include "view.h"

static bool is_square(const gref_view *v)
{
    return gref_view_is_matrix(v) || v->kind == GREF_VIEW_COV;
}

/* Entry of the identity as the view shows it: Omega, or Omega^T Omega; of all ones where the array
 * is no matrix. */
static double identity(const gref_view *v, int i, int j)
{
    if (!is_square(v))
        return 1.0;
    if (v->kind != GREF_VIEW_COV)
        return GREF_AT(v->points, i, j);
    double sum = 0.0;
    for (int k = 0; k < v->points.m; k++)
        sum += GREF_AT(v->points, k, i) * GREF_AT(v->points, k, j);
    return sum;
}

/* x = c g + d e by least squares, e the identity as seen or all ones; returns the part left
 * over. */
static double fit(double *c, double *d, const gref_view *v)
{
    double gg = 0, ge = 0, ee = 0, xg = 0, xe = 0, xx = 0;
    for (int j = 0; j < v->x.n; j++)
        for (int i = 0; i < v->x.m; i++) {
            double g = GREF_AT(v->g, i, j), x = GREF_AT(v->x, i, j), e = identity(v, i, j);
            gg += g * g;
            ge += g * e;
            ee += e * e;
            xg += x * g;
            xe += x * e;
            xx += x * x;
        }
    double det = gg * ee - ge * ge;
    *c = gg > 0.0 ? xg / gg : 0.0;
    *d = 0.0;
    if (det > 1e-9 * gg * ee) {
        *c = (xg * ee - xe * ge) / det;
        *d = (gg * xe - ge * xg) / det;
    }
    double rest = xx - *c * xg - *d * xe;
    return xx > 0.0 ? sqrt(fmax(0.0, rest) / xx) : 0.0;
}

void gref_best_relation(char *text, size_t size, const gref_views *vs)
{
    const gref_view *best = NULL;
    double left = INFINITY, bc = 0.0, bd = 0.0;
    for (int k = 0; k < vs->n_views; k++) {
        double c, d;
        const gref_view *v = &vs->views[k];
        if (v->kind == GREF_VIEW_NONE || !v->departs || v->x.m * v->x.n < 3)
            continue;
        double rest = fit(&c, &d, v);
        if (rest < left) {
            left = rest;
            best = v;
            bc = c;
            bd = d;
        }
    }
    if (best != NULL)
        snprintf(text, size,
                 "%s is about %.6g times the golden array plus %.6g %s; %.3g %% is left over",
                 best->golden->name, bc, bd, is_square(best) ? "I" : "(a constant)", 100 * left);
}

/** For people; the caller frees it; NULL without memory. */
char *gref_diagnosis_table(const gref_diagnosis *d)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL)
        return NULL;
    if (d->agrees || (d->n_entries == 0 && !d->none)) {
        fprintf(out, "nothing to explain: %d arrays agree within their tolerances\n", d->n_arrays);
    } else {
        fprintf(out, "%d arrays, relative distance %.3g to the golden values\n\n", d->n_arrays,
                d->distance);
        if (d->n_entries > 0)
            fprintf(out, "distance   unexplained  explanation\n");
        for (int k = 0; k < d->n_entries; k++) {
            const gref_diagnosis_entry *e = &d->entries[k];
            fprintf(out, "%-9.3g  %8.2g %%   %s%s\n%25s%s\n", e->distance, 100 * e->unexplained,
                    e->name, e->explains ? "" : " (in part)", "", e->sentence);
        }
        if (d->none)
            fprintf(out,
                    "\nnone of these: no deviation of the catalogue, alone or in pairs, explains "
                    "the candidate\n%s\n",
                    d->relation);
        else if (d->n_entries > 1)
            fprintf(out, "\nthe candidate's arrays cannot tell these apart\n");
    }
    if (d->note[0] != '\0')
        fprintf(out, "\n%s\n", d->note);
    return fclose(out) == 0 ? text : NULL;
}

/** Schema gref-diagnosis/1; the caller frees it; NULL without memory. */
char *gref_diagnosis_json(const gref_diagnosis *d)
{
    json_t *list = json_array();
    for (int k = 0; k < d->n_entries; k++) {
        const gref_diagnosis_entry *e = &d->entries[k];
        json_array_append_new(list,
                              json_pack("{s:s, s:f, s:f, s:b, s:s}", "name", e->name, "distance",
                                        e->distance, "unexplained", e->unexplained, "explains",
                                        (int)e->explains, "sentence", e->sentence));
    }
    json_t *o = json_pack("{s:s, s:b, s:i, s:i, s:s, s:f, s:b, s:o, s:s}", "schema",
                          "gref-diagnosis/1", "agrees", (int)d->agrees, "arrays", d->n_arrays,
                          "not_looked_at", d->n_others, "note", d->note, "distance", d->distance,
                          "none_of_these", (int)d->none, "entries", list, "relation", d->relation);
    return json_text(o);
}
