/* Degradation operators as explicit m x n matrices. Images are flattened row-major. */
#ifndef GREF_OPERATOR_H
#define GREF_OPERATOR_H

#include <stdint.h>

#include <gref/matrix.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a convolution sees outside the image: numpy.pad's meanings, or only places where it fits. */
typedef enum {
    GREF_BOUNDARY_PERIODIC,
    GREF_BOUNDARY_ZERO,
    GREF_BOUNDARY_REFLECT,
    GREF_BOUNDARY_SYMMETRIC,
    GREF_BOUNDARY_REPLICATE,
    GREF_BOUNDARY_VALID
} gref_boundary;

typedef enum { GREF_SR_BOX, GREF_SR_BICUBIC, GREF_SR_NONE } gref_sr_filter;

/* Kernels: *K is allocated, odd x odd, centre in the middle; free it with gref_mat_free. */
GREF_API GREF_NODISCARD gref_status gref_kernel_gaussian(gref_mat *K, double std, int size);
GREF_API GREF_NODISCARD gref_status gref_kernel_motion(gref_mat *K, double length, double angle);

/* Operators: *A is allocated, m x rows*cols; free it with gref_mat_free. Unchanged on error. */
GREF_API GREF_NODISCARD gref_status gref_operator_convolution(gref_mat *A, gref_cmat K, int rows, int cols,
                                                              gref_boundary boundary, bool correlate);
GREF_API GREF_NODISCARD gref_status gref_operator_super_resolution(gref_mat *A, int rows, int cols,
                                                                   int factor, gref_sr_filter filter);
/* keep: rows x cols matrix, non-zero where the pixel is measured. */
GREF_API GREF_NODISCARD gref_status gref_operator_inpainting(gref_mat *A, gref_cmat keep);

/* Masks: *keep is allocated, rows x cols of 0 and 1. */
GREF_API GREF_NODISCARD gref_status gref_mask_box(gref_mat *keep, int rows, int cols, const int box[4]);
GREF_API GREF_NODISCARD gref_status gref_mask_keep(gref_mat *keep, int rows, int cols, double fraction,
                                                   uint64_t seed);

#ifdef __cplusplus
}
#endif
#endif
