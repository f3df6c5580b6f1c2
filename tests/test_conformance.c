/*
 * What makes a sampler one: every row of the table of methods, in every scheme, convention and
 * choice of times, and every kind of affine chain, is held to the same properties (sweep.h). A row
 * that is added is tested because it is there.
 *
 *     the step is the literal algorithm's, pushed through basis vectors, and the plain model's, which has no eigenbasis
 *     the law is the plain recursion of the steps from the start; its distances are those of its matrices
 *     the law that it takes p_t(x | v) to be is THEORY's, by routes that share no formula
 *
 * That drawn samples have the moments of the law, and that the spectral path says the same as the
 * dense one: test_conformance_paths.c. What both paths refuse: test_refusals.c.
 *
 * Bounds. A step is known to 4 n EPS (size of what is added up) x (condition of Sigma_t and of C):
 * |Sigma| = 1 in every world, so cond(Sigma_t) <= 1/(1 - abar_t). What is added up is p y, q s~(y)
 * with q <= p (1 - abar), sqrt(1 - a') eps, and kappa W^T C^-1 W: 2 p + 1 + kappa |W|^2 |C^-1|.
 */
#include "dense.h"
#include "dense/internal.h"
#include "errors/perturb.h"
#include "plain.h"
#include "sweep.h"
#include "toy.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <gref/marginal.h>

static double norm(gref_mat A)
{
    return gref_mat_norm_fro(gref_const(A));
}

static double distance(gref_mat A, gref_mat B)
{
    return gref_mat_diff_fro(gref_const(A), gref_const(B));
}

/* Each world begins at another sampler, so that together they meet every few switches. */
static void for_everything(sweep_property *holds, int stride)
{
    sweep_world w;
    for (int k = 0; sweep_world_open(&w, k); k++) {
        sweep_each(holds, &w, 83 * k, stride);
        sweep_world_close(&w);
    }
}

static void for_all_chains(sweep_property *holds)
{
    sweep_world w;
    for (int k = 0; sweep_world_open(&w, k); k++) {
        if (w.s.kind == GREF_SCHEDULE_DISCRETE) /* a chain brings times of its own */
            sweep_each_chain(holds, &w);
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

static plain_affine step_of(const sweep_subject *x, int t)
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
static void hold_noise(const sweep_subject *x, const plain_affine *step, double noise, int t)
{
    ck_assert(isnan(noise) == isnan(step->noise));
    if (step->N.a == NULL) {
        sweep_bound("N: plain", fabs(noise - step->noise), 64 * EPS * step->noise);
        return;
    }
    gref_mat N = fresh(step->N.m, step->N.n);
    ck_ok(gref_sampler_noise(N, x->s, t));
    sweep_bound("N: plain, a matrix", distance(N, step->N), step->rounding);
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

static void hold_steps(const sweep_subject *x)
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
        sweep_bound("M: plain", distance(M, plain.M), plain.rounding);
        sweep_bound("b: plain", distance(b, plain.b), shift);
        hold_noise(x, &plain, noise, t);
        sweep_literal_step(F, f, x->s, t);
        sweep_bound("M: literal", distance(M, F), plain.rounding + 2 * n * EPS * norm(b));
        sweep_bound("b: literal", distance(b, f), shift);
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

static plain_law start_of(const sweep_subject *x)
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
static void plain_advance(plain_law *l, const sweep_subject *x, int t)
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

static void hold_law(const sweep_subject *x)
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
        sweep_bound("mean of y_t", distance(m, l.m), l.mean);
        sweep_bound("covariance of y_t", distance(P, l.P), l.cov);
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
    sweep_bound(what, fabs(d->w2 - e.w2), bound);
    sweep_bound("W2, its mean part", fabs(d->w2_mean - e.w2_mean), bound);
    sweep_bound("W2, its covariance part", fabs(d->w2_cov - e.w2_cov), bound);
}

/* The state as it is against the laws at abar = 1, which may be singular. */
static void hold_data(const sweep_subject *x, const gref_marginal *law, gref_mat m, gref_mat P)
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

static void hold_distances(const sweep_subject *x)
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
    sweep_bound("bias", distance(m, bias), 40 * n * EPS * (1 + norm(exact) + norm(bias)));
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
static double condition_of(const sweep_subject *x, const plain_model *q)
{
    gref_mat W = plain_product(gref_const(x->w->p.A), false, gref_const(q->J), false),
             Ci = plain_inverse(gref_const(q->C));
    double c = 1 + norm(W) * norm(W) * norm(q->Sigma_t) * norm(Ci);
    FREE_ALL(&W, &Ci);
    return c;
}

static void hold_model(const sweep_subject *x)
{
    const gref_problem *p = &x->w->p;
    int n = p->A.n, m = p->A.m;
    gref_mat C = fresh(m, m), mean = fresh(n, 1), cov = fresh(n, n);
    for (int t = gref_sampler_first(x->s); t >= 1; t = gref_sampler_next(x->s, t)) {
        plain_model q = plain_model_at(p, &x->w->s, x->spec, t);
        double unit = 4 * (n + m) * EPS;
        if (q.C.a != NULL) {
            ck_ok(gref_likelihood_cov(C, x->s, t));
            sweep_bound("C_{v|t}", distance(C, q.C), unit * norm(q.C));
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
            sweep_bound("modelled law, covariance", distance(cov, q.cov), unit);
            sweep_bound("modelled law, mean", distance(mean, q.mean), unit * far);
        }
        if (gref_row_find(x->spec->name)->exact) {
            gref_mat exact, post;
            plain_exact(&exact, &post, p, &x->w->s, t);
            sweep_bound("an exact model, covariance", distance(cov, post), unit);
            sweep_bound("an exact model, mean", distance(mean, exact), unit * far);
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
    tcase_add_test(tc, test_rows__have_their_words);
    return run_suite(s);
}
