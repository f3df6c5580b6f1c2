/* Which engine carries a study out: what was asked for, or what the size and the kind of the
 * problem suggest. */
#include <stdio.h>
#include <string.h>

#include "files/internal.h"
#include "internal.h"

static const char *const path_names[] = {
    [GREF_PATH_AUTO] = "auto", [GREF_PATH_DENSE] = "dense", [GREF_PATH_SPECTRAL] = "spectral"};
enum { N_PATHS = sizeof path_names / sizeof *path_names };

/** Name of a path, as for `gref study --path`; "unknown" for no path. */
const char *gref_path_name(gref_path path)
{
    return (int)path >= 0 && (int)path < N_PATHS ? path_names[path] : "unknown";
}

/** The path of that name. False, and *path unchanged, if there is none. */
bool gref_path_parse(gref_path *path, const char *name)
{
    for (int k = 0; k < N_PATHS; k++)
        if (strcmp(path_names[k], name) == 0) {
            *path = (gref_path)k;
            return true;
        }
    return false;
}

/* Pixels of a stationary problem: those of its image. */
static gref_status count_pixels(double *n, const gref_case *c)
{
    SCOPED(gref_mat) image = {0};
    TRY(gref_case_image(&image, c));
    *n = (double)image.m * image.n;
    return GREF_OK;
}

/* The first sampler whose steps are matrices of the user, or NULL. */
static const gref_sampler_spec *find_chain(const gref_case *c)
{
    const gref_sampler_spec *specs = NULL;
    int count = gref_case_samplers(c, &specs);
    for (int k = 0; k < count; k++)
        if (specs[k].chain != NULL)
            return &specs[k];
    return NULL;
}

static gref_status choose_by_size(bool *spectral, char *reason, int size, const gref_case *c)
{
    char why[160];
    double n = 0.0;
    if (!gref_case_is_stationary(why, sizeof why, c)) {
        *spectral = false;
        snprintf(reason, (size_t)size, "%s", why);
        return GREF_OK;
    }
    const gref_sampler_spec *chain = find_chain(c);
    if (chain != NULL) {
        *spectral = false;
        snprintf(reason, (size_t)size, "the steps of %s are matrices", chain->label);
        return GREF_OK;
    }
    TRY(count_pixels(&n, c));
    *spectral = n > GREF_STUDY_DENSE_MOST;
    if (!*spectral)
        snprintf(reason, (size_t)size, "%.0f pixels are no more than %d", n, GREF_STUDY_DENSE_MOST);
    else
        snprintf(reason, (size_t)size,
                 "the problem is stationary, and %.0f pixels are more than the %d that the dense "
                 "path does in minutes",
                 n, GREF_STUDY_DENSE_MOST);
    return GREF_OK;
}

gref_status gref_path_choose(bool *spectral, char *reason, int size, const gref_case *c,
                             gref_path path)
{
    REQUIRE((int)path >= 0 && (int)path < N_PATHS, GREF_ERR_RANGE, "path %d does not exist",
            (int)path);
    if (path == GREF_PATH_AUTO) {
        TRY(choose_by_size(spectral, reason, size, c));
    } else {
        *spectral = path == GREF_PATH_SPECTRAL;
        snprintf(reason, (size_t)size, "asked for");
    }
    return GREF_OK;
}

gref_status gref_study_choose(const gref_engine **engine, gref_study *o, gref_path path)
{
    bool spectral;
    TRY(gref_path_choose(&spectral, o->path_reason, sizeof o->path_reason, o->c, path));
    *engine = spectral ? &gref_engine_spectral : &gref_engine_dense;
    o->path = (*engine)->name;
    return GREF_OK;
}
