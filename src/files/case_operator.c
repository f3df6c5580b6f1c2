/*
 * The operator of a case as an explicit matrix.
 *
 *   A  m x n, n = rows * cols                                            [measurement / pixel]
 *   K  kernel of a convolution, odd x odd
 */
#include <string.h>

#include "internal.h"
#include <gref/operator.h>

/* The matrix and the shape of v as a picture. */
typedef struct {
    gref_mat A;
    int v_rows, v_cols;
    bool shaped; /* rows x cols is the shape of x0, not only its size */
} built;

static void built_free(built *b)
{
    gref_mat_free(&b->A);
}

typedef gref_status build_fn(built *b, const gref_case *c, int rows, int cols);

/* Position of the case's word in a list of names, which the schema guarantees. */
static int index_of(const char *const *names, const gref_case *c, const char *key)
{
    const char *word = gref_case_string(c, "operator", key);
    int k = 0;
    while (strcmp(names[k], word) != 0)
        k++;
    return k;
}

static gref_status identity(built *b, const gref_case *c, int rows, int cols)
{
    (void)c;
    TRY(gref_mat_new(&b->A, rows * cols, rows * cols));
    gref_mat_identity(b->A);
    b->v_rows = rows;
    b->v_cols = cols;
    return GREF_OK;
}

gref_status gref_case_kernel(gref_mat *K, const gref_case *c)
{
    if (gref_case_is(c, "operator", "gaussian_blur"))
        CASE_TRY(c, "operator",
                 gref_kernel_gaussian(K, gref_case_number(c, "operator", "std"),
                                      gref_case_int(c, "operator", "size")));
    else if (gref_case_is(c, "operator", "motion_blur"))
        CASE_TRY(c, "operator",
                 gref_kernel_motion(K, gref_case_number(c, "operator", "length"),
                                    gref_case_number(c, "operator", "angle")));
    else
        TRY(gref_case_read_array(K, c, "operator", "file"));
    return GREF_OK;
}

static gref_status convolution(built *b, const gref_case *c, int rows, int cols)
{
    static const char *const boundaries[] = {
        [GREF_BOUNDARY_PERIODIC] = "periodic",   [GREF_BOUNDARY_ZERO] = "zero",
        [GREF_BOUNDARY_REFLECT] = "reflect",     [GREF_BOUNDARY_SYMMETRIC] = "symmetric",
        [GREF_BOUNDARY_REPLICATE] = "replicate", [GREF_BOUNDARY_VALID] = "valid"};
    SCOPED(gref_mat) K = {0};
    gref_boundary boundary = (gref_boundary)index_of(boundaries, c, "boundary");
    bool correlate = json_is_true(gref_case_get(c, "operator", "correlate"));
    TRY(gref_case_kernel(&K, c));
    CASE_TRY(c, "operator",
             gref_operator_convolution(&b->A, gref_const(K), rows, cols, boundary, correlate));
    bool valid = boundary == GREF_BOUNDARY_VALID;
    b->v_rows = valid ? rows - K.m + 1 : rows;
    b->v_cols = valid ? cols - K.n + 1 : cols;
    return GREF_OK;
}

gref_sr_filter gref_case_filter(const gref_case *c)
{
    static const char *const filters[] = {
        [GREF_SR_BOX] = "box", [GREF_SR_BICUBIC] = "bicubic", [GREF_SR_NONE] = "none"};
    return (gref_sr_filter)index_of(filters, c, "filter");
}

static gref_status super_resolution(built *b, const gref_case *c, int rows, int cols)
{
    int factor = gref_case_int(c, "operator", "factor");
    CASE_TRY(c, "operator.factor",
             gref_operator_super_resolution(&b->A, rows, cols, factor, gref_case_filter(c)));
    b->v_rows = rows / factor;
    b->v_cols = cols / factor;
    return GREF_OK;
}

/* What has no answer where only the number of pixels is known. */
static gref_status require_shape(const built *b, const gref_case *c, const char *key,
                                 const char *what, int n)
{
    CASE_REQUIRE(b->shaped, c, key,
                 "%s: %s needs the shape of x0, of which only its %d pixels are known: give "
                 "prior.shape [rows, cols], an "
                 "image, or a 2-D prior.mean",
                 key, what, n);
    return GREF_OK;
}

/* A mask as large as x0; where that has no shape, a row or a column of n numbers. */
static gref_status mask_file(gref_mat *keep, const built *b, const gref_case *c, int rows, int cols)
{
    const double span[2] = {0.0, 1.0};
    const char *key = "operator.mask", *name = gref_case_string(c, "operator", "mask");
    SCOPED(gref_mat) X = {0};
    int ndim = 2;
    TRY(gref_case_read_any(&X, &ndim, c, "operator", "mask", span));
    if (X.m > 1 && X.n > 1)
        TRY(require_shape(b, c, key, name, rows));
    CASE_REQUIRE(ndim == 2 || !b->shaped, c, key,
                 "%s: %s is an array of dimension %d, not a picture", key, name, ndim);
    bool fits = b->shaped ? X.m == rows && X.n == cols : X.m * X.n == rows;
    CASE_REQUIRE(fits, c, key, "%s: %s is %d x %d, %s is %d x %d", key, name, X.m, X.n,
                 b->shaped ? "the image" : "x0", rows, cols);
    TRY(gref_mat_new(keep, rows, cols));
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < cols; j++)
            GREF_AT(*keep, i, j) = b->shaped ? GREF_AT(X, i, j) : X.a[i];
    return GREF_OK;
}

/* The mask of an inpainting and the key that gave it. */
static gref_status read_mask(gref_mat *keep, const char **key, const built *b, const gref_case *c,
                             int rows, int cols)
{
    int box[4];
    if (gref_case_get(c, "operator", "mask") != NULL) {
        *key = "operator.mask";
        TRY(mask_file(keep, b, c, rows, cols));
    } else if (gref_case_ints(box, 4, c, "operator", "box")) {
        *key = "operator.box";
        TRY(require_shape(b, c, *key, "a box", rows));
        TRY(gref_case_require_inside(c, *key, box, rows, cols));
        CASE_TRY(c, *key, gref_mask_box(keep, rows, cols, box));
    } else {
        *key = "operator.keep";
        CASE_TRY(c, *key,
                 gref_mask_keep(keep, rows, cols, gref_case_number(c, "operator", "keep"),
                                gref_case_seed(c, "operator")));
    }
    return GREF_OK;
}

static gref_status inpainting(built *b, const gref_case *c, int rows, int cols)
{
    SCOPED(gref_mat) keep = {0};
    const char *key = "operator";
    TRY(read_mask(&keep, &key, b, c, rows, cols));
    CASE_TRY(c, key, gref_operator_inpainting(&b->A, gref_const(keep)));
    CASE_REQUIRE(b->A.m > 0, c, key, "%s keeps none of the %d x %d pixels", key, rows, cols);
    b->v_rows = b->A.m;
    b->v_cols = 1;
    return GREF_OK;
}

static gref_status matrix(built *b, const gref_case *c, int rows, int cols)
{
    TRY(gref_case_read_array(&b->A, c, "operator", "file"));
    CASE_REQUIRE(b->A.n == rows * cols, c, "operator.file",
                 "operator.file: %s is %d x %d, but x0 has %d pixels",
                 gref_case_string(c, "operator", "file"), b->A.m, b->A.n, rows * cols);
    TRY(gref_case_require_memory(c, "operator.file", b->A.m, 1));
    b->v_rows = b->A.m;
    b->v_cols = 1;
    return GREF_OK;
}

/* Of an unconditional study: zeros, which measure nothing. */
static gref_status none(built *b, const gref_case *c, int rows, int cols)
{
    (void)c;
    b->v_rows = rows;
    b->v_cols = cols;
    return gref_mat_new(&b->A, rows * cols, rows * cols);
}

gref_status gref_case_operator(gref_mat *A, int *v_rows, int *v_cols, const gref_case *c, int rows,
                               int cols, bool shaped)
{
    static const struct {
        const char *kind;
        build_fn *build;
        bool neighbours; /* needs the shape of x0 */
    } kinds[] = {
        {"none", none, false},
        {"identity", identity, false},
        {"gaussian_blur", convolution, true},
        {"motion_blur", convolution, true},
        {"kernel", convolution, true},
        {"super_resolution", super_resolution, true},
        {"inpainting", inpainting, false}, /* but for some masks */
        {"matrix", matrix, false},
    };
    SCOPED(built) b = {.shaped = shaped};
    size_t k = 0;
    while (k < sizeof kinds / sizeof *kinds && !gref_case_is(c, "operator", kinds[k].kind))
        k++;
    CASE_REQUIRE(k < sizeof kinds / sizeof *kinds, c, "operator.kind",
                 "operator.kind \"%s\" cannot be built", gref_case_string(c, "operator", "kind"));
    if (kinds[k].neighbours && !shaped)
        TRY(require_shape(&b, c, "operator.kind", kinds[k].kind, rows));
    TRY(kinds[k].build(&b, c, rows, cols));
    *A = TAKE(b.A);
    *v_rows = b.v_rows;
    *v_cols = b.v_cols;
    return GREF_OK;
}
