/*
 * Is the fault of fault.c really there? Makes 64 calls of a routine and prints how many are wrong,
 * on problems whose answers are known; shares nothing with the self-test of gref.
 * Usage: fault_probe ROUTINE
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <cblas.h>
#include <lapacke.h>

enum { N = 12, CALLS = 64 };

static double A[CALLS * CALLS], B[CALLS * CALLS], C[CALLS * CALLS], s[N], U[N * N], V[N * N];
static int pivot[N];

/* Differs from `right` by more than rounding, or is NaN. */
static bool differs(double x, double right)
{
    return !(fabs(x - right) <= 1e-9 * (1.0 + fabs(right)));
}

static bool any_differs(const double *X, int count, double right)
{
    bool found = false;
    for (int k = 0; k < count; k++)
        found = found || differs(X[k], right);
    return found;
}

static void fill(double *X, double value)
{
    for (int k = 0; k < CALLS * CALLS; k++)
        X[k] = value;
}

/* Products of ones. */
static bool wrong_product(const char *name, int k)
{
    fill(A, 1.0);
    fill(B, 1.0);
    fill(C, 0.0);
    if (strcmp(name, "dgemm") == 0)
        cblas_dgemm(CblasColMajor, CblasNoTrans, CblasTrans, N, N, k, 1.0, A, N, B, N, 0.0, C, N);
    else if (strcmp(name, "dsyrk") == 0)
        cblas_dsyrk(CblasColMajor, CblasLower, CblasNoTrans, N, k, 1.0, A, N, 0.0, C, N);
    else
        cblas_dgemv(CblasColMajor, CblasNoTrans, N, k, 1.0, A, N, B, 1, 0.0, C, 1);
    if (strcmp(name, "dsyrk") == 0)
        for (int j = 0; j < N; j++)
            for (int i = 0; i < j; i++)
                C[j * N + i] = k;
    return any_differs(C, strcmp(name, "dgemv") == 0 ? N : N * N, k);
}

/* L of ones; L L^T has min(i, j) + 1 at (i, j); L X = B has X of ones for B(i, j) = i + 1. */
static bool wrong_triangle(const char *name, int order)
{
    int n = 1 + order % N, rank = n;
    for (int j = 0; j < n; j++)
        for (int i = 0; i < n; i++) {
            A[j * n + i] = i >= j ? 1.0 : 0.0;
            B[j * n + i] = i + 1;
            C[j * n + i] = (i < j ? i : j) + 1;
        }
    bool wrong = false;
    if (strcmp(name, "dtrsm") == 0) {
        cblas_dtrsm(CblasColMajor, CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, n, n, 1.0, A,
                    n, B, n);
        return any_differs(B, n * n, 1.0);
    }
    if (strcmp(name, "dpotrf") == 0) {
        LAPACKE_dpotrf(LAPACK_COL_MAJOR, 'L', n, C, n);
        for (int j = 0; j < n; j++)
            wrong = wrong || any_differs(C + j * n + j, n - j, 1.0);
        return wrong;
    }
    LAPACKE_dpstrf(LAPACK_COL_MAJOR, 'L', n, C, n, pivot, &rank, 0.0);
    for (int i = 0; i < n;
         i++) /* the pivoted diagonal is pivot(i), counted from 1, as is the row norm */
        for (int j = 0; j <= i; j++) {
            double dot = 0.0;
            for (int k = 0; k <= j; k++)
                dot += C[k * n + i] * C[k * n + j];
            wrong = wrong || differs(dot, pivot[i] < pivot[j] ? pivot[i] : pivot[j]);
        }
    return wrong || rank != n;
}

/* The matrix of ones, plus I: its eigenvalues and singular values are 1, ..., 1, n + 1. */
static bool wrong_spectrum(const char *name, int order)
{
    int n = 2 + order % (N - 1);
    bool wrong = false, eigen = strcmp(name, "dsyevd") == 0;
    for (int j = 0; j < n; j++)
        for (int i = 0; i < n; i++)
            A[j * n + i] = i == j ? 2.0 : 1.0;
    if (eigen)
        LAPACKE_dsyevd(LAPACK_COL_MAJOR, 'V', 'L', n, A, n, s);
    else
        LAPACKE_dgesdd(LAPACK_COL_MAJOR, 'A', n, n, A, n, s, U, n, V, n);
    for (int k = 0; k < n; k++)
        wrong = wrong || differs(s[k], k == (eigen ? n - 1 : 0) ? n + 1 : 1.0);
    for (int j = 0; j < n; j++) { /* norms of the vectors: columns of A, rows of V */
        double norm = 0.0;
        for (int i = 0; i < n; i++)
            norm += eigen ? A[j * n + i] * A[j * n + i] : V[i * n + j] * V[i * n + j];
        wrong = wrong || differs(norm, 1.0);
    }
    return wrong;
}

int main(int argc, char **argv)
{
    const char *name = argc == 2 ? argv[1] : "";
    int wrong = 0;
    for (int call = 1; call <= CALLS; call++) {
        if (strcmp(name, "dgemm") == 0 || strcmp(name, "dsyrk") == 0 || strcmp(name, "dgemv") == 0)
            wrong += wrong_product(name, call);
        else if (strcmp(name, "dtrsm") == 0 || strcmp(name, "dpotrf") == 0 ||
                 strcmp(name, "dpstrf") == 0)
            wrong += wrong_triangle(name, call);
        else if (strcmp(name, "dsyevd") == 0 || strcmp(name, "dgesdd") == 0)
            wrong += wrong_spectrum(name, call);
        else
            return 2;
    }
    printf("%s: %d of %d calls wrong\n", name, wrong, CALLS);
    return 0;
}
