/*
 * What no path can do, and what one path can do as well as the other: the dense and the spectral
 * one refuse the same samplers and problems, in the same words, by one list (src/method/rows.c,
 * src/model/modes.c).
 */
#include "dense.h"
#include "plain.h"
#include "spectral/internal.h"
#include "stationary.h"
#include "sweep.h"
#include "toy.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <gref/marginal.h>

/* The same stationary problem for both paths: blurred by a kernel with a zero, which no sigma below
 * rounding makes up for. */
typedef struct {
    gref_problem p;
    gref_stationary q;
    gref_modes z;
    gref_spectral *f;
    gref_schedule s;
} pair;

/* The status of either path, which must be one; `said` is the beginning of its words, "" for
 * none. */
static gref_status pair_open(pair *x, double sigma, char said[64])
{
    double taps[] = {0.25, 0.5, 0.25};
    gref_cmat K = {taps, 1, 3, 1};
    gref_mat u = crop_of("grass", 200, 100, 4, 4);
    *x = (pair){.p = {.sigma = sigma, .rows = 4, .cols = 4, .v_rows = 4, .v_cols = 4}};
    ck_ok(gref_prior_adsn(&x->p.mu, &x->p.Sigma, gref_const(u), NULL));
    ck_ok(gref_operator_convolution(&x->p.A, K, 4, 4, GREF_BOUNDARY_PERIODIC, false));
    ck_ok(gref_problem_observe(&x->p, 3));
    ck_ok(gref_stationary_adsn(&x->q, gref_const(u), NULL));
    ck_ok(gref_stationary_convolution(&x->q, K, false));
    x->q.sigma = sigma;
    ck_ok(gref_stationary_observe(&x->q, 3));
    gref_mat_copy(x->q.v, gref_const(x->p.v));
    ck_ok(gref_schedule_linear(&x->s, 0.02, 0.5, SWEEP_T));
    gref_mat_free(&u);
    gref_status status = gref_modes_new(&x->z, &x->p);
    snprintf(said, 64, "%.63s", status == GREF_OK ? "" : gref_last_error()->message);
    ck_fails(gref_spectral_new(&x->f, &x->q), status);
    if (status != GREF_OK) /* up to the eigenvalues, which each path names as it knows them */
        ck_assert(strncmp(gref_last_error()->message, said, strlen(said)) == 0);
    return status;
}

static void pair_close(pair *x)
{
    gref_problem_free(&x->p);
    gref_stationary_free(&x->q);
    gref_modes_free(&x->z);
    gref_spectral_free(x->f);
    gref_schedule_free(&x->s);
}

/* Both paths refuse the sampler with that status and in the same words, `words` among them. */
static void hold_refusal(const pair *x, const gref_sampler_spec *spec, gref_status expected,
                         const char *words)
{
    gref_sampler *sampler = NULL;
    gref_marginal *law = NULL;
    char said[1024];
    ck_fails(gref_sampler_new(&sampler, &x->z, &x->s, spec), expected);
    snprintf(said, sizeof said, "%s", gref_last_error()->message);
    ck_assert_msg(strstr(said, words) != NULL, "\"%s\" does not say \"%s\"", said, words);
    ck_fails(gref_marginal_spectral(&law, x->f, &x->s, spec), expected);
    ck_assert_str_eq(gref_last_error()->message, said);
    ck_assert(sampler == NULL && law == NULL);
}

/* What a row may be refused for; NAN and negative fields are left at their defaults. */
typedef struct {
    const char *words;
    double sigma;
    const char *name; /* NULL: every row that has a likelihood */
    double alpha, eta, zeta;
    gref_guidance guidance;
    int times[3], n_times;
} bad_entry;

static const bad_entry bad_entries[] = {
    {"needs alpha > 0, not 0", 0.3, "dps", .alpha = 0.0},
    {"needs alpha > 0, not -1", 0.3, "dps", .alpha = -1.0},
    {"ddim needs eta in [0, 1], not 1.5", 0.3, NULL, .alpha = 1.0, .eta = 1.5},
    {"ddim needs eta in [0, 1], not -0.25", 0.3, NULL, .alpha = 1.0, .eta = -0.25},
    {"ddim needs eta in [0, 1], not nan", 0.3, NULL, .alpha = 1.0, .eta = NAN},
    {"guidance \"mean\" goes with", 0.3, NULL, .alpha = 1.0, .eta = 0.5,
     .guidance = GREF_GUIDANCE_MEAN},
    {"needs zeta > 0, not 0", 0.3, NULL, .alpha = 1.0, .guidance = GREF_GUIDANCE_AFTER},
    {"needs zeta > 0, not -2", 0.3, NULL, .alpha = 1.0, .zeta = -2.0,
     .guidance = GREF_GUIDANCE_AFTER},
    {"times must decrease: 5 comes after 3", 0.3, NULL, .alpha = 1.0, .times = {3, 5},
     .n_times = 2},
    {"times must decrease: 3 comes after 3", 0.3, NULL, .alpha = 1.0, .times = {3, 3},
     .n_times = 2},
    {"times: 9 is outside 0..8", 0.3, NULL, .alpha = 1.0, .times = {9, 5}, .n_times = 2},
    {"times: -1 is outside 0..8", 0.3, NULL, .alpha = 1.0, .times = {5, -1}, .n_times = 2},
    {"times has one entry, 4", 0.3, NULL, .alpha = 1.0, .times = {4}, .n_times = 1},
    {"\"no-such-row\"", 0.3, "no-such-row", .alpha = 1.0},
};

static gref_sampler_spec spec_of(const bad_entry *bad, const char *name)
{
    gref_sampler_spec spec = make_spec(name);
    gref_convention *c = &spec.convention;
    c->scheme = bad->eta != 0.0 ? GREF_SCHEME_DDIM : GREF_SCHEME_DDPM;
    c->eta = bad->eta;
    c->alpha_dps = bad->alpha;
    c->zeta = bad->zeta;
    c->guidance = bad->guidance;
    spec.times = bad->n_times > 0 ? bad->times : NULL;
    spec.n_times = bad->n_times;
    return spec;
}

/* A key of a row that projects, out of its range. */
static void hold_projections(const pair *x)
{
    for (int i = 0; gref_row_at(i) != NULL; i++) {
        const gref_row *row = gref_row_at(i);
        gref_sampler_spec spec = make_spec(row->name);
        gref_convention right = spec.convention, *c = &spec.convention;
        char words[64];
        if (row->project == NULL)
            continue;
        double *const units[] = {&c->eta, &c->eta_b, &c->zeta};
        const char *const names[] = {"eta", "eta_b", "zeta"};
        for (int k = 0; k < 6; k++) {
            *c = right;
            *units[k / 2] = k % 2 == 0 ? 1.25 : -0.5;
            snprintf(words, sizeof words, "%s needs %s in [0, 1], not %g", row->name, names[k / 2],
                     *units[k / 2]);
            hold_refusal(x, &spec, GREF_ERR_RANGE, words);
        }
        *c = right;
        c->lambda = 0;
        hold_refusal(x, &spec, GREF_ERR_RANGE, "lambda > 0 and rho_scale > 0, not 0");
        c->lambda = right.lambda;
        c->rho_scale = NAN;
        hold_refusal(x, &spec, GREF_ERR_RANGE, "not 7 and nan");
    }
}

/*
 * What the sweep calls refused, on every kind of schedule; and what it avoids: ddpm on vp with
 * beta_k >= 1, a variance without numbers or with a fraction outside [0, 1].
 */
static void hold_swept(pair *x)
{
    const double rate[] = {0.1, 20}, span[] = {1e-3, 1};
    gref_sampler_spec spec;
    for (int kind = 0; kind < SWEEP_KINDS; kind++) {
        gref_schedule_free(&x->s);
        sweep_schedule(&x->s, (gref_schedule_kind)kind);
        for (int k = 83 * kind; sweep_spec(&spec, k); k += 499)
            if (sweep_is_refused(&spec, x->s.kind))
                hold_refusal(x, &spec, GREF_ERR_RANGE, ""); /* the same words */
    }
    spec = make_spec("cgdm");
    spec.convention.variance = GREF_VARIANCE_FILE;
    hold_refusal(x, &spec, GREF_ERR_RANGE, "has no numbers");
    spec.convention.variance = GREF_VARIANCE_FRACTION;
    spec.convention.fraction = 1.5;
    hold_refusal(x, &spec, GREF_ERR_RANGE, "needs fraction in [0, 1], not 1.5");
    gref_schedule_free(&x->s);
    ck_ok(gref_schedule_vp(&x->s, rate, span, SWEEP_T));
    spec = make_spec("cgdm");
    hold_refusal(x, &spec, GREF_ERR_RANGE, ">= 1 at t = 8");
    gref_schedule_free(&x->s);
    sweep_schedule(&x->s, GREF_SCHEDULE_DISCRETE);
}

/* One thing wrong at a time, with every row that it concerns; and what the sweep calls refused. */
START_TEST(test_refusals__are_the_same_on_both_paths)
{
    pair x;
    char said[64];
    gref_sampler_spec spec;
    ck_ok(pair_open(&x, 0.3, said));
    for (size_t k = 0; k < sizeof bad_entries / sizeof *bad_entries; k++) {
        const bad_entry *bad = &bad_entries[k];
        for (int i = 0; gref_row_at(i) != NULL; i++) {
            if (!gref_row_has_likelihood(gref_row_at(i)))
                continue;
            spec = spec_of(bad, bad->name != NULL ? bad->name : gref_row_at(i)->name);
            hold_refusal(&x, &spec, GREF_ERR_RANGE, bad->words);
        }
    }
    hold_projections(&x);
    hold_swept(&x);
    x.z.sigma = x.f->sigma = 0.0;
    spec = make_spec("dps");
    hold_refusal(&x, &spec, GREF_ERR_RANGE, "dps needs sigma > 0");
    x.z.sigma = x.f->sigma = 1e-200;
    hold_refusal(&x, &spec, GREF_ERR_RANGE, "sigma^2 underflows");
    pair_close(&x);
}
END_TEST

/* A sampler of an exact C and one of none, whose C is as singular as the kernel; samples by both
 * paths. */
static void hold_draws(const pair *x, double unit)
{
    enum { SPECS = 3, N = 4 };
    gref_sampler_spec specs[SPECS] = {make_spec("cgdm"), make_spec("cgdm"), make_spec("pigdm")};
    const gref_sampler_spec *list[SPECS] = {&specs[0], &specs[1], &specs[2]};
    gref_mat Y[SPECS], D = fresh(x->z.n, N);
    bool diverged[SPECS];
    specs[1].convention.guidance = GREF_GUIDANCE_MEAN;
    for (int k = 0; k < SPECS; k++)
        Y[k] = fresh(x->z.n, N);
    ck_ok(gref_spectral_draw(Y, diverged, x->f, &x->s, list, SPECS, 17));
    for (int k = 0; k < SPECS; k++) {
        gref_sampler *sampler = NULL;
        gref_marginal *dense = NULL, *spectral = NULL;
        gref_w2 a, b;
        ck_ok(gref_sampler_new(&sampler, &x->z, &x->s, &specs[k]));
        ck_ok(gref_sampler_draw(D, sampler, 17));
        ck_assert_bound("samples, tiny sigma", gref_mat_diff_fro(gref_const(D), gref_const(Y[k])),
                        unit * gref_mat_norm_fro(gref_const(D)));
        ck_ok(gref_marginal_new(&dense, sampler));
        ck_ok(gref_marginal_spectral(&spectral, x->f, &x->s, &specs[k]));
        while (gref_marginal_t(dense) > 0) {
            ck_ok(gref_marginal_advance(dense));
            ck_ok(gref_marginal_advance(spectral));
        }
        ck_ok(gref_marginal_w2(&a, dense));
        ck_ok(gref_marginal_w2(&b, spectral));
        ck_assert_bound("W2, tiny sigma", fabs(a.w2 - b.w2), unit);
        ck_ok(gref_marginal_w2_modelled(&a, dense));
        ck_ok(gref_marginal_w2_modelled(&b, spectral));
        ck_assert_bound("W2, modelled, tiny sigma", fabs(a.w2 - b.w2), unit);
        gref_marginal_free(dense);
        gref_marginal_free(spectral);
        gref_sampler_free(sampler);
        gref_mat_free(&Y[k]);
    }
    gref_mat_free(&D);
}

/*
 * How small sigma may be: above the rounding of the singular values of A Sigma^1/2, 2 u n of the
 * largest, both paths answer, and the same; below, where a zero of the kernel cannot be told from a
 * measurement without noise, both refuse, whatever the square of sigma is beside A Sigma A^T.
 * Bound: a singular value off by 8 n EPS turns its direction from the prior towards the data by
 * that over sigma; everything else is of order 1, T steps of it.
 */
START_TEST(test_refusals__of_a_small_sigma_are_those_of_the_other_path)
{
    const double sigmas[] = {1.0, 1e-6, 1e-12, 1e-20, 0.0};
    for (size_t k = 0; k < sizeof sigmas / sizeof *sigmas; k++) {
        pair x;
        char said[64];
        gref_status status = pair_open(&x, sigmas[k], said);
        ck_assert_int_eq(status, sigmas[k] < 1e-16 ? GREF_ERR_NOT_PD : GREF_OK);
        if (status == GREF_OK)
            hold_draws(&x, 8 * 16 * EPS * (SWEEP_T + 1 / sigmas[k]));
        pair_close(&x);
    }
}
END_TEST

/* ---- a C that is singular to rounding -------------------------------------------------------- */

enum { WIDE_N = 3, WIDE_M = 5, WIDE_T = 4 };
static const double wide_lambda[WIDE_N] = {1.0, 0.5, 0.125}, wide_a[WIDE_N] = {2.0, 1.0, 0.25},
                    wide_y[WIDE_M] = {1.0, -2.0, 0.5, 3.0, -1.0};

/* A = W diag(a), v = W y with an orthogonal W, Sigma = diag(lambda), mu = 0: every pixel by itself,
 * in closed form. */
static gref_problem wide_problem(void)
{
    gref_problem p = dense_problem(WIDE_N, WIDE_M, 10.0, 0, 1.0, 5);
    gref_mat W = random_orthogonal(WIDE_M, 5), y = fresh(WIDE_M, 1);
    gref_mat_fill(p.mu, 0.0);
    gref_mat_fill(p.Sigma, 0.0);
    for (int i = 0; i < WIDE_M; i++)
        y.a[i] = wide_y[i];
    for (int j = 0; j < WIDE_N; j++) {
        GREF_AT(p.Sigma, j, j) = wide_lambda[j];
        for (int i = 0; i < WIDE_M; i++)
            GREF_AT(p.A, i, j) = GREF_AT(W, i, j) * wide_a[j];
    }
    gref_mat_free(&p.v);
    p.v = plain_product(gref_const(W), false, gref_const(y), false);
    FREE_ALL(&W, &y);
    return p;
}

/* M, b and the modelled law of pixel i at t, guidance "score". */
typedef struct {
    long double M, b, mean, cov;
} wide_truth;

static wide_truth wide_at(const gref_schedule *s, int t, int i)
{
    long double abar = s->abar[t], q = s->qbar[t], lambda = wide_lambda[i], a = wide_a[i];
    long double var = abar * lambda + q, j = sqrtl(abar) * lambda / var;
    long double C = q / abar * a * a + 1, pull = j * a * wide_y[i] / C;
    long double H = 1 / var + j * j * a * a / C, root = sqrtl(s->alpha[t]), beta = s->beta[t];
    return (wide_truth){(1 - beta * H) / root, beta * pull / root, pull / H, 1 / H};
}

/*
 * pigdm with r_t^2 = (1 - abar)/abar and more measurements than pixels, abar_T = 1e-16: C = r_T^2 A
 * A^T + I has the eigenvalues 1e16 and 1, and no Cholesky factor in doubles; the problem is as
 * regular as any. Each of the routes to the step and to the modelled law, in closed form. Bound:
 * the SVD knows C^-1 A and every C^-1/2 to 20 m EPS of themselves.
 */
START_TEST(test_pigdm__with_a_likelihood_that_is_singular_to_rounding)
{
    const double beta[WIDE_T] = {0.5, 0.9, 0.9999, 1 - 0x1p-35};
    sweep_world w = {.p = wide_problem()};
    gref_sampler_spec spec = make_spec("pigdm");
    spec.convention.r2 = GREF_R2_1_ABAR_ABAR;
    ck_ok(gref_schedule_from_betas(&w.s, beta, WIDE_T));
    ck_ok(gref_modes_new(&w.z, &w.p));
    ck_assert(w.s.abar[WIDE_T] < 2e-16);
    gref_sampler *s = NULL;
    ck_ok(gref_sampler_new(&s, &w.z, &w.s, &spec));
    gref_mat M = fresh(WIDE_N, WIDE_N), b = fresh(WIDE_N, 1), F = fresh(WIDE_N, WIDE_N),
             f = fresh(WIDE_N, 1);
    for (int t = WIDE_T; t >= 1; t--) {
        double noise, unit = 20 * WIDE_M * EPS, p = 1 / sqrt(w.s.alpha[t]);
        gref_mat mean[2] = {fresh(WIDE_N, 1), fresh(WIDE_N, 1)},
                 cov[2] = {fresh(WIDE_N, WIDE_N), fresh(WIDE_N, WIDE_N)};
        ck_ok(gref_sampler_step(M, b, &noise, s, t));
        sweep_literal_step(F, f, s, t);
        ck_ok(gref_conditional_bayes(mean[0], cov[0], s, t));
        ck_ok(gref_conditional_precision(mean[1], cov[1], s, t));
        for (int i = 0; i < WIDE_N; i++) {
            wide_truth truth = wide_at(&w.s, t, i);
            for (int j = 0; j < WIDE_N; j++) {
                double expected = i == j ? (double)truth.M : 0,
                       var = i == j ? (double)truth.cov : 0;
                ck_assert_bound("wide M", fabs(GREF_AT(M, i, j) - expected), unit * p);
                ck_assert_bound("wide M, literal", fabs(GREF_AT(F, i, j) - expected), 4 * unit * p);
                for (int k = 0; k < 2; k++)
                    ck_assert_bound("wide C_{t|v}", fabs(GREF_AT(cov[k], i, j) - var), unit);
            }
            ck_assert_bound("wide b", fabs(b.a[i] - (double)truth.b), 4 * unit * p);
            ck_assert_bound("wide b, literal", fabs(f.a[i] - (double)truth.b), 4 * unit * p);
            for (int k = 0; k < 2; k++)
                ck_assert_bound("wide mu_{t|v}", fabs(mean[k].a[i] - (double)truth.mean), 4 * unit);
        }
        FREE_ALL(&mean[0], &mean[1], &cov[0], &cov[1]);
    }
    gref_mat Y = fresh(WIDE_N, 2);
    ck_ok(gref_sampler_draw(Y, s, 1));
    gref_sampler_free(s);
    gref_mat_free(&Y);
    FREE_ALL(&M, &b, &F, &f);
    sweep_world_close(&w);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("refusals");
    TCase *tc = new_tcase(s, "refusals");
    tcase_add_test(tc, test_refusals__are_the_same_on_both_paths);
    tcase_add_test(tc, test_refusals__of_a_small_sigma_are_those_of_the_other_path);
    tcase_add_test(tc, test_pigdm__with_a_likelihood_that_is_singular_to_rounding);
    return run_suite(s);
}
