/*
 * The main job: run every sampler of a case from t = T to 0 and hold its law against the exact one.
 *
 * Whole laws go to arrays.npz as they are met and are not kept: memory stays at a few n x n
 * matrices whatever the number of samplers and of reported times.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/internal.h"
#include "files/internal.h"
#include "internal.h"
#include <gref/trust.h>

static const char *const file_names[] = {"summary.json", "w2.csv",      "arrays.npz", "problem.png",
                                         "bias.png",     "samples.png", "w2.svg",     NULL};

/* What a run holds besides its result. */
typedef struct {
    gref_study *out;
    const gref_engine *engine;
    void *data; /* of the engine */
    gref_schedule schedule;
    const int *laws_at;
    int n_laws;
    gref_npz_writer *npz; /* NULL when nothing is written */
    const gref_study_options *options;
    gref_folder folder;
    int done, total;
} run;

void gref_study_free(gref_study *study)
{
    if (study == NULL)
        return;
    for (int k = 0; k < study->n_samplers; k++) {
        free(study->samplers[k].rows);
        gref_mat_free(&study->samplers[k].bias);
        gref_mat_free(&study->samplers[k].samples);
    }
    free(study->samplers);
    gref_mat *all[] = {&study->image,   &study->x0,      &study->v,
                       &study->mu_post, &study->v_place, &study->samples};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        gref_mat_free(all[k]);
    free(study);
}

static void run_free(run *r)
{
    gref_npz_abandon(r->npz);
    gref_folder_free(&r->folder);
    gref_study_free(r->out);
    r->engine->close(r->data);
    gref_schedule_free(&r->schedule);
}

static gref_status report_progress(run *r, const char *what, int step)
{
    r->done += step;
    const gref_study_options *o = r->options;
    REQUIRE(o->progress == NULL || o->progress(o->context, what, r->done, r->total),
            GREF_ERR_CANCELLED, "cancelled");
    return GREF_OK;
}

gref_status gref_study_add(gref_npz_writer *npz, const char *name, gref_mat A, int ndim)
{
    return npz == NULL || A.a == NULL ? GREF_OK : gref_npz_add(npz, name, gref_const(A), ndim);
}

gref_status gref_study_add_at(gref_npz_writer *npz, const char *label, const char *what, int t,
                              gref_mat A, int ndim)
{
    SCOPED_MEM char *name = gref_format("%s/%s/%d", label, what, t);
    REQUIRE(name != NULL, GREF_ERR_NOMEM, "no memory for a name");
    return gref_study_add(npz, name, A, ndim);
}

gref_status gref_study_add_law(gref_npz_writer *npz, const char *label, int t, gref_mat mean,
                               gref_mat cov)
{
    TRY(gref_study_add_at(npz, label, "mean", t, mean, 1));
    return gref_study_add_at(npz, label, "cov", t, cov, 2);
}

/* Index of t in laws_at, or -1. */
static int law_index(const run *r, int t)
{
    for (int k = 0; k < r->n_laws; k++)
        if (r->laws_at[k] == t)
            return k;
    return -1;
}

/*
 * The start, the end, the multiples of w2_every and laws_at; every visited time of a chain that
 * names its own. Where nothing is known to aim at, nothing is measured.
 */
static bool is_reported(const run *r, const gref_study_sampler *s, const gref_marginal *law,
                        bool start)
{
    int t = gref_marginal_t(law);
    bool own_times = s->spec.n_times > 0 || s->spec.chain != NULL;
    return gref_marginal_has_target(law) &&
           (start || own_times || gref_marginal_next(law) < 0 ||
            t % gref_case_w2_every(r->out->c) == 0 || law_index(r, t) >= 0);
}

/* Steps of a chain from its start to its end. */
static int count_steps(const gref_sampler_spec *spec, int T)
{
    return spec->chain != NULL ? spec->chain->K : spec->n_times > 0 ? spec->n_times - 1 : T;
}

/* The schedule, and the problem in the engine's hands. */
static gref_status set_up(run *r)
{
    TRY(report_progress(r, "problem and posterior", 0));
    TRY(gref_case_schedule(&r->schedule, r->out->c));
    TRY(r->engine->open(&r->data, r->out, &r->schedule, r->npz));
    r->out->T = r->schedule.T;
    for (int k = 0; k < r->out->n_samplers; k++)
        r->total += count_steps(&r->out->samplers[k].spec, r->out->T);
    return GREF_OK;
}

/* True if the chain ends at the t of the law and abar is not 1 there. */
static bool ends_early(const run *r, const gref_study_sampler *s, const gref_marginal *law)
{
    const gref_chain *chain = s->spec.chain;
    double abar = chain == NULL         ? r->schedule.abar[gref_marginal_t(law)]
                  : chain->abar != NULL ? chain->abar[chain->K]
                                        : 1.0;
    return gref_marginal_next(law) < 0 && abar < 1.0;
}

/* The distance to the prior, which has no proof, or to p_t(x | v): whole laws and the end with one. */
static gref_status measure_w2(gref_w2 *out, const gref_marginal *law, bool prior, bool listed)
{
    return prior    ? gref_marginal_w2_prior(out, law)
           : listed ? gref_marginal_certify(out, law)
                    : gref_marginal_w2(out, law);
}

/*
 * The distances of a row; after divergence only `modelled`, where the sampler has a modelled law.
 * Whole laws and the end get a proof, the chain in between a value. A proof is reported only where
 * it covers the exact sampler, not just the numbers computed for it.
 */
static gref_status measure(gref_study_row *row, const run *r, const gref_study_sampler *s,
                           const gref_marginal *law)
{
    bool listed = law_index(r, row->t) >= 0 || gref_marginal_next(law) < 0;
    if (s->models && !s->to_prior)
        TRY(gref_marginal_w2_modelled(&row->modelled, law));
    row->modelled.certified = false;
    if (row->diverged)
        return GREF_OK;
    TRY(measure_w2(&row->w2, law, s->to_prior, listed));
    if (row->w2.certified)
        gref_marginal_errors(&row->mean_error, &row->cov_error, &row->w2_error, law);
    row->w2.certified = row->w2.certified && row->w2_error > 0.0;
    if (listed && !row->w2.certified)
        row->no_proof = s->to_prior ? "distances to the prior have none" : r->engine->no_proof;
    row->ends_early = ends_early(r, s, law);
    if (row->ends_early)
        TRY(gref_marginal_w2_data(&row->data, law, s->to_prior));
    if (!gref_marginal_guided(law))
        TRY(gref_marginal_w2_prior(&row->prior, law));
    row->prior.certified = false;
    return GREF_OK;
}

/* The bias at the k-th t of laws_at; the law itself goes to arrays.npz. */
static gref_status keep_law(run *r, gref_study_sampler *s, const gref_marginal *law, int k)
{
    gref_mat bias = gref_mat_view(s->bias, 0, k, r->out->n, 1);
    if (gref_marginal_mean_lost(law) || !gref_marginal_has_target(law))
        gref_mat_fill(bias, NAN);
    else
        TRY(gref_marginal_bias(bias, law));
    return r->npz == NULL ? GREF_OK : r->engine->write(r->npz, s->spec.label, r->data, law);
}

/* The law at the t at hand, as far as it is reported. */
static gref_status report(run *r, gref_study_sampler *s, const gref_marginal *law, bool start)
{
    gref_study_row row = {.t = gref_marginal_t(law),
                          .diverged = gref_marginal_diverged(law),
                          .mean_lost = gref_marginal_mean_lost(law)};
    int k = law_index(r, row.t);
    if (row.diverged && s->diverged_at < 0)
        s->diverged_at = row.t;
    if (is_reported(r, s, law, start)) {
        TRY(measure(&row, r, s, law));
        s->rows[s->n_rows++] = row;
    }
    return k < 0 || row.diverged ? GREF_OK : keep_law(r, s, law, k);
}

/* From the start of the chain to its end. */
static gref_status walk(run *r, gref_study_sampler *s)
{
    gref_marginal *law = NULL;
    TRY(r->engine->begin(&law, r->data, &s->spec));
    int most = gref_marginal_t(law) + 1;
    s->guided = gref_marginal_guided(law);
    s->models = gref_marginal_has_model(law);
    s->diverged_at = -1;
    s->rows = gref_alloc((size_t)most, sizeof *s->rows);
    REQUIRE(s->rows != NULL, GREF_ERR_NOMEM, "no memory for %d rows", most);
    TRY(gref_mat_new(&s->bias, r->out->n, r->n_laws));
    TRY(report(r, s, law, true));
    while (gref_marginal_next(law) >= 0) {
        TRY(gref_marginal_advance(law));
        TRY(report(r, s, law, false));
        TRY(report_progress(r, s->spec.label, 1));
    }
    s->first_unstable = gref_marginal_first_unstable(law);
    s->stable = s->first_unstable == 0;
    s->growth = gref_marginal_growth(law);
    s->stable_scale = NAN;
    if (!s->stable) {
        const gref_convention *c = &s->spec.convention;
        TRY(gref_marginal_stable_factor(&s->stable_scale, law));
        s->stable_scale *= c->guidance == GREF_GUIDANCE_AFTER ? c->zeta : c->alpha_dps;
    }
    s->lost = gref_marginal_lost(law);
    s->mean_lost = gref_marginal_mean_lost(law);
    return GREF_OK;
}

static gref_status study_sampler(run *r, gref_study_sampler *s)
{
    gref_status status = report_progress(r, s->spec.label, 0);
    if (status == GREF_OK)
        status = walk(r, s);
    return status == GREF_OK ? GREF_OK : gref_fail_context(status, "sampler %s", s->spec.label);
}

const gref_study_row *gref_study_row_at(const gref_study_sampler *s, int t)
{
    for (int k = 0; k < s->n_rows; k++)
        if (s->rows[k].t == t)
            return &s->rows[k];
    return NULL;
}

const char *gref_study_absence(const gref_study_sampler *s, int t)
{
    bool without = s->spec.chain != NULL && s->spec.chain->abar == NULL && t <= s->spec.chain->K;
    return without ? "no target" : "not visited";
}

/* Room for the samples of every chain whose law and mean are known to the end. */
typedef struct {
    gref_study_sampler **drawn;
    const gref_sampler_spec **specs;
    gref_mat *Y;
    bool *diverged;
    int count;
} draft;

static void draft_free(draft *d)
{
    for (int k = 0; k < d->count; k++)
        gref_mat_free(&d->Y[k]);
    free(d->drawn);
    free(d->specs);
    free(d->Y);
    free(d->diverged);
}

static gref_status draft_new(draft *d, gref_study *o)
{
    size_t most = (size_t)o->n_samplers;
    d->drawn = gref_alloc(most, sizeof *d->drawn);
    d->specs = gref_alloc(most, sizeof *d->specs);
    d->Y = gref_alloc(most, sizeof *d->Y);
    d->diverged = gref_alloc(most, sizeof *d->diverged);
    REQUIRE(d->drawn != NULL && d->specs != NULL && d->Y != NULL && d->diverged != NULL,
            GREF_ERR_NOMEM, "no memory for samples");
    for (int k = 0; k < o->n_samplers; k++)
        if (o->samplers[k].diverged_at < 0 && !o->samplers[k].mean_lost) {
            d->drawn[d->count] = &o->samplers[k];
            d->specs[d->count] = &o->samplers[k].spec;
            TRY(gref_mat_new(&d->Y[d->count++], o->n, o->samples.n));
        }
    return GREF_OK;
}

static gref_status draw_samples(run *r)
{
    SCOPED(draft) d = {0};
    TRY(report_progress(r, "samples", 0));
    TRY(draft_new(&d, r->out));
    TRY(gref_case_blame_sigma(r->out->c,
                              r->engine->draw(d.Y, d.diverged, r->data, d.specs, d.count)));
    for (int k = 0; k < d.count; k++)
        if (!d.diverged[k])
            d.drawn[k]->samples = TAKE(d.Y[k]);
    return GREF_OK;
}

static gref_status write_files(run *r, const char *dir)
{
    gref_study *o = r->out;
    SCOPED_MEM char *summary = NULL, *csv = gref_study_csv(o);
    TRY(report_progress(r, "pictures", 0));
    TRY(gref_file_write(dir, "w2.csv", csv));
    TRY(gref_study_draw(o, dir));
    summary = gref_study_summary(o);
    TRY(gref_file_write(dir, "summary.json", summary));
    return gref_npz_finish(TAKE(r->npz));
}

static gref_status open_npz(run *r, const char *dir)
{
    SCOPED_MEM char *path = gref_format("%s/arrays.npz", dir);
    REQUIRE(path != NULL, GREF_ERR_NOMEM, "no memory for a file name");
    return gref_npz_create(&r->npz, path);
}

/* The samplers of the case, before their laws are known; those that have none are left out by name. */
static gref_status list_samplers(gref_study *o)
{
    const gref_sampler_spec *specs = NULL;
    int count = gref_case_samplers(o->c, &specs);
    o->samplers = gref_alloc((size_t)count, sizeof *o->samplers);
    REQUIRE(o->samplers != NULL, GREF_ERR_NOMEM, "no memory for %d samplers", count);
    for (int k = 0; k < count; k++) {
        gref_status status = gref_sampler_require_gaussian(specs[k].name);
        if (status != GREF_OK && k == count - 1 && o->n_samplers == 0) /* none is left */
            return gref_fail_context(status, "sampler %s", specs[k].label);
        if (status != GREF_OK) {
            size_t used = strlen(o->not_studied);
            snprintf(o->not_studied + used, sizeof o->not_studied - used, "%s%s",
                     used > 0 ? ", " : "", specs[k].label);
            continue;
        }
        gref_study_sampler *s = &o->samplers[o->n_samplers++];
        s->spec = specs[k];
        s->to_prior = gref_case_targets_prior(o->c, k);
    }
    return GREF_OK;
}

/* No number is made on a BLAS that is not known to be right. */
static gref_status test_blas(run *r)
{
    if (r->options->skip_self_test)
        return GREF_OK;
    TRY(report_progress(r, "self-test", 0));
    TRY(gref_trust_require());
    r->out->self_tested = true;
    return GREF_OK;
}

/**
 * Studies a case exactly.
 *
 * For every sampler and every reported t (T, 0, the multiples of w2_every, laws_at): the W2 of its
 * exact law to the exact p_t(x | v), and of its modelled law to the same; at laws_at also the whole
 * law.
 *
 * @param[out] study     owned by the caller; gref_study_free. Unchanged on error.
 * @param[in]  c         borrowed by the study: must outlive it.
 * @param[in]  options   see study.h. A progress function that returns false ends the study with
 *                       GREF_ERR_CANCELLED.
 * @return GREF_OK; GREF_ERR_NUMERICS (self-test); GREF_ERR_EXISTS; GREF_ERR_IO; GREF_ERR_CANCELLED; and what
 *         gref_case_problem, gref_modes_new and gref_sampler_new return, or on the spectral path
 *         gref_case_stationary, gref_spectral_new and gref_marginal_spectral. On error no file is left and none is
 *         changed.
 * @cost   the self-test (0.2 s); per sampler T steps of gref_marginal_advance; per reported t two W2; at most
 *         16 n x n doubles. On the spectral path about 100 n doubles, and no n x n one above
 *         GREF_STUDY_DENSE_MOST pixels.
 * @see    THEORY section 6. Tests: test_study.c, cli/study.sh
 */
gref_status gref_study_run(gref_study **study, const gref_case *c,
                           const gref_study_options *options)
{
    SCOPED(run) r = {.engine = &gref_engine_dense, .options = options};
    r.out = gref_alloc(1, sizeof *r.out);
    REQUIRE(r.out != NULL, GREF_ERR_NOMEM, "no memory for a study");
    r.out->c = c;
    r.n_laws = gref_case_laws_at(c, &r.laws_at);
    TRY(list_samplers(r.out));
    TRY(gref_study_choose(&r.engine, r.out, options->path));
    TRY(test_blas(&r));
    if (options->dir != NULL) {
        TRY(gref_folder_open(&r.folder, options->dir, file_names, options->force));
        TRY(open_npz(&r, r.folder.stage));
    }
    TRY(set_up(&r));
    for (int k = 0; k < r.out->n_samplers; k++)
        TRY(gref_case_blame_sigma(c, study_sampler(&r, &r.out->samplers[k])));
    TRY(draw_samples(&r));
    if (options->dir != NULL) {
        TRY(write_files(&r, r.folder.stage));
        TRY(gref_folder_commit(&r.folder));
    }
    *study = TAKE(r.out);
    return GREF_OK;
}
