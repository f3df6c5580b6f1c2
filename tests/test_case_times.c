/*
 * The visited times that an entry of "samplers" asks for: lists, and steps with a spacing, as
 * diffusers' DDIMScheduler.set_timesteps and DDRM's sample_image place them. Expected numbers are
 * NumPy's, from the expressions of those two programs, written above each table.
 */
#include "cases.h"
#include "support.h"

/* The case with the sampler `entry` and a schedule of T steps. */
static gref_case *with_sampler(const char *entry, int T)
{
    char samplers[512], schedule[64];
    const char *sets[] = {samplers, schedule, "report={}", NULL};
    snprintf(samplers, sizeof samplers, "samplers=[%s]", entry);
    snprintf(schedule, sizeof schedule, "schedule.steps=%d", T);
    return load(write_lines(0, NULL), sets);
}

/*
 *   leading   (np.arange(0, K)*(T//K)).round()[::-1] + 1
 *   linspace  np.linspace(0, T - 1, K).round()[::-1] + 1
 *   trailing  np.round(np.arange(T, 0, -(T/K)))
 *   skip      list(range(0, T, T//K))[::-1], plus 1
 *   quad      DiffPIR: seq = [int(s) for s in np.sqrt(np.linspace(0, T**2, K))]; seq[-1] -= 1; T - seq, no 0 behind
 * and 0 behind each. K = 48 of 1000 has the halves 937.5, 812.5, ...: to even.
 */
START_TEST(test_case_steps__are_the_times_of_published_code)
{
    static const struct {
        const char *spacing;
        int T, K, n, times[50];
    } table[] = {
        {"all", 4, 4, 5, {4, 3, 2, 1, 0}},
        {"leading", 20, 6, 7, {16, 13, 10, 7, 4, 1, 0}},
        {"linspace", 20, 6, 7, {20, 16, 12, 9, 5, 1, 0}},
        {"linspace", 20, 1, 2, {1, 0}},
        {"trailing", 20, 6, 7, {20, 17, 13, 10, 7, 3, 0}},
        {"skip", 20, 6, 8, {19, 16, 13, 10, 7, 4, 1, 0}},
        {"quad", 1000, 10, 10, {1000, 667, 529, 423, 334, 255, 184, 119, 58, 1}},
        {"trailing", 1000, 48, 49, {1000, 979, 958, 937, 917, 896, 875, 854, 833, 812,
                                    792,  771, 750, 729, 708, 687, 667, 646, 625, 604,
                                    583,  562, 542, 521, 500, 479, 458, 437, 417, 396,
                                    375,  354, 333, 312, 292, 271, 250, 229, 208, 187,
                                    167,  146, 125, 104, 83,  62,  42,  21,  0}},
    };
    for (size_t k = 0; k < sizeof table / sizeof *table; k++) {
        char entry[128];
        const gref_sampler_spec *spec = NULL;
        snprintf(entry, sizeof entry, "{\"name\":\"ddpm\",\"steps\":%d,\"spacing\":\"%s\"}",
                 table[k].K, table[k].spacing);
        gref_case *c = with_sampler(entry, table[k].T);
        gref_case_samplers(c, &spec);
        ck_assert_int_eq(spec->n_times, table[k].n);
        for (int i = 0; i < table[k].n; i++)
            ck_assert_int_eq(spec->times[i], table[k].times[i]);
        gref_case_free(c);
    }
}
END_TEST

/*
 * Every K of T = 37 and every 9th of T = 1000, each list behind the last in one number:
 *   for K in Ks: for x in times(T, K): h = (h*31 + x + 1) % 1000000007
 * Where np.arange gives K + 1 times, the first K.
 */
START_TEST(test_case_steps__are_those_times_for_every_number)
{
    static const struct {
        const char *spacing;
        int T, stride;
        long long hash;
    } table[] = {{"leading", 37, 1, 360013295},    {"linspace", 37, 1, 111719202},
                 {"trailing", 37, 1, 149516381},   {"skip", 37, 1, 754073263},
                 {"leading", 1000, 9, 928307632},  {"linspace", 1000, 9, 534411513},
                 {"trailing", 1000, 9, 763781477}, {"skip", 1000, 9, 900988418}};
    for (size_t k = 0; k < sizeof table / sizeof *table; k++) {
        long long hash = 0;
        for (int K = 1; K <= table[k].T; K += table[k].stride) {
            char entry[128];
            const gref_sampler_spec *spec = NULL;
            snprintf(entry, sizeof entry, "{\"name\":\"ddpm\",\"steps\":%d,\"spacing\":\"%s\"}", K,
                     table[k].spacing);
            gref_case *c = with_sampler(entry, table[k].T);
            gref_case_samplers(c, &spec);
            for (int i = 0; i < spec->n_times; i++) {
                ck_assert(i == 0 || spec->times[i] < spec->times[i - 1]);
                hash = (hash * 31 + spec->times[i] + 1) % 1000000007;
            }
            gref_case_free(c);
        }
        ck_assert_msg(hash == table[k].hash, "%s, T = %d: %lld", table[k].spacing, table[k].T,
                      hash);
    }
}
END_TEST

/* The spacing that is not said is "leading", and stands in the completed case; steps tell labels
 * apart. */
START_TEST(test_case_steps__complete_the_case)
{
    gref_case *c =
        with_sampler("{\"name\":\"ddpm\",\"steps\":5},{\"name\":\"ddpm\",\"steps\":4}", 20);
    char *text = gref_case_print(c);
    const gref_sampler_spec *spec = NULL;
    ck_assert_ptr_nonnull(strstr(text, "\"steps\": 5,\n      \"spacing\": \"leading\""));
    ck_assert_int_eq(gref_case_samplers(c, &spec), 2);
    ck_assert_str_eq(spec[0].label, "ddpm-steps=5");
    ck_assert_str_eq(spec[1].label, "ddpm-steps=4");
    free(text);
    gref_case_free(c);
}
END_TEST

START_TEST(test_case_steps__are_refused_in_one_line)
{
    const struct {
        const char *entry, *message;
    } t[] = {
        {"   {\"name\": \"dps\", \"steps\": 21}],",
         ":9: samplers.1.steps is 21, but the schedule has 20 steps"},
        {"   {\"name\": \"dps\", \"steps\": 0}],", ":9: samplers.1.steps must be >= 1, not 0"},
        {"   {\"name\": \"dps\", \"steps\": 2.5}],",
         ":9: samplers.1.steps must be an integer, not 2.5"},
        {"   {\"name\": \"dps\", \"steps\": 5, \"times\": [4, 0]}],",
         ":9: samplers.1.times cannot stand beside samplers.1.steps: give one"},
        {"   {\"name\": \"dps\", \"spacing\": \"skip\"}],",
         ":9: samplers.1.spacing belongs to samplers.1.steps, which the case does not have"},
        {"   {\"name\": \"dps\", \"steps\": 5, \"spacing\": \"trailling\"}],",
         ":9: samplers.1.spacing must be one of \"all\", \"leading\", \"linspace\", \"trailing\", "
         "\"skip\", \"quad\", not \"trailling\" (did you mean trailing?)"},
        {"   {\"name\": \"dps\", \"steps\": 5, \"spacing\": \"all\"}],",
         ":9: samplers.1.steps is 5, but the spacing \"all\" visits all 20 times of the schedule"},
    };
    for (size_t k = 0; k < sizeof t / sizeof *t; k++)
        assert_refused(write_lines(9, t[k].entry), NULL, 0, t[k].message);
}
END_TEST

/*
 * laws_at by default: of every sampler the visited times nearest to the fractions of T, by hand; a
 * larger time is taken of two that are as near. What all samplers visit stands once.
 */
START_TEST(test_case_laws__default_to_visited_times)
{
    const struct {
        const char *samplers;
        int T, n, laws[8];
    } t[] = {
        {"{\"name\":\"ddpm\",\"steps\":4}", 20, 5, {16, 11, 6, 1, 0}},
        {"{\"name\":\"ddpm\",\"steps\":4},{\"name\":\"cgdm\"}", 20, 8, {16, 12, 11, 8, 6, 4, 1, 0}},
        {"{\"name\":\"ddpm\",\"times\":[20,10,7]}", 20, 3, {20, 10, 7}},
        {"{\"name\":\"ddpm\",\"times\":[18,14,10,6]}", 20, 4, {18, 14, 10, 6}},
        {"{\"name\":\"ddpm\",\"steps\":20}", 1000, 6, {801, 601, 401, 201, 51, 0}}};
    for (size_t k = 0; k < sizeof t / sizeof *t; k++) {
        const int *laws = NULL;
        gref_case *c = with_sampler(t[k].samplers, t[k].T);
        ck_assert_int_eq(gref_case_laws_at(c, &laws), t[k].n);
        ck_assert(memcmp(laws, t[k].laws, (size_t)t[k].n * sizeof *laws) == 0);
        gref_case_free(c);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("case_times");
    TCase *tc = new_tcase(s, "case_times");
    tcase_add_test(tc, test_case_steps__are_the_times_of_published_code);
    tcase_add_test(tc, test_case_steps__are_those_times_for_every_number);
    tcase_add_test(tc, test_case_steps__complete_the_case);
    tcase_add_test(tc, test_case_steps__are_refused_in_one_line);
    tcase_add_test(tc, test_case_laws__default_to_visited_times);
    return run_suite(s);
}
