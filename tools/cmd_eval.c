/* gref eval: one function of a sampler at given points. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/guess.h"
#include "cmd.h"
#include "opened.h"

DEFINE_DROP(gref_sampler)

typedef struct {
    const char *t, *x, *quantity, *sampler, *out;
    bool force, skip_self_test;
    option_list sets;
} request;

static void request_free(request *q)
{
    option_list_free(&q->sets);
}

static int complain_quantity(const char *given)
{
    char list[200] = "";
    gref_guess g = {.word = given};
    for (int k = 0; gref_quantity_name(k) != NULL; k++) {
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", k > 0 ? ", " : "", gref_quantity_name(k));
        gref_guess_consider(&g, gref_quantity_name(k));
    }
    if (g.best[0] != '\0')
        return cmd_complain(CMD_USAGE, "eval", "no quantity '%s', did you mean '%s'?", given,
                            g.best);
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
    SCOPED(gref_mat) x = {0};
    if (!opened_read(&x, ndim, code, "eval", path))
        return false;
    bool vector = *ndim == 1 && x.m == n, rows = *ndim == 2 && x.n == n && x.m >= 1;
    if (!vector && !rows) {
        *code = cmd_complain(CMD_USAGE, "eval",
                             "%s is %d x %d, points of this case are n = %d or K x %d%s", path, x.m,
                             x.n, n, n, *ndim == 2 && x.m * x.n == n ? ": flatten the image" : "");
        return false;
    }
    *code = cmd_finish("eval", gref_mat_new(X, n, vector ? 1 : x.m));
    if (*code == CMD_OK && vector)
        gref_mat_copy(*X, gref_const(x));
    else if (*code == CMD_OK)
        gref_mat_transpose(*X, gref_const(x));
    return *code == CMD_OK;
}

/* The values in the shape of the points: to the file, or a point a line. */
static gref_status give(gref_mat F, int ndim, const char *out)
{
    SCOPED(gref_mat) rows = {0};
    if (out != NULL && ndim == 1)
        return gref_npy_write(out, gref_const(F), 1);
    TRY(gref_mat_new(&rows, F.n, F.m));
    gref_mat_transpose(rows, gref_const(F));
    if (out != NULL)
        return gref_npy_write(out, gref_const(rows), 2);
    for (int i = 0; i < rows.m; i++)
        for (int j = 0; j < rows.n; j++)
            printf("%.17g%c", GREF_AT(rows, i, j), j + 1 < rows.n ? ' ' : '\n');
    return GREF_OK;
}

static gref_status evaluate(gref_mat X, int t, const opened *o, const gref_sampler_spec *spec,
                            gref_quantity quantity)
{
    SCOPED_PTR(gref_sampler) *s = NULL;
    TRY(gref_sampler_new(&s, &o->z, &o->s, spec));
    return gref_sampler_eval(X, s, quantity, gref_const(X), t);
}

static int run(const char *path, const request *q, gref_quantity quantity)
{
    SCOPED(opened) o = {0};
    SCOPED(gref_mat) X = {0};
    int code, t = 0, ndim = 0;
    bool prior = quantity == GREF_QUANTITY_SCORE || quantity == GREF_QUANTITY_X0HAT;
    CMD_TRY("eval", opened_open(&o, path, &q->sets, q->skip_self_test));
    const gref_sampler_spec *spec =
        prior && q->sampler == NULL ? &o.specs[0] : opened_sampler(&o, &code, "eval", q->sampler);
    if (spec == NULL || !read_t(&t, &code, q->t, o.s.T) || !read_points(&X, &ndim, &code, &o, q->x))
        return code;
    CMD_TRY("eval", evaluate(X, t, &o, spec, quantity));
    CMD_TRY("eval", give(X, ndim, q->out));
    cmd_note_skipped("eval", q->skip_self_test);
    return CMD_OK;
}

int cmd_eval(int argc, char **argv)
{
    SCOPED(request) q = {0};
    gref_quantity quantity = GREF_QUANTITY_SCORE;
    const option options[] = {
        OPTION_TEXT("t", "T", &q.t, "the time, 1 to T"),
        OPTION_TEXT("x", "x.npy", &q.x, "the points: n entries, or K x n"),
        OPTION_TEXT("quantity", "NAME", &q.quantity,
                    "score, x0hat, guidance, guided_score or step"),
        OPTION_TEXT("sampler", "LABEL", &q.sampler, "whose guidance or step"),
        OPTION_TEXT("out", "f.npy", &q.out,
                    "where the values go, in the shape of x; else they are printed"),
        OPTION_FLAG("force", &q.force, "replace f.npy"),
        OPTION_LIST("set", "KEY=VALUE", &q.sets, "override a key of the case; may be repeated"),
        OPTION_FLAG("no-self-test", &q.skip_self_test, "do not test the BLAS first"),
        {0},
    };
    const usage u = {
        .command = "eval",
        .arguments = "CASE --t T --x x.npy --quantity NAME [options]",
        .about =
            "Evaluates one function at given points. score and x0hat are the prior's; guidance is\n"
            "W^T C_vt^-1 (v - A x0hat), guided_score its sum with the score, step the mean of "
            "the next state.",
        .options = options,
        .min_operands = 1,
        .max_operands = 1,
    };
    int n, code;
    if (!options_parse(&u, argc, argv, &n, &code))
        return code;
    const char *missing = q.t == NULL          ? "--t T"
                          : q.x == NULL        ? "--x x.npy"
                          : q.quantity == NULL ? "--quantity NAME"
                                               : NULL;
    if (missing != NULL)
        return cmd_complain(CMD_USAGE, "eval", "%s is missing", missing);
    if (!gref_quantity_parse(&quantity, q.quantity))
        return complain_quantity(q.quantity);
    if (q.out != NULL && !q.force && access(q.out, F_OK) == 0)
        return cmd_complain(CMD_USAGE, "eval", "%s exists; --force replaces it", q.out);
    return run(argv[0], &q, quantity);
}
