/*
 * Shapes, numbers and comparisons for the self-test: nothing here calls a BLAS.
 *
 *   step = call / variants, and each variant once a step, in an order that changes from step to
 *   step: were it fixed, a fault of every 50th call would meet half of the variants only.
 *   step 0, 1, 2: all sizes 5, 37, 129 (threaded, and above the block sizes of LAPACK); then the
 *   slots take turns in going through all residues mod 16, where kernels have their edges, while
 *   the other sizes are edges themselves or random.
 */
#include <math.h>
#include <stdlib.h>

#include <gref/random.h>

#include "base/internal.h"
#include "internal.h"

enum { SEED = 20240229, CALL_SHIFT = 32, ROOM = 1 << 19 };

gref_status gref_probe_open(gref_probe *p, const gref_probe_row *row)
{
    double *room = gref_alloc(ROOM, sizeof *room);
    REQUIRE(room != NULL, GREF_ERR_NOMEM, "no memory for the self-test (%.1f MiB)",
            ROOM * sizeof *room / 1048576.0);
    *p = (gref_probe){.stream = (uint32_t)(row - gref_probe_rows),
                      .dims = row->dims,
                      .variants = row->variants,
                      .room = room,
                      .size = ROOM};
    return GREF_OK;
}

void gref_probe_free(gref_probe *p)
{
    free(p->room);
    *p = (gref_probe){0};
}

void gref_probe_begin(gref_probe *p, int call)
{
    p->call = call;
    p->variant = (call + call / p->variants) % p->variants;
    p->drawn = 0;
    p->exact = call / p->variants % 2 == 1;
    p->ratio = 0.0;
    p->finite = true;
    p->shape[0] = '\0';
    p->used = 0;
}

/* Fills A with the next uniform numbers of this call. */
static void draw(gref_probe *p, gref_mat A)
{
    gref_random_uniform(A, SEED, GREF_STREAM_TEST, p->stream,
                        ((uint64_t)p->call << CALL_SHIFT) + p->drawn);
    p->drawn += (uint64_t)A.m * (uint64_t)A.n;
}

int gref_probe_int(gref_probe *p, int from, int to)
{
    double u;
    draw(p, (gref_mat){&u, 1, 1, 1});
    return from + (int)(u * (to - from + 1));
}

int gref_probe_size(gref_probe *p, int slot)
{
    static const int fixed[] = {5, 37, 129};
    static const int edges[] = {1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65};
    static const int longer[] = {331, 519,
                                 1031}; /* beyond the blocks of a GEMM, other sizes small */
    enum { N_FIXED = sizeof fixed / sizeof *fixed, N_EDGES = sizeof edges / sizeof *edges };
    int step = p->call / p->variants;
    if (step < N_FIXED)
        return fixed[step];
    step -= N_FIXED;
    if (p->dims == 3 && step % 20 == 19)
        return slot == step / 20 % 3 ? longer[gref_probe_int(p, 0, 2)] : gref_probe_int(p, 1, 16);
    if (slot == step % p->dims)
        return 1 + step / p->dims % 16 + 16 * gref_probe_int(p, 0, 2);
    return gref_probe_int(p, 0, 1) ? edges[gref_probe_int(p, 0, N_EDGES - 1)]
                                   : gref_probe_int(p, 1, 48);
}

double gref_probe_scalar(gref_probe *p)
{
    static const double values[] = {1.0, 0.0, -1.0, 2.0, -0.375}; /* 2 bits: integers stay exact */
    return values[gref_probe_int(p, 0, 4)];
}

gref_status gref_probe_new(gref_probe *p, gref_mat *A, int m, int n)
{
    static const int gaps[] = {1, 0, 3};
    int gap = gaps[p->call / p->variants % 3], ld = m + gap > 0 ? m + gap : 1;
    size_t need = (size_t)ld * (size_t)n;
    REQUIRE(need <= p->size - p->used, GREF_ERR_NOMEM,
            "the self-test has no room for a %d x %d matrix", m, n);
    *A = (gref_mat){p->room + p->used, m, n, ld};
    p->used += need;
    gref_mat_fill(*A, 0.0);
    for (int j = 0; j < n; j++)
        for (int i = m; i < ld; i++)
            A->a[(size_t)j * (size_t)ld + i] = NAN;
    return GREF_OK;
}

gref_status gref_probe_copy(gref_probe *p, gref_mat *B, gref_cmat A)
{
    gref_status status = gref_probe_new(p, B, A.m, A.n);
    if (status == GREF_OK)
        gref_mat_copy(*B, A);
    return status;
}

gref_status gref_probe_op(gref_probe *p, gref_mat *B, gref_cmat A, bool trans)
{
    if (!trans)
        return gref_probe_copy(p, B, A);
    TRY(gref_probe_new(p, B, A.n, A.m));
    gref_mat_transpose(*B, A);
    return GREF_OK;
}

gref_status gref_probe_uniform(gref_probe *p, gref_mat *A, int m, int n)
{
    TRY(gref_probe_new(p, A, m, n));
    draw(p, *A);
    for (int j = 0; j < n; j++)
        for (int i = 0; i < m; i++)
            GREF_AT(*A, i, j) = 2.0 * GREF_AT(*A, i, j) - 1.0;
    return GREF_OK;
}

gref_status gref_probe_random(gref_probe *p, gref_mat *A, int m, int n)
{
    TRY(gref_probe_uniform(p, A, m, n));
    for (int j = 0; j < n; j++)
        for (int i = 0; i < m; i++) {
            double x = GREF_AT(*A, i, j);
            if (p->exact) {
                GREF_AT(*A, i, j) = floor(0x1p18 * x);
            } else { /* its exponent from bits of x that its size does not show */
                int e = (int)(fabs(x) * 0x1p24) % 16;
                GREF_AT(*A, i, j) = x * (e < 8 ? 1.0 / (1 << e) : 1 << (e - 7));
            }
        }
    return GREF_OK;
}

/* Off the diagonal below n^-1/2, so that L^-1 stays small; then rows times powers of 2. */
gref_status gref_probe_lower(gref_probe *p, gref_mat *L, int n)
{
    TRY(gref_probe_uniform(p, L, n, n));
    double below = n > 0 ? 1.0 / sqrt(n) : 0.0;
    for (int i = 0; i < n; i++) {
        double scale = ldexp(1.0, gref_probe_int(p, -6, 6));
        for (int j = 0; j < n; j++)
            GREF_AT(*L, i, j) *= j < i ? below * scale : 0.0;
        GREF_AT(*L, i, i) = scale * (1.0 + gref_probe_int(p, 0, 1023) / 1024.0);
    }
    return GREF_OK;
}

void gref_probe_poison_upper(gref_mat A)
{
    for (int j = 0; j < A.n; j++)
        for (int i = 0; i < j; i++)
            GREF_AT(A, i, j) = NAN;
}

/* r += b a; and w += |b| |a| unless w is NULL. Vectorised, as far as any processor can. */
__attribute__((optimize("O3"))) static void add_column(double *restrict r, double *restrict w,
                                                       const double *restrict a, double b, int m)
{
    for (int i = 0; i < m; i++)
        r[i] += b * a[i];
    if (w != NULL)
        for (int i = 0; i < m; i++)
            w[i] += fabs(b) * fabs(a[i]);
}

void gref_plain_gemm(gref_mat R, gref_mat W, double alpha, gref_cmat A, gref_cmat B, double beta,
                     gref_cmat C)
{
    gref_mat_fill(R, 0.0);
    gref_mat_fill(W, 0.0);
    for (int j = 0; j < R.n; j++) {
        double *r = &GREF_AT(R, 0, j), *w = W.a == NULL ? NULL : &GREF_AT(W, 0, j);
        for (int k = 0; k < A.n; k++)
            if (GREF_AT(B, k, j) != 0.0)
                add_column(r, w, &GREF_AT(A, 0, k), GREF_AT(B, k, j), R.m);
        for (int i = 0; i < R.m; i++) {
            double c = beta == 0.0 ? 0.0 : beta * GREF_AT(C, i, j);
            r[i] = alpha * r[i] + c;
            if (w != NULL)
                w[i] = fabs(alpha) * w[i] + fabs(c);
        }
    }
}

void gref_probe_hold(gref_probe *p, double err, double bound)
{
    double ratio = err == 0.0 ? 0.0 : err / bound;
    if (!isfinite(err))
        p->finite = false;
    if (!(ratio <= p->ratio))
        p->ratio = isnan(ratio) ? INFINITY : ratio;
}

void gref_probe_compare(gref_probe *p, gref_cmat C, gref_cmat R, gref_cmat W, double factor)
{
    for (int j = 0; j < C.n; j++) {
        for (int i = 0; i < C.m; i++)
            gref_probe_hold(p, fabs(GREF_AT(C, i, j) - GREF_AT(R, i, j)),
                            factor == 0.0 ? 0.0 : factor * GREF_AT(W, i, j));
        for (int i = C.m; i < C.ld; i++)
            if (!isnan(C.a[(size_t)j * (size_t)C.ld + i]))
                p->ratio = INFINITY;
    }
}
