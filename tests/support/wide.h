/* Arithmetic wider than the library's, to hold it against. */
#ifndef GREF_TEST_WIDE_H
#define GREF_TEST_WIDE_H

#include <math.h>

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

/* |A + low - B op(C)|_F entry by entry in quad, A, B C and low (or {0}) of one shape. */
static inline double quad_residual(gref_cmat A, gref_cmat low, gref_cmat B, gref_cmat C,
                                   bool trans_c)
{
    quad sum = 0;
    for (int j = 0; j < A.n; j++)
        for (int i = 0; i < A.m; i++) {
            quad r = GREF_AT(A, i, j);
            if (low.a != NULL)
                r += GREF_AT(low, i, j);
            for (int k = 0; k < B.n; k++)
                r -= (quad)GREF_AT(B, i, k) * (trans_c ? GREF_AT(C, j, k) : GREF_AT(C, k, j));
            sum += r * r;
        }
    return sqrt((double)sum);
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

/* Holds bound = formula, rounded outward: never below it, nor above by more than the inflation of
 * bound.h. */
#define ck_assert_formula(name, bound, formula)                                                    \
    do {                                                                                           \
        double above_ = (bound);                                                                   \
        long double exact_ = (formula);                                                            \
        ck_assert_msg(above_ >= exact_, "%s: %.17g is below %.17Lg", (name), above_, exact_);      \
        ck_assert_msg(above_ <= exact_ * (1 + 0x1p-38L), "%s: %.17g is above %.17Lg", (name),      \
                      above_, exact_);                                                             \
    } while (0)

#endif
