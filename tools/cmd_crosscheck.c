/* gref crosscheck: the spectral path held against the dense one on a case. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gref/gref.h>

#include "base/json.h"
#include "cmd.h"
#include "options.h"

DEFINE_DROP(gref_crosscheck)

/* A case read both ways. */
typedef struct {
    gref_case *c;
    gref_problem problem;
    gref_stationary stationary;
    gref_schedule schedule;
    int *times, n_times; /* where everything is compared: 0, 1, T, laws_at, multiples of w2_every */
} both;

static void both_free(both *b)
{
    gref_problem_free(&b->problem);
    gref_stationary_free(&b->stationary);
    gref_schedule_free(&b->schedule);
    gref_case_free(b->c);
    free(b->times);
}

static bool is_listed(const both *b, int t)
{
    const int *laws;
    int n = gref_case_laws_at(b->c, &laws);
    for (int k = 0; k < n; k++)
        if (laws[k] == t)
            return true;
    return t <= 1 || t == b->schedule.T || t % gref_case_w2_every(b->c) == 0;
}

static gref_status both_read(both *b, const char *path, const option_list *sets)
{
    TRY(gref_case_load(&b->c, path, sets->item, sets->n));
    /* first: it names the key that is not stationary */
    TRY(gref_case_stationary(&b->stationary, NULL, b->c));
    TRY(gref_case_problem(&b->problem, b->c));
    TRY(gref_case_schedule(&b->schedule, b->c));
    b->times = calloc((size_t)b->schedule.T + 1, sizeof *b->times);
    if (b->times == NULL)
        return GREF_ERR_NOMEM;
    for (int t = b->schedule.T; t >= 0; t--)
        if (is_listed(b, t))
            b->times[b->n_times++] = t;
    return GREF_OK;
}

/* "(3, 7)", "(3)" or "": the place of the largest deviation. */
static void place_of(char *text, size_t size, const gref_crosscheck_row *row)
{
    if (row->row < 0)
        snprintf(text, size, "-");
    else if (row->col < 0)
        snprintf(text, size, "%d", row->row);
    else
        snprintf(text, size, "%d, %d", row->row, row->col);
}

static const gref_crosscheck_row *worst_of(const gref_crosscheck *check)
{
    const gref_crosscheck_row *worst = &check->rows[0];
    for (int k = 1; k < check->n_rows; k++)
        if (check->rows[k].ratio > worst->ratio)
            worst = &check->rows[k];
    return worst;
}

static void print_verdict(FILE *f, const gref_crosscheck *check)
{
    const gref_crosscheck_row *w = worst_of(check);
    fprintf(f, "%s: largest ratio %.3g, of %s%s%s",
            check->ratio <= 1.0 ? "within bounds" : "OUTSIDE THE BOUNDS", w->ratio, w->quantity,
            w->sampler[0] != '\0' ? " of " : "", w->sampler);
    if (w->t >= 0)
        fprintf(f, " at t = %d", w->t);
    fprintf(f, "\n");
}

static void print_table(const gref_crosscheck *check, const both *b)
{
    int width = 7;
    for (int k = 0; k < check->n_rows; k++) {
        int length = (int)strlen(check->rows[k].sampler);
        width = length > width ? length : width;
    }
    printf("spectral against dense: n = %d (%d x %d), m = %d, T = %d; laws at every t, all else at "
           "%d of them\n\n",
           check->n, b->problem.rows, b->problem.cols, check->m, check->T, b->n_times);
    printf("%-18s %-*s %10s %10s %9s %5s  %s\n", "quantity", width, "sampler", "deviation", "bound",
           "ratio", "t", "entry");
    for (int k = 0; k < check->n_rows; k++) {
        const gref_crosscheck_row *r = &check->rows[k];
        char place[32], t[16] = "-";
        place_of(place, sizeof place, r);
        if (r->t >= 0)
            snprintf(t, sizeof t, "%d", r->t);
        printf("%-18s %-*s %10.2e %10.2e %9.2e %5s  %s%s\n", r->quantity, width,
               r->sampler[0] != '\0' ? r->sampler : "-", r->deviation, r->bound, r->ratio, t, place,
               r->ratio <= 1.0 ? "" : "  <-- outside");
    }
    printf("\n");
    print_verdict(stdout, check);
}

static json_t *index_or_null(int k)
{
    return k >= 0 ? json_integer(k) : json_null();
}

static json_t *row_json(const gref_crosscheck_row *r)
{
    return json_pack("{s:s, s:o, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "quantity",
                     r->quantity, "sampler",
                     r->sampler[0] != '\0' ? json_string(r->sampler) : json_null(), "compared",
                     r->compared, "t", index_or_null(r->t), "row", index_or_null(r->row), "col",
                     index_or_null(r->col), "dense", number(r->dense), "spectral",
                     number(r->spectral), "deviation", number(r->deviation), "bound",
                     number(r->bound), "ratio", number(r->ratio), "within", (int)(r->ratio <= 1.0));
}

static int print_json(const gref_crosscheck *check, const both *b, bool skipped)
{
    gref_backend backend = gref_backend_query();
    SCOPED_MEM char *case_text = gref_case_print(b->c);
    json_t *rows = json_array(), *times = json_array();
    for (int k = 0; k < check->n_rows; k++)
        json_array_append_new(rows, row_json(&check->rows[k]));
    for (int k = 0; k < b->n_times; k++)
        json_array_append_new(times, json_integer(b->times[k]));
    json_t *o = json_pack(
        "{s:s, s:s, s:{s:s, s:s, s:i}, s:s, s:o, s:i, s:i, s:i, s:o, s:o, s:o, s:b}", "schema",
        "gref-crosscheck/1", "version", gref_version(), "blas", "name", backend.blas, "core",
        backend.core, "threads", backend.threads, "self_test", skipped ? "skipped" : "passed",
        "case", json_loads(case_text != NULL ? case_text : "null", JSON_DECODE_ANY, NULL), "n",
        check->n, "m", check->m, "T", check->T, "times", times, "rows", rows, "ratio",
        number(check->ratio), "within", (int)(check->ratio <= 1.0));
    return cmd_print("crosscheck", json_text(o));
}

/* One line on a terminal, overwritten. */
static bool show_progress(void *context, const char *what, int done, int total)
{
    int *shown = context, percent = total > 0 ? 100 * done / total : 0;
    if (isatty(STDERR_FILENO) != 0 && percent != *shown) {
        fprintf(stderr, "\r\033[Kgref crosscheck: %3d %%  %s", percent, what);
        *shown = percent;
    }
    return true;
}

static int run(const both *b, bool json, bool skipped)
{
    SCOPED_PTR(gref_crosscheck) *check = NULL;
    const gref_sampler_spec *specs;
    int n_specs = gref_case_samplers(b->c, &specs), shown = -1;
    gref_status status =
        gref_crosscheck_run(&check, &b->problem, &b->stationary, &b->schedule, specs, n_specs,
                            b->times, b->n_times, show_progress, &shown);
    if (shown >= 0)
        fprintf(stderr, "\r\033[K");
    if (status != GREF_OK)
        return cmd_finish("crosscheck", status);
    int code = CMD_OK;
    if (json)
        code = print_json(check, b, skipped);
    else
        print_table(check, b);
    cmd_note_skipped("crosscheck", code == CMD_OK && skipped);
    return code == CMD_OK && !(check->ratio <= 1.0) ? CMD_DIFFERS : code;
}

int cmd_crosscheck(int argc, char **argv)
{
    bool json = false, skip = false;
    SCOPED(option_list) sets = {0};
    const option options[] = {
        OPTION_LIST("set", "KEY=VALUE", &sets, "override a key of the case: operator.std=2.0"),
        OPTION_FLAG("json", &json, "print JSON instead of the table"),
        OPTION_FLAG("no-self-test", &skip, "do not test the BLAS first"),
        {0},
    };
    const usage u = {
        .command = "crosscheck",
        .arguments = "CASE [options]",
        .about =
            "Runs the dense and the spectral path on the same stationary case and holds every\n"
            "quantity of the one against the other: the largest deviation, where it is, the\n"
            "bound that rounding alone sets, and their ratio. Exit code 1 if a ratio exceeds 1:\n"
            "then one of the two is wrong. Laws are compared at every t, all else at 0, 1, T,\n"
            "report.laws_at and the multiples of report.w2_every.",
        .options = options,
        .min_operands = 1,
        .max_operands = 1,
    };
    int n, code;
    SCOPED(both) b = {0};
    if (!options_parse(&u, argc, argv, &n, &code))
        return code;
    if (!skip)
        CMD_TRY("crosscheck", gref_trust_require());
    CMD_TRY("crosscheck", both_read(&b, argv[0], &sets));
    return run(&b, json, skip);
}
