/*
 * Noise schedules (THEORY section 3): beta_t, alpha_t, abar_t, whose forward process is
 * x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) eps. States are numbered t = 0..T.
 *
 *     discrete   betas, cosine, or abar themselves: abar_t = alpha_1 ... alpha_t, abar_0 = 1
 *     vp         continuous time tau: beta(tau) = b0 + (b1 - b0) tau, B(tau) = b0 tau + (b1 - b0) tau^2/2, abar = exp(-B)
 *     edm        noise levels sigma of the variance-exploding form: abar = 1/(1 + sigma^2), state 0 has sigma = 0
 */
#ifndef GREF_SCHEDULE_H
#define GREF_SCHEDULE_H

#include <gref/matrix.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    GREF_SCHEDULE_DISCRETE,
    GREF_SCHEDULE_VP, /* time[k] = tau_k; beta[k] = beta(tau_k) dt, not 1 - abar_k/abar_{k-1} */
    GREF_SCHEDULE_EDM /* time[k] = sigma_k */
} gref_schedule_kind;

/* Arrays of T + 1 entries, indexed by t = 0..T. Entry 0 is beta = 0, alpha = 1, decay = 0, and abar
 * = 1, qbar = 0 but for vp, whose state 0 is at tau = eps. */
typedef struct {
    int T;
    double *beta;
    double *alpha;      /* 1 - beta_t */
    double *abar;       /* alpha_1 ... alpha_t; exp(-B) of vp */
    double *qbar;       /* 1 - abar_t, without cancellation */
    double *beta_tilde; /* decay_t qbar_{t-1} / qbar_t, 0 at t = 0 and where qbar_{t-1} is 0 */
    double *decay;      /* 1 - abar_t/abar_{t-1}, without cancellation; beta_t but for vp */
    double *time;       /* tau_t of vp, sigma_t of edm; NULL on a discrete schedule */
    gref_schedule_kind kind;
    double rate[2];  /* b0 and b1 of vp, else 0 */
    int least_steps; /* vp: the least T for which every beta_t is below 1; else 0 */
} gref_schedule;

GREF_API GREF_NODISCARD gref_status gref_schedule_linear(gref_schedule *s, double beta_first,
                                                         double beta_last, int T);
/* Linear in sqrt(beta). */
GREF_API GREF_NODISCARD gref_status gref_schedule_linear_scaled(gref_schedule *s, double beta_first,
                                                                double beta_last, int T);
GREF_API GREF_NODISCARD gref_status gref_schedule_cosine(gref_schedule *s, int T);
GREF_API GREF_NODISCARD gref_status gref_schedule_from_betas(gref_schedule *s, const double *beta,
                                                             int T);
/* abar_1..abar_T. */
GREF_API GREF_NODISCARD gref_status gref_schedule_from_abar(gref_schedule *s, const double *abar,
                                                            int T);
/* sigma_1..sigma_T of an edm schedule. */
GREF_API GREF_NODISCARD gref_status gref_schedule_from_sigmas(gref_schedule *s, const double *sigma,
                                                              int T);
GREF_API GREF_NODISCARD gref_status gref_schedule_edm(gref_schedule *s, double sigma_min,
                                                      double sigma_max, double rho, int T);
GREF_API GREF_NODISCARD gref_status gref_schedule_vp(gref_schedule *s, const double beta[2],
                                                     const double span[2], int T);
/* Of a vp schedule: the same span in 2 T steps, whose state 2k is state k of s. */
GREF_API GREF_NODISCARD gref_status gref_schedule_doubled(gref_schedule *out,
                                                          const gref_schedule *s);
GREF_API GREF_NODISCARD gref_status gref_schedule_copy(gref_schedule *out, const gref_schedule *s);
GREF_API void gref_schedule_free(gref_schedule *s);

/* The path of s from state `first` down to state `last` in T steps, between its states by a
 * monotone cubic. */
GREF_API GREF_NODISCARD gref_status gref_schedule_refined(gref_schedule *out,
                                                          const gref_schedule *s, int first,
                                                          int last, int T);

#ifdef __cplusplus
}
#endif
#endif
