/* beta_t, alpha_t = 1 - beta_t, abar_t = alpha_1 ... alpha_t (THEORY section 3). */
#ifndef GREF_SCHEDULE_H
#define GREF_SCHEDULE_H

#include <gref/matrix.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Arrays of T + 1 entries, indexed by t = 0..T; entry 0 is beta = 0, alpha = 1, abar = 1,
 * qbar = 0. */
typedef struct {
    int T;
    double *beta;
    double *alpha;      /* 1 - beta_t */
    double *abar;       /* alpha_1 ... alpha_t */
    double *qbar;       /* 1 - abar_t, without cancellation */
    double *beta_tilde; /* beta_t qbar_{t-1} / qbar_t, 0 at t = 0 and 1 */
} gref_schedule;

GREF_API GREF_NODISCARD gref_status gref_schedule_linear(gref_schedule *s, double beta_first,
                                                         double beta_last, int T);
GREF_API GREF_NODISCARD gref_status gref_schedule_cosine(gref_schedule *s, int T);
GREF_API GREF_NODISCARD gref_status gref_schedule_from_betas(gref_schedule *s, const double *beta,
                                                             int T);
GREF_API void gref_schedule_free(gref_schedule *s);

#ifdef __cplusplus
}
#endif
#endif
