/*
 * The main job: run every sampler of a case from t = T to 0 and hold its law against the exact one.
 *
 * Whole laws go to arrays.npz as they are met and are not kept: memory stays at a few n x n matrices
 * whatever the number of samplers and of reported times.
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

static bool is_reported(const run *r, int t)
{
    return t == 0 || t == r->schedule.T || t % gref_case_w2_every(r->out->c) == 0 ||
           law_index(r, t) >= 0;
}

/* The schedule, and the problem in the engine's hands. */
static gref_status set_up(run *r)
{
    TRY(report_progress(r, "problem and posterior", 0));
    TRY(gref_case_schedule(&r->schedule, r->out->c));
    TRY(r->engine->open(&r->data, r->out, &r->schedule, r->npz));
    r->out->T = r->schedule.T;
    r->total = r->schedule.T * r->out->n_samplers;
    return GREF_OK;
}

/* Distances at a reported t, and at a t of laws_at the whole law: bias kept, moments written. */
static gref_status report(run *r, gref_study_sampler *s, const gref_walk *w)
{
    gref_study_row row = {.t = w->t, .diverged = w->diverged, .mean_lost = w->mean_lost};
    int k = law_index(r, w->t);
    TRY(r->engine->measure(&row, w));
    /* a proof is reported only where it covers the exact sampler, not just the numbers computed for it */
    row.modelled.certified = row.prior.certified = false;
    row.w2.certified = row.w2.certified && row.w2_error > 0.0;
    if ((k >= 0 || w->t == 0) && !row.w2.certified && !w->diverged)
        row.no_proof = r->engine->no_proof;
    s->rows[s->n_rows++] = row;
    if (k < 0 || w->diverged)
        return GREF_OK;
    gref_mat bias = gref_mat_view(s->bias, 0, k, r->out->n, 1);
    if (w->mean_lost)
        gref_mat_fill(bias, NAN);
    else
        TRY(r->engine->bias(bias, w));
    if (r->npz != NULL)
        TRY(r->engine->write(r->npz, s->spec.label, w));
    return GREF_OK;
}

static gref_status study_sampler(run *r, gref_study_sampler *s)
{
    gref_status status = GREF_OK;
    gref_walk w = {0};
    TRY_OUT(r->engine->start(&w, r->data, &s->spec));
    s->guided = w.guided;
    s->diverged_at = -1;
    s->rows = gref_alloc((size_t)r->schedule.T + 1, sizeof *s->rows);
    REQUIRE_OUT(s->rows != NULL, GREF_ERR_NOMEM, "no memory for %d rows", r->schedule.T + 1);
    TRY_OUT(gref_mat_new(&s->bias, r->out->n, r->n_laws));
    for (;;) {
        if (w.diverged && s->diverged_at < 0)
            s->diverged_at = w.t;
        if (is_reported(r, w.t))
            TRY_OUT(report(r, s, &w));
        TRY_OUT(report_progress(r, s->spec.label, w.t == r->schedule.T ? 0 : 1));
        if (w.t == 0)
            break;
        TRY_OUT(r->engine->advance(&w));
    }
    s->first_unstable = w.first_unstable;
    s->stable = w.first_unstable == 0;
    s->growth = w.growth;
    s->lost = w.lost;
    s->mean_lost = w.mean_lost;
out:
    if (status != GREF_OK)
        gref_fail_context(status, "sampler %s", s->spec.label);
    r->engine->stop(&w);
    return status;
}

/* Samples of every chain whose law has not diverged. */
static gref_status draw_samples(run *r)
{
    gref_status status = GREF_OK;
    gref_study *o = r->out;
    int count = 0;
    size_t most = (size_t)o->n_samplers;
    gref_mat *Y = gref_alloc(most, sizeof *Y);
    bool *diverged = gref_alloc(most, sizeof *diverged);
    const gref_sampler_spec **specs = gref_alloc(most, sizeof *specs);
    gref_study_sampler **drawn = gref_alloc(most, sizeof *drawn);
    REQUIRE_OUT(Y != NULL && diverged != NULL && specs != NULL && drawn != NULL, GREF_ERR_NOMEM,
                "no memory for samples");
    TRY_OUT(report_progress(r, "samples", 0));
    for (int k = 0; k < o->n_samplers; k++)
        if (o->samplers[k].diverged_at < 0 && !o->samplers[k].mean_lost) {
            drawn[count] = &o->samplers[k];
            specs[count] = &o->samplers[k].spec;
            TRY_OUT(gref_mat_new(&Y[count++], o->n, o->samples.n));
        }
    TRY_OUT(gref_case_blame_sigma(o->c, r->engine->draw(Y, diverged, r->data, specs, count)));
    for (int k = 0; k < count; k++)
        if (!diverged[k]) {
            drawn[k]->samples = Y[k];
            Y[k] = (gref_mat){0};
        }
out:
    for (int k = 0; k < count; k++)
        gref_mat_free(&Y[k]);
    free(Y);
    free(diverged);
    free(specs);
    free(drawn);
    return status;
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
    gref_npz_writer *npz = r->npz;
    r->npz = NULL;
    return gref_npz_finish(npz);
}

static gref_status open_npz(run *r, const char *dir)
{
    SCOPED_MEM char *path = gref_format("%s/arrays.npz", dir);
    REQUIRE(path != NULL, GREF_ERR_NOMEM, "no memory for a file name");
    return gref_npz_create(&r->npz, path);
}

/* The samplers of the case, before their laws are known. */
static gref_status list_samplers(gref_study *o)
{
    gref_status status = GREF_OK;
    const gref_sampler_spec *specs = NULL;
    int count = gref_case_samplers(o->c, &specs);
    o->samplers = gref_alloc((size_t)count, sizeof *o->samplers);
    REQUIRE(o->samplers != NULL, GREF_ERR_NOMEM, "no memory for %d samplers", count);
    o->n_samplers = count;
    for (int k = 0; k < count; k++) {
        status = gref_sampler_require_gaussian(specs[k].name);
        if (status != GREF_OK)
            gref_fail_context(status, "sampler %s", specs[k].label);
        TRY(status);
        o->samplers[k].spec = specs[k];
    }
    return status;
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
 * For every sampler and every reported t (T, 0, the multiples of w2_every, laws_at): the W2 of its exact
 * law to the exact p_t(x | v), and of its modelled law to the same; at laws_at also the whole law.
 *
 * @param[out] study     owned by the caller; gref_study_free. Unchanged on error.
 * @param[in]  c         borrowed by the study: must outlive it.
 * @param[in]  options   see study.h. A progress function that returns false ends the study with
 *                       GREF_ERR_CANCELLED.
 * @return GREF_OK; GREF_ERR_NUMERICS (self-test); GREF_ERR_EXISTS; GREF_ERR_IO; GREF_ERR_CANCELLED; and what
 *         gref_case_problem, gref_modes_new and gref_sampler_new return, or on the spectral path
 *         gref_case_stationary, gref_spectral_new and gref_spectral_law_new. On error no file is left and none is
 *         changed.
 * @cost   the self-test (0.2 s); per sampler T steps of gref_marginal_advance; per reported t two W2; at most
 *         16 n x n doubles. On the spectral path about 100 n doubles, and no n x n one above
 *         GREF_STUDY_DENSE_MOST pixels.
 * @see    THEORY section 6. Tests: test_study.c, cli/study.sh
 */
gref_status gref_study_run(gref_study **study, const gref_case *c,
                           const gref_study_options *options)
{
    gref_status status = GREF_OK;
    gref_folder folder = {0};
    run r = {.engine = &gref_engine_dense, .options = options};
    r.out = gref_alloc(1, sizeof *r.out);
    REQUIRE_OUT(r.out != NULL, GREF_ERR_NOMEM, "no memory for a study");
    r.out->c = c;
    r.n_laws = gref_case_laws_at(c, &r.laws_at);
    TRY_OUT(list_samplers(r.out));
    TRY_OUT(gref_study_choose(&r.engine, r.out, options->path));
    TRY_OUT(test_blas(&r));
    if (options->dir != NULL) {
        TRY_OUT(gref_folder_open(&folder, options->dir, file_names, options->force));
        TRY_OUT(open_npz(&r, folder.stage));
    }
    TRY_OUT(set_up(&r));
    for (int k = 0; k < r.out->n_samplers; k++)
        TRY_OUT(gref_case_blame_sigma(c, study_sampler(&r, &r.out->samplers[k])));
    TRY_OUT(draw_samples(&r));
    if (options->dir != NULL) {
        TRY_OUT(write_files(&r, folder.stage));
        TRY_OUT(gref_folder_commit(&folder));
    }
    *study = r.out;
    r.out = NULL;
out:
    gref_npz_abandon(r.npz);
    gref_folder_discard(&folder);
    gref_study_free(r.out);
    r.engine->close(r.data);
    gref_schedule_free(&r.schedule);
    return status;
}
