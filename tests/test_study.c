/*
 * What a study leaves is recomputed from what it leaves: every reported number from the arrays in
 * arrays.npz by another route, every file against the other, and nothing at all after a failure.
 */
#include "support.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "files/internal.h"

#include <gref/npy.h>
#include <gref/study.h>
#include <gref/wasserstein.h>

static const char *const sets[] = {"image.crop=[200,100,6,6]", "operator.size=3",
                                   "schedule.steps=30",        "schedule.beta=[1e-3,0.3]",
                                   "noise.sigma=0.3",          "report.laws_at=[20,7,0]",
                                   "report.w2_every=6"};
enum { N_SETS = sizeof sets / sizeof *sets };

static gref_case *load(const char *extra)
{
    gref_case *c = NULL;
    const char *all[N_SETS + 1];
    memcpy(all, sets, sizeof sets);
    all[N_SETS] = extra;
    char path[4096];
    snprintf(path, sizeof path, "%s", reference_file("cases/grass-blur.json"));
    ck_ok(gref_case_load(&c, path, all, N_SETS + (extra != NULL ? 1 : 0)));
    return c;
}

/* A fresh folder, and its removal with all that is in it. */
static char *temp_new(void)
{
    static char path[64];
    snprintf(path, sizeof path, "/tmp/gref-study-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(path));
    return path;
}

static void temp_remove(const char *path)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", path);
    ck_assert_int_eq(system(command), 0);
}

static gref_mat get(gref_npz_reader *r, const char *label, const char *what, int t)
{
    char name[128];
    gref_mat A = {0};
    snprintf(name, sizeof name, t < 0 ? "%s%s" : "%s/%s/%d", label, what, t);
    ck_ok(gref_npz_get(&A, NULL, r, name));
    return A;
}

static const gref_study_row *row_at(const gref_study_sampler *s, int t)
{
    for (int k = 0; k < s->n_rows; k++)
        if (s->rows[k].t == t)
            return &s->rows[k];
    ck_abort_msg("no row at t = %d", t);
    return NULL;
}

static int count_entries(const char *dir)
{
    int n = 0;
    DIR *d = opendir(dir);
    ck_assert_ptr_nonnull(d);
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d))
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    closedir(d);
    return n;
}

/*
 * The distances and biases of summary follow from the laws in arrays.npz: W2 anew from pixels by
 * gref_w2_laws. Rounding moves C by n EPS |C|, and so W2 by at most that over 2 sqrt(lambda_min),
 * lambda_min >= 1 - abar_t; at t = 0 Sigma of ADSN is singular in one direction, where both laws
 * are 0 and rounding adds at most n EPS |C| to W2 squared, hence that over W2 to W2. Exact laws
 * follow from mu_post, Sigma_post.
 */
START_TEST(test_study_run__numbers_follow_from_the_arrays)
{
    char *dir = temp_new(), path[4200];
    gref_case *c = load(NULL);
    gref_study *study = NULL;
    gref_npz_reader *r = NULL;
    gref_schedule s = {0};
    snprintf(path, sizeof path, "%s/out", dir);
    ck_ok(gref_study_run(&study, c, &(gref_study_options){.dir = path}));
    ck_ok(gref_case_schedule(&s, c));
    snprintf(path, sizeof path, "%s/out/arrays.npz", dir);
    ck_ok(gref_npz_open(&r, path));
    gref_mat mu_post = get(r, "", "mu_post", -1), S_post = get(r, "", "Sigma_post", -1);
    gref_mat Sigma = get(r, "", "Sigma", -1), A = get(r, "", "A", -1), mu = get(r, "", "mu", -1),
             v = get(r, "", "v", -1), x0 = get(r, "", "x0", -1), m2 = fresh(36, 1),
             C2 = fresh(36, 36);
    ck_assert_int_eq(x0.m, 36);
    ck_ok(gref_posterior(m2, C2, gref_const(Sigma), gref_const(mu), gref_const(A), 0.3,
                         gref_const(v)));
    ck_assert_bound("mu_post", gref_mat_diff_fro(gref_const(m2), gref_const(mu_post)), 36 * EPS);
    ck_assert_bound("Sigma_post", gref_mat_diff_fro(gref_const(C2), gref_const(S_post)), 36 * EPS);
    const int times[] = {20, 7, 0};
    for (int k = 0; k < 3; k++) {
        int t = times[k];
        gref_mat mt = get(r, "target", "mean", t), Ct = get(r, "target", "cov", t);
        for (int j = 0; j < 36; j++) {
            ck_assert_bound("target mean", fabs(mt.a[j] - sqrt(s.abar[t]) * mu_post.a[j]),
                            36 * EPS);
            for (int i = 0; i < 36; i++)
                ck_assert_bound("target cov",
                                fabs(GREF_AT(Ct, i, j) - s.abar[t] * GREF_AT(S_post, i, j) -
                                     (i == j ? s.qbar[t] : 0)),
                                36 * EPS);
        }
        for (int i = 0; i < study->n_samplers; i++) {
            const gref_study_sampler *sampler = &study->samplers[i];
            gref_mat m = get(r, sampler->spec.label, "mean", t),
                     C = get(r, sampler->spec.label, "cov", t);
            const gref_study_row *row = row_at(sampler, t);
            gref_w2 w;
            ck_ok(gref_w2_laws(&w, gref_const(m), gref_const(C), gref_const(mt), gref_const(Ct)));
            double size = gref_mat_norm_fro(gref_const(C));
            double bound = 36 * EPS * size / (t == 0 ? row->w2.w2 : sqrt(s.qbar[t]));
            ck_assert_bound(t == 0 ? "W2 at t = 0" : "W2", fabs(w.w2 - row->w2.w2), bound);
            ck_assert(fabs(hypot(row->w2.w2_mean, row->w2.w2_cov) - row->w2.w2) <=
                      4 * EPS * row->w2.w2);
            gref_mat_axpy(m, -1.0, gref_const(mt));
            gref_mat b = gref_mat_view(sampler->bias, 0, k, 36, 1);
            ck_assert_bound("bias", gref_mat_diff_fro(gref_const(m), gref_const(b)), 36 * EPS);
            gref_mat_free(&m);
            gref_mat_free(&C);
        }
        gref_mat_free(&mt);
        gref_mat_free(&Ct);
    }
    gref_mat *all[] = {&mu_post, &S_post, &Sigma, &A, &mu, &v, &x0, &m2, &C2};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        gref_mat_free(all[k]);
    gref_npz_close(r);
    gref_study_free(study);
    gref_schedule_free(&s);
    gref_case_free(c);
    temp_remove(dir);
}
END_TEST

/* summary.json holds what the issue of a study promises, w2.csv the same numbers, to the last
 * bit. */
START_TEST(test_study_summary__is_complete_and_equal_to_the_csv)
{
    gref_case *c = load(NULL);
    gref_study *study = NULL;
    ck_ok(gref_study_run(&study, c, &(gref_study_options){0}));
    char *text = gref_study_summary(study), *csv = gref_study_csv(study);
    json_error_t error;
    json_t *o = json_loads(text, 0, &error);
    ck_assert_msg(o != NULL, "%s", error.text);
    const char *keys[] = {"version", "blas", "case", "samplers", "n", "m", "posterior_spread"};
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
        ck_assert_msg(json_object_get(o, keys[k]) != NULL, "no %s", keys[k]);
    ck_assert_int_gt(json_integer_value(json_object_get(json_object_get(o, "blas"), "threads")), 0);
    ck_assert_ptr_nonnull(
        json_object_get(json_object_get(json_object_get(o, "case"), "conventions"), "variance"));
    char *line = strtok(csv, "\n");
    ck_assert_str_eq(line, "sampler,t,w2,w2_mean,w2_cov");
    static const int times[] = {30, 24, 20, 18, 12, 7, 6, 0};
    for (size_t i = 0; i < json_array_size(json_object_get(o, "samplers")); i++) {
        json_t *s = json_array_get(json_object_get(o, "samplers"), i),
               *steps = json_object_get(s, "steps");
        ck_assert_int_eq((int)json_array_size(steps), 8);
        ck_assert_int_eq((int)json_array_size(json_object_get(s, "modelled")), 8);
        ck_assert(json_is_true(json_object_get(s, "stable")) ==
                  json_is_null(json_object_get(s, "first_unstable_step")));
        for (size_t k = 0; k < 8; k++) {
            json_t *row = json_array_get(steps, k);
            char label[64];
            int t;
            double w, m, d;
            line = strtok(NULL, "\n");
            ck_assert_int_eq(sscanf(line, "%63[^,],%d,%lf,%lf,%lf", label, &t, &w, &m, &d), 5);
            ck_assert_str_eq(label, json_string_value(json_object_get(s, "label")));
            ck_assert_int_eq(t, times[k]);
            ck_assert_int_eq(t, (int)json_integer_value(json_object_get(row, "t")));
            ck_assert(w == json_number_value(json_object_get(row, "w2")));
            ck_assert(m == json_number_value(json_object_get(row, "w2_mean")));
            ck_assert(d == json_number_value(json_object_get(row, "w2_cov")));
        }
    }
    ck_assert_ptr_null(strtok(NULL, "\n"));
    json_decref(o);
    free(text);
    free(csv);
    gref_study_free(study);
    gref_case_free(c);
}
END_TEST

/* At laws_at and 0 a step carries its proof and the bounds on its law, elsewhere none; the value
 * lies in the interval. */
START_TEST(test_study_summary__carries_proofs_where_laws_are_reported)
{
    gref_case *c = load(NULL);
    gref_study *study = NULL;
    ck_ok(gref_study_run(&study, c, &(gref_study_options){0}));
    char *text = gref_study_summary(study);
    json_t *o = json_loads(text, 0, NULL);
    static const char *const keys[] = {"lower",      "upper",     "r_in",
                                       "mean_error", "cov_error", "w2_error"};
    for (size_t i = 0; i < json_array_size(json_object_get(o, "samplers")); i++) {
        json_t *steps = json_object_get(json_array_get(json_object_get(o, "samplers"), i), "steps"),
               *row;
        size_t k;
        json_array_foreach(steps, k, row)
        {
            int t = (int)json_integer_value(json_object_get(row, "t"));
            bool reported = t == 20 || t == 7 || t == 0;
            for (size_t q = 0; q < sizeof keys / sizeof *keys; q++)
                ck_assert_msg((json_object_get(row, keys[q]) != NULL) == reported, "t = %d: %s", t,
                              keys[q]);
            double w2 = json_number_value(json_object_get(row, "w2"));
            if (reported)
                ck_assert(json_number_value(json_object_get(row, "lower")) <= w2 &&
                          w2 <= json_number_value(json_object_get(row, "upper")));
        }
    }
    json_decref(o);
    free(text);
    gref_study_free(study);
    gref_case_free(c);
}
END_TEST

/* An unconditional sampler is held against the prior too; labels and per-sampler conventions are
 * kept apart. */
START_TEST(test_study_run__ddpm_and_overridden_conventions)
{
    gref_case *c = load("samplers=[{\"name\":\"ddpm\"},{\"name\":\"cgdm\",\"label\":\"a\"},"
                        "{\"name\":\"cgdm\",\"label\":\"b\",\"variance\":\"beta\"}]");
    gref_study *study = NULL;
    ck_ok(gref_study_run(&study, c, &(gref_study_options){0}));
    const gref_study_row *ddpm = row_at(&study->samplers[0], 0);
    ck_assert(!study->samplers[0].guided && study->samplers[1].guided);
    ck_assert(ddpm->prior.w2 > 0 && ddpm->prior.w2 < ddpm->w2.w2);
    ck_assert(ddpm->w2.w2_mean > 0.1);
    ck_assert(row_at(&study->samplers[1], 0)->w2.w2 != row_at(&study->samplers[2], 0)->w2.w2);
    ck_assert(row_at(&study->samplers[1], 0)->modelled.w2 == 0);
    char *text = gref_study_summary(study);
    ck_assert_ptr_nonnull(strstr(text, "\"to_prior\""));
    free(text);
    gref_study_free(study);
    gref_case_free(c);
}
END_TEST

/* Doubles as the member `name` of an .npz, of the shape that is said. */
static void add_array(gref_npz_writer *w, const char *name, const char *shape, const double *x,
                      int count)
{
    size_t size = 128 + sizeof *x * (size_t)count;
    unsigned char *bytes = malloc(size);
    ck_assert_ptr_nonnull(bytes);
    memcpy(bytes, "\x93NUMPY\x01\x00\x76\x00", 10);
    snprintf((char *)bytes + 10, 119, "%-117s\n", shape);
    memcpy(bytes + 128, x, size - 128);
    ck_ok(gref_npz_add_bytes(w, name, bytes, size));
    free(bytes);
}

/* chain.npz in dir: eight steps y' = gain y + N(0, 0.64 I); those of gain 0.6 keep N(0, I) as it is. */
static void write_chain(const char *dir, double gain)
{
    char path[4200];
    gref_npz_writer *w = NULL;
    double M[36 * 36] = {0}, b[8 * 36] = {0}, N = 0.64;
    for (int i = 0; i < 36; i++)
        M[37 * i] = gain;
    snprintf(path, sizeof path, "%s/chain.npz", dir);
    ck_ok(gref_npz_create(&w, path));
    add_array(w, "M.npy", "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 36, 36), }", M,
              36 * 36);
    add_array(w, "b.npy", "{'descr': '<f8', 'fortran_order': False, 'shape': (8, 36), }", b,
              8 * 36);
    add_array(w, "N.npy", "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }", &N, 1);
    ck_ok(gref_npz_finish(w));
}

/*
 * The rows of s are at these t, and W2 in the last is that of the arrays: bound as in the test of
 * numbers above, for the covariances; the means differ from what the study measured by n EPS of
 * their own. At t = 0 a law that is regular where the target is singular adds sqrt(|P| n EPS |C|)
 * over W2: rounding of an eigenvalue 0 of C enters by its root.
 */
static void check_visits(const gref_study_sampler *s, gref_npz_reader *r, const char *times,
                         bool regular)
{
    char all[64] = "";
    gref_w2 w;
    for (int k = 0; k < s->n_rows; k++)
        snprintf(all + strlen(all), sizeof all - strlen(all), " %d", s->rows[k].t);
    ck_assert_str_eq(all, times);
    const gref_study_row *end = &s->rows[s->n_rows - 1];
    gref_mat m = get(r, s->spec.label, "mean", end->t), C = get(r, s->spec.label, "cov", end->t);
    gref_mat mt = get(r, "target", "mean", end->t), Ct = get(r, "target", "cov", end->t);
    ck_ok(gref_w2_laws(&w, gref_const(m), gref_const(C), gref_const(mt), gref_const(Ct)));
    double means = gref_mat_norm_fro(gref_const(m)) + gref_mat_norm_fro(gref_const(mt));
    double P = gref_mat_norm_max(gref_const(C)),
           kernel = sqrt(P * 36 * EPS * gref_mat_norm_fro(gref_const(Ct)));
    double bound = 36 * EPS * (gref_mat_norm_fro(gref_const(C)) / end->w2.w2 + means) +
                   (regular ? kernel / end->w2.w2 : 0.0);
    ck_assert_bound(s->spec.label, fabs(w.w2 - end->w2.w2), bound);
    gref_mat *lent[] = {&m, &C, &mt, &Ct};
    for (size_t k = 0; k < sizeof lent / sizeof *lent; k++)
        gref_mat_free(lent[k]);
}

/*
 * A sampler is reported where it goes, by its own t: at its times that are multiples of w2_every or
 * in laws_at, and at its first and last, whichever t these are. A chain without abar has a target
 * at its end alone; the law of this one is N(0, I) at every t. What is not visited is not there, in
 * tables by that name.
 */
START_TEST(test_study_run__visited_times)
{
    char *dir = temp_new(), path[4200], samplers[512];
    gref_npz_reader *r = NULL;
    gref_study *study = NULL;
    write_chain(dir, 0.6);
    snprintf(samplers, sizeof samplers,
             "samplers=[{\"name\":\"pigdm\",\"label\":\"some\",\"scheme\":\"ddim\",\"eta\":0.5,"
             "\"times\":[29,20,18,13,0]},{\"name\":\"ddpm\",\"label\":\"early\",\"times\":[30,"
             "12,7]},{\"name\":\"affine\",\"label\":\"mine\",\"file\":\"%s/chain.npz\"}]",
             dir);
    gref_case *c = load(samplers);
    snprintf(path, sizeof path, "%s/out", dir);
    ck_ok(gref_study_run(&study, c, &(gref_study_options){.dir = path}));
    snprintf(path, sizeof path, "%s/out/arrays.npz", dir);
    ck_ok(gref_npz_open(&r, path));
    ck_assert_str_eq(study->path_reason, "the steps of mine are matrices");
    check_visits(&study->samplers[0], r, " 29 20 18 13 0", false);
    check_visits(&study->samplers[1], r, " 30 12 7", false);
    check_visits(&study->samplers[2], r, " 0", true);
    ck_assert(gref_npz_has(r, "some/cov/20") && !gref_npz_has(r, "some/cov/7"));
    ck_assert(gref_npz_has(r, "early/cov/7") && !gref_npz_has(r, "early/cov/0"));
    gref_mat C = get(r, "mine", "cov", 0);
    for (int i = 0; i < 36; i++)
        GREF_AT(C, i, i) -= 1.0;
    ck_assert_bound("the law of the chain", gref_mat_norm_fro(gref_const(C)), 36 * 36 * EPS);
    gref_mat_free(&C);
    char *table = gref_study_table(study), *text = gref_study_summary(study);
    ck_assert_ptr_nonnull(strstr(table, "mine    not visited   no target  ("));
    ck_assert_ptr_nonnull(strstr(table, "ends at t = 7: against p_t(x | v) there"));
    json_t *o = json_loads(text, 0, NULL);
    json_t *mine = json_array_get(json_object_get(o, "samplers"), 2);
    ck_assert_int_eq((int)json_array_size(json_object_get(mine, "steps")), 1);
    ck_assert_int_eq((int)json_array_size(json_object_get(mine, "modelled")), 0);
    json_decref(o);
    free(table);
    free(text);
    gref_npz_close(r);
    gref_study_free(study);
    gref_case_free(c);
    temp_remove(dir);
}
END_TEST

/*
 * A chain whose covariance leaves every double in three steps, 10^120 a step, and which has no modelled law: w2.svg has no
 * curve to show. gnuplot stops at the first thing it cannot do, and the note says so.
 */
START_TEST(test_study_run__draws_a_frame_without_curves)
{
    char *dir = temp_new(), path[4200], samplers[512];
    gref_study *study = NULL;
    write_chain(dir, 1e60);
    snprintf(samplers, sizeof samplers,
             "samplers=[{\"name\":\"affine\",\"file\":\"%s/chain.npz\"}]", dir);
    gref_case *c = load(samplers);
    snprintf(path, sizeof path, "%s/out", dir);
    ck_ok(gref_study_run(&study, c, &(gref_study_options){.dir = path}));
    ck_assert_int_ge(study->samplers[0].diverged_at, 0);
    ck_assert_ptr_null(strstr(study->note, "gnuplot failed"));
    snprintf(path, sizeof path, "%s/out/w2.svg", dir);
    ck_assert_int_eq(access(path, R_OK), 0);
    gref_study_free(study);
    gref_case_free(c);
    temp_remove(dir);
}
END_TEST

static bool cancel_late(void *context, const char *what, int done, int total)
{
    (void)what;
    (void)context;
    return total == 0 || done < total / 2;
}

/* A cancelled or refused run leaves the folder as it found it, and *study alone. */
START_TEST(test_study_run__leaves_nothing_behind_on_failure)
{
    char *dir = temp_new(), path[4200];
    gref_case *c = load(NULL);
    gref_study *study = NULL;
    snprintf(path, sizeof path, "%s/out", dir);
    ck_fails(gref_study_run(&study, c, &(gref_study_options){.dir = path, .progress = cancel_late}),
             GREF_ERR_CANCELLED);
    ck_assert_ptr_null(study);
    ck_assert_int_eq(count_entries(dir), 0);
    ck_ok(gref_study_run(&study, c, &(gref_study_options){.dir = path}));
    gref_study_free(study);
    study = NULL;
    ck_fails(gref_study_run(&study, c, &(gref_study_options){.dir = path}), GREF_ERR_EXISTS);
    ck_assert_int_eq(count_entries(dir), 1);
    gref_case_free(c);
    c = load("noise.sigma=0");
    ck_fails(gref_study_run(&study, c, &(gref_study_options){.dir = path, .force = true}),
             GREF_ERR_NOT_PD);
    ck_assert_int_eq(count_entries(dir), 1);
    ck_assert_int_eq(count_entries(path), 7);
    gref_case_free(c);
    temp_remove(dir);
}
END_TEST

/* The case's file names are free, labels may hold dots: nothing of it must reach gnuplot as a
 * command. */
START_TEST(test_study_run__survives_odd_folder_names)
{
    char *dir = temp_new(), path[4200];
    gref_case *c = load("samplers=[{\"name\":\"cgdm\",\"label\":\"a.b+c=d\"}]");
    gref_study *study = NULL;
    snprintf(path, sizeof path, "%s/it's a \"folder\" `x` $y \\z", dir);
    ck_ok(gref_study_run(&study, c, &(gref_study_options){.dir = path}));
    int expected = strstr(study->note, "gnuplot is not installed") != NULL ? 3 : 7;
    ck_assert_msg(study->note[0] == '\0' || expected == 3, "%s", study->note);
    ck_assert_int_eq(count_entries(path), expected);
    gref_study_free(study);
    gref_case_free(c);
    temp_remove(dir);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("study");
    TCase *tc = new_tcase(s, "study");
    tcase_add_test(tc, test_study_run__numbers_follow_from_the_arrays);
    tcase_add_test(tc, test_study_summary__is_complete_and_equal_to_the_csv);
    tcase_add_test(tc, test_study_summary__carries_proofs_where_laws_are_reported);
    tcase_add_test(tc, test_study_run__ddpm_and_overridden_conventions);
    tcase_add_test(tc, test_study_run__visited_times);
    tcase_add_test(tc, test_study_run__draws_a_frame_without_curves);
    tcase_add_test(tc, test_study_run__leaves_nothing_behind_on_failure);
    tcase_add_test(tc, test_study_run__survives_odd_folder_names);
    return run_suite(s);
}
