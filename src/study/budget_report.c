/* A budget as text: budget.json, budget.csv, a table for people, and its picture. */
#include <math.h>
#include <stdio.h>

#include "base/internal.h"
#include "base/json.h"
#include "files/internal.h"
#include "internal.h"

static json_t *line_json(const gref_budget_line *line)
{
    json_t *parts = json_object();
    for (int k = 0; k < GREF_BUDGET_PARTS; k++) {
        const gref_budget_entry *e = &line->without[k];
        json_t *part = json_pack("{s:o}", "w2", number(e->w2));
        if (e->reason[0] != '\0')
            json_object_set_new(part, "reason", json_string(e->reason));
        if (k == GREF_BUDGET_DISCRETISATION && e->reason[0] == '\0')
            json_object_set_new(part, "steps",
                                e->steps > 0 ? json_integer(e->steps) : json_string("closed form"));
        json_object_set_new(parts, gref_budget_part_name(k), part);
    }
    return json_pack("{s:s, s:s, s:o, s:o, s:o}", "name", line->spec.name, "label",
                     line->spec.label, "conventions", gref_convention_json(&line->spec), "w2",
                     number(line->w2), "without", parts);
}

/** budget.json: W2 at the end of each sampler, and without each source of error. The caller frees it. */
char *gref_budget_json(const gref_budget *b)
{
    json_t *lines = json_array();
    for (int k = 0; k < b->n_lines; k++)
        json_array_append_new(lines, line_json(&b->lines[k]));
    json_t *o = gref_json_head("gref-budget/1", b->c, b->n, b->m, "dense", "a budget is dense");
    json_object_set_new(o, "self_test", json_string(b->self_tested ? "passed" : "skipped"));
    json_object_set_new(o, "note", b->note[0] == '\0' ? json_null() : json_string(b->note));
    json_object_set_new(o, "samplers", lines);
    return json_text(o);
}

static void put_csv(FILE *f, const void *what)
{
    const gref_budget *b = what;
    fprintf(f, "sampler,without,w2,steps\n");
    for (int i = 0; i < b->n_lines; i++) {
        const gref_budget_line *line = &b->lines[i];
        fprintf(f, "%s,nothing,%.17g,\n", line->spec.label, line->w2);
        for (int k = 0; k < GREF_BUDGET_PARTS; k++)
            if (isfinite(line->without[k].w2))
                fprintf(f, "%s,%s,%.17g,%d\n", line->spec.label, gref_budget_part_name(k),
                        line->without[k].w2, line->without[k].steps);
    }
}

/** budget.csv: a row for each sampler and removed source that is known; steps of the finest chain. Caller frees. */
char *gref_budget_csv(const gref_budget *b)
{
    return gref_text(put_csv, b);
}

static void put_number(FILE *f, double x)
{
    if (isfinite(x))
        fprintf(f, " %15.3e", x);
    else
        fprintf(f, " %15s", "-");
}

static void put_table(FILE *f, const void *what)
{
    const gref_budget *b = what;
    int width = 7;
    for (int i = 0; i < b->n_lines; i++) {
        int length = (int)strlen(b->lines[i].spec.label);
        width = length > width ? length : width;
    }
    fprintf(f,
            "W2 at the end, and with one source of error removed; the differences do not add up\n"
            "%-*s %15s",
            width, "sampler", "as it is");
    for (int k = 0; k < GREF_BUDGET_PARTS; k++)
        fprintf(f, " %15s", gref_budget_part_name(k));
    fprintf(f, "\n");
    for (int i = 0; i < b->n_lines; i++) {
        fprintf(f, "%-*s", width, b->lines[i].spec.label);
        put_number(f, b->lines[i].w2);
        for (int k = 0; k < GREF_BUDGET_PARTS; k++)
            put_number(f, b->lines[i].without[k].w2);
        fprintf(f, "\n");
    }
    fprintf(f, "\n");
    for (int i = 0; i < b->n_lines; i++)
        for (int k = 0; k < GREF_BUDGET_PARTS; k++) {
            const gref_budget_entry *e = &b->lines[i].without[k];
            if (e->reason[0] != '\0')
                fprintf(f, "%-*s %s: %s\n", width, b->lines[i].spec.label, gref_budget_part_name(k),
                        e->reason);
            else if (k == GREF_BUDGET_DISCRETISATION && e->steps > 0)
                fprintf(f, "%-*s discretisation: three digits, from up to %d steps\n", width,
                        b->lines[i].spec.label, e->steps);
        }
}

/** The table that `gref budget` prints. The caller frees it; NULL without memory. */
char *gref_budget_table(const gref_budget *b)
{
    return gref_text(put_table, b);
}

gref_status gref_budget_draw(gref_budget *b, const char *dir)
{
    SCOPED(gref_plot) plot = {0};
    FILE *f;
    TRY(gref_plot_open(&plot, dir));
    TRY(gref_plot_file(&f, &plot, "budget.txt"));
    for (int i = 0; i < b->n_lines; i++) {
        fprintf(f, "%s\t%.9g", b->lines[i].spec.label, b->lines[i].w2);
        for (int k = 0; k < GREF_BUDGET_PARTS; k++)
            fprintf(f, "\t%.9g", b->lines[i].without[k].w2);
        fprintf(f, "\n");
    }
    fprintf(plot.script, "call 'budget.gp' %d\n", b->n_lines);
    return gref_plot_draw(b->note, sizeof b->note, &plot);
}
