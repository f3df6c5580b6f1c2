/*
 * NumPy's .npy format: the entries. The header is npy_header.c's.
 *
 *     x[i, j]  ->  A(i, j)  m x n; a 1-D x of shape (m,) is m x 1, a 0-D x is 1 x 1
 */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <gref/npy.h>

#include "internal.h"

/* |v| <= 2^53 times a power of two: what a double holds exactly among 64-bit integers. */
static bool integer_is_exact(uint64_t magnitude)
{
    while (magnitude > (uint64_t)1 << 53 && magnitude % 2 == 0)
        magnitude /= 2;
    return magnitude <= (uint64_t)1 << 53;
}

static double half_to_double(unsigned bits)
{
    int exponent = (int)(bits >> 10 & 31), fraction = (int)(bits & 1023);
    double x = exponent == 0   ? ldexp(fraction, -24)
               : exponent < 31 ? ldexp(1024 + fraction, exponent - 25)
               : fraction == 0 ? INFINITY
                               : NAN;
    return bits & 0x8000 ? -x : x;
}

/* x = the integer u of `size` bytes; `text` tells its value when no double has it. */
static bool integer_to_double(double *x, char text[GREF_NPY_EXCERPT], uint64_t u, int size,
                              bool has_sign)
{
    bool negative = has_sign && u >> (8 * size - 1) != 0;
    uint64_t magnitude = !negative ? u : size == 8 ? 0 - u : ((uint64_t)1 << 8 * size) - u;
    if (!integer_is_exact(magnitude)) {
        snprintf(text, GREF_NPY_EXCERPT, "%s%" PRIu64, negative ? "-" : "", magnitude);
        return false;
    }
    *x = negative ? -(double)magnitude : (double)magnitude;
    return true;
}

static bool extended_to_double(double *x, char text[GREF_NPY_EXCERPT], const unsigned char *e)
{
    long double v;
    memcpy(&v, e, sizeof v);
    *x = (double)v;
    if (isfinite(v) && !isfinite(*x)) {
        snprintf(text, GREF_NPY_EXCERPT, "%.21Lg", v);
        return false;
    }
    return true;
}

/* One entry, its bytes in little-endian order; `text` tells its value when no double has it. */
static bool entry_to_double(double *x, char text[GREF_NPY_EXCERPT], const unsigned char *e,
                            const gref_npy_header *h)
{
    uint64_t u = 0;
    if (h->size > 8)
        return extended_to_double(x, text, e);
    memcpy(&u, e, (size_t)h->size);
    u = le64toh(u);
    if (h->kind == 'b') {
        *x = u != 0;
    } else if (h->kind != 'f') {
        return integer_to_double(x, text, u, h->size, h->kind == 'i');
    } else if (h->size == 2) {
        *x = half_to_double((unsigned)u);
    } else if (h->size == 4) {
        uint32_t bits = (uint32_t)u;
        float v;
        memcpy(&v, &bits, sizeof v);
        *x = v;
    } else {
        memcpy(x, &u, sizeof *x);
    }
    return true;
}

static bool is_big_endian(char order)
{
    return order == '>' || (order != '<' && le16toh(1) != 1);
}

/* A = the entries of page k; in blocks, since one of the two orders strides. */
static gref_status fill(gref_mat A, int k, const unsigned char *data, const gref_npy_header *h,
                        const char *name)
{
    enum { BLOCK = 32 };
    bool reversed = is_big_endian(h->order);
    size_t size = (size_t)h->size, m = (size_t)A.m, n = (size_t)A.n;
    size_t pages = h->ndim > 2 ? (size_t)h->dim[0] : 1;
    unsigned char swapped[16] = {0};
    char text[GREF_NPY_EXCERPT];
    for (int jb = 0; jb < A.n; jb += BLOCK)
        for (int ib = 0; ib < A.m; ib += BLOCK)
            for (int j = jb; j < A.n && j - jb < BLOCK; j++)
                for (int i = ib; i < A.m && i - ib < BLOCK; i++) {
                    size_t c = ((size_t)k * m + (size_t)i) * n + (size_t)j;
                    size_t f = ((size_t)j * m + (size_t)i) * pages + (size_t)k;
                    const unsigned char *e = data + (h->fortran ? f : c) * size;
                    for (size_t b = 0; reversed && b < size; b++)
                        swapped[b] = e[size - 1 - b];
                    REQUIRE(entry_to_double(&GREF_AT(A, i, j), text, reversed ? swapped : e, h),
                            GREF_ERR_FORMAT,
                            "%s: entry %s at row %d, column %d is no double (dtype '%s')", name,
                            text, i, j, h->dtype);
                }
    return GREF_OK;
}

void gref_pages_free(gref_pages *p)
{
    for (int k = 0; k < p->count; k++)
        gref_mat_free(&p->page[k]);
    free(p->page);
    *p = (gref_pages){0};
}

/* Fails unless `have` bytes of data are what the shape needs. */
static gref_status check_size(const gref_npy_header *h, size_t have, const char *name)
{
    size_t need = (size_t)h->size;
    bool empty = false, counted = true;
    for (int d = 0; d < h->ndim; d++)
        empty = empty || h->dim[d] == 0;
    for (int d = 0; d < h->ndim && !empty; d++) {
        counted = counted && need <= SIZE_MAX / (size_t)h->dim[d];
        need *= (size_t)h->dim[d];
    }
    REQUIRE(counted, GREF_ERR_FORMAT,
            "%s: shape %s of dtype '%s' needs more bytes than can be counted", name, h->shape,
            h->dtype);
    need = empty ? 0 : need;
    REQUIRE(have == need, GREF_ERR_FORMAT,
            "%s: %s: shape %s of dtype '%s' needs %zu bytes of data, not %zu", name,
            have < need ? "truncated" : "trailing bytes", h->shape, h->dtype, need, have);
    return GREF_OK;
}

static gref_status parse(gref_pages *out, int most, const unsigned char *bytes, size_t size,
                         const char *name)
{
    gref_npy_header h = {0};
    size_t data = 0;
    SCOPED(gref_pages) p = {0};
    TRY(gref_npy_read_header(&h, &data, bytes, size, name));
    REQUIRE(h.ndim <= most, GREF_ERR_FORMAT,
            "%s: shape %s has %d dimensions, at most %d can be read", name, h.shape, h.ndim, most);
    TRY(check_size(&h, size - data, name));
    int pages = h.ndim > 2 ? h.dim[0] : 1;
    const int *shape = &h.dim[h.ndim > 2];
    p.page = gref_alloc((size_t)pages, sizeof *p.page);
    REQUIRE(p.page != NULL, GREF_ERR_NOMEM, "%s: no memory for %d matrices", name, pages);
    p.count = pages;
    p.ndim = h.ndim;
    p.u = h.kind != 'f' || h.size > 4 ? 0x1p-53 : h.size == 4 ? 0x1p-24 : 0x1p-11;
    for (int k = 0; k < pages; k++) {
        TRY_IN(gref_mat_new(&p.page[k], shape[0], shape[1]), "%s", name);
        TRY(fill(p.page[k], k, bytes + data, &h, name));
    }
    *out = TAKE(p);
    return GREF_OK;
}

gref_status gref_npy_parse_pages(gref_pages *p, const unsigned char *bytes, size_t size,
                                 const char *name)
{
    return parse(p, GREF_NPY_DIMS, bytes, size, name);
}

gref_status gref_npy_parse_rounded(gref_mat *A, int *ndim, double *u, const unsigned char *bytes,
                                   size_t size, const char *name)
{
    SCOPED(gref_pages) p = {0};
    TRY(parse(&p, 2, bytes, size, name));
    *A = TAKE(p.page[0]);
    if (ndim != NULL)
        *ndim = p.ndim;
    *u = p.u;
    return GREF_OK;
}

gref_status gref_npy_parse(gref_mat *A, int *ndim, const unsigned char *bytes, size_t size,
                           const char *name)
{
    double u;
    return gref_npy_parse_rounded(A, ndim, &u, bytes, size, name);
}

/* All bytes of a file, which may be a pipe. */
static gref_status read_bytes(unsigned char **bytes, size_t *size, const char *path)
{
    struct stat st;
    SCOPED_MEM unsigned char *buffer = NULL;
    size_t room = 1 << 16, used = 0;
    SCOPED_FILE *fp = fopen(path, "rb");
    REQUIRE(fp != NULL, GREF_ERR_IO, "%s: %s", path, strerror(errno));
    if (fstat(fileno(fp), &st) == 0 && S_ISREG(st.st_mode))
        room = (size_t)st.st_size + 1; /* + 1: the end is seen without growing */
    do {
        if (used > 0)
            room += room / 2;
        unsigned char *grown = realloc(buffer, room);
        REQUIRE(grown != NULL, GREF_ERR_NOMEM, "%s: no memory for its %zu bytes", path, room);
        buffer = grown;
        used += fread(buffer + used, 1, room - used, fp);
        REQUIRE(!ferror(fp), GREF_ERR_IO, "%s: %s", path, strerror(errno));
    } while (used == room);
    *bytes = TAKE(buffer);
    *size = used;
    return GREF_OK;
}

gref_status gref_npy_read_rounded(gref_mat *A, int *ndim, double *u, const char *path)
{
    SCOPED_MEM unsigned char *bytes = NULL;
    size_t size = 0;
    TRY(read_bytes(&bytes, &size, path));
    return gref_npy_parse_rounded(A, ndim, u, bytes, size, path);
}

/**
 * Reads a .npy file: format 1.0, 2.0 or 3.0, either byte order, C or Fortran order.
 *
 *     A(i, j) = x[i, j]; a 1-D x of shape (m,) gives m x 1, a 0-D x gives 1 x 1
 *
 * Read are bool, integers of 1 to 8 bytes, floats of 2, 4 and 8 bytes and, on x86, its long double
 * (f12, f16; the same name on another machine means another format, which cannot be told from it).
 * Complex, string, date, structured and object dtypes and more than two dimensions are refused by
 * name, and so is a 64-bit integer that no double equals. NaN and infinity are data here: callers
 * refuse them.
 *
 * @param[out] A     allocated, for gref_mat_free. Unchanged on error.
 * @param[out] ndim  the array's own dimension, 0 to 2; may be NULL. Unchanged on error.
 * @param[in]  path  a file or a pipe.
 * @return GREF_OK; GREF_ERR_IO; GREF_ERR_FORMAT (truncated, trailing bytes, no .npy file, refused);
 *         GREF_ERR_NOMEM. The message names the file and what was found there.
 * @error  exact; a long double is rounded to nearest, one beyond the doubles is refused.
 * @cost   the file's size in memory, besides A.
 * @see    numpy/lib/format.py. Tests: test_npy.c
 */
gref_status gref_npy_read(gref_mat *A, int *ndim, const char *path)
{
    double u;
    return gref_npy_read_rounded(A, ndim, &u, path);
}

/* Rows i0 to i0 + rows - 1 of A one after the other, each double little-endian. */
static void gather_rows(uint64_t *x, gref_cmat A, int i0, int rows)
{
    for (int j = 0; j < A.n; j++)
        for (int i = 0; i < rows; i++) {
            uint64_t *to = &x[(size_t)i * (size_t)A.n + (size_t)j];
            memcpy(to, &GREF_AT(A, i0 + i, j), sizeof *to);
            *to = htole64(*to);
        }
}

gref_status gref_npy_require(gref_cmat A, int ndim)
{
    REQUIRE(ndim >= 0 && ndim <= 2, GREF_ERR_RANGE, "an array of dimension %d, not 0 to 2", ndim);
    REQUIRE((ndim > 1 || A.n == 1) && (ndim > 0 || A.m == 1), GREF_ERR_SHAPE,
            "a %d x %d matrix is no array of dimension %d", A.m, A.n, ndim);
    return GREF_OK;
}

gref_status gref_npy_emit(gref_sink *put, void *to, gref_cmat A, int ndim)
{
    enum { ROWS = 32 };
    char text[GREF_NPY_WRITTEN];
    size_t n = (size_t)A.n;
    SCOPED_MEM uint64_t *x = gref_alloc(n * (size_t)(A.m < ROWS ? A.m : ROWS), sizeof *x);
    REQUIRE(x != NULL, GREF_ERR_NOMEM, "no memory for %d rows of %d", ROWS, A.n);
    gref_npy_write_header(text, A, ndim);
    TRY(put(to, text, sizeof text));
    for (int i = 0; i < A.m; i += ROWS) {
        int rows = A.m - i < ROWS ? A.m - i : ROWS;
        gather_rows(x, A, i, rows);
        TRY(put(to, x, n * (size_t)rows * sizeof *x));
    }
    return GREF_OK;
}

/* A gref_sink: the file of a gref_output. */
static gref_status to_file(void *o, const void *bytes, size_t size)
{
    bool written = fwrite(bytes, 1, size, ((gref_output *)o)->fp) == size;
    REQUIRE(written, GREF_ERR_IO, "cannot be written: %s", strerror(errno));
    return GREF_OK;
}

/**
 * Writes A as a .npy file of format 1.0, '<f8' in C order: byte for byte what numpy.save writes.
 *
 *     x[i, j] = A(i, j); ndim 1 writes x[i] = A(i, 0), ndim 0 the number A(0, 0)
 *
 * The file is written to a temporary name beside `path` and renamed; what stood there is replaced,
 * through a symbolic link too.
 *
 * @param[in] path  not a directory, device or pipe. Untouched on error, and nothing else is left.
 * @param[in] A     m x n, any leading dimension; NaN and infinity are written as they are.
 * @param[in] ndim  0 (A is 1 x 1), 1 (A is m x 1) or 2.
 * @return GREF_OK; GREF_ERR_RANGE (ndim); GREF_ERR_SHAPE; GREF_ERR_IO; GREF_ERR_NOMEM.
 * @error  exact: gref_npy_read gives the same bits.
 * @cost   32 rows of A in memory.
 * @see    numpy/lib/format.py. Tests: test_npy_write.c
 */
gref_status gref_npy_write(const char *path, gref_cmat A, int ndim)
{
    SCOPED(gref_output) o = {0};
    TRY_IN(gref_npy_require(A, ndim), "%s", path);
    TRY(gref_output_open(&o, path));
    TRY_IN(gref_npy_emit(to_file, &o, A, ndim), "%s", path);
    return gref_output_commit(&o);
}
