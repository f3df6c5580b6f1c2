/*
 * The arrays of a golden file, in its order: problem, schedule, probes and the prior's functions,
 * the target, then sampler by sampler laws, functions, steps and trajectory: laws first, since they
 * bound |M_t| as they go.
 */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/internal.h"
#include "dense/internal.h"
#include "diffusion/internal.h"
#include "golden_parts.h"
#include <gref/random.h>

/* ---- inputs --------------------------------------------------------------------------------- */

void gref_golden_inputs_free(gref_golden_inputs *in)
{
    for (int k = 0; in->probes != NULL && k < in->n_times; k++)
        gref_mat_free(&in->probes[k]);
    free(in->probes);
    free(in->times);
    gref_mat_free(&in->y_T);
    gref_mat_free(&in->Z);
    in->probes = NULL;
    in->times = NULL;
    in->n_times = 0;
}

static int decreasing(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    return (x < y) - (x > y);
}

/* The given times, sorted, each once, and a place for each one's probes. */
static gref_status set_times(gref_golden_inputs *in, const int *given, int count)
{
    in->times = gref_alloc((size_t)count, sizeof *in->times);
    in->probes = gref_alloc((size_t)count, sizeof *in->probes);
    REQUIRE(in->times != NULL && in->probes != NULL, GREF_ERR_NOMEM, "no memory for %d times",
            count);
    memcpy(in->times, given, (size_t)count * sizeof *given);
    qsort(in->times, (size_t)count, sizeof *in->times, decreasing);
    for (int k = 0; k < count; k++)
        if (in->n_times == 0 || in->times[in->n_times - 1] != in->times[k])
            in->times[in->n_times++] = in->times[k];
    return GREF_OK;
}

/*
 * Four points at t: two noisy versions sqrt(abar) x0 + sqrt(1 - abar) eps of the image (of mu where
 * there is none), one N(0, I) draw, and sqrt(abar) mu itself, where the score is 0 and the guidance
 * stands alone.
 */
static gref_status draw_probes(gref_mat *X, const gref_golden_inputs *in, int t)
{
    const gref_problem *p = in->problem;
    double root = sqrt(in->schedule->abar[t]), sd = sqrt(in->schedule->qbar[t]);
    gref_cmat image = gref_const(p->x0.a != NULL ? p->x0 : p->mu);
    TRY(gref_mat_new(X, p->Sigma.n, GREF_GOLDEN_PROBES));
    gref_random_normal(*X, GREF_GOLDEN_SEED, GREF_STREAM_TEST, (uint32_t)t, 0);
    for (int k = 0; k < GREF_GOLDEN_PROBES; k++)
        for (int i = 0; i < X->m; i++) {
            double noise = GREF_AT(*X, i, k);
            GREF_AT(*X, i, k) = k < 2    ? root * GREF_AT(image, i, 0) + sd * noise
                                : k == 2 ? noise
                                         : root * p->mu.a[i];
        }
    return GREF_OK;
}

/* laws_at, T and 1, and the times that the first and the last step of a sampler leave. */
static gref_status choose_times(gref_golden_inputs *in, const int *laws_at, int n_laws)
{
    int T = in->schedule->T, count = n_laws;
    SCOPED_MEM int *t = gref_alloc((size_t)(n_laws + 2 + 2 * in->n_samplers), sizeof *t);
    REQUIRE(t != NULL, GREF_ERR_NOMEM, "no memory for %d times", n_laws);
    memcpy(t, laws_at, (size_t)n_laws * sizeof *t);
    t[count++] = T;
    t[count++] = 1;
    for (int k = 0; k < in->n_samplers; k++) {
        const gref_sampler_spec *spec = &in->specs[k];
        if (spec->n_times == 0)
            continue;
        t[count++] = spec->times[0];
        t[count++] = spec->times[spec->n_times - 2];
    }
    return set_times(in, t, count);
}

/* The probes, and the first sample's noise of gref_sampler_draw with seed GREF_GOLDEN_SEED. */
gref_status gref_golden_inputs_draw(gref_golden_inputs *in, const int *laws_at, int n_laws)
{
    int n = in->problem->Sigma.n, T = in->schedule->T;
    TRY(choose_times(in, laws_at, n_laws));
    for (int k = 0; k < in->n_times && in->times[k] >= 1; k++)
        TRY(draw_probes(&in->probes[k], in, in->times[k]));
    TRY(gref_mat_new(&in->y_T, n, 1));
    TRY(gref_mat_new(&in->Z, n, T));
    gref_random_normal(in->y_T, GREF_GOLDEN_SEED, GREF_STREAM_START, 0, 0);
    for (int t = T; t >= 1; t--)
        gref_random_normal(gref_mat_view(in->Z, 0, T - t, n, 1), GREF_GOLDEN_SEED, GREF_STREAM_STEP,
                           (uint32_t)t, 0);
    return GREF_OK;
}

/* The array of that name, transposed to m x n. */
static gref_status take_transposed(gref_mat *X, const gref_truth *truth, const char *what, int t,
                                   int m, int n)
{
    const gref_array *g = gref_truth_at(truth, NULL, what, t);
    REQUIRE(g != NULL, GREF_ERR_FORMAT, "%s: has no array '%s'", truth->path, what);
    REQUIRE(g->A.m == n && g->A.n == m, GREF_ERR_FORMAT, "%s: '%s' is %d x %d, not %d x %d",
            truth->path, g->name, g->A.m, g->A.n, n, m);
    TRY(gref_require_finite(gref_const(g->A), g->name));
    TRY(gref_mat_new(X, m, n));
    gref_mat_transpose(*X, gref_const(g->A));
    return GREF_OK;
}

/* The times of a golden file are those that have a target. */
static gref_status read_times(gref_golden_inputs *in, const gref_truth *truth)
{
    int count = 0;
    SCOPED_MEM int *t = gref_alloc((size_t)truth->arrays.n, sizeof *t);
    REQUIRE(t != NULL, GREF_ERR_NOMEM, "%s: no memory for its times", truth->path);
    for (int k = 0; k < truth->arrays.n; k++) {
        gref_name part;
        gref_name_parse(&part, truth->arrays.item[k].name);
        if (strcmp(part.what, "target/mean") == 0 && part.t >= 0 && part.t <= in->schedule->T)
            t[count++] = part.t;
    }
    return set_times(in, t, count);
}

gref_status gref_golden_inputs_read(gref_golden_inputs *in, const gref_truth *truth)
{
    int n = in->problem->Sigma.n, T = in->schedule->T;
    const gref_array *y = gref_truth_at(truth, NULL, "y_T", -1);
    TRY(read_times(in, truth));
    for (int k = 0; k < in->n_times && in->times[k] >= 1; k++)
        TRY(take_transposed(&in->probes[k], truth, "probe", in->times[k], n, GREF_GOLDEN_PROBES));
    TRY(take_transposed(&in->Z, truth, "z", -1, n, T));
    REQUIRE(y != NULL && y->A.m == n && y->A.n == 1, GREF_ERR_FORMAT, "%s: has no y_T of length %d",
            truth->path, n);
    TRY(gref_mat_new(&in->y_T, n, 1));
    gref_mat_copy(in->y_T, gref_const(y->A));
    return GREF_OK;
}

/* ---- entries -------------------------------------------------------------------------------- */

void gref_golden_name(char name[160], const gref_golden_entry *e)
{
    int used = snprintf(name, 160, "%s%s%s", e->label, e->label[0] != '\0' ? "/" : "", e->what);
    if (e->t >= 0)
        snprintf(name + used, 160 - (size_t)used, "/%d", e->t);
}

/* The largest power of two <= x. */
static double power_below(double x)
{
    return x > 0.0 && isfinite(x) ? ldexp(1.0, ilogb(x)) : 0.0;
}

/*
 * Passes an entry on. Where no grid is set, entries are stored to 1/64 of the tolerance, inputs as
 * they are.
 */
gref_status gref_golden_emit(const gref_golden_walk *w, gref_golden_entry *e, const char *basis,
                             ...)
{
    va_list ap;
    va_start(ap, basis);
    vsnprintf(e->basis, sizeof e->basis, basis, ap);
    va_end(ap);
    char name[160];
    gref_golden_name(name, e);
    REQUIRE(e->tolerance >= 0.0 && isfinite(e->tolerance), GREF_ERR_NUMERICS,
            "%s: its tolerance is %g", name, e->tolerance);
    if (e->grid < 0.0)
        e->grid = 0.0;
    else
        e->grid = power_below(e->grid > 0.0 ? e->grid : e->tolerance / 64.0);
    return w->sink(w->context, e);
}

bool gref_golden_visits(const gref_sampler *s, int t)
{
    return t == gref_sampler_last(s) || gref_sampler_next(s, t) >= 0;
}

bool gref_golden_is_time(const gref_golden_inputs *in, int t)
{
    for (int k = 0; k < in->n_times; k++)
        if (in->times[k] == t)
            return true;
    return false;
}

/* ---- the walk ------------------------------------------------------------------------------- */

static gref_status walk_sampler(gref_golden_fate *fate, const gref_golden_walk *w,
                                const gref_sampler_spec *spec)
{
    SCOPED_PTR(gref_sampler) *s = NULL;
    SCOPED_MEM gref_golden_sizes *sizes = NULL;
    TRY(gref_sampler_new(&s, &w->z, w->in->schedule, spec));
    sizes = gref_alloc((size_t)s->schedule->T + 1, sizeof *sizes);
    REQUIRE(sizes != NULL, GREF_ERR_NOMEM, "no memory for %d steps", s->schedule->T);
    for (int t = gref_sampler_first(s); t > gref_sampler_last(s); t = gref_sampler_next(s, t))
        TRY(gref_golden_sizes_at(&sizes[t], &w->scale, s, t, false));
    *fate = (gref_golden_fate){.guided = gref_sampler_is_guided(s), .diverged_at = -1};
    fate->affine = gref_sampler_require_gaussian(spec->name) == GREF_OK;
    if (fate->affine) {
        TRY(gref_golden_law_arrays(&fate->diverged_at, sizes, w, s));
        TRY(gref_golden_sampler_arrays(w, s, sizes));
    }
    return gref_golden_path_arrays(w, s, sizes);
}

gref_status gref_golden_compute(gref_golden_fate *fates, const gref_golden_inputs *in,
                                gref_golden_sink *sink, void *context)
{
    gref_golden_walk w = {.in = in, .sink = sink, .context = context};
    SCOPED(gref_modes) z = {0};
    TRY(gref_modes_new(&z, in->problem));
    w.z = z;
    TRY(gref_golden_scale_of(&w.scale, &w.z, in->problem));
    TRY(gref_golden_problem_arrays(&w));
    TRY(gref_golden_target_arrays(&w));
    for (int k = 0; k < in->n_samplers; k++) {
        gref_status status = walk_sampler(&fates[k], &w, &in->specs[k]);
        if (status != GREF_OK)
            return gref_fail_context(status, "sampler %s", in->specs[k].label);
    }
    return GREF_OK;
}
