/* Blur kernels, masks, and degradation operators as explicit matrices (A in v = A x0 + sigma n). */
#ifndef GREF_OPERATOR_H
#define GREF_OPERATOR_H

#include <stdint.h>

#include <gref/matrix.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a convolution sees outside an image | 0 1 2 |, and numpy.pad's name for it. */
typedef enum {
    GREF_BOUNDARY_PERIODIC,  /* 0 1 2 | 0 1 2 | 0 1 2   wrap */
    GREF_BOUNDARY_ZERO,      /* - - - | 0 1 2 | - - -   constant */
    GREF_BOUNDARY_REFLECT,   /* 1 2 1 | 0 1 2 | 1 0 1   reflect */
    GREF_BOUNDARY_SYMMETRIC, /* 2 1 0 | 0 1 2 | 2 1 0   symmetric */
    GREF_BOUNDARY_REPLICATE, /* 0 0 0 | 0 1 2 | 2 2 2   edge */
    GREF_BOUNDARY_VALID      /* nothing: only places where the whole kernel lies inside */
} gref_boundary;

typedef enum {
    GREF_SR_BOX,     /* the mean of each factor x factor block */
    GREF_SR_BICUBIC, /* Keys's cubic, a = -1/2, stretched by the factor, periodic */
    GREF_SR_NONE     /* the block's first pixel */
} gref_sr_filter;

/* Kernels: *K is allocated, odd x odd, centre in the middle; free it with gref_mat_free. */
GREF_API GREF_NODISCARD gref_status gref_kernel_gaussian(gref_mat *K, double std, int size);
GREF_API GREF_NODISCARD gref_status gref_kernel_motion(gref_mat *K, double length, double angle);

/*
 * Operators: *A is allocated, m x rows*cols; free it with gref_mat_free. Unchanged on error. Images
 * are flattened row-major: pixel (i, j) is entry i * cols + j of x (gref_image_flatten).
 */
GREF_API GREF_NODISCARD gref_status gref_operator_convolution(gref_mat *A, gref_cmat K, int rows,
                                                              int cols, gref_boundary boundary,
                                                              bool correlate);
GREF_API GREF_NODISCARD gref_status gref_operator_super_resolution(gref_mat *A, int rows, int cols,
                                                                   int factor,
                                                                   gref_sr_filter filter);
/* keep: rows x cols matrix, non-zero where the pixel is measured. */
GREF_API GREF_NODISCARD gref_status gref_operator_inpainting(gref_mat *A, gref_cmat keep);

/* Masks: *keep is allocated, rows x cols of 0 and 1; box = {row, col, rows, cols} is missing. */
GREF_API GREF_NODISCARD gref_status gref_mask_box(gref_mat *keep, int rows, int cols,
                                                  const int box[4]);
GREF_API GREF_NODISCARD gref_status gref_mask_keep(gref_mat *keep, int rows, int cols,
                                                   double fraction, uint64_t seed);

#ifdef __cplusplus
}
#endif
#endif
