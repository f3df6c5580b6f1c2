/* A study as text: summary.json for programs, w2.csv for plots, a table for people. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/internal.h"
#include "base/json.h"
#include "files/internal.h"
#include "internal.h"
#include <gref/backend.h>
#include <gref/version.h>

/* "diverged": no double holds the law; "lost": none of its digits is right; NULL: it is known. */
static const char *fate(const gref_study_sampler *s, const gref_study_row *row)
{
    return !row->diverged ? NULL : s->lost ? "lost" : "diverged";
}

static json_t *w2_row(int t, gref_w2 w, const char *diverged)
{
    json_t *row = json_pack("{s:i}", "t", t);
    if (diverged != NULL)
        json_object_set_new(row, diverged, json_true());
    json_object_set_new(row, "w2", diverged ? json_null() : number(w.w2));
    json_object_set_new(row, "w2_mean", diverged ? json_null() : number(w.w2_mean));
    json_object_set_new(row, "w2_cov", diverged ? json_null() : number(w.w2_cov));
    json_object_set_new(row, "certified", json_boolean(w.certified && diverged == NULL));
    if (w.certified && diverged == NULL) {
        json_object_set_new(row, "lower", number(w.lower));
        json_object_set_new(row, "upper", number(w.upper));
        json_object_set_new(row, "r_in", number(w.r_in));
    }
    return row;
}

/* Of the state as it is at the end, beside the distances there. */
static void add_data(json_t *step, const gref_study_row *row)
{
    json_object_set_new(step, "w2_data", number(row->data.w2));
    json_object_set_new(step, "w2_data_mean", number(row->data.w2_mean));
    json_object_set_new(step, "w2_data_cov", number(row->data.w2_cov));
}

static json_t *sampler_json(const gref_study_sampler *s)
{
    json_t *steps = json_array(), *modelled = json_array(), *prior = json_array();
    for (int k = 0; k < s->n_rows; k++) {
        const gref_study_row *row = &s->rows[k];
        json_t *step = w2_row(row->t, row->w2, fate(s, row));
        if (row->mean_lost && !row->diverged)
            json_object_set_new(step, "mean_lost", json_true());
        if (row->no_proof != NULL && !row->diverged)
            json_object_set_new(step, "no_proof", json_string(row->no_proof));
        if (row->w2_error > 0.0 && !row->diverged) {
            json_object_set_new(step, "mean_error", number(row->mean_error));
            json_object_set_new(step, "cov_error", number(row->cov_error));
            json_object_set_new(step, "w2_error", number(row->w2_error));
        }
        if (row->ends_early)
            add_data(step, row);
        json_array_append_new(steps, step);
        if (s->models && !s->to_prior)
            json_array_append_new(modelled, w2_row(row->t, row->modelled, NULL));
        json_array_append_new(prior, w2_row(row->t, row->prior, fate(s, row)));
    }
    json_t *o = json_pack("{s:s, s:s, s:o, s:b}", "name", s->spec.name, "label", s->spec.label,
                          "conventions", gref_convention_json(&s->spec), "stable", (int)s->stable);
    if (s->to_prior)
        json_object_set_new(o, "target", json_string("prior"));
    json_object_set_new(o, "first_unstable_step",
                        s->stable ? json_null() : json_integer(s->first_unstable));
    json_object_set_new(o, "diverged_at",
                        s->lost || s->diverged_at < 0 ? json_null() : json_integer(s->diverged_at));
    json_object_set_new(o, "lost_at", s->lost ? json_integer(s->diverged_at) : json_null());
    json_object_set_new(o, "growth_log10", number(s->growth));
    if (!s->stable)
        json_object_set_new(o, "stable_scale", number(s->stable_scale));
    json_object_set_new(o, "steps", steps);
    json_object_set(o, "modelled", s->models ? modelled : json_null());
    json_decref(modelled);
    if (s->guided)
        json_decref(prior);
    else
        json_object_set_new(o, "to_prior", prior);
    return o;
}

/* The BLAS in use. */
static json_t *backend(void)
{
    gref_backend b = gref_backend_query();
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:s, s:s, s:s}", "name", b.blas, "config",
                     b.blas_config, "path", b.blas_path, "core", b.core, "threads", b.threads,
                     "flavour", b.flavour, "lapack", b.lapack, "lapack_path", b.lapack_path, "cpu",
                     b.cpu);
}

json_t *gref_json_head(const char *schema, const gref_case *c, int n, int m, const char *path,
                       const char *reason)
{
    return json_pack("{s:s, s:s, s:o, s:o, s:i, s:i, s:s, s:s}", "schema", schema, "version",
                     gref_version(), "blas", backend(), "case",
                     json_deep_copy(gref_case_completed(c)), "n", n, "m", m, "path", path,
                     "path_reason", reason);
}

/**
 * summary.json: what was run on what, and every distance, with 17 significant digits.
 *
 * A diverged law has "diverged": true, a lost one "lost": true (gref_marginal_lost), both null
 * distances. "modelled" holds the same distances for N(mu_{t|v}, C_{t|v}); an unconditional sampler
 * has "to_prior" besides. A sampler whose "target" is "prior" has its distances to that, and no
 * "modelled". Where a chain ends and abar is not 1, "w2_data" is the distance of the state as it is.
 * @return text that the caller frees, or NULL without memory.
 */
char *gref_study_summary(const gref_study *study)
{
    json_t *samplers = json_array();
    for (int k = 0; k < study->n_samplers; k++)
        json_array_append_new(samplers, sampler_json(&study->samplers[k]));
    json_t *o = gref_json_head("gref-summary/1", study->c, study->n, study->m, study->path,
                               study->path_reason);
    json_object_set_new(o, "posterior_spread", number(study->spread));
    json_object_set_new(o, "clipped_eigenvalue", number(study->clipped));
    json_object_set_new(o, "self_test", json_string(study->self_tested ? "passed" : "skipped"));
    json_object_set_new(o, "note", study->note[0] == '\0' ? json_null() : json_string(study->note));
    json_object_set_new(o, "samplers", samplers);
    if (study->not_studied[0] != '\0')
        json_object_set_new(o, "not_studied", json_string(study->not_studied));
    return json_text(o);
}

static void put_csv_values(FILE *f, const gref_study_row *row)
{
    fprintf(f, "%.17g,", row->w2.w2);
    if (row->mean_lost)
        fprintf(f, "lost,");
    else
        fprintf(f, "%.17g,", row->w2.w2_mean);
    fprintf(f, "%.17g", row->w2.w2_cov);
}

/* The end of a sampler that ends before abar is 1. */
static bool any_ends_early(const gref_study *study)
{
    for (int k = 0; k < study->n_samplers; k++)
        if (study->samplers[k].rows[study->samplers[k].n_rows - 1].ends_early)
            return true;
    return false;
}

static void put_csv(FILE *f, const void *what)
{
    const gref_study *study = what;
    bool data = any_ends_early(study);
    fprintf(f, "sampler,t,w2,w2_mean,w2_cov%s\n", data ? ",w2_data" : "");
    for (int k = 0; k < study->n_samplers; k++)
        for (int i = 0; i < study->samplers[k].n_rows; i++) {
            const gref_study_row *row = &study->samplers[k].rows[i];
            fprintf(f, "%s,%d,", study->samplers[k].spec.label, row->t);
            const char *word = fate(&study->samplers[k], row);
            if (word != NULL)
                fprintf(f, "%s,%s,%s", word, word, word);
            else
                put_csv_values(f, row);
            if (row->ends_early)
                fprintf(f, ",%.17g\n", row->data.w2);
            else
                fputs(data ? ",\n" : "\n", f);
        }
}

/**
 * w2.csv: sampler,t,w2,w2_mean,w2_cov; the word "diverged" or "lost" where there is none. Where a
 * sampler ends before abar is 1, also w2_data, in its last row. Caller frees.
 */
char *gref_study_csv(const gref_study *study)
{
    return gref_text(put_csv, study);
}

enum { COLUMN = 10 };

/* A word, or a number that nothing proves: 3 digits in brackets. 0 is an identity. */
static void put_number(FILE *f, int column, double x, const char *fate)
{
    char shown[48];
    snprintf(shown, sizeof shown, x == 0.0 ? "0" : "(%.2e)", x);
    fprintf(f, " %*s", column, fate != NULL ? fate : shown);
}

/* W2 with the digits that are proved, 5 at most; without a proof as any number. */
static void put_w2(FILE *f, int column, gref_w2 w, const char *fate)
{
    char text[40];
    if (fate == NULL && w.certified &&
        gref_proven_digits(text, sizeof text, w.lower, w.upper, 5) > 0)
        fprintf(f, " %*s", column, text);
    else
        put_number(f, column, w.w2, fate);
}

/* As wide as what stands for a t of laws_at that a sampler does not visit, if there is one. */
static int column_width(const gref_study *study, const int *t, int count)
{
    int width = COLUMN;
    for (int i = 0; i < study->n_samplers; i++)
        for (int k = 0; k < count; k++)
            if (gref_study_row_at(&study->samplers[i], t[k]) == NULL) {
                int length = (int)strlen(gref_study_absence(&study->samplers[i], t[k]));
                width = length > width ? length : width;
            }
    return width;
}

/* True if every distance is to the prior. */
static bool all_to_prior(const gref_study *study)
{
    for (int k = 0; k < study->n_samplers; k++)
        if (!study->samplers[k].to_prior)
            return false;
    return true;
}

static void table_over_t(FILE *f, const gref_study *study, int width)
{
    const int *t = NULL;
    int count = gref_case_laws_at(study->c, &t), column = column_width(study, t, count);
    fprintf(f, "W2 of the sampler's law to %s, pixel units; proved digits, (.) not proved\n%-*s",
            all_to_prior(study) ? "the prior's p_t(x)" : "the exact p_t(x | v)", width, "sampler");
    for (int k = 0; k < count; k++) {
        char head[24];
        snprintf(head, sizeof head, "t=%d", t[k]);
        fprintf(f, " %*s", column, head);
    }
    fprintf(f, "\n");
    for (int i = 0; i < study->n_samplers; i++) {
        const gref_study_sampler *s = &study->samplers[i];
        fprintf(f, "%-*s", width, s->spec.label);
        for (int k = 0; k < count; k++) {
            const gref_study_row *row = gref_study_row_at(s, t[k]);
            if (row == NULL)
                fprintf(f, " %*s", column, gref_study_absence(s, t[k]));
            else
                put_w2(f, column, row->w2, fate(s, row));
        }
        fprintf(f, "\n");
    }
}

/* What the last row of a sampler is, where it is not the law of x0 given v. */
static void put_end(FILE *f, int width, const gref_study_sampler *s, const gref_study_row *row)
{
    const char *law = s->to_prior ? "p_t(x)" : "p_t(x | v)";
    if (row->t != 0)
        fprintf(f, "%-*s ends at t = %d: against %s there\n", width, "", row->t, law);
    if (row->ends_early)
        fprintf(f, "%-*s the state as it is, abar < 1, against the %s: W2 (%.2e)\n", width, "",
                s->to_prior ? "prior" : "posterior", row->data.w2);
    if (s->to_prior)
        fprintf(f, "%-*s measured to the prior\n", width, "");
    else if (!s->guided && !row->diverged)
        fprintf(f, "%-*s ignores v: W2 to the prior (%.2e)\n", width, "", row->prior.w2);
}

/* The key that scales the guidance. */
static const char *scale_name(const gref_study_sampler *s)
{
    return s->spec.convention.guidance == GREF_GUIDANCE_AFTER ? "zeta" : "alpha";
}

static void table_at_end(FILE *f, const gref_study *study, int width)
{
    if (all_to_prior(study))
        fprintf(f, "\nAt t = 0, against the prior\n");
    else
        fprintf(f, "\nAt t = 0, against the posterior (spread sqrt tr Sigma_post = %.4e)\n",
                study->spread);
    fprintf(f, "%-*s %10s %10s %10s %10s  %s\n", width, "sampler", "W2", "mean part", "cov part",
            "modelled", "steps with an eigenvalue of M_t below -1");
    for (int i = 0; i < study->n_samplers; i++) {
        const gref_study_sampler *s = &study->samplers[i];
        const gref_study_row *row = &s->rows[s->n_rows - 1];
        fprintf(f, "%-*s", width, s->spec.label);
        put_w2(f, COLUMN, row->w2, fate(s, row));
        put_number(f, COLUMN, row->w2.w2_mean, row->mean_lost ? "lost" : fate(s, row));
        put_number(f, COLUMN, row->w2.w2_cov, fate(s, row));
        put_number(f, COLUMN, row->modelled.w2, s->models && !s->to_prior ? NULL : "-");
        if (s->stable)
            fprintf(f, "  none\n");
        else
            fprintf(f, "  from t = %d on; spread up to 10^%.1f times the target's\n",
                    s->first_unstable, s->growth);
        if (s->diverged_at >= 0)
            fprintf(f, "%-*s %s from t = %d on\n", width, "",
                    s->lost ? "the law has grown, shrunk, and is lost to rounding"
                            : "the law exceeds every double",
                    s->diverged_at);
        if (isfinite(s->stable_scale))
            fprintf(f, "%-*s every step is stable up to %s = %.3g\n", width, "", scale_name(s),
                    s->stable_scale);
        if (!s->models && !s->stable)
            fprintf(f, "%-*s its matrices count as such where |M_t| > max(1, |M_t without data|)\n",
                    width, "");
        put_end(f, width, s, row);
    }
}

static void put_table(FILE *f, const void *what)
{
    const gref_study *study = what;
    int width = 7;
    for (int k = 0; k < study->n_samplers; k++) {
        int length = (int)strlen(study->samplers[k].spec.label);
        width = length > width ? length : width;
    }
    fprintf(f, "n = %d (%d x %d), ", study->n, study->rows, study->cols);
    if (gref_case_is(study->c, "operator", "none"))
        fprintf(f, "no operator");
    else
        fprintf(f, "m = %d, sigma = %g", study->m, study->sigma);
    fprintf(f, ", T = %d; %s path\n\n", study->T, study->path);
    table_over_t(f, study, width);
    table_at_end(f, study, width);
    if (study->not_studied[0] != '\0')
        fprintf(f, "\nnot studied, for want of a Gaussian law: %s\n", study->not_studied);
}

/** The table that `gref study` prints. The caller frees it; NULL without memory. */
char *gref_study_table(const gref_study *study)
{
    return gref_text(put_table, study);
}
