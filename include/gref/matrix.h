/* The one matrix type: column-major, passed by value, never owning. */
#ifndef GREF_MATRIX_H
#define GREF_MATRIX_H

#include <stdbool.h>
#include <stddef.h>

#include <gref/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    double *a;
    int m, n, ld; /* rows, columns, leading dimension (>= max(1, m)) */
} gref_mat;

typedef struct {
    const double *a;
    int m, n, ld;
} gref_cmat;

/* Entry (i, j) of a gref_mat or gref_cmat, zero-based. */
#define GREF_AT(A, i, j) ((A).a[(size_t)(j) * (size_t)(A).ld + (size_t)(i)])

GREF_API GREF_NODISCARD gref_status gref_mat_new(gref_mat *A, int m, int n);
GREF_API void gref_mat_free(gref_mat *A);
GREF_API gref_cmat gref_const(gref_mat A);
GREF_API gref_mat gref_mat_view(gref_mat A, int i, int j, int m, int n);
GREF_API gref_cmat gref_cmat_view(gref_cmat A, int i, int j, int m, int n);

GREF_API void gref_mat_fill(gref_mat A, double value);
GREF_API void gref_mat_identity(gref_mat A);
GREF_API void gref_mat_copy(gref_mat B, gref_cmat A);
GREF_API void gref_mat_transpose(gref_mat B, gref_cmat A);
GREF_API void gref_mat_axpy(gref_mat B, double s, gref_cmat A);
GREF_API void gref_mat_scale_rows(gref_mat A, gref_cmat d);
GREF_API void gref_mat_scale_cols(gref_mat A, gref_cmat d);
GREF_API void gref_mat_symmetrise(gref_mat A);
GREF_API void gref_mat_mirror_lower(gref_mat A);

GREF_API double gref_mat_norm_fro(gref_cmat A);
GREF_API double gref_mat_norm_max(gref_cmat A);
GREF_API double gref_mat_diff_fro(gref_cmat A, gref_cmat B);
GREF_API double gref_mat_diff_max(gref_cmat A, gref_cmat B);
GREF_API double gref_mat_trace(gref_cmat A);
GREF_API bool gref_mat_finite(gref_cmat A, int *i, int *j);

#ifdef __cplusplus
}
#endif
#endif
