/*
 * Every row, scheme, start and variance in golden files: what is in them, that they verify, that the
 * algorithm line by line (diagnosis without a deviation, and its adjoint) is what they say, and that what is
 * wrong is named. Their numbers are NumPy's (cli/golden.sh).
 */
#include "golden_case.h"

#include <unistd.h>

#include "verify/view.h"

#define NAMED(name, keys) "{\"name\": \"" name "\"" keys "}"

static const char *const vp =
    "{\"kind\": \"vp\", \"beta\": [0.1, 8], \"span\": [1e-3, 1], \"steps\": 12}";
static const char *const edm = "{\"kind\": \"edm\", \"sigma\": [0.02, 20], \"steps\": 12}";

/* Samplers that have a Gaussian law, one a file; the schedule that the scheme wants. */
static const struct {
    const char *const *schedule, *sampler;
} all[] = {
    {&discrete, NAMED("unconditional", "")},
    {&discrete, NAMED("mmps", ", \"variance\": \"fixed_large\"")},
    {&discrete, NAMED("tmpd-full", ", \"start\": \"noise\"")},
    {&discrete, NAMED("tmpd", ", \"variance\": {\"fraction\": 0.3}")},
    {&discrete, NAMED("pigdm", ", \"start\": {\"mean\": 0.4, \"cov\": 0.3}")},
    {&discrete, NAMED("pigdm-code", "")},
    {&discrete, NAMED("pigdm-weighted", ", \"variance\": \"beta\", \"last_noise\": true")},
    {&discrete, NAMED("dps-square", ", \"alpha\": 0.05, \"scheme\": \"ddim\", \"eta\": 0.5")},
    {&discrete, NAMED("ddrm", "")},
    {&discrete,
     NAMED("ddrm", ", \"start\": \"paper\", \"eta\": 0.3, \"eta_b\": 0.6, \"steps\": 4")},
    {&discrete, NAMED("ddnm", "")},
    {&discrete, NAMED("ddnm+", ", \"start\": \"exact\"")},
    {&discrete, NAMED("diffpir", ", \"eta\": 0.4")},
    {&discrete, NAMED("cgdm", ", \"scheme\": \"ei\"")},
    {&discrete, NAMED("dps", ", \"scheme\": \"ddim\", \"eta\": 0.6, \"eta_on\": \"state\"")},
    {&vp, NAMED("cgdm", ", \"scheme\": \"em\"")},
    {&vp, NAMED("dps", ", \"scheme\": \"euler\"")},
    {&vp, NAMED("pigdm", ", \"scheme\": \"heun\"")},
    {&vp, NAMED("mmps", ", \"scheme\": \"heun\", \"guidance\": \"after\", \"zeta\": 0.02")},
    {&vp, NAMED("pigdm-code", ", \"scheme\": \"heun\"")},
    {&vp, NAMED("dps", ", \"scheme\": \"rk4\"")},
    {&vp, NAMED("unconditional", ", \"scheme\": \"rk4\"")},
    {&vp, NAMED("diffpir", "")},
    {&edm, NAMED("pigdm", ", \"scheme\": \"heun\"")},
    {&edm, NAMED("dps", ", \"scheme\": \"euler\"")},
    {&edm, NAMED("ddrm", "")},
};
enum { N_ALL = sizeof all / sizeof *all };

static gref_truth *open_row(int k, bool blur)
{
    return open_written(load_case_on(*all[k].schedule, 0.5, all[k].sampler, blur));
}

static const char *const everything[] = {
    "score", "x0hat", "guidance", "guided_score",  "x0hat_projected", "C_vt", "M", "b",
    "N",     "mean",  "cov",      "modelled/mean", "modelled/cov",    "y",    NULL};

/* The arrays of the row, and no other; N a matrix where no number is enough. */
static void holds_its_arrays(const gref_truth *t)
{
    const gref_sampler_spec *spec = &t->samplers[0];
    const gref_row *row = gref_row_find(spec->name);
    int first = gref_times_first(spec, t->schedule.T);
    const struct {
        const char *what;
        bool due;
    } list[] = {{"guided_score", gref_row_has_likelihood(row)},
                {"C_vt", gref_row_has_likelihood(row)},
                {"modelled/cov", gref_row_has_likelihood(row) || !row->guided},
                {"guidance", gref_row_has_guidance(row) && !gref_row_has_likelihood(row)},
                {"x0hat_projected", row->project != NULL},
                {"M", true},
                {"cov", true},
                {"y", true}};
    for (size_t k = 0; k < sizeof list / sizeof *list; k++)
        ck_assert_msg((gref_truth_at(t, spec->label, list[k].what, first) != NULL) == list[k].due,
                      "%s/%s", spec->label, list[k].what);
    const gref_array *N = gref_truth_at(t, spec->label, "N", first);
    ck_assert(N != NULL && N->ndim == (row->n_varies ? 2 : 0));
    ck_assert_int_eq(N->A.m, row->n_varies ? t->problem.Sigma.n : 1);
}

/* Rebuilt from the file alone: another folder has neither case nor image. */
START_TEST(test_golden_rows__verify)
{
    for (int blur = 0; blur < 2; blur++) {
        gref_golden_report *r = NULL;
        gref_truth *t = open_row(_i, blur);
        holds_its_arrays(t);
        unlink(scratch("case.json"));
        unlink(scratch("k.npy"));
        ck_ok(gref_golden_verify(&r, scratch("g.npz"), true));
        ck_assert_msg(r->n_differ == 0 && r->note[0] == '\0', "%s: %d differ, %s", all[_i].sampler,
                      r->n_differ, r->note);
        gref_golden_free(r);
        gref_truth_free(t);
        unlink(scratch("g.npz"));
    }
}
END_TEST

/*
 * The literal algorithm shares no formula with the laws: every view of a golden file is what it predicts
 * without a deviation, covariances by the adjoint. Every deviation is either refused for the row, or
 * predicted without an accident.
 */
START_TEST(test_golden_rows__are_predicted)
{
    for (int blur = 0; blur < 2; blur++) {
        gref_truth *t = open_row(_i, blur);
        gref_arrays a = pick(t, everything);
        gref_views vs = {0};
        ck_ok(gref_views_new(&vs, t, &a, NULL));
        for (int row = -1; row < gref_catalogue_size; row++) {
            gref_switches s = gref_switches_right(&t->samplers[0]);
            if (row >= 0)
                gref_catalogue[row].apply(&s, &t->problem);
            if (row >= 0 && !gref_deviant_possible(vs.w, &s))
                continue;
            for (int v = 0; v < vs.n_views; v++) {
                const gref_view *view = &vs.views[v];
                bool known;
                gref_mat D = fresh(view->x.m, view->x.n);
                gref_status status = gref_view_predict(D, &known, &vs, view, &s);
                if (row < 0) {
                    ck_assert(status == GREF_OK && known);
                    ck_assert_bound(view->golden->name,
                                    gref_mat_diff_fro(gref_const(D), gref_const(view->x)),
                                    view->tolerance);
                }
                gref_mat_free(&D);
            }
        }
        gref_views_free(&vs);
        gref_arrays_free(&a);
        gref_truth_free(t);
        unlink(scratch("g.npz"));
    }
}
END_TEST

/* M, b and N of the golden file's sampler, run by somebody whose sigma is `factor` times as large. */
static gref_arrays with_sigma(const gref_truth *t, double factor)
{
    const gref_sampler_spec *spec = &t->samplers[0];
    gref_arrays a = {0};
    gref_problem p = t->problem;
    gref_modes z = {0};
    gref_sampler *s = NULL;
    p.sigma *= factor;
    ck_ok(gref_modes_new(&z, &p));
    ck_ok(gref_sampler_new(&s, &z, &t->schedule, spec));
    gref_mat M = fresh(z.n, z.n), b = fresh(z.n, 1), N = fresh(z.n, z.n);
    for (int t_at = gref_sampler_first(s); t_at > 0; t_at = gref_sampler_next(s, t_at)) {
        double noise;
        const gref_array *g[3] = {gref_truth_at(t, spec->label, "M", t_at),
                                  gref_truth_at(t, spec->label, "b", t_at),
                                  gref_truth_at(t, spec->label, "N", t_at)};
        if (g[0] == NULL)
            continue;
        ck_ok(gref_sampler_step(M, b, &noise, s, t_at));
        ck_ok(gref_arrays_add(&a, g[0]->name, gref_const(M), 2));
        ck_ok(gref_arrays_add(&a, g[1]->name, gref_const(b), 1));
        gref_mat own = gref_mat_view(N, 0, 0, g[2]->A.m, g[2]->A.n);
        ck_ok(gref_sampler_noise(own, s, t_at));
        ck_ok(gref_arrays_add(&a, g[2]->name, gref_const(own), g[2]->ndim));
    }
    gref_mat_free(&M);
    gref_mat_free(&b);
    gref_mat_free(&N);
    gref_sampler_free(s);
    gref_modes_free(&z);
    return a;
}

/* A diagnosis of these arrays: is that the only kind of thing it names? */
static void is_named(const gref_truth *t, const gref_arrays *a, const char *name)
{
    gref_diagnosis *d = NULL;
    bool found = false;
    ck_ok(gref_diagnose_arrays(&d, t, a, NULL));
    for (int k = 0; k < d->n_entries; k++)
        found = found || (d->entries[k].explains && strcmp(d->entries[k].name, name) == 0);
    ck_assert_msg(found && !d->none && !d->agrees, "%s: %s", name,
                  d->n_entries > 0 ? d->entries[0].name : "nothing");
    gref_diagnosis_free(d);
}

/*
 * Rows that project run with twice the sigma, by the exact path, are named so, and fail by a million
 * tolerances: the tolerances, which NumPy's values meet, part right from wrong.
 */
START_TEST(test_golden_rows__find_another_sigma)
{
    static const char *const rows[] = {NAMED("ddrm", ""), NAMED("ddnm+", ""), NAMED("diffpir", "")};
    gref_truth *t = write_and_open(rows[_i], false);
    gref_arrays a = with_sigma(t, 2.0);
    double worst = 0.0;
    for (int k = 0; k < a.n; k++) {
        const gref_array *g = gref_arrays_find(&t->arrays, a.item[k].name);
        double d = gref_mat_diff_max(gref_const(a.item[k].A), gref_const(g->A));
        worst = fmax(worst, d / gref_truth_tolerance(t, g, false));
    }
    ck_assert_msg(worst > 1e6, "%s: seen at %.3g tolerances", rows[_i], worst);
    is_named(t, &a, "sigma-x2");
    gref_arrays_free(&a);
    gref_truth_free(t);
}
END_TEST

static void halve_noise(gref_arrays *a)
{
    for (int k = 0; k < a->n; k++)
        for (int i = 0;
             strstr(a->item[k].name, "/N/") != NULL && i < a->item[k].A.m * a->item[k].A.n; i++)
            a->item[k].A.a[i] *= 0.5;
}

/*
 * A port of DDRM shares its noise between real and imaginary part: its N is half of what it should be. With
 * everything else right that is no deviation: the pairs are tried too, without an accident.
 */
START_TEST(test_golden_rows__find_noise_that_is_a_matrix)
{
    static const char *const only_N[] = {"N", NULL};
    gref_diagnosis *d = NULL;
    gref_truth *t = write_and_open(NAMED("ddrm", ""), true);
    gref_arrays a = pick(t, only_N);
    halve_noise(&a);
    is_named(t, &a, "noise-over-sqrt2");
    gref_arrays_free(&a);
    a = pick(t, everything);
    halve_noise(&a);
    ck_ok(gref_diagnose_arrays(&d, t, &a, NULL));
    ck_assert(!d->agrees && d->none);
    gref_diagnosis_free(d);
    gref_arrays_free(&a);
    gref_truth_free(t);
}
END_TEST

/* What makes no sense for a row is not tried: no other C without one, no guidance "mean" beside ddim. */
START_TEST(test_golden_rows__refuse_deviations_without_sense)
{
    static const struct {
        const char *sampler, *refused, *allowed;
    } list[] = {{NAMED("ddrm", ""), "likelihood-cgdm", "sigma-half"},
                {NAMED("ddnm", ""), "guidance-after", "score-sign"},
                {NAMED("diffpir", ""), "norm-for-square", "sigma-x2"},
                {NAMED("pigdm-code", ""), "r2-beta", "guidance-x2"},
                {NAMED("dps-square", ""), "likelihood-dps", "guidance-half"},
                {NAMED("dps", ", \"scheme\": \"ddim\""), "guidance-mean", "likelihood-cgdm"},
                {NAMED("tmpd", ""), "A-for-AT", "likelihood-cgdm"}};
    gref_truth *t = open_written(load_case_on(discrete, 0.5, list[_i].sampler, false));
    gref_deviant *d = NULL;
    ck_ok(gref_deviant_new(&d, &t->problem, &t->schedule, &t->samplers[0]));
    for (int k = 0; k < gref_catalogue_size; k++) {
        gref_switches s = gref_switches_right(&t->samplers[0]);
        const char *name = gref_catalogue[k].row.name;
        gref_catalogue[k].apply(&s, &t->problem);
        if (strcmp(name, list[_i].refused) == 0)
            ck_assert(!gref_deviant_possible(d, &s));
        if (strcmp(name, list[_i].allowed) == 0)
            ck_assert(gref_deviant_possible(d, &s));
    }
    gref_deviant_free(d);
    gref_truth_free(t);
}
END_TEST

/*
 * Inpainting has the singular value 1: ddrm changes its mind where sqrt((1 - a')/a') is sigma. With sigma
 * 1e-7 beside that at t = 6 the step there is marked, and no other; with sigma 1e-3 beside none is.
 */
START_TEST(test_golden_rows__mark_what_is_near_a_branch)
{
    gref_truth *t = write_and_open(NAMED("unconditional", ""), false);
    double at_branch = sqrt(t->schedule.qbar[5] / t->schedule.abar[5]);
    gref_truth_free(t);
    for (int near = 0; near < 2; near++) {
        json_t *m = NULL;
        double sigma = at_branch * (1.0 + (near ? 1e-7 : 1e-3));
        unlink(scratch("g.npz"));
        gref_truth_free(open_written(load_case_on(discrete, sigma, NAMED("ddrm", ""), false)));
        ck_ok(gref_manifest_read(&m, scratch("g.npz")));
        for (int k = 0; k < N_AT && at[k] > 0; k++) {
            char name[32];
            snprintf(name, sizeof name, "ddrm/M/%d", at[k]);
            json_t *flags = json_object_get(entry_of(m, name), "flags");
            const char *flag = json_string_value(json_array_get(flags, 1));
            bool marked = flag != NULL && strcmp(flag, "near-branch") == 0;
            ck_assert_msg(marked == (near && at[k] == 6), "%s, sigma %.17g", name, sigma);
        }
        json_decref(m);
    }
}
END_TEST

/* N/1 = 0 was known to 0: a probed 7e-31 turned a right diagnosis into "none of these". */
START_TEST(test_golden_rows__forgive_a_rounding_of_no_noise)
{
    static const char *const some[] = {"guided_score", "N", NULL};
    gref_arrays a = {0};
    gref_check *check = NULL;
    gref_truth *t = write_and_open(NAMED("dps", ""), true);
    gref_array *N = NULL;
    ck_assert(their_arrays(&a, t, some, "guidance-x2", NULL));
    for (int k = 0; k < a.n; k++)
        N = strcmp(a.item[k].name, "dps/N/1") == 0 ? &a.item[k] : N;
    ck_assert(N != NULL && N->A.a[0] == 0.0);
    N->A.a[0] = 7e-31;
    is_named(t, &a, "guidance-x2");
    ck_ok(gref_check_arrays(&check, t, &a, NULL));
    for (int k = 0; k < check->n_rows; k++)
        if (strcmp(check->rows[k].name, "dps/N/1") == 0)
            ck_assert(check->rows[k].verdict == GREF_VERDICT_AGREES && check->rows[k].ratio < 1e-9);
    N->A.a[0] = 1e-9; /* a noise that is there */
    gref_check_free(check);
    ck_ok(gref_check_arrays(&check, t, &a, NULL));
    for (int k = 0; k < check->n_rows; k++)
        if (strcmp(check->rows[k].name, "dps/N/1") == 0)
            ck_assert(check->rows[k].verdict == GREF_VERDICT_DIFFERS);
    gref_check_free(check);
    gref_arrays_free(&a);
    gref_truth_free(t);
}
END_TEST

/* Right to double but for one array, by 1e-9: that is no single precision. Rounded to it, it is. */
START_TEST(test_golden_rows__single_precision_is_not_one_array)
{
    static const char *const some[] = {"x0hat", "M", "b", NULL};
    gref_truth *t = write_and_open(NAMED("pigdm", ""), true);
    for (int rounded = 0; rounded < 2; rounded++) {
        gref_arrays a = pick(t, some);
        gref_diagnosis *d = NULL;
        bool single = false;
        for (int k = 0; k < a.n; k++)
            for (int i = 0; strcmp(a.item[k].name, "pigdm/M/6") == 0 && i < 400; i++)
                a.item[k].A.a[i] =
                    rounded ? (float)a.item[k].A.a[i] : a.item[k].A.a[i] * (1.0 + 1e-8 * sin(i));
        ck_ok(gref_diagnose_arrays(&d, t, &a, NULL));
        for (int k = 0; k < d->n_entries; k++)
            single = single || strstr(d->entries[k].name, "float32") != NULL;
        ck_assert_msg(single == rounded && !d->agrees && d->none == !rounded, "%d: %s", rounded,
                      d->n_entries > 0 ? d->entries[0].name : "nothing");
        gref_diagnosis_free(d);
        gref_arrays_free(&a);
    }
    gref_truth_free(t);
}
END_TEST

/* A law that a chain lost before it came there is not "did you mean". */
START_TEST(test_golden_rows__say_where_a_chain_diverged)
{
    gref_truth *t =
        write_and_open(NAMED("cgdm", ", \"guidance\": \"after\", \"zeta\": 1e60"), true);
    gref_mat X = fresh(20, 1);
    gref_check *check = NULL;
    static const char *const names[] = {"cgdm/mean/0", "mean/0", "cgdm/samples", "w2/3"};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        gref_arrays a = {0};
        ck_ok(gref_arrays_add(&a, names[k], gref_const(X), 1));
        ck_fails(gref_check_arrays(&check, t, &a, NULL), GREF_ERR_FORMAT);
        ck_assert_msg(strstr(gref_last_error()->message, ": cgdm diverged at t = ") != NULL, "%s",
                      gref_last_error()->message);
        gref_arrays_free(&a);
    }
    gref_mat_free(&X);
    gref_truth_free(t);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("golden_rows");
    TCase *tc = new_tcase(s, "golden_rows");
    tcase_add_checked_fixture(tc, scratch_make, scratch_remove);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, test_golden_rows__verify, 0, N_ALL);
    tcase_add_loop_test(tc, test_golden_rows__are_predicted, 0, N_ALL);
    tcase_add_loop_test(tc, test_golden_rows__find_another_sigma, 0, 3);
    tcase_add_test(tc, test_golden_rows__find_noise_that_is_a_matrix);
    tcase_add_loop_test(tc, test_golden_rows__refuse_deviations_without_sense, 0, 7);
    tcase_add_test(tc, test_golden_rows__mark_what_is_near_a_branch);
    tcase_add_test(tc, test_golden_rows__forgive_a_rounding_of_no_noise);
    tcase_add_test(tc, test_golden_rows__single_precision_is_not_one_array);
    tcase_add_test(tc, test_golden_rows__say_where_a_chain_diverged);
    return run_suite(s);
}
