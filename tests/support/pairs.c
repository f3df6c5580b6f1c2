#include "pairs.h"
#include "base/internal.h"

#include <math.h>

#include "dense/internal.h"
#include "support.h"
#include <gref/random.h>

static double hadamard(int i, int j)
{
    return __builtin_parity((unsigned)(i & j)) ? -1.0 : 1.0;
}

long double hadamard_pair(gref_mat *C1, gref_mat *C2, int n, int kappa_bits, int gap_bits,
                          int zeros, uint64_t seed)
{
    SCOPED(gref_mat) u = fresh(n, 2), d1 = fresh(n, 1), d2 = fresh(n, 1);
    gref_random_uniform(u, seed, GREF_STREAM_TEST, 9, 0);
    long double sum = 0;
    for (int i = 0; i < n; i++) {
        int k = i == 0 ? 0 : i == 1 ? kappa_bits : (int)((kappa_bits + 1) * GREF_AT(u, i, 0));
        if (i < n - zeros) {
            d1.a[i] = ldexp(1.0, -k);
            d2.a[i] =
                d1.a[i] + (GREF_AT(u, i, 1) < 0.5 || i == 2 ? ldexp(d1.a[i], -gap_bits) : 0.0);
        }
        long double s = sqrtl(d1.a[i]) + sqrtl(d2.a[i]);
        long double d = s > 0 ? ((long double)d2.a[i] - d1.a[i]) / s : 0;
        sum += d * d;
    }
    *C1 = fresh(n, n);
    *C2 = fresh(n, n);
    for (int j = 0; j < n; j++)
        for (int i = 0; i < n;
             i++) { /* every partial sum is a multiple of 2^-(bits) below n: exact */
            double a = 0, b = 0;
            for (int k = 0; k < n; k++) {
                a += hadamard(i, k) * hadamard(k, j) * d1.a[k];
                b += hadamard(i, k) * hadamard(k, j) * d2.a[k];
            }
            GREF_AT(*C1, i, j) = a / n;
            GREF_AT(*C2, i, j) = b / n;
        }
    return sqrtl(sum);
}

/* A A^T by the library: the matrix is what it is, exactly symmetric. */
static gref_mat gram(gref_cmat A)
{
    gref_mat C = fresh(A.m, A.m);
    ck_ok(gref_syrk(C, 1.0, A, false, 0.0));
    return C;
}

void random_pair(gref_mat *C1, gref_mat *C2, int n, double kappa, double gap, pair_kind kind,
                 uint64_t seed)
{
    SCOPED(gref_mat) Q = random_orthogonal(n, seed);
    SCOPED(gref_mat) B = fresh(n, n);
    SCOPED(gref_mat) G = fresh(n, n);
    SCOPED(gref_mat) root = geometric_spectrum(n, sqrt(kappa), 0);
    gref_random_normal(G, seed, GREF_STREAM_TEST, 7, 0);
    gref_mat_copy(B, gref_const(Q));
    gref_mat_scale_cols(B, gref_const(root));
    *C1 = gram(gref_const(B));
    if (kind == PAIR_COMM) {
        for (int j = 0; j < n; j++)
            for (int i = 0; i < n; i++)
                GREF_AT(B, i, j) *= sqrt(1 + gap * sin(1.0 + 3.7 * j));
        *C2 = gram(gref_const(B));
    } else if (kind == PAIR_MULT) {
        gref_mat_symmetrise(G);
        SCOPED(gref_mat) B2 = fresh(n, n);
        gref_mat_copy(B2, gref_const(B));
        ck_ok(gref_gemm(B2, gap / sqrt(2.0 * n), gref_const(G), false, gref_const(B), false, 1.0));
        *C2 = gram(gref_const(B2));
    } else {
        *C2 = fresh(n, n);
        gref_mat_copy(*C2, gref_const(*C1));
        ck_ok(gref_syrk(*C2, gap / (4.0 * n), gref_const(G), false, 1.0));
    }
}
