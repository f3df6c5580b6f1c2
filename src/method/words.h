/* What rows and schemes do, in words: for `gref samplers`; not installed. */
#ifndef GREF_METHOD_WORDS_H
#define GREF_METHOD_WORDS_H

#include "method.h"

/*
 * The five functions of a singular value s of A in
 *
 *     y' = V fx V^T x0hat + V fe V^T eps + V fv W^T v + J V fg (s^-1 W^T v - V^T x0hat) + V fn V^T z
 *
 * or, for rows with a C that is no function of s, that C. NULL: the row has no such thing.
 */
typedef struct {
    const char *name, *C, *x, *e, *v, *g, *n, *step, *literature;
} gref_row_words;

typedef struct {
    const char *name, *keys, *schedules, *step, *literature;
} gref_scheme_words;

typedef struct {
    const char *names, *why;
} gref_absent_words;

/* NULL for a row that has no words; entry k = 0, 1, ... of the other tables, NULL after the last. */
const gref_row_words *gref_words_of_row(const gref_row *row);
const gref_scheme_words *gref_words_of_scheme(int k);
const gref_absent_words *gref_words_of_absent(int k);

#endif
