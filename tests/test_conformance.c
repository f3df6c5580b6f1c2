/*
 * What makes a sampler one: every row of the table of methods, in every scheme, convention and
 * choice of times, and every kind of affine chain, is held to the same properties (sweep.h). A row
 * that is added is tested because it is there.
 *
 *     the step is the literal algorithm's, pushed through basis vectors, and the plain model's, which has no eigenbasis
 *     the law is the plain recursion of the steps from the start; its distances are those of its matrices
 *     the law that it takes p_t(x | v) to be is THEORY's, by routes that share no formula
 *     the moments of drawn samples are those of the law
 *     the spectral path says the same as the dense one
 *
 * What both paths refuse: test_refusals.c.
 *
 * Bounds. A step is known to 4 n EPS (size of what is added up) x (condition of Sigma_t and of C):
 * |Sigma| = 1 in every world, so cond(Sigma_t) <= 1/(1 - abar_t). What is added up is p y, q s~(y)
 * with q <= p (1 - abar), sqrt(1 - a') eps, and kappa W^T C^-1 W: 2 p + 1 + kappa |W|^2 |C^-1|.
 */
#include "dense.h"
#include "dense/internal.h"
#include "errors/perturb.h"
#include "plain.h"
#include "stationary.h"
#include "sweep.h"
#include "toy.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <gref/crosscheck.h>
#include <gref/marginal.h>

/* One sampler of the sweep. */
typedef struct {
    const sweep_world *w;
    const gref_sampler_spec *spec;
    gref_sampler *s;
} subject;

typedef void property(const subject *x);

static double norm(gref_mat A)
{
    return gref_mat_norm_fro(gref_const(A));
}

static double distance(gref_mat A, gref_mat B)
{
    return gref_mat_diff_fro(gref_const(A), gref_const(B));
}

/* ck_assert_bound, of the sampler at hand. */
static char at_hand[128];
static void hold_bound(const char *name, double err, double bound)
{
    ck_assert_msg(err <= bound, "%s of %s: error %.3g, bound %.3g", name, at_hand, err, bound);
    note_ratio(name, err, bound);
}

/* Builds the sampler in its world, whose start it takes where it is to be given one. */
static void hold(property *holds, const sweep_world *w, const gref_sampler_spec *spec)
{
    gref_sampler_spec own = *spec;
    subject x = {.w = w, .spec = &own};
    if (own.convention.start == GREF_START_GIVEN && w->p.A.n > 1) {
        own.convention.start_mean = gref_const(w->start_mean);
        own.convention.start_cov = gref_const(w->start_cov);
    }
    if (!plain_can_run(&w->p, &w->s, &own))
        return;
    ck_ok(gref_sampler_new(&x.s, &w->z, &w->s, &own));
    snprintf(at_hand, sizeof at_hand, "%s, n = %d, schedule %d", own.label, w->p.A.n, w->s.kind);
    holds(&x);
    gref_sampler_free(x.s);
}

/* Every `stride`-th sampler of the table, in one world. */
static void for_each_spec(property *holds, const sweep_world *w, int first, int stride)
{
    gref_sampler_spec spec;
    for (int k = first; sweep_spec(&spec, k); k += stride)
        if (!sweep_is_refused(&spec, w->s.kind))
            hold(holds, w, &spec);
}

static void for_each_chain(property *holds, const sweep_world *w)
{
    gref_sampler_spec spec = make_spec("affine");
    gref_chain chain = {0};
    for (int k = 0; sweep_chain(&chain, k, w->p.A.n); k++) {
        spec.chain = &chain;
        snprintf(spec.label, sizeof spec.label, "affine.%d", k);
        hold(holds, w, &spec);
        gref_chain_free(&chain);
    }
}

/* Each world begins at another sampler, so that together they meet every few switches. */
static void for_everything(property *holds, int stride)
{
    sweep_world w;
    for (int k = 0; sweep_world_open(&w, k); k++) {
        for_each_spec(holds, &w, 83 * k, stride);
        sweep_world_close(&w);
    }
}

static void for_all_chains(property *holds)
{
    sweep_world w;
    for (int k = 0; sweep_world_open(&w, k); k++) {
        if (w.s.kind == GREF_SCHEDULE_DISCRETE) /* a chain brings times of its own */
            for_each_chain(holds, &w);
        sweep_world_close(&w);
    }
}

/* ---- the step -------------------------------------------------------------------------------- */

/* A step by the user's matrices, or by the plain model; `rounding` of what is added up, in units of
 * |y|. N is empty where the noise is one number. */
typedef struct {
    gref_mat M, b, N;
    double noise, rounding;
} plain_affine;

static gref_mat copy(gref_mat A)
{
    return A.a != NULL ? plain_sum(1, gref_const(A), 0, gref_const(A)) : A;
}

static plain_affine step_of(const subject *x, int t)
{
    const gref_chain *chain = x->spec->chain;
    int n = x->w->p.A.n;
    if (chain != NULL) {
        int k = chain->K - t;
        gref_mat all = chain->b, M = copy(chain->M[chain->n_M == 1 ? 0 : k]),
                 N = chain->N[chain->n_N == 1 ? 0 : k];
        bool scalar = chain->noise == GREF_NOISE_SCALAR;
        return (plain_affine){.M = M,
                              .b = copy(gref_mat_view(all, 0, k, n, 1)),
                              .N = scalar ? (gref_mat){0} : copy(N),
                              .noise = scalar ? N.a[0] : NAN,
                              .rounding = 8 * n * EPS * (1 + norm(M))};
    }
    plain_model q = plain_model_at(&x->w->p, &x->w->s, x->spec, t);
    plain_affine step = {copy(q.M), copy(q.b), copy(q.N), q.noise, 4 * n * EPS * q.size};
    plain_model_free(&q);
    return step;
}

/* N as one number, known to the few of which it is a product; or as a matrix. */
static void hold_noise(const subject *x, const plain_affine *step, double noise, int t)
{
    ck_assert(isnan(noise) == isnan(step->noise));
    if (step->N.a == NULL) {
        hold_bound("N: plain", fabs(noise - step->noise), 64 * EPS * step->noise);
        return;
    }
    gref_mat N = fresh(step->N.m, step->N.n);
    ck_ok(gref_sampler_noise(N, x->s, t));
    hold_bound("N: plain, a matrix", distance(N, step->N), step->rounding);
    gref_mat_free(&N);
}

/* The combinations of row, scheme and schedule that were held. */
static bool met[64][8][SWEEP_KINDS];

static int row_number(const char *name)
{
    int k = 0;
    while (strcmp(gref_row_at(k)->name, name) != 0)
        k++;
    return k;
}

static void hold_steps(const subject *x)
{
    int n = x->w->p.A.n, steps = 0;
    gref_mat M = fresh(n, n), b = fresh(n, 1), F = fresh(n, n), f = fresh(n, 1);
    double far = 1 + norm(x->w->p.mu) + norm(x->w->p.v);
    met[row_number(x->spec->name)][x->spec->convention.scheme][x->w->s.kind] = true;
    for (int t = gref_sampler_first(x->s), next; (next = gref_sampler_next(x->s, t)) >= 0;
         t = next) {
        double noise = -1;
        plain_affine plain = step_of(x, t);
        double shift = plain.rounding * (far + norm(plain.b));
        ck_ok(gref_sampler_step(M, b, &noise, x->s, t));
        hold_bound("M: plain", distance(M, plain.M), plain.rounding);
        hold_bound("b: plain", distance(b, plain.b), shift);
        hold_noise(x, &plain, noise, t);
        sweep_literal_step(F, f, x->s, t);
        hold_bound("M: literal", distance(M, F), plain.rounding + 2 * n * EPS * norm(b));
        hold_bound("b: literal", distance(b, f), shift);
        FREE_ALL(&plain.M, &plain.b, &plain.N);
        steps++;
    }
    ck_assert_int_gt(steps, 0);
    FREE_ALL(&M, &b, &F, &f);
}

/* The library's M and b, the literal algorithm and the plain model: three routes, no two of which
 * share a formula. Every row was met in every scheme and on every schedule that it may have. */
START_TEST(test_step__is_the_literal_algorithm)
{
    gref_sampler_spec spec;
    for_everything(hold_steps, 401);
    for_all_chains(hold_steps);
    for (int k = 0; sweep_spec(&spec, k); k++)
        for (int kind = 0; kind < SWEEP_KINDS; kind++)
            if (!sweep_is_refused(&spec, (gref_schedule_kind)kind))
                ck_assert_msg(met[row_number(spec.name)][spec.convention.scheme][kind],
                              "no %s was met on schedule %d", spec.label, kind);
}
END_TEST

/* ---- the law --------------------------------------------------------------------------------- */

/* A law by plain products, and what rounding may have made of the library's: its mean and
 * covariance. */
typedef struct {
    gref_mat m, P;
    double mean, cov;
} plain_law;

static double pinv_norm(const gref_problem *p)
{
    double size = norm(plain_pinv(gref_const(p->A)));
    plain_forget();
    return size;
}

static plain_law start_of(const subject *x)
{
    const gref_chain *chain = x->spec->chain;
    int n = x->w->p.A.n;
    plain_law l = {0};
    if (chain != NULL && chain->start_mean.a != NULL) {
        l.m = copy(chain->start_mean);
        l.P = copy(chain->start_cov);
    } else if (chain != NULL) {
        l.m = fresh(n, 1);
        l.P = plain_identity(n);
    } else {
        plain_start(&l.m, &l.P, &x->w->p, &x->w->s, x->spec);
    }
    /* the start is centred on sqrt(abar) mu_post, which A, C and Sigma make with the condition of
     * K, below 10 here; that of the authors is made of A^+ */
    double condition = fmax(10, pinv_norm(&x->w->p));
    l.mean = 4 * condition * n * EPS * (1 + norm(x->w->p.mu) + norm(x->w->p.v) + norm(l.m));
    l.cov = 4 * condition * n * EPS * norm(l.P);
    return l;
}

/* m <- M m + b, P <- M P M^T + N by the matrices that the library gives in pixels. */
static void plain_advance(plain_law *l, const subject *x, int t)
{
    int n = l->m.m;
    gref_noise_kind kind = gref_sampler_noise_kind(x->s);
    gref_mat M = fresh(n, n), b = fresh(n, 1),
             N = fresh(kind == GREF_NOISE_SCALAR ? 1 : n, kind == GREF_NOISE_MATRIX ? n : 1);
    double noise;
    ck_ok(gref_sampler_step(M, b, &noise, x->s, t));
    ck_ok(gref_sampler_noise(N, x->s, t));
    gref_mat Mm = plain_product(gref_const(M), false, gref_const(l->m), false);
    gref_mat MP = plain_product(gref_const(M), false, gref_const(l->P), false);
    double size = norm(M), round = 8 * n * EPS, far = 1 + norm(x->w->p.mu) + norm(x->w->p.v);
    l->mean = size * l->mean + round * (size * (norm(l->m) + far) + norm(b) + far);
    l->cov = size * size * l->cov + round * (size * size * norm(l->P) + norm(N));
    FREE_ALL(&l->m, &l->P);
    l->m = plain_sum(1, gref_const(Mm), 1, gref_const(b));
    l->P = plain_product(gref_const(MP), false, gref_const(M), true);
    for (int j = 0; j < n; j++)
        for (int i = 0; i < n; i++)
            GREF_AT(l->P, i, j) += kind == GREF_NOISE_MATRIX     ? GREF_AT(N, i, j)
                                   : i != j                      ? 0
                                   : kind == GREF_NOISE_DIAGONAL ? N.a[i]
                                                                 : N.a[0];
    FREE_ALL(&M, &b, &N, &Mm, &MP);
}

static void hold_law(const subject *x)
{
    int n = x->w->p.A.n, t;
    gref_marginal *law = NULL;
    gref_mat m = fresh(n, 1), P = fresh(n, n);
    plain_law l = start_of(x);
    ck_ok(gref_marginal_new(&law, x->s));
    for (t = gref_sampler_first(x->s);; t = gref_sampler_next(x->s, t)) {
        ck_assert_int_eq(gref_marginal_t(law), t);
        ck_ok(gref_marginal_mean(m, law));
        ck_ok(gref_marginal_cov(P, law));
        hold_bound("mean of y_t", distance(m, l.m), l.mean);
        hold_bound("covariance of y_t", distance(P, l.P), l.cov);
        if (gref_sampler_next(x->s, t) < 0)
            break;
        plain_advance(&l, x, t);
        ck_ok(gref_marginal_advance(law));
    }
    ck_assert_int_eq(t, gref_sampler_last(x->s));
    ck_fails(gref_marginal_advance(law), GREF_ERR_RANGE);
    gref_marginal_free(law);
    FREE_ALL(&m, &P, &l.m, &l.P);
}

/*
 * At every visited time the law is the plain recursion of the steps from the start: N(0, I), the
 * exact p_T(x | v) by the textbook, or that of the chain. Bound: what a step rounds is moved on by
 * |M|, as mean and covariance are.
 */
START_TEST(test_law__is_the_plain_recursion)
{
    for_everything(hold_law, 499);
    for_all_chains(hold_law);
}
END_TEST

/* ---- its distances --------------------------------------------------------------------------- */

/* The least eigenvalue of a covariance, from below; 0 where it may be singular to rounding. */
static double least_of(gref_mat P)
{
    gref_mat S = copy(P), lambda = fresh(P.m, 1);
    ck_ok(gref_eigh_values(lambda, S));
    double least = fmax(lambda.a[0] - 8 * P.m * EPS * norm(P), 0);
    FREE_ALL(&S, &lambda);
    return least;
}

/* W2 of two laws by their matrices; a covariance off by D costs at most gref_change_of_root. */
static void hold_w2(const char *what, const gref_w2 *d, gref_mat m, gref_mat P, gref_mat exact,
                    gref_mat C)
{
    gref_w2 e;
    double far = 1 + norm(m) + norm(exact), unit = 40 * m.m * EPS;
    ck_ok(gref_w2_laws(&e, gref_const(m), gref_const(P), gref_const(exact), gref_const(C)));
    double bound = unit * far + gref_change_of_root(m.m, least_of(P), unit * norm(P)) +
                   gref_change_of_root(m.m, least_of(C), unit * norm(C));
    hold_bound(what, fabs(d->w2 - e.w2), bound);
    hold_bound("W2, its mean part", fabs(d->w2_mean - e.w2_mean), bound);
    hold_bound("W2, its covariance part", fabs(d->w2_cov - e.w2_cov), bound);
}

/* The state as it is against the laws at abar = 1, which may be singular. */
static void hold_data(const subject *x, const gref_marginal *law, gref_mat m, gref_mat P)
{
    const gref_problem *p = &x->w->p;
    double abar = x->w->s.abar[0], qbar = x->w->s.qbar[0];
    gref_mat at_end, P_end, I = plain_identity(p->A.n);
    gref_w2 d;
    plain_exact(&at_end, &P_end, p, &x->w->s, 0);
    gref_mat post = plain_sum(1 / sqrt(abar), gref_const(at_end), 0, gref_const(at_end));
    gref_mat C = plain_sum(1 / abar, gref_const(P_end), -qbar / abar, gref_const(I));
    ck_ok(gref_marginal_w2_data(&d, law, false));
    hold_w2("W2 to the posterior", &d, m, P, post, C);
    ck_ok(gref_marginal_w2_data(&d, law, true));
    hold_w2("W2 to the prior's data", &d, m, P, p->mu, p->Sigma);
    FREE_ALL(&post, &C, &at_end, &P_end, &I);
}

static void hold_distances(const subject *x)
{
    const gref_schedule *s = &x->w->s;
    int n = x->w->p.A.n, stop = SWEEP_T / 2;
    gref_marginal *law = NULL;
    gref_mat m = fresh(n, 1), P = fresh(n, n), bias = fresh(n, 1), exact, C;
    gref_w2 d;
    ck_ok(gref_marginal_new(&law, x->s));
    while (gref_marginal_t(law) > stop)
        ck_ok(gref_marginal_advance(law));
    int t = gref_marginal_t(law);
    plain_exact(&exact, &C, &x->w->p, s, t);
    ck_ok(gref_marginal_mean(m, law));
    ck_ok(gref_marginal_cov(P, law));
    ck_ok(gref_marginal_w2(&d, law));
    hold_w2("W2 to the target", &d, m, P, exact, C);
    hold_data(x, law, m, P);
    ck_ok(gref_marginal_bias(bias, law));
    gref_mat_axpy(m, -1.0, gref_const(exact));
    hold_bound("bias", distance(m, bias), 40 * n * EPS * (1 + norm(exact) + norm(bias)));
    plain_model q = plain_model_at(&x->w->p, s, x->spec, t);
    if (q.cov.a != NULL) {
        ck_ok(gref_conditional_w2(&d, x->s, t));
        hold_w2("W2 of the modelled law", &d, q.mean, q.cov, exact, C);
    } else {
        ck_fails(gref_conditional_w2(&d, x->s, t), GREF_ERR_RANGE);
    }
    gref_mat centre = plain_sum(sqrt(s->abar[t]), gref_const(x->w->p.mu), 0, gref_const(exact));
    ck_ok(gref_marginal_mean(m, law));
    ck_ok(gref_marginal_w2_prior(&d, law));
    hold_w2("W2 to the prior", &d, m, P, centre, q.Sigma_t);
    plain_model_free(&q);
    gref_marginal_free(law);
    FREE_ALL(&m, &P, &bias, &exact, &C, &centre);
}

/*
 * Every distance is that of the matrices that the library gives: gref_w2_laws forms its factors
 * anew. The target is the textbook's, the modelled law is the plain model's.
 */
START_TEST(test_distances__are_those_of_the_matrices)
{
    for_everything(hold_distances, 499);
}
END_TEST

/* ---- its model ------------------------------------------------------------------------------- */

/* Condition of E = I + (W Sigma_t^1/2)^T C^-1 (W Sigma_t^1/2), as stated on
 * gref_conditional_precision. */
static double condition_of(const subject *x, const plain_model *q)
{
    gref_mat W = plain_product(gref_const(x->w->p.A), false, gref_const(q->J), false),
             Ci = plain_inverse(gref_const(q->C));
    double c = 1 + norm(W) * norm(W) * norm(q->Sigma_t) * norm(Ci);
    FREE_ALL(&W, &Ci);
    return c;
}

static void hold_model(const subject *x)
{
    const gref_problem *p = &x->w->p;
    int n = p->A.n, m = p->A.m;
    gref_mat C = fresh(m, m), mean = fresh(n, 1), cov = fresh(n, n);
    for (int t = gref_sampler_first(x->s); t >= 1; t = gref_sampler_next(x->s, t)) {
        plain_model q = plain_model_at(p, &x->w->s, x->spec, t);
        double unit = 4 * (n + m) * EPS;
        if (q.C.a != NULL) {
            ck_ok(gref_likelihood_cov(C, x->s, t));
            hold_bound("C_{v|t}", distance(C, q.C), unit * norm(q.C));
            unit *= condition_of(x, &q);
        } else {
            ck_fails(gref_likelihood_cov(C, x->s, t), GREF_ERR_RANGE);
        }
        ck_assert(gref_sampler_has_model(x->s) == (q.cov.a != NULL));
        if (q.cov.a == NULL) {
            ck_fails(gref_conditional_precision(mean, cov, x->s, t), GREF_ERR_RANGE);
            ck_fails(gref_conditional_bayes(mean, cov, x->s, t), GREF_ERR_RANGE);
            plain_model_free(&q);
            continue;
        }
        double far = 1 + norm(p->v) + norm(p->mu) + norm(q.mean);
        for (int route = 0; route < 2; route++) {
            ck_ok(route == 0 ? gref_conditional_precision(mean, cov, x->s, t)
                             : gref_conditional_bayes(mean, cov, x->s, t));
            hold_bound("modelled law, covariance", distance(cov, q.cov), unit);
            hold_bound("modelled law, mean", distance(mean, q.mean), unit * far);
        }
        if (gref_row_find(x->spec->name)->exact) {
            gref_mat exact, post;
            plain_exact(&exact, &post, p, &x->w->s, t);
            hold_bound("an exact model, covariance", distance(cov, post), unit);
            hold_bound("an exact model, mean", distance(mean, exact), unit * far);
            FREE_ALL(&exact, &post);
        }
        plain_model_free(&q);
    }
    FREE_ALL(&C, &mean, &cov);
}

/*
 * Three routes to mu_{t|v} and C_{t|v}: the precision in square-root form, Bayes' rule (25)-(27),
 * and the plain inverse of H_t; and C_{v|t} against (19), (21), (22). No two share a formula. For a
 * row that calls itself exact, the textbook's posterior is a fourth.
 */
START_TEST(test_model__is_the_same_by_every_route)
{
    for_everything(hold_model, 499);
}
END_TEST

/* ---- drawn samples --------------------------------------------------------------------------- */

enum { SAMPLES = 10000 };

static double worst_z;

static void hold_moments(const subject *x)
{
    int n = x->w->p.A.n;
    gref_mat Y = fresh(n, SAMPLES), m = fresh(n, 1), P = fresh(n, n);
    gref_marginal *law = NULL;
    ck_ok(gref_marginal_new(&law, x->s));
    while (gref_sampler_next(x->s, gref_marginal_t(law)) >= 0)
        ck_ok(gref_marginal_advance(law));
    ck_ok(gref_marginal_mean(m, law));
    ck_ok(gref_marginal_cov(P, law));
    ck_ok(gref_sampler_draw(Y, x->s, 17));
    for (int i = 0; i < n; i++)
        for (int j = -1; j <= i; j++) { /* j = -1: the mean */
            double sum = 0, var = GREF_AT(P, i, i), expected = j < 0 ? 0 : GREF_AT(P, i, j);
            for (int k = 0; k < SAMPLES; k++)
                sum += (GREF_AT(Y, i, k) - m.a[i]) * (j < 0 ? 1 : GREF_AT(Y, j, k) - m.a[j]);
            if (j >= 0)
                var = var * GREF_AT(P, j, j) + expected * expected;
            double z = fabs(sum / SAMPLES - expected) / (sqrt(var / SAMPLES) + 1e-12);
            ck_assert_msg(z <= 5, "%s: entry (%d, %d) is %.2f standard errors off", x->spec->label,
                          i, j, z);
            worst_z = fmax(worst_z, z);
        }
    gref_marginal_free(law);
    FREE_ALL(&Y, &m, &P);
}

/*
 * The samples come from the literal algorithm and its noise, the law from the affine steps. Fixed
 * seeds; each mean and covariance entry within 5 standard errors, var(mean_i) = P_ii/N,
 * var(S_ij) = (P_ii P_jj + P_ij^2)/N. Every kind of schedule; the stride meets every row, scheme,
 * guidance, times and start: about 3,000 entries, for a random seed a false alarm once in 600.
 */
START_TEST(test_draw__moments_are_those_of_the_law)
{
    sweep_world w;
    for (int k = 0; sweep_world_open(&w, k); k++) {
        if (w.p.A.n == 5)
            for_each_spec(hold_moments, &w, 83 * k, 6007);
        if (k == 0)
            for_each_chain(hold_moments, &w);
        sweep_world_close(&w);
    }
    printf("# worst z-score %.2f\n", worst_z);
}
END_TEST

/* ---- the spectral path ----------------------------------------------------------------------- */

/*
 * Means, covariances, steps, C_{v|t}, W2 and the modelled law of every sampler, by frequencies and
 * by matrices, within the bounds of src/spectral/crosscheck_bounds.c, which follow the rounding of
 * both.
 */
static void hold_paths(test_operator op, gref_schedule_kind kind, int first, int stride)
{
    enum { MOST = 4096 };
    static gref_sampler_spec specs[MOST];
    const int times[] = {SWEEP_T, 5, 2, 1, 0};
    gref_mat u = crop_of("grass", 200, 100, 4, 4);
    gref_problem p = matrix_problem(gref_const(u), op, 0.3, 3);
    gref_stationary q = stationary_problem(gref_const(u), op, 0.3, 3);
    gref_schedule s = {0};
    gref_crosscheck *check = NULL;
    gref_sampler_spec spec;
    int count = 0;
    sweep_schedule(&s, kind);
    for (int k = first; sweep_spec(&spec, k); k += stride)
        if (!sweep_is_refused(&spec, kind))
            specs[count++] = spec;
    ck_ok(gref_crosscheck_run(&check, &p, &q, &s, specs, count, times, sizeof times / sizeof *times,
                              NULL, NULL));
    for (int k = 0; k < check->n_rows; k++) {
        const gref_crosscheck_row *r = &check->rows[k];
        ck_assert_msg(r->ratio <= 1, "%s of %s at t = %d: %.17g and %.17g, ratio %g", r->quantity,
                      r->sampler, r->t, r->dense, r->spectral, r->ratio);
        note_ratio(r->quantity, r->deviation, r->bound);
    }
    ck_assert_int_gt(check->n_rows, 8 * count);
    gref_crosscheck_free(check);
    gref_problem_free(&p);
    gref_stationary_free(&q);
    gref_schedule_free(&s);
    gref_mat_free(&u);
}

START_TEST(test_spectral__says_what_the_dense_path_says)
{
    const test_operator ops[] = {OP_LOPSIDED, OP_SR2_BICUBIC};
    for (int o = 0; o < 2; o++)
        for (int kind = 0; kind < SWEEP_KINDS; kind++)
            hold_paths(ops[o], (gref_schedule_kind)kind, 83 * (o + 2 * kind), 1009);
}
END_TEST

/* Every row has a name of its own and a title; it has a law by that name alone, brings its steps,
 * or says why not. */
START_TEST(test_rows__have_their_words)
{
    int listed = 0;
    for (int k = 0; gref_row_at(k) != NULL; k++) {
        const gref_row *row = gref_row_at(k);
        ck_assert(gref_row_find(row->name) == row && row->title != NULL && row->title[0] != '\0');
        ck_assert(gref_row_has_likelihood(row) ? row->guided : row->tau_excess == NULL);
        if (row->norm)
            ck_fails(gref_sampler_require_gaussian(row->name), GREF_ERR_RANGE);
        else
            ck_ok(gref_sampler_require_gaussian(row->name));
        if (row->norm || row->chain)
            continue;
        ck_assert_str_eq(gref_sampler_name(listed), row->name);
        ck_assert_str_eq(gref_sampler_title(listed++), row->title);
    }
    ck_assert(gref_sampler_name(listed) == NULL && gref_sampler_title(listed) == NULL);
    ck_assert(gref_row_at(-1) == NULL && gref_row_find("no-such-row") == NULL);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("conformance");
    TCase *tc = new_tcase(s, "conformance");
    tcase_add_test(tc, test_step__is_the_literal_algorithm);
    tcase_add_test(tc, test_law__is_the_plain_recursion);
    tcase_add_test(tc, test_distances__are_those_of_the_matrices);
    tcase_add_test(tc, test_model__is_the_same_by_every_route);
    tcase_add_test(tc, test_draw__moments_are_those_of_the_law);
    tcase_add_test(tc, test_rows__have_their_words);
    tcase_add_test(tc, test_spectral__says_what_the_dense_path_says);
    return run_suite(s);
}
