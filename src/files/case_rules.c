/* Rules that tie keys of a completed case together, and the defaults that depend on other keys. */
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

static gref_status check_image(const gref_case *c)
{
    bool gaussian = gref_case_is(c, "prior", "gaussian");
    if (json_object_get(c->completed, "image") == NULL) {
        const char *place = gref_case_override_of(c, "prior.kind") != NULL ? "prior.kind" : "";
        CASE_REQUIRE(gaussian, c, place, "image is missing (a prior of kind \"%s\" needs it)",
                     gref_case_string(c, "prior", "kind"));
        CASE_REQUIRE(!gref_case_is(c, "observation", "image"), c, "observation.kind",
                     "observation.kind is \"image\", but the case has no image");
    }
    return GREF_OK;
}

/* The visited time of a sampler that is nearest to t, the larger of two. */
static int nearest(const gref_sampler_spec *spec, int t)
{
    int best = spec->n_times > 0 ? spec->times[0] : t;
    for (int k = 1; k < spec->n_times; k++)
        if (abs(spec->times[k] - t) < abs(best - t))
            best = spec->times[k];
    return best;
}

/* The default: of every sampler the visited times nearest to 4T/5, 3T/5, 2T/5, T/5, T/20 and 0,
 * rounded. An affine chain of K < T steps has K for T. */
static gref_status default_laws(json_t *report, const gref_case *c)
{
    const double parts[] = {0.8, 0.6, 0.4, 0.2, 0.05, 0.0};
    int T = c->schedule.T;
    SCOPED_MEM bool *wanted = gref_alloc((size_t)T + 1, sizeof *wanted);
    json_auto_t *laws = json_array();
    REQUIRE(laws != NULL && wanted != NULL, GREF_ERR_NOMEM, "no memory for a case");
    for (int k = 0; k < c->n_samplers; k++) {
        const gref_sampler_spec *spec = &c->samplers[k];
        int first = spec->chain != NULL && spec->chain->K < T ? spec->chain->K : T;
        for (int p = 0; p < 6; p++)
            wanted[nearest(spec, (int)lround(parts[p] * first))] = true;
    }
    for (int t = T; t >= 0; t--)
        if (wanted[t])
            REQUIRE(json_array_append_new(laws, json_integer(t)) == 0, GREF_ERR_NOMEM,
                    "no memory for a case");
    REQUIRE(json_object_set(report, "laws_at", laws) == 0, GREF_ERR_NOMEM, "no memory for a case");
    return GREF_OK;
}

static int decreasing(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    return (x < y) - (x > y);
}

gref_status gref_case_require_time(const gref_case *c, const char *key, int t)
{
    CASE_REQUIRE(t <= c->schedule.T, c, key, "%s is %d, but the schedule has %d steps", key, t,
                 c->schedule.T);
    return GREF_OK;
}

/* Reads report.laws_at into c->laws_at, sorts it, and writes it back in that order. */
static gref_status read_laws(gref_case *c, json_t *laws)
{
    int n = (int)json_array_size(laws);
    char key[GREF_CASE_KEY];
    c->laws_at = gref_alloc((size_t)n, sizeof *c->laws_at);
    REQUIRE(c->laws_at != NULL, GREF_ERR_NOMEM, "no memory for a case");
    c->n_laws_at = n;
    for (int k = 0; k < n; k++) {
        c->laws_at[k] = (int)json_integer_value(json_array_get(laws, (size_t)k));
        gref_case_join_index(key, "report.laws_at", (size_t)k);
        TRY(gref_case_require_time(c, key, c->laws_at[k]));
        for (int earlier = 0; earlier < k; earlier++)
            CASE_REQUIRE(c->laws_at[earlier] != c->laws_at[k], c, key, "%s repeats the time %d",
                         key, c->laws_at[k]);
    }
    qsort(c->laws_at, (size_t)n, sizeof *c->laws_at, decreasing);
    for (int k = 0; k < n; k++)
        REQUIRE(json_array_set_new(laws, (size_t)k, json_integer(c->laws_at[k])) == 0,
                GREF_ERR_NOMEM, "no memory for a case");
    return GREF_OK;
}

static gref_status check_report(gref_case *c)
{
    json_t *report = json_object_get(c->completed, "report");
    json_auto_t *every = NULL;
    int T = c->schedule.T;
    if (json_object_get(report, "laws_at") == NULL) {
        every = json_incref(json_object_get(report, "w2_every"));
        json_object_del(report, "w2_every"); /* laws_at stands before it */
        TRY(default_laws(report, c));
        if (every != NULL)
            REQUIRE(json_object_set(report, "w2_every", every) == 0, GREF_ERR_NOMEM,
                    "no memory for a case");
    }
    if (json_object_get(report, "w2_every") == NULL)
        REQUIRE(json_object_set_new(report, "w2_every", json_integer(T / 100 > 1 ? T / 100 : 1)) ==
                    0,
                GREF_ERR_NOMEM, "no memory for a case");
    c->w2_every = gref_case_int(c, "report", "w2_every");
    return read_laws(c, json_object_get(report, "laws_at"));
}

/* What the schema's rows cannot say, on the completed case. */
gref_status gref_case_check_rules(gref_case *c)
{
    TRY(check_image(c));
    TRY(gref_case_read_schedule(c));
    TRY(gref_case_read_samplers(c));
    return check_report(c);
}
