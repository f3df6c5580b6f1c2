/*
 * Where does the chain depart, and which of M, b, N is at fault?
 *
 * M, b, N at t belong to the step t -> t - 1; so do the functions at t, unless M and b are there
 * and agree. Laws and y at t belong to the steps above t. What a law can tell of P' = M P M^T + N
 * I, m' = M m + b: the mean alone is moved by b only; the covariance alone by N, or by M, since
 * m = 0 at the start hides it from the mean; both by M, or by b and N together.
 */
#include <string.h>

#include "base/internal.h"
#include "internal.h"
#include "method/method.h"

/* The verdict on LABEL/WHAT/T, or "undecided" where the candidate has no such array. */
static gref_verdict verdict_of(const gref_check *check, const char *label, const char *what, int t)
{
    for (int k = 0; k < check->n_rows; k++) {
        gref_name part;
        gref_name_parse(&part, check->rows[k].name);
        if (part.t == t && strcmp(part.what, what) == 0 && strcmp(part.label, label) == 0)
            return check->rows[k].verdict;
    }
    return GREF_VERDICT_UNDECIDED;
}

/* GREF_MOMENTS t + its moment, larger for what departs earlier; -1 for what is no chain. */
static int moment(const gref_check *check, const gref_name *part)
{
    gref_moment moment = part->row->moment;
    bool function = moment == GREF_MOMENT_FUNCTION;
    bool right = function && verdict_of(check, part->label, "M", part->t) == GREF_VERDICT_AGREES &&
                 verdict_of(check, part->label, "b", part->t) == GREF_VERDICT_AGREES;
    if (moment == GREF_MOMENT_NONE || part->t < function || right)
        return -1;
    return GREF_MOMENTS * part->t + (int)moment;
}

/* The smallest t above `t` at which the candidate has that array, right or wrong; -1 if there is
 * none. */
static int next_above(const gref_check *check, const gref_name *at)
{
    int best = -1;
    for (int k = 0; k < check->n_rows; k++) {
        gref_name part;
        gref_name_parse(&part, check->rows[k].name);
        if (strcmp(part.what, at->what) == 0 && strcmp(part.label, at->label) == 0 &&
            part.t > at->t && (best < 0 || part.t < best))
            best = part.t;
    }
    return best;
}

static void list_steps(gref_check *check, const char *label, int t)
{
    check->at_fault[0] = '\0';
    const gref_array_row *row;
    for (int k = 0; (row = gref_array_row_at(k)) != NULL; k++)
        if (row->moment == GREF_MOMENT_STEP &&
            verdict_of(check, label, row->what, t) == GREF_VERDICT_DIFFERS) {
            size_t used = strlen(check->at_fault);
            snprintf(check->at_fault + used, sizeof check->at_fault - used, "%s%s",
                     used > 0 ? ", " : "", row->what);
        }
}

/* What the laws at t say. */
static void blame_law(gref_check *check, const gref_name *at, int start)
{
    gref_verdict mean = verdict_of(check, at->label, "mean", at->t),
                 cov = verdict_of(check, at->label, "cov", at->t);
    const char *fault = "";
    if (at->t == start)
        fault = "start";
    else if (mean == GREF_VERDICT_DIFFERS && cov == GREF_VERDICT_AGREES)
        fault = "b";
    else if (cov == GREF_VERDICT_DIFFERS && mean == GREF_VERDICT_AGREES)
        fault = "N or M";
    else if (cov == GREF_VERDICT_DIFFERS && mean == GREF_VERDICT_DIFFERS)
        fault = "M, or b and N";
    snprintf(check->at_fault, sizeof check->at_fault, "%s", fault);
}

/* Of the functions at t that differ, the first in the order of computation; NULL if none does. */
static const char *first_function(const gref_check *check, const char *label, int t)
{
    const gref_array_row *row;
    for (int k = 0; (row = gref_array_row_at(k)) != NULL; k++)
        if (row->moment == GREF_MOMENT_FUNCTION &&
            verdict_of(check, row->alone ? "" : label, row->what, t) == GREF_VERDICT_DIFFERS)
            return row->what;
    return NULL;
}

static void tell(gref_check *check, const gref_name *at, gref_moment kind, int start, int next)
{
    char where[160], why[120] = "";
    int above = next_above(check, at);
    const char *fault = check->at_fault, *function = first_function(check, at->label, at->t);
    if (kind != GREF_MOMENT_LAW)
        snprintf(where, sizeof where, "the chain departs in the step from t = %d to %d", at->t,
                 next);
    else if (at->t == start)
        snprintf(where, sizeof where, "the chain departs at its start, t = %d", at->t);
    else if (above >= 0)
        snprintf(where, sizeof where, "the chain departs between t = %d and t = %d (%s)", above,
                 at->t, at->what);
    else
        snprintf(where, sizeof where, "the chain has departed by t = %d (%s)", at->t, at->what);
    if (fault[0] == '\0')
        snprintf(why, sizeof why, "; M/T, b/T and N/T would say which of them is at fault");
    else if (strcmp(fault, "start") != 0)
        snprintf(why, sizeof why, ": %s %s at fault", fault,
                 strchr(fault, ',') != NULL && strstr(fault, "or") == NULL ? "are" : "is");
    snprintf(check->departure, sizeof check->departure, "%s%s%s%s", where, why,
             function != NULL ? "; the first function to differ there is " : "",
             function != NULL ? function : "");
}

/* Where the chain of the array's sampler starts, and the time after t; a prior's function stands
 * for every t from T to 0. */
static void find_times(int *start, int *next, const gref_truth *truth, const gref_name *at)
{
    static const gref_sampler_spec every = {0};
    int k = gref_truth_sampler(truth, at->label[0] != '\0' ? at->label : NULL);
    const gref_sampler_spec *spec = k >= 0 ? &truth->samplers[k] : &every;
    *start = gref_times_first(spec, spec->chain != NULL ? spec->chain->K : truth->schedule.T);
    *next = gref_times_next(spec, at->t);
}

/* Fills in departs_at, at_fault and departure from the rows. */
void gref_check_depart(gref_check *check, const gref_truth *truth)
{
    int first = -1, start, next;
    gref_name at = {.t = -1};
    check->departs_at = -1;
    for (int k = 0; k < check->n_rows; k++) {
        gref_name part;
        gref_name_parse(&part, check->rows[k].name);
        int when = moment(check, &part);
        if (check->rows[k].verdict == GREF_VERDICT_DIFFERS && when > first) {
            first = when;
            at = part;
        }
    }
    if (first < 0)
        return;
    check->departs_at = at.t;
    gref_moment kind = (gref_moment)(first % GREF_MOMENTS);
    find_times(&start, &next, truth, &at);
    if (kind != GREF_MOMENT_LAW)
        list_steps(check, at.label, at.t);
    else
        blame_law(check, &at, start);
    tell(check, &at, kind, start, next);
}
