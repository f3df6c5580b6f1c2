/*
 * Schedules against numpy's betas, 50-digit values and 113-bit recomputation of every entry.
 *
 * gref carries products and the recursion of 1 - abar_t in double-double, so that each entry is the
 * exact value for the given doubles rounded once: bounds count the roundings to double that are
 * left.
 */
#include "support.h"
#include "wide.h"

#include <math.h>
#include <string.h>

#include <gref/random.h>
#include <gref/schedule.h>

/* |x/y - 1| without a rounding of its own; 0/0 counts as 0. */
static double relative(double x, quad y)
{
    return y == 0 && x == 0 ? 0.0 : (double)(quad_abs(x - y) / quad_abs(y));
}

/*
 * Every entry of the five arrays from the betas alone, in 113 bits: abar as a product, 1 - abar as
 * what is left of 1, so neither by the recursion nor in double-double. That loses T 2^-113/(1 -
 * abar), below u/16 where 1 - abar is above `least` = 2^-46 and T <= 4000.
 */
static void check_all(const gref_schedule *s, double least)
{
    ck_assert(s->beta[0] == 0 && s->alpha[0] == 1 && s->abar[0] == 1 && s->qbar[0] == 0);
    ck_assert(s->beta_tilde[0] == 0 && s->beta_tilde[1] == 0);
    ck_assert(s->qbar[1] == s->beta[1] && s->abar[1] == s->alpha[1]);
    quad abar = 1;
    for (int t = 1; t <= s->T; t++) {
        quad before = 1 - abar, beta = s->beta[t];
        abar *= 1 - beta;
        ck_assert(s->alpha[t] == 1 - s->beta[t]);
        if (abar > 0x1p-900) /* below, double-double has no low part left */
            ck_assert_bound("abar_t", relative(s->abar[t], abar), EPS);
        ck_assert_bound("qbar_t + abar_t - 1", quad_distance((quad)s->qbar[t] + s->abar[t], 1),
                        EPS);
        if (1 - abar < least)
            continue;
        ck_assert_bound("qbar_t", relative(s->qbar[t], 1 - abar), (1 + 0x1p-4) * EPS);
        if (t > 1 && before >= least)
            ck_assert_bound("beta~_t", relative(s->beta_tilde[t], beta * before / (1 - abar)),
                            4 * EPS);
        for (int k = 0; k <= 2; k++) { /* the recursion of the variance, for any start */
            double lambda = k * 0.75, here = s->abar[t] * lambda + s->qbar[t];
            double there = s->abar[t - 1] * lambda + s->qbar[t - 1];
            ck_assert_bound("s_t = alpha s_{t-1} + beta",
                            fabs(here - (s->alpha[t] * there + s->beta[t])), 5 * EPS * here);
        }
    }
}

/*
 * numpy.linspace(a, z, T), entry by entry as repr prints it, to the bit: another order of
 * operations than a + k * step is off by an ulp in most entries.
 */
START_TEST(test_schedule_linear__is_numpy_linspace)
{
    static const struct {
        double first, last;
        int T;
        struct {
            int k;
            double beta;
        } entry[8];
    } table[] = {
        {1e-4,
         0.02,
         1000,
         {{0, 0.0001},
          {1, 0.00011991991991991993},
          {2, 0.00013983983983983984},
          {333, 0.006733333333333333},
          {500, 0.010059959959959959},
          {997, 0.01996016016016016},
          {998, 0.01998008008008008},
          {999, 0.02}}},
        {0.1,
         0.7,
         38, /* here a + 37 * step is not 0.7 */
         {{0, 0.1},
          {1, 0.11621621621621622},
          {2, 0.13243243243243244},
          {12, 0.2945945945945946},
          {19, 0.40810810810810816},
          {35, 0.6675675675675675},
          {36, 0.6837837837837838},
          {37, 0.7}}},
        {0.0015,
         0.0195,
         50,
         {{0, 0.0015},
          {1, 0.0018673469387755102},
          {2, 0.0022346938775510204},
          {16, 0.0073775510204081626},
          {25, 0.010683673469387754},
          {47, 0.01876530612244898},
          {48, 0.01913265306122449},
          {49, 0.0195}}},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        gref_schedule s = {0};
        ck_ok(gref_schedule_linear(&s, table[i].first, table[i].last, table[i].T));
        ck_assert_int_eq(s.T, table[i].T);
        for (int e = 0; e < 8; e++) {
            int k = table[i].entry[e].k;
            ck_assert_msg(s.beta[k + 1] == table[i].entry[e].beta,
                          "T = %d, k = %d: %.17g, not %.17g", s.T, k, s.beta[k + 1],
                          table[i].entry[e].beta);
        }
        gref_schedule_free(&s);
        gref_schedule_free(&s);
        ck_assert(s.T == 0 && s.beta == NULL);
    }
}
END_TEST

/*
 * 50 digits for the doubles of the default schedule (betas b of numpy.linspace(1e-4, 0.02, 1000)):
 *   mp.mp.dps = 50; abar = mp.fprod(1 - mp.mpf(float(x)) for x in b[:t]); q = 1 - abar
 *   beta~ = mp.mpf(float(b[t - 1]))*q_before/q
 * abar and qbar to the bit, four roundings for beta~ (0.39). And THEORY's value of abar_1000, which
 * is for decimal betas: those and ours differ by u beta_t, so u (1 + sum of beta) in all (0.36).
 */
START_TEST(test_schedule_linear__meets_fifty_digits)
{
    static const struct {
        int t;
        double abar, qbar, beta_tilde;
    } gold[] = {
        {1, 0.9998999999999999999952078, 0.0001000000000000000047921736, 0.0},
        {2, 0.9997800920720720720559185, 0.0002199079279279279440815239,
         0.00005453187661302605772164729},
        {500, 0.07858724288177824260647695, 0.921412757118221757393523,
         0.01003135541461368722510762},
        {1000, 0.00004035829765375685121746636, 0.9999596417023462431487825,
         0.0199999835265606078921315},
    };
    gref_schedule s = {0};
    double sum = 0;
    ck_ok(gref_schedule_linear(&s, 1e-4, 0.02, 1000));
    for (int k = 0; k < 4; k++) {
        int t = gold[k].t;
        ck_assert(s.abar[t] == gold[k].abar && s.qbar[t] == gold[k].qbar);
        ck_assert_bound("gold beta~", fabs(s.beta_tilde[t] - gold[k].beta_tilde),
                        4 * EPS * gold[k].beta_tilde);
    }
    for (int t = 1; t <= 1000; t++)
        sum += s.beta[t];
    ck_assert_bound("THEORY's abar_1000", fabs(s.abar[1000] / 4.035829765375683314817635e-5 - 1),
                    EPS * (1 + sum));
    gref_schedule_free(&s);
}
END_TEST

/*
 * Every entry of schedules of all lengths, T = 1 and betas from 1e-30 to 1 - 2^-53 included. One
 * rounding is all there is in abar and qbar: worst ratios 0.99 and 0.93; 0.5 for their sum, 0.65
 * for beta~ (four), 0.80 for the recursion of the variance (five).
 */
START_TEST(test_schedule__every_entry_is_exact_for_its_betas)
{
    gref_schedule s = {0};
    const int lengths[] = {1, 2, 3, 10, 50, 1000, 4000};
    for (int i = 0; i < 7; i++) {
        ck_ok(gref_schedule_linear(&s, 1e-4, 0.02, lengths[i]));
        check_all(&s, 0x1p-46);
        gref_schedule_free(&s);
        ck_ok(gref_schedule_cosine(&s, lengths[i]));
        check_all(&s, 0x1p-46);
        gref_schedule_free(&s);
    }
    gref_mat u = fresh(300, 1);
    for (int power = 1; power <= 30; power += 7) {
        gref_random_uniform(u, 240, GREF_STREAM_TEST, 0, 0);
        for (int k = 0; k < 300; k++)
            u.a[k] = pow(u.a[k], power);
        ck_ok(gref_schedule_from_betas(&s, u.a, 300));
        check_all(&s, 0x1p-46);
        gref_schedule_free(&s);
    }
    const double edge[] = {1 - EPS, 0x1p-60, 0x1p-1000, 0.5, 1 - EPS};
    ck_ok(gref_schedule_from_betas(&s, edge, 5));
    check_all(&s, 0x1p-46);
    gref_schedule_free(&s);
    gref_mat_free(&u);
}
END_TEST

/*
 * Where 1 - abar by subtraction has few digits left: for equal betas b, 1 - (1 - b)^t = t b - t (t
 * - 1)/2 b^2 + ..., and the rest is below 2^-60 of it. The subtraction is off by more than 1e-5
 * somewhere, qbar by one rounding (0.94), and beta~_t = b (t - 1)/t (1 + b/2 + ...) by four (0.60).
 */
START_TEST(test_schedule__qbar_does_not_cancel)
{
    double beta[100];
    gref_schedule s = {0};
    for (int k = 0; k < 100; k++)
        beta[k] = 1e-12;
    ck_ok(gref_schedule_from_betas(&s, beta, 100));
    double lost = 0;
    for (int t = 1; t <= 100; t++) {
        quad b = 1e-12, exact = t * b - t * (t - 1) / 2 * b * b;
        ck_assert_bound("qbar", relative(s.qbar[t], exact), (1 + 0x1p-4) * EPS);
        ck_assert_bound("beta~", relative(s.beta_tilde[t], b * (t - 1) / t * (1 + b / 2)), 4 * EPS);
        lost = fmax(lost, relative(1 - s.abar[t], exact));
    }
    ck_assert_msg(lost > 1e-5, "the subtraction lost %g only", lost);
    gref_schedule_free(&s);
}
END_TEST

/*
 *   mp.mp.dps = 50
 *   f = lambda t, T: mp.cos((mp.mpf(t)/T + mp.mpf(8)/1000)/(mp.mpf(1008)/1000)*mp.pi/2)**2
 *   1 - f(t, T)/f(t - 1, T), capped at 0.999 for t = T
 * Relative, with 16 eps documented and 6 u held, worst ratio 0.33. The difference itself, taken in
 * double, was off by 5e-14 near t = T, where cos^2 of an angle close to pi/2 is formed.
 */
START_TEST(test_schedule_cosine__meets_fifty_digits)
{
    static const struct {
        int T, t;
        double beta;
    } gold[] = {{1000, 1, 0.00004128422482177780235346}, {1000, 2, 0.00004614175273669450843272},
                {1000, 3, 0.00005099948119889296127803}, {1000, 500, 0.003145886230478196353406},
                {1000, 900, 0.01954417980718209194939},  {1000, 997, 0.4374968127207806816644},
                {1000, 998, 0.5555537567415628478541},   {1000, 999, 0.7499993929011620277828},
                {4, 1, 0.1529878386730952655397},        {4, 2, 0.4169580875119943505328},
                {4, 3, 0.7078587123971635595191},        {50, 1, 0.001747513533865447191127},
                {50, 25, 0.05935366429225695364219},     {50, 49, 0.7497570035157506771137}};
    for (size_t k = 0; k < sizeof gold / sizeof *gold; k++) {
        gref_schedule s = {0};
        ck_ok(gref_schedule_cosine(&s, gold[k].T));
        ck_assert_bound("cosine beta", fabs(s.beta[gold[k].t] / gold[k].beta - 1), 6 * EPS);
        ck_assert(s.beta[s.T] == 0.999);
        gref_schedule_free(&s);
    }
    gref_schedule one = {0};
    ck_ok(gref_schedule_cosine(&one, 1));
    ck_assert(one.beta[1] == 0.999);
    gref_schedule_free(&one);
}
END_TEST

/* The bad beta is named with its t and its digits, the bad T with its value; *s stays as it was. */
START_TEST(test_schedule__refuses_and_names_t)
{
    gref_schedule s = {.T = 7};
    static const struct {
        double beta;
        const char *message;
    } bad[] = {{0.0, "beta_3 = 0 must lie between 0 and 1"},
               {1.0, "beta_3 = 1 must lie between 0 and 1"},
               {-0.25, "beta_3 = -0.25 must lie between 0 and 1"},
               {NAN, "beta_3 = nan must lie between 0 and 1"},
               {INFINITY, "beta_3 = inf must lie between 0 and 1"}};
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        const double beta[] = {0.1, 0.2, bad[k].beta, 2.0};
        ck_fails(gref_schedule_from_betas(&s, beta, 4), GREF_ERR_RANGE);
        ck_assert_str_eq(gref_last_error()->message, bad[k].message);
    }
    for (int T = 0; T >= -1; T--) {
        const double beta[] = {0.5};
        ck_fails(gref_schedule_from_betas(&s, beta, T), GREF_ERR_RANGE);
        ck_assert_ptr_nonnull(strstr(gref_last_error()->message, "needs at least one step, not"));
        ck_fails(gref_schedule_linear(&s, 0.1, 0.2, T), GREF_ERR_RANGE);
        ck_fails(gref_schedule_cosine(&s, T), GREF_ERR_RANGE);
    }
    ck_fails(gref_schedule_linear(&s, 0.5, 1.5, 3), GREF_ERR_RANGE);
    ck_assert_str_eq(gref_last_error()->message, "beta_2 = 1 must lie between 0 and 1");
    ck_fails(gref_schedule_linear(&s, NAN, 0.5, 3), GREF_ERR_RANGE);
    ck_fails(gref_schedule_linear(&s, 0.5, NAN, 3), GREF_ERR_RANGE);
    ck_fails(gref_schedule_linear(&s, 0.0, 0.5, 1), GREF_ERR_RANGE);
    ck_assert(s.T == 7 && s.beta == NULL);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("schedule");
    TCase *tc = new_tcase(s, "schedule");
    tcase_add_test(tc, test_schedule_linear__is_numpy_linspace);
    tcase_add_test(tc, test_schedule_linear__meets_fifty_digits);
    tcase_add_test(tc, test_schedule__every_entry_is_exact_for_its_betas);
    tcase_add_test(tc, test_schedule__qbar_does_not_cancel);
    tcase_add_test(tc, test_schedule_cosine__meets_fifty_digits);
    tcase_add_test(tc, test_schedule__refuses_and_names_t);
    return run_suite(s);
}
