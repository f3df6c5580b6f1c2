/*
 * Sizes and errors of steps that project, or evaluate the score several times, by pencil: a tolerance that is
 * too wide or too narrow, or lacks a term, is seen.
 */
#include <math.h>

#include "diffusion/internal.h"
#include "support.h"
#include "toy.h"
#include "verify/golden_parts.h"

/* A = diag(0.8, 1.5) and a column of zeros, sigma = 1/2, one sampler. */
typedef struct {
    gref_problem p;
    gref_modes z;
    gref_schedule schedule;
    gref_sampler *s;
    gref_golden_scale c;
    gref_golden_sizes e;
} pencil;

enum { AT = 5 };

static void pencil_open(pencil *w, const gref_sampler_spec *spec, bool vp)
{
    const double beta[] = {0.1, 8}, span[] = {1e-3, 1};
    ck_ok(gref_modes_new(&w->z, &w->p));
    ck_ok(vp ? gref_schedule_vp(&w->schedule, beta, span, 7)
             : gref_schedule_linear(&w->schedule, 0.1, 0.2, 7));
    ck_ok(gref_golden_scale_of(&w->c, &w->z, &w->p));
    ck_ok(gref_sampler_new(&w->s, &w->z, &w->schedule, spec));
    ck_ok(gref_golden_sizes_at(&w->e, &w->c, w->s, AT, false));
}

/* A row that projects. */
static void pencil_begin(pencil *w, const char *name)
{
    gref_sampler_spec spec = make_spec(name);
    *w = (pencil){.p = diagonal_problem()};
    spec.convention = gref_convention_of(name);
    pencil_open(w, &spec, false);
}

static void pencil_end(pencil *w)
{
    gref_sampler_free(w->s);
    gref_schedule_free(&w->schedule);
    gref_modes_free(&w->z);
    gref_problem_free(&w->p);
}

/* What sqrt(abar'), 1 - abar' and 1 - eta^2 lose, eta = 0.85. */
static double pencil_rel(const pencil *w)
{
    double lost = 8 * sqrt(5.0) * EPS;
    return (w->e.tick + lost / w->schedule.qbar[AT] + lost / w->schedule.qbar[AT - 1]) /
           (1 - 0.85 * 0.85);
}

/* What 1/s of the data moves by: the steepest quotient is 1/0.8^2 at 0.8, and 1/(0.8 1.5) at 1.5. */
static double pencil_inverse(const pencil *w)
{
    return hypot(w->p.v.a[0] / 0.64, w->p.v.a[1] / 1.2);
}

/*
 * ddnm by pencil. Its functions are fx = 0, 0, sqrt(a') and fv = sqrt(a')/s: the slopes are sqrt(a')/0.8
 * and sqrt(a')/0.8^2. fe and fn do not move.
 */
START_TEST(test_golden_maps__of_ddnm_by_pencil)
{
    pencil w;
    pencil_begin(&w, "ddnm");
    const gref_golden_sizes e = w.e;
    const gref_golden_scale c = w.c;
    double q = w.schedule.qbar[AT], free_q = w.schedule.qbar[AT - 1], rel = pencil_rel(&w);
    double root = sqrt(w.schedule.abar[AT]), next = sqrt(w.schedule.abar[AT - 1]);
    double D_A = sqrt(2.0) * c.nu * 1.5, fe = sqrt((1 - 0.85 * 0.85) * free_q), fv = next / 0.8;
    double D_x = D_A * next / 0.8 + rel * next, D_e = rel * fe;
    double E = sqrt(q) / e.s_min, D_J = (e.delta * q / e.s_min + e.tick) / root;
    ck_assert_same("map", e.map,
                   next * D_J + D_x * e.j + fe * e.delta * E + D_e * E +
                       c.nu * (next * e.j + fe * E + 1));
    ck_assert_same("rest", e.rest,
                   (D_x + (c.nu + e.tick) * next) * c.mu +
                       e.tick * (next * e.j + fe * E) * root * c.mu +
                       D_A * next * pencil_inverse(&w) + (rel + c.nu) * fv * c.v);
    ck_assert_same("contraction", e.contraction, next * e.j + fe * E);
    ck_assert_same("image", e.image, 1);
    ck_assert_same("image error", e.image_error, D_A / 0.8 + rel + c.nu);
    ck_assert_same("image rest", e.image_rest, D_A * pencil_inverse(&w) + (rel + c.nu) / 0.8 * c.v);
    ck_assert_same("noise", e.noise_floor, 0.85 * 0.85 * free_q);
    ck_assert(!e.near_branch);
    pencil_end(&w);
}
END_TEST

/*
 * ddrm by pencil: both singular values are above the noise, n = q' - a' sigma^2/s^2, steepest at s = 0.8,
 * where it is least too. The start: scale/s on the data, variance scale^2 (noise^2 - sigma^2/s^2).
 */
START_TEST(test_golden_maps__of_ddrm_by_pencil)
{
    pencil w;
    double mean, w2;
    pencil_begin(&w, "ddrm");
    double a = w.schedule.abar[AT - 1], q = w.schedule.qbar[AT - 1], rel = pencil_rel(&w);
    double n = q - a * 0.25 / 0.64, slope = 2 * a * 0.25 / 0.512, D_A = sqrt(2.0) * w.c.nu * 1.5;
    ck_assert_same("floor", w.e.noise_floor, n);
    ck_assert_same("noise", w.e.noise, D_A * slope + rel * q + 4 * EPS * (q - a * 0.25 / 2.25));
    ck_assert_same("root", w.e.noise_root, (D_A * slope + rel * q) / (2 * sqrt(n)));
    double aT = w.schedule.abar[7], qT = w.schedule.qbar[7], level = 0.25 * aT / qT / 0.64;
    double lost = (4 + 8 * sqrt(7.0) * (1 + 1 / qT)) * EPS, pull = sqrt(aT / qT) / 0.8;
    gref_golden_start_error(&mean, &w2, &w.c, w.s);
    ck_assert_same("start", mean,
                   D_A * 0.8 * pull * pencil_inverse(&w) + (lost + w.c.nu) * pull * w.c.v);
    ck_assert_same("spread of the start", w2,
                   sqrt(3.0) * (D_A * level / 0.8 + lost / 2) / sqrt(1 - level));
    pencil_end(&w);
}
END_TEST

/*
 * diffpir by pencil: the image is rho/(s^2 + rho) x0hat and s/(s^2 + rho) of the data, and the rest of x is
 * kept by the state: what is left is divided by sqrt(a') - w sqrt(a).
 */
START_TEST(test_golden_maps__of_diffpir_by_pencil)
{
    pencil w;
    pencil_begin(&w, "diffpir");
    double a = w.schedule.abar[AT], q = w.schedule.qbar[AT], next = sqrt(w.schedule.abar[AT - 1]);
    double rho = 0.25 * 7 * 0.25 * a / q, lost = 8 * sqrt(5.0) * EPS;
    double keep = sqrt(0.7 * w.schedule.qbar[AT - 1] / q);
    double rel = (w.e.tick + lost / q + lost / w.schedule.qbar[AT - 1]) / 0.7 * next /
                 (next - keep * sqrt(a));
    double D_A = sqrt(2.0) * w.c.nu * 1.5, at = 0.64 + rho, slope = (1 - rho / at) / 0.8;
    double data = 0.8 / at, other = 1.5 / (2.25 + rho), both = (data + other) / 2.3;
    ck_assert(2 * 0.8 * rho / (at * at) < slope && fabs(rho - 0.64) / (at * at) < 1 / at &&
              other < data);
    ck_assert(fabs(rho - 2.25) / pow(2.25 + rho, 2) < both && (data - other) / 0.7 < both &&
              both < 1 / at && 1 / (2.25 + rho) < both);
    ck_assert_same("image error", w.e.image_error, D_A * slope + rel + w.c.nu);
    ck_assert_same("image rest", w.e.image_rest,
                   D_A * hypot(w.p.v.a[0] / at, w.p.v.a[1] * both) + (rel + w.c.nu) * data * w.c.v);
    pencil_end(&w);
}
END_TEST

/* Singular values that differ by rounding alone have no difference quotient: the slope is that of one. */
START_TEST(test_golden_maps__of_values_that_are_as_good_as_equal)
{
    double image[2];
    for (int apart = 0; apart < 2; apart++) {
        pencil w = {.p = diagonal_problem()};
        gref_sampler_spec spec = make_spec("ddnm");
        spec.convention = gref_convention_of("ddnm");
        GREF_AT(w.p.A, 1, 1) = 0.8 * (1 + apart * 7 * EPS);
        pencil_open(&w, &spec, false);
        image[apart] = w.e.image_error;
        pencil_end(&w);
    }
    ck_assert_same("image error", image[1], image[0]);
}
END_TEST

/*
 * More measurements than pixels: A = diag(0.8, 1.5, 1.1) above a row of zeros. Data outside its range meet
 * 1/0.8^2; the others 1/0.8^2, 1/(0.8 1.5), 1/(0.8 1.1).
 */
START_TEST(test_golden_maps__of_data_outside_the_range)
{
    const double a[] = {0.8, 1.5, 1.1};
    pencil w = {.p = dense_problem(3, 4, 4, 0, 0.5, 5)};
    gref_sampler_spec spec = make_spec("ddnm");
    spec.convention = gref_convention_of("ddnm");
    gref_mat_fill(w.p.A, 0.0);
    for (int i = 0; i < 3; i++)
        GREF_AT(w.p.A, i, i) = a[i];
    pencil_open(&w, &spec, false);
    const double *v = w.p.v.a;
    double parts = hypot(hypot(v[0] / 0.64, v[1] / 1.2), hypot(v[2] / 0.88, w.c.v / 0.64));
    ck_assert_same("image rest", w.e.image_rest,
                   sqrt(2.0) * w.c.nu * 1.5 * parts + (pencil_rel(&w) + w.c.nu) / 0.8 * w.c.v);
    pencil_end(&w);
}
END_TEST

/* The score at the two stages of Heun's step, with pigdm's guidance where it is part of it. */
typedef struct {
    double S, D, P, D_P, lost, g, root;
} stage;

static void stages_of(stage k[2], const pencil *w, bool inside)
{
    double step = w->schedule.time[AT] - w->schedule.time[AT - 1];
    for (int i = 0; i < 2; i++) {
        gref_golden_sizes z;
        ck_ok(gref_golden_score_sizes(&z, &w->c, w->s, AT - i, inside));
        k[i] = (stage){
            1 / z.s_min, z.delta / z.s_min, 0,
            0,           z.tick + w->c.nu,  step / 2 * (0.1 + 7.9 * w->schedule.time[AT - i]),
            z.root};
        if (inside) {
            k[i].S += z.gain;
            k[i].D += gref_golden_gain_error(&z, &w->c);
            k[i].P = z.pull;
            k[i].D_P = gref_golden_pull_error(&z, &w->c);
        }
    }
}

/* Error of Heun's step for a deviation d, |mu| and |r|; *size its bound. */
static double heun_error(double *size, const stage *k, double d, double mu, double r, double given)
{
    double Y = d, D_Y = k[0].lost * Y;
    double K = k[0].g * (Y + k[0].root * mu + k[0].S * Y + k[0].P * r);
    double D_K =
        k[0].g * ((1 + k[0].S) * D_Y + k[0].D * Y + k[0].D_P * r + k[0].P * given) + k[0].lost * K;
    double move = fabs(k[0].root - k[1].root) * mu;
    Y = d + K + move;
    D_Y = D_K + k[1].lost * Y;
    double L = k[1].g * (Y + k[1].root * mu + k[1].S * Y + k[1].P * r);
    double D_L =
        k[1].g * ((1 + k[1].S) * D_Y + k[1].D * Y + k[1].D_P * r + k[1].P * given) + k[1].lost * L;
    *size = d + (K + L) / 2 + move;
    return (D_K + D_L) / 2 + k[0].lost * *size;
}

/* Heun on vp by pencil: without guidance, with it in the score, and with it after the step. */
START_TEST(test_golden_maps__of_heun_by_pencil)
{
    static const char *const names[] = {"unconditional", "pigdm", "pigdm"};
    bool inside = _i == 1, after = _i == 2;
    pencil w = {.p = diagonal_problem()};
    stage k[2];
    double size;
    gref_sampler_spec spec = make_spec(names[_i]);
    spec.convention.scheme = GREF_SCHEME_HEUN;
    spec.convention.guidance = after ? GREF_GUIDANCE_AFTER : GREF_GUIDANCE_SCORE;
    spec.convention.zeta = 0.3;
    pencil_open(&w, &spec, true);
    stages_of(k, &w, inside);
    const gref_golden_scale c = w.c;
    const gref_golden_sizes e = w.e;
    double given = c.nu * (c.v + c.a * c.mu), step = after ? 0.6 : 0;
    double map = heun_error(&size, k, 1, 0, 0, 0) +
                 step * (gref_golden_gain_error(&e, &c) + e.tick * e.gain);
    ck_assert_same("contraction", e.contraction, size + step * e.gain);
    ck_assert_same("map", e.map, map);
    double rest =
        heun_error(&size, k, 0, c.mu, c.r, given) +
        step * ((gref_golden_pull_error(&e, &c) + e.tick * e.pull) * c.r + e.pull * given);
    ck_assert_same("rest", e.rest, rest);
    pencil_end(&w);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("golden_maps");
    TCase *tc = new_tcase(s, "golden_maps");
    tcase_add_test(tc, test_golden_maps__of_ddnm_by_pencil);
    tcase_add_test(tc, test_golden_maps__of_ddrm_by_pencil);
    tcase_add_test(tc, test_golden_maps__of_diffpir_by_pencil);
    tcase_add_test(tc, test_golden_maps__of_values_that_are_as_good_as_equal);
    tcase_add_test(tc, test_golden_maps__of_data_outside_the_range);
    tcase_add_loop_test(tc, test_golden_maps__of_heun_by_pencil, 0, 3);
    return run_guarded_suite(s);
}
