/*
 * Speed of W2 in units of one n x n x n dgemm of the same run: the value and the proof, for close
 * and for distant laws; and Dot2, on which the proof spends most.
 *
 *     bench_w2 [n]      default 512 and 1024
 */
#include "base/internal.h"
#include "bench.h"

/* C1 = Q diag(1 .. 1/kappa) Q^T, and C2 = C1 + gap G G^T/(4 n). */
static void make_pair(gref_mat *C1, gref_mat *C2, int n, double kappa, double gap)
{
    SCOPED(gref_mat) Q = {0}, G = {0}, lambda = {0};
    check(gref_mat_new(&Q, n, n));
    check(gref_mat_new(&G, n, n));
    check(gref_mat_new(&lambda, n, 1));
    check(gref_mat_new(C1, n, n));
    check(gref_mat_new(C2, n, n));
    gref_random_normal(Q, 1, GREF_STREAM_TEST, 0, 0);
    gref_random_normal(G, 2, GREF_STREAM_TEST, 0, 0);
    gref_mat_symmetrise(Q);
    check(gref_eigh(lambda, Q));
    for (int j = 0; j < n; j++)
        for (int i = 0; i < n; i++)
            GREF_AT(Q, i, j) *= pow(kappa, -0.5 * j / (n - 1));
    check(gref_syrk(*C1, 1.0, gref_const(Q), false, 0.0));
    gref_mat_copy(*C2, gref_const(*C1));
    check(gref_syrk(*C2, gap / (4.0 * n), gref_const(G), false, 1.0));
}

static double time_dot2(int n)
{
    SCOPED(gref_mat) A = {0}, H = {0}, L = {0};
    check(gref_mat_new(&A, n, n));
    check(gref_mat_new(&H, n, n));
    check(gref_mat_new(&L, n, n));
    gref_random_normal(A, 1, GREF_STREAM_TEST, 0, 0);
    double best = INFINITY;
    for (int k = 0; k < 4; k++) {
        double start = now();
        check(gref_dot2_gemm(H, L, gref_const(A), false, gref_const(A), false));
        best = fmin(best, now() - start);
    }
    return best;
}

static double time_w2(gref_w2 *w, gref_cmat C1, gref_cmat C2, bool certified)
{
    SCOPED(gref_mat) zero = {0};
    double best = INFINITY;
    check(gref_mat_new(&zero, C1.n, 1));
    for (int k = 0; k < 2; k++) {
        double start = now();
        check(certified ? gref_w2_certify_laws(w, gref_const(zero), C1, gref_const(zero), C2)
                        : gref_w2_laws(w, gref_const(zero), C1, gref_const(zero), C2));
        best = fmin(best, now() - start);
    }
    return best;
}

static void bench_size(int n)
{
    static const double kappas[] = {1e4, 1e12}, gaps[] = {1e-16, 1e-2};
    double unit = time_dgemm(n);
    printf("n = %d: dgemm %.2f ms (%.1f GF/s), Dot2 product %.1f dgemm\n", n, 1e3 * unit,
           2e-9 * n * n * n / unit, time_dot2(n) / unit);
    for (int k = 0; k < 2; k++)
        for (int g = 0; g < 2; g++) {
            SCOPED(gref_mat) C1 = {0}, C2 = {0};
            gref_w2 w;
            make_pair(&C1, &C2, n, kappas[k], gaps[g]);
            double value = time_w2(&w, gref_const(C1), gref_const(C2), false) / unit;
            double proof = time_w2(&w, gref_const(C1), gref_const(C2), true) / unit;
            printf("  kappa %.0e gap %.0e: value %6.1f dgemm, proof %6.1f dgemm, relative width "
                   "%.1e\n",
                   kappas[k], gaps[g], value, proof, (w.upper - w.lower) / w.upper);
            fflush(stdout);
        }
}

int main(int argc, char **argv)
{
    gref_backend b = gref_backend_query();
    printf("BLAS %s %s, %d threads\n", b.blas, b.core, b.threads);
    if (argc == 2 && atoi(argv[1]) > 1) {
        bench_size(atoi(argv[1]));
        return 0;
    }
    bench_size(512);
    bench_size(1024);
    return 0;
}
