/* t -> 0 as text: asymptotics.json and the list for programs, asymptotics.csv for plots, a table
 * for people. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/internal.h"
#include "base/json.h"
#include "files/internal.h"
#include "internal.h"
#include <gref/version.h>

static json_t *line_json(const gref_asymptotics_line *line)
{
    json_t *o = json_pack("{s:s}", "sampler", line->sampler);
    if (line->alpha > 0.0)
        json_object_set_new(o, "alpha", number(line->alpha));
    else
        json_object_set_new(o, "r2", json_string(gref_r2_name(line->r2)));
    json_object_set_new(o, "order", number(line->order));
    json_object_set_new(o, "order_expected", json_integer(line->expected));
    json_object_set_new(o, "order_mean", number(line->order_mean));
    json_object_set_new(o, "order_w2", number(line->order_w2));
    json_object_set_new(o, "decades", json_integer(line->decades));
    json_object_set_new(o, "coefficient", number(line->coefficient));
    json_object_set_new(o, "coefficient_error", number(line->coefficient_error));
    json_object_set_new(o, "limit_distance", number(line->limit_distance));
    json_object_set_new(o, "equal", json_boolean(line->equal));
    json_object_set_new(o, "holds", json_boolean(line->holds));
    return o;
}

static json_t *lines_json(const gref_asymptotics_report *report)
{
    json_t *list = json_array();
    for (int k = 0; k < report->a->n_lines; k++)
        json_array_append_new(list, line_json(&report->a->lines[k]));
    return list;
}

/**
 * A JSON list, one object for each sampler and alpha or r2: `order` and `coefficient_error` at the
 * smallest e (null if the laws are equal at every e), what they are held to, and `limit_distance`,
 * W2 between the limits. Caller frees.
 */
char *gref_asymptotics_list(const gref_asymptotics_report *report)
{
    return json_text(lines_json(report));
}

/** asymptotics.json: what made asymptotics.csv and asymptotics.svg, and that list. The caller frees it. */
char *gref_asymptotics_summary(const gref_asymptotics_report *report)
{
    const gref_asymptotics *a = report->a;
    json_t *o = gref_json_head("gref-asymptotics/1", report->c, a->n, a->m, report->path,
                               report->path_reason);
    json_object_set_new(o, "self_test", json_string(report->self_tested ? "passed" : "skipped"));
    json_object_set_new(o, "note",
                        report->note[0] == '\0' ? json_null() : json_string(report->note));
    json_object_set_new(o, "zero_eigenvalues", json_integer(a->zeros));
    json_object_set_new(o, "mixing", number(a->mixing));
    json_object_set_new(o, "mixed", json_boolean(a->mixed));
    json_object_set_new(o, "mixing_undecided", json_boolean(a->undecided));
    json_object_set_new(o, "blind", json_boolean(a->blind));
    json_object_set_new(o, "holds", json_boolean(report->holds));
    json_object_set_new(o, "lines", lines_json(report));
    return json_text(o);
}

static void put_csv(FILE *f, const void *what)
{
    const gref_asymptotics_report *report = what;
    fprintf(f, "sampler,alpha,r2,e,cov,mean,w2,cov_to_limit,mean_to_limit,w2_to_limit,slope,"
               "coefficient_error\n");
    for (int k = 0; k < report->a->n_lines; k++) {
        const gref_asymptotics_line *line = &report->a->lines[k];
        for (int i = 0; i < line->n_points; i++) {
            const gref_asymptotics_point *p = &line->points[i];
            if (line->alpha > 0.0)
                fprintf(f, "%s,%.17g,,", line->sampler, line->alpha);
            else
                fprintf(f, "%s,,%s,", line->sampler, gref_r2_name(line->r2));
            fprintf(f, "%.17g,%.17g,%.17g,%.17g,%.17g,%.17g,%.17g,", p->e, p->cov, p->mean, p->w2,
                    p->apart, p->apart_mean, p->apart_w2);
            if (isfinite(p->slope))
                fprintf(f, "%.17g", p->slope);
            fprintf(f, ",%.17g\n", p->coefficient_error);
        }
    }
}

/** asymptotics.csv: a row for each line and e; an empty slope at the first e. The caller frees it. */
char *gref_asymptotics_csv(const gref_asymptotics_report *report)
{
    return gref_text(put_csv, report);
}

static void table_over_e(FILE *f, const gref_asymptotics *a)
{
    enum { WIDTH = 17 };
    char name[40];
    fprintf(f, "|C_alg - C_CGDM|_2 / |C_CGDM|_2 at e = 1 - abar\n%-6s", "");
    for (int k = 0; k < a->n_lines; k++)
        fprintf(f, "  %*s", WIDTH, a->lines[k].sampler);
    fprintf(f, "\n%-6s", "e");
    for (int k = 0; k < a->n_lines; k++) {
        gref_asymptotics_name(name, sizeof name, &a->lines[k]);
        fprintf(f, "  %*s", WIDTH, strncmp(name, "r2 = ", 5) == 0 ? name + 5 : name);
    }
    fprintf(f, "\n");
    for (int i = 0; i < a->lines[0].n_points; i++) {
        fprintf(f, "%-6.0e", a->lines[0].points[i].e);
        for (int k = 0; k < a->n_lines; k++)
            fprintf(f, "  %*.4e", WIDTH, a->lines[k].points[i].cov);
        fprintf(f, "\n");
    }
}

static void put_order(FILE *f, double order)
{
    if (isfinite(order))
        fprintf(f, " %8.4f", order);
    else
        fprintf(f, " %8s", "-");
}

/* The laws are held against their limit, which is CGDM's but for dps with alpha other than 1. */
static void table_of_orders(FILE *f, const gref_asymptotics *a)
{
    char name[40];
    fprintf(f,
            "\nOrders towards the limit between the two smallest e, leading coefficient at the "
            "smallest\n"
            "%-6s %-22s %6s %8s %8s %8s %8s %12s %8s %12s\n",
            "", "", "theory", "cov", "mean", "W2", "decades", "coefficient", "error", "limit W2");
    for (int k = 0; k < a->n_lines; k++) {
        const gref_asymptotics_line *line = &a->lines[k];
        gref_asymptotics_name(name, sizeof name, line);
        fprintf(f, "%-6s %-22s %6d", line->sampler, name, line->expected);
        put_order(f, line->order);
        put_order(f, line->order_mean);
        put_order(f, line->order_w2);
        fprintf(f, " %8d %12.4e %8.1e %12.4e%s\n", line->decades, line->coefficient,
                line->coefficient_error, line->limit_distance,
                line->equal   ? "  equal at every e"
                : line->holds ? ""
                              : "  <-- NOT as in theory");
    }
}

/* What kind of Sigma this is, on which the theory depends. */
static void put_kind(FILE *f, const gref_asymptotics *a)
{
    if (a->zeros == 0)
        fprintf(f, "Sigma is invertible");
    else
        fprintf(f, "Sigma is singular (%d of %d eigenvalues %s zero) and %s", a->zeros, a->n,
                a->zeros == 1 ? "is" : "are",
                a->blind       ? "A sees nothing of its range"
                : a->mixed     ? "A mixes its kernel with its range"
                : a->undecided ? "rounding hides whether A mixes its kernel with its range"
                               : "A does not mix its kernel with its range");
}

/* "pigdm (r2 = 1-abar) meets cgdm at order 2.00" */
static void put_claim(FILE *f, const gref_asymptotics_line *line, const char *name)
{
    bool other = line->alpha > 0.0 && line->alpha != 1.0;
    fprintf(f, "; %s (%s) ", line->sampler, name);
    if (line->equal)
        fprintf(f, "is %s at every e", other ? "its limit" : "cgdm");
    else
        fprintf(f, "meets %s at order %.2f%s", other ? "another law" : "cgdm", line->order,
                line->holds ? "" : " (NOT the theory's)");
    if (other)
        fprintf(f, ", W2 %.3g away", line->limit_distance);
}

static bool says_the_same(const gref_asymptotics_line *x, const gref_asymptotics_line *y)
{
    return x->holds == y->holds && x->equal == y->equal &&
           (x->equal || fabs(x->order - y->order) < 0.005);
}

/* Each dps; then pigdm, at once if its r2 all say the same. */
static void put_claims(FILE *f, const gref_asymptotics *a)
{
    char name[40];
    const gref_asymptotics_line *first = NULL;
    bool same = true;
    for (int k = 0; k < a->n_lines; k++)
        if (a->lines[k].alpha == 0.0) {
            first = first == NULL ? &a->lines[k] : first;
            same = same && says_the_same(first, &a->lines[k]);
        }
    for (int k = 0; k < a->n_lines; k++) {
        gref_asymptotics_name(name, sizeof name, &a->lines[k]);
        if (a->lines[k].alpha > 0.0 || !same)
            put_claim(f, &a->lines[k], name);
        else if (&a->lines[k] == first)
            put_claim(f, first, "every r2");
    }
}

/* One line: which claim of THEORY section 5 holds, at which order. */
static void put_verdict(FILE *f, const gref_asymptotics_report *report)
{
    const gref_asymptotics_line *line = &report->a->lines[0];
    if (report->undecided)
        fprintf(f, "cannot tell: ");
    else if (report->holds)
        fprintf(f, "as in theory: ");
    else
        fprintf(f, "NOT AS IN THEORY down to e = %.0e: ", line->points[line->n_points - 1].e);
    put_kind(f, report->a);
    put_claims(f, report->a);
    fprintf(f, "\n");
}

static void put_table(FILE *f, const void *what)
{
    const gref_asymptotics_report *report = what;
    fprintf(f, "n = %d (%d x %d), m = %d, sigma = %g; %s path\n\n", report->a->n, report->rows,
            report->cols, report->a->m, report->sigma, report->path);
    table_over_e(f, report->a);
    table_of_orders(f, report->a);
    fprintf(f, "\n");
    put_verdict(f, report);
}

/** The table that `gref asymptotics` prints; its last line is the verdict. The caller frees it. */
char *gref_asymptotics_table(const gref_asymptotics_report *report)
{
    return gref_text(put_table, report);
}
