/*
 * What puts sizes and units into the formulas of errors/perturb.c: the proved bounds of modes and
 * of steps. A problem is held against another one that is off by a known amount, far above
 * rounding: the bound must hold, and more than `reach` of it must be used, so no term of it can be
 * lost or doubled. The problems are diagonal or scalar: there the worst direction is the only one.
 */
#include <math.h>

#include <gref/marginal.h>
#include <gref/modes.h>

#include "dense.h"
#include "dense/internal.h"
#include "diffusion/internal.h"
#include "diffusion/law.h"
#include "errors/perturb.h"
#include "held.h"

#define DELTA 1e-7

/* ---- modes ----------------------------------------------------------------------------------- */

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

/* What is measured after part k was moved by DELTA; rho and most as before. */
static void expect_spoilt(const gref_modes *z, int k, double rho, double most)
{
    const gref_modes_errors *e = &z->errors;
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
        hold("rho, covariance", 2 * rho * DELTA, e->post_cov, 0.99);
        hold("rho, W2", DELTA, e->post_w2, 0.99);
        break;
    case 4:
        hold("d", DELTA * rho / sqrt(z->lambda.a[0]), e->post_mean,
             0.99); /* nothing measured: E = 1 */
        break;
    case 5:
        hold("U", DELTA, e->U, 0.99);
        hold("U of Sigma", (2 + 2) * DELTA * most, e->Sigma,
             0.99); /* the residual, and U to U^ on both sides */
        hold("U of B", (0.8 + 1.5) * DELTA, e->B, 0.99); /* its own |A u|, and |A| */
        break;
    case 6:
        hold("X", DELTA, e->X, 0.99);
        hold("X of the posterior", 2 * DELTA * rho * rho, e->post_cov, 0.99);
        break;
    }
}

/* Each part of the modes off by a known amount: what is measured is that amount, and it is passed
 * on to the posterior. */
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
        ck_ok(gref_modes_measure_posterior(&z));
        expect_spoilt(&z, k, rho, most);
        gref_modes_free(&z);
    }
    gref_problem_free(&p);
}
END_TEST

/* The problem that the modes are held against has another Sigma where nothing is measured: all of
 * it stays. */
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

/* One pixel: another Sigma, A or v. With strong noise d << Sigma_post y, and the two terms of A do
 * not cancel. */
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
 * One pixel, one step: Sigma, B or r off by DELTA, and nothing else. With strong noise the gain of
 * the step rules the change of Sigma, with little noise the guidance does; in between the two have
 * opposite signs, and the bound adds them up. In W2 the bound adds up mean and deviation, which
 * move at right angles: 0.45 where both matter.
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

/* ---- the majorant ---------------------------------------------------------------------------- */

/* A law made by hand, whose M turns and stretches. */
static gref_dense_law made_law(const gref_sampler *s)
{
    const double M[] = {1, 2, 3, -1};
    gref_dense_law law = {.s = s, .step = {.norm_abs = 5, .overshoots = true}};
    law.step.M = fresh(2, 2);
    law.work = fresh(2, 2);
    law.P = fresh(2, 2);
    law.mean = fresh(2, 1);
    for (int i = 0; i < 4; i++)
        law.step.M.a[i] = M[i];
    GREF_AT(law.P, 0, 0) = 12;
    GREF_AT(law.P, 1, 1) = 4;
    law.mean.a[0] = 3;
    return law;
}

static void made_law_free(gref_dense_law *law)
{
    FREE_ALL(&law->step.M, &law->work, &law->P, &law->mean, &law->W, &law->V);
}

/*
 * Numbers small enough that M W M^T is exact, so that what is added to it is the rounding alone, to
 * the digits that are left of it. W begins with the errors so far, or with an estimate where there
 * are none.
 */
START_TEST(test_majorant_push__turns_w)
{
    bench w;
    bench_start(&w, "dps", GREF_START_STANDARD);
    gref_dense_law law = made_law(w.s);
    law.errors = (gref_law_errors){.w2 = _i ? 0.5 : INFINITY, .mean = _i ? 1 : INFINITY};
    ck_ok(gref_majorant_push(&law));
    double size = sqrt(12 + 4 + 9), W = _i ? 0.25 : pow(7 * 6 * EPS * size, 2),
           V = _i ? 1 : pow(7 * 6 * EPS * 3, 2);
    ck_assert_inflated("W", GREF_AT(law.W, 0, 0), 10 * W); /* M M^T = 10 -1, -1 5 */
    ck_assert_same("W off the diagonal", GREF_AT(law.W, 1, 0), -1 * W);
    ck_assert_inflated("V", GREF_AT(law.V, 1, 1), 5 * V);
    gref_mat_identity(law.W);
    ck_ok(gref_majorant_push(&law));
    double rounding = GREF_AT(law.W, 1, 1) - 5, expected = 4 * 6 * EPS * 25 * sqrt(2.0);
    ck_assert(rounding > 0.9 * expected && rounding < 1.1 * expected);
    made_law_free(&law);
    bench_end(&w);
}
END_TEST

/* theta makes the trace least: sqrt tr W + sqrt(n) fresh. What is sharper already stays. */
START_TEST(test_majorant_close__sharpens)
{
    gref_dense_law law = made_law(NULL);
    law.W = fresh(2, 2);
    law.V = fresh(2, 2);
    GREF_AT(law.W, 0, 0) = 9;
    GREF_AT(law.V, 1, 1) = 4;
    law.errors =
        (gref_law_errors){.w2 = 100, .mean = 50, .cov = 1e6, .fresh = 0.5, .fresh_mean = 0.25};
    gref_majorant_close(&law);
    double w2 = 3 + sqrt(2.0) * 0.5, norm = sqrt(12.0 * 12 + 4 * 4);
    ck_assert_inflated("W2", law.errors.w2, w2);
    ck_assert_inflated("mean", law.errors.mean, 2 + sqrt(2.0) * 0.25);
    ck_assert_inflated("covariance", law.errors.cov, 2 * sqrt(norm) * w2 + w2 * w2);
    law.errors = (gref_law_errors){.w2 = 1, .mean = 2, .cov = 0.1, .fresh = 0.5};
    gref_majorant_close(&law);
    ck_assert(law.errors.w2 == 1 && law.errors.mean == 1 && law.errors.cov == 0.1);
    const double before[] = {9, 9, 0}, added[] = {0.5, 0, 0.5}, theta[] = {sqrt(0.5 / 9), 0, 1};
    for (int k = 0; k < 3; k++) { /* nothing fresh: 0x1p-400 for theta, and the rounding alone */
        double f = k == 1 ? 2 * EPS * 9 : (1 + 1 / theta[k]) * pow(added[k], 2);
        gref_mat_fill(law.W, 0);
        GREF_AT(law.W, 0, 0) = before[k];
        law.errors = (gref_law_errors){.w2 = 100, .fresh = added[k]};
        gref_majorant_close(&law);
        ck_assert_inflated("widened", GREF_AT(law.W, 0, 0), (1 + theta[k]) * before[k] + f);
        ck_assert_inflated("widened by", GREF_AT(law.W, 1, 1), f);
    }
    made_law_free(&law);
}
END_TEST

/* Lost beyond a tenth of its size, 5, and the mean of its own, 3. */
START_TEST(test_majorant_exhausted__at_a_tenth)
{
    gref_dense_law law = made_law(NULL);
    ck_assert(!gref_majorant_exhausted(&law) && !gref_majorant_mean_exhausted(&law));
    law.W = fresh(2, 2);
    law.V = fresh(2, 2);
    for (int k = 0; k < 2; k++) {
        GREF_AT(law.W, 0, 0) = k ? 0.2499 : 0.2501;
        GREF_AT(law.V, 0, 0) = k ? 0.0899 : 0.0901;
        ck_assert(gref_majorant_exhausted(&law) == (k == 0) &&
                  gref_majorant_mean_exhausted(&law) == (k == 0));
    }
    made_law_free(&law);
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
    tcase_add_loop_test(tc, test_majorant_push__turns_w, 0, 2);
    tcase_add_test(tc, test_majorant_close__sharpens);
    tcase_add_test(tc, test_majorant_exhausted__at_a_tenth);
    return run_guarded_suite(s);
}
