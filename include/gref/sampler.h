/*
 * Samplers whose law is Gaussian: a sequence of affine steps y_s = M_t y_t + b_t + N(0, N_t), from
 * a visited time t to the next one, s. One method, dps-norm, is not affine: it can be drawn and
 * replayed, and the rest refuses it (GREF_ERR_RANGE).
 */
#ifndef GREF_SAMPLER_H
#define GREF_SAMPLER_H

#include <stdint.h>

#include <gref/chain.h>
#include <gref/convention.h>
#include <gref/modes.h>
#include <gref/schedule.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gref_sampler gref_sampler;

/* Borrows z and schedule, which must outlive it. */
GREF_API GREF_NODISCARD gref_status gref_sampler_new(gref_sampler **s, const gref_modes *z,
                                                     const gref_schedule *schedule,
                                                     const gref_sampler_spec *spec);
GREF_API void gref_sampler_free(gref_sampler *s);
GREF_API const gref_sampler_spec *gref_sampler_get_spec(const gref_sampler *s);
/* False for the unconditional sampler, which ignores v. */
GREF_API bool gref_sampler_is_guided(const gref_sampler *s);
/* The visited times, from the start down: every t from T to 0, or the times of the entry, or K..0
 * of an affine chain. */
GREF_API int gref_sampler_first(const gref_sampler *s);
/* The visited time after t; -1 where t is the last or is not visited. */
GREF_API int gref_sampler_next(const gref_sampler *s, int t);
GREF_API int gref_sampler_last(const gref_sampler *s);
/* False at the inner times of an affine chain that does not say its abar: only its end has a
 * target. */
GREF_API bool gref_sampler_has_target(const gref_sampler *s, int t);
/* False for an affine chain: it does not say what it takes p_t(x | v) to be. */
GREF_API bool gref_sampler_has_model(const gref_sampler *s);
/* Name and one-line title of the method k = 0, 1, ... that has a Gaussian law by its name alone;
 * NULL after the last. */
GREF_API const char *gref_sampler_name(int k);
GREF_API const char *gref_sampler_title(int k);
/* GREF_OK if the method of that name has a Gaussian law; else says what it is. */
GREF_API GREF_NODISCARD gref_status gref_sampler_require_gaussian(const char *name);

/* The step that leaves the visited time t, in pixels: M n x n, b n x 1, *noise the variance N_t. */
GREF_API GREF_NODISCARD gref_status gref_sampler_step(gref_mat M, gref_mat b, double *noise,
                                                      const gref_sampler *s, int t);
/* N_t where it is no multiple of I: its kind, and 1 x 1, n x 1 or n x n. */
GREF_API gref_noise_kind gref_sampler_noise_kind(const gref_sampler *s);
GREF_API GREF_NODISCARD gref_status gref_sampler_noise(gref_mat N, const gref_sampler *s, int t);
/* C_{v|t}, m x m. t = T..0. GREF_ERR_RANGE for a sampler that has none (ddpm). */
GREF_API GREF_NODISCARD gref_status gref_likelihood_cov(gref_mat C, const gref_sampler *s, int t);

/* The law that the sampler takes p_t(x | v) to be, in pixels, by two routes that share no
 * formula. */
GREF_API GREF_NODISCARD gref_status gref_conditional_bayes(gref_mat mean, gref_mat cov,
                                                           const gref_sampler *s, int t);
GREF_API GREF_NODISCARD gref_status gref_conditional_precision(gref_mat mean, gref_mat cov,
                                                               const gref_sampler *s, int t);
/* The exact p_t(x | v), in pixels. */
GREF_API GREF_NODISCARD gref_status gref_conditional_exact(gref_mat mean, gref_mat cov,
                                                           const gref_modes *z,
                                                           const gref_schedule *schedule, int t);

/* N samples of the whole chain, one a column of Y (n x N), by Algorithm 8 line by line. */
GREF_API GREF_NODISCARD gref_status gref_sampler_draw(gref_mat Y, const gref_sampler *s,
                                                      uint64_t seed);

/* Algorithm 8 line by line on given noise: Y n x (T + 1), Z n x T; *reached > 0 if the chain
 * diverges. */
GREF_API GREF_NODISCARD gref_status gref_sampler_replay(gref_mat Y, int *reached,
                                                        const gref_sampler *s, gref_cmat start,
                                                        gref_cmat Z);

/* A function of y_t. */
typedef enum {
    GREF_QUANTITY_SCORE,          /* "score": of the prior's p_t */
    GREF_QUANTITY_X0HAT,          /* "x0hat": the denoised image */
    GREF_QUANTITY_GUIDANCE,       /* "guidance": gradient of log p(v | y_t) as the sampler has it */
    GREF_QUANTITY_GUIDED_SCORE,   /* "guided_score": the sum of score and guidance */
    GREF_QUANTITY_STEP,           /* "step": the mean of the next state given y_t */
    GREF_QUANTITY_X0HAT_PROJECTED /* "x0hat_projected": x0hat with the data put in */
} gref_quantity;
GREF_API const char *gref_quantity_name(int k);
GREF_API bool gref_quantity_parse(gref_quantity *out, const char *name);
/* At the columns of X (n x N), t = T..1. */
GREF_API GREF_NODISCARD gref_status gref_sampler_eval(gref_mat F, const gref_sampler *s,
                                                      gref_quantity quantity, gref_cmat X, int t);

#ifdef __cplusplus
}
#endif
#endif
