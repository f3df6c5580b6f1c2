/*
 * The arrays of a golden file: one row each, by the name without label and t. Whoever writes,
 * reads, compares, blames or diagnoses an array asks here what it is. `note` says which of the
 * known deviations the array tells from the truth.
 */
#include <ctype.h>
#include <stdlib.h>

#include "registry.h"

enum {
    ALONE = 1,
    OWN = 0
}; /* of the problem, or of a sampler, whose label stands before the name */

static const gref_array_row rows[] = {
    {"Sigma", ALONE, "input", GREF_VIEW_NONE, GREF_MOMENT_NONE,
     "catches: standard deviations for variances, 1/(N - 1) for 1/N, images flattened by columns"},
    {"A", ALONE, "input", GREF_VIEW_A, GREF_MOMENT_NONE,
     "catches: A^T for A, a flipped kernel, another boundary, images flattened by columns"},
    {"mu", ALONE, "input", GREF_VIEW_NONE, GREF_MOMENT_NONE, "catches: another pixel range"},
    {"v", ALONE, "input", GREF_VIEW_NONE, GREF_MOMENT_NONE, ""},
    {"sigma", ALONE, "input", GREF_VIEW_NONE, GREF_MOMENT_NONE,
     "catches: sigma in other pixel units, its square"},
    {"x0", ALONE, "input", GREF_VIEW_NONE, GREF_MOMENT_NONE, ""},
    {"schedule/beta", ALONE, "input", GREF_VIEW_BETA, GREF_MOMENT_NONE,
     "catches: another schedule, t off by one"},
    {"schedule/alpha", ALONE, "input", GREF_VIEW_ALPHA, GREF_MOMENT_NONE,
     "catches: abar for alpha"},
    {"schedule/abar", ALONE, "input", GREF_VIEW_ABAR, GREF_MOMENT_NONE,
     "catches: alpha for abar, its root, t off by one"},
    {"schedule/time", ALONE, "input", GREF_VIEW_NONE, GREF_MOMENT_NONE,
     "the time of vp, sigma of edm; catches: another grid"},
    {"schedule/sigma2", ALONE, "input", GREF_VIEW_NONE, GREF_MOMENT_NONE,
     "catches: beta~ for beta, a standard deviation for a variance"},
    {"sigma2", OWN, "input", GREF_VIEW_NONE, GREF_MOMENT_NONE,
     "catches: beta~ for beta, a standard deviation for a variance"},
    {"variances", OWN, "input", GREF_VIEW_NONE, GREF_MOMENT_NONE, "given, t = 1 first"},
    {"start_mean", OWN, "input", GREF_VIEW_NONE, GREF_MOMENT_NONE, "given"},
    {"start_cov", OWN, "input", GREF_VIEW_NONE, GREF_MOMENT_NONE, "given"},
    {"chain/M", OWN, "input", GREF_VIEW_NONE, GREF_MOMENT_NONE,
     "the steps of the file, one below the other"},
    {"chain/b", OWN, "input", GREF_VIEW_NONE, GREF_MOMENT_NONE, ""},
    {"chain/N", OWN, "input", GREF_VIEW_NONE, GREF_MOMENT_NONE, ""},
    {"chain/abar", OWN, "input", GREF_VIEW_NONE, GREF_MOMENT_NONE, ""},
    {"chain/start_mean", OWN, "input", GREF_VIEW_NONE, GREF_MOMENT_NONE, ""},
    {"chain/start_cov", OWN, "input", GREF_VIEW_NONE, GREF_MOMENT_NONE, ""},
    {"z", ALONE, "input", GREF_VIEW_NONE, GREF_MOMENT_NONE, ""},
    {"y_T", ALONE, "input", GREF_VIEW_NONE, GREF_MOMENT_NONE, ""},
    {"probe", ALONE, "input", GREF_VIEW_NONE, GREF_MOMENT_NONE, ""},
    {"score", ALONE, "function", GREF_VIEW_SCORE, GREF_MOMENT_FUNCTION,
     "catches: the sign, alpha for abar, sqrt(1 - abar) times the score (the noise eps)"},
    {"x0hat", ALONE, "function", GREF_VIEW_X0HAT, GREF_MOMENT_FUNCTION,
     "catches: abar for its root in Tweedie's formula, alpha for abar"},
    {"C_vt", OWN, "function", GREF_VIEW_C, GREF_MOMENT_FUNCTION,
     "catches: the forms of r_t^2, sigma for sigma^2, another likelihood"},
    {"guidance", OWN, "function", GREF_VIEW_GUIDANCE, GREF_MOMENT_FUNCTION,
     "catches: factors 2, 1/2, A for A^T, a missing Jacobian; the step's factor sqrt(a a') is not "
     "in it"},
    {"x0hat_projected", OWN, "function", GREF_VIEW_PROJECTED, GREF_MOMENT_FUNCTION,
     "catches: another rho, a pseudo-inverse of the wrong rank, sigma in other pixel units"},
    {"guided_score", OWN, "function", GREF_VIEW_GUIDED, GREF_MOMENT_FUNCTION,
     "catches: factors 2, 1/2, 1/sigma, the norm for its square, A for A^T, the forms of r_t^2"},
    {"M", OWN, "step", GREF_VIEW_M, GREF_MOMENT_STEP,
     "catches: the placement of the guidance, beta for beta/sqrt(alpha), abar for alpha"},
    {"b", OWN, "step", GREF_VIEW_B, GREF_MOMENT_STEP,
     "catches: a prior mean left out, the placement of the guidance"},
    {"N", OWN, "step", GREF_VIEW_N, GREF_MOMENT_STEP,
     "catches: beta~ for beta, noise at the last step, a standard deviation for a variance"},
    {"target/mean", ALONE, "law", GREF_VIEW_NONE, GREF_MOMENT_NONE, "the exact p_t(x | v)"},
    {"target/cov", ALONE, "law", GREF_VIEW_NONE, GREF_MOMENT_NONE, "the exact p_t(x | v)"},
    {"mean", OWN, "law", GREF_VIEW_MEAN, GREF_MOMENT_LAW,
     "catches: whatever moves the mean; M and b say which"},
    {"cov", OWN, "law", GREF_VIEW_COV, GREF_MOMENT_LAW,
     "catches: beta~ for beta, the start law, a root for the covariance"},
    {"modelled/mean", OWN, "law", GREF_VIEW_MODELLED_MEAN, GREF_MOMENT_NONE,
     "what the sampler takes p_t(x | v) to be"},
    {"modelled/cov", OWN, "law", GREF_VIEW_MODELLED_COV, GREF_MOMENT_NONE,
     "what the sampler takes p_t(x | v) to be"},
    {"w2", OWN, "distance", GREF_VIEW_W2, GREF_MOMENT_NONE,
     "catches: W2^2 for W2, the cancelling trace formula"},
    {"bias", OWN, "distance", GREF_VIEW_NONE, GREF_MOMENT_LAW,
     "catches: a difference of two rounded means where it is small"},
    {"y", OWN, "trajectory", GREF_VIEW_Y, GREF_MOMENT_LAW,
     "catches: anything, at the first t where it departs"},
};
enum { N_ROWS = sizeof rows / sizeof *rows };

const gref_array_row *gref_array_row_at(int k)
{
    return k >= 0 && k < N_ROWS ? &rows[k] : NULL;
}

const gref_array_row *gref_array_row_find(const char *what)
{
    static const gref_array_row unknown = {"", OWN, "other", GREF_VIEW_NONE, GREF_MOMENT_NONE, ""};
    for (int k = 0; k < N_ROWS; k++)
        if (strcmp(rows[k].what, what) == 0)
            return &rows[k];
    return &unknown;
}

void gref_name_parse(gref_name *part, const char *name)
{
    char rest[128];
    *part = (gref_name){.t = -1};
    snprintf(rest, sizeof rest, "%s", name);
    char *slash = strrchr(rest, '/');
    if (slash != NULL && slash[1] != '\0' && strspn(slash + 1, "0123456789") == strlen(slash + 1) &&
        strlen(slash + 1) < 9) {
        part->t = atoi(slash + 1);
        *slash = '\0';
    }
    slash = strchr(rest, '/');
    part->row = gref_array_row_find(rest);
    if (part->row->alone || slash == NULL) {
        snprintf(part->what, sizeof part->what, "%.31s", rest);
        return;
    }
    snprintf(part->label, sizeof part->label, "%.*s", (int)(slash - rest), rest);
    snprintf(part->what, sizeof part->what, "%.31s", slash + 1);
    part->row = gref_array_row_find(part->what);
}
