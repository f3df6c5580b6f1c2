/*
 * Inpainting masks: 1 where the pixel is measured, 0 where it is missing.
 *
 *     symbol  variable  shape        unit
 *     keep    keep      rows x cols  0 or 1
 *     u       U         cols x rows  1 (uniform numbers, so that storage order is row-major)
 */
#include <math.h>
#include <stdlib.h>

#include "base/internal.h"
#include <gref/operator.h>
#include <gref/random.h>

/**
 * Everything kept but a rectangle.
 *
 * The rectangle must be non-empty and lie inside the image. It may cover all of it: the mask then
 * keeps nothing, which gref_operator_inpainting refuses.
 *
 * @param[out] keep        rows x cols, allocated; unchanged on error.                    [0 or 1]
 * @param[in]  rows, cols  size of the image, >= 1.                                        [pixel]
 * @param[in]  box         {row, col, rows, cols} that are missing.                        [pixel]
 * @return GREF_OK; GREF_ERR_RANGE; GREF_ERR_NOMEM.
 * @see    THEORY section 1 (A). Tests: test_mask.c
 */
gref_status gref_mask_box(gref_mat *keep, int rows, int cols, const int box[4])
{
    gref_mat mask = {0};
    const int i = box[0], j = box[1], h = box[2], w = box[3];
    REQUIRE(rows >= 1 && cols >= 1, GREF_ERR_RANGE, "an image cannot be %d x %d", rows, cols);
    REQUIRE(h >= 1 && w >= 1, GREF_ERR_RANGE, "the missing box is empty: %d x %d", h, w);
    REQUIRE(i >= 0 && j >= 0 && h <= rows - i && w <= cols - j, GREF_ERR_RANGE,
            "a box of %d x %d at row %d, column %d leaves the %d x %d image", h, w, i, j, rows,
            cols);
    TRY(gref_mat_new(&mask, rows, cols));
    gref_mat_fill(mask, 1.0);
    gref_mat_fill(gref_mat_view(mask, i, j, h, w), 0.0);
    *keep = mask;
    return GREF_OK;
}

typedef struct {
    double u;
    size_t pixel;
} lot;

static int by_number(const void *left, const void *right)
{
    const lot *a = left, *b = right;
    if (a->u != b->u)
        return a->u < b->u ? -1 : 1;
    return a->pixel < b->pixel ? -1 : a->pixel > b->pixel;
}

/**
 * A given share of the pixels, chosen at random.
 *
 * Pixel p = i cols + j draws the uniform number p of (seed, GREF_STREAM_MASK, substream 0); the
 * k = round(fraction rows cols) pixels with the smallest numbers are kept: exactly k, each subset
 * equally likely. round is half away from zero; k = 0, an empty mask, is refused. A tie
 * (probability below n^2 / 2^54) goes to the lower p. The same seed gives the same mask everywhere,
 * and a larger fraction a larger mask.
 *
 * @param[out] keep        rows x cols, allocated; unchanged on error.                    [0 or 1]
 * @param[in]  rows, cols  size of the image, >= 1.                                        [pixel]
 * @param[in]  fraction    share of the pixels that is kept, in (0, 1].                        [1]
 * @param[in]  seed        of the random numbers.
 * @return GREF_OK; GREF_ERR_RANGE; GREF_ERR_NOMEM.
 * @see    THEORY section 1 (A); random.c. Tests: test_mask.c
 */
gref_status gref_mask_keep(gref_mat *keep, int rows, int cols, double fraction, uint64_t seed)
{
    SCOPED(gref_mat) mask = {0}, U = {0};
    SCOPED_MEM lot *lots = NULL;
    REQUIRE(rows >= 1 && cols >= 1, GREF_ERR_RANGE, "an image cannot be %d x %d", rows, cols);
    REQUIRE(fraction > 0 && fraction <= 1, GREF_ERR_RANGE,
            "keep = %.17g, but the fraction of kept pixels must be in (0, 1]", fraction);
    const size_t n = (size_t)rows * (size_t)cols;
    const size_t k = (size_t)round(fraction * (double)n);
    REQUIRE(k > 0, GREF_ERR_RANGE, "keep = %.17g of %d x %d pixels rounds to none: an empty mask",
            fraction, rows, cols);
    TRY(gref_mat_new(&mask, rows, cols));
    TRY(gref_mat_new(&U, cols, rows));
    lots = gref_alloc(n, sizeof *lots);
    REQUIRE(lots != NULL, GREF_ERR_NOMEM, "no memory to choose among %zu pixels", n);

    gref_random_uniform(U, seed, GREF_STREAM_MASK, 0, 0);
    for (size_t p = 0; p < n; p++)
        lots[p] = (lot){U.a[p], p};
    qsort(lots, n, sizeof *lots, by_number);
    for (size_t l = 0; l < k; l++)
        GREF_AT(mask, lots[l].pixel / cols, lots[l].pixel % cols) = 1.0;
    *keep = TAKE(mask);
    return GREF_OK;
}
