/* Column-major matrices: allocation, views, and the O(mn) operations that need no BLAS. */
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

void *gref_alloc(size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size)
        return NULL;
    return calloc(count == 0 ? 1 : count, size == 0 ? 1 : size);
}

char *gref_strdup(const char *s)
{
    size_t size = strlen(s) + 1;
    char *copy = gref_alloc(size, 1);
    if (copy != NULL)
        memcpy(copy, s, size);
    return copy;
}

char *gref_format(const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int length = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *text = length < 0 ? NULL : gref_alloc((size_t)length + 1, 1);
    if (text != NULL)
        vsnprintf(text, (size_t)length + 1, fmt, again);
    va_end(again);
    return text;
}

char *gref_text(void (*write)(FILE *f, const void *what), const void *what)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    if (f == NULL)
        return NULL;
    write(f, what);
    bool whole = ferror(f) == 0;
    if (fclose(f) == 0 && whole)
        return text;
    free(text);
    return NULL;
}

/**
 * A zeroed m x n matrix with ld = max(1, m). Whoever calls this calls gref_mat_free.
 *
 * @return GREF_OK; GREF_ERR_RANGE for a negative size; GREF_ERR_NOMEM. *A is unchanged on error.
 */
gref_status gref_mat_new(gref_mat *A, int m, int n)
{
    REQUIRE(m >= 0 && n >= 0, GREF_ERR_RANGE, "a matrix cannot be %d x %d", m, n);
    int ld = m > 0 ? m : 1;
    double *a = gref_alloc((size_t)ld * (size_t)n, sizeof *a);
    REQUIRE(a != NULL, GREF_ERR_NOMEM, "no memory for a %d x %d matrix (%.1f MiB)", m, n,
            (double)m * n * sizeof *a / 1048576.0);
    *A = (gref_mat){a, m, n, ld};
    return GREF_OK;
}

/** Frees what gref_mat_new gave and zeroes *A. Accepts {0}, and a second call. Never pass a view. */
void gref_mat_free(gref_mat *A)
{
    free(A->a);
    *A = (gref_mat){0};
}

/** The same matrix, read-only. */
gref_cmat gref_const(gref_mat A)
{
    return (gref_cmat){A.a, A.m, A.n, A.ld};
}

/** The m x n block whose top left entry is (i, j); shares storage with A. The block must fit. */
gref_mat gref_mat_view(gref_mat A, int i, int j, int m, int n)
{
    return (gref_mat){A.a == NULL ? NULL : &GREF_AT(A, i, j), m, n, A.ld};
}

/** As gref_mat_view, read-only. */
gref_cmat gref_cmat_view(gref_cmat A, int i, int j, int m, int n)
{
    return (gref_cmat){A.a == NULL ? NULL : &GREF_AT(A, i, j), m, n, A.ld};
}

/** A(i, j) = value. */
void gref_mat_fill(gref_mat A, double value)
{
    for (int j = 0; j < A.n; j++)
        for (int i = 0; i < A.m; i++)
            GREF_AT(A, i, j) = value;
}

/** A = I, also for a rectangular A. */
void gref_mat_identity(gref_mat A)
{
    gref_mat_fill(A, 0.0);
    for (int i = 0; i < A.m && i < A.n; i++)
        GREF_AT(A, i, i) = 1.0;
}

/** B = A, same shape. Exact. */
void gref_mat_copy(gref_mat B, gref_cmat A)
{
    for (int j = 0; j < A.n; j++)
        if (A.m > 0)
            memcpy(&GREF_AT(B, 0, j), &GREF_AT(A, 0, j), (size_t)A.m * sizeof(double));
}

/** B = A^T, B is n x m and does not alias A. Exact. Blocked, so that a large A stays in cache. */
void gref_mat_transpose(gref_mat B, gref_cmat A)
{
    enum { BLOCK = 32 };
    for (int jb = 0; jb < A.n; jb += BLOCK)
        for (int ib = 0; ib < A.m; ib += BLOCK)
            for (int j = jb; j < A.n && j < jb + BLOCK; j++)
                for (int i = ib; i < A.m && i < ib + BLOCK; i++)
                    GREF_AT(B, j, i) = GREF_AT(A, i, j);
}

/** B = B + s A, same shape; B may be A. */
void gref_mat_axpy(gref_mat B, double s, gref_cmat A)
{
    for (int j = 0; j < A.n; j++)
        for (int i = 0; i < A.m; i++)
            GREF_AT(B, i, j) += s * GREF_AT(A, i, j);
}

/** A = diag(d) A, d is m x 1. */
void gref_mat_scale_rows(gref_mat A, gref_cmat d)
{
    for (int j = 0; j < A.n; j++)
        for (int i = 0; i < A.m; i++)
            GREF_AT(A, i, j) *= GREF_AT(d, i, 0);
}

/** A = A diag(d), d is n x 1. */
void gref_mat_scale_cols(gref_mat A, gref_cmat d)
{
    for (int j = 0; j < A.n; j++)
        for (int i = 0; i < A.m; i++)
            GREF_AT(A, i, j) *= GREF_AT(d, j, 0);
}

/** A = (A + A^T)/2, square. */
void gref_mat_symmetrise(gref_mat A)
{
    enum { BLOCK = 32 };
    for (int jb = 0; jb < A.n; jb += BLOCK)
        for (int ib = jb; ib < A.n; ib += BLOCK)
            for (int j = jb; j < A.n && j < jb + BLOCK; j++)
                for (int i = ib > j ? ib : j + 1; i < A.n && i < ib + BLOCK; i++) {
                    double mean = 0.5 * (GREF_AT(A, i, j) + GREF_AT(A, j, i));
                    GREF_AT(A, i, j) = mean;
                    GREF_AT(A, j, i) = mean;
                }
}

/** Copies the lower triangle of a square A over its upper one. Exact. */
void gref_mat_mirror_lower(gref_mat A)
{
    enum { BLOCK = 32 };
    for (int jb = 0; jb < A.n; jb += BLOCK)
        for (int ib = jb; ib < A.n; ib += BLOCK)
            for (int j = jb; j < A.n && j < jb + BLOCK; j++)
                for (int i = ib > j ? ib : j + 1; i < A.n && i < ib + BLOCK; i++)
                    GREF_AT(A, j, i) = GREF_AT(A, i, j);
}

/* A sum of squares kept as scale^2 * ssq, so that it neither overflows nor underflows (dlassq). */
static void lassq(double x, double *scale, double *ssq)
{
    double ax = fabs(x);
    if (ax == 0.0)
        return;
    if (*scale < ax) {
        double r = *scale / ax;
        *ssq = 1.0 + *ssq * r * r;
        *scale = ax;
    } else {
        double r = ax / *scale;
        *ssq += r * r;
    }
}

/* |A - B|_F, or |A|_F when B has no storage: plainly where squares are safe, else scaled. */
static double norm_fro(gref_cmat A, gref_cmat B)
{
    double sum = 0.0;
    for (int j = 0; j < A.n; j++)
        for (int i = 0; i < A.m; i++) {
            double x = GREF_AT(A, i, j) - (B.a == NULL ? 0.0 : GREF_AT(B, i, j));
            sum += x * x;
        }
    if (isnan(sum) || (sum > 0x1p-900 && sum < 0x1p1000))
        return sqrt(sum);
    double scale = 0.0, ssq = 1.0;
    for (int j = 0; j < A.n; j++)
        for (int i = 0; i < A.m; i++)
            lassq(GREF_AT(A, i, j) - (B.a == NULL ? 0.0 : GREF_AT(B, i, j)), &scale, &ssq);
    return isinf(scale) ? INFINITY : scale * sqrt(ssq);
}

/** |A|_F, relative error <= (mn + 8) eps, no overflow or underflow; NaN if an entry is NaN. */
double gref_mat_norm_fro(gref_cmat A)
{
    return norm_fro(A, (gref_cmat){0});
}

/** |A - B|_F, same shapes; NaN if an entry is NaN. */
double gref_mat_diff_fro(gref_cmat A, gref_cmat B)
{
    return norm_fro(A, B);
}

/** max |A(i, j)|; NaN if an entry is NaN, 0 for an empty A. Exact. */
double gref_mat_norm_max(gref_cmat A)
{
    double best = 0.0;
    for (int j = 0; j < A.n; j++)
        for (int i = 0; i < A.m; i++) {
            double a = fabs(GREF_AT(A, i, j));
            if (!(a <= best))
                best = a;
            if (isnan(best))
                return best;
        }
    return best;
}

/** max |A(i, j) - B(i, j)|, same shapes; NaN if an entry is NaN. */
double gref_mat_diff_max(gref_cmat A, gref_cmat B)
{
    double best = 0.0;
    for (int j = 0; j < A.n; j++)
        for (int i = 0; i < A.m; i++) {
            double d = fabs(GREF_AT(A, i, j) - GREF_AT(B, i, j));
            if (!(d <= best))
                best = d;
            if (isnan(best))
                return best;
        }
    return best;
}

/** Sum of the diagonal of a square A. */
double gref_mat_trace(gref_cmat A)
{
    double trace = 0.0;
    for (int i = 0; i < A.n; i++)
        trace += GREF_AT(A, i, i);
    return trace;
}

/** True if no entry is NaN or infinite; else *i, *j (either may be NULL) name the first, by column. */
bool gref_mat_finite(gref_cmat A, int *i, int *j)
{
    for (int c = 0; c < A.n; c++)
        for (int r = 0; r < A.m; r++)
            if (!isfinite(GREF_AT(A, r, c))) {
                if (i != NULL)
                    *i = r;
                if (j != NULL)
                    *j = c;
                return false;
            }
    return true;
}

gref_status gref_require_finite(gref_cmat A, const char *name)
{
    int i = 0, j = 0;
    REQUIRE(gref_mat_finite(A, &i, &j), GREF_ERR_NONFINITE,
            "%s (%d x %d) holds %g at row %d, column %d", name, A.m, A.n, GREF_AT(A, i, j), i, j);
    return GREF_OK;
}

gref_status gref_require_shape(gref_cmat A, int m, int n, const char *name)
{
    REQUIRE(A.m == m && A.n == n, GREF_ERR_SHAPE, "%s is %d x %d, not %d x %d", name, A.m, A.n, m,
            n);
    REQUIRE(A.a != NULL || m == 0 || n == 0, GREF_ERR_SHAPE, "%s has no storage", name);
    return GREF_OK;
}
