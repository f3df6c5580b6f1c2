#include "truth.h"
#include "base/internal.h"

#include <math.h>
#include <string.h>

#include "support.h"
#include "toy.h"
#include "verify/internal.h"
#include <gref/marginal.h>
#include <gref/operator.h>
#include <gref/random.h>

enum { ROWS = 4, COLS = 6 };

static gref_problem with_operator(gref_mat A, uint64_t seed)
{
    gref_problem p = dense_problem(ROWS * COLS, A.m, 50, 0, 0.2, seed);
    gref_mat_free(&p.A);
    p.A = A;
    p.rows = ROWS;
    p.cols = COLS;
    ck_ok(gref_problem_observe(&p, seed));
    return p;
}

gref_problem blur_problem(uint64_t seed)
{
    gref_mat K = fresh(3, 3), A = {0};
    gref_random_uniform(K, seed, GREF_STREAM_TEST, 5, 0);
    ck_ok(gref_operator_convolution(&A, gref_const(K), ROWS, COLS, GREF_BOUNDARY_PERIODIC, false));
    gref_mat_free(&K);
    return with_operator(A, seed);
}

gref_problem inpainting_problem(uint64_t seed)
{
    const int box[4] = {1, 1, 2, 3};
    gref_mat keep = {0}, A = {0};
    ck_ok(gref_mask_box(&keep, ROWS, COLS, box));
    ck_ok(gref_operator_inpainting(&A, gref_const(keep)));
    gref_mat_free(&keep);
    return with_operator(A, seed);
}

static void add(gref_truth *t, const char *label, const char *what, int at, gref_mat A, int ndim)
{
    char name[128];
    if (at < 0)
        snprintf(name, sizeof name, "%s%s", label, what);
    else
        snprintf(name, sizeof name, "%s%s/%d", label, what, at);
    ck_ok(gref_arrays_add(&t->arrays, name, gref_const(A), ndim));
}

/* Tweedie and Algorithm 8, point by point in plain products. */
static void add_functions(gref_truth *t, const gref_modes *z, const gref_sampler *s,
                          const char *label, int at)
{
    int n = z->n, m = z->m;
    gref_schedule *q = &t->schedule;
    SCOPED(gref_mat) X = fresh(3, n);
    SCOPED(gref_mat) S = fresh(3, n);
    SCOPED(gref_mat) H = fresh(3, n);
    SCOPED(gref_mat) G = fresh(3, n);
    SCOPED(gref_mat) C = fresh(m, m);
    gref_random_normal(X, 7, GREF_STREAM_TEST, (uint32_t)at, 0);
    add(t, "", "probe", at, X, 2);
    ck_ok(gref_likelihood_cov(C, s, at));
    add(t, label, "C_vt", at, C, 2);
    /* M_t = (I - beta H)/sqrt(alpha) of guidance "score" holds the guided score: (sqrt(alpha) y' -
     * y)/beta */
    gref_sampler_spec spec = *gref_sampler_get_spec(s);
    spec.convention.guidance = GREF_GUIDANCE_SCORE;
    for (int guided = 0; guided < 2; guided++) {
        gref_sampler *plain = NULL;
        SCOPED(gref_mat) M = fresh(n, n), b = fresh(n, 1);
        double noise;
        if (!guided)
            snprintf(spec.name, sizeof spec.name, "ddpm");
        else
            spec = *gref_sampler_get_spec(s);
        spec.convention.guidance = GREF_GUIDANCE_SCORE;
        spec.convention.scheme = GREF_SCHEME_DDPM;
        spec.n_times = 0;
        ck_ok(gref_sampler_new(&plain, z, q, &spec));
        ck_ok(gref_sampler_step(M, b, &noise, plain, at));
        for (int k = 0; k < 3; k++)
            for (int i = 0; i < n; i++) {
                double y = b.a[i];
                for (int j = 0; j < n; j++)
                    y += GREF_AT(M, i, j) * GREF_AT(X, k, j);
                double score = (sqrt(q->alpha[at]) * y - GREF_AT(X, k, i)) / q->beta[at];
                GREF_AT(guided ? G : S, k, i) = score;
                if (!guided)
                    GREF_AT(H, k, i) = (GREF_AT(X, k, i) + q->qbar[at] * score) / sqrt(q->abar[at]);
            }
        gref_sampler_free(plain);
    }
    add(t, "", "score", at, S, 2);
    add(t, "", "x0hat", at, H, 2);
    add(t, label, "guided_score", at, G, 2);
}

static void add_step(gref_truth *t, const gref_sampler *s, const char *label, int at)
{
    int n = t->problem.Sigma.n;
    SCOPED(gref_mat) M = fresh(n, n), b = fresh(n, 1), N = fresh(1, 1);
    ck_ok(gref_sampler_step(M, b, N.a, s, at));
    add(t, label, "M", at, M, 2);
    add(t, label, "b", at, b, 1);
    add(t, label, "N", at, N, 0);
}

static void add_laws(gref_truth *t, const gref_modes *z, const gref_sampler *s,
                     const gref_marginal *law, const char *label, int at)
{
    int n = t->problem.Sigma.n;
    SCOPED(gref_mat) mean = fresh(n, 1), cov = fresh(n, n), w = fresh(3, 1);
    gref_w2 w2;
    ck_ok(gref_marginal_mean(mean, law));
    ck_ok(gref_marginal_cov(cov, law));
    add(t, label, "mean", at, mean, 1);
    add(t, label, "cov", at, cov, 2);
    ck_ok(gref_marginal_w2(&w2, law));
    w.a[0] = w2.w2;
    w.a[1] = w2.w2_mean;
    w.a[2] = w2.w2_cov;
    add(t, label, "w2", at, w, 1);
    ck_ok(gref_conditional_exact(mean, cov, z, &t->schedule, at));
    add(t, "", "target/mean", at, mean, 1);
    add(t, "", "target/cov", at, cov, 2);
    ck_ok(gref_conditional_bayes(mean, cov, s, at));
    add(t, label, "modelled/mean", at, mean, 1);
    add(t, label, "modelled/cov", at, cov, 2);
}

/* y_T and z through the affine steps. */
static void add_trajectory(gref_truth *t, const gref_sampler *s, const char *label, const int *at,
                           int n_at)
{
    int n = t->problem.Sigma.n, T = t->schedule.T;
    SCOPED(gref_mat) z = fresh(T, n);
    SCOPED(gref_mat) y = fresh(n, 1);
    SCOPED(gref_mat) next = fresh(n, 1);
    SCOPED(gref_mat) M = fresh(n, n);
    SCOPED(gref_mat) b = fresh(n, 1);
    gref_random_normal(z, 3, GREF_STREAM_TEST, 1, 0);
    gref_random_normal(y, 3, GREF_STREAM_TEST, 2, 0);
    add(t, "", "z", -1, z, 2);
    add(t, "", "y_T", -1, y, 1);
    for (int k = T, a = 0; k >= 0; k = gref_sampler_next(s, k)) {
        if (a < n_at && at[a] == k) {
            add(t, label, "y", k, y, 1);
            a++;
        }
        if (k == 0)
            break;
        double N;
        ck_ok(gref_sampler_step(M, b, &N, s, k));
        for (int i = 0; i < n; i++) {
            next.a[i] = b.a[i] + sqrt(N) * GREF_AT(z, T - k, i);
            for (int j = 0; j < n; j++)
                next.a[i] += GREF_AT(M, i, j) * y.a[j];
        }
        gref_mat_copy(y, gref_const(next));
    }
}

gref_truth *make_truth(gref_problem p, int T, const gref_sampler_spec *spec, const int *at,
                       int n_at)
{
    gref_truth *t = calloc(1, sizeof *t);
    gref_modes z = {0};
    gref_sampler *s = NULL;
    gref_marginal *law = NULL;
    char label[80];
    ck_assert_ptr_nonnull(t);
    t->problem = p;
    t->samplers = calloc(1, sizeof *t->samplers);
    t->samplers[0] = *spec;
    t->n_samplers = 1;
    snprintf(label, sizeof label, "%s/", spec->label);
    ck_ok(gref_schedule_linear(&t->schedule, 0.01, 0.3, T));
    ck_ok(gref_modes_new(&z, &p));
    ck_ok(gref_sampler_new(&s, &z, &t->schedule, spec));
    add(t, "", "A", -1, p.A, 2);
    add(t, "", "Sigma", -1, p.Sigma, 2);
    add_trajectory(t, s, label, at, n_at);
    ck_ok(gref_marginal_new(&law, s));
    for (int k = 0; k < n_at; k++) {
        while (gref_marginal_t(law) > at[k])
            ck_ok(gref_marginal_advance(law));
        add_laws(t, &z, s, law, label, at[k]);
        if (at[k] >= 1) {
            add_functions(t, &z, s, label, at[k]);
            add_step(t, s, label, at[k]);
        }
    }
    t->tolerance = calloc((size_t)t->arrays.n, sizeof *t->tolerance);
    for (int k = 0; k < t->arrays.n;
         k++) /* pixels are of order 1, and the fixture divides by beta >= 0.01 */
        t->tolerance[k] = 1e-12 * fmax(0.1, gref_mat_norm_max(gref_const(t->arrays.item[k].A)));
    gref_marginal_free(law);
    gref_sampler_free(s);
    gref_modes_free(&z);
    return t;
}

gref_arrays pick(const gref_truth *truth, const char *const *whats)
{
    gref_arrays a = {0};
    for (int k = 0; k < truth->arrays.n; k++) {
        gref_name part;
        const gref_array *g = &truth->arrays.item[k];
        gref_name_parse(&part, g->name);
        for (int w = 0; whats[w] != NULL; w++)
            if (strcmp(whats[w], part.what) == 0)
                ck_ok(gref_arrays_add(&a, g->name, gref_const(g->A), g->ndim));
    }
    return a;
}
