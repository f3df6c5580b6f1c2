#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <gref/random.h>
#include <gref/trust.h>

/*
 * Check runs every test in a child process. exit(0) inside a test would count as a pass, so the
 * child's exit is a failure unless the teardown of its TCase was reached.
 */
static pid_t runner;
static bool finished;

static struct {
    char name[64];
    double err, bound;
} worst[64];
static int n_worst;

static void at_child_exit(void)
{
    if (getpid() == runner)
        return;
    for (int k = 0; k < n_worst; k++)
        printf("# worst %-44s error %.2e bound %.2e ratio %.3f\n", worst[k].name, worst[k].err,
               worst[k].bound, worst[k].err / worst[k].bound);
    fflush(stdout);
    if (!finished)
        _exit(EXIT_FAILURE);
}

static void mark_finished(void)
{
    finished = true;
}

TCase *new_tcase(Suite *suite, const char *name)
{
    TCase *tc = tcase_create(name);
    tcase_add_checked_fixture(tc, NULL, mark_finished);
    tcase_set_timeout(tc, 280);
    suite_add_tcase(suite, tc);
    return tc;
}

int run_suite(Suite *suite)
{
    runner = getpid();
    atexit(at_child_exit);
    SRunner *sr = srunner_create(suite);
    srunner_set_tap(sr, "-");
    srunner_run_all(sr, CK_SILENT);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int run_guarded_suite(Suite *suite)
{
    if (gref_trust_require() == GREF_OK)
        return run_suite(suite);
    printf("Bail out! %s\n", gref_last_error()->message);
    srunner_free(srunner_create(suite)); /* which owns it */
    return EXIT_FAILURE;
}

void note_ratio(const char *name, double err, double bound)
{
    if (!(bound > 0))
        return;
    int k = 0;
    while (k < n_worst && strcmp(worst[k].name, name) != 0)
        k++;
    if (k == 64)
        return;
    if (k == n_worst) {
        snprintf(worst[k].name, sizeof worst[k].name, "%s", name);
        worst[k].err = -1;
        worst[k].bound = 1;
        n_worst++;
    }
    if (err / bound > worst[k].err / worst[k].bound) {
        worst[k].err = err;
        worst[k].bound = bound;
    }
}

gref_mat fresh(int m, int n)
{
    gref_mat A = {0};
    if (gref_mat_new(&A, m, n) != GREF_OK)
        ck_abort_msg("%s", gref_last_error()->message);
    return A;
}

gref_mat padded(int m, int n)
{
    gref_mat whole = fresh(m + 3, n);
    gref_mat_fill(whole, NAN);
    gref_mat A = gref_mat_view(whole, 0, 0, m, n); /* freed through A.a: the block starts there */
    for (int j = 0; j < n; j++)
        for (int i = 0; i < m; i++)
            GREF_AT(A, i, j) = 0.0;
    return A;
}

gref_mat random_orthogonal(int n, uint64_t seed)
{
    gref_mat Q = fresh(n, n);
    gref_random_normal(Q, seed, GREF_STREAM_TEST, 0, 0);
    for (int j = 0; j < n; j++) {
        for (int pass = 0; pass < 2; pass++)
            for (int k = 0; k < j; k++) {
                double dot = 0;
                for (int i = 0; i < n; i++)
                    dot += GREF_AT(Q, i, k) * GREF_AT(Q, i, j);
                for (int i = 0; i < n; i++)
                    GREF_AT(Q, i, j) -= dot * GREF_AT(Q, i, k);
            }
        double norm = 0;
        for (int i = 0; i < n; i++)
            norm += GREF_AT(Q, i, j) * GREF_AT(Q, i, j);
        norm = sqrt(norm);
        for (int i = 0; i < n; i++)
            GREF_AT(Q, i, j) /= norm;
    }
    return Q;
}

gref_mat random_spd(gref_cmat lambda, uint64_t seed)
{
    int n = lambda.m;
    gref_mat Q = random_orthogonal(n, seed);
    gref_mat S = fresh(n, n);
    gref_mat_copy(S, gref_const(Q));
    gref_mat_scale_cols(S, lambda);
    gref_mat C = plain_product(gref_const(S), false, gref_const(Q), true);
    gref_mat_symmetrise(C);
    gref_mat_free(&Q);
    gref_mat_free(&S);
    return C;
}

gref_mat geometric_spectrum(int n, double kappa, int zeros)
{
    gref_mat lambda = fresh(n, 1);
    int r = n - zeros;
    for (int i = 0; i < r; i++)
        lambda.a[i] = r > 1 ? pow(kappa, -(double)i / (r - 1)) : 1.0;
    return lambda;
}

gref_mat plain_product(gref_cmat A, bool trans_a, gref_cmat B, bool trans_b)
{
    int m = trans_a ? A.n : A.m, k = trans_a ? A.m : A.n, n = trans_b ? B.m : B.n;
    gref_mat C = fresh(m, n);
    for (int j = 0; j < n; j++)
        for (int i = 0; i < m; i++) {
            long double sum = 0;
            for (int l = 0; l < k; l++)
                sum += (long double)(trans_a ? GREF_AT(A, l, i) : GREF_AT(A, i, l)) *
                       (trans_b ? GREF_AT(B, j, l) : GREF_AT(B, l, j));
            GREF_AT(C, i, j) = (double)sum;
        }
    return C;
}

const char *reference_file(const char *name)
{
    static char path[4096];
    const char *root = getenv("GREF_TEST_DATA");
    snprintf(path, sizeof path, "%s/%s", root != NULL ? root : "reference", name);
    return path;
}
