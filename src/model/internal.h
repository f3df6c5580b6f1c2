/* Shared by the files of src/model; not installed. */
#ifndef GREF_MODEL_INTERNAL_H
#define GREF_MODEL_INTERNAL_H

#include <gref/matrix.h>

/* *n = rows * cols; GREF_ERR_RANGE, naming `what`, for an empty image or one an int cannot count. */
gref_status gref_pixel_count(int *n, int rows, int cols, const char *what);
/* GREF_ERR_RANGE unless sigma >= 0 and |A|_F^2, |A|_F^2 |Sigma|_F + sigma^2 are doubles. All must be finite. */
gref_status gref_problem_require_range(gref_cmat Sigma, gref_cmat A, double sigma);

#endif
