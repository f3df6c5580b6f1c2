/* Names of the switches that change the answer (THEORY section 7): one table each, read both
 * ways. */
#include <string.h>

#include <gref/convention.h>

static const char *const scheme_names[] = {
    [GREF_SCHEME_DDPM] = "ddpm", [GREF_SCHEME_DDIM] = "ddim",   [GREF_SCHEME_EM] = "em",
    [GREF_SCHEME_EI] = "ei",     [GREF_SCHEME_EULER] = "euler", [GREF_SCHEME_HEUN] = "heun",
    [GREF_SCHEME_RK4] = "rk4"};
static const char *const eta_on_names[] = {
    [GREF_ETA_STD] = "std", [GREF_ETA_VARIANCE] = "variance", [GREF_ETA_STATE] = "state"};
static const char *const guidance_names[] = {[GREF_GUIDANCE_SCORE] = "score",
                                             [GREF_GUIDANCE_MEAN] = "mean",
                                             [GREF_GUIDANCE_AFTER] = "after"};
static const char *const variance_names[] = {[GREF_VARIANCE_BETA] = "beta",
                                             [GREF_VARIANCE_BETA_TILDE] = "beta_tilde",
                                             [GREF_VARIANCE_FIXED_LARGE] = "fixed_large",
                                             [GREF_VARIANCE_FRACTION] = "fraction",
                                             [GREF_VARIANCE_FILE] = "file"};
static const char *const start_names[] = {
    [GREF_START_STANDARD] = "standard", [GREF_START_EXACT] = "exact", [GREF_START_NOISE] = "noise",
    [GREF_START_AUTHORS] = "authors",   [GREF_START_PAPER] = "paper", [GREF_START_GIVEN] = "given"};
static const char *const r2_names[] = {[GREF_R2_1_ABAR] = "1-abar",
                                       [GREF_R2_1_ABAR_ABAR] = "(1-abar)/abar",
                                       [GREF_R2_1_ABAR_2_ABAR] = "(1-abar)/(2-abar)"};

static const char *const fault_names[] = {[GREF_FAULT_NONE] = "none",
                                          [GREF_FAULT_NOISE_OVER_SQRT2] = "noise-over-sqrt2",
                                          [GREF_FAULT_DIFFUSION_X2] = "diffusion-x2",
                                          [GREF_FAULT_PREVIOUS_T] = "previous-t",
                                          [GREF_FAULT_NOISE_WITHOUT_VT] = "noise-without-VT"};

#define COUNT(table) ((int)(sizeof(table) / sizeof *(table)))

static const char *name_of(const char *const *table, int count, int value)
{
    return value >= 0 && value < count ? table[value] : "unknown";
}

/* Index of `name`, or -1. */
static int value_of(const char *const *table, int count, const char *name)
{
    for (int k = 0; k < count; k++)
        if (strcmp(table[k], name) == 0)
            return k;
    return -1;
}

/* The two directions of one switch; the parser leaves *out alone for an unknown name. */
#define DEFINE_SWITCH(type, table)                                                                 \
    const char *gref_##type##_name(gref_##type value)                                              \
    {                                                                                              \
        return name_of(table, COUNT(table), (int)value);                                           \
    }                                                                                              \
    bool gref_##type##_parse(gref_##type *out, const char *name)                                   \
    {                                                                                              \
        int k = value_of(table, COUNT(table), name);                                               \
        if (k >= 0)                                                                                \
            *out = (gref_##type)k;                                                                 \
        return k >= 0;                                                                             \
    }

DEFINE_SWITCH(scheme, scheme_names)
DEFINE_SWITCH(eta_on, eta_on_names)
DEFINE_SWITCH(guidance, guidance_names)
DEFINE_SWITCH(variance, variance_names)
DEFINE_SWITCH(start, start_names)
DEFINE_SWITCH(r2, r2_names)
DEFINE_SWITCH(fault, fault_names)

/**
 * What a case means when it names no convention: scheme "ddpm", guidance "score", variance
 * "beta_tilde", no noise at t = 1, start "standard", r2 "1-abar", alpha_DPS = 1. zeta has no
 * default: 0 here, meaning unset. Rows with defaults of their own: gref_convention_of.
 */
gref_convention gref_convention_default(void)
{
    return (gref_convention){.guidance = GREF_GUIDANCE_SCORE,
                             .zeta = 0.0,
                             .variance = GREF_VARIANCE_BETA_TILDE,
                             .last_noise = false,
                             .start = GREF_START_STANDARD,
                             .r2 = GREF_R2_1_ABAR,
                             .alpha_dps = 1.0,
                             .eta_b = 1.0,
                             .lambda = 7.0,
                             .rho_scale = 0.25};
}
