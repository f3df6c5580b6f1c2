/* gref diagnose: which convention or slip explains the difference? */
#include <stdio.h>
#include <stdlib.h>

#include <gref/gref.h>

#include "cmd.h"
#include "options.h"

DEFINE_DROP(gref_truth)
DEFINE_DROP(gref_diagnosis)

static int list_catalogue(void)
{
    for (int k = 0; gref_catalogue_row(k) != NULL; k++) {
        const gref_deviation *d = gref_catalogue_row(k);
        printf("%-24s changes %s; seen: %s\n%25s%s\n", d->name, d->changes, d->seen, "",
               d->sentence);
    }
    return CMD_OK;
}

static int run(const char *golden, const char *path, const char *as, const char *sampler, bool json,
               bool skip_self_test)
{
    SCOPED_PTR(gref_truth) *truth = NULL;
    SCOPED_PTR(gref_diagnosis) *d = NULL;
    SCOPED(gref_arrays) candidate = {0};
    CMD_TRY("diagnose", gref_truth_open(&truth, golden));
    CMD_TRY("diagnose", gref_arrays_read(&candidate, path, as));
    if (!skip_self_test)
        CMD_TRY("diagnose", gref_trust_require());
    CMD_TRY("diagnose", gref_diagnose_arrays(&d, truth, &candidate, sampler));
    int code = cmd_print("diagnose", json ? gref_diagnosis_json(d) : gref_diagnosis_table(d));
    cmd_note_skipped("diagnose", skip_self_test);
    cmd_warn_untested("diagnose", golden, truth->untested);
    return code == CMD_OK && !d->agrees ? CMD_DIFFERS : code;
}

int cmd_diagnose(int argc, char **argv)
{
    const char *as = NULL, *sampler = NULL;
    bool json = false, list = false, skip_self_test = false;
    const option options[] = {
        OPTION_TEXT("as", "NAME", &as, "name of the array in a single .npy"),
        OPTION_TEXT("sampler", "LABEL", &sampler,
                    "sampler whose arrays may stand without its label"),
        OPTION_FLAG("list", &list, "list the catalogue and stop"),
        OPTION_FLAG("json", &json, "print the result as JSON"),
        OPTION_FLAG("no-self-test", &skip_self_test, "do not test the BLAS first"),
        {0},
    };
    const usage u = {
        .command = "diagnose",
        .arguments = "GOLDEN CANDIDATE [options]",
        .about = "Says which convention or known slip, alone or with another, turns the golden "
                 "arrays into the\n"
                 "candidate's (as for gref check): functions, M, b, N, laws or a trajectory. Exit "
                 "code 0 if there is\n"
                 "nothing to explain, 1 otherwise.",
        .options = options,
        .min_operands = 0,
        .max_operands = 2,
    };
    int n, code;
    if (!options_parse(&u, argc, argv, &n, &code))
        return code;
    if (list)
        return list_catalogue();
    if (n < 2)
        return cmd_complain(CMD_USAGE, "diagnose", "an argument is missing: gref diagnose %s",
                            u.arguments);
    return run(argv[0], argv[1], as, sampler, json, skip_self_test);
}
