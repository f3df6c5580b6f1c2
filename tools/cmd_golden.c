/* gref golden: write a golden file, or verify one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gref/gref.h>

#include "cmd.h"
#include "options.h"

DEFINE_DROP(gref_case)
DEFINE_DROP_BY(gref_golden_report, gref_golden_free)

/* What differs, worst first is not needed here: the order of the file follows the computation. */
static void print_rows(const gref_golden_report *r)
{
    const gref_golden_row *worst = NULL;
    double most = -1.0;
    for (int k = 0; k < r->n_rows; k++) {
        const gref_golden_row *row = &r->rows[k];
        double ratio = row->max_abs > 0.0 ? row->max_abs / row->tolerance : 0.0;
        if (ratio > most) {
            most = ratio;
            worst = row;
        }
        if (!row->agrees)
            printf("differs  %-28s |difference| %.3g, tolerance %.3g; at (%d, %d) golden %.17g, "
                   "computed %.17g\n",
                   row->name, row->max_abs, row->tolerance, row->i, row->j, row->golden,
                   row->computed);
    }
    if (r->note[0] != '\0')
        printf("differs  %s\n", r->note);
    if (worst != NULL)
        printf("%d of %d arrays agree; largest difference/tolerance %.2g, in %s\n",
               r->n_rows - r->n_differ, r->n_rows, most, worst->name);
}

static int verify(const char *path, bool skip_self_test)
{
    SCOPED_PTR(gref_golden_report) *r = NULL;
    CMD_TRY("golden", gref_golden_verify(&r, path, skip_self_test));
    print_rows(r);
    cmd_note_skipped("golden", skip_self_test);
    cmd_warn_untested("golden", path, r->untested);
    return r->n_differ > 0 || r->note[0] != '\0' ? CMD_DIFFERS : CMD_OK;
}

static int write_golden(const gref_case *c, const gref_golden_options *o)
{
    static const char *const said[] = {[GREF_GOLDEN_WRITTEN] = "written",
                                       [GREF_GOLDEN_UNCHANGED] =
                                           "agrees within its tolerances, left as it is",
                                       [GREF_GOLDEN_REPLACED] = "replaced"};
    SCOPED_PTR(gref_golden_report) *r = NULL;
    CMD_TRY("golden", gref_golden_write(&r, c, o));
    print_rows(r);
    printf("%s: %s\n", o->out != NULL ? o->out : o->dir, said[r->outcome]);
    cmd_note_skipped("golden", o->skip_self_test);
    return CMD_OK;
}

/* "gref golden blur.json --set noise.sigma=0.2": no folders, no machine. The caller frees it. */
static char *describe(const char *path, const option_list *sets, bool skip_self_test)
{
    const char *slash = strrchr(path, '/');
    size_t size = strlen(path) + 48;
    for (int k = 0; k < sets->n; k++)
        size += strlen(sets->item[k]) + 16;
    char *text = malloc(size);
    if (text == NULL)
        return NULL;
    size_t used = (size_t)snprintf(text, size, "gref golden %s", slash != NULL ? slash + 1 : path);
    for (int k = 0; k < sets->n; k++)
        used += (size_t)snprintf(text + used, size - used, " --set '%s'", sets->item[k]);
    if (skip_self_test)
        snprintf(text + used, size - used, " --no-self-test");
    return text;
}

/* What the options do not fit together in, as an exit code, or CMD_OK. */
static int complain(int operands, const char *verified, bool rewrite, const option_list *sets,
                    const gref_golden_options *o)
{
    if (verified != NULL)
        return operands > 0 || o->out != NULL || o->dir != NULL || rewrite || o->reason != NULL ||
                       sets->n > 0 || o->allow_dirty
                   ? cmd_complain(CMD_USAGE, "golden",
                                  "--verify FILE stands alone: it never writes")
                   : CMD_OK;
    if (operands == 0)
        return cmd_complain(CMD_USAGE, "golden",
                            "CASE is missing: gref golden CASE --out NAME.npz");
    if ((o->out == NULL) == (o->dir == NULL))
        return cmd_complain(CMD_USAGE, "golden", "%s: --out NAME.npz or --dir DIR",
                            o->out == NULL ? "where does it go?" : "one of the two, please");
    if (rewrite != (o->reason != NULL))
        return cmd_complain(CMD_USAGE, "golden", "--rewrite and --reason TEXT go together");
    return CMD_OK;
}

int cmd_golden(int argc, char **argv)
{
    gref_golden_options o = {0};
    SCOPED(option_list) sets = {0};
    const char *verified = NULL;
    bool rewrite = false;
    const option options[] = {
        OPTION_TEXT("out", "NAME.npz", &o.out, "the file to write"),
        OPTION_TEXT("dir", "DIR", &o.dir, "the folder to write: .npy files, and manifest.json"),
        OPTION_LIST("set", "KEY=VALUE", &sets, "override a key of the case; may be repeated"),
        OPTION_TEXT("verify", "FILE", &verified, "compute FILE (.npz or folder) again and compare"),
        OPTION_FLAG("rewrite", &rewrite, "replace what is there, if it differs; needs --reason"),
        OPTION_TEXT("reason", "TEXT", &o.reason, "why; goes into the history"),
        OPTION_FLAG("allow-dirty", &o.allow_dirty,
                    "accept a build with uncommitted changes; recorded"),
        OPTION_FLAG("no-self-test", &o.skip_self_test,
                    "do not test the BLAS first; the file says so"),
        {0},
    };
    const usage u = {
        .command = "golden",
        .arguments = "CASE --out NAME.npz | CASE --dir DIR | --verify FILE [options]",
        .about =
            "Writes everything needed to test an implementation of the samplers of a case without\n"
            "running this one: the problem, functions at fixed points, steps, laws, distances, and "
            "a\n"
            "trajectory with its noise, each with a tolerance (manifest.json). --verify computes "
            "a\n"
            "file again from the problem in it, and never writes: exit code 1 if anything differs.",
        .options = options,
        .max_operands = 1,
    };
    int n, code;
    SCOPED_PTR(gref_case) *c = NULL;
    SCOPED_MEM char *command = NULL;
    if (!options_parse(&u, argc, argv, &n, &code))
        return code;
    code = complain(n, verified, rewrite, &sets, &o);
    if (code != CMD_OK)
        return code;
    if (verified != NULL)
        return verify(verified, o.skip_self_test);
    o.command = command = describe(argv[0], &sets, o.skip_self_test);
    CMD_TRY("golden", gref_case_load(&c, argv[0], sets.item, sets.n));
    return write_golden(c, &o);
}
