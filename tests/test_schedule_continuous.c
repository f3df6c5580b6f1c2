/*
 * Schedules whose abar is given in closed form (vp, edm) or by the user, against 113-bit evaluation
 * from the doubles that they start from. There 1 - abar and decay are what is left of 1, so no
 * formula is shared; what subtraction loses in quad is below 2^-10 of the bounds used here. Bounds
 * count the roundings of each formula, as the comments of schedule.c state them.
 */
#include "support.h"
#include "wide.h"

#include <float.h>
#include <string.h>

#include <gref/schedule.h>

static double relative(double x, quad y)
{
    return y == 0 && x == 0 ? 0.0 : (double)(quad_abs(x - y) / quad_abs(y));
}

/* e^-x, x in [0, 800]: 16 halvings of x, 12 terms, 16 squarings; relative 2^-94. */
static quad quad_exp_minus(quad x)
{
    quad term = 1, sum = 1;
    for (int k = 1; k <= 12; k++) {
        term *= -x / 65536 / k;
        sum += term;
    }
    for (int k = 0; k < 16; k++)
        sum *= sum;
    return sum;
}

typedef struct {
    double abar, qbar, decay, alpha, beta_tilde; /* in units of EPS */
} units;

/* Every entry from `abar` of the T + 1 states; the recursion of the variance holds for any start. */
static void check_all(const gref_schedule *s, const quad *abar, units u)
{
    ck_assert(s->decay[0] == 0 && s->beta[0] == 0 && s->alpha[0] == 1 && s->beta_tilde[0] == 0);
    for (int t = 0; t <= s->T; t++) {
        double B = 1 - log(s->abar[t]); /* exp's condition */
        ck_assert_bound("abar", relative(s->abar[t], abar[t]), u.abar * B * EPS);
        ck_assert_bound("qbar", relative(s->qbar[t], 1 - abar[t]), u.qbar * EPS);
        if (t == 0)
            continue;
        quad decay = 1 - abar[t] / abar[t - 1], before = 1 - abar[t - 1];
        ck_assert_bound("decay", relative(s->decay[t], decay), u.decay * EPS);
        ck_assert_bound("beta~", relative(s->beta_tilde[t], decay * before / (1 - abar[t])),
                        u.beta_tilde * EPS);
        if (s->kind == GREF_SCHEDULE_VP)
            continue;
        ck_assert(s->beta[t] == s->decay[t]);
        ck_assert_bound("alpha", relative(s->alpha[t], abar[t] / abar[t - 1]), u.alpha * EPS);
    }
}

/*
 * abar of cosine and of tiny steps, and an abar that falls by 300 decades in one step. 1 - a rounds once;
 * decay twice; alpha once; beta~ has decay, two qbar and two operations.
 */
START_TEST(test_schedule_from_abar__is_exact_for_its_abar)
{
    gref_schedule cosine = {0}, s = {0};
    ck_ok(gref_schedule_cosine(&cosine, 300));
    double tiny[40], steep[] = {1 - EPS, 0.5, 1e-7, 1e-307};
    for (int t = 1; t <= 40; t++)
        tiny[t - 1] = 1 - t * 0x1p-50;
    const struct {
        const double *abar;
        int T;
    } list[] = {{cosine.abar + 1, 300}, {tiny, 40}, {steep, 4}};
    for (int k = 0; k < 3; k++) {
        quad abar[301] = {1};
        for (int t = 1; t <= list[k].T; t++)
            abar[t] = list[k].abar[t - 1];
        ck_ok(gref_schedule_from_abar(&s, list[k].abar, list[k].T));
        ck_assert(s.kind == GREF_SCHEDULE_DISCRETE && s.time == NULL && s.least_steps == 0);
        check_all(&s, abar, (units){0, 1, 2, 1, 6});
        gref_schedule_free(&s);
    }
    gref_schedule_free(&cosine);
}
END_TEST

static void check_sigmas(const gref_schedule *s)
{
    quad abar[301];
    ck_assert(s->kind == GREF_SCHEDULE_EDM && s->time[0] == 0 && s->abar[0] == 1);
    for (int t = 0; t <= s->T; t++)
        abar[t] = 1 / (1 + (quad)s->time[t] * s->time[t]);
    check_all(s, abar, (units){3, 4, 6, 7, 16});
}

/* Levels from 1e-7 to 1e6, near and far: abar has three roundings, qbar four, decay six, alpha
 * seven. */
START_TEST(test_schedule_from_sigmas__is_exact_for_its_levels)
{
    const double wide[] = {1e-7, 1e-6, 0.5, 0.5 + 0x1p-40, 0.75, 1e6};
    double near[300];
    for (int t = 0; t < 300; t++)
        near[t] = 0.1 + t * 1e-9;
    gref_schedule s = {0};
    ck_ok(gref_schedule_from_sigmas(&s, wide, 6));
    check_sigmas(&s);
    ck_assert(memcmp(s.time + 1, wide, sizeof wide) == 0);
    gref_schedule_free(&s);
    ck_ok(gref_schedule_from_sigmas(&s, near, 300));
    check_sigmas(&s);
    gref_schedule_free(&s);
}
END_TEST

/*
 *   mp.mp.dps = 40
 *   r = lambda x: mp.mpf(x)**(1/mp.mpf(rho))
 *   (r(smax) + mp.mpf(T - t)/(T - 1)*(r(smin) - r(smax)))**rho, for the doubles smin, smax
 * Bound as documented. The ends are the user's numbers to the bit.
 */
START_TEST(test_schedule_edm__is_the_grid_of_karras)
{
    static const struct {
        double least, most, rho;
        int T, t;
        double sigma;
    } gold[] = {{0.002, 80, 7, 18, 2, 0.007528019962784070524451},
                {0.002, 80, 7, 18, 9, 1.923339837040049937334},
                {0.002, 80, 7, 18, 17, 57.58598472124815781622},
                {0.02, 10, 3, 50, 2, 0.02975359109134188369815},
                {0.02, 10, 3, 50, 25, 1.701029282776015255868},
                {0.02, 10, 3, 50, 49, 9.474381022125319428538}};
    for (size_t k = 0; k < sizeof gold / sizeof *gold; k++) {
        gref_schedule s = {0};
        double rho = gold[k].rho, most = gold[k].most;
        ck_ok(gref_schedule_edm(&s, gold[k].least, most, rho, gold[k].T));
        double log_most = fmax(fabs(log(gold[k].least)), fabs(log(most)));
        double ratio = pow(most / gold[k].sigma, 1 / rho);
        ck_assert_bound("sigma", relative(s.time[gold[k].t], gold[k].sigma),
                        (6 * rho + log_most + 3) * ratio * EPS);
        ck_assert(s.time[1] == gold[k].least && s.time[s.T] == most);
        check_sigmas(&s);
        gref_schedule_free(&s);
    }
}
END_TEST

/*
 * Every entry of vp from its doubles tau, b0, b1: the integral of beta is the mean of its ends times
 * tau. abar has 4 B roundings and two of exp, qbar six, decay eight, beta~ 22; beta(tau) dt six.
 * The grid is uniform to three roundings of its end.
 */
static void check_vp(const double beta[2], const double span[2], int T)
{
    gref_schedule s = {0};
    quad *abar = calloc((size_t)T + 1, sizeof *abar), slope = (quad)beta[1] - beta[0];
    quad dt = ((quad)span[1] - span[0]) / T;
    ck_ok(gref_schedule_vp(&s, beta, span, T));
    ck_assert(s.kind == GREF_SCHEDULE_VP && s.time[0] == span[0] && s.time[T] == span[1]);
    for (int t = 0; t <= T; t++) {
        quad at = s.time[t], rate = beta[0] + slope * at;
        ck_assert_bound("grid", quad_distance(at, span[0] + t * dt), 3 * EPS * span[1]);
        abar[t] = quad_exp_minus(at * (beta[0] + rate) / 2);
        if (t == 0)
            continue;
        ck_assert_bound("beta", relative(s.beta[t], rate * dt), 6 * EPS);
        ck_assert(s.alpha[t] == 1 - s.beta[t]);
    }
    check_all(&s, abar, (units){4, 6, 8, 0, 22});
    gref_schedule_free(&s);
    free(abar);
}

START_TEST(test_schedule_vp__is_exact_for_its_times)
{
    const double song[] = {0.1, 20}, unit[] = {1e-3, 1}, flat[] = {0.5, 0.5}, zero[] = {0, 3};
    const double whole[] = {0, 1}, late[] = {0.9, 1}, steep[] = {600, 700};
    const int lengths[] = {1, 2, 7, 100, 1000};
    for (int k = 0; k < 5; k++) {
        check_vp(song, unit, lengths[k]);
        check_vp(song, whole, lengths[k]);
        check_vp(flat, late, lengths[k]);
        check_vp(zero, unit, lengths[k]);
        check_vp(steep, whole, lengths[k]);
    }
}
END_TEST

/*
 *   mp.mp.dps = 40, for the doubles b0, b1, e, end; x = e + t*(end - e)/T; B = b0*x + (b1 - b0)*x*x/2
 *   -mp.expm1(-B), -mp.expm1(-(B - B_before)), (b0 + (b1 - b0)*x)*(end - e)/T
 * The grid here is rounded, so B may be off by two of its roundings more, and the difference of two
 * times by two roundings of the larger.
 */
START_TEST(test_schedule_vp__meets_forty_digits)
{
    static const struct {
        int t;
        double qbar, decay, beta;
    } gold[] = {
        {1, 0.0002396314937359738176481, 0.0001297017979444289703303, 0.000139640319900000005945},
        {2, 0.000389154899381669690088, 0.000149559244750917558916, 0.0001595005398000000059386},
        {500, 0.921332682354168452003, 0.009989727792391396838442, 0.01004989005000000000277},
        {1000, 0.9999568142509396586971, 0.01977198880013878938371, 0.01997999999999999999958}};
    gref_schedule s = {0};
    ck_ok(gref_schedule_vp(&s, (double[]){0.1, 20}, (double[]){1e-3, 1}, 1000));
    ck_assert_bound("qbar_0", relative(s.qbar[0], 0.0001099439557202748896572), 6 * EPS);
    for (int k = 0; k < 4; k++) {
        int t = gold[k].t;
        ck_assert_bound("qbar_t", relative(s.qbar[t], gold[k].qbar), (6 + 4) * EPS);
        ck_assert_bound("beta_t", relative(s.beta[t], gold[k].beta), (6 + 2) * EPS);
        ck_assert_bound("decay_t", relative(s.decay[t], gold[k].decay), (8 + 4.0 * (t + 1)) * EPS);
    }
    gref_schedule_free(&s);
}
END_TEST

/* From least_steps on every beta_t is below 1; with one step less, one is not. */
START_TEST(test_schedule_vp__says_from_which_number_of_steps_ddpm_exists)
{
    const double rates[][2] = {{0.1, 20}, {20, 20}, {0, 1024}, {0.5, 0.9}, {1, 1}},
                 spans[][2] = {{1e-3, 1}, {0, 1}, {0.25, 1}};
    for (int k = 0; k < 5; k++)
        for (int e = 0; e < 3; e++) {
            gref_schedule s = {0};
            int least;
            ck_ok(gref_schedule_vp(&s, rates[k], spans[e], 3));
            least = s.least_steps;
            gref_schedule_free(&s);
            for (int T = least > 1 ? least - 1 : 1; T <= least + 1; T++) {
                double most = 0;
                ck_ok(gref_schedule_vp(&s, rates[k], spans[e], T));
                for (int t = 1; t <= T; t++)
                    most = fmax(most, s.beta[t]);
                ck_assert_msg((most < 1) == (T >= least), "T = %d, least %d: %.17g", T, least,
                              most);
                ck_assert_int_eq(s.least_steps, least);
                gref_schedule_free(&s);
            }
        }
}
END_TEST

/* The states of s are every second state of the doubled one, to the bit; only vp has midpoints. */
START_TEST(test_schedule_doubled__keeps_every_state)
{
    gref_schedule s = {0}, twice = {0};
    for (int T = 1; T <= 1000; T += 111) {
        ck_ok(gref_schedule_vp(&s, (double[]){0.1, 20}, (double[]){1e-3, 1}, T));
        ck_ok(gref_schedule_doubled(&twice, &s));
        ck_assert_int_eq(twice.T, 2 * T);
        for (int t = 0; t <= T; t++) {
            ck_assert(twice.time[2 * t] == s.time[t] && twice.abar[2 * t] == s.abar[t]);
            ck_assert(twice.qbar[2 * t] == s.qbar[t] && 2 * twice.beta[2 * t] == s.beta[t]);
        }
        gref_schedule_free(&s);
        gref_schedule_free(&twice);
    }
    ck_ok(gref_schedule_edm(&s, 0.002, 80, 7, 4));
    ck_fails(gref_schedule_doubled(&twice, &s), GREF_ERR_RANGE);
    ck_assert(twice.beta == NULL);
    gref_schedule_free(&s);
}
END_TEST

static void refused(gref_status status, const gref_schedule *s, const char *message)
{
    ck_assert_int_eq(status, GREF_ERR_RANGE);
    ck_assert_str_eq(gref_last_error()->message, message);
    ck_assert(s->T == 7 && s->beta == NULL);
}

/* Every refusal has its values in one line, and leaves *s as it was. */
START_TEST(test_schedule__refuses_what_is_no_schedule)
{
    gref_schedule s = {.T = 7};
    const double unit[] = {1e-3, 1}, song[] = {0.1, 20};
    refused(gref_schedule_from_abar(&s, (double[]){0.9, 0.9}, 2), &s,
            "abar_2 = 0.90000000000000002 must lie between 0 and abar_1 = 0.90000000000000002");
    refused(gref_schedule_from_abar(&s, (double[]){1.0}, 1), &s,
            "abar_1 = 1 must lie between 0 and abar_0 = 1");
    refused(gref_schedule_from_abar(&s, (double[]){0.5, 0.0}, 2), &s,
            "abar_2 = 0 must lie between 0 and abar_1 = 0.5");
    refused(gref_schedule_from_abar(&s, (double[]){NAN}, 1), &s,
            "abar_1 = nan must lie between 0 and abar_0 = 1");
    refused(gref_schedule_from_abar(&s, (double[]){1e-310}, 1), &s,
            "abar_1 = 1e-310 is below every normal double");
    refused(gref_schedule_from_abar(&s, NULL, 0), &s, "a schedule needs at least one step, not 0");
    refused(gref_schedule_from_sigmas(&s, (double[]){2, 1}, 2), &s,
            "sigma_2 = 1 must be finite and above sigma_1 = 2");
    refused(gref_schedule_from_sigmas(&s, (double[]){0}, 1), &s,
            "sigma_1 = 0 must be finite and above sigma_0 = 0");
    refused(gref_schedule_from_sigmas(&s, (double[]){1, INFINITY}, 2), &s,
            "sigma_2 = inf must be finite and above sigma_1 = 1");
    refused(gref_schedule_from_sigmas(&s, (double[]){1, 1e200}, 2), &s,
            "abar_2 = 0 is below every normal double");
    refused(gref_schedule_from_sigmas(&s, (double[]){1e-200, 1}, 2), &s,
            "1 - abar_1 = 0 is below every normal double");
    refused(gref_schedule_edm(&s, 0.5, 80, 7, 1), &s,
            "an edm schedule needs at least two steps, not 1");
    refused(gref_schedule_edm(&s, 80, 0.5, 7, 9), &s,
            "sigma [80, 0.5] must be increasing, positive and finite");
    refused(gref_schedule_edm(&s, 0.5, 80, 0, 9), &s, "rho = 0 must be positive");
    refused(gref_schedule_vp(&s, song, unit, 0), &s, "a schedule needs at least one step, not 0");
    refused(gref_schedule_vp(&s, (double[]){20, 0.5}, unit, 9), &s,
            "beta [20, 0.5] must not decrease, with 0 <= first and 0 < last");
    refused(gref_schedule_vp(&s, (double[]){0, 0}, unit, 9), &s,
            "beta [0, 0] must not decrease, with 0 <= first and 0 < last");
    refused(gref_schedule_vp(&s, song, (double[]){1, 0.5}, 9), &s,
            "span [1, 0.5] must increase, with 0 <= first");
    refused(gref_schedule_vp(&s, song, (double[]){NAN, 1}, 9), &s,
            "span [nan, 1] must increase, with 0 <= first");
    refused(gref_schedule_vp(&s, song, (double[]){0, 10}, 9), &s,
            "abar_9 = 0 is below every normal double");
    refused(gref_schedule_vp(&s, song, (double[]){1, 1 + 0x1p-51}, 9), &s,
            "9 steps are too many for span [1, 1.0000000000000004]");
}
END_TEST

/* numpy: repr of (np.linspace(0.00085**0.5, 0.012**0.5, 1000)**2)[k], to the bit. */
START_TEST(test_schedule_linear_scaled__is_numpy_linspace_squared)
{
    static const struct {
        int k;
        double beta;
    } gold[] = {{0, 0.00085},
                {1, 0.0008546986554056862},
                {2, 0.0008594102617247102},
                {333, 0.003130552837570784},
                {500, 0.00481495414171188},
                {997, 0.011964765617080068},
                {998, 0.011982376333083366},
                {999, 0.012}};
    gref_schedule s = {.T = 7};
    refused(gref_schedule_linear_scaled(&s, 0.25, 4, 3), &s,
            "beta_2 = 1.5625 must lie between 0 and 1");
    ck_ok(gref_schedule_linear_scaled(&s, 0.00085, 0.012, 1000));
    for (size_t k = 0; k < sizeof gold / sizeof *gold; k++)
        ck_assert_msg(s.beta[gold[k].k + 1] == gold[k].beta, "k = %d: %.17g", gold[k].k,
                      s.beta[gold[k].k + 1]);
    gref_schedule_free(&s);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("schedule_continuous");
    TCase *tc = new_tcase(s, "schedule_continuous");
    tcase_add_test(tc, test_schedule_from_abar__is_exact_for_its_abar);
    tcase_add_test(tc, test_schedule_from_sigmas__is_exact_for_its_levels);
    tcase_add_test(tc, test_schedule_edm__is_the_grid_of_karras);
    tcase_add_test(tc, test_schedule_vp__is_exact_for_its_times);
    tcase_add_test(tc, test_schedule_vp__meets_forty_digits);
    tcase_add_test(tc, test_schedule_vp__says_from_which_number_of_steps_ddpm_exists);
    tcase_add_test(tc, test_schedule_doubled__keeps_every_state);
    tcase_add_test(tc, test_schedule__refuses_what_is_no_schedule);
    tcase_add_test(tc, test_schedule_linear_scaled__is_numpy_linspace_squared);
    return run_suite(s);
}
