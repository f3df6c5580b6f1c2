/*
 * From a case to a stationary problem, which the spectral path can carry: an ADSN prior on all of
 * its image, and a periodic operator. No n x n matrix is formed, so the limits of gref_case_problem
 * do not apply.
 */
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include <gref/prior.h>

/* The key that is not stationary and why, or false. */
static bool find_obstacle(const char **key, const char **why, const gref_case *c)
{
    static const struct {
        const char *object, *kind, *why;
    } kinds[] = {
        {"prior", "adsn_window", "is block-Toeplitz, not circulant: a window is no torus"},
        {"prior", "patches", "is not stationary"},
        {"prior", "gaussian", "is any covariance, not known to be circulant"},
        {"operator", "inpainting", "does not commute with translations: it has no spectral form"},
        {"operator", "matrix", "is any matrix, not known to commute with translations"},
    };
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        if (gref_case_is(c, kinds[k].object, kinds[k].kind)) {
            *key = strcmp(kinds[k].object, "prior") == 0 ? "prior.kind" : "operator.kind";
            *why = kinds[k].why;
            return true;
        }
    const char *boundary = gref_case_string(c, "operator", "boundary");
    *key = "operator.boundary";
    *why = "is not periodic";
    return boundary != NULL && strcmp(boundary, "periodic") != 0;
}

/* Value of "object.key" as a word. */
static const char *word_at(const gref_case *c, const char *key)
{
    const char *dot = strchr(key, '.');
    return strncmp(key, "prior", 5) == 0 ? gref_case_string(c, "prior", dot + 1)
                                         : gref_case_string(c, "operator", dot + 1);
}

/**
 * True if a case describes a stationary problem.
 *
 * @param[out] why   if not: the key that breaks it, its value and the reason, as "operator.boundary = reflect is
 *                   not periodic"; "" otherwise. May be NULL.
 * @param[in]  size  of `why`; 160 holds any of them.
 */
bool gref_case_is_stationary(char *why, int size, const gref_case *c)
{
    const char *key, *reason;
    bool obstacle = find_obstacle(&key, &reason, c);
    if (why != NULL && size > 0)
        snprintf(why, (size_t)size, "%s", "");
    if (why != NULL && obstacle)
        snprintf(why, (size_t)size, "%s = %s %s", key, word_at(c, key), reason);
    return !obstacle;
}

static gref_status require_stationary(const gref_case *c)
{
    const char *key, *why;
    if (find_obstacle(&key, &why, c))
        CASE_FAIL(c, key, "%s = %s %s", key, word_at(c, key), why);
    return GREF_OK;
}

static gref_status read_operator(gref_stationary *p, const gref_case *c)
{
    double one = 1.0, zero = 0.0;
    SCOPED(gref_mat) K = {0};
    if (gref_case_is(c, "operator", "super_resolution")) {
        CASE_TRY(c, "operator.factor",
                 gref_stationary_super_resolution(p, gref_case_int(c, "operator", "factor"),
                                                  gref_case_filter(c)));
    } else if (gref_case_is(c, "operator", "none")) {
        TRY(gref_stationary_convolution(p, (gref_cmat){&zero, 1, 1, 1}, false));
    } else if (gref_case_is(c, "operator", "identity")) {
        TRY(gref_stationary_convolution(p, (gref_cmat){&one, 1, 1, 1}, false));
    } else {
        TRY(gref_case_kernel(&K, c));
        CASE_TRY(c, "operator",
                 gref_stationary_convolution(
                     p, gref_const(K), json_is_true(gref_case_get(c, "operator", "correlate"))));
    }
    return GREF_OK;
}

static gref_status read_observation(gref_stationary *p, gref_cmat image, const gref_case *c)
{
    int n = p->rows * p->cols, m = n / (p->factor * p->factor);
    if (gref_case_is(c, "observation", "file")) {
        TRY(gref_case_read_vector(&p->v, c, "observation", "file", m, "A x0"));
    } else if (gref_case_is(c, "observation", "image")) {
        TRY(gref_mat_new(&p->x0, n, 1));
        gref_image_flatten(p->x0, image);
        CASE_TRY(c, "observation",
                 gref_stationary_observe_from(p, gref_case_seed(c, "observation")));
    } else {
        CASE_TRY(c, "observation", gref_stationary_observe(p, gref_case_seed(c, "observation")));
    }
    return GREF_OK;
}

/**
 * The stationary problem of a case: the same problem as gref_case_problem's, never as a matrix.
 *
 * x0 and v are those of gref_case_problem to rounding, by the same random numbers.
 *
 * @param[out] p      owned by the caller; gref_stationary_free. Unchanged on error.
 * @param[out] image  the (cropped) image of the case, rows x cols; NULL if not wanted. Unchanged on error.
 * @param[in]  c      a loaded case.
 * @return GREF_OK; GREF_ERR_CASE for a case that is not stationary, naming the key that breaks it, and for values
 *         that do not fit the image or the files; what the readers and gref_stationary_* return. Every message
 *         begins with the place in the case.
 * @see    THEORY section 9. Tests: test_stationary.c, cli/spectral.sh
 */
gref_status gref_case_stationary(gref_stationary *p, gref_mat *image, const gref_case *c)
{
    SCOPED(gref_stationary) q = {0};
    SCOPED(gref_mat) u = {0};
    double value;
    TRY(require_stationary(c));
    TRY(gref_case_require_sigma(c));
    TRY(gref_case_image(&u, c));
    TRY(gref_case_require_spread(c, gref_mat_norm_fro(gref_const(u)),
                                 u.m * u.n)); /* at least that of its ADSN */
    CASE_TRY(c, "prior", gref_stationary_adsn(&q, gref_const(u), gref_case_prior_mean(&value, c)));
    q.sigma = gref_case_number(c, "noise", "sigma");
    TRY(read_operator(&q, c));
    TRY(read_observation(&q, gref_const(u), c));
    *p = TAKE(q);
    if (image != NULL) {
        *image = TAKE(u);
    }
    return GREF_OK;
}
