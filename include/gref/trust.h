/* Self-test of the BLAS, the LAPACK and the floating-point arithmetic that this process runs on. */
#ifndef GREF_TRUST_H
#define GREF_TRUST_H

#include <stdbool.h>

#include <gref/backend.h>
#include <gref/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    char name[16]; /* the routine ("dgemm"), or what of the machine was looked at ("rounding") */
    bool passed;
    int calls; /* made and compared; 0 where nothing is counted */
    int wrong; /* of these, beyond their bound */
    double
        worst; /* largest error / bound of all calls, infinity for a NaN; 0 where there is none */
    char detail[256]; /* one line for people: the worst call with its shape, or what was found */
} gref_trust_check;

typedef struct {
    gref_backend backend; /* what was tested */
    double seconds;       /* what it took */
    int n_checks;
    gref_trust_check *checks;
} gref_trust_report;

/* GREF_OK says that the checks were made, not that they passed: ask gref_trust_ok. */
GREF_API GREF_NODISCARD gref_status gref_trust_run(gref_trust_report **report);
GREF_API bool gref_trust_ok(const gref_trust_report *report);
GREF_API void gref_trust_free(gref_trust_report *report);

/* The guard: GREF_ERR_NUMERICS, its message naming the first failing check, unless all pass. */
GREF_API GREF_NODISCARD gref_status gref_trust_require(void);

#ifdef __cplusplus
}
#endif
#endif
