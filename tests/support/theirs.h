/*
 * Somebody else's sampler: THEORY's formulas in plain products and inverses, with the catalogue's
 * deviations put in by name. It shares no formula with src/diffusion/literal.c, which works in
 * modes and by adjoints.
 */
#ifndef GREF_TEST_THEIRS_H
#define GREF_TEST_THEIRS_H

#include "truth.h"

/* zeta of "guidance-after", and N of "cov-over-N" */
#define THEIR_ZETA 0.037
enum { THEIR_N = 50 };

/*
 * The arrays of the golden file of the given kinds (NULL-terminated), as a sampler with the
 * deviations `a` and `b` (NULL for none) makes them. Arrays that it does not have are left out: a
 * norm has no M. False, and nothing made, where the deviations make no sense (A for A^T with m !=
 * n).
 */
bool their_arrays(gref_arrays *out, const gref_truth *t, const char *const *whats, const char *a,
                  const char *b);

#endif
