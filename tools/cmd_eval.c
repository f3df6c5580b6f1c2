/* gref eval: one function of a sampler at given points. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "opened.h"

typedef struct {
    const char *t, *x, *quantity, *sampler, *out;
    bool force, skip_self_test;
    option_list sets;
} request;

static int complain_quantity(const char *given)
{
    char list[200] = "";
    cmd_suggestion s = {.word = given};
    for (int k = 0; gref_quantity_name(k) != NULL; k++) {
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", k > 0 ? ", " : "", gref_quantity_name(k));
        cmd_consider(&s, gref_quantity_name(k));
    }
    if (s.best != NULL)
        return cmd_complain(CMD_USAGE, "eval", "no quantity '%s', did you mean '%s'?", given,
                            s.best);
    return cmd_complain(CMD_USAGE, "eval", "no quantity '%s': one of %s", given, list);
}

/* A whole number 1..T. */
static bool read_t(int *t, int *code, const char *text, int T)
{
    char *end = NULL;
    long value = strtol(text, &end, 10);
    if (end != text && *end == '\0' && value >= 1 && value <= T) {
        *t = (int)value;
        return true;
    }
    *code = cmd_complain(CMD_USAGE, "eval", "--t %s: t is a whole number from 1 to %d", text, T);
    return false;
}

/* Points as rows (K x n), or one point as a vector. X gets them as columns. */
static bool read_points(gref_mat *X, int *ndim, int *code, const opened *o, const char *path)
{
    int n = o->z.n;
    gref_mat x = {0};
    if (!opened_read(&x, ndim, code, "eval", path))
        return false;
    bool vector = *ndim == 1 && x.m == n, rows = *ndim == 2 && x.n == n && x.m >= 1;
    gref_status status = GREF_OK;
    if (!vector && !rows) {
        *code = cmd_complain(CMD_USAGE, "eval",
                             "%s is %d x %d, points of this case are n = %d or K x %d%s", path, x.m,
                             x.n, n, n, *ndim == 2 && x.m * x.n == n ? ": flatten the image" : "");
    } else {
        status = gref_mat_new(X, n, vector ? 1 : x.m);
        if (status == GREF_OK && vector)
            gref_mat_copy(*X, gref_const(x));
        else if (status == GREF_OK)
            gref_mat_transpose(*X, gref_const(x));
        *code = cmd_finish("eval", status);
    }
    gref_mat_free(&x);
    return *code == CMD_OK;
}

/* The values in the shape of the points: to the file, or a point a line. */
static gref_status give(gref_mat F, int ndim, const char *out)
{
    gref_mat rows = {0};
    gref_status status = gref_mat_new(&rows, F.n, F.m);
    if (status == GREF_OK)
        gref_mat_transpose(rows, gref_const(F));
    if (status == GREF_OK && out != NULL)
        status = ndim == 1 ? gref_npy_write(out, gref_const(F), 1)
                           : gref_npy_write(out, gref_const(rows), 2);
    for (int i = 0; status == GREF_OK && out == NULL && i < rows.m; i++)
        for (int j = 0; j < rows.n; j++)
            printf("%.17g%c", GREF_AT(rows, i, j), j + 1 < rows.n ? ' ' : '\n');
    gref_mat_free(&rows);
    return status;
}

static gref_status evaluate(const opened *o, const gref_sampler_spec *spec, gref_quantity quantity,
                            gref_mat X, int t)
{
    gref_sampler *s = NULL;
    gref_status status = gref_sampler_new(&s, &o->z, &o->s, spec);
    if (status == GREF_OK)
        status = gref_sampler_eval(X, s, quantity, gref_const(X), t);
    gref_sampler_free(s);
    return status;
}

static int run(const char *path, const request *q, gref_quantity quantity)
{
    opened o;
    int code, t = 0, ndim = 0;
    gref_mat X = {0};
    const gref_sampler_spec *spec = NULL;
    bool prior = quantity == GREF_QUANTITY_SCORE || quantity == GREF_QUANTITY_X0HAT;
    if (!opened_open(&o, &code, "eval", path, &q->sets, q->skip_self_test))
        goto out;
    spec =
        prior && q->sampler == NULL ? &o.specs[0] : opened_sampler(&o, &code, "eval", q->sampler);
    if (spec == NULL || !read_t(&t, &code, q->t, o.s.T) || !read_points(&X, &ndim, &code, &o, q->x))
        goto out;
    gref_status status = evaluate(&o, spec, quantity, X, t);
    if (status == GREF_OK)
        status = give(X, ndim, q->out);
    code = cmd_finish("eval", status);
    cmd_note_skipped("eval", code == CMD_OK && q->skip_self_test);
out:
    gref_mat_free(&X);
    opened_close(&o);
    return code;
}

int cmd_eval(int argc, char **argv)
{
    request q = {0};
    gref_quantity quantity = GREF_QUANTITY_SCORE;
    const option options[] = {
        {.name = "t", .value = "T", .help = "the time, 1 to T", .text = &q.t},
        {.name = "x", .value = "x.npy", .help = "the points: n entries, or K x n", .text = &q.x},
        {.name = "quantity",
         .value = "NAME",
         .help = "score, x0hat, guidance, guided_score or step",
         .text = &q.quantity},
        {.name = "sampler", .value = "LABEL", .help = "whose guidance or step", .text = &q.sampler},
        {.name = "out",
         .value = "f.npy",
         .help = "where the values go, in the shape of x; else they are printed",
         .text = &q.out},
        {.name = "force", .help = "replace f.npy", .flag = &q.force},
        {.name = "set",
         .value = "KEY=VALUE",
         .help = "override a key of the case; may be repeated",
         .list = &q.sets},
        {.name = "no-self-test", .help = "do not test the BLAS first", .flag = &q.skip_self_test},
        {0},
    };
    const usage u = {
        .command = "eval",
        .arguments = "CASE --t T --x x.npy --quantity NAME [options]",
        .about =
            "Evaluates one function at given points. score and x0hat are the prior's; guidance is\n"
            "W^T C_vt^-1 (v - A x0hat), guided_score its sum with the score, step the mean of "
            "y_{t-1}.",
        .options = options,
        .min_operands = 1,
        .max_operands = 1,
    };
    int n, code;
    if (!options_parse(&u, argc, argv, &n, &code))
        goto out;
    const char *missing = q.t == NULL          ? "--t T"
                          : q.x == NULL        ? "--x x.npy"
                          : q.quantity == NULL ? "--quantity NAME"
                                               : NULL;
    if (missing != NULL)
        code = cmd_complain(CMD_USAGE, "eval", "%s is missing", missing);
    else if (!gref_quantity_parse(&quantity, q.quantity))
        code = complain_quantity(q.quantity);
    else if (q.out != NULL && !q.force && access(q.out, F_OK) == 0)
        code = cmd_complain(CMD_USAGE, "eval", "%s exists; --force replaces it", q.out);
    else
        code = run(argv[0], &q, quantity);
out:
    options_free(&u);
    return code;
}
