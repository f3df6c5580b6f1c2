/*
 * Blur kernels.
 *
 *     symbol   variable  shape        unit
 *     k[a, b]  K         size x size  1 (the entries sum to 1)
 *     ca = cb  centre    size / 2     pixel
 *     std      std       1            pixel
 *     length   length    1            pixel
 *     angle    angle     1            degree, counter-clockwise from the column axis
 *
 * Work is done in long double, whose unit roundoff is eps_L (2^-64 on x86, never above eps), so
 * that the entries are the formula's to about one rounding.
 */
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/internal.h"
#include <gref/operator.h>

/**
 * Gaussian kernel on a square support, normalised.
 *
 *     k[a, b] = g(a - ca) g(b - cb) / S^2,   g(x) = exp(-x^2 / (2 std^2)),   S = sum_a g(a - ca)
 *
 * which is exp(-(x^2 + y^2) / (2 std^2)) divided by its sum. Nothing is cut off but by the support;
 * a std small against the pixel gives the identity, a large one the mean over the support.
 *
 * @param[out] K     size x size, allocated; unchanged on error.                               [1]
 * @param[in]  std   standard deviation, > 0 and finite.                                   [pixel]
 * @param[in]  size  odd, >= 1.                                                            [pixel]
 * @return GREF_OK; GREF_ERR_RANGE; GREF_ERR_NOMEM.
 * @error  entrywise relative error <= eps + (3 q + 2 size + 8) eps_L, q = (x^2 + y^2)/(2 std^2),
 *         down to underflow; |sum - 1| <= eps + 2 (size + 2) eps_L.
 * @see    THEORY section 1 (A). Tests: test_kernel.c
 */
gref_status gref_kernel_gaussian(gref_mat *K, double std, int size)
{
    SCOPED(gref_mat) k = {0};
    SCOPED_MEM long double *g = NULL;
    long double S = 0;
    REQUIRE(isfinite(std) && std > 0, GREF_ERR_RANGE,
            "std = %.17g, but a Gaussian kernel's must be positive and finite", std);
    REQUIRE(size >= 1 && size % 2 == 1, GREF_ERR_RANGE,
            "size = %d, but a kernel's must be odd and at least 1", size);
    TRY(gref_mat_new(&k, size, size));
    g = gref_alloc((size_t)size, sizeof *g);
    REQUIRE(g != NULL, GREF_ERR_NOMEM, "no memory for %d kernel weights", size);
    const int centre = size / 2;
    for (int a = 0; a < size; a++) {
        long double x = (a - centre) / (long double)std;
        g[a] = expl(-0.5L * x * x);
        S += g[a];
    }
    for (int a = 0; a < size; a++)
        g[a] /= S;
    for (int b = 0; b < size; b++)
        for (int a = 0; a < size; a++)
            GREF_AT(k, a, b) = (double)(g[a] * g[b]);
    *K = TAKE(k);
    return GREF_OK;
}

/* cos and sin of an angle in degrees; exactly 0 and +-1 at multiples of 90. */
static void cos_sin_degrees(long double *cosine, long double *sine, double angle)
{
    const long double degree = 0.017453292519943295769236907684886127L;
    int quarter = 0;
    long double x = degree * remquo(angle, 90.0, &quarter); /* exact remainder, |x| <= pi/4 */
    long double c = cosl(x), s = sinl(x);
    switch (quarter & 3) {
    case 0:
        *cosine = c, *sine = s;
        break;
    case 1:
        *cosine = -s, *sine = c;
        break;
    case 2:
        *cosine = -c, *sine = -s;
        break;
    default:
        *cosine = s, *sine = -c;
    }
}

/* Adds `weight` at the point (row, col) from the centre of h, bilinearly to its four neighbours. */
static void spread(long double *h, int size, long double row, long double col, long double weight)
{
    const int centre = size / 2;
    long double fr = row - floorl(row), fc = col - floorl(col);
    long double *at = h + (size_t)((int)floorl(col) + centre) * size + ((int)floorl(row) + centre);
    at[0] += weight * (1 - fr) * (1 - fc);
    at[1] += weight * fr * (1 - fc);
    at[size] += weight * (1 - fr) * fc;
    at[size + 1] += weight * fr * fc;
}

/**
 * Motion kernel: the line that a point draws, seen through bilinear interpolation.
 *
 *     k = (1/P) sum_{j = 0..P-1} bilinear(s_j d),   P = round(16 length) + 1,
 *     s_j = length (j / (P - 1) - 1/2),   d = (row, col) = (-sin angle, cos angle)
 *
 * bilinear(p) shares a unit weight among the four pixels around p. P rounds half away from zero
 * where 16 length is no integer; the ends of the segment are always among the points, and P = 1
 * (length < 1/32) is the identity. size is the smallest odd integer >= length + 2. k is exactly
 * symmetric under the reflection through its centre, so convolution and correlation agree; at
 * multiples of 90 degrees it is exactly one row or one column.
 *
 * @param[out] K       size x size, allocated; unchanged on error.                             [1]
 * @param[in]  length  of the segment, >= 0 and finite; its kernel's size must fit an int. [pixel]
 * @param[in]  angle   counter-clockwise from the column axis, finite.                    [degree]
 * @return GREF_OK; GREF_ERR_RANGE; GREF_ERR_NOMEM.
 * @error  entrywise error <= eps k + (21 + 51 k) eps_L; |sum - 1| <= eps + 55 eps_L.
 * @see    THEORY section 1 (A). Tests: test_kernel.c
 */
gref_status gref_kernel_motion(gref_mat *K, double length, double angle)
{
    SCOPED(gref_mat) k = {0};
    SCOPED_MEM long double *h = NULL;
    long double cosine = 1, sine = 0;
    REQUIRE(length >= 0 && length <= INT_MAX - 3, GREF_ERR_RANGE,
            "length = %.17g, but a motion's must be >= 0 and its kernel countable", length);
    REQUIRE(isfinite(angle), GREF_ERR_RANGE, "angle = %g, but a motion's must be finite", angle);
    const int size = ((int)ceil(length) + 2) | 1;
    const size_t cells = (size_t)size * (size_t)size;
    TRY(gref_mat_new(&k, size, size));
    h = gref_alloc(cells, sizeof *h);
    REQUIRE(h != NULL, GREF_ERR_NOMEM, "no memory for a kernel of %d x %d", size, size);

    /* Half of the points, the middle one with half its weight; the others are their reflections. */
    const int64_t P = (int64_t)round(16 * length) + 1;
    cos_sin_degrees(&cosine, &sine, angle);
    for (int64_t j = P / 2; j < P; j++) {
        int64_t twice = 2 * j - (P - 1);
        long double s = P > 1 ? (long double)length * twice / (2 * (P - 1)) : 0;
        spread(h, size, -s * sine, s * cosine, twice == 0 ? 0.5L : 1.0L);
    }
    for (size_t i = 0; i < cells; i++)
        k.a[i] = (double)((h[i] + h[cells - 1 - i]) / P);
    *K = TAKE(k);
    return GREF_OK;
}
