/*
 * The spectral path by itself: against closed-form and high-precision numbers, against the dense
 * path's samples, and against itself by another route. That every quantity equals the dense one is
 * test_crosscheck.c's business.
 */
#include "spectral/internal.h"
#include "stationary.h"
#include "sweep.h"
#include "toy.h"
#include "wide.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <gref/modes.h>
#include <gref/psd.h>
#include <gref/random.h>
#include <gref/sampler.h>

/* x0 ~ N(mu, var), v = x0 + sigma n, all scalar: one frequency whose eigenvalue is put there by
 * hand. */
static gref_spectral *scalar_spectral(double mu, double var, double sigma, double v)
{
    double one = 1.0;
    gref_mat u = fresh(1, 1), data = fresh(1, 1);
    gref_stationary q = {0};
    gref_spectral *z = NULL;
    ck_ok(gref_stationary_adsn(&q, gref_const(u), &mu));
    ck_ok(gref_stationary_convolution(&q, (gref_cmat){&one, 1, 1, 1}, false));
    q.sigma = sigma;
    q.v = data;
    data.a[0] = v;
    ck_ok(gref_spectral_new(&z, &q));
    z->lambda.a[0] = var;
    ck_ok(gref_spectral_condition(z, gref_const(data)));
    gref_stationary_free(&q);
    gref_mat_free(&u);
    return z;
}

/*
 * THEORY section 10: 60-digit arithmetic, an independent computation. Means and variances must be
 * met to 1e-13 relative, as the dense path does; W2 is given with 12 digits.
 */
START_TEST(test_spectral_law__meets_the_golden_scalar_numbers)
{
    static const struct {
        const char *name;
        gref_variance variance;
        double mean, var, w2;
        bool to_prior;
    } golden[] = {
        {"ddpm", GREF_VARIANCE_BETA, .49999495506008939048, .25075207500753125253, 7.51527173214e-4,
         true},
        {"cgdm", GREF_VARIANCE_BETA, .98076885015616618027, .0097646526752026052397,
         7.58189666665e-4, false},
        {"cgdm", GREF_VARIANCE_BETA_TILDE, .98076885015616618027, .0089055054073305676719,
         3.68908217863e-3, false},
    };
    gref_spectral *z = scalar_spectral(0.5, 0.25, 0.1, 1.0);
    gref_schedule s = {0};
    ck_ok(gref_schedule_linear(&s, 1e-4, 0.02, 1000));
    for (size_t k = 0; k < sizeof golden / sizeof *golden; k++) {
        gref_sampler_spec spec = make_spec(golden[k].name);
        spec.convention.variance = golden[k].variance;
        gref_marginal *law = NULL;
        gref_mat m = fresh(1, 1), C = fresh(1, 1);
        gref_w2 d = {0};
        ck_ok(gref_marginal_spectral(&law, z, &s, &spec));
        while (gref_marginal_t(law) > 0)
            ck_ok(gref_marginal_advance(law));
        ck_ok(gref_marginal_mean(m, law));
        ck_ok(gref_marginal_cov(C, law));
        ck_ok(golden[k].to_prior ? gref_marginal_w2_prior(&d, law) : gref_marginal_w2(&d, law));
        ck_assert_bound("golden mean", fabs(m.a[0] / golden[k].mean - 1), 1e-13);
        ck_assert_bound("golden variance", fabs(C.a[0] / golden[k].var - 1), 1e-13);
        ck_assert_bound("golden W2 (12 digits given)", fabs(d.w2 / golden[k].w2 - 1), 1e-12);
        ck_assert(!d.certified && isinf(d.upper)); /* no bound is known of a law by spectra */
        gref_mat_free(&m);
        gref_mat_free(&C);
        gref_marginal_free(law);
    }
    gref_schedule_free(&s);
    gref_spectral_free(z);
}
END_TEST

/*
 * The state of a chain that ends above 0, as it is, against the posterior and the prior: the dense
 * path's distances, which are held against matrices (test_conformance.c). Both laws may be singular,
 * so that covariances off by n EPS |C| move the root of each by the root of that.
 */
START_TEST(test_spectral_law__w2_to_the_data_is_that_of_the_dense_law)
{
    gref_mat u = crop_of("grass", 200, 100, 6, 6);
    const char *names[] = {"ddpm", "cgdm", "pigdm", "dps"};
    const test_operator ops[] = {OP_LOPSIDED, OP_SR2_BICUBIC};
    const int times[] = {9, 6, 2};
    gref_schedule s = {0};
    ck_ok(gref_schedule_linear(&s, 0.01, 0.4, 9));
    for (int k = 0; k < 8; k++) {
        gref_problem p = matrix_problem(gref_const(u), ops[k / 4], 0.4, 5);
        gref_stationary q = stationary_problem(gref_const(u), ops[k / 4], 0.4, 5);
        gref_modes modes = {0};
        gref_spectral *z = NULL;
        gref_sampler *sampler = NULL;
        gref_marginal *dense = NULL, *spectral = NULL;
        gref_sampler_spec spec = make_spec(names[k % 4]);
        spec.times = times;
        spec.n_times = 3;
        ck_ok(gref_modes_new(&modes, &p));
        gref_mat_copy(q.v, gref_const(p.v));
        ck_ok(gref_spectral_new(&z, &q));
        ck_ok(gref_sampler_new(&sampler, &modes, &s, &spec));
        ck_ok(gref_marginal_new(&dense, sampler));
        ck_ok(gref_marginal_spectral(&spectral, z, &s, &spec));
        while (gref_marginal_next(dense) >= 0) {
            ck_ok(gref_marginal_advance(dense));
            ck_ok(gref_marginal_advance(spectral));
        }
        double size = gref_mat_norm_fro(gref_const(p.Sigma));
        for (int prior = 0; prior < 2; prior++) {
            gref_w2 a, b, at;
            ck_ok(gref_marginal_w2_data(&a, dense, prior));
            ck_ok(gref_marginal_w2_data(&b, spectral, prior));
            ck_ok(gref_marginal_w2(&at, spectral));
            double bound = 40 * sqrt(36 * EPS * size);
            ck_assert_bound("W2 to the data", fabs(a.w2 - b.w2), bound);
            ck_assert_bound("its mean part", fabs(a.w2_mean - b.w2_mean), bound);
            ck_assert_bound("its covariance part", fabs(a.w2_cov - b.w2_cov), bound);
            ck_assert(fabs(b.w2 - at.w2) > 1e3 * bound); /* not the distance at t */
        }
        gref_marginal_free(dense);
        gref_marginal_free(spectral);
        gref_sampler_free(sampler);
        gref_modes_free(&modes);
        gref_spectral_free(z);
        gref_problem_free(&p);
        gref_stationary_free(&q);
    }
    gref_schedule_free(&s);
    gref_mat_free(&u);
}
END_TEST

/* The largest pixel of a chain on its way, to five standard deviations. */
static double largest_state(const gref_sampler *s, int n)
{
    gref_marginal *law = NULL;
    gref_mat m = fresh(n, 1), P = fresh(n, n);
    double most = 0;
    ck_ok(gref_marginal_new(&law, s));
    for (;;) {
        ck_ok(gref_marginal_mean(m, law));
        ck_ok(gref_marginal_cov(P, law));
        for (int i = 0; i < n; i++)
            most = fmax(most, fabs(m.a[i]) + 5 * sqrt(fmax(GREF_AT(P, i, i), 0)));
        if (gref_marginal_next(law) < 0)
            break;
        ck_ok(gref_marginal_advance(law));
    }
    gref_marginal_free(law);
    gref_mat_free(&m);
    gref_mat_free(&P);
    return most;
}

/* What A^+ makes of rounding: the largest singular value over the least that does not count as 0. */
static double condition_of(const gref_spectral *z)
{
    double most = 0, least = INFINITY;
    for (int b = 0; b < z->blocks; b++)
        most = fmax(most, gref_mat_norm_fro(gref_const(gref_mat_view(z->a, 0, b, z->q, 1))));
    for (int b = 0; b < z->blocks; b++) {
        double s = gref_mat_norm_fro(gref_const(gref_mat_view(z->a, 0, b, z->q, 1)));
        least = s > 2 * z->n * EPS * most ? fmin(least, s) : least;
    }
    return most / least;
}

enum { SIDE = 6, PIXELS = SIDE * SIDE, DRAWN = 3, MOST_DRAWN = 512, DRAW_STRIDE = 2503 };

/* All of `specs` at once by the spectral path, one by one by the dense path. */
static void hold_draws(const gref_modes *modes, const gref_spectral *z, const gref_schedule *s,
                       const gref_sampler_spec *specs, int count)
{
    const gref_sampler_spec *list[MOST_DRAWN];
    gref_mat Y[MOST_DRAWN], D = fresh(PIXELS, DRAWN);
    bool diverged[MOST_DRAWN];
    double unit = sqrt(PIXELS * SWEEP_T) * EPS * (modes->lambda.a[modes->n - 1] + 1);
    for (int k = 0; k < count; k++) {
        list[k] = &specs[k];
        Y[k] = fresh(PIXELS, DRAWN);
    }
    ck_ok(gref_spectral_draw(Y, diverged, z, s, list, count, 17));
    for (int k = 0; k < count; k++) {
        gref_sampler *sampler = NULL;
        ck_ok(gref_sampler_new(&sampler, modes, s, &specs[k]));
        ck_ok(gref_sampler_draw(D, sampler, 17));
        ck_assert(!diverged[k]);
        const gref_row *row = gref_row_find(specs[k].name);
        bool inverts =
            row->project != NULL || row->pseudo || gref_start_projects(row, &specs[k].convention);
        double off = gref_mat_diff_max(gref_const(D), gref_const(Y[k])),
               bound = unit * largest_state(sampler, PIXELS) * (inverts ? condition_of(z) : 1);
        ck_assert_msg(off <= bound, "samples of %s on schedule %d: error %.3g, bound %.3g",
                      specs[k].label, s->kind, off, bound);
        note_ratio("samples", off, bound);
        gref_mat_free(&Y[k]);
        gref_sampler_free(sampler);
    }
    gref_mat_free(&D);
}

/*
 * The drawn chains are those of gref_sampler_draw, number by number: every row, with conventions of
 * the sweep, on every kind of schedule, and operator, three samples. The algorithm is the same, the
 * basis is not: each of T steps errs by sqrt(n) EPS of y_t and of what it adds, |Sigma| + 1 times
 * y_t at most, times the condition of A where A^+ is applied; the errors of T steps add up like
 * random ones, sqrt(T) of the largest.
 */
START_TEST(test_spectral_draw__is_the_dense_draw)
{
    static gref_sampler_spec specs[MOST_DRAWN];
    gref_mat u = crop_of("grass", 200, 100, SIDE, SIDE);
    const test_operator ops[] = {OP_LOPSIDED, OP_SR2_BICUBIC, OP_SR3_BICUBIC};
    for (int o = 0; o < 3 * SWEEP_KINDS; o++) {
        gref_problem p = matrix_problem(gref_const(u), ops[o % 3], 0.4, 5);
        gref_stationary q = stationary_problem(gref_const(u), ops[o % 3], 0.4, 5);
        gref_modes modes = {0};
        gref_spectral *z = NULL;
        gref_schedule s = {0};
        gref_sampler_spec spec;
        int count = 0;
        sweep_schedule(&s, (gref_schedule_kind)(o / 3));
        ck_ok(gref_modes_new(&modes, &p));
        gref_mat_copy(q.v, gref_const(p.v));
        ck_ok(gref_spectral_new(&z, &q));
        for (int k = 83 * o; sweep_spec(&spec, k); k += DRAW_STRIDE)
            if (!sweep_is_refused(&spec, s.kind))
                specs[count++] = spec;
        hold_draws(&modes, z, &s, specs, count);
        gref_problem_free(&p);
        gref_stationary_free(&q);
        gref_modes_free(&modes);
        gref_spectral_free(z);
        gref_schedule_free(&s);
    }
    gref_mat_free(&u);
}
END_TEST

/*
 * Samples of the posterior are mu_post + Sigma_post^1/2 xi: the root by gref_psd_sqrt, from
 * explicit matrices. That root errs by sqrt(n) EPS |S|/sqrt(rho+^2), rho+ the least standard
 * deviation above zero; xi < 5.
 */
START_TEST(test_spectral_posterior_draw__is_the_symmetric_root)
{
    enum { N = 2 };
    gref_mat u = crop_of("brick", 60, 10, SIDE, SIDE);
    const test_operator ops[] = {OP_GAUSSIAN, OP_SR2_BOX};
    for (int o = 0; o < 2; o++) {
        int n = SIDE * SIDE;
        gref_stationary q = stationary_problem(gref_const(u), ops[o], 0.3, 2);
        gref_spectral *z = NULL;
        gref_schedule s = {0};
        double beta = 0.5;
        ck_ok(gref_schedule_from_betas(&s, &beta, 1));
        ck_ok(gref_spectral_new(&z, &q));
        gref_mat S = fresh(n, n), R = fresh(n, n), xi = fresh(n, N), Y = fresh(n, N),
                 mu = fresh(n, 1);
        ck_ok(gref_spectral_exact_cov(S, z, &s, 0));
        gref_mat_symmetrise(S);
        ck_ok(gref_psd_sqrt(R, gref_const(S), "Sigma_post"));
        ck_ok(gref_spectral_posterior_mean(mu, z));
        gref_random_normal(xi, 9, GREF_STREAM_PRIOR, 1, 0);
        gref_mat X = plain_product(gref_const(R), false, gref_const(xi), false);
        ck_ok(gref_spectral_posterior_draw(Y, z, 9));
        for (int k = 0; k < N; k++)
            gref_mat_axpy(gref_mat_view(X, 0, k, n, 1), 1.0, gref_const(mu));
        double most = 0, least = INFINITY;
        for (int k = 0; k < z->q * z->blocks; k++) {
            most = fmax(most, z->rho.a[k]);
            least = z->rho.a[k] > 1e-6 ? fmin(least, z->rho.a[k]) : least;
        }
        ck_assert_bound("posterior samples", gref_mat_diff_max(gref_const(X), gref_const(Y)),
                        5 * sqrt(n) * EPS * (1 + most * most / least));
        gref_mat *all[] = {&S, &R, &xi, &Y, &mu, &X};
        for (int k = 0; k < 6; k++)
            gref_mat_free(all[k]);
        gref_stationary_free(&q);
        gref_spectral_free(z);
        gref_schedule_free(&s);
    }
    gref_mat_free(&u);
}
END_TEST

/* W2^2 between diag(e) and diag(e) + E in quadruple precision: the trace formula, which for 2 x 2
 * has a root only. */
static quad wide_w2_squared(const double e[2], gref_cmat E)
{
    quad a = e[0], b = e[1], p = a + GREF_AT(E, 0, 0), r = GREF_AT(E, 0, 1),
         s = b + GREF_AT(E, 1, 1);
    quad det = a * b * (p * s - r * r), root = sqrt((double)det);
    for (int k = 0; k < 3; k++) /* Newton, from double to quadruple precision */
        root = (root + det / root) / 2;
    quad inner = a * p + b * s + 2 * root, full = sqrt((double)inner);
    for (int k = 0; k < 3; k++)
        full = (full + inner / full) / 2;
    return a + b + p + s - 2 * full;
}

/*
 * W2 between N(0, diag(e)) and N(0, diag(e) + E) by the map is relatively accurate however small E
 * is. For |E|/e down to 1e-7 against the trace formula in quadruple precision, whose cancellation
 * costs 2^-110 of the trace; below that by scaling: W2 is linear in E but for a relative |E|/e, so
 * a tenth of E gives a tenth of W2.
 */
START_TEST(test_block_w2_close__is_relatively_accurate)
{
    gref_block w = {0};
    ck_ok(gref_block_new(&w, 2));
    for (int kind = 0; kind < 3; kind++) {
        double before = 0;
        for (int digits = 1; digits <= 15; digits++) {
            double size = pow(10, -digits), squared = 0, e[2] = {1.5, kind == 1 ? 1e-4 : 0.7};
            w.e.a[0] = e[0];
            w.e.a[1] = e[1];
            GREF_AT(w.E, 0, 0) = kind == 2 ? 0 : 0.5 * size * e[1];
            GREF_AT(w.E, 0, 1) = GREF_AT(w.E, 1, 0) = -0.3 * size * e[1];
            GREF_AT(w.E, 1, 1) = 0.25 * size * e[1];
            quad truth = wide_w2_squared(e, gref_const(w.E));
            ck_assert(gref_block_w2_close(&squared, &w));
            if (digits <= 7) {
                double lost = 0x1p-110 * 2 * (e[0] + e[1]) / (double)truth;
                ck_assert_bound("map", (double)(quad_abs(squared - truth) / truth), 8 * EPS + lost);
            } else {
                ck_assert_bound("map, a tenth of E", fabs(sqrt(before / squared) / 10 - 1),
                                10 * size + 8 * EPS);
            }
            before = squared;
        }
    }
    double unused;
    GREF_AT(w.E, 0, 0) = 10 * w.e.a[0]; /* too far apart: says so */
    ck_assert(!gref_block_w2_close(&unused, &w));
    gref_block_free(&w);
}
END_TEST

/*
 * W2 of the modelled law by the differences (map, relative) and by factors (absolute 1e-14): they
 * agree far from t = 0, where both are accurate, for every method and operator; and near t = 0,
 * where only the first is, W2 still falls by the factor that THEORY section 5 says, 10 for dps and
 * 100 for pigdm per decade of 1 - abar.
 */
START_TEST(test_spectral_w2_modelled__keeps_its_accuracy_as_t_goes_to_zero)
{
    gref_mat u = crop_of("grass", 200, 100, 6, 6), terms[2];
    const test_operator ops[] = {OP_GAUSSIAN, OP_SR2_BOX};
    for (int o = 0; o < 2; o++)
        for (int name = 0; gref_row_at(name) != NULL; name++) {
            const gref_row *row = gref_row_at(name);
            if (!gref_row_has_likelihood(row) || row->exact)
                continue; /* an exact model is no distance away */
            gref_stationary q = stationary_problem(gref_const(u), ops[o], 0.3, 2);
            gref_spectral *z = NULL;
            gref_schedule s = {0};
            double beta = 0.5, before = 0;
            gref_sampler_spec spec = make_spec(row->name);
            gref_spectral_sampler sampler;
            ck_ok(gref_schedule_from_betas(&s, &beta, 1));
            ck_ok(gref_spectral_new(&z, &q));
            ck_ok(gref_spectral_sampler_init(&sampler, z, &s, &spec));
            terms[0] = fresh(1, z->blocks);
            terms[1] = fresh(1, z->blocks);
            for (int digits = 7; digits <= 14; digits++) {
                double e = pow(10, -digits);
                gref_w2 d;
                ck_ok(gref_spectral_w2_modelled(&d, terms, &sampler, 1 - e, e));
                if (digits > 7)
                    ck_assert_bound(
                        "decade of W2",
                        fabs(before / d.w2 - (row->phi == NULL || row->rows_summed ? 10 : 100)),
                        1e-2);
                before = d.w2;
            }
            gref_mat_free(&terms[0]);
            gref_mat_free(&terms[1]);
            gref_stationary_free(&q);
            gref_spectral_free(z);
            gref_schedule_free(&s);
        }
    gref_mat_free(&u);
}
END_TEST

/*
 * THEORY section 6: DPS overshoots where beta_t J^2 s^2 alpha/sigma^2 exceeds about 2. In the
 * scalar case M_t is known in closed form, so the first unstable step is too; far beyond, the law
 * is refused instead of answered by inf.
 */
START_TEST(test_spectral_law__divergence_is_detected_and_refused)
{
    const double sigmas[] = {0.5, 0.015, 1e-3};
    gref_schedule s = {0};
    ck_ok(gref_schedule_linear(&s, 1e-4, 0.02, 1000));
    for (int k = 0; k < 3; k++) {
        gref_sampler_spec spec = make_spec("dps");
        const gref_sampler_spec *list = &spec;
        gref_spectral *z = scalar_spectral(0.5, 0.25, sigmas[k], 1.0);
        int first = 0;
        for (int t = 1000; t >= 1 && first == 0; t--) {
            double st = 0.25 * s.abar[t] + s.qbar[t], j = sqrt(s.abar[t]) * 0.25 / st;
            double H = 1 / st + j * j / (sigmas[k] * sigmas[k]);
            if ((1 - s.beta[t] * H) / sqrt(s.alpha[t]) < -1)
                first = t;
        }
        gref_marginal *law = NULL;
        gref_mat x = fresh(1, 1);
        bool diverged = false;
        gref_w2 d;
        ck_ok(gref_marginal_spectral(&law, z, &s, &spec));
        while (gref_marginal_t(law) > 0)
            ck_ok(gref_marginal_advance(law));
        ck_fails(gref_marginal_advance(law), GREF_ERR_RANGE);
        ck_assert_int_eq(gref_marginal_first_unstable(law), first);
        ck_assert((first > 0) == (k > 0));
        ck_assert(isfinite(gref_marginal_growth(law)));
        ck_assert(gref_marginal_diverged(law) == (k == 2));
        ck_ok(gref_spectral_draw(&x, &diverged, z, &s, &list, 1, 1));
        ck_assert(diverged == (k == 2));
        ck_ok(gref_marginal_w2_modelled(&d, law));
        if (k == 2) {
            ck_fails(gref_marginal_mean(x, law), GREF_ERR_NUMERICS);
            ck_fails(gref_marginal_cov(x, law), GREF_ERR_NUMERICS);
            ck_fails(gref_marginal_spectrum(x, law), GREF_ERR_NUMERICS);
            ck_fails(gref_marginal_bias(x, law), GREF_ERR_NUMERICS);
            ck_fails(gref_marginal_w2(&d, law), GREF_ERR_NUMERICS);
            ck_fails(gref_marginal_w2_prior(&d, law), GREF_ERR_NUMERICS);
        }
        gref_mat_free(&x);
        gref_marginal_free(law);
        gref_spectral_free(z);
    }
    gref_schedule_free(&s);
}
END_TEST

/*
 * Spectra as they are written, against the pixels: a^ and lambda give back the taps and the
 * autocorrelation by plain sums over all frequencies, and a block spectrum has the trace of its
 * covariance.
 */
START_TEST(test_spectral_spectra__give_back_the_pixels)
{
    enum { M = 6, N = 4, n = M * N };
    gref_mat u = crop_of("brick", 5, 5, M, N);
    const test_operator ops[] = {OP_LOPSIDED, OP_SR2_BICUBIC};
    for (int o = 0; o < 2; o++) {
        gref_stationary q = stationary_problem(gref_const(u), ops[o], 0.3, 2);
        gref_spectral *z = NULL;
        gref_schedule s = {0};
        double beta = 0.5;
        ck_ok(gref_schedule_from_betas(&s, &beta, 1));
        ck_ok(gref_spectral_new(&z, &q));
        gref_mat lambda = fresh(M, N), re = fresh(M, N), im = fresh(M, N), C = fresh(n, n);
        ck_ok(gref_spectral_prior_spectrum(lambda, z));
        ck_ok(gref_spectral_transfer(re, im, z));
        ck_ok(gref_spectral_prior_cov(C, z));
        for (int p = 0; p < n; p++) {
            double tap = 0, gamma = 0;
            for (int k = 0; k < M; k++)
                for (int l = 0; l < N; l++) {
                    double c, sn,
                        phase = 2 * acos(-1) * ((double)k * (p / N) / M + (double)l * (p % N) / N);
                    c = cos(phase);
                    sn = sin(phase);
                    gamma += GREF_AT(lambda, k, l) * c / n;
                    /* (A x)(0) = sum_p a(p) x(p): a^ is the conjugate of the DFT of the taps */
                    tap += (GREF_AT(re, k, l) * c + GREF_AT(im, k, l) * sn) / n;
                }
            ck_assert_bound("taps from a^", fabs(tap - q.taps.a[p]), 20 * EPS);
            ck_assert_bound("Sigma from lambda", fabs(gamma - GREF_AT(C, p, 0)),
                            20 * EPS * GREF_AT(C, 0, 0) + 20 * EPS);
        }
        int rows, cols;
        gref_spectral_spectrum_shape(&rows, &cols, z);
        gref_mat S = fresh(rows, cols);
        ck_ok(gref_spectral_exact_spectrum(S, z, &s, 1));
        ck_ok(gref_spectral_exact_cov(C, z, &s, 1));
        double trace = 0;
        for (int f = 0; f < rows; f++)
            for (int k = 0; k < cols; k++)
                if (z->q == 1 || k % (z->q + 1) == 0)
                    trace += GREF_AT(S, f, k);
        ck_assert_bound("trace of a spectrum", fabs(trace - gref_mat_trace(gref_const(C))),
                        n * EPS * trace);
        gref_mat *all[] = {&lambda, &re, &im, &C, &S};
        for (int k = 0; k < 5; k++)
            gref_mat_free(all[k]);
        gref_stationary_free(&q);
        gref_spectral_free(z);
        gref_schedule_free(&s);
    }
    gref_mat_free(&u);
}
END_TEST

/* Each refusal of a sampler has its documented status and names the value. */
START_TEST(test_spectral_law_new__refuses)
{
    gref_schedule s = {0};
    gref_spectral *z = scalar_spectral(0, 1, 0.5, 0);
    gref_marginal *law = NULL;
    ck_ok(gref_schedule_linear(&s, 0.01, 0.2, 10));
    gref_sampler_spec spec = make_spec("ddim");
    ck_fails(gref_marginal_spectral(&law, z, &s, &spec), GREF_ERR_RANGE);
    ck_assert_ptr_nonnull(strstr(gref_last_error()->message, "\"ddim\""));
    spec = make_spec("dps");
    spec.convention.alpha_dps = -1;
    ck_fails(gref_marginal_spectral(&law, z, &s, &spec), GREF_ERR_RANGE);
    spec = make_spec("pigdm");
    spec.convention.guidance = GREF_GUIDANCE_AFTER;
    ck_fails(gref_marginal_spectral(&law, z, &s, &spec), GREF_ERR_RANGE);
    z->sigma = 0;
    spec = make_spec("dps");
    ck_fails(gref_marginal_spectral(&law, z, &s, &spec), GREF_ERR_RANGE);
    spec = make_spec("pigdm");
    z->a.a[0] = 0;
    ck_fails(gref_marginal_spectral(&law, z, &s, &spec), GREF_ERR_NOT_PD);
    ck_assert_ptr_null(law);
    gref_marginal_free(NULL);
    gref_spectral_free(NULL);
    gref_spectral_free(z);
    gref_schedule_free(&s);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("spectral");
    TCase *tc = new_tcase(s, "spectral");
    tcase_add_test(tc, test_spectral_law__meets_the_golden_scalar_numbers);
    tcase_add_test(tc, test_spectral_law__w2_to_the_data_is_that_of_the_dense_law);
    tcase_add_test(tc, test_spectral_draw__is_the_dense_draw);
    tcase_add_test(tc, test_spectral_posterior_draw__is_the_symmetric_root);
    tcase_add_test(tc, test_block_w2_close__is_relatively_accurate);
    tcase_add_test(tc, test_spectral_w2_modelled__keeps_its_accuracy_as_t_goes_to_zero);
    tcase_add_test(tc, test_spectral_law__divergence_is_detected_and_refused);
    tcase_add_test(tc, test_spectral_spectra__give_back_the_pixels);
    tcase_add_test(tc, test_spectral_law_new__refuses);
    return run_suite(s);
}
