/* Stationary problems for the tests of the spectral path: one image, one operator, by spectra and
 * by matrices. */
#ifndef GREF_TEST_STATIONARY_H
#define GREF_TEST_STATIONARY_H

#include <stdio.h>

#include <gref/npy.h>
#include <gref/operator.h>
#include <gref/prior.h>
#include <gref/problem.h>
#include <gref/spectral.h>

#include "support.h"

/* Every stationary operator of a case file; LOPSIDED kernels tell a convolution from a
 * correlation. */
typedef enum {
    OP_IDENTITY,
    OP_GAUSSIAN,
    OP_MOTION,
    OP_LOPSIDED,
    OP_LOPSIDED_CORRELATE,
    OP_LARGE_KERNEL, /* larger than the image */
    OP_SR2_BOX,
    OP_SR2_BICUBIC,
    OP_SR2_NONE,
    OP_SR3_BOX,
    OP_SR3_BICUBIC,
    OP_SR4_BOX,
    OP_COUNT
} test_operator;

static const char *const operator_names[] = {
    "identity", "gaussian",     "motion",    "lopsided", "correlate",    "large kernel",
    "sr 2 box", "sr 2 bicubic", "sr 2 none", "sr 3 box", "sr 3 bicubic", "sr 4 box"};

static inline int operator_factor(test_operator op)
{
    return op >= OP_SR4_BOX ? 4 : op >= OP_SR3_BOX ? 3 : op >= OP_SR2_BOX ? 2 : 1;
}

static inline bool operator_fits(test_operator op, int rows, int cols)
{
    int r = operator_factor(op);
    return rows % r == 0 && cols % r == 0;
}

/* rows x cols of a reference image, values in [-1, 1]. */
static inline gref_mat crop_of(const char *name, int top, int left, int rows, int cols)
{
    char path[4096];
    snprintf(path, sizeof path, "images/%s.png", name);
    gref_mat whole = {0}, part = fresh(rows, cols);
    ck_ok(gref_png_read(&whole, reference_file(path), -1.0, 1.0));
    gref_mat_copy(part, gref_const(gref_mat_view(whole, top, left, rows, cols)));
    gref_mat_free(&whole);
    return part;
}

static inline gref_mat kernel_of(test_operator op)
{
    gref_mat K = {0};
    switch (op) {
    case OP_IDENTITY:
        K = fresh(1, 1);
        K.a[0] = 1.0;
        break;
    case OP_GAUSSIAN:
        ck_ok(gref_kernel_gaussian(&K, 1.0, 5));
        break;
    case OP_MOTION:
        ck_ok(gref_kernel_motion(&K, 3.0, 30.0));
        break;
    case OP_LARGE_KERNEL:
        ck_ok(gref_kernel_gaussian(&K, 2.0, 41));
        break;
    default: /* lopsided */
        K = fresh(3, 5);
        for (int k = 0; k < 15; k++)
            K.a[k] = (k + 1) / 120.0;
        break;
    }
    return K;
}

static inline gref_sr_filter filter_of(test_operator op)
{
    bool bicubic = op == OP_SR2_BICUBIC || op == OP_SR3_BICUBIC;
    return op == OP_SR2_NONE ? GREF_SR_NONE : bicubic ? GREF_SR_BICUBIC : GREF_SR_BOX;
}

/* The problem by spectra, with x0 and v. */
static inline gref_stationary stationary_problem(gref_cmat u, test_operator op, double sigma,
                                                 uint64_t seed)
{
    gref_stationary q = {0};
    ck_ok(gref_stationary_adsn(&q, u, NULL));
    q.sigma = sigma;
    if (op >= OP_SR2_BOX) {
        ck_ok(gref_stationary_super_resolution(&q, operator_factor(op), filter_of(op)));
    } else {
        gref_mat K = kernel_of(op);
        ck_ok(gref_stationary_convolution(&q, gref_const(K), op == OP_LOPSIDED_CORRELATE));
        gref_mat_free(&K);
    }
    ck_ok(gref_stationary_observe(&q, seed));
    return q;
}

/* The same by matrices. */
static inline gref_problem matrix_problem(gref_cmat u, test_operator op, double sigma,
                                          uint64_t seed)
{
    int r = operator_factor(op);
    gref_problem p = {
        .sigma = sigma, .rows = u.m, .cols = u.n, .v_rows = u.m / r, .v_cols = u.n / r};
    ck_ok(gref_prior_adsn(&p.mu, &p.Sigma, u, NULL));
    if (op >= OP_SR2_BOX) {
        ck_ok(gref_operator_super_resolution(&p.A, u.m, u.n, r, filter_of(op)));
    } else {
        gref_mat K = kernel_of(op);
        ck_ok(gref_operator_convolution(&p.A, gref_const(K), u.m, u.n, GREF_BOUNDARY_PERIODIC,
                                        op == OP_LOPSIDED_CORRELATE));
        gref_mat_free(&K);
    }
    ck_ok(gref_problem_observe(&p, seed));
    return p;
}

#endif
