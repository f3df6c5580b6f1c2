/* The named switches that change the answer (THEORY section 7). */
#ifndef GREF_CONVENTION_H
#define GREF_CONVENTION_H

#include <stdbool.h>

#include <gref/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where the guidance enters the backward step. */
typedef enum {
    GREF_GUIDANCE_SCORE, /* "score": coefficient beta_t / sqrt(alpha_t), Algorithm 8 */
    GREF_GUIDANCE_MEAN,  /* "mean":  coefficient sigma_t^2 (condition_mean) */
    GREF_GUIDANCE_AFTER  /* "after": y_{t-1} += 2 zeta J^T A^T (v - A x0hat) */
} gref_guidance;

/* sigma_t^2 of the step noise. */
typedef enum {
    GREF_VARIANCE_BETA,      /* "beta" */
    GREF_VARIANCE_BETA_TILDE /* "beta_tilde": beta_t (1 - abar_{t-1})/(1 - abar_t) */
} gref_variance;

/* Law of y_T. */
typedef enum {
    GREF_START_STANDARD, /* "standard": N(0, I) */
    GREF_START_EXACT     /* "exact": p_T(x | v) */
} gref_start;

/* r_t^2 of PiGDM. */
typedef enum {
    GREF_R2_1_ABAR,       /* "1-abar" */
    GREF_R2_1_ABAR_ABAR,  /* "(1-abar)/abar" */
    GREF_R2_1_ABAR_2_ABAR /* "(1-abar)/(2-abar)" */
} gref_r2;

/* How an evaluation of the score moves the state from one visited time to the next. */
typedef enum {
    GREF_SCHEME_DDPM, /* "ddpm": ancestral, variance by `variance` */
    GREF_SCHEME_DDIM  /* "ddim": step noise eta^2 beta~, eta = 0 deterministic (Song et al. 2021) */
} gref_scheme;

typedef struct {
    gref_scheme scheme;
    double eta; /* of "ddim", in [0, 1] */
    gref_guidance guidance;
    double zeta; /* of guidance "after", > 0 */
    gref_variance variance;
    bool last_noise; /* noise at t = 1 */
    gref_start start;
    gref_r2 r2;       /* PiGDM only */
    double alpha_dps; /* DPS only, > 0 */
} gref_convention;

/* The user's own affine steps, read from a file (gref/chain.h). */
typedef struct gref_chain gref_chain;

/* One entry of a case's "samplers". What it points to is borrowed. */
typedef struct {
    char name[32];  /* a row of the table: ddpm, dps, pigdm, cgdm, affine, dps-norm */
    char label[64]; /* unique within a case; [A-Za-z0-9_.+=-]+ */
    gref_convention convention;
    const int *
        times; /* the visited t, decreasing, from the start to the end; NULL: every t from T to 0 */
    int n_times;             /* 0 with NULL */
    const gref_chain *chain; /* of "affine", else NULL */
} gref_sampler_spec;

GREF_API gref_convention gref_convention_default(void);
GREF_API const char *gref_scheme_name(gref_scheme scheme);
GREF_API const char *gref_guidance_name(gref_guidance guidance);
GREF_API const char *gref_variance_name(gref_variance variance);
GREF_API const char *gref_start_name(gref_start start);
GREF_API const char *gref_r2_name(gref_r2 r2);
/* False, and *out unchanged, for an unknown name. */
GREF_API bool gref_scheme_parse(gref_scheme *out, const char *name);
GREF_API bool gref_guidance_parse(gref_guidance *out, const char *name);
GREF_API bool gref_variance_parse(gref_variance *out, const char *name);
GREF_API bool gref_start_parse(gref_start *out, const char *name);
GREF_API bool gref_r2_parse(gref_r2 *out, const char *name);

#ifdef __cplusplus
}
#endif
#endif
