/* "Did you mean ...?", for the library and for the program; not installed. */
#ifndef GREF_BASE_GUESS_H
#define GREF_BASE_GUESS_H

/*
 * The name most like `word` among those considered: the fewest letters to change, add, drop or
 * swap. `best` stays "" when none is alike.
 *
 *     gref_guess g = {.word = given};
 *     gref_guess_consider(&g, "score");
 */
typedef struct {
    const char *word;
    char best[64];
    int distance;
} gref_guess;

void gref_guess_consider(gref_guess *g, const char *name);

#endif
