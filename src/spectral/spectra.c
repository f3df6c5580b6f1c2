/*
 * What the spectral path has to show, for every frequency and in pixels.
 *
 *     r = 1   the spectrum of a covariance is rows x cols: the variance at frequency (k, l)
 *     r > 1   it is m x r^4: a row for each frequency eta of v in row-major order, which holds the r^2 x r^2 block of
 *             the frequencies that alias to it, (k + i rows/r, l + j cols/r) being number i r + j; the block is real
 *             in coordinates exp(i arg a^) x^ (THEORY section 9)
 *
 * Half of the frequencies are stored; the others are their conjugates, whose blocks hold the same
 * numbers in another order.
 */
#include <math.h>

#include "base/internal.h"
#include "internal.h"

/* Block and place in it of alias (i, j) of frequency (k, l) of v. */
static void locate(int *block, int *number, const gref_spectral *z, int k, int l, int i, int j)
{
    int low_cols = z->cols / z->factor;
    if (l >= z->low_half) { /* stored as its conjugate: the frequency and its aliases change sign */
        int row = (z->rows - (k + i * z->low_rows)) % z->rows,
            col = (z->cols - (l + j * low_cols)) % z->cols;
        k = row % z->low_rows;
        l = col % low_cols;
        i = row / z->low_rows;
        j = col / low_cols;
    }
    *block = k * z->low_half + l;
    *number = i * z->factor + j;
}

/** Shape of the spectrum of a covariance: rows x cols for r = 1, m x r^4 otherwise. */
void gref_spectral_spectrum_shape(int *rows, int *cols, const gref_spectral *z)
{
    *rows = z->q == 1 ? z->rows : z->m;
    *cols = z->q == 1 ? z->cols : z->q * z->q;
}

/* One value a frequency, x q x blocks, as a rows x cols array. */
static void spread_values(gref_mat out_x, const gref_spectral *z, gref_cmat x)
{
    for (int k = 0; k < z->rows; k++)
        for (int l = 0; l < z->cols; l++) {
            int b, number, low_cols = z->cols / z->factor;
            locate(&b, &number, z, k % z->low_rows, l % low_cols, k / z->low_rows, l / low_cols);
            GREF_AT(out_x, k, l) = GREF_AT(x, number, b);
        }
}

/* Blocks S, q^2 x blocks, as the spectrum of a covariance. */
static gref_status spread_blocks(gref_mat out_S, const gref_spectral *z, gref_cmat S)
{
    int rows, cols, r = z->factor, low_cols = z->cols / r;
    gref_spectral_spectrum_shape(&rows, &cols, z);
    TRY(gref_require_shape(gref_const(out_S), rows, cols, "spectrum"));
    if (z->q == 1) {
        spread_values(out_S, z, S);
        return GREF_OK;
    }
    for (int f = 0; f < z->m; f++)
        for (int p = 0; p < z->q; p++)
            for (int s = 0; s < z->q; s++) {
                int b, from, to;
                locate(&b, &from, z, f / low_cols, f % low_cols, p / r, p % r);
                locate(&b, &to, z, f / low_cols, f % low_cols, s / r, s % r);
                GREF_AT(out_S, f, p * z->q + s) = GREF_AT(S, to * z->q + from, b);
            }
    return GREF_OK;
}

/** Eigenvalues of Sigma at every frequency, rows x cols [pixel^2]. GREF_OK; GREF_ERR_SHAPE. */
gref_status gref_spectral_prior_spectrum(gref_mat lambda, const gref_spectral *z)
{
    TRY(gref_require_shape(gref_const(lambda), z->rows, z->cols, "lambda"));
    spread_values(lambda, z, gref_const(z->lambda));
    return GREF_OK;
}

/**
 * Transfer function of A before decimation, a^ at every frequency, real and imaginary part,
 * rows x cols each: (A x)^(eta) = (1/r) sum over the aliases xi of eta of a^(xi) x^(xi), both DFTs
 * unitary. GREF_OK; GREF_ERR_SHAPE.
 */
gref_status gref_spectral_transfer(gref_mat re, gref_mat im, const gref_spectral *z)
{
    TRY(gref_require_shape(gref_const(re), z->rows, z->cols, "transfer function"));
    TRY(gref_require_shape(gref_const(im), z->rows, z->cols, "transfer function"));
    for (int k = 0; k < z->rows; k++)
        for (int l = 0; l < z->cols; l++) {
            int b, number, low_cols = z->cols / z->factor;
            locate(&b, &number, z, k % z->low_rows, l % low_cols, k / z->low_rows, l / low_cols);
            double modulus = z->factor * GREF_AT(z->a, number, b);
            double sign = l % low_cols >= z->low_half ? -1.0 : 1.0;
            GREF_AT(re, k, l) = modulus * GREF_AT(z->phase.re, number, b);
            GREF_AT(im, k, l) = sign * modulus * GREF_AT(z->phase.im, number, b);
        }
    return GREF_OK;
}

/* Blocks of the exact abar Sigma_post + (1 - abar) I. */
static gref_status exact_blocks(gref_mat S, const gref_spectral *z, double abar, double qbar)
{
    SCOPED(gref_mat) e = {0};
    TRY(gref_mat_new(&e, z->q, z->blocks));
    for (int b = 0; b < z->blocks; b++)
        for (int k = 0; k < z->q; k++)
            GREF_AT(e, k, b) = gref_spectral_exact_variance(z, abar, qbar, k, b);
    gref_blocks_on_posterior(S, z, gref_const(e));
    return GREF_OK;
}

/**
 * The exact C_{t|v} = abar_t Sigma_post + (1 - abar_t) I as a spectrum; t = 0: Sigma_post.
 * @param[out] S  of gref_spectral_spectrum_shape. Undefined on error.                             [pixel^2]
 * @return GREF_OK; GREF_ERR_SHAPE; GREF_ERR_NOMEM.
 */
gref_status gref_spectral_exact_spectrum(gref_mat S, const gref_spectral *z,
                                         const gref_schedule *schedule, int t)
{
    SCOPED(gref_mat) blocks = {0};
    TRY(gref_mat_new(&blocks, z->q * z->q, z->blocks));
    TRY(exact_blocks(blocks, z, schedule->abar[t], schedule->qbar[t]));
    return spread_blocks(S, z, gref_const(blocks));
}

/** The same as an n x n matrix in pixels, both triangles: n^2 doubles. Returns as gref_spectral_exact_spectrum. */
gref_status gref_spectral_exact_cov(gref_mat cov, const gref_spectral *z,
                                    const gref_schedule *schedule, int t)
{
    SCOPED(gref_mat) blocks = {0};
    TRY(gref_mat_new(&blocks, z->q * z->q, z->blocks));
    TRY(exact_blocks(blocks, z, schedule->abar[t], schedule->qbar[t]));
    return gref_spectral_to_pixels(cov, z, gref_const(blocks));
}

/** Sigma as an n x n matrix in pixels. Returns as gref_spectral_exact_spectrum. */
gref_status gref_spectral_prior_cov(gref_mat cov, const gref_spectral *z)
{
    SCOPED(gref_mat) blocks = {0};
    TRY(gref_mat_new(&blocks, z->q * z->q, z->blocks));
    gref_blocks_diagonal(blocks, gref_const(z->lambda));
    return gref_spectral_to_pixels(cov, z, gref_const(blocks));
}

static gref_status law_blocks(gref_mat *blocks, const gref_spectral_law *law)
{
    TRY(gref_mat_new(blocks, law->s.z->q * law->s.z->q, law->s.z->blocks));
    gref_blocks_law(*blocks, law);
    return GREF_OK;
}

/**
 * Covariance of the law as a spectrum.
 * @param[out] S  of gref_spectral_spectrum_shape. Undefined on error.                             [pixel^2]
 * @return GREF_OK; GREF_ERR_SHAPE; GREF_ERR_RANGE (a law that is not by spectra); GREF_ERR_NUMERICS after divergence;
 *         GREF_ERR_NOMEM.
 */
gref_status gref_marginal_spectrum(gref_mat S, const gref_marginal *head)
{
    const gref_spectral_law *law = gref_spectral_law_of(head);
    SCOPED(gref_mat) blocks = {0};
    REQUIRE(law != NULL, GREF_ERR_RANGE, "this law is kept by matrices: it has no spectrum");
    TRY(gref_law_require_alive(head));
    TRY(law_blocks(&blocks, law));
    return spread_blocks(S, law->s.z, gref_const(blocks));
}

/* Covariance of the law as an n x n matrix in pixels: n^2 doubles. */
gref_status gref_spectral_law_cov(gref_mat cov, const gref_marginal *head)
{
    const gref_spectral_law *law = gref_spectral_law_of(head);
    SCOPED(gref_mat) blocks = {0};
    TRY(law_blocks(&blocks, law));
    return gref_spectral_to_pixels(cov, law->s.z, gref_const(blocks));
}
