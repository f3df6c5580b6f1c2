/*
 * Stationary problems in pixels: a texton and a row of taps say everything (THEORY sections 1, 2
 * and 9).
 *
 *     symbol  variable  shape            unit
 *     u       u         M x N            pixel value
 *     t       texton    n x 1, n = M N   pixel value, (u - m_u)/sqrt(n)
 *     k       K         kh x kw          measurement / pixel
 *     a       taps      n x 1            measurement / pixel
 *     r       factor    1                pixel
 *
 * No n x n matrix is formed, here or anywhere in this folder but for the cross-check.
 */
#include <math.h>
#include <stdlib.h>

#include "base/internal.h"
#include "internal.h"
#include "model/internal.h"
#include <gref/random.h>

/** Frees every matrix of the problem; accepts {0} and a second call. */
void gref_stationary_free(gref_stationary *p)
{
    gref_mat *all[] = {&p->texton, &p->taps, &p->v, &p->x0};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        gref_mat_free(all[k]);
    *p = (gref_stationary){0};
}

/**
 * The ADSN prior of an image, as its texton.
 *
 *     t = (u - m_u)/sqrt(n),   Sigma[p, q] = sum_x t(x) t(x + p - q),   mu = mean or m_u
 *
 * @param[in,out] p     rows, cols, texton and mean are replaced, the rest is freed; unchanged on error.
 * @param[in]     u     M x N, any sizes >= 1 whose product fits an int.                  [pixel value]
 * @param[in]     mean  mean of the law, or NULL for m_u.                                 [pixel value]
 * @return GREF_OK; GREF_ERR_RANGE; GREF_ERR_NONFINITE; GREF_ERR_NOMEM.
 * @error  |error of t| <= 2 eps |t| + eps_L max|u - u(0, 0)|/sqrt(n), as gref_prior_adsn's means.
 * @see    THEORY section 2; Galerne, Gousseau & Morel 2011. Tests: test_stationary.c
 */
gref_status gref_stationary_adsn(gref_stationary *p, gref_cmat u, const double *mean)
{
    SCOPED(gref_mat) t = {0};
    int n = 0;
    TRY(gref_pixel_count(&n, u.m, u.n, "an image"));
    TRY(gref_require_finite(u, "the image"));
    REQUIRE(mean == NULL || isfinite(*mean), GREF_ERR_NONFINITE, "the mean of the prior is %g",
            *mean);
    TRY(gref_mat_new(&t, n, 1));
    const long double origin = GREF_AT(u, 0, 0);
    long double sum = 0;
    for (int j = 0; j < u.n; j++)
        for (int i = 0; i < u.m; i++)
            sum += GREF_AT(u, i, j) - origin;
    const long double m_u = origin + sum / n, root = sqrtl((long double)n);
    for (int j = 0; j < u.n; j++)
        for (int i = 0; i < u.m; i++)
            t.a[(size_t)i * u.n + j] = (double)((GREF_AT(u, i, j) - m_u) / root);
    gref_stationary_free(p);
    *p = (gref_stationary){.rows = u.m, .cols = u.n, .factor = 1, .texton = t};
    p->mean = mean != NULL ? *mean : (double)m_u;
    t = (gref_mat){0};
    return GREF_OK;
}

static int wrap(int64_t p, int period)
{
    int64_t q = p % period;
    return (int)(q < 0 ? q + period : q);
}

/* Gives p the taps and the factor of a new operator; what was measured by the old one goes. */
static void take_operator(gref_stationary *p, gref_mat *taps, int factor)
{
    gref_mat_free(&p->taps);
    gref_mat_free(&p->v);
    p->taps = *taps;
    p->factor = factor;
    *taps = (gref_mat){0};
}

static gref_status require_prior(const gref_stationary *p)
{
    REQUIRE(p->texton.a != NULL, GREF_ERR_SHAPE,
            "a stationary problem needs its prior before its operator");
    return GREF_OK;
}

/**
 * Periodic convolution with a kernel, which may be larger than the image.
 *
 *     (A x)(i, j) = sum_{a,b} k[a, b] x(i - (a - ca), j - (b - cb)),   so   taps(-(a - ca), -(b - cb)) += k[a, b]
 *
 * `correlate` flips both signs. A 1 x 1 kernel of 1 is the identity.
 *
 * @param[in,out] p  has its prior; taps and factor are replaced, v is freed; unchanged on error.
 * @param[in]     K  odd x odd, finite.                                            [measurement/pixel]
 * @return GREF_OK; GREF_ERR_SHAPE; GREF_ERR_NONFINITE; GREF_ERR_NOMEM.
 * @error  exact where a pixel is hit by one weight, as gref_operator_convolution where several add up.
 * @see    THEORY section 7 (kernel flip). Tests: test_stationary.c
 */
gref_status gref_stationary_convolution(gref_stationary *p, gref_cmat K, bool correlate)
{
    SCOPED(gref_mat) taps = {0};
    TRY(require_prior(p));
    REQUIRE(K.m % 2 == 1 && K.n % 2 == 1, GREF_ERR_SHAPE,
            "the kernel is %d x %d, but both sizes must be odd", K.m, K.n);
    TRY(gref_require_finite(K, "the kernel"));
    TRY(gref_mat_new(&taps, p->rows * p->cols, 1));
    const int ca = K.m / 2, cb = K.n / 2, sign = correlate ? 1 : -1;
    for (int b = 0; b < K.n; b++)
        for (int a = 0; a < K.m; a++) {
            int i = wrap((int64_t)sign * (a - ca), p->rows),
                j = wrap((int64_t)sign * (b - cb), p->cols);
            taps.a[(size_t)i * p->cols + j] += GREF_AT(K, a, b);
        }
    take_operator(p, &taps, 1);
    return GREF_OK;
}

/* Keys's cubic with a = -1/2. */
static long double keys(long double x)
{
    x = fabsl(x);
    if (x >= 2)
        return 0;
    return x <= 1 ? (1.5L * x - 2.5L) * x * x + 1 : ((-0.5L * x + 2.5L) * x - 4) * x + 2;
}

/* Weight of pixel p of a periodic axis of length L in the first low resolution pixel. */
static long double tap(int p, int L, int r, gref_sr_filter filter)
{
    long double sum = 0;
    switch (filter) {
    case GREF_SR_BOX:
        sum = p < r ? 1.0L / r : 0;
        break;
    case GREF_SR_NONE:
        sum = p == 0;
        break;
    case GREF_SR_BICUBIC: /* w(d) = h(d/r)/r about c = (r - 1)/2, with period L */
        for (int64_t d = p - ((2LL * r + L) / L + 1) * L; d < 3LL * r; d += L)
            sum += keys(((long double)d - (r - 1) / 2.0L) / r) / r;
        break;
    }
    return sum;
}

/**
 * Super-resolution by r: the first pixel's weights; the others' are the same, r pixels on.
 *
 *     BOX  1/r^2 on r x r pixels;  BICUBIC  w(p - c) w(q - c), w(d) = h(d/r)/r, c = (r - 1)/2, h Keys's cubic;
 *     NONE  1 on the first
 *
 * From the definition, in long double: gref_operator_super_resolution has the same weights as
 * integers.
 *
 * @param[in,out] p  has its prior; taps and factor are replaced, v is freed; unchanged on error.
 * @param[in]     factor  r >= 1, divides rows and cols.                                      [pixel]
 * @return GREF_OK; GREF_ERR_SHAPE; GREF_ERR_RANGE; GREF_ERR_NOMEM.
 * @error  absolute, entrywise: eps |tap| + 40 eps_L/r^2.
 * @see    Keys, IEEE ASSP 29 (1981), (15). Tests: test_stationary.c
 */
gref_status gref_stationary_super_resolution(gref_stationary *p, int factor, gref_sr_filter filter)
{
    const int r = factor;
    SCOPED(gref_mat) taps = {0};
    SCOPED_MEM long double *down = NULL, *across = NULL;
    TRY(require_prior(p));
    REQUIRE((int)filter >= 0 && filter <= GREF_SR_NONE, GREF_ERR_RANGE, "filter %d does not exist",
            (int)filter);
    REQUIRE(r >= 1 && p->rows % r == 0 && p->cols % r == 0, GREF_ERR_RANGE,
            "factor %d does not divide an image of %d x %d", r, p->rows, p->cols);
    TRY(gref_mat_new(&taps, p->rows * p->cols, 1));
    down = gref_alloc((size_t)p->rows, sizeof *down);
    across = gref_alloc((size_t)p->cols, sizeof *across);
    REQUIRE(down != NULL && across != NULL, GREF_ERR_NOMEM,
            "no memory for the weights of a filter");
    for (int i = 0; i < p->rows; i++)
        down[i] = tap(i, p->rows, r, filter);
    for (int j = 0; j < p->cols; j++)
        across[j] = tap(j, p->cols, r, filter);
    for (int i = 0; i < p->rows; i++)
        for (int j = 0; j < p->cols; j++)
            taps.a[(size_t)i * p->cols + j] = (double)(down[i] * across[j]);
    take_operator(p, &taps, r);
    return GREF_OK;
}

/* v = A x0 + sigma n. */
static gref_status measure(gref_mat v, const gref_spectral *z, gref_cmat x0, uint64_t seed)
{
    SCOPED(gref_room) room = {0};
    SCOPED(gref_cplx) x = {0}, y = {0};
    SCOPED(gref_mat) Ax = {0};
    TRY(gref_room_new(&room, z));
    TRY(gref_cplx_new(&x, z->q, z->blocks));
    TRY(gref_cplx_new(&y, z->low_half, z->low_rows));
    TRY(gref_mat_new(&Ax, z->m, 1));
    TRY(gref_spectral_analyse(x, z, &room, x0));
    for (int b = 0; b < z->blocks; b++)
        for (int k = 0; k < z->q; k++) {
            y.re.a[b] += GREF_AT(z->a, k, b) * GREF_AT(x.re, k, b);
            y.im.a[b] += GREF_AT(z->a, k, b) * GREF_AT(x.im, k, b);
        }
    TRY(gref_spectral_low_inverse(Ax, z, y));
    gref_random_normal(v, seed, GREF_STREAM_OBSERVATION, 0, 0);
    for (int i = 0; i < v.m; i++)
        v.a[i] = Ax.a[i] + z->sigma * v.a[i];
    return GREF_OK;
}

/* x0 = mu + Sigma^1/2 xi, the symmetric root. */
static gref_status draw_prior(gref_mat x0, const gref_spectral *z, uint64_t seed)
{
    SCOPED(gref_room) room = {0};
    SCOPED(gref_cplx) x = {0};
    TRY(gref_room_new(&room, z));
    TRY(gref_cplx_new(&x, z->q, z->blocks));
    gref_random_normal(x0, seed, GREF_STREAM_PRIOR, 0, 0);
    TRY(gref_spectral_analyse(x, z, &room, gref_const(x0)));
    for (int b = 0; b < z->blocks; b++)
        for (int k = 0; k < z->q; k++) {
            double root = sqrt(GREF_AT(z->lambda, k, b));
            GREF_AT(x.re, k, b) *= root;
            GREF_AT(x.im, k, b) *= root;
        }
    TRY(gref_spectral_synthesise(x0, z, &room, x));
    for (int i = 0; i < x0.m; i++)
        x0.a[i] += z->mean;
    return GREF_OK;
}

/**
 * Measures the x0 that the problem holds.
 *
 *     v = A x0 + sigma n,   n = gref_random_normal(seed, GREF_STREAM_OBSERVATION)
 *
 * @param[in,out] p  needs x0, texton, taps and sigma; v is replaced, unchanged on error.
 * @return GREF_OK; GREF_ERR_SHAPE; GREF_ERR_RANGE; GREF_ERR_NONFINITE; GREF_ERR_NOMEM.
 * @error  c sqrt(rows + cols) eps |A| |x0|, in norm.
 * @see    gref_problem_observe_from, whose v this is to rounding. Tests: test_stationary.c
 */
gref_status gref_stationary_observe_from(gref_stationary *p, uint64_t seed)
{
    SCOPED_PTR(gref_spectral) *z = NULL;
    SCOPED(gref_mat) v = {0};
    TRY(gref_require_shape(gref_const(p->x0), p->rows * p->cols, 1, "x0"));
    TRY(gref_spectral_modes_new(&z, p));
    TRY(gref_mat_new(&v, z->m, 1));
    TRY(measure(v, z, gref_const(p->x0), seed));
    gref_mat_free(&p->v);
    p->v = TAKE(v);
    return GREF_OK;
}

/**
 * Draws an image from the prior and measures it.
 *
 *     x0 = mu + Sigma^1/2 xi (the circulant, symmetric root),   v = A x0 + sigma n
 *
 * @param[in,out] p  needs texton, mean, taps and sigma; x0 and v are replaced, unchanged on error.
 * @return as gref_stationary_observe_from.
 * @see    gref_problem_observe, whose x0 and v these are to rounding. Tests: test_stationary.c
 */
gref_status gref_stationary_observe(gref_stationary *p, uint64_t seed)
{
    gref_status status = GREF_OK;
    SCOPED_PTR(gref_spectral) *z = NULL;
    SCOPED(gref_mat) x0 = {0};
    gref_mat kept = p->x0;
    TRY(gref_spectral_modes_new(&z, p));
    TRY(gref_mat_new(&x0, z->n, 1));
    TRY(draw_prior(x0, z, seed));
    p->x0 = x0;
    status = gref_stationary_observe_from(p, seed);
    if (status != GREF_OK) {
        p->x0 = kept;
        return status;
    }
    gref_mat_free(&kept);
    x0 = (gref_mat){0};
    return status;
}
