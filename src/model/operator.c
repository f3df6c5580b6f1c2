/*
 * Degradation operators as explicit matrices: v = A x0 + sigma n, images flattened row-major.
 *
 *     symbol  variable  shape                             unit
 *     A       A         m x n, n = rows * cols            measurement / pixel
 *     k       K         kh x kw, centre (ca, cb)          measurement / pixel
 *     r       factor    1                                 pixel
 *     D       D_i, D_j  rows/r x rows, cols/r x cols      taps of one axis, integers
 *     mask    keep      rows x cols                       non-zero: measured
 *
 * Entry (i, j) of an image of `cols` columns is entry i * cols + j of its vector.
 */
#include <limits.h>
#include <math.h>
#include <stdint.h>

#include "base/internal.h"
#include "internal.h"
#include <gref/operator.h>

gref_status gref_pixel_count(int *n, int rows, int cols, const char *what)
{
    REQUIRE(rows >= 1 && cols >= 1, GREF_ERR_RANGE, "%s cannot be %d x %d", what, rows, cols);
    REQUIRE(cols <= INT_MAX / rows, GREF_ERR_RANGE, "%s of %d x %d has more than %d pixels", what,
            rows, cols, INT_MAX);
    *n = rows * cols;
    return GREF_OK;
}

/* p mod period, in 0..period - 1. */
static int64_t wrap(int64_t p, int64_t period)
{
    int64_t q = p % period;
    return q < 0 ? q + period : q;
}

/*
 * The pixel of an axis of length L that is seen at place p, inside or outside; -1 where there is
 * none. Reflections are periodic: p may be any number of lengths away.
 */
static int fold(int64_t p, int L, gref_boundary boundary)
{
    const int64_t last = L - 1;
    int64_t q = p;
    switch (boundary) {
    case GREF_BOUNDARY_PERIODIC: /* 0 1 2 | 0 1 2 | 0 1 2 */
        q = wrap(p, L);
        break;
    case GREF_BOUNDARY_ZERO: /* - - - | 0 1 2 | - - - */
    case GREF_BOUNDARY_VALID:
        q = p >= 0 && p <= last ? p : -1;
        break;
    case GREF_BOUNDARY_REFLECT: /* 1 2 1 | 0 1 2 | 1 0 1 */
        q = wrap(p, L > 1 ? 2 * last : 1);
        q = q <= last ? q : 2 * last - q;
        break;
    case GREF_BOUNDARY_SYMMETRIC: /* 2 1 0 | 0 1 2 | 2 1 0 */
        q = wrap(p, 2 * (int64_t)L);
        q = q <= last ? q : 2 * last + 1 - q;
        break;
    case GREF_BOUNDARY_REPLICATE: /* 0 0 0 | 0 1 2 | 2 2 2 */
        q = p < 0 ? 0 : p > last ? last : p;
        break;
    }
    return (int)q;
}

/* Adds to A `weight` times the pixel seen (top, left) away from each output's place. */
static void add_shift(gref_mat A, double weight, int64_t top, int64_t left, int out_cols, int rows,
                      int cols, gref_boundary boundary)
{
    const int out_rows = A.m / out_cols;
    for (int i = 0; i < out_rows; i++) {
        int p = fold(i + top, rows, boundary);
        if (p < 0)
            continue;
        for (int j = 0; j < out_cols; j++) {
            int q = fold(j + left, cols, boundary);
            if (q >= 0)
                GREF_AT(A, i * out_cols + j, p * cols + q) += weight;
        }
    }
}

/**
 * Convolution of a rows x cols image with a kernel.
 *
 *     (A x)(i, j) = sum_{a,b} k[a, b] x(i - (a - ca), j - (b - cb)),   (ca, cb) the centre of k
 *
 * `correlate` flips the sign of both offsets. Outside the image x is numpy.pad's: PERIODIC "wrap",
 * ZERO "constant", REFLECT "reflect" (edge not repeated), SYMMETRIC "symmetric" (edge repeated),
 * REPLICATE "edge"; the kernel may be larger than the image, the folding then goes on periodically
 * (an axis of one pixel reflects into that pixel). Weights that fall on one pixel add up. VALID
 * keeps the places where the whole kernel lies inside: (rows - kh + 1) x (cols - kw + 1) of them,
 * row-major; all others give m = n.
 *
 * Rows sum to sum(k) for all boundaries but ZERO; A of the correlation is A^T of the convolution
 * for PERIODIC and ZERO.
 *
 * @param[out] A           m x n, n = rows cols, allocated; unchanged on error.  [measurement/pixel]
 * @param[in]  K           kernel, odd x odd.                                    [measurement/pixel]
 * @param[in]  rows, cols  size of the image, >= 1; their product fits an int.               [pixel]
 * @param[in]  boundary    what is seen outside the image.
 * @param[in]  correlate   false: convolution, the kernel is flipped; true: correlation.
 * @return GREF_OK; GREF_ERR_SHAPE for an even kernel, or one larger than the image with VALID;
 *         GREF_ERR_RANGE for an impossible image or boundary; GREF_ERR_NONFINITE; GREF_ERR_NOMEM.
 * @error  Exact where a pixel is hit by one weight; (c - 1) eps sum|k| where c of them add up.
 * @cost   kh kw m operations; m n doubles.
 * @see    THEORY section 1 (A), section 7 (boundary, kernel flip). Tests: test_operator.c
 */
gref_status gref_operator_convolution(gref_mat *A, gref_cmat K, int rows, int cols,
                                      gref_boundary boundary, bool correlate)
{
    const bool valid = boundary == GREF_BOUNDARY_VALID;
    gref_mat B = {0};
    int n = 0;
    TRY(gref_pixel_count(&n, rows, cols, "an image"));
    REQUIRE((int)boundary >= 0 && boundary <= GREF_BOUNDARY_VALID, GREF_ERR_RANGE,
            "boundary %d does not exist", (int)boundary);
    REQUIRE(K.m % 2 == 1 && K.n % 2 == 1, GREF_ERR_SHAPE,
            "the kernel is %d x %d, but both sizes must be odd", K.m, K.n);
    REQUIRE(!valid || (K.m <= rows && K.n <= cols), GREF_ERR_SHAPE,
            "the kernel is %d x %d and fits nowhere in an image of %d x %d", K.m, K.n, rows, cols);
    TRY(gref_require_finite(K, "the kernel"));

    const int ca = K.m / 2, cb = K.n / 2, sign = correlate ? 1 : -1;
    const int out_rows = valid ? rows - K.m + 1 : rows, out_cols = valid ? cols - K.n + 1 : cols;
    const int64_t top = valid ? ca : 0, left = valid ? cb : 0; /* place of the first output */
    TRY(gref_mat_new(&B, out_rows * out_cols, n));
    for (int b = 0; b < K.n; b++)
        for (int a = 0; a < K.m; a++)
            add_shift(B, GREF_AT(K, a, b), top + sign * (a - ca), left + sign * (b - cb), out_cols,
                      rows, cols, boundary);
    *A = B;
    return GREF_OK;
}

/* 2 R^3 h(u/R) for 0 <= u < 2R, h Keys's cubic with a = -1/2: an integer. */
static int64_t keys(int64_t u, int64_t R)
{
    return u <= R ? (3 * u - 5 * R) * u * u + 2 * R * R * R
                  : (5 * R - u) * u * u - 8 * R * R * u + 4 * R * R * R;
}

/*
 * Low resolution pixels of one axis: D is L/r x L and all zero on entry, its rows sum to the common
 * denominator that is returned. All taps are integers, so nothing is rounded here.
 */
static long double decimate(gref_mat D, int r, gref_sr_filter filter)
{
    for (int i = 0; i < D.m; i++)
        switch (filter) {
        case GREF_SR_NONE:
            GREF_AT(D, i, r * i) = 1;
            break;
        case GREF_SR_BOX:
            for (int t = 0; t < r; t++)
                GREF_AT(D, i, r * i + t) = 1;
            break;
        case GREF_SR_BICUBIC: /* at r i + t the kernel is e/2 pixels off its centre, |e/2| < 2r */
            for (int64_t t = -2 * (int64_t)r; t < 3 * (int64_t)r; t++) {
                int64_t e = 2 * t - (r - 1), u = e < 0 ? -e : e;
                if (u < 4 * (int64_t)r)
                    GREF_AT(D, i, (int)wrap(r * (int64_t)i + t, D.n)) += (double)keys(u, 2 * r);
            }
            break;
        }
    long double s = r; /* sum_t h(t/r) = r at every phase, because sum_k h(x + k) = 1 for every x */
    return filter == GREF_SR_NONE ? 1 : filter == GREF_SR_BOX ? s : 16 * s * s * s * s;
}

/* A = (D_i kron D_j) / denominator^2. */
static void separable(gref_mat A, gref_cmat D_i, gref_cmat D_j, long double denominator)
{
    const long double whole = denominator * denominator;
    for (int p = 0; p < D_i.n; p++)
        for (int q = 0; q < D_j.n; q++)
            for (int i = 0; i < D_i.m; i++)
                for (int j = 0; j < D_j.m; j++) {
                    long double tap = (long double)GREF_AT(D_i, i, p) * GREF_AT(D_j, j, q);
                    GREF_AT(A, i * D_j.m + j, p * D_j.n + q) = (double)(tap / whole);
                }
}

/**
 * Low resolution by a factor r: rows/r x cols/r pixels, each a separable weighted sum.
 *
 *     BOX      (A x)(i, j) = mean of x(r i + s, r j + t), 0 <= s, t < r
 *     BICUBIC  (A x)(i, j) = sum_{p,q} w(p - ci) w(q - cj) x(p, q),   ci = r i + (r - 1)/2,
 *              w(d) = h(d/r)/r,   h(x) = 3/2 |x|^3 - 5/2 |x|^2 + 1          for |x| <= 1,
 *                                 -1/2 |x|^3 + 5/2 |x|^2 - 4 |x| + 2       for 1 < |x| < 2
 *     NONE     (A x)(i, j) = x(r i, r j)
 *
 * h is Keys's kernel with a = -1/2; sum_p w(p - c) = 1 at every phase, so the normalisation holds
 * by itself: rows of A sum to 1 for each filter. BICUBIC wraps around periodically, in the smallest
 * image several times; away from the wrap it reproduces polynomials of degree <= 3 in each
 * coordinate (their value at (ci, cj)). r = 1 gives the identity for each filter.
 *
 * @param[out] A           m x n, m = n/r^2, n = rows * cols; allocated.         [measurement/pixel]
 *                         Unchanged on error.
 * @param[in]  rows, cols  size of the image, >= 1; their product fits an int.               [pixel]
 * @param[in]  factor      r >= 1, divides rows and cols.                                    [pixel]
 * @param[in]  filter      BOX, BICUBIC or NONE.
 * @return GREF_OK; GREF_ERR_RANGE; GREF_ERR_NOMEM.
 * @error  entrywise relative error <= eps + 4 eps_L, eps_L the unit roundoff of long double; exact
 *         for NONE, and for a power of two r <= 32 with any filter.
 * @cost   m n operations; m n doubles.
 * @see    THEORY section 1 (A), section 7 (decimation phase); Keys, IEEE ASSP 29 (1981), (15).
 *         Tests: test_super_resolution.c
 */
gref_status gref_operator_super_resolution(gref_mat *A, int rows, int cols, int factor,
                                           gref_sr_filter filter)
{
    const int r = factor;
    SCOPED(gref_mat) B = {0}, D_i = {0}, D_j = {0};
    int n = 0;
    TRY(gref_pixel_count(&n, rows, cols, "an image"));
    REQUIRE((int)filter >= 0 && filter <= GREF_SR_NONE, GREF_ERR_RANGE, "filter %d does not exist",
            (int)filter);
    REQUIRE(r >= 1 && rows % r == 0 && cols % r == 0, GREF_ERR_RANGE,
            "factor %d does not divide an image of %d x %d", r, rows, cols);
    /* The largest first: a size that does not fit is refused before any work. */
    TRY(gref_mat_new(&B, (rows / r) * (cols / r), n));
    TRY(gref_mat_new(&D_i, rows / r, rows));
    TRY(gref_mat_new(&D_j, cols / r, cols));
    long double denominator = decimate(D_i, r, filter);
    decimate(D_j, r, filter);
    separable(B, gref_const(D_i), gref_const(D_j), denominator);
    *A = TAKE(B);
    return GREF_OK;
}

/**
 * Inpainting: the rows of the identity at the kept pixels, in row-major order.
 *
 *     (A x)_l = x(p_l),   p_0 < p_1 < ... the row-major indices where keep is not zero
 *
 * @param[out] A     m x n, m the number of kept pixels, allocated.              [measurement/pixel]
 *                   Unchanged on error.
 * @param[in]  keep  mask of the image's size, rows * cols fits an int; any non-zero value keeps.
 * @return GREF_OK; GREF_ERR_RANGE for an impossible image or a mask that keeps nothing;
 *         GREF_ERR_NONFINITE; GREF_ERR_NOMEM. Exact.
 * @see    THEORY section 1 (A). Tests: test_operator.c
 */
gref_status gref_operator_inpainting(gref_mat *A, gref_cmat keep)
{
    gref_mat B = {0};
    int n = 0, m = 0, l = 0;
    TRY(gref_pixel_count(&n, keep.m, keep.n, "a mask"));
    TRY(gref_require_finite(keep, "the mask"));
    for (int j = 0; j < keep.n; j++)
        for (int i = 0; i < keep.m; i++)
            m += GREF_AT(keep, i, j) != 0;
    REQUIRE(m > 0, GREF_ERR_RANGE, "the mask keeps none of its %d x %d pixels", keep.m, keep.n);
    TRY(gref_mat_new(&B, m, n));
    for (int i = 0; i < keep.m; i++)
        for (int j = 0; j < keep.n; j++)
            if (GREF_AT(keep, i, j) != 0)
                GREF_AT(B, l++, i * keep.n + j) = 1.0;
    *A = B;
    return GREF_OK;
}
