/* The schedule of a case: by its kind, or from a file of betas, abar or sigmas. */
#include "internal.h"

typedef gref_status from_list(gref_schedule *s, const double *x, int T);

/* The keys of a schedule of the kind "file", each a file of one list. */
static const struct {
    const char *key, *what;
    from_list *make;
} lists[] = {
    {"file", "betas", gref_schedule_from_betas},
    {"abar", "abar", gref_schedule_from_abar},
    {"sigmas", "sigmas", gref_schedule_from_sigmas},
};

/* x[0], x[1] = the two numbers at schedule.KEY. */
static void pair(double x[2], const gref_case *c, const char *key)
{
    for (size_t k = 0; k < 2; k++)
        x[k] = json_number_value(json_array_get(gref_case_get(c, "schedule", key), k));
}

/* From the list that the case names: one row or one column, so that storage is in order. */
static gref_status from_file(gref_schedule *s, const gref_case *c)
{
    SCOPED(gref_mat) x = {0};
    char at[GREF_CASE_KEY];
    size_t k = 0;
    while (gref_case_get(c, "schedule", lists[k].key) == NULL)
        k++;
    gref_case_join(at, "schedule", lists[k].key);
    TRY(gref_case_read_array(&x, c, "schedule", lists[k].key));
    CASE_REQUIRE(x.m == 1 || x.n == 1, c, at, "%s: %s is %d x %d, not a list of %s", at,
                 gref_case_string(c, "schedule", lists[k].key), x.m, x.n, lists[k].what);
    CASE_TRY(c, at, lists[k].make(s, x.a, x.m == 1 ? x.n : x.m));
    return GREF_OK;
}

gref_status gref_case_read_schedule(gref_case *c)
{
    gref_schedule *s = &c->schedule;
    int T = gref_case_int(c, "schedule", "steps");
    double x[2], span[2];
    pair(x, c, "beta");
    if (gref_case_is(c, "schedule", "file")) {
        TRY(from_file(s, c));
    } else if (gref_case_is(c, "schedule", "cosine")) {
        CASE_TRY(c, "schedule", gref_schedule_cosine(s, T));
    } else if (gref_case_is(c, "schedule", "vp")) {
        pair(span, c, "span");
        CASE_TRY(c, "schedule", gref_schedule_vp(s, x, span, T));
    } else if (gref_case_is(c, "schedule", "edm")) {
        pair(x, c, "sigma");
        CASE_TRY(c, "schedule",
                 gref_schedule_edm(s, x[0], x[1], gref_case_number(c, "schedule", "rho"), T));
    } else if (json_is_true(gref_case_get(c, "schedule", "scaled"))) {
        CASE_TRY(c, "schedule", gref_schedule_linear_scaled(s, x[0], x[1], T));
    } else {
        CASE_TRY(c, "schedule", gref_schedule_linear(s, x[0], x[1], T));
    }
    return GREF_OK;
}
