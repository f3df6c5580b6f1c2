/*
 * From a case to the inverse problem it describes.
 *
 *   u        the image, or the crop of it               image, rows x cols             [pixel]
 *   Sigma    n x n prior covariance [pixel^2]           mu     n x 1 prior mean        [pixel]
 *   A        m x n operator                             v      m x 1             [measurement]
 */
#include <string.h>

#include "internal.h"
#include <gref/prior.h>
#include <gref/psd.h>

typedef gref_status build_fn(gref_problem *p, const gref_case *c);

gref_status gref_case_image(gref_mat *image, const gref_case *c)
{
    SCOPED(gref_mat) whole = {0};
    int crop[4];
    json_t *range = gref_case_get(c, "image", "range");
    if (range == NULL)
        return GREF_OK;
    double span[2] = {json_number_value(json_array_get(range, 0)),
                      json_number_value(json_array_get(range, 1))};
    TRY(gref_case_read_picture(&whole, c, "image", "file", span));
    if (gref_case_ints(crop, 4, c, "image", "crop")) {
        TRY(gref_case_require_inside(c, "image.crop", crop, whole.m, whole.n));
        TRY(gref_mat_new(image, crop[2], crop[3]));
        gref_mat_copy(*image, gref_const(gref_mat_view(whole, crop[0], crop[1], crop[2], crop[3])));
    } else {
        *image = TAKE(whole);
    }
    return GREF_OK;
}

const double *gref_case_prior_mean(double *value, const gref_case *c)
{
    const char *word = gref_case_string(c, "prior", "mean");
    *value = gref_case_number(c, "prior", "mean");
    return word != NULL && strcmp(word, "image") == 0 ? NULL : value;
}

static gref_status adsn(gref_problem *p, const gref_case *c)
{
    double value;
    const double *mean = gref_case_prior_mean(&value, c);
    const char *key = gref_case_get(c, "image", "crop") != NULL ? "image.crop" : "image";
    p->rows = p->image.m;
    p->cols = p->image.n;
    TRY(gref_case_require_memory(c, key, p->rows, p->cols));
    CASE_TRY(c, "prior", gref_prior_adsn(&p->mu, &p->Sigma, gref_const(p->image), mean));
    return GREF_OK;
}

static gref_status adsn_window(gref_problem *p, const gref_case *c)
{
    double value;
    const double *mean = gref_case_prior_mean(&value, c);
    int window[4] = {0};
    gref_case_ints(window, 4, c, "prior", "window");
    p->rows = window[2];
    p->cols = window[3];
    TRY(gref_case_require_inside(c, "prior.window", window, p->image.m, p->image.n));
    TRY(gref_case_require_memory(c, "prior.window", p->rows, p->cols));
    CASE_TRY(c, "prior",
             gref_prior_adsn_window(&p->mu, &p->Sigma, gref_const(p->image), window, mean));
    return GREF_OK;
}

static gref_status patches(gref_problem *p, const gref_case *c)
{
    int size[2] = {0};
    gref_case_ints(size, 2, c, "prior", "size");
    CASE_REQUIRE(size[0] <= p->image.m && size[1] <= p->image.n, c, "prior.size",
                 "prior.size [%d, %d] does not fit in the image of %d x %d", size[0], size[1],
                 p->image.m, p->image.n);
    p->rows = size[0];
    p->cols = size[1];
    TRY(gref_case_require_memory(c, "prior.size", p->rows, p->cols));
    CASE_TRY(c, "prior",
             gref_prior_patches(&p->mu, &p->Sigma, gref_const(p->image), size[0], size[1],
                                gref_case_int(c, "prior", "stride")));
    return GREF_OK;
}

/* One key that gives the shape of x0: n pixels, and what the keys before it said. */
static gref_status add_shape(gref_problem *p, const char **first, const gref_case *c,
                             const char *key, const char *name, int rows, int cols, int n)
{
    CASE_REQUIRE((double)rows * cols == n, c, key,
                 "%s is %d x %d, %.0f pixels, but prior.cov is %d x %d", name, rows, cols,
                 (double)rows * cols, n, n);
    CASE_REQUIRE(*first == NULL || (rows == p->rows && cols == p->cols), c, key,
                 "%s is %d x %d, but %s is %d x %d: x0 has one shape", name, rows, cols, *first,
                 p->rows, p->cols);
    p->rows = rows;
    p->cols = cols;
    *first = *first == NULL ? name : *first;
    return GREF_OK;
}

/*
 * The shape of x0 under a given covariance: prior.shape, that of the image, that of a mean which is
 * more than a row or a column. Those that are there must agree. Where none is, rows and cols stay
 * 0.
 */
static gref_status gaussian_shape(gref_problem *p, const gref_case *c, gref_cmat mean, int n)
{
    int shape[2];
    const char *first = NULL;
    if (gref_case_ints(shape, 2, c, "prior", "shape"))
        TRY(add_shape(p, &first, c, "prior.shape", "prior.shape", shape[0], shape[1], n));
    if (p->image.a != NULL)
        TRY(add_shape(p, &first, c,
                      gref_case_get(c, "image", "crop") != NULL ? "image.crop" : "image",
                      "the image", p->image.m, p->image.n, n));
    if (n == 1 || (mean.m > 1 && mean.n > 1))
        TRY(add_shape(p, &first, c, "prior.mean", "prior.mean", n == 1 ? 1 : mean.m,
                      n == 1 ? 1 : mean.n, n));
    return GREF_OK;
}

/* The mean in reading order; X is the array in its file, empty for a number. */
static gref_status gaussian_mean(gref_problem *p, gref_mat *X, const gref_case *c, int n)
{
    if (gref_case_string(c, "prior", "mean") != NULL) {
        TRY(gref_case_read_array(X, c, "prior", "mean"));
        TRY(gref_case_vector_of(&p->mu, gref_const(*X), c, "prior", "mean", n,
                                "a row of prior.cov"));
    } else {
        TRY(gref_mat_new(&p->mu, n, 1));
        gref_mat_fill(p->mu, gref_case_number(c, "prior", "mean"));
    }
    return GREF_OK;
}

static gref_status gaussian(gref_problem *p, const gref_case *c)
{
    SCOPED(gref_mat) mean = {0};
    TRY(gref_case_read_array(&p->Sigma, c, "prior", "cov"));
    int n = p->Sigma.n;
    CASE_REQUIRE(p->Sigma.m == n, c, "prior.cov", "prior.cov: %s is %d x %d, not square",
                 gref_case_string(c, "prior", "cov"), p->Sigma.m, n);
    TRY(gref_case_require_memory(c, "prior.cov", n, 1));
    TRY(gaussian_mean(p, &mean, c, n));
    TRY(gaussian_shape(p, c, gref_const(mean), n));
    TRY(gref_case_require_prior(c, gref_const(p->Sigma)));
    CASE_TRY(c, "prior.cov",
             gref_psd_require(gref_const(p->Sigma), gref_case_string(c, "prior", "cov")));
    gref_mat_symmetrise(p->Sigma);
    return GREF_OK;
}

static gref_status sample(gref_problem *p, const gref_case *c)
{
    CASE_TRY(c, "observation", gref_problem_observe(p, gref_case_seed(c, "observation")));
    return GREF_OK;
}

/* x0 is the image, or what the prior's window shows of it: no other part is as good as any. */
static gref_status observe_image(gref_problem *p, const gref_case *c)
{
    int window[4] = {0, 0, p->image.m, p->image.n};
    gref_case_ints(window, 4, c, "prior", "window");
    CASE_REQUIRE(
        window[2] == p->rows && window[3] == p->cols, c, "observation.kind",
        "observation.kind is \"image\", but the image is %d x %d and x0 is %d x %d: crop the "
        "image, or give v by a file",
        window[2], window[3], p->rows, p->cols);
    gref_mat view = gref_mat_view(p->image, window[0], window[1], window[2], window[3]);
    TRY(gref_mat_new(&p->x0, p->Sigma.n, 1));
    gref_image_flatten(p->x0, gref_const(view));
    CASE_TRY(c, "observation", gref_problem_observe_from(p, gref_case_seed(c, "observation")));
    return GREF_OK;
}

static gref_status observe_file(gref_problem *p, const gref_case *c)
{
    return gref_case_read_vector(&p->v, c, "observation", "file", p->A.m, "A x0");
}

typedef struct {
    const char *object, *kind;
    build_fn *build;
} builder;

static const builder builders[] = {
    {"prior", "adsn", adsn},
    {"prior", "adsn_window", adsn_window},
    {"prior", "patches", patches},
    {"prior", "gaussian", gaussian},
    {"observation", "sample", sample},
    {"observation", "image", observe_image},
    {"observation", "file", observe_file},
};

static gref_status build(gref_problem *p, const gref_case *c, const char *object)
{
    for (size_t k = 0; k < sizeof builders / sizeof *builders; k++)
        if (strcmp(builders[k].object, object) == 0 && gref_case_is(c, object, builders[k].kind))
            return builders[k].build(p, c);
    CASE_FAIL(c, object, "%s.kind \"%s\" cannot be built", object,
              gref_case_string(c, object, "kind"));
    return GREF_OK;
}

/**
 * The inverse problem of a case: image, prior, operator and measurement.
 *
 *     x0 ~ N(mu, Sigma),   v = A x0 + sigma n
 *
 * Images and .npy vectors are read row by row. The shape of x0 under a prior "gaussian" is that of
 * prior.shape, of the image or of a 2-D mean; where none of them gives it, operators between pixels
 * that are neighbours are refused, and p->rows x p->cols is n x 1. For observation "file" x0 stays
 * empty. A covariance from a file must be symmetric and PSD up to rounding and is then symmetrised.
 * sigma = 0 with a singular A Sigma A^T is not refused here.
 *
 * @param[out] p  owned by the caller; gref_problem_free. Unchanged on error.
 * @param[in]  c  a loaded case.
 * @return GREF_OK; GREF_ERR_CASE for values that do not fit the image, the files, doubles (case_range.c) or the memory
 *         (about 16 matrices of order max(n, m) must fit); what the readers, gref_psd_require,
 *         gref_operator_*, gref_prior_* and gref_problem_observe return. Every message begins with
 *         the place in the case.
 * @cost   that of gref_psd_sqrt (observation "sample") or gref_psd_require (prior "gaussian").
 * @see    THEORY sections 1 and 2. Tests: test_case_problem.c, test_case_bad_input.c
 */
gref_status gref_case_problem(gref_problem *p, const gref_case *c)
{
    SCOPED(gref_problem) q = {.sigma = gref_case_number(c, "noise", "sigma")};
    TRY(gref_case_require_sigma(c));
    TRY(gref_case_image(&q.image, c));
    TRY(build(&q, c, "prior"));
    TRY(gref_case_require_prior(c, gref_const(q.Sigma)));
    bool shaped = q.rows > 0;
    if (!shaped) {
        q.rows = q.Sigma.n;
        q.cols = 1;
    }
    TRY(gref_case_operator(&q.A, &q.v_rows, &q.v_cols, c, q.rows, q.cols, shaped));
    TRY(gref_case_require_product(c, gref_const(q.A), gref_const(q.Sigma)));
    TRY(build(&q, c, "observation"));
    *p = TAKE(q);
    return GREF_OK;
}
