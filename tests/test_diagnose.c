/* Diagnosis: every row of the catalogue that the data can show is planted and found. */
#include <math.h>
#include <string.h>

#include "plant.h"
#include "support.h"
#include "verify/view.h"

static const char *const functions[] = {"score", "x0hat", "guided_score", "C_vt", NULL};
static const char *const steps[] = {"M", "b", "N", NULL};
static const char *const laws[] = {"mean", "cov", NULL};
static const char *const trajectory[] = {"y", NULL};
static const char *const distances[] = {"w2", NULL};
static const char *const everything[] = {
    "score", "x0hat", "guided_score",  "C_vt",         "M", "b",  "N", "mean",
    "cov",   "y",     "modelled/mean", "modelled/cov", "A", "w2", NULL};

/* ddim from t = 12 to 0 by way of the times at which the fixtures have arrays. */
static void through_some_times(gref_sampler_spec *spec, double eta)
{
    spec->convention.scheme = GREF_SCHEME_DDIM;
    spec->convention.eta = eta;
    spec->convention.guidance = GREF_GUIDANCE_SCORE;
    spec->times = at;
    spec->n_times = N_AT;
}

/* The algorithm without a deviation is the library, view by view: the laws' steps in the eigenbasis share no formula with
 * the literal one, so every later prediction starts from the truth. The last three of nine run ddim
 * through some times. */
START_TEST(test_deviant__without_deviation_is_the_library)
{
    const char *const methods[] = {"dps", "pigdm", "cgdm"};
    for (int k = 0; k < 9; k++) {
        gref_sampler_spec spec = make_spec(methods[k < 6 ? k / 2 : k - 6]);
        spec.convention.variance = k % 2 ? GREF_VARIANCE_BETA : GREF_VARIANCE_BETA_TILDE;
        spec.convention.guidance = k % 2 ? GREF_GUIDANCE_MEAN : GREF_GUIDANCE_SCORE;
        spec.convention.start = k % 2 ? GREF_START_EXACT : GREF_START_STANDARD;
        spec.convention.last_noise = k % 2;
        if (k >= 6)
            through_some_times(&spec, 0.5 * (k - 6));
        gref_truth *t =
            make_truth(k < 3 ? blur_problem(3) : inpainting_problem(4), T, &spec, at, N_AT);
        gref_arrays a = pick(t, everything);
        gref_views vs = {0};
        gref_switches right = gref_switches_right(&spec);
        ck_ok(gref_views_new(&vs, t, &a, NULL));
        ck_assert_int_ge(vs.n_views, 40);
        for (int v = 0; v < vs.n_views; v++) {
            const gref_view *view = &vs.views[v];
            bool known;
            gref_mat D = fresh(view->x.m, view->x.n);
            ck_ok(gref_view_predict(D, &known, &vs, view, &right));
            ck_assert(known);
            ck_assert_bound(view->golden->name,
                            gref_mat_diff_fro(gref_const(D), gref_const(view->x)), view->tolerance);
            gref_mat_free(&D);
        }
        gref_views_free(&vs);
        gref_arrays_free(&a);
        gref_truth_free(t);
    }
}
END_TEST

/* A deviation of ddim through some times is found by its steps, its laws and its trajectory. The candidate is the
 * library's own DPS with alpha = 2, whose C is half of that with alpha = 1: exactly the guidance
 * twice too large. */
START_TEST(test_diagnose__follows_schemes_and_times)
{
    static const char *const guided[] = {"guided_score", NULL};
    const char *const *const kinds[] = {guided, steps, laws, trajectory};
    gref_sampler_spec spec = make_spec("dps"), twice = spec;
    through_some_times(&spec, 0.5);
    through_some_times(&twice, 0.5);
    twice.convention.alpha_dps = 2;
    gref_truth *t = make_truth(blur_problem(3), T, &spec, at, N_AT);
    gref_truth *theirs = make_truth(blur_problem(3), T, &twice, at, N_AT);
    for (int k = 0; k < 4; k++) {
        bool found = false;
        gref_diagnosis *d = NULL;
        gref_arrays a = pick(theirs, kinds[k]);
        ck_ok(gref_diagnose_arrays(&d, t, &a, NULL));
        for (int e = 0; e < d->n_entries; e++)
            found =
                found || (d->entries[e].explains && strcmp(d->entries[e].name, "guidance-x2") == 0);
        ck_assert_msg(found && !d->agrees, "kind %d: %s", k,
                      d->n_entries > 0 ? d->entries[0].name : "nothing");
        gref_diagnosis_free(d);
        gref_arrays_free(&a);
    }
    gref_truth_free(t);
    gref_truth_free(theirs);
}
END_TEST

/* Nothing is reported for a right candidate, whatever arrays it has. */
START_TEST(test_diagnose__right_candidate_has_no_entry)
{
    gref_sampler_spec spec = make_spec("pigdm");
    gref_truth *t = make_truth(blur_problem(3), T, &spec, at, N_AT);
    gref_arrays a = pick(t, everything);
    gref_diagnosis *d = NULL;
    ck_ok(gref_diagnose_arrays(&d, t, &a, NULL));
    ck_assert(d->agrees && d->n_entries == 0 && !d->none);
    gref_diagnosis_free(d);
    gref_arrays_free(&a);
    gref_truth_free(t);
}
END_TEST

/* Rows that cannot show on a problem: 24 measurements are needed for A to stand for A^T, and the scheme
 * em, or ddim on uneven times, for two faults (planted and found by tests/cli/samplers.sh). */
static bool invisible(const char *name, bool blur)
{
    return (!blur && strcmp(name, "A-for-AT") == 0) || strcmp(name, "diffusion-x2") == 0 ||
           strcmp(name, "previous-t") == 0;
}

/* Every row of the catalogue is found from at least one kind of array, on blur and on inpainting, and from every
 * kind that it changes: theirs.c makes the arrays, by plain products, so nothing is only found in
 * itself. */
START_TEST(test_diagnose__finds_every_single_deviation)
{
    const char *const *const kinds[] = {functions, steps, laws, trajectory, distances};
    const char *name = gref_catalogue_row(_i)->name;
    for (int blur = 0; blur < 2; blur++) {
        gref_truth *t = truth_for(name, blur);
        int seen = 0, named = 0;
        for (int k = 0; k < 5; k++) {
            int found = plant_and_find(t, kinds[k], name, NULL);
            seen += found > 0;
            named += found == 1;
        }
        printf("# %-24s %-10s seen in %d kinds of arrays, named in %d\n", name,
               blur ? "blur" : "inpainting", seen, named);
        ck_assert_msg(invisible(name, blur) ? seen == 0 : named > 0,
                      "%s on %s: seen in %d, named in %d", name, blur ? "blur" : "inpainting", seen,
                      named);
        gref_truth_free(t);
    }
}
END_TEST

static int catalogue_size(void)
{
    int k = 0;
    while (gref_catalogue_row(k) != NULL)
        k++;
    return k;
}

/* A row from every part of the sampler with one from another: found by name, or as an equivalent
 * pair. */
START_TEST(test_diagnose__finds_pairs)
{
    static const char *const pairs[][2] = {
        {"guidance-x2", "variance-beta"},    {"abar-early", "sigma-half"},
        {"kernel-flipped", "no-noise"},      {"score-eps", "step-unscaled"},
        {"denoiser-alpha", "guidance-sign"}, {"r2-abar", "sigma-not-squared"},
        {"guidance-mean", "beta-late"},      {"column-major", "guidance-half"},
        {"norm-for-square", "sigma-unused"}, {"A-column-major", "variance-beta"},
        {"t-early", "noise-sqrt2"},          {"guidance-after", "step-abar"}};
    static const char *const mixed[] = {"guided_score", "M", "b", "N", "y", NULL};
    gref_truth *t[2] = {truth_for("r2-abar", true), truth_for("r2-abar", false)};
    int named = 0, seen = 0;
    for (size_t k = 0; k < sizeof pairs / sizeof *pairs; k++) {
        int found = plant_and_find(t[k % 2], mixed, pairs[k][0], pairs[k][1]);
        ck_assert_msg(found > 0, "%s + %s leave no trace", pairs[k][0], pairs[k][1]);
        seen++;
        named += found == 1;
    }
    printf("# %d pairs, %d found by name\n", seen, named);
    gref_truth_free(t[0]);
    gref_truth_free(t[1]);
}
END_TEST

/* What no deviation makes is said to be none of these, with the linear relation that holds: that of M, C_{v|t}, and
 * covariances, which are seen through different columns. */
START_TEST(test_diagnose__none_of_these_gives_the_relation)
{
    static const char *const matrices[][2] = {
        {"M", NULL}, {"C_vt", NULL}, {"cov", NULL}, {"modelled/cov", NULL}};
    gref_truth *t = truth_for("r2-abar", true);
    gref_arrays a = pick(t, matrices[_i]);
    gref_diagnosis *d = NULL;
    for (int k = 0; k < a.n; k++) /* the covariance at T is the identity: nothing to tell apart */
        for (int j = 0; strcmp(a.item[k].name, "pigdm/cov/12") != 0 && j < a.item[k].A.n; j++)
            for (int i = 0; i < a.item[k].A.m; i++)
                GREF_AT(a.item[k].A, i, j) =
                    1.7 * GREF_AT(a.item[k].A, i, j) + (i == j ? 0.31 : 0.0);
    ck_ok(gref_diagnose_arrays(&d, t, &a, NULL));
    ck_assert(!d->agrees && d->none);
    for (int k = 0; k < d->n_entries; k++)
        ck_assert(!d->entries[k].explains && d->entries[k].unexplained > 1e-6);
    ck_assert_msg(strstr(d->relation, "1.7 times") != NULL && strstr(d->relation, "0.31 I") != NULL,
                  "%s", d->relation);
    gref_diagnosis_free(d);
    gref_arrays_free(&a);
    gref_truth_free(t);
}
END_TEST

/* A covariance that is off by 5 % in double precision is no rounding of single precision, however badly conditioned it
 * is: float32 was named once, because its tolerance allowed for that. Its rounded self is named
 * so. */
START_TEST(test_diagnose__float32_is_not_blamed_for_much)
{
    static const char *const only_cov[] = {"cov", NULL};
    gref_truth *t = truth_for("guidance-x2", true);
    for (int rounded = 0; rounded < 2; rounded++) {
        gref_arrays a = pick(t, only_cov);
        gref_diagnosis *d = NULL;
        for (int k = 0; k < a.n; k++) {
            t->tolerance[gref_arrays_find(&t->arrays, a.item[k].name) - t->arrays.item] =
                1e-10; /* 0.05 in single */
            for (int i = 0; i < a.item[k].A.m * a.item[k].A.n; i++)
                a.item[k].A.a[i] = rounded ? (float)a.item[k].A.a[i] : 1.05 * a.item[k].A.a[i];
        }
        ck_ok(gref_diagnose_arrays(&d, t, &a, NULL));
        bool named = false;
        for (int k = 0; k < d->n_entries; k++)
            named =
                named || (d->entries[k].explains && strstr(d->entries[k].name, "float32") != NULL);
        ck_assert_msg(!d->agrees && named == rounded && d->none == !rounded, "%d entries, first %s",
                      d->n_entries, d->n_entries > 0 ? d->entries[0].name : "none");
        if (rounded)
            ck_assert(d->entries[0].unexplained == 0.0);
        gref_diagnosis_free(d);
        gref_arrays_free(&a);
    }
    gref_truth_free(t);
}
END_TEST

/* Zeros in single precision were "float32, 0 % unexplained", and a doubled covariance "noise-sqrt2 + float32", though
 * its entries are none of single precision: neither is a rounding. */
START_TEST(test_diagnose__float32_explains_roundings_only)
{
    static const char *const only_cov[] = {"cov", NULL};
    gref_truth *t = truth_for("r2-abar", true);
    for (int k = 0; k < t->arrays.n; k++)
        t->tolerance[k] *= 1e4;
    for (int zeros = 0; zeros < 2; zeros++) {
        gref_arrays all = pick(t, only_cov), a = {0};
        const gref_array *last = gref_arrays_find(&all, "pigdm/cov/0");
        ck_ok(gref_arrays_add(&a, last->name, gref_const(last->A), 2));
        a.item[0].single = zeros;
        for (int i = 0; i < last->A.m * last->A.n; i++)
            a.item[0].A.a[i] *=
                zeros ? 0.0 : 2.0 * (1.0 + 1e-6 * sin(i)); /* and something smaller beside it */
        gref_diagnosis *d = NULL;
        ck_ok(gref_diagnose_arrays(&d, t, &a, NULL));
        ck_assert(!d->agrees && d->distance > 0.4);
        for (int k = 0; k < d->n_entries; k++)
            ck_assert_msg(strstr(d->entries[k].name, "float32") == NULL, "%s", d->entries[k].name);
        gref_diagnosis_free(d);
        gref_arrays_free(&a);
        gref_arrays_free(&all);
    }
    gref_truth_free(t);
}
END_TEST

/* What cannot be diagnosed is refused: samples alone, another shape, NaN. */
START_TEST(test_diagnose__refusals)
{
    gref_truth *t = truth_for("guidance-x2", true);
    gref_arrays a = {0};
    gref_mat X = fresh(3, 3);
    gref_diagnosis *d = NULL;
    ck_ok(gref_arrays_add(&a, "samples", gref_const(X), 2));
    ck_fails(gref_diagnose_arrays(&d, t, &a, NULL), GREF_ERR_FORMAT);
    ck_ok(gref_arrays_add(&a, "M/12", gref_const(X), 2));
    ck_fails(gref_diagnose_arrays(&d, t, &a, NULL), GREF_ERR_SHAPE);
    gref_arrays_free(&a);
    gref_mat_free(&X);
    X = fresh(24, 24);
    X.a[5] = NAN;
    ck_ok(gref_arrays_add(&a, "M/12", gref_const(X), 2));
    ck_fails(gref_diagnose_arrays(&d, t, &a, NULL), GREF_ERR_NONFINITE);
    ck_fails(gref_diagnose_arrays(&d, t, &a, "nobody"), GREF_ERR_RANGE);
    ck_assert_ptr_null(d);
    gref_arrays_free(&a);
    gref_mat_free(&X);
    gref_truth_free(t);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("diagnose");
    TCase *tc = new_tcase(s, "diagnose");
    tcase_add_test(tc, test_deviant__without_deviation_is_the_library);
    tcase_add_test(tc, test_diagnose__follows_schemes_and_times);
    tcase_add_test(tc, test_diagnose__right_candidate_has_no_entry);
    tcase_add_test(tc, test_diagnose__finds_pairs);
    tcase_add_loop_test(tc, test_diagnose__none_of_these_gives_the_relation, 0, 4);
    tcase_add_test(tc, test_diagnose__float32_is_not_blamed_for_much);
    tcase_add_test(tc, test_diagnose__float32_explains_roundings_only);
    tcase_add_test(tc, test_diagnose__refusals);
    tcase_add_loop_test(tc, test_diagnose__finds_every_single_deviation, 0, catalogue_size());
    return run_suite(s);
}
