/*
 * What puts sizes and units into the formulas of errors/perturb.c: the proved bounds of modes and of steps, and the sizes
 * behind golden tolerances. A problem is held against another one that is off by a known amount, far above rounding: the bound
 * must hold, and more than `reach` of it must be used, so no term of it can be lost or doubled. The problems are diagonal or
 * scalar: there the worst direction is the only one.
 */
#include <math.h>

#include <gref/marginal.h>
#include <gref/modes.h>

#include "dense/internal.h"
#include "diffusion/internal.h"
#include "support.h"
#include "toy.h"
#include "verify/golden_parts.h"

#define DELTA 1e-7

static void hold(const char *name, double change, double bound, double reach)
{
    ck_assert_msg(change <= bound && bound > 0, "%s: change %.9g, bound %.9g", name, change, bound);
    ck_assert_msg(change > reach * bound, "%s: change %.9g is only %.3g of its bound", name, change,
                  change / bound);
    note_ratio(name, change, bound);
}

/* ---- modes ----------------------------------------------------------------------------------- */

/* Two measured modes and one that is not, which has the smallest variance. */
static gref_problem diagonal_problem(void)
{
    gref_problem p = dense_problem(3, 2, 4, 0, 0.5, 5);
    const double lambda[] = {3, 2, 0.01}, a[] = {0.8, 1.5};
    gref_mat_fill(p.Sigma, 0.0);
    gref_mat_fill(p.A, 0.0);
    for (int i = 0; i < 3; i++)
        GREF_AT(p.Sigma, i, i) = lambda[i];
    for (int i = 0; i < 2; i++)
        GREF_AT(p.A, i, i) = a[i];
    return p;
}

static gref_modes measured(const gref_problem *of, const gref_problem *against)
{
    gref_modes z = {0};
    ck_ok(gref_modes_new(&z, of));
    ck_ok(gref_modes_measure(&z, against));
    ck_ok(gref_modes_measure_posterior(&z));
    return z;
}

static void spoil(double *x, double by)
{
    *x += by;
}

/* Each part of the modes off by a known amount: what is measured is that amount, and it is passed on to the posterior. */
START_TEST(test_modes_measure__finds_what_is_spoilt)
{
    gref_problem p = diagonal_problem();
    for (int k = 0; k < 7; k++) {
        gref_modes z = {0};
        ck_ok(gref_modes_new(&z, &p));
        double rho = z.rho.a[0], most = z.lambda.a[2];
        int top = 0; /* of column 2 of U */
        while (fabs(GREF_AT(z.U, top, 2)) < 0.5)
            top++;
        double *const parts[] = {&z.lambda.a[2],     &GREF_AT(z.B, 0, 0), &z.r.a[0],
                                 &z.rho.a[0],        &z.d.a[0],           &GREF_AT(z.U, top, 2),
                                 &GREF_AT(z.X, 0, 0)};
        if (k == 6)
            for (int i = 0; i < 3; i++)
                GREF_AT(z.X, i, 0) *= 1 + DELTA;
        else
            spoil(parts[k], parts[k][0] < 0 ? -DELTA : DELTA);
        ck_ok(gref_modes_measure(&z, &p));
        if (k < 3 || k > 4)
            ck_ok(gref_modes_measure_posterior(&z));
        const gref_modes_errors *e = &z.errors;
        switch (k) {
        case 0:
            hold("lambda", DELTA, e->Sigma, 0.99);
            break;
        case 1:
            hold("B", DELTA, e->B, 0.99);
            break;
        case 2:
            hold("r", DELTA, e->r, 0.99);
            break;
        case 3:
            ck_ok(gref_modes_measure_posterior(&z));
            hold("rho, covariance", 2 * rho * DELTA, e->post_cov, 0.99);
            hold("rho, W2", DELTA, e->post_w2, 0.99);
            break;
        case 4:
            ck_ok(gref_modes_measure_posterior(&z));
            hold("d", DELTA * rho / sqrt(z.lambda.a[0]), e->post_mean,
                 0.99); /* nothing measured: E = 1 */
            break;
        case 5:
            hold("U", 2 * DELTA, e->U, 0.99);
            hold("U of Sigma", (2 + 4) * DELTA * most, e->Sigma,
                 0.99); /* the residual, and U to U^ on both sides */
            hold("U of B", (0.8 + 2 * 1.5) * DELTA, e->B, 0.99); /* its own |A u|, and |A| */
            break;
        case 6:
            hold("X", 2 * DELTA, e->X, 0.99);
            hold("X of the posterior", 2 * DELTA * rho * rho, e->post_cov, 0.99);
            break;
        }
        gref_modes_free(&z);
    }
    gref_problem_free(&p);
}
END_TEST

/* The problem that the modes are held against has another Sigma where nothing is measured: all of it stays. */
START_TEST(test_modes_measure_posterior__sigma_where_nothing_is_measured)
{
    gref_problem p = diagonal_problem(), r = diagonal_problem();
    GREF_AT(r.Sigma, 2, 2) += DELTA;
    gref_modes z = measured(&p, &r);
    hold("Sigma", DELTA, z.errors.Sigma, 0.99);
    hold("Sigma of the posterior", DELTA, z.errors.post_cov, 0.9);
    hold("Sigma of W2", sqrt(0.01 + DELTA) - sqrt(0.01), z.errors.post_w2, 0.9);
    hold("Sigma of W2 on the range", sqrt(0.01 + DELTA) - sqrt(0.01), z.errors.post_range, 0.9);
    ck_assert(z.errors.post_kernel == 0.0);
    gref_modes_free(&z);
    GREF_AT(p.Sigma, 2, 2) = 0.0;
    GREF_AT(r.Sigma, 2, 2) = DELTA;
    z = measured(&p, &r);
    hold("kernel of Sigma", DELTA, z.errors.post_kernel, 0.9);
    hold("kernel of Sigma in W2", sqrt(DELTA), z.errors.post_w2,
         0.7); /* n^(1/4) = 1.3 for one of n modes */
    double rho = z.rho.a[1];
    hold("range of a singular Sigma", 0.5 * DELTA / rho, z.errors.post_range, 0.9);
    gref_modes_free(&z);
    gref_problem_free(&p);
    gref_problem_free(&r);
}
END_TEST

/* One pixel: another Sigma, A or v. With strong noise d << Sigma_post y, and the two terms of A do not cancel. */
START_TEST(test_modes_measure_posterior__each_part_of_the_data)
{
    for (int k = 0; k < 3; k++) {
        double lambda = 2, a = 0.7, sigma = k == 1 ? 6 : 0.9, v = 5;
        gref_problem p = scalar_problem(0, lambda, a, sigma, v),
                     r = scalar_problem(0, lambda + (k == 0 ? DELTA : 0), a + (k == 1 ? DELTA : 0),
                                        sigma, v + (k == 2 ? DELTA : 0));
        gref_modes z = measured(&p, &r), w = measured(&r, &r);
        double post = fabs(w.rho.a[0] * w.rho.a[0] - z.rho.a[0] * z.rho.a[0]),
               mean = fabs(w.d.a[0] - z.d.a[0]);
        if (k < 2)
            hold(k == 0 ? "Sigma of a pixel" : "A of a pixel", post, z.errors.post_cov, 0.9);
        hold(k == 0   ? "Sigma of a pixel's mean"
             : k == 1 ? "A of a pixel's mean"
                      : "v of a pixel's mean",
             mean, z.errors.post_mean, 0.9);
        gref_modes_free(&z);
        gref_modes_free(&w);
        gref_problem_free(&p);
        gref_problem_free(&r);
    }
}
END_TEST

/* ---- a step ---------------------------------------------------------------------------------- */

typedef struct {
    double mean, cov, bound_mean, bound_cov, bound_w2;
} moments;

/* The law one step below T. Errors of the modes as given; none of the posterior. */
static moments one_step(const gref_sampler_spec *spec, const gref_schedule *schedule,
                        const gref_problem *p, gref_modes_errors errors)
{
    gref_modes z = {0};
    gref_sampler *s = NULL;
    gref_marginal *law = NULL;
    gref_mat m = fresh(1, 1), C = fresh(1, 1);
    moments k;
    ck_ok(gref_modes_new(&z, p));
    z.errors = errors;
    z.errors.A_norm = fabs(p->A.a[0]);
    ck_ok(gref_sampler_new(&s, &z, schedule, spec));
    ck_ok(gref_marginal_new(&law, s));
    ck_ok(gref_marginal_advance(law));
    ck_ok(gref_marginal_mean(m, law));
    ck_ok(gref_marginal_cov(C, law));
    gref_marginal_errors(&k.bound_mean, &k.bound_cov, &k.bound_w2, law);
    k.mean = m.a[0];
    k.cov = C.a[0];
    gref_mat_free(&m);
    gref_mat_free(&C);
    gref_marginal_free(law);
    gref_sampler_free(s);
    gref_modes_free(&z);
    return k;
}

/*
 * One pixel, one step: Sigma, B or r off by DELTA, and nothing else. With strong noise the gain of the step rules the change of
 * Sigma, with little noise the guidance does; in between the two have opposite signs, and the bound adds them up. In W2 the
 * bound adds up mean and deviation, which move at right angles: 0.45 where both matter.
 */
START_TEST(test_errors_step__each_part_of_the_data)
{
    const struct {
        const char *name;
        double sigma, zeta;
        gref_guidance guidance;
    } all[] = {
        {"ddpm", 1, 0, GREF_GUIDANCE_SCORE},   {"dps", 30, 0, GREF_GUIDANCE_SCORE},
        {"dps", 0.02, 0, GREF_GUIDANCE_SCORE}, {"pigdm", 30, 0, GREF_GUIDANCE_SCORE},
        {"cgdm", 30, 0, GREF_GUIDANCE_MEAN},   {"dps", 1, 20, GREF_GUIDANCE_AFTER},
    };
    gref_schedule schedule = {0};
    ck_ok(gref_schedule_linear(&schedule, 0.3, 0.4, 3));
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        for (int k = 0; k < (i == 0 ? 1 : 3); k++) {
            gref_sampler_spec spec = make_spec(all[i].name);
            spec.convention.guidance = all[i].guidance;
            if (all[i].zeta > 0)
                spec.convention.zeta = all[i].zeta;
            gref_modes_errors e = {0};
            *(k == 0 ? &e.Sigma : k == 1 ? &e.B : &e.r) = DELTA;
            double lambda = 0.5, a = 1.25, v = 3, sigma = all[i].sigma;
            gref_problem p = scalar_problem(0, lambda, a, sigma, v),
                         r = scalar_problem(0, lambda - (k == 0 ? DELTA : 0),
                                            a + (k == 1 ? DELTA : 0), sigma,
                                            v + (k == 2 ? DELTA : 0));
            moments x = one_step(&spec, &schedule, &p, e), y = one_step(&spec, &schedule, &r, e);
            double mean = fabs(x.mean - y.mean), cov = fabs(x.cov - y.cov),
                   w2 = hypot(mean, sqrt(x.cov) - sqrt(y.cov));
            if (k < 2)
                hold("covariance", cov, x.bound_cov, 0.97);
            if (i > 0)
                hold(k < 2 ? "mean" : "mean, by r", mean, x.bound_mean, k < 2 ? 0.6 : 0.99);
            hold(k < 2 ? "W2" : "W2, by r", w2, x.bound_w2, k < 2 ? 0.45 : 0.99);
            gref_problem_free(&p);
            gref_problem_free(&r);
        }
    gref_schedule_free(&schedule);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("bounds");
    TCase *tc = new_tcase(s, "bounds");
    tcase_add_test(tc, test_modes_measure__finds_what_is_spoilt);
    tcase_add_test(tc, test_modes_measure_posterior__sigma_where_nothing_is_measured);
    tcase_add_test(tc, test_modes_measure_posterior__each_part_of_the_data);
    tcase_add_test(tc, test_errors_step__each_part_of_the_data);
    return run_guarded_suite(s);
}
