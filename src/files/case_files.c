/* The files a case names: arrays and pictures, and whether what they ask for fits in memory. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include <gref/npy.h>
#include <gref/prior.h>

char *gref_case_file(const gref_case *c, const char *name)
{
    return gref_format("%s%s", *name == '/' ? "" : c->dir, name);
}

/* By its first byte; a file that cannot be read or is neither goes by its name. */
static bool is_npy(const char *path)
{
    FILE *fp = fopen(path, "rb");
    int first = fp == NULL ? EOF : fgetc(fp);
    size_t length = strlen(path);
    if (fp != NULL)
        fclose(fp);
    if (first == 0x93 || first == 0x89)
        return first == 0x93;
    return length >= 4 && strcmp(path + length - 4, ".npy") == 0;
}

gref_status gref_case_read_any(gref_mat *out_X, int *ndim, const gref_case *c, const char *object,
                               const char *key, const double *span)
{
    const char *name = gref_case_string(c, object, key);
    char at[GREF_CASE_KEY];
    SCOPED_MEM char *path = gref_case_file(c, name);
    SCOPED(gref_mat) X = {0};
    gref_case_join(at, object, key);
    REQUIRE(path != NULL, GREF_ERR_NOMEM, "no memory for a file name");
    if (span != NULL && !is_npy(path))
        CASE_TRY(c, at, gref_png_read(&X, path, span[0], span[1]));
    else
        CASE_TRY(c, at, gref_npy_read(&X, ndim, path));
    CASE_REQUIRE(X.m >= 1 && X.n >= 1, c, at, "%s: %s is empty, %d x %d", at, name, X.m, X.n);
    CASE_TRY(c, at, gref_require_finite(gref_const(X), name));
    *out_X = TAKE(X);
    return GREF_OK;
}

gref_status gref_case_read_array(gref_mat *X, const gref_case *c, const char *object,
                                 const char *key)
{
    return gref_case_read_any(X, NULL, c, object, key, NULL);
}

gref_status gref_case_vector_of(gref_mat *out_x, gref_cmat X, const gref_case *c,
                                const char *object, const char *key, int n, const char *what)
{
    gref_mat x = {0};
    char at[GREF_CASE_KEY];
    gref_case_join(at, object, key);
    CASE_REQUIRE((double)X.m * X.n == n, c, at, "%s: %s has %.0f entries (%d x %d), %s has %d", at,
                 gref_case_string(c, object, key), (double)X.m * X.n, X.m, X.n, what, n);
    TRY(gref_mat_new(&x, n, 1));
    gref_image_flatten(x, X);
    *out_x = x;
    return GREF_OK;
}

gref_status gref_case_read_vector(gref_mat *x, const gref_case *c, const char *object,
                                  const char *key, int n, const char *what)
{
    SCOPED(gref_mat) X = {0};
    TRY(gref_case_read_array(&X, c, object, key));
    return gref_case_vector_of(x, gref_const(X), c, object, key, n, what);
}

gref_status gref_case_read_picture(gref_mat *X, const gref_case *c, const char *object,
                                   const char *key, const double span[2])
{
    SCOPED(gref_mat) picture = {0};
    int ndim = 2;
    char at[GREF_CASE_KEY];
    gref_case_join(at, object, key);
    TRY(gref_case_read_any(&picture, &ndim, c, object, key, span));
    CASE_REQUIRE(ndim == 2, c, at, "%s: %s is an array of dimension %d, not a picture", at,
                 gref_case_string(c, object, key), ndim);
    *X = TAKE(picture);
    return GREF_OK;
}

gref_status gref_case_require_inside(const gref_case *c, const char *key, const int box[4],
                                     int rows, int cols)
{
    CASE_REQUIRE(box[0] <= rows - box[2] && box[1] <= cols - box[3], c, key,
                 "%s [%d, %d, %d, %d] reaches outside the image of %d x %d", key, box[0], box[1],
                 box[2], box[3], rows, cols);
    return GREF_OK;
}

/* MemAvailable of Linux in bytes, or -1. */
static double memory_available(void)
{
    char line[256];
    double kib = -1.0;
    FILE *fp = fopen("/proc/meminfo", "r");
    while (fp != NULL && kib < 0.0 && fgets(line, sizeof line, fp) != NULL)
        sscanf(line, "MemAvailable: %lf kB", &kib);
    if (fp != NULL)
        fclose(fp);
    return kib < 0.0 ? -1.0 : 1024.0 * kib;
}

gref_status gref_case_require_memory(const gref_case *c, const char *key, int rows, int cols)
{
    enum { MATRICES = 16, MOST = 32766 }; /* LAPACK's 32-bit workspace queries end there */
    const double gib = 1073741824.0;
    double n = (double)rows * cols, needed = MATRICES * n * n * sizeof(double);
    double available = memory_available();
    CASE_REQUIRE(available < 0.0 || needed <= available, c, key,
                 "%s: matrices of order %.0f need %.1f GiB of memory, %.1f GiB are available", key,
                 n, needed / gib, available / gib);
    CASE_REQUIRE(n <= MOST, c, key, "%s: matrices of order %.0f, LAPACK's limit is %d", key, n,
                 MOST);
    return GREF_OK;
}
