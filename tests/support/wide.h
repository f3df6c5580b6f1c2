/* Arithmetic wider than the library's, to hold it against. */
#ifndef GREF_TEST_WIDE_H
#define GREF_TEST_WIDE_H

#include "support.h"

/* 113 bits, by libgcc's integer arithmetic: the same everywhere, also under valgrind. */
__extension__ typedef __float128 quad;

static inline quad quad_abs(quad x)
{
    return x < 0 ? -x : x;
}

/* |x - y|, rounded once. */
static inline double quad_distance(quad x, quad y)
{
    return (double)quad_abs(x - y);
}

/*
 * Unit roundoff of long double as it is carried out here: 2^-64 or better, or that of double where
 * the compiler, or valgrind, computes long double in double. Bounds of what the library sums in
 * long double are stated in it.
 */
static inline double long_eps(void)
{
    volatile long double one = 1, step = 0x1p-63L;
    return one + step != one ? 0x1p-64 : EPS;
}

#endif
