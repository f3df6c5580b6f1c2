/*
 * t -> 0: orders and leading coefficients of the differences of the modelled laws (THEORY section
 * 5), by matrices and by spectra. The differences come from resolvent identities; here they are
 * held against the subtraction of laws computed by THEORY's formulas read literally (plain.h), the
 * coefficients against section 5 read literally, and the two routes against each other. The bounds
 * on orders, 0.01, and on coefficients, 1e-6, are what the project promises.
 */
#include "dense/internal.h"
#include "diffusion/limit.h"
#include "plain.h"
#include "stationary.h"
#include "toy.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <gref/asymptotics.h>
#include <gref/wasserstein.h>

static const double alphas[] = {2.0};

/* Grass with a blur, which is the case of the claim; Sigma has one zero eigenvalue and A leaves it
 * alone. */
enum { ROWS = 8, COLS = 8 };

static gref_problem blurred_grass(double sigma)
{
    gref_mat u = crop_of("grass", 384, 356, ROWS, COLS);
    gref_problem p = matrix_problem(gref_const(u), OP_GAUSSIAN, sigma, 1);
    gref_mat_free(&u);
    return p;
}

static gref_stationary stationary_grass(test_operator op, double sigma)
{
    gref_mat u = crop_of("grass", 384, 356, ROWS, COLS);
    gref_stationary q = stationary_problem(gref_const(u), op, sigma, 1);
    gref_mat_free(&u);
    return q;
}

/* The rounding of all differences, relative: some eps times this. */
static double condition(const gref_problem *p)
{
    int n = p->Sigma.m, m = p->A.m, zeros = 0;
    gref_mat S = fresh(n, n), lambda = fresh(n, 1), K = fresh(m, m), k = fresh(m, 1);
    gref_mat_copy(S, gref_const(p->Sigma));
    ck_ok(gref_eigh_values(lambda, S));
    while (lambda.a[zeros] <= n * EPS * lambda.a[n - 1])
        zeros++;
    gref_mat AS = plain_product(gref_const(p->A), false, gref_const(p->Sigma), false);
    gref_mat ASA = plain_product(gref_const(AS), false, gref_const(p->A), true);
    gref_mat_copy(K, gref_const(ASA));
    for (int i = 0; i < m; i++)
        GREF_AT(K, i, i) += p->sigma * p->sigma;
    ck_ok(gref_eigh_values(k, K));
    double c = lambda.a[n - 1] / lambda.a[zeros] + k.a[m - 1] / k.a[0];
    gref_mat *all[] = {&S, &lambda, &K, &k, &AS, &ASA};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        gref_mat_free(all[i]);
    return c;
}

static void hold_line(const gref_asymptotics_line *line, int expected, double orders)
{
    char name[40];
    gref_asymptotics_name(name, sizeof name, line);
    ck_assert_msg(line->expected == expected, "%s, %s: order %d expected", line->sampler, name,
                  line->expected);
    ck_assert_bound("order of the covariances", fabs(line->order - expected), orders);
    ck_assert_bound("order of the means", fabs(line->order_mean - expected), orders);
    ck_assert_bound("order of W2", fabs(line->order_w2 - expected), orders);
    ck_assert_bound("leading coefficient", line->coefficient_error, 1e-6);
    ck_assert_msg(line->decades >= 6, "%s, %s: %d clean decades", line->sampler, name,
                  line->decades);
    ck_assert(line->holds && !line->equal);
    ck_assert((line->limit_distance > 0.0) == (line->alpha == 2.0));
    printf("# %s, %s: order %.6f, coefficient to %.1e, %d decades\n", line->sampler, name,
           line->order, line->coefficient_error, line->decades);
}

/* dps with alpha = 1 and 2 at first order, pigdm with every r2 at `of_pigdm`. */
static void hold_orders(const gref_asymptotics *a, int of_pigdm)
{
    ck_assert_int_eq(a->n_lines, 5);
    for (int k = 0; k < a->n_lines; k++)
        hold_line(&a->lines[k], a->lines[k].alpha > 0.0 ? 1 : of_pigdm, 0.01);
    ck_assert(a->mixed == (of_pigdm == 1));
}

/*
 * DPS 1.00, PiGDM 2.00 on grass with blur, by matrices and by spectra. A wrong order or coefficient
 * leaves a relative error of order 1, seen as such: the differences themselves are proved below.
 */
START_TEST(test_asymptotics__orders_on_grass_with_blur)
{
    gref_problem p = blurred_grass(0.1);
    gref_stationary q = stationary_grass(OP_GAUSSIAN, 0.1);
    gref_asymptotics *dense = NULL, *spectral = NULL;
    ck_ok(gref_asymptotics_dense(&dense, &p, alphas, 1, 1e-1, 1e-16));
    ck_ok(gref_asymptotics_spectral(&spectral, &q, alphas, 1, 1e-1, 1e-16));
    hold_orders(dense, 2);
    hold_orders(spectral, 2);
    ck_assert(dense->zeros == 1 && spectral->zeros == 1);
    gref_asymptotics_free(dense);
    gref_asymptotics_free(spectral);
    gref_problem_free(&p);
    gref_stationary_free(&q);
}
END_TEST

/*
 * PiGDM 1.00 where Sigma is singular and A mixes its kernel with its range: a dense A, and, by
 * spectra too, decimation without a filter, which folds the mean onto other frequencies. PiGDM 2.00
 * for the same A and an invertible Sigma.
 */
START_TEST(test_asymptotics__orders_of_mixed_problems)
{
    for (int zeros = 0; zeros < 3; zeros += 2) {
        gref_problem p = dense_problem(6, 4, 4.0, zeros, 0.7, 13);
        gref_asymptotics *a = NULL;
        ck_ok(gref_asymptotics_dense(&a, &p, alphas, 1, 1e-1, 1e-12));
        ck_assert_int_eq(a->zeros, zeros);
        hold_orders(a, zeros > 0 ? 1 : 2);
        gref_asymptotics_free(a);
        gref_problem_free(&p);
    }
    gref_stationary q = stationary_grass(OP_SR2_NONE, 0.1);
    gref_asymptotics *a = NULL;
    ck_ok(gref_asymptotics_spectral(&a, &q, alphas, 1, 1e-1, 1e-16));
    hold_orders(a, 1);
    gref_asymptotics_free(a);
    gref_stationary_free(&q);
}
END_TEST

/* The laws of a line and of CGDM at e, by THEORY's formulas in long double. */
static plain_model literal_law(const gref_problem *p, const char *name,
                               const gref_asymptotics_line *line, double e)
{
    gref_schedule s = {0};
    gref_sampler_spec spec = make_spec(name);
    spec.convention.r2 = line->r2;
    spec.convention.alpha_dps = line->alpha;
    ck_ok(gref_schedule_from_betas(&s, &e, 1));
    plain_model law = plain_model_at(p, &s, &spec, 1);
    gref_schedule_free(&s);
    return law;
}

static double norm_2(gref_cmat C)
{
    gref_mat S = fresh(C.m, C.m), lambda = fresh(C.m, 1);
    gref_mat_copy(S, C);
    ck_ok(gref_eigh_values(lambda, S));
    double norm = fmax(fabs(lambda.a[0]), fabs(lambda.a[C.m - 1]));
    gref_mat_free(&S);
    gref_mat_free(&lambda);
    return norm;
}

/*
 * One point. The literal laws are right to eps |H| |C|, relative to |C|, for they invert H_t; so is
 * their difference, absolutely, and W2 to that over the smallest standard deviation, sqrt(e);
 * besides, the point's own relative error.
 */
static void hold_point(const gref_problem *p, const gref_asymptotics_line *line, int i,
                       double relative)
{
    const gref_asymptotics_point *x = &line->points[i];
    plain_model own = literal_law(p, line->sampler, line, x->e),
                exact = literal_law(p, "cgdm", line, x->e);
    gref_mat D = plain_sum(1, gref_const(own.cov), -1, gref_const(exact.cov));
    double norm = norm_2(gref_const(exact.cov)), cov = norm_2(gref_const(D)) / norm;
    double unit =
        4 * EPS * gref_mat_norm_fro(gref_const(own.H)) * gref_mat_norm_fro(gref_const(own.cov));
    double mean = gref_mat_diff_fro(gref_const(own.mean), gref_const(exact.mean));
    double size = gref_mat_norm_fro(gref_const(exact.mean));
    gref_w2 w;
    ck_ok(gref_w2_laws(&w, gref_const(own.mean), gref_const(own.cov), gref_const(exact.mean),
                       gref_const(exact.cov)));
    ck_assert_bound("cov against subtraction", fabs(x->cov - cov), unit + relative * cov);
    ck_assert_bound("mean against subtraction", fabs(x->mean - mean),
                    unit * size + relative * mean);
    ck_assert_bound("W2 against gref_w2_laws", fabs(x->w2 - w.w2),
                    unit * (size + norm / sqrt(x->e)) + relative * w.w2);
    plain_model_free(&own);
    plain_model_free(&exact);
    gref_mat_free(&D);
}

/*
 * The differences are those of the literal laws, for dps with both alphas and pigdm with each r2,
 * in the dense singular, the dense invertible and the stationary problem, at e where a subtraction
 * still has digits. The two share no formula, so a wrong sign, factor or term in either would show.
 */
START_TEST(test_asymptotics__differences_are_those_of_the_literal_laws)
{
    for (int kind = 0; kind < 3; kind++) {
        gref_problem p =
            kind == 2 ? blurred_grass(0.3) : dense_problem(6, 4, 4.0, 2 * kind, 0.7, 13);
        gref_asymptotics *a = NULL;
        double relative = 8 * EPS * condition(&p);
        ck_ok(gref_asymptotics_dense(&a, &p, alphas, 1, 0.3, kind == 2 ? 0.3 : 0.3e-4));
        for (int k = 0; k < a->n_lines; k++)
            for (int i = 0; i < a->lines[k].n_points; i++)
                hold_point(&p, &a->lines[k], i, relative);
        gref_asymptotics_free(a);
        gref_problem_free(&p);
    }
}
END_TEST

/* G A X A^T G^T with G = Sigma A^T K^-1, K^-1 by elimination in long double. */
static double literal_coefficient(const gref_problem *p, double noise, gref_cmat X)
{
    gref_mat AS = plain_product(gref_const(p->A), false, gref_const(p->Sigma), false);
    gref_mat ASA = plain_product(gref_const(AS), false, gref_const(p->A), true);
    gref_mat I = plain_identity(p->A.m);
    gref_mat K = plain_sum(1, gref_const(ASA), noise, gref_const(I));
    gref_mat Ki = plain_inverse(gref_const(K));
    gref_mat KAS = plain_product(gref_const(Ki), false, gref_const(AS), false);
    gref_mat GA = plain_product(gref_const(KAS), true, gref_const(p->A), false);
    gref_mat GAX = plain_product(gref_const(GA), false, X, false);
    gref_mat R = plain_product(gref_const(GAX), false, gref_const(GA), true);
    double norm = gref_mat_norm_fro(gref_const(R));
    gref_mat *all[] = {&AS, &ASA, &I, &K, &Ki, &KAS, &GA, &GAX, &R};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        gref_mat_free(all[k]);
    return norm;
}

/* Pi = I - P0 of a Sigma whose kernel is spanned by the first `zeros` columns of its modes. */
static gref_mat kernel_projector(const gref_problem *p, int zeros)
{
    gref_modes z = {0};
    ck_ok(gref_modes_new(&z, p));
    gref_cmat U0 = gref_const(gref_mat_view(z.U, 0, 0, p->Sigma.m, zeros));
    gref_mat P0 = plain_product(U0, false, U0, true);
    gref_modes_free(&z);
    return P0;
}

/* X of THEORY section 5 in G A X A^T G^T: Pi for dps; P0, or Sigma^-1 - c I with c = 1, 0, 2, for
 * pigdm. */
static gref_mat middle(const gref_problem *p, const gref_asymptotics_line *line, int zeros)
{
    static const double c[] = {
        [GREF_R2_1_ABAR] = 1, [GREF_R2_1_ABAR_ABAR] = 0, [GREF_R2_1_ABAR_2_ABAR] = 2};
    gref_mat I = plain_identity(p->Sigma.m), P0 = kernel_projector(p, zeros), X;
    if (line->alpha > 0.0) {
        X = plain_sum(1, gref_const(I), -1, gref_const(P0));
    } else if (zeros > 0) {
        X = plain_sum(1, gref_const(P0), 0, gref_const(I));
    } else {
        gref_mat Si = plain_inverse(gref_const(p->Sigma));
        X = plain_sum(1, gref_const(Si), -c[line->r2], gref_const(I));
        gref_mat_free(&Si);
    }
    gref_mat_free(&I);
    gref_mat_free(&P0);
    return X;
}

/*
 * The leading coefficients to which the differences are held are those of section 5 read literally,
 * for an invertible and for a mixing singular Sigma, dps with alpha = 2 about the posterior of
 * noise sigma^2/2.
 */
START_TEST(test_asymptotics__coefficients_are_those_of_the_theory)
{
    for (int zeros = 0; zeros < 3; zeros += 2) {
        gref_problem p = dense_problem(6, 4, 4.0, zeros, 0.7, 13);
        gref_asymptotics *a = NULL;
        ck_ok(gref_asymptotics_dense(&a, &p, alphas, 1, 1e-1, 1e-1));
        for (int k = 0; k < a->n_lines; k++) {
            const gref_asymptotics_line *line = &a->lines[k];
            gref_mat X = middle(&p, line, zeros);
            double norm = literal_coefficient(&p, 0.49 / (line->alpha > 0.0 ? line->alpha : 1),
                                              gref_const(X));
            ck_assert_bound("coefficient", fabs(line->coefficient - norm),
                            10 * EPS * condition(&p) * norm);
            ck_assert(isnan(line->order) && !line->holds); /* one e has no slope */
            gref_mat_free(&X);
        }
        gref_asymptotics_free(a);
        gref_problem_free(&p);
    }
}
END_TEST

static void hold_same(const char *what, double dense, double spectral, double relative)
{
    ck_assert_bound(what, fabs(dense - spectral), relative * fabs(dense));
}

/*
 * The two routes share the formulas per eigenvalue and nothing else; an error of either in the
 * sums, norms or distances would have to be made by the other. Every stationary operator, six
 * decades; on 6 x 9 the transforms of a filter vanish only up to rounding where the mean aliases,
 * which must not pass for mixing. What mixing leads to, G A P0, is as far off as G A, which is
 * larger by 1/mixing.
 */
static void hold_agreement(int rows, int cols, test_operator op)
{
    gref_mat u = crop_of("grass", 384, 356, rows, cols);
    gref_problem p = matrix_problem(gref_const(u), op, 0.3, 1);
    gref_stationary q = stationary_problem(gref_const(u), op, 0.3, 1);
    gref_asymptotics *d = NULL, *s = NULL;
    double relative =
        4 * EPS * condition(&p); /* eigenvalues of Sigma to a few eps of the largest */
    ck_ok(gref_asymptotics_dense(&d, &p, alphas, 1, 1e-1, 1e-7));
    ck_ok(gref_asymptotics_spectral(&s, &q, alphas, 1, 1e-1, 1e-7));
    ck_assert_msg(d->n == s->n && d->m == s->m && d->zeros == s->zeros && d->mixed == s->mixed &&
                      d->blind == s->blind,
                  "%d x %d, %s", rows, cols, operator_names[op]);
    ck_assert_bound("mixing", fabs(d->mixing - s->mixing), relative);
    for (int k = 0; k < d->n_lines; k++) {
        const gref_asymptotics_line *x = &d->lines[k], *y = &s->lines[k];
        double own = relative / (x->alpha == 0.0 && d->mixed ? d->mixing : 1.0);
        hold_same("coefficient", x->coefficient, y->coefficient, own);
        hold_same("limit_distance", x->limit_distance, y->limit_distance, own);
        for (int i = 0; i < x->n_points; i++) {
            const gref_asymptotics_point *a = &x->points[i], *b = &y->points[i];
            hold_same("cov", a->cov, b->cov, own);
            hold_same("mean", a->mean, b->mean, own);
            hold_same("w2", a->w2, b->w2, own);
            hold_same("cov to limit", a->apart, b->apart, own);
            hold_same("mean to limit", a->apart_mean, b->apart_mean, own);
            hold_same("w2 to limit", a->apart_w2, b->apart_w2, own);
        }
    }
    gref_asymptotics_free(d);
    gref_asymptotics_free(s);
    gref_problem_free(&p);
    gref_stationary_free(&q);
    gref_mat_free(&u);
}

START_TEST(test_asymptotics__dense_and_spectral_agree)
{
    static const int sizes[][2] = {{ROWS, COLS}, {6, 9}};
    for (int i = 0; i < 2; i++)
        for (int op = 0; op < OP_COUNT; op++)
            if (operator_fits((test_operator)op, sizes[i][0], sizes[i][1]))
                hold_agreement(sizes[i][0], sizes[i][1], (test_operator)op);
}
END_TEST

/* dps with alpha tends to the posterior of noise sigma/sqrt(alpha): W2 between the two posteriors,
 * by gref_posterior. */
START_TEST(test_asymptotics__limit_of_dps_is_another_posterior)
{
    gref_problem p = dense_problem(6, 4, 4.0, 0, 0.7, 13);
    gref_asymptotics *a = NULL;
    gref_w2 w;
    gref_mat m[2] = {fresh(6, 1), fresh(6, 1)}, C[2] = {fresh(6, 6), fresh(6, 6)};
    ck_ok(gref_asymptotics_dense(&a, &p, alphas, 1, 1e-1, 1e-9));
    for (int k = 0; k < 2; k++)
        ck_ok(gref_posterior(m[k], C[k], gref_const(p.Sigma), gref_const(p.mu), gref_const(p.A),
                             k == 0 ? p.sigma : p.sigma / sqrt(2), gref_const(p.v)));
    ck_ok(gref_w2_laws(&w, gref_const(m[0]), gref_const(C[0]), gref_const(m[1]), gref_const(C[1])));
    ck_assert_bound("limit_distance", fabs(a->lines[1].limit_distance - w.w2),
                    10 * EPS * condition(&p) * w.w2);
    ck_assert_bound("w2 tends to it", fabs(a->lines[1].points[8].w2 - w.w2), 10 * 1e-9 * w.w2);
    ck_assert(a->lines[0].limit_distance == 0.0);
    for (int k = 0; k < 2; k++) {
        gref_mat_free(&m[k]);
        gref_mat_free(&C[k]);
    }
    gref_asymptotics_free(a);
    gref_problem_free(&p);
}
END_TEST

/* PiGDM with r2 = 1 - abar is CGDM when Sigma = I: no difference, no order, and nothing that is not
 * a number. */
START_TEST(test_asymptotics__equal_laws_have_no_order)
{
    gref_problem p = scalar_problem(0.5, 1.0, 1.0, 0.1, 1.0);
    gref_asymptotics *a = NULL;
    ck_ok(gref_asymptotics_dense(&a, &p, NULL, 0, 1e-1, 1e-8));
    ck_assert_int_eq(a->n_lines, 4);
    const gref_asymptotics_line *line = &a->lines[1];
    ck_assert(line->equal && line->holds && isnan(line->order) && line->coefficient == 0.0);
    ck_assert(line->points[7].cov == 0.0 && line->points[7].w2 == 0.0 &&
              line->coefficient_error == 0.0);
    ck_assert(!a->lines[0].equal && !a->lines[2].equal && a->lines[2].holds);
    gref_asymptotics_free(a);
    gref_problem_free(&p);
}
END_TEST

/* An 8 x 8 image of one frequency: what the others get by rounding, in either route, must count as
 * zero. */
static gref_mat one_frequency(void)
{
    gref_mat u = fresh(8, 8);
    for (int i = 0; i < 64; i++)
        u.a[i] = cos(acos(-1) / 4 * (i % 8));
    return u;
}

/*
 * A Sigma with 62 zero eigenvalues of 64, under a blur, which does not mix, and under decimation,
 * which does: orders and coefficients hold by both routes. A spectrum with eigenvalues of 1e-33
 * there has neither, as they are below every e.
 */
START_TEST(test_asymptotics__zero_frequencies_are_zeros)
{
    const test_operator ops[] = {OP_GAUSSIAN, OP_SR2_NONE};
    for (int o = 0; o < 2; o++) {
        gref_mat u = one_frequency();
        gref_problem p = matrix_problem(gref_const(u), ops[o], 0.3, 1);
        gref_stationary q = stationary_problem(gref_const(u), ops[o], 0.3, 1);
        gref_asymptotics *a[2] = {NULL, NULL};
        ck_ok(gref_asymptotics_dense(&a[0], &p, alphas, 1, 1e-1, 1e-14));
        ck_ok(gref_asymptotics_spectral(&a[1], &q, alphas, 1, 1e-1, 1e-14));
        for (int k = 0; k < 2; k++) {
            ck_assert_int_eq(a[k]->zeros, 62);
            ck_assert(!a[k]->blind);
            hold_orders(a[k], 2 - o);
            gref_asymptotics_free(a[k]);
        }
        gref_problem_free(&p);
        gref_stationary_free(&q);
        gref_mat_free(&u);
    }
}
END_TEST

/* A that averages the whole image sees the kernel of Sigma only: every law is the prior's, to
 * rounding, so none differ. */
START_TEST(test_asymptotics__an_operator_that_sees_nothing)
{
    gref_mat u = crop_of("grass", 384, 356, 4, 4);
    gref_problem p = matrix_problem(gref_const(u), OP_SR4_BOX, 0.3, 1);
    gref_stationary q = stationary_problem(gref_const(u), OP_SR4_BOX, 0.3, 1);
    gref_asymptotics *a[2] = {NULL, NULL};
    ck_ok(gref_asymptotics_dense(&a[0], &p, alphas, 1, 1e-1, 1e-8));
    ck_ok(gref_asymptotics_spectral(&a[1], &q, alphas, 1, 1e-1, 1e-8));
    for (int k = 0; k < 2; k++) {
        ck_assert(a[k]->blind && !a[k]->mixed && a[k]->zeros == 1 && a[k]->n_lines == 5);
        for (int l = 0; l < 5; l++) {
            ck_assert(a[k]->lines[l].equal && a[k]->lines[l].holds);
            ck_assert(a[k]->lines[l].limit_distance == 0.0 && isnan(a[k]->lines[l].order));
        }
        gref_asymptotics_free(a[k]);
    }
    gref_problem_free(&p);
    gref_stationary_free(&q);
    gref_mat_free(&u);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("asymptotics");
    TCase *tc = new_tcase(s, "asymptotics");
    tcase_add_test(tc, test_asymptotics__orders_on_grass_with_blur);
    tcase_add_test(tc, test_asymptotics__orders_of_mixed_problems);
    tcase_add_test(tc, test_asymptotics__differences_are_those_of_the_literal_laws);
    tcase_add_test(tc, test_asymptotics__coefficients_are_those_of_the_theory);
    tcase_add_test(tc, test_asymptotics__dense_and_spectral_agree);
    tcase_add_test(tc, test_asymptotics__limit_of_dps_is_another_posterior);
    tcase_add_test(tc, test_asymptotics__equal_laws_have_no_order);
    tcase_add_test(tc, test_asymptotics__zero_frequencies_are_zeros);
    tcase_add_test(tc, test_asymptotics__an_operator_that_sees_nothing);
    return run_suite(s);
}
