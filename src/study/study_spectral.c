/* The engine of a study of a stationary problem: every law by its spectrum (THEORY section 9). */
#include <math.h>
#include <stdlib.h>

#include "base/internal.h"
#include "internal.h"
#include <gref/spectral.h>

/* Above MANY pixels one sample of each chain is drawn, not GREF_STUDY_SAMPLES: random numbers cost
 * the most there. */
enum { MANY = 32768 };

typedef struct {
    gref_spectral *z;
    const gref_schedule *schedule;
    int spectrum_rows, spectrum_cols;
    bool matrices;      /* n x n arrays are written too */
    gref_marginal *law; /* the one on its way */
} engine;

static void spectral_close(void *data)
{
    engine *e = data;
    if (e == NULL)
        return;
    gref_marginal_free(e->law);
    gref_spectral_free(e->z);
    free(e);
}

static void engine_drop(engine **e)
{
    spectral_close(*e);
}

/* Sigma_spectrum, A_spectrum_re and A_spectrum_im; Sigma and A themselves when they are small. */
static gref_status write_problem(const engine *e, const gref_study *o, gref_npz_writer *npz)
{
    SCOPED(gref_mat) lambda = {0}, re = {0}, im = {0}, Sigma = {0}, A = {0};
    if (npz == NULL)
        return GREF_OK;
    TRY(gref_mat_new(&lambda, o->rows, o->cols));
    TRY(gref_mat_new(&re, o->rows, o->cols));
    TRY(gref_mat_new(&im, o->rows, o->cols));
    TRY(gref_spectral_prior_spectrum(lambda, e->z));
    TRY(gref_spectral_transfer(re, im, e->z));
    TRY(gref_study_add(npz, "Sigma_spectrum", lambda, 2));
    TRY(gref_study_add(npz, "A_spectrum_re", re, 2));
    TRY(gref_study_add(npz, "A_spectrum_im", im, 2));
    if (!e->matrices)
        return GREF_OK;
    TRY(gref_mat_new(&Sigma, o->n, o->n));
    TRY(gref_mat_new(&A, o->m, o->n));
    TRY(gref_spectral_prior_cov(Sigma, e->z));
    TRY(gref_spectral_operator(A, e->z));
    TRY(gref_study_add(npz, "Sigma", Sigma, 2));
    return gref_study_add(npz, "A", A, 2);
}

/* Reads the problem, keeps what a study says of it, and writes its vectors. */
static gref_status read_problem(engine *e, gref_study *o, gref_npz_writer *npz)
{
    SCOPED(gref_stationary) p = {0};
    SCOPED(gref_mat) mu = {0};
    TRY(gref_case_stationary(&p, &o->image, o->c));
    TRY(gref_case_blame_sigma(o->c, gref_spectral_new(&e->z, &p)));
    gref_spectral_spectrum_shape(&e->spectrum_rows, &e->spectrum_cols, e->z);
    o->rows = p.rows;
    o->cols = p.cols;
    o->v_rows = p.rows / p.factor;
    o->v_cols = p.cols / p.factor;
    o->n = o->rows * o->cols;
    o->m = o->v_rows * o->v_cols;
    o->sigma = p.sigma;
    o->spread = gref_spectral_posterior_spread(e->z);
    e->matrices = o->n <= GREF_STUDY_DENSE_MOST;
    TRY(gref_mat_new(&mu, o->n, 1));
    gref_mat_fill(mu, p.mean);
    TRY(gref_study_add(npz, "mu", mu, 1));
    TRY(gref_study_add(npz, "v", p.v, 1));
    TRY(gref_study_add(npz, "x0", p.x0, 1));
    TRY(write_problem(e, o, npz));
    o->x0 = p.x0;
    o->v = p.v;
    p.x0 = p.v = (gref_mat){0};
    return GREF_OK;
}

/* LABEL/mean/T, LABEL/spectrum/T and, when they are small, LABEL/cov/T; S and cov are used up. */
static gref_status write_law(const engine *e, gref_npz_writer *npz, const char *label, int t,
                             gref_mat mean, gref_mat S, gref_mat cov)
{
    TRY(gref_study_add_at(npz, label, "mean", t, mean, 1));
    TRY(gref_study_add_at(npz, label, "spectrum", t, S, 2));
    if (e->matrices)
        TRY(gref_study_add_at(npz, label, "cov", t, cov, 2));
    return GREF_OK;
}

/* Room for a law: mean, spectrum and, when it is small, covariance. */
static gref_status law_new(gref_mat *mean, gref_mat *S, gref_mat *cov, const engine *e, int n)
{
    TRY(gref_mat_new(mean, n, 1));
    TRY(gref_mat_new(S, e->spectrum_rows, e->spectrum_cols));
    if (e->matrices)
        TRY(gref_mat_new(cov, n, n));
    return GREF_OK;
}

/* mu_post, Sigma_post, and the exact laws: all of N(sqrt(abar) mu_post, abar Sigma_post + (1 -
 * abar) I). */
static gref_status write_exact_laws(const engine *e, const gref_study *o, gref_npz_writer *npz)
{
    const int *t = NULL;
    int count = gref_case_laws_at(o->c, &t);
    SCOPED(gref_mat) mean = {0}, S = {0}, cov = {0};
    if (npz == NULL)
        return GREF_OK;
    TRY(law_new(&mean, &S, &cov, e, o->n));
    TRY(gref_study_add(npz, "mu_post", o->mu_post, 1));
    TRY(gref_spectral_exact_spectrum(S, e->z, e->schedule, 0));
    TRY(gref_study_add(npz, "Sigma_post_spectrum", S, 2));
    if (e->matrices) {
        TRY(gref_spectral_exact_cov(cov, e->z, e->schedule, 0));
        TRY(gref_study_add(npz, "Sigma_post", cov, 2));
    }
    for (int k = 0; k < count; k++) {
        gref_mat_fill(mean, 0.0);
        gref_mat_axpy(mean, sqrt(e->schedule->abar[t[k]]), gref_const(o->mu_post));
        TRY(gref_spectral_exact_spectrum(S, e->z, e->schedule, t[k]));
        if (e->matrices)
            TRY(gref_spectral_exact_cov(cov, e->z, e->schedule, t[k]));
        TRY(write_law(e, npz, "target", t[k], mean, S, cov));
    }
    return GREF_OK;
}

static gref_status spectral_open(void **data, gref_study *o, const gref_schedule *schedule,
                                 gref_npz_writer *npz)
{
    SCOPED_PTR(engine) *e = gref_alloc(1, sizeof *e);
    REQUIRE(e != NULL, GREF_ERR_NOMEM, "no memory for a study");
    e->schedule = schedule;
    TRY(read_problem(e, o, npz));
    TRY(gref_mat_new(&o->mu_post, o->n, 1));
    TRY(gref_spectral_posterior_mean(o->mu_post, e->z));
    TRY(gref_mat_new(&o->samples, o->n, o->n <= MANY ? GREF_STUDY_SAMPLES : 1));
    TRY(gref_spectral_posterior_draw(o->samples, e->z, GREF_STUDY_SEED));
    TRY(write_exact_laws(e, o, npz));
    *data = TAKE(e);
    return GREF_OK;
}

static gref_status spectral_begin(gref_marginal **law, void *data, const gref_sampler_spec *spec)
{
    engine *e = data;
    gref_marginal_free(TAKE(e->law));
    TRY(gref_marginal_spectral(&e->law, e->z, e->schedule, spec));
    *law = e->law;
    return GREF_OK;
}

static gref_status spectral_write(gref_npz_writer *npz, const char *label, const void *data,
                                  const gref_marginal *law)
{
    const engine *e = data;
    SCOPED(gref_mat) mean = {0}, S = {0}, cov = {0};
    TRY(law_new(&mean, &S, &cov, e, gref_spectral_pixels(e->z)));
    if (gref_marginal_mean_lost(law))
        gref_mat_free(&mean); /* empty: not written */
    else
        TRY(gref_marginal_mean(mean, law));
    TRY(gref_marginal_spectrum(S, law));
    if (e->matrices)
        TRY(gref_marginal_cov(cov, law));
    return write_law(e, npz, label, gref_marginal_t(law), mean, S, cov);
}

static gref_status spectral_draw(gref_mat *Y, bool *diverged, void *data,
                                 const gref_sampler_spec *const *specs, int count)
{
    const engine *e = data;
    return gref_spectral_draw(Y, diverged, e->z, e->schedule, specs, count, GREF_STUDY_SEED);
}

const gref_engine gref_engine_spectral = {
    .name = "spectral",
    .no_proof = "the spectral path proves no digits",
    .open = spectral_open,
    .close = spectral_close,
    .begin = spectral_begin,
    .write = spectral_write,
    .draw = spectral_draw,
};
