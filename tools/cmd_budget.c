/* gref budget: where the error of each sampler comes from. */
#include <stdio.h>
#include <stdlib.h>

#include <gref/gref.h>

#include "cmd.h"
#include "options.h"

DEFINE_DROP(gref_case)
DEFINE_DROP(gref_budget)

static int run(const char *path, const option_list *sets, const gref_budget_options *o, bool json)
{
    SCOPED_PTR(gref_case) *c = NULL;
    SCOPED_PTR(gref_budget) *b = NULL;
    CMD_TRY("budget", gref_case_load(&c, path, sets->item, sets->n));
    CMD_TRY("budget", gref_budget_run(&b, c, o));
    int code = cmd_print("budget", json ? gref_budget_json(b) : gref_budget_table(b));
    if (code == CMD_OK && o->dir != NULL && !json)
        printf("files in %s\n", o->dir);
    if (b->note[0] != '\0')
        fprintf(stderr, "gref budget: note: %s\n", b->note);
    cmd_note_skipped("budget", !b->self_tested);
    return code;
}

int cmd_budget(int argc, char **argv)
{
    gref_budget_options o = {0};
    bool json = false;
    SCOPED(option_list) sets = {0};
    const option options[] = {
        OPTION_TEXT("out", "DIR", &o.dir, "folder for the files, made if need be"),
        OPTION_LIST("set", "KEY=VALUE", &sets, "override a key of the case: noise.sigma=0.2"),
        OPTION_FLAG("force", &o.force, "replace files of an earlier run in DIR"),
        OPTION_FLAG("no-self-test", &o.skip_self_test,
                    "do not test the BLAS first; budget.json says so"),
        OPTION_FLAG("json", &json, "print budget.json in place of the table"),
        {0},
    };
    const usage u = {
        .command = "budget",
        .arguments = "CASE [options]",
        .about =
            "W2 of each sampler at its end, and the same with one source of error removed:\n"
            "initialisation (the exact start), approximation (the exact likelihood under the\n"
            "same scheme), discretisation (infinitely many steps), truncation (the law at the\n"
            "last time as the target). The differences do not add up to W2. A dash is followed\n"
            "by its reason. Every law is dense.\n"
            "With --out leaves budget.json, budget.csv and budget.svg in DIR.",
        .options = options,
        .min_operands = 1,
        .max_operands = 1,
    };
    int n, code;
    if (!options_parse(&u, argc, argv, &n, &code))
        return code;
    return run(argv[0], &sets, &o, json);
}
