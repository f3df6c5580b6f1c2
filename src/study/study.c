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
#include "dense/internal.h"
#include "files/internal.h"
#include "internal.h"
#include <gref/random.h>

static const char *const file_names[] = {"summary.json", "w2.csv",     "arrays.npz", "problem.png",
                                         "bias.png",     "samples.png", "w2.svg",     NULL};

/* What a run holds besides its result. */
typedef struct {
    gref_study *out;
    gref_problem problem;
    gref_modes z;
    gref_schedule schedule;
    const int *laws_at;
    int n_laws;
    gref_npz_writer *npz; /* NULL when nothing is written */
    gref_progress *progress;
    void *context;
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
    gref_mat *all[] = {&study->image, &study->x0,      &study->v,
                       &study->mu_post, &study->v_place, &study->samples};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        gref_mat_free(all[k]);
    free(study);
}

static gref_status report_progress(run *r, const char *what, int step)
{
    gref_status status = GREF_OK;
    r->done += step;
    REQUIRE(r->progress == NULL || r->progress(r->context, what, r->done, r->total), GREF_ERR_CANCELLED,
            "cancelled");
out:
    return status;
}

static gref_status add(run *r, const char *name, gref_mat A, int ndim)
{
    return r->npz == NULL || A.a == NULL ? GREF_OK : gref_npz_add(r->npz, name, gref_const(A), ndim);
}

/* LABEL/mean/T and LABEL/cov/T. */
static gref_status add_law(run *r, const char *label, int t, gref_mat mean, gref_mat cov)
{
    gref_status status = GREF_OK;
    char *name = gref_format("%s/mean/%d", label, t);
    REQUIRE(name != NULL, GREF_ERR_NOMEM, "no memory for a name");
    TRY(add(r, name, mean, 1));
    free(name);
    name = gref_format("%s/cov/%d", label, t);
    REQUIRE(name != NULL, GREF_ERR_NOMEM, "no memory for a name");
    TRY(add(r, name, cov, 2));
out:
    free(name);
    return status;
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
    return t == 0 || t == r->schedule.T || t % gref_case_w2_every(r->out->c) == 0 || law_index(r, t) >= 0;
}

/* Where each measurement stands in the image, if A selects pixels: for the picture of v. */
static gref_status find_places(gref_mat *place, gref_cmat A)
{
    gref_status status = GREF_OK;
    gref_mat found = {0};
    TRY(gref_mat_new(&found, A.m, 1));
    for (int i = 0; i < A.m; i++) {
        int ones = 0;
        for (int j = 0; j < A.n; j++)
            if (GREF_AT(A, i, j) != 0.0) {
                ones += GREF_AT(A, i, j) == 1.0 ? 1 : 2;
                found.a[i] = j;
            }
        if (ones != 1)
            goto out;
    }
    *place = found;
    found = (gref_mat){0};
out:
    gref_mat_free(&found);
    return status;
}

/* Reads the case, writes the problem's arrays, and keeps what the pictures need. */
static gref_status set_up(run *r)
{
    gref_status status = GREF_OK;
    gref_study *o = r->out;
    TRY(report_progress(r, "reading the problem", 0));
    TRY(gref_case_problem(&r->problem, o->c));
    TRY(gref_case_schedule(&r->schedule, o->c));
    gref_problem *p = &r->problem;
    o->n = p->A.n;
    o->m = p->A.m;
    o->sigma = p->sigma;
    o->rows = p->rows;
    o->cols = p->cols;
    o->v_rows = p->v_rows;
    o->v_cols = p->v_cols;
    o->T = r->schedule.T;
    TRY(add(r, "Sigma", p->Sigma, 2));
    TRY(add(r, "A", p->A, 2));
    TRY(add(r, "mu", p->mu, 1));
    TRY(add(r, "v", p->v, 1));
    TRY(add(r, "x0", p->x0, 1));
    if (o->v_cols == 1)
        TRY(find_places(&o->v_place, gref_const(p->A)));
    TRY(report_progress(r, "eigenvectors and posterior", 0));
    TRY(gref_modes_new(&r->z, p));
    o->image = p->image;
    o->x0 = p->x0;
    o->v = p->v;
    p->image = p->x0 = p->v = (gref_mat){0};
    gref_problem_free(p); /* Sigma and A live on as U, lambda and B */
    o->clipped = r->z.clipped;
    o->spread = gref_mat_norm_fro(gref_const(r->z.rho));
out:
    return status;
}

/* mu_post, Sigma_post, the exact laws, and samples of the posterior. */
static gref_status exact_laws(run *r)
{
    gref_status status = GREF_OK;
    gref_study *o = r->out;
    int n = o->n;
    gref_mat cov = {0}, mean = {0}, xi = {0};
    TRY(gref_mat_new(&mean, n, 1));
    TRY(gref_mat_new(&o->mu_post, n, 1));
    gref_mat_copy(o->mu_post, gref_const(r->z.mu));
    TRY(gref_gemv(o->mu_post, 1.0, gref_const(r->z.U), false, gref_const(r->z.d), 1.0));
    if (r->npz != NULL) {
        TRY(gref_mat_new(&cov, n, n));
        TRY(gref_modes_posterior(mean, cov, &r->z));
        TRY(add(r, "mu_post", mean, 1));
        TRY(add(r, "Sigma_post", cov, 2));
        for (int k = 0; k < r->n_laws; k++) {
            TRY(gref_conditional_exact(mean, cov, &r->z, &r->schedule, r->laws_at[k]));
            TRY(add_law(r, "target", r->laws_at[k], mean, cov));
        }
    }
    TRY(gref_mat_new(&xi, n, GREF_STUDY_SAMPLES));
    TRY(gref_mat_new(&o->samples, n, GREF_STUDY_SAMPLES));
    gref_random_normal(o->samples, GREF_STUDY_SEED, GREF_STREAM_PRIOR, 1, 0);
    gref_mat_scale_rows(o->samples, gref_const(r->z.rho));
    TRY(gref_gemm(xi, 1.0, gref_const(r->z.X), false, gref_const(o->samples), false, 0.0));
    TRY(gref_gemm(o->samples, 1.0, gref_const(r->z.U), false, gref_const(xi), false, 0.0));
    for (int k = 0; k < GREF_STUDY_SAMPLES; k++)
        gref_mat_axpy(gref_mat_view(o->samples, 0, k, n, 1), 1.0, gref_const(o->mu_post));
out:
    gref_mat_free(&cov);
    gref_mat_free(&mean);
    gref_mat_free(&xi);
    return status;
}

/* The whole law of a sampler at a t of laws_at: bias kept, moments written. */
static gref_status report_law(run *r, gref_study_sampler *s, const gref_marginal *law)
{
    gref_status status = GREF_OK;
    int t = gref_marginal_t(law), k = law_index(r, t), n = r->out->n;
    gref_mat mean = {0}, cov = {0};
    if (k < 0 || gref_marginal_diverged(law))
        goto out;
    TRY(gref_marginal_bias(gref_mat_view(s->bias, 0, k, n, 1), law));
    if (r->npz == NULL)
        goto out;
    TRY(gref_mat_new(&mean, n, 1));
    TRY(gref_mat_new(&cov, n, n));
    TRY(gref_marginal_mean(mean, law));
    TRY(gref_marginal_cov(cov, law));
    TRY(add_law(r, s->spec.label, t, mean, cov));
out:
    gref_mat_free(&mean);
    gref_mat_free(&cov);
    return status;
}

static gref_status report_row(gref_study_sampler *s, const gref_marginal *law, const gref_sampler *sampler)
{
    gref_status status = GREF_OK;
    gref_study_row row = {.t = gref_marginal_t(law), .diverged = gref_marginal_diverged(law)};
    TRY(gref_conditional_w2(&row.modelled, sampler, row.t));
    if (!row.diverged) {
        TRY(gref_marginal_w2(&row.w2, law));
        if (!s->guided)
            TRY(gref_marginal_w2_prior(&row.prior, law));
    }
    s->rows[s->n_rows++] = row;
out:
    return status;
}

static gref_status walk(run *r, gref_study_sampler *s, const gref_sampler *sampler)
{
    gref_status status = GREF_OK;
    gref_marginal *law = NULL;
    TRY(gref_marginal_new(&law, sampler));
    s->diverged_at = -1;
    for (;;) {
        int t = gref_marginal_t(law);
        if (gref_marginal_diverged(law) && s->diverged_at < 0)
            s->diverged_at = t;
        if (is_reported(r, t)) {
            TRY(report_row(s, law, sampler));
            TRY(report_law(r, s, law));
        }
        TRY(report_progress(r, s->spec.label, t == r->schedule.T ? 0 : 1));
        if (t == 0)
            break;
        TRY(gref_marginal_advance(law));
    }
    s->first_unstable = gref_marginal_first_unstable(law);
    s->stable = s->first_unstable == 0;
    s->growth = gref_marginal_growth(law);
out:
    gref_marginal_free(law);
    return status;
}

static gref_status study_sampler(run *r, gref_study_sampler *s)
{
    gref_status status = GREF_OK;
    gref_sampler *sampler = NULL;
    gref_mat drawn = {0};
    int n = r->out->n;
    TRY(gref_sampler_new(&sampler, &r->z, &r->schedule, &s->spec));
    s->guided = gref_sampler_is_guided(sampler);
    s->rows = gref_alloc((size_t)r->schedule.T + 1, sizeof *s->rows);
    REQUIRE(s->rows != NULL, GREF_ERR_NOMEM, "no memory for %d rows", r->schedule.T + 1);
    TRY(gref_mat_new(&s->bias, n, r->n_laws));
    TRY(walk(r, s, sampler));
    if (s->diverged_at < 0) {
        TRY(gref_mat_new(&drawn, n, GREF_STUDY_SAMPLES));
        status = gref_sampler_draw(drawn, sampler, GREF_STUDY_SEED);
        if (status == GREF_ERR_NUMERICS)
            status = GREF_OK; /* the samples of an unstable sampler may overflow before its law does */
        else if (status == GREF_OK) {
            s->samples = drawn;
            drawn = (gref_mat){0};
        }
    }
out:
    if (status != GREF_OK)
        gref_fail_context(status, "sampler %s", s->spec.label);
    gref_mat_free(&drawn);
    gref_sampler_free(sampler);
    return status;
}

static gref_status write_files(run *r, const char *dir)
{
    gref_status status = GREF_OK;
    gref_study *o = r->out;
    char *summary = NULL, *csv = gref_study_csv(o);
    TRY(report_progress(r, "pictures", 0));
    TRY(gref_file_write(dir, "w2.csv", csv));
    TRY(gref_study_draw(o, dir));
    summary = gref_study_summary(o);
    TRY(gref_file_write(dir, "summary.json", summary));
    gref_npz_writer *npz = r->npz;
    r->npz = NULL;
    TRY(gref_npz_finish(npz));
out:
    free(summary);
    free(csv);
    return status;
}

static gref_status open_npz(run *r, const char *dir)
{
    gref_status status = GREF_OK;
    char *path = gref_format("%s/arrays.npz", dir);
    REQUIRE(path != NULL, GREF_ERR_NOMEM, "no memory for a file name");
    TRY(gref_npz_create(&r->npz, path));
out:
    free(path);
    return status;
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
    for (int k = 0; k < count; k++)
        o->samplers[k].spec = specs[k];
out:
    return status;
}

/**
 * Studies a case exactly.
 *
 * For every sampler and every reported t (T, 0, the multiples of w2_every, laws_at): the W2 of its exact
 * law to the exact p_t(x | v), and of its modelled law to the same; at laws_at also the whole law.
 *
 * @param[out] study     owned by the caller; gref_study_free. Unchanged on error.
 * @param[in]  c         borrowed by the study: must outlive it.
 * @param[in]  dir       output folder, made if need be; NULL for no files.
 * @param[in]  force     replace files of the same names.
 * @param[in]  progress  may be NULL; returning false ends the study with GREF_ERR_CANCELLED.
 * @return GREF_OK; GREF_ERR_EXISTS; GREF_ERR_IO; GREF_ERR_CANCELLED; and what gref_case_problem,
 *         gref_modes_new and gref_sampler_new return. On error no file is left and none is changed.
 * @cost   per sampler T steps of gref_marginal_advance; per reported t two W2; at most 16 n x n doubles.
 * @see    THEORY section 6. Tests: test_study.c, cli/study.sh
 */
gref_status gref_study_run(gref_study **study, const gref_case *c, const char *dir, bool force,
                           gref_progress *progress, void *context)
{
    gref_status status = GREF_OK;
    gref_folder folder = {0};
    run r = {.progress = progress, .context = context};
    r.out = gref_alloc(1, sizeof *r.out);
    REQUIRE(r.out != NULL, GREF_ERR_NOMEM, "no memory for a study");
    r.out->c = c;
    r.n_laws = gref_case_laws_at(c, &r.laws_at);
    TRY(list_samplers(r.out));
    if (dir != NULL) {
        TRY(gref_folder_open(&folder, dir, file_names, force));
        TRY(open_npz(&r, folder.stage));
    }
    TRY(set_up(&r));
    r.total = r.schedule.T * r.out->n_samplers;
    TRY(exact_laws(&r));
    for (int k = 0; k < r.out->n_samplers; k++)
        TRY(study_sampler(&r, &r.out->samplers[k]));
    if (dir != NULL) {
        TRY(write_files(&r, folder.stage));
        TRY(gref_folder_commit(&folder));
    }
    *study = r.out;
    r.out = NULL;
out:
    gref_npz_abandon(r.npz);
    gref_folder_discard(&folder);
    gref_study_free(r.out);
    gref_modes_free(&r.z);
    gref_schedule_free(&r.schedule);
    gref_problem_free(&r.problem);
    return status;
}
