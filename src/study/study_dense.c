/* The engine of a study that assumes nothing: every law by dense matrices (THEORY section 6). */
#include <stdlib.h>

#include "base/internal.h"
#include "dense/internal.h"
#include "files/internal.h"
#include "internal.h"
#include <gref/random.h>

DEFINE_DROP(gref_sampler)

typedef struct {
    gref_problem problem; /* until the modes are known */
    gref_modes z;
    const gref_schedule *schedule;
    gref_sampler *sampler; /* the one whose law is on its way */
    gref_marginal *law;
} engine;

static void dense_close(void *data)
{
    engine *e = data;
    if (e == NULL)
        return;
    gref_marginal_free(e->law);
    gref_sampler_free(e->sampler);
    gref_modes_free(&e->z);
    gref_problem_free(&e->problem);
    free(e);
}

static void engine_drop(engine **e)
{
    dense_close(*e);
}

/* Where each measurement stands in the image, if A selects pixels: for the picture of v. */
static gref_status find_places(gref_mat *place, gref_cmat A)
{
    SCOPED(gref_mat) found = {0};
    TRY(gref_mat_new(&found, A.m, 1));
    for (int i = 0; i < A.m; i++) {
        int ones = 0;
        for (int j = 0; j < A.n; j++)
            if (GREF_AT(A, i, j) != 0.0) {
                ones += GREF_AT(A, i, j) == 1.0 ? 1 : 2;
                found.a[i] = j;
            }
        if (ones != 1)
            return GREF_OK;
    }
    *place = TAKE(found);
    return GREF_OK;
}

/* Reads the problem, writes its arrays, decomposes it, and keeps what the pictures need. */
static gref_status read_problem(engine *e, gref_study *o, gref_npz_writer *npz)
{
    gref_problem *p = &e->problem;
    TRY(gref_case_problem(p, o->c));
    o->n = p->A.n;
    o->m = p->A.m;
    o->sigma = p->sigma;
    o->rows = p->rows;
    o->cols = p->cols;
    o->v_rows = p->v_rows;
    o->v_cols = p->v_cols;
    TRY(gref_study_add(npz, "Sigma", p->Sigma, 2));
    bool measured = !gref_case_is(o->c, "operator", "none");
    if (measured)
        TRY(gref_study_add(npz, "A", p->A, 2));
    TRY(gref_study_add(npz, "mu", p->mu, 1));
    if (measured)
        TRY(gref_study_add(npz, "v", p->v, 1));
    TRY(gref_study_add(npz, "x0", p->x0, 1));
    if (o->v_cols == 1)
        TRY(find_places(&o->v_place, gref_const(p->A)));
    TRY(gref_case_blame_sigma(o->c, gref_modes_new(&e->z, p)));
    TRY(gref_modes_measure(&e->z, p));
    o->image = p->image;
    o->x0 = p->x0;
    o->v = p->v;
    p->image = p->x0 = p->v = (gref_mat){0};
    gref_problem_free(p); /* Sigma and A live on as U, lambda and B */
    TRY(gref_modes_measure_posterior(&e->z));
    o->clipped = e->z.clipped;
    o->spread = gref_mat_norm_fro(gref_const(e->z.rho));
    return GREF_OK;
}

/* mu_post, and samples mu_post + Sigma_post^1/2 xi: by the symmetric root, which no choice of basis
 * enters. */
static gref_status sample_posterior(const engine *e, gref_study *o)
{
    const gref_modes *z = &e->z;
    int n = o->n;
    SCOPED(gref_mat) V = {0}, xi = {0};
    TRY(gref_mat_new(&o->mu_post, n, 1));
    gref_mat_copy(o->mu_post, gref_const(z->mu));
    TRY(gref_gemv(o->mu_post, 1.0, gref_const(z->U), false, gref_const(z->d), 1.0));
    TRY(gref_mat_new(&V, n, n));
    TRY(gref_mat_new(&xi, n, GREF_STUDY_SAMPLES));
    TRY(gref_mat_new(&o->samples, n, GREF_STUDY_SAMPLES));
    TRY(gref_gemm(V, 1.0, gref_const(z->U), false, gref_const(z->X), false, 0.0));
    gref_random_normal(o->samples, GREF_STUDY_SEED, GREF_STREAM_PRIOR, 1, 0);
    TRY(gref_gemm(xi, 1.0, gref_const(V), true, gref_const(o->samples), false, 0.0));
    gref_mat_scale_rows(xi, gref_const(z->rho));
    TRY(gref_gemm(o->samples, 1.0, gref_const(V), false, gref_const(xi), false, 0.0));
    for (int k = 0; k < GREF_STUDY_SAMPLES; k++)
        gref_mat_axpy(gref_mat_view(o->samples, 0, k, n, 1), 1.0, gref_const(o->mu_post));
    return GREF_OK;
}

static gref_status write_exact_laws(const engine *e, const gref_study *o, gref_npz_writer *npz)
{
    const int *t = NULL;
    int count = gref_case_laws_at(o->c, &t), n = o->n;
    SCOPED(gref_mat) cov = {0}, mean = {0};
    if (npz == NULL)
        return GREF_OK;
    TRY(gref_mat_new(&mean, n, 1));
    TRY(gref_mat_new(&cov, n, n));
    TRY(gref_modes_posterior(mean, cov, &e->z));
    TRY(gref_study_add(npz, "mu_post", mean, 1));
    TRY(gref_study_add(npz, "Sigma_post", cov, 2));
    for (int k = 0; k < count; k++) {
        TRY(gref_conditional_exact(mean, cov, &e->z, e->schedule, t[k]));
        TRY(gref_study_add_law(npz, "target", t[k], mean, cov));
    }
    return GREF_OK;
}

static gref_status dense_open(void **data, gref_study *o, const gref_schedule *schedule,
                              gref_npz_writer *npz)
{
    SCOPED_PTR(engine) *e = gref_alloc(1, sizeof *e);
    REQUIRE(e != NULL, GREF_ERR_NOMEM, "no memory for a study");
    e->schedule = schedule;
    TRY(read_problem(e, o, npz));
    TRY(sample_posterior(e, o));
    TRY(write_exact_laws(e, o, npz));
    *data = TAKE(e);
    return GREF_OK;
}

static gref_status dense_begin(gref_marginal **law, void *data, const gref_sampler_spec *spec)
{
    engine *e = data;
    gref_marginal_free(TAKE(e->law));
    gref_sampler_free(TAKE(e->sampler));
    TRY(gref_sampler_new(&e->sampler, &e->z, e->schedule, spec));
    TRY(gref_marginal_new(&e->law, e->sampler));
    *law = e->law;
    return GREF_OK;
}

static gref_status dense_write(gref_npz_writer *npz, const char *label, const void *data,
                               const gref_marginal *law)
{
    int n = ((const engine *)data)->z.n;
    SCOPED(gref_mat) mean = {0}, cov = {0};
    if (!gref_marginal_mean_lost(law)) { /* else it is empty, and not written */
        TRY(gref_mat_new(&mean, n, 1));
        TRY(gref_marginal_mean(mean, law));
    }
    TRY(gref_mat_new(&cov, n, n));
    TRY(gref_marginal_cov(cov, law));
    return gref_study_add_law(npz, label, gref_marginal_t(law), mean, cov);
}

static gref_status draw_one(gref_mat Y, bool *diverged, const engine *e,
                            const gref_sampler_spec *spec)
{
    SCOPED_PTR(gref_sampler) *sampler = NULL;
    TRY(gref_sampler_new(&sampler, &e->z, e->schedule, spec));
    gref_status status = gref_sampler_draw(Y, sampler, GREF_STUDY_SEED);
    *diverged = status == GREF_ERR_NUMERICS; /* samples may overflow before their law does */
    return *diverged ? GREF_OK : status;
}

static gref_status dense_draw(gref_mat *Y, bool *diverged, void *data,
                              const gref_sampler_spec *const *specs, int count)
{
    for (int k = 0; k < count; k++)
        TRY(draw_one(Y[k], &diverged[k], data, specs[k]));
    return GREF_OK;
}

const gref_engine gref_engine_dense = {
    .name = "dense",
    .no_proof = "no bound on the error of this law is known: of what it is made of, a factor may "
                "be singular",
    .open = dense_open,
    .close = dense_close,
    .begin = dense_begin,
    .write = dense_write,
    .draw = dense_draw,
};
