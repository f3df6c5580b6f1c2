/*
 * Which deviations of the catalogue reproduce a candidate?
 *
 *   e_k         |x_k - d_k|_F / max(|g_k|_F, |x_k - g_k|_F): x the candidate's array, g the golden, d a deviant's
 *   distance    root mean square of e_k over the arrays;  unexplained: over that of d = g
 *
 * Singles first; if none reproduces the candidate to rounding, all pairs of rows of different
 * groups. A few views are enough to sort the rows (search), all of them decide (judge).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/internal.h"
#include "view.h"

enum { SHORTLIST = 24, REPORTED = 8, PER_KIND = 2 };
/*
 * The largest e_k that single precision is blamed for, whatever the condition numbers:
 * GREF_SINGLE_MOST in arrays of its numbers. One with other entries was not computed in it, at most
 * something was rounded to it: 16 roundings.
 */
#define ROUNDED_MOST 0x1p-20

/* A row or a pair of rows, and how near it comes. */
typedef struct {
    int row[2]; /* row[1] = -1 for a single one */
    double distance, zeta;
    bool explains, explains_single;
} guess;

void gref_diagnosis_free(gref_diagnosis *d)
{
    if (d == NULL)
        return;
    free(d->entries);
    free(d);
}

static gref_switches switches_of(const gref_views *vs, const guess *q)
{
    gref_switches s = gref_switches_right(vs->spec);
    for (int k = 0; k < 2; k++)
        if (q->row[k] >= 0)
            gref_catalogue[q->row[k]].apply(&s, &vs->truth->problem);
    if (q->zeta > 0.0)
        s.convention.zeta = q->zeta;
    return s;
}

/* Sums over the views that a deviant is held against. */
typedef struct {
    double sum, unbent; /* of e_k^2, of the deviant and of the golden values */
    int count;
    bool explains, explains_single;
} tally;

/* Adds a view; *known is false where the deviant has no such array: it need not make sense. */
static gref_status add_distance(tally *y, bool *known, const gref_views *vs, const gref_view *v,
                                const gref_switches *s)
{
    SCOPED(gref_mat) D = {0};
    TRY(gref_mat_new(&D, v->x.m, v->x.n));
    gref_status status = gref_view_predict(D, known, vs, v, s);
    REQUIRE(status != GREF_ERR_NOMEM, status, "no memory for a deviant");
    double gap = gref_mat_diff_fro(gref_const(D), gref_const(v->x)), e = gap / v->norm;
    *known = *known && status == GREF_OK && isfinite(gap);
    if (!*known)
        return GREF_OK;
    double grown = fmax(1.0, gref_mat_norm_fro(gref_const(D)) / v->norm);
    double most = v->rounded ? GREF_SINGLE_MOST : ROUNDED_MOST;
    double single = fmin(v->single_tolerance * grown, most * v->norm);
    y->explains = y->explains && gap <= fmax(v->tolerance * grown, 1e-6 * v->gap);
    y->explains_single = y->explains_single && gap <= fmax(single, 1e-6 * v->gap);
    y->sum += e * e;
    y->unbent += (v->gap / v->norm) * (v->gap / v->norm);
    y->count++;
    return GREF_OK;
}

/* Distance of a deviant over the views whose mark is set (all: marks NULL); infinite where one is
 * not defined. */
static gref_status distance(guess *q, const gref_views *vs, const gref_switches *s,
                            const bool *marks)
{
    tally y = {.explains = true, .explains_single = true};
    bool known = gref_deviant_possible(vs->w, s);
    q->explains = q->explains_single = false;
    q->distance = INFINITY;
    for (int k = 0; known && k < vs->n_views; k++)
        if (vs->views[k].kind != GREF_VIEW_NONE && (marks == NULL || marks[k]))
            TRY(add_distance(&y, &known, vs, &vs->views[k], s));
    if (!known || y.count == 0)
        return GREF_OK;
    q->distance = sqrt(y.sum / y.count);
    q->explains = y.explains && y.sum <= 0.25 * y.unbent; /* more than rounding would */
    q->explains_single = y.explains_single;
    return GREF_OK;
}

/* Adds a view's <x - d0, d1> and <d1, d1> to *up and *down, where d(zeta) = d0 + zeta d1 near
 * zeta. */
static gref_status add_slopes(double *up, double *down, const gref_views *vs, const gref_view *v,
                              gref_switches s, double h)
{
    SCOPED(gref_mat) D0 = {0}, D1 = {0};
    bool known[2];
    TRY(gref_mat_new(&D0, v->x.m, v->x.n));
    TRY(gref_mat_new(&D1, v->x.m, v->x.n));
    gref_status status = gref_view_predict(D0, &known[0], vs, v, &s);
    s.convention.zeta += h;
    if (status == GREF_OK)
        status = gref_view_predict(D1, &known[1], vs, v, &s);
    if (status != GREF_OK || !known[0] || !known[1]) /* this zeta makes no sense: no slope */
        return GREF_OK;
    for (int j = 0; j < v->x.n; j++)
        for (int i = 0; i < v->x.m; i++) {
            double slope = (GREF_AT(D1, i, j) - GREF_AT(D0, i, j)) / h;
            *up += (GREF_AT(v->x, i, j) - GREF_AT(D0, i, j)) * slope / (v->norm * v->norm);
            *down += slope * slope / (v->norm * v->norm);
        }
    return GREF_OK;
}

/* One step of Newton's method towards the zeta whose deviant is nearest over the marked views. */
static gref_status improve_zeta(double *zeta, const gref_views *vs, gref_switches s,
                                const bool *marks)
{
    double up = 0.0, down = 0.0, h = *zeta > 0.0 ? 1e-3 * *zeta : 1e-4;
    s.convention.zeta = *zeta;
    for (int k = 0; k < vs->n_views; k++)
        if (vs->views[k].kind != GREF_VIEW_NONE && marks[k])
            TRY(add_slopes(&up, &down, vs, &vs->views[k], s, h));
    double next = *zeta + (down > 0.0 ? up / down : 0.0);
    *zeta = isfinite(next) && next > 0.0 ? next : 0.5 * *zeta;
    return GREF_OK;
}

/* The distance of a guess, its free constant fitted. */
static gref_status evaluate(guess *q, const gref_views *vs, const bool *marks)
{
    gref_switches s = switches_of(vs, q);
    bool after = s.convention.guidance == GREF_GUIDANCE_AFTER &&
                 gref_switches_right(vs->spec).convention.guidance != GREF_GUIDANCE_AFTER &&
                 gref_deviant_possible(vs->w, &s);
    if (after && q->zeta <= 0.0) {
        q->zeta = 1e-2;
        for (int pass = 0; pass < 6; pass++) {
            s.convention.zeta = q->zeta;
            TRY(improve_zeta(&q->zeta, vs, s, marks));
        }
    }
    if (after)
        s.convention.zeta = q->zeta;
    return distance(q, vs, &s, marks);
}

/* The views to search with: of each kind, the first few from T down that depart, and one that does
 * not. */
static void choose_marks(bool *marks, const gref_views *vs)
{
    for (int kind = GREF_VIEW_NONE + 1; kind < GREF_VIEWS; kind++)
        for (int departs = 0; departs < 2; departs++)
            for (int taken = 0; taken < (departs ? PER_KIND : 1); taken++) {
                int best = -1;
                for (int k = 0; k < vs->n_views; k++) {
                    const gref_view *v = &vs->views[k];
                    if ((int)v->kind == kind && (int)v->departs == departs && !marks[k] &&
                        (best < 0 || v->t > vs->views[best].t))
                        best = k;
                }
                if (best >= 0)
                    marks[best] = true;
            }
}

static int nearer_first(const void *a, const void *b)
{
    const guess *x = a, *y = b;
    if (x->explains != y->explains)
        return x->explains ? -1 : 1;
    if (!x->explains && x->distance != y->distance)
        return x->distance < y->distance ? -1 : 1;
    int order = (x->row[0] > y->row[0]) - (x->row[0] < y->row[0]);
    return order != 0 ? order : (x->row[1] > y->row[1]) - (x->row[1] < y->row[1]);
}

/* Sorts guesses by the marked views, then judges the nearest by all; *n becomes their number. */
static gref_status judge(guess *list, int *n, const gref_views *vs)
{
    qsort(list, (size_t)*n, sizeof *list, nearer_first);
    int keep = 0;
    while (keep < *n && isfinite(list[keep].distance) && (keep < SHORTLIST || list[keep].explains))
        keep++;
    *n = keep < 4 * SHORTLIST ? keep : 4 * SHORTLIST;
    for (int k = 0; k < *n; k++) {
        gref_switches s = switches_of(vs, &list[k]);
        TRY(distance(&list[k], vs, &s, NULL));
    }
    qsort(list, (size_t)*n, sizeof *list, nearer_first);
    return GREF_OK;
}

/* Is the row simulated at all? float32 is judged by its tolerance. */
static bool simulated(int row)
{
    return strcmp(gref_catalogue[row].row.name, "float32") != 0;
}

static gref_status try_singles(guess *list, int *n, const gref_views *vs, const bool *marks,
                               const guess *right)
{
    *n = 0;
    for (int a = 0; a < gref_catalogue_size; a++) {
        guess q = {.row = {a, -1}};
        if (!simulated(a))
            continue;
        TRY(evaluate(&q, vs, marks));
        if (q.distance != right->distance) /* a row without effect here is no explanation */
            list[(*n)++] = q;
    }
    return judge(list, n, vs);
}

static gref_status try_pairs(guess *list, int *n, const gref_views *vs, const bool *marks)
{
    *n = 0;
    for (int a = 0; a < gref_catalogue_size; a++)
        for (int b = a + 1; b < gref_catalogue_size; b++) {
            guess q = {.row = {a, b}};
            bool apart = strcmp(gref_catalogue[a].group, gref_catalogue[b].group) != 0;
            if (!apart || !simulated(a) || !simulated(b))
                continue;
            TRY(evaluate(&q, vs, marks));
            list[(*n)++] = q;
        }
    return judge(list, n, vs);
}

static int float32_row(void)
{
    int k = 0;
    while (simulated(k))
        k++;
    return k;
}

static void add_entry(gref_diagnosis *d, const guess *q, double unexplained, bool explains)
{
    gref_diagnosis_entry *e = &d->entries[d->n_entries++];
    const gref_deviation *a = &gref_catalogue[q->row[0]].row;
    const gref_deviation *b = q->row[1] >= 0 ? &gref_catalogue[q->row[1]].row : NULL;
    char fitted[48] = "";
    if (q->zeta > 0.0)
        snprintf(fitted, sizeof fitted, " (zeta = %.6g fits best)", q->zeta);
    *e = (gref_diagnosis_entry){.row = {q->row[0], q->row[1]},
                                .distance = q->distance,
                                .unexplained = unexplained,
                                .explains = explains};
    snprintf(e->name, sizeof e->name, "%s%s%s", a->name, b != NULL ? " + " : "",
             b != NULL ? b->name : "");
    snprintf(e->sentence, sizeof e->sentence, "%s%s%s%s (seen: %s%s%s)", a->sentence,
             b != NULL ? "; and " : "", b != NULL ? b->sentence : "", fitted, a->seen,
             b != NULL ? "; " : "", b != NULL ? b->seen : "");
}

/* Those that explain, and else the nearest, if they explain anything. */
static void report(gref_diagnosis *d, const guess *list, int n)
{
    bool any = n > 0 && list[0].explains;
    for (int k = 0; k < n && d->n_entries < REPORTED; k++) {
        double unexplained = list[k].distance / d->distance;
        if (any ? list[k].explains : unexplained < 0.9)
            add_entry(d, &list[k], unexplained, list[k].explains);
    }
    d->none = !any;
}

/* Adds the nearest of the golden values (right) and the guesses that are right to single precision;
 * false if none. */
static bool report_single(gref_diagnosis *d, const guess *right, const guess *list, int n,
                          const gref_views *vs)
{
    guess best = *right;
    double limit = right->explains_single ? 0.3 * right->distance
                                          : INFINITY; /* a deviation must earn its place */
    for (int k = 0; k < n; k++)
        if (list[k].explains_single && list[k].distance < limit) {
            best = list[k];
            limit = list[k].distance;
        }
    if (!best.explains_single)
        return false;
    double left = best.row[0] < 0
                      ? 0.0
                      : best.distance / d->distance; /* of rounding nothing is unexplained */
    if (best.row[0] < 0)
        best.row[0] = float32_row();
    else if (!vs->single && best.row[1] < 0)
        best.row[1] = float32_row();
    add_entry(d, &best, left, true);
    d->none = false;
    return true;
}

/*
 * A candidate in double whose arrays are right to double, all but one: single precision would have
 * touched the others. What is 0 tells nothing, and an array of single precision may be the one.
 */
static bool one_is_wrong(const gref_views *vs)
{
    int wrong = 0, right = 0;
    for (int k = 0; k < vs->n_views; k++) {
        const gref_view *v = &vs->views[k];
        if (v->kind == GREF_VIEW_NONE || v->rounded)
            continue;
        wrong += v->departs;
        right += !v->departs && v->norm > v->tolerance;
    }
    return wrong == 1 && right > 0;
}

static gref_status search(gref_diagnosis *d, const gref_views *vs)
{
    size_t most = (size_t)gref_catalogue_size * (size_t)gref_catalogue_size / 2 + 1;
    SCOPED_MEM guess *list = gref_alloc((size_t)gref_catalogue_size, sizeof *list),
                     *pairs = gref_alloc(most, sizeof *pairs);
    guess right = {.row = {-1, -1}}, whole = {.row = {-1, -1}};
    SCOPED_MEM bool *marks = gref_alloc((size_t)vs->n_views + 1, sizeof *marks);
    int n = 0, n_pairs = 0;
    REQUIRE(list != NULL && pairs != NULL && marks != NULL, GREF_ERR_NOMEM,
            "no memory for a diagnosis");
    d->entries = gref_alloc(REPORTED + 1, sizeof *d->entries);
    REQUIRE(d->entries != NULL, GREF_ERR_NOMEM, "no memory for a diagnosis");
    choose_marks(marks, vs);
    TRY(evaluate(&right, vs, marks));
    TRY(evaluate(&whole, vs, NULL));
    d->distance = whole.distance;
    d->none = true;
    TRY(try_singles(list, &n, vs, marks, &right));
    bool solved = n > 0 && list[0].explains, single = !one_is_wrong(vs);
    /* what is stored in single precision can be explained no better */
    if (!solved && vs->single && report_single(d, &whole, list, n, vs))
        return GREF_OK;
    if (!solved) {
        TRY(try_pairs(pairs, &n_pairs, vs, marks));
        solved = n_pairs > 0 && pairs[0].explains;
        if (!solved && single &&
            (report_single(d, &whole, list, n, vs) || report_single(d, &whole, pairs, n_pairs, vs)))
            return GREF_OK;
        report(d, pairs, n_pairs);
    } else {
        report(d, list, n);
    }
    if (d->none)
        gref_best_relation(d->relation, sizeof d->relation, vs);
    return GREF_OK;
}

/**
 * Searches the catalogue of deviations for what explains a candidate.
 *
 * @param[out] diagnosis  for gref_diagnosis_free; entries best first, none for a right candidate. Unchanged on
 *                        error.
 * @param[in]  candidate  arrays named as in the golden file; those of one sampler, of no sampler, or a law
 *                        (mean, cov) at t = 0. Samples are left aside.
 * @param[in]  sampler    label where names have none, or NULL.
 * @return GREF_OK; GREF_ERR_FORMAT (a name that the golden file has not; nothing to compare); GREF_ERR_SHAPE; GREF_ERR_NONFINITE; GREF_ERR_NOMEM.
 * @cost   a hundred single deviants, and some two thousand pairs where none of them explains; each costs a few
 *         products with A and U a view, and a chain as many as it has steps.
 * @see    src/verify/catalogue.c. Tests: test_diagnose.c, slow_diagnose.c
 */
gref_status gref_diagnose_arrays(gref_diagnosis **diagnosis, const gref_truth *truth,
                                 const gref_arrays *candidate, const char *sampler)
{
    SCOPED(gref_views) vs = {0};
    SCOPED_PTR(gref_diagnosis) *d = gref_alloc(1, sizeof *d);
    REQUIRE(d != NULL, GREF_ERR_NOMEM, "no memory for a diagnosis");
    TRY(gref_views_new(&vs, truth, candidate, sampler));
    d->agrees = true;
    for (int k = 0; k < vs.n_views; k++)
        if (vs.views[k].kind != GREF_VIEW_NONE) {
            d->agrees = d->agrees && !vs.views[k].departs;
            d->n_arrays++;
        }
    REQUIRE(d->n_arrays > 0, GREF_ERR_FORMAT,
            "nothing to diagnose: give functions (score, x0hat, guided_score, C_vt), M, b, N, "
            "mean, cov, y or w2");
    if (!d->agrees)
        TRY(search(d, &vs));
    d->agrees = d->agrees && !vs.others_differ;
    d->n_others = vs.n_others;
    if (vs.n_others > 0)
        snprintf(d->note, sizeof d->note, "%d arrays not looked at%s: %s", vs.n_others,
                 vs.others_differ ? ", some differ from the golden ones" : "", vs.others);
    *diagnosis = TAKE(d);
    return GREF_OK;
}
