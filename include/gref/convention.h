/* The named switches that change the answer (THEORY section 7). */
#ifndef GREF_CONVENTION_H
#define GREF_CONVENTION_H

#include <stdbool.h>

#include <gref/matrix.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where the guidance enters the backward step. */
typedef enum {
    GREF_GUIDANCE_SCORE, /* "score": coefficient beta_t / sqrt(alpha_t), Algorithm 8 */
    GREF_GUIDANCE_MEAN,  /* "mean":  coefficient sigma_t^2 (condition_mean) */
    GREF_GUIDANCE_AFTER  /* "after": y_{t-1} += 2 zeta J^T A^T (v - A x0hat) */
} gref_guidance;

/* sigma_t^2 of the step noise of "ddpm"; beta~ = beta (1 - a')/(1 - a). */
typedef enum {
    GREF_VARIANCE_BETA,       /* "beta" */
    GREF_VARIANCE_BETA_TILDE, /* "beta_tilde" */
    GREF_VARIANCE_FIXED_LARGE, /* "fixed_large": beta, but at the last step beta~ of the step before */
    GREF_VARIANCE_FRACTION, /* "fraction": exp(f log beta + (1 - f) log beta~), last beta~ likewise */
    GREF_VARIANCE_FILE      /* "file": the numbers of a file */
} gref_variance;

/* Law of the state at the first visited time; a = abar there. */
typedef enum {
    GREF_START_STANDARD, /* "standard": N(0, I) */
    GREF_START_EXACT,    /* "exact": p_T(x | v) */
    GREF_START_NOISE,    /* "noise": N(0, (1 - a) I) */
    GREF_START_AUTHORS,  /* "authors": what the code of the row's authors draws */
    GREF_START_PAPER,    /* "paper": what their paper says, where that differs */
    GREF_START_GIVEN     /* N(mean, cov) of the case */
} gref_start;

/* r_t^2 of PiGDM. */
typedef enum {
    GREF_R2_1_ABAR,       /* "1-abar" */
    GREF_R2_1_ABAR_ABAR,  /* "(1-abar)/abar" */
    GREF_R2_1_ABAR_2_ABAR /* "(1-abar)/(2-abar)" */
} gref_r2;

/* How evaluations of the score move the state from one visited time to the next (THEORY 6). */
typedef enum {
    GREF_SCHEME_DDPM, /* "ddpm": ancestral, variance by `variance` */
    GREF_SCHEME_DDIM, /* "ddim": step noise eta^2 beta~, eta = 0 deterministic (Song et al. 2021) */
    GREF_SCHEME_EM,   /* "em": Euler-Maruyama of the reverse VP SDE */
    GREF_SCHEME_EI,   /* "ei": exponential integrator of the reverse SDE */
    GREF_SCHEME_EULER, /* "euler": of the probability-flow ODE */
    GREF_SCHEME_HEUN,  /* "heun": likewise, two evaluations (Karras et al. 2022, Algorithm 1) */
    GREF_SCHEME_RK4    /* "rk4": likewise, four evaluations */
} gref_scheme;

/* What eta multiplies in "ddim". */
typedef enum {
    GREF_ETA_STD,      /* "std": N = eta^2 beta~ */
    GREF_ETA_VARIANCE, /* "variance": N = eta beta~ */
    GREF_ETA_STATE     /* "state": N = eta^2 (1 - a') */
} gref_eta_on;

/* A bug of published code, put in on purpose (gref samplers says whose). */
typedef enum {
    GREF_FAULT_NONE,             /* "none" */
    GREF_FAULT_NOISE_OVER_SQRT2, /* "noise-over-sqrt2": every noise; ddrm */
    GREF_FAULT_DIFFUSION_X2,     /* "diffusion-x2": g^2 in drift and noise; scheme "em" */
    GREF_FAULT_PREVIOUS_T,       /* "previous-t": a' at t - T/K; scheme "ddim" */
    GREF_FAULT_NOISE_WITHOUT_VT  /* "noise-without-VT": V fe eps for V fe V^T eps; ddnm+ */
} gref_fault;

typedef struct {
    gref_scheme scheme;
    double eta; /* of "ddim" and of the projection rows, in [0, 1] */
    gref_eta_on eta_on;
    gref_guidance guidance;
    double zeta; /* of guidance "after", > 0; of diffpir, in [0, 1] */
    gref_variance variance;
    double fraction; /* of variance "fraction", in [0, 1] */
    bool last_noise; /* noise at the last step */
    gref_start start;
    gref_r2 r2;       /* PiGDM only */
    double alpha_dps; /* dps and dps-square, > 0 */
    double eta_b;     /* ddrm, in [0, 1] */
    double lambda;    /* diffpir, > 0 */
    double rho_scale; /* diffpir: rho = rho_scale lambda sigma^2 a/(1 - a), > 0 */
    gref_fault fault;
    double
        rank_tol; /* singular values of A up to this one count as 0; 0: max(m, n) eps times the largest */
    /* Borrowed; of variance "file": entry t - 1 is N of the step that leaves t. */
    const double *variances;
    /* Borrowed; of a given start. n x 1, or 1 x 1 for a constant image, or empty for 0; n x n, or
     * 1 x 1 for a multiple of I, or empty for I. */
    gref_cmat start_mean, start_cov;
} gref_convention;

/* The user's own affine steps, read from a file (gref/chain.h). */
typedef struct gref_chain gref_chain;

/* One entry of a case's "samplers". What it points to is borrowed. */
typedef struct {
    char name[32];  /* a row of the table of methods, gref_sampler_name */
    char label[64]; /* unique within a case; [A-Za-z0-9_.+=-]+ */
    gref_convention convention;
    const int *
        times; /* the visited t, decreasing, from the start to the end; NULL: every t from T to 0 */
    int n_times;             /* 0 with NULL */
    const gref_chain *chain; /* of "affine", else NULL */
} gref_sampler_spec;

GREF_API gref_convention gref_convention_default(void);
/* The defaults with which the method of that name runs: those of its authors where it has some. */
GREF_API gref_convention gref_convention_of(const char *name);
GREF_API const char *gref_scheme_name(gref_scheme scheme);
GREF_API const char *gref_eta_on_name(gref_eta_on eta_on);
GREF_API const char *gref_guidance_name(gref_guidance guidance);
GREF_API const char *gref_variance_name(gref_variance variance);
GREF_API const char *gref_start_name(gref_start start);
GREF_API const char *gref_r2_name(gref_r2 r2);
GREF_API const char *gref_fault_name(gref_fault fault);
/* False, and *out unchanged, for an unknown name. */
GREF_API bool gref_scheme_parse(gref_scheme *out, const char *name);
GREF_API bool gref_eta_on_parse(gref_eta_on *out, const char *name);
GREF_API bool gref_guidance_parse(gref_guidance *out, const char *name);
GREF_API bool gref_variance_parse(gref_variance *out, const char *name);
GREF_API bool gref_start_parse(gref_start *out, const char *name);
GREF_API bool gref_r2_parse(gref_r2 *out, const char *name);
GREF_API bool gref_fault_parse(gref_fault *out, const char *name);

#ifdef __cplusplus
}
#endif
#endif
