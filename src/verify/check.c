/*
 * A candidate's arrays, laws and samples against a golden file.
 *
 *   d      max |candidate - golden| over an array; tau its tolerance; it agrees if d <= tau
 *   tau    of the golden file in double; in single precision 2^29 times that and half an ulp, called the bound,
 *          but at most 2^-10 max |golden|; between tau and the bound the verdict is undecided
 *   law    mean and cov without a t: compared in W2, whose tolerance is that of the golden law,
 *          sqrt(n tau_mean^2 + n^3/2 tau_cov): W2^2 <= |dm|^2 + |dC|_*, |dC|_* <= n^1/2 |dC|_F; in single
 *          precision |dC|_* <= 2^-16 tr C, which lets W2 be 2^-8 of the spread, is the most that agrees
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/internal.h"
#include "files/internal.h"
#include "internal.h"

void gref_check_free(gref_check *check)
{
    if (check == NULL)
        return;
    for (int k = 0; k < check->n_rows; k++)
        free(check->rows[k].name);
    for (int k = 0; k < check->n_laws; k++)
        free(check->laws[k].name);
    for (int k = 0; k < check->n_samples; k++)
        free(check->samples[k].name);
    free(check->rows);
    free(check->laws);
    free(check->samples);
    free(check);
}

/* A check being made. */
typedef struct {
    gref_check *check;
    const gref_truth *truth;
    const gref_arrays *candidate;
    const char *label; /* where names have none; NULL if the golden file has several samplers */
    double rtol, resolve;
} maker;

static gref_status refuse_nan(const gref_array *x)
{
    int i, j;
    if (!gref_mat_finite(gref_const(x->A), &i, &j)) {
        if (x->ndim == 2)
            FAIL(GREF_ERR_NONFINITE, "%s holds %g at [%d, %d]", x->name, GREF_AT(x->A, i, j), i, j);
        FAIL(GREF_ERR_NONFINITE, "%s holds %g at [%d]", x->name, GREF_AT(x->A, i, j), i);
    }
    double largest = gref_mat_norm_max(
        gref_const(x->A)); /* its square must be a number: there is no more to say */
    REQUIRE(largest <= 0x1p450, GREF_ERR_RANGE,
            "%s holds a value of %g: beyond 2^450 (2.9e135) nothing is compared", x->name, largest);
    return GREF_OK;
}

static gref_status compare(maker *k, const gref_array *x, const gref_array *g)
{
    gref_check_row *row = &k->check->rows[k->check->n_rows];
    gref_check_row made = {.single = x->single, .ndim = g->ndim};
    TRY(gref_truth_refuse_shape(x, g));
    TRY(refuse_nan(x));
    for (int j = 0; j < g->A.n; j++)
        for (int i = 0; i < g->A.m; i++) {
            double d = fabs(GREF_AT(x->A, i, j) - GREF_AT(g->A, i, j));
            if (d > made.max_abs || (i == 0 && j == 0)) {
                made.max_abs = d;
                made.i = i;
                made.j = j;
            }
        }
    bool empty = g->A.m == 0 || g->A.n == 0;
    double largest = gref_mat_norm_max(gref_const(g->A));
    made.candidate = empty ? 0.0 : GREF_AT(x->A, made.i, made.j);
    made.golden = empty ? 0.0 : GREF_AT(g->A, made.i, made.j);
    made.max_rel = largest > 0.0 ? made.max_abs / largest : made.max_abs > 0.0 ? INFINITY : 0.0;
    made.tolerance = fmax(gref_truth_tolerance(k->truth, g, x->single), k->rtol * largest);
    made.bound = fmax(gref_truth_bound(k->truth, g, x->single), made.tolerance);
    made.ratio = made.max_abs == 0.0 ? 0.0 : made.max_abs / made.tolerance;
    made.verdict = made.max_abs <= made.tolerance ? GREF_VERDICT_AGREES
                   : made.max_abs <= made.bound   ? GREF_VERDICT_UNDECIDED
                                                  : GREF_VERDICT_DIFFERS;
    made.name = gref_strdup(g->name);
    REQUIRE(made.name != NULL, GREF_ERR_NOMEM, "no memory for a row of the check");
    *row = made;
    k->check->n_rows++;
    return GREF_OK;
}

/* LABEL/mean/t and LABEL/cov/t of the golden file; `name` is the candidate's. */
static gref_status find_law(const gref_array **mean, const gref_array **cov, const maker *k,
                            const char *label, int t, const char *name)
{
    const char *of = label[0] != '\0' ? label : k->label;
    REQUIRE(of != NULL, GREF_ERR_FORMAT, "%s: of which sampler? --sampler LABEL says it", name);
    *mean = gref_truth_at(k->truth, of, "mean", t);
    *cov = gref_truth_at(k->truth, of, "cov", t);
    if (*mean == NULL)
        TRY(gref_truth_refuse_diverged(k->truth, name, of, t));
    REQUIRE(*mean != NULL && *cov != NULL, GREF_ERR_FORMAT,
            "%s: the golden file has no law of '%s' at t = %d", name, of, t);
    return GREF_OK;
}

static gref_status check_samples(maker *k, const gref_array *x, const gref_name *part)
{
    const gref_array *mean, *cov;
    int t = part->t >= 0 ? part->t : 0;
    gref_check_samples *row = &k->check->samples[k->check->n_samples];
    TRY(find_law(&mean, &cov, k, part->label, t, x->name));
    int n = mean->A.m;
    REQUIRE(x->A.n == n, GREF_ERR_SHAPE, "%s is %d x %d, samples of %d pixels are N x %d%s",
            x->name, x->A.m, x->A.n, n, n, x->A.m == n ? ": transposed?" : "");
    TRY(refuse_nan(x));
    TRY(gref_samples_test(&row->report, gref_const(x->A), x->single, gref_const(mean->A),
                          gref_const(cov->A), k->resolve));
    row->name = gref_strdup(x->name);
    REQUIRE(row->name != NULL, GREF_ERR_NOMEM, "no memory for a row of the check");
    row->t = t;
    k->check->n_samples++;
    return GREF_OK;
}

/* On W2, for the candidate's mean x and covariance c. */
static void set_law_tolerance(const maker *k, gref_check_law *row, const gref_array *x,
                              const gref_array *c, const gref_array *mean, const gref_array *cov)
{
    double n = mean->A.m, trace = gref_mat_trace(gref_const(cov->A)), least = k->rtol * sqrt(trace);
    double tm = gref_truth_tolerance(k->truth, mean, x->single),
           bm = gref_truth_bound(k->truth, mean, x->single);
    double dC = n * sqrt(n) * gref_truth_bound(k->truth, cov, c->single);
    double right = n * sqrt(n) * gref_truth_bound(k->truth, cov, false);
    double most = c->single ? fmin(dC, fmax(0x1p-16 * trace, right)) : dC;
    row->tolerance = fmax(sqrt(n * tm * tm + most), least);
    row->bound = fmax(sqrt(n * bm * bm + dC), least);
}

static bool within(const gref_w2 *w2, double tolerance)
{
    return w2->lower <= tolerance && w2->w2 <= 2 * tolerance;
}

/* `x` is the candidate's mean; its cov must stand beside it. */
static gref_status check_law(maker *k, const gref_array *x, const gref_name *part)
{
    const gref_array *mean, *cov, *c;
    char beside[80];
    gref_check_law *row = &k->check->laws[k->check->n_laws];
    snprintf(beside, sizeof beside, "%s%scov", part->label, part->label[0] != '\0' ? "/" : "");
    c = gref_arrays_find(k->candidate, beside);
    REQUIRE(c != NULL, GREF_ERR_FORMAT, "%s without %s: a law needs both", x->name, beside);
    TRY(find_law(&mean, &cov, k, part->label, 0, x->name));
    TRY(gref_truth_refuse_shape(x, mean));
    TRY(gref_truth_refuse_shape(c, cov));
    TRY(refuse_nan(x));
    TRY(refuse_nan(c));
    TRY(gref_w2_certify_laws(&row->w2, gref_const(x->A), gref_const(c->A), gref_const(mean->A),
                             gref_const(cov->A)));
    set_law_tolerance(k, row, x, c, mean, cov);
    row->verdict = within(&row->w2, row->tolerance) ? GREF_VERDICT_AGREES
                   : within(&row->w2, row->bound)   ? GREF_VERDICT_UNDECIDED
                                                    : GREF_VERDICT_DIFFERS;
    row->name = gref_strdup(x->name);
    REQUIRE(row->name != NULL, GREF_ERR_NOMEM, "no memory for a row of the check");
    k->check->n_laws++;
    return GREF_OK;
}

static gref_status check_one(maker *k, const gref_array *x)
{
    gref_name part;
    gref_name_parse(&part, x->name);
    if (strcmp(part.what, "samples") == 0)
        return check_samples(k, x, &part);
    if (strcmp(part.what, "mean") == 0 && part.t < 0)
        return check_law(k, x, &part);
    if (strcmp(part.what, "cov") == 0 && part.t < 0) {
        char beside[80];
        snprintf(beside, sizeof beside, "%s%smean", part.label, part.label[0] != '\0' ? "/" : "");
        REQUIRE(gref_arrays_find(k->candidate, beside) != NULL, GREF_ERR_FORMAT,
                "%s without %s: a law needs both", x->name, beside);
        return GREF_OK;
    }
    const gref_array *g = gref_truth_resolve(k->truth, x->name, k->label);
    return g == NULL ? gref_truth_refuse_name(k->truth, x->name, k->label) : compare(k, x, g);
}

static int worse_first(const void *a, const void *b)
{
    const gref_check_row *x = a, *y = b;
    int order = (x->ratio < y->ratio) - (x->ratio > y->ratio);
    return order != 0 ? order : strcmp(x->name, y->name);
}

/* One that differs outweighs those that are undecided, and they those that agree. */
static gref_verdict worse(gref_verdict a, gref_verdict b)
{
    if (a == GREF_VERDICT_DIFFERS || b == GREF_VERDICT_DIFFERS)
        return GREF_VERDICT_DIFFERS;
    return a == GREF_VERDICT_UNDECIDED ? a : b;
}

static gref_verdict overall(const gref_check *check)
{
    gref_verdict verdict = GREF_VERDICT_AGREES;
    for (int k = 0; k < check->n_samples; k++)
        verdict = worse(verdict, check->samples[k].report.verdict);
    for (int k = 0; k < check->n_laws; k++)
        verdict = worse(verdict, check->laws[k].verdict);
    for (int k = 0; k < check->n_rows; k++)
        verdict = worse(verdict, check->rows[k].verdict);
    return verdict;
}

/**
 * Holds a candidate's arrays against a golden file.
 *
 * Names are those of the golden file, the sampler's label left out where it is clear; "samples" or
 * "samples/T" are draws (N x n), "mean" and "cov" without a t a law at t = 0, compared in W2.
 *
 * @param[out] check      for gref_check_free. Unchanged on error.
 * @param[in]  candidate  any subset, at least one array.
 * @param[in]  options    NULL for none.
 * @return GREF_OK whatever the verdict; GREF_ERR_FORMAT (a name that the golden file does not have);
 *         GREF_ERR_SHAPE; GREF_ERR_NONFINITE, with the place; GREF_ERR_RANGE (values beyond 2^450, options); GREF_ERR_NOT_PSD (cov); GREF_ERR_NOMEM.
 * @cost   one pass over the arrays; a certified W2 for a law; as gref_samples_test for samples.
 * @see    Tests: test_check.c
 */
gref_status gref_check_arrays(gref_check **check, const gref_truth *truth,
                              const gref_arrays *candidate, const gref_check_options *options)
{
    static const gref_check_options none = {0};
    const gref_check_options *o = options != NULL ? options : &none;
    SCOPED_PTR(gref_check) *made = gref_alloc(1, sizeof *made);
    maker k = {.check = made,
               .truth = truth,
               .candidate = candidate,
               .rtol = o->rtol,
               .resolve = o->resolve > 0.0 ? o->resolve : GREF_RESOLVE};
    size_t n = (size_t)candidate->n;
    REQUIRE(made != NULL, GREF_ERR_NOMEM, "no memory for a check");
    made->rows = gref_alloc(n, sizeof *made->rows);
    made->laws = gref_alloc(n, sizeof *made->laws);
    made->samples = gref_alloc(n, sizeof *made->samples);
    REQUIRE(made->rows != NULL && made->laws != NULL && made->samples != NULL, GREF_ERR_NOMEM,
            "no memory for a check of %d arrays", candidate->n);
    REQUIRE(isfinite(o->rtol) && o->rtol >= 0.0, GREF_ERR_RANGE, "rtol must be >= 0, not %g",
            o->rtol);
    TRY(gref_truth_default_label(&k.label, truth, o->sampler));
    for (int a = 0; a < candidate->n; a++)
        TRY(check_one(&k, &candidate->item[a]));
    qsort(made->rows, (size_t)made->n_rows, sizeof *made->rows, worse_first);
    made->verdict = overall(made);
    gref_check_depart(made, truth);
    *check = TAKE(made);
    return GREF_OK;
}

/** The same for the arrays in a file or folder (gref_arrays_read); messages begin with its name. */
gref_status gref_check_file(gref_check **check, const gref_truth *truth, const char *path,
                            const gref_check_options *options)
{
    gref_status status = GREF_OK;
    SCOPED(gref_arrays) candidate = {0};
    TRY(gref_arrays_read(&candidate, path, options != NULL ? options->as : NULL));
    status = gref_check_arrays(check, truth, &candidate, options);
    if (status != GREF_OK)
        gref_fail_context(status, "%s", path);
    return status;
}
