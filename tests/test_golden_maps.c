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

static void pencil_begin(pencil *w, const char *name, bool vp, gref_scheme scheme)
{
    const double beta[] = {0.1, 8}, span[] = {1e-3, 1};
    gref_sampler_spec spec = make_spec(name);
    *w = (pencil){.p = diagonal_problem()};
    spec.convention = gref_convention_of(name);
    spec.convention.scheme = scheme;
    ck_ok(gref_modes_new(&w->z, &w->p));
    ck_ok(vp ? gref_schedule_vp(&w->schedule, beta, span, 7)
             : gref_schedule_linear(&w->schedule, 0.1, 0.2, 7));
    ck_ok(gref_golden_scale_of(&w->c, &w->z, &w->p));
    ck_ok(gref_sampler_new(&w->s, &w->z, &w->schedule, &spec));
    ck_ok(gref_golden_sizes_at(&w->e, &w->c, w->s, AT, false));
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

/*
 * ddnm by pencil. Its functions are fx = 0, 0, sqrt(a') and fv = sqrt(a')/s: the slopes are sqrt(a')/0.8
 * and sqrt(a')/0.8^2. fe and fn do not move.
 */
START_TEST(test_golden_maps__of_ddnm_by_pencil)
{
    pencil w;
    pencil_begin(&w, "ddnm", false, GREF_SCHEME_DDPM);
    const gref_golden_sizes e = w.e;
    const gref_golden_scale c = w.c;
    double q = w.schedule.qbar[AT], free_q = w.schedule.qbar[AT - 1], rel = pencil_rel(&w);
    double root = sqrt(w.schedule.abar[AT]), next = sqrt(w.schedule.abar[AT - 1]);
    double D_A = sqrt(2.0) * c.nu * 1.5, fe = sqrt((1 - 0.85 * 0.85) * free_q), fv = next / 0.8;
    double D_x = D_A * next / 0.8 + rel * next, D_e = rel * fe, D_v = D_A * fv / 0.8 + rel * fv;
    double E = sqrt(q) / e.s_min, D_J = (e.delta * q / e.s_min + e.tick) / root;
    ck_assert_same("map", e.map,
                   next * D_J + D_x * e.j + fe * e.delta * E + D_e * E +
                       c.nu * (next * e.j + fe * E + 1));
    ck_assert_same("rest", e.rest,
                   (D_x + (c.nu + e.tick) * next) * c.mu +
                       e.tick * (next * e.j + fe * E) * root * c.mu + (D_v + c.nu * fv) * c.v);
    ck_assert_same("contraction", e.contraction, next * e.j + fe * E);
    ck_assert_same("image", e.image, 1);
    ck_assert_same("image error", e.image_error, D_A / 0.8 + rel + c.nu);
    ck_assert_same("image rest", e.image_rest, (D_A / 0.64 + (rel + c.nu) / 0.8) * c.v);
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
    pencil_begin(&w, "ddrm", false, GREF_SCHEME_DDPM);
    double a = w.schedule.abar[AT - 1], q = w.schedule.qbar[AT - 1], rel = pencil_rel(&w);
    double n = q - a * 0.25 / 0.64, slope = 2 * a * 0.25 / 0.512, D_A = sqrt(2.0) * w.c.nu * 1.5;
    ck_assert_same("floor", w.e.noise_floor, n);
    ck_assert_same("noise", w.e.noise, D_A * slope + rel * q + 4 * EPS * (q - a * 0.25 / 2.25));
    ck_assert_same("root", w.e.noise_root, (D_A * slope + rel * q) / (2 * sqrt(n)));
    double aT = w.schedule.abar[7], qT = w.schedule.qbar[7], level = 0.25 * aT / qT / 0.64;
    double lost = (4 + 8 * sqrt(7.0) * (1 + 1 / qT)) * EPS, pull = sqrt(aT / qT) / 0.8;
    gref_golden_start_error(&mean, &w2, &w.c, w.s);
    ck_assert_same("start", mean, (D_A * pull / 0.8 + (lost + w.c.nu) * pull) * w.c.v);
    ck_assert_same("spread of the start", w2,
                   sqrt(3.0) * (D_A * level / 0.8 + lost / 2) / sqrt(1 - level));
    pencil_end(&w);
}
END_TEST

/* Heun on vp without guidance: two slopes g (1 + 1/s_min), each with its error, half of each. */
START_TEST(test_golden_maps__of_heun_by_pencil)
{
    pencil w;
    pencil_begin(&w, "unconditional", true, GREF_SCHEME_HEUN);
    double S[2], D[2], lost[2], g[2], step = w.schedule.time[AT] - w.schedule.time[AT - 1];
    for (int i = 0; i < 2; i++) {
        gref_golden_sizes k;
        gref_golden_prior_sizes(&k, &w.c, &w.schedule, AT - i);
        S[i] = 1 / k.s_min;
        D[i] = k.delta / k.s_min;
        lost[i] = k.tick + w.c.nu;
        g[i] = step / 2 * (0.1 + 7.9 * w.schedule.time[AT - i]);
    }
    double K = g[0] * (1 + S[0]), D_K = g[0] * ((1 + S[0]) * lost[0] + D[0]) + lost[0] * K;
    double Y = 1 + K, D_Y = D_K + lost[1] * Y;
    double L = g[1] * (1 + S[1]) * Y, D_L = g[1] * ((1 + S[1]) * D_Y + D[1] * Y) + lost[1] * L;
    ck_assert_same("contraction", w.e.contraction, 1 + (K + L) / 2);
    ck_assert_same("map", w.e.map, (D_K + D_L) / 2 + lost[0] * (1 + (K + L) / 2));
    pencil_end(&w);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("golden_maps");
    TCase *tc = new_tcase(s, "golden_maps");
    tcase_add_test(tc, test_golden_maps__of_ddnm_by_pencil);
    tcase_add_test(tc, test_golden_maps__of_ddrm_by_pencil);
    tcase_add_test(tc, test_golden_maps__of_heun_by_pencil);
    return run_guarded_suite(s);
}
