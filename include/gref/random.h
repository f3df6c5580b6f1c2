/* Counter-based random numbers: the same (seed, stream, index) gives the same number everywhere. */
#ifndef GREF_RANDOM_H
#define GREF_RANDOM_H

#include <stdint.h>

#include <gref/matrix.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a stream of random numbers is used for; part of the counter, so streams never overlap. */
typedef enum {
    GREF_STREAM_PRIOR = 1,       /* x0 = mu + L xi */
    GREF_STREAM_OBSERVATION = 2, /* n in v = A x0 + sigma n */
    GREF_STREAM_MASK = 3,        /* inpainting "keep" */
    GREF_STREAM_START = 4,       /* y_T */
    GREF_STREAM_STEP = 5,        /* z_t; the substream is t */
    GREF_STREAM_TEST = 6
} gref_stream;

GREF_API void gref_random_normal(gref_mat Z, uint64_t seed, gref_stream stream, uint32_t substream,
                                 uint64_t first);
GREF_API void gref_random_uniform(gref_mat Z, uint64_t seed, gref_stream stream, uint32_t substream,
                                  uint64_t first);

#ifdef __cplusplus
}
#endif
#endif
