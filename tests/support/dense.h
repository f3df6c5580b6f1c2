/*
 * What the tests of src/dense and of the posterior share: poisoned inputs, covariances, exact
 * matrices.
 */
#ifndef GREF_TEST_DENSE_H
#define GREF_TEST_DENSE_H

#include <math.h>

#include <gref/random.h>

#include "support.h"

/* m x n normals in NaN padding. */
static inline gref_mat noise(int m, int n, uint64_t seed)
{
    gref_mat A = padded(m, n);
    gref_random_normal(A, seed, GREF_STREAM_TEST, 7, 0);
    return A;
}

/* Odd integers from -3 to 3. */
static inline gref_mat odd_integers(int m, int n, uint64_t seed)
{
    gref_mat A = fresh(m, n);
    gref_random_uniform(A, seed, GREF_STREAM_TEST, 8, 0);
    for (int k = 0; k < m * n; k++)
        A.a[k] = 2.0 * floor(4.0 * A.a[k]) - 3.0;
    return A;
}

static inline void check_padding(gref_mat A)
{
    for (int j = 0; j < A.n; j++)
        for (int i = A.m; i < A.ld; i++)
            ck_assert_msg(isnan(A.a[(size_t)j * A.ld + i]), "padding of column %d was written", j);
}

static inline void poison_upper(gref_mat A)
{
    for (int j = 0; j < A.n; j++)
        for (int i = 0; i < j; i++)
            GREF_AT(A, i, j) = NAN;
}

/* A padded copy of a symmetric matrix whose upper triangle is NaN. */
static inline gref_mat lower_only(gref_cmat A)
{
    gref_mat C = padded(A.m, A.n);
    gref_mat_copy(C, A);
    poison_upper(C);
    return C;
}

/* Spectrum from 1 down to 1/kappa, exactly symmetric; kappa infinite: a third of it is zero. */
static inline gref_mat covariance(int n, double kappa, uint64_t seed)
{
    gref_mat lambda =
        geometric_spectrum(n, isinf(kappa) ? 10.0 : kappa, isinf(kappa) ? (n + 2) / 3 : 0);
    gref_mat C = random_spd(gref_const(lambda), seed);
    gref_mat_free(&lambda);
    return C;
}

/* |Q^T Q - I|_F */
static inline double orthogonality(gref_cmat Q)
{
    gref_mat G = plain_product(Q, true, Q, false), I = fresh(Q.n, Q.n);
    gref_mat_identity(I);
    double err = gref_mat_diff_fro(gref_const(G), gref_const(I));
    gref_mat_free(&G);
    gref_mat_free(&I);
    return err;
}

/* Sylvester's Hadamard matrix, n a power of 2: entries +-1, H = H^T, H H = n I. */
static inline gref_mat hadamard(int n)
{
    gref_mat H = fresh(n, n);
    for (int j = 0; j < n; j++)
        for (int i = 0; i < n; i++) {
            int ones = 0;
            for (int bits = i & j; bits != 0; bits >>= 1)
                ones += bits & 1;
            GREF_AT(H, i, j) = ones % 2 ? -1.0 : 1.0;
        }
    return H;
}

/*
 * H diag(d) H / n, exact where the d are multiples of one power of 2: eigenvectors H/sqrt(n),
 * eigenvalues d. Aborts the test where a sum loses a bit.
 */
static inline gref_mat hadamard_times(int n, const double *d)
{
    gref_mat H = hadamard(n), C = fresh(n, n);
    for (int j = 0; j < n; j++)
        for (int i = 0; i < n; i++) {
            double sum = 0.0, lost = 0.0;
            for (int k = 0; k < n; k++) { /* TwoSum */
                double x = GREF_AT(H, i, k) * GREF_AT(H, k, j) * d[k], s = sum + x, b = s - sum;
                lost += fabs((sum - (s - b)) + (x - b));
                sum = s;
            }
            ck_assert_msg(lost == 0.0, "H diag(d) H is not exact in double");
            GREF_AT(C, i, j) = sum / n;
        }
    gref_mat_free(&H);
    return C;
}

static inline void free_all(gref_mat *const *all, int count)
{
    for (int k = 0; k < count; k++)
        gref_mat_free(all[k]);
}

/* Frees every matrix that is named. */
#define FREE_ALL(...)                                                                              \
    do {                                                                                           \
        gref_mat *const all_[] = {__VA_ARGS__};                                                    \
        free_all(all_, (int)(sizeof all_ / sizeof *all_));                                         \
    } while (0)

#endif
