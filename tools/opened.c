/* A case opened for computing: what gref replay and gref eval share. */
#include "opened.h"

#include <stdio.h>
#include <string.h>

#include "base/guess.h"
#include "cmd.h"

gref_status opened_open(opened *o, const char *path, const option_list *sets, bool skip_self_test)
{
    TRY(gref_case_load(&o->c, path, sets->item, sets->n));
    if (!skip_self_test)
        TRY(gref_trust_require());
    TRY(gref_case_problem(&o->p, o->c));
    TRY(gref_case_schedule(&o->s, o->c));
    TRY(gref_modes_new(&o->z, &o->p));
    o->n_specs = gref_case_samplers(o->c, &o->specs);
    return GREF_OK;
}

void opened_free(opened *o)
{
    gref_modes_free(&o->z);
    gref_schedule_free(&o->s);
    gref_problem_free(&o->p);
    gref_case_free(o->c);
    *o = (opened){0};
}

const gref_sampler_spec *opened_sampler(const opened *o, int *code, const char *command,
                                        const char *label)
{
    char list[400] = "";
    gref_guess g = {.word = label != NULL ? label : ""};
    for (int k = 0; k < o->n_specs; k++) {
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", k > 0 ? ", " : "", o->specs[k].label);
        if (label != NULL && strcmp(label, o->specs[k].label) == 0)
            return &o->specs[k];
        gref_guess_consider(&g, o->specs[k].label);
    }
    if (label == NULL && o->n_specs == 1)
        return &o->specs[0];
    if (label == NULL)
        *code = cmd_complain(CMD_USAGE, command, "--sampler LABEL is missing: one of %s", list);
    else if (g.best[0] != '\0')
        *code =
            cmd_complain(CMD_USAGE, command, "no sampler '%s', did you mean '%s'?", label, g.best);
    else
        *code = cmd_complain(CMD_USAGE, command, "no sampler '%s': one of %s", label, list);
    return NULL;
}

bool opened_read(gref_mat *A, int *ndim, int *code, const char *command, const char *path)
{
    int i = 0, j = 0;
    gref_status status = gref_npy_read(A, ndim, path);
    *code = cmd_finish(command, status);
    if (status != GREF_OK)
        return false;
    if (gref_mat_finite(gref_const(*A), &i, &j))
        return true;
    *code = cmd_complain(CMD_USAGE, command, "%s: %g at row %d, column %d", path, GREF_AT(*A, i, j),
                         i, j);
    gref_mat_free(A);
    return false;
}
