/*
 * Where the error of a sampler comes from: W2 at its end, and the same with one source removed at a time
 * (THEORY section 6). The differences do not add up to W2.
 *
 *     initialisation   the start is the exact law at the first visited time
 *     approximation    cgdm in the place of the row, under the same scheme, guidance in the score
 *     discretisation   the limit of finer steps along the same abar. Steps are doubled, and W2 is extrapolated
 *                      until two extrapolations agree. Where the score is exact the limit is known: in a mode
 *                      of variance s_t the distance to it shrinks by g = sqrt(s_0/s_T) (ode) or
 *                      sqrt(abar_T/abar_0) s_0/s_T (sde)
 *     truncation       the target is the law at the last visited time
 */
#include <math.h>
#include <stdlib.h>

#include "dense/internal.h"
#include "diffusion/internal.h"
#include "files/internal.h"
#include "internal.h"
#include <gref/trust.h>

DEFINE_DROP(gref_budget)

enum { FIRST_STEPS = 125, MOST_STEPS = 16000, COLUMNS = 4 };
static const double agreement = 5e-4; /* of two extrapolations, relative: three digits hold */

static const char *const file_names[] = {"budget.json", "budget.csv", "budget.svg", NULL};

/** "initialisation", ...; NULL after the last. */
const char *gref_budget_part_name(int part)
{
    static const char *const names[] = {"initialisation", "approximation", "discretisation",
                                        "truncation"};
    return part >= 0 && part < GREF_BUDGET_PARTS ? names[part] : NULL;
}

/** Frees it; accepts NULL. */
void gref_budget_free(gref_budget *b)
{
    if (b == NULL)
        return;
    free(b->lines);
    free(b);
}

/* What all lines share. */
typedef struct {
    gref_modes z;
    gref_schedule schedule;
    gref_mat mean, cov; /* of the prior's p_t where an unconditional sampler starts, or empty */
} world;

static void world_free(world *w)
{
    gref_modes_free(&w->z);
    gref_schedule_free(&w->schedule);
    gref_mat_free(&w->mean);
    gref_mat_free(&w->cov);
}

/* W2 at the end of the chain: to the law at the last time, and of the state as it is to the data. NAN where
 * the chain diverges. */
static gref_status distances(double *at_end, double *to_data, const world *w,
                             const gref_schedule *schedule, const gref_sampler_spec *spec)
{
    SCOPED_PTR(gref_sampler) *s = NULL;
    SCOPED_PTR(gref_marginal) *law = NULL;
    gref_w2 d;
    *at_end = *to_data = NAN;
    TRY(gref_sampler_new(&s, &w->z, schedule, spec));
    TRY(gref_marginal_new(&law, s));
    while (gref_marginal_next(law) >= 0)
        TRY(gref_marginal_advance(law));
    bool prior = !gref_marginal_guided(law);
    if (gref_marginal_diverged(law) || gref_marginal_mean_lost(law))
        return GREF_OK;
    TRY(prior ? gref_marginal_w2_prior(&d, law) : gref_marginal_w2(&d, law));
    *at_end = *to_data = d.w2;
    if (schedule->qbar[gref_marginal_t(law)] > 0.0) {
        TRY(gref_marginal_w2_data(&d, law, prior));
        *to_data = d.w2;
    }
    return GREF_OK;
}

static void refuse(gref_budget_entry *e, const char *reason)
{
    e->w2 = NAN;
    snprintf(e->reason, sizeof e->reason, "%s", reason);
}

/* The start is exact: of the posterior, or for a sampler that aims at the prior of that. */
static gref_status without_start(gref_budget_entry *e, world *w, const gref_sampler_spec *spec)
{
    gref_sampler_spec exact = *spec;
    const gref_row *row = gref_row_find(spec->name);
    int T = gref_times_first(spec, w->schedule.T), n = w->z.n;
    double at_end;
    exact.convention.start = GREF_START_EXACT;
    if (!row->guided && w->mean.a == NULL) {
        TRY(gref_mat_new(&w->mean, n, 1));
        TRY(gref_mat_new(&w->cov, n, n));
    }
    if (!row->guided) {
        SCOPED(gref_mat) P = {0};
        TRY(gref_mat_new(&P, n, n));
        for (int i = 0; i < n; i++)
            GREF_AT(P, i, i) =
                gref_forward_variance(gref_time_at(&w->schedule, T), w->z.lambda.a[i]);
        TRY(gref_modes_cov_to_pixels(w->cov, &w->z, gref_const(P)));
        gref_mat_fill(w->mean, 0.0);
        gref_mat_axpy(w->mean, sqrt(w->schedule.abar[T]), gref_const(w->z.mu));
        exact.convention.start = GREF_START_GIVEN;
        exact.convention.start_mean = gref_const(w->mean);
        exact.convention.start_cov = gref_const(w->cov);
    }
    return distances(&at_end, &e->w2, w, &w->schedule, &exact);
}

static gref_status without_approximation(gref_budget_entry *e, const world *w,
                                         const gref_sampler_spec *spec)
{
    gref_sampler_spec exact = *spec;
    const gref_row *row = gref_row_find(spec->name);
    double at_end;
    if (!row->guided)
        refuse(e, "it has no likelihood: its target is the prior");
    else if (row->project != NULL)
        refuse(e, "it projects, and has no scheme that the exact score could run in");
    else if (row->chain)
        refuse(e, "its steps are given as matrices");
    if (e->reason[0] != '\0')
        return GREF_OK;
    snprintf(exact.name, sizeof exact.name, "cgdm");
    exact.convention.guidance = GREF_GUIDANCE_SCORE;
    return distances(&at_end, &e->w2, w, &w->schedule, &exact);
}

/* eta^2 of the noise in the limit of a scheme: 1 the sde, 0 the ode. */
static double noise_of(const gref_convention *c)
{
    if (c->scheme == GREF_SCHEME_DDIM)
        return c->eta_on == GREF_ETA_VARIANCE ? c->eta : c->eta * c->eta;
    return c->scheme == GREF_SCHEME_DDPM || c->scheme == GREF_SCHEME_EM ||
           c->scheme == GREF_SCHEME_EI;
}

static const char *no_limit(const gref_row *row, const gref_convention *c)
{
    if (row->chain)
        return "its steps are given as matrices";
    if (row->project != NULL || row->placement == GREF_PLACED_BY_ROW)
        return "its pull grows with the number of steps: no limit exists";
    if (row->guided && c->guidance != GREF_GUIDANCE_SCORE)
        return "its guidance is not part of the score: it grows with the number of steps";
    if (c->scheme == GREF_SCHEME_DDIM && c->eta_on == GREF_ETA_STATE && c->eta > 0.0)
        return "eta on the state: its noise grows with the number of steps";
    if (c->scheme == GREF_SCHEME_DDPM && c->variance == GREF_VARIANCE_FILE)
        return "its variances are given for these steps";
    return NULL;
}

/* The exact score from N(mean, variance I): |g e|^2 + sum (sqrt P - sqrt s)^2. */
static gref_status limit_in_closed_form(double *w2, const gref_sampler *s,
                                        const gref_moments *start, double noise)
{
    const gref_modes *z = s->z;
    gref_time from = gref_time_at(s->schedule, gref_sampler_first(s)),
              to = gref_time_at(s->schedule, gref_sampler_last(s));
    bool posterior = gref_sampler_runs_on_posterior(s);
    double squared = 0.0;
    SCOPED(gref_mat) e = {0}, turned = {0};
    TRY(gref_mat_new(&e, z->n, 1));
    TRY(gref_mat_new(&turned, z->n, 1));
    gref_mat_copy(e, gref_const(start->mean)); /* less sqrt(abar) mu, or mu_post */
    TRY(gref_gemv(e, -sqrt(from.abar), gref_const(z->U), true, gref_const(z->mu), 1.0));
    gref_mat_copy(turned, gref_const(e));
    if (posterior) {
        gref_mat_axpy(e, -sqrt(from.abar), gref_const(z->d));
        TRY(gref_gemv(turned, 1.0, gref_const(z->X), true, gref_const(e), 0.0));
    }
    for (int i = 0; i < z->n; i++) {
        double lambda = posterior ? z->rho.a[i] * z->rho.a[i] : z->lambda.a[i];
        double first = gref_forward_variance(from, lambda),
               last = gref_forward_variance(to, lambda);
        double ode = sqrt(last / first), sde = sqrt(from.abar / to.abar) * (last / first);
        double g = pow(ode, 1.0 - noise) * pow(sde, noise);
        double P = last + g * g * (start->variance - first);
        double apart = g * turned.a[i], root = sqrt(fmax(P, 0.0)) - sqrt(last);
        squared += apart * apart + root * root;
    }
    *w2 = sqrt(squared);
    return GREF_OK;
}

/* The value at h = 0 of the polynomial through W(1/K), W(1/2K), ..., `count` of them, by Neville's scheme. */
static double extrapolate(const double *W, int count)
{
    double table[COLUMNS];
    for (int i = 0; i < count; i++) {
        table[i] = W[i];
        for (int j = i - 1; j >= 0; j--)
            table[j] = table[j + 1] + (table[j + 1] - table[j]) / (ldexp(1.0, i - j) - 1.0);
    }
    return table[0];
}

/* Finer and finer chains, until two extrapolations by the last of them agree. */
static gref_status limit_by_doubling(gref_budget_entry *e, const world *w,
                                     const gref_sampler_spec *spec)
{
    gref_sampler_spec whole = *spec;
    int first = gref_times_first(spec, w->schedule.T), last = gref_times_last(spec), count = 0;
    double W[COLUMNS], before = NAN, at_end;
    whole.times = NULL;
    whole.n_times = 0;
    for (int K = FIRST_STEPS; K <= MOST_STEPS; K *= 2) {
        SCOPED(gref_schedule) finer = {0};
        TRY(gref_schedule_refined(&finer, &w->schedule, first, last, K));
        if (spec->convention.scheme == GREF_SCHEME_DDPM && finer.least_steps > K)
            continue;
        if (count == COLUMNS)
            memmove(W, W + 1, (size_t)--count * sizeof *W);
        TRY(distances(&at_end, &W[count++], w, &finer, &whole));
        e->steps = K;
        e->w2 = extrapolate(W, count);
        if (fabs(e->w2 - before) <= agreement * e->w2)
            return GREF_OK;
        before = e->w2;
    }
    snprintf(e->reason, sizeof e->reason, "not reached in %d steps, where W2 is %.4g", e->steps,
             W[count - 1]);
    e->w2 = NAN;
    return GREF_OK;
}

static gref_status without_discretisation(gref_budget_entry *e, const world *w,
                                          const gref_sampler_spec *spec)
{
    const gref_row *row = gref_row_find(spec->name);
    const gref_convention *c = &spec->convention;
    const char *why = no_limit(row, c);
    SCOPED_PTR(gref_sampler) *s = NULL;
    SCOPED(gref_moments) start = {0};
    if (why != NULL) {
        refuse(e, why);
        return GREF_OK;
    }
    TRY(gref_sampler_new(&s, &w->z, &w->schedule, spec));
    bool whole = w->schedule.qbar[gref_sampler_last(s)] == 0.0;
    if (!whole || !(row->exact || !row->guided))
        return limit_by_doubling(e, w, spec);
    if (row->guided && c->start == GREF_START_EXACT) {
        e->w2 = 0.0;
        return GREF_OK;
    }
    if (c->start != GREF_START_EXACT)
        TRY(gref_start_moments(&start, s));
    if (c->start == GREF_START_EXACT || start.cov.a != NULL)
        return limit_by_doubling(e, w, spec);
    return limit_in_closed_form(&e->w2, s, &start, noise_of(c));
}

static gref_status line_of(gref_budget_line *line, world *w)
{
    const gref_sampler_spec *spec = &line->spec;
    double at_end;
    gref_budget_entry *without = line->without;
    bool chain = spec->chain != NULL;
    TRY(gref_sampler_require_gaussian(spec->name));
    TRY(distances(&at_end, &line->w2, w, &w->schedule, spec));
    without[GREF_BUDGET_TRUNCATION].w2 = at_end;
    if (at_end == line->w2 || (isnan(at_end) && isnan(line->w2)))
        refuse(&without[GREF_BUDGET_TRUNCATION], "it ends at abar = 1");
    if (chain)
        refuse(&without[GREF_BUDGET_INITIALISATION], "its start is given with its steps");
    else
        TRY(without_start(&without[GREF_BUDGET_INITIALISATION], w, spec));
    TRY(without_approximation(&without[GREF_BUDGET_APPROXIMATION], w, spec));
    TRY(without_discretisation(&without[GREF_BUDGET_DISCRETISATION], w, spec));
    for (int k = 0; k < GREF_BUDGET_PARTS; k++)
        if (isnan(without[k].w2) && without[k].reason[0] == '\0')
            refuse(&without[k], "the law diverges");
    return GREF_OK;
}

static gref_status compute(gref_budget *b, const gref_budget_options *o)
{
    SCOPED(world) w = {0};
    SCOPED(gref_problem) p = {0};
    const gref_sampler_spec *specs;
    int count = gref_case_samplers(b->c, &specs);
    TRY(gref_case_problem(&p, b->c));
    TRY(gref_case_schedule(&w.schedule, b->c));
    TRY(gref_case_blame_sigma(b->c, gref_modes_new(&w.z, &p)));
    b->n = p.A.n;
    b->m = p.A.m;
    b->lines = gref_alloc((size_t)count, sizeof *b->lines);
    REQUIRE(b->lines != NULL, GREF_ERR_NOMEM, "no memory for a budget");
    for (int k = 0; k < count; k++) {
        gref_budget_line *line = &b->lines[b->n_lines];
        line->spec = specs[k];
        REQUIRE(o->progress == NULL || o->progress(o->context, specs[k].label, k, count),
                GREF_ERR_CANCELLED, "cancelled");
        gref_status status = line_of(line, &w);
        if (status != GREF_OK)
            return gref_fail_context(status, "sampler %s", specs[k].label);
        b->n_lines++;
    }
    return GREF_OK;
}

static gref_status write_files(gref_budget *b, const char *dir)
{
    SCOPED_MEM char *json = NULL, *csv = gref_budget_csv(b);
    TRY(gref_file_write(dir, "budget.csv", csv));
    TRY(gref_budget_draw(b, dir));
    json = gref_budget_json(b);
    return gref_file_write(dir, "budget.json", json);
}

/**
 * The budget of every sampler of a case, and the files that show it.
 *
 * @param[out] budget   owned by the caller; gref_budget_free. Unchanged on error.
 * @param[in]  c        borrowed by the budget: must outlive it.
 * @param[in]  options  see study.h.
 * @return GREF_OK; GREF_ERR_RANGE (a sampler without a Gaussian law, ...); GREF_ERR_NUMERICS (self-test);
 *         GREF_ERR_EXISTS; GREF_ERR_IO; GREF_ERR_CANCELLED; and what gref_case_problem and
 *         gref_sampler_new return. On error no file is left and none is changed.
 * @error  discretisation: three digits, by the agreement of two extrapolations; the rest as
 *         gref_marginal_w2.
 * @see    THEORY section 6. Tests: test_budget.c
 */
gref_status gref_budget_run(gref_budget **out, const gref_case *c,
                            const gref_budget_options *options)
{
    SCOPED(gref_folder) folder = {0};
    SCOPED_PTR(gref_budget) *b = gref_alloc(1, sizeof *b);
    REQUIRE(b != NULL, GREF_ERR_NOMEM, "no memory for a budget");
    b->c = c;
    if (!options->skip_self_test)
        TRY(gref_trust_require());
    b->self_tested = !options->skip_self_test;
    if (options->dir != NULL)
        TRY(gref_folder_open(&folder, options->dir, file_names, options->force));
    TRY(compute(b, options));
    if (options->dir != NULL) {
        TRY(write_files(b, folder.stage));
        TRY(gref_folder_commit(&folder));
    }
    *out = TAKE(b);
    return GREF_OK;
}
