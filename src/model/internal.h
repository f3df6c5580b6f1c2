/* Shared by the files of src/model; not installed. */
#ifndef GREF_MODEL_INTERNAL_H
#define GREF_MODEL_INTERNAL_H

#include <gref/matrix.h>

/* *n = rows * cols; GREF_ERR_RANGE, naming `what`, for an empty image or one an int cannot count. */
gref_status gref_pixel_count(int *n, int rows, int cols, const char *what);

#endif
