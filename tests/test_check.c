/* gref_check: verdicts, tolerances, order, where the chain departs, laws, names that are
 * refused. */
#include "plant.h"

#include "scratch.h"
#include <gref/npy.h>
#include <gref/random.h>

static gref_truth *the_truth(void)
{
    return truth_for("guidance-x2", true); /* dps, blur */
}

static gref_check *check_of(const gref_truth *t, const gref_arrays *a, const gref_check_options *o)
{
    gref_check *c = NULL;
    ck_ok(gref_check_arrays(&c, t, a, o));
    return c;
}

static const char *const steps[] = {"M", "b", "N", NULL};
static const char *const chain[] = {"M",     "b", "N", "mean", "cov", "y", "guided_score",
                                    "score", NULL};

/* The golden arrays themselves agree with error 0; so do they without the label, and in single
 * precision. */
START_TEST(test_check__golden_arrays_agree)
{
    gref_truth *t = the_truth();
    gref_arrays a = {0}, b = {0}, c = {0};
    for (int k = 0; k < t->arrays.n; k++) {
        const gref_array *g = &t->arrays.item[k];
        const char *bare = strncmp(g->name, "dps/", 4) == 0 ? g->name + 4 : g->name;
        ck_ok(gref_arrays_add(&a, g->name, gref_const(g->A), g->ndim));
        ck_ok(gref_arrays_add(&b, bare, gref_const(g->A), g->ndim));
        ck_ok(gref_arrays_add(&c, g->name, gref_const(g->A), g->ndim));
        for (int i = 0; i < g->A.m * g->A.n; i++)
            c.item[k].A.a[i] = (float)c.item[k].A.a[i];
        c.item[k].single = true;
    }
    gref_check *x = check_of(t, &a, NULL), *y = check_of(t, &b, NULL), *z = check_of(t, &c, NULL);
    ck_assert(x->verdict == GREF_VERDICT_AGREES && x->n_rows == t->arrays.n &&
              x->rows[0].max_abs == 0);
    ck_assert(y->verdict == GREF_VERDICT_AGREES && y->n_rows == x->n_rows && x->departs_at == -1);
    ck_assert(z->verdict == GREF_VERDICT_AGREES && z->rows[0].single && z->rows[0].max_abs > 0);
    for (int k = 0; k < c.n; k++)
        c.item[k].single = false; /* the same numbers claimed in double are not right */
    gref_check *w = check_of(t, &c, NULL);
    ck_assert(w->verdict == GREF_VERDICT_DIFFERS);
    gref_check *all[] = {x, y, z, w};
    for (int k = 0; k < 4; k++)
        gref_check_free(all[k]);
    gref_arrays_free(&a);
    gref_arrays_free(&b);
    gref_arrays_free(&c);
    gref_truth_free(t);
}
END_TEST

/* One entry moved by 3 tolerances, another by half of one: verdicts, ratio, place and values are those, the rows
 * come worst first, and --rtol accepts what it says. */
START_TEST(test_check__finds_the_worst_entry)
{
    gref_truth *t = the_truth();
    gref_arrays a = pick(t, steps);
    gref_array *M = NULL, *b = NULL;
    for (int k = 0; k < a.n; k++) {
        M = strcmp(a.item[k].name, "dps/M/6") == 0 ? &a.item[k] : M;
        b = strcmp(a.item[k].name, "dps/b/3") == 0 ? &a.item[k] : b;
    }
    double tau = gref_truth_tolerance(t, gref_arrays_find(&t->arrays, "dps/M/6"), false),
           was = GREF_AT(M->A, 4, 7);
    GREF_AT(M->A, 4, 7) += 3 * tau;
    b->A.a[2] += 0.5 * gref_truth_tolerance(t, gref_arrays_find(&t->arrays, "dps/b/3"), false);
    gref_check *c = check_of(t, &a, NULL);
    const gref_check_row *r = &c->rows[0];
    ck_assert_str_eq(r->name, "dps/M/6");
    ck_assert(r->verdict == GREF_VERDICT_DIFFERS && r->i == 4 && r->j == 7 && r->golden == was);
    ck_assert_bound("ratio", fabs(r->ratio - 3), 1e-3 + 2 * EPS * fabs(was) / tau);
    ck_assert_str_eq(c->rows[1].name, "dps/b/3");
    ck_assert(c->rows[1].verdict == GREF_VERDICT_AGREES && c->rows[1].ratio > 0.4 &&
              c->rows[1].ratio < 0.6);
    for (int k = 1; k < c->n_rows; k++)
        ck_assert(c->rows[k].ratio <= c->rows[k - 1].ratio);
    ck_assert(c->departs_at == 6);
    ck_assert_str_eq(c->at_fault, "M");
    gref_check_free(c);
    gref_check_options loose = {.rtol = 1e-6};
    c = check_of(t, &a, &loose);
    ck_assert(c->verdict == GREF_VERDICT_AGREES);
    gref_check_free(c);
    gref_arrays_free(&a);
    gref_truth_free(t);
}
END_TEST

/* What is at fault at the first departure: noise moves only N, a wrong v only b, a wrong C both M and b; and without
 * the steps the laws say the same; a wrong start is seen at T. A function that differs at T says
 * that the first step
 * departs, which a trajectory alone only shows at the next t; not so where that step's M and b are
 * right. */
START_TEST(test_check__says_where_the_chain_departs)
{
    static const char *const laws[] = {"mean", "cov", NULL}, *const trajectory[] = {"y", NULL};
    static const char *const guided[] = {"guided_score", NULL}, *const both[] = {"guided_score",
                                                                                 "y", NULL};
    static const char *const whole[] = {"guided_score", "M", "b", "N", "y", NULL};
    const struct {
        const char *deviation, *const *whats, *fault;
        int t;
    } table[] = {{"noise-x2", chain, "N", 12},       {"guidance-x2", chain, "M, b", 12},
                 {"noise-x2", laws, "N or M", 9},    {"guidance-x2", laws, "M, or b and N", 9},
                 {"start-exact", laws, "start", 12}, {"guidance-x2", trajectory, "", 9},
                 {"guidance-x2", guided, "", 12},    {"guidance-x2", both, "", 12},
                 {"guidance-x2", whole, "M, b", 12}, {"last-noise-added", laws, "", -1}};
    gref_truth *t = the_truth();
    for (size_t k = 0; k < sizeof table / sizeof *table; k++) {
        gref_arrays a;
        ck_assert(their_arrays(&a, t, table[k].whats, table[k].deviation, NULL));
        gref_check_options slack = {.rtol = 1e-9}; /* of plain inverses */
        gref_check *c = check_of(t, &a, &slack);
        ck_assert_msg(c->departs_at == table[k].t && strcmp(c->at_fault, table[k].fault) == 0,
                      "%s: at %d, '%s': %s", table[k].deviation, c->departs_at, c->at_fault,
                      c->departure);
        bool told =
            strstr(c->departure, "the first function to differ there is guided_score") != NULL;
        ck_assert(told || strcmp(table[k].whats[0], "guided_score") != 0);
        gref_check_free(c);
        gref_arrays_free(&a);
    }
    /* the target's mean for v: b alone is wrong, seen in the mean and not in the covariance */
    gref_arrays a = pick(t, laws);
    for (int k = 0; k < a.n; k++)
        if (strcmp(a.item[k].name, "dps/mean/6") == 0 || strcmp(a.item[k].name, "dps/mean/3") == 0)
            a.item[k].A.a[0] += 0.1;
    gref_check *c = check_of(t, &a, NULL);
    ck_assert(c->departs_at == 6 && strcmp(c->at_fault, "b") == 0);
    ck_assert_msg(strstr(c->departure, "between t = 9 and t = 6") != NULL, "%s", c->departure);
    gref_check_free(c);
    gref_arrays_free(&a);
    /* M of the first step wrong alone moves only the covariance, since the mean before it is 0: N was blamed once. b and
     * N wrong move both: M was blamed. */
    for (int both_wrong = 0; both_wrong < 2; both_wrong++) {
        a = pick(t, laws);
        for (int k = 0; k < a.n; k++)
            if (strcmp(a.item[k].name, "dps/cov/9") == 0 ||
                (both_wrong && strcmp(a.item[k].name, "dps/mean/9") == 0))
                a.item[k].A.a[0] += 0.1;
        c = check_of(t, &a, NULL);
        ck_assert_str_eq(c->at_fault, both_wrong ? "M, or b and N" : "N or M");
        gref_check_free(c);
        gref_arrays_free(&a);
    }
    /* a guided score that differs where M and b agree is no departure of the chain */
    a = pick(t, whole);
    for (int k = 0; k < a.n; k++)
        if (strcmp(a.item[k].name, "dps/guided_score/9") == 0)
            a.item[k].A.a[0] += 0.1;
    c = check_of(t, &a, NULL);
    ck_assert(c->verdict == GREF_VERDICT_DIFFERS && c->departs_at == -1 && c->departure[0] == '\0');
    gref_check_free(c);
    gref_arrays_free(&a);
    gref_truth_free(t);
}
END_TEST

/* Rows of the catalogue computed in single precision do not agree, though 2^29 times the bound in double exceeds the
 * arrays, as it does in golden files (all zeros once agreed); the right arrays do. What lies
 * between is undecided. */
START_TEST(test_check__single_precision_is_not_vacuous)
{
    static const char *const rows[] = {"float32", "guidance-x2", "guidance-half", "variance-beta",
                                       "r2-abar", "sigma-x2",    "sigma-half"};
    static const char *const whats[][2] = {
        {"guided_score", NULL}, {"M", NULL}, {"N", NULL}, {"cov", NULL}, {"y", NULL}};
    gref_truth *t = truth_for("r2-abar", true);
    for (int k = 0; k < t->arrays.n; k++)
        t->tolerance[k] *= 1e4; /* 1e-8 of the largest entry: 5 of them in single precision */
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
        for (int w = 0; w < 5; w++) {
            gref_arrays a;
            bool noise = strcmp(rows[r], "variance-beta") == 0, function = w < 2;
            if ((w == 2 && r > 0 && !noise) || (noise && function))
                continue;
            ck_assert(their_arrays(&a, t, whats[w], "float32", r > 0 ? rows[r] : NULL));
            for (int k = 0; k < a.n; k++)
                a.item[k].single = true;
            gref_check *c = check_of(t, &a, NULL);
            ck_assert_msg((c->verdict == GREF_VERDICT_AGREES) == (r == 0), "%s on %s", rows[r],
                          whats[w][0]);
            gref_check_free(c);
            gref_arrays_free(&a);
        }
    gref_arrays a = pick(t, steps);
    for (int k = 0; k < a.n; k++)
        a.item[k].single = true;
    const double factors[] = {1 + 0x1p-12, 1 + 0x1p-8, 100};
    const gref_verdict verdicts[] = {GREF_VERDICT_AGREES, GREF_VERDICT_UNDECIDED,
                                     GREF_VERDICT_DIFFERS};
    for (int k = 0; k < 3; k++) {
        double was = a.item[0].A.a[0];
        gref_array *x = &a.item[0];
        const gref_array *g = gref_arrays_find(&t->arrays, x->name);
        x->A.a[0] += (factors[k] - 1) * gref_mat_norm_max(gref_const(g->A));
        gref_check *c = check_of(t, &a, NULL);
        ck_assert_int_eq(c->verdict, verdicts[k]);
        ck_assert(c->rows[0].tolerance <=
                  0x1p-10 * gref_mat_norm_max(gref_const(g->A)) * (1 + EPS));
        char *text = gref_check_table(c);
        ck_assert((strstr(text, "single precision cannot tell in 1 of") != NULL) == (k == 1));
        free(text);
        gref_check_free(c);
        x->A.a[0] = was;
    }
    gref_arrays_free(&a);
    gref_truth_free(t);
}
END_TEST

/* A law of one's own is compared in W2: the golden law agrees, one moved by 0.1 in the mean is 0.1 away, inside its
 * certified interval. */
START_TEST(test_check__own_law_in_w2)
{
    gref_truth *t = truth_for("r2-abar", true); /* pigdm: a law of moderate size */
    const gref_array *mean = gref_arrays_find(&t->arrays, "pigdm/mean/0"),
                     *cov = gref_arrays_find(&t->arrays, "pigdm/cov/0");
    gref_arrays a = {0};
    ck_ok(gref_arrays_add(&a, "mean", gref_const(mean->A), 1));
    ck_ok(gref_arrays_add(&a, "cov", gref_const(cov->A), 2));
    gref_check *c = check_of(t, &a, NULL);
    ck_assert(c->verdict == GREF_VERDICT_AGREES && c->n_laws == 1 && c->n_rows == 0 &&
              c->laws[0].w2.certified);
    gref_check_free(c);
    a.item[0].A.a[3] += 0.1;
    c = check_of(t, &a, NULL);
    ck_assert(c->verdict == GREF_VERDICT_DIFFERS);
    ck_assert(c->laws[0].w2.lower <= 0.1 * (1 + 4 * EPS) &&
              c->laws[0].w2.upper >= 0.1 * (1 - 4 * EPS));
    ck_assert_bound("W2", fabs(c->laws[0].w2.w2 - 0.1), 1e-9);
    gref_check_free(c);
    gref_arrays_free(&a);
    gref_truth_free(t);
}
END_TEST

/* Tolerance and bound of a law in W2, |dm| <= sqrt(n) max |dm| and |dP|_* <= sqrt(n) n max |dP|, and of an array, each
 * where another of its terms is the one that counts: in double, in single precision by what arrays
 * may differ by, by 2^-16 of the trace, by what double would; and by rtol. */
START_TEST(test_check__tolerances_are_their_formulas)
{
    static const struct {
        double scale, rtol;
        bool single;
    } rows[] = {{1, 0, false}, {1e3, 0, false}, {1e-3, 0, true},
                {1, 0, true},  {1e9, 0, true},  {1, 1e-2, false}};
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        gref_truth *t = truth_for("r2-abar", true);
        const gref_array *m = gref_arrays_find(&t->arrays, "pigdm/mean/0"),
                         *P = gref_arrays_find(&t->arrays, "pigdm/cov/0"),
                         *M = gref_arrays_find(&t->arrays, "pigdm/M/12");
        gref_check_options o = {.rtol = rows[k].rtol};
        bool single = rows[k].single;
        gref_arrays a = {0};
        for (int i = 0; i < t->arrays.n; i++)
            t->tolerance[i] *= rows[k].scale;
        ck_ok(gref_arrays_add(&a, "mean", gref_const(m->A), 1));
        ck_ok(gref_arrays_add(&a, "cov", gref_const(P->A), 2));
        ck_ok(gref_arrays_add(&a, "pigdm/M/12", gref_const(M->A), 2));
        for (int i = 0; i < 3; i++)
            a.item[i].single = single;
        gref_check *c = check_of(t, &a, &o);
        double n = m->A.m, trace = gref_mat_trace(gref_const(P->A)), roots = pow(n, 1.5);
        double agree = gref_truth_tolerance(t, m, single), most = gref_truth_bound(t, m, single),
               dP = roots * gref_truth_bound(t, P, single);
        double counts =
            single ? fmin(dP, fmax(0x1p-16 * trace, roots * gref_truth_bound(t, P, false))) : dP;
        double least = o.rtol * sqrt(trace), entry = o.rtol * gref_mat_norm_max(gref_const(M->A));
        ck_assert(c->n_laws == 1 && c->n_rows == 1);
        ck_assert_same("law, tolerance", c->laws[0].tolerance,
                       fmax(sqrt(n * agree * agree + counts), least));
        ck_assert_same("law, bound", c->laws[0].bound, fmax(sqrt(n * most * most + dP), least));
        ck_assert_same("array", c->rows[0].tolerance,
                       fmax(gref_truth_tolerance(t, M, single), entry));
        ck_assert_same("array, bound", c->rows[0].bound,
                       fmax(gref_truth_bound(t, M, single), entry));
        gref_check_free(c);
        gref_arrays_free(&a);
        gref_truth_free(t);
    }
}
END_TEST

static void refuses(const gref_truth *t, const char *name, gref_mat A, const gref_check_options *o,
                    gref_status status, const char *says)
{
    gref_arrays a = {0};
    gref_check *c = NULL;
    ck_ok(gref_arrays_add(&a, name, gref_const(A), 2));
    ck_fails(gref_check_arrays(&c, t, &a, o), status);
    ck_assert_ptr_null(c);
    assert_message(says);
    gref_arrays_free(&a);
}

/* Wrong names with the nearest, shapes, NaN with its place, half a law, a sampler that is not
 * there. */
START_TEST(test_check__refusals)
{
    gref_truth *t = the_truth();
    gref_mat right = fresh(24, 24), small = fresh(23, 24), turned = fresh(24, 7),
             bad = fresh(24, 24);
    gref_check_options nobody = {.sampler = "pigdm"}, negative = {.rtol = -1};
    GREF_AT(bad, 3, 5) = NAN;
    refuses(t, "dps/Mm/6", right, NULL, GREF_ERR_FORMAT, "did you mean 'dps/M/6'");
    refuses(t, "guided_scores/6", right, NULL, GREF_ERR_FORMAT, "did you mean 'guided_score/6'");
    refuses(t, "zzzzzzzz", right, NULL, GREF_ERR_FORMAT, "has no 'zzzzzzzz'");
    refuses(t, "M/6", small, NULL, GREF_ERR_SHAPE, "23 x 24, the golden array 24 x 24");
    refuses(t, "samples", turned, NULL, GREF_ERR_SHAPE, "transposed?");
    refuses(t, "M/6", bad, NULL, GREF_ERR_NONFINITE, "nan at [3, 5]");
    refuses(t, "cov", right, NULL, GREF_ERR_FORMAT, "needs both");
    GREF_AT(bad, 3, 5) = 1e308; /* samples of it once had p = -nan and W2 = 0 */
    refuses(t, "samples", bad, NULL, GREF_ERR_RANGE, "beyond 2^450");
    refuses(t, "M/6", bad, NULL, GREF_ERR_RANGE, "beyond 2^450");
    refuses(t, "mean", right, NULL, GREF_ERR_FORMAT, "needs both");
    refuses(t, "M/6", right, &nobody, GREF_ERR_RANGE, "no sampler 'pigdm'");
    refuses(t, "M/6", right, &negative, GREF_ERR_RANGE, "rtol");
    gref_mat *all[] = {&right, &small, &turned, &bad};
    for (int k = 0; k < 4; k++)
        gref_mat_free(all[k]);
    gref_truth_free(t);
}
END_TEST

/* Table and JSON hold the verdict, every name and the sentence; neither holds a bare nan or inf. */
START_TEST(test_check__texts_say_it_all)
{
    gref_truth *t = the_truth();
    gref_arrays a;
    gref_mat X = fresh(3, 24);
    ck_assert(their_arrays(&a, t, steps, "guidance-x2", NULL));
    gref_random_normal(X, 1, GREF_STREAM_TEST, 1, 0);
    ck_ok(gref_arrays_add(&a, "samples", gref_const(X), 2));
    gref_check *c = check_of(t, &a, NULL);
    char *texts[] = {gref_check_table(c), gref_check_json(c)};
    for (int k = 0; k < 2; k++) {
        ck_assert_ptr_nonnull(texts[k]);
        ck_assert(strstr(texts[k], "differs") && strstr(texts[k], "dps/M/12") &&
                  strstr(texts[k], "step from t = 12 to 11"));
        ck_assert(strstr(texts[k], "samples") && !strstr(texts[k], "nan") &&
                  !strstr(texts[k], " inf") && !strstr(texts[k], "-inf"));
        free(texts[k]);
    }
    gref_check_free(c);
    gref_arrays_free(&a);
    gref_mat_free(&X);
    gref_truth_free(t);
}
END_TEST

/* Arrays are read alike from a .npz, a folder with subfolders and one .npy; precision is that of
 * the file. */
START_TEST(test_arrays__from_npz_folder_and_npy)
{
    gref_arrays a = {0};
    ck_ok(gref_arrays_read(&a, fixture("deflated.npz"), NULL));
    ck_assert_int_ge(a.n, 1);
    gref_arrays_free(&a);
    ck_ok(gref_arrays_read(&a, fixture("dtypes.npz"), NULL));
    int singles = 0;
    for (int k = 0; k < a.n; k++)
        singles += a.item[k].single;
    ck_assert(singles > 0 && singles < a.n);
    gref_arrays_free(&a);
    gref_mat X = fresh(2, 3);
    X.a[3] = 5;
    ck_assert(mkdir(scratch("M"), 0700) == 0);
    ck_ok(gref_npy_write(scratch("M/6.npy"), gref_const(X), 2));
    ck_ok(gref_npy_write(scratch("one.npy"), gref_const(X), 2));
    ck_ok(gref_arrays_read(&a, scratch_folder, NULL));
    ck_assert(a.n == 2 && gref_arrays_find(&a, "M/6") != NULL &&
              gref_arrays_find(&a, "one") != NULL);
    gref_arrays_free(&a);
    ck_ok(gref_arrays_read(&a, scratch("one.npy"), "b/3"));
    ck_assert(a.n == 1 && a.item[0].A.a[3] == 5 && strcmp(a.item[0].name, "b/3") == 0);
    gref_arrays_free(&a);
    ck_fails(gref_arrays_read(&a, scratch("one.npy"), NULL), GREF_ERR_FORMAT);
    ck_fails(gref_arrays_read(&a, fixture("deflated.npz"), "x"), GREF_ERR_FORMAT);
    ck_fails(gref_arrays_read(&a, scratch("none.npz"), NULL), GREF_ERR_IO);
    ck_fails(gref_arrays_read(&a, fixture("none.npz"), NULL), GREF_ERR_FORMAT);
    ck_assert(a.n == 0 && a.item == NULL);
    ck_assert(unlink(scratch("M/6.npy")) == 0 && rmdir(scratch("M")) == 0);
    gref_mat_free(&X);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("check");
    TCase *tc = new_tcase(s, "check"), *files = new_tcase(s, "files");
    tcase_add_checked_fixture(files, scratch_make, scratch_remove);
    tcase_add_test(tc, test_check__golden_arrays_agree);
    tcase_add_test(tc, test_check__finds_the_worst_entry);
    tcase_add_test(tc, test_check__says_where_the_chain_departs);
    tcase_add_test(tc, test_check__single_precision_is_not_vacuous);
    tcase_add_test(tc, test_check__own_law_in_w2);
    tcase_add_test(tc, test_check__tolerances_are_their_formulas);
    tcase_add_test(tc, test_check__refusals);
    tcase_add_test(tc, test_check__texts_say_it_all);
    tcase_add_test(files, test_arrays__from_npz_folder_and_npy);
    return run_suite(s);
}
