/* A check as a table for people, and as JSON. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/internal.h"
#include "base/json.h"
#include "internal.h"

static const char *word(gref_verdict verdict)
{
    return verdict == GREF_VERDICT_AGREES    ? "agrees"
           : verdict == GREF_VERDICT_DIFFERS ? "differs"
                                             : "undecided";
}

static void print_place(FILE *out, const gref_check_row *row)
{
    char place[32] = "";
    if (row->ndim == 2)
        snprintf(place, sizeof place, "[%d, %d]", row->i, row->j);
    else if (row->ndim == 1)
        snprintf(place, sizeof place, "[%d]", row->i);
    fprintf(out, "%-10s %.9g, golden %.9g", place, row->candidate, row->golden);
}

enum { ROWS_SHOWN = 20 };

/* All rows that do not agree, and as many of the others as make ROWS_SHOWN. */
static void print_rows(FILE *out, const gref_check *check)
{
    int width = 5, shown = 0, wide = 7;
    while (shown < check->n_rows &&
           (shown < ROWS_SHOWN || check->rows[shown].verdict != GREF_VERDICT_AGREES))
        shown++;
    for (int k = 0; k < shown; k++) {
        width = (int)fmax(width, (double)strlen(check->rows[k].name));
        wide = (int)fmax(wide, (double)strlen(word(check->rows[k].verdict)));
    }
    if (check->n_rows > 0)
        fprintf(out, "%-*s  %-*s  ratio     max error  relative   tolerance  worst entry\n", width,
                "array", wide, "verdict");
    for (int k = 0; k < shown; k++) {
        const gref_check_row *row = &check->rows[k];
        fprintf(out, "%-*s  %-*s  %-8.2g  %-9.3g  %-9.3g  %-9.3g  ", width, row->name, wide,
                word(row->verdict), row->ratio, row->max_abs, row->max_rel, row->tolerance);
        print_place(out, row);
        fprintf(out, "%s\n", row->single ? " (single precision)" : "");
    }
    if (shown < check->n_rows)
        fprintf(out, "and %d more that agree, none with a larger ratio (--json lists all)\n",
                check->n_rows - shown);
}

static void print_samples(FILE *out, const gref_check_samples *s)
{
    const gref_sample_report *r = &s->report;
    fprintf(out, "%s: %d samples against the law at t = %d, %d of %d directions have variance\n",
            s->name, r->N, s->t, r->rank, r->n);
    for (int k = 0; k < GREF_SAMPLE_TESTS; k++)
        if (r->test[k].done)
            fprintf(out, "  %-12s p = %-9.3g %s\n", r->test[k].name, r->test[k].p,
                    r->test[k].detail);
        else
            fprintf(out, "  %-12s not done: %s\n", r->test[k].name, r->test[k].detail);
    if (r->estimated)
        fprintf(out, "  W2 to the law: %.3g, 95 %% interval [%.3g, %.3g]; W2^2 without bias %.3g\n",
                r->w2, r->lower, r->upper, r->w2_squared);
    fprintf(out, "  %s\n", r->sentence);
}

/* The verdict; of what is stored in single precision and undecided, why. */
static void print_verdict(FILE *out, const gref_check *check)
{
    int good = 0, blind = 0, all = check->n_rows + check->n_laws;
    for (int k = 0; k < check->n_rows; k++) {
        good += check->rows[k].verdict == GREF_VERDICT_AGREES;
        blind += check->rows[k].verdict == GREF_VERDICT_UNDECIDED;
    }
    for (int k = 0; k < check->n_laws; k++)
        blind += check->laws[k].verdict == GREF_VERDICT_UNDECIDED;
    if (blind > 0)
        fprintf(
            out,
            "\nundecided: single precision cannot tell in %d of %d: errors above the tolerance "
            "that rounding to\n"
            "24 bits may explain where inputs cancel; the same in double precision would decide\n",
            blind, all);
    fprintf(out, "\n%s", word(check->verdict));
    if (check->n_rows > 0)
        fprintf(out, ": %d of %d arrays within tolerance", good, check->n_rows);
    fprintf(out, "\n");
}

/** For people; the caller frees it; NULL without memory. */
char *gref_check_table(const gref_check *check)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL)
        return NULL;
    print_rows(out, check);
    for (int k = 0; k < check->n_laws; k++) {
        const gref_check_law *l = &check->laws[k];
        fprintf(
            out,
            "%s, cov: %s, W2 %.6g in [%.6g, %.6g] (mean %.3g, covariance %.3g), tolerance %.3g\n",
            l->name, word(l->verdict), l->w2.w2, l->w2.lower, l->w2.upper, l->w2.w2_mean,
            l->w2.w2_cov, l->tolerance);
    }
    for (int k = 0; k < check->n_samples; k++)
        print_samples(out, &check->samples[k]);
    if (check->departure[0] != '\0')
        fprintf(out, "\n%s\n", check->departure);
    print_verdict(out, check);
    return fclose(out) == 0 ? text : NULL;
}

static json_t *row_json(const gref_check_row *row)
{
    json_t *place = row->ndim == 2   ? json_pack("[i, i]", row->i, row->j)
                    : row->ndim == 1 ? json_pack("[i]", row->i)
                                     : json_array();
    return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name", row->name,
                     "verdict", word(row->verdict), "precision", row->single ? "single" : "double",
                     "max_abs", number(row->max_abs), "max_rel", number(row->max_rel), "tolerance",
                     number(row->tolerance), "bound", number(row->bound), "ratio",
                     number(row->ratio), "worst", place, "candidate", number(row->candidate),
                     "golden", number(row->golden));
}

static json_t *law_json(const gref_check_law *l)
{
    return json_pack("{s:s, s:s, s:i, s:o, s:o, s:o, s:o, s:o}", "name", l->name, "verdict",
                     word(l->verdict), "t", l->t, "w2", number(l->w2.w2), "lower",
                     number(l->w2.lower), "upper", number(l->w2.upper), "tolerance",
                     number(l->tolerance), "bound", number(l->bound));
}

static json_t *samples_json(const gref_check_samples *s)
{
    const gref_sample_report *r = &s->report;
    json_t *tests = json_array();
    for (int k = 0; k < GREF_SAMPLE_TESTS; k++)
        json_array_append_new(tests, json_pack("{s:s, s:b, s:o, s:o, s:s}", "name", r->test[k].name,
                                               "done", (int)r->test[k].done, "statistic",
                                               number(r->test[k].statistic), "p",
                                               r->test[k].done ? number(r->test[k].p) : json_null(),
                                               "detail", r->test[k].detail));
    json_t *o = json_pack("{s:s, s:s, s:i, s:i, s:i, s:i, s:o, s:o, s:s}", "name", s->name,
                          "verdict", word(r->verdict), "t", s->t, "N", r->N, "n", r->n, "rank",
                          r->rank, "p", number(r->p), "tests", tests, "sentence", r->sentence);
    const struct {
        const char *key;
        double value;
    } list[] = {{"w2_squared", r->w2_squared}, {"w2", r->w2},           {"lower", r->lower},
                {"upper", r->upper},           {"visible", r->visible}, {"needed", r->needed}};
    for (size_t k = 0; k < sizeof list / sizeof *list; k++)
        json_object_set_new(o, list[k].key, r->estimated ? number(list[k].value) : json_null());
    json_object_set_new(o, "spread", number(r->spread));
    return o;
}

/** Schema gref-check/1; the caller frees it; NULL without memory. */
char *gref_check_json(const gref_check *check)
{
    json_t *rows = json_array(), *laws = json_array(), *samples = json_array();
    for (int k = 0; k < check->n_rows; k++)
        json_array_append_new(rows, row_json(&check->rows[k]));
    for (int k = 0; k < check->n_laws; k++)
        json_array_append_new(laws, law_json(&check->laws[k]));
    for (int k = 0; k < check->n_samples; k++)
        json_array_append_new(samples, samples_json(&check->samples[k]));
    bool departs = check->departs_at >= 0;
    json_t *o = json_pack("{s:s, s:s, s:o, s:s, s:s, s:o, s:o, s:o}", "schema", "gref-check/1",
                          "verdict", word(check->verdict), "departs_at",
                          departs ? json_integer(check->departs_at) : json_null(), "at_fault",
                          check->at_fault, "departure", check->departure, "arrays", rows, "laws",
                          laws, "samples", samples);
    return json_text(o);
}
