/*
 * The visited times of a sampler: a list, or K steps with a spacing of the schedule's T.
 *
 * A spacing gives the k-th of the visited times from the start, k = 0, 1, ...; after them the chain
 * ends at 0, that of "quad" at 1. Published code counts from 0: its t is t - 1 here.
 *
 *     all         T - k, K = T
 *     leading     (K - 1 - k) floor(T/K) + 1                        diffusers' set_timesteps, steps_offset = 0
 *     linspace    round((K - 1 - k) (T - 1)/(K - 1)) + 1            likewise, numpy.linspace
 *     trailing    round(T - k T/K)                                  likewise, numpy.arange
 *     skip        the k-th last of range(0, T, floor(T/K)), plus 1  DDRM; may be more than K times
 *     quad        T - floor(sqrt(k T^2/(K - 1))) for k < K - 1      DiffPIR; then 1, where its chain ends
 *
 * For some K numpy.arange ends with one time more, -1 in their count; here it is left out.
 * round is that of NumPy, halves to even. The products and differences are taken in the order in
 * which NumPy takes them, which decides a half.
 */
#include <math.h>
#include <string.h>

#include "internal.h"

typedef int place(int k, int K, int T);

static int place_all(int k, int K, int T)
{
    (void)K;
    return T - k;
}

static int place_leading(int k, int K, int T)
{
    return (K - 1 - k) * (T / K) + 1;
}

static int place_linspace(int k, int K, int T)
{
    int i = K - 1 - k;
    return i == 0 ? 1 : k == 0 ? T : (int)rint(i * ((T - 1.0) / (K - 1))) + 1;
}

static int place_trailing(int k, int K, int T)
{
    double delta = T - (double)T / K - T;
    return (int)rint(T + k * delta);
}

/* Number of times of the spacing "skip". */
static int count_skip(int K, int T)
{
    return (T - 1) / (T / K) + 1;
}

static int place_skip(int k, int K, int T)
{
    return (count_skip(K, T) - 1 - k) * (T / K) + 1;
}

static int place_quad(int k, int K, int T)
{
    return T - (int)sqrt(k * ((double)T * T / (K - 1)));
}

static const struct {
    const char *name;
    place *at;
} spacings[] = {{"all", place_all},           {"leading", place_leading},
                {"linspace", place_linspace}, {"trailing", place_trailing},
                {"skip", place_skip},         {"quad", place_quad}};

/* The spacing of that name, NULL if there is none. */
static place *find_spacing(const char *name)
{
    for (size_t k = 0; name != NULL && k < sizeof spacings / sizeof *spacings; k++)
        if (strcmp(spacings[k].name, name) == 0)
            return spacings[k].at;
    return NULL;
}

/* Room for n visited times of the k-th sampler. */
static gref_status make_room(gref_case *c, int k, int n)
{
    c->samplers[k].times = c->owned[k].times = gref_alloc((size_t)n, sizeof *c->owned[k].times);
    REQUIRE(c->owned[k].times != NULL, GREF_ERR_NOMEM, "no memory for a case");
    c->samplers[k].n_times = n;
    return GREF_OK;
}

static gref_status read_list(gref_case *c, int k, const json_t *times, const char *at)
{
    char key[GREF_CASE_KEY];
    gref_case_join(key, at, "times.0"); /* the largest */
    TRY(make_room(c, k, (int)json_array_size(times)));
    for (int i = 0; i < c->samplers[k].n_times; i++)
        c->owned[k].times[i] = (int)json_integer_value(json_array_get(times, (size_t)i));
    return gref_case_require_time(c, key, c->owned[k].times[0]);
}

static gref_status read_steps(gref_case *c, int k, const json_t *entry, const char *at)
{
    int K = (int)json_integer_value(json_object_get(entry, "steps")), T = c->schedule.T;
    const char *name = json_string_value(json_object_get(entry, "spacing"));
    place *spacing = find_spacing(name);
    char key[GREF_CASE_KEY];
    gref_case_join(key, at, "steps");
    CASE_REQUIRE(spacing != NULL && K >= 1, c, key, "%s: %d steps with an unknown spacing", key, K);
    TRY(gref_case_require_time(c, key, K));
    CASE_REQUIRE(spacing != place_all || K == T, c, key,
                 "%s is %d, but the spacing \"all\" visits all %d times of the schedule", key, K,
                 T);
    CASE_REQUIRE(spacing != place_quad || K >= 3, c, key,
                 "%s is %d, but the spacing \"quad\" makes one step less and needs 3", key, K);
    int visited = spacing == place_skip ? count_skip(K, T) : spacing == place_quad ? K - 1 : K;
    TRY(make_room(c, k, visited + 1));
    for (int i = 0; i < visited; i++)
        c->owned[k].times[i] = spacing(i, K, T);
    c->owned[k].times[visited] = spacing == place_quad ? 1 : 0;
    return GREF_OK;
}

/* The visited times of the k-th sampler, none above T; NULL stands for every one. */
gref_status gref_case_read_times(gref_case *c, int k, const json_t *entry, const char *at)
{
    const json_t *times = json_object_get(entry, "times");
    char key[GREF_CASE_KEY];
    gref_case_join(key, at, "times");
    if (json_object_get(entry, "steps") == NULL)
        return times == NULL ? GREF_OK : read_list(c, k, times, at);
    CASE_REQUIRE(times == NULL, c, key, "%s cannot stand beside %s.steps: give one", key, at);
    return read_steps(c, k, entry, at);
}
