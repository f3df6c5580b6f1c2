/*
 * The separable 2-D DFT of a real image, unitary, by matrix products.
 *
 *     X(k, l) = n^-1/2 sum_{i,j} x(i, j) exp(-2 pi i (k i/M + l j/N)),   n = M N, any M, N >= 1
 *
 *     symbol    variable  shape
 *     x         x         n x 1, row-major: as a column-major matrix it is N x M
 *     X         re, im    (N/2 + 1) x M: column k, row l <= N/2; X(M - k, N - l) is its conjugate
 *     cos, sin  C, S      (L/2 + 1) x (L/2 + 1) and (L - 1)/2 x (L/2 + 1) for an axis of length L
 *
 * An even sequence has a cosine transform, an odd one a sine transform, and either is symmetric
 * itself; so the even and the odd part of each line (fold) are transformed at the frequencies
 * 0..L/2 and put together again (unfold). That leaves a quarter of the operations of the products
 * with the whole exp(-2 pi i j l/L).
 */
#include <math.h>
#include <stdint.h>

#include "base/internal.h"
#include "dense/internal.h"
#include "internal.h"

void gref_turn(double *cosine, double *sine, int64_t k, int N)
{
    const long double quarter = 1.5707963267948966192313216916397514421L;
    int64_t p = k % N, turn = (p < 0 ? p + N : p);
    int64_t q = (8 * turn + N) / (2 * (int64_t)N); /* nearest quarter turn */
    long double x = quarter * (long double)(4 * turn - q * N) / (long double)N; /* |x| <= pi/4 */
    double c = (double)cosl(x), s = (double)sinl(x);
    switch (q & 3) {
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

static gref_status axis_new(gref_axis *axis, int length)
{
    double unused;
    axis->even = length / 2 + 1;
    axis->odd = (length - 1) / 2;
    TRY(gref_mat_new(&axis->C, axis->even, axis->even));
    TRY(gref_mat_new(&axis->S, axis->odd, axis->even));
    for (int l = 0; l < axis->even; l++) {
        for (int j = 0; j < axis->even; j++)
            gref_turn(&GREF_AT(axis->C, j, l), &unused, (int64_t)j * l, length);
        for (int j = 0; j < axis->odd; j++)
            gref_turn(&unused, &GREF_AT(axis->S, j, l), (int64_t)(j + 1) * l, length);
    }
    return GREF_OK;
}

gref_status gref_dft_new(gref_dft *out_dft, int rows, int cols)
{
    SCOPED(gref_dft) f = {.rows = rows, .cols = cols, .half = cols / 2 + 1};
    TRY(axis_new(&f.across, cols));
    TRY(axis_new(&f.down, rows));
    *out_dft = TAKE(f);
    return GREF_OK;
}

void gref_dft_free(gref_dft *f)
{
    gref_mat *all[] = {&f->across.C, &f->across.S, &f->down.C, &f->down.S};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        gref_mat_free(all[k]);
    *f = (gref_dft){0};
}

/* E = even part of the columns of X (entries 0..L/2), O = odd part (entries 1..(L - 1)/2),
 * unhalved. */
static void fold_columns(gref_mat E, gref_mat O, gref_cmat X)
{
    int L = X.m;
    for (int i = 0; i < X.n; i++)
        for (int j = 0; j < E.m; j++) {
            bool paired = j >= 1 && j <= O.m;
            GREF_AT(E, j, i) = GREF_AT(X, j, i) + (paired ? GREF_AT(X, L - j, i) : 0.0);
            if (paired)
                GREF_AT(O, j - 1, i) = GREF_AT(X, j, i) - GREF_AT(X, L - j, i);
        }
}

/* As fold_columns, for the rows of X. */
static void fold_rows(gref_mat E, gref_mat O, gref_cmat X)
{
    int L = X.n;
    for (int j = 0; j < E.n; j++) {
        bool paired = j >= 1 && j <= O.n;
        for (int i = 0; i < X.m; i++)
            GREF_AT(E, i, j) = GREF_AT(X, i, j) + (paired ? GREF_AT(X, i, L - j) : 0.0);
        for (int i = 0; paired && i < X.m; i++)
            GREF_AT(O, i, j - 1) = GREF_AT(X, i, j) - GREF_AT(X, i, L - j);
    }
}

/*
 * The axis that both transforms of W = [re; im] (2h x L) share: P = W cos, Q = W sin at the
 * frequencies 0..L/2; at L - l they are P and -Q.
 */
static gref_status transform_rows(gref_dft_work *w, const gref_axis *axis)
{
    fold_rows(w->rows_even, w->rows_odd, gref_const(w->W));
    TRY(gref_gemm(w->P, 1.0, gref_const(w->rows_even), false, gref_const(axis->C), false, 0.0));
    return gref_gemm(w->Q, 1.0, gref_const(w->rows_odd), false, gref_const(axis->S), false, 0.0);
}

/* [re; im] = scale (P + sign i Q) for P = [P_re; P_im], Q likewise: column l, and L - l with -Q. */
static void unfold_rows(gref_mat re, gref_mat im, gref_cmat P, gref_cmat Q, double sign,
                        double scale)
{
    int L = re.n, h = re.m;
    for (int l = 0; l < P.n; l++)
        for (int mirror = 0; mirror < (l > 0 && 2 * l < L ? 2 : 1); mirror++) {
            int at = mirror ? L - l : l;
            double s = mirror ? -sign : sign;
            for (int k = 0; k < h; k++) {
                GREF_AT(re, k, at) = scale * (GREF_AT(P, k, l) - s * GREF_AT(Q, h + k, l));
                GREF_AT(im, k, at) = scale * (GREF_AT(P, h + k, l) + s * GREF_AT(Q, k, l));
            }
        }
}

void gref_dft_work_free(gref_dft_work *w)
{
    gref_mat *all[] = {&w->even, &w->odd, &w->W, &w->P, &w->Q, &w->rows_even, &w->rows_odd};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        gref_mat_free(all[k]);
}

gref_status gref_dft_work_new(gref_dft_work *out_work, const gref_dft *f)
{
    int M = f->rows, h = f->half;
    SCOPED(gref_dft_work) w = {0};
    TRY(gref_mat_new(&w.even, f->across.even, M));
    TRY(gref_mat_new(&w.odd, f->across.odd, M));
    TRY(gref_mat_new(&w.W, 2 * h, M));
    TRY(gref_mat_new(&w.P, 2 * h, f->down.even));
    TRY(gref_mat_new(&w.Q, 2 * h, f->down.even));
    TRY(gref_mat_new(&w.rows_even, 2 * h, f->down.even));
    TRY(gref_mat_new(&w.rows_odd, 2 * h, f->down.odd));
    *out_work = TAKE(w);
    return GREF_OK;
}

gref_status gref_dft_forward(gref_mat re, gref_mat im, const gref_dft *f, gref_dft_work *w,
                             gref_cmat x)
{
    int M = f->rows, N = f->cols, h = f->half;
    gref_cmat X = {x.a, N, M, N};
    TRY(gref_require_shape(x, M * N, 1, "image of a DFT"));
    TRY(gref_require_shape(gref_const(re), h, M, "spectrum"));
    TRY(gref_require_shape(gref_const(im), h, M, "spectrum"));
    fold_columns(w->even, w->odd, X);
    TRY(gref_gemm(gref_mat_view(w->W, 0, 0, h, M), 1.0, gref_const(f->across.C), false,
                  gref_const(w->even), false, 0.0));
    TRY(gref_gemm(gref_mat_view(w->W, h, 0, h, M), -1.0, gref_const(f->across.S), true,
                  gref_const(w->odd), false, 0.0));
    TRY(transform_rows(w, &f->down));
    unfold_rows(re, im, gref_const(w->P), gref_const(w->Q), -1.0, 1.0 / sqrt((double)M * N));
    return GREF_OK;
}

/* W = [re; im], each frequency l > 0 that stands for N - l too counted twice. */
static void stack_weighted(gref_mat W, gref_cmat re, gref_cmat im, int N)
{
    int h = re.m;
    for (int k = 0; k < re.n; k++)
        for (int l = 0; l < h; l++) {
            double weight = l > 0 && 2 * l < N ? 2.0 : 1.0;
            GREF_AT(W, l, k) = weight * GREF_AT(re, l, k);
            GREF_AT(W, h + l, k) = weight * GREF_AT(im, l, k);
        }
}

gref_status gref_dft_inverse(gref_mat x, const gref_dft *f, gref_dft_work *w, gref_cmat re,
                             gref_cmat im)
{
    int M = f->rows, N = f->cols, h = f->half;
    gref_mat top = gref_mat_view(w->W, 0, 0, h, M), below = gref_mat_view(w->W, h, 0, h, M),
             X = {x.a, N, M, N};
    TRY(gref_require_shape(gref_const(x), M * N, 1, "image of a DFT"));
    TRY(gref_require_shape(re, h, M, "spectrum"));
    TRY(gref_require_shape(im, h, M, "spectrum"));
    stack_weighted(w->W, re, im, N);
    TRY(transform_rows(w, &f->down));
    unfold_rows(top, below, gref_const(w->P), gref_const(w->Q), 1.0, 1.0 / sqrt((double)M * N));
    TRY(gref_gemm(w->even, 1.0, gref_const(f->across.C), false, gref_const(top), false, 0.0));
    TRY(gref_gemm(w->odd, 1.0, gref_const(f->across.S), false, gref_const(below), false, 0.0));
    for (int i = 0; i < M; i++)
        for (int j = 0; j < w->even.m; j++) {
            double odd = j >= 1 && j <= w->odd.m ? GREF_AT(w->odd, j - 1, i) : 0.0;
            GREF_AT(X, j, i) = GREF_AT(w->even, j, i) - odd;
            if (j >= 1 && j <= w->odd.m)
                GREF_AT(X, N - j, i) = GREF_AT(w->even, j, i) + odd;
        }
    return GREF_OK;
}
