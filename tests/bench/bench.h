/* What the benchmarks share: a clock, a way out, and the unit of every figure, one n x n x n
 * dgemm. */
#ifndef GREF_BENCH_H
#define GREF_BENCH_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <gref/gref.h>

#include "dense/internal.h"

static inline void check(gref_status status)
{
    if (status == GREF_OK)
        return;
    fprintf(stderr, "bench: %s\n", gref_last_error()->message);
    exit(EXIT_FAILURE);
}

static inline double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Least time of one product over many, after a warm-up: the machine is noisy, the least is not. */
static inline double time_dgemm(int n)
{
    gref_mat A = {0}, B = {0}, C = {0};
    check(gref_mat_new(&A, n, n));
    check(gref_mat_new(&B, n, n));
    check(gref_mat_new(&C, n, n));
    gref_random_normal(A, 1, GREF_STREAM_TEST, 0, 0);
    gref_random_normal(B, 2, GREF_STREAM_TEST, 0, 0);
    double best = INFINITY;
    for (int k = 0; k <= 20; k++) {
        double start = now();
        check(gref_gemm(C, 1.0, gref_const(A), false, gref_const(B), false, 0.0));
        double used = now() - start;
        best = k > 0 && used < best ? used : best;
    }
    gref_mat_free(&A);
    gref_mat_free(&B);
    gref_mat_free(&C);
    return best;
}

#endif
