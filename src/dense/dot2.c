/*
 * Products in twice the working precision, without BLAS: the residuals on which certificates rest.
 *
 *   C = op(A) op(B) as H + L, H the rounded sum, L its error (Dot2 of Ogita, Rump & Oishi 2005):
 *   every term a b is split without error by FMA, p + e = a b; every addition by Knuth's TwoSum.
 *
 * Entry (i, j) is one Dot2 over k = 0, 1, ... in this order, whatever the tile, the kernel and the
 * number of threads: the bits depend on nothing but the inputs. -ffast-math would destroy it
 * silently; doctor's probe and test_dense_bounds.c hold the error against quadruple precision.
 *
 * Tiles of MR x NR entries stay in vector registers; A and B are packed, k runs in full, so that no
 * partial sum is ever stored. Terms that are zero from some k on (triangular factors) are left out:
 * they change no bit. Threads take columns as they come. Vectors are GCC's; the instruction set is
 * chosen when the program runs.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/internal.h"
#include "internal.h"
#include <gref/backend.h>

enum { NR = 3, MAX_MR = 16, MAX_THREADS = 16, SMALL = 48, BLOCK = GREF_DOT2_BLOCK };

/* One tile: a packed as k x MR, b as k x NR; h, l get MR x NR, column by column. */
typedef void tile_kernel(int k, const double *a, const double *b, double *h, double *l);

/*
 * The same text for every vector width: V doubles a vector, two vectors a column. Sums run over
 * blocks of BLOCK terms, which are then added up in the same manner: the error grows with
 * (k/BLOCK)^2 + BLOCK^2, not with k^2.
 */
#define DEFINE_KERNEL(name, V, attribute)                                                          \
    typedef double name##_vec __attribute__((vector_size(8 * V), aligned(8)));                     \
    attribute static void name(int k, const double *a, const double *b, double *h, double *l)      \
    {                                                                                              \
        name##_vec hi[2 * NR], lo[2 * NR], HI[2 * NR], LO[2 * NR];                                 \
        for (int q = 0; q < 2 * NR; q++)                                                           \
            HI[q] = LO[q] = (name##_vec){0};                                                       \
        for (int from = 0; from < k; from += BLOCK) {                                              \
            for (int q = 0; q < 2 * NR; q++)                                                       \
                hi[q] = lo[q] = (name##_vec){0};                                                   \
            for (int p = from; p < k && p < from + BLOCK; p++, a += 2 * V, b += NR) {              \
                const name##_vec *av = (const name##_vec *)(const void *)a;                        \
                name##_vec x[2] = {av[0], av[1]};                                                  \
                for (int j = 0; j < NR; j++) {                                                     \
                    name##_vec y = (name##_vec){0} + b[j];                                         \
                    for (int r = 0; r < 2; r++) {                                                  \
                        name##_vec prod = x[r] * y, err;                                           \
                        for (int q = 0; q < V; q++)                                                \
                            err[q] = __builtin_fma(x[r][q], y[q], -prod[q]);                       \
                        name##_vec old = hi[2 * j + r], sum = old + prod, part = sum - old;        \
                        lo[2 * j + r] += ((old - (sum - part)) + (prod - part)) + err;             \
                        hi[2 * j + r] = sum;                                                       \
                    }                                                                              \
                }                                                                                  \
            }                                                                                      \
            for (int q = 0; q < 2 * NR; q++) {                                                     \
                name##_vec sum = HI[q] + hi[q], part = sum - HI[q];                                \
                LO[q] += ((HI[q] - (sum - part)) + (hi[q] - part)) + lo[q];                        \
                HI[q] = sum;                                                                       \
            }                                                                                      \
        }                                                                                          \
        memcpy(h, HI, sizeof HI);                                                                  \
        memcpy(l, LO, sizeof LO);                                                                  \
    }

#if defined(__x86_64__)
DEFINE_KERNEL(kernel_avx512, 8, __attribute__((target("avx512f,fma"), optimize("O3"))))
DEFINE_KERNEL(kernel_avx2, 4, __attribute__((target("avx2,fma"), optimize("O3"))))
#endif
DEFINE_KERNEL(kernel_plain, 2, __attribute__((optimize("O2"))))

typedef struct {
    tile_kernel *run;
    int mr;
} kernel;

static kernel choose_kernel(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f"))
        return (kernel){kernel_avx512, 16};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return (kernel){kernel_avx2, 8};
#endif
    return (kernel){kernel_plain, 4};
}

/* What one thread does: tile columns of C, until none is left. */
typedef struct {
    kernel kern;
    gref_mat H, L;
    const double *a;  /* packed: tiles of mr rows, each k x mr */
    const int *reach; /* of each tile of a: terms from there on are zero */
    gref_cmat B;
    bool trans_b, lower;
    int k;
    atomic_int *next; /* the first column that nobody has taken */
    double *b;        /* k x NR scratch */
} job;

/* The number of leading terms, of k with `width` entries each, behind which all are zero. */
static int reach_of(const double *packed, int k, int width)
{
    for (; k > 0; k--)
        for (int r = 0; r < width; r++)
            if (packed[(size_t)(k - 1) * width + r] != 0.0)
                return k;
    return 0;
}

static void pack_b(const job *w, int j)
{
    for (int c = 0; c < NR; c++)
        for (int p = 0; p < w->k; p++)
            w->b[(size_t)p * NR + c] =
                j + c < w->H.n ? (w->trans_b ? GREF_AT(w->B, j + c, p) : GREF_AT(w->B, p, j + c))
                               : 0.0;
}

static void *run_job(void *argument)
{
    const job *w = argument;
    int mr = w->kern.mr;
    double h[MAX_MR * NR], l[MAX_MR * NR];
    for (int j = atomic_fetch_add(w->next, NR); j < w->H.n; j = atomic_fetch_add(w->next, NR)) {
        pack_b(w, j);
        int reach = reach_of(w->b, w->k, NR);
        for (int i = w->lower ? j / mr * mr : 0; i < w->H.m; i += mr) {
            int k = w->reach[i / mr] < reach ? w->reach[i / mr] : reach;
            w->kern.run(k, w->a + (size_t)i * w->k, w->b, h, l);
            for (int c = 0; c < NR && j + c < w->H.n; c++)
                for (int r = 0; r < mr && i + r < w->H.m; r++) {
                    GREF_AT(w->H, i + r, j + c) = h[c * mr + r];
                    GREF_AT(w->L, i + r, j + c) = l[c * mr + r];
                }
        }
    }
    return NULL;
}

static void pack_a(double *a, int *reach, gref_cmat A, bool trans_a, int m, int k, int mr)
{
    for (int i = 0; i < m; i += mr, a += (size_t)mr * (size_t)k) {
        for (int p = 0; p < k; p++)
            for (int r = 0; r < mr; r++)
                a[(size_t)p * mr + r] =
                    i + r < m ? (trans_a ? GREF_AT(A, p, i + r) : GREF_AT(A, i + r, p)) : 0.0;
        reach[i / mr] = reach_of(a, k, mr);
    }
}

/* Shares the columns among threads; a thread that cannot be had is done without. */
static void run_jobs(job *jobs, int count)
{
    pthread_t threads[MAX_THREADS];
    bool started[MAX_THREADS] = {false};
    for (int q = 1; q < count; q++)
        started[q] = pthread_create(&threads[q], NULL, run_job, &jobs[q]) == 0;
    run_job(&jobs[0]);
    for (int q = 1; q < count; q++)
        if (started[q])
            pthread_join(threads[q], NULL);
}

/* Both products; only the tiles that meet the lower triangle when `lower`. */
static gref_status product(gref_mat H, gref_mat L, gref_cmat A, bool trans_a, gref_cmat B,
                           bool trans_b, bool lower)
{
    int m = trans_a ? A.n : A.m, k = trans_a ? A.m : A.n;
    int kb = trans_b ? B.n : B.m, n = trans_b ? B.m : B.n;
    SCOPED_MEM double *a = NULL, *b = NULL;
    SCOPED_MEM int *reach = NULL;
    REQUIRE(k == kb && H.m == m && H.n == n && L.m == m && L.n == n, GREF_ERR_SHAPE,
            "product of %d x %d and %d x %d into %d x %d", m, k, kb, n, H.m, H.n);
    kernel kern = choose_kernel();
    int tiles = (m + kern.mr - 1) / kern.mr, threads = 1;
    if (m > SMALL && n > SMALL)
        threads = gref_backend_query().threads;
    threads = threads < 1 ? 1 : threads > MAX_THREADS ? MAX_THREADS : threads;
    a = gref_alloc((size_t)tiles * kern.mr * (size_t)k, sizeof *a);
    b = gref_alloc((size_t)threads * NR * (size_t)k, sizeof *b);
    reach = gref_alloc((size_t)tiles, sizeof *reach);
    REQUIRE(a != NULL && b != NULL && reach != NULL, GREF_ERR_NOMEM,
            "no memory to pack a %d x %d product", m, n);
    pack_a(a, reach, A, trans_a, m, k, kern.mr);
    job jobs[MAX_THREADS];
    atomic_int next = 0;
    for (int q = 0; q < threads; q++)
        jobs[q] = (job){
            kern, H, L, a, reach, B, trans_b, lower, k, &next, b + (size_t)q * NR * (size_t)k};
    run_jobs(jobs, threads);
    return GREF_OK;
}

/**
 * Product in twice the working precision.
 *
 *     H + L = op(A) op(B) + D,   |D(i, j)| <= c u^2 (|op(A)| |op(B)|)(i, j),   |L| <= (N + B) u |op(A)||op(B)|
 *     c = (N + 1)(N + B) + B^2 up to 1 + 2^-10,   B = 32 terms a block, N = k/B blocks
 *
 * with u = 2^-53, if no product underflows (an underflow adds at most k 2^-1022 an entry). Within a
 * block this is Dot2's gamma_B^2; a block's low part is at most B u of its terms; adding N blocks
 * up errs by u times what the low sum holds, at most (N + B) u in all, N + 1 times.
 *
 * @param[out] H, L  m x n; alias nothing. Undefined on error.
 * @param[in]  A, B  op(A) m x k, op(B) k x n; op is the transpose where the flag says so.
 * @return GREF_OK; GREF_ERR_SHAPE; GREF_ERR_NOMEM.
 * @cost   9 floating-point operations a term; as many threads as the BLAS uses. Same bits for any number.
 * @see    Ogita, Rump & Oishi, SIAM J. Sci. Comput. 26 (2005). Tests: test_dense_bounds.c
 */
gref_status gref_dot2_gemm(gref_mat H, gref_mat L, gref_cmat A, bool trans_a, gref_cmat B,
                           bool trans_b)
{
    return product(H, L, A, trans_a, B, trans_b, false);
}

/**
 * The lower triangle of a square product, and its mirror above: half the cost of gref_dot2_gemm.
 *
 * The bound holds for the lower triangle; for the upper one only as far as op(A) op(B) itself is
 * symmetric, which a product of rounded factors is not.
 */
gref_status gref_dot2_lower(gref_mat H, gref_mat L, gref_cmat A, bool trans_a, gref_cmat B,
                            bool trans_b)
{
    TRY(product(H, L, A, trans_a, B, trans_b, true));
    gref_mat_mirror_lower(H);
    gref_mat_mirror_lower(L);
    return GREF_OK;
}

/* Adds x to the double-double *h + *l. */
static void accumulate(double *h, double *l, double x)
{
    double s = *h + x, part = s - *h;
    *l += (*h - (s - part)) + (x - part);
    *h = s;
}

/**
 * Inner product of two matrices in twice the working precision: sum of A(i, j) B(i, j).
 *
 * Column by column. With S_j the sum of |A||B| in column j, the low part of its sum takes 2 m
 * additions of terms that add up to (m + 1) u S_j; that of the whole 2 n additions of terms that
 * add up to (m + n + 1) u S.
 *
 * @return the sum rounded once: relative error of u, plus at most 2 (m + n + 1)^2 u^2 sum |A||B|
 *         (gref_inner_error_up in bound.h).
 */
double gref_dot2(gref_cmat A, gref_cmat B)
{
    double h = 0.0, l = 0.0;
    for (int j = 0; j < A.n; j++) {
        double hj = 0.0, lj = 0.0;
        for (int i = 0; i < A.m; i++) {
            double x = GREF_AT(A, i, j), y = GREF_AT(B, i, j), p = x * y;
            accumulate(&hj, &lj, p);
            lj += __builtin_fma(x, y, -p);
        }
        accumulate(&h, &l, hj);
        l += lj;
    }
    return h + l;
}
