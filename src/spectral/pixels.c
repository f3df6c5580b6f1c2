/*
 * What the spectral path holds, as explicit matrices in pixels: for the cross-check and for small
 * arrays only.
 *
 *     S     q^2 x blocks, a symmetric operator block by block
 *     C     n x n: block-circulant, C(p + r s, p' + r s) = C(p, p')
 */
#include <math.h>

#include "base/internal.h"
#include "internal.h"

/* out = S x, block by block. */
static void apply_blocks(gref_cplx out_x, gref_cmat S, gref_cplx x)
{
    int q = x.re.m;
    for (int b = 0; b < x.re.n; b++)
        for (int i = 0; i < q; i++) {
            double re = 0.0, im = 0.0;
            for (int k = 0; k < q; k++) {
                re += GREF_AT(S, k * q + i, b) * GREF_AT(x.re, k, b);
                im += GREF_AT(S, k * q + i, b) * GREF_AT(x.im, k, b);
            }
            GREF_AT(out_x.re, i, b) = re;
            GREF_AT(out_x.im, i, b) = im;
        }
}

/* Column `first` (pixel (i, j) of the first r x r tile) of C to all columns of its class. */
static void scatter_column(gref_mat C, const gref_spectral *z, gref_cmat column, int i, int j)
{
    int M = z->rows, N = z->cols, r = z->factor;
    for (int s = 0; s < M; s += r)
        for (int t = 0; t < N; t += r) {
            int at = (i + s) * N + (j + t);
            for (int k = 0; k < M; k++)
                for (int l = 0; l < N; l++)
                    GREF_AT(C, (k + s) % M * N + (l + t) % N, at) = column.a[(size_t)k * N + l];
        }
}

gref_status gref_spectral_to_pixels(gref_mat C, const gref_spectral *z, gref_cmat S)
{
    SCOPED(gref_room) room = {0};
    SCOPED(gref_cplx) x = {0}, y = {0};
    SCOPED(gref_mat) column = {0};
    TRY(gref_require_shape(gref_const(C), z->n, z->n, "C"));
    TRY(gref_require_shape(S, z->q * z->q, z->blocks, "S"));
    TRY(gref_room_new(&room, z));
    TRY(gref_cplx_new(&x, z->q, z->blocks));
    TRY(gref_cplx_new(&y, z->q, z->blocks));
    TRY(gref_mat_new(&column, z->n, 1));
    for (int i = 0; i < z->factor; i++)
        for (int j = 0; j < z->factor; j++) {
            gref_mat_fill(column, 0.0);
            column.a[(size_t)i * z->cols + j] = 1.0;
            TRY(gref_spectral_analyse(x, z, &room, gref_const(column)));
            apply_blocks(y, S, x);
            TRY(gref_spectral_synthesise(column, z, &room, y));
            scatter_column(C, z, gref_const(column), i, j);
        }
    return GREF_OK;
}

/** A as an m x n matrix. GREF_OK; GREF_ERR_SHAPE; GREF_ERR_NOMEM. Undefined on error. */
gref_status gref_spectral_operator(gref_mat A, const gref_spectral *z)
{
    SCOPED(gref_room) room = {0};
    int M = z->rows, N = z->cols, r = z->factor, low_cols = N / r;
    double delta = 1.0 / sqrt((double)z->m); /* the transform of the first pixel of v */
    SCOPED(gref_cplx) x = {0};
    SCOPED(gref_mat) row = {0};
    TRY(gref_require_shape(gref_const(A), z->m, z->n, "A"));
    TRY(gref_room_new(&room, z));
    TRY(gref_cplx_new(&x, z->q, z->blocks));
    TRY(gref_mat_new(&row, z->n, 1));
    gref_mat_axpy(x.re, delta, gref_const(z->a));
    TRY(gref_spectral_synthesise(row, z, &room, x)); /* A^T e_0 */
    for (int i = 0; i < z->m; i++) {
        int s = i / low_cols * r, t = i % low_cols * r;
        for (int k = 0; k < M; k++)
            for (int l = 0; l < N; l++)
                GREF_AT(A, i, (k + s) % M * N + (l + t) % N) = row.a[(size_t)k * N + l];
    }
    return GREF_OK;
}

gref_status gref_spectral_low_to_pixels(gref_mat C, const gref_spectral *z, gref_cmat c)
{
    int rows = z->low_rows, cols = z->cols / z->factor;
    double delta = 1.0 / sqrt((double)z->m);
    SCOPED(gref_cplx) y = {0};
    SCOPED(gref_mat) column = {0};
    TRY(gref_require_shape(gref_const(C), z->m, z->m, "C"));
    TRY(gref_require_shape(c, 1, z->blocks, "c"));
    TRY(gref_cplx_new(&y, z->low_half, rows));
    TRY(gref_mat_new(&column, z->m, 1));
    for (int b = 0; b < z->blocks; b++)
        y.re.a[b] = delta * c.a[b];
    TRY(gref_spectral_low_inverse(column, z, y));
    for (int j = 0; j < z->m; j++)
        for (int i = 0; i < z->m; i++) {
            int k = (i / cols - j / cols + rows) % rows, l = (i % cols - j % cols + cols) % cols;
            GREF_AT(C, i, j) = column.a[(size_t)k * cols + l];
        }
    return GREF_OK;
}
