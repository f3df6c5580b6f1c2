/*
 * PNG images, as the values that are stored in them: no gamma, no colour management, no background.
 *
 *     s    stored value of a pixel, 0 .. s_max; R, G, B its samples
 *     s    = (299 R + 587 G + 114 B)/1000 for colours (Rec. 601 luma, on the stored values)
 *     x    = lo + (hi - lo) s/s_max, s_max = 255 or 65535
 */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <gref/npy.h>

#include "internal.h"

enum { SIGNATURE = 8 }; /* bytes that every PNG begins with */

/*
 * Everything that lives across libpng's longjmp is in here and none of it in local variables, whose
 * values setjmp would leave undetermined.
 */
typedef struct {
    FILE *fp;
    png_structp png;
    png_infop info;
    png_bytep pixels; /* rows x row_bytes */
    png_bytepp rows;  /* pointers into it */
    bool no_memory, io_error;
    char message[200], warning[200]; /* libpng's last */
} decoder;

static void on_error(png_structp png, png_const_charp message)
{
    decoder *d = png_get_error_ptr(png);
    snprintf(d->message, sizeof d->message, "%s", message);
    png_longjmp(png, 1);
}

/*
 * A warning alone is about what does not reach the stored values (a colour profile, a comment);
 * before an error it often says why ("Image width exceeds user limit").
 */
static void on_warning(png_structp png, png_const_charp message)
{
    decoder *d = png_get_error_ptr(png);
    snprintf(d->warning, sizeof d->warning, "%s", message);
}

static png_voidp allocate(png_structp png, png_alloc_size_t size)
{
    decoder *d = png_get_mem_ptr(png);
    void *p = malloc(size);
    d->no_memory = d->no_memory || p == NULL;
    return p;
}

static void release(png_structp png, png_voidp p)
{
    (void)png;
    free(p);
}

static void read_data(png_structp png, png_bytep to, size_t size)
{
    decoder *d = png_get_io_ptr(png);
    if (fread(to, 1, size, d->fp) == size)
        return;
    d->io_error = ferror(d->fp) != 0;
    png_error(png, d->io_error ? strerror(errno) : "file is truncated");
}

/* Reads the whole image; false when libpng gave up, with its message in d. */
static bool decode(decoder *d)
{
    if (setjmp(png_jmpbuf(d->png)))
        return false;
    png_set_read_fn(d->png, d, read_data);
    png_set_sig_bytes(d->png, SIGNATURE);
    png_read_info(d->png, d->info);
    png_set_interlace_handling(d->png);
    if (png_get_color_type(d->png, d->info) == PNG_COLOR_TYPE_PALETTE)
        png_set_packing(d->png); /* one byte an index */
    else if (png_get_bit_depth(d->png, d->info) < 8)
        png_set_expand_gray_1_2_4_to_8(d->png);
    png_read_update_info(d->png, d->info);
    png_uint_32 rows = png_get_image_height(d->png, d->info);
    size_t row_bytes = png_get_rowbytes(d->png, d->info);
    d->pixels = gref_alloc(rows, row_bytes);
    d->rows = gref_alloc(rows, sizeof *d->rows);
    if (d->pixels == NULL || d->rows == NULL) {
        d->no_memory = true;
        snprintf(d->message, sizeof d->message, "no memory for an image of %u x %u pixels", rows,
                 png_get_image_width(d->png, d->info));
        return false;
    }
    for (png_uint_32 i = 0; i < rows; i++)
        d->rows[i] = d->pixels + i * row_bytes;
    png_read_image(d->png, d->rows);
    png_read_end(d->png, NULL);
    return true;
}

/* What the pixels look like once decoded. */
typedef struct {
    int rows, cols;
    int channels, bytes;      /* of a pixel; of a sample */
    bool colour;              /* R, G, B; else gray */
    const png_color *palette; /* or NULL */
    int colours;              /* in it */
} layout;

static layout get_layout(const decoder *d)
{
    layout l = {0};
    png_colorp palette = NULL;
    int type = png_get_color_type(d->png, d->info);
    l.rows = (int)png_get_image_height(d->png, d->info);
    l.cols = (int)png_get_image_width(d->png, d->info);
    l.channels = png_get_channels(d->png, d->info);
    l.bytes = png_get_bit_depth(d->png, d->info) == 16 ? 2 : 1;
    l.colour = type == PNG_COLOR_TYPE_RGB || type == PNG_COLOR_TYPE_RGB_ALPHA;
    if (type == PNG_COLOR_TYPE_PALETTE && png_get_PLTE(d->png, d->info, &palette, &l.colours) != 0)
        l.palette = palette;
    return l;
}

/* Sample k of the pixel that starts at p; PNG is big-endian. */
static double sample(const layout *l, const png_byte *p, int k)
{
    return l->bytes == 1 ? p[k] : p[2 * k] << 8 | p[2 * k + 1];
}

/* 1000 s of the pixel that starts at p: an integer, so that the one rounding is the division's. */
static double luma(const layout *l, const png_byte *p)
{
    if (l->palette != NULL) {
        const png_color *c = &l->palette[p[0]];
        return 299.0 * c->red + 587.0 * c->green + 114.0 * c->blue;
    }
    if (l->colour)
        return 299.0 * sample(l, p, 0) + 587.0 * sample(l, p, 1) + 114.0 * sample(l, p, 2);
    return 1000.0 * sample(l, p, 0);
}

static gref_status fill(gref_mat image, const decoder *d, const layout *l, const char *path,
                        double lo, double hi)
{
    const double top = l->bytes == 1 ? 255e3 : 65535e3;
    for (int i = 0; i < l->rows; i++) {
        const png_byte *p = d->rows[i];
        for (int j = 0; j < l->cols; j++, p += l->channels * l->bytes) {
            REQUIRE(l->palette == NULL || p[0] < l->colours, GREF_ERR_FORMAT,
                    "%s: row %d, column %d has colour %d of a palette of %d", path, i, j, p[0],
                    l->colours);
            double s = luma(l, p);
            /* lo + (hi - lo) need not round to hi */
            GREF_AT(image, i, j) = s == top ? hi : lo + (hi - lo) * (s / top);
        }
    }
    return GREF_OK;
}

static gref_status start(decoder *d, const char *path)
{
    png_byte signature[SIGNATURE];
    d->fp = fopen(path, "rb");
    REQUIRE(d->fp != NULL, GREF_ERR_IO, "%s: %s", path, strerror(errno));
    size_t got = fread(signature, 1, SIGNATURE, d->fp);
    REQUIRE(ferror(d->fp) == 0, GREF_ERR_IO, "%s: %s", path, strerror(errno));
    REQUIRE(got == 0 || png_sig_cmp(signature, 0, got) == 0, GREF_ERR_FORMAT,
            "%s is not a PNG file", path);
    REQUIRE(got == SIGNATURE, GREF_ERR_FORMAT, "%s: file is truncated", path);
    d->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, d, on_error, on_warning, d, allocate,
                                      release);
    if (d->png != NULL)
        d->info = png_create_info_struct(d->png);
    REQUIRE(d->info != NULL, GREF_ERR_NOMEM, "%s: libpng cannot start: %s", path, d->message);
    return GREF_OK;
}

static void decoder_free(decoder *d)
{
    if (d->png != NULL)
        png_destroy_read_struct(&d->png, &d->info, NULL);
    free(d->rows);
    free(d->pixels);
    if (d->fp != NULL)
        fclose(d->fp);
}

/**
 * Reads a PNG image as the values stored in it, mapped to a range.
 *
 *     image(i, j) = lo + (hi - lo) s/s_max,  s_max = 255, or 65535 in a 16-bit file
 *
 * s is the gray value or 0.299 R + 0.587 G + 0.114 B; gamma, colour profile, transparency and
 * significant bits are ignored. 1, 2 and 4 bits are scaled to 8 (times 255, 85, 17), a palette is
 * looked up, interlaced files are read. At most 10^6 rows or columns (libpng's limit).
 *
 * @param[out] image  rows x cols, allocated, for gref_mat_free. Unchanged on error.
 * @param[in]  path   a file or a pipe.
 * @param[in]  lo, hi finite, in either order, hi - lo finite.                        [pixel]
 * @return GREF_OK; GREF_ERR_RANGE (lo, hi); GREF_ERR_IO; GREF_ERR_FORMAT with what libpng says of a
 *         truncated, corrupt or too large file, or one that is no PNG; GREF_ERR_NOMEM.
 * @error  s = 0 gives lo and s = s_max gives hi exactly; else s/s_max is rounded once and
 *         |error| <= EPS (3 |hi - lo| + max(|lo|, |hi|)) to first order, EPS = 2^-53.
 * @cost   the decoded image, 1 to 8 bytes a pixel, besides `image`.
 * @see    PNG specification (ISO/IEC 15948); ITU-R BT.601. Tests: test_png.c
 */
gref_status gref_png_read(gref_mat *image, const char *path, double lo, double hi)
{
    SCOPED(decoder) d = {0};
    SCOPED(gref_mat) X = {0};
    REQUIRE(isfinite(lo) && isfinite(hi) && isfinite(hi - lo), GREF_ERR_RANGE,
            "%s: cannot map its values to [%g, %g]", path, lo, hi);
    TRY(start(&d, path));
    if (!decode(&d)) {
        REQUIRE(!d.no_memory, GREF_ERR_NOMEM, "%s: %s", path, d.message);
        REQUIRE(!d.io_error, GREF_ERR_IO, "%s: %s", path, d.message);
        bool why = d.warning[0] != '\0';
        FAIL(GREF_ERR_FORMAT, "%s: %s%s%s%s", path, d.message, why ? " (" : "", d.warning,
             why ? ")" : "");
    }
    layout l = get_layout(&d);
    TRY_IN(gref_mat_new(&X, l.rows, l.cols), "%s", path);
    TRY(fill(X, &d, &l, path, lo, hi));
    *image = TAKE(X);
    return GREF_OK;
}
