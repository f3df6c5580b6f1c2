/*
 * A BLAS and LAPACK with one fault, for LD_PRELOAD: what gref doctor must find and gref study must
 * refuse.
 *
 *     GREF_FAULT=ROUTINE[/WHEN[/HOW]]
 *
 * ROUTINE is dgemm, dsyrk, dtrsm, dgemv, dpotrf, dpstrf, dsyevd or dgesdd; WHEN is "always", a
 * number N for every Nth call, or "mod5" for calls with k mod 16 = 5 (the order n where there is no
 * k); HOW is "entry" (one entry of the result off by 1e-6 of itself), "vector" (the same in the
 * eigen- or singular vectors) or "nan". Or a fault of the machine: "upward" and "flush" set the
 * floating-point mode of the process before main, "serial" makes OpenBLAS say that it was built
 * without threads. Without GREF_FAULT every call goes through.
 *
 * Both names of a BLAS routine are interposed: gref calls cblas_dgemm, LAPACK calls dgemm_. The
 * hidden lengths of Fortran's strings are passed on as 1; a callee that expects none does not
 * notice.
 */
#define _GNU_SOURCE /* RTLD_NEXT */
#include <dlfcn.h>
#include <fenv.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cblas.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

/* The three parts of GREF_FAULT. */
static char routine[32] = "", when[32] = "always", how[32] = "entry";

__attribute__((constructor)) static void begin(void)
{
    const char *fault = getenv("GREF_FAULT");
    if (fault == NULL)
        return;
    sscanf(fault, "%31[^/]/%31[^/]/%31s", routine, when, how);
    if (strcmp(routine, "upward") == 0)
        fesetround(FE_UPWARD);
#if defined(__x86_64__)
    if (strcmp(routine, "flush") == 0)
        _mm_setcsr(_mm_getcsr() | 0x8040); /* flush to zero, denormals are zero */
#endif
}

/* Above 0 inside a cblas_ routine: if that one calls the Fortran routine, it is the same call. */
static _Thread_local int depth;

/* Is the present call of `name` one to spoil? k is what "mod5" looks at. */
static bool strikes(const char *name, int k)
{
    static int calls;
    if (depth > 0 || strcmp(routine, name) != 0)
        return false;
    calls++;
    if (strncmp(when, "mod", 3) == 0)
        return k % 16 == atoi(when + 3);
    return strcmp(when, "always") == 0 || calls % atoi(when) == 0;
}

static void spoil(double *x)
{
    *x = strcmp(how, "nan") == 0 ? (double)NAN : *x == 0.0 ? 1e-6 : *x * (1.0 + 1e-6);
}

static bool in_vectors(void)
{
    return strcmp(how, "vector") == 0;
}

/* The function of this name in the next library, as a pointer of type T. */
#define NEXT(T, pointer, name)                                                                     \
    T *pointer;                                                                                    \
    do {                                                                                           \
        void *address_ = dlsym(RTLD_NEXT, (name));                                                 \
        if (address_ == NULL)                                                                      \
            abort();                                                                               \
        memcpy(&(pointer), &address_, sizeof(pointer));                                            \
    } while (0)

typedef void gemm_f(const char *, const char *, const int *, const int *, const int *,
                    const double *, const double *, const int *, const double *, const int *,
                    const double *, double *, const int *, size_t, size_t);
typedef void syrk_f(const char *, const char *, const int *, const int *, const double *,
                    const double *, const int *, const double *, double *, const int *, size_t,
                    size_t);
typedef void trsm_f(const char *, const char *, const char *, const char *, const int *,
                    const int *, const double *, const double *, const int *, double *, const int *,
                    size_t, size_t, size_t, size_t);
typedef void gemv_f(const char *, const int *, const int *, const double *, const double *,
                    const int *, const double *, const int *, const double *, double *, const int *,
                    size_t);
typedef void potrf_f(const char *, const int *, double *, const int *, int *, size_t);
typedef void pstrf_f(const char *, const int *, double *, const int *, int *, int *, const double *,
                     double *, int *, size_t);
typedef void syevd_f(const char *, const char *, const int *, double *, const int *, double *,
                     double *, const int *, int *, const int *, int *, size_t, size_t);
typedef void gesdd_f(const char *, const int *, const int *, double *, const int *, double *,
                     double *, const int *, double *, const int *, double *, const int *, int *,
                     int *, size_t);
gemm_f dgemm_;
syrk_f dsyrk_;
trsm_f dtrsm_;
gemv_f dgemv_;
potrf_f dpotrf_;
pstrf_f dpstrf_;
syevd_f dsyevd_;
gesdd_f dgesdd_;
int openblas_get_parallel(void);

void cblas_dgemm(const enum CBLAS_ORDER order, const enum CBLAS_TRANSPOSE ta,
                 const enum CBLAS_TRANSPOSE tb, const int m, const int n, const int k,
                 const double alpha, const double *a, const int lda, const double *b, const int ldb,
                 const double beta, double *c, const int ldc)
{
    NEXT(__typeof__(cblas_dgemm), next, "cblas_dgemm");
    depth++;
    next(order, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
    depth--;
    if (strikes("dgemm", k) && m > 0 && n > 0)
        spoil(&c[m / 2 + (size_t)(n / 2) * (size_t)ldc]);
}

void dgemm_(const char *ta, const char *tb, const int *m, const int *n, const int *k,
            const double *alpha, const double *a, const int *lda, const double *b, const int *ldb,
            const double *beta, double *c, const int *ldc, size_t la, size_t lb)
{
    (void)la;
    (void)lb;
    NEXT(gemm_f, next, "dgemm_");
    next(ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc, 1, 1);
    if (strikes("dgemm", *k) && *m > 0 && *n > 0)
        spoil(&c[*m / 2 + (size_t)(*n / 2) * (size_t)*ldc]);
}

void cblas_dsyrk(const enum CBLAS_ORDER order, const enum CBLAS_UPLO uplo,
                 const enum CBLAS_TRANSPOSE trans, const int n, const int k, const double alpha,
                 const double *a, const int lda, const double beta, double *c, const int ldc)
{
    NEXT(__typeof__(cblas_dsyrk), next, "cblas_dsyrk");
    depth++;
    next(order, uplo, trans, n, k, alpha, a, lda, beta, c, ldc);
    depth--;
    if (strikes("dsyrk", k) && n > 0)
        spoil(&c[(n - 1) + (size_t)(n - 1) * (size_t)ldc]);
}

void dsyrk_(const char *uplo, const char *trans, const int *n, const int *k, const double *alpha,
            const double *a, const int *lda, const double *beta, double *c, const int *ldc,
            size_t lu, size_t lt)
{
    (void)lu;
    (void)lt;
    NEXT(syrk_f, next, "dsyrk_");
    next(uplo, trans, n, k, alpha, a, lda, beta, c, ldc, 1, 1);
    if (strikes("dsyrk", *k) && *n > 0)
        spoil(&c[(*n - 1) + (size_t)(*n - 1) * (size_t)*ldc]);
}

void cblas_dtrsm(const enum CBLAS_ORDER order, const enum CBLAS_SIDE side,
                 const enum CBLAS_UPLO uplo, const enum CBLAS_TRANSPOSE trans,
                 const enum CBLAS_DIAG diag, const int m, const int n, const double alpha,
                 const double *a, const int lda, double *b, const int ldb)
{
    NEXT(__typeof__(cblas_dtrsm), next, "cblas_dtrsm");
    depth++;
    next(order, side, uplo, trans, diag, m, n, alpha, a, lda, b, ldb);
    depth--;
    if (strikes("dtrsm", m) && m > 0 && n > 0)
        spoil(&b[m / 2 + (size_t)(n / 2) * (size_t)ldb]);
}

void dtrsm_(const char *side, const char *uplo, const char *trans, const char *diag, const int *m,
            const int *n, const double *alpha, const double *a, const int *lda, double *b,
            const int *ldb, size_t ls, size_t lu, size_t lt, size_t ld)
{
    (void)ls;
    (void)lu;
    (void)lt;
    (void)ld;
    NEXT(trsm_f, next, "dtrsm_");
    next(side, uplo, trans, diag, m, n, alpha, a, lda, b, ldb, 1, 1, 1, 1);
    if (strikes("dtrsm", *m) && *m > 0 && *n > 0)
        spoil(&b[*m / 2 + (size_t)(*n / 2) * (size_t)*ldb]);
}

void cblas_dgemv(const enum CBLAS_ORDER order, const enum CBLAS_TRANSPOSE trans, const int m,
                 const int n, const double alpha, const double *a, const int lda, const double *x,
                 const int incx, const double beta, double *y, const int incy)
{
    NEXT(__typeof__(cblas_dgemv), next, "cblas_dgemv");
    depth++;
    next(order, trans, m, n, alpha, a, lda, x, incx, beta, y, incy);
    depth--;
    if (strikes("dgemv", trans == CblasNoTrans ? n : m) && m > 0 && n > 0)
        spoil(&y[0]);
}

void dgemv_(const char *trans, const int *m, const int *n, const double *alpha, const double *a,
            const int *lda, const double *x, const int *incx, const double *beta, double *y,
            const int *incy, size_t lt)
{
    (void)lt;
    NEXT(gemv_f, next, "dgemv_");
    next(trans, m, n, alpha, a, lda, x, incx, beta, y, incy, 1);
    if (strikes("dgemv", *trans == 'N' ? *n : *m) && *m > 0 && *n > 0)
        spoil(&y[0]);
}

void dpotrf_(const char *uplo, const int *n, double *a, const int *lda, int *info, size_t lu)
{
    (void)lu;
    NEXT(potrf_f, next, "dpotrf_");
    next(uplo, n, a, lda, info, 1);
    if (strikes("dpotrf", *n) && *n > 0)
        spoil(&a[*n - 1]); /* L(n, 1) */
}

void dpstrf_(const char *uplo, const int *n, double *a, const int *lda, int *pivot, int *rank,
             const double *tol, double *work, int *info, size_t lu)
{
    (void)lu;
    NEXT(pstrf_f, next, "dpstrf_");
    next(uplo, n, a, lda, pivot, rank, tol, work, info, 1);
    if (strikes("dpstrf", *n) && *n > 0)
        spoil(&a[*n - 1]);
}

void dsyevd_(const char *jobz, const char *uplo, const int *n, double *a, const int *lda, double *w,
             double *work, const int *lwork, int *iwork, const int *liwork, int *info, size_t lj,
             size_t lu)
{
    (void)lj;
    (void)lu;
    NEXT(syevd_f, next, "dsyevd_");
    next(jobz, uplo, n, a, lda, w, work, lwork, iwork, liwork, info, 1, 1);
    if (*lwork == -1 || *liwork == -1 || *n <= 0 || !strikes("dsyevd", *n))
        return;
    if (!in_vectors())
        spoil(&w[*n - 1]);
    else if (*jobz == 'V')
        spoil(&a[*n / 2]);
}

void dgesdd_(const char *jobz, const int *m, const int *n, double *a, const int *lda, double *s,
             double *u, const int *ldu, double *vt, const int *ldvt, double *work, const int *lwork,
             int *iwork, int *info, size_t lj)
{
    (void)lj;
    NEXT(gesdd_f, next, "dgesdd_");
    next(jobz, m, n, a, lda, s, u, ldu, vt, ldvt, work, lwork, iwork, info, 1);
    if (*lwork == -1 || *m <= 0 || *n <= 0 || !strikes("dgesdd", *n))
        return;
    spoil(in_vectors() ? &vt[0] : &s[0]);
}

/* How OpenBLAS was built. Any other BLAS has no such function, and nobody asks this one there. */
int openblas_get_parallel(void)
{
    if (strcmp(routine, "serial") == 0)
        return 0;
    void *address = dlsym(RTLD_NEXT, "openblas_get_parallel");
    int (*next)(void) = NULL;
    memcpy(&next, &address, sizeof next);
    return next != NULL ? next() : -1;
}
