/* The candidate's arrays as views: what each is, what it is compared with, where its chain
 * begins. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/internal.h"
#include "dense/internal.h"
#include "view.h"
#include <gref/random.h>

enum { COLUMNS = 6 };

void gref_views_free(gref_views *vs)
{
    for (int k = 0; k < vs->n_views; k++) {
        gref_mat *all[] = {&vs->views[k].x, &vs->views[k].g, &vs->views[k].points,
                           &vs->views[k].start};
        for (size_t a = 0; a < sizeof all / sizeof *all; a++)
            gref_mat_free(all[a]);
    }
    free(vs->views);
    gref_deviant_free(vs->w);
    *vs = (gref_views){0};
}

/* How a deviation shows in an array; GREF_VIEW_NONE for what no deviation is looked for in. */
static gref_view_kind kind_of(const gref_name *part)
{
    gref_view_kind k = part->row->view;
    bool timeless =
        k == GREF_VIEW_A || k == GREF_VIEW_BETA || k == GREF_VIEW_ALPHA || k == GREF_VIEW_ABAR;
    bool law = k == GREF_VIEW_MEAN || k == GREF_VIEW_COV || k == GREF_VIEW_Y || k == GREF_VIEW_W2;
    return timeless || part->t >= (law ? 0 : 1) ? k : GREF_VIEW_NONE;
}

/* Fixed random columns of unit length on average. */
static gref_status make_columns(gref_mat *points, int n)
{
    int q = n < COLUMNS ? n : COLUMNS;
    TRY(gref_mat_new(points, n, q));
    gref_random_normal(*points, 2, GREF_STREAM_TEST, 78, 0);
    for (int j = 0; j < q; j++)
        for (int i = 0; i < n; i++)
            GREF_AT(*points, i, j) /= sqrt(n);
    return GREF_OK;
}

static bool is_function(gref_view_kind k)
{
    return k == GREF_VIEW_SCORE || k == GREF_VIEW_X0HAT || k == GREF_VIEW_GUIDANCE ||
           k == GREF_VIEW_GUIDED || k == GREF_VIEW_PROJECTED;
}

bool gref_view_is_matrix(const gref_view *v)
{
    return v->kind == GREF_VIEW_M || v->kind == GREF_VIEW_C || v->kind == GREF_VIEW_MODELLED_COV ||
           (v->kind == GREF_VIEW_N && v->golden->A.n > 1);
}

/* *seen = what the view shows of a whole array. */
static gref_status see(gref_mat *seen, const gref_view *v, gref_mat whole)
{
    SCOPED(gref_mat) half = {0};
    if (gref_view_is_matrix(v)) {
        TRY(gref_mat_new(seen, whole.m, v->points.n));
        TRY(gref_gemm(*seen, 1.0, gref_const(whole), false, gref_const(v->points), false, 0.0));
    } else if (v->kind == GREF_VIEW_COV) {
        TRY(gref_mat_new(&half, whole.m, v->points.n));
        TRY(gref_mat_new(seen, v->points.n, v->points.n));
        TRY(gref_gemm(half, 1.0, gref_const(whole), false, gref_const(v->points), false, 0.0));
        TRY(gref_gemm(*seen, 1.0, gref_const(v->points), true, gref_const(half), false, 0.0));
    } else if (is_function(v->kind)) {
        TRY(gref_mat_new(seen, whole.n, whole.m));
        gref_mat_transpose(*seen, gref_const(whole));
    } else {
        TRY(gref_mat_new(seen, whole.m, whole.n));
        gref_mat_copy(*seen, gref_const(whole));
    }
    return GREF_OK;
}

static gref_status make_points(gref_view *v, const gref_views *vs)
{
    int n = vs->truth->problem.Sigma.n, m = vs->truth->problem.A.m;
    if (is_function(v->kind)) {
        const gref_array *probe = gref_truth_at(vs->truth, NULL, "probe", v->t);
        REQUIRE(probe != NULL && probe->A.n == n, GREF_ERR_FORMAT,
                "the golden file has no probe/%d", v->t);
        TRY(gref_mat_new(&v->points, n, probe->A.m));
        gref_mat_transpose(v->points, gref_const(probe->A));
    } else if (v->kind == GREF_VIEW_B) { /* the step from zero */
        TRY(gref_mat_new(&v->points, n, 1));
    } else if (gref_view_is_matrix(v) || v->kind == GREF_VIEW_COV) {
        TRY(make_columns(&v->points, v->kind == GREF_VIEW_C ? m : n));
    }
    return GREF_OK;
}

/* The candidate's array of the same kind at the smallest t above; from T where it has none. */
static gref_status find_start(gref_view *v, const gref_views *vs, const gref_arrays *candidate,
                              const char *label, const char *sampler)
{
    const gref_array *best = NULL;
    v->from = gref_times_first(vs->spec, vs->truth->schedule.T);
    if (v->kind != GREF_VIEW_MEAN && v->kind != GREF_VIEW_COV && v->kind != GREF_VIEW_Y)
        return GREF_OK;
    for (int k = 0; k < candidate->n; k++) {
        gref_name part;
        const gref_array *g = gref_truth_resolve(vs->truth, candidate->item[k].name, sampler);
        if (g == NULL)
            continue;
        gref_name_parse(&part, g->name);
        if (strcmp(part.label, label) == 0 && kind_of(&part) == v->kind && part.t > v->t &&
            (best == NULL || part.t < v->from)) {
            best = &candidate->item[k];
            v->from = part.t;
        }
    }
    if (best == NULL && v->kind == GREF_VIEW_Y)
        best = gref_truth_at(vs->truth, NULL, "y_T", -1);
    if (best == NULL)
        return GREF_OK;
    TRY(gref_mat_new(&v->start, best->A.m, best->A.n));
    gref_mat_copy(v->start, gref_const(best->A));
    return GREF_OK;
}

/* |x - g|_F as seen, and what of it rounding may be: columns of unit length keep |D|_F on
 * average. */
static void measure(gref_view *v, const gref_views *vs)
{
    double entries = sqrt((double)v->golden->A.m * v->golden->A.n);
    v->gap = gref_mat_diff_fro(gref_const(v->x), gref_const(v->g));
    v->norm = fmax(gref_mat_norm_fro(gref_const(v->g)), v->gap);
    v->tolerance = entries * gref_truth_tolerance(vs->truth, v->golden, false) * 4;
    v->norm = v->norm > v->tolerance ? v->norm : 1.0; /* else 0 but for rounding */
    v->single_tolerance = entries * gref_truth_tolerance(vs->truth, v->golden, true) * 4;
}

/* Is every entry one of single precision, as what was computed in it and stored in double is? */
static bool all_single(gref_cmat X)
{
    for (int j = 0; j < X.n; j++)
        for (int i = 0; i < X.m; i++)
            if (fabs(GREF_AT(X, i, j)) > FLT_MAX ||
                (double)(float)GREF_AT(X, i, j) != GREF_AT(X, i, j))
                return false;
    return true;
}

static gref_status add_view(gref_views *vs, const gref_array *x, const gref_array *g,
                            const gref_name *part, const gref_arrays *candidate,
                            const char *sampler)
{
    gref_view *v = &vs->views[vs->n_views++];
    *v = (gref_view){.kind = kind_of(part), .t = part->t, .golden = g};
    TRY(gref_truth_refuse_shape(x, g));
    TRY(gref_require_finite(gref_const(x->A), x->name));
    TRY(make_points(v, vs));
    TRY(see(&v->x, v, x->A));
    TRY(see(&v->g, v, g->A));
    TRY(find_start(v, vs, candidate, part->label, sampler));
    measure(v, vs);
    v->rounded = x->single || all_single(gref_const(x->A));
    v->departs = gref_mat_diff_max(gref_const(x->A), gref_const(g->A)) >
                 gref_truth_tolerance(vs->truth, g, x->single);
    return GREF_OK;
}

/* mean, cov without a t: a law at t = 0. */
static const gref_array *resolve(const gref_truth *truth, const gref_array *x, const char *label)
{
    gref_name part;
    gref_name_parse(&part, x->name);
    bool law = part.t < 0 && (strcmp(part.what, "mean") == 0 || strcmp(part.what, "cov") == 0);
    if (law)
        return gref_truth_at(truth, part.label[0] != '\0' ? part.label : label, part.what, 0);
    return gref_truth_resolve(truth, x->name, label);
}

/* An array that is not looked at; where it differs from the golden one the candidate does not
 * agree. */
static gref_status leave_out(gref_views *vs, const gref_array *x, const gref_array *g)
{
    if (g != NULL) {
        TRY(gref_truth_refuse_shape(x, g));
        TRY(gref_require_finite(gref_const(x->A), x->name));
        vs->others_differ =
            vs->others_differ || !(gref_mat_diff_max(gref_const(x->A), gref_const(g->A)) <=
                                   gref_truth_tolerance(vs->truth, g, x->single));
    }
    size_t used = strlen(vs->others);
    if (used + strlen(x->name) + 8 < sizeof vs->others)
        snprintf(vs->others + used, sizeof vs->others - used, "%s%s", used > 0 ? ", " : "",
                 x->name);
    else if (used > 0 && vs->others[used - 1] != '.')
        snprintf(vs->others + used, sizeof vs->others - used, ", ...");
    vs->n_others++;
    return GREF_OK;
}

/* W2 is a consequence: looked at only where nothing else departs. */
static void drop_w2(gref_views *vs)
{
    bool other = false;
    for (int k = 0; k < vs->n_views; k++)
        other = other || (vs->views[k].departs && vs->views[k].kind != GREF_VIEW_W2);
    for (int k = 0; other && k < vs->n_views; k++)
        if (vs->views[k].kind == GREF_VIEW_W2)
            vs->views[k].kind = GREF_VIEW_NONE;
}

/*
 * The sampler that is asked for or that the labels of the candidate's arrays name, and its label;
 * where nothing names one (prior functions, A), any will do, and *where is NULL: names without a
 * label are not its.
 */
static gref_status choose_sampler(gref_views *vs, const char **where, const gref_arrays *candidate,
                                  const char *sampler)
{
    const char *label;
    TRY(gref_truth_default_label(&label, vs->truth, sampler));
    for (int k = 0; sampler == NULL && k < candidate->n; k++) {
        gref_name part;
        gref_name_parse(&part, candidate->item[k].name);
        int named = part.label[0] != '\0' ? gref_truth_sampler(vs->truth, part.label) : -1;
        REQUIRE(named < 0 || label == NULL || strcmp(label, part.label) == 0, GREF_ERR_FORMAT,
                "arrays of several samplers, %s and %s: --sampler LABEL says which to diagnose",
                label, part.label);
        if (named >= 0)
            label = vs->truth->samplers[named].label;
    }
    *where = label;
    if (label == NULL && vs->truth->n_samplers > 0)
        label = vs->truth->samplers[0].label;
    REQUIRE(label != NULL, GREF_ERR_FORMAT, "the golden file has no sampler");
    vs->spec = &vs->truth->samplers[gref_truth_sampler(vs->truth, label)];
    return GREF_OK;
}

gref_status gref_views_new(gref_views *views, const gref_truth *truth, const gref_arrays *candidate,
                           const char *sampler)
{
    SCOPED(gref_views) made = {.truth = truth, .single = true};
    const gref_array *z = gref_arrays_find(&truth->arrays, "z");
    const char *label;
    made.z = z != NULL ? z->A : (gref_mat){0};
    TRY(choose_sampler(&made, &label, candidate, sampler));
    TRY(gref_deviant_new(&made.w, &truth->problem, &truth->schedule, made.spec));
    made.views = gref_alloc((size_t)candidate->n, sizeof *made.views);
    REQUIRE(made.views != NULL, GREF_ERR_NOMEM, "no memory for a diagnosis");
    for (int k = 0; k < candidate->n; k++) {
        const gref_array *x = &candidate->item[k], *g = resolve(truth, x, label);
        gref_name part;
        gref_name_parse(&part, x->name);
        if (strcmp(part.what, "samples") == 0) {
            TRY(leave_out(&made, x, NULL));
            continue;
        }
        if (g == NULL)
            TRY(gref_truth_refuse_name(truth, x->name, label));
        gref_name_parse(&part, g->name);
        bool other = part.label[0] != '\0' && strcmp(part.label, made.spec->label) != 0;
        bool y = kind_of(&part) == GREF_VIEW_Y;
        if (other || kind_of(&part) == GREF_VIEW_NONE || (y && made.z.m != truth->schedule.T)) {
            TRY(leave_out(&made, x, g));
            continue;
        }
        TRY(add_view(&made, x, g, &part, candidate, made.spec->label));
        made.single = made.single && x->single;
    }
    drop_w2(&made);
    *views = TAKE(made);
    return GREF_OK;
}
