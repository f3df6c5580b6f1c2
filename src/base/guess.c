/* The distance of two words, and the nearest of many. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "guess.h"

enum { LONGEST = 63 };

/* Letters to change, add, drop or swap to make b of a (optimal string alignment). */
static int edit_distance(const char *a, const char *b)
{
    int d[LONGEST + 1][LONGEST + 1];
    int m = (int)strnlen(a, LONGEST + 1), n = (int)strnlen(b, LONGEST + 1);
    if (m > LONGEST || n > LONGEST)
        return LONGEST;
    for (int i = 0; i <= m; i++)
        for (int j = 0; j <= n; j++) {
            if (i == 0 || j == 0) {
                d[i][j] = i + j;
                continue;
            }
            int best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            best = d[i - 1][j] + 1 < best ? d[i - 1][j] + 1 : best;
            best = d[i][j - 1] + 1 < best ? d[i][j - 1] + 1 : best;
            bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            d[i][j] = swapped && d[i - 2][j - 2] + 1 < best ? d[i - 2][j - 2] + 1 : best;
        }
    return d[m][n];
}

/* A word that was cut short is at distance 0. */
void gref_guess_consider(gref_guess *g, const char *name)
{
    size_t length = strnlen(g->word, LONGEST);
    bool begins = length > 0 && strncmp(g->word, name, strlen(g->word)) == 0;
    int distance = begins ? 0 : edit_distance(g->word, name);
    bool alike = distance <= 1 + (int)length / 4;
    if (alike && (g->best[0] == '\0' || distance < g->distance)) {
        snprintf(g->best, sizeof g->best, "%s", name);
        g->distance = distance;
    }
}
