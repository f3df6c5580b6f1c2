/*
 * Gaussian priors built from an image.
 *
 *     symbol   variable  shape                unit
 *     u        u         M x N                pixel value
 *     m_u      m_u       1                    pixel value
 *     t        c         M x N, t sqrt(MN)    pixel value
 *     gamma    gamma     M x N, periodic      pixel value^2
 *     Gamma    Sigma     n x n                pixel value^2
 *     mu       mu        n x 1                pixel value
 *     patches  grid      rows x cols of them  -
 *
 * Means and sums of products are long double (unit roundoff eps_L: 2^-64 on x86, never above eps).
 * Means are taken of the differences from one pixel, so that those of a constant image are exact
 * and its Sigma is 0.
 */
#include <math.h>
#include <stdlib.h>

#include "base/internal.h"
#include "internal.h"
#include <gref/prior.h>

/** x(i cols + j) = image(i, j); x is rows * cols x 1. Exact. Tests: test_prior.c */
void gref_image_flatten(gref_mat x, gref_cmat image)
{
    for (int j = 0; j < image.n; j++)
        for (int i = 0; i < image.m; i++)
            GREF_AT(x, i * image.n + j, 0) = GREF_AT(image, i, j);
}

/** image(i, j) = x(i cols + j), the inverse of gref_image_flatten. Exact. Tests: test_prior.c */
void gref_image_unflatten(gref_mat image, gref_cmat x)
{
    for (int j = 0; j < image.n; j++)
        for (int i = 0; i < image.m; i++)
            GREF_AT(image, i, j) = GREF_AT(x, i * image.n + j, 0);
}

/* rows x cols pixels of an image, `step` apart; corner (0, 0) unless said otherwise. */
typedef struct {
    int rows, cols, step;
} lattice;

/* Mean of u over the grid moved to corner (top, left). */
static long double lattice_mean(gref_cmat u, lattice grid, int top, int left)
{
    const long double origin = GREF_AT(u, top, left);
    long double sum = 0;
    for (int l = 0; l < grid.cols; l++) {
        long double column = 0;
        for (int k = 0; k < grid.rows; k++)
            column += GREF_AT(u, top + k * grid.step, left + l * grid.step) - origin;
        sum += column;
    }
    return origin + sum / ((long double)grid.rows * grid.cols);
}

static long double dot(const long double *x, const long double *y, int n)
{
    long double sum = 0;
    for (int i = 0; i < n; i++)
        sum += x[i] * y[i];
    return sum;
}

/* MN gamma(a, b) = sum_{i,j} c(i, j) c(i + a, j + b), indices modulo M and N. */
static long double correlation_at(const long double *c, int M, int N, int a, int b)
{
    long double sum = 0;
    for (int j = 0; j < N; j++) {
        const long double *x = c + (size_t)j * M;
        const long double *y = c + (size_t)(j < N - b ? j + b : j + b - N) * M;
        sum += dot(x, y + a, M - a) + dot(x + (M - a), y, a);
    }
    return sum;
}

/*
 * gamma = t * t~ at the lags between pixels of a rows x cols window; the others stay as they are.
 * The lags d and -d are written together, so gamma is even to the bit.
 */
static void autocorrelation(gref_mat gamma, const long double *c, int rows, int cols)
{
    const int M = gamma.m, N = gamma.n;
    for (int b = 0; b <= N / 2 && b < cols; b++)
        for (int a = 0; a < M; a++) {
            if (a >= rows && M - a >= rows)
                continue;
            int minus_a = a == 0 ? 0 : M - a, minus_b = b == 0 ? 0 : N - b;
            double g = (double)(correlation_at(c, M, N, a, b) / ((long double)M * N));
            GREF_AT(gamma, a, b) = g;
            GREF_AT(gamma, minus_a, minus_b) = g;
        }
}

/* Sigma[p, q] = gamma(p - q) for the pixels of a window with `cols` columns. */
static void scatter_stationary(gref_mat Sigma, gref_cmat gamma, int cols)
{
    const int M = gamma.m, N = gamma.n;
    for (int q = 0; q < Sigma.n; q++)
        for (int p = 0; p < Sigma.m; p++) {
            int a = p / cols - q / cols, b = p % cols - q % cols;
            GREF_AT(Sigma, p, q) = GREF_AT(gamma, a < 0 ? a + M : a, b < 0 ? b + N : b);
        }
}

/**
 * The ADSN law of an image: the stationary Gaussian texture of its mean and autocorrelation.
 *
 *     t = (u - m_u)/sqrt(MN),   Sigma[p, q] = gamma(p - q),   gamma = t * t~ (periodic),   n = MN
 *
 * i.e. gamma(d) = (1/MN) sum_x (u(x) - m_u)(u(x + d) - m_u): the diagonal is the empirical variance
 * of u, and the constant image lies in the kernel, so Sigma is always singular. A constant u gives
 * Sigma = 0, exactly. m_u is the mean of u whatever `mean` says: `mean` moves the law only.
 *
 * @param[out] mu     n x 1, constant, allocated; unchanged on error.                  [pixel value]
 * @param[out] Sigma  n x n, exactly symmetric, allocated; unchanged on error.       [pixel value^2]
 * @param[in]  u      the image, M x N, any sizes >= 1 whose product fits an int.      [pixel value]
 * @param[in]  mean   mean of the law, or NULL for m_u.                                [pixel value]
 * @return GREF_OK; GREF_ERR_RANGE for an impossible size; GREF_ERR_NONFINITE for NaN or infinity in
 *         u, mean, or the covariance (overflow); GREF_ERR_NOMEM.
 * @error  |error of gamma(d)| <= eps |gamma(d)| + (M + N + 8) eps_L gamma(0);
 *         |error of m_u| <= eps |m_u| + (M + N + 8) eps_L max|u - u(0, 0)|.
 * @cost   n^2/2 products in long double; n^2 + 2 n doubles, n of scratch.
 * @see    THEORY section 2; Galerne, Gousseau & Morel 2011. Tests: test_prior.c
 */
gref_status gref_prior_adsn(gref_mat *mu, gref_mat *Sigma, gref_cmat u, const double *mean)
{
    return gref_prior_adsn_window(mu, Sigma, u, (const int[4]){0, 0, u.m, u.n}, mean);
}

/**
 * The ADSN law of the whole image, seen through a window: the marginal on the window's pixels.
 *
 *     Sigma[p, q] = gamma(p - q),   p, q in the window,   n = its pixels, numbered row-major
 *
 * gamma is that of the whole image (gref_prior_adsn), with the image's period; a window smaller
 * than the image makes Sigma block-Toeplitz, not circulant. The law is stationary, so only the
 * window's size matters.
 *
 * @param[out] mu      n x 1, constant, allocated; unchanged on error.                 [pixel value]
 * @param[out] Sigma   n x n, exactly symmetric, allocated; unchanged on error.      [pixel value^2]
 * @param[in]  u       the image, M x N.                                               [pixel value]
 * @param[in]  window  {row, col, rows, cols} inside u, not empty.                           [pixel]
 * @param[in]  mean    mean of the law, or NULL for m_u, the mean of all of u.         [pixel value]
 * @return as gref_prior_adsn; GREF_ERR_RANGE also for a window that leaves the image.
 * @error  as gref_prior_adsn.
 * @cost   2 n MN products in long double, at most (MN)^2/2; n^2 + MN doubles, MN of scratch.
 * @see    THEORY section 2. Tests: test_prior.c
 */
gref_status gref_prior_adsn_window(gref_mat *mu, gref_mat *Sigma, gref_cmat u, const int window[4],
                                   const double *mean)
{
    const int M = u.m, N = u.n, i = window[0], j = window[1], rows = window[2], cols = window[3];
    SCOPED(gref_mat) m = {0}, S = {0}, gamma = {0};
    SCOPED_MEM long double *c = NULL;
    int n = 0;
    TRY(gref_pixel_count(&n, M, N, "an image"));
    TRY(gref_pixel_count(&n, rows, cols, "a window"));
    REQUIRE(i >= 0 && j >= 0 && rows <= M - i && cols <= N - j, GREF_ERR_RANGE,
            "a window of %d x %d at row %d, column %d leaves the %d x %d image", rows, cols, i, j,
            M, N);
    TRY(gref_require_finite(u, "the image"));
    REQUIRE(mean == NULL || isfinite(*mean), GREF_ERR_NONFINITE, "the mean of the prior is %g",
            *mean);
    /* The largest first: a size that does not fit is refused before any work. */
    TRY(gref_mat_new(&S, n, n));
    TRY(gref_mat_new(&m, n, 1));
    TRY(gref_mat_new(&gamma, M, N));
    c = gref_alloc((size_t)M * N, sizeof *c);
    REQUIRE(c != NULL, GREF_ERR_NOMEM, "no memory for a texton of %d x %d", M, N);

    const long double m_u = lattice_mean(u, (lattice){M, N, 1}, 0, 0);
    for (int l = 0; l < N; l++)
        for (int k = 0; k < M; k++)
            c[(size_t)l * M + k] = GREF_AT(u, k, l) - m_u;
    autocorrelation(gamma, c, rows, cols);
    TRY(gref_require_finite(gref_const(gamma), "the autocorrelation of the image"));
    scatter_stationary(S, gref_const(gamma), cols);
    gref_mat_fill(m, mean != NULL ? *mean : (double)m_u);
    *mu = TAKE(m);
    *Sigma = TAKE(S);
    return GREF_OK;
}

/* Mean product of the deviations of pixels a and b of a patch, over the grid of corners. */
static double patch_covariance(gref_cmat u, lattice grid, const int a[2], long double mean_a,
                               const int b[2], long double mean_b)
{
    long double sum = 0;
    for (int l = 0; l < grid.cols; l++) {
        const double *x = &GREF_AT(u, a[0], a[1] + l * grid.step);
        const double *y = &GREF_AT(u, b[0], b[1] + l * grid.step);
        long double column = 0;
        for (int k = 0; k < grid.rows; k++)
            column += (x[k * grid.step] - mean_a) * (y[k * grid.step] - mean_b);
        sum += column;
    }
    return (double)(sum / ((long double)grid.rows * grid.cols));
}

/**
 * Sample mean and covariance of the patches of an image.
 *
 *     mu = (1/P) sum_k x_k,   Sigma = (1/P) sum_k (x_k - mu)(x_k - mu)^T,   n = p q
 *
 * x_k are the P whole p x q patches with their upper left corner at multiples of `stride` in both
 * directions, flattened row-major. The law is not stationary. P <= n makes Sigma singular, a single
 * patch makes it 0. Computed in two passes.
 *
 * @param[out] mu      n x 1, allocated; unchanged on error.                           [pixel value]
 * @param[out] Sigma   n x n, exactly symmetric, allocated; unchanged on error.      [pixel value^2]
 * @param[in]  u       the image, M x N.                                               [pixel value]
 * @param[in]  p, q    rows and columns of a patch, 1 <= p <= M, 1 <= q <= N.                [pixel]
 * @param[in]  stride  between patches, >= 1.                                                [pixel]
 * @return GREF_OK; GREF_ERR_RANGE for an impossible size or stride; GREF_ERR_NONFINITE for NaN or
 *         infinity in u, or in the covariance (overflow); GREF_ERR_NOMEM.
 * @error  |error of Sigma_ab| <= eps |Sigma_ab| + (M + N + 8) eps_L sqrt(Sigma_aa Sigma_bb);
 *         |error of mu_a| <= eps |mu_a| + (M + N + 8) eps_L max|u - u(0, 0)|.
 * @cost   P n^2/2 products in long double; n^2 + n doubles, n of scratch.
 * @see    THEORY section 2 (other priors). Tests: test_prior.c
 */
gref_status gref_prior_patches(gref_mat *mu, gref_mat *Sigma, gref_cmat u, int p, int q, int stride)
{
    SCOPED(gref_mat) m = {0}, S = {0};
    SCOPED_MEM long double *means = NULL;
    int n = 0;
    TRY(gref_pixel_count(&n, p, q, "a patch"));
    REQUIRE(p <= u.m && q <= u.n, GREF_ERR_RANGE, "no patch of %d x %d fits in an image of %d x %d",
            p, q, u.m, u.n);
    REQUIRE(stride >= 1, GREF_ERR_RANGE, "the stride of the patches is %d, not at least 1", stride);
    TRY(gref_require_finite(u, "the image"));
    TRY(gref_mat_new(&S, n, n));
    TRY(gref_mat_new(&m, n, 1));
    means = gref_alloc((size_t)n, sizeof *means);
    REQUIRE(means != NULL, GREF_ERR_NOMEM, "no memory for the means of %d pixels", n);

    const lattice grid = {(u.m - p) / stride + 1, (u.n - q) / stride + 1, stride};
    for (int a = 0; a < n; a++) {
        means[a] = lattice_mean(u, grid, a / q, a % q);
        m.a[a] = (double)means[a];
    }
    for (int b = 0; b < n; b++)
        for (int a = b; a < n; a++)
            GREF_AT(S, a, b) = patch_covariance(u, grid, (const int[2]){a / q, a % q}, means[a],
                                                (const int[2]){b / q, b % q}, means[b]);
    gref_mat_mirror_lower(S);
    TRY(gref_require_finite(gref_const(S), "the covariance of the patches"));
    *mu = TAKE(m);
    *Sigma = TAKE(S);
    return GREF_OK;
}
