#include "files/internal.h"
#include "scratch.h"

#include <math.h>

#include <gref/npy.h>

enum { ROWS = 11, COLS = 13 };

/* The formulas of tests/data/make_fixtures.py. */
static int sample(int i, int j, int c, int top)
{
    if (i == 0 && j == 0)
        return 0;
    if (i == ROWS - 1 && j == COLS - 1)
        return top;
    return (7919 * i + 104729 * j + 1299709 * c + 31 * i * j) % (top + 1);
}

static int palette(int k, int c)
{
    return (37 * k + 101 * c + 5 * k * c) % 256;
}

typedef struct {
    const char *name;
    char kind; /* 'g' gray, 'c' colour, 'p' palette */
    int depth;
} image;

static const image images[] = {
    {"gray1", 'g', 1},
    {"gray2", 'g', 2},
    {"gray4", 'g', 4},
    {"gray8", 'g', 8},
    {"gray16", 'g', 16},
    {"gray_alpha8", 'g', 8},
    {"gray_alpha16", 'g', 16},
    {"rgb8", 'c', 8},
    {"rgb16", 'c', 16},
    {"rgb_alpha8", 'c', 8},
    {"rgb_alpha16", 'c', 16},
    {"palette1", 'p', 1},
    {"palette2", 'p', 2},
    {"palette4", 'p', 4},
    {"palette8", 'p', 8},
    {"gray16_gamma", 'g', 16},
    {"palette4_alpha", 'p', 4},
    {"gray1_interlaced", 'g', 1},
    {"gray16_interlaced", 'g', 16},
    {"rgb8_interlaced", 'c', 8},
    {"palette2_interlaced", 'p', 2},
    {"gray8_warning", 'g', 8},
};
enum { IMAGES = sizeof images / sizeof *images };

static const char *png(const char *name)
{
    static char file[64];
    snprintf(file, sizeof file, "%s.png", name);
    return fixture(file);
}

/* s and s_max of gref_png_read's comment, in long double. */
static long double stored(const image *im, int i, int j, int *top)
{
    int top_sample = (1 << im->depth) - 1, s[3];
    *top = im->depth == 16 ? 65535 : 255;
    if (im->kind == 'g')
        return sample(i, j, 0, top_sample) * (*top / top_sample);
    for (int c = 0; c < 3; c++)
        s[c] =
            im->kind == 'p' ? palette(sample(i, j, 0, top_sample), c) : sample(i, j, c, top_sample);
    return (299 * s[0] + 587 * s[1] + 114 * s[2]) / 1000.0L;
}

/*
 * Every colour type, depth and interlacing, against the formula that made the files without libpng.
 * On [0, 1] the value is s/s_max rounded once: exact for gray, and for colours within the roundings
 * of this test's own arithmetic, where one unit of 65535, a gamma, or an alpha blended in cannot
 * hide.
 */
START_TEST(test_png_read__gives_the_stored_values)
{
    for (int k = 0; k < IMAGES; k++) {
        gref_mat X = {0};
        ck_ok(gref_png_read(&X, png(images[k].name), 0, 1));
        ck_assert(X.m == ROWS && X.n == COLS);
        for (int i = 0; i < ROWS; i++)
            for (int j = 0; j < COLS; j++) {
                int top;
                long double s = stored(&images[k], i, j, &top);
                double x = GREF_AT(X, i, j), q = (double)(s / top);
                if (images[k].kind == 'g')
                    ck_assert_msg(x == (double)s / top, "%s (%d, %d): %.17g, not %.17g",
                                  images[k].name, i, j, x, (double)s / top);
                else /* q rounds twice, x once; worst 0.28, without 80-bit long double 0.66 */
                    ck_assert_bound("png colour", (double)fabsl(x - s / top), 3 * EPS * q);
            }
        gref_mat_free(&X);
    }
}
END_TEST

/*
 * The bound of the comment on ranges that round badly; 0 and s_max give lo and hi with equality,
 * where lo + (hi - lo) alone is not hi. Long double has 11 more bits than the claim.
 */
START_TEST(test_png_read__maps_to_the_range_within_the_bound)
{
    static const double ranges[][2] = {{-1, 1},
                                       {0, 1},
                                       {0, 255},
                                       {1, -1},
                                       {0.1, 0.3},
                                       {-0.1, 1e-20},
                                       {1e16, -3.7},
                                       {0.3, 0.3},
                                       {-1e300, 1e300},
                                       {M_PI, M_PI * 3},
                                       {-1e-300, 0x1p-1074}};
    for (size_t r = 0; r < sizeof ranges / sizeof *ranges; r++)
        for (int k = 0; k < IMAGES; k++) {
            const double lo = ranges[r][0], hi = ranges[r][1];
            const double bound = EPS * (3 * fabs(hi - lo) + fmax(fabs(lo), fabs(hi))) + 0x1p-1074;
            gref_mat X = {0};
            ck_ok(gref_png_read(&X, png(images[k].name), lo, hi));
            for (int i = 0; i < ROWS; i++)
                for (int j = 0; j < COLS; j++) {
                    int top;
                    long double q = stored(&images[k], i, j, &top) / top;
                    long double x = lo + ((long double)hi - lo) * q;
                    if (q == 0 || q == 1)
                        ck_assert(GREF_AT(X, i, j) == (q == 0 ? lo : hi));
                    /* worst 0.51 */
                    ck_assert_bound("png range", (double)fabsl(GREF_AT(X, i, j) - x), bound);
                }
            gref_mat_free(&X);
        }
}
END_TEST

/*
 * Three equal samples are that gray, to the last bit: 0.299 + 0.587 + 0.114 is 1, and no product
 * rounds.
 */
START_TEST(test_png_read__equal_colours_are_gray)
{
    gref_mat X = {0}, Y = {0};
    ck_ok(gref_png_read(&X, png("rgb8_equal"), -0.3, 1.7));
    ck_ok(gref_png_read(&Y, png("gray8"), -0.3, 1.7));
    ck_assert(same_bits(gref_const(X), gref_const(Y)));
    gref_mat_free(&X);
    gref_mat_free(&Y);
}
END_TEST

static void fails(const char *path, gref_status expected, const char *told)
{
    gref_mat X = untouched();
    ck_fails(gref_png_read(&X, path, -1, 1), expected);
    assert_message(told);
    assert_message(path);
    assert_untouched(X);
}

/* Each refusal in the words of whoever refused: the system, libpng, or this reader. */
START_TEST(test_png_read__refuses_with_the_reason)
{
    gref_mat X = untouched();
    fails(scratch("none.png"), GREF_ERR_IO, "No such file or directory");
    fails(scratch_folder, GREF_ERR_IO, "Is a directory");
    fails(fixture("c_3x4.npy"), GREF_ERR_FORMAT, "c_3x4.npy is not a PNG file");
    spill(scratch("empty.png"), "", 0);
    fails(scratch("empty.png"), GREF_ERR_FORMAT, "file is truncated");
    spill(scratch("text.png"), "hello", 5); /* shorter than a signature: was called truncated */
    fails(scratch("text.png"), GREF_ERR_FORMAT, "text.png is not a PNG file");
    fails(png("bad_too_wide"), GREF_ERR_FORMAT,
          "Invalid IHDR data (Image width exceeds user limit in IHDR)");
    fails(png("bad_index"), GREF_ERR_FORMAT, "row 5, column 7 has colour 3 of a palette of 3");
    static const double ranges[][2] = {
        {NAN, 1}, {0, NAN}, {-INFINITY, 0}, {0, INFINITY}, {-1.5e308, 1.5e308}};
    for (int r = 0; r < 5; r++)
        ck_fails(gref_png_read(&X, png("gray8"), ranges[r][0], ranges[r][1]), GREF_ERR_RANGE);
    assert_message("cannot map its values to [-1.5e+308, 1.5e+308]");
    assert_untouched(X);
}
END_TEST

/* 10^12 pixels of 8 bytes, which the header promises and 1 GiB does not hold. */
START_TEST(test_png_read__out_of_memory)
{
    if (limit_memory())
        fails(png("bad_huge"), GREF_ERR_NOMEM,
              "no memory for an image of 1000000 x 1000000 pixels");
}
END_TEST

/*
 * Every cut of a file of each kind is refused as truncated. Every changed byte is refused or leaves
 * the values as they are (a chunk that does not count): the CRC of each chunk covers the rest.
 */
START_TEST(test_png_read__survives_cuts_and_changed_bytes)
{
    const char *names[] = {"gray16_gamma", "palette4_alpha", "rgb8_interlaced", "gray_alpha8"};
    for (int k = 0; k < 4; k++) {
        size_t size;
        unsigned char *bytes = slurp(png(names[k]), &size);
        gref_mat whole = {0};
        ck_ok(gref_png_read(&whole, png(names[k]), -1, 1));
        for (size_t cut = 0; cut < size; cut++) {
            spill(scratch("x.png"), bytes, cut);
            fails(scratch("x.png"), GREF_ERR_FORMAT, "file is truncated");
        }
        for (size_t at = 0; at < size; at++)
            for (int flip = 1; flip < 256; flip = 4 * flip + 1) {
                gref_mat X = untouched();
                bytes[at] ^= (unsigned char)flip;
                spill(scratch("x.png"), bytes, size);
                gref_status status = gref_png_read(&X, scratch("x.png"), -1, 1);
                if (status == GREF_OK) {
                    ck_assert(same_bits(gref_const(X), gref_const(whole)));
                    gref_mat_free(&X);
                } else {
                    ck_assert(status == GREF_ERR_FORMAT);
                    assert_untouched(X);
                }
                bytes[at] ^= (unsigned char)flip;
            }
        gref_mat_free(&whole);
        free(bytes);
    }
}
END_TEST

/* Both streams go to files: libpng's default handlers would leave their words there. */
START_TEST(test_png_read__prints_nothing)
{
    gref_mat X = {0};
    int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO);
    struct stat st;
    fflush(stdout);
    ck_assert(freopen(scratch("stdout"), "w", stdout) != NULL);
    ck_assert(freopen(scratch("stderr"), "w", stderr) != NULL);
    gref_status warned = gref_png_read(&X, png("gray8_warning"), 0, 1);
    gref_status refused = gref_png_read(&X, png("bad_too_wide"), 0, 1);
    fflush(stdout);
    fflush(stderr);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    ck_assert(warned == GREF_OK && refused == GREF_ERR_FORMAT);
    ck_assert(stat(scratch("stdout"), &st) == 0 && st.st_size == 0);
    ck_assert(stat(scratch("stderr"), &st) == 0 && st.st_size == 0);
    gref_mat_free(&X);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("png");
    TCase *tc = new_tcase(s, "png");
    tcase_add_checked_fixture(tc, scratch_make, scratch_remove);
    tcase_add_test(tc, test_png_read__gives_the_stored_values);
    tcase_add_test(tc, test_png_read__maps_to_the_range_within_the_bound);
    tcase_add_test(tc, test_png_read__equal_colours_are_gray);
    tcase_add_test(tc, test_png_read__refuses_with_the_reason);
    tcase_add_test(tc, test_png_read__out_of_memory);
    tcase_add_test(tc, test_png_read__survives_cuts_and_changed_bytes);
    tcase_add_test(tc, test_png_read__prints_nothing);
    return run_suite(s);
}
