/*
 * The one place where the oracle meets the library: the doubles of a case, and what its files hold.
 *
 * These doubles define the problem; everything computed from them is the oracle's own.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <gref/gref.h>
#include <jansson.h>

#include "oracle.h"

static bool complain(const char *what)
{
    fprintf(stderr, "gref-oracle: %s\n", what);
    return false;
}

static bool library_failed(void)
{
    return complain(gref_last_error()->message);
}

static void *allocate(size_t count, size_t size)
{
    void *p = calloc(count + 1, size);
    if (p == NULL)
        flint_abort();
    return p;
}

static oracle_doubles copy(gref_cmat A)
{
    oracle_doubles x = {allocate((size_t)A.m * (size_t)A.n, sizeof(double)), A.m, A.n};
    for (int i = 0; i < A.m; i++)
        for (int j = 0; j < A.n; j++)
            x.a[(size_t)i * (size_t)A.n + (size_t)j] = GREF_AT(A, i, j);
    return x;
}

void oracle_inputs_free(oracle_inputs *in)
{
    oracle_doubles *all[] = {&in->Sigma,         &in->A,      &in->mu,         &in->v,
                             &in->beta,          &in->image,  &in->prior_mean, &in->prior_cov,
                             &in->operator_file, &in->uniform};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        free(all[k]->a);
    free(in->samplers);
    free(in->at);
    free(in->case_text);
    *in = (oracle_inputs){0};
}

static bool load_problem(oracle_inputs *in, const gref_case *c)
{
    gref_problem p = {0};
    if (gref_case_problem(&p, c) != GREF_OK)
        return library_failed();
    in->n = p.Sigma.n;
    in->m = p.A.m;
    in->rows = p.rows;
    in->cols = p.cols;
    in->sigma = p.sigma;
    in->Sigma = copy(gref_const(p.Sigma));
    in->A = copy(gref_const(p.A));
    in->mu = copy(gref_const(p.mu));
    in->v = copy(gref_const(p.v));
    in->image = copy(gref_const(p.image));
    gref_problem_free(&p);
    return true;
}

static bool load_schedule(oracle_inputs *in, const gref_case *c)
{
    gref_schedule s = {0};
    if (gref_case_schedule(&s, c) != GREF_OK)
        return library_failed();
    in->T = s.T;
    in->beta = copy((gref_cmat){s.beta + 1, s.T, 1, s.T});
    gref_schedule_free(&s);
    return true;
}

static bool load_samplers(oracle_inputs *in, const gref_case *c)
{
    static const char *const names[] = {"ddpm", "dps", "pigdm", "cgdm"};
    const gref_sampler_spec *spec = NULL;
    in->n_samplers = gref_case_samplers(c, &spec);
    in->samplers = allocate((size_t)in->n_samplers, sizeof *in->samplers);
    for (int k = 0; k < in->n_samplers; k++) {
        const gref_convention *v = &spec[k].convention;
        oracle_sampler *d = in->samplers + k;
        int method = 0;
        while (method < 4 && strcmp(names[method], spec[k].name) != 0)
            method++;
        if (method == 4)
            return complain(
                "the oracle knows ddpm, dps, pigdm and cgdm: samplers with a Gaussian law");
        if (method == ORACLE_DPS && !(in->sigma > 0.0))
            return complain("dps has no C_{v|t} for sigma = 0");
        snprintf(d->name, sizeof d->name, "%s", spec[k].name);
        snprintf(d->label, sizeof d->label, "%s", spec[k].label);
        d->method = (oracle_method)method;
        d->guidance = v->guidance == GREF_GUIDANCE_MEAN    ? ORACLE_MEAN
                      : v->guidance == GREF_GUIDANCE_AFTER ? ORACLE_AFTER
                                                           : ORACLE_SCORE;
        d->r2 = v->r2 == GREF_R2_1_ABAR_ABAR     ? ORACLE_R2_OVER_ABAR
                : v->r2 == GREF_R2_1_ABAR_2_ABAR ? ORACLE_R2_OVER_2_ABAR
                                                 : ORACLE_R2_PLAIN;
        d->beta_tilde = v->variance == GREF_VARIANCE_BETA_TILDE;
        d->last_noise = v->last_noise;
        d->exact_start = v->start == GREF_START_EXACT;
        d->zeta = v->zeta;
        d->alpha = v->alpha_dps;
    }
    return true;
}

static int decreasing(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    return (x < y) - (x > y);
}

static bool complain_at(const char *at, int T)
{
    fprintf(stderr, "gref-oracle: --at '%s' is no list of times from 0 to %d with commas between\n",
            at, T);
    return false;
}

/* The times: those of `at` ("800,50,0"), or the case's laws_at and T. */
static bool load_times(oracle_inputs *in, const gref_case *c, const char *at)
{
    const int *laws = NULL;
    int n = gref_case_laws_at(c, &laws);
    in->at = allocate((size_t)n + (at == NULL ? 1 : strlen(at)), sizeof *in->at);
    if (at == NULL) {
        memcpy(in->at, laws, (size_t)n * sizeof *laws);
        in->at[n] = in->T;
        in->n_at = n + 1;
    }
    for (const char *p = at; p != NULL && in->n_at >= 0;) {
        char *end = NULL;
        errno = 0;
        long t = strtol(p, &end, 10);
        if (end == p || errno != 0 || t < 0 || t > in->T || (*end != ',' && *end != '\0'))
            return complain_at(at, in->T);
        in->at[in->n_at++] = (int)t;
        p = *end == ',' ? end + 1 : NULL;
    }
    qsort(in->at, (size_t)in->n_at, sizeof *in->at, decreasing);
    int unique = 0;
    for (int k = 0; k < in->n_at; k++)
        if (k == 0 || in->at[k] != in->at[k - 1])
            in->at[unique++] = in->at[k];
    in->n_at = unique;
    return true;
}

/* The array in file object.key of the case, a .npy or, for a mask, a PNG; empty if there is
 * none. */
static bool load_file(oracle_doubles *x, const json_t *root, const char *object, const char *key,
                      const char *path)
{
    const char *name = json_string_value(json_object_get(json_object_get(root, object), key));
    const char *slash = strrchr(path, '/');
    char whole[PATH_MAX];
    gref_mat A = {0};
    if (name == NULL)
        return true;
    snprintf(whole, sizeof whole, "%.*s%s",
             slash == NULL || *name == '/' ? 0 : (int)(slash - path) + 1, path, name);
    const char *dot = strrchr(name, '.');
    bool png = dot != NULL && strcmp(dot, ".png") == 0;
    if ((png ? gref_png_read(&A, whole, 0.0, 1.0) : gref_npy_read(&A, NULL, whole)) != GREF_OK)
        return library_failed();
    *x = copy(gref_const(A));
    gref_mat_free(&A);
    return true;
}

/* The uniform number of each pixel, in reading order: what "keep" chooses by. */
static bool load_uniform(oracle_inputs *in, const json_t *operator_)
{
    gref_mat U = {0};
    if (json_object_get(operator_, "keep") == NULL)
        return true;
    if (gref_mat_new(&U, in->n, 1) != GREF_OK)
        return library_failed();
    gref_random_uniform(U, (uint64_t)json_integer_value(json_object_get(operator_, "seed")),
                        GREF_STREAM_MASK, 0, 0);
    in->uniform = copy(gref_const(U));
    gref_mat_free(&U);
    return true;
}

static bool load_files(oracle_inputs *in, const char *path)
{
    json_t *root = json_loads(in->case_text, 0, NULL);
    const json_t *operator_ = json_object_get(root, "operator");
    bool gaussian = json_object_get(json_object_get(root, "prior"), "cov") != NULL;
    const char *key = json_object_get(operator_, "mask") != NULL ? "mask" : "file";
    bool done = load_file(&in->operator_file, root, "operator", key, path) &&
                load_file(&in->prior_cov, root, "prior", "cov", path) &&
                (!gaussian || load_file(&in->prior_mean, root, "prior", "mean", path)) &&
                load_uniform(in, operator_);
    json_decref(root);
    return done;
}

bool oracle_inputs_load(oracle_inputs *in, const char *path, const char *const *sets, int n_sets,
                        const char *at)
{
    gref_case *c = NULL;
    *in = (oracle_inputs){0};
    if (gref_case_load(&c, path, sets, n_sets) != GREF_OK)
        return library_failed();
    in->case_text = gref_case_print(c);
    bool done = in->case_text != NULL && load_problem(in, c) && load_schedule(in, c) &&
                load_samplers(in, c) && load_times(in, c, at) && load_files(in, path);
    gref_case_free(c);
    return done;
}
