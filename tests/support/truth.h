/* Golden files in memory, from the library, for tests of what is held against them. */
#ifndef GREF_TEST_TRUTH_H
#define GREF_TEST_TRUTH_H

#include <gref/verify.h>

/* 4 x 6 pixels, dense Sigma and mu; a periodic blur by a kernel without symmetry, or a missing
 * 2 x 3 box. */
gref_problem blur_problem(uint64_t seed);
gref_problem inpainting_problem(uint64_t seed);
/*
 * Every array of the golden file of one sampler at `at` (decreasing, at[0] = T), tolerance 1e-12 of
 * the largest entry. Takes p over.
 */
gref_truth *make_truth(gref_problem p, int T, const gref_sampler_spec *spec, const int *at,
                       int n_at);
/* A copy of the arrays of `truth` of the given kinds: NULL-terminated "M", "mean", ...; all
 * times. */
gref_arrays pick(const gref_truth *truth, const char *const *whats);

#endif
