/* Which BLAS and LAPACK this process runs on: every file that gref writes says so. */
#ifndef GREF_BACKEND_H
#define GREF_BACKEND_H

#include <gref/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    char blas[64];         /* "OpenBLAS", "BLIS", "reference BLAS", "unknown" */
    char blas_config[160]; /* the library's own words on its version and build, or "" */
    char blas_path[512];   /* file that holds dgemm, links resolved */
    char core[64];         /* kernels in use: "Haswell"; "" where the library does not say */
    char flavour[16];      /* how OpenBLAS was built: "serial", "pthread", "OpenMP"; "" otherwise */
    int threads;           /* of the BLAS; 1 where the library does not say */
    char lapack[32];       /* version by ilaver */
    char lapack_path[512]; /* file that holds dsyevd */
    char cpu[96];          /* model, or "" where the system does not say */
} gref_backend;

GREF_API gref_backend gref_backend_query(void);

#ifdef __cplusplus
}
#endif
#endif
