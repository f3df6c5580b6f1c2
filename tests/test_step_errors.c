/*
 * What puts sizes and units into the bounds of a step (diffusion/errors.c, guidance_errors.c): each
 * by itself, from made-up errors and made-up laws, against another evaluation of its formula.
 */
#include <math.h>

#include "dense.h"
#include "dense/bound.h"
#include "dense/internal.h"
#include "diffusion/law.h"
#include "errors/perturb.h"
#include "held.h"
#include "wide.h"

/* Of a sampler that runs in the modes of Sigma_post, with a kernel of two: the range by its least deviation, the
 * kernel by its dimension. A time above 0 has no kernel. */
START_TEST(test_exact_errors__kernel)
{
    bench w;
    gref_problem p = diagonal_problem();
    GREF_AT(p.Sigma, 1, 1) = GREF_AT(p.Sigma, 2, 2) = 0.0;
    bench_of(&w, p, "cgdm", GREF_START_STANDARD);
    double most = w.z.rho.a[0] * w.z.rho.a[0], size = 8 * EPS * sqrt(3 * most);
    w.z.errors.post_cov = 1e-6;
    w.z.errors.X = 4e-6;
    double F = 1e-6 + 2 * most * 4e-6;
    ck_assert(gref_target_kernel(w.s, 0) == 2 && gref_target_kernel(w.s, 1) == 0);
    gref_law_errors e = gref_exact_errors(w.s, 0);
    ck_assert_inflated("range", e.range, F / (2 * sqrt(most - F)) + size);
    ck_assert_inflated("kernel", e.kernel, sqrt(2) * F);
    bench_end(&w);
}
END_TEST

/* A step in the modes of Sigma_post: its spectrum ends at rho_3^2, known to F. The floor that it leaves loses what the
 * step's own arithmetic may have made of it. */
START_TEST(test_errors_step__posterior)
{
    bench w;
    bench_start(&w, "cgdm", GREF_START_STANDARD);
    int t = 4;
    double F = w.z.errors.post_cov = 1e-3, rho = w.z.rho.a[2];
    gref_rule r = gref_sampler_rule(w.s, t);
    gref_step step = {.diagonal = true, .norm = 0.75, .noise = 0.5};
    gref_law_size law = {.seen = {.mean = {.white = 1e6}, .cov = {1e13}}, .factor_error = -1};
    gref_law_change own = gref_rounding_of_step(&(gref_step_arithmetic){.n = 3,
                                                                        .diagonal = true,
                                                                        .M = 0.75,
                                                                        .cov = 1e13,
                                                                        .noise = 0.5,
                                                                        .floor = 0.5,
                                                                        .factor = -1});
    gref_law_errors e = {0};
    gref_errors_step(&e, w.s, t, &step, &law);
    ck_assert_inflated("fresh mean", e.fresh_mean,
                       1e6 * gref_change_of_white_ratio(
                                 (gref_ratio){r.h, r.c, r.at.abar, r.at.qbar}, rho * rho - F, F) +
                           own.mean);
    ck_assert(own.cov > 1e-3);
    ck_assert_same("floor", e.floor, 0.5 - own.cov);
    bench_end(&w);
}
END_TEST

/* The target's errors, and those of both starts, from made-up errors of the modes. */
START_TEST(test_start_errors__are_their_sums)
{
    bench w;
    bench_start(&w, _i % 2 ? "cgdm" : "dps", _i < 2 ? GREF_START_STANDARD : GREF_START_EXACT);
    double a = w.schedule.abar[7], q = w.schedule.qbar[7], rho = w.z.rho.a[0];
    double rounding = 8 * EPS * sqrt(3 * (a * rho * rho + q)), F = 1e-6 + 2 * rho * rho * 4e-6;
    ck_assert_inflated("rounding of the target", gref_exact_errors(w.s, 7).w2, rounding);
    ck_assert_inflated("rounding of its range", gref_exact_errors(w.s, 7).range, rounding);
    w.z.errors.post_cov = 1e-6;
    w.z.errors.post_mean = 2e-6;
    w.z.errors.U = 3e-6;
    w.z.errors.X = 4e-6;
    w.z.errors.post_range = 5e-6;
    w.z.errors.post_kernel = 6e-6;
    w.z.errors.post_w2 = 1;
    gref_law_errors e = gref_exact_errors(w.s, 7);
    ck_assert_inflated("target's mean", e.mean, sqrt(a) * 2e-6);
    ck_assert_inflated("target's covariance", e.cov, a * 1e-6);
    ck_assert_inflated("target by its floor", e.w2, a * 1e-6 / (2 * sqrt(q)));
    ck_assert_inflated("range", gref_exact_errors(w.s, 0).range,
                       _i % 2 ? F / (2 * sqrt(w.z.rho.a[2] * w.z.rho.a[2] - F)) : 5e-6);
    ck_assert(_i % 2 || gref_exact_errors(w.s, 0).kernel > 5.9e-6);
    w.z.errors.post_w2 = 1e-8;
    ck_assert_inflated("target by the posterior", gref_exact_errors(w.s, 7).w2, sqrt(a) * 1e-8);
    gref_law_errors start = gref_start_errors(w.s);
    double size = gref_mat_norm_fro(gref_const(w.z.mu)) + gref_mat_norm_fro(gref_const(w.z.d));
    if (_i < 2) {
        ck_assert_inflated("standard start", start.mean,
                           sqrt(a) * (3e-6 * size + (_i ? 2e-6 + 4e-6 * size : 0)));
        w.z.errors.U = w.z.errors.X = w.z.errors.post_mean = 0;
        ck_assert_inflated("its rounding", gref_start_errors(w.s).w2,
                           sqrt(a) * 14 * EPS * sqrt(3.0) * size);
    } else {
        ck_assert_inflated("exact start", start.w2,
                           sqrt(a) * 1e-8 + (_i == 3 ? 0 : sqrt(a) * 2e-6));
    }
    ck_assert(start.floor == (_i < 2 ? 1 : q));
    bench_end(&w);
}
END_TEST

/* |f d| for f = J or Sigma_t^-1. */
static double seen_shift(const bench *w, int t, bool by_J)
{
    double sum = 0;
    for (int i = 0; i < 3; i++) {
        double s = gref_mode_variance(w->s, t, i), f = by_J ? gref_mode_gain(w->s, t, i) : 1 / s;
        sum += f * f * w->z.d.a[i] * w->z.d.a[i];
    }
    return sqrt(sum);
}

/*
 * Rounding alone: no error in the modes, a step and a law that are made up. D(M) and D(c) are those
 * of the scalars, of Gamma and of g; the floor is carried on by `least`; an error that is there
 * already adds to what is fresh.
 */
START_TEST(test_errors_step__rounding)
{
    bench w;
    bench_start(&w, "dps", GREF_START_STANDARD);
    int t = 4;
    gref_rule r = gref_sampler_rule(w.s, t);
    double u = EPS, a = r.at.abar, q = r.at.qbar, root = sqrt(a), low = 0.01 * a + q,
           high = 3 * a + q, J = root * 3 / high;
    double tau = 0.25 / gref_sampler_get_spec(w.s)->convention.alpha_dps, fro = hypot(0.8, 1.5);
    double data = gref_mat_norm_fro(gref_const(w.z.r)), Gamma = 2.25 / tau;
    double gain = fmax((r.h * 3 + r.c) / high, (r.h * 0.01 + r.c) / low);
    double relative = 7 * u * sqrt(3.0);
    double D_Gamma = (w.s->dG + 8 * u * 1.5 * fro) / tau + 9 * u * sqrt(3.0) * Gamma;
    double D_g = 10 * u * fro * data / tau;
    double JG = 0.1, Jy = 0.2; /* |J Gamma| and |J y| as the step has them */
    double plain = u * (5.5 * gain + 0.75), left = relative * JG + J * D_Gamma;
    double gained = r.kappa * (left + JG * relative), D_M = plain + gained * J;
    double g = gref_mat_norm_fro(gref_const(w.s->Br)) / tau, Jx = root * seen_shift(&w, t, true);
    double D_y = D_g + 20 * u * (sqrt(3.0) * Gamma * Jx + g) + (Gamma * relative + D_Gamma) * Jx;
    double D_c =
        r.kappa * (relative * Jy + J * D_y) + r.q * root * seen_shift(&w, t, false) * 13 * u;
    gref_step step = {.norm = 0.75,
                      .norm_abs = 1.5,
                      .norm_off = 0.4,
                      .noise = 0.03,
                      .least = 0.5,
                      .guidance = {.mean = {9, 9, Jy}, .cov = {9, 9, JG}}};
    gref_law_size law = {.dense = true,
                         .seen = {.mean = {2, 3, 0.5}, .cov = {4, 5, 0.7}, .spread = {3, 6, 0.6}},
                         .trace = 6,
                         .shift = 0.5,
                         .factor_error = -1};
    gref_law_errors e = {.mean = 1e-3, .cov = 2e-3, .w2 = 3e-3, .floor = 0.2}, before = e;
    gref_step_arithmetic done = {.n = 3,
                                 .dense = true,
                                 .M = 0.75,
                                 .M_off = 0.4,
                                 .mean = 2,
                                 .cov = 4,
                                 .trace = 6,
                                 .shift = 0.5,
                                 .noise = 0.03,
                                 .floor = 0.03 + 0.25 * 0.2,
                                 .factor = -1};
    gref_law_change own = gref_rounding_of_step(&done);
    gref_errors_step(&e, w.s, t, &step, &law);
    ck_assert_inflated("fresh", e.fresh, plain * 3 + gained * 0.6 + D_c + own.w2 + D_M * 3e-3);
    ck_assert_inflated("fresh mean", e.fresh_mean,
                       plain * 2 + gained * 0.5 + D_c + own.mean + D_M * 1e-3);
    ck_assert_inflated("mean", e.mean, 0.75 * 1e-3);
    ck_assert_inflated("covariance", e.cov, 0.5625 * 2e-3);
    ck_assert_inflated("W2", e.w2, 0.75 * 3e-3);
    ck_assert_same("floor", e.floor, 0.08);
    law.least = 0.3;
    e = before;
    gref_errors_step(&e, w.s, t, &step, &law);
    ck_assert_same("floor of what was computed", e.floor, 0.3);
    law.least = -INFINITY;
    step.noise = step.least = 0;
    e = before;
    gref_errors_step(&e, w.s, t, &step, &law);
    ck_assert(e.floor == 0);
    bench_end(&w);
}
END_TEST

/* The roundings that a step without guidance is charged: of ddpm, to the next time and over others,
 * and of ddim. */
START_TEST(test_errors_step__counts_roundings)
{
    const double of_gain[] = {5.5, 6.5, 10}, of_q[] = {5, 5, 20};
    const int times[] = {7, 4, 0};
    bench w;
    bench_start(&w, "ddpm", GREF_START_STANDARD);
    if (_i == 1) {
        w.s->spec.times = times;
        w.s->spec.n_times = 3;
    }
    if (_i == 2)
        w.s->spec.convention.scheme = GREF_SCHEME_DDIM;
    int t = 4;
    gref_rule r = gref_sampler_rule(w.s, t);
    double u = EPS, a = r.at.abar, q = r.at.qbar;
    double gain = fmax((r.h * 3 + r.c) / (3 * a + q), (r.h * 0.01 + r.c) / (0.01 * a + q));
    gref_step step = {.diagonal = true, .norm = 0.75};
    gref_law_size law = {.seen = {.mean = {2}, .cov = {4}, .spread = {3}}, .factor_error = -1};
    gref_law_errors e = {0};
    gref_errors_step(&e, w.s, t, &step, &law);
    ck_assert_inflated("mean", e.mean,
                       of_gain[_i] * u * gain * 2 +
                           r.q * sqrt(a) * seen_shift(&w, t, false) * (of_q[_i] + 8) * u +
                           3 * u * 0.75 * 2);
    ck_assert_inflated("covariance", e.cov,
                       2 * 0.75 * of_gain[_i] * u * gain * 4 + 4 * u * 0.5625 * 4);
    bench_end(&w);
}
END_TEST

/* What brings a law to pixels: the basis and the centre by made-up errors, each of them counted, and
 * roundings beside none. */
START_TEST(test_law_errors__in_pixels)
{
    bench w;
    bool posterior = _i;
    bench_start(&w, posterior ? "cgdm" : "dps", GREF_START_STANDARD);
    for (int k = 0; k < 4; k++) {
        gref_marginal *head = NULL;
        double mean, cov, w2, e[3] = {0};
        ck_ok(gref_marginal_new(&head, w.s));
        if (k < 3)
            e[k] = 1e-6;
        w.z.errors.U = e[0];
        w.z.errors.X = e[1];
        w.z.errors.post_mean = e[2];
        gref_dense_law *law = (gref_dense_law *)head;
        law->errors = (gref_law_errors){.mean = k < 3 ? 1e-6 : 0, .cov = k < 3 ? 2e-6 : 0};
        for (int i = 0; i < 3; i++)
            GREF_AT(law->P, i, posterior ? 0 : i) = i + 1;
        gref_marginal_errors(&mean, &cov, &w2, head);
        double size = gref_mat_norm_fro(gref_const(law->mean)) +
                      gref_mat_norm_fro(gref_const(w.z.mu)) + gref_mat_norm_fro(gref_const(w.z.d));
        double basis = e[0] + (posterior ? e[1] : 0), P = sqrt(14.0), two = 2 * 7 * EPS * sqrt(3.0);
        double rounding = posterior ? 11 * EPS * 6 + two * sqrt(6 * P) : two * P;
        ck_assert_same("mean", mean,
                       law->errors.mean + (basis + 8 * EPS) * size + (posterior ? e[2] : 0));
        ck_assert_same("covariance", cov, law->errors.cov + 2 * basis * P + rounding);
        gref_marginal_free(head);
    }
    bench_end(&w);
}
END_TEST

/*
 * A change of Sigma acts on a law through Sigma_t^-1, one of J on either side: Sigma off by far more
 * than rounding, M and c of the step as perturb.c puts them together.
 */
START_TEST(test_errors_step__sigma)
{
    bench w;
    bench_start(&w, "dps", GREF_START_STANDARD);
    int t = 4;
    double F = w.z.errors.Sigma = 1e-3;
    gref_rule r = gref_sampler_rule(w.s, t);
    double a = r.at.abar, q = r.at.qbar, root = sqrt(a), low = 0.01 * a + q, after = low - a * F;
    double J = root * 3 / (3 * a + q),
           Gamma = 2.25 * gref_sampler_get_spec(w.s)->convention.alpha_dps / 0.25;
    double of_gain = (r.c * a - r.h * q) * F / after, of_J = root * q * F / after,
           of_inverse = a * F / after;
    double Sx = root * seen_shift(&w, t, false), Dx = of_J * Sx;
    gref_law_size law = {.dense = true,
                         .seen = {.mean = {2, 3, 0.5}, .cov = {4, 5, 0.7}, .spread = {3, 6, 0.6}},
                         .factor_error = 0};
    for (int measured = 0; measured < 2;
         measured++) { /* |Sigma_t^-1 Gamma| and |J Gamma|, or not */
        double SG = measured ? 0.3 : Gamma / low, JG = measured ? 0.1 : J * Gamma, Sy = 0.6;
        double left = of_J * SG, white = fabs(of_gain) + r.kappa * (left + JG) * of_J;
        double D_c =
            r.kappa * (of_J * (Sy + Gamma * Dx / low) + J * Gamma * Dx) + r.q * of_inverse * Sx;
        double D_M = white / low + r.kappa * left * J, most = measured ? 1 : INFINITY;
        gref_step step = {.norm = 0.75,
                          .norm_abs = 1.5,
                          .norm_off = 0.4,
                          .noise = 0.03,
                          .guidance = {.mean = {9, Sy, 9}, .cov = {9, most * SG, most * JG}}};
        gref_law_errors e = {0};
        gref_errors_step(&e, w.s, t, &step, &law);
        ck_assert_inflated("mean", e.mean, white * 3 + r.kappa * left * 0.5 + D_c);
        ck_assert_inflated("W2", e.w2, white * 6 + r.kappa * left * 0.6 + D_c);
        ck_assert_inflated("covariance", e.cov,
                           2 * (0.75 + D_M) * (white * 5 + r.kappa * left * 0.7));
    }
    bench_end(&w);
}
END_TEST

/* Guidance by an SVD that is off by made-up amounts: each of them counts where it should. */
START_TEST(test_guidance_errors__by_svd)
{
    bench w;
    bench_start(&w, "pigdm", GREF_START_STANDARD);
    int t = 4;
    double u = EPS, tau = 0.25,
           phi = gref_r2_value(w.s->spec.convention.r2, gref_time_at(&w.schedule, t));
    double trace = 0, h = 0, in = 0, g = 0, data = gref_mat_norm_fro(gref_const(w.z.r));
    for (int i = 0; i < 2; i++) {
        double b = w.s->b.a[i], C = phi * b * b + tau;
        trace += b * b / C;
        h = fmax(h, b / C);
        in = hypot(in, w.s->Wr.a[i] / C);
        g = hypot(g, w.s->Wr.a[i] * b / C);
    }
    for (int k = 0; k < 7; k++) {
        double e[6] = {0};
        for (int i = 0; i < 6; i++)
            e[i] = i == k || k == 6 ? 1e-3 : 0; /* each by itself, and all */
        w.s->dW = e[0];
        w.s->dV = e[1];
        w.s->dB = e[2];
        w.s->off = e[3];
        w.z.errors.B = e[4];
        w.z.errors.r = e[5];
        double B = 1.5 + e[2] + e[4], peak = fmin(B, sqrt(tau / phi)),
               H = peak / (phi * peak * peak + tau), D_Wr = (e[0] + 10 * u * sqrt(2.0)) * data;
        double D_B = e[2] + e[4],
               D_g = D_B * (in + (D_Wr + e[3]) / tau + phi * H * (g + h * D_Wr)) + H * e[5] +
                     (10 * u * sqrt(2.0) + e[1]) * g + h * D_Wr;
        double D_Gamma = 2 * H * D_B + 10 * u * trace + 2 * e[1] * B * B / (phi * B * B + tau);
        gref_guidance_errors x = gref_guidance_errors_at(w.s, t);
        ck_assert_same("Gamma", x.dGamma, D_Gamma);
        ck_assert_same("g", x.dg, D_g);
        ck_assert_same("size of g", x.g, g + (10 * u * sqrt(2.0) + e[1]) * g + h * D_Wr);
    }
    w.s->dB = w.z.errors.B = 1e-6;
    w.s->off = w.s->dW = 1e3; /* beside them w and g are small */
    gref_guidance_errors x = gref_guidance_errors_at(w.s, t), y = x;
    w.s->off = 0;
    y = gref_guidance_errors_at(w.s, t);
    ck_assert_inflated("what W lacks of r", x.dg - y.dg, 2e-6 * 1e3 / tau);
    bench_end(&w);
}
END_TEST

/* The SVD of a sampler is measured in twice the precision: its errors are those in quad, not the
 * rounding of a plain product, which is some hundred times as much. */
START_TEST(test_sampler_form_svd__is_measured)
{
    enum { M = 12, N = 7 };
    bench w;
    bench_of(&w, dense_problem(N, M, 10, 0, 0.5, 8), "pigdm", GREF_START_STANDARD);
    gref_sampler *s = w.s;
    gref_mat I = fresh(N, N), S = fresh(M, N), WT = fresh(N, M);
    gref_cmat none = {0}, WTc = gref_const(WT), VT = gref_const(s->VT);
    gref_mat_identity(I);
    gref_mat_copy(S, gref_const(s->W));
    gref_mat_scale_cols(S, gref_const(s->b));
    for (int i = 0; i < N; i++)
        for (int j = 0; j < M; j++)
            GREF_AT(WT, i, j) = GREF_AT(s->W, j, i);
    double dW = quad_residual(gref_const(I), none, WTc, WTc, true) / 2,
           dV = quad_residual(gref_const(I), none, VT, VT, true) / 2,
           dB = quad_residual(gref_const(w.z.B), none, gref_const(S), VT, false),
           off = quad_residual(gref_const(w.z.r), none, gref_const(s->W), gref_const(s->Wr), false);
    dB += EPS * gref_mat_norm_fro(gref_const(S)) + s->b.a[0] * (dW + dV);
    ck_assert(dW > 0.5 * EPS && off > 0.1);
    hold("W", dW, s->dW, 0.99);
    hold("V", dV, s->dV, 0.99);
    hold("B", dB, s->dB, 0.99);
    hold("r off the range of W", off, s->off, 0.99);
    gref_mat *all[] = {&I, &S, &WT};
    for (int i = 0; i < 3; i++)
        gref_mat_free(all[i]);
    bench_end(&w);
}
END_TEST

/* A gain is rounded once: against quad, for gains of many sizes. */
START_TEST(test_rule_gain__is_rounded_once)
{
    enum { GAINS = 100000 };
    gref_mat numbers = fresh(5, GAINS);
    gref_random_uniform(numbers, 3, GREF_STREAM_TEST, 9, 0);
    for (int k = 0; k < GAINS; k++) {
        double x[5];
        for (int i = 0; i < 5; i++)
            x[i] = exp2(-20.0 * GREF_AT(numbers, i, k));
        gref_rule r = {.at = {x[0], x[1]}, .h = x[2], .c = x[3]};
        quad truth = ((quad)x[2] * x[4] + x[3]) / ((quad)x[0] * x[4] + x[1]);
        double error = quad_distance(gref_rule_gain(&r, x[4]), truth);
        ck_assert_msg(error <= EPS * 1.0001 * (double)truth, "%.3g u", error / (double)truth / EPS);
    }
    gref_mat_free(&numbers);
}
END_TEST

/*
 * What Sigma_t^-1 and J see of a law: of a diagonal covariance, stored as one or as a matrix, the
 * largest entry; of one of rank 1 the product of two lengths. Both are the norms themselves.
 */
START_TEST(test_law_seen__diagonal_and_rank_one)
{
    bench w;
    bench_start(&w, _i % 2 ? "cgdm" : "dps", GREF_START_STANDARD);
    int t = 4;
    double a = w.schedule.abar[t], q = w.schedule.qbar[t], f[2][3], p[3] = {4, 9, 0.25},
           m[3] = {1, 2, 3};
    gref_mat P = fresh(3, 1), D = fresh(3, 3), R = fresh(3, 3), mean = fresh(3, 1);
    for (int i = 0; i < 3; i++) {
        double x = _i % 2 ? w.z.rho.a[i] * w.z.rho.a[i] : w.z.lambda.a[i];
        f[0][i] = 1 / (a * x + q);
        f[1][i] = sqrt(a) * x / (a * x + q);
        mean.a[i] = m[i];
        P.a[i] = GREF_AT(D, i, i) = p[i];
    }
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            GREF_AT(R, i, j) = sqrt(p[i] * p[j]) * ((i == 1) == (j == 1) ? 1 : -1);
    for (int kind = 0; kind < 3; kind++) {
        gref_law_norms x;
        ck_ok(gref_law_seen(&x, w.s, t, gref_const(mean),
                            gref_const(kind == 0   ? P
                                       : kind == 1 ? D
                                                   : R)));
        ck_assert_same("mean", x.mean.plain, sqrt(14.0));
        ck_assert_same("covariance", x.cov.plain, kind == 2 ? 13.25 : sqrt(16 + 81 + 0.0625));
        ck_assert_same("spread", x.spread.plain, sqrt(14 + 13.25));
        for (int k = 0; k < 2; k++) {
            double most = 0, both = 0, sum = 0, of_mean = 0;
            for (int i = 0; i < 3; i++) {
                most = fmax(most, f[k][i] * p[i]);
                both = fmax(both, f[k][i] * f[k][i] * p[i]);
                sum += f[k][i] * f[k][i] * p[i];
                of_mean += f[k][i] * f[k][i] * m[i] * m[i];
            }
            double cov = kind == 2 ? sqrt(sum * 13.25) : most, spread = kind == 2 ? sum : both;
            ck_assert_same("mean seen", k ? x.mean.gained : x.mean.white, sqrt(of_mean));
            ck_assert_same("covariance seen", k ? x.cov.gained : x.cov.white, cov);
            ck_assert_same("spread seen", k ? x.spread.gained : x.spread.white,
                           sqrt(spread + of_mean));
        }
    }
    gref_mat *all[] = {&P, &D, &R, &mean};
    for (int i = 0; i < 4; i++)
        gref_mat_free(all[i]);
    bench_end(&w);
}
END_TEST

/*
 * Nothing is proved where the spectrum may reach s_t = 0, nor of a law of which a part is unknown:
 * what is fresh is then an estimate. A large D(M) counts in the norm that carries an error on.
 */
START_TEST(test_errors_step__unknown)
{
    bench w;
    bench_start(&w, "ddpm", GREF_START_STANDARD);
    gref_step step = {.diagonal = true,
                      .norm = 0.75,
                      .norm_abs = 1.5,
                      .norm_off = 0.4,
                      .noise = 0.03,
                      .M = fresh(3, 3)};
    gref_law_size law = {.dense = true,
                         .seen = {.mean = {2}, .cov = {4}, .spread = {sqrt(10.0)}},
                         .trace = 6,
                         .factor_error = 0};
    for (int k = 0; k < 4; k++) {
        gref_law_errors e = {.mean = k == 0 ? INFINITY : 0,
                             .cov = k == 1 ? INFINITY : 0,
                             .w2 = k == 2 ? INFINITY : 0};
        w.z.errors.Sigma = k == 3 ? 1e3 : 0;
        gref_errors_step(&e, w.s, 4, &step, &law);
        ck_assert(isinf(e.mean) && isinf(e.cov) && isinf(e.w2));
        gref_law_change own = gref_rounding_of_step(&(gref_step_arithmetic){.n = 3,
                                                                            .diagonal = true,
                                                                            .dense = true,
                                                                            .M = 0.75,
                                                                            .M_off = 0.4,
                                                                            .mean = 2,
                                                                            .cov = 4,
                                                                            .trace = 6,
                                                                            .noise = 0.03});
        ck_assert_same("estimate", e.fresh, 7 * EPS * 1.5 * sqrt(10.0) + own.w2);
        ck_assert_same("estimate of the mean", e.fresh_mean, 7 * EPS * 1.5 * 2 + own.mean);
    }
    gref_law_errors e = {.w2 = 1e3};
    w.z.errors.Sigma = 1e-3;
    gref_errors_step(&e, w.s, 4, &step, &law);
    double D_M = e.fresh / (1e3 + sqrt(10.0)); /* all but D(c) of it */
    ck_assert(e.w2 >= (0.75 + 0.9 * D_M) * 1e3);
    gref_mat_free(&step.M);
    bench_end(&w);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("step_errors");
    TCase *tc = new_tcase(s, "step_errors");
    tcase_add_test(tc, test_exact_errors__kernel);
    tcase_add_test(tc, test_errors_step__posterior);
    tcase_add_loop_test(tc, test_start_errors__are_their_sums, 0, 4);
    tcase_add_test(tc, test_errors_step__rounding);
    tcase_add_loop_test(tc, test_errors_step__counts_roundings, 0, 3);
    tcase_add_loop_test(tc, test_law_errors__in_pixels, 0, 2);
    tcase_add_test(tc, test_errors_step__sigma);
    tcase_add_test(tc, test_errors_step__unknown);
    tcase_add_test(tc, test_guidance_errors__by_svd);
    tcase_add_test(tc, test_sampler_form_svd__is_measured);
    tcase_add_test(tc, test_rule_gain__is_rounded_once);
    tcase_add_loop_test(tc, test_law_seen__diagonal_and_rank_one, 0, 2);
    return run_guarded_suite(s);
}
