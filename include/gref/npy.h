/* NumPy's .npy and .npz files, and PNG images. */
#ifndef GREF_NPY_H
#define GREF_NPY_H

#include <gref/matrix.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Reads a 0-, 1- or 2-D array: shape (m, n) gives an m x n matrix, (m,) an m x 1, () a 1 x 1;
 * *A is allocated, *ndim (may be NULL) is the array's own dimension.
 */
GREF_API GREF_NODISCARD gref_status gref_npy_read(gref_mat *A, int *ndim, const char *path);
/*
 * Writes float64, C order; ndim 2 writes shape (m, n), ndim 1 needs A.n = 1 and writes (m,), ndim 0
 * needs 1 x 1 and writes (). A file that is there is replaced, by a rename.
 */
GREF_API GREF_NODISCARD gref_status gref_npy_write(const char *path, gref_cmat A, int ndim);

typedef struct gref_npz_reader gref_npz_reader;
GREF_API GREF_NODISCARD gref_status gref_npz_open(gref_npz_reader **r, const char *path);
/* Every member of the archive, in its order. */
GREF_API int gref_npz_count(const gref_npz_reader *r);
GREF_API const char *gref_npz_name(const gref_npz_reader *r, int k); /* without ".npy" */
GREF_API bool gref_npz_has(const gref_npz_reader *r, const char *name);
GREF_API GREF_NODISCARD gref_status gref_npz_get(gref_mat *A, int *ndim, gref_npz_reader *r,
                                                 const char *name);
GREF_API void gref_npz_close(gref_npz_reader *r); /* accepts NULL */

/*
 * Writes a .npz array by array: each goes to a spool file at once, so that nothing stays in memory.
 * The file appears under its name only when gref_npz_finish succeeds.
 */
typedef struct gref_npz_writer gref_npz_writer;
GREF_API GREF_NODISCARD gref_status gref_npz_create(gref_npz_writer **w, const char *path);
GREF_API GREF_NODISCARD gref_status gref_npz_add(gref_npz_writer *w, const char *name, gref_cmat A,
                                                 int ndim);
/* Both free w, finish also on error; abandon accepts NULL. */
GREF_API GREF_NODISCARD gref_status gref_npz_finish(gref_npz_writer *w);
GREF_API void gref_npz_abandon(gref_npz_writer *w);

/*
 * PNG, 1 to 16 bits, gray, RGB or palette, alpha and gamma ignored; RGB to gray by
 * 0.299 R + 0.587 G + 0.114 B on the stored values. 0 maps to lo and 255 (65535 in a 16-bit file)
 * to hi. *image is allocated, rows x cols.
 */
GREF_API GREF_NODISCARD gref_status gref_png_read(gref_mat *image, const char *path, double lo,
                                                  double hi);

#ifdef __cplusplus
}
#endif
#endif
