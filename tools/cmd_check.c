/* gref check: a user's arrays, samples and laws against a golden file. */
#include <stdio.h>
#include <stdlib.h>

#include <gref/gref.h>

#include "cmd.h"
#include "options.h"

DEFINE_DROP(gref_truth)
DEFINE_DROP(gref_check)

/* A number >= 0 given on the command line; false for anything else. */
static bool read_number(double *x, const char *text)
{
    char *end = NULL;
    if (text == NULL)
        return true;
    *x = strtod(text, &end);
    return end != text && *end == '\0' && *x >= 0.0 && *x <= 1e300;
}

static int run(const char *golden, const char *candidate, const gref_check_options *o, bool json,
               bool skip_self_test)
{
    static const int codes[] = {[GREF_VERDICT_AGREES] = CMD_OK,
                                [GREF_VERDICT_DIFFERS] = CMD_DIFFERS,
                                [GREF_VERDICT_UNDECIDED] = CMD_UNDECIDED};
    SCOPED_PTR(gref_truth) *truth = NULL;
    SCOPED_PTR(gref_check) *check = NULL;
    CMD_TRY("check", gref_truth_open(&truth, golden));
    if (!skip_self_test)
        CMD_TRY("check", gref_trust_require());
    CMD_TRY("check", gref_check_file(&check, truth, candidate, o));
    int code = cmd_print("check", json ? gref_check_json(check) : gref_check_table(check));
    cmd_note_skipped("check", skip_self_test);
    cmd_warn_untested("check", golden, truth->untested);
    return code == CMD_OK ? codes[check->verdict] : code;
}

int cmd_check(int argc, char **argv)
{
    gref_check_options o = {0};
    const char *rtol = NULL, *resolve = NULL;
    bool json = false, skip_self_test = false;
    const option options[] = {
        OPTION_TEXT("as", "NAME", &o.as, "name of the array in a single .npy"),
        OPTION_TEXT("sampler", "LABEL", &o.sampler,
                    "sampler whose arrays may stand without its label"),
        OPTION_TEXT("rtol", "X", &rtol, "accept errors up to X times the largest golden entry"),
        OPTION_TEXT("resolve", "X", &resolve,
                    "samples must show a W2 of X times the spread to agree (0.1)"),
        OPTION_FLAG("json", &json, "print the result as JSON"),
        OPTION_FLAG("no-self-test", &skip_self_test, "do not test the BLAS first"),
        {0},
    };
    const usage u = {
        .command = "check",
        .arguments = "GOLDEN CANDIDATE [options]",
        .about = "Holds arrays of your own against a golden file. CANDIDATE is a .npz, a folder of "
                 ".npy, or one\n"
                 ".npy with --as NAME; any subset of the golden names, float64 or float32; samples "
                 "(N x n), or a\n"
                 "law of your own as mean and cov. Exit code 0 agrees, 1 differs, 4 the samples do "
                 "not decide.",
        .options = options,
        .min_operands = 2,
        .max_operands = 2,
    };
    int n, code;
    if (!options_parse(&u, argc, argv, &n, &code))
        return code;
    if (!read_number(&o.rtol, rtol))
        return cmd_complain(CMD_USAGE, "check", "--rtol '%s' is no number >= 0", rtol);
    if (!read_number(&o.resolve, resolve) || (resolve != NULL && o.resolve == 0.0))
        return cmd_complain(CMD_USAGE, "check", "--resolve '%s' is no number > 0", resolve);
    return run(argv[0], argv[1], &o, json, skip_self_test);
}
