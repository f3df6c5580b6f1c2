/* Trajectories of given noise, and the functions of a sampler by the formulas as printed; steps:
 * test_conformance.c. */
#include "method/method.h"
#include "plain.h"
#include "support.h"
#include "toy.h"

#include <math.h>
#include <string.h>

#include <gref/marginal.h>
#include <gref/random.h>

enum { N = 6, MEASURED = 4, T = 25, POINTS = 3 };

typedef struct {
    gref_problem p;
    gref_schedule s;
    gref_modes z;
    gref_sampler *sampler;
} rig;

static rig rig_new(void)
{
    rig r = {.p = dense_problem(N, MEASURED, 10.0, 1, 0.5, 91)};
    ck_ok(gref_schedule_linear(&r.s, 0.01, 0.3, T));
    ck_ok(gref_modes_new(&r.z, &r.p));
    return r;
}

/* The schedule and the modes stay where they are: the sampler borrows them. */
static void rig_sampler(rig *r, const gref_sampler_spec *spec)
{
    gref_sampler_free(r->sampler);
    r->sampler = NULL;
    ck_ok(gref_sampler_new(&r->sampler, &r->z, &r->s, spec));
}

static void rig_free(rig *r)
{
    gref_sampler_free(r->sampler);
    gref_modes_free(&r->z);
    gref_schedule_free(&r->s);
    gref_problem_free(&r->p);
}

static gref_mat normals(int m, int n, uint32_t substream)
{
    gref_mat Z = fresh(m, n);
    gref_random_normal(Z, 5, GREF_STREAM_TEST, substream, 0);
    return Z;
}

/*
 * The noise that a drawn sample uses, replayed, gives that sample: the two share streams and steps.
 */
START_TEST(test_sampler_replay__gives_the_drawn_sample_of_the_same_noise)
{
    gref_mat Z = fresh(N, T), start = fresh(N, 1), Y = fresh(N, T + 1), drawn = fresh(N, 2);
    rig r = rig_new();
    gref_random_normal(start, 17, GREF_STREAM_START, 0, 0);
    for (int t = T; t >= 1; t--)
        gref_random_normal(gref_mat_view(Z, 0, T - t, N, 1), 17, GREF_STREAM_STEP, (uint32_t)t, 0);
    for (int k = 0; gref_row_at(k) != NULL; k++) {
        gref_sampler_spec spec = make_spec(gref_row_at(k)->name);
        int reached = -1;
        if (gref_row_at(k)->chain)
            continue;
        spec.convention.zeta = 0.3;
        rig_sampler(&r, &spec);
        ck_ok(gref_sampler_draw(drawn, r.sampler, 17));
        ck_ok(gref_sampler_replay(Y, &reached, r.sampler, gref_const(start), gref_const(Z)));
        gref_mat last = gref_mat_view(Y, 0, T, N, 1), first = gref_mat_view(drawn, 0, 0, N, 1);
        ck_assert_bound("sample", gref_mat_diff_fro(gref_const(last), gref_const(first)),
                        4 * N * T * EPS);
    }
    rig_free(&r);
    gref_mat_free(&Z);
    gref_mat_free(&start);
    gref_mat_free(&Y);
    gref_mat_free(&drawn);
}
END_TEST

/*
 * A chain that overflows ends at `reached`; what stands before it is finite and what follows
 * untouched.
 */
START_TEST(test_sampler_replay__says_where_a_chain_diverges)
{
    gref_problem p = scalar_problem(0.5, 0.25, 1.0, 1e-3, 1.0);
    gref_schedule s = {0};
    gref_modes z = {0};
    gref_sampler *sampler = NULL;
    gref_sampler_spec spec = make_spec("dps");
    ck_ok(gref_schedule_linear(&s, 1e-4, 0.02, 1000));
    ck_ok(gref_modes_new(&z, &p));
    ck_ok(gref_sampler_new(&sampler, &z, &s, &spec));
    gref_mat Y = fresh(1, 1001), Z = fresh(1, 1000), start = fresh(1, 1);
    gref_random_normal(Z, 1, GREF_STREAM_TEST, 0, 0);
    gref_mat_fill(Y, 7.0);
    int reached = -1;
    ck_ok(gref_sampler_replay(Y, &reached, sampler, gref_const(start), gref_const(Z)));
    ck_assert_int_gt(reached, 0);
    ck_assert_int_lt(reached, 1000);
    for (int k = 0; k <= 1000 - reached; k++)
        ck_assert(isfinite(Y.a[k]));
    ck_assert(fabs(Y.a[1000 - reached]) > 1e100);
    ck_assert(isnan(Y.a[1000 - reached + 1]));
    gref_mat_free(&Y);
    gref_mat_free(&Z);
    gref_mat_free(&start);
    gref_sampler_free(sampler);
    gref_modes_free(&z);
    gref_schedule_free(&s);
    gref_problem_free(&p);
}
END_TEST

/* J A^T C^-1 (v - A x0hat) at the columns of X by plain products; A^+ where the row has no C. */
static gref_mat plain_guidance(const rig *r, const gref_sampler_spec *spec, int t, gref_cmat X0)
{
    plain_world w = {&r->p, &r->s, spec, gref_row_find(spec->name), r->p.mu, r->p.v};
    plain_view x = plain_view_at(&w, r->s.abar[t], r->s.qbar[t]);
    gref_mat R = plain_product(gref_const(r->p.A), false, X0, false);
    for (int k = 0; k < POINTS; k++)
        for (int i = 0; i < MEASURED; i++)
            GREF_AT(R, i, k) = r->p.v.a[i] - GREF_AT(R, i, k);
    gref_mat g = plain_product(gref_const(x.G), false, gref_const(R), false);
    gref_mat_free(&R);
    plain_forget();
    return g;
}

/*
 * The score by Tweedie's formula from x0hat, x0hat by J, the guidance by W and C: each as printed.
 * Bounds as stated on gref_sampler_eval: N EPS cond(Sigma_t) times sizes of order 1 (|Sigma| = 1,
 * sigma = 0.5).
 */
START_TEST(test_sampler_eval__equals_the_literal_formulas)
{
    gref_mat X = normals(N, POINTS, 3), F = fresh(N, POINTS), G = fresh(N, POINTS),
             D = fresh(N, POINTS);
    rig r = rig_new();
    const int times[] = {1, 7, T};
    for (int k = 0; gref_sampler_name(k / 3) != NULL; k++) {
        gref_sampler_spec spec = make_spec(gref_sampler_name(k / 3));
        int t = times[k % 3];
        if (!gref_row_has_guidance(gref_row_find(spec.name)) || !plain_can_run(&r.p, &r.s, &spec))
            continue;
        rig_sampler(&r, &spec);
        plain_model q = plain_model_at(&r.p, &r.s, &spec, t);
        double root = sqrt(r.s.abar[t]), size = gref_mat_norm_fro(gref_const(X)) + 3,
               kappa = 2 / r.s.qbar[t];
        for (int i = 0; i < POINTS; i++) {
            gref_mat d = gref_mat_view(D, 0, i, N, 1);
            gref_mat_copy(d, gref_cmat_view(gref_const(X), 0, i, N, 1));
            gref_mat_axpy(d, -root, gref_const(r.p.mu));
        }
        gref_mat X0 = plain_product(gref_const(q.J), false, gref_const(D), false);
        for (int i = 0; i < POINTS; i++)
            gref_mat_axpy(gref_mat_view(X0, 0, i, N, 1), 1.0, gref_const(r.p.mu));
        ck_ok(gref_sampler_eval(F, r.sampler, GREF_QUANTITY_X0HAT, gref_const(X), t));
        ck_assert_bound("x0hat", gref_mat_diff_fro(gref_const(F), gref_const(X0)),
                        N * EPS * kappa * size);
        ck_ok(gref_sampler_eval(F, r.sampler, GREF_QUANTITY_SCORE, gref_const(X), t));
        for (int i = 0; i < N * POINTS; i++) /* Tweedie: x + q s = root x0hat */
            G.a[i] = X.a[i] + r.s.qbar[t] * F.a[i] - root * X0.a[i];
        ck_assert_bound("Tweedie", gref_mat_norm_fro(gref_const(G)), N * EPS * kappa * size);
        gref_mat g = plain_guidance(&r, &spec, t, gref_const(X0));
        ck_ok(gref_sampler_eval(G, r.sampler, GREF_QUANTITY_GUIDANCE, gref_const(X), t));
        ck_assert_bound("guidance", gref_mat_diff_fro(gref_const(G), gref_const(g)),
                        N * EPS * kappa * size);
        gref_mat_axpy(G, 1.0, gref_const(F));
        ck_ok(gref_sampler_eval(F, r.sampler, GREF_QUANTITY_GUIDED_SCORE, gref_const(X), t));
        ck_assert_bound("their sum", gref_mat_diff_fro(gref_const(G), gref_const(F)),
                        N * EPS * kappa * size);
        gref_mat_free(&X0);
        gref_mat_free(&g);
        plain_model_free(&q);
    }
    rig_free(&r);
    gref_mat_free(&X);
    gref_mat_free(&F);
    gref_mat_free(&G);
    gref_mat_free(&D);
}
END_TEST

/* |v - A x0hat(x)| at one point. */
static double residual_norm(const rig *r, gref_cmat x, int t)
{
    gref_mat x0 = fresh(N, 1);
    ck_ok(gref_sampler_eval(x0, r->sampler, GREF_QUANTITY_X0HAT, x, t));
    gref_mat Ax = plain_product(gref_const(r->p.A), false, gref_const(x0), false);
    gref_mat_axpy(Ax, -1.0, gref_const(r->p.v));
    double norm = gref_mat_norm_fro(gref_const(Ax));
    gref_mat_free(&x0);
    gref_mat_free(&Ax);
    return norm;
}

/*
 * (28): the guidance of dps-norm is minus the gradient of |v - A x0hat(x)|, by central differences
 * of that norm. h = 1e-5: truncation h^2/6 |W|^3/|r|^2 <= 1e-10 here, rounding 20 N EPS |r|/h. And
 * its step is ddpm's plus zeta times it.
 */
START_TEST(test_dps_norm__guidance_is_the_gradient_of_the_norm)
{
    enum { AT = 7 };
    const double h = 1e-5, zeta = 0.3;
    gref_mat x = normals(N, 1, 4), g = fresh(N, 1), step = fresh(N, 1), free_step = fresh(N, 1);
    rig r = rig_new();
    gref_sampler_spec spec = make_spec("dps-norm"), ddpm = make_spec("ddpm");
    spec.convention.zeta = zeta;
    rig_sampler(&r, &ddpm);
    ck_ok(gref_sampler_eval(free_step, r.sampler, GREF_QUANTITY_STEP, gref_const(x), AT));
    rig_sampler(&r, &spec);
    ck_ok(gref_sampler_eval(g, r.sampler, GREF_QUANTITY_GUIDANCE, gref_const(x), AT));
    ck_ok(gref_sampler_eval(step, r.sampler, GREF_QUANTITY_STEP, gref_const(x), AT));
    ck_assert(gref_mat_norm_fro(gref_const(g)) > 0.1);
    for (int i = 0; i < N; i++) {
        double kept = x.a[i];
        x.a[i] = kept + h;
        double above = residual_norm(&r, gref_const(x), AT);
        x.a[i] = kept - h;
        double below = residual_norm(&r, gref_const(x), AT);
        x.a[i] = kept;
        ck_assert_bound("gradient", fabs(g.a[i] + (above - below) / (2 * h)),
                        1e-10 + 20 * N * EPS * above / h);
    }
    gref_mat_axpy(free_step, zeta, gref_const(g));
    ck_assert_bound("step", gref_mat_diff_fro(gref_const(step), gref_const(free_step)),
                    20 * N * EPS);
    rig_free(&r);
    gref_mat_free(&x);
    gref_mat_free(&g);
    gref_mat_free(&step);
    gref_mat_free(&free_step);
}
END_TEST

/* Where v = A x0hat the norm has no gradient; the guidance there is 0, never 0/0. */
START_TEST(test_dps_norm__guidance_is_zero_at_a_zero_residual)
{
    gref_problem p = scalar_problem(0.5, 0.25, 2.0, 0.1, 1.0); /* v = A mu, exactly */
    gref_schedule s = {0};
    gref_modes z = {0};
    gref_sampler *sampler = NULL;
    gref_sampler_spec spec = make_spec("dps-norm");
    double beta[] = {0.4375, 0.4375}; /* alpha = 9/16, sqrt(abar_1) = 3/4 */
    spec.convention.zeta = 1.0;
    ck_ok(gref_schedule_from_betas(&s, beta, 2));
    ck_ok(gref_modes_new(&z, &p));
    ck_ok(gref_sampler_new(&sampler, &z, &s, &spec));
    gref_mat x = fresh(1, 1), g = fresh(1, 1);
    x.a[0] = 0.375; /* sqrt(abar_1) mu: x0hat = mu */
    g.a[0] = NAN;
    ck_ok(gref_sampler_eval(g, sampler, GREF_QUANTITY_GUIDANCE, gref_const(x), 1));
    ck_assert(g.a[0] == 0.0);
    gref_mat_free(&x);
    gref_mat_free(&g);
    gref_sampler_free(sampler);
    gref_modes_free(&z);
    gref_schedule_free(&s);
    gref_problem_free(&p);
}
END_TEST

/* It is no Gaussian: everything that would need a law says so, by name. */
START_TEST(test_dps_norm__has_no_law)
{
    rig r = rig_new();
    gref_sampler_spec spec = make_spec("dps-norm");
    gref_mat M = fresh(N, N), b = fresh(N, 1), C = fresh(MEASURED, MEASURED);
    gref_marginal *law = NULL;
    gref_w2 w2;
    double noise;
    ck_fails(gref_sampler_new(&r.sampler, &r.z, &r.s, &spec), GREF_ERR_RANGE);
    ck_assert_ptr_nonnull(strstr(gref_last_error()->message, "zeta > 0"));
    spec.convention.zeta = 0.5;
    rig_sampler(&r, &spec);
    ck_fails(gref_marginal_new(&law, r.sampler), GREF_ERR_RANGE);
    ck_assert_ptr_nonnull(strstr(gref_last_error()->message, "dps-norm has no Gaussian law"));
    ck_assert_ptr_null(law);
    ck_fails(gref_sampler_step(M, b, &noise, r.sampler, 3), GREF_ERR_RANGE);
    ck_fails(gref_likelihood_cov(C, r.sampler, 3), GREF_ERR_RANGE);
    ck_fails(gref_conditional_bayes(b, M, r.sampler, 3), GREF_ERR_RANGE);
    ck_fails(gref_conditional_precision(b, M, r.sampler, 3), GREF_ERR_RANGE);
    ck_fails(gref_conditional_w2(&w2, r.sampler, 3), GREF_ERR_RANGE);
    ck_fails(gref_sampler_eval(b, r.sampler, GREF_QUANTITY_GUIDED_SCORE, gref_const(r.p.mu), 3),
             GREF_ERR_RANGE);
    ck_fails(gref_sampler_require_gaussian("dps-norm"), GREF_ERR_RANGE);
    ck_fails(gref_sampler_require_gaussian("dsp"), GREF_ERR_RANGE);
    for (int k = 0; gref_sampler_name(k) != NULL; k++)
        ck_ok(gref_sampler_require_gaussian(gref_sampler_name(k)));
    gref_mat_free(&M);
    gref_mat_free(&b);
    gref_mat_free(&C);
    rig_free(&r);
}
END_TEST

/*
 * Wrong shapes, NaN and a t without a step are refused with their values, before anything is
 * written.
 */
START_TEST(test_replay__refusals_name_the_values)
{
    rig r = rig_new();
    gref_sampler_spec spec = make_spec("dps");
    gref_mat Y = fresh(N, T + 1), Z = fresh(N, T), start = fresh(N, 1), F = fresh(N, 2);
    gref_cmat good = gref_const(Z), y = gref_const(start);
    int reached = -1;
    rig_sampler(&r, &spec);
    gref_mat_fill(Y, 7.0);
    ck_fails(gref_sampler_replay(Y, &reached, r.sampler, y, gref_cmat_view(good, 0, 0, N, T - 1)),
             GREF_ERR_SHAPE);
    ck_assert_ptr_nonnull(strstr(gref_last_error()->message, "the noise is 6 x 24"));
    ck_fails(gref_sampler_replay(Y, &reached, r.sampler, gref_cmat_view(y, 0, 0, N - 1, 1), good),
             GREF_ERR_SHAPE);
    ck_fails(gref_sampler_replay(gref_mat_view(Y, 0, 0, N, T), &reached, r.sampler, y, good),
             GREF_ERR_SHAPE);
    GREF_AT(Z, 2, 3) = NAN;
    ck_fails(gref_sampler_replay(Y, &reached, r.sampler, y, good), GREF_ERR_NONFINITE);
    GREF_AT(Z, 2, 3) = 0;
    start.a[1] = INFINITY;
    ck_fails(gref_sampler_replay(Y, &reached, r.sampler, y, good), GREF_ERR_NONFINITE);
    ck_fails(gref_sampler_eval(start, r.sampler, GREF_QUANTITY_SCORE, y, 3), GREF_ERR_NONFINITE);
    start.a[1] = 0;
    ck_fails(gref_sampler_eval(start, r.sampler, GREF_QUANTITY_SCORE, y, 0), GREF_ERR_RANGE);
    ck_fails(gref_sampler_eval(start, r.sampler, GREF_QUANTITY_SCORE, y, T + 1), GREF_ERR_RANGE);
    ck_fails(gref_sampler_eval(F, r.sampler, GREF_QUANTITY_SCORE, y, 3), GREF_ERR_SHAPE);
    ck_assert_int_eq(reached, -1);
    for (int k = 0; k < N * (T + 1); k++)
        ck_assert(Y.a[k] == 7.0);
    gref_quantity q = GREF_QUANTITY_STEP;
    ck_assert(!gref_quantity_parse(&q, "scores") && q == GREF_QUANTITY_STEP);
    for (int k = 0; gref_quantity_name(k) != NULL; k++)
        ck_assert(gref_quantity_parse(&q, gref_quantity_name(k)) && (int)q == k);
    gref_mat_free(&Y);
    gref_mat_free(&Z);
    gref_mat_free(&start);
    gref_mat_free(&F);
    rig_free(&r);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("replay");
    TCase *tc = new_tcase(s, "replay");
    tcase_add_test(tc, test_sampler_replay__gives_the_drawn_sample_of_the_same_noise);
    tcase_add_test(tc, test_sampler_replay__says_where_a_chain_diverges);
    tcase_add_test(tc, test_sampler_eval__equals_the_literal_formulas);
    tcase_add_test(tc, test_dps_norm__guidance_is_the_gradient_of_the_norm);
    tcase_add_test(tc, test_dps_norm__guidance_is_zero_at_a_zero_residual);
    tcase_add_test(tc, test_dps_norm__has_no_law);
    tcase_add_test(tc, test_replay__refusals_name_the_values);
    return run_suite(s);
}
