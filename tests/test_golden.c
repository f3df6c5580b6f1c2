/*
 * Golden files: what is in them, that they are the same again, that a right computation passes and
 * none of the catalogue's deviations does, and that nobody replaces one by accident.
 */
#include "golden_case.h"

#include <dirent.h>
#include <unistd.h>

static const char *const all_samplers =
    "{\"name\": \"ddpm\"}, {\"name\": \"cgdm\", \"start\": \"exact\"}, {\"name\": \"pigdm\"}, "
    "{\"name\": \"dps\"},"
    "{\"name\": \"dps\", \"label\": \"mean\", \"guidance\": \"mean\", \"last_noise\": true, "
    "\"variance\": \"beta\"},"
    "{\"name\": \"cgdm\", \"label\": \"after\", \"guidance\": \"after\", \"zeta\": 0.05},"
    "{\"name\": \"dps-norm\", \"zeta\": 0.1}";

static void has_shape(const gref_truth *truth, const char *name, int ndim, int m, int n)
{
    const gref_array *g = gref_arrays_find(&truth->arrays, name);
    ck_assert_msg(g != NULL, "no array %s", name);
    ck_assert_msg(g->ndim == ndim && g->A.m == m && g->A.n == n, "%s is %d-D, %d x %d", name,
                  g->ndim, g->A.m, g->A.n);
}

/* The contract of golden.h, name by name, with shapes; nothing else is in the file. */
START_TEST(test_golden_write__has_every_array_of_the_contract)
{
    static const char *const labels[] = {"ddpm", "cgdm", "pigdm", "dps", "mean", "after"};
    gref_truth *truth = write_and_open(all_samplers, false);
    int n = 20, m = 14, count = 0, before = truth->arrays.n;
    char name[96];
    const struct {
        const char *what;
        int ndim, m, n;
    } fixed[] = {{"Sigma", 2, n, n},
                 {"A", 2, m, n},
                 {"mu", 1, n, 1},
                 {"v", 1, m, 1},
                 {"sigma", 0, 1, 1},
                 {"x0", 1, n, 1},
                 {"schedule/beta", 1, T + 1, 1},
                 {"schedule/alpha", 1, T + 1, 1},
                 {"schedule/abar", 1, T + 1, 1},
                 {"schedule/sigma2", 1, T + 1, 1},
                 {"mean/sigma2", 1, T + 1, 1},
                 {"z", 2, T, n},
                 {"y_T", 1, n, 1}};
    const struct {
        const char *what;
        int ndim, m, n;
        bool guided, step; /* only of guided samplers; only for t >= 1 */
    } timed[] = {{"guided_score", 2, 4, n, true, true},
                 {"C_vt", 2, m, m, true, false},
                 {"M", 2, n, n, false, true},
                 {"b", 1, n, 1, false, true},
                 {"N", 0, 1, 1, false, true},
                 {"mean", 1, n, 1, false, false},
                 {"cov", 2, n, n, false, false},
                 {"modelled/mean", 1, n, 1, false, false},
                 {"modelled/cov", 2, n, n, false, false},
                 {"w2", 1, 3, 1, false, false},
                 {"bias", 1, n, 1, false, false},
                 {"y", 1, n, 1, false, false}};
    for (size_t k = 0; k < sizeof fixed / sizeof *fixed; k++, count++)
        has_shape(truth, fixed[k].what, fixed[k].ndim, fixed[k].m, fixed[k].n);
    for (int i = 0; i < N_AT; i++) {
        int t = at[i];
        static const char *const shared[] = {"target/mean", "target/cov", "probe", "score",
                                             "x0hat"};
        for (int k = 0; k < (t > 0 ? 5 : 2); k++, count++) {
            snprintf(name, sizeof name, "%s/%d", shared[k], t);
            has_shape(truth, name, k == 0 ? 1 : 2, k < 2 ? n : 4, k == 0 ? 1 : n);
        }
        snprintf(name, sizeof name, "dps-norm/y/%d", t);
        has_shape(truth, name, 1, n, 1);
        count++;
        for (int l = 0; l < 6; l++)
            for (size_t k = 0; k < sizeof timed / sizeof *timed; k++) {
                if ((timed[k].guided && l == 0) || (timed[k].step && t == 0))
                    continue;
                snprintf(name, sizeof name, "%s/%s/%d", labels[l], timed[k].what, t);
                has_shape(truth, name, timed[k].ndim, timed[k].m, timed[k].n);
                count++;
            }
    }
    ck_assert_int_eq(count, before);
    gref_truth_free(truth);
}
END_TEST

/* Computed again from the arrays in the file alone: everything within its tolerance, by far (the
 * same BLAS). */
START_TEST(test_golden_verify__accepts_what_was_written)
{
    for (int blur = 0; blur < 2; blur++) {
        gref_golden_report *r = NULL;
        gref_truth *truth = write_and_open(all_samplers, blur);
        ck_ok(gref_golden_verify(&r, scratch("g.npz"), true));
        ck_assert_int_eq(r->n_rows, truth->arrays.n - 1); /* without x0 */
        ck_assert_int_eq(r->n_differ, 0);
        ck_assert_str_eq(r->note, "");
        for (int k = 0; k < r->n_rows; k++)
            ck_assert_bound("stored / tolerance", r->rows[k].max_abs,
                            r->rows[k].tolerance / 50 + 1e-15);
        gref_golden_free(r);
        gref_truth_free(truth);
        unlink(scratch("g.npz"));
    }
}
END_TEST

/* The same case gives the same bytes; a folder holds the same arrays and the same manifest. */
START_TEST(test_golden_write__is_reproducible_as_file_and_as_folder)
{
    gref_case *c = load_case("{\"name\": \"pigdm\"}", true);
    gref_golden_report *r = NULL;
    gref_golden_options o = plain;
    gref_arrays a = {0}, b = {0};
    gref_golden_free(write_to(c, scratch("g.npz"), NULL));
    gref_golden_free(write_to(c, scratch("h.npz"), NULL));
    assert_same_file(scratch("g.npz"), scratch("h.npz"));
    o.dir = scratch("folder");
    ck_ok(gref_golden_write(&r, c, &o));
    gref_golden_free(r);
    ck_ok(gref_arrays_read(&a, scratch("g.npz"), NULL));
    ck_ok(gref_arrays_read(&b, scratch("folder"), NULL));
    ck_assert_int_eq(a.n, b.n);
    for (int k = 0; k < a.n; k++) {
        const gref_array *g = gref_arrays_find(&b, a.item[k].name);
        ck_assert_msg(g != NULL && g->ndim == a.item[k].ndim &&
                          same_bits(gref_const(a.item[k].A), gref_const(g->A)),
                      "%s differs", a.item[k].name);
    }
    ck_ok(gref_golden_verify(&r, scratch("folder"), true));
    ck_assert_int_eq(r->n_differ, 0);
    gref_npz_reader *z = NULL;
    unsigned char *bytes = NULL, *file = NULL;
    size_t size = 0, file_size = 0;
    ck_ok(gref_npz_open(&z, scratch("g.npz")));
    ck_ok(gref_npz_bytes(&bytes, &size, z, "manifest.json"));
    file = slurp(scratch("folder/manifest.json"), &file_size);
    ck_assert(size == file_size && memcmp(bytes, file, size) == 0);
    gref_npz_close(z);
    free(bytes);
    free(file);
    gref_golden_free(r);
    gref_arrays_free(&a);
    gref_arrays_free(&b);
    gref_case_free(c);
}
END_TEST

/* The manifest says who made the file, of what, in which conventions, and of every array what the
 * issue asks. */
START_TEST(test_golden_write__manifest_is_complete)
{
    static const char *const keys[] = {"schema", "version",  "commit",      "dirty",  "command",
                                       "blas",   "n",        "m",           "T",      "golden_t",
                                       "case",   "samplers", "conventions", "arrays", "history"};
    static const char *const of_array[] = {"name",      "shape",     "dtype", "sha256", "norm",
                                           "condition", "tolerance", "basis", "flags",  "notes"};
    static const char *const in_words[] = {"likelihood", "guidance", "noise", "last step", "start"};
    json_t *m = NULL;
    gref_truth *truth = write_and_open(all_samplers, true);
    ck_ok(gref_manifest_read(&m, scratch("g.npz")));
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
        ck_assert_msg(json_object_get(m, keys[k]) != NULL, "no key %s", keys[k]);
    ck_assert_int_eq((int)json_array_size(json_object_get(m, "arrays")), truth->arrays.n);
    for (int a = 0; a < truth->arrays.n; a++) {
        json_t *e = entry_of(m, truth->arrays.item[a].name);
        for (size_t k = 0; k < sizeof of_array / sizeof *of_array; k++)
            ck_assert_msg(json_object_get(e, of_array[k]) != NULL, "%s has no %s",
                          truth->arrays.item[a].name, of_array[k]);
        ck_assert(json_string_length(json_object_get(e, "basis")) > 2);
        double norm = gref_mat_norm_fro(gref_const(truth->arrays.item[a].A));
        ck_assert(fabs(json_number_value(json_object_get(e, "norm")) - norm) <= 1e-14 * norm);
    }
    const char *labels[] = {"ddpm", "cgdm", "pigdm", "dps", "mean", "after", "dps-norm"};
    for (int l = 0; l < 7; l++)
        for (size_t k = 0; k < sizeof in_words / sizeof *in_words; k++) {
            json_t *words = json_object_get(json_object_get(m, "conventions"), labels[l]);
            ck_assert_msg(json_string_length(json_object_get(words, in_words[k])) > 5, "%s: %s",
                          labels[l], in_words[k]);
        }
    json_t *catches = json_object_get(entry_of(m, "dps/N/3"), "notes");
    ck_assert_ptr_nonnull(strstr(json_string_value(catches), "beta~ for beta"));
    json_t *flags = json_object_get(entry_of(m, "Sigma"), "flags");
    ck_assert_str_eq(json_string_value(json_array_get(flags, 1)), "singular");
    json_decref(m);
    gref_truth_free(truth);
}
END_TEST

static const char *const everything[] = {
    "score", "x0hat", "guided_score",  "C_vt",         "M",  "b", "N", "mean",
    "cov",   "y",     "modelled/mean", "modelled/cov", "w2", NULL};

/* Largest difference/tolerance of a candidate, and where. */
static double worst_ratio(const char **where, const gref_truth *t, const gref_arrays *a)
{
    double worst = 0;
    for (int k = 0; k < a->n; k++) {
        const gref_array *g = gref_arrays_find(&t->arrays, a->item[k].name);
        double d = gref_mat_diff_max(gref_const(a->item[k].A), gref_const(g->A));
        double ratio = d > 0 ? d / gref_truth_tolerance(t, g, false) : 0;
        if (ratio > worst) {
            worst = ratio;
            *where = a->item[k].name;
        }
    }
    return worst;
}

/* A sampler of the case by the conventions that plant.h takes for a deviation. */
static void sampler_for(char text[256], const char *deviation)
{
    gref_truth *like = truth_for(deviation, true);
    const gref_sampler_spec *spec = &like->samplers[0];
    json_t *entry = gref_convention_json(spec);
    json_object_set_new(entry, "name", json_string(spec->name));
    char *json = json_dumps(entry, JSON_COMPACT);
    snprintf(text, 256, "%s", json);
    free(json);
    json_decref(entry);
    gref_truth_free(like);
}

/*
 * Plain products and inverses, by theirs.c, pass (worst 0.45 tolerances, in cov/12); the same with
 * any deviation of the catalogue fails by ten million tolerances in some array (least: 3e7, single
 * precision; the others 1e11). So the tolerances part right from wrong with orders of magnitude to
 * spare.
 */
START_TEST(test_golden__tolerances_part_right_from_wrong)
{
    const char *name = gref_catalogue_row(_i)->name;
    char sampler[256];
    sampler_for(sampler, name);
    for (int blur = 0; blur < 2; blur++) {
        const char *where = "";
        gref_arrays right, wrong;
        gref_truth *t = write_and_open(sampler, blur);
        ck_assert(their_arrays(&right, t, everything, NULL, NULL));
        double passes = worst_ratio(&where, t, &right);
        ck_assert_msg(passes <= 1, "right, but %s is at %.3g tolerances", where, passes);
        if (_i == 0)
            note_ratio("a right candidate", passes, 1);
        if (their_arrays(&wrong, t, everything, name, NULL) && departs(t, &wrong)) {
            double fails = all_finite(&wrong) ? worst_ratio(&where, t, &wrong) : INFINITY;
            ck_assert_msg(fails >= 1e7, "%s is seen in %s, at %.3g tolerances only", name, where,
                          fails);
        }
        gref_arrays_free(&right);
        gref_arrays_free(&wrong);
        gref_truth_free(t);
        unlink(scratch("g.npz"));
    }
}
END_TEST

/* A file is left alone where it agrees, to the byte, and replaced where the case is another; the
 * reason is kept. */
START_TEST(test_golden_write__rewrites_only_what_differs)
{
    gref_case *c = load_case("{\"name\": \"dps\"}", true),
              *other = load_case("{\"name\": \"pigdm\"}", true);
    json_t *m = NULL;
    gref_golden_free(write_to(c, scratch("g.npz"), NULL));
    gref_golden_free(write_to(c, scratch("kept.npz"), NULL));
    gref_golden_report *r = write_to(c, scratch("g.npz"), "no need");
    ck_assert_int_eq(r->outcome, GREF_GOLDEN_UNCHANGED);
    ck_assert(r->n_differ == 0 && r->n_rows > 50);
    gref_golden_free(r);
    assert_same_file(scratch("g.npz"), scratch("kept.npz"));
    r = write_to(other, scratch("g.npz"), "another sampler");
    ck_assert_int_eq(r->outcome, GREF_GOLDEN_REPLACED);
    ck_assert_ptr_nonnull(strstr(r->note, "no array pigdm/"));
    gref_golden_free(r);
    ck_ok(gref_manifest_read(&m, scratch("g.npz")));
    json_t *history = json_object_get(m, "history");
    ck_assert_int_eq((int)json_array_size(history), 1);
    ck_assert_str_eq(json_string_value(json_object_get(json_array_get(history, 0), "reason")),
                     "another sampler");
    ck_ok(gref_golden_verify(&r, scratch("g.npz"), true));
    ck_assert_int_eq(r->n_differ, 0);
    gref_golden_free(r);
    json_decref(m);
    gref_case_free(c);
    gref_case_free(other);
}
END_TEST

/* Copies g.npz to bad.npz with one array changed; the manifest's hash follows if `rehash`. */
static void tamper_file(const char *name, double by, bool rehash, const char *key, json_t *said)
{
    json_t *m = NULL;
    gref_npz_writer *w = NULL;
    gref_arrays a = {0};
    char hex[65];
    ck_ok(gref_arrays_read(&a, scratch("g.npz"), NULL));
    ck_ok(gref_manifest_read(&m, scratch("g.npz")));
    ck_ok(gref_npz_create(&w, scratch("bad.npz")));
    for (int k = 0; k < a.n; k++) {
        bool here = strcmp(a.item[k].name, name) == 0;
        if (here)
            a.item[k].A.a[0] += by;
        gref_golden_hash(hex, gref_const(a.item[k].A));
        if (here && rehash)
            json_object_set_new(entry_of(m, name), "sha256", json_string(hex));
        ck_ok(gref_npz_add(w, a.item[k].name, gref_const(a.item[k].A), a.item[k].ndim));
    }
    if (key != NULL)
        json_object_set_new(m, key, said);
    char *text = json_dumps(m, 0);
    ck_ok(gref_npz_add_bytes(w, "manifest.json", text, strlen(text)));
    ck_ok(gref_npz_finish(w));
    free(text);
    json_decref(m);
    gref_arrays_free(&a);
}

static void tamper(const char *name, double by, bool rehash)
{
    tamper_file(name, by, rehash, NULL, NULL);
}

/* A changed bit is refused by its hash; a consistent lie is computed again and found, with its
 * place. */
START_TEST(test_golden_verify__finds_what_was_tampered_with)
{
    gref_golden_report *r = NULL;
    gref_truth_free(write_and_open("{\"name\": \"dps\"}", true));
    tamper("dps/M/6", 0x1p-52, false);
    ck_fails(gref_golden_verify(&r, scratch("bad.npz"), true), GREF_ERR_FORMAT);
    assert_message("bad.npz: 'dps/M/6' is not what manifest.json says");
    ck_assert_ptr_null(r);
    tamper("dps/M/6", 1e-6, true);
    ck_ok(gref_golden_verify(&r, scratch("bad.npz"), true));
    ck_assert_int_eq(r->n_differ, 1);
    for (int k = 0; k < r->n_rows; k++) {
        bool here = strcmp(r->rows[k].name, "dps/M/6") == 0;
        ck_assert(r->rows[k].agrees == !here);
        ck_assert(!here || (r->rows[k].i == 0 && r->rows[k].j == 0 &&
                            fabs(r->rows[k].golden - r->rows[k].computed - 1e-6) < 1e-9));
    }
    gref_golden_free(r);
}
END_TEST

/* What the manifest says in words and numbers beside the arrays is computed again too. */
START_TEST(test_golden_verify__finds_a_manifest_that_lies)
{
    gref_truth_free(write_and_open("{\"name\": \"dps\"}", true));
    const struct {
        const char *key;
        json_t *said;
    } lies[] = {{"conventions", json_pack("{s:s}", "lie", "x")},
                {"T", json_integer(7)},
                {"n", json_integer(3)},
                {"golden_t", json_pack("[i, i]", 1, 2)},
                {"samplers", json_array()}};
    for (size_t k = 0; k < sizeof lies / sizeof *lies; k++) {
        gref_golden_report *r = NULL;
        tamper_file("", 0, false, lies[k].key, lies[k].said);
        ck_ok(gref_golden_verify(&r, scratch("bad.npz"), true));
        ck_assert_int_eq(r->n_differ, 0);
        ck_assert_msg(strstr(r->note, "manifest.json: another") != NULL &&
                          strstr(r->note, lies[k].key) != NULL,
                      "%s: %s", lies[k].key, r->note);
        gref_golden_free(r);
    }
}
END_TEST

/* Nothing is written for options that do not fit, and nothing is overwritten without a reason. */
START_TEST(test_golden_write__refusals_leave_nothing)
{
    gref_case *c = load_case("{\"name\": \"dps\"}", true);
    gref_golden_report *r = NULL;
    gref_golden_options o = plain;
    int before = scratch_files(false);
    ck_fails(gref_golden_write(&r, c, &o), GREF_ERR_RANGE);
    o.out = scratch("g.npz");
    o.dir = scratch("folder");
    ck_fails(gref_golden_write(&r, c, &o), GREF_ERR_RANGE);
    o.dir = NULL;
    o.reason = "why";
    ck_fails(gref_golden_write(&r, c, &o), GREF_ERR_IO);
    assert_message("g.npz: there is nothing to rewrite");
    spill(scratch("g.npz"), "mine", 4);
    ck_fails(gref_golden_write(&r, c, &o), GREF_ERR_FORMAT);
    o.reason = NULL;
    ck_fails(gref_golden_write(&r, c, &o), GREF_ERR_EXISTS);
    assert_message("--rewrite --reason TEXT");
    o.out = scratch("none/g.npz");
    ck_fails(gref_golden_write(&r, c, &o), GREF_ERR_IO);
    ck_assert_ptr_null(r);
    ck_assert_int_eq(scratch_files(false), before + 1); /* g.npz, mine */
    gref_case_free(c);
}
END_TEST

/*
 * A DPS that overshoots: its law grows past all doubles and the file says where, with tolerances
 * that grow with it. And sigma = 0, where C_{v|0} = 0.
 */
START_TEST(test_golden_write__takes_divergence_and_no_noise)
{
    const char *sets[] = {"noise.sigma=1e-3", "schedule.steps=400", "schedule.beta=[1e-3,0.05]",
                          "report.laws_at=[200,0]"};
    const char *quiet[] = {"noise.sigma=0",
                           "samplers=[{\"name\": \"cgdm\"}, {\"name\": \"pigdm\"}]"};
    gref_case *c = load_case("{\"name\": \"dps\"}, {\"name\": \"cgdm\"}", false);
    gref_golden_report *r = NULL;
    json_t *m = NULL;
    gref_case_free(c);
    ck_ok(gref_case_load(&c, scratch("case.json"), sets, 4));
    gref_golden_free(write_to(c, scratch("g.npz"), NULL));
    gref_case_free(c);
    ck_ok(gref_manifest_read(&m, scratch("g.npz")));
    json_t *dps = json_array_get(json_object_get(m, "samplers"), 0);
    ck_assert(json_integer_value(json_object_get(dps, "diverged_at")) == 200);
    ck_ok(gref_golden_verify(&r, scratch("g.npz"), true));
    ck_assert_int_eq(r->n_differ, 0);
    gref_golden_free(r);
    json_decref(m);
    ck_ok(gref_case_load(&c, scratch("case.json"), quiet, 2));
    gref_golden_free(write_to(c, scratch("h.npz"), NULL));
    ck_ok(gref_golden_verify(&r, scratch("h.npz"), true));
    ck_assert_int_eq(r->n_differ, 0);
    gref_golden_free(r);
    gref_case_free(c);
}
END_TEST

/* Removes subfolders too, which scratch_remove does not expect. */
static void clear(const char *folder)
{
    DIR *d = opendir(folder);
    for (struct dirent *e = d == NULL ? NULL : readdir(d); e != NULL; e = readdir(d)) {
        char path[5000];
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (unlink(path) != 0) {
            clear(path);
            rmdir(path);
        }
    }
    if (d != NULL)
        closedir(d);
}

static void clean_up(void)
{
    clear(scratch_folder);
    scratch_remove();
}

int main(void)
{
    int rows = 0;
    while (gref_catalogue_row(rows) != NULL)
        rows++;
    Suite *s = suite_create("golden");
    TCase *tc = new_tcase(s, "golden");
    tcase_add_checked_fixture(tc, scratch_make, clean_up);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, test_golden_write__has_every_array_of_the_contract);
    tcase_add_test(tc, test_golden_verify__accepts_what_was_written);
    tcase_add_test(tc, test_golden_write__is_reproducible_as_file_and_as_folder);
    tcase_add_test(tc, test_golden_write__manifest_is_complete);
    tcase_add_test(tc, test_golden_write__rewrites_only_what_differs);
    tcase_add_test(tc, test_golden_verify__finds_what_was_tampered_with);
    tcase_add_test(tc, test_golden_verify__finds_a_manifest_that_lies);
    tcase_add_test(tc, test_golden_write__refusals_leave_nothing);
    tcase_add_test(tc, test_golden_write__takes_divergence_and_no_noise);
    tcase_add_loop_test(tc, test_golden__tolerances_part_right_from_wrong, 0, rows);
    return run_suite(s);
}
