/*
 * For the shell tests: a small golden folder (dps on a 4 x 6 blur, T = 12), and candidates made
 * from it.
 *
 *     shelf golden DIR                     the golden arrays and manifest.json
 *     shelf take OUT.npz [KIND...]         the golden arrays of these kinds (M b N mean ...), all if none
 *     shelf theirs NAME OUT.npz KIND...    the same by a sampler with the deviation NAME
 *     shelf draw OUT.npz N SHIFT           N samples of pigdm's law at t = 0, the first pixel moved by SHIFT
 *     shelf law OUT.npz SHIFT              that law as mean and cov
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <jansson.h>

#include "draws.h"
#include "plant.h"
#include "verify/golden_parts.h"
#include <gref/npy.h>

static gref_truth *truth;

static void write_npz(const char *path, const gref_arrays *a)
{
    gref_npz_writer *w = NULL;
    ck_ok(gref_npz_create(&w, path));
    for (int k = 0; k < a->n; k++)
        ck_ok(gref_npz_add(w, a->item[k].name, gref_const(a->item[k].A), a->item[k].ndim));
    ck_ok(gref_npz_finish(w));
}

/* Makes the folders of "a/b/c" below dir. */
static void make_folders(const char *dir, const char *name)
{
    char path[512];
    for (const char *slash = strchr(name, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        snprintf(path, sizeof path, "%s/%.*s", dir, (int)(slash - name), name);
        mkdir(path, 0700);
    }
}

static json_t *manifest(void)
{
    gref_sampler_spec *s = &truth->samplers[0];
    json_t *arrays = json_array();
    for (int k = 0; k < truth->arrays.n; k++) {
        char hex[65];
        gref_golden_hash(hex, gref_const(truth->arrays.item[k].A));
        json_array_append_new(arrays,
                              json_pack("{s:s, s:f, s:s}", "name", truth->arrays.item[k].name,
                                        "tolerance", truth->tolerance[k], "sha256", hex));
    }
    return json_pack("{s:s, s:o, s:{s:{s:f}, s:{s:[i, i, i, i]}, s:[{s:s, s:s}], s:{s:s, s:s, s:b, "
                     "s:s, s:s, s:f}}}",
                     "schema", "gref-golden/1", "arrays", arrays, "case", "noise", "sigma",
                     truth->problem.sigma, "image", "crop", 0, 0, truth->problem.rows,
                     truth->problem.cols, "samplers", "name", s->name, "label", s->label,
                     "conventions", "guidance", "score", "variance", "beta_tilde", "last_noise", 0,
                     "start", "standard", "r2", "1-abar", "alpha", 1.0);
}

static void golden(const char *dir)
{
    char path[1024];
    mkdir(dir, 0700);
    for (int k = 0; k < truth->arrays.n; k++) {
        const gref_array *a = &truth->arrays.item[k];
        make_folders(dir, a->name);
        snprintf(path, sizeof path, "%s/%s.npy", dir, a->name);
        ck_ok(gref_npy_write(path, gref_const(a->A), a->ndim));
    }
    snprintf(path, sizeof path, "%s/manifest.json", dir);
    json_t *m = manifest();
    ck_assert(m != NULL && json_dump_file(m, path, JSON_INDENT(1) | JSON_REAL_PRECISION(17)) == 0);
    json_decref(m);
}

static void add(const char *name, gref_mat A, int ndim)
{
    ck_ok(gref_arrays_add(&truth->arrays, name, gref_const(A), ndim));
    truth->tolerance =
        realloc(truth->tolerance, (size_t)truth->arrays.n * sizeof *truth->tolerance);
    ck_assert_ptr_nonnull(truth->tolerance);
    truth->tolerance[truth->arrays.n - 1] = 1e-12;
}

/* What a golden file has besides: the problem and the schedule. */
static void complete(void)
{
    int T1 = truth->schedule.T + 1;
    gref_mat beta = {truth->schedule.beta, T1, 1, T1}, abar = {truth->schedule.abar, T1, 1, T1};
    add("mu", truth->problem.mu, 1);
    add("v", truth->problem.v, 1);
    add("schedule/beta", beta, 1);
    add("schedule/abar", abar, 1);
}

static law the_law(double shift)
{
    const gref_array *mean = gref_arrays_find(&truth->arrays, "pigdm/mean/0");
    const gref_array *cov = gref_arrays_find(&truth->arrays, "pigdm/cov/0");
    int n = mean->A.m;
    law l = {fresh(n, 1), fresh(n, n), fresh(n, n)};
    gref_mat_copy(l.mean, gref_const(mean->A));
    gref_mat_copy(l.cov, gref_const(cov->A));
    ck_ok(gref_psd_sqrt(l.root, gref_const(l.cov), "cov"));
    l.mean.a[0] += shift;
    return l;
}

static int argc;
static char **argv;

/* As a test, because the helpers report by Check's macros. */
START_TEST(shelf)
{
    const char *verb = argc > 2 ? argv[1] : "";
    gref_arrays a = {0};
    truth = truth_for("r2-abar", true);
    complete();
    if (strcmp(verb, "golden") == 0) {
        golden(argv[2]);
    } else if (strcmp(verb, "take") == 0) {
        a = argc > 3 ? pick(truth, (const char *const *)argv + 3) : truth->arrays;
        write_npz(argv[2], &a);
    } else if (strcmp(verb, "theirs") == 0 && argc > 4) {
        ck_assert(their_arrays(&a, truth, (const char *const *)argv + 4, argv[2], NULL));
        write_npz(argv[3], &a);
    } else if (strcmp(verb, "draw") == 0 && argc == 5) {
        law l = the_law(atof(argv[4]));
        gref_mat X = draw(&l, atoi(argv[3]), 77);
        ck_ok(gref_arrays_add(&a, "samples", gref_const(X), 2));
        write_npz(argv[2], &a);
    } else if (strcmp(verb, "law") == 0 && argc == 4) {
        law l = the_law(atof(argv[3]));
        ck_ok(gref_arrays_add(&a, "mean", gref_const(l.mean), 1));
        ck_ok(gref_arrays_add(&a, "cov", gref_const(l.cov), 2));
        write_npz(argv[2], &a);
    } else {
        ck_abort_msg("see the comment in shelf.c");
    }
}
END_TEST

int main(int count, char **arguments)
{
    argc = count;
    argv = arguments;
    Suite *s = suite_create("shelf");
    TCase *tc = tcase_create("shelf");
    tcase_add_test(tc, shelf);
    suite_add_tcase(s, tc);
    SRunner *r = srunner_create(s);
    srunner_set_fork_status(r, CK_NOFORK);
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    if (failed > 0)
        srunner_print(r, CK_NORMAL);
    srunner_free(r);
    return failed;
}
