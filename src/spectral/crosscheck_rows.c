/* The rows of a cross-check: one a quantity and sampler, which keeps its worst comparison. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/internal.h"
#include "crosscheck.h"

/** Frees it; accepts NULL. */
void gref_crosscheck_free(gref_crosscheck *check)
{
    if (check == NULL)
        return;
    free(check->rows);
    free(check);
}

/* The row of a quantity, made if need be. */
static gref_status row_of(gref_crosscheck_row **row, gref_crosscheck *check, const char *quantity,
                          const char *sampler)
{
    int k = 0;
    while (k < check->n_rows && (strcmp(check->rows[k].quantity, quantity) != 0 ||
                                 strcmp(check->rows[k].sampler, sampler) != 0))
        k++;
    if (k == check->n_rows) {
        gref_crosscheck_row *rows = realloc(check->rows, (size_t)(k + 1) * sizeof *rows);
        REQUIRE(rows != NULL, GREF_ERR_NOMEM, "no memory for a cross-check");
        check->rows = rows;
        check->n_rows++;
        rows[k] = (gref_crosscheck_row){.t = -1, .row = -1, .col = -1, .ratio = -1.0};
        snprintf(rows[k].quantity, sizeof rows[k].quantity, "%s", quantity);
        snprintf(rows[k].sampler, sizeof rows[k].sampler, "%s", sampler);
    }
    *row = &check->rows[k];
    return GREF_OK;
}

/* deviation/bound so that NaN is the worst, and nothing apart is nothing. */
static double ratio_of(double deviation, double bound)
{
    if (deviation == 0.0)
        return 0.0;
    return deviation <= bound || deviation > bound ? deviation / bound : INFINITY;
}

static gref_status note(gref_crosscheck *check, const gref_crosscheck_row *found)
{
    gref_crosscheck_row *row = NULL;
    TRY(row_of(&row, check, found->quantity, found->sampler));
    int compared = row->compared + 1;
    if (found->ratio > row->ratio)
        *row = *found;
    row->compared = compared;
    check->ratio = fmax(check->ratio, found->ratio);
    return GREF_OK;
}

static gref_crosscheck_row begin(const char *quantity, const char *sampler, int t, double bound)
{
    gref_crosscheck_row found = {.t = t, .row = -1, .col = -1, .bound = bound};
    snprintf(found.quantity, sizeof found.quantity, "%s", quantity);
    snprintf(found.sampler, sizeof found.sampler, "%s", sampler);
    return found;
}

gref_status gref_crosscheck_matrix(gref_crosscheck *check, const char *quantity,
                                   const char *sampler, int t, gref_cmat dense, gref_cmat spectral,
                                   double bound)
{
    gref_crosscheck_row found = begin(quantity, sampler, t, bound);
    TRY(gref_require_shape(spectral, dense.m, dense.n, quantity));
    for (int j = 0; j < dense.n; j++)
        for (int i = 0; i < dense.m; i++) {
            double d = fabs(GREF_AT(dense, i, j) - GREF_AT(spectral, i, j));
            if (d <= found.deviation && found.row >= 0)
                continue;
            found.deviation = d;
            found.row = i;
            found.col = dense.n == 1 ? -1 : j;
            found.dense = GREF_AT(dense, i, j);
            found.spectral = GREF_AT(spectral, i, j);
            if (isnan(d))
                goto seen;
        }
seen:
    found.ratio = ratio_of(found.deviation, bound);
    return note(check, &found);
}

gref_status gref_crosscheck_number(gref_crosscheck *check, const char *quantity,
                                   const char *sampler, int t, double dense, double spectral,
                                   double bound)
{
    gref_crosscheck_row found = begin(quantity, sampler, t, bound);
    found.dense = dense;
    found.spectral = spectral;
    found.deviation = fabs(dense - spectral);
    found.ratio = ratio_of(found.deviation, bound);
    return note(check, &found);
}
