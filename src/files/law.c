/* Gaussian laws from .npz and .npy files, and their distance whatever form they come in. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dense/internal.h"
#include "internal.h"
#include "wasserstein/internal.h"
#include <gref/law.h>
#include <gref/npy.h>
#include <gref/psd.h>

void gref_law_free(gref_law *law)
{
    gref_mat_free(&law->mean);
    gref_mat_free(&law->m);
    free(law->path);
    *law = (gref_law){0};
}

/* The names in an archive, "a, b, c", for the message that some are missing. */
static void list_names(char *text, size_t size, const gref_npz_reader *r)
{
    text[0] = '\0';
    for (int k = 0; k < gref_npz_count(r) && strlen(text) + 40 < size; k++) {
        size_t used = strlen(text);
        snprintf(text + used, size - used, "%s%.32s", k > 0 ? ", " : "", gref_npz_name(r, k));
    }
}

/* The keys of the law: which array is its mean, which the rest, and of what kind. */
static gref_status choose_keys(const char **mean, const char **rest, gref_law *law,
                               const gref_npz_reader *r, const char *path)
{
    static const struct {
        const char *mean, *rest;
        gref_law_kind kind;
        bool fid;
    } forms[] = {{"mean", "cov", GREF_LAW_COV, false},
                 {"mean", "factor", GREF_LAW_FACTOR, false},
                 {"mean", "variances", GREF_LAW_SPECTRUM, false},
                 {"mu", "sigma", GREF_LAW_COV, true}};
    int found = 0;
    char names[512];
    for (size_t k = 0; k < sizeof forms / sizeof *forms; k++)
        if (gref_npz_has(r, forms[k].mean) && gref_npz_has(r, forms[k].rest)) {
            *mean = forms[k].mean;
            *rest = forms[k].rest;
            law->kind = forms[k].kind;
            law->fid = forms[k].fid;
            found++;
        }
    list_names(names, sizeof names, r);
    REQUIRE(found > 0, GREF_ERR_FORMAT,
            "%s holds (%s): a law is mean with cov, factor or variances, or mu with sigma", path,
            names);
    REQUIRE(found == 1, GREF_ERR_FORMAT, "%s holds (%s): more than one law, so none is meant", path,
            names);
    return GREF_OK;
}

static gref_status read_npz(gref_law *law, const char *path)
{
    SCOPED_PTR(gref_npz_reader) *r = NULL;
    const char *mean = NULL, *rest = NULL;
    TRY(gref_npz_open(&r, path));
    TRY(choose_keys(&mean, &rest, law, r, path));
    TRY(gref_npz_get_rounded(&law->mean, &law->u_mean, r, mean));
    TRY(gref_npz_get_rounded(&law->m, &law->u, r, rest));
    int n = law->m.m;
    REQUIRE(law->kind != GREF_LAW_COV || law->m.m == law->m.n, GREF_ERR_SHAPE,
            "%s: %s is %d x %d, not square", path, rest, law->m.m, law->m.n);
    REQUIRE(law->kind != GREF_LAW_SPECTRUM || law->m.n == 1, GREF_ERR_SHAPE,
            "%s: %s is %d x %d, not a vector", path, rest, law->m.m, law->m.n);
    REQUIRE(law->mean.m == n && law->mean.n == 1, GREF_ERR_SHAPE,
            "%s: %s is %d x %d, %s has %d rows", path, mean, law->mean.m, law->mean.n, rest, n);
    return GREF_OK;
}

static gref_status read_npy(gref_law *law, const char *path)
{
    int ndim = 0;
    law->kind = GREF_LAW_COV;
    law->u_mean = GREF_U;
    TRY(gref_npy_read_rounded(&law->m, &ndim, &law->u, path));
    REQUIRE(ndim == 2 && law->m.m == law->m.n, GREF_ERR_SHAPE,
            "%s is %d x %d: a .npy law is a square covariance", path, law->m.m, law->m.n);
    return gref_mat_new(&law->mean, law->m.m, 1);
}

/* What the file alone can be blamed for; indefinite covariances take an eigendecomposition, see
 * gref_law_w2. */
static gref_status check_values(const gref_law *law)
{
    TRY(gref_require_finite(gref_const(law->mean), "mean"));
    TRY(gref_require_finite(gref_const(law->m), law->kind == GREF_LAW_COV ? "covariance" : "law"));
    if (law->kind == GREF_LAW_COV)
        TRY(gref_psd_require_symmetric(gref_const(law->m), law->u, "the covariance"));
    for (int i = 0; law->kind == GREF_LAW_SPECTRUM && i < law->m.m; i++)
        REQUIRE(law->m.a[i] >= 0.0, GREF_ERR_RANGE, "variance %d is negative: %g", i, law->m.a[i]);
    return GREF_OK;
}

/**
 * Reads a law; which form it is in follows from the file's ending and keys.
 *
 * @param[out] law  owned by the caller; gref_law_free. Unchanged on error.
 * @return GREF_OK; GREF_ERR_IO; GREF_ERR_FORMAT (keys named); GREF_ERR_SHAPE (0 x 0 too); GREF_ERR_NONFINITE,
 *         GREF_ERR_NOT_SYMMETRIC, GREF_ERR_RANGE for a negative variance (place and value); GREF_ERR_NOMEM.
 * @see    Tests: cli/w2.sh
 */
gref_status gref_law_read(gref_law *out, const char *path)
{
    SCOPED(gref_law) law = {0};
    size_t length = strlen(path);
    bool npy = length >= 4 && strcmp(path + length - 4, ".npy") == 0;
    struct stat st;
    REQUIRE(npy || stat(path, &st) != 0 || S_ISREG(st.st_mode), GREF_ERR_IO,
            "%s is not a regular .npz or .npy file", path);
    TRY(npy ? read_npy(&law, path) : read_npz(&law, path));
    REQUIRE(law.m.m >= 1, GREF_ERR_SHAPE, "%s: a law on 0 dimensions has no distance", path);
    law.path = gref_strdup(path);
    REQUIRE(law.path != NULL, GREF_ERR_NOMEM, "%s: no memory for its name", path);
    TRY_IN(check_values(&law), "%s", path);
    *out = TAKE(law);
    return GREF_OK;
}

static const char *name_of(const gref_law *law)
{
    return law->path != NULL ? law->path : "a law";
}

/* True if this law is to blame, in a message that names its file: gref_w2_certify_mixed, for one,
 * calls either C1. */
static bool is_indefinite(const gref_law *law)
{
    if (law->kind != GREF_LAW_COV ||
        gref_psd_require_to(gref_const(law->m), law->u, "the covariance") != GREF_ERR_NOT_PSD)
        return false;
    gref_fail_context(GREF_ERR_NOT_PSD, "%s", name_of(law));
    return true;
}

static gref_w2_law given(const gref_law *law)
{
    return (gref_w2_law){gref_const(law->mean), gref_const(law->m), law->u_mean, law->u};
}

static gref_status distance(gref_w2 *out, const gref_law *first, const gref_law *second, bool fast)
{
    gref_w2_law a = given(first), b = given(second);
    if (first->kind == GREF_LAW_SPECTRUM)
        return gref_w2_of_variances(out, &a, &b);
    if (first->kind != second->kind)
        return first->kind == GREF_LAW_COV ? gref_w2_of_mixed(out, &a, &b)
                                           : gref_w2_of_mixed(out, &b, &a);
    return first->kind == GREF_LAW_FACTOR ? gref_w2_of_factors(out, &a, &b, !fast)
                                          : gref_w2_of_covariances(out, &a, &b, !fast);
}

/**
 * W2 of two laws read from files.
 *
 * @return as gref_w2_certify_laws and its kin, messages naming the file; GREF_ERR_SHAPE for different sizes, or a
 *         spectrum with another kind.
 * @see    Tests: cli/w2.sh
 */
gref_status gref_law_w2(gref_w2 *out, const gref_law *a, const gref_law *b, bool fast)
{
    REQUIRE(a->mean.m == b->mean.m, GREF_ERR_SHAPE, "%s and %s have %d and %d dimensions",
            name_of(a), name_of(b), a->mean.m, b->mean.m);
    REQUIRE((a->kind == GREF_LAW_SPECTRUM) == (b->kind == GREF_LAW_SPECTRUM), GREF_ERR_SHAPE,
            "%s and %s: variances in an unnamed basis can be held only against variances in the "
            "same basis",
            name_of(a), name_of(b));
    gref_status status = distance(out, a, b, fast);
    if (status == GREF_ERR_NOT_PSD && !is_indefinite(a))
        (void)is_indefinite(b);
    return status;
}
