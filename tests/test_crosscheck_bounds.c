/*
 * The bounds between the two paths against the same sums written out, for norms and D that are made
 * up, so that none hides behind another: a unit or a D that is lost, halved or scaled is seen,
 * however small it is beside the rest in a real problem. That each of the formulas bounds what it
 * should, and is attained, is held in test_perturb.c. 4 x 4 pixels, one mode a frequency. With unit
 * 0 what is left is the perturbation of Sigma, A and v; with D(Sigma) 0 it is rounding.
 */
#include "spectral/crosscheck.h"
#include "stationary.h"
#include "toy.h"

#include <math.h>

enum { PIXELS = 16, T_STEP = 4 };

static double square(double x)
{
    return x * x;
}

/* What the sums run over, of block b. */
typedef struct {
    double lambda, a, r2, weight;
} mode;

static mode mode_of(const gref_spectral *z, int b)
{
    return (mode){GREF_AT(z->lambda, 0, b), fabs(GREF_AT(z->a, 0, b)),
                  square(z->r.re.a[b]) + square(z->r.im.a[b]), z->weight.a[b]};
}

static gref_problem p;
static gref_stationary q;
static gref_spectral *z;
static gref_schedule schedule;

static void begin(void)
{
    gref_mat u = crop_of("grass", 200, 100, 4, 4);
    p = matrix_problem(gref_const(u), OP_GAUSSIAN, 0.3, 3);
    q = stationary_problem(gref_const(u), OP_GAUSSIAN, 0.3, 3);
    ck_ok(gref_spectral_new(&z, &q));
    ck_ok(gref_schedule_linear(&schedule, 0.1, 0.3, 5));
    gref_mat_free(&u);
}

static void end(void)
{
    gref_schedule_free(&schedule);
    gref_spectral_free(z);
    gref_stationary_free(&q);
    gref_problem_free(&p);
}

/* Of the problem: unit, D(Sigma), D(r) and what the posterior makes of them. */
START_TEST(test_scales_of__are_their_sums)
{
    gref_scales k = gref_scales_of(z, &p);
    double G2 = 0, G = 0, pull = 0, unit = 4 * (4 + sqrt(PIXELS)) * EPS;
    for (int b = 0; b < z->blocks; b++) {
        mode m = mode_of(z, b);
        double K = m.a * m.a * m.lambda + 0.09;
        G = fmax(G, m.a * m.lambda / K);
        G2 += m.weight * square(m.a * m.lambda / K) / z->m;
        pull += m.weight * square(m.a / K) * m.r2;
    }
    double D_Sigma = unit * k.Sigma + k.lost;
    ck_assert_same("unit", k.unit, unit);
    ck_assert_same("spread", k.spread, 1);
    ck_assert_same("D(Sigma)", k.D_Sigma, D_Sigma);
    ck_assert_same("D(root)", k.D_root,
                   unit * sqrt(k.Sigma) + unit * k.Sigma / sqrt(k.least) + sqrt(k.lost));
    ck_assert_same("D(r)", k.D_r, unit * (k.r + k.A * k.mu));
    ck_assert_inflated("D(post)", k.D_post,
                       D_Sigma + G * G * unit * square(k.A) * k.Sigma + unit * k.Sigma);
    ck_assert_inflated("D(d)", k.D_d, sqrt(G2) * k.D_r + D_Sigma * sqrt(pull) + unit * k.d);
    ck_assert_same("x0", gref_bound_x0(&k, PIXELS), k.D_root * 4 + unit * k.x0);
    ck_assert_same("v", gref_bound_v(&k, PIXELS),
                   k.A * (k.D_root * 4 + unit * k.x0) + unit * (k.A * (k.x0 + k.mu) + k.r));
}
END_TEST

/* Rows whose C is constant, constant in Sigma, and a function of Sigma; each with unit 0 and with
 * D(Sigma) 0. */
typedef struct {
    gref_spectral_sampler s;
    gref_scales k;
    gref_bounds_at d;
    bool exact, posterior;
} made_up;

static made_up make(int i)
{
    const char *const rows[] = {"dps", "pigdm", "cgdm", "cgdm"};
    made_up x = {.exact = i / 2 >= 2, .posterior = i / 2 == 3, .k = gref_scales_of(z, &p)};
    gref_sampler_spec spec = make_spec(rows[i / 2]);
    if (i / 2 == 2)
        spec.convention.guidance = GREF_GUIDANCE_MEAN;
    ck_ok(gref_spectral_sampler_init(&x.s, z, &schedule, &spec));
    x.k.unit = i % 2 ? 1e-3 : 0;
    x.k.D_Sigma = i % 2 ? 0 : 2e-3;
    x.k.D_r = 3e-3;
    x.k.D_d = 5e-3;
    x.k.D_post = 7e-3;
    x.d = gref_bounds_of_time(&x.k, &schedule, T_STEP);
    return x;
}
enum { MADE_UP = 8 };

/* Norms of a step, over the blocks. */
typedef struct {
    double W, tau, pull, M, C_most, C_least;
} norms;

static norms norms_of(const made_up *x, const gref_rule *r)
{
    norms n = {.C_least = INFINITY};
    for (int b = 0; b < z->blocks; b++) {
        mode m = mode_of(z, b);
        double s = x->d.abar * m.lambda + x->d.qbar,
               C = gref_spectral_likelihood(&x->s, x->d.abar, x->d.qbar, b);
        double w = sqrt(x->d.abar) * m.lambda / s * m.a, gain = (r->h * m.lambda + r->c) / s;
        n.W = fmax(n.W, w);
        n.tau = fmax(n.tau, r->kappa / C);
        n.pull = fmax(n.pull, r->kappa / C * w * w);
        n.C_most = fmax(n.C_most, C);
        n.C_least = fmin(n.C_least, C);
        n.M = fmax(n.M, fmax(gain, r->kappa / C * w * w - gain));
    }
    return n;
}

/* D(C), by itself for both tests. */
static double change_of_C(const made_up *x, norms n)
{
    double low = x->d.abar * x->k.least + x->d.qbar;
    return x->k.unit * (n.C_most + 0.09) +
           (x->exact ? square(x->k.A) * x->d.qbar / low * x->k.D_Sigma : 0);
}

START_TEST(test_bounds_of_step__are_their_sums)
{
    made_up x = make(_i);
    gref_scales k = x.k;
    gref_bounds_at d = x.d;
    gref_rule r = gref_spectral_rule(&x.s, T_STEP);
    norms n = norms_of(&x, &r);
    ck_ok(gref_bounds_of_step(&d, &k, &x.s));
    double abar = d.abar, qbar = d.qbar, root = sqrt(abar), low = abar * k.least + qbar;
    double J = root * k.Sigma / (abar * k.Sigma + qbar), D_J = k.unit * J + root / low * k.D_Sigma,
           D_C = change_of_C(&x, n), shift = 0;
    double D_M = r.q * abar / square(qbar) * k.D_post + k.unit * n.M;
    if (!x.posterior) {
        double D_W = k.A * D_J + k.unit * k.A * J, D_tau = n.tau * (D_C / n.C_least + k.unit);
        double pulled = k.r + root * n.W * k.d, slope = abar / (qbar * low);
        double left = D_W * (n.tau + D_tau) + n.W * D_tau; /* of W^T tau */
        D_M = r.q * slope * k.D_Sigma + left * n.W + (left + n.W * n.tau) * D_W +
              k.unit * (1 + n.pull);
        double D_residual = k.D_r + root * n.W * k.D_d + k.unit * pulled;
        double D_y =
            D_tau * (k.r + root * (n.W + D_W) * k.d) + n.tau * (D_residual + root * D_W * k.d);
        shift = D_W * (n.tau * pulled + D_y) + n.W * D_y +
                r.q * root * (k.D_d / low + k.d * (slope * k.D_Sigma + k.unit / low));
    }
    ck_assert_same("D(Sigma_t)", d.Sigma_t, abar * k.D_Sigma + k.unit * (abar * k.Sigma + qbar));
    ck_assert_same("D(J)", d.J, D_J);
    ck_assert_same("|M|", d.M_norm, n.M);
    ck_assert_same("D(C)", d.C, D_C);
    ck_assert_inflated("D(M)", d.M, D_M);
    ck_assert_inflated("D(shift)", d.shift, shift);
    ck_assert_same("D(b)", d.b,
                   shift + D_M * root * (k.mu + k.d) + (1 + n.M) * (k.D_d + k.unit * (k.mu + k.d)));
}
END_TEST

/* Norm of V f V^T, and its D by pairs of singular values: sqrt(2) D(A) times the largest divided
 * difference, and 2 f/(s - D(A)). */
typedef struct {
    double norm, D;
} pairs;

static pairs pairs_of(const gref_scales *k, double (*f)(double s, const gref_rule *r),
                      const gref_rule *r)
{
    pairs x = {0};
    double D_A = k->unit * k->A, slope = 0;
    for (int b = -1; b < z->blocks; b++) { /* -1: beyond the rank */
        double s = b < 0 ? 0 : mode_of(z, b).a;
        x.norm = fmax(x.norm, fabs(f(s, r)));
        slope = s > 0 ? fmax(slope, 2 * fabs(f(s, r)) / (s - D_A)) : slope;
        for (int c = -1; c < z->blocks; c++) {
            double u = c < 0 ? 0 : mode_of(z, c).a;
            if (s - u > 1e-8 * s)
                slope = fmax(slope, fabs(f(s, r) - f(u, r)) / (s - u));
        }
    }
    x.D = sqrt(2) * slope * D_A + k->unit * x.norm;
    return x;
}

/* ddrm with eta = 0.6 and eta_b = 1, on either side of sigma = 0.3. */
static const double eta = 0.6;
static bool noisier(double s, const gref_rule *r)
{
    return s * sqrt(r->next.qbar / r->next.abar) > 0.3;
}

static double f_x(double s, const gref_rule *r)
{
    double root = sqrt(r->next.abar), k = sqrt((1 - eta * eta) * r->next.qbar);
    return s == 0 ? root : noisier(s, r) ? 0 : root - k * s / 0.3;
}

static double f_e(double s, const gref_rule *r)
{
    return s == 0 ? sqrt((1 - eta * eta) * r->next.qbar) : 0;
}

static double f_v(double s, const gref_rule *r)
{
    double k = sqrt((1 - eta * eta) * r->next.qbar);
    return s == 0 ? 0 : noisier(s, r) ? sqrt(r->next.abar) / s : k / 0.3;
}

static double f_n(double s, const gref_rule *r)
{
    return s > 0 && noisier(s, r) ? r->next.qbar - r->next.abar * 0.09 / (s * s)
                                  : eta * eta * r->next.qbar;
}

START_TEST(test_bounds_of_projection__are_their_sums)
{
    gref_scales k = gref_scales_of(z, &p);
    gref_sampler_spec spec = make_spec("ddrm");
    gref_spectral_sampler s;
    spec.convention.eta = eta;
    ck_ok(gref_spectral_sampler_init(&s, z, &schedule, &spec));
    k.unit = _i % 2 ? 1e-8 : 0;
    k.D_Sigma = _i % 2 ? 0 : 2e-3;
    k.D_r = 3e-3 * (_i / 2);
    k.D_d = 5e-3 * (_i / 2);
    gref_bounds_at d = gref_bounds_of_time(&k, &schedule, T_STEP);
    ck_ok(gref_bounds_of_step(&d, &k, &s));
    gref_rule r = gref_spectral_rule(&s, T_STEP);
    pairs x = pairs_of(&k, f_x, &r), e = pairs_of(&k, f_e, &r), v = pairs_of(&k, f_v, &r);
    double root = sqrt(d.abar), next = sqrt(r.next.abar), low = d.abar * k.least + d.qbar;
    double E = 1 / sqrt(d.qbar), M = 0, centre = k.mu + k.d,
           D_E = sqrt(d.qbar) * d.abar / (d.qbar * low) * k.D_Sigma + k.unit * E;
    for (int b = 0; b < z->blocks; b++) {
        mode m = mode_of(z, b);
        double st = d.abar * m.lambda + d.qbar;
        M = fmax(M, fabs(f_x(m.a, &r) * root * m.lambda + f_e(m.a, &r) * sqrt(d.qbar)) / st);
    }
    double D_M = x.D * d.J_norm + x.norm * d.J + e.D * E + e.norm * D_E;
    double shift =
        v.D * k.r + v.norm * k.D_r + root * (D_M * k.d + M * k.D_d) + next * (k.D_d + k.unit * k.d);
    ck_assert_same("|M|", d.M_norm, M);
    ck_assert_inflated("D(M)", d.M, D_M);
    ck_assert_same("D(N)", d.N, pairs_of(&k, f_n, &r).D);
    ck_assert_inflated("D(shift)", d.shift, shift);
    ck_assert_same("D(b)", d.b, shift + D_M * root * centre + (1 + M) * (k.D_d + k.unit * centre));
}
END_TEST

/* Schemes of cgdm on vp: what em leaves of the mean; the two stages of heun, and what is between
 * them. */
START_TEST(test_bounds_of_schemes__are_their_sums)
{
    made_up x = make(6 + _i);
    const double rate[] = {0.1, 2}, span[] = {0.1, 1};
    gref_schedule vp = {0};
    gref_scales k = x.k;
    double centre = k.mu + k.d, D_centre = k.D_d + k.unit * centre;
    ck_ok(gref_schedule_vp(&vp, rate, span, 5));
    x.s.schedule = &vp;
    x.s.spec.convention.scheme = GREF_SCHEME_EM;
    gref_bounds_at d = gref_bounds_of_time(&k, &vp, T_STEP);
    ck_ok(gref_bounds_of_step(&d, &k, &x.s));
    double h = vp.time[T_STEP] - vp.time[T_STEP - 1], beta = 0.1 + 1.9 * vp.time[T_STEP];
    double drift = (1 + beta * h / 2) * sqrt(vp.abar[T_STEP]) - sqrt(vp.abar[T_STEP - 1]);
    ck_assert_same("D(shift) of em", d.shift, fabs(drift) * D_centre);
    x.s.spec.convention.scheme = GREF_SCHEME_HEUN;
    x.s.general = true;
    d = gref_bounds_of_time(&k, &vp, T_STEP);
    ck_ok(gref_bounds_of_step(&d, &k, &x.s));
    double K = 0, D_K = 0, c = 0, D_c = 0, D_M = k.unit, shift = 0, M = 1, pulled = 0, moved = 0;
    for (int i = 0; i < 2; i++) { /* stage i: Y = 1 + K, K = g (1 + s) Y, s <= 1/least */
        int t = T_STEP - i;
        double g = h * (0.1 + 1.9 * vp.time[t]) / 2, root = sqrt(vp.abar[t]), least = INFINITY;
        for (int b = 0; b < z->blocks; b++)
            least = fmin(least, vp.abar[t] * square(z->rho.a[b]) + vp.qbar[t]);
        double size = 1 + 1 / least,
               D_S = vp.abar[t] / square(vp.qbar[t]) * k.D_post + k.unit / least;
        moved = sqrt(vp.abar[T_STEP]) - root;
        double Y = 1 + K, D_Y = D_K + k.unit * Y, y = c + fabs(moved) * centre,
               D_y = D_c + fabs(moved) * k.D_d + k.unit * y;
        K = g * size * Y;
        D_K = g * (D_S * Y + size * D_Y) + k.unit * K;
        c = g * (size * y + root * centre);
        D_c = g * (D_S * y + size * D_y + root * k.D_d) + k.unit * c;
        M += K / 2;
        D_M += D_K / 2;
        shift += D_c / 2;
        pulled += c / 2;
    }
    pulled += fabs(moved) * centre;
    D_M += k.unit * (M - 1);
    shift += fabs(moved) * k.D_d + k.unit * pulled;
    ck_assert_inflated("D(M) of heun", d.M, D_M);
    ck_assert_inflated("D(shift) of heun", d.shift, shift);
    ck_assert_same("|c| of heun", d.c_norm, pulled);
    gref_schedule_free(&vp);
}
END_TEST

START_TEST(test_bounds_of_modelled__are_their_sums)
{
    made_up x = make(_i);
    gref_scales k = x.k;
    gref_bounds_at d = x.d;
    gref_rule r = gref_spectral_rule(&x.s, T_STEP);
    double abar = d.abar, qbar = d.qbar, Sigma_t = abar * k.Sigma + qbar, root = sqrt(abar);
    double G = 0, G2 = 0, keep = 1, E = 1, pull = 0, fed = 0, white = 0;
    gref_bounds_of_modelled(&d, &k, &x.s);
    for (int b = 0; b < z->blocks; b++) {
        mode m = mode_of(z, b);
        double C = gref_spectral_likelihood(&x.s, abar, qbar, b);
        double f2 = abar * square(m.a * m.lambda) / (abar * m.lambda + qbar), L = C + f2;
        double g = m.a * m.lambda / L;
        G = fmax(G, g);
        keep = fmax(keep, fabs(1 - g * m.a));
        E = fmax(E, L / C);
        G2 += m.weight * g * g / z->m;
        pull += m.weight * square(m.a / L) * m.r2;
        fed += m.weight * square(g / L) * m.r2;
        white += m.weight * f2 * m.r2 / square(L);
    }
    double D_L = change_of_C(&x, norms_of(&x, &r)) + square(k.A) * (k.D_Sigma + k.unit * k.Sigma);
    ck_assert_same("D(C_{t|v})", d.modelled_cov,
                   abar * (keep * keep * k.D_Sigma + G * G * D_L + k.unit * k.Sigma) +
                       k.unit * (qbar + Sigma_t * E));
    ck_assert_same("D(mu_{t|v})", d.modelled_mean,
                   root * (sqrt(G2) * k.D_r + D_L * sqrt(fed) + keep * k.D_Sigma * sqrt(pull)) +
                       k.unit * (root * (k.mu + k.d) + E * sqrt(Sigma_t * white)));
}
END_TEST

/* The start, one step of the drift for a law with |P| = 0.5 and |mean| = 2, and a distance. */
START_TEST(test_bounds_of_laws__are_their_sums)
{
    gref_scales k = {.unit = 1e-3, .D_post = 2e-3, .D_d = 3e-3, .mu = 4, .d = 5, .post = 6};
    gref_drift e;
    double abar = schedule.abar[5], qbar = schedule.qbar[5];
    const int times[] = {5, 0};
    gref_spectral_sampler sampler = {.z = z, .schedule = &schedule, .row = gref_row_find("dps")};
    sampler.spec = make_spec("dps");
    sampler.spec.times = times;
    sampler.spec.n_times = 2;
    sampler.spec.convention.start = GREF_START_EXACT;
    ck_ok(gref_bounds_start(&e, &k, &sampler));
    ck_assert_same("exact start", e.cov, abar * 2e-3 + 1e-3 * (abar * 6 + qbar));
    ck_assert(e.mean == 0);
    sampler.spec.convention.start = GREF_START_STANDARD;
    ck_ok(gref_bounds_start(&e, &k, &sampler));
    ck_assert_same("standard start", e.cov, 1e-3);
    ck_assert_same("standard start's mean", e.mean, sqrt(abar) * (3e-3 + 1e-3 * 9));
    sampler.spec.convention.start = GREF_START_NOISE;
    ck_ok(gref_bounds_start(&e, &k, &sampler));
    ck_assert_same("noise", e.cov, 1e-3 * qbar);
    sampler.spec.convention.start = GREF_START_GIVEN;
    sampler.spec.convention.start_cov = (gref_cmat){&qbar, 1, 1, 1};
    ck_ok(gref_bounds_start(&e, &k, &sampler));
    ck_assert_same("given", e.cov, 1e-3 * qbar);
    gref_spectral_law law = {.s = {.z = z}, .P = fresh(1, z->blocks)};
    ck_ok(gref_cplx_new(&law.mean, 1, z->blocks));
    law.P.a[1] = 0.5;
    law.mean.re.a[1] = 2 / sqrt(z->weight.a[1]);
    gref_bounds_at d = {.M_norm = 1.5, .M = 0.01, .shift = 0.02, .N = 0.05};
    e = (gref_drift){.mean = 0.03, .cov = 0.04};
    gref_bounds_advance(&e, &d, &k, &law);
    ck_assert_inflated("mean", e.mean, 1.5 * 0.03 + 2 * (0.01 + 1e-3 * 1.5) + 0.02);
    ck_assert_inflated("covariance", e.cov,
                       2.25 * 0.04 + 0.5 * (2 * 1.5 * 0.01 + 1e-4 + 2.25 * 1e-3) + 0.05);
    ck_assert_same("W2 of singular laws", gref_bound_w2(0.5, 0.04, 9, 0, &k, 4), 0.5 + 0.4 + 3e-3);
    ck_assert_same("W2", gref_bound_w2(0.5, 0.04, 9, 25, &k, 4), 0.5 + 2 * 0.04 / 10 + 3e-3);
    gref_mat_free(&law.P);
    gref_cplx_free(&law.mean);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("crosscheck_bounds");
    TCase *tc = new_tcase(s, "crosscheck_bounds");
    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, test_scales_of__are_their_sums);
    tcase_add_loop_test(tc, test_bounds_of_step__are_their_sums, 0, MADE_UP);
    tcase_add_loop_test(tc, test_bounds_of_projection__are_their_sums, 0, 4);
    tcase_add_loop_test(tc, test_bounds_of_schemes__are_their_sums, 0, 2);
    tcase_add_loop_test(tc, test_bounds_of_modelled__are_their_sums, 0, MADE_UP);
    tcase_add_test(tc, test_bounds_of_laws__are_their_sums);
    return run_guarded_suite(s);
}
