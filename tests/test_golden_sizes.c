/*
 * The sizes and errors behind golden tolerances, by pencil: a tolerance that is ten times too wide
 * or too narrow, or lacks a term, is seen.
 */
#include <math.h>

#include "dense/internal.h"
#include "diffusion/internal.h"
#include "support.h"
#include "toy.h"
#include "verify/golden_parts.h"

/*
 * Singular values 0.8, 1.5 of A, eigenvalues 3, 2, 0.01 of Sigma, sigma = 1/2: every size and every
 * tolerance by pencil, for pigdm and for dps.
 */
typedef struct {
    gref_problem p;
    gref_modes z;
    gref_schedule schedule;
    gref_sampler_spec spec;
    gref_sampler *s;
    gref_golden_scale c;
    gref_golden_sizes e;
    int t;
    bool dps;
} golden;

static void golden_begin(golden *w, bool dps)
{
    *w = (golden){
        .p = diagonal_problem(), .spec = make_spec(dps ? "dps" : "pigdm"), .t = 5, .dps = dps};
    ck_ok(gref_modes_new(&w->z, &w->p));
    ck_ok(gref_schedule_linear(&w->schedule, 0.1, 0.2, 7));
    ck_ok(gref_golden_scale_of(&w->c, &w->z, &w->p));
    ck_ok(gref_sampler_new(&w->s, &w->z, &w->schedule, &w->spec));
    ck_ok(gref_golden_sizes_at(&w->e, &w->c, w->s, w->t, false));
}

static void golden_end(golden *w)
{
    gref_sampler_free(w->s);
    gref_schedule_free(&w->schedule);
    gref_modes_free(&w->z);
    gref_problem_free(&w->p);
}

START_TEST(test_golden_scale__by_pencil)
{
    golden w;
    golden_begin(&w, false);
    const double k1 = 0.64 * 3 + 0.25, k2 = 2.25 * 2 + 0.25;
    ck_assert_same("nu", w.c.nu, 8 * sqrt(3.0) * EPS);
    ck_assert_same("omega", w.c.omega, sqrt(3.0) * EPS);
    ck_assert_same("lambda_min", w.c.lambda_min, 0.01);
    ck_assert_same("lambda_max", w.c.lambda_max, 3);
    ck_assert_same("|A|", w.c.a, 1.5);
    ck_assert_same("K", w.c.K, hypot(k1, k2));
    ck_assert_same("K_min", w.c.K_min, k1);
    ck_assert_same("K_max", w.c.K_max, k2);
    ck_assert_same("variance", w.c.variance, 3);
    ck_assert_same("|mu|", w.c.mu, gref_mat_norm_fro(gref_const(w.p.mu)));
    ck_assert_same("|v|", w.c.v, gref_mat_norm_fro(gref_const(w.p.v)));
    double r1 = w.p.v.a[0] - 0.8 * w.p.mu.a[0], r2 = w.p.v.a[1] - 1.5 * w.p.mu.a[1];
    ck_assert_same("|r|", w.c.r, hypot(r1, r2));
    ck_assert_same(
        "|mu_post|", w.c.mu_post,
        hypot(hypot(w.p.mu.a[0] + 2.4 * r1 / k1, w.p.mu.a[1] + 3 * r2 / k2), w.p.mu.a[2]));
    golden_end(&w);
}
END_TEST

START_TEST(test_golden_sizes__by_pencil)
{
    golden w;
    golden_begin(&w, _i);
    int t = w.t;
    double a = w.schedule.abar[t], q = w.schedule.qbar[t], root = sqrt(a), low = 0.01 * a + q,
           high = 3 * a + q;
    double lost = 8 * sqrt(5.0) * EPS, size = 1.5 * root * 3 / high,
           least = w.dps ? 0.25 / w.spec.convention.alpha_dps : 0.25;
    double phi = w.dps ? 0 : gref_r2_value(w.spec.convention.r2, gref_time_at(&w.schedule, t)),
           most = 2.25 * phi + least;
    ck_assert_same("delta", w.e.delta, w.c.nu * high / low + lost / q);
    ck_assert_same("kappa_s", w.e.kappa_s, high / low);
    ck_assert_same("tick", w.e.tick, 4 * EPS + lost);
    ck_assert_same("size", w.e.w, size);
    ck_assert_same("C_max", w.e.C_max, most);
    ck_assert_same("C_min", w.e.C_min, least);
    ck_assert_same("kappa_C", w.e.kappa_C, most / least);
    ck_assert_same("gain", w.e.gain, size * size / least);
    ck_assert_same("pull", w.e.pull, size / least);
    ck_assert_same("L_max", w.e.L_max, most + size * 1.5 * root * 3);
    ck_assert_same("kappa_L", w.e.kappa_L, w.e.L_max / least);
    double beta = w.schedule.beta[t], alpha = w.schedule.alpha[t],
           before = 3 * w.schedule.abar[t - 1] + w.schedule.qbar[t - 1];
    ck_assert_same("score step", w.e.score_step, beta / sqrt(alpha));
    ck_assert(w.e.jump == 0);
    gref_golden_sizes prior;
    gref_golden_prior_sizes(&prior, &w.c, &w.schedule, t);
    ck_assert_same("score step of the prior", prior.score_step, beta / sqrt(alpha));
    ck_assert_same("guidance step", w.e.guidance_step, beta / sqrt(alpha));
    ck_assert_same("free", w.e.free, sqrt(alpha) * before / high);
    ck_assert_same("contraction", w.e.contraction, fmax(w.e.free, w.e.guidance_step * w.e.gain));
    golden_end(&w);
}
END_TEST

/* A step of ddim that jumps: both coefficients lose `tick`, and c the root of 1 - abar' - N besides. Of a row without
 * C_{v|t} the sizes are those of the prior. */
START_TEST(test_golden_sizes__of_a_jump)
{
    const int times[] = {7, 5, 1, 0};
    golden w;
    gref_sampler *s = NULL;
    gref_golden_sizes e;
    golden_begin(&w, false);
    gref_sampler_spec spec = make_spec("ddpm");
    spec.convention.scheme = GREF_SCHEME_DDIM;
    spec.convention.eta = 0.5;
    spec.times = times;
    spec.n_times = 4;
    ck_ok(gref_sampler_new(&s, &w.z, &w.schedule, &spec));
    for (int k = 0; k < 3; k++) {
        int t = times[k];
        double q = w.schedule.qbar[t], low = 0.01 * w.schedule.abar[t] + q,
               lost = 8 * sqrt(t) * EPS;
        gref_rule r = gref_sampler_rule(s, t);
        double of_c = r.direction > 0 ? r.c / low * lost * (1 / r.direction + 1 / q) : 0;
        ck_ok(gref_golden_sizes_at(&e, &w.c, s, t, false));
        ck_assert((r.direction > 0) == (k < 2));
        ck_assert_same("jump", e.jump, (4 * EPS + lost) * (r.p + r.q / low) + of_c);
        ck_assert_same("gain", e.gain, e.w * e.w);
        ck_assert(e.C_min == 1 && e.C_max == 1 && e.kappa_C == 1 && e.kappa_L == 1 &&
                  e.pull == e.w);
    }
    gref_sampler_free(s);
    golden_end(&w);
}
END_TEST

/* From the sizes, which the test before holds. */
START_TEST(test_golden_errors__by_pencil)
{
    golden w;
    golden_begin(&w, _i);
    double q = w.e.q, root = w.e.root, low = w.e.s_min, high = w.e.s_max, size = w.e.w,
           least = w.e.C_min, most = w.e.C_max;
    double C = w.c.nu * (most / least + 1);
    ck_assert_same("W^T C^-1", gref_golden_pull_error(&w.e, &w.c), (w.e.delta + C) * size / least);
    ck_assert_same("W^T C^-1 W", gref_golden_gain_error(&w.e, &w.c),
                   (2 * w.e.delta + C) * size * size / least);
    double x = 7, score = 0.3, of_score = w.e.delta * score + w.e.tick * (x + root * w.c.mu) / low;
    double of_x0 = (q * of_score + w.e.tick * (x + q * score)) / root + w.e.tick * w.c.mu;
    double x0 = w.c.mu + root * 3 / high * (x + root * w.c.mu);
    ck_assert_same("score", gref_golden_score_error(&w.e, &w.c, x, score), of_score);
    ck_assert_same("x0hat", gref_golden_x0hat_error(&w.e, &w.c, x, score), of_x0);
    ck_assert_same("guidance", gref_golden_guidance_error(&w.e, &w.c, x, score, 11),
                   size / least * (w.c.nu * (w.c.v + 1.5 * x0) + 1.5 * of_x0) +
                       (w.e.delta + C) * size / least * 11);
    w.e.contraction = 9;
    w.e.gain = 1e6;
    gref_golden_sizes_refine(&w.e, 2.5);
    ck_assert_same("refined contraction", w.e.contraction, 2.5);
    ck_assert_same("refined gain", w.e.gain, (w.e.free + 2.5) / w.e.guidance_step);
    ck_assert_same("refined pull", w.e.pull, fmin(size / least, sqrt(w.e.gain / least)));
    golden_end(&w);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("golden_sizes");
    TCase *tc = new_tcase(s, "golden_sizes");
    tcase_add_test(tc, test_golden_scale__by_pencil);
    tcase_add_loop_test(tc, test_golden_sizes__by_pencil, 0, 2);
    tcase_add_test(tc, test_golden_sizes__of_a_jump);
    tcase_add_loop_test(tc, test_golden_errors__by_pencil, 0, 2);
    return run_guarded_suite(s);
}
