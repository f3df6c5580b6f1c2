/* Case files: one JSON document that fixes a problem, its samplers and every convention. */
#ifndef GREF_CASE_H
#define GREF_CASE_H

#include <gref/convention.h>
#include <gref/problem.h>
#include <gref/schedule.h>
#include <gref/spectral.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gref_case gref_case;

/* `sets` are `n_sets` overrides "key.path=value"; value is JSON, or else a bare string. */
GREF_API GREF_NODISCARD gref_status gref_case_load(gref_case **c, const char *path,
                                                   const char *const *sets, int n_sets);
GREF_API void gref_case_free(gref_case *c);
/* The completed case, every default filled in, as indented JSON text; the caller frees it. */
GREF_API char *gref_case_print(const gref_case *c);

GREF_API GREF_NODISCARD gref_status gref_case_problem(gref_problem *p, const gref_case *c);
/* The same problem without matrices, for the spectral path; refused by the name of the key that is
 * not stationary. */
GREF_API GREF_NODISCARD gref_status gref_case_stationary(gref_stationary *p, gref_mat *image,
                                                         const gref_case *c);
/* False, and that key and the reason in `why` (may be NULL), for a problem that is not
 * stationary. */
GREF_API bool gref_case_is_stationary(char *why, int size, const gref_case *c);
GREF_API GREF_NODISCARD gref_status gref_case_schedule(gref_schedule *s, const gref_case *c);
GREF_API int gref_case_samplers(const gref_case *c, const gref_sampler_spec **specs);
/* True if the distances of the k-th sampler are measured to the prior, not to the posterior. */
GREF_API bool gref_case_targets_prior(const gref_case *c, int k);
/* Times at which whole laws are reported (decreasing, unique), and the W2 stride (>= 1). */
GREF_API int gref_case_laws_at(const gref_case *c, const int **t);
GREF_API int gref_case_w2_every(const gref_case *c);

/* What a case may name as a sampler, or what one of them does, as text; the caller frees it. */
GREF_API GREF_NODISCARD gref_status gref_samplers_text(char **text, const char *name);

#ifdef __cplusplus
}
#endif
#endif
