/* Shared by the files of src/model; not installed. */
#ifndef GREF_MODEL_INTERNAL_H
#define GREF_MODEL_INTERNAL_H

#include <gref/matrix.h>

/* *n = rows * cols; GREF_ERR_RANGE, naming `what`, for an empty image or one an int cannot
 * count. */
gref_status gref_pixel_count(int *n, int rows, int cols, const char *what);
/* GREF_ERR_RANGE unless sigma >= 0 and |A|_F^2, |A|_F^2 |Sigma|_F + sigma^2 are doubles. All must
 * be finite. */
gref_status gref_problem_require_range(gref_cmat Sigma, gref_cmat A, double sigma);

/*
 * GREF_ERR_NOT_PD where the problem cannot be told from one without an answer. sigma = 0 asks that
 * A Sigma^1/2 has full row rank: else A Sigma A^T is singular and v may be impossible. A sigma
 * below the rounding of its singular values asks that none of them (from `least` to `most`, min(m,
 * n) of them) is rounding. One decision for every path.
 */
gref_status gref_require_regular(double most, double least, int m, int n, double sigma);

#endif
